/* SPDX-License-Identifier: MIT */
/*
 * Processes that come of others: a child counts exactly from where it was forked, in a region of
 * its own, and its parent never notices; what is executed gets nothing.
 */
#include <pthread.h>

#include "publish_support.h"

static unsigned bank = MCX_BANK_CONTEXTS; /* contexts enough to reach another bank */

static memctx *tree;
static struct memctx_stats at_fork;

/* In a child: the figures are those of the fork, and go on from there. */
static void go_on(void)
{
	struct memctx_stats s;
	void *chunk;

	memctx_stats(tree, &s);
	HOLDS(memcmp(&s, &at_fork, sizeof s) == 0);
	HOLDS(memctx_check(tree, NULL, NULL) == 0);
	for (int i = 0; i < 1000; i++) {
		chunk = memctx_alloc(tree, 1000);
		HOLDS(chunk != NULL);
		if (i % 2 == 0)
			memctx_free(chunk);
	}
	memctx_stats(tree, &s);
	HOLDS(s.live_chunks == at_fork.live_chunks + 500 && s.allocs == at_fork.allocs + 1000);
	HOLDS(memctx_check(tree, NULL, NULL) == 0);
	memctx_delete(tree);
	work_a_little();
}

static void go_on_published(void)
{
	HOLDS(mcx_region != NULL && mcx_region->pid == getpid() && region_fd() >= 0);
	go_on();
	HOLDS(memctx_publish(true) == -1);
	HOLDS(mcx_region->ring[0].head > 2000);
}

static void go_on_unpublished(void)
{
	HOLDS(mcx_region == NULL);
	go_on();
	memctx_set_ring(0);
	memctx_set_ring(1000); /* of no use, and not to the parent's rings */
	memctx_delete(work_a_little());
	limit_to(RLIMIT_NOFILE, RLIM_INFINITY);
}

static void children_go_on_as(void (*work)(void))
{
	struct region_ring ring = mcx_region->ring[0];
	struct memctx_stats s;

	memctx_stats(tree, &at_fork);
	for (int i = 0; i < (RUNNING_ON_VALGRIND ? 1 : 3); i++)
		HOLDS(ends_well(start(work)));
	memctx_stats(tree, &s);
	HOLDS(memcmp(&s, &at_fork, sizeof s) == 0);
	HOLDS(memcmp(&mcx_region->ring[0], &ring, sizeof ring) == 0);
	HOLDS(mcx_region->pid == getpid());
	HOLDS(memctx_check(tree, NULL, NULL) == 0);
}

static void children_have_their_own(void)
{
	tree = work_a_little();
	children_go_on_as(go_on_published);
	for (unsigned i = 0; i < bank; i++)
		HOLDS(memctx_create(tree, "many", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS));
	children_go_on_as(go_on_published);
}

static void children_without_a_file(void)
{
	tree = work_a_little();
	limit_to(RLIMIT_NOFILE, 3);
	children_go_on_as(go_on_unpublished);
	limit_to(RLIMIT_NOFILE, RLIM_INFINITY);
}

static int child_ready[2], parent_ready[2];

static void tell(int *pipe)
{
	HOLDS(write(pipe[1], "x", 1) == 1);
}

static void wait_for(int *pipe)
{
	char byte;

	HOLDS(read(pipe[0], &byte, 1) == 1);
}

static unsigned how_many;

/* Contexts of a bank that was not there when the process forked. */
static void fill_a_bank(size_t chunk)
{
	for (unsigned i = 0; i < how_many; i++) {
		memctx *ctx = memctx_create(tree, "new", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
		HOLDS(ctx != NULL && memctx_alloc(ctx, chunk) != NULL);
	}
}

static void fill_beside_the_parent(void)
{
	fill_a_bank(100);
	tell(child_ready);
	wait_for(parent_ready);
	HOLDS(memctx_check(tree, unit_report, NULL) == 0);
	memctx_delete(tree);
	limit_to(RLIMIT_NOFILE, RLIM_INFINITY);
}

static void processes_fill_beside_each_other(void)
{
	pid_t child = start(fill_beside_the_parent);

	wait_for(child_ready);
	fill_a_bank(200);
	tell(parent_ready);
	HOLDS(ends_well(child));
	HOLDS(memctx_check(tree, unit_report, NULL) == 0);
	memctx_delete_children(tree);
}

static void new_banks_are_not_shared(void)
{
	tree = work_a_little();
	HOLDS(pipe(child_ready) == 0 && pipe(parent_ready) == 0);
	how_many = bank;
	processes_fill_beside_each_other();
	how_many *= 3;              /* a third takes the units of those that are gone */
	limit_to(RLIMIT_NOFILE, 3); /* the child gets no file */
	processes_fill_beside_each_other();
	limit_to(RLIMIT_NOFILE, RLIM_INFINITY);
}

static void go_on_unrecorded(void)
{
	HOLDS(mcx_region != NULL && mcx_region->pid == getpid());
	go_on();
	HOLDS(mcx_region->ring[0].size == 0);
}

static void forks_without_a_ring(void)
{
	memctx_set_ring(0);
	tree = work_a_little();
	children_go_on_as(go_on_unrecorded);
}

static void begin_anew(void)
{
	HOLDS(mcx_region == NULL);
	memctx_delete(work_a_little());
	HOLDS(mcx_region != NULL && mcx_region->pid == getpid());
}

static void forks_without_a_region(void)
{
	memctx_delete(work_a_little());
	HOLDS(memctx_set_backing(NULL) == 0); /* ends the region, the handlers stay */
	HOLDS(ends_well(start(begin_anew)));
	begin_anew();
}

static void fork_below_a_fork(void)
{
	tree = work_a_little();
	memctx_stats(tree, &at_fork);
	HOLDS(ends_well(start(go_on_published)));
	memctx_delete(tree);
	children_have_their_own();
}

static void forks_of_forks(void)
{
	HOLDS(ends_well(start(fork_below_a_fork)));
}

static _Atomic bool busy;

/* Leaks are not looked for: what ended threads cached is nobody's here. */
static void go_on_and_exit(void)
{
	go_on_published();
	_exit(0);
}

static void *keep_busy(void *arg)
{
	memctx *mine = memctx_create(NULL, "busy", NULL, MEMCTX_ASET, NULL);

	while (busy) {
		memctx *child = memctx_create(mine, "child", NULL, MEMCTX_ASET, NULL);
		HOLDS(child != NULL && memctx_alloc(child, 100) != NULL);
		memctx_delete(child);
	}
	memctx_delete(mine);
	return arg;
}

static void forks_beside_busy_threads(void)
{
	pthread_t threads[2];

	if (RUNNING_ON_VALGRIND)
		return; /* it takes what ended threads cached for leaks */
	tree = work_a_little();
	busy = true;
	for (int i = 0; i < 2; i++)
		HOLDS(pthread_create(&threads[i], NULL, keep_busy, NULL) == 0);
	memctx_stats(tree, &at_fork);
	for (int i = 0; i < 20; i++)
		HOLDS(ends_well(start(go_on_and_exit)));
	busy = false;
	for (int i = 0; i < 2; i++)
		HOLDS(pthread_join(threads[i], NULL) == 0);
}

#define ALL(DO)                                                                                    \
	DO(children_have_their_own)                                                                \
	DO(children_without_a_file)                                                                \
	DO(new_banks_are_not_shared)                                                               \
	DO(forks_of_forks)                                                                         \
	DO(forks_beside_busy_threads)                                                              \
	DO(forks_without_a_ring)                                                                   \
	DO(forks_without_a_region)

ALL(IN_CHILD)

int main(void)
{
#define TEST(work) cmocka_unit_test(test_##work),
	const struct CMUnitTest tests[] = {ALL(TEST)};

	if (RUNNING_ON_VALGRIND)
		bank = 100; /* it is the rest that matters there */
	return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
