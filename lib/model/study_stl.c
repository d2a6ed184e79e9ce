/* SPDX-License-Identifier: MIT */
/*
 * stl: how its lists are refilled and its pool grows; the names of the original's functions stand
 * behind ours.
 */
#include "model/study_inner.h"

#define REFILL ((size_t)20)

static size_t round_up(size_t size)
{
	return (size + STUDY_GRAIN - 1) & ~(STUDY_GRAIN - 1);
}

/* What is left of the pool goes on the list of its size, which is one of a chunk. */
static void file_rest(struct study *study)
{
	size_t left = (size_t)(study->end - study->start);
	unsigned list;

	if (left == 0)
		return;
	list = (unsigned)(left / STUDY_GRAIN) - 1;
	study_cut(study, study->start, list);
	study_push(study, study->start, list);
	if (study->looks != NULL)
		study->looks->stats.cut++;
	study->start = study->end;
}

/* The system has no more: a free chunk that holds SIZE becomes the pool. */
static bool take_listed(struct study *study, size_t size)
{
	for (unsigned list = (unsigned)(size / STUDY_GRAIN) - 1; list < STUDY_LISTS; list++) {
		char *chunk = study_unlist(study, list);

		if (chunk == NULL)
			continue;
		study_uncut(study, chunk);
		study->start = chunk;
		study->end = chunk + study_bytes(study, list);
		return true;
	}
	return false;
}

/* A pool for COUNT objects of SIZE bytes, and more as more was taken before. */
static bool new_pool(struct study *study, size_t size, size_t count)
{
	size_t bytes = 2 * size * count + round_up(study->heap >> 4);
	char *block;

	file_rest(study);
	block = study_take_block(study, bytes, 0);
	if (block == NULL)
		return take_listed(study, size);
	study->heap += bytes;
	study->start = block;
	study->end = block + bytes;
	return true;
}

/* chunk_alloc: the first of *COUNT objects of SIZE bytes, or of fewer. */
static char *cut_pool(struct study *study, size_t size, size_t *count)
{
	size_t left = (size_t)(study->end - study->start);
	char *first;

	if (left < size) {
		if (!new_pool(study, size, *count))
			return NULL;
		left = (size_t)(study->end - study->start);
	}
	if (left < size * *count)
		*count = left / size;
	first = study->start;
	study->start += size * *count;
	return first;
}

/* refill: the others are linked in order of their addresses. */
static char *stl_refill(struct study *study, unsigned list)
{
	size_t size = study_bytes(study, list), count = REFILL;
	char *first = cut_pool(study, size, &count);

	if (first == NULL)
		return NULL;
	for (size_t i = count; i-- > 0;) {
		study_cut(study, first + i * size, list);
		if (i > 0)
			study_push(study, first + i * size, list);
	}
	study_refilled(study, count - 1);
	return first;
}

_Static_assert(STUDY_LISTS * sizeof(void *) + 2 * sizeof(char *) + sizeof(size_t) == STUDY_OWN,
	"what the original keeps");

const struct study_methods study_stl = {
	.own = STUDY_OWN,
	.lists = STUDY_LISTS,
	.refill = stl_refill,
};
