/* SPDX-License-Identifier: MIT */
/*
 * A snapshot: the tree of contexts at one instant, as plain data.
 *
 * The contexts stand in tree order (a parent before what is below it, siblings in order of
 * creation), so a subtree is a run of the array and every view is a loop over it.  Ids are
 * stable over the snapshots of one source.  Nothing here points into the allocator.
 *
 * Invariant, for every context whose figures are all known:
 *   total = requested + slack + header + freelist + tail;  free = freelist + tail;
 *   used = total - free;  level of a root is 1, of a child its parent's plus 1.
 */
#ifndef MEMCTX_MODEL_SNAPSHOT_H
#define MEMCTX_MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_CLASSES 11
#define SNAPSHOT_RECENT 256
#define SNAPSHOT_NONE UINT32_MAX    /* no parent: a root */
#define SNAPSHOT_UNKNOWN UINT64_MAX /* a figure that the source does not know */

struct snapshot_class {
	uint64_t live, free; /* chunks; the size of class k is 8 << k bytes */
	uint64_t slack; /* bytes, of the live ones; large chunks have the rest of slack_bytes */
};

/* The class that holds SIZE bytes; SNAPSHOT_CLASSES: none does, they are a large chunk's. */
static inline unsigned snapshot_class_of(uint64_t size)
{
	unsigned k = 0;

	while (k < SNAPSHOT_CLASSES && UINT64_C(8) << k < size)
		k++;
	return k;
}

/* The figures that are summed over contexts; each may be SNAPSHOT_UNKNOWN. */
struct snapshot_figures {
	uint64_t total_bytes;
	uint64_t total_nblocks;
	uint64_t free_bytes;
	uint64_t free_chunks;
	uint64_t used_bytes;
	uint64_t live_chunks;
	uint64_t requested_bytes;
	uint64_t slack_bytes;
	uint64_t header_bytes;
	uint64_t freelist_bytes;
	uint64_t tail_bytes;
	uint64_t large_chunks;
	uint64_t large_bytes;
	uint64_t allocs, frees, reallocs, resets;
	struct snapshot_class classes[SNAPSHOT_CLASSES];
};

struct snapshot_context {
	uint64_t id;
	uint32_t parent; /* index in the array, or SNAPSHOT_NONE */
	uint32_t level;  /* a root's is 1 */
	uint32_t end;    /* index just past the last context below it: its subtree is [i, end) */
	uint32_t name;   /* offset into strings; 0-terminated, bytes as they came */
	uint32_t ident;  /* likewise; SNAPSHOT_NONE where there is none */
	uint32_t kind;   /* offset into strings: "aset" …, what the context was created as */
	uint32_t lists;  /* where its classes as they are stand: lists.h; 0: powers of two */
	uint64_t peak_total_bytes;   /* of this context alone, over its life */
	struct snapshot_figures own; /* without what is below it */
};

enum snapshot_source { SNAPSHOT_REPLAY, SNAPSHOT_LIVE, SNAPSHOT_FILE };

struct snapshot {
	enum snapshot_source source;
	char *path;       /* of the trace or file; NULL where there is none */
	int64_t pid;      /* of a live process, else -1 */
	uint64_t event;   /* the event after which it was taken; UNKNOWN for a live process */
	uint64_t events;  /* events of the whole trace as far as known; UNKNOWN */
	uint64_t time_ns; /* of the event since the trace began, or of the process; UNKNOWN */
	char point[16];   /* "end", "peak", "event", "" */
	uint64_t kinds_replaced; /* contexts replayed as another kind than their own */

	size_t n;
	struct snapshot_context *contexts;
	char *strings; /* strings[0] is "" */
	size_t strings_size, strings_room;
	uint64_t *lists; /* of those contexts that have others: lists.h */
	size_t lists_size, lists_room;
	size_t room;
	size_t ready; /* contexts whose pages are there, or that come one by one */
	uint32_t recent[SNAPSHOT_RECENT]; /* strings by hash: the last added, so that equal ones
					     share */
};

/* An empty snapshot, or NULL with ENOMEM. */
struct snapshot *snapshot_new(void);
/* Makes room for N contexts in all, so that adding them copies none.  0, or -1 with ENOMEM. */
int snapshot_reserve(struct snapshot *snapshot, uint64_t n);
void snapshot_free(struct snapshot *snapshot);

/*
 * Appends a context with unknown figures; contexts are added in tree order.  PARENT is an index or
 * SNAPSHOT_NONE; IDENT may be NULL.  Returns it, or NULL with ENOMEM, or with EINVAL where PARENT
 * has not been added; valid until the next add.
 */
struct snapshot_context *snapshot_add(struct snapshot *snapshot, uint64_t id, uint32_t parent,
	const char *name, const char *ident, const char *kind);

/* Gives the context at INDEX another name, ident and kind.  0, or -1 with ENOMEM. */
int snapshot_rename(struct snapshot *snapshot, uint32_t index, const char *name, const char *ident,
	const char *kind);

/* Says what it is of: a copy of PATH (may be NULL) and POINT.  0, or -1 with ENOMEM. */
int snapshot_set_origin(struct snapshot *snapshot, const char *path, const char *point);

/* Brings a context into the cache: it has several lines, and is seldom read but once. */
static inline void snapshot_fetch(const struct snapshot_context *context)
{
	for (size_t at = 0; at < sizeof *context; at += 64)
		__builtin_prefetch((const char *)context + at);
}

/* Sets every context's level and end; call once all are added. */
void snapshot_finish(struct snapshot *snapshot);

/* The string at an offset; NULL for SNAPSHOT_NONE. */
const char *snapshot_string(const struct snapshot *snapshot, uint32_t offset);

/* The sum of two figures; what either does not know, or passes 64 bits, is not known. */
static inline uint64_t snapshot_plus(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	/* What is not known is the greatest number: a sum with it is that, or wraps. */
	return sum | -(uint64_t)(sum < a);
}

/* Adds FROM's figures to SUM's, each as snapshot_plus() does. */
void snapshot_sum(struct snapshot_figures *sum, const struct snapshot_figures *from);
/* Sets every figure to VALUE (0 or SNAPSHOT_UNKNOWN). */
void snapshot_fill(struct snapshot_figures *figures, uint64_t value);
/* The sum over all contexts. */
void snapshot_totals(const struct snapshot *snapshot, struct snapshot_figures *sum);

/*
 * Subtree sums.  Most contexts have nothing below them, and their own figures are the sum: for
 * those nothing is copied.
 */
struct snapshot_sums {
	const struct snapshot *snapshot;
	struct snapshot_figures *inner; /* of those with others below them; NULL: not made */
	uint32_t *places;               /* of a context in inner, or SNAPSHOT_NONE */
};

/* Of a finished snapshot, which must live as long; O(n).  0, or -1 with ENOMEM and nothing made. */
int snapshot_sums_make(struct snapshot_sums *sums, const struct snapshot *snapshot);
void snapshot_sums_drop(struct snapshot_sums *sums);
/* The figures of a context with all that stands below it. */
static inline const struct snapshot_figures *snapshot_subtree(
	const struct snapshot_sums *sums, uint32_t context)
{
	uint32_t place = sums->places[context];

	return place == SNAPSHOT_NONE ? &sums->snapshot->contexts[context].own
				      : &sums->inner[place];
}

/*
 * Whether the snapshot keeps its invariants; writes a sentence on the first that is broken to
 * MESSAGE and returns false.
 */
bool snapshot_valid(const struct snapshot *snapshot, char *message, size_t size);

#endif
