/* SPDX-License-Identifier: MIT */
/*
 * What fresh replays have at some events of a trace: see replay_truth.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "replay_hash.h"
#include "replay_truth.h"

struct replay *truth_fresh(
	const char *path, const struct replay_options *options, struct trace_reader **reader)
{
	struct trace_error cause;
	struct replay_error error;
	struct replay *replay;

	*reader = trace_open(path, options->keep_going ? TRACE_KEEP_GOING : 0, &cause);
	assert_non_null(*reader);
	replay = replay_new(*reader, options, &error);
	assert_non_null(replay);
	return replay;
}

static int by_event(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void find_length(const char *path, const struct replay_options *options, struct truth *truth)
{
	struct trace_reader *reader;
	struct replay *replay = truth_fresh(path, options, &reader);
	struct replay_error error;
	struct replay_moment peak;

	replay_run(replay, UINT64_MAX, UINT64_MAX, &error);
	truth->last = replay_counts(replay)->events;
	replay_peak(replay, &peak);
	truth->peak = peak.event;
	replay_free(replay);
	trace_close(reader);
}

/* Replays to event I of the truth, which with lines in error may have no explanation. */
static void find_point(struct replay *replay, struct explain *explain,
	const struct replay_options *options, struct truth *truth, int i)
{
	static struct explain_event event;
	struct replay_error error;
	uint64_t to = truth->events[i];

	truth->told[i] = 0;
	if (!options->keep_going && to > replay_counts(replay)->events) {
		assert_int_equal(explain_run(explain, to - 1, &error), 1);
		assert_int_equal(explain_next(explain, &event, &error), 1);
		truth->told[i] = explained_hash(&event);
	}
	assert_int_equal(explain_run(explain, to, &error), 1);
	truth->hashes[i] = replay_hash(replay, explain);
}

static uint64_t draw(uint64_t *seed, uint64_t limit)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint64_t)(((unsigned __int128)*seed * limit) >> 64);
}

void truth_find(
	struct truth *truth, const char *path, const struct replay_options *options, uint64_t *seed)
{
	struct trace_reader *reader;
	struct replay *replay;
	struct explain *explain;

	find_length(path, options, truth);
	for (int i = 0; i < TRUTH_POINTS; i++) {
		uint64_t event = 1 + draw(seed, truth->last);

		truth->events[2 * i] = event;
		truth->events[2 * i + 1] = event - 1;
	}
	truth->events[0] = truth->last;
	truth->events[1] = truth->last - 1;
	truth->n = 2 * TRUTH_POINTS;
	qsort(truth->events, (size_t)truth->n, sizeof(uint64_t), by_event);
	replay = truth_fresh(path, options, &reader);
	explain = explain_new(replay);
	assert_non_null(explain);
	for (int i = 0; i < truth->n; i++)
		find_point(replay, explain, options, truth, i);
	explain_free(explain);
	replay_free(replay);
	trace_close(reader);
}
