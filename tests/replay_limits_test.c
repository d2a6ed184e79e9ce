/* SPDX-License-Identifier: MIT */
/*
 * A replay at its limits: the peak, the memory bound, sizes and options that cannot be, trees deep
 * and wide, tables that must follow what lives, ids and eras that run out.
 */
#include "replay_support.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/replay_inner.h"

/* A trace that grows. */
struct text {
	char *bytes;
	size_t size, room;
};

static void text_add(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void text_add(struct text *text, const char *format, ...)
{
	va_list args;

	if (text->room - text->size < 400) {
		text->room = text->room * 2 + 4096;
		text->bytes = realloc(text->bytes, text->room);
		assert_non_null(text->bytes);
	}
	va_start(args, format);
	text->size += (size_t)vsnprintf(text->bytes + text->size, 400, format, args);
	va_end(args);
}

/* ---- The peak ----------------------------------------------------------------------------- */

static const struct snapshot_context *find(const struct snapshot *snapshot, uint64_t id)
{
	for (size_t i = 0; i < snapshot->n; i++) {
		if (snapshot->contexts[i].id == id)
			return &snapshot->contexts[i];
	}
	return NULL;
}

/* All that events may change of a context after the peak, or before a greater one. */
static void the_peak_is_kept(void **unused)
{
	static const char text[] =
		HEAD "create 1 - aset \"one\" ident=\"first\"\ncreate 2 1 aset \"two\"\n"
		     "create 3 2 aset \"three\"\ncreate 4 1 aset \"four\"\n"
		     "alloc 1 1 100000\nalloc 2 2 100\nalloc 3 3 100\n"
		     "time 77\nalloc 4 4 300000\n" /* 8: the peak */
		     "ident 1 \"second\"\nident 1 \"third\"\nmove 3 1\nfree 1\nfree 2\n"
		     "create 5 1 aset \"five\"\nmove 4 3\ndelete 3\ncreate 3 1 aset \"other\"\n"
		     "delete 1\n";
	const struct snapshot_context *context;
	struct replay_moment peak;
	struct snapshot *snapshot;
	struct world world;
	uint64_t total;

	(void)unused;
	world_open(&world, text);
	world_run(&world, 8);
	total = world_now(&world).figures.total_bytes;
	assert_true(total > 400000);
	assert_int_equal(world_run(&world, END), 0);
	assert_int_equal(world_now(&world).figures.total_bytes, 0);
	peak = world_peak(&world);
	assert_int_equal(peak.event, 8);
	assert_int_equal(peak.time_ns, 77);
	assert_int_equal(peak.live_contexts, 4);
	assert_int_equal(peak.live_chunks, 4);
	assert_int_equal(peak.requested_bytes, 400200);
	assert_int_equal(peak.figures.requested_bytes, 400200);
	assert_int_equal(peak.figures.total_bytes, total);
	assert_string_equal(world_tree(replay_snapshot(world.replay)), "");
	assert_string_equal(world_tree(replay_snapshot_peak(world.replay)), "1 .2 ..3 .4");
	snapshot = replay_snapshot_peak(world.replay);
	assert_int_equal(snapshot->event, 8);
	assert_int_equal(snapshot->events, 18);
	context = find(snapshot, 1);
	assert_string_equal(snapshot_string(snapshot, context->ident), "first");
	assert_int_equal(context->own.requested_bytes, 100000);
	assert_int_equal(context->own.frees, 0);
	context = find(snapshot, 3);
	assert_string_equal(snapshot_string(snapshot, context->name), "three");
	assert_int_equal(context->own.requested_bytes, 100);
	snapshot_free(snapshot);
	world_close(&world);
}

/* The first of equal totals; a chunk that grew large counts as large when it goes. */
static void the_first_of_the_greatest(void **unused)
{
	static const char text[] =
		HEAD "create 1 - aset \"a\" init=8192 max=8388608\nalloc 1 1 10\n"
		     "realloc 1 1000000\n" /* 3: the peak */
		     "free 1\nalloc 1 2 500000\nfree 2\nalloc 1 1 1000000\nfree 1\n"
		     "alloc 1 3 400000\nrealloc 3 8\nalloc 1 4 900000\n";
	struct world world;
	uint64_t most;

	(void)unused;
	world_open(&world, text);
	assert_int_equal(world_run(&world, 3), 1);
	most = world_now(&world).figures.total_bytes;
	assert_int_equal(world_run(&world, 7), 1);
	assert_int_equal(world_now(&world).figures.total_bytes, most);
	assert_int_equal(world_run(&world, END), 0);
	assert_int_equal(world_peak(&world).event, 3);
	assert_int_equal(world_peak(&world).figures.total_bytes, most);
	assert_int_equal(world_peak(&world).live_chunks, 1);
	world_close(&world);
}

static void no_events_no_peak(void **unused)
{
	struct world world;

	(void)unused;
	world_open(&world, HEAD "time 5\n");
	assert_int_equal(world_run(&world, END), 0);
	assert_int_equal(world_peak(&world).event, 0);
	assert_int_equal(world_peak(&world).figures.total_bytes, 0);
	assert_int_equal(world_now(&world).time_ns, 5);
	assert_string_equal(world_tree(replay_snapshot_peak(world.replay)), "");
	world_close(&world);
}

/* ---- Memory ------------------------------------------------------------------------------- */

static void the_bound_holds(void **unused)
{
	/* Each stands in line 5, with --memory 1M and some 10K in use. */
	static const struct {
		const char *line;
		uint64_t column;
	} cases[] = {
		{"alloc 1 2 6597069766656", 11},
		{"alloc 1 2 18446744073709551615", 11},
		{"alloc 1 2 1045000", 11},
		{"alloc 1 2 9 align=1073741824", 11},
		{"realloc 1 1100000", 11},
		{"realloc 1 18446744073709551615 7", 11},
		{"base 1 1000 1000000000000", 13},
		{"base 1 0 18446744073709551615", 10},
		{"base 1 5000 150", 13},
		{"create 2 1 aset \"x\" init=2000000", 1},
		{"create 2 1 aset \"x\" min=2000000", 1},
		{"create 2 1 aset \"x\" init=18446744073709551615", 1},
		{"create 2 1 generation \"x\" init=18446744073709551615", 1},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (int dry = 0; dry < 2; dry++) {
			struct replay_options options = {
				.memory = 1 << 20, .dry = dry, .keep_going = i % 2 == 1};
			struct replay_moment before, after;
			struct world world;
			char text[300];

			snprintf(text, sizeof(text),
				HEAD "create 1 - aset \"a\"\n\nalloc 1 1 1000\n%s\n",
				cases[i].line);
			world_open_with(&world, text, &options);
			assert_int_equal(world_run(&world, 2), 1);
			before = world_now(&world);
			assert_int_equal(world_run(&world, END), dry ? 0 : -1);
			if (!dry) {
				assert_int_equal(world.error.status, 3);
				assert_int_equal(world.error.line, 5);
				assert_int_equal(world.error.column, cases[i].column);
				assert_non_null(strstr(world.error.message,
					" available; --memory sets the limit"));
				after = world_now(&world);
				assert_int_equal(after.event, 2);
				assert_int_equal(after.live_chunks, 1);
				assert_int_equal(after.figures.live_chunks, 1);
				assert_int_equal(after.figures.requested_bytes, 1000);
				/* A base was counted chunk by chunk before its bound was met. */
				if (strncmp(cases[i].line, "base", 4) != 0)
					assert_memory_equal(&before, &after, sizeof(before));
			}
			world_close(&world);
		}
	}
}

static void messages_tell_how_much(void **unused)
{
	struct world world;

	(void)unused;
	world_open_with(&world, HEAD "create 1 - aset \"a\"\nalloc 1 1 6597069766656\n",
		&(struct replay_options){.memory = (uint64_t)3277 << 20});
	assert_int_equal(world_run(&world, END), -1);
	assert_string_equal(
		world.error.message, "6.00T needed, 3.20G available; --memory sets the limit");
	world_close(&world);
	/* What would look the same is said to the byte: the context takes some of it already. */
	world_open_with(&world, HEAD "create 1 - aset \"a\" init=8192\nalloc 1 1 1045000\n",
		&(struct replay_options){.memory = 1048576});
	assert_int_equal(world_run(&world, END), -1);
	assert_non_null(strstr(world.error.message, "1,048,576 available"));
	world_close(&world);
}

/* The library's own blocks are bound, too: many small chunks stop where the bound is. */
static void small_chunks_meet_the_bound(void **unused)
{
	struct text text = {0};
	struct world world;
	struct replay_moment now;

	(void)unused;
	text_add(&text, HEAD "create 1 - aset \"a\"\n");
	for (int i = 0; i < 20000; i++)
		text_add(&text, "alloc 1 %d 100\n", i);
	world_open_with(&world, text.bytes, &(struct replay_options){.memory = 1 << 20});
	assert_int_equal(world_run(&world, END), -1);
	assert_int_equal(world.error.status, 3);
	assert_int_equal(world.error.line, world_now(&world).event + 2);
	now = world_now(&world);
	assert_true(now.figures.total_bytes <= 1 << 20);
	assert_true(now.figures.total_bytes > 1 << 18);
	assert_non_null(strstr(world.error.message, "--memory sets the limit"));
	world_close(&world);
	free(text.bytes);
}

enum { MANY = 40001 };

/* Every context is there under its name; GONE of I mod 3 have no chunk any more. */
static void check_many(struct snapshot *snapshot, uint64_t gone)
{
	char ident[16], why[200];

	assert_non_null(snapshot);
	assert_int_equal(snapshot->n, MANY);
	if (!snapshot_valid(snapshot, why, sizeof(why)))
		fail_msg("%s", why);
	for (size_t i = 1; i < snapshot->n; i++) {
		const struct snapshot_context *context = &snapshot->contexts[i];

		snprintf(ident, sizeof(ident), "%d", (int)context->id);
		assert_string_equal(snapshot_string(snapshot, context->ident), ident);
		assert_int_equal(snapshot->contexts[context->parent].id, context->id / 8 + 1);
		assert_int_equal(context->own.requested_bytes,
			context->id % 3 < gone ? 0 : context->id % 500 + 1);
	}
	snapshot_free(snapshot);
}

/* Tables grow and move with all that is in them; what is put aside is of the latest peak. */
static void many_contexts_at_two_peaks(void **unused)
{
	struct text text = {0};
	struct world world;

	(void)unused;
	text_add(&text, HEAD "create 1 - aset \"top\"\n");
	for (int i = 2; i <= MANY; i++)
		text_add(&text, "create %d %d aset \"c\" init=1024 ident=\"%d\"\nalloc %d %d %d\n",
			i, i / 8 + 1, i, i, i, i % 500 + 1);
	for (int gone = 0; gone < 2; gone++) {
		text_add(&text, "alloc 1 %d %d\n", MANY + 1 + gone, 4000000);
		for (int i = 2; i <= MANY; i++)
			if (i % 3 == gone)
				text_add(&text, "free %d\n", i);
	}
	world_open(&world, text.bytes);
	assert_int_equal(world_run(&world, END), 0);
	check_many(replay_snapshot(world.replay), 2);
	check_many(replay_snapshot_peak(world.replay), 1);
	world_close(&world);
	free(text.bytes);
}

static void a_dry_replay_counts_anything(void **unused)
{
	static const char text[] =
		HEAD "create 1 - aset \"a\"\nalloc 1 1 6597069766656\nbase 1 64 1000000000000\n"
		     "realloc 1 9000000000000\nfreebase 1 64\n";
	static const char beyond[] =
		HEAD "create 1 - aset \"a\"\nalloc 1 1 18446744073709551615\n"
		     "alloc 1 2 18446744073709551615\nbase 1 5 18446744073709551615\n"
		     "base 1 5 18446744073709551615\nfreebase 1 5\nreset 1\nalloc 1 1 3\nfree 1\n"
		     "resetonly 1\nalloc 1 2 3\n";
	struct world world;

	(void)unused;
	world_open_with(&world, text, &(struct replay_options){.dry = true, .memory = 1});
	assert_int_equal(world_run(&world, END), 0);
	assert_int_equal(world_now(&world).live_chunks, 1000000000000);
	assert_int_equal(
		world_now(&world).requested_bytes, 9000000000000 + 64 * (uint64_t)999999999999);
	assert_int_equal(replay_counts(world.replay)->peak_requested_bytes,
		9000000000000 + 64 * (uint64_t)1000000000000);
	assert_int_equal(world_now(&world).figures.total_bytes, SNAPSHOT_UNKNOWN);
	assert_int_equal(world_peak(&world).figures.total_bytes, SNAPSHOT_UNKNOWN);
	world_close(&world);
	/* Beyond 64 bits a sum is not known; events are judged all the same. */
	world_open_with(&world, beyond, &(struct replay_options){.dry = true});
	assert_int_equal(world_run(&world, END), 0);
	assert_int_equal(world_now(&world).requested_bytes, SNAPSHOT_UNKNOWN);
	assert_int_equal(replay_counts(world.replay)->peak_live_chunks, SNAPSHOT_UNKNOWN);
	assert_int_equal(replay_counts(world.replay)->empty_resets, 1);
	assert_int_equal(world_now(&world).figures.live_chunks, 1);
	world_close(&world);
}

static void any_options_can_be(void **unused)
{
	static const char *const keys[] = {"init=0", "max=0", "min=0", "init=0 max=0 min=0",
		"init=1", "max=1", "init=8192 max=1", "max=18446744073709551615",
		"init=1024 max=9223372036854775808", "init=7 max=13 min=5", "min=3000 max=1024",
		"init=100000 max=8192", "block=3 chunk=5", "init=8191 max=8193 min=1023"};

	(void)unused;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		static const char *const kinds[] = {"aset", "slab", "generation", "bump"};
		struct text text = {0};
		struct world world;

		text_add(&text, HEAD);
		for (int kind = 0; kind < 4; kind++) {
			bool has_chunk = strstr(keys[i], "chunk") != NULL;

			text_add(&text, "create %d - %s \"x\" %s%s\n", kind, kinds[kind], keys[i],
				kind == 1 && !has_chunk ? " chunk=5" : "");
			for (int chunk = 0; chunk < 100; chunk++)
				text_add(&text, "alloc %d %d %d\n", kind, kind * 100 + chunk,
					kind == 1 ? 5 : chunk * 37);
		}
		world_open_with(&world, text.bytes, &(struct replay_options){.memory = 1 << 26});
		if (world_run(&world, END) != 0)
			fail_msg("%s: line %d: %s", keys[i], (int)world.error.line,
				world.error.message);
		assert_int_equal(world_now(&world).live_chunks, 400);
		assert_int_equal(world_now(&world).figures.live_chunks, 400);
		world_close(&world);
		free(text.bytes);
	}
}

/* Under a limit of the process's data the machine's bound is below it. */
static void the_machine_is_asked(void **unused)
{
	pid_t child;
	int status;

	(void)unused;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* its own memory is over any such limit */
#endif
	assert_true(replay_machine_memory() > 0);
	assert_true(replay_machine_memory() < UINT64_MAX / 2);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		uint64_t before = replay_machine_memory();
		struct rlimit limit = {(rlim_t)4 << 30, (rlim_t)4 << 30};

		if (setrlimit(RLIMIT_DATA, &limit) != 0)
			_exit(2);
		_exit(replay_machine_memory() <= ((uint64_t)4 << 30) &&
					replay_machine_memory() <= before
				? 0
				: 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- Many and deep ------------------------------------------------------------------------ */

#define MANY 100000

static void deep_and_wide(void **unused)
{
	(void)unused;
	for (int wide = 0; wide < 2; wide++) {
		struct text text = {0};
		struct snapshot *snapshot;
		struct world world;
		char message[200];

		text_add(&text, HEAD "create 0 - aset \"x\"\n");
		for (int i = 1; i < MANY; i++)
			text_add(&text, "create %d %d aset \"x\" init=1024\n", i, wide ? 0 : i - 1);
		text_add(&text, "alloc %d 1 8\nmove %d 0\ndeletechildren 0\ndelete 0\n", MANY - 1,
			MANY / 2);
		world_open(&world, text.bytes);
		assert_int_equal(world_run(&world, MANY + 2), 1);
		assert_int_equal(world_now(&world).live_contexts, MANY);
		assert_int_equal(world_run(&world, MANY + 3), 1);
		assert_int_equal(world_now(&world).live_contexts, 1);
		assert_int_equal(world_now(&world).live_chunks, 0);
		assert_int_equal(world_run(&world, END), 0);
		assert_int_equal(world_now(&world).live_contexts, 0);
		snapshot = replay_snapshot_peak(world.replay);
		assert_non_null(snapshot);
		assert_true(snapshot_valid(snapshot, message, sizeof(message)));
		assert_int_equal(snapshot->n, MANY);
		assert_int_equal(snapshot->contexts[MANY - 1].level, wide ? 2 : MANY);
		snapshot_free(snapshot);
		world_close(&world);
		free(text.bytes);
	}
}

/* Chunks that a reset ended leave their table without a walk, and ids that come again are new. */
static void tables_follow_what_lives(void **unused)
{
	struct text text = {0};
	struct world world;

	(void)unused;
	text_add(&text, HEAD "create 1 - aset \"x\"\ncreate 2 - aset \"y\"\nalloc 2 7000000 5\n");
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 1000; i++)
			text_add(&text, "alloc 1 %d 8\n", round * 1000 + i);
		text_add(&text, "reset 1\n");
	}
	text_add(&text, "free 7000000\n");
	world_open(&world, text.bytes);
	assert_int_equal(world_run(&world, END), 0);
	assert_int_equal(replay_counts(world.replay)->peak_live_chunks, 1001);
	assert_true(idmap_bytes(&world.replay->chunks) <= 8192 * sizeof(struct idmap_entry));
	world_close(&world);
	text.size = 0;
	text_add(&text, HEAD);
	for (int i = 0; i < 5000; i++)
		text_add(&text, "create 1 - aset \"x\" init=1024\nident 1 \"%d\"\ndelete 1\n", i);
	world_open(&world, text.bytes);
	assert_int_equal(world_run(&world, END), 0);
	/* The second of them, and the peak's. */
	assert_true(world.replay->nodes.end <= 4);
	world_close(&world);
	free(text.bytes);
}

/* A table of live chunks that no longer fits is given back. */
static void tables_shrink(void **unused)
{
	struct text text = {0};
	struct world world;
	size_t most;

	(void)unused;
	text_add(&text, HEAD "create 1 - aset \"x\"\n");
	for (int i = 0; i < MANY; i++)
		text_add(&text, "alloc 1 %d 8\n", i);
	for (int i = 0; i < MANY - 5; i++)
		text_add(&text, "free %d\n", i);
	world_open(&world, text.bytes);
	assert_int_equal(world_run(&world, MANY + 1), 1);
	most = idmap_bytes(&world.replay->chunks);
	assert_true(most >= MANY * sizeof(struct idmap_entry));
	assert_int_equal(world_run(&world, END), 0);
	assert_true(idmap_bytes(&world.replay->chunks) < most / 100);
	assert_int_equal(world_now(&world).live_chunks, 5);
	world_close(&world);
	free(text.bytes);
}

/* When a node's eras are used up, chunks of its first one must not come back to life. */
static void eras_run_out(void **unused)
{
	static const char text[] = HEAD "create 1 - aset \"x\"\ncreate 2 - aset \"y\"\n"
					"alloc 1 1 8\nreset 1\nalloc 1 2 8\nalloc 2 5 8\nreset 1\n"
					"alloc 1 3 8\nreset 1\nalloc 1 4 8\nfree 1\n";
	struct world world;
	uint32_t at;

	(void)unused;
	world_open(&world, text);
	assert_int_equal(world_run(&world, 4), 1);
	at = nodes_find(&world.replay->nodes, 1);
	/* 1 lived in era 0; the next reset but one begins it again. */
	assert_int_equal(world.replay->nodes.hot[at].era, 1);
	world.replay->nodes.hot[at].era = IDMAP_LAST_ERA - 2;
	assert_int_equal(world_run(&world, 7), 1);
	assert_int_equal(world.replay->nodes.hot[at].era, IDMAP_LAST_ERA - 1);
	assert_int_equal(world.replay->chunks.used, 3);
	assert_int_equal(world_run(&world, 9), 1);
	assert_int_equal(world.replay->nodes.hot[at].era, 0);
	/* Nothing of any era of 1's is left. */
	assert_int_equal(world.replay->chunks.used, 1);
	assert_null(replay_chunk(world.replay, 1));
	assert_null(replay_chunk(world.replay, 2));
	assert_null(replay_chunk(world.replay, 3));
	assert_non_null(replay_chunk(world.replay, 5));
	assert_int_equal(world_run(&world, END), -1);
	assert_int_equal(world.error.line, 12);
	assert_int_equal(world.error.column, 6);
	world_close(&world);
}

/* A place whose eras are used up is not taken again. */
static void places_run_out(void **unused)
{
	static const char text[] = HEAD "create 1 - aset \"x\"\nalloc 1 1 8\ndelete 1\n"
					"create 2 - aset \"y\"\nalloc 2 2 8\n"
					"create 3 - aset \"z\" min=100000\n"
					"delete 2\ncreate 4 - aset \"y\"\n";
	struct world world;
	uint32_t at;

	(void)unused;
	world_open(&world, text);
	assert_int_equal(world_run(&world, 1), 1);
	at = nodes_find(&world.replay->nodes, 1);
	world.replay->nodes.hot[at].era = IDMAP_LAST_ERA - 1;
	assert_int_equal(world_run(&world, END), 0);
	for (uint64_t id = 2; id <= 4; id++)
		assert_int_not_equal(nodes_find(&world.replay->nodes, id), at);
	assert_null(replay_chunk(world.replay, 1));
	assert_int_equal(world_now(&world).live_contexts, 2);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_peak_is_kept),
		cmocka_unit_test(the_first_of_the_greatest),
		cmocka_unit_test(no_events_no_peak),
		cmocka_unit_test(the_bound_holds),
		cmocka_unit_test(messages_tell_how_much),
		cmocka_unit_test(small_chunks_meet_the_bound),
		cmocka_unit_test(many_contexts_at_two_peaks),
		cmocka_unit_test(a_dry_replay_counts_anything),
		cmocka_unit_test(any_options_can_be),
		cmocka_unit_test(the_machine_is_asked),
		cmocka_unit_test(deep_and_wide),
		cmocka_unit_test(tables_follow_what_lives),
		cmocka_unit_test(tables_shrink),
		cmocka_unit_test(eras_run_out),
		cmocka_unit_test(places_run_out),
	};

	return cmocka_run_group_tests_name("replay_limits", tests, NULL, NULL);
}
