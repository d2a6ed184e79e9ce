/* SPDX-License-Identifier: MIT */
/*
 * What a line of a table of contexts is called: indented by its level, with what stands behind the
 * name.  A name gives way to what it has to stand beside.
 */
#ifndef CLI_LABEL_H
#define CLI_LABEL_H

#include <stdbool.h>
#include <stdint.h>

#include "model/snapshot.h"
#include "page.h"

/* The narrowest that a table may make its labels. */
enum { LABEL_LEAST = 20, LABEL_MEMBERS = 64 };

struct label {
	const struct snapshot *snapshot;
	uint32_t context;
	uint32_t level;              /* from 0 */
	bool with_ident;             /* the line is that one context */
	char members[LABEL_MEMBERS]; /* behind the name: " ×91" */
};

/* The columns that LABEL would take; names are cut at 120. */
int label_width(const struct page *page, const struct label *label);
/* Prints LABEL in WIDTH columns, from the line's beginning. */
void label_print(struct page *page, const struct label *label, int width);

#endif
