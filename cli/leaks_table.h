/* SPDX-License-Identifier: MIT */
/*
 * The table that `memctx-tool leaks` prints: two lines for each suspect, the figures and the
 * evidence.
 */
#ifndef CLI_LEAKS_TABLE_H
#define CLI_LEAKS_TABLE_H

#include "model/leaks.h"
#include "page.h"

struct leaks_table {
	const char *path; /* of the trace */
	bool all;         /* what is not suspected, too */
	uint64_t top;     /* most of them; 0: what LINES have room for */
	int lines;        /* of the screen */
};

void leaks_table_print(struct page *page, const struct leaks *leaks,
	const struct leaks_report *report, const struct leaks_table *table);

#endif
