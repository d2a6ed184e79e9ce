/* SPDX-License-Identifier: MIT */
/* The server of `memctx-tool demo`, which can do without its pauses. */
#include "live.h"

#include <time.h>

#define BURST_NS 100000000 /* a pause as long is a burst's: a window has one now and then */

bool live_server_pauses;

static void pause_as_told(const struct timespec *time, struct timespec *rest)
{
	if (live_server_pauses && time->tv_nsec < BURST_NS)
		nanosleep(time, rest);
}

#define nanosleep pause_as_told
#include "cli/demo_server.c"
