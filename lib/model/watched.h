/* SPDX-License-Identifier: MIT */
/*
 * The chunks of a watched arena, as base and freebase lines can say them: the arena tells how many
 * more there are and of how many bytes together, a line is about chunks of one size.
 *
 * Where a change fits no chunks that are there, others are freed and made anew so that number and
 * sum are right: which chunks those were, nobody was told.
 *
 * Invariant: the sizes ascend, each with a count above 0; their sums are count and bytes.
 */
#ifndef MEMCTX_MODEL_WATCHED_H
#define MEMCTX_MODEL_WATCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watched_size {
	uint64_t size, count;
};

struct watched {
	struct watched_size *sizes;
	size_t n, room;
	uint64_t count, bytes;
};

enum watched_act {
	WATCHED_BASE,  /* COUNT chunks of SIZE come */
	WATCHED_FREE,  /* COUNT chunks of SIZE go */
	WATCHED_RESET, /* all go */
};

typedef void watched_fn(enum watched_act act, uint64_t size, uint64_t count, void *arg);

/*
 * COUNT more chunks of BYTES more (negative: fewer), told to FUNC as acts.  What would be less than
 * nothing is nothing.  False: no memory, and the arena is as it was.
 */
bool watched_change(
	struct watched *watched, int64_t count, int64_t bytes, watched_fn *func, void *arg);

/* Forgets all chunks. */
void watched_clear(struct watched *watched);

#endif
