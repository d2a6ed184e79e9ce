/* SPDX-License-Identifier: MIT */
/*
 * Replaying a trace: making, running, ending; the short way of alloc and free.
 *
 * Events are read in batches.  While one is applied, the place of the id of an event some way
 * ahead is fetched into the cache, and nearer, the header of the chunk that it names: with many
 * live chunks both would be misses.  The short way makes all its checks with few branches; what
 * fails one goes to the same event's function in replay_events.c, which judges from the start.
 */
#include "model/replay_inner.h"
#include "model/own.h"
#include "model/shortage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PEEK_AHEAD 12 /* events between the fetching of a chunk's header and its use */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static void own_memory_failed(struct replay_error *error)
{
	error->status = 3;
	error->line = error->column = 0;
	snprintf(error->message, sizeof(error->message), "out of memory at the start of a replay");
}

static int make_parts(struct replay *replay)
{
	replay->shown = own_zalloc(1, sizeof(*replay->shown));
	if (replay->shown == NULL || idmap_init(&replay->chunks) != 0 ||
		idmap_init(&replay->threads) != 0 || nodes_init(&replay->nodes) != 0)
		return -1;
	if (replay->dry)
		return 0;
	replay->root = memctx_create(NULL, "replay", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
	if (replay->root == NULL)
		return -1;
	replay->root_bytes = memctx_total(replay->root);
	replay->nodes.hot[0].ctx = replay->root;
	return 0;
}

struct replay *replay_new(struct trace_reader *reader, const struct replay_options *options,
	struct replay_error *error)
{
	struct replay *replay = own_zalloc(1, sizeof(*replay));

	if (replay == NULL) {
		own_memory_failed(error);
		return NULL;
	}
	replay->reader = reader;
	replay->keep_going = options->keep_going;
	replay->on_skip = options->on_skip;
	replay->arg = options->arg;
	replay->settings = options->settings;
	replay->nsettings = options->nsettings;
	replay->dry = options->dry;
	replay->counts.time_ns = SNAPSHOT_UNKNOWN;
	replay->peak.time_ns = SNAPSHOT_UNKNOWN;
	if (make_parts(replay) != 0) {
		own_memory_failed(error);
		replay_free(replay);
		return NULL;
	}
	replay->counts_own = options->memory == 0;
	replay->bound = options->memory != 0 ? options->memory : replay_machine_memory();
	replay_set_limit(replay);
	return replay;
}

void replay_free(struct replay *replay)
{
	if (replay == NULL)
		return;
	if (replay->root != NULL) {
		memctx_delete(replay->root);
		memctx_trim();
	}
	if (replay->nodes.hot != NULL) {
		for (uint32_t at = 1; at < replay->nodes.end; at++) {
			replay_drop_bases(replay, at);
			if (replay->nodes.hot[at].study != NULL)
				replay_study_end(replay, at);
		}
		nodes_fini(&replay->nodes);
	}
	idmap_fini(&replay->chunks);
	idmap_fini(&replay->threads);
	idmap_fini(&replay->studies);
	own_free(replay->shown);
	own_free(replay);
}

static inline __attribute__((always_inline)) enum replay_step apply_alloc(
	struct replay *replay, const struct trace_event *event, uint64_t hash, bool dry)
{
	uint32_t at = nodes_find(&replay->nodes, event->ctx);
	struct node *node = &replay->nodes.hot[at];
	struct idmap_entry *entry = idmap_find_hashed(&replay->chunks, hash, event->chunk);
	void *chunk = NULL;

	/* Node 0, where the context does not live, has no plain size. */
	if (unlikely(event->size >= node->plain || event->has != 0 || entry->node != 0 ||
		     replay->chunks.used >= replay->chunks.limit))
		return replay_alloc(replay, event);
	if (!dry) {
		replay_before_change(replay, at);
		chunk = memctx_alloc(node->ctx, event->size);
		if (unlikely(chunk == NULL))
			return replay_refused(replay, event, TRACE_FIELD_SIZE, at, event->size);
		replay_note_total(replay, node);
	}
	entry = idmap_add(&replay->chunks, hash);
	entry->id = event->chunk;
	entry->ptr = (uintptr_t)chunk;
	entry->size = event->size;
	entry->node = at;
	entry->era = node->era & IDMAP_LAST_ERA;
	node->allocs++;
	node->live++;
	node->requested += event->size;
	replay_add_sums(replay, 1, event->size, dry);
	return replay_done(replay, event);
}

static inline __attribute__((always_inline)) enum replay_step apply_free(
	struct replay *replay, const struct trace_event *event, uint64_t hash, bool dry)
{
	struct idmap_entry *entry = idmap_find_hashed(&replay->chunks, hash, event->chunk);
	struct node *node = &replay->nodes.hot[entry->node];

	if (unlikely(entry->node == 0 || entry->era != node->era || (entry->ptr & CHUNK_TAGS) != 0))
		return replay_chunk_free(replay, event);
	if (!dry) {
		replay_before_change(replay, entry->node);
		memctx_free((void *)entry->ptr);
	}
	node->frees++;
	replay_take_live(replay, node, 1, entry->size);
	idmap_remove(&replay->chunks, hash, entry);
	replay->counts.events++;
	replay->counts.ops[TRACE_FREE]++;
	return STEP_DONE;
}

/* Computes the hash of event I's chunk and fetches its place. */
static inline void fetch_place(struct replay *replay, size_t i)
{
	uint64_t chunk = replay->events[i].chunk;

	replay->hashes[i] = idmap_hash(&replay->chunks, chunk);
	__builtin_prefetch(idmap_home(&replay->chunks, replay->hashes[i]), 1);
}

/*
 * Fetches the header of the chunk that event I names, if its entry stands at home as most do.  (A
 * call of a function that does nothing but this would be taken for one without effect.)
 */
static inline __attribute__((always_inline)) void fetch_chunk(const struct replay *replay, size_t i)
{
	uint64_t chunk = replay->events[i].chunk;
	struct idmap_entry *home = idmap_home(&replay->chunks, replay->hashes[i]);
	const struct idmap_entry *entry = idmap_choose(home, home->id != chunk);
	uintptr_t named = 0 - (uintptr_t)(entry->id == chunk);
	uintptr_t memory = (entry->ptr & named) | ((uintptr_t)entry & ~named);

	__builtin_prefetch((const void *)(memory - sizeof(uint64_t)), 1);
}

/*
 * Applies events of the batch, MAX at most.  STEP_DONE: all of those; an event that stops or
 * fails stays the next.
 */
static inline __attribute__((always_inline)) enum replay_step apply_batch(
	struct replay *replay, size_t max, bool dry)
{
	size_t end = replay->n - replay->at > max ? replay->at + max : replay->n;
	enum replay_step step = STEP_DONE;
	size_t i = replay->at;

	for (; i < end; i++) {
		const struct trace_event *event = &replay->events[i];
		uint64_t hash = replay->hashes[i];

		fetch_place(replay, i + REPLAY_AHEAD);
		if (!dry)
			fetch_chunk(replay, i + PEEK_AHEAD);
		if (event->op == TRACE_ALLOC)
			step = apply_alloc(replay, event, hash, dry);
		else if (event->op == TRACE_FREE)
			step = apply_free(replay, event, hash, dry);
		else if (event->op == TRACE_RESET)
			step = replay_reset(replay, event);
		else
			step = replay_other(replay, event);
		if (unlikely(step != STEP_DONE))
			break;
	}
	replay->at = i;
	return step;
}

/* 1: events are there, 0: the trace ends, -1: *ERROR. */
static int read_batch(struct replay *replay, struct replay_error *error)
{
	ptrdiff_t n = trace_read(replay->reader, replay->events, REPLAY_BATCH);
	const struct trace_error *cause;

	replay->at = 0;
	replay->n = n > 0 ? (size_t)n : 0;
	if (n > 0) {
		for (size_t i = 0; i < REPLAY_AHEAD; i++)
			fetch_place(replay, i);
		return 1;
	}
	if (n == 0) {
		replay->ended = true;
		return 0;
	}
	cause = trace_last_error(replay->reader);
	error->status = is_shortage(cause->system) ? 3 : 1;
	error->line = cause->line;
	error->column = cause->column;
	memcpy(error->message, cause->message, sizeof(error->message));
	return -1;
}

int replay_run(struct replay *replay, uint64_t event, uint64_t time_ns, struct replay_error *error)
{
	replay->error = error;
	replay->stop_time = time_ns;
	while (replay->counts.events < event) {
		uint64_t most = event - replay->counts.events;
		enum replay_step step;

		if (replay->at == replay->n) {
			int got = read_batch(replay, error);

			if (got <= 0)
				return got;
			replay_shrink_chunks(replay);
		}
		step = replay->dry ? apply_batch(replay, most, true)
				   : apply_batch(replay, most, false);
		if (step != STEP_DONE)
			return step == STEP_STOP ? 1 : -1;
	}
	return 1;
}

int replay_peek(struct replay *replay, const struct trace_event **event, struct replay_error *error)
{
	replay->error = error;
	replay->stop_time = UINT64_MAX;
	for (;;) {
		if (replay->at == replay->n) {
			int got = read_batch(replay, error);

			if (got <= 0)
				return got;
		}
		*event = &replay->events[replay->at];
		if ((*event)->op < TRACE_OPS)
			return 1;
		if (replay_other(replay, *event) != STEP_DONE)
			return -1;
		fetch_place(replay, replay->at + REPLAY_AHEAD);
		replay->at++;
	}
}
