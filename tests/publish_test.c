/* SPDX-License-Identifier: MIT */
/*
 * Publishing never stands in a program's way: whatever limits the process, whatever it does to its
 * descriptors, whenever it forks, contexts work and count exactly.  Each test runs in a child of
 * its own, since a process makes its region once, with its first context.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "region.h"
#include "ring.h"

/* What fails in a child is a sentence on stderr and status 1. */
#define HOLDS(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __func__, __LINE__, #condition);            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static pid_t start(void (*work)(void))
{
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		/* Not cmocka's, which would go on with the next test. */
		for (int number = 1; number < NSIG; number++)
			signal(number, SIG_DFL);
		work();
		exit(0);
	}
	return child;
}

/* Whether CHILD ended well. */
static bool ends_well(pid_t child)
{
	int status;

	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static void in_child(void (*work)(void))
{
	assert_true(ends_well(start(work)));
}

/* Contexts of every shape, chunks of every kind, and books that are exact. */
static memctx *work_a_little(void)
{
	memctx *top = memctx_create(NULL, "top", "of what works", MEMCTX_ASET, NULL), *child;
	struct memctx_stats s;

	HOLDS(top != NULL);
	for (int i = 0; i < 200; i++) {
		void *chunk = memctx_alloc(top, (size_t)i * 97);
		HOLDS(chunk != NULL);
		if (i % 3 == 0)
			memctx_free(chunk);
		else if (i % 3 == 1)
			HOLDS(memctx_realloc(chunk, (size_t)i * 50) != NULL);
	}
	child = memctx_create(top, "child", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
	HOLDS(child != NULL && memctx_alloc_aligned(child, 100, 512) != NULL);
	HOLDS(memctx_set_parent(child, NULL) == 0 && memctx_set_parent(child, top) == 0);
	memctx_stats(top, &s);
	HOLDS(s.live_chunks == 133 && s.allocs == 200 && s.frees == 67 && s.reallocs == 67);
	HOLDS(memctx_check(top, NULL, NULL) == 0);
	return top;
}

/* ---- The region ------------------------------------------------------------------------------ */

/* The region's descriptor, by what it is; -1: there is none. */
static int region_fd(void)
{
	for (int fd = 3; fd < 200; fd++) {
		char path[40], target[64] = "";
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof target - 1) > 0 &&
			strncmp(target, "/memfd:memctx", 13) == 0)
			return fd;
	}
	return -1;
}

static void region_is_sealed(void)
{
	struct region_header header;
	struct stat status;
	int fd;

	HOLDS(region_fd() == -1);
	work_a_little();
	fd = region_fd();
	HOLDS(fd >= 0 && fstat(fd, &status) == 0);
	HOLDS((status.st_mode & 0777) == 0600);
	HOLDS(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	HOLDS(ftruncate(fd, 0) == -1 && errno == EPERM);
	HOLDS(ftruncate(fd, status.st_size + 4096) == -1 && errno == EPERM);
	HOLDS(pwrite(fd, "x", 1, 0) == -1 && errno == EPERM);
	HOLDS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	HOLDS(pread(fd, &header, sizeof header, 0) == sizeof header);
	HOLDS(header.magic == REGION_MAGIC && header.pid == getpid());
	HOLDS(header.file_bytes == (uint64_t)status.st_size);
	HOLDS(header.units_live == 2 && header.ring[0].head > 400);
}

static void nothing_is_published(void)
{
	memctx_delete(work_a_little());
	HOLDS(region_fd() == -1 && mcx_region == NULL);
	HOLDS(memctx_set_backing(NULL) == 0); /* gives the address space back */
	memctx_delete(work_a_little());
	HOLDS(mcx_region == NULL);
}

static void unwanted_by_environment(void)
{
	setenv("MEMCTX_PUBLISH", "0", 1);
	nothing_is_published();
}

static void unwanted_by_call(void)
{
	HOLDS(memctx_publish(false) == 0);
	nothing_is_published();
	errno = 0;
	HOLDS(memctx_publish(true) == -1 && errno == EBUSY);
	memctx_set_ring(1000); /* has nowhere to write */
	work_a_little();
}

/* Only the soft limit: what runs at the end of a sanitized process needs descriptors again. */
static void limit_to(int resource, rlim_t most)
{
	struct rlimit limit;

	HOLDS(getrlimit((__rlimit_resource_t)resource, &limit) == 0);
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	HOLDS(setrlimit((__rlimit_resource_t)resource, &limit) == 0);
}

static void no_large_files(void)
{
	limit_to(RLIMIT_FSIZE, 1 << 20);
	nothing_is_published();
}

static void half_large_files(void)
{
	limit_to(RLIMIT_FSIZE, 100 << 20);
	work_a_little();
	HOLDS(mcx_region != NULL && mcx_region->nbanks < MCX_BANKS);
	HOLDS(mcx_region->file_bytes <= 100 << 20);
}

static void no_descriptors(void)
{
	limit_to(RLIMIT_NOFILE, 0);
	memctx_delete(work_a_little());
	limit_to(RLIMIT_NOFILE, RLIM_INFINITY);
	HOLDS(region_fd() == -1 && mcx_region == NULL);
}

static void little_address_space(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	limit_to(RLIMIT_AS, 200 << 20);
	work_a_little();
#endif
}

static void hardly_any_address_space(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	memctx *ctx;

	limit_to(RLIMIT_AS, 12 << 20); /* not even a bank */
	ctx = memctx_create(NULL, "too much", NULL, MEMCTX_ASET, NULL);
	HOLDS(ctx != NULL || errno == ENOMEM);
#endif
}

/* What the program opened under the region's old number is not touched. */
static void descriptors_closed_and_reused(void)
{
	memctx *top = work_a_little();
	int fd = region_fd(), mine;

	HOLDS(fd >= 0);
	for (int i = 3; i < 200; i++)
		close(i);
	mine = open("/dev/null", O_RDWR);
	HOLDS(mine >= 0 && dup2(mine, fd) == fd);
	HOLDS(memctx_alloc(top, 50000) != NULL);
	memctx_delete(top);
	HOLDS(memctx_set_backing(NULL) == 0); /* ends the region */
	HOLDS(write(fd, "x", 1) == 1);
	top = work_a_little(); /* and begins another */
	HOLDS(mcx_region != NULL);
	memctx_delete(top);
}

/* ---- Rings ----------------------------------------------------------------------------------- */

static void ring_by_environment(const char *text, uint64_t events)
{
	setenv("MEMCTX_RING", text, 1);
	work_a_little();
	HOLDS(mcx_region != NULL && mcx_region->ring_events == events);
	HOLDS((mcx_region->ring[0].head > 0) == (events > 0));
}

static void ring_off(void)
{
	ring_by_environment("0", 0);
}

static void ring_small(void)
{
	ring_by_environment("1", 256);
	HOLDS(mcx_region->ring[0].size == 256);
}

static void ring_odd(void)
{
	ring_by_environment("1000", 1024);
}

static void ring_huge(void)
{
	ring_by_environment("18446744073709551615", MCX_RING_BYTES / sizeof(struct region_event));
}

static void ring_nonsense(void)
{
	ring_by_environment("12x", 16384);
}

static void ring_off_by_call(void)
{
	memctx_set_ring(0);
	ring_by_environment("1000", 0); /* the call overrules */
	memctx_set_ring(1);
	work_a_little();
	HOLDS(mcx_region->ring[0].size == 256 && mcx_region->ring[0].head > 0);
}

/* Events longer than half a ring, and names longer than an event. */
static void ring_with_long_texts(void)
{
	static char text[5001];
	memctx *ctx;

	memset(text, 't', sizeof text - 1);
	memctx_set_ring(1);
	ctx = memctx_create(NULL, text, text, MEMCTX_ASET, NULL);
	HOLDS(ctx != NULL && mcx_region->ring[0].head >= 128);
	HOLDS(memctx_set_ident(ctx, text + 1) == 0);
	HOLDS(memctx_set_ident(ctx, NULL) == 0);
	HOLDS(strlen(memctx_name(ctx)) == 5000 && memctx_ident(ctx) == NULL);
	memctx_delete(ctx);
}

enum { CROWD = 40 };

static pthread_barrier_t barrier;

static void *one_of_a_crowd(void *arg)
{
	memctx *ctx = memctx_create(NULL, "one", NULL, MEMCTX_ASET, NULL);

	HOLDS(ctx != NULL && memctx_alloc(ctx, 10) != NULL);
	pthread_barrier_wait(&barrier); /* all live at once */
	HOLDS(memctx_alloc(ctx, 20) != NULL);
	memctx_delete(ctx);
	return arg;
}

static void run_crowd(void)
{
	pthread_t threads[CROWD];

	HOLDS(pthread_barrier_init(&barrier, NULL, CROWD) == 0);
	for (int i = 0; i < CROWD; i++)
		HOLDS(pthread_create(&threads[i], NULL, one_of_a_crowd, NULL) == 0);
	for (int i = 0; i < CROWD; i++)
		HOLDS(pthread_join(threads[i], NULL) == 0);
	pthread_barrier_destroy(&barrier);
}

/* More threads than there is room for rings: the rest lose events, nothing else. */
static void rings_beyond_the_budget(void)
{
	memctx_set_ring((size_t)1 << 19); /* 8 MiB each: halves until 16 MiB are full */
	run_crowd();
	HOLDS(mcx_region->lost > 0);
	run_crowd(); /* with the rings that the first left */
	HOLDS(mcx_region->ring[0].tid == 0);
}

static void rings_are_taken_over(void)
{
	unsigned made = 0;

	for (int i = 0; i < 3; i++)
		run_crowd();
	while (made < REGION_RINGS && mcx_region->ring[made].size != 0)
		made++;
	HOLDS(made == CROWD);
}

static unsigned bank = MCX_BANK_CONTEXTS; /* contexts enough to reach another bank */

/* ---- Fork ------------------------------------------------------------------------------------ */

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

#define IN_CHILD(work)                                                                             \
	static void test_##work(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		in_child(work);                                                                    \
	}
#define ALL(DO)                                                                                    \
	DO(region_is_sealed)                                                                       \
	DO(unwanted_by_environment)                                                                \
	DO(unwanted_by_call)                                                                       \
	DO(no_large_files)                                                                         \
	DO(half_large_files)                                                                       \
	DO(no_descriptors)                                                                         \
	DO(little_address_space)                                                                   \
	DO(hardly_any_address_space)                                                               \
	DO(descriptors_closed_and_reused)                                                          \
	DO(ring_off)                                                                               \
	DO(ring_small)                                                                             \
	DO(ring_odd)                                                                               \
	DO(ring_huge)                                                                              \
	DO(ring_nonsense)                                                                          \
	DO(ring_off_by_call)                                                                       \
	DO(ring_with_long_texts)                                                                   \
	DO(rings_beyond_the_budget)                                                                \
	DO(rings_are_taken_over)                                                                   \
	DO(children_have_their_own)                                                                \
	DO(children_without_a_file)                                                                \
	DO(new_banks_are_not_shared)                                                               \
	DO(forks_without_a_ring)                                                                   \
	DO(forks_without_a_region)                                                                 \
	DO(forks_of_forks)                                                                         \
	DO(forks_beside_busy_threads)

ALL(IN_CHILD)

int main(void)
{
#define TEST(work) cmocka_unit_test(test_##work),
	const struct CMUnitTest tests[] = {ALL(TEST)};

	if (RUNNING_ON_VALGRIND)
		bank = 100; /* it is the rest that matters there */
	return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
