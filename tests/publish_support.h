/* SPDX-License-Identifier: MIT */
/*
 * What the tests of publishing share: work in a child of its own, since a process makes its region
 * once, with its first context.
 */
#ifndef TESTS_PUBLISH_SUPPORT_H
#define TESTS_PUBLISH_SUPPORT_H

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
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

static inline pid_t start(void (*work)(void))
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
static inline bool ends_well(pid_t child)
{
	int status;

	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static inline void in_child(void (*work)(void))
{
	assert_true(ends_well(start(work)));
}

/* Contexts of every shape, chunks of every kind, and books that are exact. */
static inline memctx *work_a_little(void)
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

/* The region's descriptor, by what it is; -1: there is none. */
static inline int region_fd(void)
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

/* Only the soft limit: what runs at the end of a sanitized process needs descriptors again. */
static inline void limit_to(int resource, rlim_t most)
{
	struct rlimit limit;

	HOLDS(getrlimit((__rlimit_resource_t)resource, &limit) == 0);
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	HOLDS(setrlimit((__rlimit_resource_t)resource, &limit) == 0);
}

#define IN_CHILD(work)                                                                             \
	static void test_##work(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		in_child(work);                                                                    \
	}

#endif
