/* SPDX-License-Identifier: MIT */
/*
 * The table of a comparison: a line a row, and below it where the rest of each total went.
 */
#include "compare_table.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "model/size.h"

enum { LABEL = 26 };

static void cell(struct page *page, int width, const char *text)
{
	page_right(page, width, text);
}

static void ratio(struct page *page, double part, double whole)
{
	char text[SIZE_TEXT] = "-";

	if (whole > 0)
		snprintf(text, sizeof text, "%.2f", part / whole);
	cell(page, 6, text);
}

static void label(struct page *page, const struct compare_row *row)
{
	char text[PAGE_TEXT];

	page_left(page, LABEL, page_name(page, text, row->label, LABEL));
}

static void size(struct page *page, int width, uint64_t bytes)
{
	char text[SIZE_TEXT];

	cell(page, width,
		bytes == SNAPSHOT_UNKNOWN ? "-" : size_text(text, bytes, page_size_flags(page)));
}

static void count(struct page *page, int width, uint64_t n)
{
	char text[SIZE_TEXT];

	cell(page, width, n == SNAPSHOT_UNKNOWN ? "-" : size_count(text, n, page_size_flags(page)));
}

static void print_costs(
	struct page *page, const struct compare_row *row, const struct compare_row *first)
{
	char text[SIZE_TEXT];

	label(page, row);
	if (row->refused) {
		page_flow(page, 2, " ", "memory was refused");
		page_newline(page);
		return;
	}
	snprintf(text, sizeof text, "%.1f", row->median);
	cell(page, 8, text);
	snprintf(text, sizeof text, "%.1f-%.1f", row->low, row->high);
	cell(page, 13, text);
	ratio(page, row->median, first->median);
	size(page, 8, row->figures.total_bytes);
	ratio(page, (double)row->figures.total_bytes, (double)first->figures.total_bytes);
	size(page, 8, row->rss);
	count(page, 10, row->system_calls);
	page_newline(page);
}

static void print_waste(struct page *page, const struct compare_row *row)
{
	const struct snapshot_figures *f = &row->figures;

	if (row->refused)
		return;
	label(page, row);
	size(page, 8, row->requested);
	size(page, 8, f->slack_bytes);
	size(page, 9, f->header_bytes);
	size(page, 10, f->freelist_bytes);
	size(page, 8, f->tail_bytes);
	size(page, 9, row->unfreed);
	count(page, 9, row->peak_event);
	page_newline(page);
}

static void heading(struct page *page, const char *text)
{
	page_colored(page, PAGE_BOLD, text);
	page_newline(page);
}

void compare_table_print(struct page *page, const char *path, const struct script *script,
	const struct compare_row *rows, size_t n)
{
	char name[PAGE_TEXT], text[PAGE_TEXT], number[SIZE_TEXT];

	page_left(page, 0, page_name(page, name, cli_path_name(path), PAGE_NAME));
	snprintf(text, sizeof text, "%s events", size_count(number, script->events, SIZE_DIGIT));
	page_flow(page, 2, ": ", text);
	if (script->skipped > 0) {
		snprintf(text, sizeof text, "%s left out", size_count(number, script->skipped, 0));
		page_flow(page, 2, ", ", text);
	}
	page_newline(page);
	page_newline(page);
	heading(page, "                            NS/OP    QUARTILES   REL    PEAK   REL     RSS  "
		      " SYSTEM");
	for (size_t i = 0; i < n; i++)
		print_costs(page, &rows[i], &rows[0]);
	page_newline(page);
	heading(page, "OF THE PEAK             ASKED FOR   SLACK  HEADERS FREELISTS   TAILS  "
		      "UNFREED    EVENT");
	for (size_t i = 0; i < n; i++)
		print_waste(page, &rows[i]);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].refused || rows[i].not_done == 0)
			continue;
		page_newline(page);
		snprintf(text, sizeof text,
			"%s frees and reallocs that bump cannot do were left out",
			size_count(number, rows[i].not_done, 0));
		page_left(page, 0, page_name(page, name, rows[i].label, PAGE_NAME));
		page_flow(page, 2, ": ", text);
		page_newline(page);
	}
}
