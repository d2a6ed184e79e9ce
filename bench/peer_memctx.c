/* SPDX-License-Identifier: MIT */
/* memctx itself, from its shared library, with contexts of the default sizes. */
#include "bench.h"
#include "memctx.h"

#include <stdio.h>

static __typeof__(memctx_create) *create;

static void *create_default(void *parent)
{
	return create(parent, "bench", NULL, MEMCTX_ASET, NULL);
}

int peer_open_memctx(struct peer *peer, const char *path)
{
	__typeof__(memctx_version) *version;
	const struct peer_symbol symbols[] = {
		{"memctx_create", &create},
		{"memctx_reset", &peer->reset},
		{"memctx_delete", &peer->destroy},
		{"memctx_alloc", &peer->alloc},
		{"memctx_free", &peer->free},
		{"memctx_realloc", &peer->realloc},
		{"memctx_version", &version},
		{NULL, NULL},
	};

	if (peer_load(peer, (const char *const[]){path, NULL}, symbols) != 0)
		return -1;
	peer->create = create_default;
	peer->nests = true;
	snprintf(peer->note, sizeof(peer->note), "%s", version());
	return 0;
}
