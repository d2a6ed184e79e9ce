/* SPDX-License-Identifier: MIT */
/*
 * The trace reader and writer under any input: the buffer's size changes nothing that is read,
 * nor does it matter to the places of fields; normal form is its own normal form; and events that
 * are written are read again as they were.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/trace_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Compressed inputs may stand for gigabytes. */
#define EVENTS_MAX 100000
/* Enough for most inputs, and cheap to obtain again and again. */
#define BUFFER 4096

#define CHECK(what) ((what) ? (void)0 : broken(#what))

static void broken(const char *what)
{
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static struct trace_reader *open_bytes(
	const void *bytes, size_t size, size_t capacity, unsigned flags, struct trace_error *error)
{
	return trace_reader_new(trace_input_memory(bytes, size, error), capacity, flags, error);
}

static void check_places(const struct trace_reader *reader, const struct trace_event *event)
{
	size_t length;
	const char *text = trace_text(reader, event, &length);
	CHECK(memchr(text, '\n', length) == NULL);
	for (int field = TRACE_FIELD_WORD; field <= TRACE_FIELD_COUNT; field++) {
		uint64_t column = trace_column(reader, event, (enum trace_field)field);
		CHECK(column >= 1 && column <= length + 1);
	}
}

static bool same_string(const char *left, size_t left_size, const char *right, size_t right_size)
{
	if (left == NULL || right == NULL)
		return left == right;
	CHECK(left[left_size] == 0 && right[right_size] == 0);
	return left_size == right_size && memcmp(left, right, left_size) == 0;
}

static bool same_create(const struct trace_create *left, const struct trace_create *right)
{
	return left->has == right->has && left->init == right->init && left->max == right->max &&
	       left->min == right->min && left->chunk == right->chunk &&
	       left->block == right->block &&
	       same_string(left->name, left->name_len, right->name, right->name_len) &&
	       same_string(left->ident, left->ident_len, right->ident, right->ident_len);
}

/* Whether two events are one, but for their lines. */
static bool same(const struct trace_event *left, const struct trace_event *right)
{
	if (left->op != right->op || left->ctx != right->ctx || left->chunk != right->chunk ||
		left->id2 != right->id2 || left->size != right->size || left->kind != right->kind ||
		left->has != right->has)
		return false;
	if (left->op == TRACE_CREATE || left->op == TRACE_IDENT)
		return same_create(left->create, right->create);
	return left->align == right->align;
}

static bool same_error(const struct trace_error *left, const struct trace_error *right)
{
	CHECK(left->message[0] != 0);
	return left->line == right->line && left->column == right->column &&
	       left->system == right->system && strcmp(left->message, right->message) == 0;
}

/* Reads on in both, event by event, and compares, lines and errors too where LINES says so. */
static void read_both(struct trace_reader *left, struct trace_reader *right, bool lines)
{
	for (size_t i = 0; i < EVENTS_MAX; i++) {
		struct trace_event one, other;
		ptrdiff_t got = trace_read(left, &one, 1);
		CHECK(got == trace_read(right, &other, 1));
		if (lines && (got < 0 || (got > 0 && one.op == TRACE_BAD)))
			CHECK(same_error(trace_last_error(left), trace_last_error(right)));
		if (got <= 0)
			return;
		CHECK(same(&one, &other));
		CHECK(!lines || one.line == other.line);
		check_places(left, &one);
		check_places(right, &other);
	}
}

static void check_buffers(const void *data, size_t size, unsigned flags)
{
	struct trace_error one = {0}, other = {0};
	struct trace_reader *left = open_bytes(data, size, BUFFER, flags, &one);
	struct trace_reader *right = open_bytes(data, size, 1 + size % 100, flags, &other);
	CHECK((left == NULL) == (right == NULL));
	if (left == NULL)
		CHECK(one.line == other.line && one.column == other.column && one.message[0] != 0);
	else
		read_both(left, right, true);
	trace_close(left);
	trace_close(right);
}

/* The normal form, or NULL. */
static char *normalise(const void *data, size_t size, size_t *length)
{
	struct trace_error error;
	char *text = NULL;
	struct trace_reader *reader = open_bytes(data, size, BUFFER, 0, &error);
	if (reader == NULL)
		return NULL;
	FILE *out = open_memstream(&text, length);
	CHECK(out != NULL);
	int status = trace_normalise_reader(reader, out, &error);
	fclose(out);
	trace_close(reader);
	if (status == 0)
		return text;
	free(text);
	return NULL;
}

static void check_normal_form(const void *data, size_t size)
{
	size_t length, again_length;
	char *text = normalise(data, size, &length);
	if (text == NULL)
		return;
	char *again = normalise(text, length, &again_length);
	CHECK(again != NULL && again_length == length && memcmp(text, again, length) == 0);
	free(again);
	free(text);
}

/* Writes the events, BAD ones apart, and reads them again beside those of the input. */
static void check_written(const void *data, size_t size)
{
	struct trace_event event;
	struct trace_error error;
	char *text = NULL;
	size_t length = 0;
	struct trace_reader *reader = open_bytes(data, size, 100, 0, &error);
	if (reader == NULL)
		return;
	FILE *out = open_memstream(&text, &length);
	CHECK(out != NULL);
	trace_write_header(out);
	ptrdiff_t got;
	while ((got = trace_read(reader, &event, 1)) > 0)
		trace_write_event(out, &event);
	fclose(out);
	trace_close(reader);
	if (got == 0) {
		reader = open_bytes(data, size, BUFFER, 0, &error);
		struct trace_reader *written = open_bytes(text, length, BUFFER, 0, &error);
		CHECK(reader != NULL && written != NULL);
		read_both(reader, written, false);
		trace_close(reader);
		trace_close(written);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool compressed;
	trace_recognise(data, size, &compressed);
	check_buffers(data, size, 0);
	check_buffers(data, size, TRACE_KEEP_GOING);
	if (compressed)
		return 0;
	check_normal_form(data, size);
	check_written(data, size);
	return 0;
}
