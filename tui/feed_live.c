/* SPDX-License-Identifier: MIT */
/*
 * A live process as a feed.
 *
 * Invariant: what rates and changes say is between the last two looks; events are the latest that
 * were taken off the rings, oldest first.
 */
#include <stdlib.h>
#include <string.h>

#include "model/clock.h"
#include "model/follow.h"
#include "model/live_look.h"
#include "tui/feed_live.h"

/* Each takes some thousand entries; all together some 50 ms at most. */
#define POLLS_MOST 64

struct feed_live {
	struct live *live;
	struct live_look *look;
	const struct snapshot *snapshot; /* the look's; NULL: there was none */
	struct follow *follow;           /* NULL: events are not looked at */
	struct changes changes;
	struct feed_rates rates;
	double looked; /* seconds of the monotonic clock */
	struct snapshot_figures totals;
	struct feed_live_event events[FEED_LIVE_EVENTS];
	int n_events;
};

struct feed_live *feed_live_open(pid_t pid, struct live_error *error)
{
	struct feed_live *live = calloc(1, sizeof *live);

	if (!live) {
		*error = (struct live_error){.status = 3, .message = "out of memory"};
		return NULL;
	}
	live->rates.allocs = live->rates.frees = -1;
	live->rates.lost = SNAPSHOT_UNKNOWN;
	live->live = live_open(pid, error);
	if (live->live) {
		live->look = live_look_new(live->live);
		if (live->look)
			return live;
		*error = (struct live_error){.status = 3, .message = "out of memory"};
	}
	feed_live_close(live);
	return NULL;
}

void feed_live_close(struct feed_live *live)
{
	if (!live)
		return;
	follow_free(live->follow);
	live_look_free(live->look);
	live_close(live->live);
	changes_free(&live->changes);
	free(live);
}

/* ---- Looking -------------------------------------------------------------------------- */

/* A count that went down (contexts were deleted, with what they had counted) says nothing. */
static double rate(uint64_t now, uint64_t before, double seconds)
{
	if (now == SNAPSHOT_UNKNOWN || before == SNAPSHOT_UNKNOWN || now < before || seconds <= 0)
		return -1;
	return (double)(now - before) / seconds;
}

static void note_rates(struct feed_live *live, bool is_first)
{
	double time = clock_seconds(CLOCK_MONOTONIC), seconds = time - live->looked;
	struct snapshot_figures sum;

	live_look_totals(live->look, &sum);
	live->rates.allocs = is_first ? -1 : rate(sum.allocs, live->totals.allocs, seconds);
	live->rates.frees = is_first ? -1 : rate(sum.frees, live->totals.frees, seconds);
	live->rates.uptime =
		clock_seconds(CLOCK_REALTIME) - (double)live_header(live->live)->started_ns / 1e9;
	live->rates.lost = live->follow ? follow_lost(live->follow) : SNAPSHOT_UNKNOWN;
	live->totals = sum;
	live->looked = time;
}

static bool take_event(const struct live_event *event, void *arg)
{
	struct feed_live *live = arg;
	struct feed_live_event *kept;
	const struct live_context *context = event->context;

	if (event->op == LIVE_FOUND)
		return true;
	if (live->n_events == FEED_LIVE_EVENTS) {
		live->n_events = FEED_LIVE_EVENTS / 2;
		memmove(live->events, live->events + FEED_LIVE_EVENTS / 2,
			(FEED_LIVE_EVENTS / 2) * sizeof *live->events);
	}
	kept = &live->events[live->n_events++];
	*kept = (struct feed_live_event){.time_ns = event->time_ns,
		.size = event->size,
		.context = context->serial,
		.tid = event->tid,
		.op = (int)event->op};
	if (context->serial != 0)
		snprintf(kept->name, sizeof kept->name, "%s%s%s", context->name,
			context->ident ? " " : "", context->ident ? context->ident : "");
	return true;
}

/* Takes what has come since, since what waits until the next look is late by then. */
static void take_events(struct feed_live *live)
{
	for (int i = 0; i < POLLS_MOST; i++)
		if (follow_poll(live->follow, take_event, live) <= 0)
			break;
}

bool feed_live_look(struct feed_live *live, struct live_error *error)
{
	bool is_first = live->snapshot == NULL;
	const struct snapshot *now;

	error->message[0] = '\0';
	if (!live_is_running(live->live))
		return false;
	now = live_look(live->look, error);
	if (!now)
		return false;
	live->snapshot = now;
	/* Without memory for them the screen shows no changes. */
	changes_next(&live->changes, now);
	if (live->follow)
		take_events(live);
	note_rates(live, is_first);
	return true;
}

const struct snapshot *feed_live_snapshot(const struct feed_live *live)
{
	return live->snapshot;
}

const struct snapshot_figures *feed_live_totals(const struct feed_live *live)
{
	return &live->totals;
}

const struct feed_rates *feed_live_rates(const struct feed_live *live)
{
	return &live->rates;
}

const struct changes *feed_live_changes(const struct feed_live *live)
{
	return &live->changes;
}

/* ---- Events --------------------------------------------------------------------------- */

bool feed_live_watch(struct feed_live *live)
{
	struct live_error error;

	if (live->follow)
		return false;
	live->follow = follow_new(live->live, FOLLOW_OLDEST, &error);
	if (live->follow)
		follow_poll(live->follow, take_event, live);
	return live->follow != NULL;
}

int feed_live_events(const struct feed_live *live, const struct feed_live_event **events)
{
	*events = live->events;
	return live->n_events;
}
