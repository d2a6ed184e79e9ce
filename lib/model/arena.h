/* SPDX-License-Identifier: MIT */
/*
 * Memory that can be put back: everything that a replay has lies in one range of addresses, and a
 * copy of what is not zero there is the replay at that moment.
 *
 * Two arenas take turns at the same addresses, so that what was copied of one can be put into the
 * other.  Each has a world of contexts (memctx_swap_world) of its own, whose backing it is.
 *
 * Invariants: an arena that is not in place is unmapped from the range, its pages parked elsewhere;
 * what lies beyond `next`, and beyond `units_end`, is zero.
 */
#ifndef MEMCTX_MODEL_ARENA_H
#define MEMCTX_MODEL_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memctx.h"

#define ARENA_CLASSES 256

/* What stands first in the range. */
struct arena {
	struct memctx_world world; /* the arena's while it rests, else the one put aside for it */
	char *next, *end;          /* not handed out yet */
	char *units, *units_end;   /* what is reserved for contexts, and used of it */
	bool is_full;              /* memory was refused */
	void *free[ARENA_CLASSES]; /* by size, linked through their first words */
	void *top[2];              /* the user's way in */
};

/* SIZE bytes, aligned to 64, or NULL; from 16 KiB on to 4096. */
void *arena_alloc(struct arena *arena, size_t size);
void arena_free(struct arena *arena, void *memory, size_t size);
void *arena_resize(struct arena *arena, void *memory, size_t old_size, size_t new_size);

struct arenas;

/* Two empty arenas, the first in place; NULL: the address space is not to be had. */
struct arenas *arenas_new(void);
void arenas_free(struct arenas *arenas);
/* Puts arena WHICH (0, 1) in place.  0, or -1: the other one stays there. */
int arenas_use(struct arenas *arenas, int which);
/* The one in place; always the same address. */
struct arena *arenas_arena(const struct arenas *arenas);

/* The arena in place as it is now, its world at rest. */
struct arena_image;

/* At most MOST bytes large; NULL: it cannot be had. */
struct arena_image *arenas_save(struct arenas *arenas, size_t most);
void arenas_restore(struct arenas *arenas, const struct arena_image *image);
void arena_image_free(struct arena_image *image);
/* Its own bytes, and those of memory that the arena took when it was made. */
size_t arena_image_bytes(const struct arena_image *image);
size_t arena_image_resident(const struct arena_image *image);

#endif
