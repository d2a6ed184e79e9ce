/* SPDX-License-Identifier: MIT */
/*
 * Blocks: what every kind of context does with them, and the large chunks that have one each.
 *
 * Invariant: ctx->blocks is a list linked both ways with the open block first, if there is one;
 * small blocks begin with block_header bytes of the record, large ones with MCX_BLOCK_HEADER.
 */
#ifndef MCX_BLOCK_H
#define MCX_BLOCK_H

#include "chunk.h"

/* A large chunk's block carries this in its owner pointer. */
#define MCX_BLOCK_LARGE ((uintptr_t)1)

/* Bytes before a large chunk's payload. */
#define MCX_LARGE_HEADER (MCX_BLOCK_HEADER + MCX_WORD)

static inline bool mcx_block_is_large(const struct mcx_block *block)
{
	return ((uintptr_t)block->owner & MCX_BLOCK_LARGE) != 0;
}

static inline struct mcx_block *mcx_large_block(const void *payload)
{
	return (struct mcx_block *)(void *)((char *)(uintptr_t)payload - MCX_LARGE_HEADER);
}

/* Where the chunks of a small block begin. */
static inline char *mcx_block_start(const memctx *ctx, const struct mcx_block *block)
{
	return (char *)(uintptr_t)block + mcx_record(ctx)->block_header;
}

static inline size_t mcx_block_size(const struct mcx_block *block)
{
	return (size_t)(block->end - (const char *)block);
}

static inline uint64_t mcx_large_word(const memctx *ctx)
{
	return (uint64_t)(uintptr_t)&ctx->bin[MCX_LARGE] << MCX_ADDRESS_SHIFT | MCX_TAG_OTHER;
}

/* Of a word that is other: whether it is that of a large chunk. */
static inline bool mcx_word_is_large(uint64_t word)
{
	return mcx_word_address(word) % MCX_UNIT == MCX_LARGE * sizeof(void *);
}

/* Where carving stands in a small BLOCK of CTX. */
static inline char *mcx_block_free(const memctx *ctx, const struct mcx_block *block)
{
	return block == ctx->blocks && ctx->end == block->end ? ctx->free : block->free;
}

/* The counters of a class: COUNT chunks carved, with SLACK in all. */
static inline void mcx_count_carved(memctx *ctx, unsigned k, size_t slack)
{
	uint64_t *carved = MCX_CARVED(&ctx->bin[k]);

	if (*carved == 0)
		ctx->used |= (uint16_t)(1u << k);
	*carved += MCX_ONE + slack;
}

/* Clears a class's counters, and keeps what they said over the context's life. */
static inline void mcx_fold_counters(
	struct region_record *record, uint64_t *carved, uint64_t *reused, uint64_t *freed)
{
	uint64_t live = (*carved + *reused - *freed) >> MCX_COUNT_SHIFT;

	record->life.carved += *carved >> MCX_COUNT_SHIFT;
	record->life.reused += *reused >> MCX_COUNT_SHIFT;
	record->life.dropped += live;
	*carved = *reused = *freed = 0;
}

static inline void mcx_fold_class(memctx *ctx, struct region_record *record, unsigned k)
{
	void **bin = &ctx->bin[k];

	mcx_fold_counters(record, MCX_CARVED(bin), MCX_REUSED(bin), MCX_FREED(bin));
}

/* A small block's structure, filled in; its chunks' room is marked as nobody's. */
void mcx_block_init(memctx *ctx, struct mcx_block *block, size_t size) MCX_HIDDEN;
/* Makes BLOCK the open one. */
void mcx_block_open(memctx *ctx, struct mcx_block *block) MCX_HIDDEN;
/* Puts BLOCK into the list behind the open one, or out of it. */
void mcx_block_link(memctx *ctx, struct mcx_block *block) MCX_HIDDEN;
void mcx_block_unlink(memctx *ctx, struct mcx_block *block) MCX_HIDDEN;
/*
 * A block for a chunk of STRIDE bytes, in no list: of the next size, or where that is refused, half
 * of it and so on.  A limit thus lets a context use what it has left.
 */
struct mcx_block *mcx_block_grow(memctx *ctx, size_t stride) MCX_HIDDEN;
/* BLOCK's SIZE bytes were allowed; it is accounted for and filled in.  NULL: there is no memory. */
struct mcx_block *mcx_block_begin(memctx *ctx, struct mcx_block *block, size_t size) MCX_HIDDEN;
/* A block of SIZE bytes exactly, in no list; NULL with ENOMEM. */
struct mcx_block *mcx_block_new(memctx *ctx, size_t size) MCX_HIDDEN;
/* Makes the next block twice the last, up to the context's max. */
void mcx_block_double(memctx *ctx) MCX_HIDDEN;
/* Gives a block back, which is in no list any more or in one that ends. */
void mcx_block_release(memctx *ctx, struct mcx_block *block) MCX_HIDDEN;

/* The keeper of a new context with these options, opened; false with ENOMEM. */
bool mcx_keeper_get(memctx *ctx, const struct memctx_options *options) MCX_HIDDEN;
/* Gives back every block but the keeper (NULL: every block), which becomes the open one. */
void mcx_blocks_release(memctx *ctx) MCX_HIDDEN MCX_COLD;
/* Ends the life of a context that was reset. */
void mcx_keeper_put(memctx *ctx) MCX_HIDDEN;

/* A large chunk's block's size, or 0 where it cannot be. */
size_t mcx_large_size(size_t size) MCX_HIDDEN;
void *mcx_large_alloc(memctx *ctx, size_t size) MCX_HIDDEN;
/* The same, recorded. */
void *mcx_large_alloc_told(memctx *ctx, size_t size) MCX_HIDDEN;
void mcx_large_free(memctx *ctx, void *payload) MCX_HIDDEN;
/* Resizes a large chunk, which stays one; NULL with ENOMEM: it is as it was. */
void *mcx_large_resize(memctx *ctx, void *payload, size_t size) MCX_HIDDEN;
void mcx_large_set_size(memctx *ctx, struct mcx_block *block, size_t size) MCX_HIDDEN;

static inline size_t mcx_large_usable(const void *payload)
{
	return mcx_block_size(mcx_large_block(payload)) - MCX_LARGE_HEADER;
}

/* What memctx_each_block() tells of every block. */
void mcx_blocks_each(const memctx *ctx, memctx_block_fn *func, void *arg) MCX_HIDDEN;

#endif
