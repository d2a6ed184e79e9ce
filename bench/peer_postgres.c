/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL's own aset.c and mcxt.c as libpg_query carries them (its shared library exports the
 * functions and ships no header for them): ALLOCSET_DEFAULT_SIZES below TopMemoryContext.
 */
#include "bench.h"

#include <stdio.h>

static void *(*create)(void *parent, const char *name, size_t min, size_t init, size_t max);
static void **top; /* TopMemoryContext, this thread's */

static void *create_default(void *parent)
{
	return create(parent != NULL ? parent : *top, "bench", 0, 8192, 8388608);
}

int peer_open_postgres(struct peer *peer, const char *path)
{
	static const char *const names[] = {"libpg_query.so", "libpg_query.so.1504.0", NULL};
	void (*init)(void);
	const struct peer_symbol symbols[] = {
		{"AllocSetContextCreateInternal", &create},
		{"TopMemoryContext", &top},
		{"MemoryContextInit", &init},
		{"MemoryContextReset", &peer->reset},
		{"MemoryContextDelete", &peer->destroy},
		{"MemoryContextAlloc", &peer->alloc},
		{"pfree", &peer->free},
		{"repalloc", &peer->realloc},
		{NULL, NULL},
	};

	(void)path;
	if (peer_load(peer, names, symbols) != 0)
		return -1;
	if (*top == NULL)
		init();
	peer->create = create_default;
	peer->nests = true;
	snprintf(peer->note, sizeof(peer->note), "AllocSet of 15, from libpg_query");
	return 0;
}
