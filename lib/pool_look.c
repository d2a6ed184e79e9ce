/* SPDX-License-Identifier: MIT */
/*
 * The part of the proof that all kinds share: the list of blocks, large chunks and the counters;
 * what a small block holds is the kind's to prove.
 *
 * The invariants, by the numbers that a report names, are those of aset_look.c as far as they are
 * the same: I1 to I3, I5 and I6; each kind adds its own.
 * Invariant of this file: it changes nothing.
 */
#include <stdio.h>

#include "fine.h"
#include "pool.h"

void mcx_broken(struct mcx_proof *proof, const char *format, ...)
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

void mcx_prove_live(struct mcx_proof *proof, size_t room, size_t stride, size_t slack)
{
	unsigned k = mcx_pool_class(room);

	proof->live[k]++;
	proof->slack[k] += slack;
	proof->live_bytes += stride;
}

void mcx_prove_free(struct mcx_proof *proof, unsigned k, size_t stride)
{
	proof->free[k]++;
	proof->free_bytes += stride;
}

void mcx_prove_chunks(struct mcx_proof *proof, const struct mcx_block *block,
	size_t (*prove)(struct mcx_proof *proof, const char *payload))
{
	const char *at = mcx_block_start(proof->ctx, block);
	const char *free = mcx_block_free(proof->ctx, block);

	while (at < free) {
		size_t stride = prove(proof, at + MCX_WORD);

		if (stride == 0)
			return;
		at += stride;
	}
	if (at != free)
		mcx_broken(proof, "I3: the last chunk of a block reaches past its carved part");
}

bool mcx_prove_word(struct mcx_proof *proof, uint64_t word, size_t room)
{
	if (mcx_word_is_other(word) && !mcx_word_is_large(word) &&
		mcx_bin_unit(mcx_word_address(word)) == proof->ctx && mcx_word_middle(word) <= room)
		return true;
	mcx_broken(
		proof, "I3: the header word %#llx of a chunk is damaged", (unsigned long long)word);
	return false;
}

static void prove_large_block(struct mcx_proof *proof, const struct mcx_block *block)
{
	const char *payload = (const char *)block + MCX_LARGE_HEADER;
	uintptr_t owner = (uintptr_t)block->owner & ~MCX_BLOCK_LARGE;

	proof->large++;
	proof->large_requested += block->requested;
	proof->large_bytes += mcx_block_size(block);
	if (owner != (uintptr_t)proof->ctx || payload > block->end ||
		block->requested > (size_t)(block->end - payload))
		mcx_broken(proof, "I2: a large chunk's block is damaged");
	else if (mcx_word_load(payload) != mcx_large_word(proof->ctx))
		mcx_broken(proof, "I3: the header word of a large chunk is damaged");
}

static void prove_small_block(
	struct mcx_proof *proof, const struct mcx_block *block, mcx_prove_fn *prove)
{
	const char *start = mcx_block_start(proof->ctx, block);
	const char *free = mcx_block_free(proof->ctx, block);

	if (block->owner != proof->ctx || free < start || free > block->end ||
		(free - start) % 8 != 0)
		mcx_broken(proof, "I2: a block's owner or bounds are damaged");
	else
		prove(proof, block);
}

static void prove_blocks(struct mcx_proof *proof, mcx_prove_fn *prove)
{
	const struct mcx_block *before = NULL, *keeper = NULL;

	for (const struct mcx_block *block = proof->ctx->blocks; block != NULL;
		before = block, block = block->next) {
		if (block->prev != before) {
			mcx_broken(proof, "I1: a block's links disagree");
			return;
		}
		proof->blocks++;
		proof->bytes += mcx_block_size(block);
		if (mcx_block_is_large(block))
			prove_large_block(proof, block);
		else
			prove_small_block(proof, block, prove);
		if (block == proof->ctx->keeper)
			keeper = block;
	}
	if (keeper != proof->ctx->keeper)
		mcx_broken(proof, "I1: the keeper is not among the blocks");
}

static void prove_count(struct mcx_proof *proof, const char *what, uint64_t counted, uint64_t found)
{
	if (counted != found)
		mcx_broken(proof, "I5: %s is counted as %llu and is %llu", what,
			(unsigned long long)counted, (unsigned long long)found);
}

static void prove_class(struct mcx_proof *proof, const struct memctx_stats *stats, unsigned k)
{
	char what[32];

	snprintf(what, sizeof(what), "class %u: live", k);
	prove_count(proof, what, stats->classes[k].live, proof->live[k]);
	snprintf(what, sizeof(what), "class %u: free", k);
	prove_count(proof, what, stats->classes[k].free, proof->free[k]);
	snprintf(what, sizeof(what), "class %u: slack", k);
	prove_count(proof, what, stats->classes[k].slack, proof->slack[k]);
	if (proof->live[k] + proof->free[k] > 0 && !(proof->ctx->used >> k & 1) &&
		!proof->ctx->has_part)
		mcx_broken(proof, "I5: class %u is in use and not marked so", k);
}

static void prove_counts(struct mcx_proof *proof)
{
	const struct region_slot *slot = mcx_slot(proof->ctx);
	struct region_fine_sums sums;
	struct memctx_stats stats;

	memctx_stats(proof->ctx, &stats);
	if (proof->ctx->has_part) {
		mcx_fine_sum(proof->ctx, &sums);
		slot = &sums.slot;
	}
	for (unsigned k = 0; k < MEMCTX_CLASSES; k++)
		prove_class(proof, &stats, k);
	prove_count(proof, "blocks", slot->nblocks, proof->blocks);
	prove_count(proof, "total bytes", slot->total_bytes, proof->bytes + MCX_UNIT);
	if (mcx_record(proof->ctx)->by_bytes) {
		prove_count(proof, "live bytes", slot->live_bytes, proof->live_bytes);
		prove_count(proof, "free bytes", slot->free_bytes, proof->free_bytes);
	}
	prove_count(proof, "large chunks", slot->large_chunks, proof->large);
	prove_count(proof, "large chunks' bytes asked for", slot->large_requested,
		proof->large_requested);
	prove_count(proof, "large chunks' block bytes", slot->large_bytes, proof->large_bytes);
	if (stats.requested_bytes + stats.slack_bytes + stats.header_bytes + stats.freelist_bytes +
			stats.tail_bytes !=
		stats.total_bytes)
		mcx_broken(proof, "I6: the parts do not sum to the total");
}

size_t mcx_pool_prove(const memctx *ctx, memctx_check_fn *func, void *arg, mcx_prove_fn *prove,
	void (*extra)(struct mcx_proof *proof))
{
	struct mcx_proof proof = {.ctx = ctx, .func = func, .arg = arg};

	prove_blocks(&proof, prove);
	/* The rest rests on a sound walk. */
	if (proof.broken == 0 && extra != NULL)
		extra(&proof);
	if (proof.broken == 0)
		prove_counts(&proof);
	return proof.broken;
}
