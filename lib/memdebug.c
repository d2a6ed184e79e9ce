/* SPDX-License-Identifier: MIT */
/*
 * The watched builds (memdebug.h): fills, the sentinel, ASan's and Valgrind's marks.
 *
 * Invariant: what a program may touch is unpoisoned, all else of a block is poisoned, a block in
 * the cache whole; whatever is given back to the system is unpoisoned first.
 */
#include "memdebug.h"

#if MCX_WATCHED

#include <stdlib.h>
#include <string.h>

#include "chunk.h"

#if defined(MEMCTX_CHECK) && defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define MCX_VALGRIND 1
#endif
#endif

#ifndef MCX_VALGRIND
#define VALGRIND_CREATE_MEMPOOL(pool, redzone, zeroed) ((void)0)
#define VALGRIND_DESTROY_MEMPOOL(pool) ((void)0)
#define VALGRIND_MEMPOOL_ALLOC(pool, address, size) ((void)0)
#define VALGRIND_MEMPOOL_FREE(pool, address) ((void)0)
#define VALGRIND_MEMPOOL_CHANGE(pool, from, to, size) ((void)0)
#define VALGRIND_MAKE_MEM_DEFINED(address, size) ((void)0)
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size) ((void)0)
#define VALGRIND_MAKE_MEM_NOACCESS(address, size) ((void)0)
#endif

/* There where the program was compiled for ASan, whether the library was or not. */
void __asan_poison_memory_region(void const volatile *address, size_t size) __attribute__((weak));
void __asan_unpoison_memory_region(void const volatile *address, size_t size) __attribute__((weak));

_Static_assert(((1u << MCX_TAG_USE | 1u << MCX_TAG_FREE | 1u << MCX_TAG_OTHER) &
		       (1u << MCX_WIPE % 8 | 1u << MCX_FREED_FILL % 8)) == 0,
	"a filled word would be taken for a chunk's");

int mcx_debug_level = MEMCTX_DEBUG;

void mcx_debug_init(void)
{
#ifdef MEMCTX_CHECK
	const char *text = getenv("MEMCTX_DEBUG");

	mcx_debug_level = 2;
	if (text != NULL && text[0] >= '0' && text[0] <= '3' && text[1] == '\0')
		mcx_debug_level = text[0] - '0';
#endif
}

static void poison(const void *address, size_t size)
{
	if (__asan_poison_memory_region != NULL)
		__asan_poison_memory_region(address, size);
	VALGRIND_MAKE_MEM_NOACCESS(address, size);
}

static void unpoison(const void *address, size_t size)
{
	if (__asan_unpoison_memory_region != NULL)
		__asan_unpoison_memory_region(address, size);
	VALGRIND_MAKE_MEM_UNDEFINED(address, size);
}

void mcx_header_open(const void *payload)
{
	VALGRIND_MAKE_MEM_DEFINED((const char *)payload - MCX_WORD, MCX_WORD);
	(void)payload;
}

void mcx_header_close(const void *payload)
{
	VALGRIND_MAKE_MEM_NOACCESS((const char *)payload - MCX_WORD, MCX_WORD);
	(void)payload;
}

/* The byte after SIZE, in memory that is poisoned before and after. */
static void sentinel_set(char *payload, size_t size, size_t room)
{
	if (mcx_debug_level < 2 || size >= room)
		return;
	unpoison(payload + size, 1);
	payload[size] = MCX_SENTINEL;
	poison(payload + size, 1);
}

static void sentinel_check(char *payload, size_t size, size_t room)
{
	char byte;

	if (mcx_debug_level < 2 || size >= room)
		return;
	if (__asan_unpoison_memory_region != NULL)
		__asan_unpoison_memory_region(payload + size, 1);
	VALGRIND_MAKE_MEM_DEFINED(payload + size, 1);
	byte = payload[size];
	poison(payload + size, 1);
	if (byte != MCX_SENTINEL)
		mcx_misuse("the program wrote past the end of a chunk", payload);
}

void mcx_watch_alloc(memctx *ctx, void *payload, size_t size, size_t room)
{
	(void)ctx;
	poison(payload, room);
	VALGRIND_MEMPOOL_ALLOC(ctx, payload, size);
	if (__asan_unpoison_memory_region != NULL)
		__asan_unpoison_memory_region(payload, size);
	sentinel_set(payload, size, room);
}

void mcx_watch_free(memctx *ctx, void *payload, size_t size, size_t room)
{
	(void)ctx;
	sentinel_check(payload, size, room);
	if (mcx_debug_level >= 2) {
		unpoison(payload, room);
		memset(payload, MCX_FREED_FILL, room);
	}
	VALGRIND_MEMPOOL_FREE(ctx, payload);
	poison(payload, room);
}

void mcx_watch_end(void *payload, size_t size, size_t room)
{
	sentinel_check(payload, size, room);
}

void mcx_watch_resize(memctx *ctx, void *payload, size_t old_size, size_t size, size_t room)
{
	char *bytes = payload;

	(void)ctx;
	VALGRIND_MEMPOOL_CHANGE(ctx, payload, payload, size);
	if (size > old_size)
		unpoison(bytes + old_size, size - old_size);
	poison(bytes + size, room - size);
	sentinel_set(bytes, size, room);
}

void mcx_watch_block(char *start, char *end)
{
	poison(start, (size_t)(end - start));
}

void mcx_watch_wipe(char *start, char *free, char *end)
{
	if (mcx_debug_level >= 1) {
		unpoison(start, (size_t)(free - start));
		memset(start, MCX_WIPE, (size_t)(free - start));
	}
	poison(start, (size_t)(end - start));
}

void mcx_watch_release(char *start, char *free, char *end)
{
	unpoison(start, (size_t)(end - start));
	if (mcx_debug_level >= 1)
		memset(start, MCX_WIPE, (size_t)(free - start));
}

void mcx_watch_moved(
	void *behind, size_t room, const void *was, void *payload, size_t old_size, size_t size)
{
	char *bytes = payload, *end = (char *)behind + room;

	(void)was;
	VALGRIND_MEMPOOL_CHANGE(memctx_owner(behind), was, payload, size);
	poison(behind, (size_t)(bytes - (char *)behind));
	if (size > old_size)
		unpoison(bytes + old_size, size - old_size);
	poison(bytes + size, (size_t)(end - bytes) - size);
	sentinel_set(bytes, size, (size_t)(end - bytes));
}

/* What is behind is freed next, and must look as if it had never held another. */
void mcx_watch_unmove(void *payload, void *behind)
{
	size_t size = memctx_requested(behind), room = memctx_usable(behind);

	sentinel_check(payload, size, room - (size_t)((char *)payload - (char *)behind));
	VALGRIND_MEMPOOL_CHANGE(memctx_owner(behind), payload, behind, size);
	sentinel_set(behind, size, room);
}

void mcx_watch_lift(char *start, char *end)
{
	if (__asan_unpoison_memory_region != NULL)
		__asan_unpoison_memory_region(start, (size_t)(end - start));
	VALGRIND_MAKE_MEM_DEFINED(start, (size_t)(end - start));
}

void mcx_watch_land(memctx *ctx, const struct mcx_block *from, struct mcx_block *to)
{
	char *payload = (char *)to + MCX_BLOCK_HEADER + MCX_WORD;
	size_t room = (size_t)(to->end - payload);

	(void)ctx;
	(void)from;
	VALGRIND_MEMPOOL_CHANGE(ctx, (const char *)from + MCX_BLOCK_HEADER + MCX_WORD, payload,
		to->requested < room ? to->requested : room);
	poison(payload - MCX_WORD, MCX_WORD);
	if (to->requested < room)
		poison(payload + to->requested, room - to->requested);
}

void mcx_watch_cached(void *memory, size_t size)
{
	poison(memory, size);
}

void mcx_watch_uncached(void *memory, size_t size)
{
	unpoison(memory, size);
}

void mcx_watch_create(memctx *ctx)
{
	(void)ctx;
	VALGRIND_CREATE_MEMPOOL(ctx, 0, 0);
}

void mcx_watch_reset(memctx *ctx)
{
	(void)ctx;
	VALGRIND_DESTROY_MEMPOOL(ctx);
	VALGRIND_CREATE_MEMPOOL(ctx, 0, 0);
}

void mcx_watch_delete(memctx *ctx)
{
	(void)ctx;
	VALGRIND_DESTROY_MEMPOOL(ctx);
}

void mcx_debug_report(const memctx *ctx, const char *what, void *arg)
{
	(void)arg;
	mcx_misuse(what, ctx);
}

#else

typedef int mcx_memdebug_is_empty;

#endif
