/* SPDX-License-Identifier: MIT */
/*
 * Long random sequences over all operations, held against the reference of model.h: contents of
 * every chunk, owner, sizes, alignment, counts, sums, tree order, callbacks, limits, and at times
 * a system that refuses.  Whatever differs ends the test with the seed and the step.
 *
 *   model_test [STEPS [SEED]]      or MEMCTX_STEPS and MEMCTX_SEED in the environment; with
 *                                  SOAK there, a billion steps; with MEMCTX_KIND=N, half of
 *                                  the contexts are of that kind
 */
#include <limits.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model_chunks.h"

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

static int only_kind = -1; /* besides aset, in this run; -1: all */

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
	if (below(4) == 0)
		options.classes = MEMCTX_CLASSES_FINE;
	options.chunk_size = below(3) == 0 ? 0 : below(below(9) == 0 ? 9000 : 200);
	return options;
}

static void op_create(void)
{
	int parent = below(20) == 0 || nodes_alive == 0 ? NONE : pick_node(), id;
	struct memctx_options options = random_options();
	bool plain = below(3) == 0;
	enum memctx_kind kind = MEMCTX_ASET;
	char name[24], *ident;
	struct memctx_stats stats;
	memctx *ctx;

	if (nodes_alive == MAX_NODES)
		return;
	snprintf(name, sizeof name, "node %d", (int)below(1000));
	if (below(9) == 0)
		name[0] = '\0';
	ident = random_ident();
	if (below(2) == 0)
		kind = only_kind >= 0 ? (enum memctx_kind)only_kind : (enum memctx_kind)below(5);
	remember(parent);
	ctx = memctx_create(context_of(parent), name, ident, kind, plain ? NULL : &options);
	if (ctx == NULL && errno == EINVAL && kind == MEMCTX_GENERATION &&
		options.init_size > (size_t)1 << 35) {
		free(ident);
		return;
	}
	if (ctx == NULL) {
		free(ident);
		check_failure(parent, options.init_size + options.min_size + 16384);
		return;
	}
	id = node_add(parent, ctx);
	memcpy(nodes[id].name, name, sizeof name);
	nodes[id].ident = ident;
	nodes[id].kind = kind;
	nodes[id].align = !plain && options.align == 16 ? 16 : 8;
	nodes[id].reach = plain || options.max_size == 0 ? 8388608 : options.max_size;
	/* A slab's blocks are of one size, and hold one chunk at least. */
	if (kind == MEMCTX_SLAB) {
		nodes[id].reach = plain || options.init_size == 0 ? 8192 : options.init_size;
		if (!plain && options.chunk_size > nodes[id].reach)
			nodes[id].reach = options.chunk_size;
	}
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
	if (given != overhead.cached_bytes ||
		(is_counted && (bytes - door.bytes > given + 16384 ||
				       bytes - door.bytes + 200 * 256 < given)))
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
	door.chance = is_counted && below(5) == 0 ? UINT64_C(1) << (22 + below(9)) : 0;
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

static void run_until(uint64_t last)
{
	for (; step < last; step++) {
		one_step();
		if (step % 20011 == 0) {
			doing = "checking all";
			check_all();
		}
	}
	check_all();
}

/* What is counted must be exact on both sides of a fork, and each side can go on. */
static void run_in_child(uint64_t steps)
{
	pid_t child;
	int status;

	doing = "forking";
	child = fork();
	if (child == 0) {
		check_all();
		run_until(step + steps);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		die("the child that was forked here failed");
	check_all();
}

static void finish(void)
{
	doing = "finishing";
	door.chance = 0;
	while (first_root != NONE) {
		dying_begin(first_root, true, true);
		memctx_delete(nodes[first_root].ctx);
		dying_end(true);
		node_drop_below(first_root);
		node_drop(first_root);
	}
}

/* Behind a door that counts and refuses; nothing is published then. */
static void run_counted(uint64_t last)
{
	const char *fault;

	if (!door_open(&door))
		die("the backing was refused");
	is_counted = true;
	run_until(last);
	finish();
	is_counted = false;
	fault = door_close(&door);
	if (fault != NULL)
		die("%s", fault);
}

/* With the default backing, events recorded and forks now and then (Valgrind takes seconds). */
static void run_published(uint64_t last)
{
	uint64_t forks = RUNNING_ON_VALGRIND ? 1 : 8, stretch = (last - step) / forks;

	for (; forks > 0; forks--) {
		memctx_set_ring(below(3) == 0 ? 0 : below(40000));
		run_until(last - (forks - 1) * stretch);
		run_in_child(2000);
	}
	finish();
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
	if (getenv("MEMCTX_KIND") != NULL)
		only_kind = (int)number(NULL, "MEMCTX_KIND", 0);
	for (size_t i = 0; i + 1 < sizeof text; i++)
		text[i] = (char)('!' + i % 90);
	model_start();
	run_counted(steps / 2);
	run_published(steps);
	printf("model_test: %llu steps, seed %llu: ok\n", (unsigned long long)steps,
		(unsigned long long)seed);
	return 0;
}
