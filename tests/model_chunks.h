/* SPDX-License-Identifier: MIT */
/*
 * What model_test.c does to chunks: choosing sizes, allocating in every way, freeing, resizing, and
 * asking for what cannot be.
 */
#ifndef TESTS_MODEL_CHUNKS_H
#define TESTS_MODEL_CHUNKS_H

#include "model_check.h"

static char text[16384]; /* what strings are cut from */
static bool is_counted;  /* by the door; else the backing is the default, the region published */

/* What the present stretch of steps is like. */
static struct {
	uint64_t until, alloc, realloc, tree, small; /* alloc, realloc, tree: of 1000 steps */
} phase;

/* Half the time one of a few, so that some contexts come to hold thousands of chunks. */
static int pick_busy_node(void)
{
	int few = nodes_alive < 6 ? nodes_alive : 6;

	return alive[below((uint64_t)(below(2) == 0 ? few : nodes_alive))];
}

static int pick_node(void)
{
	return alive[below((uint64_t)nodes_alive)];
}

/* A chunk that may be freed, or NONE. */
static int pick_chunk(void)
{
	for (int tries = 0; chunks_live > 0 && tries < 8; tries++) {
		int id = live[below((uint64_t)chunks_live)];
		if (!chunks[id].pinned && !chunks[id].in_bump)
			return id;
	}
	return NONE;
}

static size_t pick_size(void)
{
	uint64_t r = below(10000);

	if (r < 30)
		return 0;
	if (r < 400)
		return ((size_t)8 << below(12)) - 1 + below(3);
	if (r < 5000 || phase.small)
		return below(80);
	if (r < 8800)
		return below(600);
	if (r < 9700)
		return below(8400);
	if (r < 9980)
		return below(20000);
	return r < 9998 ? below(300000) : below(3000000);
}

/* ---- Chunks --------------------------------------------------------------------------------- */

static char *alloc_string(memctx *ctx, size_t *size)
{
	size_t length = below(below(8) == 0 ? sizeof text : 200);
	const char *string = text + sizeof text - 1 - length;
	size_t max = below(2 * length + 1);
	char *copy;

	switch (below(3)) {
	case 0:
		copy = memctx_strdup(ctx, string);
		break;
	case 1:
		copy = memctx_strndup(ctx, string, max);
		length = max < length ? max : length;
		break;
	default:
		copy = memctx_printf(ctx, "%s", string);
		break;
	}
	*size = length + 1;
	if (copy != NULL && (memcmp(copy, string, length) != 0 || copy[length] != '\0'))
		die("a copied string differs");
	return copy;
}

static void op_alloc(void)
{
	int node = pick_busy_node(), id;
	memctx *ctx = nodes[node].ctx;
	size_t size = pick_size(), align = nodes[node].align, count;
	uint64_t how = below(100);
	void *memory;

	if (chunks_live == MAX_CHUNKS)
		return;
	remember(node);
	if (how < 80) {
		memory = memctx_alloc(ctx, size);
	} else if (how < 85) {
		memory = memctx_zalloc(ctx, size);
		if (memory != NULL && !all_zero(memory, size))
			die("zalloc did not fill with zeros");
	} else if (how < 90) {
		size_t wish = (size_t)1 << below(below(50) == 0 ? 18 : 10);
		memory = memctx_alloc_aligned(ctx, size, wish);
		align = wish > align ? wish : align;
	} else if (how < 95) {
		count = below(20);
		size = count == 0 ? 0 : size / count;
		memory = memctx_alloc_array(ctx, count, size);
		size *= count;
	} else {
		memory = alloc_string(ctx, &size);
	}
	if (memory == NULL) {
		check_failure(node, reach(node, size + align));
		return;
	}
	nodes[node].allocs++;
	id = chunk_add(node, memory, size, align);
	chunk_fill(&chunks[id], 0);
	check_chunk(id);
	touched(node);
}

static void op_free(void)
{
	int id = pick_chunk();

	if (id == NONE)
		return;
	check_chunk(id);
	memctx_free(chunks[id].memory);
	nodes[chunks[id].node].frees++;
	chunk_drop(id);
}

static size_t pick_new_size(size_t old)
{
	switch (below(6)) {
	case 0:
		return old + below(9);
	case 1:
		return old > 8 ? old - below(9) : 0;
	case 2:
		return old < 1000000 ? old * 2 : old / 2;
	case 3:
		return old / 2;
	default:
		return pick_size();
	}
}

static void op_realloc(void)
{
	int id = pick_chunk();
	struct model_chunk *chunk;
	struct model_node *node;
	size_t size, old;
	unsigned char *memory;

	if (id == NONE)
		return;
	chunk = &chunks[id];
	node = &nodes[chunk->node];
	old = chunk->size;
	size = pick_new_size(old);
	check_chunk(id);
	remember(chunk->node);
	memory = memctx_realloc(chunk->memory, size);
	if (memory == NULL) {
		/* The header's exception; what lies behind an aligned chunk is larger. */
		if (size <= old && (size > 0 || memctx_usable(chunk->memory) + chunk->align < 8192))
			die("a realloc from %zu down to %zu failed", old, size);
		check_failure(chunk->node, reach(chunk->node, size + chunk->align));
		check_chunk(id);
		return;
	}
	chunk->memory = memory;
	if (!chunk_holds(chunk, size < old ? size : old))
		die("a realloc from %zu to %zu lost contents", old, size);
	node->requested += size - old;
	node->reallocs++;
	chunk->size = size;
	chunk_fill(chunk, size < old ? size : old);
	check_chunk(id);
	touched(chunk->node);
}

/* Sizes that cannot be and options that cannot be: an error, and nothing changed. */
static void op_impossible(void)
{
	static const size_t bad[] = {SIZE_MAX, SIZE_MAX - 7, SIZE_MAX - 8, SIZE_MAX / 2 + 1,
		PTRDIFF_MAX, PTRDIFF_MAX - 15, (size_t)1 << 62};
	int node = pick_node(), id = pick_chunk();
	size_t size = bad[below(sizeof bad / sizeof bad[0])];
	struct memctx_stats now;

	remember(node);
	if (memctx_alloc(nodes[node].ctx, size) != NULL || errno != ENOMEM)
		die("alloc of %zu bytes did not fail with ENOMEM", size);
	if (memctx_alloc_array(nodes[node].ctx, size / 3, 5) != NULL || errno != ENOMEM)
		die("an overflowing array did not fail with ENOMEM");
	if (memctx_alloc_aligned(nodes[node].ctx, 8, 24) != NULL || errno != EINVAL)
		die("an alignment of 24 did not fail with EINVAL");
	memctx_stats(nodes[node].ctx, &now);
	if (memcmp(&now, &before.stats, sizeof now) != 0)
		die("a failure changed the figures of node %d", node);
	if (id != NONE && (memctx_realloc(chunks[id].memory, size) != NULL || errno != ENOMEM))
		die("realloc to %zu bytes did not fail with ENOMEM", size);
	if (id != NONE)
		check_chunk(id);
}

#endif
