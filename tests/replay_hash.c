/* SPDX-License-Identifier: MIT */
/*
 * All that can be seen of a replay, as one number: see replay_hash.h.
 */
#include "replay_hash.h"

#include <stdlib.h>
#include <string.h>

#define SEED 0x9E3779B97F4A7C15u

struct mixer {
	uint64_t hash;
	const memctx *ctx;
	/* Of the context: where blocks are, the newest first. */
	struct memctx_block_info *blocks;
	size_t n, room;
};

static void mix(struct mixer *mixer, uint64_t value)
{
	mixer->hash = (mixer->hash ^ value) * 0xD1B54A32D192ED03u;
	mixer->hash ^= mixer->hash >> 32;
}

static void mix_text(struct mixer *mixer, const char *text)
{
	if (text == NULL)
		mix(mixer, 1);
	for (; text != NULL && *text != '\0'; text++)
		mix(mixer, 256u + (unsigned char)*text);
	mix(mixer, 0);
}

static void mix_snapshot(struct mixer *mixer, const struct snapshot *snapshot)
{
	mix(mixer, snapshot->event);
	mix(mixer, snapshot->time_ns);
	mix(mixer, snapshot->kinds_replaced);
	mix(mixer, snapshot->n);
	for (size_t i = 0; i < snapshot->n; i++) {
		const struct snapshot_context *context = &snapshot->contexts[i];
		uint64_t figures[sizeof(context->own) / sizeof(uint64_t)];

		mix(mixer, context->id);
		mix(mixer, context->parent);
		mix(mixer, context->peak_total_bytes);
		mix_text(mixer, snapshot_string(snapshot, context->name));
		mix_text(mixer, snapshot_string(snapshot, context->ident));
		mix_text(mixer, snapshot_string(snapshot, context->kind));
		memcpy(figures, &context->own, sizeof(figures));
		for (size_t k = 0; k < sizeof(figures) / sizeof(*figures); k++)
			mix(mixer, figures[k]);
	}
}

/* The number of the block that an address lies in, and the place there. */
static void mix_place(struct mixer *mixer, const void *address)
{
	for (size_t i = 0; i < mixer->n; i++) {
		uintptr_t place = (uintptr_t)address - (uintptr_t)mixer->blocks[i].address;

		if (place >= mixer->blocks[i].size)
			continue;
		mix(mixer, i);
		mix(mixer, place);
		return;
	}
	mix(mixer, UINT64_MAX);
}

static bool note_block(const struct memctx_block_info *block, void *arg)
{
	struct mixer *mixer = arg;

	if (mixer->n == mixer->room) {
		mixer->room = mixer->room * 2 + 16;
		mixer->blocks = realloc(mixer->blocks, mixer->room * sizeof(*mixer->blocks));
		if (mixer->blocks == NULL)
			abort();
	}
	mixer->blocks[mixer->n++] = *block;
	mix(mixer, block->size);
	mix(mixer, block->header);
	mix(mixer, block->carved);
	mix(mixer, (uint64_t)block->is_keeper << 2 | (uint64_t)block->is_open << 1 |
			   (uint64_t)block->is_large);
	return true;
}

static bool mix_chunk(const struct memctx_chunk_info *chunk, void *arg)
{
	struct mixer *mixer = arg;

	mix(mixer, chunk->is_free);
	mix(mixer, chunk->size);
	mix(mixer, chunk->requested);
	return true;
}

static bool mix_free(const struct memctx_chunk_info *chunk, void *arg)
{
	mix_place(arg, chunk->address);
	return true;
}

static void mix_chain(struct mixer *mixer, const struct explain_chain *chain)
{
	mix(mixer, chain->length);
	for (int i = 0; i < chain->n; i++) {
		mix(mixer, chain->links[i].kind);
		mix(mixer, chain->links[i].id);
	}
}

static void mix_names(struct mixer *mixer, struct explain *explain, int size_class)
{
	struct explain_chain chain;

	explain_chain(explain, mixer->ctx, size_class, &chain);
	mix_chain(mixer, &chain);
}

static void mix_context(struct mixer *mixer, struct explain *explain)
{
	mixer->n = 0;
	memctx_each_block(mixer->ctx, note_block, mixer);
	for (size_t i = 0; i < mixer->n; i++)
		memctx_each_chunk(mixer->ctx, &mixer->blocks[i], mix_chunk, mixer);
	for (int k = 0; k < MEMCTX_CLASSES; k++) {
		mix(mixer, (uint64_t)k);
		memctx_each_free(mixer->ctx, k, mix_free, mixer);
		if (explain != NULL)
			mix_names(mixer, explain, k);
	}
}

uint64_t replay_hash(const struct replay *replay, struct explain *explain)
{
	struct snapshot *snapshot = replay_snapshot(replay);
	memctx *root = replay_root(replay);
	struct mixer mixer = {.hash = SEED};

	if (snapshot == NULL)
		abort();
	mix_snapshot(&mixer, snapshot);
	snapshot_free(snapshot);
	for (mixer.ctx = root; mixer.ctx != NULL; mixer.ctx = memctx_walk(root, mixer.ctx))
		mix_context(&mixer, explain);
	free(mixer.blocks);
	return mixer.hash;
}

uint64_t explained_hash(const struct explain_event *event)
{
	struct mixer mixer = {.hash = SEED};

	mix(&mixer, event->number);
	mix(&mixer, event->event.line);
	mix(&mixer, event->skipped);
	mix(&mixer, event->context);
	mix_text(&mixer, event->name);
	/* Whether a block that is resized moves is the system's choice. */
	if (event->event.op != TRACE_REALLOC)
		mix_text(&mixer, event->did);
	for (int i = 0; i < event->n_lists; i++) {
		mix(&mixer, (uint64_t)event->lists[i].size_class);
		mix_chain(&mixer, &event->lists[i].before);
		mix_chain(&mixer, &event->lists[i].after);
	}
	return mixer.hash;
}
