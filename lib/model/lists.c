/* SPDX-License-Identifier: MIT */
/*
 * Classes as they are: sums, and how a snapshot keeps them, which is in a run of numbers for each
 * context: the places that are classes, those in use, how many of these there is room for, and
 * three figures of each.  Where a snapshot is renewed they double that room at least when it is
 * used up.
 */
#include "model/lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "region_fine.h"

enum { SMALL = 16 };                   /* of 8, 16 … 128 bytes */
enum { FINE_SMALL = 12 };              /* fine classes up to 128 bytes */
enum { LAST = (int)LISTS_PLACES - 1 }; /* that of 8192 bytes */

_Static_assert(SMALL + REGION_FINE_CLASSES - FINE_SMALL + 1 == LISTS_PLACES, "all sizes");
_Static_assert(LISTS_PLACES <= 64, "a bit each");

uint64_t lists_bytes(unsigned place)
{
	if (place < SMALL)
		return 8 * (place + 1);
	return place < LAST ? region_fine_class_bytes(place - SMALL + FINE_SMALL) : 8192;
}

int lists_place(uint64_t bytes)
{
	for (unsigned i = 0; i < LISTS_PLACES; i++)
		if (lists_bytes(i) == bytes)
			return (int)i;
	return -1;
}

/* The power of two, 8 << k, that holds the chunks of a place. */
static unsigned class_of(unsigned place)
{
	return region_fine_shown((size_t)lists_bytes(place));
}

void lists_of_classes(struct lists *lists, const struct snapshot_class *classes)
{
	memset(lists, 0, sizeof *lists);
	for (unsigned k = 0; k < SNAPSHOT_CLASSES; k++) {
		int place = lists_place(UINT64_C(8) << k);

		lists->has |= UINT64_C(1) << place;
		lists->of[place] = classes[k];
	}
}

static void add_class(struct snapshot_class *to, const struct snapshot_class *from)
{
	to->live = snapshot_plus(to->live, from->live);
	to->free = snapshot_plus(to->free, from->free);
	to->slack = snapshot_plus(to->slack, from->slack);
}

void lists_sum(struct lists *sum, const struct lists *from)
{
	sum->has |= from->has;
	for (unsigned i = 0; i < LISTS_PLACES; i++)
		add_class(&sum->of[i], &from->of[i]);
}

static bool agree(uint64_t sum, uint64_t figure)
{
	return sum == figure || sum == SNAPSHOT_UNKNOWN || figure == SNAPSHOT_UNKNOWN;
}

void lists_to_classes(const struct lists *lists, struct snapshot_class *classes)
{
	memset(classes, 0, SNAPSHOT_CLASSES * sizeof *classes);
	for (unsigned i = 0; i < LISTS_PLACES; i++)
		add_class(&classes[class_of(i)], &lists->of[i]);
}

bool lists_agree(const struct lists *lists, const struct snapshot_class *classes)
{
	struct snapshot_class sums[SNAPSHOT_CLASSES];

	lists_to_classes(lists, sums);
	for (unsigned k = 0; k < SNAPSHOT_CLASSES; k++)
		if (!agree(sums[k].live, classes[k].live) ||
			!agree(sums[k].free, classes[k].free) ||
			!agree(sums[k].slack, classes[k].slack))
			return false;
	return true;
}

/* ---- In a snapshot -------------------------------------------------------------------- */

enum { HAS, USED, ROOM, HEAD, FIGURES = 3, MOST = HEAD + FIGURES * (int)LISTS_PLACES };

/* Room for one more context's.  0, or -1 with ENOMEM. */
static int reserve(struct snapshot *snapshot)
{
	size_t room = snapshot->lists_room ? snapshot->lists_room * 2 : 4 * MOST;
	uint64_t *lists;

	if (snapshot->lists_room - snapshot->lists_size >= MOST)
		return 0;
	if (room >= UINT32_MAX) {
		errno = ENOMEM;
		return -1;
	}
	lists = realloc(snapshot->lists, room * sizeof *lists);
	if (!lists)
		return -1;
	snapshot->lists = lists;
	snapshot->lists_room = room;
	/* Number 0 is that of no context. */
	if (snapshot->lists_size == 0)
		lists[snapshot->lists_size++] = 0;
	return 0;
}

/* A run with room for N classes, of which one that a context had had fewer.  0, or -1 with ENOMEM.
 */
static int make_run(struct snapshot *snapshot, struct snapshot_context *context, uint64_t n)
{
	uint64_t had = context->lists != 0 ? snapshot->lists[context->lists + ROOM] : 0;

	if (context->lists != 0 && n <= had)
		return 0;
	if (reserve(snapshot))
		return -1;
	if (n < 2 * had)
		n = 2 * had < LISTS_PLACES ? 2 * had : LISTS_PLACES;
	context->lists = (uint32_t)snapshot->lists_size;
	snapshot->lists[context->lists + ROOM] = n;
	snapshot->lists_size += HEAD + FIGURES * n;
	return 0;
}

static bool is_used(const struct snapshot_class *class)
{
	return (class->live | class->free | class->slack) != 0;
}

int snapshot_set_lists(
	struct snapshot *snapshot, struct snapshot_context *context, const struct lists *lists)
{
	uint64_t *to, used = 0;

	for (unsigned i = 0; i < LISTS_PLACES; i++)
		used |= (uint64_t)is_used(&lists->of[i]) << i;
	if (make_run(snapshot, context, (uint64_t)__builtin_popcountll(used)))
		return -1;
	to = snapshot->lists + context->lists;
	to[HAS] = lists->has;
	to[USED] = used;
	for (to += HEAD; used != 0; used &= used - 1) {
		const struct snapshot_class *of = &lists->of[__builtin_ctzll(used)];

		*to++ = of->live;
		*to++ = of->free;
		*to++ = of->slack;
	}
	return 0;
}

/* Adds what the run of numbers at FROM says. */
static void add_run(struct lists *sum, const uint64_t *from)
{
	sum->has |= from[HAS];
	for (uint64_t used = from[USED]; used != 0; used &= used - 1, from += FIGURES)
		add_class(&sum->of[__builtin_ctzll(used)],
			&(struct snapshot_class){from[HEAD], from[HEAD + 1], from[HEAD + 2]});
}

bool snapshot_lists(const struct snapshot *snapshot, const struct snapshot_context *context,
	struct lists *lists)
{
	if (context->lists == 0) {
		lists_of_classes(lists, context->own.classes);
		return false;
	}
	memset(lists, 0, sizeof *lists);
	add_run(lists, snapshot->lists + context->lists);
	return true;
}

static void take(uint64_t *from, uint64_t what)
{
	*from = *from == SNAPSHOT_UNKNOWN || what == SNAPSHOT_UNKNOWN || what > *from
			? SNAPSHOT_UNKNOWN
			: *from - what;
}

uint32_t snapshot_add_lists(const struct snapshot *snapshot, uint32_t first, uint32_t end,
	struct lists *sum, struct snapshot_class *rest)
{
	uint32_t others = 0;

	for (uint32_t i = first; i < end; i++) {
		const struct snapshot_context *context = &snapshot->contexts[i];

		if (context->lists == 0) {
			others++;
			continue;
		}
		add_run(sum, snapshot->lists + context->lists);
		for (unsigned k = 0; k < SNAPSHOT_CLASSES; k++) {
			take(&rest[k].live, context->own.classes[k].live);
			take(&rest[k].free, context->own.classes[k].free);
			take(&rest[k].slack, context->own.classes[k].slack);
		}
	}
	return others;
}

void lists_end_sum(struct lists *sum, const struct snapshot_class *rest, bool has_rest)
{
	struct lists others;

	if (!has_rest)
		return;
	lists_of_classes(&others, rest);
	lists_sum(sum, &others);
}

bool snapshot_sum_lists(
	const struct snapshot *snapshot, const struct snapshot_class *classes, struct lists *sum)
{
	struct snapshot_class rest[SNAPSHOT_CLASSES];
	uint32_t n = (uint32_t)snapshot->n, others;

	memset(sum, 0, sizeof *sum);
	if (snapshot->lists_size == 0)
		return false;
	memcpy(rest, classes, sizeof rest);
	others = snapshot_add_lists(snapshot, 0, n, sum, rest);
	lists_end_sum(sum, rest, others > 0);
	return others < n;
}
