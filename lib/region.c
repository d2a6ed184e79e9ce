/* SPDX-License-Identifier: MIT */
/*
 * Making the published region: the memfd, its mapping, its seals, and what fork does to it.
 *
 *   in the process:  header | rings | bank 0: contexts, shared part | bank 1 …
 *   in the file:     header | rings | shared part 0 | shared part 1 …
 *
 * Whatever is in the way (no memfd, RLIMIT_FSIZE, RLIMIT_AS) makes the region smaller, and at last
 * leaves anonymous memory in its place: the program runs all the same.
 *
 * Invariants: the file has its full size before anyone can map it and never changes it; the
 * descriptor is only ever closed, and only where it is still the region's, since a
 * program may close every descriptor and open files of its own under the same numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ring.h"

#define FRONT_BYTES (REGION_HEADER_BYTES + MCX_RING_BYTES)
#define SHARED_BYTES (MCX_BANK_BYTES - MCX_PLANE)
#define COPY_BYTES ((size_t)1 << 20)

_Static_assert(MCX_PLANE % 65536 == 0 && MCX_BANK_BYTES % 65536 == 0, "banks are whole pages");
_Static_assert(REGION_CLASSES == MEMCTX_CLASSES, "one number of classes");

struct region_header *mcx_region;
char *mcx_region_rings;

static struct {
	bool is_unwanted; /* by memctx_publish() */
	char *front;      /* the mapping; NULL: there is none */
	size_t banks;
	int fd;
	dev_t dev;
	ino_t ino;
	int child_fd; /* between prepare and its end */
} region = {.fd = -1, .child_fd = -1};

static size_t file_bytes(size_t banks)
{
	return FRONT_BYTES + banks * SHARED_BYTES;
}

static char *bank_at(size_t bank)
{
	return region.front + FRONT_BYTES + bank * MCX_BANK_BYTES;
}

/* ---- The file ---- */

static bool file_fits(size_t bytes)
{
	struct rlimit limit;

	/* Past RLIMIT_FSIZE the program would get SIGXFSZ. */
	return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	       (limit.rlim_cur == RLIM_INFINITY || bytes <= limit.rlim_cur);
}

/* A memfd of its full, sparse size, or -1. */
static int file_make(size_t banks)
{
	int fd;

	if (!file_fits(file_bytes(banks)))
		return -1;
	fd = memfd_create(REGION_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	if (fchmod(fd, 0600) == 0 && ftruncate(fd, (off_t)file_bytes(banks)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void file_seal(int fd)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

#ifdef F_SEAL_FUTURE_WRITE
	if (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_FUTURE_WRITE) == 0)
		return;
#endif
	fcntl(fd, F_ADD_SEALS, seals);
}

/* Lays the file, or anonymous memory where FD is -1, over the shared places of the range. */
static bool file_map(int fd, size_t banks)
{
	int flags =
		MAP_FIXED | (fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
	int access = PROT_READ | PROT_WRITE;

	if (mmap(region.front, FRONT_BYTES, access, flags, fd, 0) == MAP_FAILED)
		return false;
	for (size_t i = 0; i < banks; i++) {
		off_t offset = fd >= 0 ? (off_t)(FRONT_BYTES + i * SHARED_BYTES) : 0;

		if (mmap(bank_at(i) + MCX_PLANE, SHARED_BYTES, access, flags, fd, offset) ==
			MAP_FAILED)
			return false;
	}
	return true;
}

static void file_remember(int fd)
{
	struct stat status;

	region.fd = fd;
	if (fd >= 0 && fstat(fd, &status) == 0) {
		region.dev = status.st_dev;
		region.ino = status.st_ino;
	}
}

/* Closes the descriptor where it still is the region's. */
static void file_forget(void)
{
	struct stat status;

	if (region.fd >= 0 && fstat(region.fd, &status) == 0 && status.st_dev == region.dev &&
		status.st_ino == region.ino)
		close(region.fd);
	region.fd = -1;
}

/* ---- The header ---- */

static void header_fill(struct region_header *header, size_t banks)
{
	header->layout = REGION_LAYOUT;
	header->header_bytes = REGION_HEADER_BYTES;
	header->file_bytes = file_bytes(banks);
	header->pid = getpid();
	header->started_ns = mcx_clock_ns(CLOCK_REALTIME);
	header->monotonic_ns = mcx_clock_ns(CLOCK_MONOTONIC);
	header->base = (uint64_t)(uintptr_t)(region.front + FRONT_BYTES);
	header->bank_stride = MCX_BANK_BYTES;
	header->banks = FRONT_BYTES;
	header->bank_bytes = SHARED_BYTES;
	header->bank_units = MCX_BANK_CONTEXTS;
	header->unit_bytes = MCX_UNIT;
	header->nbanks = (uint32_t)banks;
	header->slots = MCX_SLOT - MCX_PLANE;
	header->records = MCX_RECORD - MCX_PLANE;
	header->names = MCX_NAMES - MCX_PLANE;
	header->rings = REGION_HEADER_BYTES;
	strncpy(header->version, memctx_version(), sizeof(header->version) - 1);
	/* The magic last: what has it is whole. */
	__atomic_store_n(&header->magic, REGION_MAGIC, __ATOMIC_RELEASE);
}

/* ---- Making and ending ---- */

static bool is_wanted(void)
{
#ifdef MEMCTX_NO_PUBLISH
	return false;
#else
	const char *text = secure_getenv("MEMCTX_PUBLISH");

	return !region.is_unwanted && (text == NULL || strcmp(text, "0") != 0);
#endif
}

static void *range_reserve(size_t banks)
{
	void *range = mmap(NULL, FRONT_BYTES + banks * MCX_BANK_BYTES, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return range == MAP_FAILED ? NULL : range;
}

/* A region of BANKS banks; false: with so many it is not to be had. */
static bool region_try(size_t banks)
{
	int fd = file_make(banks);

	if (fd < 0)
		return false;
	region.front = range_reserve(banks);
	if (region.front != NULL && file_map(fd, banks)) {
		file_remember(fd);
		region.banks = banks;
		return true;
	}
	if (region.front != NULL)
		munmap(region.front, FRONT_BYTES + banks * MCX_BANK_BYTES);
	region.front = NULL;
	close(fd);
	return false;
}

static void fork_handlers_once(void);

char *mcx_region_map(size_t *banks)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t n = MCX_BANKS;

	if (!is_wanted())
		return NULL;
	while (n > 0 && !region_try(n))
		n /= 2;
	if (n == 0)
		return NULL;
	pthread_once(&once, fork_handlers_once);
	mcx_region = (struct region_header *)(void *)region.front;
	mcx_region_rings = region.front + REGION_HEADER_BYTES;
	header_fill(mcx_region, n);
	file_seal(region.fd);
	mcx_ring_start();
	mcx_region_hand_over(region.fd);
	*banks = n;
	return bank_at(0);
}

void mcx_region_unmap(void)
{
	if (region.front == NULL)
		return;
	mcx_ring_stop();
	mcx_region = NULL;
	munmap(region.front, FRONT_BYTES + region.banks * MCX_BANK_BYTES);
	region.front = NULL;
	file_forget();
}

int memctx_publish(bool on)
{
	if (mcx_units_used() > 0) {
		errno = EBUSY;
		return -1;
	}
	region.is_unwanted = !on;
	return 0;
}

/* ---- Fork ---- */

static bool copy_out(int fd, const char *from, size_t bytes, size_t offset)
{
	while (bytes > 0) {
		ssize_t n =
			pwrite(fd, from, bytes < COPY_BYTES ? bytes : COPY_BYTES, (off_t)offset);

		if (n <= 0)
			return false;
		from += n;
		offset += (size_t)n;
		bytes -= (size_t)n;
	}
	return true;
}

/* The used part of a plane of a bank. */
static bool copy_plane(int fd, size_t bank, size_t plane, size_t units)
{
	return copy_out(fd, bank_at(bank) + plane, units * MCX_UNIT,
		FRONT_BYTES + bank * SHARED_BYTES + plane - MCX_PLANE);
}

static bool copy_region(int fd)
{
	size_t used = mcx_units_used();

	if (!copy_out(fd, region.front, sizeof(struct region_header), 0))
		return false;
	for (size_t bank = 0; bank * MCX_BANK_CONTEXTS < used; bank++) {
		size_t units = used - bank * MCX_BANK_CONTEXTS;

		if (units > MCX_BANK_CONTEXTS)
			units = MCX_BANK_CONTEXTS;
		if (!copy_plane(fd, bank, MCX_SLOT, units) ||
			!copy_plane(fd, bank, MCX_RECORD, units) ||
			!copy_plane(fd, bank, MCX_NAMES, units))
			return false;
	}
	return mcx_ring_copy(fd);
}

/*
 * The child's file is made and filled before the fork, while nobody creates or deletes: what the
 * forking thread's trees count is then exact.  The locks are held until both sides go on.
 */
static void fork_prepare(void)
{
	mcx_units_lock();
	mcx_ring_lock();
	if (mcx_region == NULL)
		return;
	mcx_ring_flush();
	region.child_fd = file_make(region.banks);
	if (region.child_fd >= 0 && !copy_region(region.child_fd)) {
		close(region.child_fd);
		region.child_fd = -1;
	}
}

static void fork_parent(void)
{
	if (region.child_fd >= 0)
		close(region.child_fd);
	region.child_fd = -1;
	mcx_ring_unlock();
	mcx_units_unlock();
}

/* Lays private memory over the shared part of BANK. */
static bool bank_unshare(size_t bank)
{
	return mmap(bank_at(bank) + MCX_PLANE, SHARED_BYTES, PROT_READ | PROT_WRITE,
		       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		       0) != MAP_FAILED;
}

/*
 * Without a file of its own the child keeps its counters in private memory, unpublished.  Banks
 * that nobody has used yet are unshared as well: both processes will come to use them.
 */
static bool child_keep(void)
{
	size_t used = mcx_units_used();
	char *copy = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bool is_done = copy != MAP_FAILED;

	for (size_t i = 0; is_done && i < region.banks; i++) {
		bool is_used = i * MCX_BANK_CONTEXTS < used;

		if (is_used)
			memcpy(copy, bank_at(i) + MCX_PLANE, SHARED_BYTES);
		is_done = bank_unshare(i);
		if (is_done && is_used)
			memcpy(bank_at(i) + MCX_PLANE, copy, SHARED_BYTES);
	}
	if (copy != MAP_FAILED)
		munmap(copy, SHARED_BYTES);
	return is_done;
}

static void fork_child(void)
{
	if (mcx_region != NULL) {
		file_forget();
		if (region.child_fd >= 0 && file_map(region.child_fd, region.banks)) {
			file_seal(region.child_fd);
			file_remember(region.child_fd);
			mcx_region->pid = getpid();
			mcx_region->started_ns = mcx_clock_ns(CLOCK_REALTIME);
		} else {
			mcx_region = NULL;
			if (region.child_fd >= 0)
				close(region.child_fd);
			/* Nothing is left to count in: better no child than two in one. */
			if (!child_keep())
				abort();
		}
		region.child_fd = -1;
		mcx_ring_child();
	}
	mcx_ring_unlock();
	mcx_units_unlock();
}

static void fork_handlers_once(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}
