/* SPDX-License-Identifier: MIT */
/*
 * What the watch on leaks is made of; leaks.c keeps it, leaks_judge.c judges it.
 *
 * Invariants: the live chunks of a context stand in its list; a site's live and bytes are the sums
 * over the chunks whose path and class are its own, and born, born_bytes are these by the interval
 * of birth.  Index 0 of paths, places and chunks is nobody's.
 */
#ifndef MEMCTX_MODEL_LEAKS_INNER_H
#define MEMCTX_MODEL_LEAKS_INNER_H

#include "model/idmap.h"
#include "model/leaks.h"
#include "model/snapshot.h"

_Static_assert(LEAKS_LARGE == SNAPSHOT_CLASSES, "as snapshot_class_of() says");

struct site {
	uint64_t live, bytes, made;
	uint64_t live_at[LEAKS_SAMPLES], bytes_at[LEAKS_SAMPLES];
	/* Of what lives, by the interval of its birth, the one that has not ended included. */
	uint64_t born[LEAKS_SAMPLES], born_bytes[LEAKS_SAMPLES];
};

struct path {
	char *name; /* NULL: unused */
	uint64_t hash;
	uint32_t parent; /* 0: a root */
	uint32_t next;   /* of the same hash, or unused */
	uint32_t users;  /* live contexts and paths below */
	struct site *sites[LEAKS_WHATS];
};

struct place {
	uint64_t id, birth;
	uint32_t path;
	uint32_t parent, child, younger, older; /* child: the youngest */
	uint32_t chunks;
};

struct chunk {
	uint64_t id, size, birth;
	uint32_t place, path;
	uint32_t next, previous; /* of its place */
};

/* Things of one sort that are found by their number; those not in use are a list. */
struct pool {
	void *things;
	uint32_t end, room, unused, live;
};

struct leaks {
	struct pool paths, places, chunks;
	struct idmap path_of, place_of, chunk_of; /* hash, context, chunk -> index */
	uint64_t events, interval;
	unsigned samples;
	bool moved;         /* contexts stand elsewhere than their chunks' sites say */
	struct leak *leaks; /* the report's */
};

static inline struct path *path_at(const struct leaks *leaks, uint32_t i)
{
	return (struct path *)leaks->paths.things + i;
}

static inline struct place *place_at(const struct leaks *leaks, uint32_t i)
{
	return (struct place *)leaks->places.things + i;
}

static inline struct chunk *chunk_at(const struct leaks *leaks, uint32_t i)
{
	return (struct chunk *)leaks->chunks.things + i;
}

/* The interval in which event BIRTH lies. */
static inline uint64_t leaks_interval(const struct leaks *leaks, uint64_t birth)
{
	return birth == 0 ? 0 : (birth - 1) / leaks->interval;
}

/* Makes room for one more thing of SIZE bytes, at unused or at end.  0, or -1 with ENOMEM. */
int leaks_pool_reserve(struct pool *pool, size_t size);

/* Room for one more id; what an id names (0: nothing), which is set only with room for it. */
int leaks_map_reserve(struct idmap *map);
uint32_t leaks_map_find(const struct idmap *map, uint64_t id);
void leaks_map_set(struct idmap *map, uint64_t id, uint32_t index);
void leaks_map_drop(struct idmap *map, uint64_t id);

/* The site of a path and WHAT; NULL with ENOMEM. */
struct site *leaks_site(struct leaks *leaks, uint32_t path, unsigned what);
/* Something that was made at event BIRTH lives, or no longer lives, there. */
void leaks_site_add(struct leaks *leaks, struct site *site, uint64_t birth, uint64_t size);
void leaks_site_take(struct leaks *leaks, struct site *site, uint64_t birth, uint64_t size);

/* The path of NAME below PARENT; 0 with ENOMEM. */
uint32_t leaks_path_find(struct leaks *leaks, uint32_t parent, const char *name);
void leaks_path_clear(struct path *path);
/* Drops the paths that nobody uses, where they are many. */
void leaks_paths_sweep(struct leaks *leaks);

/* Puts the chunks of contexts that were moved where they belong.  0, or -1 with ENOMEM. */
int leaks_settle(struct leaks *leaks);

#endif
