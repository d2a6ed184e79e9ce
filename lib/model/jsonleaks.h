/* SPDX-License-Identifier: MIT */
/*
 * What a trace makes and never gives back as JSON: one object, "schema": "memctx-leaks".
 */
#ifndef MEMCTX_MODEL_JSONLEAKS_H
#define MEMCTX_MODEL_JSONLEAKS_H

#include <stdio.h>

#include "model/leaks.h"

/*
 * Writes REPORT on the trace at PATH: the suspects ("leaks"), by rank, and then the other sites
 * that live ("others").  0, or -1 with ENOMEM or OUT's error.
 */
int json_write_leaks(
	FILE *out, const struct leaks *leaks, const struct leaks_report *report, const char *path);

#endif
