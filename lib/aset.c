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
 * memctx_alloc() and memctx_free() are here whole, so that the usual case, of a bump context too,
 * is one function of a few lines: class, pop or carve, count, return.  Whatever is rare stands in
 * functions of its own, marked cold and reached by a tail call, so that the hot ones need no stack
 * frame.
 *
 * Invariants: ctx->blocks is the open block and its bounds are ctx->free and ctx->end; the keeper
 * is the list's last small block; bins hold payloads of chunks whose word is a link.
 */
#include <errno.h>
#include <string.h>

#include "aset.h"
#include "fine.h"
#include "pool.h"
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

/*
 * Where memctx_alloc() is to have its class and its result on a processor whose shifts count in one
 * register: each of its ends then returns by itself, and nothing is moved about before.
 */
#ifdef __x86_64__
#define MCX_SHIFTS_BY(k) __asm__("" : "+c"(k))
#define MCX_RETURNS(payload) __asm__("" : "+a"(payload))
#else
#define MCX_SHIFTS_BY(k) ((void)0)
#define MCX_RETURNS(payload) ((void)0)
#endif

/* ---- Allocation ---- */

/* Takes a chunk of class K from the open block, which has room for it. */
static inline void *aset_carve(memctx *ctx, size_t size, unsigned k, size_t stride)
{
	void *payload = ctx->free + MCX_WORD;
	size_t slack = MCX_CLASS_BYTES(k) - size;

	ctx->free += stride;
	mcx_count_carved(ctx, k, slack);
	mcx_word_store(payload, mcx_word_use(&ctx->bin[k], slack));
	mcx_watch_alloc(ctx, payload, size, MCX_CLASS_BYTES(k));
	return payload;
}

/* Puts the chunk at the head of its freelist. */
static inline void aset_link(void **bin, void *payload)
{
	mcx_word_store(payload, mcx_word_free((uintptr_t)bin, *bin));
	*bin = payload;
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

			ctx->free += stride;
			mcx_count_carved(ctx, k, 0);
			*MCX_FREED(&ctx->bin[k]) += MCX_ONE;
			aset_link(&ctx->bin[k], payload);
			mcx_record(ctx)->life.cut++;
		}
	}
}

static MCX_COLD void *aset_alloc_block(memctx *ctx, size_t size, unsigned k, size_t stride)
{
	struct mcx_block *block = mcx_block_grow(ctx, stride);

	if (block == NULL)
		return NULL;
	aset_cut_tail(ctx);
	mcx_block_open(ctx, block);
	mcx_block_double(ctx);
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

static inline void *alloc_told(memctx *ctx, void *payload)
{
	return mcx_event(
		ctx, mcx_word_load(payload), mcx_what_chunk(REGION_ALLOC, payload), payload);
}

/* Apart and reached by a tail call, so that memctx_alloc() needs no frame. */
static MCX_COLD void *alloc_block(memctx *ctx, size_t size, unsigned k, size_t stride)
{
	void *payload = aset_alloc_block(ctx, size, k, stride);

	return payload != NULL ? alloc_told(ctx, payload) : NULL;
}

static void *alloc_fine(memctx *ctx, size_t size);

/* A part of memctx_alloc(), so that a chunk that is carved takes no line of code more. */
static MCX_INLINE void *alloc_carve(memctx *ctx, size_t size, size_t k)
{
	size_t stride = mcx_stride((unsigned)k, ctx->align);
	void *payload;

	if (k >= MEMCTX_CLASSES)
		__builtin_unreachable(); /* saves widening it */
	if (mcx_unlikely(k == 0) && ctx->small_end == MCX_FINE_END)
		return alloc_fine(ctx, size);
	if (mcx_unlikely((size_t)(ctx->end - ctx->free) < stride))
		return alloc_block(ctx, size, (unsigned)k, stride);
	payload = aset_carve(ctx, size, (unsigned)k, stride);
	if (mcx_unlikely(mcx_ring_mode() != MCX_RING_OFF))
		return alloc_told(ctx, payload);
	MCX_RETURNS(payload);
	return payload;
}

static MCX_COLD void *alloc_null(void)
{
	mcx_misuse("an allocation in a NULL context", NULL);
	return NULL;
}

/*
 * Takes PAYLOAD, the first of BIN's freelist.  USE is its word from now on, which the caller makes,
 * since one that records needs it too.  What waits for memory comes first, the count last.
 */
static inline void aset_pop(void **bin, void *payload, size_t slack, uint64_t use)
{
	*bin = (void *)mcx_word_address(mcx_word_load(payload));
	mcx_word_store(payload, use);
	*MCX_REUSED(bin) += MCX_ONE + slack;
}

/* The first of BIN's freelist, with an event that is not the usual. */
static MCX_COLD void *alloc_rare(memctx *ctx, size_t slack, void **bin, void *payload)
{
	aset_pop(bin, payload, slack, mcx_word_use(bin, slack));
	mcx_watch_alloc(ctx, payload, MCX_CLASS_BYTES(bin - ctx->bin) - slack,
		MCX_CLASS_BYTES(bin - ctx->bin));
	return mcx_event(
		ctx, mcx_word_load(payload), mcx_what_chunk(REGION_ALLOC, payload), payload);
}

/* memctx_alloc() where events are recorded. */
static inline void *alloc_recorded(
	memctx *ctx, size_t slack, void **bin, void *payload, uintptr_t mode)
{
	uint64_t use;

	MCX_APART(slack);
	MCX_APART(bin);
	use = mcx_word_use(bin, slack);
	if (mcx_unlikely(!mcx_event_usual(ctx, mode, use, mcx_what_chunk(REGION_ALLOC, payload))))
		return alloc_rare(ctx, slack, bin, payload);
	aset_pop(bin, payload, slack, use);
	mcx_watch_alloc(ctx, payload, MCX_CLASS_BYTES(bin - ctx->bin) - slack,
		MCX_CLASS_BYTES(bin - ctx->bin));
	return payload;
}

/* The same two of a fine class. */
static MCX_COLD void *alloc_fine_rare(memctx *ctx, size_t slack, void **bin, void *payload)
{
	mcx_fine_pop(bin, payload, slack);
	mcx_watch_alloc(ctx, payload, mcx_bin_room(ctx, (uintptr_t)bin) - slack,
		mcx_bin_room(ctx, (uintptr_t)bin));
	return mcx_event(
		ctx, mcx_word_load(payload), mcx_what_chunk(REGION_ALLOC, payload), payload);
}

static inline void *alloc_fine_recorded(
	memctx *ctx, size_t slack, void **bin, void *payload, uintptr_t mode)
{
	MCX_APART(slack);
	MCX_APART(bin);
	if (mcx_unlikely(!mcx_event_usual(
		    ctx, mode, mcx_word_use(bin, slack), mcx_what_chunk(REGION_ALLOC, payload))))
		return alloc_fine_rare(ctx, slack, bin, payload);
	mcx_fine_pop(bin, payload, slack);
	mcx_watch_alloc(ctx, payload, mcx_bin_room(ctx, (uintptr_t)bin) - slack,
		mcx_bin_room(ctx, (uintptr_t)bin));
	return payload;
}

/* Takes PAYLOAD, which ends at FREE, from the open block of a bump context. */
static MCX_INLINE void *bump_take(memctx *ctx, size_t size, void **bin, char *payload, char *free)
{
	ctx->free = free;
	mcx_slot(ctx)->live_bytes = (uintptr_t)free - ctx->bump_base;
	*MCX_CARVED(bin) += MCX_ONE | (-(unsigned)size & 7);
	mcx_watch_alloc(ctx, payload, size, (size_t)(free - payload));
	return payload;
}

/*
 * memctx_alloc() where BIN, of class K, is empty, as all of a bump context's are; UNITS is the size
 * in steps of 8.  That context's usual case takes one line of code, of 64 bytes, since each more
 * would take a tenth of its time; the rest is its method's: to open a block, to give a chunk of
 * no size some room, to record.
 */
static MCX_INLINE void *alloc_empty(memctx *ctx, size_t size, size_t units, size_t k, void **bin)
{
	char *payload, *free;

	if ((mcx_ring_mode() | ctx->has_lists) == 0) {
		payload = ctx->free;
		MCX_RETURNS(payload);
		free = payload + 8 * units;
		if (mcx_likely((uint32_t)units != 0) &&
			mcx_likely((uintptr_t)free <= (uintptr_t)ctx->end))
			return bump_take(ctx, size, bin, payload, free);
	}
	if (ctx->kind == MEMCTX_BUMP)
		return ctx->methods->alloc(ctx, size);
	MCX_APART(k);
	return alloc_carve(ctx, size, k);
}

/* As memctx_alloc(), where a context has many more bins. */
static __attribute__((noinline)) void *alloc_fine(memctx *ctx, size_t size)
{
	uint32_t class = mcx_fine_class_of[(size + 7) / 8];
	void **bin = mcx_fine_bin(ctx, mcx_fine_class_place(class));
	void *payload = *bin;
	size_t slack;
	uintptr_t mode;

	/* The classes that a small max_size rules out are empty for ever. */
	if (mcx_unlikely(payload == NULL))
		return mcx_fine_alloc_carve(ctx, size, class);
	slack = mcx_fine_class_bytes(class) - size;
	mode = mcx_ring_mode();
	if (mode != MCX_RING_OFF)
		return alloc_fine_recorded(ctx, slack, bin, payload, mode);
	mcx_fine_pop(bin, payload, slack);
	mcx_watch_alloc(ctx, payload, size, mcx_fine_class_bytes(class));
	return payload;
}

/* What has no class, or a fine one. */
static MCX_INLINE void *alloc_other(memctx *ctx, size_t size, size_t small_end)
{
	if (small_end == MCX_FINE_END)
		return size <= REGION_FINE_LIMIT ? alloc_fine(ctx, size)
						 : mcx_large_alloc_told(ctx, size);
	return ctx->methods->alloc(ctx, size);
}

/*
 * Every line of code, of 64 bytes, takes a cycle: so this is in an order and in steps of which the
 * chunk from a freelist takes two lines, with gcc on x86-64, and a bump context's the first of them
 * and the one behind both.
 */
MCX_HOT void *memctx_alloc(memctx *ctx, size_t size)
{
	void **bin;
	void *payload;
	size_t slack;
	size_t k, units; /* as wide as an index: nothing is extended */
	size_t small_end;
	uintptr_t mode;

	if (mcx_unlikely(ctx == NULL))
		return alloc_null();
	small_end = ctx->small_end;
	if (mcx_rarely(size >= small_end))
		return alloc_other(ctx, size, small_end);
	units = (size + 7) / 8;
	MCX_APART(units);
	k = mcx_class_of[units];
	MCX_SHIFTS_BY(k);
	bin = &ctx->bin[k];
	payload = *bin;
	if (mcx_unlikely(payload == NULL))
		return alloc_empty(ctx, size, units, k, bin);
	slack = ((uint32_t)8 << k) - (uint32_t)size;
	mode = mcx_ring_mode();
	if (mcx_unlikely(mode != MCX_RING_OFF))
		return alloc_recorded(ctx, slack, bin, payload, mode);
	aset_pop(bin, payload, slack, mcx_word_use(bin, slack));
	mcx_watch_alloc(ctx, payload, size, MCX_CLASS_BYTES(k));
	return payload;
}

void *mcx_alloc_quiet(memctx *ctx, size_t size)
{
	void **bin;
	void *payload;
	size_t k;

	if (size >= ctx->small_end || ctx->has_part)
		return ctx->methods->alloc_quiet(ctx, size);
	k = mcx_class_of[(size + 7) / 8];
	bin = &ctx->bin[k];
	payload = *bin;
	if (payload == NULL)
		return aset_alloc_carve(ctx, size, k);
	mcx_watch_alloc(ctx, payload, size, MCX_CLASS_BYTES(k));
	aset_pop(bin, payload, MCX_CLASS_BYTES(k) - size,
		mcx_word_use(bin, MCX_CLASS_BYTES(k) - size));
	return payload;
}

/* ---- Free ---- */

static inline void aset_push(void *payload, uint64_t word, uint64_t slack)
{
	uintptr_t bin = mcx_word_address(word);

	mcx_watch_free(mcx_bin_owner(bin), payload,
		mcx_bin_room(mcx_bin_owner(bin), bin) - mcx_word_middle(word),
		mcx_bin_room(mcx_bin_owner(bin), bin));
	*MCX_FREED(bin) += MCX_ONE + slack;
	aset_link((void **)bin, payload);
}

/* A chunk in front of which an aligned one begins, or none at all. */
static MCX_COLD void free_odd(void *payload, uint64_t word)
{
	if (mcx_word_is_moved_live(word, payload)) {
		mcx_word_store(payload, MCX_TAG_FREE);
		mcx_watch_unmove(payload, (void *)mcx_word_address(word));
		memctx_free((void *)mcx_word_address(word));
	} else if (mcx_word_tag(word) == MCX_TAG_FREE) {
		mcx_misuse("memctx_free: the chunk is free already", payload);
	} else {
		mcx_misuse("memctx_free: not a live chunk of any context", payload);
	}
}

static __attribute__((noinline)) void free_other_recorded(memctx *ctx, void *payload, uint64_t word)
{
	mcx_event(ctx, word, mcx_what_chunk(REGION_FREE, payload), NULL);
	ctx->methods->free(ctx, payload);
}

static __attribute__((noinline)) void free_other(void *payload, uint64_t word)
{
	memctx *ctx = mcx_bin_unit(mcx_word_address(word));

	if (mcx_unlikely(!mcx_word_is_other(word)))
		free_odd(payload, word);
	else if (mcx_ring_mode() != MCX_RING_OFF)
		free_other_recorded(ctx, payload, word);
	else
		ctx->methods->free(ctx, payload);
}

static MCX_COLD void free_rare(void *payload, uint64_t word)
{
	mcx_event(mcx_bin_owner(mcx_word_address(word)), word, mcx_what_chunk(REGION_FREE, payload),
		NULL);
	aset_push(payload, word, mcx_word_middle(word));
}

static inline void free_recorded(void *payload, uint64_t word, uintptr_t mode)
{
	MCX_APART(word);
	/* A part has the ring of its context. */
	if (mcx_unlikely(!mcx_event_usual(mcx_bin_unit(mcx_word_address(word)), mode, word,
		    mcx_what_chunk(REGION_FREE, payload))))
		free_rare(payload, word);
	else
		aset_push(payload, word, mcx_word_middle(word));
}

MCX_HOT void memctx_free(void *payload)
{
	uint64_t word, distance;
	uintptr_t mode;

	if (mcx_unlikely(payload == NULL))
		return;
	word = mcx_word_load(payload);
	distance = mcx_word_distance(word);
	mode = mcx_ring_mode();
	if (mcx_unlikely(distance >= MCX_USE_SPAN))
		free_other(payload, word);
	else if (mcx_unlikely(mode != MCX_RING_OFF))
		free_recorded(payload, word, mode);
	else
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

/* ---- Life of a context ---- */

static bool aset_create(memctx *ctx, const struct memctx_options *options)
{
	size_t limit = MCX_CLASS_LIMIT;

	mcx_record(ctx)->block_header = MCX_BLOCK_HEADER;
	while (limit > options->max_size / 4)
		limit /= 2;
	if (!mcx_keeper_get(ctx, options))
		return false;
	ctx->align = (uint8_t)(options->align - 1);
	ctx->small_end = (uint32_t)limit + 1;
	ctx->has_lists = 1;
	return true;
}

static void aset_reset(memctx *ctx)
{
	struct region_record *record = mcx_record(ctx);
	unsigned used = ctx->used;
	char *start;

	if (mcx_unlikely(used >> MCX_LARGE))
		record->life.dropped += mcx_slot(ctx)->large_chunks;
	for (used &= (1u << MCX_LARGE) - 1; used != 0; used &= used - 1) {
		unsigned k = (unsigned)__builtin_ctz(used);

		mcx_fold_class(ctx, record, k);
		ctx->bin[k] = NULL;
	}
	ctx->used = 0;
	if (mcx_unlikely(mcx_slot(ctx)->nblocks > 1))
		mcx_blocks_release(ctx);
	start = (char *)ctx->keeper + MCX_BLOCK_HEADER;
	mcx_watch_wipe(start, ctx->free, ctx->end);
	ctx->free = start;
}

const struct mcx_methods mcx_aset_methods = {
	.create = aset_create,
	.alloc = mcx_large_alloc_told,
	.alloc_quiet = mcx_large_alloc,
	.free = mcx_large_free,
	.realloc = mcx_aset_realloc,
	.usable = mcx_aset_usable,
	.requested = mcx_aset_requested,
	.set_requested = mcx_aset_set_requested,
	.reset = aset_reset,
	.destroy = mcx_keeper_put,
	.each_block = mcx_blocks_each,
	.each_chunk = mcx_aset_each_chunk,
	.each_free = mcx_aset_each_free,
	.check = mcx_aset_check,
};
