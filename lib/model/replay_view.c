/* SPDX-License-Identifier: MIT */
/*
 * Looking at a replay: counts, moments and snapshots, now and at the peak.
 *
 * A node's state at the peak is its state now, if nothing has changed it since (its epoch is older
 * than the peak's); else what was put aside, if it lived then.  Only the latter costs anything
 * while the replay runs, and only once a node and peak.
 */
#include "model/replay_inner.h"
#include "model/lists.h"
#include "model/own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- The figures of one context ------------------------------------------------------------ */

static void take_stats(struct snapshot_figures *figures, const struct memctx_stats *stats)
{
	figures->total_bytes = stats->total_bytes;
	figures->total_nblocks = stats->total_nblocks;
	figures->free_bytes = stats->free_bytes;
	figures->free_chunks = stats->free_chunks;
	figures->used_bytes = stats->used_bytes;
	figures->live_chunks = stats->live_chunks;
	figures->requested_bytes = stats->requested_bytes;
	figures->slack_bytes = stats->slack_bytes;
	figures->header_bytes = stats->header_bytes;
	figures->freelist_bytes = stats->freelist_bytes;
	figures->tail_bytes = stats->tail_bytes;
	figures->large_chunks = stats->large_chunks;
	figures->large_bytes = stats->large_bytes;
	for (int k = 0; k < SNAPSHOT_CLASSES; k++) {
		figures->classes[k].live = stats->classes[k].live;
		figures->classes[k].free = stats->classes[k].free;
		figures->classes[k].slack = stats->classes[k].slack;
	}
}

/*
 * What a trace freed, and a bump in place of another kind keeps until its reset, is no longer asked
 * for: it is waste, and stands with the slack.  The classes count what takes memory.
 */
static void take_kept(const struct node *node, struct snapshot_figures *figures)
{
	figures->slack_bytes += figures->requested_bytes - node->requested;
	figures->requested_bytes = node->requested;
	figures->live_chunks = node->live;
}

/* The node's figures now; *PEAK gets the greatest total of its life. */
static void take_figures(const struct node *node, struct snapshot_figures *figures, uint64_t *peak)
{
	struct memctx_stats stats;

	*peak = SNAPSHOT_UNKNOWN;
	snapshot_fill(figures, SNAPSHOT_UNKNOWN);
	if (node->ctx != NULL) {
		replay_node_stats(node, &stats);
		take_stats(figures, &stats);
		*peak = stats.peak_total_bytes;
		if (node->as == MEMCTX_BUMP)
			take_kept(node, figures);
	} else {
		figures->live_chunks = node->live;
		figures->requested_bytes = node->requested;
	}
	figures->allocs = node->allocs;
	figures->frees = node->frees;
	figures->reallocs = node->reallocs;
	figures->resets = node->resets;
}

/* The node's classes as they are; it is listed. */
static void take_lists(const struct node *node, struct lists *lists)
{
	memset(lists, 0, sizeof(*lists));
	for (int i = 0, n = replay_node_lists(node); i < n; i++) {
		struct memctx_class_stats figures;
		int place;

		replay_node_list(node, i, &figures);
		place = lists_place(figures.size);
		lists->has |= UINT64_C(1) << place;
		lists->of[place] =
			(struct snapshot_class){figures.live, figures.free, figures.slack};
	}
}

/* ---- The peak ----------------------------------------------------------------------------- */

void replay_put_aside(struct replay *replay, uint32_t at)
{
	struct node *node = &replay->nodes.hot[at];
	struct node_saved *saved = &replay->nodes.cold[at].saved;

	saved->figures = replay->nodes.nsaved++;
	take_figures(node, &replay->nodes.saved[saved->figures], &saved->peak_total_bytes);
	if (replay->nodes.cold[at].is_listed) {
		saved->lists = replay->nodes.nsaved_lists++;
		take_lists(node, &replay->nodes.saved_lists[saved->lists]);
	}
	if (saved->has_ident)
		own_free(saved->ident);
	saved->ident = NULL;
	saved->has_ident = false;
	saved->parent = node->parent;
	saved->is_set = true;
	node->epoch = replay->epoch;
}

static void take_moment(const struct replay *replay, struct replay_moment *moment)
{
	moment->event = replay->counts.events;
	moment->time_ns = replay->counts.time_ns;
	moment->live_contexts = replay->nodes.live;
	moment->live_chunks = replay->live;
	moment->requested_bytes = replay->requested;
}

void replay_new_peak(struct replay *replay)
{
	take_moment(replay, &replay->peak);
	replay->peak.figures.total_bytes = replay->total;
	replay->epoch++;
	nodes_purge(&replay->nodes);
}

/* A node as it stands in the tree now or at the peak. */
struct standing {
	const struct snapshot_figures *figures; /* NULL: those of now */
	const struct lists *lists;              /* where it is listed and figures are not NULL */
	uint64_t peak_total_bytes;
	const char *ident;
	uint32_t parent;
};

/* Whether a node stands in the tree, and how. */
static bool find_standing(
	const struct replay *replay, uint32_t at, bool peak, struct standing *standing)
{
	const struct node *node = &replay->nodes.hot[at];
	const struct node_cold *cold = &replay->nodes.cold[at];
	const struct node_saved *saved = &cold->saved;

	standing->figures = NULL;
	standing->ident = cold->ident;
	standing->parent = node->parent;
	if (!peak || (node->state == NODE_LIVE && node->epoch < replay->epoch))
		return node->state == NODE_LIVE;
	standing->figures = &replay->nodes.saved[saved->figures];
	standing->lists = NULL;
	if (replay->nodes.saved_lists != NULL)
		standing->lists = &replay->nodes.saved_lists[saved->lists];
	standing->peak_total_bytes = saved->peak_total_bytes;
	standing->parent = saved->parent;
	if (saved->has_ident)
		standing->ident = saved->ident;
	return saved->is_set;
}

/* ---- Moments ------------------------------------------------------------------------------ */

/* The classes as they are, where a context that stands in the tree has others than powers of two.
 */
static void sum_lists(const struct replay *replay, bool peak, struct lists *sum)
{
	const struct nodes *nodes = &replay->nodes;
	struct snapshot_figures now;
	struct lists lists;
	uint64_t greatest, listed = 0;

	memset(sum, 0, sizeof(*sum));
	if (nodes->listed == 0)
		return;
	for (uint32_t at = nodes->first; at != 0; at = nodes->hot[at].next) {
		struct standing standing;

		if (!find_standing(replay, at, peak, &standing))
			continue;
		listed += nodes->cold[at].is_listed;
		if (!nodes->cold[at].is_listed && standing.figures == NULL) {
			take_figures(&nodes->hot[at], &now, &greatest);
			standing.figures = &now;
		}
		if (!nodes->cold[at].is_listed)
			lists_of_classes(&lists, standing.figures->classes);
		else if (standing.figures != NULL)
			lists = *standing.lists;
		else
			take_lists(&nodes->hot[at], &lists);
		lists_sum(sum, &lists);
	}
	if (listed == 0)
		sum->has = 0;
}

static void sum_figures(const struct replay *replay, bool peak, struct snapshot_figures *sum)
{
	const struct nodes *nodes = &replay->nodes;

	snapshot_fill(sum, 0);
	for (uint32_t at = nodes->first; at != 0; at = nodes->hot[at].next) {
		struct snapshot_figures now;
		struct standing standing;
		uint64_t greatest;

		if (!find_standing(replay, at, peak, &standing))
			continue;
		if (standing.figures == NULL) {
			take_figures(&nodes->hot[at], &now, &greatest);
			standing.figures = &now;
		}
		snapshot_sum(sum, standing.figures);
	}
}

/* A dry replay's sums over 64 bits are not known. */
static void hide_overflow(const struct replay *replay, struct replay_moment *moment)
{
	if (replay->overflow)
		moment->live_chunks = moment->requested_bytes = SNAPSHOT_UNKNOWN;
}

void replay_now(const struct replay *replay, struct replay_moment *moment)
{
	take_moment(replay, moment);
	hide_overflow(replay, moment);
	sum_figures(replay, false, &moment->figures);
	sum_lists(replay, false, &moment->lists);
}

void replay_peak(const struct replay *replay, struct replay_moment *moment)
{
	*moment = replay->peak;
	sum_figures(replay, true, &moment->figures);
	sum_lists(replay, true, &moment->lists);
	if (replay->dry)
		snapshot_fill(&moment->figures, SNAPSHOT_UNKNOWN);
}

const struct replay_counts *replay_counts(const struct replay *replay)
{
	const struct nodes *nodes = &replay->nodes;
	struct replay_counts *shown = replay->shown;
	uint64_t placed;

	*shown = replay->counts;
	shown->threads = replay->threads.used > 0 ? replay->threads.used : 1;
	if (replay->overflow)
		shown->peak_live_chunks = shown->peak_requested_bytes = SNAPSHOT_UNKNOWN;
	if (replay->dry)
		return shown;
	shown->carved = replay->carved_gone;
	for (uint32_t at = nodes->first; at != 0; at = nodes->hot[at].next) {
		struct memctx_stats stats;

		if (nodes->hot[at].state != NODE_LIVE)
			continue;
		replay_node_stats(&nodes->hot[at], &stats);
		shown->carved += stats.carved;
	}
	placed = shown->ops[TRACE_ALLOC] + replay->based + replay->moved;
	if (placed > shown->carved + shown->large)
		shown->reused = placed - shown->carved - shown->large;
	return shown;
}

/* ---- Snapshots ---------------------------------------------------------------------------- */

/* The tree that is to be written: for each place, its links, and its index in the snapshot. */
struct links {
	uint32_t parent, first, last, younger, index;
};

static bool link_standing(const struct replay *replay, bool peak, struct links *links)
{
	const struct nodes *nodes = &replay->nodes;
	bool any = false;

	for (uint32_t at = nodes->first; at != 0; at = nodes->hot[at].next) {
		struct standing standing;
		struct links *above;

		if (!find_standing(replay, at, peak, &standing))
			continue;
		links[at].parent = standing.parent;
		above = &links[standing.parent];
		if (above->last != 0)
			links[above->last].younger = at;
		else
			above->first = at;
		above->last = at;
		any = true;
	}
	return any;
}

static int write_lists(const struct node *node, const struct standing *standing,
	struct snapshot_context *context, struct snapshot *snapshot)
{
	struct lists now;

	if (standing->figures != NULL)
		return snapshot_set_lists(snapshot, context, standing->lists);
	take_lists(node, &now);
	return snapshot_set_lists(snapshot, context, &now);
}

static int write_context(const struct replay *replay, uint32_t at, bool peak, struct links *links,
	struct snapshot *snapshot)
{
	const struct node *node = &replay->nodes.hot[at];
	uint32_t parent = links[at].parent;
	struct snapshot_context *context;
	struct standing standing;

	find_standing(replay, at, peak, &standing);
	links[at].index = (uint32_t)snapshot->n;
	context =
		snapshot_add(snapshot, node->id, parent == 0 ? SNAPSHOT_NONE : links[parent].index,
			replay->nodes.cold[at].name, standing.ident, setting_kind_text(node->as));
	if (context == NULL)
		return -1;
	if (node->as != node->kind)
		snapshot->kinds_replaced++;
	if (standing.figures == NULL) {
		take_figures(node, &context->own, &context->peak_total_bytes);
	} else {
		context->own = *standing.figures;
		context->peak_total_bytes = standing.peak_total_bytes;
	}
	return replay->nodes.cold[at].is_listed ? write_lists(node, &standing, context, snapshot)
						: 0;
}

/* Writes the tree, parents first, siblings in order of creation. */
static int write_tree(
	const struct replay *replay, bool peak, struct links *links, struct snapshot *snapshot)
{
	uint32_t at = links[0].first;

	while (at != 0) {
		if (write_context(replay, at, peak, links, snapshot) != 0)
			return -1;
		if (links[at].first != 0) {
			at = links[at].first;
			continue;
		}
		while (at != 0 && links[at].younger == 0)
			at = links[at].parent;
		at = at == 0 ? 0 : links[at].younger;
	}
	return 0;
}

static struct snapshot *make_snapshot(const struct replay *replay, bool peak)
{
	struct snapshot *snapshot = snapshot_new();
	struct links *links = calloc(replay->nodes.end, sizeof(*links));
	uint64_t n = peak ? replay->peak.live_contexts : replay->nodes.live;
	int failed = snapshot == NULL || links == NULL || snapshot_reserve(snapshot, n) != 0;

	if (!failed && link_standing(replay, peak, links))
		failed = write_tree(replay, peak, links, snapshot) != 0;
	free(links);
	if (failed) {
		snapshot_free(snapshot);
		errno = ENOMEM;
		return NULL;
	}
	snapshot_finish(snapshot);
	snapshot->source = SNAPSHOT_REPLAY;
	snapshot->event = peak ? replay->peak.event : replay->counts.events;
	snapshot->time_ns = peak ? replay->peak.time_ns : replay->counts.time_ns;
	snapshot->events = replay->ended ? replay->counts.events : SNAPSHOT_UNKNOWN;
	return snapshot;
}

struct snapshot *replay_snapshot(const struct replay *replay)
{
	return make_snapshot(replay, false);
}

struct snapshot *replay_snapshot_peak(const struct replay *replay)
{
	return make_snapshot(replay, true);
}

/* ---- What an explanation of single events needs -------------------------------------------- */

memctx *replay_root(const struct replay *replay)
{
	return replay->root;
}

memctx *replay_context(const struct replay *replay, uint64_t id)
{
	uint32_t at = nodes_find(&replay->nodes, id);

	return at == 0 ? NULL : replay->nodes.hot[at].ctx;
}

void *replay_chunk(const struct replay *replay, uint64_t id)
{
	const struct idmap_entry *entry = idmap_find(&replay->chunks, id);

	if (!replay_lives(replay, entry))
		return NULL;
	return (void *)(entry->ptr & ~(uintptr_t)CHUNK_TAGS);
}
