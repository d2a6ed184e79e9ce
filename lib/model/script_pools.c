/* SPDX-License-Identifier: MIT */
/*
 * Contexts of a run that are pools of study.h.
 *
 * In the tree stands a node of the kind watch, whose callback ends the pool when the context is
 * reset or deleted.  A run that is timed has bare pools: what they have from the system is linked
 * here, where its pages are none of the pool's, since a reset must find it.
 *
 * Invariant: a pool that is not spare is that of a live context.
 */
#include <stdlib.h>
#include <string.h>

#include "model/script_inner.h"
#include "model/study.h"

struct script_pool {
	struct memctx_callback callback;
	struct script_stage *stage;
	struct study *study;
	struct script_pool *next; /* spare: another one */
	uint32_t ctx;
	uint32_t linked; /* bare: the first chunk from the system, its index + 1 */
};

static bool is_pool(const struct script_stage *stage, uint32_t ctx)
{
	return (unsigned)stage->as[ctx].kind > MEMCTX_WATCH;
}

bool script_pools_set(struct script_stage *stage)
{
	const struct script *script = stage->run->script;
	uint32_t i = 0;

	while (i < script->ncontexts && !is_pool(stage, i))
		i++;
	if (i == script->ncontexts)
		return true;
	stage->pools = calloc(script->ncontexts, sizeof(*stage->pools));
	if (stage->run->bare)
		stage->links = malloc((script->nchunks + 1u) * sizeof *stage->links);
	if (stage->pools == NULL || (stage->run->bare && stage->links == NULL))
		return false;
	/* Their pages are none of the allocator's. */
	if (stage->links != NULL)
		memset(stage->links, 0, (script->nchunks + 1u) * sizeof *stage->links);
	return true;
}

void script_pools_strike(struct script_stage *stage)
{
	while (stage->spare != NULL) {
		struct script_pool *pool = stage->spare;

		stage->spare = pool->next;
		study_free(pool->study);
		free(pool);
	}
	free(stage->pools);
	free(stage->links);
}

/* ---- What a bare pool has from the system ----------------------------------------------- */

static void link_chunk(struct script_pool *pool, uint32_t chunk)
{
	struct script_link *links = pool->stage->links;

	links[chunk] = (struct script_link){.next = pool->linked};
	if (pool->linked != 0)
		links[pool->linked - 1].previous = chunk + 1;
	pool->linked = chunk + 1;
}

static void unlink_chunk(struct script_pool *pool, uint32_t chunk)
{
	struct script_link *links = pool->stage->links, link = links[chunk];

	if (link.previous != 0)
		links[link.previous - 1].next = link.next;
	else
		pool->linked = link.next;
	if (link.next != 0)
		links[link.next - 1].previous = link.previous;
}

static void free_linked(struct script_pool *pool)
{
	const struct script_stage *stage = pool->stage;

	for (uint32_t at = pool->linked; at != 0; at = stage->links[at - 1].next)
		free(stage->chunks[at - 1]);
	pool->linked = 0;
}

/* ---- Pools and contexts ----------------------------------------------------------------- */

/* Tells the run's limit what the pool took or gave back since it was told last. */
static void tell(struct script_stage *stage, const struct script_pool *pool, size_t total)
{
	memctx *node = stage->contexts[pool->ctx];
	size_t told = memctx_total(node);

	if (total != told)
		memctx_watch_blocks(node, 0, (ptrdiff_t)(total - told));
}

static void tell_total(struct script_stage *stage, const struct script_pool *pool)
{
	if (stage->run->watch)
		tell(stage, pool, study_total(pool->study));
}

/* The context is reset, or goes. */
static void end_pool(void *arg)
{
	struct script_pool *pool = arg;
	struct script_stage *stage = pool->stage;

	free_linked(pool);
	study_reset(pool->study);
	if (stage->run->watch)
		tell(stage, pool, 0);
	stage->pools[pool->ctx] = NULL;
	pool->next = stage->spare;
	stage->spare = pool;
}

/* A pool without a context: one that ended, or a new one. */
static struct script_pool *take_spare(struct script_stage *stage)
{
	struct study_source source = {.calls = stage->run->calls};
	struct script_pool *pool = stage->spare;

	if (pool != NULL) {
		stage->spare = pool->next;
		return pool;
	}
	pool = calloc(1, sizeof *pool);
	if (pool == NULL)
		return NULL;
	*pool = (struct script_pool){.stage = stage,
		.callback = {.func = end_pool, .arg = pool},
		.study = stage->run->bare ? study_new_bare(STUDY_STL, 0)
					  : study_new(STUDY_STL, 0, &source)};
	if (pool->study != NULL)
		return pool;
	free(pool);
	return NULL;
}

bool script_pool_renew(struct script_stage *stage, uint32_t ctx)
{
	const struct script_context *as = &stage->as[ctx];
	struct script_pool *pool = take_spare(stage);

	if (pool == NULL)
		return false;
	study_become(pool->study, (unsigned)as->kind == SETTING_STL ? STUDY_STL : STUDY_PYINT,
		as->options.chunk_size);
	pool->ctx = ctx;
	stage->pools[ctx] = pool;
	memctx_on_reset(stage->contexts[ctx], &pool->callback);
	tell_total(stage, pool);
	return true;
}

memctx *script_pool_create(struct script_stage *stage, uint32_t ctx, memctx *parent)
{
	stage->contexts[ctx] = memctx_watch(parent, stage->as[ctx].name, NULL);
	if (stage->contexts[ctx] == NULL || !script_pool_renew(stage, ctx))
		return NULL;
	return stage->contexts[ctx];
}

/* ---- Chunks ----------------------------------------------------------------------------- */

bool script_pool_alloc(struct script_stage *stage, const struct script_op *op)
{
	struct script_pool *pool = stage->pools[op->ctx];
	void *chunk = study_alloc(pool->study, op->size);

	stage->chunks[op->chunk] = chunk;
	if (chunk == NULL)
		return false;
	if (stage->links != NULL && study_is_large(pool->study, op->size))
		link_chunk(pool, op->chunk);
	tell_total(stage, pool);
	return true;
}

void script_pool_release(struct script_stage *stage, const struct script_op *op)
{
	struct script_pool *pool = stage->pools[op->ctx];

	if (op->chunk == SCRIPT_NONE)
		return;
	if (stage->links != NULL && study_is_large(pool->study, op->old_size))
		unlink_chunk(pool, op->chunk);
	study_release(pool->study, stage->chunks[op->chunk], op->old_size);
	tell_total(stage, pool);
}

bool script_pool_resize(struct script_stage *stage, const struct script_op *op)
{
	struct script_pool *pool = stage->pools[op->ctx];
	bool was_large = study_is_large(pool->study, op->old_size);
	bool is_large = study_is_large(pool->study, op->size);
	void *moved = study_resize(pool->study, stage->chunks[op->chunk], op->old_size, op->size);

	if (moved == NULL)
		return false;
	stage->chunks[op->chunk] = moved;
	if (stage->links != NULL && was_large && !is_large)
		unlink_chunk(pool, op->chunk);
	if (stage->links != NULL && is_large && !was_large)
		link_chunk(pool, op->chunk);
	tell_total(stage, pool);
	return true;
}

/* ---- Figures ---------------------------------------------------------------------------- */

void script_pools_sum(
	const struct script_stage *stage, const char *name, struct snapshot_figures *sum)
{
	const struct script *script = stage->run->script;

	for (uint32_t i = 0; stage->pools != NULL && i < script->ncontexts; i++) {
		struct memctx_stats stats;

		if (stage->pools[i] == NULL ||
			(name != NULL && strcmp(stage->as[i].name, name) != 0))
			continue;
		study_stats(stage->pools[i]->study, &stats);
		script_add(sum, &stats);
	}
}
