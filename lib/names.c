/* SPDX-License-Identifier: MIT */
/* Names and idents: what is rare about them, and what a program may ask and change. */
#include "names.h"
#include "ring.h"

/* Whole in private memory, shortened in PLACE. */
const char *mcx_name_copy_long(char *place, size_t room, const char *text, size_t size)
{
	char *whole = mcx_own_get(size);

	if (whole == NULL)
		return NULL;
	memcpy(whole, text, size);
	memcpy(place, text, room - 1);
	place[room - 1] = '\0';
	return whole;
}

void mcx_name_drop(const char *text, const char *place)
{
	if (text != NULL && text != place)
		mcx_own_put((void *)(uintptr_t)text, strlen(text) + 1);
}

void mcx_names_drop(memctx *ctx)
{
	struct region_names *names = mcx_names(ctx);

	mcx_name_drop(ctx->name, names->name);
	mcx_name_drop(ctx->ident, names->ident);
	ctx->has_long = false;
}

int memctx_set_ident(memctx *ctx, const char *ident)
{
	struct region_names *names;
	const char *old, *whole = NULL;

	if (mcx_is_dead(ctx, "memctx_set_ident"))
		return -1;
	names = mcx_names(ctx);
	old = ctx->ident;
	if (ident == NULL) {
		names->ident[0] = '\0';
	} else {
		whole = mcx_name_copy(ctx, names->ident, sizeof(names->ident), ident);
		if (whole == NULL)
			return -1;
	}
	ctx->ident = whole;
	__atomic_store_n(&mcx_record(ctx)->idents, mcx_record(ctx)->idents + 1, __ATOMIC_RELEASE);
	mcx_name_drop(old, names->ident);
	mcx_event_ident(ctx);
	return 0;
}

const char *memctx_name(const memctx *ctx)
{
	return mcx_is_dead(ctx, "memctx_name") ? NULL : ctx->name;
}

const char *memctx_ident(const memctx *ctx)
{
	return mcx_is_dead(ctx, "memctx_ident") ? NULL : ctx->ident;
}
