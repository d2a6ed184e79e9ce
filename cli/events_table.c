/* SPDX-License-Identifier: MIT */
/*
 * The table of events: see events_table.h.
 *
 * A line is laid out as
 *
 *   NUMBER  EVENT  WHAT THE ALLOCATOR DID  FREELIST
 *
 * What the allocator did is broken into as many lines as it needs; a list that is too long is cut.
 * Where the context changes, a line of its own says so.
 */
#include "events_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/display.h"
#include "model/size.h"
#include "screen.h"

enum { COLLECTED = 256 };
enum { LEAST_NUMBER = 3, LEAST_WHAT = 18, MOST_WHAT = 28, GAP = 2 };
/* A list's width where ids are short; of it, " → … 12 more"; and "[1] " before it. */
enum { LIST_WIDTH = 20, REST_WIDTH = 12, CLASS_WIDTH = 4 };
enum { WHAT_TEXT = DISPLAY_SIZE(MOST_WHAT) + 40, CHAIN_TEXT = 1024 };

struct events_table {
	struct page *page;
	int width;
	bool lists;
	bool has_begun; /* the heading is printed */
	bool one_list;  /* every event concerns the same list of the same context */
	int number;     /* of that list; -1: no event concerns any */
	uint64_t bytes; /* of its chunks */
	int number_width, what_width, did_width;
	int list_width;  /* of a list; 0: lists stand on lines of their own */
	int cell_width;  /* of a list and what says which */
	bool in_context; /* the lines are about CONTEXT */
	uint64_t context;
	char cell[CHAIN_TEXT]; /* of the line before */
	size_t n;
	struct explain_event events[COLLECTED];
};

struct events_table *events_table_new(struct page *page, int width, bool lists)
{
	struct events_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->page = page;
	table->width = width;
	table->lists = lists;
	table->number = -1;
	return table;
}

/* ---- Texts ---------------------------------------------------------------------------- */

static const char *count_text(char out[static SIZE_TEXT], uint64_t count)
{
	return size_count(out, count, SIZE_DIGIT);
}

static unsigned display_flags(const struct page *page)
{
	return page->utf8 ? 0 : DISPLAY_ASCII;
}

static void chunk_text(char out[static WHAT_TEXT], const struct trace_event *event)
{
	const char *word = trace_op_name((enum trace_op)event->op);
	char size[SIZE_TEXT], more[64] = "";

	if ((event->has & TRACE_HAS_NEWCHUNK) != 0)
		snprintf(more, sizeof(more), ", now #%" PRIu64, event->id2);
	else if ((event->has & TRACE_HAS_ALIGN) != 0)
		snprintf(more, sizeof(more), ", align %" PRIu64, event->align);
	if (event->op == TRACE_FREE)
		snprintf(out, WHAT_TEXT, "%-5s #%" PRIu64, word, event->chunk);
	else
		snprintf(out, WHAT_TEXT, "%-5s #%" PRIu64 "  %s%s B%s", word, event->chunk,
			event->op == TRACE_REALLOC ? "to " : "", count_text(size, event->size),
			more);
}

/* The event as the table shows it. */
static const char *what_text(
	const struct page *page, char out[static WHAT_TEXT], const struct explain_event *e)
{
	const char *word = trace_op_name((enum trace_op)e->event.op);
	char name[DISPLAY_SIZE(MOST_WHAT)], count[SIZE_TEXT], size[SIZE_TEXT];

	switch ((enum trace_op)e->event.op) {
	case TRACE_ALLOC:
	case TRACE_REALLOC:
	case TRACE_FREE:
		chunk_text(out, &e->event);
		break;
	case TRACE_BASE:
		snprintf(out, WHAT_TEXT, "base  %s %s %s B", count_text(count, e->event.id2),
			page_times(page), count_text(size, e->event.size));
		break;
	case TRACE_FREEBASE:
		snprintf(out, WHAT_TEXT, "freebase  %s B", count_text(size, e->event.size));
		break;
	default:
		display_fit(name, e->name, MOST_WHAT - (int)strlen(word) - 3, display_flags(page));
		snprintf(out, WHAT_TEXT, "%-5s \"%s\"", word, name);
	}
	return out;
}

static const char *arrow(const struct page *page)
{
	return page->utf8 ? " \u2192 " : " -> ";
}

static void link_text(char out[static 32], const struct explain_link *link)
{
	if (link->kind == EXPLAIN_CHUNK)
		snprintf(out, 32, "#%" PRIu64, link->id);
	else
		strcpy(out, link->kind == EXPLAIN_CUT ? "(tail)" : "(base)");
}

/* " → … 12 more" */
static const char *rest_text(
	const struct page *page, char out[static SIZE_TEXT + 32], uint64_t left)
{
	char count[SIZE_TEXT];

	*out = '\0';
	if (left > 0)
		snprintf(out, SIZE_TEXT + 32, "%s%s %s more", arrow(page), page_ellipsis(page),
			count_text(count, left));
	return out;
}

/* The chain in at most WIDTH columns, but one link at least; then what is left may go uncounted. */
static const char *chain_text(const struct page *page, char out[static CHAIN_TEXT],
	const struct explain_chain *chain, int width)
{
	char link[32], rest[SIZE_TEXT + 32];
	int i;

	strcpy(out, chain->length == 0 ? "-" : "");
	for (i = 0; i < chain->n; i++) {
		uint64_t left = chain->length - (uint64_t)i - 1;
		size_t length = strlen(out);

		link_text(link, &chain->links[i]);
		snprintf(out + length, CHAIN_TEXT - length, "%s%s", i > 0 ? arrow(page) : "", link);
		if (i > 0 && page_width(out) + page_width(rest_text(page, rest, left)) > width) {
			out[length] = '\0';
			break;
		}
	}
	rest_text(page, rest, chain->length - (uint64_t)i);
	if (*rest != '\0' && page_width(out) + page_width(rest) > width)
		snprintf(rest, sizeof(rest), "%s%s", arrow(page), page_ellipsis(page));
	return strcat(out, rest);
}

/* ---- The layout ----------------------------------------------------------------------- */

/* Whether the collected events concern one list of one context. */
static void find_one_list(struct events_table *table)
{
	table->one_list = true;
	for (size_t i = 0; i < table->n; i++) {
		const struct explain_event *e = &table->events[i];

		if (e->context != table->events[0].context || e->n_lists > 1)
			table->one_list = false;
		if (e->n_lists == 0)
			continue;
		if (table->number >= 0 && table->number != e->lists[0].number)
			table->one_list = false;
		table->number = e->lists[0].number;
		table->bytes = e->lists[0].bytes;
	}
	if (table->number < 0)
		table->one_list = false;
}

/* The columns of LIST when all but its first link is left out. */
static int least_width(const struct page *page, const struct explain_chain *list)
{
	char link[32], rest[SIZE_TEXT + 32];

	if (list->n == 0)
		return 0;
	link_text(link, &list->links[0]);
	return (int)strlen(link) + page_width(rest_text(page, rest, list->length - 1));
}

/* A width at which most lists show their first links: ids may be addresses. */
static int width_of_lists(const struct events_table *table)
{
	int widest = LIST_WIDTH - REST_WIDTH - (table->one_list ? 0 : CLASS_WIDTH), least = 0;
	char text[32];

	for (size_t i = 0; i < table->n; i++) {
		const struct explain_event *e = &table->events[i];
		const struct explain_chain *list = &e->lists[0].after;

		if (e->n_lists == 0)
			continue;
		for (int link = 0; link < list->n; link++) {
			link_text(text, &list->links[link]);
			widest = (int)strlen(text) > widest ? (int)strlen(text) : widest;
		}
		if (least_width(table->page, list) > least)
			least = least_width(table->page, list);
	}
	widest += REST_WIDTH;
	return (widest > least ? widest : least) + (table->width - PAGE_WIDTH) / 2;
}

static void lay_out(struct events_table *table)
{
	char text[WHAT_TEXT], count[SIZE_TEXT];
	int widest = LEAST_WHAT, gaps = table->lists ? 2 * GAP : 3 * GAP;
	/* A wide screen is for what the allocator did before it is for names. */
	int most = MOST_WHAT + (table->width - PAGE_WIDTH) / 4;
	uint64_t last = table->n > 0 ? table->events[table->n - 1].number : 0;

	for (size_t i = 0; i < table->n; i++) {
		int width = page_width(what_text(table->page, text, &table->events[i]));

		widest = width > widest ? width : widest;
	}
	/* Where there are more to come their numbers may be longer. */
	table->number_width =
		size_width(count_text(count, table->n < COLLECTED ? last : last * 10));
	if (table->number_width < LEAST_NUMBER)
		table->number_width = LEAST_NUMBER;
	table->what_width = widest < most ? widest : most;
	if (!table->lists) {
		table->list_width = width_of_lists(table);
		table->cell_width = table->list_width + (table->one_list ? 0 : CLASS_WIDTH);
	}
	table->did_width =
		table->width - table->number_width - table->what_width - gaps - table->cell_width;
}

static void print_heading(const struct events_table *table)
{
	struct page *page = table->page;
	char class[SIZE_TEXT], text[2 * SIZE_TEXT] = "FREELIST AFTER IT";

	page_to(page, table->number_width + GAP);
	page_colored(page, PAGE_BOLD, "EVENT");
	page_to(page, table->number_width + table->what_width + 2 * GAP);
	page_colored(page, PAGE_BOLD, "WHAT THE ALLOCATOR DID");
	if (!table->lists) {
		if (table->one_list)
			snprintf(text, sizeof(text), "FREELIST[%d], %s B", table->number,
				count_text(class, table->bytes));
		page_to(page, table->width - table->cell_width);
		page_colored(page, PAGE_BOLD, text);
	}
	page_newline(page);
}

/* ---- Lines ---------------------------------------------------------------------------- */

/* The event names its context itself. */
static bool names_context(const struct explain_event *e)
{
	return e->event.op != TRACE_ALLOC && e->event.op != TRACE_REALLOC &&
	       e->event.op != TRACE_FREE && e->event.op != TRACE_BASE &&
	       e->event.op != TRACE_FREEBASE;
}

/* Says which context the lines to come are about, where that changes. */
static void print_context(struct events_table *table, const struct explain_event *e)
{
	bool same = table->in_context && table->context == e->context;
	char name[DISPLAY_SIZE(MOST_WHAT)], id[32];

	if (!e->has_context || same)
		return;
	table->in_context = true;
	table->context = e->context;
	if (names_context(e))
		return;
	page_to(table->page, table->number_width + GAP);
	snprintf(id, sizeof(id), ", context %" PRIu64, e->context);
	page_colored(table->page, PAGE_DIM, "in ");
	display_fit(name, e->name, MOST_WHAT, display_flags(table->page));
	page_colored(table->page, PAGE_DIM, name);
	page_colored(table->page, PAGE_DIM, id);
	page_newline(table->page);
}

/* Prints a word, one of a name perhaps, in at most WIDTH columns. */
static void print_word(struct page *page, const char *word, size_t length, int width)
{
	char text[EXPLAIN_TEXT], shown[DISPLAY_SIZE(SCREEN_WIDEST)];

	memcpy(text, word, length);
	text[length] = '\0';
	display_fit(shown, text, width, display_flags(page));
	if (strcmp(text, "REUSED") == 0)
		page_colored(page, PAGE_GREEN, shown);
	else
		page_left(page, 0, shown);
}

/* Prints the words of TEXT up to END that fit before column LAST, one at least; returns the rest.
 */
static const char *print_words(struct page *page, const char *text, const char *end, int last)
{
	int start = page->column;

	while (text < end) {
		size_t length = strcspn(text, " ");
		int gap = page->column > start;

		if (gap > 0 && page->column + gap + (int)length > last)
			break;
		page_to(page, page->column + gap);
		print_word(page, text, length, last - page->column);
		text += length + (text[length] == ' ');
	}
	return text;
}

/*
 * Prints what fits of TEXT in WIDTH columns: whole phrases, which end with ";"; where not one fits,
 * words.  Returns the rest.
 */
static const char *print_phrases(struct page *page, const char *text, int width)
{
	int start = page->column, last = start + width;

	while (*text != '\0') {
		const char *next = strstr(text, "; ");
		const char *end = next != NULL ? next + 2 : text + strlen(text);
		int length = (int)(end - text) - (next != NULL);

		if (page->column > start && page->column + 1 + length > last)
			break;
		page_to(page, page->column + (page->column > start));
		text = print_words(page, text, end, last);
		if (text < end)
			break;
	}
	return text;
}

/* Whether a list says more than the words do: it is not empty, or was not. */
static bool has_news(const struct explain_event *e)
{
	return e->n_lists > 0 && !names_context(e) &&
	       (e->lists[0].before.length > 0 || e->lists[0].after.length > 0);
}

/* The list after the event; what no event changed stands as it stood. */
static const char *cell_text(struct events_table *table, const struct explain_event *e)
{
	char chain[CHAIN_TEXT];
	int width = table->list_width;

	if (!table->one_list && !has_news(e))
		return "";
	if (e->n_lists == 0) {
		if (e->event.op == TRACE_CREATE)
			strcpy(table->cell, "-");
		return table->cell;
	}
	if (!table->one_list && e->lists[0].number > 9)
		width--; /* "[10] " */
	chain_text(table->page, chain, &e->lists[0].after, width);
	if (table->one_list)
		strcpy(table->cell, chain);
	else
		snprintf(table->cell, sizeof(table->cell), "[%d] %.*s", e->lists[0].number,
			CHAIN_TEXT - 16, chain);
	return table->cell;
}

static void print_chain(
	struct events_table *table, const char *label, const struct explain_chain *chain)
{
	int indent = table->number_width + table->what_width + 2 * GAP;
	char text[CHAIN_TEXT];

	page_to(table->page, indent);
	page_left(table->page, 0, label);
	page_left(table->page, 0,
		chain_text(table->page, text, chain, table->width - table->page->column));
	page_newline(table->page);
}

static void print_lists(struct events_table *table, const struct explain_event *e)
{
	char label[64], size[SIZE_TEXT];

	for (int i = 0; i < e->n_lists; i++) {
		const struct explain_list *list = &e->lists[i];

		if (list->before.length == 0 && list->after.length == 0)
			continue;
		snprintf(label, sizeof(label), "freelist[%d], %s B, before  ", list->number,
			count_text(size, list->bytes));
		print_chain(table, label, &list->before);
		snprintf(label, sizeof(label), "%*s  ", page_width(label) - 2, "after");
		print_chain(table, label, &list->after);
	}
}

static void print_event(struct events_table *table, const struct explain_event *e)
{
	struct page *page = table->page;
	const char *did = e->did, *cell = table->lists ? "" : cell_text(table, e);
	char what[WHAT_TEXT], number[SIZE_TEXT];
	int indent = table->number_width + table->what_width + 2 * GAP;

	print_context(table, e);
	page_right(page, table->number_width, count_text(number, e->number));
	page_to(page, table->number_width + GAP);
	page_left(page, table->what_width, what_text(page, what, e));
	page_to(page, page->column > indent - GAP ? page->column + GAP : indent);
	did = print_phrases(page, did,
		(*cell != '\0' ? indent + table->did_width : table->width) - page->column);
	if (*cell != '\0') {
		page_to(page, table->width - table->cell_width);
		page_left(page, 0, cell);
	}
	page_newline(page);
	while (*did != '\0') {
		page_to(page, indent);
		did = print_phrases(page, did, table->width - indent);
		page_newline(page);
	}
	if (table->lists)
		print_lists(table, e);
}

static void begin(struct events_table *table)
{
	if (table->has_begun)
		return;
	table->has_begun = true;
	if (table->n < COLLECTED)
		find_one_list(table);
	lay_out(table);
	print_heading(table);
}

static void print_collected(struct events_table *table)
{
	begin(table);
	for (size_t i = 0; i < table->n; i++)
		print_event(table, &table->events[i]);
	table->n = 0;
}

struct explain_event *events_table_next(struct events_table *table)
{
	return &table->events[table->n];
}

void events_table_add(struct events_table *table)
{
	if (++table->n == COLLECTED)
		print_collected(table);
}

void events_table_finish(struct events_table *table)
{
	if (table == NULL)
		return;
	if (table->n > 0)
		print_collected(table);
	free(table);
}
