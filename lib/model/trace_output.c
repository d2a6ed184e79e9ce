/* SPDX-License-Identifier: MIT */
/*
 * Streams over libarchive's filters, for writing: see trace_output.h.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/trace_output.h"

#define BUFFER_BYTES ((size_t)1 << 18)

struct output {
	struct archive *archive;
	int fd;
};

typedef int filter_fn(struct archive *archive);

/* The filter that a name asks for; NULL: none. */
static filter_fn *find_filter(const char *path)
{
	static const struct {
		const char *suffix;
		filter_fn *filter;
	} filters[] = {
		{".zst", archive_write_add_filter_zstd},
		{".gz", archive_write_add_filter_gzip},
		{".xz", archive_write_add_filter_xz},
	};
	size_t length = strlen(path);

	for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
		size_t n = strlen(filters[i].suffix);

		if (length > n && strcmp(path + length - n, filters[i].suffix) == 0)
			return filters[i].filter;
	}
	return NULL;
}

static int output_errno(const struct output *output)
{
	int number = archive_errno(output->archive);

	return number > 0 ? number : EIO;
}

static ssize_t output_write(void *cookie, const char *bytes, size_t size)
{
	struct output *output = cookie;
	la_ssize_t n = archive_write_data(output->archive, bytes, size);

	if (n >= 0)
		return n;
	errno = output_errno(output);
	return 0;
}

static int output_close(void *cookie)
{
	struct output *output = cookie;
	int number = 0;

	if (archive_write_close(output->archive) != ARCHIVE_OK)
		number = output_errno(output);
	archive_write_free(output->archive);
	if (close(output->fd) != 0 && number == 0)
		number = errno;
	free(output);
	errno = number;
	return number != 0 ? -1 : 0;
}

static bool begin_archive(struct output *output, filter_fn *filter)
{
	struct archive_entry *entry = archive_entry_new();
	bool is_begun = entry && output->archive && filter(output->archive) == ARCHIVE_OK &&
			archive_write_set_format_raw(output->archive) == ARCHIVE_OK &&
			archive_write_open_fd(output->archive, output->fd) == ARCHIVE_OK;

	if (is_begun) {
		archive_entry_set_filetype(entry, AE_IFREG);
		is_begun = archive_write_header(output->archive, entry) == ARCHIVE_OK;
	}
	archive_entry_free(entry);
	return is_begun;
}

/* A stream that compresses to FD, which is its; NULL with errno and FD closed. */
static FILE *open_compressed(int fd, filter_fn *filter)
{
	static const cookie_io_functions_t functions = {
		.write = output_write, .close = output_close};
	struct output *output = calloc(1, sizeof *output);
	FILE *out = NULL;

	if (output) {
		output->fd = fd;
		output->archive = archive_write_new();
		if (begin_archive(output, filter))
			out = fopencookie(output, "w", functions);
	}
	if (out)
		return out;
	if (output)
		archive_write_free(output->archive);
	free(output);
	close(fd);
	errno = ENOMEM;
	return NULL;
}

FILE *trace_output_open(const char *path, bool is_forced)
{
	filter_fn *filter = find_filter(path);
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (is_forced ? O_TRUNC : O_EXCL), fd;
	FILE *out;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, flags, 0666);
	if (fd < 0)
		return NULL;
	out = filter ? open_compressed(fd, filter) : fdopen(fd, "w");
	if (out)
		setvbuf(out, NULL, _IOFBF, BUFFER_BYTES);
	else if (!filter)
		close(fd);
	return out;
}
