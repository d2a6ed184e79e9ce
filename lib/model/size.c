/* SPDX-License-Identifier: MIT */
/*
 * Sizes, counts, shares and times as text.  Sizes are rounded in whole numbers, so that what is
 * printed is right to the last digit for every 64-bit value.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model/size.h"
#include "model/snapshot.h"

__extension__ typedef unsigned __int128 wide;

static const char units[] = "KMGTPE";

static const char *zero(char *out, unsigned flags)
{
	return strcpy(out, flags & SIZE_DIGIT ? "0" : flags & SIZE_ASCII ? "." : "\u00b7");
}

static const char *with_separators(char *out, uint64_t number)
{
	char digits[24];
	size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number);
	char *to = out;

	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return out;
}

/* BYTES in units of 2^SHIFT, times SCALE, rounded half up. */
static unsigned scaled(uint64_t bytes, unsigned shift, unsigned scale)
{
	wide number = (wide)bytes * scale + ((wide)1 << (shift - 1));

	return (unsigned)(number >> shift);
}

/*
 * Writes BYTES in UNIT with as many decimals as three digits allow (in K at most one, which
 * is as fine as sizes there need); false where it rounds to 1024 or more.
 */
static bool in_unit(char *out, uint64_t bytes, unsigned unit)
{
	unsigned shift = 10 * (unit + 1);
	unsigned number;

	if (bytes >> shift >= 1024)
		return false;
	number = scaled(bytes, shift, 100);
	if (unit && number < 1000) {
		snprintf(out, SIZE_TEXT, "%u.%02u%c", number / 100, number % 100, units[unit]);
		return true;
	}
	number = scaled(bytes, shift, 10);
	if (number < 1000) {
		snprintf(out, SIZE_TEXT, "%u.%u%c", number / 10, number % 10, units[unit]);
		return true;
	}
	number = scaled(bytes, shift, 1);
	snprintf(out, SIZE_TEXT, "%u%c", number, units[unit]);
	return number < 1024;
}

const char *size_text(char out[static SIZE_TEXT], uint64_t bytes, unsigned flags)
{
	unsigned unit = 0;

	if (bytes == SNAPSHOT_UNKNOWN)
		return strcpy(out, "?");
	if (!bytes)
		return zero(out, flags);
	if (flags & SIZE_EXACT)
		return with_separators(out, bytes);
	if (bytes < 1024) {
		snprintf(out, SIZE_TEXT, "%u", (unsigned)bytes);
		return out;
	}
	while (!in_unit(out, bytes, unit))
		unit++;
	return out;
}

const char *size_count(char out[static SIZE_TEXT], uint64_t count, unsigned flags)
{
	if (count == SNAPSHOT_UNKNOWN)
		return strcpy(out, "?");
	return count ? with_separators(out, count) : zero(out, flags);
}

const char *size_percent(char out[static SIZE_TEXT], uint64_t part, uint64_t whole, unsigned flags)
{
	unsigned percent;

	if (part == SNAPSHOT_UNKNOWN || whole == SNAPSHOT_UNKNOWN)
		return strcpy(out, "?");
	if (!part || !whole)
		return flags & SIZE_DIGIT ? strcpy(out, "0%") : zero(out, flags);
	if (part >= whole)
		return strcpy(out, "100%");
	percent = (unsigned)(((wide)part * 200 + whole) / ((wide)whole * 2));
	if (!percent)
		return strcpy(out, "<1%");
	if (percent == 100)
		return strcpy(out, ">99%");
	snprintf(out, SIZE_TEXT, "%u%%", percent);
	return out;
}

const char *size_class(char out[static SIZE_TEXT], uint64_t bytes)
{
	bool whole = bytes % 1024 == 0;

	snprintf(out, SIZE_TEXT, "%" PRIu64 "%s", whole ? bytes / 1024 : bytes, whole ? "K" : "");
	return out;
}

const char *size_time(char out[static SIZE_TEXT], uint64_t ns)
{
	static const char *const names[] = {"us", "ms", "s"};
	uint64_t unit = 1000;
	unsigned i = 0;

	if (ns == SNAPSHOT_UNKNOWN)
		return strcpy(out, "?");
	if (ns < 1000) {
		snprintf(out, SIZE_TEXT, "%" PRIu64 " ns", ns);
		return out;
	}
	/* What would print as 1000.00 of a unit is 1.00 of the next. */
	while (i < 2 && ns >= unit * 1000 - unit / 200) {
		unit *= 1000;
		i++;
	}
	ns = ns / unit * 100 + (ns % unit * 100 + unit / 2) / unit;
	snprintf(out, SIZE_TEXT, "%" PRIu64 ".%02" PRIu64 " %s", ns / 100, ns % 100, names[i]);
	return out;
}

double size_time_unit(const char *unit)
{
	static const struct {
		const char *name;
		double ns;
	} times[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};

	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		if (strcmp(unit, times[i].name) == 0)
			return times[i].ns;
	return 0;
}

const char *size_decimal(char out[static SIZE_TEXT], double number)
{
	static const char suffixes[] = "\0KMGTPE";
	unsigned i = 0;
	int decimals;

	if (!(number >= 0))
		return strcpy(out, "?");
	while (number >= 999.5 && i < sizeof suffixes - 2) {
		number /= 1000;
		i++;
	}
	if (number >= 999.5)
		return strcpy(out, ">999E");
	decimals = !i || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
	snprintf(out, SIZE_TEXT, "%.*f%.1s", decimals, number, &suffixes[i]);
	return out;
}

int size_width(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* The power of 1024 that SUFFIX names ("" is 0), or -1. */
static int suffix_power(const char *suffix)
{
	const char *unit;

	if (!*suffix)
		return 0;
	unit = strchr(units, *suffix >= 'a' && *suffix <= 'z' ? *suffix - 'a' + 'A' : *suffix);
	if (!unit)
		return -1;
	suffix++;
	if (*suffix && strcmp(suffix, "B") && strcmp(suffix, "iB"))
		return -1;
	return (int)(unit - units) + 1;
}

int size_parse(const char *text, uint64_t *bytes)
{
	wide number = 0;
	int power;

	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		number = number * 10 + (unsigned)(*text - '0');
		if (number > UINT64_MAX)
			return -1;
	}
	power = suffix_power(text);
	if (power < 0 || number << 10 * power > UINT64_MAX)
		return -1;
	*bytes = (uint64_t)(number << 10 * power);
	return 0;
}
