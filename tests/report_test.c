/* SPDX-License-Identifier: MIT */
/*
 * The report over figures made by hand: one report held against its text, and random ones, with
 * names of every sort, against what every report promises: no line over 80 columns, no control
 * character, plain ASCII where that is all there is.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "cli/report.h"

struct parts {
	uint64_t requested, slack, header, freelist, tail;
};

/* A context of one block; its free chunks are of 64 bytes, its live ones of 128. */
static uint32_t add(struct snapshot *s, uint32_t parent, const char *name, struct parts parts,
	uint64_t live, uint64_t free)
{
	struct snapshot_context *c = snapshot_add(s, s->n + 1, parent, name, NULL, "aset");
	struct snapshot_figures *f;

	assert_non_null(c);
	f = &c->own;
	snapshot_fill(f, 0);
	f->requested_bytes = parts.requested;
	f->slack_bytes = parts.slack;
	f->header_bytes = parts.header;
	f->freelist_bytes = parts.freelist;
	f->tail_bytes = parts.tail;
	f->free_bytes = parts.freelist + parts.tail;
	f->total_bytes = parts.requested + parts.slack + parts.header + f->free_bytes;
	f->used_bytes = f->total_bytes - f->free_bytes;
	f->total_nblocks = 1;
	f->live_chunks = live;
	f->free_chunks = free;
	f->classes[3].free = free;
	f->classes[4].live = live;
	f->classes[4].slack = parts.slack;
	return (uint32_t)s->n - 1;
}

static void fill_moment(struct replay_moment *moment, const struct snapshot *s, uint64_t event)
{
	*moment = (struct replay_moment){
		.event = event, .time_ns = event * 1000, .live_contexts = s->n};
	snapshot_totals(s, &moment->figures);
	moment->live_chunks = moment->figures.live_chunks;
	moment->requested_bytes = moment->figures.requested_bytes;
}

/* The report as text; the caller frees it. */
static char *print(const struct report *report, bool utf8, bool exact, bool color)
{
	char *text = NULL;
	size_t size = 0;
	struct page page = {
		.out = open_memstream(&text, &size), .utf8 = utf8, .exact = exact, .color = color};

	assert_non_null(page.out);
	assert_int_equal(report_print(&page, report), 0);
	assert_int_equal(fclose(page.out), 0);
	return text;
}

/*
 * At the peak: Top 2048 of which 1024 asked for, three "index" of 512 (256 asked for, 128 slack,
 * 128 tail), one "<unnamed>" of 1024, all tail but 64 of headers.  So 4608 in all: 1792 asked for
 * (39%), 1600 tails (35%), 640 slack (14%), 360 freelists (8%), 216 headers (5%); bars are 12 cells
 * of 1792 bytes: 10 6/8, 4 2/8, 2 3/8, 1 4/8.  At the end: Top alone.
 */
static const char expected[] =
	"demo.trace: 1,234 events, 1.50 ms recorded, nothing skipped\n"
	"\n"
	"  alloc 1,192   free 29   reset 8   create 5   (2 of the resets found nothing)\n"
	"\n"
	"                        AT THE PEAK                      AT THE END\n"
	"  event                         700                           1,234\n"
	"  time                    700.00 us                         1.23 ms\n"
	"  contexts                        5                               1\n"
	"  blocks                          5                               1\n"
	"  live chunks                    22                              10\n"
	"  total                        4.5K  100%                      2.0K  100%\n"
	"    asked for                  1.8K   39%  ████████████        1.0K   50%\n"
	"    tails, never carved        1.6K   35%  ██████████▊          256   13%\n"
	"    slack of rounding up        640   14%  ████▎                256   13%\n"
	"    freelists                   360    8%  ██▍                  360   18%\n"
	"    headers                     216    5%  █▌                   152    7%\n"
	"\n"
	"MOST WASTE AT THE PEAK\n"
	"  tails        1.6K   <unnamed> 960, index ×3 384, Top 256\n"
	"  slack         640   index ×3 384 (384 in the 128 class), Top 256\n"
	"  freelists     360   Top 360\n"
	"\n"
	"LARGEST CONTEXTS AT THE PEAK                TOTAL  ASKED FOR  CHUNKS\n"
	"  Top                                        2.0K       1.0K      10\n"
	"  index ×3                                   1.5K        768      12\n"
	"  <unnamed>                                  1.0K          ·       ·\n"
	"\n"
	"FREELISTS  AT THE PEAK                          AT THE END\n"
	"    SIZE   LIVE   FREE  BYTES                   LIVE   FREE  BYTES\n"
	"      64      ·      5    320  ████████████        ·      5    320  ████████████\n"
	"     128     22      ·      ·                     10      ·      ·\n"
	"     all     22      5    360  with headers       10      5    360\n"
	"\n"
	"WHERE ALLOCATIONS CAME FROM   carved 1,092 (92%)   freelist 90 (8%)\n"
	"                              system 10 (1%)\n"
	"STILL LIVE AT THE END         10 chunks in 1 context\n"
	"\n"
	"replayed in 2.00 ms (617K events/s)       Next: memctx-tool tree\n";

struct sample {
	struct snapshot *peak, *end;
	struct replay_counts counts;
	struct report report;
};

static void make_sample(struct sample *sample)
{
	struct snapshot *peak = snapshot_new(), *end = snapshot_new();
	uint32_t top;

	*sample = (struct sample){.peak = peak, .end = end};
	sample->counts = (struct replay_counts){.events = 1234,
		.contexts_created = 5,
		.empty_resets = 2,
		.threads = 1,
		.carved = 1092,
		.reused = 90,
		.large = 10,
		.time_ns = 1500000};
	sample->counts.ops[TRACE_CREATE] = 5;
	sample->counts.ops[TRACE_ALLOC] = 1192;
	sample->counts.ops[TRACE_FREE] = 29;
	sample->counts.ops[TRACE_RESET] = 8;
	sample->report = (struct report){.path = "traces/demo.trace",
		.counts = &sample->counts,
		.at_peak = peak,
		.at_end = end,
		.elapsed_ns = 2000000};
	top = add(peak, SNAPSHOT_NONE, "Top", (struct parts){1024, 256, 152, 360, 256}, 10, 5);
	for (int i = 0; i < 3; i++)
		add(peak, top, "index", (struct parts){256, 128, 0, 0, 128}, 4, 0);
	add(peak, top, "<unnamed>", (struct parts){0, 0, 64, 0, 960}, 0, 0);
	add(end, SNAPSHOT_NONE, "Top", (struct parts){1024, 256, 152, 360, 256}, 10, 5);
	snapshot_finish(peak);
	snapshot_finish(end);
	fill_moment(&sample->report.peak, peak, 700);
	fill_moment(&sample->report.end, end, 1234);
}

static void free_sample(struct sample *sample)
{
	snapshot_free(sample->peak);
	snapshot_free(sample->end);
}

static void test_text(void **state)
{
	struct sample sample;

	(void)state;
	make_sample(&sample);
	char *text = print(&sample.report, true, false, false);
	assert_string_equal(text, expected);
	free(text);
	free_sample(&sample);
}

/* Colours add their codes and change nothing else. */
static void test_color(void **state)
{
	struct sample sample;
	char *to;

	(void)state;
	make_sample(&sample);
	char *text = print(&sample.report, true, false, true);
	assert_non_null(strstr(text, "\033[1mMOST WASTE AT THE PEAK\033[0m\n"));
	to = text;
	for (const char *from = text; *from != 0; from++) {
		if (*from == '\033')
			from += strcspn(from, "m");
		else
			*to++ = *from;
	}
	*to = 0;
	assert_string_equal(text, expected);
	free(text);
	free_sample(&sample);
}

static void assert_holds(const struct report *report, const char *what)
{
	char *text = print(report, true, false, false);

	if (strstr(text, what) == NULL)
		print_error("no \"%s\" in:\n%s", what, text);
	assert_non_null(strstr(text, what));
	free(text);
}

/* What does not stand in the common report. */
static void test_cases(void **state)
{
	struct sample sample;
	struct snapshot *none = snapshot_new();

	(void)state;
	make_sample(&sample);
	sample.report.path = "-";
	sample.counts.skipped = 3;
	sample.counts.skips[REPLAY_SKIP_DEAD_CHUNK] = 2;
	sample.counts.skips[REPLAY_SKIP_SYNTAX] = 1;
	sample.counts.lost = 7;
	sample.counts.threads = 2;
	sample.counts.kinds_replaced = 4;
	sample.counts.time_ns = SNAPSHOT_UNKNOWN;
	sample.report.stopped = true;
	assert_holds(&sample.report,
		"standard input: 1,234 events, stopped there, 2 threads, 7 lost,\n"
		"  4 contexts replayed as another kind\n"
		"  3 skipped: 1 broken line, 2 of chunks that do not live\n"
		"\n"
		"  alloc");
	assert_holds(&sample.report, "\nSTILL LIVE THERE              10 chunks in 1 context\n");

	fill_moment(&sample.report.end, none, 1234);
	sample.report.at_end = none;
	sample.report.stopped = false;
	assert_holds(&sample.report,
		"\nSTILL LIVE AT THE END         nothing: every context was deleted\n");
	assert_holds(&sample.report, "Next: memctx-tool tree --at peak\n");

	sample.report.end = sample.report.peak;
	assert_holds(&sample.report, "                        AT THE PEAK AND END\n"
				     "  event                                 700\n");
	assert_holds(&sample.report, "\nFREELISTS  AT THE PEAK AND END\n");

	sample.counts = (struct replay_counts){.threads = 1, .time_ns = SNAPSHOT_UNKNOWN};
	assert_holds(&sample.report,
		"standard input: 0 events, nothing skipped\n"
		"No context was created, so there is no memory to report on.\n");
	snapshot_free(none);
	free_sample(&sample);
}

/* The seventh largest is worth a line that sums, the sixth is not; --all lists all. */
static void test_largest(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
	struct sample sample;

	(void)state;
	for (size_t n = 6; n <= 7; n++) {
		make_sample(&sample);
		struct snapshot *many = snapshot_new();
		for (size_t i = 0; i < n; i++)
			add(many, SNAPSHOT_NONE, names[i], (struct parts){1000 - i, 0, 0, 0, 0}, 1,
				0);
		snapshot_finish(many);
		fill_moment(&sample.report.peak, many, 700);
		sample.report.at_peak = many;
		assert_holds(&sample.report, "  e                                           996 ");
		if (n == 7)
			assert_holds(&sample.report, "\n  … and 2 more, together 1.9K (--all)\n");
		sample.report.all = n == 7;
		assert_holds(&sample.report, "  f                                           995 ");
		snapshot_free(many);
		free_sample(&sample);
	}
}

/* ---- What every report promises ------------------------------------------------------- */

static uint64_t seed;

static uint64_t next_random(void)
{
	seed += 0x9e3779b97f4a7c15u;
	uint64_t z = seed;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A number of any magnitude up to BITS bits. */
static uint64_t any(unsigned bits)
{
	unsigned shift = (unsigned)(next_random() % (bits + 1));

	return next_random() & ((UINT64_C(1) << shift) - 1);
}

static const char *any_name(void)
{
	static const char *const names[] = {"", "index info", "CacheMemoryContext", "\033[2Jx\n\ty",
		"\xff\xfe broken \xc3", "記憶の文脈記憶の文脈記憶の文脈記憶の文脈記憶の文脈",
		"a name that is longer than any column of the report would like it to be",
		"e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86", "\xe2\x80\xaegnorw",
		"ExecutorState"};

	return names[next_random() % (sizeof names / sizeof *names)];
}

static struct snapshot *random_snapshot(unsigned bits)
{
	struct snapshot *s = snapshot_new();
	size_t n = 1 + next_random() % 40;

	assert_non_null(s);
	for (size_t i = 0; i < n; i++) {
		/* The parent is the last context, or one above it: tree order. */
		uint32_t parent = i == 0 ? SNAPSHOT_NONE : (uint32_t)i - 1;
		for (uint64_t up = any(3); up > 0 && parent != SNAPSHOT_NONE; up--)
			parent = s->contexts[parent].parent;
		unsigned class = (unsigned)(next_random() % SNAPSHOT_CLASSES);
		uint64_t free = any(bits - 14), freelist = free * ((UINT64_C(8) << class) + 8);
		add(s, parent, any_name(),
			(struct parts){any(bits), any(bits), any(bits), freelist, any(bits)},
			any(bits), free);
		s->contexts[i].own.classes[3].free = 0;
		s->contexts[i].own.classes[class].free = free;
		s->contexts[i].own.large_chunks = any(8);
	}
	snapshot_finish(s);
	return s;
}

static int columns_of(const char *line, size_t length)
{
	char bytes[2000];
	wchar_t wide[2000];

	assert_true(length < sizeof bytes);
	memcpy(bytes, line, length);
	bytes[length] = 0;
	size_t n = mbstowcs(wide, bytes, 2000);
	assert_true(n != (size_t)-1);
	return wcswidth(wide, n);
}

static void judge(const char *text, bool utf8)
{
	for (const char *line = text; *line != 0; line += strcspn(line, "\n") + 1) {
		size_t length = strcspn(line, "\n");
		int columns = columns_of(line, length);
		/* A control character would make it -1. */
		if (columns < 0 || columns > 80)
			print_error("%d columns: %.*s\n", columns, (int)length, line);
		assert_in_range(columns, 0, 80);
		assert_true(length == 0 || line[length - 1] != ' ');
		for (size_t i = 0; i < length && !utf8; i++)
			assert_true(line[i] >= ' ' && line[i] <= '~');
		assert_int_equal(line[length], '\n');
	}
}

static void random_report(unsigned bits)
{
	struct snapshot *peak = random_snapshot(bits), *end = random_snapshot(bits);
	struct replay_counts counts = {.events = any(63),
		.contexts_created = 1 + any(60),
		.empty_resets = any(63),
		.skipped = any(2),
		.lost = any(63),
		.threads = any(63),
		.carved = any(60),
		.reused = any(60),
		.large = any(60),
		.time_ns = any(63)};
	struct report report = {.path = any_name(),
		.counts = &counts,
		.at_peak = peak,
		.at_end = end,
		.stopped = any(1) != 0,
		.all = any(1) != 0,
		.elapsed_ns = any(63)};

	for (int i = 0; i < TRACE_OPS; i++)
		counts.ops[i] = any(63);
	counts.kinds_replaced = any(60);
	counts.not_done = any(60);
	for (int i = 0; i < REPLAY_SKIPS; i++)
		counts.skips[i] = any(63);
	fill_moment(&report.peak, peak, any(50));
	fill_moment(&report.end, end, any(1) ? report.peak.event : any(50));
	for (int i = 0; i < 4; i++) {
		char *text = print(&report, i & 1, i & 2, false);
		judge(text, i & 1);
		free(text);
	}
	snapshot_free(peak);
	snapshot_free(end);
}

static void test_promises(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 600; i++) {
		seed = i;
		/* 57 bits: the sums of 40 contexts stay below 2^64. */
		random_report(i % 3 == 0 ? 57 : i % 3 == 1 ? 40 : 20);
	}
}

/* 100,000 contexts take no more than n log n: a second would be a hundred times what it takes. */
static void test_many(void **state)
{
	struct snapshot *many = snapshot_new();
	struct sample sample;
	char name[32];
	clock_t began;

	(void)state;
	make_sample(&sample);
	add(many, SNAPSHOT_NONE, "Top", (struct parts){1024, 0, 0, 0, 0}, 1, 0);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof name, "context %d", i / 2);
		add(many, 0, name, (struct parts){1024, 0, 0, 0, (uint64_t)i}, 1, 0);
	}
	snapshot_finish(many);
	fill_moment(&sample.report.peak, many, 700);
	sample.report.at_peak = many;
	began = clock();
	assert_holds(&sample.report, "\n  … and 99,996 more, together ");
	assert_true(clock() - began < 5 * CLOCKS_PER_SEC);
	snapshot_free(many);
	free_sample(&sample);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_color),
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_promises),
		cmocka_unit_test(test_many),
	};

	/* To measure what was printed, not to print it. */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
		puts("no C.UTF-8 locale");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
