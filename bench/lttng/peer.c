/* SPDX-License-Identifier: MIT */
/*
 * memctx with a tracepoint of LTTng-UST at each operation, in place of its ring: a library of its
 * own, since it is built and loaded only where LTTng is.
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include <stdint.h>

#include "bench/lttng/event.h"
#include "bench/lttng/peer.h"

#define SHOWN __attribute__((visibility("default")))

static void *(*traced_alloc)(void *ctx, size_t size);
static void (*traced_free)(void *chunk);

SHOWN void lttng_peer_set(void *(*alloc)(void *ctx, size_t size), void (*release)(void *chunk))
{
	traced_alloc = alloc;
	traced_free = release;
}

SHOWN void *lttng_peer_alloc(void *ctx, size_t size)
{
	void *chunk = traced_alloc(ctx, size);

	lttng_ust_tracepoint(memctx_bench, event, size, (uintptr_t)chunk);
	return chunk;
}

SHOWN void lttng_peer_free(void *chunk)
{
	lttng_ust_tracepoint(memctx_bench, event, 0, (uintptr_t)chunk);
	traced_free(chunk);
}
