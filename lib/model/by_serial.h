/* SPDX-License-Identifier: MIT */
/*
 * Contexts in the order of their creation: a list of serials, each with where its context stands.
 */
#ifndef MEMCTX_MODEL_BY_SERIAL_H
#define MEMCTX_MODEL_BY_SERIAL_H

#include <stdint.h>

struct by_serial {
	uint64_t serial;
	uint32_t at;
};

/* For qsort(): the oldest first. */
static inline int by_serial_compare(const void *a, const void *b)
{
	uint64_t x = ((const struct by_serial *)a)->serial;
	uint64_t y = ((const struct by_serial *)b)->serial;

	return (x > y) - (x < y);
}

#endif
