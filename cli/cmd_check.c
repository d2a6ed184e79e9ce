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

static void print_summary(const struct run *run)
{
	const struct replay_counts *counts = replay_counts(run->replay);
	unsigned flags = SIZE_DIGIT | (cli_settings.bytes ? SIZE_EXACT : 0);
	char size[SIZE_TEXT];

	printf("%s: valid: ", cli_path_name(run->path));
	print_counted(counts->events, "event");
	fputs(", ", stdout);
	print_counted(counts->contexts_created, "context");
	fputs(", at most ", stdout);
	print_counted(counts->peak_live_chunks, "live chunk");
	printf(" and %s asked for\n", size_text(size, counts->peak_requested_bytes, flags));
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
	if (status == CLI_DONE && replay_counts(run.replay)->skipped == 0)
		print_summary(&run);
	else if (status == CLI_DONE)
		status = CLI_REFUSED;
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
