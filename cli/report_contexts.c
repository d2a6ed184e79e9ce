/* SPDX-License-Identifier: MIT */
/*
 * The contexts in the report: which hold the most waste, by cause, and which are the largest.
 *
 * Three or more siblings of one name are one line, as in the tree; a line counts its contexts
 * alone, so that the lines together are the total.
 */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "model/rows_lists.h"
#include "model/size.h"

enum { LARGEST = 5, HOLDERS = 6, HOLDER_LINES = 2 };

/* A line's figure, for sorting without touching the rows again. */
struct holder {
	const struct row *row;
	uint64_t bytes;
};

struct holders {
	const struct rows *rows;
	enum rows_key key; /* of the figure */
	struct holder *holders;
	size_t n;
	uint64_t sum;
};

static int by_bytes(const void *a, const void *b)
{
	const struct holder *left = a, *right = b;

	if (left->bytes != right->bytes)
		return left->bytes < right->bytes ? 1 : -1;
	return left->row->context < right->row->context ? -1 : 1;
}

/* Puts the lines that hold some of KEY in HOLDERS, the greatest first. */
static void sort_holders(struct holders *holders, const struct rows *rows, enum rows_key key)
{
	holders->rows = rows;
	holders->key = key;
	holders->n = 0;
	holders->sum = 0;
	for (size_t i = 0; i < rows->n; i++) {
		uint64_t bytes = rows_value(&rows->rows[i], key);
		if (bytes == 0 || bytes == SNAPSHOT_UNKNOWN)
			continue;
		holders->holders[holders->n++] = (struct holder){&rows->rows[i], bytes};
		holders->sum += bytes;
	}
	qsort(holders->holders, holders->n, sizeof *holders->holders, by_bytes);
}

/* The line's name, with the number of its contexts where they are several. */
static const char *row_name(const struct page *page, char out[static PAGE_TEXT],
	const struct snapshot *snapshot, const struct row *row, int width)
{
	char members[SIZE_TEXT] = "", number[SIZE_TEXT];

	if (row->members > 1)
		snprintf(members, sizeof members, " %s%s", page_times(page),
			size_count(number, row->members, 0));
	page_name(page, out, rows_name(snapshot, row->context), width - size_width(members));
	return strcat(out, members);
}

/* ---- The most waste ------------------------------------------------------------------- */

/* Says which size class has most of a context's slack, where it has a quarter of it. */
static void flow_class(
	struct page *page, const struct rows *rows, const struct holder *holder, int indent)
{
	const struct snapshot_class *classes;
	struct lists lists;
	char text[PAGE_TEXT], size[SIZE_TEXT], class[SIZE_TEXT];
	unsigned most = 0;

	/* The lines count their contexts alone. */
	rows_lists(rows, holder->row, true, &lists);
	classes = lists.of;
	for (unsigned k = 0; k < LISTS_PLACES; k++) {
		if (classes[k].slack == SNAPSHOT_UNKNOWN)
			return;
		if (classes[k].slack > classes[most].slack)
			most = k;
	}
	if (classes[most].slack == 0 || classes[most].slack < holder->bytes / 4)
		return;
	snprintf(text, sizeof text, "(%s in the %s class)",
		size_text(size, classes[most].slack, page_size_flags(page)),
		size_class(class, lists_bytes(most)));
	/* A comma may follow. */
	if (indent + page_width(text) < PAGE_WIDTH)
		page_flow(page, indent, " ", text);
}

/*
 * Prints the first N holders and the sum of the others; returns the lines that it takes.  On a
 * page without a file it only counts.
 */
static int flow_holders(struct page *page, const struct snapshot *snapshot,
	const struct holders *holders, size_t n, int indent)
{
	char text[PAGE_TEXT], name[PAGE_TEXT], size[SIZE_TEXT], count[SIZE_TEXT];
	unsigned flags = page_size_flags(page);
	uint64_t rest = holders->sum;
	int before = page->lines;
	/* No size is wider than that of all; with it and a comma a name alone fits on a line. */
	int width = PAGE_WIDTH - indent - size_width(size_text(size, holders->sum, flags)) - 3;

	width = width < PAGE_NAME ? width : PAGE_NAME;

	page_to(page, indent);
	for (size_t i = 0; i < n; i++) {
		const struct holder *holder = &holders->holders[i];
		snprintf(text, sizeof text, "%s %s",
			row_name(page, name, snapshot, holder->row, width),
			size_text(size, holder->bytes, flags));
		page_flow(page, indent, i > 0 ? ", " : "", text);
		if (i == 0 && holders->key == ROWS_SLACK)
			flow_class(page, holders->rows, holder, indent);
		rest -= holder->bytes;
	}
	if (holders->n > n) {
		snprintf(text, sizeof text, "%s more %s", size_count(count, holders->n - n, flags),
			size_text(size, rest, flags));
		page_flow(page, indent, ", ", text);
	}
	page_newline(page);
	return page->lines - before;
}

static void print_waste(struct page *page, const struct snapshot *snapshot,
	const struct holders *holders, const char *label, int width)
{
	char size[SIZE_TEXT];
	size_t n = holders->n < HOLDERS ? holders->n : HOLDERS;
	int indent = 14 + width + 3;
	struct page trial = *page;

	trial.out = NULL;
	while (n > 1 && flow_holders(&trial, snapshot, holders, n, indent) > HOLDER_LINES)
		n--;
	page_left(page, 14, label);
	page_right(page, width, size_text(size, holders->sum, page_size_flags(page)));
	flow_holders(page, snapshot, holders, n, indent);
}

static const struct cause {
	enum rows_key key;
	const char *label;
} causes[] = {
	{ROWS_TAIL, "  tails"},
	{ROWS_SLACK, "  slack"},
	{ROWS_HEADERS, "  headers"},
	{ROWS_FREELIST, "  freelists"},
};

enum { CAUSES = sizeof causes / sizeof *causes };

static uint64_t cause_bytes(const struct snapshot_figures *figures, enum rows_key key)
{
	return key == ROWS_TAIL      ? figures->tail_bytes
	       : key == ROWS_SLACK   ? figures->slack_bytes
	       : key == ROWS_HEADERS ? figures->header_bytes
				     : figures->freelist_bytes;
}

/* Each cause that is a twentieth of the total, at least the greatest; the greatest first. */
static void print_wastes(struct page *page, const struct report *report, const struct rows *rows,
	struct holders *holders)
{
	const struct snapshot_figures *figures = &report->peak.figures;
	uint64_t bytes[CAUSES];
	int order[CAUSES], width = 5;
	char text[SIZE_TEXT];

	for (int i = 0; i < CAUSES; i++) {
		int at = i;
		bytes[i] = cause_bytes(figures, causes[i].key);
		for (; at > 0 && bytes[order[at - 1]] < bytes[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	if (bytes[order[0]] == 0)
		return;
	page_newline(page);
	page_colored(page, PAGE_BOLD,
		report_is_single(report) ? "MOST WASTE" : "MOST WASTE AT THE PEAK");
	page_newline(page);
	int needed = size_width(size_text(text, bytes[order[0]], page_size_flags(page)));
	width = needed > width ? needed : width;
	for (int i = 0; i < CAUSES; i++) {
		const struct cause *cause = &causes[order[i]];
		if (i > 0 && bytes[order[i]] < figures->total_bytes / 20)
			break;
		sort_holders(holders, rows, cause->key);
		print_waste(page, report->at_peak, holders, cause->label, width);
	}
}

/* ---- The largest ---------------------------------------------------------------------- */

struct columns {
	int name, total, asked, chunks;
};

static int column_width(const char *title, const char *greatest)
{
	int width = size_width(greatest), least = size_width(title);

	return (width > least ? width : least) + 2;
}

static void print_largest_row(struct page *page, const struct snapshot *snapshot,
	const struct row *row, const struct columns *columns)
{
	const struct snapshot_figures *figures = row->figures;
	unsigned flags = page_size_flags(page);
	char name[PAGE_TEXT], text[SIZE_TEXT];

	page_to(page, 2);
	page_left(page, columns->name, row_name(page, name, snapshot, row, columns->name));
	page_right(page, columns->total, size_text(text, figures->total_bytes, flags));
	page_right(page, columns->asked, size_text(text, figures->requested_bytes, flags));
	page_right(page, columns->chunks, size_count(text, figures->live_chunks, flags));
	page_newline(page);
}

static void print_others(struct page *page, const struct holders *holders, size_t shown)
{
	char count[SIZE_TEXT], size[SIZE_TEXT], text[PAGE_TEXT];
	uint64_t rest = holders->sum;

	for (size_t i = 0; i < shown; i++)
		rest -= holders->holders[i].bytes;
	snprintf(text, sizeof text, "  %s and %s more, together %s (--all)", page_ellipsis(page),
		size_count(count, holders->n - shown, 0),
		size_text(size, rest, page_size_flags(page)));
	page_colored(page, PAGE_DIM, text);
	page_newline(page);
}

static void print_largest(
	struct page *page, const struct report *report, const struct holders *holders)
{
	const struct snapshot_figures *figures = &report->peak.figures;
	unsigned flags = page_size_flags(page);
	char text[SIZE_TEXT];
	struct columns columns = {
		.total = column_width("TOTAL", size_text(text, figures->total_bytes, flags)),
		.asked =
			column_width("ASKED FOR", size_text(text, figures->requested_bytes, flags)),
		.chunks = column_width("CHUNKS", size_count(text, figures->live_chunks, flags)),
	};

	columns.name = PAGE_WIDTH - 3 - columns.total - columns.asked - columns.chunks;
	columns.name = columns.name < PAGE_NAME ? columns.name : PAGE_NAME;
	/* A line that says "1 more" would take the place of what it hides. */
	size_t shown = report->all || holders->n <= LARGEST + 1 ? holders->n : LARGEST;

	page_newline(page);
	page_colored(page, PAGE_BOLD,
		report_is_single(report) ? "LARGEST CONTEXTS" : "LARGEST CONTEXTS AT THE PEAK");
	if (page->column > 2 + columns.name)
		page_newline(page);
	page_to(page, 2 + columns.name);
	page_right(page, columns.total, "TOTAL");
	page_right(page, columns.asked, "ASKED FOR");
	page_right(page, columns.chunks, "CHUNKS");
	page_newline(page);
	for (size_t i = 0; i < shown; i++)
		print_largest_row(page, report->at_peak, holders->holders[i].row, &columns);
	if (shown < holders->n)
		print_others(page, holders, shown);
}

int report_contexts(struct page *page, const struct report *report)
{
	struct rows_options options = {.own = true, .all = report->all};
	struct rows *rows = rows_new(report->at_peak, &options);
	struct holders holders = {0};
	bool has_room;

	if (rows == NULL)
		return -1;
	holders.holders = malloc((rows->n + 1) * sizeof *holders.holders);
	has_room = holders.holders != NULL;
	if (has_room) {
		print_wastes(page, report, rows, &holders);
		sort_holders(&holders, rows, ROWS_TOTAL);
		print_largest(page, report, &holders);
	}
	rows_free(rows);
	free(holders.holders);
	return has_room ? 0 : -1;
}
