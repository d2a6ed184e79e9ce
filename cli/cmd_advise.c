/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool advise: which kinds and sizes would save memory without costing time.
 */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/advise.h"
#include "model/display.h"
#include "model/jsonadvise.h"
#include "model/size.h"
#include "page.h"
#include "run.h"
#include "screen.h"

enum { OPTION_JSON, OPTION_SLOWER, OPTION_KEEP_GOING, OPTION_MEMORY };
enum { NAME = 26 };

static const struct cli_option options[] = {
	[OPTION_JSON] = {'j', "json", NULL, "print one JSON object"},
	[OPTION_SLOWER] = {'s', "slower", "PERCENT",
		"accept what takes so much more time (5); any: don't measure time"},
	[OPTION_KEEP_GOING] = {'k', "keep-going", NULL, "leave out events in error"},
	[OPTION_MEMORY] = {'m', "memory", "BYTES",
		"most memory that the contexts may take (suffix K, M, G)"},
	{0},
};

static int take_slower(const struct cli_args *args, struct advise *advise)
{
	uint64_t percent;

	if (strcmp(args->value, "any") == 0) {
		advise->slower = 0;
		return CLI_DONE;
	}
	if (!cli_parse_number(args->value, &percent) || percent > 10000)
		return cli_usage(args, "--slower=%s: expected percent, or any", args->value);
	advise->slower = 1 + (double)percent / 100;
	return CLI_DONE;
}

static int parse_options(struct cli_args *args, struct run *run, struct advise *advise, bool *json)
{
	int option, status = CLI_DONE;

	while ((option = cli_next(args)) >= 0) {
		if (option == OPTION_JSON)
			*json = true;
		else if (option == OPTION_SLOWER)
			status = take_slower(args, advise);
		else if (option == OPTION_KEEP_GOING)
			run->options.keep_going = true;
		else
			status = cli_parse_memory(args, &run->options.memory);
		if (status != CLI_DONE)
			return status;
	}
	if (option == CLI_STOP || !cli_count_operands(args, 1, 1))
		return args->status;
	run->path = args->operands[0];
	return -1;
}

static void say_progress(const char *name)
{
	cli_progress("trying sizes and kinds for %s", name);
}

/* ---- Printing ------------------------------------------------------------------------- */

static void size(struct page *page, int width, int64_t bytes)
{
	char text[SIZE_TEXT], signed_text[SIZE_TEXT + 1];
	uint64_t magnitude = bytes < 0 ? (uint64_t)0 - (uint64_t)bytes : (uint64_t)bytes;

	snprintf(signed_text, sizeof signed_text, "%s%s", bytes < 0 ? "-" : "",
		size_text(text, magnitude, page_size_flags(page)));
	page_right(page, width, signed_text);
}

static void print_time(struct page *page, const struct advise *advise, double ratio)
{
	char text[SIZE_TEXT] = "-";

	if (advise->slower > 0)
		snprintf(text, sizeof text, "%.2f", ratio);
	page_right(page, 7, text);
}

static void print_advice(
	struct page *page, const struct advise *advise, const struct advice *advice)
{
	char text[PAGE_TEXT];

	page_left(page, NAME, page_name(page, text, advice->name, NAME));
	page_right(page, 9, size_count(text, advice->contexts, page_size_flags(page)));
	size(page, 12, (int64_t)advice->total);
	size(page, 12, (int64_t)advice->predicted);
	size(page, 12, advice->confirmed);
	print_time(page, advise, advice->time);
	page_newline(page);
}

/* TEXT in quotes that a shell takes off again, each byte that a terminal may not get as $'\xHH'. */
static void quote(char *to, const char *text)
{
	char shown[DISPLAY_SIZE(SETTING_TEXT * 4)];
	bool harmless;

	display_fit(shown, text, SETTING_TEXT * 4, cli_settings.utf8 ? 0 : DISPLAY_ASCII);
	harmless = strcmp(shown, text) == 0;
	to = stpcpy(to, harmless ? "'" : "$'");
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (harmless && byte == '\'')
			to = stpcpy(to, "'\\''");
		else if (!harmless && (byte <= ' ' || byte > '~' || byte == '\'' || byte == '\\'))
			to += sprintf(to, "\\x%02x", byte);
		else
			*to++ = *text;
	}
	stpcpy(to, "'");
}

static void print_argument(struct page *page, const struct setting *setting)
{
	char text[SETTING_TEXT], quoted[SETTING_TEXT * 4 + sizeof "$''"];

	setting_text(setting, text);
	quote(quoted, text);
	page_left(page, 0, "  --set ");
	page_left(page, 0, quoted);
}

/* What would save most and is too slow, and how to have it. */
static void print_passed(struct page *page, const struct advise *advise)
{
	const struct advice *passed = &advise->passed;
	char text[PAGE_TEXT], number[SIZE_TEXT];

	if (passed->confirmed <= 0)
		return;
	snprintf(text, sizeof text, "Passed over: %s less, but %.2f times as long",
		size_text(number, (uint64_t)passed->confirmed, page_size_flags(page)),
		passed->time);
	page_left(page, 0, text);
	/* Some percent more, since times differ from run to run. */
	snprintf(text, sizeof text, "(--slower %.0f takes it):", passed->time * 100 - 95);
	page_flow(page, 0, " ", text);
	page_newline(page);
	print_argument(page, &passed->setting);
	page_newline(page);
}

static void print_table(struct page *page, const struct advise *advise)
{
	page_newline(page);
	page_colored(page, PAGE_BOLD,
		"NAME                       CONTEXTS       TAKES   PREDICTED   CONFIRMED   TIME");
	page_newline(page);
	for (size_t i = 0; i < advise->n; i++)
		print_advice(page, advise, &advise->list[i]);
	page_left(page, NAME + 9 + 12 + 12, "all together");
	size(page, 12, advise->together);
	print_time(page, advise, advise->together_time);
	page_newline(page);
	page_left(
		page, 0, "TAKES: at the peak. PREDICTED: less there. CONFIRMED: less at the peak");
	page_newline(page);
	page_left(page, 0, "of the whole trace, run with it. TIME: of that run, relative to now.");
	page_newline(page);
	page_newline(page);
}

static void print(struct page *page, const struct run *run, const struct advise *advise)
{
	char text[PAGE_TEXT], total[SIZE_TEXT], event[SIZE_TEXT];

	page_left(page, 0, page_name(page, text, cli_path_name(run->path), PAGE_NAME));
	snprintf(text, sizeof text, "the peak is %s, at event %s",
		size_text(total, advise->peak_total, page_size_flags(page)),
		size_count(event, advise->peak_event, SIZE_DIGIT));
	page_flow(page, 2, ": ", text);
	page_newline(page);
	if (advise->n == 0) {
		page_left(page, 0, "Nothing that was tried saves memory worth speaking of");
		page_left(page, 0, advise->passed.confirmed > 0 ? " without costing time." : ".");
		page_newline(page);
		print_passed(page, advise);
		return;
	}
	print_table(page, advise);
	page_left(page, 0, "In this order, as arguments of replay, tree, events and tui:");
	page_newline(page);
	for (size_t i = 0; i < advise->n; i++) {
		print_argument(page, &advise->list[i].setting);
		page_newline(page);
	}
	print_passed(page, advise);
}

static int print_json(
	const struct run *run, const struct script *script, const struct advise *advise)
{
	int result;

	errno = 0;
	result = json_write_advise(stdout, run->path, script, advise);
	cli_look_at_output();
	if (result == 0 || errno != ENOMEM)
		return CLI_DONE;
	cli_error("advise: out of memory");
	return CLI_SYSTEM;
}

static int look_for_advice(struct run *run, struct advise *result, bool json)
{
	struct page page;
	struct script *script;
	int status = run_read_script(run, &script);

	if (status != CLI_DONE)
		return status;
	result->progress = cli_settings.progress ? say_progress : NULL;
	status = advise(result, script) == 0 ? CLI_DONE : CLI_SYSTEM;
	cli_progress_end();
	if (status != CLI_DONE) {
		cli_error("advise: out of memory");
	} else if (json) {
		status = print_json(run, script, result);
	} else {
		page = screen_page();
		print(&page, run, result);
	}
	script_free(script);
	return status;
}

static int run_advise(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	struct run run = RUN_INIT;
	struct advise result = {.slower = 1.05, .share = 0.01};
	bool json = false;
	int status = parse_options(&args, &run, &result, &json);

	return status < 0 ? look_for_advice(&run, &result, json) : status;
}

const struct command command_advise = {
	.name = "advise",
	.summary = "say which kinds and sizes would save memory",
	.operands = "TRACE",
	.description =
		"For each name of contexts that has a hundredth of the peak or more, tries kinds "
		"(fine classes, generation; slab where all chunks have one size, bump where none "
		"is freed) and sizes of blocks on the contexts of that name alone, up to the peak, "
		"and takes what saves most there: PREDICTED. Then the whole trace is run with it: "
		"CONFIRMED is what its peak has less, which is not the same where the peak "
		"moves, and TIME how long it takes, relative to now. What takes 5 percent longer "
		"or more is passed over, for the next best; and so is what makes all together take "
		"longer.\n"
		"\n"
		"The settings are printed once more as arguments to paste.\n"
		"\n"
		"  memctx-tool advise traces/pg_pgbench.trace\n",
	.options = options,
	.exec = run_advise,
};
