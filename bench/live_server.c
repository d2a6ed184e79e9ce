/* SPDX-License-Identifier: MIT */
/* The server of `memctx-tool demo`, which can do without its pauses. */
#include "live.h"

#include <time.h>

bool live_server_pauses;

#define nanosleep(...) ((void)(live_server_pauses && nanosleep(__VA_ARGS__)))
#include "cli/demo_server.c"
