/* SPDX-License-Identifier: MIT */
/*
 * Misuse that the shipping build catches: double frees, foreign and interior pointers, NULL
 * contexts.  Each goes to the hook once; the call does nothing and fails with EINVAL.
 */
#include "misuse_support.h"

static void double_frees_are_caught(void **state)
{
	(void)state;
	for (size_t size = 0; size <= 8192; size = size * 2 + 1) {
		unsigned char *chunk = new_chunk(ctx, size, 1), *other = new_chunk(ctx, size, 2);

		memctx_free(chunk);
		assert_refused(chunk); /* the last of its list */
		memctx_free(other);
		assert_refused(chunk);
		assert_refused(other);
		assert_ptr_equal(memctx_alloc(ctx, size), other);
		assert_refused(chunk);
		assert_sound(ctx);
	}
}

static void freed_aligned_chunks_are_caught(void **state)
{
	(void)state;
	for (size_t align = 16; align <= 4096; align *= 4) {
		unsigned char *chunk = memctx_alloc_aligned(ctx, 100, align);

		assert_non_null(chunk);
		memctx_free(chunk);
		assert_refused(chunk);
	}
}

static unsigned char outside[4096] __attribute__((aligned(16)));

static void foreign_pointers_are_caught(void **state)
{
	static const uint64_t words[] = {0, 1, 3, 7, 0x21, 0x31, 0x1001, UINT64_MAX,
		0x7c7c7c7c7c7c7c7c, 0x6867666564636261, 0x0000000100000003, 0xdeadbeefdeadbeef};
	uint64_t stack[64];

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		for (int j = 0; j < 64; j++)
			stack[j] = words[i];
		memcpy(outside, stack, sizeof stack);
		assert_refused(&stack[10]);
		assert_refused(outside + 128);
		assert_refused(outside + 129); /* not even aligned */
	}
	for (int tag = 0; tag < 8; tag++) { /* words that point at themselves, each with its tag */
		stack[9] = (uint64_t)(uintptr_t)&stack[10] << 16 | (unsigned)tag;
		assert_refused(&stack[10]);
		stack[9] = (uint64_t)(uintptr_t)&stack[10] | (unsigned)tag;
		assert_refused(&stack[10]);
	}
}

/* A word like that before an aligned chunk, which says that the chunk begins before it. */
static void foreign_words_of_alignment_are_caught(void **state)
{
	uint64_t stack[64] = {0};

	(void)state;
	for (unsigned log2 = 0; log2 < 31; log2 += 5) {
		stack[9] = (uint64_t)(uintptr_t)&stack[4] << 16 |
			   ((uint64_t)0xa5 << 5 | log2) << 3 | 7;
		assert_refused(&stack[10]);
		assert_int_equal(stack[9] & 7, 7); /* nothing is changed */
	}
}

static void pointers_of_malloc_are_caught(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip(); /* ASan itself reports that the word before such a block is read */
#endif
	if (RUNNING_ON_VALGRIND)
		skip(); /* and so does Valgrind */
	for (size_t size = 0; size < 1000000; size = size * 3 + 5) {
		unsigned char *foreign = malloc(size), *second = malloc(size);

		assert_true(foreign != NULL && second != NULL);
		memset(foreign, 0xee, size);
		memset(second, 0xee, size);
		assert_refused(foreign);
		assert_refused(second);
		free(foreign);
		free(second);
	}
}

static void interior_pointers_are_caught(void **state)
{
	static const uint64_t words[] = {0, 1, 3, 7, UINT64_MAX, 0x4141414141414141};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		uint64_t *chunk = memctx_alloc(ctx, 800), *large = memctx_alloc(ctx, 80000);

		assert_true(chunk != NULL && large != NULL);
		for (size_t j = 0; j < 100; j++)
			chunk[j] = large[j] = words[i];
		assert_refused(chunk + 1);
		assert_refused(chunk + 50);
		assert_refused((char *)chunk + 9);
		assert_refused(large + 1);
		assert_refused((char *)large + 12);
	}
}

/* What lies before an aligned chunk in its own carrier is no chunk. */
static void carriers_of_aligned_chunks_are_caught(void **state)
{
	uint64_t *chunk = memctx_alloc_aligned(ctx, 64, 1024);

	(void)state;
	assert_non_null(chunk);
	memset(chunk, 0, 64);
	assert_refused(chunk + 1);
	assert_refused(chunk + 4);
	memctx_free(chunk);
	assert_refused(chunk);
}

static void null_chunks_are_caught(void **state)
{
	(void)state;
	errno = 0;
	assert_null(memctx_realloc(NULL, 10));
	assert_caught(NULL);
	assert_unknown(NULL);
	memctx_free(NULL);
	assert_int_equal(misuse.count, 0);
}

static void null_contexts_are_caught_by_allocation(void **state)
{
	(void)state;
	errno = 0;
	assert_null(memctx_alloc(NULL, 10));
	assert_caught(NULL);
	assert_null(memctx_alloc(NULL, 100000));
	assert_caught(NULL);
	assert_null(memctx_zalloc(NULL, 10));
	assert_caught(NULL);
	assert_null(memctx_alloc_aligned(NULL, 10, 64));
	assert_caught(NULL);
	assert_null(memctx_alloc_array(NULL, 10, 10));
	assert_caught(NULL);
	assert_null(memctx_strdup(NULL, "x"));
	assert_caught(NULL);
	assert_null(memctx_strndup(NULL, "x", 1));
	assert_caught(NULL);
	assert_null(memctx_printf(NULL, "%d", 1));
	assert_caught(NULL);
	assert_null(call_vprintf(NULL, "%d", 1));
	assert_caught(NULL);
}

static void null_contexts_are_caught_by_the_tree(void **state)
{
	struct memctx_callback callback = {0};

	(void)state;
	errno = 0;
	memctx_reset(NULL);
	assert_caught(NULL);
	memctx_reset_only(NULL);
	assert_caught(NULL);
	memctx_delete(NULL);
	assert_caught(NULL);
	memctx_delete_children(NULL);
	assert_caught(NULL);
	assert_int_equal(memctx_set_parent(NULL, ctx), -1);
	assert_caught(NULL);
	assert_int_equal(memctx_set_ident(NULL, "x"), -1);
	assert_caught(NULL);
	memctx_on_reset(NULL, &callback);
	assert_caught(NULL);
	memctx_set_limit(NULL, 1);
	assert_caught(NULL);
	assert_int_equal(memctx_limit(NULL), 0);
	assert_caught(NULL);
	assert_null(memctx_name(NULL));
	assert_caught(NULL);
	assert_null(memctx_ident(NULL));
	assert_caught(NULL);
	assert_null(memctx_parent(NULL));
	assert_caught(NULL);
	assert_null(memctx_first_child(NULL));
	assert_caught(NULL);
	assert_null(memctx_next_sibling(NULL));
	assert_caught(NULL);
	assert_int_equal(memctx_total(NULL), 0);
	assert_caught(NULL);
	assert_int_equal(memctx_subtree_total(NULL), 0);
	assert_caught(NULL);
	assert_int_equal(memctx_check(NULL, NULL, NULL), 0);
	assert_caught(NULL);
	assert_int_equal(memctx_kind_of(NULL), MEMCTX_ASET);
	assert_caught(NULL);
	assert_null(memctx_walk(ctx, NULL));
	assert_caught(NULL);
}

static void null_contexts_are_caught_by_inspection(void **state)
{
	static const struct memctx_class_stats none;
	struct memctx_class_stats figures;
	uint64_t count = 0;
	struct memctx_block_info block = {0};
	struct memctx_stats s, zero;

	(void)state;
	errno = 0;
	memset(&s, 1, sizeof s);
	memset(&zero, 0, sizeof zero);
	memctx_stats(NULL, &s);
	assert_caught(NULL);
	assert_memory_equal(&s, &zero, sizeof s);
	memctx_each_block(NULL, NULL, NULL);
	assert_caught(NULL);
	memctx_each_chunk(NULL, &block, NULL, NULL);
	assert_caught(NULL);
	memctx_each_free(NULL, 0, NULL, NULL);
	assert_caught(NULL);
	assert_int_equal(memctx_lists(NULL), 0);
	assert_caught(NULL);
	memset(&figures, 1, sizeof figures);
	memctx_list(NULL, 0, &figures);
	assert_caught(NULL);
	assert_memory_equal(&figures, &none, sizeof figures);
	memctx_each_listed(NULL, 0, walk_count_free, &count);
	assert_caught(NULL);
	/* Of no list that there is. */
	for (int list = -1; list <= MEMCTX_CLASSES; list += MEMCTX_CLASSES + 1) {
		memset(&figures, 1, sizeof figures);
		memctx_list(ctx, list, &figures);
		assert_memory_equal(&figures, &none, sizeof figures);
		memctx_each_listed(ctx, list, walk_count_free, &count);
	}
	assert_int_equal(count, 0);
	assert_int_equal(misuse.count, 0);
}

static void null_strings_and_functions_are_caught(void **state)
{
	struct memctx_callback callback = {0};

	(void)state;
	errno = 0;
	assert_null(memctx_strdup(ctx, NULL));
	assert_caught(ctx);
	assert_null(memctx_strndup(ctx, NULL, 3));
	assert_caught(ctx);
	memctx_on_reset(ctx, NULL);
	assert_caught(ctx);
	memctx_on_reset(ctx, &callback);
	assert_caught(ctx);
}

static void free_twice(void)
{
	unsigned char *chunk = memctx_alloc(ctx, 100);

	memctx_free(chunk);
	memctx_free(chunk);
}

static void reset_null(void)
{
	memctx_reset(NULL);
}

static void default_hook_says_one_line_and_aborts(void **state)
{
	char *line;

	(void)state;
	line = dies_with(free_twice);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_memory_equal(line, "memctx: ", 8);
	assert_non_null(strstr(line, "memctx_free"));
	line = dies_with(reset_null);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_string_equal(line, "memctx: memctx_reset: the context is NULL\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, misuse_begin, misuse_end)
	const struct CMUnitTest tests[] = {
		TEST(double_frees_are_caught),
		TEST(freed_aligned_chunks_are_caught),
		TEST(foreign_pointers_are_caught),
		TEST(foreign_words_of_alignment_are_caught),
		TEST(pointers_of_malloc_are_caught),
		TEST(interior_pointers_are_caught),
		TEST(carriers_of_aligned_chunks_are_caught),
		TEST(null_chunks_are_caught),
		TEST(null_contexts_are_caught_by_allocation),
		TEST(null_contexts_are_caught_by_the_tree),
		TEST(null_contexts_are_caught_by_inspection),
		TEST(null_strings_and_functions_are_caught),
		TEST(default_hook_says_one_line_and_aborts),
	};

	return cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
}
