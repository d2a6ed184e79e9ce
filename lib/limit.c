/* SPDX-License-Identifier: MIT */
/*
 * Limits: bounds on the bytes that a context and all below it take from the system.
 *
 * Every context knows its limiter, the nearest context with a limit at or above it, so a charge
 * goes from limiter to limiter and not from parent to parent.
 *
 * Invariant: subtree_bytes of a context with a limit is the sum of total_bytes over its subtree.
 */
#include <errno.h>

#include "internal.h"

static memctx *limiter_above(const memctx *limiter)
{
	return limiter->parent != NULL ? limiter->parent->limiter : NULL;
}

static bool is_over(const memctx *limiter, size_t bytes)
{
	return limiter->subtree_bytes > limiter->limit ||
	       bytes > limiter->limit - limiter->subtree_bytes;
}

bool mcx_limits_charge(memctx *limiter, size_t bytes)
{
	for (memctx *c = limiter; c != NULL; c = limiter_above(c)) {
		if (is_over(c, bytes)) {
			errno = ENOMEM;
			return false;
		}
	}
	for (memctx *c = limiter; c != NULL; c = limiter_above(c))
		c->subtree_bytes += bytes;
	return true;
}

void mcx_limits_discharge(memctx *limiter, size_t bytes)
{
	for (memctx *c = limiter; c != NULL; c = limiter_above(c))
		c->subtree_bytes -= bytes;
}

bool mcx_limits_move(memctx *ctx, memctx *parent)
{
	memctx *from = ctx->parent != NULL ? ctx->parent->limiter : NULL;
	memctx *to = parent != NULL ? parent->limiter : NULL;
	memctx *shared = to;
	size_t bytes;

	if (from == to)
		return true;
	bytes = memctx_subtree_total(ctx);
	/* A limit over both places has the bytes already, even where they are over it. */
	while (shared != NULL) {
		memctx *c = from;

		while (c != NULL && c != shared)
			c = limiter_above(c);
		if (c != NULL)
			break;
		if (is_over(shared, bytes)) {
			errno = ENOMEM;
			return false;
		}
		shared = limiter_above(shared);
	}
	mcx_limits_discharge(from, bytes);
	for (memctx *c = to; c != NULL; c = limiter_above(c))
		c->subtree_bytes += bytes;
	return true;
}

void mcx_limits_inherit(memctx *ctx)
{
	memctx *above = ctx->parent != NULL ? ctx->parent->limiter : NULL;

	if (ctx->limiter == (ctx->limit != 0 ? ctx : above))
		return;
	for (memctx *c = ctx; c != NULL; c = memctx_walk(ctx, c)) {
		above = c->parent != NULL ? c->parent->limiter : NULL;
		c->limiter = c->limit != 0 ? c : above;
	}
}

void memctx_set_limit(memctx *ctx, size_t bytes)
{
	if (mcx_is_dead(ctx, "memctx_set_limit"))
		return;
	if (ctx->limit == 0 && bytes != 0)
		ctx->subtree_bytes = memctx_subtree_total(ctx);
	ctx->limit = bytes;
	mcx_limits_inherit(ctx);
}

size_t memctx_limit(const memctx *ctx)
{
	return mcx_is_dead(ctx, "memctx_limit") ? 0 : ctx->limit;
}
