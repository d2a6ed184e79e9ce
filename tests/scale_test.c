/* SPDX-License-Identifier: MIT */
/*
 * A hundred thousand contexts, deep as a chain and wide as one family: no recursion (the tests
 * run on a stack of 128 KiB), nothing quadratic.
 */
#include <pthread.h>

#include "unit.h"

static size_t many = 100000;

/* Runs FUNC where a frame a level would overflow. */
static void on_small_stack(void *(*func)(void *))
{
	pthread_attr_t attr;
	pthread_t thread;
	void *fault = NULL;

	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, 128 << 10), 0);
	assert_int_equal(pthread_create(&thread, &attr, func, NULL), 0);
	assert_int_equal(pthread_join(thread, &fault), 0);
	pthread_attr_destroy(&attr);
	if (fault != NULL)
		fail_msg("%s", (const char *)fault);
}

/* cmocka's asserts jump and so stay out of threads: what fails comes back as a sentence. */
#define HOLDS(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return (void *)(uintptr_t) #condition;                                     \
	} while (0)

static memctx *make(memctx *parent)
{
	return memctx_create(parent, "one", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
}

static void *deep_chain(void *arg)
{
	memctx *top = make(NULL), *last = top, *middle = NULL, *other;
	size_t count = 0;

	(void)arg;
	HOLDS(top != NULL);
	for (size_t i = 1; i < many; i++) {
		last = make(last);
		HOLDS(last != NULL && memctx_alloc(last, 50) != NULL);
		if (i == many / 2)
			middle = last;
	}
	for (memctx *ctx = top; ctx != NULL; ctx = memctx_walk(top, ctx))
		count++;
	HOLDS(count == many);
	HOLDS(memctx_subtree_total(top) == many * 1024);
	HOLDS(memctx_check(top, NULL, NULL) == 0);
	HOLDS(memctx_set_parent(top, last) == -1 && errno == EINVAL);
	memctx_set_limit(top, many * 1024 + 20000);
	HOLDS(memctx_alloc(last, 30000) == NULL);
	HOLDS(memctx_alloc(last, 15000) != NULL);
	memctx_set_limit(top, 0);
	other = make(NULL);
	HOLDS(other != NULL && memctx_set_parent(middle, other) == 0);
	HOLDS(memctx_subtree_total(top) == many / 2 * 1024);
	memctx_delete(other);
	memctx_reset(top);
	HOLDS(memctx_first_child(top) == NULL);
	memctx_delete(top);
	return NULL;
}

static void *wide_family(void *arg)
{
	memctx *top = make(NULL), *child = NULL;
	size_t count = 0;

	(void)arg;
	HOLDS(top != NULL);
	for (size_t i = 0; i < many; i++) {
		child = make(top);
		HOLDS(child != NULL);
	}
	for (memctx *ctx = memctx_first_child(top); ctx != NULL; ctx = memctx_next_sibling(ctx))
		count++;
	HOLDS(count == many);
	HOLDS(memctx_subtree_total(top) == (many + 1) * 1024);
	HOLDS(memctx_check(top, NULL, NULL) == 0);
	for (int i = 0; i < 1000; i++) /* to and from the end, wherever it stood */
		HOLDS(memctx_set_parent(memctx_first_child(top), top) == 0);
	HOLDS(memctx_next_sibling(child) != NULL);
	memctx_delete(child);
	memctx_delete(memctx_first_child(top));
	memctx_delete_children(top);
	HOLDS(memctx_first_child(top) == NULL);
	HOLDS(memctx_check(top, NULL, NULL) == 0);
	memctx_delete(top);
	return NULL;
}

static void *many_chunks(void *arg)
{
	memctx *top = memctx_create(NULL, "chunks", NULL, MEMCTX_ASET, NULL);
	void **chunk = calloc(many * 5, sizeof *chunk);

	(void)arg;
	HOLDS(top != NULL && chunk != NULL);
	for (size_t i = 0; i < many * 5; i++) {
		chunk[i] = memctx_alloc(top, i % 100);
		HOLDS(chunk[i] != NULL);
	}
	for (size_t i = 0; i < many * 5; i += 3)
		memctx_free(chunk[i]);
	HOLDS(memctx_check(top, NULL, NULL) == 0);
	memctx_delete(top);
	free(chunk);
	return NULL;
}

static void chain_of_a_hundred_thousand(void **state)
{
	(void)state;
	on_small_stack(deep_chain);
}

static void family_of_a_hundred_thousand(void **state)
{
	(void)state;
	on_small_stack(wide_family);
}

static void half_a_million_chunks(void **state)
{
	(void)state;
	on_small_stack(many_chunks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_of_a_hundred_thousand),
		cmocka_unit_test(family_of_a_hundred_thousand),
		cmocka_unit_test(half_a_million_chunks),
	};

	if (RUNNING_ON_VALGRIND)
		many = 5000;
	return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
