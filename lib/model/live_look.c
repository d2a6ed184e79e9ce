/* SPDX-License-Identifier: MIT */
/*
 * A snapshot kept up to date: see live_look.h.
 *
 * Whether a unit has changed is seen from a sum over its words, each times a number of its own, so
 * that no copy is needed to compare with.  The units are read where they are; one that has
 * changed is copied before it is used, since it may change while it is.
 *
 * A context that has the serial that it had at the last look was there all the while, so what was
 * read in between is its own.
 *
 * Invariant: the sum of a unit is that of what the figures of its context come from, or 0 where the
 * unit is to be looked at in any case.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/clock.h"
#include "model/live_look.h"
#include "model/live_snapshot.h"

#define WORDS (LIVE_UNIT_BYTES / sizeof(uint64_t))
/* Of a record: the others change with its serial alone, but those of a part. */
#define RECORD_WORDS (offsetof(struct region_record, init_size) / sizeof(uint64_t))
#define LINE 64u
/*
 * Bytes that are asked for before they are read, and as what is read but once: so that the process
 * finds its own memory in the cache that it shares with the reader.
 */
#define AHEAD 4096u
/* How old an ident may be. */
#define IDENTS_NS 500000000u
#define FIGURES (sizeof(struct snapshot_figures) / sizeof(uint64_t))

enum plane { RECORDS, SLOTS, NAMES, PLANES };

/* What was seen of a unit. */
struct seen {
	uint64_t counters; /* the sum over record and slot; of a part over its names, too */
	uint32_t idents;   /* the record's, when its ident was read */
};

/* A figure's sum over all contexts, from which one of them can be taken again. */
struct total {
	uint64_t low;
	uint32_t high;    /* times 2^64 */
	uint32_t unknown; /* contexts that do not know it */
};

struct live_look {
	struct live *live;
	const char *map; /* NULL: all is read anew each time */
	size_t map_bytes;
	struct live_places places;
	struct seen *seen;
	uint32_t room;  /* of seen */
	bool is_summed; /* the totals are the snapshot's */
	struct total totals[FIGURES];
	uint64_t named_ns; /* when idents were last read */
	bool has_idents;   /* some have changed since */
	uint64_t rebuilds;
	bool has_failed;       /* no memory */
	struct live_units run; /* a unit and its part */
	uint64_t keys[PLANES][WORDS];
};

/* ---- Sums ----------------------------------------------------------------------------- */

/* Odd numbers that have nothing to do with one another. */
static void make_keys(struct live_look *look)
{
	uint64_t state = 0;

	for (size_t plane = 0; plane < PLANES; plane++)
		for (size_t i = 0; i < WORDS; i++) {
			uint64_t key = state += 0x9E3779B97F4A7C15u;

			key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9u;
			key = (key ^ key >> 27) * 0x94D049BB133111EBu;
			look->keys[plane][i] = (key ^ key >> 31) | 1;
		}
}

static uint64_t sum_words(
	const struct live_look *look, enum plane plane, const void *unit, size_t n)
{
	const uint64_t *words = unit, *keys = look->keys[plane];
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i += LINE / sizeof *words)
		__builtin_prefetch((const void *)((uintptr_t)(words + i) + AHEAD), 0, 0);
	for (size_t i = 0; i < n; i++)
		sum += words[i] * keys[i];
	return sum;
}

/* Never 0. */
static uint64_t sum_counters(const struct live_look *look, const struct region_record *record,
	const void *slot, const void *names)
{
	uint64_t sum = sum_words(look, SLOTS, slot, WORDS);

	if (record->live == REGION_PART)
		sum += sum_words(look, RECORDS, record, WORDS) +
		       sum_words(look, NAMES, names, WORDS);
	else
		sum += sum_words(look, RECORDS, record, RECORD_WORDS);
	return sum | (uint64_t)(sum == 0);
}

/* ---- Totals --------------------------------------------------------------------------- */

/* A context that had OLD figures has NEW ones. */
static void totals_replace(struct total *totals, const struct snapshot_figures *old,
	const struct snapshot_figures *new)
{
	const uint64_t *from = (const uint64_t *)old, *to = (const uint64_t *)new;

	for (size_t i = 0; i < FIGURES; i++) {
		bool was_known = from[i] != SNAPSHOT_UNKNOWN, is_known = to[i] != SNAPSHOT_UNKNOWN;
		uint64_t less = was_known ? from[i] : 0, more = is_known ? to[i] : 0;
		struct total *total = &totals[i];

		total->high -= total->low < less;
		total->low -= less;
		total->low += more;
		total->high += total->low < more;
		total->unknown += (uint32_t)was_known - (uint32_t)is_known;
	}
}

static void sum_all(struct live_look *look)
{
	struct snapshot_figures none;

	snapshot_fill(&none, 0);
	memset(look->totals, 0, sizeof look->totals);
	for (size_t i = 0; i < look->places.snapshot->n; i++)
		totals_replace(look->totals, &none, &look->places.snapshot->contexts[i].own);
	look->is_summed = true;
}

void live_look_totals(struct live_look *look, struct snapshot_figures *sum)
{
	uint64_t *to = (uint64_t *)sum;

	snapshot_fill(sum, 0);
	if (!look->places.snapshot)
		return;
	if (!look->is_summed)
		sum_all(look);
	for (size_t i = 0; i < FIGURES; i++) {
		const struct total *total = &look->totals[i];

		to[i] = total->high || total->unknown ? SNAPSHOT_UNKNOWN : total->low;
	}
}

/* ---- All anew ------------------------------------------------------------------------- */

static bool make_room(struct live_look *look, uint32_t units)
{
	struct seen *seen;

	if (units <= look->room)
		return true;
	units += units / 2;
	seen = realloc(look->seen, units * sizeof *seen);
	if (!seen)
		return false;
	look->seen = seen;
	look->room = units;
	return true;
}

static void note_unit(const struct live_units *run, uint32_t i, uint32_t unit, void *arg)
{
	struct live_look *look = arg;

	if (look->has_failed || !make_room(look, unit + 1)) {
		look->has_failed = true;
		return;
	}
	look->seen[unit].counters =
		sum_counters(look, &run->again[i].it, &run->slots[i], &run->names[i]);
	/* The first record's: an ident that changed while it was read is read again. */
	look->seen[unit].idents = run->records[i].it.idents;
}

static void drop(struct live_look *look)
{
	snapshot_free(look->places.snapshot);
	free(look->places.of_unit);
	look->places = (struct live_places){0};
	look->is_summed = false;
}

/* The last snapshot goes once there is another. */
static bool read_anew(struct live_look *look, struct live_error *error)
{
	struct live_places places;

	look->has_failed = false;
	look->is_summed = false;
	look->rebuilds++;
	look->named_ns = clock_now_ns();
	look->has_idents = false;
	if (!live_snapshot_places(look->live, &places, note_unit, look, error)) {
		/* What was noted of the units is not of the snapshot. */
		look->has_failed = true;
		return false;
	}
	drop(look);
	look->places = places;
	/* What is no context now, as far as it could be read, may be one. */
	for (uint32_t unit = 0; unit < places.nunits && !look->has_failed; unit++)
		if (places.of_unit[unit] == SNAPSHOT_NONE)
			look->seen[unit].counters = 0;
	return true;
}

/* ---- What has changed ----------------------------------------------------------------- */

static const void *unit_in(const struct live_look *look, const struct region_header *header,
	uint32_t unit, enum plane plane)
{
	const uint32_t planes[PLANES] = {header->records, header->slots, header->names};

	return look->map + live_unit_offset(header, unit, planes[plane]);
}

/* Copies UNIT to unit I of the run, and notes what was copied. */
static void copy_unit(
	struct live_look *look, const struct region_header *header, uint32_t unit, uint32_t i)
{
	struct live_units *run = &look->run;

	memcpy(&run->slots[i], unit_in(look, header, unit, SLOTS), LIVE_UNIT_BYTES);
	memcpy(&run->again[i], unit_in(look, header, unit, RECORDS), LIVE_UNIT_BYTES);
	if (run->again[i].it.live == REGION_PART)
		memcpy(&run->names[i], unit_in(look, header, unit, NAMES), LIVE_UNIT_BYTES);
	look->seen[unit].counters =
		sum_counters(look, &run->again[i].it, &run->slots[i], &run->names[i]);
}

/* Whether RECORD is that of CONTEXT, and below the same one. */
static bool is_same(const struct live_look *look, const struct region_record *record,
	const struct snapshot_context *context)
{
	const struct snapshot *snapshot = look->places.snapshot;
	uint32_t parent = SNAPSHOT_NONE;

	if (record->live != 1 || record->serial != context->id)
		return false;
	if (record->parent == 0)
		return context->parent == SNAPSHOT_NONE;
	if (record->parent <= look->places.nunits)
		parent = look->places.of_unit[record->parent - 1];
	return parent != SNAPSHOT_NONE && parent == context->parent &&
	       snapshot->contexts[parent].id == record->parent_serial;
}

/* Takes over what has changed in UNIT.  False: contexts came, went or moved. */
static bool renew(struct live_look *look, const struct region_header *header, uint32_t unit)
{
	const struct region_record *record = &look->run.again[0].it;
	struct snapshot_context *context;
	struct snapshot_figures before;
	uint32_t place;

	copy_unit(look, header, unit, 0);
	if (record->live == REGION_PART && unit % 2 != 0)
		copy_unit(look, header, --unit, 0);
	place = look->places.of_unit[unit];
	if (place == SNAPSHOT_NONE)
		return record->live != 1;
	look->run.n = 1;
	if (record->fine && unit + 1 < look->places.nunits &&
		unit % header->bank_units + 1 < header->bank_units) {
		copy_unit(look, header, unit + 1, 1);
		look->run.n = 2;
	}
	context = &look->places.snapshot->contexts[place];
	if (!is_same(look, record, context))
		return false;
	look->has_idents |= record->idents != look->seen[unit].idents;
	before = context->own;
	if (!live_set_figures(&look->run, 0, look->places.snapshot, context))
		return false;
	if (look->is_summed)
		totals_replace(look->totals, &before, &context->own);
	return true;
}

/* False: contexts came, went or moved. */
static bool renew_all(struct live_look *look)
{
	const struct region_header *header = live_header(look->live);

	for (uint32_t unit = 0; unit < look->places.nunits; unit++) {
		const struct region_record *record = unit_in(look, header, unit, RECORDS);
		uint64_t sum = sum_counters(look, record, unit_in(look, header, unit, SLOTS),
			unit_in(look, header, unit, NAMES));

		if (sum != look->seen[unit].counters && !renew(look, header, unit))
			return false;
	}
	return true;
}

/* Whether units can be read where they are: a header that says otherwise is a damaged one's. */
static bool is_in_place(const struct live_look *look, const struct region_header *header)
{
	uint64_t offsets = header->banks | header->bank_bytes | header->records | header->slots |
			   header->names;

	return look->map && header->file_bytes <= look->map_bytes &&
	       offsets % _Alignof(struct region_slot) == 0;
}

/* Whether the last snapshot could be brought up to date. */
static bool bring_up(struct live_look *look)
{
	const struct region_header *header = live_header(look->live);

	if (!look->places.snapshot || look->has_failed || !is_in_place(look, header) ||
		header->units_used != look->places.nunits)
		return false;
	return renew_all(look) &&
	       !(look->has_idents && clock_now_ns() - look->named_ns >= IDENTS_NS);
}

const struct snapshot *live_look(struct live_look *look, struct live_error *error)
{
	if (!live_refresh(look->live)) {
		*error = (struct live_error){1, "it is gone, or its region is damaged"};
		return NULL;
	}
	if (!bring_up(look) && !read_anew(look, error))
		return NULL;
	return look->places.snapshot;
}

/* ---- Beginning and ending ------------------------------------------------------------- */

struct live_look *live_look_new(struct live *live)
{
	struct live_look *look = calloc(1, sizeof *look);

	if (!look)
		return NULL;
	look->live = live;
	look->map = live_map(live, &look->map_bytes);
	make_keys(look);
	return look;
}

void live_look_free(struct live_look *look)
{
	if (!look)
		return;
	drop(look);
	if (look->map)
		munmap((void *)(uintptr_t)look->map, look->map_bytes);
	free(look->seen);
	free(look);
}

uint64_t live_look_rebuilds(const struct live_look *look)
{
	return look->rebuilds;
}
