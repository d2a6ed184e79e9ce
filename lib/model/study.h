/* SPDX-License-Identifier: MIT */
/*
 * Two pools of old, for replay and study only: as they were, in real memory, with what is needed to
 * look into them kept beside it.
 *
 * stl: the two-level pool of the STL's early allocator (SGI).  Sixteen freelists for chunks of 8,
 * 16 … 128 bytes, no header: the size is given at the free.  An empty list is refilled with twenty
 * objects cut from one pool, of which the first is handed out and the others are listed in order of
 * their addresses; with fewer where the pool has no more.  A pool that has room for none is
 * replaced by one of twice what was wanted and a sixteenth of all that was ever taken; what was
 * left of it goes on the list of its size.  Where the system refuses, a larger free chunk becomes
 * the pool.  Larger sizes go to the system; nothing else is ever given back.
 *
 * pyint: Python 2's pool for int objects.  Blocks of at most 1,000 bytes, the first 8 the link of
 * the blocks, are cut into equal objects, all at once; one freelist, linked from the last object of
 * a block to its first through the objects' own first word (in Python its second, the type, since a
 * count of references stands first).  No header; no block is given back before the end.
 * Objects of other sizes go to the system.
 *
 * Neither knew a reset: here it gives all memory back, and begins anew.  A request of 0 bytes,
 * which the original of stl never gets, takes 8.
 *
 * Invariant: total = requested + slack + header + freelist + tail; nothing is kept of a chunk in
 * the pool's own memory but a free one's link.
 */
#ifndef MEMCTX_MODEL_STUDY_H
#define MEMCTX_MODEL_STUDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memctx.h"

enum study_design { STUDY_STL, STUDY_PYINT };

/* Of Python 2's int, on a machine of 64 bits. */
#define STUDY_PYINT_OBJECT ((size_t)24)

/* Bytes that an empty pool holds, at most: heads of lists, bounds. */
#define STUDY_OWN ((size_t)152)

/* What a pool asks before it takes memory: false refuses it. */
struct study_source {
	bool (*may_take)(size_t size, void *arg); /* NULL: always */
	void *arg;
	uint64_t *calls; /* counts what is asked of the system; NULL: nobody counts */
};

struct study;

/*
 * A pool that holds nothing.  OBJECT is the size of pyint's objects (0: those of Python's int).
 * NULL with ENOMEM.
 */
struct study *study_new(enum study_design design, size_t object, const struct study_source *source);
/*
 * One of which nothing is kept but what the original kept, for timing: it cannot be looked into,
 * nor tell its total.  What goes to the system is not linked to it: whoever resets or frees the
 * pool first releases those chunks.
 */
struct study *study_new_bare(enum study_design design, size_t object);
void study_free(struct study *study);

/* An empty pool becomes what study_new() makes with these. */
void study_become(struct study *study, enum study_design design, size_t object);

/* Whether chunks of SIZE bytes go to the system. */
bool study_is_large(const struct study *study, size_t size);

/* A chunk of SIZE bytes, aligned to 8; NULL with ENOMEM. */
void *study_alloc(struct study *study, size_t size);
/* A chunk that was asked for with SIZE is free. */
void study_release(struct study *study, void *chunk, size_t size);
/* Another place for it, or the same; NULL with ENOMEM, and it stays as it was. */
void *study_resize(struct study *study, void *chunk, size_t size, size_t new_size);
/* Every chunk is gone. */
void study_reset(struct study *study);

/*
 * The figures: those of a context.  carved counts the objects that were handed out when they were
 * cut, cut those that were listed.  Classes are powers of two: stl's lists of 24 and 32 bytes both
 * are 32's.
 */
void study_stats(const struct study *study, struct memctx_stats *stats);
size_t study_total(const struct study *study);

/* As the library's functions of these names; a chunk has no header, its word is 0. */
void study_each_block(const struct study *study, memctx_block_fn *func, void *arg);
void study_each_chunk(const struct study *study, const struct memctx_block_info *block,
	memctx_chunk_fn *func, void *arg);
/* A chunk in use that was asked for with SIZE. */
void study_describe(
	const struct study *study, const void *chunk, size_t size, struct memctx_chunk_info *info);

/* A list by its number, from its head: stl's of 8 (n + 1) bytes, pyint's 0. */
unsigned study_lists(const struct study *study);
void study_list(const struct study *study, unsigned list, struct memctx_class_stats *figures);
/* The list of chunks like this one, which is in none that is large. */
unsigned study_list_of(const struct study *study, const struct memctx_chunk_info *chunk);
void study_each_listed(const struct study *study, unsigned list, memctx_chunk_fn *func, void *arg);
const void *study_list_head(const struct study *study, unsigned list);
const void *study_list_next(const void *chunk);

/* Walks everything and proves every figure; NULL, or a sentence on what does not hold. */
const char *study_check(const struct study *study);

#endif
