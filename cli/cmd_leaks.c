/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool leaks: what a trace makes and never gives back.
 *
 * The trace is judged as by `check`, without an allocator: only what was asked for counts here.
 */
#include "cli.h"

#include <errno.h>
#include <string.h>

#include "leaks_table.h"
#include "model/jsonleaks.h"
#include "model/leaks.h"
#include "model/replay_look.h"
#include "model/size.h"
#include "run.h"
#include "screen.h"

enum {
	OPTION_TOP,
	OPTION_ALL,
	OPTION_JSON,
	OPTION_KEEP_GOING,
};

static const struct cli_option options[] = {
	[OPTION_TOP] = {'n', "top", "N", "show the N greatest (without it, what fits the screen)"},
	[OPTION_ALL] = {'A', "all", NULL,
		"show everything that lives at the end, suspected or not"},
	[OPTION_JSON] = {'j', "json", NULL, "print one JSON object, with every sample"},
	[OPTION_KEEP_GOING] = {'k', "keep-going", NULL, "skip events in error, and count them"},
	{0},
};

/* Events between two lines of progress. */
enum { STEP = 500000 };

struct request {
	uint64_t top;
	bool all, json;
};

static int no_memory(const struct run *run)
{
	cli_system_error(run->path, ENOMEM);
	return CLI_SYSTEM;
}

static void show_progress(const struct run *run, uint64_t events)
{
	if (cli_settings.progress && events % STEP == 0)
		run_source_progress(NULL, replay_counts(run->replay), trace_position(run->reader),
			trace_length(run->reader));
}

/* Replays the trace, and has LEAKS see each event that was applied.  As replay_run(). */
static int watch(struct run *run, struct leaks *leaks, struct replay_error *error)
{
	const struct trace_event *event;
	int got;

	while ((got = replay_peek(run->replay, &event, error)) == 1) {
		/* Lines in error may have been left behind until now. */
		struct replay_progress before = replay_progress(run->replay), now;

		if (replay_run(run->replay, before.events + 1, UINT64_MAX, error) < 0)
			return -1;
		now = replay_progress(run->replay);
		if (now.skipped == before.skipped && leaks_note(leaks, event, now.events) != 0) {
			*error = (struct replay_error){.status = CLI_SYSTEM};
			snprintf(error->message, sizeof error->message, "out of memory");
			return -1;
		}
		show_progress(run, now.events);
	}
	cli_progress_end();
	return got;
}

static int print(const struct request *request, const struct leaks *leaks,
	const struct leaks_report *report, const char *path)
{
	struct page page = screen_page();
	struct leaks_table table = {.path = cli_path_name(path),
		.all = request->all,
		.top = request->top,
		.lines = screen_lines()};

	if (!request->json) {
		leaks_table_print(&page, leaks, report, &table);
		return 0;
	}
	errno = 0;
	if (json_write_leaks(stdout, leaks, report, path) != 0 && errno == ENOMEM)
		return -1;
	cli_look_at_output();
	return 0;
}

static void say_skipped(const struct run *run)
{
	uint64_t skipped = replay_progress(run->replay).skipped;
	char count[SIZE_TEXT];

	if (skipped > 0)
		cli_error("%s event%s skipped", size_count(count, skipped, 0),
			skipped == 1 ? "" : "s");
}

static int look(struct run *run, struct leaks *leaks, const struct request *request)
{
	struct replay_error error = {0};
	struct leaks_report report;
	int got = watch(run, leaks, &error);

	run_say_unknown_key(run);
	if (got < 0) {
		cli_progress_end();
		run_say_error(run, error.line, error.column, error.message);
		return error.status;
	}
	say_skipped(run);
	if (leaks_judge(leaks, &report) != 0 || print(request, leaks, &report, run->path) != 0)
		return no_memory(run);
	return CLI_DONE;
}

static int parse_option(
	struct request *request, struct run *run, const struct cli_args *args, int option)
{
	switch (option) {
	case OPTION_TOP:
		if (!cli_parse_number(args->value, &request->top) || request->top == 0)
			return cli_usage(args, "--top=%s: expected a number from 1", args->value);
		return CLI_DONE;
	case OPTION_ALL:
		request->all = true;
		return CLI_DONE;
	case OPTION_JSON:
		request->json = true;
		return CLI_DONE;
	default:
		run->options.keep_going = true;
		return CLI_DONE;
	}
}

static int run_leaks(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	struct run run = RUN_INIT;
	struct request request = {0};
	struct leaks *leaks;
	int option, status;

	while ((option = cli_next(&args)) >= 0) {
		status = parse_option(&request, &run, &args, option);
		if (status != CLI_DONE)
			return status;
	}
	if (option == CLI_STOP || !cli_count_operands(&args, 1, 1))
		return args.status;
	run.path = args.operands[0];
	run.options.dry = true;
	leaks = leaks_new();
	status = leaks != NULL ? run_open(&run) : no_memory(&run);
	if (status == CLI_DONE)
		status = look(&run, leaks, &request);
	run_end(&run);
	leaks_free(leaks);
	return status;
}

const struct command command_leaks = {
	.name = "leaks",
	.summary = "find what a trace makes and never gives back",
	.operands = "TRACE",
	.description =
		"Looks for what grew all through TRACE: chunks of one size class in contexts of "
		"one path, or the contexts of a path themselves. The run is divided into equal "
		"parts; what is suspected was made in at least a third of them and still lives "
		"at the end. The first quarter does not count, since caches warm up there, nor "
		"does the last part, whose chunks may be in use.\n"
		"\n"
		"The greatest comes first: by the bytes that stayed, less where they came "
		"unsteadily. BORN IN says in how many of the parts looked at something was made "
		"that still lives, KEPT how many of all that were made live. Below stand the "
		"number that lived along the run, what is added to it in a part, the bytes in a "
		"thousand events, and the age of the oldest.\n"
		"\n"
		"  memctx-tool leaks trace.txt\n"
		"  xzcat big.trace.xz | memctx-tool leaks --json - | jq '.leaks[0]'\n"
		"\n"
		"One pass is enough, and what is held is proportional to what lives. Chunks of "
		"base lines are left out.",
	.options = options,
	.exec = run_leaks,
};
