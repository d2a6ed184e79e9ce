/* SPDX-License-Identifier: MIT */
/*
 * The table of contexts that `memctx-tool tree` prints: lines of model/rows.h as text.
 *
 * No line is wider than the table's width; a name gives way to the figures.
 */
#ifndef CLI_TREE_TABLE_H
#define CLI_TREE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/rows.h"
#include "page.h"

struct tree_table {
	enum rows_key sort; /* a column is added where none of the usual ones is sorted by */
	bool own, group;    /* as in struct rows_options: the last line says what is counted */
	uint32_t depth;
	int width; /* columns of the screen */
};

/* Prints the lines with their heading and what was left out. */
void tree_table_print(struct page *page, const struct rows *rows, const struct tree_table *table);

#endif
