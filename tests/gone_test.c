/* SPDX-License-Identifier: MIT */
/*
 * Contexts that were deleted and are used again: found out in the shipping build, whatever the
 * function, until another context takes the unit.
 */
#include "misuse_support.h"

/* The library's own proof, which knows of every kind. */
static void assert_proved(void)
{
	assert_int_equal(memctx_check(ctx, unit_report, NULL), 0);
}

/* Every function that takes a context refuses GONE, whatever else it is given. */
static void assert_gone_to_allocation(memctx *gone)
{
	static const size_t sizes[] = {0, 1, 8, 40, 1000, 8192, 8193, 100000};

	errno = 0;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		assert_null(memctx_alloc(gone, sizes[i]));
		assert_caught(gone);
		assert_null(memctx_zalloc(gone, sizes[i]));
		assert_caught(gone);
		for (size_t align = 8; align <= 4096; align *= 8) {
			assert_null(memctx_alloc_aligned(gone, sizes[i], align));
			assert_caught(gone);
		}
	}
	assert_null(memctx_alloc_array(gone, 10, 10));
	assert_caught(gone);
	assert_null(memctx_strdup(gone, "x"));
	assert_caught(gone);
	assert_null(memctx_strndup(gone, "x", 1));
	assert_caught(gone);
	assert_null(memctx_printf(gone, "%d", 1));
	assert_caught(gone);
	assert_null(call_vprintf(gone, "%d", 1));
	assert_caught(gone);
	memctx_watch_blocks(gone, 1, 100);
	assert_caught(gone);
	memctx_watch_chunks(gone, 1, 100);
	assert_caught(gone);
}

static void assert_gone_to_the_tree(memctx *gone)
{
	struct memctx_callback callback = {.func = free};

	memctx_delete(gone);
	assert_caught(gone);
	memctx_delete_children(gone);
	assert_caught(gone);
	memctx_reset(gone);
	assert_caught(gone);
	memctx_reset_only(gone);
	assert_caught(gone);
	memctx_on_reset(gone, &callback);
	assert_caught(gone);
	assert_int_equal(memctx_set_parent(gone, ctx), -1);
	assert_caught(gone);
	assert_int_equal(memctx_set_parent(gone, gone), -1);
	assert_caught(gone);
	assert_int_equal(memctx_set_parent(ctx, gone), -1);
	assert_caught(gone);
	assert_null(memctx_create(gone, "x", NULL, MEMCTX_ASET, NULL));
	assert_caught(gone);
	assert_null(memctx_create(gone, "x", NULL, MEMCTX_SLAB, NULL));
	assert_caught(gone);
	assert_null(memctx_watch(gone, "x", NULL));
	assert_caught(gone);
	assert_int_equal(memctx_set_ident(gone, "x"), -1);
	assert_caught(gone);
	assert_int_equal(memctx_set_ident(gone, NULL), -1);
	assert_caught(gone);
	memctx_set_limit(gone, 100);
	assert_caught(gone);
}

static void assert_gone_to_questions(memctx *gone)
{
	struct memctx_block_info block = {0};
	struct memctx_stats s, zero = {0};

	assert_null(memctx_parent(gone));
	assert_caught(gone);
	assert_null(memctx_first_child(gone));
	assert_caught(gone);
	assert_null(memctx_next_sibling(gone));
	assert_caught(gone);
	assert_null(memctx_walk(ctx, gone));
	assert_caught(gone);
	assert_null(memctx_name(gone));
	assert_caught(gone);
	assert_null(memctx_ident(gone));
	assert_caught(gone);
	assert_int_equal(memctx_limit(gone), 0);
	assert_caught(gone);
	assert_int_equal(memctx_total(gone), 0);
	assert_caught(gone);
	assert_int_equal(memctx_subtree_total(gone), 0);
	assert_caught(gone);
	assert_int_equal(memctx_kind_of(gone), MEMCTX_ASET);
	assert_caught(gone);
	assert_int_equal(memctx_classes_of(gone), MEMCTX_CLASSES_POW2);
	assert_caught(gone);
	memset(&s, 1, sizeof s);
	memctx_stats(gone, &s);
	assert_caught(gone);
	assert_memory_equal(&s, &zero, sizeof s);
	assert_int_equal(memctx_check(gone, NULL, NULL), 0);
	assert_caught(gone);
	memctx_each_block(gone, NULL, NULL);
	assert_caught(gone);
	memctx_each_chunk(gone, &block, NULL, NULL);
	assert_caught(gone);
	memctx_each_free(gone, 0, NULL, NULL);
	assert_caught(gone);
}

/* As it was, and nothing new: contexts that live, their tree, their sum. */
static void assert_gone(memctx *gone)
{
	struct memctx_overhead before, after;
	size_t total = memctx_subtree_total(ctx);

	memctx_overhead(&before);
	assert_gone_to_allocation(gone);
	assert_gone_to_the_tree(gone);
	assert_gone_to_questions(gone);
	memctx_overhead(&after);
	assert_int_equal(after.contexts, before.contexts);
	assert_int_equal(after.cached_bytes, before.cached_bytes);
	assert_int_equal(memctx_subtree_total(ctx), total);
	assert_proved();
}

/* What each kind of context is made of: the usual sizes of an aset, small ones, others. */
static const struct memctx_options made_with[] = {{0}, {.init_size = 1024, .max_size = 8192},
	{.init_size = 4096, .max_size = 65536}, {.align = 16}, {.classes = MEMCTX_CLASSES_FINE},
	{.init_size = 1024, .max_size = 8192, .classes = MEMCTX_CLASSES_FINE},
	{.init_size = 4096, .classes = MEMCTX_CLASSES_FINE}};

#define MADE (sizeof made_with / sizeof made_with[0])

/* One more below CTX: of KIND, used or not. */
static memctx *made(enum memctx_kind kind, size_t i, bool used)
{
	memctx *one = kind == MEMCTX_WATCH ? memctx_watch(ctx, "made", "one")
					   : memctx_create(ctx, "made", "one", kind, &made_with[i]);

	assert_non_null(one);
	if (!used)
		return one;
	if (kind == MEMCTX_WATCH) {
		memctx_watch_blocks(one, 1, 1000);
		memctx_watch_chunks(one, 1, 100);
		return one;
	}
	for (size_t size = 0; size < 20000; size = size * 2 + 1) {
		void *chunk = new_chunk(one, kind == MEMCTX_SLAB ? size % 64 : size, 1);

		if (kind != MEMCTX_BUMP && size % 3 == 0)
			memctx_free(chunk);
	}
	new_context(one, "below");
	return one;
}

/*
 * A context is found out when it was just deleted, when its thread has given back what it caches,
 * and as long as others take no unit; what is made then is as good as any.
 */
static void deleted_contexts_are_caught(void **state)
{
	(void)state;
	for (int kind = MEMCTX_ASET; kind <= MEMCTX_WATCH; kind++) {
		for (size_t i = 0; i < 2 * MADE; i++) {
			memctx *gone = made((enum memctx_kind)kind, i / 2, i % 2 != 0), *next;

			memctx_delete(gone);
			assert_gone(gone);
			memctx_trim();
			assert_gone(gone);
			next = made((enum memctx_kind)kind, i / 2, true);
			assert_proved();
			assert_int_equal(misuse.count, 0);
			memctx_delete(next);
		}
	}
}

/* They are in nobody's way: the next context takes the place, and is as if it were the first. */
static void deleted_contexts_are_used_again(void **state)
{
	(void)state;
	for (int kind = MEMCTX_ASET; kind <= MEMCTX_MALLOC; kind++) {
		for (size_t i = 0; i < MADE; i++) {
			memctx *first = made((enum memctx_kind)kind, i, true), *again;

			memctx_set_limit(first, (size_t)1 << 20);
			memctx_delete(first);
			memctx_delete(first);
			assert_caught(first);
			again = made((enum memctx_kind)kind, i, false);
			assert_ptr_equal(again, first);
			assert_int_equal(memctx_limit(again), 0);
			assert_int_equal(memctx_kind_of(again), kind);
			memctx_delete(again);
			again = made((enum memctx_kind)kind, i, true);
			assert_proved();
			memctx_delete(again);
			assert_int_equal(misuse.count, 0);
		}
	}
}

/* Where the memory is still there: the kept block of a context that waits to be used again. */
static void chunks_of_deleted_contexts_are_caught(void **state)
{
	memctx *gone = new_context(ctx, "gone");
	void *chunk, *aligned;

	(void)state;
	if (RUNNING_ON_VALGRIND)
		skip(); /* the block may have been given back */
	chunk = new_chunk(gone, 100, 1);
	aligned = memctx_alloc_aligned(gone, 100, 256);
	memctx_delete(gone);
	assert_refused(aligned);
	assert_unknown(chunk);
	gone = memctx_create(ctx, "gone", NULL, MEMCTX_GENERATION, NULL);
	chunk = new_chunk(gone, 100, 1);
	aligned = memctx_alloc_aligned(gone, 100, 256);
	memctx_delete(gone);
	assert_refused(chunk);
	assert_refused(aligned);
}

static void delete_it(void *arg)
{
	memctx_delete(arg);
}

static void functions_that_delete_their_context_are_caught(void **state)
{
	struct memctx_callback callback = {.func = delete_it};
	memctx *one;

	(void)state;
	errno = 0;
	for (int how = 0; how < 5; how++) {
		callback.arg = one = new_context(ctx, "one");
		memctx_on_reset(one, &callback);
		if (how == 0)
			memctx_delete(one);
		else if (how == 1)
			memctx_reset(one);
		else if (how == 2)
			memctx_reset_only(one);
		else if (how == 3)
			memctx_delete_children(ctx);
		else
			memctx_reset(ctx);
		assert_caught(one);
		assert_null(memctx_first_child(ctx));
		assert_proved();
	}
}

/* A child's function deletes what stands above it, while that is being deleted. */
static void functions_that_delete_parents_are_caught(void **state)
{
	struct memctx_callback callback = {.func = delete_it};
	memctx *one, *below;

	(void)state;
	for (int how = 0; how < 2; how++) {
		callback.arg = one = new_context(ctx, "one");
		below = new_context(one, "below");
		memctx_on_reset(below, &callback);
		if (how == 0)
			memctx_delete(one);
		else
			memctx_reset(one);
		assert_caught(below);
		assert_null(memctx_first_child(ctx));
		assert_proved();
	}
}

static void delete_twice(void)
{
	memctx *one = memctx_create(ctx, "one", NULL, MEMCTX_ASET, NULL);

	memctx_delete(one);
	memctx_delete(one);
}

static void default_hook_names_the_deleted_context(void **state)
{
	char *line;

	(void)state;
	line = dies_with(delete_twice);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_non_null(strstr(line, "memctx: memctx_delete: the context was deleted (0x"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, misuse_begin, misuse_end)
	const struct CMUnitTest tests[] = {
		TEST(deleted_contexts_are_caught),
		TEST(deleted_contexts_are_used_again),
		TEST(chunks_of_deleted_contexts_are_caught),
		TEST(functions_that_delete_their_context_are_caught),
		TEST(functions_that_delete_parents_are_caught),
		TEST(default_hook_names_the_deleted_context),
	};

	return cmocka_run_group_tests_name("gone", tests, NULL, NULL);
}
