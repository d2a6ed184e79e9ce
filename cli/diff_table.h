/* SPDX-License-Identifier: MIT */
/*
 * The table that `memctx-tool diff` prints: lines of model/diff.h as text, the greatest change
 * first, and a last line that sums up.
 */
#ifndef CLI_DIFF_TABLE_H
#define CLI_DIFF_TABLE_H

#include "model/diff.h"
#include "model/size.h"
#include "page.h"

/* Prints the lines; no wider than WIDTH, a name gives way to the figures. */
void diff_table_print(struct page *page, const struct diff *diff, int width);

#define DIFF_TEXT (SIZE_TEXT + 4)
/* The figures' change by KEY: "+50.8K", "-3", and a zero as size.h has it. */
const char *diff_change_text(char out[static DIFF_TEXT], const struct diff_figures figures[],
	enum rows_key key, unsigned size_flags);
/* The same against A's figure: "+4.1%", "new" where A has nothing, "gone" where B has. */
const char *diff_share_text(
	char out[static DIFF_TEXT], const struct diff_figures figures[], enum rows_key key);

#endif
