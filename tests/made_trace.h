/* SPDX-License-Identifier: MIT */
/*
 * A trace with everything there is in one: five contexts and short-lived ones, chunks of all sizes,
 * some aligned, reallocs, resets, idents, base chunks, times.
 */
#ifndef TESTS_MADE_TRACE_H
#define TESTS_MADE_TRACE_H

#include <stdint.h>

/* Writes about EVENTS events (at least as many lines) to a new file at PATH. */
void made_trace(const char *path, uint64_t events, uint64_t seed);

#endif
