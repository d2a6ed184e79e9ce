/* SPDX-License-Identifier: MIT */
/*
 * Pages that are about to be written, all of them: having the system make many at once takes half
 * the time of a fault for each.
 */
#ifndef MEMCTX_MODEL_PAGES_H
#define MEMCTX_MODEL_PAGES_H

#include <stddef.h>

/*
 * Makes the pages ready that MEMORY lies in.  It is no more than help: a system that cannot leaves
 * them to be made when they are written.  errno is kept.
 */
void pages_ready(void *memory, size_t size);

#endif
