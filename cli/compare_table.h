/* SPDX-License-Identifier: MIT */
/*
 * The table of a comparison.
 */
#ifndef CLI_COMPARE_TABLE_H
#define CLI_COMPARE_TABLE_H

#include "model/compare.h"
#include "page.h"

void compare_table_print(struct page *page, const char *path, const struct script *script,
	const struct compare_row *rows, size_t n);

#endif
