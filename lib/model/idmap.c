/* SPDX-License-Identifier: MIT */
/*
 * The map from ids to entries: what is rare (making, rebuilding) and deletion.  The invariants
 * stand in idmap.h.
 */
#include "model/idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

/* A table over this size is aligned to huge pages, and the system asked for them. */
#define HUGE_PAGE ((size_t)2 << 20)
#define CACHE_LINE ((size_t)64)

static void draw(struct idmap *map)
{
	uint64_t drawn[2];

	if (getrandom(drawn, sizeof(drawn), GRND_NONBLOCK) != sizeof(drawn)) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		drawn[0] = (uint64_t)now.tv_nsec * 0xD1B54A32D192ED03u;
		drawn[1] = (uintptr_t)&now * 0xD1B54A32D192ED03u;
	}
	map->secret = drawn[0];
	map->multiplier = drawn[1] | 1;
}

/* The least power of two whose limit of five places in eight holds LIVE entries twice. */
static size_t places_for(size_t live)
{
	size_t places = IDMAP_LEAST;

	while (places / 16 * 5 < live) {
		if (places > SIZE_MAX / 4 / sizeof(struct idmap_entry))
			return 0;
		places *= 2;
	}
	return places;
}

size_t idmap_bytes_for(size_t live)
{
	size_t places = places_for(live);

	return places == 0 ? SIZE_MAX : places * sizeof(struct idmap_entry);
}

size_t idmap_bytes(const struct idmap *map)
{
	return map->entries == NULL ? 0 : (map->mask + 1) * sizeof(struct idmap_entry);
}

static int make_table(struct idmap *map, size_t live)
{
	size_t places = places_for(live);
	size_t bytes = places * sizeof(struct idmap_entry);

	if (places == 0) {
		errno = ENOMEM;
		return -1;
	}
	map->entries = aligned_alloc(bytes >= HUGE_PAGE ? HUGE_PAGE : CACHE_LINE, bytes);
	if (map->entries == NULL)
		return -1;
	if (bytes >= HUGE_PAGE)
		madvise(map->entries, bytes, MADV_HUGEPAGE);
	memset(map->entries, 0, bytes);
	map->mask = places - 1;
	map->used = 0;
	map->limit = places / 8 * 5;
	map->shift = 64 - (unsigned)__builtin_ctzll(places);
	return 0;
}

int idmap_init(struct idmap *map)
{
	draw(map);
	return make_table(map, 0);
}

void idmap_fini(struct idmap *map)
{
	free(map->entries);
	map->entries = NULL;
}

int idmap_rebuild(struct idmap *map, size_t live, idmap_keep_fn *keep, const void *arg)
{
	struct idmap fresh = *map;

	if (make_table(&fresh, live) != 0)
		return -1;
	for (size_t i = 0; i <= map->mask; i++) {
		const struct idmap_entry *entry = &map->entries[i];

		if (entry->node == 0 || (keep != NULL && !keep(entry, arg)))
			continue;
		*idmap_find(&fresh, entry->id) = *entry;
		fresh.used++;
	}
	free(map->entries);
	*map = fresh;
	return 0;
}

static size_t home_of(const struct idmap *map, uint64_t id)
{
	return (size_t)(idmap_home(map, idmap_hash(map, id), id) - map->entries);
}

void idmap_remove(struct idmap *map, struct idmap_entry *entry)
{
	size_t mask = map->mask;
	size_t hole = (size_t)(entry - map->entries);
	size_t at = hole;

	for (;;) {
		size_t home;

		at = (at + 1) & mask;
		if (map->entries[at].node == 0)
			break;
		home = home_of(map, map->entries[at].id);
		/* It may move back unless its home lies between the hole and it. */
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			map->entries[hole] = map->entries[at];
			hole = at;
		}
	}
	map->entries[hole].node = 0;
	map->used--;
}
