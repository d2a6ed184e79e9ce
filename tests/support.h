/* SPDX-License-Identifier: MIT */
/*
 * What the library's tests share: a random generator, the sums that every context's figures
 * keep, and a backing that counts what it gives and can refuse the n-th request.
 *
 * Invariant of the backing: every block that comes back was given, once, with the size that was
 * asked for; whatever breaks that aborts the test.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memctx.h"

/* Where Valgrind runs a test, less of the same will do. */
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

/* A size that cannot be had is refused under the sanitizers as it is without them. */
#if defined(__SANITIZE_ADDRESS__)
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}
#elif defined(__SANITIZE_THREAD__)
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}
#endif

/* splitmix64: one multiplication chain a number, any seed will do. */
static inline uint64_t rng_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline uint64_t rng_below(uint64_t *state, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)rng_next(state) * n) >> 64);
}

/* The first sum that S breaks, as a sentence; NULL where all hold. */
static inline const char *stats_fault(const struct memctx_stats *s)
{
	uint64_t live = 0, free_chunks = 0, slack = 0;

	for (int k = 0; k < MEMCTX_CLASSES; k++) {
		live += s->classes[k].live;
		free_chunks += s->classes[k].free;
		slack += s->classes[k].slack;
		if (s->classes[k].size != (size_t)8 << k)
			return "a class is not of 2^(k+3) bytes";
		if (s->classes[k].slack > s->classes[k].live * s->classes[k].size)
			return "a class has more slack than bytes";
	}
	if (s->total_bytes != s->requested_bytes + s->slack_bytes + s->header_bytes +
				      s->freelist_bytes + s->tail_bytes)
		return "total is not the sum of its parts";
	if (s->free_bytes != s->freelist_bytes + s->tail_bytes)
		return "free_bytes is not freelist + tail";
	if (s->used_bytes != s->total_bytes - s->free_bytes)
		return "used_bytes is not total - free";
	if (s->free_chunks != free_chunks)
		return "free_chunks is not the sum over the classes";
	if (s->live_chunks != live + s->large_chunks)
		return "live_chunks is not the classes' and the large ones";
	if (s->slack_bytes < slack)
		return "slack_bytes is below the sum over the classes";
	if (s->large_bytes > s->requested_bytes)
		return "large_bytes is more than requested_bytes";
	if (s->peak_total_bytes < s->total_bytes)
		return "the peak is below the present";
	return NULL;
}

/* Whether chunks have the sizes of their classes, no less. */
static inline bool has_usual_classes(const memctx *ctx)
{
	return memctx_kind_of(ctx) == MEMCTX_ASET && memctx_classes_of(ctx) == MEMCTX_CLASSES_POW2;
}

/* The same of what holds for some kinds of CTX, whose figures are S. */
static inline const char *kind_fault(const memctx *ctx, const struct memctx_stats *s)
{
	uint64_t payload = 0;

	for (int k = 0; k < MEMCTX_CLASSES; k++)
		payload += s->classes[k].free * s->classes[k].size;
	if (memctx_kind_of(ctx) == MEMCTX_BUMP)
		return s->free_chunks != 0 || s->freelist_bytes != 0 ? "a bump has a free chunk"
								     : NULL;
	if (s->header_bytes < 8 * s->live_chunks)
		return "header_bytes leaves out a live chunk";
	if (memctx_kind_of(ctx) == MEMCTX_MALLOC)
		return s->live_chunks != s->total_nblocks ? "a malloc's chunks share blocks" : NULL;
	if (!has_usual_classes(ctx))
		return NULL;
	if (s->freelist_bytes < payload + 8 * s->free_chunks)
		return "freelist_bytes leaves out a header";
	if (s->freelist_bytes > payload + 16 * s->free_chunks)
		return "freelist_bytes counts more than headers";
	return NULL;
}

/* A sum over what the walks show, to hold against the counted figures. */
struct walk_sum {
	const memctx *ctx;
	uint64_t blocks, block_bytes, keepers, open, large_blocks, tail, headers;
	uint64_t live, large, free_chunks, requested, slack, freelist;
	const char *fault;
};

static inline bool walk_add_chunk(const struct memctx_chunk_info *chunk, void *arg)
{
	struct walk_sum *sum = arg;
	struct memctx_chunk_info again;

	if (!memctx_describe(chunk->address, &again) || again.is_free != chunk->is_free ||
		again.header != chunk->header || again.size_class != chunk->size_class ||
		(again.size != chunk->size && (!chunk->is_free || has_usual_classes(sum->ctx))))
		sum->fault = "describe and the walk disagree about a chunk";
	if (chunk->is_free) {
		sum->free_chunks++;
		sum->freelist += chunk->stride;
		return true;
	}
	if (chunk->owner != sum->ctx || memctx_owner(chunk->address) != sum->ctx)
		sum->fault = "a chunk of the walk belongs to another context";
	if (chunk->requested > chunk->size)
		sum->fault = "a chunk is smaller than asked for";
	sum->live++;
	sum->large += chunk->is_large;
	sum->requested += chunk->requested;
	sum->slack += chunk->size - chunk->requested;
	return true;
}

static inline bool walk_add_block(const struct memctx_block_info *block, void *arg)
{
	struct walk_sum *sum = arg;

	sum->blocks++;
	sum->block_bytes += block->size;
	sum->keepers += block->is_keeper;
	sum->open += block->is_open;
	sum->large_blocks += block->is_large;
	sum->tail += block->tail;
	sum->headers += block->header;
	if (block->header > block->carved || block->carved > block->size)
		sum->fault = "a block's bounds are out of order";
	memctx_each_chunk(sum->ctx, block, walk_add_chunk, sum);
	return true;
}

static inline bool walk_count_free(const struct memctx_chunk_info *chunk, void *arg)
{
	uint64_t *count = arg;

	*count += chunk->is_free;
	return true;
}

/* Holds the counted figures of CTX against a walk over its blocks, chunks and freelists. */
static inline const char *walk_fault(const memctx *ctx, const struct memctx_stats *s)
{
	struct walk_sum sum = {.ctx = ctx};

	memctx_each_block(ctx, walk_add_block, &sum);
	if (sum.fault == NULL)
		sum.fault = kind_fault(ctx, s);
	if (sum.fault != NULL)
		return sum.fault;
	if (sum.keepers > 1 || sum.open > 1)
		return "more than one keeper or open block";
	if (sum.blocks != s->total_nblocks)
		return "total_nblocks is not what the walk finds";
	if (sum.large != s->large_chunks)
		return "large chunks are not what the walk finds";
	/* A bump's others cannot be found. */
	if (memctx_kind_of(ctx) != MEMCTX_BUMP && sum.live != s->live_chunks)
		return "live chunks are not what the walk finds";
	if (sum.large_blocks != s->large_chunks)
		return "large chunks and large blocks differ in number";
	if (memctx_kind_of(ctx) != MEMCTX_BUMP &&
		(sum.requested != s->requested_bytes || sum.slack != s->slack_bytes))
		return "requested or slack is not what the walk finds";
	if (sum.free_chunks != s->free_chunks || sum.freelist != s->freelist_bytes)
		return "freelists are not what the walk finds";
	if (sum.tail != s->tail_bytes)
		return "the tail is not what the walk finds";
	if (sum.block_bytes > s->total_bytes || s->total_bytes - sum.block_bytes > 65536)
		return "the blocks and the context's structure don't make the total";
	for (int k = 0; k < MEMCTX_CLASSES; k++) {
		uint64_t count = 0;
		memctx_each_free(ctx, k, walk_count_free, &count);
		if (count != s->classes[k].free)
			return "a freelist is not as long as counted";
	}
	return NULL;
}

/* ---- A backing that counts and refuses ---------------------------------------------------- */

/* Stands in front of each block that it gives. */
struct door_block {
	uint64_t magic;
	size_t size;
};

#define DOOR_MAGIC 0xd00d1e5da7a5eedfu

struct door {
	struct memctx_backing backing;
	_Atomic uint64_t requests; /* all that can be refused */
	_Atomic uint64_t refused;
	_Atomic uint64_t refuse_at; /* the request to refuse, from 1; 0: none */
	_Atomic bool refuse_on;     /* and every one after it */
	_Atomic uint64_t chance;    /* of 2^32: refuse at random; 0: never */
	_Atomic uint64_t random;
	_Atomic size_t blocks, bytes;      /* given by alloc, not yet back */
	_Atomic size_t reserved, released; /* address space, bytes */
	_Atomic size_t committed;
	bool move; /* resize always moves */
};

static inline bool door_refuses(struct door *door)
{
	uint64_t n = ++door->requests, at = door->refuse_at, chance = door->chance;
	bool refuse = at != 0 && (n == at || (door->refuse_on && n > at));

	if (chance != 0) {
		uint64_t state = atomic_fetch_add(&door->random, 0x9e3779b97f4a7c15u);
		refuse = refuse || (rng_next(&state) >> 32) < chance;
	}
	door->refused += refuse;
	return refuse;
}

static inline void door_die(const char *what)
{
	fprintf(stderr, "the backing: %s\n", what);
	abort();
}

static inline void *door_alloc(size_t size, void *arg)
{
	struct door *door = arg;
	struct door_block *block;

	if (door_refuses(door) || size > (size_t)1 << 40)
		return NULL;
	block = malloc(sizeof *block + size);
	if (block == NULL)
		return NULL;
	block->magic = DOOR_MAGIC ^ (uintptr_t)block;
	block->size = size;
	if (size <= 65536)
		memset(block + 1, 0xa5, size); /* nothing may count on zeros */
	door->blocks++;
	door->bytes += size;
	return block + 1;
}

static inline struct door_block *door_block_of(void *memory, size_t size)
{
	struct door_block *block = (struct door_block *)memory - 1;

	if (block->magic != (DOOR_MAGIC ^ (uintptr_t)block))
		door_die("what came back was not given, or came back twice");
	if (block->size != size)
		door_die("a block came back with another size");
	return block;
}

static inline void door_free(void *memory, size_t size, void *arg)
{
	struct door *door = arg;
	struct door_block *block = door_block_of(memory, size);

	block->magic = 0;
	if (size <= 65536)
		memset(memory, 0xdd, size);
	door->blocks--;
	door->bytes -= size;
	free(block);
}

static inline void *door_resize(void *memory, size_t old_size, size_t new_size, void *arg)
{
	struct door *door = arg;
	struct door_block *old = door_block_of(memory, old_size), *block;

	if (door_refuses(door) || new_size > (size_t)1 << 40)
		return NULL;
	if (door->move) {
		block = malloc(sizeof *block + new_size);
		if (block == NULL)
			return NULL;
		memcpy(block + 1, memory, old_size < new_size ? old_size : new_size);
		old->magic = 0;
		free(old);
	} else {
		block = realloc(old, sizeof *block + new_size);
		if (block == NULL)
			return NULL;
	}
	block->magic = DOOR_MAGIC ^ (uintptr_t)block;
	block->size = new_size;
	door->bytes += new_size;
	door->bytes -= old_size;
	return block + 1;
}

static inline void *door_reserve(size_t size, void *arg)
{
	struct door *door = arg;
	void *memory;

	if (door_refuses(door))
		return NULL;
	memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	door->reserved += size;
	return memory;
}

static inline int door_commit(void *memory, size_t size, void *arg)
{
	struct door *door = arg;

	if (door_refuses(door) || mprotect(memory, size, PROT_READ | PROT_WRITE) != 0)
		return -1;
	door->committed += size;
	return 0;
}

static inline void door_release(void *memory, size_t size, void *arg)
{
	struct door *door = arg;

	if (munmap(memory, size) != 0)
		door_die("a part was released that was not reserved");
	door->released += size;
}

/* Makes DOOR the library's backing; false where the library refuses it. */
static inline bool door_open(struct door *door)
{
	memset(door, 0, sizeof *door);
	door->backing = (struct memctx_backing){.alloc = door_alloc,
		.free = door_free,
		.resize = door_resize,
		.reserve = door_reserve,
		.commit = door_commit,
		.release = door_release,
		.arg = door};
	return memctx_set_backing(&door->backing) == 0;
}

/* Puts the default back; NULL, or what the library still holds of this door's. */
static inline const char *door_close(struct door *door)
{
	if (memctx_set_backing(NULL) != 0)
		return "a context still exists";
	if (door->blocks != 0 || door->bytes != 0)
		return "blocks were never given back";
	if (door->reserved != door->released)
		return "address space was never given back";
	return NULL;
}

#endif
