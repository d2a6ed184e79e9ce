/* SPDX-License-Identifier: MIT */
/*
 * Painting on cells.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tui/canvas.h"

#define TEXT_MAX 1024

struct canvas *canvas_new(int width, int height, bool ascii)
{
	struct canvas *canvas = calloc(1, sizeof *canvas);

	if (!canvas)
		return NULL;
	canvas->width = width > 0 ? width : 1;
	canvas->height = height > 0 ? height : 1;
	canvas->ascii = ascii;
	canvas->cells =
		calloc((size_t)canvas->width * (size_t)canvas->height, sizeof *canvas->cells);
	if (!canvas->cells) {
		free(canvas);
		return NULL;
	}
	canvas_clear(canvas);
	return canvas;
}

void canvas_free(struct canvas *canvas)
{
	if (!canvas)
		return;
	free(canvas->cells);
	free(canvas);
}

static void set_cell(struct canvas *canvas, int y, int x, const char *text, unsigned attr)
{
	struct canvas_cell *cell = canvas_at(canvas, y, x);

	memset(cell, 0, sizeof *cell);
	strncpy(cell->text, text, sizeof cell->text - 1);
	cell->attr = (uint8_t)attr;
}

void canvas_clear(struct canvas *canvas)
{
	for (int y = 0; y < canvas->height; y++)
		for (int x = 0; x < canvas->width; x++)
			set_cell(canvas, y, x, " ", CANVAS_PLAIN);
}

static int character_bytes(const char *text)
{
	unsigned char c = (unsigned char)*text;

	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Puts one character of printable text into the cells from X on; returns its columns. */
static int put_character(struct canvas *canvas, int y, int x, const char *character, unsigned attr)
{
	int width = display_width(character, 2, 0);

	if (width == 0 && x > 0) {
		/* It combines with the one before. */
		struct canvas_cell *cell = canvas_at(canvas, y, x - 1);

		if (strlen(cell->text) + strlen(character) < sizeof cell->text)
			strcat(cell->text, character);
		return 0;
	}
	if (width > 0)
		set_cell(canvas, y, x, character, attr);
	if (width == 2 && x + 1 < canvas->width)
		set_cell(canvas, y, x + 1, "", attr);
	return width;
}

int canvas_put(struct canvas *canvas, int y, int x, int width, unsigned attr, unsigned flags,
	const char *text)
{
	char fitted[DISPLAY_SIZE(TEXT_MAX / 4)];
	int column = x;

	if (y < 0 || y >= canvas->height || x < 0 || x >= canvas->width)
		return 0;
	if (width > canvas->width - x)
		width = canvas->width - x;
	if (width > TEXT_MAX / 4)
		width = TEXT_MAX / 4;
	if (width <= 0)
		return 0;
	display_fit(fitted, text, width, flags | (canvas->ascii ? DISPLAY_ASCII : 0));
	for (const char *at = fitted; *at;) {
		char character[5] = "";
		int bytes = character_bytes(at);

		memcpy(character, at, (size_t)bytes);
		column += put_character(canvas, y, column, character, attr);
		at += bytes;
	}
	return column - x;
}

int canvas_printf(struct canvas *canvas, int y, int x, unsigned attr, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return canvas_put(canvas, y, x, canvas->width - x, attr, 0, text);
}

void canvas_attr(struct canvas *canvas, int y, int x, int width, unsigned attr)
{
	if (y < 0 || y >= canvas->height)
		return;
	for (int column = x; column < x + width && column < canvas->width; column++)
		if (column >= 0)
			canvas_at(canvas, y, column)->attr = (uint8_t)attr;
}

/* PART of WHOLE in eighths of a cell, where WIDTH cells are the whole. */
static int eighths(uint64_t part, uint64_t whole, int width)
{
	double share = whole ? (double)part / (double)whole : 0;
	int n = (int)(share * width * 8 + 0.5);

	if (part > 0 && n < 8)
		n = part == 0 ? 0 : n < 1 ? 1 : n;
	return n > width * 8 ? width * 8 : n;
}

void canvas_bar(struct canvas *canvas, int y, int x, int width, uint64_t solid, uint64_t hatched,
	uint64_t whole, unsigned attr)
{
	static const char *const parts[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int n = eighths(solid, whole, width), cells = n / 8;
	int hatch = (eighths(hatched, whole, width) + 7) / 8;

	if (y < 0 || y >= canvas->height || x < 0 || x + width > canvas->width)
		return;
	/* What is hatched stands behind what is full, and a rest of a cell between them is full. */
	if (canvas->ascii || hatched > 0)
		cells = (n + 7) / 8;
	if (cells + hatch > width)
		cells = width - hatch;
	for (int i = 0; i < cells; i++)
		set_cell(canvas, y, x + i, canvas->ascii ? "#" : "█", attr);
	if (!canvas->ascii && hatched == 0 && cells < width && n % 8)
		set_cell(canvas, y, x + cells, parts[n % 8], attr);
	for (int i = 0; i < hatch; i++)
		set_cell(canvas, y, x + cells + i, canvas->ascii ? ":" : "▒", attr);
}

void canvas_print(const struct canvas *canvas, FILE *out)
{
	for (int y = 0; y < canvas->height; y++) {
		int end = canvas->width;

		while (end > 0 && !strcmp(canvas_at(canvas, y, end - 1)->text, " "))
			end--;
		for (int x = 0; x < end; x++)
			fputs(canvas_at(canvas, y, x)->text, out);
		fputc('\n', out);
	}
}
