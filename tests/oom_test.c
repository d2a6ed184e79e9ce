/* SPDX-License-Identifier: MIT */
/*
 * A system that refuses: for each deed the n-th request is refused, n = 1, 2, 3 … until it
 * succeeds untouched; once that request alone, once every one after it too.  A failure must be
 * ENOMEM and leave all as it was, shrinking and freeing must not fail at all, and in the end
 * the backing has everything back.
 */
#include <pthread.h>

#include "unit.h"

enum { FIGURES = 16 };

/* What each deed starts from. */
struct world {
	memctx *top, *child, *other;
	unsigned char *small, *large, *aligned, *class_end;
	struct memctx_stats figures[FIGURES];
	int contexts;
	char links[FIGURES * 40];
};

static struct door door;
static char long_text[5001];
static int calls; /* of callbacks */

static void count_call(void *arg)
{
	(void)arg;
	calls++;
}

static struct memctx_callback hooks[2] = {{.func = count_call}, {.func = count_call}};

/* Leaves no room in the open block, so that whatever is asked for next needs a new one. */
static void fill_block(memctx *ctx)
{
	while (stats_of(ctx).tail_bytes >= 16)
		new_chunk(ctx, 8, 0);
}

static void world_begin(struct world *world)
{
	memctx_trim();
	assert_true(door_open(&door));
	world->top = memctx_create(NULL, "top", long_text, MEMCTX_ASET, NULL);
	assert_non_null(world->top);
	memctx_set_limit(world->top, (size_t)1 << 40); /* so that its books are kept */
	world->child = memctx_create(world->top, "child", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
	assert_non_null(world->child);
	world->other = new_context(NULL, "other");
	world->small = new_chunk(world->child, 100, 1);
	world->large = new_chunk(world->child, 50000, 2);
	world->aligned = memctx_alloc_aligned(world->child, 64, 256);
	assert_non_null(world->aligned);
	memset(world->aligned, 3, 64);
	world->class_end = new_chunk(world->child, 2048, 4);
	fill_block(world->child);
	memctx_on_reset(world->child, &hooks[0]);
	memctx_on_reset(world->top, &hooks[1]);
	memctx_trim();
	calls = 0;
}

/* Notes every figure and link of both trees. */
static void world_note(struct world *world)
{
	memctx *tops[] = {world->top, world->other};
	size_t used = 0;

	world->contexts = 0;
	for (int i = 0; i < 2; i++) {
		for (memctx *ctx = tops[i]; ctx != NULL; ctx = memctx_walk(tops[i], ctx)) {
			const char *ident = memctx_ident(ctx);
			assert_true(world->contexts < FIGURES);
			memctx_stats(ctx, &world->figures[world->contexts++]);
			used += (size_t)snprintf(world->links + used, sizeof world->links - used,
				"%.8s of %p %zu %zu\n", memctx_name(ctx),
				(void *)memctx_parent(ctx), ident == NULL ? 0 : strlen(ident) + 1,
				memctx_limit(ctx));
		}
	}
}

static void assert_unchanged(struct world *world)
{
	struct world now = *world;

	world_note(&now);
	assert_int_equal(now.contexts, world->contexts);
	assert_string_equal(now.links, world->links);
	assert_memory_equal(
		now.figures, world->figures, sizeof now.figures[0] * (size_t)now.contexts);
	assert_true(filled_with(world->small, 100, 1));
	assert_true(filled_with(world->large, 50000, 2));
	assert_true(filled_with(world->aligned, 64, 3));
	assert_true(filled_with(world->class_end, 2048, 4));
	assert_int_equal(memctx_requested(world->large), 50000);
	assert_int_equal(calls, 0);
}

static void world_end(struct world *world)
{
	if (world->top != NULL) {
		assert_sound(world->top);
		memctx_delete(world->top);
	}
	if (world->other != NULL) {
		assert_sound(world->other);
		memctx_delete(world->other);
	}
	assert_null(door_close(&door));
}

/* ---- Deeds: true where they were done ------------------------------------------------------- */

static bool create_root(struct world *world)
{
	memctx *ctx = memctx_create(NULL, "new", "ident", MEMCTX_ASET, NULL);

	(void)world;
	if (ctx != NULL)
		memctx_delete(ctx);
	return ctx != NULL;
}

static bool create_with_long_names(struct world *world)
{
	struct memctx_options options = {.init_size = 2000, .align = 16};

	return memctx_create(world->child, long_text, long_text, MEMCTX_ASET, &options) != NULL;
}

static bool create_small(struct world *world)
{
	return memctx_create(world->top, "new", long_text, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS) !=
	       NULL;
}

static bool alloc_small(struct world *world)
{
	return memctx_alloc(world->child, 500) != NULL;
}

static bool alloc_large(struct world *world)
{
	return memctx_alloc(world->child, 100000) != NULL;
}

static bool alloc_aligned(struct world *world)
{
	return memctx_alloc_aligned(world->child, 100, 4096) != NULL;
}

static bool zalloc(struct world *world)
{
	return memctx_zalloc(world->child, 1900) != NULL;
}

static bool alloc_array(struct world *world)
{
	return memctx_alloc_array(world->child, 70, 70) != NULL;
}

static bool copy_string(struct world *world)
{
	return memctx_strdup(world->child, long_text) != NULL;
}

static bool copy_part(struct world *world)
{
	return memctx_strndup(world->child, long_text, 1500) != NULL;
}

static bool print(struct world *world)
{
	return memctx_printf(world->child, "%s%s", long_text, long_text) != NULL;
}

static bool realloc_in(struct world *world, unsigned char **chunk, size_t size, int byte)
{
	size_t old = memctx_requested(*chunk);
	unsigned char *moved = memctx_realloc(*chunk, size);

	(void)world;
	if (moved == NULL)
		return false;
	assert_true(filled_with(moved, old < size ? old : size, byte));
	*chunk = moved;
	return true;
}

static bool realloc_to_new_block(struct world *world)
{
	return realloc_in(world, &world->small, 1000, 1);
}

static bool realloc_small_to_large(struct world *world)
{
	return realloc_in(world, &world->small, 100000, 1);
}

static bool realloc_class_end_to_large(struct world *world)
{
	return realloc_in(world, &world->class_end, 2049, 4);
}

static bool realloc_large_up(struct world *world)
{
	return realloc_in(world, &world->large, 150000, 2);
}

static bool realloc_aligned_up(struct world *world)
{
	return realloc_in(world, &world->aligned, 5000, 3);
}

static bool realloc_aligned_far_up(struct world *world)
{
	return realloc_in(world, &world->aligned, 500000, 3);
}

static bool set_long_ident(struct world *world)
{
	return memctx_set_ident(world->child, long_text) == 0;
}

static bool replace_long_ident(struct world *world)
{
	return memctx_set_ident(world->top, long_text + 1) == 0;
}

/* What must succeed whatever is refused. */
static bool shrink_all(struct world *world)
{
	assert_true(realloc_in(world, &world->large, 20000, 2));
	assert_true(realloc_in(world, &world->large, 700, 2));
	assert_true(realloc_in(world, &world->large, 0, 2));
	assert_true(realloc_in(world, &world->small, 50, 1));
	assert_true(realloc_in(world, &world->aligned, 5, 3));
	assert_true(realloc_in(world, &world->class_end, 60, 4));
	return true;
}

static bool free_all(struct world *world)
{
	memctx_free(world->large);
	memctx_free(world->small);
	memctx_free(world->aligned);
	memctx_free(world->class_end);
	return true;
}

static bool reset_child(struct world *world)
{
	memctx_reset(world->child);
	assert_int_equal(calls, 1);
	assert_int_equal(stats_of(world->child).live_chunks, 0);
	return true;
}

static bool reset_only_top(struct world *world)
{
	memctx_reset_only(world->top);
	assert_int_equal(calls, 1);
	assert_ptr_equal(memctx_first_child(world->top), world->child);
	return true;
}

static bool reset_top(struct world *world)
{
	memctx_reset(world->top);
	assert_int_equal(calls, 2);
	assert_null(memctx_first_child(world->top));
	return true;
}

static bool delete_top(struct world *world)
{
	memctx_delete(world->top);
	world->top = NULL;
	assert_int_equal(calls, 2);
	return true;
}

static bool delete_children(struct world *world)
{
	memctx_delete_children(world->top);
	assert_int_equal(calls, 1);
	return true;
}

static bool move_child(struct world *world)
{
	assert_int_equal(memctx_set_parent(world->child, world->other), 0);
	assert_string_equal(memctx_ident(world->top), long_text);
	return true;
}

static bool drop_ident_and_trim(struct world *world)
{
	assert_int_equal(memctx_set_ident(world->top, NULL), 0);
	assert_int_equal(memctx_set_ident(world->top, "short"), 0);
	memctx_trim();
	return true;
}

static void *thread_work(void *arg)
{
	memctx *ctx = memctx_create(NULL, "thread's", long_text, MEMCTX_ASET, NULL);

	(void)arg;
	if (ctx == NULL)
		return errno == ENOMEM ? (void *)(uintptr_t) "refused"
				       : (void *)(uintptr_t) "errno";
	for (int i = 0; i < 100; i++)
		memctx_alloc(ctx, 500);
	memctx_alloc(ctx, 60000);
	memctx_delete(ctx);
	return NULL;
}

static bool run_thread(struct world *world)
{
	pthread_t thread;
	void *result;

	(void)world;
	assert_int_equal(pthread_create(&thread, NULL, thread_work, NULL), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	if (result != NULL)
		assert_string_equal(result, "refused");
	errno = ENOMEM; /* the thread's own said so */
	return result == NULL;
}

static const struct deed {
	const char *name;
	bool (*act)(struct world *world);
	bool never_fails;
} deeds[] = {
	{"create_root", create_root, false},
	{"create_with_long_names", create_with_long_names, false},
	{"create_small", create_small, false},
	{"alloc_small", alloc_small, false},
	{"alloc_large", alloc_large, false},
	{"alloc_aligned", alloc_aligned, false},
	{"realloc_to_new_block", realloc_to_new_block, false},
	{"realloc_small_to_large", realloc_small_to_large, false},
	{"realloc_class_end_to_large", realloc_class_end_to_large, false},
	{"realloc_large_up", realloc_large_up, false},
	{"realloc_aligned_up", realloc_aligned_up, false},
	{"realloc_aligned_far_up", realloc_aligned_far_up, false},
	{"set_long_ident", set_long_ident, false},
	{"replace_long_ident", replace_long_ident, false},
	{"shrink_all", shrink_all, true},
	{"free_all", free_all, true},
	{"reset_child", reset_child, true},
	{"reset_only_top", reset_only_top, true},
	{"reset_top", reset_top, true},
	{"delete_top", delete_top, true},
	{"delete_children", delete_children, true},
	{"move_child", move_child, true},
	{"drop_ident_and_trim", drop_ident_and_trim, true},
	{"run_thread", run_thread, false},
	{"zalloc", zalloc, false},
	{"alloc_array", alloc_array, false},
	{"strdup", copy_string, false},
	{"strndup", copy_part, false},
	{"printf", print, false},
};

/* Refuses request N of DEED (and those after it, where ON); whether anything was refused. */
static bool try_refusing(const struct deed *deed, uint64_t n, bool on)
{
	struct world world = {0};
	bool done, refused;

	world_begin(&world);
	world_note(&world);
	door.refuse_on = on;
	door.refuse_at = door.requests + n;
	errno = 0;
	done = deed->act(&world);
	refused = door.refused > 0;
	door.refuse_at = 0;
	if (!done) {
		if (!refused || deed->never_fails || errno != ENOMEM)
			fail_msg(
				"%s failed at refusal %d with errno %d", deed->name, (int)n, errno);
		assert_unchanged(&world);
	}
	world_end(&world);
	return refused;
}

static void nothing_changes_when_the_system_refuses(void **state)
{
	int refusals = 0;

	(void)state;
	for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
		for (int on = 0; on < 2; on++) {
			uint64_t n = 1;
			while (try_refusing(&deeds[i], n, on)) {
				assert_true(n < 200);
				n++;
				refusals++;
			}
		}
	}
	assert_true(refusals > 40);
}

/* The very first context of a process: address space itself is refused. */
static void first_context_survives_refusals(void **state)
{
	bool refused = true;

	(void)state;
	for (uint64_t n = 1; refused; n++) {
		for (int on = 0; on < 2; on++) {
			memctx *ctx;

			memctx_trim();
			assert_true(door_open(&door));
			door.refuse_on = on;
			door.refuse_at = n;
			errno = 0;
			ctx = memctx_create(NULL, "first", long_text, MEMCTX_ASET, NULL);
			refused = door.refused > 0;
			if (ctx == NULL)
				assert_true(refused && errno == ENOMEM);
			door.refuse_at = 0;
			if (ctx == NULL)
				ctx = new_context(NULL, "second");
			assert_sound(ctx);
			memctx_delete(ctx);
			assert_null(door_close(&door));
		}
		assert_true(n < 100);
	}
}

/* A backing without resize, refused the block to move to. */
static void growing_without_resize_survives_refusals(void **state)
{
	struct memctx_stats before;
	unsigned char *chunk;
	memctx *ctx;

	(void)state;
	memctx_trim();
	assert_true(door_open(&door));
	door.backing.resize = NULL;
	assert_int_equal(memctx_set_backing(&door.backing), 0);
	ctx = new_context(NULL, "stiff");
	chunk = new_chunk(ctx, 100000, 7);
	before = stats_of(ctx);
	door.refuse_at = door.requests + 1;
	door.refuse_on = true;
	errno = 0;
	assert_null(memctx_realloc(chunk, 200000));
	assert_int_equal(errno, ENOMEM);
	assert_same_figures(ctx, &before);
	assert_true(filled_with(chunk, 100000, 7));
	door.refuse_at = 0;
	chunk = memctx_realloc(chunk, 200000);
	assert_true(chunk != NULL && filled_with(chunk, 100000, 7));
	assert_sound(ctx);
	memctx_delete(ctx);
	assert_null(door_close(&door));
}

static void *reserve_little(size_t size, void *arg)
{
	return size > 20 << 20 ? NULL : door_reserve(size, arg);
}

/* Little address space: a smaller reservation is taken, and when it is full, that is ENOMEM. */
static void contexts_end_with_the_address_space(void **state)
{
	memctx *top, *ctx = NULL, *last = NULL;
	size_t count = 0;

	(void)state;
	memctx_trim();
	assert_true(door_open(&door));
	door.backing.reserve = reserve_little;
	assert_int_equal(memctx_set_backing(&door.backing), 0);
	top = new_context(NULL, "top");
	do {
		last = ctx;
		errno = 0;
		ctx = memctx_create(top, "one", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
	} while (ctx != NULL && ++count < 100000);
	assert_null(ctx);
	assert_int_equal(errno, ENOMEM);
	assert_true(count > 1000);
	memctx_delete(last); /* its place may be had again */
	assert_non_null(memctx_create(top, "one", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS));
	assert_int_equal(memctx_check(top, unit_report, NULL), 0);
	memctx_delete(top);
	assert_null(door_close(&door));
}

/* Long work with every k-th request refused: contents and sums hold, and nothing leaks. */
static void long_work_with_steady_refusals(void **state)
{
	static unsigned char *chunk[500];
	static size_t size[500];
	uint64_t random = 99, failures = 0;
	memctx *ctx;

	(void)state;
	memctx_trim();
	assert_true(door_open(&door));
	ctx = new_context(NULL, "steady");
	door.chance = UINT64_C(1) << 30; /* a quarter */
	for (int step = 0; step < 20000; step++) {
		uint64_t i = rng_below(&random, 500);
		size_t next = rng_below(&random, rng_below(&random, 4) == 0 ? 60000 : 400);
		unsigned char *got =
			chunk[i] == NULL ? memctx_alloc(ctx, next) : memctx_realloc(chunk[i], next);
		if (got == NULL) {
			failures++;
			assert_int_equal(errno, ENOMEM);
			assert_true(chunk[i] == NULL || next > size[i]);
			memctx_free(chunk[i]);
			chunk[i] = NULL;
			continue;
		}
		if (chunk[i] != NULL)
			assert_true(filled_with(got, size[i] < next ? size[i] : next, (int)i));
		memset(got, (int)i, next);
		chunk[i] = got;
		size[i] = next;
		if (step % 1000 == 0)
			assert_sound(ctx);
	}
	door.chance = 0;
	assert_true(failures > 100);
	assert_sound(ctx);
	memctx_delete(ctx);
	assert_null(door_close(&door));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changes_when_the_system_refuses),
		cmocka_unit_test(first_context_survives_refusals),
		cmocka_unit_test(growing_without_resize_survives_refusals),
		cmocka_unit_test(contexts_end_with_the_address_space),
		cmocka_unit_test(long_work_with_steady_refusals),
	};

	memset(long_text, 'l', sizeof long_text - 1);
	return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
