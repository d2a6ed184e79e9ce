/* SPDX-License-Identifier: MIT */
/*
 * A trace as a script: its events decoded, its ids replaced by indices, so that it can be run
 * again and again, with other kinds and sizes, at no more than the allocator's own cost.
 *
 * A script takes memory in proportion to the trace.
 */
#ifndef MEMCTX_MODEL_SCRIPT_H
#define MEMCTX_MODEL_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "memctx.h"
#include "model/replay.h"
#include "model/setting.h"
#include "model/snapshot.h"

struct script_op {
	uint64_t size, old_size; /* alloc, realloc; old_size: of realloc and free */
	uint64_t requested;      /* bytes asked for and live after it, by the trace alone */
	uint32_t ctx, chunk;     /* indices; of a create, chunk is the parent's or SCRIPT_NONE */
	uint32_t event;          /* its number; a base line makes several operations of one */
	uint8_t op;              /* enum trace_op: create, alloc, realloc, free, reset … move */
	uint8_t align;           /* log2; 0: none */
};

#define SCRIPT_NONE UINT32_MAX

/* A context of the script, as the trace has it. */
struct script_context {
	char *name;
	enum memctx_kind kind;
	struct memctx_options options;
};

struct script {
	struct script_op *ops;
	size_t n, room;
	struct script_context *contexts;
	uint32_t ncontexts, contexts_room;
	uint32_t nchunks;
	uint64_t events, skipped;
};

/*
 * Replays the trace of READER once and makes its script.  NULL with *ERROR: the trace is in error,
 * or memory is out, or it has 2^32 events or more.
 */
struct script *script_read(struct trace_reader *reader, const struct replay_options *options,
	struct replay_error *error);
void script_free(struct script *script);

/* One run of a script; of WATCH and BARE at most one is true. */
struct script_run {
	/* In. */
	const struct script *script;
	const struct setting *settings;
	size_t nsettings;
	size_t until;     /* operations to run; SIZE_MAX: all */
	const char *only; /* a name: allocate in contexts of that name alone; NULL: in all */
	bool watch;       /* look at the total after each operation */
	bool touch;       /* write every byte of each chunk, not one word */
	bool bare;       /* pools of study.h as they were, without what is kept to look into them */
	uint64_t *calls; /* counts what such pools ask of the system; NULL: nobody counts */
	void (*begin)(struct script_run *run); /* called before the first operation; may be NULL */
	/* Called before the contexts are deleted, with the context above all roots; may be NULL. */
	void (*look)(const memctx *top, struct script_run *run);
	void *arg;
	/* Out. */
	uint64_t ns;         /* that the operations took */
	uint64_t ops;        /* that were done on chunks and contexts */
	uint64_t not_done;   /* frees and reallocs that a bump cannot do */
	uint64_t peak_total; /* with watch: the greatest total, and the operation after it */
	size_t peak_op;
	struct script_stage *stage; /* while look() runs */
};

/* 0, or -1 where memory was refused: what was done then counts for nothing. */
int script_run(struct script_run *run);

/* What a look() may add up: the figures of all contexts, or those named NAME; not of bare pools. */
void script_sum(const struct script_run *run, const char *name, struct snapshot_figures *sum);

#endif
