/* SPDX-License-Identifier: MIT */
/*
 * A canvas: the screen as cells of text, painted by views and read by the terminal, by scripts
 * and by tests alike.
 *
 * Invariant: a row's cells are WIDTH columns in all; a character of two columns has a cell and an
 * empty one behind it; no cell holds what a terminal would not show in its columns.
 */
#ifndef TUI_CANVAS_H
#define TUI_CANVAS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/display.h"

enum canvas_attr {
	CANVAS_PLAIN = 0,
	CANVAS_BOLD = 0x01,
	CANVAS_REVERSE = 0x02,
	CANVAS_DIM = 0x04,
	CANVAS_GREEN = 0x10,
	CANVAS_MAGENTA = 0x20,
	CANVAS_CYAN = 0x30,
	CANVAS_RED = 0x40,
	CANVAS_COLOR = 0x70,
};

struct canvas_cell {
	char text[DISPLAY_CELL]; /* "": the second column of the character before */
	uint8_t attr;
};

struct canvas {
	int width, height;
	bool ascii;
	struct canvas_cell *cells;
};

/* NULL with ENOMEM. */
struct canvas *canvas_new(int width, int height, bool ascii);
void canvas_free(struct canvas *canvas);
void canvas_clear(struct canvas *canvas);

static inline struct canvas_cell *canvas_at(const struct canvas *canvas, int y, int x)
{
	return &canvas->cells[(size_t)y * (size_t)canvas->width + (size_t)x];
}

/*
 * Writes TEXT, made harmless and cut, into the columns [x, x + width) of row y, padded as FLAGS
 * (DISPLAY_PAD, DISPLAY_RIGHT) say.  What is off the canvas is not written.  Returns the columns.
 */
int canvas_put(struct canvas *canvas, int y, int x, int width, unsigned attr, unsigned flags,
	const char *text);
/* The same as printf would, unpadded, up to the right edge. */
int canvas_printf(struct canvas *canvas, int y, int x, unsigned attr, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Adds attributes to what stands in a run of cells. */
void canvas_mark(struct canvas *canvas, int y, int x, int width, unsigned attr);

/* A part of a bar: how much, and how it is drawn, "#" in ASCII. */
struct canvas_part {
	uint64_t much;
	const char *sign, *ascii;
	unsigned attr;
};

/*
 * A bar of WIDTH columns for WHOLE, of N parts from left to right; each that is not zero takes a
 * cell at least, as far as there are cells.  One part alone is drawn to an eighth of a cell.
 */
void canvas_bar(struct canvas *canvas, int y, int x, int width, const struct canvas_part *parts,
	int n, uint64_t whole);

/* A frame of lines around [y, y + height) and [x, x + width), blank inside. */
void canvas_frame(struct canvas *canvas, int y, int x, int height, int width, unsigned attr);

/*
 * The canvas as lines of text without blanks at their ends; COLOR: with the codes for attributes
 * and colours that terminals know.
 */
void canvas_print(const struct canvas *canvas, bool color, FILE *out);

#endif
