/* SPDX-License-Identifier: MIT */
/*
 * Recording events in this thread's ring, for the files of the library.
 *
 * An event of the usual kind is two stores; the ring's memory is in the published region.  The
 * ring's head is stored where the clock is read alone: up to there a reader goes by the lap that
 * each entry's second word has, stored with release.  Of a record of several entries the first is
 * stored last, so that it appears whole.
 *
 * Invariant: the events of a context stand in an order that a reader can restore: a context's
 * `ring` is the one that holds its latest event, and a thread whose ring is another writes
 * first up to where that one has to be read before.
 */
#ifndef MCX_RING_H
#define MCX_RING_H

#include <time.h>

#include "internal.h"

/* At every entry whose number is a multiple of it the head is stored, and the clock may be read. */
#define MCX_RING_CLOCK REGION_HEAD_LAG

/* A ring in this process; one for each region_ring, never freed. */
struct mcx_ring {
	struct region_ring *shared;
	struct region_event *events;
	uint64_t mask; /* size - 1 */
};

/* Where this thread writes. */
struct mcx_writer {
	/* The next entry's address and lap, the ring above MCX_NUMBER_SHIFT; 0: there is none. */
	uint64_t next;
	struct mcx_ring *ring;
	uint64_t timed;   /* the entry before its latest time */
	uint64_t tick_ns; /* the coarse clock then */
};

extern MCX_TLS _Alignas(16) struct mcx_writer mcx_writer MCX_HIDDEN;

/*
 * Whether the process records: MCX_RING_OFF, or where threads have their writers, with
 * MCX_RING_SEVERAL from when a second ring was made.  Up to then every context's latest event is in
 * the first, and no context is asked.
 *
 * Among cache misses a load takes longer than ten other instructions, also one that hits: the
 * processor has only so many under way, and each keeps a miss further ahead from being begun.  So
 * this one, which is looked at anyway, tells where the writer is as well, and an entry's lap and
 * ring are in its address: a usual event loads nothing but `next`, and where it must, the context's
 * ring.
 */
#define MCX_RING_OFF ((uintptr_t)0)
#define MCX_RING_SEVERAL ((uintptr_t)1)
extern atomic_uintptr_t mcx_ring_on MCX_HIDDEN;

#if defined(__x86_64__) && (__GNUC__ >= 11 || __clang_major__ >= 14)
/* Where from the thread's pointer, which an address in an instruction may begin with. */
static inline uintptr_t mcx_writer_place(void)
{
	struct mcx_writer *writer = &mcx_writer;

	/* Else some compilers make an instruction of it that linkers do not know. */
	MCX_APART(writer);
	return (uintptr_t)writer - (uintptr_t)__builtin_thread_pointer();
}

static inline struct mcx_writer *mcx_writer_at(uintptr_t place)
{
	return (struct mcx_writer *)(void *)((char *)__builtin_thread_pointer() + (intptr_t)place);
}
#else
static inline uintptr_t mcx_writer_place(void)
{
	return _Alignof(struct mcx_writer);
}

static inline struct mcx_writer *mcx_writer_at(uintptr_t place)
{
	(void)place;
	return &mcx_writer;
}
#endif

/*
 * Makes this thread's ring the one of CTX, after a handoff where it was another's; makes the
 * ring first where there is none.  NULL: there can be none, and an event is lost.
 */
struct mcx_ring *mcx_ring_take(memctx *ctx) MCX_HIDDEN MCX_COLD;
/*
 * The rest of mcx_event(): where the ring is not CTX's yet, or the clock is due.  Returns the
 * address in WHAT.
 */
void *mcx_event_rare(memctx *ctx, uint64_t word, uint64_t what) MCX_HIDDEN MCX_COLD;

static inline uintptr_t mcx_ring_mode(void)
{
#ifdef MEMCTX_NO_RING
	return MCX_RING_OFF;
#else
	return atomic_load_explicit(&mcx_ring_on, memory_order_relaxed);
#endif
}

static inline bool mcx_ring_is_on(void)
{
	return mcx_likely(mcx_ring_mode() != MCX_RING_OFF);
}

static inline uint64_t mcx_what(enum region_op op, uint64_t number)
{
	return (uint64_t)op << REGION_OP_SHIFT | (number & REGION_WHAT_MASK);
}

static inline uint64_t mcx_context_word(const memctx *ctx)
{
	return (uint64_t)(uintptr_t)ctx << 16;
}

/* Addresses have 48 bits, and rings begin at pages. */
#define MCX_NUMBER_SHIFT 48
_Static_assert(REGION_RINGS <= 1u << 15, "a ring's number fits below the lap");

static inline bool mcx_clock_is_due(uint64_t next)
{
	return next % (MCX_RING_CLOCK * sizeof(struct region_event)) == 0;
}

static inline struct region_event *mcx_next_entry(uint64_t next)
{
	return (struct region_event *)(uintptr_t)(next << 16 >> 16);
}

static inline uint32_t mcx_next_ring(uint64_t next)
{
	return (uint32_t)(next << 1 >> (MCX_NUMBER_SHIFT + 1));
}

static inline void mcx_ring_store(struct region_event *event, uint64_t word, uint64_t what)
{
	__atomic_store_n(&event->word, word, __ATOMIC_RELAXED);
	__atomic_store_n(&event->what, what, __ATOMIC_RELEASE);
}

/*
 * Writes an event of one entry where nothing rare is due, else returns false and has done nothing.
 * MODE is not MCX_RING_OFF.
 *
 * memctx_alloc() and memctx_free() call it before they store anything themselves.  Their stores go
 * where the chunk's header word says, and until that has come from memory some processors hold back
 * the loads here, and with them the next cache misses.
 */
static inline bool mcx_event_usual(const memctx *ctx, uintptr_t mode, uint64_t word, uint64_t what)
{
	uintptr_t place = mode;
	uint64_t next;

	/* The thread's pointer is to be loaded for none of these. */
	if (mcx_unlikely(mode & MCX_RING_SEVERAL)) {
		place -= MCX_RING_SEVERAL;
		next = mcx_writer_at(place)->next;
		if (ctx->ring != mcx_next_ring(next))
			return false;
	} else {
		next = mcx_writer_at(place)->next;
	}
	if (mcx_unlikely(mcx_clock_is_due(next)))
		return false;
	MCX_APART(place);
	mcx_writer_at(place)->next = next + sizeof(struct region_event);
	mcx_ring_store(mcx_next_entry(next), word, what + (next & REGION_LAP));
	return true;
}

/*
 * One event of CTX of one entry, about RESULT, which it returns: a function that ends with an
 * event needs no frame, since what is rare is reached by a tail call.
 */
static inline void *mcx_event(memctx *ctx, uint64_t word, uint64_t what, void *result)
{
	uintptr_t mode = mcx_ring_mode();

	if (mode == MCX_RING_OFF || mcx_likely(mcx_event_usual(ctx, mode, word, what)))
		return result;
	return mcx_event_rare(ctx, word, what);
}

/* The same about CTX as a whole. */
static inline void mcx_event_context(memctx *ctx, enum region_op op)
{
	mcx_event(ctx, mcx_context_word(ctx), mcx_what(op, 0), NULL);
}

/* One event of CTX of N entries, seen by a reader all at once. */
void mcx_events(memctx *ctx, const struct region_event *entries, unsigned n) MCX_HIDDEN;

static inline uint64_t mcx_what_chunk(enum region_op op, const void *payload)
{
	return ((uint64_t)op << REGION_OP_SHIFT) + (uint64_t)(uintptr_t)payload;
}

/*
 * An event about PAYLOAD of CTX of any kind: with the size where the header word does not tell it,
 * where it was (FROM, NULL: here) and the alignment asked for (0: none).
 */
void mcx_event_chunk(memctx *ctx, enum region_op op, const void *payload, const void *from,
	size_t align) MCX_HIDDEN MCX_COLD;

/* The allocation of PAYLOAD, which has no header, of SIZE bytes aligned to ALIGN. */
void mcx_event_sized(
	memctx *ctx, const void *payload, size_t size, size_t align) MCX_HIDDEN MCX_COLD;

/* The events of the tree. */
void mcx_event_create(memctx *ctx, const struct memctx_options *options) MCX_HIDDEN;
void mcx_event_ident(memctx *ctx) MCX_HIDDEN MCX_COLD;
void mcx_event_delete(memctx *ctx) MCX_HIDDEN;
/* CTX leaves its parent: comes before mcx_event_move(), which tells of the new one. */
void mcx_event_leave(memctx *ctx) MCX_HIDDEN MCX_COLD;
void mcx_event_move(memctx *ctx) MCX_HIDDEN MCX_COLD;

/* What is published and recorded, for a world that is put aside. */
struct mcx_public {
	struct region_header *region;
	struct mcx_writer writer; /* of this thread; all zero: none */
	uintptr_t ring_on;
};

void mcx_public_swap(struct mcx_public *other) MCX_HIDDEN;

/* A thread ends: its ring is another's to take. */
void mcx_ring_end(void) MCX_HIDDEN;

/* ---- region.c ---- */
extern struct region_header *mcx_region MCX_HIDDEN; /* NULL: nothing is published */
extern char *mcx_region_rings MCX_HIDDEN;           /* where the rings lie */
#define MCX_RING_BYTES ((size_t)16 << 20)           /* all rings together */

/*
 * Reserves address space for contexts, with its shared part published where that is possible and
 * wanted; returns the first bank and how many there are, or NULL.
 */
char *mcx_region_map(size_t *banks) MCX_HIDDEN;
void mcx_region_unmap(void) MCX_HIDDEN;
/* Sends the region's descriptor to the tool that started the process to record it, if one did. */
void mcx_region_hand_over(int region) MCX_HIDDEN;

/* ring.c: of a region that was just made, and in a child after fork. */
void mcx_ring_start(void) MCX_HIDDEN;
void mcx_ring_stop(void) MCX_HIDDEN;
void mcx_ring_lock(void) MCX_HIDDEN;
void mcx_ring_unlock(void) MCX_HIDDEN;
/* Copies this thread's events to where they belong in the file of a child to be. */
bool mcx_ring_copy(int fd) MCX_HIDDEN;
/* Nanoseconds by CLOCK. */
uint64_t mcx_clock_ns(clockid_t clock) MCX_HIDDEN;
/* Stores this thread's head as it is. */
void mcx_ring_flush(void) MCX_HIDDEN;
void mcx_ring_child(void) MCX_HIDDEN;
/* unit.c */
void mcx_units_lock(void) MCX_HIDDEN;
void mcx_units_unlock(void) MCX_HIDDEN;
size_t mcx_units_used(void) MCX_HIDDEN;

#endif
