/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program, refuses it the n-th request for memory: malloc, calloc, realloc, the
 * aligned ones and anonymous mmap, counted from main() on.  For each n a process of its own, forked
 * before main(), runs the program: with that request refused, then with all from it on.
 *
 *   REFUSE_STEP=N    the distance from one n to the next, from n = 1 until nothing was refused
 *   REFUSE_FOLDER=F  where what each prints goes: F/n.out and F/n.err, F/n+.out and F/n+.err
 *
 * In the place of what the program prints there is a line a run: n or n+, its status as a shell has
 * it, whether anything was refused.
 *
 * Invariant: what the loader and constructors ask for before main() is neither counted nor refused.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* One that needs more is given up: a hang, in seconds of the processor; so many refusals. */
enum { SECONDS_MOST = 10, RUNS_MOST = 5000 };

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
static atomic_bool *has_refused; /* shared with the process that forked this one */
static main_fn *real_main;

static bool refuses(void)
{
	unsigned long n;

	if (refuse_at == 0)
		return false;
	n = ++requests;
	if (n < refuse_at || (n > refuse_at && !refuse_on))
		return false;
	*has_refused = true;
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

static void redirect(int fd, const char *name, const char *ending)
{
	char path[4096];
	int file;

	snprintf(path, sizeof path, "%s/%s.%s", getenv("REFUSE_FOLDER"), name, ending);
	file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	if (file < 0 || dup2(file, fd) != fd)
		abort();
}

/* In a process of its own, with stdio as it is at the start of a program. */
static pid_t begin(unsigned long n, bool is_on, const char *name)
{
	struct rlimit limit = {SECONDS_MOST, SECONDS_MOST};
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setrlimit(RLIMIT_CPU, &limit);
	redirect(STDOUT_FILENO, name, "out");
	redirect(STDERR_FILENO, name, "err");
	refuse_on = is_on;
	refuse_at = n;
	return 0;
}

/* Returns in each process that is to run the program; ends the one that forks them. */
static void run_each(unsigned long step)
{
	for (int is_on = 0; is_on < 2; is_on++)
		for (unsigned long n = 1; n < RUNS_MOST; n += step) {
			char name[32];
			int status;
			pid_t pid;

			*has_refused = false;
			snprintf(name, sizeof name, "%lu%s", n, is_on ? "+" : "");
			pid = begin(n, is_on != 0, name);
			if (pid == 0)
				return;
			if (pid < 0 || waitpid(pid, &status, 0) != pid)
				abort();
			dprintf(STDOUT_FILENO, "%s %d %d\n", name,
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
				*has_refused);
			if (!*has_refused)
				break;
		}
	_exit(0);
}

static int counted_main(int argc, char **argv, char **env)
{
	const char *step = getenv("REFUSE_STEP");

	has_refused = mmap(NULL, sizeof *has_refused, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (has_refused == MAP_FAILED)
		abort();
	if (step != NULL)
		run_each(strtoul(step, NULL, 10));
	return real_main(argc, argv, env);
}

int __libc_start_main(main_fn *program, int argc, char **argv, void (*init)(void),
	void (*fini)(void), void (*rtld_fini)(void), void *stack)
{
	start_fn *start = (start_fn *)dlsym(RTLD_NEXT, "__libc_start_main");

	real_main = program;
	return start(counted_main, argc, argv, init, fini, rtld_fini, stack);
}
