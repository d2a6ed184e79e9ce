/* SPDX-License-Identifier: MIT */
/*
 * What memctx.h promises about worlds: those put aside rest, and one that is put back goes on as it
 * went on before.
 */
#include <sys/mman.h>

#include "unit.h"

#define RANGE_BYTES ((size_t)96 << 20)
#define STEPS 3000
#define LIVE 200

/* ASan's marks are by address: memory that is copied as a whole carries none. */
void __asan_unpoison_memory_region(void const volatile *address, size_t size) __attribute__((weak));

/* A backing that never reuses anything. */
static char *range;
static size_t range_used;

static void *range_take(size_t size, void *arg)
{
	size_t at = (range_used + 4095) & ~(size_t)4095;

	(void)arg;
	if (size > RANGE_BYTES - at)
		return NULL;
	range_used = at + size;
	return range + at;
}

static void range_drop(void *memory, size_t size, void *arg)
{
	(void)memory;
	(void)size;
	(void)arg;
}

static int range_commit(void *memory, size_t size, void *arg)
{
	(void)memory;
	(void)size;
	(void)arg;
	return 0;
}

static struct memctx_world new_world(void)
{
	struct memctx_world world = {
		.backing = {range_take, range_drop, NULL, range_take, range_commit, range_drop,
			NULL},
	};

	range_used = 0;
	if (range != NULL)
		munmap(range, RANGE_BYTES);
	range = mmap(NULL, RANGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(range != MAP_FAILED);
	return world;
}

static uint64_t drawn;

static uint32_t draw(uint32_t limit)
{
	drawn = drawn * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((drawn >> 33) % limit);
}

static void mix(uint64_t *hash, uint64_t value)
{
	*hash = (*hash ^ value) * 0x9E3779B97F4A7C15u;
	*hash ^= *hash >> 29;
}

/* Contexts come and go, chunks of all sizes; the hash is of every address and of the figures. */
static uint64_t live_on(memctx *top, uint64_t seed)
{
	void *chunks[LIVE] = {NULL};
	memctx *child = NULL;
	uint64_t hash = 0;

	drawn = seed;
	for (int i = 0; i < STEPS; i++) {
		uint32_t at = draw(LIVE);

		if (i % 50 == 0) {
			for (int k = 0; k < LIVE; k++)
				chunks[k] = NULL;
			memctx_reset(top);
			child = new_context(top, "child");
			mix(&hash, (uintptr_t)child);
		}
		memctx_free(chunks[at]);
		chunks[at] = memctx_alloc(at % 2 ? child : top, draw(20) ? draw(600) : draw(60000));
		assert_non_null(chunks[at]);
		mix(&hash, (uintptr_t)chunks[at]);
		mix(&hash, memctx_subtree_total(top));
	}
	assert_sound(top);
	return hash;
}

static void world_put_back_goes_on_as_before(void **state)
{
	struct memctx_world world = new_world(), copy;
	memctx *here = new_context(NULL, "here"), *there;
	void *chunk = memctx_alloc(here, 100);
	uint64_t first, second;
	size_t used;
	char *bytes;

	(void)state;
	assert_int_equal(memctx_swap_world(&world), 0);
	there = new_context(NULL, "there");
	live_on(there, 1);
	assert_int_equal(memctx_swap_world(&world), 0);

	if (__asan_unpoison_memory_region != NULL)
		__asan_unpoison_memory_region(range, RANGE_BYTES);
	copy = world;
	used = range_used;
	bytes = malloc(used);
	assert_non_null(bytes);
	memcpy(bytes, range, used);

	assert_int_equal(memctx_swap_world(&world), 0);
	first = live_on(there, 2);
	assert_int_not_equal(live_on(there, 2), first);
	assert_int_equal(memctx_swap_world(&world), 0);

	if (__asan_unpoison_memory_region != NULL)
		__asan_unpoison_memory_region(range, RANGE_BYTES);
	memcpy(range, bytes, used);
	range_used = used;
	assert_int_equal(memctx_swap_world(&copy), 0);
	second = live_on(there, 2);
	assert_int_equal(memctx_swap_world(&copy), 0);
	assert_true(first == second);

	/* What was put aside meanwhile knows nothing of it. */
	assert_sound(here);
	assert_ptr_equal(memctx_owner(chunk), here);
	memctx_free(chunk);
	memctx_delete(here);
	free(bytes);
}

static void current_context_is_the_worlds(void **state)
{
	struct memctx_world world = new_world();
	memctx *here = new_context(NULL, "here");
	struct memctx_overhead overhead;

	(void)state;
	memctx_switch(here);
	assert_int_equal(memctx_swap_world(&world), 0);
	assert_null(memctx_current());
	memctx_overhead(&overhead);
	assert_int_equal(overhead.contexts + overhead.reserved_bytes + overhead.cached_bytes, 0);
	assert_int_equal(memctx_swap_world(&world), 0);
	assert_ptr_equal(memctx_switch(NULL), here);
	memctx_delete(here);
}

static void backing_must_be_whole(void **state)
{
	struct memctx_world world = new_world();

	(void)state;
	world.backing.commit = NULL;
	errno = 0;
	assert_int_equal(memctx_swap_world(&world), -1);
	assert_int_equal(errno, EINVAL);
	memctx_delete(new_context(NULL, "as it was"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(world_put_back_goes_on_as_before),
		cmocka_unit_test(current_context_is_the_worlds),
		cmocka_unit_test(backing_must_be_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
