/* SPDX-License-Identifier: MIT */
/*
 * The rows that measure time.  Sizes and victims come from scripts made beforehand with one
 * seed, so every peer meets the same sequence.  Each chunk gets one word written, as whoever asks
 * for memory would do; where chunks stay live, the word is their place and is checked at the end.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#define STEADY_LIVE 4096
#define STEADY_STEPS (1u << 16)
#define WIDE_STEPS (1u << 19)
#define BATCH 1000
#define RESET_BATCH 100
#define TREE_CHILDREN 8
#define CONTEXTS 100
#define TREE_CHUNKS 8
#define SIZES (1u << 12)

/* A step: the place of the chunk to replace, and the new size in the low bits. */
#define STEP_SIZE_BITS 9
#define STEP_SIZE(step) ((step) & ((1u << STEP_SIZE_BITS) - 1))
#define STEP_PLACE(step) ((step) >> STEP_SIZE_BITS)

static uint32_t steady_script[STEADY_STEPS];
static uint32_t wide_script[WIDE_STEPS];
static uint32_t small_sizes[BATCH];
static uint32_t large_sizes[SIZES];

uint32_t bench_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (uint32_t)((x * 0x2545f4914f6cdd1dULL) >> 32);
}

static uint32_t between(uint64_t *state, uint32_t low, uint32_t high)
{
	return low + (uint32_t)(((uint64_t)bench_random(state) * (high - low + 1)) >> 32);
}

static void make_script(uint32_t *script, uint32_t steps, uint32_t places, uint64_t *state)
{
	uint32_t place;

	for (uint32_t i = 0; i < steps; i++) {
		place = between(state, 0, places - 1);
		script[i] = place << STEP_SIZE_BITS | between(state, 16, 256);
	}
}

void bench_rows_prepare(void)
{
	uint64_t state = 20240229;

	make_script(steady_script, STEADY_STEPS, STEADY_LIVE, &state);
	make_script(wide_script, WIDE_STEPS, BENCH_LIVE_MAX, &state);
	for (size_t i = 0; i < BATCH; i++)
		small_sizes[i] = between(&state, 16, 128);
	for (size_t i = 0; i < SIZES; i++)
		large_sizes[i] = between(&state, 16384, 262144);
}

static void *context_new(const struct peer *peer)
{
	return peer->create != NULL ? peer->create(NULL) : NULL;
}

static bool can_alloc(const struct peer *peer)
{
	return peer->alloc != NULL;
}

static bool can_free(const struct peer *peer)
{
	return peer->free != NULL;
}

static bool can_realloc(const struct peer *peer)
{
	return peer->realloc != NULL && peer->free != NULL;
}

static bool can_nest(const struct peer *peer)
{
	return peer->nests;
}

static void one_setup(struct run *run)
{
	run->ctx = context_new(run->peer);
}

static void one_teardown(struct run *run)
{
	if (run->peer->destroy != NULL)
		run->peer->destroy(run->ctx);
}

static void no_setup(struct run *run)
{
	(void)run;
}

/* ---- Steady replace ------------------------------------------------------------------- */

static void fill(struct run *run, const uint32_t *script, uint32_t count)
{
	uint32_t *chunk;

	run->ctx = context_new(run->peer);
	for (uint32_t i = 0; i < count; i++) {
		chunk = run->peer->alloc(run->ctx, STEP_SIZE(script[i]));
		*chunk = i;
		run->live[i] = chunk;
	}
}

static void drain(struct run *run, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (run->peer != &peers[PEER_NONE] && *(uint32_t *)run->live[i] != i) {
			fprintf(stderr, "alloc_bench: %s: a live chunk was overwritten\n",
				run->peer->name);
			exit(1);
		}
		if (run->peer->destroy == NULL)
			run->peer->free(run->live[i]);
	}
	if (run->peer->destroy != NULL)
		run->peer->destroy(run->ctx);
}

/* Inlined into the two rows, so that each has its script and mask as constants. */
static inline __attribute__((always_inline)) void replace(
	struct run *run, const uint32_t *script, uint32_t mask, uint32_t ops)
{
	const struct peer *peer = run->peer;
	void **live = run->live;
	uint32_t next = run->next;
	uint32_t step;
	uint32_t *chunk;

	for (uint32_t i = 0; i < ops; i++) {
		step = script[next++ & mask];
		peer->free(live[STEP_PLACE(step)]);
		chunk = peer->alloc(run->ctx, STEP_SIZE(step));
		*chunk = STEP_PLACE(step);
		live[STEP_PLACE(step)] = chunk;
	}
	run->next = next;
}

static void steady_setup(struct run *run)
{
	fill(run, steady_script, STEADY_LIVE);
}

static void steady_body(struct run *run, uint32_t ops)
{
	replace(run, steady_script, STEADY_STEPS - 1, ops);
}

static void steady_teardown(struct run *run)
{
	drain(run, STEADY_LIVE);
}

static void wide_setup(struct run *run)
{
	fill(run, wide_script, BENCH_LIVE_MAX);
}

static void wide_body(struct run *run, uint32_t ops)
{
	replace(run, wide_script, WIDE_STEPS - 1, ops);
}

static void wide_teardown(struct run *run)
{
	drain(run, BENCH_LIVE_MAX);
}

/* ---- Pairs ---------------------------------------------------------------------------- */

static void pair_body(struct run *run, uint32_t ops)
{
	const struct peer *peer = run->peer;
	uint32_t *chunk;

	for (uint32_t i = 0; i < ops; i++) {
		chunk = peer->alloc(run->ctx, 64);
		*chunk = i;
		peer->free(chunk);
	}
}

/* A pair in each of many contexts, one after the other. */
static void many_setup(struct run *run)
{
	run->ctx = context_new(run->peer);
	for (size_t i = 0; i < CONTEXTS; i++)
		run->live[i] = run->peer->create(run->ctx);
}

static void many_body(struct run *run, uint32_t ops)
{
	const struct peer *peer = run->peer;
	uint32_t *chunk;

	for (uint32_t i = 0; i < ops; i++)
		for (size_t k = 0; k < CONTEXTS; k++) {
			chunk = peer->alloc(run->live[k], 64);
			*chunk = i;
			peer->free(chunk);
		}
}

static bool can_many(const struct peer *peer)
{
	return peer->nests && peer->free != NULL;
}

static void large_body(struct run *run, uint32_t ops)
{
	const struct peer *peer = run->peer;
	uint32_t next = run->next;
	uint32_t *chunk;

	for (uint32_t i = 0; i < ops; i++) {
		chunk = peer->alloc(run->ctx, large_sizes[next++ & (SIZES - 1)]);
		*chunk = i;
		peer->free(chunk);
	}
	run->next = next;
}

static void realloc_body(struct run *run, uint32_t ops)
{
	const struct peer *peer = run->peer;
	uint32_t *chunk;

	for (uint32_t i = 0; i < ops; i++) {
		chunk = peer->alloc(run->ctx, 16);
		*chunk = i;
		for (size_t size = 32; size <= 65536; size *= 2) {
			chunk = peer->realloc(chunk, size);
			*chunk = i;
		}
		peer->free(chunk);
	}
}

/* ---- Whole contexts ------------------------------------------------------------------- */

static void create_body(struct run *run, uint32_t ops)
{
	const struct peer *peer = run->peer;
	uint32_t *chunk;
	void *ctx;

	for (uint32_t i = 0; i < ops; i++) {
		ctx = context_new(peer);
		for (size_t k = 0; k < BATCH; k++) {
			chunk = peer->alloc(ctx, small_sizes[k]);
			*chunk = i;
			run->live[k] = chunk;
		}
		if (peer->destroy != NULL) {
			peer->destroy(ctx);
			continue;
		}
		for (size_t k = 0; k < BATCH; k++)
			peer->free(run->live[k]);
	}
}

static void reset_body(struct run *run, uint32_t ops)
{
	const struct peer *peer = run->peer;
	uint32_t *chunk;

	for (uint32_t i = 0; i < ops; i++) {
		for (size_t k = 0; k < RESET_BATCH; k++) {
			chunk = peer->alloc(run->ctx, 64);
			*chunk = i;
			run->live[k] = chunk;
		}
		if (peer->reset != NULL) {
			peer->reset(run->ctx);
			continue;
		}
		for (size_t k = 0; k < RESET_BATCH; k++)
			peer->free(run->live[k]);
	}
}

static void tree_body(struct run *run, uint32_t ops)
{
	const struct peer *peer = run->peer;
	void *top;

	for (uint32_t i = 0; i < ops; i++) {
		top = peer->create(NULL);
		for (size_t k = 0; k < TREE_CHILDREN; k++)
			run->live[k] = peer->create(top);
		peer->destroy(top);
	}
}

static void tree_used_body(struct run *run, uint32_t ops)
{
	const struct peer *peer = run->peer;
	uint32_t *chunk;
	void *child;
	void *top;

	for (uint32_t i = 0; i < ops; i++) {
		top = peer->create(NULL);
		for (size_t k = 0; k < TREE_CHILDREN; k++) {
			child = peer->create(top);
			for (size_t n = 0; n < TREE_CHUNKS; n++) {
				chunk = peer->alloc(child, small_sizes[n]);
				*chunk = i;
			}
		}
		peer->destroy(top);
	}
}

const struct row bench_rows[] = {
	{"steady", "replace one of 4,096 live chunks of 16 to 256 bytes", 0.95, can_free,
		steady_setup, steady_body, steady_teardown, .events = 2, .event_bar = 2.2},
	{"steady-131072", "the same with 131,072 live", 0.80, can_free, wide_setup, wide_body,
		wide_teardown, .events = 2, .event_bar = 11},
	{"pair", "allocate 64 bytes and free them", 0.50, can_free, one_setup, pair_body,
		one_teardown, .events = 2, .event_bar = 2.2},
	{"pair-linked", "the same called by name: both are linked in", 0.50, linked_can,
		linked_setup, linked_body, .teardown = linked_teardown},
	{"create-1000", "create, 1,000 chunks of 16 to 128 bytes, delete", 0.95, can_alloc,
		no_setup, create_body, .teardown = no_setup},
	{"reset", "100 chunks of 64 bytes, reset", 1.0, can_alloc, one_setup, reset_body,
		.teardown = one_teardown},
	{"tree", "create a context and 8 children, delete them", 0.80, can_nest, no_setup,
		tree_body, .teardown = no_setup},
	{"tree-used", "the same with 8 chunks of 16 to 128 bytes in each child", 0.80, can_nest,
		no_setup, tree_used_body, .teardown = no_setup},
	{"contexts", "allocate 64 bytes and free them in each of 100 contexts", 1.0, can_many,
		many_setup, many_body, .teardown = one_teardown},
	{"realloc", "grow a chunk from 16 bytes to 64 KiB by doubling, free it", 1.0, can_realloc,
		one_setup, realloc_body, .teardown = one_teardown},
	{"large", "allocate 16 to 256 KiB and free them", 0.40, can_free, one_setup, large_body,
		.teardown = one_teardown},
};
const size_t bench_rows_count = sizeof(bench_rows) / sizeof(bench_rows[0]);
