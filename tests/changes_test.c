/* SPDX-License-Identifier: MIT */
/*
 * What contexts grew by between two snapshots: contexts that came and went, moved, and of unknown
 * size.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/changes.h"

static uint32_t add(struct snapshot *s, uint64_t id, uint32_t parent, uint64_t total)
{
	struct snapshot_context *c = snapshot_add(s, id, parent, "context", NULL, "aset");

	assert_non_null(c);
	c->own.total_bytes = total;
	return (uint32_t)s->n - 1;
}

static void expect(const struct changes *changes, size_t i, int64_t own, int64_t subtree)
{
	assert_int_equal(changes->own[i], own);
	assert_int_equal(changes->subtree[i], subtree);
}

static void test_changes(void **state)
{
	struct snapshot *before = snapshot_new(), *now = snapshot_new();
	struct changes changes = {0};
	uint32_t top, mid;

	(void)state;
	top = add(before, 1, SNAPSHOT_NONE, 100);
	mid = add(before, 2, top, 50);
	add(before, 3, mid, 7);
	add(before, 4, top, 9);
	add(before, 5, SNAPSHOT_NONE, SNAPSHOT_UNKNOWN);
	/* 3 went, 6 is new, 4 moved below 2 and shrank; the second root stands first now. */
	add(now, 5, SNAPSHOT_NONE, 30);
	top = add(now, 1, SNAPSHOT_NONE, 100);
	add(now, 6, top, 1000);
	mid = add(now, 2, top, 60);
	add(now, 4, mid, 5);
	snapshot_finish(before);
	snapshot_finish(now);
	assert_int_equal(changes_next(&changes, before), 0);
	assert_null(changes.own);
	assert_int_equal(changes_next(&changes, now), 0);
	expect(&changes, 0, 30, 30);
	expect(&changes, 1, 0, 1165 - 166);
	expect(&changes, 2, 1000, 1000);
	expect(&changes, 3, 10, 65 - 57);
	expect(&changes, 4, -4, -4);
	changes_free(&changes);
	assert_null(changes.own);
	/* From nothing, and to nothing. */
	snapshot_free(before);
	before = snapshot_new();
	snapshot_finish(before);
	assert_int_equal(changes_next(&changes, before), 0);
	assert_null(changes.own);
	assert_int_equal(changes_next(&changes, now), 0);
	expect(&changes, 1, 100, 1165);
	assert_int_equal(changes_next(&changes, before), 0);
	assert_non_null(changes.own);
	assert_int_equal(changes_next(&changes, now), 0);
	expect(&changes, 1, 100, 1165);
	changes_free(&changes);
	snapshot_free(before);
	snapshot_free(now);
}

/* Whatever the order of many ids, each is found again. */
static void test_many(void **state)
{
	enum { MANY = 5000 };
	struct snapshot *before = snapshot_new(), *now = snapshot_new();
	struct changes changes = {0};

	(void)state;
	for (uint64_t i = 0; i < MANY; i++)
		add(before, i * 4096, SNAPSHOT_NONE, i);
	for (uint64_t i = 0; i < MANY; i++)
		add(now, (i * 7 % MANY) * 4096, SNAPSHOT_NONE, 2 * (i * 7 % MANY));
	snapshot_finish(before);
	snapshot_finish(now);
	assert_int_equal(changes_next(&changes, before), 0);
	assert_null(changes.own);
	assert_int_equal(changes_next(&changes, now), 0);
	for (uint64_t i = 0; i < MANY; i++)
		expect(&changes, i, (int64_t)(i * 7 % MANY), (int64_t)(i * 7 % MANY));
	changes_free(&changes);
	snapshot_free(before);
	snapshot_free(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
