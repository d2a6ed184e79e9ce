/* SPDX-License-Identifier: MIT */
/*
 * Copying the rings of a live process, and taking events off them in an order that keeps that of
 * every context.
 *
 * A poll reads all heads at once, and of every ring the few entries that may follow its head;
 * what was there then is copied.  After the copy the head is read again: what the
 * writer may have been storing over meanwhile is dropped and counted.  Then
 * the ring with the earliest time goes first; one that begins with a handoff waits until the ring
 * that the context was in before has been taken as far as the handoff says.
 *
 * Invariant: rings[i].position + hole + n is what was copied of ring i; entries below are taken
 * once or counted as lost, never both.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/follow_inner.h"

/* Polls after which a wait that no honest writer causes is given up. */
#define STALLS_MAX 3u
/* Entries taken before the rings are copied again, unless more wait than memory is for. */
#define RUN_ENTRIES 4096u
#define WAITING_MAX ((size_t)1 << 24)

/* ---- Copying -------------------------------------------------------------------------- */

/* Room for MORE entries; what waits is moved to the front only where that pays. */
static bool make_room(struct follow_ring *ring, size_t more)
{
	struct region_event *entries;
	size_t room = ring->room ? ring->room : 1024;

	if (ring->first + ring->n + more <= ring->room)
		return true;
	if (ring->first > 0)
		memmove(ring->entries, ring->entries + ring->first,
			ring->n * sizeof *ring->entries);
	ring->first = 0;
	while (room < 2 * (ring->n + more))
		room *= 2;
	if (room == ring->room)
		return true;
	entries = realloc(ring->entries, room * sizeof *entries);
	if (!entries)
		return false;
	ring->entries = entries;
	ring->room = room;
	return true;
}

/* Copies entries FROM to TO of a ring to ENTRIES. */
static bool copy_entries(const struct follow *follow, const struct region_ring *shared,
	uint64_t from, uint64_t to, struct region_event *entries)
{
	while (from < to) {
		uint64_t at = from & (shared->size - 1), n = shared->size - at;

		n = n < to - from ? n : to - from;
		if (!live_read(follow->live, shared->offset + at * sizeof(struct region_event),
			    entries, n * sizeof(struct region_event)))
			return false;
		entries += n;
		from += n;
	}
	return true;
}

/* The first entry of a ring that no writer stores over as long as no more than HEAD are written. */
static uint64_t oldest(const struct region_ring *shared, uint64_t head)
{
	uint64_t burst = shared->size / 2 < FOLLOW_BURST ? shared->size / 2 : FOLLOW_BURST;

	return head + burst > shared->size ? head + burst - shared->size : 0;
}

/* ---- How far a ring is written -------------------------------------------------------- */

/* Keeps reads of the region apart: none behind it passes one before it. */
static void order(struct follow *follow)
{
	atomic_exchange(&follow->order, 1);
}

static uint64_t read_head(struct follow *follow, uint32_t index, uint64_t otherwise)
{
	uint64_t head;
	size_t offset = offsetof(struct region_header, ring) + index * sizeof(struct region_ring) +
			offsetof(struct region_ring, head);

	order(follow);
	return live_read(follow->live, offset, &head, sizeof head) ? head : otherwise;
}

/* How many of MOST entries from FROM on are written, and parts where PARTS_ONLY; -1: not read. */
static int64_t scan(struct follow *follow, const struct region_ring *shared, uint64_t from,
	uint64_t most, bool parts_only)
{
	struct region_event entries[FOLLOW_BURST];
	uint64_t n = 0;

	most = most < shared->size ? most : shared->size;
	order(follow);
	if (!copy_entries(follow, shared, from, from + most, entries))
		return -1;
	while (n < most && region_is_written(entries[n].what, from + n, shared->size) &&
		(!parts_only || follow_is_part(&entries[n])))
		n++;
	return (int64_t)n;
}

/*
 * How many entries of a ring are written, and make whole events; FROM: what it was before.  It may
 * be too low, where a place was written over just now, but not below SHARED's head, and never is it
 * too high.  Of the last entry the parts were stored before it, but may have been copied before
 * that: they are looked for once more.
 */
static uint64_t written(struct follow *follow, const struct region_ring *shared, uint64_t from)
{
	uint64_t at = from > shared->head ? from : shared->head, beyond = at - shared->head;
	int64_t n = 0;

	if (beyond < REGION_HEAD_LAG)
		n = scan(follow, shared, at, REGION_HEAD_LAG - beyond, false);
	if (n <= 0)
		return at;
	at += (uint64_t)n;
	n = scan(follow, shared, at, FOLLOW_BURST, true);
	return n > 0 ? at + (uint64_t)n : at;
}

/*
 * Entries that ring INDEX had not more of when this was called.  As long as its head stays the same
 * nothing beyond that is written over, and what the entries say is exact.
 */
static uint64_t written_at_most(
	struct follow *follow, uint32_t index, const struct region_ring *shared, uint64_t otherwise)
{
	uint64_t head = read_head(follow, index, otherwise);
	int64_t n = scan(follow, shared, head, REGION_HEAD_LAG, false);

	if (n < 0 || read_head(follow, index, otherwise) != head)
		return head + REGION_HEAD_LAG;
	return head + (uint64_t)n;
}

/*
 * LOST entries are missing behind what waits in RING.  A second hole takes what stands between it
 * and the first.
 */
static void make_hole(struct follow *follow, struct follow_ring *ring, uint64_t lost)
{
	if (ring->hole != 0) {
		lost += ring->n - ring->before;
		ring->n = ring->before;
	}
	follow->lost += lost;
	ring->hole += lost;
	ring->before = ring->n;
}

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

/* Of N entries just copied the first LOST were written over meanwhile. */
static void drop_fresh(struct follow *follow, struct follow_ring *ring, size_t n, uint64_t lost)
{
	struct region_event *fresh;

	lost = lost < n ? lost : n;
	ring->n -= n;
	fresh = ring->entries + ring->first + ring->n;
	make_hole(follow, ring, lost);
	/* A second hole may have taken some that waited. */
	memmove(ring->entries + ring->first + ring->n, fresh + lost, (n - lost) * sizeof *fresh);
	ring->n += n - lost;
}

/* Copies what ring INDEX has.  0, -1, -3. */
static int copy_ring(struct follow *follow, uint32_t index, const struct region_ring *shared,
	struct follow_out *out)
{
	struct follow_ring *ring = &follow->rings[index];
	uint64_t from = ring->copied, head = written(follow, shared, from);
	uint64_t safe = oldest(shared, head);

	if (shared->tid != 0)
		ring->tid = shared->tid;
	if (head <= from)
		return 0;
	if (from < safe) {
		make_hole(follow, ring, safe - from);
		from = safe;
	}
	if (!make_room(ring, head - from))
		return -3;
	order(follow);
	if (!copy_entries(follow, shared, from, head, ring->entries + ring->first + ring->n))
		return -1;
	ring->n += head - from;
	ring->copied = head;
	if (from < oldest(shared, read_head(follow, index, head) + REGION_HEAD_LAG))
		safe = oldest(shared, written_at_most(follow, index, shared, head));
	if (from < safe)
		drop_fresh(follow, ring, head - from, safe - from);
	if (shared->gap != ring->gap && shared->gap > 0)
		tell_loss(follow, index, 0, out);
	ring->gap = shared->gap;
	return 0;
}

static int copy_rings(struct follow *follow, struct follow_out *out)
{
	const struct region_header *header = live_header(follow->live);
	int status = 0;

	for (uint32_t i = 0; i < REGION_RINGS && status == 0; i++) {
		if (header->ring[i].size == 0)
			continue;
		follow->nrings = i + 1 > follow->nrings ? i + 1 : follow->nrings;
		status = copy_ring(follow, i, &header->ring[i], out);
	}
	if (header->lost > follow->ringless) {
		follow->lost += header->lost - follow->ringless;
		tell_loss(follow, 0, header->lost - follow->ringless, out);
		follow->ringless = header->lost;
	}
	return status;
}

/* ---- Taking --------------------------------------------------------------------------- */

/* Whether ring INDEX begins with a handoff from a ring that has not been taken so far yet. */
static bool is_waiting(const struct follow *follow, const struct follow_ring *ring)
{
	const struct region_event *entries = follow_entries(ring);
	const struct region_ring *shared;
	uint64_t before;

	if (follow_ready(ring) < 2 || follow_op(entries) != REGION_HANDOFF ||
		follow_op(entries + 1) != REGION_HEAD)
		return false;
	before = entries->word & 0xffff;
	if (before >= REGION_RINGS || &follow->rings[before] == ring)
		return false;
	shared = &live_header(follow->live)->ring[before];
	return shared->size != 0 && follow->rings[before].position < entries[1].word;
}

/* What waits in RING begins behind a hole: tells it. */
static void pass_hole(struct follow *follow, uint32_t index, struct follow_out *out)
{
	struct follow_ring *ring = &follow->rings[index];
	uint64_t lost = ring->hole;

	if (lost == 0 || ring->before > 0)
		return;
	ring->position += lost;
	ring->hole = 0;
	tell_loss(follow, index, lost, out);
}

/* The ring to take from next; FOLLOW_NONE: nothing is left, or all that is waits. */
static uint32_t next_ring(const struct follow *follow, bool is_forced, bool *has_any)
{
	uint32_t next = FOLLOW_NONE;

	*has_any = false;
	for (uint32_t i = 0; i < follow->nrings; i++) {
		const struct follow_ring *ring = &follow->rings[i];

		if (ring->n == 0 && ring->hole == 0)
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
	uint64_t time_ns = ring->time_ns;
	size_t taken = 0;

	while (ring->time_ns == time_ns && out->status == 0) {
		size_t n;

		pass_hole(follow, index, out);
		if (ring->n == 0 || out->status != 0)
			break;
		if (!is_forced && is_waiting(follow, ring))
			break;
		is_forced = false;
		n = follow_take(follow, index, out);
		ring->first += n;
		ring->n -= n;
		ring->before -= ring->hole != 0 ? n : 0;
		ring->position += n;
		taken += n;
	}
	return taken;
}

static size_t waiting(const struct follow *follow)
{
	size_t n = 0;

	for (uint32_t i = 0; i < follow->nrings; i++)
		n += follow->rings[i].n;
	return n;
}

/* Takes so many that the rings can be copied again before they are written over. */
static ptrdiff_t take_some(struct follow *follow, struct follow_out *out)
{
	bool is_forced = follow->stalls >= STALLS_MAX, has_any = true;
	bool is_whole = follow->start == FOLLOW_OLDEST || waiting(follow) > WAITING_MAX;
	size_t taken = 0, budget = is_whole ? SIZE_MAX : RUN_ENTRIES;
	uint32_t index;

	while (out->status == 0 && taken < budget &&
		(index = next_ring(follow, is_forced, &has_any)) != FOLLOW_NONE) {
		taken += take_run(follow, index, is_forced, out);
		is_forced = false;
	}
	follow->stalls = taken == 0 && has_any ? follow->stalls + 1 : 0;
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

		for (size_t at = 0; at + 1 < ring->n; at++) {
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
	ptrdiff_t taken;
	int status = 0;

	if (!follow->is_begun) {
		follow->is_begun = true;
		if (!follow_tell_all(follow, &out))
			return out.status;
	}
	if (!follow->is_closed && !live_refresh(follow->live))
		return -1;
	if (!follow->is_closed)
		status = copy_rings(follow, &out);
	if (status == 0)
		status = out.status;
	if (status != 0)
		return status;
	if (follow->start == FOLLOW_OLDEST)
		forget_created(follow);
	taken = take_some(follow, &out);
	if (follow->start == FOLLOW_OLDEST)
		follow->start = FOLLOW_NOW;
	return taken;
}

void follow_close(struct follow *follow)
{
	follow->is_closed = true;
}

/* ---- Beginning and ending ------------------------------------------------------------- */

uint64_t follow_lost(const struct follow *follow)
{
	return follow->lost;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Where every ring is to be read from. */
static void begin_rings(struct follow *follow)
{
	const struct region_header *header = live_header(follow->live);

	for (uint32_t i = 0; i < REGION_RINGS; i++) {
		const struct region_ring *shared = &header->ring[i];
		struct follow_ring *ring = &follow->rings[i];

		ring->tid = shared->tid;
		ring->time_ns = follow->start == FOLLOW_NOW ? now_ns() : header->monotonic_ns;
		if (shared->size == 0 || follow->start == FOLLOW_FIRST)
			continue;
		ring->gap = shared->gap;
		ring->position = written(follow, shared, 0);
		if (follow->start == FOLLOW_OLDEST)
			ring->position = oldest(shared, ring->position);
		ring->copied = ring->position;
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
	begin_rings(follow);
	follow->ringless = start == FOLLOW_FIRST ? 0 : live_header(live)->lost;
	if (start == FOLLOW_FIRST)
		return follow;
	status = follow_learn_all(follow);
	if (status == 0 && !live_refresh(live))
		status = 1;
	if (status != 0)
		return fail(follow, error, status);
	for (uint32_t i = 0; start == FOLLOW_NOW && i < REGION_RINGS; i++)
		if (live_header(live)->ring[i].size != 0)
			follow->settled[i] = written(follow, &live_header(live)->ring[i], 0);
	return follow;
}

void follow_free(struct follow *follow)
{
	if (!follow)
		return;
	for (uint32_t i = 0; i < REGION_RINGS; i++)
		free(follow->rings[i].entries);
	for (uint32_t i = 0; i < follow->room; i++)
		follow_forget(&follow->contexts[i]);
	free(follow->contexts);
	free(follow);
}
