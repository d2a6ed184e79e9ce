/* SPDX-License-Identifier: MIT */
/*
 * Measurements in processes of their own: the program runs itself with other arguments and reads
 * one structure of a known size from its standard output.
 */
#include "bench.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static int read_all(int from, char *to, size_t size)
{
	ssize_t got;

	while (size > 0) {
		got = read(from, to, size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		to += got;
		size -= (size_t)got;
	}
	return 0;
}

int child_write(const void *from, size_t size)
{
	const char *bytes = from;
	ssize_t put;

	while (size > 0) {
		put = write(STDOUT_FILENO, bytes, size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return -1;
		bytes += put;
		size -= (size_t)put;
	}
	return 0;
}

int child_read(char *const *arguments, void *to, size_t size)
{
	int ends[2];
	int status;
	int failed;
	pid_t pid;

	if (pipe(ends) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0)
			execv("/proc/self/exe", arguments);
		_exit(3);
	}
	close(ends[1]);
	failed = pid < 0 || read_all(ends[0], to, size) != 0;
	close(ends[0]);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0))
		failed = 1;
	return failed ? -1 : 0;
}
