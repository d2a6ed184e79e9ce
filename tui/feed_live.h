/* SPDX-License-Identifier: MIT */
/*
 * A live process as a feed: looked at again and again, what changed between two looks, and on
 * request its latest events.
 */
#ifndef TUI_FEED_LIVE_H
#define TUI_FEED_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/changes.h"
#include "model/live.h"
#include "model/snapshot.h"
#include "tui/feed.h"

struct feed_live;

/* NULL with *ERROR. */
struct feed_live *feed_live_open(pid_t pid, struct live_error *error);
void feed_live_close(struct feed_live *live);

/*
 * Looks again.  False: the process has ended (then the message of *ERROR is empty), or *ERROR is
 * why it cannot be read any more; the tree stays the one that it was.
 */
bool feed_live_look(struct feed_live *live, struct live_error *error);
/* The tree as it was last seen, until the next look; NULL before the first. */
const struct snapshot *feed_live_snapshot(const struct feed_live *live);
/* snapshot_totals() of it. */
const struct snapshot_figures *feed_live_totals(const struct feed_live *live);

/* As the functions of feed.h without the "live". */
const struct feed_rates *feed_live_rates(const struct feed_live *live);
const struct changes *feed_live_changes(const struct feed_live *live);
bool feed_live_watch(struct feed_live *live);
int feed_live_events(const struct feed_live *live, const struct feed_live_event **events);

#endif
