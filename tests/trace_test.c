/* SPDX-License-Identifier: MIT */
/*
 * What the reader makes of lines that are right: every word and field, numbers and strings in all
 * their forms, the places of fields, batches and the borders of the buffer; and that the fast
 * path, in each of its builds, reads what the parser reads.
 */
#include "trace_help.h"

/* The fast path as processors without vectors have it. */
#define TRACE_PORTABLE
#define trace_scan trace_scan_portable
#define trace_scan_any trace_scan_any_portable
#include "lib/model/trace_scan.c"
#undef trace_scan
#undef trace_scan_any

#define HUGE_ID UINT64_C(18446744073709551615)

static struct trace_reader *open_body(const char *body, size_t capacity)
{
	static char text[8192];
	struct trace_error error;
	snprintf(text, sizeof(text), "%s%s", HEADER, body);
	struct trace_reader *reader = read_text(text, strlen(text), capacity, 0, &error);
	if (reader == NULL)
		fail_msg("%s", error.message);
	return reader;
}

/* Reads BODY's one event; the reader stays open, so that what the event points to lives. */
static struct trace_reader *open_one(const char *body, struct trace_event *event)
{
	struct trace_reader *reader = open_body(body, TRACE_BUFFER);
	if (trace_read(reader, event, 1) != 1)
		fail_msg("%s: %s", body, trace_last_error(reader)->message);
	return reader;
}

static void test_every_word(void **state)
{
	static const struct {
		const char *body;
		struct trace_event event;
	} cases[] = {
		{"alloc 1 2 3", {.op = TRACE_ALLOC, .ctx = 1, .chunk = 2, .size = 3}},
		{"alloc 0 0 0", {.op = TRACE_ALLOC}},
		{"alloc 1 2 3 align=64", {.op = TRACE_ALLOC,
						 .ctx = 1,
						 .chunk = 2,
						 .size = 3,
						 .align = 64,
						 .has = TRACE_HAS_ALIGN}},
		{"alloc 1 2 3 align=0x8000000000000000", {.op = TRACE_ALLOC,
								 .ctx = 1,
								 .chunk = 2,
								 .size = 3,
								 .align = UINT64_C(1) << 63,
								 .has = TRACE_HAS_ALIGN}},
		{"realloc 4 5", {.op = TRACE_REALLOC, .chunk = 4, .size = 5}},
		{"realloc 4 5 6", {.op = TRACE_REALLOC,
					  .chunk = 4,
					  .size = 5,
					  .id2 = 6,
					  .has = TRACE_HAS_NEWCHUNK}},
		{"realloc 4 5 0",
			{.op = TRACE_REALLOC, .chunk = 4, .size = 5, .has = TRACE_HAS_NEWCHUNK}},
		{"free 7", {.op = TRACE_FREE, .chunk = 7}},
		{"reset 8", {.op = TRACE_RESET, .ctx = 8}},
		{"resetonly 9", {.op = TRACE_RESETONLY, .ctx = 9}},
		{"delete 10", {.op = TRACE_DELETE, .ctx = 10}},
		{"deletechildren 11", {.op = TRACE_DELETECHILDREN, .ctx = 11}},
		{"move 12 13", {.op = TRACE_MOVE, .ctx = 12, .id2 = 13, .has = TRACE_HAS_PARENT}},
		{"move 12 0", {.op = TRACE_MOVE, .ctx = 12, .has = TRACE_HAS_PARENT}},
		{"move 12 -", {.op = TRACE_MOVE, .ctx = 12}},
		{"base 14 15 16", {.op = TRACE_BASE, .ctx = 14, .size = 15, .id2 = 16}},
		{"freebase 17 18", {.op = TRACE_FREEBASE, .ctx = 17, .size = 18}},
		{"lost 19", {.op = TRACE_LOST, .size = 19}},
		{"time 20", {.op = TRACE_TIME, .size = 20}},
		{"thread 21", {.op = TRACE_THREAD, .size = 21}},
		/* Blanks, CR and numbers in their other forms. */
		{" \talloc\t1   0x2 \t0xaBcDeF \r\n",
			{.op = TRACE_ALLOC, .ctx = 1, .chunk = 2, .size = 0xABCDEF}},
		{"free 18446744073709551615", {.op = TRACE_FREE, .chunk = HUGE_ID}},
		{"free 0xFFFFFFFFFFFFFFFF", {.op = TRACE_FREE, .chunk = HUGE_ID}},
		{"free 000000000000000000000000000000000000042", {.op = TRACE_FREE, .chunk = 42}},
		{"free 0x00000000000000000000000000000000000002A", {.op = TRACE_FREE, .chunk = 42}},
		{"free 12345678901234567", {.op = TRACE_FREE, .chunk = 12345678901234567}},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trace_event event, wanted = cases[i].event;
		memset(&event, 0xAA, sizeof(event));
		struct trace_reader *reader = open_one(cases[i].body, &event);
		wanted.line = 2;
		wanted.text = event.text;
		if (memcmp(&event, &wanted, sizeof(event)) != 0)
			fail_msg("%s is read differently", cases[i].body);
		trace_close(reader);
	}
}

static void test_create(void **state)
{
	struct trace_event event;
	(void)state;
	struct trace_reader *reader =
		open_one("create 0x10 9 slab \"a \\\"b\\\\\\x41\\xc3\\xA9\\n\\t\\xff\" min=1 max=2 "
			 "zed=\"\\\"=\" "
			 "init=3 block=4 chunk=0x50 ident=\"i=1 2\"\n",
			&event);
	const struct trace_create *create = event.create;
	assert_int_equal(event.op, TRACE_CREATE);
	assert_int_equal(event.ctx, 16);
	assert_int_equal(event.id2, 9);
	assert_int_equal(event.kind, TRACE_SLAB);
	assert_int_equal(event.has, TRACE_HAS_PARENT);
	assert_string_equal(create->name, "a \"b\\Aé\n\t\xFF");
	assert_int_equal(create->name_len, 11);
	assert_string_equal(create->ident, "i=1 2");
	assert_int_equal(create->ident_len, 5);
	assert_int_equal(create->min, 1);
	assert_int_equal(create->max, 2);
	assert_int_equal(create->init, 3);
	assert_int_equal(create->block, 4);
	assert_int_equal(create->chunk, 0x50);
	assert_int_equal(create->has, 0x3F);
	trace_close(reader);
	reader = open_one("create 1 - bump \"\"", &event);
	assert_int_equal(event.kind, TRACE_BUMP);
	assert_int_equal(event.has, 0);
	assert_string_equal(event.create->name, "");
	assert_null(event.create->ident);
	assert_int_equal(event.create->has, 0);
	trace_close(reader);
	reader = open_one("ident 1 \"\xE2\x82\xAC\"", &event);
	assert_int_equal(event.op, TRACE_IDENT);
	assert_string_equal(event.create->ident, "\u20AC");
	assert_int_equal(event.create->ident_len, 3);
	assert_null(event.create->name);
	trace_close(reader);
}

static void test_unknown_keys(void **state)
{
	char key[64];
	uint64_t line, column;
	struct trace_event events[4];
	(void)state;
	struct trace_reader *reader =
		open_body("alloc 1 2 3 align=8\ncreate 1 - aset \"A\" zeta=1 align=\"x\" init=1\n"
			  "alloc 1 2 3 init=4\n",
			TRACE_BUFFER);
	assert_false(trace_unknown_key(reader, key, &line, &column));
	assert_int_equal(trace_read(reader, events, COUNT(events)), 3);
	assert_true(trace_unknown_key(reader, key, &line, &column));
	assert_string_equal(key, "zeta");
	assert_int_equal(line, 3);
	assert_int_equal(column, 21);
	assert_int_equal(events[1].create->has, TRACE_KEY_INIT);
	assert_int_equal(events[2].align, 0);
	trace_close(reader);
	reader = open_body("alloc 1 2 3 a\x1b[31m=1", TRACE_BUFFER);
	assert_int_equal(trace_read(reader, events, 1), 1);
	assert_true(trace_unknown_key(reader, key, &line, &column));
	assert_string_equal(key, "a\\x1B[31m");
	trace_close(reader);
}

/* Places of fields, by looking for what stands there. */
static void test_columns(void **state)
{
	static const struct {
		const char *body;
		enum trace_field field;
		const char *at;
	} cases[] = {
		{"  free  123", TRACE_FIELD_WORD, "free"},
		{"  free  123", TRACE_FIELD_CHUNK, "123"},
		{"free 123", TRACE_FIELD_CHUNK, "123"},
		{"alloc 10 20 30 later=1 align=8", TRACE_FIELD_CTX, "10"},
		{"alloc 10 20 30 later=1 align=8", TRACE_FIELD_CHUNK, "20"},
		{"alloc 10 20 30 later=1 align=8", TRACE_FIELD_SIZE, "30"},
		{"alloc 10 20 30 later=1 align=8", TRACE_FIELD_ALIGN, "align"},
		{"realloc 20 30 40", TRACE_FIELD_CHUNK, "20"},
		{"realloc 20 30 40", TRACE_FIELD_SIZE, "30"},
		{"realloc 20 30 40", TRACE_FIELD_NEWCHUNK, "40"},
		{"create 10 20 slab \"chunk=1 \" max=1 chunk=8", TRACE_FIELD_CTX, "10"},
		{"create 10 20 slab \"chunk=1 \" max=1 chunk=8", TRACE_FIELD_PARENT, "20"},
		{"create 10 20 slab \"chunk=1 \" max=1 chunk=8", TRACE_FIELD_KIND, "slab"},
		{"create 10 20 slab \"chunk=1 \" max=1 chunk=8", TRACE_FIELD_NAME, "\"chunk"},
		{"create 10 20 slab \"chunk=1 \" max=1 chunk=8", TRACE_FIELD_KEY_CHUNK, "chunk=8"},
		{"move 10 20", TRACE_FIELD_PARENT, "20"},
		{"base 10 20 30", TRACE_FIELD_SIZE, "20"},
		{"base 10 20 30", TRACE_FIELD_COUNT, "30"},
		{"freebase 10 20", TRACE_FIELD_SIZE, "20"},
		{"ident 10 \"x\"", TRACE_FIELD_NAME, "\"x"},
		{"reset 10", TRACE_FIELD_CTX, "10"},
		/* A field that is not there: the line's word. */
		{" realloc 20 30", TRACE_FIELD_NEWCHUNK, "realloc"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trace_event event;
		size_t length;
		struct trace_reader *reader = open_one(cases[i].body, &event);
		uint64_t column = trace_column(reader, &event, cases[i].field);
		const char *text = trace_text(reader, &event, &length);
		const char *at = strstr(cases[i].body, cases[i].at);
		assert_int_equal(length, strlen(cases[i].body));
		assert_memory_equal(text, cases[i].body, length);
		assert_int_equal(column, (uint64_t)(at - cases[i].body) + 1);
		trace_close(reader);
	}
}

/* Batches end with the buffer, with the array, and where there are too many creates for one. */
static void check_creates(const char *text, size_t size, size_t capacity, uint64_t creates)
{
	static struct trace_event events[2 * TRACE_CREATES];
	struct trace_error error;
	char wanted[40];
	uint64_t seen = 0;
	ptrdiff_t got;
	struct trace_reader *reader = read_text(text, size, capacity, 0, &error);
	while ((got = trace_read(reader, events, COUNT(events))) > 0) {
		for (ptrdiff_t i = 0; i < got; i++, seen++) {
			size_t length;
			const char *line = trace_text(reader, &events[i], &length);
			snprintf(wanted, sizeof(wanted), "n%llu", (unsigned long long)seen);
			assert_string_equal(events[i].create->name, wanted);
			assert_int_equal(events[i].line, seen + 2);
			snprintf(wanted, sizeof(wanted), "create %llu - aset \"\\x6e%llu\"",
				(unsigned long long)seen, (unsigned long long)seen);
			assert_int_equal(length, strlen(wanted));
			assert_memory_equal(line, wanted, length);
		}
	}
	assert_int_equal(got, 0);
	assert_int_equal(seen, creates);
	assert_int_equal(trace_text_bytes(reader), size);
	assert_int_equal(trace_position(reader), size);
	assert_int_equal(trace_length(reader), size);
	trace_close(reader);
}

/* A batch's lines, places and strings are all there after it was read, whatever its end was. */
static void test_batches_of_creates(void **state)
{
	enum { CREATES = 3 * TRACE_CREATES };
	static char text[CREATES * 40];
	(void)state;
	size_t size = (size_t)sprintf(text, HEADER);
	for (unsigned i = 0; i < CREATES; i++)
		size += (size_t)sprintf(text + size, "create %u - aset \"\\x6e%u\"\r\n", i, i);
	check_creates(text, size, 1000, CREATES);
	check_creates(text, size, TRACE_BUFFER, CREATES);
}

/* The same events through a buffer of any size, in batches of any size. */
static void test_buffers_and_batches(void **state)
{
	static const char text[] = HEADER "# one\n\nalloc 1 22 333\n\r\n  time 5\r\n"
					  "create 1 - aset \"name\" ident=\"x\"\nfree 22 \t\n"
					  "realloc 4444 55555 666666\n#\n# two\nreset 1";
	static const uint64_t lines[] = {4, 6, 7, 8, 9, 12};
	static const uint8_t ops[] = {
		TRACE_ALLOC, TRACE_TIME, TRACE_CREATE, TRACE_FREE, TRACE_REALLOC, TRACE_RESET};
	struct trace_event events[8];
	struct trace_error error;
	(void)state;
	for (size_t capacity = 1; capacity < sizeof(text) + 2; capacity++) {
		size_t max = capacity % COUNT(events) + 1, seen = 0;
		struct trace_reader *reader =
			read_text(text, sizeof(text) - 1, capacity, 0, &error);
		ptrdiff_t got;
		while ((got = trace_read(reader, events, max)) > 0) {
			for (ptrdiff_t i = 0; i < got; i++, seen++) {
				assert_int_equal(events[i].line, lines[seen]);
				assert_int_equal(events[i].op, ops[seen]);
			}
		}
		assert_int_equal(got, 0);
		assert_int_equal(seen, COUNT(lines));
		assert_int_equal(trace_read(reader, events, max), 0);
		trace_close(reader);
	}
}

/* ---- The fast path --------------------------------------------------------------------- */

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

/* A line like those that the fast path knows, sometimes a little off. */
static size_t random_line(char *to, size_t room)
{
	static const char *const starts[] = {"alloc", "alloc", "alloc", "free", "realloc", "reset",
		"resetonly", "delete", "time", "thread", "allot", "alloc 7"};
	size_t length = (size_t)snprintf(to, room, "%s", starts[draw(COUNT(starts))]);
	for (uint64_t fields = draw(10) == 0 ? draw(5) : 1 + 2 * draw(2); fields > 0; fields--) {
		uint64_t digits = draw(8) == 0 ? draw(40) : 1 + draw(draw(3) == 0 ? 20 : 8);
		bool hex = draw(5) == 0;
		to[length++] = draw(50) == 0 ? '\t' : ' ';
		if (hex)
			length += (size_t)sprintf(to + length, "0x");
		for (; digits > 0; digits--)
			to[length++] = "0123456789abcdefABCDEF"[draw(hex ? 22 : 10)];
	}
	if (draw(8) == 0) {
		char odd = (char)(1 + draw(255));
		to[draw(length)] = odd != '\n' ? odd : '\r';
	}
	to[length++] = '\n';
	return length;
}

typedef size_t scan_fn(const char *buffer, size_t *at, size_t limit, uint64_t before,
	uint64_t *time, struct trace_event *events, size_t max);

/* What SCAN makes of the line is what the parser does, or it leaves the line alone. */
static bool check_scan(scan_fn *scan, const char *buffer, size_t size)
{
	struct trace_create creates[1];
	char strings[512];
	struct trace_error error;
	struct trace_parser parser = {.creates = creates, .strings = strings};
	struct trace_line line = {.start = buffer,
		.at = buffer,
		.end = buffer + size - 1,
		.number = 6,
		.valid = true,
		.error = &error};
	struct trace_event scanned, parsed;
	uint64_t time = 0;
	size_t at = 0;
	if (scan(buffer, &at, size, 5, &time, &scanned, 1) == 0) {
		assert_int_equal(at, 0);
		assert_int_equal(time, 0);
		return false;
	}
	if (trace_parse_line(&parser, &line, &parsed) != 0)
		fail_msg("%.*s was read, but: %s", (int)size - 1, buffer, error.message);
	parsed.text = 0;
	assert_int_equal(at, size);
	assert_int_equal(time, parser.time);
	if (memcmp(&scanned, &parsed, sizeof(parsed)) != 0)
		fail_msg("%.*s is read in two ways", (int)size - 1, buffer);
	return true;
}

static void test_fast_path_agrees(void **state)
{
	char buffer[256 + TRACE_PAD] = {0};
	unsigned read = 0;
	(void)state;
	random_state = 20240611;
	for (unsigned i = 0; i < 200000; i++) {
		size_t size = random_line(buffer, 256);
		/* What stands behind the line must not matter. */
		memset(buffer + size, (int)draw(256), 64);
		bool any = check_scan(trace_scan_any, buffer, size);
		assert_int_equal(check_scan(trace_scan_any_portable, buffer, size), any);
		assert_int_equal(check_scan(trace_scan, buffer, size), any);
		read += any;
	}
	assert_true(read > 30000); /* else the lines would be too odd to prove anything */
}

/* A line as a recorder writes it is the fast path's, else reading would be slow unseen. */
static void test_fast_path_takes(void **state)
{
	static const char *const lines[] = {"alloc 1 2 3\n", "free 1\n", "realloc 1 2\n",
		"realloc 1 2 3\n", "reset 1\n", "resetonly 1\n", "delete 1\n", "time 1\n",
		"alloc 12345678 12345678 12345678\n", "alloc 1 1234567890123456 1\n",
		"free 1234567890123456\n", "free 9999999999999999999\n",
		"free 0xFFFFFFFFFFFFFFFF\n", "realloc 0x55d0c8a012a0 16 0x55d0c8a01fff\n",
		"alloc 0x1 0x55d0c8a012a0 0xA\n"};
	char buffer[64 + TRACE_PAD] = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		memcpy(buffer, lines[i], strlen(lines[i]) + 1);
		assert_true(check_scan(trace_scan, buffer, strlen(lines[i])));
		assert_true(check_scan(trace_scan_any, buffer, strlen(lines[i])));
		assert_true(check_scan(trace_scan_any_portable, buffer, strlen(lines[i])));
	}
}

static void test_recognise(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool trace, compressed;
	} cases[] = {
		{"memctx-trace 1\n", 15, true, false},
		{" memctx-trace", 13, true, false},
		{"memctx-trac", 11, false, false},
		{"{\"schema\": ", 11, false, false},
		{"", 0, false, false},
		{"\x1F\x8B\x08", 3, true, true},
		{"\x1F", 1, false, false},
		{"\xFD"
		 "7zXZ\0",
			6, true, true},
		{"\x28\xB5\x2F\xFD", 4, true, true},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool compressed = !cases[i].compressed;
		assert_int_equal(trace_recognise(cases[i].bytes, cases[i].size, &compressed),
			cases[i].trace);
		assert_int_equal(compressed, cases[i].compressed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_word),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_batches_of_creates),
		cmocka_unit_test(test_buffers_and_batches),
		cmocka_unit_test(test_fast_path_agrees),
		cmocka_unit_test(test_fast_path_takes),
		cmocka_unit_test(test_recognise),
	};
	return cmocka_run_group_tests_name("trace reader", tests, NULL, NULL);
}
