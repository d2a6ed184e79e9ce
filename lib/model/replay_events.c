/* SPDX-License-Identifier: MIT */
/*
 * Lines about chunks, judged in full: alloc and free where the short way does not do, realloc;
 * and the lines that are no events.
 */
#include "model/replay_inner.h"

#include <string.h>

#define LARGEST_ALIGN ((uint64_t)1 << 30) /* that memctx_alloc_aligned() can do */

/* Takes a live chunk away from the allocator and the figures; its entry stays. */
static void release_chunk(struct replay *replay, struct idmap_entry *entry)
{
	struct node *node = &replay->nodes.hot[entry->node];

	if ((entry->ptr & CHUNK_KEPT) != 0)
		replay->counts.not_done++;
	if (!replay->dry) {
		replay_before_change(replay, entry->node);
		if (node->study != NULL)
			replay_study_free(
				node, (void *)(entry->ptr & ~(uintptr_t)CHUNK_TAGS), entry->size);
		else if ((entry->ptr & CHUNK_KEPT) == 0)
			memctx_free((void *)(entry->ptr & ~(uintptr_t)CHUNK_TAGS));
		replay_note_total(replay, node);
	}
	node->frees++;
	replay_take_live(replay, node, 1, entry->size);
}

/* In a bump context, whose chunks say nothing of themselves, by what was asked for alone. */
bool replay_is_large(const struct node *node, const void *chunk, uint64_t size, uint64_t align)
{
	struct memctx_chunk_info info;

	if (node->as == MEMCTX_BUMP)
		return size > node->bump_limit || (align > 8 && align > node->bump_limit - size);
	if (node->study != NULL)
		return replay_study_is_large(node, chunk, size);
	return memctx_describe(chunk, &info) && info.is_large;
}

/* What stands in the entry besides the address. */
static uintptr_t tags_for(const struct node *node, uint64_t size, uint64_t align)
{
	uintptr_t tags = node->kind == TRACE_BUMP ? CHUNK_BUMP : 0;

	if (node->as == MEMCTX_BUMP)
		return tags | CHUNK_KEPT |
		       (replay_is_large(node, NULL, size, align) ? CHUNK_LARGE : 0);
	return size >= node->plain || align != 0 ? tags | CHUNK_LARGE : tags;
}

/* Counts the chunk if it is large; the allocator's own counts tell about the others. */
static void count_large(struct replay *replay, const struct node *node, uintptr_t tagged,
	uint64_t size, uint64_t align)
{
	if ((tagged & CHUNK_LARGE) != 0 && !replay->dry &&
		replay_is_large(node, (void *)(tagged & ~(uintptr_t)CHUNK_TAGS), size, align))
		replay->counts.large++;
}

enum replay_step replay_wrong_size(
	struct replay *replay, const struct trace_event *event, const struct node *node)
{
	return replay_refuse(replay, event, REPLAY_SKIP_KIND_RULE, TRACE_FIELD_SIZE,
		"%llu bytes in a slab; expected its chunk size, %llu",
		(unsigned long long)event->size, (unsigned long long)node->chunk_size);
}

static enum replay_step chunk_taken(
	struct replay *replay, const struct trace_event *event, enum trace_field field)
{
	return replay_refuse_field(replay, event, REPLAY_SKIP_TAKEN, field, "chunk",
		"is live already; expected an id that names no live chunk");
}

static enum replay_step dead_chunk(struct replay *replay, const struct trace_event *event)
{
	if (replay->lost) {
		replay_skip(replay, REPLAY_SKIP_AFTER_LOST, true);
		return STEP_DONE;
	}
	return replay_refuse_field(replay, event, REPLAY_SKIP_DEAD_CHUNK, TRACE_FIELD_CHUNK,
		"chunk", "is not live; expected the id of a live chunk");
}

static enum replay_step no_room_for_ids(
	struct replay *replay, const struct trace_event *event, uint64_t bytes)
{
	return replay_no_memory(replay, event, bytes, "the table of live chunks");
}

/* The place for a chunk's entry; one whose era is over is taken. */
static struct idmap_entry *place_for(struct replay *replay, uint64_t chunk)
{
	uint64_t hash = idmap_hash(&replay->chunks, chunk);
	struct idmap_entry *entry = idmap_find_hashed(&replay->chunks, hash, chunk);

	return entry->node != 0 ? entry : idmap_add(&replay->chunks, hash);
}

static void remove_entry(struct replay *replay, struct idmap_entry *entry)
{
	idmap_remove(&replay->chunks, idmap_hash(&replay->chunks, entry->id), entry);
}

static void take_over(struct replay *replay, uint64_t chunk)
{
	struct idmap_entry *entry = idmap_find(&replay->chunks, chunk);

	release_chunk(replay, entry);
	remove_entry(replay, entry);
}

/* An alloc that is right, in node AT. */
static enum replay_step place_chunk(
	struct replay *replay, const struct trace_event *event, uint32_t at)
{
	struct node *node = &replay->nodes.hot[at];
	uint64_t align = event->align;
	struct idmap_entry *entry;
	void *chunk = NULL;

	if (!replay->dry) {
		replay_before_change(replay, at);
		chunk = node->study != NULL ? replay_study_alloc(node, event->size)
			: align > 8         ? memctx_alloc_aligned(node->ctx, event->size, align)
					    : memctx_alloc(node->ctx, event->size);
		if (chunk == NULL)
			return replay_refused(replay, event, TRACE_FIELD_SIZE, at,
				event->size > UINT64_MAX - align ? UINT64_MAX
								 : event->size + align);
		replay_note_total(replay, node);
	}
	entry = place_for(replay, event->chunk);
	entry->id = event->chunk;
	entry->ptr = (uintptr_t)chunk | tags_for(node, event->size, align);
	entry->size = event->size;
	entry->node = at;
	entry->era = node->era & IDMAP_LAST_ERA;
	count_large(replay, node, entry->ptr, event->size, align);
	node->allocs++;
	replay_add_live(replay, node, 1, event->size);
	return replay_done(replay, event);
}

enum replay_step replay_alloc(struct replay *replay, const struct trace_event *event)
{
	uint32_t at = nodes_find(&replay->nodes, event->ctx);
	const struct node *node = &replay->nodes.hot[at];
	bool taken = replay_lives(replay, idmap_find(&replay->chunks, event->chunk));
	uint64_t bytes;

	if (at == 0)
		return replay_dead_context(replay, event, TRACE_FIELD_CTX);
	if (taken && !replay->lost)
		return chunk_taken(replay, event, TRACE_FIELD_CHUNK);
	if (node->kind == TRACE_SLAB && event->size != node->chunk_size)
		return replay_wrong_size(replay, event, node);
	if (event->align > LARGEST_ALIGN)
		return replay_refuse(replay, event, REPLAY_SKIP_KIND_RULE, TRACE_FIELD_ALIGN,
			"an alignment of %llu; expected at most %llu",
			(unsigned long long)event->align, (unsigned long long)LARGEST_ALIGN);
	if (taken)
		take_over(replay, event->chunk);
	if (replay->chunks.used >= replay->chunks.limit && replay_grow_chunks(replay, &bytes) != 0)
		return no_room_for_ids(replay, event, bytes);
	return place_chunk(replay, event, at);
}

enum replay_step replay_chunk_free(struct replay *replay, const struct trace_event *event)
{
	struct idmap_entry *entry = idmap_find(&replay->chunks, event->chunk);

	if (!replay_lives(replay, entry))
		return dead_chunk(replay, event);
	if ((entry->ptr & CHUNK_BUMP) != 0)
		return replay_refuse_field(replay, event, REPLAY_SKIP_KIND_RULE, TRACE_FIELD_CHUNK,
			"chunk", "lives in a bump context; expected one that can be freed");
	release_chunk(replay, entry);
	remove_entry(replay, entry);
	return replay_done(replay, event);
}

/* Gives a chunk its new id. */
static void rename_chunk(struct replay *replay, struct idmap_entry *entry, uint64_t id)
{
	struct idmap_entry moved = *entry;

	remove_entry(replay, entry);
	moved.id = id;
	idmap_write(place_for(replay, id), &moved);
}

/* A chunk of a bump context is moved by hand where it must grow; what it was stays. */
static void *resize_memory(
	struct node *node, const struct idmap_entry *entry, void *old, uint64_t size)
{
	void *moved;

	if (node->study != NULL)
		return replay_study_resize(node, old, entry->size, size);
	if ((entry->ptr & CHUNK_KEPT) == 0)
		return memctx_realloc(old, size);
	if (size <= entry->size)
		return old;
	moved = memctx_alloc(node->ctx, size);
	return moved != NULL ? memcpy(moved, old, entry->size) : NULL;
}

/* A realloc that is right. */
static enum replay_step resize_chunk(
	struct replay *replay, const struct trace_event *event, struct idmap_entry *entry)
{
	struct node *node = &replay->nodes.hot[entry->node];
	uintptr_t old = entry->ptr & ~(uintptr_t)CHUNK_TAGS;

	if ((entry->ptr & CHUNK_KEPT) != 0)
		replay->counts.not_done++;
	else if (event->size >= node->plain)
		entry->ptr |= CHUNK_LARGE;
	if (!replay->dry) {
		uintptr_t tags = entry->ptr & CHUNK_TAGS;
		uintptr_t chunk;

		replay_before_change(replay, entry->node);
		chunk = (uintptr_t)resize_memory(node, entry, (void *)old, event->size);
		if (chunk == 0)
			return replay_refused(
				replay, event, TRACE_FIELD_SIZE, entry->node, event->size);
		replay_note_total(replay, node);
		if (chunk != old && (tags & CHUNK_KEPT) != 0)
			tags = tags_for(node, event->size, 0);
		entry->ptr = chunk | tags;
		if (chunk != old) {
			replay->moved++;
			count_large(replay, node, entry->ptr, event->size, 0);
		}
	}
	replay_take_live(replay, node, 1, entry->size);
	replay_add_live(replay, node, 1, event->size);
	entry->size = event->size;
	node->reallocs++;
	if ((event->has & TRACE_HAS_NEWCHUNK) != 0 && event->id2 != event->chunk)
		rename_chunk(replay, entry, event->id2);
	return replay_done(replay, event);
}

enum replay_step replay_realloc(struct replay *replay, const struct trace_event *event)
{
	struct idmap_entry *entry = idmap_find(&replay->chunks, event->chunk);
	const struct node *node = &replay->nodes.hot[entry->node];

	if (!replay_lives(replay, entry))
		return dead_chunk(replay, event);
	if ((entry->ptr & CHUNK_BUMP) != 0)
		return replay_refuse_field(replay, event, REPLAY_SKIP_KIND_RULE, TRACE_FIELD_CHUNK,
			"chunk", "lives in a bump context; expected one that can be resized");
	if (node->kind == TRACE_SLAB && event->size != node->chunk_size)
		return replay_wrong_size(replay, event, node);
	if ((event->has & TRACE_HAS_NEWCHUNK) != 0 && event->id2 != event->chunk &&
		replay_lives(replay, idmap_find(&replay->chunks, event->id2)))
		return chunk_taken(replay, event, TRACE_FIELD_NEWCHUNK);
	return resize_chunk(replay, event, entry);
}

bool replay_bad_is_numbered(const struct trace_reader *reader, const struct trace_event *event)
{
	size_t length, start = 0, end;
	const char *text = trace_text(reader, event, &length);

	while (start < length && (text[start] == ' ' || text[start] == '\t'))
		start++;
	for (end = start; end < length && text[end] > ' '; end++)
		;
	for (int op = 0; op < TRACE_OPS; op++) {
		const char *name = trace_op_name((enum trace_op)op);

		if (strlen(name) == end - start && memcmp(name, text + start, end - start) == 0)
			return true;
	}
	return false;
}

/* Threads beyond this many are not told apart. */
#define MOST_THREADS ((size_t)1 << 20)

static int see_thread(struct replay *replay, uint64_t thread)
{
	struct idmap *threads = &replay->threads;
	struct idmap_entry *entry;

	if (idmap_find(threads, thread)->node != 0 || threads->used >= MOST_THREADS)
		return 0;
	if (threads->used >= threads->limit &&
		idmap_rebuild(threads, threads->used + 1, NULL, NULL) != 0)
		return -1;
	entry = idmap_add(threads, idmap_hash(threads, thread));
	entry->id = thread;
	entry->node = 1;
	return 0;
}

static enum replay_step note_thread(struct replay *replay, const struct trace_event *event)
{
	/* What stood before the first such line was thread 0's. */
	bool first = replay->threads.used == 0 && replay->counts.events > 0;

	if ((first && see_thread(replay, 0) != 0) || see_thread(replay, event->size) != 0)
		return replay_no_memory(
			replay, event, idmap_bytes(&replay->threads) * 2, "the table of threads");
	return STEP_DONE;
}

static enum replay_step note_time(struct replay *replay, const struct trace_event *event)
{
	if (event->size > replay->stop_time)
		return STEP_STOP;
	replay->counts.time_ns = event->size;
	return STEP_DONE;
}

static enum replay_step note_lost(struct replay *replay, const struct trace_event *event)
{
	replay->lost = true;
	if (__builtin_add_overflow(replay->counts.lost, event->size, &replay->counts.lost))
		replay->counts.lost = UINT64_MAX;
	return STEP_DONE;
}

enum replay_step replay_other(struct replay *replay, const struct trace_event *event)
{
	switch ((enum trace_op)event->op) {
	case TRACE_CREATE:
		return replay_create(replay, event);
	case TRACE_IDENT:
		return replay_ident(replay, event);
	case TRACE_ALLOC:
		return replay_alloc(replay, event);
	case TRACE_REALLOC:
		return replay_realloc(replay, event);
	case TRACE_FREE:
		return replay_chunk_free(replay, event);
	case TRACE_RESET:
	case TRACE_RESETONLY:
		return replay_reset(replay, event);
	case TRACE_DELETE:
	case TRACE_DELETECHILDREN:
		return replay_delete(replay, event);
	case TRACE_MOVE:
		return replay_move(replay, event);
	case TRACE_BASE:
		return replay_base(replay, event);
	case TRACE_FREEBASE:
		return replay_freebase(replay, event);
	case TRACE_LOST:
		return note_lost(replay, event);
	case TRACE_TIME:
		return note_time(replay, event);
	case TRACE_THREAD:
		return note_thread(replay, event);
	case TRACE_BAD:
		replay_skip_line(replay, replay_bad_is_numbered(replay->reader, event));
		return STEP_DONE;
	}
	return STEP_DONE;
}
