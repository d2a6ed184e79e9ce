/* SPDX-License-Identifier: MIT */
/*
 * Looking at a context's memory: a small trace whose blocks are worked out by hand from the
 * allocator's rules (a context takes 256 bytes beside its first block, a block 40, a chunk 8
 * before it), and a real one whose parts must add up.
 */
#include "replay_support.h"

#include <inttypes.h>

#include "model/look.h"

struct session {
	struct world world;
	struct explain *explain;
	struct look look;
};

static void begin(struct session *s, const char *text, uint64_t context, uint64_t event)
{
	world_open(&s->world, text);
	s->explain = explain_new(s->world.replay);
	assert_non_null(s->explain);
	assert_true(explain_run(s->explain, event, &s->world.error) >= 0);
	s->look = (struct look){
		s->world.replay, s->explain, replay_context(s->world.replay, context)};
	assert_non_null(s->look.ctx);
}

static void end(struct session *s)
{
	explain_free(s->explain);
	world_close(&s->world);
}

/*
 * Chunks of 32 bytes with their words: 40 each.  Of 1,024 the first block has 768: 40, then #1 at
 * 48, #2 at 88, #3 at 128, up to 160.  #1 and then #3 are freed.
 */
#define SMALL                                                                                      \
	HEAD "create 1 - aset \"Demo\" init=1024 max=8192\n"                                       \
	     "alloc 1 1 20\nalloc 1 2 24\nalloc 1 3 32\nfree 1\nfree 3\n"

static void test_blocks(void **state)
{
	struct look_block blocks[4];
	struct session s;

	(void)state;
	begin(&s, SMALL "alloc 1 9 100000\nalloc 1 10 900\n", 1, END);
	assert_int_equal(look_blocks(&s.look, 0, blocks, 4), 3);
	assert_true(blocks[0].info.is_keeper);
	assert_int_equal(blocks[0].number, 1);
	assert_int_equal(blocks[0].info.size, 768);
	assert_int_equal(blocks[0].info.header, 40);
	/* 900 want 1,024 and 8 before them: the next block, twice as large. */
	assert_int_equal(blocks[1].number, 2);
	assert_int_equal(blocks[1].info.size, 2048);
	assert_true(blocks[1].info.is_open);
	assert_int_equal(blocks[1].info.carved, 40 + 1032);
	assert_true(blocks[2].info.is_large);
	assert_int_equal(blocks[2].number, 0);
	/* From the second on, and no more than there is room for. */
	assert_int_equal(look_blocks(&s.look, 1, blocks, 4), 3);
	assert_int_equal(blocks[0].number, 2);
	assert_int_equal(look_blocks(&s.look, 2, blocks, 1), 3);
	assert_true(blocks[0].info.is_large);
	end(&s);
}

static const char *map_text(const struct look *look, const struct look_block *block, int width)
{
	static char out[200];
	uint8_t parts[200];

	look_map(look, block, width, parts);
	for (int i = 0; i < width; i++)
		out[i] = "UMFT"[parts[i]];
	out[width] = '\0';
	return out;
}

static void test_map(void **state)
{
	struct look_block block;
	struct session s;

	(void)state;
	begin(&s, SMALL, 1, 6);
	look_blocks(&s.look, 0, &block, 1);
	assert_int_equal(block.info.carved, 160);
	/* 16 bytes a part: the header to 40; free #1 to 80, #2 to 120, free #3 to 160. */
	assert_string_equal(
		map_text(&s.look, &block, 48), "UUMFFUUMFFTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT");
	/* 128 bytes a part: of the second 32 were carved. */
	assert_string_equal(map_text(&s.look, &block, 6), "MTTTTT");
	assert_string_equal(map_text(&s.look, &block, 1), "T");
	end(&s);
	begin(&s, HEAD "create 1 - aset \"Demo\"\nalloc 1 1 20000\n", 1, END);
	look_blocks(&s.look, 1, &block, 1);
	assert_string_equal(map_text(&s.look, &block, 3), "UUU");
	end(&s);
}

static bool beside(const struct look *look, const struct look_block *block, size_t offset, int step,
	struct look_chunk *chunk)
{
	size_t at;

	return look_beside(look, block, offset, step, &at) && look_chunk_at(look, block, at, chunk);
}

static void test_chunks(void **state)
{
	struct look_chunk chunk;
	struct look_block block;
	struct session s;

	(void)state;
	begin(&s, SMALL, 1, 6);
	look_blocks(&s.look, 0, &block, 1);
	assert_false(look_chunk_at(&s.look, &block, 39, &chunk));
	assert_true(look_chunk_at(&s.look, &block, 40, &chunk));
	assert_int_equal(chunk.offset, 48);
	assert_true(chunk.info.is_free && chunk.is_named && chunk.who.id == 1);
	assert_int_equal(chunk.place, 2);
	assert_false(chunk.has_next);
	assert_true(look_chunk_at(&s.look, &block, 119, &chunk));
	assert_int_equal(chunk.offset, 88);
	assert_true(!chunk.info.is_free && chunk.is_named && chunk.who.id == 2);
	assert_int_equal(chunk.info.requested, 24);
	assert_int_equal(chunk.block, 1);
	assert_false(look_chunk_at(&s.look, &block, 160, &chunk));
	/* From #2 to both sides, and no further. */
	assert_true(beside(&s.look, &block, 88, 1, &chunk));
	assert_int_equal(chunk.offset, 128);
	assert_true(chunk.info.is_free && chunk.who.id == 3 && chunk.place == 1);
	assert_true(chunk.has_next && chunk.next.id == 1);
	assert_false(beside(&s.look, &block, 128, 1, &chunk));
	assert_true(beside(&s.look, &block, 88, -1, &chunk));
	assert_int_equal(chunk.offset, 48);
	assert_false(beside(&s.look, &block, 48, -1, &chunk));
	assert_true(beside(&s.look, &block, 0, 1, &chunk));
	assert_int_equal(chunk.offset, 48);
	/* The list as it is linked. */
	assert_true(look_chunk_listed(&s.look, 2, 1, &chunk));
	assert_int_equal(chunk.who.id, 3);
	assert_true(look_chunk_listed(&s.look, 2, 2, &chunk));
	assert_int_equal(chunk.who.id, 1);
	assert_int_equal(chunk.block, 1);
	assert_false(look_chunk_listed(&s.look, 2, 3, &chunk));
	assert_false(look_chunk_listed(&s.look, 2, 0, &chunk));
	end(&s);
}

/* What each event was about, where it is now: "offset", "-" for none. */
static void test_changed(void **state)
{
	static const int offsets[] = {-1, 48, 88, 128, 48, 128};
	struct explain_event *event = malloc(sizeof *event);
	struct look_chunk chunk;
	struct session s;

	(void)state;
	assert_non_null(event);
	begin(&s, SMALL "alloc 1 4 60000\nfree 4\nreset 1\n", 1, 1);
	for (int i = 1; i < 6; i++) {
		assert_int_equal(explain_next(s.explain, event, &s.world.error), 1);
		assert_true(look_chunk_changed(&s.look, event, &chunk));
		assert_int_equal(chunk.offset, offsets[i]);
		assert_int_equal(chunk.info.is_free, i >= 4);
	}
	assert_int_equal(explain_next(s.explain, event, &s.world.error), 1);
	assert_true(look_chunk_changed(&s.look, event, &chunk));
	assert_true(chunk.info.is_large && chunk.block == 0);
	assert_int_equal(explain_next(s.explain, event, &s.world.error), 1);
	assert_false(look_chunk_changed(&s.look, event, &chunk));
	assert_int_equal(explain_next(s.explain, event, &s.world.error), 1);
	assert_false(look_chunk_changed(&s.look, event, &chunk));
	free(event);
	end(&s);
}

/* An aligned chunk lies inside another, whose place it is known by. */
static void test_aligned(void **state)
{
	struct look_chunk chunk;
	struct look_block block;
	struct session s;

	(void)state;
	begin(&s, HEAD "create 1 - aset \"Demo\"\nalloc 1 1 8\nalloc 1 2 50 align=64\n", 1, END);
	look_blocks(&s.look, 0, &block, 1);
	assert_true(look_chunk_at(&s.look, &block, 40, &chunk));
	assert_true(chunk.is_named && chunk.who.id == 1);
	assert_true(beside(&s.look, &block, chunk.offset, 1, &chunk));
	assert_true(chunk.is_named && chunk.who.id == 2);
	end(&s);
}

/* ---- A real one ----------------------------------------------------------------------- */

/* Walks a block's chunks with what is tested: they touch, and are as many as the library says. */
static void count_chunks(
	const struct look *look, const struct look_block *block, uint64_t *live, uint64_t *unused)
{
	struct look_chunk chunk;
	size_t offset = 0, edge = block->info.header;

	while (beside(look, block, offset, 1, &chunk)) {
		assert_int_equal(chunk.offset - 8, edge);
		edge += chunk.info.stride;
		offset = chunk.offset;
		*(chunk.info.is_free ? unused : live) += 1;
		if (!chunk.info.is_free)
			assert_true(chunk.is_named);
	}
	if (!block->info.is_large)
		assert_int_equal(edge, block->info.carved);
}

static char *file_text(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(in);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	return text;
}

static void test_real(void **state)
{
	char *text = file_text("traces/jq.trace");
	struct session s;
	size_t seen = 0;

	(void)state;
	begin(&s, text, 1, 5000);
	for (const memctx *c = replay_root(s.world.replay), *root = c; c != NULL;
		c = memctx_walk(root, c)) {
		struct look look = {s.world.replay, s.explain, c};
		uint64_t live = 0, unused = 0;
		struct memctx_stats stats;
		struct look_block blocks[64];
		size_t n = look_blocks(&look, 0, blocks, 64);

		memctx_stats(c, &stats);
		assert_int_equal(n, stats.total_nblocks);
		for (size_t i = 0; i < n && c != root; i++)
			count_chunks(&look, &blocks[i], &live, &unused);
		if (c == root)
			continue;
		assert_int_equal(live, stats.live_chunks);
		assert_int_equal(unused, stats.free_chunks);
		seen += live;
	}
	assert_true(seen > 100);
	end(&s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_aligned),
		cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests_name("look", tests, NULL, NULL);
}
