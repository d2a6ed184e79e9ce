/* SPDX-License-Identifier: MIT */
/*
 * The loops: a key or a moment passes, the state changes, the screen is painted if it would differ.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model/clock.h"
#include "tui/mouse.h"
#include "tui/save.h"
#include "tui/term.h"
#include "tui/tui.h"
#include "tui/view.h"

enum { STATUS_DONE = 0, STATUS_USAGE = 2, STATUS_SYSTEM = 3 };

enum { PLAY_MS = 40, IDLE_MS = 3600000, SCRIPT_LINE = 256 };

static double now(void)
{
	return clock_seconds(CLOCK_MONOTONIC);
}

/* Ends the first pass: what needs the whole trace is known then. */
static void finish_pass(struct feed *feed)
{
	while (feed_idle(feed))
		;
}

/*
 * Goes to where the options say.  The peak is known after the first pass: a terminal shows the
 * trace at once and goes there then, a script waits for it.
 */
static void begin(struct state *state, const struct tui_options *options, bool waits)
{
	state->interval = options->interval;
	if (feed_kind(state->feed) != FEED_TRACE)
		return;
	if (options->start != SNAPSHOT_UNKNOWN) {
		feed_seek(state->feed, options->start);
	} else {
		if (waits)
			finish_pass(state->feed);
		state_request(state, REQUEST_PEAK);
		*state->message = '\0';
	}
	state_update(state);
}

/* ---- On a terminal -------------------------------------------------------------------- */

static void take_mouse(struct state *state, int width, int height)
{
	int y, x;
	enum term_mouse what = term_mouse(&y, &x);

	if (what == TERM_CLICK)
		mouse_click(state, y, x, width, height);
	else
		mouse_wheel(state, what == TERM_WHEEL_UP ? -1 : 1);
}

/* How long nothing needs to happen; LAST is when time last passed, END when all ends. */
static int wait_ms(const struct state *state, bool is_busy, double last, double end)
{
	double due = end;

	if (is_busy)
		return 0;
	if (state->playing)
		return PLAY_MS;
	if (feed_kind(state->feed) == FEED_LIVE && !state->paused && !feed_has_ended(state->feed) &&
		last + state->interval < end)
		due = last + state->interval;
	due = (due - now()) * 1000;
	return due < 1 ? 1 : due > IDLE_MS ? IDLE_MS : (int)due + 1;
}

static bool paint(struct canvas **canvas, struct state *state, bool ascii)
{
	int width, height;

	term_size(&width, &height);
	if (!*canvas || (*canvas)->width != width || (*canvas)->height != height) {
		canvas_free(*canvas);
		*canvas = canvas_new(width, height, ascii);
	}
	if (!*canvas)
		return false;
	view_paint(*canvas, state);
	term_show(*canvas, state->redraw);
	state->redraw = false;
	return true;
}

static void take_key(struct state *state, int key, const struct canvas *canvas)
{
	if (key == KEYS_MOUSE)
		take_mouse(state, canvas->width, canvas->height);
	else if (key != KEYS_NONE && key != KEYS_RESIZE)
		state_key(state, key);
	if (state->save != SAVE_NOTHING)
		save_seen(state);
}

static bool loop(struct state *state, const struct tui_options *options)
{
	struct canvas *canvas = NULL;
	double last = now(), end = options->seconds > 0 ? last + options->seconds : 1e300, time;
	bool is_busy = true, is_fine = true;

	while (!state->quit && now() < end && (is_fine = paint(&canvas, state, options->ascii))) {
		int key = term_key(wait_ms(state, is_busy, last, end));

		take_key(state, key, canvas);
		/* Wherever it led, the way back from there wants preparing. */
		is_busy = is_busy || (key != KEYS_NONE && feed_kind(state->feed) == FEED_TRACE);
		time = now();
		if (key == KEYS_NONE && is_busy) {
			is_busy = feed_idle(state->feed);
			if (!is_busy || state->wants_peak)
				state_tick(state, 0);
		}
		if (!state->playing && time - last < state->interval)
			continue;
		state_tick(state, time - last);
		last = time;
	}
	canvas_free(canvas);
	return is_fine && !state->has_failed;
}

int tui_run(struct feed *feed, const struct tui_options *options, const char **message)
{
	struct state state;
	bool is_fine;

	if (state_init(&state, feed) != 0) {
		*message = "out of memory";
		return STATUS_SYSTEM;
	}
	begin(&state, options, false);
	if (options->hello)
		state_say(&state, "%s", options->hello);
	if (!term_start(options->color)) {
		*message = "no terminal to show a screen on; --batch prints it";
		state_end(&state);
		return STATUS_SYSTEM;
	}
	is_fine = loop(&state, options);
	term_stop();
	state_end(&state);
	*message = is_fine ? NULL : "out of memory";
	return is_fine ? STATUS_DONE : STATUS_SYSTEM;
}

/* ---- Without one ---------------------------------------------------------------------- */

static bool print_screen(struct state *state, const struct tui_options *options, FILE *out)
{
	struct canvas *canvas = canvas_new(options->width, options->height, options->ascii);

	if (!canvas)
		return false;
	view_paint(canvas, state);
	canvas_print(canvas, options->color, out);
	canvas_free(canvas);
	return true;
}

/* STATUS_USAGE: it is no request; STATUS_SYSTEM: memory is lacking. */
static int script_line(
	struct state *state, const struct tui_options *options, const char *line, FILE *out)
{
	char word[32];
	int n = 0, times = 1;

	if (sscanf(line, " %31s%n", word, &n) != 1 || *word == '#')
		return STATUS_DONE;
	line += n + (line[n] == ' ');
	if (!strcmp(word, "screen"))
		return print_screen(state, options, out) ? STATUS_DONE : STATUS_SYSTEM;
	if (!strcmp(word, "pass")) {
		finish_pass(state->feed);
	} else if (!strcmp(word, "tick")) {
		state_tick(state, strtod(line, NULL));
	} else if (!strcmp(word, "type") || !strcmp(word, "key")) {
		while (*line && *line != '\n')
			state_key(state, (unsigned char)*line++);
	} else if (!strcmp(word, "enter")) {
		state_key(state, KEYS_ENTER);
	} else if (!strcmp(word, "escape")) {
		state_key(state, KEYS_ESCAPE);
	} else if (!strcmp(word, "click")) {
		int y = 0, x = 0;

		sscanf(line, "%d %d", &y, &x);
		mouse_click(state, y, x, options->width, options->height);
	} else if (keys_word(word) != REQUEST_NONE) {
		if (sscanf(line, "%d", &times) != 1)
			times = 1;
		for (int i = 0; i < times; i++)
			state_request(state, keys_word(word));
	} else {
		return STATUS_USAGE;
	}
	if (state->save != SAVE_NOTHING)
		save_seen(state);
	return state_update(state) == 0 && !state->has_failed ? STATUS_DONE : STATUS_SYSTEM;
}

/* Why what is shown is not what was asked for; NULL: it is. */
static const char *failure(const struct state *state)
{
	if (feed_has_failed(state->feed))
		return feed_trouble(state->feed);
	return state->has_failed ? "out of memory" : NULL;
}

int tui_script(struct feed *feed, const struct tui_options *options, FILE *script, FILE *out,
	const char **message)
{
	char line[SCRIPT_LINE];
	struct state state;
	int status = STATUS_DONE;

	if (state_init(&state, feed) != 0) {
		*message = "out of memory";
		return STATUS_SYSTEM;
	}
	begin(&state, options, true);
	while (status == STATUS_DONE && !state.quit && fgets(line, sizeof line, script))
		status = script_line(&state, options, line, out);
	if (status == STATUS_USAGE)
		*message = "the script has a word that is no request";
	else if (failure(&state))
		*message = failure(&state);
	else if (status == STATUS_SYSTEM)
		*message = "out of memory";
	else if (ferror(script))
		*message = "the script cannot be read";
	if (*message && status == STATUS_DONE)
		status = STATUS_SYSTEM;
	state_end(&state);
	return status;
}

static void pause_for(double seconds)
{
	struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&time, NULL);
}

int tui_batch(struct feed *feed, const struct tui_options *options, uint64_t count, FILE *out,
	const char **message)
{
	struct state state;
	bool is_fine = state_init(&state, feed) == 0;

	if (is_fine)
		begin(&state, options, true);
	for (uint64_t i = 0; is_fine && (i < count || count == 0); i++) {
		if (i > 0) {
			pause_for(options->interval);
			state_tick(&state, options->interval);
			fputc('\n', out);
		}
		is_fine = print_screen(&state, options, out) && fflush(out) == 0;
		if (feed_kind(feed) != FEED_LIVE || feed_trouble(feed))
			break;
	}
	*message = is_fine ? NULL : strerror(errno ? errno : ENOMEM);
	if (is_fine && failure(&state)) {
		*message = failure(&state);
		is_fine = false;
	}
	state_end(&state);
	return is_fine ? STATUS_DONE : STATUS_SYSTEM;
}
