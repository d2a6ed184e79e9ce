/* SPDX-License-Identifier: MIT */
/*
 * Saving a snapshot as JSON, or the events as text.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "model/json.h"
#include "tui/save.h"
#include "tui/view.h"

enum { PATH = 64, LINE = 1000, SHOWN = 500 };

/* A new file; NULL with errno, and the name that was tried last. */
static FILE *open_new(const char *suffix, char path[static PATH])
{
	FILE *out = NULL;

	for (int i = 1; !out && i < 1000; i++) {
		snprintf(path, PATH, "memctx-%d.%s", i, suffix);
		out = fopen(path, "wxe");
		if (!out && errno != EEXIST)
			break;
	}
	return out;
}

/* Names of events are a program's own: they are made harmless before they are printed. */
static void print_line(FILE *out, const char *line)
{
	char shown[DISPLAY_SIZE(SHOWN)];

	display_fit(shown, line, SHOWN, 0);
	fprintf(out, "%s\n", shown);
}

static void write_trace_events(FILE *out, const struct state *state)
{
	const struct explain_event *events;
	int n = view_past_events(state, &events);

	for (int i = 0; i < n; i++) {
		char words[80], line[LINE];

		view_event_words(&events[i].event, events[i].has_context ? events[i].name : "",
			words, sizeof words);
		snprintf(line, sizeof line, "%10" PRIu64 "  %-22s  %-24.120s  %s", events[i].number,
			words, events[i].has_context ? events[i].name : "", events[i].did);
		print_line(out, line);
	}
}

static void write_live_events(FILE *out, const struct state *state)
{
	const struct feed_live_event *events;
	int n = feed_live_list(state->feed, &events);

	for (int i = 0; i < n; i++) {
		char line[LINE];

		if (state->only && events[i].context != state->selected)
			continue;
		view_live_words(&events[i], line, sizeof line);
		print_line(out, line);
	}
}

static bool write_seen(FILE *out, const struct state *state)
{
	if (state->save == SAVE_SNAPSHOT)
		return json_write_flat(out, feed_snapshot(state->feed)) == 0;
	if (feed_kind(state->feed) == FEED_TRACE)
		write_trace_events(out, state);
	else
		write_live_events(out, state);
	return !ferror(out);
}

void save_seen(struct state *state)
{
	char path[PATH];
	bool is_written;
	FILE *out;
	int error;

	if (state->save == SAVE_EVENTS && !state_has_pane(state, PANE_EVENTS)) {
		state_say(state, "a snapshot has no events");
		state->save = SAVE_NOTHING;
		return;
	}
	if (state->save == SAVE_EVENTS)
		feed_watch(state->feed);
	out = open_new(state->save == SAVE_SNAPSHOT ? "json" : "events", path);
	is_written = out && write_seen(out, state);
	error = errno;
	if (out && fclose(out) != 0 && is_written) {
		is_written = false;
		error = errno;
	}
	if (out && !is_written)
		unlink(path);
	if (is_written)
		state_say(state, "saved as %s", path);
	else
		state_say(state, "%s: %s", path, strerror(error));
	state->save = SAVE_NOTHING;
}
