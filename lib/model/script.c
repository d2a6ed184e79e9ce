/* SPDX-License-Identifier: MIT */
/*
 * Making a script of a trace.
 *
 * A trace is judged by a replay: an event that it skipped is in no script.  Ids are looked up here;
 * a run has two arrays, of contexts and of chunks, and nothing else to find.
 */
#include "model/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/idmap.h"
#include "model/replay_look.h"
#include "model/trace.h"

struct maker {
	struct script *script;
	struct replay *replay;
	struct idmap contexts, chunks; /* id -> node: index + 1; size of chunks; ptr: the context */
	struct base {
		uint64_t size;
		uint32_t ctx, chunk;
	} * bases; /* chunks of base lines, the latest last */
	size_t nbases, bases_room;
};

static bool grow(void *array, size_t *room, size_t n, size_t size)
{
	size_t more = *room == 0 ? 1024 : *room * 2;
	void *grown;

	if (n < *room)
		return true;
	memcpy(&grown, array, sizeof grown);
	grown = realloc(grown, more * size);
	if (grown == NULL)
		return false;
	memcpy(array, &grown, sizeof grown);
	*room = more;
	return true;
}

static struct script_op *add_op(struct maker *maker, enum trace_op op, uint64_t event)
{
	struct script *script = maker->script;

	if (event >= UINT32_MAX ||
		!grow(&script->ops, &script->room, script->n, sizeof *script->ops))
		return NULL;
	script->ops[script->n] = (struct script_op){.op = (uint8_t)op, .event = (uint32_t)event};
	return &script->ops[script->n++];
}

static struct idmap_entry *entry_for(struct idmap *map, uint64_t id)
{
	struct idmap_entry *entry = idmap_find(map, id);

	if (entry->node != 0)
		return entry;
	if (map->used >= map->limit && idmap_rebuild(map, map->used + 1, NULL, NULL) != 0)
		return NULL;
	entry = idmap_add(map, idmap_hash(map, id));
	entry->id = id;
	return entry;
}

/* The index of a context or chunk that lives, the replay has said. */
static uint32_t index_of(const struct idmap *map, uint64_t id)
{
	return idmap_find(map, id)->node - 1;
}

static bool take_alloc(struct maker *maker, const struct trace_event *event, struct script_op *op)
{
	struct idmap_entry *entry = entry_for(&maker->chunks, event->chunk);

	if (entry == NULL)
		return false;
	op->ctx = index_of(&maker->contexts, event->ctx);
	op->chunk = maker->script->nchunks++;
	op->size = event->size;
	if (event->align > 8)
		op->align = (uint8_t)__builtin_ctzll(event->align);
	entry->node = op->chunk + 1;
	entry->size = event->size;
	entry->ptr = op->ctx;
	return true;
}

static bool take_resize(struct maker *maker, const struct trace_event *event, struct script_op *op)
{
	struct idmap_entry *entry = idmap_find(&maker->chunks, event->chunk);
	bool renamed = event->op == TRACE_REALLOC && (event->has & TRACE_HAS_NEWCHUNK) != 0;
	struct idmap_entry was = *entry;

	op->ctx = (uint32_t)was.ptr;
	op->chunk = was.node - 1;
	op->old_size = was.size;
	op->size = event->size;
	if (renamed)
		entry = entry_for(&maker->chunks, event->id2);
	if (entry == NULL)
		return false;
	entry->node = was.node;
	entry->ptr = was.ptr;
	entry->size = event->size;
	return true;
}

static bool take_create(struct maker *maker, const struct trace_event *event, struct script_op *op)
{
	struct script *script = maker->script;
	const memctx *ctx = replay_context(maker->replay, event->ctx);
	struct idmap_entry *entry = entry_for(&maker->contexts, event->ctx);
	const struct trace_create *create = event->create;
	size_t room = script->contexts_room;
	struct script_context *context;

	if (entry == NULL ||
		!grow(&script->contexts, &room, script->ncontexts, sizeof *script->contexts))
		return false;
	script->contexts_room = (uint32_t)room;
	op->ctx = script->ncontexts;
	op->chunk = SCRIPT_NONE;
	if ((event->has & TRACE_HAS_PARENT) != 0)
		op->chunk = index_of(&maker->contexts, event->id2);
	entry->node = op->ctx + 1;
	context = &script->contexts[script->ncontexts];
	*context = (struct script_context){.name = strdup(memctx_name(ctx)),
		.kind = memctx_kind_of(ctx),
		.options = {.init_size = create->init,
			.max_size = create->max,
			.min_size = create->min,
			.chunk_size = create->chunk,
			.classes = memctx_classes_of(ctx)}};
	if (context->options.init_size == 0 && context->options.max_size == 0)
		context->options.init_size = context->options.max_size = create->block;
	if (context->name == NULL)
		return false;
	script->ncontexts++;
	return true;
}

/* COUNT operations, the first of which is there already. */
static bool take_base(struct maker *maker, const struct trace_event *event, uint64_t number)
{
	struct script *script = maker->script;
	uint32_t ctx = index_of(&maker->contexts, event->ctx);
	struct script_op *op = &script->ops[--script->n];

	for (uint64_t i = 0; i < event->id2; i++) {
		op = add_op(maker, TRACE_ALLOC, number);
		if (op == NULL || !grow(&maker->bases, &maker->bases_room, maker->nbases,
					  sizeof *maker->bases))
			return false;
		op->ctx = ctx;
		op->chunk = script->nchunks++;
		op->size = event->size;
		maker->bases[maker->nbases++] = (struct base){event->size, ctx, op->chunk};
	}
	return true;
}

static bool take_freebase(
	struct maker *maker, const struct trace_event *event, struct script_op *op)
{
	uint32_t ctx = index_of(&maker->contexts, event->ctx);
	size_t i = maker->nbases;

	while (i > 0 && (maker->bases[i - 1].ctx != ctx || maker->bases[i - 1].size != event->size))
		i--;
	op->op = TRACE_FREE;
	op->ctx = ctx;
	op->old_size = event->size;
	op->chunk = i > 0 ? maker->bases[i - 1].chunk : SCRIPT_NONE;
	if (i > 0) {
		memmove(&maker->bases[i - 1], &maker->bases[i],
			(maker->nbases - i) * sizeof *maker->bases);
		maker->nbases--;
	}
	return true;
}

/* Takes an event that the replay has applied.  False: no memory. */
static bool take(struct maker *maker, const struct trace_event *event, uint64_t number)
{
	struct script_op *op = add_op(maker, (enum trace_op)event->op, number);

	if (op == NULL)
		return false;
	switch ((enum trace_op)event->op) {
	case TRACE_CREATE:
		return take_create(maker, event, op);
	case TRACE_ALLOC:
		return take_alloc(maker, event, op);
	case TRACE_REALLOC:
	case TRACE_FREE:
		return take_resize(maker, event, op);
	case TRACE_BASE:
		return take_base(maker, event, number);
	case TRACE_FREEBASE:
		return take_freebase(maker, event, op);
	case TRACE_IDENT:
		maker->script->n--; /* what it takes is no matter of kinds */
		return true;
	case TRACE_MOVE:
		op->chunk = SCRIPT_NONE;
		if ((event->has & TRACE_HAS_PARENT) != 0)
			op->chunk = index_of(&maker->contexts, event->id2);
		/* fallthrough */
	default:
		op->ctx = index_of(&maker->contexts, event->ctx);
		return true;
	}
}

/* After a lost line: whether what has the id of EVENT's context or chunk goes first. */
static bool takes_over(const struct maker *maker, const struct trace_event *event)
{
	struct replay_look chunk;

	if (replay_progress(maker->replay).lost == 0)
		return false;
	if (event->op == TRACE_CREATE)
		return replay_context(maker->replay, event->ctx) != NULL;
	return event->op == TRACE_ALLOC && replay_look_chunk(maker->replay, event->chunk, &chunk);
}

static bool take_end(struct maker *maker, const struct trace_event *event, uint64_t number)
{
	const struct idmap_entry *entry =
		idmap_find(event->op == TRACE_CREATE ? &maker->contexts : &maker->chunks,
			event->op == TRACE_CREATE ? event->ctx : event->chunk);
	struct script_op *op =
		add_op(maker, event->op == TRACE_CREATE ? TRACE_DELETE : TRACE_FREE, number);

	if (op == NULL)
		return false;
	op->ctx = event->op == TRACE_CREATE ? entry->node - 1 : (uint32_t)entry->ptr;
	op->chunk = entry->node - 1;
	op->old_size = entry->size;
	return true;
}

/* 0; 1: no memory; -1: *ERROR. */
static int take_all(struct maker *maker, struct replay_error *error)
{
	struct replay_progress end;
	const struct trace_event *event;
	int got;

	while ((got = replay_peek(maker->replay, &event, error)) > 0) {
		struct replay_progress was = replay_progress(maker->replay), now;
		struct trace_event copy = *event;
		bool over = takes_over(maker, event);

		if (replay_run(maker->replay, was.events + 1, UINT64_MAX, error) < 0)
			return -1;
		now = replay_progress(maker->replay);
		if (now.skipped != was.skipped)
			continue;
		if ((over && !take_end(maker, &copy, now.events)) ||
			!take(maker, &copy, now.events))
			return 1;
		if (maker->script->n > 0)
			maker->script->ops[maker->script->n - 1].requested = now.requested;
	}
	/* What is in error may stand behind all that was taken. */
	end = replay_progress(maker->replay);
	maker->script->events = end.events;
	maker->script->skipped = end.skipped;
	return got;
}

struct script *script_read(struct trace_reader *reader, const struct replay_options *options,
	struct replay_error *error)
{
	struct maker maker = {.script = calloc(1, sizeof *maker.script)};
	int status = 1;

	if (maker.script != NULL && idmap_init(&maker.contexts) == 0 &&
		idmap_init(&maker.chunks) == 0) {
		maker.replay = replay_new(reader, options, error);
		status = maker.replay != NULL ? take_all(&maker, error) : -1;
	}
	replay_free(maker.replay);
	idmap_fini(&maker.contexts);
	idmap_fini(&maker.chunks);
	free(maker.bases);
	if (status == 0)
		return maker.script;
	script_free(maker.script);
	if (status > 0) {
		error->status = 3;
		error->line = error->column = 0;
		strcpy(error->message, "out of memory for the trace's events");
	}
	return NULL;
}

void script_free(struct script *script)
{
	if (script == NULL)
		return;
	for (uint32_t i = 0; i < script->ncontexts; i++)
		free(script->contexts[i].name);
	free(script->contexts);
	free(script->ops);
	free(script);
}
