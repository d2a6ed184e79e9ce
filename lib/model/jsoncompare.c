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

static bool add_row(struct cJSON *array, const struct compare_row *row)
{
	struct cJSON *object = value_add_object(array, NULL);
	struct cJSON *time;

	if (!value_add_string(object, "row", row->label))
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

int json_write_compare(FILE *out, const char *path, const struct script *script,
	const struct compare_row *rows, size_t n)
{
	struct cJSON *head = value_object();
	struct json_text text = {0};
	size_t strings = strlen(path) * 6;
	bool done = value_add_string(head, "schema", "memctx-compare") &&
		    value_add_number(head, "version", 1) && value_add_string(head, "trace", path) &&
		    value_add_number(head, "events", script->events) &&
		    value_add_number(head, "left_out", script->skipped);
	struct cJSON *array = value_add_array(head, "rows");

	for (size_t i = 0; done && i < n; i++) {
		done = add_row(array, &rows[i]);
		strings += strlen(rows[i].label) * 6 + JSON_OBJECT;
	}
	if (!done || text_print(&text, head, strings) != 0) {
		value_delete(head);
		free(text.text);
		errno = ENOMEM;
		return -1;
	}
	value_delete(head);
	done = fwrite(text.text, 1, text.size, out) == text.size && fputc('\n', out) != EOF;
	free(text.text);
	return done ? 0 : -1;
}
