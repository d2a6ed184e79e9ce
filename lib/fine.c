/* SPDX-License-Identifier: MIT */
/*
 * The kind aset with classes=fine: four classes a doubling, so a chunk has at most a fifth of its
 * size in slack beyond the 64 bytes up to which classes are 8 bytes apart.  The classes are those
 * of jemalloc and of many since; all else is as in aset.c.
 *
 * The bins are more than a context's unit holds, so they lie in front of the keeper; a chunk's word
 * names its class in the low byte of the address.
 *
 * Invariants: those of aset.c; F1 a freelist holds the free chunks of its class, each once.
 */
#include <string.h>

#include "pool.h"

/* 8, 16 … 64, 80, 96, 112, 128, 160 … 7168: what slack a chunk has fits its word. */
#define FINE_CLASSES 35u
#define FINE_LIMIT ((size_t)7168)
#define FINE_BINS_BYTES ((size_t)288) /* a multiple of 16, as a block's place is */

_Static_assert(FINE_CLASSES * sizeof(void *) <= FINE_BINS_BYTES, "every class has a bin");

#define C1(c) c
#define C2(c) C1(c), C1(c)
#define C4(c) C2(c), C2(c)
#define C8(c) C4(c), C4(c)
#define C16(c) C8(c), C8(c)
#define C32(c) C16(c), C16(c)
#define C64(c) C32(c), C32(c)
#define C128(c) C64(c), C64(c)
#define FOUR(w, c) w(c), w(c + 1), w(c + 2), w(c + 3)

/* Entry n is the class of a chunk that holds 8 n bytes. */
static const uint8_t class_of[FINE_LIMIT / 8 + 1] = {0, FOUR(C1, 0), FOUR(C1, 4), FOUR(C2, 8),
	FOUR(C4, 12), FOUR(C8, 16), FOUR(C16, 20), FOUR(C32, 24), FOUR(C64, 28), C128(32), C128(33),
	C128(34)};

/* The bytes of a chunk of each class. */
static const uint16_t bytes_of[FINE_CLASSES] = {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128,
	160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560,
	3072, 3584, 4096, 5120, 6144, 7168};

static inline unsigned fine_class(size_t size)
{
	return class_of[(size + 7) / 8];
}

static inline size_t fine_bytes(unsigned c)
{
	return bytes_of[c];
}

static inline size_t fine_stride(const memctx *ctx, unsigned c)
{
	return (fine_bytes(c) + MCX_WORD + ctx->align) & ~(size_t)ctx->align;
}

/* The power of two whose counters have chunks of STRIDE bytes. */
static inline unsigned fine_counter(size_t stride)
{
	/* Of 9 to 16 bytes 1, of 17 to 32 bytes 2 and so on; a chunk has 8 at least. */
	return (63u ^ (unsigned)__builtin_clzll(stride - MCX_WORD - 1)) - 2;
}

static inline unsigned fine_count(const memctx *ctx, unsigned c)
{
	return fine_counter(fine_stride(ctx, c));
}

/* ---- Allocation ---- */

static inline void *fine_carve(memctx *ctx, size_t size, unsigned c, size_t stride)
{
	void *payload = ctx->free + MCX_WORD;
	size_t room = stride - MCX_WORD, slack = room - size;

	ctx->free += stride;
	mcx_pool_count_marked(ctx, fine_counter(stride), stride, slack);
	mcx_word_store(payload, mcx_pool_word(ctx, c, slack));
	mcx_watch_alloc(ctx, payload, size, room);
	return payload;
}

static inline void *fine_pop(memctx *ctx, size_t size, unsigned c, void *payload)
{
	size_t stride = fine_stride(ctx, c), slack = stride - MCX_WORD - size;

	ctx->fine.heads[c] = (void *)mcx_word_address(mcx_word_load(payload));
	mcx_pool_count_reused(ctx, fine_counter(stride), stride, slack);
	mcx_word_store(payload, mcx_pool_word(ctx, c, slack));
	mcx_watch_alloc(ctx, payload, size, stride - MCX_WORD);
	return payload;
}

static inline void fine_push(memctx *ctx, void *payload, unsigned c, unsigned k)
{
	mcx_word_store(payload, mcx_pool_word_free(k, c, ctx->fine.heads[c]));
	ctx->fine.heads[c] = payload;
}

/* Cuts what is left of the open block into chunks for the freelists. */
static void fine_cut_tail(memctx *ctx)
{
	for (unsigned c = fine_class(ctx->fine.limit) + 1; c-- > 0;) {
		size_t stride = fine_stride(ctx, c);

		while ((size_t)(ctx->end - ctx->free) >= stride) {
			void *payload = ctx->free + MCX_WORD;

			ctx->free += stride;
			mcx_pool_count_cut(ctx, fine_counter(stride), stride);
			fine_push(ctx, payload, c, fine_counter(stride));
		}
	}
}

static MCX_COLD bool fine_grow(memctx *ctx, size_t stride)
{
	struct mcx_block *block;

	if (mcx_pool_begin(ctx) && (size_t)(ctx->end - ctx->free) >= stride)
		return true;
	block = mcx_block_grow(ctx, stride);
	if (block == NULL)
		return false;
	fine_cut_tail(ctx);
	mcx_block_open(ctx, block);
	mcx_block_double(ctx);
	return true;
}

static inline void *fine_take(memctx *ctx, size_t size)
{
	unsigned c = fine_class(size);
	void *payload = ctx->fine.heads[c];
	size_t stride;

	if (mcx_likely(payload != NULL))
		return fine_pop(ctx, size, c, payload);
	stride = fine_stride(ctx, c);
	if (mcx_unlikely((size_t)(ctx->end - ctx->free) < stride) && !fine_grow(ctx, stride))
		return NULL;
	return fine_carve(ctx, size, c, stride);
}

static void *fine_alloc_quiet(memctx *ctx, size_t size)
{
	if (mcx_unlikely(size > ctx->fine.limit))
		return mcx_large_alloc(ctx, size);
	return fine_take(ctx, size);
}

static void *fine_alloc(memctx *ctx, size_t size)
{
	void *payload;

	if (mcx_unlikely(size > ctx->fine.limit))
		return mcx_large_alloc_told(ctx, size);
	payload = fine_take(ctx, size);
	if (mcx_unlikely(payload == NULL))
		return NULL;
	return mcx_pool_told(ctx, size, payload);
}

static void fine_free(memctx *ctx, void *payload)
{
	uint64_t word = mcx_word_load(payload);
	unsigned c = mcx_pool_byte(word);
	size_t stride;

	if (mcx_unlikely(c >= FINE_CLASSES)) {
		mcx_large_free(ctx, payload);
		return;
	}
	stride = fine_stride(ctx, c);
	mcx_watch_free(ctx, payload, stride - MCX_WORD - mcx_word_middle(word), stride - MCX_WORD);
	mcx_pool_count_freed(ctx, fine_counter(stride), stride, mcx_word_middle(word));
	fine_push(ctx, payload, c, fine_counter(stride));
}

/* ---- The rest of the methods ---- */

/* Lets the last chunk of the open block grow. */
static bool fine_extend(memctx *ctx, void *payload, size_t size)
{
	uint64_t word = mcx_word_load(payload);
	unsigned c = mcx_pool_byte(word), new_c;
	size_t stride = fine_stride(ctx, c), new_stride, slack;
	char *start = (char *)payload - MCX_WORD;
	void **bin = &ctx->bin[fine_count(ctx, c)];

	if (size > ctx->fine.limit || start + stride != ctx->free)
		return false;
	new_c = fine_class(size);
	new_stride = fine_stride(ctx, new_c);
	slack = mcx_word_middle(word) + new_stride - stride;
	if ((size_t)(ctx->end - start) < new_stride || slack > MCX_SLACK_MAX)
		return false;
	ctx->free = start + new_stride;
	/* The chunk leaves its class as if it had never been carved there. */
	*MCX_CARVED(bin) -= MCX_ONE;
	*MCX_FREED(bin) += mcx_word_middle(word);
	mcx_pool_count_carved(ctx, fine_count(ctx, new_c), new_stride - stride, slack);
	mcx_word_store(payload, mcx_pool_word(ctx, new_c, slack));
	return true;
}

static size_t fine_usable(const memctx *ctx, const void *payload)
{
	unsigned c = mcx_pool_byte(mcx_word_load(payload));

	return c >= FINE_CLASSES ? mcx_large_usable(payload) : fine_stride(ctx, c) - MCX_WORD;
}

static bool fine_create(memctx *ctx, const struct memctx_options *options)
{
	size_t limit = mcx_pool_limit(options);

	/* The largest class that a fourth of the largest block holds. */
	ctx->fine.limit = FINE_LIMIT;
	while (ctx->fine.limit > limit)
		ctx->fine.limit = fine_bytes(fine_class(ctx->fine.limit) - 1);
	mcx_record(ctx)->extra_bytes = FINE_BINS_BYTES;
	mcx_record(ctx)->fine = 1;
	if (!mcx_pool_create(ctx, options, MCX_BLOCK_HEADER, MCX_WORD, true))
		return false;
	ctx->fine.heads = (void **)(void *)((char *)ctx->keeper - FINE_BINS_BYTES);
	memset(ctx->fine.heads, 0, FINE_BINS_BYTES);
	return true;
}

static void fine_reset(memctx *ctx)
{
	mcx_pool_reset(ctx);
	memset(ctx->fine.heads, 0, FINE_BINS_BYTES);
}

/* ---- Looking ---- */

/* The class of a free chunk, whose word is WORD. */
static inline unsigned free_class(uint64_t word)
{
	return mcx_word_middle(word) >> 4;
}

static bool chunk_info(const memctx *ctx, const void *payload, struct memctx_chunk_info *info)
{
	if (!memctx_describe(payload, info))
		return false;
	if (info->is_free) {
		info->owner = (memctx *)(uintptr_t)ctx;
		info->stride = fine_stride(ctx, free_class(info->header));
		info->size = info->stride - MCX_WORD;
	}
	return true;
}

static void fine_each_chunk(
	const memctx *ctx, const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg)
{
	const char *at = (const char *)block->address + block->header;
	const char *end = (const char *)block->address + block->carved;
	struct memctx_chunk_info info;

	if (block->is_large) {
		mcx_pool_each_large(ctx, block, func, arg);
		return;
	}
	for (; at < end; at += info.stride)
		if (!chunk_info(ctx, at + MCX_WORD, &info) || !func(&info, arg))
			return;
}

/* The freelists of the classes within a power of two, the smallest first. */
static void fine_each_free(const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg)
{
	for (unsigned c = 0; c < FINE_CLASSES; c++) {
		const void *payload = ctx->fine.heads[c];
		struct memctx_chunk_info info;

		if ((int)fine_count(ctx, c) != size_class)
			continue;
		for (; payload != NULL; payload = info.next)
			if (!chunk_info(ctx, payload, &info) || !info.is_free || !func(&info, arg))
				return;
	}
}

/* ---- The proof ---- */

static size_t prove_chunk(struct mcx_proof *proof, const char *payload)
{
	uint64_t word = mcx_word_load(payload);
	unsigned c = free_class(word);

	if (mcx_word_tag(word) == MCX_TAG_FREE && c < FINE_CLASSES &&
		(mcx_word_middle(word) & 15) == fine_count(proof->ctx, c)) {
		mcx_prove_free(proof, fine_count(proof->ctx, c), fine_stride(proof->ctx, c));
		return fine_stride(proof->ctx, c);
	}
	c = mcx_pool_byte(word);
	if (!mcx_prove_word(proof, word, MCX_SLACK_MAX))
		return 0;
	if (c >= FINE_CLASSES || mcx_word_middle(word) > fine_stride(proof->ctx, c) - MCX_WORD) {
		mcx_broken(proof, "I3: a chunk's class or slack cannot be");
		return 0;
	}
	mcx_prove_live(proof, fine_stride(proof->ctx, c) - MCX_WORD, fine_stride(proof->ctx, c),
		mcx_word_middle(word));
	return fine_stride(proof->ctx, c);
}

static void prove_block(struct mcx_proof *proof, const struct mcx_block *block)
{
	const char *at = mcx_block_start(proof->ctx, block);
	const char *free = mcx_block_free(proof->ctx, block);

	while (at < free) {
		size_t stride = prove_chunk(proof, at + MCX_WORD);

		if (stride == 0)
			return;
		at += stride;
	}
	if (at != free)
		mcx_broken(proof, "I3: the last chunk of a block reaches past its carved part");
}

/*
 * The free chunks of the blocks and those of the lists: as many, and the sums of their mixed
 * addresses agree.  Lists are followed as far as each link leads to a free chunk of the class.
 */
struct sums {
	uint64_t n[FINE_CLASSES], mark[FINE_CLASSES];
};

static uint64_t mark(const void *payload)
{
	uint64_t z = (uintptr_t)payload * 0x9e3779b97f4a7c15u;

	return (z ^ z >> 29) * 0xbf58476d1ce4e5b9u;
}

static bool sum_chunk(const struct memctx_chunk_info *chunk, void *arg)
{
	struct sums *sums = arg;
	unsigned c = free_class(chunk->header);

	if (chunk->is_free && c < FINE_CLASSES) {
		sums->n[c]++;
		sums->mark[c] += mark(chunk->address) - mark(chunk->next);
	}
	return true;
}

/* Each free chunk of the blocks is what one link, or the head, leads to: checked before any is
 * followed. */
static void prove_lists(struct mcx_proof *proof)
{
	struct sums sums = {0};
	struct memctx_block_info info = {.header = MCX_BLOCK_HEADER};

	for (const struct mcx_block *b = proof->ctx->blocks; b != NULL; b = b->next) {
		if (mcx_block_is_large(b))
			continue;
		info.address = b;
		info.carved = (size_t)(mcx_block_free(proof->ctx, b) - (const char *)b);
		fine_each_chunk(proof->ctx, &info, sum_chunk, &sums);
	}
	for (unsigned c = 0; c < FINE_CLASSES; c++) {
		const void *payload = proof->ctx->fine.heads[c];
		uint64_t length = 0;

		if (sums.mark[c] != mark(payload) - mark(NULL)) {
			mcx_broken(proof, "F1: a link of fine freelist %u leads elsewhere", c);
			continue;
		}
		for (; payload != NULL && length <= sums.n[c]; length++)
			payload = (const void *)mcx_word_address(mcx_word_load(payload));
		if (length != sums.n[c])
			mcx_broken(proof, "F1: fine freelist %u holds %llu chunks, the blocks %llu",
				c, (unsigned long long)length, (unsigned long long)sums.n[c]);
	}
}

static size_t fine_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	return mcx_pool_prove(ctx, func, arg, prove_block, prove_lists);
}

const struct mcx_methods mcx_fine_methods = {
	.create = fine_create,
	.alloc = fine_alloc,
	.alloc_quiet = fine_alloc_quiet,
	.free = fine_free,
	.realloc = mcx_pool_realloc,
	.usable = fine_usable,
	.requested = mcx_pool_requested,
	.set_requested = mcx_pool_set_requested,
	.reset = fine_reset,
	.destroy = mcx_pool_destroy,
	.extend = fine_extend,
	.each_block = mcx_blocks_each,
	.each_chunk = fine_each_chunk,
	.each_free = fine_each_free,
	.check = fine_check,
};
