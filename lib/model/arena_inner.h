/* SPDX-License-Identifier: MIT */
/*
 * What arena.c and arena_image.c share; nobody else includes it.
 */
#ifndef MEMCTX_MODEL_ARENA_INNER_H
#define MEMCTX_MODEL_ARENA_INNER_H

#include "model/arena.h"

#define ARENA_PAGE ((size_t)4096)
#define ARENA_BYTES ((size_t)64 << 30) /* addresses */
#define ARENA_UNITS ((size_t)2 << 30)  /* of them, for contexts */

struct arenas {
	char *place;  /* where the one that is used stands */
	char *parked; /* the other */
	char *spare;  /* addresses that the next turn takes */
	int used;
	int pagemap; /* /proc/self/pagemap, which tells the pages that were never touched; or -1 */
};

/* Forgets ASan's marks. */
void arena_unmark(const struct arena *arena);
/* Copies, but does not touch pages of TO, which are zero, for pages of FROM that are. */
void arena_copy(void *to, const void *from, size_t size);
/* Makes whole pages inside zero that need no memory then. */
void arena_give_back(char *memory, size_t size);

#endif
