/* SPDX-License-Identifier: MIT */
/*
 * Giving the terminal back where a signal ends the program, a crash included.
 */
#ifndef TUI_RESTORE_H
#define TUI_RESTORE_H

#include <stdbool.h>

/* Remembers how the terminal is, before it is taken. */
void restore_begin(void);
/* Whether the terminal, now that it is known, can show a screen: put the cursor anywhere, clear. */
bool restore_can_show(void);
/* From here on a signal that ends the program gives the terminal back first. */
void restore_arm(void);
/* The terminal is given back otherwise; false: a signal was faster. */
bool restore_disarm(void);

#endif
