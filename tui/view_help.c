/* SPDX-License-Identifier: MIT */
/*
 * The help, made from the table of keys; where there is room, in columns.
 */
#include "tui/view.h"

enum { KEYS_WIDTH = 13, COLUMN_WIDTH = 56, LINES_MOST = REQUESTS + 2 * KEYS_GROUPS };

/* A line of the help: a heading, a key, or nothing. */
struct help_line {
	const char *heading;
	const struct key_help *key;
};

static int make_lines(struct help_line lines[static LINES_MOST])
{
	int n = 0;

	for (int i = 0; i < REQUESTS; i++) {
		if (i == 0 || keys_table[i].group != keys_table[i - 1].group) {
			if (i > 0)
				lines[n++] = (struct help_line){NULL, NULL};
			lines[n++] = (struct help_line){keys_groups[keys_table[i].group], NULL};
		}
		lines[n++] = (struct help_line){NULL, &keys_table[i]};
	}
	return n;
}

static void paint_line(struct canvas *canvas, const struct help_line *line, int y, int x, int width)
{
	if (line->heading)
		canvas_put(canvas, y, x, width, CANVAS_BOLD, 0, line->heading);
	if (!line->key)
		return;
	canvas_put(canvas, y, x + 2, KEYS_WIDTH - 2, CANVAS_BOLD, 0, line->key->keys);
	canvas_put(canvas, y, x + KEYS_WIDTH, width - KEYS_WIDTH, CANVAS_PLAIN, 0, line->key->help);
}

void view_help(struct canvas *canvas, struct state *state)
{
	struct help_line lines[LINES_MOST];
	int n = make_lines(lines), room = canvas->height - 2;
	int columns = canvas->width / COLUMN_WIDTH > 1 ? canvas->width / COLUMN_WIDTH : 1;
	int width = canvas->width / columns;

	state->help_room = room * columns;
	if (state->help_top + state->help_room > n)
		state->help_top = n > state->help_room ? n - state->help_room : 0;
	canvas_put(canvas, 0, 0, canvas->width, CANVAS_REVERSE | CANVAS_BOLD, DISPLAY_PAD,
		" memctx  keys");
	for (int i = 0; i < state->help_room && state->help_top + i < n; i++)
		paint_line(canvas, &lines[state->help_top + i], 1 + i % room, 1 + i / room * width,
			width - 2);
	canvas_put(canvas, canvas->height - 1, 1, canvas->width - 1, CANVAS_PLAIN, 0,
		n > state->help_room ? "Up and Down: more keys   any other key goes back"
				     : "any key goes back");
}
