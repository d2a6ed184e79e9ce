/* SPDX-License-Identifier: MIT */
/*
 * A source with its moment in one word, as commands that take two of them need it: "TRACE@peak".
 */
#ifndef MEMCTX_MODEL_SOURCE_AT_H
#define MEMCTX_MODEL_SOURCE_AT_H

#include "model/source.h"

/*
 * As source_open() of what stands before the last @ of ARGUMENT, *POINT being what stands behind
 * it; nothing before the @ is the last replay.  Without a moment behind an @, or where a file has
 * the whole for its name, ARGUMENT is the source and *POINT is SOURCE_AS_IS.
 */
struct source *source_open_at(const char *argument, const struct source_options *options,
	struct source_point *point, struct source_error *error);

#endif
