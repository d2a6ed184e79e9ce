/* SPDX-License-Identifier: MIT */
/*
 * The event rings: one a thread, made at its first event, in the published region.
 *
 * A thread without a ring points at `unborn`, and its `next` is 0, so that the thread's first
 * event takes the cold way and finds it a ring: one that an ended thread left, or a new one while
 * the budget lasts.
 *
 * Invariant: under the lock, rings below `made` have memory of their own that never changes; a
 * ring with a tid is written by that thread alone.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chunk.h"
#include "ring.h"

#define RING_EVENTS_DEFAULT 16384u
#define RING_EVENTS_MAX ((size_t)1 << 24)
/* Entries between two times, at most; the first place after it is a multiple of MCX_RING_CLOCK. */
#define TIME_MOST (4 * MCX_RING_CLOCK)
#define TEXT_BYTES 15u
/* A creation with a name and an ident of 1,023 bytes each. */
#define TEXT_MAX 1023u
#define ENTRIES_MAX (5 + 2 * (TEXT_MAX / TEXT_BYTES + 1))

static struct mcx_ring unborn;
static struct mcx_ring rings[REGION_RINGS];
MCX_TLS _Alignas(16) struct mcx_writer mcx_writer = {.ring = &unborn};
atomic_uintptr_t mcx_ring_on;

static struct {
	pthread_mutex_t lock;
	unsigned made;
	size_t bytes;  /* of rings made */
	size_t events; /* of a new ring */
	bool is_set;   /* by memctx_set_ring(), which the environment does not overrule */
	bool is_on;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .events = RING_EVENTS_DEFAULT, .is_on = true};

void mcx_ring_lock(void)
{
	pthread_mutex_lock(&all.lock);
}

void mcx_ring_unlock(void)
{
	pthread_mutex_unlock(&all.lock);
}

/* ---- Time ---- */

uint64_t mcx_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * Whether a time is due at entry HEAD, where the clock may be read.  Reading the exact one waits
 * for all loads under way: where entries come so fast that the kernel's tick is the same, there is
 * a time every few of those places alone.
 */
static bool time_is_due(uint64_t head)
{
	uint64_t tick_ns = mcx_clock_ns(CLOCK_MONOTONIC_COARSE);

	if (tick_ns == mcx_writer.tick_ns && head - mcx_writer.timed < TIME_MOST)
		return false;
	mcx_writer.tick_ns = tick_ns;
	mcx_writer.timed = head;
	return true;
}

static struct region_event time_entry(void)
{
	return (struct region_event){mcx_clock_ns(CLOCK_MONOTONIC), mcx_what(REGION_TIME, 0)};
}

static uint64_t ring_number(const struct mcx_ring *ring)
{
	return (uint64_t)(ring - rings);
}

/* Whether this thread's ring has CTX's latest event. */
static bool is_here(const memctx *ctx)
{
	return mcx_writer.next != 0 && ctx->ring == mcx_next_ring(mcx_writer.next);
}

/*
 * Makes HEAD the head of this thread's RING, and the thread write there: usual events go up to the
 * next that the clock is read at.
 */
static void writer_aim(struct mcx_ring *ring, uint64_t head)
{
	__atomic_store_n(&ring->shared->head, head, __ATOMIC_RELEASE);
	mcx_writer.ring = ring;
	mcx_writer.next = (uintptr_t)&ring->events[head & ring->mask] |
			  region_lap(head, ring->mask + 1) | ring_number(ring) << MCX_NUMBER_SHIFT;
}

static void writer_end(void)
{
	mcx_writer = (struct mcx_writer){.ring = &unborn};
}

/* Entries that this thread has written to its ring: usual events do not store the head. */
static uint64_t writer_head(void)
{
	const struct mcx_ring *ring = mcx_writer.ring;
	uint64_t head = ring->shared->head;

	return head +
	       (((uint64_t)(mcx_next_entry(mcx_writer.next) - ring->events) - head) & ring->mask);
}

static bool is_written(const struct mcx_ring *ring, uint64_t number)
{
	return region_is_written(
		__atomic_load_n(&ring->events[number & ring->mask].what, __ATOMIC_ACQUIRE), number,
		ring->mask + 1);
}

/*
 * How many entries any ring has, in any thread: at least those that this thread knows of.  Those
 * behind the head are halved until the first that is not written is found, since each that is
 * looked at comes from another processor.  A place that was written over meanwhile looks like one
 * not yet written, but by then the head is beyond all that usual events added to what it was.
 */
static uint64_t ring_head(const struct mcx_ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->shared->head, __ATOMIC_ACQUIRE);
	uint64_t low = head, high = head + REGION_HEAD_LAG;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (is_written(ring, middle))
			low = middle + 1;
		else
			high = middle;
	}
	head = __atomic_load_n(&ring->shared->head, __ATOMIC_ACQUIRE);
	return head > low ? head : low;
}

static void ring_put(struct mcx_ring *ring, const struct region_event *entries, unsigned n)
{
	uint64_t head = writer_head();

	for (unsigned i = n; i-- > 0;)
		mcx_ring_store(&ring->events[(head + i) & ring->mask], entries[i].word,
			entries[i].what | region_lap(head + i, ring->mask + 1));
	writer_aim(ring, head + n);
}

/* ---- Threads come and go ---- */

/* A thread that gets a second ring sees it at once, others when they get a context from it. */
static void ring_mode_set(void)
{
	uintptr_t mode = mcx_writer_place() | (all.made > 1 ? MCX_RING_SEVERAL : 0);

	if (!all.is_on || mcx_region == NULL)
		mode = MCX_RING_OFF;
	atomic_store_explicit(&mcx_ring_on, mode, memory_order_release);
}

/* A ring that an ended thread left, or a new one; NULL: there is no room. */
static struct mcx_ring *ring_find(void)
{
	size_t bytes = all.events * sizeof(struct region_event);
	struct mcx_ring *ring;
	struct region_ring *shared;

	for (unsigned i = 0; i < all.made; i++)
		if (rings[i].shared->tid == 0)
			return &rings[i];
	/* Large rings leave room for those of more threads. */
	while (bytes > (MCX_RING_BYTES - all.bytes) / 4 &&
		bytes > 256 * sizeof(struct region_event))
		bytes /= 2;
	if (all.made == REGION_RINGS || bytes > MCX_RING_BYTES - all.bytes)
		return NULL;
	ring = &rings[all.made];
	shared = &mcx_region->ring[all.made];
	ring->mask = bytes / sizeof(struct region_event) - 1;
	ring->events = (struct region_event *)(void *)(mcx_region_rings + all.bytes);
	ring->shared = shared;
	shared->offset = mcx_region->rings + all.bytes;
	__atomic_store_n(&shared->size, (uint32_t)ring->mask + 1, __ATOMIC_RELEASE);
	all.bytes += bytes;
	all.made++;
	ring_mode_set();
	return ring;
}

static struct mcx_ring *ring_begin(void)
{
	struct mcx_ring *ring = NULL;

	if (mcx_region == NULL)
		return NULL;
	mcx_ring_lock();
	ring = ring_find();
	if (ring != NULL) {
		ring->shared->tid = (uint32_t)syscall(SYS_gettid);
		writer_aim(ring, ring->shared->head);
	}
	mcx_ring_unlock();
	/* So that the thread's end is noticed. */
	if (ring != NULL)
		mcx_cache_begin();
	return ring;
}

void mcx_ring_end(void)
{
	struct mcx_ring *ring = mcx_writer.ring;

	mcx_ring_flush();
	writer_end();
	if (ring == &unborn || mcx_region == NULL)
		return;
	mcx_ring_lock();
	ring->shared->tid = 0;
	mcx_ring_unlock();
}

static struct mcx_ring *ring_take(memctx *ctx)
{
	struct mcx_ring *ring = mcx_writer.ring;

	if (ring == &unborn)
		ring = ring_begin();
	if (ring == NULL)
		return NULL;
	if (ctx->ring != ring_number(ring)) {
		struct region_event entries[2];

		entries[0].word = mcx_context_word(ctx) | ctx->ring;
		entries[0].what = mcx_what(REGION_HANDOFF, 0);
		entries[1].word = ring_head(&rings[ctx->ring]);
		entries[1].what = mcx_what(REGION_HEAD, 0);
		ring_put(ring, entries, 2);
	}
	ctx->ring = (uint32_t)ring_number(ring);
	if (ctx->has_part)
		(ctx + 1)->ring = ctx->ring;
	return ring;
}

struct mcx_ring *mcx_ring_take(memctx *ctx)
{
	struct mcx_ring *ring = ring_take(ctx);

	if (ring == NULL && mcx_region != NULL)
		__atomic_fetch_add(&mcx_region->lost, 1, __ATOMIC_RELAXED);
	return ring;
}

/*
 * What happens to a context's place in the tree comes after all that was recorded of its PARENT
 * (may be NULL), and before what is recorded of that one next: goes before the event.  Where there
 * is no ring no event is lost yet: the one that follows is.
 */
static void ring_join(memctx *parent)
{
	if (parent != NULL && !is_here(parent))
		ring_take(parent);
}

void *mcx_event_rare(memctx *ctx, uint64_t word, uint64_t what)
{
	bool is_first = !is_here(ctx);
	struct mcx_ring *ring = is_first ? mcx_ring_take(ctx) : mcx_writer.ring;
	struct region_event entries[2] = {{word, what}};
	unsigned n = 1;

	if (ring != NULL) {
		uint64_t head = writer_head();

		if (is_first || (head % MCX_RING_CLOCK == 0 && time_is_due(head)))
			entries[n++] = time_entry();
		ring_put(ring, entries, n);
	}
	return (void *)(uintptr_t)(what & REGION_WHAT_MASK);
}

/* ---- Events of several entries ---- */

void mcx_events(memctx *ctx, const struct region_event *entries, unsigned n)
{
	struct mcx_ring *ring = mcx_writer.ring;
	uint64_t head;

	if (!mcx_ring_is_on())
		return;
	if (!is_here(ctx))
		ring = mcx_ring_take(ctx);
	if (ring == NULL)
		return;
	/* A ring that is too small shows the beginning; a shortened text is better than none. */
	if (n > (ring->mask + 1) / 2)
		n = (unsigned)(ring->mask + 1) / 2;
	head = writer_head();
	ring_put(ring, entries, n);
	if (head / MCX_RING_CLOCK != (head + n) / MCX_RING_CLOCK && time_is_due(head)) {
		struct region_event time = time_entry();

		ring_put(ring, &time, 1);
	}
}

void mcx_event_chunk(
	memctx *ctx, enum region_op op, const void *payload, const void *from, size_t align)
{
	struct region_event entries[4];
	unsigned n = 0;
	uint64_t word;

	if (!mcx_ring_is_on())
		return;
	word = mcx_word_load(payload);
	entries[n++] = (struct region_event){word, mcx_what_chunk(op, payload)};
	if (mcx_word_is_other(word) || ctx->has_part)
		entries[n++] = (struct region_event){
			ctx->methods->requested(ctx, payload), mcx_what(REGION_SIZE, 0)};
	if (align != 0)
		entries[n++] = (struct region_event){align, mcx_what(REGION_ALIGN, 0)};
	if (from != NULL)
		entries[n++] = (struct region_event){0, mcx_what_chunk(REGION_FROM, from)};
	mcx_events(ctx, entries, n);
}

void mcx_event_sized(memctx *ctx, const void *payload, size_t size, size_t align)
{
	const struct region_event entries[] = {
		{mcx_context_word(ctx) | (uint64_t)REGION_SIZED << 16 | MCX_TAG_OTHER,
			mcx_what_chunk(REGION_ALLOC, payload)},
		{size, mcx_what(REGION_SIZE, 0)},
		{align, mcx_what(REGION_ALIGN, 0)},
	};

	mcx_events(ctx, entries, 3);
}

static inline void text_entry(struct region_event *entry, enum region_op op, const char *bytes)
{
	memcpy(&entry->word, bytes, 8);
	memcpy(&entry->what, bytes + 8, 8);
	entry->what = (entry->what & (((uint64_t)1 << REGION_OP_SHIFT) - 1)) |
		      (uint64_t)op << REGION_OP_SHIFT;
}

/*
 * TEXT in entries of 15 bytes, at most TEXT_MAX of it; returns how many.  A reader stops at the 0
 * that ends it; what follows is whatever was there.
 */
static unsigned text_put(struct region_event *entries, enum region_op op, const char *text)
{
	size_t length = text != NULL ? strnlen(text, TEXT_MAX) : 0;
	unsigned n = 0;

	for (size_t at = 0; at < length; at += TEXT_BYTES) {
		char bytes[16] = {0};
		size_t size = length - at < TEXT_BYTES ? length - at : TEXT_BYTES;

		memcpy(bytes, text + at, size);
		text_entry(&entries[n++], op, bytes);
	}
	return n;
}

static struct region_event parent_entry(const memctx *ctx)
{
	return (struct region_event){
		mcx_context_word(ctx->parent), mcx_what(REGION_PARENT, mcx_record(ctx)->serial)};
}

/* Shapes that need not be told: what a reader takes a context for that has no REGION_INIT. */
#define SHAPE_DEFAULT 1

void mcx_event_create(memctx *ctx, const struct memctx_options *options)
{
	struct region_event entries[ENTRIES_MAX];
	const struct region_names *names = mcx_names(ctx);
	unsigned n = 0;

	ring_join(ctx->parent);
	entries[n++] =
		(struct region_event){mcx_context_word(ctx), mcx_what(REGION_CREATE, ctx->kind)};
	entries[n++] = parent_entry(ctx);
	if (ctx->shape != SHAPE_DEFAULT) {
		entries[n++] = (struct region_event){
			options->init_size, mcx_what(REGION_INIT, options->max_size)};
		entries[n++] = (struct region_event){
			options->min_size, mcx_what(REGION_MIN, options->align)};
		entries[n++] = (struct region_event){
			options->chunk_size, mcx_what(REGION_CHUNK, options->classes)};
	}
	/* The usual name is one entry, read where there are always bytes enough. */
	if (ctx->name == names->name && memchr(names->name, '\0', TEXT_BYTES + 1) != NULL)
		text_entry(&entries[n++], REGION_NAME_TEXT, names->name);
	else
		n += text_put(entries + n, REGION_NAME_TEXT, ctx->name);
	if (ctx->ident != NULL)
		n += text_put(entries + n, REGION_IDENT_TEXT, ctx->ident);
	mcx_events(ctx, entries, n);
}

void mcx_event_ident(memctx *ctx)
{
	struct region_event entries[ENTRIES_MAX];
	unsigned n = 0;

	if (!mcx_ring_is_on())
		return;
	entries[n++] = (struct region_event){
		mcx_context_word(ctx), mcx_what(REGION_IDENT, ctx->ident != NULL)};
	n += text_put(entries + n, REGION_IDENT_TEXT, ctx->ident);
	mcx_events(ctx, entries, n);
}

void mcx_event_delete(memctx *ctx)
{
	ring_join(ctx->parent);
	mcx_event_context(ctx, REGION_DELETE);
}

void mcx_event_leave(memctx *ctx)
{
	if (mcx_ring_is_on())
		ring_join(ctx->parent);
}

void mcx_event_move(memctx *ctx)
{
	struct region_event entries[2] = {
		{mcx_context_word(ctx), mcx_what(REGION_MOVE, 0)},
		parent_entry(ctx),
	};

	if (!mcx_ring_is_on())
		return;
	ring_join(ctx->parent);
	mcx_events(ctx, entries, 2);
}

/* ---- On and off ---- */

static void rings_switch(bool on)
{
	for (unsigned i = 0; i < all.made; i++) {
		if (on && !all.is_on)
			__atomic_store_n(
				&rings[i].shared->gap, ring_head(&rings[i]), __ATOMIC_RELEASE);
	}
	all.is_on = on;
	ring_mode_set();
	if (mcx_region != NULL)
		mcx_region->ring_events = on ? all.events : 0;
}

static void ring_set_size(size_t events)
{
	size_t size = 256;

	while (size < events && size < RING_EVENTS_MAX)
		size *= 2;
	while (size * sizeof(struct region_event) > MCX_RING_BYTES)
		size /= 2;
	all.events = size;
}

void memctx_set_ring(size_t events)
{
	mcx_ring_lock();
	all.is_set = true;
	if (events > 0)
		ring_set_size(events);
	rings_switch(events > 0);
	mcx_ring_unlock();
}

void mcx_ring_start(void)
{
	const char *text = secure_getenv("MEMCTX_RING");
	char *end;

	mcx_ring_lock();
	if (text != NULL && *text >= '0' && *text <= '9' && !all.is_set) {
		unsigned long long events = strtoull(text, &end, 10);

		if (*end == '\0' && events > 0)
			ring_set_size((size_t)events);
		if (*end == '\0')
			all.is_on = events > 0;
	}
	all.made = 0;
	all.bytes = 0;
	rings_switch(all.is_on);
	mcx_ring_unlock();
}

void mcx_ring_stop(void)
{
	writer_end();
	atomic_store_explicit(&mcx_ring_on, MCX_RING_OFF, memory_order_relaxed);
}

void mcx_ring_flush(void)
{
	if (mcx_writer.ring != &unborn && mcx_region != NULL)
		writer_aim(mcx_writer.ring, writer_head());
}

/*
 * The rings' heads are in the header; of the events only this thread's are copied.  Zeros are what
 * the others' last entries are in the child, and belong to nobody.
 */
bool mcx_ring_copy(int fd)
{
	struct mcx_ring *mine = mcx_writer.ring;
	size_t bytes = (mine->mask + 1) * sizeof(struct region_event);

	if (mine == &unborn)
		return true;
	return pwrite(fd, mine->events, bytes, (off_t)mine->shared->offset) == (ssize_t)bytes;
}

/* The child has one thread; the rings of the others are anybody's. */
void mcx_ring_child(void)
{
	if (mcx_region == NULL) {
		/* The rings are the parent's still. */
		all.made = 0;
		writer_end();
		all.is_on = false;
		atomic_store_explicit(&mcx_ring_on, MCX_RING_OFF, memory_order_relaxed);
		return;
	}
	for (unsigned i = 0; i < all.made; i++)
		rings[i].shared->tid = 0;
	if (mcx_writer.ring != &unborn) {
		/* What other handlers of the fork still did is in the parent's file alone. */
		writer_aim(mcx_writer.ring, mcx_writer.ring->shared->head);
		mcx_writer.ring->shared->tid = (uint32_t)syscall(SYS_gettid);
	}
}

void mcx_public_swap(struct mcx_public *other)
{
	struct mcx_public mine = {mcx_region, mcx_writer, MCX_RING_OFF};

	mine.ring_on = atomic_exchange(&mcx_ring_on, other->ring_on);
	mcx_region = other->region;
	mcx_writer = other->writer;
	if (mcx_writer.ring == NULL)
		writer_end();
	*other = mine;
}
