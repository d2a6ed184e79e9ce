/* SPDX-License-Identifier: MIT */
/*
 * What a build does to find its users' bugs; nothing at all in the shipping build.
 *
 *   MEMCTX_DEBUG  0  header tags only: a double free, a foreign pointer (always there)
 *                 1  memory of a reset or deleted context is wiped: its chunks are then
 *                    known for dead when they are freed
 *                 2  freed chunks are filled; a sentinel byte follows a chunk that has slack and
 *                    is looked at when the chunk is freed or resized
 *                 3  memctx_check() on the context at every reset and delete
 *   ASan          freed chunks, slack and headers are poisoned, where the library is compiled
 *                 with -fsanitize=address, and in libmemctx-check where the program is
 *   Valgrind      the same as a memory pool, in libmemctx-check (MEMCTX_CHECK)
 *
 * libmemctx-check is compiled for level 3 and takes the level from the environment variable
 * MEMCTX_DEBUG when the first context is created (2 where it is not set).
 *
 * Invariant: outside these functions the library touches a header word only through
 * mcx_word_load() and mcx_word_store(), and never a payload but to copy it.
 */
#ifndef MCX_MEMDEBUG_H
#define MCX_MEMDEBUG_H

#include "internal.h"

#ifndef MEMCTX_DEBUG
#define MEMCTX_DEBUG 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define MCX_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MCX_ASAN 1
#endif
#endif

#if defined(MCX_ASAN) || defined(MEMCTX_CHECK) || MEMCTX_DEBUG > 0
#define MCX_WATCHED 1
#else
#define MCX_WATCHED 0
#endif

/* Headers lie in poisoned memory: the functions that read them are not instrumented. */
#ifdef MCX_ASAN
#define MCX_HEADER static __attribute__((no_sanitize("address"), noinline, unused))
#else
#define MCX_HEADER static inline
#endif

/*
 * Of reset memory, and of freed.  A header word of either has no tag of a chunk, so that it is
 * refused wherever the system put the library's reservation.
 */
#define MCX_WIPE 0x7c
#define MCX_FREED_FILL 0x7d
#define MCX_SENTINEL 0x7e

#if MCX_WATCHED

extern int mcx_debug_level MCX_HIDDEN;
void mcx_debug_init(void) MCX_HIDDEN;

/*
 * PAYLOAD of ROOM usable bytes was handed out for SIZE; was freed; is about to be resized; was
 * resized in place.
 */
void mcx_watch_alloc(memctx *ctx, void *payload, size_t size, size_t room) MCX_HIDDEN;
void mcx_watch_free(memctx *ctx, void *payload, size_t size, size_t room) MCX_HIDDEN;
void mcx_watch_end(void *payload, size_t size, size_t room) MCX_HIDDEN;
void mcx_watch_resize(
	memctx *ctx, void *payload, size_t old_size, size_t size, size_t room) MCX_HIDDEN;
/* The bytes behind a block's header came from the system; are to be carved anew; go back. */
void mcx_watch_block(char *start, char *end) MCX_HIDDEN;
void mcx_watch_wipe(char *start, char *free, char *end) MCX_HIDDEN;
void mcx_watch_release(char *start, char *free, char *end) MCX_HIDDEN;
/* A large chunk's block is about to move with its contents; has moved from FROM to TO. */
void mcx_watch_lift(char *start, char *end) MCX_HIDDEN;
void mcx_watch_land(memctx *ctx, const struct mcx_block *from, struct mcx_block *to) MCX_HIDDEN;
/* In BEHIND, of ROOM bytes, lies PAYLOAD, known as WAS until now; PAYLOAD is freed with BEHIND. */
void mcx_watch_moved(void *behind, size_t room, const void *was, void *payload, size_t old_size,
	size_t size) MCX_HIDDEN;
void mcx_watch_unmove(void *payload, void *behind) MCX_HIDDEN;
/* A block goes to a thread's cache, where nobody may touch it; and comes out. */
void mcx_watch_cached(void *memory, size_t size) MCX_HIDDEN;
void mcx_watch_uncached(void *memory, size_t size) MCX_HIDDEN;
/* A context began; lost every chunk; ended. */
void mcx_watch_create(memctx *ctx) MCX_HIDDEN;
void mcx_watch_reset(memctx *ctx) MCX_HIDDEN;
void mcx_watch_delete(memctx *ctx) MCX_HIDDEN;
void mcx_header_open(const void *payload) MCX_HIDDEN;
void mcx_header_close(const void *payload) MCX_HIDDEN;
/* A memctx_check_fn: what is broken goes to the misuse hook. */
void mcx_debug_report(const memctx *ctx, const char *what, void *arg) MCX_HIDDEN;

#else

#define mcx_debug_init() ((void)0)
#define mcx_watch_alloc(ctx, payload, size, room) ((void)0)
#define mcx_watch_free(ctx, payload, size, room) ((void)0)
#define mcx_watch_end(payload, size, room) ((void)0)
#define mcx_watch_resize(ctx, payload, old_size, size, room) ((void)0)
#define mcx_watch_block(start, end) ((void)0)
#define mcx_watch_wipe(start, free, end) ((void)0)
#define mcx_watch_release(start, free, end) ((void)0)
#define mcx_watch_moved(behind, room, was, payload, old_size, size) ((void)0)
#define mcx_watch_unmove(payload, behind) ((void)0)
#define mcx_watch_lift(start, end) ((void)0)
#define mcx_watch_land(ctx, from, to) ((void)0)
#define mcx_watch_cached(memory, size) ((void)0)
#define mcx_watch_uncached(memory, size) ((void)0)
#define mcx_watch_create(ctx) ((void)0)
#define mcx_watch_reset(ctx) ((void)0)
#define mcx_watch_delete(ctx) ((void)0)
#define mcx_header_open(payload) ((void)0)
#define mcx_header_close(payload) ((void)0)

#endif

#endif
