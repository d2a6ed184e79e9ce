/* SPDX-License-Identifier: MIT */
/*
 * A small server that lives in memory contexts, and serves itself: something to look at.
 */
#ifndef CLI_DEMO_SERVER_H
#define CLI_DEMO_SERVER_H

#include <stdint.h>

/* Starts its threads.  0, or -1 with errno. */
int demo_server_start(void);
/* Ends them and deletes every context. */
void demo_server_stop(void);
/* Queries served so far. */
uint64_t demo_server_queries(void);

#endif
