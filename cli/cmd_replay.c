/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool replay: applies a trace to real contexts and reports.
 *
 * A replay that stops at an error prints no report: half of one would mislead.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/json.h"
#include "model/replay.h"
#include "model/state.h"
#include "report.h"
#include "run.h"
#include "set.h"

enum {
	OPTION_JSON,
	OPTION_KEEP_GOING,
	OPTION_MEMORY,
	OPTION_UNTIL,
	OPTION_ALL,
	OPTION_KIND,
	OPTION_SET,
};

static const struct cli_option options[] = {
	[OPTION_JSON] = {'j', "json", NULL, "print the report as one JSON object"},
	[OPTION_KEEP_GOING] = {'k', "keep-going", NULL, "skip events in error, and count them"},
	[OPTION_MEMORY] = {'m', "memory", "BYTES",
		"most memory that the contexts may take (suffix K, M, G); without it, what the "
		"machine has"},
	[OPTION_UNTIL] = {'u', "until", "N",
		"stop after event N, or at a time of the trace (suffix ns, us, ms, s)"},
	[OPTION_ALL] = {'a', "all", NULL, "list every context, not only the largest"},
	[OPTION_KIND] = {0, "kind", "KIND", SET_KIND_HELP},
	[OPTION_SET] = {0, "set", SET_ARGUMENT, SET_HELP},
	{0},
};

static int parse_options(struct cli_args *args, struct run *run, bool *json, bool *all)
{
	int option;

	while ((option = cli_next(args)) >= 0) {
		switch (option) {
		case OPTION_JSON:
			*json = true;
			break;
		case OPTION_KEEP_GOING:
			run->options.keep_going = true;
			break;
		case OPTION_MEMORY:
			if (cli_parse_memory(args, &run->options.memory) != CLI_DONE)
				return CLI_USAGE;
			break;
		case OPTION_UNTIL:
			if (!run_parse_until(args->value, run))
				return cli_usage(args,
					"--until=%s: expected an event number, or a time as 5.9ms",
					args->value);
			break;
		case OPTION_ALL:
			*all = true;
			break;
		case OPTION_KIND:
		case OPTION_SET:
			if (set_take(args, options[option].name, &run->options) != CLI_DONE)
				return CLI_USAGE;
			break;
		}
	}
	if (option == CLI_STOP || !cli_count_operands(args, 1, 1))
		return args->status;
	run->path = args->operands[0];
	return -1;
}

static int out_of_memory(const struct run *run)
{
	cli_system_error(run->path, ENOMEM);
	return CLI_SYSTEM;
}

static int print_json(const struct run *run)
{
	struct replay_moment peak, end;
	struct json_replay replay = {.path = run->path,
		.counts = replay_counts(run->replay),
		.peak = &peak,
		.end = &end,
		.elapsed_seconds = (double)run->elapsed_ns / 1e9};

	replay_peak(run->replay, &peak);
	replay_now(run->replay, &end);
	if (json_write_replay(stdout, &replay) == 0 || ferror(stdout))
		return CLI_DONE; /* whether it got out is judged when stdout is closed */
	return out_of_memory(run);
}

static int print_report(const struct run *run, bool all, const struct snapshot *at_peak,
	const struct snapshot *at_end)
{
	struct page page = {.out = stdout,
		.utf8 = cli_settings.utf8,
		.color = cli_settings.color,
		.exact = cli_settings.bytes};
	struct report report = {.path = run->path,
		.counts = replay_counts(run->replay),
		.at_peak = at_peak,
		.at_end = at_end,
		.stopped = run->stopped,
		.all = all,
		.elapsed_ns = run->elapsed_ns};

	replay_peak(run->replay, &report.peak);
	replay_now(run->replay, &report.end);
	return report_print(&page, &report) == 0 ? CLI_DONE : out_of_memory(run);
}

/* Gives a snapshot its origin, so that it tells where it comes from once it is kept. */
static void set_origin(struct snapshot *snapshot, const struct run *run, const char *point)
{
	free(snapshot->path);
	snapshot->path = strdup(run->path);
	snprintf(snapshot->point, sizeof snapshot->point, "%s", point);
}

/* Not being able to keep the outcome is no failure of the replay. */
static void keep(const struct run *run, struct snapshot *at_peak, struct snapshot *at_end)
{
	char why[STATE_WHY];

	set_origin(at_peak, run, "peak");
	set_origin(at_end, run, run->stopped ? "event" : "end");
	if (state_keep(at_end, at_peak, why) != 0)
		cli_error("the outcome is not kept for memctx-tool tree: %s", why);
}

static int finish(const struct run *run, bool json, bool all)
{
	struct snapshot *at_peak = replay_snapshot_peak(run->replay);
	struct snapshot *at_end = replay_snapshot(run->replay);
	int status;

	if (at_peak == NULL || at_end == NULL) {
		status = out_of_memory(run);
	} else {
		/* First, since whoever reads the report may close the pipe when he has seen enough.
		 */
		keep(run, at_peak, at_end);
		status = json ? print_json(run) : print_report(run, all, at_peak, at_end);
	}
	if (RUN_FREES_ALL) {
		snapshot_free(at_peak);
		snapshot_free(at_end);
	}
	return status;
}

static int run_replay(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	struct run run = RUN_INIT;
	bool json = false, all = false;
	int status = parse_options(&args, &run, &json, &all);

	if (status >= 0)
		return status;
	status = run_trace(&run);
	if (status == CLI_DONE)
		status = finish(&run, json, all);
	if (RUN_FREES_ALL)
		run_end(&run);
	return status;
}

const struct command command_replay = {
	.name = "replay",
	.summary = "replay a trace through the allocator and report",
	.operands = "TRACE",
	.description =
		"Applies every event of TRACE to real memory contexts and says where each byte "
		"went, at the peak (the first event after which the total is greatest) and at "
		"the end: what the program asked for, and what rounding, headers, freelists and "
		"never-used ends of blocks took beside it. Then come the contexts that hold most "
		"waste by its cause, the largest contexts, the freelists by size class, and "
		"where allocations came from.\n"
		"\n"
		"TRACE is - for standard input; traces compressed by gzip, xz or zstd are read "
		"as they are. The outcome is kept, so that memctx-tool tree shows its contexts "
		"afterwards.\n"
		"\n"
		"A replay needs the memory that the trace held. Before it would use more than "
		"there is, or more than --memory, it stops with status 3. At an event in error "
		"it stops with status 1 and prints no report, unless --keep-going is given.\n"
		"\n"
		"With --kind and --set contexts get another kind, or other sizes, than the trace "
		"has: what if. A pattern is a shell's (*, ?, [a-z]); of two settings that both "
		"fit a name, the later holds. What a bump cannot free stays, and is counted.\n"
		"\n"
		"  memctx-tool replay --set 'Exec*:classes=fine' "
		"traces/pg_pgbench.trace\n"
		"  memctx-tool replay traces/trace.txt\n"
		"  memctx-tool replay --until 5.9ms --bytes traces/trace.txt\n"
		"  xzcat big.trace.xz | memctx-tool replay --json - | jq .peak\n",
	.options = options,
	.exec = run_replay,
};
