/* SPDX-License-Identifier: MIT */
/*
 * What a replay makes of each line, by traces small enough to be followed by hand: counts, live
 * chunks and bytes, errors with their places, kinds, lost events, bases.
 */
#include "replay_support.h"

/* ---- Right traces ------------------------------------------------------------------------- */

/* The example of the format, event by event. */
static void the_example(void **unused)
{
	static const char text[] =
		HEAD "# two contexts, three chunks\n"
		     "create 1 - aset \"TopMemoryContext\" init=8192 max=8388608\n"
		     "create 2 1 aset \"MessageContext\"\n"
		     "ident 2 \"select 1\"\n"
		     "alloc 1 1 48\n"
		     "alloc 2 2 100\n"
		     "time 1500\n"
		     "realloc 2 400\n"
		     "alloc 2 3 9000 align=64\n"
		     "free 1\n"
		     "move 2 -\n"
		     "reset 2\n"
		     "delete 2\n";
	static const struct {
		uint64_t contexts, chunks, bytes, time;
	} after[] = {{0, 0, 0, SNAPSHOT_UNKNOWN}, {1, 0, 0, SNAPSHOT_UNKNOWN},
		{2, 0, 0, SNAPSHOT_UNKNOWN}, {2, 0, 0, SNAPSHOT_UNKNOWN},
		{2, 1, 48, SNAPSHOT_UNKNOWN}, {2, 2, 148, SNAPSHOT_UNKNOWN}, {2, 2, 448, 1500},
		{2, 3, 9448, 1500}, {2, 2, 9400, 1500}, {2, 2, 9400, 1500}, {2, 0, 0, 1500},
		{1, 0, 0, 1500}};
	const struct replay_counts *counts;
	struct world world;

	(void)unused;
	world_open(&world, text);
	for (uint64_t event = 0; event < 12; event++) {
		struct replay_moment now;

		assert_int_equal(world_run(&world, event), 1);
		now = world_now(&world);
		assert_int_equal(now.event, event);
		assert_int_equal(now.live_contexts, after[event].contexts);
		assert_int_equal(now.live_chunks, after[event].chunks);
		assert_int_equal(now.requested_bytes, after[event].bytes);
		assert_int_equal(now.figures.live_chunks, after[event].chunks);
		assert_int_equal(now.figures.requested_bytes, after[event].bytes);
		assert_int_equal(now.time_ns, after[event].time);
	}
	assert_int_equal(world_run(&world, END), 0);
	counts = replay_counts(world.replay);
	assert_int_equal(counts->events, 11);
	assert_int_equal(counts->ops[TRACE_CREATE], 2);
	assert_int_equal(counts->ops[TRACE_ALLOC], 3);
	assert_int_equal(counts->ops[TRACE_RESET], 1);
	assert_int_equal(counts->contexts_created, 2);
	assert_int_equal(counts->peak_live_chunks, 3);
	assert_int_equal(counts->peak_requested_bytes, 9448);
	assert_int_equal(counts->skipped, 0);
	assert_int_equal(counts->threads, 1);
	assert_int_equal(counts->empty_resets, 0);
	/* 48, 100 and 400 were carved (the second in its own place or anew), 9000 is large. */
	assert_int_equal(counts->large, 1);
	assert_true(counts->carved + counts->reused >= 2 && counts->carved >= 2);
	world_close(&world);
}

/* Siblings stand in order of creation, wherever and whenever they moved to; parents come first. */
static void order_is_creation(void **unused)
{
	static const char text[] = HEAD "create 10 - aset \"a\"\ncreate 9 - aset \"b\"\n"
					"create 8 10 aset \"c\"\ncreate 7 10 aset \"d\"\n"
					"create 6 8 aset \"e\"\n"
					"move 7 9\nmove 8 9\nmove 6 -\nmove 10 6\nmove 9 6\n"
					"move 7 6\nmove 7 -\n";
	struct world world;

	(void)unused;
	world_open(&world, text);
	assert_int_equal(world_run(&world, 5), 1);
	assert_string_equal(world_tree(replay_snapshot(world.replay)), "10 .8 ..6 .7 9");
	assert_int_equal(world_run(&world, 7), 1);
	assert_string_equal(world_tree(replay_snapshot(world.replay)), "10 9 .8 ..6 .7");
	assert_int_equal(world_run(&world, 10), 1);
	assert_string_equal(world_tree(replay_snapshot(world.replay)), "6 .10 .9 ..8 ..7");
	assert_int_equal(world_run(&world, END), 0);
	assert_string_equal(world_tree(replay_snapshot(world.replay)), "7 6 .10 .9 ..8");
	world_close(&world);
}

/* A class rounds up to its size; a large chunk's slack is of no class. */
static void slack_is_known_by_class(void **unused)
{
	static const char text[] =
		HEAD "create 1 - aset \"a\"\n"
		     "alloc 1 1 20\nalloc 1 2 24\nalloc 1 3 100\nalloc 1 4 8190\n"
		     "base 1 30 3\nalloc 1 5 20001\nrealloc 3 128\nfree 1\nreset 1\n";
	/* Of 32, 128 and 8192 bytes: event after event. */
	static const uint64_t slack[][3] = {{0, 0, 0}, {0, 0, 0}, {12, 0, 0}, {20, 0, 0},
		{20, 28, 0}, {20, 28, 2}, {26, 28, 2}, {26, 28, 2}, {26, 0, 2}, {14, 0, 2},
		{0, 0, 0}};
	struct world world;

	(void)unused;
	world_open(&world, text);
	for (uint64_t event = 0; event < sizeof(slack) / sizeof(*slack); event++) {
		struct replay_moment now;

		world_run(&world, event);
		now = world_now(&world);
		assert_int_equal(now.event, event);
		assert_int_equal(now.figures.classes[2].slack, slack[event][0]);
		assert_int_equal(now.figures.classes[4].slack, slack[event][1]);
		assert_int_equal(now.figures.classes[10].slack, slack[event][2]);
	}
	world_close(&world);
}

static void ends_take_what_is_below(void **unused)
{
	static const char text[] = HEAD "create 1 - aset \"a\"\ncreate 2 1 aset \"b\"\n"
					"create 3 2 aset \"c\"\ncreate 4 1 aset \"d\"\n"
					"alloc 1 1 10\nalloc 2 2 20\nalloc 3 3 30\nalloc 4 4 40\n"
					"resetonly 2\n"      /* 2 goes */
					"deletechildren 2\n" /* 3 goes */
					"alloc 2 2 21\n"
					"reset 1\n" /* everything goes */
					"reset 1\nresetonly 1\n"
					"create 2 1 aset \"b\"\nalloc 2 4 1\nreset 1\n";
	struct replay_moment now;
	struct world world;

	(void)unused;
	world_open(&world, text);
	world_run(&world, 9);
	now = world_now(&world);
	assert_int_equal(now.live_chunks, 3);
	assert_int_equal(now.requested_bytes, 80);
	world_run(&world, 10);
	now = world_now(&world);
	assert_int_equal(now.live_contexts, 3);
	assert_int_equal(now.requested_bytes, 50);
	assert_string_equal(world_tree(replay_snapshot(world.replay)), "1 .2 .4");
	world_run(&world, 12);
	now = world_now(&world);
	assert_int_equal(now.live_contexts, 1);
	assert_int_equal(now.live_chunks, 0);
	assert_int_equal(now.requested_bytes, 0);
	assert_int_equal(world_run(&world, END), 0);
	/* The second reset and the resetonly; the last reset frees nothing of 1, but ends 2. */
	assert_int_equal(replay_counts(world.replay)->empty_resets, 2);
	world_close(&world);
}

static void stops_where_told(void **unused)
{
	static const char text[] = HEAD "create 1 - aset \"a\"\ntime 10\nalloc 1 1 8\n"
					"time 20\nthread 3\nalloc 1 2 8\nlost 4\ntime 20\n"
					"alloc 1 3 8\ntime 30\n";
	struct replay_error error;
	struct world world;

	(void)unused;
	world_open(&world, text);
	assert_int_equal(replay_run(world.replay, END, 9, &error), 1);
	assert_int_equal(world_now(&world).event, 1);
	assert_int_equal(world_now(&world).time_ns, SNAPSHOT_UNKNOWN);
	assert_int_equal(replay_run(world.replay, END, 10, &error), 1);
	assert_int_equal(world_now(&world).event, 2);
	assert_int_equal(world_now(&world).time_ns, 10);
	assert_int_equal(replay_run(world.replay, 1, END, &error), 1);
	assert_int_equal(world_now(&world).event, 2);
	assert_int_equal(replay_run(world.replay, 3, END, &error), 1);
	assert_int_equal(world_now(&world).time_ns, 20);
	assert_int_equal(replay_run(world.replay, END, 20, &error), 1);
	assert_int_equal(world_now(&world).event, 4);
	assert_int_equal(replay_run(world.replay, END, END, &error), 0);
	assert_int_equal(replay_counts(world.replay)->time_ns, 30);
	assert_int_equal(replay_counts(world.replay)->lost, 4);
	/* 0 made the first events. */
	assert_int_equal(replay_counts(world.replay)->threads, 2);
	assert_int_equal(replay_run(world.replay, END, END, &error), 0);
	world_close(&world);
}

static void peeks_at_the_next(void **unused)
{
	const struct trace_event *event;
	struct world world;

	(void)unused;
	world_open(&world, HEAD "create 1 - aset \"a\"\ntime 10\nthread 7\nalloc 1 1 8\ntime 11\n");
	assert_int_equal(replay_peek(world.replay, &event, &world.error), 1);
	assert_int_equal(event->op, TRACE_CREATE);
	assert_int_equal(world_run(&world, 1), 1);
	assert_int_equal(replay_peek(world.replay, &event, &world.error), 1);
	assert_int_equal(event->op, TRACE_ALLOC);
	assert_int_equal(event->line, 5);
	assert_int_equal(world_now(&world).time_ns, 10);
	assert_int_equal(world_now(&world).event, 1);
	assert_null(replay_chunk(world.replay, 1));
	assert_int_equal(world_run(&world, 2), 1);
	assert_int_equal(memctx_requested(replay_chunk(world.replay, 1)), 8);
	assert_ptr_equal(
		memctx_owner(replay_chunk(world.replay, 1)), replay_context(world.replay, 1));
	assert_null(replay_context(world.replay, 2));
	assert_int_equal(replay_peek(world.replay, &event, &world.error), 0);
	assert_int_equal(world_now(&world).time_ns, 11);
	world_close(&world);
}

/* ---- Errors ------------------------------------------------------------------------------- */

#define CONTEXTS "create 1 - aset \"a\"\ncreate 2 1 bump \"b\"\ncreate 3 2 slab \"c\" chunk=64\n"
#define CHUNKS "alloc 1 11 8\nalloc 2 12 8\nalloc 3 13 64\n"

/* Each follows CONTEXTS and CHUNKS, so it stands in line 8. */
static const struct {
	const char *line;
	uint64_t column;
	const char *message;
	enum replay_skip skip;
} misplaced[] = {
	{"free 4711", 6, "chunk 4711 is not live; expected the id of a live chunk",
		REPLAY_SKIP_DEAD_CHUNK},
	{" realloc\t0x1267 8", 10, "chunk 0x1267 is not live; expected the id of a live chunk",
		REPLAY_SKIP_DEAD_CHUNK},
	{"alloc 4 14 8", 7, "context 4 is not live; expected the id of a live context",
		REPLAY_SKIP_DEAD_CTX},
	{"ident 4 \"x\"", 7, "context 4 is not live; expected the id of a live context",
		REPLAY_SKIP_DEAD_CTX},
	{"reset 4", 7, "context 4 is not live; expected the id of a live context",
		REPLAY_SKIP_DEAD_CTX},
	{"resetonly 4", 11, "context 4 is not live; expected the id of a live context",
		REPLAY_SKIP_DEAD_CTX},
	{"delete 4", 8, "context 4 is not live; expected the id of a live context",
		REPLAY_SKIP_DEAD_CTX},
	{"deletechildren 4", 16, "context 4 is not live; expected the id of a live context",
		REPLAY_SKIP_DEAD_CTX},
	{"move 4 1", 6, "context 4 is not live; expected the id of a live context",
		REPLAY_SKIP_DEAD_CTX},
	{"move 3 4", 8, "context 4 is not live; expected the id of a live context, or -",
		REPLAY_SKIP_DEAD_CTX},
	{"create 5 4 aset \"x\"", 10,
		"context 4 is not live; expected the id of a live context, or -",
		REPLAY_SKIP_DEAD_CTX},
	{"create 5 5 aset \"x\"", 10,
		"context 5 is not live; expected the id of a live context, or -",
		REPLAY_SKIP_DEAD_CTX},
	{"base 4 8 1", 6, "context 4 is not live; expected the id of a live context",
		REPLAY_SKIP_DEAD_CTX},
	{"freebase 4 8", 10, "context 4 is not live; expected the id of a live context",
		REPLAY_SKIP_DEAD_CTX},
	{"create 2 1 aset \"x\"", 8,
		"context 2 is live already; expected an id that names no live context",
		REPLAY_SKIP_TAKEN},
	{"alloc 1 12 8", 9, "chunk 12 is live already; expected an id that names no live chunk",
		REPLAY_SKIP_TAKEN},
	{"realloc 11 8 12", 14, "chunk 12 is live already; expected an id that names no live chunk",
		REPLAY_SKIP_TAKEN},
	{"move 1 1", 8, "context 1 is the one to move, or below it; expected one outside of it",
		REPLAY_SKIP_CYCLE},
	{"move 1 3", 8, "context 3 is the one to move, or below it; expected one outside of it",
		REPLAY_SKIP_CYCLE},
	{"free 12", 6, "chunk 12 lives in a bump context; expected one that can be freed",
		REPLAY_SKIP_KIND_RULE},
	{"realloc 12 9", 9, "chunk 12 lives in a bump context; expected one that can be resized",
		REPLAY_SKIP_KIND_RULE},
	{"alloc 3 14 65", 12, "65 bytes in a slab; expected its chunk size, 64",
		REPLAY_SKIP_KIND_RULE},
	{"realloc 13 63", 12, "63 bytes in a slab; expected its chunk size, 64",
		REPLAY_SKIP_KIND_RULE},
	{"base 3 8 1", 8, "8 bytes in a slab; expected its chunk size, 64", REPLAY_SKIP_KIND_RULE},
	{"alloc 1 14 8 align=2147483648", 14,
		"an alignment of 2147483648; expected at most 1073741824", REPLAY_SKIP_KIND_RULE},
	{"freebase 1 8", 12,
		"no base chunk of 8 bytes lives there; expected a size that a base line "
		"made",
		REPLAY_SKIP_BASE},
	{"freebase 2 8", 10,
		"context 2 is of the kind bump; expected one whose chunks can be freed",
		REPLAY_SKIP_KIND_RULE},
};

static void errors_have_their_place(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(misplaced) / sizeof(*misplaced); i++) {
		for (int mode = 0; mode < 4; mode++) {
			struct replay_options options = {.dry = mode & 1, .keep_going = mode & 2};
			struct replay_moment before, after;
			struct world world;
			char text[1000];

			snprintf(text, sizeof(text), HEAD CONTEXTS CHUNKS "%s\nfree 11\n",
				misplaced[i].line);
			world_open_with(&world, text, &options);
			assert_int_equal(world_run(&world, 6), 1);
			before = world_now(&world);
			if (options.keep_going) {
				assert_int_equal(world_run(&world, END), 0);
				assert_int_equal(replay_counts(world.replay)->events, 8);
				assert_int_equal(replay_counts(world.replay)->skipped, 1);
				assert_int_equal(
					replay_counts(world.replay)->skips[misplaced[i].skip], 1);
				assert_int_equal(world_now(&world).live_chunks, 2);
				world_close(&world);
				continue;
			}
			assert_int_equal(world_run(&world, END), -1);
			assert_int_equal(world.error.status, 1);
			assert_int_equal(world.error.line, 8);
			assert_int_equal(world.error.column, misplaced[i].column);
			assert_string_equal(world.error.message, misplaced[i].message);
			after = world_now(&world);
			assert_memory_equal(&before, &after, sizeof(before));
			/* It stays the next event. */
			assert_int_equal(world_run(&world, END), -1);
			assert_int_equal(world.error.line, 8);
			world_close(&world);
		}
	}
}

static void lines_in_error_are_passed_over(void **unused)
{
	static const char text[] = HEAD "create 1 - aset \"a\"\nfrob 1\nalloc 1 x 8\n"
					"\talloc 1 1 8 9\ntime x\ntime 5\ntime 4\nalloc 1 2 16\n"
					"free 9\nfree 1\nallocx 1\n";
	const struct replay_counts *counts;
	struct world world;

	(void)unused;
	world_open_with(&world, text, &(struct replay_options){.keep_going = true});
	assert_int_equal(world_run(&world, END), 0);
	counts = replay_counts(world.replay);
	/* create, two allocs in error, one that is right, two frees of nothing. */
	assert_int_equal(counts->events, 6);
	assert_int_equal(counts->skips[REPLAY_SKIP_SYNTAX], 6);
	assert_int_equal(counts->skips[REPLAY_SKIP_DEAD_CHUNK], 2);
	assert_int_equal(counts->skipped, 8);
	assert_int_equal(counts->ops[TRACE_ALLOC], 1);
	assert_int_equal(counts->ops[TRACE_FREE], 0);
	assert_int_equal(counts->time_ns, 5);
	world_close(&world);

	world_open(&world, text);
	assert_int_equal(world_run(&world, END), -1);
	assert_int_equal(world.error.status, 1);
	assert_int_equal(world.error.line, 3);
	assert_int_equal(world.error.column, 1);
	assert_int_equal(world_now(&world).event, 1);
	world_close(&world);
}

/* ---- Ids, kinds, lost events, bases ------------------------------------------------------- */

static void ids_are_any_numbers(void **unused)
{
	/* One number names a context and a chunk; 0 and the greatest are ids; ids come again. */
	static const char text[] =
		HEAD "create 0 - aset \"a\"\nalloc 0 0 1\n"
		     "create 0xffffffffffffffff 0 aset \"b\"\n"
		     "alloc 18446744073709551615 18446744073709551615 2\n"
		     "realloc 0 3 18446744073709551614\nalloc 0 0 4\n"
		     "realloc 18446744073709551614 5 18446744073709551614\n"
		     "delete 18446744073709551615\nalloc 0 18446744073709551615 6\n"
		     "free 0\nreset 0\nalloc 0 0 7\nalloc 0 18446744073709551614 8\n";
	static const uint64_t bytes[] = {0, 0, 1, 1, 3, 5, 9, 11, 9, 15, 11, 0, 7, 15};
	struct world world;

	(void)unused;
	world_open(&world, text);
	for (uint64_t event = 1; event < sizeof(bytes) / sizeof(*bytes); event++) {
		assert_int_equal(world_run(&world, event), 1);
		assert_int_equal(world_now(&world).requested_bytes, bytes[event]);
		assert_int_equal(world_now(&world).figures.requested_bytes, bytes[event]);
	}
	assert_int_equal(world_run(&world, END), 0);
	world_close(&world);
}

static void kinds_are_their_own(void **unused)
{
	struct snapshot *snapshot;
	struct world world;

	(void)unused;
	world_open(&world, HEAD CONTEXTS CHUNKS
		"create 4 - generation \"d\" init=1024 max=8192\nalloc 4 4 100\n"
		"realloc 4 200\nfree 4\nrealloc 13 64 14\nfree 14\nreset 2\n"
		"base 2 8 3\n");
	assert_int_equal(world_run(&world, 11), 1);
	snapshot = replay_snapshot(world.replay);
	assert_int_equal(snapshot->n, 4);
	assert_int_equal(snapshot->kinds_replaced, 0);
	assert_int_equal(memctx_kind_of(replay_context(world.replay, 4)), MEMCTX_GENERATION);
	assert_int_equal(memctx_check(replay_root(world.replay), NULL, NULL), 0);
	assert_string_equal(snapshot_string(snapshot, snapshot->contexts[0].kind), "aset");
	assert_string_equal(snapshot_string(snapshot, snapshot->contexts[1].kind), "bump");
	assert_string_equal(snapshot_string(snapshot, snapshot->contexts[2].kind), "slab");
	assert_string_equal(snapshot_string(snapshot, snapshot->contexts[3].kind), "generation");
	assert_int_equal(snapshot->contexts[3].own.reallocs, 1);
	assert_int_equal(snapshot->contexts[3].own.frees, 1);
	snapshot_free(snapshot);
	assert_int_equal(world_run(&world, END), 0);
	assert_int_equal(replay_counts(world.replay)->kinds_replaced, 0);
	assert_int_equal(world_now(&world).live_chunks, 4);
	world_close(&world);
}

static void after_lost_events(void **unused)
{
	static const char text[] =
		HEAD "create 1 - aset \"a\"\ncreate 2 1 bump \"b\"\ncreate 3 2 aset \"c\"\n"
		     "alloc 1 1 10\nalloc 2 2 20\nalloc 3 3 30\n"
		     "lost 7\n"
		     "free 9\nrealloc 9 5 10\n" /* 8: skipped */
		     "alloc 1 2 40\n"           /* 9: takes 2 over, though its context is bump */
		     "alloc 3 3 50\n"           /* 10: and 3, in its own context */
		     "create 2 1 aset \"d\"\n"  /* 11: takes over 2, with 3 below it */
		     "lost 1\n"
		     "alloc 2 3 60\n"
		     "create 5 2 aset \"e\"\n";
	static const struct {
		uint64_t event, contexts, chunks, bytes;
	} after[] = {{6, 3, 3, 60}, {8, 3, 3, 60}, {9, 3, 3, 80}, {10, 3, 3, 100}, {11, 2, 2, 50},
		{12, 2, 3, 110}, {13, 3, 3, 110}};
	const struct replay_counts *counts;
	struct world world;

	(void)unused;
	world_open(&world, text);
	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++) {
		struct replay_moment now;

		assert_int_equal(world_run(&world, after[i].event), 1);
		now = world_now(&world);
		assert_int_equal(now.live_contexts, after[i].contexts);
		assert_int_equal(now.live_chunks, after[i].chunks);
		assert_int_equal(now.requested_bytes, after[i].bytes);
	}
	assert_int_equal(world_run(&world, END), 0);
	counts = replay_counts(world.replay);
	assert_int_equal(counts->skips[REPLAY_SKIP_AFTER_LOST], 2);
	assert_int_equal(counts->skipped, 2);
	assert_int_equal(counts->ops[TRACE_FREE], 0);
	assert_int_equal(counts->lost, 8);
	assert_string_equal(world_tree(replay_snapshot(world.replay)), "1 .2 ..5");
	world_close(&world);
}

/* What is taken over ends first, so nothing new can stand below it; other errors stay errors. */
static void after_lost_errors(void **unused)
{
	static const struct {
		const char *line;
		uint64_t column;
	} cases[] = {{"create 2 2 aset \"x\"", 10}, {"create 2 3 aset \"x\"", 10},
		{"create 9 8 aset \"x\"", 10}, {"reset 8", 7}, {"realloc 1 5 3", 13}, {"free 2", 6},
		{"freebase 1 8", 12}, {"move 2 3", 8}};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world world;
		char text[600];

		snprintf(text, sizeof(text),
			HEAD "create 1 - aset \"a\"\ncreate 2 1 bump \"b\"\ncreate 3 2 aset \"c\"\n"
			     "alloc 1 1 10\nalloc 2 2 20\nalloc 3 3 30\nlost 1\n%s\n",
			cases[i].line);
		world_open(&world, text);
		assert_int_equal(world_run(&world, END), -1);
		assert_int_equal(world.error.line, 9);
		assert_int_equal(world.error.column, cases[i].column);
		assert_int_equal(world_now(&world).live_chunks, 3);
		assert_int_equal(world_now(&world).live_contexts, 3);
		world_close(&world);
	}
}

static void bases_are_counted_by_size(void **unused)
{
	static const char text[] = HEAD "create 1 - aset \"a\"\ncreate 2 1 aset \"b\"\n"
					"base 1 100 3\nbase 1 10000 2\nbase 2 100 1\nbase 1 0 1\n"
					"base 1 8 0\n"
					"freebase 1 100\nfreebase 1 100\nfreebase 1 10000\n"
					"freebase 1 0\nfreebase 1 100\nbase 1 100 2\n"
					"freebase 2 100\nalloc 1 5 7\nreset 1\nfreebase 1 100\n";
	static const uint64_t chunks[] = {0, 0, 0, 3, 5, 6, 7, 7, 6, 5, 4, 3, 2, 4, 3, 4, 0};
	static const uint64_t bytes[] = {0, 0, 0, 300, 20300, 20400, 20400, 20400, 20300, 20200,
		10200, 10200, 10100, 10300, 10200, 10207, 0};

	(void)unused;
	for (int dry = 0; dry < 2; dry++) {
		struct world world;

		world_open_with(&world, text, &(struct replay_options){.dry = dry});
		for (uint64_t event = 1; event < sizeof(bytes) / sizeof(*bytes); event++) {
			assert_int_equal(world_run(&world, event), 1);
			assert_int_equal(world_now(&world).live_chunks, chunks[event]);
			assert_int_equal(world_now(&world).requested_bytes, bytes[event]);
			assert_int_equal(world_now(&world).figures.live_chunks, chunks[event]);
		}
		/* The reset took the last of them. */
		assert_int_equal(world_run(&world, END), -1);
		assert_int_equal(world.error.line, 18);
		assert_int_equal(world.error.column, 12);
		assert_int_equal(replay_counts(world.replay)->peak_requested_bytes, 20400);
		assert_int_equal(replay_counts(world.replay)->peak_live_chunks, 7);
		if (!dry)
			assert_int_equal(replay_counts(world.replay)->large, 2);
		world_close(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example),
		cmocka_unit_test(order_is_creation),
		cmocka_unit_test(slack_is_known_by_class),
		cmocka_unit_test(ends_take_what_is_below),
		cmocka_unit_test(stops_where_told),
		cmocka_unit_test(peeks_at_the_next),
		cmocka_unit_test(errors_have_their_place),
		cmocka_unit_test(lines_in_error_are_passed_over),
		cmocka_unit_test(ids_are_any_numbers),
		cmocka_unit_test(kinds_are_their_own),
		cmocka_unit_test(after_lost_events),
		cmocka_unit_test(after_lost_errors),
		cmocka_unit_test(bases_are_counted_by_size),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
