/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool compare: one trace through several kinds of context, in one table.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compare_table.h"
#include "model/compare.h"
#include "model/jsoncompare.h"
#include "run.h"
#include "screen.h"

enum { OPTION_JSON, OPTION_KEEP_GOING, OPTION_MEMORY, OPTION_SECONDS };
enum { ROWS_MOST = 32 };

static const struct cli_option options[] = {
	[OPTION_JSON] = {'j', "json", NULL, "print one JSON object"},
	[OPTION_KEEP_GOING] = {'k', "keep-going", NULL, "leave out events in error"},
	[OPTION_MEMORY] = {'m', "memory", "BYTES",
		"most memory that the contexts may take (suffix K, M, G)"},
	[OPTION_SECONDS] = {'s', "seconds", "N", "measure time for about N seconds (3)"},
	{0},
};

struct request {
	struct run run;
	struct compare_row *rows;
	size_t n;
	double seconds;
	bool json;
};

/* One row: settings with ; between them.  False: the reason was said. */
static bool parse_row(const struct cli_args *args, const char *text, struct compare_row *row)
{
	char copy[sizeof row->label], message[SETTING_TEXT], *rest = copy, *part;

	if (strlen(text) >= sizeof copy) {
		cli_usage(args, "\"%.40s…\" is too long", text);
		return false;
	}
	strcpy(row->label, text);
	strcpy(copy, text);
	while ((part = strsep(&rest, ";")) != NULL) {
		if (row->nsettings == COMPARE_SETS ||
			!setting_parse(part, &row->settings[row->nsettings], message)) {
			cli_usage(args, "%s",
				row->nsettings == COMPARE_SETS ? "too many settings in one row"
							       : message);
			return false;
		}
		row->nsettings++;
	}
	return true;
}

static bool parse_rows(const struct cli_args *args, struct request *request)
{
	if (args->n_operands == 1) {
		for (size_t i = 0; setting_kind_name(i) != NULL; i++)
			if (!parse_row(args, setting_kind_name(i), &request->rows[request->n++]))
				return false;
		return true;
	}
	if (args->n_operands - 1 > ROWS_MOST) {
		cli_usage(args, "expected at most %d kinds and settings", ROWS_MOST);
		return false;
	}
	for (int i = 1; i < args->n_operands; i++) {
		struct compare_row *row = &request->rows[request->n++];

		if (strcmp(args->operands[i], "own") == 0)
			strcpy(row->label, "own");
		else if (!parse_row(args, args->operands[i], row))
			return false;
	}
	return true;
}

static int parse_options(struct cli_args *args, struct request *request)
{
	uint64_t seconds;
	int option;

	while ((option = cli_next(args)) >= 0) {
		switch (option) {
		case OPTION_JSON:
			request->json = true;
			break;
		case OPTION_KEEP_GOING:
			request->run.options.keep_going = true;
			break;
		case OPTION_MEMORY:
			if (cli_parse_memory(args, &request->run.options.memory) != CLI_DONE)
				return CLI_USAGE;
			break;
		case OPTION_SECONDS:
			if (!cli_parse_number(args->value, &seconds) || seconds > 3600)
				return cli_usage(args,
					"--seconds=%s: expected a whole number, at most 3600",
					args->value);
			request->seconds = (double)seconds;
			break;
		}
	}
	if (option == CLI_STOP || !cli_count_operands(args, 1, -1))
		return args->status;
	request->run.path = args->operands[0];
	return parse_rows(args, request) ? -1 : CLI_USAGE;
}

static void say_progress(const char *what)
{
	cli_progress("measuring %s", what);
}

static int print(const struct request *request, const struct script *script)
{
	struct page page = screen_page();
	int result;

	if (!request->json) {
		compare_table_print(&page, request->run.path, script, request->rows, request->n);
		return CLI_DONE;
	}
	errno = 0;
	result = json_write_compare(stdout, request->run.path, script, request->rows, request->n);
	cli_look_at_output();
	if (result == 0 || errno != ENOMEM)
		return CLI_DONE;
	cli_error("compare: out of memory");
	return CLI_SYSTEM;
}

static int compare(struct request *request)
{
	struct script *script;
	int status = run_read_script(&request->run, &script);

	if (status != CLI_DONE)
		return status;
	compare_rows(script, request->rows, request->n, request->seconds,
		cli_settings.progress ? say_progress : NULL);
	cli_progress_end();
	status = print(request, script);
	script_free(script);
	return status;
}

static int run_compare(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	struct request request = {.run = RUN_INIT, .seconds = 3};
	int status;

	request.rows = calloc(ROWS_MOST, sizeof *request.rows);
	if (request.rows == NULL) {
		cli_error("compare: out of memory");
		return CLI_SYSTEM;
	}
	status = parse_options(&args, &request);
	if (status < 0)
		status = compare(&request);
	free(request.rows);
	return status;
}

const struct command command_compare = {
	.name = "compare",
	.summary = "one trace through several kinds and sizes, in one table",
	.operands = "TRACE [KIND|SETTING]...",
	.description =
		"Runs TRACE through each KIND (aset, fine, slab, generation, bump, malloc, stl, "
		"pyint; all of them where none is given), or with each SETTING, and prints a line "
		"for each: the time of an operation (median and quartiles of runs that take turns; "
		"the cost of reading the trace is not in it), the total at the peak, what was "
		"asked for then and what else took the rest, the blocks asked of the system over "
		"the whole trace, and the memory that was resident at the peak with every chunk "
		"written. Time and total come relative to the first line, too.\n"
		"\n"
		"A SETTING is PATTERN:KEY=VALUE,... as of replay --set; several with ; between "
		"them make one line. own is the trace as it is.\n"
		"\n"
		"What a bump cannot free stays: it is counted as unfreed. A slab has chunks of 64 "
		"bytes unless the trace or a setting says otherwise; what is larger has a block of "
		"its own. stl and pyint are pools of old, one a context, measured beside the "
		"library's kinds: in time and resident memory as they were, with nothing counted "
		"in them and nothing kept to look into them. What they have from the system is "
		"freed chunk by chunk at a reset.\n"
		"\n"
		"  memctx-tool compare traces/pg_pgbench.trace\n"
		"  memctx-tool compare traces/python.trace own fine '*:init=1K,max=32K'\n",
	.options = options,
	.exec = run_compare,
};
