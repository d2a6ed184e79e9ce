/* SPDX-License-Identifier: MIT */
/*
 * A map from 64-bit ids to what they name: one entry of 32 bytes each, in place.
 *
 * Open addressing, linear probing, deletion by shifting back: no tombstones.  Two ids that differ
 * in their lowest bit only share a cache line; everything else is spread by a hash with two numbers
 * drawn anew for each map, so that no input can be made to collide.  (One multiplication alone has
 * draws that lay regular ids out badly, with searches of a hundred places.)  The order of entries
 * depends on what was drawn and must never show.
 *
 * Invariants: an entry with node 0 is empty; between an entry's home and its place no place is
 * empty; used is the number of entries that are not empty, at most limit.
 */
#ifndef MEMCTX_MODEL_IDMAP_H
#define MEMCTX_MODEL_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap_entry {
	_Alignas(32) uint64_t id;
	uintptr_t ptr;
	uint64_t size;
	uint32_t node; /* 0: the place is empty */
	uint32_t era;
};

struct idmap {
	struct idmap_entry *entries;
	uint64_t secret, multiplier; /* drawn */
	size_t mask;                 /* places, a power of two, less one */
	size_t used;    /* entries in place, those that idmap_rebuild() would drop included */
	size_t limit;   /* idmap_rebuild() before used would pass it */
	unsigned shift; /* 64 - log2(places) */
};

/* Places of the smallest map. */
#define IDMAP_LEAST ((size_t)64)

/* An empty map.  0, or -1 with ENOMEM. */
int idmap_init(struct idmap *map);
void idmap_fini(struct idmap *map);

/* Whether an entry is to stay; ARG is the caller's. */
typedef bool idmap_keep_fn(const struct idmap_entry *entry, const void *arg);

/*
 * Moves the entries that KEEP (NULL: all) wants to stay to a table that fits LIVE entries and as
 * many again.  0, or -1 with ENOMEM and the map as it was.  Pointers to entries become invalid.
 */
int idmap_rebuild(struct idmap *map, size_t live, idmap_keep_fn *keep, const void *arg);

/* Bytes that a table rebuilt for LIVE entries takes; SIZE_MAX: it cannot be. */
size_t idmap_bytes_for(size_t live);
size_t idmap_bytes(const struct idmap *map);

/* Empties an entry's place, moving back what follows it; other entries' pointers become invalid. */
void idmap_remove(struct idmap *map, struct idmap_entry *entry);

/* Whether so few of the entries live that a smaller table would do. */
static inline bool idmap_is_sparse(const struct idmap *map, size_t live)
{
	return map->mask >= IDMAP_LEAST && live < map->mask / 16;
}

/* What spreads ID in this map, whatever its size; it may be computed ahead. */
static inline uint64_t idmap_hash(const struct idmap *map, uint64_t id)
{
	uint64_t hash = ((id >> 1) ^ map->secret) * 0x9E3779B97F4A7C15u;

	return (hash ^ hash >> 32) * map->multiplier;
}

/* The place where ID's search begins. */
static inline struct idmap_entry *idmap_home(const struct idmap *map, uint64_t hash, uint64_t id)
{
	return &map->entries[(hash >> map->shift) ^ (id & 1)];
}

/* The entry of ID, whose hash is known, or the empty place where it would stand (its node is 0). */
static inline struct idmap_entry *idmap_find_hashed(
	const struct idmap *map, uint64_t hash, uint64_t id)
{
	struct idmap_entry *entry = idmap_home(map, hash, id);
	struct idmap_entry *last = &map->entries[map->mask];

	while (entry->id != id && entry->node != 0)
		entry = entry == last ? map->entries : entry + 1;
	return entry;
}

static inline struct idmap_entry *idmap_find(const struct idmap *map, uint64_t id)
{
	return idmap_find_hashed(map, idmap_hash(map, id), id);
}

#endif
