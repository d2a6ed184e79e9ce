/* SPDX-License-Identifier: MIT */
/*
 * The memory of a context of a trace as it was last looked at: its blocks with their maps, single
 * chunks.  To look is a walk over chunks; what was seen is kept until the feed moves.
 */
#ifndef TUI_FEED_MEMORY_H
#define TUI_FEED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/look.h"

enum { MEMORY_BLOCKS = 128, MEMORY_WIDTH = 1000 };

/* Some neighbouring blocks. */
struct memory_blocks {
	size_t all;      /* blocks of the context */
	size_t first, n; /* those that are here, counted from 0 */
	int width;       /* of the maps */
	struct look_block blocks[MEMORY_BLOCKS];
	uint8_t maps[MEMORY_BLOCKS][MEMORY_WIDTH]; /* as look_map() */
	struct look_chunk large[MEMORY_BLOCKS];    /* of a large chunk's block, that chunk */
};

/* Which chunk of a context. */
struct memory_place {
	enum { MEMORY_NOWHERE, MEMORY_LISTED, MEMORY_AT } kind;
	uint64_t list, number; /* LISTED: the list's number, the place from 1 */
	size_t block, offset;  /* AT: the block from 0, the byte in it */
};

struct feed_memory;

/* NULL with ENOMEM. */
struct feed_memory *feed_memory_new(void);
void feed_memory_free(struct feed_memory *memory);
/* Forgets what was seen unless it is of that context at that moment. */
void feed_memory_of(struct feed_memory *memory, uint64_t context, uint64_t moment);

/* At most MAX and MEMORY_BLOCKS blocks from FIRST on; WIDTH 0: without maps. */
const struct memory_blocks *feed_memory_blocks(
	struct feed_memory *memory, const struct look *look, size_t first, size_t max, int width);
/* NULL: there is no chunk. */
const struct look_chunk *feed_memory_chunk(
	struct feed_memory *memory, const struct look *look, const struct memory_place *place);
/* As look_chunk_changed(), of an event that stays the last until the feed moves. */
const struct look_chunk *feed_memory_changed(
	struct feed_memory *memory, const struct look *look, const struct explain_event *event);

#endif
