/* SPDX-License-Identifier: MIT */
/*
 * Seeking against fresh replays: after any walk of seeks and steps through the traces all that can
 * be seen equals what a replay from the start has at that event.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/seek.h"
#include "model/setting.h"
#include "made_trace.h"
#include "replay_hash.h"
#include "replay_truth.h"
#include "support.h"

/* Of a walk. */
#ifdef __SANITIZE_ADDRESS__
#define MOVES 15
#else
#define MOVES 40
#endif

static uint64_t seed;
static const struct replay_options plain;

static void check_here(struct seek *seek, const struct truth *truth, int i)
{
	uint64_t hash;

	assert_int_equal(seek_event(seek), truth->events[i]);
	seek_enter(seek);
	hash = replay_hash(seek_replay(seek), seek_explain(seek));
	if (i % 8 == 0)
		assert_int_equal(memctx_check(replay_root(seek_replay(seek)), NULL, NULL), 0);
	seek_leave(seek);
	if (hash != truth->hashes[i])
		fail_msg("event %" PRIu64 " is not as in a fresh replay", truth->events[i]);
}

static struct seek *begin(const char *path, const struct seek_options *options)
{
	struct replay_error error;
	struct seek *seek = seek_open(path, options, &error);

	if (seek == NULL)
		fail_msg("%s: %s", path, error.message);
	assert_int_equal(seek_event(seek), 0);
	return seek;
}

/* Goes to and fro, with parts of the first pass and of what follows it in between. */
static void walk(struct seek *seek, const struct truth *truth)
{
	static struct explain_event event;
	struct replay_error error;

	for (int move = 0; move < MOVES; move++) {
		int i = (int)rng_below(&seed, (uint64_t)truth->n);

		assert_int_equal(seek_to(seek, truth->events[i], &error), 1);
		check_here(seek, truth, i);
		for (uint64_t idle = rng_below(&seed, 4); idle > 0; idle--)
			seek_pass(seek);
		if (i > 0 && truth->events[i - 1] + 1 == truth->events[i]) {
			assert_int_equal(seek_to(seek, truth->events[--i], &error), 1);
			check_here(seek, truth, i);
			assert_int_equal(seek_next(seek, &event, &error), 1);
			assert_int_equal(event.number, seek_event(seek));
			/* A line in error may have a number and be passed over. */
			assert_true(event.number >= truth->events[++i]);
			if (truth->told[i] != 0 && explained_hash(&event) != truth->told[i])
				fail_msg("event %" PRIu64 " is told otherwise: %s", event.number,
					event.did);
		}
		if (seek_event(seek) == truth->events[i])
			check_here(seek, truth, i);
	}
}

static void finish_pass(struct seek *seek)
{
	while (seek_pass(seek))
		;
}

static void check_pass(struct seek *seek, const struct truth *truth)
{
	const uint64_t *samples, *events;
	int n = seek_samples(seek, &samples, &events);

	assert_int_equal(seek_passed(seek), truth->last);
	assert_int_equal(seek_last(seek), truth->last);
	assert_int_equal(seek_peak(seek), truth->peak);
	assert_in_range(n, 1, SEEK_SAMPLES);
	assert_int_equal(events[n - 1], truth->last);
	for (int i = 1; i < n; i++)
		assert_true(events[i - 1] < events[i]);
}

static void check_trace(const char *path, const struct seek_options *options)
{
	struct truth truth;
	struct seek *seek;

	truth_find(&truth, path, &options->replay, &seed);
	seek = begin(path, options);
	assert_int_equal(seek_is_slow(seek), options->slow);
	walk(seek, &truth);
	finish_pass(seek);
	check_pass(seek, &truth);
	walk(seek, &truth);
	finish_pass(seek);
	seek_close(seek);
}

static int check_traces(const char *pattern, const struct seek_options *options)
{
	glob_t found;
	int n = 0;

	if (glob(pattern, 0, NULL, &found) == 0)
		n = (int)found.gl_pathc;
	for (int i = 0; i < n; i++)
		check_trace(found.gl_pathv[i], options);
	if (n > 0)
		globfree(&found);
	return n;
}

static const struct seek_options copying = {.spacing = 700};

static void traces_are_as_in_fresh_replays(void **state)
{
	(void)state;
	assert_in_range(check_traces("traces/*.trace", &copying), 10, 1000);
	if (check_traces("../shared/traces/*.trace", &copying) == 0)
		print_message("../shared/traces is not there: skipped\n");
}

static void slow_ones_too(void **state)
{
	struct seek_options options = {.slow = true};

	(void)state;
	check_trace("traces/pg_pgbench.trace", &options);
	check_trace("traces/realloc.trace", &options);
}

/* ---- Generated traces --------------------------------------------------------------------- */

static struct made_traces made;

static int make_traces(void **state)
{
	(void)state;
	return made_traces(&made, 30000, seed);
}

static int remove_traces(void **state)
{
	(void)state;
	return made_traces_remove(&made);
}

static void everything_in_a_trace_is_put_back(void **state)
{
	struct seek_options few = {.spacing = 700, .memory = 4 << 20};

	(void)state;
	check_trace(made.plain, &copying);
	check_trace(made.plain, &few);
}

/* Whatever the contexts are replayed as. */
static void every_kind_is_put_back(void **state)
{
	char message[SETTING_TEXT];

	(void)state;
	for (size_t i = 0; setting_kind_name(i) != NULL; i++) {
		struct setting setting;
		struct seek_options options = {
			.spacing = 700, .replay.settings = &setting, .replay.nsettings = 1};

		assert_true(setting_parse(setting_kind_name(i), &setting, message));
		check_trace("traces/pg_pgbench.trace", &options);
		if (strcmp(setting_kind_name(i), "bump") != 0)
			check_trace(made.plain, &options);
	}
}

static void compressed_traces_are_kept(void **state)
{
	struct seek_options slow = {.slow = true};

	(void)state;
	check_trace(made.packed, &copying);
	check_trace(made.packed, &slow);
}

static void pipes_are_kept(void **state)
{
	struct truth truth;
	int pipes[2], was = dup(STDIN_FILENO);
	struct seek *seek;
	pid_t child;

	(void)state;
	truth_find(&truth, made.plain, &plain, &seed);
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		execlp("cat", "cat", made.plain, (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	dup2(pipes[0], STDIN_FILENO);
	close(pipes[0]);
	seek = begin("-", &copying);
	walk(seek, &truth);
	finish_pass(seek);
	check_pass(seek, &truth);
	walk(seek, &truth);
	seek_close(seek);
	dup2(was, STDIN_FILENO);
	close(was);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Where nothing can be written, memory keeps what is to be kept. */
static void full_folder_is_no_error(void **state)
{
	const char *folder = getenv("TMPDIR");
	char *was = folder != NULL ? strdup(folder) : NULL;

	(void)state;
	setenv("TMPDIR", "/nonexistent", 1);
	check_trace(made.packed, &copying);
	if (was != NULL)
		setenv("TMPDIR", was, 1);
	else
		unsetenv("TMPDIR");
	free(was);
}

/* ---- Finding ------------------------------------------------------------------------------ */

/* The events of a trace, one by one: whose they are and what. */
struct listed {
	uint64_t context, time;
	enum trace_op op;
};

static struct listed *list_events(const char *path, uint64_t n)
{
	struct listed *list = calloc(n + 1, sizeof(*list));
	struct trace_reader *reader;
	struct replay *replay = truth_fresh(path, &plain, &reader);
	struct explain *explain = explain_new(replay);
	struct explain_subject subject;
	struct replay_error error;

	assert_non_null(list);
	list[0].time = SNAPSHOT_UNKNOWN;
	for (uint64_t i = 1; i <= n; i++) {
		assert_int_equal(explain_peek(explain, &subject, &error), 1);
		list[i] = (struct listed){subject.has_context ? subject.context : UINT64_MAX,
			replay_counts(replay)->time_ns, subject.op};
		assert_int_equal(explain_run(explain, i, &error), 1);
	}
	explain_free(explain);
	replay_free(replay);
	trace_close(reader);
	return list;
}

static uint64_t next_of(const struct listed *list, uint64_t last, uint64_t from, bool back,
	uint64_t context, bool reset)
{
	for (uint64_t i = back ? from - 1 : from + 1; i >= 1 && i <= last; i = back ? i - 1 : i + 1)
		if (reset ? list[i].op == TRACE_RESET || list[i].op == TRACE_RESETONLY
			  : list[i].context == context)
			return i;
	return SNAPSHOT_UNKNOWN;
}

static uint64_t last_until(const struct listed *list, uint64_t last, uint64_t time)
{
	uint64_t i = 0;

	while (i < last && (list[i + 1].time == SNAPSHOT_UNKNOWN || list[i + 1].time <= time))
		i++;
	return i;
}

/* Of a context that lives at the cursor. */
static uint64_t find_context(struct seek *seek, uint64_t context, bool back)
{
	return seek_find_life(seek, seek_life(seek, context), back);
}

static void events_are_found(void **state)
{
	struct truth truth;
	struct listed *list;
	struct seek *seek;
	struct replay_error error;

	(void)state;
	truth_find(&truth, made.plain, &plain, &seed);
	list = list_events(made.plain, truth.last);
	seek = begin(made.plain, &copying);
	for (int i = 0; i < 60; i++) {
		uint64_t context = 1 + rng_below(&seed, 5);
		uint64_t from = 5 + rng_below(&seed, truth.last - 5);
		bool back = rng_below(&seed, 2) != 0;

		/* What is not passed yet is found as well. */
		if (i < 3)
			from = 5 + (uint64_t)i * 3000;
		assert_int_equal(seek_to(seek, from, &error), 1);
		assert_int_equal(find_context(seek, context, back),
			next_of(list, truth.last, from, back, context, false));
		assert_int_equal(seek_find_reset(seek, back),
			next_of(list, truth.last, from, back, 0, true));
		assert_int_equal(seek_event(seek), from);
	}
	assert_int_equal(find_context(seek, 12345, false), SNAPSHOT_UNKNOWN);
	seek_close(seek);
	free(list);
}

static void times_are_found(void **state)
{
	struct replay_error error;
	struct truth truth;
	struct listed *list;
	struct seek *seek;
	uint64_t end;

	(void)state;
	truth_find(&truth, made.plain, &plain, &seed);
	list = list_events(made.plain, truth.last);
	end = list[truth.last].time;
	seek = begin(made.plain, &copying);
	for (int i = 0; i < 40; i++) {
		uint64_t time = i == 1 ? 0 : i == 2 ? UINT64_MAX - 1 : rng_below(&seed, end + 1);

		assert_int_equal(seek_to_time(seek, time, &error), 1);
		assert_int_equal(seek_event(seek), last_until(list, truth.last, time));
	}
	for (int i = 0; i < truth.n; i++) {
		uint64_t time = list[truth.events[i]].time;

		if (last_until(list, truth.last, time) != truth.events[i])
			continue;
		assert_int_equal(seek_to_time(seek, time, &error), 1);
		check_here(seek, &truth, i);
	}
	seek_close(seek);
	free(list);
}

/* ---- Errors and bounds -------------------------------------------------------------------- */

#ifndef __SANITIZE_ADDRESS__

/* A chunk too many for an arena's addresses, but not for those of the system. */
static void full_arena_is_no_error(void **state)
{
	struct seek_options options = {.spacing = 2, .replay.memory = (uint64_t)1 << 50};
	struct replay_error error;
	struct seek *seek;
	char path[100];
	FILE *out;

	(void)state;
	out = made_by_hand(&made, "large", path);
	fputs("create 1 - aset \"a\"\n", out);
	for (int i = 1; i < 40; i++)
		fprintf(out, "alloc 1 %d 4000000000\nalloc 1 %d %d\n", i, 100 + i, i * 10);
	assert_int_equal(fclose(out), 0);

	seek = begin(path, &options);
	assert_false(seek_is_slow(seek));
	seek_enter(seek);
	assert_int_equal(seek_to(seek, 70, &error), 1);
	assert_true(seek_is_slow(seek));
	assert_int_equal(seek_event(seek), 70);
	finish_pass(seek);
	assert_int_equal(seek_last(seek), 79);
	assert_int_equal(seek_to(seek, 33, &error), 1);
	assert_int_equal(replay_counts(seek_replay(seek))->ops[TRACE_ALLOC], 32);
	seek_leave(seek);
	memctx_delete(memctx_create(NULL, "here", NULL, MEMCTX_ASET, NULL));
	seek_enter(seek);
	assert_int_equal(find_context(seek, 1, true), 32);
	seek_close(seek);
}

/* In a process of its own: a limit on addresses leaves no room for arenas. */
static int seek_limited(const struct truth *truth)
{
	struct rlimit limit = {(rlim_t)3 << 30, (rlim_t)3 << 30};
	struct seek_options options = {.spacing = 700};
	struct seek *seek;

	if (setrlimit(RLIMIT_AS, &limit) != 0)
		return 1;
	seek = begin(made.plain, &options);
	if (!seek_is_slow(seek))
		return 1;
	walk(seek, truth);
	seek_close(seek);
	return 0;
}

static void limited_addresses_are_no_error(void **state)
{
	struct truth truth;
	int status;
	pid_t child;

	(void)state;
	truth_find(&truth, made.plain, &plain, &seed);
	child = fork();
	if (child == 0)
		_exit(seek_limited(&truth));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#endif

static void trace_in_error_ends_there(void **state)
{
	char path[100];
	struct replay_error error;
	struct seek_options going = {.spacing = 3, .replay.keep_going = true};
	struct seek_options options = {.spacing = 3};
	struct truth truth;
	struct seek *seek;
	FILE *out;

	(void)state;
	out = made_by_hand(&made, "error", path);
	fputs("create 1 - aset \"a\"\n", out);
	for (int i = 1; i < 60; i++)
		fprintf(out, "alloc 1 %d %d\n%s", i, i * 10,
			i % 20 == 0 ? "free 777\nfree x\n" : "");
	assert_int_equal(fclose(out), 0);
	seek = begin(path, &options);
	assert_int_equal(seek_to(seek, 30, &error), -1);
	assert_int_equal(error.line, 23);
	assert_int_equal(seek_event(seek), 21);
	finish_pass(seek);
	assert_int_equal(seek_last(seek), 21);
	assert_int_equal(seek_to(seek, 5, &error), 1);
	assert_int_equal(seek_to(seek, UINT64_MAX, &error), -1);
	assert_int_equal(error.line, 23);
	seek_close(seek);

	truth_find(&truth, path, &going.replay, &seed);
	check_trace(path, &going);
}

static void no_such_trace_is_an_error(void **state)
{
	struct seek_options options = {.spacing = 0};
	struct replay_error error;

	(void)state;
	assert_null(seek_open("/nonexistent", &options, &error));
	assert_int_equal(error.status, 1);
	assert_null(seek_open("Makefile", &options, &error));
	assert_int_equal(error.status, 1);
	assert_int_equal(error.line, 1);
}

static void check_room(struct seek *seek, uint64_t memory)
{
	struct seek_room room = seek_room(seek);
	uint64_t least = memory / 8;

	assert_true(room.copies >= 1);
	assert_true(room.copy_bytes <= least || room.copy_bytes + room.replay_bytes <= memory);
}

static void copies_keep_to_their_room(void **state)
{
	struct seek_options options = {.spacing = 50, .memory = 16 << 20};
	struct seek_options small = {.spacing = 50, .memory = 1 << 20};
	struct seek *seek = begin(made.plain, &options);
	struct replay_error error;
	uint64_t most = 0;

	(void)state;
	while (seek_pass(seek)) {
		check_room(seek, options.memory);
		if (seek_room(seek).copies > most)
			most = seek_room(seek).copies;
	}
	for (int i = 0; i < 200; i++) {
		seek_to(seek, rng_below(&seed, seek_last(seek)), &error);
		check_room(seek, options.memory);
		finish_pass(seek);
		check_room(seek, options.memory);
		if (seek_room(seek).copies > most)
			most = seek_room(seek).copies;
	}
	assert_in_range(most, 5, 100000);
	assert_in_range(seek_room(seek).copies, 3, most);
	seek_close(seek);
	check_trace(made.plain, &small);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(traces_are_as_in_fresh_replays),
		cmocka_unit_test(slow_ones_too),
		cmocka_unit_test(everything_in_a_trace_is_put_back),
		cmocka_unit_test(every_kind_is_put_back),
		cmocka_unit_test(compressed_traces_are_kept),
		cmocka_unit_test(pipes_are_kept),
		cmocka_unit_test(full_folder_is_no_error),
		cmocka_unit_test(events_are_found),
		cmocka_unit_test(times_are_found),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(full_arena_is_no_error),
		cmocka_unit_test(limited_addresses_are_no_error),
#endif
		cmocka_unit_test(trace_in_error_ends_there),
		cmocka_unit_test(no_such_trace_is_an_error),
		cmocka_unit_test(copies_keep_to_their_room),
	};
	const char *text = getenv("MEMCTX_SEED");

	seed = text != NULL ? (uint64_t)strtoull(text, NULL, 10) : (uint64_t)getpid();
	print_message("MEMCTX_SEED=%" PRIu64 "\n", seed);
	return cmocka_run_group_tests(tests, make_traces, remove_traces);
}
