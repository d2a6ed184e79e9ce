/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 as the standard has it: no overlong forms, no surrogates, nothing past U+10FFFF.
 */
#ifndef MEMCTX_MODEL_UTF8_H
#define MEMCTX_MODEL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bytes of the character at TEXT, of which SIZE can be read, and its code in *CODE; 0 where
 * those bytes are no character.
 */
size_t utf8_decode(const char *text, size_t size, uint32_t *code);

/* The length of the longest beginning of TEXT that is UTF-8; runs of ASCII are passed over fast. */
size_t utf8_prefix(const char *text, size_t size);

bool utf8_valid(const char *text, size_t size);

/*
 * Writes TEXT with \xHH for each byte that is not of a character, and \\ for a backslash, to OUT,
 * which has 4 * strlen(TEXT) + 1 bytes.
 */
void utf8_escape(char *out, const char *text);
/* Undoes that in place; false where TEXT cannot have come from it. */
bool utf8_unescape(char *text);

#endif
