/* SPDX-License-Identifier: MIT */
/*
 * Running a script.
 *
 * Invariant: between two operations a context that is a pool of study.h has one, and no other.
 */
#include <stdlib.h>
#include <string.h>

#include "model/clock.h"
#include "model/script_inner.h"

/* Settles beforehand how every context is made: matching names is none of the allocator's time. */
static void stage_choose(struct script_stage *stage)
{
	const struct script_run *run = stage->run;

	for (uint32_t i = 0; i < run->script->ncontexts; i++) {
		struct script_context *as = &stage->as[i];

		*as = run->script->contexts[i];
		settings_apply(run->settings, run->nsettings, as->name, &as->kind, &as->options);
		if (run->only != NULL && strcmp(run->only, as->name) != 0) {
			stage->is_muted[i] = 1;
			as->kind = MEMCTX_MALLOC;
		}
		stage->is_bump[i] = as->kind == MEMCTX_BUMP;
	}
}

static bool stage_set(struct script_stage *stage)
{
	const struct script *script = stage->run->script;

	stage->contexts = calloc(script->ncontexts + 1u, sizeof *stage->contexts);
	stage->chunks = calloc(script->nchunks + 1u, sizeof *stage->chunks);
	stage->is_bump = calloc(script->ncontexts + 1u, 1);
	stage->is_muted = calloc(script->ncontexts + 1u, 1);
	stage->as = malloc((script->ncontexts + 1u) * sizeof *stage->as);
	stage->top = memctx_create(NULL, "top", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
	if (stage->top != NULL && stage->run->watch)
		memctx_set_limit(stage->top, SIZE_MAX);
	/* Their pages are none of the allocator's. */
	if (stage->chunks != NULL)
		memset(stage->chunks, 0, script->nchunks * sizeof *stage->chunks);
	if (stage->as != NULL && stage->is_bump != NULL && stage->is_muted != NULL)
		stage_choose(stage);
	return stage->as != NULL && stage->contexts != NULL && stage->chunks != NULL &&
	       stage->is_bump != NULL && stage->is_muted != NULL && stage->top != NULL &&
	       script_pools_set(stage);
}

static void stage_strike(struct script_stage *stage)
{
	if (stage->top != NULL)
		memctx_delete(stage->top);
	memctx_trim();
	script_pools_strike(stage);
	free(stage->contexts);
	free(stage->chunks);
	free(stage->is_bump);
	free(stage->is_muted);
	free(stage->as);
}

static bool do_create(struct script_stage *stage, const struct script_op *op)
{
	const struct script_context *as = &stage->as[op->ctx];
	memctx *parent = op->chunk != SCRIPT_NONE ? stage->contexts[op->chunk] : stage->top;

	if ((unsigned)as->kind > MEMCTX_WATCH)
		return script_pool_create(stage, op->ctx, parent) != NULL;
	stage->contexts[op->ctx] = memctx_create(parent, as->name, NULL, as->kind, &as->options);
	return stage->contexts[op->ctx] != NULL;
}

static inline void touch(const struct script_stage *stage, void *chunk, uint64_t size)
{
	if (stage->run->touch)
		memset(chunk, 1, size);
	else if (size >= sizeof(uint32_t))
		*(uint32_t *)chunk = 1;
}

static inline bool do_alloc(struct script_stage *stage, const struct script_op *op)
{
	memctx *ctx = stage->contexts[op->ctx];
	void *chunk = op->align != 0 ? memctx_alloc_aligned(ctx, op->size, (size_t)1 << op->align)
				     : memctx_alloc(ctx, op->size);

	stage->chunks[op->chunk] = chunk;
	if (chunk == NULL)
		return false;
	touch(stage, chunk, op->size);
	return true;
}

static inline bool do_realloc(struct script_stage *stage, const struct script_op *op)
{
	void **place = &stage->chunks[op->chunk], *moved;

	if (stage->is_bump[op->ctx]) {
		stage->run->not_done++;
		if (op->size <= op->old_size)
			return true;
		moved = memctx_alloc(stage->contexts[op->ctx], op->size);
		if (moved != NULL)
			memcpy(moved, *place, op->old_size);
	} else {
		moved = memctx_realloc(*place, op->size);
	}
	if (moved == NULL)
		return false;
	*place = moved;
	if (stage->run->touch)
		memset(moved, 1, op->size);
	return true;
}

static inline void do_free(struct script_stage *stage, const struct script_op *op)
{
	if (stage->is_bump[op->ctx])
		stage->run->not_done++;
	else if (op->chunk != SCRIPT_NONE)
		memctx_free(stage->chunks[op->chunk]);
}

/* The same three where contexts may be pools. */
static inline bool do_pooled(struct script_stage *stage, const struct script_op *op)
{
	if (op->op == TRACE_FREE) {
		script_pool_release(stage, op);
		return true;
	}
	if (op->op == TRACE_REALLOC ? !script_pool_resize(stage, op)
				    : !script_pool_alloc(stage, op))
		return false;
	if (op->op == TRACE_ALLOC || stage->run->touch)
		touch(stage, stage->chunks[op->chunk], op->size);
	return true;
}

static bool do_reset(struct script_stage *stage, const struct script_op *op)
{
	bool pooled = stage->pools != NULL && stage->pools[op->ctx] != NULL;

	if (op->op == TRACE_RESET)
		memctx_reset(stage->contexts[op->ctx]);
	else
		memctx_reset_only(stage->contexts[op->ctx]);
	return !pooled || script_pool_renew(stage, op->ctx);
}

/* Everything but what is done to chunks. */
static bool do_other(struct script_stage *stage, const struct script_op *op)
{
	memctx *ctx = stage->contexts[op->ctx];

	switch ((enum trace_op)op->op) {
	case TRACE_CREATE:
		return do_create(stage, op);
	case TRACE_RESET:
	case TRACE_RESETONLY:
		return do_reset(stage, op);
	case TRACE_DELETE:
		memctx_delete(ctx);
		return true;
	case TRACE_DELETECHILDREN:
		memctx_delete_children(ctx);
		return true;
	case TRACE_MOVE:
		return memctx_set_parent(ctx, op->chunk != SCRIPT_NONE ? stage->contexts[op->chunk]
								       : stage->top) == 0;
	default:
		return true;
	}
}

static inline __attribute__((always_inline)) bool run_ops(
	struct script_stage *stage, bool watch, bool muting, bool pooling)
{
	struct script_run *run = stage->run;
	const struct script *script = run->script;
	size_t n = run->until < script->n ? run->until : script->n;

	for (size_t i = 0; i < n; i++) {
		const struct script_op *op = &script->ops[i];
		bool done = true;

		if (op->op == TRACE_ALLOC || op->op == TRACE_FREE || op->op == TRACE_REALLOC) {
			if (muting && stage->is_muted[op->ctx])
				continue;
			if (pooling && stage->pools[op->ctx] != NULL)
				done = do_pooled(stage, op);
			else if (op->op == TRACE_ALLOC)
				done = do_alloc(stage, op);
			else if (op->op == TRACE_FREE)
				do_free(stage, op);
			else
				done = do_realloc(stage, op);
		} else {
			done = do_other(stage, op);
		}
		if (!done)
			return false;
		run->ops++;
		if (watch && memctx_subtree_total(stage->top) > run->peak_total) {
			run->peak_total = memctx_subtree_total(stage->top);
			run->peak_op = i + 1;
		}
	}
	return true;
}

int script_run(struct script_run *run)
{
	struct script_stage stage = {.run = run};
	uint64_t start, own;
	bool done = stage_set(&stage);

	run->not_done = run->ops = run->peak_total = 0;
	run->peak_op = 0;
	if (done) {
		own = memctx_total(stage.top);
		if (run->begin != NULL)
			run->begin(run);
		start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		if (run->watch)
			done = run_ops(&stage, true, run->only != NULL, stage.pools != NULL);
		else if (run->only != NULL)
			done = run_ops(&stage, false, true, stage.pools != NULL);
		else if (stage.pools != NULL)
			done = run_ops(&stage, false, false, true);
		else
			done = run_ops(&stage, false, false, false);
		run->ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
		run->peak_total -= run->peak_total > own ? own : 0;
		run->stage = &stage;
		if (done && run->look != NULL)
			run->look(stage.top, run);
		run->stage = NULL;
	}
	stage_strike(&stage);
	return done ? 0 : -1;
}

void script_add(struct snapshot_figures *sum, const struct memctx_stats *stats)
{
	sum->total_bytes += stats->total_bytes;
	sum->total_nblocks += stats->total_nblocks;
	sum->requested_bytes += stats->requested_bytes;
	sum->slack_bytes += stats->slack_bytes;
	sum->header_bytes += stats->header_bytes;
	sum->freelist_bytes += stats->freelist_bytes;
	sum->tail_bytes += stats->tail_bytes;
	sum->live_chunks += stats->live_chunks;
}

void script_sum(const struct script_run *run, const char *name, struct snapshot_figures *sum)
{
	const memctx *top = run->stage->top;

	snapshot_fill(sum, 0);
	script_pools_sum(run->stage, name, sum);
	for (const memctx *c = memctx_walk(top, top); c != NULL; c = memctx_walk(top, c)) {
		struct memctx_stats stats;

		if (memctx_kind_of(c) == MEMCTX_WATCH ||
			(name != NULL && strcmp(memctx_name(c), name) != 0))
			continue;
		memctx_stats(c, &stats);
		script_add(sum, &stats);
	}
}
