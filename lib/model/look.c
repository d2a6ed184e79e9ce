/* SPDX-License-Identifier: MIT */
/*
 * Looking at a context's memory, by walking its blocks, chunks and lists.
 */
#include <stdlib.h>
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
	replay_look_each_listed(look->replay, look->ctx, chunk->list, count_place, &walk);
	chunk->place = walk.place;
}

static void name_list(const struct look *look, struct look_chunk *chunk)
{
	struct replay_look_list list;

	chunk->list = replay_look_list_of(look->replay, look->ctx, &chunk->info);
	if (chunk->list < 0)
		return;
	replay_look_list(look->replay, look->ctx, chunk->list, &list);
	chunk->list_bytes = list.bytes;
}

/* Says all of the chunk that INFO is, but what its id is, where it is in use. */
static void tell_unnamed(const struct look *look, const struct look_block *block,
	const struct memctx_chunk_info *info, struct look_chunk *chunk)
{
	memset(chunk, 0, sizeof *chunk);
	chunk->info = *info;
	chunk->block = block->number;
	chunk->block_size = block->info.size;
	chunk->offset = address_offset(block, info);
	name_list(look, chunk);
	if (info->is_free)
		name_free(look, chunk);
	else
		chunk->who.kind = EXPLAIN_CHUNK;
}

static void tell(const struct look *look, const struct look_block *block,
	const struct memctx_chunk_info *info, struct look_chunk *chunk)
{
	struct replay_look_name name = {.address = info->address, .size = info->size};

	tell_unnamed(look, block, info, chunk);
	if (info->is_free)
		return;
	replay_look_ids(look->replay, look->ctx, &name, 1);
	chunk->is_named = name.is_found;
	chunk->who.id = name.id;
}

static bool first_chunk(const struct memctx_chunk_info *info, void *arg)
{
	*(struct memctx_chunk_info *)arg = *info;
	return false;
}

/* A large chunk and its name, which goes elsewhere in order of addresses. */
struct large {
	struct replay_look_name name;
	size_t at;
};

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct large *)a)->name.address;
	uintptr_t y = (uintptr_t)((const struct large *)b)->name.address;

	return (x > y) - (x < y);
}

enum { NAMES = 128 };

/* Names at most NAMES large chunks. */
static void name_large(const struct look *look, struct look_chunk *chunks, size_t n)
{
	struct replay_look_name names[NAMES];
	struct large large[NAMES];
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (chunks[i].info.is_large)
			large[found++] = (struct large){
				{chunks[i].info.address, chunks[i].info.size, 0, false}, i};
	qsort(large, found, sizeof *large, by_address);
	for (size_t i = 0; i < found; i++)
		names[i] = large[i].name;
	if (found > 0)
		replay_look_ids(look->replay, look->ctx, names, found);
	for (size_t i = 0; i < found; i++) {
		chunks[large[i].at].is_named = names[i].is_found;
		chunks[large[i].at].who.id = names[i].id;
	}
}

void look_large(const struct look *look, const struct look_block *blocks, size_t n,
	struct look_chunk *chunks)
{
	for (size_t i = 0; i < n; i++) {
		struct memctx_chunk_info info = {0};

		memset(&chunks[i], 0, sizeof *chunks);
		if (blocks[i].info.is_large)
			replay_look_each_chunk(
				look->replay, look->ctx, &blocks[i].info, first_chunk, &info);
		if (info.address != NULL)
			tell_unnamed(look, &blocks[i], &info, &chunks[i]);
	}
	for (size_t i = 0; i < n; i += NAMES)
		name_large(look, chunks + i, n - i < NAMES ? n - i : NAMES);
}

struct links_walk {
	const struct look *look;
	uint64_t skip;
	struct explain_link *links;
	int n, max;
};

static bool take_link(const struct memctx_chunk_info *chunk, void *arg)
{
	struct links_walk *walk = arg;

	if (walk->skip > 0) {
		walk->skip--;
		return true;
	}
	walk->links[walk->n++] =
		explain_last_there(walk->look->explain, walk->look->ctx, chunk->address);
	return walk->n < walk->max;
}

int look_links(
	const struct look *look, int list, uint64_t first, struct explain_link *links, int max)
{
	struct links_walk walk = {look, first, links, 0, max};

	if (max > 0)
		replay_look_each_listed(look->replay, look->ctx, list, take_link, &walk);
	return walk.n;
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

bool look_beside(const struct look *look, const struct look_block *block, size_t offset, int step,
	size_t *beside)
{
	struct chunk_walk walk = {.block = block, .offset = offset, .takes_next = step > 0};

	replay_look_each_chunk(look->replay, look->ctx, &block->info, at_offset, &walk);
	if (step > 0 ? !walk.is_found : !walk.has_before)
		return false;
	*beside = address_offset(block, step > 0 ? &walk.found : &walk.before);
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

/* The block that has a chunk. */
static bool block_of(
	const struct look *look, const struct memctx_chunk_info *info, struct look_block *block)
{
	struct block_walk count = {0};
	struct find_block find = {.address = info->address};

	replay_look_each_block(look->replay, look->ctx, count_block, &count);
	find.number = count.normal;
	replay_look_each_block(look->replay, look->ctx, find_block, &find);
	*block = find.block;
	return find.is_found;
}

bool look_chunk_listed(const struct look *look, int list, uint64_t place, struct look_chunk *chunk)
{
	struct chunk_walk walk = {.place = place};
	struct look_block block;

	if (place == 0)
		return false;
	replay_look_each_listed(look->replay, look->ctx, list, at_place, &walk);
	if (!walk.is_found || !block_of(look, &walk.found, &block))
		return false;
	tell(look, &block, &walk.found, chunk);
	return true;
}

/* What an alloc or a realloc placed, whose id is known. */
static bool placed_chunk(
	const struct look *look, const struct trace_event *event, struct look_chunk *chunk)
{
	bool renamed = event->op == TRACE_REALLOC && (event->has & TRACE_HAS_NEWCHUNK) != 0;
	uint64_t id = renamed ? event->id2 : event->chunk;
	struct memctx_chunk_info info;
	struct look_block block;
	struct replay_look live;

	if (!replay_look_chunk(look->replay, id, &live) ||
		!replay_look_describe(look->replay, &live, &info) || !block_of(look, &info, &block))
		return false;
	tell_unnamed(look, &block, &info, chunk);
	chunk->is_named = true;
	chunk->who.id = id;
	return true;
}

bool look_chunk_changed(
	const struct look *look, const struct explain_event *event, struct look_chunk *chunk)
{
	if (event->skipped || !event->has_context ||
		replay_context(look->replay, event->context) != look->ctx)
		return false;
	if (event->event.op == TRACE_ALLOC || event->event.op == TRACE_REALLOC)
		return placed_chunk(look, &event->event, chunk);
	/* What was freed is at its list's head now; a large chunk went with its block. */
	return event->event.op == TRACE_FREE && event->n_lists > 0 &&
	       look_chunk_listed(look, event->lists[0].number, 1, chunk);
}
