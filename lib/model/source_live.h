/* SPDX-License-Identifier: MIT */
/*
 * What sources need to know of live processes: which there is, and what one is called.
 */
#ifndef MEMCTX_MODEL_SOURCE_LIVE_H
#define MEMCTX_MODEL_SOURCE_LIVE_H

#include <stddef.h>
#include <sys/types.h>

#include "model/live.h"

/*
 * The one process that can be looked into; else 0, and TEXT says what could be named: nothing, or
 * which processes there are.
 */
pid_t source_live_only(char *text, size_t size);

/* "process 4711, ./server --port 80: 12 contexts". */
void source_live_describe(
	const struct live *live, const struct snapshot *snapshot, char *text, size_t size);

#endif
