/* SPDX-License-Identifier: MIT */
/*
 * Figures and inspection: read only, derived from the counters, whatever the kind.
 *
 * Invariant: memctx_stats() is O(classes) and its parts sum to the total exactly, since the
 * tail is what the other counters leave of the blocks.
 */
#include <string.h>

#include "fine.h"
#include "pool.h"

static void class_stats(const struct region_slot *slot, const struct region_record *record,
	unsigned k, struct memctx_stats *stats)
{
	uint64_t carved = record->carved[k];
	uint64_t live = carved + slot->reused[k] - slot->freed[k];
	struct memctx_class_stats *class = &stats->classes[k];
	uint64_t stride = record->by_bytes ? 0 : mcx_stride(k, record->align);

	class->size = MCX_CLASS_BYTES(k);
	class->live = live >> MCX_COUNT_SHIFT;
	class->slack = live & MCX_SLACK_MASK;
	class->free = (carved >> MCX_COUNT_SHIFT) - class->live;
	stats->live_chunks += class->live;
	stats->free_chunks += class->free;
	stats->slack_bytes += class->slack;
	if (stride != 0) {
		stats->requested_bytes += class->live * class->size - class->slack;
		stats->header_bytes += class->live * (stride - class->size);
		stats->freelist_bytes += class->free * stride;
		stats->tail_bytes -= (class->live + class->free) * stride;
	}
	stats->allocs += (carved >> MCX_COUNT_SHIFT) + (slot->reused[k] >> MCX_COUNT_SHIFT);
	stats->carved += carved >> MCX_COUNT_SHIFT;
}

/* The same sums, where chunks are as large as they are (pool.h). */
static void pool_stats(const struct region_slot *slot, uint64_t headers, struct memctx_stats *stats)
{
	stats->requested_bytes = slot->live_bytes - headers - stats->slack_bytes;
	stats->header_bytes += headers;
	stats->freelist_bytes = slot->free_bytes;
	stats->tail_bytes -= slot->live_bytes + slot->free_bytes;
}

static void large_stats(const struct region_slot *slot, struct memctx_stats *stats)
{
	uint64_t headers = slot->large_chunks * MCX_LARGE_HEADER;

	stats->large_chunks = slot->large_chunks;
	stats->large_bytes = slot->large_requested;
	stats->live_chunks += slot->large_chunks;
	stats->requested_bytes += slot->large_requested;
	stats->header_bytes += slot->large_chunks * MCX_WORD;
	stats->slack_bytes += slot->large_bytes - headers - slot->large_requested;
	stats->tail_bytes -= slot->large_bytes - slot->large_chunks * MCX_BLOCK_HEADER;
}

/* Where the bytes of a context of ours are. */
static void parts_stats(const memctx *ctx, struct memctx_stats *stats)
{
	const struct region_slot *slot = mcx_slot(ctx);
	const struct region_record *record = mcx_record(ctx);
	struct region_fine_sums sums;

	if (record->fine) {
		mcx_fine_sum(ctx, &sums);
		slot = &sums.slot;
		record = &sums.record;
	}
	stats->header_bytes = MCX_UNIT +
			      (slot->nblocks - slot->large_chunks) * record->block_header +
			      slot->large_chunks * MCX_BLOCK_HEADER;
	stats->tail_bytes = stats->total_bytes - stats->header_bytes;
	for (unsigned k = 0; k < MEMCTX_CLASSES; k++)
		class_stats(slot, record, k, stats);
	if (record->by_bytes)
		pool_stats(slot,
			record->fine ? sums.header_bytes
				     : stats->live_chunks * record->chunk_header,
			stats);
	large_stats(slot, stats);
	stats->free_bytes = stats->freelist_bytes + stats->tail_bytes;
	stats->used_bytes = stats->total_bytes - stats->free_bytes;
}

/* What is known of an arena that is only watched. */
static void watch_stats(const struct region_slot *slot, struct memctx_stats *stats)
{
	stats->live_chunks = slot->large_chunks;
	stats->requested_bytes = slot->large_requested;
}

void memctx_stats(const memctx *ctx, struct memctx_stats *stats)
{
	const struct region_slot *slot;
	const struct region_record *record;

	memset(stats, 0, sizeof(*stats));
	if (mcx_is_dead(ctx, "memctx_stats"))
		return;
	slot = mcx_slot(ctx);
	record = mcx_record(ctx);
	stats->total_bytes = slot->total_bytes;
	stats->total_nblocks = slot->nblocks;
	if (ctx->kind == MEMCTX_WATCH)
		watch_stats(slot, stats);
	else
		parts_stats(ctx, stats);
	stats->cut = record->life.cut;
	stats->carved += record->life.carved - record->life.cut;
	stats->allocs +=
		record->life.allocs + record->life.carved + record->life.reused - record->life.cut;
	stats->frees = stats->allocs - record->life.dropped - stats->live_chunks;
	stats->reallocs = record->life.reallocs;
	stats->resets = record->life.resets;
	stats->peak_total_bytes = record->peak_bytes;
	stats->serial = record->serial;
}

size_t memctx_total(const memctx *ctx)
{
	if (mcx_is_dead(ctx, "memctx_total"))
		return 0;
	return mcx_slot(ctx)->total_bytes;
}

size_t memctx_subtree_total(const memctx *ctx)
{
	size_t bytes = 0;

	if (mcx_is_dead(ctx, "memctx_subtree_total"))
		return 0;
	if (ctx->limit != 0 && ctx->subtree_bytes != 0)
		return ctx->subtree_bytes;
	for (const memctx *c = ctx; c != NULL; c = memctx_walk(ctx, c))
		bytes += mcx_slot(c)->total_bytes;
	return bytes;
}

void memctx_overhead(struct memctx_overhead *overhead)
{
	size_t recycled;

	memset(overhead, 0, sizeof(*overhead));
	mcx_units_bytes(&overhead->reserved_bytes, &overhead->committed_bytes);
	overhead->cached_bytes = mcx_cached(&recycled);
	overhead->contexts = mcx_units_live() - recycled;
}

/* ---- Blocks, chunks, lists ---- */

void memctx_each_block(const memctx *ctx, memctx_block_fn *func, void *arg)
{
	if (!mcx_is_dead(ctx, "memctx_each_block"))
		ctx->methods->each_block(ctx, func, arg);
}

void memctx_each_chunk(
	const memctx *ctx, const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg)
{
	if (!mcx_is_dead(ctx, "memctx_each_chunk"))
		ctx->methods->each_chunk(ctx, block, func, arg);
}

/* The class of a free chunk, by what its word says of its bin, which may be a fine class's. */
static unsigned free_class(unsigned middle)
{
	unsigned k = middle % 32, place = middle % REGION_FINE_PLACES;

	if (k < MEMCTX_CLASSES)
		return k;
	if (mcx_fine_bytes[place] == 0)
		return MEMCTX_CLASSES;
	return region_fine_shown(mcx_fine_bytes[place]);
}

bool memctx_describe(const void *payload, struct memctx_chunk_info *info)
{
	uint64_t word = payload != NULL ? mcx_word_load(payload) : 0;
	uintptr_t address;
	unsigned k;

	memset(info, 0, sizeof(*info));
	if (payload != NULL && mcx_word_is_moved(word, payload) && !mcx_word_is_other(word)) {
		payload = (const void *)mcx_word_address(word);
		word = mcx_word_load(payload);
	}
	address = mcx_word_address(word);
	k = free_class(mcx_word_middle(word));
	if (mcx_word_tag(word) == MCX_TAG_FREE && k < MEMCTX_CLASSES) {
		info->address = payload;
		info->header = word;
		info->is_free = true;
		info->size_class = (int)k;
		info->size = MCX_CLASS_BYTES(k);
		info->stride = info->size + MCX_WORD;
		info->next = (const void *)address;
		return true;
	}
	if (!mcx_word_is_live(word))
		return false;
	info->address = payload;
	info->header = word;
	info->owner = mcx_bin_owner(address);
	info->size = memctx_usable(payload);
	info->requested = memctx_requested(payload);
	if (mcx_word_is_use(word)) {
		info->size_class = (int)region_fine_shown(info->size);
		info->stride = region_fine_stride(info->size, info->owner->align);
	} else if (mcx_word_is_large(word)) {
		info->is_large = true;
		info->size_class = -1;
		info->stride = info->size + MCX_WORD;
	} else {
		info->size_class = (int)mcx_pool_class(info->size);
		info->stride = info->size + mcx_record(info->owner)->chunk_header;
	}
	return true;
}

void memctx_each_free(const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg)
{
	if (!mcx_is_dead(ctx, "memctx_each_free") && size_class >= 0 && size_class < MEMCTX_CLASSES)
		ctx->methods->each_free(ctx, size_class, func, arg);
}

/* ---- The lists as they are ---- */

int memctx_lists(const memctx *ctx)
{
	if (mcx_is_dead(ctx, "memctx_lists"))
		return 0;
	return mcx_record(ctx)->fine ? (int)REGION_FINE_CLASSES : MEMCTX_CLASSES;
}

void memctx_list(const memctx *ctx, int list, struct memctx_class_stats *figures)
{
	struct memctx_stats stats = {0};

	*figures = (struct memctx_class_stats){0};
	if (mcx_is_dead(ctx, "memctx_list") || list < 0 || list >= memctx_lists(ctx))
		return;
	if (mcx_record(ctx)->fine) {
		mcx_fine_list(ctx, (unsigned)list, figures);
		return;
	}
	if (ctx->kind != MEMCTX_WATCH)
		class_stats(mcx_slot(ctx), mcx_record(ctx), (unsigned)list, &stats);
	*figures = stats.classes[list];
}

void memctx_each_listed(const memctx *ctx, int list, memctx_chunk_fn *func, void *arg)
{
	if (mcx_is_dead(ctx, "memctx_each_listed") || list < 0 || list >= memctx_lists(ctx))
		return;
	if (mcx_record(ctx)->fine)
		mcx_fine_each_listed(ctx, (unsigned)list, func, arg);
	else
		ctx->methods->each_free(ctx, list, func, arg);
}

/* ---- The proof over a tree ---- */

/* Whether the links of CTX with its children agree; one that does not is not followed. */
static bool links_agree(const memctx *ctx)
{
	const memctx *before = NULL;

	for (const memctx *c = ctx->first_child; c != NULL; before = c, c = c->next) {
		if (c->parent != ctx)
			return false;
		if (before != NULL && (c->prev != before || c == ctx->first_child))
			return false;
	}
	return before == NULL || ctx->first_child->prev == before;
}

/* The bytes that a limit counts are those of the subtree. */
static size_t limit_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	size_t bytes = 0;

	if (ctx->limit == 0)
		return 0;
	for (const memctx *c = ctx; c != NULL; c = memctx_walk(ctx, c))
		bytes += mcx_slot(c)->total_bytes;
	if (bytes == ctx->subtree_bytes)
		return 0;
	if (func != NULL)
		func(ctx, "T2: the bytes counted for a limit are not the subtree's", arg);
	return 1;
}

size_t memctx_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	size_t broken = 0;

	if (mcx_is_dead(ctx, "memctx_check"))
		return 0;
	for (const memctx *c = ctx; c != NULL; c = memctx_walk(ctx, c)) {
		broken += c->methods->check(c, func, arg);
		if (!links_agree(c)) {
			if (func != NULL)
				func(c, "T1: the links of a context's children are broken", arg);
			return broken + 1;
		}
	}
	for (const memctx *c = ctx; c != NULL; c = memctx_walk(ctx, c))
		broken += limit_check(c, func, arg);
	return broken;
}
