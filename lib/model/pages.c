/* SPDX-License-Identifier: MIT */
/* Pages made ready: see pages.h. */
#include "model/pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE ((uintptr_t)4096)

void pages_ready(void *memory, size_t size)
{
	uintptr_t start = (uintptr_t)memory & ~(PAGE - 1);
	uintptr_t end = ((uintptr_t)memory + size + PAGE - 1) & ~(PAGE - 1);
	int error = errno;

	/* Where pages are larger the address may be refused, and so it stays undone. */
	if (size > 0)
		madvise((void *)start, end - start, MADV_POPULATE_WRITE);
	errno = error;
}
