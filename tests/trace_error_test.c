/* SPDX-License-Identifier: MIT */
/*
 * Every error that the reader reports, each with its line, its column and its message, through
 * buffers of several sizes; and that a reader told to go on passes over that line alone.
 */
#include "trace_help.h"

struct error_case {
	const char *text; /* behind the first line, whose number is 1 */
	uint64_t line, column;
	const char *message;
};

static const struct error_case cases[] = {
	/* Words. */
	{"malloc 1 2 3\n", 2, 1,
		"expected create, ident, alloc, realloc, free, reset, resetonly, "
		"delete, deletechildren, move, base, freebase, lost, time or thread, found "
		"\"malloc\""},
	{"Free 1\n", 2, 1, NULL},
	{"fre 1\n", 2, 1, NULL},
	{"freed 1\n", 2, 1, NULL},
	{"\"free\" 1\n", 2, 1, NULL},
	{"\n\n  \tfrobnicate\n", 4, 4, NULL},
	{"memctx-trace 1\n", 2, 1,
		"\"memctx-trace\" is for the first line only; expected an event"},
	/* Kinds. */
	{"create 1 - arena \"A\"\n", 2, 12,
		"expected KIND, aset, slab, generation, bump or malloc, found \"arena\""},
	{"create 1 - ASET \"A\"\n", 2, 12, NULL},
	/* A field missing. */
	{"free\n", 2, 5, "expected CHUNK, a chunk's id, found the end of the line"},
	{"free   \r\n", 2, 8, "expected CHUNK, a chunk's id, found the end of the line"},
	{"alloc\n", 2, 6, "expected CTX, a context's id, found the end of the line"},
	{"alloc 1\n", 2, 8, "expected CHUNK, a chunk's id, found the end of the line"},
	{"alloc 1 2\n", 2, 10, "expected SIZE, a number of bytes, found the end of the line"},
	{"realloc 1\n", 2, 10, "expected SIZE, a number of bytes, found the end of the line"},
	{"create 1\n", 2, 9, "expected PARENT, a context's id or -, found the end of the line"},
	{"create 1 -\n", 2, 11,
		"expected KIND, aset, slab, generation, bump or malloc, found the end of the line"},
	{"create 1 - bump\n", 2, 16, "expected NAME, a \"string\", found the end of the line"},
	{"ident 1\n", 2, 8, "expected TEXT, a \"string\", found the end of the line"},
	{"reset\n", 2, 6, NULL},
	{"resetonly\n", 2, 10, NULL},
	{"delete\n", 2, 7, NULL},
	{"deletechildren\n", 2, 15, NULL},
	{"move 1\n", 2, 7, NULL},
	{"base 1 2\n", 2, 9, "expected COUNT, a number of chunks, found the end of the line"},
	{"freebase 1\n", 2, 11, NULL},
	{"lost\n", 2, 5, "expected N, a number of events, found the end of the line"},
	{"time\n", 2, 5, "expected NS, a number of nanoseconds, found the end of the line"},
	{"thread", 2, 7, "expected T, a thread's id, found the end of the line"},
	/* A field left over. */
	{"free 1 2\n", 2, 8, "expected the end of the line, found \"2\""},
	{"free 1 # why\n", 2, 8, "expected the end of the line, found \"#\""},
	{"free 1 a=2\n", 2, 8, "expected the end of the line, found \"a=2\""},
	{"alloc 1 2 3 4\n", 2, 13, "expected KEY=VALUE or the end of the line, found \"4\""},
	{"alloc 1 2 3 =4\n", 2, 13, "expected KEY=VALUE or the end of the line, found \"=4\""},
	{"alloc 1 2 3 align = 8\n", 2, 13, NULL},
	{"realloc 1 2 3 4\n", 2, 15, NULL},
	{"reset 1 2\n", 2, 9, NULL},
	{"resetonly 1 2\n", 2, 13, NULL},
	{"delete 1 2\n", 2, 10, NULL},
	{"deletechildren 1 2\n", 2, 18, NULL},
	{"move 1 - 2\n", 2, 10, NULL},
	{"base 1 2 3 4\n", 2, 12, NULL},
	{"freebase 1 2 3\n", 2, 14, NULL},
	{"lost 1 2\n", 2, 8, NULL},
	{"time 1 2\n", 2, 8, NULL},
	{"thread 1 2\n", 2, 10, NULL},
	{"create 1 - aset \"A\" \"B\"\n", 2, 21, NULL},
	{"ident 1 \"A\" b=1\n", 2, 13, NULL},
	/* Not a number. */
	{"free -1\n", 2, 6, "expected CHUNK, a chunk's id, found \"-1\""},
	{"free +1\n", 2, 6, NULL},
	{"free 1.5\n", 2, 6, NULL},
	{"free 12a\n", 2, 6, NULL},
	{"free 0x\n", 2, 6, NULL},
	{"free 0xg\n", 2, 6, NULL},
	{"free 0X10\n", 2, 6, NULL},
	{"free x10\n", 2, 6, NULL},
	{"free \"1\"\n", 2, 6, "expected CHUNK, a chunk's id, found \"\"1\"\""},
	{"free 1\r\r\n", 2, 6, "expected CHUNK, a chunk's id, found \"1\\x0D\""},
	{"alloc a 2 3\n", 2, 7, NULL},
	{"alloc 1 b 3\n", 2, 9, NULL},
	{"alloc 1 2 c\n", 2, 11, "expected SIZE, a number of bytes, found \"c\""},
	{"realloc 1 2 x\n", 2, 13, "expected NEWCHUNK, a chunk's id, found \"x\""},
	{"create 1 root aset \"A\"\n", 2, 10,
		"expected PARENT, a context's id or -, found \"root\""},
	{"create - - aset \"A\"\n", 2, 8, "expected CTX, a context's id, found \"-\""},
	{"move 1 --\n", 2, 8, NULL},
	{"time now\n", 2, 6, "expected NS, a number of nanoseconds, found \"now\""},
	/* A number over 64 bits. */
	{"free 18446744073709551616\n", 2, 6,
		"CHUNK 18446744073709551616 is over 64 bits; "
		"expected at most 18446744073709551615"},
	{"free 0x10000000000000000\n", 2, 6,
		"CHUNK 0x10000000000000000 is over 64 bits; "
		"expected at most 18446744073709551615"},
	{"alloc 1 2 99999999999999999999\n", 2, 11, NULL},
	{"alloc 1 2 3 align=36893488147419103232\n", 2, 13,
		"align 36893488147419103232 is over 64 bits; "
		"expected at most 18446744073709551615"},
	{"alloc 1 2 3 later=36893488147419103232\n", 2, 13, NULL},
	{"create 1 - aset \"A\" max=18446744073709551616\n", 2, 21, NULL},
	{"free 18446744073709551616x\n", 2, 6,
		"expected CHUNK, a chunk's id, found \"18446744073709551616x\""},
	/* Strings. */
	{"create 1 - aset A\n", 2, 17, "expected NAME, a \"string\", found \"A\""},
	{"create 1 - aset \"A\n", 2, 17,
		"the string does not end; expected a closing \" in the same line"},
	{"create 1 - aset \"A\\\"\n", 2, 17, NULL},
	{"create 1 - aset \"A\\", 2, 17, NULL},
	{"create 1 - aset \"\n", 2, 17, NULL},
	{"create 1 - aset \"A\"b\n", 2, 17,
		"expected a blank after the string's closing \", found \"b\""},
	{"create 1 - aset \"A\" ident=\"B\n", 2, 21, NULL},
	{"ident 1 \"a\\q\"\n", 2, 9,
		"unknown escape \\q at column 11; expected \\\", \\\\, \\n, \\t "
		"or \\xHH, two hexadecimal digits"},
	{"ident 1 \"a\\X41\"\n", 2, 9, NULL},
	{"ident 1 \"a\\x4\"\n", 2, 9,
		"unknown escape \\x4 at column 11; expected \\\", \\\\, \\n, "
		"\\t or \\xHH, two hexadecimal digits"},
	{"ident 1 \"a\\x4g\"\n", 2, 9, NULL},
	{"ident 1 \"\\x\"\n", 2, 9, NULL},
	{"ident 1 \"ab\\x00c\"\n", 2, 9,
		"\\x00 at column 12 makes a byte 0; expected any other byte"},
	{"create 1 - aset \"A\" ident=\"\\x00\"\n", 2, 21, NULL},
	{"create 1 - aset \"A\" later=\"\\y\"\n", 2, 21, NULL},
	/* Bytes that are no text.  A second literal keeps a hexadecimal escape short. */
	{"free 1\xFF\n", 2, 6,
		"the byte \\xFF at column 7 is not UTF-8; expected UTF-8 text (\\xHH "
		"in a string stands for any byte)"},
	{"fr\xC3"
	 "ee 1\n",
		2, 1, NULL},
	{"ident 1 \"caf\xE9\"\n", 2, 9, NULL},
	{"ident 1 \"\xC0\xAF\"\n", 2, 9, NULL},         /* overlong */
	{"ident 1 \"\xED\xA0\x80\"\n", 2, 9, NULL},     /* a surrogate */
	{"ident 1 \"\xF4\x90\x80\x80\"\n", 2, 9, NULL}, /* over U+10FFFF */
	{"create 1 - aset \"A\" ident=\"\xFE\"\n", 2, 21, NULL},
	{"create 1 - aset \"A\" k\xFF=1\n", 2, 21, NULL},
	{"# caf\xE9 au lait\n", 2, 6,
		"the byte \\xE9 in a comment is not UTF-8; expected UTF-8 text"},
	{"free 1\n# ok\n  # \xE2\x82\n", 4, 5, NULL}, /* cut off by the line's end */
	/* Keys. */
	{"alloc 1 2 3 align=3\n", 2, 13,
		"align=3 is no power of two; expected 1, 2, 4, 8 and so on"},
	{"alloc 1 2 3 align=0\n", 2, 13, NULL},
	{"alloc 1 2 3  align=24 later=1\n", 2, 14, NULL},
	{"alloc 1 2 3 align=\n", 2, 13, "expected align= with a number, found \"align=\""},
	{"alloc 1 2 3 align=\"8\"\n", 2, 13,
		"expected align= with a number, found \"align=\"8\"\""},
	{"create 1 - aset \"A\" init=big\n", 2, 21, NULL},
	{"create 1 - aset \"A\" ident=5\n", 2, 21,
		"expected ident= with a \"string\", found \"ident=5\""},
	{"create 1 - aset \"A\" ident=\n", 2, 21, NULL},
	{"create 1 - aset \"A\" later=maybe\n", 2, 21,
		"expected later= with a number or a \"string\", found \"later=maybe\""},
	{"create 1 - aset \"A\" later=\n", 2, 21, NULL},
	{"create 1 - aset \"A\" max=1 init=2 max=1\n", 2, 34,
		"the key \"max\" stands twice; expected each key once in a line"},
	{"alloc 1 2 3 align=8 align=8\n", 2, 21, NULL},
	{"alloc 1 2 3 b=1 a=2 c=3 a=\"x\" b=5\n", 2, 25,
		"the key \"a\" stands twice; expected each key once in a line"},
	{"alloc 1 2 3 b=1 b=2 align=3\n", 2, 17, NULL}, /* the first error from the left */
	{"alloc 1 2 3 align=3 b=1 b=2\n", 2, 13, NULL},
	{"create 1 - slab \"S\" block=8192\n", 2, 12,
		"a slab without chunk=; expected the size of its chunks"},
	/* Time. */
	{"time 5\ntime 4\n", 3, 6, "time goes back from 5 to 4; expected 5 or more"},
	{"time 1000\nfree 1\n  time   0x3E7\n", 4, 10,
		"time goes back from 1000 to 999; expected 1000 or more"},
};

static void check_error(const struct error_case *wanted, const struct trace_error *got)
{
	if (got->line != wanted->line || got->column != wanted->column || got->system != 0 ||
		(wanted->message != NULL && strcmp(got->message, wanted->message) != 0))
		fail_msg("for \"%s\": %llu:%llu: %s (system %d), not %llu:%llu: %s", wanted->text,
			(unsigned long long)got->line, (unsigned long long)got->column,
			got->message, got->system, (unsigned long long)wanted->line,
			(unsigned long long)wanted->column, wanted->message);
}

/* Reads up to the error, which is delivered behind all events before it, and is final. */
static void stop_at(const struct error_case *wanted, const char *text, size_t size, size_t capacity)
{
	struct trace_event events[8];
	struct trace_error error;
	ptrdiff_t got;
	uint64_t last = 1;
	struct trace_reader *reader = read_text(text, size, capacity, 0, &error);
	assert_non_null(reader);
	while ((got = trace_read(reader, events, COUNT(events))) > 0) {
		last = events[got - 1].line;
		assert_int_not_equal(events[got - 1].op, TRACE_BAD);
	}
	assert_int_equal(got, -1);
	assert_true(last < wanted->line);
	check_error(wanted, trace_last_error(reader));
	assert_int_equal(trace_read(reader, events, COUNT(events)), -1);
	check_error(wanted, trace_last_error(reader));
	trace_close(reader);
}

/* Reads on: one TRACE_BAD, at the line in error and the last of its batch; then the rest. */
static void go_on(const struct error_case *wanted, const char *text, size_t size, size_t capacity)
{
	struct trace_event events[8];
	struct trace_error error;
	ptrdiff_t got;
	unsigned bad = 0;
	uint64_t last_chunk = 0;
	struct trace_reader *reader = read_text(text, size, capacity, TRACE_KEEP_GOING, &error);
	assert_non_null(reader);
	while ((got = trace_read(reader, events, COUNT(events))) > 0) {
		last_chunk = events[got - 1].chunk;
		for (ptrdiff_t i = 0; i < got; i++) {
			if (events[i].op != TRACE_BAD)
				continue;
			bad++;
			assert_int_equal(i, got - 1);
			assert_int_equal(events[i].line, wanted->line);
			check_error(wanted, trace_last_error(reader));
		}
	}
	assert_int_equal(got, 0);
	assert_int_equal(bad, 1);
	assert_int_equal(last_chunk, 77);
	trace_close(reader);
}

static void try_case(const struct error_case *wanted, const char *body, size_t size)
{
	static const size_t capacities[] = {1, 16, 61, TRACE_BUFFER};
	char text[512];
	size_t head = strlen(HEADER);
	memcpy(text, HEADER, head);
	memcpy(text + head, body, size);
	size_t all = head + size;
	for (size_t i = 0; i < COUNT(capacities); i++)
		stop_at(wanted, text, all, capacities[i]);
	if (text[all - 1] != '\n')
		text[all++] = '\n';
	memcpy(text + all, "free 77", 7);
	for (size_t i = 0; i < COUNT(capacities); i++)
		go_on(wanted, text, all + 7, capacities[i]);
}

static void test_each_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		try_case(&cases[i], cases[i].text, strlen(cases[i].text));
}

static void test_byte_zero(void **state)
{
	static const struct {
		struct error_case wanted;
		size_t size;
	} zeros[] = {
		{{"fre\0e 1\n", 2, 1, "a byte 0 at column 4; expected UTF-8 text without it"}, 8},
		{{"free 1\0\n", 2, 6, "a byte 0 at column 7; expected UTF-8 text without it"}, 8},
		{{"ident 1 \"a\0\"\n", 2, 9,
			 "a byte 0 at column 11; expected UTF-8 text without it"},
			13},
		{{"# a\0b\n", 2, 4, "a byte 0 in a comment; expected UTF-8 text without it"}, 6},
		{{"\0\n", 2, 1, "a byte 0 at column 1; expected UTF-8 text without it"}, 2},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(zeros); i++)
		try_case(&zeros[i].wanted, zeros[i].wanted.text, zeros[i].size);
}

static void test_first_line(void **state)
{
	static const struct error_case firsts[] = {
		{"alloc 1 100\n", 1, 1,
			"expected \"memctx-trace 1\", found \"alloc 1 100\" (memctx-tool help "
			"trace shows a minimal trace)"},
		{"", 1, 1,
			"expected \"memctx-trace 1\", found an empty file (memctx-tool help trace "
			"shows a minimal trace)"},
		{"\n", 1, 1,
			"expected \"memctx-trace 1\", found an empty line (memctx-tool help trace "
			"shows a minimal trace)"},
		{"# a comment\nmemctx-trace 1\n", 1, 1, NULL},
		{"\x7F"
		 "ELF\x02\x01",
			1, 1,
			"expected \"memctx-trace 1\", found \"\\x7FELF\\x02\\x01\" (memctx-tool "
			"help trace shows a minimal trace)"},
		{"\xFF\xFEm", 1, 1, NULL},
		{"\xEF\xBB\xBFmemctx-trace 1\n", 1, 1,
			"a byte-order mark; expected \"memctx-trace 1\" as the first bytes"},
		{"  alloc\n", 1, 3, NULL},
		{"memctx-trace1\n", 1, 1, NULL},
		{"memctx-trace\n", 1, 13,
			"expected version 1 of the format, \"memctx-trace 1\", found the end of "
			"the "
			"line"},
		{"memctx-trace 2\n", 1, 14,
			"expected version 1 of the format, \"memctx-trace 1\", found \"2\""},
		{"memctx-trace 01\n", 1, 14, NULL},
		{"memctx-trace 1 1\n", 1, 16, "expected the end of the line, found \"1\""},
	};
	struct trace_error error;
	(void)state;
	for (size_t i = 0; i < COUNT(firsts); i++) {
		size_t size = strlen(firsts[i].text);
		for (size_t capacity = 1; capacity < 100; capacity += 33) {
			assert_null(read_text(firsts[i].text, size, capacity, 0, &error));
			check_error(&firsts[i], &error);
			assert_null(read_text(
				firsts[i].text, size, capacity, TRACE_KEEP_GOING, &error));
			check_error(&firsts[i], &error);
		}
	}
}

/* What is shown of the input is harmless and short, however long the field is. */
static void test_what_was_found_is_shortened(void **state)
{
	char text[700];
	struct trace_error error;
	struct trace_event event;
	(void)state;
	int size = snprintf(text, sizeof(text), HEADER "%0600d\n", 7);
	memcpy(text + strlen(HEADER), "\x1B[31m\xC2\x85\xC3\xA9", 9);
	struct trace_reader *reader = read_text(text, (size_t)size, 64, 0, &error);
	assert_non_null(reader);
	assert_int_equal(trace_read(reader, &event, 1), -1);
	const char *found =
		strstr(trace_last_error(reader)->message, "found \"\\x1B[31m\\xC2\\x85");
	assert_non_null(found);
	assert_non_null(strstr(found, "é000"));
	assert_non_null(strstr(found, "0…\""));
	assert_true(strlen(found) < 80);
	trace_close(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_error),
		cmocka_unit_test(test_byte_zero),
		cmocka_unit_test(test_first_line),
		cmocka_unit_test(test_what_was_found_is_shortened),
	};
	return cmocka_run_group_tests_name("trace errors", tests, NULL, NULL);
}
