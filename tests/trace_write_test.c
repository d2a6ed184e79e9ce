/* SPDX-License-Identifier: MIT */
/*
 * Normal form: what it is, by hand; that it is its own normal form; and that recorded traces and
 * those of the project come back byte for byte, once their keys are in order.
 */
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "trace_help.h"

/* The normal form of TEXT is WANTED, whatever the buffer; and so is that of WANTED. */
static void check_normal(const char *text, const char *wanted)
{
	static const size_t capacities[] = {1, 19, TRACE_BUFFER};
	struct trace_error error;
	size_t length;
	for (size_t i = 0; i < 2 * COUNT(capacities); i++) {
		const char *from = i % 2 == 0 ? text : wanted;
		char *normal = normal_form(from, strlen(from), capacities[i / 2], &length, &error);
		if (normal == NULL)
			fail_msg("%s:%llu:%llu: %s", from, (unsigned long long)error.line,
				(unsigned long long)error.column, error.message);
		assert_int_equal(length, strlen(wanted));
		assert_string_equal(normal, wanted);
		free(normal);
	}
}

static void test_lines(void **state)
{
	static const char *const cases[][2] = {
		/* Blanks, CR, a last line without its LF, the first line. */
		{"\talloc   1\t2 3  \r\n free 0x2", "alloc 1 2 3\nfree 2\n"},
		{"", ""},
		/* Numbers. */
		{"free 007\nfree 0x00fF\nfree 18446744073709551615\nfree 0xFFFFFFFFFFFFFFFF\n",
			"free 7\nfree 255\nfree 18446744073709551615\nfree "
			"18446744073709551615\n"},
		{"alloc 0x1 0x2 0x3 align=0x10\n", "alloc 1 2 3 align=16\n"},
		/* Comments and empty lines stand where they stood, without blanks at their ends. */
		{"#\n\n \t\r\n  # two  words \t\n#\ttab # more\r\nfree 1\n\n",
			"#\n\n\n# two  words\n#\ttab # more\nfree 1\n\n"},
		{"# ends in CRs \r\r\r\n", "# ends in CRs\n"},
		/* Every word. */
		{"realloc 1  2\nrealloc 1 2  3\nreset  1\nresetonly  1\ndelete  1\n"
		 "deletechildren  1\nmove  1 -\nmove  1 2\nbase  1 2 3\nfreebase  1 2\nlost  1\n"
		 "time  1\nthread  1\nident  1 \"x\"\ncreate  1 - aset \"a\"\n",
			"realloc 1 2\nrealloc 1 2 3\nreset 1\nresetonly 1\ndelete 1\n"
			"deletechildren 1\nmove 1 -\nmove 1 2\nbase 1 2 3\nfreebase 1 2\nlost 1\n"
			"time 1\nthread 1\nident 1 \"x\"\ncreate 1 - aset \"a\"\n"},
		/* Keys in alphabetical order, unknown ones as they are, also in other words. */
		{"create 1 2 slab \"s\" zeta=0x1F min=0x2 max=3 init=4 ident=\"\\x41\" chunk=5 "
		 "block=6 beta=\"\\x41\\\"=\" align=007\n",
			"create 1 2 slab \"s\" align=007 beta=\"\\x41\\\"=\" block=6 chunk=5 "
			"ident=\"A\" init=4 max=3 min=2 zeta=0x1F\n"},
		{"alloc 1 2 3 b=1 align=4 ab=2 a=3 alignment=5\n",
			"alloc 1 2 3 a=3 ab=2 align=4 alignment=5 b=1\n"},
		/* The fewest escapes. */
		{"ident 1 \"\\x41\\x20\\x7e\\\"\\\\\\n\\t\\x0a\\x09\\x22\\x5c\"\n",
			"ident 1 \"A ~\\\"\\\\\\n\\t\\n\\t\\\"\\\\\"\n"},
		{"ident 1 \"\\xc3\\xa9\\xE2\\x82\\xAC\\xf0\\x9f\\x98\\x80\"\n",
			"ident 1 \"\u00e9\u20ac\U0001F600\"\n"},
		/* What is not UTF-8, or controls a terminal, is escaped byte by byte. */
		{"ident 1 \"\\xff\\xc3\\xc3\\xa9\\xe2\\x82x\\xed\\xa0\\x80\"\n",
			"ident 1 \"\\xFF\\xC3\u00e9\\xE2\\x82x\\xED\\xA0\\x80\"\n"},
		{"ident 1 \"a\tb\x1b[m\\x7f\\xc2\\x85\x01\"\n",
			"ident 1 \"a\\tb\\x1B[m\\x7F\\xC2\\x85\\x01\"\n"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[1024], wanted[1024];
		snprintf(text, sizeof(text), " memctx-trace\t1 \r\n%s", cases[i][0]);
		snprintf(wanted, sizeof(wanted), HEADER "%s", cases[i][1]);
		check_normal(text, wanted);
	}
}

/* What was built from nothing is written as it would be read. */
static void test_written_events_come_back(void **state)
{
	struct trace_create create = {.name = "a\"\xFF",
		.name_len = 3,
		.ident = "",
		.max = 9,
		.has = TRACE_KEY_MAX | TRACE_KEY_IDENT};
	const struct trace_event events[] = {
		{.op = TRACE_CREATE, .ctx = 5, .kind = TRACE_GENERATION, .create = &create},
		{.op = TRACE_ALLOC,
			.ctx = 5,
			.chunk = UINT64_MAX,
			.size = 0,
			.align = 1,
			.has = TRACE_HAS_ALIGN},
		{.op = TRACE_REALLOC, .chunk = 1, .size = 2, .has = TRACE_HAS_NEWCHUNK},
		{.op = TRACE_IDENT, .ctx = 5, .create = &create},
		{.op = TRACE_THREAD, .size = 3},
	};
	char *text = NULL;
	size_t length = 0;
	(void)state;
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	trace_write_header(out);
	for (size_t i = 0; i < COUNT(events); i++)
		trace_write_event(out, &events[i]);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text,
		HEADER "create 5 - generation \"a\\\"\\xFF\" ident=\"\" max=9\n"
		       "alloc 5 18446744073709551615 0 align=1\nrealloc 1 2 0\nident 5 \"\"\n"
		       "thread 3\n");
	free(text);
}

static void test_error_in_a_trace(void **state)
{
	static const char text[] = HEADER "alloc 1 2 3 x=1\nfree 2 3\n";
	struct trace_error error;
	size_t length;
	(void)state;
	assert_null(normal_form(text, sizeof(text) - 1, TRACE_BUFFER, &length, &error));
	assert_int_equal(error.line, 3);
	assert_int_equal(error.column, 8);
	FILE *out = fopen("/dev/null", "w");
	assert_int_equal(trace_normalise("/nonexistent/trace", out, &error), 1);
	assert_int_equal(error.system, ENOENT);
	fclose(out);
}

static void test_output_fails(void **state)
{
	static const char text[] = HEADER "free 2\n";
	char path[] = "/tmp/memctx-trace-XXXXXX";
	struct trace_error error;
	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	FILE *full = fopen("/dev/full", "w");
	assert_non_null(full);
	assert_int_equal(trace_normalise(path, full, &error), 3);
	assert_int_equal(errno, ENOSPC);
	fclose(full);
	unlink(path);
}

/* ---- Whole traces --------------------------------------------------------------------- */

static char *load(const char *path, size_t *size)
{
	FILE *in = fopen(path, "rb");
	assert_non_null(in);
	char *text = malloc(16 << 20);
	assert_non_null(text);
	*size = fread(text, 1, 16 << 20, in);
	assert_true(*size < 16 << 20);
	fclose(in);
	return text;
}

static int by_text(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/*
 * Puts the keys of the create line FROM … TO in order, in place, without the reader's help: in
 * recorded traces what follows the name has blanks only between keys and inside ident="…".
 */
static void order_keys(char *from, char *to)
{
	char copy[2048], *keys[8];
	size_t count = 0, length = (size_t)(to - from);
	assert_true(length < sizeof(copy));
	memcpy(copy, from, length);
	copy[length] = 0;
	char *at = strstr(copy, "\" ");
	if (at == NULL)
		return;
	char *to_write = from + (at - copy) + 1;
	for (at++; *at == ' ';) {
		*at++ = 0;
		keys[count++] = at;
		at = strncmp(at, "ident=\"", 7) == 0 ? strchr(at + 7, '"') + 1
						     : at + strcspn(at, " ");
	}
	assert_int_equal(*at, 0);
	qsort(keys, count, sizeof(*keys), by_text);
	for (size_t i = 0; i < count; i++)
		to_write += sprintf(to_write, " %s", keys[i]);
	*to_write = '\n';
}

static void check_file(const char *path, bool ordered)
{
	struct trace_error error;
	size_t size, length;
	char *text = load(path, &size);
	char *normal = normal_form(text, size, TRACE_BUFFER, &length, &error);
	if (normal == NULL)
		fail_msg("%s:%llu:%llu: %s", path, (unsigned long long)error.line,
			(unsigned long long)error.column, error.message);
	for (char *at = text, *end; !ordered && at < text + size; at = end + 1) {
		end = memchr(at, '\n', size - (size_t)(at - text));
		if (strncmp(at, "create ", 7) == 0)
			order_keys(at, end);
	}
	assert_int_equal(length, size);
	if (memcmp(normal, text, size) != 0)
		fail_msg("%s: its normal form is another", path);
	free(normal);
	free(text);
}

/* Checks the traces in FOLDER; their number. */
static unsigned check_folder(const char *folder, bool ordered)
{
	struct dirent **names;
	unsigned checked = 0;
	int count = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[1024];
		const char *suffix = strrchr(names[i]->d_name, '.');
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (suffix != NULL &&
			(strcmp(suffix, ".trace") == 0 || strcmp(suffix, ".txt") == 0)) {
			check_file(path, ordered);
			checked++;
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return checked;
}

static void test_own_traces(void **state)
{
	(void)state;
	assert_true(check_folder("traces", true) > 0);
}

static void test_recorded_traces(void **state)
{
	(void)state;
	if (check_folder("../shared/traces", false) == 0) {
		print_message("no ../shared/traces here\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_written_events_come_back),
		cmocka_unit_test(test_error_in_a_trace),
		cmocka_unit_test(test_output_fails),
		cmocka_unit_test(test_own_traces),
		cmocka_unit_test(test_recorded_traces),
	};
	return cmocka_run_group_tests_name("trace writer", tests, NULL, NULL);
}
