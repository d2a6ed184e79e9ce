/* SPDX-License-Identifier: MIT */
/* APR's pools: no free and no realloc; a pool is cleared or destroyed as a whole. */
#include "bench.h"

#include <stdio.h>

static int (*create)(void **pool, void *parent, void *abort_fn, void *allocator);

static void *create_pool(void *parent)
{
	void *pool;

	return create(&pool, parent, NULL, NULL) == 0 ? pool : NULL;
}

int peer_open_apr(struct peer *peer, const char *path)
{
	static const char *const names[] = {"libapr-1.so.0", NULL};
	int (*init)(void);
	const char *(*version)(void);
	const struct peer_symbol symbols[] = {
		{"apr_pool_create_ex", &create},
		{"apr_initialize", &init},
		{"apr_version_string", &version},
		{"apr_pool_clear", &peer->reset},
		{"apr_pool_destroy", &peer->destroy},
		{"apr_palloc", &peer->alloc},
		{NULL, NULL},
	};

	(void)path;
	if (peer_load(peer, names, symbols) != 0)
		return -1;
	if (init() != 0) {
		snprintf(peer->note, sizeof(peer->note), "left out: apr_initialize failed");
		return -1;
	}
	peer->create = create_pool;
	peer->nests = true;
	snprintf(peer->note, sizeof(peer->note), "%s", version());
	return 0;
}
