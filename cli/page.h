/* SPDX-License-Identifier: MIT */
/*
 * Printing for people: cells, bars and running text, measured in columns.
 *
 * A page knows what the terminal can show; its callers need not ask.  No line that it breaks itself
 * is wider than PAGE_WIDTH.
 */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* PAGE_NAME is the widest that a name may be shown, PAGE_TEXT the bytes of a text with one. */
enum { PAGE_WIDTH = 80, PAGE_NAME = 40, PAGE_TEXT = 800 };

enum page_color { PAGE_PLAIN, PAGE_BOLD, PAGE_DIM, PAGE_GREEN, PAGE_YELLOW };

struct page {
	FILE *out; /* NULL: nothing is printed, columns and lines are counted */
	bool utf8, color, exact;
	int column; /* columns printed on this line */
	int lines;
};

/* The flags for the functions of size.h. */
unsigned page_size_flags(const struct page *page);

/* Prints TEXT, of WIDTH columns at least: padded on the right, or on the left for numbers. */
void page_left(struct page *page, int width, const char *text);
void page_right(struct page *page, int width, const char *text);
/* Prints TEXT in COLOR; bold for headings. */
void page_colored(struct page *page, enum page_color color, const char *text);
/* Blanks up to COLUMN. */
void page_to(struct page *page, int column);
void page_newline(struct page *page);

/*
 * A bar of PART against WHOLE, WHOLE being WIDTH columns: at least a cell for what is not nothing.
 * It takes the columns it needs.
 */
void page_bar(struct page *page, enum page_color color, uint64_t part, uint64_t whole, int width);

/* Prints TEXT after SEPARATOR; where both don't fit on the line, on a new one from INDENT on. */
void page_flow(struct page *page, int indent, const char *separator, const char *text);

/* The columns of TEXT, which is printable. */
int page_width(const char *text);

/* NAME made printable and at most COLUMNS (to PAGE_NAME) wide, an ellipsis for what was cut. */
const char *page_name(
	const struct page *page, char out[static PAGE_TEXT], const char *name, int columns);
/* "…" and "×", or what ASCII has for them. */
const char *page_ellipsis(const struct page *page);
const char *page_times(const struct page *page);

#endif
