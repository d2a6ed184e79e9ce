/* SPDX-License-Identifier: MIT */
/*
 * Looking at a live process again and again: a snapshot that is kept up to date.
 *
 * Of contexts in which nothing has changed since the last look the counters are read, in place, and
 * nothing else; where none came or went the tree stays as it is.
 */
#ifndef MEMCTX_MODEL_LIVE_LOOK_H
#define MEMCTX_MODEL_LIVE_LOOK_H

#include "model/live.h"

struct live_look;

/* Looks at LIVE, which stays the caller's and must outlive it.  NULL with ENOMEM. */
struct live_look *live_look_new(struct live *live);
void live_look_free(struct live_look *look);

/*
 * The tree as it is, as live_snapshot() has it, but that an ident which was changed may be
 * that of up to half a second ago.  NULL with *ERROR; the last snapshot is still there then.  It is
 * the look's own, and is changed, or goes, with the next call.
 */
const struct snapshot *live_look(struct live_look *look, struct live_error *error);

/* snapshot_totals() of what was last seen, kept up to date by what has changed. */
void live_look_totals(struct live_look *look, struct snapshot_figures *sum);

/* How often all was read anew. */
uint64_t live_look_rebuilds(const struct live_look *look);

#endif
