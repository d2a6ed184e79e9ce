/* SPDX-License-Identifier: MIT */
/*
 * The copies of a replay's memory: taken, kept, thinned, put back.
 *
 * When they take more than they may, the one goes whose neighbours are closest to each other: so
 * what stays is spread evenly, and grows sparser with the trace.
 */
#include <stdlib.h>
#include <string.h>

#include "model/seek_inner.h"

#define PREPARE_EVENTS 20000u /* run at once */
#define PAGE_EVENTS 16u       /* a page's copy costs about the time of so many events */
#define PAGE 4096u
#define REST ((uint64_t)12 << 20)

static size_t place_of(const struct seek *seek, uint64_t event)
{
	size_t low = 0, high = seek->n_copies;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (seek->copies[middle].event <= event)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct copy *seek_copy_before(const struct seek *seek, uint64_t event)
{
	size_t place = place_of(seek, event);

	return place == 0 ? NULL : &seek->copies[place - 1];
}

uint64_t seek_copy_gain(const struct seek *seek)
{
	return seek->resident / PAGE * PAGE_EVENTS / 4;
}

struct seek_room seek_room(const struct seek *seek)
{
	return (struct seek_room){seek->n_copies, seek->copy_bytes, 2 * seek->resident};
}

/* Beside the copies there are the replays, the copy that is being made, and all else. */
static uint64_t room_for_copies(const struct seek *seek)
{
	uint64_t least = seek->memory / 8;
	uint64_t others = 2 * seek->resident + seek->largest + REST;

	return seek->memory > others + least ? seek->memory - others : least;
}

/* ---- Thinning ----------------------------------------------------------------------------- */

static bool is_before(const struct copy *copy, uint64_t event, uint64_t most)
{
	return copy->event <= event && event - copy->event <= most;
}

/* Whether it is one that steps back from the cursor, or the way to the peak, begin with. */
static bool is_needed(const struct seek *seek, const struct copy *copy)
{
	return is_before(copy, seek->sides[CURSOR].event, 4 * seek->near) ||
	       (seek->passed && is_before(copy, seek->peak, 2 * seek->near));
}

/* Events from the copy before to the one after; the last has the pass's next after it. */
static uint64_t gap_without(const struct seek *seek, size_t i)
{
	uint64_t before = seek->copies[i - 1].event;
	uint64_t known = seek->known > seek->copies[i].event ? seek->known : seek->copies[i].event;

	return i + 1 < seek->n_copies ? seek->copies[i + 1].event - before
				      : known + seek->spacing - before;
}

static size_t least_useful(const struct seek *seek)
{
	size_t least = 0;

	for (size_t i = 1; i < seek->n_copies; i++) {
		if (is_needed(seek, &seek->copies[i]))
			continue;
		if (least == 0 || gap_without(seek, i) < gap_without(seek, least))
			least = i;
	}
	return least != 0 ? least : seek->n_copies - 1;
}

static void drop_copy(struct seek *seek, size_t i)
{
	struct copy *copy = &seek->copies[i];

	seek->copy_bytes -= arena_image_bytes(copy->image);
	arena_image_free(copy->image);
	memmove(copy, copy + 1, (seek->n_copies - i - 1) * sizeof(*copy));
	seek->n_copies--;
}

static void thin(struct seek *seek)
{
	while (seek->copy_bytes > room_for_copies(seek) && seek->n_copies > 1) {
		size_t i = least_useful(seek);
		uint64_t gap = gap_without(seek, i);

		if (!seek->passed && gap > seek->spacing)
			seek->spacing = gap;
		drop_copy(seek, i);
	}
}

void seek_copies_drop(struct seek *seek)
{
	while (seek->n_copies > 0)
		drop_copy(seek, seek->n_copies - 1);
	free(seek->copies);
	seek->copies = NULL;
	seek->room_copies = 0;
}

/* ---- Taking ------------------------------------------------------------------------------- */

static bool make_room(struct seek *seek)
{
	size_t room = seek->room_copies * 2 + 16;
	struct copy *copies;

	if (seek->n_copies < seek->room_copies)
		return true;
	copies = realloc(seek->copies, room * sizeof(*copies));
	if (copies == NULL)
		return false;
	seek->copies = copies;
	seek->room_copies = room;
	return true;
}

static struct arena_image *save(struct seek *seek)
{
	struct memctx_world *world = &arenas_arena(seek->arenas)->world;
	struct arena_image *image;

	explain_wash(seek->sides[seek->turn].explain);
	memctx_swap_world(world);
	image = arenas_save(seek->arenas, room_for_copies(seek));
	memctx_swap_world(world);
	return image;
}

void seek_copy_take(struct seek *seek)
{
	const struct side *side = &seek->sides[seek->turn];
	size_t place = place_of(seek, side->event);
	struct copy copy = {.event = side->event};

	if (place > 0 && seek->copies[place - 1].event == side->event)
		return;
	if (!replay_tell(side->replay, &copy.place) || !make_room(seek))
		return;
	copy.image = save(seek);
	if (copy.image == NULL)
		return;
	memmove(seek->copies + place + 1, seek->copies + place,
		(seek->n_copies - place) * sizeof(copy));
	seek->copies[place] = copy;
	seek->n_copies++;
	seek->copy_bytes += arena_image_bytes(copy.image);
	if (arena_image_bytes(copy.image) > seek->largest)
		seek->largest = arena_image_bytes(copy.image);
	if (arena_image_resident(copy.image) > seek->resident)
		seek->resident = arena_image_resident(copy.image);
	thin(seek);
}

void seek_copy_put(struct seek *seek, const struct copy *copy)
{
	struct side *side = &seek->sides[seek->turn];
	struct arena *arena = arenas_arena(seek->arenas);

	memctx_swap_world(&arena->world);
	arenas_restore(seek->arenas, copy->image);
	memctx_swap_world(&arena->world);
	side->replay = arena->top[0];
	side->explain = arena->top[1];
	side->event = copy->event;
	trace_go(side->reader, &copy->place);
	replay_go_on(side->replay, side->reader);
	explain_note(side->explain, NULL, NULL);
}

/* ---- When --------------------------------------------------------------------------------- */

void seek_copy_pass(struct seek *seek)
{
	uint64_t event = seek->sides[SCOUT].event;
	uint64_t spacing = seek->resident / PAGE * PAGE_EVENTS;

	if (spacing < seek->spacing)
		spacing = seek->spacing;
	if (seek->arenas != NULL && event >= seek_copy_before(seek, event)->event + spacing)
		seek_copy_take(seek);
}

/* The last multiple of `near` before EVENT. */
static uint64_t near_point(const struct seek *seek, uint64_t event)
{
	return event == 0 ? 0 : (event - 1) / seek->near * seek->near;
}

int seek_run_copying(struct seek *seek, uint64_t event, struct replay_error *error)
{
	const struct side *cursor = &seek->sides[CURSOR];
	uint64_t last = near_point(seek, event), first = near_point(seek, last);
	int result = 1;

	if (seek->arenas == NULL || event - cursor->event <= seek->near || event == UINT64_MAX)
		return seek_run(seek, event, error);
	for (uint64_t to = first; to <= last && result == 1; to += seek->near) {
		if (to <= cursor->event)
			continue;
		result = seek_run(seek, to, error);
		if (result == 1)
			seek_copy_take(seek);
	}
	return result == 1 ? seek_run(seek, event, error) : result;
}

/* Whether a step to POINT or some way on from there is quick. */
static bool is_covered(const struct seek *seek, uint64_t point)
{
	return point - seek_copy_before(seek, point)->event < seek->near;
}

/* Runs the scout on to POINT, as far as a few milliseconds allow, and copies it there.  false: that
 * cannot be, or was done. */
static bool prepare_point(struct seek *seek, uint64_t point)
{
	const struct side *scout = &seek->sides[SCOUT];
	const struct copy *copy = seek_copy_before(seek, point);
	struct replay_error ignored;
	bool goes_on;
	uint64_t to;

	if (!seek_begin(seek, SCOUT))
		return false;
	if (scout->event > point || scout->event < copy->event)
		seek_copy_put(seek, copy);
	to = point - scout->event > PREPARE_EVENTS ? scout->event + PREPARE_EVENTS : point;
	goes_on = seek_run(seek, to, &ignored) == 1 && scout->event < point;
	if (scout->event == point)
		seek_copy_take(seek);
	seek_end(seek);
	return goes_on;
}

/* The way to the event that is wanted.  false: there is none, or it is prepared. */
static bool prepare_wanted(struct seek *seek)
{
	uint64_t point = near_point(seek, seek->wanted);

	if (seek->wanted == SNAPSHOT_UNKNOWN)
		return false;
	if (is_covered(seek, point) || !prepare_point(seek, point))
		seek->wanted = SNAPSHOT_UNKNOWN;
	return true;
}

bool seek_prepare(struct seek *seek)
{
	uint64_t last = near_point(seek, seek->sides[CURSOR].event);
	uint64_t first = near_point(seek, last);
	uint64_t point = is_covered(seek, first) ? last : first;

	if (prepare_wanted(seek))
		return true;
	seek->is_prepared = seek->is_prepared || is_covered(seek, point);
	/* Where there is no room for a copy there is none the next time. */
	if (!seek->is_prepared && !prepare_point(seek, point))
		seek->is_prepared = !is_covered(seek, point) || point == last;
	return !seek->is_prepared;
}

bool seek_is_near(const struct seek *seek, uint64_t event)
{
	return seek->arenas == NULL || event != seek->wanted ||
	       is_covered(seek, near_point(seek, event));
}
