/* SPDX-License-Identifier: MIT */
/*
 * What the files of the kind generation share: generation.c (allocation and free) and
 * generation_look.c (walks and proofs).
 */
#ifndef MCX_GENERATION_H
#define MCX_GENERATION_H

#include "pool.h"

struct mcx_generation_block {
	struct mcx_block block;
	uint64_t dead; /* bytes of dead chunks, with their headers */
	uint32_t live; /* chunks */
	bool is_ripe;
	bool is_swept;                            /* being filled anew */
	struct mcx_generation_block *next, *prev; /* of the ripe ones */
	uint64_t ripe_at;                         /* with so many dead bytes */
};

#define BLOCK_HEADER sizeof(struct mcx_generation_block)
_Static_assert(BLOCK_HEADER % 16 == 0, "a block's first payload is aligned to 16");

/* In front of a payload. */
struct chunk {
	uint32_t offset; /* from the block, in units of 16 bytes */
	uint32_t stride;
	uint64_t word;
};

#define CHUNK_HEADER sizeof(struct chunk)
_Static_assert(CHUNK_HEADER == 16, "so that what a hole leaves has room for a header");

/* So that offsets and strides fit 32 bits. */
#define BLOCK_MAX MCX_GENERATION_BLOCK_MAX
#define DEAD_MAX ((size_t)1 << 31)

MCX_HEADER struct chunk head_load(const char *at)
{
	struct chunk head;

	mcx_header_open(at + MCX_WORD);
	mcx_header_open(at + CHUNK_HEADER);
	head.offset = ((const struct chunk *)(const void *)at)->offset;
	head.stride = ((const struct chunk *)(const void *)at)->stride;
	head.word = ((const struct chunk *)(const void *)at)->word;
	mcx_header_close(at + MCX_WORD);
	mcx_header_close(at + CHUNK_HEADER);
	return head;
}

static inline const char *head_of(const void *payload)
{
	return (const char *)payload - CHUNK_HEADER;
}

static inline struct mcx_generation_block *open_block(const memctx *ctx)
{
	return (struct mcx_generation_block *)ctx->blocks;
}

static inline bool is_dead(const struct chunk *head)
{
	return (head->word & MCX_TAG_MASK) == MCX_TAG_FREE;
}

/* Whether AT is where the open hole of a block begins; then *AT becomes where it ends. */
static inline bool skip_hole(const memctx *ctx, const void *block, const char **at)
{
	if (block != (const void *)ctx->blocks || *at != ctx->free || ctx->free == ctx->end)
		return false;
	*at = ctx->end;
	return true;
}

void mcx_generation_each_block(const memctx *ctx, memctx_block_fn *func, void *arg) MCX_HIDDEN;
void mcx_generation_each_chunk(const memctx *ctx, const struct memctx_block_info *block,
	memctx_chunk_fn *func, void *arg) MCX_HIDDEN;
void mcx_generation_each_free(
	const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg) MCX_HIDDEN;
size_t mcx_generation_check(const memctx *ctx, memctx_check_fn *func, void *arg) MCX_HIDDEN;

#endif
