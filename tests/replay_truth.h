/* SPDX-License-Identifier: MIT */
/*
 * What fresh replays have at some events of a trace, for holding seeks to it.
 */
#ifndef TESTS_REPLAY_TRUTH_H
#define TESTS_REPLAY_TRUTH_H

#include <stddef.h>
#include <stdint.h>

#include "model/explain.h"

#define TRUTH_POINTS 24 /* of a trace; each with the event before it */

struct truth {
	uint64_t events[2 * TRUTH_POINTS], hashes[2 * TRUTH_POINTS];
	uint64_t told[2 * TRUTH_POINTS]; /* of the event itself; 0: not looked at */
	int n;
	uint64_t last, peak;
	size_t contexts;
};

/* A replay that has applied nothing. */
struct replay *truth_fresh(
	const char *path, const struct replay_options *options, struct trace_reader **reader);
/* Draws events, and replays to each of them. */
void truth_find(struct truth *truth, const char *path, const struct replay_options *options,
	uint64_t *seed);

#endif
