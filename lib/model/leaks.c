/* SPDX-License-Identifier: MIT */
/*
 * Keeping count of what lives by where it is and when it was made: see leaks.h.
 *
 * A chunk's death is one subtraction at its site, in the interval of its birth, so that an event
 * costs the same whatever the trace's length; only a sample looks at every site.
 */
#include "model/leaks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/called.h"
#include "model/leaks_inner.h"

struct leaks *leaks_new(void)
{
	struct leaks *leaks = calloc(1, sizeof *leaks);

	if (leaks == NULL)
		return NULL;
	leaks->interval = 1;
	if (idmap_init(&leaks->path_of) == 0 && idmap_init(&leaks->place_of) == 0 &&
		idmap_init(&leaks->chunk_of) == 0 &&
		leaks_pool_reserve(&leaks->paths, sizeof(struct path)) == 0 &&
		leaks_pool_reserve(&leaks->places, sizeof(struct place)) == 0 &&
		leaks_pool_reserve(&leaks->chunks, sizeof(struct chunk)) == 0)
		return leaks;
	leaks_free(leaks);
	errno = ENOMEM;
	return NULL;
}

void leaks_free(struct leaks *leaks)
{
	if (leaks == NULL)
		return;
	for (uint32_t i = 1; i < leaks->paths.end; i++)
		leaks_path_clear(path_at(leaks, i));
	free(leaks->paths.things);
	free(leaks->places.things);
	free(leaks->chunks.things);
	free(leaks->leaks);
	idmap_fini(&leaks->path_of);
	idmap_fini(&leaks->place_of);
	idmap_fini(&leaks->chunk_of);
	free(leaks);
}

/* ---- Chunks --------------------------------------------------------------------------- */

static void chunk_drop(struct leaks *leaks, uint32_t at)
{
	struct chunk *chunk = chunk_at(leaks, at);
	struct site *site = path_at(leaks, chunk->path)->sites[snapshot_class_of(chunk->size)];

	leaks_site_take(leaks, site, chunk->birth, chunk->size);
	if (chunk->previous != 0)
		chunk_at(leaks, chunk->previous)->next = chunk->next;
	else
		place_at(leaks, chunk->place)->chunks = chunk->next;
	if (chunk->next != 0)
		chunk_at(leaks, chunk->next)->previous = chunk->previous;
	leaks_map_drop(&leaks->chunk_of, chunk->id);
	chunk->next = leaks->chunks.unused;
	leaks->chunks.unused = at;
	leaks->chunks.live--;
}

static void chunk_forget(struct leaks *leaks, uint64_t id)
{
	uint32_t at = leaks_map_find(&leaks->chunk_of, id);

	if (at != 0)
		chunk_drop(leaks, at);
}

static int chunk_new(struct leaks *leaks, const struct trace_event *event)
{
	struct pool *pool = &leaks->chunks;
	uint32_t place = leaks_map_find(&leaks->place_of, event->ctx), at;
	struct place *owner = place_at(leaks, place);
	struct site *site;

	if (place == 0)
		return 0;
	chunk_forget(leaks, event->chunk); /* after lost events */
	site = leaks_site(leaks, owner->path, snapshot_class_of(event->size));
	if (site == NULL || leaks_pool_reserve(pool, sizeof(struct chunk)) != 0 ||
		leaks_map_reserve(&leaks->chunk_of) != 0)
		return -1;
	at = pool->unused != 0 ? pool->unused : pool->end++;
	if (at == pool->unused)
		pool->unused = chunk_at(leaks, at)->next;
	*chunk_at(leaks, at) = (struct chunk){.id = event->chunk,
		.size = event->size,
		.birth = leaks->events,
		.place = place,
		.path = owner->path,
		.next = owner->chunks};
	if (owner->chunks != 0)
		chunk_at(leaks, owner->chunks)->previous = at;
	owner->chunks = at;
	pool->live++;
	leaks_map_set(&leaks->chunk_of, event->chunk, at);
	leaks_site_add(leaks, site, leaks->events, event->size);
	site->made++;
	return 0;
}

/* Puts a chunk where its size and path now say. */
static int chunk_settle(struct leaks *leaks, struct chunk *chunk, uint64_t size, uint32_t path)
{
	struct site *from = path_at(leaks, chunk->path)->sites[snapshot_class_of(chunk->size)];
	struct site *to = leaks_site(leaks, path, snapshot_class_of(size));

	if (to == NULL)
		return -1;
	leaks_site_take(leaks, from, chunk->birth, chunk->size);
	leaks_site_add(leaks, to, chunk->birth, size);
	to->made += to != from;
	chunk->size = size;
	chunk->path = path;
	return 0;
}

static int chunk_resize(struct leaks *leaks, const struct trace_event *event)
{
	uint32_t at = leaks_map_find(&leaks->chunk_of, event->chunk);
	struct chunk *chunk = chunk_at(leaks, at);

	if (at == 0)
		return 0;
	if ((event->has & TRACE_HAS_NEWCHUNK) != 0 && event->id2 != event->chunk) {
		if (leaks_map_reserve(&leaks->chunk_of) != 0)
			return -1;
		chunk_forget(leaks, event->id2);
		leaks_map_drop(&leaks->chunk_of, event->chunk);
		leaks_map_set(&leaks->chunk_of, event->id2, at);
		chunk->id = event->id2;
	}
	return chunk_settle(leaks, chunk, event->size, chunk->path);
}

/* ---- Contexts ------------------------------------------------------------------------- */

static void place_empty(struct leaks *leaks, uint32_t at)
{
	while (place_at(leaks, at)->chunks != 0)
		chunk_drop(leaks, place_at(leaks, at)->chunks);
}

static void place_unlink(struct leaks *leaks, uint32_t at)
{
	struct place *place = place_at(leaks, at);

	if (place->younger != 0)
		place_at(leaks, place->younger)->older = place->older;
	else
		place_at(leaks, place->parent)->child = place->older;
	if (place->older != 0)
		place_at(leaks, place->older)->younger = place->younger;
}

static void place_link(struct leaks *leaks, uint32_t at, uint32_t parent)
{
	struct place *place = place_at(leaks, at), *above = place_at(leaks, parent);

	place->parent = parent;
	place->younger = 0;
	place->older = above->child;
	if (above->child != 0)
		place_at(leaks, above->child)->younger = at;
	above->child = at;
}

/* Ends a context without children. */
static void place_end(struct leaks *leaks, uint32_t at)
{
	struct place *place = place_at(leaks, at);
	struct path *path = path_at(leaks, place->path);

	place_empty(leaks, at);
	leaks_site_take(leaks, path->sites[LEAKS_CONTEXTS], place->birth, 0);
	path->users--;
	place_unlink(leaks, at);
	leaks_map_drop(&leaks->place_of, place->id);
	place->younger = leaks->places.unused;
	leaks->places.unused = at;
	leaks->places.live--;
}

/* Ends all that stands below TOP, leaves first. */
static void place_end_below(struct leaks *leaks, uint32_t top)
{
	uint32_t at = top;

	for (;;) {
		uint32_t parent;

		while (place_at(leaks, at)->child != 0)
			at = place_at(leaks, at)->child;
		if (at == top)
			return;
		parent = place_at(leaks, at)->parent;
		place_end(leaks, at);
		at = parent;
	}
}

static void place_delete(struct leaks *leaks, uint32_t at)
{
	place_end_below(leaks, at);
	place_end(leaks, at);
}

static const char *name_of(const struct trace_create *create)
{
	return called_by_ident(create->name, create->ident) ? create->ident : create->name;
}

static int place_new(struct leaks *leaks, const struct trace_event *event)
{
	struct pool *pool = &leaks->places;
	uint32_t old = leaks_map_find(&leaks->place_of, event->ctx), parent = 0, path, at;
	struct site *site;

	if (old != 0)
		place_delete(leaks, old); /* after lost events */
	if ((event->has & TRACE_HAS_PARENT) != 0)
		parent = leaks_map_find(&leaks->place_of, event->id2);
	path = leaks_path_find(leaks, place_at(leaks, parent)->path, name_of(event->create));
	if (path == 0 || leaks_pool_reserve(pool, sizeof(struct place)) != 0 ||
		leaks_map_reserve(&leaks->place_of) != 0)
		return -1;
	site = leaks_site(leaks, path, LEAKS_CONTEXTS);
	if (site == NULL)
		return -1;
	at = pool->unused != 0 ? pool->unused : pool->end++;
	if (at == pool->unused)
		pool->unused = place_at(leaks, at)->younger;
	*place_at(leaks, at) =
		(struct place){.id = event->ctx, .birth = leaks->events, .path = path};
	place_link(leaks, at, parent);
	leaks_map_set(&leaks->place_of, event->ctx, at);
	path_at(leaks, path)->users++;
	pool->live++;
	leaks_site_add(leaks, site, leaks->events, 0);
	site->made++;
	return 0;
}

/* Brings a context whose parent's path is settled, and its chunks, where they belong. */
static int place_settle(struct leaks *leaks, uint32_t at)
{
	struct place *place = place_at(leaks, at);
	uint32_t above = place_at(leaks, place->parent)->path;
	struct path *from = path_at(leaks, place->path);
	struct site *site;
	uint32_t path;

	if (from->parent == above)
		return 0;
	path = leaks_path_find(leaks, above, from->name);
	site = path != 0 ? leaks_site(leaks, path, LEAKS_CONTEXTS) : NULL;
	if (site == NULL)
		return -1;
	from = path_at(leaks, place->path);
	leaks_site_take(leaks, from->sites[LEAKS_CONTEXTS], place->birth, 0);
	leaks_site_add(leaks, site, place->birth, 0);
	site->made++;
	from->users--;
	path_at(leaks, path)->users++;
	place->path = path;
	for (uint32_t i = place->chunks; i != 0; i = chunk_at(leaks, i)->next)
		if (chunk_settle(leaks, chunk_at(leaks, i), chunk_at(leaks, i)->size, path) != 0)
			return -1;
	return 0;
}

int leaks_settle(struct leaks *leaks)
{
	uint32_t at = place_at(leaks, 0)->child;

	if (!leaks->moved)
		return 0;
	leaks->moved = false;
	while (at != 0) {
		if (place_settle(leaks, at) != 0)
			return -1;
		if (place_at(leaks, at)->child != 0) {
			at = place_at(leaks, at)->child;
			continue;
		}
		while (at != 0 && place_at(leaks, at)->older == 0)
			at = place_at(leaks, at)->parent;
		if (at != 0)
			at = place_at(leaks, at)->older;
	}
	return 0;
}

/* ---- Samples -------------------------------------------------------------------------- */

static void site_sample(struct site *site, unsigned at)
{
	site->live_at[at] = site->live;
	site->bytes_at[at] = site->bytes;
}

/* Two intervals become one. */
static void site_halve(struct site *site)
{
	for (unsigned i = 0; i < LEAKS_SAMPLES; i++) {
		bool is_kept = i < LEAKS_SAMPLES / 2;

		site->live_at[i] = is_kept ? site->live_at[2 * i + 1] : 0;
		site->bytes_at[i] = is_kept ? site->bytes_at[2 * i + 1] : 0;
		site->born[i] = is_kept ? site->born[2 * i] + site->born[2 * i + 1] : 0;
		site->born_bytes[i] =
			is_kept ? site->born_bytes[2 * i] + site->born_bytes[2 * i + 1] : 0;
	}
}

/* Every site, one after the other. */
static void for_sites(struct leaks *leaks, void (*visit)(struct leaks *, struct site *))
{
	for (uint32_t i = 1; i < leaks->paths.end; i++)
		for (unsigned what = 0; what < LEAKS_WHATS; what++) {
			struct site *site = path_at(leaks, i)->sites[what];

			if (site != NULL)
				visit(leaks, site);
		}
}

static void visit_sample(struct leaks *leaks, struct site *site)
{
	site_sample(site, leaks->samples);
}

static void visit_halve(struct leaks *leaks, struct site *site)
{
	(void)leaks;
	site_halve(site);
}

static int sample(struct leaks *leaks)
{
	if (leaks_settle(leaks) != 0)
		return -1;
	leaks_paths_sweep(leaks);
	for_sites(leaks, visit_sample);
	if (++leaks->samples < LEAKS_SAMPLES)
		return 0;
	for_sites(leaks, visit_halve);
	leaks->samples /= 2;
	leaks->interval *= 2;
	return 0;
}

/* ---- Events --------------------------------------------------------------------------- */

static void note_reset(struct leaks *leaks, const struct trace_event *event)
{
	uint32_t at = leaks_map_find(&leaks->place_of, event->ctx);

	if (at == 0)
		return;
	if (event->op != TRACE_RESETONLY)
		place_end_below(leaks, at);
	if (event->op == TRACE_DELETE)
		place_end(leaks, at);
	else if (event->op != TRACE_DELETECHILDREN)
		place_empty(leaks, at);
}

static void note_move(struct leaks *leaks, const struct trace_event *event)
{
	uint32_t at = leaks_map_find(&leaks->place_of, event->ctx), parent = 0;

	if ((event->has & TRACE_HAS_PARENT) != 0)
		parent = leaks_map_find(&leaks->place_of, event->id2);
	if (at == 0 || place_at(leaks, at)->parent == parent)
		return;
	place_unlink(leaks, at);
	place_link(leaks, at, parent);
	leaks->moved = true;
}

static int note(struct leaks *leaks, const struct trace_event *event)
{
	switch ((enum trace_op)event->op) {
	case TRACE_CREATE:
		return place_new(leaks, event);
	case TRACE_ALLOC:
		return chunk_new(leaks, event);
	case TRACE_REALLOC:
		return chunk_resize(leaks, event);
	case TRACE_FREE:
		chunk_forget(leaks, event->chunk);
		return 0;
	case TRACE_RESET:
	case TRACE_RESETONLY:
	case TRACE_DELETE:
	case TRACE_DELETECHILDREN:
		note_reset(leaks, event);
		return 0;
	case TRACE_MOVE:
		note_move(leaks, event);
		return 0;
	default:
		return 0;
	}
}

int leaks_note(struct leaks *leaks, const struct trace_event *event, uint64_t number)
{
	leaks->events = number;
	while (number > (leaks->samples + 1) * leaks->interval)
		if (sample(leaks) != 0)
			return -1;
	return note(leaks, event);
}
