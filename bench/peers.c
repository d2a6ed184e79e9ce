/* SPDX-License-Identifier: MIT */
/*
 * The table of peers and how their libraries are found: at run time, so that the program builds
 * everywhere and a missing one is a line in the report.
 */
#include "bench.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct peer peers[PEER_COUNT] = {
	[PEER_MEMCTX] = {.name = "memctx", .open = peer_open_memctx},
	[PEER_RECORDING] = {.name = "recording", .open = peer_open_recording},
	[PEER_THREADED] = {.name = "threaded", .open = peer_open_threaded},
	[PEER_LTTNG] = {.name = "lttng", .open = peer_open_lttng},
	[PEER_PRIVATE] = {.name = "private", .open = peer_open_private},
	[PEER_FINE] = {.name = "fine", .open = peer_open_fine},
	[PEER_GENERATION] = {.name = "generation", .open = peer_open_generation},
	[PEER_BUMP] = {.name = "bump", .open = peer_open_bump},
	[PEER_SLAB] = {.name = "slab", .open = peer_open_slab},
	[PEER_POSTGRES] = {.name = "postgresql", .open = peer_open_postgres},
	[PEER_APR] = {.name = "apr", .open = peer_open_apr},
	[PEER_TALLOC] = {.name = "talloc", .open = peer_open_talloc},
	[PEER_MIMALLOC] = {.name = "mimalloc", .open = peer_open_mimalloc},
	[PEER_GLIBC] = {.name = "glibc", .open = peer_open_glibc},
	[PEER_NONE] = {.name = "none", .open = peer_open_none},
};

int peer_load(struct peer *peer, const char *const *names, const struct peer_symbol *symbols)
{
	void *library = NULL;
	void *found;
	size_t i;

	for (i = 0; names[i] != NULL && library == NULL; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		snprintf(peer->note, sizeof(peer->note), "left out: %s", dlerror());
		return -1;
	}
	for (i = 0; symbols[i].name != NULL; i++) {
		found = dlsym(library, symbols[i].name);
		if (found == NULL) {
			snprintf(peer->note, sizeof(peer->note), "left out: no %s in its library",
				symbols[i].name);
			return -1;
		}
		memcpy(symbols[i].target, &found, sizeof(found));
	}
	return 0;
}
