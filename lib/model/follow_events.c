/* SPDX-License-Identifier: MIT */
/*
 * Events from the entries of a ring: an entry, and those behind it that belong to it.
 *
 * Whatever stands there makes an event or none; an entry that belongs to no event is passed over.
 */
#include <stdlib.h>
#include <string.h>

#include "model/follow_inner.h"
#include "region_fine.h"

#define TEXT_BYTES 15u
#define TEXT_MAX 1024u
#define LARGE REGION_CLASSES
#define TAG_MASK 7u
#define TAG_LARGE 7u
#define SLACK_SHIFT 3
#define SLACK_MASK 8191u

/* The parts of an event of several entries. */
struct parts {
	const struct region_event *from, *size, *align, *parent, *init, *min, *chunk;
	char name[TEXT_MAX], ident[TEXT_MAX];
	size_t name_size, ident_size;
};

const char *live_op_name(enum live_op op)
{
	static const char *const names[LIVE_OPS] = {"found", "create", "ident", "alloc", "realloc",
		"free", "blocks", "chunks", "reset", "resetonly", "delete", "move", "lost"};

	return (unsigned)op < LIVE_OPS ? names[op] : "unknown";
}

void follow_tell(struct follow *follow, struct live_event *event, struct follow_out *out)
{
	static const struct live_context unknown = {.parent = FOLLOW_NONE};

	event->context = &unknown;
	if (event->unit < follow->room)
		event->context = &follow->contexts[event->unit];
	if (out->status == 0 && !out->func(event, out->arg))
		out->status = -2;
}

/* ---- The parts ------------------------------------------------------------------------ */

static void add_text(char *text, size_t *size, const struct region_event *entry)
{
	char bytes[16];
	size_t n;

	memcpy(bytes, &entry->word, 8);
	memcpy(bytes + 8, &entry->what, 8);
	n = strnlen(bytes, TEXT_BYTES);
	n = n < TEXT_MAX - 1 - *size ? n : TEXT_MAX - 1 - *size;
	memcpy(text + *size, bytes, n);
	*size += n;
	text[*size] = '\0';
}

/* Whether ENTRY belongs to the event before it; then it is kept. */
static bool add_part(struct parts *parts, const struct region_event *entry)
{
	switch ((enum region_op)follow_op(entry)) {
	case REGION_FROM:
		parts->from = entry;
		return true;
	case REGION_SIZE:
		parts->size = entry;
		return true;
	case REGION_ALIGN:
		parts->align = entry;
		return true;
	case REGION_PARENT:
		parts->parent = entry;
		return true;
	case REGION_INIT:
		parts->init = entry;
		return true;
	case REGION_MIN:
		parts->min = entry;
		return true;
	case REGION_CHUNK:
		parts->chunk = entry;
		return true;
	case REGION_NAME_TEXT:
		add_text(parts->name, &parts->name_size, entry);
		return true;
	case REGION_IDENT_TEXT:
		add_text(parts->ident, &parts->ident_size, entry);
		return true;
	case REGION_HEAD:
		return true;
	default:
		return false;
	}
}

/* Cheap, since most events have one entry. */
bool follow_is_part(const struct region_event *entry)
{
	unsigned op = follow_op(entry);

	return (op >= REGION_FROM && op <= REGION_ALIGN) ||
	       (op >= REGION_PARENT && op <= REGION_NAME_TEXT) || op == REGION_IDENT_TEXT ||
	       op == REGION_HEAD || op == REGION_CHUNK;
}

static size_t read_parts(struct parts *parts, const struct region_event *entries, size_t n)
{
	size_t i = 1;

	parts->from = parts->size = parts->align = parts->parent = parts->init = parts->min =
		parts->chunk = NULL;
	parts->name_size = parts->ident_size = 0;
	parts->name[0] = parts->ident[0] = '\0';
	while (i < n && add_part(parts, &entries[i]))
		i++;
	return i;
}

/* ---- Contexts ------------------------------------------------------------------------- */

/* A unit's context is replaced, since its deletion was lost. */
static void end_context(struct follow *follow, struct live_event *event, struct follow_out *out)
{
	struct live_event end = {.op = LIVE_DELETE,
		.unit = event->unit,
		.ring = event->ring,
		.tid = event->tid,
		.time_ns = event->time_ns};

	follow_tell(follow, &end, out);
	follow_forget(&follow->contexts[event->unit]);
}

static char *copy_text(const char *text, size_t size)
{
	return size ? strndup(text, size) : NULL;
}

static void tell_create(struct follow *follow, const struct region_event *entry,
	const struct parts *parts, struct live_event *event, struct follow_out *out)
{
	struct live_context *context = follow_context(follow, event->unit);
	uint64_t serial = parts->parent ? follow_what(parts->parent) : 0;

	if (!context || serial == 0 || context->serial == serial)
		return;
	if (context->serial != 0)
		end_context(follow, event, out);
	/* One that was not known may have been given an ident all the same. */
	follow_forget(context);
	context->serial = serial;
	context->kind = (uint8_t)follow_what(entry);
	context->parent = FOLLOW_NONE;
	if (parts->parent->word >> 16 != 0)
		context->parent = live_unit(follow->live, parts->parent->word >> 16);
	if (parts->init) {
		context->has_sizes = true;
		context->init_size = parts->init->word;
		context->max_size = follow_what(parts->init);
	}
	context->min_size = parts->min ? parts->min->word : 0;
	context->align = parts->min && follow_what(parts->min) == 16 ? 16 : 8;
	context->chunk_size = parts->chunk ? parts->chunk->word : 0;
	context->fine = parts->chunk && follow_what(parts->chunk) == 1;
	context->name = strndup(parts->name, parts->name_size);
	context->ident = copy_text(parts->ident, parts->ident_size);
	if (!context->name)
		out->status = -3;
	event->op = LIVE_CREATE;
	follow_tell(follow, event, out);
}

static void tell_ident(struct follow *follow, const struct parts *parts, struct live_event *event,
	struct follow_out *out)
{
	struct live_context *context = &follow->contexts[event->unit];

	free(context->ident);
	context->ident = copy_text(parts->ident, parts->ident_size);
	event->op = LIVE_IDENT;
	follow_tell(follow, event, out);
}

static void tell_move(struct follow *follow, const struct parts *parts, struct live_event *event,
	struct follow_out *out)
{
	uint64_t parent = parts->parent ? parts->parent->word >> 16 : 0;

	follow->contexts[event->unit].parent =
		parent != 0 ? live_unit(follow->live, parent) : FOLLOW_NONE;
	event->op = LIVE_MOVE;
	follow_tell(follow, event, out);
}

/* ---- Chunks --------------------------------------------------------------------------- */

/*
 * The size that a chunk's header word tells, whose bin is at PLACE of a context, of FINE classes or
 * not; UINT64_MAX: it is a large one.
 */
static uint64_t word_size(uint64_t word, unsigned place, bool fine)
{
	uint64_t slack = word >> SLACK_SHIFT & SLACK_MASK, size;

	if ((word & TAG_MASK) == TAG_LARGE && (word >> 16 & 255) == REGION_SIZED)
		return slack;
	if ((word & TAG_MASK) == TAG_LARGE)
		return UINT64_MAX;
	size = place < REGION_CLASSES ? (uint64_t)8 << place : 0;
	if (fine || place >= 32)
		size = region_fine_bytes(place);
	if (size == 0)
		return UINT64_MAX;
	return size > slack ? size - slack : 0;
}

static void tell_chunk(struct follow *follow, const struct region_event *entry,
	const struct parts *parts, struct live_event *event, struct follow_out *out)
{
	bool in_part = live_unit(follow->live, entry->word >> 16) != event->unit;
	unsigned place = (unsigned)(entry->word >> 16 & 255) / 8 + (in_part ? 32 : 0);

	event->chunk = follow_what(entry);
	event->size = word_size(entry->word, place, follow->contexts[event->unit].fine);
	if (event->op != LIVE_FREE && parts) {
		if (parts->size)
			event->size = parts->size->word;
		if (parts->from)
			event->from = follow_what(parts->from);
		if (parts->align)
			event->align = parts->align->word;
	}
	if (event->op != LIVE_FREE && event->size == UINT64_MAX)
		event->size = 0;
	follow_tell(follow, event, out);
}

/* What a watched arena took or handed out; a number of 48 bits has its sign in the highest. */
static void tell_watched(struct follow *follow, const struct region_event *entry,
	const struct parts *parts, struct live_event *event, struct follow_out *out)
{
	event->count = (int64_t)(entry->what << 16) >> 16;
	event->bytes = parts->size ? (int64_t)parts->size->word : 0;
	follow_tell(follow, event, out);
}

/* ---- Entries -------------------------------------------------------------------------- */

/* Events of the context as a whole that have one entry. */
static void tell_plain(struct follow *follow, struct live_event *event, struct follow_out *out)
{
	follow_tell(follow, event, out);
	if (event->op == LIVE_DELETE)
		follow_forget(&follow->contexts[event->unit]);
}

/* What an op of the ring is to those who follow; LIVE_OPS: nothing of its own. */
static enum live_op event_op(unsigned op)
{
	switch (op) {
	case REGION_ALLOC:
		return LIVE_ALLOC;
	case REGION_FREE:
		return LIVE_FREE;
	case REGION_BLOCKS:
		return LIVE_BLOCKS;
	case REGION_CHUNKS:
		return LIVE_CHUNKS;
	case REGION_REALLOC:
		return LIVE_REALLOC;
	case REGION_CREATE:
		return LIVE_CREATE;
	case REGION_IDENT:
		return LIVE_IDENT;
	case REGION_RESET:
		return LIVE_RESET;
	case REGION_RESETONLY:
		return LIVE_RESETONLY;
	case REGION_DELETE:
		return LIVE_DELETE;
	case REGION_MOVE:
		return LIVE_MOVE;
	default:
		return LIVE_OPS;
	}
}

static void tell_entry(struct follow *follow, const struct region_event *entry,
	const struct parts *parts, struct live_event *event, struct follow_out *out)
{
	switch (event->op) {
	case LIVE_CREATE:
		if (parts)
			tell_create(follow, entry, parts, event, out);
		break;
	case LIVE_IDENT:
		tell_ident(follow, parts, event, out);
		break;
	case LIVE_MOVE:
		tell_move(follow, parts, event, out);
		break;
	case LIVE_ALLOC:
	case LIVE_REALLOC:
	case LIVE_FREE:
		tell_chunk(follow, entry, parts, event, out);
		break;
	case LIVE_BLOCKS:
	case LIVE_CHUNKS:
		tell_watched(follow, entry, parts, event, out);
		break;
	default:
		tell_plain(follow, event, out);
	}
}

/* Whether what happened to a chunk is in the figures of its context as it was found. */
static bool is_settled(const struct follow *follow, const struct live_event *event)
{
	return follow->rings[event->ring].position < follow->settled[event->ring] &&
	       event->op >= LIVE_ALLOC && event->op <= LIVE_RESETONLY &&
	       follow->contexts[event->unit].before != NULL;
}

size_t follow_take(struct follow *follow, uint32_t index, struct follow_out *out)
{
	static const struct parts none;
	struct follow_ring *ring = &follow->rings[index];
	const struct region_event *entry = follow_entries(ring);
	struct live_event event = {.op = event_op(follow_op(entry)),
		.ring = index,
		.tid = ring->tid,
		.time_ns = ring->time_ns};
	struct parts parts;
	size_t ready = follow_ready(&ring->queue);
	bool has_parts = ready > 1 && follow_is_part(entry + 1);
	size_t n = has_parts ? read_parts(&parts, entry, ready) : 1;

	if (follow_op(entry) == REGION_TIME && entry->word > ring->time_ns)
		ring->time_ns = entry->word;
	if (event.op == LIVE_OPS)
		return n;
	event.unit = follow_unit(follow, entry->word);
	if (event.unit >= FOLLOW_UNITS || !follow_context(follow, event.unit)) {
		out->status = event.unit < FOLLOW_UNITS ? -3 : out->status;
		return n;
	}
	if (event.op != LIVE_CREATE && follow->contexts[event.unit].serial == 0)
		follow_find(follow, event.unit, &event, out);
	if (!is_settled(follow, &event))
		tell_entry(follow, entry, has_parts ? &parts : &none, &event, out);
	return n;
}
