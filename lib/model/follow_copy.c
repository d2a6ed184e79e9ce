/* SPDX-License-Identifier: MIT */
/*
 * Copying the rings of a live process: see follow_copy.h.
 */
#include <stdlib.h>
#include <string.h>

#include "model/follow_copy.h"
#include "model/follow_inner.h"

/* More entries than that do not wait: 256 MiB. */
#define WAITING_MAX ((size_t)1 << 24)

/* ---- Queues --------------------------------------------------------------------------- */

/* Room for MORE entries; what waits is moved to the front only where that pays. */
static bool make_room(struct follow_queue *queue, size_t more)
{
	struct region_event *entries;
	size_t room = queue->room ? queue->room : 1024;

	if (queue->first + queue->n + more <= queue->room)
		return true;
	if (queue->first > 0)
		memmove(queue->entries, queue->entries + queue->first,
			queue->n * sizeof *queue->entries);
	queue->first = 0;
	while (room < 2 * (queue->n + more))
		room *= 2;
	if (room == queue->room)
		return true;
	entries = realloc(queue->entries, room * sizeof *entries);
	if (!entries)
		return false;
	queue->entries = entries;
	queue->room = room;
	return true;
}

static struct region_event *queue_end(const struct follow_queue *queue)
{
	return queue->entries + queue->first + queue->n;
}

/* How many entries stand behind the last hole. */
static size_t behind_holes(const struct follow_queue *queue)
{
	size_t n = queue->n;

	for (uint32_t i = 0; i < queue->n_holes; i++)
		n -= queue->holes[i].before;
	return n;
}

bool follow_append(struct follow_queue *to, struct follow_queue *from)
{
	size_t behind = behind_holes(to);

	if (from->n > 0) {
		if (!make_room(to, from->n))
			return false;
		memcpy(queue_end(to), from->entries + from->first, from->n * sizeof *from->entries);
	}
	for (uint32_t i = 0; i < from->n_holes; i++) {
		to->holes[to->n_holes] = from->holes[i];
		to->holes[to->n_holes++].before += i == 0 ? behind : 0;
	}
	to->n += from->n;
	from->first = from->n = 0;
	from->n_holes = 0;
	return true;
}

/* ---- Copying -------------------------------------------------------------------------- */

/* Copies entries FROM to TO of a ring to ENTRIES. */
static bool copy_entries(const struct copier *copier, const struct region_ring *shared,
	uint64_t from, uint64_t to, struct region_event *entries)
{
	while (from < to) {
		uint64_t at = from & (shared->size - 1), n = shared->size - at;

		n = n < to - from ? n : to - from;
		if (!live_read(copier->live, shared->offset + at * sizeof(struct region_event),
			    entries, n * sizeof(struct region_event)))
			return false;
		entries += n;
		from += n;
	}
	return true;
}

uint64_t copier_oldest(const struct region_ring *shared, uint64_t head)
{
	uint64_t burst = shared->size / 2 < FOLLOW_BURST ? shared->size / 2 : FOLLOW_BURST;

	return head + burst > shared->size ? head + burst - shared->size : 0;
}

/* ---- How far a ring is written -------------------------------------------------------- */

/* Keeps reads of the region apart: none behind it passes one before it. */
static void order(struct copier *copier)
{
	atomic_exchange(&copier->order, 1);
}

static uint64_t read_head(struct copier *copier, uint32_t index, uint64_t otherwise)
{
	uint64_t head;
	size_t offset = offsetof(struct region_header, ring) + index * sizeof(struct region_ring) +
			offsetof(struct region_ring, head);

	order(copier);
	return live_read(copier->live, offset, &head, sizeof head) ? head : otherwise;
}

/* How many of MOST entries from FROM on are written, and parts where PARTS_ONLY; -1: not read. */
static int64_t scan(struct copier *copier, const struct region_ring *shared, uint64_t from,
	uint64_t most, bool parts_only)
{
	struct region_event entries[FOLLOW_BURST];
	uint64_t n = 0;

	most = most < shared->size ? most : shared->size;
	order(copier);
	if (!copy_entries(copier, shared, from, from + most, entries))
		return -1;
	while (n < most && region_is_written(entries[n].what, from + n, shared->size) &&
		(!parts_only || follow_is_part(&entries[n])))
		n++;
	return (int64_t)n;
}

/*
 * Of the last entry the parts were stored before it, but may have been copied before that: they are
 * looked for once more.
 */
uint64_t copier_written(struct copier *copier, const struct region_ring *shared, uint64_t from)
{
	uint64_t at = from > shared->head ? from : shared->head, beyond = at - shared->head;
	int64_t n = 0;

	if (beyond < REGION_HEAD_LAG)
		n = scan(copier, shared, at, REGION_HEAD_LAG - beyond, false);
	if (n <= 0)
		return at;
	at += (uint64_t)n;
	n = scan(copier, shared, at, FOLLOW_BURST, true);
	return n > 0 ? at + (uint64_t)n : at;
}

/*
 * Entries that ring INDEX had not more of when this was called.  As long as its head stays the same
 * nothing beyond that is written over, and what the entries say is exact.
 */
static uint64_t written_at_most(
	struct copier *copier, uint32_t index, const struct region_ring *shared, uint64_t otherwise)
{
	uint64_t head = read_head(copier, index, otherwise);
	int64_t n = scan(copier, shared, head, REGION_HEAD_LAG, false);

	if (n < 0 || read_head(copier, index, otherwise) != head)
		return head + REGION_HEAD_LAG;
	return head + (uint64_t)n;
}

/* LOST entries are missing behind what waits in QUEUE. */
static void make_hole(struct copier *copier, struct follow_queue *queue, uint64_t lost)
{
	size_t behind = behind_holes(queue);
	struct follow_hole *last = &queue->holes[queue->n_holes];

	if (queue->n_holes == FOLLOW_HOLES) {
		lost += behind;
		queue->n -= behind;
		behind = 0;
	}
	copier->lost += lost;
	if (behind > 0 || queue->n_holes == 0) {
		*last = (struct follow_hole){behind, lost};
		queue->n_holes++;
	} else {
		last[-1].lost += lost;
	}
}

/* Of N entries just copied the first LOST were written over meanwhile. */
static void drop_fresh(struct copier *copier, struct follow_queue *queue, size_t n, uint64_t lost)
{
	struct region_event *fresh;

	lost = lost < n ? lost : n;
	queue->n -= n;
	fresh = queue_end(queue);
	make_hole(copier, queue, lost);
	/* A hole too many may have taken some that waited. */
	memmove(queue_end(queue), fresh + lost, (n - lost) * sizeof *fresh);
	queue->n += n - lost;
}

/* Copies the entries FROM to HEAD of ring INDEX; says how many of them were KEPT.  0, -1, -3. */
static int copy_span(struct copier *copier, uint32_t index, const struct region_ring *shared,
	uint64_t from, uint64_t head, uint64_t *kept)
{
	struct copied_ring *ring = &copier->rings[index];
	uint64_t safe = from;

	if (!make_room(&ring->queue, head - from))
		return -3;
	order(copier);
	if (!copy_entries(copier, shared, from, head, queue_end(&ring->queue)))
		return -1;
	ring->queue.n += head - from;
	ring->copied = head;
	if (from < copier_oldest(shared, read_head(copier, index, head) + REGION_HEAD_LAG))
		safe = copier_oldest(shared, written_at_most(copier, index, shared, head));
	if (from < safe)
		drop_fresh(copier, &ring->queue, head - from, safe - from);
	*kept = head > safe ? head - safe : 0;
	return 0;
}

/*
 * Where the whole ring was written over while it was copied: its latest entries, fewer at each
 * try, so that of a thread that never rests something is seen, too.  0, -1, -3.
 */
static int copy_latest(struct copier *copier, uint32_t index, const struct region_ring *shared)
{
	struct copied_ring *ring = &copier->rings[index];
	uint64_t most = shared->size / 4, kept = 0;
	int status = 0;

	for (; status == 0 && kept == 0 && most >= REGION_HEAD_LAG; most /= 4) {
		uint64_t head = read_head(copier, index, ring->copied), from = ring->copied;

		if (head <= from)
			return 0;
		if (head - from > most) {
			from = head - most;
			make_hole(copier, &ring->queue, from - ring->copied);
		}
		status = copy_span(copier, index, shared, from, head, &kept);
	}
	return status;
}

/* Copies what ring INDEX has.  0, -1, -3. */
static int copy_ring(struct copier *copier, uint32_t index, const struct region_ring *shared)
{
	struct copied_ring *ring = &copier->rings[index];
	uint64_t head = copier_written(copier, shared, ring->copied);
	uint64_t safe = copier_oldest(shared, head), kept;
	int status;

	if (shared->tid != 0)
		ring->tid = shared->tid;
	if (head <= ring->copied)
		return 0;
	if (ring->copied < safe) {
		make_hole(copier, &ring->queue, safe - ring->copied);
		ring->copied = safe;
	}
	status = copy_span(copier, index, shared, ring->copied, head, &kept);
	if (status == 0 && kept == 0)
		status = copy_latest(copier, index, shared);
	ring->has_paused |= shared->gap != ring->gap && shared->gap > 0;
	ring->gap = shared->gap;
	return status;
}

static int copy_rings(struct copier *copier)
{
	const struct region_header *header = live_header(copier->live);
	int status = 0;

	copier->waiting = 0;
	for (uint32_t i = 0; i < REGION_RINGS && status == 0; i++) {
		if (header->ring[i].size == 0)
			continue;
		copier->nrings = i + 1 > copier->nrings ? i + 1 : copier->nrings;
		status = copy_ring(copier, i, &header->ring[i]);
		copier->waiting += copier->rings[i].queue.n;
	}
	copier->ringless = header->lost;
	return status;
}

void copier_pass(struct copier *copier)
{
	pthread_mutex_lock(&copier->lock);
	if (!live_refresh(copier->live))
		copier->status = -1;
	else if (copier->waiting + copier->beyond <= WAITING_MAX)
		copier->status = copy_rings(copier);
	copier->passes++;
	pthread_mutex_unlock(&copier->lock);
}

/* ---- Beginning and ending ------------------------------------------------------------- */

bool copier_init(struct copier *copier, const struct live *live)
{
	pthread_mutexattr_t attributes;

	copier->live = live_again(live);
	pthread_mutexattr_init(&attributes);
	/* Whoever holds it is not to be kept from going on by less than the thread. */
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	copier->has_lock = pthread_mutex_init(&copier->lock, &attributes) == 0;
	pthread_mutexattr_destroy(&attributes);
	return copier->live != NULL && copier->has_lock;
}

void copier_fini(struct copier *copier)
{
	copier_stop(copier);
	for (uint32_t i = 0; i < REGION_RINGS; i++)
		free(copier->rings[i].queue.entries);
	live_close(copier->live);
	if (copier->has_lock)
		pthread_mutex_destroy(&copier->lock);
}
