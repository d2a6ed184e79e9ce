/* SPDX-License-Identifier: MIT */
/*
 * What happens when a program misuses the library: a replaceable hook.
 *
 * Invariant: the line that the default hook writes is the library's only output; it is put
 * together on the stack, since the heap may be what is broken.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

static void misuse_abort(const char *what, const void *pointer, void *arg)
{
	char line[256];
	int length = pointer != NULL
			     ? snprintf(line, sizeof(line), "memctx: %s (%p)\n", what, pointer)
			     : snprintf(line, sizeof(line), "memctx: %s\n", what);

	(void)arg;
	if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) {
		/* Nothing is left to say it with. */
	}
	abort();
}

static memctx_misuse_fn *misuse_func = misuse_abort;
static void *misuse_arg;

void memctx_set_misuse(memctx_misuse_fn *func, void *arg)
{
	misuse_func = func != NULL ? func : misuse_abort;
	misuse_arg = arg;
}

void mcx_misuse(const char *what, const void *pointer)
{
	misuse_func(what, pointer, misuse_arg);
	errno = EINVAL;
}
