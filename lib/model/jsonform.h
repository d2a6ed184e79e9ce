/* SPDX-License-Identifier: MIT */
/*
 * The usual text of a context: its own members in the order in which we write them, without blanks.
 *
 * Nearly all snapshots that are read were written by us, so reading looks for just that text
 * first, which takes a fraction of parsing any JSON; what is not of this form is parsed.
 */
#ifndef MEMCTX_MODEL_JSONFORM_H
#define MEMCTX_MODEL_JSONFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/jsonvalue.h"
#include "model/snapshot.h"

/* What a context's members hold. */
struct json_fields {
	uint64_t id, parent;
	bool has_id, has_parent;
	uint64_t level;
	const char *name, *ident, *type; /* as in JSON, escaped or not; NULL: null */
	struct snapshot_figures own;
	uint64_t peak_total_bytes;
};

/* id, parent, level, name, ident, type; the figures; peak_total_bytes */
#define FORM_VALUES (6 + JSON_PLAINS + JSON_CLASS * SNAPSHOT_CLASSES + 1)

struct json_form {
	char *text;
	struct {
		const char *text; /* what stands before the value, from the one before it on */
		size_t length;
	} before[FORM_VALUES];
};

/* 0, or -1 with ENOMEM; either way form_done() frees it. */
int form_init(struct json_form *form);
void form_done(struct json_form *form);

/* Appends the members of FIELDS, with the first brace, not the last.  0, or -1 with ENOMEM. */
int form_print(
	const struct json_form *form, const struct json_fields *fields, struct json_text *text);

/*
 * Whether TEXT is an object of that form, perhaps with a path or null children at its end, and
 * without an escape of more than one letter; then fills FIELDS, whose strings lie in TEXT, which is
 * changed for it.  A line end or a 0 stands behind TEXT.
 */
bool form_match(const struct json_form *form, char *text, size_t size, struct json_fields *fields);

#endif
