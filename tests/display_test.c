/* SPDX-License-Identifier: MIT */
/*
 * Names on a terminal: what is shown as it is, what as \xHH, how wide it is, and where it is cut.
 * Widths are those of the Unicode tables (Latin 1, CJK 2, combining 0).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "model/display.h"
#include "model/utf8.h"

/* Checks both functions on TEXT at WIDTH; the expected text is all that it shows. */
static void shows(const char *text, int width, unsigned flags, const char *expected, int columns)
{
	char *out = malloc(DISPLAY_SIZE(width));

	assert_int_equal(display_fit(out, text, width, flags), columns);
	assert_string_equal(out, expected);
	free(out);
}

static void test_plain(void **state)
{
	(void)state;
	shows("TopMemoryContext", 20, 0, "TopMemoryContext", 16);
	shows("TopMemoryContext", 16, 0, "TopMemoryContext", 16);
	shows("TopMemoryContext", 15, 0, "TopMemoryConte\u2026", 15);
	shows("TopMemoryContext", 15, DISPLAY_ASCII, "TopMemoryConte~", 15);
	shows("TopMemoryContext", 1, 0, "\u2026", 1);
	shows("TopMemoryContext", 0, 0, "", 0);
	shows("", 5, 0, "", 0);
	shows("a\\x41", 9, 0, "a\\x41", 5);
}

static void test_pad(void **state)
{
	(void)state;
	shows("ab", 5, DISPLAY_PAD, "ab   ", 5);
	shows("ab", 5, DISPLAY_RIGHT, "   ab", 5);
	shows("", 3, DISPLAY_PAD, "   ", 3);
	shows("abcdef", 5, DISPLAY_PAD, "abcd\u2026", 5);
	shows("abcdef", 5, DISPLAY_RIGHT, "abcd\u2026", 5);
	shows("\u6587\u6587\u6587", 5, DISPLAY_PAD, "\u6587\u6587\u2026", 5);
	shows("\u6587\u6587\u6587", 4, DISPLAY_PAD, "\u6587\u2026 ", 4);
	shows("\u6587\u6587\u6587", 4, DISPLAY_RIGHT, " \u6587\u2026", 4);
}

static void test_harmless(void **state)
{
	(void)state;
	shows("a\tb\nc", 20, 0, "a\\x09b\\x0Ac", 11);
	shows("\033[31mred\177", 20, 0, "\\x1B[31mred\\x7F", 15);
	shows("\302\233", 20, 0, "\\xC2\\x9B", 8);             /* CSI as one character */
	shows("\u202eevil", 20, 0, "\\xE2\\x80\\xAEevil", 16); /* right to left from here */
	shows("a\u200bb", 20, 0, "a\\xE2\\x80\\x8Bb", 14);     /* no width, not seen */
	shows("\u2028", 20, 0, "\\xE2\\x80\\xA8", 12);
	shows("\377\376", 20, 0, "\\xFF\\xFE", 8);
	shows("\300\200", 20, 0, "\\xC0\\x80", 8);           /* overlong */
	shows("\355\240\200", 20, 0, "\\xED\\xA0\\x80", 12); /* a surrogate */
	shows("x\342\202", 20, 0, "x\\xE2\\x82", 9);         /* ends early */
	/* Something shown as \xHH is cut as one. */
	shows("ab\001", 6, 0, "ab\\x01", 6);
	shows("ab\001", 5, 0, "ab\u2026", 3);
}

static void test_wide_and_combining(void **state)
{
	(void)state;
	shows("\u00e9t\u00e9", 3, 0, "\u00e9t\u00e9", 3);
	shows("e\u0301t", 2, 0, "e\u0301t", 2);
	shows("e\u0301te\u0301", 2, 0, "e\u0301\u2026", 2);
	shows("\u0301a", 20, 0, "\\xCC\\x81a", 9); /* nothing to combine with */
	/* No more than three on one character. */
	shows("a\u0301\u0302\u0303\u0304", 20, 0, "a\u0301\u0302\u0303\\xCC\\x84", 9);
	shows("\u6587\u5b57", 4, 0, "\u6587\u5b57", 4);
	shows("\u6587\u5b57", 3, 0, "\u6587\u2026", 3);
	shows("\u6587\u5b57", 2, 0, "\u2026", 1);
	shows("\u00e9", 20, DISPLAY_ASCII, "\\xC3\\xA9", 8);
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(display_width("abc", 100, 0), 3);
	assert_int_equal(display_width("abc", 2, 0), 2);
	assert_int_equal(display_width("\u6587e\u0301\001", 100, 0), 7);
	assert_int_equal(display_width("", 100, 0), 0);
	assert_int_equal(display_width("\u6587", 100, DISPLAY_ASCII), 12);
}

/* Any bytes at any width: never wider than said, never past the room, always whole UTF-8. */
static void test_any_bytes(void **state)
{
	uint64_t random = 42;
	char text[64];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t length = (size_t)round % sizeof text;
		int width = round % 23;
		char *out = malloc(DISPLAY_SIZE(width));
		int used;

		for (size_t i = 0; i < length; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
			text[i] = (char)(random >> 56 ? random >> 56 : 1);
		}
		text[length < sizeof text ? length : length - 1] = '\0';
		used = display_fit(out, text, width, 0);
		assert_in_range(used, 0, width);
		assert_int_equal(display_width(out, 1000, 0), used);
		assert_true(utf8_valid(out, strlen(out)));
		assert_int_equal(display_fit(out, text, width, DISPLAY_PAD), width);
		assert_int_equal(display_width(out, 1000, 0), width);
		free(out);
	}
}

/* A megabyte of what combines is cut too, and soon. */
static void test_long(void **state)
{
	size_t length = 1 << 20;
	char *text = malloc(length + 1), out[DISPLAY_SIZE(10)];

	(void)state;
	text[0] = 'a';
	for (size_t i = 1; i + 1 < length; i += 2)
		memcpy(text + i, "\u0301", 2);
	text[length - 1] = '\0';
	for (int i = 0; i < 10000; i++)
		assert_int_equal(display_fit(out, text, 10, 0), 10);
	assert_string_equal(out, "a\u0301\u0301\u0301\\xCC\\x81\u2026");
	free(text);
}

/* Every first pair of bytes with the borders of the next two, against the C library's reading. */
static void test_utf8_against_libc(void **state)
{
	static const unsigned char borders[] = {0x01, 0x7f, 0x80, 0xbf, 0xc0};
	const size_t n = sizeof borders;

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	for (unsigned i = 0x100; i < 0x10000 * n * n; i++) {
		char text[4] = {(char)(i >> 8), (char)i, (char)borders[i / 0x10000 % n],
			(char)borders[i / 0x10000 / n]};
		mbstate_t mb = {0};
		wchar_t wide = 0;
		uint32_t code = 0;
		size_t theirs = mbrtowc(&wide, text, sizeof text, &mb);
		size_t ours = utf8_decode(text, sizeof text, &code);

		/* Some C libraries go on past the last character. */
		if (theirs == (size_t)-1 || theirs == (size_t)-2 || wide > 0x10ffff)
			theirs = 0;
		if (text[0] && (ours != theirs || (ours && code != (uint32_t)wide)))
			fail_msg("%08x: %zu bytes, libc says %zu", i, ours, theirs);
	}
	setlocale(LC_CTYPE, "C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_pad),
		cmocka_unit_test(test_harmless),
		cmocka_unit_test(test_wide_and_combining),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_utf8_against_libc),
	};

	return cmocka_run_group_tests_name("display", tests, NULL, NULL);
}
