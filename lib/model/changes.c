/* SPDX-License-Identifier: MIT */
/*
 * Changes between two snapshots.
 *
 * Both stand in tree order, so a context is nearly always the one behind the last that was found;
 * only where it is not, it is looked up by its id.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model/changes.h"

#define NOTHING UINT32_MAX

struct finder {
	const struct snapshot *before;
	size_t cursor;   /* where the next context is looked for first */
	uint32_t *table; /* indexes by id, open addressing; NULL: not needed yet */
	size_t mask;
};

static size_t slot_of(const struct finder *finder, uint64_t id)
{
	size_t at = (size_t)((id * 0x9e3779b97f4a7c15u) >> 24) & finder->mask;

	while (finder->table[at] != NOTHING && finder->before->contexts[finder->table[at]].id != id)
		at = (at + 1) & finder->mask;
	return at;
}

static bool make_table(struct finder *finder)
{
	size_t n = finder->before->n;

	finder->mask = 15;
	while (finder->mask < 2 * n)
		finder->mask = finder->mask * 2 + 1;
	finder->table = malloc((finder->mask + 1) * sizeof *finder->table);
	if (!finder->table)
		return false;
	memset(finder->table, 0xff, (finder->mask + 1) * sizeof *finder->table);
	for (size_t i = 0; i < n; i++)
		finder->table[slot_of(finder, finder->before->contexts[i].id)] = (uint32_t)i;
	return true;
}

/* The context of an id in the earlier snapshot; false: out of memory. */
static bool find(struct finder *finder, uint64_t id, uint32_t *at)
{
	*at = NOTHING;
	if (finder->cursor < finder->before->n && finder->before->contexts[finder->cursor].id == id)
		*at = (uint32_t)finder->cursor;
	else if (!finder->table && !make_table(finder))
		return false;
	else
		*at = finder->table[slot_of(finder, id)];
	if (*at != NOTHING)
		finder->cursor = (size_t)*at + 1;
	return true;
}

static uint64_t known(uint64_t bytes)
{
	return bytes == SNAPSHOT_UNKNOWN ? 0 : bytes;
}

static void sum_below(const struct snapshot *snapshot, uint64_t *sums)
{
	for (size_t i = 0; i < snapshot->n; i++)
		sums[i] = known(snapshot->contexts[i].own.total_bytes);
	for (size_t i = snapshot->n; i-- > 0;)
		if (snapshot->contexts[i].parent != SNAPSHOT_NONE)
			sums[snapshot->contexts[i].parent] += sums[i];
}

static bool compare(struct changes *changes, const struct snapshot *now, struct finder *finder,
	const uint64_t *sums_before, const uint64_t *sums)
{
	for (size_t i = 0; i < now->n; i++) {
		const struct snapshot_context *context = &now->contexts[i];
		uint64_t own = 0, below = 0;
		uint32_t at;

		if (!find(finder, context->id, &at))
			return false;
		if (at != NOTHING) {
			own = known(finder->before->contexts[at].own.total_bytes);
			below = sums_before[at];
		}
		changes->own[i] = (int64_t)(known(context->own.total_bytes) - own);
		changes->subtree[i] = (int64_t)(sums[i] - below);
	}
	return true;
}

int changes_find(struct changes *changes, const struct snapshot *before, const struct snapshot *now)
{
	struct finder finder = {.before = before};
	uint64_t *sums_before = malloc((before->n + 1) * sizeof *sums_before);
	uint64_t *sums = malloc((now->n + 1) * sizeof *sums);
	bool is_done = false;

	changes->own = malloc((now->n + 1) * sizeof *changes->own);
	changes->subtree = malloc((now->n + 1) * sizeof *changes->subtree);
	if (sums_before && sums && changes->own && changes->subtree) {
		sum_below(before, sums_before);
		sum_below(now, sums);
		is_done = compare(changes, now, &finder, sums_before, sums);
	}
	free(finder.table);
	free(sums_before);
	free(sums);
	if (is_done)
		return 0;
	changes_free(changes);
	errno = ENOMEM;
	return -1;
}

void changes_free(struct changes *changes)
{
	free(changes->own);
	free(changes->subtree);
	changes->own = changes->subtree = NULL;
}
