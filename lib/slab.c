/* SPDX-License-Identifier: MIT */
/*
 * The kind slab: chunks of one size in blocks that are kept in order of fullness.  The idea is that
 * of Bonwick's slab allocator and of PostgreSQL's slab.c.
 *
 * A block has its own freelist.  Chunks come from the fullest block that has one to give, so nearly
 * empty blocks are left alone, drain, and go back; SLAB_EMPTY_MAX of them are kept.  Three lists,
 * by thirds of the free chunks, are order enough: a block changes its list seldom.  A full block is
 * in no list.
 *
 * A chunk's word has its number in the block in the low byte of the address (that of large chunks
 * left out), so a block is found from a chunk by arithmetic.
 *
 * Invariants: S1 a block's live count is that of its chunks in use; S2 its freelist has its free
 * chunks, each once; S3 a block is in the list of its fullness.
 */
#include "pool.h"

#define SLAB_EMPTY_MAX 10u
#define SLAB_CHUNKS_MAX 255u
#define SLAB_LIST_EMPTY (MCX_SLAB_LISTS - 1)
#define SLAB_LIST_NONE MCX_SLAB_LISTS
#define LARGE_BYTE (MCX_LARGE * (unsigned)sizeof(void *))

struct mcx_slab_block {
	struct mcx_block block; /* its free: where the next chunk is carved */
	void *free;             /* payload of the first free chunk, or NULL */
	uint32_t live;
	uint32_t list;
	struct mcx_slab_block *next, *prev; /* in the list */
};

#define SLAB_HEADER sizeof(struct mcx_slab_block)
_Static_assert(SLAB_HEADER % 16 == 8, "a block's first payload is aligned to 16");

static inline size_t slab_room(const memctx *ctx)
{
	return ctx->slab.stride - MCX_WORD;
}

static inline unsigned byte_of(size_t index)
{
	return (unsigned)index + (index >= LARGE_BYTE);
}

static inline size_t index_of(unsigned byte)
{
	return byte - (byte > LARGE_BYTE);
}

static inline struct mcx_slab_block *block_of(const memctx *ctx, const void *payload, uint64_t word)
{
	size_t before = SLAB_HEADER + MCX_WORD + index_of(mcx_pool_byte(word)) * ctx->slab.stride;

	return (struct mcx_slab_block *)(void *)((char *)(uintptr_t)payload - before);
}

/* ---- Order of fullness ---- */

/* The list of a block with LIVE chunks in use. */
static inline unsigned slab_list(const struct mcx_slab *slab, uint32_t live)
{
	uint32_t free = slab->per_block - live;

	if (live == 0)
		return SLAB_LIST_EMPTY;
	if (free == 0)
		return SLAB_LIST_NONE;
	return free * 3 <= slab->per_block ? 0 : free * 3 <= slab->per_block * 2 ? 1 : 2;
}

static void list_remove(struct mcx_slab *slab, struct mcx_slab_block *block)
{
	if (block->list == SLAB_LIST_NONE)
		return;
	if (block->prev != NULL)
		block->prev->next = block->next;
	else
		slab->lists[block->list] = block->next;
	if (block->next != NULL)
		block->next->prev = block->prev;
	slab->empty -= block->list == SLAB_LIST_EMPTY;
}

static void list_add(struct mcx_slab *slab, struct mcx_slab_block *block, unsigned list)
{
	block->list = list;
	if (list == SLAB_LIST_NONE)
		return;
	block->prev = NULL;
	block->next = slab->lists[list];
	if (block->next != NULL)
		block->next->prev = block;
	slab->lists[list] = block;
	slab->empty += list == SLAB_LIST_EMPTY;
}

/* Puts a block whose live count changed where it belongs. */
static inline void slab_relist(struct mcx_slab *slab, struct mcx_slab_block *block)
{
	unsigned list = slab_list(slab, block->live);

	if (mcx_likely(list == block->list))
		return;
	list_remove(slab, block);
	list_add(slab, block, list);
}

/* ---- Allocation ---- */

static MCX_COLD struct mcx_slab_block *slab_grow(memctx *ctx)
{
	struct mcx_block *got = mcx_block_new(ctx, ctx->slab.block_size);
	struct mcx_slab_block *block = (struct mcx_slab_block *)got;

	if (block == NULL)
		return NULL;
	mcx_block_link(ctx, got);
	block->free = NULL;
	block->live = 0;
	list_add(&ctx->slab, block, SLAB_LIST_EMPTY);
	return block;
}

/* The fullest block that has a chunk to give; NULL with ENOMEM. */
static inline struct mcx_slab_block *slab_fullest(memctx *ctx)
{
	for (unsigned i = 0; i < MCX_SLAB_LISTS; i++)
		if (ctx->slab.lists[i] != NULL)
			return ctx->slab.lists[i];
	return slab_grow(ctx);
}

static inline void *slab_take(memctx *ctx, struct mcx_slab_block *block, size_t size)
{
	size_t stride = ctx->slab.stride, slack = slab_room(ctx) - size, index;
	char *payload = block->free;

	if (payload != NULL) {
		block->free = (void *)mcx_word_address(mcx_word_load(payload));
		mcx_pool_count_reused(ctx, ctx->slab.class, stride, slack);
	} else {
		payload = block->block.free + MCX_WORD;
		block->block.free += stride;
		mcx_pool_count_carved(ctx, ctx->slab.class, stride, slack);
	}
	index = (size_t)(payload - MCX_WORD - ((char *)block + SLAB_HEADER)) / stride;
	mcx_word_store(payload, mcx_pool_word(ctx, byte_of(index), slack));
	block->live++;
	slab_relist(&ctx->slab, block);
	mcx_watch_alloc(ctx, payload, size, slab_room(ctx));
	return payload;
}

static void *slab_alloc_quiet(memctx *ctx, size_t size)
{
	struct mcx_slab_block *block;

	if (mcx_unlikely(ctx->slab.per_block == 0 || size > slab_room(ctx)))
		return mcx_large_alloc(ctx, size);
	block = slab_fullest(ctx);
	return block != NULL ? slab_take(ctx, block, size) : NULL;
}

static void *slab_alloc(memctx *ctx, size_t size)
{
	struct mcx_slab_block *block;

	if (mcx_unlikely(ctx->slab.per_block == 0 || size > slab_room(ctx)))
		return mcx_large_alloc_told(ctx, size);
	block = slab_fullest(ctx);
	if (mcx_unlikely(block == NULL))
		return NULL;
	return mcx_pool_told(ctx, size, slab_take(ctx, block, size));
}

/* ---- Free ---- */

static MCX_COLD void slab_release(memctx *ctx, struct mcx_slab_block *block)
{
	size_t bytes = (size_t)(block->block.free - ((char *)block + SLAB_HEADER));

	list_remove(&ctx->slab, block);
	mcx_block_unlink(ctx, &block->block);
	mcx_pool_count_gone(ctx, ctx->slab.class, bytes / ctx->slab.stride, bytes);
	mcx_block_release(ctx, &block->block);
}

static void slab_free(memctx *ctx, void *payload)
{
	uint64_t word = mcx_word_load(payload);
	struct mcx_slab_block *block;

	if (mcx_unlikely(mcx_word_is_large(word))) {
		mcx_large_free(ctx, payload);
		return;
	}
	block = block_of(ctx, payload, word);
	if (mcx_unlikely(block->block.owner != ctx || block->live == 0)) {
		mcx_misuse("memctx_free: the header of a slab's block is damaged", payload);
		return;
	}
	mcx_watch_free(ctx, payload, slab_room(ctx) - mcx_word_middle(word), slab_room(ctx));
	mcx_pool_count_freed(ctx, ctx->slab.class, ctx->slab.stride, mcx_word_middle(word));
	mcx_word_store(payload, mcx_pool_word_free(ctx->slab.class, block->free));
	block->free = payload;
	block->live--;
	slab_relist(&ctx->slab, block);
	if (mcx_unlikely(ctx->slab.empty > SLAB_EMPTY_MAX))
		slab_release(ctx, block);
}

/* ---- Life of a context ---- */

static bool slab_create(memctx *ctx, const struct memctx_options *options)
{
	struct mcx_slab *slab = &ctx->slab;
	size_t room = options->chunk_size, stride;

	mcx_record(ctx)->chunk_size = room;
	if (room <= MCX_POOL_LIMIT) {
		stride = ((room + 7) / 8 * 8 + MCX_WORD + options->align - 1) &
			 ~(options->align - 1);
		slab->stride = (uint32_t)stride;
		slab->per_block = SLAB_CHUNKS_MAX;
		if (options->init_size < SLAB_HEADER + stride * SLAB_CHUNKS_MAX)
			slab->per_block = (uint32_t)((options->init_size - SLAB_HEADER) / stride);
		slab->per_block += slab->per_block == 0;
		slab->block_size = SLAB_HEADER + slab->per_block * stride;
		slab->class = mcx_pool_class(stride - MCX_WORD);
	}
	return mcx_pool_create(ctx, options, SLAB_HEADER, MCX_WORD, false);
}

static void slab_reset(memctx *ctx)
{
	mcx_pool_reset(ctx);
	for (unsigned i = 0; i < MCX_SLAB_LISTS; i++)
		ctx->slab.lists[i] = NULL;
	ctx->slab.empty = 0;
}

static size_t slab_usable(const memctx *ctx, const void *payload)
{
	return mcx_word_is_large(mcx_word_load(payload)) ? mcx_large_usable(payload)
							 : slab_room(ctx);
}

/* ---- Looking ---- */

/* What memctx_describe() cannot know of a free chunk. */
static bool chunk_info(const memctx *ctx, const void *payload, struct memctx_chunk_info *info)
{
	if (!memctx_describe(payload, info))
		return false;
	info->owner = (memctx *)(uintptr_t)ctx;
	info->size = slab_room(ctx);
	info->stride = ctx->slab.stride;
	return true;
}

static void slab_each_chunk(
	const memctx *ctx, const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg)
{
	mcx_pool_each_chunk(ctx, block, chunk_info, func, arg);
}

/* The blocks' freelists, one after the other. */
static void slab_each_free(const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg)
{
	const struct mcx_block *block = ctx->blocks;
	struct memctx_chunk_info info;

	if ((unsigned)size_class != ctx->slab.class)
		return;
	for (; block != NULL; block = block->next) {
		const void *payload = NULL;

		if (!mcx_block_is_large(block))
			payload = ((const struct mcx_slab_block *)block)->free;
		for (; payload != NULL; payload = info.next)
			if (!chunk_info(ctx, payload, &info) || !func(&info, arg))
				return;
	}
}

/* ---- The proof ---- */

/* Whether the freelist has N chunks, all in their places in the carved part. */
static bool freelist_agrees(
	const memctx *ctx, const struct mcx_slab_block *block, const char *start, uint32_t n)
{
	const char *payload = block->free;

	for (; payload != NULL; n--) {
		size_t at = (size_t)(payload - start);

		if (n == 0 || payload < start || payload >= block->block.free ||
			at % ctx->slab.stride != MCX_WORD ||
			mcx_word_tag(mcx_word_load(payload)) != MCX_TAG_FREE)
			return false;
		payload = (const char *)mcx_word_address(mcx_word_load(payload));
	}
	return n == 0;
}

static void prove_block(struct mcx_proof *proof, const struct mcx_block *plain)
{
	const struct mcx_slab_block *block = (const struct mcx_slab_block *)plain;
	const struct mcx_slab *slab = &proof->ctx->slab;
	const char *start = mcx_block_start(proof->ctx, plain);
	uint32_t index = 0, live = 0;

	if (slab->per_block == 0 || mcx_block_size(plain) != slab->block_size ||
		(size_t)(plain->free - start) % slab->stride != 0) {
		mcx_broken(proof, "I2: a slab's block is damaged");
		return;
	}
	for (const char *at = start; at < plain->free; at += slab->stride, index++) {
		uint64_t word = mcx_word_load(at + MCX_WORD);

		if (mcx_word_tag(word) == MCX_TAG_FREE) {
			mcx_prove_free(proof, slab->class, slab->stride);
			continue;
		}
		if (!mcx_prove_word(proof, word, slab_room(proof->ctx)))
			return;
		if (mcx_pool_byte(word) != byte_of(index))
			mcx_broken(proof, "I3: a slab's chunk has another's number");
		mcx_prove_live(proof, slab_room(proof->ctx), slab->stride, mcx_word_middle(word));
		live++;
	}
	if (live != block->live)
		mcx_broken(
			proof, "S1: a block counts %u chunks in use and has %u", block->live, live);
	else if (!freelist_agrees(proof->ctx, block, start, index - live))
		mcx_broken(proof, "S2: a block's freelist has other chunks than its free ones");
	if (block->list != slab_list(slab, block->live))
		mcx_broken(proof, "S3: a block is in the list of another fullness");
}

/* Of sound blocks: each is in its list, and nothing else is. */
static void prove_lists(struct mcx_proof *proof)
{
	const struct mcx_slab *slab = &proof->ctx->slab;
	uint64_t listed = 0, partial = 0, empty = 0;

	for (const struct mcx_block *b = proof->ctx->blocks; b != NULL; b = b->next)
		partial += !mcx_block_is_large(b) &&
			   ((const struct mcx_slab_block *)b)->list != SLAB_LIST_NONE;
	for (unsigned i = 0; i < MCX_SLAB_LISTS; i++) {
		const struct mcx_slab_block *before = NULL;

		for (const struct mcx_slab_block *b = slab->lists[i];
			b != NULL && listed <= partial; before = b, b = b->next) {
			if (b->list != i || b->prev != before)
				mcx_broken(proof, "S3: the links of list %u disagree", i);
			listed++;
			empty += i == SLAB_LIST_EMPTY;
		}
	}
	if (listed != partial || empty != slab->empty || empty > SLAB_EMPTY_MAX)
		mcx_broken(proof, "S3: the lists have other blocks than those with room");
}

static size_t slab_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	return mcx_pool_prove(ctx, func, arg, prove_block, prove_lists);
}

const struct mcx_methods mcx_slab_methods = {
	.create = slab_create,
	.alloc = slab_alloc,
	.alloc_quiet = slab_alloc_quiet,
	.free = slab_free,
	.realloc = mcx_pool_realloc,
	.usable = slab_usable,
	.requested = mcx_pool_requested,
	.set_requested = mcx_pool_set_requested,
	.reset = slab_reset,
	.destroy = mcx_pool_destroy,
	.each_block = mcx_blocks_each,
	.each_chunk = slab_each_chunk,
	.each_free = slab_each_free,
	.check = slab_check,
};
