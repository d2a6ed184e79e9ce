/* SPDX-License-Identifier: MIT */
/*
 * Cells and bars: what a text takes of a row, halves of wide characters, what combines, and bars
 * whose parts are seen whatever their sizes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tui/canvas.h"

/* ---- Cells ---------------------------------------------------------------------------- */

/* A row of the canvas as text, blanks at its end left out. */
static const char *row_text(const struct canvas *canvas, int y)
{
	static char text[8000];
	size_t n = 0;

	for (int x = 0; x < canvas->width; x++)
		n += (size_t)snprintf(
			text + n, sizeof text - n, "%s", canvas_at(canvas, y, x)->text);
	while (n > 0 && text[n - 1] == ' ')
		n--;
	text[n] = '\0';
	return text;
}

static void test_cells(void **state)
{
	struct canvas *canvas = canvas_new(10, 3, false);

	(void)state;
	assert_int_equal(canvas_put(canvas, 0, 0, 10, 0, 0, "a\tb"), 6);
	assert_string_equal(row_text(canvas, 0), "a\\x09b");
	/* Two columns each: the third has no room beside the sign that says so. */
	assert_int_equal(canvas_put(canvas, 1, 4, 6, 0, 0, "漢字漢字"), 5);
	assert_string_equal(row_text(canvas, 1), "    漢字…");
	assert_string_equal(canvas_at(canvas, 1, 5)->text, "");
	/* What covers one half leaves a blank for the other. */
	canvas_put(canvas, 1, 5, 1, 0, 0, "x");
	assert_string_equal(row_text(canvas, 1), "     x字…");
	canvas_put(canvas, 1, 6, 1, 0, 0, "y");
	assert_string_equal(row_text(canvas, 1), "     xy …");
	/* What combines goes with the one before it; what is off the canvas nowhere. */
	assert_int_equal(canvas_put(canvas, 2, 8, 9, 0, 0, "e\xcc\x81z"), 2);
	assert_string_equal(canvas_at(canvas, 2, 8)->text, "e\xcc\x81");
	assert_int_equal(canvas_put(canvas, 3, 0, 5, 0, 0, "x"), 0);
	assert_int_equal(canvas_put(canvas, 0, 10, 5, 0, 0, "x"), 0);
	assert_int_equal(canvas_put(canvas, -1, 0, 5, 0, 0, "x"), 0);
	canvas_free(canvas);
}

static const char *bar(bool ascii, int width, uint64_t a, uint64_t b, uint64_t c, uint64_t whole)
{
	const struct canvas_part parts[] = {{a, "█", "#", 0}, {b, "▒", ":", 0}, {c, "░", ".", 0}};
	struct canvas *canvas = canvas_new(width + 2, 1, ascii);
	static char text[300];

	canvas_bar(canvas, 0, 1, width, parts, 3, whole);
	assert_string_equal(canvas_at(canvas, 0, 0)->text, " ");
	strcpy(canvas_at(canvas, 0, 0)->text, "");
	snprintf(text, sizeof text, "%s", row_text(canvas, 0));
	assert_string_equal(canvas_at(canvas, 0, width + 1)->text, " ");
	canvas_free(canvas);
	return text;
}

static void test_bars(void **state)
{
	(void)state;
	assert_string_equal(bar(false, 8, 8, 0, 0, 8), "████████");
	assert_string_equal(bar(false, 8, 4, 2, 2, 8), "████▒▒░░");
	assert_string_equal(bar(true, 8, 4, 2, 2, 8), "####::..");
	/* What is not nothing is seen, and nothing is not. */
	assert_string_equal(bar(false, 8, 1000, 1, 0, 1001), "███████▒");
	assert_string_equal(bar(false, 6, 1, 1, 100000, 100002), "█▒░░░░");
	assert_string_equal(bar(false, 8, 0, 0, 0, 8), "");
	/* One part alone is as long as it is, to an eighth. */
	assert_string_equal(bar(false, 8, 100, 0, 0, 6400), "▏");
	assert_string_equal(bar(false, 8, 3, 0, 0, 16), "█▌");
	assert_string_equal(bar(true, 8, 3, 0, 0, 16), "##");
	assert_string_equal(bar(false, 8, 0, 1, 0, 4), "▒▒");
	/* Sizes of which the product overflows. */
	assert_string_equal(bar(false, 4, UINT64_MAX / 2, UINT64_MAX / 2, 0, UINT64_MAX), "██▒▒");
	/* No part is more than the whole, however much more it is. */
	assert_string_equal(bar(false, 4, UINT64_MAX, 0, 0, 1), "████");
	assert_string_equal(bar(true, 4, UINT64_MAX, 0, 0, 3), "####");
}

static void test_frame(void **state)
{
	struct canvas *canvas = canvas_new(6, 4, true);

	(void)state;
	canvas_put(canvas, 1, 0, 6, 0, 0, "abcdef");
	canvas_frame(canvas, 0, 1, 3, 4, 0);
	assert_string_equal(row_text(canvas, 0), " +--+");
	assert_string_equal(row_text(canvas, 1), "a|  |f");
	assert_string_equal(row_text(canvas, 2), " +--+");
	/* Partly off the canvas, and more than it. */
	canvas_frame(canvas, -1, -1, 9, 9, 0);
	canvas_mark(canvas, 2, -3, 99, CANVAS_BOLD);
	assert_int_equal(canvas_at(canvas, 2, 5)->attr, CANVAS_BOLD);
	canvas_mark(canvas, 9, 0, 3, CANVAS_BOLD);
	canvas_free(canvas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_bars),
		cmocka_unit_test(test_frame),
	};

	return cmocka_run_group_tests_name("canvas", tests, NULL, NULL);
}
