/* SPDX-License-Identifier: MIT */
/*
 * The kind aset with classes=fine: four classes a doubling, so a chunk has at most a fifth of its
 * size in slack beyond the 64 bytes up to which classes are 8 bytes apart.  The classes are those
 * of jemalloc and of many since; all else is as in aset.c.
 *
 * There are more bins than a context's unit holds, so such a context has the next unit, too: its
 * part.  Chunks thus have words as those of the usual classes do, and are freed in the same way;
 * what is not that of the usual allocation, which stands in aset.c, is here.
 *
 * Invariants: those of aset.c; F1 a freelist holds the free chunks of its class, each once; F2 the
 * first bin is empty.
 */
#include "aset.h"
#include "fine.h"
#include "pool.h"

#define C1(c) c
#define C2(c) C1(c), C1(c)
#define C4(c) C2(c), C2(c)
#define C8(c) C4(c), C4(c)
#define C16(c) C8(c), C8(c)
#define C32(c) C16(c), C16(c)
#define C64(c) C32(c), C32(c)
#define C128(c) C64(c), C64(c)

#define F(bytes, place) ((uint32_t)(bytes) << 16 | (place))

/* In the order of sizes; the places are those of region_fine.h. */
const uint32_t mcx_fine_class_of[REGION_FINE_LIMIT / 8 + 1] = {F(8, 32), F(8, 32), F(16, 1),
	F(24, 34), F(32, 2), F(40, 35), F(48, 44), F(56, 45), F(64, 3), C2(F(80, 36)),
	C2(F(96, 46)), C2(F(112, 47)), C2(F(128, 4)), C4(F(160, 37)), C4(F(192, 48)),
	C4(F(224, 49)), C4(F(256, 5)), C8(F(320, 38)), C8(F(384, 50)), C8(F(448, 51)),
	C8(F(512, 6)), C16(F(640, 39)), C16(F(768, 52)), C16(F(896, 53)), C16(F(1024, 7)),
	C32(F(1280, 40)), C32(F(1536, 55)), C32(F(1792, 56)), C32(F(2048, 8)), C64(F(2560, 41)),
	C64(F(3072, 57)), C64(F(3584, 58)), C64(F(4096, 9)), C128(F(5120, 42)), C128(F(6144, 59)),
	C128(F(7168, 10))};

const uint16_t mcx_fine_bytes[REGION_FINE_PLACES] = {0, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096,
	7168, [32] = 8, [34] = 24, 40, 80, 160, 320, 640, 1280, 2560, 5120, [44] = 48, 56, 96, 112,
	192, 224, 384, 448, 768, 896, [55] = 1536, 1792, 3072, 3584, 6144};

static inline size_t fine_stride(const memctx *ctx, size_t place)
{
	return region_fine_stride(mcx_fine_bytes[place], ctx->align);
}

/* ---- Allocation ---- */

static inline void fine_count_carved(memctx *ctx, size_t place, size_t slack)
{
	uint64_t *carved = mcx_fine_carved(mcx_fine_bin(ctx, place), place);

	if (*carved == 0) {
		ctx->fine_used |= UINT64_C(1) << place;
		ctx->used |= MCX_USED_FINE;
	}
	*carved += MCX_ONE + slack;
}

static inline void *fine_carve(memctx *ctx, size_t size, uint32_t class, size_t stride)
{
	void *payload = ctx->free + MCX_WORD;
	size_t place = mcx_fine_class_place(class);
	size_t slack = mcx_fine_class_bytes(class) - size;

	ctx->free += stride;
	mcx_word_store(payload, mcx_word_use(mcx_fine_bin(ctx, place), slack));
	fine_count_carved(ctx, place, slack);
	mcx_watch_alloc(ctx, payload, size, mcx_fine_class_bytes(class));
	return payload;
}

/* Cuts what is left of the open block into chunks for the freelists. */
static void fine_cut_tail(memctx *ctx)
{
	for (unsigned c = REGION_FINE_CLASSES; c-- > 0;) {
		size_t place = region_fine_place[c], stride = fine_stride(ctx, place);
		void **bin = mcx_fine_bin(ctx, place);

		if (mcx_fine_bytes[place] >= ctx->chunk_end)
			continue;
		while ((size_t)(ctx->end - ctx->free) >= stride) {
			void *payload = ctx->free + MCX_WORD;

			ctx->free += stride;
			fine_count_carved(ctx, place, 0);
			*MCX_FREED(bin) += MCX_ONE;
			mcx_word_store(payload, mcx_word_free((uintptr_t)bin, *bin));
			*bin = payload;
			mcx_record(ctx)->life.cut++;
		}
	}
}

static MCX_COLD void *fine_alloc_block(memctx *ctx, size_t size, uint32_t class, size_t stride)
{
	struct mcx_block *block = mcx_block_grow(ctx, stride);

	if (block == NULL)
		return NULL;
	fine_cut_tail(ctx);
	mcx_block_open(ctx, block);
	mcx_block_double(ctx);
	return fine_carve(ctx, size, class, stride);
}

static inline void *fine_alloc_carve(memctx *ctx, size_t size, uint32_t class)
{
	size_t stride = region_fine_stride(mcx_fine_class_bytes(class), ctx->align);

	if (mcx_unlikely((size_t)(ctx->end - ctx->free) < stride))
		return fine_alloc_block(ctx, size, class, stride);
	return fine_carve(ctx, size, class, stride);
}

void *mcx_fine_alloc_carve(memctx *ctx, size_t size, uint32_t class)
{
	void *payload;

	if (mcx_unlikely(size >= ctx->chunk_end))
		return mcx_large_alloc_told(ctx, size);
	payload = fine_alloc_carve(ctx, size, class);
	if (mcx_unlikely(payload == NULL))
		return NULL;
	return mcx_event(
		ctx, mcx_word_load(payload), mcx_what_chunk(REGION_ALLOC, payload), payload);
}

static void *fine_alloc_quiet(memctx *ctx, size_t size)
{
	uint32_t class;
	void **bin, *payload;

	if (size >= ctx->chunk_end)
		return mcx_large_alloc(ctx, size);
	class = mcx_fine_class_of[(size + 7) / 8];
	bin = mcx_fine_bin(ctx, mcx_fine_class_place(class));
	payload = *bin;
	if (payload == NULL)
		return fine_alloc_carve(ctx, size, class);
	mcx_fine_pop(bin, payload, mcx_fine_class_bytes(class) - size);
	mcx_watch_alloc(ctx, payload, size, mcx_fine_class_bytes(class));
	return payload;
}

/* ---- The rest of the methods ---- */

static size_t fine_usable(const memctx *ctx, const void *payload)
{
	uint64_t word = mcx_word_load(payload);

	if (mcx_word_is_use(word))
		return mcx_bin_room(ctx, mcx_word_address(word));
	return mcx_large_usable(payload);
}

static void fine_set_requested(memctx *ctx, void *payload, size_t size)
{
	uint64_t word = mcx_word_load(payload);
	uintptr_t bin = mcx_word_address(word);
	size_t slack;

	if (!mcx_word_is_use(word)) {
		mcx_large_set_size(ctx, mcx_large_block(payload), size);
		return;
	}
	slack = mcx_bin_room(ctx, bin) - size;
	*MCX_FREED(bin) += mcx_word_middle(word) - slack;
	mcx_word_store(payload, mcx_word_use((void *)bin, slack));
}

/* Lets the last chunk of the open block grow. */
static bool fine_extend(memctx *ctx, void *payload, size_t size)
{
	uint64_t word = mcx_word_load(payload);
	uintptr_t bin = mcx_word_address(word);
	size_t place = mcx_fine_place(ctx, bin), new_place;
	size_t stride = fine_stride(ctx, place), new_stride, slack;
	char *start = (char *)payload - MCX_WORD;

	if (size >= ctx->chunk_end || start + stride != ctx->free)
		return false;
	new_place = mcx_fine_class_place(mcx_fine_class_of[(size + 7) / 8]);
	new_stride = fine_stride(ctx, new_place);
	if ((size_t)(ctx->end - start) < new_stride)
		return false;
	slack = mcx_word_middle(word) + mcx_fine_bytes[new_place] - mcx_fine_bytes[place];
	ctx->free = start + new_stride;
	/* The chunk leaves its class as if it had never been carved there. */
	*mcx_fine_carved((void **)bin, place) -= MCX_ONE;
	*MCX_FREED(bin) += mcx_word_middle(word);
	fine_count_carved(ctx, new_place, slack);
	mcx_word_store(payload, mcx_word_use(mcx_fine_bin(ctx, new_place), slack));
	return true;
}

static bool fine_create(memctx *ctx, const struct memctx_options *options)
{
	size_t limit = mcx_pool_limit(options), most = REGION_FINE_LIMIT;

	/* The largest class that a fourth of the largest block holds. */
	for (unsigned c = REGION_FINE_CLASSES; most > limit; c--)
		most = region_fine_class_bytes(c - 1);
	mcx_record(ctx)->fine = 1;
	if (!mcx_pool_create(ctx, options, MCX_BLOCK_HEADER, MCX_WORD, true))
		return false;
	ctx->end = ctx->keeper->end;
	ctx->small_end = MCX_FINE_END;
	ctx->has_lists = 1;
	ctx->chunk_end = (uint32_t)most + 1;
	return true;
}

static void fine_fold(struct region_record *record, void **bin, size_t place)
{
	*bin = NULL;
	mcx_fold_counters(
		record, mcx_fine_carved(bin, place), MCX_FINE_REUSED(bin), MCX_FREED(bin));
}

static void fine_reset(memctx *ctx)
{
	struct region_record *record = mcx_record(ctx);
	uint64_t used = ctx->fine_used;
	char *start;

	record->life.dropped += mcx_slot(ctx)->large_chunks;
	for (; used != 0; used &= used - 1) {
		unsigned place = (unsigned)__builtin_ctzll(used);

		fine_fold(record, mcx_fine_bin(ctx, place), place);
	}
	ctx->used = 0;
	ctx->fine_used = 0;
	if (mcx_slot(ctx)->nblocks > 1)
		mcx_blocks_release(ctx);
	start = (char *)ctx->keeper + MCX_BLOCK_HEADER;
	mcx_watch_wipe(start, ctx->free, ctx->end);
	ctx->free = start;
}

const struct mcx_methods mcx_fine_methods = {
	.create = fine_create,
	.alloc = mcx_large_alloc_told,
	.alloc_quiet = fine_alloc_quiet,
	.free = mcx_large_free,
	.realloc = mcx_pool_realloc,
	.usable = fine_usable,
	.requested = mcx_pool_requested,
	.set_requested = fine_set_requested,
	.reset = fine_reset,
	.destroy = mcx_pool_destroy,
	.extend = fine_extend,
	.each_block = mcx_blocks_each,
	.each_chunk = mcx_fine_each_chunk,
	.each_free = mcx_fine_each_free,
	.check = mcx_fine_check,
};
