/* SPDX-License-Identifier: MIT */
/*
 * What-if settings: how they are read and written, and what a replay makes of them.
 */
#include "replay_support.h"

/* What if: settings over the trace's own kinds and sizes, the later ones over the earlier. */
static void settings_replace_kinds(void **unused)
{
	static const char *const texts[] = {"fine", "d*:kind=bump,init=2048,max=4K",
		"[ab]:init=64K,classes=pow2", "c:chunk=48"};
	struct setting settings[4];
	char message[SETTING_TEXT];
	struct memctx_stats s;
	struct world world;

	(void)unused;
	for (int i = 0; i < 4; i++)
		assert_true(setting_parse(texts[i], &settings[i], message));
	world_open_with(&world,
		HEAD "create 1 - aset \"a\" init=1024 max=8192\ncreate 2 1 slab \"c\" chunk=40\n"
		     "create 3 1 generation \"d1\"\nalloc 3 1 100\nrealloc 1 200\nrealloc 1 50\n"
		     "alloc 3 2 9000\nfree 2\nfree 1\nalloc 2 4 40\nfree 4\nbase 3 16 2\n"
		     "freebase 3 16\n",
		&(struct replay_options){.settings = settings, .nsettings = 4});
	assert_int_equal(world_run(&world, END), 0);
	assert_int_equal(memctx_kind_of(replay_context(world.replay, 1)), MEMCTX_ASET);
	assert_int_equal(memctx_classes_of(replay_context(world.replay, 1)), MEMCTX_CLASSES_POW2);
	assert_int_equal(memctx_total(replay_context(world.replay, 1)), 65536);
	assert_int_equal(memctx_kind_of(replay_context(world.replay, 2)), MEMCTX_ASET);
	assert_int_equal(memctx_classes_of(replay_context(world.replay, 2)), MEMCTX_CLASSES_FINE);
	assert_int_equal(memctx_kind_of(replay_context(world.replay, 3)), MEMCTX_BUMP);
	/* 2 resizes, 2 frees and a freebase were not done; what moved, the 9,000 and the base stay.
	 */
	assert_int_equal(replay_counts(world.replay)->not_done, 5);
	assert_int_equal(replay_counts(world.replay)->kinds_replaced, 2);
	memctx_stats(replay_context(world.replay, 3), &s);
	assert_int_equal(s.requested_bytes, 100 + 200 + 9000 + 32);
	assert_int_equal(world_now(&world).requested_bytes, 16);
	assert_int_equal(memctx_check(replay_root(world.replay), NULL, NULL), 0);
	world_close(&world);
}

/* A bump's chunks say nothing of themselves: large are those that its context counts as large. */
static void large_chunks_of_a_bump(void **unused)
{
	static const unsigned maxima[] = {512, 1024, 4096, 6000, 8192, 20000, 32768, 65536};
	static const unsigned sizes[] = {0, 100, 255, 256, 257, 1000, 1488, 1489, 1500, 1024, 1025,
		2047, 2048, 2049, 4992, 5000, 8160, 8176, 8177, 9000};

	(void)unused;
	for (size_t m = 0; m < sizeof maxima / sizeof *maxima; m++) {
		char text[8000], kind[SETTING_TEXT], message[SETTING_TEXT];
		struct setting setting;
		struct memctx_stats stats;
		struct world world;
		unsigned n = 0, used = (unsigned)snprintf(
					text, sizeof text, HEAD "create 1 - aset \"a\"\n");

		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
			for (unsigned align = 8; align <= 1024; align *= 2)
				used += (unsigned)snprintf(text + used, sizeof text - used,
					"alloc 1 %u %u align=%u\n", ++n, sizes[i], align);
		used += (unsigned)snprintf(text + used, sizeof text - used,
			"base 1 1000 3\nbase 1 5000 2\nrealloc 1 4000\n");
		assert_true(used < sizeof text);
		snprintf(kind, sizeof kind, "*:kind=bump,init=1024,max=%u", maxima[m]);
		assert_true(setting_parse(kind, &setting, message));
		world_open_with(&world, text,
			&(struct replay_options){.settings = &setting, .nsettings = 1});
		assert_int_equal(world_run(&world, END), 0);
		memctx_stats(replay_context(world.replay, 1), &stats);
		assert_in_range(stats.large_chunks, 8, n);
		assert_int_equal(replay_counts(world.replay)->large, stats.large_chunks);
		assert_int_equal(replay_counts(world.replay)->reused, 0);
		world_close(&world);
	}
}

static void settings_are_read_and_written(void **unused)
{
	static const struct {
		const char *text, *written;
	} good[] = {
		{"aset", "*:kind=aset,classes=pow2"},
		{"fine", "*:kind=aset,classes=fine"},
		{"bump", "*:kind=bump"},
		{"Exec*:kind=slab,chunk=64", "Exec*:kind=slab,chunk=64"},
		{"a:b:init=1024,max=8M", "a:b:init=1K,max=8M"},
		{":classes=fine", ":classes=fine"},
	};
	static const char *const bad[] = {"arena", "", "x:", "x:kind", "x:kind=arena", "x:init=0",
		"x:init=-5", "x:max=lots", "x:classes=4", "x:size=4", "x:init=1K,",
		"x:init=99999T"};
	struct setting setting;
	char text[SETTING_TEXT];

	(void)unused;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(setting_parse(good[i].text, &setting, text));
		setting_text(&setting, text);
		assert_string_equal(text, good[i].written);
		assert_true(setting_parse(text, &setting, text));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		text[0] = '\0';
		assert_false(setting_parse(bad[i], &setting, text));
		assert_non_null(strstr(text, "expected"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_replace_kinds),
		cmocka_unit_test(large_chunks_of_a_bump),
		cmocka_unit_test(settings_are_read_and_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
