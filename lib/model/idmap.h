/* SPDX-License-Identifier: MIT */
/*
 * A map from 64-bit ids to what they name: one entry of 32 bytes each, in place.
 *
 * Entries stand in buckets of two, a cache line each.  A bucket that is full sends an entry on to
 * the next that is not, and counts it, as does each bucket passed: so a search ends at a bucket
 * that nothing was sent on from, nearly always the first, without a branch that guesses wrong; a
 * deletion moves nothing and leaves nothing behind.  Ids are spread by a hash with two numbers
 * drawn anew for each map, so that no input can be made to collide.  (One multiplication alone has
 * draws that lay regular ids out badly, with searches of a hundred places.)  The order of entries
 * depends on what was drawn and must never show.
 *
 * Invariants: an entry with node 0 is empty; an entry stands in the first bucket, from its home on,
 * that had a free place when it came, and in that bucket's first; over of a bucket's first entry is
 * the number of entries that passed the bucket, 255 once it was that many; used is the number of
 * entries that are not empty, at most limit.  From the second: the id that an empty entry once had
 * is that of no entry further on in its own search.
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
	uint32_t node;     /* 0: the place is empty */
	uint32_t era : 24; /* the caller's, as ptr and size are */
	uint32_t over : 8; /* the map's own, in the first entry of a bucket */
};

#define IDMAP_LAST_ERA 0xFFFFFFu

struct idmap {
	struct idmap_entry *entries;
	uint64_t secret, multiplier; /* drawn */
	size_t mask;                 /* places, a power of two, less one */
	size_t used;    /* entries in place, those that idmap_sweep() would drop included */
	size_t limit;   /* idmap_sweep() or idmap_rebuild() before used would pass it */
	unsigned shift; /* 64 - log2(buckets) */
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

/* Whether LIVE entries fit the table with half as many again, so that a sweep will do. */
bool idmap_fits(const struct idmap *map, size_t live);

/* Makes empty places zero as far as that may be, for whoever copies the table. */
void idmap_wash(struct idmap *map);

/* Bytes that a table rebuilt for LIVE entries takes; SIZE_MAX: it cannot be. */
size_t idmap_bytes_for(size_t live);
size_t idmap_bytes(const struct idmap *map);

/* What a search that finds nothing yields: an empty entry, which is nobody's. */
extern const struct idmap_entry idmap_none;

/* Writes FROM to a place that idmap_add() gave. */
static inline void idmap_write(struct idmap_entry *to, const struct idmap_entry *from)
{
	to->id = from->id;
	to->ptr = from->ptr;
	to->size = from->size;
	to->node = from->node;
	to->era = from->era;
}

/* Whether so few of the entries live that a smaller table would do. */
static inline bool idmap_is_sparse(const struct idmap *map, size_t live)
{
	return map->mask >= IDMAP_LEAST && live < map->mask / 16;
}

/* What spreads ID in this map, whatever its size; it may be computed ahead. */
static inline uint64_t idmap_hash(const struct idmap *map, uint64_t id)
{
	uint64_t hash = (id ^ map->secret) * 0x9E3779B97F4A7C15u;

	return (hash ^ hash >> 32) * map->multiplier;
}

/* The bucket where the search for the id with this hash begins: its first entry. */
static inline struct idmap_entry *idmap_home(const struct idmap *map, uint64_t hash)
{
	return &map->entries[hash >> map->shift << 1];
}

/*
 * The first or the second of a bucket.  Which is a coin toss, so it must be computed: a compiler
 * that sees through this makes a branch of it, wrong every other time.
 */
static inline struct idmap_entry *idmap_choose(struct idmap_entry *bucket, bool second)
{
	bucket += second;
	__asm__("" : "+r"(bucket));
	return bucket;
}

/* What the short ways below leave: a home that is full, or was. */
struct idmap_entry *idmap_find_further(const struct idmap *map, uint64_t hash, uint64_t id);
struct idmap_entry *idmap_add_further(struct idmap *map, uint64_t hash);
void idmap_remove_further(struct idmap *map, uint64_t hash, struct idmap_entry *entry);

/* The entry of ID, whose hash is HASH, or one that is empty (its node is 0) and not to be written.
 */
static inline struct idmap_entry *idmap_find_hashed(
	const struct idmap *map, uint64_t hash, uint64_t id)
{
	struct idmap_entry *home = idmap_home(map, hash);
	struct idmap_entry *entry = idmap_choose(home, home->id != id);

	if (entry->id == id)
		return entry;
	if (__builtin_expect(home->over == 0, 1))
		return (struct idmap_entry *)(uintptr_t)&idmap_none;
	return idmap_find_further(map, hash, id);
}

static inline struct idmap_entry *idmap_find(const struct idmap *map, uint64_t id)
{
	return idmap_find_hashed(map, idmap_hash(map, id), id);
}

/*
 * The place for a new entry of an id that has none, with this hash: the caller writes all of it
 * but over.  used is below limit.
 */
static inline struct idmap_entry *idmap_add(struct idmap *map, uint64_t hash)
{
	struct idmap_entry *home = idmap_home(map, hash);
	struct idmap_entry *entry = idmap_choose(home, home->node != 0);

	map->used++;
	if (__builtin_expect(entry->node == 0, 1))
		return entry;
	return idmap_add_further(map, hash);
}

/* Empties the place of an entry, whose id has this hash. */
static inline void idmap_remove(struct idmap *map, uint64_t hash, struct idmap_entry *entry)
{
	uintptr_t from_home = (uintptr_t)entry - (uintptr_t)idmap_home(map, hash);

	map->used--;
	entry->node = 0;
	if (__builtin_expect(from_home >= 2 * sizeof(*entry), 0))
		idmap_remove_further(map, hash, entry);
}

/* Counts anew what each bucket sent on; every over is 0. */
void idmap_count_over(struct idmap *map);

/*
 * Drops the entries that KEEP does not want to stay, in place.  KEEP may be asked about empty ones,
 * too.  Inline and without branches, since which entries go is a coin toss: where a reset kills
 * what it does not walk over, this is a good part of the work.
 */
static inline void idmap_sweep(struct idmap *map, idmap_keep_fn *keep, const void *arg)
{
	size_t used = 0;
	unsigned over = 0;

	for (size_t i = 0; i <= map->mask; i++) {
		struct idmap_entry *entry = &map->entries[i];

		entry->node &= 0u - (uint32_t)keep(entry, arg);
		used += entry->node != 0;
		over |= entry->over;
		entry->over = 0;
	}
	map->used = used;
	if (over != 0)
		idmap_count_over(map);
}

#endif
