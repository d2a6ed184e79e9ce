/* SPDX-License-Identifier: MIT */
/*
 * Views: state and feed painted on a canvas.  They change nothing but the number of lines that the
 * tree had room for.
 */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "tui/canvas.h"
#include "tui/state.h"

/* Below it there is only a message. */
enum { VIEW_MIN_WIDTH = 40, VIEW_MIN_HEIGHT = 10 };

/* Paints the whole screen. */
void view_paint(struct canvas *canvas, struct state *state);

/* The parts, for view.c: rows [y, y + height), columns [x, x + width). */
struct view_box {
	int y, x, height, width;
};

void view_top(struct canvas *canvas, const struct state *state);
void view_tree(struct canvas *canvas, struct state *state, struct view_box box);
void view_lists(struct canvas *canvas, const struct state *state, struct view_box box);
void view_events(struct canvas *canvas, const struct state *state, struct view_box box);
void view_help(struct canvas *canvas, struct state *state);
void view_bottom(struct canvas *canvas, const struct state *state);

/* The flags for the functions of size.h. */
unsigned view_size_flags(const struct canvas *canvas);
/* "…" and "×" and "▸", or what ASCII has for them. */
const char *view_sign(const struct canvas *canvas, const char *sign, const char *ascii);

#endif
