/* SPDX-License-Identifier: MIT */
/*
 * The contexts that a follower knows: from creations that it read, or from their records.
 *
 * A record is read twice with all that belongs to it in between; one that changed meanwhile is
 * not taken.
 */
#include <stdlib.h>
#include <string.h>

#include "model/by_serial.h"
#include "model/follow_inner.h"
#include "model/live_units.h"

#define LIST_MAX 64u

struct live_context *follow_context(struct follow *follow, uint32_t unit)
{
	struct live_context *contexts;
	uint32_t room = follow->room ? follow->room : 256;

	if (unit >= FOLLOW_UNITS)
		return NULL;
	while (room <= unit)
		room *= 2;
	if (room != follow->room) {
		contexts = realloc(follow->contexts, room * sizeof *contexts);
		if (!contexts)
			return NULL;
		memset(contexts + follow->room, 0, (room - follow->room) * sizeof *contexts);
		follow->contexts = contexts;
		follow->room = room;
	}
	return &follow->contexts[unit];
}

void follow_forget(struct live_context *context)
{
	free(context->name);
	free(context->ident);
	free(context->before);
	memset(context, 0, sizeof *context);
}

/* ---- From records --------------------------------------------------------------------- */

/*
 * Where chunks are as large as they are (lib/pool.h), their bytes are known in all alone: the
 * classes share what their chunks were asked for in proportion to the most that they can hold.
 */
static void share_bytes(const struct region_slot *slot, struct live_chunks *chunks,
	uint64_t headers, uint64_t wasted)
{
	uint64_t besides = headers + wasted, most = 0, asked;

	asked = slot->live_bytes > besides ? slot->live_bytes - besides : 0;
	for (unsigned k = 0; k < REGION_CLASSES; k++)
		most += chunks[k].count * ((uint64_t)8 << k);
	for (unsigned k = 0; k < REGION_CLASSES; k++) {
		uint64_t room = chunks[k].count * ((uint64_t)8 << k);

		chunks[k].bytes = 0;
		if (room > 0)
			chunks[k].bytes = (uint64_t)((double)asked * (double)room / (double)most);
	}
}

/*
 * What lives in a context now, by class; the last of them the large chunks.  FINE (may be NULL):
 * what SLOT and RECORD, which are its, come from.  *UNUSED gets what is on freelists.
 */
static struct live_chunks *count_chunks(const struct region_record *record,
	const struct region_slot *slot, const struct region_fine_sums *fine,
	struct live_chunks *unused)
{
	struct live_chunks *chunks = calloc(REGION_CLASSES + 1, sizeof *chunks);
	uint64_t all = 0, wasted = 0;

	if (!chunks)
		return NULL;
	for (unsigned k = 0; k < REGION_CLASSES; k++) {
		uint64_t size = (uint64_t)8 << k;
		struct region_class class = region_class(record->carved[k],
			record->carved[k] + slot->reused[k] - slot->freed[k], size);

		chunks[k].count = class.live;
		chunks[k].bytes = class.live * size - class.slack;
		unused->count += class.free;
		unused->bytes += class.free * region_fine_stride(size, record->align);
		all += class.live;
		wasted += class.slack;
	}
	if (record->by_bytes) {
		share_bytes(slot, chunks, fine ? fine->header_bytes : all * record->chunk_header,
			wasted);
		unused->bytes = slot->free_bytes;
	}
	chunks[REGION_CLASSES].count = slot->large_chunks;
	chunks[REGION_CLASSES].bytes = slot->large_requested;
	return chunks;
}

/* The same of the context that unit I of a run holds; NULL: no memory. */
static struct live_chunks *count_unit(
	const struct live_units *run, uint32_t i, struct live_chunks *unused)
{
	struct region_fine_sums sums;
	struct region_fine fine;

	if (live_units_fine(run, i, &fine)) {
		region_fine_sum(&fine, &sums);
		return count_chunks(&sums.record, &sums.slot, &sums, unused);
	}
	return count_chunks(&run->again[i].it, &run->slots[i].it, NULL, unused);
}

/* Learns the context that unit I of a run holds.  False: no memory. */
static bool learn(struct live_context *context, struct live_units *run, uint32_t i)
{
	const struct region_record *record = live_units_context(run, i);
	const struct region_names *names = &run->names[i].it;

	follow_forget(context);
	if (!record || record->serial == 0)
		return true;
	*context = (struct live_context){.serial = record->serial,
		.init_size = record->init_size,
		.max_size = record->max_size,
		.has_sizes = true,
		.parent_serial = record->parent_serial,
		.parent = record->parent - 1,
		.kind = record->kind,
		.chunk_size = record->chunk_size,
		.fine = record->fine != 0,
		.align = record->align == 15 ? 16 : 8,
		.name = strdup(names->name),
		.ident = *names->ident ? strdup(names->ident) : NULL};
	context->before = count_unit(run, i, &context->free);
	return context->name && context->before;
}

int follow_learn_all(struct follow *follow)
{
	const struct region_header *header = live_header(follow->live);
	uint32_t units =
		header->units_used < FOLLOW_UNITS ? (uint32_t)header->units_used : FOLLOW_UNITS;
	struct live_units *run = malloc(sizeof *run);
	int status = run && (!units || follow_context(follow, units - 1)) ? 0 : 3;

	for (uint32_t unit = 0; unit < units && status == 0; unit += run->n) {
		status = live_units_read(follow->live, unit, units - unit, run) ? 0 : 1;
		for (uint32_t i = 0; i < run->n && status == 0; i++)
			if (!learn(&follow->contexts[unit + i], run, i))
				status = 3;
	}
	free(run);
	return status;
}

/* ---- One that was not known ----------------------------------------------------------- */

/* Where entries were lost, many are about a context that is gone. */
static bool is_live(const struct live *live, uint32_t unit)
{
	return live_unit_state(live, unit) == 1;
}

/* Learns UNIT from its record; false: nothing lives there. */
static bool learn_one(
	struct follow *follow, struct live_units *run, uint32_t unit, struct follow_out *out)
{
	struct live_context *context = follow_context(follow, unit);
	/* Where it may have a part, with that. */
	uint32_t most = unit % 2 == 0 ? 2 : 1;

	if (!context || !is_live(follow->live, unit) ||
		!live_units_read(follow->live, unit, most, run))
		return false;
	if (!learn(context, run, 0))
		out->status = -3;
	return out->status == 0 && follow->contexts[unit].serial != 0;
}

/* Whether the parent that a found context had is not known yet. */
static bool lacks_parent(struct follow *follow, uint32_t unit)
{
	uint32_t parent = follow->contexts[unit].parent;

	return parent < FOLLOW_UNITS &&
	       (parent >= follow->room || follow->contexts[parent].serial == 0);
}

/* Whether UNIT is the part of the unit before it. */
static bool is_part(const struct follow *follow, uint32_t unit)
{
	return unit % 2 != 0 && live_unit_state(follow->live, unit) == REGION_PART;
}

uint32_t follow_unit(const struct follow *follow, uint64_t word)
{
	uint32_t unit = live_unit(follow->live, word >> 16);

	if (unit % 2 == 0 || unit >= FOLLOW_UNITS)
		return unit;
	if (unit < follow->room && follow->contexts[unit].serial != 0)
		return unit;
	if ((unit - 1 < follow->room && follow->contexts[unit - 1].fine) || is_part(follow, unit))
		return unit - 1;
	return unit;
}

void follow_find(
	struct follow *follow, uint32_t unit, struct live_event *event, struct follow_out *out)
{
	struct live_event found = *event;
	uint32_t list[LIST_MAX], n = 0;
	struct live_units *run;

	/* What lives there now may be another than the one that an old event is about. */
	if (follow->start == FOLLOW_OLDEST || !is_live(follow->live, unit))
		return;
	run = malloc(sizeof *run);
	if (!run) {
		out->status = -3;
		return;
	}
	found.op = LIVE_FOUND;
	while (n < LIST_MAX && learn_one(follow, run, unit, out)) {
		list[n++] = unit;
		if (!lacks_parent(follow, unit))
			break;
		unit = follow->contexts[unit].parent;
	}
	free(run);
	while (n-- > 0) {
		found.unit = list[n];
		if (lacks_parent(follow, found.unit))
			follow->contexts[found.unit].parent = FOLLOW_NONE;
		follow_tell(follow, &found, out);
	}
}

/* ---- All that was found --------------------------------------------------------------- */

struct links {
	struct by_serial *list; /* the youngest last */
	uint32_t *first, *next; /* children, by unit; the last of FIRST: roots */
	size_t n;
};

static void links_free(struct links *links)
{
	free(links->list);
	free(links->first);
	free(links->next);
}

static bool links_make(const struct follow *follow, struct links *links)
{
	size_t units = (size_t)follow->room + 1;

	links->n = 0;
	links->list = malloc(units * sizeof *links->list);
	links->first = malloc(units * sizeof *links->first);
	links->next = malloc(units * sizeof *links->next);
	if (!links->list || !links->first || !links->next)
		return false;
	memset(links->first, 0xff, units * sizeof *links->first);
	for (uint32_t unit = 0; unit < follow->room; unit++)
		if (follow->contexts[unit].serial != 0)
			links->list[links->n++] =
				(struct by_serial){follow->contexts[unit].serial, unit};
	qsort(links->list, links->n, sizeof *links->list, by_serial_compare);
	for (size_t i = links->n; i-- > 0;) {
		uint32_t unit = links->list[i].at;
		const struct live_context *context = &follow->contexts[unit];
		uint32_t parent = context->parent, *head = &links->first[follow->room];

		links->next[unit] = FOLLOW_NONE;
		if (parent != FOLLOW_NONE &&
			(parent >= follow->room ||
				follow->contexts[parent].serial != context->parent_serial))
			continue;
		if (parent != FOLLOW_NONE)
			head = &links->first[parent];
		links->next[unit] = *head;
		*head = unit;
	}
	return true;
}

/* The context after UNIT in tree order. */
static uint32_t next_unit(const struct follow *follow, const struct links *links, uint32_t unit)
{
	if (links->first[unit] != FOLLOW_NONE)
		return links->first[unit];
	while (unit != FOLLOW_NONE && links->next[unit] == FOLLOW_NONE)
		unit = follow->contexts[unit].parent;
	return unit == FOLLOW_NONE ? FOLLOW_NONE : links->next[unit];
}

/* Those that are reached by nobody lost their parent while they were read: they are forgotten. */
bool follow_tell_all(struct follow *follow, struct follow_out *out)
{
	struct live_event event = {.op = LIVE_FOUND};
	struct links links = {0};
	uint32_t unit;

	if (follow->start != FOLLOW_NOW || follow->room == 0)
		return true;
	if (!links_make(follow, &links)) {
		links_free(&links);
		out->status = -3;
		return false;
	}
	event.time_ns = live_header(follow->live)->monotonic_ns;
	for (unit = links.first[follow->room]; unit != FOLLOW_NONE && out->status == 0;
		unit = next_unit(follow, &links, unit)) {
		event.unit = unit;
		follow_tell(follow, &event, out);
		follow->contexts[unit].parent_serial = 0;
	}
	for (size_t i = 0; i < links.n; i++)
		if (follow->contexts[links.list[i].at].parent_serial != 0)
			follow_forget(&follow->contexts[links.list[i].at]);
	links_free(&links);
	return out->status == 0;
}
