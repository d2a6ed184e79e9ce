/* SPDX-License-Identifier: MIT */
/*
 * What the two pools have in common: see study.h.
 */
#include "model/study.h"

#include <errno.h>
#include <string.h>

#include "model/own.h"
#include "model/study_inner.h"

static const struct study_methods *const designs[] = {
	[STUDY_STL] = &study_stl,
	[STUDY_PYINT] = &study_pyint,
};

void study_become(struct study *study, enum study_design design, size_t object)
{
	study->methods = designs[design];
	study->exact = study->object = 0;
	if (design == STUDY_PYINT) {
		study->exact = object != 0 ? object : STUDY_PYINT_OBJECT;
		study->object = (study->exact + STUDY_GRAIN - 1) & ~(STUDY_GRAIN - 1);
	}
}

struct study *study_new_bare(enum study_design design, size_t object)
{
	struct study *study = own_zalloc(1, sizeof *study);

	if (study != NULL)
		study_become(study, design, object);
	return study;
}

struct study *study_new(enum study_design design, size_t object, const struct study_source *source)
{
	struct study *study = study_new_bare(design, object);

	if (study == NULL)
		return NULL;
	if (source != NULL)
		study->source = *source;
	study->looks = own_zalloc(1, sizeof *study->looks);
	if (study->looks == NULL) {
		own_free(study);
		return NULL;
	}
	study->looks->peak = study->methods->own;
	return study;
}

static bool may_take(const struct study *study, size_t size)
{
	return study->source.may_take == NULL || study->source.may_take(size, study->source.arg);
}

/* The system was asked for memory. */
static void count_call(const struct study *study)
{
	if (study->source.calls != NULL)
		++*study->source.calls;
}

size_t study_total(const struct study *study)
{
	const struct study_looks *looks = study->looks;

	return study->methods->own + looks->blocks_bytes + (size_t)looks->stats.large_bytes;
}

static void note_peak(struct study *study)
{
	size_t total = study_total(study);

	if (total > study->looks->peak)
		study->looks->peak = total;
}

/* ---- Blocks and notes ----------------------------------------------------------------- */

/* How many blocks begin at or before ADDRESS. */
static size_t blocks_before(const struct study_looks *looks, const char *address)
{
	size_t from = 0, to = (size_t)looks->n_blocks;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (looks->index[middle]->memory <= address)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct study_block *study_block_of(const struct study *study, const char *chunk)
{
	const struct study_looks *looks = study->looks;
	size_t n = blocks_before(looks, chunk);

	return n > 0 && chunk < looks->index[n - 1]->memory + looks->index[n - 1]->size
		       ? looks->index[n - 1]
		       : NULL;
}

/* Room for one more block in the index.  0, or -1 with ENOMEM. */
static int index_reserve(struct study_looks *looks)
{
	size_t room = looks->index_room != 0 ? looks->index_room * 2 : 16;
	struct study_block **index;

	if (looks->n_blocks < looks->index_room)
		return 0;
	index = own_realloc(looks->index, room * sizeof(*index));
	if (index == NULL)
		return -1;
	looks->index = index;
	looks->index_room = room;
	return 0;
}

static void index_add(struct study_looks *looks, struct study_block *block)
{
	size_t at = blocks_before(looks, block->memory);

	memmove(looks->index + at + 1, looks->index + at,
		((size_t)looks->n_blocks - at) * sizeof(*looks->index));
	looks->index[at] = block;
	looks->n_blocks++;
}

static struct study_block *block_new(size_t size)
{
	struct study_block *block =
		own_zalloc(1, sizeof *block + size / STUDY_GRAIN * sizeof *block->notes);

	if (block == NULL)
		return NULL;
	block->memory = own_alloc(size);
	if (block->memory != NULL)
		return block;
	own_free(block);
	return NULL;
}

/* A bare pool's: only what a reset gives back has to be found. */
static char *take_bare(struct study *study, size_t size)
{
	char *block = own_alloc(sizeof(void *) + size);

	if (block == NULL)
		return NULL;
	memcpy(block, &study->bare, sizeof(void *));
	study->bare = block;
	return block + sizeof(void *);
}

char *study_take_block(struct study *study, size_t size, size_t header)
{
	struct study_looks *looks = study->looks;
	struct study_block *block;

	if (looks == NULL && size <= PTRDIFF_MAX / 2)
		return take_bare(study, size);
	if (size > PTRDIFF_MAX / 2 || !may_take(study, size) || index_reserve(looks) != 0) {
		errno = ENOMEM;
		return NULL;
	}
	block = block_new(size);
	if (block == NULL)
		return NULL;
	count_call(study);
	block->size = size;
	block->header = header;
	block->next = looks->blocks;
	looks->blocks = block;
	looks->blocks_bytes += size;
	index_add(looks, block);
	note_peak(study);
	return block->memory;
}

uint16_t *study_note(const struct study *study, const char *chunk)
{
	struct study_block *block = study_block_of(study, chunk);

	return &block->notes[(size_t)(chunk - block->memory) / STUDY_GRAIN];
}

/* ---- Lists ---------------------------------------------------------------------------- */

void study_cut(struct study *study, char *chunk, unsigned list)
{
	if (study->looks != NULL)
		*study_note(study, chunk) = (uint16_t)(study_bytes(study, list) / STUDY_GRAIN);
}

void study_uncut(struct study *study, char *chunk)
{
	if (study->looks != NULL)
		*study_note(study, chunk) = 0;
}

void study_refilled(struct study *study, size_t more)
{
	if (study->looks == NULL)
		return;
	study->looks->stats.carved++;
	study->looks->stats.cut += more;
}

/* Notes that LIST has ONE more, or (UINT64_MAX) one less: differences modulo 2^64 are exact. */
static void note_listed(struct study *study, unsigned list, uint64_t one)
{
	struct study_looks *looks = study->looks;
	size_t bytes = study_bytes(study, list);

	looks->length[list] += one;
	looks->stats.free_chunks += one;
	looks->stats.freelist_bytes += one * bytes;
	looks->stats.classes[study_class(bytes)].free += one;
}

static inline void push(struct study *study, char *chunk, unsigned list)
{
	memcpy(chunk, &study->list[list], sizeof(void *));
	study->list[list] = chunk;
	if (study->looks != NULL)
		note_listed(study, list, 1);
}

static inline char *unlist(struct study *study, unsigned list)
{
	char *chunk = study->list[list];

	if (chunk == NULL)
		return NULL;
	memcpy(&study->list[list], chunk, sizeof(void *));
	if (study->looks != NULL)
		note_listed(study, list, UINT64_MAX);
	return chunk;
}

void study_push(struct study *study, char *chunk, unsigned list)
{
	push(study, chunk, list);
}

char *study_unlist(struct study *study, unsigned list)
{
	return unlist(study, list);
}

/* Notes that CHUNK of LIST is in use for SIZE bytes, or (LIVE false) no longer. */
static void note_use(struct study *study, char *chunk, unsigned list, size_t size, bool live)
{
	struct memctx_stats *stats = &study->looks->stats;
	size_t bytes = study_bytes(study, list), slack = bytes - size;
	struct memctx_class_stats *class = &stats->classes[study_class(bytes)];
	uint64_t one = live ? 1 : UINT64_MAX;
	uint16_t *note = study_note(study, chunk);

	*note = (uint16_t)(bytes / STUDY_GRAIN);
	if (live)
		*note |= (uint16_t)(STUDY_LIVE | slack << STUDY_SLACK_SHIFT);
	stats->live_chunks += one;
	stats->requested_bytes += one * size;
	stats->slack_bytes += one * slack;
	class->live += one;
	class->slack += one * slack;
	study->looks->live[list] += one;
	study->looks->slack[list] += one * slack;
}

/* ---- Large chunks --------------------------------------------------------------------- */

static void *large_alloc(struct study *study, size_t size)
{
	struct study_looks *looks = study->looks;
	struct study_large *large = NULL;

	if (looks == NULL)
		return own_alloc(size + (size == 0));
	if (size <= PTRDIFF_MAX - sizeof *large && may_take(study, size))
		large = own_alloc(sizeof *large + size);
	if (large == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	count_call(study);
	*large = (struct study_large){.next = looks->large, .size = size};
	if (looks->large != NULL)
		looks->large->previous = large;
	looks->large = large;
	looks->stats.large_chunks++;
	looks->stats.large_bytes += size;
	note_peak(study);
	return large + 1;
}

static void large_free(struct study_looks *looks, void *chunk)
{
	struct study_large *large = (struct study_large *)chunk - 1;

	if (large->previous != NULL)
		large->previous->next = large->next;
	else
		looks->large = large->next;
	if (large->next != NULL)
		large->next->previous = large->previous;
	looks->stats.large_chunks--;
	looks->stats.large_bytes -= large->size;
	own_free(large);
}

/* Both the old and the new size go to the system, which may resize in place. */
static void *large_resize(struct study *study, void *chunk, size_t size)
{
	struct study_looks *looks = study->looks;
	struct study_large *large = (struct study_large *)chunk - 1, *moved = NULL;
	uint64_t old;

	if (looks == NULL)
		return own_realloc(chunk, size + (size == 0));
	old = large->size;
	if (size <= PTRDIFF_MAX - sizeof *large &&
		(size <= old || may_take(study, size - (size_t)old)))
		moved = own_realloc(large, sizeof *large + size);
	if (moved == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	count_call(study);
	moved->size = size;
	if (moved->previous != NULL)
		moved->previous->next = moved;
	else
		looks->large = moved;
	if (moved->next != NULL)
		moved->next->previous = moved;
	looks->stats.large_bytes += size - old;
	note_peak(study);
	return moved + 1;
}

/* ---- Chunks --------------------------------------------------------------------------- */

bool study_is_large(const struct study *study, size_t size)
{
	return study_list_for(study, size) < 0;
}

static inline void *take_chunk(struct study *study, size_t size)
{
	int list = study_list_for(study, size);
	char *chunk;

	if (list < 0)
		return large_alloc(study, size);
	chunk = unlist(study, (unsigned)list);
	if (chunk == NULL)
		chunk = study->methods->refill(study, (unsigned)list);
	if (chunk != NULL && study->looks != NULL)
		note_use(study, chunk, (unsigned)list, size, true);
	return chunk;
}

static inline void give_chunk(struct study *study, void *chunk, size_t size)
{
	int list = study_list_for(study, size);

	if (list >= 0) {
		if (study->looks != NULL)
			note_use(study, chunk, (unsigned)list, size, false);
		push(study, chunk, (unsigned)list);
	} else if (study->looks != NULL) {
		large_free(study->looks, chunk);
	} else {
		own_free(chunk);
	}
}

void *study_alloc(struct study *study, size_t size)
{
	void *chunk = take_chunk(study, size);

	if (study->looks != NULL && chunk != NULL)
		study->looks->stats.allocs++;
	return chunk;
}

void study_release(struct study *study, void *chunk, size_t size)
{
	give_chunk(study, chunk, size);
	if (study->looks != NULL)
		study->looks->stats.frees++;
}

/* A chunk of LIST stays where it is. */
static void *keep_place(struct study *study, void *chunk, int list, size_t size, size_t new_size)
{
	if (study->looks != NULL) {
		note_use(study, chunk, (unsigned)list, size, false);
		note_use(study, chunk, (unsigned)list, new_size, true);
	}
	return chunk;
}

void *study_resize(struct study *study, void *chunk, size_t size, size_t new_size)
{
	int from = study_list_for(study, size), to = study_list_for(study, new_size);
	void *moved;

	if (from < 0 && to < 0) {
		moved = large_resize(study, chunk, new_size);
	} else if (from == to) {
		moved = keep_place(study, chunk, from, size, new_size);
	} else {
		moved = take_chunk(study, new_size);
		if (moved == NULL)
			return NULL;
		memcpy(moved, chunk, size < new_size ? size : new_size);
		give_chunk(study, chunk, size);
	}
	if (study->looks != NULL && moved != NULL)
		study->looks->stats.reallocs++;
	return moved;
}

/* ---- Ends ----------------------------------------------------------------------------- */

static void reset_looks(struct study_looks *looks)
{
	while (looks->blocks != NULL) {
		struct study_block *block = looks->blocks;

		looks->blocks = block->next;
		own_free(block->memory);
		own_free(block);
	}
	while (looks->large != NULL)
		large_free(looks, looks->large + 1);
	memset(looks->length, 0, sizeof looks->length);
	memset(looks->live, 0, sizeof looks->live);
	memset(looks->slack, 0, sizeof looks->slack);
	looks->blocks_bytes = 0;
	looks->n_blocks = 0;
	looks->stats = (struct memctx_stats){.allocs = looks->stats.allocs,
		.frees = looks->stats.frees,
		.reallocs = looks->stats.reallocs,
		.resets = looks->stats.resets + 1,
		.carved = looks->stats.carved,
		.cut = looks->stats.cut};
}

void study_reset(struct study *study)
{
	if (study->looks != NULL)
		reset_looks(study->looks);
	while (study->bare != NULL) {
		char *block = study->bare;

		memcpy(&study->bare, block, sizeof(void *));
		own_free(block);
	}
	memset(study->list, 0, sizeof study->list);
	study->start = study->end = study->block_list = NULL;
	study->heap = 0;
}

void study_free(struct study *study)
{
	if (study == NULL)
		return;
	study_reset(study);
	if (study->looks != NULL)
		own_free(study->looks->index);
	own_free(study->looks);
	own_free(study);
}
