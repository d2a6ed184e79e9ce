/* SPDX-License-Identifier: MIT */
/*
 * pyint: how a block is cut (fill_free_list of the original).
 */
#include "model/study_inner.h"

#include <string.h>

/* BLOCK_SIZE and BHEAD_SIZE: a block is as large as whole objects make it. */
#define BLOCK_SIZE ((size_t)1000)
#define BLOCK_HEAD ((size_t)8)

_Static_assert(STUDY_PYINT_MOST == BLOCK_SIZE - BLOCK_HEAD, "an object at least");

/* The objects are linked from the rear to the front; the last is handed out first. */
static char *pyint_refill(struct study *study, unsigned list)
{
	size_t size = study->object, count = (BLOCK_SIZE - BLOCK_HEAD) / size;
	char *block = study_take_block(study, BLOCK_HEAD + count * size, BLOCK_HEAD), *first;

	if (block == NULL)
		return NULL;
	memcpy(block, &study->block_list, sizeof(void *));
	study->block_list = block;
	first = block + BLOCK_HEAD;
	for (size_t i = 0; i < count; i++) {
		study_cut(study, first + i * size, list);
		study_push(study, first + i * size, list);
	}
	study_refilled(study, count - 1);
	return study_unlist(study, list);
}

const struct study_methods study_pyint = {
	.own = 2 * sizeof(void *), /* block_list and free_list */
	.lists = 1,
	.refill = pyint_refill,
};
