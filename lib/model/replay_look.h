/* SPDX-License-Identifier: MIT */
/*
 * Looking into a replay between two events, closer than replay.h does: who owns a chunk, and
 * whether a context was reset or deleted since.
 *
 * What is returned is true until the next event.
 */
#ifndef MEMCTX_MODEL_REPLAY_LOOK_H
#define MEMCTX_MODEL_REPLAY_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "memctx.h"
#include "model/replay.h"

/* Some of the counts, at no cost. */
struct replay_progress {
	uint64_t events, skipped, lost; /* as in struct replay_counts */
	uint64_t requested;             /* bytes, by the trace alone */
};

struct replay_progress replay_progress(const struct replay *replay);
/*
 * The counts at no cost: without threads, carved and reused, which replay_counts() goes over all
 * contexts for.
 */
const struct replay_counts *replay_plain_counts(const struct replay *replay);

/* Bytes that all contexts take, the time of the last time line (SNAPSHOT_UNKNOWN: none), and the
 * event of the peak so far, at no cost. */
uint64_t replay_total(const struct replay *replay);
uint64_t replay_time(const struct replay *replay);
uint64_t replay_peak_event(const struct replay *replay);

/* Where the text of what comes next begins.  false: it cannot be told between these events. */
bool replay_tell(const struct replay *replay, struct trace_place *place);
/* Whether EVENT, a line in error that READER passed over, is one that event numbers count. */
bool replay_bad_is_numbered(const struct trace_reader *reader, const struct trace_event *event);
/* READER, which has gone to where the replay was, is its reader from now on. */
void replay_go_on(struct replay *replay, struct trace_reader *reader);

/* Makes zero what the replay's tables hold for nothing, before they are copied. */
void replay_wash(struct replay *replay);

/* The life of a context between two resets, for which its lists last. */
struct replay_life {
	uint64_t serial;       /* of its creation */
	uint32_t node, resets; /* resets modulo 2^24 */
};

/* A live chunk. */
struct replay_look {
	void *address;
	uint64_t size; /* as it was asked for */
	memctx *owner;
	uint64_t context; /* the owner's id in the trace */
	struct replay_life life;
	bool is_bare; /* a bump's that is not large: what stands before it is no header of its own
		       */
};

/* The live chunk of an id; false: there is none. */
bool replay_look_chunk(const struct replay *replay, uint64_t id, struct replay_look *chunk);

/* The base chunk that a freebase of SIZE would free next in a context; false: there is none. */
bool replay_look_base(
	const struct replay *replay, uint64_t context, uint64_t size, struct replay_look *chunk);

/* A live chunk whose id is sought. */
struct replay_look_name {
	const void *address; /* as memctx_describe() says it */
	size_t size;         /* usable bytes there */
	uint64_t id;
	bool is_found;
};

/* Finds the ids of N live chunks of OWNER, in the order of their addresses; O(live chunks). */
void replay_look_ids(
	const struct replay *replay, const memctx *owner, struct replay_look_name *names, size_t n);

/* The life that the context of an id is in; false: there is none. */
bool replay_look_life(const struct replay *replay, uint64_t context, struct replay_life *life);
/* Whether a context still is in LIFE: neither reset nor deleted since; and whether it is CTX. */
bool replay_is_current(const struct replay *replay, const struct replay_life *life);
bool replay_is_life_of(
	const struct replay *replay, const struct replay_life *life, const memctx *ctx);

/*
 * The library's functions of these names, for the contexts of a replay, some of which may be pools
 * of study.h: those are of the kind watch, of which the library itself knows nothing.
 */
void replay_look_stats(const struct replay *replay, const memctx *ctx, struct memctx_stats *stats);
void replay_look_each_block(
	const struct replay *replay, const memctx *ctx, memctx_block_fn *func, void *arg);
void replay_look_each_chunk(const struct replay *replay, const memctx *ctx,
	const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg);
bool replay_look_describe(const struct replay *replay, const struct replay_look *chunk,
	struct memctx_chunk_info *info);
/* "aset" …, "stl", "pyint". */
const char *replay_look_kind(const struct replay *replay, const memctx *ctx);

/*
 * The freelists of a context by their numbers, from 0: those of memctx_lists(), a pool's own; of
 * fine classes, and of a pool's, several may share a power of two.
 */
struct replay_look_list {
	int size_class; /* the power of two, 8 << size_class, that holds its chunks */
	uint64_t bytes; /* of a chunk */
	uint64_t length;
};

int replay_look_lists(const struct replay *replay, const memctx *ctx);
void replay_look_list(
	const struct replay *replay, const memctx *ctx, int number, struct replay_look_list *list);
/* The number of the list of chunks of BYTES; -1: there is none. */
int replay_look_list_sized(const struct replay *replay, const memctx *ctx, uint64_t bytes);
void replay_look_each_listed(const struct replay *replay, const memctx *ctx, int number,
	memctx_chunk_fn *func, void *arg);
/* The number of the list where a chunk like this one goes; -1: it is large. */
int replay_look_list_of(
	const struct replay *replay, const memctx *ctx, const struct memctx_chunk_info *chunk);

#endif
