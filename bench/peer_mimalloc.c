/* SPDX-License-Identifier: MIT */
/*
 * mimalloc by its mi_ functions; its first-class heaps are the contexts.  They have no parents,
 * and are destroyed as a whole but not reset.
 */
#include "bench.h"

#include <stdio.h>

static void *(*heap_new)(void);

static void *create_heap(void *parent)
{
	(void)parent;
	return heap_new();
}

int peer_open_mimalloc(struct peer *peer, const char *path)
{
	static const char *const names[] = {"libmimalloc.so.2", "libmimalloc.so.2.0", NULL};
	int (*version)(void);
	const struct peer_symbol symbols[] = {
		{"mi_heap_new", &heap_new},
		{"mi_heap_destroy", &peer->destroy},
		{"mi_heap_malloc", &peer->alloc},
		{"mi_free", &peer->free},
		{"mi_realloc", &peer->realloc},
		{"mi_version", &version},
		{NULL, NULL},
	};

	(void)path;
	if (peer_load(peer, names, symbols) != 0)
		return -1;
	peer->create = create_heap;
	snprintf(peer->note, sizeof(peer->note), "%d.%d.%d", version() / 100, version() / 10 % 10,
		version() % 10);
	return 0;
}
