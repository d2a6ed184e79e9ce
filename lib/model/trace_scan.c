/* SPDX-License-Identifier: MIT */
/*
 * The fast path: lines of the usual words as recorders write them (one blank, decimal numbers of
 * at most 16 digits, no keys, LF).  It judges nothing: any other line is left to the parser.
 * Ids that are addresses have a path of their own, digit by digit.
 *
 * A line is read without a loop.  The bytes behind its word are compared with the digits, 16 or
 * 32 at a time, which gives a mask of those that are none; its lowest bits are where the fields
 * end, and so where the next line begins is known long before the numbers are.  A number's
 * digits are multiplied together, eight at a time.  Loads may reach TRACE_PAD bytes behind the
 * text.
 */
#include <string.h>
#if defined(__x86_64__) && !defined(TRACE_PORTABLE)
#include <immintrin.h>
#define TRACE_X86 1
#endif

#include "model/trace_internal.h"

#define WORD(a, b, c, d, e, f, g, h)                                                               \
	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |          \
		(uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 |                  \
		(uint64_t)(h) << 56)
#define FIRST(bytes) (UINT64_MAX >> (64 - 8 * (bytes)))

/* Inlined always, for a caller that is compiled for a better processor. */
#define SCANNER static inline __attribute__((always_inline))

/* Eight bytes, the first of them the lowest. */
SCANNER uint64_t load8(const char *from)
{
	uint64_t word;
	memcpy(&word, from, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* Bit i is set where from[i] is a digit, for i under 16. */
SCANNER uint64_t digits_of_16(const char *from)
{
#ifdef TRACE_X86
	/* Adding 0x50 makes the digits the ten least signed bytes. */
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
	bytes = _mm_add_epi8(bytes, _mm_set1_epi8(0x50));
	return (uint32_t)_mm_movemask_epi8(_mm_cmplt_epi8(bytes, _mm_set1_epi8(-118)));
#else
	uint64_t mask = 0;
	for (unsigned i = 0; i < 16; i++)
		mask |= (uint64_t)((unsigned char)(from[i] - '0') <= 9) << i;
	return mask;
#endif
}

/* The place of the lowest bit, which is taken away; there is one always. */
SCANNER size_t take_lowest(uint64_t *bits)
{
	size_t place = (size_t)__builtin_ctzll(*bits);
	*bits &= *bits - 1;
	return place;
}

/* The number of the LENGTH digits at FROM, 1 to 8 of them. */
SCANNER uint64_t short_number(const char *from, size_t length)
{
	/* The last digit goes to the top byte; what comes before the first is 0. */
	uint64_t v = load8(from) << (64 - 8 * length) & UINT64_C(0x0F0F0F0F0F0F0F0F);
	v = (v * (10 * 256 + 1)) >> 8 & UINT64_C(0x00FF00FF00FF00FF);
	v = (v * (100 * 65536 + 1)) >> 16 & UINT64_C(0x0000FFFF0000FFFF);
	return (v * (UINT64_C(10000) * 4294967296 + 1)) >> 32;
}

static __attribute__((noinline)) uint64_t long_number(const char *from, size_t length)
{
	return short_number(from, length - 8) * 100000000 + short_number(from + length - 8, 8);
}

SCANNER uint64_t number(const char *from, size_t length)
{
	return __builtin_expect(length <= 8, 1) ? short_number(from, length)
						: long_number(from, length);
}

/* Whether a field has from 1 to 16 digits. */
SCANNER bool fits(size_t length)
{
	return length - 1 < 16;
}

/* All of an event but its place. */
SCANNER void put(
	struct trace_event *event, enum trace_op op, uint64_t ctx, uint64_t chunk, uint64_t size)
{
	event->ctx = ctx;
	event->chunk = chunk;
	event->id2 = 0;
	event->size = size;
	event->align = 0;
	event->op = (uint8_t)op;
	event->kind = 0;
	event->has = 0;
	event->unused = 0;
}

/*
 * One number and the line's end.  Returns where the next line begins, or NULL; so do those below.
 */
SCANNER const char *scan_one(const char *from, uint64_t *value)
{
	size_t end = (size_t)__builtin_ctzll(~digits_of_16(from));
	if (from[end] != '\n' || !fits(end))
		return NULL;
	*value = number(from, end);
	return from + end + 1;
}

SCANNER const char *scan_alloc(const char *from, struct trace_event *event)
{
	uint64_t others = ~(digits_of_16(from) | digits_of_16(from + 16) << 16);
	size_t ctx = take_lowest(&others), chunk = take_lowest(&others);
	size_t size = take_lowest(&others);
	if (from[ctx] != ' ' || from[chunk] != ' ' || from[size] != '\n' || !fits(ctx) ||
		!fits(chunk - ctx - 1) || !fits(size - chunk - 1))
		return NULL;
	put(event, TRACE_ALLOC, number(from, ctx), number(from + ctx + 1, chunk - ctx - 1),
		number(from + chunk + 1, size - chunk - 1));
	return from + size + 1;
}

SCANNER const char *scan_realloc(const char *from, struct trace_event *event)
{
	uint64_t others = ~(digits_of_16(from) | digits_of_16(from + 16) << 16);
	size_t chunk = take_lowest(&others), size = take_lowest(&others);
	if (from[chunk] != ' ' || !fits(chunk) || !fits(size - chunk - 1))
		return NULL;
	put(event, TRACE_REALLOC, 0, number(from, chunk),
		number(from + chunk + 1, size - chunk - 1));
	if (from[size] == '\n')
		return from + size + 1;
	size_t end = take_lowest(&others);
	if (from[size] != ' ' || from[end] != '\n' || !fits(end - size - 1))
		return NULL;
	event->id2 = number(from + size + 1, end - size - 1);
	event->has = TRACE_HAS_NEWCHUNK;
	return from + end + 1;
}

SCANNER const char *scan_free(const char *from, struct trace_event *event)
{
	uint64_t chunk = 0;
	const char *next = scan_one(from, &chunk);
	put(event, TRACE_FREE, 0, chunk, 0);
	return next;
}

SCANNER const char *scan_context(const char *from, enum trace_op op, struct trace_event *event)
{
	uint64_t ctx = 0;
	const char *next = scan_one(from, &ctx);
	put(event, op, ctx, 0, 0);
	return next;
}

SCANNER const char *scan_time(const char *from, uint64_t *time, struct trace_event *event)
{
	uint64_t now = 0;
	const char *next = scan_one(from, &now);
	if (next == NULL || now < *time)
		return NULL;
	put(event, TRACE_TIME, 0, 0, now);
	*time = now;
	return next;
}

typedef const char *scan_alloc_fn(const char *from, struct trace_event *event);

SCANNER const char *scan_line(
	const char *from, uint64_t *time, struct trace_event *event, scan_alloc_fn *alloc)
{
	uint64_t word = load8(from);
	if ((word & FIRST(6)) == WORD('a', 'l', 'l', 'o', 'c', ' ', 0, 0))
		return alloc(from + 6, event);
	if ((word & FIRST(5)) == WORD('f', 'r', 'e', 'e', ' ', 0, 0, 0))
		return scan_free(from + 5, event);
	if (word == WORD('r', 'e', 'a', 'l', 'l', 'o', 'c', ' '))
		return scan_realloc(from + 8, event);
	if ((word & FIRST(6)) == WORD('r', 'e', 's', 'e', 't', ' ', 0, 0))
		return scan_context(from + 6, TRACE_RESET, event);
	if ((word & FIRST(7)) == WORD('d', 'e', 'l', 'e', 't', 'e', ' ', 0))
		return scan_context(from + 7, TRACE_DELETE, event);
	if (word == WORD('r', 'e', 's', 'e', 't', 'o', 'n', 'l') && from[8] == 'y' &&
		from[9] == ' ')
		return scan_context(from + 10, TRACE_RESETONLY, event);
	if ((word & FIRST(5)) == WORD('t', 'i', 'm', 'e', ' ', 0, 0, 0))
		return scan_time(from + 5, time, event);
	return NULL;
}

/* The loop is compiled once for each way to scan an alloc line. */
SCANNER size_t scan_lines(const char *buffer, size_t *at, size_t limit, uint64_t before,
	uint64_t *time, struct trace_event *events, size_t max, scan_alloc_fn *alloc)
{
	const char *from = buffer + *at, *end = buffer + limit;
	size_t used = 0;
	while (used < max && from < end) {
		struct trace_event *event = &events[used];
		const char *next = scan_line(from, time, event, alloc);
		if (next == NULL)
			break;
		used++;
		event->line = before + used;
		event->text = (uint32_t)(from - buffer);
		from = next;
	}
	*at = (size_t)(from - buffer);
	return used;
}

#ifdef TRACE_X86
#define TARGET_AVX2 __attribute__((target("avx2,bmi,bmi2")))

/*
 * An alloc line whose numbers have at most eight digits: the three are converted side by side,
 * with a 0 between for id2, and stored at once.
 */
TARGET_AVX2 static inline const char *scan_alloc_avx2(const char *from, struct trace_event *event)
{
	__m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)from);
	bytes = _mm256_add_epi8(bytes, _mm256_set1_epi8(0x50));
	bytes = _mm256_cmpgt_epi8(_mm256_set1_epi8(-118), bytes);
	uint64_t others = ~(uint64_t)(uint32_t)_mm256_movemask_epi8(bytes);
	size_t ctx = take_lowest(&others), chunk = take_lowest(&others);
	size_t size = take_lowest(&others);
	size_t chunk_digits = chunk - ctx - 1, size_digits = size - chunk - 1;
	if (((ctx - 1) | (chunk_digits - 1) | (size_digits - 1)) > 7)
		return scan_alloc(from, event);
	if (from[ctx] != ' ' || from[chunk] != ' ' || from[size] != '\n')
		return NULL;
	/* Each number's last digit goes to the top of its 64 bits; a shift by 64 makes 0. */
	uint64_t lengths = ctx | chunk_digits << 8 | size_digits << 24;
	__m128i shifts = _mm_cvtsi32_si128((int)(0x40404040 - 8 * lengths));
	__m128i ids = _mm_loadl_epi64((const __m128i *)(const void *)from);
	ids = _mm_castps_si128(
		_mm_loadh_pi(_mm_castsi128_ps(ids), (const __m64 *)(const void *)(from + ctx + 1)));
	__m128i sizes = _mm_loadu_si128((const __m128i *)(const void *)(from + chunk - 7));
	__m256i digits = _mm256_inserti128_si256(_mm256_castsi128_si256(ids), sizes, 1);
	digits = _mm256_sllv_epi64(digits, _mm256_cvtepu8_epi64(shifts));
	digits = _mm256_and_si256(digits, _mm256_set1_epi8(15));
	/* Pairs of digits, then of those, then of those. */
	digits = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(1 << 8 | 10));
	digits = _mm256_madd_epi16(digits, _mm256_set1_epi32(1 << 16 | 100));
	digits = _mm256_add_epi64(
		_mm256_mul_epu32(digits, _mm256_set1_epi64x(10000)), _mm256_srli_epi64(digits, 32));
	_mm256_storeu_si256((__m256i *)(void *)&event->ctx, digits);
	event->align = 0;
	event->op = TRACE_ALLOC;
	event->kind = 0;
	event->has = 0;
	event->unused = 0;
	return from + size + 1;
}

TARGET_AVX2 static size_t scan_avx2(const char *buffer, size_t *at, size_t limit, uint64_t before,
	uint64_t *time, struct trace_event *events, size_t max)
{
	return scan_lines(buffer, at, limit, before, time, events, max, scan_alloc_avx2);
}
#endif

/* ---- Addresses as ids ----------------------------------------------------------------- */

/* The value of each hexadecimal digit, and 1 more; 0: it is none. */
static const uint8_t hex_digits[256] = {
	['0'] = 1,
	['1'] = 2,
	['2'] = 3,
	['3'] = 4,
	['4'] = 5,
	['5'] = 6,
	['6'] = 7,
	['7'] = 8,
	['8'] = 9,
	['9'] = 10,
	['a'] = 11,
	['b'] = 12,
	['c'] = 13,
	['d'] = 14,
	['e'] = 15,
	['f'] = 16,
	['A'] = 11,
	['B'] = 12,
	['C'] = 13,
	['D'] = 14,
	['E'] = 15,
	['F'] = 16,
};

/* A number of as many digits as always fit.  Returns its end, or NULL. */
static inline const char *loose_number(const char *from, uint64_t *value)
{
	uint64_t v = 0;
	unsigned digit;
	bool hex = from[0] == '0' && from[1] == 'x';
	const char *at = hex ? from + 2 : from, *first = at, *most = at + (hex ? 16 : 19);
	if (hex) {
		for (; at < most && (digit = hex_digits[(unsigned char)*at]) != 0; at++)
			v = v << 4 | (digit - 1);
	} else {
		for (; at < most && (digit = (unsigned char)*at - (unsigned)'0') <= 9; at++)
			v = 10 * v + digit;
	}
	*value = v;
	return at > first ? at : NULL;
}

/* The words whose fields are ids of chunks, digit by digit. */
static __attribute__((noinline)) const char *scan_loose(const char *from, struct trace_event *event)
{
	uint64_t word = load8(from), numbers[3] = {0};
	size_t count = 0;
	enum trace_op op = TRACE_FREE;
	const char *at = from + 5;
	if ((word & FIRST(6)) == WORD('a', 'l', 'l', 'o', 'c', ' ', 0, 0)) {
		op = TRACE_ALLOC;
		at = from + 6;
	} else if (word == WORD('r', 'e', 'a', 'l', 'l', 'o', 'c', ' ')) {
		op = TRACE_REALLOC;
		at = from + 8;
	} else if ((word & FIRST(5)) != WORD('f', 'r', 'e', 'e', ' ', 0, 0, 0)) {
		return NULL;
	}
	for (bool more = true; more; at += more) {
		at = loose_number(at, &numbers[count]);
		if (at == NULL)
			return NULL;
		count++;
		more = *at == ' ' && count < 3;
	}
	if (*at != '\n')
		return NULL;
	if (op == TRACE_ALLOC && count == 3)
		put(event, op, numbers[0], numbers[1], numbers[2]);
	else if (op == TRACE_FREE && count == 1)
		put(event, op, 0, numbers[0], 0);
	else if (op == TRACE_REALLOC && count > 1)
		put(event, op, 0, numbers[0], numbers[1]);
	else
		return NULL;
	if (op == TRACE_REALLOC && count == 3) {
		event->id2 = numbers[2];
		event->has = TRACE_HAS_NEWCHUNK;
	}
	return at + 1;
}

/* ---- Any line -------------------------------------------------------------------------- */

typedef size_t scan_fn(const char *buffer, size_t *at, size_t limit, uint64_t before,
	uint64_t *time, struct trace_event *events, size_t max);

static size_t scan_plain(const char *buffer, size_t *at, size_t limit, uint64_t before,
	uint64_t *time, struct trace_event *events, size_t max)
{
	return scan_lines(buffer, at, limit, before, time, events, max, scan_alloc);
}

/*
 * SCAN, and where that stops, a line digit by digit.  Not inside its loop: code that is not
 * compiled for AVX waits long for the registers that such a loop leaves behind.
 */
static size_t scan_both(scan_fn *scan, const char *buffer, size_t *at, size_t limit,
	uint64_t before, uint64_t *time, struct trace_event *events, size_t max)
{
	size_t used = 0;
	for (;;) {
		used += scan(buffer, at, limit, before + used, time, events + used, max - used);
		if (used == max || *at == limit)
			return used;
		const char *next = scan_loose(buffer + *at, &events[used]);
		if (next == NULL)
			return used;
		events[used].text = (uint32_t)*at;
		events[used].line = before + used + 1;
		*at = (size_t)(next - buffer);
		used++;
	}
}

size_t trace_scan_any(const char *buffer, size_t *at, size_t limit, uint64_t before, uint64_t *time,
	struct trace_event *events, size_t max)
{
	return scan_both(scan_plain, buffer, at, limit, before, time, events, max);
}

size_t trace_scan(const char *buffer, size_t *at, size_t limit, uint64_t before, uint64_t *time,
	struct trace_event *events, size_t max)
{
#ifdef TRACE_X86
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
		return scan_both(scan_avx2, buffer, at, limit, before, time, events, max);
#endif
	return trace_scan_any(buffer, at, limit, before, time, events, max);
}
