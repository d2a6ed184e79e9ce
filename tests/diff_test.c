/* SPDX-License-Identifier: MIT */
/*
 * What two snapshots differ in: small pairs whose lines are written out by hand; and random trees
 * whose edits are known, so that the lines must be those edits and no others.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/diff.h"
#include "model/source_at.h"

#include <unistd.h>

/* A context of TOTAL bytes, all of them asked for. */
static uint32_t add(struct snapshot *s, uint64_t id, uint32_t parent, const char *name,
	const char *ident, uint64_t total)
{
	struct snapshot_context *c = snapshot_add(s, id, parent, name, ident, "aset");

	assert_non_null(c);
	snapshot_fill(&c->own, 0);
	c->own.total_bytes = c->own.used_bytes = c->own.requested_bytes = total;
	return (uint32_t)s->n - 1;
}

/*
 * The lines as text, parted by "; ": "LEVEL NAME[ IDENT] FROM>TO" with totals, and where a line
 * stands for other numbers of contexts than one on either side, " xFROM>TO".
 */
static const char *text(const struct diff *diff)
{
	static char out[8192];
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < diff->n; i++) {
		const struct diff_line *line = &diff->lines[i];
		const struct snapshot *side = diff->sides[diff_side(line)];
		uint32_t context = line->context[diff_side(line)];
		bool several = line->members[DIFF_A] > 1 || line->members[DIFF_B] > 1;
		const char *ident = several ? NULL : rows_ident(side, context);

		at += (size_t)snprintf(out + at, sizeof out - at, "%s%u %s%s%s %llu>%llu",
			i == 0 ? "" : "; ", line->level, rows_name(side, context),
			ident != NULL ? " " : "", ident != NULL ? ident : "",
			(unsigned long long)line->figures[DIFF_A].of[ROWS_TOTAL],
			(unsigned long long)line->figures[DIFF_B].of[ROWS_TOTAL]);
		if (line->members[DIFF_A] != 1 || line->members[DIFF_B] != 1)
			at += (size_t)snprintf(out + at, sizeof out - at, " x%u>%u",
				line->members[DIFF_A], line->members[DIFF_B]);
	}
	return out;
}

static void expect(struct snapshot *a, struct snapshot *b, struct diff_options options,
	const char *lines, struct diff_counts counts)
{
	struct diff *diff = diff_new(a, b, &options);

	assert_non_null(diff);
	assert_string_equal(text(diff), lines);
	assert_memory_equal(&diff->counts, &counts, sizeof counts);
	diff_free(diff);
}

static struct snapshot *tree(void)
{
	struct snapshot *s = snapshot_new();

	assert_non_null(s);
	return s;
}

static void drop(struct snapshot *a, struct snapshot *b)
{
	snapshot_free(a);
	snapshot_free(b);
}

/* Grown, shrunk, new and gone, matched by name though every id is another. */
static void test_kinds_of_change(void **state)
{
	struct snapshot *a = tree(), *b = tree();
	uint32_t top = add(a, 1, SNAPSHOT_NONE, "Top", NULL, 100);
	uint32_t cache = add(a, 2, top, "cache", NULL, 50);

	(void)state;
	add(a, 3, cache, "entry", "a", 10);
	add(a, 4, top, "less", NULL, 30);
	add(a, 5, top, "same", NULL, 7);
	add(a, 6, top, "was", NULL, 20);
	snapshot_finish(a);
	top = add(b, 60, SNAPSHOT_NONE, "Top", NULL, 100);
	add(b, 50, top, "same", NULL, 7);
	add(b, 40, top, "less", NULL, 25);
	cache = add(b, 20, top, "cache", NULL, 50);
	add(b, 30, cache, "entry", "a", 110);
	add(b, 10, top, "is", NULL, 15);
	snapshot_finish(b);
	/* 217 and 307 in all; a line above a change has it, too. */
	expect(a, b, (struct diff_options){0},
		"0 Top 217>307; 1 cache 60>160; 2 entry a 10>110; 1 was 20>0 x1>0; "
		"1 is 0>15 x0>1; 1 less 30>25",
		(struct diff_counts){.added = 1, .gone = 1, .grown = 1, .shrunk = 1, .alike = 3});
	expect(a, b, (struct diff_options){.own = true},
		"0 Top 100>100; 1 was 20>0 x1>0; 1 is 0>15 x0>1; 1 less 30>25; 1 cache 50>50; "
		"2 entry a 10>110",
		(struct diff_counts){.added = 1, .gone = 1, .grown = 1, .shrunk = 1, .alike = 3});
	drop(a, b);
}

/* Of one name and ident the equal ones match first, the rest in order of creation. */
static void test_siblings(void **state)
{
	struct snapshot *a = tree(), *b = tree();
	uint32_t top = add(a, 1, SNAPSHOT_NONE, "Top", NULL, 0);

	(void)state;
	add(a, 2, top, "query", NULL, 10);
	add(a, 3, top, "query", NULL, 20);
	snapshot_finish(a);
	top = add(b, 1, SNAPSHOT_NONE, "Top", NULL, 0);
	add(b, 2, top, "query", NULL, 20);
	add(b, 3, top, "query", NULL, 11);
	snapshot_finish(b);
	expect(a, b, (struct diff_options){0}, "0 Top 30>31; 1 query 10>11",
		(struct diff_counts){.grown = 1, .alike = 2});
	drop(a, b);
}

/* With idents the ident decides; a context alone of its name needs none. */
static void test_idents(void **state)
{
	struct snapshot *a = tree(), *b = tree();

	(void)state;
	add(a, 1, SNAPSHOT_NONE, "plan", "x", 10);
	add(a, 2, SNAPSHOT_NONE, "plan", "y", 20);
	add(a, 3, SNAPSHOT_NONE, "query", "select 1", 5);
	add(a, 4, SNAPSHOT_NONE, "dynahash", "locks", 3);
	snapshot_finish(a);
	add(b, 1, SNAPSHOT_NONE, "plan", "y", 10);
	add(b, 2, SNAPSHOT_NONE, "plan", "z", 20);
	add(b, 3, SNAPSHOT_NONE, "query", "select 2", 6);
	add(b, 4, SNAPSHOT_NONE, "dynahash", "portals", 4);
	snapshot_finish(b);
	expect(a, b, (struct diff_options){0},
		"0 plan z 0>20 x0>1; 0 plan y 20>10; 0 plan x 10>0 x1>0; 0 portals 0>4 x0>1; "
		"0 locks 3>0 x1>0; 0 query select 2 5>6",
		(struct diff_counts){.added = 2, .gone = 2, .grown = 1, .shrunk = 1});
	drop(a, b);
}

/* Three of a name share a line, with what stands below them; the counts are of single contexts. */
static void test_groups(void **state)
{
	struct snapshot *a = tree(), *b = tree();
	char ident[2] = "a";

	(void)state;
	for (int i = 0; i < 3; i++, ident[0]++)
		add(a, 1, SNAPSHOT_NONE, "index", ident, 10);
	snapshot_finish(a);
	for (int i = 0; i < 3; i++, ident[0]--)
		add(b, 1, add(b, 2, SNAPSHOT_NONE, "index", ident, 10), "leaf", NULL, 1);
	snapshot_finish(b);
	/* a b c and d c b */
	expect(a, b, (struct diff_options){0}, "0 index 30>33 x3>3; 1 leaf 0>3 x0>3",
		(struct diff_counts){.added = 4, .gone = 1, .alike = 2});
	expect(a, b, (struct diff_options){.all = true},
		"0 index d 0>11 x0>1; 1 leaf 0>1 x0>1; 0 index a 10>0 x1>0; 0 index b 10>11; "
		"1 leaf 0>1 x0>1; 0 index c 10>11; 1 leaf 0>1 x0>1",
		(struct diff_counts){.added = 4, .gone = 1, .alike = 2});
	drop(a, b);
}

/* What is not known is no change, and adds up to what is not known. */
static void test_unknown(void **state)
{
	struct snapshot *a = tree(), *b = tree();
	struct diff *diff;

	(void)state;
	add(a, 1, SNAPSHOT_NONE, "Top", NULL, 10);
	add(b, 1, SNAPSHOT_NONE, "Top", NULL, SNAPSHOT_UNKNOWN);
	snapshot_finish(a);
	snapshot_finish(b);
	diff = diff_new(a, b, &(struct diff_options){0});
	assert_non_null(diff);
	assert_int_equal(diff->counts.changed, 1);
	assert_false(diff_change(diff->totals, ROWS_TOTAL).known);
	assert_int_equal(diff_change(diff->totals, ROWS_CONTEXTS).by, 0);
	diff_free(diff);
	drop(a, b);
}

static void test_limit(void **state)
{
	struct snapshot *a = tree(), *b = tree();
	struct diff *diff;
	uint32_t top;

	(void)state;
	snapshot_finish(a);
	top = add(b, 1, SNAPSHOT_NONE, "Top", NULL, 1);
	add(b, 2, add(b, 3, top, "deep", NULL, 1), "deeper", NULL, 50);
	add(b, 4, top, "large", NULL, 30);
	add(b, 5, top, "small", NULL, 2);
	snapshot_finish(b);
	diff = diff_new(a, b, &(struct diff_options){0});
	assert_non_null(diff);
	assert_int_equal(diff_limit(diff, 3), 0);
	assert_string_equal(text(diff), "0 Top 0>84 x0>1; 1 deep 0>51 x0>1; 2 deeper 0>50 x0>1");
	assert_int_equal(diff->hidden, 2);
	assert_int_equal(diff->hidden_most, 30);
	assert_int_equal(diff->lines[1].end, 3);
	diff_free(diff);
	drop(a, b);
}

/* ---- Random trees --------------------------------------------------------------------- */

enum { MOST = 300 };

/* A context of the tree on both sides; its name is its number, so that matching is unique. */
struct plan {
	uint32_t parent;
	uint64_t total[DIFF_SIDES];
	bool there[DIFF_SIDES];
};

static uint32_t dice(uint32_t below)
{
	return (uint32_t)rand() % below;
}

/* Adds AT and what stands below it, children in either order. */
static void grow(struct snapshot *s, const struct plan *plan, uint32_t n, uint32_t at,
	uint32_t parent, int side)
{
	char name[16];
	uint32_t index;

	if (!plan[at].there[side])
		return;
	snprintf(name, sizeof name, "c%u", at);
	index = add(
		s, side == DIFF_A ? at : 1000000 - at, parent, name, NULL, plan[at].total[side]);
	for (uint32_t i = at + 1; i < n; i++) {
		uint32_t child = side == DIFF_A ? i : n + at - i;

		if (plan[child].parent == at)
			grow(s, plan, n, child, index, side);
	}
}

static void check_lines(const struct diff *diff, const struct plan *plan, uint32_t n)
{
	bool seen[MOST] = {false};

	for (size_t i = 0; i < diff->n; i++) {
		const struct diff_line *line = &diff->lines[i];
		uint32_t context = line->context[diff_side(line)];
		uint32_t at = (uint32_t)atoi(rows_name(diff->sides[diff_side(line)], context) + 1);

		assert_false(seen[at]);
		seen[at] = true;
		for (int side = 0; side < DIFF_SIDES; side++) {
			assert_int_equal(line->members[side], plan[at].there[side]);
			assert_int_equal(line->figures[side].of[ROWS_TOTAL],
				plan[at].there[side] ? plan[at].total[side] : 0);
		}
		/* Nothing stands there that does not differ, or lead to what does. */
		assert_true(diff_differs(line, ROWS_TOTAL) || line->end > i + 1);
		assert_true(line->end > i && line->end <= diff->n);
		assert_true(line->parent == SNAPSHOT_NONE || line->parent < i);
	}
	for (uint32_t at = 0; at < n; at++) {
		const struct plan *p = &plan[at];
		bool differs = p->there[DIFF_A] != p->there[DIFF_B] ||
			       (p->there[DIFF_A] && p->total[DIFF_A] != p->total[DIFF_B]);

		assert_true(seen[at] || !differs);
	}
}

static void test_random(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 200; round++) {
		struct plan plan[MOST];
		struct snapshot *sides[DIFF_SIDES] = {tree(), tree()};
		uint32_t n = 1 + dice(MOST - 1);
		uint64_t sums[DIFF_SIDES] = {0, 0};
		struct diff *diff;

		for (uint32_t i = 0; i < n; i++) {
			struct plan *p = &plan[i];
			const struct plan *above;

			p->parent = i == 0 ? 0 : dice(i);
			above = &plan[p->parent];
			p->total[DIFF_A] = p->total[DIFF_B] = dice(1000);
			if (dice(8) == 0)
				p->total[DIFF_B] = dice(1000);
			p->there[DIFF_A] = i == 0 || (above->there[DIFF_A] && dice(20) > 0);
			p->there[DIFF_B] = i == 0 || (above->there[DIFF_B] && dice(20) > 0);
			for (int side = 0; side < DIFF_SIDES; side++)
				sums[side] += p->there[side] ? p->total[side] : 0;
		}
		for (int side = 0; side < DIFF_SIDES; side++) {
			grow(sides[side], plan, n, 0, SNAPSHOT_NONE, side);
			snapshot_finish(sides[side]);
		}
		diff = diff_new(sides[DIFF_A], sides[DIFF_B],
			&(struct diff_options){.own = true, .all = dice(2) != 0});
		assert_non_null(diff);
		check_lines(diff, plan, n);
		for (int side = 0; side < DIFF_SIDES; side++) {
			assert_int_equal(diff->totals[side].of[ROWS_TOTAL], sums[side]);
			assert_int_equal(diff->totals[side].of[ROWS_CONTEXTS], sides[side]->n);
		}
		diff_free(diff);
		drop(sides[DIFF_A], sides[DIFF_B]);
	}
}

/* A hundred thousand levels, and as many siblings of one name and no ident. */
static void test_large(void **state)
{
	enum { N = 100000 };
	struct snapshot *a = tree(), *b = tree();
	struct diff *diff;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		add(a, i, i == 0 ? SNAPSHOT_NONE : i - 1, "deep", NULL, 1);
		add(b, i, i == 0 ? SNAPSHOT_NONE : i - 1, "deep", NULL, 1 + (i == N - 1));
	}
	for (uint32_t i = 0; i < N; i++) {
		add(a, i, SNAPSHOT_NONE, "flat", NULL, i);
		add(b, i, SNAPSHOT_NONE, "flat", NULL, N - 1 - i);
	}
	snapshot_finish(a);
	snapshot_finish(b);
	diff = diff_new(a, b, &(struct diff_options){.all = true});
	assert_non_null(diff);
	assert_int_equal(diff->n, N);
	assert_int_equal(diff->counts.grown, 1);
	assert_int_equal(diff->counts.alike, 2 * N - 1);
	assert_int_equal(diff_limit(diff, 10), 0);
	assert_int_equal(diff->n, 10);
	diff_free(diff);
	drop(a, b);
}

/* ---- A source with its moment ---------------------------------------------------------- */

static struct source *open_at(
	const char *argument, struct source_point *point, struct source_error *error)
{
	struct source_options options = {.pid = -1};

	*error = (struct source_error){0};
	return source_open_at(argument, &options, point, error);
}

static void write_trace(const char *path)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs("memctx-trace 1\ncreate 1 - aset \"a\"\n", out);
	fclose(out);
}

static void expect_at(const char *argument, const char *path, int kind, uint64_t number)
{
	struct source_point point;
	struct source_error error;
	struct source *source = open_at(argument, &point, &error);

	assert_non_null(source);
	assert_string_equal(source_path(source), path);
	assert_int_equal(point.kind, kind);
	if (kind == SOURCE_EVENT || kind == SOURCE_TIME)
		assert_int_equal(point.number, number);
	source_close(source);
}

static void test_moments(void **state)
{
	char folder[] = "/tmp/diff-test-XXXXXX";
	struct source_point point;
	struct source_error error;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	write_trace("t");
	write_trace("t@peak");
	expect_at("t", "t", SOURCE_AS_IS, 0);
	expect_at("t@end", "t", SOURCE_END, 0);
	expect_at("t@17", "t", SOURCE_EVENT, 17);
	expect_at("t@1.5us", "t", SOURCE_TIME, 1500);
	/* A file of the name comes first; its own moment stands behind the last @. */
	expect_at("t@peak", "t@peak", SOURCE_AS_IS, 0);
	expect_at("t@peak@peak", "t@peak", SOURCE_PEAK, 0);
	assert_null(open_at("t@noon", &point, &error));
	assert_string_equal(error.path, "t@noon");
	assert_non_null(strstr(error.message, "not noon"));
	assert_null(open_at("none@3", &point, &error));
	assert_string_equal(error.path, "none");
	assert_int_equal(unlink("t") + unlink("t@peak") + chdir("/") + rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_of_change),
		cmocka_unit_test(test_siblings),
		cmocka_unit_test(test_idents),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
