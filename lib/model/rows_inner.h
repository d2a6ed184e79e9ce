/* SPDX-License-Identifier: MIT */
/*
 * What the parts of rows share.
 */
#ifndef MEMCTX_MODEL_ROWS_INNER_H
#define MEMCTX_MODEL_ROWS_INNER_H

#include "model/rows.h"

/* Says of every line where what stands below it ends, by the lines' parents. */
void rows_set_ends(struct rows *rows);

static inline uint64_t rows_known(uint64_t value)
{
	return value == SNAPSHOT_UNKNOWN ? 0 : value;
}

#endif
