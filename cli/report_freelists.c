/* SPDX-License-Identifier: MIT */
/*
 * The freelists in the report: chunks in use and free by size class, with bars of the free bytes.
 *
 * One scale holds for the bars of the peak and of the end, so that they can be compared.  A class's
 * bytes are those that an allocation could get at most, so count times size; the sum is exact.
 * In pools a class has smaller chunks, too: then its size is the greatest.
 */
#include "report.h"

#include "model/lists.h"
#include "model/size.h"

enum { CLASS_WIDTH = 8, GAP = 2, LEAST_BAR = 3, MOST_BAR = 12 };

struct half {
	const struct snapshot_figures *figures;
	struct lists lists; /* its classes as they are */
	const char *title;
	int live, free, bytes; /* widths */
	int at;
};

struct layout {
	struct half halves[2];
	int n;
	bool has_smaller; /* chunks than those of its size in some class */
	int bar;
	uint64_t most;
};

static uint64_t class_bytes(const struct half *half, unsigned k)
{
	return half->lists.of[k].free * lists_bytes(k);
}

static uint64_t classes_bytes(const struct half *half)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < LISTS_PLACES; k++)
		sum += class_bytes(half, k);
	return sum;
}

/* Whether classes have smaller chunks, too: with their headers they would be more than the sum. */
static bool has_smaller(const struct half *half)
{
	return classes_bytes(half) > half->figures->freelist_bytes;
}

static bool has_headers(const struct half *half)
{
	return classes_bytes(half) < half->figures->freelist_bytes;
}

static int wider(int width, const char *text)
{
	int columns = size_width(text) + 2;

	return columns > width ? columns : width;
}

static void measure(const struct page *page, struct half *half)
{
	const struct snapshot_figures *figures = half->figures;
	unsigned flags = page_size_flags(page);
	char text[SIZE_TEXT];

	half->live = wider(7, size_count(text, figures->live_chunks, flags));
	half->free = wider(7, size_count(text, figures->free_chunks, flags));
	half->bytes = wider(7, size_text(text, figures->freelist_bytes, flags));
}

/* Sets the columns' places; returns the width of the whole without bars. */
static int lay_out(const struct page *page, struct layout *layout)
{
	int used = CLASS_WIDTH;

	layout->most = 0;
	layout->has_smaller = false;
	for (int i = 0; i < layout->n; i++) {
		struct half *half = &layout->halves[i];
		measure(page, half);
		layout->has_smaller |= has_smaller(half);
		half->at = used + (i > 0 ? GAP : 0);
		used = half->at + half->live + half->free + half->bytes;
		for (unsigned k = 0; k < LISTS_PLACES; k++)
			if (class_bytes(half, k) > layout->most)
				layout->most = class_bytes(half, k);
	}
	layout->bar = (PAGE_WIDTH - used) / layout->n - GAP;
	layout->bar = layout->bar < LEAST_BAR ? 0 : layout->bar > MOST_BAR ? MOST_BAR : layout->bar;
	if (layout->bar > 0)
		layout->halves[1].at += GAP + layout->bar;
	return used;
}

static void print_titles(struct page *page, const struct layout *layout)
{
	page_newline(page);
	page_colored(page, PAGE_BOLD, "FREELISTS");
	for (int i = 0; i < layout->n; i++) {
		page_to(page, layout->halves[i].at + 3);
		page_colored(page, PAGE_BOLD, layout->halves[i].title);
	}
	page_newline(page);
	page_right(page, CLASS_WIDTH, "SIZE");
	for (int i = 0; i < layout->n; i++) {
		page_to(page, layout->halves[i].at);
		page_right(page, layout->halves[i].live, "LIVE");
		page_right(page, layout->halves[i].free, "FREE");
		page_right(page, layout->halves[i].bytes, "BYTES");
	}
	page_newline(page);
}

static void print_counts(struct page *page, const struct half *half, uint64_t live, uint64_t free)
{
	unsigned flags = page_size_flags(page);
	char text[SIZE_TEXT];

	page_to(page, half->at);
	page_right(page, half->live, size_count(text, live, flags));
	page_right(page, half->free, size_count(text, free, flags));
}

static void print_class(struct page *page, const struct layout *layout, unsigned k)
{
	char text[SIZE_TEXT], label[SIZE_TEXT + 4];

	snprintf(label, sizeof label, "%s%s",
		!layout->has_smaller ? ""
		: page->utf8         ? "≤"
				     : "<=",
		size_class(text, lists_bytes(k)));
	page_right(page, CLASS_WIDTH, label);
	for (int i = 0; i < layout->n; i++) {
		const struct half *half = &layout->halves[i];
		const struct snapshot_class *class = &half->lists.of[k];
		uint64_t bytes = class_bytes(half, k);
		print_counts(page, half, class->live, class->free);
		page_right(page, half->bytes, size_text(text, bytes, page_size_flags(page)));
		if (layout->bar > 0 && bytes > 0) {
			page_to(page, page->column + GAP);
			page_bar(page, PAGE_YELLOW, bytes, layout->most, layout->bar);
		}
	}
	page_newline(page);
}

/* Large chunks, which no list holds. */
static void print_large(struct page *page, const struct layout *layout)
{
	char text[SIZE_TEXT];
	uint64_t large = 0;

	for (int i = 0; i < layout->n; i++)
		large |= layout->halves[i].figures->large_chunks;
	if (large == 0)
		return;
	page_right(page, CLASS_WIDTH, "large");
	for (int i = 0; i < layout->n; i++) {
		const struct half *half = &layout->halves[i];
		page_to(page, half->at);
		page_right(page, half->live,
			size_count(text, half->figures->large_chunks, page_size_flags(page)));
		if (i == 0) {
			page_to(page, page->column + GAP);
			page_colored(page, PAGE_DIM, "to and from the system");
		}
	}
	page_newline(page);
}

static void print_sums(struct page *page, const struct layout *layout)
{
	char text[SIZE_TEXT];

	page_right(page, CLASS_WIDTH, "all");
	for (int i = 0; i < layout->n; i++) {
		const struct half *half = &layout->halves[i];
		print_counts(page, half, half->figures->live_chunks, half->figures->free_chunks);
		page_right(page, half->bytes,
			size_text(text, half->figures->freelist_bytes, page_size_flags(page)));
		if (i == 0 && layout->bar >= 12 && half->figures->freelist_bytes > 0)
			page_colored(page, PAGE_DIM,
				layout->has_smaller ? "  exact sum"
				: has_headers(half) ? "  with headers"
						    : "");
	}
	page_newline(page);
}

static void print_lists(struct page *page, const struct layout *layout)
{
	print_titles(page, layout);
	for (unsigned k = 0; k < LISTS_PLACES; k++) {
		bool any = false;
		for (int i = 0; i < layout->n; i++) {
			const struct snapshot_class *class = &layout->halves[i].lists.of[k];
			any = any || class->live > 0 || class->free > 0;
		}
		if (any)
			print_class(page, layout, k);
	}
	print_large(page, layout);
	print_sums(page, layout);
}

static struct half make_half(const struct replay_moment *moment, const char *title)
{
	struct half half = {.figures = &moment->figures, .lists = moment->lists, .title = title};

	if (moment->lists.has == 0)
		lists_of_classes(&half.lists, moment->figures.classes);
	return half;
}

/* Peak and end side by side; with figures too wide for that, one below the other. */
void report_freelists(struct page *page, const struct report *report)
{
	struct layout layout = {
		.halves = {make_half(&report->peak, "AT THE PEAK"),
			make_half(&report->end, "AT THE END")},
		.n = report_is_single(report) ? 1 : 2,
	};

	if (layout.n == 1)
		layout.halves[0].title = "AT THE PEAK AND END";
	if (lay_out(page, &layout) <= PAGE_WIDTH) {
		print_lists(page, &layout);
		return;
	}
	for (int i = 0; i < 2; i++) {
		struct layout one = {.halves = {layout.halves[i]}, .n = 1};
		lay_out(page, &one);
		print_lists(page, &one);
	}
}
