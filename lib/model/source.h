/* SPDX-License-Identifier: MIT */
/*
 * What a SOURCE on the command line names, and the snapshots that it yields.
 *
 * A SOURCE is a trace or a JSON snapshot (a file, or "-" for standard input; recognised by
 * content, plain or compressed), a process id (digits alone), or nothing: then the outcome of
 * the last replay, or where none is kept the one live process.
 */
#ifndef MEMCTX_MODEL_SOURCE_H
#define MEMCTX_MODEL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/replay.h"
#include "model/snapshot.h"

enum source_kind {
	SOURCE_TRACE,    /* replayed for each snapshot; a pipe for one only */
	SOURCE_SNAPSHOT, /* a JSON file: one snapshot */
	SOURCE_LAST,     /* the last replay: its end and its peak */
	SOURCE_LIVE,     /* a process: as it is now, each time */
};

#define SOURCE_PATH 4096

/* Why there is no source or no snapshot. */
struct source_error {
	int status;             /* the tool's exit status: 1, 3 */
	char path[SOURCE_PATH]; /* what MESSAGE is about; "": the command as a whole */
	uint64_t line, column;  /* a place in it; 0: none */
	int open;               /* the errno with which it could not be opened, else 0 */
	char message[400];      /* without the path */
};

struct source_options {
	int64_t pid;                  /* -p: a process; -1: as the argument says */
	struct replay_options replay; /* of a trace */
	/* Called now and then while a trace is replayed, with how much of it was read (0: not known
	 * how long it is). */
	void (*progress)(
		void *arg, const struct replay_counts *counts, uint64_t position, uint64_t length);
	void *arg;
};

/* A moment of a source. */
struct source_point {
	enum {
		SOURCE_AS_IS, /* what a snapshot is of; the end of all else */
		SOURCE_END,
		SOURCE_PEAK,
		SOURCE_EVENT, /* after event NUMBER */
		SOURCE_TIME,  /* NUMBER nanoseconds after the trace began */
	} kind;
	uint64_t number;
};

/* Whether TEXT is the number of a process, there or not: digits alone. */
bool source_is_pid(const char *text);
/* What a heading calls PATH: the last part of it, or "standard input". */
const char *source_short_name(const char *path);

/* "end", "peak", an event's number, or a time ("1500ns", "5.9ms", "2s").  false: none of them. */
bool source_parse_point(const char *text, struct source_point *point);

struct source;

/*
 * Finds out what ARGUMENT (NULL: none was given) is and opens it.  NULL with *ERROR.
 */
struct source *source_open(
	const char *argument, const struct source_options *options, struct source_error *error);
void source_close(struct source *source);

enum source_kind source_kind(const struct source *source);
/* As the argument named it; of the last replay, the file in which it is kept. */
const char *source_path(const struct source *source);

/*
 * The tree at POINT, with its origin filled in; the caller frees it.  NULL with *ERROR: the source
 * is no good, or has no such point.
 */
struct snapshot *source_snapshot(
	struct source *source, const struct source_point *point, struct source_error *error);

/* What the last source_snapshot() of a trace went through (replay_plain_counts()), else NULL. */
const struct replay_counts *source_counts(const struct source *source);

/* The peak, where source_snapshot() of the end of a trace or of the last replay has shown it. */
bool source_peak(const struct source *source, struct replay_moment *peak);

#define SOURCE_TEXT 600
/* "the last replay: traces/pg_pgbench.trace, end (event 19,801)". */
void source_describe(const struct source *source, const struct snapshot *snapshot,
	char text[static SOURCE_TEXT]);

#endif
