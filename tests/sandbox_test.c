/* SPDX-License-Identifier: MIT */
/*
 * Publishing never stands in a program's way where the system refuses calls, as sandboxes do: its
 * contexts work and count exactly, readers see all or nothing, and no descriptor is left over. Each
 * test runs in a child of its own, since what is refused stays refused.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "publish_support.h"
#include "refused_call.h"

static memctx *tree;

/* Refuses all of CALL. */
static void refuse(unsigned call, int error)
{
	HOLDS(refuse_call(&(struct refused_call){.call = call, .error = error}));
}

/* Refuses those of CALL with VALUE in the bits MASK of an argument. */
static void refuse_some(unsigned call, unsigned argument, uint64_t mask, uint64_t value)
{
	HOLDS(refuse_call(
		&(struct refused_call){call, EPERM, argument, (uint32_t)mask, (uint32_t)value}));
}

static void works_unseen(void)
{
	memctx_delete(work_a_little());
	HOLDS(region_fd() == -1 && mcx_region == NULL);
}

/* ---- No region ------------------------------------------------------------------------------- */

static void no_memfd(void)
{
	refuse(SYS_memfd_create, ENOSYS);
	works_unseen();
}

static void no_size(void)
{
	refuse(SYS_ftruncate, ENOSPC);
	works_unseen();
}

static void no_mode(void)
{
	refuse(SYS_fchmod, EPERM);
	works_unseen();
}

static void no_shared_memory(void)
{
	refuse_some(SYS_mmap, 3, MAP_SHARED, MAP_SHARED);
	works_unseen();
}

/* The header can be shared, and the first bank cannot. */
static void no_shared_bank(void)
{
	uint64_t offset;

	memctx_delete(work_a_little());
	HOLDS(region_fd() >= 0);
	offset = mcx_region->banks;
	HOLDS(memctx_set_backing(NULL) == 0); /* ends the region */
	HOLDS(region_fd() == -1);
	refuse_some(SYS_mmap, 5, UINT32_MAX, offset);
	works_unseen();
}

/* A kernel before 5.1: others might write, and the program is published all the same. */
static void no_seal_against_writing(void)
{
	int fd;

	refuse_some(SYS_fcntl, 2, F_SEAL_FUTURE_WRITE, F_SEAL_FUTURE_WRITE);
	work_a_little();
	fd = region_fd();
	HOLDS(fd >= 0 && fcntl(fd, F_GET_SEALS) == (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
}

/* ---- Who records ----------------------------------------------------------------------------- */

/* The region is there, and nothing but its own descriptor is left. */
static void hands_nothing_over(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t size = sizeof name;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), next;
	char text[200], byte;

	HOLDS(bind(listener, (struct sockaddr *)&name, sizeof name.sun_family) == 0);
	HOLDS(listen(listener, 1) == 0);
	HOLDS(getsockname(listener, (struct sockaddr *)&name, &size) == 0);
	snprintf(text, sizeof text, "%d:%s", (int)getpid(), name.sun_path + 1);
	setenv("MEMCTX_RECORD", text, 1);
	next = open("/dev/null", O_RDONLY);
	close(next);
	refuse(SYS_sendmsg, EPERM);
	memctx_delete(work_a_little());
	HOLDS(region_fd() == next && fcntl(next + 1, F_GETFD) == -1);
	next = accept(listener, NULL, NULL);
	HOLDS(next >= 0 && read(next, &byte, 1) == 0);
}

static void no_socket(void)
{
	char text[40];

	snprintf(text, sizeof text, "%d:nobody", (int)getpid());
	setenv("MEMCTX_RECORD", text, 1);
	refuse(SYS_socket, EPERM);
	errno = 0;
	HOLDS(memctx_create(NULL, "top", NULL, MEMCTX_ASET, NULL) != NULL);
	HOLDS(errno == 0 && region_fd() >= 0);
}

/* ---- Fork ------------------------------------------------------------------------------------ */

static struct memctx_stats at_fork;

/* In a child that has no region: exact from the fork on, and nothing for a reader to find. */
static void go_on_unseen(void)
{
	struct memctx_stats s;

	HOLDS(mcx_region == NULL && region_fd() == -1);
	memctx_stats(tree, &s);
	HOLDS(memcmp(&s, &at_fork, sizeof s) == 0);
	for (int i = 0; i < 1000; i++)
		HOLDS(memctx_alloc(tree, 100) != NULL);
	memctx_stats(tree, &s);
	HOLDS(s.live_chunks == at_fork.live_chunks + 1000);
	HOLDS(memctx_check(tree, unit_report, NULL) == 0);
	memctx_delete(tree);
	memctx_delete(work_a_little());
	HOLDS(mcx_region == NULL && region_fd() == -1);
}

/* The child goes on by itself, and the parent never notices. */
static void child_goes_on_unseen(void)
{
	struct memctx_stats s;

	memctx_stats(tree, &at_fork);
	HOLDS(ends_well(start(go_on_unseen)));
	memctx_stats(tree, &s);
	HOLDS(memcmp(&s, &at_fork, sizeof s) == 0);
	HOLDS(mcx_region != NULL && mcx_region->pid == getpid());
	HOLDS(memctx_alloc(tree, 100) != NULL && memctx_check(tree, unit_report, NULL) == 0);
}

static void child_without_a_header(void)
{
	tree = work_a_little();
	refuse_some(SYS_pwrite64, 3, UINT32_MAX, 0);
	child_goes_on_unseen();
}

static void child_without_its_counters(void)
{
	tree = work_a_little();
	refuse_some(SYS_pwrite64, 3, UINT32_MAX, mcx_region->banks + mcx_region->slots);
	child_goes_on_unseen();
}

static void child_without_shared_memory(void)
{
	tree = work_a_little();
	refuse_some(SYS_mmap, 3, MAP_SHARED, MAP_SHARED);
	child_goes_on_unseen();
}

static void child_with_a_header_alone(void)
{
	tree = work_a_little();
	refuse_some(SYS_mmap, 5, UINT32_MAX, mcx_region->banks);
	child_goes_on_unseen();
}

static void never_runs(void)
{
	exit(0);
}

/* Where no memory is to be had, better no child than one that counts in its parent's. */
static void no_child_without_memory(void)
{
	struct memctx_stats s;
	pid_t child;
	int status;

	tree = work_a_little();
	limit_to(RLIMIT_CORE, 0);
	memctx_stats(tree, &at_fork);
	refuse(SYS_mmap, ENOMEM);
	child = start(never_runs);
	HOLDS(child > 0 && waitpid(child, &status, 0) == child);
	HOLDS(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	memctx_stats(tree, &s);
	HOLDS(memcmp(&s, &at_fork, sizeof s) == 0);
	HOLDS(memctx_check(tree, unit_report, NULL) == 0);
	_exit(0); /* what a sanitizer does at the end takes memory */
}

/* ---- Threads' own ---------------------------------------------------------------------------- */

/* A program that has taken every key: there is no cache of blocks then, and all else is as ever. */
static void no_keys(void)
{
	pthread_key_t key;
	size_t contexts;

	while (pthread_key_create(&key, NULL) == 0)
		;
	memctx_delete(work_a_little());
	HOLDS(mcx_cached(&contexts) == 0 && contexts == 0);
	HOLDS(memctx_trim() == 0);
}

#define ALL(DO)                                                                                    \
	DO(no_memfd)                                                                               \
	DO(no_size)                                                                                \
	DO(no_mode)                                                                                \
	DO(no_shared_memory)                                                                       \
	DO(no_shared_bank)                                                                         \
	DO(no_seal_against_writing)                                                                \
	DO(hands_nothing_over)                                                                     \
	DO(no_socket)                                                                              \
	DO(child_without_a_header)                                                                 \
	DO(child_without_its_counters)                                                             \
	DO(child_without_shared_memory)                                                            \
	DO(child_with_a_header_alone)                                                              \
	DO(no_child_without_memory)                                                                \
	DO(no_keys)

ALL(IN_CHILD)

static void try_a_filter(void)
{
	refuse(SYS_memfd_create, ENOSYS);
}

int main(void)
{
#define TEST(work) cmocka_unit_test(test_##work),
	const struct CMUnitTest tests[] = {ALL(TEST)};

	if (!ends_well(start(try_a_filter))) {
		puts("calls cannot be refused here: no seccomp filters");
		return 77;
	}
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
