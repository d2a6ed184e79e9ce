/* SPDX-License-Identifier: MIT */
/*
 * The panes: the tree, the freelists of the selected line, the events.
 */
#include <inttypes.h>
#include <string.h>

#include "model/size.h"
#include "tui/view.h"

#define NAME_MAX_TEXT 512

/* ---- The tree ------------------------------------------------------------------------- */

enum { COLUMN_TOTAL = 7, COLUMN_FREE = 6, COLUMN_BAR = 7, COLUMN_WIDE = 8 };

static void row_name(const struct canvas *canvas, const struct state *state, uint32_t line,
	char out[NAME_MAX_TEXT])
{
	const struct rows *rows = state->rows;
	const struct row *row = &rows->rows[line];
	const char *ident = row->members > 1 ? NULL : rows_ident(rows->snapshot, row->context);
	const char *sign = " ";
	int n, indent = row->level < 40 ? (int)row->level : 40;

	if (row->end > line + 1)
		sign = state_is_folded(state, rows->snapshot->contexts[row->context].id)
			       ? view_sign(canvas, "▸", "+")
			       : view_sign(canvas, "▾", "-");
	n = snprintf(out, NAME_MAX_TEXT, "%*s%s %.200s", indent, "", sign,
		rows_name(rows->snapshot, row->context));
	if (row->members > 1)
		snprintf(out + n, NAME_MAX_TEXT - (size_t)n, " %s%u", view_sign(canvas, "×", "x"),
			row->members);
	else if (ident)
		snprintf(out + n, NAME_MAX_TEXT - (size_t)n, " %.200s", ident);
}

static void paint_row(
	struct canvas *canvas, const struct state *state, size_t at, int y, struct view_box box)
{
	uint32_t line = state->visible[at];
	const struct row *row = &state->rows->rows[line];
	const struct snapshot_figures *sum = row->figures;
	bool is_selected = state->has_selected && at == state->line;
	int x = box.x + box.width - COLUMN_BAR, wide = box.width >= 64 ? 2 * COLUMN_WIDE : 0;
	unsigned flags = view_size_flags(canvas);
	char name[NAME_MAX_TEXT], text[SIZE_TEXT];

	row_name(canvas, state, line, name);
	canvas_put(canvas, y, box.x, 1, CANVAS_BOLD, 0, is_selected ? ">" : " ");
	canvas_put(canvas, y, box.x + 1,
		box.width - 2 - COLUMN_TOTAL - COLUMN_FREE - COLUMN_BAR - wide,
		is_selected ? CANVAS_BOLD : CANVAS_PLAIN, 0, name);
	if (sum->total_bytes != SNAPSHOT_UNKNOWN && sum->total_bytes > 0)
		canvas_bar(canvas, y, x + 1, COLUMN_BAR - 1,
			sum->used_bytes == SNAPSHOT_UNKNOWN ? sum->total_bytes : sum->used_bytes,
			sum->freelist_bytes == SNAPSHOT_UNKNOWN ? 0 : sum->freelist_bytes,
			sum->total_bytes, CANVAS_GREEN);
	x -= COLUMN_FREE;
	canvas_put(canvas, y, x, COLUMN_FREE, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_percent(text, sum->free_bytes, sum->total_bytes, flags));
	x -= COLUMN_TOTAL;
	canvas_put(canvas, y, x, COLUMN_TOTAL, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_text(text, sum->total_bytes, flags));
	if (wide) {
		canvas_put(canvas, y, x - COLUMN_WIDE, COLUMN_WIDE, CANVAS_PLAIN, DISPLAY_RIGHT,
			size_count(text, sum->live_chunks, flags));
		canvas_put(canvas, y, x - 2 * COLUMN_WIDE, COLUMN_WIDE, CANVAS_PLAIN, DISPLAY_RIGHT,
			size_count(text, sum->total_nblocks, flags));
	}
	if (is_selected)
		for (int i = box.x; i < box.x + box.width; i++)
			canvas_at(canvas, y, i)->attr |= CANVAS_REVERSE;
}

static void paint_head(struct canvas *canvas, const struct state *state, struct view_box box)
{
	int x = box.x + box.width - COLUMN_BAR - COLUMN_FREE - COLUMN_TOTAL;
	unsigned attr = state->pane == PANE_TREE ? CANVAS_BOLD | CANVAS_CYAN : CANVAS_BOLD;

	canvas_put(canvas, box.y, box.x + 1, box.width - 1, attr, 0,
		state->options.group ? "NAME, own figures"
		: state->options.own ? "CONTEXT, own figures"
				     : "CONTEXT");
	if (box.width >= 64) {
		canvas_put(canvas, box.y, x - 2 * COLUMN_WIDE, COLUMN_WIDE, attr, DISPLAY_RIGHT,
			"BLOCKS");
		canvas_put(
			canvas, box.y, x - COLUMN_WIDE, COLUMN_WIDE, attr, DISPLAY_RIGHT, "CHUNKS");
	}
	canvas_put(canvas, box.y, x, COLUMN_TOTAL, attr, DISPLAY_RIGHT, "TOTAL");
	canvas_put(canvas, box.y, x + COLUMN_TOTAL, COLUMN_FREE, attr, DISPLAY_RIGHT, "FREE%");
	canvas_put(
		canvas, box.y, x + COLUMN_TOTAL + COLUMN_FREE + 1, COLUMN_BAR - 1, attr, 0, "used");
}

void view_tree(struct canvas *canvas, struct state *state, struct view_box box)
{
	size_t room = box.height > 1 ? (size_t)box.height - 1 : 1;

	state->page = room;
	if (state->line < state->top)
		state->top = state->line;
	if (state->line >= state->top + room)
		state->top = state->line - room + 1;
	if (state->top + room > state->n_visible)
		state->top = state->n_visible > room ? state->n_visible - room : 0;
	paint_head(canvas, state, box);
	for (size_t i = 0; i < room && state->top + i < state->n_visible; i++)
		paint_row(canvas, state, state->top + i, box.y + 1 + (int)i, box);
	if (state->n_visible == 0)
		canvas_put(canvas, box.y + 2, box.x + 2, box.width - 2, CANVAS_DIM, 0,
			*state->filter ? "nothing has that in its name" : "no context lives here");
}

/* ---- Freelists ------------------------------------------------------------------------ */

static uint64_t class_bytes(uint64_t chunks, int k)
{
	return chunks == SNAPSHOT_UNKNOWN ? 0 : chunks * ((uint64_t)8 << k);
}

static uint64_t largest_class(const struct snapshot_figures *sum)
{
	uint64_t most = 1;

	for (int k = 0; k < SNAPSHOT_CLASSES; k++) {
		uint64_t bytes =
			class_bytes(sum->classes[k].live, k) + class_bytes(sum->classes[k].free, k);

		most = bytes > most ? bytes : most;
	}
	return most;
}

static void paint_class(struct canvas *canvas, const struct state *state,
	const struct snapshot_figures *sum, int k, int y, struct view_box box)
{
	const struct snapshot_class *class = &sum->classes[k];
	unsigned flags = view_size_flags(canvas);
	bool is_selected = k == state->size_class;
	char text[SIZE_TEXT];

	canvas_put(canvas, y, box.x, 4, is_selected ? CANVAS_BOLD : CANVAS_PLAIN, DISPLAY_RIGHT,
		size_class(text, (unsigned)k));
	canvas_put(canvas, y, box.x + 4, 7, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_count(text, class->live, flags));
	canvas_put(canvas, y, box.x + 11, 6, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_count(text, class->free, flags));
	canvas_put(canvas, y, box.x + 17, 6, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_text(text, class_bytes(class->free, k), flags));
	if (box.width > 26)
		canvas_bar(canvas, y, box.x + 24, box.width - 25, class_bytes(class->live, k),
			class_bytes(class->free, k), largest_class(sum), CANVAS_GREEN);
	if (is_selected && state->pane == PANE_LISTS)
		for (int i = box.x; i < box.x + box.width && i < canvas->width; i++)
			canvas_at(canvas, y, i)->attr |= CANVAS_REVERSE;
}

static void paint_part(struct canvas *canvas, const char *what, uint64_t part, uint64_t whole,
	unsigned color, int y, struct view_box box)
{
	unsigned flags = view_size_flags(canvas);
	char text[SIZE_TEXT];

	canvas_put(canvas, y, box.x, 10, CANVAS_PLAIN, 0, what);
	canvas_put(canvas, y, box.x + 10, 7, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_text(text, part, flags));
	canvas_put(canvas, y, box.x + 17, 6, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_percent(text, part, whole, flags));
	if (box.width > 26 && part != SNAPSHOT_UNKNOWN)
		canvas_bar(canvas, y, box.x + 24, box.width - 25, part, 0, whole, color);
}

static void paint_parts(
	struct canvas *canvas, const struct snapshot_figures *sum, int y, struct view_box box)
{
	uint64_t whole = sum->total_bytes;
	char text[SIZE_TEXT];
	int end = box.y + box.height;

	if (y + 1 >= end)
		return;
	canvas_put(canvas, y, box.x, 10, CANVAS_BOLD, 0, "WHERE ITS");
	canvas_printf(canvas, y++, box.x + 10, CANVAS_BOLD, "%s GOES",
		size_text(text, whole, view_size_flags(canvas)));
	if (y < end)
		paint_part(
			canvas, "asked for", sum->requested_bytes, whole, CANVAS_GREEN, y++, box);
	if (y < end)
		paint_part(canvas, "tails", sum->tail_bytes, whole, CANVAS_YELLOW, y++, box);
	if (y < end)
		paint_part(canvas, "slack", sum->slack_bytes, whole, CANVAS_YELLOW, y++, box);
	if (y < end)
		paint_part(
			canvas, "freelists", sum->freelist_bytes, whole, CANVAS_YELLOW, y++, box);
	if (y < end)
		paint_part(canvas, "headers", sum->header_bytes, whole, CANVAS_YELLOW, y++, box);
}

/* Classes that nobody uses give way where there is little room. */
static bool is_shown(const struct state *state, const struct snapshot_figures *sum, int k, int room)
{
	return room >= SNAPSHOT_CLASSES + 9 || k == state->size_class ||
	       (sum->classes[k].live | sum->classes[k].free) != 0;
}

void view_lists(struct canvas *canvas, const struct state *state, struct view_box box)
{
	const struct row *row = state_row(state);
	unsigned attr = state->pane == PANE_LISTS ? CANVAS_BOLD | CANVAS_CYAN : CANVAS_BOLD;
	char name[NAME_MAX_TEXT], text[SIZE_TEXT];
	int y = box.y;

	if (!row)
		return;
	snprintf(name, sizeof name, "FREELISTS of %.300s",
		rows_name(state->rows->snapshot, row->context));
	canvas_put(canvas, y++, box.x, box.width, attr, 0, name);
	canvas_put(canvas, y++, box.x, box.width, CANVAS_BOLD, 0, "SIZE   LIVE  FREE BYTES");
	for (int k = 0; k < SNAPSHOT_CLASSES && y < box.y + box.height; k++)
		if (is_shown(state, row->figures, k, box.height))
			paint_class(canvas, state, row->figures, k, y++, box);
	if (y < box.y + box.height && row->figures->large_chunks > 0) {
		canvas_put(canvas, y, box.x, 5, CANVAS_PLAIN, 0, "large");
		canvas_put(canvas, y, box.x + 5, 6, CANVAS_PLAIN, DISPLAY_RIGHT,
			size_count(text, row->figures->large_chunks, view_size_flags(canvas)));
		canvas_printf(canvas, y++, box.x + 13, CANVAS_PLAIN, "%s asked for",
			size_text(text, row->figures->large_bytes, view_size_flags(canvas)));
	}
	paint_parts(canvas, row->figures, y, box);
}

/* ---- Events --------------------------------------------------------------------------- */

static void event_words(const struct explain_event *event, char *out, size_t size)
{
	const struct trace_event *e = &event->event;
	const char *word = trace_op_name(event->event.op);

	switch (e->op) {
	case TRACE_ALLOC:
		snprintf(out, size, "%s #%" PRIu64 " %" PRIu64, word, e->chunk, e->size);
		break;
	case TRACE_REALLOC:
		snprintf(out, size, "%s #%" PRIu64 " %" PRIu64, word, e->chunk, e->size);
		break;
	case TRACE_FREE:
		snprintf(out, size, "%s #%" PRIu64, word, e->chunk);
		break;
	default:
		snprintf(out, size, "%s", word);
	}
}

void view_events(struct canvas *canvas, const struct state *state, struct view_box box)
{
	const struct explain_event *events;
	int n = feed_events(state->feed, &events), room = box.height - 1;
	int first = n > room ? n - room : 0;
	unsigned attr = state->pane == PANE_EVENTS ? CANVAS_BOLD | CANVAS_CYAN : CANVAS_BOLD;
	char text[SIZE_TEXT], words[80];

	canvas_put(canvas, box.y, box.x, box.width, attr, 0, "      EVENT");
	canvas_put(canvas, box.y, box.x + 28, box.width - 28, attr, 0, "WHAT THE ALLOCATOR DID");
	if (feed_kind(state->feed) != FEED_TRACE)
		canvas_put(canvas, box.y + 1, box.x + 2, box.width - 2, CANVAS_DIM, 0,
			"a trace has them");
	for (int i = first; i < n; i++) {
		const struct explain_event *event = &events[i];
		int y = box.y + 1 + i - first;
		bool is_ours = event->has_context && event->context == state->selected;

		event_words(event, words, sizeof words);
		attr = (i == n - 1 ? CANVAS_BOLD : 0) | (is_ours ? CANVAS_YELLOW : 0);
		canvas_put(canvas, y, box.x, 9, attr, DISPLAY_RIGHT,
			size_count(text, event->number, 0));
		canvas_put(canvas, y, box.x + 10, 17, attr, 0, words);
		canvas_put(canvas, y, box.x + 28, box.width - 28, attr, 0, event->did);
	}
}
