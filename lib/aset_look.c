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
#include <stdio.h>
#include <string.h>

#include "aset.h"

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

struct proof {
	const memctx *ctx;
	memctx_check_fn *func;
	void *arg;
	size_t broken;
	uint64_t live[MEMCTX_CLASSES], free[MEMCTX_CLASSES], slack[MEMCTX_CLASSES];
	/* Sums over the free chunks of a class, and over where their links and the bin lead. */
	uint64_t stand[MEMCTX_CLASSES], lead[MEMCTX_CLASSES];
	uint64_t blocks, bytes, tail, large, large_requested, large_bytes;
};

__attribute__((format(printf, 2, 3))) static void broken(
	struct proof *proof, const char *format, ...)
{
	char what[200];
	va_list args;

	proof->broken++;
	if (proof->func == NULL)
		return;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	proof->func(proof->ctx, what, proof->arg);
}

/* One chunk of a small block at PAYLOAD; returns its stride, or 0 where its word is damaged. */
static size_t prove_chunk(struct proof *proof, const char *payload)
{
	uint64_t word = mcx_word_load(payload);
	uintptr_t address = mcx_word_address(word);
	unsigned k;

	k = mcx_word_middle(word) % 32;
	if (mcx_word_tag(word) == MCX_TAG_FREE && k < MEMCTX_CLASSES &&
		mcx_word_middle(word) == mcx_bin_place((uintptr_t)&proof->ctx->bin[k])) {
		proof->free[k]++;
		proof->stand[k] += mcx_mark((uintptr_t)payload);
		proof->lead[k] += mcx_mark(address);
		return mcx_stride(k, proof->ctx->align);
	}
	if (!mcx_word_is_use(word) || mcx_bin_unit(address) != proof->ctx ||
		mcx_bin_class(address) >= MEMCTX_CLASSES || address % sizeof(void *) != 0 ||
		mcx_word_middle(word) > MCX_CLASS_BYTES(mcx_bin_class(address))) {
		broken(proof, "I3: the header word %#llx of a chunk is damaged",
			(unsigned long long)word);
		return 0;
	}
	k = mcx_bin_class(address);
	proof->live[k]++;
	proof->slack[k] += mcx_word_middle(word);
	return mcx_stride(k, proof->ctx->align);
}

static void prove_small_block(struct proof *proof, const struct mcx_block *block)
{
	const char *at = mcx_block_start(proof->ctx, block),
		   *free = mcx_block_free(proof->ctx, block);

	if (block->owner != proof->ctx || free < at || free > block->end || (free - at) % 8 != 0) {
		broken(proof, "I2: a block's owner or bounds are damaged");
		return;
	}
	proof->tail += (size_t)(block->end - free);
	while (at < free) {
		size_t stride = prove_chunk(proof, at + MCX_WORD);

		if (stride == 0)
			return;
		at += stride;
	}
	if (at != free)
		broken(proof, "I3: the last chunk of a block reaches past its carved part");
}

static void prove_large_block(struct proof *proof, const struct mcx_block *block)
{
	const char *payload = (const char *)block + MCX_LARGE_HEADER;
	uintptr_t owner = (uintptr_t)block->owner & ~MCX_BLOCK_LARGE;

	proof->large++;
	proof->large_requested += block->requested;
	proof->large_bytes += mcx_block_size(block);
	if (owner != (uintptr_t)proof->ctx || payload > block->end ||
		block->requested > (size_t)(block->end - payload))
		broken(proof, "I2: a large chunk's block is damaged");
	else if (mcx_word_load(payload) != mcx_large_word(proof->ctx))
		broken(proof, "I3: the header word of a large chunk is damaged");
}

static void prove_blocks(struct proof *proof)
{
	const struct mcx_block *before = NULL, *last_small = NULL;

	for (const struct mcx_block *block = proof->ctx->blocks; block != NULL;
		before = block, block = block->next) {
		if (block->prev != before) {
			broken(proof, "I1: a block's links disagree");
			return;
		}
		proof->blocks++;
		proof->bytes += mcx_block_size(block);
		if (mcx_block_is_large(block)) {
			prove_large_block(proof, block);
		} else {
			prove_small_block(proof, block);
			last_small = block;
		}
	}
	if (last_small != proof->ctx->keeper)
		broken(proof, "I1: the keeper is not the last small block");
	if (proof->ctx->blocks == NULL || proof->ctx->end != proof->ctx->blocks->end)
		broken(proof, "I1: the open block's end is not the context's");
}

/*
 * A list is walked only where its links lead to the free chunks of the class, each once: a
 * damaged link may lead to memory that is not there.
 */
static void prove_lists(struct proof *proof)
{
	for (unsigned k = 0; k < MEMCTX_CLASSES; k++) {
		const void *payload = proof->ctx->bin[k];
		uint64_t length = 0;

		if (proof->stand[k] != proof->lead[k] + mcx_mark((uintptr_t)payload)) {
			broken(proof,
				"I4: a link of freelist %u leads elsewhere than to its chunks", k);
			continue;
		}
		for (; payload != NULL && length <= proof->free[k]; length++)
			payload = (const void *)mcx_word_address(mcx_word_load(payload));
		if (length != proof->free[k])
			broken(proof, "I4: freelist %u holds %llu chunks, the blocks %llu", k,
				(unsigned long long)length, (unsigned long long)proof->free[k]);
	}
}

static void prove_count(struct proof *proof, const char *what, uint64_t counted, uint64_t found)
{
	if (counted != found)
		broken(proof, "I5: %s is counted as %llu and is %llu", what,
			(unsigned long long)counted, (unsigned long long)found);
}

static void prove_counts(struct proof *proof)
{
	const struct region_slot *slot = mcx_slot(proof->ctx);
	struct memctx_stats stats;
	uint64_t parts;

	memctx_stats(proof->ctx, &stats);
	for (unsigned k = 0; k < MEMCTX_CLASSES; k++) {
		char what[32];

		snprintf(what, sizeof(what), "class %u: live", k);
		prove_count(proof, what, stats.classes[k].live, proof->live[k]);
		snprintf(what, sizeof(what), "class %u: free", k);
		prove_count(proof, what, stats.classes[k].free, proof->free[k]);
		snprintf(what, sizeof(what), "class %u: slack", k);
		prove_count(proof, what, stats.classes[k].slack, proof->slack[k]);
		if (stats.classes[k].live + stats.classes[k].free > 0 &&
			!(proof->ctx->used >> k & 1))
			broken(proof, "I5: class %u is in use and not marked so", k);
	}
	prove_count(proof, "blocks", slot->nblocks, proof->blocks);
	prove_count(proof, "total bytes", slot->total_bytes, proof->bytes + MCX_UNIT);
	prove_count(proof, "tail bytes", stats.tail_bytes, proof->tail);
	prove_count(proof, "large chunks", slot->large_chunks, proof->large);
	prove_count(proof, "large chunks' bytes asked for", slot->large_requested,
		proof->large_requested);
	prove_count(proof, "large chunks' block bytes", slot->large_bytes, proof->large_bytes);
	parts = stats.requested_bytes + stats.slack_bytes + stats.header_bytes +
		stats.freelist_bytes + stats.tail_bytes;
	if (parts != stats.total_bytes)
		broken(proof, "I6: the parts do not sum to the total");
}

size_t mcx_aset_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	struct proof proof = {.ctx = ctx, .func = func, .arg = arg};

	prove_blocks(&proof);
	/* The rest rests on a sound walk. */
	if (proof.broken == 0)
		prove_lists(&proof);
	if (proof.broken == 0)
		prove_counts(&proof);
	return proof.broken;
}
