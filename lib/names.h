/* SPDX-License-Identifier: MIT */
/*
 * Names and idents of contexts: copied to where a reader finds them, shortened there where they are
 * long, whole in memory of their own then.
 *
 * Invariant: a context that has such memory has has_long set.
 */
#ifndef MCX_NAMES_H
#define MCX_NAMES_H

#include <string.h>

#include "internal.h"

/* A text of SIZE bytes that PLACE of ROOM cannot hold; NULL with ENOMEM. */
const char *mcx_name_copy_long(
	char *place, size_t room, const char *text, size_t size) MCX_HIDDEN MCX_COLD;
/* Gives back the memory that TEXT has of its own, if it is not what stands in PLACE. */
void mcx_name_drop(const char *text, const char *place) MCX_HIDDEN;
void mcx_names_drop(memctx *ctx) MCX_HIDDEN MCX_COLD;

/* memmove() of SIZE bytes, without a call where they are as few as those of most names. */
static MCX_INLINE void text_move(char *to, const char *from, size_t size)
{
	if (size >= 8 && size <= 16) {
		uint64_t first, last;

		memcpy(&first, from, 8);
		memcpy(&last, from + size - 8, 8);
		memcpy(to, &first, 8);
		memcpy(to + size - 8, &last, 8);
	} else if (size >= 4 && size < 8) {
		uint32_t first, last;

		memcpy(&first, from, 4);
		memcpy(&last, from + size - 4, 4);
		memcpy(to, &first, 4);
		memcpy(to + size - 4, &last, 4);
	} else {
		memmove(to, from, size);
	}
}

/*
 * Copies TEXT, which may be what stands there or a part of it, to where a reader finds it; returns
 * the whole text, or NULL with ENOMEM.
 */
static MCX_INLINE const char *mcx_name_copy(memctx *ctx, char *place, size_t room, const char *text)
{
	size_t size = strlen(text) + 1;

	if (mcx_unlikely(size > room)) {
		ctx->has_long = true;
		return mcx_name_copy_long(place, room, text, size);
	}
	text_move(place, text, size);
	return place;
}

/* False with ENOMEM: nothing is held. */
static MCX_INLINE bool names_set(memctx *ctx, const char *name, const char *ident)
{
	struct region_names *names = mcx_names(ctx);

	ctx->name = mcx_name_copy(ctx, names->name, sizeof(names->name), name);
	if (ctx->name == NULL)
		return false;
	ctx->ident = NULL;
	names->ident[0] = '\0';
	if (ident == NULL)
		return true;
	ctx->ident = mcx_name_copy(ctx, names->ident, sizeof(names->ident), ident);
	if (ctx->ident != NULL)
		return true;
	mcx_name_drop(ctx->name, names->name);
	return false;
}

#endif
