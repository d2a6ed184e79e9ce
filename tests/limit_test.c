/* SPDX-License-Identifier: MIT */
/*
 * Limits, and the library's surroundings: overhead, trim, the replaceable backing.  A request
 * that a limit forbids fails with ENOMEM and changes nothing, in the context or above it.
 */
#include "unit.h"

static int begin(void **state)
{
	(void)state;
	memctx_trim(); /* so that blocks have exactly the sizes asked for */
	return 0;
}

static void limit_stops_growth_at_the_byte(void **state)
{
	memctx *ctx = new_context(NULL, "limited");
	struct memctx_stats before;

	(void)state;
	memctx_set_limit(ctx, 50000);
	assert_int_equal(memctx_limit(ctx), 50000);
	assert_null(memctx_alloc(ctx, 50000));
	assert_int_equal(errno, ENOMEM);
	while (memctx_alloc(ctx, 100) != NULL)
		assert_true(memctx_total(ctx) <= 50000);
	assert_int_equal(errno, ENOMEM);
	assert_true(memctx_total(ctx) > 50000 - 1024); /* the last block took what was left */
	before = stats_of(ctx);
	errno = 0;
	assert_null(memctx_alloc(ctx, 30000));
	assert_int_equal(errno, ENOMEM);
	assert_null(memctx_zalloc(ctx, 1000));
	assert_null(memctx_alloc_aligned(ctx, 1000, 4096));
	assert_null(memctx_create(
		ctx, "child", NULL, MEMCTX_ASET, &(struct memctx_options){.init_size = 65536}));
	assert_same_figures(ctx, &before);
	assert_null(memctx_first_child(ctx));
	assert_sound(ctx);
	memctx_reset(ctx);
	assert_non_null(memctx_alloc(ctx, 30000));
	memctx_set_limit(ctx, 0);
	assert_int_equal(memctx_limit(ctx), 0);
	assert_non_null(memctx_alloc(ctx, 1000000));
	memctx_delete(ctx);
}

static void exact_limit_is_reached(void **state)
{
	memctx *ctx = new_context(NULL, "limited");
	size_t held = memctx_total(ctx), total;
	void *large;

	(void)state;
	large = memctx_alloc(ctx, 100000);
	total = memctx_total(ctx);
	memctx_free(large);
	assert_int_equal(memctx_total(ctx), held);
	memctx_set_limit(ctx, total - 1);
	assert_null(memctx_alloc(ctx, 100000));
	memctx_set_limit(ctx, total);
	assert_non_null(memctx_alloc(ctx, 100000));
	assert_int_equal(memctx_total(ctx), total);
	memctx_delete(ctx);
}

static void limit_counts_the_whole_subtree(void **state)
{
	memctx *top = new_context(NULL, "top"), *mid = new_context(top, "mid");
	memctx *leaf = new_context(mid, "leaf"), *other;
	struct memctx_stats before;

	(void)state;
	memctx_set_limit(top, 200000);
	assert_non_null(memctx_alloc(leaf, 100000));
	before = stats_of(mid);
	assert_null(memctx_alloc(mid, 100000));
	assert_int_equal(errno, ENOMEM);
	assert_same_figures(mid, &before);
	assert_non_null(memctx_alloc(top, 50000));
	assert_true(memctx_subtree_total(top) <= 200000);
	memctx_reset(leaf); /* what is freed below may be had again */
	assert_non_null(memctx_alloc(mid, 100000));
	memctx_delete(mid);
	other = new_context(top, "other");
	assert_non_null(memctx_alloc(other, 120000));
	assert_null(memctx_alloc(top, 50000));
	memctx_delete(other);
	assert_non_null(memctx_alloc(top, 50000));
	assert_sound(top);
	memctx_delete(top);
}

static void every_limit_on_the_path_counts(void **state)
{
	memctx *top = new_context(NULL, "top"), *mid = new_context(top, "mid");
	memctx *leaf = new_context(mid, "leaf");

	(void)state;
	memctx_set_limit(top, 1000000);
	memctx_set_limit(mid, 500000);
	memctx_set_limit(leaf, 250000);
	assert_null(memctx_alloc(leaf, 250000));
	assert_non_null(memctx_alloc(leaf, 200000));
	assert_null(memctx_alloc(mid, 300000));
	memctx_set_limit(mid, 0);
	assert_non_null(memctx_alloc(mid, 300000));
	assert_null(memctx_alloc(mid, 500000)); /* top's still holds */
	memctx_set_limit(top, 0);
	assert_non_null(memctx_alloc(mid, 500000));
	assert_null(memctx_alloc(leaf, 250000)); /* and leaf's own */
	memctx_delete(top);
}

static void limit_below_what_is_held_stops_growth_only(void **state)
{
	memctx *ctx = new_context(NULL, "limited");
	unsigned char *chunk = new_chunk(ctx, 100000, 1), *small = new_chunk(ctx, 100, 2);

	(void)state;
	memctx_set_limit(ctx, 1);
	assert_non_null(memctx_alloc(ctx, 10)); /* from the block it has */
	assert_null(memctx_alloc(ctx, 100000));
	assert_null(memctx_realloc(chunk, 200000));
	assert_true(filled_with(chunk, 100000, 1));
	assert_int_equal(memctx_requested(chunk), 100000);
	chunk = memctx_realloc(chunk, 50000); /* less is always granted */
	assert_non_null(chunk);
	assert_true(filled_with(chunk, 50000, 1));
	assert_non_null(memctx_realloc(chunk, 10));
	memctx_free(small);
	assert_sound(ctx);
	memctx_reset(ctx);
	assert_int_equal(memctx_limit(ctx), 1);
	memctx_delete(ctx);
}

static void moves_count_against_limits(void **state)
{
	memctx *top = new_context(NULL, "top"), *in = new_context(top, "in");
	memctx *out = new_context(NULL, "out");

	(void)state;
	new_chunk(out, 100000, 1);
	memctx_set_limit(top, 100000);
	errno = 0;
	assert_int_equal(memctx_set_parent(out, in), -1);
	assert_int_equal(errno, ENOMEM);
	assert_null(memctx_parent(out));
	memctx_set_limit(top, 200000);
	assert_int_equal(memctx_set_parent(out, in), 0);
	assert_null(memctx_alloc(in, 100000));
	assert_int_equal(memctx_set_parent(out, top), 0); /* within the limit's tree: no growth */
	assert_null(memctx_alloc(in, 100000));
	assert_int_equal(memctx_set_parent(out, NULL), 0);
	assert_non_null(memctx_alloc(in, 100000));
	assert_non_null(memctx_alloc(out, 1000000)); /* limited no more */
	assert_sound(top);
	memctx_delete(top);
	memctx_delete(out);
}

/* A limit's books must be right after any change below: the room left is exactly the same. */
static void limits_keep_exact_books(void **state)
{
	memctx *top = new_context(NULL, "top");
	uint64_t random = 7;

	(void)state;
	memctx_set_limit(top, 3000000);
	for (int round = 0; round < 300; round++) {
		memctx *child = memctx_create(
			top, "child", NULL, MEMCTX_ASET, round % 2 ? &MEMCTX_SMALL_OPTIONS : NULL);
		if (child == NULL) {
			memctx_delete_children(top);
			continue;
		}
		if (round % 7 == 0)
			memctx_set_limit(child, 100000);
		for (int i = 0; i < 40; i++) {
			void *chunk = memctx_alloc(child, rng_below(&random, 30000));
			if (chunk != NULL && i % 3 == 0)
				memctx_free(chunk);
			else if (chunk != NULL && i % 3 == 1)
				memctx_realloc(chunk, rng_below(&random, 60000));
		}
		if (round % 5 == 0)
			memctx_reset(child);
		if (round % 11 == 0)
			memctx_delete(child);
		assert_true(memctx_subtree_total(top) <= 3000000);
	}
	memctx_set_limit(top, memctx_subtree_total(top) + 40000);
	assert_null(memctx_alloc(top, 40001));
	memctx_delete_children(top);
	memctx_reset(top);
	memctx_set_limit(top, 100000 + memctx_total(top));
	assert_null(memctx_alloc(top, 100000));
	assert_non_null(memctx_alloc(top, 99000));
	memctx_delete(top);
}

static void overhead_counts_contexts_and_cache(void **state)
{
	struct memctx_overhead before, now;
	memctx *a, *b;
	size_t given;

	(void)state;
	memctx_overhead(&before);
	assert_int_equal(before.cached_bytes, 0);
	a = new_context(NULL, "a");
	b = new_context(a, "b");
	memctx_overhead(&now);
	assert_int_equal(now.contexts, before.contexts + 2);
	assert_true(now.reserved_bytes >= now.committed_bytes && now.committed_bytes > 0);
	for (int i = 0; i < 1000; i++)
		new_chunk(b, 1000, 1);
	memctx_delete(a);
	memctx_overhead(&now);
	assert_int_equal(now.contexts, before.contexts);
	assert_true(now.cached_bytes > 16384); /* two contexts, and some blocks */
	given = memctx_trim();
	assert_int_equal(given, now.cached_bytes);
	memctx_overhead(&now);
	assert_int_equal(now.cached_bytes, 0);
	assert_int_equal(memctx_trim(), 0);
}

/* The cache is bounded: what a program frees does not stay with the library. */
static void cache_is_bounded(void **state)
{
	struct memctx_overhead overhead;
	memctx *many[300];

	(void)state;
	for (int i = 0; i < 300; i++) {
		many[i] = new_context(NULL, "many");
		for (int j = 0; j < 100; j++)
			new_chunk(many[i], 5000, 1);
		assert_non_null(memctx_alloc(many[i], 3000000));
	}
	for (int i = 0; i < 300; i++)
		memctx_delete(many[i]);
	memctx_overhead(&overhead);
	assert_in_range(overhead.cached_bytes, 1, 10 << 20);
	memctx_trim();
	many[0] = new_context(NULL, "sizes"); /* and of each size there is little */
	for (size_t size = 20000; size < 1000000; size = size * 9 / 8) {
		void *chunk[3];
		for (int i = 0; i < 3; i++)
			chunk[i] = new_chunk(many[0], size, 1);
		for (int i = 0; i < 3; i++)
			memctx_free(chunk[i]);
		memctx_overhead(&overhead);
		assert_in_range(overhead.cached_bytes, 0, 10 << 20);
	}
	memctx_delete(many[0]);
	memctx_trim();
}

static void backing_is_replaced_only_without_contexts(void **state)
{
	struct memctx_overhead overhead;
	struct door door;
	memctx *ctx = new_context(NULL, "in the way");

	(void)state;
	errno = 0;
	assert_false(door_open(&door));
	assert_int_equal(errno, EBUSY);
	errno = 0;
	assert_int_equal(memctx_set_backing(NULL), -1);
	assert_int_equal(errno, EBUSY);
	assert_non_null(memctx_alloc(ctx, 100000)); /* goes on with what it had */
	assert_int_equal(door.requests, 0);
	memctx_delete(ctx);
	assert_true(door_open(&door));
	ctx = new_context(NULL, "behind the door");
	assert_true(door.blocks > 0 && door.reserved > 0);
	memctx_overhead(&overhead);
	assert_int_equal(overhead.reserved_bytes, door.reserved);
	assert_int_equal(overhead.committed_bytes, door.committed);
	new_chunk(ctx, 100000, 1);
	assert_true(door.bytes > 100000);
	memctx_delete(ctx);
	assert_null(door_close(&door));
}

static void assert_not_whole(struct memctx_backing backing)
{
	errno = 0;
	assert_int_equal(memctx_set_backing(&backing), -1);
	assert_int_equal(errno, EINVAL);
}

static void backing_must_be_whole(void **state)
{
	struct memctx_backing part;
	struct door door;

	(void)state;
	assert_true(door_open(&door));
	part = door.backing;
	part.alloc = NULL;
	assert_not_whole(part);
	part = door.backing;
	part.free = NULL;
	assert_not_whole(part);
	part = door.backing;
	part.reserve = NULL;
	assert_not_whole(part);
	part = door.backing;
	part.commit = NULL;
	assert_not_whole(part);
	part = door.backing;
	part.release = NULL;
	assert_not_whole(part);
	assert_null(door_close(&door));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		TEST(limit_stops_growth_at_the_byte),
		TEST(exact_limit_is_reached),
		TEST(limit_counts_the_whole_subtree),
		TEST(every_limit_on_the_path_counts),
		TEST(limit_below_what_is_held_stops_growth_only),
		TEST(moves_count_against_limits),
		TEST(limits_keep_exact_books),
		TEST(overhead_counts_contexts_and_cache),
		TEST(cache_is_bounded),
		TEST(backing_is_replaced_only_without_contexts),
		TEST(backing_must_be_whole),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
