/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program, refuses it the n-th request for memory: malloc, calloc, realloc, the
 * aligned ones and anonymous mmap, counted from main() on.
 *
 *   REFUSE_AT=N     the request to refuse, from 1
 *   REFUSE_ON=1     and every one after it
 *   REFUSE_SAID=F   a file to write to when something was refused
 *
 * Invariant: what the loader and constructors ask for before main() is neither counted nor refused.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t align, size_t size);

typedef int main_fn(int, char **, char **);
typedef int start_fn(
	main_fn *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

static atomic_ulong requests;
static unsigned long refuse_at; /* 0: not in main() yet, or nothing to refuse */
static bool refuse_on;
static const char *said;
static main_fn *real_main;

static bool refuses(void)
{
	unsigned long n;
	int fd;

	if (refuse_at == 0)
		return false;
	n = ++requests;
	if (n < refuse_at || (n > refuse_at && !refuse_on))
		return false;
	fd = said != NULL ? open(said, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
	if (fd >= 0 && (write(fd, "refused\n", 8) != 8 || close(fd) != 0))
		abort();
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return refuses() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return refuses() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return refuses() ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return refuses() ? NULL : __libc_memalign(align, size);
}

int posix_memalign(void **memory, size_t align, size_t size)
{
	*memory = aligned_alloc(align, size);
	return *memory != NULL ? 0 : ENOMEM;
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	typedef void *mmap_fn(void *, size_t, int, int, int, off_t);
	mmap_fn *real = (mmap_fn *)dlsym(RTLD_NEXT, "mmap");

	if ((flags & MAP_ANONYMOUS) && refuses())
		return MAP_FAILED;
	return real(address, size, protection, flags, fd, offset);
}

static int counted_main(int argc, char **argv, char **env)
{
	const char *at = getenv("REFUSE_AT");

	refuse_on = getenv("REFUSE_ON") != NULL;
	said = getenv("REFUSE_SAID");
	refuse_at = at != NULL ? strtoul(at, NULL, 10) : 0;
	return real_main(argc, argv, env);
}

int __libc_start_main(main_fn *program, int argc, char **argv, void (*init)(void),
	void (*fini)(void), void (*rtld_fini)(void), void *stack)
{
	start_fn *start = (start_fn *)dlsym(RTLD_NEXT, "__libc_start_main");

	real_main = program;
	return start(counted_main, argc, argv, init, fini, rtld_fini, stack);
}
