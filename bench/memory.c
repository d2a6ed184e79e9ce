/* SPDX-License-Identifier: MIT */
/*
 * The rows that measure memory: resident bytes over requested bytes, at the fullest point.  Each
 * measurement has a process of its own with one peer loaded, so that nobody's leftovers are
 * counted or reused.  Anonymous and shared pages count, files' pages (code) do not.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define REPLACES (4u * BENCH_LIVE_MAX)
#define QUERIES 500
#define SAMPLE_EVERY 20
#define NODES 16

static struct {
	void *chunk;
	size_t size;
} held[BENCH_LIVE_MAX];

static uint32_t between(uint64_t *state, uint32_t low, uint32_t high)
{
	return low + bench_random(state) % (high - low + 1);
}

/*
 * Anonymous and shared-memory bytes.  smaps_rollup walks the page tables; the Rss figures of
 * /proc/self/status may lag by 64 pages.
 */
static uint64_t resident(void)
{
	static const char *const keys[] = {"Pss_Anon:", "Pss_Shmem:"};
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	unsigned long long value;
	uint64_t sum = 0;
	char line[256];

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (strncmp(line, keys[i], strlen(keys[i])) == 0 &&
				sscanf(line + strlen(keys[i]), "%llu", &value) == 1)
				sum += value * 1024;
	fclose(file);
	return sum;
}

static uint64_t baseline; /* resident before the peer's first context */

/* Adds what is resident now for REQUESTED live bytes. */
static void sample(struct footprint *sum, uint64_t requested)
{
	sum->resident += resident() - baseline;
	sum->requested += requested;
}

/* Touches what it gets, so that the chunk's pages are there. */
static void *touch(const struct peer *peer, void *ctx, size_t size)
{
	return memset(peer->alloc(ctx, size), 1, size);
}

static void fill_live(const struct peer *peer, struct footprint *footprint)
{
	void *ctx = peer->create != NULL ? peer->create(NULL) : NULL;
	uint64_t state = 7;
	uint64_t sum = 0;
	size_t k;

	for (uint32_t i = 0; i < BENCH_LIVE_MAX + REPLACES; i++) {
		k = i < BENCH_LIVE_MAX ? i : between(&state, 0, BENCH_LIVE_MAX - 1);
		if (held[k].chunk != NULL)
			peer->free(held[k].chunk);
		sum -= held[k].size;
		held[k].size = between(&state, 16, 256);
		held[k].chunk = touch(peer, ctx, held[k].size);
		sum += held[k].size;
	}
	sample(footprint, sum);
}

static uint64_t fill_chunks(
	const struct peer *peer, void *ctx, uint32_t count, uint32_t high, uint64_t *state)
{
	uint64_t sum = 0;
	uint32_t size;

	for (uint32_t i = 0; i < count; i++) {
		size = between(state, 16, high);
		touch(peer, ctx, size);
		sum += size;
	}
	return sum;
}

/* What one query holds at its fullest, below TOP. */
static uint64_t fill_query(const struct peer *peer, void *top, uint64_t *state)
{
	void *executor = peer->create(top);
	void *tuple = peer->create(executor);
	uint64_t sum = 0;

	sum += fill_chunks(peer, top, 400, 256, state);
	sum += fill_chunks(peer, executor, 100, 512, state);
	for (uint32_t i = 0; i < NODES; i++)
		sum += fill_chunks(peer, peer->create(executor), 10 + 4 * i, 256, state);
	for (uint32_t i = 0; i < 100; i++) {
		fill_chunks(peer, tuple, 20, 128, state);
		peer->reset(tuple);
	}
	return sum + fill_chunks(peer, peer->create(executor), 2000, 1024, state);
}

/*
 * A session: a cache that grows a little with each query, and all but the last query deleted.  The
 * mean over the session, since what the cache's last block has left is chance.
 */
static void fill_session(const struct peer *peer, struct footprint *footprint)
{
	void *session = peer->create(NULL);
	void *cache = peer->create(session);
	void *query = NULL;
	uint64_t state = 11;
	uint64_t cached = 0;
	uint64_t sum;

	for (uint32_t i = 1; i <= QUERIES; i++) {
		if (query != NULL)
			peer->destroy(query);
		cached += fill_chunks(peer, cache, 8, 256, &state);
		query = peer->create(session);
		sum = fill_query(peer, query, &state);
		if (i % SAMPLE_EVERY == 0)
			sample(footprint, cached + sum);
	}
}

static bool can_replace(const struct peer *peer)
{
	return peer->free != NULL;
}

static bool can_query(const struct peer *peer)
{
	return peer->nests && peer->reset != NULL;
}

const struct memory_row bench_memory_rows[] = {
	{"mem-131072", "131,072 live chunks of 16 to 256 bytes, each replaced 4 times", 1.02,
		can_replace, fill_live},
	{"mem-query", "the fullest points of a session of 500 queries", 1.02, can_query,
		fill_session},
};
const size_t bench_memory_rows_count = sizeof(bench_memory_rows) / sizeof(bench_memory_rows[0]);

int memory_child(const struct memory_row *row, const struct peer *peer)
{
	struct footprint footprint = {0};

	memset(held, 0, sizeof(held)); /* its pages are the benchmark's, not the peer's */
	__asm__ volatile("" : : "r"(held) : "memory");
	(void)resident(); /* as are those of the first fopen */
	baseline = resident();
	row->fill(peer, &footprint);
	return child_write(&footprint, sizeof(footprint));
}
