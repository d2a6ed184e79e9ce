/* SPDX-License-Identifier: MIT */
/*
 * Following: what threads did to trees that they hand to one another, recorded and replayed, is
 * what their contexts say of themselves; and what a small ring loses is counted to the entry.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/follow_inner.h"
#include "model/recorder.h"
#include "model/replay.h"
#include "model/trace.h"
#include "ring.h"
#include "unit.h"

enum { TREES = 12, THREADS = 4, ROUNDS = 80, MOST_CONTEXTS = 120 };

static memctx *trees[TREES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned made;

/* ---- Work ----------------------------------------------------------------------------- */

static memctx *take_tree(uint64_t *seed)
{
	size_t i = rng_below(seed, TREES);
	memctx *tree;

	pthread_mutex_lock(&lock);
	tree = trees[i];
	trees[i] = NULL;
	pthread_mutex_unlock(&lock);
	return tree;
}

static void put_tree(memctx *tree)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < TREES; i++)
		if (trees[i] == NULL) {
			trees[i] = tree;
			break;
		}
	pthread_mutex_unlock(&lock);
}

/* A context with an ident that no other has. */
static memctx *make_context(memctx *parent, uint64_t *seed)
{
	static const struct memctx_options small = {.init_size = 1024, .max_size = 8192},
					   fine = {.classes = MEMCTX_CLASSES_FINE};
	const struct memctx_options *const options[] = {NULL, &small, &fine};
	char ident[64];

	pthread_mutex_lock(&lock);
	snprintf(ident, sizeof ident, "%u%s", made, made % 3 ? "" : " with a longer ident");
	made++;
	pthread_mutex_unlock(&lock);
	return memctx_create(parent, "context", ident, MEMCTX_ASET, options[rng_below(seed, 3)]);
}

static void use_chunks(memctx *ctx, uint64_t *seed)
{
	void *chunks[24];

	/* Where an aligned chunk lies decides whether it can grow in place: those are not resized.
	 */
	for (size_t i = 0; i < 24; i++)
		chunks[i] = i % 3 == 1 ? memctx_alloc_aligned(ctx, 100 + i, 64)
				       : memctx_alloc(ctx, rng_below(seed, 12000));
	for (size_t i = 0; i < 24; i += 3) {
		assert_non_null(chunks[i]);
		chunks[i] = memctx_realloc(chunks[i], rng_below(seed, 12000));
	}
	for (size_t i = rng_below(seed, 2); i < 24; i += 2)
		memctx_free(chunks[i]);
}

/* The last context of TREE that is not TOP, and how many there are. */
static memctx *pick(memctx *tree, uint64_t *seed, size_t *n)
{
	memctx *picked = NULL;

	*n = 0;
	for (memctx *c = tree; c != NULL; c = memctx_walk(tree, c))
		if (++*n > 1 && rng_below(seed, *n) == 0)
			picked = c;
	return picked;
}

static void change_tree(memctx *tree, uint64_t *seed)
{
	size_t n;
	memctx *picked = pick(tree, seed, &n);
	memctx *child = make_context(picked != NULL ? picked : tree, seed);

	assert_non_null(child);
	use_chunks(child, seed);
	use_chunks(tree, seed);
	if (picked == NULL)
		return;
	if (n > MOST_CONTEXTS)
		memctx_delete_children(tree);
	else if (rng_below(seed, 6) == 0)
		memctx_delete(picked);
	else if (rng_below(seed, 6) == 0)
		memctx_reset(picked);
	else if (rng_below(seed, 6) == 0)
		memctx_reset_only(picked);
	else if (rng_below(seed, 4) == 0)
		memctx_set_parent(picked, tree);
	else if (rng_below(seed, 4) == 0)
		assert_int_equal(memctx_set_ident(picked, memctx_ident(picked)), 0);
}

static void *work(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		memctx *tree = take_tree(&seed);

		if (tree == NULL)
			continue;
		for (int k = 0; k < 4; k++)
			change_tree(tree, &seed);
		put_tree(tree);
	}
	return NULL;
}

static void run_threads(void)
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* ---- Comparing ------------------------------------------------------------------------ */

/* The text of a trace of what this process did so far; to be freed. */
static char *record(size_t *size, uint64_t *lost)
{
	struct live_error error;
	struct live *live = live_open(getpid(), &error);
	struct follow *follow;
	struct recorder *recorder;
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	if (live == NULL)
		fail_msg("%s", error.message);
	follow = follow_new(live, FOLLOW_FIRST, &error);
	recorder = recorder_new(out, 0);
	assert_non_null(follow);
	assert_non_null(recorder);
	while (follow_poll(follow, recorder_event, recorder) > 0)
		;
	*lost = follow_lost(follow);
	recorder_free(recorder);
	follow_free(follow);
	live_close(live);
	assert_int_equal(fclose(out), 0);
	return text;
}

static const struct snapshot_context *find_ident(const struct snapshot *snapshot, const char *ident)
{
	for (size_t i = 0; i < snapshot->n; i++) {
		const char *other = snapshot_string(snapshot, snapshot->contexts[i].ident);

		if (other != NULL && strcmp(other, ident) == 0)
			return &snapshot->contexts[i];
	}
	return NULL;
}

static void compare_context(const struct snapshot *snapshot, const memctx *ctx)
{
	const struct snapshot_context *other = find_ident(snapshot, memctx_ident(ctx));
	struct memctx_stats s = stats_of(ctx);

	if (other == NULL)
		fail_msg("%s is not in the replay", memctx_ident(ctx));
	assert_int_equal(other->own.allocs, s.allocs);
	assert_int_equal(other->own.frees, s.frees);
	assert_int_equal(other->own.reallocs, s.reallocs);
	assert_int_equal(other->own.resets, s.resets);
	assert_int_equal(other->own.live_chunks, s.live_chunks);
	assert_int_equal(other->own.requested_bytes, s.requested_bytes);
	assert_int_equal(other->own.large_bytes, s.large_bytes);
	for (int k = 0; k < MEMCTX_CLASSES; k++)
		assert_int_equal(other->own.classes[k].live, s.classes[k].live);
	if (memctx_parent(ctx) != NULL) {
		uint32_t parent = other->parent;

		assert_true(parent != SNAPSHOT_NONE);
		assert_string_equal(snapshot_string(snapshot, snapshot->contexts[parent].ident),
			memctx_ident(memctx_parent(ctx)));
	}
}

static void test_handed_trees(void **state)
{
	struct replay_options options = {0};
	struct trace_error cause;
	struct replay_error error;
	struct snapshot *snapshot;
	size_t size, n = 0;
	uint64_t lost, seed = 1;
	char *text;

	(void)state;
	memctx_set_ring((size_t)1 << 18);
	for (size_t i = 0; i < TREES; i++)
		trees[i] = make_context(NULL, &seed);
	run_threads();
	text = record(&size, &lost);
	assert_int_equal(lost, 0);
	/* The replay's own contexts are none of what was recorded. */
	struct trace_reader *reader = trace_open_memory(text, size, 0, &cause);
	struct replay *replay = replay_new(reader, &options, &error);

	if (replay_run(replay, UINT64_MAX, UINT64_MAX, &error) != 0)
		fail_msg("line %llu: %s", (unsigned long long)error.line, error.message);
	snapshot = replay_snapshot(replay);
	for (size_t i = 0; i < TREES; i++)
		for (memctx *c = trees[i]; c != NULL; c = memctx_walk(trees[i], c), n++)
			compare_context(snapshot, c);
	assert_int_equal(n, snapshot->n);
	assert_true(n > TREES);
	snapshot_free(snapshot);
	replay_free(replay);
	trace_close(reader);
	free(text);
}

/* ---- Losses --------------------------------------------------------------------------- */

static bool count_told(const struct live_event *event, void *arg)
{
	uint64_t *lost = arg;

	if (event->op == LIVE_LOST)
		*lost += event->size;
	return true;
}

/* Entries in all rings: threads that have ended left their heads as they were, and so does this. */
static uint64_t heads(struct live *live)
{
	uint64_t sum = 0;

	mcx_ring_flush();
	assert_true(live_refresh(live));
	for (size_t i = 0; i < REGION_RINGS; i++)
		sum += live_header(live)->ring[i].head;
	return sum;
}

struct losing {
	struct live *live;
	struct follow *follow;
	memctx *ctx;
	uint64_t taken, told, begun;
};

static void begin_losing(struct losing *losing, uint64_t *seed)
{
	struct live_error error;

	*losing = (struct losing){.live = live_open(getpid(), &error)};
	losing->ctx = make_context(NULL, seed);
	assert_non_null(losing->live);
	losing->follow = follow_new(losing->live, FOLLOW_NOW, &error);
	assert_non_null(losing->follow);
	losing->begun = heads(losing->live);
}

static void make_pairs(const struct losing *losing, uint64_t n)
{
	while (n-- > 0)
		memctx_free(memctx_alloc(losing->ctx, 100));
}

static ptrdiff_t poll_losing(struct losing *losing)
{
	ptrdiff_t got = follow_poll(losing->follow, count_told, &losing->told);

	assert_true(got >= 0);
	losing->taken += (uint64_t)got;
	return got;
}

/* Every entry was taken once or counted as lost. */
static void end_losing(struct losing *losing)
{
	while (poll_losing(losing) > 0)
		;
	assert_int_equal(losing->told, follow_lost(losing->follow));
	assert_int_equal(losing->taken + losing->told, heads(losing->live) - losing->begun);
	follow_free(losing->follow);
	live_close(losing->live);
	memctx_delete(losing->ctx);
}

/* However late the reader is; one that a thread copies for may be in time. */
static void lose(bool is_ahead)
{
	struct losing losing;
	uint64_t seed = 7;

	begin_losing(&losing, &seed);
	assert_true(!is_ahead || follow_run_ahead(losing.follow));
	for (int i = 0; i < 400; i++) {
		make_pairs(&losing, rng_below(&seed, 40) == 0 ? 300000 : 100);
		poll_losing(&losing);
	}
	follow_run_along(losing.follow);
	assert_true(is_ahead || losing.told > 0);
	end_losing(&losing);
}

static void test_loss(void **state)
{
	(void)state;
	lose(false);
}

static void test_loss_ahead(void **state)
{
	(void)state;
	lose(true);
}

/* A queue keeps what stands between holes, up to so many of them. */
static void test_many_holes(void **state)
{
	enum { BURSTS = 3 * FOLLOW_HOLES };
	struct losing losing;
	uint64_t seed = 7;

	(void)state;
	begin_losing(&losing, &seed);
	for (int i = 0; i < BURSTS; i++) {
		make_pairs(&losing, 150000);
		copier_pass(&losing.follow->copier);
	}
	while (poll_losing(&losing) > 0 && losing.told == 0)
		;
	/* Behind the first hole there is more. */
	assert_true(losing.told > 0 && losing.told < follow_lost(losing.follow));
	end_losing(&losing);
	assert_true(losing.taken > (FOLLOW_HOLES - 1) * 100000);
}

/* ---- Order ---------------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static memctx *early, *parent, *child;

static void *create_below(void *arg)
{
	early = memctx_create(NULL, "early", NULL, MEMCTX_ASET, NULL);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	child = memctx_create(parent, "child", NULL, MEMCTX_ASET, NULL);
	return arg;
}

/* Appends the first letter of each context that is created. */
static bool note_created(const struct live_event *event, void *arg)
{
	char *order = arg;

	if (event->op == LIVE_CREATE && strlen(order) < 7)
		strncat(order, event->context->name, 1);
	return true;
}

/* The last time in the ring that has the child is earlier than any before its parent. */
static void test_parent_first(void **state)
{
	struct live_error error;
	struct live *live = live_open(getpid(), &error);
	struct follow *follow;
	pthread_t thread;
	char order[8] = "";

	(void)state;
	assert_non_null(live);
	follow = follow_new(live, FOLLOW_NOW, &error);
	assert_non_null(follow);
	assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, create_below, NULL), 0);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 300; i++)
		memctx_free(memctx_alloc(trees[0], 100));
	parent = memctx_create(NULL, "parent", NULL, MEMCTX_ASET, NULL);
	pthread_barrier_wait(&barrier);
	assert_int_equal(pthread_join(thread, NULL), 0);
	while (follow_poll(follow, note_created, order) > 0)
		;
	assert_string_equal(order, "epc");
	follow_free(follow);
	live_close(live);
	memctx_delete(early);
	memctx_delete(parent);
}

/* What a recording lacks, it says; what it has, is valid all the same. */
static void test_lossy_recording(void **state)
{
	struct replay_options options = {.dry = true};
	struct trace_error cause;
	struct replay_error error;
	uint64_t lost;
	size_t size;
	char *text;

	(void)state;
	run_threads();
	run_threads();
	text = record(&size, &lost);
	assert_true(lost > 0);
	struct trace_reader *reader = trace_open_memory(text, size, 0, &cause);
	struct replay *replay = replay_new(reader, &options, &error);

	if (replay_run(replay, UINT64_MAX, UINT64_MAX, &error) != 0)
		fail_msg("line %llu: %s", (unsigned long long)error.line, error.message);
	assert_int_equal(replay_counts(replay)->skipped, 0);
	assert_true(replay_counts(replay)->lost >= lost);
	replay_free(replay);
	trace_close(reader);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handed_trees),
		cmocka_unit_test(test_parent_first),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_loss_ahead),
		cmocka_unit_test(test_many_holes),
		cmocka_unit_test(test_lossy_recording),
	};

	return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
