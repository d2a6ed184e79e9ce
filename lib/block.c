/* SPDX-License-Identifier: MIT */
/*
 * Blocks of every kind of context: obtaining them, giving them back, and large chunks.
 *
 * A block is charged to the limits before the system is asked for it, and accounted for once it is
 * there.  A large chunk stands alone in a block of its own, which goes back when it is freed.
 *
 * Invariants: total_bytes and nblocks of the slot are those of the context's list, and the large_…
 * figures those of the large blocks in it.  On failure nothing has changed.
 */
#include <errno.h>
#include <string.h>

#include "block.h"
#include "ring.h"

/* ---- Blocks that chunks are carved from ---- */

void mcx_block_init(memctx *ctx, struct mcx_block *block, size_t size)
{
	block->owner = ctx;
	block->prev = block->next = NULL;
	block->end = (char *)block + size;
	block->free = mcx_block_start(ctx, block);
	mcx_watch_block(block->free, block->end);
}

void mcx_block_open(memctx *ctx, struct mcx_block *block)
{
	struct mcx_block *was = ctx->blocks;

	if (was != NULL) {
		was->free = ctx->free;
		was->prev = block;
	}
	block->prev = NULL;
	block->next = was;
	ctx->blocks = block;
	ctx->free = block->free;
	ctx->end = block->end;
}

void mcx_block_link(memctx *ctx, struct mcx_block *block)
{
	struct mcx_block *open = ctx->blocks;

	block->prev = open;
	block->next = open != NULL ? open->next : NULL;
	if (block->next != NULL)
		block->next->prev = block;
	if (open != NULL)
		open->next = block;
	else
		ctx->blocks = block;
}

void mcx_block_unlink(memctx *ctx, struct mcx_block *block)
{
	if (block->prev != NULL)
		block->prev->next = block->next;
	else
		ctx->blocks = block->next;
	if (block->next != NULL)
		block->next->prev = block->prev;
}

struct mcx_block *mcx_block_begin(memctx *ctx, struct mcx_block *block, size_t size)
{
	if (block == NULL) {
		mcx_forgo(ctx, size);
		return NULL;
	}
	/*
	 * Of the block that is open last some part is never used, and a huge page is there whole
	 * as soon as it is touched: fine classes, which are to save memory, forgo those behind.
	 */
	mcx_advise_huge(block, ctx->has_part ? size / 2 : size);
	mcx_account(ctx, size, 1);
	mcx_block_init(ctx, block, size);
	return block;
}

struct mcx_block *mcx_block_new(memctx *ctx, size_t size)
{
	return mcx_allow(ctx, size) ? mcx_block_begin(ctx, mcx_block_get(size), size) : NULL;
}

struct mcx_block *mcx_block_grow(memctx *ctx, size_t stride)
{
	size_t size = ctx->next_size, need = stride + mcx_record(ctx)->block_header;

	while (size < need)
		size *= 2;
	for (; size >= need && size >= 1024; size = size / 2 & ~(size_t)7) {
		struct mcx_block *block = mcx_block_new(ctx, size);

		if (block != NULL)
			return block;
	}
	errno = ENOMEM;
	return NULL;
}

void mcx_block_double(memctx *ctx)
{
	ctx->next_size *= 2;
	if (ctx->next_size > mcx_record(ctx)->max_size)
		ctx->next_size = mcx_record(ctx)->max_size;
}

/* A context of the kind malloc has all from the system, and gives it back at once. */
static void large_put(const memctx *ctx, void *memory, size_t bytes)
{
	if (ctx->kind == MEMCTX_MALLOC)
		mcx_own_put(memory, bytes);
	else
		mcx_large_put(memory, bytes);
}

void mcx_block_release(memctx *ctx, struct mcx_block *block)
{
	size_t bytes = mcx_block_size(block);
	bool is_large = mcx_block_is_large(block);

	if (is_large)
		mcx_watch_release((char *)block + MCX_BLOCK_HEADER, block->end, block->end);
	else
		mcx_watch_release(mcx_block_start(ctx, block), block->free, block->end);
	mcx_discharge(ctx, bytes, 1);
	if (is_large)
		large_put(ctx, block, bytes);
	else
		mcx_block_put(block, bytes);
}

/* ---- The keeper ---- */

bool mcx_keeper_get(memctx *ctx, const struct memctx_options *options)
{
	size_t size =
		options->init_size > options->min_size ? options->init_size : options->min_size;
	struct mcx_block *block;

	if (!mcx_allow(ctx, size))
		return false;
	block = mcx_own_get(size - MCX_UNIT);
	if (block == NULL) {
		mcx_forgo(ctx, size);
		return false;
	}
	mcx_account(ctx, size, 1);
	ctx->next_size = options->init_size;
	mcx_block_init(ctx, block, size - MCX_UNIT);
	mcx_block_open(ctx, block);
	ctx->keeper = block;
	return true;
}

void mcx_blocks_release(memctx *ctx)
{
	struct region_slot *slot = mcx_slot(ctx);
	struct mcx_block *block = ctx->blocks, *next;

	if (block != NULL && !mcx_block_is_large(block))
		block->free = mcx_block_free(ctx, block);
	for (; block != NULL; block = next) {
		next = block->next;
		if (block != ctx->keeper)
			mcx_block_release(ctx, block);
	}
	slot->large_chunks = slot->large_requested = slot->large_bytes = 0;
	block = ctx->blocks = ctx->keeper;
	ctx->free = ctx->end = NULL;
	if (block == NULL)
		return;
	block->prev = block->next = NULL;
	ctx->free = block->free;
	ctx->end = block->end;
	ctx->next_size = mcx_record(ctx)->init_size;
}

void mcx_keeper_put(memctx *ctx)
{
	mcx_watch_release(mcx_block_start(ctx, ctx->keeper), mcx_block_start(ctx, ctx->keeper),
		ctx->keeper->end);
	mcx_own_put(ctx->keeper, mcx_block_size(ctx->keeper));
}

/* ---- Large chunks ---- */

size_t mcx_large_size(size_t size)
{
	if (size > (size_t)PTRDIFF_MAX - 4096)
		return 0;
	return MCX_LARGE_HEADER + ((size + 15) & ~(size_t)15);
}

/* Memory for a large chunk's block, allowed by the limits. */
static inline struct mcx_piece large_get(const memctx *ctx, size_t bytes)
{
	if (mcx_unlikely(ctx->kind == MEMCTX_MALLOC))
		return (struct mcx_piece){mcx_own_get(bytes), bytes};
	/*
	 * It is exact where there is a limit: what the bound forbids is then never even asked for.
	 */
	return mcx_large_get(bytes, ctx->limiter != NULL);
}

static MCX_COLD void *large_refused(memctx *ctx, size_t bytes)
{
	if (bytes == 0)
		errno = ENOMEM;
	else
		mcx_forgo(ctx, bytes);
	return NULL;
}

static MCX_INLINE void *large_alloc(memctx *ctx, size_t size)
{
	size_t bytes = mcx_large_size(size);
	struct region_slot *slot = mcx_slot(ctx);
	struct mcx_piece piece;
	struct mcx_block *block;
	void *payload;

	if (mcx_unlikely(bytes == 0))
		return large_refused(ctx, bytes);
	if (mcx_unlikely(!mcx_allow(ctx, bytes)))
		return NULL;
	piece = large_get(ctx, bytes);
	if (mcx_unlikely(piece.memory == NULL))
		return large_refused(ctx, bytes);
	block = piece.memory;
	bytes = piece.size;
	mcx_account(ctx, bytes, 1);
	block->owner = (memctx *)((uintptr_t)ctx | MCX_BLOCK_LARGE);
	block->end = (char *)block + bytes;
	block->requested = size;
	mcx_watch_block((char *)block + MCX_BLOCK_HEADER, block->end);
	mcx_block_link(ctx, block);
	ctx->used |= 1u << MCX_LARGE;
	mcx_count(&slot->large_chunks, 1);
	mcx_count(&slot->large_requested, size);
	mcx_count(&slot->large_bytes, bytes);
	mcx_record(ctx)->life.allocs++;
	payload = (char *)block + MCX_LARGE_HEADER;
	mcx_word_store(payload, mcx_large_word(ctx));
	mcx_watch_alloc(ctx, payload, size, bytes - MCX_LARGE_HEADER);
	return payload;
}

void *mcx_large_alloc(memctx *ctx, size_t size)
{
	return large_alloc(ctx, size);
}

static __attribute__((noinline)) void *large_told(memctx *ctx, void *payload)
{
	if (payload != NULL)
		mcx_event_chunk(ctx, REGION_ALLOC, payload, NULL, 0);
	return payload;
}

void *mcx_large_alloc_told(memctx *ctx, size_t size)
{
	void *payload = large_alloc(ctx, size);

	return mcx_ring_mode() == MCX_RING_OFF ? payload : large_told(ctx, payload);
}

void mcx_large_free(memctx *ctx, void *payload)
{
	struct mcx_block *block = mcx_large_block(payload);
	struct region_slot *slot = mcx_slot(ctx);
	size_t bytes;

	if (block->owner != (memctx *)((uintptr_t)ctx | MCX_BLOCK_LARGE)) {
		mcx_misuse("memctx_free: the header of a large chunk's block is damaged", payload);
		return;
	}
	bytes = mcx_block_size(block);
	mcx_watch_free(ctx, payload, block->requested, bytes - MCX_LARGE_HEADER);
	mcx_block_unlink(ctx, block);
	mcx_count(&slot->large_chunks, -(uint64_t)1);
	mcx_count(&slot->large_requested, -(uint64_t)block->requested);
	mcx_count(&slot->large_bytes, -(uint64_t)bytes);
	mcx_discharge(ctx, bytes, 1);
	mcx_watch_release((char *)block + MCX_BLOCK_HEADER, block->end, block->end);
	*(mcx_any_word *)((char *)payload - MCX_WORD) = MCX_TAG_FREE; /* open, as all of it now */
	large_put(ctx, block, bytes);
}

void mcx_large_set_size(memctx *ctx, struct mcx_block *block, size_t size)
{
	mcx_slot(ctx)->large_requested += size - block->requested;
	block->requested = size;
}

/* Lets the system resize BLOCK to BYTES, already charged; NULL: it is as it was. */
static struct mcx_block *large_move(memctx *ctx, struct mcx_block *block, size_t bytes)
{
	size_t old_bytes = mcx_block_size(block);
	struct mcx_block *moved;

	mcx_watch_lift((char *)block + MCX_BLOCK_HEADER, block->end);
	moved = mcx_block_resize(block, old_bytes, bytes);
	if (moved != NULL) {
		moved->end = (char *)moved + bytes;
		if (moved->prev != NULL)
			moved->prev->next = moved;
		else
			ctx->blocks = moved;
		if (moved->next != NULL)
			moved->next->prev = moved;
		mcx_slot(ctx)->large_bytes += bytes - old_bytes;
	}
	mcx_watch_land(ctx, block, moved != NULL ? moved : block);
	return moved;
}

static struct mcx_block *large_grow(memctx *ctx, struct mcx_block *block, size_t size)
{
	size_t old_bytes = mcx_block_size(block), bytes = mcx_large_size(size);
	struct mcx_block *moved;

	if (bytes == 0 || !mcx_allow(ctx, bytes - old_bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	moved = large_move(ctx, block, bytes);
	if (moved != NULL)
		mcx_account(ctx, bytes - old_bytes, 0);
	else
		mcx_forgo(ctx, bytes - old_bytes);
	return moved;
}

static struct mcx_block *large_shrink(memctx *ctx, struct mcx_block *block, size_t size)
{
	size_t old_bytes = mcx_block_size(block), bytes = mcx_large_size(size);
	struct mcx_block *moved;

	/*
	 * A few bytes are not worth a call to the system: they are slack.  A block that held
	 * something else before may end within the last 16 bytes that SIZE would have.
	 */
	if (bytes >= old_bytes || old_bytes - bytes <= old_bytes / 8)
		return block;
	moved = large_move(ctx, block, bytes);
	if (moved == NULL)
		return block;
	mcx_discharge(ctx, old_bytes - bytes, 0);
	return moved;
}

void *mcx_large_resize(memctx *ctx, void *payload, size_t size)
{
	struct mcx_block *block = mcx_large_block(payload);
#if MCX_WATCHED
	size_t old_size = block->requested;
#endif

	if (size > mcx_block_size(block) - MCX_LARGE_HEADER)
		block = large_grow(ctx, block, size);
	else
		block = large_shrink(ctx, block, size);
	if (block == NULL)
		return NULL;
	mcx_large_set_size(ctx, block, size);
	payload = (char *)block + MCX_LARGE_HEADER;
	mcx_watch_resize(ctx, payload, old_size, size, mcx_block_size(block) - MCX_LARGE_HEADER);
	return payload;
}

/* ---- Looking at them ---- */

static void block_describe(
	const memctx *ctx, const struct mcx_block *block, struct memctx_block_info *info)
{
	bool is_large = mcx_block_is_large(block);

	memset(info, 0, sizeof(*info));
	info->address = block;
	info->size = mcx_block_size(block);
	info->header = is_large ? MCX_BLOCK_HEADER : mcx_record(ctx)->block_header;
	info->carved =
		is_large ? info->size : (size_t)(mcx_block_free(ctx, block) - (const char *)block);
	info->tail = info->size - info->carved;
	info->is_keeper = block == ctx->keeper;
	info->is_open = block == ctx->blocks && !is_large;
	info->is_large = is_large;
}

void mcx_blocks_each(const memctx *ctx, memctx_block_fn *func, void *arg)
{
	for (const struct mcx_block *block = ctx->blocks; block != NULL; block = block->next) {
		struct memctx_block_info info;

		block_describe(ctx, block, &info);
		if (!func(&info, arg))
			return;
	}
}
