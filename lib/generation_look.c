/* SPDX-License-Identifier: MIT */
/*
 * Looking at contexts of the kind generation: walks over blocks and chunks, and its part of the
 * proof: G1 to G3 of generation.c.
 *
 * Invariant of this file: it changes nothing.
 */
#include "generation.h"

void mcx_generation_each_chunk(
	const memctx *ctx, const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg)
{
	const char *at = (const char *)block->address + block->header;
	const char *end = (const char *)block->address + block->carved;

	if (block->is_large) {
		mcx_pool_each_large(ctx, block, func, arg);
		return;
	}
	while (at < end) {
		struct memctx_chunk_info info;

		if (skip_hole(ctx, block->address, &at))
			continue;
		if (!memctx_describe(at + CHUNK_HEADER, &info))
			return;
		info.owner = (memctx *)(uintptr_t)ctx;
		info.stride = head_load(at).stride;
		info.size = info.stride - CHUNK_HEADER;
		if (info.stride == 0 || !func(&info, arg))
			return;
		at += info.stride;
	}
}

struct each_block {
	const memctx *ctx;
	memctx_block_fn *func;
	void *arg;
};

static bool each_block_one(const struct memctx_block_info *block, void *arg)
{
	const struct each_block *each = arg;
	struct memctx_block_info info = *block;

	/* An open hole is to be carved, too. */
	if (info.is_open && each->ctx->end != each->ctx->blocks->end)
		info.tail += (size_t)(each->ctx->end - each->ctx->free);
	return each->func(&info, each->arg);
}

void mcx_generation_each_block(const memctx *ctx, memctx_block_fn *func, void *arg)
{
	struct each_block each = {ctx, func, arg};

	mcx_blocks_each(ctx, each_block_one, &each);
}

/* Dead chunks are on no list: they are found by walking. */
struct each_free {
	const memctx *ctx;
	int size_class;
	memctx_chunk_fn *func;
	void *arg;
	bool go_on;
};

static bool each_free_chunk(const struct memctx_chunk_info *chunk, void *arg)
{
	struct each_free *each = arg;
	struct memctx_chunk_info info = *chunk;

	if (!info.is_free || info.size_class != each->size_class)
		return true;
	info.next = NULL;
	each->go_on = each->func(&info, each->arg);
	return each->go_on;
}

static bool each_free_block(const struct memctx_block_info *block, void *arg)
{
	struct each_free *each = arg;

	mcx_generation_each_chunk(each->ctx, block, each_free_chunk, each);
	return each->go_on;
}

void mcx_generation_each_free(const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg)
{
	struct each_free each = {ctx, size_class, func, arg, true};

	mcx_generation_each_block(ctx, each_free_block, &each);
}

/* ---- The proof ---- */

static size_t prove_chunk(struct mcx_proof *proof, const struct mcx_block *block, const char *at)
{
	struct chunk head = head_load(at);
	size_t room = head.stride - CHUNK_HEADER;

	if (head.stride < CHUNK_HEADER || head.stride % 16 != 0 ||
		(size_t)head.offset * 16 != (size_t)(at - (const char *)block) ||
		head.stride > (size_t)(block->end - at)) {
		mcx_broken(proof, "G1: the header of a chunk is damaged");
		return 0;
	}
	if (is_dead(&head))
		mcx_prove_free(proof, mcx_pool_class(room), head.stride);
	else if (mcx_prove_word(proof, head.word, room))
		mcx_prove_live(proof, room, head.stride, mcx_word_middle(head.word));
	else
		return 0;
	return head.stride;
}

static void prove_block(struct mcx_proof *proof, const struct mcx_block *plain)
{
	const struct mcx_generation_block *block = (const struct mcx_generation_block *)plain;
	const char *at = mcx_block_start(proof->ctx, plain);
	const char *free = mcx_block_free(proof->ctx, plain);
	uint64_t free_bytes = proof->free_bytes, live = 0;

	while (at < free) {
		uint64_t before = proof->live_bytes;
		size_t stride;

		if (skip_hole(proof->ctx, plain, &at))
			continue;
		stride = prove_chunk(proof, plain, at);
		if (stride == 0)
			return;
		live += proof->live_bytes != before;
		at += stride;
	}
	if (at != free)
		mcx_broken(proof, "G1: the last chunk of a block reaches past its carved part");
	if (live != block->live || proof->free_bytes - free_bytes != block->dead)
		mcx_broken(proof, "G2: a block counts %u live chunks and %llu dead bytes",
			block->live, (unsigned long long)block->dead);
	if (block->is_ripe != (block->dead >= block->ripe_at && plain != proof->ctx->blocks))
		mcx_broken(proof, "G3: a block is not ripe as its dead chunks say");
}

static void prove_ripe(struct mcx_proof *proof)
{
	const struct mcx_generation_block *before = NULL, *block = proof->ctx->generation.ripe;
	uint64_t marked = 0, listed = 0;

	for (const struct mcx_block *b = proof->ctx->blocks; b != NULL; b = b->next)
		marked +=
			!mcx_block_is_large(b) && ((const struct mcx_generation_block *)b)->is_ripe;
	for (; block != NULL && listed <= marked; before = block, block = block->next, listed++)
		if (!block->is_ripe || block->prev != before)
			mcx_broken(proof, "G3: the links of the ripe blocks disagree");
	if (listed != marked)
		mcx_broken(proof, "G3: the list of ripe blocks has others than those that say so");
	block = proof->ctx->generation.spare;
	if (block != NULL && (block->live != 0 || block->block.free != mcx_block_start(proof->ctx,
									       &block->block)))
		mcx_broken(proof, "G3: the spare block is not empty");
}

size_t mcx_generation_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	return mcx_pool_prove(ctx, func, arg, prove_block, prove_ripe);
}
