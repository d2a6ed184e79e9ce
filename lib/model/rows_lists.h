/* SPDX-License-Identifier: MIT */
/*
 * The classes of a line as they are.
 */
#ifndef MEMCTX_MODEL_ROWS_LISTS_H
#define MEMCTX_MODEL_ROWS_LISTS_H

#include "model/lists.h"
#include "model/rows.h"

/*
 * The classes of what the figures of ROW, one of ROWS, count; OWN says whether they are those of
 * its members alone.  False: all are powers of two.  Takes time in proportion to the contexts that
 * are counted, where the snapshot has any with other classes.
 */
bool rows_lists(const struct rows *rows, const struct row *row, bool own, struct lists *lists);

#endif
