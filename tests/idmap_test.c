/* SPDX-License-Identifier: MIT */
/*
 * The map of ids against a plain table: what it finds, what it keeps when rebuilt, its invariants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "model/idmap.h"

#define NAMES 6000 /* ids that a round draws from */
#define STEPS 200000

/* What the map should hold: for each name, its size, or 0 where it is absent. */
static uint64_t held[NAMES];
static uint64_t state;

static uint64_t draw(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return state >> 33;
}

/* Ways of making ids: dense, as addresses, far apart, at the ends of the range, mixed up. */
static uint64_t id_of(int way, uint64_t name)
{
	switch (way) {
	case 0:
		return name;
	case 1:
		return 0x00007f3a40000000u + name * 16;
	case 2:
		return name << 40;
	case 3:
		return UINT64_MAX - name * 4096;
	default:
		return name * 0x9E3779B97F4A7C15u;
	}
}

/* over counts the entries that passed each bucket: what stands further on than its home. */
static void check_over(const struct idmap *map)
{
	size_t buckets = (map->mask + 1) / 2;
	unsigned *passed = calloc(buckets, sizeof(*passed));

	assert_non_null(passed);
	for (size_t i = 0; i <= map->mask; i++) {
		const struct idmap_entry *entry = &map->entries[i];
		size_t at =
			(size_t)(idmap_home(map, idmap_hash(map, entry->id)) - map->entries) / 2;

		for (; entry->node != 0 && at != i / 2; at = (at + 1) % buckets)
			passed[at]++;
	}
	for (size_t at = 0; at < buckets; at++)
		assert_int_equal(map->entries[at * 2].over, passed[at]);
	free(passed);
}

static void check_map(const struct idmap *map, int way)
{
	size_t used = 0;

	assert_true(map->used <= map->limit);
	for (size_t i = 0; i <= map->mask; i++) {
		const struct idmap_entry *entry = &map->entries[i];

		if (entry->node == 0)
			continue;
		used++;
		assert_ptr_equal(idmap_find(map, entry->id), entry);
	}
	assert_int_equal(used, map->used);
	check_over(map);
	for (uint64_t name = 0; name < NAMES; name++) {
		const struct idmap_entry *entry = idmap_find(map, id_of(way, name));

		assert_int_equal(entry->node != 0, held[name] != 0);
		if (held[name] != 0)
			assert_int_equal(entry->size, held[name]);
	}
}

static void put(struct idmap *map, uint64_t id, uint64_t size, size_t live)
{
	struct idmap_entry *entry;

	if (map->used >= map->limit)
		assert_int_equal(idmap_rebuild(map, live + 1, NULL, NULL), 0);
	entry = idmap_find(map, id);
	assert_int_equal(entry->node, 0);
	entry = idmap_add(map, idmap_hash(map, id));
	idmap_write(entry, &(struct idmap_entry){.id = id, .size = size, .node = 7, .era = 9});
}

static void one_way(int way)
{
	struct idmap map;
	size_t live = 0;

	for (size_t i = 0; i < NAMES; i++)
		held[i] = 0;
	assert_int_equal(idmap_init(&map), 0);
	for (uint64_t step = 1; step <= STEPS; step++) {
		/* The names in use wander, so that the map fills and empties. */
		uint64_t span = 1 + (step / 1000 * 997) % NAMES;
		uint64_t name = draw() % span;
		struct idmap_entry *entry = idmap_find(&map, id_of(way, name));

		assert_int_equal(entry->node != 0, held[name] != 0);
		if (held[name] != 0) {
			assert_int_equal(entry->size, held[name]);
			idmap_remove(&map, idmap_hash(&map, id_of(way, name)), entry);
			held[name] = 0;
			live--;
		} else {
			put(&map, id_of(way, name), step, live);
			held[name] = step;
			live++;
		}
		if (idmap_is_sparse(&map, live))
			assert_int_equal(idmap_rebuild(&map, live, NULL, NULL), 0);
		if (step % 9973 == 0)
			check_map(&map, way);
	}
	check_map(&map, way);
	idmap_fini(&map);
}

static void finds_what_it_holds(void **unused)
{
	(void)unused;
	state = 20240611;
	for (int way = 0; way < 5; way++)
		one_way(way);
}

static bool keep_odd(const struct idmap_entry *entry, const void *arg)
{
	assert_ptr_equal(arg, &state);
	return entry->size % 2 == 1;
}

static void rebuilding_drops_what_is_not_kept(void **unused)
{
	struct idmap map;

	(void)unused;
	for (size_t i = 0; i < NAMES; i++)
		held[i] = 0;
	assert_int_equal(idmap_init(&map), 0);
	for (uint64_t name = 0; name < NAMES; name++) {
		put(&map, name, name + 1, name);
		held[name] = name + 1;
	}
	assert_int_equal(idmap_rebuild(&map, NAMES / 2, keep_odd, &state), 0);
	for (uint64_t name = 1; name < NAMES; name += 2)
		held[name] = 0;
	assert_int_equal(map.used, NAMES / 2);
	check_map(&map, 0);
	idmap_fini(&map);
}

static bool keep_third(const struct idmap_entry *entry, const void *arg)
{
	assert_ptr_equal(arg, held);
	return entry->size % 3 == 0;
}

/* In place, however many stood beyond their first bucket. */
static void sweeping_drops_what_is_not_kept(void **unused)
{
	(void)unused;
	for (int way = 0; way < 5; way++) {
		struct idmap map;

		assert_int_equal(idmap_init(&map), 0);
		for (uint64_t name = 0; name < NAMES; name++) {
			put(&map, id_of(way, name), name + 1, name);
			held[name] = name % 3 == 2 ? name + 1 : 0;
		}
		idmap_sweep(&map, keep_third, held);
		assert_int_equal(map.used, NAMES / 3);
		check_map(&map, way);
		idmap_sweep(&map, keep_third, held);
		check_map(&map, way);
		idmap_fini(&map);
	}
}

/* What empty places held does not stay, and nothing else changes; ids of 0 are told from none. */
static void washing_changes_nothing(void **unused)
{
	(void)unused;
	for (int way = 0; way < 5; way++) {
		size_t stale = 0;
		struct idmap map;

		assert_int_equal(idmap_init(&map), 0);
		for (uint64_t name = 0; name < NAMES; name++) {
			put(&map, id_of(way, name), name + 1, name);
			held[name] = name + 1;
		}
		for (uint64_t name = way == 0 ? 0 : 1; name < NAMES; name += 1 + draw() % 3) {
			uint64_t id = id_of(way, name);

			idmap_remove(&map, idmap_hash(&map, id), idmap_find(&map, id));
			held[name] = 0;
		}
		idmap_wash(&map);
		check_map(&map, way);
		for (size_t i = 0; i <= map.mask; i++) {
			if (map.entries[i].node != 0)
				continue;
			assert_int_equal(map.entries[i].ptr | map.entries[i].size, 0);
			stale += map.entries[i].id != 0;
		}
		assert_true(stale < 8);
		assert_int_equal(idmap_find(&map, 0)->node != 0, way != 0 && id_of(way, 0) == 0);
		idmap_fini(&map);
	}
}

/* The table follows what lives, both ways, and a map that cannot be leaves the old one. */
static void table_follows_what_lives(void **unused)
{
	struct idmap map;
	size_t bytes;

	(void)unused;
	assert_int_equal(idmap_init(&map), 0);
	assert_int_equal(idmap_bytes(&map), IDMAP_LEAST * 32);
	for (uint64_t id = 0; id < 100000; id++)
		put(&map, id, 1, id);
	bytes = idmap_bytes(&map);
	assert_true(bytes >= 100000 * 32 && bytes <= 100000 * 32 * 6);
	for (uint64_t id = 0; id < 100000 - 100; id++)
		idmap_remove(&map, idmap_hash(&map, id), idmap_find(&map, id));
	assert_true(idmap_is_sparse(&map, 100));
	assert_int_equal(idmap_rebuild(&map, 100, NULL, NULL), 0);
	assert_true(idmap_bytes(&map) <= 100 * 32 * 8);
	assert_int_equal(map.used, 100);
	assert_int_equal(idmap_rebuild(&map, SIZE_MAX / 64, NULL, NULL), -1);
	assert_int_equal(idmap_rebuild(&map, SIZE_MAX, NULL, NULL), -1);
	assert_int_equal(idmap_bytes_for(SIZE_MAX), SIZE_MAX);
	assert_int_equal(map.used, 100);
	assert_int_not_equal(idmap_find(&map, 99999)->node, 0);
	idmap_fini(&map);
}

/* However regular the ids, a search stays short: nearly all end in their first bucket. */
static void searches_stay_short(void **unused)
{
	(void)unused;
	for (int way = 0; way < 5; way++) {
		uint64_t further = 0;
		struct idmap map;

		assert_int_equal(idmap_init(&map), 0);
		for (uint64_t name = 0; name < 50000; name++)
			put(&map, id_of(way, name), 1, name);
		for (uint64_t name = 0; name < 50000; name++) {
			uint64_t id = id_of(way, name);
			size_t home =
				(size_t)(idmap_home(&map, idmap_hash(&map, id)) - map.entries);
			size_t place = (size_t)(idmap_find(&map, id) - map.entries);

			further += ((place / 2 - home / 2) & (map.mask / 2));
		}
		if (further > 50000 / 4)
			print_error("ids made in way %d: %g buckets from home\n", way,
				(double)further / 50000);
		assert_true(further <= 50000 / 4);
		idmap_fini(&map);
	}
}

/* Ids chosen to share one bucket, as many as over can count and more. */
static void crowds_are_found(void **unused)
{
	enum { CROWD = 600 };
	static uint64_t ids[CROWD];
	struct idmap map;
	size_t n = 0;

	(void)unused;
	for (size_t i = 0; i < NAMES; i++)
		held[i] = 0;
	assert_int_equal(idmap_init(&map), 0);
	assert_int_equal(idmap_rebuild(&map, 2000, NULL, NULL), 0);
	for (uint64_t id = 0; n < CROWD; id++) {
		if (idmap_home(&map, idmap_hash(&map, id)) == &map.entries[map.mask - 1])
			ids[n++] = id;
	}
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < CROWD; i++)
			put(&map, ids[i], i + 1, i);
		for (size_t i = 0; i < CROWD; i++)
			assert_int_equal(idmap_find(&map, ids[i])->size, i + 1);
		for (size_t i = 0; i < CROWD; i++) {
			size_t at = i * 7 % CROWD;

			idmap_remove(&map, idmap_hash(&map, ids[at]), idmap_find(&map, ids[at]));
			assert_int_equal(idmap_find(&map, ids[at])->node, 0);
		}
		assert_int_equal(map.used, 0);
	}
	idmap_fini(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_it_holds),
		cmocka_unit_test(rebuilding_drops_what_is_not_kept),
		cmocka_unit_test(sweeping_drops_what_is_not_kept),
		cmocka_unit_test(washing_changes_nothing),
		cmocka_unit_test(table_follows_what_lives),
		cmocka_unit_test(searches_stay_short),
		cmocka_unit_test(crowds_are_found),
	};

	return cmocka_run_group_tests_name("idmap", tests, NULL, NULL);
}
