/* SPDX-License-Identifier: MIT */
/*
 * The tables of a comparison: a line a row of what it costs, and a line of where its total went.
 * Each column is as wide as its widest cell and two blanks.
 */
#include "compare_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "model/size.h"

enum { LABEL = 26, COLUMNS = 7, GAP = 2 };

struct line {
	char cells[COLUMNS][SIZE_TEXT];
};

/* ---- Cells ------------------------------------------------------------------------------ */

static void put_size(char *cell, uint64_t bytes, unsigned flags)
{
	if (bytes == SNAPSHOT_UNKNOWN)
		strcpy(cell, "-");
	else
		size_text(cell, bytes, flags);
}

static void put_count(char *cell, uint64_t n, unsigned flags)
{
	if (n == SNAPSHOT_UNKNOWN)
		strcpy(cell, "-");
	else
		size_count(cell, n, flags);
}

static void put_ratio(char *cell, double part, double whole)
{
	if (whole > 0)
		snprintf(cell, SIZE_TEXT, "%.2f", part / whole);
	else
		strcpy(cell, "-");
}

static const char *const costs[COLUMNS] = {
	"NS/OP", "QUARTILES", "REL", "PEAK", "REL", "RSS", "SYSTEM"};

static void fill_costs(struct line *line, const struct compare_row *row,
	const struct compare_row *first, unsigned flags)
{
	snprintf(line->cells[0], SIZE_TEXT, "%.1f", row->median);
	snprintf(line->cells[1], SIZE_TEXT, "%.1f-%.1f", row->low, row->high);
	put_ratio(line->cells[2], row->median, first->median);
	put_size(line->cells[3], row->figures.total_bytes, flags);
	put_ratio(line->cells[4], (double)row->figures.total_bytes,
		(double)first->figures.total_bytes);
	put_size(line->cells[5], row->rss, flags);
	put_count(line->cells[6], row->system_calls, flags);
}

static const char *const parts[COLUMNS] = {
	"ASKED FOR", "SLACK", "HEADERS", "FREELISTS", "TAILS", "UNFREED", "EVENT"};

static void fill_parts(struct line *line, const struct compare_row *row,
	const struct compare_row *first, unsigned flags)
{
	const struct snapshot_figures *f = &row->figures;

	(void)first;
	put_size(line->cells[0], row->requested, flags);
	put_size(line->cells[1], f->slack_bytes, flags);
	put_size(line->cells[2], f->header_bytes, flags);
	put_size(line->cells[3], f->freelist_bytes, flags);
	put_size(line->cells[4], f->tail_bytes, flags);
	put_size(line->cells[5], row->unfreed, flags);
	put_count(line->cells[6], row->peak_event, flags);
}

/* ---- Tables ----------------------------------------------------------------------------- */

static int label_width(const struct page *page, const struct compare_row *rows, size_t n)
{
	int width = 12;

	for (size_t i = 0; i < n; i++) {
		char name[PAGE_TEXT];
		int columns = page_width(page_name(page, name, rows[i].label, LABEL));

		width = columns > width ? columns : width;
	}
	return width;
}

static void print_line(struct page *page, const struct compare_row *row, const struct line *line,
	const int *widths)
{
	char name[PAGE_TEXT];

	page_left(page, widths[0], page_name(page, name, row->label, LABEL));
	if (row->refused)
		page_left(page, 0, "  memory was refused");
	for (size_t i = 0; !row->refused && i < COLUMNS; i++)
		page_right(page, widths[i + 1], line->cells[i]);
	page_newline(page);
}

static void print_heading(
	struct page *page, const char *what, const char *const headings[COLUMNS], const int *widths)
{
	char text[PAGE_TEXT];
	int used = snprintf(text, sizeof text, "%-*s", widths[0], what);

	for (size_t i = 0; i < COLUMNS; i++)
		used += snprintf(
			text + used, sizeof text - (size_t)used, "%*s", widths[i + 1], headings[i]);
	page_colored(page, PAGE_BOLD, text);
	page_newline(page);
}

typedef void fill_fn(struct line *line, const struct compare_row *row,
	const struct compare_row *first, unsigned flags);

static void print_table(struct page *page, const char *what, const char *const headings[COLUMNS],
	fill_fn *fill, const struct compare_row *rows, size_t n)
{
	struct line *lines = calloc(n, sizeof *lines);
	int widths[COLUMNS + 1] = {label_width(page, rows, n)};

	for (size_t k = 0; k < COLUMNS; k++)
		widths[k + 1] = (int)strlen(headings[k]) + GAP;
	for (size_t i = 0; lines != NULL && i < n; i++) {
		if (rows[i].refused)
			continue;
		fill(&lines[i], &rows[i], &rows[0], page_size_flags(page));
		for (size_t k = 0; k < COLUMNS; k++) {
			int columns = page_width(lines[i].cells[k]) + GAP;

			widths[k + 1] = columns > widths[k + 1] ? columns : widths[k + 1];
		}
	}
	print_heading(page, what, headings, widths);
	for (size_t i = 0; lines != NULL && i < n; i++)
		print_line(page, &rows[i], &lines[i], widths);
	page_newline(page);
	free(lines);
}

/* ---- What stands around them -------------------------------------------------------------- */

static void print_not_done(struct page *page, const struct compare_row *row)
{
	char name[PAGE_TEXT], text[PAGE_TEXT], number[SIZE_TEXT];

	snprintf(text, sizeof text, "%s frees and reallocs that bump cannot do were left out",
		size_count(number, row->not_done, 0));
	page_left(page, 0, page_name(page, name, row->label, PAGE_NAME));
	page_flow(page, 2, ": ", text);
	page_newline(page);
}

static void print_words(struct page *page, const char *words)
{
	char text[PAGE_TEXT], *rest = text, *word;

	snprintf(text, sizeof text, "%s", words);
	while ((word = strsep(&rest, " ")) != NULL)
		page_flow(page, 0, page->column > 0 ? " " : "", word);
}

static void print_foot(struct page *page, const struct compare_row *first)
{
	char name[PAGE_TEXT];

	print_words(page, "REL: relative to");
	page_flow(page, 0, " ", page_name(page, name, first->label, LABEL));
	print_words(page,
		"(the first line). PEAK: the greatest total, after EVENT. RSS: resident there, "
		"with every chunk written. SYSTEM: blocks asked of the system over the trace.");
	page_newline(page);
	page_left(page, 0, "Next: ");
	page_colored(page, PAGE_BOLD, "memctx-tool advise TRACE");
	page_left(page, 0, " says which contexts to change");
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
	print_table(page, "", costs, fill_costs, rows, n);
	print_table(page, "OF THE PEAK", parts, fill_parts, rows, n);
	for (size_t i = 0; i < n; i++)
		if (!rows[i].refused && rows[i].not_done > 0)
			print_not_done(page, &rows[i]);
	print_foot(page, &rows[0]);
}
