/* SPDX-License-Identifier: MIT */
/*
 * A trace with everything there is in one: five contexts and short-lived ones, chunks of all sizes,
 * some aligned, reallocs, resets, idents, base chunks, times.
 */
#ifndef TESTS_MADE_TRACE_H
#define TESTS_MADE_TRACE_H

#include <stdint.h>
#include <stdio.h>

/* Writes about EVENTS events (at least as many lines) to a new file at PATH. */
void made_trace(const char *path, uint64_t events, uint64_t seed);

/* Such a trace in a new folder, as it is and compressed by xz. */
struct made_traces {
	char folder[40], plain[60], packed[60];
};

/* 0, or -1 where it cannot be made. */
int made_traces(struct made_traces *made, uint64_t events, uint64_t seed);
/* Begins a trace NAME to be written by hand in that folder; PATH gets where it is. */
FILE *made_by_hand(const struct made_traces *made, const char *name, char path[static 100]);
/* Removes the folder with all that is in it.  0, or another number. */
int made_traces_remove(const struct made_traces *made);

#endif
