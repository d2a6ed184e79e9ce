/* SPDX-License-Identifier: MIT */
/*
 * The kind aset: blocks, power-of-two classes, freelists.  The idea is PostgreSQL's AllocSet.
 *
 *   - A size up to the chunk limit is rounded up to its class; a chunk comes from the head of its
 *     class's freelist, else is carved from the open block.
 *   - When the open block cannot hold the chunk, what is left of it is cut into chunks for the
 *     freelists, the largest class that fits first, and a new block is opened.  The keeper has
 *     init bytes (the context's own structure included), the next block init again, each
 *     one after that twice the last, up to max.
 *   - A larger size has a block of its own, which goes back when the chunk is freed.
 *   - A reset empties the lists and gives back every block but the keeper.
 *
 * memctx_alloc() and memctx_free() are here whole, so that the usual case is one function of
 * a few lines: class, pop or carve, count, return.  Whatever is rare stands in functions of its
 * own, marked cold and reached by a tail call, so that the hot ones need no stack frame.
 *
 * Invariants: ctx->blocks is the open block and its bounds are ctx->free and ctx->end; the keeper
 * is the list's last small block; bins hold payloads of chunks whose word is a link.
 */
#include <errno.h>
#include <string.h>

#include "aset.h"
#include "ring.h"

/* 4 classes a line of sizes: by (size + 7) / 8. */
#define C1(k) k
#define C2(k) C1(k), C1(k)
#define C4(k) C2(k), C2(k)
#define C8(k) C4(k), C4(k)
#define C16(k) C8(k), C8(k)
#define C32(k) C16(k), C16(k)
#define C64(k) C32(k), C32(k)
#define C128(k) C64(k), C64(k)
#define C256(k) C128(k), C128(k)
#define C512(k) C256(k), C256(k)

/* Entry n is the class of a chunk that holds 8 n bytes. */
const uint8_t mcx_class_of[1025] = {
	0, 0, C1(1), C2(2), C4(3), C8(4), C16(5), C32(6), C64(7), C128(8), C256(9), C512(10)};

/* ---- Allocation ---- */

/* Takes a chunk of class K from the open block, which has room for it. */
static inline void *aset_carve(memctx *ctx, size_t size, unsigned k, size_t stride)
{
	void *payload = ctx->free + MCX_WORD;
	size_t slack = MCX_CLASS_BYTES(k) - size;

	ctx->free += stride;
	aset_count_carved(ctx, k, slack);
	mcx_word_store(payload, mcx_word_use(&ctx->bin[k], slack));
	mcx_watch_alloc(ctx, payload, size, MCX_CLASS_BYTES(k));
	return payload;
}

/* Cuts what is left of the open block into chunks for the freelists. */
static void aset_cut_tail(memctx *ctx)
{
	for (unsigned k = MEMCTX_CLASSES; k-- > 0;) {
		size_t stride = mcx_stride(k, ctx->align);

		if (MCX_CLASS_BYTES(k) >= ctx->small_end)
			continue;
		while ((size_t)(ctx->end - ctx->free) >= stride) {
			void *payload = ctx->free + MCX_WORD;
			void **bin = &ctx->bin[k];

			ctx->free += stride;
			aset_count_carved(ctx, k, 0);
			*MCX_FREED(bin) += MCX_ONE;
			mcx_word_store(payload, mcx_word_free((uintptr_t)bin, *bin));
			*bin = payload;
			mcx_record(ctx)->life.cut++;
		}
	}
}

static void aset_block_init(memctx *ctx, struct mcx_block *block, size_t size)
{
	block->owner = ctx;
	block->prev = block->next = NULL;
	block->end = (char *)block + size;
	block->free = aset_block_start(block);
	mcx_watch_block(block->free, block->end);
}

/* Makes BLOCK the open one. */
static void aset_block_open(memctx *ctx, struct mcx_block *block)
{
	struct mcx_block *was = ctx->blocks;

	if (was != NULL) {
		was->free = ctx->free;
		was->prev = block;
	}
	block->next = was;
	ctx->blocks = block;
	ctx->free = block->free;
	ctx->end = block->end;
}

/*
 * A block for a chunk of STRIDE bytes: of the next size, or where that is refused, half of it and
 * so on.  A limit thus lets a context use what it has left.
 */
static struct mcx_block *aset_block_get(memctx *ctx, size_t stride)
{
	size_t size = ctx->next_size;

	while (size < stride + MCX_BLOCK_HEADER)
		size *= 2;
	for (; size >= stride + MCX_BLOCK_HEADER && size >= 1024; size = size / 2 & ~(size_t)7) {
		struct mcx_block *block;

		if (!mcx_allow(ctx, size))
			continue;
		block = mcx_block_get(size);
		if (block != NULL) {
			mcx_account(ctx, size, 1);
			aset_block_init(ctx, block, size);
			return block;
		}
		mcx_forgo(ctx, size);
	}
	errno = ENOMEM;
	return NULL;
}

static MCX_COLD void *aset_alloc_block(memctx *ctx, size_t size, unsigned k, size_t stride)
{
	struct mcx_block *block = aset_block_get(ctx, stride);

	if (block == NULL)
		return NULL;
	aset_cut_tail(ctx);
	aset_block_open(ctx, block);
	ctx->next_size *= 2;
	if (ctx->next_size > mcx_record(ctx)->max_size)
		ctx->next_size = mcx_record(ctx)->max_size;
	return aset_carve(ctx, size, k, stride);
}

static inline void *aset_alloc_carve(memctx *ctx, size_t size, size_t class)
{
	unsigned k = (unsigned)class;
	size_t stride = mcx_stride(k, ctx->align);

	if (mcx_unlikely((size_t)(ctx->end - ctx->free) < stride))
		return aset_alloc_block(ctx, size, k, stride);
	return aset_carve(ctx, size, k, stride);
}

size_t mcx_aset_large_size(size_t size)
{
	if (size > (size_t)PTRDIFF_MAX - 4096)
		return 0;
	return ASET_LARGE_HEADER + ((size + 15) & ~(size_t)15);
}

/*
 * A large chunk's block, charged: *BYTES becomes its size.  It is exact where there is a limit:
 * what the bound forbids is then never even asked for.
 */
static inline struct mcx_block *aset_large_get(memctx *ctx, size_t *bytes)
{
	bool is_limited = ctx->limiter != NULL;
	struct mcx_block *block;

	if (!mcx_allow(ctx, *bytes))
		return NULL;
	block = mcx_large_get(bytes, is_limited);
	if (block != NULL)
		mcx_account(ctx, *bytes, 1);
	else
		mcx_forgo(ctx, *bytes);
	return block;
}

static void *aset_alloc_large(memctx *ctx, size_t size)
{
	size_t bytes = mcx_aset_large_size(size);
	struct region_slot *slot = mcx_slot(ctx);
	struct mcx_block *block;
	void *payload;

	if (bytes == 0) {
		errno = ENOMEM;
		return NULL;
	}
	block = aset_large_get(ctx, &bytes);
	if (block == NULL)
		return NULL;
	aset_block_init(ctx, block, bytes);
	block->owner = (memctx *)((uintptr_t)ctx | ASET_BLOCK_LARGE);
	block->requested = size;
	block->prev = ctx->blocks;
	block->next = ctx->blocks->next;
	if (block->next != NULL)
		block->next->prev = block;
	ctx->blocks->next = block;
	ctx->used |= 1u << MCX_LARGE;
	slot->large_chunks++;
	slot->large_requested += size;
	slot->large_bytes += bytes;
	mcx_record(ctx)->life.allocs++;
	payload = (char *)block + ASET_LARGE_HEADER;
	mcx_word_store(payload, aset_large_word(ctx));
	mcx_watch_alloc(ctx, payload, size, bytes - ASET_LARGE_HEADER);
	return payload;
}

static __attribute__((noinline)) void *alloc_carve(memctx *ctx, size_t size, size_t k)
{
	void *payload = aset_alloc_carve(ctx, size, k);

	if (mcx_unlikely(payload == NULL))
		return NULL;
	return mcx_event(
		ctx, mcx_word_load(payload), mcx_what_chunk(REGION_ALLOC, payload), payload);
}

static MCX_COLD void *alloc_other(memctx *ctx, size_t size)
{
	void *payload;

	if (ctx == NULL) {
		mcx_misuse("an allocation in a NULL context", ctx);
		return NULL;
	}
	payload = ctx->methods->alloc(ctx, size);
	if (payload != NULL)
		mcx_event_chunk(ctx, REGION_ALLOC, payload, NULL, 0);
	return payload;
}

/* The freelist's head for a chunk of SIZE bytes, a class's size at most. */
static inline void *aset_pop(void **bin, void *payload, size_t slack)
{
	uint64_t word = mcx_word_use(bin, slack);

	*bin = (void *)mcx_word_address(mcx_word_load(payload));
	*MCX_REUSED(bin) += MCX_ONE + slack;
	mcx_word_store(payload, word);
	return payload;
}

/* The chunk at the head of BIN, with an event that is not the usual. */
static MCX_COLD void *alloc_rare(memctx *ctx, size_t size, void **bin)
{
	size_t room = MCX_CLASS_BYTES(bin - ctx->bin);
	void *payload = aset_pop(bin, *bin, room - size);

	mcx_watch_alloc(ctx, payload, size, room);
	return mcx_event(
		ctx, mcx_word_load(payload), mcx_what_chunk(REGION_ALLOC, payload), payload);
}

void *memctx_alloc(memctx *ctx, size_t size)
{
	void **bin;
	void *payload;
	size_t slack;
	int on;
	size_t k; /* as wide as an index: nothing is extended */

	if (mcx_unlikely(ctx == NULL || size >= ctx->small_end))
		return alloc_other(ctx, size);
	k = mcx_class_of[(size + 7) / 8];
	bin = &ctx->bin[k];
	payload = *bin;
	if (mcx_unlikely(payload == NULL))
		return alloc_carve(ctx, size, k);
	slack = MCX_CLASS_BYTES(k) - size;
	on = mcx_ring_mode();
	if (on != MCX_RING_OFF && mcx_unlikely(!mcx_event_usual(ctx, on, mcx_word_use(bin, slack),
					  mcx_what_chunk(REGION_ALLOC, payload))))
		return alloc_rare(ctx, size, bin);
	aset_pop(bin, payload, slack);
	mcx_watch_alloc(ctx, payload, size, MCX_CLASS_BYTES(k));
	return payload;
}

void *mcx_alloc_quiet(memctx *ctx, size_t size)
{
	void **bin;
	size_t k;

	if (size >= ctx->small_end)
		return ctx->methods->alloc(ctx, size);
	k = mcx_class_of[(size + 7) / 8];
	bin = &ctx->bin[k];
	if (*bin == NULL)
		return aset_alloc_carve(ctx, size, k);
	mcx_watch_alloc(ctx, *bin, size, MCX_CLASS_BYTES(k));
	return aset_pop(bin, *bin, MCX_CLASS_BYTES(k) - size);
}

/* ---- Free ---- */

static inline void aset_push(void *payload, uint64_t word, uint64_t slack)
{
	uintptr_t bin = mcx_word_address(word);

	mcx_watch_free(mcx_bin_owner(bin), payload,
		MCX_CLASS_BYTES(mcx_bin_class(bin)) - mcx_word_middle(word),
		MCX_CLASS_BYTES(mcx_bin_class(bin)));
	*MCX_FREED(bin) += MCX_ONE + slack;
	mcx_word_store(payload, mcx_word_free(bin, *(void **)bin));
	*(void **)bin = payload;
}

static MCX_COLD void free_other(void *payload, uint64_t word)
{
	if (mcx_word_is_other(word)) {
		memctx *ctx = mcx_bin_owner(mcx_word_address(word));

		mcx_event(ctx, word, mcx_what_chunk(REGION_FREE, payload), NULL);
		ctx->methods->free(ctx, payload);
	} else if (mcx_word_is_moved_live(word, payload)) {
		mcx_word_store(payload, MCX_TAG_FREE);
		mcx_watch_unmove(payload, (void *)mcx_word_address(word));
		memctx_free((void *)mcx_word_address(word));
	} else if (mcx_word_tag(word) == MCX_TAG_FREE) {
		mcx_misuse("memctx_free: the chunk is free already", payload);
	} else {
		mcx_misuse("memctx_free: not a live chunk of any context", payload);
	}
}

static MCX_COLD void free_rare(void *payload, uint64_t word)
{
	mcx_event(mcx_bin_owner(mcx_word_address(word)), word, mcx_what_chunk(REGION_FREE, payload),
		NULL);
	aset_push(payload, word, mcx_word_middle(word));
}

void memctx_free(void *payload)
{
	uint64_t word, distance;
	int on;

	if (mcx_unlikely(payload == NULL))
		return;
	word = mcx_word_load(payload);
	distance = mcx_word_distance(word);
	if (mcx_unlikely(distance >= MCX_USE_SPAN)) {
		free_other(payload, word);
		return;
	}
	on = mcx_ring_mode();
	if (on != MCX_RING_OFF &&
		mcx_unlikely(!mcx_event_usual(mcx_bin_owner(mcx_word_address(word)), on, word,
			mcx_what_chunk(REGION_FREE, payload)))) {
		free_rare(payload, word);
		return;
	}
	aset_push(payload, word, distance & MCX_SLACK_MAX);
}

void mcx_free_quiet(memctx *ctx, void *payload)
{
	uint64_t word = mcx_word_load(payload);

	if (mcx_word_is_use(word))
		aset_push(payload, word, mcx_word_middle(word));
	else
		ctx->methods->free(ctx, payload);
}

static void aset_free_large(memctx *ctx, void *payload)
{
	struct mcx_block *block = aset_large_block(payload);
	struct region_slot *slot = mcx_slot(ctx);
	size_t bytes;

	if (block->owner != (memctx *)((uintptr_t)ctx | ASET_BLOCK_LARGE)) {
		mcx_misuse("memctx_free: the header of a large chunk's block is damaged", payload);
		return;
	}
	bytes = aset_block_size(block);
	mcx_watch_free(ctx, payload, block->requested, bytes - ASET_LARGE_HEADER);
	block->prev->next = block->next;
	if (block->next != NULL)
		block->next->prev = block->prev;
	slot->large_chunks--;
	slot->large_requested -= block->requested;
	slot->large_bytes -= bytes;
	mcx_discharge(ctx, bytes, 1);
	mcx_watch_release(aset_block_start(block), block->end, block->end);
	*(mcx_any_word *)((char *)payload - MCX_WORD) = MCX_TAG_FREE; /* open, as all of it now */
	mcx_large_put(block, bytes);
}

/* ---- Life of a context ---- */

static bool aset_create(memctx *ctx, const struct memctx_options *options)
{
	size_t size =
		options->init_size > options->min_size ? options->init_size : options->min_size;
	size_t limit = MCX_CLASS_LIMIT;
	struct mcx_block *block;

	while (limit > options->max_size / 4)
		limit /= 2;
	if (!mcx_allow(ctx, size))
		return false;
	block = mcx_own_get(size - MCX_UNIT);
	if (block == NULL) {
		mcx_forgo(ctx, size);
		return false;
	}
	mcx_account(ctx, size, 1);
	ctx->align = (uint8_t)(options->align - 1);
	ctx->small_end = limit + 1;
	ctx->next_size = options->init_size;
	aset_block_init(ctx, block, size - MCX_UNIT);
	aset_block_open(ctx, block);
	ctx->keeper = block;
	return true;
}

static void aset_release_block(memctx *ctx, struct mcx_block *block)
{
	size_t bytes = aset_block_size(block);
	bool is_large = aset_block_is_large(block);

	mcx_watch_release(aset_block_start(block), is_large ? block->end : block->free, block->end);
	mcx_discharge(ctx, bytes, 1);
	if (is_large)
		mcx_large_put(block, bytes);
	else
		mcx_block_put(block, bytes);
}

/* Gives back every block but the keeper, which becomes the open one. */
static MCX_COLD void aset_release_blocks(memctx *ctx)
{
	struct region_slot *slot = mcx_slot(ctx);
	struct mcx_block *block = ctx->blocks, *next;

	block->free = ctx->free;
	for (; block != NULL; block = next) {
		next = block->next;
		if (block != ctx->keeper)
			aset_release_block(ctx, block);
	}
	slot->large_chunks = slot->large_requested = slot->large_bytes = 0;
	block = ctx->keeper;
	block->prev = block->next = NULL;
	ctx->blocks = block;
	ctx->free = block->free;
	ctx->end = block->end;
	ctx->next_size = mcx_record(ctx)->init_size;
}

/* Clears class K's bin and counters, and keeps what they said over the context's life. */
static inline void aset_reset_class(memctx *ctx, struct region_record *record, unsigned k)
{
	void **bin = &ctx->bin[k];
	uint64_t carved = *MCX_CARVED(bin), reused = *MCX_REUSED(bin);
	uint64_t live = (carved + reused - *MCX_FREED(bin)) >> MCX_COUNT_SHIFT;

	record->life.carved += carved >> MCX_COUNT_SHIFT;
	record->life.reused += reused >> MCX_COUNT_SHIFT;
	record->life.dropped += live;
	*bin = NULL;
	*MCX_CARVED(bin) = *MCX_REUSED(bin) = *MCX_FREED(bin) = 0;
}

static void aset_reset(memctx *ctx)
{
	struct region_record *record = mcx_record(ctx);
	unsigned used = ctx->used;

	if (mcx_unlikely(used >> MCX_LARGE))
		record->life.dropped += mcx_slot(ctx)->large_chunks;
	for (used &= (1u << MCX_LARGE) - 1; used != 0; used &= used - 1)
		aset_reset_class(ctx, record, (unsigned)__builtin_ctz(used));
	ctx->used = 0;
	if (mcx_unlikely(mcx_slot(ctx)->nblocks > 1))
		aset_release_blocks(ctx);
	mcx_watch_wipe(aset_block_start(ctx->keeper), ctx->free, ctx->end);
	ctx->free = aset_block_start(ctx->keeper);
}

static void aset_destroy(memctx *ctx)
{
	mcx_watch_release(
		aset_block_start(ctx->keeper), aset_block_start(ctx->keeper), ctx->keeper->end);
	mcx_own_put(ctx->keeper, aset_block_size(ctx->keeper));
}

const struct mcx_methods mcx_aset_methods = {
	.create = aset_create,
	.alloc = aset_alloc_large,
	.free = aset_free_large,
	.realloc = mcx_aset_realloc,
	.usable = mcx_aset_usable,
	.requested = mcx_aset_requested,
	.set_requested = mcx_aset_set_requested,
	.reset = aset_reset,
	.destroy = aset_destroy,
	.each_block = mcx_aset_each_block,
	.each_chunk = mcx_aset_each_chunk,
	.check = mcx_aset_check,
};
