/* SPDX-License-Identifier: MIT */
/*
 * The time of a clock as one number, which 64 bits hold for centuries.
 */
#ifndef MEMCTX_MODEL_CLOCK_H
#define MEMCTX_MODEL_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since whatever CLOCK counts from. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline double clock_seconds(clockid_t clock)
{
	return (double)clock_ns(clock) / 1e9;
}

/* By the clock that nobody sets. */
static inline uint64_t clock_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

#endif
