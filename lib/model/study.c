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

struct study *study_new(enum study_design design, size_t object, const struct study_source *source)
{
	struct study *study = own_zalloc(1, sizeof *study);

	if (study == NULL)
		return NULL;
	study->methods = designs[design];
	study->peak = study->methods->own;
	if (source != NULL)
		study->source = *source;
	if (design == STUDY_PYINT) {
		study->exact = object != 0 ? object : STUDY_PYINT_OBJECT;
		study->object = (study->exact + STUDY_GRAIN - 1) & ~(STUDY_GRAIN - 1);
	}
	return study;
}

static bool may_take(const struct study *study, size_t size)
{
	return study->source.may_take == NULL || study->source.may_take(size, study->source.arg);
}

size_t study_total(const struct study *study)
{
	return study->methods->own + study->blocks_bytes + (size_t)study->stats.large_bytes;
}

static void note_peak(struct study *study)
{
	size_t total = study_total(study);

	study->peak = total > study->peak ? total : study->peak;
}

/* ---- Blocks and notes ----------------------------------------------------------------- */

/* How many blocks begin at or before ADDRESS. */
static size_t blocks_before(const struct study *study, const char *address)
{
	size_t from = 0, to = (size_t)study->n_blocks;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (study->index[middle]->memory <= address)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct study_block *study_block_of(const struct study *study, const char *chunk)
{
	size_t n = blocks_before(study, chunk);

	return n > 0 && chunk < study->index[n - 1]->memory + study->index[n - 1]->size
		       ? study->index[n - 1]
		       : NULL;
}

/* Room for one more block in the index.  0, or -1 with ENOMEM. */
static int index_reserve(struct study *study)
{
	size_t room = study->index_room != 0 ? study->index_room * 2 : 16;
	struct study_block **index;

	if (study->n_blocks < study->index_room)
		return 0;
	index = own_realloc(study->index, room * sizeof(*index));
	if (index == NULL)
		return -1;
	study->index = index;
	study->index_room = room;
	return 0;
}

static void index_add(struct study *study, struct study_block *block)
{
	size_t at = blocks_before(study, block->memory);

	memmove(study->index + at + 1, study->index + at,
		((size_t)study->n_blocks - at) * sizeof(*study->index));
	study->index[at] = block;
	study->n_blocks++;
}

struct study_block *study_take_block(struct study *study, size_t size, size_t header)
{
	struct study_block *block;

	if (size > PTRDIFF_MAX / 2 || !may_take(study, size) || index_reserve(study) != 0) {
		errno = ENOMEM;
		return NULL;
	}
	block = own_zalloc(1, sizeof *block + size / STUDY_GRAIN * sizeof *block->notes);
	if (block == NULL)
		return NULL;
	block->memory = own_alloc(size);
	if (block->memory == NULL) {
		own_free(block);
		return NULL;
	}
	block->size = size;
	block->header = header;
	block->next = study->blocks;
	study->blocks = block;
	study->blocks_bytes += size;
	index_add(study, block);
	note_peak(study);
	return block;
}

uint16_t *study_note(const struct study *study, const char *chunk)
{
	struct study_block *block = study_block_of(study, chunk);

	return &block->notes[(size_t)(chunk - block->memory) / STUDY_GRAIN];
}

/* ---- Lists ---------------------------------------------------------------------------- */

void study_cut(struct study *study, char *chunk, unsigned list)
{
	*study_note(study, chunk) = (uint16_t)(study_bytes(study, list) / STUDY_GRAIN);
}

void study_push(struct study *study, char *chunk, unsigned list)
{
	size_t bytes = study_bytes(study, list);

	memcpy(chunk, &study->list[list], sizeof(void *));
	study->list[list] = chunk;
	study->length[list]++;
	study->latest = list;
	study->stats.free_chunks++;
	study->stats.freelist_bytes += bytes;
	study->stats.classes[study_class(bytes)].free++;
}

char *study_unlist(struct study *study, unsigned list)
{
	size_t bytes = study_bytes(study, list);
	char *chunk = study->list[list];

	if (chunk == NULL)
		return NULL;
	memcpy(&study->list[list], chunk, sizeof(void *));
	study->length[list]--;
	study->latest = list;
	study->stats.free_chunks--;
	study->stats.freelist_bytes -= bytes;
	study->stats.classes[study_class(bytes)].free--;
	return chunk;
}

/* Notes that CHUNK of LIST is in use for SIZE bytes, or (LIVE false) no longer. */
static void note_use(struct study *study, char *chunk, unsigned list, size_t size, bool live)
{
	size_t bytes = study_bytes(study, list), slack = bytes - size;
	struct memctx_class_stats *class = &study->stats.classes[study_class(bytes)];
	uint64_t one = live ? 1 : UINT64_MAX; /* differences modulo 2^64 are exact */
	uint16_t *note = study_note(study, chunk);

	*note = (uint16_t)(bytes / STUDY_GRAIN);
	if (live)
		*note |= (uint16_t)(STUDY_LIVE | slack << STUDY_SLACK_SHIFT);
	study->stats.live_chunks += one;
	study->stats.requested_bytes += one * size;
	study->stats.slack_bytes += one * slack;
	class->live += one;
	class->slack += one * slack;
}

/* ---- Large chunks --------------------------------------------------------------------- */

static void *large_alloc(struct study *study, size_t size)
{
	struct study_large *large = NULL;

	if (size <= PTRDIFF_MAX - sizeof *large && may_take(study, size))
		large = own_alloc(sizeof *large + size);
	if (large == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	*large = (struct study_large){.next = study->large, .size = size};
	if (study->large != NULL)
		study->large->previous = large;
	study->large = large;
	study->stats.large_chunks++;
	study->stats.large_bytes += size;
	note_peak(study);
	return large + 1;
}

static void large_free(struct study *study, void *chunk)
{
	struct study_large *large = (struct study_large *)chunk - 1;

	if (large->previous != NULL)
		large->previous->next = large->next;
	else
		study->large = large->next;
	if (large->next != NULL)
		large->next->previous = large->previous;
	study->stats.large_chunks--;
	study->stats.large_bytes -= large->size;
	own_free(large);
}

/* Both the old and the new size go to the system, which may resize in place. */
static void *large_resize(struct study *study, void *chunk, size_t size)
{
	struct study_large *large = (struct study_large *)chunk - 1, *moved = NULL;
	uint64_t old = large->size;

	if (size <= PTRDIFF_MAX - sizeof *large &&
		(size <= old || may_take(study, size - (size_t)old)))
		moved = own_realloc(large, sizeof *large + size);
	if (moved == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	moved->size = size;
	if (moved->previous != NULL)
		moved->previous->next = moved;
	else
		study->large = moved;
	if (moved->next != NULL)
		moved->next->previous = moved;
	study->stats.large_bytes += size - old;
	note_peak(study);
	return moved + 1;
}

/* ---- Chunks --------------------------------------------------------------------------- */

void *study_alloc(struct study *study, size_t size)
{
	int list = study->methods->list_of(study, size);
	char *chunk;

	if (list < 0) {
		chunk = large_alloc(study, size);
		study->stats.allocs += chunk != NULL;
		return chunk;
	}
	chunk = study_unlist(study, (unsigned)list);
	if (chunk == NULL)
		chunk = study->methods->refill(study, (unsigned)list);
	if (chunk == NULL)
		return NULL;
	note_use(study, chunk, (unsigned)list, size, true);
	study->stats.allocs++;
	return chunk;
}

void study_release(struct study *study, void *chunk, size_t size)
{
	int list = study->methods->list_of(study, size);

	study->stats.frees++;
	if (list < 0) {
		large_free(study, chunk);
		return;
	}
	note_use(study, chunk, (unsigned)list, size, false);
	study_push(study, chunk, (unsigned)list);
}

void *study_resize(struct study *study, void *chunk, size_t size, size_t new_size)
{
	int from = study->methods->list_of(study, size);
	int to = study->methods->list_of(study, new_size);
	void *moved;

	if (from < 0 && to < 0) {
		moved = large_resize(study, chunk, new_size);
	} else if (from == to) {
		note_use(study, chunk, (unsigned)from, size, false);
		note_use(study, chunk, (unsigned)from, new_size, true);
		moved = chunk;
	} else {
		moved = study_alloc(study, new_size);
		if (moved == NULL)
			return NULL;
		memcpy(moved, chunk, size < new_size ? size : new_size);
		study_release(study, chunk, size);
		study->stats.allocs--;
		study->stats.frees--;
	}
	study->stats.reallocs += moved != NULL;
	return moved;
}

void study_reset(struct study *study)
{
	struct memctx_stats kept = {.allocs = study->stats.allocs,
		.frees = study->stats.frees,
		.reallocs = study->stats.reallocs,
		.resets = study->stats.resets + 1,
		.carved = study->stats.carved,
		.cut = study->stats.cut};

	while (study->blocks != NULL) {
		struct study_block *block = study->blocks;

		study->blocks = block->next;
		own_free(block->memory);
		own_free(block);
	}
	while (study->large != NULL)
		large_free(study, study->large + 1);
	memset(study->list, 0, sizeof study->list);
	memset(study->length, 0, sizeof study->length);
	study->start = study->end = NULL;
	study->heap = study->blocks_bytes = 0;
	study->n_blocks = 0;
	study->stats = kept;
}

void study_free(struct study *study)
{
	if (study == NULL)
		return;
	study_reset(study);
	own_free(study->index);
	own_free(study);
}
