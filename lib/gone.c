/* SPDX-License-Identifier: MIT */
/*
 * What a context is once it was deleted and until its unit is used again: a kind whose every
 * function is misuse, so that a pointer kept too long is found out by its next use.
 *
 * Invariant: such a context's small_end is 0; so memctx_alloc() comes here without having to look.
 */
#include "internal.h"

static void *gone_alloc(memctx *ctx, size_t size)
{
	(void)size;
	mcx_misuse("an allocation in a context that was deleted", ctx);
	return NULL;
}

static void *gone_alloc_aligned(memctx *ctx, size_t size, size_t align)
{
	(void)align;
	return gone_alloc(ctx, size);
}

static void gone_free(memctx *ctx, void *chunk)
{
	(void)ctx;
	mcx_misuse("memctx_free: the context of the chunk was deleted", chunk);
}

static void *gone_realloc(memctx *ctx, void *chunk, size_t size)
{
	(void)ctx;
	(void)size;
	mcx_misuse("memctx_realloc: the context of the chunk was deleted", chunk);
	return NULL;
}

/* The rest is called of contexts that were seen to be there: mcx_is_dead(). */
const struct mcx_methods mcx_gone_methods = {
	.alloc = gone_alloc,
	.alloc_quiet = gone_alloc,
	.alloc_aligned = gone_alloc_aligned,
	.free = gone_free,
	.realloc = gone_realloc,
};
