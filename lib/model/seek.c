/* SPDX-License-Identifier: MIT */
/*
 * Seeking: opening, taking turns, moving.  See seek.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/own.h"
#include "model/plain.h"
#include "model/seek_inner.h"
#include "model/shortage.h"

#define MEMORY ((uint64_t)256 << 20)
#define SPACING 32768u

/* ---- Taking turns ------------------------------------------------------------------------- */

static struct memctx_world *world_of(struct seek *seek, enum seek_side side)
{
	return seek->arenas != NULL ? &arenas_arena(seek->arenas)->world : &seek->sides[side].world;
}

void seek_enter(struct seek *seek)
{
	if (!seek->entered)
		memctx_swap_world(world_of(seek, CURSOR));
	seek->entered = true;
}

void seek_leave(struct seek *seek)
{
	if (seek->entered)
		memctx_swap_world(world_of(seek, CURSOR));
	seek->entered = false;
}

bool seek_begin(struct seek *seek, enum seek_side side)
{
	bool stays = seek->entered && side == CURSOR;

	if (seek->entered && !stays)
		memctx_swap_world(world_of(seek, CURSOR));
	if (seek->arenas != NULL && arenas_use(seek->arenas, (int)side) != 0) {
		if (seek->entered)
			memctx_swap_world(world_of(seek, CURSOR));
		return false;
	}
	if (!stays)
		memctx_swap_world(world_of(seek, side));
	if (seek->arenas != NULL)
		own_use(arenas_arena(seek->arenas));
	seek->turn = side;
	return true;
}

void seek_end(struct seek *seek)
{
	bool stays = seek->entered && seek->turn == CURSOR;

	own_use(NULL);
	if (!stays)
		memctx_swap_world(world_of(seek, seek->turn));
	/* The way back was open a moment ago, and without it there is no cursor. */
	if (seek->arenas != NULL && arenas_use(seek->arenas, CURSOR) != 0)
		abort();
	if (seek->entered && !stays)
		memctx_swap_world(world_of(seek, CURSOR));
	seek->turn = CURSOR;
}

/* ---- Replays ------------------------------------------------------------------------------ */

static void out_of_memory(struct replay_error *error)
{
	*error = (struct replay_error){.status = 3};
	snprintf(error->message, sizeof(error->message), "out of memory");
}

/* A new replay for the side whose turn it is. */
static int make_replay(struct seek *seek, struct replay_error *error)
{
	struct side *side = &seek->sides[seek->turn];

	trace_go(side->reader, &seek->start);
	side->event = 0;
	side->replay = replay_new(side->reader, &seek->options.replay, error);
	if (side->replay == NULL)
		return -1;
	side->explain = explain_new(side->replay);
	if (side->explain == NULL) {
		out_of_memory(error);
		return -1;
	}
	if (seek->arenas != NULL) {
		struct arena *arena = arenas_arena(seek->arenas);

		arena->top[0] = side->replay;
		arena->top[1] = side->explain;
	}
	return 0;
}

static void drop_replay(struct side *side)
{
	explain_free(side->explain);
	replay_free(side->replay);
	side->explain = NULL;
	side->replay = NULL;
}

/* Puts the side whose turn it is before the first event.  0, or -1 with *ERROR. */
static int restart(struct seek *seek, struct replay_error *error)
{
	if (seek->arenas != NULL) {
		seek_copy_put(seek, &seek->copies[0]);
		return 0;
	}
	drop_replay(&seek->sides[seek->turn]);
	return make_replay(seek, error);
}

/* After an error, while its arena is in place: whether that was too small. */
static void note_full(struct seek *seek)
{
	seek->is_full = seek->arenas != NULL && arenas_arena(seek->arenas)->is_full;
}

int seek_run(struct seek *seek, uint64_t event, struct replay_error *error)
{
	struct side *side = &seek->sides[seek->turn];
	int result = explain_run(side->explain, event, error);

	side->event = replay_progress(side->replay).events;
	if (result < 0)
		note_full(seek);
	return result;
}

/* ---- Opening ------------------------------------------------------------------------------ */

static int open_failed(struct replay_error *error, const struct trace_error *cause)
{
	error->status = is_shortage(cause->system) ? 3 : 1;
	error->line = cause->line;
	error->column = cause->column;
	memcpy(error->message, cause->message, sizeof(error->message));
	return -1;
}

static int open_readers(struct seek *seek, const char *path, struct replay_error *error)
{
	unsigned flags = seek->options.replay.keep_going ? TRACE_KEEP_GOING : 0;
	struct trace_error cause;

	seek->store = trace_store_open(path, &cause);
	if (seek->store == NULL)
		return open_failed(error, &cause);
	for (int i = 0; i < 2; i++) {
		seek->sides[i].reader = trace_open_store(seek->store, flags, &cause);
		if (seek->sides[i].reader == NULL)
			return open_failed(error, &cause);
	}
	trace_tell(seek->sides[CURSOR].reader, NULL, &seek->start);
	return 0;
}

/* Both replays in arenas; false: it cannot be. */
static bool open_arenas(struct seek *seek)
{
	struct replay_error ignored;
	bool is_made;

	seek->arenas = arenas_new();
	if (seek->arenas == NULL)
		return false;
	seek_begin(seek, CURSOR);
	is_made = make_replay(seek, &ignored) == 0;
	if (is_made)
		seek_copy_take(seek);
	seek_end(seek);
	if (!is_made || seek->n_copies == 0 || !seek_begin(seek, SCOUT))
		return false;
	seek_copy_put(seek, &seek->copies[0]);
	seek_end(seek);
	return true;
}

/* What is in arenas goes with them. */
static void close_arenas(struct seek *seek)
{
	seek_copies_drop(seek);
	if (seek->arenas != NULL)
		arenas_free(seek->arenas);
	seek->arenas = NULL;
	for (int i = 0; i < 2; i++) {
		seek->sides[i].replay = NULL;
		seek->sides[i].explain = NULL;
	}
}

static int open_plain(struct seek *seek, struct replay_error *error)
{
	int result = 0;

	for (int i = 0; i < 2 && result == 0; i++) {
		seek->sides[i].world = (struct memctx_world){.backing = plain_backing};
		seek_begin(seek, (enum seek_side)i);
		result = make_replay(seek, error);
		seek_end(seek);
	}
	return result;
}

static void close_plain(struct seek *seek)
{
	for (int i = 0; i < 2; i++) {
		if (seek->sides[i].world.backing.alloc == NULL)
			continue;
		seek_begin(seek, (enum seek_side)i);
		drop_replay(&seek->sides[i]);
		/* Gives the address space of its contexts back. */
		memctx_set_backing(NULL);
		seek_end(seek);
	}
}

bool seek_go_slow(struct seek *seek)
{
	bool entered = seek->entered;
	struct replay_error ignored;
	bool is_open;

	if (seek->arenas == NULL || !seek->is_full)
		return false;
	seek_leave(seek);
	close_arenas(seek);
	is_open = open_plain(seek, &ignored) == 0;
	if (entered)
		seek_enter(seek);
	return is_open;
}

struct seek *seek_open(
	const char *path, const struct seek_options *options, struct replay_error *error)
{
	struct seek *seek = calloc(1, sizeof(*seek));

	if (seek == NULL) {
		out_of_memory(error);
		return NULL;
	}
	seek->options = *options;
	seek->memory = options->memory != 0 ? options->memory : MEMORY;
	seek->spacing = options->spacing != 0 ? options->spacing : SPACING;
	seek->near = seek->spacing;
	if (open_readers(seek, path, error) != 0) {
		seek_close(seek);
		return NULL;
	}
	if (options->slow || !open_arenas(seek)) {
		close_arenas(seek);
		if (open_plain(seek, error) != 0) {
			seek_close(seek);
			return NULL;
		}
	}
	seek_pass_begin(seek);
	return seek;
}

void seek_close(struct seek *seek)
{
	if (seek == NULL)
		return;
	seek_leave(seek);
	if (seek->arenas == NULL)
		close_plain(seek);
	close_arenas(seek);
	seek_pass_free(seek);
	for (int i = 0; i < 2; i++)
		trace_close(seek->sides[i].reader);
	trace_close(seek->ahead);
	trace_store_close(seek->store);
	free(seek);
}

/* ---- Moving ------------------------------------------------------------------------------- */

/* Brings the cursor, whose turn it is, to EVENT or before it, the quickest way. */
static int approach(struct seek *seek, uint64_t event, struct replay_error *error)
{
	const struct side *cursor = &seek->sides[CURSOR];
	const struct copy *copy = seek_copy_before(seek, event);
	bool is_behind = cursor->explain != NULL && cursor->event <= event;

	if (copy == NULL)
		return is_behind ? 0 : restart(seek, error);
	if (!is_behind || copy->event > cursor->event + seek_copy_gain(seek))
		seek_copy_put(seek, copy);
	return 0;
}

static int move_to(struct seek *seek, uint64_t event, struct replay_error *error)
{
	uint64_t near;
	int result;

	if (seek->arenas != NULL)
		seek_pass_to(seek, event);
	near = seek->passed && event > seek->last ? seek->last : event;
	seek->is_prepared = false;
	seek_begin(seek, CURSOR);
	result = approach(seek, near, error);
	if (result == 0)
		result = seek_run_copying(seek, near, error);
	if (result == 1 && near < event)
		result = seek_run(seek, event, error);
	seek_end(seek);
	return result;
}

int seek_to(struct seek *seek, uint64_t event, struct replay_error *error)
{
	int result = move_to(seek, event, error);

	return result < 0 && seek_go_slow(seek) ? move_to(seek, event, error) : result;
}

int seek_next(struct seek *seek, struct explain_event *event, struct replay_error *error)
{
	struct side *cursor = &seek->sides[CURSOR];
	uint64_t from = cursor->event;
	int result;

	if (cursor->explain == NULL && seek_to(seek, from, error) < 0)
		return -1;
	seek->is_prepared = false;
	seek_begin(seek, CURSOR);
	result = explain_next(cursor->explain, event, error);
	cursor->event = replay_progress(cursor->replay).events;
	if (result < 0)
		note_full(seek);
	seek_end(seek);
	if (result < 0 && seek_go_slow(seek) && seek_to(seek, from, error) > 0)
		return seek_next(seek, event, error);
	return result;
}

uint64_t seek_event(const struct seek *seek)
{
	return seek->sides[CURSOR].event;
}

const struct replay *seek_replay(const struct seek *seek)
{
	return seek->sides[CURSOR].replay;
}

struct explain *seek_explain(const struct seek *seek)
{
	return seek->sides[CURSOR].explain;
}

bool seek_is_slow(const struct seek *seek)
{
	return seek->arenas == NULL;
}
