/* SPDX-License-Identifier: MIT */
/*
 * A run of a script: what script_run.c and script_pools.c share.
 */
#ifndef MEMCTX_MODEL_SCRIPT_INNER_H
#define MEMCTX_MODEL_SCRIPT_INNER_H

#include "model/script.h"

struct script_pool;

/* A chunk that a bare pool has from the system, among those of its context: indices + 1, 0: none.
 */
struct script_link {
	uint32_t next, previous;
};

struct script_stage {
	struct script_run *run;
	memctx *top;
	memctx **contexts;
	void **chunks;
	uint8_t *is_bump;          /* of each context, as it is run */
	uint8_t *is_muted;         /* nothing is allocated in it */
	struct script_context *as; /* how each is made, settings applied */
	/* script_pools.c; NULL where no context is a pool. */
	struct script_pool **pools; /* of each context; NULL: it is one of the library's */
	struct script_pool *spare;
	struct script_link *links; /* of each chunk */
};

/* Where some context is to be a pool: room for them.  False: no memory. */
bool script_pools_set(struct script_stage *stage);
void script_pools_strike(struct script_stage *stage);

/* A context of the script below PARENT that is a pool, and its pool.  NULL: no memory. */
memctx *script_pool_create(struct script_stage *stage, uint32_t ctx, memctx *parent);
/* After a reset of a context that was a pool: it is one again.  False: no memory. */
bool script_pool_renew(struct script_stage *stage, uint32_t ctx);

/* What OP says, done in a pool; the chunk's place is in the stage.  False: no memory. */
bool script_pool_alloc(struct script_stage *stage, const struct script_op *op);
bool script_pool_resize(struct script_stage *stage, const struct script_op *op);
void script_pool_release(struct script_stage *stage, const struct script_op *op);

/* Adds the figures of the pools named NAME (NULL: all) to SUM. */
void script_pools_sum(
	const struct script_stage *stage, const char *name, struct snapshot_figures *sum);

/* Adds one context's figures to SUM. */
void script_add(struct snapshot_figures *sum, const struct memctx_stats *stats);

#endif
