/* SPDX-License-Identifier: MIT */
/*
 * One trace through several designs: what each costs in time and memory.
 */
#ifndef MEMCTX_MODEL_COMPARE_H
#define MEMCTX_MODEL_COMPARE_H

#include "model/script.h"

#define COMPARE_ROUNDS 15
#define COMPARE_SETS 16

struct compare_row {
	/* In. */
	char label[SETTING_TEXT];
	struct setting settings[COMPARE_SETS];
	size_t nsettings;
	/* Out. */
	bool refused;                    /* memory was: nothing below is known */
	double low, median, high;        /* ns an operation: quartiles over the rounds */
	uint64_t peak_event;             /* the first after which the total is greatest */
	uint64_t requested;              /* there, by the trace alone */
	struct snapshot_figures figures; /* there */
	uint64_t unfreed;                /* there: asked for, and only a bump still has it */
	uint64_t not_done;               /* over the whole trace */
	uint64_t system_calls;           /* blocks asked of the system, over the whole trace */
	uint64_t rss;                    /* bytes of pages that it touched; SNAPSHOT_UNKNOWN */
	double rounds[COMPARE_ROUNDS];
};

/*
 * Measures N rows: first each one's memory, then time, the rows taking turns for at most SECONDS.
 * Runs the script behind a backing of its own, so no context may exist.  PROGRESS (may be NULL) is
 * called before each part.
 */
void compare_rows(struct script *script, struct compare_row *rows, size_t n, double seconds,
	void (*progress)(const char *what));

#endif
