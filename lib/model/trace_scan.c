/* SPDX-License-Identifier: MIT */
/*
 * The fast path: lines of the usual words as recorders write them (one blank, decimal numbers of
 * at most 16 digits, no keys, LF).  It judges nothing: any other line is left to the parser.
 *
 * A line is read without a loop.  The bytes behind its word are compared with the digits, 16 or
 * 32 at a time, which gives a mask of those that are none; its lowest bits are where the fields
 * end, and so where the next line begins is known long before the numbers are.  A number's
 * digits are multiplied together, eight at a time.  Loads may reach TRACE_PAD bytes behind the
 * text.
 */
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "model/trace_internal.h"

#define WORD(a, b, c, d, e, f, g, h)                                                               \
	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |          \
		(uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 |                  \
		(uint64_t)(h) << 56)
#define FIRST(bytes) (UINT64_MAX >> (64 - 8 * (bytes)))

/* Eight bytes, the first of them the lowest. */
static inline uint64_t load8(const char *from)
{
	uint64_t word;
	memcpy(&word, from, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* Bit i is set where from[i] is no digit, for i under 16; the bits above are all set. */
static inline uint64_t others_of_16(const char *from)
{
#if defined(__SSE2__) && !defined(TRACE_PORTABLE)
	/* Adding 0x50 makes the digits the ten least signed bytes. */
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
	bytes = _mm_add_epi8(bytes, _mm_set1_epi8(0x50));
	bytes = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(-119));
	return (uint32_t)_mm_movemask_epi8(bytes) | UINT64_MAX << 16;
#else
	uint64_t mask = UINT64_MAX << 16;
	for (unsigned i = 0; i < 16; i++)
		mask |= (uint64_t)((unsigned char)(from[i] - '0') > 9) << i;
	return mask;
#endif
}

/* The same for 32 bytes. */
static inline uint64_t others_of_32(const char *from)
{
	return (others_of_16(from) & 0xFFFF) | others_of_16(from + 16) << 16;
}

/* The number of the LENGTH digits at FROM, 1 to 8 of them. */
static inline uint64_t short_number(const char *from, unsigned length)
{
	/* The last digit goes to the top byte; what comes before the first is 0. */
	uint64_t v = load8(from) << (64 - 8 * length) & UINT64_C(0x0F0F0F0F0F0F0F0F);
	v = (v * (10 * 256 + 1)) >> 8 & UINT64_C(0x00FF00FF00FF00FF);
	v = (v * (100 * 65536 + 1)) >> 16 & UINT64_C(0x0000FFFF0000FFFF);
	return (v * (UINT64_C(10000) * 4294967296 + 1)) >> 32;
}

static __attribute__((noinline)) uint64_t long_number(const char *from, unsigned length)
{
	return short_number(from, length - 8) * 100000000 + short_number(from + length - 8, 8);
}

static inline uint64_t number(const char *from, unsigned length)
{
	return __builtin_expect(length <= 8, 1) ? short_number(from, length)
						: long_number(from, length);
}

/* Whether a field has from 1 to 16 digits. */
static inline bool fits(unsigned length)
{
	return length - 1 < 16;
}

/*
 * One number and the line's end.  Returns where the next line begins, or NULL; so do those below.
 */
static inline const char *scan_one(const char *from, uint64_t *value)
{
	unsigned end = (unsigned)__builtin_ctzll(others_of_16(from));
	if (from[end] != '\n' || !fits(end))
		return NULL;
	*value = number(from, end);
	return from + end + 1;
}

/* The ends of the first two fields at FROM: one blank between them. */
static inline bool scan_two(const char *from, uint64_t *others, unsigned *first, unsigned *second)
{
	*first = (unsigned)__builtin_ctzll(*others);
	*others &= *others - 1;
	*second = (unsigned)__builtin_ctzll(*others);
	*others &= *others - 1;
	return from[*first] == ' ' && fits(*first) && fits(*second - *first - 1);
}

static inline const char *scan_alloc(const char *from, struct trace_event *event)
{
	uint64_t others = others_of_32(from);
	unsigned ctx, chunk;
	if (!scan_two(from, &others, &ctx, &chunk) || from[chunk] != ' ')
		return NULL;
	unsigned size = (unsigned)__builtin_ctzll(others);
	if (from[size] != '\n' || !fits(size - chunk - 1))
		return NULL;
	*event = (struct trace_event){
		.op = TRACE_ALLOC,
		.ctx = number(from, ctx),
		.chunk = number(from + ctx + 1, chunk - ctx - 1),
		.size = number(from + chunk + 1, size - chunk - 1),
	};
	return from + size + 1;
}

static inline const char *scan_realloc(const char *from, struct trace_event *event)
{
	uint64_t others = others_of_32(from);
	unsigned chunk, size;
	if (!scan_two(from, &others, &chunk, &size))
		return NULL;
	*event = (struct trace_event){
		.op = TRACE_REALLOC,
		.chunk = number(from, chunk),
		.size = number(from + chunk + 1, size - chunk - 1),
	};
	if (from[size] == '\n')
		return from + size + 1;
	unsigned end = (unsigned)__builtin_ctzll(others);
	if (from[size] != ' ' || from[end] != '\n' || !fits(end - size - 1))
		return NULL;
	event->id2 = number(from + size + 1, end - size - 1);
	event->has = TRACE_HAS_NEWCHUNK;
	return from + end + 1;
}

static inline const char *scan_free(const char *from, struct trace_event *event)
{
	uint64_t chunk;
	const char *next = scan_one(from, &chunk);
	if (next != NULL)
		*event = (struct trace_event){.op = TRACE_FREE, .chunk = chunk};
	return next;
}

static inline const char *scan_context(
	const char *from, enum trace_op op, struct trace_event *event)
{
	uint64_t ctx;
	const char *next = scan_one(from, &ctx);
	if (next != NULL)
		*event = (struct trace_event){.op = (uint8_t)op, .ctx = ctx};
	return next;
}

static inline const char *scan_time(const char *from, uint64_t *time, struct trace_event *event)
{
	uint64_t now;
	const char *next = scan_one(from, &now);
	if (next == NULL || now < *time)
		return NULL;
	*event = (struct trace_event){.op = TRACE_TIME, .size = now};
	*time = now;
	return next;
}

static inline const char *scan_line(const char *from, uint64_t *time, struct trace_event *event)
{
	uint64_t word = load8(from);
	if ((word & FIRST(6)) == WORD('a', 'l', 'l', 'o', 'c', ' ', 0, 0))
		return scan_alloc(from + 6, event);
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

size_t trace_scan(const char *buffer, size_t *at, size_t limit, uint64_t before, uint64_t *time,
	struct trace_event *events, size_t max)
{
	const char *from = buffer + *at, *end = buffer + limit;
	size_t used = 0;
	while (used < max && from < end) {
		struct trace_event *event = &events[used];
		const char *next = scan_line(from, time, event);
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
