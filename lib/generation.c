/* SPDX-License-Identifier: MIT */
/*
 * The kind generation: chunks that live about as long as their neighbours, without freelists.  The
 * idea is that of PostgreSQL's generation.c: a block only counts its chunks in use and is reused or
 * given back when the last is freed.
 *
 * Where lives differ, that alone would hold a block for its last chunk.  So a block whose dead
 * chunks have come to half of it is ripe: when the open block is full, a ripe one is opened and
 * filled anew, hole by hole, where a hole is a run of dead chunks.  That is the sweep of the
 * mark-region collectors (Immix), with frees in place of the marks.
 *
 * In front of a chunk stand 16 bytes: its offset in the block, its stride, and its word.  Strides
 * are multiples of 16, so whatever is left of a hole is a chunk again, a dead one.  The last chunk
 * of the open block can grow in place.
 *
 * Invariants: G1 chunks and the open hole fill the carved part of a block without a gap; G2 a
 * block's count and dead bytes are those of its chunks; G3 the list of ripe blocks has those that
 * say so.
 */
#include "generation.h"

MCX_HEADER void head_store(char *at, uint32_t offset, uint32_t stride, uint64_t word)
{
	struct chunk *head = (struct chunk *)(void *)at;

	mcx_header_open(at + MCX_WORD);
	mcx_header_open(at + CHUNK_HEADER);
	head->offset = offset;
	head->stride = stride;
	head->word = word;
	mcx_header_close(at + MCX_WORD);
	mcx_header_close(at + CHUNK_HEADER);
}

static inline size_t stride_for(size_t size)
{
	/* Something for nothing, so that it has an address of its own. */
	return CHUNK_HEADER + ((size + (size == 0) + 15) & ~(size_t)15);
}

/* Writes the header of BYTES dead bytes at AT. */
static void head_dead(const struct mcx_generation_block *block, char *at, size_t bytes)
{
	head_store(at, (uint32_t)((size_t)(at - (const char *)block) / 16), (uint32_t)bytes,
		mcx_pool_word_free(mcx_pool_class(bytes - CHUNK_HEADER), NULL));
}

/* ---- Ripe blocks ---- */

static void ripe_add(struct mcx_generation *generation, struct mcx_generation_block *block)
{
	block->is_ripe = true;
	block->prev = NULL;
	block->next = generation->ripe;
	if (block->next != NULL)
		block->next->prev = block;
	generation->ripe = block;
}

static void ripe_remove(struct mcx_generation *generation, struct mcx_generation_block *block)
{
	if (!block->is_ripe)
		return;
	block->is_ripe = false;
	if (block->prev != NULL)
		block->prev->next = block->next;
	else
		generation->ripe = block->next;
	if (block->next != NULL)
		block->next->prev = block->prev;
}

static void block_begin(struct mcx_generation_block *block)
{
	block->dead = 0;
	block->live = 0;
	block->is_ripe = false;
	block->is_swept = false;
	block->ripe_at = mcx_block_size(&block->block) / 2;
}

/* After a sweep: what it left must grow by an eighth of the block before the next one pays. */
static void block_swept(struct mcx_generation_block *block)
{
	size_t size = mcx_block_size(&block->block);

	block->ripe_at = block->dead + size / 8 > size / 2 ? block->dead + size / 8 : size / 2;
}

/* ---- Where chunks are carved: the tail of the open block, or a hole of it ---- */

/* A place to carve: END is the block's, or where a hole ends. */
struct place {
	struct mcx_generation_block *block;
	char *at, *end;
};

/* The end of the dead run that begins at AT, before FREE. */
static char *run_end(char *at, const char *free)
{
	const char *start = at;

	while (at < free) {
		struct chunk head = head_load(at);

		if (!is_dead(&head) || (size_t)(at - start) + head.stride > DEAD_MAX)
			break;
		at += head.stride;
	}
	return at;
}

/* Finds the first hole of BLOCK, from AT on, that has STRIDE bytes, or else its tail. */
static bool find_hole(
	struct mcx_generation_block *block, char *at, size_t stride, struct place *place)
{
	char *free = block->block.free;

	while (at < free) {
		char *end = run_end(at, free);

		if ((size_t)(end - at) >= stride) {
			*place = (struct place){block, at, end};
			return true;
		}
		at = end < free ? end + head_load(end).stride : end;
	}
	*place = (struct place){block, free, block->block.end};
	return (size_t)(place->end - place->at) >= stride;
}

/* Sweeps ripe blocks until one has a hole for STRIDE bytes; the others are ripe no more. */
static bool find_ripe(memctx *ctx, size_t stride, struct place *place)
{
	struct mcx_generation_block *block;

	while ((block = ctx->generation.ripe) != NULL) {
		if (find_hole(block, mcx_block_start(ctx, &block->block), stride, place))
			return true;
		ripe_remove(&ctx->generation, block);
		block_swept(block);
	}
	return false;
}

/* Ends carving: what is left of a hole is dead, what is left of a tail stays the tail. */
static void region_close(memctx *ctx)
{
	struct mcx_generation_block *block = open_block(ctx);
	size_t left = (size_t)(ctx->end - ctx->free);

	if (ctx->end == block->block.end) {
		block->block.free = ctx->free;
	} else if (left > 0) {
		head_dead(block, ctx->free, left);
		block->dead += left;
		mcx_pool_count_cut(ctx, mcx_pool_class(left - CHUNK_HEADER), left);
	}
	/* As mcx_block_open() expects it. */
	ctx->free = block->block.free;
	ctx->end = block->block.end;
}

/* Leaves the open block, which may be worth a sweep later. */
static void block_close(memctx *ctx)
{
	struct mcx_generation_block *block = open_block(ctx);

	region_close(ctx);
	if (block->is_swept)
		block_swept(block);
	block->is_swept = false;
	if (block->dead >= block->ripe_at)
		ripe_add(&ctx->generation, block);
}

/* Makes PLACE's block, which is in the list, the open one. */
static void block_reopen(memctx *ctx, struct mcx_generation_block *block)
{
	ripe_remove(&ctx->generation, block);
	if (ctx->blocks == &block->block)
		return;
	block_close(ctx);
	mcx_block_unlink(ctx, &block->block);
	mcx_block_open(ctx, &block->block);
}

/* Carves at PLACE from here on: its dead chunks are none any more. */
static void place_open(memctx *ctx, const struct place *place)
{
	char *at = place->at;
	bool is_hole = at < place->block->block.free;

	if (open_block(ctx) == place->block)
		region_close(ctx);
	block_reopen(ctx, place->block);
	if (!is_hole)
		return;
	place->block->is_swept = true;
	place->block->dead -= (size_t)(place->end - at);
	while (at < place->end) {
		struct chunk head = head_load(at);

		mcx_pool_count_gone(
			ctx, mcx_pool_class(head.stride - CHUNK_HEADER), 1, head.stride);
		at += head.stride;
	}
	ctx->free = place->at;
	ctx->end = place->end;
	mcx_watch_block(ctx->free, ctx->end);
}

static bool block_grow(memctx *ctx, size_t stride)
{
	struct mcx_block *block = mcx_block_grow(ctx, stride);

	if (block == NULL)
		return false;
	block_begin((struct mcx_generation_block *)block);
	block_close(ctx);
	mcx_block_open(ctx, block);
	mcx_block_double(ctx);
	if (ctx->next_size > BLOCK_MAX)
		ctx->next_size = BLOCK_MAX;
	return true;
}

/* Finds where to carve STRIDE bytes: nothing has changed where it fails, with ENOMEM. */
static bool choose_region(memctx *ctx, size_t stride)
{
	struct mcx_generation_block *open = open_block(ctx), *spare = ctx->generation.spare;
	struct place place;

	if (mcx_pool_begin(ctx) && (size_t)(ctx->end - ctx->free) >= stride)
		return true;
	if (ctx->end != open->block.end && find_hole(open, ctx->end, stride, &place)) {
		place_open(ctx, &place);
		return true;
	}
	if (spare != NULL && (size_t)(spare->block.end - spare->block.free) >= stride) {
		ctx->generation.spare = NULL;
		block_reopen(ctx, spare);
		return true;
	}
	if (find_ripe(ctx, stride, &place)) {
		place_open(ctx, &place);
		return true;
	}
	return block_grow(ctx, stride);
}

static MCX_COLD bool find_region(memctx *ctx, size_t stride)
{
	bool found = choose_region(ctx, stride);

	ctx->generation.base = mcx_pool_base(ctx);
	return found;
}

/* ---- Allocation ---- */

static inline void *carve(memctx *ctx, size_t size, size_t stride)
{
	struct mcx_generation_block *block = open_block(ctx);
	char *at = ctx->free;
	size_t room = stride - CHUNK_HEADER, slack = room - size;

	ctx->free += stride;
	block->live++;
	mcx_pool_count_based(ctx, mcx_class_of[(room + 7) / 8], slack, ctx->generation.base);
	head_store(at, (uint32_t)((size_t)(at - (char *)block) / 16), (uint32_t)stride,
		mcx_pool_word(ctx, 0, slack));
	mcx_watch_alloc(ctx, at + CHUNK_HEADER, size, room);
	return at + CHUNK_HEADER;
}

static MCX_COLD void *alloc_region(memctx *ctx, size_t size)
{
	size_t stride = stride_for(size);

	if (size > ctx->generation.limit)
		return mcx_large_alloc_told(ctx, size);
	if (!find_region(ctx, stride))
		return NULL;
	return mcx_pool_told(ctx, size, carve(ctx, size, stride));
}

static void *generation_alloc(memctx *ctx, size_t size)
{
	size_t stride = stride_for(size);

	if (mcx_unlikely(size > ctx->generation.limit || (size_t)(ctx->end - ctx->free) < stride))
		return alloc_region(ctx, size);
	return mcx_pool_told(ctx, size, carve(ctx, size, stride));
}

static void *generation_alloc_quiet(memctx *ctx, size_t size)
{
	size_t stride = stride_for(size);

	if (size > ctx->generation.limit)
		return mcx_large_alloc(ctx, size);
	if ((size_t)(ctx->end - ctx->free) < stride && !find_region(ctx, stride))
		return NULL;
	return carve(ctx, size, stride);
}

/* ---- Free ---- */

/* Takes all chunks, dead ones, out of BLOCK. */
static void block_clear(memctx *ctx, struct mcx_generation_block *block)
{
	char *start = mcx_block_start(ctx, &block->block);
	char *free = mcx_block_free(ctx, &block->block);
	const char *at = start;

	while (at < free) {
		struct chunk head;

		if (skip_hole(ctx, block, &at))
			continue;
		head = head_load(at);
		mcx_pool_count_gone(
			ctx, mcx_pool_class(head.stride - CHUNK_HEADER), 1, head.stride);
		at += head.stride;
	}
	ripe_remove(&ctx->generation, block);
	mcx_watch_wipe(start, free, block->block.end);
	block->block.free = start;
	block_begin(block);
}

/* The last chunk of BLOCK was freed: it is filled from its beginning, kept as the spare, or goes.
 */
static MCX_COLD void block_emptied(memctx *ctx, struct mcx_generation_block *block)
{
	struct mcx_generation *generation = &ctx->generation;

	block_clear(ctx, block);
	if (block == open_block(ctx)) {
		ctx->free = block->block.free;
		ctx->end = block->block.end;
		ctx->generation.base = mcx_pool_base(ctx);
		return;
	}
	if (&block->block == ctx->keeper || generation->spare == NULL) {
		struct mcx_generation_block *was = generation->spare;

		generation->spare = block;
		block = was;
		if (block == NULL || &block->block == ctx->keeper)
			return;
	}
	mcx_block_unlink(ctx, &block->block);
	mcx_block_release(ctx, &block->block);
}

static void generation_free(memctx *ctx, void *payload)
{
	char *at = (char *)payload - CHUNK_HEADER;
	uint64_t word = mcx_word_load(payload);
	struct mcx_generation_block *block;
	struct chunk head;

	if (mcx_unlikely(mcx_word_is_large(word))) {
		mcx_large_free(ctx, payload);
		return;
	}
	head = head_load(at);
	block = (struct mcx_generation_block *)(void *)(at - (size_t)head.offset * 16);
	if (mcx_unlikely(block->block.owner != ctx || block->live == 0)) {
		mcx_misuse(
			"memctx_free: the header of a chunk or of its block is damaged", payload);
		return;
	}
	mcx_watch_free(ctx, payload, head.stride - CHUNK_HEADER - mcx_word_middle(word),
		head.stride - CHUNK_HEADER);
	mcx_pool_count_freed(ctx, mcx_pool_class(head.stride - CHUNK_HEADER), head.stride,
		mcx_word_middle(word));
	ctx->generation.base += head.stride;
	head_dead(block, at, head.stride);
	block->dead += head.stride;
	block->live--;
	if (mcx_unlikely(block->live == 0))
		block_emptied(ctx, block);
	else if (!block->is_ripe && block->dead >= block->ripe_at && block != open_block(ctx))
		ripe_add(&ctx->generation, block);
}

/* ---- The rest of the methods ---- */

/* Lets the last chunk of the open block, or of its open hole, grow. */
static bool generation_extend(memctx *ctx, void *payload, size_t size)
{
	char *at = (char *)payload - CHUNK_HEADER;
	struct chunk head = head_load(at);
	size_t stride = stride_for(size), room = head.stride - CHUNK_HEADER, slack, more;
	unsigned k = mcx_pool_class(room);

	if (size > ctx->generation.limit || at + head.stride != ctx->free ||
		(size_t)(ctx->end - at) < stride)
		return false;
	more = stride - head.stride;
	slack = mcx_word_middle(head.word) + more;
	ctx->free += more;
	/* The chunk leaves its class as if it had never been carved there. */
	*MCX_CARVED(&ctx->bin[k]) -= MCX_ONE;
	*MCX_FREED(&ctx->bin[k]) += mcx_word_middle(head.word);
	mcx_pool_count_carved(ctx, mcx_pool_class(stride - CHUNK_HEADER), more, slack);
	head_store(at, head.offset, (uint32_t)stride, mcx_pool_word(ctx, 0, slack));
	return true;
}

static size_t generation_usable(const memctx *ctx, const void *payload)
{
	(void)ctx;
	if (mcx_word_is_large(mcx_word_load(payload)))
		return mcx_large_usable(payload);
	return head_load(head_of(payload)).stride - CHUNK_HEADER;
}

static bool generation_create(memctx *ctx, const struct memctx_options *options)
{
	ctx->generation.limit = mcx_pool_limit(options);
	if (!mcx_pool_create(ctx, options, BLOCK_HEADER, CHUNK_HEADER, true))
		return false;
	ctx->align = 15;
	block_begin((struct mcx_generation_block *)ctx->keeper);
	return true;
}

static void generation_reset(memctx *ctx)
{
	ctx->generation.ripe = ctx->generation.spare = NULL;
	mcx_pool_reset(ctx);
	block_begin((struct mcx_generation_block *)ctx->keeper);
}

const struct mcx_methods mcx_generation_methods = {
	.create = generation_create,
	.alloc = generation_alloc,
	.alloc_quiet = generation_alloc_quiet,
	.free = generation_free,
	.realloc = mcx_pool_realloc,
	.usable = generation_usable,
	.requested = mcx_pool_requested,
	.set_requested = mcx_pool_set_requested,
	.reset = generation_reset,
	.destroy = mcx_pool_destroy,
	.extend = generation_extend,
	.each_block = mcx_generation_each_block,
	.each_chunk = mcx_generation_each_chunk,
	.each_free = mcx_generation_each_free,
	.check = mcx_generation_check,
};
