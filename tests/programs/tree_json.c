/* SPDX-License-Identifier: MIT */
/*
 * Snapshots as JSON for tests/schema.sh: both forms of made-up trees that have every oddity, and
 * of traces at some points, each to a file of its own.
 *
 *   tree_json FOLDER [TRACE…]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"
#include "model/source.h"

static const char *folder;

static void write_form(const char *name, const char *form, const struct snapshot *snapshot,
	int (*write)(FILE *, const struct snapshot *))
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof path, "%s/%s.%s", folder, name, form);
	out = fopen(path, "w");
	if (!out || write(out, snapshot) || fclose(out)) {
		perror(path);
		exit(1);
	}
}

static void write_both(const char *name, struct snapshot *snapshot)
{
	if (json_nests(snapshot))
		write_form(name, "nested", snapshot, json_write_nested);
	write_form(name, "flat", snapshot, json_write_flat);
	snapshot_free(snapshot);
}

/* Every figure unknown, zero, or as great as can be; names of any bytes; a path likewise. */
static void write_odd(void)
{
	static const char *const names[] = {
		"", "\001\033\"\\/", "\377\\", "\303\251\360\237\230\200"};
	static const uint64_t figures[] = {SNAPSHOT_UNKNOWN, 0, SNAPSHOT_UNKNOWN - 1};
	struct snapshot *snapshot = snapshot_new();

	for (uint32_t i = 0; i < 24; i++) {
		const char *ident = i % 2 ? names[(i / 2) % 4] : NULL;
		struct snapshot_context *context = snapshot_add(snapshot, UINT64_MAX - i,
			i % 5 ? i - 1 : SNAPSHOT_NONE, names[i % 4], ident, "aset");

		snapshot_fill(&context->own, figures[i % 3]);
		context->peak_total_bytes = figures[i % 3];
	}
	snapshot_finish(snapshot);
	snapshot_set_origin(snapshot, "/tmp/\377\\a", "");
	snapshot->pid = 4711;
	snapshot->source = SNAPSHOT_LIVE;
	write_both("odd", snapshot);
}

static void write_chain(const char *name, uint32_t levels)
{
	struct snapshot *snapshot = snapshot_new();

	for (uint32_t i = 0; i < levels; i++)
		snapshot_add(snapshot, i, i ? i - 1 : SNAPSHOT_NONE, "deep", NULL, "bump");
	snapshot_finish(snapshot);
	write_both(name, snapshot);
}

static void write_trace(const char *path, int number)
{
	static const char *const points[] = {"end", "peak", "100"};
	const struct source_options options = {.pid = -1};
	struct source_error error;
	struct source *source = source_open(path, &options, &error);
	char name[40];

	for (int i = 0; source && i < 3; i++) {
		struct source_point point;
		struct snapshot *snapshot;

		source_parse_point(points[i], &point);
		snapshot = source_snapshot(source, &point, &error);
		/* A trace of fewer events than that has no such point. */
		if (!snapshot && point.kind == SOURCE_EVENT)
			break;
		if (!snapshot) {
			source = NULL;
			break;
		}
		snprintf(name, sizeof name, "%d-%s", number, points[i]);
		write_both(name, snapshot);
	}
	if (!source) {
		fprintf(stderr, "%s:%" PRIu64 ": %s\n", path, error.line, error.message);
		exit(1);
	}
	source_close(source);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	folder = argv[1];
	write_odd();
	write_chain("chain", 20);
	write_chain("nested-most", JSON_LEVELS);
	write_chain("flat-only", JSON_LEVELS + 20);
	write_both("empty", snapshot_new());
	for (int i = 2; i < argc; i++)
		write_trace(argv[i], i);
	return 0;
}
