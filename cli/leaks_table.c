/* SPDX-License-Identifier: MIT */
/*
 * The table of what grows: see leaks_table.h.
 */
#include "leaks_table.h"

#include <inttypes.h>
#include <string.h>

#include "model/display.h"
#include "model/size.h"
#include "model/source.h"

/* The columns' right ends, from the page's; the path has what is left of them. */
enum { PATH = 42, AT_SIZE = 48, AT_LIVE = 57, AT_BYTES = 64, AT_BORN = 72, AT_KEPT = 78 };
/* Exact sizes take this from the path. */
enum { EXACT = 10 };
enum { SPARK = 24, PATH_TEXT = 2048 };
/* More never fit: with what stands between them two take 3 columns at the least. */
enum { PATH_NAMES = PATH / 3 + 2 };

/* ---- A path --------------------------------------------------------------------------- */

/* Joins NAMES from FIRST on with what stands between them; CUT: others stand before them all. */
static void join(const struct page *page, char out[static PATH_TEXT], const char *const *names,
	size_t first, size_t n, bool cut)
{
	size_t at = 0;

	*out = '\0';
	for (size_t i = first; i < n && at < PATH_TEXT; i++)
		at += (size_t)snprintf(out + at, PATH_TEXT - at, "%s%s",
			i > first          ? " > "
			: first > 0 || cut ? (page->utf8 ? "… > " : "... > ")
					   : "",
			*names[i] != '\0' ? names[i] : "\"\"");
}

/* The path as far as it fits: its end is worth most. */
static void print_path(struct page *page, const struct leaks *leaks, uint32_t path)
{
	const char *names[PATH_NAMES];
	int room = page->exact ? PATH - EXACT : PATH;
	char joined[PATH_TEXT], shown[DISPLAY_SIZE(PATH)];
	unsigned flags = page->utf8 ? 0 : DISPLAY_ASCII;
	bool cut;
	size_t n = leaks_path_end(leaks, path, names, PATH_NAMES, &cut), first = 0;

	join(page, joined, names, 0, n, cut);
	while (first + 1 < n && display_width(joined, PATH_TEXT, flags) > room)
		join(page, joined, names, ++first, n, cut);
	display_fit(shown, joined, room, flags);
	page_left(page, 0, shown);
}

/* ---- A suspect ------------------------------------------------------------------------ */

/* Where a column ends: those before the bytes give way to exact ones. */
static int end_of(const struct page *page, int end)
{
	return page->exact && end < AT_BYTES ? end - EXACT : end;
}

static void print_right(struct page *page, int end, const char *text)
{
	page_right(page, end_of(page, end) - page->column, text);
}

/* "1K", "large", or that it is contexts. */
static const char *what_text(char out[static SIZE_TEXT], const struct leak *leak)
{
	if (leak->what == LEAKS_CONTEXTS)
		return strcpy(out, "ctx");
	if (leak->what == LEAKS_LARGE)
		return strcpy(out, "large");
	return size_class(out, UINT64_C(8) << leak->what);
}

static void print_figures(struct page *page, const struct leak *leak)
{
	unsigned flags = page_size_flags(page);
	char text[2 * SIZE_TEXT];

	print_right(page, AT_SIZE, what_text(text, leak));
	print_right(page, AT_LIVE, size_count(text, leak->live, flags));
	print_right(page, AT_BYTES, size_text(text, leak->bytes, flags));
	snprintf(text, sizeof text, "%u/%u", leak->steady, leak->looked);
	print_right(page, AT_BORN, text);
	print_right(page, AT_KEPT, size_percent(text, leak->live, leak->made, flags));
	page_newline(page);
}

/* What lived along the run; a cell may stand for two samples where they are many. */
static void spark(char out[static 3 * SPARK + 1], const struct page *page, const struct leak *leak,
	unsigned samples)
{
	static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	unsigned cells = samples < SPARK ? samples : SPARK;
	const uint64_t *at = leak->by_bytes ? leak->samples_bytes : leak->samples;
	uint64_t most = leak->by_bytes ? leak->bytes : leak->live;

	*out = '\0';
	for (unsigned i = 0; i < samples; i++)
		most = at[i] > most ? at[i] : most;
	for (unsigned i = 0; i < cells; i++) {
		uint64_t live = at[(i + 1) * samples / cells - 1];
		unsigned height = most > 0 ? (unsigned)((double)live / (double)most * 7 + 0.5) : 0;

		if (page->utf8)
			strcat(out, live > 0 ? bars[height] : " ");
		else
			strcat(out, (char[]){(char)('0' + height), '\0'});
	}
}

/* What a part of the run added: "+31", or "+4.5K" where it is bytes that grew. */
static const char *part_text(char out[static SIZE_TEXT], const struct leak *leak, unsigned flags)
{
	double part = leak->looked > 0 ? (double)leak->grown / leak->looked : 0;

	if (leak->by_bytes)
		return size_text(out, leak->grown_bytes / leak->looked, flags);
	if (part >= 9.95)
		return size_decimal(out, part);
	snprintf(out, SIZE_TEXT, "%.1f", part);
	return out;
}

/* "+31 a part, +6.0K/1,000 events; oldest 40.0K events" */
static void print_evidence(
	struct page *page, const struct leak *leak, const struct leaks_report *report)
{
	unsigned flags = page_size_flags(page) | SIZE_DIGIT;
	double events = (double)leak->looked * (double)report->interval;
	double bytes = events > 0 ? (double)leak->grown_bytes * 1000 / events : 0;
	char line[3 * SPARK + 1], part[SIZE_TEXT], size[SIZE_TEXT], age[SIZE_TEXT];
	char text[PAGE_TEXT];

	spark(line, page, leak, report->samples);
	page_to(page, 2);
	page_colored(page, leak->suspected ? PAGE_YELLOW : PAGE_PLAIN, line);
	snprintf(text, sizeof text, "  +%s a part, +%s/1,000 events; oldest %s events",
		part_text(part, leak, flags), size_text(size, (uint64_t)(bytes + 0.5), flags),
		size_decimal(age, (double)leak->oldest));
	page_left(page, 0, text);
	page_newline(page);
}

/* ---- The table ------------------------------------------------------------------------ */

static void print_heading(struct page *page)
{
	static const struct {
		int end;
		const char *title;
	} titles[] = {{AT_SIZE, "SIZE"}, {AT_LIVE, "LIVE"}, {AT_BYTES, "BYTES"},
		{AT_BORN, "BORN IN"}, {AT_KEPT, "KEPT"}};

	page_colored(page, PAGE_BOLD, "GROWS");
	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
		page_to(page, end_of(page, titles[i].end) - page_width(titles[i].title));
		page_colored(page, PAGE_BOLD, titles[i].title);
	}
	page_newline(page);
}

/* "pg.trace: 20,000 events, 31 samples 640 events apart" */
static void print_head(
	struct page *page, const struct leaks_report *report, const struct leaks_table *table)
{
	char text[PAGE_TEXT], name[DISPLAY_SIZE(PAGE_NAME)];
	char events[SIZE_TEXT], interval[SIZE_TEXT], chunks[SIZE_TEXT], bytes[SIZE_TEXT];
	unsigned flags = page_size_flags(page) | SIZE_DIGIT;

	display_fit(
		name, source_short_name(table->path), PAGE_NAME, page->utf8 ? 0 : DISPLAY_ASCII);
	snprintf(text, sizeof text, "%s: %s event%s, %u part%s of %s", name,
		size_count(events, report->events, flags), report->events == 1 ? "" : "s",
		report->samples, report->samples == 1 ? "" : "s",
		size_count(interval, report->interval, flags));
	page_left(page, 0, text);
	snprintf(text, sizeof text, "%s in %s chunk%s at the end",
		size_text(bytes, report->bytes, flags), size_count(chunks, report->live, flags),
		report->live == 1 ? "" : "s");
	page_flow(page, 0, "; ", text);
	page_newline(page);
}

/* What is not shown. */
static void print_rest(struct page *page, const struct leaks_report *report, size_t shown)
{
	char text[PAGE_TEXT], count[SIZE_TEXT], bytes[SIZE_TEXT];
	uint64_t rest = 0;
	size_t from = shown > report->suspected ? shown : report->suspected;

	if (shown < report->suspected) {
		snprintf(text, sizeof text, "  %s %s more that grow (--top)", page_ellipsis(page),
			size_count(count, report->suspected - shown, 0));
		page_colored(page, PAGE_DIM, text);
		page_newline(page);
	}
	for (size_t i = from; i < report->n; i++)
		rest += report->leaks[i].bytes;
	if (from == report->n)
		return;
	snprintf(text, sizeof text, "%s site%s more, together %s, grew early, late or not at all%s",
		size_count(count, report->n - from, 0), report->n - from == 1 ? "" : "s",
		size_text(bytes, rest, page_size_flags(page) | SIZE_DIGIT),
		shown <= report->suspected ? " (--all)" : "");
	page_colored(page, PAGE_DIM, text);
	page_newline(page);
}

void leaks_table_print(struct page *page, const struct leaks *leaks,
	const struct leaks_report *report, const struct leaks_table *table)
{
	size_t n = table->all ? report->n : report->suspected;
	/* The head, an empty line, the heading, two lines of what is left out, the prompt. */
	size_t room = ((size_t)table->lines - 6) / 2;

	if (table->top > 0)
		n = table->top < n ? table->top : n;
	else if (!table->all && n > room)
		n = room;
	print_head(page, report, table);
	page_newline(page);
	if (n > 0)
		print_heading(page);
	else
		page_left(page, 0,
			report->samples < LEAKS_LEAST ? "too short a run to tell"
						      : "nothing grows steadily");
	for (size_t i = 0; i < n; i++) {
		print_path(page, leaks, report->leaks[i].path);
		print_figures(page, &report->leaks[i]);
		print_evidence(page, &report->leaks[i], report);
	}
	if (n == 0)
		page_newline(page);
	print_rest(page, report, n);
}
