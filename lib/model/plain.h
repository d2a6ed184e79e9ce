/* SPDX-License-Identifier: MIT */
/*
 * A backing that is as the library's own, malloc and mmap, for whoever needs one that can be named:
 * a world without an arena, or one that counts.
 */
#ifndef MEMCTX_MODEL_PLAIN_H
#define MEMCTX_MODEL_PLAIN_H

#include "memctx.h"

extern const struct memctx_backing plain_backing;

#endif
