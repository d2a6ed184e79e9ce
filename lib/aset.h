/* SPDX-License-Identifier: MIT */
/*
 * What the files of the kind aset share: aset.c (allocation, free, blocks), aset_realloc.c and
 * aset_look.c (walks and proofs).
 */
#ifndef MCX_ASET_H
#define MCX_ASET_H

#include "chunk.h"

/* A large chunk's block carries this in its owner pointer. */
#define ASET_BLOCK_LARGE ((uintptr_t)1)

/* Bytes before a large chunk's payload. */
#define ASET_LARGE_HEADER (MCX_BLOCK_HEADER + MCX_WORD)

static inline bool aset_block_is_large(const struct mcx_block *block)
{
	return ((uintptr_t)block->owner & ASET_BLOCK_LARGE) != 0;
}

static inline struct mcx_block *aset_large_block(const void *payload)
{
	return (struct mcx_block *)(void *)((char *)(uintptr_t)payload - ASET_LARGE_HEADER);
}

static inline char *aset_block_start(const struct mcx_block *block)
{
	return (char *)(uintptr_t)block + MCX_BLOCK_HEADER;
}

static inline size_t aset_block_size(const struct mcx_block *block)
{
	return (size_t)(block->end - (const char *)block);
}

static inline uint64_t aset_large_word(const memctx *ctx)
{
	return (uint64_t)(uintptr_t)&ctx->bin[MCX_LARGE] << MCX_ADDRESS_SHIFT | MCX_TAG_OTHER;
}

/* Where carving stands in BLOCK of CTX. */
static inline char *aset_block_free(const memctx *ctx, const struct mcx_block *block)
{
	return block == ctx->blocks ? ctx->free : block->free;
}

/* The counters of a class: COUNT chunks carved, with SLACK in all. */
static inline void aset_count_carved(memctx *ctx, unsigned k, size_t slack)
{
	uint64_t *carved = MCX_CARVED(&ctx->bin[k]);

	if (*carved == 0)
		ctx->used |= (uint16_t)(1u << k);
	*carved += MCX_ONE + slack;
}

/* A size's block for a large chunk, or 0 where it cannot be. */
size_t mcx_aset_large_size(size_t size) MCX_HIDDEN;

void *mcx_aset_realloc(memctx *ctx, void *chunk, size_t size) MCX_HIDDEN;
size_t mcx_aset_usable(const memctx *ctx, const void *chunk) MCX_HIDDEN;
size_t mcx_aset_requested(const memctx *ctx, const void *chunk) MCX_HIDDEN;
void mcx_aset_set_requested(memctx *ctx, void *chunk, size_t size) MCX_HIDDEN;
void mcx_aset_each_block(const memctx *ctx, memctx_block_fn *func, void *arg) MCX_HIDDEN;
void mcx_aset_each_chunk(const memctx *ctx, const struct memctx_block_info *block,
	memctx_chunk_fn *func, void *arg) MCX_HIDDEN;
size_t mcx_aset_check(const memctx *ctx, memctx_check_fn *func, void *arg) MCX_HIDDEN;

#endif
