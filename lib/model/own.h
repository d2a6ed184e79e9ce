/* SPDX-License-Identifier: MIT */
/*
 * The memory of a replay's own tables and strings: from malloc, or from an arena while one is used,
 * so that it can be put back together with the contexts.
 *
 * Only what belongs to a replay comes from here.  What comes from an arena is freed while that one
 * is used.
 */
#ifndef MEMCTX_MODEL_OWN_H
#define MEMCTX_MODEL_OWN_H

#include <stddef.h>

struct arena;

/* ARENA (NULL: malloc) gives memory from now on; returns what did. */
struct arena *own_use(struct arena *arena);

/*
 * As malloc, calloc, realloc, aligned_alloc and free.  In an arena ALIGN is at most 64; outside, 2
 * MiB ask the system for huge pages.
 */
void *own_alloc(size_t size);
void *own_zalloc(size_t count, size_t size);
void *own_realloc(void *memory, size_t size);
void *own_aligned(size_t align, size_t size);
void own_free(void *memory);

/*
 * A table's memory, which has OLD_SIZE bytes (0: none yet) and is to have NEW_SIZE, no less;
 * aligned to 64.  A large one moves by its pages, outside of an arena, so nothing is copied and no
 * page that was never written is touched.  NULL: it is as it was.
 */
void *own_grow_table(void *table, size_t old_size, size_t new_size);
void own_free_table(void *table, size_t size);
/* Has the pages of a part of a large table made, which is to be written at once. */
void own_ready_table(void *part, size_t size);

#endif
