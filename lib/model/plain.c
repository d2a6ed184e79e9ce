/* SPDX-License-Identifier: MIT */
/*
 * A plain backing: see plain.h.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "model/plain.h"

static void *plain_alloc(size_t size, void *arg)
{
	(void)arg;
	return malloc(size);
}

static void plain_free(void *memory, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	free(memory);
}

static void *plain_resize(void *memory, size_t old_size, size_t new_size, void *arg)
{
	(void)old_size;
	(void)arg;
	return realloc(memory, new_size);
}

static void *plain_reserve(size_t size, void *arg)
{
	void *range =
		mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)arg;
	return range == MAP_FAILED ? NULL : range;
}

static int plain_commit(void *memory, size_t size, void *arg)
{
	(void)arg;
	return mprotect(memory, size, PROT_READ | PROT_WRITE);
}

static void plain_release(void *memory, size_t size, void *arg)
{
	(void)arg;
	munmap(memory, size);
}

const struct memctx_backing plain_backing = {
	plain_alloc, plain_free, plain_resize, plain_reserve, plain_commit, plain_release, NULL};
