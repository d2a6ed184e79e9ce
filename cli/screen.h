/* SPDX-License-Identifier: MIT */
/*
 * The screen that stdout is, or the one that is assumed where it is none: 80 columns, 24 lines.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include "page.h"

/* From 80 to SCREEN_WIDEST columns; at least 10 lines. */
enum { SCREEN_WIDEST = 160 };
int screen_width(void);
int screen_lines(void);

/* A page on stdout, as the settings have it. */
struct page screen_page(void);

#endif
