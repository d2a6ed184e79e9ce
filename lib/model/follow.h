/* SPDX-License-Identifier: MIT */
/*
 * Following a live process: the events of its rings, in an order in which the events of every
 * context stand as they happened.
 *
 * What a ring overwrote before it was read is lost, and counted in entries of the ring (an event
 * has one, or a few more where it carries texts or large sizes).  Nothing that is read is trusted:
 * a damaged ring yields strange events, never a crash.
 */
#ifndef MEMCTX_MODEL_FOLLOW_H
#define MEMCTX_MODEL_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/live.h"

#define FOLLOW_NONE UINT32_MAX
/* More contexts than the library can make are those of a damaged region. */
#define FOLLOW_UNITS ((uint32_t)1 << 20)

enum live_op {
	LIVE_FOUND, /* a context that was there before it was followed */
	LIVE_CREATE,
	LIVE_IDENT,
	LIVE_ALLOC,
	LIVE_REALLOC,
	LIVE_FREE,
	LIVE_BLOCKS, /* a watched arena took COUNT blocks of BYTES together, or gave them back */
	LIVE_CHUNKS, /* it handed out COUNT chunks of BYTES together, or took them back */
	LIVE_RESET,
	LIVE_RESETONLY,
	LIVE_DELETE, /* one context: those below it were deleted before, unless that was lost */
	LIVE_MOVE,
	LIVE_LOST, /* SIZE entries of the ring; 0: recording was off */
	LIVE_OPS,
};

/* "create", "alloc" … */
const char *live_op_name(enum live_op op);

/* Chunks of one class, or the large ones, that were there before the context was followed. */
struct live_chunks {
	uint64_t count, bytes; /* bytes: as asked for */
};

/* A context as far as it is known. */
struct live_context {
	uint64_t serial; /* 0: nothing is known */
	uint64_t init_size, max_size, min_size;
	uint64_t chunk_size;    /* a slab's */
	uint64_t parent_serial; /* where it was found: of its parent then */
	uint32_t parent;        /* its unit; FOLLOW_NONE: a root, or not known */
	uint8_t kind;
	uint8_t align;              /* of chunks */
	bool fine;                  /* an aset with classes=fine */
	bool has_sizes;             /* init_size and max_size are known and not the default's */
	char *name;                 /* never NULL where SERIAL is not 0 */
	char *ident;                /* NULL: none */
	struct live_chunks *before; /* [REGION_CLASSES + 1] of one that was found; NULL: none */
	struct live_chunks free;    /* on its freelists then; bytes: with headers */
};

struct live_event {
	enum live_op op;
	uint32_t unit; /* of the context: two that live at once have different ones */
	uint32_t ring;
	uint32_t tid;                       /* of the thread that writes the ring now */
	const struct live_context *context; /* during the call; serial 0: not known */
	uint64_t chunk;                     /* its address; with its unit it names the chunk */
	uint64_t from;                      /* realloc: where it was, if it moved; else 0 */
	uint64_t size;    /* alloc, realloc; free too, but UINT64_MAX where it was a large chunk */
	uint64_t align;   /* alloc: asked for; else 0 */
	int64_t count;    /* blocks, chunks; else 0 */
	int64_t bytes;    /* likewise */
	uint64_t time_ns; /* CLOCK_MONOTONIC at it or a little before: lib/DESIGN.md */
};

/* False: stop, with what has been told taken off the ring. */
typedef bool follow_fn(const struct live_event *event, void *arg);

enum follow_start {
	FOLLOW_FIRST,  /* from the process's first event; what was overwritten is lost */
	FOLLOW_OLDEST, /* from the oldest event that is there */
	FOLLOW_NOW,    /* from now; contexts that are there are told as LIVE_FOUND first */
};

struct follow;

/* Follows LIVE, which stays the caller's and must outlive it.  NULL with *ERROR. */
struct follow *follow_new(struct live *live, enum follow_start start, struct live_error *error);
void follow_free(struct follow *follow);

/*
 * Tells the events that have come since.  Returns how many entries were taken, 0 where there is
 * nothing new; -1: the region cannot be read any more, -2: FUNC stopped it, -3: no memory.
 */
ptrdiff_t follow_poll(struct follow *follow, follow_fn *func, void *arg);

/*
 * From here on a thread copies the rings, more often than they are filled, so that nothing is lost
 * by what FUNC takes its time for as long as no more than 16 million entries wait.  False: there is
 * none, and polls copy as before.
 */
bool follow_run_ahead(struct follow *follow);
/* Ends it: polls copy again. */
void follow_run_along(struct follow *follow);

/* From here on only what was copied before is told. */
void follow_close(struct follow *follow);

/* Entries that were lost so far, events that found no ring included. */
uint64_t follow_lost(const struct follow *follow);

#endif
