/* SPDX-License-Identifier: MIT */
/* The server of `memctx-tool demo` without its pauses: it serves as fast as it can. */
#include <time.h>

#define nanosleep(...) ((void)0)
#include "cli/demo_server.c"
