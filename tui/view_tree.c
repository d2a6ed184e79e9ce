/* SPDX-License-Identifier: MIT */
/*
 * The tree: a table of contexts.
 */
#include <inttypes.h>
#include <string.h>

#include "model/size.h"
#include "tui/view.h"

enum { NAME_TEXT = 600, INDENT_MOST = 30 };

/* ---- A line --------------------------------------------------------------------------- */

static const char *fold_sign(const struct canvas *canvas, const struct state *state, uint32_t line)
{
	const struct row *row = &state->rows->rows[line];

	if (row->end == line + 1)
		return " ";
	if (state_is_folded(state, state_id(state, row)))
		return view_sign(canvas, "▸", "+");
	return view_sign(canvas, "▾", "-");
}

static void row_name(
	const struct canvas *canvas, const struct state *state, uint32_t line, char out[NAME_TEXT])
{
	const struct rows *rows = state->rows;
	const struct row *row = &rows->rows[line];
	const char *ident = rows_ident(rows->snapshot, row->context);
	int indent = row->level < INDENT_MOST ? (int)row->level : INDENT_MOST;
	int n = snprintf(out, NAME_TEXT, "%*s%s %.250s", indent, "", fold_sign(canvas, state, line),
		rows_name(rows->snapshot, row->context));

	if (row->members > 1)
		snprintf(out + n, NAME_TEXT - (size_t)n, " %s%u", view_sign(canvas, "×", "x"),
			row->members);
	else if (ident)
		snprintf(out + n, NAME_TEXT - (size_t)n, " %.250s", ident);
}

/* "+12.0K", with a mark that needs no colour. */
static void paint_change(struct canvas *canvas, int y, int x, int width, int64_t change)
{
	bool is_up = change > 0;
	uint64_t bytes = is_up ? (uint64_t)change : -(uint64_t)change;
	char size[SIZE_TEXT], text[SIZE_TEXT + 8];

	if (change == 0)
		return;
	snprintf(text, sizeof text, "%s%s",
		is_up ? view_sign(canvas, "▲", "+") : view_sign(canvas, "▼", "-"),
		size_text(size, bytes, view_size_flags(canvas)));
	canvas_put(canvas, y, x, width, is_up ? CANVAS_RED | CANVAS_BOLD : CANVAS_GREEN,
		DISPLAY_RIGHT, text);
}

static uint64_t known(uint64_t bytes)
{
	return bytes == SNAPSHOT_UNKNOWN ? 0 : bytes;
}

static void paint_bar(
	struct canvas *canvas, int y, int x, int width, const struct snapshot_figures *sum)
{
	const struct canvas_part parts[] = {
		{sum->used_bytes == SNAPSHOT_UNKNOWN ? known(sum->total_bytes) : sum->used_bytes,
			"█", "#", CANVAS_GREEN},
		{known(sum->freelist_bytes), "▒", ":", CANVAS_MAGENTA},
		{known(sum->tail_bytes), "░", ".", CANVAS_PLAIN},
	};

	if (known(sum->total_bytes) > 0)
		canvas_bar(canvas, y, x, width, parts, 3, sum->total_bytes);
}

static void paint_figure(struct canvas *canvas, const struct state *state, const struct row *row,
	const struct layout_column *column, int y, int x)
{
	unsigned flags = view_size_flags(canvas);
	uint64_t value;
	char text[SIZE_TEXT];

	if (column->key == ROWS_ALL_KEYS) {
		paint_bar(canvas, y, x + 1, column->width - 1, row->figures);
		return;
	}
	if (column->key == ROWS_CHANGE) {
		paint_change(canvas, y, x, column->width, row->change);
		return;
	}
	if (column->key == ROWS_KIND) {
		const struct snapshot *snapshot = state->rows->snapshot;

		canvas_put(canvas, y, x + 1, column->width - 1, CANVAS_PLAIN, 0,
			snapshot_string(snapshot, snapshot->contexts[row->context].kind));
		return;
	}
	value = rows_value(row, column->key);
	if (column->is_percent)
		size_percent(text, row->figures->free_bytes, row->figures->total_bytes, flags);
	else if (rows_is_count(column->key))
		view_count(canvas, text, value);
	else
		size_text(text, value, flags);
	canvas_put(canvas, y, x, column->width, CANVAS_PLAIN, DISPLAY_RIGHT, text);
}

/* Whether the last event was about a line's context. */
static bool is_concerned(const struct state *state, const struct row *row)
{
	const struct explain_event *events;
	int n = feed_events(state->feed, &events);

	return n > 0 && events[n - 1].has_context && row->members == 1 &&
	       events[n - 1].number == feed_event(state->feed) &&
	       events[n - 1].context == state_id(state, row);
}

static void paint_row(struct canvas *canvas, const struct state *state, size_t at, int y,
	struct layout_box box, const struct layout_column *columns, int n)
{
	const struct row *row = state_row_at(state, at);
	bool is_selected = state->has_selected && at == state->line;
	char name[NAME_TEXT];

	if (row) {
		row_name(canvas, state, state->visible[at], name);
		for (int i = 1; i < n; i++)
			paint_figure(canvas, state, row, &columns[i], y, box.x + columns[i].x);
	} else {
		snprintf(name, sizeof name, "%s %s %s", view_sign(canvas, "✗", "x"), state->name,
			feed_kind(state->feed) == FEED_TRACE ? "(does not live now)" : "(deleted)");
	}
	if (!is_selected && row && is_concerned(state, row))
		canvas_put(canvas, y, box.x, 1, CANVAS_BOLD | CANVAS_MAGENTA, 0,
			view_sign(canvas, "•", "*"));
	else
		canvas_put(canvas, y, box.x, 1, CANVAS_BOLD, 0, is_selected ? ">" : " ");
	canvas_put(canvas, y, box.x + columns[0].x, row ? columns[0].width : box.width - 1,
		is_selected ? CANVAS_BOLD : CANVAS_PLAIN, 0, name);
	if (is_selected)
		canvas_mark(canvas, y, box.x, box.width, CANVAS_REVERSE);
}

/* ---- The table ------------------------------------------------------------------------ */

static void paint_head(struct canvas *canvas, const struct state *state, struct layout_box box,
	const struct layout_column *columns, int n)
{
	const struct rows_options *options = &state->options;
	unsigned attr = CANVAS_BOLD | (state->pane == PANE_TREE ? CANVAS_REVERSE : 0);
	const char *sign =
		options->reverse ? view_sign(canvas, "▲", "^") : view_sign(canvas, "▼", "v");

	canvas_put(canvas, box.y, box.x, box.width, attr, DISPLAY_PAD, "");
	for (int i = 0; i < n; i++) {
		char head[80];

		snprintf(head, sizeof head, "%s%s%s",
			i > 0            ? columns[i].head
			: options->group ? "NAME"
					 : "CONTEXT",
			columns[i].key == options->sort ? sign : "",
			i == 0 && (options->own || options->group) ? ", each alone" : "");
		canvas_put(canvas, box.y,
			box.x + columns[i].x + (columns[i].key == ROWS_KIND) +
				(columns[i].key == ROWS_ALL_KEYS),
			columns[i].width - (columns[i].key == ROWS_KIND) -
				(columns[i].key == ROWS_ALL_KEYS),
			attr,
			i == 0 || columns[i].key == ROWS_KIND || columns[i].key == ROWS_ALL_KEYS
				? 0
				: DISPLAY_RIGHT,
			head);
	}
}

static void scroll(struct state *state, size_t room)
{
	state->page = room;
	if (state->line < state->top)
		state->top = state->line;
	if (state->line >= state->top + room)
		state->top = state->line - room + 1;
	if (state->top + room > state->n_visible)
		state->top = state->n_visible > room ? state->n_visible - room : 0;
}

void view_tree(struct canvas *canvas, struct state *state, struct layout_box box)
{
	size_t room = box.height > 1 ? (size_t)box.height - 1 : 1;
	struct layout_column columns[LAYOUT_COLUMNS];
	int n = layout_columns(state, box.width, columns);

	scroll(state, room);
	paint_head(canvas, state, box, columns, n);
	for (size_t i = 0; i < room && state->top + i < state->n_visible; i++)
		paint_row(canvas, state, state->top + i, box.y + 1 + (int)i, box, columns, n);
	if (state->n_visible == 0)
		canvas_put(canvas, box.y + 2, box.x + 2, box.width - 2, CANVAS_PLAIN, 0,
			*state->filter ? "nothing has that in its name" : "no context lives here");
}
