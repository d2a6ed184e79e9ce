/* SPDX-License-Identifier: MIT */
/*
 * A program that was not linked with libmemctx and takes it in while it runs, with threads already
 * there: plugin_host LIBRARY.  Prints "ready" once its contexts are there, waits for the end of its
 * standard input, and takes the library in once more.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "memctx.h"

enum { THREADS = 4 };

static struct {
	memctx *(*create)(memctx *, const char *, const char *, enum memctx_kind,
		const struct memctx_options *);
	void *(*alloc)(memctx *, size_t);
	void (*free)(void *);
	void (*delete)(memctx *);
	size_t (*check)(const memctx *, memctx_check_fn *, void *);
} lib;

static pthread_barrier_t loaded, used;

static void fail(const char *what)
{
	fprintf(stderr, "plugin_host: %s\n", what);
	exit(1);
}

static void *take_in(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL)
		fail(dlerror());
	*(void **)&lib.create = dlsym(handle, "memctx_create");
	*(void **)&lib.alloc = dlsym(handle, "memctx_alloc");
	*(void **)&lib.free = dlsym(handle, "memctx_free");
	*(void **)&lib.delete = dlsym(handle, "memctx_delete");
	*(void **)&lib.check = dlsym(handle, "memctx_check");
	if (!lib.create || !lib.alloc || !lib.free || !lib.delete || !lib.check)
		fail("a function is missing");
	return handle;
}

static memctx *use(const char *name)
{
	memctx *ctx = lib.create(NULL, name, NULL, MEMCTX_ASET, NULL);

	if (ctx == NULL)
		fail("no context");
	for (size_t i = 0; i < 1000; i++) {
		void *chunk = lib.alloc(ctx, i * 7);

		if (chunk == NULL)
			fail("no chunk");
		if (i % 2 == 0)
			lib.free(chunk);
	}
	if (lib.check(ctx, NULL, NULL) != 0)
		fail("a context is not sound");
	return ctx;
}

/* It is there before the library is. */
static void *run(void *arg)
{
	memctx *ctx;

	pthread_barrier_wait(&loaded);
	ctx = use("of a thread");
	pthread_barrier_wait(&used);
	pthread_barrier_wait(&used);
	lib.delete(ctx);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	memctx *ctx;
	char byte;

	if (argc < 2)
		return 2;
	pthread_barrier_init(&loaded, NULL, THREADS + 1);
	pthread_barrier_init(&used, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run, NULL) != 0)
			fail("no thread");
	take_in(argv[1]);
	pthread_barrier_wait(&loaded);
	ctx = use("of the host");
	pthread_barrier_wait(&used);
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	pthread_barrier_wait(&used);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	lib.delete(ctx);
	take_in(argv[1]);
	lib.delete(use("again"));
	return 0;
}
