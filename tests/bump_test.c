/* SPDX-License-Identifier: MIT */
/*
 * Bump contexts: which blocks they take and give back, and what of an allocation is not usual:
 * alignments, sizes over the limit, refusals; while events are recorded and while none are.
 */
#include "unit.h"

static memctx *bump_new(void)
{
	return memctx_create(NULL, "bump", NULL, MEMCTX_BUMP, NULL);
}

static uint64_t cached_bytes(void)
{
	struct memctx_overhead overhead;

	memctx_overhead(&overhead);
	return overhead.cached_bytes;
}

/* 1,000 chunks of 96 bytes, a multiple of 8 or not, in blocks of 8, 8, 16, 32 and 64 KiB. */
static void fill_five_blocks(memctx *ctx)
{
	for (int i = 0; i < 1000; i++) {
		char *chunk = memctx_alloc(ctx, 96 - (unsigned)i % 8);

		assert_int_equal((uintptr_t)chunk % 8, 0);
		memset(chunk, i, 96 - (unsigned)i % 8);
	}
	assert_int_equal(memctx_total(ctx), 131072);
	assert_int_equal(stats_of(ctx).total_nblocks, 5);
	assert_int_equal(stats_of(ctx).live_chunks, 1000);
	assert_int_equal(stats_of(ctx).classes[4].live, 1000);
	assert_int_equal(stats_of(ctx).requested_bytes, 96000 - 125 * 28);
	assert_int_equal(stats_of(ctx).slack_bytes, 125 * 28);
	assert_sound(ctx);
}

static void begins_anew(void **state)
{
	memctx *ctx = bump_new();

	(void)state;
	memctx_trim();
	for (int round = 1; round <= 3; round++) {
		fill_five_blocks(ctx);
		if (round == 2)
			new_chunk(ctx, 20000, 1); /* ahead of the small blocks */
		memctx_reset(ctx);
		assert_int_equal(memctx_total(ctx), 8192);
		assert_int_equal(stats_of(ctx).total_nblocks, 1);
		assert_int_equal(stats_of(ctx).allocs, 1000 * round + (round > 1));
		assert_int_equal(stats_of(ctx).frees, 0);
		assert_true(cached_bytes() >= 8192 + 16384 + 32768 + 65536);
		assert_sound(ctx);
	}
	memctx_delete(ctx);
	memctx_trim();
	assert_int_equal(cached_bytes(), 0);
}

/* What stands before an aligned chunk is its slack, in the open block or in a new one. */
static void aligned_in_blocks(void **state)
{
	memctx *ctx = bump_new();
	char *first = memctx_alloc(ctx, 8), *chunk;
	uintptr_t free = (uintptr_t)first + 8, pad = -free & 511;

	(void)state;
	chunk = memctx_alloc_aligned(ctx, 100, 512);
	assert_int_equal((uintptr_t)chunk, free + pad);
	assert_int_equal(stats_of(ctx).slack_bytes, pad + 4);
	assert_int_equal(stats_of(ctx).requested_bytes, 108);
	assert_ptr_equal(memctx_alloc(ctx, 3000), chunk + 104);
	assert_non_null(memctx_alloc(ctx, 3000));
	assert_int_equal(stats_of(ctx).total_nblocks, 1);
	/* At most 8192 - 256 - 48 - 6112 bytes are left. */
	chunk = memctx_alloc_aligned(ctx, 2001, 1024);
	assert_int_equal((uintptr_t)chunk % 1024, 0);
	memset(chunk, 1, 2001);
	assert_int_equal(stats_of(ctx).total_nblocks, 2);
	assert_int_equal(memctx_total(ctx), 16384);
	assert_int_equal(stats_of(ctx).requested_bytes, 108 + 6000 + 2001);
	assert_int_equal(stats_of(ctx).live_chunks, 5);
	assert_ptr_equal(memctx_alloc(ctx, 1), chunk + 2008);
	assert_sound(ctx);
	memctx_delete(ctx);
}

static void aligned_beyond_the_limit(void **state)
{
	memctx *ctx = bump_new();
	char *chunk;

	(void)state;
	/* 8176 is the largest size that is not large; the alignment counts. */
	chunk = memctx_alloc_aligned(ctx, 8000, 256);
	assert_int_equal((uintptr_t)chunk % 256, 0);
	memset(chunk, 1, 8000);
	assert_int_equal(stats_of(ctx).large_chunks, 1);
	assert_int_equal(stats_of(ctx).large_bytes, 8000);
	assert_int_equal(stats_of(ctx).requested_bytes, 8000);
	assert_sound(ctx);
	memctx_delete(ctx);
}

/* A refusal changes nothing. */
static void refusals(void **state)
{
	memctx *ctx = bump_new();
	struct memctx_stats before;

	(void)state;
	assert_non_null(memctx_alloc(ctx, 7000));
	memctx_set_limit(ctx, 8192);
	before = stats_of(ctx);
	for (int i = 0; i < 6; i++) {
		errno = 0;
		if (i == 0)
			assert_null(memctx_alloc(ctx, 1000));
		else if (i == 1)
			assert_null(memctx_alloc_aligned(ctx, 1000, 512));
		else if (i == 2)
			assert_null(memctx_alloc_aligned(ctx, 9000, 512));
		else if (i == 3)
			assert_null(memctx_alloc_aligned(ctx, SIZE_MAX - 100, 512));
		else if (i == 4)
			assert_null(memctx_alloc(ctx, SIZE_MAX));
		else
			assert_null(memctx_alloc(ctx, (size_t)PTRDIFF_MAX));
		assert_int_equal(errno, ENOMEM);
		assert_same_figures(ctx, &before);
	}
	assert_sound(ctx);
	/* What is left can be used up, and a block in the cache is refused like any other. */
	assert_non_null(memctx_alloc(ctx, 800));
	assert_null(memctx_alloc(ctx, 800));
	memctx_set_limit(ctx, 0);
	assert_non_null(memctx_alloc(ctx, 800));
	assert_int_equal(memctx_total(ctx), 16384);
	memctx_reset(ctx);
	memctx_set_limit(ctx, 8192);
	assert_non_null(memctx_alloc(ctx, 7800));
	assert_null(memctx_alloc(ctx, 800));
	assert_int_equal(memctx_total(ctx), 8192);
	assert_sound(ctx);
	memctx_delete(ctx);
}

/* Sizes about each border of a class, of nothing, and of what is large. */
static void every_class(void **state)
{
	memctx *ctx = bump_new();
	uint64_t requested = 0, slack = 0;

	(void)state;
	for (unsigned k = 0; k < MEMCTX_CLASSES; k++) {
		size_t most = (size_t)8 << k, least = k == 0 ? 0 : most / 2 + 1;

		if (most > 8176)
			most = 8176;
		assert_non_null(memctx_alloc(ctx, least));
		assert_non_null(memctx_alloc(ctx, most - 1));
		assert_non_null(memctx_alloc(ctx, most));
		requested += least + most - 1 + most;
		slack += k == 0 ? 9 : 8;
		assert_int_equal(stats_of(ctx).classes[k].live, 3);
		assert_int_equal(stats_of(ctx).classes[k].slack, k == 0 ? 9 : 8);
		assert_int_equal(stats_of(ctx).requested_bytes, requested);
		assert_int_equal(stats_of(ctx).slack_bytes, slack);
	}
	assert_int_equal(stats_of(ctx).large_chunks, 0);
	assert_non_null(memctx_alloc(ctx, 8177));
	assert_int_equal(stats_of(ctx).large_chunks, 1);
	assert_sound(ctx);
	memctx_delete(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_anew),
		cmocka_unit_test(aligned_in_blocks),
		cmocka_unit_test(aligned_beyond_the_limit),
		cmocka_unit_test(refusals),
		cmocka_unit_test(every_class),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	/* The usual case is another's where nothing is recorded. */
	memctx_set_ring(0);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
