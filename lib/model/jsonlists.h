/* SPDX-License-Identifier: MIT */
/*
 * Classes as they are, in JSON: the member "lists", beside "classes".
 */
#ifndef MEMCTX_MODEL_JSONLISTS_H
#define MEMCTX_MODEL_JSONLISTS_H

#include "model/jsonvalue.h"
#include "model/lists.h"

/* The most bytes of that member. */
#define JSON_LISTS ((size_t)LISTS_PLACES * 128 + 16)

bool json_add_lists(struct cJSON *object, const struct lists *lists);
/* Writes it to TO with a comma in front, and a 0 behind; returns the end. */
char *json_put_lists(char *to, const struct lists *lists);
/*
 * Reads that of CONTEXT, whose powers of two are CLASSES; `has` is 0 where it has none.  NULL, or
 * what is wrong with it.
 */
const char *json_read_lists(
	const struct cJSON *context, const struct snapshot_class *classes, struct lists *lists);

#endif
