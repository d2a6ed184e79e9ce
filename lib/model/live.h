/* SPDX-License-Identifier: MIT */
/*
 * Live processes: finding those that publish a region (lib/region.h), and copying from it.
 *
 * The process is not stopped, signalled or asked; its region is read while it changes, and is
 * not trusted: every number is checked before it is used.
 */
#ifndef MEMCTX_MODEL_LIVE_H
#define MEMCTX_MODEL_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/snapshot.h"
#include "region.h"

/* Why a process cannot be looked into: a sentence, to stand after its number. */
struct live_error {
	int status; /* the tool's exit status */
	char message[200];
};

struct live;

/* The process whose number TEXT is, digits alone; 0, which is none's: no process has it. */
pid_t live_pid(const char *text);
/*
 * Opens the region of process PID, or NULL with *ERROR: there is no such process, it publishes
 * nothing, it may not be read, or the library it uses has another layout.
 */
struct live *live_open(pid_t pid, struct live_error *error);
/* The same over a descriptor, which is closed by live_close() and on failure. */
struct live *live_open_fd(int fd, struct live_error *error);
/* The same once more, for another thread.  NULL: no memory, or no descriptor. */
struct live *live_again(const struct live *live);
void live_close(struct live *live);

/* The checked header, as it was when it was last read. */
const struct region_header *live_header(const struct live *live);
/* Reads the header anew; false where the process is gone. */
bool live_refresh(struct live *live);
/* Whether the process still runs. */
bool live_is_running(const struct live *live);

/* Copies SIZE bytes at OFFSET of the region; false where that is not to be had. */
bool live_read(const struct live *live, uint64_t offset, void *to, size_t size);

/*
 * The region, to be read in place while it changes: *SIZE bytes that are there as long as it is
 * mapped.  NULL where it cannot be mapped, or could be cut off below what reads it.  munmap() ends
 * it.
 */
const char *live_map(const struct live *live, size_t *size);

/* The number of the unit at ADDRESS of the process, or UINT32_MAX where none can be there. */
uint32_t live_unit(const struct live *live, uint64_t address);

/*
 * The tree as it is.  Sums hold; figures may be off by the operations of the moment.  A context
 * that came or went meanwhile may be missing, with what is below it.  NULL with *ERROR.
 */
struct snapshot *live_snapshot(struct live *live, struct live_error *error);

/*
 * The processes that publish a region and may be read, in ascending order; *PIDS is the caller's to
 * free.  Returns their number, or -1 with errno.
 */
ptrdiff_t live_list(pid_t **pids);

/* The command line of a process, blanks between its words, made to fit SIZE. */
void live_command(pid_t pid, char *text, size_t size);

#endif
