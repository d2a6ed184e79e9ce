/* SPDX-License-Identifier: MIT */
/*
 * Processes that come of others: a child counts exactly from where it was forked, in a region of
 * its own, and its parent never notices; what is executed gets nothing.
 */
#include <pthread.h>
#include <spawn.h>
#include <sys/syscall.h>

#include "model/live.h"
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

/* ---- Storms ---------------------------------------------------------------------------------- */

enum { STORM_CHILDREN = 3, STORM_LEVELS = 3 };

static int storm_level;

/* Children at once, each of which has children at once: everyone counts for itself. */
static void fork_on(void)
{
	pid_t children[STORM_CHILDREN];
	struct memctx_stats s, now;
	void *chunk = memctx_alloc(tree, 100);

	HOLDS(chunk != NULL && mcx_region != NULL && mcx_region->pid == getpid());
	memctx_stats(tree, &s);
	HOLDS(s.live_chunks == at_fork.live_chunks + (uint64_t)storm_level + 1);
	for (int i = 0; i < STORM_CHILDREN && storm_level < STORM_LEVELS; i++) {
		storm_level++;
		children[i] = start(fork_on);
		storm_level--;
	}
	for (int i = 0; i < STORM_CHILDREN && storm_level < STORM_LEVELS; i++)
		HOLDS(ends_well(children[i]));
	memctx_stats(tree, &now);
	HOLDS(memcmp(&now, &s, sizeof s) == 0);
	HOLDS(memctx_check(tree, unit_report, NULL) == 0);
	memctx_delete(tree);
}

static void storms(void)
{
	tree = work_a_little();
	memctx_stats(tree, &at_fork);
	fork_on();
}

/* ---- Children that no handler sees ------------------------------------------------------------
 */

/* What COMMAND, started by BEGIN, prints of its descriptors has no region; ours goes on. */
static void child_has_no_descriptor(pid_t (*begin)(char **command))
{
	char script[] = "ls -l /proc/self/fd | grep -c memfd:memctx",
	     *command[] = {NULL, NULL, NULL, NULL};
	struct memctx_stats before, after;
	int ends[2], out;
	char count = 0;
	pid_t child;

	tree = work_a_little();
	memctx_stats(tree, &before);
	command[0] = (char[]){"sh"};
	command[1] = (char[]){"-c"};
	command[2] = script;
	HOLDS(pipe2(ends, O_CLOEXEC) == 0);
	out = dup(STDOUT_FILENO);
	HOLDS(out >= 0 && dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
	child = begin(command);
	HOLDS(dup2(out, STDOUT_FILENO) == STDOUT_FILENO);
	close(out);
	close(ends[1]);
	HOLDS(child > 0 && waitpid(child, NULL, 0) == child);
	HOLDS(read(ends[0], &count, 1) == 1 && count == '0');
	close(ends[0]);
	memctx_stats(tree, &after);
	HOLDS(memcmp(&before, &after, sizeof before) == 0);
	HOLDS(mcx_region->pid == getpid() && region_fd() >= 0);
	memctx_delete(tree);
	work_a_little();
}

static pid_t begin_by_vfork(char **command)
{
	pid_t child = vfork();

	if (child == 0) {
		execvp(command[0], command);
		_exit(1);
	}
	return child;
}

static pid_t begin_by_spawn(char **command)
{
	pid_t child = -1;

	return posix_spawnp(&child, command[0], NULL, NULL, command, environ) == 0 ? child : -1;
}

static pid_t begin_by_fork(char **command)
{
	pid_t child = fork();

	if (child == 0) {
		execvp(command[0], command);
		_exit(1);
	}
	return child;
}

static void executed_by_vfork(void)
{
	child_has_no_descriptor(begin_by_vfork);
}

static void executed_by_spawn(void)
{
	child_has_no_descriptor(begin_by_spawn);
}

static void executed_by_fork(void)
{
	child_has_no_descriptor(begin_by_fork);
}

/* It shares its parent's region, which is not its own: a reader is told so. */
static void cloned_without_handlers(void)
{
	struct live_error error;
	struct live *live;
	long child;

	memctx_delete(work_a_little());
	child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		for (;;)
			pause();
	HOLDS(child > 0);
	live = live_open((pid_t)child, &error);
	HOLDS(live == NULL && strstr(error.message, "its region is that of its parent") != NULL);
	live = live_open(getpid(), &error);
	HOLDS(live != NULL);
	live_close(live);
	kill((pid_t)child, SIGKILL);
	HOLDS(waitpid((pid_t)child, NULL, 0) == child);
}

/* ---- Children that live on ---------------------------------------------------------------------
 */

static void live_on(void)
{
	memctx_delete_children(tree);
	HOLDS(memctx_create(tree, "of the child", NULL, MEMCTX_ASET, NULL) != NULL);
	tell(child_ready);
	wait_for(parent_ready);
	memctx_delete(tree);
}

/* The names of the contexts that PID shows, each with a blank behind it. */
static void names_of(pid_t pid, char text[static 200])
{
	struct live_error error;
	struct live *live = live_open(pid, &error);
	struct snapshot *snapshot = live != NULL ? live_snapshot(live, &error) : NULL;

	HOLDS(snapshot != NULL && snapshot->pid == pid);
	*text = '\0';
	for (size_t i = 0; i < snapshot->n && strlen(text) < 100; i++)
		strcat(strcat(text, snapshot_string(snapshot, snapshot->contexts[i].name)), " ");
	snapshot_free(snapshot);
	live_close(live);
}

static void each_shows_its_own(void)
{
	char names[200];
	pid_t child;

	HOLDS(pipe(child_ready) == 0 && pipe(parent_ready) == 0);
	tree = work_a_little();
	child = start(live_on);
	wait_for(child_ready);
	names_of(child, names);
	HOLDS(strcmp(names, "top of the child ") == 0);
	names_of(getpid(), names);
	HOLDS(strcmp(names, "top child ") == 0);
	tell(parent_ready);
	HOLDS(ends_well(child));
	memctx_delete(tree);
}

#define ALL(DO)                                                                                    \
	DO(children_have_their_own)                                                                \
	DO(children_without_a_file)                                                                \
	DO(new_banks_are_not_shared)                                                               \
	DO(forks_of_forks)                                                                         \
	DO(forks_beside_busy_threads)                                                              \
	DO(forks_without_a_ring)                                                                   \
	DO(forks_without_a_region)                                                                 \
	DO(storms)                                                                                 \
	DO(executed_by_fork)                                                                       \
	DO(executed_by_vfork)                                                                      \
	DO(executed_by_spawn)                                                                      \
	DO(cloned_without_handlers)                                                                \
	DO(each_shows_its_own)

ALL(IN_CHILD)

int main(void)
{
#define TEST(work) cmocka_unit_test(test_##work),
	const struct CMUnitTest tests[] = {ALL(TEST)};

	if (RUNNING_ON_VALGRIND)
		bank = 100; /* it is the rest that matters there */
	return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
