/* SPDX-License-Identifier: MIT */
/*
 * Cells, bars and running text: see page.h.  Every function keeps page->column true; a page without
 * a file prints nothing and counts columns and lines all the same.
 */
#include "page.h"

#include <string.h>

#include "cli.h"
#include "model/display.h"
#include "model/size.h"

static void put(struct page *page, const char *text, int columns)
{
	if (page->out != NULL)
		fputs(text, page->out);
	page->column += columns;
}

static void put_code(struct page *page, const char *code)
{
	if (page->out != NULL && page->color)
		fputs(code, page->out);
}

static void blanks(struct page *page, int n)
{
	for (; n > 0; n--)
		put(page, " ", 1);
}

unsigned page_size_flags(const struct page *page)
{
	return (page->exact ? SIZE_EXACT : 0) | (page->utf8 ? 0 : SIZE_ASCII);
}

void page_left(struct page *page, int width, const char *text)
{
	int columns = page_width(text);

	put(page, text, columns);
	blanks(page, width - columns);
}

void page_right(struct page *page, int width, const char *text)
{
	int columns = page_width(text);

	blanks(page, width - columns);
	put(page, text, columns);
}

static const char *color_code(enum page_color color)
{
	static const char *const codes[] = {
		[PAGE_PLAIN] = "",
		[PAGE_BOLD] = "\033[1m",
		[PAGE_DIM] = "\033[2m",
		[PAGE_GREEN] = "\033[32m",
		[PAGE_YELLOW] = "\033[33m",
	};

	return codes[color];
}

void page_colored(struct page *page, enum page_color color, const char *text)
{
	put_code(page, color_code(color));
	put(page, text, page_width(text));
	put_code(page, "\033[0m");
}

void page_to(struct page *page, int column)
{
	blanks(page, column - page->column);
}

void page_newline(struct page *page)
{
	put(page, "\n", 0);
	if (page->out == stdout)
		cli_look_at_output();
	page->column = 0;
	page->lines++;
}

void page_bar(struct page *page, enum page_color color, uint64_t part, uint64_t whole, int width)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int steps = page->utf8 ? 8 : 1;
	int length;

	if (part == 0 || whole == 0)
		return;
	length = (int)((double)part / (double)whole * width * steps + 0.5);
	length = length < 1 ? 1 : length > width * steps ? width * steps : length;
	put_code(page, color_code(color));
	for (; length >= steps; length -= steps)
		put(page, page->utf8 ? "█" : "#", 1);
	if (length > 0)
		put(page, eighths[length], 1);
	put_code(page, "\033[0m");
}

void page_flow(struct page *page, int indent, const char *separator, const char *text)
{
	int gap = page_width(separator), columns = page_width(text);
	size_t length = strlen(separator);

	if (page->column + gap + columns < PAGE_WIDTH || page->column <= indent) {
		put(page, separator, gap);
		put(page, text, columns);
		return;
	}
	while (length > 0 && separator[length - 1] == ' ')
		length--;
	if (page->out != NULL)
		fprintf(page->out, "%.*s", (int)length, separator);
	page_newline(page);
	page_to(page, indent);
	put(page, text, columns);
}

/* ---- Names ---------------------------------------------------------------------------- */

int page_width(const char *text)
{
	return display_width(text, PAGE_TEXT, 0);
}

const char *page_ellipsis(const struct page *page)
{
	return page->utf8 ? "…" : "...";
}

const char *page_times(const struct page *page)
{
	return page->utf8 ? "×" : "x";
}

const char *page_name(
	const struct page *page, char out[static PAGE_TEXT], const char *name, int columns)
{
	if (*name == 0)
		return strcpy(out, "\"\"");
	display_fit(out, name, columns, page->utf8 ? 0 : DISPLAY_ASCII);
	return out;
}
