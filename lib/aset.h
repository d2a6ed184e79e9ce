/* SPDX-License-Identifier: MIT */
/*
 * What the files of the kind aset share: aset.c (allocation and free), aset_realloc.c and
 * aset_look.c (walks and proofs).
 */
#ifndef MCX_ASET_H
#define MCX_ASET_H

#include "block.h"

void *mcx_aset_realloc(memctx *ctx, void *chunk, size_t size) MCX_HIDDEN;
size_t mcx_aset_usable(const memctx *ctx, const void *chunk) MCX_HIDDEN;
size_t mcx_aset_requested(const memctx *ctx, const void *chunk) MCX_HIDDEN;
void mcx_aset_set_requested(memctx *ctx, void *chunk, size_t size) MCX_HIDDEN;
void mcx_aset_each_chunk(const memctx *ctx, const struct memctx_block_info *block,
	memctx_chunk_fn *func, void *arg) MCX_HIDDEN;
void mcx_aset_each_free(
	const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg) MCX_HIDDEN;
size_t mcx_aset_check(const memctx *ctx, memctx_check_fn *func, void *arg) MCX_HIDDEN;

#endif
