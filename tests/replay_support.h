/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the replayer share: a trace in memory with its reader and its replay.
 */
#ifndef REPLAY_SUPPORT_H
#define REPLAY_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/replay.h"

#define HEAD "memctx-trace 1\n"
#define END UINT64_MAX

struct world {
	struct trace_reader *reader;
	struct replay *replay;
	struct replay_error error;
};

static inline void world_open_with(
	struct world *world, const char *text, const struct replay_options *options)
{
	struct trace_error error;

	memset(world, 0, sizeof(*world));
	world->reader = trace_open_memory(
		text, strlen(text), options->keep_going ? TRACE_KEEP_GOING : 0, &error);
	if (world->reader == NULL)
		fail_msg("%s", error.message);
	world->replay = replay_new(world->reader, options, &world->error);
	assert_non_null(world->replay);
}

static inline void world_open(struct world *world, const char *text)
{
	world_open_with(world, text, &(struct replay_options){.memory = 0});
}

static inline void world_check(const memctx *ctx, const char *what, void *arg)
{
	(void)arg;
	print_error("%s: %s\n", memctx_name(ctx), what);
}

static inline void world_close(struct world *world)
{
	memctx *root = replay_root(world->replay);

	if (root != NULL)
		assert_int_equal(memctx_check(root, world_check, NULL), 0);
	replay_free(world->replay);
	trace_close(world->reader);
}

static inline int world_run(struct world *world, uint64_t event)
{
	int got = replay_run(world->replay, event, UINT64_MAX, &world->error);

	if (got < 0 && world->error.status != 1 && world->error.status != 3)
		fail_msg("status %d", world->error.status);
	return got;
}

static inline struct replay_moment world_now(const struct world *world)
{
	struct replay_moment moment;

	replay_now(world->replay, &moment);
	return moment;
}

static inline struct replay_moment world_peak(const struct world *world)
{
	struct replay_moment moment;

	replay_peak(world->replay, &moment);
	return moment;
}

/* The peak of a replay of the whole trace at PATH. */
static inline struct replay_moment peak_of(const char *path, const struct replay_options *options)
{
	struct trace_error opening;
	struct replay_error error;
	struct trace_reader *reader =
		trace_open(path, options->keep_going ? TRACE_KEEP_GOING : 0, &opening);
	struct replay *replay = replay_new(reader, options, &error);
	struct replay_moment peak;

	assert_non_null(replay);
	assert_int_equal(replay_run(replay, UINT64_MAX, UINT64_MAX, &error), 0);
	replay_peak(replay, &peak);
	replay_free(replay);
	trace_close(reader);
	return peak;
}

/* The ids of a snapshot's contexts in order, each after as many dots as it has parents. */
static inline const char *world_tree(struct snapshot *snapshot)
{
	static char text[4000];
	char message[200];
	size_t n = 0;

	assert_non_null(snapshot);
	if (!snapshot_valid(snapshot, message, sizeof(message)))
		fail_msg("%s", message);
	text[0] = '\0';
	for (size_t i = 0; i < snapshot->n && n < sizeof(text) - 100; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", i == 0 ? "" : " ");
		for (uint32_t level = 1; level < snapshot->contexts[i].level; level++)
			text[n++] = '.';
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%llu",
			(unsigned long long)snapshot->contexts[i].id);
	}
	snapshot_free(snapshot);
	return text;
}

#endif
