/* SPDX-License-Identifier: MIT */
/*
 * memctx_check finds damage: each word that it vouches for is overwritten in turn, and the
 * invariant that this breaks must be reported, of the context it was done to.  Once the word is
 * put back the check is clean again.
 */
#include "unit.h"

#include "aset.h"

/* A tree with something of everything. */
static struct {
	memctx *top, *ctx, *sibling, *foreign;
	char *used, *free[3], *large;
	struct mcx_block *closed; /* a full block before the open one */
} world;

/* What was overwritten; header words lie in poisoned memory in some builds. */
static struct {
	void *at;
	uint64_t old;
	bool is_header;
} pokes[4];
static int poked;

static void poke(void *at, uint64_t value)
{
	pokes[poked].at = at;
	pokes[poked].is_header = false;
	memcpy(&pokes[poked++].old, at, 8);
	memcpy(at, &value, 8);
}

static void poke_pointer(void *at, const void *value)
{
	poke(at, (uintptr_t)value);
}

static void poke_word(void *payload, uint64_t word)
{
	pokes[poked].at = payload;
	pokes[poked].is_header = true;
	pokes[poked++].old = mcx_word_load(payload);
	mcx_word_store(payload, word);
}

static void put_back(void)
{
	while (poked > 0) {
		poked--;
		if (pokes[poked].is_header)
			mcx_word_store(pokes[poked].at, pokes[poked].old);
		else
			memcpy(pokes[poked].at, &pokes[poked].old, 8);
	}
}

static int begin(void **state)
{
	(void)state;
	world.top = new_context(NULL, "top");
	memctx_set_limit(world.top, (size_t)1 << 30);
	world.ctx = memctx_create(world.top, "damaged", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
	world.sibling = new_context(world.top, "sibling");
	world.foreign = new_context(NULL, "foreign");
	world.closed = world.ctx->keeper;
	while (world.ctx->blocks == world.closed)
		world.used = (char *)new_chunk(world.ctx, 40, 1);
	world.used = (char *)new_chunk(world.ctx, 40, 1);
	for (int i = 0; i < 3; i++)
		world.free[i] = (char *)new_chunk(world.ctx, 100, 1);
	new_chunk(world.ctx, 40, 1);
	for (int i = 0; i < 3; i++) /* freelist 4: free[2], free[1], free[0] */
		memctx_free(world.free[i]);
	world.large = (char *)new_chunk(world.ctx, 10000, 1);
	new_chunk(world.ctx, 20000, 1);
	assert_int_equal(memctx_check(world.top, unit_report, NULL), 0);
	assert_int_equal(stats_of(world.ctx).classes[4].free, 3);
	return 0;
}

static int end(void **state)
{
	(void)state;
	memctx_delete(world.top);
	memctx_delete(world.foreign);
	return 0;
}

/* ---- The damages ----------------------------------------------------------------------------- */

static void block_prev(void)
{
	poke_pointer(&world.ctx->blocks->next->prev, world.closed);
}

static void block_list_cut(void)
{
	poke_pointer(&world.ctx->blocks->next, NULL);
}

static void keeper(void)
{
	poke_pointer(&world.ctx->keeper, world.ctx->blocks);
}

static void open_end(void)
{
	poke_pointer(&world.ctx->end, world.ctx->end - 8);
}

static void block_owner(void)
{
	poke_pointer(&world.closed->owner, world.sibling);
}

static void closed_free_past_end(void)
{
	poke_pointer(&world.closed->free, world.closed->end + 8);
}

static void open_free_before_start(void)
{
	poke_pointer(&world.ctx->free, (char *)world.ctx->blocks + 8);
}

static void open_free_unaligned(void)
{
	poke_pointer(&world.ctx->free, world.ctx->free - 3);
}

static void open_free_in_a_chunk(void)
{
	poke_pointer(&world.ctx->free, world.ctx->free - 8);
}

static void block_end(void)
{
	poke_pointer(&world.closed->end, world.closed->end + 16);
}

static void large_owner(void)
{
	poke_pointer(&mcx_large_block(world.large)->owner, (char *)world.sibling + 1);
}

static void large_size(void)
{
	poke(&mcx_large_block(world.large)->requested, 10017);
}

static void large_size_a_little(void)
{
	poke(&mcx_large_block(world.large)->requested, 9999);
}

static void large_end(void)
{
	poke_pointer(&mcx_large_block(world.large)->end, world.large - 8);
}

static void large_word(void)
{
	poke_word(world.large, mcx_large_word(world.foreign));
}

static void word_zero(void)
{
	poke_word(world.used, 0);
}

static void word_of_another_context(void)
{
	poke_word(world.used, mcx_word_use(&world.sibling->bin[3], 24));
}

static void word_of_no_class(void)
{
	poke_word(world.used, mcx_word_use(&world.ctx->bin[MCX_LARGE], 24));
}

static void word_between_bins(void)
{
	poke_word(world.used, mcx_word_use((char *)&world.ctx->bin[3] + 4, 24));
}

static void word_with_too_much_slack(void)
{
	poke_word(world.used, mcx_word_use(&world.ctx->bin[3], 65));
}

static void word_with_other_slack(void)
{
	poke_word(world.used, mcx_word_use(&world.ctx->bin[3], 23));
}

static void word_of_another_class(void)
{
	poke_word(world.used, mcx_word_use(&world.ctx->bin[8], 24));
}

static void word_of_a_free_chunk_of_no_class(void)
{
	poke_word(world.free[0], (uint64_t)MEMCTX_CLASSES << MCX_SLACK_SHIFT | MCX_TAG_FREE);
}

static void used_chunk_marked_free(void)
{
	poke_word(world.used, mcx_word_free((uintptr_t)&world.ctx->bin[3], NULL));
}

static void free_chunk_marked_used(void)
{
	poke_word(world.free[1], mcx_word_use(&world.ctx->bin[4], 28));
}

static void link_to(const void *next)
{
	poke_word(world.free[1], mcx_word_free((uintptr_t)&world.ctx->bin[4], next));
}

static void link_to_a_used_chunk(void)
{
	link_to(world.used);
}

static void link_to_nowhere(void)
{
	link_to((void *)(uintptr_t)0x123450);
}

static void link_to_itself(void)
{
	link_to(world.free[1]);
}

static void link_back(void)
{
	link_to(world.free[2]);
}

static void link_cut(void)
{
	link_to(NULL);
}

/* Every free chunk is linked to once, and yet one is on no list. */
static void link_ring_beside_the_list(void)
{
	poke_pointer(&world.ctx->bin[4], world.free[0]);
	link_to(world.free[2]);
}

static void bin_emptied(void)
{
	poke_pointer(&world.ctx->bin[4], NULL);
}

static void bin_to_a_used_chunk(void)
{
	poke_pointer(&world.ctx->bin[3], world.used);
}

static void bin_of_another_class(void)
{
	poke_pointer(&world.ctx->bin[5], world.free[2]);
}

static void count_carved(void)
{
	poke(MCX_CARVED(&world.ctx->bin[3]), *MCX_CARVED(&world.ctx->bin[3]) + MCX_ONE);
}

static void count_freed(void)
{
	poke(MCX_FREED(&world.ctx->bin[4]), *MCX_FREED(&world.ctx->bin[4]) + MCX_ONE);
}

static void count_reused(void)
{
	poke(MCX_REUSED(&world.ctx->bin[7]), MCX_ONE);
}

static void count_slack(void)
{
	poke(MCX_CARVED(&world.ctx->bin[3]), *MCX_CARVED(&world.ctx->bin[3]) + 1);
}

static void count_of(uint64_t *counter)
{
	poke(counter, *counter + 1);
}

static void count_blocks(void)
{
	count_of(&mcx_slot(world.ctx)->nblocks);
}

static void count_total(void)
{
	count_of(&mcx_slot(world.ctx)->total_bytes);
}

static void count_large(void)
{
	count_of(&mcx_slot(world.ctx)->large_chunks);
}

static void count_large_requested(void)
{
	count_of(&mcx_slot(world.ctx)->large_requested);
}

static void count_large_bytes(void)
{
	count_of(&mcx_slot(world.ctx)->large_bytes);
}

static void used_bit(void)
{
	uint64_t word;

	memcpy(&word, &world.ctx->used, 8);
	poke(&world.ctx->used, word & ~(uint64_t)(1u << 4));
}

static void child_parent(void)
{
	poke_pointer(&world.sibling->parent, world.foreign);
}

static void child_prev(void)
{
	poke_pointer(&world.sibling->prev, world.sibling);
}

static void last_child(void)
{
	poke_pointer(&world.ctx->prev, world.ctx);
}

static void siblings_in_a_ring(void)
{
	poke_pointer(&world.sibling->next, world.ctx);
}

static void limit_bytes(void)
{
	count_of(&world.top->subtree_bytes);
}

/* Each with the invariant that it breaks, and whether that is one of the tree. */
static const struct damage {
	const char *name, *invariant;
	void (*plant)(void);
} damages[] = {
#define DAMAGE(plant, invariant)                                                                   \
	{                                                                                          \
#plant, invariant, plant                                                           \
	}
	DAMAGE(block_prev, "I1"),
	DAMAGE(block_list_cut, "I1"),
	DAMAGE(keeper, "I1"),
	DAMAGE(open_end, "I1"),
	DAMAGE(block_owner, "I2"),
	DAMAGE(closed_free_past_end, "I2"),
	DAMAGE(open_free_before_start, "I2"),
	DAMAGE(open_free_unaligned, "I2"),
	DAMAGE(open_free_in_a_chunk, "I3"),
	DAMAGE(block_end, "I5"),
	DAMAGE(large_owner, "I2"),
	DAMAGE(large_size, "I2"),
	DAMAGE(large_size_a_little, "I5"),
	DAMAGE(large_end, "I2"),
	DAMAGE(large_word, "I3"),
	DAMAGE(word_zero, "I3"),
	DAMAGE(word_of_another_context, "I3"),
	DAMAGE(word_of_no_class, "I3"),
	DAMAGE(word_between_bins, "I3"),
	DAMAGE(word_with_too_much_slack, "I3"),
	DAMAGE(word_with_other_slack, "I5"),
	DAMAGE(word_of_another_class, "I3"),
	DAMAGE(word_of_a_free_chunk_of_no_class, "I3"),
	DAMAGE(used_chunk_marked_free, "I4"),
	DAMAGE(free_chunk_marked_used, "I4"),
	DAMAGE(link_to_a_used_chunk, "I4"),
	DAMAGE(link_to_nowhere, "I4"),
	DAMAGE(link_to_itself, "I4"),
	DAMAGE(link_back, "I4"),
	DAMAGE(link_cut, "I4"),
	DAMAGE(link_ring_beside_the_list, "I4"),
	DAMAGE(bin_emptied, "I4"),
	DAMAGE(bin_to_a_used_chunk, "I4"),
	DAMAGE(bin_of_another_class, "I4"),
	DAMAGE(count_carved, "I5"),
	DAMAGE(count_freed, "I5"),
	DAMAGE(count_reused, "I5"),
	DAMAGE(count_slack, "I5"),
	DAMAGE(count_blocks, "I5"),
	DAMAGE(count_total, "I5"),
	DAMAGE(count_large, "I5"),
	DAMAGE(count_large_requested, "I5"),
	DAMAGE(count_large_bytes, "I5"),
	DAMAGE(used_bit, "I5"),
	DAMAGE(child_parent, "T1"),
	DAMAGE(child_prev, "T1"),
	DAMAGE(last_child, "T1"),
	DAMAGE(siblings_in_a_ring, "T1"),
	DAMAGE(limit_bytes, "T2"),
};

static struct {
	size_t reports;
	bool named; /* one named the invariant, of the right context */
	const char *invariant;
	const memctx *ctx;
} seen;

static void see(const memctx *ctx, const char *what, void *arg)
{
	assert_ptr_equal(arg, &seen);
	seen.reports++;
	if (strncmp(what, seen.invariant, 2) == 0 && what[2] == ':' && ctx == seen.ctx)
		seen.named = true;
}

static void every_damage_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		const struct damage *damage = &damages[i];
		size_t broken;

		seen.reports = 0;
		seen.named = false;
		seen.invariant = damage->invariant;
		seen.ctx = damage->invariant[0] == 'T' ? world.top : world.ctx;
		damage->plant();
		broken = memctx_check(world.top, see, &seen);
		if (!seen.named)
			print_error("%s is not reported as %s\n", damage->name, damage->invariant);
		assert_true(seen.named);
		assert_int_equal(broken, seen.reports);
		assert_int_equal(memctx_check(world.top, NULL, NULL), broken);
		put_back();
		assert_int_equal(memctx_check(world.top, unit_report, NULL), 0);
	}
}

/* Freeing a chunk whose block is damaged would damage more. */
static void damaged_large_block_is_not_freed(void **state)
{
	struct misuse misuse = {0};
	struct memctx_stats before = stats_of(world.ctx);

	(void)state;
	memctx_set_misuse(misuse_note, &misuse);
	large_owner();
	memctx_free(world.large);
	put_back();
	memctx_set_misuse(NULL, NULL);
	assert_int_equal(misuse.count, 1);
	assert_ptr_equal(misuse.pointer, world.large);
	assert_same_figures(world.ctx, &before);
	assert_int_equal(memctx_check(world.top, unit_report, NULL), 0);
}

/* Walks and lists end at a word that is damaged. */
static void walks_end_at_damage(void **state)
{
	struct memctx_chunk_info info;
	uint64_t count = 0;

	(void)state;
	link_to(world.used);
	memctx_each_free(world.ctx, 4, walk_count_free, &count);
	put_back();
	assert_int_equal(count, 2); /* free[2], free[1]; what is in use is on no list */
	word_zero();
	assert_false(memctx_describe(world.used, &info));
	put_back();
	assert_true(memctx_describe(world.used, &info));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_damage_is_found, begin, end),
		cmocka_unit_test_setup_teardown(damaged_large_block_is_not_freed, begin, end),
		cmocka_unit_test_setup_teardown(walks_end_at_damage, begin, end),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
