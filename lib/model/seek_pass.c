/* SPDX-License-Identifier: MIT */
/*
 * The first pass: the index of events, marks of time, samples of total bytes, the end, the peak;
 * and what is found by them.
 *
 * The index has 32 bits an event: its word in the low four (0: the event was skipped), above them
 * the serial number of the context concerned, as far as it goes.
 */
#include <stdlib.h>
#include <string.h>

#include "model/seek_inner.h"

#define PASS_EVENTS 20000u /* run at once */
#define NOTED 32768u       /* of the index, written at once */
#define OP_BITS 4
#define SERIAL_MOST (((uint64_t)1 << (32 - OP_BITS)) - 1)

_Static_assert(TRACE_OPS < 1 << OP_BITS, "a word fits");

/* ---- Noting ------------------------------------------------------------------------------- */

/* The index cannot be kept: nothing is found by it. */
static void index_drop(struct seek *seek)
{
	spill_free(seek->index);
	seek->index = NULL;
	seek->n_noted = 0;
}

static void index_write(struct seek *seek)
{
	size_t bytes = seek->n_noted * sizeof(*seek->noted);

	if (seek->index != NULL && spill_append(seek->index, seek->noted, bytes) != 0)
		index_drop(seek);
	seek->n_noted = 0;
}

static void index_add(struct seek *seek, uint32_t entry)
{
	if (seek->index == NULL)
		return;
	seek->noted[seek->n_noted++] = entry;
	if (seek->n_noted == NOTED)
		index_write(seek);
}

static void add_sample(struct seek *seek, uint64_t event)
{
	if (seek->n_samples == SEEK_SAMPLES) {
		/* Two become one. */
		for (int i = 0; i < SEEK_SAMPLES / 2; i++) {
			uint64_t a = seek->samples[2 * i], b = seek->samples[2 * i + 1];

			seek->samples[i] = a > b ? a : b;
			seek->sample_events[i] = seek->sample_events[2 * i + 1];
		}
		seek->n_samples = SEEK_SAMPLES / 2;
		seek->sample_step *= 2;
		if (event % seek->sample_step != 0)
			return;
	}
	seek->samples[seek->n_samples] = seek->greatest;
	seek->sample_events[seek->n_samples++] = event;
	seek->greatest = 0;
}

static void add_mark(struct seek *seek, uint64_t event)
{
	if (seek->n_marks == seek->room_marks) {
		size_t room = seek->room_marks * 2 + 256;
		struct mark *marks = realloc(seek->marks, room * sizeof(*marks));

		if (marks == NULL)
			return;
		seek->marks = marks;
		seek->room_marks = room;
	}
	seek->marks[seek->n_marks++] = (struct mark){event, replay_time(seek->sides[SCOUT].replay)};
}

static void note(uint64_t number, enum trace_op op, uint64_t serial, void *arg)
{
	struct seek *seek = arg;
	uint64_t total = replay_total(seek->sides[SCOUT].replay);

	if (number <= seek->known)
		return;
	for (; seek->known + 1 < number; seek->known++)
		index_add(seek, 0);
	if (serial > SERIAL_MOST)
		serial = SERIAL_MOST;
	index_add(seek, (uint32_t)(serial << OP_BITS) | ((uint32_t)op + 1));
	seek->known = number;
	if (total > seek->greatest)
		seek->greatest = total;
	if (number % seek->sample_step == 0)
		add_sample(seek, number);
	if (number % SEEK_MARK == 0)
		add_mark(seek, number);
}

/* ---- The pass ----------------------------------------------------------------------------- */

void seek_pass_begin(struct seek *seek)
{
	seek->last = seek->peak = seek->wanted = SNAPSHOT_UNKNOWN;
	seek->sample_step = 16;
	seek->noted = malloc(NOTED * sizeof(*seek->noted));
	if (seek->noted != NULL)
		seek->index = spill_new();
}

void seek_pass_free(struct seek *seek)
{
	index_drop(seek);
	free(seek->noted);
	free(seek->marks);
}

static void end_pass(struct seek *seek)
{
	const struct side *scout = &seek->sides[SCOUT];

	for (; seek->known < scout->event; seek->known++)
		index_add(seek, 0);
	if (seek->known % seek->sample_step != 0) {
		if (replay_total(scout->replay) > seek->greatest)
			seek->greatest = replay_total(scout->replay);
		add_sample(seek, seek->known);
	}
	seek->passed = true;
	seek->last = seek->known;
	seek->peak = seek->wanted = replay_peak_event(scout->replay);
}

static void cut_short(struct seek *seek, const struct replay_error *error)
{
	seek->passed = true;
	seek->cut = *error;
}

static void pass_on(struct seek *seek, uint64_t most)
{
	const struct side *scout = &seek->sides[SCOUT];
	struct replay_error error;
	int result;

	if (!seek_begin(seek, SCOUT)) {
		cut_short(seek, &(struct replay_error){.status = 3, .message = "out of memory"});
		return;
	}
	explain_note(scout->explain, note, seek);
	result = seek_run(seek, scout->event + most, &error);
	index_write(seek);
	if (result == 1)
		seek_copy_pass(seek);
	else if (result == 0 || !seek->is_full)
		end_pass(seek);
	if (result < 0 && seek->passed && error.status == 3)
		seek->cut = error;
	seek_end(seek);
	/* What has no room in an arena may have room without. */
	if (!seek->passed && result < 0 && !seek_go_slow(seek))
		cut_short(seek, &error);
}

void seek_pass_to(struct seek *seek, uint64_t event)
{
	while (!seek->passed && seek->known < event)
		pass_on(seek,
			event - seek->known < PASS_EVENTS ? event - seek->known : PASS_EVENTS);
}

bool seek_pass(struct seek *seek)
{
	if (seek->passed)
		return seek->arenas != NULL && seek_prepare(seek);
	pass_on(seek, PASS_EVENTS);
	return true;
}

uint64_t seek_passed(const struct seek *seek)
{
	return seek->known;
}

const struct replay_error *seek_cut(const struct seek *seek)
{
	return seek->cut.status != 0 ? &seek->cut : NULL;
}

uint64_t seek_last(const struct seek *seek)
{
	return seek->last;
}

uint64_t seek_peak(const struct seek *seek)
{
	return seek->peak;
}

int seek_samples(const struct seek *seek, const uint64_t **samples, const uint64_t **events)
{
	*samples = seek->samples;
	*events = seek->sample_events;
	return seek->n_samples;
}

/* ---- Finding ------------------------------------------------------------------------------ */

/* Entries that are wanted: those of (entry & mask) == value, or of value2. */
struct wanted {
	uint32_t mask, value, value2;
};

static bool is_wanted(const struct wanted *wanted, uint32_t entry)
{
	return (entry & wanted->mask) == wanted->value || (entry & wanted->mask) == wanted->value2;
}

/* Reads the entries of events FROM … TO (at most NOTED); returns how many. */
static size_t read_index(struct seek *seek, uint64_t from, uint64_t to, uint32_t *entries)
{
	size_t n = to - from + 1 < NOTED ? (size_t)(to - from + 1) : NOTED;
	ptrdiff_t got = spill_read(
		seek->index, (from - 1) * sizeof(*entries), entries, n * sizeof(*entries));

	return got < 0 ? 0 : (size_t)got / sizeof(*entries);
}

static uint64_t find_back(struct seek *seek, uint64_t before, const struct wanted *wanted)
{
	uint32_t *entries = seek->noted;

	while (before > 1) {
		uint64_t from = before > NOTED ? before - NOTED : 1;
		size_t n = read_index(seek, from, before - 1, entries);

		while (n-- > 0)
			if (is_wanted(wanted, entries[n]))
				return from + n;
		before = from;
	}
	return SNAPSHOT_UNKNOWN;
}

/* The first after AFTER as far as the pass has got. */
static uint64_t find_known(struct seek *seek, uint64_t after, const struct wanted *wanted)
{
	uint32_t *entries = seek->noted;

	while (after < seek->known) {
		size_t n = read_index(seek, after + 1, seek->known, entries);

		for (size_t i = 0; i < n; i++)
			if (is_wanted(wanted, entries[i]))
				return after + 1 + i;
		if (n == 0)
			break;
		after += n;
	}
	return SNAPSHOT_UNKNOWN;
}

static uint64_t find(struct seek *seek, const struct wanted *wanted, bool back)
{
	uint64_t after = seek->sides[CURSOR].event;

	seek_pass_to(seek, after);
	if (seek->index != NULL && back)
		return find_back(seek, after, wanted);
	while (seek->index != NULL) {
		uint64_t found = find_known(seek, after, wanted);

		if (found != SNAPSHOT_UNKNOWN || seek->passed)
			return found;
		if (seek->known > after)
			after = seek->known;
		pass_on(seek, PASS_EVENTS);
	}
	return SNAPSHOT_UNKNOWN;
}

uint64_t seek_life(const struct seek *seek, uint64_t context)
{
	const struct side *cursor = &seek->sides[CURSOR];
	struct replay_life life;

	return cursor->explain != NULL && replay_look_life(cursor->replay, context, &life)
		       ? life.serial
		       : SNAPSHOT_UNKNOWN;
}

/* What a context has in the index, by its life. */
static struct wanted want_life(uint64_t life)
{
	uint32_t value = (uint32_t)(life < SERIAL_MOST ? life : SERIAL_MOST) << OP_BITS;

	return (struct wanted){~((1u << OP_BITS) - 1), value, value};
}

uint64_t seek_find_life(struct seek *seek, uint64_t life, bool back)
{
	struct wanted wanted = want_life(life);

	return life == SNAPSHOT_UNKNOWN ? SNAPSHOT_UNKNOWN : find(seek, &wanted, back);
}

/* Those among FROM … TO, the first MAX of them in their order; BACK: the last, the last first. */
static int list_wanted(struct seek *seek, uint64_t from, uint64_t to, const struct wanted *wanted,
	bool back, uint64_t *numbers, int max)
{
	int found = 0;

	while (from <= to && found < max) {
		uint64_t at = back && to - from >= NOTED ? to - NOTED + 1 : from;
		size_t n = read_index(seek, at, to, seek->noted);

		for (size_t i = 0; i < n && found < max; i++) {
			size_t place = back ? n - 1 - i : i;

			if (is_wanted(wanted, seek->noted[place]))
				numbers[found++] = at + place;
		}
		if (n == 0)
			break;
		from = back ? from : at + n;
		to = back ? at - 1 : to;
	}
	return found;
}

static void turn_round(uint64_t *numbers, int n)
{
	for (int i = 0; i < n / 2; i++) {
		uint64_t other = numbers[i];

		numbers[i] = numbers[n - 1 - i];
		numbers[n - 1 - i] = other;
	}
}

int seek_list_context(struct seek *seek, uint64_t context, bool back, uint64_t *numbers, int max)
{
	uint64_t now = seek->sides[CURSOR].event, known = seek->known;
	uint64_t life = seek_life(seek, context);
	struct wanted wanted = want_life(life);
	int n;

	if (seek->index == NULL || life == SNAPSHOT_UNKNOWN)
		return 0;
	if (!back)
		return list_wanted(seek, now + 1, known > now + SEEK_NEAR ? now + SEEK_NEAR : known,
			&wanted, false, numbers, max);
	n = list_wanted(seek, now > SEEK_NEAR ? now - SEEK_NEAR + 1 : 1, now < known ? now : known,
		&wanted, true, numbers, max);
	turn_round(numbers, n);
	return n;
}

uint64_t seek_find_reset(struct seek *seek, bool back)
{
	const uint32_t ops = (1u << OP_BITS) - 1;
	struct wanted wanted = {ops, TRACE_RESET + 1, TRACE_RESETONLY + 1};

	return find(seek, &wanted, back);
}

/* ---- Time --------------------------------------------------------------------------------- */

static bool is_after(uint64_t time, uint64_t limit)
{
	return time != SNAPSHOT_UNKNOWN && time > limit;
}

/* The event of the last mark that is not after TIME_NS; 0: there is none. */
static uint64_t mark_before(const struct seek *seek, uint64_t time_ns)
{
	size_t low = 0, high = seek->n_marks;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_after(seek->marks[middle].time_ns, time_ns))
			high = middle;
		else
			low = middle + 1;
	}
	return low == 0 ? 0 : seek->marks[low - 1].event;
}

/* Runs the cursor on while nothing is after TIME_NS.  1; -1: *ERROR. */
static int run_until(struct seek *seek, uint64_t time_ns, struct replay_error *error)
{
	const struct side *cursor = &seek->sides[CURSOR];
	const struct trace_event *next;
	int result = 1;

	seek_begin(seek, CURSOR);
	while (result == 1) {
		result = replay_peek(cursor->replay, &next, error);
		if (result != 1 || is_after(replay_time(cursor->replay), time_ns))
			break;
		result = seek_run(seek, replay_progress(cursor->replay).events + 1, error);
	}
	seek_end(seek);
	return result < 0 ? -1 : 1;
}

int seek_to_time(struct seek *seek, uint64_t time_ns, struct replay_error *error)
{
	uint64_t event;

	while (!seek->passed &&
		(seek->n_marks == 0 || !is_after(seek->marks[seek->n_marks - 1].time_ns, time_ns)))
		pass_on(seek, PASS_EVENTS);
	if (seek_to(seek, mark_before(seek, time_ns), error) < 0 ||
		run_until(seek, time_ns, error) < 0)
		return -1;
	event = seek->sides[CURSOR].event;
	/* A time that is too late has been noted in the replay: no way on from there. */
	seek->sides[CURSOR].event = UINT64_MAX;
	return seek_to(seek, event, error) < 0 ? -1 : 1;
}
