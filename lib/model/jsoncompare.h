/* SPDX-License-Identifier: MIT */
/*
 * A comparison as one JSON object.
 */
#ifndef MEMCTX_MODEL_JSONCOMPARE_H
#define MEMCTX_MODEL_JSONCOMPARE_H

#include <stdio.h>

#include "model/compare.h"

/* 0, or -1 with errno: ENOMEM, or the stream has the error. */
int json_write_compare(FILE *out, const char *path, const struct script *script,
	const struct compare_row *rows, size_t n);

#endif
