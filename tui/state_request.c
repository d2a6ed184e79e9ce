/* SPDX-License-Identifier: MIT */
/*
 * Requests and keys, and what they change.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/state.h"

/* ---- The tree ------------------------------------------------------------------------- */

static void go(struct state *state, ptrdiff_t lines)
{
	ptrdiff_t line = (ptrdiff_t)state->line + lines;

	state_select(state, line < 0 ? 0 : (size_t)line);
}

/* The selected line's number among the rows; STATE_GONE. */
static uint32_t selected_row(const struct state *state)
{
	return state_row(state) ? state->visible[state->line] : STATE_GONE;
}

static void set_fold(struct state *state, bool is_folded)
{
	const struct row *row = state_row(state);

	if (!row)
		return;
	if (is_folded)
		state_fold(state, state_id(state, row));
	else
		state_unfold(state, state_id(state, row));
	state_refold(state);
}

static bool has_below(const struct state *state)
{
	uint32_t at = selected_row(state);

	return at != STATE_GONE && state->rows->rows[at].end > at + 1;
}

static bool is_folded(const struct state *state)
{
	const struct row *row = state_row(state);

	return row && state_is_folded(state, state_id(state, row));
}

static void fold_or_up(struct state *state)
{
	const struct row *row = state_row(state);

	if (has_below(state) && !is_folded(state))
		set_fold(state, true);
	else if (row && row->parent != SNAPSHOT_NONE)
		state_show_row(state, row->parent);
}

static void fold_all(struct state *state)
{
	for (size_t i = 0; i < state->rows->n; i++)
		if (state->rows->rows[i].end > i + 1)
			state_fold(state, state_id(state, &state->rows->rows[i]));
	state_refold(state);
}

static void go_to_largest(struct state *state)
{
	uint32_t at = state->largest == SNAPSHOT_NONE ? SNAPSHOT_NONE
						      : state_row_of(state, state->largest);

	if (at == SNAPSHOT_NONE) {
		state_say(state, "the largest is not among what is shown");
		return;
	}
	state_show_row(state, at);
	state_take(state, state->rows->snapshot->contexts[state->largest].id);
	if (state->rows->rows[at].members > 1)
		state_say(state, "it is one of the %u that this line sums; z shows each",
			state->rows->rows[at].members);
}

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
	case REQUEST_OPEN:
		if (has_below(state))
			set_fold(state, !is_folded(state));
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
		state_refold(state);
		break;
	default:
		break;
	}
}

/* ---- The shape of the tree ------------------------------------------------------------ */

/* The columns in the order in which keys go through them. */
static const enum rows_key sort_order[] = {ROWS_TOTAL, ROWS_CHANGE, ROWS_USED, ROWS_FREE,
	ROWS_FREELIST, ROWS_TAIL, ROWS_REQUESTED, ROWS_SLACK, ROWS_HEADERS, ROWS_BLOCKS,
	ROWS_CHUNKS, ROWS_CONTEXTS, ROWS_KIND, ROWS_NAME};

static void sort_beside(struct state *state, int step)
{
	const int n = sizeof sort_order / sizeof *sort_order;
	int at = 0;

	while (at < n - 1 && sort_order[at] != state->options.sort)
		at++;
	do
		at = (at + n + step) % n;
	while (sort_order[at] == ROWS_CHANGE && feed_kind(state->feed) != FEED_LIVE);
	state->options.reverse = false;
	state->options.sort = sort_order[at];
}

static bool request_shape(struct state *state, enum request request)
{
	switch (request) {
	case REQUEST_SORT:
	case REQUEST_SORT_BACK:
		sort_beside(state, request == REQUEST_SORT ? 1 : -1);
		state_say(state, "ordered by %s", rows_key_name(state->options.sort));
		break;
	case REQUEST_REVERSE:
		state->options.reverse = !state->options.reverse;
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
		return false;
	}
	state_remake(state);
	return true;
}

/* ---- The rest ------------------------------------------------------------------------- */

static void open_prompt(struct state *state, enum prompt prompt, const char *text)
{
	state->prompt = prompt;
	state->find_from = state_row(state) ? state->visible[state->line] : 0;
	snprintf(state->text, sizeof state->text, "%s", text);
}

static void cancel(struct state *state)
{
	if (state->is_decoding) {
		state->is_decoding = false;
	} else if (*state->filter) {
		*state->filter = '\0';
		state_remake(state);
	} else {
		state->pane = PANE_TREE;
	}
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
	case REQUEST_PREVIOUS:
		state_find(state,
			selected_row(state) == STATE_GONE ? 0
			: request == REQUEST_NEXT
				? (size_t)selected_row(state) + 1
				: (size_t)selected_row(state) + state->rows->n - 1,
			request == REQUEST_NEXT ? 1 : -1);
		break;
	case REQUEST_ONLY:
		state->only = !state->only;
		break;
	case REQUEST_HELP:
		state->help = true;
		state->help_top = 0;
		break;
	case REQUEST_SAVE:
		state->save = SAVE_SNAPSHOT;
		break;
	case REQUEST_SAVE_EVENTS:
		state->save = SAVE_EVENTS;
		break;
	case REQUEST_CANCEL:
		cancel(state);
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
	int page = state->help_room > 1 ? state->help_room - 1 : 1;

	if (request == REQUEST_DOWN || request == REQUEST_PAGE_DOWN)
		state->help_top += request == REQUEST_DOWN ? 1 : page;
	else if (request == REQUEST_UP || request == REQUEST_PAGE_UP)
		state->help_top -= request == REQUEST_UP ? 1 : page;
	else if (request == REQUEST_REDRAW)
		state->redraw = true;
	else
		state->help = false;
	if (state->help_top < 0)
		state->help_top = 0;
}

/* Only a trace has a time line: elsewhere the arrows fold and unfold, as they do in other trees. */
static enum request without_time(const struct state *state, enum request request)
{
	if (feed_kind(state->feed) == FEED_TRACE)
		return request;
	return request == REQUEST_BACK   ? REQUEST_FOLD
	       : request == REQUEST_STEP ? REQUEST_UNFOLD
					 : request;
}

void state_request(struct state *state, enum request request)
{
	*state->message = '\0';
	if (state->help) {
		request_help(state, request);
		return;
	}
	request = without_time(state, request);
	if (state_request_pane(state, request) || request_shape(state, request))
		return;
	request_tree(state, request);
	state_request_time(state, request);
	request_rest(state, request);
}

/* ---- The prompt ----------------------------------------------------------------------- */

static void prompt_changed(struct state *state)
{
	if (state->prompt == PROMPT_FILTER) {
		strcpy(state->filter, state->text);
		state_remake(state);
	} else if (state->prompt == PROMPT_FIND && *state->text) {
		strcpy(state->find, state->text);
		*state->message = '\0';
		state_find(state, state->find_from, 1);
	}
}

static void prompt_enter(struct state *state)
{
	enum prompt prompt = state->prompt;

	state->prompt = PROMPT_NONE;
	if (prompt == PROMPT_GOTO && *state->text)
		state_go_to(state, state->text);
}

static void prompt_escape(struct state *state)
{
	*state->text = '\0';
	prompt_changed(state);
	*state->message = '\0';
	state->prompt = PROMPT_NONE;
}

static void prompt_key(struct state *state, int key)
{
	size_t length = strlen(state->text);

	if (key == KEYS_ENTER) {
		prompt_enter(state);
	} else if (key == KEYS_ESCAPE) {
		prompt_escape(state);
	} else if (key == KEYS_BACKSPACE && length) {
		/* A character's later bytes go with its first. */
		while (length > 1 && (state->text[length - 1] & 0xc0) == 0x80)
			length--;
		state->text[length - 1] = '\0';
		prompt_changed(state);
	} else if (key >= ' ' && key < 256 && key != KEYS_BACKSPACE &&
		   length + 1 < sizeof state->text) {
		state->text[length] = (char)key;
		state->text[length + 1] = '\0';
		prompt_changed(state);
	}
}

void state_key(struct state *state, int key)
{
	if (state->prompt != PROMPT_NONE)
		prompt_key(state, key);
	else if (keys_request(key) != REQUEST_NONE || state->help)
		state_request(state, keys_request(key));
}
