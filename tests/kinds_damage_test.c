/* SPDX-License-Identifier: MIT */
/*
 * memctx_check finds damage in contexts of every kind: words that its invariants vouch for are
 * overwritten in turn, and what that breaks must be reported; put back, the check is clean again.
 * Nothing is freed into a block that is damaged, and walks end where a word is.
 */
#include "unit.h"

#include "fine.h"
#include "generation.h"

static char said[400];

static void note(const memctx *ctx, const char *what, void *arg)
{
	(void)ctx;
	(void)arg;
	if (said[0] == '\0')
		snprintf(said, sizeof said, "%s", what);
}

/* Puts VALUE at AT, which may be poisoned as a header is; returns what was there. */
MCX_HEADER uint64_t put(void *at, size_t size, uint64_t value)
{
	volatile unsigned char *bytes = at;
	uint64_t old = 0;

	mcx_header_open((char *)at - (uintptr_t)at % 8 + MCX_WORD);
	for (size_t i = 0; i < size; i++) {
		old |= (uint64_t)bytes[i] << (8 * i);
		bytes[i] = (unsigned char)(value >> (8 * i));
	}
	return old;
}

/* With VALUE at AT the check reports INVARIANT first; with what was there, nothing. */
static void damage(memctx *ctx, void *at, size_t size, uint64_t value, const char *invariant)
{
	uint64_t old = put(at, size, value);

	said[0] = '\0';
	assert_true(memctx_check(ctx, note, NULL) > 0);
	if (strncmp(said, invariant, strlen(invariant)) != 0)
		fail_msg("expected %s, got \"%s\"", invariant, said);
	put(at, size, old);
	assert_int_equal(memctx_check(ctx, note, NULL), 0);
}

static void damage_word(memctx *ctx, void *payload, uint64_t word, const char *invariant)
{
	uint64_t old = mcx_word_load(payload);

	mcx_word_store(payload, word);
	said[0] = '\0';
	assert_true(memctx_check(ctx, note, NULL) > 0);
	if (strncmp(said, invariant, strlen(invariant)) != 0)
		fail_msg("expected %s, got \"%s\"", invariant, said);
	mcx_word_store(payload, old);
	assert_int_equal(memctx_check(ctx, note, NULL), 0);
}

/* What every kind has: words, sums, links. */
static void damage_common(memctx *ctx, void *used)
{
	if (!ctx->has_part) {
		damage(ctx, &mcx_slot(ctx)->live_bytes, 8, mcx_slot(ctx)->live_bytes + 8,
			"I5: live bytes");
		damage(ctx, &mcx_slot(ctx)->free_bytes, 8, mcx_slot(ctx)->free_bytes + 8,
			"I5: free bytes");
	}
	damage(ctx, &mcx_slot(ctx)->nblocks, 8, mcx_slot(ctx)->nblocks + 1, "I5: blocks");
	damage(ctx, &mcx_slot(ctx)->total_bytes, 8, mcx_slot(ctx)->total_bytes + 16, "I5: total");
	damage(ctx, &ctx->blocks->prev, 8, 64, "I1");
	damage(ctx, &ctx->blocks->owner, 8, (uintptr_t)ctx + 256, "I2");
	if (used == NULL)
		return;
	damage_word(ctx, used, 0x1234567, "I3");
	damage_word(ctx, used, mcx_word_load(used) + 8, "I5"); /* a byte of slack more */
}

/* With VALUE at AT, freeing CHUNK is misuse and changes no figure. */
static void refuse_free(memctx *ctx, void *at, size_t size, uint64_t value, void *chunk)
{
	struct memctx_stats before = stats_of(ctx);
	struct misuse misuse = {0};
	uint64_t old = 0;

	memcpy(&old, at, size);
	memcpy(at, &value, size);
	memctx_set_misuse(misuse_note, &misuse);
	memctx_free(chunk);
	memctx_set_misuse(NULL, NULL);
	memcpy(at, &old, size);
	assert_int_equal(misuse.count, 1);
	assert_ptr_equal(misuse.pointer, chunk);
	assert_non_null(strstr(misuse.what, "damaged"));
	assert_same_figures(ctx, &before);
	assert_int_equal(memctx_check(ctx, note, NULL), 0);
}

/* Counts what a walk shows, and ends it after as many as there are to be. */
struct some {
	unsigned count, most;
};

static bool count_some(const struct memctx_chunk_info *chunk, void *arg)
{
	struct some *some = arg;

	(void)chunk;
	return ++some->count < some->most;
}

static bool walk_some(const struct memctx_block_info *block, void *arg)
{
	struct some *some = ((void **)arg)[1];

	memctx_each_chunk(((void **)arg)[0], block, count_some, some);
	return some->count < some->most;
}

/* How many chunks the walks over the blocks of CTX show, at most MOST. */
static unsigned walked(memctx *ctx, unsigned most)
{
	struct some some = {0, most};

	memctx_each_block(ctx, walk_some, (void *[]){ctx, &some});
	return some.count;
}

static unsigned listed(memctx *ctx, int size_class, unsigned most)
{
	struct some some = {0, most};

	memctx_each_free(ctx, size_class, count_some, &some);
	return some.count;
}

static void slab(void **state)
{
	static const struct memctx_options options = {
		.chunk_size = 60, .init_size = 1152, .max_size = 1152};
	memctx *ctx = memctx_create(NULL, "slab", NULL, MEMCTX_SLAB, &options);
	char *chunk[20], *block;

	(void)state;
	for (int i = 0; i < 20; i++)
		chunk[i] = (char *)new_chunk(ctx, 40, i);
	memctx_free(chunk[2]);
	memctx_free(chunk[4]);
	damage_common(ctx, chunk[1]);
	/* A slab's block: its freelist and live count stand behind the common header. */
	block = chunk[0] - 8 - 72;
	damage(ctx, block + MCX_BLOCK_HEADER + 8, 4, 3, "S1");
	damage(ctx, block + MCX_BLOCK_HEADER, 8, 0, "S2");
	damage(ctx, block + MCX_BLOCK_HEADER + 12, 4, 2, "S3");
	damage(ctx, &ctx->slab.lists[0], 8, 0, "S3");
	damage(ctx, &ctx->slab.empty, 4, 7, "S3");
	/* The number of another chunk. */
	damage_word(ctx, chunk[1], mcx_word_load(chunk[1]) + ((uint64_t)1 << 16), "I3");
	damage(ctx, &ctx->slab.block_size, 8, ctx->slab.block_size + 8, "I2: a slab's");
	damage(ctx, block + MCX_BLOCK_HEADER + 24, 8, 64, "S3: the links");
	/* A freelist that is as long and leads to a chunk in use, or too long. */
	damage(ctx, block + MCX_BLOCK_HEADER, 8, (uintptr_t)chunk[1], "S2");
	damage_word(ctx, chunk[4], mcx_pool_word_free(ctx->slab.class, chunk[1]), "S2");
	damage_word(ctx, chunk[2], mcx_pool_word_free(ctx->slab.class, chunk[4]), "S2");
	refuse_free(ctx, block + MCX_BLOCK_HEADER + 8, 4, 0, chunk[1]);
	refuse_free(ctx, &((struct mcx_block *)(void *)block)->owner, 8, 64, chunk[1]);
	assert_int_equal(listed(ctx, (int)ctx->slab.class, 9), 2);
	assert_int_equal(listed(ctx, (int)ctx->slab.class, 1), 1);
	assert_int_equal(walked(ctx, 99), 20);
	assert_int_equal(walked(ctx, 7), 7);
	memctx_delete(ctx);
}

static void generation(void **state)
{
	static const struct memctx_options options = {.init_size = 1024, .max_size = 1024};
	memctx *ctx = memctx_create(NULL, "generation", NULL, MEMCTX_GENERATION, &options);
	struct mcx_generation_block *block;
	char *chunk[40];

	(void)state;
	for (int i = 0; i < 40; i++)
		chunk[i] = (char *)new_chunk(ctx, 40, i);
	for (int i = 0; i < 9; i++)
		memctx_free(chunk[i]);
	damage_common(ctx, chunk[39]);
	block = (struct mcx_generation_block *)ctx->keeper;
	assert_true(block->is_ripe);
	damage(ctx, &block->live, 4, 9, "G2");
	damage(ctx, &block->dead, 8, 8, "G2");
	damage(ctx, &block->is_ripe, 1, 0, "G3");
	damage(ctx, &ctx->generation.ripe, 8, 0, "G3");
	damage(ctx, &block->prev, 8, 64, "G3: the links");
	/* Its place and its length, which stand in front of a chunk's word. */
	damage(ctx, chunk[10] - 16, 4, 7, "G1: the header");
	damage(ctx, chunk[10] - 12, 4, 24, "G1: the header");
	damage(ctx, chunk[10] - 12, 4, 8, "G1: the header");
	damage(ctx, chunk[10] - 12, 4, 1 << 20, "G1: the header");
	damage(ctx, chunk[39] - 12, 4, 80, "G1: the last chunk");
	damage_word(ctx, chunk[10], 0x1234567, "I3");
	refuse_free(ctx, &block->live, 4, 0, chunk[9]);
	refuse_free(ctx, &block->block.owner, 8, 64, chunk[9]);
	assert_int_equal(listed(ctx, 3, 99), 9); /* 48 bytes are of the class of 64 */
	assert_int_equal(listed(ctx, 3, 4), 4);
	assert_int_equal(walked(ctx, 99), 40);
	assert_int_equal(walked(ctx, 11), 11);
	memctx_delete(ctx);
}

/* The block that a generation keeps is one without a chunk. */
static void generation_spare(void **state)
{
	static const struct memctx_options options = {.init_size = 1024, .max_size = 1024};
	memctx *ctx = memctx_create(NULL, "generation", NULL, MEMCTX_GENERATION, &options);
	struct mcx_generation_block *spare;
	char *chunk[40];

	(void)state;
	for (int i = 0; i < 40; i++)
		chunk[i] = (char *)new_chunk(ctx, 40, i);
	for (int i = 0; i < 30; i++)
		memctx_free(chunk[i]);
	spare = ctx->generation.spare;
	assert_non_null(spare);
	damage(ctx, &ctx->generation.spare, 8, (uintptr_t)ctx->blocks, "G3: the spare block");
	damage(ctx, &spare->block.free, 8, (uintptr_t)spare->block.free + 4, "I2");
	memctx_delete(ctx);
}

static void fine(void **state)
{
	static const struct memctx_options options = {.classes = MEMCTX_CLASSES_FINE};
	memctx *ctx = memctx_create(NULL, "fine", NULL, MEMCTX_ASET, &options);
	void **list;
	char *chunk[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		chunk[i] = (char *)new_chunk(ctx, 75, i);
	memctx_free(chunk[0]);
	memctx_free(chunk[1]);
	damage_common(ctx, chunk[2]);
	/* Chunks of 80 bytes: bin 4 of the part, beside that of 160. */
	list = (void **)(void *)(ctx + 1) + 4;
	assert_ptr_equal(*list, chunk[1]);
	damage(ctx, list, 8, 0, "F1");
	damage(ctx, list, 8, (uintptr_t)chunk[0], "F1");
	damage(ctx, list + 1, 8, (uintptr_t)chunk[0], "F1");
	damage(ctx, MCX_FREED(list), 8, *MCX_FREED(list) + MCX_ONE, "I5: fine class 8: live");
	damage(ctx, MCX_FINE_REUSED(list), 8, MCX_ONE, "I5: fine class 8: live");
	damage(ctx, mcx_fine_carved(list, 36), 8, *mcx_fine_carved(list, 36) + MCX_ONE,
		"I5: fine class 8: live");
	damage(ctx, &ctx->fine_used, 8, 0, "I5: fine class 8");
	/* Slack of the class of 96 that is the class of 80's: one power of two has both. */
	*MCX_FREED(list) += 3;
	*MCX_FREED(mcx_fine_bin(ctx, 46)) -= 3;
	said[0] = '\0';
	assert_true(memctx_check(ctx, note, NULL) > 0);
	assert_string_equal(said, "I5: fine class 8: slack is counted as 7 and is 10");
	*MCX_FREED(list) -= 3;
	*MCX_FREED(mcx_fine_bin(ctx, 46)) += 3;
	damage(ctx, &ctx->bin[0], 8, (uintptr_t)chunk[0], "F2");
	/* The bins of the ring, of the part's record's `live`, of no class, and of one that the
	 * slack tops. */
	damage_word(ctx, chunk[2], mcx_word_use((void **)(void *)(ctx + 1) + 11, 5), "I3");
	damage_word(ctx, chunk[2], mcx_word_use((void **)(void *)(ctx + 1) + 24, 5), "I3");
	damage_word(ctx, chunk[2], mcx_word_use((void **)(void *)ctx, 5), "I3");
	damage_word(ctx, chunk[2], mcx_word_use((void **)(void *)ctx + 1, 17), "I3");
	damage_word(ctx, chunk[2], mcx_word_use((void **)(void *)(ctx + 2) + 4, 5), "I3");
	memctx_delete(ctx);
}

/* Links that lead to every free chunk once, and yet not from the head to all of them. */
static void fine_ring(void **state)
{
	static const struct memctx_options options = {.classes = MEMCTX_CLASSES_FINE};
	memctx *ctx = memctx_create(NULL, "fine", NULL, MEMCTX_ASET, &options);
	uint64_t word;
	char *chunk[4];
	void **list;

	(void)state;
	for (int i = 0; i < 4; i++)
		chunk[i] = (char *)new_chunk(ctx, 75, i);
	for (int i = 0; i < 3; i++)
		memctx_free(chunk[i]);
	list = mcx_fine_bin(ctx, region_fine_place[8]); /* that of 80 bytes */
	assert_ptr_equal(*list, chunk[2]);
	assert_int_equal(walked(ctx, 9), 4);
	assert_int_equal(walked(ctx, 2), 2);
	assert_int_equal(listed(ctx, 4, 9), 3);
	assert_int_equal(listed(ctx, 4, 2), 2);
	/* chunk[0] alone on the list; the other two in a ring. */
	word = mcx_word_load(chunk[1]);
	mcx_word_store(chunk[1], mcx_word_free((uintptr_t)list, chunk[2]));
	*list = chunk[0];
	said[0] = '\0';
	assert_true(memctx_check(ctx, note, NULL) > 0);
	assert_string_equal(said, "F1: fine freelist 8 holds 1 chunks, the blocks 3");
	*list = chunk[2];
	mcx_word_store(chunk[1], word);
	/* A walk ends where a word is no chunk's, and a list at a chunk in use. */
	word = mcx_word_load(chunk[3]);
	mcx_word_store(chunk[3], 0);
	assert_int_equal(walked(ctx, 9), 3);
	mcx_word_store(chunk[3], word);
	word = mcx_word_load(chunk[1]);
	mcx_word_store(chunk[1], mcx_word_free((uintptr_t)list, chunk[3]));
	assert_int_equal(listed(ctx, 4, 9), 2);
	mcx_word_store(chunk[1], word);
	assert_int_equal(memctx_check(ctx, note, NULL), 0);
	memctx_delete(ctx);
}

static void bump(void **state)
{
	memctx *ctx = memctx_create(NULL, "bump", NULL, MEMCTX_BUMP, NULL);
	char *first = (char *)new_chunk(ctx, 40, 1);

	(void)state;
	new_chunk(ctx, 13, 1);
	damage_common(ctx, NULL);
	damage_word(ctx, first, 5, "I2");
	damage(ctx, MCX_CARVED(&ctx->bin[1]), 8, MCX_ONE + 4000, "B1");
	damage(ctx, MCX_FREED(&ctx->bin[3]), 8, MCX_ONE, "B2");
	damage(ctx, MCX_REUSED(&ctx->bin[1]), 8, MCX_ONE + 3, "B2");
	memctx_delete(ctx);
}

static void malloc_kind(void **state)
{
	memctx *ctx = memctx_create(NULL, "malloc", NULL, MEMCTX_MALLOC, NULL);
	char *chunk = (char *)new_chunk(ctx, 40, 1);
	size_t requested;

	(void)state;
	new_chunk(ctx, 50, 1);
	damage_word(ctx, chunk, 0x7777, "I3");
	damage(ctx, &mcx_large_block(chunk)->requested, 8, 5000, "I2");
	damage(ctx, &mcx_large_block(chunk)->prev, 8, 64, "I1");
	damage(ctx, &mcx_slot(ctx)->large_chunks, 8, 3, "I");
	/* A block that many chunks could be in, sound but for that there is none such. */
	requested = mcx_large_block(chunk)->requested;
	mcx_large_block(chunk)->free = mcx_large_block(chunk)->end;
	mcx_large_block(chunk)->owner = ctx;
	said[0] = '\0';
	assert_true(memctx_check(ctx, note, NULL) > 0);
	assert_int_equal(strncmp(said, "M1: ", 4), 0);
	mcx_large_block(chunk)->requested = requested;
	mcx_large_block(chunk)->owner = (memctx *)(void *)((char *)ctx + MCX_BLOCK_LARGE);
	assert_int_equal(memctx_check(ctx, note, NULL), 0);
	assert_int_equal(memctx_usable(chunk), mcx_large_block(chunk)->end - chunk);
	memctx_delete(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slab),
		cmocka_unit_test(generation),
		cmocka_unit_test(generation_spare),
		cmocka_unit_test(fine),
		cmocka_unit_test(fine_ring),
		cmocka_unit_test(bump),
		cmocka_unit_test(malloc_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
