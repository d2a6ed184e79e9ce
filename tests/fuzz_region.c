/* SPDX-License-Identifier: MIT */
/*
 * Any region read: an error or a valid snapshot, and a trace that is valid whatever its rings hold.
 *
 * An input is what readers look at, with what lies between left out: the header's beginning, the
 * descriptors and the first entries of RINGS rings, and the first UNITS records, names and slots.
 * Each part goes to where the library has it.  With the environment variable REGION_SAVE the
 * region of this process, after some work, is written there as such an input.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "live_support.h"
#include "model/follow.h"
#include "model/recorder.h"
#include "model/replay.h"
#include "model/trace.h"
#include "ring.h"

enum { RINGS = 3, ENTRIES = 256, UNITS = 12, POLLS = 30 };

#define HEAD offsetof(struct region_header, ring)
#define FRONT (REGION_HEADER_BYTES + MCX_RING_BYTES)
#define BANK(place) (FRONT + (place)-MCX_PLANE)

/* Where the parts of an input lie in the file. */
static const struct {
	uint64_t offset;
	size_t size;
} parts[] = {
	{0, HEAD},
	{HEAD, RINGS * sizeof(struct region_ring)},
	{BANK(MCX_RECORD), UNITS *MCX_UNIT},
	{BANK(MCX_NAMES), UNITS *MCX_UNIT},
	{BANK(MCX_SLOT), UNITS *MCX_UNIT},
	{REGION_HEADER_BYTES, RINGS *ENTRIES * sizeof(struct region_event)},
};

#define PARTS (sizeof parts / sizeof *parts)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "fuzz_region: %s\n", what);
		abort();
	}
}

/* The file that holds the input; parts that it has not got are 0. */
static int lay_out(const uint8_t *data, size_t size)
{
	static const uint8_t zeros[RINGS * ENTRIES * sizeof(struct region_event)];
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	expect(fd >= 0 && ftruncate(fd, (off_t)(FRONT + 2 * (size_t)MCX_BANK_BYTES)) == 0,
		"a file");
	for (size_t i = 0; i < PARTS; i++) {
		size_t n = size < parts[i].size ? size : parts[i].size;

		expect(pwrite(fd, zeros, parts[i].size, (off_t)parts[i].offset) ==
					(ssize_t)parts[i].size &&
				pwrite(fd, data, n, (off_t)parts[i].offset) == (ssize_t)n,
			"writing");
		data += n;
		size -= n;
	}
	return fd;
}

static struct live *open_live(int fd)
{
	struct live_error error = {0};
	struct live *live = live_open_fd(dup(fd), &error);

	expect(live != NULL || (error.status == 1 && *error.message != '\0'), "no reason");
	return live;
}

static void look(int fd)
{
	struct live *live = open_live(fd);
	struct live_error error = {0};
	struct snapshot *snapshot = live != NULL ? live_snapshot(live, &error) : NULL;
	char message[200];

	if (snapshot != NULL)
		expect(snapshot_valid(snapshot, message, sizeof message), message);
	else if (live != NULL)
		expect(error.status == 1 && *error.message != '\0', "no reason for no snapshot");
	snapshot_free(snapshot);
	live_close(live);
}

/* Lines of the recording are valid, each after those before it. */
static void check_trace(const char *text, size_t size)
{
	struct replay_options options = {.dry = true, .memory = (uint64_t)256 << 20};
	struct trace_error cause;
	struct replay_error error = {0};
	struct trace_reader *reader = trace_open_memory(text, size, 0, &cause);
	struct replay *replay = replay_new(reader, &options, &error);

	expect(reader != NULL && replay != NULL, "no replay");
	if (replay_run(replay, UINT64_MAX, UINT64_MAX, &error) < 0 && error.status == 1)
		expect(false, error.message);
	replay_free(replay);
	trace_close(reader);
}

static void record(int fd, enum follow_start start)
{
	struct live *live = open_live(fd);
	struct live_error error = {0};
	struct follow *follow = live != NULL ? follow_new(live, start, &error) : NULL;
	char *text;
	size_t size;

	if (follow == NULL) {
		expect(live == NULL || error.status == 1, "no reason for not following");
		live_close(live);
		return;
	}
	text = recorded(follow, POLLS, &size);
	follow_free(follow);
	live_close(live);
	check_trace(text, size);
	free(text);
}

/* ---- An input from this process --------------------------------------------------------- */

/* In another thread: a tree changes hands. */
static void *take_over(void *top)
{
	memctx *child = memctx_create(top, "of another thread", NULL, MEMCTX_ASET, NULL);

	memctx_alloc(child, 500);
	return memctx_alloc(top, 77);
}

static void work(void)
{
	memctx *top = memctx_create(NULL, "top", NULL, MEMCTX_ASET, NULL), *node;
	void *chunk = NULL;
	pthread_t thread;

	expect(pthread_create(&thread, NULL, take_over, top) == 0 &&
			pthread_join(thread, &chunk) == 0,
		"a thread");
	memctx_free(chunk);

	for (int i = 0; i < 8; i++) {
		memctx *child = memctx_create(i % 3 == 1 ? memctx_first_child(top) : top, "child",
			i % 2 ? "an ident" : NULL, MEMCTX_ASET,
			i % 2 ? &MEMCTX_SMALL_OPTIONS : NULL);

		for (size_t k = 1; k < 10; k++) {
			chunk = memctx_alloc(child, k * k * k * 10);
			if (k % 3 == 0)
				memctx_free(chunk);
			else if (k % 3 == 1)
				memctx_realloc(chunk, k * 50);
		}
		memctx_alloc_aligned(child, 100, 64);
		if (i == 5)
			memctx_delete(child);
		else if (i == 6)
			memctx_reset(child);
		else if (i == 7)
			memctx_set_parent(child, NULL);
		else
			memctx_set_ident(child, "renamed");
	}
	node = memctx_watch(top, "arena", NULL);
	memctx_watch_blocks(node, 1, 5000);
	memctx_watch_chunks(node, 4, 1000);
	memctx_watch_chunks(node, -1, -300);
}

static void save(const char *path)
{
	static char bytes[1 << 16];
	struct live_error error;
	struct live *live;
	FILE *out = fopen(path, "wb");

	/* Small, so that the beginning of a ring is the whole of it. */
	memctx_set_ring(ENTRIES);
	work();
	live = live_open(getpid(), &error);
	expect(out != NULL && live != NULL, "nothing to save");
	for (size_t i = 0; i < PARTS; i++)
		expect(live_read(live, parts[i].offset, bytes, parts[i].size) &&
				fwrite(bytes, 1, parts[i].size, out) == parts[i].size,
			"copying");
	live_close(live);
	expect(fclose(out) == 0, "closing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_saved;
	int fd = lay_out(data, size);

	if (!is_saved && getenv("REGION_SAVE") != NULL)
		save(getenv("REGION_SAVE"));
	is_saved = true;
	look(fd);
	record(fd, FOLLOW_FIRST);
	record(fd, FOLLOW_OLDEST);
	record(fd, FOLLOW_NOW);
	return 0;
}
