/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the follower share: the rings as they were copied, and the contexts that are
 * known.
 */
#ifndef MEMCTX_MODEL_FOLLOW_INNER_H
#define MEMCTX_MODEL_FOLLOW_INNER_H

#include "model/follow.h"
#include "model/follow_copy.h"

/* A ring as far as it was given over by the copier. */
struct follow_ring {
	struct follow_queue queue;
	uint64_t position; /* entries taken off so far, or lost */
	uint64_t time_ns;  /* of the last time in it */
	uint32_t tid;
	bool has_more;   /* and more was copied than was given over */
	bool has_paused; /* recording was off: to be told */
};

struct follow {
	struct live *live;
	struct copier copier;
	enum follow_start start;
	struct follow_ring rings[REGION_RINGS];
	uint32_t nrings;               /* those from it on were never made */
	struct live_context *contexts; /* by unit */
	uint32_t room;                 /* of contexts */
	uint64_t lost;
	uint64_t ringless;              /* events that found no ring, as far as they were told */
	uint64_t settled[REGION_RINGS]; /* events of chunks below it are in what was found */
	unsigned stalls;     /* passes in a row after which nothing moved though something waits */
	uint64_t stalled_at; /* the last of them */
	uint64_t passes;     /* of the copier, when it gave over what it had */
	bool is_begun, is_closed;
};

/* What follows is told to whom. */
struct follow_out {
	follow_fn *func;
	void *arg;
	int status; /* 0; -2: stopped, -3: no memory */
};

/* An entry's number and op. */
static inline unsigned follow_op(const struct region_event *entry)
{
	return (unsigned)(entry->what >> REGION_OP_SHIFT) & REGION_OP_MASK;
}

static inline uint64_t follow_what(const struct region_event *entry)
{
	return entry->what & REGION_WHAT_MASK;
}

/* The entries that wait in a ring. */
static inline const struct region_event *follow_entries(const struct follow_ring *ring)
{
	const struct follow_queue *queue = &ring->queue;

	/* Nothing is added to the NULL of a ring that nothing was copied of. */
	return queue->first > 0 ? queue->entries + queue->first : queue->entries;
}

/* ---- follow_contexts.c ---- */
/* The context of UNIT, room made for it; NULL: there is no memory, or there can be no such unit. */
struct live_context *follow_context(struct follow *follow, uint32_t unit);
void follow_forget(struct live_context *context);
/* The unit of the context that WORD names, by a bin of its own or its part; UINT32_MAX: none. */
uint32_t follow_unit(const struct follow *follow, uint64_t word);
/* Learns what lives now; tells nothing.  0; 1: the region cannot be read; 3: no memory. */
int follow_learn_all(struct follow *follow);
/* Tells all that is known, parents first. */
bool follow_tell_all(struct follow *follow, struct follow_out *out);
/* Learns the context of UNIT as it is now, those above it first, and tells them. */
void follow_find(
	struct follow *follow, uint32_t unit, struct live_event *event, struct follow_out *out);

/* ---- follow_events.c ---- */
/* Whether ENTRY is one that belongs to the event before it. */
bool follow_is_part(const struct region_event *entry);
/*
 * Takes the event that RING (number INDEX) begins with: returns its entries, 0 where there is none.
 */
size_t follow_take(struct follow *follow, uint32_t index, struct follow_out *out);
/* Tells EVENT, with its context as it is known. */
void follow_tell(struct follow *follow, struct live_event *event, struct follow_out *out);

#endif
