/* SPDX-License-Identifier: MIT */
/*
 * Looking at a context's memory, by walking its blocks, chunks and lists.
 */
#include <string.h>

#include "model/look.h"
#include "model/replay_look.h"

/* ---- Blocks --------------------------------------------------------------------------- */

struct block_walk {
	struct look_block *blocks;
	size_t first, max;
	uint64_t normal, large; /* still to come, from the newest */
	uint64_t all;           /* normal ones */
};

static bool count_block(const struct memctx_block_info *block, void *arg)
{
	struct block_walk *walk = arg;

	*(block->is_large ? &walk->large : &walk->normal) += 1;
	return true;
}

static bool take_block(const struct memctx_block_info *block, void *arg)
{
	struct block_walk *walk = arg;
	uint64_t number = block->is_large ? 0 : walk->normal--;
	size_t at = (size_t)(block->is_large ? walk->all + --walk->large : number - 1);

	if (at >= walk->first && at - walk->first < walk->max)
		walk->blocks[at - walk->first] = (struct look_block){*block, number};
	return true;
}

size_t look_blocks(const struct look *look, size_t first, struct look_block *blocks, size_t max)
{
	struct block_walk walk = {.blocks = blocks, .first = first, .max = max};
	size_t n;

	replay_look_each_block(look->replay, look->ctx, count_block, &walk);
	walk.all = walk.normal;
	n = (size_t)(walk.normal + walk.large);
	replay_look_each_block(look->replay, look->ctx, take_block, &walk);
	return n;
}

/* ---- The map -------------------------------------------------------------------------- */

/* Bytes of each sort in the part at hand. */
struct map_walk {
	const struct look_block *block;
	uint8_t *parts;
	int width, at;
	size_t used, free, tail;
};

/* Where part AT of the block begins. */
static size_t part_offset(const struct map_walk *walk, int at)
{
	return (size_t)((unsigned __int128)walk->block->info.size * (unsigned)at /
			(unsigned)walk->width);
}

static void end_part(struct map_walk *walk)
{
	enum look_part part = LOOK_USED;

	if (walk->tail > walk->used + walk->free)
		part = LOOK_TAIL;
	else if (walk->free > 0)
		part = walk->used == 0 ? LOOK_FREE : LOOK_MIXED;
	walk->parts[walk->at++] = (uint8_t)part;
	walk->used = walk->free = walk->tail = 0;
}

/* Adds the bytes [FROM, TO) of the block to what SORT counts. */
static void add_bytes(struct map_walk *walk, size_t from, size_t to, size_t *sort)
{
	while (from < to && walk->at < walk->width) {
		size_t end = part_offset(walk, walk->at + 1);
		size_t here = to < end ? to : end;

		*sort += here > from ? here - from : 0;
		from = here > from ? here : from;
		if (here == end)
			end_part(walk);
	}
}

static size_t address_offset(const struct look_block *block, const struct memctx_chunk_info *chunk)
{
	return (size_t)((const char *)chunk->address - (const char *)block->info.address);
}

/* Of a chunk, its header word comes first, where the design has one. */
static size_t chunk_begin(const struct look_block *block, const struct memctx_chunk_info *chunk)
{
	size_t header = chunk->stride > chunk->size ? sizeof(uint64_t) : 0;

	return address_offset(block, chunk) - header;
}

static bool map_chunk(const struct memctx_chunk_info *chunk, void *arg)
{
	struct map_walk *walk = arg;
	size_t begin = chunk_begin(walk->block, chunk);

	add_bytes(walk, begin, begin + chunk->stride, chunk->is_free ? &walk->free : &walk->used);
	return true;
}

void look_map(const struct look *look, const struct look_block *block, int width, uint8_t *parts)
{
	const struct memctx_block_info *info = &block->info;
	struct map_walk walk = {.block = block, .parts = parts, .width = width};

	memset(parts, LOOK_USED, (size_t)width);
	if (info->is_large)
		return;
	add_bytes(&walk, 0, info->header, &walk.used);
	replay_look_each_chunk(look->replay, look->ctx, info, map_chunk, &walk);
	add_bytes(&walk, info->carved, info->size, &walk.tail);
}

/* ---- Chunks --------------------------------------------------------------------------- */

/* Which chunk is sought, and the one found. */
struct chunk_walk {
	const struct look_block *block;
	size_t offset;
	uint64_t place;
	const void *address;
	struct memctx_chunk_info found, before;
	bool is_found, has_before, takes_next;
};

static bool at_offset(const struct memctx_chunk_info *chunk, void *arg)
{
	struct chunk_walk *walk = arg;
	size_t begin = chunk_begin(walk->block, chunk);

	if (walk->takes_next ? begin <= walk->offset : walk->offset >= begin + chunk->stride) {
		walk->before = *chunk;
		walk->has_before = true;
		return true;
	}
	walk->found = *chunk;
	walk->is_found = walk->takes_next || walk->offset >= begin;
	return false;
}

static bool count_place(const struct memctx_chunk_info *chunk, void *arg)
{
	struct chunk_walk *walk = arg;

	walk->place++;
	return chunk->address != walk->address;
}

static bool at_place(const struct memctx_chunk_info *chunk, void *arg)
{
	struct chunk_walk *walk = arg;

	walk->found = *chunk;
	walk->is_found = --walk->place == 0;
	return !walk->is_found;
}

static void name_free(const struct look *look, struct look_chunk *chunk)
{
	struct chunk_walk walk = {.address = chunk->info.address};

	chunk->who = explain_last_there(look->explain, look->ctx, chunk->info.address);
	chunk->is_named = true;
	chunk->has_next = chunk->info.next != NULL;
	if (chunk->has_next)
		chunk->next = explain_last_there(look->explain, look->ctx, chunk->info.next);
	replay_look_each_free(look->replay, look->ctx, chunk->info.size_class, count_place, &walk);
	chunk->place = walk.place;
}

/* Says all of the chunk that INFO is. */
static void tell(const struct look *look, const struct look_block *block,
	const struct memctx_chunk_info *info, struct look_chunk *chunk)
{
	memset(chunk, 0, sizeof *chunk);
	chunk->info = *info;
	chunk->block = block->number;
	chunk->block_size = block->info.size;
	chunk->offset = address_offset(block, info);
	if (info->is_free) {
		name_free(look, chunk);
		return;
	}
	chunk->who.kind = EXPLAIN_CHUNK;
	chunk->is_named = replay_look_id(look->replay, look->ctx, info->address, &chunk->who.id);
}

bool look_chunk_at(const struct look *look, const struct look_block *block, size_t offset,
	struct look_chunk *chunk)
{
	struct chunk_walk walk = {.block = block, .offset = offset};

	replay_look_each_chunk(look->replay, look->ctx, &block->info, at_offset, &walk);
	if (walk.is_found)
		tell(look, block, &walk.found, chunk);
	return walk.is_found;
}

bool look_chunk_beside(const struct look *look, const struct look_block *block, size_t offset,
	int step, struct look_chunk *chunk)
{
	struct chunk_walk walk = {.block = block, .offset = offset, .takes_next = step > 0};

	replay_look_each_chunk(look->replay, look->ctx, &block->info, at_offset, &walk);
	if (step > 0 ? !walk.is_found : !walk.has_before)
		return false;
	tell(look, block, step > 0 ? &walk.found : &walk.before, chunk);
	return true;
}

struct find_block {
	struct look_block block;
	const char *address;
	uint64_t number;
	bool is_found;
};

static bool find_block(const struct memctx_block_info *info, void *arg)
{
	struct find_block *find = arg;
	const char *begin = info->address;

	if (find->address >= begin && find->address < begin + info->size) {
		find->block = (struct look_block){*info, info->is_large ? 0 : find->number};
		find->is_found = true;
		return false;
	}
	find->number -= !info->is_large;
	return true;
}

/* Says all of a chunk of which the block is not known. */
static bool tell_alone(
	const struct look *look, const struct memctx_chunk_info *info, struct look_chunk *chunk)
{
	struct block_walk count = {0};
	struct find_block find = {.address = info->address};

	replay_look_each_block(look->replay, look->ctx, count_block, &count);
	find.number = count.normal;
	replay_look_each_block(look->replay, look->ctx, find_block, &find);
	if (find.is_found)
		tell(look, &find.block, info, chunk);
	return find.is_found;
}

bool look_chunk_listed(
	const struct look *look, int size_class, uint64_t place, struct look_chunk *chunk)
{
	struct chunk_walk walk = {.place = place};

	if (place == 0)
		return false;
	replay_look_each_free(look->replay, look->ctx, size_class, at_place, &walk);
	return walk.is_found && tell_alone(look, &walk.found, chunk);
}

bool look_chunk_changed(
	const struct look *look, const struct explain_event *event, struct look_chunk *chunk)
{
	struct memctx_chunk_info info;
	struct replay_look live;

	if (event->skipped || !event->has_context ||
		replay_context(look->replay, event->context) != look->ctx)
		return false;
	if (event->event.op == TRACE_ALLOC || event->event.op == TRACE_REALLOC)
		return replay_look_chunk(look->replay, event->event.chunk, &live) &&
		       replay_look_describe(look->replay, &live, &info) &&
		       tell_alone(look, &info, chunk);
	/* What was freed is at its list's head now; a large chunk went with its block. */
	return event->event.op == TRACE_FREE && event->n_lists > 0 &&
	       look_chunk_listed(look, event->lists[0].size_class, 1, chunk);
}
