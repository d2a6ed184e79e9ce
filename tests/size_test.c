/* SPDX-License-Identifier: MIT */
/*
 * Sizes as text: each expectation is worked out by hand from the definition (a size divided by
 * its unit, rounded half up), the borders between forms above all.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "model/size.h"
#include "model/snapshot.h"

#define K UINT64_C(1024)
#define M (1024 * K)
#define G (1024 * M)
#define E (1024 * 1024 * 1024 * G)

static void test_text(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "\u00b7"},
		{1, "1"},
		{824, "824"},
		{1023, "1023"},
		{K, "1.0K"},
		{8 * K, "8.0K"},
		{K + 51, "1.0K"},  /* 1.0498 */
		{K + 52, "1.1K"},  /* 1.0508 */
		{23245, "22.7K"},  /* 22.70 */
		{102348, "99.9K"}, /* 99.949 */
		{102349, "100K"},  /* 99.9502, would be 100.0K */
		{749 * K, "749K"},
		{1023 * K + 511, "1023K"},
		{1023 * K + 512, "1.00M"}, /* half up would be 1024K */
		{1048535, "1.00M"},        /* 1023.96K */
		{M, "1.00M"},
		{1237320, "1.18M"},       /* 1.18000 */
		{10 * M - 5243, "9.99M"}, /* 9.9949999 */
		{10 * M - 5242, "10.0M"}, /* 9.9950008 */
		{12 * M + M / 2, "12.5M"},
		{749 * M, "749M"},
		{G - 1, "1.00G"},
		{3 * G + G / 5, "3.20G"},
		{E, "1.00E"},
		{9 * E + E / 2, "9.50E"},
		{UINT64_MAX - 1, "16.0E"},
		{SNAPSHOT_UNKNOWN, "?"},
	};
	char out[SIZE_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(size_text(out, cases[i].bytes, 0), cases[i].text);
	assert_string_equal(size_text(out, 0, SIZE_ASCII), ".");
	assert_string_equal(size_text(out, 0, SIZE_DIGIT), "0");
	assert_string_equal(size_text(out, 1234567, SIZE_EXACT), "1,234,567");
	assert_string_equal(size_text(out, 100, SIZE_EXACT), "100");
	assert_string_equal(
		size_text(out, UINT64_MAX - 1, SIZE_EXACT), "18,446,744,073,709,551,614");
}

/* Never wider than 5 columns, and never off by more than half of the last digit. */
static void test_text_everywhere(void **state)
{
	uint64_t random = 1;
	char out[SIZE_TEXT];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t bytes;
		double value;
		char *unit;

		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		bytes = random >> i % 64 | 1;
		assert_in_range(size_width(size_text(out, bytes, 0)), 1, 5);
		value = strtod(out, &unit);
		if (*unit) {
			assert_non_null(strchr("KMGTPE", *unit));
			for (size_t u = 0; u <= strcspn("KMGTPE", unit); u++)
				value *= 1024;
		}
		/* The coarsest step is a tenth at 1.0K. */
		assert_true(value >= (double)bytes / 1.05 && value <= (double)bytes * 1.05);
	}
}

static void test_count(void **state)
{
	char out[SIZE_TEXT];

	(void)state;
	assert_string_equal(size_count(out, 19801, 0), "19,801");
	assert_string_equal(size_count(out, 999, 0), "999");
	assert_string_equal(size_count(out, 1000, 0), "1,000");
	assert_string_equal(size_count(out, 0, 0), "\u00b7");
	assert_string_equal(size_count(out, 0, SIZE_DIGIT), "0");
	assert_string_equal(size_count(out, SNAPSHOT_UNKNOWN, 0), "?");
	assert_int_equal(size_width("\u00b7"), 1);
	assert_int_equal(size_width("19,801"), 6);
}

static void test_percent(void **state)
{
	char out[SIZE_TEXT];

	(void)state;
	assert_string_equal(size_percent(out, 62, 100, 0), "62%");
	assert_string_equal(size_percent(out, 1, 8, 0), "13%"); /* 12.5 */
	assert_string_equal(size_percent(out, 1, 3, 0), "33%");
	assert_string_equal(size_percent(out, 100, 100, 0), "100%");
	assert_string_equal(size_percent(out, 995, 1000, 0), ">99%");
	assert_string_equal(size_percent(out, 994, 1000, 0), "99%");
	assert_string_equal(size_percent(out, 5, 1000, 0), "1%");
	assert_string_equal(size_percent(out, 4, 1000, 0), "<1%");
	assert_string_equal(size_percent(out, 0, 1000, 0), "\u00b7");
	assert_string_equal(size_percent(out, 0, 1000, SIZE_ASCII), ".");
	assert_string_equal(size_percent(out, 0, 1000, SIZE_DIGIT), "0%");
	assert_string_equal(size_percent(out, 5, 0, SIZE_DIGIT), "0%");
	assert_string_equal(size_percent(out, UINT64_MAX / 2, UINT64_MAX - 1, 0), "50%");
	assert_string_equal(size_percent(out, SNAPSHOT_UNKNOWN, 1, 0), "?");
}

static void test_class(void **state)
{
	static const char *const names[] = {
		"8", "16", "32", "64", "128", "256", "512", "1K", "2K", "4K", "8K"};
	char out[SIZE_TEXT];

	(void)state;
	for (unsigned k = 0; k < SNAPSHOT_CLASSES; k++)
		assert_string_equal(size_class(out, UINT64_C(8) << k), names[k]);
	assert_string_equal(size_class(out, 1280), "1280");
	assert_string_equal(size_class(out, 5120), "5K");
}

static void test_time(void **state)
{
	char out[SIZE_TEXT];

	(void)state;
	assert_true(size_time_unit("ns") == 1 && size_time_unit("us") == 1e3);
	assert_true(size_time_unit("ms") == 1e6 && size_time_unit("s") == 1e9);
	assert_true(size_time_unit("") == 0 && size_time_unit("m") == 0);
	assert_string_equal(size_time(out, 0), "0 ns");
	assert_string_equal(size_time(out, 999), "999 ns");
	assert_string_equal(size_time(out, 1500), "1.50 us");
	assert_string_equal(size_time(out, 999994), "999.99 us");
	assert_string_equal(size_time(out, 999995), "1.00 ms");
	assert_string_equal(size_time(out, 12620000), "12.62 ms");
	assert_string_equal(size_time(out, UINT64_C(3600) * 1000000000), "3600.00 s");
	assert_string_equal(size_time(out, SNAPSHOT_UNKNOWN), "?");
}

static void test_decimal(void **state)
{
	char out[SIZE_TEXT];

	(void)state;
	assert_string_equal(size_decimal(out, 0), "0");
	assert_string_equal(size_decimal(out, 850), "850");
	assert_string_equal(size_decimal(out, 999.4), "999");
	assert_string_equal(size_decimal(out, 1000), "1.00K");
	assert_string_equal(size_decimal(out, 31.24e6), "31.2M");
	assert_string_equal(size_decimal(out, 999.6e6), "1.00G");
	assert_string_equal(size_decimal(out, -1), "?");
}

static void test_parse(void **state)
{
	static const char *const bad[] = {
		"", "K", "-1", " 1", "1.5K", "1X", "1KK", "1 K", "16E", "18446744073709551616"};
	uint64_t bytes = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(size_parse(bad[i], &bytes), -1);
	assert_int_equal(bytes, 7);
	assert_int_equal(size_parse("0", &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(size_parse("18446744073709551615", &bytes), 0);
	assert_true(bytes == UINT64_MAX);
	assert_int_equal(size_parse("8k", &bytes), 0);
	assert_int_equal(bytes, 8192);
	assert_int_equal(size_parse("3MiB", &bytes), 0);
	assert_int_equal(bytes, 3145728);
	assert_int_equal(size_parse("15EB", &bytes), 0);
	assert_true(bytes == 15 * E);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_everywhere),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_class),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_decimal),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests_name("size", tests, NULL, NULL);
}
