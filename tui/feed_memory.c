/* SPDX-License-Identifier: MIT */
/*
 * What was seen of a context's memory.
 */
#include "tui/feed_memory.h"

#include <stdlib.h>
#include <string.h>

struct feed_memory {
	uint64_t context, moment;
	bool has_blocks, has_chunk, has_changed;
	size_t asked; /* blocks that the last look was to have */
	struct memory_blocks blocks;
	struct memory_place place;
	bool is_chunk, is_changed;
	struct look_chunk chunk, changed;
};

struct feed_memory *feed_memory_new(void)
{
	return calloc(1, sizeof(struct feed_memory));
}

void feed_memory_free(struct feed_memory *memory)
{
	free(memory);
}

void feed_memory_of(struct feed_memory *memory, uint64_t context, uint64_t moment)
{
	if (memory->context == context && memory->moment == moment)
		return;
	memory->has_blocks = memory->has_chunk = memory->has_changed = false;
	memory->context = context;
	memory->moment = moment;
}

/* ---- Blocks --------------------------------------------------------------------------- */

static void see_blocks(
	struct feed_memory *memory, const struct look *look, size_t first, size_t max, int width)
{
	struct memory_blocks *seen = &memory->blocks;

	seen->all = look_blocks(look, first, seen->blocks, max);
	seen->first = first;
	seen->n = seen->all > first ? seen->all - first : 0;
	if (seen->n > max)
		seen->n = max;
	seen->width = width;
	for (size_t i = 0; i < seen->n && width > 0; i++)
		look_map(look, &seen->blocks[i], width, seen->maps[i]);
	if (width > 0)
		look_large(look, seen->blocks, seen->n, seen->large);
}

const struct memory_blocks *feed_memory_blocks(
	struct feed_memory *memory, const struct look *look, size_t first, size_t max, int width)
{
	const struct memory_blocks *seen = &memory->blocks;
	bool is_seen = memory->has_blocks && (width == 0 || width == seen->width);

	if (max > MEMORY_BLOCKS)
		max = MEMORY_BLOCKS;
	if (width > MEMORY_WIDTH)
		width = MEMORY_WIDTH;
	if (width == 0)
		is_seen = is_seen && first >= seen->first && first + max <= seen->first + seen->n;
	else
		is_seen = is_seen && first == seen->first && memory->asked == max;
	if (is_seen)
		return seen;
	see_blocks(memory, look, first, max, width);
	memory->has_blocks = true;
	memory->asked = max;
	return seen;
}

/* ---- Chunks --------------------------------------------------------------------------- */

static bool see_chunk(struct feed_memory *memory, const struct look *look,
	const struct memory_place *place, struct look_chunk *chunk)
{
	const struct memory_blocks *seen;

	if (place->kind == MEMORY_LISTED)
		return look_chunk_listed(look, (int)place->list, place->number, chunk);
	seen = feed_memory_blocks(memory, look, place->block, 1, 0);
	return place->kind == MEMORY_AT && place->block < seen->all &&
	       look_chunk_at(look, &seen->blocks[place->block - seen->first], place->offset, chunk);
}

static bool is_same(const struct memory_place *a, const struct memory_place *b)
{
	return a->kind == b->kind && a->list == b->list && a->number == b->number &&
	       a->block == b->block && a->offset == b->offset;
}

const struct look_chunk *feed_memory_chunk(
	struct feed_memory *memory, const struct look *look, const struct memory_place *place)
{
	if (!memory->has_chunk || !is_same(&memory->place, place)) {
		memory->is_chunk = see_chunk(memory, look, place, &memory->chunk);
		memory->place = *place;
		memory->has_chunk = true;
	}
	return memory->is_chunk ? &memory->chunk : NULL;
}

const struct look_chunk *feed_memory_changed(
	struct feed_memory *memory, const struct look *look, const struct explain_event *event)
{
	if (!memory->has_changed)
		memory->is_changed = look_chunk_changed(look, event, &memory->changed);
	memory->has_changed = true;
	return memory->is_changed ? &memory->changed : NULL;
}
