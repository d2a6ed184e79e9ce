/* SPDX-License-Identifier: MIT */
/*
 * Classes as they are, in JSON: the member "lists" of a context, of totals and of a moment, where
 * not all classes are powers of two.
 */
#include "model/jsonlists.h"

#include <string.h>

bool json_add_lists(struct cJSON *object, const struct lists *lists)
{
	struct cJSON *array = value_add_array(object, "lists");

	for (unsigned place = 0; place < LISTS_PLACES; place++) {
		struct cJSON *list;

		if ((lists->has >> place & 1) == 0)
			continue;
		list = value_add_object(array, NULL);
		if (!value_add_number(list, "size", lists_bytes(place)))
			return false;
		for (size_t i = 0; i < JSON_CLASS; i++)
			if (!value_add_number(
				    list, json_class_keys[i], json_class(&lists->of[place], i)))
				return false;
	}
	return array != NULL;
}

char *json_put_lists(char *to, const struct lists *lists)
{
	const char *comma = "";

	to = stpcpy(to, ",\"lists\":[");
	for (unsigned place = 0; place < LISTS_PLACES; place++) {
		if ((lists->has >> place & 1) == 0)
			continue;
		to = stpcpy(stpcpy(to, comma), "{\"size\":");
		to = value_digits(to, lists_bytes(place));
		for (size_t i = 0; i < JSON_CLASS; i++) {
			to = stpcpy(stpcpy(stpcpy(to, ",\""), json_class_keys[i]), "\":");
			to = value_digits(to, json_class(&lists->of[place], i));
		}
		to = stpcpy(to, "}");
		comma = ",";
	}
	return stpcpy(to, "]");
}

static const char *read_list(const struct cJSON *object, struct lists *lists)
{
	uint64_t size;
	int place = -1;

	if (value_is_object(object) && value_number(value_member(object, "size"), &size))
		place = lists_place(size);
	if (place < 0)
		return "\"lists\" holds what has no \"size\" that a class may have";
	if ((lists->has >> place & 1) != 0)
		return "two of \"lists\" have the same \"size\"";
	lists->has |= UINT64_C(1) << place;
	for (size_t i = 0; i < JSON_CLASS; i++)
		if (!value_number(value_member(object, json_class_keys[i]),
			    json_class_figure(&lists->of[place], i)))
			return "a figure of \"lists\" is not a whole number below 2^64 - 1";
	return NULL;
}

const char *json_read_lists(
	const struct cJSON *context, const struct snapshot_class *classes, struct lists *lists)
{
	const struct cJSON *array = value_member(context, "lists");
	const char *message = NULL;

	memset(lists, 0, sizeof *lists);
	if (value_is_null(array))
		return NULL;
	if (!value_is_array(array))
		return "\"lists\" is not an array";
	for (const struct cJSON *at = value_first(array); at && !message; at = value_next(at))
		message = read_list(at, lists);
	if (!message && !lists_agree(lists, classes))
		message = "\"lists\" do not come to what \"classes\" says";
	return message;
}
