/* SPDX-License-Identifier: MIT */
/*
 * What the screens cost: processor time of a frame, of a new order, a filter, all folded, a new
 * snapshot, with 1,000, 100,000 and 1,000,000 contexts; and of the tool in a terminal over a live
 * process of 1,000 contexts in which nothing happens.
 *
 *   tui_bench [--quick] [TOOL]     status 4: a bar is not met
 */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/clock.h"
#include "memctx.h"
#include "tui/view.h"

enum { WIDTH = 132, HEIGHT = 43, FRAMES = 101, TIMES = 7, LIVE_CONTEXTS = 1000 };

static int status;

static double cpu_ms(void)
{
	return clock_seconds(CLOCK_PROCESS_CPUTIME_ID) * 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *times, int n)
{
	qsort(times, (size_t)n, sizeof *times, compare);
	return times[n / 2];
}

/* BAR 0: there is none. */
static void report(const char *what, unsigned contexts, double value, const char *unit, double bar)
{
	printf("%-28s %9u contexts %10.2f %s", what, contexts, value, unit);
	if (bar > 0)
		printf("   bar %g: %s", bar, value <= bar ? "met" : "NOT MET");
	putchar('\n');
	fflush(stdout);
	if (bar > 0 && value > bar)
		status = 4;
}

/* ---- A tree --------------------------------------------------------------------------- */

/* A root, below it groups of a thousand; 5,000 names, each context with an ident of its own. */
static struct snapshot *make_tree(unsigned n)
{
	struct snapshot *snapshot = snapshot_new();
	uint32_t group = 0, random = 1;

	for (unsigned i = 0; snapshot && i < n; i++) {
		struct snapshot_context *context;
		char name[40], ident[40];

		random = random * 1664525u + 1013904223u;
		snprintf(name, sizeof name, "context %u", (random >> 8) % 5000);
		snprintf(ident, sizeof ident, "number %u", i);
		context = snapshot_add(snapshot, i + 1,
			i == 0          ? SNAPSHOT_NONE
			: i % 1000 == 1 ? 0
					: group,
			name, ident, "aset");
		if (!context)
			break;
		if (i % 1000 == 1)
			group = i;
		snapshot_fill(&context->own, 0);
		context->own.total_bytes = 1024 + (random >> 4) % 100000;
		context->own.used_bytes = context->own.requested_bytes = 512;
		context->own.free_bytes = context->own.tail_bytes = context->own.total_bytes - 512;
	}
	if (snapshot)
		snapshot_finish(snapshot);
	return snapshot;
}

/* ---- Rows ----------------------------------------------------------------------------- */

static double frames(struct state *state)
{
	static double times[FRAMES];
	struct canvas *canvas = canvas_new(WIDTH, HEIGHT, false);

	for (int i = 0; i < FRAMES; i++) {
		double began = cpu_ms();

		state_request(state, i % 10 == 9 ? REQUEST_LAST : REQUEST_PAGE_UP);
		view_paint(canvas, state);
		times[i] = cpu_ms() - began;
	}
	canvas_free(canvas);
	return median(times, FRAMES);
}

/* The time of requests that all do the same amount of work. */
static double requests(struct state *state, const enum request *list, int n)
{
	double times[TIMES];

	for (int i = 0; i < TIMES; i++) {
		double began = cpu_ms();

		state_request(state, list[i % n]);
		times[i] = cpu_ms() - began;
	}
	return median(times, TIMES);
}

static double filters(struct state *state)
{
	static const char typed[] = "4711";
	double times[sizeof typed - 1];

	state_request(state, REQUEST_FILTER);
	for (size_t i = 0; i < sizeof typed - 1; i++) {
		double began = cpu_ms();

		state_key(state, typed[i]);
		times[i] = cpu_ms() - began;
	}
	state_key(state, KEYS_ESCAPE);
	return median(times, sizeof typed - 1);
}

static void measure(unsigned n)
{
	static const enum request sorts[] = {REQUEST_SORT, REQUEST_REVERSE};
	static const enum request folds[] = {REQUEST_FOLD_ALL, REQUEST_UNFOLD_ALL};
	struct snapshot *tree = make_tree(n);
	struct feed *feed = tree ? feed_of_snapshot(tree, "bench") : NULL;
	struct state state;
	double began = cpu_ms();

	if (!feed || state_init(&state, feed) != 0) {
		fputs("tui_bench: out of memory\n", stderr);
		exit(3);
	}
	report("a new snapshot", n, cpu_ms() - began, "ms", 0);
	state_request(&state, REQUEST_SUM);
	report("a frame", n, frames(&state), "ms", 5);
	report("a new order", n, requests(&state, sorts, 2), "ms", 500);
	report("a letter of a filter", n, filters(&state), "ms", 500);
	report("all folded, unfolded", n, requests(&state, folds, 2), "ms", 500);
	state_end(&state);
	feed_close(feed);
}

/* ---- Idle ----------------------------------------------------------------------------- */

static void be_a_target(int ready)
{
	memctx *top = memctx_create(NULL, "target", NULL, MEMCTX_ASET, NULL);

	for (int i = 1; i < LIVE_CONTEXTS; i++) {
		memctx *context = memctx_create(top, "context", "of many", MEMCTX_ASET, NULL);

		for (int k = 0; k < 10; k++)
			memctx_alloc(context, 100);
	}
	if (write(ready, "!", 1) == 1)
		pause();
	_exit(0);
}

/* Milliseconds that a process has run. */
static double run_ms(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *in;

	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	in = fopen(path, "r");
	if (!in || fscanf(in, "%llu", &ns) != 1)
		fputs("tui_bench: no schedstat\n", stderr);
	if (in)
		fclose(in);
	return (double)ns / 1e6;
}

/* Takes what the tool paints, for MS milliseconds. */
static void watch(int terminal, int ms)
{
	char bytes[4096];

	for (int i = 0; i < ms / 10; i++) {
		while (read(terminal, bytes, sizeof bytes) > 0)
			;
		usleep(10000);
	}
}

static void idle(const char *tool, int ms)
{
	struct winsize size = {HEIGHT, WIDTH, 0, 0};
	int ready[2], terminal;
	pid_t target, screens;
	char byte, pid[24];
	double began;

	if (pipe(ready) != 0)
		return;
	target = fork();
	if (target == 0)
		be_a_target(ready[1]);
	snprintf(pid, sizeof pid, "%d", (int)target);
	if (read(ready[0], &byte, 1) != 1)
		return;
	screens = forkpty(&terminal, NULL, NULL, &size);
	if (screens == 0) {
		setenv("TERM", "xterm-256color", 0);
		execl(tool, tool, "tui", pid, (char *)NULL);
		_exit(127);
	}
	fcntl(terminal, F_SETFL, O_NONBLOCK);
	watch(terminal, 2000);
	began = run_ms(screens);
	watch(terminal, ms);
	report("idle, live, every 0.5 s", LIVE_CONTEXTS, (run_ms(screens) - began) / ms * 100,
		"% of a core", 0.5);
	kill(screens, SIGTERM);
	kill(target, SIGKILL);
	waitpid(screens, NULL, 0);
	waitpid(target, NULL, 0);
}

int main(int argc, char **argv)
{
	bool is_quick = argc > 1 && !strcmp(argv[1], "--quick");

	measure(1000);
	measure(100000);
	if (!is_quick)
		measure(1000000);
	idle(argc > 1 + is_quick ? argv[1 + is_quick] : "./memctx-tool", is_quick ? 2000 : 10000);
	return status;
}
