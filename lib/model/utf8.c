/* SPDX-License-Identifier: MIT */
/*
 * Decoding UTF-8.  A sequence is judged by its code: below the least that its length is for, it is
 * overlong.
 */
#include <stdio.h>
#include <string.h>

#include "model/utf8.h"

#include <string.h>

size_t utf8_decode(const char *text, size_t size, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length;

	if (!size)
		return 0;
	if (bytes[0] < 0x80) {
		*code = bytes[0];
		return 1;
	}
	length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > size)
		return 0;
	*code = bytes[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (bytes[i] & 0x3fu);
	}
	if (*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return length;
}

static bool eight_are_ascii(const char *text)
{
	uint64_t word;

	memcpy(&word, text, sizeof(word));
	return (word & UINT64_C(0x8080808080808080)) == 0;
}

size_t utf8_prefix(const char *text, size_t size)
{
	uint32_t code;
	size_t at = 0;

	while (at < size) {
		if (size - at >= 8 && eight_are_ascii(text + at)) {
			at += 8;
			continue;
		}
		if (size - at < 8 && size >= 8 && eight_are_ascii(text + size - 8))
			return size;
		size_t length = utf8_decode(text + at, size - at, &code);
		if (!length)
			break;
		at += length;
	}
	return at;
}

bool utf8_valid(const char *text, size_t size)
{
	return utf8_prefix(text, size) == size;
}

void utf8_escape(char *out, const char *text)
{
	size_t size = strlen(text);

	while (size) {
		uint32_t code;
		size_t length = utf8_decode(text, size, &code);

		if (!length)
			out += sprintf(out, "\\x%02X", (unsigned)(unsigned char)*text);
		else if (code == '\\')
			out = stpcpy(out, "\\\\");
		else
			out = (char *)memcpy(out, text, length) + length;
		length += !length;
		text += length;
		size -= length;
	}
	*out = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool utf8_unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (*text != '\\') {
			*out++ = *text;
		} else if (text[1] == '\\') {
			*out++ = *++text;
		} else {
			int high, low;

			if (text[1] != 'x' || (high = hex_digit(text[2])) < 0 ||
				(low = hex_digit(text[3])) < 0 || high + low == 0)
				return false;
			*out++ = (char)(high << 4 | low);
			text += 3;
		}
	}
	*out = '\0';
	return true;
}
