/* SPDX-License-Identifier: MIT */
/*
 * The state's lines and selection.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tui/state.h"

void state_say(struct state *state, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(state->message, sizeof state->message, format, args);
	va_end(args);
}

uint64_t state_id(const struct state *state, const struct row *row)
{
	return state->rows->snapshot->contexts[row->context].id;
}

const struct row *state_row_at(const struct state *state, size_t line)
{
	uint32_t at = line < state->n_visible ? state->visible[line] : STATE_GONE;

	return at == STATE_GONE ? NULL : &state->rows->rows[at];
}

const struct row *state_row(const struct state *state)
{
	return state->has_selected ? state_row_at(state, state->line) : NULL;
}

/* ---- Which lines are seen ------------------------------------------------------------- */

static bool is_hidden_below(const struct state *state, uint32_t at)
{
	return state->n_folded > 0 &&
	       state_is_folded(state, state_id(state, &state->rows->rows[at]));
}

/* Lists the lines that no fold hides; there is room for one more. */
static int list_visible(struct state *state)
{
	const struct rows *rows = state->rows;

	if (state->room_visible < rows->n + 1) {
		uint32_t *visible = realloc(state->visible, (rows->n + 1) * sizeof *visible);

		if (!visible)
			return -1;
		state->visible = visible;
		state->room_visible = rows->n + 1;
	}
	state->n_visible = 0;
	for (uint32_t i = 0; i < rows->n;) {
		state->visible[state->n_visible++] = i;
		i = is_hidden_below(state, i) ? rows->rows[i].end : i + 1;
	}
	return 0;
}

/* The place of a row among the visible, or of the nearest above it that is seen. */
static size_t visible_place(const struct state *state, uint32_t row)
{
	size_t low = 0, high = state->n_visible;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (state->visible[middle] <= row)
			low = middle;
		else
			high = middle;
	}
	/* A line that is not seen stands below the last one before it that is. */
	return low;
}

static uint32_t context_of_id(const struct state *state, uint64_t id)
{
	const struct snapshot *snapshot = state->rows->snapshot;

	for (size_t i = 0; i < snapshot->n; i++)
		if (snapshot->contexts[i].id == id)
			return (uint32_t)i;
	return SNAPSHOT_NONE;
}

uint32_t state_row_of(const struct state *state, uint32_t context)
{
	const struct rows *rows = state->rows;

	for (uint32_t i = 0; i < rows->n; i++)
		if (rows->rows[i].context == context)
			return i;
	for (uint32_t i = 0; i < rows->n; i++) {
		uint32_t member = rows->rows[i].context;

		for (; rows->rows[i].members > 1 && member != SNAPSHOT_NONE;
			member = rows->next[member])
			if (member == context)
				return i;
	}
	return SNAPSHOT_NONE;
}

/* A line of several of the name that is selected, where the first of them went. */
static uint32_t row_of_name(const struct state *state)
{
	const struct rows *rows = state->rows;

	for (uint32_t i = 0; i < rows->n; i++)
		if (rows->rows[i].members > 1 &&
			!strcmp(rows_name(rows->snapshot, rows->rows[i].context), state->name))
			return i;
	return SNAPSHOT_NONE;
}

/* The selected context does not live: its line stays where it was. */
static void insert_gone(struct state *state)
{
	size_t at = state->line < state->n_visible ? state->line : state->n_visible;

	memmove(state->visible + at + 1, state->visible + at,
		(state->n_visible - at) * sizeof *state->visible);
	state->visible[at] = STATE_GONE;
	state->n_visible++;
	state->line = at;
	state->is_gone = true;
}

static void keep_selection(struct state *state)
{
	uint64_t life = feed_life(state->feed, state->selected);
	const struct row *row = state_row(state);
	uint32_t context, at;

	if (life != SNAPSHOT_UNKNOWN)
		state->life = life;
	state->is_gone = false;
	/* Nearly always it is where it was. */
	if (row && state_id(state, row) == state->selected)
		return;
	context = context_of_id(state, state->selected);
	at = context == SNAPSHOT_NONE ? row_of_name(state) : state_row_of(state, context);
	if (at != SNAPSHOT_NONE) {
		size_t line = visible_place(state, at);
		bool is_seen = state->visible[line] == at;

		state->line = line;
		if (!is_seen || context == SNAPSHOT_NONE)
			state_select(state, line);
	} else if (context == SNAPSHOT_NONE && !*state->filter) {
		insert_gone(state);
	} else {
		state_select(state, state->line);
	}
}

static int make_visible(struct state *state)
{
	if (list_visible(state) != 0)
		return -1;
	if (state->has_selected)
		keep_selection(state);
	else
		state_select(state, 0);
	return 0;
}

void state_refold(struct state *state)
{
	make_visible(state);
}

void state_take(struct state *state, uint64_t id)
{
	state->selected = id;
	state->life = feed_life(state->feed, id);
}

void state_select(struct state *state, size_t line)
{
	const struct row *row;

	if (line >= state->n_visible)
		line = state->n_visible ? state->n_visible - 1 : 0;
	if (state->is_gone && line != state->line) {
		/* It is left: its line goes. */
		state->n_visible--;
		memmove(state->visible + state->line, state->visible + state->line + 1,
			(state->n_visible - state->line) * sizeof *state->visible);
		line -= line > state->line;
		state->is_gone = false;
	}
	row = state_row_at(state, line);
	state->line = line;
	if (!row) {
		state->has_selected = state->is_gone;
		return;
	}
	if (state->selected != state_id(state, row)) {
		state->offset = 0;
		state->block = state->block_top = 0;
		state->link = 1;
	}
	state_take(state, state_id(state, row));
	state->has_selected = true;
	snprintf(state->name, sizeof state->name, "%.250s",
		rows_name(state->rows->snapshot, row->context));
}

void state_show_row(struct state *state, uint32_t row)
{
	const struct row *rows = state->rows->rows;

	for (uint32_t above = rows[row].parent; above != SNAPSHOT_NONE; above = rows[above].parent)
		state_unfold(state, state_id(state, &rows[above]));
	if (list_visible(state) == 0) {
		state->is_gone = false;
		state_select(state, visible_place(state, row));
	}
}

/* ---- What changed --------------------------------------------------------------------- */

/* Sums, and who is largest: once a snapshot, so that a frame need not look at every context. */
static void take_totals(struct state *state)
{
	const struct snapshot *snapshot = feed_snapshot(state->feed);
	uint64_t most = 0;

	feed_totals(state->feed, &state->totals);
	state->largest = SNAPSHOT_NONE;
	for (size_t i = 0; i < snapshot->n; i++) {
		uint64_t total = snapshot->contexts[i].own.total_bytes;

		if (total == SNAPSHOT_UNKNOWN || total <= most)
			continue;
		most = total;
		state->largest = (uint32_t)i;
	}
}

static void watch_selected(struct state *state)
{
	struct state_watch *watch = &state->watch;
	const struct row *row = state_row(state);

	watch->has_was = row && watch->id == state->selected && watch->own == state->options.own;
	if (!row)
		return;
	watch->was = watch->is;
	state_lists(state, row, &watch->is);
	watch->id = state->selected;
	watch->own = state->options.own;
}

/* There is no snapshot where the first that was to be made found no memory. */
static int make_rows(struct state *state, bool is_new)
{
	const struct snapshot *snapshot = feed_snapshot(state->feed);

	state->options.filter = *state->filter ? state->filter : NULL;
	state->options.changes =
		feed_changes(state->feed, state->options.own || state->options.group);
	if (!is_new)
		return rows_remake(state->rows, &state->options);
	rows_free(state->rows);
	state->rows = snapshot ? rows_new(snapshot, &state->options) : NULL;
	return state->rows ? 0 : -1;
}

int state_update(struct state *state)
{
	if (state->rows && state->serial == feed_serial(state->feed))
		return 0;
	if (make_rows(state, true) != 0 || make_visible(state) != 0) {
		/* There is nothing that could be shown. */
		state->has_failed = state->quit = true;
		return -1;
	}
	state->serial = feed_serial(state->feed);
	take_totals(state);
	watch_selected(state);
	state_follow_class(state);
	return 0;
}

void state_remake(struct state *state)
{
	if (make_rows(state, false) != 0 || make_visible(state) != 0)
		state_say(state, "out of memory");
	state->watch.has_was = false;
}

void state_sort(struct state *state, enum rows_key key)
{
	state->options.reverse = state->options.sort == key && !state->options.reverse;
	state->options.sort = key;
	state_remake(state);
}

/* ---- Beginning and end ---------------------------------------------------------------- */

int state_init(struct state *state, struct feed *feed)
{
	memset(state, 0, sizeof *state);
	state->feed = feed;
	state->page = 10;
	state->speed = 100;
	state->interval = 0.5;
	state->class = lists_place(32);
	state->link = 1;
	return state_update(state);
}

void state_end(struct state *state)
{
	rows_free(state->rows);
	free(state->visible);
	free(state->folded);
	free(state->folded_used);
}
