/* SPDX-License-Identifier: MIT */
/*
 * From live events to the lines of a trace: see recorder.h.
 *
 * A chunk is known by its context's unit and its address, which together fit 64 bits: two threads
 * may pass an address between contexts of theirs without saying so.  The chunks of a context go all
 * at once, by its era, when it is reset or deleted.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memctx.h"
#include "model/recorder_inner.h"

#define NONE FOLLOW_NONE

struct recorder *recorder_new(FILE *out, uint64_t began_ns)
{
	struct recorder *recorder = calloc(1, sizeof *recorder);

	if (!recorder)
		return NULL;
	recorder->out = out;
	recorder->began_ns = began_ns;
	recorder->limit = UINT64_MAX;
	recorder->next_context = recorder->next_chunk = 1;
	if (idmap_init(&recorder->chunks)) {
		free(recorder);
		return NULL;
	}
	trace_write_header(out);
	return recorder;
}

void recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return;
	for (uint32_t i = 0; i < recorder->room; i++)
		recorder_drop_base(&recorder->known[i]);
	free(recorder->known);
	idmap_fini(&recorder->chunks);
	free(recorder);
}

void recorder_limit(struct recorder *recorder, uint64_t events)
{
	recorder->limit = events;
}

bool recorder_is_full(const struct recorder *recorder)
{
	return recorder->counts.events >= recorder->limit;
}

void recorder_counts(const struct recorder *recorder, struct recorder_counts *counts)
{
	*counts = recorder->counts;
}

/* ---- Lines ---------------------------------------------------------------------------- */

void recorder_put(struct recorder *recorder, const struct trace_event *line)
{
	if (line->op < TRACE_OPS && recorder_is_full(recorder))
		return;
	trace_write_event(recorder->out, line);
	recorder->counts.events += line->op < TRACE_OPS;
}

/* What stands before the line of EVENT: losses, its thread, its time. */
static void put_front(struct recorder *recorder, const struct live_event *event)
{
	uint64_t time_ns = 0;

	if (recorder->unsaid > 0)
		recorder_put(recorder,
			&(struct trace_event){.op = TRACE_LOST, .size = recorder->unsaid});
	recorder->unsaid = 0;
	if (event->tid != 0 && event->tid != recorder->tid)
		recorder_put(
			recorder, &(struct trace_event){.op = TRACE_THREAD, .size = event->tid});
	recorder->tid = event->tid != 0 ? event->tid : recorder->tid;
	if (event->time_ns > recorder->began_ns)
		time_ns = event->time_ns - recorder->began_ns;
	if (time_ns > recorder->time_ns) {
		recorder_put(recorder, &(struct trace_event){.op = TRACE_TIME, .size = time_ns});
		recorder->time_ns = time_ns;
	}
}

void recorder_put_plain(struct recorder *recorder, enum trace_op op, uint64_t id)
{
	struct trace_event line = {.op = (uint8_t)op};

	if (op == TRACE_FREE)
		line.chunk = id;
	else
		line.ctx = id;
	recorder_put(recorder, &line);
}

/* An event about what was not seen coming. */
static void leave_out(struct recorder *recorder)
{
	recorder->counts.unknown++;
	recorder->unsaid++;
}

/* ---- Contexts ------------------------------------------------------------------------- */

static bool known_grow(struct recorder *recorder, uint32_t unit)
{
	uint32_t room = recorder->room ? recorder->room : 256;
	struct known *known;

	while (room <= unit)
		room *= 2;
	if (room == recorder->room)
		return true;
	known = realloc(recorder->known, room * sizeof *known);
	if (!known) {
		recorder->has_failed = true;
		return false;
	}
	memset(known + recorder->room, 0, (room - recorder->room) * sizeof *known);
	recorder->known = known;
	recorder->room = room;
	return true;
}

/* The context of UNIT where it is known. */
static struct known *known_find(const struct recorder *recorder, uint32_t unit)
{
	if (unit >= recorder->room || recorder->known[unit].id == 0)
		return NULL;
	return &recorder->known[unit];
}

static void link_context(struct recorder *recorder, uint32_t unit, uint32_t parent)
{
	struct known *all = recorder->known, *known = &all[unit];

	known->parent = parent != unit && known_find(recorder, parent) ? parent : NONE;
	known->next = known->prev = NONE;
	if (known->parent == NONE)
		return;
	known->next = all[parent].first;
	if (known->next != NONE)
		all[known->next].prev = unit;
	all[parent].first = unit;
}

static void unlink_context(struct recorder *recorder, uint32_t unit)
{
	struct known *all = recorder->known, *known = &all[unit];

	if (known->next != NONE)
		all[known->next].prev = known->prev;
	if (known->prev != NONE)
		all[known->prev].next = known->next;
	else if (known->parent != NONE)
		all[known->parent].first = known->next;
}

static bool chunk_lives(const struct idmap_entry *entry, const void *arg)
{
	const struct recorder *recorder = arg;
	const struct known *known = known_find(recorder, entry->node - 1);

	return known && known->era == entry->era;
}

/* The chunks of a context are gone. */
static void drop_chunks(struct recorder *recorder, struct known *known)
{
	recorder->live_chunks -= known->chunks;
	known->chunks = 0;
	recorder_drop_base(known);
	if (known->era++ < IDMAP_LAST_ERA)
		return;
	/* No entry may be left of the eras that come again. */
	if (idmap_rebuild(&recorder->chunks, recorder->live_chunks + 1, chunk_lives, recorder))
		recorder->has_failed = true;
	known->era = 0;
}

/* Forgets what is still known below UNIT: the trace deletes it with its parent. */
static void drop_below(struct recorder *recorder, uint32_t unit)
{
	struct known *all = recorder->known;
	uint32_t at = unit;

	while (all[unit].first != NONE) {
		while (all[at].first != NONE)
			at = all[at].first;
		uint32_t parent = all[at].parent;

		unlink_context(recorder, at);
		drop_chunks(recorder, &all[at]);
		all[at].id = 0;
		at = parent;
	}
}

static bool delete_context(struct recorder *recorder, const struct live_event *event)
{
	struct known *known = known_find(recorder, event->unit);

	if (!known) {
		leave_out(recorder);
		return true;
	}
	put_front(recorder, event);
	recorder_put_plain(recorder, TRACE_DELETE, known->id);
	drop_below(recorder, event->unit);
	unlink_context(recorder, event->unit);
	drop_chunks(recorder, known);
	known->id = 0;
	return true;
}

/*
 * What a trace calls a context's kind.  The library's slab takes other sizes than its chunk size
 * and a trace's does not: where it is one or the other cannot be known beforehand, so it is no slab
 * here; a comment says what it was.
 */
static uint8_t kind_of(const struct live_context *context)
{
	if (context->kind == TRACE_SLAB || context->kind >= TRACE_KINDS)
		return TRACE_ASET;
	return context->kind;
}

/* Says in a comment what the line of a context with the number ID cannot. */
static void put_comment(FILE *out, const struct live_context *context, uint64_t id)
{
	if (context->kind == MEMCTX_WATCH)
		fprintf(out,
			"# context %" PRIu64 " is a watched arena: its chunks stand as base and "
			"freebase lines\n",
			id);
	if (context->kind != MEMCTX_SLAB)
		return;
	fprintf(out, "# context %" PRIu64 " was a slab: --set=NAME:kind=slab,chunk=%" PRIu64, id,
		context->chunk_size);
	if (context->has_sizes)
		fprintf(out, ",init=%" PRIu64, context->init_size);
	fputs(" makes it one\n", out);
}

/* What a line that creates CONTEXT says besides numbers of contexts. */
static struct trace_create create_of(const struct live_context *context)
{
	struct trace_create create = {
		.name = context->name ? context->name : "",
		.ident = context->ident,
		.init = context->init_size,
		.max = context->max_size,
		.min = context->min_size,
		.classes = 4,
	};

	create.name_len = strlen(create.name);
	if (context->ident) {
		create.ident_len = strlen(context->ident);
		create.has |= TRACE_KEY_IDENT;
	}
	if (context->has_sizes && context->kind != MEMCTX_WATCH)
		create.has |= TRACE_KEY_INIT | TRACE_KEY_MAX;
	if (context->min_size)
		create.has |= TRACE_KEY_MIN;
	if (context->fine)
		create.has |= TRACE_KEY_CLASSES;
	return create;
}

/* What was in a context before it was found. */
static bool put_before(
	struct recorder *recorder, struct known *known, const struct live_context *context)
{
	const struct live_chunks *large = &context->before[RECORDER_LARGE];

	recorder->counts.free_chunks += context->free.count;
	recorder->counts.free_bytes += context->free.bytes;
	if (context->kind == MEMCTX_WATCH)
		return recorder_change_watched(
			recorder, known, (int64_t)large->count, (int64_t)large->bytes);
	return recorder_put_base(recorder, known, context->before);
}

static bool create_context(struct recorder *recorder, const struct live_event *event)
{
	const struct live_context *context = event->context;
	struct trace_create create = create_of(context);
	struct trace_event line = {.op = TRACE_CREATE, .kind = kind_of(context), .create = &create};
	const struct known *parent;
	struct known *known;

	if (!known_grow(recorder, event->unit))
		return false;
	if (known_find(recorder, event->unit))
		delete_context(recorder, event);
	parent = known_find(recorder, context->parent);
	known = &recorder->known[event->unit];
	put_front(recorder, event);
	known->id = line.ctx = recorder->next_context++;
	known->first = NONE;
	link_context(recorder, event->unit, context->parent);
	if (parent) {
		line.has = TRACE_HAS_PARENT;
		line.id2 = parent->id;
	}
	put_comment(recorder->out, context, line.ctx);
	recorder_put(recorder, &line);
	if (event->op != LIVE_FOUND || !context->before)
		return true;
	return put_before(recorder, known, context);
}

static bool stands_below(const struct recorder *recorder, uint32_t unit, uint32_t top)
{
	while (unit != top && known_find(recorder, unit))
		unit = recorder->known[unit].parent;
	return unit == top;
}

static bool change_context(struct recorder *recorder, const struct live_event *event)
{
	struct trace_create create = {.ident = ""};
	struct trace_event line = {.op = TRACE_IDENT, .create = &create};
	struct known *known = known_find(recorder, event->unit), *parent;

	if (!known || (event->op == LIVE_MOVE &&
			      stands_below(recorder, event->context->parent, event->unit))) {
		leave_out(recorder);
		return true;
	}
	put_front(recorder, event);
	line.ctx = known->id;
	if (event->op == LIVE_IDENT && event->context->ident)
		create.ident = event->context->ident;
	create.ident_len = strlen(create.ident);
	if (event->op == LIVE_MOVE) {
		parent = known_find(recorder, event->context->parent);
		line = (struct trace_event){.op = TRACE_MOVE, .ctx = known->id};
		line.has = parent ? TRACE_HAS_PARENT : 0;
		line.id2 = parent ? parent->id : 0;
		unlink_context(recorder, event->unit);
		link_context(recorder, event->unit, event->context->parent);
	}
	recorder_put(recorder, &line);
	return true;
}

static bool reset_context(struct recorder *recorder, const struct live_event *event)
{
	struct known *known = known_find(recorder, event->unit);

	if (!known) {
		leave_out(recorder);
		return true;
	}
	put_front(recorder, event);
	recorder_put_plain(
		recorder, event->op == LIVE_RESET ? TRACE_RESET : TRACE_RESETONLY, known->id);
	if (event->op == LIVE_RESET)
		drop_below(recorder, event->unit);
	drop_chunks(recorder, known);
	return true;
}

/* ---- Chunks --------------------------------------------------------------------------- */

static uint64_t chunk_key(uint32_t unit, uint64_t address)
{
	return address >> 3 << 20 | unit;
}

/* The entry of a chunk that is known to live, or NULL. */
static struct idmap_entry *chunk_find(struct recorder *recorder, uint32_t unit, uint64_t address)
{
	struct idmap_entry *entry = idmap_find(&recorder->chunks, chunk_key(unit, address));

	return entry->node != 0 && chunk_lives(entry, recorder) ? entry : NULL;
}

static void chunk_end(struct recorder *recorder, struct idmap_entry *entry)
{
	recorder->live_chunks--;
	recorder->known[entry->node - 1].chunks--;
	idmap_remove(&recorder->chunks, idmap_hash(&recorder->chunks, entry->id), entry);
}

/* Notes that the chunk at ADDRESS is ID; it is not known to live there. */
static bool chunk_begin(struct recorder *recorder, uint32_t unit, uint64_t address, uint64_t id)
{
	struct idmap *map = &recorder->chunks;
	uint64_t key = chunk_key(unit, address);
	struct idmap_entry *entry;

	if (map->used >= map->limit &&
		idmap_rebuild(map, recorder->live_chunks + 1, chunk_lives, recorder)) {
		recorder->has_failed = true;
		return false;
	}
	entry = idmap_find(map, key);
	/* One of an era that is over is taken. */
	if (entry->node == 0)
		entry = idmap_add(map, idmap_hash(map, key));
	idmap_write(entry, &(struct idmap_entry){.id = key,
				   .ptr = id,
				   .node = unit + 1,
				   .era = recorder->known[unit].era & IDMAP_LAST_ERA});
	recorder->known[unit].chunks++;
	recorder->live_chunks++;
	return true;
}

static bool alloc_chunk(struct recorder *recorder, const struct live_event *event)
{
	struct known *known = &recorder->known[event->unit];
	struct idmap_entry *entry = chunk_find(recorder, event->unit, event->chunk);
	struct trace_event line = {.op = TRACE_ALLOC,
		.ctx = known->id,
		.chunk = recorder->next_chunk++,
		.size = event->size};

	if (entry) {
		recorder_put_plain(recorder, TRACE_FREE, entry->ptr);
		chunk_end(recorder, entry);
	}
	if (event->align != 0 && (event->align & (event->align - 1)) == 0) {
		line.align = event->align;
		line.has = TRACE_HAS_ALIGN;
	}
	recorder_put(recorder, &line);
	return chunk_begin(recorder, event->unit, event->chunk, line.chunk);
}

static bool free_chunk(struct recorder *recorder, const struct live_event *event)
{
	struct idmap_entry *entry = chunk_find(recorder, event->unit, event->chunk);

	if (entry) {
		recorder_put_plain(recorder, TRACE_FREE, entry->ptr);
		chunk_end(recorder, entry);
	} else if (!recorder_free_base(recorder, &recorder->known[event->unit], event->size)) {
		leave_out(recorder);
	}
	return true;
}

static bool realloc_chunk(struct recorder *recorder, const struct live_event *event)
{
	uint64_t from = event->from != 0 ? event->from : event->chunk;
	struct idmap_entry *entry = chunk_find(recorder, event->unit, from);
	struct trace_event line = {.op = TRACE_REALLOC, .size = event->size};

	if (!entry) {
		/* One that was there before: of which class it was is not known. */
		if (!recorder_free_any_base(recorder, &recorder->known[event->unit], event->size))
			leave_out(recorder);
		return alloc_chunk(recorder, event);
	}
	line.chunk = entry->ptr;
	if (from != event->chunk) {
		chunk_end(recorder, entry);
		entry = chunk_find(recorder, event->unit, event->chunk);
		if (entry) {
			recorder_put_plain(recorder, TRACE_FREE, entry->ptr);
			chunk_end(recorder, entry);
		}
		if (!chunk_begin(recorder, event->unit, event->chunk, line.chunk))
			return false;
	}
	recorder_put(recorder, &line);
	return true;
}

static bool chunk_event(struct recorder *recorder, const struct live_event *event)
{
	if (!known_find(recorder, event->unit)) {
		leave_out(recorder);
		return true;
	}
	if (event->op == LIVE_BLOCKS)
		return true; /* the replay has blocks of its own */
	put_front(recorder, event);
	if (event->op == LIVE_CHUNKS)
		return recorder_change_watched(
			recorder, &recorder->known[event->unit], event->count, event->bytes);
	if (event->op == LIVE_ALLOC)
		return alloc_chunk(recorder, event);
	return event->op == LIVE_FREE ? free_chunk(recorder, event)
				      : realloc_chunk(recorder, event);
}

/* ---- Events --------------------------------------------------------------------------- */

static void note_loss(struct recorder *recorder, const struct live_event *event)
{
	recorder->counts.lost += event->size;
	recorder_put(recorder, &(struct trace_event){.op = TRACE_LOST, .size = event->size});
}

bool recorder_event(const struct live_event *event, void *arg)
{
	struct recorder *recorder = arg;
	bool is_done = true;

	switch (event->op) {
	case LIVE_FOUND:
	case LIVE_CREATE:
		is_done = create_context(recorder, event);
		break;
	case LIVE_IDENT:
	case LIVE_MOVE:
		is_done = change_context(recorder, event);
		break;
	case LIVE_RESET:
	case LIVE_RESETONLY:
		is_done = reset_context(recorder, event);
		break;
	case LIVE_DELETE:
		is_done = delete_context(recorder, event);
		break;
	case LIVE_LOST:
		note_loss(recorder, event);
		break;
	default:
		is_done = chunk_event(recorder, event);
	}
	return is_done && !recorder->has_failed && !recorder_is_full(recorder);
}
