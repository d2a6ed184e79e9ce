/* SPDX-License-Identifier: MIT */
/*
 * The two pools of old: the states of their lists after each step of short scripts, worked out by
 * hand from the designs' own rules (in offsets from where each block begins); then many random
 * operations, after each of which everything is proved.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/study.h"

enum { BLOCKS = 8 };

/* The blocks' addresses, the oldest first. */
struct blocks {
	const char *at[BLOCKS];
	size_t size[BLOCKS];
	size_t n, large;
};

static bool add_block(const struct memctx_block_info *info, void *arg)
{
	struct blocks *blocks = arg;

	if (info->is_large) {
		blocks->large++;
		return true;
	}
	assert_true(blocks->n < BLOCKS);
	memmove(blocks->at + 1, blocks->at, blocks->n * sizeof *blocks->at);
	memmove(blocks->size + 1, blocks->size, blocks->n * sizeof *blocks->size);
	blocks->at[0] = info->address;
	blocks->size[0] = info->size;
	blocks->n++;
	return true;
}

static struct blocks blocks_of(const struct study *study)
{
	struct blocks blocks = {.n = 0};

	study_each_block(study, add_block, &blocks);
	return blocks;
}

/* "1+160": in the first block at 160; "system" for what lies in none. */
static void place_text(const struct study *study, const void *chunk, char out[static 24])
{
	struct blocks blocks = blocks_of(study);
	const char *at = chunk;

	strcpy(out, "system");
	for (size_t i = 0; i < blocks.n; i++)
		if (at >= blocks.at[i] && at < blocks.at[i] + blocks.size[i])
			snprintf(out, 24, "%zu+%td", i + 1, at - blocks.at[i]);
}

static void expect_place(const struct study *study, const void *chunk, const char *place)
{
	char text[24];

	assert_non_null(chunk);
	place_text(study, chunk, text);
	assert_string_equal(text, place);
}

/* The list of SIZE bytes from its head, the first six places and how many there are. */
static void expect_list(const struct study *study, size_t size, const char *places, unsigned length)
{
	unsigned list = study_lists(study) == 1 ? 0 : (unsigned)(size / 8) - 1, n = 0;
	char text[200] = "", place[24];
	struct memctx_class_stats figures;

	study_list(study, list, &figures);
	assert_int_equal(figures.size, size);
	assert_int_equal(figures.free, length);
	for (const void *chunk = study_list_head(study, list); chunk != NULL;
		chunk = study_list_next(chunk)) {
		place_text(study, chunk, place);
		if (n++ < 6)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
				n > 1 ? " " : "", place);
	}
	assert_string_equal(text, places);
	assert_int_equal(n, length);
	assert_null(study_check(study));
}

static void expect_tail(const struct study *study, uint64_t bytes)
{
	struct memctx_stats stats;

	study_stats(study, &stats);
	assert_int_equal(stats.tail_bytes, bytes);
}

static struct study *make(enum study_design design, size_t object)
{
	struct study *study = study_new(design, object, NULL);

	assert_non_null(study);
	return study;
}

/* ---- stl ------------------------------------------------------------------------------ */

static void test_stl(void **state)
{
	struct study *s = make(STUDY_STL, 0);
	struct memctx_class_stats figures;
	struct memctx_stats stats;
	void *a, *b, *c, *d;

	(void)state;
	/* Twenty objects of 8 are 160 bytes; twice that is taken, a sixteenth of nothing besides.
	 */
	expect_place(s, study_alloc(s, 1), "1+0");
	assert_int_equal(blocks_of(s).size[0], 320);
	expect_list(s, 8, "1+8 1+16 1+24 1+32 1+40 1+48", 19);
	expect_tail(s, 160);
	/* 160 bytes hold six objects of 24, not twenty; 16 are left. */
	a = study_alloc(s, 17);
	expect_place(s, a, "1+160");
	expect_list(s, 24, "1+184 1+208 1+232 1+256 1+280", 5);
	expect_tail(s, 16);
	/* Not one of 32: 2 * 640 and 320 / 16 rounded up are taken; the 16 are listed. */
	expect_place(s, study_alloc(s, 32), "2+0");
	assert_int_equal(blocks_of(s).size[1], 1280 + 24);
	expect_list(s, 16, "1+304", 1);
	expect_list(s, 32, "2+32 2+64 2+96 2+128 2+160 2+192", 19);
	expect_tail(s, 664);
	/* That of 24 has the one of 17 bytes, in the class of 32 that has one of its own. */
	study_list(s, 2, &figures);
	assert_int_equal(figures.size, 24);
	assert_int_equal(figures.live, 1);
	assert_int_equal(figures.free, 5);
	assert_int_equal(figures.slack, 7);
	study_list(s, 3, &figures);
	assert_int_equal(figures.live, 1);
	assert_int_equal(figures.slack, 0);
	/* They are handed out as any other. */
	b = study_alloc(s, 9);
	expect_place(s, b, "1+304");
	expect_list(s, 16, "", 0);
	/* What is freed comes first, and is used first. */
	study_release(s, a, 17);
	expect_list(s, 24, "1+160 1+184 1+208 1+232 1+256 1+280", 6);
	c = study_alloc(s, 24);
	expect_place(s, c, "1+160");
	/* Five of 128 in 664 bytes. */
	d = study_alloc(s, 128);
	expect_place(s, d, "2+640");
	expect_list(s, 128, "2+768 2+896 2+1024 2+1152", 4);
	expect_tail(s, 24);
	/* Over 128 bytes: from the system, and back to it. */
	a = study_alloc(s, 129);
	expect_place(s, a, "system");
	assert_int_equal(blocks_of(s).large, 1);
	study_release(s, a, 129);
	assert_int_equal(blocks_of(s).large, 0);
	/* 2 * 800 and (320 + 1304) / 16 rounded up; the 24 left go before those listed. */
	expect_place(s, study_alloc(s, 40), "3+0");
	assert_int_equal(blocks_of(s).size[2], 1600 + 104);
	expect_list(s, 24, "2+1280 1+184 1+208 1+232 1+256 1+280", 6);
	expect_list(s, 40, "3+40 3+80 3+120 3+160 3+200 3+240", 19);
	/* 24 and 18 bytes take the same: it stays. For 16 it moves, the old place is listed. */
	assert_ptr_equal(study_resize(s, c, 24, 18), c);
	d = study_resize(s, c, 18, 16);
	expect_place(s, d, "3+800");
	expect_list(s, 24, "1+160 2+1280 1+184 1+208 1+232 1+256", 7);
	study_stats(s, &stats);
	assert_int_equal(stats.total_bytes, 320 + 1304 + 1704 + 152);
	assert_int_equal(stats.live_chunks, 6);
	assert_int_equal(stats.requested_bytes, 1 + 32 + 9 + 128 + 40 + 16);
	assert_int_equal(stats.slack_bytes, 7 + 7);
	/* Six refills, each of which hands one out; and the pieces of 16 and 24. */
	assert_int_equal(stats.carved, 6);
	assert_int_equal(stats.cut, 19 + 5 + 19 + 4 + 19 + 19 + 2);
	study_reset(s);
	assert_int_equal(study_total(s), 152);
	expect_place(s, study_alloc(s, 0), "1+0");
	assert_int_equal(blocks_of(s).size[0], 320);
	study_free(s);
}

static bool refuse(size_t size, void *arg)
{
	(void)size;
	return *(const bool *)arg;
}

/* Where the system refuses, a larger free chunk becomes the pool. */
static void test_stl_refused(void **state)
{
	bool may = true;
	struct study *s =
		study_new(STUDY_STL, 0, &(struct study_source){.may_take = refuse, .arg = &may});

	(void)state;
	assert_non_null(s);
	/* 2 * 2560 bytes: twenty of 128 are cut, the rest is used up by two times twenty of 64. */
	expect_place(s, study_alloc(s, 128), "1+0");
	expect_place(s, study_alloc(s, 64), "1+2560");
	for (int i = 0; i < 19; i++)
		assert_non_null(study_alloc(s, 64));
	expect_place(s, study_alloc(s, 64), "1+3840");
	expect_list(s, 64, "1+3904 1+3968 1+4032 1+4096 1+4160 1+4224", 19);
	expect_tail(s, 0);
	may = false;
	/* The first list from 40 on that has a chunk is that of 64: one of 40, 24 are left. */
	expect_place(s, study_alloc(s, 40), "1+3904");
	expect_list(s, 40, "", 0);
	expect_list(s, 64, "1+3968 1+4032 1+4096 1+4160 1+4224 1+4288", 18);
	expect_tail(s, 24);
	/* Three of 8 in the 24 that are left. */
	expect_place(s, study_alloc(s, 8), "1+3944");
	expect_list(s, 8, "1+3952 1+3960", 2);
	/* Two of 56 in one of 128, once those of 64 are gone; 16 are left, and then listed. */
	for (int i = 0; i < 18; i++)
		assert_non_null(study_alloc(s, 64));
	expect_place(s, study_alloc(s, 56), "1+128");
	expect_list(s, 56, "1+184", 1);
	expect_tail(s, 16);
	expect_place(s, study_alloc(s, 72), "1+256");
	expect_list(s, 16, "1+240", 1);
	expect_tail(s, 56);
	/* Nothing is left to cut: refused, and nothing has changed but for the filed rest. */
	for (int i = 0; i < 17; i++)
		assert_non_null(study_alloc(s, 128));
	assert_null(study_alloc(s, 104));
	expect_list(s, 56, "1+328 1+184", 2);
	expect_tail(s, 0);
	assert_null(study_alloc(s, 1000));
	assert_null(study_check(s));
	may = true;
	expect_place(s, study_alloc(s, 104), "2+0");
	/* 2 * 2080 and 5120 / 16. */
	assert_int_equal(blocks_of(s).size[1], 4160 + 320);
	study_free(s);
}

/* ---- pyint ---------------------------------------------------------------------------- */

static void test_pyint(void **state)
{
	struct study *s = make(STUDY_PYINT, 0);
	struct memctx_stats stats;
	void *ints[42], *a;
	const void *link;

	(void)state;
	assert_int_equal(study_total(s), 16);
	expect_list(s, 24, "", 0);
	/* 41 objects of 24 behind a link of 8: 992 of the 1,000 bytes; the last comes first. */
	ints[0] = study_alloc(s, 24);
	expect_place(s, ints[0], "1+968");
	assert_int_equal(blocks_of(s).size[0], 992);
	expect_list(s, 24, "1+944 1+920 1+896 1+872 1+848 1+824", 40);
	/* The link is the object's own first word. */
	memcpy(&link, study_list_head(s, 0), sizeof link);
	expect_place(s, link, "1+920");
	ints[1] = study_alloc(s, 24);
	expect_place(s, ints[1], "1+944");
	study_release(s, ints[0], 24);
	expect_list(s, 24, "1+968 1+920 1+896 1+872 1+848 1+824", 40);
	ints[0] = study_alloc(s, 24);
	expect_place(s, ints[0], "1+968");
	/* Other sizes go to the system, smaller ones too, and resizing between them moves. */
	a = study_alloc(s, 16);
	expect_place(s, a, "system");
	a = study_resize(s, a, 16, 24);
	expect_place(s, a, "1+920");
	a = study_resize(s, a, 24, 25);
	expect_place(s, a, "system");
	assert_int_equal(blocks_of(s).large, 1);
	expect_list(s, 24, "1+920 1+896 1+872 1+848 1+824 1+800", 39);
	study_release(s, a, 25);
	/* The first of the block is the last to go; then a second block, linked to the first. */
	for (int i = 2; i < 41; i++)
		ints[i] = study_alloc(s, 24);
	expect_place(s, ints[40], "1+8");
	expect_list(s, 24, "", 0);
	ints[41] = study_alloc(s, 24);
	expect_place(s, ints[41], "2+968");
	memcpy(&link, blocks_of(s).at[1], sizeof link);
	assert_ptr_equal(link, blocks_of(s).at[0]);
	/* No block goes back, though nothing lives in it. */
	for (int i = 0; i < 42; i++)
		study_release(s, ints[i], 24);
	assert_int_equal(blocks_of(s).n, 2);
	expect_list(s, 24, "2+968 1+8 1+32 1+56 1+80 1+104", 82);
	study_stats(s, &stats);
	assert_int_equal(stats.total_bytes, 2 * 992 + 16);
	assert_int_equal(stats.header_bytes, 2 * 8 + 16);
	assert_int_equal(stats.freelist_bytes, 82 * 24);
	assert_int_equal(stats.peak_total_bytes, 2 * 992 + 16);
	study_free(s);
}

/* Objects of another size: whole ones, aligned to 8; too large for a block, they have no pool. */
static void test_pyint_sizes(void **state)
{
	struct study *s = make(STUDY_PYINT, 28);
	struct memctx_stats stats;

	(void)state;
	/* 31 objects of 32: 8 + 992. */
	expect_place(s, study_alloc(s, 28), "1+968");
	assert_int_equal(blocks_of(s).size[0], 1000);
	expect_list(s, 32, "1+936 1+904 1+872 1+840 1+808 1+776", 30);
	expect_place(s, study_alloc(s, 32), "system");
	study_stats(s, &stats);
	assert_int_equal(stats.slack_bytes, 4);
	study_free(s);
	s = make(STUDY_PYINT, 992);
	expect_place(s, study_alloc(s, 992), "1+8");
	study_free(s);
	s = make(STUDY_PYINT, 993);
	expect_place(s, study_alloc(s, 993), "system");
	study_free(s);
}

/* ---- Random operations ---------------------------------------------------------------- */

enum { CHUNKS = 300, STEPS = 4000 };

static bool count_one(const struct memctx_chunk_info *info, void *arg)
{
	(void)info;
	++*(uint64_t *)arg;
	return true;
}

static void fill(unsigned char *chunk, size_t size, int i)
{
	memset(chunk, i & 0xff, size);
}

static void assert_filled(const unsigned char *chunk, size_t size, int i)
{
	for (size_t k = 0; k < size; k++)
		assert_int_equal(chunk[k], i & 0xff);
}

static void random_steps(enum study_design design)
{
	struct study *s = make(design, 0);
	unsigned char *chunks[CHUNKS] = {NULL};
	size_t sizes[CHUNKS] = {0};
	uint64_t allocs = 0, frees = 0;

	for (int step = 0; step < STEPS; step++) {
		int i = rand() % CHUNKS;
		size_t size = rand() % 3 == 0 ? (size_t)rand() % 400
			      : rand() % 2    ? 24
					      : (size_t)rand() % 129;
		struct memctx_chunk_info info;
		struct memctx_stats stats;
		uint64_t live = 0, asked = 0, free_chunks = 0;

		if (chunks[i] == NULL) {
			chunks[i] = study_alloc(s, size);
			sizes[i] = size;
			allocs++;
		} else if (rand() % 4 == 0) {
			size_t kept = size < sizes[i] ? size : sizes[i];

			chunks[i] = study_resize(s, chunks[i], sizes[i], size);
			assert_filled(chunks[i], kept, i);
			sizes[i] = size;
		} else {
			assert_filled(chunks[i], sizes[i], i);
			study_release(s, chunks[i], sizes[i]);
			chunks[i] = NULL;
			frees++;
		}
		if (chunks[i] != NULL) {
			assert_int_equal((uintptr_t)chunks[i] % 8, 0);
			fill(chunks[i], sizes[i], i);
			study_describe(s, chunks[i], sizes[i], &info);
			assert_ptr_equal(info.address, chunks[i]);
			assert_int_equal(info.requested, sizes[i]);
			assert_false(info.is_free);
		}
		for (int k = 0; k < CHUNKS; k++)
			if (chunks[k] != NULL) {
				live++;
				asked += sizes[k];
			}
		assert_null(study_check(s));
		study_stats(s, &stats);
		assert_int_equal(stats.live_chunks, live);
		assert_int_equal(stats.requested_bytes, asked);
		assert_int_equal(stats.allocs, allocs);
		assert_int_equal(stats.frees, frees);
		assert_int_equal(stats.total_bytes, study_total(s));
		for (unsigned list = 0; list < study_lists(s); list++)
			study_each_listed(s, list, count_one, &free_chunks);
		assert_int_equal(stats.free_chunks, free_chunks);
	}
	for (int i = 0; i < CHUNKS; i++)
		if (chunks[i] != NULL)
			assert_filled(chunks[i], sizes[i], i);
	study_free(s);
}

static void test_random(void **state)
{
	(void)state;
	srand(11);
	random_steps(STUDY_STL);
	random_steps(STUDY_PYINT);
}

/* ---- Bare pools ----------------------------------------------------------------------- */

enum { PAIRS = 4096 };

/* Places of a pool, and those that have their part in the other one. */
struct pairs {
	const void *full[PAIRS], *bare[PAIRS];
	size_t n;
};

static const void *partner(const struct pairs *pairs, const void *full)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (pairs->full[i] == full)
			return pairs->bare[i];
	return NULL;
}

static void pair_up(struct pairs *pairs, const void *full, const void *bare)
{
	const void *known = partner(pairs, full);

	if (known != NULL) {
		assert_ptr_equal(known, bare);
		return;
	}
	assert_true(pairs->n < PAIRS);
	pairs->full[pairs->n] = full;
	pairs->bare[pairs->n++] = bare;
}

/* Chunk by chunk the lists are the same; what was never handed out is paired as it is met. */
static void assert_same_lists(
	struct pairs *pairs, const struct study *full, const struct study *bare)
{
	for (unsigned list = 0; list < study_lists(full); list++) {
		const void *a = study_list_head(full, list), *b = study_list_head(bare, list);

		while (a != NULL && b != NULL) {
			pair_up(pairs, a, b);
			a = study_list_next(a);
			b = study_list_next(b);
		}
		assert_true(a == NULL && b == NULL);
	}
}

static void steps_with_bare(enum study_design design)
{
	struct study *full = make(design, 0), *bare = study_new_bare(design, 0);
	struct pairs *pairs = calloc(1, sizeof *pairs);
	unsigned char *a[CHUNKS] = {NULL}, *b[CHUNKS] = {NULL};
	size_t sizes[CHUNKS] = {0};

	assert_non_null(bare);
	for (int step = 0; step < STEPS; step++) {
		int i = rand() % CHUNKS;
		size_t size = rand() % 8 == 0 ? (size_t)rand() % 400 : (size_t)(rand() % 4 * 24);

		if (a[i] == NULL) {
			a[i] = study_alloc(full, size);
			b[i] = study_alloc(bare, size);
		} else if (rand() % 4 == 0) {
			a[i] = study_resize(full, a[i], sizes[i], size);
			b[i] = study_resize(bare, b[i], sizes[i], size);
			assert_filled(b[i], size < sizes[i] ? size : sizes[i], i);
		} else {
			assert_filled(b[i], sizes[i], i);
			study_release(full, a[i], sizes[i]);
			study_release(bare, b[i], sizes[i]);
			a[i] = NULL;
		}
		sizes[i] = size;
		if (a[i] != NULL) {
			fill(b[i], size, i);
			if (!study_is_large(full, size))
				pair_up(pairs, a[i], b[i]);
		}
		assert_same_lists(pairs, full, bare);
	}
	for (int i = 0; i < CHUNKS; i++)
		if (a[i] != NULL && study_is_large(bare, sizes[i]))
			study_release(bare, b[i], sizes[i]);
	study_reset(bare);
	assert_null(study_list_head(bare, 0));
	study_free(bare);
	study_free(full);
	free(pairs);
}

static void test_bare(void **state)
{
	(void)state;
	srand(12);
	steps_with_bare(STUDY_STL);
	steps_with_bare(STUDY_PYINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stl),
		cmocka_unit_test(test_stl_refused),
		cmocka_unit_test(test_pyint),
		cmocka_unit_test(test_pyint_sizes),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_bare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
