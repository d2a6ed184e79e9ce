/* SPDX-License-Identifier: MIT */
/*
 * Looking ahead: a file is read at its place without moving on, a pipe's bytes are copied by
 * tee(2), a socket's by MSG_PEEK.  Decompression is the trace input's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/json.h"
#include "model/source_peek.h"
#include "model/trace_internal.h"

#define PEEK_SIZE 65536 /* what a pipe holds */
#define TEXT_SIZE 512

/* What the pipe FD has next. */
static ssize_t peek_pipe(int fd, char *bytes, size_t size)
{
	int pipe[2];
	ssize_t got;

	if (pipe2(pipe, O_CLOEXEC))
		return -1;
	do
		got = tee(fd, pipe[1], size, 0);
	while (got < 0 && errno == EINTR);
	close(pipe[1]);
	if (got > 0)
		got = read(pipe[0], bytes, (size_t)got);
	close(pipe[0]);
	return got;
}

static ssize_t peek(int fd, char *bytes, size_t size)
{
	struct stat status;
	off_t at;

	if (fstat(fd, &status))
		return -1;
	if (S_ISFIFO(status.st_mode))
		return peek_pipe(fd, bytes, size);
	if (S_ISSOCK(status.st_mode))
		return recv(fd, bytes, size, MSG_PEEK);
	at = lseek(fd, 0, SEEK_CUR);
	return S_ISREG(status.st_mode) && at >= 0 ? pread(fd, bytes, size, at) : -1;
}

/* Whether the text that BYTES are compressed of begins as JSON does; -1 with ENOMEM. */
static int is_compressed_json(const char *bytes, size_t size)
{
	struct trace_error error = {0};
	struct trace_input *input = trace_input_memory(bytes, size, &error);
	char text[TEXT_SIZE];
	ptrdiff_t got = -1;

	if (input) {
		got = trace_input_read(input, text, sizeof text, &error);
		trace_input_close(input);
	}
	if (got < 0 && error.system == ENOMEM) {
		errno = ENOMEM;
		return -1;
	}
	return got > 0 && json_recognise(text, (size_t)got);
}

int source_peek_is_json(int fd)
{
	char bytes[PEEK_SIZE];
	ssize_t got = peek(fd, bytes, sizeof bytes);
	bool compressed = false;

	if (got <= 0)
		return 0;
	if (trace_recognise(bytes, (size_t)got, &compressed) && compressed)
		return is_compressed_json(bytes, (size_t)got);
	return json_recognise(bytes, (size_t)got);
}

static ssize_t input_read(void *cookie, char *to, size_t size)
{
	struct trace_error error = {0};
	ptrdiff_t got = trace_input_read(cookie, to, size, &error);

	if (got < 0)
		errno = error.system ? error.system : EBADMSG;
	return got;
}

static int input_close(void *cookie)
{
	trace_input_close(cookie);
	return 0;
}

FILE *source_peek_open(int fd, char *message, size_t size, int *system)
{
	const cookie_io_functions_t functions = {.read = input_read, .close = input_close};
	struct trace_error error = {0};
	struct trace_input *input = trace_input_fd(fd, &error);
	FILE *in;

	if (!input) {
		*system = error.system;
		snprintf(message, size, "%s", error.message);
		return NULL;
	}
	in = fopencookie(input, "r", functions);
	if (!in) {
		trace_input_close(input);
		*system = ENOMEM;
		snprintf(message, size, "out of memory");
	}
	return in;
}
