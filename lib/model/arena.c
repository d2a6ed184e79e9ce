/* SPDX-License-Identifier: MIT */
/*
 * Arenas: their addresses, their allocator, taking turns.  The invariants stand in arena.h.
 *
 * The allocator is simple, since addresses are plenty: sizes are rounded up to four a doubling,
 * freed memory waits in the list of its size, and the pages of what is large go back to the system.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "model/arena_inner.h"

#define GIB ((size_t)1 << 30)
#define LARGE ((size_t)128 << 10) /* from here on pages go back */
#define PAGED ((size_t)16 << 10)  /* from here on aligned to pages */

/* ---- Allocating --------------------------------------------------------------------------- */

/* ASan's marks are by address: what is handed out or moved as a whole carries none. */
void __asan_unpoison_memory_region(void const volatile *address, size_t size) __attribute__((weak));

static void unmark(const void *from, size_t size)
{
	if (__asan_unpoison_memory_region != NULL)
		__asan_unpoison_memory_region(from, size);
}

void arena_unmark(const struct arena *arena)
{
	unmark(arena, (size_t)(arena->next - (const char *)arena));
	unmark(arena->units, (size_t)(arena->units_end - arena->units));
}

/* The class of SIZE, and the size that it stands for. */
static unsigned class_of(size_t size, size_t *rounded)
{
	unsigned log2, quarter;
	size_t step;

	if (size <= 256) {
		*rounded = size <= 64 ? 64 : (size + 63) & ~(size_t)63;
		return (unsigned)(*rounded / 64);
	}
	log2 = 63u ^ (unsigned)__builtin_clzll(size - 1);
	step = (size_t)1 << (log2 - 2);
	*rounded = (size + step - 1) & ~(step - 1);
	quarter = (unsigned)((size - 1) >> (log2 - 2)) & 3;
	return log2 * 4 + quarter;
}

static void *refuse(struct arena *arena)
{
	arena->is_full = true;
	return NULL;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded, pad = 0;
	unsigned k;
	char *memory;

	if (size > ARENA_BYTES)
		return refuse(arena);
	k = class_of(size, &rounded);
	if (arena->free[k] != NULL) {
		memory = arena->free[k];
		memcpy(&arena->free[k], memory, sizeof(void *));
		return memory;
	}
	if (rounded >= PAGED)
		pad = -(uintptr_t)arena->next & (ARENA_PAGE - 1);
	if (rounded + pad > (size_t)(arena->end - arena->next))
		return refuse(arena);
	memory = arena->next + pad;
	arena->next = memory + rounded;
	return memory;
}

void arena_free(struct arena *arena, void *memory, size_t size)
{
	size_t rounded;
	unsigned k = class_of(size, &rounded);

	unmark(memory, rounded);
	if (rounded >= LARGE)
		arena_give_back(memory, rounded);
	memcpy(memory, &arena->free[k], sizeof(void *));
	arena->free[k] = memory;
}

void *arena_resize(struct arena *arena, void *memory, size_t old_size, size_t new_size)
{
	size_t old_rounded, new_rounded;
	void *moved;

	if (class_of(old_size, &old_rounded) == class_of(new_size, &new_rounded))
		return memory;
	moved = arena_alloc(arena, new_size);
	if (moved == NULL)
		return NULL;
	arena_copy(moved, memory, old_size < new_size ? old_size : new_size);
	arena_free(arena, memory, old_size);
	return moved;
}

/* ---- The world's backing ------------------------------------------------------------------ */

static void *backing_alloc(size_t size, void *arg)
{
	return arena_alloc(arg, size);
}

static void backing_free(void *memory, size_t size, void *arg)
{
	arena_free(arg, memory, size);
}

static void *backing_resize(void *memory, size_t old_size, size_t new_size, void *arg)
{
	return arena_resize(arg, memory, old_size, new_size);
}

/* The library reserves once, and takes less where it cannot have what it asks for. */
static void *backing_reserve(size_t size, void *arg)
{
	const struct arena *arena = arg;

	return size <= ARENA_BYTES - (size_t)(arena->units - (const char *)arena) ? arena->units
										  : NULL;
}

static int backing_commit(void *memory, size_t size, void *arg)
{
	struct arena *arena = arg;
	char *end = (char *)memory + size;

	if (end > arena->units_end)
		arena->units_end = end;
	return 0;
}

static void backing_release(void *memory, size_t size, void *arg)
{
	(void)memory;
	(void)size;
	(void)arg;
}

static void arena_begin(struct arena *arena)
{
	arena->world.backing = (struct memctx_backing){backing_alloc, backing_free, backing_resize,
		backing_reserve, backing_commit, backing_release, arena};
	arena->next = (char *)arena + ((sizeof(*arena) + 63) & ~(size_t)63);
	arena->end = arena->units = arena->units_end = (char *)arena + ARENA_BYTES - ARENA_UNITS;
}

/* ---- Addresses ---------------------------------------------------------------------------- */

static char *map_at(char *at, int access)
{
	char *range = mmap(at, ARENA_BYTES, access,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at != NULL ? MAP_FIXED : 0), -1, 0);

	return range == MAP_FAILED ? NULL : range;
}

/* Address space that begins at a whole GiB, so that whole tables of pages move at once. */
static char *map_aligned(int access)
{
	char *range = mmap(NULL, ARENA_BYTES + GIB, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (range == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)range & (GIB - 1);
	munmap(range + before + ARENA_BYTES, GIB - before);
	if (before > 0)
		munmap(range, before);
	range += before;
	if (access != PROT_NONE && map_at(range, access) == NULL) {
		munmap(range, ARENA_BYTES);
		return NULL;
	}
	return range;
}

/* A limit on address space would be used up at once. */
static bool is_limited(void)
{
	struct rlimit space, data;

	return getrlimit(RLIMIT_AS, &space) != 0 || space.rlim_cur != RLIM_INFINITY ||
	       getrlimit(RLIMIT_DATA, &data) != 0 || data.rlim_cur != RLIM_INFINITY;
}

/* Moves the pages at FROM to TO, which is given up; FROM is kept from others. */
static bool move(char *from, char *to)
{
	if (mremap(from, ARENA_BYTES, ARENA_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
		return false;
	map_at(from, PROT_NONE);
	return true;
}

struct arenas *arenas_new(void)
{
	struct arenas *arenas = is_limited() ? NULL : calloc(1, sizeof(*arenas));
	int access = PROT_READ | PROT_WRITE;

	if (arenas == NULL)
		return NULL;
	arenas->pagemap = -1;
	arenas->place = map_aligned(access);
	arenas->parked = map_aligned(access);
	arenas->spare = map_aligned(PROT_NONE);
	if (arenas->place == NULL || arenas->parked == NULL || arenas->spare == NULL) {
		arenas_free(arenas);
		return NULL;
	}
	if (sysconf(_SC_PAGESIZE) == (long)ARENA_PAGE)
		arenas->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	arena_begin(arenas_arena(arenas));
	if (arenas_use(arenas, 1) != 0) {
		arenas_free(arenas);
		return NULL;
	}
	arena_begin(arenas_arena(arenas));
	arenas_use(arenas, 0);
	return arenas;
}

void arenas_free(struct arenas *arenas)
{
	char *const ranges[] = {arenas->place, arenas->parked, arenas->spare};

	if (arenas->place != NULL)
		arena_unmark(arenas_arena(arenas));
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (ranges[i] != NULL)
			munmap(ranges[i], ARENA_BYTES);
	if (arenas->pagemap >= 0)
		close(arenas->pagemap);
	free(arenas);
}

int arenas_use(struct arenas *arenas, int which)
{
	char *spare = arenas->spare;

	if (which == arenas->used)
		return 0;
	arena_unmark(arenas_arena(arenas));
	if (!move(arenas->place, spare))
		return -1;
	if (!move(arenas->parked, arenas->place)) {
		if (!move(spare, arenas->place))
			abort();
		return -1;
	}
	arenas->spare = arenas->parked;
	arenas->parked = spare;
	arenas->used = which;
	return 0;
}

struct arena *arenas_arena(const struct arenas *arenas)
{
	return (struct arena *)(void *)arenas->place;
}
