/* SPDX-License-Identifier: MIT */
/*
 * What a screen shows, from any source: the tree at a moment, and for a trace a way to any other
 * moment, its freelists as chains, and what the allocator did at the events just passed.
 *
 * Views know a feed only by this; none asks where it came from but through its kind.
 */
#ifndef TUI_FEED_H
#define TUI_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "model/explain.h"
#include "model/look.h"
#include "model/seek.h"
#include "model/snapshot.h"
#include "model/source.h"
#include "tui/feed_memory.h"

enum feed_kind { FEED_TRACE, FEED_LIVE, FEED_STILL };

enum { FEED_HISTORY = 512, FEED_EVENTS = 64, FEED_LIVE_EVENTS = 256, FEED_TITLE = 160 };

struct feed;

/* Opens ARGUMENT (as a SOURCE; NULL: the last replay); NULL with *ERROR. */
struct feed *feed_open(
	const char *argument, const struct source_options *options, struct source_error *error);
/* A feed of a snapshot that stands still, which it takes; NULL with ENOMEM and SNAPSHOT freed. */
struct feed *feed_of_snapshot(struct snapshot *snapshot, const char *title);
void feed_close(struct feed *feed);

enum feed_kind feed_kind(const struct feed *feed);
/* What is looked at: a trace's name, a process's number and command. */
const char *feed_title(const struct feed *feed);
/* The tree now; the feed's own, until the feed next moves. */
const struct snapshot *feed_snapshot(const struct feed *feed);
/* snapshot_totals() of that tree. */
void feed_totals(const struct feed *feed, struct snapshot_figures *sum);
/* Counts the changes of what is shown: another number, another picture. */
uint64_t feed_serial(const struct feed *feed);
/* Why it stands still: a target that ended, an error in the trace; NULL: it does not. */
const char *feed_trouble(const struct feed *feed);
/* Whether that is the system's, as a want of memory: what is shown is not what was asked for. */
bool feed_has_failed(const struct feed *feed);
/* Live: it is gone for good; with trouble alone it is looked at again. */
bool feed_has_ended(const struct feed *feed);

/* Live: looks again.  False where nothing came of it. */
bool feed_refresh(struct feed *feed);

/* Live: what passed between the last two looks. */
struct feed_rates {
	double uptime;        /* seconds */
	double allocs, frees; /* a second; below 0: not known */
	uint64_t lost;        /* entries of rings, since events are watched; SNAPSHOT_UNKNOWN */
};

/* NULL: not live. */
const struct feed_rates *feed_rates(const struct feed *feed);
/* Live: what each context grew by, with what stands below it or alone; NULL: not known. */
const int64_t *feed_changes(const struct feed *feed, bool own);

struct feed_live_event {
	uint64_t time_ns, size; /* size: UINT64_MAX where the event has none */
	uint64_t context;       /* its id in the snapshot; 0: one that is gone */
	uint32_t tid;
	int op; /* enum live_op */
	char name[EXPLAIN_NAME];
};

/* Live: watches the events from here on; those that the rings still hold come at once. */
void feed_watch(struct feed *feed);
/* Live: the latest events, the last last, at most FEED_LIVE_EVENTS. */
int feed_live_list(const struct feed *feed, const struct feed_live_event **events);

/* Trace: to after EVENT, back or on; as far as it goes. */
bool feed_seek(struct feed *feed, uint64_t event);
uint64_t feed_event(const struct feed *feed);
/* Trace: to the last event that is not after TIME_NS, as far as it goes. */
bool feed_seek_time(struct feed *feed, uint64_t time_ns);
/*
 * Trace: to the event after (BACK: before) this one that is about a context (in the life that
 * feed_life() told; events about its chunks count, those of contexts above it do not) or that is a
 * reset.
 * False: there is none, and the feed stays where it is.
 */
bool feed_seek_life(struct feed *feed, uint64_t life, bool back);
/* Trace: the life that a context is in (model/seek.h); SNAPSHOT_UNKNOWN: it does not live now. */
uint64_t feed_life(const struct feed *feed, uint64_t context);
bool feed_seek_reset(struct feed *feed, bool back);
/* The trace's last event and its peak; SNAPSHOT_UNKNOWN while the first pass has not got there. */
uint64_t feed_last(const struct feed *feed);
uint64_t feed_peak(const struct feed *feed);
/* Whether the way there is as short as feed_idle() will make it. */
bool feed_is_near(const struct feed *feed, uint64_t event);
/*
 * Does a part of the first pass that a few milliseconds allow; false where there is nothing left
 * to do.
 */
bool feed_idle(struct feed *feed);

/*
 * Samples of total bytes, oldest first, at most FEED_HISTORY; POSITION gets the place of now among
 * them (-1: none).
 */
int feed_history(const struct feed *feed, const uint64_t **samples, int *position);

/* Trace: the freelist of a class of a context; false where it cannot be known. */
bool feed_chain(const struct feed *feed, uint64_t context, int number, struct explain_chain *chain);
/* The number of a context's freelist of chunks of BYTES; -1: it has none. */
int feed_list(const struct feed *feed, uint64_t context, uint64_t bytes);
/* Trace: where to look at the memory of a context; false: it does not live. */
bool feed_look(const struct feed *feed, uint64_t context, struct look *look);
/* Trace: as in feed_memory.h; NULL: the context does not live. */
const struct memory_blocks *feed_blocks(
	struct feed *feed, uint64_t context, size_t first, size_t max, int width);
const struct look_chunk *feed_chunk(
	struct feed *feed, uint64_t context, const struct memory_place *place);
/* The chunk of the last event, which EVENT is. */
const struct look_chunk *feed_changed_chunk(
	struct feed *feed, uint64_t context, const struct explain_event *event);
/* Trace: the events up to now, the latest last, at most FEED_EVENTS. */
int feed_events(const struct feed *feed, const struct explain_event **events);
/*
 * Trace: the events up to now that are about a context, as feed_events(); those some way back, too,
 * if it MAY go back for them.  And those to come (CONTEXT NULL: all), as the trace has them.  Kept
 * until the feed moves.
 */
int feed_own_events(
	struct feed *feed, uint64_t context, bool may, const struct explain_event **events);
int feed_coming(struct feed *feed, const uint64_t *context, const struct seek_coming **coming);

#endif
