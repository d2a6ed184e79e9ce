/* SPDX-License-Identifier: MIT */
/*
 * What the files of an aset with classes=fine share: fine.c (allocation), aset.c (the usual ways,
 * which memctx_alloc() and memctx_free() take) and fine_look.c (walks and proofs).
 *
 * A place is the number of a bin, counted in words from its context: region_fine.h has which class
 * is where.  The class of a chunk in use follows from its bin's place, that of a free one stands in
 * its word, since a context with a part begins at a multiple of two units.
 */
#ifndef MCX_FINE_H
#define MCX_FINE_H

#include "block.h"
#include "region_fine.h"

/*
 * Entry n: the class that holds 8 n bytes, its bytes and its place.  One table of both, since what
 * an allocation loads decides how many of them a processor has under way, and so its time.
 */
extern const uint32_t mcx_fine_class_of[REGION_FINE_LIMIT / 8 + 1] MCX_HIDDEN;

static inline size_t mcx_fine_class_bytes(uint32_t class)
{
	return class >> 16;
}

static inline size_t mcx_fine_class_place(uint32_t class)
{
	return class & 0xff;
}

/* The bytes of the class at a place. */
extern const uint16_t mcx_fine_bytes[REGION_FINE_PLACES] MCX_HIDDEN;

_Static_assert(REGION_FINE_PLACES * sizeof(void *) == (size_t)2 * MCX_UNIT, "two units of places");

static inline void **mcx_fine_bin(const memctx *ctx, size_t place)
{
	return (void **)(uintptr_t)ctx + place;
}

static inline unsigned mcx_fine_place(const memctx *ctx, uintptr_t bin)
{
	return (unsigned)((bin - (uintptr_t)ctx) / sizeof(void *)) % REGION_FINE_PLACES;
}

/* Counters of a bin with a fine class; its freed one is where every bin has it. */
#define MCX_FINE_REUSED(bin) MCX_CARVED(bin)
#define MCX_FINE_OWN_CARVED ((size_t)MCX_SLOT + offsetof(struct region_slot, reused))

static inline uint64_t *mcx_fine_carved(void **bin, size_t place)
{
	/* Places come at random, so a branch would be guessed wrong every second time. */
	size_t is_part = place / 32, apart = MCX_NAMES - MCX_FINE_OWN_CARVED;

	return (uint64_t *)(void *)((char *)bin + MCX_FINE_OWN_CARVED + (-is_part & apart));
}

/* The bytes of the class of BIN, one of CTX's, which may be of either sort. */
static inline size_t mcx_bin_room(const memctx *ctx, uintptr_t bin)
{
	return ctx->has_part ? mcx_fine_bytes[mcx_fine_place(ctx, bin)]
			     : MCX_CLASS_BYTES(mcx_bin_class(bin));
}

/*
 * Takes PAYLOAD, the first of BIN's freelist.  The count comes first and the word is made here, not
 * as with the usual classes: in their order, or with their word, it takes registers more, and with
 * many live chunks an allocation and a free took 2 to 9 % longer.
 */
static inline void mcx_fine_pop(void **bin, void *payload, size_t slack)
{
	*MCX_FINE_REUSED(bin) += MCX_ONE + slack;
	*bin = (void *)mcx_word_address(mcx_word_load(payload));
	mcx_word_store(payload, mcx_word_use(bin, slack));
}

static inline struct region_fine mcx_fine_counters(const memctx *ctx)
{
	const memctx *part = ctx + 1;

	return (struct region_fine){mcx_slot(ctx), mcx_record(ctx), (const void *)mcx_slot(part),
		(const void *)mcx_record(part), (const void *)mcx_names(part)};
}

/* What CTX's counters come to. */
static inline void mcx_fine_sum(const memctx *ctx, struct region_fine_sums *sums)
{
	const struct region_fine fine = mcx_fine_counters(ctx);

	region_fine_sum(&fine, sums);
}

/* The figures of CTX's class C, from the smallest on. */
void mcx_fine_list(const memctx *ctx, unsigned c, struct memctx_class_stats *figures) MCX_HIDDEN;
/* Its freelist; false where FUNC stopped, or the list is damaged. */
bool mcx_fine_each_listed(
	const memctx *ctx, unsigned c, memctx_chunk_fn *func, void *arg) MCX_HIDDEN;

/* memctx_alloc() where the list of the class is empty, or of a limited context. */
void *mcx_fine_alloc_carve(memctx *ctx, size_t size, uint32_t class) MCX_HIDDEN;

void mcx_fine_each_chunk(const memctx *ctx, const struct memctx_block_info *block,
	memctx_chunk_fn *func, void *arg) MCX_HIDDEN;
void mcx_fine_each_free(
	const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg) MCX_HIDDEN;
size_t mcx_fine_check(const memctx *ctx, memctx_check_fn *func, void *arg) MCX_HIDDEN;

#endif
