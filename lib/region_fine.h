/* SPDX-License-Identifier: MIT */
/*
 * Where the counters of an aset with classes=fine stand in the published region, and what they come
 * to in the figures that all kinds have.
 *
 * Such a context has the unit behind its own as well, its part, so that each of its classes has a
 * bin at the constant distance from its freed counter that every bin has.  A place is the number of
 * a bin, counted in words from the context: below 32 in its own unit, else in the part.
 *
 *              own unit              the part
 *   freed      slot.freed            the slot's room
 *   reused     record.carved         the record's room
 *   carved     slot.reused           the names' room
 *
 * Own bin k has the class of 2^(k + 3) bytes, but the last that of 7168, and the first has none:
 * the library tells such a context from others by what a size of 0 would take from it.  The part's
 * first eleven have a class of that power of two, or one that lies below it.  Invariants: no place
 * is that of the ring, nor where a record has `live`: that is REGION_PART in a part, which so is no
 * context to a reader; a unit that is a part stays one.
 */
#ifndef MCX_REGION_FINE_H
#define MCX_REGION_FINE_H

#include <stddef.h>

#include "region.h"

#define REGION_FINE_CLASSES 35u
#define REGION_FINE_LIMIT ((size_t)7168)
#define REGION_FINE_PLACES 64u
#define REGION_PART 2 /* a record's `live`: the unit is the part of the one before it */

/* The place of each class, the smallest first. */
static const uint8_t region_fine_place[REGION_FINE_CLASSES] = {32, 1, 34, 2, 35, 44, 45, 3, 36, 46,
	47, 4, 37, 48, 49, 5, 38, 50, 51, 6, 39, 52, 53, 7, 40, 55, 56, 8, 41, 57, 58, 9, 42, 59,
	10};

/* Four classes a doubling from 32 on; below they are 8 bytes apart, as they are up to 64. */
static inline size_t region_fine_class_bytes(unsigned c)
{
	return c < 8 ? 8 * (c + 1) : (size_t)(5 + (c - 8) % 4) << ((c - 8) / 4 + 4);
}

/* The bytes of the class whose bin is at PLACE; 0: there is none. */
static inline size_t region_fine_bytes(unsigned place)
{
	for (unsigned c = 0; c < REGION_FINE_CLASSES; c++)
		if (region_fine_place[c] == place)
			return region_fine_class_bytes(c);
	return 0;
}

/* The power of two that a class of BYTES is shown in. */
static inline unsigned region_fine_shown(size_t bytes)
{
	/* Of 9 to 16 bytes 1, of 17 to 32 bytes 2 and so on; a class has 8 at least. */
	return (63u ^ (unsigned)__builtin_clzll(bytes - 1)) - 2;
}

static inline size_t region_fine_stride(size_t bytes, size_t align_less_1)
{
	return (bytes + 8 + align_less_1) & ~align_less_1;
}

/* Of a context and its part: what stands where the comment above says. */
struct region_fine {
	const struct region_slot *slot;
	const struct region_record *record;
	const uint64_t *part_freed, *part_reused, *part_carved;
};

/* What that comes to: as of a context with by_bytes set, whose chunk headers are HEADER_BYTES. */
struct region_fine_sums {
	struct region_slot slot;
	struct region_record record;
	uint64_t header_bytes;
};

/* The counters of class C. */
struct region_fine_counts {
	uint64_t freed, reused, carved;
};

static inline struct region_fine_counts region_fine_counts(
	const struct region_fine *fine, unsigned c)
{
	unsigned place = region_fine_place[c], k = place % 32;

	return (struct region_fine_counts){place < 32 ? fine->slot->freed[k] : fine->part_freed[k],
		place < 32 ? fine->record->carved[k] : fine->part_reused[k],
		place < 32 ? fine->slot->reused[k] : fine->part_carved[k]};
}

/* The figures of class C. */
static inline struct region_class region_fine_class(const struct region_fine *fine, unsigned c)
{
	struct region_fine_counts counts = region_fine_counts(fine, c);

	return region_class(counts.carved, counts.carved + counts.reused - counts.freed,
		region_fine_class_bytes(c));
}

static inline void region_fine_add(const struct region_fine *fine, unsigned c,
	uint64_t align_less_1, struct region_fine_sums *sums)
{
	struct region_fine_counts counts = region_fine_counts(fine, c);
	size_t bytes = region_fine_class_bytes(c);
	size_t stride = region_fine_stride(bytes, align_less_1);
	unsigned shown = region_fine_shown(bytes);
	struct region_class class = region_fine_class(fine, c);

	sums->slot.freed[shown] += counts.freed;
	sums->slot.reused[shown] += counts.reused;
	sums->record.carved[shown] += counts.carved;
	sums->slot.live_bytes += class.live * stride;
	sums->slot.free_bytes += class.free * stride;
	sums->header_bytes += class.live * (stride - bytes);
}

static inline void region_fine_sum(const struct region_fine *fine, struct region_fine_sums *sums)
{
	sums->slot = *fine->slot;
	sums->record = *fine->record;
	sums->header_bytes = 0;
	sums->slot.live_bytes = sums->slot.free_bytes = 0;
	for (unsigned k = 0; k < REGION_CLASSES; k++)
		sums->slot.freed[k] = sums->slot.reused[k] = sums->record.carved[k] = 0;
	for (unsigned c = 0; c < REGION_FINE_CLASSES; c++)
		region_fine_add(fine, c, fine->record->align, sums);
}

_Static_assert(offsetof(struct region_record, live) / 8 == 22, "no place is that of `live`");

#endif
