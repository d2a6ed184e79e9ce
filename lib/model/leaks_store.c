/* SPDX-License-Identifier: MIT */
/*
 * Where the watch on leaks keeps what it counts: pools, maps, sites and paths.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/leaks_inner.h"

/* Paths that nobody uses are dropped when they are more than this and more than those in use. */
#define SPARE_PATHS 1000

/* ---- Pools and maps ------------------------------------------------------------------- */

int leaks_pool_reserve(struct pool *pool, size_t size)
{
	uint32_t room = pool->room != 0 ? pool->room * 2 : 64;
	void *things;

	if (pool->unused != 0 || pool->end < pool->room)
		return 0;
	if (pool->room > UINT32_MAX / 4) {
		errno = ENOMEM;
		return -1;
	}
	things = realloc(pool->things, room * size);
	if (things == NULL)
		return -1;
	pool->things = things;
	pool->room = room;
	if (pool->end == 0) {
		memset(things, 0, size);
		pool->end = 1;
	}
	return 0;
}

int leaks_map_reserve(struct idmap *map)
{
	if (map->used < map->limit)
		return 0;
	return idmap_rebuild(map, map->used + 1, NULL, NULL);
}

uint32_t leaks_map_find(const struct idmap *map, uint64_t id)
{
	return idmap_find(map, id)->node;
}

/* Sets what ID names; leaks_map_reserve() has made room where it names nothing. */
void leaks_map_set(struct idmap *map, uint64_t id, uint32_t index)
{
	struct idmap_entry *entry = idmap_find(map, id);

	if (entry->node == 0)
		entry = idmap_add(map, idmap_hash(map, id));
	entry->id = id;
	entry->node = index;
}

void leaks_map_drop(struct idmap *map, uint64_t id)
{
	struct idmap_entry *entry = idmap_find(map, id);

	if (entry->node != 0)
		idmap_remove(map, idmap_hash(map, id), entry);
}

/* ---- Sites ---------------------------------------------------------------------------- */

/* The site of a path and WHAT; NULL with ENOMEM. */
struct site *leaks_site(struct leaks *leaks, uint32_t path, unsigned what)
{
	struct site **site = &path_at(leaks, path)->sites[what];

	if (*site == NULL)
		*site = calloc(1, sizeof **site);
	return *site;
}

void leaks_site_add(struct leaks *leaks, struct site *site, uint64_t birth, uint64_t size)
{
	uint64_t i = leaks_interval(leaks, birth);

	site->live++;
	site->bytes += size;
	site->born[i]++;
	site->born_bytes[i] += size;
}

void leaks_site_take(struct leaks *leaks, struct site *site, uint64_t birth, uint64_t size)
{
	uint64_t i = leaks_interval(leaks, birth);

	site->live--;
	site->bytes -= size;
	site->born[i]--;
	site->born_bytes[i] -= size;
}

/* ---- Paths ---------------------------------------------------------------------------- */

void leaks_path_clear(struct path *path)
{
	for (unsigned what = 0; what < LEAKS_WHATS; what++)
		free(path->sites[what]);
	free(path->name);
	*path = (struct path){.name = NULL};
}

static uint64_t path_hash(const struct leaks *leaks, uint32_t parent, const char *name)
{
	/* The map's own secret, so that no input can be made to collide. */
	uint64_t hash = (leaks->path_of.secret ^ parent) * 0x9E3779B97F4A7C15u;

	for (; *name != '\0'; name++)
		hash = ((hash ^ (unsigned char)*name) * 0x100000001b3u) ^ hash >> 47;
	return hash;
}

static uint32_t path_new(struct leaks *leaks, uint32_t parent, const char *name, uint64_t hash)
{
	struct pool *pool = &leaks->paths;
	char *copy = strdup(name);
	uint32_t at;

	if (copy == NULL || leaks_pool_reserve(pool, sizeof(struct path)) != 0 ||
		leaks_map_reserve(&leaks->path_of) != 0) {
		free(copy);
		return 0;
	}
	at = pool->unused != 0 ? pool->unused : pool->end++;
	if (at == pool->unused)
		pool->unused = path_at(leaks, at)->next;
	*path_at(leaks, at) = (struct path){.name = copy,
		.hash = hash,
		.parent = parent,
		.next = leaks_map_find(&leaks->path_of, hash)};
	leaks_map_set(&leaks->path_of, hash, at);
	path_at(leaks, parent)->users++;
	pool->live++;
	return at;
}

/* The path of NAME below PARENT; 0 with ENOMEM. */
uint32_t leaks_path_find(struct leaks *leaks, uint32_t parent, const char *name)
{
	uint64_t hash = path_hash(leaks, parent, name);
	uint32_t at = leaks_map_find(&leaks->path_of, hash);

	for (; at != 0; at = path_at(leaks, at)->next)
		if (path_at(leaks, at)->parent == parent &&
			strcmp(path_at(leaks, at)->name, name) == 0)
			return at;
	return path_new(leaks, parent, name, hash);
}

static void path_drop(struct leaks *leaks, uint32_t at)
{
	struct path *path = path_at(leaks, at);
	uint32_t first = leaks_map_find(&leaks->path_of, path->hash);

	if (first != at) {
		while (path_at(leaks, first)->next != at)
			first = path_at(leaks, first)->next;
		path_at(leaks, first)->next = path->next;
	} else if (path->next != 0) {
		leaks_map_set(&leaks->path_of, path->hash, path->next);
	} else {
		leaks_map_drop(&leaks->path_of, path->hash);
	}
	path_at(leaks, path->parent)->users--;
	leaks_path_clear(path);
	path->next = leaks->paths.unused;
	leaks->paths.unused = at;
	leaks->paths.live--;
}

/* Drops the paths that nobody uses, where they are many. */
void leaks_paths_sweep(struct leaks *leaks)
{
	if (leaks->paths.live <= 2 * leaks->places.live + SPARE_PATHS)
		return;
	for (uint32_t i = 1; i < leaks->paths.end; i++)
		for (uint32_t at = i, parent;
			path_at(leaks, at)->name != NULL && path_at(leaks, at)->users == 0;
			at = parent) {
			parent = path_at(leaks, at)->parent;
			path_drop(leaks, at);
			if (parent == 0)
				break;
		}
}
