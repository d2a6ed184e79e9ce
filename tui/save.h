/* SPDX-License-Identifier: MIT */
/*
 * Saving what is seen.
 */
#ifndef TUI_SAVE_H
#define TUI_SAVE_H

#include "tui/state.h"

/*
 * Saves what state->save asks for in the current folder, under a name that is not taken, and says
 * so in the status line.
 */
void save_seen(struct state *state);

#endif
