/* SPDX-License-Identifier: MIT */
/*
 * Changes from a snapshot to the next.
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
	const struct changes_seen *before;
	size_t n;
	size_t cursor;   /* where the next context is looked for first */
	uint32_t *table; /* indexes by id, open addressing; NULL: not needed yet */
	size_t mask;
};

static size_t slot_of(const struct finder *finder, uint64_t id)
{
	size_t at = (size_t)((id * 0x9e3779b97f4a7c15u) >> 24) & finder->mask;

	while (finder->table[at] != NOTHING && finder->before[finder->table[at]].id != id)
		at = (at + 1) & finder->mask;
	return at;
}

static bool make_table(struct finder *finder)
{
	finder->mask = 15;
	while (finder->mask < 2 * finder->n)
		finder->mask = finder->mask * 2 + 1;
	finder->table = malloc((finder->mask + 1) * sizeof *finder->table);
	if (!finder->table)
		return false;
	memset(finder->table, 0xff, (finder->mask + 1) * sizeof *finder->table);
	for (size_t i = 0; i < finder->n; i++)
		finder->table[slot_of(finder, finder->before[i].id)] = (uint32_t)i;
	return true;
}

/* What was seen of an ID before, or NULL in *SEEN; false: out of memory. */
static bool find(struct finder *finder, uint64_t id, const struct changes_seen **seen)
{
	uint32_t at = NOTHING;

	if (finder->cursor < finder->n && finder->before[finder->cursor].id == id)
		at = (uint32_t)finder->cursor;
	else if (!finder->table && !make_table(finder))
		return false;
	else
		at = finder->table[slot_of(finder, id)];
	*seen = at == NOTHING ? NULL : &finder->before[at];
	if (*seen)
		finder->cursor = (size_t)at + 1;
	return true;
}

static uint64_t known(uint64_t bytes)
{
	return bytes == SNAPSHOT_UNKNOWN ? 0 : bytes;
}

/* NULL with ENOMEM. */
static struct changes_seen *see(const struct snapshot *snapshot)
{
	struct changes_seen *seen = malloc((snapshot->n + 1) * sizeof *seen);

	if (!seen)
		return NULL;
	for (size_t i = 0; i < snapshot->n; i++) {
		uint64_t bytes = known(snapshot->contexts[i].own.total_bytes);

		seen[i] = (struct changes_seen){snapshot->contexts[i].id, bytes, bytes};
	}
	for (size_t i = snapshot->n; i-- > 0;)
		if (snapshot->contexts[i].parent != SNAPSHOT_NONE)
			seen[snapshot->contexts[i].parent].subtree += seen[i].subtree;
	return seen;
}

/* Makes room in CHANGES and holds the N of NOW against what it has seen. */
static bool compare(struct changes *changes, const struct changes_seen *now, size_t n)
{
	struct finder finder = {.before = changes->seen, .n = changes->n};
	const struct changes_seen *before;
	size_t i = 0;

	changes->own = malloc((n + 1) * sizeof *changes->own);
	changes->subtree = malloc((n + 1) * sizeof *changes->subtree);
	if (!changes->own || !changes->subtree)
		return false;
	for (; i < n && find(&finder, now[i].id, &before); i++) {
		changes->own[i] = (int64_t)(now[i].own - (before ? before->own : 0));
		changes->subtree[i] = (int64_t)(now[i].subtree - (before ? before->subtree : 0));
	}
	free(finder.table);
	return i == n;
}

int changes_next(struct changes *changes, const struct snapshot *now)
{
	struct changes_seen *seen = see(now);
	bool is_done = seen != NULL;

	free(changes->own);
	free(changes->subtree);
	changes->own = changes->subtree = NULL;
	if (seen && changes->seen)
		is_done = compare(changes, seen, now->n);
	free(changes->seen);
	changes->seen = seen;
	changes->n = now->n;
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
	free(changes->seen);
	*changes = (struct changes){0};
}
