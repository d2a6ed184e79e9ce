/* SPDX-License-Identifier: MIT */
/*
 * JSON values for the files that write and read the JSON forms: json.c makes them of cJSON, and
 * is the only file that knows it.
 *
 * Numbers are exact 64-bit ones; SNAPSHOT_UNKNOWN is null.  Strings are not copied: what was set
 * lives as long as the value is printed.  Functions that add return NULL when memory is out, and
 * do so too for a NULL object, so that a chain of them is checked once.
 */
#ifndef MEMCTX_MODEL_JSONVALUE_H
#define MEMCTX_MODEL_JSONVALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "model/snapshot.h"

#define JSON_SCHEMA "memctx-tree"
#define JSON_VERSION 1

struct cJSON;

/* ---- Writing -------------------------------------------------------------------------- */

struct cJSON *value_object(void);
void value_delete(struct cJSON *value);

/* Add a member to an object, or where KEY is NULL an element to an array. */
struct cJSON *value_add_object(struct cJSON *object, const char *key);
struct cJSON *value_add_array(struct cJSON *object, const char *key);
struct cJSON *value_add_number(struct cJSON *object, const char *key, uint64_t number);
/* BY, or where LESS is true minus BY. */
struct cJSON *value_add_change(struct cJSON *object, const char *key, bool less, uint64_t by);
/* An id: a number in quotes. */
struct cJSON *value_add_id(struct cJSON *object, const char *key, uint64_t id);
struct cJSON *value_add_double(struct cJSON *object, const char *key, double number);
struct cJSON *value_add_string(struct cJSON *object, const char *key, const char *text);
struct cJSON *value_add_true(struct cJSON *object, const char *key);

/* Give another value to a number; a mark stands alone. */
void value_set_number(struct cJSON *number, uint64_t to);
void value_set_mark(struct cJSON *number, char mark);

/* Write a number (UNKNOWN is null), an id, which is one in quotes; return their end, a 0. */
char *value_digits(char *to, uint64_t number);
char *value_id(char *to, uint64_t id);

/* Text that grows; zeroed at first, .text is freed by its owner. */
struct json_text {
	char *text;
	size_t size, room;
};

/* Makes room for SIZE more bytes.  0, or -1 with ENOMEM. */
int text_reserve(struct json_text *text, size_t size);
/* Appends VALUE, which has STRINGS bytes of strings and JSON_OBJECT besides at most.  0 or -1. */
int text_print(struct json_text *text, struct cJSON *value, size_t strings);
#define JSON_OBJECT 4096
/* Appends STRING in quotes; NULL is null.  0 or -1. */
int text_string(struct json_text *text, const char *string);

/*
 * TEXT as JSON may hold it: itself, or where it is no UTF-8, escaped in BUFFER, and *ESCAPED is
 * true.  NULL with ENOMEM.
 */
const char *json_presentable(const char *text, struct json_text *buffer, bool *escaped);

/*
 * Sets PATH to an array of N names from the root; beyond JSON_LEVELS, as everywhere, it is null.
 * BUFFER as for json_presentable().  0, or -1 with ENOMEM.
 */
int json_names(
	struct json_text *path, const char *const *names, size_t n, struct json_text *buffer);

/* The members of a context, of totals and of a moment that are plain figures. */
#define JSON_PLAINS 17
extern const char *const json_plain_keys[JSON_PLAINS];
uint64_t *json_plain_figure(struct snapshot_figures *figures, size_t i);
uint64_t json_plain(const struct snapshot_figures *figures, size_t i);

/* And those of a class, in the order of struct snapshot_class: live, free, slack. */
#define JSON_CLASS 3
extern const char *const json_class_keys[JSON_CLASS];
uint64_t *json_class_figure(struct snapshot_class *class, size_t i);
uint64_t json_class(const struct snapshot_class *class, size_t i);

/* The members of FIGURES, for new values to be set. */
struct json_figures {
	struct cJSON *plain[JSON_PLAINS];
	struct cJSON *classes[SNAPSHOT_CLASSES][JSON_CLASS];
};
bool json_add_figures(struct cJSON *object, struct json_figures *form);
void json_set_figures(const struct json_figures *form, const struct snapshot_figures *figures);
/* "schema", "version", "generator". */
bool json_add_head(struct cJSON *object, const char *schema);
/* KEY, and where it was escaped KEY_escaped.  BUFFER as for json_presentable(). */
bool json_add_path(struct cJSON *object, const char *path, struct json_text *buffer);
/* Prints OBJECT, which has STRINGS bytes of strings, on a line; as text_print(). */
int json_put(FILE *out, struct cJSON *object, size_t strings);

/* ---- Reading -------------------------------------------------------------------------- */

/* The value that TEXT holds, or NULL, and then how many bytes were understood. */
struct cJSON *value_parse(const char *text, size_t size, size_t *understood);

/* The members of an object or the elements of an array, one after the other; NULL: no more. */
const struct cJSON *value_first(const struct cJSON *value);
const struct cJSON *value_next(const struct cJSON *value);
const char *value_key(const struct cJSON *value);
const struct cJSON *value_member(const struct cJSON *object, const char *key);

bool value_is_object(const struct cJSON *value);
bool value_is_array(const struct cJSON *value);
bool value_is_true(const struct cJSON *value);
/* For NULL too: what is not there is not known. */
bool value_is_null(const struct cJSON *value);
/* The string, or NULL where VALUE is none. */
char *value_string(const struct cJSON *value);
/* Whether VALUE is a whole number that is less than 2^64 - 1, or null (SNAPSHOT_UNKNOWN). */
bool value_number(const struct cJSON *value, uint64_t *number);

#endif
