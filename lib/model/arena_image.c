/* SPDX-License-Identifier: MIT */
/*
 * Images of an arena: of each page that is not zero, the words that are not.
 *
 * A chunk's payload is never written by a replay and its tables are sparse, so an image is a small
 * part of the memory that it stands for.  It is a row of pages in the order of addresses, each: a
 * word with its number and how many words follow, a bit for each word of the page, and those words
 * that are not zero.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/arena_inner.h"

#define PAGE_WORDS (ARENA_PAGE / sizeof(uint64_t))
#define MASKS (PAGE_WORDS / 64)
#define ENTRY_MOST (1 + MASKS + PAGE_WORDS) /* words */
#define SEEN 4096                           /* pages asked about at once */
#define RUN_LEAST 16                        /* pages that are given back together */
#define GIVE_BACK_ALIGN ((uintptr_t)65536)  /* any system's pages */

/* Memory here may carry ASan's marks, which only what the library calls are to heed. */
#if defined(__SANITIZE_ADDRESS__)
#define RAW __attribute__((no_sanitize("address")))
#else
#define RAW
#endif

struct arena_image {
	size_t used, room; /* words */
	size_t resident;   /* pages */
	uint64_t *words;   /* a mapping of its own: large pieces of many sizes come and go */
};

/* ---- Pages -------------------------------------------------------------------------------- */

RAW static bool page_is_zero(const uint64_t *page)
{
	uint64_t any = 0;

	for (size_t i = 0; i < PAGE_WORDS && any == 0; i += 8)
		any = page[i] | page[i + 1] | page[i + 2] | page[i + 3] | page[i + 4] |
		      page[i + 5] | page[i + 6] | page[i + 7];
	return any == 0;
}

RAW static void page_clear(uint64_t *page)
{
	for (size_t i = 0; i < PAGE_WORDS; i++)
		page[i] = 0;
}

void arena_copy(void *to, const void *from, size_t size)
{
	size_t at = 0;

	for (; at + ARENA_PAGE <= size && size >= GIVE_BACK_ALIGN; at += ARENA_PAGE)
		if (!page_is_zero((const void *)((const char *)from + at)) ||
			!page_is_zero((const void *)((char *)to + at)))
			memcpy((char *)to + at, (const char *)from + at, ARENA_PAGE);
	memcpy((char *)to + at, (const char *)from + at, size - at);
}

void arena_give_back(char *memory, size_t size)
{
	uintptr_t start = ((uintptr_t)memory + GIVE_BACK_ALIGN - 1) & ~(GIVE_BACK_ALIGN - 1);
	uintptr_t end = ((uintptr_t)memory + size) & ~(GIVE_BACK_ALIGN - 1);

	if (start < end)
		madvise((void *)start, end - start, MADV_DONTNEED);
}

/* Writes the words of a page that are not zero behind its bits; returns how many. */
RAW static unsigned page_pack(const uint64_t *page, uint64_t *to)
{
	uint64_t *words = to + MASKS;
	unsigned n = 0;

	for (size_t i = 0; i < PAGE_WORDS; i += 64) {
		uint64_t mask = 0;

		for (size_t k = 0; k < 64; k += 8) {
			const uint64_t *w = page + i + k;

			if ((w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) == 0)
				continue;
			for (size_t j = 0; j < 8; j++) {
				words[n] = w[j];
				n += w[j] != 0;
				mask |= (uint64_t)(w[j] != 0) << (k + j);
			}
		}
		to[i / 64] = mask;
	}
	return n;
}

RAW static void page_unpack(uint64_t *page, const uint64_t *from)
{
	const uint64_t *words = from + MASKS;

	page_clear(page);
	for (size_t i = 0; i < MASKS; i++)
		for (uint64_t mask = from[i]; mask != 0; mask &= mask - 1)
			page[i * 64 + (size_t)__builtin_ctzll(mask)] = *words++;
}

/* ---- Which pages there are ---------------------------------------------------------------- */

/* A walk over the pages of the arena in place that may be other than zero. */
struct walk {
	const struct arenas *arenas;
	size_t page, end;   /* numbers, from the arena's first */
	size_t from, until; /* of those that `seen` tells about */
	size_t units, units_end;
	uint64_t seen[SEEN];
};

static size_t page_of(const struct arenas *arenas, const char *address)
{
	return ((size_t)(address - arenas->place) + ARENA_PAGE - 1) / ARENA_PAGE;
}

static void walk_begin(struct walk *walk, const struct arenas *arenas)
{
	const struct arena *arena = arenas_arena(arenas);

	walk->arenas = arenas;
	walk->page = walk->from = walk->until = 0;
	walk->end = page_of(arenas, arena->next);
	walk->units = page_of(arenas, arena->units);
	walk->units_end = page_of(arenas, arena->units_end);
}

static void walk_look(struct walk *walk)
{
	size_t n = walk->end - walk->page < SEEN ? walk->end - walk->page : SEEN;
	size_t first = (uintptr_t)walk->arenas->place / ARENA_PAGE + walk->page;
	size_t bytes = n * sizeof(*walk->seen);

	walk->from = walk->page;
	walk->until = walk->page + n;
	if (walk->arenas->pagemap < 0 ||
		pread(walk->arenas->pagemap, walk->seen, bytes,
			(off_t)(first * sizeof(*walk->seen))) != (ssize_t)bytes)
		memset(walk->seen, 0xff, bytes);
}

/* The next page's number, or SIZE_MAX after the last. */
static size_t walk_next(struct walk *walk)
{
	/* In memory, or swapped out. */
	const uint64_t there = (uint64_t)3 << 62;

	for (;; walk->page++) {
		if (walk->page == walk->end) {
			if (walk->page >= walk->units)
				return SIZE_MAX;
			walk->page = walk->units;
			walk->end = walk->units_end;
			if (walk->page == walk->end)
				return SIZE_MAX;
		}
		if (walk->page < walk->from || walk->page >= walk->until)
			walk_look(walk);
		if ((walk->seen[walk->page - walk->from] & there) != 0)
			return walk->page++;
	}
}

static uint64_t *page_at(const struct arenas *arenas, size_t page)
{
	return (uint64_t *)(void *)(arenas->place + page * ARENA_PAGE);
}

/* ---- Images ------------------------------------------------------------------------------- */

static bool image_add(struct arena_image *image, const struct arenas *arenas, size_t page)
{
	uint64_t *to;
	unsigned n;

	if (image->room - image->used < ENTRY_MOST)
		return false;
	to = image->words + image->used;
	n = page_pack(page_at(arenas, page), to + 1);
	image->resident++;
	if (n == 0)
		return true;
	to[0] = page << 16 | n;
	image->used += 1 + MASKS + n;
	return true;
}

static size_t whole_pages(size_t words)
{
	return (words * sizeof(uint64_t) + GIVE_BACK_ALIGN - 1) & ~(GIVE_BACK_ALIGN - 1);
}

/* An empty image with room for MOST bytes, which take memory as they are written. */
static struct arena_image *image_new(size_t most)
{
	struct arena_image *image = calloc(1, sizeof(*image));
	void *words;

	if (image == NULL)
		return NULL;
	image->room = most / sizeof(*image->words) + ENTRY_MOST;
	words = mmap(NULL, whole_pages(image->room), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (words == MAP_FAILED) {
		free(image);
		return NULL;
	}
	image->words = words;
	return image;
}

static void image_fit(struct arena_image *image)
{
	size_t bytes = whole_pages(image->room), used = whole_pages(image->used);

	if (used < bytes)
		munmap((char *)image->words + used, bytes - used);
	image->room = used / sizeof(*image->words);
}

struct arena_image *arenas_save(struct arenas *arenas, size_t most)
{
	struct arena_image *image = image_new(most);
	struct walk walk;
	size_t page;

	if (image == NULL)
		return NULL;
	walk_begin(&walk, arenas);
	while ((page = walk_next(&walk)) != SIZE_MAX) {
		if (!image_add(image, arenas, page)) {
			arena_image_free(image);
			return NULL;
		}
	}
	image_fit(image);
	return image;
}

/* Makes pages FROM … TO zero. */
static void clear_run(const struct arenas *arenas, size_t from, size_t to)
{
	if (to - from >= RUN_LEAST &&
		madvise(page_at(arenas, from), (to - from) * ARENA_PAGE, MADV_DONTNEED) == 0)
		return;
	for (; from < to; from++)
		if (!page_is_zero(page_at(arenas, from)))
			page_clear(page_at(arenas, from));
}

/* Clears the pages that are there and that the image has not. */
static void clear_others(const struct arenas *arenas, const struct arena_image *image)
{
	size_t at = 0, page, from = 0, to = 0;
	struct walk walk;

	walk_begin(&walk, arenas);
	while ((page = walk_next(&walk)) != SIZE_MAX) {
		while (at < image->used && image->words[at] >> 16 < page)
			at += 1 + MASKS + (image->words[at] & 0xffff);
		if (at < image->used && image->words[at] >> 16 == page)
			continue;
		if (page != to) {
			clear_run(arenas, from, to);
			from = page;
		}
		to = page + 1;
	}
	clear_run(arenas, from, to);
}

void arenas_restore(struct arenas *arenas, const struct arena_image *image)
{
	arena_unmark(arenas_arena(arenas));
	clear_others(arenas, image);
	for (size_t at = 0; at < image->used;) {
		uint64_t entry = image->words[at];

		page_unpack(page_at(arenas, entry >> 16), image->words + at + 1);
		at += 1 + MASKS + (entry & 0xffff);
	}
}

void arena_image_free(struct arena_image *image)
{
	if (image == NULL)
		return;
	munmap(image->words, whole_pages(image->room));
	free(image);
}

size_t arena_image_bytes(const struct arena_image *image)
{
	return sizeof(*image) + whole_pages(image->room);
}

size_t arena_image_resident(const struct arena_image *image)
{
	return image->resident * ARENA_PAGE;
}
