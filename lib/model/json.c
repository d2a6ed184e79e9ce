/* SPDX-License-Identifier: MIT */
/*
 * JSON values made of cJSON; the only file that knows it.
 *
 * cJSON's numbers are doubles.  Those written are raw texts here, changed in place, so that one
 * object serves for many contexts; those read come as strings behind a mark (jsonsplit.h) where
 * a double might not hold them.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model/jsonsplit.h"
#include "model/jsonvalue.h"

/* A raw text in whose place the greatest number fits, with its quotes. */
#define NUMBER_ROOM "------------------------"

struct cJSON *value_object(void)
{
	return cJSON_CreateObject();
}

void value_delete(struct cJSON *value)
{
	cJSON_Delete(value);
}

/* Adds ITEM, which may be NULL; what cannot be added is deleted. */
static cJSON *add(cJSON *object, const char *key, cJSON *item)
{
	if (object && item &&
		(key ? cJSON_AddItemToObject(object, key, item)
		     : cJSON_AddItemToArray(object, item)))
		return item;
	cJSON_Delete(item);
	errno = ENOMEM;
	return NULL;
}

struct cJSON *value_add_object(struct cJSON *object, const char *key)
{
	return add(object, key, cJSON_CreateObject());
}

struct cJSON *value_add_array(struct cJSON *object, const char *key)
{
	return add(object, key, cJSON_CreateArray());
}

struct cJSON *value_add_number(struct cJSON *object, const char *key, uint64_t number)
{
	cJSON *item = add(object, key, cJSON_CreateRaw(NUMBER_ROOM));

	if (item)
		value_set_number(item, number);
	return item;
}

struct cJSON *value_add_change(struct cJSON *object, const char *key, bool less, uint64_t by)
{
	cJSON *item = add(object, key, cJSON_CreateRaw(NUMBER_ROOM));

	if (item) {
		if (less)
			item->valuestring[0] = '-';
		value_digits(item->valuestring + less, by);
	}
	return item;
}

struct cJSON *value_add_id(struct cJSON *object, const char *key, uint64_t id)
{
	cJSON *item = add(object, key, cJSON_CreateRaw(NUMBER_ROOM));

	if (item)
		value_id(item->valuestring, id);
	return item;
}

struct cJSON *value_add_double(struct cJSON *object, const char *key, double number)
{
	return add(object, key, cJSON_CreateNumber(number));
}

static void set_string(struct cJSON *string, const char *text)
{
	/* A reference is neither changed nor freed by cJSON, which has no const. */
	union {
		const char *from;
		char *to;
	} pointer = {.from = text};

	string->type = (text ? cJSON_String : cJSON_NULL) | cJSON_IsReference;
	string->valuestring = pointer.to;
}

struct cJSON *value_add_string(struct cJSON *object, const char *key, const char *text)
{
	cJSON *item = add(object, key, cJSON_CreateStringReference(""));

	if (item)
		set_string(item, text);
	return item;
}

struct cJSON *value_add_true(struct cJSON *object, const char *key)
{
	return add(object, key, cJSON_CreateTrue());
}

char *value_digits(char *to, uint64_t number)
{
	char digits[20];
	size_t n = 0;

	if (number == SNAPSHOT_UNKNOWN)
		return stpcpy(to, "null");
	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	while (n)
		*to++ = digits[--n];
	*to = '\0';
	return to;
}

char *value_id(char *to, uint64_t id)
{
	/* The greatest is an id like any other. */
	*to++ = '"';
	to = id == SNAPSHOT_UNKNOWN ? stpcpy(to, "18446744073709551615") : value_digits(to, id);
	return stpcpy(to, "\"");
}

void value_set_number(struct cJSON *number, uint64_t to)
{
	value_digits(number->valuestring, to);
}

void value_set_mark(struct cJSON *number, char mark)
{
	number->valuestring[0] = mark;
	number->valuestring[1] = '\0';
}

int text_reserve(struct json_text *text, size_t size)
{
	size_t room = text->size + size;
	char *grown;

	if (room <= text->room)
		return 0;
	room += room / 2;
	grown = realloc(text->text, room);
	if (!grown)
		return -1;
	text->text = grown;
	text->room = room;
	return 0;
}

int text_print(struct json_text *text, struct cJSON *value, size_t strings)
{
	/* A byte takes six at most, as \u00XX. */
	size_t bound = JSON_OBJECT + 6 * strings;

	if (strings > INT_MAX / 8) {
		errno = ENOMEM;
		return -1;
	}
	if (text_reserve(text, bound))
		return -1;
	if (!cJSON_PrintPreallocated(value, text->text + text->size, (int)bound, false)) {
		errno = ENOMEM;
		return -1;
	}
	text->size += strlen(text->text + text->size);
	return 0;
}

/* The bytes of STRING up to one that JSON escapes, or its end. */
static size_t plain_length(const char *string)
{
	size_t length = 0;

	while ((unsigned char)string[length] >= ' ' && string[length] != '"' &&
		string[length] != '\\')
		length++;
	return length;
}

int text_string(struct json_text *text, const char *string)
{
	size_t length = string ? plain_length(string) : 0;
	cJSON *value;
	int result;

	if (string && !string[length]) {
		if (text_reserve(text, length + 2))
			return -1;
		text->text[text->size++] = '"';
		memcpy(text->text + text->size, string, length);
		text->size += length;
		text->text[text->size++] = '"';
		return 0;
	}
	value = string ? cJSON_CreateStringReference(string) : cJSON_CreateNull();
	if (!value) {
		errno = ENOMEM;
		return -1;
	}
	result = text_print(text, value, string ? strlen(string) : 0);
	cJSON_Delete(value);
	return result;
}

/* ---- Reading -------------------------------------------------------------------------- */

struct cJSON *value_parse(const char *text, size_t size, size_t *understood)
{
	const char *end = text;
	cJSON *value = cJSON_ParseWithLengthOpts(text, size, &end, false);

	*understood = end >= text && end <= text + size ? (size_t)(end - text) : 0;
	if (value && *understood != size) {
		cJSON_Delete(value);
		value = NULL;
	}
	return value;
}

const struct cJSON *value_first(const struct cJSON *value)
{
	return value->child;
}

const struct cJSON *value_next(const struct cJSON *value)
{
	return value->next;
}

const char *value_key(const struct cJSON *value)
{
	return value->string;
}

const struct cJSON *value_member(const struct cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

bool value_is_object(const struct cJSON *value)
{
	return cJSON_IsObject(value);
}

bool value_is_array(const struct cJSON *value)
{
	return cJSON_IsArray(value);
}

bool value_is_true(const struct cJSON *value)
{
	return cJSON_IsTrue(value);
}

bool value_is_null(const struct cJSON *value)
{
	return !value || cJSON_IsNull(value);
}

char *value_string(const struct cJSON *value)
{
	if (!cJSON_IsString(value) || *value->valuestring == SPLIT_NUMBER)
		return NULL;
	return value->valuestring;
}

/* The digits of a number that a double might not hold. */
static bool long_number(const char *digits, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(digits, &end, 10);
	return *digits >= '0' && *digits <= '9' && !*end && !errno && *number != SNAPSHOT_UNKNOWN;
}

bool value_number(const struct cJSON *value, uint64_t *number)
{
	*number = SNAPSHOT_UNKNOWN;
	if (value_is_null(value))
		return true;
	if (cJSON_IsString(value) && *value->valuestring == SPLIT_NUMBER)
		return long_number(value->valuestring + 1, number);
	if (!cJSON_IsNumber(value) || !(value->valuedouble >= 0 && value->valuedouble < 0x1p53))
		return false;
	*number = (uint64_t)value->valuedouble;
	return (double)*number == value->valuedouble;
}
