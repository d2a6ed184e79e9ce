/* SPDX-License-Identifier: MIT */
/*
 * Long random sequences over all operations, held against the reference of model.h: contents of
 * every chunk, owner, sizes, alignment, counts, sums, tree order, callbacks, limits, and at times
 * a system that refuses.  Whatever differs ends the test with the seed and the step.
 *
 *   model_test [STEPS [SEED]]      or MEMCTX_STEPS and MEMCTX_SEED in the environment; with
 *                                  SOAK there, a billion steps
 */
#include <limits.h>
#include <stdarg.h>
#include <time.h>

#include "model_check.h"

static char text[16384]; /* what strings are cut from */

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
		if (!chunks[id].pinned)
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

/* ---- The tree -------------------------------------------------------------------------------- */

static void op_on_reset(void)
{
	int node = pick_node();
	struct model_callback *callback = NULL;
	bool in_chunk = below(2) == 0 && chunks_live < MAX_CHUNKS;

	if (in_chunk) {
		remember(node);
		callback = memctx_alloc(nodes[node].ctx, sizeof *callback);
		if (callback == NULL) {
			check_failure(node, reach(node, sizeof *callback));
			return;
		}
		nodes[node].allocs++;
		chunks[chunk_add(node, callback, sizeof *callback, 8)].pinned = true;
		touched(node);
	} else {
		callback = malloc(sizeof *callback);
		if (callback == NULL)
			die("out of memory");
	}
	*callback = (struct model_callback){.hook = {.func = callback_ran, .arg = callback},
		.node = node,
		.below = nodes[node].callbacks,
		.in_chunk = in_chunk};
	memctx_on_reset(nodes[node].ctx, &callback->hook);
	nodes[node].callbacks = callback;
}

static char *random_ident(void)
{
	size_t length = below(below(10) == 0 ? 12000 : 40);

	return below(4) == 0 ? NULL : strdup(text + sizeof text - 1 - length);
}

static struct memctx_options random_options(void)
{
	struct memctx_options options = {0};

	switch (below(8)) {
	case 0:
		options = MEMCTX_DEFAULT_OPTIONS;
		break;
	case 1:
	case 2:
		options = MEMCTX_SMALL_OPTIONS;
		break;
	case 3:
		options.init_size = options.max_size = 1024;
		break;
	case 4:
		options.init_size = 1024 + below(100000);
		options.max_size = options.init_size + below(1000000);
		break;
	case 5:
		options.init_size = 1024 + below(2000);
		options.max_size = options.init_size + below(3000);
		options.min_size = below(50000);
		break;
	case 6:
		options.max_size = PTRDIFF_MAX;
		break;
	default:
		break;
	}
	if (below(3) == 0)
		options.align = below(2) == 0 ? 8 : 16;
	return options;
}

static void op_create(void)
{
	int parent = below(20) == 0 || nodes_alive == 0 ? NONE : pick_node(), id;
	struct memctx_options options = random_options();
	bool plain = below(3) == 0;
	char name[24], *ident;
	struct memctx_stats stats;
	memctx *ctx;

	if (nodes_alive == MAX_NODES)
		return;
	snprintf(name, sizeof name, "node %d", (int)below(1000));
	if (below(9) == 0)
		name[0] = '\0';
	ident = random_ident();
	remember(parent);
	ctx = memctx_create(context_of(parent), name, ident, MEMCTX_ASET, plain ? NULL : &options);
	if (ctx == NULL) {
		free(ident);
		check_failure(parent, options.init_size + options.min_size + 16384);
		return;
	}
	id = node_add(parent, ctx);
	memcpy(nodes[id].name, name, sizeof name);
	nodes[id].ident = ident;
	nodes[id].align = !plain && options.align == 16 ? 16 : 8;
	nodes[id].reach = plain || options.max_size == 0 ? 8388608 : options.max_size;
	memctx_stats(ctx, &stats);
	nodes[id].serial = stats.serial;
	check_node(id, &stats);
	if (stats.live_chunks != 0 || stats.free_chunks != 0 ||
		stats.peak_total_bytes != stats.total_bytes)
		die("a new context is not empty");
	check_links(id);
	touched(id);
}

static void op_delete(void)
{
	int id = pick_node();

	if (nodes_alive < 4 && below(4) != 0)
		return;
	dying_begin(id, true, true);
	memctx_delete(nodes[id].ctx);
	dying_end(true);
	node_drop_below(id);
	node_drop(id);
}

static void op_delete_children(void)
{
	int id = pick_node();

	dying_begin(id, false, true);
	memctx_delete_children(nodes[id].ctx);
	dying_end(false);
	node_drop_below(id);
}

static void op_reset(void)
{
	int id = pick_node();
	bool only = below(2) == 0;
	struct memctx_stats stats;

	dying_begin(id, true, !only);
	if (only)
		memctx_reset_only(nodes[id].ctx);
	else
		memctx_reset(nodes[id].ctx);
	dying_end(false);
	if (!only)
		node_drop_below(id);
	node_drop_chunks(id);
	nodes[id].resets++;
	check_node(id, &stats);
	if (stats.total_nblocks > 1 || stats.free_chunks != 0)
		die("a reset leaves more than the keeper");
}

static void op_set_parent(void)
{
	int id = pick_node(), parent = below(10) == 0 ? NONE : pick_node();
	bool cycle = parent != NONE && node_is_below(parent, id);
	size_t need = memctx_subtree_total(nodes[id].ctx);
	int result;

	remember(parent);
	result = memctx_set_parent(nodes[id].ctx, context_of(parent));
	if (cycle) {
		if (result != -1 || errno != EINVAL)
			die("a cycle was not refused with EINVAL");
	} else if (result != 0) {
		check_failure(parent, need);
	} else {
		node_unlink(id);
		node_link(id, parent);
		check_limits(parent);
	}
	check_links(id);
}

static void op_set_ident(void)
{
	int id = pick_node();
	char *ident = random_ident();

	remember(id);
	if (memctx_set_ident(nodes[id].ctx, ident) != 0) {
		check_failure(id, 16384);
		free(ident);
	} else {
		free(nodes[id].ident);
		nodes[id].ident = ident;
		touched(id);
	}
	check_links(id);
}

static void op_set_limit(void)
{
	int id = pick_node();
	size_t held = memctx_subtree_total(nodes[id].ctx);
	size_t limit = below(2) == 0 || limits_set > 20 ? 0 : 1 + below(held * 3);

	memctx_set_limit(nodes[id].ctx, limit);
	limits_set += (limit != 0) - (nodes[id].limit != 0);
	nodes[id].limit = limit;
	if (memctx_limit(nodes[id].ctx) != limit)
		die("a limit of %zu reads as another", limit);
}

static void op_switch(void)
{
	memctx *next = below(4) == 0 ? NULL : nodes[pick_node()].ctx;

	if (memctx_switch(next) != current || memctx_current() != next)
		die("the current context is another than the one switched to");
	current = next;
}

static void op_trim(void)
{
	struct memctx_overhead overhead;
	size_t bytes = door.bytes, given;

	memctx_overhead(&overhead);
	given = memctx_trim();
	/* Contexts count their structures, which stay; the cache has one that goes as well. */
	if (given != overhead.cached_bytes || bytes - door.bytes > given + 16384 ||
		bytes - door.bytes + 200 * 256 < given)
		die("trim gave back %zu bytes of %llu cached; the system got %zu", given,
			(unsigned long long)overhead.cached_bytes, bytes - door.bytes);
	memctx_overhead(&overhead);
	if (overhead.cached_bytes != 0)
		die("trim left something cached");
}

/* ---- The sequence ---------------------------------------------------------------------------- */

static void next_phase(void)
{
	static const uint64_t alloc[] = {350, 500, 550, 650};

	phase.until = step + 500 + below(20000);
	phase.alloc = alloc[below(4)];
	phase.realloc = below(200);
	phase.tree = below(4) == 0 ? 60 : 4;
	phase.small = below(2);
	door.chance = below(5) == 0 ? UINT64_C(1) << (22 + below(9)) : 0;
	door.move = below(2) == 0;
}

static const struct {
	const char *name;
	void (*run)(void);
	unsigned weight;
} tree_ops[] = {
	{"create", op_create, 40},
	{"delete", op_delete, 5},
	{"delete_children", op_delete_children, 1},
	{"reset", op_reset, 5},
	{"set_parent", op_set_parent, 8},
	{"set_ident", op_set_ident, 8},
	{"on_reset", op_on_reset, 12},
	{"set_limit", op_set_limit, 6},
	{"switch", op_switch, 6},
	{"trim", op_trim, 2},
	{"impossible", op_impossible, 7},
};

static void tree_step(void)
{
	uint64_t r = below(100);
	size_t i = 0;

	for (; r >= tree_ops[i].weight; i++)
		r -= tree_ops[i].weight;
	doing = tree_ops[i].name;
	tree_ops[i].run();
}

static void one_step(void)
{
	uint64_t r = below(1000);
	bool full = chunks_live > MAX_CHUNKS - 8 || door.bytes > (size_t)256 << 20;

	if (step == phase.until)
		next_phase();
	if (nodes_alive == 0) {
		doing = "create";
		op_create();
	} else if (r < phase.tree) {
		tree_step();
	} else if (r < phase.tree + phase.realloc && !full) {
		doing = "realloc";
		op_realloc();
	} else if (rng_below(&rng, 1000) < phase.alloc && !full) {
		doing = "alloc";
		op_alloc();
	} else {
		doing = "free";
		op_free();
	}
}

static void finish(void)
{
	const char *fault;

	doing = "finishing";
	door.chance = 0;
	while (first_root != NONE) {
		dying_begin(first_root, true, true);
		memctx_delete(nodes[first_root].ctx);
		dying_end(true);
		node_drop_below(first_root);
		node_drop(first_root);
	}
	fault = door_close(&door);
	if (fault != NULL)
		die("%s", fault);
}

static uint64_t number(const char *argument, const char *variable, uint64_t otherwise)
{
	const char *value = argument != NULL ? argument : getenv(variable);

	return value != NULL ? strtoull(value, NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t steps = getenv("SOAK") != NULL ? 1000000000 : 2000000;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	steps = 400000;
#endif
	if (RUNNING_ON_VALGRIND)
		steps = 40000;
	steps = number(argc > 1 ? argv[1] : NULL, "MEMCTX_STEPS", steps);
	seed = number(argc > 2 ? argv[2] : NULL, "MEMCTX_SEED", (uint64_t)time(NULL));
	rng = seed;
	for (size_t i = 0; i + 1 < sizeof text; i++)
		text[i] = (char)('!' + i % 90);
	model_start();
	if (!door_open(&door))
		die("the backing was refused");
	for (step = 0; step < steps; step++) {
		one_step();
		if (step % 20011 == 0) {
			doing = "checking all";
			check_all();
		}
	}
	check_all();
	finish();
	printf("model_test: %llu steps, seed %llu: ok\n", (unsigned long long)steps,
		(unsigned long long)seed);
	return 0;
}
