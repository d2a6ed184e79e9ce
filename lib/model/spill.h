/* SPDX-License-Identifier: MIT */
/*
 * Bytes that are kept to be read again: in a nameless file of the temporary folder ($TMPDIR, else
 * /tmp), or in memory where that one is full or cannot be written.
 */
#ifndef MEMCTX_MODEL_SPILL_H
#define MEMCTX_MODEL_SPILL_H

#include <stddef.h>
#include <stdint.h>

struct spill;

/* Empty; NULL with ENOMEM. */
struct spill *spill_new(void);
void spill_free(struct spill *spill);
/* 0, or -1: neither the folder nor memory has room, and nothing was added. */
int spill_append(struct spill *spill, const void *bytes, size_t size);
uint64_t spill_bytes(const struct spill *spill);
/* The bytes from OFFSET on, as many as there are, at most SIZE; -1 with errno. */
ptrdiff_t spill_read(const struct spill *spill, uint64_t offset, void *to, size_t size);

#endif
