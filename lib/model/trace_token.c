/* SPDX-License-Identifier: MIT */
/*
 * The fields of a line, the numbers and strings in them, and the words of errors about them.
 * An error's column is where its field begins, whatever in the field is wrong.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "model/trace_internal.h"
#include "model/utf8.h"

/* How much of what was found an error shows. */
#define SHOWN 64

/* Writes one byte as \xHH. */
static void show_byte(char *out, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF";
	out[0] = '\\';
	out[1] = 'x';
	out[2] = digits[byte >> 4];
	out[3] = digits[byte & 15];
}

bool trace_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

void trace_show(char *out, size_t room, const char *text, size_t size)
{
	static const char more[] = "…";
	size_t length = 0, fits = 0;
	for (size_t at = 0; at < size;) {
		uint32_t code;
		size_t from = utf8_decode(text + at, size - at, &code);
		bool plain = from > 0 && !trace_is_control(code);
		from = from > 0 ? from : 1;
		size_t to = plain ? from : 4 * from;
		if (length + to >= room) {
			memcpy(out + fits, more, sizeof(more));
			return;
		}
		for (size_t i = 0; i < from; i++) {
			if (plain)
				out[length + i] = text[at + i];
			else
				show_byte(out + length + 4 * i, (unsigned char)text[at + i]);
		}
		at += from;
		length += to;
		if (length + sizeof(more) <= room)
			fits = length;
	}
	out[length] = 0;
}

static void fill_error(struct trace_line *line, const char *at, const char *format, va_list args)
{
	struct trace_error *error = line->error;
	error->line = line->number;
	error->column = (uint64_t)(at - line->start) + 1;
	error->system = 0;
	vsnprintf(error->message, sizeof(error->message), format, args);
}

void trace_line_error(struct trace_line *line, const char *at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fill_error(line, at, format, args);
	va_end(args);
}

void trace_expected(
	struct trace_line *line, const char *from, const char *to, const char *format, ...)
{
	char wanted[256], found[SHOWN];
	va_list args;
	va_start(args, format);
	vsnprintf(wanted, sizeof(wanted), format, args);
	va_end(args);
	if (from == to) {
		trace_line_error(line, from, "expected %s, found the end of the line", wanted);
		return;
	}
	trace_show(found, sizeof(found), from, (size_t)(to - from));
	trace_line_error(line, from, "expected %s, found \"%s\"", wanted, found);
}

void trace_system_error(struct trace_error *error, int number)
{
	*error = (struct trace_error){.system = number};
	snprintf(error->message, sizeof(error->message), "%s", strerror(number));
}

/* Where the string that opens at FROM ends, its closing quote included; NULL: it does not. */
static const char *string_end(const char *from, const char *end)
{
	const char *p = from + 1;
	const char *quote = memchr(p, '"', (size_t)(end - p));
	if (quote == NULL || memchr(p, '\\', (size_t)(quote - p)) == NULL)
		return quote != NULL ? quote + 1 : NULL;
	for (; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}

const char *trace_bad_byte(const char *from, const char *to)
{
	size_t size = (size_t)(to - from);
	const char *zero = memchr(from, 0, size);
	size_t valid = utf8_prefix(from, zero != NULL ? (size_t)(zero - from) : size);
	return valid < size ? from + valid : NULL;
}

/* Whether the bytes of a field are text. */
static int check_bytes(struct trace_line *line, const char *from, const char *to)
{
	const char *bad = trace_bad_byte(from, to);
	if (bad == NULL)
		return 0;
	unsigned long long column = (unsigned long long)(bad - line->start) + 1;
	if (*bad == 0)
		trace_line_error(line, from,
			"a byte 0 at column %llu; expected UTF-8 text without it", column);
	else
		trace_line_error(line, from,
			"the byte \\x%02X at column %llu is not UTF-8; expected UTF-8 text "
			"(\\xHH in a string stands for any byte)",
			(unsigned char)*bad, column);
	return -1;
}

/* A quoted string, alone or as a key's value: from its opening quote on. */
static int token_string(struct trace_line *line, struct trace_token *token, const char *quote)
{
	const char *end = string_end(quote, line->end);
	token->end = end != NULL ? end : line->end;
	if (!line->valid && check_bytes(line, token->start, token->end) != 0)
		return -1;
	if (end == NULL) {
		trace_line_error(line, token->start,
			"the string does not end; expected a closing \" in the same line");
		return -1;
	}
	if (end < line->end && !trace_is_blank(*end)) {
		char found[SHOWN];
		trace_show(found, sizeof(found), end, (size_t)(line->end - end));
		trace_line_error(line, token->start,
			"expected a blank after the string's closing \", found \"%s\"", found);
		return -1;
	}
	line->at = end;
	return 0;
}

int trace_token_next(struct trace_line *line, struct trace_token *token)
{
	static const bool stops[256] = {[' '] = true, ['\t'] = true, ['='] = true};
	const char *p = line->at, *end = line->end;
	while (p < end && trace_is_blank(*p))
		p++;
	*token = (struct trace_token){.start = p, .end = p};
	if (p == end)
		return 0;
	token->shape = TOKEN_BARE;
	if (*p == '"') {
		token->shape = TOKEN_STRING;
		return token_string(line, token, p);
	}
	while (p < end && !stops[(unsigned char)*p])
		p++;
	if (p > token->start && p < end && *p == '=') {
		token->shape = TOKEN_KEY;
		token->value = ++p;
		if (p < end && *p == '"')
			return token_string(line, token, p);
	}
	while (p < end && !trace_is_blank(*p))
		p++;
	token->end = line->at = p;
	return line->valid ? 0 : check_bytes(line, token->start, p);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum trace_number hex_read(const char *from, const char *to, uint64_t *number)
{
	uint64_t value = 0;
	bool big = false;
	for (const char *p = from; p < to; p++) {
		int digit = hex_digit(*p);
		if (digit < 0)
			return NUMBER_NOT_ONE;
		big |= value >> 60 != 0;
		value = value << 4 | (uint64_t)digit;
	}
	*number = value;
	return from == to ? NUMBER_NOT_ONE : big ? NUMBER_TOO_BIG : NUMBER_READ;
}

enum trace_number trace_number_read(const char *from, const char *to, uint64_t *number)
{
	if (to - from > 2 && from[0] == '0' && from[1] == 'x')
		return hex_read(from + 2, to, number);
	uint64_t value = 0;
	bool big = false;
	const char *p = from;
	/* So many digits always fit. */
	for (const char *safe = to - from < 19 ? to : from + 19; p < safe; p++) {
		unsigned digit = (unsigned char)*p - (unsigned)'0';
		if (digit > 9)
			return NUMBER_NOT_ONE;
		value = 10 * value + digit;
	}
	for (; p < to; p++) {
		if (*p < '0' || *p > '9')
			return NUMBER_NOT_ONE;
		big |= __builtin_mul_overflow(value, 10, &value);
		big |= __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value);
	}
	*number = value;
	return from == to ? NUMBER_NOT_ONE : big ? NUMBER_TOO_BIG : NUMBER_READ;
}

/* The byte that the escape after the backslash at FROM makes; *NEXT is what follows.  -1: none. */
static int escape_decode(const char *from, const char *to, const char **next)
{
	*next = from + 2;
	switch (from[1]) {
	case '"':
	case '\\':
		return (unsigned char)from[1];
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'x':
		break;
	default:
		return -1;
	}
	int high = to - from > 2 ? hex_digit(from[2]) : -1;
	int low = to - from > 3 ? hex_digit(from[3]) : -1;
	*next = from + 4;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* An escape that makes no byte (BYTE is -1), or the byte 0. */
static void escape_error(struct trace_line *line, const char *escape, const char *to, int byte,
	const char *column_of)
{
	unsigned long long column = (unsigned long long)(escape - line->start) + 1;
	if (byte == 0) {
		trace_line_error(line, column_of,
			"\\x00 at column %llu makes a byte 0; expected any other byte", column);
		return;
	}
	/* What the escape should have been: \ and a character, or \x and two. */
	uint32_t code;
	char found[SHOWN];
	size_t size = 4;
	if (escape[1] != 'x')
		size = 1 + utf8_decode(escape + 1, (size_t)(to - escape - 1), &code);
	if (size > (size_t)(to - escape))
		size = (size_t)(to - escape);
	trace_show(found, sizeof(found), escape, size);
	trace_line_error(line, column_of,
		"unknown escape %s at column %llu; expected \\\", \\\\, \\n, \\t or \\xHH, two "
		"hexadecimal digits",
		found, column);
}

ptrdiff_t trace_string_decode(
	struct trace_line *line, const char *from, const char *to, char *out, const char *column_of)
{
	const char *end = to - 1;
	ptrdiff_t length = 0;
	for (const char *p = from + 1; p < end; length++) {
		const char *escape = memchr(p, '\\', (size_t)(end - p));
		size_t run = (size_t)((escape != NULL ? escape : end) - p);
		if (out != NULL)
			memcpy(out + length, p, run);
		length += (ptrdiff_t)run;
		if (escape == NULL)
			break;
		int byte = escape_decode(escape, end, &p);
		if (byte <= 0) {
			escape_error(line, escape, end, byte, column_of);
			return -1;
		}
		if (out != NULL)
			out[length] = (char)byte;
	}
	if (out != NULL)
		out[length] = 0;
	return length;
}
