/* SPDX-License-Identifier: MIT */
/*
 * Finding a process's region, and reading bytes of it.
 *
 * The region is a memfd named "memctx" among the descriptors of the process.  A program that closed
 * its descriptors still has it mapped: then it is read from the process's memory, where that is
 * allowed.
 *
 * Invariant: a struct live has a header that passed header_check(), so offsets that are made
 * of it do not overflow and lie in the file.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "model/live.h"
#include "model/shortage.h"

#define LINK "/memfd:" REGION_NAME
#define MAPS_MAX 256

/* A part of the region in the process's memory. */
struct mapping {
	uint64_t address, offset, size;
};

struct live {
	pid_t pid;
	int fd; /* -1: read from the process's memory */
	struct mapping maps[MAPS_MAX];
	size_t nmaps;
	struct region_header header;
};

__attribute__((format(printf, 2, 3))) static void set_error(
	struct live_error *error, const char *format, ...)
{
	va_list args;

	error->status = 1;
	va_start(args, format);
	vsnprintf(error->message, sizeof error->message, format, args);
	va_end(args);
}

/* ---- Reading -------------------------------------------------------------------------- */

static bool read_memory(const struct live *live, uint64_t offset, char *to, size_t size)
{
	for (size_t i = 0; size && i < live->nmaps; i++) {
		const struct mapping *map = &live->maps[i];
		uint64_t skip = offset - map->offset;
		struct iovec local, remote;

		if (offset < map->offset || skip >= map->size)
			continue;
		local.iov_base = to;
		local.iov_len = size < map->size - skip ? size : map->size - skip;
		remote.iov_base = (void *)(uintptr_t)(map->address + skip);
		remote.iov_len = local.iov_len;
		if (process_vm_readv(live->pid, &local, 1, &remote, 1, 0) != (ssize_t)local.iov_len)
			return false;
		to += local.iov_len;
		offset += local.iov_len;
		size -= local.iov_len;
		i = SIZE_MAX; /* the next piece may lie in any mapping */
	}
	return size == 0;
}

bool live_read(const struct live *live, uint64_t offset, void *to, size_t size)
{
	char *at = to;

	if (live->fd < 0)
		return read_memory(live, offset, at, size);
	while (size) {
		ssize_t n = pread(live->fd, at, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return true;
}

const char *live_map(const struct live *live, size_t *size)
{
	struct stat status;
	int seals = live->fd >= 0 ? fcntl(live->fd, F_GET_SEALS) : -1;
	void *map;

	*size = live->header.file_bytes;
	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(live->fd, &status) != 0 ||
		status.st_size < 0 || (uint64_t)status.st_size < *size)
		return NULL;
	map = mmap(NULL, *size, PROT_READ, MAP_SHARED, live->fd, 0);
	return map == MAP_FAILED ? NULL : map;
}

/* ---- The header ----------------------------------------------------------------------- */

/* Whether the planes of a bank lie in its shared part, and the banks and rings in the file. */
static bool geometry_check(const struct region_header *header)
{
	uint64_t plane = (uint64_t)header->bank_units * header->unit_bytes;
	uint64_t front = header->banks;

	return header->unit_bytes == sizeof(struct region_names) && header->bank_units > 0 &&
	       header->bank_units <= 1u << 20 && header->nbanks > 0 && header->nbanks <= 1u << 12 &&
	       header->slots + plane <= header->bank_bytes &&
	       header->records + plane <= header->bank_bytes &&
	       header->names + plane <= header->bank_bytes && header->bank_bytes < 1u << 30 &&
	       header->bank_stride >= plane && header->bank_stride < 1u << 30 &&
	       front < (uint64_t)1 << 40 && header->rings >= header->header_bytes &&
	       header->rings <= front &&
	       front + header->nbanks * header->bank_bytes <= header->file_bytes &&
	       header->units_used <= (uint64_t)header->nbanks * header->bank_units;
}

static bool rings_check(const struct region_header *header)
{
	for (size_t i = 0; i < REGION_RINGS; i++) {
		const struct region_ring *ring = &header->ring[i];
		uint64_t bytes = (uint64_t)ring->size * sizeof(struct region_event);

		if (ring->size == 0)
			continue;
		if ((ring->size & (ring->size - 1)) != 0 || ring->offset < header->rings ||
			ring->offset > header->banks || bytes > header->banks - ring->offset)
			return false;
	}
	return true;
}

static bool header_check(const struct region_header *header, struct live_error *error)
{
	if (header->magic != REGION_MAGIC)
		set_error(error, "its region is not one of libmemctx");
	else if (header->layout != REGION_LAYOUT)
		set_error(error,
			"its libmemctx %.15s has layout %u of the region; this tool reads layout "
			"%u",
			header->version, header->layout, REGION_LAYOUT);
	else if (!geometry_check(header) || !rings_check(header))
		set_error(error, "its region is damaged");
	else
		return true;
	return false;
}

bool live_refresh(struct live *live)
{
	struct region_header header;
	struct live_error error;

	if (!live_read(live, 0, &header, sizeof header) || !header_check(&header, &error))
		return false;
	live->header = header;
	return true;
}

const struct region_header *live_header(const struct live *live)
{
	return &live->header;
}

uint32_t live_unit(const struct live *live, uint64_t address)
{
	const struct region_header *header = &live->header;
	uint64_t distance = address - header->base;
	uint64_t bank = distance / header->bank_stride;
	uint64_t unit = distance % header->bank_stride / header->unit_bytes;

	if (bank >= header->nbanks || unit >= header->bank_units)
		return UINT32_MAX;
	return (uint32_t)(bank * header->bank_units + unit);
}

/* ---- Finding -------------------------------------------------------------------------- */

/* Opens the process's descriptor of the region; -1 with errno (ENOENT: it has none). */
static int find_descriptor(pid_t pid)
{
	char path[64], target[64];
	struct dirent *entry;
	int fd = -1, number = ENOENT;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	while (fd < 0 && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, LINK " (deleted)") != 0)
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		number = errno;
	}
	closedir(dir);
	errno = number;
	return fd;
}

/* Where the process has the region mapped. */
static void find_mappings(struct live *live)
{
	char path[64], line[512];
	FILE *in;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)live->pid);
	in = fopen(path, "re");
	if (!in)
		return;
	while (live->nmaps < MAPS_MAX && fgets(line, sizeof line, in)) {
		unsigned long long start, end, offset;

		if (!strstr(line, LINK) ||
			sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) != 3)
			continue;
		live->maps[live->nmaps++] = (struct mapping){start, offset, end - start};
	}
	fclose(in);
}

static struct live *live_new(pid_t pid, int fd, struct live_error *error)
{
	struct live *live = calloc(1, sizeof *live);

	if (!live) {
		set_error(error, "%s", strerror(ENOMEM));
		error->status = 3;
		if (fd >= 0)
			close(fd);
		errno = ENOMEM;
		return NULL;
	}
	live->pid = pid;
	live->fd = fd;
	return live;
}

/* Reads and checks the first header. */
static struct live *live_begin(struct live *live, struct live_error *error)
{
	struct stat status;

	if (live->fd >= 0 && fstat(live->fd, &status) == 0 &&
		status.st_size < (off_t)REGION_HEADER_BYTES)
		set_error(error, "its region is damaged");
	else if (!live_read(live, 0, &live->header, sizeof live->header))
		set_error(error, "not allowed to read its memory; run as its user or as root");
	else if (header_check(&live->header, error))
		return live;
	live_close(live);
	return NULL;
}

struct live *live_open_fd(int fd, struct live_error *error)
{
	struct live *live = live_new(-1, fd, error);

	if (live)
		live = live_begin(live, error);
	if (live)
		live->pid = (pid_t)live->header.pid;
	return live;
}

/* Says who would be allowed to read it. */
static struct live *refuse_access(pid_t pid, struct live_error *error)
{
	char path[64];
	struct stat status;
	const struct passwd *user = NULL;

	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	if (stat(path, &status) == 0 && status.st_uid != 0)
		user = getpwuid(status.st_uid);
	if (user)
		set_error(error, "not allowed to read its memory; run as %.64s or root",
			user->pw_name);
	else
		set_error(error, "not allowed to read its memory; run as root");
	return NULL;
}

pid_t live_pid(const char *text)
{
	unsigned long number;

	if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
		return 0;
	/* One too large for its type is the largest. */
	number = strtoul(text, NULL, 10);
	return number <= INT32_MAX ? (pid_t)number : 0;
}

/* Why nothing of a process was found. */
static void refuse_nothing(pid_t pid, struct live_error *error)
{
	if (pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH))
		set_error(error, "there is no such process");
	else if (access("/proc/self", F_OK) != 0)
		set_error(error, "it cannot be found: /proc is not mounted");
	else
		set_error(error, "it publishes no memory contexts");
}

struct live *live_open(pid_t pid, struct live_error *error)
{
	int fd = find_descriptor(pid), number = errno;
	struct live *live;

	if (fd < 0 && (number == EACCES || number == EPERM))
		return refuse_access(pid, error);
	if (fd < 0 && is_shortage(number)) {
		set_error(error, "%s", strerror(number));
		error->status = 3;
		errno = number;
		return NULL;
	}
	live = live_new(pid, fd, error);
	if (!live)
		return NULL;
	if (fd < 0)
		find_mappings(live);
	/* A region that was made after the descriptors were read has one all the same. */
	if (live->nmaps > 0)
		live->fd = find_descriptor(pid);
	if (fd < 0 && live->nmaps == 0) {
		refuse_nothing(pid, error);
		live_close(live);
		return NULL;
	}
	live = live_begin(live, error);
	if (live && live->header.pid != pid) {
		set_error(error, "its region is that of its parent %lld",
			(long long)live->header.pid);
		live_close(live);
		return NULL;
	}
	return live;
}

struct live *live_again(const struct live *live)
{
	struct live *again = malloc(sizeof *again);

	if (!again)
		return NULL;
	*again = *live;
	if (live->fd >= 0)
		again->fd = fcntl(live->fd, F_DUPFD_CLOEXEC, 0);
	if (live->fd < 0 || again->fd >= 0)
		return again;
	free(again);
	return NULL;
}

void live_close(struct live *live)
{
	if (!live)
		return;
	if (live->fd >= 0)
		close(live->fd);
	free(live);
}

bool live_is_running(const struct live *live)
{
	char path[64], state = 'Z', text[512];
	const char *end;
	FILE *in;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)live->pid);
	in = fopen(path, "re");
	if (!in)
		return false;
	/* The state follows the name, which may hold parentheses. */
	text[fread(text, 1, sizeof text - 1, in)] = '\0';
	fclose(in);
	end = strrchr(text, ')');
	if (end && end[1])
		state = end[2];
	return state != 'Z' && state != 'X';
}

/* ---- All of them ---------------------------------------------------------------------- */

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* 1 or 0; -1 with errno: the system lacks what it takes to see. */
static int has_region(pid_t pid)
{
	struct live_error error;
	struct live *live = live_open(pid, &error);

	if (live == NULL && error.status == 3)
		return -1;
	live_close(live);
	return live != NULL;
}

static int add_pid(pid_t **pids, size_t *n, size_t *room, pid_t pid)
{
	if (*n == *room) {
		size_t larger = *room * 2 + 16;
		pid_t *more = realloc(*pids, larger * sizeof *more);

		if (!more)
			return -1;
		*pids = more;
		*room = larger;
	}
	(*pids)[(*n)++] = pid;
	return 0;
}

ptrdiff_t live_list(pid_t **pids)
{
	size_t n = 0, room = 0;
	struct dirent *entry;
	int number = 0;
	DIR *dir = access("/proc/self", F_OK) == 0 ? opendir("/proc") : NULL;

	*pids = NULL;
	if (!dir)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
		int has = pid > 0 ? has_region(pid) : 0;

		if (has < 0 || (has && add_pid(pids, &n, &room, pid))) {
			number = errno;
			break;
		}
	}
	closedir(dir);
	if (number) {
		free(*pids);
		*pids = NULL;
		errno = number;
		return -1;
	}
	if (n)
		qsort(*pids, n, sizeof **pids, compare_pids);
	return (ptrdiff_t)n;
}

void live_command(pid_t pid, char *text, size_t size)
{
	char path[64];
	size_t n = 0;
	FILE *in;

	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	in = fopen(path, "re");
	if (in) {
		n = fread(text, 1, size - 1, in);
		fclose(in);
	}
	while (n && text[n - 1] == '\0')
		n--;
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	text[n] = '\0';
}
