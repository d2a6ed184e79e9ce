/* SPDX-License-Identifier: MIT */
/*
 * Feeds: a trace that is replayed to and fro, a live process looked at again and again, a
 * snapshot that stands still.
 *
 * A trace is replayed forwards; to go back it is replayed from its start.  A second replay of it
 * runs whenever nobody waits, and finds the length, the peak and the totals for the time line.
 *
 * Invariant: `events` are the last n_events events before the moment that the snapshot shows.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tui/feed_live.h"

#define IDLE_EVENTS 20000
#define TAIL_EVENTS 24 /* explained before a moment that was sought */

struct feed {
	enum feed_kind kind;
	char title[FEED_TITLE];
	char path[SOURCE_PATH];
	char trouble[400];
	struct source_options options;
	struct snapshot *snapshot;
	uint64_t serial;

	struct feed_live *live;

	struct trace_reader *reader;
	struct replay *replay;
	struct explain *explain;
	uint64_t event;
	struct explain_event events[FEED_EVENTS];
	int n_events;

	struct trace_reader *scout_reader;
	struct replay *scout;
	bool scouted;
	uint64_t last, peak;
	uint64_t samples[FEED_HISTORY], sample_events[FEED_HISTORY];
	int n_samples;
	uint64_t sample_step; /* events between samples */
};

/* ---- Replays -------------------------------------------------------------------------- */

static void say(struct feed *feed, const char *text, uint64_t line)
{
	if (line)
		snprintf(feed->trouble, sizeof feed->trouble, "line %" PRIu64 ": %.300s", line,
			text);
	else
		snprintf(feed->trouble, sizeof feed->trouble, "%.390s", text);
}

static struct replay *begin_replay(struct feed *feed, struct trace_reader **reader)
{
	struct trace_error trace_error;
	struct replay_error error;
	struct replay *replay;

	*reader = trace_open(
		feed->path, feed->options.replay.keep_going ? TRACE_KEEP_GOING : 0, &trace_error);
	if (!*reader) {
		say(feed, trace_error.message, trace_error.line);
		return NULL;
	}
	replay = replay_new(*reader, &feed->options.replay, &error);
	if (!replay) {
		say(feed, error.message, error.line);
		trace_close(*reader);
		*reader = NULL;
	}
	return replay;
}

static void end_replay(struct replay **replay, struct trace_reader **reader)
{
	replay_free(*replay);
	if (*reader)
		trace_close(*reader);
	*replay = NULL;
	*reader = NULL;
}

/* Back to before the first event. */
static bool rewind_trace(struct feed *feed)
{
	explain_free(feed->explain);
	feed->explain = NULL;
	end_replay(&feed->replay, &feed->reader);
	feed->replay = begin_replay(feed, &feed->reader);
	feed->event = 0;
	feed->n_events = 0;
	if (feed->replay)
		feed->explain = explain_new(feed->replay);
	return feed->explain != NULL;
}

static void take_snapshot(struct feed *feed)
{
	struct snapshot *snapshot = replay_snapshot(feed->replay);

	if (!snapshot)
		return;
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
	result = explain_next(feed->explain, event, &error);
	if (result < 0)
		say(feed, error.message, error.line);
	if (result <= 0)
		return false;
	feed->event = event->number;
	feed->n_events++;
	return true;
}

bool feed_seek(struct feed *feed, uint64_t event)
{
	struct replay_error error;
	uint64_t skip = event > TAIL_EVENTS ? event - TAIL_EVENTS : 0;

	if (feed->kind != FEED_TRACE)
		return false;
	if ((event < feed->event || !feed->explain) && !rewind_trace(feed))
		return false;
	feed->trouble[0] = '\0';
	if (skip > feed->event) {
		int result = explain_run(feed->explain, skip, &error);

		feed->n_events = 0;
		feed->event = replay_counts(feed->replay)->events;
		if (result < 0)
			say(feed, error.message, error.line);
	}
	while (feed->event < event && step(feed))
		;
	take_snapshot(feed);
	return true;
}

/* What an event is sought by. */
struct wanted {
	bool is_reset;
	uint64_t context;
	uint64_t time_ns; /* else: the last event up to here */
};

static bool is_wanted(const struct wanted *wanted, const struct explain_subject *subject)
{
	if (wanted->time_ns != SNAPSHOT_UNKNOWN)
		return true;
	if (wanted->is_reset)
		return subject->op == TRACE_RESET || subject->op == TRACE_RESETONLY;
	return subject->has_context && subject->context == wanted->context;
}

/*
 * Goes on from here to the first wanted event, or to the last one before BEFORE; *FOUND gets its
 * number, or stays.
 */
static void search(struct feed *feed, const struct wanted *wanted, uint64_t before, uint64_t *found)
{
	struct explain_subject subject;
	struct replay_error error;

	while (explain_peek(feed->explain, &subject, &error) > 0 && subject.number < before) {
		struct replay_moment now;
		bool is_it = is_wanted(wanted, &subject);

		if (wanted->time_ns != SNAPSHOT_UNKNOWN) {
			replay_now(feed->replay, &now);
			is_it = now.time_ns == SNAPSHOT_UNKNOWN || now.time_ns <= wanted->time_ns;
			if (!is_it)
				return;
		}
		if (explain_run(feed->explain, subject.number, &error) < 0)
			return;
		feed->event = replay_counts(feed->replay)->events;
		if (is_it)
			*found = subject.number;
		if (is_it && before == UINT64_MAX && wanted->time_ns == SNAPSHOT_UNKNOWN)
			return;
	}
}

static bool seek_wanted(struct feed *feed, const struct wanted *wanted, bool back)
{
	uint64_t from = feed->event, found = SNAPSHOT_UNKNOWN;

	if (feed->kind != FEED_TRACE || (back && !rewind_trace(feed)))
		return false;
	search(feed, wanted, back && wanted->time_ns == SNAPSHOT_UNKNOWN ? from : UINT64_MAX,
		&found);
	rewind_trace(feed);
	if (found == SNAPSHOT_UNKNOWN && wanted->time_ns != SNAPSHOT_UNKNOWN)
		found = 0;
	feed_seek(feed, found == SNAPSHOT_UNKNOWN ? from : found);
	return found != SNAPSHOT_UNKNOWN;
}

bool feed_seek_time(struct feed *feed, uint64_t time_ns)
{
	struct wanted wanted = {.time_ns = time_ns};

	return seek_wanted(feed, &wanted, true);
}

bool feed_seek_context(struct feed *feed, uint64_t context, bool back)
{
	struct wanted wanted = {.context = context, .time_ns = SNAPSHOT_UNKNOWN};

	return seek_wanted(feed, &wanted, back);
}

bool feed_seek_reset(struct feed *feed, bool back)
{
	struct wanted wanted = {.is_reset = true, .time_ns = SNAPSHOT_UNKNOWN};

	return seek_wanted(feed, &wanted, back);
}

uint64_t feed_event(const struct feed *feed)
{
	return feed->event;
}

/* ---- The first pass ------------------------------------------------------------------- */

static void add_sample(struct feed *feed, uint64_t event, uint64_t total)
{
	if (feed->n_samples == FEED_HISTORY) {
		/* Every other one goes; the rest reach twice as far. */
		for (int i = 0; i < FEED_HISTORY / 2; i++) {
			feed->samples[i] = feed->samples[2 * i + 1];
			feed->sample_events[i] = feed->sample_events[2 * i + 1];
		}
		feed->n_samples = FEED_HISTORY / 2;
		feed->sample_step *= 2;
	}
	feed->samples[feed->n_samples] = total;
	feed->sample_events[feed->n_samples++] = event;
}

static void end_scout(struct feed *feed)
{
	struct replay_moment peak;

	replay_peak(feed->scout, &peak);
	feed->peak = peak.event;
	feed->last = replay_counts(feed->scout)->events;
	end_replay(&feed->scout, &feed->scout_reader);
	feed->scouted = true;
	feed->serial++;
}

bool feed_idle(struct feed *feed)
{
	uint64_t from;

	if (feed->kind != FEED_TRACE || feed->scouted)
		return false;
	if (!feed->scout) {
		feed->scout = begin_replay(feed, &feed->scout_reader);
		feed->scouted = !feed->scout;
		return feed->scout != NULL;
	}
	from = replay_counts(feed->scout)->events;
	while (replay_counts(feed->scout)->events - from < IDLE_EVENTS) {
		uint64_t next = replay_counts(feed->scout)->events + feed->sample_step;
		struct replay_error error;
		struct replay_moment now;
		int result = replay_run(feed->scout, next, UINT64_MAX, &error);

		replay_now(feed->scout, &now);
		add_sample(feed, now.event, now.figures.total_bytes);
		if (result == 1)
			continue;
		end_scout(feed);
		return false;
	}
	return true;
}

uint64_t feed_last(const struct feed *feed)
{
	return feed->last;
}

uint64_t feed_peak(const struct feed *feed)
{
	return feed->peak;
}

int feed_history(const struct feed *feed, const uint64_t **samples, int *position)
{
	*samples = feed->samples;
	*position = -1;
	if (feed->kind == FEED_TRACE)
		for (int i = 0; i < feed->n_samples; i++)
			if (feed->sample_events[i] <= feed->event)
				*position = i;
	return feed->n_samples;
}

/* ---- Live ----------------------------------------------------------------------------- */

static void add_total(struct feed *feed)
{
	struct snapshot_figures sum;

	snapshot_totals(feed->snapshot, &sum);
	if (feed->n_samples == FEED_HISTORY)
		memmove(feed->samples, feed->samples + 1,
			(size_t)--feed->n_samples * sizeof *feed->samples);
	feed->samples[feed->n_samples++] = sum.total_bytes;
}

bool feed_refresh(struct feed *feed)
{
	struct snapshot *snapshot;
	struct live_error error;

	if (feed->kind != FEED_LIVE || feed->trouble[0])
		return false;
	snapshot = feed_live_look(feed->live, feed->snapshot, &error);
	feed->serial++;
	if (!snapshot) {
		say(feed,
			error.message[0]
				? error.message
				: "the process has ended; this is the last that was seen of it",
			0);
		return true;
	}
	snapshot_free(feed->snapshot);
	feed->snapshot = snapshot;
	add_total(feed);
	return true;
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
	if (feed->live && !feed->trouble[0] && feed_live_watch(feed->live))
		feed->serial++;
}

int feed_live_list(const struct feed *feed, const struct feed_live_event **events)
{
	*events = NULL;
	return feed->live ? feed_live_events(feed->live, events) : 0;
}

/* ---- Opening -------------------------------------------------------------------------- */

static bool all_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool open_live(struct feed *feed, const char *argument, struct source_error *error)
{
	struct live_error why = {0};
	char command[100];
	pid_t pid = (pid_t)strtol(argument, NULL, 10);

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
	if (feed->snapshot)
		return true;
	*error = (struct source_error){.status = 1};
	snprintf(error->path, sizeof error->path, "%s", argument);
	snprintf(error->message, sizeof error->message, "%s", feed->trouble);
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static bool open_file(struct feed *feed, const char *argument, struct source_error *error)
{
	struct source *source = source_open(argument, &feed->options, error);
	struct source_point point = {.kind = SOURCE_AS_IS};
	bool is_open = source != NULL;

	if (!source)
		return false;
	snprintf(feed->path, sizeof feed->path, "%s", source_path(source));
	snprintf(feed->title, sizeof feed->title, "%.150s", base_name(feed->path));
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
	if (!is_open || feed->kind != FEED_TRACE)
		return is_open;
	if (feed_seek(feed, 0))
		return true;
	*error = (struct source_error){.status = 1};
	snprintf(error->path, sizeof error->path, "%s", feed->path);
	snprintf(error->message, sizeof error->message, "%s", feed->trouble);
	return false;
}

struct feed *feed_of_snapshot(struct snapshot *snapshot, const char *title)
{
	struct feed *feed = calloc(1, sizeof *feed);

	if (!feed) {
		snapshot_free(snapshot);
		return NULL;
	}
	feed->kind = FEED_STILL;
	feed->last = feed->peak = SNAPSHOT_UNKNOWN;
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
	feed->last = feed->peak = SNAPSHOT_UNKNOWN;
	feed->sample_step = 16;
	is_open = argument && all_digits(argument) ? open_live(feed, argument, error)
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
	explain_free(feed->explain);
	end_replay(&feed->replay, &feed->reader);
	end_replay(&feed->scout, &feed->scout_reader);
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
	return feed->snapshot;
}

uint64_t feed_serial(const struct feed *feed)
{
	return feed->serial;
}

const char *feed_trouble(const struct feed *feed)
{
	return feed->trouble[0] ? feed->trouble : NULL;
}

bool feed_chain(
	const struct feed *feed, uint64_t context, int size_class, struct explain_chain *chain)
{
	const memctx *ctx = feed->replay ? replay_context(feed->replay, context) : NULL;

	if (!ctx)
		return false;
	explain_chain(feed->explain, ctx, size_class, chain);
	return true;
}

bool feed_look(const struct feed *feed, uint64_t context, struct look *look)
{
	*look = (struct look){feed->replay, feed->explain,
		feed->replay ? replay_context(feed->replay, context) : NULL};
	return look->ctx != NULL;
}

int feed_events(const struct feed *feed, const struct explain_event **events)
{
	*events = feed->events;
	return feed->kind == FEED_TRACE ? feed->n_events : 0;
}
