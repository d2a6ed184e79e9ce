/* SPDX-License-Identifier: MIT */
/*
 * A trace of a live process: what is followed, written as lines that replay.
 *
 * Contexts and chunks get small ids in the order in which they come.  Chunks that were there before
 * are base lines; one that is freed without having been seen is one of these.
 *
 * Invariant: every line is valid after those before it, whatever was lost: what the process must
 * have freed or deleted unseen is freed or deleted first.
 */
#ifndef MEMCTX_MODEL_RECORDER_H
#define MEMCTX_MODEL_RECORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/follow.h"

struct recorder_counts {
	uint64_t events;  /* lines that count as events */
	uint64_t lost;    /* entries that were overwritten before they were read */
	uint64_t unknown; /* events about what was not seen coming, left out */
	/* What was on the freelists of the contexts that were found: no line tells of it. */
	uint64_t free_chunks, free_bytes;
};

struct recorder;

/* Writes to OUT, which stays the caller's; times count from BEGAN_NS.  NULL with ENOMEM. */
struct recorder *recorder_new(FILE *out, uint64_t began_ns);
void recorder_free(struct recorder *recorder);

/* A follow_fn; ARG is the recorder.  False: there is no memory, or the limit is reached. */
bool recorder_event(const struct live_event *event, void *arg);

/* Stops after EVENTS lines that count as events. */
void recorder_limit(struct recorder *recorder, uint64_t events);
bool recorder_is_full(const struct recorder *recorder);

void recorder_counts(const struct recorder *recorder, struct recorder_counts *counts);

#endif
