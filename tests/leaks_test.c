/* SPDX-License-Identifier: MIT */
/*
 * What grows: counts and samples held against a model that keeps every chunk and looks at all of
 * them at each sample; and runs whose verdict is known, each beside its innocent twin.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/leaks.h"

struct run {
	struct leaks *leaks;
	uint64_t events;
	uint64_t chunks; /* ids given */
};

static struct run start(void)
{
	struct run run = {.leaks = leaks_new()};

	assert_non_null(run.leaks);
	return run;
}

static void note(struct run *run, struct trace_event event)
{
	assert_int_equal(leaks_note(run->leaks, &event, ++run->events), 0);
}

static void create(struct run *run, uint64_t ctx, uint64_t parent, const char *name)
{
	struct trace_create create = {.name = name, .name_len = strlen(name)};

	note(run, (struct trace_event){.op = TRACE_CREATE,
			  .ctx = ctx,
			  .id2 = parent,
			  .has = parent != 0 ? TRACE_HAS_PARENT : 0,
			  .create = &create});
}

static uint64_t alloc(struct run *run, uint64_t ctx, uint64_t size)
{
	uint64_t chunk = ++run->chunks;

	note(run,
		(struct trace_event){.op = TRACE_ALLOC, .ctx = ctx, .chunk = chunk, .size = size});
	return chunk;
}

static void release(struct run *run, uint64_t chunk)
{
	if (chunk != 0)
		note(run, (struct trace_event){.op = TRACE_FREE, .chunk = chunk});
}

static void on_context(struct run *run, enum trace_op op, uint64_t ctx)
{
	note(run, (struct trace_event){.op = (uint8_t)op, .ctx = ctx});
}

static const char *last_name(const struct run *run, const struct leak *leak)
{
	const char *names[8];
	size_t n = leaks_path(run->leaks, leak->path, names, 8);

	assert_in_range(n, 1, 8);
	return names[n - 1];
}

/* The first suspect is WHAT of NAME, or there is none (NULL). */
static void expect_first(struct run *run, const char *name, unsigned what)
{
	struct leaks_report report;

	assert_int_equal(leaks_judge(run->leaks, &report), 0);
	if (name == NULL) {
		assert_int_equal(report.suspected, 0);
	} else {
		assert_true(report.suspected >= 1);
		assert_string_equal(last_name(run, &report.leaks[0]), name);
		assert_int_equal(report.leaks[0].what, what);
	}
	leaks_free(run->leaks);
}

/* ---- Verdicts ------------------------------------------------------------------------- */

enum { QUERIES = 1000 };

/* Queries with a cache that fills, chunks that come and go in the leak's own class, a queue. */
static void queries(bool leak)
{
	struct run run = start();
	uint64_t cached[100] = {0}, queue[40] = {0};

	create(&run, 1, 0, "Top");
	create(&run, 2, 1, "Cache");
	create(&run, 3, 1, "Session");
	srand(3);
	for (uint64_t q = 0; q < QUERIES; q++) {
		uint64_t *entry = &cached[rand() % 100], some[5];

		create(&run, 100 + q, 3, "Query");
		for (int i = 0; i < 20; i++)
			alloc(&run, 100 + q, (uint64_t)rand() % 5000);
		if (*entry == 0)
			*entry = alloc(&run, 2, 5000);
		for (int i = 0; i < 5; i++)
			some[i] = alloc(&run, 3, 60);
		if (leak)
			alloc(&run, 3, 50);
		for (int i = 0; i < 5; i++)
			release(&run, some[i]);
		release(&run, queue[q % 40]);
		queue[q % 40] = alloc(&run, 2, 9000);
		on_context(&run, TRACE_DELETE, 100 + q);
	}
	/* 33 .. 64 are class 3. */
	expect_first(&run, leak ? "Session" : NULL, 3);
}

static void test_planted(void **state)
{
	(void)state;
	queries(true);
	queries(false);
}

/* Contexts that multiply are one suspect, with what is in them and below them. */
static void test_contexts(void **state)
{
	struct run run = start();
	struct leaks_report report;

	(void)state;
	create(&run, 1, 0, "Top");
	for (uint64_t q = 0; q < QUERIES; q++) {
		create(&run, 10 + 2 * q, 1, "Plan");
		create(&run, 11 + 2 * q, 10 + 2 * q, "Part");
		alloc(&run, 10 + 2 * q, 100);
		alloc(&run, 11 + 2 * q, 1000);
	}
	assert_int_equal(leaks_judge(run.leaks, &report), 0);
	assert_int_equal(report.suspected, 1);
	assert_string_equal(last_name(&run, &report.leaks[0]), "Plan");
	assert_int_equal(report.leaks[0].what, LEAKS_CONTEXTS);
	assert_int_equal(report.leaks[0].live, QUERIES);
	assert_int_equal(report.leaks[0].bytes, QUERIES * 1100);
	assert_int_equal(report.leaks[0].oldest, run.events - 2);
	leaks_free(run.leaks);
}

/* A context that is reset each time leaks nothing, however much passes through it. */
static void test_reset(void **state)
{
	struct run run = start();

	(void)state;
	create(&run, 1, 0, "Top");
	for (uint64_t q = 0; q < QUERIES; q++) {
		for (int i = 0; i < 10; i++)
			alloc(&run, 1, 100);
		on_context(&run, TRACE_RESET, 1);
	}
	expect_first(&run, NULL, 0);
}

/* One chunk that is resized further and further; and one that is resized up and down. */
static void test_resized(void **state)
{
	(void)state;
	for (int grows = 0; grows < 2; grows++) {
		struct run run = start();
		uint64_t chunk;

		create(&run, 1, 0, "Top");
		chunk = alloc(&run, 1, 20000);
		for (uint64_t q = 0; q < QUERIES; q++)
			note(&run, (struct trace_event){.op = TRACE_REALLOC,
					   .chunk = chunk,
					   .size = 20000 + 100 * (grows ? q : q % 50)});
		expect_first(&run, grows ? "Top" : NULL, LEAKS_LARGE);
	}
}

/* Too short a run tells nothing. */
static void test_short(void **state)
{
	struct run run = start();

	(void)state;
	expect_first(&run, NULL, 0);
	run = start();
	create(&run, 1, 0, "Top");
	for (int i = 0; i < 5; i++)
		alloc(&run, 1, 100);
	expect_first(&run, NULL, 0);
}

/* A leak that began after half of the run was over: late, so no verdict, but it is counted. */
static void test_late(void **state)
{
	struct run run = start();
	struct leaks_report report;

	(void)state;
	create(&run, 1, 0, "Top");
	for (uint64_t q = 0; q < QUERIES; q++) {
		uint64_t chunk = alloc(&run, 1, 100);

		if (q < QUERIES * 9 / 10)
			release(&run, chunk);
	}
	assert_int_equal(leaks_judge(run.leaks, &report), 0);
	assert_int_equal(report.suspected, 0);
	assert_int_equal(report.n, 1);
	assert_int_equal(report.leaks[0].live, QUERIES / 10);
	assert_int_equal(report.leaks[0].made, QUERIES);
	leaks_free(run.leaks);
}

/* What a move carries along is counted where it stands at the end. */
static void test_move(void **state)
{
	struct run run = start();
	struct leaks_report report;
	const char *names[4];

	(void)state;
	create(&run, 1, 0, "Top");
	create(&run, 2, 1, "From");
	create(&run, 3, 1, "To");
	create(&run, 4, 2, "Plan");
	create(&run, 5, 4, "Part");
	alloc(&run, 5, 100);
	note(&run, (struct trace_event){
			   .op = TRACE_MOVE, .ctx = 4, .id2 = 3, .has = TRACE_HAS_PARENT});
	assert_int_equal(leaks_judge(run.leaks, &report), 0);
	assert_int_equal(report.n, 1);
	assert_int_equal(leaks_path(run.leaks, report.leaks[0].path, names, 4), 4);
	assert_string_equal(names[0], "Top");
	assert_string_equal(names[1], "To");
	assert_string_equal(names[2], "Plan");
	assert_string_equal(names[3], "Part");
	leaks_free(run.leaks);
}

/* ---- A model -------------------------------------------------------------------------- */

enum { CONTEXTS = 12, CHUNKS = 400, PATHS = 5, SIZES = 6, EVENTS = 20000 };

static const uint64_t sizes[SIZES] = {0, 8, 9, 500, 8192, 8193};
static const unsigned classes[SIZES] = {0, 0, 1, 6, 10, LEAKS_LARGE};

struct model {
	uint64_t life[CONTEXTS]; /* 0: the context does not live */
	uint64_t chunk[CHUNKS];  /* id; 0: it does not live */
	uint64_t born[CHUNKS];
	int of[CHUNKS], size[CHUNKS];
	uint64_t made[PATHS][LEAKS_WHATS];
	/* All samples that ever were, by event. */
	uint16_t live[EVENTS + 1][PATHS][LEAKS_WHATS];
};

/* Contexts are all roots; several share a name, and so a path. */
static const char *const names[PATHS] = {"a", "b", "c", "d", "e"};

static void model_empty(struct model *m, int ctx)
{
	for (int i = 0; i < CHUNKS; i++)
		if (m->chunk[i] != 0 && m->of[i] == ctx)
			m->chunk[i] = 0;
}

static void model_step(struct model *m, struct run *run)
{
	int ctx = rand() % CONTEXTS, slot = rand() % CHUNKS, size = rand() % SIZES;

	if (m->life[ctx] == 0) {
		m->life[ctx] = run->events + 1;
		create(run, (uint64_t)ctx + 1, 0, names[ctx % PATHS]);
	} else if (m->chunk[slot] == 0) {
		m->of[slot] = ctx;
		m->size[slot] = size;
		m->born[slot] = run->events + 1;
		m->made[ctx % PATHS][classes[size]]++;
		m->chunk[slot] = alloc(run, (uint64_t)ctx + 1, sizes[size]);
	} else if (rand() % 8 == 0) {
		int from = m->size[slot];

		m->made[m->of[slot] % PATHS][classes[size]] += classes[from] != classes[size];
		m->size[slot] = size;
		note(run, (struct trace_event){.op = TRACE_REALLOC,
				  .chunk = m->chunk[slot],
				  .size = sizes[size],
				  .id2 = ++run->chunks,
				  .has = TRACE_HAS_NEWCHUNK});
		m->chunk[slot] = run->chunks;
	} else if (rand() % 100 == 0) {
		model_empty(m, ctx);
		on_context(run, rand() % 2 ? TRACE_RESET : TRACE_RESETONLY, (uint64_t)ctx + 1);
	} else if (rand() % 100 == 0) {
		model_empty(m, ctx);
		m->life[ctx] = 0;
		on_context(run, TRACE_DELETE, (uint64_t)ctx + 1);
	} else {
		release(run, m->chunk[slot]);
		m->chunk[slot] = 0;
	}
	for (int i = 0; i < CHUNKS; i++)
		if (m->chunk[i] != 0)
			m->live[run->events][m->of[i] % PATHS][classes[m->size[i]]]++;
}

static void check_leak(const struct model *m, const struct run *run,
	const struct leaks_report *report, const struct leak *leak)
{
	uint64_t oldest = run->events, bytes = 0, live = 0;
	int path = last_name(run, leak)[0] - 'a';

	assert_in_range(path, 0, PATHS - 1);
	for (int i = 0; i < CHUNKS; i++)
		if (m->chunk[i] != 0 && m->of[i] % PATHS == path &&
			classes[m->size[i]] == leak->what) {
			live++;
			bytes += sizes[m->size[i]];
			oldest = m->born[i] < oldest ? m->born[i] : oldest;
		}
	assert_int_equal(leak->live, live);
	assert_int_equal(leak->bytes, bytes);
	assert_int_equal(leak->made, m->made[path][leak->what]);
	assert_int_equal(leak->oldest, run->events - oldest);
	for (unsigned i = 0; i < report->samples; i++)
		assert_int_equal(
			leak->samples[i], m->live[(i + 1) * report->interval][path][leak->what]);
}

static void test_model(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 10; seed++) {
		struct model *m = calloc(1, sizeof *m);
		struct run run = start();
		struct leaks_report report;
		uint64_t live = 0;

		assert_non_null(m);
		srand(seed);
		for (int i = 0; i < EVENTS - (int)seed * 1000; i++)
			model_step(m, &run);
		assert_int_equal(leaks_judge(run.leaks, &report), 0);
		assert_int_equal(report.events, run.events);
		/* Evenly spread to the end, and enough of them. */
		assert_in_range(report.samples, LEAKS_SAMPLES / 2, LEAKS_SAMPLES - 1);
		assert_int_equal(report.samples, (run.events - 1) / report.interval);
		assert_true(report.n > PATHS * 4);
		for (size_t i = 0; i < report.n; i++) {
			assert_true(report.leaks[i].what != LEAKS_CONTEXTS);
			check_leak(m, &run, &report, &report.leaks[i]);
			live += report.leaks[i].live;
		}
		assert_int_equal(report.live, live);
		leaks_free(run.leaks);
		free(m);
	}
}

/* Names without end: what is gone is forgotten. */
static void test_many_names(void **state)
{
	struct run run = start();
	struct leaks_report report;

	(void)state;
	create(&run, 1, 0, "Top");
	for (int i = 0; i < 200000; i++) {
		char name[24];

		snprintf(name, sizeof name, "query %d", i);
		create(&run, 2, 1, name);
		alloc(&run, 2, 10);
		on_context(&run, TRACE_DELETECHILDREN, 1);
	}
	assert_int_equal(leaks_judge(run.leaks, &report), 0);
	assert_int_equal(report.n, 0);
	leaks_free(run.leaks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_planted),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_resized),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
