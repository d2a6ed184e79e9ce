/* SPDX-License-Identifier: MIT */
/*
 * How fast a trace is sought: one context, chunks of 16 to 256 bytes of which a number live, and a
 * random one is freed for each that is allocated.
 *
 *   seek_bench [-e EVENTS] [-l LIVE] [-n SEEKS]
 *
 * Prints the first pass, all of it without a pause; seeks to random events; steps back right after
 * a seek, and one after the other with pauses in which what is behind the cursor is prepared; and
 * the most memory that the process took.  The last word of a line says whether its bar was kept.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "model/clock.h"
#include "model/seek.h"

#define SEEK_BAR 1.0
#define STEP_BAR 0.05
#define MEMORY_BAR ((double)(256 << 20))

static uint64_t wanted = 10000000;
static uint32_t live = 100000;
static int seeks = 200;

static double now(void)
{
	return clock_seconds(CLOCK_MONOTONIC);
}

static void fail(const char *what)
{
	perror(what);
	exit(3);
}

static uint64_t draw(uint64_t limit)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint64_t)(((unsigned __int128)state * limit) >> 64);
}

static void write_trace(const char *path)
{
	uint64_t *ids = calloc(live, sizeof(*ids));
	FILE *out = fopen(path, "w");
	uint64_t next = 1, events = 1;

	if (ids == NULL || out == NULL)
		fail(path);
	fputs("memctx-trace 1\ncreate 1 - aset \"Steady\"\n", out);
	for (; next <= live; next++, events++) {
		ids[next - 1] = next;
		fprintf(out, "alloc 1 %" PRIu64 " %" PRIu64 "\n", next, 16 + draw(241));
	}
	for (; events < wanted; events += 2, next++) {
		uint64_t victim = draw(live);

		fprintf(out, "free %" PRIu64 "\nalloc 1 %" PRIu64 " %" PRIu64 "\n", ids[victim],
			next, 16 + draw(241));
		ids[victim] = next;
	}
	free(ids);
	if (fclose(out) != 0)
		fail(path);
}

static int by_time(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void report(const char *what, double *times, int n, double bar)
{
	qsort(times, (size_t)n, sizeof(*times), by_time);
	printf("%-34s median %8.2f ms, worst %8.2f ms  bar %5.0f ms  %s\n", what,
		times[n / 2] * 1e3, times[n - 1] * 1e3, bar * 1e3,
		times[n - 1] <= bar ? "kept" : "MISSED");
	fflush(stdout);
}

static double timed_seek(struct seek *seek, uint64_t event)
{
	struct replay_error error;
	double start = now();

	if (seek_to(seek, event, &error) < 0) {
		fprintf(stderr, "seek_bench: %s\n", error.message);
		exit(1);
	}
	return now() - start;
}

static void prepare(struct seek *seek)
{
	while (seek_pass(seek))
		;
}

static void pass(struct seek *seek)
{
	double start = now(), worst = 0;

	for (;;) {
		double before = now();
		bool goes_on = seek_pass(seek);

		if (now() - before > worst)
			worst = now() - before;
		if (!goes_on)
			break;
	}
	printf("%-34s %" PRIu64 " events in %.2f s, its longest part %.1f ms\n", "first pass",
		seek_last(seek), now() - start, worst * 1e3);
}

static void measure(struct seek *seek)
{
	double *times = calloc((size_t)seeks, sizeof(*times));
	double *steps = calloc((size_t)seeks, sizeof(*steps));
	uint64_t event;

	if (times == NULL || steps == NULL)
		fail("seek_bench");
	for (int i = 0; i < seeks; i++) {
		event = 2 + draw(seek_last(seek) - 2);
		times[i] = timed_seek(seek, event);
		steps[i] = timed_seek(seek, event - 1);
	}
	report("seek to a random event", times, seeks, SEEK_BAR);
	report("step back after it", steps, seeks, STEP_BAR);
	event = seek_last(seek) / 2;
	timed_seek(seek, event);
	for (int i = 0; i < seeks; i++) {
		prepare(seek);
		steps[i] = timed_seek(seek, event -= 1 + draw(2000));
	}
	report("steps back, up to 2000 events each", steps, seeks, STEP_BAR);
	free(times);
	free(steps);
}

int main(int argc, char **argv)
{
	const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	struct seek_options options = {.memory = 0};
	struct replay_error error;
	struct seek_room room;
	struct rusage usage;
	struct seek *seek;
	char path[64];
	int option;

	while ((option = getopt(argc, argv, "e:l:n:")) != -1) {
		if (option == 'e')
			wanted = strtoull(optarg, NULL, 10);
		else if (option == 'l')
			live = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'n')
			seeks = atoi(optarg);
		else
			return 2;
	}
	snprintf(path, sizeof(path), "%s/seek_bench.%d", folder, (int)getpid());
	write_trace(path);
	printf("%" PRIu64 " events, %u live chunks\n", wanted, live);
	seek = seek_open(path, &options, &error);
	unlink(path);
	if (seek == NULL) {
		fprintf(stderr, "seek_bench: %s\n", error.message);
		return 1;
	}
	if (seek_is_slow(seek))
		puts("without copies: what follows is slow");
	pass(seek);
	measure(seek);
	room = seek_room(seek);
	getrusage(RUSAGE_SELF, &usage);
	printf("%-34s %.0f MiB, of it %" PRIu64 " copies %.0f MiB, replays %.0f MiB  bar %.0f MiB  "
	       "%s\n",
		"memory", (double)usage.ru_maxrss / 1024, room.copies,
		(double)room.copy_bytes / (1 << 20), (double)room.replay_bytes / (1 << 20),
		MEMORY_BAR / (1 << 20),
		(double)usage.ru_maxrss * 1024 <= MEMORY_BAR ? "kept" : "MISSED");
	seek_close(seek);
	return 0;
}
