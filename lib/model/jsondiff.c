/* SPDX-License-Identifier: MIT */
/*
 * What two snapshots differ in as JSON.  An object a context is made, printed and dropped, so that
 * no more than one is held.
 */
#include "model/jsondiff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"
#include "model/jsonvalue.h"

static const struct {
	const char *key;
	enum rows_key figure;
} keys[] = {
	{"total_bytes", ROWS_TOTAL},
	{"total_nblocks", ROWS_BLOCKS},
	{"free_bytes", ROWS_FREE},
	{"used_bytes", ROWS_USED},
	{"live_chunks", ROWS_CHUNKS},
	{"requested_bytes", ROWS_REQUESTED},
	{"slack_bytes", ROWS_SLACK},
	{"header_bytes", ROWS_HEADERS},
	{"freelist_bytes", ROWS_FREELIST},
	{"tail_bytes", ROWS_TAIL},
};

enum { KEYS = sizeof keys / sizeof *keys };

static const char *const side_keys[DIFF_SIDES] = {"a", "b"};

struct writer {
	FILE *out;
	const struct diff *diff;
	struct json_text text, path, name;
	bool line_end; /* a context has been written */
};

static bool add_figures(struct cJSON *object, const struct diff_figures *figures)
{
	for (int i = 0; i < KEYS; i++)
		if (!value_add_number(object, keys[i].key, figures->of[keys[i].figure]))
			return false;
	return true;
}

static bool add_change(struct cJSON *object, const char *key, const struct diff_figures *figures,
	enum rows_key figure)
{
	struct diff_change change = diff_change(figures, figure);

	return value_add_change(object, key, change.known && change.less,
		change.known ? change.by : SNAPSHOT_UNKNOWN);
}

static bool add_changes(struct cJSON *object, const struct diff_figures *figures)
{
	struct cJSON *changes = value_add_object(object, "change");

	for (int i = 0; i < KEYS; i++)
		if (!add_change(changes, keys[i].key, figures, keys[i].figure))
			return false;
	return true;
}

/* Writes the text from FROM on. */
static int put(struct writer *writer, size_t from)
{
	size_t size = writer->text.size - from;

	return fwrite(writer->text.text + from, 1, size, writer->out) == size ? 0 : -1;
}

/* ---- The head ------------------------------------------------------------------------- */

static bool add_side(struct writer *writer, struct cJSON *head, int side)
{
	const struct snapshot *snapshot = writer->diff->sides[side];
	struct cJSON *source = value_add_object(head, side_keys[side]);
	uint64_t pid = snapshot->pid < 0 ? SNAPSHOT_UNKNOWN : (uint64_t)snapshot->pid;

	/* Both paths have to last until the head is printed. */
	return json_add_path(
		       source, snapshot->path, side == DIFF_A ? &writer->path : &writer->name) &&
	       value_add_number(source, "pid", pid) &&
	       value_add_number(source, "event", snapshot->event) &&
	       value_add_number(source, "time_ns", snapshot->time_ns) &&
	       value_add_string(source, "point", *snapshot->point ? snapshot->point : NULL) &&
	       value_add_number(source, "contexts", snapshot->n) &&
	       add_figures(source, &writer->diff->totals[side]);
}

static bool add_counts(struct cJSON *head, const struct diff_counts *counts)
{
	struct cJSON *object = value_add_object(head, "counts");

	return value_add_number(object, "new", counts->added) &&
	       value_add_number(object, "gone", counts->gone) &&
	       value_add_number(object, "grown", counts->grown) &&
	       value_add_number(object, "shrunk", counts->shrunk) &&
	       value_add_number(object, "changed", counts->changed) &&
	       value_add_number(object, "alike", counts->alike);
}

static int write_head(struct writer *writer)
{
	const struct diff *diff = writer->diff;
	struct cJSON *head = value_object();
	size_t strings = 0;
	int result = -1;

	for (int side = 0; side < DIFF_SIDES; side++)
		strings += diff->sides[side]->path ? 4 * strlen(diff->sides[side]->path) : 0;
	if (json_add_head(head, "memctx-diff") && add_side(writer, head, DIFF_A) &&
		add_side(writer, head, DIFF_B) && add_changes(head, diff->totals) &&
		value_add_string(head, "by", rows_key_name(diff->options.key)) &&
		add_counts(head, &diff->counts))
		result = text_print(&writer->text, head, strings);
	value_delete(head);
	if (result)
		return -1;
	writer->text.size--; /* the brace that closes it */
	return put(writer, 0) || fputs(",\"contexts\":[", writer->out) < 0 ? -1 : 0;
}

/* ---- Contexts ------------------------------------------------------------------------- */

static int make_path(struct writer *writer, const struct snapshot *snapshot, uint32_t context)
{
	const char *names[JSON_LEVELS];
	size_t n = snapshot->contexts[context].level;

	for (size_t at = n; n <= JSON_LEVELS && at-- > 0;) {
		names[at] = snapshot_string(snapshot, snapshot->contexts[context].name);
		context = snapshot->contexts[context].parent;
	}
	return json_names(&writer->path, names, n, &writer->name);
}

static const char *status_of(const struct diff *diff, const struct diff_line *line)
{
	struct diff_change change = diff_change(line->figures, diff->options.key);

	if (line->members[DIFF_A] == 0)
		return "new";
	if (line->members[DIFF_B] == 0)
		return "gone";
	if (!change.known || change.by == 0)
		return "changed";
	return change.less ? "shrunk" : "grown";
}

static bool add_sides(struct cJSON *object, const struct diff *diff, const struct diff_line *line)
{
	for (int side = 0; side < DIFF_SIDES; side++) {
		struct cJSON *at;

		if (line->members[side] == 0) {
			if (!value_add_string(object, side_keys[side], NULL))
				return false;
			continue;
		}
		at = value_add_object(object, side_keys[side]);
		if (!value_add_id(at, "id", diff->sides[side]->contexts[line->context[side]].id) ||
			!add_figures(at, &line->figures[side]))
			return false;
	}
	return add_changes(object, line->figures);
}

/* A line of the text: the path, then what cJSON prints of the rest behind it. */
static int write_context(struct writer *writer, const struct diff_line *line)
{
	int side = diff_side(line), result = -1;
	const struct snapshot *snapshot = writer->diff->sides[side];
	const char *ident =
		snapshot_string(snapshot, snapshot->contexts[line->context[side]].ident);
	struct cJSON *object = value_object();
	bool escaped = false;

	if (make_path(writer, snapshot, line->context[side]) == 0 &&
		(!ident || (ident = json_presentable(ident, &writer->name, &escaped))) &&
		fprintf(writer->out, "%s\n{\"path\":%.*s,", writer->line_end ? "," : "",
			(int)writer->path.size, writer->path.text) >= 0 &&
		value_add_string(object, "ident", ident) &&
		(!escaped || value_add_true(object, "ident_escaped")) &&
		value_add_string(object, "status", status_of(writer->diff, line)) &&
		add_sides(object, writer->diff, line)) {
		writer->text.size = 0;
		result = text_print(&writer->text, object, ident ? strlen(ident) : 0);
	}
	value_delete(object);
	writer->line_end = true;
	/* Without the brace that opens it. */
	return result ? -1 : put(writer, 1);
}

int json_write_diff(FILE *out, const struct diff *diff)
{
	struct writer writer = {.out = out, .diff = diff};
	int result = write_head(&writer), error;

	for (size_t i = 0; i < diff->n && result == 0; i++)
		if (diff_differs(&diff->lines[i], diff->options.key))
			result = write_context(&writer, &diff->lines[i]);
	if (result == 0 && fputs("]}\n", out) < 0)
		result = -1;
	error = errno;
	free(writer.text.text);
	free(writer.path.text);
	free(writer.name.text);
	errno = error;
	return result;
}
