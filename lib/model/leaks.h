/* SPDX-License-Identifier: MIT */
/*
 * What grows and is not given back, found in one pass over a trace of unknown length.
 *
 * Live chunks are counted by site: the path of names of their context, and their size class; and so
 * are the contexts of a path.  Samples are taken at evenly spread events; when there are
 * LEAKS_SAMPLES of them every other one is dropped and the distance doubled.  For each site it is
 * known in which interval what lives was made, so that among chunks that come and go the few that
 * stay stand out.
 *
 * A site is suspected where what was made in each part of the run, its first quarter left out for
 * caches that warm up, is still there.  What is held is proportional to what lives.
 */
#ifndef MEMCTX_MODEL_LEAKS_H
#define MEMCTX_MODEL_LEAKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/trace.h"

#define LEAKS_SAMPLES 32
/* What a site counts: chunks of the size class, larger ones, contexts. */
#define LEAKS_LARGE 11u
#define LEAKS_CONTEXTS 12u
#define LEAKS_WHATS 13u

/* Fewer samples tell nothing. */
#define LEAKS_LEAST 8u

struct leaks;

/* A watch that has seen nothing; NULL with ENOMEM. */
struct leaks *leaks_new(void);
void leaks_free(struct leaks *leaks);

/*
 * Takes note of event NUMBER, which a replay has applied; the numbers rise.  Chunks of base lines,
 * which have no ids, are left out.  0, or -1 with ENOMEM.
 */
int leaks_note(struct leaks *leaks, const struct trace_event *event, uint64_t number);

/* A site at the end, with the evidence. */
struct leak {
	uint32_t path;   /* for leaks_path() */
	unsigned what;   /* a size class, LEAKS_LARGE or LEAKS_CONTEXTS */
	uint64_t live;   /* chunks or contexts, at the end */
	uint64_t bytes;  /* asked for, in the chunks, or all below the contexts */
	uint64_t made;   /* of them over the whole run, as long as the path was known */
	uint64_t oldest; /* events since the oldest that lives was made */
	uint64_t grown;  /* of what lives, made between the first quarter and the last sample */
	uint64_t grown_bytes;
	unsigned steady; /* intervals of those in which any of it was made */
	unsigned looked; /* intervals between the first quarter and the last sample */
	bool suspected;
	double rank;   /* bytes that stayed, less where they came unsteadily */
	bool by_bytes; /* it is the bytes of chunks that are resized or replaced that grew */
	uint64_t samples[LEAKS_SAMPLES]; /* live at each, and the bytes */
	uint64_t samples_bytes[LEAKS_SAMPLES];
};

struct leaks_report {
	struct leak *leaks; /* suspected ones first, by rank; then the others that live, by bytes */
	size_t n, suspected;
	uint64_t events;
	unsigned samples;
	uint64_t interval; /* events between two of them */
	uint64_t live, bytes;
};

/* Judges; call once, at the end.  0, or -1 with ENOMEM.  REPORT lives as long as LEAKS does. */
int leaks_judge(struct leaks *leaks, struct leaks_report *report);

/* The names of a path from the root to NAMES[0 .. MAX - 1]; returns how many there are. */
size_t leaks_path(const struct leaks *leaks, uint32_t path, const char **names, size_t max);
/* The last of these names, at most MAX of them; returns how many, and in CUT whether not all. */
size_t leaks_path_end(
	const struct leaks *leaks, uint32_t path, const char **names, size_t max, bool *cut);

#endif
