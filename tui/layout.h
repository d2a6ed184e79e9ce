/* SPDX-License-Identifier: MIT */
/*
 * Where things stand on a screen of some size, and what stands at a place of it.
 *
 * Invariant: no two boxes overlap, and all lie on the screen; a box without height is not shown.
 */
#ifndef TUI_LAYOUT_H
#define TUI_LAYOUT_H

#include <stdbool.h>

#include "tui/state.h"

/* Below it there is only a message. */
enum { LAYOUT_MIN_WIDTH = 40, LAYOUT_MIN_HEIGHT = 10 };

/* Rows [y, y + height), columns [x, x + width). */
struct layout_box {
	int y, x, height, width;
};

struct layout {
	bool is_too_small;
	struct layout_box title, totals, largest, history;
	struct layout_box panes[PANES]; /* of the chain a line */
	struct layout_box rule;         /* between tree and lists */
	struct layout_box message, keys;
};

void layout_make(struct layout *layout, const struct state *state, int width, int height);

/* A column of the tree's table. */
enum { LAYOUT_COLUMNS = 16 };
struct layout_column {
	const char *head;
	enum rows_key key; /* what it shows and is sorted by; ROWS_ALL_KEYS: the bar */
	int x, width;      /* x from the box's left edge */
	bool is_percent;   /* of the total */
};

/*
 * The columns that there is room for, from left to right, the first the name.  The column that is
 * sorted by is always among them.  Returns their number.
 */
int layout_columns(
	const struct state *state, int width, struct layout_column columns[static LAYOUT_COLUMNS]);

static inline bool layout_has(const struct layout_box *box, int y, int x)
{
	return y >= box->y && y < box->y + box->height && x >= box->x && x < box->x + box->width;
}

#endif
