/* SPDX-License-Identifier: MIT */
/*
 * The report: what the trace did, the table of figures at the peak and at the end, and what came of
 * the allocations.  The contexts and the freelists have files of their own.
 */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/size.h"
#include "model/source.h"

enum { LABEL = 24, PERCENT = 6, BAR = 12, NOTE = 30 };

bool report_is_single(const struct report *report)
{
	return report->peak.event == report->end.event;
}

static void heading(struct page *page, const char *text)
{
	page_colored(page, PAGE_BOLD, text);
}

/* "N WHAT" with the plural's s, in OUT. */
static const char *counted(char out[static PAGE_TEXT], uint64_t n, const char *what)
{
	char number[SIZE_TEXT];

	snprintf(out, PAGE_TEXT, "%s %s%s", size_count(number, n, SIZE_DIGIT), what,
		n == 1 ? "" : "s");
	return out;
}

/* ---- What was replayed ---------------------------------------------------------------- */

static void print_replaced(struct page *page, const struct replay_counts *counts)
{
	char text[PAGE_TEXT], number[SIZE_TEXT];

	if (counts->kinds_replaced > 0) {
		snprintf(text, sizeof text, "%s context%s replayed as another kind",
			size_count(number, counts->kinds_replaced, 0),
			counts->kinds_replaced == 1 ? "" : "s");
		page_flow(page, 2, ", ", text);
	}
	if (counts->not_done > 0) {
		snprintf(text, sizeof text, "%s free%s that bump cannot do",
			size_count(number, counts->not_done, 0), counts->not_done == 1 ? "" : "s");
		page_flow(page, 2, ", ", text);
	}
}

static void print_head(struct page *page, const struct report *report)
{
	const struct replay_counts *counts = report->counts;
	char text[PAGE_TEXT], number[SIZE_TEXT];

	page_left(page, 0, page_name(page, text, source_short_name(report->path), PAGE_NAME));
	page_flow(page, 2, ": ", counted(text, counts->events, "event"));
	if (report->stopped)
		page_flow(page, 2, ", ", "stopped there");
	if (counts->time_ns != SNAPSHOT_UNKNOWN) {
		snprintf(text, sizeof text, "%s recorded", size_time(number, counts->time_ns));
		page_flow(page, 2, ", ", text);
	}
	if (counts->threads > 1)
		page_flow(page, 2, ", ", counted(text, counts->threads, "thread"));
	if (counts->lost > 0) {
		snprintf(text, sizeof text, "%s lost", size_count(number, counts->lost, 0));
		page_flow(page, 2, ", ", text);
	}
	print_replaced(page, counts);
	if (counts->skipped == 0)
		page_flow(page, 2, ", ", "nothing skipped");
	page_newline(page);
}

/* What was skipped, one and several. */
static const char *const skip_words[REPLAY_SKIPS][2] = {
	[REPLAY_SKIP_SYNTAX] = {"broken line", "broken lines"},
	[REPLAY_SKIP_DEAD_CHUNK] = {"of a chunk that does not live", "of chunks that do not live"},
	[REPLAY_SKIP_DEAD_CTX] = {"of a context that does not live",
		"of contexts that do not live"},
	[REPLAY_SKIP_TAKEN] = {"of an id in use", "of ids in use"},
	[REPLAY_SKIP_KIND_RULE] = {"against the rules of its kind", "against the rules of a kind"},
	[REPLAY_SKIP_CYCLE] = {"move below itself", "moves below themselves"},
	[REPLAY_SKIP_BASE] = {"freebase without base", "freebases without base"},
	[REPLAY_SKIP_AFTER_LOST] = {"of what lost events made", "of what lost events made"},
};

static void print_skipped(struct page *page, const struct replay_counts *counts)
{
	char text[PAGE_TEXT], number[SIZE_TEXT];
	const char *separator = ": ";

	if (counts->skipped == 0)
		return;
	snprintf(text, sizeof text, "  %s skipped", size_count(number, counts->skipped, 0));
	page_colored(page, PAGE_YELLOW, text);
	for (int i = 0; i < REPLAY_SKIPS; i++) {
		if (counts->skips[i] == 0)
			continue;
		snprintf(text, sizeof text, "%s %s", size_count(number, counts->skips[i], 0),
			skip_words[i][counts->skips[i] != 1]);
		page_flow(page, 4, separator, text);
		separator = ", ";
	}
	page_newline(page);
}

static const struct replay_counts *order_counts;

static int by_count(const void *a, const void *b)
{
	const int *left = a, *right = b;
	uint64_t x = order_counts->ops[*left], y = order_counts->ops[*right];

	return x != y ? (x < y ? 1 : -1) : *left - *right;
}

static void print_events(struct page *page, const struct replay_counts *counts)
{
	char text[PAGE_TEXT], number[SIZE_TEXT];
	int order[TRACE_OPS];
	const char *separator = "  ";

	for (int i = 0; i < TRACE_OPS; i++)
		order[i] = i;
	order_counts = counts;
	qsort(order, TRACE_OPS, sizeof *order, by_count);
	page_newline(page);
	for (int i = 0; i < TRACE_OPS && counts->ops[order[i]] > 0; i++) {
		snprintf(text, sizeof text, "%s %s", trace_op_name((enum trace_op)order[i]),
			size_count(number, counts->ops[order[i]], 0));
		page_flow(page, 2, separator, text);
		separator = "   ";
	}
	if (counts->empty_resets > 0) {
		uint64_t resets = counts->ops[TRACE_RESET] + counts->ops[TRACE_RESETONLY];
		snprintf(text, sizeof text, "(%s of the %s found nothing)",
			size_count(number, counts->empty_resets, 0),
			resets == 1 ? "reset" : "resets");
		page_flow(page, 2, separator, text);
	}
	page_newline(page);
}

/* ---- The table ------------------------------------------------------------------------ */

enum row_kind { ROW_COUNT, ROW_TIME, ROW_TOTAL, ROW_PART };

enum { PEAK, END, MOMENTS };

struct row {
	const char *label;
	enum row_kind kind;
	uint64_t value[MOMENTS];
};

enum { ROWS = 11, PARTS = 5 };

struct table {
	struct row rows[ROWS];
	int n;
	uint64_t total[MOMENTS];
	int first, count; /* the moments that it shows, a column each */
	const char *title[MOMENTS];
	int width[MOMENTS], at[MOMENTS];
	int bar, bar_at; /* behind the first column; 0: there is no room */
	uint64_t most;
};

static const char *row_value(
	const struct page *page, char out[static SIZE_TEXT], enum row_kind kind, uint64_t value)
{
	if (kind == ROW_COUNT)
		return size_count(out, value, page_size_flags(page));
	if (kind == ROW_TIME)
		return value == SNAPSHOT_UNKNOWN ? "untimed" : size_time(out, value);
	return size_text(out, value, page_size_flags(page));
}

static void add_row(
	struct table *table, const char *label, enum row_kind kind, uint64_t peak, uint64_t end)
{
	table->rows[table->n++] = (struct row){label, kind, {peak, end}};
}

static int by_peak(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->value[PEAK] != right->value[PEAK])
		return left->value[PEAK] < right->value[PEAK] ? 1 : -1;
	return strcmp(left->label, right->label);
}

/* The rows; where the bytes go stands last, the greatest waste first. */
static void make_rows(struct table *table, const struct report *report)
{
	const struct replay_moment *peak = &report->peak, *end = &report->end;
	const struct snapshot_figures *p = &peak->figures, *e = &end->figures;

	add_row(table, "event", ROW_COUNT, peak->event, end->event);
	if (peak->time_ns != SNAPSHOT_UNKNOWN || end->time_ns != SNAPSHOT_UNKNOWN)
		add_row(table, "time", ROW_TIME, peak->time_ns, end->time_ns);
	add_row(table, "contexts", ROW_COUNT, peak->live_contexts, end->live_contexts);
	add_row(table, "blocks", ROW_COUNT, p->total_nblocks, e->total_nblocks);
	add_row(table, "live chunks", ROW_COUNT, peak->live_chunks, end->live_chunks);
	add_row(table, "total", ROW_TOTAL, p->total_bytes, e->total_bytes);
	add_row(table, "asked for", ROW_PART, p->requested_bytes, e->requested_bytes);
	add_row(table, "tails, never carved", ROW_PART, p->tail_bytes, e->tail_bytes);
	add_row(table,
		report->counts->not_done > 0 ? "slack, and not freed" : "slack of rounding up",
		ROW_PART, p->slack_bytes, e->slack_bytes);
	add_row(table, "headers", ROW_PART, p->header_bytes, e->header_bytes);
	add_row(table, "freelists", ROW_PART, p->freelist_bytes, e->freelist_bytes);
	qsort(table->rows + table->n - PARTS + 1, PARTS - 1, sizeof *table->rows, by_peak);
	table->total[PEAK] = p->total_bytes;
	table->total[END] = e->total_bytes;
}

/* Sets the columns' places; returns the width of the whole. */
static int lay_out(const struct page *page, struct table *table)
{
	char text[SIZE_TEXT];
	int at = LABEL;

	for (int m = table->first; m < table->first + table->count; m++) {
		table->at[m] = at;
		table->width[m] = size_width(table->title[m]);
		for (int i = 0; i < table->n; i++) {
			const struct row *row = &table->rows[i];
			int width = size_width(row_value(page, text, row->kind, row->value[m]));
			table->width[m] = width > table->width[m] ? width : table->width[m];
			if (row->kind == ROW_PART && m == table->first &&
				row->value[m] > table->most)
				table->most = row->value[m];
		}
		at += table->width[m] + PERCENT + 2;
	}
	at -= 2;
	table->bar_at = table->at[table->first] + table->width[table->first] + PERCENT + 2;
	table->bar = PAGE_WIDTH - at - 2 < BAR ? PAGE_WIDTH - at - 2 : BAR;
	if (table->bar < 4)
		table->bar = 0;
	else if (table->count > 1)
		table->at[END] += table->bar + 2;
	return at;
}

static void print_row(struct page *page, const struct table *table, const struct row *row)
{
	enum page_color color = row->label[0] == 'a' ? PAGE_GREEN : PAGE_YELLOW;
	char text[SIZE_TEXT];

	page_to(page, row->kind == ROW_PART ? 4 : 2);
	page_left(page, 0, row->label);
	for (int m = table->first; m < table->first + table->count; m++) {
		page_to(page, table->at[m]);
		page_right(page, table->width[m], row_value(page, text, row->kind, row->value[m]));
		if (row->kind >= ROW_TOTAL)
			page_right(page, PERCENT,
				size_percent(text, row->value[m], table->total[m],
					page_size_flags(page)));
		if (row->kind == ROW_PART && m == table->first && table->bar && row->value[m] > 0) {
			page_to(page, table->bar_at);
			page_bar(page, color, row->value[m], table->most, table->bar);
		}
	}
	page_newline(page);
}

static void print_table(struct page *page, struct table *table)
{
	page_newline(page);
	for (int m = table->first; m < table->first + table->count; m++) {
		page_to(page, table->at[m] + table->width[m] - size_width(table->title[m]));
		heading(page, table->title[m]);
	}
	page_newline(page);
	for (int i = 0; i < table->n; i++)
		print_row(page, table, &table->rows[i]);
}

/* Peak and end side by side; with figures too wide for that, one below the other. */
static void print_figures(struct page *page, const struct report *report)
{
	struct table table = {.title = {"AT THE PEAK", "AT THE END"}, .count = MOMENTS};

	make_rows(&table, report);
	if (report_is_single(report)) {
		table.count = 1;
		table.title[PEAK] = "AT THE PEAK AND END";
	}
	if (lay_out(page, &table) <= PAGE_WIDTH) {
		print_table(page, &table);
		return;
	}
	table.count = 1;
	for (table.first = PEAK; table.first <= END; table.first++) {
		table.most = 0;
		lay_out(page, &table);
		print_table(page, &table);
	}
}

/* ---- What came of the allocations ----------------------------------------------------- */

static void print_origin(struct page *page, const struct replay_counts *counts)
{
	const struct {
		const char *word;
		uint64_t n;
	} origins[] = {
		{"carved", counts->carved},
		{"freelist", counts->reused},
		{"system", counts->large},
	};
	uint64_t sum = counts->carved + counts->reused + counts->large;
	char text[PAGE_TEXT], number[SIZE_TEXT], percent[SIZE_TEXT];

	heading(page, "WHERE ALLOCATIONS CAME FROM");
	page_to(page, NOTE);
	for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
		if (origins[i].n == 0)
			continue;
		snprintf(text, sizeof text, "%s %s (%s)", origins[i].word,
			size_count(number, origins[i].n, 0),
			size_percent(percent, origins[i].n, sum, 0));
		page_flow(page, NOTE, page->column > NOTE ? "   " : "", text);
	}
	if (sum == 0)
		page_left(page, 0, "nothing was allocated");
	page_newline(page);
}

static void print_live(struct page *page, const struct report *report)
{
	const struct replay_moment *end = &report->end;
	char text[PAGE_TEXT];

	heading(page, report->stopped ? "STILL LIVE THERE" : "STILL LIVE AT THE END");
	page_to(page, NOTE);
	if (end->live_contexts == 0) {
		page_left(page, 0, "nothing: every context was deleted");
	} else {
		page_left(page, 0, counted(text, end->live_chunks, "chunk"));
		page_flow(page, NOTE, " in ", counted(text, end->live_contexts, "context"));
	}
	page_newline(page);
}

static void print_foot(struct page *page, const struct report *report)
{
	double seconds = (double)report->elapsed_ns / 1e9;
	double rate = seconds > 0 ? (double)report->counts->events / seconds : 0;
	char text[PAGE_TEXT], time[SIZE_TEXT], number[SIZE_TEXT];

	page_newline(page);
	snprintf(text, sizeof text, "replayed in %s (%s events/s)",
		size_time(time, report->elapsed_ns), size_decimal(number, rate));
	page_left(page, NOTE + 12, text);
	page_left(page, 0, "Next: ");
	page_colored(page, PAGE_BOLD,
		report->end.live_contexts == 0 && report->counts->contexts_created > 0
			? "memctx-tool tree --at peak"
			: "memctx-tool tree");
	page_newline(page);
}

int report_print(struct page *page, const struct report *report)
{
	print_head(page, report);
	print_skipped(page, report->counts);
	if (report->counts->contexts_created == 0) {
		page_left(page, 0, "No context was created, so there is no memory to report on.");
		page_newline(page);
		return 0;
	}
	print_events(page, report->counts);
	print_figures(page, report);
	if (report_contexts(page, report) != 0)
		return -1;
	report_freelists(page, report);
	page_newline(page);
	print_origin(page, report->counts);
	print_live(page, report);
	print_foot(page, report);
	return 0;
}
