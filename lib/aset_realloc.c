/* SPDX-License-Identifier: MIT */
/*
 * Resizing chunks of the kind aset: in place where the class, the open block's end or the system
 * allows it, else by moving.
 *
 * Invariant: on failure the chunk is as it was, and a shrink of a large chunk never fails.
 * The counters see a resize in place as a change of slack alone (freed takes the difference, so
 * that counts stay exact), and a move as a free that no free, and an alloc that no alloc, counts.
 */
#include <errno.h>
#include <string.h>

#include "aset.h"
#include "ring.h"

static inline void *class_bin(memctx *ctx, unsigned k)
{
	return &ctx->bin[k];
}

/* Makes SIZE the size asked for of PAYLOAD, a chunk of class K with OLD_SLACK. */
static void class_set_size(memctx *ctx, void *payload, unsigned k, size_t old_slack, size_t size)
{
	size_t slack = MCX_CLASS_BYTES(k) - size;

	*MCX_FREED(&ctx->bin[k]) += old_slack - slack;
	mcx_word_store(payload, mcx_word_use(class_bin(ctx, k), slack));
}

/*
 * Grows the last chunk of the open block from class K to that of SIZE, by moving the block's free
 * pointer; false where it is not the last one or there is no room.
 */
static bool class_extend(memctx *ctx, void *payload, unsigned k, size_t old_slack, size_t size)
{
	size_t stride = mcx_stride(k, ctx->align), new_stride, slack;
	char *start = (char *)payload - MCX_WORD;
	unsigned new_k;

	if (start + stride != ctx->free || size >= ctx->small_end)
		return false;
	new_k = mcx_class_of[(size + 7) / 8];
	new_stride = mcx_stride(new_k, ctx->align);
	if ((size_t)(ctx->end - start) < new_stride)
		return false;
	slack = MCX_CLASS_BYTES(new_k) - size;
	ctx->free = start + new_stride;
	/* The chunk leaves its class as if it had never been carved there. */
	*MCX_CARVED(&ctx->bin[k]) -= MCX_ONE;
	*MCX_FREED(&ctx->bin[k]) += old_slack;
	mcx_count_carved(ctx, new_k, slack);
	mcx_word_store(payload, mcx_word_use(class_bin(ctx, new_k), slack));
	mcx_watch_resize(
		ctx, payload, MCX_CLASS_BYTES(k) - old_slack, size, MCX_CLASS_BYTES(new_k));
	return true;
}

/* Moves PAYLOAD of OLD_SIZE bytes to a new chunk of SIZE. */
static void *chunk_move(memctx *ctx, void *payload, size_t old_size, size_t size)
{
	void *moved = mcx_alloc_quiet(ctx, size);

	if (moved == NULL)
		return NULL;
	memcpy(moved, payload, old_size < size ? old_size : size);
	mcx_free_quiet(ctx, payload);
	mcx_record(ctx)->life.allocs--;
	return moved;
}

static void *class_realloc(void *payload, uint64_t word, size_t size)
{
	uintptr_t bin = mcx_word_address(word);
	memctx *ctx = mcx_bin_owner(bin);
	unsigned k = mcx_bin_class(bin);
	size_t room = MCX_CLASS_BYTES(k), slack = mcx_word_middle(word);
	void *moved = payload;

	if (mcx_unlikely(ctx->has_part))
		return ctx->methods->realloc(ctx, payload, size);

	mcx_watch_end(payload, room - slack, room);
	if (size <= room && room - size <= MCX_SLACK_MAX) {
		class_set_size(ctx, payload, k, slack, size);
		mcx_watch_resize(ctx, payload, room - slack, size, room);
	} else if (size <= room || !class_extend(ctx, payload, k, slack, size)) {
		moved = chunk_move(ctx, payload, room - slack, size);
		if (moved == NULL)
			return NULL;
	}
	mcx_record(ctx)->life.reallocs++;
	if (moved == payload)
		mcx_event(
			ctx, mcx_word_load(payload), mcx_what_chunk(REGION_REALLOC, payload), NULL);
	else
		mcx_event_chunk(ctx, REGION_REALLOC, moved, payload, 0);
	return moved;
}

/* ---- Large chunks ---- */

/* A size that has a class moves there; where that is refused it stays, with more slack. */
static void *large_realloc(memctx *ctx, void *payload, size_t size)
{
	struct mcx_block *block = mcx_large_block(payload);
	size_t old_size = block->requested;
	void *moved;

	mcx_watch_end(payload, old_size, mcx_aset_usable(ctx, payload));
	if (size < ctx->small_end) {
		moved = chunk_move(ctx, payload, old_size, size);
		if (moved != NULL)
			return moved;
		mcx_large_set_size(ctx, block, size);
		mcx_watch_resize(ctx, payload, old_size, size, mcx_large_usable(payload));
		return payload;
	}
	return mcx_large_resize(ctx, payload, size);
}

void *mcx_aset_realloc(memctx *ctx, void *payload, size_t size)
{
	void *moved = large_realloc(ctx, payload, size);

	if (moved == NULL)
		return NULL;
	mcx_record(ctx)->life.reallocs++;
	mcx_event_chunk(ctx, REGION_REALLOC, moved, moved == payload ? NULL : payload, 0);
	return moved;
}

/* ---- The rest of what the kind tells about a large chunk ---- */

size_t mcx_aset_usable(const memctx *ctx, const void *payload)
{
	(void)ctx;
	return mcx_large_usable(payload);
}

size_t mcx_aset_requested(const memctx *ctx, const void *payload)
{
	(void)ctx;
	return mcx_large_block(payload)->requested;
}

void mcx_aset_set_requested(memctx *ctx, void *payload, size_t size)
{
	uint64_t word = mcx_word_load(payload);

	if (mcx_word_is_use(word))
		class_set_size(ctx, payload, mcx_bin_class(mcx_word_address(word)),
			mcx_word_middle(word), size);
	else
		mcx_large_set_size(ctx, mcx_large_block(payload), size);
}

/* ---- memctx_realloc: here for the sake of the usual case ---- */

static MCX_COLD void *realloc_other(void *payload, uint64_t word, size_t size)
{
	if (payload == NULL) {
		mcx_misuse("memctx_realloc: the chunk is NULL", payload);
		return NULL;
	}
	if (mcx_word_is_other(word)) {
		memctx *ctx = mcx_bin_owner(mcx_word_address(word));

		return ctx->methods->realloc(ctx, payload, size);
	}
	if (mcx_word_is_moved(word, payload))
		return mcx_moved_realloc(payload, word, size);
	mcx_misuse(mcx_word_tag(word) == MCX_TAG_FREE
			   ? "memctx_realloc: the chunk is free already"
			   : "memctx_realloc: not a live chunk of any context",
		payload);
	return NULL;
}

void *memctx_realloc(void *payload, size_t size)
{
	uint64_t word = payload != NULL ? mcx_word_load(payload) : 0;

	if (mcx_likely(mcx_word_is_use(word)))
		return class_realloc(payload, word, size);
	return realloc_other(payload, word, size);
}
