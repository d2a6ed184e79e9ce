/* SPDX-License-Identifier: MIT */
/*
 * Changes of a watched arena's chunks as lines: see watched.h.
 */
#include <stdlib.h>
#include <string.h>

#include "model/watched.h"

/* So many chunks at once are not freed one by one. */
#define FREES_MOST 65536u
/* No process has as many, nor sums of as many bytes: the change is one of a damaged region. */
#define FIGURE_MOST ((uint64_t)1 << 60)

void watched_clear(struct watched *watched)
{
	free(watched->sizes);
	*watched = (struct watched){0};
}

/* The place of SIZE, or where it would be. */
static size_t find(const struct watched *watched, uint64_t size)
{
	size_t low = 0, high = watched->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (watched->sizes[middle].size < size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Room for the two sizes that a change adds at most. */
static bool reserve(struct watched *watched)
{
	size_t room = watched->room ? watched->room * 2 : 16;
	struct watched_size *sizes;

	if (watched->n + 2 <= watched->room)
		return true;
	sizes = realloc(watched->sizes, room * sizeof *sizes);
	if (!sizes)
		return false;
	watched->sizes = sizes;
	watched->room = room;
	return true;
}

static void add(struct watched *watched, uint64_t size, uint64_t count)
{
	size_t at = find(watched, size);
	struct watched_size *place = &watched->sizes[at];

	if (count == 0)
		return;
	if (at == watched->n || place->size != size) {
		memmove(place + 1, place, (watched->n - at) * sizeof *place);
		*place = (struct watched_size){size, 0};
		watched->n++;
	}
	place->count += count;
	watched->count += count;
	watched->bytes += size * count;
}

/* COUNT of the chunks at place AT go; the place too, where none are left. */
static void take(struct watched *watched, size_t at, uint64_t count)
{
	struct watched_size *place = &watched->sizes[at];

	watched->count -= count;
	watched->bytes -= place->size * count;
	place->count -= count;
	if (place->count > 0)
		return;
	watched->n--;
	memmove(place, place + 1, (watched->n - at) * sizeof *place);
}

/* What goes, and how much that is. */
struct going {
	uint64_t count, bytes;
	watched_fn *func; /* NULL: nothing is said */
	void *arg;
};

static void take_and_say(struct watched *watched, size_t at, uint64_t count, struct going *going)
{
	uint64_t size = watched->sizes[at].size;

	if (going->count + count > FREES_MOST)
		going->func = NULL;
	if (going->func)
		going->func(WATCHED_FREE, size, count, going->arg);
	going->count += count;
	going->bytes += count * size;
	take(watched, at, count);
}

/* COUNT chunks of BYTES together where there are such of one size; else the largest COUNT. */
static void take_likely(
	struct watched *watched, uint64_t count, uint64_t bytes, struct going *going)
{
	size_t at = count > 0 && bytes % count == 0 ? find(watched, bytes / count) : watched->n;

	if (at < watched->n && watched->sizes[at].size == bytes / count &&
		watched->sizes[at].count >= count) {
		take_and_say(watched, at, count, going);
		return;
	}
	while (count > 0 && watched->n > 0) {
		uint64_t n = watched->sizes[watched->n - 1].count;

		n = n < count ? n : count;
		take_and_say(watched, watched->n - 1, n, going);
		count -= n;
	}
}

/*
 * One more goes where BYTES are not negative, since one has to change; else so many of the largest
 * as have these bytes.
 */
static void take_more(struct watched *watched, int64_t bytes, struct going *going)
{
	const struct watched_size *last = &watched->sizes[watched->n - 1];
	uint64_t lacking = bytes < 0 ? (uint64_t)-bytes : 0, count = 1;

	if (lacking > 0)
		count = last->size > 0 ? (lacking - 1) / last->size + 1 : last->count;
	take_and_say(watched, watched->n - 1, count < last->count ? count : last->count, going);
}

/* Whether COUNT more than what goes can have BYTES more. */
static bool fits(const struct going *going, int64_t count, int64_t bytes)
{
	uint64_t chunks = going->count + (uint64_t)count, sum = going->bytes + (uint64_t)bytes;

	return (int64_t)sum >= 0 && (chunks > 0 || sum == 0);
}

/* COUNT chunks of two sizes, one byte apart, that have BYTES together. */
static void come(struct watched *watched, uint64_t count, uint64_t bytes, const struct going *going)
{
	uint64_t size = count > 0 ? bytes / count : 0, more = count > 0 ? bytes % count : 0;

	add(watched, size, count - more);
	add(watched, size + 1, more);
	if (going->func && count > more)
		going->func(WATCHED_BASE, size, count - more, going->arg);
	if (going->func && more > 0)
		going->func(WATCHED_BASE, size + 1, more, going->arg);
}

/* All that there is, made anew. */
static void say_anew(const struct watched *watched, watched_fn *func, void *arg)
{
	func(WATCHED_RESET, 0, 0, arg);
	for (size_t i = 0; i < watched->n; i++)
		func(WATCHED_BASE, watched->sizes[i].size, watched->sizes[i].count, arg);
}

static int64_t at_least(int64_t change, uint64_t figure)
{
	return change < 0 && (uint64_t) - (change + 1) >= figure ? -(int64_t)figure : change;
}

bool watched_change(
	struct watched *watched, int64_t count, int64_t bytes, watched_fn *func, void *arg)
{
	struct going going = {.func = func, .arg = arg};
	uint64_t goes;

	count = at_least(count, watched->count);
	bytes = at_least(bytes, watched->bytes);
	if (watched->count + (uint64_t)count > FIGURE_MOST ||
		watched->bytes + (uint64_t)bytes > FIGURE_MOST)
		return true;
	if (!reserve(watched))
		return false;
	goes = count < 0 ? (uint64_t)-count : 0;
	take_likely(watched, goes, bytes < 0 ? (uint64_t)-bytes : 0, &going);
	while (!fits(&going, count, bytes) && watched->n > 0)
		take_more(watched, (int64_t)going.bytes + bytes, &going);
	if (!fits(&going, count, bytes))
		bytes = -(int64_t)going.bytes; /* bytes that no chunk has are not said */
	come(watched, going.count + (uint64_t)count, going.bytes + (uint64_t)bytes, &going);
	if (going.func == NULL)
		say_anew(watched, func, arg);
	return true;
}
