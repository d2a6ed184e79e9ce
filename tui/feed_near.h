/* SPDX-License-Identifier: MIT */
/*
 * Events around the moment that a trace is at: those of one context up to now, explained however
 * far back they lie, and those still to come.
 */
#ifndef TUI_FEED_NEAR_H
#define TUI_FEED_NEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "model/seek.h"

struct feed_near;

/* NULL with ENOMEM. */
struct feed_near *feed_near_new(void);
void feed_near_free(struct feed_near *near);

/*
 * The last events up to now that are about a context, in their order; KNOWN[0 … n) are explained
 * already.  For the others the cursor goes back, if it MAY, and returns; else those before the last
 * that is not explained are left out.  Returns how many.
 */
int feed_near_own(struct feed_near *near, struct seek *seek, uint64_t context,
	const struct explain_event *known, int n, bool may, const struct explain_event **events);

/* As seek_ahead(), read once. */
int feed_near_coming(struct feed_near *near, struct seek *seek, const uint64_t *context,
	const struct seek_coming **coming);

#endif
