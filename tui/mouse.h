/* SPDX-License-Identifier: MIT */
/*
 * What a click asks for, by what stands where it fell.
 */
#ifndef TUI_MOUSE_H
#define TUI_MOUSE_H

#include "tui/state.h"

/* A click at a place of a screen of some size: selects, sorts by a column head, seeks, decodes. */
void mouse_click(struct state *state, int y, int x, int width, int height);
/* The wheel, up (STEP -1) or down (1). */
void mouse_wheel(struct state *state, int step);

#endif
