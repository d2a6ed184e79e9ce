/* SPDX-License-Identifier: MIT */
/*
 * What memctx.h promises about chunks: sizes from zero to impossible, alignment, realloc in place
 * and moving, strings, and what the walks show of them.
 */
#include "unit.h"

static memctx *ctx;

static int begin(void **state)
{
	(void)state;
	memctx_trim(); /* so that blocks have exactly the sizes asked for */
	ctx = memctx_create(NULL, "chunks", NULL, MEMCTX_ASET, NULL);
	return ctx == NULL;
}

static int end(void **state)
{
	(void)state;
	assert_sound(ctx);
	memctx_delete(ctx);
	return 0;
}

static void zero_bytes_are_a_chunk(void **state)
{
	void *chunk[8] = {memctx_alloc(ctx, 0), memctx_alloc(ctx, 0), memctx_zalloc(ctx, 0),
		memctx_alloc_aligned(ctx, 0, 64), memctx_alloc_array(ctx, 0, 100),
		memctx_alloc_array(ctx, 100, 0), memctx_realloc(new_chunk(ctx, 100, 1), 0),
		memctx_realloc(new_chunk(ctx, 100000, 1), 0)};

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_non_null(chunk[i]);
		assert_int_equal(memctx_requested(chunk[i]), 0);
		assert_ptr_equal(memctx_owner(chunk[i]), ctx);
		for (int j = 0; j < i; j++)
			assert_ptr_not_equal(chunk[i], chunk[j]);
	}
	assert_int_equal(stats_of(ctx).live_chunks, 8);
	assert_int_equal(stats_of(ctx).requested_bytes, 0);
	assert_sound(ctx);
	chunk[0] = memctx_realloc(chunk[0], 50);
	assert_non_null(chunk[0]);
	assert_int_equal(memctx_requested(chunk[0]), 50);
	for (int i = 0; i < 8; i++)
		memctx_free(chunk[i]);
	assert_int_equal(stats_of(ctx).live_chunks, 0);
	memctx_free(NULL);
}

static const size_t impossible[] = {SIZE_MAX, SIZE_MAX - 7, SIZE_MAX - 8, SIZE_MAX - 15,
	SIZE_MAX - 4096, SIZE_MAX / 2 + 1, PTRDIFF_MAX, PTRDIFF_MAX - 7, PTRDIFF_MAX - 64,
	PTRDIFF_MAX / 2, (size_t)1 << 60};
#define IMPOSSIBLE (sizeof impossible / sizeof impossible[0])

static void impossible_sizes_are_enomem(void **state)
{
	unsigned char *small = new_chunk(ctx, 100, 1), *large = new_chunk(ctx, 100000, 2);
	unsigned char *aligned = memctx_alloc_aligned(ctx, 10, 256);
	struct memctx_stats before = stats_of(ctx);

	(void)state;
	assert_non_null(aligned);
	for (size_t i = 0; i < IMPOSSIBLE; i++) {
		size_t size = impossible[i];
		errno = 0;
		assert_null(memctx_alloc(ctx, size));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memctx_zalloc(ctx, size));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memctx_alloc_aligned(ctx, size, 64));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memctx_alloc_array(ctx, 1, size));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memctx_realloc(small, size));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memctx_realloc(large, size));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memctx_realloc(aligned, size));
		assert_int_equal(errno, ENOMEM);
		assert_same_figures(ctx, &before);
	}
	assert_true(filled_with(small, 100, 1) && filled_with(large, 100000, 2));
}

static void arrays_that_overflow_are_enomem(void **state)
{
	static const size_t pairs[][2] = {{SIZE_MAX, 2}, {2, SIZE_MAX}, {SIZE_MAX, SIZE_MAX},
		{(size_t)1 << 32, (size_t)1 << 32}, {SIZE_MAX / 2 + 1, 2}, {SIZE_MAX / 3 + 1, 3},
		{((size_t)1 << 33) + 1, (size_t)1 << 31}, {(size_t)1 << 63, 2}};
	struct memctx_stats before = stats_of(ctx);
	uint32_t *numbers;

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		errno = 0;
		assert_null(memctx_alloc_array(ctx, pairs[i][0], pairs[i][1]));
		assert_int_equal(errno, ENOMEM);
	}
	assert_same_figures(ctx, &before);
	numbers = memctx_alloc_array(ctx, 1000, sizeof *numbers);
	assert_non_null(numbers);
	assert_int_equal(memctx_requested(numbers), 4000);
}

static void alignment_is_as_asked(void **state)
{
	static const size_t sizes[] = {0, 1, 8, 24, 100, 1000, 8192, 8193, 100000};
	unsigned char *chunk;

	(void)state;
	for (size_t align = 1; align <= (size_t)1 << 20; align *= 2) {
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			size_t size = sizes[i];
			chunk = memctx_alloc_aligned(ctx, size, align);
			assert_non_null(chunk);
			assert_int_equal((uintptr_t)chunk % align, 0);
			assert_int_equal((uintptr_t)chunk % 8, 0);
			assert_int_equal(memctx_requested(chunk), size);
			assert_true(memctx_usable(chunk) >= size);
			assert_ptr_equal(memctx_owner(chunk), ctx);
			memset(chunk, 0x5a, size);
			if (i % 2 == 0)
				memctx_free(chunk);
		}
		assert_sound(ctx);
	}
	chunk = memctx_alloc_aligned(ctx, 10, (size_t)1 << 30);
	if (chunk != NULL)
		assert_int_equal((uintptr_t)chunk % ((size_t)1 << 30), 0);
	else
		assert_int_equal(errno, ENOMEM);
	memctx_free(chunk);
}

static void alignments_that_cannot_be_are_einval(void **state)
{
	static const size_t bad[] = {0, 3, 6, 12, 24, 100, 4095, ((size_t)1 << 30) + 1,
		(size_t)1 << 31, (size_t)1 << 32, (size_t)1 << 63, SIZE_MAX};
	struct memctx_stats before = stats_of(ctx);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		errno = 0;
		assert_null(memctx_alloc_aligned(ctx, 10, bad[i]));
		assert_int_equal(errno, EINVAL);
	}
	assert_same_figures(ctx, &before);
}

/* Every chunk of an align=16 context, however it came, stands on 16. */
static void context_of_16_aligns_all(void **state)
{
	struct memctx_options options = {.align = 16};
	memctx *wide = memctx_create(ctx, "wide", NULL, MEMCTX_ASET, &options);
	void *kept[200];

	(void)state;
	assert_non_null(wide);
	for (size_t i = 0; i < 200; i++) {
		size_t size = i * i / 4;
		kept[i] = memctx_alloc(wide, size);
		assert_non_null(kept[i]);
		assert_int_equal((uintptr_t)kept[i] % 16, 0);
		assert_true(memctx_usable(kept[i]) >= size);
		memset(kept[i], 1, size);
	}
	assert_sound(wide);
	for (size_t i = 0; i < 200; i += 2)
		memctx_free(kept[i]);
	for (size_t i = 1; i < 200; i += 2) {
		kept[i] = memctx_realloc(kept[i], i * 60);
		assert_non_null(kept[i]);
		assert_int_equal((uintptr_t)kept[i] % 16, 0);
	}
	for (size_t i = 0; i < 200; i++) {
		char *text = memctx_printf(wide, "%*d", (int)i, 1);
		assert_non_null(text);
		assert_int_equal((uintptr_t)text % 16, 0);
		assert_int_equal((uintptr_t)memctx_zalloc(wide, i) % 16, 0);
		assert_int_equal((uintptr_t)memctx_alloc_aligned(wide, i, 8) % 16, 0);
	}
	assert_sound(wide);
}

static void realloc_keeps_alignment_and_contents(void **state)
{
	static const size_t sizes[] = {0, 1, 7, 8, 9, 50, 500, 5000, 8192, 8193, 50000, 2000000};
	const size_t n = sizeof sizes / sizeof sizes[0];

	(void)state;
	for (size_t align = 8; align <= 65536; align *= 8) {
		for (size_t i = 0; i < n * n; i++) {
			size_t from = sizes[i / n], to = sizes[i % n],
			       least = from < to ? from : to;
			unsigned char *chunk = memctx_alloc_aligned(ctx, from, align);

			assert_non_null(chunk);
			memset(chunk, (int)i, from);
			chunk = memctx_realloc(chunk, to);
			assert_non_null(chunk);
			assert_int_equal((uintptr_t)chunk % align, 0);
			assert_int_equal(memctx_requested(chunk), to);
			assert_true(memctx_usable(chunk) >= to);
			assert_true(filled_with(chunk, least, (int)i));
			memset(chunk, 0x11, to);
			if (i % 3 != 0)
				memctx_free(chunk);
		}
		assert_sound(ctx);
		memctx_reset(ctx);
	}
}

static void realloc_within_a_class_stays(void **state)
{
	unsigned char *chunk = new_chunk(ctx, 33, 3), *fence = new_chunk(ctx, 1, 1);

	(void)state;
	for (size_t size = 33; size <= 64; size++)
		assert_ptr_equal(memctx_realloc(chunk, size), chunk);
	assert_int_equal(memctx_requested(chunk), 64);
	assert_true(filled_with(chunk, 33, 3) && filled_with(fence, 1, 1));
	assert_int_equal(stats_of(ctx).reallocs, 32);
	assert_int_equal(stats_of(ctx).allocs, 2);
	assert_int_equal(stats_of(ctx).frees, 0);
}

static void usable_bytes_are_had_in_place(void **state)
{
	(void)state;
	for (size_t size = 0; size < 300000; size = size * 5 / 4 + 1) {
		unsigned char *chunk = new_chunk(ctx, size, 4), *fence = new_chunk(ctx, 8, 5);
		size_t usable = memctx_usable(chunk);

		assert_true(usable >= size);
		assert_ptr_equal(memctx_realloc(chunk, usable), chunk);
		memset(chunk, 6, usable);
		assert_true(filled_with(fence, 8, 5));
	}
}

static void last_chunk_of_a_block_grows_in_place(void **state)
{
	unsigned char *chunk = new_chunk(ctx, 40, 4);

	(void)state;
	assert_ptr_equal(memctx_realloc(chunk, 100), chunk);
	assert_ptr_equal(memctx_realloc(chunk, 1000), chunk);
	assert_int_equal(stats_of(ctx).free_chunks, 0);
	assert_int_equal(stats_of(ctx).total_nblocks, 1);
	assert_true(filled_with(chunk, 40, 4));
	new_chunk(ctx, 8, 1);
	assert_ptr_not_equal(memctx_realloc(chunk, 3000), chunk);
}

/* A large chunk goes through the backing's resize: not copied by the library. */
static void large_chunks_are_resized_by_the_system(void **state)
{
	struct memctx_stats s;
	unsigned char *chunk;
	struct door door;
	memctx *mine;

	(void)state;
	memctx_delete(ctx);
	assert_true(door_open(&door));
	mine = new_context(NULL, "large");
	chunk = new_chunk(mine, 100000, 1);
	for (size_t size = 200000; size < 10000000; size *= 2) {
		uint64_t requests = door.requests;
		chunk = memctx_realloc(chunk, size);
		assert_non_null(chunk);
		assert_int_equal(door.requests, requests + 1);
		assert_true(filled_with(chunk, 100000, 1));
		memctx_stats(mine, &s);
		assert_int_equal(s.large_chunks, 1);
		assert_int_equal(s.large_bytes, size);
		assert_int_equal(s.total_nblocks, 2);
		assert_sound(mine);
	}
	door.backing.resize = NULL; /* may be absent: still right */
	memctx_delete(mine);
	assert_int_equal(memctx_set_backing(&door.backing), 0);
	mine = new_context(NULL, "large");
	chunk = memctx_realloc(new_chunk(mine, 100000, 1), 300000);
	assert_true(chunk != NULL && filled_with(chunk, 100000, 1));
	chunk = memctx_realloc(chunk, 50000);
	assert_true(chunk != NULL && filled_with(chunk, 50000, 1));
	assert_sound(mine);
	memctx_delete(mine);
	assert_null(door_close(&door));
	ctx = new_context(NULL, "chunks");
}

static void sizes_are_exact_at_every_size(void **state)
{
	static unsigned char *kept[10000];
	uint64_t requested = 0;

	(void)state;
	for (size_t size = 0; size < 10000; size++) {
		kept[size] = new_chunk(ctx, size, (int)size);
		requested += size;
		assert_int_equal(memctx_requested(kept[size]), size);
	}
	assert_int_equal(stats_of(ctx).requested_bytes, requested);
	assert_sound(ctx);
	for (size_t size = 0; size < 10000; size++) {
		assert_true(filled_with(kept[size], size, (int)size));
		memctx_free(kept[size]);
	}
	assert_int_equal(stats_of(ctx).requested_bytes, 0);
	assert_int_equal(stats_of(ctx).frees, 10000);
}

/* Sizes over the chunk limit: a quarter of a small maximum, at most 8 KiB. */
static void large_begins_at_the_chunk_limit(void **state)
{
	struct memctx_options options = {.init_size = 1024, .max_size = 8192};
	memctx *small = memctx_create(ctx, "small", NULL, MEMCTX_ASET, &options);

	(void)state;
	assert_non_null(small);
	new_chunk(small, 2048, 1);
	assert_int_equal(stats_of(small).large_chunks, 0);
	new_chunk(small, 2049, 1);
	assert_int_equal(stats_of(small).large_chunks, 1);
	new_chunk(ctx, 8192, 1);
	assert_int_equal(stats_of(ctx).large_chunks, 0);
	assert_int_equal(stats_of(ctx).classes[10].live, 1);
	new_chunk(ctx, 8193, 1);
	assert_int_equal(stats_of(ctx).large_chunks, 1);
	assert_sound(ctx);
}

static void freed_chunks_are_reused_last_first(void **state)
{
	unsigned char *a = new_chunk(ctx, 20, 1), *b = new_chunk(ctx, 30, 2);
	uint64_t header;

	(void)state;
	memctx_free(a);
	memctx_free(b);
	assert_int_equal(stats_of(ctx).classes[2].free, 2);
	header = stats_of(ctx).header_bytes;
	assert_ptr_equal(memctx_alloc(ctx, 25), b);
	assert_ptr_equal(memctx_zalloc(ctx, 17), a);
	assert_true(filled_with(a, 17, 0));
	assert_int_equal(stats_of(ctx).free_chunks, 0);
	assert_int_equal(stats_of(ctx).carved, 2);
	assert_int_equal(stats_of(ctx).header_bytes, header + 16);
	assert_int_equal(stats_of(ctx).classes[2].slack, 32 - 25 + 32 - 17);
}

static void strings_are_copied(void **state)
{
	char loose[4] = {'a', 'b', 'c', 'd'}; /* ends with no zero */
	char *big = malloc(100001), *copy;

	(void)state;
	assert_non_null(big);
	memset(big, 'b', 100000);
	big[100000] = '\0';
	assert_string_equal(memctx_strdup(ctx, ""), "");
	assert_string_equal(memctx_strdup(ctx, "word"), "word");
	copy = memctx_strdup(ctx, big);
	assert_string_equal(copy, big);
	assert_int_equal(memctx_requested(copy), 100001);
	assert_string_equal(memctx_strndup(ctx, loose, 4), "abcd");
	assert_string_equal(memctx_strndup(ctx, loose, 0), "");
	copy = memctx_strndup(ctx, "word", SIZE_MAX);
	assert_string_equal(copy, "word");
	assert_int_equal(memctx_requested(copy), 5);
	assert_string_equal(memctx_printf(ctx, "%s", ""), "");
	assert_string_equal(memctx_printf(ctx, "%d-%s-%c", 42, "x", 'y'), "42-x-y");
	copy = memctx_printf(ctx, "<%s>%d", big, 7);
	assert_int_equal(strlen(copy), 100003);
	assert_int_equal(memctx_requested(copy), 100004);
	assert_string_equal(copy + 100000, "b>7");
	for (size_t n = 0; n < 3000; n++) { /* around whatever it may keep on the stack */
		copy = memctx_printf(ctx, "%s", big + 100000 - n);
		assert_int_equal(strlen(copy), n);
		assert_int_equal(memctx_requested(copy), n + 1);
		memctx_free(copy);
	}
	free(big);
}

static bool stop_at_once(const struct memctx_chunk_info *chunk, void *arg)
{
	(void)chunk;
	++*(int *)arg;
	return false;
}

static bool stop_at_block(const struct memctx_block_info *block, void *arg)
{
	memctx_each_chunk(ctx, block, stop_at_once, arg);
	++*(int *)arg;
	return false;
}

static void walks_stop_when_told(void **state)
{
	unsigned char *kept[2];
	int calls = 0;

	(void)state;
	for (int i = 0; i < 2000; i++)
		new_chunk(ctx, 50, 1);
	for (int i = 0; i < 2; i++)
		kept[i] = new_chunk(ctx, 500, 1);
	for (int i = 0; i < 2; i++)
		memctx_free(kept[i]);
	memctx_each_block(ctx, stop_at_block, &calls);
	assert_int_equal(calls, 2);
	memctx_each_free(ctx, 6, stop_at_once, &calls);
	assert_int_equal(calls, 3);
	memctx_each_free(ctx, 10, stop_at_once, &calls);
	memctx_each_free(ctx, -1, stop_at_once, &calls);
	memctx_each_free(ctx, MEMCTX_CLASSES, stop_at_once, &calls);
	assert_int_equal(calls, 3);
}

static void chunks_describe_themselves(void **state)
{
	struct memctx_chunk_info info;
	unsigned char *a = new_chunk(ctx, 100, 1), *b = new_chunk(ctx, 100, 1);
	unsigned char *large = new_chunk(ctx, 20000, 1);
	uint64_t none[4] = {0};

	(void)state;
	assert_true(memctx_describe(a, &info));
	assert_ptr_equal(info.address, a);
	assert_ptr_equal(info.owner, ctx);
	assert_false(info.is_free || info.is_large);
	assert_int_equal(info.size_class, 4);
	assert_int_equal(info.size, 128);
	assert_int_equal(info.stride, b - a);
	assert_int_equal(info.requested, 100);
	assert_true(memctx_describe(large, &info));
	assert_true(info.is_large && info.size_class == -1 && info.requested == 20000);
	memctx_free(b);
	memctx_free(a);
	assert_true(memctx_describe(a, &info));
	assert_true(info.is_free);
	assert_ptr_equal(info.next, b);
	assert_int_equal(info.requested, 0);
	assert_int_equal(info.size_class, 4);
	assert_true(memctx_describe(b, &info));
	assert_null(info.next);
	a = memctx_alloc_aligned(ctx, 70, 1024);
	assert_non_null(a);
	assert_true(memctx_describe(a, &info));
	assert_ptr_equal(info.owner, ctx);
	assert_int_equal(info.requested, 70);
	assert_false(info.is_free);
	assert_false(memctx_describe(&none[2], &info));
	assert_false(memctx_describe(NULL, &info));
}

/* From nothing to the largest size that is not large, in place: all of it was slack. */
static void chunks_grow_from_nothing(void **state)
{
	const struct memctx_options wide = {.init_size = 65536};
	const struct memctx_options fine = {.init_size = 65536, .classes = MEMCTX_CLASSES_FINE};
	memctx *ctxs[] = {memctx_create(NULL, "generation", NULL, MEMCTX_GENERATION, &wide),
		memctx_create(NULL, "fine", NULL, MEMCTX_ASET, &fine)};
	static const size_t largest[] = {8176, 7168};

	(void)state;
	for (int i = 0; i < 2; i++) {
		void *chunk = memctx_alloc(ctxs[i], 0);

		assert_non_null(chunk);
		assert_ptr_equal(memctx_realloc(chunk, largest[i]), chunk);
		assert_int_equal(memctx_requested(chunk), largest[i]);
		memset(chunk, 1, largest[i]);
		assert_int_equal(stats_of(ctxs[i]).large_chunks, 0);
		assert_sound(ctxs[i]);
		memctx_delete(ctxs[i]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(zero_bytes_are_a_chunk),
		TEST(impossible_sizes_are_enomem),
		TEST(arrays_that_overflow_are_enomem),
		TEST(alignment_is_as_asked),
		TEST(alignments_that_cannot_be_are_einval),
		TEST(context_of_16_aligns_all),
		TEST(realloc_keeps_alignment_and_contents),
		TEST(realloc_within_a_class_stays),
		TEST(usable_bytes_are_had_in_place),
		TEST(last_chunk_of_a_block_grows_in_place),
		TEST(chunks_grow_from_nothing),
		TEST(large_chunks_are_resized_by_the_system),
		TEST(sizes_are_exact_at_every_size),
		TEST(large_begins_at_the_chunk_limit),
		TEST(freed_chunks_are_reused_last_first),
		TEST(strings_are_copied),
		TEST(walks_stop_when_told),
		TEST(chunks_describe_themselves),
	};

	return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
