/* SPDX-License-Identifier: MIT */
/*
 * Bytes that are kept: see spill.h.
 *
 * Invariant: all bytes are in the file, or all are in memory.
 */
#include "model/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct spill {
	int fd; /* -1: in memory */
	char *memory;
	size_t room;
	uint64_t used;
};

static int file_make(void)
{
	const char *folder = secure_getenv("TMPDIR");
	char path[4096];
	int fd;

	if (folder == NULL || *folder == '\0')
		folder = "/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof(path), "%s/memctx.XXXXXX", folder) >= (int)sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

struct spill *spill_new(void)
{
	struct spill *spill = calloc(1, sizeof(*spill));

	if (spill != NULL)
		spill->fd = file_make();
	return spill;
}

void spill_free(struct spill *spill)
{
	if (spill == NULL)
		return;
	if (spill->fd >= 0)
		close(spill->fd);
	free(spill->memory);
	free(spill);
}

/* Reads or writes all of it. */
static int file_read(int fd, char *to, size_t size, uint64_t offset)
{
	while (size > 0) {
		ssize_t n = pread(fd, to, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		to += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int file_write(int fd, const char *from, size_t size, uint64_t offset)
{
	struct rlimit limit;

	/* Past the limit there would be a signal. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && offset + size > limit.rlim_cur)
		return -1;
	while (size > 0) {
		ssize_t n = pwrite(fd, from, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		from += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int memory_grow(struct spill *spill, size_t size)
{
	size_t room = spill->room * 2 < 65536 ? 65536 : spill->room * 2;
	char *memory;

	if (spill->used + size <= spill->room)
		return 0;
	if (room < spill->used + size)
		room = spill->used + size;
	memory = realloc(spill->memory, room);
	if (memory == NULL)
		return -1;
	spill->memory = memory;
	spill->room = room;
	return 0;
}

/* The file can take no more: what is in it comes to memory, with room for SIZE. */
static int leave_file(struct spill *spill, size_t size)
{
	if (memory_grow(spill, size) != 0 ||
		file_read(spill->fd, spill->memory, spill->used, 0) != 0) {
		free(spill->memory);
		spill->memory = NULL;
		spill->room = 0;
		return -1;
	}
	close(spill->fd);
	spill->fd = -1;
	return 0;
}

int spill_append(struct spill *spill, const void *bytes, size_t size)
{
	if (spill->fd >= 0 && file_write(spill->fd, bytes, size, spill->used) != 0 &&
		leave_file(spill, size) != 0)
		return -1;
	if (spill->fd < 0) {
		if (memory_grow(spill, size) != 0)
			return -1;
		memcpy(spill->memory + spill->used, bytes, size);
	}
	spill->used += size;
	return 0;
}

uint64_t spill_bytes(const struct spill *spill)
{
	return spill->used;
}

ptrdiff_t spill_read(const struct spill *spill, uint64_t offset, void *to, size_t size)
{
	if (offset >= spill->used)
		return 0;
	if (size > spill->used - offset)
		size = spill->used - offset;
	if (spill->fd < 0)
		memcpy(to, spill->memory + offset, size);
	else if (file_read(spill->fd, to, size, offset) != 0)
		return -1;
	return (ptrdiff_t)size;
}
