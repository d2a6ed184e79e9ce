/* SPDX-License-Identifier: MIT */
/*
 * What-if settings: which kind and sizes the contexts of a name get in a replay, in place of those
 * that the trace has.
 */
#ifndef MEMCTX_MODEL_SETTING_H
#define MEMCTX_MODEL_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memctx.h"

#define SETTING_PATTERN 192
#define SETTING_TEXT 320

/* Kinds that only a replay has (study.h), behind those of the library. */
enum { SETTING_STL = MEMCTX_WATCH + 1, SETTING_PYINT };

/* "aset" …, "stl", "pyint": what a context is called that is of KIND. */
const char *setting_kind_text(unsigned kind);

/* What a setting does not name stays as the trace has it. */
struct setting {
	char pattern[SETTING_PATTERN]; /* of names, as fnmatch(3) takes it */
	bool has_kind, has_classes;
	enum memctx_kind kind;
	enum memctx_classes classes;
	uint64_t init, max, chunk; /* 0: not named */
};

/*
 * "KIND" or "NAME-PATTERN:KEY=VALUE,…" with the keys kind, init, max, chunk and classes; "fine" is
 * a kind here, too, an aset with classes=fine.  False with what was expected in MESSAGE.
 */
bool setting_parse(const char *text, struct setting *setting, char message[static SETTING_TEXT]);

/* "aset", "fine", "slab" … "pyint"; NULL after the last. */
const char *setting_kind_name(size_t i);

/*
 * What all N settings whose pattern NAME matches make of KIND and OPTIONS, the later ones over the
 * earlier: sizes that contradict one another are brought to agree.
 */
void settings_apply(const struct setting *settings, size_t n, const char *name,
	enum memctx_kind *kind, struct memctx_options *options);

/* The setting as setting_parse() takes it. */
void setting_text(const struct setting *setting, char text[static SETTING_TEXT]);

#endif
