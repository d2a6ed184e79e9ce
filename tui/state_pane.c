/* SPDX-License-Identifier: MIT */
/*
 * The panes beside the tree: their cursors, and what is under them.
 */
#include "tui/state.h"

bool state_has_pane(const struct state *state, enum pane pane)
{
	switch (feed_kind(state->feed)) {
	case FEED_TRACE:
		return true;
	case FEED_LIVE:
		return pane == PANE_TREE || pane == PANE_LISTS || pane == PANE_EVENTS;
	default:
		return pane == PANE_TREE || pane == PANE_LISTS;
	}
}

bool state_look(const struct state *state, struct look *look)
{
	return state->has_selected && !state->is_gone &&
	       feed_look(state->feed, state->selected, look);
}

static bool can_look(const struct state *state)
{
	return state->has_selected && !state->is_gone;
}

/* The block under the cursor. */
static bool cursor_block(const struct state *state, struct look_block *block)
{
	const struct memory_blocks *seen =
		can_look(state) ? feed_blocks(state->feed, state->selected, state->block, 1, 0)
				: NULL;

	if (!seen || state->block >= seen->all)
		return false;
	*block = seen->blocks[state->block - seen->first];
	return true;
}

bool state_chunk(const struct state *state, struct look_chunk *chunk)
{
	struct memory_place place = {MEMORY_NOWHERE, 0, 0, 0, 0};
	const struct look_chunk *seen;

	if ((state->pane == PANE_CHAIN || state->pane == PANE_LISTS) && state_list(state) >= 0)
		place = (struct memory_place){
			MEMORY_LISTED, (uint64_t)state_list(state), state->link, 0, 0};
	else if (state->pane == PANE_BLOCKS)
		place = (struct memory_place){MEMORY_AT, 0, 0, state->block, state->offset};
	if (!can_look(state) || place.kind == MEMORY_NOWHERE)
		return false;
	seen = feed_chunk(state->feed, state->selected, &place);
	if (seen)
		*chunk = *seen;
	return seen != NULL;
}

const struct explain_event *state_last_event(const struct state *state)
{
	const struct explain_event *events;
	int n = feed_events(state->feed, &events);

	if (n == 0 || events[n - 1].skipped || !events[n - 1].has_context ||
		events[n - 1].context != state->selected ||
		events[n - 1].number != feed_event(state->feed))
		return NULL;
	return &events[n - 1];
}

int state_list(const struct state *state)
{
	return feed_list(state->feed, state->selected, lists_bytes((unsigned)state->class));
}

void state_lists(const struct state *state, const struct row *row, struct lists *lists)
{
	bool own = state->options.own || state->options.group;

	rows_lists(state->rows, row, own, lists);
}

void state_pick_class(struct state *state, int class)
{
	state->class = class;
	state->link = 1;
	state->has_picked = true;
}

void state_follow_class(struct state *state)
{
	const struct explain_event *event = state_last_event(state);
	int class;

	if (state->has_picked || !event || event->n_lists == 0)
		return;
	class = lists_place(event->lists[0].bytes);
	if (class < 0 || class == state->class)
		return;
	state->class = class;
	state->link = 1;
}

/* ---- Moving in a pane ----------------------------------------------------------------- */

/* To the class before or behind, among those that the line has; stays where there is none. */
static void move_class(struct state *state, int step)
{
	const struct row *row = state_row(state);
	struct lists lists;
	int class = state->class + step;

	if (!row)
		return;
	state_lists(state, row, &lists);
	while (class >= 0 && class < (int)LISTS_PLACES && (lists.has >> class & 1) == 0)
		class += step;
	state_pick_class(state, class < 0 || class >= (int)LISTS_PLACES ? state->class : class);
}

/* Stays where the next link would not be. */
static void move_link(struct state *state, int step)
{
	struct explain_chain chain;
	uint64_t link = state->link + (uint64_t)(int64_t)step;

	if (link >= 1 && can_look(state) && state_list(state) >= 0 &&
		feed_chain(state->feed, state->selected, state_list(state), &chain) &&
		link <= chain.length)
		state->link = link;
}

static void move_block(struct state *state, int step)
{
	const struct memory_blocks *seen =
		can_look(state) ? feed_blocks(state->feed, state->selected, state->block, 1, 0)
				: NULL;

	if (!seen)
		return;
	if (step < 0 ? state->block > 0 : state->block + 1 < seen->all)
		state->block += (size_t)(ptrdiff_t)step;
	state->offset = 0;
}

/* Goes to the chunk beside the cursor in BLOCK; false: there is none. */
static bool move_beside(struct state *state, const struct look_block *block, int step)
{
	struct look look;
	size_t offset;

	if (!state_look(state, &look) || !look_beside(&look, block, state->offset, step, &offset))
		return false;
	state->offset = offset;
	return true;
}

/* To the chunk beside; past a block's end to the next block. */
static void move_chunk(struct state *state, int step)
{
	struct look_block block;
	size_t before = state->block;

	if (!cursor_block(state, &block) || move_beside(state, &block, step) ||
		(step < 0 && state->offset == 0))
		return;
	move_block(state, step);
	if (state->block == before)
		state->offset = step > 0 ? block.info.size : 0;
	else if (step < 0 && cursor_block(state, &block))
		state->offset = block.info.size;
	/* Where there was none behind, the last stays under the cursor. */
	if (cursor_block(state, &block))
		move_beside(state, &block, state->block == before && step > 0 ? -1 : step);
}

static void open_chunk(struct state *state)
{
	struct look_chunk chunk;

	if (state->is_decoding)
		state->is_decoding = false;
	else if (state_chunk(state, &chunk))
		state->is_decoding = true;
	else
		state_say(state, state->pane == PANE_BLOCKS ? "] goes to the first chunk"
							    : "this list is empty");
}

static void next_pane(struct state *state, int step)
{
	do
		state->pane = (enum pane)(((int)state->pane + PANES + step) % PANES);
	while (!state_has_pane(state, state->pane));
	state->is_decoding = false;
	if (state->pane == PANE_EVENTS)
		feed_watch(state->feed);
	state_update(state);
}

/* The items that the cursor of a pane goes over. */
static bool request_item(struct state *state, int step)
{
	if (state->pane == PANE_CHAIN)
		move_link(state, step);
	else if (state->pane == PANE_BLOCKS)
		move_chunk(state, step);
	else
		move_class(state, step);
	return true;
}

/* Up and Down go over what the pane shows; in the events, along the trace. */
static bool request_line(struct state *state, int step)
{
	if (state->pane == PANE_LISTS)
		move_class(state, step);
	else if (state->pane == PANE_CHAIN)
		move_link(state, step);
	else if (state->pane == PANE_BLOCKS)
		move_block(state, step);
	else if (state->pane == PANE_EVENTS && feed_kind(state->feed) == FEED_TRACE)
		state_request_time(state, step < 0 ? REQUEST_BACK : REQUEST_STEP);
	else
		return false;
	return true;
}

bool state_request_pane(struct state *state, enum request request)
{
	switch (request) {
	case REQUEST_PANE:
	case REQUEST_PANE_BACK:
		next_pane(state, request == REQUEST_PANE ? 1 : -1);
		return true;
	case REQUEST_ITEM_UP:
	case REQUEST_ITEM_DOWN:
		return request_item(state, request == REQUEST_ITEM_UP ? -1 : 1);
	case REQUEST_UP:
	case REQUEST_DOWN:
		return request_line(state, request == REQUEST_UP ? -1 : 1);
	case REQUEST_OPEN:
		if (state->pane != PANE_CHAIN && state->pane != PANE_BLOCKS &&
			(state->pane != PANE_LISTS || feed_kind(state->feed) != FEED_TRACE))
			return false;
		open_chunk(state);
		return true;
	default:
		return false;
	}
}
