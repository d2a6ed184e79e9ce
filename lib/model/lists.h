/* SPDX-License-Identifier: MIT */
/*
 * The size classes of a context as they are, where they are not the powers of two: fine classes,
 * and the lists of the pools of study.h.
 *
 * A place is the number of a size among all that a class may have, the smallest first.  A snapshot
 * keeps of each such context the classes that are in use (snapshot.h).
 *
 * Invariant: summed up by the powers of two that hold their sizes they are the figures' classes.
 */
#ifndef MEMCTX_MODEL_LISTS_H
#define MEMCTX_MODEL_LISTS_H

#include "model/snapshot.h"

/* Those of 8, 16 … 128 bytes, the fine classes above, and 8192. */
#define LISTS_PLACES 40u

struct lists {
	uint64_t has; /* a bit for each place that is a class */
	struct snapshot_class of[LISTS_PLACES];
};

/* The bytes of a place; the place of a size, or -1: there is none. */
uint64_t lists_bytes(unsigned place);
int lists_place(uint64_t bytes);

/* The powers of two with these figures. */
void lists_of_classes(struct lists *lists, const struct snapshot_class *classes);
/* Adds FROM to SUM; what either does not know, or passes 64 bits, is not known. */
void lists_sum(struct lists *sum, const struct lists *from);
/* Makes CLASSES what they come to. */
void lists_to_classes(const struct lists *lists, struct snapshot_class *classes);
/* Whether they come to these classes; what is not known agrees with anything. */
bool lists_agree(const struct lists *lists, const struct snapshot_class *classes);

/*
 * Keeps LISTS for a context of SNAPSHOT, in place of what it had, where there is room.  0, or -1
 * with ENOMEM.
 */
int snapshot_set_lists(
	struct snapshot *snapshot, struct snapshot_context *context, const struct lists *lists);
/* A context's classes; false: they are the powers of two. */
bool snapshot_lists(const struct snapshot *snapshot, const struct snapshot_context *context,
	struct lists *lists);
/*
 * Sums over many contexts: those that have other classes than the powers of two are added to SUM,
 * and what they have is taken from REST, the powers of two of all.  snapshot_add_lists() returns
 * how many of the contexts [FIRST, END) have not; lists_end_sum() adds the rest where there are
 * any.
 */
uint32_t snapshot_add_lists(const struct snapshot *snapshot, uint32_t first, uint32_t end,
	struct lists *sum, struct snapshot_class *rest);
void lists_end_sum(struct lists *sum, const struct snapshot_class *rest, bool has_rest);
/*
 * The whole snapshot's, whose figures' classes are CLASSES; false: all are powers of two.
 */
bool snapshot_sum_lists(
	const struct snapshot *snapshot, const struct snapshot_class *classes, struct lists *sum);

#endif
