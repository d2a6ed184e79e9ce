/* SPDX-License-Identifier: MIT */
/* What live_bench.c measures, and the process that it looks into. */
#ifndef BENCH_LIVE_H
#define BENCH_LIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A process that does as it is told; see live_target.c. */
struct live_target {
	pid_t pid;
	int to, from;
};

/* What one window of work was. */
struct live_work {
	uint64_t done; /* operations, queries, or nanoseconds where that is what was asked for */
	double cpu;    /* seconds of the process */
};

enum {
	LIVE_WORK = 'w',     /* works for a third of a second */
	LIVE_SPELL = 's',    /* works for a tenth of one */
	LIVE_RING_OFF = '0', /* no longer records */
	LIVE_RING_ON = '1',
	LIVE_FORK = 'f', /* forks once: done is how many ns it was in fork() */
};

/* In the target: serves until its input ends.  KIND is "server", "demo", "idle" or "paced". */
int live_target_main(const char *kind, uint64_t number);

/* Whether the server pauses as that of `memctx-tool demo` does; set before it starts. */
extern bool live_server_pauses;

#endif
