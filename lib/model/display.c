/* SPDX-License-Identifier: MIT */
/*
 * Names made harmless, measured and cut.  The text is taken in units: a character with what
 * combines with it, or one thing shown as \xHH; a unit is shown whole or not at all.
 */
#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "model/display.h"
#include "model/utf8.h"

#define COMBINING_MAX 3

struct unit {
	size_t length; /* bytes of the text that it stands for */
	int width;     /* columns */
	bool escaped;  /* shown as \xHH */
};

/*
 * What wcwidth() knows of every character, it knows in a UTF-8 locale only, and the tool's may
 * be another; the locale is this thread's only while a text is measured.
 */
static locale_t utf8_locale(void)
{
	static locale_t locale;
	static bool tried;

	if (!tried) {
		tried = true;
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
		if (!locale)
			locale = newlocale(LC_CTYPE_MASK, "en_US.UTF-8", (locale_t)0);
	}
	return locale ? locale : uselocale((locale_t)0);
}

/* Characters that steer how others are shown: direction, line ends, joining to what follows. */
static bool steers(uint32_t code)
{
	return code == 0x61c || (code >= 0x200b && code <= 0x200f && code != 0x200d) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
	       code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) ||
	       (code >= 0xe0000 && code <= 0xe007f);
}

/* The columns of a character that can be shown as it is, or -1. */
static int code_width(uint32_t code, unsigned flags)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0) || steers(code))
		return -1;
	if (code < 0x7f)
		return 1;
	return flags & DISPLAY_ASCII ? -1 : wcwidth((wchar_t)code);
}

/* The unit at TEXT, which is not empty and has SIZE bytes. */
static struct unit next_unit(const char *text, size_t size, unsigned flags)
{
	uint32_t code;
	size_t length = utf8_decode(text, size, &code);
	int width = length ? code_width(code, flags) : -1;
	struct unit unit = {.length = length, .width = width};

	/* What combines has nothing to combine with at the start of a unit. */
	if (width <= 0) {
		unit.length = length ? length : 1;
		unit.width = 4 * (int)unit.length;
		unit.escaped = true;
		return unit;
	}
	for (int i = 0; i < COMBINING_MAX; i++) {
		length = utf8_decode(text + unit.length, size - unit.length, &code);
		if (!length || code < 0x80 || code_width(code, flags) != 0)
			break;
		unit.length += length;
	}
	return unit;
}

static char *put_unit(char *out, const char *text, const struct unit *unit)
{
	if (!unit->escaped) {
		memcpy(out, text, unit->length);
		return out + unit->length;
	}
	for (size_t i = 0; i < unit->length; i++)
		out += sprintf(out, "\\x%02X", (unsigned)(unsigned char)text[i]);
	return out;
}

static char *put_blanks(char *out, int n)
{
	if (n <= 0)
		return out;
	memset(out, ' ', (size_t)n);
	return out + n;
}

/* strlen() of no more than a cell for each of WIDTH columns and one more: longer is cut anyway. */
static size_t length_to_look_at(const char *text, int width)
{
	if (width < 0)
		return 0;
	return strnlen(text, DISPLAY_SIZE(width + 1) + DISPLAY_CELL);
}

static int measure(const char *text, size_t size, int limit, unsigned flags)
{
	int width = 0;

	while (size && width < limit) {
		struct unit unit = next_unit(text, size, flags);

		width += unit.width;
		text += unit.length;
		size -= unit.length;
	}
	return width < limit ? width : limit;
}

int display_width(const char *text, int limit, unsigned flags)
{
	locale_t before = uselocale(utf8_locale());
	int width = measure(text, length_to_look_at(text, limit), limit, flags);

	uselocale(before);
	return width;
}

/* As many units as fit WIDTH columns; *USED gets the columns. */
static char *put_units(
	char *out, const char *text, size_t size, int width, unsigned flags, int *used)
{
	*used = 0;
	while (size) {
		struct unit unit = next_unit(text, size, flags);

		if (*used + unit.width > width)
			break;
		out = put_unit(out, text, &unit);
		*used += unit.width;
		text += unit.length;
		size -= unit.length;
	}
	return out;
}

/* Moves the text from OUT to END behind BLANKS blanks; the new end. */
static char *push_right(char *out, char *end, int blanks)
{
	memmove(out + blanks, out, (size_t)(end - out));
	put_blanks(out, blanks);
	return end + blanks;
}

int display_fit(char *out, const char *text, int width, unsigned flags)
{
	locale_t before = uselocale(utf8_locale());
	size_t size = length_to_look_at(text, width);
	bool cut = width > 0 && measure(text, size, width + 1, flags) > width;
	int used = 0;
	char *end = put_units(out, text, size, cut ? width - 1 : width, flags, &used);

	uselocale(before);
	if (cut) {
		end = stpcpy(end, flags & DISPLAY_ASCII ? "~" : "\u2026");
		used++;
	}
	if (flags & DISPLAY_RIGHT && used < width)
		end = push_right(out, end, width - used);
	else if (flags & DISPLAY_PAD)
		end = put_blanks(end, width - used);
	*end = '\0';
	return flags & (DISPLAY_PAD | DISPLAY_RIGHT) ? width : used;
}
