/* SPDX-License-Identifier: MIT */
/*
 * The table of what two sources differ in: see diff_table.h.  Columns are as wide as their widest
 * text, so that it needs two passes over the lines: one that measures, one that prints.
 */
#include "diff_table.h"

#include <string.h>

#include "label.h"

enum column {
	COLUMN_A,
	COLUMN_B,
	COLUMN_CHANGE,
	COLUMN_SHARE,
	COLUMN_ASKED,
	COLUMN_CHUNKS,
	COLUMNS
};

struct layout {
	struct page *page;
	const struct diff *diff;
	struct diff_line whole; /* a line of the totals, which has no label of its own */
	int widths[COLUMNS];    /* 0: the column is left out */
	int name_width;
};

static const char *const titles[COLUMNS] = {
	[COLUMN_A] = "A",
	[COLUMN_B] = "B",
	[COLUMN_CHANGE] = "CHANGE",
	[COLUMN_SHARE] = "",
	[COLUMN_ASKED] = "ASKED FOR",
	[COLUMN_CHUNKS] = "CHUNKS",
};

/* ---- Figures -------------------------------------------------------------------------- */

static const char *figure_text(
	char out[static SIZE_TEXT], uint64_t figure, enum rows_key key, unsigned size_flags)
{
	return rows_is_count(key) ? size_count(out, figure, size_flags)
				  : size_text(out, figure, size_flags);
}

const char *diff_change_text(char out[static DIFF_TEXT], const struct diff_figures figures[],
	enum rows_key key, unsigned size_flags)
{
	struct diff_change change = diff_change(figures, key);
	uint64_t by = change.known ? change.by : SNAPSHOT_UNKNOWN;
	char text[SIZE_TEXT];

	snprintf(out, DIFF_TEXT, "%s%s",
		!change.known || change.by == 0 ? ""
		: change.less                   ? "-"
						: "+",
		figure_text(text, by, key, size_flags));
	return out;
}

const char *diff_share_text(
	char out[static DIFF_TEXT], const struct diff_figures figures[], enum rows_key key)
{
	struct diff_change change = diff_change(figures, key);
	uint64_t a = figures[DIFF_A].of[key];
	double share = 100 * (double)change.by / (a > 0 ? (double)a : 1);

	*out = '\0';
	if (!change.known || change.by == 0)
		return out;
	if (a == 0)
		return strcpy(out, "new");
	if (figures[DIFF_B].of[key] == 0)
		return strcpy(out, "gone");
	if (share >= 999.5)
		snprintf(out, DIFF_TEXT, ">999%%");
	else if (share < 0.05)
		snprintf(out, DIFF_TEXT, "%c<0.1%%", change.less ? '-' : '+');
	else
		snprintf(out, DIFF_TEXT, "%c%.*f%%", change.less ? '-' : '+', share < 9.95, share);
	return out;
}

/* The text of a line's column. */
static const char *cell(const struct layout *layout, char out[static DIFF_TEXT],
	const struct diff_line *line, enum column column)
{
	unsigned flags = page_size_flags(layout->page);
	enum rows_key key = layout->diff->options.key;

	switch (column) {
	case COLUMN_A:
	case COLUMN_B:
		return figure_text(out, line->figures[column == COLUMN_B].of[key], key, flags);
	case COLUMN_CHANGE:
		return diff_change_text(out, line->figures, key, flags);
	case COLUMN_SHARE:
		return diff_share_text(out, line->figures, key);
	case COLUMN_ASKED:
		return diff_change_text(out, line->figures, ROWS_REQUESTED, flags);
	default:
		return diff_change_text(out, line->figures, ROWS_CHUNKS, flags);
	}
}

/* ---- The layout ----------------------------------------------------------------------- */

/* " ×91", " ×91→93": how many contexts the line stands for. */
static struct label label_of(const struct layout *layout, const struct diff_line *line)
{
	int side = diff_side(line);
	uint32_t a = line->members[DIFF_A], b = line->members[DIFF_B];
	char from[SIZE_TEXT], to[SIZE_TEXT];
	struct label label = {.snapshot = layout->diff->sides[side],
		.context = line->context[side],
		.level = line->level,
		.with_ident = a <= 1 && b <= 1};

	if (label.with_ident)
		return label;
	if (a == b || a == 0 || b == 0)
		snprintf(label.members, sizeof label.members, " %s%s", page_times(layout->page),
			size_count(to, a > b ? a : b, 0));
	else
		snprintf(label.members, sizeof label.members, " %s%s%s%s", page_times(layout->page),
			size_count(from, a, 0), layout->page->utf8 ? "→" : "->",
			size_count(to, b, 0));
	return label;
}

static void measure(struct layout *layout, int table_width)
{
	const struct diff *diff = layout->diff;
	int labels = (int)strlen("CONTEXT"), figures = 0, width;
	char text[DIFF_TEXT];

	for (int c = 0; c < COLUMNS; c++) {
		bool is_twice = (c == COLUMN_ASKED && diff->options.key == ROWS_REQUESTED) ||
				(c == COLUMN_CHUNKS && diff->options.key == ROWS_CHUNKS);

		if (is_twice)
			continue;
		layout->widths[c] = (int)strlen(titles[c]);
		width = page_width(cell(layout, text, &layout->whole, (enum column)c));
		layout->widths[c] = width > layout->widths[c] ? width : layout->widths[c];
		for (size_t i = 0; i < diff->n; i++) {
			width = page_width(cell(layout, text, &diff->lines[i], (enum column)c));
			layout->widths[c] = width > layout->widths[c] ? width : layout->widths[c];
		}
		layout->widths[c] += c == COLUMN_SHARE ? 1 : 2;
		figures += layout->widths[c];
	}
	for (size_t i = 0; i < diff->n; i++) {
		struct label label = label_of(layout, &diff->lines[i]);

		width = label_width(layout->page, &label);
		labels = width > labels ? width : labels;
	}
	width = table_width - figures;
	width = width > LABEL_LEAST ? width : LABEL_LEAST;
	layout->name_width = labels < width ? labels : width;
}

/* ---- Printing ------------------------------------------------------------------------- */

static void print_heading(const struct layout *layout)
{
	struct page *page = layout->page;

	page_colored(page, PAGE_BOLD, "CONTEXT");
	page_to(page, layout->name_width);
	for (int c = 0; c < COLUMNS; c++) {
		if (layout->widths[c] == 0)
			continue;
		page_to(page, page->column + layout->widths[c] - (int)strlen(titles[c]));
		page_colored(page, PAGE_BOLD, titles[c]);
	}
	page_newline(page);
}

static void print_line(const struct layout *layout, const struct diff_line *line)
{
	struct label label = label_of(layout, line);
	char text[DIFF_TEXT];

	label_print(layout->page, &label, layout->name_width);
	for (int c = 0; c < COLUMNS; c++)
		if (layout->widths[c] > 0)
			page_right(layout->page, layout->widths[c],
				cell(layout, text, line, (enum column)c));
	page_newline(layout->page);
}

/* "… 12 more lines, none changed by more than 8.0K (--all)" */
static void print_left_out(const struct layout *layout)
{
	const struct diff *diff = layout->diff;
	unsigned flags = page_size_flags(layout->page) | SIZE_DIGIT;
	char text[PAGE_TEXT], count[SIZE_TEXT], most[SIZE_TEXT];

	if (diff->hidden == 0)
		return;
	snprintf(text, sizeof text, "  %s %s more, changed by at most %s (--all)",
		page_ellipsis(layout->page), size_count(count, diff->hidden, 0),
		figure_text(most, diff->hidden_most, diff->options.key, flags));
	page_colored(layout->page, PAGE_DIM, text);
	page_newline(layout->page);
}

/* The whole, where no line shows it: there are several roots, or lines count contexts alone. */
static void print_whole(const struct layout *layout)
{
	const struct diff *diff = layout->diff;
	const struct diff_line *whole = &layout->whole;
	char text[DIFF_TEXT];

	if (memcmp(diff->lines[0].figures, whole->figures, sizeof whole->figures) == 0)
		return;
	page_left(layout->page, layout->name_width, "all");
	for (int c = 0; c < COLUMNS; c++)
		if (layout->widths[c] > 0)
			page_right(layout->page, layout->widths[c],
				cell(layout, text, whole, (enum column)c));
	page_newline(layout->page);
}

/* "Of the contexts: 2 new, 3 gone, 7 grown, 102 alike." */
static void print_counts(struct page *page, const struct diff_counts *counts)
{
	const struct {
		uint64_t count;
		const char *what;
	} parts[] = {{counts->added, "new"}, {counts->gone, "gone"}, {counts->grown, "grown"},
		{counts->shrunk, "shrunk"}, {counts->changed, "changed otherwise"},
		{counts->alike, "alike"}};
	char text[PAGE_TEXT], number[SIZE_TEXT];
	size_t at = (size_t)snprintf(text, sizeof text, "Contexts: ");
	bool any = false;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (parts[i].count == 0)
			continue;
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %s", any ? ", " : "",
			size_count(number, parts[i].count, 0), parts[i].what);
		any = true;
	}
	page_colored(page, PAGE_DIM, text);
	page_newline(page);
}

static void print_no_difference(struct page *page, const struct diff *diff)
{
	unsigned flags = page_size_flags(page) | SIZE_DIGIT;
	const struct diff_figures *whole = &diff->totals[DIFF_A];
	char text[PAGE_TEXT], contexts[SIZE_TEXT], chunks[SIZE_TEXT], total[SIZE_TEXT];

	snprintf(text, sizeof text, "no difference: %s context%s, %s chunk%s, %s on both sides",
		size_count(contexts, whole->of[ROWS_CONTEXTS], flags),
		whole->of[ROWS_CONTEXTS] == 1 ? "" : "s",
		size_count(chunks, whole->of[ROWS_CHUNKS], flags),
		whole->of[ROWS_CHUNKS] == 1 ? "" : "s",
		size_text(total, whole->of[ROWS_TOTAL], flags));
	page_left(page, 0, text);
	page_newline(page);
}

void diff_table_print(struct page *page, const struct diff *diff, int width)
{
	struct layout layout = {.page = page,
		.diff = diff,
		.whole = {.figures = {diff->totals[DIFF_A], diff->totals[DIFF_B]}}};

	if (diff->n + diff->hidden == 0) {
		print_no_difference(page, diff);
		return;
	}
	measure(&layout, width);
	print_heading(&layout);
	for (size_t i = 0; i < diff->n; i++)
		print_line(&layout, &diff->lines[i]);
	print_left_out(&layout);
	print_whole(&layout);
	print_counts(page, &diff->counts);
}
