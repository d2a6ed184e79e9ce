/* SPDX-License-Identifier: MIT */
/*
 * The kind bump: chunks without headers, which only a reset frees.  The idea is that of
 * PostgreSQL's bump.c, of obstacks and of APR's pools.
 *
 * A chunk is carved from the open block at the next multiple of the alignment; nothing of it is
 * kept but that it is counted.  Large chunks have blocks and headers as everywhere, so freeing one
 * is noticed for certain.  The eight bytes before a block's first chunk are 0, which is no header.
 *
 * What is usual of an allocation stands in aset.c, with that of memctx_alloc() of other kinds.
 *
 * Invariants: what a block has carved is in use; B1: each class has at most its size in slack; B2:
 * counters of what was freed or reused stay 0.
 */
#include <errno.h>

#include "pool.h"

struct bump_block {
	struct mcx_block block;
	uint64_t zero;
};

#define BUMP_HEADER sizeof(struct bump_block)
_Static_assert(BUMP_HEADER % 16 == 0, "a block's first chunk is aligned to 16");

static inline size_t bump_stride(const memctx *ctx, size_t size)
{
	/* One byte more for nothing, so that it has an address of its own. */
	return (size + (size == 0) + ctx->align) & ~(size_t)ctx->align;
}

/* STRIDE bytes of the open block, which has them; the chunk itself is the last ROOM. */
static inline void *bump_carve(memctx *ctx, size_t size, size_t stride, size_t room)
{
	char *payload = ctx->free + (stride - room);

	ctx->free += stride;
	mcx_pool_count_based(ctx, mcx_class_of[(stride + 7) / 8], stride - size, ctx->bump_base);
	mcx_watch_alloc(ctx, payload, size, room);
	return payload;
}

/* The next block, for a chunk of STRIDE bytes, where this thread has one of that size; or NULL. */
static inline struct mcx_block *bump_cached(memctx *ctx, size_t stride)
{
	size_t size = ctx->next_size;

	if (size < stride + BUMP_HEADER || !mcx_allow(ctx, size))
		return NULL;
	return mcx_block_begin(ctx, mcx_filled_get(size), size);
}

/* Opens a block that has STRIDE bytes; false with ENOMEM. */
static __attribute__((noinline)) bool bump_open(memctx *ctx, size_t stride)
{
	struct mcx_block *block;

	if (mcx_pool_begin(ctx)) {
		ctx->bump_base = mcx_pool_base(ctx);
		if ((size_t)(ctx->end - ctx->free) >= stride)
			return true;
	}
	block = bump_cached(ctx, stride);
	if (block == NULL)
		block = mcx_block_grow(ctx, stride);
	if (block == NULL)
		return false;
	((struct bump_block *)block)->zero = 0;
	mcx_block_open(ctx, block);
	mcx_block_double(ctx);
	ctx->bump_base = mcx_pool_base(ctx);
	return true;
}

static inline void *bump_alloc_small(memctx *ctx, size_t size)
{
	size_t stride = bump_stride(ctx, size);

	if ((size_t)(ctx->end - ctx->free) < stride && !bump_open(ctx, stride))
		return NULL;
	return bump_carve(ctx, size, stride, stride);
}

static void *bump_alloc(memctx *ctx, size_t size)
{
	void *payload;

	if (mcx_unlikely(size >= ctx->chunk_end))
		return mcx_large_alloc_told(ctx, size);
	payload = bump_alloc_small(ctx, size);
	return payload == NULL ? NULL : mcx_pool_told(ctx, size, payload);
}

/* A large chunk that has SIZE bytes aligned to ALIGN in it. */
static void *bump_large_aligned(memctx *ctx, size_t size, size_t align)
{
	char *payload;
	void *behind;

	if (size > SIZE_MAX - align) {
		errno = ENOMEM;
		return NULL;
	}
	behind = mcx_large_alloc(ctx, size + align);
	if (behind == NULL)
		return NULL;
	payload = (char *)behind + (-(uintptr_t)behind & (align - 1));
	mcx_large_set_size(ctx, mcx_large_block(behind), size);
	mcx_watch_moved(behind, mcx_large_usable(behind), behind, payload, 0, size);
	return payload;
}

static void *bump_alloc_aligned(memctx *ctx, size_t size, size_t align)
{
	size_t room = bump_stride(ctx, size), pad;
	void *payload;

	if (size >= ctx->chunk_end || align >= ctx->chunk_end - size) {
		payload = bump_large_aligned(ctx, size, align);
	} else {
		pad = -(uintptr_t)ctx->free & (align - 1);
		if ((size_t)(ctx->end - ctx->free) < room + pad) {
			if (!bump_open(ctx, room + align))
				return NULL;
			pad = -(uintptr_t)ctx->free & (align - 1);
		}
		payload = bump_carve(ctx, size, room + pad, room);
	}
	if (payload != NULL)
		mcx_event_sized(ctx, payload, size, align);
	return payload;
}

static void bump_free(memctx *ctx, void *payload)
{
	(void)ctx;
	mcx_misuse("memctx_free: a chunk of a bump context is freed by a reset alone", payload);
}

static void *bump_realloc(memctx *ctx, void *payload, size_t size)
{
	(void)ctx;
	(void)size;
	mcx_misuse("memctx_realloc: a chunk of a bump context cannot be resized", payload);
	return NULL;
}

static size_t bump_usable(const memctx *ctx, const void *payload)
{
	(void)ctx;
	return mcx_large_usable(payload);
}

static bool bump_create(memctx *ctx, const struct memctx_options *options)
{
	if (!mcx_pool_create(ctx, options, BUMP_HEADER, 0, true))
		return false;
	((struct bump_block *)ctx->keeper)->zero = 0;
	ctx->chunk_end = (uint32_t)mcx_pool_limit(options) + 1;
	ctx->small_end = options->align == 8 ? ctx->chunk_end : 0;
	return true;
}

/*
 * Gives back the small blocks but the keeper.  They were filled to the end, or will be, so those of
 * one size more are worth keeping than of other kinds.
 */
static void bump_release(memctx *ctx)
{
	struct mcx_block *block, *next;

	if (!mcx_block_is_large(ctx->blocks))
		ctx->blocks->free = mcx_block_free(ctx, ctx->blocks);
	for (block = ctx->blocks; block != NULL; block = next) {
		size_t bytes = mcx_block_size(block);

		next = block->next;
		if (block == ctx->keeper || mcx_block_is_large(block))
			continue;
		mcx_watch_release(mcx_block_start(ctx, block), block->free, block->end);
		mcx_block_unlink(ctx, block);
		mcx_discharge(ctx, bytes, 1);
		mcx_filled_put(block, bytes);
	}
	ctx->next_size = mcx_record(ctx)->init_size;
}

/* As mcx_pool_reset(), of counters that say what was carved and no more. */
static void bump_reset(memctx *ctx)
{
	struct region_record *record = mcx_record(ctx);
	uint64_t carved = 0;

	for (unsigned k = 0; k < MEMCTX_CLASSES; k++) {
		carved += record->carved[k] >> MCX_COUNT_SHIFT;
		record->carved[k] = 0;
	}
	record->life.carved += carved;
	record->life.dropped += carved;
	ctx->used &= (uint16_t)~MCX_USED_ALL;
	if (mcx_slot(ctx)->nblocks > 1)
		bump_release(ctx);
	mcx_pool_reset(ctx);
}

/* ---- The proof ---- */

static void prove_block(struct mcx_proof *proof, const struct mcx_block *block)
{
	const char *start = mcx_block_start(proof->ctx, block);
	size_t bytes = (size_t)(mcx_block_free(proof->ctx, block) - start);

	proof->live_bytes += bytes;
	if (((const struct bump_block *)block)->zero != 0)
		mcx_broken(proof, "I2: something was written before the first chunk of a block");
}

/* Chunks leave no trace, so only what cannot be is found. */
static void prove_classes(struct mcx_proof *proof)
{
	const struct region_slot *slot = mcx_slot(proof->ctx);
	struct memctx_stats stats;

	memctx_stats(proof->ctx, &stats);
	for (unsigned k = 0; k < MEMCTX_CLASSES; k++) {
		const struct memctx_class_stats *class = &stats.classes[k];

		if (slot->freed[k] != 0 || slot->reused[k] != 0)
			mcx_broken(proof, "B2: class %u has chunks that were freed", k);
		if (class->slack > class->live * class->size)
			mcx_broken(proof, "B1: class %u has more slack than bytes", k);
		proof->live[k] = class->live;
		proof->slack[k] = class->slack;
	}
}

static size_t bump_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	return mcx_pool_prove(ctx, func, arg, prove_block, prove_classes);
}

const struct mcx_methods mcx_bump_methods = {
	.create = bump_create,
	.alloc = bump_alloc,
	.alloc_quiet = mcx_large_alloc, /* for moving a chunk, which none of these is */
	.alloc_aligned = bump_alloc_aligned,
	.free = bump_free,
	.realloc = bump_realloc,
	.usable = bump_usable,
	.requested = mcx_pool_requested,
	.set_requested = mcx_pool_set_requested,
	.reset = bump_reset,
	.destroy = mcx_pool_destroy,
	.each_block = mcx_blocks_each,
	.each_chunk = mcx_pool_each_large,
	.each_free = mcx_pool_each_free,
	.check = bump_check,
};
