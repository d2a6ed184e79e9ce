/* SPDX-License-Identifier: MIT */
/*
 * Threads: separate trees at once, trees that change hands under a mutex, threads that end with
 * something cached.  Run under ThreadSanitizer too; once through a counting backing, so that what
 * a thread leaves behind is seen, and once with the default one, contexts published and events
 * recorded.
 */
#include <pthread.h>
#include <sched.h>

#include "unit.h"

enum { THREADS = 4, TREES = 6, CHUNKS = 64 };

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { ROUNDS = 4000, SHORT_THREADS = 1000 };
#else
enum { ROUNDS = 20000, SHORT_THREADS = 5000 };
#endif

static struct door door;

static int begin(void **state)
{
	(void)state;
	return door_open(&door) ? 0 : -1;
}

static int end(void **state)
{
	const char *fault = door_close(&door);

	(void)state;
	if (fault != NULL)
		print_error("%s\n", fault);
	return fault == NULL ? 0 : -1;
}

/* A tree and what lives in its root: whoever holds it may do anything to it. */
struct tree {
	pthread_mutex_t lock;
	memctx *top;
	unsigned char *chunk[CHUNKS];
	size_t size[CHUNKS];
	uint64_t random;
};

static bool tree_begin(struct tree *tree, uint64_t seed)
{
	*tree = (struct tree){.random = seed};
	pthread_mutex_init(&tree->lock, NULL);
	tree->top = memctx_create(NULL, "tree", "handed on", MEMCTX_ASET, NULL);
	return tree->top != NULL;
}

static const char *tree_alloc(struct tree *tree, uint64_t i)
{
	size_t size = rng_below(&tree->random, rng_below(&tree->random, 50) == 0 ? 100000 : 600);

	tree->chunk[i] = memctx_alloc(tree->top, size);
	tree->size[i] = size;
	if (tree->chunk[i] == NULL)
		return "an allocation failed";
	memset(tree->chunk[i], (int)i, size);
	return NULL;
}

static const char *tree_change(struct tree *tree, uint64_t i)
{
	size_t size = rng_below(&tree->random, 3000), least;

	if (!filled_with(tree->chunk[i], tree->size[i], (int)i))
		return "a chunk lost its contents";
	if (size % 3 != 0) {
		memctx_free(tree->chunk[i]);
		tree->chunk[i] = NULL;
		return NULL;
	}
	least = size < tree->size[i] ? size : tree->size[i];
	tree->chunk[i] = memctx_realloc(tree->chunk[i], size);
	if (tree->chunk[i] == NULL || !filled_with(tree->chunk[i], least, (int)i))
		return "a realloc failed or lost contents";
	memset(tree->chunk[i], (int)i, size);
	tree->size[i] = size;
	return NULL;
}

/* One thing done to a tree that this thread holds; NULL, or what is wrong. */
static const char *tree_step(struct tree *tree)
{
	uint64_t what = rng_below(&tree->random, 100), i = rng_below(&tree->random, CHUNKS);
	memctx *child;

	if (what < 90)
		return tree->chunk[i] == NULL ? tree_alloc(tree, i) : tree_change(tree, i);
	if (what < 96) {
		child = memctx_create(tree->top, "child", NULL, MEMCTX_ASET,
			what % 2 ? &MEMCTX_SMALL_OPTIONS : NULL);
		if (child == NULL || memctx_zalloc(child, 500) == NULL)
			return "a child or its chunk failed";
	} else if (what < 98) {
		memctx_delete_children(tree->top);
	} else if (what == 98 && i == 0) {
		memctx_reset(tree->top);
		memset(tree->chunk, 0, sizeof tree->chunk);
	} else {
		memctx *was = memctx_switch(tree->top);
		if (memctx_current() != tree->top)
			return "the current context is not the one switched to";
		memctx_switch(was);
		if (memctx_set_ident(tree->top, i % 2 ? "odd" : "even") != 0)
			return "an ident failed";
	}
	return NULL;
}

static const char *tree_end(struct tree *tree)
{
	size_t broken = memctx_check(tree->top, unit_report, NULL);

	memctx_delete(tree->top);
	pthread_mutex_destroy(&tree->lock);
	return broken == 0 ? NULL : "memctx_check finds damage";
}

/* Runs FUNC in N threads, each with its number. */
static void run_threads(int n, void *(*func)(void *))
{
	pthread_t thread[THREADS];
	const char *fault = NULL;

	for (intptr_t i = 0; i < n; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, func, (void *)i), 0);
	for (int i = 0; i < n; i++) {
		void *result;
		assert_int_equal(pthread_join(thread[i], &result), 0);
		if (result != NULL)
			fault = result;
	}
	if (fault != NULL)
		fail_msg("%s", fault);
}

static void *own_tree(void *arg)
{
	struct tree tree;
	const char *fault = NULL, *last;

	if (!tree_begin(&tree, (uint64_t)(uintptr_t)arg))
		return (void *)(uintptr_t) "a tree could not be made";
	for (int i = 0; i < ROUNDS && fault == NULL; i++)
		fault = tree_step(&tree);
	last = tree_end(&tree);
	return (void *)(uintptr_t)(fault != NULL ? fault : last);
}

static void separate_trees_at_once(void **state)
{
	(void)state;
	run_threads(THREADS, own_tree);
}

static struct tree shared[TREES];

static void *take_and_pass_on(void *arg)
{
	uint64_t random = (uint64_t)(uintptr_t)arg + 100;
	const char *fault = NULL;

	for (int i = 0; i < ROUNDS / 10 && fault == NULL; i++) {
		struct tree *tree = &shared[rng_below(&random, TREES)];

		pthread_mutex_lock(&tree->lock);
		for (int j = 0; j < 10 && fault == NULL; j++)
			fault = tree_step(tree);
		pthread_mutex_unlock(&tree->lock);
	}
	return (void *)(uintptr_t)fault;
}

static void trees_change_hands(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < TREES; i++)
		assert_true(tree_begin(&shared[i], i));
	run_threads(THREADS, take_and_pass_on);
	for (int i = 0; i < TREES; i++)
		assert_null(tree_end(&shared[i]));
}

/* Leaves cached blocks and recycled contexts behind; ARG: a tree to leave as well, or NULL. */
static void *short_life(void *arg)
{
	memctx *kept = memctx_create(NULL, "kept", NULL, MEMCTX_ASET, NULL);
	memctx *gone = memctx_create(kept, "gone", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);

	if (kept == NULL || gone == NULL)
		return (void *)(uintptr_t) "a context failed";
	for (int i = 0; i < 20; i++)
		if (memctx_alloc(gone, 3000) == NULL || memctx_alloc(kept, 7) == NULL)
			return (void *)(uintptr_t) "an allocation failed";
	memctx_delete(gone);
	if (arg == NULL)
		memctx_delete(kept);
	else
		*(memctx **)arg = kept;
	return NULL;
}

static void *short_life_alone(void *arg)
{
	(void)arg;
	return short_life(NULL);
}

static void short_threads_leave_nothing(void **state)
{
	struct memctx_overhead overhead;
	size_t blocks;

	(void)state;
	run_threads(1, short_life_alone);
	memctx_trim();
	blocks = door.blocks;
	for (int i = 0; i < SHORT_THREADS; i += THREADS) {
		run_threads(THREADS, short_life_alone);
		assert_true(door.blocks <= blocks);
	}
	memctx_overhead(&overhead);
	assert_int_equal(overhead.contexts, 0);
}

static void trees_outlive_their_threads(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) {
		memctx *left[THREADS];
		pthread_t thread[THREADS];

		for (int j = 0; j < THREADS; j++)
			assert_int_equal(pthread_create(&thread[j], NULL, short_life, &left[j]), 0);
		for (int j = 0; j < THREADS; j++) {
			void *fault;
			pthread_join(thread[j], &fault);
			assert_null(fault);
			assert_int_equal(stats_of(left[j]).live_chunks, 20);
			new_chunk(left[j], 100, 1);
			memctx_delete(left[j]);
		}
	}
}

static pthread_key_t late_key;

/* Runs at the thread's end, perhaps after the library has put the thread's cache away. */
static void late_delete(void *arg)
{
	memctx_delete(arg);
}

static void *deletes_late(void *arg)
{
	memctx *early = memctx_create(NULL, "early", NULL, MEMCTX_ASET, NULL);
	memctx *late = memctx_create(NULL, "late", NULL, MEMCTX_ASET, NULL);

	(void)arg;
	if (early == NULL || late == NULL || memctx_alloc(late, 10000) == NULL)
		return (void *)(uintptr_t) "a context failed";
	memctx_delete(early);
	return pthread_setspecific(late_key, late) == 0 ? NULL : (void *)(uintptr_t) "no key";
}

static void contexts_may_be_deleted_by_destructors(void **state)
{
	struct memctx_overhead overhead;

	(void)state;
	assert_int_equal(pthread_key_create(&late_key, late_delete), 0);
	for (int i = 0; i < 50; i++)
		run_threads(THREADS, deletes_late);
	pthread_key_delete(late_key);
	memctx_overhead(&overhead);
	assert_int_equal(overhead.contexts, 0);
}

static _Atomic bool switching;

static void *switch_recording(void *arg)
{
	for (size_t i = 0; switching; i++) {
		memctx_set_ring(i % 3 * 500);
		sched_yield();
	}
	memctx_set_ring(16384);
	return arg;
}

static void recording_is_switched_meanwhile(void **state)
{
	pthread_t thread;

	(void)state;
	switching = true;
	assert_int_equal(pthread_create(&thread, NULL, switch_recording, NULL), 0);
	run_threads(THREADS, own_tree);
	switching = false;
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, begin, end),                                         \
	{                                                                                          \
#name ", published", name, NULL, NULL, NULL                                        \
	}
	const struct CMUnitTest tests[] = {
		TEST(separate_trees_at_once),
		TEST(trees_change_hands),
		TEST(short_threads_leave_nothing),
		TEST(trees_outlive_their_threads),
		TEST(contexts_may_be_deleted_by_destructors),
		cmocka_unit_test(recording_is_switched_meanwhile),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
