/* SPDX-License-Identifier: MIT */
/*
 * What a snapshot of a live process is made of, for those who keep one up to date.
 */
#ifndef MEMCTX_MODEL_LIVE_SNAPSHOT_H
#define MEMCTX_MODEL_LIVE_SNAPSHOT_H

#include "model/live_units.h"

struct live_places {
	struct snapshot *snapshot;
	uint32_t *of_unit; /* the index of its context, or SNAPSHOT_NONE; to be freed */
	uint32_t nunits;
};

/* Is told of every unit as it was copied: unit I of a run, number UNIT of the region. */
typedef void live_seen_fn(const struct live_units *run, uint32_t i, uint32_t unit, void *arg);

/* live_snapshot(), and where the contexts of the units are in it.  False with *ERROR. */
bool live_snapshot_places(struct live *live, struct live_places *places, live_seen_fn *seen,
	void *arg, struct live_error *error);

/* The figures of the context that unit I of a run holds, one of SNAPSHOT.  False with ENOMEM. */
bool live_set_figures(const struct live_units *run, uint32_t i, struct snapshot *snapshot,
	struct snapshot_context *context);

#endif
