/* SPDX-License-Identifier: MIT */
/*
 * What people call a context: its name, or its ident where all tables of a kind have one name.
 */
#ifndef MEMCTX_MODEL_CALLED_H
#define MEMCTX_MODEL_CALLED_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Whether it is the ident (which may be NULL: it has none) that tells a context of NAME apart. */
static inline bool called_by_ident(const char *name, const char *ident)
{
	return ident != NULL && strcmp(name, "dynahash") == 0;
}

#endif
