/* SPDX-License-Identifier: MIT */
/*
 * Snapshots: building them, summing over them, judging them.
 *
 * Every function is a loop over the array; a parent stands before what is below it, so sums
 * flow up in one pass from the end and levels flow down in one pass from the front, however
 * deep the tree.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/pages.h"
#include "model/snapshot.h"

/* From READY_LEAST contexts on, pages are made ready for READY_AHEAD at a time. */
#define READY_LEAST 512u
#define READY_AHEAD 256u
/* Contexts that are brought into the cache before it is their turn. */
#define FETCH_AHEAD 8u

#define FIGURES (sizeof(struct snapshot_figures) / sizeof(uint64_t))

/* The figures are handled as an array, which holds while each is a plain 64-bit number. */
_Static_assert(FIGURES == 17 + 3 * SNAPSHOT_CLASSES &&
		       sizeof(struct snapshot_figures) % sizeof(uint64_t) == 0,
	"a figure is a uint64_t");

struct snapshot *snapshot_new(void)
{
	struct snapshot *snapshot = calloc(1, sizeof *snapshot);

	if (!snapshot)
		return NULL;
	snapshot->ready = READY_LEAST;
	snapshot->strings_room = 64;
	snapshot->strings = calloc(1, snapshot->strings_room);
	if (!snapshot->strings) {
		free(snapshot);
		return NULL;
	}
	snapshot->strings_size = 1;
	snapshot->source = SNAPSHOT_FILE;
	snapshot->pid = -1;
	snapshot->event = SNAPSHOT_UNKNOWN;
	snapshot->events = SNAPSHOT_UNKNOWN;
	snapshot->time_ns = SNAPSHOT_UNKNOWN;
	return snapshot;
}

void snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	free(snapshot->path);
	free(snapshot->contexts);
	free(snapshot->strings);
	free(snapshot->lists);
	free(snapshot);
}

int snapshot_set_origin(struct snapshot *snapshot, const char *path, const char *point)
{
	char *copy = path ? strdup(path) : NULL;

	if (path && !copy)
		return -1;
	free(snapshot->path);
	snapshot->path = copy;
	snprintf(snapshot->point, sizeof snapshot->point, "%s", point);
	return 0;
}

static uint32_t string_hash(const char *string, size_t length)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)string[i]) * 16777619u;
	return hash ^ hash >> 16;
}

static int strings_reserve(struct snapshot *snapshot, size_t length)
{
	size_t need = snapshot->strings_size + length;
	size_t room = snapshot->strings_room;
	char *strings;

	if (length >= SNAPSHOT_NONE || need >= SNAPSHOT_NONE) {
		errno = ENOMEM;
		return -1;
	}
	if (need <= room)
		return 0;
	while (room < need)
		room *= 2;
	strings = realloc(snapshot->strings, room);
	if (!strings)
		return -1;
	snapshot->strings = strings;
	snapshot->strings_room = room;
	return 0;
}

/* The offset of STRING, which equal strings added not long ago share; NONE with ENOMEM. */
static uint32_t string_add(struct snapshot *snapshot, const char *string)
{
	size_t length = strlen(string);
	uint32_t *recent = &snapshot->recent[string_hash(string, length) % SNAPSHOT_RECENT];

	if (!length)
		return 0;
	if (*recent && !strcmp(snapshot->strings + *recent, string))
		return *recent;
	if (strings_reserve(snapshot, length + 1))
		return SNAPSHOT_NONE;
	*recent = (uint32_t)snapshot->strings_size;
	memcpy(snapshot->strings + *recent, string, length + 1);
	snapshot->strings_size += length + 1;
	return *recent;
}

int snapshot_reserve(struct snapshot *snapshot, uint64_t n)
{
	struct snapshot_context *contexts;

	if (n <= snapshot->room)
		return 0;
	if (n >= SNAPSHOT_NONE || n > SIZE_MAX / sizeof *contexts) {
		errno = ENOMEM;
		return -1;
	}
	contexts = realloc(snapshot->contexts, n * sizeof *contexts);
	if (!contexts)
		return -1;
	snapshot->contexts = contexts;
	snapshot->room = n;
	return 0;
}

static int contexts_reserve(struct snapshot *snapshot)
{
	uint64_t room = snapshot->room ? (uint64_t)snapshot->room * 2 : 64;

	if (snapshot->n < snapshot->room)
		return 0;
	if (room >= SNAPSHOT_NONE && snapshot->room < SNAPSHOT_NONE - 1)
		room = SNAPSHOT_NONE - 1;
	return snapshot_reserve(snapshot, room);
}

static void contexts_make_ready(struct snapshot *snapshot)
{
	size_t ahead = snapshot->room - snapshot->n;

	if (ahead > READY_AHEAD)
		ahead = READY_AHEAD;
	pages_ready(snapshot->contexts + snapshot->n, ahead * sizeof *snapshot->contexts);
	snapshot->ready = snapshot->n + ahead;
}

int snapshot_rename(struct snapshot *snapshot, uint32_t index, const char *name, const char *ident,
	const char *kind)
{
	struct snapshot_context *context = &snapshot->contexts[index];
	uint32_t name_at = string_add(snapshot, name);
	uint32_t kind_at = string_add(snapshot, kind);
	uint32_t ident_at = ident ? string_add(snapshot, ident) : SNAPSHOT_NONE;

	if (name_at == SNAPSHOT_NONE || kind_at == SNAPSHOT_NONE ||
		(ident && ident_at == SNAPSHOT_NONE))
		return -1;
	context->name = name_at;
	context->kind = kind_at;
	context->ident = ident_at;
	return 0;
}

struct snapshot_context *snapshot_add(struct snapshot *snapshot, uint64_t id, uint32_t parent,
	const char *name, const char *ident, const char *kind)
{
	struct snapshot_context *context;

	if (parent != SNAPSHOT_NONE && parent >= snapshot->n) {
		errno = EINVAL;
		return NULL;
	}
	if (contexts_reserve(snapshot) ||
		snapshot_rename(snapshot, (uint32_t)snapshot->n, name, ident, kind))
		return NULL;
	if (snapshot->n >= snapshot->ready)
		contexts_make_ready(snapshot);
	context = &snapshot->contexts[snapshot->n++];
	context->id = id;
	context->parent = parent;
	context->level = 0;
	context->end = 0;
	context->lists = 0;
	context->peak_total_bytes = SNAPSHOT_UNKNOWN;
	snapshot_fill(&context->own, SNAPSHOT_UNKNOWN);
	return context;
}

void snapshot_finish(struct snapshot *snapshot)
{
	struct snapshot_context *contexts = snapshot->contexts;

	for (size_t i = 0; i < snapshot->n; i++) {
		uint32_t parent = contexts[i].parent;

		contexts[i].level = parent == SNAPSHOT_NONE ? 1 : contexts[parent].level + 1;
		contexts[i].end = (uint32_t)i + 1;
	}
	for (size_t i = snapshot->n; i-- > 0;) {
		uint32_t parent = contexts[i].parent;

		if (parent != SNAPSHOT_NONE && contexts[parent].end < contexts[i].end)
			contexts[parent].end = contexts[i].end;
	}
}

const char *snapshot_string(const struct snapshot *snapshot, uint32_t offset)
{
	return offset == SNAPSHOT_NONE ? NULL : snapshot->strings + offset;
}

void snapshot_sum(struct snapshot_figures *sum, const struct snapshot_figures *from)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *add = (const uint64_t *)from;

	for (size_t i = 0; i < FIGURES; i++)
		to[i] = snapshot_plus(to[i], add[i]);
}

void snapshot_fill(struct snapshot_figures *figures, uint64_t value)
{
	uint64_t *to = (uint64_t *)figures;

	for (size_t i = 0; i < FIGURES; i++)
		to[i] = value;
}

void snapshot_totals(const struct snapshot *snapshot, struct snapshot_figures *sum)
{
	snapshot_fill(sum, 0);
	for (size_t i = 0; i < snapshot->n; i++)
		snapshot_sum(sum, &snapshot->contexts[i].own);
}

/* Gives the contexts with others below them their places, and returns how many they are. */
static uint32_t place_inner(const struct snapshot *snapshot, uint32_t *places)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < snapshot->n; i++)
		places[i] = snapshot->contexts[i].end > i + 1 ? n++ : SNAPSHOT_NONE;
	return n;
}

/* Backwards, so that a context has its sum before it is added to its parent's. */
static void add_to_parents(struct snapshot_sums *sums)
{
	const struct snapshot_context *contexts = sums->snapshot->contexts;

	for (uint32_t i = (uint32_t)sums->snapshot->n; i-- > 0;) {
		uint32_t parent = contexts[i].parent;

		if (i >= FETCH_AHEAD)
			snapshot_fetch(&contexts[i - FETCH_AHEAD]);
		if (parent != SNAPSHOT_NONE)
			snapshot_sum(&sums->inner[sums->places[parent]], snapshot_subtree(sums, i));
	}
}

int snapshot_sums_make(struct snapshot_sums *sums, const struct snapshot *snapshot)
{
	uint32_t n;

	*sums = (struct snapshot_sums){.snapshot = snapshot};
	sums->places = malloc((snapshot->n + 1) * sizeof(*sums->places));
	if (!sums->places)
		return -1;
	n = place_inner(snapshot, sums->places);
	sums->inner = malloc((n + 1) * sizeof(*sums->inner));
	if (!sums->inner) {
		snapshot_sums_drop(sums);
		return -1;
	}
	pages_ready(sums->inner, n * sizeof(*sums->inner));
	for (uint32_t i = 0; i < snapshot->n; i++)
		if (sums->places[i] != SNAPSHOT_NONE)
			sums->inner[sums->places[i]] = snapshot->contexts[i].own;
	add_to_parents(sums);
	return 0;
}

void snapshot_sums_drop(struct snapshot_sums *sums)
{
	free(sums->inner);
	free(sums->places);
	*sums = (struct snapshot_sums){0};
}

/* ---- Judging -------------------------------------------------------------------------- */

static bool known(uint64_t figure)
{
	return figure != SNAPSHOT_UNKNOWN;
}

/* Whether WHOLE is the sum of the parts; where one of them is not known there is no telling. */
static bool adds_up(uint64_t whole, const uint64_t *parts, size_t n)
{
	uint64_t sum = 0;

	if (!known(whole))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (!known(parts[i]))
			return true;
		if (parts[i] > whole - sum)
			return false;
		sum += parts[i];
	}
	return sum == whole;
}

/* The rule that the figures break, as words, or NULL. */
static const char *figures_broken(const struct snapshot_figures *own)
{
	const uint64_t total[] = {own->requested_bytes, own->slack_bytes, own->header_bytes,
		own->freelist_bytes, own->tail_bytes};
	const uint64_t free_parts[] = {own->freelist_bytes, own->tail_bytes};
	const uint64_t used_parts[] = {own->used_bytes, own->free_bytes};

	if (!adds_up(own->total_bytes, total, 5))
		return "total_bytes is not requested + slack + header + freelist + tail";
	if (!adds_up(own->free_bytes, free_parts, 2))
		return "free_bytes is not freelist + tail";
	if (!adds_up(own->total_bytes, used_parts, 2))
		return "total_bytes is not used + free";
	return NULL;
}

static bool string_ok(const struct snapshot *snapshot, uint32_t offset)
{
	return offset < snapshot->strings_size;
}

/*
 * Closes what ends before context I (n: after the last): all that stands from the context before
 * it up to its parent.  Each is closed once, so all these walks together are O(n).
 */
static const char *close_broken(const struct snapshot *snapshot, uint32_t i, uint32_t parent)
{
	uint32_t at = i ? i - 1 : SNAPSHOT_NONE;
	bool ends = true;

	for (; at != parent && at != SNAPSHOT_NONE; at = snapshot->contexts[at].parent)
		ends &= snapshot->contexts[at].end == i;
	if (at != parent)
		return "its parent is not above the context before it";
	return ends ? NULL : "a subtree that ends before it has another end";
}

/* The first rule that context I breaks, as words, or NULL; those before it keep them all. */
static const char *context_broken(const struct snapshot *snapshot, uint32_t i)
{
	const struct snapshot_context *at = &snapshot->contexts[i];
	const char *broken;

	if (at->parent != SNAPSHOT_NONE && at->parent >= i)
		return "its parent does not stand before it";
	broken = close_broken(snapshot, i, at->parent);
	if (broken)
		return broken;
	if (at->level !=
		(at->parent == SNAPSHOT_NONE ? 0 : snapshot->contexts[at->parent].level) + 1)
		return "its level is not its parent's plus 1";
	if (!string_ok(snapshot, at->name) || !string_ok(snapshot, at->kind) ||
		(at->ident != SNAPSHOT_NONE && !string_ok(snapshot, at->ident)))
		return "a string of it lies outside the strings";
	return figures_broken(&at->own);
}

bool snapshot_valid(const struct snapshot *snapshot, char *message, size_t size)
{
	uint32_t n = (uint32_t)snapshot->n;

	if (!snapshot->strings_size || snapshot->strings[0] ||
		snapshot->strings[snapshot->strings_size - 1]) {
		snprintf(message, size, "the strings do not begin and end with a 0 byte");
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		const char *broken = context_broken(snapshot, i);

		if (broken) {
			snprintf(message, size, "context %" PRIu64 ": %s", snapshot->contexts[i].id,
				broken);
			return false;
		}
	}
	if (close_broken(snapshot, n, SNAPSHOT_NONE)) {
		snprintf(message, size, "the last subtree does not end with the contexts");
		return false;
	}
	return true;
}
