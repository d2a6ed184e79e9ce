/* SPDX-License-Identifier: MIT */
/*
 * Somebody's own arena, which knows nothing of memory contexts but in the four lines that are
 * numbered: they make it visible to whatever looks at the process (memctx_watch in memctx.h).
 *
 *   watched_arena work   fills some arenas, and prints what is held: "CONTEXTS LIVE BYTES TOTAL"
 *   watched_arena wait   prints "ready", and waits for the end of its standard input in between
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memctx.h"

enum { BLOCK = 16384, ARENAS = 3 };

struct block {
	struct block *next;
	char bytes[];
};

struct arena {
	struct block *blocks;
	char *free, *end;
	memctx *node;
};

static void arena_init(struct arena *arena, memctx *parent, const char *name)
{
	*arena = (struct arena){0};
	arena->node = memctx_watch(parent, name, NULL); /* 1 */
}

static void *arena_alloc(struct arena *arena, size_t size)
{
	size_t room = (size + 15) & ~(size_t)15;

	if (room > (size_t)(arena->end - arena->free)) {
		size_t bytes = room > BLOCK ? room : BLOCK;
		struct block *block = malloc(sizeof(*block) + bytes);

		if (block == NULL)
			return NULL;
		block->next = arena->blocks;
		arena->blocks = block;
		arena->free = block->bytes;
		arena->end = block->bytes + bytes;
		memctx_watch_blocks(arena->node, 1, (ptrdiff_t)(sizeof(*block) + bytes)); /* 2 */
	}
	memctx_watch_chunks(arena->node, 1, (ptrdiff_t)size); /* 3 */
	arena->free += room;
	return arena->free - room;
}

static void arena_destroy(struct arena *arena)
{
	while (arena->blocks != NULL) {
		struct block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
	memctx_delete(arena->node); /* 4 */
}

/* ---- Its user --------------------------------------------------------------------------- */

static void print_held(const memctx *top)
{
	unsigned long contexts = 0, live = 0, bytes = 0;

	for (const memctx *c = top; c != NULL; c = memctx_walk(top, c)) {
		struct memctx_stats s;

		memctx_stats(c, &s);
		contexts++;
		live += s.live_chunks;
		bytes += s.requested_bytes;
	}
	printf("%lu %lu %lu %zu\n", contexts, live, bytes, memctx_subtree_total(top));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	memctx *top = memctx_create(NULL, "top", NULL, MEMCTX_ASET, NULL);
	struct arena arenas[ARENAS], gone;
	char byte;

	for (int i = 0; i < ARENAS; i++) {
		arena_init(&arenas[i], top, "their arena");
		for (int k = 0; k < 500 * i; k++)
			if (arena_alloc(&arenas[i], (size_t)k % 700 + 1) == NULL)
				return 1;
	}
	arena_init(&gone, NULL, "gone");
	if (arena_alloc(&gone, 100000) == NULL || memctx_alloc(top, 1000) == NULL)
		return 1;
	arena_destroy(&gone);
	if (argc > 1 && strcmp(argv[1], "wait") == 0) {
		puts("ready");
		fflush(stdout);
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
	}
	print_held(top);
	for (int i = 0; i < ARENAS; i++)
		arena_destroy(&arenas[i]);
	memctx_delete(top);
	return 0;
}
