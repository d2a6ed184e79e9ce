/* SPDX-License-Identifier: MIT */
/*
 * Where a trace's text comes from: a file, a pipe or memory, plain or compressed.  The first
 * bytes say which, never the name; libarchive decodes, with the three filters that the format
 * knows and no archive format.
 */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/trace_internal.h"

#define MAGIC_MAX 6
#define RAW_SIZE ((size_t)64 << 10)

struct trace_input {
	int fd; /* -1: memory */
	const char *memory;
	size_t memory_left;
	char magic[MAGIC_MAX]; /* the first bytes, read to know what they are */
	size_t magic_at, magic_used;
	struct archive *archive; /* NULL: plain */
	const char *compression;
	char *raw; /* what the archive was given last */
	int raw_error;
	uint64_t position, length;
};

static const struct {
	const char *name;
	size_t size;
	const char *bytes;
} compressions[] = {
	{"gzip", 2, "\x1F\x8B"},
	{"xz", 6, "\xFD\x37\x7A\x58\x5A\x00"},
	{"zstd", 4, "\x28\xB5\x2F\xFD"},
};

/* The name of the compression whose first bytes these are, or NULL. */
static const char *compression_of(const char *bytes, size_t size)
{
	for (size_t i = 0; i < sizeof(compressions) / sizeof(compressions[0]); i++) {
		if (size >= compressions[i].size &&
			memcmp(bytes, compressions[i].bytes, compressions[i].size) == 0)
			return compressions[i].name;
	}
	return NULL;
}

bool trace_recognise(const void *bytes, size_t size, bool *compressed)
{
	static const char word[] = "memctx-trace";
	const char *text = bytes;
	*compressed = compression_of(text, size) != NULL;
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

static la_ssize_t archive_reads(struct archive *archive, void *context, const void **bytes)
{
	struct trace_input *input = context;
	ptrdiff_t got = read_stored(input, input->raw, RAW_SIZE);
	if (got < 0) {
		input->raw_error = errno;
		archive_set_error(archive, errno, "%s", strerror(errno));
		return -1;
	}
	*bytes = input->raw;
	return got;
}

/* What libarchive says went wrong. */
static int decoding_error(const struct trace_input *input, struct trace_error *error)
{
	const char *why = archive_error_string(input->archive);
	char shown[160];
	if (input->raw_error != 0) {
		trace_system_error(error, input->raw_error);
		return -1;
	}
	if (archive_errno(input->archive) == ENOMEM) {
		trace_system_error(error, ENOMEM);
		return -1;
	}
	if (why == NULL)
		why = "no reason given";
	trace_show(shown, sizeof(shown), why, strlen(why));
	*error = (struct trace_error){0};
	snprintf(error->message, sizeof(error->message),
		"the %s data is damaged or cut short (%s); expected a whole compressed trace",
		input->compression, shown);
	return -1;
}

static int archive_start(struct trace_input *input, struct trace_error *error)
{
	struct archive_entry *entry;
	input->archive = archive_read_new();
	input->raw = malloc(RAW_SIZE);
	if (input->archive == NULL || input->raw == NULL) {
		trace_system_error(error, ENOMEM);
		return -1;
	}
	archive_read_support_filter_gzip(input->archive);
	archive_read_support_filter_xz(input->archive);
	archive_read_support_filter_zstd(input->archive);
	archive_read_support_format_raw(input->archive);
	if (archive_read_open(input->archive, input, NULL, archive_reads, NULL) != ARCHIVE_OK)
		return decoding_error(input, error);
	int status = archive_read_next_header(input->archive, &entry);
	if (status != ARCHIVE_OK && status != ARCHIVE_EOF)
		return decoding_error(input, error);
	/* The last filter is the reader of the file itself: alone, nothing was decoded. */
	if (archive_filter_count(input->archive) < 2)
		return decoding_error(input, error);
	return 0;
}

static int input_start(struct trace_input *input, struct trace_error *error)
{
	if (read_magic(input) != 0) {
		trace_system_error(error, errno);
		return -1;
	}
	input->compression = compression_of(input->magic, input->magic_used);
	return input->compression != NULL ? archive_start(input, error) : 0;
}

/* An input that has read nothing; takes FD, which is not closed where it is standard input. */
static struct trace_input *input_new(
	int fd, const void *memory, size_t size, struct trace_error *error)
{
	struct trace_input *input = calloc(1, sizeof(*input));
	if (input == NULL) {
		trace_system_error(error, ENOMEM);
		if (fd > STDIN_FILENO)
			close(fd);
		return NULL;
	}
	*input = (struct trace_input){.fd = fd, .memory = memory, .memory_left = size};
	input->length = size;
	struct stat status;
	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		input->length = (uint64_t)status.st_size;
	if (input_start(input, error) != 0) {
		trace_input_close(input);
		return NULL;
	}
	return input;
}

struct trace_input *trace_input_open(const char *path, struct trace_error *error)
{
	int fd = STDIN_FILENO;
	if (strcmp(path, "-") != 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0) {
			trace_system_error(error, errno);
			return NULL;
		}
	}
	return input_new(fd, NULL, 0, error);
}

struct trace_input *trace_input_memory(const void *text, size_t size, struct trace_error *error)
{
	return input_new(-1, text, size, error);
}

void trace_input_close(struct trace_input *input)
{
	if (input->archive != NULL)
		archive_read_free(input->archive);
	if (input->fd > STDIN_FILENO)
		close(input->fd);
	free(input->raw);
	free(input);
}

ptrdiff_t trace_input_read(
	struct trace_input *input, char *to, size_t size, struct trace_error *error)
{
	ptrdiff_t got;
	if (input->archive != NULL) {
		got = archive_read_data(input->archive, to, size);
		return got >= 0 ? got : decoding_error(input, error);
	}
	got = read_stored(input, to, size);
	if (got < 0)
		trace_system_error(error, errno);
	return got;
}

uint64_t trace_input_position(const struct trace_input *input)
{
	return input->position;
}

uint64_t trace_input_length(const struct trace_input *input)
{
	return input->length;
}
