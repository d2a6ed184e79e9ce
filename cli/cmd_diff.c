/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool diff: what two sources, or two moments of one, differ in.
 *
 * The second is opened when the first has been read and closed, so that two replays never stand in
 * memory at once.
 */
#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "diff_table.h"
#include "model/diff.h"
#include "model/jsondiff.h"
#include "model/source_at.h"
#include "run.h"
#include "screen.h"

enum {
	OPTION_BY,
	OPTION_ALL,
	OPTION_OWN,
	OPTION_TOP,
	OPTION_THRESHOLD,
	OPTION_JSON,
	OPTION_KEEP_GOING,
	OPTION_MEMORY,
};

static const struct cli_option options[] = {
	[OPTION_BY] = {'b', "by", "KEY",
		"compare by KEY: total, used, free, freelist, tail, requested, slack, headers, "
		"blocks, chunks or contexts"},
	[OPTION_ALL] = {'A', "all", NULL, "a line for each context, however many they are"},
	[OPTION_OWN] = {'o', "own", NULL, "count contexts alone, without what stands below them"},
	[OPTION_TOP] = {'n', "top", "N", "show the N greatest changes, with the lines above them"},
	[OPTION_THRESHOLD] = {'t', "threshold", "BYTES|PERCENT",
		"exit with status 4 where the whole of B is greater than that of A by more than "
		"this (64K, 5%)"},
	[OPTION_JSON] = {'j', "json", NULL, "print one JSON object, with every context"},
	[OPTION_KEEP_GOING] = {'k', "keep-going", NULL, "skip events in error, and count them"},
	[OPTION_MEMORY] = {'m', "memory", "BYTES", CLI_MEMORY_HELP},
	{0},
};

struct request {
	struct source_options source;
	struct diff_options diff;
	uint64_t top; /* 0: what fits the screen */
	bool json;
	const char *table_option; /* the last one given that JSON takes no heed of */
	const char *threshold;    /* as it was given; NULL: none */
	uint64_t bytes;           /* of it */
	double percent;           /* of it; negative: it is in bytes */
};

static int no_memory(void)
{
	cli_error("diff: out of memory");
	return CLI_SYSTEM;
}

/* ---- The two sides -------------------------------------------------------------------- */

/* Says what a side is, and whether it was taken as it stands. */
static void say_source(
	const struct source *source, const struct snapshot *snapshot, const char *side)
{
	const struct replay_counts *counts = source_counts(source);
	char text[SOURCE_TEXT], skipped[SIZE_TEXT + 32] = "", count[SIZE_TEXT];

	cli_progress_end();
	source_describe(source, snapshot, text);
	if (counts != NULL && counts->skipped > 0)
		snprintf(skipped, sizeof skipped, "; %s of its events skipped",
			size_count(count, counts->skipped, 0));
	cli_error("%s: %s%s", side, text, skipped);
}

static struct snapshot *take(
	const struct request *request, const char *argument, const char *side, int *status)
{
	struct source_error error = {0};
	struct source_point point;
	struct source *source = source_open_at(argument, &request->source, &point, &error);
	struct snapshot *snapshot = source != NULL ? source_snapshot(source, &point, &error) : NULL;

	if (snapshot != NULL) {
		say_source(source, snapshot, side);
	} else {
		cli_progress_end();
		*status = run_refuse(&error, "diff");
	}
	source_close(source);
	return snapshot;
}

/* ---- Printing ------------------------------------------------------------------------- */

/*
 * Takes lines away until the table fits: the messages that say what the sides are, the heading,
 * the sum, the last line and the prompt need a line each, and so does what says how much is left
 * out.
 */
static int fit_screen(struct diff *diff, const struct request *request)
{
	size_t room = (size_t)screen_lines() - 6;

	if (request->top > 0)
		return diff_limit(diff, request->top);
	if (request->diff.all || diff->n <= room)
		return 0;
	return diff_limit(diff, room - 1);
}

static int print_table(const struct request *request, struct diff *diff)
{
	struct page page = screen_page();

	if (fit_screen(diff, request) != 0)
		return no_memory();
	diff_table_print(&page, diff, screen_width());
	return CLI_DONE;
}

static int print_json(const struct diff *diff)
{
	int result;

	errno = 0;
	result = json_write_diff(stdout, diff);
	cli_look_at_output();
	return result != 0 && errno == ENOMEM ? no_memory() : CLI_DONE;
}

/* ---- The threshold -------------------------------------------------------------------- */

/* "64K", "5%" or "0.5%". */
static bool parse_threshold(struct request *request, const char *text)
{
	char *end;
	double percent = strtod(text, &end);

	request->threshold = text;
	request->percent = -1;
	if (*text < '0' || *text > '9')
		return false;
	if (strcmp(end, "%") != 0)
		return size_parse(text, &request->bytes) == 0;
	request->percent = percent;
	return text[strspn(text, "0123456789.")] == '%' && percent <= 1e9;
}

static bool exceeds(const struct request *request, const struct diff *diff)
{
	enum rows_key key = request->diff.key;
	struct diff_change change = diff_change(diff->totals, key);

	if (!change.known || change.less || change.by == 0)
		return false;
	if (request->percent < 0)
		return change.by > request->bytes;
	return (double)change.by * 100 > (double)diff->totals[DIFF_A].of[key] * request->percent;
}

static int judge(const struct request *request, const struct diff *diff)
{
	enum rows_key key = request->diff.key;
	unsigned flags = (cli_settings.bytes ? SIZE_EXACT : 0) | SIZE_DIGIT;
	char change[DIFF_TEXT], share[DIFF_TEXT];

	if (request->threshold == NULL)
		return CLI_DONE;
	if (!diff_change(diff->totals, key).known) {
		cli_error("diff: --threshold: %s is not known on both sides", rows_key_name(key));
		return CLI_REFUSED;
	}
	if (!exceeds(request, diff))
		return CLI_DONE;
	diff_share_text(share, diff->totals, key);
	cli_error("diff: %s: %s (%s), over the threshold of %s", rows_key_name(key),
		diff_change_text(change, diff->totals, key, flags), share, request->threshold);
	return CLI_LIMIT;
}

static int compare(const struct request *request, char **operands)
{
	int status = CLI_DONE, judged;
	struct snapshot *b = NULL, *a = take(request, operands[0], "A", &status);
	struct diff *diff = NULL;

	if (a != NULL)
		b = take(request, operands[1], "B", &status);
	if (b != NULL) {
		diff = diff_new(a, b, &request->diff);
		if (diff == NULL)
			status = no_memory();
	}
	if (diff != NULL) {
		status = request->json ? print_json(diff) : print_table(request, diff);
		judged = judge(request, diff);
		status = status == CLI_DONE ? judged : status;
	}
	diff_free(diff);
	snapshot_free(a);
	snapshot_free(b);
	return status;
}

/* ---- The command line ----------------------------------------------------------------- */

static int parse_table_option(struct request *request, const struct cli_args *args, int option)
{
	request->table_option = options[option].name;
	if (option == OPTION_ALL)
		request->diff.all = true;
	if (option == OPTION_OWN)
		request->diff.own = true;
	if (option == OPTION_TOP &&
		(!cli_parse_number(args->value, &request->top) || request->top == 0))
		return cli_usage(args, "--top=%s: expected a number from 1", args->value);
	return CLI_DONE;
}

static int parse_option(struct request *request, const struct cli_args *args, int option)
{
	switch (option) {
	case OPTION_BY:
		return run_parse_key(args, "by", ROWS_NAME, &request->diff.key);
	case OPTION_THRESHOLD:
		return parse_threshold(request, args->value)
			       ? CLI_DONE
			       : cli_usage(args,
					 "--threshold=%s: expected bytes as 64K, or a share as 5%%",
					 args->value);
	case OPTION_JSON:
		request->json = true;
		return CLI_DONE;
	case OPTION_KEEP_GOING:
		request->source.replay.keep_going = true;
		return CLI_DONE;
	case OPTION_MEMORY:
		return cli_parse_memory(args, &request->source.replay.memory);
	default:
		return parse_table_option(request, args, option);
	}
}

static bool is_standard_input(const char *operand)
{
	return operand[0] == '-' && (operand[1] == '\0' || operand[1] == '@');
}

/* The file that an operand names, with a moment behind its name or without. */
static bool find_file(const char *operand, struct stat *info)
{
	const char *at = strrchr(operand, '@');
	char path[PATH_MAX];

	if (stat(operand, info) == 0)
		return true;
	if (at == NULL || at - operand >= PATH_MAX)
		return false;
	snprintf(path, sizeof path, "%.*s", (int)(at - operand), operand);
	return stat(path, info) == 0;
}

/* The second to read a pipe would wait for what the first has taken. */
static bool is_same_pipe(const char *one, const char *other)
{
	struct stat a, b;

	return find_file(one, &a) && S_ISFIFO(a.st_mode) && find_file(other, &b) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int run_diff(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	struct request request = {
		.source = {
			.pid = -1, .progress = cli_settings.progress ? run_source_progress : NULL}};
	int option;

	while ((option = cli_next(&args)) >= 0) {
		int status = parse_option(&request, &args, option);

		if (status != CLI_DONE)
			return status;
	}
	if (option != CLI_STOP && args.n_operands < 2)
		return cli_usage(&args, "%s missing (memctx-tool diff --help)",
			args.n_operands == 0 ? "A and B are" : "B is");
	if (option == CLI_STOP || !cli_count_operands(&args, 2, 2))
		return args.status;
	if (request.json && request.table_option != NULL)
		return cli_usage(&args, "--%s is about the table; JSON has every context alone",
			request.table_option);
	if (is_standard_input(args.operands[0]) && is_standard_input(args.operands[1]))
		return cli_usage(&args, "standard input can be read only once; expected one file");
	if (is_same_pipe(args.operands[0], args.operands[1]))
		return cli_usage(&args, "%s: a pipe can be read only once; expected a file",
			args.operands[0]);
	request.diff.all |= request.json;
	request.diff.own |= request.json;
	return compare(&request, args.operands);
}

const struct command command_diff = {
	.name = "diff",
	.summary = "show what two sources, or two moments of one, differ in",
	.operands = "A B",
	.description =
		"Prints what grew, shrank, is new and is gone from A to B: each a trace, a JSON "
		"snapshot, or a live process (its id). Behind a trace's name may stand a moment: "
		"TRACE@6690 (after that event), TRACE@5.9ms, TRACE@peak, TRACE@end (as without "
		"one); a file of that very name comes first. @peak and @end alone are of the last "
		"replay.\n"
		"\n"
		"Contexts are matched by the names and idents on the path from the root, not by "
		"their ids. A and B are the totals, of a context with all that stands below it; "
		"then come the changes of the total, of the bytes asked for, and of the number of "
		"live chunks. Siblings come greatest change first, and three or more of one name "
		"share a line. What does not differ has no line.\n"
		"\n"
		"  memctx-tool diff trace.txt@1000 trace.txt@end\n"
		"  memctx-tool diff @peak @end\n"
		"  memctx-tool diff before.json 4711\n"
		"  memctx-tool diff --by=requested --threshold=2% old.trace@peak new.trace@peak\n"
		"\n"
		"The last is for a job that is to fail when a change costs memory: it exits with "
		"status 4 where the whole has grown by more than the threshold, and prints the "
		"same.",
	.options = options,
	.exec = run_diff,
};
