/* SPDX-License-Identifier: MIT */
/*
 * What a trace makes and never gives back as JSON, an object a line.
 */
#include "model/jsonleaks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"
#include "model/jsonvalue.h"

struct writer {
	FILE *out;
	const struct leaks *leaks;
	const struct leaks_report *report;
	struct json_text text, path, name;
};

static int put(struct writer *writer, size_t from)
{
	size_t size = writer->text.size - from;

	return fwrite(writer->text.text + from, 1, size, writer->out) == size ? 0 : -1;
}

static int make_path(struct writer *writer, uint32_t at)
{
	const char *names[JSON_LEVELS];
	size_t n = leaks_path(writer->leaks, at, names, JSON_LEVELS);

	return json_names(&writer->path, names, n, &writer->name);
}

static bool add_samples(struct cJSON *object, const char *key, const uint64_t *numbers, unsigned n)
{
	struct cJSON *samples = value_add_array(object, key);

	if (!samples)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!value_add_number(samples, NULL, numbers[i]))
			return false;
	return true;
}

static bool add_leak(
	struct cJSON *object, const struct leak *leak, const struct leaks_report *report)
{
	double events = (double)leak->looked * (double)report->interval;
	uint64_t size = leak->what < LEAKS_LARGE ? UINT64_C(8) << leak->what : SNAPSHOT_UNKNOWN;

	return value_add_string(object, "what",
		       leak->what == LEAKS_CONTEXTS ? "contexts"
		       : leak->what == LEAKS_LARGE  ? "large chunks"
						    : "chunks") &&
	       value_add_number(object, "class_size", size) &&
	       value_add_number(object, "live", leak->live) &&
	       value_add_number(object, "requested_bytes", leak->bytes) &&
	       value_add_number(object, "made", leak->made) &&
	       value_add_number(object, "oldest_events", leak->oldest) &&
	       value_add_number(object, "grown", leak->grown) &&
	       value_add_number(object, "grown_bytes", leak->grown_bytes) &&
	       value_add_double(object, "bytes_per_1000_events",
		       events > 0 ? (double)leak->grown_bytes * 1000 / events : 0) &&
	       value_add_number(object, "parts_born_in", leak->steady) &&
	       value_add_number(object, "parts_looked_at", leak->looked) &&
	       add_samples(object, "live_at_samples", leak->samples, report->samples) &&
	       (leak->what == LEAKS_CONTEXTS || add_samples(object, "bytes_at_samples",
							leak->samples_bytes, report->samples));
}

/* The path, then what cJSON prints of the rest, without the brace that opens it. */
static int write_leak(struct writer *writer, const struct leak *leak, bool is_first)
{
	struct cJSON *object = value_object();
	int result = -1;

	writer->text.size = 0;
	if (make_path(writer, leak->path) == 0 && add_leak(object, leak, writer->report))
		result = text_print(&writer->text, object, 0);
	value_delete(object);
	if (result || fprintf(writer->out, "%s\n{\"path\":%.*s,", is_first ? "" : ",",
			      (int)writer->path.size, writer->path.text) < 0)
		return -1;
	return put(writer, 1);
}

static int write_leaks(struct writer *writer, const char *key, size_t from, size_t to)
{
	if (fprintf(writer->out, ",\"%s\":[", key) < 0)
		return -1;
	for (size_t i = from; i < to; i++)
		if (write_leak(writer, &writer->report->leaks[i], i == from))
			return -1;
	return putc(']', writer->out) < 0 ? -1 : 0;
}

static int write_head(struct writer *writer, const char *path)
{
	const struct leaks_report *report = writer->report;
	struct cJSON *head = value_object();
	int result = -1;

	if (json_add_head(head, "memctx-leaks") && json_add_path(head, path, &writer->name) &&
		value_add_number(head, "events", report->events) &&
		value_add_number(head, "samples", report->samples) &&
		value_add_number(head, "events_per_sample", report->interval) &&
		value_add_number(head, "live_chunks", report->live) &&
		value_add_number(head, "requested_bytes", report->bytes))
		result = text_print(&writer->text, head, 4 * strlen(path));
	value_delete(head);
	if (result)
		return -1;
	writer->text.size--; /* the brace that closes it */
	return put(writer, 0);
}

int json_write_leaks(
	FILE *out, const struct leaks *leaks, const struct leaks_report *report, const char *path)
{
	struct writer writer = {.out = out, .leaks = leaks, .report = report};
	int result = -1, error;

	if (write_head(&writer, path) == 0 &&
		write_leaks(&writer, "leaks", 0, report->suspected) == 0 &&
		write_leaks(&writer, "others", report->suspected, report->n) == 0 &&
		fputs("}\n", out) >= 0)
		result = 0;
	error = errno;
	free(writer.text.text);
	free(writer.path.text);
	free(writer.name.text);
	errno = error;
	return result;
}
