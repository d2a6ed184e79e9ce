/* SPDX-License-Identifier: MIT */
/*
 * The usual text of a context.  It is made once, of the same values as any other object, with a
 * mark where each value goes; what lies between the marks is copied, or compared.
 */
#include <stdlib.h>
#include <string.h>

#include "model/jsonform.h"
#include "model/jsonsplit.h"

#define MARK '\001'
#define DIGITS 20 /* of the greatest number */

/* ---- The form ------------------------------------------------------------------------- */

static bool add_members(struct cJSON *object)
{
	static const char *const first[] = {"id", "parent", "level", "name", "ident", "type"};
	struct cJSON *items[FORM_VALUES];
	struct json_figures figures;
	size_t n = 0;

	for (; n < sizeof first / sizeof *first; n++) {
		items[n] = value_add_number(object, first[n], 0);
		if (!items[n])
			return false;
	}
	if (!json_add_figures(object, &figures))
		return false;
	items[n] = value_add_number(object, "peak_total_bytes", 0);
	if (!items[n++])
		return false;
	for (size_t i = 0; i < JSON_PLAINS; i++)
		items[n++] = figures.plain[i];
	for (unsigned k = 0; k < SNAPSHOT_CLASSES; k++)
		for (size_t i = 0; i < JSON_CLASS; i++)
			items[n++] = figures.classes[k][i];
	while (n)
		value_set_mark(items[--n], MARK);
	return true;
}

int form_init(struct json_form *form)
{
	struct cJSON *object = value_object();
	struct json_text text = {0};
	int result = -1;
	char *at;

	if (add_members(object) && !text_print(&text, object, 0))
		result = 0;
	value_delete(object);
	form->text = at = text.text;
	for (size_t i = 0; !result && i < FORM_VALUES; i++) {
		form->before[i].text = at;
		form->before[i].length = strcspn(at, (char[]){MARK, 0});
		at += form->before[i].length + 1;
	}
	return result;
}

void form_done(struct json_form *form)
{
	free(form->text);
}

/* ---- Printing ------------------------------------------------------------------------- */

struct printer {
	const struct json_form *form;
	size_t value;
	char *to;
};

static void put_before(struct printer *printer)
{
	size_t i = printer->value++;

	memcpy(printer->to, printer->form->before[i].text, printer->form->before[i].length);
	printer->to += printer->form->before[i].length;
}

static void put_number(struct printer *printer, uint64_t number)
{
	put_before(printer);
	printer->to = value_digits(printer->to, number);
}

static void put_id(struct printer *printer, uint64_t id, bool there)
{
	if (!there) {
		put_number(printer, SNAPSHOT_UNKNOWN);
		return;
	}
	put_before(printer);
	printer->to = value_id(printer->to, id);
}

/* A string, for which TEXT, of which the printer writes the end, needs room. */
static int put_string(struct printer *printer, const char *string, struct json_text *text)
{
	put_before(printer);
	text->size = (size_t)(printer->to - text->text);
	if (text_string(text, string) || text_reserve(text, JSON_OBJECT))
		return -1;
	printer->to = text->text + text->size;
	return 0;
}

int form_print(
	const struct json_form *form, const struct json_fields *fields, struct json_text *text)
{
	struct printer printer = {.form = form};

	if (text_reserve(text, JSON_OBJECT))
		return -1;
	printer.to = text->text + text->size;
	put_id(&printer, fields->id, true);
	put_id(&printer, fields->parent, fields->has_parent);
	put_number(&printer, fields->level);
	if (put_string(&printer, fields->name, text) || put_string(&printer, fields->ident, text) ||
		put_string(&printer, fields->type, text))
		return -1;
	for (size_t i = 0; i < JSON_PLAINS; i++)
		put_number(&printer, json_plain(&fields->own, i));
	for (unsigned k = 0; k < SNAPSHOT_CLASSES; k++)
		for (size_t i = 0; i < JSON_CLASS; i++)
			put_number(&printer, json_class(&fields->own.classes[k], i));
	put_number(&printer, fields->peak_total_bytes);
	text->size = (size_t)(printer.to - text->text);
	return 0;
}

/* ---- Matching ------------------------------------------------------------------------- */

/* Behind the text stands a control character, at which every comparison stops. */
struct matcher {
	const struct json_form *form;
	size_t value;
	char *at, *end;
};

static bool match(struct matcher *matcher, const char *text, size_t length)
{
	if ((size_t)(matcher->end - matcher->at) < length || memcmp(matcher->at, text, length))
		return false;
	matcher->at += length;
	return true;
}

static bool match_text(struct matcher *matcher, const char *text)
{
	return match(matcher, text, strlen(text));
}

static bool match_before(struct matcher *matcher)
{
	size_t i = matcher->value++;

	return match(matcher, matcher->form->before[i].text, matcher->form->before[i].length);
}

static bool match_digits(struct matcher *matcher, size_t most, uint64_t *number)
{
	const char *start = matcher->at;

	*number = 0;
	for (; *matcher->at >= '0' && *matcher->at <= '9'; matcher->at++) {
		unsigned digit = (unsigned)(*matcher->at - '0');

		if (__builtin_mul_overflow(*number, UINT64_C(10), number) ||
			__builtin_add_overflow(*number, digit, number))
			return false;
	}
	return matcher->at > start && (size_t)(matcher->at - start) <= most &&
	       (*start != '0' || matcher->at == start + 1);
}

/* A number below 2^64 - 1, which may have been made a string of digits behind a mark; or null. */
static bool match_number(struct matcher *matcher, uint64_t *number)
{
	bool quoted;

	if (!match_before(matcher))
		return false;
	*number = SNAPSHOT_UNKNOWN;
	if (*matcher->at == 'n')
		return match_text(matcher, "null");
	quoted = *matcher->at == '"';
	if (quoted && *++matcher->at != SPLIT_NUMBER)
		return false;
	matcher->at += quoted;
	return match_digits(matcher, DIGITS, number) && *number != SNAPSHOT_UNKNOWN &&
	       (!quoted || *matcher->at++ == '"');
}

static bool match_id(struct matcher *matcher, uint64_t *id, bool *there)
{
	if (!match_before(matcher))
		return false;
	*there = *matcher->at == '"';
	if (!*there)
		return match_text(matcher, "null");
	matcher->at++;
	return match_digits(matcher, DIGITS, id) && *matcher->at++ == '"';
}

/* What a backslash and LETTER stand for; 0: it is no letter of one byte's escape. */
static char escaped(char letter)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *found = letter ? strchr(letters, letter) : NULL;

	return found ? bytes[found - letters] : '\0';
}

/* Passes a string; *FROM is its first byte. */
static bool pass_string(struct matcher *matcher, char **from)
{
	char *at = matcher->at;

	if (*at != '"')
		return false;
	*from = ++at;
	for (; *at != '"' && (unsigned char)*at >= ' '; at++)
		if (*at == '\\' && !escaped(*++at))
			return false;
	matcher->at = at + 1;
	return **from != SPLIT_NUMBER && *at == '"';
}

static bool match_string(struct matcher *matcher, char **string)
{
	if (!match_before(matcher))
		return false;
	*string = NULL;
	return *matcher->at == 'n' ? match_text(matcher, "null") : pass_string(matcher, string);
}

/* What may follow the usual members: null children, or a path. */
static bool match_rest(struct matcher *matcher)
{
	char *element;

	if (match_text(matcher, ",\"path\":[")) {
		do
			if (!pass_string(matcher, &element))
				return false;
		while (match_text(matcher, ","));
		if (!match_text(matcher, "]"))
			return false;
	} else if (!match_text(matcher, ",\"path\":null")) {
		match_text(matcher, ",\"children\":null");
	}
	return match_text(matcher, "}") && matcher->at == matcher->end;
}

static bool match_figures(struct matcher *matcher, struct snapshot_figures *own)
{
	for (size_t i = 0; i < JSON_PLAINS; i++)
		if (!match_number(matcher, json_plain_figure(own, i)))
			return false;
	for (unsigned k = 0; k < SNAPSHOT_CLASSES; k++)
		for (size_t i = 0; i < JSON_CLASS; i++)
			if (!match_number(matcher, json_class_figure(&own->classes[k], i)))
				return false;
	return true;
}

/* Ends a string where its quote stands, and makes its escapes what they stand for. */
static void end_string(char *string)
{
	char *to = string;

	if (!string)
		return;
	for (; *string != '"'; string++)
		*to++ = *string == '\\' ? escaped(*++string) : *string;
	*to = '\0';
}

bool form_match(const struct json_form *form, char *text, size_t size, struct json_fields *fields)
{
	struct matcher matcher = {.form = form, .at = text, .end = text + size};
	char *name, *ident, *type;

	if (!match_id(&matcher, &fields->id, &fields->has_id) ||
		!match_id(&matcher, &fields->parent, &fields->has_parent) ||
		!match_number(&matcher, &fields->level) || !match_string(&matcher, &name) ||
		!match_string(&matcher, &ident) || !match_string(&matcher, &type) ||
		!match_figures(&matcher, &fields->own) ||
		!match_number(&matcher, &fields->peak_total_bytes) || !match_rest(&matcher))
		return false;
	end_string(name);
	end_string(ident);
	end_string(type);
	fields->name = name;
	fields->ident = ident;
	fields->type = type;
	return true;
}
