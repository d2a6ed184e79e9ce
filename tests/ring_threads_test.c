/* SPDX-License-Identifier: MIT */
/*
 * Rings and region with writers and readers in one process, for ThreadSanitizer above all: threads
 * hand trees to one another while one reader loads entries from the very memory that they are
 * stored to, one takes snapshots, one records, one records with a thread ahead of it that copies;
 * and recording is switched while they run.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "live_support.h"
#include "model/follow.h"
#include "model/recorder.h"
#include "replay_support.h"
#include "ring.h"
#include "unit.h"

enum { WRITERS = 3, TREES = 5, DIRECT_MOST = 2000 };

/*
 * A round is some 29 entries: those of all writers, should they take one ring in turn, fit the
 * smallest, of 131,072.
 */
enum { ROUNDS = 1400 };
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SWITCHES = 100 };
#else
enum { SWITCHES = 300 };
#endif

static struct {
	pthread_mutex_t lock;
	memctx *top;
} trees[TREES];

static atomic_bool is_over;
static atomic_uint_fast64_t seen; /* entries that were loaded from the rings themselves */

/* ---- Writers ---------------------------------------------------------------------------- */

static void change_tree(memctx *top, uint64_t *seed)
{
	memctx *child = memctx_create(top, "child", "of a tree", MEMCTX_ASET, NULL);
	memctx *node = memctx_watch(child, "arena", NULL);
	void *chunk = memctx_alloc(top, rng_below(seed, 300));

	assert_non_null(child);
	assert_non_null(node);
	memctx_watch_blocks(node, 1, 1000);
	memctx_watch_chunks(node, 1, 500);
	for (int i = 0; i < 10; i++)
		assert_non_null(memctx_alloc(child, rng_below(seed, 3000)));
	assert_non_null(memctx_realloc(chunk, 600));
	switch (rng_below(seed, 5)) {
	case 0:
		memctx_reset(top);
		break;
	case 1:
		memctx_delete_children(top);
		break;
	case 2:
		memctx_reset_only(child);
		break;
	default:
		memctx_delete(child);
	}
}

static void *write_events(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t at = rng_below(&seed, TREES);

		pthread_mutex_lock(&trees[at].lock);
		change_tree(trees[at].top, &seed);
		pthread_mutex_unlock(&trees[at].lock);
	}
	return NULL;
}

/* ---- Readers ---------------------------------------------------------------------------- */

/* The latest entries of a ring, as its writer's own memory has them. */
static void load_ring(const struct region_ring *ring)
{
	uint32_t size = __atomic_load_n(&ring->size, __ATOMIC_ACQUIRE);
	uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE), n = size / 2;
	const struct region_event *entries;

	if (size == 0)
		return;
	entries = (const struct region_event *)(const void *)(mcx_region_rings + ring->offset -
							      REGION_HEADER_BYTES);
	n = n < head ? n : head;
	n = n < DIRECT_MOST ? n : DIRECT_MOST;
	for (uint64_t i = head - n; i < head; i++) {
		const struct region_event *entry = &entries[i & (size - 1)];
		uint64_t what = __atomic_load_n(&entry->what, __ATOMIC_RELAXED);
		uint64_t word = __atomic_load_n(&entry->word, __ATOMIC_RELAXED);

		/* Below the head every entry is one that was written. */
		assert_in_range(what >> REGION_OP_SHIFT & REGION_OP_MASK, REGION_NOTHING + 1,
			REGION_OPS - 1);
		seen += word != 0 || what != 0;
	}
}

static void *load_rings(void *arg)
{
	while (!is_over)
		for (unsigned i = 0; i < REGION_RINGS; i++)
			load_ring(&mcx_region->ring[i]);
	return arg;
}

static void *take_snapshots(void *arg)
{
	struct live *live = open_self();
	struct live_error error;
	char why[200];
	size_t n = 0;

	do {
		struct snapshot *snapshot = live_snapshot(live, &error);

		assert_non_null(snapshot);
		if (!snapshot_valid(snapshot, why, sizeof why))
			fail_msg("snapshot %zu: %s", n, why);
		snapshot_free(snapshot);
		n++;
	} while (!is_over);
	live_close(live);
	return arg;
}

struct recording {
	bool is_ahead;
	char *text;
	size_t size;
	uint64_t lost;
};

enum { RECORDINGS = 2 };

static void *record(void *arg)
{
	struct recording *recording = arg;
	struct live *live = open_self();
	struct live_error error;
	struct follow *follow = follow_new(live, FOLLOW_FIRST, &error);
	FILE *out = open_memstream(&recording->text, &recording->size);
	struct recorder *recorder = recorder_new(out, 0);
	bool last;

	assert_non_null(follow);
	assert_true(!recording->is_ahead || follow_run_ahead(follow));
	do {
		last = is_over;
		if (last)
			follow_run_along(follow);
		while (follow_poll(follow, recorder_event, recorder) > 0)
			;
	} while (!last);
	recording->lost = follow_lost(follow);
	recorder_free(recorder);
	follow_free(follow);
	live_close(live);
	assert_int_equal(fclose(out), 0);
	return NULL;
}

/* ---- Together --------------------------------------------------------------------------- */

static void begin(pthread_t *thread, void *(*work)(void *), void *arg)
{
	assert_int_equal(pthread_create(thread, NULL, work, arg), 0);
}

static void end(pthread_t thread)
{
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Trees that change hands, in the sight of all readers. */
static void run(struct recording *recordings)
{
	pthread_t writers[WRITERS], readers[2 + RECORDINGS];

	is_over = false;
	begin(&readers[0], load_rings, NULL);
	begin(&readers[1], take_snapshots, NULL);
	for (size_t i = 0; i < RECORDINGS; i++) {
		recordings[i].is_ahead = i > 0;
		begin(&readers[2 + i], record, &recordings[i]);
	}
	for (size_t i = 0; i < WRITERS; i++)
		begin(&writers[i], write_events, (void *)(i + 1));
	for (size_t i = 0; i < WRITERS; i++)
		end(writers[i]);
	is_over = true;
	for (size_t i = 0; i < 2 + RECORDINGS; i++)
		end(readers[i]);
	assert_true(seen > 1000);
}

/* What was recorded is valid; where it is whole, the sums over what lives are those of the replay.
 */
static void compare(const struct recording *recording, bool is_whole)
{
	struct world world;
	struct snapshot *snapshot;
	struct snapshot_figures sum;
	uint64_t contexts = 0, live = 0, requested = 0;

	world_open(&world, recording->text);
	if (world_run(&world, END) < 0)
		fail_msg(
			"line %llu: %s", (unsigned long long)world.error.line, world.error.message);
	for (size_t i = 0; i < TREES; i++)
		for (const memctx *c = trees[i].top; c != NULL; c = memctx_walk(trees[i].top, c)) {
			struct memctx_stats s = stats_of(c);

			contexts++;
			live += s.live_chunks;
			requested += s.requested_bytes;
		}
	snapshot = replay_snapshot(world.replay);
	snapshot_totals(snapshot, &sum);
	if (is_whole) {
		assert_int_equal(recording->lost, 0);
		assert_int_equal(snapshot->n, contexts);
		assert_int_equal(sum.live_chunks, live);
		assert_int_equal(sum.requested_bytes, requested);
	}
	snapshot_free(snapshot);
	world_close(&world);
}

static void test_readers_beside_writers(void **state)
{
	struct recording recordings[RECORDINGS] = {0};

	(void)state;
	run(recordings);
	for (size_t i = 0; i < RECORDINGS; i++) {
		compare(&recordings[i], true);
		free(recordings[i].text);
	}
}

static void *switch_recording(void *arg)
{
	for (int i = 0; i < SWITCHES; i++) {
		memctx_set_ring(0);
		usleep(200);
		memctx_set_ring((size_t)1 << 16);
		usleep(500);
	}
	return arg;
}

static void test_switched_meanwhile(void **state)
{
	struct recording recordings[RECORDINGS] = {0};
	pthread_t thread;

	(void)state;
	begin(&thread, switch_recording, NULL);
	run(recordings);
	end(thread);
	/* What fell into the gaps is not known. */
	for (size_t i = 0; i < RECORDINGS; i++) {
		compare(&recordings[i], false);
		free(recordings[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_beside_writers),
		cmocka_unit_test(test_switched_meanwhile),
	};

	/* All that the threads do fits, so that a reader which is not run for long loses nothing.
	 */
	memctx_set_ring((size_t)1 << 18);
	for (size_t i = 0; i < TREES; i++) {
		pthread_mutex_init(&trees[i].lock, NULL);
		trees[i].top = memctx_create(NULL, "tree", NULL, MEMCTX_ASET, NULL);
	}
	return cmocka_run_group_tests_name("ring_threads", tests, NULL, NULL);
}
