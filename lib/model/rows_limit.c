/* SPDX-License-Identifier: MIT */
/*
 * Fewer lines: those that are greatest by a key, with those above them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/rows_inner.h"

struct ranked {
	uint64_t value;
	uint32_t row;
};

/* The greatest first; of equal ones the line that stands first, which may be above the other. */
static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return x->row < y->row ? -1 : 1;
}

/*
 * Ranks every line by the greatest figure in its subtree: so a line never ranks before those above
 * it, and the first of the ranked lines are a tree.
 */
static void rank(const struct rows *rows, enum rows_key key, struct ranked *ranked)
{
	for (size_t i = 0; i < rows->n; i++)
		ranked[i] =
			(struct ranked){rows_known(rows_value(&rows->rows[i], key)), (uint32_t)i};
	for (size_t i = rows->n; i-- > 0;) {
		uint32_t parent = rows->rows[i].parent;

		if (parent != SNAPSHOT_NONE && ranked[parent].value < ranked[i].value)
			ranked[parent].value = ranked[i].value;
	}
	qsort(ranked, rows->n, sizeof(*ranked), compare_ranked);
}

/* Takes the lines of RANKED from MAX on away; MOVED has room for each line's new place. */
static void close_gaps(struct rows *rows, const struct ranked *ranked, size_t max,
	enum rows_key key, uint32_t *moved)
{
	uint32_t kept = 0;

	memset(moved, 0, rows->n * sizeof(*moved));
	for (size_t i = max; i < rows->n; i++) {
		const struct row *row = &rows->rows[ranked[i].row];
		uint64_t value = rows_known(rows_value(row, key));

		moved[ranked[i].row] = SNAPSHOT_NONE;
		rows->hidden += row->members;
		if (value > rows->hidden_most)
			rows->hidden_most = value;
	}
	for (size_t i = 0; i < rows->n; i++) {
		struct row row = rows->rows[i];

		if (moved[i] == SNAPSHOT_NONE)
			continue;
		if (row.parent != SNAPSHOT_NONE)
			row.parent = moved[row.parent];
		moved[i] = kept;
		rows->rows[kept++] = row;
	}
	rows->n = kept;
	rows_set_ends(rows);
}

int rows_limit(struct rows *rows, size_t max, enum rows_key key)
{
	struct ranked *ranked;
	uint32_t *moved;
	bool done;

	if (rows->n <= max)
		return 0;
	if (key == ROWS_NAME)
		key = ROWS_TOTAL;
	ranked = malloc(rows->n * sizeof(*ranked));
	moved = malloc(rows->n * sizeof(*moved));
	done = ranked != NULL && moved != NULL;
	if (done) {
		rank(rows, key, ranked);
		close_gaps(rows, ranked, max, key, moved);
	}
	free(ranked);
	free(moved);
	if (!done)
		errno = ENOMEM;
	return done ? 0 : -1;
}
