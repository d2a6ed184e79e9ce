/* SPDX-License-Identifier: MIT */
/*
 * Where text comes from: files that are none, pipes that deliver a byte at a time, compressed
 * streams whole, in pieces, cut short and damaged; lines of a mebibyte; and that memory does not
 * grow with the text.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace_help.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)

/* Whether Valgrind makes all this some thirty times slower. */
static bool is_slow(void)
{
	const char *suite = getenv("SUITE");
	return suite != NULL && strcmp(suite, "valgrind") == 0;
}

/* A folder of the test's own, and the trace that the tests of compression use. */
static char folder[] = "/tmp/memctx-trace-XXXXXX";
static char *sample;
static size_t sample_size, sample_lines;

static int set_up(void **state)
{
	(void)state;
	FILE *out = open_memstream(&sample, &sample_size);
	if (out == NULL || mkdtemp(folder) == NULL)
		return -1;
	sample_lines = is_slow() ? 4000 : 40000;
	fputs(HEADER, out);
	for (unsigned i = 0; i < sample_lines; i++)
		fprintf(out, i % 3 < 2 ? "alloc 1 %u %u\n" : "free %u\n", i, i * 7919 % 4096);
	return fclose(out);
}

static int tear_down(void **state)
{
	char command[64];
	(void)state;
	free(sample);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static const char *path_of(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void store(const char *name, const char *bytes, size_t size)
{
	FILE *out = fopen(path_of(name), "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

static size_t load(const char *name, char *bytes, size_t room)
{
	FILE *in = fopen(path_of(name), "rb");
	assert_non_null(in);
	size_t size = fread(bytes, 1, room, in);
	fclose(in);
	return size;
}

/* Reads to the end or an error, which *ERROR gets; the events. */
static uint64_t drain(struct trace_reader *reader, struct trace_error *error)
{
	struct trace_event events[64];
	uint64_t seen = 0;
	ptrdiff_t got;
	memset(error, 0, sizeof(*error));
	while ((got = trace_read(reader, events, COUNT(events))) > 0)
		seen += (uint64_t)got;
	if (got < 0)
		*error = *trace_last_error(reader);
	return seen;
}

static void test_no_trace_at_all(void **state)
{
	struct trace_error error;
	(void)state;
	assert_null(trace_open(path_of("missing"), 0, &error));
	assert_int_equal(error.system, ENOENT);
	assert_int_equal(error.line, 0);
	assert_string_equal(error.message, "No such file or directory");
	assert_null(trace_open(folder, 0, &error));
	assert_int_equal(error.system, EISDIR);
	store("empty", "", 0);
	assert_null(trace_open(path_of("empty"), 0, &error));
	assert_int_equal(error.system, 0);
	assert_int_equal(error.line, 1);
	assert_int_equal(error.column, 1);
	if (geteuid() == 0)
		return;
	assert_int_equal(chmod(path_of("empty"), 0), 0);
	assert_null(trace_open(path_of("empty"), 0, &error));
	assert_int_equal(error.system, EACCES);
}

/* ---- Pipes ---------------------------------------------------------------------------- */

/* A child that writes SIZE bytes of TEXT, STEP at a time; the end to read from. */
static int writer(const char *text, size_t size, size_t step, pid_t *child)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	*child = fork();
	assert_true(*child >= 0);
	if (*child > 0) {
		close(ends[1]);
		return ends[0];
	}
	close(ends[0]);
	for (size_t at = 0; at < size; at += step) {
		size_t left = size - at < step ? size - at : step;
		if (write(ends[1], text + at, left) != (ssize_t)left)
			_exit(1);
	}
	_exit(0);
}

static struct trace_reader *open_descriptor(int fd, struct trace_error *error)
{
	char path[64];
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	return trace_open(path, 0, error);
}

static void test_pipe_byte_by_byte(void **state)
{
	static const size_t steps[] = {1, 2, 3, 5, 15, 4096};
	struct trace_error error;
	pid_t child;
	(void)state;
	for (size_t i = 0; i < COUNT(steps); i++) {
		size_t size = steps[i] < 15 ? 2000 : sample_size;
		int status, fd = writer(sample, size, steps[i], &child);
		struct trace_reader *reader = open_descriptor(fd, &error);
		assert_non_null(reader);
		uint64_t lines = 0;
		for (size_t at = 0; at < size; at++)
			lines += sample[at] == '\n';
		bool cut = sample[size - 1] != '\n';
		uint64_t seen = drain(reader, &error);
		/* A line cut off by the sample's size may be short of a field. */
		assert_true(seen == lines - 1 || (cut && seen == lines));
		assert_int_equal(trace_length(reader), 0);
		assert_int_equal(trace_position(reader), size);
		trace_close(reader);
		close(fd);
		waitpid(child, &status, 0);
		assert_int_equal(status, 0);
	}
}

/* What has come is delivered before the writer says more. */
static void test_pipe_that_waits(void **state)
{
	static const char first[] = HEADER "free 1\nfree 2\nfr", rest[] = "ee 3";
	struct trace_event events[8];
	struct trace_error error;
	int ends[2];
	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], first, sizeof(first) - 1), sizeof(first) - 1);
	struct trace_reader *reader = open_descriptor(ends[0], &error);
	assert_int_equal(trace_read(reader, events, COUNT(events)), 2);
	assert_int_equal(write(ends[1], rest, sizeof(rest) - 1), sizeof(rest) - 1);
	close(ends[1]);
	assert_int_equal(trace_read(reader, events, COUNT(events)), 1);
	assert_int_equal(events[0].chunk, 3);
	assert_int_equal(trace_read(reader, events, COUNT(events)), 0);
	trace_close(reader);
	close(ends[0]);
}

/* A descriptor that does not block is waited for. */
static void test_standard_input(void **state)
{
	struct trace_error error;
	pid_t child;
	int status, saved = dup(STDIN_FILENO);
	(void)state;
	int fd = writer(sample, sample_size, 1000, &child);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	struct trace_reader *reader = trace_open("-", 0, &error);
	assert_non_null(reader);
	assert_int_equal(drain(reader, &error), sample_lines);
	trace_close(reader);
	/* Standard input is not the reader's to close. */
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fd);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

/* ---- Compressed traces ----------------------------------------------------------------- */

static const struct {
	const char *tool, *name;
} tools[] = {{"gzip", "gzip"}, {"xz", "xz"}, {"zstd", "zstd"}};

/* Compresses the file SAMPLE to COMPRESSED; false where the tool is missing. */
static bool compress_sample(size_t tool)
{
	char command[256];
	snprintf(command, sizeof(command),
		"command -v %s >/dev/null && %s -q -c %s/sample >%s/compressed", tools[tool].tool,
		tools[tool].tool, folder, folder);
	store("sample", sample, sample_size);
	int status = system(command);
	if (status != 0)
		print_message("no %s here\n", tools[tool].tool);
	return status == 0;
}

/* Opens and reads SIZE bytes; the events, or UINT64_MAX and *ERROR. */
static uint64_t read_all(const char *bytes, size_t size, struct trace_error *error)
{
	struct trace_reader *reader = trace_open_memory(bytes, size, 0, error);
	if (reader == NULL)
		return UINT64_MAX;
	uint64_t seen = drain(reader, error);
	trace_close(reader);
	return error->message[0] == 0 ? seen : UINT64_MAX;
}

static void check_refused(const char *bytes, size_t size, const char *name)
{
	struct trace_error error = {0};
	char wanted[64];
	if (read_all(bytes, size, &error) != UINT64_MAX)
		fail_msg("%zu bytes of damaged %s data were read", size, name);
	snprintf(wanted, sizeof(wanted), "the %s data is damaged or cut short (", name);
	/* Damage may show as such, or as text that is no trace. */
	if (error.line != 0)
		return;
	assert_int_equal(error.system, 0);
	assert_memory_equal(error.message, wanted, strlen(wanted));
}

static void damage(char *bytes, size_t size, const char *name)
{
	char *end = bytes + size;
	size_t flips = is_slow() ? 8 : 64;
	/* Cut short anywhere. */
	for (size_t cut = 6; cut < size; cut += cut < 40 || cut > size - 20 ? 1 : size / 23)
		check_refused(bytes, cut, name);
	/* A bit flipped, behind gzip's file name: the checksum finds what the form does not. */
	for (size_t i = 0; i < flips; i++) {
		size_t at = 24 + (size - 24) / flips * i;
		bytes[at] ^= (char)(1 << i % 8);
		check_refused(bytes, size, name);
		bytes[at] ^= (char)(1 << i % 8);
	}
	memcpy(end, "rubbish", 7);
	check_refused(bytes, size + 7, name);
}

static void test_compressed(void **state)
{
	static char bytes[1 << 20];
	struct trace_error error;
	(void)state;
	for (size_t i = 0; i < COUNT(tools); i++) {
		if (!compress_sample(i))
			continue;
		struct trace_reader *reader = trace_open(path_of("compressed"), 0, &error);
		assert_non_null(reader);
		assert_int_equal(drain(reader, &error), sample_lines);
		assert_int_equal(trace_text_bytes(reader), sample_size);
		size_t size = load("compressed", bytes, sizeof(bytes) / 2);
		assert_int_equal(trace_position(reader), size);
		assert_int_equal(trace_length(reader), size);
		trace_close(reader);
		damage(bytes, size, tools[i].name);
		/* Two streams are one text, in which the second's first line is an error. */
		memcpy(bytes + size, bytes, size);
		assert_int_equal(read_all(bytes, 2 * size, &error), UINT64_MAX);
		assert_int_equal(error.line, sample_lines + 2);
		assert_int_equal(error.column, 1);
	}
}

/* A trace in two streams, the border inside a line. */
static void test_compressed_in_pieces(void **state)
{
	static char bytes[2048];
	struct trace_error error;
	char command[512];
	(void)state;
	for (size_t i = 0; i < COUNT(tools); i++) {
		const char *tool = tools[i].tool;
		snprintf(command, sizeof(command),
			"command -v %s >/dev/null && { printf 'memctx-trace 1\\nfree 1\\nfr' | %s "
			"-c; "
			"printf 'ee 2\\n' | %s -c; printf '' | %s -c; } 2>/dev/null >%s/pieces",
			tool, tool, tool, tool, folder);
		if (system(command) != 0)
			continue;
		size_t size = load("pieces", bytes, sizeof(bytes));
		assert_int_equal(read_all(bytes, size, &error), 2);
	}
}

static void test_compressed_nothing(void **state)
{
	static char bytes[256];
	struct trace_error error;
	char command[256];
	(void)state;
	for (size_t i = 0; i < COUNT(tools); i++) {
		const char *tool = tools[i].tool;
		snprintf(command, sizeof(command),
			"command -v %s >/dev/null && printf '' | %s -c 2>/dev/null >%s/nothing",
			tool, tool, folder);
		if (system(command) != 0)
			continue;
		size_t size = load("nothing", bytes, sizeof(bytes));
		assert_int_equal(read_all(bytes, size, &error), UINT64_MAX);
		assert_int_equal(error.line, 1);
		assert_non_null(strstr(error.message, "an empty file"));
	}
}

/* ---- Long lines and long traces --------------------------------------------------------- */

/* A header, a comment of LENGTH bytes and a free. */
static char *with_line(size_t length, size_t *size)
{
	size_t head = strlen(HEADER);
	char *text = malloc(head + length + 16);
	assert_non_null(text);
	memcpy(text, HEADER, head);
	memset(text + head, 'x', length);
	text[head] = '#';
	*size = head + length + (size_t)sprintf(text + head + length, "\nfree 1\n");
	return text;
}

static void test_long_lines(void **state)
{
	static const size_t capacities[] = {1, 4096, TRACE_BUFFER};
	struct trace_event events[4];
	struct trace_error error;
	(void)state;
	for (size_t i = 0; i < COUNT(capacities); i++) {
		size_t size, length;
		char *text = with_line(LINE_MAX_BYTES, &size);
		struct trace_reader *reader = read_text(text, size, capacities[i], 0, &error);
		assert_int_equal(drain(reader, &error), 1);
		assert_string_equal(error.message, "");
		trace_close(reader);
		/* The same as the last line, without an LF. */
		reader = read_text(text, size - 8, capacities[i], 0, &error);
		assert_int_equal(drain(reader, &error), 0);
		assert_string_equal(error.message, "");
		trace_close(reader);
		free(text);
		text = with_line(LINE_MAX_BYTES + 1, &size);
		reader = read_text(text, size, capacities[i], 0, &error);
		assert_int_equal(drain(reader, &error), 0);
		assert_int_equal(error.line, 2);
		assert_int_equal(error.column, LINE_MAX_BYTES + 1);
		assert_string_equal(error.message,
			"a line of more than 1048576 bytes; expected its end here at the latest");
		trace_close(reader);
		free(text);
		text = with_line(5 * LINE_MAX_BYTES, &size);
		reader = read_text(text, size, capacities[i], TRACE_KEEP_GOING, &error);
		assert_int_equal(trace_read(reader, events, COUNT(events)), 1);
		assert_int_equal(events[0].op, TRACE_BAD);
		assert_int_equal(events[0].line, 2);
		assert_int_equal(trace_last_error(reader)->column, LINE_MAX_BYTES + 1);
		assert_string_equal(trace_text(reader, &events[0], &length), "");
		assert_int_equal(trace_column(reader, &events[0], TRACE_FIELD_WORD), 1);
		assert_int_equal(trace_read(reader, events, COUNT(events)), 1);
		assert_int_equal(events[0].op, TRACE_FREE);
		assert_int_equal(events[0].line, 3);
		assert_int_equal(trace_read(reader, events, COUNT(events)), 0);
		assert_int_equal(trace_text_bytes(reader), size);
		trace_close(reader);
		free(text);
	}
}

/* A line without an end at the beginning, at the end, and nothing else. */
static void test_endless_lines(void **state)
{
	size_t size;
	struct trace_event event;
	struct trace_error error;
	char *text = with_line(3 * LINE_MAX_BYTES, &size);
	size_t head = strlen(HEADER);
	(void)state;
	assert_null(read_text(text + head, 3 * LINE_MAX_BYTES, 64, TRACE_KEEP_GOING, &error));
	assert_int_equal(error.line, 1);
	assert_int_equal(error.column, 1);
	struct trace_reader *reader =
		read_text(text, head + 3 * LINE_MAX_BYTES, 64, TRACE_KEEP_GOING, &error);
	assert_int_equal(trace_read(reader, &event, 1), 1);
	assert_int_equal(event.op, TRACE_BAD);
	assert_int_equal(trace_read(reader, &event, 1), 0);
	trace_close(reader);
	memset(text + head - 1, ' ', 2 * LINE_MAX_BYTES);
	assert_null(read_text(text, size, 64, TRACE_KEEP_GOING, &error));
	assert_int_equal(error.line, 1);
	assert_int_equal(error.column, LINE_MAX_BYTES + 1);
	free(text);
}

static void write_long_trace(int fd, size_t bytes)
{
	static char text[1 << 16];
	size_t size = 0;
	while (size < sizeof(text) - 32)
		size += (size_t)sprintf(text + size, "alloc 1 %zu 16\n", size);
	if (write(fd, HEADER, strlen(HEADER)) < 0)
		_exit(1);
	for (size_t written = 0; written < bytes; written += size) {
		for (size_t at = 0; at < size;) {
			ssize_t put = write(fd, text + at, size - at);
			if (put < 0)
				_exit(1);
			at += (size_t)put;
		}
	}
}

/* A hundred megabytes through a pipe. */
static void test_constant_memory(void **state)
{
	size_t bytes = is_slow() ? 5000000 : 100000000;
	struct rusage before, after;
	struct trace_error error;
	int ends[2], status;
	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		write_long_trace(ends[1], bytes);
		_exit(0);
	}
	close(ends[1]);
	struct trace_reader *reader = open_descriptor(ends[0], &error);
	assert_non_null(reader);
	getrusage(RUSAGE_SELF, &before);
	assert_true(drain(reader, &error) > bytes / 20);
	getrusage(RUSAGE_SELF, &after);
	assert_string_equal(error.message, "");
	assert_true(trace_text_bytes(reader) >= bytes);
	if (after.ru_maxrss - before.ru_maxrss > 2048)
		fail_msg("reading took %ld KiB", after.ru_maxrss - before.ru_maxrss);
	trace_close(reader);
	close(ends[0]);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_trace_at_all),
		cmocka_unit_test(test_pipe_byte_by_byte),
		cmocka_unit_test(test_pipe_that_waits),
		cmocka_unit_test(test_standard_input),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_compressed_in_pieces),
		cmocka_unit_test(test_compressed_nothing),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_endless_lines),
		cmocka_unit_test(test_constant_memory),
	};
	return cmocka_run_group_tests_name("trace input", tests, set_up, tear_down);
}
