/* SPDX-License-Identifier: MIT */
/*
 * The lines of a table of contexts, made from a snapshot: which lines, in which order, with which
 * figures.  Nothing is printed here; a table and a screen show the same lines.
 *
 * A line stands for one context, or for three or more siblings of one name.  The lines stand in
 * tree order, so that the lines below line i are [i + 1, end), siblings sorted by the key.
 * Invariant: the members of all lines, hidden and deeper are together the contexts that the
 * filter keeps.
 */
#ifndef MEMCTX_MODEL_ROWS_H
#define MEMCTX_MODEL_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/snapshot.h"

/* What lines are sorted by; greatest first, names in order of their bytes. */
enum rows_key {
	ROWS_TOTAL,
	ROWS_USED,
	ROWS_FREE,
	ROWS_FREELIST,
	ROWS_TAIL,
	ROWS_REQUESTED,
	ROWS_SLACK,
	ROWS_HEADERS,
	ROWS_BLOCKS,
	ROWS_CHUNKS,
	ROWS_CONTEXTS,
	ROWS_NAME,
	ROWS_KEYS, /* those that a table has; a screen has more: */
	ROWS_CHANGE = ROWS_KEYS,
	ROWS_KIND,
	ROWS_ALL_KEYS,
};

struct rows_options {
	bool own;       /* the figures of the contexts alone, not of what stands below them */
	bool all;       /* a line a context */
	bool group;     /* a line a name over the whole tree, figures as with own; no levels */
	uint32_t depth; /* most levels of lines; 0: all */
	enum rows_key sort;
	bool reverse; /* the least first */
	/* What each context's figures (as `own` says) grew by, for the lines' changes; or NULL. */
	const int64_t *changes;
	const char *filter; /* keep contexts with this in name or ident, and those above; or NULL */
};

struct row {
	uint32_t context;  /* index in the snapshot, of several the first */
	uint32_t members;  /* contexts that the line stands for */
	uint32_t contexts; /* what its figures count: the members and, unless own, all below them */
	uint32_t level;    /* from 0 */
	uint32_t parent;   /* a line, or SNAPSHOT_NONE */
	uint32_t end;      /* the first line that is not below this one */
	int64_t change;    /* the members' changes; 0 without them */
	const struct snapshot_figures *figures;
};

struct rows {
	struct row *rows;
	size_t n;
	uint64_t matches;     /* contexts that the filter asked for; those above them not counted */
	uint64_t deeper;      /* contexts below the greatest depth */
	uint64_t hidden;      /* contexts whose lines rows_limit() took away */
	uint64_t hidden_most; /* the greatest figure among those lines */

	const struct snapshot *snapshot;
	struct snapshot_sums sums;       /* not made where they were never needed */
	struct snapshot_figures *groups; /* sums of the lines with several members */
	uint32_t *next;  /* of a context in a line with several: the next in it, or SNAPSHOT_NONE */
	uint32_t *names; /* of each context the number of its name */
	uint64_t *ranks; /* of each name the rank, backwards */
};

/* The lines of SNAPSHOT, which must live as long as they do; NULL with ENOMEM. */
struct rows *rows_new(const struct snapshot *snapshot, const struct rows_options *options);
void rows_free(struct rows *rows);
/*
 * Makes the lines anew with other options, from the same snapshot: in less time, since what depends
 * on the snapshot alone is kept.  0, or -1 with ENOMEM and nothing changed.
 */
int rows_remake(struct rows *rows, const struct rows_options *options);

/*
 * Keeps the MAX lines greatest by KEY (ROWS_NAME: by total), with those above them.  0, or -1
 * with ENOMEM and nothing changed.
 */
int rows_limit(struct rows *rows, size_t max, enum rows_key key);

/* A line's figure by KEY, SNAPSHOT_UNKNOWN where it is not known; 0 for ROWS_NAME. */
uint64_t rows_value(const struct row *row, enum rows_key key);

/* Whether it counts things; else it is of bytes. */
static inline bool rows_is_count(enum rows_key key)
{
	return key == ROWS_BLOCKS || key == ROWS_CHUNKS || key == ROWS_CONTEXTS;
}

/* "total", "used" …, and back; -1: no such key. */
const char *rows_key_name(enum rows_key key);
int rows_key_parse(const char *name);

/*
 * What a context is called and what its name leaves open (NULL: nothing).  Where every context
 * of a kind of table is called "dynahash", the ident is the name that people know.
 */
const char *rows_name(const struct snapshot *snapshot, uint32_t context);
const char *rows_ident(const struct snapshot *snapshot, uint32_t context);

#endif
