/* SPDX-License-Identifier: MIT */
/*
 * Advice as one JSON object.
 */
#ifndef MEMCTX_MODEL_JSONADVISE_H
#define MEMCTX_MODEL_JSONADVISE_H

#include <stdio.h>

#include "model/advise.h"

/* 0, or -1 with errno: ENOMEM, or the stream has the error. */
int json_write_advise(
	FILE *out, const char *path, const struct script *script, const struct advise *advise);

#endif
