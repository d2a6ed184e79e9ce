/* SPDX-License-Identifier: MIT */
/*
 * The lines of a table: small trees whose lines are written out by hand, and random trees, deep
 * ones among them, held against what the lines promise.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/rows.h"

/* A context of TOTAL bytes of which TAIL were never carved; its other figures are 0. */
static uint32_t add(struct snapshot *s, uint32_t parent, const char *name, const char *ident,
	uint64_t total, uint64_t tail)
{
	struct snapshot_context *c = snapshot_add(s, s->n + 1, parent, name, ident, "aset");

	assert_non_null(c);
	snapshot_fill(&c->own, 0);
	c->own.total_bytes = total;
	c->own.tail_bytes = tail;
	c->own.free_bytes = tail;
	c->own.used_bytes = total - tail;
	c->own.requested_bytes = total - tail;
	c->own.live_chunks = total / 100;
	return (uint32_t)s->n - 1;
}

/*
 * Top 1000                 all below it: 1000 + 500 + 3 * 100 + 40 + 60 + 700 + 20 = 2620
 *   cache 500              500 + 300 + 20 = 820
 *     index 100 (a)
 *     index 100 (b)        with a context of 20 below
 *       leaf 20
 *     index 100 (c)
 *   pair 40
 *   pair 60
 *   dynahash 700           known by its ident, "locks"
 */
static struct snapshot *sample(void)
{
	struct snapshot *s = snapshot_new();
	uint32_t top, cache, b;

	assert_non_null(s);
	top = add(s, SNAPSHOT_NONE, "Top", NULL, 1000, 10);
	cache = add(s, top, "cache", NULL, 500, 0);
	add(s, cache, "index", "a", 100, 1);
	b = add(s, cache, "index", "b", 100, 2);
	add(s, b, "leaf", NULL, 20, 4);
	add(s, cache, "index", "c", 100, 8);
	add(s, top, "pair", "one", 40, 39);
	add(s, top, "pair", "two", 60, 0);
	add(s, top, "dynahash", "locks", 700, 100);
	snapshot_finish(s);
	return s;
}

/* The lines as text: a line "LEVEL NAME xMEMBERS CONTEXTS TOTAL", parted by "; ". */
static const char *text(const struct rows *rows)
{
	static char out[4096];
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < rows->n && at < sizeof(out); i++) {
		const struct row *r = &rows->rows[i];

		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%u %s x%u %u %llu",
			i == 0 ? "" : "; ", r->level, rows_name(rows->snapshot, r->context),
			r->members, r->contexts, (unsigned long long)r->figures->total_bytes);
	}
	return out;
}

static void expect(const struct rows_options *options, size_t limit, const char *lines,
	uint64_t deeper, uint64_t hidden, uint64_t most)
{
	struct snapshot *s = sample();
	struct rows *rows = rows_new(s, options);

	assert_non_null(rows);
	if (limit != 0)
		assert_int_equal(rows_limit(rows, limit, options->sort), 0);
	assert_string_equal(text(rows), lines);
	assert_int_equal(rows->deeper, deeper);
	assert_int_equal(rows->hidden, hidden);
	assert_int_equal(rows->hidden_most, most);
	rows_free(rows);
	snapshot_free(s);
}

static void test_lines(void **state)
{
	(void)state;
	expect(&(struct rows_options){0}, 0,
		"0 Top x1 9 2620; 1 cache x1 5 820; 2 index x3 4 320; 3 leaf x1 1 20; "
		"1 locks x1 1 700; 1 pair x1 1 60; 1 pair x1 1 40",
		0, 0, 0);
	expect(&(struct rows_options){.all = true}, 0,
		"0 Top x1 9 2620; 1 cache x1 5 820; 2 index x1 2 120; 3 leaf x1 1 20; "
		"2 index x1 1 100; 2 index x1 1 100; "
		"1 locks x1 1 700; 1 pair x1 1 60; 1 pair x1 1 40",
		0, 0, 0);
}

static void test_own(void **state)
{
	(void)state;
	expect(&(struct rows_options){.own = true}, 0,
		"0 Top x1 1 1000; 1 locks x1 1 700; 1 cache x1 1 500; 2 index x3 3 300; "
		"3 leaf x1 1 20; 1 pair x1 1 60; 1 pair x1 1 40",
		0, 0, 0);
	expect(&(struct rows_options){.group = true}, 0,
		"0 Top x1 1 1000; 0 locks x1 1 700; 0 cache x1 1 500; 0 index x3 3 300; "
		"0 pair x2 2 100; 0 leaf x1 1 20",
		0, 0, 0);
}

static void test_sort(void **state)
{
	(void)state;
	/* Tails: cache 0 + 11 + 4 = 15, pairs 39 and 0, locks 100. */
	expect(&(struct rows_options){.sort = ROWS_TAIL}, 0,
		"0 Top x1 9 2620; 1 locks x1 1 700; 1 pair x1 1 40; 1 cache x1 5 820; "
		"2 index x3 4 320; 3 leaf x1 1 20; 1 pair x1 1 60",
		0, 0, 0);
	/* Bytes before 'l' come first; of one name the greater total. */
	expect(&(struct rows_options){.sort = ROWS_NAME}, 0,
		"0 Top x1 9 2620; 1 cache x1 5 820; 2 index x3 4 320; 3 leaf x1 1 20; "
		"1 locks x1 1 700; 1 pair x1 1 60; 1 pair x1 1 40",
		0, 0, 0);
	expect(&(struct rows_options){.sort = ROWS_CONTEXTS, .depth = 2}, 0,
		"0 Top x1 9 2620; 1 cache x1 5 820; 1 locks x1 1 700; 1 pair x1 1 60; "
		"1 pair x1 1 40",
		4, 0, 0);
}

/* The least first; where two are equal the greater total stands first all the same. */
static void test_reverse(void **state)
{
	(void)state;
	expect(&(struct rows_options){.reverse = true}, 0,
		"0 Top x1 9 2620; 1 pair x1 1 40; 1 pair x1 1 60; 1 locks x1 1 700; "
		"1 cache x1 5 820; 2 index x3 4 320; 3 leaf x1 1 20",
		0, 0, 0);
	expect(&(struct rows_options){.sort = ROWS_NAME, .reverse = true, .depth = 2}, 0,
		"0 Top x1 9 2620; 1 pair x1 1 60; 1 pair x1 1 40; 1 locks x1 1 700; "
		"1 cache x1 5 820",
		4, 0, 0);
}

/* What grew most stands first, what shrank last; a line's change is that of its members. */
static void test_changes(void **state)
{
	/*                           Top cache a  b  leaf c  one two locks */
	static const int64_t grew[] = {7, 12, -1, 5, 5, 8, -9, 3, 1};
	struct rows_options options = {.sort = ROWS_CHANGE, .changes = grew};
	struct snapshot *s = sample();
	struct rows *rows = rows_new(s, &options);

	(void)state;
	assert_string_equal(text(rows),
		"0 Top x1 9 2620; 1 cache x1 5 820; 2 index x3 4 320; 3 leaf x1 1 20; "
		"1 pair x1 1 60; 1 locks x1 1 700; 1 pair x1 1 40");
	assert_int_equal(rows->rows[2].change, -1 + 5 + 8);
	assert_int_equal(rows->rows[6].change, -9);
	rows_free(rows);
	snapshot_free(s);
}

static void test_remake(void **state)
{
	struct snapshot *s = sample();
	struct rows *rows = rows_new(s, &(struct rows_options){.own = true});
	uint32_t member;

	(void)state;
	assert_int_equal(rows_remake(rows, &(struct rows_options){.sort = ROWS_TAIL}), 0);
	assert_string_equal(text(rows),
		"0 Top x1 9 2620; 1 locks x1 1 700; 1 pair x1 1 40; 1 cache x1 5 820; "
		"2 index x3 4 320; 3 leaf x1 1 20; 1 pair x1 1 60");
	assert_int_equal(rows_remake(rows, &(struct rows_options){.filter = "two"}), 0);
	assert_string_equal(text(rows), "0 Top x1 9 2620; 1 pair x1 1 60");
	assert_int_equal(rows_remake(rows, &(struct rows_options){.group = true}), 0);
	/* The members of the line of indexes: contexts 2, 3 and 5. */
	assert_string_equal(rows_name(s, rows->rows[3].context), "index");
	member = rows->rows[3].context;
	assert_int_equal(member, 2);
	assert_int_equal(member = rows->next[member], 3);
	assert_int_equal(member = rows->next[member], 5);
	assert_true(rows->next[member] == SNAPSHOT_NONE);
	rows_free(rows);
	snapshot_free(s);
}

static void test_depth_and_limit(void **state)
{
	(void)state;
	expect(&(struct rows_options){.depth = 1}, 0, "0 Top x1 9 2620", 8, 0, 0);
	/* By subtree: Top 2620, cache 820, locks 700, then index 320 is hidden first. */
	expect(&(struct rows_options){0}, 3, "0 Top x1 9 2620; 1 cache x1 5 820; 1 locks x1 1 700",
		0, 6, 320);
	/* Alone: Top 1000, locks 700, cache 500; of the hidden ones index has the most. */
	expect(&(struct rows_options){.own = true}, 3,
		"0 Top x1 1 1000; 1 locks x1 1 700; 1 cache x1 1 500", 0, 6, 300);
	/* The smaller pair has the greater tail, and Top, with little of its own, stands above it.
	 */
	expect(&(struct rows_options){.own = true, .sort = ROWS_TAIL}, 3,
		"0 Top x1 1 1000; 1 locks x1 1 700; 1 pair x1 1 40", 0, 6, 11);
}

static void test_filter(void **state)
{
	struct snapshot *s = sample();
	struct rows *rows;

	(void)state;
	expect(&(struct rows_options){.filter = "LEAF"}, 0,
		"0 Top x1 9 2620; 1 cache x1 5 820; 2 index x1 2 120; 3 leaf x1 1 20", 0, 0, 0);
	expect(&(struct rows_options){.filter = "two"}, 0, "0 Top x1 9 2620; 1 pair x1 1 60", 0, 0,
		0);
	expect(&(struct rows_options){.filter = "dynahash"}, 0, "0 Top x1 9 2620; 1 locks x1 1 700",
		0, 0, 0);
	expect(&(struct rows_options){.filter = "a", .group = true}, 0,
		"0 locks x1 1 700; 0 cache x1 1 500; 0 index x1 1 100; 0 pair x2 2 100; 0 leaf x1 "
		"1 20",
		0, 0, 0);
	rows = rows_new(s, &(struct rows_options){.filter = "index"});
	assert_int_equal(rows->matches, 3);
	rows_free(rows);
	rows = rows_new(s, &(struct rows_options){.filter = "nothing of the kind"});
	assert_int_equal(rows->matches, 0);
	assert_int_equal(rows->n, 0);
	rows_free(rows);
	snapshot_free(s);
}

static void test_unknown_and_empty(void **state)
{
	struct snapshot *s = snapshot_new();
	struct rows *rows = rows_new(s, &(struct rows_options){0});

	(void)state;
	assert_int_equal(rows->n, 0);
	rows_free(rows);
	add(s, SNAPSHOT_NONE, "known", NULL, 10, 0);
	snapshot_add(s, 9, SNAPSHOT_NONE, "unknown", NULL, "aset");
	snapshot_finish(s);
	rows = rows_new(s, &(struct rows_options){0});
	assert_int_equal(rows->n, 2);
	assert_string_equal(rows_name(s, rows->rows[1].context), "unknown");
	assert_true(rows_value(&rows->rows[1], ROWS_TOTAL) == SNAPSHOT_UNKNOWN);
	rows_free(rows);
	snapshot_free(s);
}

static void test_keys(void **state)
{
	(void)state;
	for (int k = 0; k < ROWS_KEYS; k++)
		assert_int_equal(rows_key_parse(rows_key_name((enum rows_key)k)), k);
	assert_int_equal(rows_key_parse("size"), -1);
}

/* ---- Random trees --------------------------------------------------------------------- */

static uint64_t below(uint64_t *state, uint64_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (*state >> 33) % n;
}

/* A tree of N contexts; DEEP: each below the last, else below any of those that are still open. */
static struct snapshot *random_tree(uint64_t *state, uint32_t n, bool deep)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct snapshot *s = snapshot_new();
	uint32_t parent = SNAPSHOT_NONE;

	for (uint32_t i = 0; i < n; i++) {
		add(s, parent, names[below(state, 4)], NULL, below(state, 50) * 100, 0);
		parent = i;
		while (!deep && parent != SNAPSHOT_NONE && below(state, 3) != 0)
			parent = s->contexts[parent].parent;
	}
	snapshot_finish(s);
	return s;
}

static uint32_t up(const struct snapshot *s, uint32_t context, uint32_t steps)
{
	while (steps-- > 0)
		context = s->contexts[context].parent;
	return context;
}

static void check_lines(const struct rows *rows, const struct rows_options *o)
{
	const struct snapshot *s = rows->snapshot;
	uint64_t members = 0;

	for (uint32_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->rows[i];
		const struct row *above =
			r->parent == SNAPSHOT_NONE ? NULL : &rows->rows[r->parent];
		uint32_t next = r->end;

		members += r->members;
		assert_true(r->end > i && r->end <= rows->n);
		assert_int_equal(r->level, above == NULL ? 0 : above->level + 1);
		if (above != NULL)
			assert_true(r->parent < i && r->end <= above->end);
		if (above != NULL && above->members == 1)
			assert_int_equal(up(s, r->context, 1), above->context);
		if (next < rows->n && rows->rows[next].parent == r->parent)
			assert_true(
				rows_value(r, o->sort) >= rows_value(&rows->rows[next], o->sort));
		if (r->members == 1 && !o->own)
			assert_int_equal(r->contexts, s->contexts[r->context].end - r->context);
	}
	assert_int_equal(members + rows->hidden + rows->deeper, s->n);
}

static void test_random(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct snapshot *s = random_tree(&seed, (uint32_t)below(&seed, 60), round % 7 == 0);
		struct rows_options o = {.own = round & 1,
			.all = round & 2,
			.depth = (uint32_t)below(&seed, 5),
			.sort = (enum rows_key)below(&seed, ROWS_NAME)};
		struct rows *rows = rows_new(s, &o);
		size_t all = rows->n, limit = below(&seed, 20) + 1;

		check_lines(rows, &o);
		assert_int_equal(rows_limit(rows, limit, o.sort), 0);
		assert_int_equal(rows->n, all < limit ? all : limit);
		check_lines(rows, &o);
		for (size_t i = 0; rows->n < all && !o.own && i < rows->n; i++)
			assert_true(rows_value(&rows->rows[i], o.sort) >= rows->hidden_most);
		rows_free(rows);
		snapshot_free(s);
	}
}

/* More names than a first table holds, each of three roots that stand far apart; by name. */
static void test_many_names(void **state)
{
	enum { NAMES = 1000 };
	struct snapshot *s = snapshot_new();
	struct rows_options o = {.sort = ROWS_NAME};
	struct rows *rows;
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 3 * NAMES; i++) {
		snprintf(name, sizeof(name), "name %03u", i * 7 % NAMES);
		add(s, SNAPSHOT_NONE, name, NULL, 100, 0);
	}
	snapshot_finish(s);
	rows = rows_new(s, &o);
	assert_int_equal(rows->n, NAMES);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "name %03u", i);
		assert_string_equal(rows_name(s, rows->rows[i].context), name);
		assert_int_equal(rows->rows[i].members, 3);
	}
	rows_free(rows);
	snapshot_free(s);
}

/* What would recurse or go over a subtree again and again does not come back here. */
static void test_large(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int deep = 0; deep < 2; deep++) {
		struct snapshot *s = random_tree(&seed, 100000, deep != 0);

		for (int own = 0; own < 2; own++) {
			struct rows_options o = {.own = own != 0, .all = deep != 0};
			struct rows *rows = rows_new(s, &o);

			check_lines(rows, &o);
			assert_int_equal(rows_limit(rows, 20, ROWS_TOTAL), 0);
			assert_int_equal(rows->n, 20);
			check_lines(rows, &o);
			rows_free(rows);
		}
		snapshot_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_remake),
		cmocka_unit_test(test_depth_and_limit),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_unknown_and_empty),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
