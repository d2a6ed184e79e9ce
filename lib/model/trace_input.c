/* SPDX-License-Identifier: MIT */
/*
 * Where a trace's text comes from: a file, a pipe or memory, plain or compressed.  The first
 * bytes say which, never the name.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/trace_internal.h"

#define MAGIC_MAX 6

struct trace_input {
	int fd;     /* -1: memory */
	bool owned; /* the descriptor is the input's to close */
	bool is_file;
	const char *memory;
	size_t memory_left;
	char magic[MAGIC_MAX]; /* the first bytes, read to know what they are */
	size_t magic_at, magic_used;
	struct trace_decoder *decoder; /* NULL: plain */
	uint64_t position, length;
	uint64_t start;            /* of a file: where in it the text begins */
	struct trace_store *store; /* whose text is read, from position on; NULL: none */
};

bool trace_recognise(const void *bytes, size_t size, bool *compressed)
{
	static const char word[] = "memctx-trace";
	const char *text = bytes;
	*compressed = trace_compression(text, size) != NULL;
	if (*compressed)
		return true;
	while (size > 0 && trace_is_blank(*text)) {
		text++;
		size--;
	}
	return size >= sizeof(word) - 1 && memcmp(text, word, sizeof(word) - 1) == 0;
}

/* read(2) that sees a signal or a descriptor that does not block as no error. */
static ptrdiff_t read_descriptor(int fd, void *to, size_t size)
{
	for (;;) {
		ssize_t got = read(fd, to, size);
		if (got >= 0)
			return got;
		if (errno == EAGAIN) {
			struct pollfd wait = {.fd = fd, .events = POLLIN};
			poll(&wait, 1, -1);
		} else if (errno != EINTR) {
			return -1;
		}
	}
}

/* Bytes as they are stored; -1 with errno. */
static ptrdiff_t read_stored(struct trace_input *input, char *to, size_t size)
{
	size_t held = input->magic_used - input->magic_at;
	ptrdiff_t got;
	if (held > 0) {
		got = (ptrdiff_t)(held < size ? held : size);
		memcpy(to, input->magic + input->magic_at, (size_t)got);
		input->magic_at += (size_t)got;
		return got;
	}
	if (input->fd >= 0) {
		got = read_descriptor(input->fd, to, size);
	} else {
		got = (ptrdiff_t)(input->memory_left < size ? input->memory_left : size);
		memcpy(to, input->memory, (size_t)got);
		input->memory += got;
		input->memory_left -= (size_t)got;
	}
	if (got > 0)
		input->position += (uint64_t)got;
	return got;
}

static int read_magic(struct trace_input *input)
{
	char magic[MAGIC_MAX];
	size_t used = 0;
	while (used < sizeof(magic)) {
		ptrdiff_t got = read_stored(input, magic + used, sizeof(magic) - used);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	memcpy(input->magic, magic, used);
	input->magic_used = used;
	return 0;
}

/* What a decoder reads from. */
static ptrdiff_t read_for_decoder(void *context, char *to, size_t size)
{
	return read_stored(context, to, size);
}

static int input_start(struct trace_input *input, struct trace_error *error)
{
	if (read_magic(input) != 0) {
		trace_system_error(error, errno);
		return -1;
	}
	const char *compression = trace_compression(input->magic, input->magic_used);
	if (compression == NULL)
		return 0;
	input->decoder = trace_decoder_open(compression, read_for_decoder, input, error);
	return input->decoder != NULL ? 0 : -1;
}

/* Starts an input that is like START, which it takes over. */
static struct trace_input *input_new(const struct trace_input *start, struct trace_error *error)
{
	struct trace_input *input = malloc(sizeof(*input));
	if (input == NULL) {
		trace_system_error(error, ENOMEM);
		if (start->owned)
			close(start->fd);
		return NULL;
	}
	*input = *start;
	if (input_start(input, error) != 0) {
		trace_input_close(input);
		return NULL;
	}
	return input;
}

static struct trace_input *input_of(int fd, bool owned, struct trace_error *error)
{
	struct trace_input start = {.fd = fd, .owned = owned};
	struct stat status;
	off_t at = lseek(fd, 0, SEEK_CUR);
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
		start.length = (uint64_t)status.st_size;
		start.is_file = at >= 0;
		start.start = at >= 0 ? (uint64_t)at : 0;
	}
	return input_new(&start, error);
}

struct trace_input *trace_input_open(const char *path, struct trace_error *error)
{
	int fd;
	/* A descriptor of its own: the program may go on to read something else as its input. */
	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		return input_of(fd, true, error);
	trace_system_error(error, errno);
	return NULL;
}

struct trace_input *trace_input_fd(int fd, struct trace_error *error)
{
	return input_of(fd, false, error);
}

struct trace_input *trace_input_memory(const void *text, size_t size, struct trace_error *error)
{
	struct trace_input start = {.fd = -1, .memory = text, .memory_left = size, .length = size};
	return input_new(&start, error);
}

void trace_input_close(struct trace_input *input)
{
	trace_decoder_close(input->decoder);
	if (input->owned)
		close(input->fd);
	free(input);
}

ptrdiff_t trace_input_read(
	struct trace_input *input, char *to, size_t size, struct trace_error *error)
{
	if (input->store != NULL) {
		ptrdiff_t read = trace_store_read(input->store, input->position, to, size, error);
		if (read > 0)
			input->position += (uint64_t)read;
		return read;
	}
	if (input->decoder != NULL)
		return trace_decoder_read(input->decoder, to, size, error);
	ptrdiff_t got = read_stored(input, to, size);
	if (got < 0)
		trace_system_error(error, errno);
	return got;
}

bool trace_input_is_file(const struct trace_input *input)
{
	return input->is_file && input->decoder == NULL;
}

ptrdiff_t trace_input_read_at(const struct trace_input *input, uint64_t offset, char *to,
	size_t size, struct trace_error *error)
{
	ssize_t got;
	do
		got = pread(input->fd, to, size, (off_t)(input->start + offset));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		trace_system_error(error, errno);
	return got;
}

struct trace_input *trace_input_store(struct trace_store *store, struct trace_error *error)
{
	struct trace_input *input = calloc(1, sizeof(*input));
	if (input == NULL) {
		trace_system_error(error, ENOMEM);
		return NULL;
	}
	input->fd = -1;
	input->store = store;
	input->length = trace_store_length(store);
	return input;
}

void trace_input_go(struct trace_input *input, uint64_t offset)
{
	input->position = offset;
}

uint64_t trace_input_position(const struct trace_input *input)
{
	return input->position;
}

uint64_t trace_input_length(const struct trace_input *input)
{
	return input->length;
}
