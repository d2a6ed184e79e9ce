/* SPDX-License-Identifier: MIT */
/*
 * Snapshots as JSON: both forms against texts written by hand, back again without a loss, and
 * what is refused.  tests/schema.sh holds the forms to their schema.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json_samples.h"
#include "model/lists.h"

/* ---- Forms ---------------------------------------------------------------------------- */

/* A snapshot of one context of which little is known, and what it must look like. */
static struct snapshot *little(void)
{
	struct snapshot *snapshot = snapshot_new();
	struct snapshot_context *top = add(snapshot, 5, SNAPSHOT_NONE, "Top", NULL);
	struct snapshot_context *below;

	snapshot->source = SNAPSHOT_LIVE;
	snapshot->pid = 4711;
	top->own.total_bytes = 8192;
	below = add(snapshot, 6, 0, "Be\"low", "x");
	below->own.total_bytes = 1024;
	below->own.classes[10].free = 7;
	snapshot_finish(snapshot);
	return snapshot;
}

#define HEAD "{\"schema\":\"memctx-tree\",\"version\":1,\"generator\":\"memctx-tool 0.1.0\","
#define SOURCE                                                                                     \
	"\"source\":{\"kind\":\"live\",\"path\":null,\"pid\":4711,\"event\":null,"                 \
	"\"events\":null,\"time_ns\":null,\"point\":null},\"kinds_replaced\":0,"
#define NULLS                                                                                      \
	",\"total_nblocks\":null,\"free_bytes\":null,\"free_chunks\":null,\"used_bytes\":null,"    \
	"\"live_chunks\":null,\"requested_bytes\":null,\"slack_bytes\":null,"                      \
	"\"header_bytes\":null,\"freelist_bytes\":null,\"tail_bytes\":null,"                       \
	"\"large_chunks\":null,\"large_bytes\":null,\"allocs\":null,\"frees\":null,"               \
	"\"reallocs\":null,\"resets\":null,"
#define CLASS(size) "{\"size\":" #size ",\"live\":null,\"free\":null,\"slack\":null},"
#define CLASSES_TO_10                                                                              \
	"\"classes\":[" CLASS(8) CLASS(16) CLASS(32) CLASS(64) CLASS(128) CLASS(256) CLASS(512)    \
		CLASS(1024) CLASS(2048) CLASS(4096)
#define LAST_CLASS(free) "{\"size\":8192,\"live\":null,\"free\":" #free ",\"slack\":null}]"
#define TOTALS                                                                                     \
	"\"totals\":{\"contexts\":2,\"total_bytes\":9216" NULLS CLASSES_TO_10 LAST_CLASS(null) "}"
#define TOP                                                                                        \
	"{\"id\":\"5\",\"parent\":null,\"level\":1,\"name\":\"Top\",\"ident\":null,"               \
	"\"type\":\"aset\",\"total_bytes\":8192" NULLS CLASSES_TO_10                               \
	LAST_CLASS(null) ",\"peak_total_bytes\":null"
#define BELOW                                                                                      \
	"{\"id\":\"6\",\"parent\":\"5\",\"level\":2,\"name\":\"Be\\\"low\",\"ident\":\"x\","       \
	"\"type\":\"aset\",\"total_bytes\":1024" NULLS CLASSES_TO_10 LAST_CLASS(                   \
		7) ",\"peak_total_bytes\":null"

static void test_nested_form(void **state)
{
	struct snapshot *snapshot = little();
	char *text = written(json_write_nested, snapshot);

	(void)state;
	assert_string_equal(text, HEAD SOURCE TOTALS
		",\"contexts\":[\n" TOP ",\"children\":[\n" BELOW ",\"children\":[]}]}]}\n");
	free(text);
	snapshot_free(snapshot);
}

static void test_flat_form(void **state)
{
	struct snapshot *snapshot = little();
	char *text = written(json_write_flat, snapshot);

	(void)state;
	assert_string_equal(text,
		HEAD "\"form\":\"flat\"," SOURCE TOTALS "}\n" TOP ",\"path\":[\"Top\"]}\n" BELOW
		     ",\"path\":[\"Top\",\"Be\\\"low\"]}\n");
	free(text);
	snapshot_free(snapshot);
}

static void test_round_trip(void **state)
{
	struct snapshot *snapshot = sample();

	(void)state;
	assert_round_trip(snapshot);
	snapshot_free(snapshot);
	snapshot = little();
	assert_round_trip(snapshot);
	snapshot_free(snapshot);
	snapshot = snapshot_new();
	snapshot_finish(snapshot);
	assert_round_trip(snapshot);
	snapshot_free(snapshot);
}

/* Numbers that a double cannot hold. */
static void test_big_numbers(void **state)
{
	static const uint64_t numbers[] = {999999999999999, 1000000000000000, 9007199254740991,
		9007199254740992, 9007199254740993, INT64_MAX, (uint64_t)INT64_MAX + 2,
		UINT64_MAX - 1};
	struct snapshot *snapshot = snapshot_new();
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct snapshot_context *at =
			add(snapshot, UINT64_MAX - i, SNAPSHOT_NONE, "big", NULL);

		at->own.total_bytes = at->own.classes[3].live = numbers[i];
		at->peak_total_bytes = numbers[i] - 1;
	}
	snapshot->events = UINT64_MAX - 1;
	snapshot_finish(snapshot);
	text = written(json_write_nested, snapshot);
	assert_non_null(strstr(text, "\"total_bytes\":18446744073709551614,"));
	assert_non_null(strstr(text, "\"id\":\"18446744073709551615\""));
	assert_non_null(strstr(text, "\"peak_total_bytes\":9007199254740992,"));
	free(text);
	assert_round_trip(snapshot);
	snapshot_free(snapshot);
}

static void test_names(void **state)
{
	static const char *const names[] = {"", "\"\\/\b\f\n\r\t\001\177", "\001starts", "\\x41",
		"\303\251\346\226\207\360\237\230\200", "\377", "a\\\300\200z\\", "\355\240\200",
		"\\\\\376", "\377123", "\"},\"contexts\":[{"};
	struct snapshot *snapshot = snapshot_new();
	char *text;

	(void)state;
	for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct snapshot_context *at =
			add(snapshot, i, i ? i - 1 : SNAPSHOT_NONE, names[i], names[i]);

		at->own.total_bytes = 1;
	}
	snapshot->path = strdup("/tmp/\342\202.trace");
	snapshot_finish(snapshot);
	text = written(json_write_flat, snapshot);
	assert_non_null(
		strstr(text, "\"path\":\"/tmp/\\\\xE2\\\\x82.trace\",\"path_escaped\":true"));
	assert_non_null(strstr(text, "\"name\":\"\\\\x41\",\"ident\":\"\\\\x41\""));
	/* A backslash in an escaped name is two; JSON then doubles each. */
	assert_non_null(strstr(text, "\"name\":\"a\\\\\\\\\\\\xC0\\\\x80z\\\\\\\\\""));
	assert_null(strstr(text, "\"name_escaped\":false"));
	free(text);
	assert_round_trip(snapshot);
	snapshot_free(snapshot);
}

static struct snapshot *chain(uint32_t levels)
{
	struct snapshot *snapshot = snapshot_new();

	for (uint32_t i = 0; i < levels; i++)
		add(snapshot, i, i ? i - 1 : SNAPSHOT_NONE, "deep", NULL);
	snapshot_finish(snapshot);
	return snapshot;
}

static void test_deep(void **state)
{
	struct snapshot *snapshot = chain(JSON_LEVELS);
	char *text = NULL;
	size_t size;
	FILE *out;

	(void)state;
	assert_true(json_nests(snapshot));
	assert_round_trip(snapshot);
	snapshot_free(snapshot);
	snapshot = chain(JSON_LEVELS + 1);
	assert_false(json_nests(snapshot));
	out = open_memstream(&text, &size);
	errno = 0;
	assert_int_equal(json_write_nested(out, snapshot), -1);
	assert_int_equal(errno, EOVERFLOW);
	fclose(out);
	assert_int_equal(size, 0);
	free(text);
	assert_round_trip(snapshot);
	text = written(json_write_flat, snapshot);
	assert_non_null(strstr(text, "\"path\":null}\n"));
	assert_null(strstr(strstr(text, "\"path\":null}\n") + 1, "\"path\":"));
	free(text);
	snapshot_free(snapshot);
	snapshot = chain(1500);
	assert_round_trip(snapshot);
	snapshot_free(snapshot);
}

static void test_write_fails(void **state)
{
	write_form *const forms[] = {json_write_nested, json_write_flat};
	struct snapshot *snapshot = chain(400);

	(void)state;
	for (int i = 0; i < 2; i++) {
		FILE *out = fopen("/dev/full", "w");

		if (!out)
			skip();
		errno = 0;
		/* More than a stdio buffer, so that it shows before the close. */
		assert_int_equal(forms[i](out, snapshot), -1);
		assert_int_equal(errno, ENOSPC);
		fclose(out);
	}
	snapshot_free(snapshot);
}

/* ---- Reading -------------------------------------------------------------------------- */

/* What another program may make of it: keys sorted, much blank, members that we do not know. */
static void test_other_order(void **state)
{
	struct snapshot *snapshot = read_text(
		"\n{ \"contexts\" : [ { \"children\": [\r\n"
		"  {\"children\":[], \"id\":\"2\", \"name\":\"b\", \"new\": "
		"[1,{\"children\":[{}]}],\n"
		"   \"total_bytes\": 10 , \"type\":\"slab\"}\t, "
		"{\"name\":\"c\\u00e9\",\"type\":\"aset\","
		"\"id\":\"3\",\"children\":null}],\n"
		"  \"classes\":[{\"free\":1,\"live\":2,\"size\":64}], \"id\":\"1\",\"ident\":null,"
		"\"name\":\"a\", \"tail_bytes\":1e3, \"type\":\"aset\" } ],\n"
		" \"schema\":\"memctx-tree\", \"source\":{\"kind\":\"file\"}, \"version\":1 }\n");

	(void)state;
	assert_int_equal(snapshot->n, 3);
	assert_int_equal(snapshot->contexts[0].id, 1);
	assert_int_equal(snapshot->contexts[0].end, 3);
	assert_int_equal(snapshot->contexts[0].own.tail_bytes, 1000);
	assert_int_equal(snapshot->contexts[0].own.classes[3].live, 2);
	assert_true(snapshot->contexts[0].own.classes[4].live == SNAPSHOT_UNKNOWN);
	assert_int_equal(snapshot->contexts[1].own.total_bytes, 10);
	assert_string_equal(snapshot_string(snapshot, snapshot->contexts[1].kind), "slab");
	assert_int_equal(snapshot->contexts[2].parent, 0);
	assert_string_equal(snapshot_string(snapshot, snapshot->contexts[2].name), "c\303\251");
	snapshot_free(snapshot);
}

/* Classes that are no powers of two: read, written, and summed up with those of others. */
static void test_lists(void **state)
{
	struct snapshot *snapshot = read_text(
		"{\"schema\":\"memctx-tree\",\"version\":1,\"source\":{\"kind\":\"file\"},"
		"\"contexts\":[{\"id\":\"1\",\"name\":\"a\",\"type\":\"aset\",\"classes\":["
		"{\"size\":64,\"live\":5,\"free\":1,\"slack\":2}],\"lists\":["
		"{\"size\":48,\"live\":4,\"free\":1,\"slack\":2},"
		"{\"size\":64,\"live\":1,\"free\":0,\"slack\":0}],\"children\":["
		"{\"id\":\"2\",\"name\":\"b\",\"type\":\"aset\",\"classes\":["
		"{\"size\":64,\"live\":7,\"free\":2,\"slack\":3}]}]}]}\n");
	struct snapshot_figures sum;
	struct lists lists;
	char *text;

	(void)state;
	assert_true(snapshot_lists(snapshot, &snapshot->contexts[0], &lists));
	assert_true(lists.has == (UINT64_C(1) << lists_place(48) | UINT64_C(1) << lists_place(64)));
	assert_int_equal(lists.of[lists_place(48)].live, 4);
	assert_int_equal(lists.of[lists_place(48)].free, 1);
	assert_int_equal(lists.of[lists_place(64)].live, 1);
	assert_false(snapshot_lists(snapshot, &snapshot->contexts[1], &lists));
	assert_int_equal(lists.of[lists_place(64)].live, 7);
	snapshot_totals(snapshot, &sum);
	assert_true(snapshot_sum_lists(snapshot, sum.classes, &lists));
	assert_int_equal(lists.of[lists_place(48)].live, 4);
	assert_int_equal(lists.of[lists_place(64)].live, 8);
	assert_int_equal(lists.of[lists_place(64)].free, 2);
	assert_int_equal(lists.of[lists_place(64)].slack, 3);
	text = written(json_write_flat, snapshot);
	assert_non_null(strstr(text, ",\"lists\":[{\"size\":48,\"live\":4,\"free\":1,\"slack\":2},"
				     "{\"size\":64,\"live\":1,\"free\":0,\"slack\":0}]"));
	free(text);
	snapshot_free(snapshot);
}

#define S "{\"schema\":\"memctx-tree\",\"version\":1,\"source\":{\"kind\":\"file\"}"
#define N(members) S ",\"contexts\":[\n" members "]}"
#define F(members) S "}\n" members
#define C(id, more) "{\"id\":\"" #id "\",\"name\":\"x\",\"type\":\"aset\"" more "}"

static const struct {
	const char *text;
	uint64_t line, column;
	const char *message; /* its begin */
} refusals[] = {
	{" \n", 1, 1, "empty; expected a memctx snapshot"},
	{"[]", 1, 1, "expected \"{\", the begin of an object"},
	{"{}", 1, 1, "no memctx snapshot: expected \"schema\": \"memctx-tree\""},
	{"{\"schema\":1}", 1, 1, "no memctx snapshot"},
	{"{\"schema\":\"other\\n\",\"version\":1}", 1, 1, "\"schema\" is \"other\\x0A\"; expected"},
	{"{\"schema\":\"memctx-tree\"}", 1, 1, "no \"version\"; expected 1"},
	{"{\"schema\":\"memctx-tree\",\"version\":2,\"contexts\":[{", 1, 1,
		"\"version\" is 2; this memctx-tool reads version 1"},
	{"{\"schema\":\"memctx-tree\",\"version\":1}", 1, 1, "no object \"source\""},
	{"{\"schema\":\"memctx-tree\",\"version\":1,\"source\":{\"kind\":\"x\"}}", 1, 1,
		"\"source\" is of no known \"kind\""},
	{"{\"schema\":\"memctx-tree\",}", 1, 1, "the object around the contexts is not JSON"},
	{S, 1, 61, "the file ends inside an object"},
	{S "]", 1, 1, "the object around the contexts is not JSON"},
	{S "} x", 1, 63, "expected \"{\", the begin of an object"},
	{S ",\"contexts\":{}}", 1, 1, "\"contexts\" is not an array of contexts"},
	{S ",\"contexts\":3}", 1, 1, "\"contexts\" is not an array of contexts"},
	{S ",\"contexts\":[],\"contexts\":[]}", 1, 87, "a second list of contexts"},
	{S ",\"contexts\" []}", 1, 73, "expected \":\""},
	{S ",\"totals\":{\"contexts\":3}}", 1, 86, "0 contexts; expected 3"},
	{N(""), 0, 0, NULL},
	{N("{}"), 2, 1, "a context without \"id\""},
	{N("{\"id\":\"1\"}"), 2, 1, "a context without \"name\""},
	{N("{\"id\":\"1\",\"name\":\"\"}"), 2, 1, "a context without \"type\""},
	{N("{\"id\":1,\"name\":\"\"}"), 2, 1, "\"id\" is no id"},
	{N("{\"id\":\"\",\"name\":\"\"}"), 2, 1, "\"id\" is no id"},
	{N("{\"id\":\"-1\",\"name\":\"\"}"), 2, 1, "\"id\" is no id"},
	{N("{\"id\":\"18446744073709551616\"}"), 2, 1, "\"id\" is no id"},
	{N("{\"id\":\"1\",\"name\":7}"), 2, 1, "\"name\" is not a string"},
	{N(C(1, "") "," C(1, "")), 0, 0, "two contexts have the id 1"},
	{N(C(1, "") ","), 2, 37, "expected \"{\", the begin of a context"},
	{N(C(1, "") C(2, "")), 2, 36, "expected \",\" or \"]\" after a context"},
	{N(C(1, ",\"children\":[\n") "{\"id\":\"2\"}]}"), 3, 1, "expected \"{\""},
	{N(C(1, ",\"level\":2")), 2, 1, "\"level\" is 2 where the context is at level 1"},
	{N(C(1, ",\"total_bytes\":-1")), 2, 1, "\"total_bytes\" is not a whole number"},
	{N(C(1, ",\"total_bytes\":1.5")), 2, 1, "\"total_bytes\" is not a whole number"},
	{N(C(1, ",\"total_bytes\":1e300")), 2, 1, "\"total_bytes\" is not a whole number"},
	{N(C(1, ",\"total_bytes\":\"1\"")), 2, 1, "\"total_bytes\" is not a whole number"},
	{N(C(1, ",\"total_bytes\":18446744073709551615")), 2, 1, "\"total_bytes\" is not"},
	{N(C(1, ",\"total_bytes\":99999999999999999999999")), 2, 1, "\"total_bytes\" is not"},
	{N(C(1, ",\"peak_total_bytes\":true")), 2, 1, "\"peak_total_bytes\" is not a whole"},
	{N(C(1, ",\"classes\":1")), 2, 1, "\"classes\" is not an array"},
	{N(C(1, ",\"classes\":[1]")), 2, 1, "\"classes\" holds what is not an object"},
	{N(C(1, ",\"classes\":[{\"size\":24}]")), 2, 1, "a class without a size of"},
	{N(C(1, ",\"children\":{}")), 2, 1, "\"children\" where no list"},
	{N(C(1, ",\"lists\":{}")), 2, 1, "\"lists\" is not an array"},
	{N(C(1, ",\"lists\":[[]]")), 2, 1, "\"lists\" holds what has no \"size\""},
	{N(C(1, ",\"lists\":[{\"size\":136}]")), 2, 1, "\"lists\" holds what has no"},
	{N(C(1, ",\"lists\":[{\"size\":80},{\"size\":80}]")), 2, 1, "two of \"lists\""},
	{N(C(1, ",\"lists\":[{\"size\":80,\"live\":-1}]")), 2, 1, "a figure of \"lists\""},
	{N(C(1, ",\"lists\":[{\"size\":80,\"live\":2,\"free\":0,\"slack\":0}],"
		"\"classes\":[{\"size\":128,\"live\":3}]")),
		2, 1, "\"lists\" do not come to what \"classes\" says"},
	{N(C(1, ",\"name_escaped\":true")), 0, 0, NULL},
	{N("{\"id\":\"1\",\"name\":\"\\\\x00\",\"type\":\"\",\"name_escaped\":true}"), 2, 1,
		"\"name\" has a backslash that is neither"},
	{N(C(1, ",\"x\":[[[")), 2, 46, "the file ends"},
	{N("{\"id\":\"1\",\"name\":\"a\\u0000b\"}"), 2, 25, "a string holds a character 0"},
	{N("{\"id\":\"1\",\"name\":\"a\nb\"}"), 2, 20, "a string holds a control character"},
	{N("{\"id\":\"1"), 2, 11, "the file ends"},
	{N(C(1, ",\"total_bytes\":1,\"free_bytes\":1,\"used_bytes\":1")), 0, 0,
		"context 1: total_bytes is not used + free"},
	{N(C(1, "")) "{}", 2, 38, "something follows the snapshot"},
	{F(C(1, ",\"parent\":null") "\n" C(2, ",\"parent\":\"1\"")), 0, 0, NULL},
	{F(C(1, "") "\n" C(2, ",\"parent\":\"3\"")), 3, 1, "\"parent\" is 3; expected the id"},
	{F(C(1, "") C(2, ",\"parent\":\"1\"") C(3, "") C(4, ",\"parent\":\"2\"")), 2, 119,
		"\"parent\" is 2; expected the id"},
	{F(C(1, ",\"contexts\":[{}]")), 2, 48, "\"contexts\" inside a context"},
	{F(C(1, ",\"children\":[{}]")), 2, 1, "\"children\" where no list"},
	{F("3"), 2, 1, "expected \"{\", the begin of an object"},
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const char *text = refusals[i].text, *message = refusals[i].message;
		struct json_error error;
		struct snapshot *snapshot = read_bytes(text, strlen(text), &error);

		if (!snapshot != !!message ||
			(message && (error.system || error.line != refusals[i].line ||
					    error.column != refusals[i].column ||
					    strncmp(error.message, message, strlen(message)))))
			fail_msg("%s\ngives %" PRIu64 ":%" PRIu64 ": %s", text,
				snapshot ? 0 : error.line, snapshot ? 0 : error.column,
				snapshot ? "a snapshot" : error.message);
		snapshot_free(snapshot);
	}
}

static void test_zero_byte(void **state)
{
	static const char text[] = "{\"schema\":\0\"memctx-tree\"}";
	struct json_error error;

	(void)state;
	assert_null(read_bytes(text, sizeof text - 1, &error));
	assert_string_equal(error.message, "a byte 0");
	assert_int_equal(error.column, 11);
}

/* Depth that would end a recursive reader, in every place where brackets may stand. */
static void test_hostile_depth(void **state)
{
	static const char *const begins[] = {"", S ",\"a\":", N("{\"a\":")};
	static const char *const repeats[] = {"[", "{\"a\":", "{\"children\":[", "{\"contexts\":["};
	size_t room = 500000;
	char *text = malloc(room + 100);
	struct json_error error;

	(void)state;
	for (size_t i = 0; i < 12; i++) {
		size_t size = strlen(strcpy(text, begins[i % 3]));

		for (; size < room; size += strlen(repeats[i / 3]))
			strcpy(text + size, repeats[i / 3]);
		assert_null(read_bytes(text, size, &error));
		assert_int_equal(error.system, 0);
	}
	/* Well-formed, too deep for cJSON and for our stack. */
	for (size_t i = 0; i < 2; i++) {
		size_t size = strlen(strcpy(text, i ? S ",\"contexts\":[" : S ",\"a\":"));
		size_t depth = 20000;

		for (size_t n = 0; n < depth; n++)
			size += strlen(strcpy(text + size, i ? "{\"children\":[" : "["));
		for (size_t n = 0; n < depth; n++)
			size += strlen(strcpy(text + size, i ? "]}" : "]"));
		size += strlen(strcpy(text + size, i ? "]}" : "}"));
		assert_null(read_bytes(text, size, &error));
		assert_int_equal(error.system, 0);
	}
	assert_non_null(strstr(error.message, "deeper than 400 levels"));
	free(text);
}

/* Cut anywhere, it is refused; only the last line end may go. */
static void test_cut(void **state)
{
	write_form *const forms[] = {json_write_nested, json_write_flat};
	struct snapshot *snapshot = sample();

	(void)state;
	for (int i = 0; i < 2; i++) {
		char *text = written(forms[i], snapshot);
		struct json_error error;

		for (size_t size = strlen(text) - 2; size > 0; size -= size > 300 ? 13 : 1) {
			assert_null(read_bytes(text, size, &error));
			assert_int_equal(error.system, 0);
		}
		free(text);
	}
	snapshot_free(snapshot);
}

/* Bytes changed at random: a valid snapshot or an error. */
static void test_mutated(void **state)
{
	write_form *const forms[] = {json_write_nested, json_write_flat};
	static const char bytes[] = "{}[]\",:\\0919eE.-+nulxu\n\377\001";
	struct snapshot *snapshot = sample();
	uint64_t random = 7;
	char message[200];
	int read = 0;

	(void)state;
	for (int round = 0; round < 1000; round++) {
		char *text = written(forms[round % 2], snapshot);
		size_t size = strlen(text);
		struct json_error error;
		struct snapshot *again;

		for (int n = round % 3; n >= 0; n--) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
			text[(random >> 33) % size] = bytes[(random >> 20) % (sizeof bytes - 1)];
		}
		again = read_bytes(text, size, &error);
		if (again)
			assert_true(snapshot_valid(again, message, sizeof message));
		read += !!again;
		snapshot_free(again);
		free(text);
	}
	/* Neither is rare, or this would show nothing. */
	assert_in_range(read, 30, 970);
	snapshot_free(snapshot);
}

static void test_recognise(void **state)
{
	(void)state;
	assert_true(json_recognise(" \n\t\r{", 5));
	assert_true(json_recognise("{\"schema\"", 9));
	assert_false(json_recognise("", 0));
	assert_false(json_recognise("  ", 2));
	assert_false(json_recognise("memctx-trace 1", 14));
	assert_false(json_recognise("[", 1));
}

static void test_read_fails(void **state)
{
	FILE *in = fopen("/", "r");
	struct json_error error;

	(void)state;
	assert_non_null(in);
	assert_null(json_read(in, &error));
	assert_int_equal(error.system, EISDIR);
	fclose(in);
}

/* ---- The report ----------------------------------------------------------------------- */

static void test_replay(void **state)
{
	struct replay_counts counts = {.events = 15,
		.contexts_created = 2,
		.kinds_replaced = 1,
		.skipped = 3,
		.peak_requested_bytes = UINT64_MAX - 1,
		.peak_live_chunks = 8,
		.time_ns = SNAPSHOT_UNKNOWN,
		.threads = 1};
	struct replay_moment moment = {.event = 14,
		.time_ns = 5,
		.live_contexts = 2,
		.live_chunks = 77,
		.requested_bytes = 1000};
	struct json_replay replay = {.path = "a.trace",
		.counts = &counts,
		.peak = &moment,
		.end = &moment,
		.elapsed_seconds = 0.5};
	static const char *const parts[] = {"{\"schema\":\"memctx-replay\",\"version\":1,",
		"\"path\":\"a.trace\",", "\"events\":{\"create\":6,\"ident\":0,\"alloc\":9,",
		"\"freebase\":0}", "\"contexts_created\":2,", "\"kinds_replaced\":1,",
		"\"skipped\":3,", "\"cycle\":3,", "\"peak_requested_bytes\":18446744073709551614,",
		"\"peak_live_chunks\":8,",
		"\"peak\":{\"event\":14,\"time_ns\":5,\"live_contexts\":2,",
		"\"end\":{\"event\":14,", "\"live_chunks\":77,", "\"requested_bytes\":1000,",
		"\"slack_bytes\":12,", "\"time_ns\":null,", "\"elapsed_seconds\":0.5,",
		"\"events_per_second\":30}\n"};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	counts.ops[TRACE_CREATE] = 6;
	counts.ops[TRACE_ALLOC] = 9;
	counts.skips[REPLAY_SKIP_CYCLE] = 3;
	moment.figures.slack_bytes = 12;
	assert_int_equal(json_write_replay(out, &replay), 0);
	fclose(out);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!strstr(text, parts[i]))
			fail_msg("no %s in %s", parts[i], text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nested_form),
		cmocka_unit_test(test_flat_form),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_big_numbers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_write_fails),
		cmocka_unit_test(test_other_order),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_zero_byte),
		cmocka_unit_test(test_hostile_depth),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_recognise),
		cmocka_unit_test(test_read_fails),
		cmocka_unit_test(test_replay),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
