/* SPDX-License-Identifier: MIT */
/*
 * What the two pools share: blocks, large chunks, counts.  study.c keeps them, study_walk.c looks.
 *
 * Beside each block stand notes, a number for every 8 bytes: of a chunk's first ones its size, its
 * slack and whether it is in use; else 0.  They are the observer's, not the pool's: a bare pool has
 * none of them.
 */
#ifndef MEMCTX_MODEL_STUDY_INNER_H
#define MEMCTX_MODEL_STUDY_INNER_H

#include "model/study.h"

#define STUDY_GRAIN ((size_t)8)
#define STUDY_LISTS 16u

/* A note: the chunk's size in grains, its slack above that, and the uppermost bit: in use. */
#define STUDY_SIZE 0x00FFu
#define STUDY_SLACK_SHIFT 8
#define STUDY_SLACK 0x7F00u
#define STUDY_LIVE 0x8000u

struct study_block {
	struct study_block *next; /* the one before it in time */
	char *memory;
	size_t size, header;
	uint16_t notes[];
};

/* A chunk that went to the system, in front of its memory. */
struct study_large {
	struct study_large *next, *previous;
	uint64_t size; /* as asked for, at least 1 was taken */
	uint64_t unused;
};

struct study_methods {
	size_t own; /* bytes that the original keeps for itself */
	unsigned lists;
	/* Fills a list that is empty.  A chunk of it that is not on it, or NULL with ENOMEM. */
	char *(*refill)(struct study *study, unsigned list);
};

/* What is kept to look into a pool, and is none of the original's. */
struct study_looks {
	struct study_block *blocks; /* the newest first */
	struct study_block **index; /* by address */
	size_t index_room;
	struct study_large *large;
	uint64_t length[STUDY_LISTS];
	uint64_t live[STUDY_LISTS], slack[STUDY_LISTS]; /* of the chunks in use */
	struct memctx_stats stats; /* what is counted as it goes, large chunks and tail apart */
	size_t blocks_bytes;
	uint64_t n_blocks;
	size_t peak; /* of the total */
};

struct study {
	const struct study_methods *methods;
	struct study_looks *looks; /* NULL: a bare pool */
	struct study_source source;
	size_t object;           /* pyint's, rounded up; 0: it is stl */
	size_t exact;            /* and as it was asked for */
	void *list[STUDY_LISTS]; /* heads */
	char *start, *end;       /* stl: the pool that is cut */
	size_t heap;             /* stl: all that was ever taken for it */
	char *block_list;        /* pyint: the block taken last, linked to those before */
	char *bare;              /* a bare pool's blocks, linked in front of them */
};

extern const struct study_methods study_stl, study_pyint;

/* Bytes of the chunks of LIST. */
static inline size_t study_bytes(const struct study *study, unsigned list)
{
	return study->object != 0 ? study->object : (list + 1) * STUDY_GRAIN;
}

/* stl: larger ones go to the system.  pyint: so do all others than a block's objects. */
#define STUDY_STL_MOST ((size_t)128)
#define STUDY_PYINT_MOST ((size_t)992)

/* The list for SIZE, or -1: it goes to the system. */
static inline int study_list_for(const struct study *study, size_t size)
{
	if (study->object != 0)
		return size == study->exact && study->object <= STUDY_PYINT_MOST ? 0 : -1;
	if (size > STUDY_STL_MOST)
		return -1;
	return size != 0 ? (int)((size - 1) / STUDY_GRAIN) : 0;
}

/* The power of two that holds BYTES. */
static inline unsigned study_class(size_t bytes)
{
	unsigned k = 0;

	while (k + 1 < MEMCTX_CLASSES && bytes > (size_t)8 << k)
		k++;
	return k;
}

/* The memory of a block, HEADER bytes of it at once in use; NULL with ENOMEM. */
char *study_take_block(struct study *study, size_t size, size_t header);
/* The block that has CHUNK, and its note. */
struct study_block *study_block_of(const struct study *study, const char *chunk);
uint16_t *study_note(const struct study *study, const char *chunk);

/* A chunk of LIST is cut at CHUNK; it is none any more. */
void study_cut(struct study *study, char *chunk, unsigned list);
void study_uncut(struct study *study, char *chunk);
/* A list was refilled: one chunk was handed out, MORE were listed. */
void study_refilled(struct study *study, size_t more);
/* It stands on the list from here on, its head; it was noted as cut. */
void study_push(struct study *study, char *chunk, unsigned list);
/* Takes the head of LIST from it; NULL: it is empty. */
char *study_unlist(struct study *study, unsigned list);

#endif
