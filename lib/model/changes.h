/* SPDX-License-Identifier: MIT */
/*
 * What each context grew by between two snapshots of one source.
 */
#ifndef MEMCTX_MODEL_CHANGES_H
#define MEMCTX_MODEL_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/snapshot.h"

/*
 * Bytes of total_bytes, for each context of the later snapshot by its index.  One that is new grew
 * by all it has; below, what went counts too.
 */
struct changes {
	int64_t *own, *subtree;
};

/* 0, or -1 with ENOMEM and nothing in CHANGES. */
int changes_find(
	struct changes *changes, const struct snapshot *before, const struct snapshot *now);
void changes_free(struct changes *changes);

#endif
