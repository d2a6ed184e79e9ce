/* SPDX-License-Identifier: MIT */
/*
 * What the allocator did at an event: see explain.h.
 */
#include "model/explain.h"

#include <stdio.h>
#include <string.h>

#include "model/called.h"
#include "model/explain_inner.h"
#include "model/own.h"
#include "model/replay_look.h"

struct explain {
	struct replay *replay;
	struct explain_gone gone;
	struct explain_state before, after;
	explain_note_fn *note; /* NULL: nobody asks */
	void *note_arg;
};

struct explain *explain_new(struct replay *replay)
{
	struct explain *explain = own_zalloc(1, sizeof(*explain));

	if (explain == NULL)
		return NULL;
	explain->replay = replay;
	if (explain_gone_init(&explain->gone, replay) != 0) {
		own_free(explain);
		return NULL;
	}
	return explain;
}

void explain_free(struct explain *explain)
{
	if (explain == NULL)
		return;
	explain_gone_fini(&explain->gone);
	own_free(explain);
}

struct explain_link explain_last_there(
	const struct explain *explain, const memctx *ctx, const void *address)
{
	return explain_gone_last(&explain->gone, ctx, address);
}

void explain_wash(struct explain *explain)
{
	explain_gone_wash(&explain->gone);
	replay_wash(explain->replay);
}

/* ---- Applying, remembering what leaves its place -------------------------------------- */

static int no_memory(struct replay_error *error)
{
	error->status = 3;
	error->line = error->column = 0;
	snprintf(error->message, sizeof(error->message), "out of memory");
	return -1;
}

/* Applies EVENT, which comes next; *APPLIED: it was not skipped.  0, or -1 with *ERROR. */
static int apply(struct explain *explain, const struct trace_event *event, bool *applied,
	struct replay_error *error)
{
	struct explain_leaving leaving = explain_gone_before(&explain->gone, event);
	struct replay_progress was = replay_progress(explain->replay);
	struct replay_life life = leaving.life;
	uint64_t ctx = event->ctx;
	enum trace_op op = (enum trace_op)event->op;

	if (explain->note != NULL && op != TRACE_FREE && op != TRACE_REALLOC)
		replay_look_life(explain->replay, ctx, &life);
	if (replay_run(explain->replay, was.events + 1, UINT64_MAX, error) < 0)
		return -1;
	*applied = replay_progress(explain->replay).skipped == was.skipped;
	if (!*applied)
		return 0;
	if (explain->note != NULL) {
		if (op == TRACE_CREATE)
			replay_look_life(explain->replay, ctx, &life);
		explain->note(was.events + 1, op, life.serial, explain->note_arg);
	}
	return explain_gone_after(&explain->gone, event, &leaving) == 0 ? 0 : no_memory(error);
}

void explain_note(struct explain *explain, explain_note_fn *note, void *arg)
{
	explain->note = note;
	explain->note_arg = arg;
}

int explain_run(struct explain *explain, uint64_t event, struct replay_error *error)
{
	while (replay_progress(explain->replay).events < event) {
		const struct trace_event *next;
		int got = replay_peek(explain->replay, &next, error);
		bool applied;

		/* A line in error may have the number of an event. */
		if (replay_progress(explain->replay).events >= event)
			break;
		if (got <= 0)
			return got;
		if (apply(explain, next, &applied, error) != 0)
			return -1;
	}
	return 1;
}

/* ---- Looking at a context ------------------------------------------------------------- */

struct chain_walk {
	const struct explain *explain;
	const memctx *ctx;
	struct explain_chain *chain;
};

static bool chain_link(const struct memctx_chunk_info *info, void *arg)
{
	struct chain_walk *walk = arg;

	walk->chain->links[walk->chain->n++] =
		explain_last_there(walk->explain, walk->ctx, info->address);
	return walk->chain->n < EXPLAIN_LINKS;
}

/* The list of NUMBER as it is now. */
static void look_list(
	const struct explain *explain, const memctx *ctx, int number, struct explain_list *list)
{
	struct chain_walk walk = {explain, ctx, &list->after};
	struct replay_look_list seen;

	replay_look_list(explain->replay, ctx, number, &seen);
	list->number = number;
	list->size_class = seen.size_class;
	list->bytes = seen.bytes;
	list->after.length = seen.length;
	list->after.n = 0;
	if (seen.length > 0)
		replay_look_each_listed(explain->replay, ctx, number, chain_link, &walk);
}

void explain_chain(
	struct explain *explain, const memctx *ctx, int number, struct explain_chain *chain)
{
	struct explain_list list;

	look_list(explain, ctx, number, &list);
	*chain = list.after;
}

static bool block_seen(const struct memctx_block_info *block, void *arg)
{
	struct explain_state *state = arg;

	state->blocks += !block->is_large;
	if (block->is_open)
		state->open = *block;
	return true;
}

static void look_below(
	const struct explain *explain, const memctx *ctx, struct explain_state *state)
{
	struct memctx_stats stats;

	for (const memctx *c = memctx_walk(ctx, ctx); c != NULL; c = memctx_walk(ctx, c)) {
		replay_look_stats(explain->replay, c, &stats);
		state->below++;
		state->below_bytes += stats.total_bytes;
		state->below_blocks += stats.total_nblocks;
	}
}

/* Whether the event is about what stands below its context as well. */
static bool reaches_below(const struct trace_event *event)
{
	return event->op == TRACE_RESET || event->op == TRACE_DELETE ||
	       event->op == TRACE_DELETECHILDREN;
}

static bool names_chunk(const struct trace_event *event)
{
	return event->op == TRACE_ALLOC || event->op == TRACE_REALLOC || event->op == TRACE_FREE;
}

static void look_chunk(const struct explain *explain, const memctx *ctx,
	const struct replay_look *found, struct explain_place *place)
{
	place->is_there = replay_look_describe(explain->replay, found, &place->info);
	if (place->is_there)
		place->list = replay_look_list_of(explain->replay, ctx, &place->info);
}

/* Looks at CTX, which may be NULL, and at the chunk of the id CHUNK where EVENT names one. */
static void look(const struct explain *explain, const struct trace_event *event, memctx *ctx,
	const uint64_t *chunk, struct explain_state *state)
{
	struct memctx_overhead overhead;
	struct replay_look found;

	memset(state, 0, sizeof(*state));
	memctx_overhead(&overhead);
	state->cached = overhead.cached_bytes;
	state->ctx = ctx;
	if (ctx == NULL)
		return;
	replay_look_stats(explain->replay, ctx, &state->stats);
	state->n_lists = replay_look_lists(explain->replay, ctx);
	for (int k = 0; k < state->n_lists; k++)
		look_list(explain, ctx, k, &state->lists[k]);
	replay_look_each_block(explain->replay, ctx, block_seen, state);
	if (reaches_below(event))
		look_below(explain, ctx, state);
	if (chunk != NULL && names_chunk(event) &&
		replay_look_chunk(explain->replay, *chunk, &found))
		look_chunk(explain, ctx, &found, &state->chunk);
}

/* ---- The next event ------------------------------------------------------------------- */

/* The context that EVENT is about: named, or the owner of the chunk. */
static bool subject_of(
	const struct explain *explain, const struct trace_event *event, uint64_t *context)
{
	struct replay_look chunk;

	if (event->op != TRACE_FREE && event->op != TRACE_REALLOC) {
		*context = event->ctx;
		return true;
	}
	if (!replay_look_chunk(explain->replay, event->chunk, &chunk))
		return false;
	*context = chunk.context;
	return true;
}

int explain_peek(
	struct explain *explain, struct explain_subject *subject, struct replay_error *error)
{
	const struct trace_event *event;
	int got = replay_peek(explain->replay, &event, error);

	if (got <= 0)
		return got;
	memset(subject, 0, sizeof(*subject));
	subject->number = replay_progress(explain->replay).events + 1;
	subject->op = (enum trace_op)event->op;
	subject->has_context = subject_of(explain, event, &subject->context);
	if (subject->has_context)
		subject->ctx = replay_context(explain->replay, subject->context);
	if (subject->ctx != NULL) {
		subject->name = memctx_name(subject->ctx);
		subject->ident = memctx_ident(subject->ctx);
	} else if (event->op == TRACE_CREATE) {
		subject->name = event->create->name;
		subject->ident = event->create->ident;
	}
	return 1;
}

void explain_name(char out[static EXPLAIN_NAME], const char *name, const char *ident)
{
	if (called_by_ident(name, ident))
		snprintf(out, EXPLAIN_NAME, "%s", ident);
	else
		snprintf(out, EXPLAIN_NAME, "%s%s%s", name, ident != NULL ? " " : "",
			ident != NULL ? ident : "");
}

static bool same_chain(const struct explain_chain *a, const struct explain_chain *b)
{
	if (a->length != b->length || a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->links[i].id != b->links[i].id || a->links[i].kind != b->links[i].kind)
			return false;
	return true;
}

static void add_list(struct explain_event *out, const struct explain *explain, int number)
{
	const struct explain_state *before = &explain->before, *after = &explain->after;
	struct explain_list *list = &out->lists[out->n_lists++];

	*list = (number < after->n_lists ? after : before)->lists[number];
	list->before = before->lists[number].after;
	list->after = after->lists[number].after;
}

/*
 * The list that the event is about: the one that its chunk was taken from or put on, else the one
 * that was looked at and found empty.
 */
static int first_list(const struct explain *explain, const struct explain_facts *facts)
{
	const struct explain_place *now = &explain->after.chunk, *was = &explain->before.chunk;
	int old = was->is_there ? was->list : -1;

	if (!now->is_there)
		return old;
	if (was->is_there && now->info.address == was->info.address)
		return -1;
	return old >= 0 && !facts->reused ? old : now->list;
}

static void choose_lists(
	struct explain_event *out, const struct explain *explain, const struct explain_facts *facts)
{
	int first = first_list(explain, facts);

	out->n_lists = 0;
	if (first >= 0)
		add_list(out, explain, first);
	for (int k = 0; k < EXPLAIN_LISTS; k++)
		if (k != first && !same_chain(&explain->before.lists[k].after,
					  &explain->after.lists[k].after))
			add_list(out, explain, k);
}

struct cut_walk {
	struct explain_facts *facts;
	const char *from; /* where the tail began */
	struct memctx_block_info block;
};

static bool same_block(const struct memctx_block_info *block, void *arg)
{
	struct cut_walk *walk = arg;

	if (block->address != walk->facts->before->open.address)
		return true;
	walk->block = *block;
	return false;
}

static bool cut_piece(const struct memctx_chunk_info *info, void *arg)
{
	struct cut_walk *walk = arg;

	if ((const char *)info->address < walk->from)
		return true;
	walk->facts->pieces[walk->facts->n_pieces++] = info->size;
	return walk->facts->n_pieces < EXPLAIN_PIECES;
}

/* What the tail of the block that was open before was cut into, if it was. */
static void find_pieces(const struct explain *explain, struct explain_facts *facts)
{
	const struct explain_state *before = facts->before, *after = facts->after;
	struct cut_walk walk = {.facts = facts};

	if (before->ctx == NULL || after->ctx == NULL || after->stats.cut == before->stats.cut)
		return;
	walk.from = (const char *)before->open.address + before->open.carved;
	replay_look_each_block(explain->replay, after->ctx, same_block, &walk);
	if (walk.block.address != NULL)
		replay_look_each_chunk(explain->replay, after->ctx, &walk.block, cut_piece, &walk);
}

/* Which free chunk's place the event's chunk took, if it took one. */
static void find_reuse(const struct explain *explain, struct explain_facts *facts)
{
	const struct explain_state *before = facts->before, *after = facts->after;
	const struct explain_place *now = &after->chunk;

	if (!now->is_there || now->info.is_large || facts->event->op == TRACE_FREE ||
		(before->chunk.is_there && before->chunk.info.address == now->info.address) ||
		after->stats.carved != before->stats.carved)
		return;
	facts->reused = true;
	facts->reused_of = explain_last_there(explain, after->ctx, now->info.address);
}

/* What is known of EVENT before it is applied. */
static void note_before(struct explain *explain, const struct trace_event *event,
	struct explain_event *out, struct explain_facts *facts)
{
	struct replay_look chunk;
	memctx *parent = NULL;
	memctx *ctx;

	memset(out, 0, sizeof(*out));
	out->event = *event;
	out->number = replay_progress(explain->replay).events + 1;
	out->has_context = subject_of(explain, event, &out->context);
	ctx = out->has_context ? replay_context(explain->replay, out->context) : NULL;
	look(explain, event, ctx, event->op == TRACE_ALLOC ? NULL : &event->chunk,
		&explain->before);
	if (event->op == TRACE_CREATE)
		explain_name(out->name, event->create->name, event->create->ident);
	else if (ctx != NULL)
		explain_name(out->name, memctx_name(ctx), memctx_ident(ctx));
	if ((event->op == TRACE_CREATE || event->op == TRACE_MOVE) &&
		(event->has & TRACE_HAS_PARENT) != 0)
		parent = replay_context(explain->replay, event->id2);
	facts->parent = parent != NULL ? memctx_name(parent) : NULL;
	facts->took_over =
		event->op == TRACE_CREATE
			? ctx != NULL
			: event->op == TRACE_ALLOC && replay_progress(explain->replay).lost > 0 &&
				  replay_look_chunk(explain->replay, event->chunk, &chunk);
	if (event->op == TRACE_IDENT)
		facts->ident = event->create->ident;
}

static void note_after(struct explain *explain, const struct trace_event *event,
	struct explain_event *out, struct explain_facts *facts)
{
	bool renamed = event->op == TRACE_REALLOC && (event->has & TRACE_HAS_NEWCHUNK) != 0;
	memctx *ctx = out->has_context ? replay_context(explain->replay, out->context) : NULL;

	look(explain, event, ctx, renamed ? &event->id2 : &event->chunk, &explain->after);
	if (ctx != NULL)
		explain_name(out->name, memctx_name(ctx), memctx_ident(ctx));
	if (ctx != NULL && event->op == TRACE_CREATE &&
		strcmp(replay_look_kind(explain->replay, ctx), trace_kind_name(event->kind)) != 0)
		facts->kind = trace_kind_name(event->kind);
	if (ctx != NULL)
		facts->as = replay_look_kind(explain->replay, ctx);
	find_reuse(explain, facts);
	if (event->op == TRACE_ALLOC || event->op == TRACE_REALLOC)
		find_pieces(explain, facts);
	choose_lists(out, explain, facts);
	explain_say(out, facts);
}

int explain_next(struct explain *explain, struct explain_event *out, struct replay_error *error)
{
	struct explain_facts facts = {.before = &explain->before, .after = &explain->after};
	const struct trace_event *event;
	int got = replay_peek(explain->replay, &event, error);
	bool applied;

	if (got <= 0)
		return got;
	facts.event = event;
	note_before(explain, event, out, &facts);
	if (apply(explain, event, &applied, error) != 0)
		return -1;
	if (applied) {
		note_after(explain, event, out, &facts);
	} else {
		out->skipped = true;
		explain_phrase(out, "skipped");
	}
	if (event->op == TRACE_CREATE || event->op == TRACE_IDENT)
		out->event.create = NULL;
	return 1;
}
