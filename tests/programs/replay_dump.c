/* SPDX-License-Identifier: MIT */
/*
 * What the replayer says of a trace, for tests that know better: at each EVENT given (ascending),
 * at the end and at the peak one line of JSON, then the counts and why it stopped.  Proves on the
 * way that snapshots are valid and that the allocator's figures are those of the trace.
 *
 *   replay_dump [-kd] [-m BYTES] [-t TIME] TRACE [EVENT…]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/replay.h"

static int broken;

static void complain(const char *what, uint64_t event)
{
	fprintf(stderr, "replay_dump: at event %" PRIu64 ": %s\n", event, what);
	broken = 1;
}

static void on_check(const memctx *ctx, const char *what, void *arg)
{
	fprintf(stderr, "%s: ", memctx_name(ctx));
	complain(what, *(uint64_t *)arg);
}

/* A string of the trace as JSON; any byte may be in it, so all but plain ones as \u00HH. */
static void put_text(const char *key, const char *text)
{
	printf("\"%s\":", key);
	if (text == NULL) {
		printf("null,");
		return;
	}
	putchar('"');
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte > '~' || byte == '"' || byte == '\\')
			printf("\\u%04x", byte);
		else
			putchar(byte);
	}
	printf("\",");
}

static void put_figures(const struct snapshot_figures *figures)
{
	static const char *const names[] = {"total_bytes", "total_nblocks", "free_bytes",
		"free_chunks", "used_bytes", "live_chunks", "requested_bytes", "slack_bytes",
		"header_bytes", "freelist_bytes", "tail_bytes", "large_chunks", "large_bytes",
		"allocs", "frees", "reallocs", "resets"};
	const uint64_t *values = (const uint64_t *)figures;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",", names[i], values[i]);
	printf(",\"classes\":[");
	for (int k = 0; k < SNAPSHOT_CLASSES; k++)
		printf("%s%" PRIu64 ",%" PRIu64, k == 0 ? "" : ",", figures->classes[k].live,
			figures->classes[k].free);
	putchar(']');
}

static void put_contexts(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n; i++) {
		const struct snapshot_context *context = &snapshot->contexts[i];

		printf("%s{\"id\":%" PRIu64 ",\"level\":%u,\"parent\":", i == 0 ? "" : ",",
			context->id, context->level);
		if (context->parent == SNAPSHOT_NONE)
			printf("null,");
		else
			printf("%" PRIu64 ",", snapshot->contexts[context->parent].id);
		put_text("name", snapshot_string(snapshot, context->name));
		put_text("ident", snapshot_string(snapshot, context->ident));
		put_text("kind", snapshot_string(snapshot, context->kind));
		printf("\"peak_total\":%" PRIu64 ",", context->peak_total_bytes);
		put_figures(&context->own);
		putchar('}');
	}
}

static void put_snapshot(
	struct snapshot *snapshot, const char *point, const struct replay_moment *moment)
{
	struct snapshot_figures sum;
	char message[200];

	if (snapshot == NULL) {
		complain("no snapshot", moment->event);
		return;
	}
	if (!snapshot_valid(snapshot, message, sizeof(message)))
		complain(message, moment->event);
	snapshot_totals(snapshot, &sum);
	if (snapshot->n > 0 && memcmp(&sum, &moment->figures, sizeof(sum)) != 0)
		complain("the snapshot's totals are not the moment's figures", moment->event);
	if (snapshot->event != moment->event || snapshot->time_ns != moment->time_ns)
		complain("the snapshot is of another moment", moment->event);
	printf("{\"point\":\"%s\",\"event\":%" PRIu64 ",\"time\":%" PRId64
	       ",\"live_contexts\":%" PRIu64 ",\"moment_chunks\":%" PRIu64
	       ",\"moment_requested\":%" PRIu64 ",",
		point, moment->event, (int64_t)moment->time_ns, moment->live_contexts,
		moment->live_chunks, moment->requested_bytes);
	put_figures(&moment->figures);
	printf(",\"kinds_replaced\":%" PRIu64 ",\"contexts\":[", snapshot->kinds_replaced);
	put_contexts(snapshot);
	printf("]}\n");
	snapshot_free(snapshot);
}

static void put_now(const struct replay *replay, const char *point)
{
	struct replay_moment moment;

	replay_now(replay, &moment);
	put_snapshot(replay_snapshot(replay), point, &moment);
	if (replay_root(replay) == NULL)
		return;
	memctx_check(replay_root(replay), on_check, &moment.event);
	if (moment.figures.requested_bytes != moment.requested_bytes)
		complain("the allocator's requested bytes are not the trace's", moment.event);
	if (moment.figures.live_chunks != moment.live_chunks)
		complain("the allocator's live chunks are not the trace's", moment.event);
}

static void put_peak(const struct replay *replay)
{
	struct replay_moment moment;

	replay_peak(replay, &moment);
	put_snapshot(replay_snapshot_peak(replay), "peak", &moment);
}

static void put_counts(const struct replay *replay, int got, const struct replay_error *error)
{
	const struct replay_counts *counts = replay_counts(replay);

	printf("{\"point\":\"counts\",\"events\":%" PRIu64 ",\"ops\":{", counts->events);
	for (int op = 0; op < TRACE_OPS; op++)
		printf("%s\"%s\":%" PRIu64, op == 0 ? "" : ",", trace_op_name((enum trace_op)op),
			counts->ops[op]);
	printf("},\"empty_resets\":%" PRIu64 ",\"contexts_created\":%" PRIu64
	       ",\"kinds_replaced\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"skips\":[",
		counts->empty_resets, counts->contexts_created, counts->kinds_replaced,
		counts->skipped);
	for (int i = 0; i < REPLAY_SKIPS; i++)
		printf("%s%" PRIu64, i == 0 ? "" : ",", counts->skips[i]);
	printf("],\"lost\":%" PRIu64 ",\"threads\":%" PRIu64 ",\"carved\":%" PRIu64
	       ",\"reused\":%" PRIu64 ",\"large\":%" PRIu64 ",\"peak_requested_bytes\":%" PRIu64
	       ",\"peak_live_chunks\":%" PRIu64 ",\"time\":%" PRId64 ",",
		counts->lost, counts->threads, counts->carved, counts->reused, counts->large,
		counts->peak_requested_bytes, counts->peak_live_chunks, (int64_t)counts->time_ns);
	printf("\"result\":%d,\"status\":%d,\"line\":%" PRIu64 ",\"column\":%" PRIu64 ",", got,
		error->status, error->line, error->column);
	put_text("message", error->message);
	printf("\"end\":0}\n");
}

static int run(struct replay *replay, char **events, uint64_t time)
{
	struct replay_error error = {0};
	int got = 1;

	for (; got == 1 && *events != NULL; events++) {
		got = replay_run(replay, strtoull(*events, NULL, 10), time, &error);
		if (got == 1)
			put_now(replay, "event");
	}
	if (got == 1)
		got = replay_run(replay, UINT64_MAX, time, &error);
	put_now(replay, "end");
	put_peak(replay);
	put_counts(replay, got, &error);
	return got < 0 ? error.status : 0;
}

int main(int argc, char **argv)
{
	struct replay_options options = {0};
	uint64_t time = UINT64_MAX;
	struct replay_error failed;
	struct trace_error error;
	struct trace_reader *reader;
	struct replay *replay;
	int option, status;

	while ((option = getopt(argc, argv, "kdm:t:")) != -1) {
		if (option == 'k')
			options.keep_going = true;
		else if (option == 'd')
			options.dry = true;
		else if (option == 'm')
			options.memory = strtoull(optarg, NULL, 10);
		else if (option == 't')
			time = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind == argc)
		return 2;
	reader = trace_open(argv[optind], options.keep_going ? TRACE_KEEP_GOING : 0, &error);
	if (reader == NULL) {
		fprintf(stderr, "%s:%" PRIu64 ":%" PRIu64 ": %s\n", argv[optind], error.line,
			error.column, error.message);
		return 1;
	}
	replay = replay_new(reader, &options, &failed);
	if (replay == NULL) {
		fprintf(stderr, "replay_dump: %s\n", failed.message);
		return 3;
	}
	status = run(replay, argv + optind + 1, time);
	replay_free(replay);
	trace_close(reader);
	return broken ? 4 : status;
}
