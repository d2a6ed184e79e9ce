/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool check: whether a trace is valid, by a replay that allocates nothing.
 */
#include "cli.h"

#include <stdio.h>

#include "model/size.h"
#include "run.h"

enum { OPTION_KEEP_GOING };

static const struct cli_option options[] = {
	[OPTION_KEEP_GOING] = {'k', "keep-going", NULL, "say every error, not only the first"},
	{0},
};

static void print_counted(uint64_t n, const char *what)
{
	char number[SIZE_TEXT];

	printf("%s %s%s", size_count(number, n, SIZE_DIGIT), what, n == 1 ? "" : "s");
}

/* "1,023 bytes", "1.5K". */
static void print_bytes(uint64_t bytes)
{
	char size[SIZE_TEXT];

	if (cli_settings.bytes || bytes < 1024)
		print_counted(bytes, "byte");
	else
		fputs(size_text(size, bytes, 0), stdout);
}

/* The most that lived at once, each figure at its own time. */
static void print_most(const struct replay_counts *counts)
{
	if (counts->peak_live_chunks == SNAPSHOT_UNKNOWN ||
		counts->peak_requested_bytes == SNAPSHOT_UNKNOWN) {
		fputs("more live at once than 64 bits can count", stdout);
	} else if (counts->peak_live_chunks == 0) {
		fputs("no chunk", stdout);
	} else {
		fputs("at most ", stdout);
		print_counted(counts->peak_live_chunks, "live chunk");
		fputs(" and ", stdout);
		print_bytes(counts->peak_requested_bytes);
		fputs(" asked for", stdout);
	}
}

/* What was passed over behind lost lines, where the format allows it. */
static void print_lost(const struct replay_counts *counts)
{
	if (counts->lost == 0)
		return;
	fputs("; ", stdout);
	if (counts->lost == SNAPSHOT_UNKNOWN)
		fputs("more lost than 64 bits can count", stdout);
	else
		print_counted(counts->lost, "event");
	fputs(counts->lost == SNAPSHOT_UNKNOWN ? ", " : " lost, ", stdout);
	print_counted(counts->skipped, "event");
	fputs(" skipped for it", stdout);
}

static void print_summary(const struct run *run)
{
	const struct replay_counts *counts = replay_counts(run->replay);

	printf("%s: valid: ", cli_path_name(run->path));
	if (counts->events == 0) {
		fputs("no event", stdout);
	} else {
		print_counted(counts->events, "event");
		fputs(", ", stdout);
		print_counted(counts->contexts_created, "context");
		fputs(", ", stdout);
		print_most(counts);
	}
	print_lost(counts);
	putchar('\n');
}

/* Events of what lost ones made are skipped, and in order. */
static bool has_errors(const struct replay_counts *counts)
{
	return counts->skipped > counts->skips[REPLAY_SKIP_AFTER_LOST];
}

static void say_error(const struct replay_error *error, void *arg)
{
	const struct run *run = arg;

	run_say_error(run, error->line, error->column, error->message);
}

static int run_check(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	struct run run = RUN_INIT;
	int option;

	run.options = (struct replay_options){.dry = true, .on_skip = say_error, .arg = &run};
	while ((option = cli_next(&args)) >= 0)
		run.options.keep_going = true;
	if (option == CLI_STOP || !cli_count_operands(&args, 1, 1))
		return args.status;
	run.path = args.operands[0];
	int status = run_trace(&run);
	if (status == CLI_DONE && has_errors(replay_counts(run.replay)))
		status = CLI_REFUSED;
	else if (status == CLI_DONE)
		print_summary(&run);
	run_end(&run);
	return status;
}

const struct command command_check = {
	.name = "check",
	.summary = "say whether a trace is valid",
	.operands = "TRACE",
	.description =
		"Judges every line of TRACE as replay does, without allocating anything. A valid "
		"trace gets one line with what it holds, and status 0; otherwise each error is a "
		"line FILE:LINE:COLUMN with what was expected, and the status is 1.\n"
		"\n"
		"  memctx-tool check traces/trace.txt\n"
		"  memctx-tool check --keep-going broken.trace\n",
	.options = options,
	.exec = run_check,
};
