/* SPDX-License-Identifier: MIT */
/* glibc's malloc: no contexts, so whoever uses it keeps the chunks and frees each. */
#include "bench.h"

#include <gnu/libc-version.h>
#include <stdio.h>

static void *(*plain)(size_t size);

static void *alloc_plain(void *ctx, size_t size)
{
	(void)ctx;
	return plain(size);
}

int peer_open_glibc(struct peer *peer, const char *path)
{
	static const char *const names[] = {"libc.so.6", NULL};
	const struct peer_symbol symbols[] = {
		{"malloc", &plain},
		{"free", &peer->free},
		{"realloc", &peer->realloc},
		{NULL, NULL},
	};

	(void)path;
	if (peer_load(peer, names, symbols) != 0)
		return -1;
	peer->alloc = alloc_plain;
	snprintf(peer->note, sizeof(peer->note), "%s", gnu_get_libc_version());
	return 0;
}
