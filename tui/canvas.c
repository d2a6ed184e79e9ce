/* SPDX-License-Identifier: MIT */
/*
 * Painting on cells.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tui/canvas.h"

enum { TEXT_MAX = 1024, PUT_MAX = 1000 };

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

	/* Of a character of two columns, the half that stays is blank. */
	if (!*cell->text && x > 0)
		strcpy(cell[-1].text, " ");
	if (*cell->text && x + 1 < canvas->width && !*cell[1].text)
		strcpy(cell[1].text, " ");
	memset(cell, 0, sizeof *cell);
	strncpy(cell->text, text, sizeof cell->text - 1);
	cell->attr = (uint8_t)attr;
}

void canvas_clear(struct canvas *canvas)
{
	static const struct canvas_cell blank = {.text = " "};

	for (int i = 0; i < canvas->width * canvas->height; i++)
		canvas->cells[i] = blank;
}

static int character_bytes(const char *text)
{
	unsigned char c = (unsigned char)*text;

	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Takes a character with what combines with it off AT; *WIDTH gets its columns. */
static const char *take_unit(const char *at, char unit[static DISPLAY_CELL], int *width)
{
	size_t length = (size_t)character_bytes(at);

	*width = 1;
	memcpy(unit, at, length);
	unit[length] = '\0';
	if (length == 1 && (unsigned char)at[1] < 0x80)
		return at + 1;
	*width = display_width(unit, 2, 0);
	while ((unsigned char)at[length] >= 0x80) {
		size_t more = (size_t)character_bytes(at + length);

		if (length + more >= DISPLAY_CELL)
			break;
		memcpy(unit + length, at + length, more);
		unit[length + more] = '\0';
		if (display_width(unit, 3, 0) != *width) {
			unit[length] = '\0';
			break;
		}
		length += more;
	}
	return at + length;
}

int canvas_put(struct canvas *canvas, int y, int x, int width, unsigned attr, unsigned flags,
	const char *text)
{
	char fitted[DISPLAY_SIZE(PUT_MAX)];
	int column = x;

	if (y < 0 || y >= canvas->height || x < 0 || x >= canvas->width)
		return 0;
	if (width > canvas->width - x)
		width = canvas->width - x;
	if (width > PUT_MAX)
		width = PUT_MAX;
	if (width <= 0)
		return 0;
	display_fit(fitted, text, width, flags | (canvas->ascii ? DISPLAY_ASCII : 0));
	for (const char *at = fitted; *at;) {
		char unit[DISPLAY_CELL];
		int columns;

		at = take_unit(at, unit, &columns);
		set_cell(canvas, y, column, unit, attr);
		if (columns == 2)
			set_cell(canvas, y, column + 1, "", attr);
		column += columns;
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

void canvas_mark(struct canvas *canvas, int y, int x, int width, unsigned attr)
{
	if (y < 0 || y >= canvas->height)
		return;
	for (int column = x; column < x + width && column < canvas->width; column++)
		if (column >= 0)
			canvas_at(canvas, y, column)->attr |= (uint8_t)attr;
}

/* ---- Bars ----------------------------------------------------------------------------- */

enum { PARTS_MAX = 8 };

/*
 * PART of WHOLE in eighths of a cell, where WIDTH cells are the whole; what is not nothing is seen.
 * What a file says need not add up: a part may be many times the whole.
 */
static int eighths(uint64_t part, uint64_t whole, int width)
{
	double share = whole ? (double)part / (double)whole : 0;
	int n = (int)((share < 1 ? share : 1) * width * 8 + 0.5);

	return part > 0 && n < 1 ? 1 : n;
}

/* The cells of each part: where they are more than the sum's, the largest gives. */
static void share_cells(int cells[static PARTS_MAX], const struct canvas_part *parts, int n,
	int width, uint64_t whole)
{
	uint64_t sum = 0;
	int taken = 0, all;

	for (int i = 0; i < n; i++) {
		int part = eighths(parts[i].much, whole, width);

		cells[i] = part > 0 && part < 8 ? 1 : (part + 4) / 8;
		taken += cells[i];
		sum += parts[i].much;
	}
	all = (eighths(sum, whole, width) + 7) / 8;
	for (; taken > all; taken--) {
		int largest = 0;

		for (int i = 1; i < n; i++)
			if (cells[i] > cells[largest])
				largest = i;
		if (cells[largest] <= 1 && taken <= width)
			return;
		cells[largest]--;
	}
}

static void one_part(struct canvas *canvas, int y, int x, int width, const struct canvas_part *part,
	uint64_t whole)
{
	static const char *const rests[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int n = eighths(part->much, whole, width), cells = n / 8;

	for (int i = 0; i < cells; i++)
		set_cell(canvas, y, x + i, part->sign, part->attr);
	if (cells < width && n % 8)
		set_cell(canvas, y, x + cells, rests[n % 8], part->attr);
}

void canvas_bar(struct canvas *canvas, int y, int x, int width, const struct canvas_part *parts,
	int n, uint64_t whole)
{
	int cells[PARTS_MAX] = {0}, used = 0, last = 0;

	if (y < 0 || y >= canvas->height || x < 0 || width <= 0 || x + width > canvas->width)
		return;
	for (int i = 0; i < n; i++) {
		used += parts[i].much > 0;
		last = parts[i].much > 0 ? i : last;
	}
	if (used == 1 && !canvas->ascii && !strcmp(parts[last].sign, "█")) {
		one_part(canvas, y, x, width, &parts[last], whole);
		return;
	}
	share_cells(cells, parts, n, width, whole);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < cells[i]; k++, x++)
			set_cell(canvas, y, x, canvas->ascii ? parts[i].ascii : parts[i].sign,
				parts[i].attr);
}

void canvas_frame(struct canvas *canvas, int y, int x, int height, int width, unsigned attr)
{
	static const char *const signs[2][6] = {
		{"┌", "┐", "└", "┘", "─", "│"}, {"+", "+", "+", "+", "-", "|"}};
	const char *const *sign = signs[canvas->ascii];

	for (int i = 0; i < height; i++)
		for (int k = 0; k < width; k++) {
			bool at_left = k == 0, at_right = k == width - 1;
			const char *text = " ";

			if (i == 0)
				text = at_left ? sign[0] : at_right ? sign[1] : sign[4];
			else if (i == height - 1)
				text = at_left ? sign[2] : at_right ? sign[3] : sign[4];
			else if (at_left || at_right)
				text = sign[5];
			canvas_put(canvas, y + i, x + k, 1, attr, 0, text);
		}
}

static void print_attr(unsigned attr, FILE *out)
{
	static const int colors[] = {0, 32, 35, 36, 31};
	unsigned color = (attr & CANVAS_COLOR) >> 4;

	fputs("\033[0", out);
	if (attr & CANVAS_BOLD)
		fputs(";1", out);
	if (attr & CANVAS_DIM)
		fputs(";2", out);
	if (attr & CANVAS_REVERSE)
		fputs(";7", out);
	if (color > 0 && color < sizeof colors / sizeof *colors)
		fprintf(out, ";%d", colors[color]);
	fputc('m', out);
}

void canvas_print(const struct canvas *canvas, bool color, FILE *out)
{
	for (int y = 0; y < canvas->height; y++) {
		unsigned attr = CANVAS_PLAIN;
		int end = canvas->width;

		while (end > 0 && !strcmp(canvas_at(canvas, y, end - 1)->text, " ") &&
			!(color && canvas_at(canvas, y, end - 1)->attr & CANVAS_REVERSE))
			end--;
		for (int x = 0; x < end; x++) {
			const struct canvas_cell *cell = canvas_at(canvas, y, x);

			if (color && cell->attr != attr)
				print_attr(attr = cell->attr, out);
			fputs(cell->text, out);
		}
		if (attr != CANVAS_PLAIN)
			print_attr(CANVAS_PLAIN, out);
		fputc('\n', out);
	}
}
