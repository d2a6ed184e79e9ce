/* SPDX-License-Identifier: MIT */
/*
 * What the files of explaining share; nobody else includes it.
 *
 *   explain.c       a context looked at before and after an event
 *   explain_gone.c  who lived last where
 *   explain_text.c  what happened, in words
 */
#ifndef MEMCTX_MODEL_EXPLAIN_INNER_H
#define MEMCTX_MODEL_EXPLAIN_INNER_H

#include "memctx.h"
#include "model/explain.h"
#include "model/idmap.h"
#include "model/replay_look.h"

/* A tail has no room for two of the largest class that it has room for. */
enum { EXPLAIN_PIECES = MEMCTX_CLASSES };

/* A chunk as it lies in memory. */
struct explain_place {
	bool is_there;
	struct memctx_chunk_info info; /* of the chunk behind an aligned one */
	int list;                      /* the number of the one for it; -1: it is large */
};

/* A context at one moment. */
struct explain_state {
	memctx *ctx; /* NULL: it does not live; then nothing below says anything */
	struct memctx_stats stats;
	int n_lists;
	struct explain_list lists[EXPLAIN_LISTS]; /* their chains in after */
	struct explain_place chunk;               /* that the event names */
	uint64_t blocks;                          /* large ones apart */
	struct memctx_block_info open;            /* the open block */
	uint64_t below;                           /* contexts */
	uint64_t below_bytes;                     /* that they took from the system */
	uint64_t below_blocks;
	uint64_t cached; /* bytes that the library keeps to be used again */
};

/* What is said about an event comes from these. */
struct explain_facts {
	const struct trace_event *event;
	const struct explain_state *before, *after;
	bool reused;                   /* a free chunk was taken: */
	struct explain_link reused_of; /* in the place of this one */
	bool took_over;                /* the id lived: what had it went first */
	int n_pieces;                  /* cut from the tail of the block that is full now */
	size_t pieces[EXPLAIN_PIECES]; /* their sizes, the first cut first */
	const char *parent;            /* create, move: the context above; NULL: none */
	const char *ident;             /* ident: the new one */
	const char *kind; /* create: as which kind it was asked for, if it is another */
	const char *as;   /* and what it is */
};

/* ---- explain_gone.c ---- */

struct explain_gone {
	struct replay *replay;
	struct idmap chunks;
	bool gives_back; /* a context that lives on may have given a block back */
};

/* The chunk that an event, which comes next, may take from its place. */
struct explain_leaving {
	const void *address; /* NULL: none is, or it is large */
	struct explain_link link;
	struct replay_life life;
	bool may_end_block; /* where it was the last of its block, that may go */
	uint64_t total;     /* bytes of all contexts before the event */
};

/* 0, or -1 with ENOMEM. */
int explain_gone_init(struct explain_gone *gone, struct replay *replay);
void explain_gone_fini(struct explain_gone *gone);
void explain_gone_wash(struct explain_gone *gone);
struct explain_leaving explain_gone_before(
	const struct explain_gone *gone, const struct trace_event *event);
/* EVENT was applied: what leaves is remembered.  0, or -1 with ENOMEM. */
int explain_gone_after(struct explain_gone *gone, const struct trace_event *event,
	const struct explain_leaving *leaving);
/* As explain_last_there(). */
struct explain_link explain_gone_last(
	const struct explain_gone *gone, const memctx *ctx, const void *address);

/* ---- explain_text.c ---- */

/* Says what happened in OUT->did. */
void explain_say(struct explain_event *out, const struct explain_facts *facts);

/* Appends a phrase to OUT->did. */
void explain_phrase(struct explain_event *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
