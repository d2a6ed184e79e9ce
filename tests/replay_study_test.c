/* SPDX-License-Identifier: MIT */
/*
 * Traces replayed through the two pools of old: the sums are the trace's own, every pool proves
 * itself on the way, each event is told, and going back and forth changes nothing.
 */
#include "replay_support.h"

#include "model/explain.h"
#include "model/look.h"
#include "model/replay_inner.h"
#include "model/seek.h"
#include "model/study.h"

static const char *const traces[] = {"traces/freelist.trace", "traces/doubling.trace",
	"traces/large.trace", "traces/realloc.trace", "traces/reset.trace", "traces/slack.trace",
	"traces/tail.trace", "traces/trace.txt", "traces/pg_pgbench.trace",
	"traces/pg_decoding.trace", "traces/python.trace", "traces/sqlite.trace",
	"traces/jq.trace"};
enum { TRACES = sizeof traces / sizeof *traces };

static const char *const texts[] = {"stl", "pyint", "*:kind=pyint,chunk=64"};
enum { TEXTS = sizeof texts / sizeof *texts };

static struct setting setting_of(const char *text)
{
	struct setting setting;
	char message[SETTING_TEXT];

	if (!setting_parse(text, &setting, message))
		fail_msg("%s", message);
	return setting;
}

static struct world open_file(
	const char *path, const struct setting *setting, const struct replay_options *others)
{
	struct replay_options options = *others;
	struct trace_error error;
	struct world world = {.reader = trace_open(path, 0, &error)};

	if (world.reader == NULL)
		fail_msg("%s: %s", path, error.message);
	options.settings = setting;
	options.nsettings = setting != NULL;
	world.replay = replay_new(world.reader, &options, &world.error);
	assert_non_null(world.replay);
	return world;
}

/* Every pool proves itself, and tells the library its total. */
static void check_pools(const struct world *world)
{
	const struct nodes *nodes = &world->replay->nodes;

	for (uint32_t at = nodes->first; at != 0; at = nodes->hot[at].next) {
		const struct node *node = &nodes->hot[at];

		if (node->state != NODE_LIVE)
			continue;
		assert_non_null(node->study);
		assert_null(study_check(node->study));
		assert_int_equal(memctx_total(node->ctx), study_total(node->study));
		assert_int_equal(node->total, study_total(node->study));
	}
}

static void assert_valid(struct snapshot *snapshot, const char *kind)
{
	char message[200];

	assert_non_null(snapshot);
	if (!snapshot_valid(snapshot, message, sizeof message))
		fail_msg("%s", message);
	for (size_t i = 0; i < snapshot->n; i++)
		assert_string_equal(snapshot_string(snapshot, snapshot->contexts[i].kind), kind);
	snapshot_free(snapshot);
}

static void replay_one(const char *path, const char *text, const char *kind)
{
	struct setting setting = setting_of(text);
	struct world world = open_file(path, &setting, &(struct replay_options){.memory = 0});
	struct world dry = open_file(path, NULL, &(struct replay_options){.dry = true});
	int got;

	do {
		uint64_t to = replay_counts(world.replay)->events + 997;
		struct replay_moment now, wanted;

		got = world_run(&world, to);
		assert_int_equal(world_run(&dry, to), got);
		now = world_now(&world);
		wanted = world_now(&dry);
		check_pools(&world);
		assert_int_equal(now.requested_bytes, wanted.requested_bytes);
		assert_int_equal(now.figures.requested_bytes, wanted.requested_bytes);
		assert_int_equal(now.figures.live_chunks, wanted.live_chunks);
		assert_int_equal(now.figures.total_bytes, world.replay->total);
		assert_valid(replay_snapshot(world.replay), kind);
	} while (got == 1);
	assert_int_equal(got, 0);
	assert_valid(replay_snapshot_peak(world.replay), kind);
	assert_int_equal(replay_counts(world.replay)->not_done, 0);
	world_close(&world);
	world_close(&dry);
}

static void every_trace_through_both(void **state)
{
	(void)state;
	for (int i = 0; i < TRACES; i++) {
		replay_one(traces[i], "stl", "stl");
		replay_one(traces[i], "pyint", "pyint");
		replay_one(traces[i], "*:kind=pyint,chunk=64", "pyint");
	}
}

/* Only the contexts of a name; the others are the library's, as they were. */
static void some_contexts_only(void **state)
{
	struct setting setting = setting_of("C*:kind=stl");
	struct world world = open_file(
		"traces/pg_pgbench.trace", &setting, &(struct replay_options){.memory = 0});
	const struct nodes *nodes;
	size_t pools = 0;

	(void)state;
	assert_int_equal(world_run(&world, 10000), 1);
	nodes = &world.replay->nodes;
	for (uint32_t at = nodes->first; at != 0; at = nodes->hot[at].next) {
		bool named = nodes->cold[at].name != NULL && nodes->cold[at].name[0] == 'C';

		if (nodes->hot[at].state == NODE_LIVE) {
			assert_int_equal(nodes->hot[at].study != NULL, named);
			pools += named;
		}
	}
	assert_in_range(pools, 1, 20);
	world_close(&world);
}

/* ---- Events ----------------------------------------------------------------------------- */

static void expect_event(struct explain *explain, const char *did, int number, uint64_t bytes,
	uint64_t length, uint64_t head)
{
	struct explain_event event;
	struct replay_error error;

	assert_int_equal(explain_next(explain, &event, &error), 1);
	assert_string_equal(event.did, did);
	if (number < 0) {
		assert_int_equal(event.n_lists, 0);
		return;
	}
	assert_int_equal(event.n_lists, 1);
	assert_int_equal(event.lists[0].number, number);
	assert_int_equal(event.lists[0].bytes, bytes);
	assert_int_equal(event.lists[0].after.length, length);
	if (head == 0)
		assert_true(length == 0 || event.lists[0].after.links[0].kind == EXPLAIN_CUT);
	else
		assert_int_equal(event.lists[0].after.links[0].id, head);
}

static void events_are_told(void **state)
{
	struct setting setting = setting_of("stl");
	struct replay_options options = {.settings = &setting, .nsettings = 1};
	struct explain *explain;
	struct world world;

	(void)state;
	world_open_with(&world,
		HEAD "create 1 - aset \"a\"\nalloc 1 1 20\nalloc 1 2 24\nfree 1\nalloc 1 3 17\n"
		     "alloc 1 4 30\nalloc 1 5 200\nfree 5\nrealloc 4 25\nrealloc 4 24\nreset 1\n",
		&options);
	explain = explain_new(world.replay);
	assert_non_null(explain);
	expect_event(explain, "replayed as stl, not aset; no block yet", -1, 0, 0, 0);
	/* 2 * 20 * 24 bytes are taken. */
	expect_event(explain,
		"24 B, slack 4; block 1, 960 B from the system; carved, block 1; "
		"19 more cut for its list",
		2, 24, 19, 0);
	expect_event(explain, "from its list, as it was cut", 2, 24, 18, 0);
	expect_event(explain, "pushed in front", 2, 24, 19, 1);
	expect_event(explain, "REUSED the place of #1; slack 7", 2, 24, 18, 0);
	/* 480 bytes are left: fifteen of 32. */
	expect_event(
		explain, "32 B, slack 2; carved, block 1; 14 more cut for its list", 3, 32, 14, 0);
	expect_event(explain, "of no size of the pool: a block of its own, 200 B from the system",
		-1, 0, 0, 0);
	expect_event(explain, "block of 200 B straight back to the system", -1, 0, 0, 0);
	expect_event(explain, "fits its 32 B: slack 2 becomes 7", -1, 0, 0, 0);
	explain_free(explain);
	world_close(&world);
}

/* Every event of some traces, and every block and chunk that can be looked at. */
static void everything_can_be_looked_at(void **state)
{
	(void)state;
	for (int i = 0; i < TRACES * TEXTS; i++) {
		struct setting setting = setting_of(texts[i % TEXTS]);
		struct world world = open_file(
			traces[i / TEXTS], &setting, &(struct replay_options){.memory = 0});
		struct explain *explain = explain_new(world.replay);
		struct explain_event event;
		int got;

		assert_non_null(explain);
		while ((got = explain_next(explain, &event, &world.error)) == 1 &&
			event.number < 3000) {
			struct look look = {
				world.replay, explain, replay_context(world.replay, event.context)};
			struct look_block blocks[4];
			struct look_chunk chunk;
			uint8_t parts[40];

			assert_true(*event.did != '\0' || event.event.op == TRACE_IDENT);
			if (look.ctx == NULL || look_blocks(&look, 0, blocks, 4) == 0)
				continue;
			look_map(&look, &blocks[0], 40, parts);
			if (look_chunk_at(&look, &blocks[0], blocks[0].info.size / 2, &chunk))
				assert_true(chunk.offset + chunk.info.size <= blocks[0].info.size);
			if (look_chunk_changed(&look, &event, &chunk) &&
				event.event.op == TRACE_ALLOC)
				assert_int_equal(chunk.who.id, event.event.chunk);
		}
		assert_in_range(got, 0, 1);
		explain_free(explain);
		world_close(&world);
	}
}

/* ---- Limits and seeking ------------------------------------------------------------------ */

static void memory_is_bounded(void **state)
{
	static const uint64_t bounds[] = {1, 1000, 20000, 300000, 700000};

	(void)state;
	for (int i = 0; i < 5 * TEXTS; i++) {
		struct setting setting = setting_of(texts[i % TEXTS]);
		struct world world = open_file("traces/pg_pgbench.trace", &setting,
			&(struct replay_options){.memory = bounds[i / TEXTS]});

		assert_int_equal(world_run(&world, END), -1);
		assert_int_equal(world.error.status, 3);
		assert_non_null(strstr(world.error.message, "--memory"));
		assert_true(world.replay->total <= bounds[i / TEXTS]);
		world_close(&world);
	}
}

static uint64_t total_after(const char *path, const struct setting *setting, uint64_t event)
{
	struct world world = open_file(path, setting, &(struct replay_options){.memory = 0});
	uint64_t total;

	assert_true(world_run(&world, event) >= 0);
	total = world_now(&world).figures.total_bytes + world_now(&world).figures.freelist_bytes;
	world_close(&world);
	return total;
}

static void seeking_goes_anywhere(void **state)
{
	static const uint64_t events[] = {15000, 3000, 9000, 8999, 19000, 1};
	const char *path = "traces/pg_pgbench.trace";

	(void)state;
	for (int i = 0; i < TEXTS; i++) {
		struct setting setting = setting_of(texts[i]);
		struct seek_options options = {
			.spacing = 500, .replay = {.settings = &setting, .nsettings = 1}};
		struct replay_error error;
		struct seek *seek = seek_open(path, &options, &error);

		if (seek == NULL)
			fail_msg("%s", error.message);
		for (size_t k = 0; k < sizeof events / sizeof *events; k++) {
			struct replay_moment now;

			assert_int_equal(seek_to(seek, events[k], &error), 1);
			seek_enter(seek);
			replay_now(seek_replay(seek), &now);
			seek_leave(seek);
			assert_int_equal(now.figures.total_bytes + now.figures.freelist_bytes,
				total_after(path, &setting, events[k]));
		}
		seek_close(seek);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_trace_through_both),
		cmocka_unit_test(some_contexts_only),
		cmocka_unit_test(events_are_told),
		cmocka_unit_test(everything_can_be_looked_at),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(seeking_goes_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
