/* SPDX-License-Identifier: MIT */
/*
 * The usual form of a context, which is read by comparing, against every other, which is parsed:
 * both must read the same, and refuse the same.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "json_samples.h"

/* TEXT with TO for every FROM, of the same length or longer; the caller frees it. */
static char *with(const char *text, const char *from, const char *to)
{
	char *out = calloc(4, strlen(text) + 1), *end = out;
	const char *found;

	for (; (found = strstr(text, from)); text = found + strlen(from)) {
		end = (char *)memcpy(end, text, (size_t)(found - text)) + (found - text);
		end = stpcpy(end, to);
	}
	strcpy(end, text);
	return out;
}

/* What SNAPSHOT is in a form with FROM made TO, read; written again it is as it was. */
static struct snapshot *read_other(
	write_form *form, const struct snapshot *snapshot, const char *from, const char *to)
{
	char *text = written(form, snapshot);
	char *other = with(text, from, to);
	struct snapshot *read = read_text(other);
	char *again = written(form, read);

	assert_string_equal(text, again);
	free(again);
	free(other);
	free(text);
	return read;
}

/*
 * The usual form is read by comparing, any other by parsing: a blank, a number with a fraction or
 * an escape is enough to make it another.
 */
static void test_usual_and_other_form(void **state)
{
	static const char *const changes[][2] = {{"{\"id\"", "{ \"id\""},
		{",\"frees\":12", ",\"frees\":12.0"}, {"\"index\"", "\"\\u0069ndex\""},
		{"\"path\":[", "\"path\":[ "}, {"}\n", "}\r\n"}};
	write_form *const forms[] = {json_write_nested, json_write_flat};
	struct snapshot *snapshot = sample();

	(void)state;
	for (size_t i = 0; i < 10; i++)
		snapshot_free(
			read_other(forms[i % 2], snapshot, changes[i / 2][0], changes[i / 2][1]));
	snapshot_free(snapshot);
}

/* Escapes of one letter are of the usual form, whatever else stands for a byte is not. */
static void test_escapes(void **state)
{
	static const char name[] = "say \"a\\b/c\"\b\f\n\r\t \\", ident[] = "\"\"\"\\\\";
	write_form *const forms[] = {json_write_nested, json_write_flat};
	struct snapshot *snapshot = sample();

	(void)state;
	assert_int_equal(snapshot_rename(snapshot, 1, name, ident, "aset"), 0);
	for (size_t i = 0; i < 6; i++) {
		static const char *const changes[][2] = {
			{"say", "say"}, {"b/c", "b\\/c"}, {"say", "\\u0073ay"}};
		struct snapshot *read =
			read_other(forms[i % 2], snapshot, changes[i / 2][0], changes[i / 2][1]);

		assert_string_equal(snapshot_string(read, read->contexts[1].name), name);
		assert_string_equal(snapshot_string(read, read->contexts[1].ident), ident);
		snapshot_free(read);
	}
	snapshot_free(snapshot);
}

/* Both ways say the same of what is wrong, at the same place. */
static void test_wrong_in_either_form(void **state)
{
	static const struct {
		const char *from, *to, *message;
	} changes[] = {
		{"\"id\":\"4\",\"parent\":\"2\"", "\"id\":\"4\",\"parent\":\"5\"",
			"\"parent\" is 5"},
		{"\"id\":\"4\",\"parent\":\"2\",\"level\":3",
			"\"id\":\"4\",\"parent\":\"2\",\"level\":1",
			"\"level\" is 1 where the context is at level 3"},
		{"\"id\":\"4\"", "\"id\":null", "a context without \"id\""},
		{"\"requested_bytes\":4000", "\"requested_bytes\":-4000",
			"\"requested_bytes\" is not a"},
		{"\"requested_bytes\":4000", "\"requested_bytes\":18446744073709551615",
			"\"requested_bytes\" is not a"},
	};
	struct snapshot *snapshot = sample();
	char *text = written(json_write_flat, snapshot);

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		char *usual = with(text, changes[i].from, changes[i].to);
		char *other = with(usual, ",\"allocs\":", ", \"allocs\":");
		struct json_error errors[2];

		assert_null(read_bytes(usual, strlen(usual), &errors[0]));
		assert_null(read_bytes(other, strlen(other), &errors[1]));
		for (int form = 0; form < 2; form++) {
			/* The head, and the contexts 1, 2 and 3 stand before it. */
			assert_int_equal(errors[form].line, 5);
			assert_int_equal(errors[form].column, 1);
			assert_ptr_equal(strstr(errors[form].message, changes[i].message),
				errors[form].message);
		}
		free(other);
		free(usual);
	}
	free(text);
	snapshot_free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual_and_other_form),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_wrong_in_either_form),
	};

	return cmocka_run_group_tests_name("jsonform", tests, NULL, NULL);
}
