/* SPDX-License-Identifier: MIT */
/*
 * Looking at the memory of one context of a replay: its blocks, a map of each, and its chunks one
 * by one with their header words decoded.
 *
 * What is returned is true until the next event.
 */
#ifndef MEMCTX_MODEL_LOOK_H
#define MEMCTX_MODEL_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memctx.h"
#include "model/explain.h"
#include "model/replay.h"

/* Where to look: a replay, the names of its gone chunks, and one of its contexts. */
struct look {
	const struct replay *replay;
	const struct explain *explain;
	const memctx *ctx;
};

struct look_block {
	struct memctx_block_info info;
	uint64_t number; /* from 1, the oldest first, as explain.h counts; 0: a large chunk's */
};

/*
 * The blocks in order of their creation, those of large chunks behind the others: from FIRST (from
 * 0) on at most MAX into BLOCKS.  Returns how many blocks the context has.
 */
size_t look_blocks(const struct look *look, size_t first, struct look_block *blocks, size_t max);

enum look_part {
	LOOK_USED,  /* headers too */
	LOOK_MIXED, /* in use and free chunks */
	LOOK_FREE,  /* on freelists */
	LOOK_TAIL,  /* never carved */
};

/* What stands in each of WIDTH equal parts of a block; a part takes what most of it is. */
void look_map(const struct look *look, const struct look_block *block, int width, uint8_t *parts);

struct look_chunk {
	struct memctx_chunk_info info;
	struct explain_link who; /* the id it has, or of a free one who lived there last */
	bool is_named;           /* WHO says something */
	uint64_t block;          /* as in struct look_block */
	size_t block_size;
	size_t offset;       /* of what memctx_alloc returned, in its block */
	int list;            /* the number of the freelist for it; -1: it is large */
	uint64_t list_bytes; /* of that list's chunks */
	uint64_t place;      /* free: on its list, from 1; else 0 */
	bool has_next;       /* free: another one follows on the list: */
	struct explain_link next;
};

/* Of each of N blocks that is a large chunk's, that chunk; they are named at one go. */
void look_large(const struct look *look, const struct look_block *blocks, size_t n,
	struct look_chunk *chunks);
/*
 * Who lived last where the chunks of freelist LIST lie, from the place FIRST (from 0) on at most
 * MAX. Returns how many.
 */
int look_links(
	const struct look *look, int list, uint64_t first, struct explain_link *links, int max);

/* The chunk of BLOCK that has the byte at OFFSET; false: none has (a header, the tail). */
bool look_chunk_at(const struct look *look, const struct look_block *block, size_t offset,
	struct look_chunk *chunk);
/* *BESIDE: where the chunk before (STEP -1) or behind (1) the one at OFFSET is; false: there is
 * none. */
bool look_beside(const struct look *look, const struct look_block *block, size_t offset, int step,
	size_t *beside);
/* The chunk at PLACE (from 1) of freelist LIST; false: the list is shorter. */
bool look_chunk_listed(const struct look *look, int list, uint64_t place, struct look_chunk *chunk);
/* The chunk that EVENT, the last one, was about, live or free now; false: none, or it is gone. */
bool look_chunk_changed(
	const struct look *look, const struct explain_event *event, struct look_chunk *chunk);

#endif
