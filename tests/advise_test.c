/* SPDX-License-Identifier: MIT */
/*
 * Advice: on traces whose best answer is known it is found, and on recorded ones what is confirmed
 * holds in a replay with the setting.
 */
#include "model/advise.h"
#include "model/trace.h"
#include "replay_support.h"

static char text[2000000];
static size_t used;

static void begin(void)
{
	used = 0;
	used += (size_t)sprintf(text, HEAD);
}

#define LINE(...) (used += (size_t)sprintf(text + used, __VA_ARGS__))

static struct advise advice_on(struct trace_reader *reader)
{
	struct advise result = {.share = 0.01};
	struct replay_error error;
	struct script *script = script_read(reader, &(struct replay_options){0}, &error);

	assert_non_null(script);
	assert_int_equal(advise(&result, script), 0);
	script_free(script);
	trace_close(reader);
	return result;
}

static struct advise advice_on_text(void)
{
	struct trace_error error;
	struct trace_reader *reader = trace_open_memory(text, used, 0, &error);

	assert_non_null(reader);
	return advice_on(reader);
}

static void assert_setting(const struct advise *result, size_t i, const char *expected)
{
	char setting[SETTING_TEXT];

	assert_true(result->n > i);
	setting_text(&result->list[i].setting, setting);
	assert_string_equal(setting, expected);
}

/* A hundred contexts of 8,192 bytes with one chunk each: 1,024 are enough. */
static void small_contexts(void **state)
{
	struct advise result;

	(void)state;
	begin();
	LINE("create 0 - aset \"Top\" init=1024 max=8192\n");
	for (int i = 1; i <= 100; i++)
		LINE("create %d 0 aset \"Cache*\"\nalloc %d %d 100\nfree %d\nalloc %d %d 100\n", i,
			i, i, i, i, i);
	result = advice_on_text();
	assert_setting(&result, 0, "Cache\\*:init=1K");
	assert_int_equal(result.n, 1);
	assert_int_equal(result.list[0].contexts, 100);
	assert_int_equal(result.list[0].total, 100 * 8192);
	assert_int_equal(result.list[0].predicted, 100 * (8192 - 1024));
	assert_int_equal(result.list[0].confirmed, 100 * (8192 - 1024));
	assert_int_equal(result.together, 100 * (8192 - 1024));
}

/* Chunks of 72 bytes, some freed: 136 in an aset, 88 with fine classes, 96 in a generation, 80 in a
 * slab. */
static void one_size(void **state)
{
	struct advise result;

	(void)state;
	begin();
	LINE("create 0 - aset \"Rows\" init=8192 max=8192\n");
	for (int i = 0; i < 5000; i++)
		LINE("alloc 0 %d 72\n", i);
	for (int i = 0; i < 5000; i += 50)
		LINE("free %d\n", i);
	result = advice_on_text();
	assert_int_equal(result.n, 1);
	assert_true(result.list[0].setting.has_kind);
	assert_int_equal(result.list[0].setting.kind, MEMCTX_SLAB);
	assert_int_equal(result.list[0].setting.chunk, 72);
	assert_in_range(
		result.peak_total - (uint64_t)result.list[0].confirmed, 5000 * 80, 5000 * 84);
}

/* Chunks of many sizes that nobody frees: without headers they take least. */
static void never_freed(void **state)
{
	struct advise result;
	uint64_t bytes = 0;

	(void)state;
	begin();
	LINE("create 0 - aset \"Parse\"\n");
	for (int i = 0; i < 20000; i++) {
		LINE("alloc 0 %d %d\n", i, 17 + i % 24);
		bytes += (uint64_t)(17 + i % 24 + 7) / 8 * 8;
	}
	result = advice_on_text();
	assert_int_equal(result.n, 1);
	assert_int_equal(result.list[0].setting.kind, MEMCTX_BUMP);
	assert_in_range(
		result.peak_total - (uint64_t)result.list[0].confirmed, bytes, bytes + bytes / 4);
}

/* A context that is full to the last chunk has nothing to gain. */
static void nothing_to_gain(void **state)
{
	struct advise result;

	(void)state;
	begin();
	LINE("create 0 - aset \"Full\" init=1024 max=8192\nalloc 0 1 512\nfree 1\nalloc 0 1 512\n");
	result = advice_on_text();
	assert_int_equal(result.n, 0);
	assert_int_equal(result.peak_total, 1024);
	assert_int_equal(result.together, 0);
}

/* ---- Recorded traces ------------------------------------------------------------------------- */

static uint64_t peak_with(const char *path, const struct setting *setting)
{
	struct replay_options options = {.settings = setting, .nsettings = setting != NULL};

	return peak_of(path, &options).figures.total_bytes;
}

static void first_three_hold(void **state)
{
	static const char *const paths[] = {"traces/pg_pgbench.trace", "traces/pg_decoding.trace",
		"traces/sqlite.trace", "traces/jq.trace",
		"../shared/traces/pg_analytic.small.trace", "../shared/traces/python.small.trace"};
	unsigned proposals = 0;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct trace_error error;
		struct trace_reader *reader = trace_open(paths[i], 0, &error);
		struct advise result;
		uint64_t base;

		if (reader == NULL) {
			print_message("%s is absent: left out\n", paths[i]);
			continue;
		}
		result = advice_on(reader);
		base = peak_with(paths[i], NULL);
		assert_int_equal(result.peak_total, base);
		for (size_t k = 0; k < result.n && k < 3; k++) {
			uint64_t peak = peak_with(paths[i], &result.list[k].setting);

			assert_true(result.list[k].confirmed > 0);
			assert_int_equal(base - peak, result.list[k].confirmed);
			proposals++;
		}
	}
	assert_in_range(proposals, 6, 18);
}

/* Whatever the machine is busy with: nothing is advised that was measured as too slow. */
static void time_is_kept(void **state)
{
	struct trace_error opening;
	struct replay_error error;
	struct trace_reader *reader = trace_open("traces/python.trace", 0, &opening);
	struct script *script;
	struct advise result = {.slower = 1.03, .share = 0.01};

	(void)state;
	assert_non_null(reader);
	script = script_read(reader, &(struct replay_options){.memory = 0}, &error);
	trace_close(reader);
	assert_non_null(script);
	assert_int_equal(advise(&result, script), 0);
	script_free(script);
	for (size_t k = 0; k < result.n; k++)
		assert_true(result.list[k].time <= 1.03);
	assert_true(result.n <= 1 || result.together_time <= 1.03);
	/* Of one name, what is passed over saves more than what is taken, or about as much. */
	assert_int_equal(result.names, 1);
	if (result.n == 1 && result.passed.confirmed > 0)
		assert_true(result.passed.predicted * 21 / 20 >= result.list[0].predicted);
	assert_true(result.n == 1 || result.passed.confirmed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_contexts),
		cmocka_unit_test(one_size),
		cmocka_unit_test(never_freed),
		cmocka_unit_test(nothing_to_gain),
		cmocka_unit_test(first_three_hold),
		cmocka_unit_test(time_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
