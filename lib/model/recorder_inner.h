/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the recorder share: the contexts and chunks that are known, and lines.
 */
#ifndef MEMCTX_MODEL_RECORDER_INNER_H
#define MEMCTX_MODEL_RECORDER_INNER_H

#include "model/idmap.h"
#include "model/recorder.h"
#include "model/trace.h"
#include "model/watched.h"

/* The chunks of a context that have no class. */
#define RECORDER_LARGE REGION_CLASSES

/* Chunks that were there before, of two sizes that make their sum. */
struct base {
	uint64_t size, count, more; /* MORE of SIZE + 1 */
};

struct known {
	uint64_t id;                        /* 0: it is not known */
	struct base *base;                  /* [RECORDER_LARGE + 1]; NULL: none */
	struct watched *watched;            /* of a watched arena; NULL: no chunks, or none */
	uint32_t parent, first, next, prev; /* units */
	uint32_t era;                       /* of its chunks */
	uint64_t chunks;                    /* live ones in the map */
};

struct recorder {
	FILE *out;
	struct known *known; /* by unit */
	uint32_t room;
	struct idmap chunks; /* ptr: the chunk's id; size: its size; node: its unit + 1 */
	uint64_t live_chunks;
	uint64_t next_context, next_chunk;
	uint64_t began_ns, time_ns; /* time_ns: as last written */
	uint64_t limit;
	uint64_t unsaid; /* events left out since the last lost line */
	uint32_t tid;
	bool has_failed;
	struct recorder_counts counts;
};

/* Writes a line, unless the limit is reached. */
void recorder_put(struct recorder *recorder, const struct trace_event *line);
/* A line of a word and one id. */
void recorder_put_plain(struct recorder *recorder, enum trace_op op, uint64_t id);

/* ---- recorder_base.c: chunks without ids ---- */
/* Says what chunks a context had when it was found.  False: no memory. */
bool recorder_put_base(
	struct recorder *recorder, struct known *known, const struct live_chunks *before);
/* One of them goes, of the class of SIZE (UINT64_MAX: a large one).  False: there is none. */
bool recorder_free_base(struct recorder *recorder, const struct known *known, uint64_t size);
/* One of any class, the class of SIZE if there is one. */
bool recorder_free_any_base(struct recorder *recorder, const struct known *known, uint64_t size);
/* COUNT more chunks, BYTES more, of a watched arena.  False: no memory. */
bool recorder_change_watched(
	struct recorder *recorder, struct known *known, int64_t count, int64_t bytes);
/* Forgets them all. */
void recorder_drop_base(struct known *known);

#endif
