/* SPDX-License-Identifier: MIT */
/*
 * How fast traces are replayed, reading included, from files in the page cache.
 *
 * Made up: one context, dense ids, chunks of 16 to 256 bytes, a number of live chunks of which a
 * random one is freed for each that is allocated; the filling up is part of it.  Recorded: the
 * TRACEs given, each written out again and again with its roots deleted in between (time lines
 * are left out, for time must not go back), until it is long enough.
 *
 *   replay_bench [-n RUNS] [-e EVENTS] [-l LIVE] [-d] [TRACE…]
 *
 * Prints the best run in processor time, and the best of reading alone.  -l: only that number of
 * live chunks; -d: judge alone, allocate nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/clock.h"
#include "model/replay.h"

static struct replay_options options;
static uint64_t wanted = 4000000;
static int runs = 5;

/* Processor time: others on the machine do not count, as far as caches and frequency allow. */
static double now(void)
{
	return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void fail(const char *what)
{
	perror(what);
	exit(3);
}

static FILE *make_file(char path[static 64])
{
	const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	FILE *file;
	int handle;

	snprintf(path, 64, "%s/replay_bench.XXXXXX", folder);
	handle = mkstemp(path);
	file = handle < 0 ? NULL : fdopen(handle, "w");
	if (file == NULL)
		fail(path);
	return file;
}

static uint32_t draw(uint32_t limit)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 32) * limit >> 32);
}

static void write_steady(FILE *out, uint32_t live)
{
	uint64_t *ids = calloc(live, sizeof(*ids));
	uint64_t next = 1, events = 1;

	if (ids == NULL)
		fail("replay_bench");
	fputs("memctx-trace 1\ncreate 1 - aset \"Steady\"\n", out);
	for (; next <= live; next++, events++) {
		ids[next - 1] = next;
		fprintf(out, "alloc 1 %" PRIu64 " %u\n", next, 16 + draw(241));
	}
	for (; events < wanted; events += 2, next++) {
		uint32_t victim = draw(live);

		fprintf(out, "free %" PRIu64 "\nalloc 1 %" PRIu64 " %u\n", ids[victim], next,
			16 + draw(241));
		ids[victim] = next;
	}
	free(ids);
}

/* One round of a recorded trace without its time lines.  Returns its events. */
static uint64_t write_round(FILE *out, struct trace_reader *reader)
{
	struct trace_event events[128];
	ptrdiff_t got;
	uint64_t n = 0;

	while ((got = trace_read(reader, events, 128)) > 0) {
		for (ptrdiff_t i = 0; i < got; i++) {
			if (events[i].op == TRACE_TIME)
				continue;
			trace_write_event(out, &events[i]);
			n += events[i].op < TRACE_OPS;
		}
	}
	return n;
}

static void delete_roots(FILE *out, const char *path)
{
	struct trace_error error;
	struct trace_reader *reader = trace_open(path, 0, &error);
	struct replay_error failed;
	struct replay *replay = replay_new(reader, &options, &failed);
	struct snapshot *snapshot;

	if (replay_run(replay, UINT64_MAX, UINT64_MAX, &failed) != 0) {
		fprintf(stderr, "%s: %s\n", path, failed.message);
		exit(1);
	}
	snapshot = replay_snapshot(replay);
	for (size_t i = 0; i < snapshot->n; i++) {
		if (snapshot->contexts[i].parent == SNAPSHOT_NONE)
			fprintf(out, "delete %" PRIu64 "\n", snapshot->contexts[i].id);
	}
	snapshot_free(snapshot);
	replay_free(replay);
	trace_close(reader);
}

static void write_recorded(FILE *out, const char *path)
{
	trace_write_header(out);
	for (uint64_t events = 0; events < wanted;) {
		struct trace_error error;
		struct trace_reader *reader = trace_open(path, 0, &error);

		if (reader == NULL) {
			fprintf(stderr, "%s: %s\n", path, error.message);
			exit(1);
		}
		events += write_round(out, reader);
		trace_close(reader);
		delete_roots(out, path);
	}
}

/* One replay of the file; returns its events, *SECONDS the time of opening and replaying. */
static uint64_t replay_once(const char *path, double *seconds)
{
	double start = now();
	struct trace_error error;
	struct trace_reader *reader = trace_open(path, 0, &error);
	struct replay_error failed;
	struct replay *replay = reader == NULL ? NULL : replay_new(reader, &options, &failed);
	uint64_t events;

	if (replay == NULL || replay_run(replay, UINT64_MAX, UINT64_MAX, &failed) != 0) {
		fprintf(stderr, "%s: cannot be replayed\n", path);
		exit(1);
	}
	*seconds = now() - start;
	events = replay_counts(replay)->events;
	replay_free(replay);
	trace_close(reader);
	return events;
}

/* Reads the file without replaying it; returns the seconds. */
static double read_once(const char *path)
{
	double start = now();
	struct trace_event events[128];
	struct trace_error error;
	struct trace_reader *reader = trace_open(path, 0, &error);

	while (reader != NULL && trace_read(reader, events, 128) > 0)
		;
	trace_close(reader);
	return now() - start;
}

static void measure(const char *name, const char *path)
{
	double best = 1e9, reading = 1e9, seconds;
	uint64_t events = 0;
	struct stat file;

	if (stat(path, &file) != 0)
		fail(path);
	for (int i = 0; i < runs; i++) {
		events = replay_once(path, &seconds);
		if (seconds < best)
			best = seconds;
		seconds = read_once(path);
		if (seconds < reading)
			reading = seconds;
	}
	printf("%-30s %8" PRIu64 " events %5.1f M/s %6.1f ns, of it reading %5.1f %5.2f GB/s\n",
		name, events, (double)events / best / 1e6, best * 1e9 / (double)events,
		reading * 1e9 / (double)events, (double)file.st_size / best / 1e9);
	fflush(stdout);
}

static void bench_steady(uint32_t live)
{
	char path[64], name[64];
	FILE *out = make_file(path);

	write_steady(out, live);
	if (fclose(out) != 0)
		fail(path);
	snprintf(name, sizeof(name), "%u live, random victims", live);
	measure(name, path);
	unlink(path);
}

static void bench_recorded(const char *trace)
{
	const char *slash = strrchr(trace, '/');
	char path[64];
	FILE *out = make_file(path);

	write_recorded(out, trace);
	if (fclose(out) != 0)
		fail(path);
	measure(slash == NULL ? trace : slash + 1, path);
	unlink(path);
}

int main(int argc, char **argv)
{
	static const uint32_t lives[] = {500, 5000, 100000, 1000000};
	uint32_t live = 0;
	int option;

	/* As the tool does. */
	memctx_publish(false);
	while ((option = getopt(argc, argv, "n:e:l:d")) != -1) {
		if (option == 'n')
			runs = atoi(optarg);
		else if (option == 'e')
			wanted = strtoull(optarg, NULL, 10);
		else if (option == 'l')
			live = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'd')
			options.dry = true;
		else
			return 2;
	}
	for (size_t i = 0; i < sizeof(lives) / sizeof(*lives); i++) {
		if (live == 0 ? lives[i] * (uint64_t)2 < wanted && optind == argc
			      : lives[i] == live)
			bench_steady(lives[i]);
	}
	for (int i = optind; i < argc; i++)
		bench_recorded(argv[i]);
	return 0;
}
