/* SPDX-License-Identifier: MIT */
/*
 * A comparison as JSON: what the table has, exactly.
 */
#include "model/jsoncompare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/jsonvalue.h"

static bool add_figures(struct cJSON *object, const struct compare_row *row)
{
	const struct snapshot_figures *f = &row->figures;

	return value_add_number(object, "peak_event", row->peak_event) &&
	       value_add_number(object, "total_bytes", f->total_bytes) &&
	       value_add_number(object, "requested_bytes", row->requested) &&
	       value_add_number(object, "slack_bytes", f->slack_bytes) &&
	       value_add_number(object, "header_bytes", f->header_bytes) &&
	       value_add_number(object, "freelist_bytes", f->freelist_bytes) &&
	       value_add_number(object, "tail_bytes", f->tail_bytes) &&
	       value_add_number(object, "unfreed_bytes", row->unfreed) &&
	       value_add_number(object, "total_nblocks", f->total_nblocks);
}

/* LABEL gets what of the row's has to last until all is printed. */
static bool add_row(struct cJSON *array, const struct compare_row *row, struct json_text *label)
{
	struct cJSON *object = value_add_object(array, NULL);
	struct cJSON *time;
	bool escaped = false;
	const char *shown = json_presentable(row->label, label, &escaped);

	if (shown == NULL || !value_add_string(object, "row", shown) ||
		(escaped && !value_add_true(object, "row_escaped")))
		return false;
	if (row->refused)
		return value_add_true(object, "refused") != NULL;
	time = value_add_object(object, "ns_per_operation");
	return value_add_double(time, "q1", row->low) &&
	       value_add_double(time, "median", row->median) &&
	       value_add_double(time, "q3", row->high) &&
	       value_add_number(object, "system_allocations", row->system_calls) &&
	       value_add_number(object, "resident_bytes", row->rss) &&
	       value_add_number(object, "not_done", row->not_done) &&
	       add_figures(value_add_object(object, "peak"), row);
}

static bool add_all(struct cJSON *head, const char *path, const struct script *script,
	const struct compare_row *rows, size_t n, struct json_text *texts)
{
	struct cJSON *array;

	if (!json_add_head(head, "memctx-compare") || !json_add_path(head, path, &texts[n]) ||
		!value_add_number(head, "events", script->events) ||
		!value_add_number(head, "left_out", script->skipped))
		return false;
	array = value_add_array(head, "rows");
	for (size_t i = 0; i < n; i++)
		if (!add_row(array, &rows[i], &texts[i]))
			return false;
	return array != NULL;
}

int json_write_compare(FILE *out, const char *path, const struct script *script,
	const struct compare_row *rows, size_t n)
{
	struct json_text *texts = calloc(n + 1, sizeof *texts);
	struct cJSON *head = value_object();
	size_t strings = 4 * strlen(path) + n * (4 * SETTING_TEXT + JSON_OBJECT);
	int result = -1, error;

	if (texts != NULL && add_all(head, path, script, rows, n, texts) &&
		json_put(out, head, strings) == 0)
		result = 0;
	error = errno;
	value_delete(head);
	for (size_t i = 0; texts != NULL && i <= n; i++)
		free(texts[i].text);
	free(texts);
	errno = error;
	return result;
}
