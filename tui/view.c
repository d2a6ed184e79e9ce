/* SPDX-License-Identifier: MIT */
/*
 * The screen as a whole.
 */
#include "tui/view.h"

#include <inttypes.h>
#include <string.h>

#include "model/size.h"

unsigned view_size_flags(const struct canvas *canvas)
{
	return canvas->ascii ? SIZE_ASCII : 0;
}

const char *view_sign(const struct canvas *canvas, const char *sign, const char *ascii)
{
	return canvas->ascii ? ascii : sign;
}

const char *view_count(const struct canvas *canvas, char out[static SIZE_TEXT], uint64_t count)
{
	if (count > 99999 && count != SNAPSHOT_UNKNOWN)
		return size_decimal(out, (double)count);
	return size_count(out, count, view_size_flags(canvas));
}

const char *view_class(char out[static SIZE_TEXT], uint64_t bytes)
{
	size_class(out, bytes);
	return bytes % 1024 == 0 ? out : strcat(out, " B");
}

void view_heading(struct canvas *canvas, const struct state *state, enum pane pane,
	struct layout_box box, const char *text)
{
	bool has_keys = state->pane == pane;

	canvas_put(canvas, box.y, box.x, box.width,
		has_keys ? CANVAS_BOLD | CANVAS_REVERSE : CANVAS_BOLD, 0, text);
}

const char *view_kind(const struct state *state)
{
	const struct row *row = state_row(state);
	const struct snapshot *snapshot = state->rows->snapshot;

	return row ? snapshot_string(snapshot, snapshot->contexts[row->context].kind) : "";
}

void view_link(const struct explain_link *link, char *out, size_t size)
{
	if (link->kind == EXPLAIN_CHUNK)
		snprintf(out, size, "#%" PRIu64, link->id);
	else
		snprintf(out, size, "%s", link->kind == EXPLAIN_CUT ? "cut" : "base");
}

static void paint_too_small(struct canvas *canvas)
{
	static const char *const texts[] = {"too small: 40x10 at least", "too small", "?"};
	int i = canvas->width >= 25 ? 0 : canvas->width >= 9 ? 1 : 2;

	canvas_put(canvas, canvas->height / 2, 0, canvas->width, CANVAS_BOLD, 0, texts[i]);
}

static void paint_panes(struct canvas *canvas, struct state *state, const struct layout *layout)
{
	const struct layout_box *panes = layout->panes;

	for (int i = 0; i < layout->rule.height; i++)
		canvas_put(canvas, layout->rule.y + i, layout->rule.x, 1, CANVAS_DIM, 0,
			view_sign(canvas, "│", "|"));
	if (panes[PANE_TREE].height > 0)
		view_tree(canvas, state, panes[PANE_TREE]);
	if (panes[PANE_LISTS].height > 0)
		view_lists(canvas, state, panes[PANE_LISTS]);
	if (panes[PANE_BLOCKS].height > 0)
		view_blocks(canvas, state, panes[PANE_BLOCKS]);
	if (panes[PANE_EVENTS].height > 0)
		view_events(canvas, state, panes[PANE_EVENTS]);
	if (panes[PANE_CHAIN].height > 0)
		view_chain(canvas, state, panes[PANE_CHAIN]);
}

void view_paint(struct canvas *canvas, struct state *state)
{
	struct layout layout;

	canvas_clear(canvas);
	layout_make(&layout, state, canvas->width, canvas->height);
	if (layout.is_too_small) {
		paint_too_small(canvas);
	} else if (state->help) {
		view_help(canvas, state);
	} else {
		view_top(canvas, state, &layout);
		paint_panes(canvas, state, &layout);
		view_bottom(canvas, state, &layout);
		if (state->is_decoding)
			view_chunk(canvas, state);
	}
}
