/* SPDX-License-Identifier: MIT */
/*
 * A replay's own memory: see own.h.
 *
 * In an arena, which is told sizes again when memory is freed, a front of FRONT bytes holds them.
 */
#include "model/own.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/arena.h"
#include "model/pages.h"

#define HUGE_PAGE ((size_t)2 << 20)
#define FRONT ((size_t)16)
#define FRONT_ALIGNED ((size_t)64)
#define MAPPED ((size_t)1 << 20) /* a table of this size is a mapping */

/* Stands right before the memory. */
struct front {
	size_t bytes; /* all of it */
	size_t front;
};

_Static_assert(sizeof(struct front) == FRONT, "the front has its place");

static struct arena *used;

struct arena *own_use(struct arena *arena)
{
	struct arena *was = used;

	used = arena;
	return was;
}

static struct front *front_of(void *memory)
{
	return (struct front *)memory - 1;
}

static void *take(size_t front, size_t size)
{
	char *whole = size <= PTRDIFF_MAX ? arena_alloc(used, front + size) : NULL;

	if (whole == NULL)
		return NULL;
	*front_of(whole + front) = (struct front){front + size, front};
	return whole + front;
}

void *own_alloc(size_t size)
{
	return used == NULL ? malloc(size) : take(FRONT, size);
}

void *own_zalloc(size_t count, size_t size)
{
	void *memory;

	if (used == NULL)
		return calloc(count, size);
	memory = size == 0 || count <= SIZE_MAX / size ? take(FRONT, count * size) : NULL;
	return memory == NULL ? NULL : memset(memory, 0, count * size);
}

void *own_aligned(size_t align, size_t size)
{
	void *memory;

	if (used != NULL)
		return take(FRONT_ALIGNED, size);
	memory = aligned_alloc(align, size);
	if (memory != NULL && align >= HUGE_PAGE)
		madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

void own_free(void *memory)
{
	struct front *front;

	if (used == NULL || memory == NULL) {
		free(memory);
		return;
	}
	front = front_of(memory);
	arena_free(used, (char *)memory - front->front, front->bytes);
}

void *own_realloc(void *memory, size_t size)
{
	struct front *front;
	char *whole;

	if (used == NULL)
		return realloc(memory, size);
	if (memory == NULL)
		return take(FRONT, size);
	front = front_of(memory);
	if (size > PTRDIFF_MAX)
		return NULL;
	whole = arena_resize(used, front, front->bytes, FRONT + size);
	if (whole == NULL)
		return NULL;
	front = (struct front *)(void *)whole;
	front->bytes = FRONT + size;
	return whole + FRONT;
}

/* ---- Tables ------------------------------------------------------------------------------- */

static bool is_mapped(size_t size)
{
	return used == NULL && size >= MAPPED;
}

static void *map(size_t size)
{
	void *range = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return range == MAP_FAILED ? NULL : range;
}

static void *remap(void *table, size_t old_size, size_t new_size)
{
	void *range = mremap(table, old_size, new_size, MREMAP_MAYMOVE);

	return range == MAP_FAILED ? NULL : range;
}

void *own_grow_table(void *table, size_t old_size, size_t new_size)
{
	void *grown;

	if (is_mapped(old_size))
		return remap(table, old_size, new_size);
	grown = is_mapped(new_size) ? map(new_size) : own_aligned(FRONT_ALIGNED, new_size);
	if (grown == NULL || old_size == 0)
		return grown;
	memcpy(grown, table, old_size);
	own_free(table);
	return grown;
}

void own_free_table(void *table, size_t size)
{
	if (is_mapped(size))
		munmap(table, size);
	else
		own_free(table);
}

void own_ready_table(void *part, size_t size)
{
	if (used == NULL)
		pages_ready(part, size);
}
