/* SPDX-License-Identifier: MIT */
/*
 * The report of a replay as JSON: one object on a line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"
#include "model/jsonlists.h"

static bool add_moment(struct cJSON *object, const char *key, const struct replay_moment *moment)
{
	struct cJSON *at = value_add_object(object, key);
	struct snapshot_figures figures = moment->figures;
	struct json_figures form;

	if (!value_add_number(at, "event", moment->event) ||
		!value_add_number(at, "time_ns", moment->time_ns) ||
		!value_add_number(at, "live_contexts", moment->live_contexts) ||
		!json_add_figures(at, &form))
		return false;
	/* These two are the trace's own sums. */
	figures.live_chunks = moment->live_chunks;
	figures.requested_bytes = moment->requested_bytes;
	json_set_figures(&form, &figures);
	return moment->lists.has == 0 || json_add_lists(at, &moment->lists);
}

static bool add_events(struct cJSON *object, const struct replay_counts *counts)
{
	struct cJSON *events = value_add_object(object, "events");

	for (unsigned op = 0; op < TRACE_OPS; op++)
		if (!value_add_number(events, trace_op_name((enum trace_op)op), counts->ops[op]))
			return false;
	return true;
}

static bool add_skips(struct cJSON *object, const struct replay_counts *counts)
{
	static const char *const names[] = {
		[REPLAY_SKIP_SYNTAX] = "syntax",
		[REPLAY_SKIP_DEAD_CHUNK] = "dead_chunk",
		[REPLAY_SKIP_DEAD_CTX] = "dead_context",
		[REPLAY_SKIP_TAKEN] = "id_taken",
		[REPLAY_SKIP_KIND_RULE] = "kind_rule",
		[REPLAY_SKIP_CYCLE] = "cycle",
		[REPLAY_SKIP_BASE] = "base",
		[REPLAY_SKIP_AFTER_LOST] = "after_lost",
	};
	struct cJSON *skips = value_add_object(object, "skips");

	_Static_assert(sizeof names / sizeof *names == REPLAY_SKIPS, "a name each");
	for (unsigned i = 0; i < REPLAY_SKIPS; i++)
		if (!value_add_number(skips, names[i], counts->skips[i]))
			return false;
	return true;
}

static bool add_counts(struct cJSON *object, const struct replay_counts *counts)
{
	struct cJSON *from;

	if (!add_events(object, counts) || !add_skips(object, counts))
		return false;
	from = value_add_object(object, "allocations");
	return value_add_number(from, "carved", counts->carved) &&
	       value_add_number(from, "reused", counts->reused) &&
	       value_add_number(from, "large", counts->large) &&
	       value_add_number(object, "events_seen", counts->events) &&
	       value_add_number(object, "contexts_created", counts->contexts_created) &&
	       value_add_number(object, "kinds_replaced", counts->kinds_replaced) &&
	       value_add_number(object, "not_done", counts->not_done) &&
	       value_add_number(object, "empty_resets", counts->empty_resets) &&
	       value_add_number(object, "threads", counts->threads) &&
	       value_add_number(object, "lost", counts->lost) &&
	       value_add_number(object, "skipped", counts->skipped) &&
	       value_add_number(object, "time_ns", counts->time_ns) &&
	       value_add_number(object, "peak_requested_bytes", counts->peak_requested_bytes) &&
	       value_add_number(object, "peak_live_chunks", counts->peak_live_chunks);
}

int json_write_replay(FILE *out, const struct json_replay *replay)
{
	double seconds = replay->elapsed_seconds;
	double rate = seconds > 0 ? (double)replay->counts->events / seconds : 0;
	struct cJSON *object = value_object();
	struct json_text buffer = {0};
	int result = -1, error;

	if (json_add_head(object, "memctx-replay") &&
		json_add_path(object, replay->path, &buffer) &&
		add_counts(object, replay->counts) && add_moment(object, "peak", replay->peak) &&
		add_moment(object, "end", replay->end) &&
		value_add_double(object, "elapsed_seconds", seconds) &&
		value_add_double(object, "events_per_second", rate))
		result = json_put(out, object, 4096 + 2 * JSON_LISTS + 4 * strlen(replay->path));
	error = errno;
	value_delete(object);
	free(buffer.text);
	errno = error;
	return result;
}
