/* SPDX-License-Identifier: MIT */
/*
 * Looking into a replay: see replay_look.h.
 */
#include "model/replay_look.h"

#include "model/replay_inner.h"

struct replay_progress replay_progress(const struct replay *replay)
{
	const struct replay_counts *counts = &replay->counts;

	return (struct replay_progress){
		counts->events, counts->skipped, counts->lost, replay->requested};
}

const struct replay_counts *replay_plain_counts(const struct replay *replay)
{
	return &replay->counts;
}

uint64_t replay_total(const struct replay *replay)
{
	return replay->total;
}

uint64_t replay_time(const struct replay *replay)
{
	return replay->counts.time_ns;
}

uint64_t replay_peak_event(const struct replay *replay)
{
	return replay->peak.event;
}

bool replay_tell(const struct replay *replay, struct trace_place *place)
{
	const struct trace_event *next =
		replay->at < replay->n ? &replay->events[replay->at] : NULL;
	bool is_told = trace_tell(replay->reader, next, place);

	if (replay->counts.time_ns != SNAPSHOT_UNKNOWN)
		place->time_ns = replay->counts.time_ns;
	return is_told;
}

void replay_go_on(struct replay *replay, struct trace_reader *reader)
{
	replay->reader = reader;
	replay->at = replay->n = 0;
	replay->ended = false;
}

void replay_wash(struct replay *replay)
{
	idmap_wash(&replay->chunks);
	idmap_wash(&replay->nodes.ids);
}

static struct replay_life life_of(const struct replay *replay, uint32_t at)
{
	const struct node *node = &replay->nodes.hot[at];

	return (struct replay_life){node->serial, at, (uint32_t)node->resets & IDMAP_LAST_ERA};
}

static bool is_bare(const struct idmap_entry *entry)
{
	return (entry->ptr & (CHUNK_KEPT | CHUNK_LARGE)) == CHUNK_KEPT;
}

bool replay_look_chunk(const struct replay *replay, uint64_t id, struct replay_look *chunk)
{
	const struct idmap_entry *entry = idmap_find(&replay->chunks, id);
	const struct node *node = &replay->nodes.hot[entry->node];

	if (!replay_lives(replay, entry))
		return false;
	chunk->address = (void *)(entry->ptr & ~(uintptr_t)CHUNK_TAGS);
	chunk->size = entry->size;
	chunk->owner = node->ctx;
	chunk->context = node->id;
	chunk->life = life_of(replay, entry->node);
	chunk->is_bare = is_bare(entry);
	return true;
}

bool replay_look_base(
	const struct replay *replay, uint64_t context, uint64_t size, struct replay_look *chunk)
{
	uint32_t at = nodes_find(&replay->nodes, context);
	const struct idmap *bases = replay->nodes.cold[at].bases;
	const struct idmap_entry *entry = bases != NULL ? idmap_find(bases, size) : &idmap_none;
	const struct base_chunks *base = (const struct base_chunks *)entry->ptr;
	const struct node *node = &replay->nodes.hot[at];

	if (at == 0 || entry->node == 0 || base->chunks == NULL)
		return false;
	*chunk = (struct replay_look){base->chunks[base->count - 1], size, node->ctx, context,
		life_of(replay, at),
		node->as == MEMCTX_BUMP && !replay_is_large(node, NULL, size, 0)};
	return true;
}

/* The last of the names whose address is not after ADDRESS; NULL: there is none. */
static struct replay_look_name *name_at(struct replay_look_name *names, size_t n, uintptr_t address)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((uintptr_t)names[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &names[low - 1] : NULL;
}

/* Whether the chunk of ENTRY, which lies inside NAME's, is that one: an aligned one is. */
static bool is_named(const struct replay *replay, const struct idmap_entry *entry,
	const struct replay_look_name *name)
{
	struct replay_look chunk = {.address = (void *)(entry->ptr & ~(uintptr_t)CHUNK_TAGS),
		.size = entry->size,
		.owner = replay->nodes.hot[entry->node].ctx,
		.is_bare = is_bare(entry)};
	struct memctx_chunk_info info;

	return chunk.address == name->address ||
	       (replay_look_describe(replay, &chunk, &info) && info.address == name->address);
}

void replay_look_ids(
	const struct replay *replay, const memctx *owner, struct replay_look_name *names, size_t n)
{
	const struct idmap *map = &replay->chunks;
	size_t left = n;

	for (size_t i = 0; i < n; i++)
		names[i].is_found = false;
	for (size_t i = 0; i <= map->mask && left > 0; i++) {
		const struct idmap_entry *entry = &map->entries[i];
		uintptr_t address = entry->ptr & ~(uintptr_t)CHUNK_TAGS;
		struct replay_look_name *name;

		if (entry->node == 0 || replay->nodes.hot[entry->node].ctx != owner)
			continue;
		name = name_at(names, n, address);
		/* Most are told by their places, without a look at the chunk. */
		if (name == NULL || address - (uintptr_t)name->address >= name->size + 1 ||
			name->is_found || !replay_lives(replay, entry) ||
			!is_named(replay, entry, name))
			continue;
		name->id = entry->id;
		name->is_found = true;
		left--;
	}
}

bool replay_look_life(const struct replay *replay, uint64_t context, struct replay_life *life)
{
	uint32_t at = nodes_find(&replay->nodes, context);

	*life = life_of(replay, at);
	return at != 0;
}

bool replay_is_current(const struct replay *replay, const struct replay_life *life)
{
	const struct node *node = &replay->nodes.hot[life->node];

	return node->state == NODE_LIVE && node->serial == life->serial &&
	       ((uint32_t)node->resets & IDMAP_LAST_ERA) == life->resets;
}

bool replay_is_life_of(
	const struct replay *replay, const struct replay_life *life, const memctx *ctx)
{
	return replay->nodes.hot[life->node].ctx == ctx && replay_is_current(replay, life);
}
