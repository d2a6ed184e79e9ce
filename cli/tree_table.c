/* SPDX-License-Identifier: MIT */
/*
 * The table of contexts: see tree_table.h.  Columns are as wide as their widest text, so that it
 * needs two passes over the lines: one that measures, one that prints.
 */
#include "tree_table.h"

#include <string.h>

#include "label.h"
#include "model/size.h"

enum { COLUMNS = 6 };

struct column {
	enum rows_key key;
	const char *title;
	int width;
};

struct layout {
	struct page *page;
	const struct rows *rows;
	const struct tree_table *table;
	struct column columns[COLUMNS];
	int n_columns;
	int name_width;
};

static const char *const titles[ROWS_KEYS] = {
	[ROWS_TOTAL] = "TOTAL",
	[ROWS_USED] = "USED",
	[ROWS_FREE] = "FREE",
	[ROWS_FREELIST] = "FREELIST",
	[ROWS_TAIL] = "TAIL",
	[ROWS_REQUESTED] = "ASKED FOR",
	[ROWS_SLACK] = "SLACK",
	[ROWS_HEADERS] = "HEADERS",
	[ROWS_BLOCKS] = "BLOCKS",
	[ROWS_CHUNKS] = "CHUNKS",
	[ROWS_CONTEXTS] = "CONTEXTS",
};

static const char *value_text(
	const struct page *page, char out[static SIZE_TEXT], uint64_t value, enum rows_key key)
{
	unsigned flags = page_size_flags(page);

	return rows_is_count(key) ? size_count(out, value, flags) : size_text(out, value, flags);
}

static struct label label_of(const struct layout *layout, const struct row *row)
{
	struct label label = {.snapshot = layout->rows->snapshot,
		.context = row->context,
		.level = row->level,
		.with_ident = row->members == 1 && !layout->table->group};
	char number[SIZE_TEXT];

	if (row->members > 1)
		snprintf(label.members, sizeof label.members, " %s%s", page_times(layout->page),
			size_count(number, row->members, 0));
	return label;
}

/* ---- The layout ----------------------------------------------------------------------- */

static void add_column(struct layout *layout, enum rows_key key)
{
	layout->columns[layout->n_columns++] = (struct column){
		.key = key, .title = titles[key], .width = (int)strlen(titles[key])};
}

static void choose_columns(struct layout *layout)
{
	static const enum rows_key usual[] = {
		ROWS_CONTEXTS, ROWS_TOTAL, ROWS_USED, ROWS_FREELIST, ROWS_TAIL};
	enum rows_key sort = layout->table->sort;
	bool is_there = sort == ROWS_NAME;

	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
		add_column(layout, usual[i]);
		is_there |= usual[i] == sort;
	}
	if (!is_there)
		add_column(layout, sort);
}

static void measure(struct layout *layout)
{
	const struct rows *rows = layout->rows;
	char text[SIZE_TEXT];
	int labels = (int)strlen("CONTEXT"), figures = 0, width;

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *row = &rows->rows[i];

		for (int c = 0; c < layout->n_columns; c++) {
			struct column *column = &layout->columns[c];

			width = size_width(value_text(
				layout->page, text, rows_value(row, column->key), column->key));
			column->width = width > column->width ? width : column->width;
		}
		struct label label = label_of(layout, row);

		width = label_width(layout->page, &label);
		labels = width > labels ? width : labels;
	}
	for (int c = 0; c < layout->n_columns; c++) {
		layout->columns[c].width += 2;
		figures += layout->columns[c].width;
	}
	width = layout->table->width - figures;
	width = width > LABEL_LEAST ? width : LABEL_LEAST;
	layout->name_width = labels < width ? labels : width;
}

/* ---- Printing ------------------------------------------------------------------------- */

static void print_heading(const struct layout *layout)
{
	struct page *page = layout->page;

	page_colored(page, PAGE_BOLD, layout->table->group ? "NAME" : "CONTEXT");
	page_to(page, layout->name_width);
	for (int c = 0; c < layout->n_columns; c++) {
		page_to(page, page->column + layout->columns[c].width -
				      (int)strlen(layout->columns[c].title));
		page_colored(page, PAGE_BOLD, layout->columns[c].title);
	}
	page_newline(page);
}

static void print_line(const struct layout *layout, const struct row *row)
{
	struct label label = label_of(layout, row);
	char text[SIZE_TEXT];

	label_print(layout->page, &label, layout->name_width);
	for (int c = 0; c < layout->n_columns; c++)
		page_right(layout->page, layout->columns[c].width,
			value_text(layout->page, text, rows_value(row, layout->columns[c].key),
				layout->columns[c].key));
	page_newline(layout->page);
}

/* "… 12 more of at most 8.0K (--all)", and what is too deep. */
static void print_left_out(const struct layout *layout)
{
	struct page *page = layout->page;
	const struct rows *rows = layout->rows;
	enum rows_key key = layout->table->sort == ROWS_NAME ? ROWS_TOTAL : layout->table->sort;
	char text[PAGE_TEXT], count[SIZE_TEXT], most[SIZE_TEXT], unit[32] = "";

	if (key != ROWS_TOTAL)
		snprintf(unit, sizeof unit, " %s",
			key == ROWS_REQUESTED ? "asked for" : rows_key_name(key));
	if (rows->hidden > 0) {
		snprintf(text, sizeof text, "  %s %s more of at most %s%s (--all)",
			page_ellipsis(page), size_count(count, rows->hidden, 0),
			value_text(page, most, rows->hidden_most, key), unit);
		page_colored(page, PAGE_DIM, text);
		page_newline(page);
	}
	if (rows->deeper > 0) {
		snprintf(text, sizeof text, "  %s %s more below level %u (--depth)",
			page_ellipsis(page), size_count(count, rows->deeper, 0),
			layout->table->depth);
		page_colored(page, PAGE_DIM, text);
		page_newline(page);
	}
}

static const char *legend(const struct tree_table *table)
{
	if (table->group)
		return "A line counts the contexts of a name, wherever they are, without what is "
		       "below.";
	if (table->own)
		return "A line counts the context alone; without --own, what stands below it too.";
	return "A line counts what stands below it too; --own counts the context alone.";
}

void tree_table_print(struct page *page, const struct rows *rows, const struct tree_table *table)
{
	struct layout layout = {.page = page, .rows = rows, .table = table};

	choose_columns(&layout);
	measure(&layout);
	print_heading(&layout);
	for (size_t i = 0; i < rows->n; i++)
		print_line(&layout, &rows->rows[i]);
	print_left_out(&layout);
	page_colored(page, PAGE_DIM, legend(table));
	page_newline(page);
}
