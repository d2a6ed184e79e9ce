/* SPDX-License-Identifier: MIT */
/*
 * What model_test.c holds the library to: each chunk, each node, the tree, and when a request may
 * fail and what a failure may cost.
 */
#ifndef TESTS_MODEL_CHECK_H
#define TESTS_MODEL_CHECK_H

#include "model.h"

static struct door door;

/* ---- What must hold ------------------------------------------------------------------------- */

static void check_chunk(int id)
{
	const struct model_chunk *chunk = &chunks[id];

	if (!chunk->in_bump) {
		if (memctx_owner(chunk->memory) != nodes[chunk->node].ctx)
			die("chunk %d has another owner", id);
		if (memctx_requested(chunk->memory) != chunk->size)
			die("chunk %d of %zu bytes says %zu", id, chunk->size,
				memctx_requested(chunk->memory));
		if (memctx_usable(chunk->memory) < chunk->size)
			die("chunk %d has fewer usable bytes than asked for", id);
	}
	if ((uintptr_t)chunk->memory % chunk->align != 0)
		die("chunk %d is not aligned to %zu", id, chunk->align);
	if (!chunk->pinned && !chunk_holds(chunk, chunk->size))
		die("chunk %d of %zu bytes lost its contents", id, chunk->size);
}

static void check_node(int id, struct memctx_stats *s)
{
	struct model_node *node = &nodes[id];
	const char *fault;

	memctx_stats(node->ctx, s);
	fault = stats_fault(s);
	if (fault != NULL)
		die("node %d: %s", id, fault);
	if (s->live_chunks != node->live || s->requested_bytes != node->requested)
		die("node %d: %llu chunks of %llu bytes should live, not %llu of %llu", id,
			(unsigned long long)node->live, (unsigned long long)node->requested,
			(unsigned long long)s->live_chunks, (unsigned long long)s->requested_bytes);
	if (s->allocs != node->allocs || s->frees != node->frees)
		die("node %d: %llu allocs and %llu frees, not %llu and %llu", id,
			(unsigned long long)node->allocs, (unsigned long long)node->frees,
			(unsigned long long)s->allocs, (unsigned long long)s->frees);
	if (s->reallocs != node->reallocs || s->resets != node->resets)
		die("node %d: %llu reallocs and %llu resets, not %llu and %llu", id,
			(unsigned long long)node->reallocs, (unsigned long long)node->resets,
			(unsigned long long)s->reallocs, (unsigned long long)s->resets);
	if (s->total_bytes != memctx_total(node->ctx) || s->serial != node->serial)
		die("node %d: memctx_total or the serial differs from the figures", id);
	if (s->peak_total_bytes < node->peak)
		die("node %d: the peak is below a total that was seen", id);
}

static memctx *context_of(int id)
{
	return id == NONE ? NULL : nodes[id].ctx;
}

static void check_links(int id)
{
	const struct model_node *node = &nodes[id];
	const char *ident = memctx_ident(node->ctx);

	if (memctx_parent(node->ctx) != context_of(node->parent) ||
		memctx_first_child(node->ctx) != context_of(node->first))
		die("node %d hangs elsewhere, or its first child is another", id);
	if (node->parent != NONE && memctx_next_sibling(node->ctx) != context_of(node->next))
		die("node %d has another next sibling", id);
	if (strcmp(memctx_name(node->ctx), node->name) != 0)
		die("node %d has another name", id);
	if ((ident == NULL) != (node->ident == NULL) ||
		(ident != NULL && strcmp(ident, node->ident) != 0))
		die("node %d has another ident", id);
	if (memctx_limit(node->ctx) != node->limit || memctx_kind_of(node->ctx) != node->kind)
		die("node %d has another limit or kind", id);
}

static void report_broken(const memctx *ctx, const char *what, void *arg)
{
	(void)arg;
	fprintf(stderr, "memctx_check: %s: %s\n", memctx_name(ctx), what);
}

static void check_tree(int root)
{
	memctx *ctx = nodes[root].ctx;
	size_t total = 0;

	if (memctx_check(ctx, report_broken, NULL) != 0)
		die("memctx_check finds damage");
	for (int id = root; id != NONE; id = node_walk(root, id)) {
		struct memctx_stats s;
		const char *fault;

		if (ctx != nodes[id].ctx)
			die("the walk comes to another context than node %d", id);
		check_node(id, &s);
		check_links(id);
		fault = walk_fault(ctx, &s);
		if (fault != NULL)
			die("node %d: %s", id, fault);
		total += s.total_bytes;
		ctx = memctx_walk(nodes[root].ctx, ctx);
	}
	if (ctx != NULL || total != memctx_subtree_total(nodes[root].ctx))
		die("the walk does not end, or the subtree's total is not the sum");
}

static void check_all(void)
{
	struct memctx_overhead overhead;

	for (int root = first_root; root != NONE; root = nodes[root].next)
		check_tree(root);
	for (int i = 0; i < chunks_live; i++)
		check_chunk(live[i]);
	memctx_overhead(&overhead);
	if (overhead.contexts != (uint64_t)nodes_alive)
		die("%llu contexts live, not %d", (unsigned long long)overhead.contexts,
			nodes_alive);
}

/* ---- When a request may fail ----------------------------------------------------------------- */

static struct {
	struct memctx_stats stats;
	uint64_t refused;
	size_t held[64]; /* subtree totals of the limited nodes on the path, bottom up */
} before;

static void remember(int id)
{
	int n = 0;

	before.refused = door.refused;
	errno = 0;
	if (id == NONE)
		return;
	memctx_stats(nodes[id].ctx, &before.stats);
	for (; limits_set > 0 && id != NONE && n < 64; id = nodes[id].parent)
		if (nodes[id].limit != 0)
			before.held[n++] = memctx_subtree_total(nodes[id].ctx);
}

/* After a success: no limit on the path was passed. */
static void check_limits(int id)
{
	int n = 0;

	for (; limits_set > 0 && id != NONE && n < 64; id = nodes[id].parent) {
		size_t held;

		if (nodes[id].limit == 0)
			continue;
		held = memctx_subtree_total(nodes[id].ctx);
		if (held > nodes[id].limit && held > before.held[n])
			die("node %d grew from %zu to %zu over its limit of %zu", id,
				before.held[n], held, nodes[id].limit);
		n++;
	}
}

/* After a failure of a request that could need up to NEED bytes: it had a cause, cost nothing. */
static void check_failure(int id, size_t need)
{
	bool cause = door.refused != before.refused;
	struct memctx_stats now;
	int n = 0;

	if (errno != ENOMEM)
		die("failed with errno %d", errno);
	for (int up = id; limits_set > 0 && up != NONE && n < 64; up = nodes[up].parent)
		if (nodes[up].limit != 0)
			cause = cause || before.held[n++] + need > nodes[up].limit;
	if (!cause)
		die("failed although nothing was refused and no limit is near");
	if (id == NONE)
		return;
	memctx_stats(nodes[id].ctx, &now);
	if (memcmp(&now, &before.stats, sizeof now) != 0)
		die("a failure changed the figures of node %d", id);
}

/* The most that SIZE bytes in node ID can take at once: a block of the doubling, or one alone. */
static size_t reach(int id, size_t size)
{
	size_t block = memctx_total(nodes[id].ctx) * 2 + 65536;

	if (block > nodes[id].reach || nodes[id].kind == MEMCTX_SLAB)
		block = nodes[id].reach;
	return (block > size * 2 ? block : size * 2) + 4096;
}

static void touched(int id)
{
	size_t total = memctx_total(nodes[id].ctx);

	if (total > nodes[id].peak)
		nodes[id].peak = total;
	check_limits(id);
}

/* ---- Callbacks ------------------------------------------------------------------------------- */

static memctx *current;  /* what this thread was last switched to, and lives */
static int dying = NONE; /* the node that is being reset or deleted */
static bool dying_top;   /* its own chunks go */
static bool dying_below; /* and what stands below it */

static void callback_ran(void *arg)
{
	struct model_callback *callback = arg;
	struct model_node *node = &nodes[callback->node];

	if (dying == NONE || !node_is_below(callback->node, dying))
		die("a callback of node %d ran out of its time", callback->node);
	if (callback->node == dying ? !dying_top : !dying_below)
		die("a callback ran although node %d is to stay", callback->node);
	if (node->callbacks != callback)
		die("the callbacks of node %d ran in another order, or twice", callback->node);
	if (dying_below)
		for (int id = callback->node; id != NONE; id = node_walk(callback->node, id))
			if (id != callback->node && nodes[id].callbacks != NULL)
				die("node %d went before node %d below it", callback->node, id);
	if (node->chunks != NONE)
		check_chunk(node->chunks);
	node->callbacks = callback->below;
	if (!callback->in_chunk)
		free(callback);
}

/* Brackets a reset or deletion: what should run has run when it is over. */
static void dying_begin(int node, bool top, bool and_below)
{
	dying = node;
	dying_top = top;
	dying_below = and_below;
}

/* GONE: the node itself was deleted. */
static void dying_end(bool gone)
{
	for (int id = dying; id != NONE; id = node_walk(dying, id))
		if ((id == dying ? dying_top : dying_below) && nodes[id].callbacks != NULL)
			die("a callback of node %d did not run", id);
	for (int id = dying; id != NONE; id = node_walk(dying, id))
		if (nodes[id].ctx == current && dying_below && (id != dying || gone))
			current = NULL;
	if (memctx_current() != current)
		die("the current context is another than it should be");
	dying = NONE;
}

#endif
