/* SPDX-License-Identifier: MIT */
/*
 * Where things stand.
 *
 *   80 columns and more   tree | lists; what else there is below, from 30 lines on or on request,
 *                         a trace's events also where the tree is small
 *   under 80              one pane, Tab goes on
 *
 * With less height the sparkline, the line of the largest and the chain's own line give way.
 */
#include <limits.h>
#include <string.h>

#include "tui/layout.h"

enum { WIDE = 80, TALL = 30, SIDE_BY_SIDE = 170 };
/* From which height on each has a line of its own. */
enum { HISTORY_FROM = 12, LARGEST_FROM = 20, CHAIN_FROM = 26 };

static struct layout_box line(int y, int width)
{
	return (struct layout_box){y, 0, 1, width};
}

/* Takes lines off the top of BODY. */
static struct layout_box take_top(struct layout_box *body, int height)
{
	struct layout_box taken = {body->y, body->x, height, body->width};

	body->y += height;
	body->height -= height;
	return taken;
}

static struct layout_box take_bottom(struct layout_box *body, int height)
{
	body->height -= height;
	return (struct layout_box){body->y + body->height, body->x, height, body->width};
}

/* A chart of freelists gains less from width than a table of contexts does. */
static int lists_width(int width)
{
	if (width < 100)
		return width - 46;
	if (width < 120)
		return width * 2 / 5;
	if (width < 160)
		return 48;
	return width * 3 / 10 < 72 ? width * 3 / 10 : 72;
}

/* Tree and lists beside each other. */
static void put_tree_and_lists(struct layout *layout, struct layout_box body)
{
	int right = lists_width(body.width), left = body.width - right - 2;

	layout->panes[PANE_TREE] = (struct layout_box){body.y, body.x, body.height, left};
	layout->rule = (struct layout_box){body.y, body.x + left, body.height, 1};
	layout->panes[PANE_LISTS] =
		(struct layout_box){body.y, body.x + left + 2, body.height, right};
}

/* Blocks and events, where a high screen has room for both. */
static void put_both_below(struct layout *layout, struct layout_box *body)
{
	int height = body->height * 2 / 5, blocks = height * 2 / 5;
	struct layout_box below = take_bottom(body, height);

	if (body->width >= SIDE_BY_SIDE) {
		layout->panes[PANE_BLOCKS] =
			(struct layout_box){below.y, 0, below.height, below.width / 2 - 1};
		layout->panes[PANE_EVENTS] = (struct layout_box){below.y, below.width / 2 + 1,
			below.height, below.width - below.width / 2 - 1};
		return;
	}
	layout->panes[PANE_BLOCKS] = take_top(&below, blocks < 4 ? 4 : blocks);
	layout->panes[PANE_EVENTS] = below;
}

/* Lines of tree and lists that a small trace's events leave them. */
enum { FEW_LINES = 5, LEFT_TO_FEW = 10 };

/* Whether the tree of a trace has so few lines that its events have room below it. */
static bool has_few_lines(const struct state *state, int height)
{
	return feed_kind(state->feed) == FEED_TRACE && feed_last(state->feed) != 0 &&
	       state->n_visible <= FEW_LINES && height >= LEFT_TO_FEW + 4;
}

static void put_wide(struct layout *layout, const struct state *state, struct layout_box body)
{
	if (body.height >= TALL - 9 && state_has_pane(state, PANE_BLOCKS))
		put_both_below(layout, &body);
	else if (body.height >= TALL - 9 && state_has_pane(state, PANE_EVENTS))
		layout->panes[PANE_EVENTS] = take_bottom(&body, body.height / 3);
	else if (state->pane == PANE_BLOCKS || state->pane == PANE_EVENTS)
		layout->panes[state->pane] = take_bottom(&body, body.height / 2);
	else if (has_few_lines(state, body.height))
		layout->panes[PANE_EVENTS] = take_bottom(&body, body.height - LEFT_TO_FEW);
	put_tree_and_lists(layout, body);
}

void layout_make(struct layout *layout, const struct state *state, int width, int height)
{
	struct layout_box body = {0, 0, height, width};
	bool has_chain = state_has_pane(state, PANE_CHAIN);
	enum pane pane = state->pane == PANE_CHAIN ? PANE_LISTS : state->pane;

	memset(layout, 0, sizeof *layout);
	layout->is_too_small = width < LAYOUT_MIN_WIDTH || height < LAYOUT_MIN_HEIGHT;
	if (layout->is_too_small)
		return;
	layout->title = take_top(&body, 1);
	layout->totals = take_top(&body, 1);
	layout->largest = take_top(&body, height >= LARGEST_FROM);
	layout->history =
		take_top(&body, height >= HISTORY_FROM && feed_kind(state->feed) != FEED_STILL);
	layout->keys = take_bottom(&body, 1);
	layout->message = take_bottom(&body, 1);
	if (has_chain && height >= CHAIN_FROM)
		layout->panes[PANE_CHAIN] = take_bottom(&body, 1);
	else if (has_chain)
		layout->panes[PANE_CHAIN] = line(layout->message.y, width);
	if (width >= WIDE)
		put_wide(layout, state, body);
	else
		layout->panes[pane] = body;
}

/* ---- Columns -------------------------------------------------------------------------- */

/* Columns of a name, for the sake of which others are left out: all, or all but the first four. */
enum { NAME_LEAST = 18, NAME_WELL = 20 };

/* In order of their places; the lower its rank, the sooner a column gets room. */
static const struct column_rule {
	const char *head;
	enum rows_key key;
	int width, rank;
	bool is_percent;
} rules[] = {
	{"KIND", ROWS_KIND, 11, 8, false},
	{"CONTEXTS", ROWS_CONTEXTS, 10, 9, false},
	{"BLOCKS", ROWS_BLOCKS, 8, 7, false},
	{"CHUNKS", ROWS_CHUNKS, 8, 6, false},
	{"ASKED", ROWS_REQUESTED, 7, 12, false},
	{"SLACK", ROWS_SLACK, 7, 10, false},
	{"HEADERS", ROWS_HEADERS, 9, 13, false},
	{"LISTS", ROWS_FREELIST, 7, 11, false},
	{"TAILS", ROWS_TAIL, 7, 11, false},
	{"USED", ROWS_USED, 7, 5, false},
	{"TOTAL", ROWS_TOTAL, 7, 1, false},
	{"CHANGE", ROWS_CHANGE, 8, 3, false},
	{"FREE%", ROWS_FREE, 7, 4, true},
	{"used", ROWS_ALL_KEYS, 7, 2, false},
};

enum { RULES = sizeof rules / sizeof *rules, RANK_LAST = 13 };

static bool is_wanted(const struct state *state, const struct column_rule *rule)
{
	return rule->key != ROWS_CHANGE || feed_kind(state->feed) == FEED_LIVE;
}

/* Which rules have room, in order of rank, that of the sorted column first. */
static void choose(const struct state *state, int width, bool chosen[static RULES])
{
	int left = width - 1, full = INT_MAX;

	for (int rank = 0; rank <= RANK_LAST && rank <= full; rank++)
		for (int i = 0; i < RULES; i++) {
			bool is_sorted = rules[i].key == state->options.sort;
			int least = rules[i].rank <= 4 ? NAME_LEAST : NAME_WELL;

			if ((is_sorted ? 0 : rules[i].rank) != rank || !is_wanted(state, &rules[i]))
				continue;
			/* What matters less does not come in where something that does had no room.
			 */
			if (!is_sorted && left - rules[i].width < least) {
				full = rank;
				continue;
			}
			chosen[i] = true;
			left -= rules[i].width;
		}
}

int layout_columns(
	const struct state *state, int width, struct layout_column columns[static LAYOUT_COLUMNS])
{
	bool chosen[RULES] = {false};
	int n = 1, x = width;

	choose(state, width, chosen);
	for (int i = 0; i < RULES; i++)
		x -= chosen[i] ? rules[i].width : 0;
	columns[0] = (struct layout_column){"CONTEXT", ROWS_NAME, 1, x - 1, false};
	for (int i = 0; i < RULES; i++) {
		if (!chosen[i])
			continue;
		columns[n++] = (struct layout_column){
			rules[i].head, rules[i].key, x, rules[i].width, rules[i].is_percent};
		x += rules[i].width;
	}
	return n;
}
