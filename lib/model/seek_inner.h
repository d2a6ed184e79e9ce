/* SPDX-License-Identifier: MIT */
/*
 * What the files of seeking share; nobody else includes it.
 *
 *   seek.c        opening, taking turns, moving
 *   seek_copy.c   the copies: taken, kept, thinned, put back
 *   seek_pass.c   the first pass and what it finds
 *   seek_ahead.c  the lines after the cursor
 *
 * Invariants: copies stand in the order of events, the first at event 0; side CURSOR is in place,
 * and its world the library's exactly while `entered` or inside seek_begin() … seek_end().
 */
#ifndef MEMCTX_MODEL_SEEK_INNER_H
#define MEMCTX_MODEL_SEEK_INNER_H

#include "model/arena.h"
#include "model/replay_look.h"
#include "model/seek.h"
#include "model/snapshot.h"
#include "model/spill.h"

#define SEEK_MARK 4096u /* events between marks */

enum seek_side { CURSOR, SCOUT };

/* One of the two replays. */
struct side {
	struct trace_reader *reader;
	struct replay *replay; /* NULL: it could not be made */
	struct explain *explain;
	uint64_t event;
	struct memctx_world world; /* without arenas */
};

struct copy {
	struct arena_image *image;
	struct trace_place place;
	uint64_t event;
};

/* What the first pass notes every SEEK_MARK events. */
struct mark {
	uint64_t event, time_ns;
};

struct seek {
	struct trace_store *store;
	struct trace_reader *ahead; /* of what comes after the cursor; NULL: not asked for yet */
	struct seek_options options;
	struct trace_place start;
	struct arenas *arenas; /* NULL: slow */
	struct side sides[2];
	enum seek_side turn; /* whose world is the library's */
	bool entered;
	bool is_full; /* the run that failed last had too small an arena */

	struct copy *copies;
	size_t n_copies, room_copies;
	uint64_t copy_bytes, memory;
	uint64_t resident, largest; /* the most that one replay took, and that a copy did */
	uint64_t spacing;           /* events between copies of the first pass */
	uint64_t near;              /* and behind the cursor */
	bool is_prepared;           /* they are there */
	uint64_t wanted;            /* an event that a way to is to be prepared; SNAPSHOT_UNKNOWN */

	bool passed;                /* the first pass is over */
	struct replay_error cut;    /* … early, for want of memory; status 0: no */
	uint64_t last, peak, known; /* known: events that the pass has been over */
	struct spill *index;        /* a number an event: see seek_pass.c; NULL: none can be kept */
	uint32_t *noted;            /* of it, not written yet */
	size_t n_noted;
	struct mark *marks;
	size_t n_marks, room_marks;
	uint64_t samples[SEEK_SAMPLES], sample_events[SEEK_SAMPLES];
	int n_samples;
	uint64_t sample_step, greatest; /* total bytes since the last sample */
};

/* ---- seek.c ---- */

/*
 * Makes SIDE's world the library's, and the arena's memory that of tables; and turns back.  false:
 * it cannot be.
 */
bool seek_begin(struct seek *seek, enum seek_side side);
void seek_end(struct seek *seek);
/* Runs the side whose turn it is on to EVENT; as explain_run(). */
int seek_run(struct seek *seek, uint64_t event, struct replay_error *error);
/* After an error of a run: whether an arena was full; then it goes on without. */
bool seek_go_slow(struct seek *seek);

/* ---- seek_copy.c ---- */

/* The last copy at or before EVENT; NULL: there is none. */
const struct copy *seek_copy_before(const struct seek *seek, uint64_t event);
/* Copies the side whose turn it is, where nothing is in the way. */
void seek_copy_take(struct seek *seek);
/* Makes the side whose turn it is what was copied. */
void seek_copy_put(struct seek *seek, const struct copy *copy);
void seek_copies_drop(struct seek *seek);
/* Takes one where the first pass is to leave one. */
void seek_copy_pass(struct seek *seek);
/* seek_run() of the cursor, with copies right behind where it goes. */
int seek_run_copying(struct seek *seek, uint64_t event, struct replay_error *error);
/* Events that a copy must save for putting it in place to be the quicker way. */
uint64_t seek_copy_gain(const struct seek *seek);
/* A part of what makes steps back from the cursor quick.  false: nothing is left to do. */
bool seek_prepare(struct seek *seek);

/* ---- seek_pass.c ---- */

/* Runs the scout's first pass on to EVENT, or its end. */
void seek_pass_to(struct seek *seek, uint64_t event);
void seek_pass_begin(struct seek *seek);
void seek_pass_free(struct seek *seek);

#endif
