/* SPDX-License-Identifier: MIT */
/*
 * Any text replayed, in 64 MiB: no crash, sound contexts, snapshots that are valid and agree with
 * the trace's own counts; and a dry replay must judge each event as the real one does.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/replay.h"

#define MEMORY ((uint64_t)64 << 20)
#define STRIDE 97 /* events between two looks at the whole */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "fuzz_replay: %s\n", what);
		abort();
	}
}

static void on_check(const memctx *ctx, const char *what, void *arg)
{
	(void)ctx;
	(void)arg;
	expect(false, what);
}

static void check_snapshot(struct snapshot *snapshot, const struct replay_moment *moment)
{
	struct snapshot_figures sum;
	char message[200];

	expect(snapshot != NULL, "no snapshot");
	expect(snapshot_valid(snapshot, message, sizeof(message)), message);
	expect(snapshot->n == moment->live_contexts, "contexts of a snapshot");
	snapshot_totals(snapshot, &sum);
	expect(snapshot->n == 0 || memcmp(&sum, &moment->figures, sizeof(sum)) == 0,
		"figures of a snapshot");
	snapshot_free(snapshot);
}

static void look(const struct replay *replay, bool dry)
{
	struct replay_moment now, peak;

	replay_now(replay, &now);
	check_snapshot(replay_snapshot(replay), &now);
	if (dry)
		return;
	expect(now.figures.live_chunks == now.live_chunks, "live chunks");
	expect(now.figures.requested_bytes == now.requested_bytes, "requested bytes");
	replay_peak(replay, &peak);
	check_snapshot(replay_snapshot_peak(replay), &peak);
	expect(peak.figures.total_bytes >= now.figures.total_bytes, "the peak is below now");
	expect(now.figures.total_bytes <= MEMORY, "more memory than allowed");
	memctx_check(replay_root(replay), on_check, NULL);
}

/* Replays the text; returns how it ended and fills COUNTS and ERROR. */
static int run(const uint8_t *data, size_t size, struct replay_options options,
	struct replay_counts *counts, struct replay_error *error)
{
	struct trace_error refused;
	struct trace_reader *reader =
		trace_open_memory(data, size, options.keep_going ? TRACE_KEEP_GOING : 0, &refused);
	struct replay *replay;
	int got;

	memset(counts, 0, sizeof(*counts));
	memset(error, 0, sizeof(*error));
	if (reader == NULL)
		return -2;
	replay = replay_new(reader, &options, error);
	expect(replay != NULL, "no replay");
	for (uint64_t event = STRIDE; (got = replay_run(replay, event, UINT64_MAX, error)) == 1;
		event += STRIDE)
		look(replay, options.dry);
	look(replay, options.dry);
	*counts = *replay_counts(replay);
	expect(got == 0 || error->message[0] != '\0', "an error without words");
	replay_free(replay);
	trace_close(reader);
	return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int keep_going = 0; keep_going < 2; keep_going++) {
		struct replay_options options = {.keep_going = keep_going, .memory = MEMORY};
		struct replay_counts real, dry;
		struct replay_error real_error, dry_error;
		int real_got = run(data, size, options, &real, &real_error);
		int dry_got;

		options.dry = true;
		dry_got = run(data, size, options, &dry, &dry_error);
		if (real_got == -1 && real_error.status == 3)
			continue;
		expect(real_got == dry_got, "a dry replay ends otherwise");
		expect(memcmp(&real_error, &dry_error, sizeof(real_error)) == 0,
			"a dry replay stops elsewhere");
		dry.carved = real.carved;
		dry.reused = real.reused;
		dry.large = real.large;
		expect(memcmp(&real, &dry, sizeof(real)) == 0, "a dry replay counts otherwise");
	}
	return 0;
}
