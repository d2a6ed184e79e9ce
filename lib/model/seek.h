/* SPDX-License-Identifier: MIT */
/*
 * Seeking in a trace: a replay that can be at any event soon.
 *
 * Two replays go over the trace.  The cursor is where the user looks.  The scout makes the first
 * pass, whenever nobody waits, and finds what needs the whole trace; as it goes it copies its
 * memory now and then (arena.h).  Each replay lies whole in an arena, tables, contexts, blocks and
 * the library's caches, and both stand at the same addresses: so the cursor goes anywhere by
 * putting a copy in its place and replaying the few events from there.  The copies are thinned
 * evenly as they grow too many, but for some right behind the cursor, for steps back.
 *
 * Where the arenas cannot be had, or are full, the same is done by replaying from the start.
 *
 * Invariant: after any move the cursor's state is that of a fresh replay to its event.
 */
#ifndef MEMCTX_MODEL_SEEK_H
#define MEMCTX_MODEL_SEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "model/explain.h"
#include "model/replay.h"

enum { SEEK_SAMPLES = 512, SEEK_NEAR = 65536, SEEK_COMING = 64 };

struct seek;

struct seek_options {
	struct replay_options replay;
	/* What replays and copies may take together; the copies get an eighth of it whatever the
	 * replays need.  0: 256 MiB. */
	uint64_t memory;
	uint64_t spacing; /* events between the first copies; 0: 32768 */
	bool slow;        /* no copies at all */
};

/*
 * The trace at PATH ("-": standard input), before its first event.  NULL with *ERROR.
 *
 * While one thread uses the library, which is the caller's to see to.
 */
struct seek *seek_open(
	const char *path, const struct seek_options *options, struct replay_error *error);
void seek_close(struct seek *seek);

/*
 * The cursor's contexts are known to the library between these two calls, and those of the
 * caller's only outside: to look at the replay, enter.  Every other function may be called both
 * ways.
 */
void seek_enter(struct seek *seek);
void seek_leave(struct seek *seek);
/* What stands at the cursor, until it moves: for looking, after seek_enter(). */
const struct replay *seek_replay(const struct seek *seek);
struct explain *seek_explain(const struct seek *seek);

/* ---- Moving ------------------------------------------------------------------------------- */

/* Goes to after EVENT (UINT64_MAX: the end).  1: there; 0: the trace ends before; -1: *ERROR. */
int seek_to(struct seek *seek, uint64_t event, struct replay_error *error);
/* One event on, explained.  1; 0: the end; -1: *ERROR. */
int seek_next(struct seek *seek, struct explain_event *event, struct replay_error *error);
/* Goes to after the last event that is not after TIME_NS.  As seek_to(), never 0. */
int seek_to_time(struct seek *seek, uint64_t time_ns, struct replay_error *error);
/* The number of the event that the cursor is after. */
uint64_t seek_event(const struct seek *seek);

/* ---- Finding ------------------------------------------------------------------------------ */

/*
 * Each finds an event's number and moves nothing: the nearest after (BACK: before) the cursor that
 * is about the context of a life; that is a reset.  SNAPSHOT_UNKNOWN: there is none.
 *
 * A life is from creation to deletion, whether it is over or not: an id may have several.
 * seek_life() tells which one a context is in at the cursor; SNAPSHOT_UNKNOWN: it does not live.
 */
uint64_t seek_life(const struct seek *seek, uint64_t context);
uint64_t seek_find_life(struct seek *seek, uint64_t life, bool back);
uint64_t seek_find_reset(struct seek *seek, bool back);
/*
 * The numbers of the nearest events that are about that context, at most MAX, in their order: of
 * those after the cursor, as far as the first pass has got; BACK: of those up to it.  Looks over
 * SEEK_NEAR events at most.  Returns how many.
 */
int seek_list_context(struct seek *seek, uint64_t context, bool back, uint64_t *numbers, int max);

/* An event still to come, as the trace has it. */
struct seek_coming {
	uint64_t number;
	struct trace_event event; /* without what it points to */
	bool has_context;
	uint64_t context;        /* as in struct explain_event */
	char name[EXPLAIN_NAME]; /* as it is called now, or in its create line; "": not known */
};

/*
 * The events after the cursor, at most MAX and SEEK_COMING, as far as the first pass has got;
 * CONTEXT (or NULL): those alone that seek_list_context() finds.  Their lines are read; nothing is
 * replayed.  Returns how many.
 */
int seek_ahead(struct seek *seek, const uint64_t *context, struct seek_coming *coming, int max);

/* ---- The first pass ----------------------------------------------------------------------- */

/*
 * Does what a few milliseconds allow of the first pass; after it, of what makes the way to the peak
 * and steps back quick.  false: there is nothing left to do.
 */
bool seek_pass(struct seek *seek);
/* Whether the way to EVENT is as short as it will get. */
bool seek_is_near(const struct seek *seek, uint64_t event);
/* How far the first pass has got; and what it found, SNAPSHOT_UNKNOWN before its end. */
uint64_t seek_passed(const struct seek *seek);
uint64_t seek_last(const struct seek *seek);
uint64_t seek_peak(const struct seek *seek);
/* What the system refused, so that the pass ended early and the rest is not to be seen; or NULL. */
const struct replay_error *seek_cut(const struct seek *seek);
/*
 * The greatest total bytes of each stretch of the trace so far: *SAMPLES, whose last events are
 * *EVENTS; returns how many, at most SEEK_SAMPLES.
 */
int seek_samples(const struct seek *seek, const uint64_t **samples, const uint64_t **events);

struct seek_room {
	uint64_t copies;       /* how many */
	uint64_t copy_bytes;   /* that they take */
	uint64_t replay_bytes; /* and both replays, as of the largest copy so far */
};

struct seek_room seek_room(const struct seek *seek);
/* Whether moves back begin at the start of the trace. */
bool seek_is_slow(const struct seek *seek);

#endif
