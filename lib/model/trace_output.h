/* SPDX-License-Identifier: MIT */
/*
 * A file for a trace to be written to, compressed as its name says.
 */
#ifndef MEMCTX_MODEL_TRACE_OUTPUT_H
#define MEMCTX_MODEL_TRACE_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Creates PATH, which must not be there unless IS_FORCED; names that end in .zst, .gz or .xz are
 * compressed.  "-" is standard output, as it is.  NULL with errno.  The stream is closed by
 * fclose(), which fails where anything could not be written.
 */
FILE *trace_output_open(const char *path, bool is_forced);

#endif
