/* SPDX-License-Identifier: MIT */
/*
 * An allocator that does nothing: what remains is the cost of the benchmark itself.  Every chunk
 * is the same memory, so it is never asked for contents.
 */
#include "bench.h"

#include <stdio.h>

static uint64_t memory[65536 / sizeof(uint64_t)];

static void *same(void *parent)
{
	(void)parent;
	return memory;
}

static void nothing(void *any)
{
	(void)any;
}

static void *alloc_same(void *ctx, size_t size)
{
	(void)ctx;
	(void)size;
	return memory;
}

static void *realloc_same(void *chunk, size_t size)
{
	(void)size;
	return chunk;
}

int peer_open_none(struct peer *peer, const char *path)
{
	(void)path;
	peer->create = same;
	peer->reset = nothing;
	peer->destroy = nothing;
	peer->alloc = alloc_same;
	peer->free = nothing;
	peer->realloc = realloc_same;
	peer->nests = true;
	snprintf(peer->note, sizeof(peer->note), "the benchmark's own cost");
	return 0;
}
