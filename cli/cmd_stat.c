/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool stat: a line an interval of what a live process, or a trace, does and holds.
 *
 * Rates are counted from the events themselves, so that contexts that come and go within an
 * interval count; what a context holds is as it is at the interval's end.
 */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/clock.h"
#include "model/follow.h"
#include "model/live_look.h"
#include "model/size.h"
#include "run.h"
#include "screen.h"

enum { OPTION_PID };
enum { HEADING_LINES = 20 };
#define PAUSE_NS 1000000
#define TRACE_INTERVAL_NS 1000000u
#define LIVE_INTERVAL_NS 1000000000u

static const struct cli_option options[] = {
	[OPTION_PID] = {'p', "pid", "PID", "the live process PID"},
	{0},
};

struct counts {
	uint64_t allocs, frees, created, deleted, lost;
};

/* One line's figures: COUNTS in ELAPSED_NS, and what is held at their end. */
struct line {
	struct counts counts;
	uint64_t elapsed_ns;
	uint64_t contexts;
	struct snapshot_figures sum;
};

static volatile sig_atomic_t stopped;

static void note_signal(int number)
{
	stopped = number;
}

/* ---- Printing ------------------------------------------------------------------------- */

/* The columns, how wide they are, and which are sizes: wider where these are exact. */
static const struct column {
	const char *title;
	int width;
	bool is_size;
} columns[] = {
	{"ALLOCS/S", 9, false},
	{"FREES/S", 9, false},
	{"TOTAL", 7, true},
	{"USED", 7, true},
	{"FREELIST", 9, true},
	{"TAILS", 9, true},
	{"CONTEXTS", 9, false},
	{"CREATED", 9, false},
	{"DELETED", 9, false},
	{"LOST", 9, false},
};

enum { COLUMNS = sizeof columns / sizeof *columns, EXACT_WIDTH = 15 };

static void print_column(struct page *page, size_t i, const char *text)
{
	page_right(page, columns[i].is_size && page->exact ? EXACT_WIDTH : columns[i].width, text);
}

static const char *rate_text(char out[static SIZE_TEXT], uint64_t count, uint64_t elapsed_ns)
{
	double seconds = (double)(elapsed_ns ? elapsed_ns : 1) / 1e9;

	return size_decimal(out, (double)count / seconds);
}

static void print_line(const struct line *line, uint64_t number)
{
	struct page page = screen_page();
	unsigned flags = page_size_flags(&page);
	char text[COLUMNS][SIZE_TEXT];
	const char *const texts[COLUMNS] = {
		rate_text(text[0], line->counts.allocs, line->elapsed_ns),
		rate_text(text[1], line->counts.frees, line->elapsed_ns),
		size_text(text[2], line->sum.total_bytes, flags),
		size_text(text[3], line->sum.used_bytes, flags),
		size_text(text[4], line->sum.freelist_bytes, flags),
		size_text(text[5], line->sum.tail_bytes, flags),
		size_count(text[6], line->contexts, flags),
		size_count(text[7], line->counts.created, flags),
		size_count(text[8], line->counts.deleted, flags),
		size_decimal(text[9], (double)line->counts.lost),
	};

	if (number % HEADING_LINES == 0) {
		for (size_t i = 0; i < COLUMNS; i++)
			print_column(&page, i, columns[i].title);
		page_newline(&page);
	}
	for (size_t i = 0; i < COLUMNS; i++)
		print_column(&page, i, texts[i]);
	page_newline(&page);
	fflush(stdout);
	cli_look_at_output();
}

/* ---- A process ------------------------------------------------------------------------ */

static bool count_event(const struct live_event *event, void *arg)
{
	struct counts *counts = arg;

	if (event->op == LIVE_CHUNKS)
		*(event->count > 0 ? &counts->allocs : &counts->frees) +=
			(uint64_t)(event->count > 0 ? event->count : -event->count);
	counts->allocs += event->op == LIVE_ALLOC;
	counts->frees += event->op == LIVE_FREE;
	counts->created += event->op == LIVE_CREATE;
	counts->deleted += event->op == LIVE_DELETE;
	counts->lost += event->op == LIVE_LOST ? event->size : 0;
	return true;
}

/* Counts until UNTIL_NS, or the process's end.  1: it has ended, 0, -1: it cannot be read. */
static int count_until(
	struct live *live, struct follow *follow, struct counts *counts, uint64_t until_ns)
{
	struct timespec pause = {0, PAUSE_NS};
	uint64_t polls = 0;

	while (clock_now_ns() < until_ns && stopped == 0) {
		bool ended = polls++ % 64 == 0 && !live_is_running(live);
		ptrdiff_t got = follow_poll(follow, count_event, counts);

		if (got < 0)
			return -1;
		if (ended && got == 0)
			return 1;
		if (got == 0)
			nanosleep(&pause, NULL);
	}
	return 0;
}

/* The process that is looked at, in every way that a line needs. */
struct watched_process {
	struct live *live;
	struct live_look *look;
	struct follow *follow;
};

static int stat_lines(const struct watched_process *process, uint64_t interval_ns, uint64_t count)
{
	for (uint64_t i = 0; i < count && stopped == 0 && !ferror(stdout); i++) {
		struct line line = {0};
		struct live_error error = {CLI_REFUSED, "its region cannot be read any more"};
		const struct snapshot *snapshot;
		uint64_t began = clock_now_ns();
		int ended = count_until(
			process->live, process->follow, &line.counts, began + interval_ns);

		if (ended == 0 && stopped != 0)
			break;
		line.elapsed_ns = clock_now_ns() - began;
		snapshot = live_look(process->look, &error);
		if (snapshot == NULL || ended < 0) {
			cli_error("%lld: %s", (long long)live_header(process->live)->pid,
				error.message);
			return error.status;
		}
		line.contexts = snapshot->n;
		live_look_totals(process->look, &line.sum);
		print_line(&line, i);
		if (ended > 0)
			break;
	}
	return CLI_DONE;
}

static int stat_process(pid_t pid, uint64_t interval_ns, uint64_t count)
{
	struct sigaction action = {.sa_handler = note_signal};
	struct live_error error;
	struct live *live = live_open(pid, &error);
	struct watched_process process = {.live = live};
	int status;

	if (live != NULL)
		process.follow = follow_new(live, FOLLOW_NOW, &error);
	if (process.follow == NULL) {
		cli_error("%d: %s", (int)pid, error.message);
		live_close(live);
		return error.status;
	}
	process.look = live_look_new(live);
	if (process.look == NULL) {
		cli_system_error("stat", ENOMEM);
		follow_free(process.follow);
		live_close(live);
		return CLI_SYSTEM;
	}
	if (live_header(live)->ring_events == 0)
		cli_error("%d: its rings are off; only what it holds is known", (int)pid);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	status = stat_lines(&process, interval_ns, count);
	live_look_free(process.look);
	follow_free(process.follow);
	live_close(live);
	return status;
}

/* ---- A trace -------------------------------------------------------------------------- */

static void take_line(const struct run *run, struct counts *before, struct line *line)
{
	const struct replay_counts *counts = replay_counts(run->replay);
	struct replay_moment now;
	struct counts sum;

	replay_now(run->replay, &now);
	sum = (struct counts){counts->ops[TRACE_ALLOC],
		counts->ops[TRACE_FREE] + counts->ops[TRACE_FREEBASE], counts->contexts_created,
		counts->contexts_created - now.live_contexts, counts->lost};
	line->counts = (struct counts){sum.allocs - before->allocs, sum.frees - before->frees,
		sum.created - before->created, sum.deleted - before->deleted,
		sum.lost - before->lost};
	line->sum = now.figures;
	line->contexts = now.live_contexts;
	*before = sum;
}

/* The last nanosecond of interval I. */
static uint64_t end_of(uint64_t i, uint64_t interval_ns)
{
	uint64_t end;

	return __builtin_mul_overflow(i + 1, interval_ns, &end) ? UINT64_MAX : end - 1;
}

/* Intervals in which nothing happens: the trace's clock may jump over any number of them. */
static void print_idle(uint64_t intervals)
{
	struct page page = screen_page();
	char text[SIZE_TEXT];

	fprintf(stdout, "  *  %s intervals without an event",
		size_count(text, intervals, page_size_flags(&page)));
	page_newline(&page);
	fflush(stdout);
	cli_look_at_output();
}

struct trace_stat {
	struct run run;
	uint64_t interval_ns;
	uint64_t i;    /* the interval to be printed */
	uint64_t next; /* that of the next event, or of the last time line where none follows */
	struct counts before;
};

/*
 * Prints an interval as line NUMBER.  As replay_run(): the look at the next event has moved the
 * trace's clock on to it, so that the intervals before it must not run.
 */
static int stat_interval(struct trace_stat *stat, uint64_t number, struct replay_error *error)
{
	struct line line = {.elapsed_ns = stat->interval_ns};
	bool idle = stat->i < stat->next;
	const struct trace_event *event;
	struct replay_moment now;
	int got = stat->i == 0 ? stat->run.stopped : 1;

	if (stat->i > 0 && !idle)
		got = replay_run(
			stat->run.replay, UINT64_MAX, end_of(stat->i, stat->interval_ns), error);
	stat->i++;
	if (got < 0)
		return got;
	take_line(&stat->run, &stat->before, &line);
	print_line(&line, number);
	if (got == 0 || idle)
		return got;
	got = replay_peek(stat->run.replay, &event, error);
	replay_now(stat->run.replay, &now);
	stat->next = now.time_ns / stat->interval_ns;
	return got < 0 ? got : 1;
}

static int stat_trace(const char *path, uint64_t interval_ns, uint64_t count)
{
	struct trace_stat stat = {.run = RUN_INIT, .interval_ns = interval_ns};
	struct replay_error error = {0};
	int status, got = 1;

	stat.run.path = path;
	stat.run.until_ns = interval_ns - 1;
	status = run_trace(&stat.run);
	for (uint64_t n = 0; status == CLI_DONE && n < count && got == 1 && !ferror(stdout); n++) {
		if (stat.i + 1 < stat.next) {
			print_idle(stat.next - stat.i);
			stat.i = stat.next;
		} else {
			got = stat_interval(&stat, n, &error);
		}
	}
	if (got < 0) {
		run_say_error(&stat.run, error.line, error.column, error.message);
		status = error.status;
	}
	run_end(&stat.run);
	return status;
}

/* ---- The command line ----------------------------------------------------------------- */

/* "2", "0.5", "10ms" in nanoseconds. */
static bool parse_interval(const char *text, uint64_t *ns)
{
	char *end;
	double number = strtod(text, &end);
	double length = number * (*end == '\0' ? 1e9 : size_time_unit(end));

	if (end == text || !(length >= 1) || !(length < 1e18))
		return false;
	*ns = (uint64_t)length;
	return true;
}

static int run_stat(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	const char *pid_text = NULL;
	uint64_t interval = 0, count = UINT64_MAX;
	int option, first;
	pid_t pid;

	while ((option = cli_next(&args)) >= 0)
		pid_text = args.value;
	first = pid_text == NULL;
	if (option == CLI_STOP || !cli_count_operands(&args, first, first + 2))
		return args.status;
	if (args.n_operands > first && !parse_interval(args.operands[first], &interval))
		return cli_usage(
			&args, "%s: expected an interval, as 2 or 10ms", args.operands[first]);
	if (args.n_operands > first + 1 &&
		(!cli_parse_number(args.operands[first + 1], &count) || count == 0))
		return cli_usage(&args, "%s: expected a number of lines", args.operands[first + 1]);
	if (pid_text == NULL && !source_is_pid(args.operands[0]))
		return stat_trace(args.operands[0], interval ? interval : TRACE_INTERVAL_NS, count);
	if (pid_text == NULL)
		pid_text = args.operands[0];
	if (!cli_parse_pid(pid_text, &pid)) {
		cli_error("%s: there is no such process", pid_text);
		return CLI_REFUSED;
	}
	return stat_process(pid, interval ? interval : LIVE_INTERVAL_NS, interval ? count : 1);
}

const struct command command_stat = {
	.name = "stat",
	.summary = "print a line an interval of what a process or a trace does",
	.operands = "PID | TRACE [INTERVAL [COUNT]]",
	.description =
		"Prints a line at the end of each INTERVAL (seconds, or 10ms): allocations and "
		"frees a second, the bytes that the contexts took from the system, of them those "
		"in use, on freelists and in tails, the contexts, how many came and went, and the "
		"entries of rings that were lost, whose events are not counted.\n"
		"\n"
		"Of a process, one line over a second without INTERVAL; with it until COUNT lines "
		"are printed or the process ends. Of a trace, its own time counts (1ms), and "
		"intervals in a row without an event share a line.\n"
		"\n"
		"  memctx-tool stat 4711 2\n"
		"  memctx-tool stat traces/pg_pgbench.trace 1ms\n",
	.options = options,
	.exec = run_stat,
};
