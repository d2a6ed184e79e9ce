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
 * Looks again: the tree as it is, which the caller frees; BEFORE (or NULL) is the one that it was.
 * NULL: the process has ended, or *ERROR is why it cannot be read any more.
 */
struct snapshot *feed_live_look(
	struct feed_live *live, const struct snapshot *before, struct live_error *error);

/* As the functions of feed.h without the "live". */
const struct feed_rates *feed_live_rates(const struct feed_live *live);
const struct changes *feed_live_changes(const struct feed_live *live);
bool feed_live_watch(struct feed_live *live);
int feed_live_events(const struct feed_live *live, const struct feed_live_event **events);

#endif
