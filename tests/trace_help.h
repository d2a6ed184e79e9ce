/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the trace reader share: a reader over a string, with a buffer as small as a
 * test likes, and all of a trace's events at once.
 */
#ifndef MEMCTX_TESTS_TRACE_HELP_H
#define MEMCTX_TESTS_TRACE_HELP_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/trace_internal.h"

#define HEADER "memctx-trace 1\n"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A reader over SIZE bytes of TEXT whose buffer begins with CAPACITY bytes; NULL with *ERROR. */
static inline struct trace_reader *read_text(
	const char *text, size_t size, size_t capacity, unsigned flags, struct trace_error *error)
{
	memset(error, 0, sizeof(*error));
	return trace_reader_new(trace_input_memory(text, size, error), capacity, flags, error);
}

/* The normal form of SIZE bytes of TEXT, which the caller frees; NULL with *ERROR. */
static inline char *normal_form(
	const char *text, size_t size, size_t capacity, size_t *length, struct trace_error *error)
{
	char *normal = NULL;
	struct trace_reader *reader = read_text(text, size, capacity, 0, error);
	if (reader == NULL)
		return NULL;
	FILE *out = open_memstream(&normal, length);
	if (out == NULL)
		abort();
	int status = trace_normalise_reader(reader, out, error);
	fclose(out);
	trace_close(reader);
	if (status == 0)
		return normal;
	free(normal);
	return NULL;
}

#endif
