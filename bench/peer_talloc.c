/* SPDX-License-Identifier: MIT */
/* talloc: every chunk is a context, found in a list of its parent's. */
#include "bench.h"

#include <stdio.h>

static void *(*named)(const void *parent, size_t size, const char *name);
static int (*release)(void *chunk, const char *location);
static void *(*resize)(const void *parent, void *chunk, size_t size, const char *name);

static void *create_empty(void *parent)
{
	return named(parent, 0, "bench");
}

static void *alloc_named(void *ctx, size_t size)
{
	return named(ctx, size, "chunk");
}

static void free_chunk(void *chunk)
{
	(void)release(chunk, "bench");
}

static void *realloc_named(void *chunk, size_t size)
{
	return resize(NULL, chunk, size, "chunk");
}

int peer_open_talloc(struct peer *peer, const char *path)
{
	static const char *const names[] = {"libtalloc.so.2", NULL};
	int (*major)(void);
	int (*minor)(void);
	const struct peer_symbol symbols[] = {
		{"talloc_named_const", &named},
		{"_talloc_free", &release},
		{"_talloc_realloc", &resize},
		{"talloc_free_children", &peer->reset},
		{"talloc_version_major", &major},
		{"talloc_version_minor", &minor},
		{NULL, NULL},
	};

	(void)path;
	if (peer_load(peer, names, symbols) != 0)
		return -1;
	peer->create = create_empty;
	peer->destroy = free_chunk;
	peer->alloc = alloc_named;
	peer->free = free_chunk;
	peer->realloc = realloc_named;
	peer->nests = true;
	snprintf(peer->note, sizeof(peer->note), "%d.%d", major(), minor());
	return 0;
}
