/* SPDX-License-Identifier: MIT */
/*
 * What the tests of misuse share: a context, a hook that notes what it is told, and that it was
 * told exactly once.
 */
#ifndef TESTS_MISUSE_SUPPORT_H
#define TESTS_MISUSE_SUPPORT_H

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static struct misuse misuse;
static memctx *ctx;

static inline int misuse_begin(void **state)
{
	(void)state;
	misuse.count = 0;
	memctx_set_misuse(misuse_note, &misuse);
	ctx = memctx_create(NULL, "misused", NULL, MEMCTX_ASET, NULL);
	return ctx == NULL;
}

static inline int misuse_end(void **state)
{
	(void)state;
	assert_sound(ctx);
	memctx_delete(ctx);
	memctx_set_misuse(NULL, NULL);
	return 0;
}

/* Exactly one report, about POINTER, and errno says EINVAL. */
static inline void assert_caught(const void *pointer)
{
	assert_int_equal(misuse.count, 1);
	assert_ptr_equal(misuse.pointer, pointer);
	assert_true(misuse.what[0] != '\0' && strchr(misuse.what, '\n') == NULL);
	assert_int_equal(errno, EINVAL);
	misuse.count = 0;
	errno = 0;
}

/* Every function that asks about a chunk refuses POINTER. */
static inline void assert_unknown(void *pointer)
{
	errno = 0;
	assert_null(memctx_owner(pointer));
	assert_caught(pointer);
	assert_int_equal(memctx_requested(pointer), 0);
	assert_caught(pointer);
	assert_int_equal(memctx_usable(pointer), 0);
	assert_caught(pointer);
}

/* Every function that takes a chunk refuses POINTER, and nothing changes. */
static inline void assert_refused(void *pointer)
{
	struct memctx_stats before = stats_of(ctx);

	errno = 0;
	memctx_free(pointer);
	assert_caught(pointer);
	assert_null(memctx_realloc(pointer, 10));
	assert_caught(pointer);
	assert_null(memctx_realloc(pointer, 100000));
	assert_caught(pointer);
	assert_unknown(pointer);
	assert_same_figures(ctx, &before);
}

static inline char *call_vprintf(memctx *where, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = memctx_vprintf(where, format, args);
	va_end(args);
	return text;
}

/* Runs FUNC with the default hook in a child; the one line that it leaves on stderr. */
static inline char *dies_with(void (*func)(void))
{
	static char line[512];
	int ends[2], status;
	ssize_t size;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		const struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL); /* cmocka's would go on */
		dup2(ends[1], STDERR_FILENO);
		memctx_set_misuse(NULL, NULL);
		func();
		_exit(0);
	}
	close(ends[1]);
	assert_true(child > 0);
	size = read(ends[0], line, sizeof line - 1);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_true(size > 0);
	line[size] = '\0';
	return line;
}

#endif
