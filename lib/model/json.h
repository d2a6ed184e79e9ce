/* SPDX-License-Identifier: MIT */
/*
 * Snapshots and reports as JSON, and snapshots back from it.  memctx-tree.schema.json says what
 * each member means.
 *
 * A snapshot has two forms.  Nested: one object, whose "contexts" are the roots, each with its
 * "children"; trees of more than JSON_LEVELS levels don't have it, since readers refuse deep
 * nesting.  Flat: one object a line; the first says what the snapshot is, each other is a
 * context, in tree order.
 *
 * Numbers are exact over all 64 bits, in both directions; a reader that has doubles only loses
 * the last digits of those past 2^53.
 */
#ifndef MEMCTX_MODEL_JSON_H
#define MEMCTX_MODEL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/replay.h"
#include "model/snapshot.h"

#define JSON_LEVELS 400

/* Whether SNAPSHOT, which is finished, has a nested form. */
bool json_nests(const struct snapshot *snapshot);

/*
 * Write SNAPSHOT, which is finished; context by context, so that little is held besides it.
 * 0; -1 with ENOMEM, with OUT's error, or (nested) with EOVERFLOW where json_nests() is false:
 * then nothing was written.
 */
int json_write_nested(FILE *out, const struct snapshot *snapshot);
int json_write_flat(FILE *out, const struct snapshot *snapshot);

/* What `replay --json` prints. */
struct json_replay {
	const char *path; /* of the trace, "-": standard input */
	const struct replay_counts *counts;
	const struct replay_moment *peak, *end;
	double elapsed_seconds;
};

/* One object and a line end.  0, or -1 with ENOMEM or OUT's error. */
int json_write_replay(FILE *out, const struct json_replay *replay);

/* Why a snapshot could not be read: "FILE:LINE:COLUMN: MESSAGE" is the whole line. */
struct json_error {
	uint64_t line, column; /* from 1; 0: the error is about the file as a whole */
	int system;            /* an errno: reading or memory failed; 0: the text is at fault */
	char message[400];     /* names of the input are made harmless in it */
};

/*
 * Reads a snapshot of either form up to IN's end; the caller frees it.  NULL with *ERROR where the
 * text is no snapshot, is one of another version, or breaks a snapshot's invariants.  Takes the
 * memory of the snapshot and at most 64 MiB besides.
 */
struct snapshot *json_read(FILE *in, struct json_error *error);

/* Whether a file that begins with these bytes may be a snapshot. */
bool json_recognise(const void *bytes, size_t size);

#endif
