/* SPDX-License-Identifier: MIT */
/*
 * Watched arenas: what one tells is what every reader sees, what it cannot tell is not known, and a
 * recording of one replays to the same chunks.
 */
#include <stdlib.h>
#include <unistd.h>

#include "live_support.h"
#include "model/follow.h"
#include "model/recorder.h"
#include "model/watched.h"
#include "replay_support.h"
#include "unit.h"

#include "pool.h"

static struct misuse misuse;

static void expect_misuse(const char *what, const void *pointer)
{
	assert_int_equal(misuse.count, 1);
	assert_non_null(strstr(misuse.what, what));
	assert_ptr_equal(misuse.pointer, pointer);
	misuse.count = 0;
}

static memctx *new_node(memctx *parent, const char *name)
{
	memctx *node = memctx_watch(parent, name, NULL);

	assert_non_null(node);
	return node;
}

/* ---- The library ------------------------------------------------------------------------ */

static void test_figures(void **state)
{
	memctx *top = new_context(NULL, "top"), *node = memctx_watch(top, "arena", "of theirs");
	struct memctx_stats s;

	(void)state;
	assert_non_null(node);
	assert_string_equal(memctx_name(node), "arena");
	assert_string_equal(memctx_ident(node), "of theirs");
	assert_int_equal(memctx_kind_of(node), MEMCTX_WATCH);
	assert_string_equal(memctx_kind_name(MEMCTX_WATCH), "watch");
	assert_ptr_equal(memctx_parent(node), top);
	assert_int_equal(memctx_total(node), 0);
	memctx_watch_blocks(node, 3, 30000);
	memctx_watch_chunks(node, 10, 5000);
	memctx_watch_chunks(node, -4, -1500);
	memctx_watch_blocks(node, -1, -10000);
	memctx_watch_blocks(node, 0, 500); /* one grew */
	s = stats_of(node);
	assert_int_equal(s.total_bytes, 20500);
	assert_int_equal(s.total_nblocks, 2);
	assert_int_equal(s.peak_total_bytes, 30000);
	assert_int_equal(s.live_chunks, 6);
	assert_int_equal(s.requested_bytes, 3500);
	assert_int_equal(s.allocs, 10);
	assert_int_equal(s.frees, 4);
	assert_int_equal(s.free_bytes + s.free_chunks + s.used_bytes + s.slack_bytes +
				 s.header_bytes + s.freelist_bytes + s.tail_bytes + s.large_chunks +
				 s.large_bytes + s.carved + s.cut,
		0);
	assert_int_equal(memctx_subtree_total(top), memctx_total(top) + 20500);
	memctx_reset(node);
	s = stats_of(node);
	assert_int_equal(s.live_chunks + s.requested_bytes, 0);
	assert_int_equal(s.total_bytes, 20500);
	assert_int_equal(s.resets, 1);
	assert_int_equal(s.frees, 4);
	assert_int_equal(memctx_check(top, unit_report, NULL), 0);
	memctx_delete(node);
	assert_sound(top);
	memctx_delete(top);
}

static void expect_unsupported(const void *chunk)
{
	assert_null(chunk);
	assert_int_equal(errno, ENOTSUP);
	errno = 0;
}

static void test_no_allocation(void **state)
{
	memctx *node = new_node(NULL, "arena");

	(void)state;
	errno = 0;
	expect_unsupported(memctx_alloc(node, 0));
	expect_unsupported(memctx_alloc(node, 100));
	expect_unsupported(memctx_zalloc(node, 100000));
	expect_unsupported(memctx_alloc_array(node, 3, 5));
	expect_unsupported(memctx_alloc_aligned(node, 100, 64));
	expect_unsupported(memctx_strdup(node, "text"));
	expect_unsupported(memctx_printf(node, "%d", 1));
	assert_int_equal(misuse.count, 0);
	assert_int_equal(stats_of(node).allocs, 0);
	memctx_delete(node);
	assert_null(memctx_create(NULL, "arena", NULL, MEMCTX_WATCH, NULL));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(memctx_watch(NULL, NULL, NULL));
	assert_int_equal(errno, EINVAL);
}

static void test_misuse(void **state)
{
	memctx *ctx = new_context(NULL, "ours"), *node = new_node(NULL, "arena");
	struct memctx_stats before;

	(void)state;
	memctx_watch_blocks(node, 2, 100);
	memctx_watch_chunks(node, 3, 50);
	before = stats_of(node);
	memctx_watch_blocks(node, -3, -10);
	expect_misuse("more goes than there is", node);
	memctx_watch_blocks(node, -1, -101);
	expect_misuse("more goes than there is", node);
	memctx_watch_chunks(node, -4, 0);
	expect_misuse("more goes than there is", node);
	memctx_watch_chunks(node, 1, PTRDIFF_MIN);
	expect_misuse("more goes than there is", node);
	assert_same_figures(node, &before);
	memctx_watch_blocks(ctx, 1, 1);
	expect_misuse("memctx_watch_blocks: not a node", ctx);
	memctx_watch_chunks(ctx, 1, 1);
	expect_misuse("memctx_watch_chunks: not a node", ctx);
	memctx_watch_chunks(NULL, 1, 1);
	expect_misuse("memctx_watch_chunks: not a node", NULL);
	memctx_delete(node);
	memctx_delete(ctx);
}

/* A header word that names a node: of a chunk of a context that was there before it. */
static void test_stray_chunks(void **state)
{
	_Alignas(16) unsigned char memory[64] = {0};
	memctx *node = new_node(NULL, "arena");
	struct memctx_stats before = stats_of(node);
	char *chunk = (char *)memory + 16;
	struct memctx_block_info block = {.address = memory, .size = sizeof memory};
	uint64_t count = 0;

	(void)state;
	mcx_word_store(chunk, mcx_pool_word(node, 0, 0));
	memctx_free(chunk);
	expect_misuse("not a live chunk", chunk);
	assert_null(memctx_realloc(chunk, 100));
	expect_misuse("not a live chunk", chunk);
	assert_int_equal(memctx_usable(chunk), 0);
	expect_misuse("not a live chunk", chunk);
	assert_int_equal(memctx_requested(chunk), 0);
	expect_misuse("not a live chunk", chunk);
	memctx_each_chunk(node, &block, walk_count_free, &count);
	memctx_each_free(node, 3, walk_count_free, &count);
	assert_int_equal(count, 0);
	assert_same_figures(node, &before);
	memctx_delete(node);
}

/* A limit counts what it cannot stop. */
static void test_limits(void **state)
{
	memctx *top = new_context(NULL, "top"), *other = new_context(NULL, "other");
	memctx *node = new_node(top, "arena");

	(void)state;
	memctx_set_limit(top, 100000);
	memctx_watch_blocks(node, 1, 90000);
	assert_null(memctx_alloc(top, 20000));
	assert_int_equal(errno, ENOMEM);
	memctx_watch_blocks(node, 1, 20000); /* over it */
	assert_int_equal(memctx_total(node), 110000);
	assert_null(memctx_create(top, "child", NULL, MEMCTX_ASET, NULL));
	assert_int_equal(memctx_check(top, unit_report, NULL), 0);
	memctx_watch_blocks(node, -1, -90000);
	assert_non_null(memctx_alloc(top, 20000));
	assert_int_equal(memctx_check(top, unit_report, NULL), 0);
	memctx_set_limit(other, 20000);
	assert_int_equal(memctx_set_parent(node, other), -1);
	assert_int_equal(errno, ENOMEM);
	memctx_set_limit(other, 40000);
	assert_int_equal(memctx_set_parent(node, other), 0);
	assert_int_equal(memctx_check(top, unit_report, NULL), 0);
	assert_int_equal(memctx_check(other, unit_report, NULL), 0);
	memctx_delete(node);
	assert_sound(other);
	memctx_set_limit(other, 0);
	memctx_delete(other);
	memctx_delete(top);
}

static void count_call(void *arg)
{
	++*(int *)arg;
}

static void test_place_in_the_tree(void **state)
{
	memctx *node = new_node(NULL, "arena"), *child = new_context(node, "child");
	memctx *inner = new_node(child, "inner arena");
	int calls = 0;
	struct memctx_callback callback = {.func = count_call, .arg = &calls};

	(void)state;
	memctx_watch_blocks(inner, 1, 4096);
	assert_int_equal(memctx_subtree_total(node), 8192 + 4096);
	assert_int_equal(memctx_set_parent(node, inner), -1);
	assert_int_equal(memctx_set_ident(node, "renamed"), 0);
	assert_string_equal(memctx_ident(node), "renamed");
	memctx_on_reset(node, &callback);
	memctx_reset_only(node);
	assert_ptr_equal(memctx_first_child(node), child);
	memctx_reset(node);
	assert_null(memctx_first_child(node));
	assert_int_equal(calls, 1);
	memctx_switch(node);
	memctx_delete(node);
	assert_null(memctx_current());
}

static void note_broken(const memctx *ctx, const char *what, void *arg)
{
	(void)ctx;
	snprintf(arg, 3, "%s", what);
}

static void expect_broken(const memctx *node, const char *invariant)
{
	char first[3] = "";

	assert_int_equal(memctx_check(node, note_broken, first), 1);
	assert_string_equal(first, invariant);
}

/* Each figure that check vouches for, damaged. */
static void test_check(void **state)
{
	memctx *node = new_node(NULL, "arena");
	struct {
		uint64_t *at, value;
		const char *invariant;
	} damages[] = {
		{&mcx_slot(node)->large_requested, 1001, "W1"},
		{&mcx_slot(node)->total_bytes, 1001, "W2"},
		{&mcx_slot(node)->large_chunks, 6, "W3"},
	};

	(void)state;
	memctx_watch_blocks(node, 1, 1000);
	memctx_watch_chunks(node, 5, 1000);
	for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
		uint64_t old = *damages[i].at;

		*damages[i].at = damages[i].value;
		expect_broken(node, damages[i].invariant);
		*damages[i].at = old;
	}
	node->used = 0;
	expect_broken(node, "W4");
	node->used = 1;
	assert_int_equal(memctx_check(node, unit_report, NULL), 0);
	memctx_delete(node);
}

/* ---- Readers ---------------------------------------------------------------------------- */

static void test_snapshot(void **state)
{
	memctx *top = new_context(NULL, "top"), *node = new_node(top, "arena");
	struct live *live = open_self();
	struct live_error error;
	struct snapshot *snapshot;
	const struct snapshot_figures *own;
	struct snapshot_sums sums;
	char why[200];

	(void)state;
	memctx_watch_blocks(node, 2, 8000);
	memctx_watch_chunks(node, 7, 900);
	snapshot = live_snapshot(live, &error);
	assert_non_null(snapshot);
	assert_int_equal(snapshot->n, 2);
	if (!snapshot_valid(snapshot, why, sizeof why))
		fail_msg("%s", why);
	assert_string_equal(snapshot_string(snapshot, snapshot->contexts[1].kind), "watch");
	own = &snapshot->contexts[1].own;
	assert_int_equal(own->total_bytes, 8000);
	assert_int_equal(own->total_nblocks, 2);
	assert_int_equal(own->live_chunks, 7);
	assert_int_equal(own->requested_bytes, 900);
	assert_int_equal(own->allocs, 7);
	assert_int_equal(own->frees, 0);
	assert_int_equal(snapshot->contexts[1].peak_total_bytes, 8000);
	assert_true(own->freelist_bytes == SNAPSHOT_UNKNOWN);
	assert_true(own->tail_bytes == SNAPSHOT_UNKNOWN);
	assert_true(own->used_bytes == SNAPSHOT_UNKNOWN);
	assert_true(own->classes[3].live == SNAPSHOT_UNKNOWN);
	assert_int_equal(snapshot_sums_make(&sums, snapshot), 0);
	assert_int_equal(snapshot_subtree(&sums, 0)->total_bytes, memctx_subtree_total(top));
	assert_int_equal(snapshot_subtree(&sums, 0)->live_chunks, 7);
	assert_true(snapshot_subtree(&sums, 0)->tail_bytes == SNAPSHOT_UNKNOWN);
	snapshot_sums_drop(&sums);
	snapshot_free(snapshot);
	live_close(live);
	memctx_delete(top);
}

/* ---- Recordings ------------------------------------------------------------------------- */

struct session {
	struct live *live;
	struct follow *follow;
	struct recorder *recorder;
	FILE *out;
	char *text;
	size_t size;
};

static void session_begin(struct session *session, enum follow_start start)
{
	struct live_error error;

	session->live = open_self();
	session->follow = follow_new(session->live, start, &error);
	session->out = open_memstream(&session->text, &session->size);
	session->recorder = recorder_new(session->out, 0);
	assert_non_null(session->follow);
	assert_non_null(session->recorder);
	/* What is there is told first. */
	while (follow_poll(session->follow, recorder_event, session->recorder) > 0)
		;
}

/* The trace, to be freed. */
static char *session_end(struct session *session)
{
	while (follow_poll(session->follow, recorder_event, session->recorder) > 0)
		;
	assert_int_equal(follow_lost(session->follow), 0);
	recorder_free(session->recorder);
	follow_free(session->follow);
	live_close(session->live);
	assert_int_equal(fclose(session->out), 0);
	return session->text;
}

/* Replays TEXT: its only context named NAME has these chunks. */
static void expect_replay(const char *text, const char *name, uint64_t live, uint64_t requested)
{
	struct world world;
	struct snapshot *snapshot;
	size_t found = 0;

	world_open(&world, text);
	if (world_run(&world, END) < 0)
		fail_msg(
			"line %llu: %s", (unsigned long long)world.error.line, world.error.message);
	snapshot = replay_snapshot(world.replay);
	for (size_t i = 0; i < snapshot->n; i++) {
		const struct snapshot_context *at = &snapshot->contexts[i];

		if (strcmp(snapshot_string(snapshot, at->name), name) != 0)
			continue;
		found++;
		assert_int_equal(at->own.live_chunks, live);
		assert_int_equal(at->own.requested_bytes, requested);
	}
	assert_int_equal(found, 1);
	snapshot_free(snapshot);
	world_close(&world);
}

static void test_recorded(void **state)
{
	memctx *top = new_context(NULL, "top"), *node = new_node(top, "arena");
	struct session session;
	uint64_t seed = 5, sizes[200];
	struct memctx_stats s;
	char *text;
	size_t n = 0;

	(void)state;
	memctx_watch_blocks(node, 1, 1 << 20);
	memctx_watch_chunks(node, 3, 100); /* what was there before */
	session_begin(&session, FOLLOW_NOW);
	for (int i = 0; i < 3000; i++) {
		if (n == 0 || (n < 200 && rng_below(&seed, 2))) {
			sizes[n] = rng_below(&seed, 300);
			memctx_watch_chunks(node, 1, (ptrdiff_t)sizes[n++]);
		} else if (rng_below(&seed, 50) == 0) {
			memctx_reset(node);
			n = 0;
		} else {
			memctx_watch_chunks(node, -1, -(ptrdiff_t)sizes[--n]);
		}
	}
	memctx_watch_chunks(node, 0, 77);
	memctx_watch_chunks(node, 1, 0);
	s = stats_of(node);
	text = session_end(&session);
	assert_non_null(strstr(text, "# context 2 is a watched arena"));
	expect_replay(text, "arena", s.live_chunks, s.requested_bytes);
	free(text);
	memctx_delete(top);
}

/* From the first event on; a node that goes, and one below another. */
static void test_recorded_whole(void **state)
{
	memctx *top, *node, *gone;
	struct session session;
	char *text;

	(void)state;
	session_begin(&session, FOLLOW_NOW);
	top = new_context(NULL, "top");
	gone = new_node(top, "gone");
	node = new_node(gone, "arena");
	assert_int_equal(memctx_set_parent(node, top), 0);
	memctx_watch_blocks(gone, 1, 100000);
	memctx_watch_chunks(gone, 70000, 70000);
	memctx_watch_chunks(gone, -69000, -69000); /* too many to be freed one by one */
	memctx_watch_blocks(node, 1, 4096);
	memctx_watch_chunks(node, 4, 1001);
	memctx_watch_chunks(node, -1, -250);
	text = session_end(&session);
	expect_replay(text, "arena", 3, 751);
	expect_replay(text, "gone", 1000, 1000);
	assert_non_null(strstr(text, "\nresetonly "));
	free(text);
	memctx_delete(top);
}

/* ---- Changes as lines ------------------------------------------------------------------- */

enum { SIZES = 4096 };

/* The chunks that the lines make, by size. */
struct lines {
	uint64_t counts[SIZES], count, bytes, frees;
};

static void follow_act(enum watched_act act, uint64_t size, uint64_t count, void *arg)
{
	struct lines *lines = arg;

	if (act == WATCHED_RESET) {
		memset(lines, 0, sizeof *lines);
		return;
	}
	assert_in_range(size, 0, SIZES - 1);
	assert_true(count > 0);
	if (act == WATCHED_FREE) {
		/* No line frees what is not there. */
		assert_true(lines->counts[size] >= count);
		lines->frees += count;
		count = 0 - count;
	}
	lines->counts[size] += count;
	lines->count += count;
	lines->bytes += count * size;
}

static void test_changes(void **state)
{
	static struct lines lines;
	struct watched watched = {0};
	uint64_t seed = 9, count = 0, bytes = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t more = (int64_t)rng_below(&seed, 9) - 4;
		int64_t size = (int64_t)rng_below(&seed, 2000) - 1000;

		/* Only what can be: no fewer than none, and no bytes without a chunk. */
		if (count + (uint64_t)more > 300 || bytes + (uint64_t)size > 3000)
			continue;
		if (count + (uint64_t)more == 0)
			size = -(int64_t)bytes;
		count += (uint64_t)more;
		bytes += (uint64_t)size;
		assert_true(watched_change(&watched, more, size, follow_act, &lines));
		assert_int_equal(lines.count, count);
		assert_int_equal(lines.bytes, bytes);
		assert_int_equal(watched.count, count);
		assert_int_equal(watched.bytes, bytes);
	}
	watched_clear(&watched);
}

/* A chunk of a size that is there goes by itself. */
static void test_exact_change(void **state)
{
	static struct lines lines;
	struct watched watched = {0};

	(void)state;
	for (int size = 10; size < 20; size++)
		assert_true(watched_change(&watched, 1, size, follow_act, &lines));
	assert_true(watched_change(&watched, -1, -13, follow_act, &lines));
	assert_int_equal(lines.frees, 1);
	assert_int_equal(lines.counts[13], 0);
	assert_int_equal(lines.count, 9);
	watched_clear(&watched);
}

/* As the trace has them: a chunk that goes is a line. */
static void count_lines(enum watched_act act, uint64_t size, uint64_t count, void *arg)
{
	(void)size;
	*(uint64_t *)arg += act == WATCHED_FREE ? count : 1;
}

/* What no process does must neither hang nor overflow. */
static void test_strange_changes(void **state)
{
	static const int64_t numbers[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, 100000,
		(int64_t)1 << 46, -((int64_t)1 << 46), (int64_t)1 << 59, INT64_MAX};
	struct watched watched = {0};
	uint64_t seed = 2, lines = 0;
	size_t n = sizeof numbers / sizeof *numbers;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t count = numbers[rng_below(&seed, n)], bytes = numbers[rng_below(&seed, n)];
		uint64_t sum = 0, chunks = 0;

		lines = 0;
		assert_true(watched_change(&watched, count, bytes, count_lines, &lines));
		assert_true(lines < 200000);
		for (size_t k = 0; k < watched.n; k++) {
			assert_true(watched.sizes[k].count > 0);
			assert_true(k == 0 || watched.sizes[k].size > watched.sizes[k - 1].size);
			chunks += watched.sizes[k].count;
			sum += watched.sizes[k].count * watched.sizes[k].size;
		}
		assert_int_equal(chunks, watched.count);
		assert_int_equal(sum, watched.bytes);
	}
	watched_clear(&watched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_no_allocation),
		cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_stray_chunks),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_place_in_the_tree),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_recorded_whole),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_exact_change),
		cmocka_unit_test(test_strange_changes),
	};

	memctx_set_misuse(misuse_note, &misuse);
	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
