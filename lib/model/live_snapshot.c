/* SPDX-License-Identifier: MIT */
/*
 * The tree of a live process, from copies of its region.
 *
 * Units are copied a run at a time, in the order records, names, slots, records again: a context
 * whose record is the same in both was there all the while, so its name and its counters are its
 * own.  The tree is made of parents alone: a context stands below the one that its record names,
 * if that one has the serial that the record expects.
 *
 * Invariant: figures are clamped so that a snapshot keeps its sums whatever was read.
 */
#include <stdlib.h>
#include <string.h>

#include "memctx.h"
#include "model/by_serial.h"
#include "model/lists.h"
#include "model/live_snapshot.h"

#define NOTHING UINT32_MAX

/* Where a context that was added stands in the tree. */
struct node {
	uint64_t serial, parent_serial;
	uint32_t parent_unit; /* NOTHING: a root */
	uint32_t first, next; /* nodes */
	uint32_t parent;      /* a node; NOTHING: a root, or reached by nobody */
	uint32_t place;       /* in tree order */
};

struct copy {
	struct live_units *run;
	struct snapshot *flat; /* the contexts in the order of their units */
	struct node *nodes;    /* of each */
	uint32_t *node_of;     /* by unit; NOTHING: none */
	uint32_t *comes;       /* nodes, by age; then by place in tree order */
	uint32_t nunits;
	live_seen_fn *seen; /* NULL: nobody is told of the units */
	void *arg;
};

static void copy_free(struct copy *copy)
{
	free(copy->run);
	snapshot_free(copy->flat);
	free(copy->nodes);
	free(copy->node_of);
	free(copy->comes);
}

static bool copy_alloc(struct copy *copy)
{
	size_t n = copy->nunits ? copy->nunits : 1;

	copy->run = malloc(sizeof *copy->run);
	copy->flat = snapshot_new();
	copy->nodes = malloc(n * sizeof *copy->nodes);
	copy->node_of = malloc(n * sizeof *copy->node_of);
	return copy->run && copy->flat && copy->nodes && copy->node_of;
}

/* ---- Figures -------------------------------------------------------------------------- */

/* Takes at most what is LEFT of a context's bytes. */
static uint64_t take(uint64_t *left, uint64_t bytes)
{
	uint64_t taken = bytes < *left ? bytes : *left;

	*left -= taken;
	return taken;
}

static uint64_t count_of(uint64_t packed)
{
	return packed >> REGION_COUNT_SHIFT;
}

struct parts {
	uint64_t live, free, slack, requested, headers, lists;
};

/* What the classes say of bytes, where chunks are as large as they are (lib/pool.h). */
static void set_by_bytes(const struct region_slot *slot, struct parts *parts, uint64_t headers,
	uint64_t chunk_headers)
{
	uint64_t live = slot->live_bytes;

	parts->headers = headers + chunk_headers;
	parts->requested =
		live > chunk_headers + parts->slack ? live - chunk_headers - parts->slack : 0;
	parts->lists = slot->free_bytes;
}

static void add_class(const struct region_record *record, const struct region_slot *slot,
	unsigned k, struct parts *parts, struct snapshot_figures *own)
{
	uint64_t size = (uint64_t)8 << k, align = record->align;
	uint64_t stride = (size + 8 + align) & ~align;
	struct region_class class = region_class(
		record->carved[k], record->carved[k] + slot->reused[k] - slot->freed[k], size);

	own->classes[k] = (struct snapshot_class){class.live, class.free, class.slack};
	parts->live += class.live;
	parts->free += class.free;
	parts->slack += class.slack;
	parts->requested += class.live * size - class.slack;
	parts->headers += class.live * (stride - size);
	parts->lists += class.free * stride;
	own->allocs += count_of(record->carved[k]) + count_of(slot->reused[k]);
}

static void set_bytes(struct snapshot_figures *own, const struct parts *parts)
{
	uint64_t left = own->total_bytes;

	own->header_bytes = take(&left, parts->headers);
	own->requested_bytes = take(&left, parts->requested);
	own->slack_bytes = take(&left, parts->slack);
	own->freelist_bytes = take(&left, parts->lists);
	own->tail_bytes = left;
	own->free_bytes = own->freelist_bytes + own->tail_bytes;
	own->used_bytes = own->total_bytes - own->free_bytes;
}

/* Of an arena that is only watched what it told is known, and nothing else. */
static void set_watched(const struct region_record *record, const struct region_slot *slot,
	struct snapshot_context *context)
{
	struct snapshot_figures *own = &context->own;
	uint64_t left = slot->total_bytes;

	own->total_bytes = slot->total_bytes;
	own->total_nblocks = slot->nblocks;
	own->live_chunks = slot->large_chunks;
	own->requested_bytes = take(&left, slot->large_requested);
	own->allocs = record->life.allocs;
	own->frees = own->allocs - record->life.dropped - own->live_chunks;
	own->resets = record->life.resets;
	context->peak_total_bytes = record->peak_bytes;
}

/* FINE (may be NULL): what the classes of SLOT and RECORD, which are its, come from. */
static void set_figures(const struct region_record *record, const struct region_slot *slot,
	const struct region_fine_sums *fine, struct snapshot_context *context)
{
	struct snapshot_figures *own = &context->own;
	uint64_t large_headers = slot->large_chunks * 48;
	uint64_t small =
		slot->nblocks > slot->large_chunks ? slot->nblocks - slot->large_chunks : 0;
	uint64_t headers = LIVE_UNIT_BYTES + small * record->block_header + large_headers;
	struct parts parts = {.headers = headers};

	snapshot_fill(own, 0);
	own->total_bytes = slot->total_bytes;
	own->total_nblocks = slot->nblocks;
	own->large_chunks = slot->large_chunks;
	own->large_bytes = slot->large_requested;
	for (unsigned k = 0; k < REGION_CLASSES; k++)
		add_class(record, slot, k, &parts, own);
	if (record->by_bytes)
		set_by_bytes(slot, &parts, headers,
			fine ? fine->header_bytes : parts.live * record->chunk_header);
	own->live_chunks = parts.live + slot->large_chunks;
	own->free_chunks = parts.free;
	parts.requested += slot->large_requested;
	if (slot->large_bytes > large_headers + slot->large_requested)
		parts.slack += slot->large_bytes - large_headers - slot->large_requested;
	set_bytes(own, &parts);
	own->allocs +=
		record->life.allocs + record->life.carved + record->life.reused - record->life.cut;
	own->frees = own->allocs - record->life.dropped - own->live_chunks;
	own->reallocs = record->life.reallocs;
	own->resets = record->life.resets;
	context->peak_total_bytes = record->peak_bytes;
}

/* ---- Copying -------------------------------------------------------------------------- */

static const char *kind_name(uint8_t kind)
{
	static const char *const names[] = {
		"aset", "slab", "generation", "bump", "malloc", "watch"};

	return kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

/* The classes of an aset with fine ones; the figures' classes are made to be what they come to. */
static bool set_lists(
	const struct region_fine *fine, struct snapshot *snapshot, struct snapshot_context *context)
{
	struct lists lists = {0};

	for (unsigned c = 0; c < REGION_FINE_CLASSES; c++) {
		int place = lists_place(region_fine_class_bytes(c));
		struct region_class class = region_fine_class(fine, c);

		lists.has |= UINT64_C(1) << place;
		lists.of[place] = (struct snapshot_class){class.live, class.free, class.slack};
	}
	/* What is read while the process runs may be torn. */
	lists_to_classes(&lists, context->own.classes);
	return snapshot_set_lists(snapshot, context, &lists) == 0;
}

bool live_set_figures(const struct live_units *run, uint32_t i, struct snapshot *snapshot,
	struct snapshot_context *context)
{
	const struct region_record *record = &run->again[i].it;
	const struct region_slot *slot = &run->slots[i].it;
	struct region_fine_sums sums;
	struct region_fine fine;

	if (record->kind == MEMCTX_WATCH) {
		set_watched(record, slot, context);
	} else if (live_units_fine(run, i, &fine)) {
		region_fine_sum(&fine, &sums);
		set_figures(&sums.record, &sums.slot, &sums, context);
		return set_lists(&fine, snapshot, context);
	} else {
		set_figures(record, slot, NULL, context);
	}
	return true;
}

/* Adds unit I of the run, which is number UNIT of the region, where it is a context. */
static bool add_unit(struct copy *copy, uint32_t i, uint32_t unit)
{
	const struct region_record *record = live_units_context(copy->run, i);
	const struct region_names *names = &copy->run->names[i].it;
	uint32_t index = (uint32_t)copy->flat->n;
	struct snapshot_context *context;

	copy->node_of[unit] = NOTHING;
	if (!record)
		return true;
	context = snapshot_add(copy->flat, record->serial, SNAPSHOT_NONE, names->name,
		*names->ident ? names->ident : NULL, kind_name(record->kind));
	if (!context)
		return false;
	if (!live_set_figures(copy->run, i, copy->flat, context))
		return false;
	copy->node_of[unit] = index;
	copy->nodes[index] = (struct node){record->serial, record->parent_serial,
		record->parent - 1, NOTHING, NOTHING, NOTHING, NOTHING};
	return true;
}

/* 0; 1: the region cannot be read; 3: no memory. */
static int add_units(const struct live *live, struct copy *copy)
{
	for (uint32_t unit = 0; unit < copy->nunits; unit += copy->run->n) {
		if (!live_units_read(live, unit, copy->nunits - unit, copy->run))
			return 1;
		for (uint32_t i = 0; i < copy->run->n; i++) {
			if (copy->seen)
				copy->seen(copy->run, i, unit + i, copy->arg);
			if (!add_unit(copy, i, unit + i))
				return 3;
		}
	}
	return 0;
}

/* ---- The tree ------------------------------------------------------------------------- */

static bool is_sorted(const struct copy *copy)
{
	for (uint32_t i = 1; i < copy->flat->n; i++)
		if (copy->nodes[i - 1].serial > copy->nodes[i].serial)
			return false;
	return true;
}

/* Puts the nodes' numbers into comes, the oldest first; false with ENOMEM. */
static bool sort_nodes(struct copy *copy)
{
	uint32_t n = (uint32_t)copy->flat->n;
	struct by_serial *list;

	for (uint32_t i = 0; i < n; i++)
		copy->comes[i] = i;
	/* As long as no unit was used again. */
	if (is_sorted(copy))
		return true;
	list = malloc(n * sizeof *list);
	if (!list)
		return false;
	for (uint32_t i = 0; i < n; i++)
		list[i] = (struct by_serial){copy->nodes[i].serial, i};
	qsort(list, n, sizeof *list, by_serial_compare);
	for (uint32_t i = 0; i < n; i++)
		copy->comes[i] = list[i].at;
	free(list);
	return true;
}

/* The node that NODE stands below, or NOTHING where that is not there any more. */
static uint32_t find_parent(const struct copy *copy, const struct node *node)
{
	uint32_t parent = NOTHING;

	if (node->parent_unit < copy->nunits)
		parent = copy->node_of[node->parent_unit];
	if (parent != NOTHING && copy->nodes[parent].serial != node->parent_serial)
		parent = NOTHING;
	return parent;
}

/*
 * Hangs every node below its parent and returns the first root.  What has lost its parent, or is
 * its own, hangs nowhere and is reached by nobody.
 */
static uint32_t link_nodes(struct copy *copy)
{
	uint32_t roots = NOTHING;

	/* The youngest first, each put in front: siblings come out oldest first. */
	for (size_t i = copy->flat->n; i-- > 0;) {
		uint32_t at = copy->comes[i];
		struct node *node = &copy->nodes[at];
		bool is_root = node->parent_unit == NOTHING;
		uint32_t *head = &roots;

		if (!is_root) {
			node->parent = find_parent(copy, node);
			if (node->parent == NOTHING)
				continue;
			head = &copy->nodes[node->parent].first;
		}
		node->next = *head;
		*head = at;
	}
	return roots;
}

/* The node after NODE in tree order. */
static uint32_t next_node(const struct copy *copy, uint32_t node)
{
	if (copy->nodes[node].first != NOTHING)
		return copy->nodes[node].first;
	while (node != NOTHING && copy->nodes[node].next == NOTHING)
		node = copy->nodes[node].parent;
	return node == NOTHING ? NOTHING : copy->nodes[node].next;
}

static void place_node(struct copy *copy, uint32_t node, uint32_t place)
{
	copy->nodes[node].place = place;
	copy->comes[place] = node;
}

/* Gives every node its place in tree order; those that hang nowhere come last. */
static uint32_t place_nodes(struct copy *copy, uint32_t roots)
{
	uint32_t n = 0, last = (uint32_t)copy->flat->n;

	for (uint32_t node = roots; node != NOTHING; node = next_node(copy, node)) {
		uint32_t parent = copy->nodes[node].parent;

		copy->flat->contexts[node].parent =
			parent == NOTHING ? SNAPSHOT_NONE : copy->nodes[parent].place;
		place_node(copy, node, n++);
	}
	for (uint32_t i = 0, next = n; i < last; i++)
		if (copy->nodes[i].place == NOTHING)
			place_node(copy, i, next++);
	return n;
}

/* Moves the contexts to their places, each once: where one was taken from the next one goes. */
static void move_contexts(struct copy *copy)
{
	struct snapshot_context *contexts = copy->flat->contexts;
	uint32_t *comes = copy->comes;

	for (uint32_t i = 0; i < copy->flat->n; i++) {
		uint32_t at = i, from = comes[i], next = comes[from];
		struct snapshot_context first;

		if (from == i)
			continue;
		first = contexts[i];
		for (; from != i; from = comes[at]) {
			next = comes[next];
			snapshot_fetch(&contexts[next]);
			contexts[at] = contexts[from];
			comes[at] = at;
			at = from;
		}
		contexts[at] = first;
		comes[at] = at;
	}
}

/* Puts the contexts in tree order, where they lie: most stand right already. */
static bool order_contexts(struct copy *copy)
{
	uint32_t n;

	copy->comes = malloc((copy->flat->n + 1) * sizeof *copy->comes);
	if (!copy->comes || !sort_nodes(copy))
		return false;
	n = place_nodes(copy, link_nodes(copy));
	move_contexts(copy);
	copy->flat->n = n;
	return true;
}

static void fail(struct live_error *error, int status, const char *message)
{
	error->status = status;
	strcpy(error->message, message);
}

/* The numbers of the units' contexts in the snapshot, instead of those of their nodes. */
static uint32_t *take_places(struct copy *copy)
{
	uint32_t *places = copy->node_of;

	for (uint32_t unit = 0; unit < copy->nunits; unit++) {
		if (places[unit] == NOTHING)
			continue;
		places[unit] = copy->nodes[places[unit]].place;
		if (places[unit] >= copy->flat->n)
			places[unit] = NOTHING;
	}
	copy->node_of = NULL;
	return places;
}

/* 0; 1: the region cannot be read; 3: no memory. */
static int make_copy(const struct live *live, struct copy *copy)
{
	int status;

	copy->nunits = (uint32_t)live_header(live)->units_used;
	if (!copy_alloc(copy))
		return 3;
	status = add_units(live, copy);
	if (status == 0 && !order_contexts(copy))
		status = 3;
	if (status != 0)
		return status;
	copy->flat->source = SNAPSHOT_LIVE;
	copy->flat->pid = live_header(live)->pid;
	snapshot_finish(copy->flat);
	return 0;
}

bool live_snapshot_places(struct live *live, struct live_places *places, live_seen_fn *seen,
	void *arg, struct live_error *error)
{
	struct copy copy = {.seen = seen, .arg = arg};
	int status = 0;

	if (!live_refresh(live)) {
		fail(error, 1, "it is gone, or its region is damaged");
		return false;
	}
	status = make_copy(live, &copy);
	if (status == 0) {
		*places = (struct live_places){copy.flat, take_places(&copy), copy.nunits};
		copy.flat = NULL;
	}
	copy_free(&copy);
	if (status != 0)
		fail(error, status,
			status == 3 ? "no memory for a copy of its region"
				    : "its region cannot be read");
	return status == 0;
}

struct snapshot *live_snapshot(struct live *live, struct live_error *error)
{
	struct live_places places;

	if (!live_snapshot_places(live, &places, NULL, NULL, error))
		return NULL;
	free(places.of_unit);
	return places.snapshot;
}
