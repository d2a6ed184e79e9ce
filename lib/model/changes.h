/* SPDX-License-Identifier: MIT */
/*
 * What each context grew by from one snapshot of a source to the next.
 *
 * Of the earlier one only ids and bytes are kept, so it may be gone, or have become the later one.
 */
#ifndef MEMCTX_MODEL_CHANGES_H
#define MEMCTX_MODEL_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/snapshot.h"

/* What was seen of a context. */
struct changes_seen {
	uint64_t id;
	uint64_t own, subtree; /* bytes; what is not known counts as 0 */
};

/*
 * Begins as all zeroes.  Bytes of total_bytes, for each context of the later snapshot by its index.
 * One that is new grew by all it has; below, what went counts too.
 */
struct changes {
	int64_t *own, *subtree; /* NULL: there was no earlier snapshot, or no memory */
	struct changes_seen *seen;
	size_t n;
};

/*
 * Holds NOW against the snapshot of the call before.  0, or -1 with ENOMEM and nothing known, so
 * that the next call is a first one again.
 */
int changes_next(struct changes *changes, const struct snapshot *now);
void changes_free(struct changes *changes);

#endif
