/* SPDX-License-Identifier: MIT */
/*
 * The reader: one buffer that slides over the text, batches of events from the lines in it, and
 * what is asked about them.  The buffer moves only when a batch begins, so that whatever events
 * point to stays where it is until then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/trace_internal.h"

/* A line of TRACE_LINE_MAX bytes and its LF. */
#define CAPACITY_MAX (TRACE_LINE_MAX + 1)

/* ---- The buffer ---------------------------------------------------------------------- */

static int fail(struct trace_reader *reader)
{
	reader->failed = true;
	return -1;
}

static int grow(struct trace_reader *reader)
{
	size_t capacity = 2 * reader->capacity;
	if (capacity > CAPACITY_MAX)
		capacity = CAPACITY_MAX;
	char *buffer = realloc(reader->buffer, capacity + TRACE_PAD);
	if (buffer != NULL)
		reader->buffer = buffer;
	char *strings = realloc(reader->parser.strings, capacity);
	if (strings != NULL)
		reader->parser.strings = strings;
	if (buffer == NULL || strings == NULL) {
		trace_system_error(&reader->error, ENOMEM);
		return fail(reader);
	}
	reader->capacity = capacity;
	return 0;
}

/* Drops what was parsed. */
static void compact(struct trace_reader *reader)
{
	size_t left = reader->end - reader->at;
	memmove(reader->buffer, reader->buffer + reader->at, left);
	reader->base += reader->at;
	reader->end = left;
	reader->limit -= reader->at;
	reader->at = 0;
}

/* The last line may lack its LF: it gets one, in the room behind the text. */
static int close_last_line(struct trace_reader *reader)
{
	if (reader->end == 0)
		return 0;
	reader->buffer[reader->end] = '\n';
	reader->limit = reader->end + 1;
	return 1;
}

static int too_long(struct trace_reader *reader)
{
	reader->error = (struct trace_error){.line = reader->line + 1, .column = CAPACITY_MAX};
	snprintf(reader->error.message, sizeof(reader->error.message),
		"a line of more than %zu bytes; expected its end here at the latest",
		TRACE_LINE_MAX);
	reader->passing = true;
	return -1;
}

/* Reads what fits into the buffer.  1: something came; 0: the end; -1: the error is filled. */
static int read_more(struct trace_reader *reader)
{
	char *to = reader->buffer + reader->end;
	ptrdiff_t got =
		trace_input_read(reader->input, to, reader->capacity - reader->end, &reader->error);
	if (got < 0)
		return fail(reader);
	if (got == 0) {
		reader->ended = true;
		return 0;
	}
	reader->end += (size_t)got;
	memset(reader->buffer + reader->end, 0, TRACE_PAD);
	const char *last = memrchr(to, '\n', (size_t)got);
	if (last != NULL)
		reader->limit = (size_t)(last - reader->buffer) + 1;
	return 1;
}

/* Drops the rest of a line that is too long, without holding it. */
static int pass_line(struct trace_reader *reader)
{
	while (reader->passing) {
		const char *end = memchr(reader->buffer, '\n', reader->end);
		if (end != NULL) {
			reader->at = (size_t)(end - reader->buffer) + 1;
			reader->line++;
			reader->passing = false;
		} else {
			reader->at = reader->limit = reader->end;
		}
		compact(reader);
		if (reader->passing) {
			int status = read_more(reader);
			if (status <= 0)
				return status;
		}
	}
	return 1;
}

int trace_fill(struct trace_reader *reader)
{
	if (reader->ended)
		return 0;
	compact(reader);
	int status = pass_line(reader);
	if (status <= 0)
		return status;
	while (reader->limit == 0) {
		if (reader->end == CAPACITY_MAX)
			return too_long(reader);
		if (reader->end == reader->capacity && grow(reader) != 0)
			return -1;
		status = read_more(reader);
		if (status < 0)
			return -1;
		if (status == 0)
			return close_last_line(reader);
	}
	return 1;
}

/* ---- Lines and batches --------------------------------------------------------------- */

/* The line that begins at START, whose LF lies before LIMIT. */
static struct trace_line line_at(
	const struct trace_reader *reader, size_t start, uint64_t number, struct trace_error *error)
{
	struct trace_line line = {.number = number, .error = error};
	line.start = line.at = reader->buffer + start;
	line.end = memchr(line.start, '\n', reader->limit - start);
	if (line.end > line.start && line.end[-1] == '\r')
		line.end--;
	line.valid = trace_bad_byte(line.start, line.end) == NULL;
	return line;
}

/* Takes the next complete line off the text. */
static struct trace_line take_line(struct trace_reader *reader)
{
	size_t start = reader->at;
	struct trace_line line = line_at(reader, start, reader->line + 1, &reader->error);
	const char *next = line.end + (*line.end == '\r' ? 2 : 1);
	reader->at = (size_t)(next - reader->buffer);
	reader->line++;
	return line;
}

static void note_unknown(struct trace_reader *reader, const struct trace_line *line)
{
	const struct trace_keys *keys = &reader->parser.keys;
	const struct trace_key *first = NULL;
	for (size_t i = 0; i < keys->used; i++) {
		if (keys->key[i].known == 0 && (first == NULL || keys->key[i].start < first->start))
			first = &keys->key[i];
	}
	if (first == NULL)
		return;
	trace_show(reader->unknown, sizeof(reader->unknown), first->start,
		(size_t)(first->value - 1 - first->start));
	reader->has_unknown = true;
	reader->unknown_line = line->number;
	reader->unknown_column = (uint64_t)(first->start - line->start) + 1;
}

/* Nothing stands in the line, or a comment, whose bytes are judged all the same. */
static enum trace_step step_nothing(struct trace_line *line)
{
	if (line->valid)
		return STEP_NOTHING;
	const char *bad = trace_bad_byte(line->at, line->end);
	if (*bad == 0)
		trace_line_error(
			line, bad, "a byte 0 in a comment; expected UTF-8 text without it");
	else
		trace_line_error(line, bad,
			"the byte \\x%02X in a comment is not UTF-8; expected UTF-8 text",
			(unsigned char)*bad);
	return STEP_ERROR;
}

enum trace_step trace_step(
	struct trace_reader *reader, struct trace_event *event, struct trace_line *line)
{
	size_t start = reader->at;
	*line = take_line(reader);
	while (line->at < line->end && trace_is_blank(*line->at))
		line->at++;
	if (line->at == line->end || *line->at == '#')
		return step_nothing(line);
	if (trace_parse_line(&reader->parser, line, event) != 0)
		return STEP_ERROR;
	event->text = (uint32_t)start;
	if (reader->parser.keys.unknown > 0 && !reader->has_unknown)
		note_unknown(reader, line);
	return STEP_EVENT;
}

void trace_batch_begin(struct trace_reader *reader)
{
	reader->parser.creates_used = 0;
	reader->parser.strings_used = 0;
}

/* A line in error: an event that says so, or the end of reading. */
static ptrdiff_t bad_line(
	struct trace_reader *reader, struct trace_event *events, size_t used, uint32_t text)
{
	if (reader->error.system != 0 || (reader->flags & TRACE_KEEP_GOING) == 0) {
		reader->failed = true;
		return used > 0 ? (ptrdiff_t)used : -1;
	}
	events[used] =
		(struct trace_event){.op = TRACE_BAD, .line = reader->error.line, .text = text};
	return (ptrdiff_t)used + 1;
}

ptrdiff_t trace_read(struct trace_reader *reader, struct trace_event *events, size_t max)
{
	size_t used = 0;
	if (reader->failed)
		return -1;
	trace_batch_begin(reader);
	while (used < max && reader->parser.creates_used < TRACE_CREATES) {
		if (reader->at == reader->limit) {
			int status = used > 0 ? 0 : trace_fill(reader);
			if (status < 0 && reader->passing && !reader->failed)
				return bad_line(reader, events, 0, TRACE_NO_TEXT);
			if (status <= 0)
				return status < 0 ? -1 : (ptrdiff_t)used;
		}
		size_t scanned = trace_scan(reader->buffer, &reader->at, reader->limit,
			reader->line, &reader->parser.time, events + used, max - used);
		used += scanned;
		reader->line += scanned;
		if (used == max || reader->at == reader->limit)
			continue;
		struct trace_line line;
		size_t start = reader->at;
		enum trace_step step = trace_step(reader, &events[used], &line);
		if (step == STEP_ERROR)
			return bad_line(reader, events, used, (uint32_t)start);
		used += step == STEP_EVENT;
	}
	return (ptrdiff_t)used;
}

/* ---- Opening ------------------------------------------------------------------------- */

/* Reads the first line. */
static int read_header(struct trace_reader *reader)
{
	struct trace_line line;
	int status = trace_fill(reader);
	if (status < 0 && !reader->passing)
		return -1;
	if (status == 0) {
		reader->error = (struct trace_error){.line = 1, .column = 1};
		snprintf(reader->error.message, sizeof(reader->error.message),
			"expected \"memctx-trace 1\", found an empty file (memctx-tool help trace "
			"shows a minimal trace)");
		return -1;
	}
	if (status < 0) {
		/* No end in sight: what there is will show that this is no trace. */
		reader->buffer[reader->end - 1] = '\n';
		reader->limit = reader->end;
	}
	line = take_line(reader);
	return trace_parse_header(&line) != 0 || status < 0 ? -1 : 0;
}

struct trace_reader *trace_reader_new(
	struct trace_input *input, size_t capacity, unsigned flags, struct trace_error *error)
{
	if (input == NULL)
		return NULL;
	struct trace_reader *reader = calloc(1, sizeof(*reader));
	if (reader == NULL) {
		trace_system_error(error, ENOMEM);
		trace_input_close(input);
		return NULL;
	}
	reader->input = input;
	reader->flags = flags;
	reader->capacity = capacity;
	reader->buffer = malloc(capacity + TRACE_PAD);
	reader->parser.strings = malloc(capacity);
	reader->parser.creates = malloc(TRACE_CREATES * sizeof(*reader->parser.creates));
	if (reader->buffer == NULL || reader->parser.strings == NULL ||
		reader->parser.creates == NULL)
		trace_system_error(&reader->error, ENOMEM);
	else if (read_header(reader) == 0)
		return reader;
	*error = reader->error;
	trace_close(reader);
	return NULL;
}

struct trace_reader *trace_open(const char *path, unsigned flags, struct trace_error *error)
{
	struct trace_input *input = trace_input_open(path, error);
	return trace_reader_new(input, TRACE_BUFFER, flags, error);
}

struct trace_reader *trace_open_fd(int fd, unsigned flags, struct trace_error *error)
{
	struct trace_input *input = trace_input_fd(fd, error);
	return trace_reader_new(input, TRACE_BUFFER, flags, error);
}

struct trace_reader *trace_open_memory(
	const void *text, size_t size, unsigned flags, struct trace_error *error)
{
	struct trace_input *input = trace_input_memory(text, size, error);
	return trace_reader_new(input, TRACE_BUFFER, flags, error);
}

void trace_close(struct trace_reader *reader)
{
	if (reader == NULL)
		return;
	trace_input_close(reader->input);
	free(reader->buffer);
	free(reader->parser.strings);
	free(reader->parser.creates);
	free(reader->parser.keys.key);
	free(reader);
}

/* ---- What is asked about a batch ------------------------------------------------------ */

const struct trace_error *trace_last_error(const struct trace_reader *reader)
{
	return &reader->error;
}

const char *trace_text(
	const struct trace_reader *reader, const struct trace_event *event, size_t *length)
{
	if (event->text == TRACE_NO_TEXT) {
		*length = 0;
		return "";
	}
	struct trace_line line = line_at(reader, event->text, event->line, NULL);
	*length = (size_t)(line.end - line.start);
	return line.start;
}

uint64_t trace_column(
	const struct trace_reader *reader, const struct trace_event *event, enum trace_field field)
{
	struct trace_error ignored;
	if (event->text == TRACE_NO_TEXT)
		return 1;
	struct trace_line line = line_at(reader, event->text, event->line, &ignored);
	const char *at = trace_find_field(&line, (enum trace_op)event->op, field);
	return (uint64_t)(at - line.start) + 1;
}

uint64_t trace_position(const struct trace_reader *reader)
{
	return trace_input_position(reader->input);
}

uint64_t trace_length(const struct trace_reader *reader)
{
	return trace_input_length(reader->input);
}

uint64_t trace_text_bytes(const struct trace_reader *reader)
{
	return reader->base + (reader->at < reader->end ? reader->at : reader->end);
}

bool trace_unknown_key(
	const struct trace_reader *reader, char key[static 64], uint64_t *line, uint64_t *column)
{
	if (!reader->has_unknown)
		return false;
	memcpy(key, reader->unknown, sizeof(reader->unknown));
	*line = reader->unknown_line;
	*column = reader->unknown_column;
	return true;
}

/* ---- Places --------------------------------------------------------------------------- */

bool trace_tell(const struct trace_reader *reader, const struct trace_event *event,
	struct trace_place *place)
{
	*place = (struct trace_place){reader->base + reader->at, reader->line, 0};
	if (event == NULL)
		return !reader->passing;
	*place = (struct trace_place){reader->base + event->text, event->line - 1, 0};
	return event->text != TRACE_NO_TEXT;
}

void trace_go(struct trace_reader *reader, const struct trace_place *place)
{
	trace_input_go(reader->input, place->offset);
	reader->at = reader->limit = reader->end = 0;
	reader->base = place->offset;
	reader->line = place->lines;
	reader->parser.time = place->time_ns;
	reader->ended = reader->failed = reader->passing = false;
}
