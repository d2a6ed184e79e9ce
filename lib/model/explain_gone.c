/* SPDX-License-Identifier: MIT */
/*
 * Who lived last where: for each address that a chunk left, the chunk, with the life of its
 * context.
 *
 * An entry of a life that is over (a reset, a delete) says nothing: the lists are empty then, and
 * what is on them later came there later.  Nor does one say anything to another context than its
 * own, which may have got the block since.  A context that gives blocks back while it lives may
 * get another one at the same place: what a new block's addresses say is forgotten.
 *
 * Invariant: a free chunk of a context whose address has no entry that says something was never
 * lived in.
 */
#include "model/explain_inner.h"
#include "model/replay_look.h"

/* An entry: id is the address, size the chunk's id, node and era the life, with the rest in ptr. */
#define GONE_KIND_BITS 2

#define STEP 8u /* addresses of chunks are multiples of it */

int explain_gone_init(struct explain_gone *gone, struct replay *replay)
{
	gone->replay = replay;
	gone->gives_back = false;
	return idmap_init(&gone->chunks);
}

void explain_gone_fini(struct explain_gone *gone)
{
	idmap_fini(&gone->chunks);
}

static struct replay_life life_of(const struct idmap_entry *entry)
{
	return (struct replay_life){entry->ptr >> GONE_KIND_BITS, entry->node, entry->era};
}

static bool is_current(const struct idmap_entry *entry, const void *replay)
{
	struct replay_life life = life_of(entry);

	return replay_is_current(replay, &life);
}

void explain_gone_wash(struct explain_gone *gone)
{
	idmap_sweep(&gone->chunks, is_current, gone->replay);
	idmap_wash(&gone->chunks);
}

struct explain_link explain_gone_last(
	const struct explain_gone *gone, const memctx *ctx, const void *address)
{
	const struct idmap_entry *entry = idmap_find(&gone->chunks, (uintptr_t)address);
	struct replay_life life = life_of(entry);

	if (entry->node == 0 || !replay_is_life_of(gone->replay, &life, ctx))
		return (struct explain_link){.kind = EXPLAIN_CUT};
	return (struct explain_link){
		entry->size, (enum explain_link_kind)(entry->ptr & ((1u << GONE_KIND_BITS) - 1))};
}

/* ---- Who leaves ----------------------------------------------------------------------- */

static void leave(const struct explain_gone *gone, const struct replay_look *chunk,
	struct explain_leaving *leaving)
{
	struct memctx_chunk_info info;

	leaving->life = chunk->life;
	if (!replay_look_describe(gone->replay, chunk, &info) || info.is_large)
		return;
	leaving->address = info.address;
	leaving->may_end_block = memctx_kind_of(chunk->owner) != MEMCTX_ASET;
}

/* Where the chunk stays after all, its entry is written anew when it goes. */
struct explain_leaving explain_gone_before(
	const struct explain_gone *gone, const struct trace_event *event)
{
	struct explain_leaving leaving = {.link = {event->chunk, EXPLAIN_CHUNK}};
	bool may_take_over = replay_progress(gone->replay).lost > 0;
	struct replay_look chunk;

	leaving.total = replay_total(gone->replay);
	if (event->op == TRACE_FREEBASE) {
		leaving.link = (struct explain_link){0, EXPLAIN_BASE};
		if (replay_look_base(gone->replay, event->ctx, event->size, &chunk))
			leave(gone, &chunk, &leaving);
	} else if (event->op == TRACE_FREE || event->op == TRACE_REALLOC ||
		   (event->op == TRACE_ALLOC && may_take_over)) {
		if (replay_look_chunk(gone->replay, event->chunk, &chunk))
			leave(gone, &chunk, &leaving);
	}
	return leaving;
}

static int grow(struct explain_gone *gone)
{
	const struct idmap *chunks = &gone->chunks;
	size_t current = 0;

	for (size_t i = 0; i <= chunks->mask; i++)
		current += chunks->entries[i].node != 0 &&
			   is_current(&chunks->entries[i], gone->replay);
	return idmap_rebuild(&gone->chunks, current + 1, is_current, gone->replay);
}

static int put(struct explain_gone *gone, const struct explain_leaving *chunk)
{
	uint64_t hash = idmap_hash(&gone->chunks, (uintptr_t)chunk->address);
	struct idmap_entry *entry =
		idmap_find_hashed(&gone->chunks, hash, (uintptr_t)chunk->address);

	if (entry->node == 0) {
		if (gone->chunks.used >= gone->chunks.limit && grow(gone) != 0)
			return -1;
		entry = idmap_add(&gone->chunks, hash);
	}
	entry->id = (uintptr_t)chunk->address;
	entry->ptr = chunk->life.serial << GONE_KIND_BITS | chunk->link.kind;
	entry->size = chunk->link.id;
	entry->node = chunk->life.node;
	entry->era = chunk->life.resets & IDMAP_LAST_ERA;
	return 0;
}

/* ---- New blocks ----------------------------------------------------------------------- */

static bool is_elsewhere(const struct idmap_entry *entry, const void *arg)
{
	const struct memctx_block_info *block = arg;

	return entry->id - (uintptr_t)block->address >= block->size;
}

/* Forgets who lived at the addresses of BLOCK, the shorter way. */
static void forget(struct explain_gone *gone, const struct memctx_block_info *block)
{
	uintptr_t at = (uintptr_t)block->address, end = at + block->size;

	if (block->size / STEP > gone->chunks.mask) {
		idmap_sweep(&gone->chunks, is_elsewhere, block);
		return;
	}
	for (; at < end; at += STEP) {
		uint64_t hash = idmap_hash(&gone->chunks, at);
		struct idmap_entry *entry = idmap_find_hashed(&gone->chunks, hash, at);

		if (entry->node != 0)
			idmap_remove(&gone->chunks, hash, entry);
	}
}

/* A context's blocks, and what is sought among them. */
struct block_walk {
	struct explain_gone *gone;
	const memctx *ctx;
	const char *address;
	struct memctx_block_info found;
	bool is_found;
	const void *first; /* of the block's chunks */
	bool has_free;
};

static bool has_address(const struct memctx_block_info *block, void *arg)
{
	struct block_walk *walk = arg;

	walk->is_found = (uintptr_t)walk->address - (uintptr_t)block->address < block->size;
	walk->found = *block;
	return !walk->is_found;
}

static bool see_chunk(const struct memctx_chunk_info *chunk, void *arg)
{
	struct block_walk *walk = arg;

	if (walk->first == NULL)
		walk->first = chunk->address;
	walk->has_free = chunk->is_free;
	return !walk->has_free && (walk->address == NULL || walk->first == walk->address);
}

/* Whether no chunk of BLOCK was freed; and its first one is where the walk's address says. */
static bool is_untouched(struct block_walk *walk, const struct memctx_block_info *block)
{
	walk->first = NULL;
	walk->has_free = false;
	replay_look_each_chunk(walk->gone->replay, walk->ctx, block, see_chunk, walk);
	return !walk->has_free && (walk->address == NULL || walk->first == walk->address);
}

static bool forget_untouched(const struct memctx_block_info *block, void *arg)
{
	struct block_walk *walk = arg;

	if (!block->is_large && is_untouched(walk, block))
		forget(walk->gone, block);
	return true;
}

/* A block that came with EVENT; where it may be an old one it must look like a new one. */
static void forget_block_of(
	struct explain_gone *gone, const struct trace_event *event, bool is_known_new)
{
	bool renamed = event->op == TRACE_REALLOC && (event->has & TRACE_HAS_NEWCHUNK) != 0;
	struct memctx_chunk_info info;
	struct replay_look chunk;
	struct block_walk walk = {.gone = gone};

	if (!replay_look_chunk(gone->replay, renamed ? event->id2 : event->chunk, &chunk))
		return;
	if (!replay_look_describe(gone->replay, &chunk, &info) || info.is_large)
		return;
	walk.ctx = chunk.owner;
	walk.address = info.address;
	replay_look_each_block(gone->replay, walk.ctx, has_address, &walk);
	if (walk.is_found && (is_known_new || is_untouched(&walk, &walk.found)))
		forget(gone, &walk.found);
}

static void forget_new(struct explain_gone *gone, const struct trace_event *event,
	const struct explain_leaving *leaving)
{
	bool has_grown = replay_total(gone->replay) > leaving->total;
	struct block_walk walk = {.gone = gone};

	if (event->op == TRACE_BASE && has_grown) {
		walk.ctx = replay_context(gone->replay, event->ctx);
		if (walk.ctx != NULL)
			replay_look_each_block(gone->replay, walk.ctx, forget_untouched, &walk);
	} else if (event->op == TRACE_REALLOC || (event->op == TRACE_ALLOC && leaving->address)) {
		/* What it left may have gone as what it came to came. */
		forget_block_of(gone, event, false);
	} else if (event->op == TRACE_ALLOC && has_grown) {
		forget_block_of(gone, event, true);
	}
}

int explain_gone_after(struct explain_gone *gone, const struct trace_event *event,
	const struct explain_leaving *leaving)
{
	bool has_shrunk = replay_total(gone->replay) < leaving->total;

	if (leaving->address != NULL && put(gone, leaving) != 0)
		return -1;
	if (leaving->may_end_block &&
		(has_shrunk || event->op == TRACE_REALLOC || event->op == TRACE_ALLOC))
		gone->gives_back = true;
	if (gone->gives_back)
		forget_new(gone, event, leaving);
	return 0;
}
