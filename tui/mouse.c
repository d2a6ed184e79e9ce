/* SPDX-License-Identifier: MIT */
/*
 * Clicks.
 */
#include "tui/mouse.h"
#include "tui/view.h"

static void set_pane(struct state *state, enum pane pane)
{
	if (state->pane != pane)
		state->is_decoding = false;
	state->pane = pane;
	if (pane == PANE_EVENTS)
		feed_watch(state->feed);
	state_update(state);
}

static void click_head(struct state *state, struct layout_box box, int x)
{
	struct layout_column columns[LAYOUT_COLUMNS];
	int n = layout_columns(state, box.width, columns);

	for (int i = 0; i < n; i++)
		if (x - box.x >= columns[i].x && x - box.x < columns[i].x + columns[i].width &&
			columns[i].key != ROWS_ALL_KEYS)
			state_sort(state, columns[i].key);
}

/* A second click on the selected line folds or unfolds it. */
static void click_tree(struct state *state, struct layout_box box, int y, int x)
{
	size_t line = state->top + (size_t)(y - box.y - 1);

	if (y == box.y) {
		click_head(state, box, x);
	} else if (line < state->n_visible) {
		if (line == state->line && state->pane == PANE_TREE)
			state_request(state, REQUEST_OPEN);
		else
			state_select(state, line);
	}
}

static void click_lists(struct state *state, struct layout_box box, int y)
{
	int classes[LISTS_PLACES], at = y - box.y - 2;
	struct lists lists;

	if (!state_row(state) || at < 0)
		return;
	state_lists(state, state_row(state), &lists);
	if (at >= view_shown_classes(state, &lists, box, classes))
		return;
	state_pick_class(state, classes[at]);
}

static void click_blocks(struct state *state, struct layout_box box, int y, int x)
{
	struct memory_place place = {MEMORY_AT, 0, 0, 0, 0};
	const struct memory_blocks *seen;
	const struct look_chunk *chunk;
	int map, width;

	if (y == box.y || y - box.y > view_block_lines(state, box))
		return;
	state->block = place.block = state->block_top + (size_t)(y - box.y - 1);
	state->offset = 0;
	view_block_map(box, &map, &width);
	seen = feed_blocks(state->feed, state->selected, state->block, 1, 0);
	if (x < map || x >= map + width || !seen || state->block >= seen->all)
		return;
	/* The chunk that has the middle of the cell. */
	place.offset = (size_t)((2 * (uint64_t)(x - map) + 1) *
				seen->blocks[state->block - seen->first].info.size /
				(2 * (uint64_t)width));
	chunk = feed_chunk(state->feed, state->selected, &place);
	state->offset = chunk ? chunk->offset : place.offset;
}

/* To the moment behind an event. */
static void click_events(struct state *state, struct layout_box box, int y)
{
	struct view_event shown[FEED_EVENTS];
	int n = view_shown_events(state, box, shown), at = y - box.y - 1;

	if (at >= 0 && at < n)
		state_seek(state, shown[at].number);
}

static void click_history(struct state *state, struct layout_box box, int x)
{
	uint64_t last = feed_last(state->feed);
	int width = box.width - 9;

	if (feed_kind(state->feed) == FEED_TRACE && last != SNAPSHOT_UNKNOWN && x >= 1 &&
		x <= width)
		state_seek(state, (uint64_t)((double)last * (x - 1) / (width > 1 ? width - 1 : 1)));
}

void mouse_click(struct state *state, int y, int x, int width, int height)
{
	struct layout layout;

	layout_make(&layout, state, width, height);
	if (layout.is_too_small)
		return;
	if (state->help) {
		state_request(state, REQUEST_CANCEL);
		return;
	}
	*state->message = '\0';
	if (layout_has(&layout.history, y, x))
		click_history(state, layout.history, x);
	else if (layout_has(&layout.largest, y, x))
		state_request(state, REQUEST_LARGEST);
	for (int i = 0; i < PANES; i++) {
		if (!layout_has(&layout.panes[i], y, x))
			continue;
		if (i == PANE_TREE)
			click_tree(state, layout.panes[i], y, x);
		else if (i == PANE_LISTS)
			click_lists(state, layout.panes[i], y);
		else if (i == PANE_BLOCKS && state->has_selected && !state->is_gone)
			click_blocks(state, layout.panes[i], y, x);
		else if (i == PANE_EVENTS)
			click_events(state, layout.panes[i], y);
		set_pane(state, (enum pane)i);
		return;
	}
}

void mouse_wheel(struct state *state, int step)
{
	for (int i = 0; i < 3; i++)
		state_request(state, step < 0 ? REQUEST_UP : REQUEST_DOWN);
}
