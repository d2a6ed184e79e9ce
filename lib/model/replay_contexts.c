/* SPDX-License-Identifier: MIT */
/*
 * Lines about contexts: create, ident, reset, resetonly, delete, deletechildren, move.
 *
 * A context's end takes three walks over what ends: figures are put aside, the allocator deletes,
 * the nodes end; so nothing has changed when the first of them finds a reason not to go on.
 */
#include "model/lists.h"
#include "model/own.h"
#include "model/replay_inner.h"
#include "model/study.h"

#include <string.h>

/* ---- create ------------------------------------------------------------------------------- */

/* Whatever a bump's sizes, larger chunks have blocks of their own. */
#define BUMP_LARGEST 8176u

static size_t clamp_size(uint64_t size)
{
	return size > PTRDIFF_MAX ? PTRDIFF_MAX : (size_t)size;
}

_Static_assert((int)TRACE_ASET == MEMCTX_ASET && (int)TRACE_SLAB == MEMCTX_SLAB &&
		       (int)TRACE_GENERATION == MEMCTX_GENERATION &&
		       (int)TRACE_BUMP == MEMCTX_BUMP && (int)TRACE_MALLOC == MEMCTX_MALLOC,
	"a trace's kinds are the library's");

/*
 * The kind and options of a context as the trace has them, or the settings in their place, brought
 * to what can be: the format bounds none of them, so a maximum below the first block is raised to
 * it, and what no machine has is left for the memory bound to refuse.
 */
static struct memctx_options options_of(const struct replay *replay,
	const struct trace_event *event, const char *name, enum memctx_kind *kind)
{
	const struct trace_create *create = event->create;
	struct memctx_options options = {
		.init_size = clamp_size(create->init),
		.max_size = clamp_size(create->max),
		.min_size = clamp_size(create->min),
		.chunk_size = clamp_size(create->chunk),
		.classes = create->classes == 4 ? MEMCTX_CLASSES_FINE : MEMCTX_CLASSES_POW2,
	};

	*kind = (enum memctx_kind)event->kind;
	if (event->kind == TRACE_SLAB && options.init_size == 0 && options.max_size == 0)
		options.init_size = options.max_size = clamp_size(create->block);
	settings_apply(replay->settings, replay->nsettings, name, kind, &options);
	return options;
}

/*
 * The least size that does not take the short way: that may be a large chunk, whose free gives
 * memory back, as that of any chunk may in other kinds than aset; or that is bound by a rule of the
 * kind.
 */
static uint32_t plain_below(const struct trace_event *event, enum memctx_kind kind,
	const struct memctx_options *options)
{
	size_t max = options->max_size != 0 ? options->max_size : MEMCTX_DEFAULT_OPTIONS.max_size;
	uint32_t limit = 8u << (MEMCTX_CLASSES - 1);

	if (kind != MEMCTX_ASET || event->kind == TRACE_SLAB || event->kind == TRACE_BUMP)
		return 0;
	if (max < 1024)
		max = 1024;
	while (limit > max / 4)
		limit /= 2;
	/* The largest fine class within it is at least half of it. */
	return (options->classes == MEMCTX_CLASSES_FINE ? limit / 2 : limit) + 1;
}

/* As the kind bump has it: the largest size that is no large chunk. */
static uint32_t bump_limit(const struct memctx_options *options)
{
	size_t max = options->max_size != 0 ? options->max_size : MEMCTX_DEFAULT_OPTIONS.max_size;
	size_t limit = (max < 1024 ? 1024 : max) / 4 & ~(size_t)15;

	return limit < BUMP_LARGEST ? (uint32_t)limit : BUMP_LARGEST;
}

static char *copy_text(const char *text, size_t length)
{
	char *copy = own_alloc(length + 1);

	if (copy != NULL) {
		memcpy(copy, text, length);
		copy[length] = '\0';
	}
	return copy;
}

/* A context of the library's, or a pool and the context that stands for it. */
static memctx *new_context(struct replay *replay, memctx *parent, const char *name,
	const char *ident, enum memctx_kind kind, const struct memctx_options *options,
	struct study **study)
{
	if ((unsigned)kind <= MEMCTX_WATCH)
		return memctx_create(parent, name, ident, kind, options);
	return replay_study_new(replay, parent, name, ident, kind, options->chunk_size, study);
}

/* What a context takes at once. */
static uint64_t first_bytes(enum memctx_kind kind, const struct memctx_options *options)
{
	uint64_t first =
		options->init_size > options->min_size ? options->init_size : options->min_size;

	if ((unsigned)kind > MEMCTX_WATCH)
		return STUDY_OWN;
	return first != 0 ? first : MEMCTX_DEFAULT_OPTIONS.init_size;
}

/* Whether its classes are not the powers of two, and are known one by one. */
static bool is_listed(enum memctx_kind kind, const struct memctx_options *options)
{
	size_t object = options->chunk_size != 0 ? options->chunk_size : STUDY_PYINT_OBJECT;

	if ((unsigned)kind == SETTING_PYINT)
		return lists_place((object + 7) & ~(size_t)7) >= 0;
	return (unsigned)kind == SETTING_STL ||
	       (kind == MEMCTX_ASET && options->classes == MEMCTX_CLASSES_FINE);
}

/* What is known of a context AT that was just made. */
static void note_made(struct replay *replay, const struct trace_event *event, uint32_t at,
	enum memctx_kind kind, const struct memctx_options *options)
{
	struct node *node = &replay->nodes.hot[at];

	node->kind = event->kind;
	node->chunk_size = event->create->chunk;
	node->as = (uint8_t)kind;
	node->plain = plain_below(event, kind, options);
	node->bump_limit = bump_limit(options);
	node->epoch = replay->epoch;
	replay_note_total(replay, node);
	replay->counts.contexts_created++;
	replay->counts.kinds_replaced += node->as != node->kind;
}

/* The allocator's part of a create line; its copy of the strings is the node's. */
static enum replay_step make_context(struct replay *replay, const struct trace_event *event,
	uint32_t parent, char *name, char *ident)
{
	enum memctx_kind kind;
	struct memctx_options options = options_of(replay, event, name, &kind);
	struct study *study = NULL;
	memctx *ctx = NULL;
	uint32_t at;
	bool listed = !replay->dry && is_listed(kind, &options);

	if (listed && nodes_reserve_lists(&replay->nodes) != 0) {
		own_free(name);
		own_free(ident);
		return replay_no_memory(
			replay, event, nodes_bytes(&replay->nodes) * 2, "the table of classes");
	}
	if (!replay->dry) {
		ctx = new_context(
			replay, replay->nodes.hot[parent].ctx, name, ident, kind, &options, &study);
		if (ctx == NULL) {
			own_free(name);
			own_free(ident);
			return replay_refused(
				replay, event, TRACE_FIELD_WORD, 0, first_bytes(kind, &options));
		}
	}
	at = nodes_add(&replay->nodes, event->ctx, parent, name, ident);
	replay->nodes.hot[at].ctx = ctx;
	if (listed)
		nodes_set_listed(&replay->nodes, at);
	if (study != NULL)
		replay_study_begin(replay, at, study);
	note_made(replay, event, at, kind, &options);
	return replay_done(replay, event);
}

static void end_tree(struct replay *replay, uint32_t top);

enum replay_step replay_create(struct replay *replay, const struct trace_event *event)
{
	const struct trace_create *create = event->create;
	uint32_t old = nodes_find(&replay->nodes, event->ctx);
	bool has_parent = (event->has & TRACE_HAS_PARENT) != 0;
	uint32_t parent = has_parent ? nodes_find(&replay->nodes, event->id2) : 0;
	char *name, *ident = NULL;

	if (old != 0 && !replay->lost)
		return replay_refuse_field(replay, event, REPLAY_SKIP_TAKEN, TRACE_FIELD_CTX,
			"context", "is live already; expected an id that names no live context");
	/* What the new context takes its id over from goes first, with all below it. */
	if (has_parent &&
		(parent == 0 || (old != 0 && nodes_is_below(&replay->nodes, parent, old))))
		return replay_dead_context(replay, event, TRACE_FIELD_PARENT);
	name = copy_text(create->name, create->name_len);
	if (create->ident != NULL)
		ident = copy_text(create->ident, create->ident_len);
	if (name == NULL || (create->ident != NULL && ident == NULL) ||
		replay_grow_nodes(replay) != 0) {
		own_free(name);
		own_free(ident);
		return replay_no_memory(
			replay, event, nodes_bytes(&replay->nodes) * 2, "the table of contexts");
	}
	if (old != 0)
		end_tree(replay, old);
	return make_context(replay, event, parent, name, ident);
}

/* ---- ident -------------------------------------------------------------------------------- */

enum replay_step replay_ident(struct replay *replay, const struct trace_event *event)
{
	uint32_t at = nodes_find(&replay->nodes, event->ctx);
	const struct node_saved *saved = &replay->nodes.cold[at].saved;
	struct node *node = &replay->nodes.hot[at];
	size_t length = event->create->ident_len;
	char *ident;

	if (at == 0)
		return replay_dead_context(replay, event, TRACE_FIELD_CTX);
	ident = copy_text(event->create->ident, length);
	if (ident == NULL)
		return replay_no_memory(replay, event, length, "an ident");
	if (!replay->dry) {
		replay_before_change(replay, at);
		if (memctx_set_ident(node->ctx, ident) != 0) {
			own_free(ident);
			return replay_refused(replay, event, TRACE_FIELD_WORD, 0, length);
		}
		replay_note_total(replay, node);
	}
	nodes_set_ident(&replay->nodes, at, ident, saved->is_set && !saved->has_ident);
	return replay_done(replay, event);
}

/* ---- Ends --------------------------------------------------------------------------------- */

/* Takes a node's chunks out of the sums. */
static void drop_live(struct replay *replay, uint32_t at)
{
	struct node *node = &replay->nodes.hot[at];

	replay_drop_bases(replay, at);
	replay->live -= node->live;
	replay->requested -= node->requested;
	node->live = node->requested = 0;
}

/* What must be known of a context before the allocator deletes it. */
static void before_end(struct replay *replay, uint32_t at)
{
	struct node *node = &replay->nodes.hot[at];
	struct memctx_stats stats;

	replay_before_change(replay, at);
	replay_node_stats(node, &stats);
	replay->carved_gone += stats.carved;
	replay->total -= node->total;
}

static void end_node(struct replay *replay, uint32_t at)
{
	bool zombie = !replay->dry && replay->nodes.cold[at].saved.is_set;

	drop_live(replay, at);
	if (replay->nodes.hot[at].study != NULL)
		replay_study_end(replay, at);
	nodes_end(&replay->nodes, at, zombie);
}

/* Ends the nodes below TOP, leaves first. */
static void end_nodes_below(struct replay *replay, uint32_t top)
{
	for (uint32_t at = nodes_leaf(&replay->nodes, top); at != top;) {
		uint32_t parent = replay->nodes.hot[at].parent;

		end_node(replay, at);
		at = nodes_leaf(&replay->nodes, parent);
	}
}

/* Deletes every context below TOP. */
static void end_below(struct replay *replay, uint32_t top)
{
	struct nodes *nodes = &replay->nodes;

	if (nodes->hot[top].child == 0)
		return;
	if (!replay->dry) {
		for (uint32_t at = nodes_walk(nodes, top, top); at != 0;
			at = nodes_walk(nodes, top, at))
			before_end(replay, at);
		memctx_delete_children(nodes->hot[top].ctx);
	}
	end_nodes_below(replay, top);
}

/* Deletes a context with every one below it. */
static void end_tree(struct replay *replay, uint32_t top)
{
	struct nodes *nodes = &replay->nodes;

	if (!replay->dry) {
		for (uint32_t at = top; at != 0; at = nodes_walk(nodes, top, at))
			before_end(replay, at);
		memctx_delete(nodes->hot[top].ctx);
	}
	end_nodes_below(replay, top);
	end_node(replay, top);
}

/* Makes the entries of a node's chunks dead; when its eras are used up, all of them go. */
static void new_era(struct replay *replay, struct node *node)
{
	node->era++;
	if (node->era < IDMAP_LAST_ERA)
		return;
	replay_sweep_chunks(replay);
	node->era = 0;
}

enum replay_step replay_reset(struct replay *replay, const struct trace_event *event)
{
	uint32_t at = nodes_find(&replay->nodes, event->ctx);
	struct node *node = &replay->nodes.hot[at];
	bool only = event->op == TRACE_RESETONLY;
	bool empty;

	if (at == 0)
		return replay_dead_context(replay, event, TRACE_FIELD_CTX);
	empty = node->live == 0 && replay->nodes.cold[at].bases == NULL;
	if (empty && (only || node->child == 0))
		replay->counts.empty_resets++;
	if (!only)
		end_below(replay, at);
	if (!replay->dry) {
		replay_before_change(replay, at);
		if (node->study != NULL)
			replay_study_reset(node);
		else
			memctx_reset_only(node->ctx);
		replay_note_total(replay, node);
	}
	if (!empty) {
		drop_live(replay, at);
		new_era(replay, node);
	}
	node->resets++;
	return replay_done(replay, event);
}

enum replay_step replay_delete(struct replay *replay, const struct trace_event *event)
{
	uint32_t at = nodes_find(&replay->nodes, event->ctx);

	if (at == 0)
		return replay_dead_context(replay, event, TRACE_FIELD_CTX);
	if (event->op == TRACE_DELETE)
		end_tree(replay, at);
	else
		end_below(replay, at);
	return replay_done(replay, event);
}

/* ---- move --------------------------------------------------------------------------------- */

enum replay_step replay_move(struct replay *replay, const struct trace_event *event)
{
	struct nodes *nodes = &replay->nodes;
	uint32_t at = nodes_find(nodes, event->ctx);
	bool has_parent = (event->has & TRACE_HAS_PARENT) != 0;
	uint32_t parent = has_parent ? nodes_find(nodes, event->id2) : 0;

	if (at == 0)
		return replay_dead_context(replay, event, TRACE_FIELD_CTX);
	if (has_parent && parent == 0)
		return replay_dead_context(replay, event, TRACE_FIELD_PARENT);
	if (has_parent && nodes_is_below(nodes, parent, at))
		return replay_refuse_field(replay, event, REPLAY_SKIP_CYCLE, TRACE_FIELD_PARENT,
			"context", "is the one to move, or below it; expected one outside of it");
	if (!replay->dry) {
		replay_before_change(replay, at);
		if (memctx_set_parent(nodes->hot[at].ctx, nodes->hot[parent].ctx) != 0)
			return replay_refused(replay, event, TRACE_FIELD_WORD, 0, 0);
	}
	nodes_move(nodes, at, parent);
	return replay_done(replay, event);
}
