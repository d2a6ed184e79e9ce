/* SPDX-License-Identifier: MIT */
/*
 * Requests about time: along a trace, and how often a live process is looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "model/size.h"
#include "model/source.h"
#include "tui/state.h"

static bool is_trace(const struct state *state)
{
	return feed_kind(state->feed) == FEED_TRACE;
}

void state_seek(struct state *state, uint64_t event)
{
	state->wants_peak = false;
	if (!is_trace(state)) {
		state_say(state, "only a trace has a time line");
		return;
	}
	feed_seek(state->feed, event);
	state_update(state);
}

static void seek_by(struct state *state, int64_t events)
{
	uint64_t now = feed_event(state->feed);

	if (events < 0 && now < (uint64_t)-events)
		state_seek(state, 0);
	else
		state_seek(state, now + (uint64_t)events);
}

static int64_t hundredth(const struct state *state)
{
	uint64_t last = feed_last(state->feed);

	return last == SNAPSHOT_UNKNOWN || last < 100 ? 10 : (int64_t)(last / 100);
}

static void go_to_peak(struct state *state)
{
	uint64_t peak = feed_peak(state->feed);

	if (!is_trace(state) || (peak != SNAPSHOT_UNKNOWN && feed_is_near(state->feed, peak))) {
		state_seek(state, peak);
		return;
	}
	state->wants_peak = true;
	state_say(state, peak == SNAPSHOT_UNKNOWN
				 ? "the trace is still being read; its peak comes when it is known"
				 : "on the way to the peak; any other move stays here");
}

/* To where FOUND says; WHAT there is none of otherwise. */
static void moved(struct state *state, bool found, const char *what)
{
	state->wants_peak = false;
	if (!is_trace(state))
		state_say(state, "only a trace has a time line");
	else if (!found)
		state_say(state, "there is no %s", what);
	state_update(state);
}

void state_go_to(struct state *state, const char *text)
{
	uint64_t last = feed_last(state->feed);
	struct source_point point;

	if (!is_trace(state))
		state_say(state, "only a trace has a time line");
	else if (!source_parse_point(text, &point) || point.kind == SOURCE_AS_IS)
		state_say(state, "expected an event (812), a time (5.9ms), peak or end");
	else if (point.kind == SOURCE_EVENT)
		state_seek(state, point.number);
	else if (point.kind == SOURCE_TIME)
		moved(state, feed_seek_time(state->feed, point.number), "such time in the trace");
	else if (point.kind == SOURCE_PEAK)
		go_to_peak(state);
	else
		state_seek(state, last == SNAPSHOT_UNKNOWN ? UINT64_MAX : last);
}

static void play(struct state *state)
{
	if (feed_kind(state->feed) == FEED_LIVE)
		state->paused = !state->paused;
	else if (!is_trace(state))
		state_say(state, "a snapshot stands still");
	else
		state->playing = !state->playing;
	if (state->playing && feed_event(state->feed) >= feed_last(state->feed))
		state_seek(state, 0);
	state->wants_peak = false;
}

static void change_speed(struct state *state, bool is_faster)
{
	if (is_trace(state)) {
		state->speed = is_faster ? state->speed * 2 : state->speed / 2;
		if (state->speed > 100000000)
			state->speed = 100000000;
		if (state->speed == 0)
			state->speed = 1;
	} else {
		state->interval = is_faster ? state->interval / 2 : state->interval * 2;
		if (state->interval < 0.05)
			state->interval = 0.05;
		if (state->interval > 3600)
			state->interval = 3600;
		state_say(state, "looks again every %g s", state->interval);
	}
}

void state_request_time(struct state *state, enum request request)
{
	switch (request) {
	case REQUEST_BACK:
		seek_by(state, -1);
		break;
	case REQUEST_STEP:
		seek_by(state, 1);
		break;
	case REQUEST_BACK_MANY:
		seek_by(state, -hundredth(state));
		break;
	case REQUEST_STEP_MANY:
		seek_by(state, hundredth(state));
		break;
	case REQUEST_NEXT_OWN:
	case REQUEST_BACK_OWN:
		moved(state, feed_seek_life(state->feed, state->life, request == REQUEST_BACK_OWN),
			request == REQUEST_BACK_OWN ? "event of this context before"
						    : "further event of this context");
		break;
	case REQUEST_NEXT_RESET:
	case REQUEST_BACK_RESET:
		moved(state, feed_seek_reset(state->feed, request == REQUEST_BACK_RESET),
			request == REQUEST_BACK_RESET ? "reset before" : "further reset");
		break;
	case REQUEST_START:
		state_seek(state, 0);
		break;
	case REQUEST_FINISH:
		state_go_to(state, "end");
		break;
	case REQUEST_PEAK:
		go_to_peak(state);
		break;
	case REQUEST_PLAY:
		play(state);
		break;
	case REQUEST_FASTER:
	case REQUEST_SLOWER:
		change_speed(state, request == REQUEST_FASTER);
		break;
	default:
		break;
	}
}

void state_tick(struct state *state, double seconds)
{
	uint64_t events;

	if (feed_kind(state->feed) == FEED_LIVE && !state->paused)
		feed_refresh(state->feed);
	if (state->wants_peak && feed_peak(state->feed) != SNAPSHOT_UNKNOWN &&
		feed_is_near(state->feed, feed_peak(state->feed))) {
		*state->message = '\0';
		state_seek(state, feed_peak(state->feed));
	}
	if (state->playing && is_trace(state)) {
		state->due += (double)state->speed * seconds;
		events = (uint64_t)state->due;
		state->due -= (double)events;
		if (events)
			feed_seek(state->feed, feed_event(state->feed) + events);
		if (feed_event(state->feed) >= feed_last(state->feed) || feed_trouble(state->feed))
			state->playing = false;
	}
	state_update(state);
}
