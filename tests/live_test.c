/* SPDX-License-Identifier: MIT */
/*
 * Reading regions: snapshots of a process that allocates flat out keep every sum, and a region in
 * which anything was changed gives an error or a valid snapshot, and a trace that is valid.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live_support.h"
#include "model/follow.h"
#include "model/lists.h"
#include "model/live_look.h"
#include "model/recorder.h"
#include "model/replay.h"
#include "model/trace.h"
#include "unit.h"

enum { SNAPSHOTS = 60, QUIET = 40, MUTATIONS = 1500, RECORDED = 150 };

/* ---- A process under fire ------------------------------------------------------------- */

/* Some contexts that stay as they are, and others that come, go and are filled. */
static void live_flat_out(int ready)
{
	memctx *top = new_context(NULL, "top"), *quiet = NULL;
	uint64_t seed = 3;

	for (int i = 0; i < QUIET; i++) {
		quiet = new_context(i % 5 ? quiet : top, "quiet");
		new_chunk(quiet, 100, 1);
	}
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;) {
		memctx *busy = new_context(top, "busy");

		for (int i = 0; i < 200; i++) {
			void *chunk = memctx_alloc(busy, rng_below(&seed, 10000));

			if (i % 3 == 0)
				memctx_free(chunk);
		}
		memctx_delete(busy);
	}
}

static pid_t start_process(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		live_flat_out(ready[1]);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static size_t count_quiet(const struct snapshot *snapshot)
{
	size_t n = 0;

	for (size_t i = 0; i < snapshot->n; i++) {
		const struct snapshot_context *context = &snapshot->contexts[i];

		if (strcmp(snapshot_string(snapshot, context->name), "quiet") != 0)
			continue;
		n++;
		assert_int_equal(context->own.live_chunks, 1);
		assert_int_equal(context->own.requested_bytes, 100);
	}
	return n;
}

static void assert_fine(const struct snapshot *snapshot, pid_t pid)
{
	char why[200];

	assert_non_null(snapshot);
	if (!snapshot_valid(snapshot, why, sizeof why))
		fail_msg("%s", why);
	assert_int_equal(snapshot->pid, pid);
	assert_int_equal(count_quiet(snapshot), QUIET);
}

static void test_under_fire(void **state)
{
	struct live_error error;
	pid_t pid = start_process();
	struct live *live = live_open(pid, &error);
	struct live_look *look;

	(void)state;
	if (live == NULL)
		fail_msg("%s", error.message);
	look = live_look_new(live);
	for (int i = 0; i < SNAPSHOTS; i++) {
		struct snapshot *snapshot = live_snapshot(live, &error);

		assert_fine(snapshot, pid);
		snapshot_free(snapshot);
		assert_fine(live_look(look, &error), pid);
	}
	assert_true(live_is_running(live));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(live_is_running(live));
	/* What it left can be read as long as it is held. */
	assert_non_null(live_look(look, &error));
	live_look_free(look);
	live_close(live);
	assert_null(live_open(pid, &error));
	assert_string_equal(error.message, "there is no such process");
}

/* ---- Every kind ------------------------------------------------------------------------ */

static void work_in(memctx *ctx, uint64_t seed)
{
	char *chunk[50] = {NULL};

	for (int i = 0; i < 1500; i++) {
		char **place = &chunk[rng_below(&seed, 50)];
		uint64_t size = rng_below(&seed, i % 40 == 0 ? 20000 : 500);

		if (*place == NULL || memctx_kind_of(ctx) == MEMCTX_BUMP) {
			*place = memctx_alloc(ctx, size);
		} else if (i % 2 == 0) {
			*place = memctx_realloc(*place, size);
		} else {
			memctx_free(*place);
			*place = NULL;
		}
	}
}

/* Its classes with their real sizes, those of powers of two too. */
static void assert_lists_shown(
	const struct snapshot *snapshot, const struct snapshot_figures *own, const memctx *ctx)
{
	const struct snapshot_context *context =
		(const void *)((const char *)own - offsetof(struct snapshot_context, own));
	struct lists lists;

	assert_true(snapshot_lists(snapshot, context, &lists) ==
		    (memctx_classes_of(ctx) == MEMCTX_CLASSES_FINE));
	assert_int_equal(__builtin_popcountll(lists.has), memctx_lists(ctx));
	for (int i = 0; i < memctx_lists(ctx); i++) {
		struct memctx_class_stats figures;
		const struct snapshot_class *of;

		memctx_list(ctx, i, &figures);
		of = &lists.of[lists_place(figures.size)];
		assert_int_equal(of->live, figures.live);
		assert_int_equal(of->free, figures.free);
		assert_int_equal(of->slack, figures.slack);
	}
}

/* The context of CTX's serial in a snapshot of this process has CTX's figures. */
static void assert_shown(struct live *live, const memctx *ctx)
{
	struct live_error error;
	struct snapshot *snapshot = live_snapshot(live, &error);
	const struct snapshot_figures *own = NULL;
	struct memctx_stats s;

	assert_non_null(snapshot);
	memctx_stats(ctx, &s);
	for (size_t i = 0; i < snapshot->n; i++)
		if (snapshot->contexts[i].id == s.serial)
			own = &snapshot->contexts[i].own;
	assert_non_null(own);
	assert_int_equal(own->total_bytes, s.total_bytes);
	assert_int_equal(own->total_nblocks, s.total_nblocks);
	assert_int_equal(own->live_chunks, s.live_chunks);
	assert_int_equal(own->free_chunks, s.free_chunks);
	assert_int_equal(own->requested_bytes, s.requested_bytes);
	assert_int_equal(own->slack_bytes, s.slack_bytes);
	assert_int_equal(own->header_bytes, s.header_bytes);
	assert_int_equal(own->freelist_bytes, s.freelist_bytes);
	assert_int_equal(own->tail_bytes, s.tail_bytes);
	assert_int_equal(own->allocs, s.allocs);
	assert_int_equal(own->frees, s.frees);
	for (int k = 0; k < MEMCTX_CLASSES; k++) {
		assert_int_equal(own->classes[k].live, s.classes[k].live);
		assert_int_equal(own->classes[k].free, s.classes[k].free);
	}
	assert_lists_shown(snapshot, own, ctx);
	snapshot_free(snapshot);
}

static void test_kinds(void **state)
{
	struct live_error error;
	struct live *live;
	memctx *top = new_context(NULL, "kinds");

	(void)state;
	live = live_open(getpid(), &error);
	assert_non_null(live);
	for (int kind = MEMCTX_ASET; kind <= MEMCTX_MALLOC; kind++) {
		for (int classes = 0; classes < 2; classes++) {
			struct memctx_options options = {.classes = (enum memctx_classes)classes,
				.chunk_size = 100,
				.init_size = 2000,
				.max_size = 100000};
			memctx *ctx =
				memctx_create(top, "kind", NULL, (enum memctx_kind)kind, &options);

			assert_non_null(ctx);
			assert_shown(live, ctx);
			work_in(ctx, (uint64_t)kind);
			assert_shown(live, ctx);
			memctx_reset(ctx);
			assert_shown(live, ctx);
			work_in(ctx, 77);
			assert_shown(live, ctx);
		}
	}
	live_close(live);
	memctx_delete(top);
}

/* ---- Order ------------------------------------------------------------------------------ */

enum { FAMILY = 3000 };

/* As the allocator walks them, the snapshot has them: each with its own name and figures. */
static void assert_walked(struct live *live, const memctx *top)
{
	struct live_error error;
	struct snapshot *snapshot = live_snapshot(live, &error);
	size_t i = 0, first;
	char why[200];

	assert_non_null(snapshot);
	if (!snapshot_valid(snapshot, why, sizeof why))
		fail_msg("%s", why);
	while (i < snapshot->n &&
		strcmp(snapshot_string(snapshot, snapshot->contexts[i].name), "order"))
		i++;
	first = i;
	for (const memctx *ctx = top; ctx != NULL; ctx = memctx_walk(top, ctx), i++) {
		const struct snapshot_context *context = &snapshot->contexts[i];
		const memctx *parent = memctx_parent(ctx);
		struct memctx_stats stats, above;

		assert_true(i < snapshot->n);
		memctx_stats(ctx, &stats);
		assert_int_equal(context->id, stats.serial);
		assert_int_equal(context->own.requested_bytes, stats.requested_bytes);
		assert_string_equal(snapshot_string(snapshot, context->name), memctx_name(ctx));
		assert_string_equal(snapshot_string(snapshot, context->ident), memctx_ident(ctx));
		if (parent != NULL) {
			memctx_stats(parent, &above);
			assert_int_equal(snapshot->contexts[context->parent].id, above.serial);
		}
	}
	assert_int_equal(i, snapshot->contexts[first].end);
	snapshot_free(snapshot);
}

/* Level by level, so that nearly none of them stands where the tree has it. */
static void test_order(void **state)
{
	struct live_error error;
	struct live *live = live_open(getpid(), &error);
	memctx *family[FAMILY], *top = NULL;
	char ident[16];

	(void)state;
	assert_non_null(live);
	for (int i = 0; i < FAMILY; i++) {
		snprintf(ident, sizeof ident, "%d", i);
		family[i] = memctx_create(top == NULL ? NULL : family[(i - 1) / 3],
			top == NULL ? "order" : "member", ident, MEMCTX_ASET,
			&MEMCTX_SMALL_OPTIONS);
		assert_non_null(family[i]);
		top = family[0];
		new_chunk(family[i], (size_t)i % 500 + 1, 1);
	}
	assert_walked(live, top);
	/* Units are used again, by younger contexts in other places. */
	for (int i = FAMILY - 1; i >= FAMILY - 1000; i -= 2)
		memctx_delete(family[i]);
	for (int i = FAMILY - 1; i >= FAMILY - 1000; i -= 2) {
		family[i] = memctx_create(
			family[i * 7 % 1000], "again", "x", MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
		assert_non_null(family[i]);
		new_chunk(family[i], (size_t)i % 300 + 1, 1);
	}
	assert_walked(live, top);
	live_close(live);
	memctx_delete(top);
}

/* ---- Changed regions ------------------------------------------------------------------ */

/* What of a region a copy has: the front with the first rings, and of the first bank its planes. */
struct copy {
	struct region_header header;
	int fd;
	size_t units, ring_bytes;
};

static void copy_range(const struct live *live, int fd, uint64_t offset, size_t size)
{
	char *bytes = malloc(size);

	assert_true(live_read(live, offset, bytes, size));
	assert_int_equal(pwrite(fd, bytes, size, (off_t)offset), size);
	free(bytes);
}

static void make_copy(struct copy *copy)
{
	struct live_error error;
	struct live *live = live_open(getpid(), &error);
	const struct region_header *header;

	assert_non_null(live);
	header = live_header(live);
	copy->header = *header;
	copy->units = header->units_used;
	copy->ring_bytes = header->ring[0].size * sizeof(struct region_event);
	copy->fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(copy->fd, (off_t)header->file_bytes), 0);
	/* As that of a process, so that it is mapped by who looks again and again. */
	assert_int_equal(fcntl(copy->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	copy_range(live, copy->fd, 0, sizeof *header);
	copy_range(live, copy->fd, header->ring[0].offset, copy->ring_bytes);
	copy_range(live, copy->fd, header->banks + header->slots, copy->units * 256);
	copy_range(live, copy->fd, header->banks + header->records, copy->units * 256);
	copy_range(live, copy->fd, header->banks + header->names, copy->units * 256);
	live_close(live);
}

/* An offset that is looked at: in the header, the ring or a plane of the bank. */
static uint64_t pick_offset(const struct copy *copy, uint64_t *seed)
{
	const struct region_header *header = &copy->header;

	switch (rng_below(seed, 5)) {
	case 0:
		return rng_below(seed, offsetof(struct region_header, ring) + 64);
	case 1:
		return header->ring[0].offset + rng_below(seed, copy->ring_bytes);
	case 2:
		return header->banks + header->slots + rng_below(seed, copy->units * 256);
	case 3:
		return header->banks + header->records + rng_below(seed, copy->units * 256);
	default:
		return header->banks + header->names + rng_below(seed, copy->units * 256);
	}
}

/* Changes some bytes; what was there goes to OLD. */
static void mutate(const struct copy *copy, uint64_t *seed, uint64_t *at, uint64_t *old, int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t value = rng_next(seed) >> rng_below(seed, 64);

		at[i] = pick_offset(copy, seed) & ~(uint64_t)7;
		assert_int_equal(pread(copy->fd, &old[i], 8, (off_t)at[i]), 8);
		assert_int_equal(pwrite(copy->fd, &value, 8, (off_t)at[i]), 8);
	}
}

static void restore(const struct copy *copy, const uint64_t *at, const uint64_t *old, int n)
{
	while (n-- > 0)
		assert_int_equal(pwrite(copy->fd, &old[n], 8, (off_t)at[n]), 8);
}

static bool read_snapshot(const struct copy *copy)
{
	struct live_error error = {0};
	struct live *live = live_open_fd(dup(copy->fd), &error);
	struct snapshot *snapshot = live != NULL ? live_snapshot(live, &error) : NULL;
	bool is_read = snapshot != NULL;
	char why[200];

	if (snapshot != NULL && !snapshot_valid(snapshot, why, sizeof why))
		fail_msg("%s", why);
	if (snapshot == NULL) {
		assert_int_equal(error.status, 1);
		assert_true(strlen(error.message) > 5);
	}
	snapshot_free(snapshot);
	live_close(live);
	return is_read;
}

/* Whoever looked before the changes, looks on. */
static void look_again(struct live_look *look)
{
	struct live_error error = {0};
	const struct snapshot *snapshot = live_look(look, &error);
	char why[200];

	if (snapshot != NULL && !snapshot_valid(snapshot, why, sizeof why))
		fail_msg("%s", why);
	if (snapshot == NULL)
		assert_int_equal(error.status, 1);
}

static void check_trace(const char *text, size_t size)
{
	struct replay_options options = {.dry = true};
	struct trace_error cause;
	struct replay_error error;
	struct trace_reader *reader = trace_open_memory(text, size, 0, &cause);
	struct replay *replay = replay_new(reader, &options, &error);

	if (replay_run(replay, UINT64_MAX, UINT64_MAX, &error) != 0)
		fail_msg("line %llu: %s", (unsigned long long)error.line, error.message);
	replay_free(replay);
	trace_close(reader);
}

static void record_copy(const struct copy *copy, enum follow_start start)
{
	struct live_error error;
	struct live *live = live_open_fd(dup(copy->fd), &error);
	struct follow *follow = live != NULL ? follow_new(live, start, &error) : NULL;
	size_t size;
	char *text = recorded(follow, 40, &size);

	follow_free(follow);
	live_close(live);
	check_trace(text, size);
	free(text);
}

static void fill_region(memctx *top)
{
	uint64_t seed = 5;

	for (int i = 0; i < 30; i++) {
		memctx *ctx = memctx_create(top, "name", "ident", MEMCTX_ASET, NULL);

		for (int k = 0; k < 40; k++) {
			void *chunk = memctx_alloc(ctx, rng_below(&seed, 9000));

			if (k % 2)
				memctx_free(chunk);
		}
		if (i % 4 == 0)
			memctx_delete(ctx);
		else if (i % 3 == 0)
			top = ctx;
	}
}

static void test_changed(void **state)
{
	struct copy copy;
	uint64_t seed = 11, at[16], old[16];
	memctx *top = new_context(NULL, "top");
	struct live_error error;
	struct live *live;
	struct live_look *look;
	size_t n_read = 0;

	(void)state;
	fill_region(top);
	make_copy(&copy);
	assert_true(read_snapshot(&copy));
	live = live_open_fd(dup(copy.fd), &error);
	look = live_look_new(live);
	for (int i = 0; i < MUTATIONS; i++) {
		int n = 1 + (int)rng_below(&seed, 16);

		mutate(&copy, &seed, at, old, n);
		n_read += read_snapshot(&copy);
		look_again(look);
		if (i % (MUTATIONS / RECORDED) == 0)
			record_copy(&copy, (enum follow_start)rng_below(&seed, 3));
		restore(&copy, at, old, n);
	}
	/* Some are refused, some are read. */
	assert_in_range(n_read, MUTATIONS / 10, MUTATIONS * 9 / 10);
	assert_true(read_snapshot(&copy));
	/* Not each of them had everything made anew. */
	assert_in_range(live_look_rebuilds(look), 2, MUTATIONS - 1);
	live_look_free(look);
	live_close(live);
	close(copy.fd);
	memctx_delete(top);
}

static void expect_refusal(
	const struct copy *copy, size_t offset, uint64_t value, size_t size, const char *message)
{
	struct live_error error;
	uint64_t old = 0;

	assert_int_equal(pread(copy->fd, &old, size, (off_t)offset), size);
	assert_int_equal(pwrite(copy->fd, &value, size, (off_t)offset), size);
	assert_null(live_open_fd(dup(copy->fd), &error));
	assert_int_equal(error.status, 1);
	if (strstr(error.message, message) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.message, message);
	assert_int_equal(pwrite(copy->fd, &old, size, (off_t)offset), size);
}

static void test_refused(void **state)
{
	struct copy copy;
	memctx *top = new_context(NULL, "top");

	(void)state;
	make_copy(&copy);
	expect_refusal(&copy, offsetof(struct region_header, magic), 1, 8, "not one of libmemctx");
	expect_refusal(&copy, offsetof(struct region_header, layout), REGION_LAYOUT + 1, 4,
		"has layout 5 of the region; this tool reads layout 4");
	expect_refusal(&copy, offsetof(struct region_header, unit_bytes), 128, 4, "damaged");
	expect_refusal(&copy, offsetof(struct region_header, nbanks), 1 << 30, 4, "damaged");
	expect_refusal(&copy, offsetof(struct region_header, units_used), 1 << 30, 8, "damaged");
	expect_refusal(&copy, offsetof(struct region_header, ring[0].size), 1000, 4, "damaged");
	expect_refusal(&copy, offsetof(struct region_header, ring[0].offset), 1, 8, "damaged");
	assert_true(read_snapshot(&copy));
	close(copy.fd);
	memctx_delete(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_under_fire),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_refused),
	};

	/* A small ring is full of changes sooner. */
	memctx_set_ring(1024);
	return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
