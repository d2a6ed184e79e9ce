/* SPDX-License-Identifier: MIT */
/*
 * Replaying a trace: its events applied to real contexts of libmemctx.
 *
 * What is kept is proportional to what lives, never to the trace's length: a map from the ids of
 * live chunks to their memory, and a node a context.  A snapshot can be had after any event.
 * The peak is kept as it goes: each node's figures are put aside just before the first event
 * that changes them after a new peak, so that one pass finds the peak's tree exactly.
 */
#ifndef MEMCTX_MODEL_REPLAY_H
#define MEMCTX_MODEL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "memctx.h"
#include "model/lists.h"
#include "model/setting.h"
#include "model/snapshot.h"
#include "model/trace.h"

/* Why events were skipped, with keep_going or after a lost line. */
enum replay_skip {
	REPLAY_SKIP_SYNTAX,     /* the line itself is in error */
	REPLAY_SKIP_DEAD_CHUNK, /* free or realloc of an id that does not live */
	REPLAY_SKIP_DEAD_CTX,   /* a context that does not live */
	REPLAY_SKIP_TAKEN,      /* an id that already lives */
	REPLAY_SKIP_KIND_RULE,  /* what the kind does not allow (or none does: align over 2^30) */
	REPLAY_SKIP_CYCLE,      /* a move below itself */
	REPLAY_SKIP_BASE,       /* a freebase without its base */
	REPLAY_SKIP_AFTER_LOST, /* free or realloc of what the lost events made */
	REPLAY_SKIPS,
};

struct replay_error;

struct replay_options {
	bool keep_going; /* skip events in error, count them by kind */
	bool dry;        /* judge every event, allocate nothing: no figures but counts */
	/* What if: kinds and sizes in place of the trace's own; the caller's, for the replay's
	 * life. */
	const struct setting *settings;
	size_t nsettings;
	/* Most bytes the contexts may take; 0: what the machine has, own tables included. */
	uint64_t memory;
	/* With keep_going: called for each event in error that is skipped; may be NULL. */
	void (*on_skip)(const struct replay_error *error, void *arg);
	void *arg;
};

/*
 * One moment's figures, from the trace alone (requested, live) and from the allocator.  In a dry
 * replay the allocator's are SNAPSHOT_UNKNOWN, as is a sum over 64 bits.
 */
struct replay_moment {
	uint64_t event;
	uint64_t time_ns; /* of the last time line; SNAPSHOT_UNKNOWN before the first */
	uint64_t live_contexts;
	uint64_t live_chunks;
	uint64_t requested_bytes;
	struct snapshot_figures figures;
	struct lists lists; /* the classes as they are; none where all are the powers of two */
};

struct replay_counts {
	uint64_t events; /* numbered ones, with the skipped that begin with the word of one */
	uint64_t ops[TRACE_OPS]; /* by word, skipped ones not */
	uint64_t empty_resets;   /* reset, resetonly that found nothing to free */
	uint64_t contexts_created;
	uint64_t kinds_replaced; /* contexts replayed as another kind than their own */
	uint64_t not_done; /* frees and reallocs that a bump in place of another kind cannot do */
	uint64_t skipped;  /* lines, the sum of skips */
	uint64_t skips[REPLAY_SKIPS];
	uint64_t lost;    /* the sum of the lost lines */
	uint64_t threads; /* distinct T seen, at least 1, at most 2^20 are told apart */
	/* Where chunks came from, those of base lines and of reallocs that moved included. */
	uint64_t carved, reused, large;
	uint64_t peak_requested_bytes, peak_live_chunks; /* each the greatest over the run */
	uint64_t time_ns; /* the last time line; SNAPSHOT_UNKNOWN: none */
};

/* Why a replay stopped. */
struct replay_error {
	int status; /* the tool's exit status: 1 the trace is refused, 3 the system or --memory */
	uint64_t line, column; /* 0: not about a line */
	char message[400];
};

struct replay;

/* A replay that has applied nothing, or NULL with *ERROR.  The reader stays the caller's. */
struct replay *replay_new(struct trace_reader *reader, const struct replay_options *options,
	struct replay_error *error);
/* Deletes every context of the replay, and trims what the thread's allocator caches. */
void replay_free(struct replay *replay);

/*
 * Applies events until EVENT (a number; UINT64_MAX: the end) has been applied, or the next would
 * lie after TIME_NS (UINT64_MAX: no matter).  1: stopped there, 0: the end of the trace, -1:
 * *ERROR; what was applied stays applied and can be looked at.
 */
int replay_run(struct replay *replay, uint64_t event, uint64_t time_ns, struct replay_error *error);

/* The counts so far, until the next call; takes O(live contexts). */
const struct replay_counts *replay_counts(const struct replay *replay);
/*
 * Now; and at the peak so far (the first event after which total_bytes is greatest), which a dry
 * replay does not know: it stays at event 0.
 */
void replay_now(const struct replay *replay, struct replay_moment *moment);
void replay_peak(const struct replay *replay, struct replay_moment *moment);

/* The tree now, and at the peak; NULL with ENOMEM.  The caller frees it and sets path and point. */
struct snapshot *replay_snapshot(const struct replay *replay);
struct snapshot *replay_snapshot_peak(const struct replay *replay);

/*
 * For looking at single events and proving the whole; not in a dry replay, where all are NULL. What
 * is returned belongs to the replay and may be looked at, not changed, until it runs on.
 */

/*
 * Applies the lines that are no events (time, thread, lost, and those in error that the reader
 * passes over) up to the next event, which *EVENT points to until the replay runs on.  1; 0: the
 * trace has ended; -1: *ERROR.
 */
int replay_peek(
	struct replay *replay, const struct trace_event **event, struct replay_error *error);

/* The context above all roots of the trace: memctx_check() on it proves everything. */
memctx *replay_root(const struct replay *replay);
/* The context, and the chunk, that an id names; NULL where nothing lives. */
memctx *replay_context(const struct replay *replay, uint64_t id);
void *replay_chunk(const struct replay *replay, uint64_t id);

#endif
