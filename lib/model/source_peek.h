/* SPDX-License-Identifier: MIT */
/*
 * Looking at the first bytes of a file that may be a pipe, and reading JSON that may be
 * compressed.
 */
#ifndef MEMCTX_MODEL_SOURCE_PEEK_H
#define MEMCTX_MODEL_SOURCE_PEEK_H

#include <stddef.h>
#include <stdio.h>

/*
 * Whether what FD has next is a JSON snapshot, plain or compressed.  Nothing of it is used up;
 * waits for a pipe's first bytes.  What cannot be looked at without using it up is none.  1, 0, or
 * -1 with ENOMEM.
 */
int source_peek_is_json(int fd);

/*
 * The text of FD, decompressed, to be read and closed; FD stays the caller's.  NULL with a reason
 * in MESSAGE, and in *SYSTEM the errno, 0 where it is the text.  Reading what turns out to be
 * damaged fails with EBADMSG.
 */
FILE *source_peek_open(int fd, char *message, size_t size, int *system);

#endif
