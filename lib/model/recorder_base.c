/* SPDX-License-Identifier: MIT */
/*
 * Chunks without ids: what a context had when it was found, and what a watched arena tells of its
 * own.  They stand in the trace as base and freebase lines.
 */
#include <stdlib.h>

#include "model/recorder_inner.h"
#include "model/snapshot.h"

#define LARGE RECORDER_LARGE

_Static_assert(LARGE == SNAPSHOT_CLASSES, "as snapshot_class_of() says");

/* Forgets the chunks that have no ids. */
void recorder_drop_base(struct known *known)
{
	free(known->base);
	known->base = NULL;
	if (known->watched)
		watched_clear(known->watched);
	free(known->watched);
	known->watched = NULL;
}

/* Two sizes, one byte apart, of which COUNT chunks have BYTES together. */
bool recorder_put_base(
	struct recorder *recorder, struct known *known, const struct live_chunks *before)
{
	struct trace_event line = {.op = TRACE_BASE, .ctx = known->id};

	known->base = calloc(LARGE + 1, sizeof *known->base);
	if (!known->base) {
		recorder->has_failed = true;
		return false;
	}
	for (unsigned k = 0; k <= LARGE; k++) {
		struct base *base = &known->base[k];

		if (before[k].count == 0)
			continue;
		base->size = before[k].bytes / before[k].count;
		base->more = before[k].bytes % before[k].count;
		base->count = before[k].count - base->more;
		line.size = base->size;
		line.id2 = base->count;
		if (base->count > 0)
			recorder_put(recorder, &line);
		line.size = base->size + 1;
		line.id2 = base->more;
		if (base->more > 0)
			recorder_put(recorder, &line);
	}
	return true;
}

/* Where acts on the chunks of a watched arena go. */
struct watched_out {
	struct recorder *recorder;
	const struct known *known;
};

static void put_watched(enum watched_act act, uint64_t size, uint64_t count, void *arg)
{
	const struct watched_out *out = arg;
	struct trace_event line = {.op = TRACE_BASE, .ctx = out->known->id, .size = size};

	if (act == WATCHED_RESET) {
		recorder_put_plain(out->recorder, TRACE_RESETONLY, out->known->id);
		return;
	}
	line.id2 = act == WATCHED_BASE ? count : 0;
	if (act == WATCHED_BASE)
		count = 1;
	else
		line.op = TRACE_FREEBASE;
	while (count-- > 0)
		recorder_put(out->recorder, &line);
}

bool recorder_change_watched(
	struct recorder *recorder, struct known *known, int64_t count, int64_t bytes)
{
	struct watched_out out = {recorder, known};

	if (!known->watched)
		known->watched = calloc(1, sizeof *known->watched);
	if (known->watched && watched_change(known->watched, count, bytes, put_watched, &out))
		return true;
	recorder->has_failed = true;
	return false;
}

/* A chunk of class K that was there before goes.  False: there is none. */
static bool free_base(struct recorder *recorder, const struct known *known, unsigned k)
{
	struct trace_event line = {.op = TRACE_FREEBASE, .ctx = known->id};
	struct base *base;

	if (!known->base)
		return false;
	base = &known->base[k];
	line.size = base->size;
	if (base->count > 0) {
		base->count--;
	} else if (base->more > 0) {
		base->more--;
		line.size++;
	} else {
		return false;
	}
	recorder_put(recorder, &line);
	return true;
}

bool recorder_free_base(struct recorder *recorder, const struct known *known, uint64_t size)
{
	return free_base(recorder, known, snapshot_class_of(size));
}

bool recorder_free_any_base(struct recorder *recorder, const struct known *known, uint64_t size)
{
	unsigned k = snapshot_class_of(size), n = 0;

	while (n <= LARGE && !free_base(recorder, known, (k + LARGE + 1 - n) % (LARGE + 1)))
		n++;
	return n <= LARGE;
}
