/* SPDX-License-Identifier: MIT */
/*
 * The classes of a line as they are: summed up when they are looked at, since few lines are.
 */
#include <string.h>

#include "model/rows_lists.h"

bool rows_lists(const struct rows *rows, const struct row *row, bool own, struct lists *lists)
{
	const struct snapshot *snapshot = rows->snapshot;
	struct snapshot_class rest[SNAPSHOT_CLASSES];
	uint32_t others = 0, all = 0, at = row->context;

	if (snapshot->lists_size == 0) {
		lists_of_classes(lists, row->figures->classes);
		return false;
	}
	memset(lists, 0, sizeof *lists);
	memcpy(rest, row->figures->classes, sizeof rest);
	for (uint32_t i = 0; i < row->members; i++) {
		uint32_t end = own ? at + 1 : snapshot->contexts[at].end;

		all += end - at;
		others += snapshot_add_lists(snapshot, at, end, lists, rest);
		if (i + 1 < row->members)
			at = rows->next[at];
	}
	lists_end_sum(lists, rest, others > 0);
	return others < all;
}
