/* SPDX-License-Identifier: MIT */
/*
 * The simple reference that model_test.c holds the library against: what should live, where it
 * should hang, and what was counted.  It knows nothing of blocks or classes.
 *
 * Invariant: a node or chunk is in these tables exactly while the library should hold it.
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include "support.h"

enum {
	MAX_NODES = 400,
	MAX_CHUNKS = 1 << 15,
	NONE = -1,
};

struct model_callback {
	struct memctx_callback hook;
	int node;
	struct model_callback *below; /* registered before this one */
	bool in_chunk;                /* lives in the context itself: not ours to free */
};

struct model_chunk {
	unsigned char *memory; /* NULL: this entry is unused */
	size_t size, align;
	uint64_t seed;
	int node, next, prev; /* the chunks of a node */
	int rank;             /* its place in `live` */
	bool pinned;          /* holds a callback: neither freed nor checked */
	bool in_bump;         /* never freed, and says nothing of itself */
};

struct model_node {
	memctx *ctx; /* NULL: this entry is unused */
	char name[24];
	char *ident;
	int parent, first, last, next, prev; /* the tree, children in the order they came */
	int chunks;
	int rank; /* its place in `alive` */
	enum memctx_kind kind;
	size_t align, limit, reach; /* reach: the largest block the doubling may ask for */
	uint64_t live, requested, allocs, frees, reallocs, resets, peak, serial;
	struct model_callback *callbacks;
};

static struct model_node nodes[MAX_NODES];
static struct model_chunk chunks[MAX_CHUNKS];
static int alive[MAX_NODES], live[MAX_CHUNKS]; /* used entries first, the unused after them */
static int nodes_alive, chunks_live;
static int first_root = NONE, last_root = NONE; /* roots too are kept in order */
static int limits_set;

static uint64_t seed, step, rng;
static const char *doing = "starting";

/* Says what is wrong and where it can be seen again, and ends the test. */
__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "model_test: seed %llu step %llu (%s): ", (unsigned long long)seed,
		(unsigned long long)step, doing);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static uint64_t below(uint64_t n)
{
	return rng_below(&rng, n);
}

static void model_start(void)
{
	for (int i = 0; i < MAX_NODES; i++)
		alive[i] = i;
	for (int i = 0; i < MAX_CHUNKS; i++)
		live[i] = i;
}

/* ---- Contents ------------------------------------------------------------------------------ */

static void chunk_fill(const struct model_chunk *chunk, size_t from)
{
	size_t i = from;

	for (; i % 8 != 0 && i < chunk->size; i++)
		chunk->memory[i] = (unsigned char)(chunk->seed >> (i % 8 * 8) ^ (i / 8));
	for (; i + 8 <= chunk->size; i += 8) {
		uint64_t word = chunk->seed ^ ((i / 8 & 255) * 0x0101010101010101u);
		memcpy(chunk->memory + i, &word, 8);
	}
	for (; i < chunk->size; i++)
		chunk->memory[i] = (unsigned char)(chunk->seed >> (i % 8 * 8) ^ (i / 8));
}

/* Whether the first SIZE bytes are what chunk_fill wrote. */
static bool chunk_holds(const struct model_chunk *chunk, size_t size)
{
	uint64_t wrong = 0, word;
	size_t i = 0;

	for (; i + 8 <= size; i += 8) {
		memcpy(&word, chunk->memory + i, 8);
		wrong |= word ^ chunk->seed ^ ((i / 8 & 255) * 0x0101010101010101u);
	}
	for (; i < size; i++)
		wrong |= chunk->memory[i] ^ (unsigned char)(chunk->seed >> (i % 8 * 8) ^ (i / 8));
	return wrong == 0;
}

static bool all_zero(const unsigned char *memory, size_t size)
{
	return size == 0 || (memory[0] == 0 && memcmp(memory, memory + 1, size - 1) == 0);
}

/* ---- The tables ---------------------------------------------------------------------------- */

static int chunk_add(int node, void *memory, size_t size, size_t align)
{
	int id = live[chunks_live];
	struct model_chunk *chunk = &chunks[id];

	*chunk = (struct model_chunk){.memory = memory,
		.size = size,
		.align = align,
		.seed = rng_next(&rng),
		.node = node,
		.in_bump = nodes[node].kind == MEMCTX_BUMP,
		.next = nodes[node].chunks,
		.prev = NONE,
		.rank = chunks_live++};
	if (chunk->next != NONE)
		chunks[chunk->next].prev = id;
	nodes[node].chunks = id;
	nodes[node].live++;
	nodes[node].requested += size;
	return id;
}

static void chunk_drop(int id)
{
	struct model_chunk *chunk = &chunks[id];
	struct model_node *node = &nodes[chunk->node];

	if (chunk->prev != NONE)
		chunks[chunk->prev].next = chunk->next;
	else
		node->chunks = chunk->next;
	if (chunk->next != NONE)
		chunks[chunk->next].prev = chunk->prev;
	node->live--;
	node->requested -= chunk->size;
	chunks_live--;
	live[chunk->rank] = live[chunks_live];
	chunks[live[chunk->rank]].rank = chunk->rank;
	live[chunks_live] = id;
	chunk->memory = NULL;
}

static int *first_of(int parent)
{
	return parent == NONE ? &first_root : &nodes[parent].first;
}

static int *last_of(int parent)
{
	return parent == NONE ? &last_root : &nodes[parent].last;
}

static void node_link(int id, int parent)
{
	struct model_node *node = &nodes[id];
	int *last = last_of(parent);

	node->parent = parent;
	node->next = NONE;
	node->prev = *last;
	if (*last != NONE)
		nodes[*last].next = id;
	else
		*first_of(parent) = id;
	*last = id;
}

static void node_unlink(int id)
{
	struct model_node *node = &nodes[id];

	if (node->prev != NONE)
		nodes[node->prev].next = node->next;
	else
		*first_of(node->parent) = node->next;
	if (node->next != NONE)
		nodes[node->next].prev = node->prev;
	else
		*last_of(node->parent) = node->prev;
}

static int node_add(int parent, memctx *ctx)
{
	int id = alive[nodes_alive];

	nodes[id] = (struct model_node){
		.ctx = ctx, .first = NONE, .last = NONE, .chunks = NONE, .rank = nodes_alive++};
	node_link(id, parent);
	return id;
}

static void node_drop_chunks(int id)
{
	while (nodes[id].chunks != NONE)
		chunk_drop(nodes[id].chunks);
}

/* One node without children. */
static void node_drop(int id)
{
	struct model_node *node = &nodes[id];

	node_drop_chunks(id);
	node_unlink(id);
	free(node->ident);
	limits_set -= node->limit != 0;
	nodes_alive--;
	alive[node->rank] = alive[nodes_alive];
	nodes[alive[node->rank]].rank = node->rank;
	alive[nodes_alive] = id;
	node->ctx = NULL;
}

static void node_drop_below(int top)
{
	int id = top;

	for (;;) {
		while (nodes[id].last != NONE)
			id = nodes[id].last;
		if (id == top)
			return;
		int parent = nodes[id].parent;
		node_drop(id);
		id = parent;
	}
}

/* The node after ID in a walk of TOP's tree, parents first; NONE after the last. */
static int node_walk(int top, int id)
{
	if (nodes[id].first != NONE)
		return nodes[id].first;
	while (id != top && nodes[id].next == NONE)
		id = nodes[id].parent;
	return id == top ? NONE : nodes[id].next;
}

static bool node_is_below(int id, int top)
{
	while (id != NONE && id != top)
		id = nodes[id].parent;
	return id == top;
}

#endif
