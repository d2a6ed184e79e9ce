/* SPDX-License-Identifier: MIT */
/*
 * The kinds of context beside the usual aset, each by its own rules: where chunks come from, what
 * goes back when, what is counted; and each kind against a system that refuses its n-th request.
 */
#include "unit.h"

enum { KINDS = 6, FINE = 5 };

static const struct memctx_options fine_options = {.classes = MEMCTX_CLASSES_FINE};

/* KIND of enum memctx_kind, or FINE. */
static memctx *kind_context(memctx *parent, int kind)
{
	if (kind == FINE)
		return memctx_create(parent, "fine", NULL, MEMCTX_ASET, &fine_options);
	return memctx_create(parent, "kind", NULL, (enum memctx_kind)kind, NULL);
}

/* ---- What is public of a kind --------------------------------------------------------------- */

static void kinds_have_names(void **state)
{
	static const char *const names[] = {"aset", "slab", "generation", "bump", "malloc"};

	(void)state;
	for (int kind = 0; kind < FINE; kind++) {
		memctx *ctx = kind_context(NULL, kind);

		assert_non_null(ctx);
		assert_string_equal(memctx_kind_name((enum memctx_kind)kind), names[kind]);
		assert_int_equal(memctx_kind_of(ctx), kind);
		assert_int_equal(memctx_classes_of(ctx), MEMCTX_CLASSES_POW2);
		memctx_delete(ctx);
	}
	assert_null(memctx_kind_name((enum memctx_kind)6));
	assert_null(memctx_create(NULL, "no such", NULL, (enum memctx_kind)6, NULL));
	assert_int_equal(errno, EINVAL);
}

static void options_that_cannot_be(void **state)
{
	struct memctx_options options = {.classes = (enum memctx_classes)2};

	(void)state;
	errno = 0;
	assert_null(memctx_create(NULL, "classes", NULL, MEMCTX_ASET, &options));
	assert_int_equal(errno, EINVAL);
	options = (struct memctx_options){.chunk_size = (size_t)PTRDIFF_MAX + 1};
	assert_null(memctx_create(NULL, "chunk", NULL, MEMCTX_SLAB, &options));
	assert_int_equal(errno, EINVAL);
	options =
		(struct memctx_options){.init_size = (size_t)1 << 36, .max_size = (size_t)1 << 36};
	assert_null(memctx_create(NULL, "block", NULL, MEMCTX_GENERATION, &options));
	assert_int_equal(errno, EINVAL);
}

/* Large chunks too, those of a malloc context among them, and those that a realloc moved. */
static void contexts_of_16_align_all(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct memctx_options options = {.align = 16,
			.classes = kind == FINE ? MEMCTX_CLASSES_FINE : MEMCTX_CLASSES_POW2};
		memctx *ctx = memctx_create(NULL, "16", NULL,
			kind == FINE ? MEMCTX_ASET : (enum memctx_kind)kind, &options);

		assert_non_null(ctx);
		for (size_t size = 0; size < 40000; size += size < 300 ? 1 : 997) {
			void *chunk = memctx_alloc(ctx, size);

			assert_non_null(chunk);
			assert_int_equal((uintptr_t)chunk % 16, 0);
			assert_int_equal((uintptr_t)memctx_alloc_aligned(ctx, size, 16) % 16, 0);
			if (kind == MEMCTX_BUMP)
				continue;
			chunk = memctx_realloc(chunk, size * 3 + 5);
			assert_int_equal((uintptr_t)chunk % 16, 0);
			chunk = memctx_realloc(chunk, size / 2);
			assert_int_equal((uintptr_t)chunk % 16, 0);
			if (size % 2 == 0)
				memctx_free(chunk);
		}
		assert_sound(ctx);
		memctx_delete(ctx);
	}
}

/* ---- slab -------------------------------------------------------------------------------------
 */

static void slab_blocks_drain_and_go_back(void **state)
{
	/* 72 + 15 * 72 bytes: 15 chunks a block. */
	static const struct memctx_options options = {
		.chunk_size = 60, .init_size = 1152, .max_size = 1152};
	memctx *ctx = memctx_create(NULL, "slab", NULL, MEMCTX_SLAB, &options);
	char *chunk[15 * 20];

	(void)state;
	assert_non_null(ctx);
	assert_int_equal(memctx_total(ctx), 256); /* no block before the first chunk */
	for (int i = 0; i < 15 * 20; i++)
		chunk[i] = (char *)new_chunk(ctx, 60, i);
	assert_int_equal(stats_of(ctx).total_nblocks, 20);
	assert_int_equal(stats_of(ctx).tail_bytes, 0);
	assert_int_equal(stats_of(ctx).slack_bytes, 15 * 20 * 4);
	assert_int_equal(chunk[1] - chunk[0], 72);
	assert_sound(ctx);
	/* Block 0 is left with 14 chunks, block 1 with 2: the next ones come from block 0 first. */
	for (int i = 17; i < 30; i++)
		memctx_free(chunk[i]);
	memctx_free(chunk[7]);
	assert_ptr_equal(memctx_alloc(ctx, 60), chunk[7]);
	assert_ptr_equal(memctx_alloc(ctx, 60), chunk[29]);
	/* All blocks but block 0 and 1 become empty; ten of the 18 stay. */
	for (int i = 30; i < 15 * 20; i++)
		memctx_free(chunk[i]);
	assert_int_equal(stats_of(ctx).total_nblocks, 12);
	assert_int_equal(stats_of(ctx).live_chunks, 18);
	assert_int_equal(stats_of(ctx).free_chunks, 12 * 15 - 18);
	assert_sound(ctx);
	memctx_reset(ctx);
	assert_int_equal(memctx_total(ctx), 256);
	assert_int_equal(stats_of(ctx).allocs, 15 * 20 + 2);
	assert_int_equal(stats_of(ctx).frees, 13 + 1 + 15 * 18);
	assert_sound(ctx);
	memctx_delete(ctx);
}

static void slab_takes_other_sizes(void **state)
{
	static const struct memctx_options options = {.chunk_size = 100};
	memctx *ctx = memctx_create(NULL, "slab", NULL, MEMCTX_SLAB, &options);
	char *small = memctx_alloc(ctx, 1), *exact = memctx_alloc(ctx, 100);
	char *larger = memctx_alloc(ctx, 105);

	(void)state;
	assert_int_equal(memctx_usable(small), 104);
	assert_int_equal(memctx_requested(small), 1);
	assert_int_equal(exact - small, 112);
	assert_int_equal(stats_of(ctx).large_chunks, 1);
	assert_ptr_equal(memctx_realloc(small, 104), small);
	memset(small, 7, 104);
	small = memctx_realloc(small, 200);
	assert_true(filled_with((unsigned char *)small, 104, 7));
	assert_int_equal(stats_of(ctx).large_chunks, 2);
	assert_ptr_equal(memctx_owner(larger), ctx);
	assert_sound(ctx);
	memctx_delete(ctx);
}

/* ---- generation -------------------------------------------------------------------------------
 */

/* A queue: the oldest goes when a new one comes. */
static void generation_serves_a_queue(void **state)
{
	memctx *ctx = kind_context(NULL, MEMCTX_GENERATION);
	char *queue[64] = {NULL};
	size_t total = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		memctx_free(queue[i % 64]);
		queue[i % 64] = (char *)new_chunk(ctx, 100, i);
		if (i == 5000)
			total = memctx_total(ctx);
	}
	assert_int_equal(memctx_total(ctx), total);
	assert_in_range(total, 64 * 128, 5 * 8192);
	assert_int_equal(stats_of(ctx).live_chunks, 64);
	assert_sound(ctx);
	for (int i = 0; i < 64; i++)
		memctx_free(queue[i]);
	/* The open block is filled from its beginning; the keeper and a spare may be there too. */
	assert_int_equal(stats_of(ctx).free_chunks, 0);
	assert_in_range(stats_of(ctx).total_nblocks, 1, 3);
	assert_sound(ctx);
	memctx_delete(ctx);
}

static void generation_gives_blocks_back(void **state)
{
	static const struct memctx_options options = {.init_size = 1024, .max_size = 1024};
	memctx *ctx = memctx_create(NULL, "queue", NULL, MEMCTX_GENERATION, &options);
	char *chunk[80];

	(void)state;
	for (int i = 0; i < 80; i++)
		chunk[i] = (char *)new_chunk(ctx, 96, i);
	/* The keeper has room for 6 chunks of 112 bytes, each other block for 8. */
	assert_int_equal(stats_of(ctx).total_nblocks, 1 + 10);
	for (int i = 0; i < 80; i++)
		memctx_free(chunk[i]);
	/* The keeper, which is the spare, and the open one. */
	assert_int_equal(stats_of(ctx).total_nblocks, 2);
	assert_int_equal(stats_of(ctx).free_chunks, 0);
	assert_int_equal(stats_of(ctx).freelist_bytes, 0);
	assert_sound(ctx);
	memctx_delete(ctx);
}

static void generation_fills_holes(void **state)
{
	static const struct memctx_options options = {.init_size = 8192, .max_size = 8192};
	memctx *ctx = memctx_create(NULL, "holes", NULL, MEMCTX_GENERATION, &options);
	char *chunk[2000];
	size_t total;

	(void)state;
	for (int i = 0; i < 2000; i++)
		chunk[i] = (char *)new_chunk(ctx, 48, 1);
	total = memctx_total(ctx);
	/* Two of three die, in runs of two: what is twice as large fits between. */
	for (int i = 0; i < 2000; i++)
		if (i % 3 != 0)
			memctx_free(chunk[i]);
	assert_sound(ctx);
	for (int i = 0; i < 600; i++)
		new_chunk(ctx, 112, 2);
	assert_int_equal(memctx_total(ctx), total);
	assert_sound(ctx);
	for (int i = 0; i < 2000; i += 3)
		assert_true(filled_with((unsigned char *)chunk[i], 48, 1));
	memctx_delete(ctx);
}

static void generation_grows_in_place(void **state)
{
	memctx *ctx = kind_context(NULL, MEMCTX_GENERATION);
	char *chunk = (char *)new_chunk(ctx, 16, 3), *first = chunk;

	(void)state;
	for (size_t size = 32; size <= 2048; size *= 2) {
		chunk = memctx_realloc(chunk, size);
		assert_ptr_equal(chunk, first);
		assert_int_equal(memctx_requested(chunk), size);
	}
	assert_true(filled_with((unsigned char *)chunk, 16, 3));
	assert_int_equal(stats_of(ctx).live_chunks, 1);
	assert_int_equal(stats_of(ctx).allocs, 1);
	assert_sound(ctx);
	memctx_delete(ctx);
}

/* ---- bump ---------------------------------------------------------------------------------------
 */

static void bump_has_no_headers(void **state)
{
	memctx *ctx = kind_context(NULL, MEMCTX_BUMP);
	char *a = memctx_alloc(ctx, 24), *b = memctx_alloc(ctx, 1), *c = memctx_alloc(ctx, 0);
	char *d = memctx_alloc(ctx, 8);

	(void)state;
	assert_int_equal(b - a, 24);
	assert_int_equal(c - b, 8);
	assert_int_equal(d - c, 8); /* nothing has an address of its own */
	assert_int_equal(stats_of(ctx).requested_bytes, 33);
	assert_int_equal(stats_of(ctx).slack_bytes, 7 + 8);
	assert_int_equal(stats_of(ctx).live_chunks, 4);
	/* The unit and the keeper's header. */
	assert_int_equal(stats_of(ctx).header_bytes, 256 + 48);
	a = memctx_alloc_aligned(ctx, 100, 512);
	assert_int_equal((uintptr_t)a % 512, 0);
	a = memctx_alloc_aligned(ctx, 10000, 4096);
	assert_int_equal((uintptr_t)a % 4096, 0);
	assert_int_equal(stats_of(ctx).requested_bytes, 33 + 100 + 10000);
	assert_sound(ctx);
	memctx_reset(ctx);
	assert_int_equal(stats_of(ctx).live_chunks, 0);
	assert_int_equal(stats_of(ctx).allocs, 6);
	assert_int_equal(memctx_total(ctx), 8192);
	assert_sound(ctx);
	memctx_delete(ctx);
}

static void bump_frees_nothing(void **state)
{
	struct misuse misuse = {0};
	memctx *ctx = kind_context(NULL, MEMCTX_BUMP);
	char *first = (char *)new_chunk(ctx, 64, 0x11), *second = (char *)new_chunk(ctx, 64, 0);
	char *large = (char *)new_chunk(ctx, 20000, 1);
	struct memctx_stats before = stats_of(ctx);

	(void)state;
	memctx_set_misuse(misuse_note, &misuse);
	memctx_free(first);
	memctx_free(second);
	assert_int_equal(misuse.count, 2);
	assert_string_equal(misuse.what, "memctx_free: not a live chunk of any context");
	memctx_free(large);
	assert_string_equal(
		misuse.what, "memctx_free: a chunk of a bump context is freed by a reset alone");
	assert_null(memctx_realloc(large, 10));
	assert_int_equal(errno, EINVAL);
	assert_null(memctx_realloc(second, 10));
	assert_null(memctx_owner(second));
	assert_int_equal(misuse.count, 6);
	memctx_set_misuse(NULL, NULL);
	assert_same_figures(ctx, &before);
	assert_sound(ctx);
	memctx_delete(ctx);
}

/* ---- malloc -------------------------------------------------------------------------------------
 */

static void malloc_asks_the_system(void **state)
{
	struct door door;
	memctx *ctx;
	char *chunk[10];

	(void)state;
	assert_true(door_open(&door));
	ctx = kind_context(NULL, MEMCTX_MALLOC);
	assert_non_null(ctx);
	assert_int_equal(memctx_total(ctx), 256);
	assert_int_equal(door.blocks, 0);
	for (int i = 0; i < 10; i++)
		chunk[i] = (char *)new_chunk(ctx, 100, i);
	assert_int_equal(door.blocks, 10);
	assert_int_equal(stats_of(ctx).total_nblocks, 10);
	assert_int_equal(stats_of(ctx).requested_bytes, 1000);
	memctx_free(chunk[9]); /* the first of the list */
	memctx_free(chunk[0]);
	assert_int_equal(door.blocks, 8); /* nothing is cached */
	chunk[1] = memctx_realloc(chunk[1], 5000);
	assert_true(filled_with((unsigned char *)chunk[1], 100, 1));
	assert_sound(ctx);
	memctx_reset(ctx);
	assert_int_equal(door.blocks, 0);
	memctx_delete(ctx);
	memctx_trim();
	assert_null(door_close(&door));
}

/* ---- fine ---------------------------------------------------------------------------------------
 */

static void fine_classes_have_their_sizes(void **state)
{
	/* Four a doubling from 64 on, counted by hand. */
	static const size_t sizes[] = {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192,
		224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560,
		3072, 3584, 4096, 5120, 6144, 7168};
	memctx *ctx = kind_context(NULL, FINE);
	size_t k = 0;

	(void)state;
	assert_int_equal(memctx_classes_of(ctx), MEMCTX_CLASSES_FINE);
	for (size_t size = 0; size <= 7168; size++) {
		char *chunk = memctx_alloc(ctx, size);

		k += size > sizes[k];
		assert_int_equal(memctx_usable(chunk), sizes[k]);
		assert_int_equal(memctx_requested(chunk), size);
		memctx_free(chunk);
		assert_ptr_equal(memctx_alloc(ctx, sizes[k]), chunk);
		memctx_free(chunk);
	}
	assert_int_equal(stats_of(ctx).large_chunks, 0);
	assert_int_equal(k, sizeof sizes / sizeof *sizes - 1);
	memctx_alloc(ctx, 7169);
	assert_int_equal(stats_of(ctx).large_chunks, 1);
	assert_sound(ctx);
	memctx_delete(ctx);
}

static bool note_chunk(const struct memctx_chunk_info *chunk, void *arg)
{
	*(struct memctx_chunk_info *)arg = *chunk;
	return true;
}

/* Whether freelist LIST, of SIZE bytes, has CHUNK alone. */
static void expect_list(const memctx *ctx, int list, size_t size, const void *chunk)
{
	struct memctx_class_stats figures;
	struct memctx_chunk_info info = {0};

	memctx_list(ctx, list, &figures);
	assert_int_equal(figures.size, size);
	assert_int_equal(figures.live, 0);
	assert_int_equal(figures.free, 1);
	memctx_each_listed(ctx, list, note_chunk, &info);
	assert_ptr_equal(info.address, chunk);
	assert_int_equal(info.size, size);
	assert_null(info.next);
}

static void fine_lists_are_by_class(void **state)
{
	memctx *ctx = kind_context(NULL, FINE);
	char *a = (char *)new_chunk(ctx, 80, 1), *b = (char *)new_chunk(ctx, 128, 1);
	struct memctx_class_stats figures;
	uint64_t count = 0;

	(void)state;
	memctx_free(a);
	memctx_free(b);
	memctx_each_free(ctx, 4, walk_count_free, &count); /* 65 to 128 bytes */
	assert_int_equal(count, 2);
	assert_int_equal(stats_of(ctx).classes[4].free, 2);
	assert_int_equal(stats_of(ctx).freelist_bytes, 88 + 136);
	/* The ninth class is that of 80 bytes, the twelfth that of 128. */
	assert_int_equal(memctx_lists(ctx), 35);
	expect_list(ctx, 8, 80, a);
	expect_list(ctx, 11, 128, b);
	assert_ptr_equal(memctx_alloc(ctx, 70), a);
	memctx_list(ctx, 8, &figures);
	assert_int_equal(figures.live, 1);
	assert_int_equal(figures.free, 0);
	assert_int_equal(figures.slack, 10);
	assert_ptr_equal(memctx_alloc(ctx, 113), b);
	assert_sound(ctx);
	memctx_delete(ctx);
}

/* Of other kinds the lists are the classes that memctx_stats() tells of. */
static void usual_lists_are_the_classes(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		memctx *ctx = kind_context(NULL, kind);
		struct memctx_class_stats figures, sums[MEMCTX_CLASSES] = {{0}};
		struct memctx_stats stats;

		for (int i = 0; i < 30; i++)
			new_chunk(ctx, (size_t)(8 + 7 * i), i);
		stats = stats_of(ctx);
		for (int list = 0, k = 0; list < memctx_lists(ctx); list++) {
			memctx_list(ctx, list, &figures);
			k += figures.size > stats.classes[k].size;
			sums[k].live += figures.live;
			sums[k].free += figures.free;
			sums[k].slack += figures.slack;
		}
		for (int k = 0; k < MEMCTX_CLASSES; k++) {
			assert_int_equal(sums[k].live, stats.classes[k].live);
			assert_int_equal(sums[k].free, stats.classes[k].free);
			assert_int_equal(sums[k].slack, stats.classes[k].slack);
		}
		memctx_list(ctx, MEMCTX_LISTS_MAX, &figures);
		assert_int_equal(figures.size, 0);
		memctx_delete(ctx);
	}
}

/* ---- Every kind ---------------------------------------------------------------------------------
 */

static void double_frees_are_caught(void **state)
{
	struct misuse misuse = {0};

	(void)state;
	memctx_set_misuse(misuse_note, &misuse);
	for (int kind = 0; kind < KINDS; kind++) {
		memctx *ctx = kind_context(NULL, kind);
		char *chunk = memctx_alloc(ctx, 40);

		/* A bump frees nothing, and a malloc's chunk is the system's at once. */
		if (kind != MEMCTX_BUMP && kind != MEMCTX_MALLOC) {
			new_chunk(ctx, 40, 1);
			memctx_free(chunk);
			assert_int_equal(misuse.count, 0);
			memctx_free(chunk);
			assert_int_equal(misuse.count, 1);
			assert_string_equal(misuse.what, "memctx_free: the chunk is free already");
			misuse.count = 0;
		}
		memctx_delete(ctx);
	}
	memctx_set_misuse(NULL, NULL);
}

/* What a kind goes through while the system refuses. */
struct deeds {
	memctx *ctx;
	char *chunk[60];
	uint64_t random;
};

static void deed(struct deeds *deeds, int kind, unsigned i)
{
	size_t size = rng_below(&deeds->random, 8) == 0 ? 9000 : rng_below(&deeds->random, 700);
	struct memctx_stats before = stats_of(deeds->ctx);
	char **place = &deeds->chunk[rng_below(&deeds->random, 60)], *made;

	if (*place != NULL && kind != MEMCTX_BUMP && i % 3 != 0) {
		memctx_free(*place);
		*place = NULL;
		return;
	}
	errno = 0;
	if (*place != NULL && kind != MEMCTX_BUMP)
		made = memctx_realloc(*place, size);
	else if (i % 7 == 0)
		made = memctx_alloc_aligned(deeds->ctx, size, 64);
	else
		made = memctx_alloc(deeds->ctx, size);
	if (made != NULL) {
		*place = memset(made, 1, size);
		return;
	}
	assert_int_equal(errno, ENOMEM);
	assert_same_figures(deeds->ctx, &before);
}

/* One life of a context with request AT refused; the number of requests that it made. */
static uint64_t refused_life(int kind, uint64_t at, bool on)
{
	struct deeds deeds = {.random = 5};
	struct door door;
	uint64_t requests;
	memctx *top;

	assert_true(door_open(&door));
	top = memctx_create(NULL, "top", NULL, MEMCTX_ASET, NULL);
	assert_non_null(top);
	memctx_set_limit(top, (size_t)1 << 40); /* so that its books are kept */
	door.requests = 0;
	door.refuse_at = at;
	door.refuse_on = on;
	deeds.ctx = kind_context(top, kind);
	if (deeds.ctx == NULL) {
		assert_int_equal(errno, ENOMEM);
		assert_true(at != 0);
	}
	for (unsigned i = 0; deeds.ctx != NULL && i < 400; i++) {
		deed(&deeds, kind, i);
		if (i % 150 == 149) {
			assert_sound(top);
			memctx_reset(deeds.ctx);
			memset(deeds.chunk, 0, sizeof deeds.chunk);
		}
	}
	assert_sound(top);
	assert_true(at == 0 || door.requests < at || door.refused > 0);
	requests = door.requests;
	memctx_delete(top);
	memctx_trim();
	assert_null(door_close(&door));
	return requests;
}

static void nothing_changes_when_the_system_refuses(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		uint64_t requests = refused_life(kind, 0, false);
		uint64_t step = RUNNING_ON_VALGRIND ? requests / 8 + 1 : 1;

		assert_in_range(requests, 5, 10000);
		for (uint64_t at = 1; at <= requests; at += step) {
			refused_life(kind, at, false);
			refused_life(kind, at, true);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_names),
		cmocka_unit_test(options_that_cannot_be),
		cmocka_unit_test(contexts_of_16_align_all),
		cmocka_unit_test(slab_blocks_drain_and_go_back),
		cmocka_unit_test(slab_takes_other_sizes),
		cmocka_unit_test(generation_serves_a_queue),
		cmocka_unit_test(generation_gives_blocks_back),
		cmocka_unit_test(generation_fills_holes),
		cmocka_unit_test(generation_grows_in_place),
		cmocka_unit_test(bump_has_no_headers),
		cmocka_unit_test(bump_frees_nothing),
		cmocka_unit_test(malloc_asks_the_system),
		cmocka_unit_test(fine_classes_have_their_sizes),
		cmocka_unit_test(fine_lists_are_by_class),
		cmocka_unit_test(usual_lists_are_the_classes),
		cmocka_unit_test(double_frees_are_caught),
		cmocka_unit_test(nothing_changes_when_the_system_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
