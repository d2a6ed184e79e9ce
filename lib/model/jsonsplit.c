/* SPDX-License-Identifier: MIT */
/*
 * Taking JSON apart: a byte at a time, with a stack of open objects whose texts lie one behind
 * the other in one buffer; the innermost is the last and the only one that grows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/jsonsplit.h"

#define NUMBER_DIGITS 16 /* what a double holds for certain has fewer */

void split_init(struct jsonsplit *split, FILE *in)
{
	*split = (struct jsonsplit){.in = in, .line = 1};
}

void split_done(struct jsonsplit *split)
{
	free(split->text);
	split->text = NULL;
}

uint64_t split_column(const struct jsonsplit *split)
{
	return split->before_buffer + split->at - split->before_line;
}

/* The byte last read is at fault. */
static int fail(struct jsonsplit *split, const char *message)
{
	if (split->message)
		return -1;
	split->column = split_column(split);
	split->message = message;
	return -1;
}

static int fail_system(struct jsonsplit *split, int error, const char *message)
{
	if (!split->message)
		split->system = error;
	return fail(split, message);
}

/* Fills the buffer; false at the end and where reading fails. */
static bool fill(struct jsonsplit *split)
{
	split->before_buffer += split->end;
	split->at = 0;
	split->end = fread(split->buffer, 1, sizeof split->buffer, split->in);
	return split->end;
}

/* Begins a line where the last one ended. */
static inline void begin_line(struct jsonsplit *split)
{
	if (split->line_ended) {
		split->line++;
		split->before_line = split->before_buffer + split->at;
		split->line_ended = false;
	}
}

/* The next byte; EOF at the end and where reading fails. */
static inline int get(struct jsonsplit *split)
{
	int c;

	begin_line(split);
	if (split->at == split->end && !fill(split))
		return EOF;
	c = (unsigned char)split->buffer[split->at++];
	split->line_ended = c == '\n';
	return c;
}

/* What to say of C where it cannot be; the end of the input has no byte, but a place. */
static int fail_at(struct jsonsplit *split, int c, const char *message)
{
	if (split->message)
		return -1;
	if (c == EOF && ferror(split->in))
		return fail_system(split, errno, "cannot be read");
	fail(split, message);
	split->column += c == EOF;
	return -1;
}

static bool blank(int c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static int get_past_blanks(struct jsonsplit *split)
{
	int c = get(split);

	while (blank(c))
		c = get(split);
	return c;
}

/* Makes room for SIZE more bytes and a few to end the text with. */
static int reserve(struct jsonsplit *split, size_t size)
{
	size_t need = split->size + size + 16, room = split->room ? split->room : 4096;
	char *text;

	if (need <= split->room)
		return 0;
	if (need > SPLIT_ROOM)
		return fail(split, "an object's own members take more than 64 MiB");
	while (room < need)
		room *= 2;
	text = realloc(split->text, room);
	if (!text)
		return fail_system(split, ENOMEM, "out of memory");
	split->text = text;
	split->room = room;
	return 0;
}

static int put(struct jsonsplit *split, int c)
{
	if (split->size + 16 > split->room && reserve(split, 1))
		return -1;
	split->text[split->size++] = (char)c;
	return 0;
}

static int put_text(struct jsonsplit *split, const char *text)
{
	size_t length = strlen(text);

	if (reserve(split, length))
		return -1;
	memcpy(split->text + split->size, text, length);
	split->size += length;
	return 0;
}

/* ---- Inside an object ----------------------------------------------------------------- */

static bool number_byte(int c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* A number has ended: where a double may not hold it, it becomes a string. */
static int end_number(struct jsonsplit *split)
{
	char *digits = split->text + split->number;
	size_t length = split->size - split->number;

	split->in_number = false;
	if (length < NUMBER_DIGITS || *digits == '0')
		return 0;
	for (size_t i = 0; i < length; i++)
		if (digits[i] < '0' || digits[i] > '9')
			return 0;
	if (reserve(split, 16))
		return -1;
	digits = split->text + split->number;
	memmove(digits + 2, digits, length);
	digits[0] = '"';
	digits[1] = SPLIT_NUMBER;
	split->size += 2;
	return put(split, '"');
}

/* The bytes after a backslash; "\u0000" would end the string early in C. */
static int copy_escape(struct jsonsplit *split)
{
	int c = get(split), digits = 0;
	bool zero = true;

	if (c == EOF)
		return fail_at(split, c, "the file ends inside a string");
	if (put(split, c))
		return -1;
	if (c != 'u')
		return 0;
	for (; digits < 4; digits++) {
		c = get(split);
		if (c == EOF || c == '"')
			return fail_at(split, c, "a \\u escape lacks its four digits");
		if (put(split, c))
			return -1;
		zero &= c == '0';
	}
	return zero ? fail(split, "a string holds a character 0") : 0;
}

/* Copies what is in the buffer of a string up to a byte that means something. */
static int copy_plain(struct jsonsplit *split)
{
	const char *from = split->buffer + split->at;
	size_t left = split->end - split->at, n = 0;

	while (n < left && from[n] != '"' && from[n] != '\\' && (unsigned char)from[n] >= ' ')
		n++;
	if (reserve(split, n))
		return -1;
	memcpy(split->text + split->size, from, n);
	split->size += n;
	split->at += n;
	return 0;
}

/* Copies a string whose quote has been read. */
static int copy_string(struct jsonsplit *split)
{
	int c;

	if (put(split, '"'))
		return -1;
	for (;;) {
		if (copy_plain(split))
			return -1;
		c = get(split);
		if (c == EOF)
			return fail_at(split, c, "the file ends inside a string");
		if (c < ' ')
			return fail(split, "a string holds a control character, or lacks its end");
		if (put(split, c))
			return -1;
		if (c == '"')
			return 0;
		if (c == '\\' && copy_escape(split))
			return -1;
	}
}

/* Copies C, a byte of a number, and those that follow in the buffer. */
static int copy_number(struct jsonsplit *split, int c)
{
	if (!split->in_number)
		split->number = split->size;
	split->in_number = true;
	split->before = '0';
	if (put(split, c))
		return -1;
	while (split->at < split->end && number_byte((unsigned char)split->buffer[split->at]))
		if (put(split, split->buffer[split->at++]))
			return -1;
	return 0;
}

static int object_byte(struct jsonsplit *split, int c);

/* What follows a key that names a list: the list, or else a value like any other. */
static int list_value(struct jsonsplit *split)
{
	struct split_frame *frame = &split->frames[split->n - 1];
	int c = get_past_blanks(split);

	if (c != ':')
		return fail_at(split, c, "expected \":\"");
	if (put(split, ':'))
		return -1;
	split->before = ':';
	c = get_past_blanks(split);
	if (c != '[')
		return object_byte(split, c);
	if (frame->has_list)
		return fail(split, "a second list of contexts in one object");
	frame->has_list = true;
	split->mode = SPLIT_LIST;
	split->first = true;
	return put_text(split, "null");
}

static int object_string(struct jsonsplit *split)
{
	bool key = split->depth == 1 && (split->before == '{' || split->before == ',');
	const char *list = split->n == 1 ? "\"contexts\"" : "\"children\"";
	size_t start = split->size;

	if (copy_string(split))
		return -1;
	split->before = '"';
	if (key && split->size - start == strlen(list) &&
		!memcmp(split->text + start, list, strlen(list)))
		return list_value(split);
	return 0;
}

/* Deals with the byte C of the innermost object, which may end it (depth is 0 then). */
static int object_byte(struct jsonsplit *split, int c)
{
	if (c == EOF)
		return fail_at(split, c, "the file ends inside an object");
	if (!c)
		return fail(split, "a byte 0");
	if (number_byte(c))
		return copy_number(split, c);
	if (split->in_number && end_number(split))
		return -1;
	if (c == '"')
		return object_string(split);
	if (c == '{' || c == '[')
		split->depth++;
	else if (c == '}' || c == ']')
		split->depth--;
	if (!blank(c))
		split->before = (char)c;
	return put(split, blank(c) ? ' ' : c);
}

/* ---- From object to object ------------------------------------------------------------ */

/* Opens an object whose brace has been read. */
static enum split_event open_frame(struct jsonsplit *split)
{
	struct split_frame *frame = &split->frames[split->n];

	if (split->n == SPLIT_LEVELS) {
		fail(split, "contexts are nested deeper than 400 levels; such trees are read flat");
		return SPLIT_ERROR;
	}
	*frame = (struct split_frame){
		.start = split->size, .line = split->line, .column = split_column(split)};
	split->n++;
	split->mode = SPLIT_OBJECT;
	split->depth = 1;
	split->before = '{';
	return put(split, '{') ? SPLIT_ERROR : SPLIT_OPEN;
}

/* Takes away the object that was closed; what is around it is a list, or nothing. */
static void drop_frame(struct jsonsplit *split)
{
	split->closed = false;
	split->size = split->frames[--split->n].start;
	split->mode = split->n ? SPLIT_LIST : SPLIT_TOP;
	split->first = false;
}

static enum split_event next_in_object(struct jsonsplit *split)
{
	while (split->mode == SPLIT_OBJECT && split->depth)
		if (object_byte(split, get(split)))
			return SPLIT_ERROR;
	if (split->mode == SPLIT_LIST)
		return SPLIT_BEGIN;
	split->closed = true;
	return SPLIT_CLOSE;
}

/* The next object of a list, or (SPLIT_END) the list's end, behind which its object goes on. */
static enum split_event next_in_list(struct jsonsplit *split)
{
	int c = get_past_blanks(split);

	if (c == ']') {
		split->mode = SPLIT_OBJECT;
		split->depth = 1;
		split->before = ']';
		return SPLIT_END;
	}
	if (!split->first && c == ',')
		c = get_past_blanks(split);
	else if (!split->first) {
		fail_at(split, c, "expected \",\" or \"]\" after a context");
		return SPLIT_ERROR;
	}
	if (c == '{')
		return open_frame(split);
	fail_at(split, c, "expected \"{\", the begin of a context");
	return SPLIT_ERROR;
}

static enum split_event next_at_top(struct jsonsplit *split)
{
	int c = get_past_blanks(split);

	if (c == '{')
		return open_frame(split);
	if (c == EOF && !ferror(split->in))
		return SPLIT_END;
	fail_at(split, c, "expected \"{\", the begin of an object");
	return SPLIT_ERROR;
}

enum split_event split_next(struct jsonsplit *split)
{
	enum split_event event = SPLIT_END;

	if (split->message)
		return SPLIT_ERROR;
	if (split->closed)
		drop_frame(split);
	if (split->mode == SPLIT_TOP)
		return next_at_top(split);
	if (split->mode == SPLIT_LIST)
		event = next_in_list(split);
	return event == SPLIT_END ? next_in_object(split) : event;
}

char *split_text(struct jsonsplit *split, size_t *size)
{
	size_t start = split->frames[split->n - 1].start, end = split->size;

	/* put() and reserve() leave room for these. */
	if (!split->closed)
		split->text[end++] = '}';
	split->text[end] = '\0';
	*size = end - start;
	return split->text + start;
}

/* Where the line that begins in the buffer ends, after reading on if that is needed; or NULL. */
static char *line_end(struct jsonsplit *split)
{
	char *buffer = split->buffer;
	char *end = memchr(buffer + split->at, '\n', split->end - split->at);

	if (end)
		return end;
	split->before_buffer += split->at;
	split->end -= split->at;
	memmove(buffer, buffer + split->at, split->end);
	split->at = 0;
	split->end += fread(buffer + split->end, 1, sizeof split->buffer - split->end, split->in);
	return memchr(buffer, '\n', split->end);
}

char *split_line(struct jsonsplit *split, size_t *size)
{
	char *end;

	if (split->message)
		return NULL;
	if (split->closed)
		drop_frame(split);
	if (split->mode != SPLIT_TOP)
		return NULL;
	while (split->at < split->end && blank(split->buffer[split->at]))
		get(split);
	begin_line(split);
	end = line_end(split);
	if (!end)
		return NULL;
	split->column = split_column(split) + 1;
	*size = (size_t)(end - split->buffer) - split->at;
	return split->buffer + split->at;
}

void split_pass_line(struct jsonsplit *split, size_t size)
{
	split->at += size + 1;
	split->line_ended = true;
}
