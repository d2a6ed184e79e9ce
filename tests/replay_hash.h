/* SPDX-License-Identifier: MIT */
/*
 * One number for all that can be seen of a replay between two events: the snapshot, and of each
 * context its blocks, every chunk in them and every freelist as the chain that it is, addresses as
 * places in blocks.
 */
#ifndef TESTS_REPLAY_HASH_H
#define TESTS_REPLAY_HASH_H

#include <stdint.h>

#include "model/explain.h"
#include "model/replay.h"

/* EXPLAIN (may be NULL): with the names of free chunks as far as chains show them. */
uint64_t replay_hash(const struct replay *replay, struct explain *explain);
/* All that is told of an event. */
uint64_t explained_hash(const struct explain_event *event);

#endif
