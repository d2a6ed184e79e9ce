/* SPDX-License-Identifier: MIT */
/*
 * Measuring rows of a comparison.
 *
 * Resident memory is that of a child process: the pages that only it has, before its first chunk
 * and at the peak, with every byte of each chunk written; so what the parent has been through is no
 * matter.
 */
#include "model/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/plain.h"

/* ---- What the system is asked for ----------------------------------------------------- */

static uint64_t calls;

static void *counted_alloc(size_t size, void *arg)
{
	calls++;
	return plain_backing.alloc(size, arg);
}

static void *counted_resize(void *memory, size_t old_size, size_t new_size, void *arg)
{
	calls++;
	return plain_backing.resize(memory, old_size, new_size, arg);
}

static bool count_calls(void)
{
	struct memctx_backing backing = plain_backing;

	backing.alloc = counted_alloc;
	backing.resize = counted_resize;
	return memctx_set_backing(&backing) == 0;
}

/* ---- Memory --------------------------------------------------------------------------- */

static void look_at_peak(const memctx *top, struct script_run *run)
{
	(void)top;
	script_sum(run, NULL, run->arg);
}

/* What was asked of the system before is none of the trace's. */
static void begin_count(struct script_run *run)
{
	(void)run;
	calls = 0;
}

static bool measure_peak(const struct script *script, struct compare_row *row)
{
	struct script_run run = {.script = script,
		.settings = row->settings,
		.nsettings = row->nsettings,
		.until = SIZE_MAX,
		.begin = begin_count,
		.calls = &calls,
		.watch = true};
	bool counted = count_calls(), done = script_run(&run) == 0;

	row->system_calls = counted ? calls : SNAPSHOT_UNKNOWN;
	row->not_done = run.not_done;
	if (counted)
		memctx_set_backing(NULL);
	if (!done)
		return false;
	run.begin = NULL;
	run.until = run.peak_op;
	run.look = look_at_peak;
	run.arg = &row->figures;
	snapshot_fill(&row->figures, 0);
	if (run.until > 0) {
		row->peak_event = script->ops[run.until - 1].event;
		row->requested = script->ops[run.until - 1].requested;
	}
	if (script_run(&run) != 0)
		return false;
	row->unfreed = row->figures.requested_bytes - row->requested;
	return true;
}

/* Bytes of pages that this process alone has, as smaps_rollup tells it; 0: it cannot be told. */
static uint64_t private_bytes(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	unsigned long long kilobytes = 0;
	char line[256];

	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "Private_Dirty: %llu", &kilobytes) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return kilobytes * 1024;
}

/* The pages before the first operation, in *ARG; then those that came since. */
static void note_pages(struct script_run *run)
{
	*(uint64_t *)run->arg = private_bytes();
}

static void look_at_pages(const memctx *top, struct script_run *run)
{
	uint64_t *bytes = run->arg, now = private_bytes();

	(void)top;
	*bytes = now > *bytes ? now - *bytes : 0;
}

/* In the child: what the run to the peak makes resident, into PIPE. */
static void child_measure(const struct script *script, const struct compare_row *row, int pipe)
{
	uint64_t bytes = private_bytes(); /* what reading it takes is there now */
	struct script_run run = {.script = script,
		.settings = row->settings,
		.nsettings = row->nsettings,
		.until = 0,
		.touch = true,
		.bare = true,
		.begin = note_pages,
		.look = look_at_pages,
		.arg = &bytes};

	while (run.until < script->n && script->ops[run.until].event <= row->peak_event)
		run.until++;
	if (script_run(&run) != 0 || write(pipe, &bytes, sizeof bytes) != (ssize_t)sizeof bytes)
		_exit(1);
	_exit(0);
}

static void measure_rss(const struct script *script, struct compare_row *row)
{
	uint64_t bytes;
	int ends[2], status = 1;
	pid_t child;

	row->rss = SNAPSHOT_UNKNOWN;
	if (pipe(ends) != 0)
		return;
	fflush(NULL);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		child_measure(script, row, ends[1]);
	}
	close(ends[1]);
	if (child > 0 && read(ends[0], &bytes, sizeof bytes) == (ssize_t)sizeof bytes &&
		waitpid(child, &status, 0) == child && status == 0)
		row->rss = bytes;
	else if (child > 0)
		waitpid(child, &status, 0);
	close(ends[0]);
}

/* ---- Time ----------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double part)
{
	double place = part * (double)(n - 1);
	size_t low = (size_t)place, high = low + 1 < n ? low + 1 : low;

	return sorted[low] + (sorted[high] - sorted[low]) * (place - (double)low);
}

/* One slice: as many runs as make a millisecond, so that short traces can be timed too. */
static double time_row(const struct script *script, struct compare_row *row, double *seconds)
{
	struct script_run run = {.script = script,
		.settings = row->settings,
		.nsettings = row->nsettings,
		.until = SIZE_MAX,
		.bare = true};
	uint64_t ns = 0, ops = 0;

	do {
		if (script_run(&run) != 0) {
			row->refused = true;
			return 0;
		}
		ns += run.ns;
		ops += run.ops;
	} while (ns < 1000000 && run.ops > 0);
	*seconds += (double)ns / 1e9;
	return ops > 0 ? (double)ns / (double)ops : 0;
}

static void measure_time(
	const struct script *script, struct compare_row *rows, size_t n, double seconds)
{
	double spent = 0, ignored = 0;
	size_t rounds = 0;

	/* A first one that is not counted warms the caches. */
	for (size_t i = 0; i < n; i++)
		if (!rows[i].refused)
			time_row(script, &rows[i], &ignored);
	while (rounds < COMPARE_ROUNDS && (rounds < 3 || spent < seconds)) {
		for (size_t i = 0; i < n; i++) {
			struct compare_row *row = &rows[(i + rounds) % n];

			if (!row->refused)
				row->rounds[rounds] = time_row(script, row, &spent);
		}
		rounds++;
	}
	for (size_t i = 0; i < n; i++) {
		qsort(rows[i].rounds, rounds, sizeof *rows[i].rounds, by_value);
		rows[i].low = quantile(rows[i].rounds, rounds, 0.25);
		rows[i].median = quantile(rows[i].rounds, rounds, 0.5);
		rows[i].high = quantile(rows[i].rounds, rounds, 0.75);
	}
}

void compare_rows(struct script *script, struct compare_row *rows, size_t n, double seconds,
	void (*progress)(const char *what))
{
	for (size_t i = 0; i < n; i++) {
		if (progress != NULL)
			progress(rows[i].label);
		rows[i].refused = !measure_peak(script, &rows[i]);
		if (!rows[i].refused)
			measure_rss(script, &rows[i]);
	}
	if (progress != NULL)
		progress("time");
	measure_time(script, rows, n, seconds);
}
