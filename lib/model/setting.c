/* SPDX-License-Identifier: MIT */
/*
 * What-if settings: reading, writing and applying them.
 *
 * Invariant: what settings_apply() leaves is something that memctx_create() takes, memory apart.
 */
#include "model/setting.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "model/size.h"

/* A generation's blocks end there (lib/memctx.h). */
#define GENERATION_MAX ((size_t)1 << 35)

static const struct {
	const char *name;
	enum memctx_kind kind;
	enum memctx_classes classes;
} kinds[] = {
	{"aset", MEMCTX_ASET, MEMCTX_CLASSES_POW2},
	{"fine", MEMCTX_ASET, MEMCTX_CLASSES_FINE},
	{"slab", MEMCTX_SLAB, MEMCTX_CLASSES_POW2},
	{"generation", MEMCTX_GENERATION, MEMCTX_CLASSES_POW2},
	{"bump", MEMCTX_BUMP, MEMCTX_CLASSES_POW2},
	{"malloc", MEMCTX_MALLOC, MEMCTX_CLASSES_POW2},
	{"stl", (enum memctx_kind)SETTING_STL, MEMCTX_CLASSES_POW2},
	{"pyint", (enum memctx_kind)SETTING_PYINT, MEMCTX_CLASSES_POW2},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

const char *setting_kind_name(size_t i)
{
	return i < KINDS ? kinds[i].name : NULL;
}

const char *setting_kind_text(unsigned kind)
{
	for (size_t i = 0; i < KINDS; i++)
		if ((unsigned)kinds[i].kind == kind)
			return kinds[i].name;
	return memctx_kind_name((enum memctx_kind)kind);
}

/* ---- Reading -------------------------------------------------------------------------- */

static bool take_kind(struct setting *setting, const char *value)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(value, kinds[i].name) != 0)
			continue;
		setting->has_kind = true;
		setting->kind = kinds[i].kind;
		if (kinds[i].kind == MEMCTX_ASET) {
			setting->has_classes = true;
			setting->classes = kinds[i].classes;
		}
		return true;
	}
	return false;
}

static bool take_classes(struct setting *setting, const char *value)
{
	setting->has_classes = true;
	setting->classes = strcmp(value, "fine") == 0 ? MEMCTX_CLASSES_FINE : MEMCTX_CLASSES_POW2;
	return strcmp(value, "fine") == 0 || strcmp(value, "pow2") == 0;
}

static bool take_size(uint64_t *size, const char *value)
{
	return size_parse(value, size) == 0 && *size > 0 && *size <= (uint64_t)1 << 40;
}

static bool take_pair(struct setting *setting, char *pair, char message[static SETTING_TEXT])
{
	char *value = strchr(pair, '=');
	const char *expected = "bytes, as 64K";
	bool taken;

	if (value == NULL) {
		snprintf(message, SETTING_TEXT, "\"%.80s\"; expected KEY=VALUE", pair);
		return false;
	}
	*value++ = '\0';
	if (strcmp(pair, "kind") == 0) {
		expected = "aset, fine, slab, generation, bump, malloc, stl or pyint";
		taken = take_kind(setting, value);
	} else if (strcmp(pair, "classes") == 0) {
		expected = "pow2 or fine";
		taken = take_classes(setting, value);
	} else if (strcmp(pair, "init") == 0) {
		taken = take_size(&setting->init, value);
	} else if (strcmp(pair, "max") == 0) {
		taken = take_size(&setting->max, value);
	} else if (strcmp(pair, "chunk") == 0) {
		taken = take_size(&setting->chunk, value);
	} else {
		snprintf(message, SETTING_TEXT,
			"no key \"%.80s\"; expected kind, init, max, chunk or classes", pair);
		return false;
	}
	if (!taken)
		snprintf(message, SETTING_TEXT, "%s=%.80s; expected %s", pair, value, expected);
	return taken;
}

bool setting_parse(const char *text, struct setting *setting, char message[static SETTING_TEXT])
{
	const char *colon = strrchr(text, ':');
	char pairs[SETTING_TEXT], *rest = pairs, *pair;
	size_t length;

	*setting = (struct setting){.pattern = "*"};
	if (colon == NULL) {
		if (take_kind(setting, text))
			return true;
		snprintf(message, SETTING_TEXT,
			"\"%.80s\"; expected a kind (aset, fine, slab, generation, bump, malloc, "
			"stl, pyint) or NAME-PATTERN:KEY=VALUE,…",
			text);
		return false;
	}
	length = (size_t)(colon - text);
	if (length >= SETTING_PATTERN || strlen(colon + 1) >= sizeof pairs) {
		snprintf(message, SETTING_TEXT, "expected a pattern of at most %d bytes",
			SETTING_PATTERN - 1);
		return false;
	}
	memcpy(setting->pattern, text, length);
	setting->pattern[length] = '\0';
	strcpy(pairs, colon + 1);
	while ((pair = strsep(&rest, ",")) != NULL)
		if (!take_pair(setting, pair, message))
			return false;
	return true;
}

/* ---- Writing -------------------------------------------------------------------------- */

static void add(char text[static SETTING_TEXT], const char *key, const char *value)
{
	size_t used = strlen(text);
	char before = text[used - 1];

	snprintf(text + used, SETTING_TEXT - used, "%s%s=%s", before == ':' ? "" : ",", key, value);
}

static void add_size(char text[static SETTING_TEXT], const char *key, uint64_t size)
{
	char value[32];

	if (size == 0)
		return;
	if (size % (1u << 20) == 0)
		snprintf(value, sizeof value, "%lluM", (unsigned long long)(size >> 20));
	else if (size % 1024 == 0)
		snprintf(value, sizeof value, "%lluK", (unsigned long long)(size >> 10));
	else
		snprintf(value, sizeof value, "%llu", (unsigned long long)size);
	add(text, key, value);
}

void setting_text(const struct setting *setting, char text[static SETTING_TEXT])
{
	snprintf(text, SETTING_TEXT, "%s:", setting->pattern);
	if (setting->has_kind)
		add(text, "kind", setting_kind_text(setting->kind));
	add_size(text, "init", setting->init);
	add_size(text, "max", setting->max);
	add_size(text, "chunk", setting->chunk);
	if (setting->has_classes && (!setting->has_kind || setting->kind == MEMCTX_ASET))
		add(text, "classes", setting->classes == MEMCTX_CLASSES_FINE ? "fine" : "pow2");
}

/* ---- Applying ------------------------------------------------------------------------- */

static void apply(
	const struct setting *setting, enum memctx_kind *kind, struct memctx_options *options)
{
	if (setting->has_kind)
		*kind = setting->kind;
	if (setting->has_classes)
		options->classes = setting->classes;
	if (setting->init != 0)
		options->init_size = (size_t)setting->init;
	if (setting->max != 0)
		options->max_size = (size_t)setting->max;
	if (setting->chunk != 0)
		options->chunk_size = (size_t)setting->chunk;
	/* Of two that contradict each other the one that was set stands. */
	if (setting->max != 0 && setting->init == 0 && options->init_size > options->max_size)
		options->init_size = options->max_size;
}

void settings_apply(const struct setting *settings, size_t n, const char *name,
	enum memctx_kind *kind, struct memctx_options *options)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(settings[i].pattern, name, 0) == 0)
			apply(&settings[i], kind, options);
	if (options->max_size != 0 && options->max_size < options->init_size)
		options->max_size = options->init_size;
	if (*kind != MEMCTX_GENERATION)
		return;
	if (options->init_size > GENERATION_MAX)
		options->init_size = GENERATION_MAX;
	if (options->min_size > GENERATION_MAX)
		options->min_size = GENERATION_MAX;
}
