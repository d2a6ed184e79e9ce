/* SPDX-License-Identifier: MIT */
/*
 * The header word in front of every chunk.
 *
 *   bits   63 .. 16            15 .. 3     2 .. 0
 *   use    address of its bin  slack       3       the bin tells owner and class
 *   free   next free chunk     its bin's   6       the word is the freelist's link
 *   other  address of its bin  the kind's  7       a large chunk, or of another kind
 *   moved  the chunk's payload magic|log2  7       an aligned chunk: what lies before it
 *
 * The idea is that of PostgreSQL before version 16, where a chunk's header was its context while in
 * use and the freelist's link while free; here the word also holds the slack (chunk size less size
 * asked for), so the size asked for is exact in every build.  Freeing touches no block header.
 *
 * A class and an owner follow from the bin by masking, since contexts are aligned to their size
 * and begin with their bins, and the owner of a bin in a part is the unit before it.  Addresses
 * have 48 bits (47 in Linux user space); slack has 13, so it is at most 8191: a chunk of 8192 bytes
 * never holds a size of 0.
 *
 * The tags are such that no word of glibc's malloc (its flags are 1, 2, 4, 5 alone) nor a small
 * integer bears them, and an address outside the library's reservation is refused: a double
 * free and a foreign pointer are caught on the branch that large chunks take anyway.
 */
#ifndef MCX_CHUNK_H
#define MCX_CHUNK_H

#include "internal.h"
#include "memdebug.h"

#define MCX_TAG_MASK 7u
#define MCX_TAG_USE 3u
#define MCX_TAG_FREE 6u
#define MCX_TAG_OTHER 7u
#define MCX_ADDRESS_SHIFT 16
#define MCX_SLACK_SHIFT 3
#define MCX_SLACK_MAX 8191u

#define MCX_WORD sizeof(uint64_t)
#define MCX_CLASS_BYTES(k) ((size_t)8 << (k))
#define MCX_CLASS_LIMIT MCX_CLASS_BYTES(MEMCTX_CLASSES - 1)

/* Of a moved word: the magic, with log2 of the alignment beside it. */
#define MCX_MOVED_MAGIC 0xa5u

/* Class of a size, by (size + 7) / 8: sizes up to 8192. */
extern const uint8_t mcx_class_of[1025] MCX_HIDDEN;

/* A foreign pointer may be unaligned: its word is read all the same, and refused. */
typedef uint64_t mcx_any_word __attribute__((may_alias, aligned(1)));

MCX_HEADER uint64_t mcx_word_load(const void *payload)
{
	uint64_t word;

	mcx_header_open(payload);
	word = *(const mcx_any_word *)((const char *)payload - MCX_WORD);
	mcx_header_close(payload);
	return word;
}

MCX_HEADER void mcx_word_store(void *payload, uint64_t word)
{
	mcx_header_open(payload);
	*(mcx_any_word *)((char *)payload - MCX_WORD) = word;
	mcx_header_close(payload);
}

/* Sums, not ors: they make one address computation of the last two steps. */
static inline uint64_t mcx_word_use(const void *bin, size_t slack)
{
	uint64_t high = (uint64_t)(uintptr_t)bin << MCX_ADDRESS_SHIFT;

	MCX_APART(high);
	return high + slack * 8 + MCX_TAG_USE;
}

/*
 * BIN names the class, by its address's low half-word, which one instruction takes and which has
 * its place in two units; NEXT is the payload of the next free chunk, or NULL.
 */
static inline uint64_t mcx_word_free(uintptr_t bin, const void *next)
{
	uint64_t low = (uint16_t)bin + MCX_TAG_FREE;

	MCX_APART(low);
	return ((uint64_t)(uintptr_t)next << MCX_ADDRESS_SHIFT) + low;
}

/* What the middle of a free chunk's word is where BIN is the head of its list. */
static inline unsigned mcx_bin_middle(uintptr_t bin)
{
	return (unsigned)(uint16_t)bin >> MCX_SLACK_SHIFT;
}

static inline uintptr_t mcx_word_address(uint64_t word)
{
	return (uintptr_t)(word >> MCX_ADDRESS_SHIFT);
}

static inline unsigned mcx_word_tag(uint64_t word)
{
	return (unsigned)word & MCX_TAG_MASK;
}

/* The 13 bits between address and tag. */
static inline unsigned mcx_word_middle(uint64_t word)
{
	return (unsigned)(word >> MCX_SLACK_SHIFT) & MCX_SLACK_MAX;
}

static inline unsigned mcx_bin_class(uintptr_t bin)
{
	return (unsigned)(bin % MCX_UNIT / sizeof(void *));
}

/*
 * The bin's distance from the reservation's start, and the slack below it: less than MCX_USE_SPAN
 * for a chunk of a class in use (its low bits are the slack).  A wrong tag lands in the upper bits
 * and makes it huge.
 */
#define MCX_USE_SPAN ((uint64_t)MCX_SPAN << (MCX_ADDRESS_SHIFT - MCX_SLACK_SHIFT))
static inline uint64_t mcx_word_distance(uint64_t word)
{
	word -= mcx_base_word;
	return word >> MCX_SLACK_SHIFT | word << (64 - MCX_SLACK_SHIFT);
}

/* Whether the word is that of a chunk of a class in use. */
static inline bool mcx_word_is_use(uint64_t word)
{
	return mcx_word_distance(word) < MCX_USE_SPAN;
}

static inline bool mcx_word_is_other(uint64_t word)
{
	return mcx_word_tag(word) == MCX_TAG_OTHER && mcx_is_bin(mcx_word_address(word));
}

/* Whether PAYLOAD's word says that its chunk begins before it (memctx_alloc_aligned). */
static inline bool mcx_word_is_moved(uint64_t word, const void *payload)
{
	uintptr_t distance = (uintptr_t)payload - mcx_word_address(word);

	return mcx_word_tag(word) == MCX_TAG_OTHER &&
	       mcx_word_middle(word) >> 5 == MCX_MOVED_MAGIC && distance - 1 < (uintptr_t)1 << 31 &&
	       distance % 8 == 0;
}

/* Whether the word is that of a chunk in use, as far as its context is not gone. */
static inline bool mcx_word_is_live(uint64_t word)
{
	return (mcx_word_is_use(word) || mcx_word_is_other(word)) &&
	       !mcx_is_gone(mcx_bin_owner(mcx_word_address(word)));
}

/* The same of the chunk that begins before PAYLOAD, by PAYLOAD's word. */
static inline bool mcx_word_is_moved_live(uint64_t word, const void *payload)
{
	return mcx_word_is_moved(word, payload) &&
	       mcx_word_is_live(mcx_word_load((const void *)mcx_word_address(word)));
}

/* An address, mixed so that sums over sets of them differ; NULL is 0. */
static inline uint64_t mcx_mark(uintptr_t address)
{
	uint64_t z = address * 0x9e3779b97f4a7c15u;

	return (z ^ z >> 29) * 0xbf58476d1ce4e5b9u;
}

static inline size_t mcx_word_moved_align(uint64_t word)
{
	return (size_t)1 << (mcx_word_middle(word) & 31u);
}

/* Bytes from one chunk of class K to the next, where chunks are aligned to ALIGN_LESS_1 + 1. */
static inline size_t mcx_stride(unsigned k, size_t align_less_1)
{
	return (MCX_CLASS_BYTES(k) + MCX_WORD + align_less_1) & ~align_less_1;
}

#endif
