/* SPDX-License-Identifier: MIT */
/*
 * What the kinds other than the usual aset share: chunks that are as large as they are and not as
 * their class, counted by bytes.
 *
 * A chunk in use, a large one apart, has a word of the form "other" (chunk.h): its context, a byte
 * of the kind's in the low bits of the address, and its slack.  It is counted in the class of the
 * power of two that holds it, so that readers see the same eleven classes for every kind.
 *
 *   live_bytes   the chunks in use, with their headers
 *   free_bytes   the free ones
 *
 * Invariant: requested = live_bytes - headers of live chunks - slack, and what both leave of the
 * blocks is the tail; so figures are O(classes) here too, and sum up.
 */
#ifndef MCX_POOL_H
#define MCX_POOL_H

#include "block.h"
#include "ring.h"

/* The largest size that is not large, where max_size allows it: its slack fits a word. */
#define MCX_POOL_LIMIT ((size_t)8176)
_Static_assert(MCX_POOL_LIMIT <= MCX_SLACK_MAX, "so does that of one that grew from nothing");

static inline uint64_t mcx_pool_word(const memctx *ctx, unsigned byte, size_t slack)
{
	return (((uint64_t)(uintptr_t)ctx + byte) << MCX_ADDRESS_SHIFT) +
	       (slack << MCX_SLACK_SHIFT) + MCX_TAG_OTHER;
}

/* A free chunk's: its class, the next of its list. */
static inline uint64_t mcx_pool_word_free(unsigned k, const void *next)
{
	return ((uint64_t)(uintptr_t)next << MCX_ADDRESS_SHIFT) + ((uint64_t)k << MCX_SLACK_SHIFT) +
	       MCX_TAG_FREE;
}

static inline unsigned mcx_pool_byte(uint64_t word)
{
	return (unsigned)(mcx_word_address(word) % MCX_UNIT);
}

static inline unsigned mcx_pool_class(size_t room)
{
	return room > MCX_CLASS_LIMIT ? MEMCTX_CLASSES - 1 : mcx_class_of[(room + 7) / 8];
}

static inline void mcx_pool_count_carved(memctx *ctx, unsigned k, size_t stride, size_t slack)
{
	mcx_count_carved(ctx, k, slack);
	mcx_slot(ctx)->live_bytes += stride;
}

/* The same where mcx_pool_begin() was called since the last reset. */
static inline void mcx_pool_count_marked(memctx *ctx, unsigned k, size_t stride, size_t slack)
{
	*MCX_CARVED(&ctx->bin[k]) += MCX_ONE + slack;
	mcx_slot(ctx)->live_bytes += stride;
}

/*
 * The same after ctx->free has moved on, where that less live_bytes is BASE: a store, where adding
 * to the sum would make each allocation wait for the one before.
 */
static inline void mcx_pool_count_based(memctx *ctx, unsigned k, size_t slack, uintptr_t base)
{
	*MCX_CARVED(&ctx->bin[k]) += MCX_ONE + slack;
	mcx_slot(ctx)->live_bytes = (uintptr_t)ctx->free - base;
}

/* BASE for carving from ctx->free on. */
static inline uintptr_t mcx_pool_base(const memctx *ctx)
{
	return (uintptr_t)ctx->free - mcx_slot(ctx)->live_bytes;
}

#define MCX_USED_ALL ((uint16_t)((1u << MEMCTX_CLASSES) - 1))

/*
 * A keeper that nothing is carved from yet is closed (ctx->end is ctx->free), so that the first
 * chunk takes the slow way.  This opens it and marks all classes as used; false where that was
 * done.
 */
static inline bool mcx_pool_begin(memctx *ctx)
{
	if ((ctx->used & MCX_USED_ALL) != 0)
		return false;
	ctx->used |= MCX_USED_ALL;
	ctx->free = ctx->keeper->free;
	ctx->end = ctx->keeper->end;
	return true;
}

static inline void mcx_pool_count_reused(memctx *ctx, unsigned k, size_t stride, size_t slack)
{
	*MCX_REUSED(&ctx->bin[k]) += MCX_ONE + slack;
	mcx_slot(ctx)->live_bytes += stride;
	mcx_slot(ctx)->free_bytes -= stride;
}

static inline void mcx_pool_count_freed(memctx *ctx, unsigned k, size_t stride, size_t slack)
{
	*MCX_FREED(&ctx->bin[k]) += MCX_ONE + slack;
	mcx_slot(ctx)->live_bytes -= stride;
	mcx_slot(ctx)->free_bytes += stride;
}

/* N free chunks of class K, of BYTES in all, are no chunks any more. */
static inline void mcx_pool_count_gone(memctx *ctx, unsigned k, uint64_t n, size_t bytes)
{
	*MCX_CARVED(&ctx->bin[k]) -= n << MCX_COUNT_SHIFT;
	*MCX_FREED(&ctx->bin[k]) -= n << MCX_COUNT_SHIFT;
	mcx_slot(ctx)->free_bytes -= bytes;
	mcx_record(ctx)->life.carved += n;
}

/* One free chunk of BYTES is there that no allocation made. */
static inline void mcx_pool_count_cut(memctx *ctx, unsigned k, size_t bytes)
{
	mcx_count_carved(ctx, k, 0);
	*MCX_FREED(&ctx->bin[k]) += MCX_ONE;
	mcx_slot(ctx)->free_bytes += bytes;
	mcx_record(ctx)->life.cut++;
}

/* Records the allocation of PAYLOAD, which is not large, and returns it. */
static inline void *mcx_pool_told(memctx *ctx, size_t size, void *payload)
{
	uint64_t word = ((uint64_t)(uintptr_t)ctx + REGION_SIZED) << MCX_ADDRESS_SHIFT;

	return mcx_event(ctx, word + (size << MCX_SLACK_SHIFT) + MCX_TAG_OTHER,
		mcx_what_chunk(REGION_ALLOC, payload), payload);
}

/*
 * What every such kind does at its creation: its records, small_end 0, the keeper where HAS_KEEPER.
 * False with ENOMEM.
 */
bool mcx_pool_create(memctx *ctx, const struct memctx_options *options, size_t block_header,
	size_t chunk_header, bool has_keeper) MCX_HIDDEN;
/* The largest size that is not large. */
size_t mcx_pool_limit(const struct memctx_options *options) MCX_HIDDEN;

/* The methods that all share; usable() and free() are the kind's. */
void *mcx_pool_realloc(memctx *ctx, void *payload, size_t size) MCX_HIDDEN;
size_t mcx_pool_requested(const memctx *ctx, const void *payload) MCX_HIDDEN;
void mcx_pool_set_requested(memctx *ctx, void *payload, size_t size) MCX_HIDDEN;
void mcx_pool_reset(memctx *ctx) MCX_HIDDEN;
void mcx_pool_destroy(memctx *ctx) MCX_HIDDEN;
/* The chunks of a large block alone. */
void mcx_pool_each_large(const memctx *ctx, const struct memctx_block_info *block,
	memctx_chunk_fn *func, void *arg) MCX_HIDDEN;
/* Describes a chunk of CTX where memctx_describe() alone cannot; false: there is none. */
typedef bool mcx_info_fn(const memctx *ctx, const void *payload, struct memctx_chunk_info *info);
/* The chunks of a block, each of its stride, a word before each. */
void mcx_pool_each_chunk(const memctx *ctx, const struct memctx_block_info *block,
	mcx_info_fn *describe, memctx_chunk_fn *func, void *arg) MCX_HIDDEN;
/* Of a kind without lists. */
void mcx_pool_each_free(
	const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg) MCX_HIDDEN;

/* ---- Proofs (pool_look.c) ---- */

struct mcx_proof {
	const memctx *ctx;
	memctx_check_fn *func;
	void *arg;
	size_t broken;
	uint64_t live[MEMCTX_CLASSES], free[MEMCTX_CLASSES], slack[MEMCTX_CLASSES];
	/* An aset's: over a class's free chunks, and over where their links and the bin lead. */
	uint64_t stand[MEMCTX_CLASSES], lead[MEMCTX_CLASSES];
	uint64_t blocks, bytes, live_bytes, free_bytes, large, large_requested, large_bytes;
};

void mcx_broken(struct mcx_proof *proof, const char *format, ...)
	__attribute__((format(printf, 2, 3))) MCX_HIDDEN;

/* A small block's chunks are the kind's to prove. */
typedef void mcx_prove_fn(struct mcx_proof *proof, const struct mcx_block *block);

/*
 * Proves the list of blocks, PROVE's small ones and the large ones, and then the counters; returns
 * what is broken.  EXTRA (may be NULL) proves what else the kind keeps, of a sound walk.
 */
size_t mcx_pool_prove(const memctx *ctx, memctx_check_fn *func, void *arg, mcx_prove_fn *prove,
	void (*extra)(struct mcx_proof *proof)) MCX_HIDDEN;
/* Takes a chunk into the sums: in use with SLACK, or free. */
void mcx_prove_live(struct mcx_proof *proof, size_t room, size_t stride, size_t slack) MCX_HIDDEN;
void mcx_prove_free(struct mcx_proof *proof, unsigned k, size_t stride) MCX_HIDDEN;
/* BLOCK's chunks from its start on, by PROVE, which returns a stride, or 0 after a report. */
void mcx_prove_chunks(struct mcx_proof *proof, const struct mcx_block *block,
	size_t (*prove)(struct mcx_proof *proof, const char *payload)) MCX_HIDDEN;
/* Whether WORD is that of a chunk in use of the context, with at most ROOM slack. */
bool mcx_prove_word(struct mcx_proof *proof, uint64_t word, size_t room) MCX_HIDDEN;

#endif
