/* SPDX-License-Identifier: MIT */
/*
 * Sizes, counts, shares and times as the text that people read.
 *
 * A size is at most 5 columns wide ("1023", "8.0K", "22.7K", "749K", "1.18M", up to "16.0E"),
 * in binary units, rounded half up; what rounds to 1024 of a unit is 1 of the next.  Zero is a
 * dot in the middle of the line, so that figures stand out; what is not known is "?".
 * Every function writes to OUT and returns it; a text holds at most SIZE_TEXT bytes with its 0.
 */
#ifndef MEMCTX_MODEL_SIZE_H
#define MEMCTX_MODEL_SIZE_H

#include <stdint.h>

#define SIZE_TEXT 40

/* Flags; each function says which it heeds. */
#define SIZE_EXACT 0x1u /* sizes in bytes with separators, "1,234,567" (--bytes) */
#define SIZE_ASCII 0x2u /* a zero's dot is "." instead of "·" */
#define SIZE_DIGIT 0x4u /* zero is "0", not a dot */

/* A number of bytes.  SIZE_EXACT, SIZE_ASCII, SIZE_DIGIT. */
const char *size_text(char out[static SIZE_TEXT], uint64_t bytes, unsigned flags);

/* A number of things, with separators: "19,801".  SIZE_ASCII, SIZE_DIGIT. */
const char *size_count(char out[static SIZE_TEXT], uint64_t count, unsigned flags);

/*
 * PART of WHOLE as "62%", at most 4 columns: "<1%" for what is not nothing, ">99%" for what is
 * not all.  SIZE_ASCII, SIZE_DIGIT ("0%").
 */
const char *size_percent(char out[static SIZE_TEXT], uint64_t part, uint64_t whole, unsigned flags);

/* The size of the chunks of a class, exactly: "8", "1280", "5K". */
const char *size_class(char out[static SIZE_TEXT], uint64_t bytes);

/* A time in nanoseconds: "850 ns", "1.50 us", "12.62 ms", "5.90 s". */
const char *size_time(char out[static SIZE_TEXT], uint64_t ns);

/* The nanoseconds of a unit of time, "ns", "us", "ms" or "s"; 0: it is none of these. */
double size_time_unit(const char *unit);

/* A rate or a large count in decimal units, at most 5 columns: "850", "31.2M". */
const char *size_decimal(char out[static SIZE_TEXT], double number);

/* The columns that a text of these functions takes (a dot is two bytes and one column). */
int size_width(const char *text);

/*
 * The number that TEXT names: digits, or digits with a binary unit K, M, G, T, P, E (either
 * case, "KiB" and "KB" too).  0, or -1 where it is none or over 64 bits.
 */
int size_parse(const char *text, uint64_t *bytes);

#endif
