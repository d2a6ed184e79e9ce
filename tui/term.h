/* SPDX-License-Identifier: MIT */
/*
 * The terminal: started, painted, read and given back as it was.  The only part that knows ncurses.
 *
 * On every way out, a signal that ends the program and a crash included, the terminal is restored.
 */
#ifndef TUI_TERM_H
#define TUI_TERM_H

#include <stdbool.h>

#include "tui/canvas.h"

/* Takes the terminal; false where there is none that can show a screen (errno). */
bool term_start(bool color);
void term_stop(void);
void term_size(int *width, int *height);
/* Shows the canvas; what it shows already is not sent again unless REDRAW. */
void term_show(const struct canvas *canvas, bool redraw);
/* The next key (keys.h), or KEYS_NONE after WAIT_MS milliseconds without one. */
int term_key(int wait_ms);
/* Where the mouse was, after KEYS_MOUSE: its row and column, and what it did. */
enum term_mouse { TERM_CLICK, TERM_WHEEL_UP, TERM_WHEEL_DOWN };
enum term_mouse term_mouse(int *y, int *x);

#endif
