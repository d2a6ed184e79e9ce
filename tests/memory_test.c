/* SPDX-License-Identifier: MIT */
/*
 * The memory of contexts as the screens keep it: after any walk through a trace, what is shown of
 * blocks, maps and chunks is what a look at that moment finds.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed_support.h"
#include "support.h"
#include "tui/view.h"

static uint64_t seed;
static struct state screen;

static void same_chunk(const struct look_chunk *kept, const struct look_chunk *fresh)
{
	assert_ptr_equal(kept->info.address, fresh->info.address);
	assert_int_equal(kept->info.header, fresh->info.header);
	assert_int_equal(kept->is_named, fresh->is_named);
	assert_int_equal(kept->who.kind, fresh->who.kind);
	assert_int_equal(kept->who.id, fresh->who.id);
	assert_int_equal(kept->block, fresh->block);
	assert_int_equal(kept->offset, fresh->offset);
	assert_int_equal(kept->place, fresh->place);
}

static void check_blocks(const struct look *look, size_t first, size_t max, int width)
{
	const struct memory_blocks *kept = feed_blocks(feed, screen.selected, first, max, width);
	static struct look_block blocks[MEMORY_BLOCKS];
	size_t all = look_blocks(look, first, blocks, max), n = all > first ? all - first : 0;

	assert_non_null(kept);
	assert_int_equal(kept->all, all);
	assert_int_equal(kept->n, n < max ? n : max);
	for (size_t i = 0; i < kept->n; i++) {
		uint8_t parts[MEMORY_WIDTH];
		struct look_chunk chunk;

		assert_memory_equal(
			&kept->blocks[i].info.address, &blocks[i].info.address, sizeof(void *));
		assert_int_equal(kept->blocks[i].info.carved, blocks[i].info.carved);
		assert_int_equal(kept->blocks[i].number, blocks[i].number);
		look_map(look, &blocks[i], width, parts);
		assert_memory_equal(kept->maps[i], parts, (size_t)width);
		if (!blocks[i].info.is_large)
			continue;
		assert_true(look_chunk_at(look, &blocks[i], blocks[i].info.header, &chunk));
		same_chunk(&kept->large[i], &chunk);
	}
}

static void check_chunk(const struct look *look, const struct memory_place *place)
{
	const struct look_chunk *kept = feed_chunk(feed, screen.selected, place);
	struct look_block block;
	struct look_chunk fresh;
	bool is_there = false;

	if (place->kind == MEMORY_LISTED)
		is_there = look_chunk_listed(look, (int)place->list, place->number, &fresh);
	else if (look_blocks(look, place->block, &block, 1) > place->block)
		is_there = look_chunk_at(look, &block, place->offset, &fresh);
	assert_int_equal(kept != NULL, is_there);
	if (is_there)
		same_chunk(kept, &fresh);
}

static void check_links(const struct look *look, int size_class)
{
	struct explain_link links[300];
	int n = look_links(look, size_class, 0, links, 300);
	uint64_t first = rng_below(&seed, 40);
	struct explain_link some[10];
	int few = look_links(look, size_class, first, some, 10);

	assert_int_equal(few, (int)first >= n ? 0 : n - (int)first < 10 ? n - (int)first : 10);
	for (int i = 0; i < few; i++)
		assert_int_equal(some[i].id, links[first + (uint64_t)i].id);
	for (int i = 0; i < n && i < 5; i++) {
		struct look_chunk chunk;

		assert_true(look_chunk_listed(look, size_class, (uint64_t)i + 1, &chunk));
		assert_int_equal(chunk.who.id, links[i].id);
	}
}

static void move(void)
{
	static const enum request requests[] = {REQUEST_STEP, REQUEST_BACK, REQUEST_DOWN,
		REQUEST_UP, REQUEST_LARGEST, REQUEST_NEXT_OWN, REQUEST_BACK_OWN, REQUEST_LAST};

	if (rng_below(&seed, 4) == 0)
		state_seek(&screen, 5 + rng_below(&seed, feed_last(feed) - 5));
	else
		state_request(&screen, requests[rng_below(&seed, 8)]);
}

static void walk(const char *path, int moves)
{
	struct memory_place place = {0};

	feed_begin_passed(path, &screen);
	for (int i = 0; i < moves; i++) {
		const struct explain_event *event = state_last_event(&screen);
		const struct look_chunk *changed;
		struct look_chunk fresh;
		struct look look;

		if (!state_look(&screen, &look)) {
			assert_null(feed_blocks(feed, screen.selected, 0, 1, 1));
			state_request(&screen, REQUEST_FIRST);
			continue;
		}
		/* Some looks twice, some in between at others. */
		check_blocks(&look, rng_below(&seed, 3), 1 + rng_below(&seed, 6),
			1 + (int)rng_below(&seed, 80));
		place.kind = rng_below(&seed, 2) ? MEMORY_AT : MEMORY_LISTED;
		place.list = rng_below(&seed, SNAPSHOT_CLASSES);
		place.number = rng_below(&seed, 4);
		place.block = rng_below(&seed, 4);
		place.offset = rng_below(&seed, 8192);
		check_chunk(&look, &place);
		check_chunk(&look, &place);
		check_links(&look, (int)rng_below(&seed, SNAPSHOT_CLASSES));
		changed = event ? feed_changed_chunk(feed, screen.selected, event) : NULL;
		if (event && look_chunk_changed(&look, event, &fresh))
			same_chunk(changed, &fresh);
		else
			assert_null(changed);
		if (rng_below(&seed, 3))
			move();
	}
	feed_end(&screen);
}

static void what_is_kept_is_what_is_there(void **state)
{
	(void)state;
	walk("traces/pg_pgbench.trace", 400);
	walk("traces/jq.trace", 200);
	walk("traces/freelist.trace", 200);
	walk("traces/large.trace", 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_what_is_there),
	};
	const char *text = getenv("MEMCTX_SEED");

	seed = text != NULL ? (uint64_t)strtoull(text, NULL, 10) : (uint64_t)getpid();
	print_message("MEMCTX_SEED=%" PRIu64 "\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
