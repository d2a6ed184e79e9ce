/* SPDX-License-Identifier: MIT */
/* What the library of the peer `lttng` has: see lttng_peer.so in the Makefile. */
#ifndef BENCH_LTTNG_PEER_H
#define BENCH_LTTNG_PEER_H

#include <stddef.h>

/* The allocator that is traced. */
void lttng_peer_set(void *(*alloc)(void *ctx, size_t size), void (*release)(void *chunk));
void *lttng_peer_alloc(void *ctx, size_t size);
void lttng_peer_free(void *chunk);

#endif
