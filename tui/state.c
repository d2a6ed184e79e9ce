/* SPDX-License-Identifier: MIT */
/*
 * Requests and what they change.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tui/state.h"

/* ---- Lines ---------------------------------------------------------------------------- */

static uint64_t id_of(const struct state *state, const struct row *row)
{
	return state->rows->snapshot->contexts[row->context].id;
}

const struct row *state_row(const struct state *state)
{
	if (!state->has_selected || state->line >= state->n_visible)
		return NULL;
	return &state->rows->rows[state->visible[state->line]];
}

void state_select(struct state *state, size_t line)
{
	if (state->n_visible == 0) {
		state->has_selected = false;
		return;
	}
	state->line = line < state->n_visible ? line : state->n_visible - 1;
	state->selected = id_of(state, &state->rows->rows[state->visible[state->line]]);
	state->has_selected = true;
	state->is_gone = false;
}

/* Lists the lines that no fold hides and finds the selection among them. */
static int make_visible(struct state *state)
{
	const struct rows *rows = state->rows;
	bool found = false;

	if (state->room_visible < rows->n) {
		uint32_t *visible = realloc(state->visible, rows->n * sizeof *visible);

		if (!visible)
			return -1;
		state->visible = visible;
		state->room_visible = rows->n;
	}
	state->n_visible = 0;
	for (uint32_t i = 0; i < rows->n;) {
		uint64_t id = id_of(state, &rows->rows[i]);

		if (state->has_selected && id == state->selected && !found) {
			found = true;
			state->line = state->n_visible;
		}
		state->visible[state->n_visible++] = i;
		i = state_is_folded(state, id) ? rows->rows[i].end : i + 1;
	}
	state->is_gone = state->has_selected && !found;
	if (!state->has_selected)
		state_select(state, 0);
	if (state->line >= state->n_visible && state->n_visible)
		state->line = state->n_visible - 1;
	return 0;
}

int state_update(struct state *state)
{
	struct rows *rows;

	if (state->rows && state->serial == feed_serial(state->feed))
		return 0;
	state->options.filter = *state->filter ? state->filter : NULL;
	rows = rows_new(feed_snapshot(state->feed), &state->options);
	if (!rows)
		return -1;
	rows_free(state->rows);
	state->rows = rows;
	state->serial = feed_serial(state->feed);
	return make_visible(state);
}

static void remake(struct state *state)
{
	state->serial = feed_serial(state->feed) - 1;
	state_update(state);
}

int state_init(struct state *state, struct feed *feed)
{
	memset(state, 0, sizeof *state);
	state->feed = feed;
	state->serial = feed_serial(feed) - 1;
	state->page = 10;
	state->speed = 100;
	state->size_class = 2;
	return state_update(state);
}

void state_end(struct state *state)
{
	rows_free(state->rows);
	free(state->visible);
	free(state->folded);
	free(state->folded_used);
}

/* ---- Moving about --------------------------------------------------------------------- */

static void go(struct state *state, ptrdiff_t lines)
{
	ptrdiff_t line = (ptrdiff_t)state->line + lines;

	state_select(state, line < 0 ? 0 : (size_t)line);
}

static void go_to_parent(struct state *state)
{
	const struct row *row = state_row(state);

	if (!row || row->parent == SNAPSHOT_NONE)
		return;
	for (size_t i = 0; i < state->n_visible; i++)
		if (state->visible[i] == row->parent)
			state_select(state, i);
}

static void set_fold(struct state *state, bool is_folded)
{
	const struct row *row = state_row(state);

	if (!row)
		return;
	if (is_folded)
		state_fold(state, id_of(state, row));
	else
		state_unfold(state, id_of(state, row));
	make_visible(state);
}

static void toggle(struct state *state)
{
	const struct row *row = state_row(state);

	if (row && row->end > state->visible[state->line] + 1)
		set_fold(state, !state_is_folded(state, id_of(state, row)));
}

static void fold_or_up(struct state *state)
{
	const struct row *row = state_row(state);

	if (row && row->end > state->visible[state->line] + 1 &&
		!state_is_folded(state, id_of(state, row)))
		set_fold(state, true);
	else
		go_to_parent(state);
}

static void fold_all(struct state *state)
{
	for (size_t i = 0; i < state->rows->n; i++)
		if (state->rows->rows[i].end > i + 1)
			state_fold(state, id_of(state, &state->rows->rows[i]));
	make_visible(state);
	if (state->is_gone)
		state_select(state, 0);
}

static void go_to_largest(struct state *state)
{
	const struct snapshot *snapshot = state->rows->snapshot;
	uint64_t most = 0;
	size_t line = 0;

	for (size_t i = 0; i < state->n_visible; i++) {
		const struct row *row = &state->rows->rows[state->visible[i]];
		uint64_t total = snapshot->contexts[row->context].own.total_bytes;

		if (total != SNAPSHOT_UNKNOWN && total > most) {
			most = total;
			line = i;
		}
	}
	state_select(state, line);
}

/* ---- Finding -------------------------------------------------------------------------- */

static bool matches(const struct state *state, size_t line)
{
	const struct row *row = &state->rows->rows[state->visible[line]];
	const char *ident = rows_ident(state->rows->snapshot, row->context);

	return strcasestr(rows_name(state->rows->snapshot, row->context), state->find) ||
	       (ident && strcasestr(ident, state->find));
}

static void find(struct state *state, size_t from, int step)
{
	size_t n = state->n_visible;

	for (size_t i = 0; *state->find && i < n; i++) {
		size_t line = step > 0 ? (from + i) % n : (from + n - i) % n;

		if (matches(state, line)) {
			state_select(state, line);
			return;
		}
	}
	snprintf(state->message, sizeof state->message, "no line has \"%.100s\"", state->find);
}

/* ---- Time ----------------------------------------------------------------------------- */

static void seek(struct state *state, uint64_t event)
{
	if (feed_kind(state->feed) != FEED_TRACE) {
		snprintf(state->message, sizeof state->message, "only a trace has a time line");
		return;
	}
	feed_seek(state->feed, event);
	state_update(state);
}

static void seek_by(struct state *state, int64_t events)
{
	uint64_t now = feed_event(state->feed);

	if (events < 0 && now < (uint64_t)-events)
		seek(state, 0);
	else
		seek(state, now + (uint64_t)events);
}

static int64_t hundredth(const struct state *state)
{
	uint64_t last = feed_last(state->feed);

	return last == SNAPSHOT_UNKNOWN || last < 100 ? 10 : (int64_t)(last / 100);
}

static void seek_peak(struct state *state)
{
	if (feed_peak(state->feed) == SNAPSHOT_UNKNOWN)
		snprintf(state->message, sizeof state->message, "the peak is not found yet");
	else
		seek(state, feed_peak(state->feed));
}

void state_tick(struct state *state, double seconds)
{
	uint64_t events;

	if (feed_kind(state->feed) == FEED_LIVE && !state->paused)
		feed_refresh(state->feed);
	if (state->playing && feed_kind(state->feed) == FEED_TRACE) {
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

/* ---- Requests ------------------------------------------------------------------------- */

static void request_tree(struct state *state, enum request request)
{
	ptrdiff_t page = state->page > 1 ? (ptrdiff_t)state->page - 1 : 1;

	switch (request) {
	case REQUEST_UP:
		go(state, -1);
		break;
	case REQUEST_DOWN:
		go(state, 1);
		break;
	case REQUEST_PAGE_UP:
		go(state, -page);
		break;
	case REQUEST_PAGE_DOWN:
		go(state, page);
		break;
	case REQUEST_FIRST:
		state_select(state, 0);
		break;
	case REQUEST_LAST:
		state_select(state, SIZE_MAX);
		break;
	case REQUEST_LARGEST:
		go_to_largest(state);
		break;
	case REQUEST_TOGGLE:
		toggle(state);
		break;
	case REQUEST_UNFOLD:
		set_fold(state, false);
		break;
	case REQUEST_FOLD:
		fold_or_up(state);
		break;
	case REQUEST_FOLD_ALL:
		fold_all(state);
		break;
	case REQUEST_UNFOLD_ALL:
		state_unfold_all(state);
		make_visible(state);
		break;
	default:
		break;
	}
}

static void request_shape(struct state *state, enum request request)
{
	switch (request) {
	case REQUEST_SORT:
		state->options.sort = (state->options.sort + 1) % ROWS_KEYS;
		snprintf(state->message, sizeof state->message, "sorted by %s",
			rows_key_name(state->options.sort));
		break;
	case REQUEST_SUM:
		state->options.all = !state->options.all;
		break;
	case REQUEST_GROUP:
		state->options.group = !state->options.group;
		break;
	case REQUEST_OWN:
		state->options.own = !state->options.own;
		break;
	default:
		return;
	}
	remake(state);
}

static void request_time(struct state *state, enum request request)
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
	case REQUEST_START:
		seek(state, 0);
		break;
	case REQUEST_FINISH:
		seek(state, feed_last(state->feed) == SNAPSHOT_UNKNOWN ? UINT64_MAX
								       : feed_last(state->feed));
		break;
	case REQUEST_PEAK:
		seek_peak(state);
		break;
	case REQUEST_PLAY:
		state->playing = !state->playing && feed_kind(state->feed) == FEED_TRACE;
		state->paused = !state->paused && feed_kind(state->feed) == FEED_LIVE;
		break;
	case REQUEST_FASTER:
		state->speed = state->speed < 50000000 ? state->speed * 2 : state->speed;
		break;
	case REQUEST_SLOWER:
		state->speed = state->speed > 1 ? state->speed / 2 : 1;
		break;
	default:
		break;
	}
}

static void open_prompt(struct state *state, enum prompt prompt, const char *text)
{
	state->prompt = prompt;
	snprintf(state->text, sizeof state->text, "%s", text);
}

static void request_rest(struct state *state, enum request request)
{
	switch (request) {
	case REQUEST_FIND:
		open_prompt(state, PROMPT_FIND, "");
		break;
	case REQUEST_FILTER:
		open_prompt(state, PROMPT_FILTER, state->filter);
		break;
	case REQUEST_GOTO:
		open_prompt(state, PROMPT_GOTO, "");
		break;
	case REQUEST_NEXT:
		find(state, state->line + 1, 1);
		break;
	case REQUEST_PREVIOUS:
		find(state, state->line + state->n_visible - 1, -1);
		break;
	case REQUEST_PANE:
		state->pane = (state->pane + 1) % PANES;
		break;
	case REQUEST_CLASS_UP:
		state->size_class += state->size_class > 0 ? -1 : 0;
		break;
	case REQUEST_CLASS_DOWN:
		state->size_class += state->size_class < SNAPSHOT_CLASSES - 1;
		break;
	case REQUEST_HELP:
		state->help = true;
		state->help_top = 0;
		break;
	case REQUEST_SAVE:
		state->save = true;
		break;
	case REQUEST_REDRAW:
		state->redraw = true;
		break;
	case REQUEST_QUIT:
		state->quit = true;
		break;
	default:
		break;
	}
}

static void request_help(struct state *state, enum request request)
{
	int last = REQUESTS - 1;

	if (request == REQUEST_DOWN || request == REQUEST_PAGE_DOWN)
		state->help_top += request == REQUEST_DOWN ? 1 : (int)state->page;
	else if (request == REQUEST_UP || request == REQUEST_PAGE_UP)
		state->help_top -= request == REQUEST_UP ? 1 : (int)state->page;
	else if (request != REQUEST_REDRAW)
		state->help = false;
	if (state->help_top > last)
		state->help_top = last;
	if (state->help_top < 0)
		state->help_top = 0;
}

void state_request(struct state *state, enum request request)
{
	state->message[0] = '\0';
	if (state->help) {
		request_help(state, request);
		return;
	}
	/* In the pane of the lists the arrows go over the classes. */
	if (state->pane == PANE_LISTS && request == REQUEST_UP)
		request = REQUEST_CLASS_UP;
	if (state->pane == PANE_LISTS && request == REQUEST_DOWN)
		request = REQUEST_CLASS_DOWN;
	request_tree(state, request);
	request_shape(state, request);
	request_time(state, request);
	request_rest(state, request);
}

/* ---- The prompt ----------------------------------------------------------------------- */

static void prompt_changed(struct state *state)
{
	if (state->prompt == PROMPT_FILTER) {
		strcpy(state->filter, state->text);
		remake(state);
	} else if (state->prompt == PROMPT_FIND) {
		strcpy(state->find, state->text);
		state->message[0] = '\0';
		if (*state->find)
			find(state, state->line, 1);
	}
}

static void prompt_enter(struct state *state)
{
	enum prompt prompt = state->prompt;
	char *end;
	uint64_t event;

	state->prompt = PROMPT_NONE;
	if (prompt != PROMPT_GOTO || !*state->text)
		return;
	event = strtoull(state->text, &end, 10);
	if (*end)
		snprintf(state->message, sizeof state->message, "expected the number of an event");
	else
		seek(state, event);
}

static void prompt_key(struct state *state, int key)
{
	size_t length = strlen(state->text);

	if (key == KEYS_ENTER) {
		prompt_enter(state);
	} else if (key == KEYS_ESCAPE) {
		state->text[0] = '\0';
		prompt_changed(state);
		state->prompt = PROMPT_NONE;
	} else if (key == KEYS_BACKSPACE && length) {
		/* A character's later bytes go with its first. */
		while (length > 1 && (state->text[length - 1] & 0xc0) == 0x80)
			length--;
		state->text[length - 1] = '\0';
		prompt_changed(state);
	} else if (key >= ' ' && key < 256 && length + 1 < sizeof state->text) {
		state->text[length] = (char)key;
		state->text[length + 1] = '\0';
		prompt_changed(state);
	}
}

void state_key(struct state *state, int key)
{
	if (state->prompt != PROMPT_NONE)
		prompt_key(state, key);
	else if (key == KEYS_ESCAPE && state->help)
		state->help = false;
	else
		state_request(state, keys_request(key));
}
