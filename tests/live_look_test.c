/* SPDX-License-Identifier: MIT */
/*
 * Looking again and again: what is kept up to date is what a snapshot made anew has, whatever was
 * done in between, and is made anew only where contexts came, went or moved.
 */
#include <stdlib.h>
#include <unistd.h>

#include "model/lists.h"
#include "model/live_look.h"
#include "unit.h"

enum { CONTEXTS = 200, CHUNKS = 20, ROUNDS = 400 };

static memctx *contexts[CONTEXTS];
static void *chunks[CONTEXTS][CHUNKS];

/* ---- Comparing ------------------------------------------------------------------------ */

static void assert_same_text(
	const struct snapshot *a, uint32_t in_a, const struct snapshot *b, uint32_t in_b)
{
	const char *x = snapshot_string(a, in_a), *y = snapshot_string(b, in_b);

	assert_true((x == NULL) == (y == NULL));
	if (x != NULL)
		assert_string_equal(x, y);
}

static void assert_same(const struct snapshot *a, const struct snapshot *b)
{
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->pid, b->pid);
	for (size_t i = 0; i < a->n; i++) {
		const struct snapshot_context *x = &a->contexts[i], *y = &b->contexts[i];
		struct lists lists[2];

		assert_int_equal(x->id, y->id);
		assert_int_equal(x->parent, y->parent);
		assert_int_equal(x->level, y->level);
		assert_int_equal(x->end, y->end);
		assert_int_equal(x->peak_total_bytes, y->peak_total_bytes);
		assert_memory_equal(&x->own, &y->own, sizeof x->own);
		assert_int_equal(snapshot_lists(a, x, &lists[0]), snapshot_lists(b, y, &lists[1]));
		assert_memory_equal(&lists[0], &lists[1], sizeof lists[0]);
		assert_same_text(a, x->name, b, y->name);
		assert_same_text(a, x->ident, b, y->ident);
		assert_same_text(a, x->kind, b, y->kind);
	}
}

static void look_and_compare(struct live_look *look, struct live *live)
{
	struct live_error error;
	const struct snapshot *kept = live_look(look, &error);
	struct snapshot *made = live_snapshot(live, &error);
	struct snapshot_figures kept_sum, made_sum;

	assert_non_null(kept);
	assert_non_null(made);
	assert_same(kept, made);
	live_look_totals(look, &kept_sum);
	snapshot_totals(made, &made_sum);
	assert_memory_equal(&kept_sum, &made_sum, sizeof kept_sum);
	snapshot_free(made);
}

/* ---- Work ----------------------------------------------------------------------------- */

static memctx *make_one(uint64_t *seed, size_t i)
{
	static const enum memctx_kind kinds[] = {MEMCTX_ASET, MEMCTX_ASET, MEMCTX_SLAB,
		MEMCTX_GENERATION, MEMCTX_BUMP, MEMCTX_MALLOC};
	struct memctx_options options = {.init_size = 2000, .max_size = 50000, .chunk_size = 100};
	memctx *below = i > 0 ? contexts[rng_below(seed, i)] : NULL;

	if (i % 7 == 6)
		return memctx_watch(below, "watched", NULL);
	options.classes = i % 6 == 1 ? MEMCTX_CLASSES_FINE : MEMCTX_CLASSES_POW2;
	return memctx_create(below, "context", "an ident", kinds[i % 6], &options);
}

static int make_all(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (size_t i = 0; i < CONTEXTS; i++) {
		contexts[i] = make_one(&seed, i);
		if (contexts[i] == NULL)
			return -1;
	}
	return 0;
}

/* An allocation or a free in a context, or what is like it. */
static void use(uint64_t *seed)
{
	size_t i = rng_below(seed, CONTEXTS);
	void **place = &chunks[i][rng_below(seed, CHUNKS)];

	if (memctx_kind_of(contexts[i]) == MEMCTX_WATCH) {
		memctx_watch_blocks(contexts[i], 1, 1000);
		memctx_watch_chunks(contexts[i], 1, 500);
	} else if (*place == NULL) {
		*place = memctx_alloc(contexts[i], rng_below(seed, 12000));
	} else if (memctx_kind_of(contexts[i]) != MEMCTX_BUMP) {
		memctx_free(*place);
		*place = NULL;
	}
	if (rng_below(seed, 50) != 0 || memctx_kind_of(contexts[i]) == MEMCTX_WATCH)
		return;
	memctx_reset_only(contexts[i]);
	memset(chunks[i], 0, sizeof chunks[i]);
}

/* ---- The tests ------------------------------------------------------------------------ */

/* Nothing came or went: what was done to chunks is seen without making anything anew. */
static void test_counters(void **state)
{
	struct live_error error;
	struct live *live = live_open(getpid(), &error);
	struct live_look *look = live_look_new(live);
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		for (uint64_t n = rng_below(&seed, 40); n > 0; n--)
			use(&seed);
		look_and_compare(look, live);
	}
	assert_int_equal(live_look_rebuilds(look), 1);
	live_look_free(look);
	live_close(live);
}

/* Each of these is seen at the next look. */
static void test_tree(void **state)
{
	struct live_error error;
	struct live *live = live_open(getpid(), &error);
	struct live_look *look = live_look_new(live);
	uint64_t seed = 6;

	(void)state;
	look_and_compare(look, live);
	for (int i = 0; i < ROUNDS; i++) {
		memctx *other = contexts[rng_below(&seed, 10)];
		memctx *made = memctx_create(other, "made", NULL, MEMCTX_ASET, NULL);

		assert_non_null(made);
		look_and_compare(look, live);
		new_chunk(made, 100, 1);
		use(&seed);
		look_and_compare(look, live);
		memctx_set_parent(made, contexts[0]);
		look_and_compare(look, live);
		memctx_delete(made);
		/* Its unit is used again at once, every other time. */
		if (i % 2 == 0)
			made = memctx_create(contexts[0], "next", NULL, MEMCTX_ASET, NULL);
		look_and_compare(look, live);
		if (i % 2 == 0)
			memctx_delete(made);
	}
	/* Once a change; a move to where it stands is none. */
	assert_in_range(live_look_rebuilds(look), ROUNDS * 2, ROUNDS * 3 + 1);
	live_look_free(look);
	live_close(live);
}

static void test_ident(void **state)
{
	struct live_error error;
	struct live *live = live_open(getpid(), &error);
	struct live_look *look = live_look_new(live);

	(void)state;
	look_and_compare(look, live);
	assert_int_equal(memctx_set_ident(contexts[3], "another"), 0);
	usleep(510000);
	look_and_compare(look, live);
	assert_int_equal(live_look_rebuilds(look), 2);
	usleep(510000);
	look_and_compare(look, live);
	assert_int_equal(live_look_rebuilds(look), 2);
	live_look_free(look);
	live_close(live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_ident),
	};

	return cmocka_run_group_tests_name("live_look", tests, make_all, NULL);
}
