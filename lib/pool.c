/* SPDX-License-Identifier: MIT */
/*
 * What the kinds other than the usual aset share: see pool.h.
 *
 * Invariant: a resize in place changes slack alone; a move is a free that no free, and an alloc
 * that no alloc, counts.  On failure the chunk is as it was.
 */
#include <errno.h>
#include <string.h>

#include "pool.h"

size_t mcx_pool_limit(const struct memctx_options *options)
{
	size_t limit = options->max_size / 4 & ~(size_t)15;

	return limit < MCX_POOL_LIMIT ? limit : MCX_POOL_LIMIT;
}

bool mcx_pool_create(memctx *ctx, const struct memctx_options *options, size_t block_header,
	size_t chunk_header, bool has_keeper)
{
	struct region_record *record = mcx_record(ctx);

	record->block_header = (uint8_t)block_header;
	record->chunk_header = (uint8_t)chunk_header;
	record->by_bytes = 1;
	ctx->align = (uint8_t)(options->align - 1);
	if (has_keeper) {
		if (!mcx_keeper_get(ctx, options))
			return false;
		ctx->end = ctx->free;
		return true;
	}
	if (!mcx_allow(ctx, MCX_UNIT))
		return false;
	mcx_account(ctx, MCX_UNIT, 0);
	return true;
}

/* ---- Sizes ---- */

size_t mcx_pool_requested(const memctx *ctx, const void *payload)
{
	uint64_t word = mcx_word_load(payload);

	if (mcx_word_is_large(word))
		return mcx_large_block(payload)->requested;
	return ctx->methods->usable(ctx, payload) - mcx_word_middle(word);
}

void mcx_pool_set_requested(memctx *ctx, void *payload, size_t size)
{
	uint64_t word = mcx_word_load(payload);
	size_t room, slack;

	if (mcx_word_is_large(word)) {
		mcx_large_set_size(ctx, mcx_large_block(payload), size);
		return;
	}
	room = ctx->methods->usable(ctx, payload);
	slack = room - size;
	*MCX_FREED(&ctx->bin[mcx_pool_class(room)]) += mcx_word_middle(word) - slack;
	mcx_word_store(payload, mcx_pool_word(ctx, mcx_pool_byte(word), slack));
}

static void *pool_move(memctx *ctx, void *payload, size_t old_size, size_t size)
{
	void *moved = ctx->methods->alloc_quiet(ctx, size);

	if (moved == NULL)
		return NULL;
	memcpy(moved, payload, old_size);
	mcx_free_quiet(ctx, payload);
	mcx_record(ctx)->life.allocs--;
	return moved;
}

static void *pool_resize(memctx *ctx, void *payload, size_t size)
{
	size_t room = ctx->methods->usable(ctx, payload);
	size_t old_size = ctx->methods->requested(ctx, payload);

	mcx_watch_end(payload, old_size, room);
	if (mcx_word_is_large(mcx_word_load(payload)))
		return mcx_large_resize(ctx, payload, size);
	if (size > room && ctx->methods->extend != NULL && ctx->methods->extend(ctx, payload, size))
		room = ctx->methods->usable(ctx, payload);
	if (size > room)
		return pool_move(ctx, payload, old_size, size);
	ctx->methods->set_requested(ctx, payload, size);
	mcx_watch_resize(ctx, payload, old_size, size, room);
	return payload;
}

void *mcx_pool_realloc(memctx *ctx, void *payload, size_t size)
{
	void *moved = pool_resize(ctx, payload, size);

	if (moved == NULL)
		return NULL;
	mcx_record(ctx)->life.reallocs++;
	mcx_event_chunk(ctx, REGION_REALLOC, moved, moved == payload ? NULL : payload, 0);
	return moved;
}

/* ---- Life ---- */

void mcx_pool_reset(memctx *ctx)
{
	struct region_record *record = mcx_record(ctx);
	struct region_slot *slot = mcx_slot(ctx);
	unsigned used = ctx->used;

	record->life.dropped += slot->large_chunks;
	for (used &= (1u << MCX_LARGE) - 1; used != 0; used &= used - 1)
		mcx_fold_class(ctx, record, (unsigned)__builtin_ctz(used));
	ctx->used = 0;
	slot->live_bytes = slot->free_bytes = 0;
	if (ctx->keeper == NULL) {
		mcx_blocks_release(ctx);
		return;
	}
	if (slot->nblocks > 1)
		mcx_blocks_release(ctx);
	ctx->keeper->free = mcx_block_free(ctx, ctx->keeper);
	mcx_watch_wipe(mcx_block_start(ctx, ctx->keeper), ctx->keeper->free, ctx->keeper->end);
	ctx->free = ctx->end = ctx->keeper->free = mcx_block_start(ctx, ctx->keeper);
}

void mcx_pool_destroy(memctx *ctx)
{
	if (ctx->keeper != NULL)
		mcx_keeper_put(ctx);
}

/* ---- Looking ---- */

void mcx_pool_each_large(
	const memctx *ctx, const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg)
{
	struct memctx_chunk_info info;

	(void)ctx;
	if (block->is_large &&
		memctx_describe((const char *)block->address + MCX_LARGE_HEADER, &info))
		func(&info, arg);
}

void mcx_pool_each_chunk(const memctx *ctx, const struct memctx_block_info *block,
	mcx_info_fn *describe, memctx_chunk_fn *func, void *arg)
{
	const char *at = (const char *)block->address + block->header;
	const char *end = (const char *)block->address + block->carved;
	struct memctx_chunk_info info;

	if (block->is_large) {
		mcx_pool_each_large(ctx, block, func, arg);
		return;
	}
	for (; at < end; at += info.stride)
		if (!describe(ctx, at + MCX_WORD, &info) || !func(&info, arg))
			return;
}

void mcx_pool_each_free(const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg)
{
	(void)ctx;
	(void)size_class;
	(void)func;
	(void)arg;
}
