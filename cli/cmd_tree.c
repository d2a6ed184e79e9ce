/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool tree: the contexts of a source at one moment, as a table or as JSON.
 *
 * The table is made to fit the screen: the lines with the largest figures, with those above them.
 * JSON is the whole tree, whatever the screen.
 */
#include "cli.h"

#include <errno.h>
#include <string.h>

#include "model/json.h"
#include "model/rows.h"
#include "model/size.h"
#include "model/source.h"
#include "run.h"
#include "screen.h"
#include "set.h"
#include "tree_table.h"

enum {
	OPTION_AT,
	OPTION_ALL,
	OPTION_OWN,
	OPTION_GROUP,
	OPTION_DEPTH,
	OPTION_SORT,
	OPTION_TOP,
	OPTION_FILTER,
	OPTION_JSON,
	OPTION_FLAT,
	OPTION_PID,
	OPTION_KEEP_GOING,
	OPTION_MEMORY,
	OPTION_KIND,
	OPTION_SET,
};

static const struct cli_option options[] = {
	[OPTION_AT] = {'a', "at", "N|peak|end|TIME",
		"after event N, at the peak, at the end, or at a time of the trace (5.9ms)"},
	[OPTION_ALL] = {'A', "all", NULL, "a line for each context, however many they are"},
	[OPTION_OWN] = {'o', "own", NULL, "count contexts alone, without what stands below them"},
	[OPTION_GROUP] = {'g', "group", NULL, "sum by name over the whole tree"},
	[OPTION_DEPTH] = {'d', "depth", "N", "show N levels"},
	[OPTION_SORT] = {'s', "sort", "KEY",
		"sort by KEY: total, used, free, freelist, tail, requested, slack, headers, "
		"blocks, chunks, contexts or name"},
	[OPTION_TOP] = {'n', "top", "N", "show the N largest lines, with those above them"},
	[OPTION_FILTER] = {'f', "filter", "NAME",
		"show contexts with NAME in name or ident, and those above them"},
	[OPTION_JSON] = {'j', "json", NULL, "print the whole tree as one JSON object"},
	[OPTION_FLAT] = {0, "flat", NULL, "print the whole tree as JSON, one context a line"},
	[OPTION_PID] = {'p', "pid", "PID", "the live process PID"},
	[OPTION_KEEP_GOING] = {'k', "keep-going", NULL, "skip events in error, and count them"},
	[OPTION_MEMORY] = {'m', "memory", "BYTES", CLI_MEMORY_HELP},
	[OPTION_KIND] = {0, "kind", "KIND", SET_KIND_HELP},
	[OPTION_SET] = {0, "set", SET_ARGUMENT, SET_HELP},
	{0},
};

enum form { FORM_TABLE, FORM_NESTED, FORM_FLAT };

struct request {
	struct source_point point;
	struct source_options source;
	struct rows_options rows;
	uint64_t top; /* 0: what fits the screen */
	enum form form;
	const char *table_option; /* the last one given that JSON takes no heed of */
};

/* ---- Messages ------------------------------------------------------------------------- */

static int no_memory(void)
{
	cli_error("tree: out of memory");
	return CLI_SYSTEM;
}

static void say_skipped(uint64_t n, const char *why)
{
	char count[SIZE_TEXT];

	if (n > 0)
		cli_error("%s event%s of it skipped, %s", size_count(count, n, 0),
			n == 1 ? "" : "s", why);
}

/* Says what is shown, and what of the trace was not taken as it stands. */
static void say_source(const struct source *source, const struct snapshot *snapshot)
{
	const struct replay_counts *counts = source_counts(source);
	char text[SOURCE_TEXT];

	cli_progress_end();
	source_describe(source, snapshot, text);
	cli_error("%s", text);
	if (counts == NULL)
		return;
	uint64_t after_lost = counts->skips[REPLAY_SKIP_AFTER_LOST];
	say_skipped(counts->skipped - after_lost, "being in error");
	say_skipped(after_lost, "being of what lost events made");
}

/* Nothing lives: says where something does. */
static void say_nothing(const struct source *source)
{
	struct replay_moment peak;
	char event[SIZE_TEXT], contexts[SIZE_TEXT], total[SIZE_TEXT];

	if (source_peak(source, &peak) && peak.live_contexts > 0)
		cli_error("no context lives there; --at=peak shows %s context%s, %s (event %s)",
			size_count(contexts, peak.live_contexts, 0),
			peak.live_contexts == 1 ? "" : "s",
			size_text(total, peak.figures.total_bytes,
				cli_settings.bytes ? SIZE_EXACT : 0),
			size_count(event, peak.event, 0));
	else
		cli_error("no context lives there");
}

/* ---- Printing ------------------------------------------------------------------------- */

/*
 * Takes lines away until the table fits: the message that says what is shown, the heading, the
 * last line and the prompt need a line each, and so does what says how much is left out.
 */
static int fit_screen(struct rows *rows, const struct request *request)
{
	size_t room = (size_t)screen_lines() - 4 - (rows->deeper > 0);

	if (request->top > 0)
		return rows_limit(rows, request->top, request->rows.sort);
	if (request->rows.all || rows->n <= room)
		return 0;
	return rows_limit(rows, room - 1, request->rows.sort);
}

static int print_table(const struct request *request, const struct snapshot *snapshot)
{
	struct page page = screen_page();
	struct tree_table table = {.sort = request->rows.sort,
		.own = request->rows.own,
		.group = request->rows.group,
		.depth = request->rows.depth,
		.width = screen_width()};
	struct rows *rows = rows_new(snapshot, &request->rows);

	if (rows == NULL || fit_screen(rows, request) != 0) {
		rows_free(rows);
		return no_memory();
	}
	if (rows->n == 0)
		cli_error("no context has \"%s\" in its name or ident", request->rows.filter);
	else
		tree_table_print(&page, rows, &table);
	rows_free(rows);
	return CLI_DONE;
}

static int print_json(const struct request *request, const struct snapshot *snapshot)
{
	int result;

	if (request->form == FORM_NESTED && !json_nests(snapshot)) {
		cli_error("tree: over %d levels are too deep for nested JSON; --flat prints them, "
			  "one context a line",
			JSON_LEVELS);
		return CLI_REFUSED;
	}
	errno = 0;
	result = request->form == FORM_NESTED ? json_write_nested(stdout, snapshot)
					      : json_write_flat(stdout, snapshot);
	cli_look_at_output();
	return result != 0 && errno == ENOMEM ? no_memory() : CLI_DONE;
}

static int show(const struct request *request, const char *argument)
{
	struct source_error error = {0};
	struct source *source = source_open(argument, &request->source, &error);
	struct snapshot *snapshot = NULL;
	int status;

	if (source != NULL && !set_fits("tree", source_kind(source) == SOURCE_TRACE)) {
		source_close(source);
		return CLI_USAGE;
	}
	if (source != NULL)
		snapshot = source_snapshot(source, &request->point, &error);
	if (snapshot == NULL) {
		cli_progress_end();
		source_close(source);
		return run_refuse(&error, "tree");
	}
	say_source(source, snapshot);
	if (snapshot->n == 0)
		say_nothing(source);
	if (request->form != FORM_TABLE)
		status = print_json(request, snapshot);
	else
		status = snapshot->n > 0 ? print_table(request, snapshot) : CLI_DONE;
	if (RUN_FREES_ALL) {
		snapshot_free(snapshot);
		source_close(source);
	}
	return status;
}

/* ---- The command line ----------------------------------------------------------------- */

/* Options about the source, and the form. */
static int parse_source_option(struct request *request, const struct cli_args *args, int option)
{
	pid_t pid;

	switch (option) {
	case OPTION_AT:
		return source_parse_point(args->value, &request->point)
			       ? CLI_DONE
			       : cli_usage(args,
					 "--at=%s: expected an event number, peak, end, or a time "
					 "as 5.9ms",
					 args->value);
	case OPTION_PID:
		if (!cli_parse_pid(args->value, &pid))
			return cli_usage(args, "--pid=%s: expected a process id", args->value);
		request->source.pid = pid;
		return CLI_DONE;
	case OPTION_MEMORY:
		return cli_parse_memory(args, &request->source.replay.memory);
	case OPTION_KEEP_GOING:
		request->source.replay.keep_going = true;
		return CLI_DONE;
	case OPTION_KIND:
	case OPTION_SET:
		return set_take(args, options[option].name, &request->source.replay);
	default:
		request->form = option == OPTION_JSON ? FORM_NESTED : FORM_FLAT;
		return CLI_DONE;
	}
}

/* Options about the table. */
static int parse_table_option(struct request *request, const struct cli_args *args, int option)
{
	uint64_t number = 0;

	request->table_option = options[option].name;
	switch (option) {
	case OPTION_ALL:
		request->rows.all = true;
		return CLI_DONE;
	case OPTION_OWN:
		request->rows.own = true;
		return CLI_DONE;
	case OPTION_GROUP:
		request->rows.group = true;
		return CLI_DONE;
	case OPTION_FILTER:
		request->rows.filter = args->value;
		return CLI_DONE;
	case OPTION_SORT:
		return run_parse_key(args, "sort", ROWS_KEYS, &request->rows.sort);
	default:
		if (!cli_parse_number(args->value, &number) || number == 0 || number > UINT32_MAX)
			return cli_usage(args, "--%s=%s: expected a number from 1",
				options[option].name, args->value);
		if (option == OPTION_TOP)
			request->top = number;
		else
			request->rows.depth = (uint32_t)number;
		return CLI_DONE;
	}
}

static bool is_table_option(int option)
{
	return option >= OPTION_ALL && option <= OPTION_FILTER;
}

static int check_options(const struct request *request, const struct cli_args *args)
{
	if (request->form != FORM_TABLE && request->table_option != NULL)
		return cli_usage(args, "--%s is about the table; JSON is the whole tree",
			request->table_option);
	if (request->rows.group && request->rows.depth != 0)
		return cli_usage(args, "--group has no levels; expected it without --depth");
	if (request->source.pid >= 0 && args->n_operands > 0)
		return cli_usage(args, "expected --pid or a SOURCE, not both");
	return CLI_DONE;
}

static int run_tree(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	struct request request = {
		.source = {
			.pid = -1, .progress = cli_settings.progress ? run_source_progress : NULL}};
	int option, status;

	while ((option = cli_next(&args)) >= 0) {
		status = is_table_option(option) ? parse_table_option(&request, &args, option)
						 : parse_source_option(&request, &args, option);
		if (status != CLI_DONE)
			return status;
	}
	if (option == CLI_STOP || !cli_count_operands(&args, 0, 1))
		return args.status;
	status = check_options(&request, &args);
	if (status != CLI_DONE)
		return status;
	return show(&request, args.n_operands > 0 ? args.operands[0] : NULL);
}

const struct command command_tree = {
	.name = "tree",
	.summary = "show the tree of contexts and what they hold",
	.operands = "[SOURCE]",
	.description =
		"Prints a table of the contexts of SOURCE: a trace, a JSON snapshot, a live "
		"process (its id; ./123 is a file), or where none is given the outcome of the last "
		"replay, or else the one live process. A line counts a context with all "
		"that stands below it; siblings come largest first, and three or more of one name "
		"share a line.\n"
		"\n"
		"  memctx-tool tree --at=peak traces/pg_pgbench.trace\n"
		"  memctx-tool tree --group --sort=slack\n"
		"  memctx-tool tree --json traces/pg_pgbench.trace > now.json\n"
		"  memctx-tool tree 4711\n"
		"\n"
		"TOTAL is what was taken from the system, of it FREELIST lies on freelists, TAIL "
		"was never carved, and USED is the rest. As many lines are shown as the screen has "
		"room for, those with the largest figures.",
	.options = options,
	.exec = run_tree,
};
