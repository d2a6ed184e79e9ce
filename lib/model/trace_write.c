/* SPDX-License-Identifier: MIT */
/*
 * Normal form: one blank between fields, decimal numbers, keys in alphabetical order, the fewest
 * escapes.  What was read from a trace in normal form is written as the same bytes.
 */
#include <errno.h>
#include <string.h>

#include "model/trace_internal.h"
#include "model/utf8.h"

/* ---- Fields -------------------------------------------------------------------------- */

static void write_text(FILE *out, const char *text)
{
	fputs_unlocked(text, out);
}

static void write_number(FILE *out, char before, uint64_t number)
{
	char digits[24];
	char *at = digits + sizeof(digits);
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	*--at = before;
	fwrite_unlocked(at, 1, (size_t)(digits + sizeof(digits) - at), out);
}

static void write_escape(FILE *out, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF";
	char escape[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
	fwrite_unlocked(escape, 1, sizeof(escape), out);
}

static void write_odd(FILE *out, const char *from, size_t length)
{
	switch (*from) {
	case '"':
		write_text(out, "\\\"");
		return;
	case '\\':
		write_text(out, "\\\\");
		return;
	case '\n':
		write_text(out, "\\n");
		return;
	case '\t':
		write_text(out, "\\t");
		return;
	default:
		for (size_t i = 0; i < length; i++)
			write_escape(out, (unsigned char)from[i]);
	}
}

/*
 * A quoted string with the fewest escapes: \" \\ \n \t, \xHH for the bytes of other control
 * characters and for those that are not UTF-8.
 */
static void write_string(FILE *out, const char *string, size_t length)
{
	size_t written = 0, at = 0;
	putc_unlocked('"', out);
	while (at < length) {
		uint32_t code;
		size_t size = utf8_decode(string + at, length - at, &code);
		if (size > 0 && code != '"' && code != '\\' && !trace_is_control(code)) {
			at += size;
			continue;
		}
		fwrite_unlocked(string + written, 1, at - written, out);
		size = size > 0 ? size : 1;
		write_odd(out, string + at, size);
		at += size;
		written = at;
	}
	fwrite_unlocked(string + written, 1, at - written, out);
	putc_unlocked('"', out);
}

static void write_parent(FILE *out, const struct trace_event *event)
{
	if ((event->has & TRACE_HAS_PARENT) != 0)
		write_number(out, ' ', event->id2);
	else
		write_text(out, " -");
}

/* ---- Keys ---------------------------------------------------------------------------- */

static void write_number_key(FILE *out, const char *name, uint64_t number)
{
	putc_unlocked(' ', out);
	write_text(out, name);
	write_number(out, '=', number);
}

static void write_key(FILE *out, const struct trace_event *event, unsigned key)
{
	switch (key) {
	case TRACE_KEY_ALIGN:
		write_number_key(out, "align", event->align);
		break;
	case TRACE_KEY_BLOCK:
		write_number_key(out, "block", event->create->block);
		break;
	case TRACE_KEY_CHUNK:
		write_number_key(out, "chunk", event->create->chunk);
		break;
	case TRACE_KEY_CLASSES:
		write_number_key(out, "classes", event->create->classes);
		break;
	case TRACE_KEY_IDENT:
		write_text(out, " ident=");
		write_string(out, event->create->ident, event->create->ident_len);
		break;
	case TRACE_KEY_INIT:
		write_number_key(out, "init", event->create->init);
		break;
	case TRACE_KEY_MAX:
		write_number_key(out, "max", event->create->max);
		break;
	case TRACE_KEY_MIN:
		write_number_key(out, "min", event->create->min);
		break;
	}
}

/* The keys that the event itself knows, in alphabetical order. */
static void write_event_keys(FILE *out, const struct trace_event *event)
{
	static const unsigned order[] = {TRACE_KEY_BLOCK, TRACE_KEY_CHUNK, TRACE_KEY_CLASSES,
		TRACE_KEY_IDENT, TRACE_KEY_INIT, TRACE_KEY_MAX, TRACE_KEY_MIN};
	if (event->op == TRACE_ALLOC && (event->has & TRACE_HAS_ALIGN) != 0)
		write_key(out, event, TRACE_KEY_ALIGN);
	if (event->op != TRACE_CREATE)
		return;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if ((event->create->has & order[i]) != 0)
			write_key(out, event, order[i]);
	}
}

/* The keys that stood in a line, those that nobody knows as they were. */
static void write_line_keys(
	FILE *out, const struct trace_event *event, const struct trace_keys *keys)
{
	for (size_t i = 0; i < keys->used; i++) {
		const struct trace_key *key = &keys->key[i];
		if (key->known != 0) {
			write_key(out, event, key->known);
			continue;
		}
		putc_unlocked(' ', out);
		fwrite_unlocked(key->start, 1, (size_t)(key->end - key->start), out);
	}
}

/* ---- Lines --------------------------------------------------------------------------- */

static void write_create(FILE *out, const struct trace_event *event)
{
	write_number(out, ' ', event->ctx);
	write_parent(out, event);
	putc_unlocked(' ', out);
	write_text(out, trace_kind_name((enum trace_kind)event->kind));
	putc_unlocked(' ', out);
	write_string(out, event->create->name, event->create->name_len);
}

/* The word and its fields, up to the keys. */
static void write_fields(FILE *out, const struct trace_event *event)
{
	write_text(out, trace_op_name((enum trace_op)event->op));
	switch ((enum trace_op)event->op) {
	case TRACE_CREATE:
		write_create(out, event);
		break;
	case TRACE_IDENT:
		write_number(out, ' ', event->ctx);
		putc_unlocked(' ', out);
		write_string(out, event->create->ident, event->create->ident_len);
		break;
	case TRACE_ALLOC:
		write_number(out, ' ', event->ctx);
		write_number(out, ' ', event->chunk);
		write_number(out, ' ', event->size);
		break;
	case TRACE_REALLOC:
		write_number(out, ' ', event->chunk);
		write_number(out, ' ', event->size);
		if ((event->has & TRACE_HAS_NEWCHUNK) != 0)
			write_number(out, ' ', event->id2);
		break;
	case TRACE_FREE:
		write_number(out, ' ', event->chunk);
		break;
	case TRACE_RESET:
	case TRACE_RESETONLY:
	case TRACE_DELETE:
	case TRACE_DELETECHILDREN:
		write_number(out, ' ', event->ctx);
		break;
	case TRACE_MOVE:
		write_number(out, ' ', event->ctx);
		write_parent(out, event);
		break;
	case TRACE_BASE:
		write_number(out, ' ', event->ctx);
		write_number(out, ' ', event->size);
		write_number(out, ' ', event->id2);
		break;
	case TRACE_FREEBASE:
		write_number(out, ' ', event->ctx);
		write_number(out, ' ', event->size);
		break;
	default:
		write_number(out, ' ', event->size);
		break;
	}
}

void trace_write_header(FILE *out)
{
	write_text(out, "memctx-trace 1\n");
}

void trace_write_event(FILE *out, const struct trace_event *event)
{
	write_fields(out, event);
	write_event_keys(out, event);
	putc_unlocked('\n', out);
}

/* ---- A whole trace ------------------------------------------------------------------- */

/* A comment without the blanks (and CRs) at its ends, or an empty line. */
static void write_nothing(FILE *out, const struct trace_line *line)
{
	const char *end = line->end;
	while (end > line->at && (trace_is_blank(end[-1]) || end[-1] == '\r'))
		end--;
	fwrite_unlocked(line->at, 1, (size_t)(end - line->at), out);
	putc_unlocked('\n', out);
}

/* One line by the grammar, which takes what the fast path does not.  -1: it is in error. */
static int normalise_line(struct trace_reader *reader, FILE *out)
{
	struct trace_event event;
	struct trace_line line;
	trace_batch_begin(reader);
	switch (trace_step(reader, &event, &line)) {
	case STEP_ERROR:
		return -1;
	case STEP_NOTHING:
		write_nothing(out, &line);
		return 0;
	case STEP_EVENT:
		write_fields(out, &event);
		trace_keys_sort(&reader->parser.keys);
		write_line_keys(out, &event, &reader->parser.keys);
		putc_unlocked('\n', out);
		return 0;
	}
	return 0;
}

/* The complete lines that the reader holds.  -1: one is in error; 1: OUT failed. */
static int normalise_buffer(struct trace_reader *reader, FILE *out)
{
	struct trace_event events[64];
	while (reader->at < reader->limit) {
		size_t scanned =
			trace_scan(reader->buffer, &reader->at, reader->limit, reader->line,
				&reader->parser.time, events, sizeof(events) / sizeof(events[0]));
		reader->line += scanned;
		for (size_t i = 0; i < scanned; i++)
			trace_write_event(out, &events[i]);
		if (reader->at < reader->limit && normalise_line(reader, out) != 0)
			return -1;
		if (ferror_unlocked(out))
			return 1;
	}
	return 0;
}

int trace_normalise_reader(struct trace_reader *reader, FILE *out, struct trace_error *error)
{
	int status;
	trace_write_header(out);
	for (;;) {
		status = normalise_buffer(reader, out);
		if (status == 0)
			status = trace_fill(reader);
		else if (status > 0)
			return 3;
		if (status == 0)
			return 0;
		if (status < 0) {
			*error = reader->error;
			return 1;
		}
	}
}

int trace_normalise(const char *path, FILE *out, struct trace_error *error)
{
	struct trace_reader *reader = trace_open(path, 0, error);
	if (reader == NULL)
		return 1;
	int status = trace_normalise_reader(reader, out, error);
	trace_close(reader);
	int failed = errno;
	if (fflush(out) != 0)
		return 3;
	errno = failed;
	return status;
}
