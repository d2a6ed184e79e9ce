/* SPDX-License-Identifier: MIT */
/*
 * What the files of the replayer share; nobody else includes it.
 *
 * An event is judged whole before anything changes, so none is ever half applied: a function
 * that applies one checks in the order of the line's fields, then takes the memory it needs, then
 * changes the allocator and the figures together.
 *
 * Invariants after every event: total is the sum of the nodes' total, each memctx_total() of its
 * context; live and requested are the sums of the nodes'; chunks names every live chunk of the
 * trace, besides entries whose era is over; no total has been greater than
 * peak.figures.total_bytes.
 */
#ifndef MEMCTX_MODEL_REPLAY_INNER_H
#define MEMCTX_MODEL_REPLAY_INNER_H

#include "memctx.h"
#include "model/idmap.h"
#include "model/nodes.h"
#include "model/replay.h"
#include "model/trace.h"

#define REPLAY_BATCH 128 /* events read at once */
#define REPLAY_AHEAD 32  /* events between the fetching of an id's place and its use */

/* The low bits of a chunk entry's ptr, which its alignment leaves free. */
#define CHUNK_LARGE 1u /* freeing or resizing it may give memory back; a bump's: it is large */
#define CHUNK_BUMP 2u  /* it may not be freed */
#define CHUNK_KEPT 4u  /* it cannot be freed: its context is replayed as a bump */
#define CHUNK_TAGS 7u

/* What applying an event yields. */
enum replay_step {
	STEP_DONE,   /* applied or skipped */
	STEP_STOP,   /* it lies after the time to stop at; nothing changed */
	STEP_FAILED, /* replay->error tells; nothing changed */
};

/* The chunks of one size that base lines made in a context. */
struct base_chunks {
	uint64_t count;
	size_t room;   /* of chunks */
	void **chunks; /* NULL in a dry replay */
};

struct replay {
	struct idmap chunks;
	struct nodes nodes;
	uint64_t live;  /* see struct node for the order of these */
	uint64_t epoch; /* of the latest peak */
	uint64_t requested;
	uint64_t total;
	struct replay_counts counts;
	struct replay_moment peak; /* its figures: total_bytes alone */

	struct trace_reader *reader;
	size_t at, n; /* events[at … n) are to be applied */
	uint64_t stop_time;
	struct replay_error *error;
	void (*on_skip)(const struct replay_error *error, void *arg);
	void *arg;
	const struct setting *settings;
	size_t nsettings;
	bool keep_going, dry, lost;
	bool ended;      /* the trace has been applied to its end */
	bool overflow;   /* a dry sum passed 64 bits */
	bool counts_own; /* the bound is the machine's, so the replay's own memory counts too */
	uint64_t bound;  /* most bytes */

	memctx *root; /* above all roots of the trace; not part of any figure */
	uint64_t root_bytes;
	uint64_t moved;              /* chunks that a realloc gave another place */
	uint64_t based;              /* chunks that base lines made */
	uint64_t carved_gone;        /* memctx_stats().carved of contexts that are deleted */
	uint64_t base_live;          /* those of live that base lines made */
	uint64_t base_bytes;         /* of the tables of base chunks */
	struct idmap threads;        /* those seen */
	struct idmap studies;        /* contexts that are pools: see replay_study.c */
	struct replay_counts *shown; /* counts, with what is summed on demand */

	/* The batch, followed by empty events; and the hash of each one's chunk, so far as reached.
	 */
	struct trace_event events[REPLAY_BATCH + REPLAY_AHEAD];
	uint64_t hashes[REPLAY_BATCH + REPLAY_AHEAD];
};

/* ---- replay_events.c: whatever is not the short way of alloc and free -------------------- */

enum replay_step replay_alloc(struct replay *replay, const struct trace_event *event);
enum replay_step replay_chunk_free(struct replay *replay, const struct trace_event *event);
enum replay_step replay_realloc(struct replay *replay, const struct trace_event *event);
/* Every other line. */
enum replay_step replay_other(struct replay *replay, const struct trace_event *event);

/* SIZE in a slab is not its chunk size. */
enum replay_step replay_wrong_size(
	struct replay *replay, const struct trace_event *event, const struct node *node);
/* Whether a chunk of SIZE bytes in NODE stands alone in its block. */
bool replay_is_large(const struct node *node, const void *chunk, uint64_t size, uint64_t align);

/* Whether the entry's chunk lives. */
static inline bool replay_lives(const struct replay *replay, const struct idmap_entry *entry)
{
	return entry->node != 0 && replay->nodes.hot[entry->node].era == entry->era;
}

/* ---- replay_contexts.c: lines about contexts ---------------------------------------------- */

enum replay_step replay_create(struct replay *replay, const struct trace_event *event);
enum replay_step replay_ident(struct replay *replay, const struct trace_event *event);
enum replay_step replay_reset(struct replay *replay, const struct trace_event *event);
enum replay_step replay_delete(struct replay *replay, const struct trace_event *event);
enum replay_step replay_move(struct replay *replay, const struct trace_event *event);

/* ---- replay_base.c ------------------------------------------------------------------------ */

enum replay_step replay_base(struct replay *replay, const struct trace_event *event);
enum replay_step replay_freebase(struct replay *replay, const struct trace_event *event);
/* Forgets a node's base chunks, whose memory goes otherwise. */
void replay_drop_bases(struct replay *replay, uint32_t at);

/* ---- replay_error.c ----------------------------------------------------------------------- */

/*
 * The event is in error: FIELD is at fault.  With keep_going it is counted and skipped, else the
 * replay stops.
 */
enum replay_step replay_refuse(struct replay *replay, const struct trace_event *event,
	enum replay_skip why, enum trace_field field, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The same with WHAT and EXPECTED, which the field stands between as the line has it. */
enum replay_step replay_refuse_field(struct replay *replay, const struct trace_event *event,
	enum replay_skip why, enum trace_field field, const char *what, const char *expected);
enum replay_step replay_dead_context(
	struct replay *replay, const struct trace_event *event, enum trace_field field);
/* Counts a skipped event. */
void replay_skip(struct replay *replay, enum replay_skip why, bool numbered);
/* Says and skips a line that the reader found in error, the latest. */
void replay_skip_line(struct replay *replay, bool numbered);

/* An allocation of BYTES (or more, in AT's context) was refused. */
enum replay_step replay_refused(struct replay *replay, const struct trace_event *event,
	enum trace_field field, uint32_t at, uint64_t bytes);
/* The replay's own memory was refused: BYTES for WHAT. */
enum replay_step replay_no_memory(
	struct replay *replay, const struct trace_event *event, uint64_t bytes, const char *what);

/* ---- replay_memory.c ---------------------------------------------------------------------- */

/* Bytes that this process may still take, as far as the machine tells; some room is left. */
uint64_t replay_machine_memory(void);
/* Whether the replay may take BYTES more for itself. */
bool replay_may_take(const struct replay *replay, uint64_t bytes);
/* Sets the allocator's limit to what the replay's own memory leaves. */
void replay_set_limit(struct replay *replay);
/* Bytes that contexts may take in all. */
uint64_t replay_room(const struct replay *replay);
/* Drops the entries of chunks whose era is over. */
void replay_sweep_chunks(struct replay *replay);
/* Makes room for one more chunk entry.  0, or -1 with *BYTES that were refused. */
int replay_grow_chunks(struct replay *replay, uint64_t *bytes);
/* Makes room for one more node.  0 or -1. */
int replay_grow_nodes(struct replay *replay);
/* Gives back a table that is far too large for what lives. */
void replay_shrink_chunks(struct replay *replay);

/* ---- replay_study.c: contexts that are pools of study.h ------------------------------------ */

/* A context for a new pool, and the pool; NULL with ENOMEM.  AS is of setting.h. */
memctx *replay_study_new(struct replay *replay, memctx *parent, const char *name, const char *ident,
	unsigned as, size_t object, struct study **study);
/* The node at AT has that context and pool from here on; cannot fail. */
void replay_study_begin(struct replay *replay, uint32_t at, struct study *study);
/* Its pool goes; its context may be gone. */
void replay_study_end(struct replay *replay, uint32_t at);
void *replay_study_alloc(struct node *node, uint64_t size);
void replay_study_free(struct node *node, void *chunk, uint64_t size);
void *replay_study_resize(struct node *node, void *chunk, uint64_t size, uint64_t new_size);
void replay_study_reset(struct node *node);
bool replay_study_is_large(const struct node *node, const void *chunk, uint64_t size);
/* The figures of a node's context or pool. */
void replay_node_stats(const struct node *node, struct memctx_stats *stats);
/* Of a listed node: how many classes it has, and the figures of one. */
int replay_node_lists(const struct node *node);
void replay_node_list(const struct node *node, int list, struct memctx_class_stats *figures);

/* ---- replay_view.c ------------------------------------------------------------------------ */

/* Puts a node's figures aside before the first event that changes it after a peak. */
void replay_put_aside(struct replay *replay, uint32_t at);
/* Remembers this moment as the peak. */
void replay_new_peak(struct replay *replay);

static inline void replay_before_change(struct replay *replay, uint32_t at)
{
	if (__builtin_expect(replay->nodes.hot[at].epoch != replay->epoch, 0))
		replay_put_aside(replay, at);
}

/* Takes note of a node's total after an event that may have changed it. */
static inline void replay_note_total(struct replay *replay, struct node *node)
{
	uint64_t total;

	if (replay->dry)
		return;
	total = memctx_total(node->ctx);
	replay->total += total - node->total;
	node->total = total;
}

static inline void replay_note_peak(struct replay *replay)
{
	if (__builtin_expect(replay->total > replay->peak.figures.total_bytes, 0))
		replay_new_peak(replay);
}

/* The event has been applied. */
static inline enum replay_step replay_done(struct replay *replay, const struct trace_event *event)
{
	replay->counts.events++;
	replay->counts.ops[event->op]++;
	replay_note_peak(replay);
	return STEP_DONE;
}

/* Adds COUNT chunks of SIZE bytes to the sums; only in a dry replay can they pass 64 bits. */
static inline void replay_add_sums(struct replay *replay, uint64_t count, uint64_t size, bool dry)
{
	uint64_t live = replay->live + count;
	uint64_t requested = replay->requested + size * count;

	if (dry && (live < count || requested < size * count))
		replay->overflow = true;
	replay->live = live;
	replay->requested = requested;
	if (live > replay->counts.peak_live_chunks)
		replay->counts.peak_live_chunks = live;
	if (requested > replay->counts.peak_requested_bytes)
		replay->counts.peak_requested_bytes = requested;
}

/* The same, to a node, too. */
static inline void replay_add_live(
	struct replay *replay, struct node *node, uint64_t count, uint64_t size)
{
	node->live += count;
	node->requested += size * count;
	replay_add_sums(replay, count, size, replay->dry);
}

static inline void replay_take_live(
	struct replay *replay, struct node *node, uint64_t count, uint64_t size)
{
	node->live -= count;
	node->requested -= size * count;
	replay->live -= count;
	replay->requested -= size * count;
}

#endif
