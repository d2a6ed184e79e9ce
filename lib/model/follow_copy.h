/* SPDX-License-Identifier: MIT */
/*
 * Copying the rings of a live process, by those who take events off them or by a thread that does
 * nothing else, so that whatever the others take their time for loses nothing.
 *
 * A pass reads all heads at once, and of every ring the few entries that may follow its head; what
 * was there then is copied.  After the copy the head is read again: what the writer may have been
 * storing over meanwhile is dropped and counted.
 *
 * Invariant: entries below `copied` of a ring are in its queue, were given away, or are counted as
 * lost, once.
 */
#ifndef MEMCTX_MODEL_FOLLOW_COPY_H
#define MEMCTX_MODEL_FOLLOW_COPY_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "model/live.h"

/* Entries that a writer may be storing beyond what is written: an event with its texts. */
#define FOLLOW_BURST 160u

/* As many holes as a queue has; one more takes with it what stands between it and the last. */
#define FOLLOW_HOLES 32u

/* LOST entries are missing behind BEFORE entries, those behind the hole before it. */
struct follow_hole {
	size_t before;
	uint64_t lost;
};

/* Entries of a ring. */
struct follow_queue {
	struct region_event *entries; /* the first at FIRST */
	size_t first, n, room;
	uint32_t n_holes;
	struct follow_hole holes[FOLLOW_HOLES];
};

static inline bool follow_is_empty(const struct follow_queue *queue)
{
	return queue->n == 0 && queue->n_holes == 0;
}

struct copied_ring {
	struct follow_queue queue;
	uint64_t copied; /* entries copied so far, or lost */
	uint64_t gap;    /* what the header says of gaps, as far as it was noted */
	bool has_paused; /* and that is to be told */
	uint32_t tid;
};

struct copier {
	struct live *live; /* its own */
	struct copied_ring rings[REGION_RINGS];
	uint32_t nrings;   /* those from it on were never made */
	uint64_t lost;     /* of their entries */
	uint64_t ringless; /* events that the process had no ring for, since it began */
	size_t waiting;    /* entries in its queues */
	size_t beyond;     /* those that were given away and wait still */
	uint64_t passes;
	int status;       /* of the last pass: 0; -1: the region cannot be read, -3: no memory */
	atomic_int order; /* keeps copies apart; its value means nothing */
	pthread_mutex_t lock;
	/* Of the threads: see follow_thread.c. */
	pthread_t thread, waker;
	sem_t hurry;
	atomic_int cpu;
	atomic_bool is_hasty, is_stopping;
	bool has_lock, has_thread, has_waker;
};

/* Copies of what LIVE shows.  False: no memory, or no descriptor. */
bool copier_init(struct copier *copier, const struct live *live);
void copier_fini(struct copier *copier);

/* Copies what the rings have, unless as much waits as memory is for.  Sets `status`. */
void copier_pass(struct copier *copier);

/*
 * How many entries of a ring are written, and make whole events; FROM: what it was before.  It may
 * be too low, where a place was written over just now, but not below SHARED's head, and never is it
 * too high.
 */
uint64_t copier_written(struct copier *copier, const struct region_ring *shared, uint64_t from);

/* The first entry of a ring that no writer stores over as long as no more than HEAD are written. */
uint64_t copier_oldest(const struct region_ring *shared, uint64_t head);

/* How many entries stand in front of the first hole. */
static inline size_t follow_ready(const struct follow_queue *queue)
{
	return queue->n_holes > 0 ? queue->holes[0].before : queue->n;
}

/* Moves all of FROM behind what is in TO, which has room for its holes.  False: no memory. */
bool follow_append(struct follow_queue *to, struct follow_queue *from);

/* A thread makes the passes, until it is ended.  False: there is none. */
bool copier_start(struct copier *copier);
void copier_stop(struct copier *copier);

#endif
