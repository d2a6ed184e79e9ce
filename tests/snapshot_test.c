/* SPDX-License-Identifier: MIT */
/*
 * Snapshots: building, sums against a plain recount, a chain of a million levels, and that
 * snapshot_valid() sees each rule that is broken.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/snapshot.h"

/* Figures that keep the invariant, each a different number made from N. */
static void set_figures(struct snapshot_figures *own, uint64_t n)
{
	snapshot_fill(own, n);
	own->requested_bytes = 100 * n;
	own->slack_bytes = 10 * n;
	own->header_bytes = 1000 + n;
	own->freelist_bytes = 16 * n;
	own->tail_bytes = 7;
	own->total_bytes = 100 * n + 10 * n + 1000 + n + 16 * n + 7;
	own->free_bytes = 16 * n + 7;
	own->used_bytes = 100 * n + 10 * n + 1000 + n;
	own->classes[10].free = 3 * n;
}

/*
 * 0 top
 * 1   cache
 * 2     index
 * 3     index
 * 4   portal
 * 5     executor
 * 6 other (a root)
 */
static struct snapshot *sample(void)
{
	static const uint32_t parents[] = {SNAPSHOT_NONE, 0, 1, 1, 0, 4, SNAPSHOT_NONE};
	static const char *const names[] = {
		"top", "cache", "index", "index", "portal", "executor", "other"};
	struct snapshot *snapshot = snapshot_new();

	assert_non_null(snapshot);
	for (uint32_t i = 0; i < 7; i++) {
		struct snapshot_context *context = snapshot_add(snapshot, 100 + i, parents[i],
			names[i], i == 3 ? "pg_class" : NULL, i == 5 ? "slab" : "aset");

		assert_non_null(context);
		set_figures(&context->own, i + 1);
	}
	snapshot_finish(snapshot);
	return snapshot;
}

static void test_new(void **state)
{
	struct snapshot *snapshot = snapshot_new();
	struct snapshot_figures sum;
	char message[100];

	(void)state;
	assert_int_equal(snapshot->n, 0);
	assert_int_equal(snapshot->pid, -1);
	assert_true(snapshot->event == SNAPSHOT_UNKNOWN && snapshot->events == SNAPSHOT_UNKNOWN);
	assert_true(snapshot->time_ns == SNAPSHOT_UNKNOWN);
	assert_string_equal(snapshot_string(snapshot, 0), "");
	assert_null(snapshot_string(snapshot, SNAPSHOT_NONE));
	snapshot_finish(snapshot);
	snapshot_totals(snapshot, &sum);
	assert_int_equal(sum.total_bytes, 0);
	assert_true(snapshot_valid(snapshot, message, sizeof message));
	snapshot_free(snapshot);
	snapshot_free(NULL);
}

static void test_add(void **state)
{
	struct snapshot *snapshot = sample();
	struct snapshot_context *at = snapshot->contexts;
	static const uint32_t levels[] = {1, 2, 3, 3, 2, 3, 1}, ends[] = {6, 4, 3, 4, 6, 6, 7};

	(void)state;
	for (uint32_t i = 0; i < 7; i++) {
		assert_int_equal(at[i].id, 100 + i);
		assert_int_equal(at[i].level, levels[i]);
		assert_int_equal(at[i].end, ends[i]);
		assert_true(at[i].peak_total_bytes == SNAPSHOT_UNKNOWN);
	}
	assert_string_equal(snapshot_string(snapshot, at[5].name), "executor");
	assert_string_equal(snapshot_string(snapshot, at[5].kind), "slab");
	assert_string_equal(snapshot_string(snapshot, at[6].kind), "aset");
	assert_string_equal(snapshot_string(snapshot, at[3].ident), "pg_class");
	assert_null(snapshot_string(snapshot, at[2].ident));
	assert_int_equal(at[2].name, at[3].name);
	assert_int_equal(at[0].kind, at[6].kind);
	errno = 0;
	assert_null(snapshot_add(snapshot, 1, 7, "x", NULL, "aset"));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(snapshot->n, 7);
	snapshot_free(snapshot);
}

static void test_unknown_at_first(void **state)
{
	struct snapshot *snapshot = snapshot_new();
	struct snapshot_context *at = snapshot_add(snapshot, 1, SNAPSHOT_NONE, "", "", "aset");

	(void)state;
	assert_true(at->own.total_bytes == SNAPSHOT_UNKNOWN);
	assert_true(at->own.resets == SNAPSHOT_UNKNOWN);
	assert_true(at->own.classes[0].live == SNAPSHOT_UNKNOWN);
	assert_true(at->own.classes[10].free == SNAPSHOT_UNKNOWN);
	/* An ident that is empty is an ident. */
	assert_string_equal(snapshot_string(snapshot, at->ident), "");
	snapshot_free(snapshot);
}

/* Many strings, so that the table of recent ones is overrun and the store grows. */
static void test_strings(void **state)
{
	struct snapshot *snapshot = snapshot_new();
	char name[32];

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "context %u", i % 2500);
		assert_non_null(snapshot_add(snapshot, i, SNAPSHOT_NONE, name, name, "aset"));
	}
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "context %u", i % 2500);
		assert_string_equal(snapshot_string(snapshot, snapshot->contexts[i].name), name);
		assert_string_equal(snapshot_string(snapshot, snapshot->contexts[i].ident), name);
	}
	snapshot_free(snapshot);
}

static void test_sums(void **state)
{
	struct snapshot *snapshot = sample();
	struct snapshot_figures totals;
	struct snapshot_sums sums;

	(void)state;
	assert_int_equal(snapshot_sums_make(&sums, snapshot), 0);
	for (uint32_t i = 0; i < 7; i++) {
		const struct snapshot_figures *sum = snapshot_subtree(&sums, i);
		uint64_t requested = 0, blocks = 0, free_chunks = 0;

		for (uint32_t j = i; j < snapshot->contexts[i].end; j++) {
			requested += 100 * (j + 1);
			blocks += j + 1;
			free_chunks += 3 * (j + 1);
		}
		assert_int_equal(sum->requested_bytes, requested);
		assert_int_equal(sum->total_nblocks, blocks);
		assert_int_equal(sum->classes[10].free, free_chunks);
	}
	snapshot_totals(snapshot, &totals);
	assert_int_equal(totals.requested_bytes, 2800);
	assert_int_equal(totals.tail_bytes, 49);
	assert_int_equal(totals.classes[0].live, 28);
	assert_int_equal(snapshot_subtree(&sums, 0)->resets, 21);
	snapshot_sums_drop(&sums);
	snapshot_free(snapshot);
}

static void test_sum_unknown(void **state)
{
	const uint64_t unknown = SNAPSHOT_UNKNOWN;
	struct snapshot_figures sum, from;

	(void)state;
	snapshot_fill(&sum, 5);
	snapshot_fill(&from, 0);
	from.total_bytes = unknown; /* an unknown part */
	sum.free_bytes = unknown;   /* an unknown sum, and nothing added */
	sum.used_bytes = unknown;
	from.used_bytes = 7; /* an unknown sum stays so */
	sum.slack_bytes = from.slack_bytes = unknown;
	sum.tail_bytes = unknown - 3;
	from.tail_bytes = 9; /* over 64 bits */
	sum.allocs = unknown - 3;
	from.allocs = 3; /* what means unknown */
	sum.frees = unknown - 3;
	from.frees = 2; /* the greatest that is known */
	snapshot_sum(&sum, &from);
	assert_true(sum.total_bytes == unknown && sum.free_bytes == unknown);
	assert_true(sum.used_bytes == unknown && sum.slack_bytes == unknown);
	assert_true(sum.tail_bytes == unknown && sum.allocs == unknown);
	assert_true(sum.frees == unknown - 1);
	assert_int_equal(sum.header_bytes, 5);
	assert_int_equal(sum.classes[10].free, 5);
}

static void test_deep(void **state)
{
	const uint32_t depth = 1000000;
	struct snapshot *snapshot = snapshot_new();
	struct snapshot_sums sums;
	char message[100];

	(void)state;
	for (uint32_t i = 0; i < depth; i++) {
		struct snapshot_context *at =
			snapshot_add(snapshot, i, i ? i - 1 : SNAPSHOT_NONE, "deep", NULL, "aset");

		assert_non_null(at);
		set_figures(&at->own, 1);
	}
	snapshot_finish(snapshot);
	assert_int_equal(snapshot->contexts[depth - 1].level, depth);
	assert_int_equal(snapshot->contexts[0].end, depth);
	assert_true(snapshot_valid(snapshot, message, sizeof message));
	assert_int_equal(snapshot_sums_make(&sums, snapshot), 0);
	assert_int_equal(snapshot_subtree(&sums, 0)->requested_bytes, UINT64_C(100) * depth);
	assert_int_equal(snapshot_subtree(&sums, depth - 1)->requested_bytes, 100);
	snapshot_sums_drop(&sums);
	snapshot_free(snapshot);
}

/* Whether the snapshot is refused with a message that holds WORDS; frees it. */
static void refused(struct snapshot *snapshot, const char *words)
{
	char message[200] = "";

	assert_false(snapshot_valid(snapshot, message, sizeof message));
	if (!strstr(message, words))
		fail_msg("\"%s\" does not say \"%s\"", message, words);
	snapshot_free(snapshot);
}

#define REFUSED(change, words)                                                                     \
	do {                                                                                       \
		struct snapshot *s = sample();                                                     \
		change;                                                                            \
		refused(s, words);                                                                 \
	} while (0)

static void test_valid(void **state)
{
	struct snapshot *good = sample();
	char message[100];

	(void)state;
	assert_true(snapshot_valid(good, message, sizeof message));
	good->contexts[2].own.tail_bytes = SNAPSHOT_UNKNOWN; /* no telling: no error */
	assert_true(snapshot_valid(good, message, sizeof message));
	snapshot_free(good);
	REFUSED(s->contexts[3].own.total_bytes++, "context 103: total_bytes is not requested");
	REFUSED(s->contexts[3].own.slack_bytes = UINT64_MAX - 1, "total_bytes is not requested");
	REFUSED((s->contexts[3].own.tail_bytes--, s->contexts[3].own.header_bytes++), "free_bytes");
	REFUSED(s->contexts[6].own.used_bytes--, "context 106: total_bytes is not used + free");
	REFUSED(s->contexts[2].level = 2, "context 102: its level");
	REFUSED(s->contexts[6].level = 2, "context 106: its level");
	REFUSED(s->contexts[1].parent = 1, "context 101: its parent does not stand before");
	REFUSED(s->contexts[1].parent = 5, "context 101: its parent does not stand before");
	REFUSED(s->contexts[5].parent = 1, "context 105: its parent is not above");
	REFUSED((s->contexts[5].parent = 1, snapshot_finish(s)), "context 104: a subtree that");
	REFUSED(s->contexts[1].end = 3, "context 104: a subtree that ends before it");
	REFUSED(s->contexts[1].end = 5, "context 104: a subtree that ends before it");
	REFUSED(s->contexts[0].end = 7, "context 106: a subtree that ends before it");
	REFUSED(s->contexts[6].end = 6, "the last subtree");
	REFUSED(s->contexts[4].name = (uint32_t)s->strings_size, "context 104: a string");
	REFUSED(s->contexts[4].kind = SNAPSHOT_NONE, "context 104: a string");
	REFUSED(s->contexts[4].ident = (uint32_t)s->strings_size, "context 104: a string");
	REFUSED(s->strings[s->strings_size - 1] = 'x', "0 byte");
	REFUSED(s->strings[0] = 'x', "0 byte");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_unknown_at_first),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_sum_unknown),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_valid),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
