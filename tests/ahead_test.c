/* SPDX-License-Identifier: MIT */
/*
 * The events around the cursor: those to come, as they are read ahead, against those that then
 * happen; those of one context up to now against all that a fresh replay explains.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed_support.h"
#include "made_trace.h"
#include "replay_hash.h"
#include "replay_truth.h"
#include "support.h"
#include "tui/feed_near.h"
#include "tui/view.h"

enum { MADE = 20000, POINTS = 25 };

/* What happened at an event. */
struct happened {
	struct trace_event event;
	uint64_t context, hash;
	bool has_context, skipped;
	char name[EXPLAIN_NAME];
};

static uint64_t seed;
static struct made_traces made;
static const struct replay_options plain, going = {.keep_going = true};

/* All events of a trace, from number 1 on; *LAST is the last one's number. */
static struct happened *replay_all(
	const char *path, const struct replay_options *options, uint64_t *last)
{
	struct explain_event *event = calloc(1, sizeof(*event));
	struct happened *all = NULL;
	struct trace_reader *reader;
	struct replay *replay = truth_fresh(path, options, &reader);
	struct explain *explain = explain_new(replay);
	struct replay_error error;
	size_t room = 0;

	*last = 0;
	while (explain_next(explain, event, &error) == 1) {
		if (event->number >= room) {
			all = realloc(all, (2 * event->number + 100) * sizeof(*all));
			assert_non_null(all);
			memset(all + room, 0, (2 * event->number + 100 - room) * sizeof(*all));
			room = 2 * event->number + 100;
		}
		all[event->number] = (struct happened){event->event, event->context,
			explained_hash(event), event->has_context, event->skipped, ""};
		memcpy(all[event->number].name, event->name, EXPLAIN_NAME);
		*last = event->number;
	}
	explain_free(explain);
	replay_free(replay);
	trace_close(reader);
	free(event);
	return all;
}

static void check_same(const struct seek_coming *coming, const struct happened *happened)
{
	const struct trace_event *a = &coming->event, *b = &happened->event;

	/* A number that a line in error has happens with no event. */
	if (happened->skipped || happened->event.line == 0)
		return;
	if (a->op != b->op || a->chunk != b->chunk || a->ctx != b->ctx || a->size != b->size ||
		a->id2 != b->id2 || a->line != b->line)
		fail_msg("event %" PRIu64 " was to be another", coming->number);
	assert_true(coming->has_context == happened->has_context);
	if (coming->has_context)
		assert_int_equal(coming->context, happened->context);
	if (a->op == TRACE_CREATE)
		assert_string_equal(coming->name, happened->name);
}

static void check_coming(struct seek *seek, const struct happened *all, uint64_t last)
{
	static struct seek_coming coming[SEEK_COMING];
	uint64_t now = seek_event(seek);
	int n = seek_ahead(seek, NULL, coming, SEEK_COMING);

	assert_int_equal(n, last - now < SEEK_COMING ? (int)(last - now) : SEEK_COMING);
	for (int i = 0; i < n; i++) {
		assert_int_equal(coming[i].number, now + (uint64_t)i + 1);
		check_same(&coming[i], &all[coming[i].number]);
	}
	assert_int_equal(seek_event(seek), now);
}

/* CONTEXT lives from its creation to the end. */
static void check_own(
	struct seek *seek, const struct happened *all, uint64_t last, uint64_t context)
{
	static struct seek_coming coming[SEEK_COMING];
	uint64_t most = 1 + rng_below(&seed, SEEK_COMING), now = seek_event(seek);
	int n = seek_ahead(seek, &context, coming, (int)most), found = 0;

	for (uint64_t i = now + 1; i <= last && i <= now + SEEK_NEAR && found < (int)most; i++) {
		if (all[i].skipped || !all[i].has_context || all[i].context != context)
			continue;
		assert_true(found < n);
		assert_int_equal(coming[found].number, i);
		assert_int_equal(coming[found].context, context);
		check_same(&coming[found++], &all[i]);
	}
	assert_int_equal(n, found);
}

static void check_trace(const char *path, const struct seek_options *options)
{
	struct replay_error error;
	uint64_t last;
	struct happened *all = replay_all(path, &options->replay, &last);
	struct seek *seek = seek_open(path, options, &error);

	assert_non_null(seek);
	while (seek_pass(seek))
		;
	for (int i = 0; i < POINTS; i++) {
		uint64_t to = i == 0 ? 0 : i == 1 ? last : rng_below(&seed, last + 1);

		assert_true(seek_to(seek, to, &error) >= 0);
		check_coming(seek, all, last);
		if (path == made.plain || path == made.packed)
			for (uint64_t context = 1; to >= 5 && context <= 5; context++)
				check_own(seek, all, last, context);
	}
	seek_close(seek);
	free(all);
}

static void what_comes_is_what_happens(void **state)
{
	struct seek_options copying = {.spacing = 700}, slow = {.slow = true};

	(void)state;
	check_trace(made.plain, &copying);
	check_trace(made.plain, &slow);
	check_trace(made.packed, &copying);
	check_trace("traces/pg_pgbench.trace", &copying);
	check_trace("traces/freelist.trace", &copying);
}

static void lines_in_error_keep_their_numbers(void **state)
{
	struct seek_options options = {.spacing = 30, .replay = going};
	char path[100];
	FILE *out;

	(void)state;
	out = made_by_hand(&made, "error", path);
	fputs("create 1 - aset \"a\"\n", out);
	for (int i = 1; i < 200; i++)
		fprintf(out, "alloc 1 %d %d\n%s", i, i * 10,
			i % 7 == 0   ? "free x\nnonsense\n"
			: i % 5 == 0 ? "free 7777\ntime 3\nlost 0\n"
				     : "");
	assert_int_equal(fclose(out), 0);
	check_trace(path, &options);
}

/* Of a pipe that stays open nothing is waited for. */
static void nothing_is_waited_for(void **state)
{
	struct seek_options options = {.spacing = 700};
	static struct seek_coming coming[SEEK_COMING];
	int pipes[2], was = dup(STDIN_FILENO);
	struct replay_error error;
	struct seek *seek;
	char text[] = "memctx-trace 1\ncreate 1 - aset \"a\"\nalloc 1 1 10\nfree 1\nalloc 1 2";

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], text, strlen(text)), (ssize_t)strlen(text));
	dup2(pipes[0], STDIN_FILENO);
	seek = seek_open("-", &options, &error);
	assert_non_null(seek);
	assert_int_equal(seek_ahead(seek, NULL, coming, SEEK_COMING), 0);
	assert_int_equal(seek_to(seek, 2, &error), 1);
	assert_int_equal(seek_ahead(seek, NULL, coming, SEEK_COMING), 0);
	assert_int_equal(seek_to(seek, 1, &error), 1);
	assert_int_equal(seek_ahead(seek, NULL, coming, SEEK_COMING), 1);
	assert_int_equal(coming[0].number, 2);
	assert_int_equal(coming[0].event.op, TRACE_ALLOC);
	seek_close(seek);
	dup2(was, STDIN_FILENO);
	close(was);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- The pane ----------------------------------------------------------------------------- */

static struct state screen;

static void check_past(const struct happened *all, uint64_t context)
{
	const struct explain_event *events;
	uint64_t now = feed_event(feed), at = now;
	int n = feed_own_events(feed, context, true, &events), most = 32;

	assert_int_equal(feed_event(feed), now);
	for (int i = n; i > 0; i--, at--) {
		while (at > 0 &&
			(all[at].skipped || !all[at].has_context || all[at].context != context))
			at--;
		assert_int_equal(events[i - 1].number, at);
		if (explained_hash(&events[i - 1]) != all[at].hash)
			fail_msg("event %" PRIu64 " is told otherwise: %s", at, events[i - 1].did);
	}
	/* There are no more, where there are fewer than there is room for. */
	for (; n < most && at > 0; at--)
		assert_true(all[at].skipped || !all[at].has_context || all[at].context != context);
}

static void own_events_are_found_far_back(void **state)
{
	uint64_t last;
	struct happened *all = replay_all(made.plain, &plain, &last);

	(void)state;
	feed_begin_passed(made.plain, &screen);
	for (int i = 0; i < POINTS; i++) {
		uint64_t context = 1 + rng_below(&seed, 5);

		/* Some way on, and anywhere. */
		feed_seek(feed, i % 3 ? feed_event(feed) + rng_below(&seed, 200)
				      : 5 + rng_below(&seed, last - 5));
		check_past(all, context);
		if (i % 5 == 0)
			feed_seek(feed, feed_event(feed) + 1);
		check_past(all, context);
		/* The top of the tree has few events of its own. */
		check_past(all, 1);
	}
	assert_int_equal(
		feed_own_events(feed, 777, true, &(const struct explain_event *){NULL}), 0);
	feed_end(&screen);
	free(all);
}

/* The place, from 0, of the latest event among N shown in a box with ROOM lines; -1: none. */
static int place_of_now(int room, int *n)
{
	static struct view_event shown[FEED_EVENTS];
	struct layout_box box = {0, 0, room + 1, 100};
	int place = -1;

	*n = view_shown_events(&screen, box, shown);
	for (int i = 0; i < *n; i++) {
		assert_true((shown[i].past == NULL) != (shown[i].coming == NULL));
		assert_true(i == 0 || shown[i].number > shown[i - 1].number);
		assert_true((shown[i].number <= feed_event(feed)) == (shown[i].past != NULL));
		if (shown[i].number == feed_event(feed))
			place = i;
	}
	return place;
}

static void now_stands_in_the_middle(void **state)
{
	int n;

	(void)state;
	feed_begin_passed("traces/pg_pgbench.trace", &screen);
	feed_seek(feed, 0);
	assert_int_equal(place_of_now(9, &n), -1);
	assert_int_equal(n, 9);
	feed_seek(feed, 2);
	assert_int_equal(place_of_now(9, &n), 1);
	assert_int_equal(n, 9);
	feed_seek(feed, 5000);
	for (int room = 1; room <= 40; room++) {
		assert_int_equal(place_of_now(room, &n), (room - 1) / 2);
		assert_int_equal(n, room);
	}
	feed_seek(feed, feed_last(feed) - 1);
	assert_int_equal(place_of_now(9, &n), 7);
	assert_int_equal(n, 9);
	feed_end(&screen);
}

/* Of those of the selection alone, too. */
static void only_those_of_the_selection_are_shown(void **state)
{
	static struct view_event shown[FEED_EVENTS];
	struct layout_box box = {0, 0, 11, 100};
	int n, n_past = 0, n_coming = 0;

	(void)state;
	feed_begin_passed("traces/pg_pgbench.trace", &screen);
	state_seek(&screen, feed_peak(feed));
	state_request(&screen, REQUEST_FIRST);
	state_request(&screen, REQUEST_ONLY);
	n = view_shown_events(&screen, box, shown);
	assert_int_equal(n, 10);
	for (int i = 0; i < n; i++) {
		n_past += shown[i].past && shown[i].past->context == screen.selected;
		n_coming += shown[i].coming && shown[i].coming->context == screen.selected;
	}
	assert_int_equal(n_past, 5);
	assert_int_equal(n_coming, 5);
	feed_end(&screen);
}

/* To and fro by the events of a life, from beyond its ends too; an id may have another later. */
static void lives_are_followed(void **state)
{
	static const struct {
		enum request request;
		uint64_t event;
	} ways[] = {{REQUEST_BACK_OWN, 6}, {REQUEST_BACK_OWN, 4}, {REQUEST_BACK_OWN, 3},
		{REQUEST_BACK_OWN, 3}, {REQUEST_NEXT_OWN, 4}, {REQUEST_NEXT_OWN, 6},
		{REQUEST_NEXT_OWN, 6}};
	char path[100];
	FILE *out;

	(void)state;
	out = made_by_hand(&made, "lives", path);
	fputs("create 1 - aset \"top\"\nalloc 1 1 10\ncreate 2 1 aset \"a\"\n"
	      "alloc 2 2 10\nfree 1\ndelete 2\nalloc 1 3 10\ncreate 2 1 aset \"b\"\n"
	      "alloc 2 4 10\n",
		out);
	assert_int_equal(fclose(out), 0);
	feed_begin_passed(path, &screen);
	state_seek(&screen, 4);
	state_request(&screen, REQUEST_DOWN);
	assert_int_equal(screen.selected, 2);
	state_seek(&screen, 7);
	assert_true(screen.is_gone);
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		state_request(&screen, ways[i].request);
		assert_int_equal(screen.selected, 2);
		assert_int_equal(feed_event(feed), ways[i].event);
	}
	/* Where the id lives again, it is that life. */
	state_seek(&screen, 9);
	state_request(&screen, REQUEST_BACK_OWN);
	state_request(&screen, REQUEST_BACK_OWN);
	assert_int_equal(feed_event(feed), 8);
	feed_end(&screen);
}

static int make_traces(void **state)
{
	(void)state;
	return made_traces(&made, MADE, seed);
}

static int remove_traces(void **state)
{
	(void)state;
	return made_traces_remove(&made);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_is_what_happens),
		cmocka_unit_test(lines_in_error_keep_their_numbers),
		cmocka_unit_test(nothing_is_waited_for),
		cmocka_unit_test(own_events_are_found_far_back),
		cmocka_unit_test(now_stands_in_the_middle),
		cmocka_unit_test(only_those_of_the_selection_are_shown),
		cmocka_unit_test(lives_are_followed),
	};
	const char *text = getenv("MEMCTX_SEED");

	seed = text != NULL ? (uint64_t)strtoull(text, NULL, 10) : (uint64_t)getpid();
	print_message("MEMCTX_SEED=%" PRIu64 "\n", seed);
	return cmocka_run_group_tests(tests, make_traces, remove_traces);
}
