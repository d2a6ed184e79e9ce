/* SPDX-License-Identifier: MIT */
/*
 * Feeds: a trace that is replayed to and fro, a live process looked at again and again, a
 * snapshot that stands still.
 *
 * A trace is sought (model/seek.h), and what needs the whole of it is found whenever nobody waits.
 *
 * Invariants: `events` are the last n_events events before the moment that the snapshot shows;
 * while a trace is shown its contexts are those that the library knows.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/replay_look.h"
#include "model/seek.h"
#include "tui/feed_live.h"
#include "tui/feed_near.h"

#define TAIL_EVENTS 24 /* explained before a moment that was sought */

struct feed {
	enum feed_kind kind;
	char title[FEED_TITLE];
	char path[SOURCE_PATH];
	char trouble[400];
	bool has_failed; /* … that is the system's */
	struct source_options options;
	struct snapshot *snapshot; /* NULL: of a live process, whose look has it */
	uint64_t serial;

	struct feed_live *live;
	bool has_ended;

	struct seek *seek;
	struct explain_event events[FEED_EVENTS];
	int n_events;
	struct feed_near *near;
	struct feed_memory *memory;

	uint64_t samples[FEED_HISTORY]; /* of a live process */
	int n_samples;
};

_Static_assert((int)SEEK_SAMPLES <= (int)FEED_HISTORY, "a trace's samples are no more");

/* ---- Traces --------------------------------------------------------------------------- */

static const struct replay_error no_memory = {.status = 3, .message = "out of memory"};

static void say_error(struct feed *feed, const struct replay_error *error)
{
	feed->has_failed |= error->status == 3;
	if (error->line)
		snprintf(feed->trouble, sizeof feed->trouble, "line %" PRIu64 ": %.300s",
			error->line, error->message);
	else
		snprintf(feed->trouble, sizeof feed->trouble, "%.390s", error->message);
}

static void forget_trouble(struct feed *feed)
{
	feed->trouble[0] = '\0';
	feed->has_failed = false;
}

/* A trace whose rest is not to be seen says why where it seems to end. */
static void tell_cut(struct feed *feed)
{
	const struct replay_error *cut = seek_cut(feed->seek);

	if (cut && seek_event(feed->seek) >= seek_last(feed->seek))
		say_error(feed, cut);
}

static void take_snapshot(struct feed *feed)
{
	const struct replay *replay = seek_replay(feed->seek);
	struct snapshot *snapshot = replay ? replay_snapshot(replay) : NULL;

	if (!snapshot) {
		say_error(feed, &no_memory);
		return;
	}
	snapshot_free(feed->snapshot);
	feed->snapshot = snapshot;
	feed->serial++;
}

/* One event, explained.  False at the end and in error. */
static bool step(struct feed *feed)
{
	struct replay_error error;
	struct explain_event *event;
	int result;

	if (feed->n_events == FEED_EVENTS) {
		feed->n_events -= FEED_EVENTS / 2;
		memmove(feed->events, feed->events + FEED_EVENTS / 2,
			(size_t)feed->n_events * sizeof *feed->events);
	}
	event = &feed->events[feed->n_events];
	result = seek_next(feed->seek, event, &error);
	if (result < 0)
		say_error(feed, &error);
	if (result <= 0)
		return false;
	feed->n_events++;
	return true;
}

/* Goes to where the explaining before EVENT begins. */
static void approach(struct feed *feed, uint64_t event)
{
	uint64_t first = event > TAIL_EVENTS ? event - TAIL_EVENTS : 0;
	struct replay_error error;

	if (event >= seek_event(feed->seek) && first <= seek_event(feed->seek))
		return;
	feed->n_events = 0;
	if (seek_to(feed->seek, first, &error) < 0)
		say_error(feed, &error);
}

static void move_to(struct feed *feed, uint64_t event)
{
	uint64_t end = event;

	while (event > seek_passed(feed->seek) && feed_last(feed) == SNAPSHOT_UNKNOWN &&
		feed_idle(feed))
		;
	if (end > feed_last(feed))
		end = feed_last(feed);
	approach(feed, end);
	/* Past the end a trace may have an error to tell. */
	while (seek_event(feed->seek) < event && step(feed))
		;
	take_snapshot(feed);
	tell_cut(feed);
}

bool feed_seek(struct feed *feed, uint64_t event)
{
	if (feed->kind != FEED_TRACE)
		return false;
	forget_trouble(feed);
	move_to(feed, event);
	return true;
}

bool feed_seek_time(struct feed *feed, uint64_t time_ns)
{
	struct replay_error error;

	if (feed->kind != FEED_TRACE)
		return false;
	forget_trouble(feed);
	feed->n_events = 0;
	if (seek_to_time(feed->seek, time_ns, &error) < 0)
		say_error(feed, &error);
	move_to(feed, seek_event(feed->seek));
	return true;
}

static bool seek_found(struct feed *feed, uint64_t event)
{
	return event != SNAPSHOT_UNKNOWN && feed_seek(feed, event);
}

uint64_t feed_life(const struct feed *feed, uint64_t context)
{
	return feed->kind == FEED_TRACE ? seek_life(feed->seek, context) : SNAPSHOT_UNKNOWN;
}

bool feed_seek_life(struct feed *feed, uint64_t life, bool back)
{
	return feed->kind == FEED_TRACE && seek_found(feed, seek_find_life(feed->seek, life, back));
}

bool feed_seek_reset(struct feed *feed, bool back)
{
	return feed->kind == FEED_TRACE && seek_found(feed, seek_find_reset(feed->seek, back));
}

uint64_t feed_event(const struct feed *feed)
{
	return feed->kind == FEED_TRACE ? seek_event(feed->seek) : 0;
}

/* ---- The first pass ------------------------------------------------------------------- */

bool feed_idle(struct feed *feed)
{
	bool was_known = feed_last(feed) != SNAPSHOT_UNKNOWN, goes_on;

	if (feed->kind != FEED_TRACE)
		return false;
	goes_on = seek_pass(feed->seek);
	if (!was_known && feed_last(feed) != SNAPSHOT_UNKNOWN) {
		feed->serial++;
		tell_cut(feed);
	}
	return goes_on;
}

uint64_t feed_last(const struct feed *feed)
{
	return feed->kind == FEED_TRACE ? seek_last(feed->seek) : SNAPSHOT_UNKNOWN;
}

uint64_t feed_peak(const struct feed *feed)
{
	return feed->kind == FEED_TRACE ? seek_peak(feed->seek) : SNAPSHOT_UNKNOWN;
}

bool feed_is_near(const struct feed *feed, uint64_t event)
{
	return feed->kind != FEED_TRACE || seek_is_near(feed->seek, event);
}

int feed_history(const struct feed *feed, const uint64_t **samples, int *position)
{
	const uint64_t *events;
	int n;

	*samples = feed->samples;
	*position = -1;
	if (feed->kind != FEED_TRACE)
		return feed->n_samples;
	n = seek_samples(feed->seek, samples, &events);
	for (int i = 0; i < n && events[i] <= feed_event(feed); i++)
		*position = i;
	return n;
}

/* ---- Live ----------------------------------------------------------------------------- */

static void add_total(struct feed *feed)
{
	if (feed->n_samples == FEED_HISTORY)
		memmove(feed->samples, feed->samples + 1,
			(size_t)--feed->n_samples * sizeof *feed->samples);
	feed->samples[feed->n_samples++] = feed_live_totals(feed->live)->total_bytes;
}

bool feed_refresh(struct feed *feed)
{
	struct live_error error;
	bool is_seen;

	if (feed->kind != FEED_LIVE || feed->has_ended)
		return false;
	is_seen = feed_live_look(feed->live, &error);
	feed->serial++;
	if (!is_seen) {
		feed->has_ended = !error.message[0];
		snprintf(feed->trouble, sizeof feed->trouble, "%.390s",
			feed->has_ended
				? "the process has ended; this is the last that was seen of it"
				: error.message);
		return true;
	}
	forget_trouble(feed);
	add_total(feed);
	return true;
}

bool feed_has_ended(const struct feed *feed)
{
	return feed->has_ended;
}

const struct feed_rates *feed_rates(const struct feed *feed)
{
	return feed->live ? feed_live_rates(feed->live) : NULL;
}

const int64_t *feed_changes(const struct feed *feed, bool own)
{
	const struct changes *changes = feed->live ? feed_live_changes(feed->live) : NULL;

	return !changes ? NULL : own ? changes->own : changes->subtree;
}

void feed_watch(struct feed *feed)
{
	if (feed->live && !feed->has_ended && feed_live_watch(feed->live))
		feed->serial++;
}

int feed_live_list(const struct feed *feed, const struct feed_live_event **events)
{
	*events = NULL;
	return feed->live ? feed_live_events(feed->live, events) : 0;
}

/* ---- Opening -------------------------------------------------------------------------- */

static bool open_live(struct feed *feed, const char *argument, struct source_error *error)
{
	struct live_error why = {0};
	char command[100];
	pid_t pid = live_pid(argument);

	feed->kind = FEED_LIVE;
	feed->live = feed_live_open(pid, &why);
	if (!feed->live) {
		*error = (struct source_error){.status = why.status};
		snprintf(error->path, sizeof error->path, "%s", argument);
		snprintf(error->message, sizeof error->message, "%s", why.message);
		return false;
	}
	live_command(pid, command, sizeof command);
	snprintf(feed->title, sizeof feed->title, "%d  %.100s", (int)pid, command);
	feed_refresh(feed);
	if (feed_snapshot(feed))
		return true;
	*error = (struct source_error){.status = 1};
	snprintf(error->path, sizeof error->path, "%s", argument);
	snprintf(error->message, sizeof error->message, "%s", feed->trouble);
	return false;
}

static bool open_trace(struct feed *feed, struct source_error *error)
{
	struct seek_options options = {.replay = feed->options.replay};
	struct replay_error cause;

	feed->near = feed_near_new();
	feed->memory = feed_memory_new();
	if (!feed->near || !feed->memory) {
		*error = (struct source_error){.status = 3, .message = "out of memory"};
		return false;
	}
	feed->seek = seek_open(feed->path, &options, &cause);
	if (feed->seek) {
		seek_enter(feed->seek);
		feed_seek(feed, 0);
		if (feed->snapshot)
			return true;
		cause = no_memory;
	}
	*error = (struct source_error){
		.status = cause.status, .line = cause.line, .column = cause.column};
	snprintf(error->path, sizeof error->path, "%s", feed->path);
	snprintf(error->message, sizeof error->message, "%s", cause.message);
	return false;
}

static bool open_file(struct feed *feed, const char *argument, struct source_error *error)
{
	struct source *source = source_open(argument, &feed->options, error);
	struct source_point point = {.kind = SOURCE_AS_IS};
	bool is_open = source != NULL;

	if (!source)
		return false;
	snprintf(feed->path, sizeof feed->path, "%s", source_path(source));
	snprintf(feed->title, sizeof feed->title, "%.150s", source_short_name(feed->path));
	if (source_kind(source) == SOURCE_TRACE) {
		feed->kind = FEED_TRACE;
	} else {
		feed->snapshot = source_snapshot(source, &point, error);
		is_open = feed->snapshot != NULL;
	}
	if (is_open && source_kind(source) == SOURCE_LIVE) {
		char pid[24];

		snprintf(pid, sizeof pid, "%lld", (long long)feed->snapshot->pid);
		source_close(source);
		snapshot_free(feed->snapshot);
		feed->snapshot = NULL;
		return open_live(feed, pid, error);
	}
	source_close(source);
	return is_open && (feed->kind != FEED_TRACE || open_trace(feed, error));
}

struct feed *feed_of_snapshot(struct snapshot *snapshot, const char *title)
{
	struct feed *feed = calloc(1, sizeof *feed);

	if (!feed) {
		snapshot_free(snapshot);
		return NULL;
	}
	feed->kind = FEED_STILL;
	feed->snapshot = snapshot;
	snprintf(feed->title, sizeof feed->title, "%.150s", title);
	return feed;
}

struct feed *feed_open(
	const char *argument, const struct source_options *options, struct source_error *error)
{
	struct feed *feed = calloc(1, sizeof *feed);
	bool is_open;

	if (!feed) {
		*error = (struct source_error){.status = 3, .message = "out of memory"};
		return NULL;
	}
	feed->kind = FEED_STILL;
	feed->options = *options;
	is_open = argument && source_is_pid(argument) ? open_live(feed, argument, error)
						      : open_file(feed, argument, error);
	if (is_open)
		return feed;
	feed_close(feed);
	return NULL;
}

void feed_close(struct feed *feed)
{
	if (!feed)
		return;
	seek_close(feed->seek);
	feed_near_free(feed->near);
	feed_memory_free(feed->memory);
	feed_live_close(feed->live);
	snapshot_free(feed->snapshot);
	free(feed);
}

/* ---- Looking -------------------------------------------------------------------------- */

enum feed_kind feed_kind(const struct feed *feed)
{
	return feed->kind;
}

const char *feed_title(const struct feed *feed)
{
	return feed->title;
}

const struct snapshot *feed_snapshot(const struct feed *feed)
{
	return feed->live ? feed_live_snapshot(feed->live) : feed->snapshot;
}

void feed_totals(const struct feed *feed, struct snapshot_figures *sum)
{
	if (feed->live)
		*sum = *feed_live_totals(feed->live);
	else
		snapshot_totals(feed->snapshot, sum);
}

uint64_t feed_serial(const struct feed *feed)
{
	return feed->serial;
}

const char *feed_trouble(const struct feed *feed)
{
	return feed->trouble[0] ? feed->trouble : NULL;
}

bool feed_has_failed(const struct feed *feed)
{
	return feed->has_failed;
}

bool feed_chain(const struct feed *feed, uint64_t context, int number, struct explain_chain *chain)
{
	struct look look;

	if (!feed_look(feed, context, &look))
		return false;
	explain_chain(seek_explain(feed->seek), look.ctx, number, chain);
	return true;
}

int feed_list(const struct feed *feed, uint64_t context, uint64_t bytes)
{
	struct look look;

	if (!feed_look(feed, context, &look))
		return -1;
	return replay_look_list_sized(look.replay, look.ctx, bytes);
}

bool feed_look(const struct feed *feed, uint64_t context, struct look *look)
{
	bool is_there = feed->kind == FEED_TRACE && seek_explain(feed->seek);

	*look = (struct look){0};
	if (!is_there)
		return false;
	*look = (struct look){seek_replay(feed->seek), seek_explain(feed->seek),
		replay_context(seek_replay(feed->seek), context)};
	return look->ctx != NULL;
}

/* Where to look, and what was seen there forgotten if it is elsewhere. */
static bool look_at(struct feed *feed, uint64_t context, struct look *look)
{
	if (!feed_look(feed, context, look))
		return false;
	feed_memory_of(feed->memory, context, feed->serial);
	return true;
}

const struct memory_blocks *feed_blocks(
	struct feed *feed, uint64_t context, size_t first, size_t max, int width)
{
	struct look look;

	return look_at(feed, context, &look)
		       ? feed_memory_blocks(feed->memory, &look, first, max, width)
		       : NULL;
}

const struct look_chunk *feed_chunk(
	struct feed *feed, uint64_t context, const struct memory_place *place)
{
	struct look look;

	return look_at(feed, context, &look) ? feed_memory_chunk(feed->memory, &look, place) : NULL;
}

const struct look_chunk *feed_changed_chunk(
	struct feed *feed, uint64_t context, const struct explain_event *event)
{
	struct look look;

	return look_at(feed, context, &look) ? feed_memory_changed(feed->memory, &look, event)
					     : NULL;
}

int feed_events(const struct feed *feed, const struct explain_event **events)
{
	*events = feed->events;
	return feed->kind == FEED_TRACE ? feed->n_events : 0;
}

int feed_own_events(
	struct feed *feed, uint64_t context, bool may, const struct explain_event **events)
{
	*events = NULL;
	if (feed->kind != FEED_TRACE)
		return 0;
	return feed_near_own(
		feed->near, feed->seek, context, feed->events, feed->n_events, may, events);
}

int feed_coming(struct feed *feed, const uint64_t *context, const struct seek_coming **coming)
{
	*coming = NULL;
	return feed->kind == FEED_TRACE ? feed_near_coming(feed->near, feed->seek, context, coming)
					: 0;
}
