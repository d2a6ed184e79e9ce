/* SPDX-License-Identifier: MIT */
/*
 * The screens over a feed: on a terminal, from a script, or as plain text at intervals.
 */
#ifndef TUI_TUI_H
#define TUI_TUI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tui/feed.h"

struct tui_options {
	bool ascii, color; /* color: of scripts and batches too, as codes */
	double interval;   /* seconds between two looks at a live process */
	int width, height; /* of scripts and batches */
	uint64_t start;    /* the event to begin with; SNAPSHOT_UNKNOWN: the peak */
	double seconds;    /* on a terminal: ends after so many; 0: when the user does */
	const char *hello; /* on a terminal: said until the first key; or NULL */
};

/* Each returns an exit status of the tool; a message says why it is not 0. */

/* Until the user quits. */
int tui_run(struct feed *feed, const struct tui_options *options, const char **message);

/*
 * Runs the requests in SCRIPT, a word a line: a request's word (help: keys.h) with a number of
 * times behind it; "type TEXT" types it; "enter" and "escape" press these keys, "click ROW COLUMN"
 * the mouse; "tick SECONDS"; "pass" ends the first pass; "screen" prints the screen to OUT.
 */
int tui_script(struct feed *feed, const struct tui_options *options, FILE *script, FILE *out,
	const char **message);

/* Prints the screen COUNT times (0: until the target ends), every interval. */
int tui_batch(struct feed *feed, const struct tui_options *options, uint64_t count, FILE *out,
	const char **message);

#endif
