/* SPDX-License-Identifier: MIT */
/*
 * The screen as a whole: which parts there is room for.
 *
 *   80 columns and more   tree | freelists    under 80   one pane, Tab goes on
 *   30 lines and more     events below        under 30   the events take the tree's place
 */
#include "tui/view.h"
#include "model/size.h"

enum { WIDE = 80, TALL = 30, TOP_LINES = 3, EVENT_LINES = 10 };

unsigned view_size_flags(const struct canvas *canvas)
{
	return canvas->ascii ? SIZE_ASCII : 0;
}

const char *view_sign(const struct canvas *canvas, const char *sign, const char *ascii)
{
	return canvas->ascii ? ascii : sign;
}

static void paint_too_small(struct canvas *canvas)
{
	canvas_put(canvas, canvas->height / 2, 0, canvas->width, CANVAS_BOLD, 0,
		canvas->width >= 20 ? "too small: 40x10 at least" : "too small");
}

static void paint_rule(struct canvas *canvas, int x, int y, int height)
{
	for (int i = 0; i < height; i++)
		canvas_put(canvas, y + i, x, 1, CANVAS_DIM, 0, view_sign(canvas, "│", "|"));
}

static void paint_wide(struct canvas *canvas, struct state *state, int height)
{
	int left = canvas->width < 100 ? 48 : canvas->width * 3 / 5;
	struct view_box tree = {TOP_LINES, 0, height, left};
	struct view_box lists = {TOP_LINES, left + 2, height, canvas->width - left - 2};

	if (state->pane == PANE_EVENTS && canvas->height < TALL)
		view_events(canvas, state, tree);
	else
		view_tree(canvas, state, tree);
	paint_rule(canvas, left, TOP_LINES, height);
	view_lists(canvas, state, lists);
}

static void paint_narrow(struct canvas *canvas, struct state *state, int height)
{
	struct view_box box = {TOP_LINES, 0, height, canvas->width};

	if (state->pane == PANE_LISTS)
		view_lists(canvas, state, box);
	else if (state->pane == PANE_EVENTS && canvas->height < TALL)
		view_events(canvas, state, box);
	else
		view_tree(canvas, state, box);
}

void view_paint(struct canvas *canvas, struct state *state)
{
	int height = canvas->height - TOP_LINES - 2;
	bool has_events =
		canvas->height >= TALL && feed_kind(state->feed) == FEED_TRACE && !state->help;

	canvas_clear(canvas);
	if (canvas->width < VIEW_MIN_WIDTH || canvas->height < VIEW_MIN_HEIGHT) {
		paint_too_small(canvas);
		return;
	}
	if (state->help) {
		view_help(canvas, state);
		return;
	}
	if (has_events)
		height -= EVENT_LINES;
	view_top(canvas, state);
	if (canvas->width >= WIDE)
		paint_wide(canvas, state, height);
	else
		paint_narrow(canvas, state, height);
	if (has_events)
		view_events(canvas, state,
			(struct view_box){TOP_LINES + height, 0, EVENT_LINES, canvas->width});
	view_bottom(canvas, state);
}
