/* SPDX-License-Identifier: MIT */
/*
 * What the allocator did at an event: a replay applied one event at a time, the context concerned
 * looked at before and after.
 *
 * Free chunks are named by the chunk that last lived in their place.  For this the address of
 * each chunk that is freed is remembered with its id while its context keeps it on a list; what is
 * remembered is bounded by the chunks that live and that lie on lists.
 */
#ifndef MEMCTX_MODEL_EXPLAIN_H
#define MEMCTX_MODEL_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "memctx.h"
#include "model/replay.h"

enum {
	EXPLAIN_LINKS = 16,
	EXPLAIN_LISTS = MEMCTX_LISTS_MAX,
	EXPLAIN_NAME = 128,
	EXPLAIN_TEXT = 512
};

enum explain_link_kind {
	EXPLAIN_CHUNK, /* the chunk id lived there */
	EXPLAIN_CUT,   /* nothing lived there: cut from the tail of a full block */
	EXPLAIN_BASE,  /* a chunk of a base line, which has no id */
};

struct explain_link {
	uint64_t id;
	enum explain_link_kind kind;
};

/* A freelist from its head. */
struct explain_chain {
	uint64_t length; /* all of it */
	int n;           /* links[0 … n), at most EXPLAIN_LINKS */
	struct explain_link links[EXPLAIN_LINKS];
};

struct explain_list {
	int number;     /* freelist[number], as in replay_look.h: several may share a class */
	int size_class; /* the power of two, 8 << size_class, that holds its chunks */
	uint64_t bytes; /* of its chunks, at most */
	struct explain_chain before, after;
};

struct explain_event {
	uint64_t number;
	struct trace_event event; /* without what it points to */
	bool skipped; /* with keep_going: it is in error; or an id that lost events made */
	bool has_context;
	uint64_t context;        /* the context concerned: the one named, or the chunk's owner */
	char name[EXPLAIN_NAME]; /* what it is called, cut; with its ident */
	char did[EXPLAIN_TEXT];  /* phrases with "; " between them */
	int n_lists;             /* the list concerned first, then every other that changed */
	struct explain_list lists[EXPLAIN_LISTS];
};

/* What a context is called, with its ident (NULL: none), cut. */
void explain_name(char out[static EXPLAIN_NAME], const char *name, const char *ident);

struct explain;

/* For a replay that has applied nothing, or nothing that names are wanted of; NULL with ENOMEM. */
struct explain *explain_new(struct replay *replay);
void explain_free(struct explain *explain);

/*
 * Applies events until EVENT (a number) has been applied, remembering what is freed where.  1:
 * there, 0: the trace ended before, -1: *ERROR.
 */
int explain_run(struct explain *explain, uint64_t event, struct replay_error *error);

/* As replay_wash(), for the replay and what is remembered here. */
void explain_wash(struct explain *explain);

/*
 * Called by explain_run() after each event that was not skipped, with its number, its word, and the
 * serial number of the context concerned (struct replay_life).
 */
typedef void explain_note_fn(uint64_t number, enum trace_op op, uint64_t serial, void *arg);
void explain_note(struct explain *explain, explain_note_fn *note, void *arg);

/* Applies the next event and says what happened.  1: *EVENT, 0: the end, -1: *ERROR. */
int explain_next(struct explain *explain, struct explain_event *event, struct replay_error *error);

/* What the next event is about, without applying it. */
struct explain_subject {
	uint64_t number; /* the event's, if it is one that counts */
	enum trace_op op;
	bool has_context;
	uint64_t context;  /* as in struct explain_event */
	const memctx *ctx; /* NULL: it does not live (yet) */
	const char *name;  /* of the context; NULL: there is none */
	const char *ident; /* NULL: none */
};

/* 1: *SUBJECT, whose pointers live until the next event; 0: the end, -1: *ERROR. */
int explain_peek(
	struct explain *explain, struct explain_subject *subject, struct replay_error *error);

/* CTX's freelist of a number as it is now. */
void explain_chain(
	struct explain *explain, const memctx *ctx, int number, struct explain_chain *chain);

/* Who lived last at the address of a free chunk of CTX. */
struct explain_link explain_last_there(
	const struct explain *explain, const memctx *ctx, const void *address);

#endif
