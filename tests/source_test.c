/* SPDX-License-Identifier: MIT */
/*
 * Sources: what is recognised from files and pipes, the points of each kind, and the keeping of
 * the last replay.  Everything happens in a folder of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/json.h"
#include "model/source.h"
#include "model/state.h"
#include "own_folder.h"

/* Its peak is after event 4, when both chunks live; at the end one context does. */
static const char trace[] = "memctx-trace 1\n"
			    "create 1 - aset \"Top\"\n"
			    "time 1000\n"
			    "create 2 1 aset \"Below\"\n"
			    "alloc 2 1 20000\n"
			    "time 2000\n"
			    "alloc 1 2 30\n"
			    "free 1\n"
			    "time 3000\n"
			    "delete 2\n";

static const struct source_options usual = {.pid = -1};

/* The same, compressed. */
static void write_compressed(const char *path, const char *text, int (*filter)(struct archive *))
{
	struct archive *out = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	assert_int_equal(filter(out), ARCHIVE_OK);
	assert_int_equal(archive_write_set_format_raw(out), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(out, path), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(out, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(out, text, strlen(text)), (int)strlen(text));
	assert_int_equal(archive_write_close(out), ARCHIVE_OK);
	archive_entry_free(entry);
	archive_write_free(out);
}

static struct source *opened(const char *argument, enum source_kind kind)
{
	struct source_error error;
	struct source *source = source_open(argument, &usual, &error);

	if (!source)
		fail_msg("%s: %s", error.path, error.message);
	assert_int_equal(source_kind(source), kind);
	return source;
}

static struct snapshot *taken(struct source *source, const char *at)
{
	struct source_point point = {.kind = SOURCE_AS_IS};
	struct source_error error;
	struct snapshot *snapshot;

	if (at)
		assert_true(source_parse_point(at, &point));
	snapshot = source_snapshot(source, &point, &error);
	if (!snapshot)
		fail_msg("%s:%d: %s", error.path, (int)error.line, error.message);
	return snapshot;
}

static void not_taken(struct source *source, const char *at, const char *message)
{
	struct source_point point = {.kind = SOURCE_AS_IS};
	struct source_error error;

	if (at)
		assert_true(source_parse_point(at, &point));
	assert_null(source_snapshot(source, &point, &error));
	if (!strstr(error.message, message))
		fail_msg("\"%s\" does not say \"%s\"", error.message, message);
	assert_int_equal(error.status, 1);
}

/* The names of the contexts at a point, with blanks between. */
static void assert_names(struct source *source, const char *at, const char *names, uint64_t event)
{
	struct snapshot *snapshot = taken(source, at);
	char found[200] = "";

	for (size_t i = 0; i < snapshot->n; i++) {
		if (i)
			strcat(found, " ");
		strcat(found, snapshot_string(snapshot, snapshot->contexts[i].name));
	}
	assert_string_equal(found, names);
	assert_int_equal(snapshot->event, event);
	snapshot_free(snapshot);
}

static void write_json(
	const char *path, const char *at, int (*write)(FILE *, const struct snapshot *))
{
	struct source *source;
	struct snapshot *snapshot;
	FILE *out = fopen(path, "w");

	write_file("a.trace", trace);
	source = opened("a.trace", SOURCE_TRACE);
	snapshot = taken(source, at);
	assert_int_equal(write(out, snapshot), 0);
	assert_int_equal(fclose(out), 0);
	snapshot_free(snapshot);
	source_close(source);
}

static void test_parse_point(void **state)
{
	static const char *const bad[] = {
		"", "ends", "-1", "1x", "x", "1 ms", "1e99s", " 1", "18446744073709551616"};
	struct source_point point;

	(void)state;
	assert_true(source_parse_point("end", &point) && point.kind == SOURCE_END);
	assert_true(source_parse_point("peak", &point) && point.kind == SOURCE_PEAK);
	assert_true(source_parse_point("6690", &point));
	assert_true(point.kind == SOURCE_EVENT && point.number == 6690);
	assert_true(source_parse_point("5.9ms", &point));
	assert_true(point.kind == SOURCE_TIME && point.number == 5900000);
	assert_true(source_parse_point("2s", &point) && point.number == 2000000000);
	assert_true(source_parse_point("0ns", &point) && point.kind == SOURCE_TIME);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(source_parse_point(bad[i], &point));
}

static void test_trace(void **state)
{
	struct replay_moment peak;
	struct source *source;
	struct snapshot *snapshot;
	char text[SOURCE_TEXT];

	(void)state;
	write_file("a.trace", trace);
	source = opened("a.trace", SOURCE_TRACE);
	assert_false(source_peak(source, &peak));
	assert_null(source_counts(source));
	assert_names(source, NULL, "Top", 6);
	assert_true(source_peak(source, &peak));
	assert_int_equal(peak.event, 3);
	assert_int_equal(peak.live_contexts, 2);
	assert_int_equal(source_counts(source)->events, 6);
	assert_names(source, "0", "", 0);
	assert_false(source_peak(source, &peak));
	assert_names(source, "1", "Top", 1);
	assert_names(source, "5", "Top Below", 5);
	assert_names(source, "6", "Top", 6);
	assert_names(source, "end", "Top", 6);
	assert_names(source, "1us", "Top Below", 3);
	assert_names(source, "999ns", "Top", 1);
	not_taken(source, "1234", "there is no event 1,234; the trace has 6");
	snapshot = taken(source, "peak");
	assert_string_equal(snapshot->path, "a.trace");
	assert_string_equal(snapshot->point, "peak");
	assert_int_equal(snapshot->events, 6);
	assert_int_equal(snapshot->n, 2);
	source_describe(source, snapshot, text);
	assert_string_equal(text, "a.trace, peak (event 3)");
	snapshot_free(snapshot);
	source_close(source);
}

static void progress(
	void *arg, const struct replay_counts *counts, uint64_t position, uint64_t length)
{
	assert_int_equal(counts->events, 6);
	assert_int_equal(length, sizeof trace - 1);
	assert_in_range(position, 1, length);
	++*(int *)arg;
}

static void test_options(void **state)
{
	int calls = 0;
	struct source_options options = {.pid = -1, .progress = progress, .arg = &calls};
	const struct source_point end = {.kind = SOURCE_END};
	struct source_error error;
	struct source *source;
	struct snapshot *snapshot;

	(void)state;
	write_file("a.trace", trace);
	source = source_open("a.trace", &options, &error);
	snapshot = source_snapshot(source, &end, &error);
	assert_int_equal(snapshot->n, 1);
	assert_int_equal(calls, 1);
	snapshot_free(snapshot);
	source_close(source);
	options.progress = NULL;
	options.replay.memory = 1000;
	source = source_open("a.trace", &options, &error);
	assert_null(source_snapshot(source, &end, &error));
	assert_int_equal(error.status, 3);
	assert_int_equal(error.line, 2);
	source_close(source);
	write_file("bad.trace", "memctx-trace 1\ncreate 1 - aset \"A\"\nfree 3\n");
	options.replay = (struct replay_options){.keep_going = true};
	source = source_open("bad.trace", &options, &error);
	snapshot = source_snapshot(source, &end, &error);
	assert_non_null(snapshot);
	assert_int_equal(source_counts(source)->skipped, 1);
	snapshot_free(snapshot);
	source_close(source);
	source = opened("bad.trace", SOURCE_TRACE);
	assert_null(source_snapshot(source, &end, &error));
	assert_string_equal(error.path, "bad.trace");
	assert_int_equal(error.line, 3);
	assert_int_equal(error.column, 6);
	assert_int_equal(error.status, 1);
	source_close(source);
}

static void test_json(void **state)
{
	struct source *source;
	struct snapshot *snapshot;
	char text[SOURCE_TEXT];

	(void)state;
	write_json("nested", "peak", json_write_nested);
	write_json("flat", NULL, json_write_flat);
	source = opened("nested", SOURCE_SNAPSHOT);
	assert_names(source, NULL, "Top Below", 3);
	assert_names(source, "peak", "Top Below", 3);
	assert_names(source, "3", "Top Below", 3);
	not_taken(source, "end", "of one moment, peak (event 3)");
	not_taken(source, "4", "of one moment");
	snapshot = taken(source, NULL);
	source_describe(source, snapshot, text);
	assert_string_equal(text, "nested: a snapshot of a.trace, peak (event 3)");
	snapshot_free(snapshot);
	source_close(source);
	source = opened("flat", SOURCE_SNAPSHOT);
	assert_names(source, "end", "Top", 6);
	not_taken(source, "peak", "of one moment, end (event 6)");
	source_close(source);
	write_file("broken", "{\n\"schema\": 1 ]");
	source = opened("broken", SOURCE_SNAPSHOT);
	not_taken(source, NULL, "not JSON");
	source_close(source);
}

/* The text of a small file, until the next is read. */
static const char *read_whole(const char *path)
{
	static char text[100000];
	FILE *in = fopen(path, "r");

	text[fread(text, 1, sizeof text - 1, in)] = '\0';
	fclose(in);
	return text;
}

static void test_compressed(void **state)
{
	int (*const filters[])(struct archive *) = {archive_write_add_filter_gzip,
		archive_write_add_filter_xz, archive_write_add_filter_zstd};
	struct source_error error;
	struct source *source;
	const char *json;

	(void)state;
	write_json("flat", NULL, json_write_flat);
	json = read_whole("flat");
	for (int i = 0; i < 3; i++) {
		write_compressed("t", trace, filters[i]);
		source = opened("t", SOURCE_TRACE);
		assert_names(source, "peak", "Top Below", 3);
		source_close(source);
		write_compressed("j", json, filters[i]);
		source = opened("j", SOURCE_SNAPSHOT);
		assert_names(source, NULL, "Top", 6);
		source_close(source);
		/* Cut short; of what kind it was may not show any more. */
		assert_int_equal(truncate("j", 400), 0);
		source = source_open("j", &usual, &error);
		assert_non_null(source);
		not_taken(source, NULL, "data is damaged or cut short");
		source_close(source);
	}
}

/* Makes TEXT standard input: a pipe that is fed bit by bit, or a file. */
static pid_t feed(const char *text, bool file)
{
	int ends[2];
	pid_t child;

	if (file) {
		write_file("input", text);
		ends[0] = open("input", O_RDONLY);
		assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
		close(ends[0]);
		return 0;
	}
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (!child) {
		close(ends[0]);
		for (size_t at = 0; at < strlen(text); at += 7) {
			size_t left = strlen(text) - at;

			if (write(ends[1], text + at, left < 7 ? left : 7) < 0)
				_exit(1);
			usleep(50);
		}
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	return child;
}

static void test_standard_input(void **state)
{
	int before = dup(STDIN_FILENO);
	const char *json;

	(void)state;
	write_json("flat", NULL, json_write_flat);
	json = read_whole("flat");
	for (int i = 0; i < 4; i++) {
		const char *text = i & 1 ? json : trace;
		pid_t child = feed(text, i & 2);
		struct source *source = opened("-", i & 1 ? SOURCE_SNAPSHOT : SOURCE_TRACE);
		int status = 0;

		assert_names(source, NULL, "Top", 6);
		if (child)
			not_taken(source, NULL, "it was read already");
		else
			assert_names(source, NULL, "Top", 6);
		source_close(source);
		if (child)
			assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
	close(before);
}

static void test_named_pipe(void **state)
{
	struct source *source;
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	child = fork();
	if (!child) {
		write_file("fifo", trace);
		_exit(0);
	}
	source = opened("fifo", SOURCE_TRACE);
	assert_names(source, NULL, "Top", 6);
	source_close(source);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void test_not_opened(void **state)
{
	struct source_options options = usual;
	struct source_error error;
	struct source *source;
	char *name = malloc(10000);

	(void)state;
	assert_null(source_open("absent", &usual, &error));
	assert_int_equal(error.open, ENOENT);
	assert_int_equal(error.status, 1);
	assert_string_equal(error.path, "absent");
	assert_null(source_open(".", &usual, &error));
	assert_int_equal(error.open, EISDIR);
	memset(name, 'x', 9999);
	name[9999] = '\0';
	assert_null(source_open(name, &usual, &error));
	assert_int_equal(error.open, ENAMETOOLONG);
	free(name);
	assert_null(source_open("99999999", &usual, &error));
	assert_string_equal(error.path, "99999999");
	assert_string_equal(error.message, "there is no such process");
	write_file("99999999", trace);
	assert_null(source_open("99999999", &usual, &error));
	assert_non_null(strstr(error.message, "the file is ./99999999"));
	options.pid = 99999998;
	assert_null(source_open(NULL, &options, &error));
	assert_string_equal(error.path, "99999998");
	assert_int_equal(error.status, 1);
	write_file("123", trace);
	source_close(opened("./123", SOURCE_TRACE));
	/* What is neither is a trace in error, for the reader to say. */
	write_file("text", "hello\n");
	source = opened("text", SOURCE_TRACE);
	not_taken(source, NULL, "expected \"memctx-trace 1\"");
	source_close(source);
}

/* ---- The last replay ------------------------------------------------------------------ */

static void keep(const char *path)
{
	struct source *source = opened(path, SOURCE_TRACE);
	struct snapshot *end = taken(source, "end"), *peak = taken(source, "peak");
	char why[STATE_WHY];

	assert_int_equal(state_keep(end, peak, why), 0);
	snapshot_free(end);
	snapshot_free(peak);
	source_close(source);
}

static void test_last(void **state)
{
	struct replay_moment peak;
	struct snapshot *snapshot;
	struct source_error error;
	struct source *source;
	char text[SOURCE_TEXT];

	(void)state;
	source = source_open(NULL, &usual, &error);
	if (source != NULL) {
		/* Somebody else runs the one process that there is. */
		assert_int_equal(source_kind(source), SOURCE_LIVE);
		source_close(source);
	} else {
		assert_non_null(strstr(error.message, "nothing to show: no replay is kept"));
		assert_string_equal(error.path, "");
	}
	write_file("a.trace", trace);
	keep("a.trace");
	source = opened(NULL, SOURCE_LAST);
	assert_names(source, NULL, "Top", 6);
	assert_names(source, "end", "Top", 6);
	assert_names(source, "peak", "Top Below", 3);
	assert_names(source, "6", "Top", 6);
	assert_names(source, "3", "Top Below", 3);
	not_taken(source, "4", "name the trace, a.trace");
	snapshot = taken(source, NULL);
	source_describe(source, snapshot, text);
	assert_string_equal(text, "the last replay: a.trace, end (event 6)");
	snapshot_free(snapshot);
	assert_true(source_peak(source, &peak));
	assert_int_equal(peak.event, 3);
	assert_int_equal(peak.live_contexts, 2);
	assert_int_equal(peak.requested_bytes, 20000);
	source_close(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_point),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_standard_input),
		cmocka_unit_test(test_named_pipe),
		cmocka_unit_test(test_not_opened),
		cmocka_unit_test(test_last),
	};

	return cmocka_run_group_tests_name("source", tests, set_up, tear_down);
}
