/* SPDX-License-Identifier: MIT */
/*
 * Taking events off the rings of a live process, as they were copied (follow_copy.h), in an order
 * that keeps that of every context.
 *
 * A poll takes over what was copied.  Then the ring with the earliest time goes first; one that
 * begins with a handoff waits until the ring that the context was in before has been taken as far
 * as the handoff says.
 *
 * Invariant: rings[i].position + n + its holes, with what the copier holds, is what was copied of
 * ring i; entries below are taken once or counted as lost, never both.
 */
#include <stdlib.h>
#include <string.h>

#include "model/clock.h"
#include "model/follow_inner.h"

/* Polls after which a wait that no honest writer causes is given up. */
#define STALLS_MAX 3u
/* Entries taken before the rings are copied again. */
#define RUN_ENTRIES 4096u

/* ---- Taking over ---------------------------------------------------------------------- */

static void tell_loss(struct follow *follow, uint32_t index, uint64_t lost, struct follow_out *out)
{
	struct live_event event = {.op = LIVE_LOST,
		.unit = FOLLOW_NONE,
		.ring = index,
		.tid = follow->rings[index].tid,
		.size = lost,
		.time_ns = follow->rings[index].time_ns};

	follow_tell(follow, &event, out);
}

/*
 * Takes over what was copied of a ring, in no time: an empty queue is exchanged for a full one.
 * Behind what waits already more is put only where all is STALLED.  False: no memory.
 */
static bool take_over_ring(struct follow_ring *ring, struct copied_ring *copied, bool is_stalled)
{
	struct follow_queue empty = ring->queue;

	ring->tid = copied->tid != 0 ? copied->tid : ring->tid;
	ring->has_paused |= copied->has_paused;
	copied->has_paused = false;
	if (follow_is_empty(&copied->queue)) {
		ring->has_more = false;
	} else if (follow_is_empty(&ring->queue)) {
		empty.first = 0;
		ring->queue = copied->queue;
		copied->queue = empty;
		ring->has_more = false;
	} else {
		ring->has_more =
			!is_stalled || ring->queue.n_holes + copied->queue.n_holes > FOLLOW_HOLES;
		return ring->has_more || follow_append(&ring->queue, &copied->queue);
	}
	return true;
}

/* Takes over what was copied; returns the copier's status.  UNHEARD: events that found no ring. */
static int take_over(struct follow *follow, uint64_t *unheard)
{
	struct copier *copier = &follow->copier;
	int status;

	pthread_mutex_lock(&copier->lock);
	status = copier->status;
	copier->waiting = copier->beyond = 0;
	follow->nrings = copier->nrings;
	for (uint32_t i = 0; i < follow->nrings; i++) {
		struct follow_ring *ring = &follow->rings[i];

		if (!take_over_ring(ring, &copier->rings[i], follow->stalls > 0))
			status = -3;
		copier->waiting += copier->rings[i].queue.n;
		copier->beyond += ring->queue.n;
	}
	*unheard = copier->ringless > follow->ringless ? copier->ringless - follow->ringless : 0;
	follow->ringless += *unheard;
	follow->lost += copier->lost + *unheard;
	copier->lost = 0;
	follow->passes = copier->passes;
	pthread_mutex_unlock(&copier->lock);
	return status;
}

static void tell_gaps(struct follow *follow, uint64_t unheard, struct follow_out *out)
{
	for (uint32_t i = 0; i < follow->nrings; i++) {
		if (follow->rings[i].has_paused)
			tell_loss(follow, i, 0, out);
		follow->rings[i].has_paused = false;
	}
	if (unheard > 0)
		tell_loss(follow, 0, unheard, out);
}

/* ---- Taking --------------------------------------------------------------------------- */

/* Whether ring INDEX begins with a handoff from a ring that has not been taken so far yet. */
static bool is_waiting(const struct follow *follow, const struct follow_ring *ring)
{
	const struct region_event *entries = follow_entries(ring);
	const struct region_ring *shared;
	uint64_t before;

	if (follow_ready(&ring->queue) < 2 || follow_op(entries) != REGION_HANDOFF ||
		follow_op(entries + 1) != REGION_HEAD)
		return false;
	before = entries->word & 0xffff;
	if (before >= REGION_RINGS || &follow->rings[before] == ring)
		return false;
	shared = &live_header(follow->live)->ring[before];
	return shared->size != 0 && follow->rings[before].position < entries[1].word;
}

/* How many entries are missing before what waits in QUEUE, which does not say so any more. */
static uint64_t take_hole(struct follow_queue *queue)
{
	uint64_t lost = queue->holes[0].lost;

	if (queue->n_holes == 0 || queue->holes[0].before > 0)
		return 0;
	queue->n_holes--;
	memmove(queue->holes, queue->holes + 1, queue->n_holes * sizeof *queue->holes);
	return lost;
}

/* What waits in a ring begins behind a hole: tells it. */
static void pass_hole(struct follow *follow, uint32_t index, struct follow_out *out)
{
	uint64_t lost = take_hole(&follow->rings[index].queue);

	follow->rings[index].position += lost;
	if (lost > 0)
		tell_loss(follow, index, lost, out);
}

/* The ring to take from next; FOLLOW_NONE: nothing is left, or all that is waits. */
static uint32_t next_ring(const struct follow *follow, bool is_forced, bool *has_any)
{
	uint32_t next = FOLLOW_NONE;

	*has_any = false;
	for (uint32_t i = 0; i < follow->nrings; i++) {
		const struct follow_ring *ring = &follow->rings[i];

		if (follow_is_empty(&ring->queue))
			continue;
		*has_any = true;
		if ((next == FOLLOW_NONE || ring->time_ns < follow->rings[next].time_ns) &&
			(is_forced || !is_waiting(follow, ring)))
			next = i;
	}
	return next;
}

/* Takes from ring INDEX up to its next time, or to where it has to wait. */
static size_t take_run(
	struct follow *follow, uint32_t index, bool is_forced, struct follow_out *out)
{
	struct follow_ring *ring = &follow->rings[index];
	struct follow_queue *queue = &ring->queue;
	uint64_t time_ns = ring->time_ns;
	size_t taken = 0;

	while (ring->time_ns == time_ns && out->status == 0) {
		size_t n;

		pass_hole(follow, index, out);
		if (queue->n == 0 || out->status != 0)
			break;
		if (!is_forced && is_waiting(follow, ring))
			break;
		is_forced = false;
		n = follow_take(follow, index, out);
		queue->first += n;
		queue->n -= n;
		queue->holes[0].before -= queue->n_holes > 0 ? n : 0;
		ring->position += n;
		taken += n;
	}
	return taken;
}

/* Whether more of a ring was copied than what was taken off it: all before that is known. */
static bool is_short(const struct follow_ring *ring)
{
	return ring->has_more && follow_is_empty(&ring->queue);
}

/* Counts the passes after which nothing moved; polls between two of them say nothing. */
static void note_stall(struct follow *follow, bool is_stalled)
{
	if (!is_stalled)
		follow->stalls = 0;
	else if (follow->is_closed || follow->passes != follow->stalled_at)
		follow->stalls++;
	follow->stalled_at = follow->passes;
}

/* Takes so many that the rings can be copied again before they are written over. */
static ptrdiff_t take_some(struct follow *follow, struct follow_out *out)
{
	bool is_forced = follow->stalls >= STALLS_MAX, has_any = true;
	size_t taken = 0, budget = follow->start == FOLLOW_OLDEST ? SIZE_MAX : RUN_ENTRIES;
	uint32_t index;

	while (out->status == 0 && taken < budget &&
		(index = next_ring(follow, is_forced, &has_any)) != FOLLOW_NONE) {
		taken += take_run(follow, index, is_forced, out);
		is_forced = false;
		if (is_short(&follow->rings[index]))
			break;
	}
	note_stall(follow, taken == 0 && has_any);
	if (out->status != 0)
		return out->status;
	/* Something waits: not nothing. */
	return taken == 0 && has_any ? 1 : (ptrdiff_t)taken;
}

/*
 * Of the contexts that live now those are forgotten whose creation is still to be read: until then
 * their units are others'.
 */
static void forget_created(struct follow *follow)
{
	for (uint32_t i = 0; i < follow->nrings; i++) {
		const struct follow_ring *ring = &follow->rings[i];
		const struct region_event *entries = follow_entries(ring);

		for (size_t at = 0; at + 1 < ring->queue.n; at++) {
			uint32_t unit;

			if (follow_op(&entries[at]) != REGION_CREATE ||
				follow_op(&entries[at + 1]) != REGION_PARENT)
				continue;
			unit = live_unit(follow->live, entries[at].word >> 16);
			if (unit < follow->room &&
				follow->contexts[unit].serial == follow_what(&entries[at + 1]))
				follow_forget(&follow->contexts[unit]);
		}
	}
}

ptrdiff_t follow_poll(struct follow *follow, follow_fn *func, void *arg)
{
	struct follow_out out = {func, arg, 0};
	uint64_t unheard;
	ptrdiff_t taken;
	int status;

	if (!follow->is_begun) {
		follow->is_begun = true;
		if (!follow_tell_all(follow, &out))
			return out.status;
	}
	if (!follow->is_closed && !follow->copier.has_thread)
		copier_pass(&follow->copier);
	status = take_over(follow, &unheard);
	/* What was copied may be about contexts that a header read before does not know of. */
	if (follow->is_closed)
		status = status == -1 ? 0 : status;
	else if (!live_refresh(follow->live))
		status = -1;
	tell_gaps(follow, unheard, &out);
	if (follow->start == FOLLOW_OLDEST)
		forget_created(follow);
	taken = out.status == 0 ? take_some(follow, &out) : out.status;
	if (follow->start == FOLLOW_OLDEST)
		follow->start = FOLLOW_NOW;
	return taken == 0 && status != 0 ? status : taken;
}

void follow_close(struct follow *follow)
{
	copier_stop(&follow->copier);
	follow->is_closed = true;
}

bool follow_run_ahead(struct follow *follow)
{
	return !follow->is_closed && copier_start(&follow->copier);
}

void follow_run_along(struct follow *follow)
{
	copier_stop(&follow->copier);
}

/* ---- Beginning and ending ------------------------------------------------------------- */

uint64_t follow_lost(const struct follow *follow)
{
	return follow->lost;
}

/* Where every ring is to be read from. */
static void begin_rings(struct follow *follow)
{
	const struct region_header *header = live_header(follow->copier.live);

	for (uint32_t i = 0; i < REGION_RINGS; i++) {
		const struct region_ring *shared = &header->ring[i];
		struct copied_ring *copied = &follow->copier.rings[i];
		struct follow_ring *ring = &follow->rings[i];

		copied->tid = ring->tid = shared->tid;
		ring->time_ns = follow->start == FOLLOW_NOW ? clock_now_ns() : header->monotonic_ns;
		if (shared->size == 0 || follow->start == FOLLOW_FIRST)
			continue;
		copied->gap = shared->gap;
		copied->copied = copier_written(&follow->copier, shared, 0);
		if (follow->start == FOLLOW_OLDEST)
			copied->copied = copier_oldest(shared, copied->copied);
		ring->position = copied->copied;
	}
}

/* What is written now is in what was found. */
static bool settle(struct follow *follow)
{
	struct copier *copier = &follow->copier;
	const struct region_header *header = live_header(copier->live);

	if (!live_refresh(copier->live))
		return false;
	for (uint32_t i = 0; follow->start == FOLLOW_NOW && i < REGION_RINGS; i++)
		if (header->ring[i].size != 0)
			follow->settled[i] = copier_written(copier, &header->ring[i], 0);
	return true;
}

/* The oldest events are those of the first copy: what was written over before was not promised. */
static void begin_with_copies(struct follow *follow)
{
	struct copier *copier = &follow->copier;

	for (uint32_t i = 0; i < copier->nrings; i++) {
		uint64_t gone = take_hole(&copier->rings[i].queue);

		follow->rings[i].position += gone;
		copier->lost -= gone;
	}
}

static struct follow *fail(struct follow *follow, struct live_error *error, int status)
{
	*error = (struct live_error){status, "its region cannot be read"};
	if (status == 3)
		strcpy(error->message, "no memory to follow it");
	follow_free(follow);
	return NULL;
}

struct follow *follow_new(struct live *live, enum follow_start start, struct live_error *error)
{
	struct follow *follow = calloc(1, sizeof *follow);
	int status;

	if (!follow)
		return fail(follow, error, 3);
	follow->live = live;
	follow->start = start;
	if (!live_refresh(live))
		return fail(follow, error, 1);
	if (!copier_init(&follow->copier, live))
		return fail(follow, error, 3);
	begin_rings(follow);
	follow->ringless = start == FOLLOW_FIRST ? 0 : live_header(live)->lost;
	if (start == FOLLOW_FIRST)
		return follow;
	status = follow_learn_all(follow);
	if (status == 0 && !settle(follow))
		status = 1;
	copier_pass(&follow->copier);
	if (start == FOLLOW_OLDEST)
		begin_with_copies(follow);
	return status == 0 ? follow : fail(follow, error, status);
}

void follow_free(struct follow *follow)
{
	if (!follow)
		return;
	copier_fini(&follow->copier);
	for (uint32_t i = 0; i < REGION_RINGS; i++)
		free(follow->rings[i].queue.entries);
	for (uint32_t i = 0; i < follow->room; i++)
		follow_forget(&follow->contexts[i]);
	free(follow->contexts);
	free(follow);
}
