/* SPDX-License-Identifier: MIT */
/*
 * Events around the moment that a trace is at; kept until it moves.
 */
#include "tui/feed_near.h"

#include <stdbool.h>
#include <stdlib.h>

enum { OWN = 32 };

/* Without copies the way back is a replay from the start: up to here it is short. */
#define SLOW_MOST 200000u

struct feed_near {
	struct explain_event lists[2][OWN]; /* the last list, and the one before */
	int current, n_own;
	uint64_t own_at, own_of;
	bool has_own;

	struct seek_coming coming[SEEK_COMING];
	int n_coming;
	uint64_t coming_at, coming_of, coming_known;
	bool has_coming, is_of_one;
};

struct feed_near *feed_near_new(void)
{
	return calloc(1, sizeof(struct feed_near));
}

void feed_near_free(struct feed_near *near)
{
	free(near);
}

/* ---- Those of a context ------------------------------------------------------------------- */

static const struct explain_event *find(const struct explain_event *events, int n, uint64_t number)
{
	while (n-- > 0)
		if (events[n].number == number)
			return &events[n];
	return NULL;
}

/* Explains the events that have no number yet.  Returns how many at the end of the list are there.
 */
static int explain_missing(
	struct seek *seek, struct explain_event *list, const uint64_t *numbers, int n, bool may)
{
	uint64_t now = seek_event(seek);
	struct replay_error error;
	int first = n;

	while (first > 0 && list[first - 1].number != 0)
		first--;
	if (first == 0 || !may || (seek_is_slow(seek) && now > SLOW_MOST))
		return n - first;
	for (int i = 0; i < first; i++)
		if (list[i].number == 0 && (seek_to(seek, numbers[i] - 1, &error) != 1 ||
						   seek_next(seek, &list[i], &error) != 1))
			break;
	seek_to(seek, now, &error);
	first = n;
	while (first > 0 && list[first - 1].number == numbers[first - 1])
		first--;
	return n - first;
}

static void list_own(struct feed_near *near, struct seek *seek, uint64_t context,
	const struct explain_event *known, int n_known, bool may)
{
	const struct explain_event *before = near->lists[near->current];
	struct explain_event *list = near->lists[!near->current];
	uint64_t numbers[OWN];
	int n = seek_list_context(seek, context, true, numbers, OWN), there;

	for (int i = 0; i < n; i++) {
		const struct explain_event *event = find(known, n_known, numbers[i]);

		if (event == NULL)
			event = find(before, near->n_own, numbers[i]);
		list[i].number = 0;
		if (event != NULL)
			list[i] = *event;
	}
	there = explain_missing(seek, list, numbers, n, may);
	for (int i = 0; i < there && there < n; i++)
		list[i] = list[n - there + i];
	near->current = !near->current;
	near->n_own = there;
}

int feed_near_own(struct feed_near *near, struct seek *seek, uint64_t context,
	const struct explain_event *known, int n, bool may, const struct explain_event **events)
{
	uint64_t now = seek_event(seek);

	if (!near->has_own || near->own_at != now || near->own_of != context)
		list_own(near, seek, context, known, n, may);
	near->has_own = may;
	near->own_at = now;
	near->own_of = context;
	*events = near->lists[near->current];
	return near->n_own;
}

/* ---- Those to come ------------------------------------------------------------------------ */

int feed_near_coming(struct feed_near *near, struct seek *seek, const uint64_t *context,
	const struct seek_coming **coming)
{
	uint64_t now = seek_event(seek), of = context != NULL ? *context : 0;
	/* The first pass may have found more since. */
	bool is_all = near->n_coming == SEEK_COMING || near->coming_known == seek_passed(seek);

	if (!near->has_coming || !is_all || near->coming_at != now ||
		near->is_of_one != (context != NULL) || near->coming_of != of)
		near->n_coming = seek_ahead(seek, context, near->coming, SEEK_COMING);
	near->has_coming = true;
	near->is_of_one = context != NULL;
	near->coming_at = now;
	near->coming_of = of;
	near->coming_known = seek_passed(seek);
	*coming = near->coming;
	return near->n_coming;
}
