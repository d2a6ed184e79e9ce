/* SPDX-License-Identifier: MIT */
/*
 * What two snapshots differ in as JSON: one object, "schema": "memctx-diff".
 */
#ifndef MEMCTX_MODEL_JSONDIFF_H
#define MEMCTX_MODEL_JSONDIFF_H

#include <stdio.h>

#include "model/diff.h"

/*
 * Writes DIFF, which has a line a context with its own figures: what each side is, the totals, and
 * every context that differs, greatest change first within its siblings.  0, or -1 with ENOMEM or
 * OUT's error.
 */
int json_write_diff(FILE *out, const struct diff *diff);

#endif
