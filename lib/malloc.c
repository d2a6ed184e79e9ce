/* SPDX-License-Identifier: MIT */
/*
 * The kind malloc: each chunk is obtained from the system and linked to its context, as talloc and
 * many programs' own lists do it; the baseline that the other kinds are held against.
 *
 * Invariant: every chunk is a large one, and nothing is cached.
 */
#include "pool.h"

static bool malloc_create(memctx *ctx, const struct memctx_options *options)
{
	return mcx_pool_create(ctx, options, MCX_BLOCK_HEADER, MCX_WORD, false);
}

static size_t malloc_usable(const memctx *ctx, const void *payload)
{
	(void)ctx;
	return mcx_large_usable(payload);
}

static void prove_nothing(struct mcx_proof *proof, const struct mcx_block *block)
{
	(void)block;
	mcx_broken(proof, "M1: a block of a malloc context holds more than one chunk");
}

static size_t malloc_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	return mcx_pool_prove(ctx, func, arg, prove_nothing, NULL);
}

const struct mcx_methods mcx_malloc_methods = {
	.create = malloc_create,
	.alloc = mcx_large_alloc_told,
	.alloc_quiet = mcx_large_alloc,
	.free = mcx_large_free,
	.realloc = mcx_pool_realloc,
	.usable = malloc_usable,
	.requested = mcx_pool_requested,
	.set_requested = mcx_pool_set_requested,
	.reset = mcx_pool_reset,
	.destroy = mcx_pool_destroy,
	.each_block = mcx_blocks_each,
	.each_chunk = mcx_pool_each_large,
	.each_free = mcx_pool_each_free,
	.check = malloc_check,
};
