/* SPDX-License-Identifier: MIT */
/*
 * The screen that asks what to look at: live processes, the last replay, the sample traces.
 */
#ifndef TUI_CHOOSER_H
#define TUI_CHOOSER_H

#include <stdbool.h>
#include <stddef.h>

enum { CHOOSER_MAX = 200, CHOOSER_TEXT = 300 };

struct choice {
	char argument[CHOOSER_TEXT]; /* a SOURCE; "": the last replay */
	char text[CHOOSER_TEXT];
};

struct chooser {
	struct choice choices[CHOOSER_MAX];
	size_t n, line, top;
};

/* Finds what there is to choose from; SAMPLES is the folder of the sample traces, or NULL. */
void chooser_find(struct chooser *chooser, const char *samples);

/*
 * Lets the user choose on the terminal, which must have been started.  NULL: nothing was chosen.
 */
const struct choice *chooser_run(struct chooser *chooser, bool ascii);

#endif
