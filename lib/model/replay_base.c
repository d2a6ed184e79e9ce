/* SPDX-License-Identifier: MIT */
/*
 * Lines base and freebase: chunks without ids, kept by context and size.
 *
 * Each context that has any keeps a map from the size to the addresses; what a freebase takes is
 * the one that came last.  A dry replay keeps their number alone, so any COUNT takes one step.
 */
#include "model/replay_inner.h"
#include "model/own.h"

#define LEAST_CHUNK 16u /* bytes that a chunk takes at least, with its header */

static void drop_chunks(struct replay *replay, struct base_chunks *base)
{
	replay->base_live -= base->count;
	replay->base_bytes -= base->room * sizeof(*base->chunks);
	own_free(base->chunks);
	own_free(base);
}

void replay_drop_bases(struct replay *replay, uint32_t at)
{
	struct idmap *bases = replay->nodes.cold[at].bases;

	if (bases == NULL)
		return;
	for (size_t i = 0; i <= bases->mask; i++) {
		if (bases->entries[i].node != 0)
			drop_chunks(replay, (struct base_chunks *)bases->entries[i].ptr);
	}
	idmap_fini(bases);
	own_free(bases);
	replay->nodes.cold[at].bases = NULL;
}

static struct idmap *bases_of(struct replay *replay, uint32_t at)
{
	struct node_cold *cold = &replay->nodes.cold[at];

	if (cold->bases != NULL)
		return cold->bases;
	cold->bases = own_alloc(sizeof(*cold->bases));
	if (cold->bases != NULL && idmap_init(cold->bases) != 0) {
		own_free(cold->bases);
		cold->bases = NULL;
	}
	return cold->bases;
}

/* The chunks of a size, made where there are none; NULL: memory is refused. */
static struct base_chunks *make_base(struct replay *replay, uint32_t at, uint64_t size)
{
	struct idmap *bases = bases_of(replay, at);
	struct base_chunks *base;
	struct idmap_entry *entry;

	if (bases == NULL)
		return NULL;
	entry = idmap_find(bases, size);
	if (entry->node != 0)
		return (struct base_chunks *)entry->ptr;
	if (bases->used >= bases->limit && idmap_rebuild(bases, bases->used + 1, NULL, NULL) != 0)
		return NULL;
	base = own_zalloc(1, sizeof(*base));
	if (base == NULL)
		return NULL;
	entry = idmap_add(bases, idmap_hash(bases, size));
	entry->id = size;
	entry->ptr = (uintptr_t)base;
	entry->node = 1;
	return base;
}

/* Forgets a size of which no chunk is left. */
static void drop_if_none(struct replay *replay, uint32_t at, uint64_t size)
{
	struct idmap *bases = replay->nodes.cold[at].bases;
	uint64_t hash = idmap_hash(bases, size);
	struct idmap_entry *entry = idmap_find_hashed(bases, hash, size);
	struct base_chunks *base = (struct base_chunks *)entry->ptr;

	if (base->count > 0)
		return;
	drop_chunks(replay, base);
	idmap_remove(bases, hash, entry);
	if (bases->used == 0)
		replay_drop_bases(replay, at);
}

static bool make_room(struct replay *replay, struct base_chunks *base, uint64_t count)
{
	uint64_t room = base->count + count;
	uint64_t more;
	void **chunks;

	if (room <= base->room)
		return true;
	if (room < base->room * (uint64_t)2)
		room = base->room * (uint64_t)2;
	more = (room - base->room) * sizeof(*chunks);
	if (!replay_may_take(replay, more))
		return false;
	chunks = own_realloc(base->chunks, room * sizeof(*chunks));
	if (chunks == NULL)
		return false;
	base->chunks = chunks;
	base->room = room;
	replay->base_bytes += more;
	replay_set_limit(replay);
	return true;
}

static void free_one(struct node *node, void *chunk, uint64_t size)
{
	if (node->study != NULL)
		replay_study_free(node, chunk, size);
	else
		memctx_free(chunk);
}

/* Allocates COUNT chunks, or none. */
static bool allocate(struct base_chunks *base, struct node *node, uint64_t count, uint64_t size)
{
	for (uint64_t i = 0; i < count; i++) {
		void *chunk = node->study != NULL ? replay_study_alloc(node, size)
						  : memctx_alloc(node->ctx, size);

		if (chunk == NULL) {
			while (i-- > 0 && node->as != MEMCTX_BUMP)
				free_one(node, base->chunks[base->count + i], size);
			return false;
		}
		base->chunks[base->count + i] = chunk;
	}
	return true;
}

/* The bytes that COUNT chunks of SIZE take at least; UINT64_MAX where that is over 64 bits. */
static uint64_t least_bytes(uint64_t count, uint64_t size)
{
	uint64_t bytes;

	if (size < LEAST_CHUNK)
		size = LEAST_CHUNK;
	return __builtin_mul_overflow(count, size, &bytes) ? UINT64_MAX : bytes;
}

/* Whether so many bytes cannot be had, even if all that the context has free were used for them. */
static bool cannot_be(const struct replay *replay, const struct node *node, uint64_t bytes)
{
	uint64_t room = replay_room(replay);
	struct memctx_stats stats;

	replay_node_stats(node, &stats);
	return bytes > room || replay->total - stats.free_bytes > room - bytes;
}

static enum replay_step place_base(
	struct replay *replay, const struct trace_event *event, uint32_t at)
{
	struct node *node = &replay->nodes.hot[at];
	uint64_t count = event->id2, size = event->size;
	uint64_t least = least_bytes(count, size);
	struct base_chunks *base;
	bool done;

	if (cannot_be(replay, node, least))
		return replay_refused(replay, event, TRACE_FIELD_COUNT, 0, least);
	base = make_base(replay, at, size);
	if (base == NULL)
		return replay_no_memory(replay, event, sizeof(*base), "a table of base chunks");
	if (!make_room(replay, base, count)) {
		drop_if_none(replay, at, size);
		return replay_no_memory(
			replay, event, count * sizeof(void *), "the table of base chunks");
	}
	replay_before_change(replay, at);
	done = allocate(base, node, count, size);
	replay_note_total(replay, node);
	if (!done) {
		/* The blocks that the freed ones were in stay. */
		replay_note_peak(replay);
		drop_if_none(replay, at, size);
		return replay_refused(replay, event, TRACE_FIELD_COUNT, at, least);
	}
	base->count += count;
	replay->based += count;
	if (size >= node->plain && replay_is_large(node, base->chunks[base->count - 1], size, 0))
		replay->counts.large += count;
	return STEP_DONE;
}

/* Counts alone, as far as 64 bits go; *COUNT gets what was added. */
static enum replay_step count_base(
	struct replay *replay, const struct trace_event *event, uint32_t at, uint64_t *count)
{
	struct base_chunks *base = make_base(replay, at, event->size);
	uint64_t bytes;

	if (base == NULL)
		return replay_no_memory(replay, event, sizeof(*base), "a table of base chunks");
	*count = event->id2;
	if (*count > UINT64_MAX - base->count)
		*count = UINT64_MAX - base->count;
	base->count += *count;
	if (*count < event->id2 || __builtin_mul_overflow(*count, event->size, &bytes))
		replay->overflow = true;
	return STEP_DONE;
}

enum replay_step replay_base(struct replay *replay, const struct trace_event *event)
{
	uint32_t at = nodes_find(&replay->nodes, event->ctx);
	struct node *node = &replay->nodes.hot[at];
	enum replay_step step = STEP_DONE;
	uint64_t count = event->id2;

	if (at == 0)
		return replay_dead_context(replay, event, TRACE_FIELD_CTX);
	if (node->kind == TRACE_SLAB && event->size != node->chunk_size)
		return replay_wrong_size(replay, event, node);
	if (count > 0)
		step = replay->dry ? count_base(replay, event, at, &count)
				   : place_base(replay, event, at);
	if (step != STEP_DONE)
		return step;
	node->allocs += count;
	replay->base_live += count;
	replay_add_live(replay, node, count, event->size);
	return replay_done(replay, event);
}

enum replay_step replay_freebase(struct replay *replay, const struct trace_event *event)
{
	uint32_t at = nodes_find(&replay->nodes, event->ctx);
	struct node *node = &replay->nodes.hot[at];
	struct idmap *bases = replay->nodes.cold[at].bases;
	struct base_chunks *base;

	if (at == 0)
		return replay_dead_context(replay, event, TRACE_FIELD_CTX);
	if (node->kind == TRACE_BUMP)
		return replay_refuse_field(replay, event, REPLAY_SKIP_KIND_RULE, TRACE_FIELD_CTX,
			"context", "is of the kind bump; expected one whose chunks can be freed");
	if (bases == NULL || idmap_find(bases, event->size)->node == 0)
		return replay_refuse_field(replay, event, REPLAY_SKIP_BASE, TRACE_FIELD_SIZE,
			"no base chunk of",
			"bytes lives there; expected a size that a base line made");
	base = (struct base_chunks *)idmap_find(bases, event->size)->ptr;
	base->count--;
	if (node->as == MEMCTX_BUMP)
		replay->counts.not_done++;
	if (!replay->dry) {
		replay_before_change(replay, at);
		if (node->as != MEMCTX_BUMP)
			free_one(node, base->chunks[base->count], event->size);
		replay_note_total(replay, node);
	}
	node->frees++;
	replay->base_live--;
	replay_take_live(replay, node, 1, event->size);
	drop_if_none(replay, at, event->size);
	return replay_done(replay, event);
}
