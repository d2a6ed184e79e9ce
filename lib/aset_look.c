/* SPDX-License-Identifier: MIT */
/*
 * Looking at contexts of the kind aset: walks over blocks and chunks, and the proof that
 * every count and link is true.
 *
 * The invariants, by the numbers that a report names:
 *   I1  blocks are linked both ways, the open one first, the keeper the last small one
 *   I2  a block's owner, bounds and carved part agree
 *   I3  chunks fill the carved part of a block without a gap, each word in use or free
 *   I4  a freelist holds the free chunks of its class and no other, each once
 *   I5  the slot's counters say what the walk found: live, free, slack, blocks, large, total
 *   I6  requested + slack + headers + freelist + tail = total
 * Invariant of this file: it changes nothing.
 */
#include "aset.h"
#include "pool.h"

void mcx_aset_each_chunk(
	const memctx *ctx, const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg)
{
	const char *at = (const char *)block->address + block->header;
	const char *end = (const char *)block->address + block->carved;

	while (at < end) {
		struct memctx_chunk_info info;

		if (!memctx_describe(at + MCX_WORD, &info) || info.stride == 0)
			return;
		if (info.is_free)
			info.owner = (memctx *)(uintptr_t)ctx;
		if (info.is_free)
			info.stride = mcx_stride((unsigned)info.size_class, ctx->align);
		if (!func(&info, arg))
			return;
		at = info.is_large ? end : at + info.stride;
	}
}

void mcx_aset_each_free(const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg)
{
	const void *payload = ctx->bin[size_class];
	struct memctx_chunk_info info;

	for (; payload != NULL; payload = info.next) {
		if (!memctx_describe(payload, &info) || !info.is_free)
			return;
		info.owner = (memctx *)(uintptr_t)ctx;
		info.stride = mcx_stride((unsigned)size_class, ctx->align);
		if (!func(&info, arg))
			return;
	}
}

/* ---- The proof ---- */

/* One chunk of a small block at PAYLOAD; returns its stride, or 0 where its word is damaged. */
static size_t prove_chunk(struct mcx_proof *proof, const char *payload)
{
	uint64_t word = mcx_word_load(payload);
	uintptr_t address = mcx_word_address(word);
	unsigned k;

	k = mcx_word_middle(word) % 32;
	if (mcx_word_tag(word) == MCX_TAG_FREE && k < MEMCTX_CLASSES &&
		mcx_word_middle(word) == mcx_bin_middle((uintptr_t)&proof->ctx->bin[k])) {
		mcx_prove_free(proof, k, mcx_stride(k, proof->ctx->align));
		proof->stand[k] += mcx_mark((uintptr_t)payload);
		proof->lead[k] += mcx_mark(address);
		return mcx_stride(k, proof->ctx->align);
	}
	if (!mcx_word_is_use(word) || mcx_bin_unit(address) != proof->ctx ||
		mcx_bin_class(address) >= MEMCTX_CLASSES || address % sizeof(void *) != 0 ||
		mcx_word_middle(word) > MCX_CLASS_BYTES(mcx_bin_class(address))) {
		mcx_broken(proof, "I3: the header word %#llx of a chunk is damaged",
			(unsigned long long)word);
		return 0;
	}
	k = mcx_bin_class(address);
	mcx_prove_live(
		proof, MCX_CLASS_BYTES(k), mcx_stride(k, proof->ctx->align), mcx_word_middle(word));
	return mcx_stride(k, proof->ctx->align);
}

static void prove_block(struct mcx_proof *proof, const struct mcx_block *block)
{
	mcx_prove_chunks(proof, block, prove_chunk);
}

/* Where the open block and the keeper stand among the blocks. */
static void prove_places(struct mcx_proof *proof)
{
	const memctx *ctx = proof->ctx;
	const struct mcx_block *last_small = NULL;

	for (const struct mcx_block *block = ctx->blocks; block != NULL; block = block->next)
		if (!mcx_block_is_large(block))
			last_small = block;
	if (last_small != ctx->keeper)
		mcx_broken(proof, "I1: the keeper is not the last small block");
	if (ctx->blocks == NULL || ctx->end != ctx->blocks->end)
		mcx_broken(proof, "I1: the open block's end is not the context's");
}

/*
 * A list is walked only where its links lead to the free chunks of the class, each once: a
 * damaged link may lead to memory that is not there.
 */
static void prove_lists(struct mcx_proof *proof)
{
	for (unsigned k = 0; k < MEMCTX_CLASSES; k++) {
		const void *payload = proof->ctx->bin[k];
		uint64_t length = 0;

		if (proof->stand[k] != proof->lead[k] + mcx_mark((uintptr_t)payload)) {
			mcx_broken(proof,
				"I4: a link of freelist %u leads elsewhere than to its chunks", k);
			continue;
		}
		for (; payload != NULL && length <= proof->free[k]; length++)
			payload = (const void *)mcx_word_address(mcx_word_load(payload));
		if (length != proof->free[k])
			mcx_broken(proof, "I4: freelist %u holds %llu chunks, the blocks %llu", k,
				(unsigned long long)length, (unsigned long long)proof->free[k]);
	}
}

static void prove_rest(struct mcx_proof *proof)
{
	prove_places(proof);
	if (proof->broken == 0)
		prove_lists(proof);
}

size_t mcx_aset_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	return mcx_pool_prove(ctx, func, arg, prove_block, prove_rest);
}
