/* SPDX-License-Identifier: MIT */
/*
 * Names as a terminal may show them.  A name can hold any byte but 0: what would move the cursor,
 * colour, reverse or hide text is shown as \xHH, byte by byte, and so are bytes that are not UTF-8.
 * Widths are columns; they do not depend on the locale.
 */
#ifndef MEMCTX_MODEL_DISPLAY_H
#define MEMCTX_MODEL_DISPLAY_H

#include <stddef.h>

/* Flags. */
#define DISPLAY_ASCII 0x1u /* show whatever is not ASCII as \xHH too, and cut with "~", not "…" */
#define DISPLAY_PAD 0x2u   /* blanks behind, up to the width */
#define DISPLAY_RIGHT 0x4u /* blanks in front, up to the width */

/* A size of OUT that holds any text of WIDTH columns. */
#define DISPLAY_SIZE(width) ((size_t)(width)*DISPLAY_CELL + 1)
/* A cell takes a character of 4 bytes and at most 3 of 4 bytes that combine with it. */
#define DISPLAY_CELL 16

/*
 * Writes TEXT made harmless to OUT, cut at a character's edge to at most WIDTH columns with a "…"
 * that says so.  Returns the columns written.  OUT has DISPLAY_SIZE(WIDTH) bytes.
 */
int display_fit(char *out, const char *text, int width, unsigned flags);

/* The columns of the whole of TEXT made harmless, at most LIMIT. */
int display_width(const char *text, int limit, unsigned flags);

#endif
