/* SPDX-License-Identifier: MIT */
/*
 * What two snapshots differ in: lines as rows.h makes them, each with the figures of both sides.
 *
 * Contexts are matched by their place: children of matched contexts match where name and ident are
 * the same, whatever their ids.  Of several of one name and ident those with the same figures match
 * first, the others in order of creation; a context that has no sibling of its name on either side
 * matches whatever its ident.  What is left is new or gone, with all that stands below it.
 *
 * Lines stand in tree order, the lines below line i are [i + 1, end); siblings come greatest
 * change first.  There are lines only for what differs and for what stands above it.
 */
#ifndef MEMCTX_MODEL_DIFF_H
#define MEMCTX_MODEL_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/rows.h"
#include "model/snapshot.h"

enum { DIFF_A, DIFF_B, DIFF_SIDES };

/* By enum rows_key, ROWS_NAME left out; SNAPSHOT_UNKNOWN where it is not known. */
struct diff_figures {
	uint64_t of[ROWS_NAME];
};

struct diff_options {
	enum rows_key key; /* what is compared: the order of the lines, what has grown */
	bool own;          /* the figures of the contexts alone, not of what stands below them */
	/* A line a context; without it three or more siblings of one name on a side share one. */
	bool all;
};

struct diff_line {
	uint32_t context[DIFF_SIDES]; /* of several the first; SNAPSHOT_NONE: not on this side */
	uint32_t members[DIFF_SIDES];
	uint32_t level;                          /* from 0 */
	uint32_t parent;                         /* a line, or SNAPSHOT_NONE */
	uint32_t end;                            /* the first line that is not below this one */
	struct diff_figures figures[DIFF_SIDES]; /* zeros on a side where it is not */
};

/* Contexts, matched one by one and judged by their own figures. */
struct diff_counts {
	uint64_t added, gone;   /* on one side only */
	uint64_t grown, shrunk; /* by the key */
	uint64_t changed;       /* in another figure */
	uint64_t alike;
};

struct diff {
	struct diff_line *lines;
	size_t n;
	uint64_t hidden;      /* lines that diff_limit() took away */
	uint64_t hidden_most; /* the greatest change among them, whichever way */
	struct diff_counts counts;
	struct diff_figures totals[DIFF_SIDES];
	const struct snapshot *sides[DIFF_SIDES];
	struct diff_options options;
};

/* How a figure of B differs from A's. */
struct diff_change {
	bool known;
	bool less;   /* B's is the smaller */
	uint64_t by; /* 0: they are the same */
};

/* What A and B, which must live as long as it does, differ in; NULL with ENOMEM. */
struct diff *diff_new(
	const struct snapshot *a, const struct snapshot *b, const struct diff_options *options);
void diff_free(struct diff *diff);

/*
 * Keeps the MAX lines whose change is greatest, with those above them.  0, or -1 with ENOMEM and
 * nothing changed.
 */
int diff_limit(struct diff *diff, size_t max);

struct diff_change diff_change(const struct diff_figures figures[DIFF_SIDES], enum rows_key key);

/*
 * Whether LINE's figures or members differ; in what stands below it too, where they count that.
 * It is a difference in KEY, the total, blocks, bytes asked for, chunks or contexts.
 */
bool diff_differs(const struct diff_line *line, enum rows_key key);

/* The side on which a line's name is to be looked up: B where it is there. */
static inline int diff_side(const struct diff_line *line)
{
	return line->context[DIFF_B] != SNAPSHOT_NONE ? DIFF_B : DIFF_A;
}

#endif
