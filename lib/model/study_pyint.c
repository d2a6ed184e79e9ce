/* SPDX-License-Identifier: MIT */
/*
 * pyint: how a block is cut (fill_free_list of the original).
 */
#include "model/study_inner.h"

#include <string.h>

/* BLOCK_SIZE and BHEAD_SIZE: a block is as large as whole objects make it. */
#define BLOCK_SIZE ((size_t)1000)
#define BLOCK_HEAD ((size_t)8)

static int pyint_list_of(const struct study *study, size_t size)
{
	return size == study->exact && study->object <= BLOCK_SIZE - BLOCK_HEAD ? 0 : -1;
}

/* The objects are linked from the rear to the front; the last is handed out first. */
static char *pyint_refill(struct study *study, unsigned list)
{
	size_t size = study->object, count = (BLOCK_SIZE - BLOCK_HEAD) / size;
	struct study_block *before = study->blocks;
	struct study_block *block = study_take_block(study, BLOCK_HEAD + count * size, BLOCK_HEAD);
	char *first;

	if (block == NULL)
		return NULL;
	memcpy(block->memory, &(void *){before != NULL ? before->memory : NULL}, sizeof(void *));
	first = block->memory + BLOCK_HEAD;
	for (size_t i = 0; i < count; i++) {
		study_cut(study, first + i * size, list);
		study_push(study, first + i * size, list);
	}
	study->stats.carved++;
	study->stats.cut += count - 1;
	return study_unlist(study, list);
}

const struct study_methods study_pyint = {
	.own = 2 * sizeof(void *), /* block_list and free_list */
	.lists = 1,
	.list_of = pyint_list_of,
	.refill = pyint_refill,
};
