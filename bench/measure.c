/* SPDX-License-Identifier: MIT */
/*
 * Rounds and slices.  In each round every peer runs one slice of the same number of operations, in
 * an order that rotates.
 */
#include "bench.h"

#include "model/clock.h"

static void *live_chunks[PEER_COUNT][BENCH_LIVE_MAX];

/* This thread's processor time: what others do on the machine meanwhile is not ours. */
static double now(void)
{
	return clock_seconds(CLOCK_THREAD_CPUTIME_ID);
}

/* By name, so that callgrind can be told to count here and nowhere else. */
__attribute__((noinline)) void bench_measured(const struct row *row, struct run *run, uint32_t ops);

void bench_measured(const struct row *row, struct run *run, uint32_t ops)
{
	row->body(run, ops);
	__asm__ volatile("" : : : "memory"); /* no tail call: the function must be seen to return */
}

static double slice_time(const struct row *row, struct run *run, uint32_t ops)
{
	double start;

	row->body(run, ops / 8 + 1); /* the others' slices have emptied the caches */
	start = now();
	bench_measured(row, run, ops);
	return now() - start;
}

/* How many operations fill a slice. */
static uint32_t calibrate(const struct row *row, struct run *run, double seconds)
{
	uint32_t ops = 1;
	double time = slice_time(row, run, ops);

	while (time < seconds / 4 && ops < UINT32_MAX / 16) {
		ops *= 2;
		time = slice_time(row, run, ops);
	}
	return (uint32_t)(ops * (seconds / time)) + 1;
}

static bool takes_part(const struct row *row, size_t peer)
{
	return peers[peer].loaded && row->can(&peers[peer]);
}

static size_t reference_of(const struct row *row)
{
	size_t i = PEER_POSTGRES;

	if (takes_part(row, i))
		return i;
	for (i = 0; i < PEER_COUNT && !takes_part(row, i);)
		i++;
	return i;
}

static void run_rounds(
	const struct row *row, struct run *runs, size_t rounds, struct slices *slices)
{
	size_t i;

	for (size_t r = 0; r < rounds; r++)
		for (size_t turn = 0; turn < PEER_COUNT; turn++) {
			i = (turn + r) % PEER_COUNT;
			if (slices->counted[i])
				slices->ns[i][r] =
					slice_time(row, &runs[i], slices->ops) * 1e9 / slices->ops;
		}
}

void measure_slices(const struct row *row, size_t rounds, double seconds, struct slices *slices)
{
	struct run runs[PEER_COUNT];
	const size_t reference = reference_of(row);

	*slices = (struct slices){0};
	if (reference == PEER_COUNT)
		return;
	for (size_t i = 0; i < PEER_COUNT; i++) {
		slices->counted[i] = takes_part(row, i);
		runs[i] = (struct run){.peer = &peers[i], .live = live_chunks[i]};
		if (slices->counted[i])
			row->setup(&runs[i]);
	}
	slices->ops = calibrate(row, &runs[reference], seconds);
	runs[reference].next = 0;
	run_rounds(row, runs, rounds, slices);
	for (size_t i = 0; i < PEER_COUNT; i++)
		if (slices->counted[i])
			row->teardown(&runs[i]);
}

int measure_once(const struct row *row, const struct peer *peer, uint32_t ops)
{
	struct run run = {.peer = peer, .live = live_chunks[0]};

	if (!peer->loaded || !row->can(peer))
		return -1;
	row->setup(&run);
	row->body(&run, ops);
	bench_measured(row, &run, ops);
	row->teardown(&run);
	return 0;
}
