/* SPDX-License-Identifier: MIT */
/*
 * Running a trace for a command: opens it, replays it with progress, says what goes wrong, with a
 * source of another sort, too.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"
#include "model/replay.h"
#include "model/rows.h"
#include "model/script.h"
#include "model/source.h"
#include "model/trace.h"

/* A replay that a command wants; begins as RUN_INIT with its path and options set. */
struct run {
	const char *path; /* "-": standard input */
	struct replay_options options;
	uint64_t until_event, until_ns; /* where to stop; UINT64_MAX: at the end */

	struct trace_reader *reader;
	struct replay *replay;
	bool stopped; /* before the trace's end */
	uint64_t elapsed_ns;
};

#define RUN_INIT                                                                                   \
	{                                                                                          \
		.until_event = UINT64_MAX, .until_ns = UINT64_MAX                                  \
	}

/* "6690", "5.9ms" or "end" into RUN's bounds; false: it is neither. */
bool run_parse_until(const char *text, struct run *run);

/* Opens the trace for a replay that has applied nothing.  CLI_DONE, or the status to exit with. */
int run_open(struct run *run);
/* Replays it, too.  CLI_DONE, or the status to exit with, the reason being said. */
int run_trace(struct run *run);

/* Opens it and makes its script instead.  CLI_DONE, or the status, the reason being said. */
int run_read_script(struct run *run, struct script **script);

/* Says an error of RUN's trace: FILE:LINE:COLUMN where it has a place. */
void run_say_error(const struct run *run, uint64_t line, uint64_t column, const char *message);

/* Says that the trace has a key that nobody knows, if it does. */
void run_say_unknown_key(const struct run *run);

/* Says why a source could not be had, in COMMAND; returns the status to exit with. */
int run_refuse(const struct source_error *error, const char *command);

/* For struct source_options: a line of progress on stderr. */
void run_source_progress(
	void *arg, const struct replay_counts *counts, uint64_t position, uint64_t length);

/*
 * The value of an option --NAME as one of the first KEYS keys of lines.  CLI_DONE, or CLI_USAGE,
 * the reason being said.
 */
int run_parse_key(
	const struct cli_args *args, const char *name, enum rows_key keys, enum rows_key *key);

/* Frees what RUN holds. */
void run_end(struct run *run);

/*
 * Whether a command frees at its very end what it holds.  Elsewhere than where leaks are looked for
 * the system takes it back with the process, in a fraction of the time.
 */
#if defined(__SANITIZE_ADDRESS__)
#define RUN_FREES_ALL true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RUN_FREES_ALL true
#endif
#endif
#ifndef RUN_FREES_ALL
#define RUN_FREES_ALL false
#endif

#endif
