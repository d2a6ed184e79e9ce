/* SPDX-License-Identifier: MIT */
/*
 * The map from ids to entries: what is rare.  The invariants stand in idmap.h.
 */
#include "model/idmap.h"
#include "model/own.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* A table over this size is aligned to huge pages, and the system asked for them. */
#define HUGE_PAGE ((size_t)2 << 20)
#define CACHE_LINE ((size_t)64)

#define MOST_OVER 255u /* a count that has been this high no longer tells how many */

const struct idmap_entry idmap_none;

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

/*
 * The entries that a table holds at most.  Speed wants few: of those that come to a table as full
 * as that, one in six finds its bucket full, where five places in eight are taken one in three.
 * Beyond 32 MiB memory counts for more.
 */
static size_t limit_of(size_t places)
{
	return places <= ((size_t)32 << 20) / sizeof(struct idmap_entry) ? places / 8 * 3
									 : places / 8 * 5;
}

/* The least power of two that holds LIVE entries and half as many again. */
static size_t places_for(size_t live)
{
	size_t places = IDMAP_LEAST;

	while (limit_of(places) / 3 * 2 < live) {
		if (places > SIZE_MAX / 4 / sizeof(struct idmap_entry))
			return 0;
		places *= 2;
	}
	return places;
}

bool idmap_fits(const struct idmap *map, size_t live)
{
	return live <= map->limit / 3 * 2;
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
	map->entries = own_aligned(bytes >= HUGE_PAGE ? HUGE_PAGE : CACHE_LINE, bytes);
	if (map->entries == NULL)
		return -1;
	memset(map->entries, 0, bytes);
	map->mask = places - 1;
	map->used = 0;
	map->limit = limit_of(places);
	map->shift = 64 + 1 - (unsigned)__builtin_ctzll(places);
	return 0;
}

int idmap_init(struct idmap *map)
{
	draw(map);
	return make_table(map, 0);
}

void idmap_fini(struct idmap *map)
{
	own_free(map->entries);
	map->entries = NULL;
}

int idmap_rebuild(struct idmap *map, size_t live, idmap_keep_fn *keep, const void *arg)
{
	struct idmap fresh = *map;

	if (make_table(&fresh, live) != 0)
		return -1;
	for (size_t i = 0; i <= map->mask; i++) {
		const struct idmap_entry *entry = &map->entries[i];

		if (entry->node != 0 && (keep == NULL || keep(entry, arg)))
			idmap_write(idmap_add(&fresh, idmap_hash(&fresh, entry->id)), entry);
	}
	own_free(map->entries);
	*map = fresh;
	return 0;
}

static struct idmap_entry *next_bucket(const struct idmap *map, struct idmap_entry *bucket)
{
	return bucket + 1 == &map->entries[map->mask] ? map->entries : bucket + 2;
}

struct idmap_entry *idmap_find_further(const struct idmap *map, uint64_t hash, uint64_t id)
{
	struct idmap_entry *home = idmap_home(map, hash);
	struct idmap_entry *bucket = home;

	/* Counts that no longer tell how many could send a search all the way round. */
	while (bucket->over != 0) {
		struct idmap_entry *entry;

		bucket = next_bucket(map, bucket);
		if (bucket == home)
			break;
		entry = bucket + (bucket->id != id);
		if (entry->id == id)
			return entry;
	}
	return (struct idmap_entry *)(uintptr_t)&idmap_none;
}

struct idmap_entry *idmap_add_further(struct idmap *map, uint64_t hash)
{
	struct idmap_entry *bucket = idmap_home(map, hash);

	while (bucket[0].node != 0 && bucket[1].node != 0) {
		if (bucket->over < MOST_OVER)
			bucket->over++;
		bucket = next_bucket(map, bucket);
	}
	return bucket + (bucket->node != 0);
}

void idmap_remove_further(struct idmap *map, uint64_t hash, struct idmap_entry *entry)
{
	struct idmap_entry *bucket = idmap_home(map, hash);

	while (entry != bucket && entry != bucket + 1) {
		if (bucket->over < MOST_OVER)
			bucket->over--;
		bucket = next_bucket(map, bucket);
	}
}

void idmap_count_over(struct idmap *map)
{
	for (size_t i = 0; i <= map->mask; i++) {
		struct idmap_entry *stands = &map->entries[i & ~(size_t)1];
		struct idmap_entry *bucket;

		if (map->entries[i].node == 0)
			continue;
		bucket = idmap_home(map, idmap_hash(map, map->entries[i].id));
		for (; bucket != stands; bucket = next_bucket(map, bucket)) {
			if (bucket->over < MOST_OVER)
				bucket->over++;
		}
	}
}

/* Whether a search for the id 0 passes through a bucket: there an id of 0 would be found. */
static bool zero_passes(const struct idmap *map, const struct idmap_entry *bucket)
{
	struct idmap_entry *home = idmap_home(map, idmap_hash(map, 0));

	for (struct idmap_entry *at = home; at != bucket; at = next_bucket(map, at))
		if (at->over == 0 || next_bucket(map, at) == home)
			return false;
	return true;
}

void idmap_wash(struct idmap *map)
{
	for (size_t i = 0; i <= map->mask; i++) {
		struct idmap_entry *entry = &map->entries[i];

		if (entry->node != 0)
			continue;
		entry->ptr = 0;
		entry->size = 0;
		entry->era = 0;
		if (entry->id != 0 && !zero_passes(map, &map->entries[i & ~(size_t)1]))
			entry->id = 0;
	}
}
