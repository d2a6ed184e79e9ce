/* SPDX-License-Identifier: MIT */
/*
 * What memctx.h promises about contexts: creation, the tree, resets and deletion, callbacks,
 * limits, the current context, recycling, the library's surroundings.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static void version_is_the_headers(void **state)
{
	char expected[40];

	(void)state;
	snprintf(expected, sizeof expected, "%d.%d.%d", MEMCTX_VERSION_MAJOR, MEMCTX_VERSION_MINOR,
		MEMCTX_VERSION_PATCH);
	assert_string_equal(memctx_version(), expected);
}

static void new_context_is_empty(void **state)
{
	char name[] = "cache", ident[] = "users";
	memctx *ctx = memctx_create(NULL, name, ident, MEMCTX_ASET, NULL);
	struct memctx_stats s;

	(void)state;
	assert_non_null(ctx);
	memset(name, 'x', sizeof name - 1);
	memset(ident, 'x', sizeof ident - 1);
	assert_string_equal(memctx_name(ctx), "cache");
	assert_string_equal(memctx_ident(ctx), "users");
	assert_int_equal(memctx_kind_of(ctx), MEMCTX_ASET);
	assert_null(memctx_parent(ctx));
	assert_null(memctx_first_child(ctx));
	assert_int_equal(memctx_limit(ctx), 0);
	memctx_stats(ctx, &s);
	assert_int_equal(s.total_bytes, 8192);
	assert_int_equal(s.peak_total_bytes, 8192);
	assert_int_equal(s.total_nblocks, 1);
	assert_int_equal(s.live_chunks + s.free_chunks + s.large_chunks, 0);
	assert_int_equal(s.requested_bytes + s.slack_bytes + s.freelist_bytes, 0);
	assert_int_equal(s.allocs + s.frees + s.reallocs + s.resets + s.carved + s.cut, 0);
	assert_sound(ctx);
	memctx_delete(ctx);
}

static void kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(memctx_kind_name(MEMCTX_ASET), "aset");
	assert_null(memctx_kind_name((enum memctx_kind)1000));
	assert_null(memctx_kind_name((enum memctx_kind) - 1));
}

static void serials_are_unique(void **state)
{
	memctx *a = new_context(NULL, "a"), *b = new_context(a, "b");
	uint64_t sa = stats_of(a).serial, sb = stats_of(b).serial;

	(void)state;
	assert_true(sa < sb);
	memctx_delete(b);
	b = new_context(a, "b");
	assert_true(stats_of(b).serial > sb);
	memctx_delete(a);
}

static void assert_refused(struct memctx_options options)
{
	struct memctx_overhead before, after;

	memctx_overhead(&before);
	errno = 0;
	assert_null(memctx_create(NULL, "bad", NULL, MEMCTX_ASET, &options));
	assert_int_equal(errno, EINVAL);
	memctx_overhead(&after);
	assert_int_equal(after.contexts, before.contexts);
}

static void bad_options_are_refused(void **state)
{
	const size_t over = (size_t)PTRDIFF_MAX + 1;

	(void)state;
	assert_refused((struct memctx_options){.init_size = over, .max_size = over});
	assert_refused((struct memctx_options){.max_size = over});
	assert_refused((struct memctx_options){.max_size = SIZE_MAX});
	assert_refused((struct memctx_options){.min_size = over});
	assert_refused((struct memctx_options){.init_size = 8192, .max_size = 8191});
	assert_refused((struct memctx_options){.align = 1});
	assert_refused((struct memctx_options){.align = 4});
	assert_refused((struct memctx_options){.align = 32});
	assert_refused((struct memctx_options){.align = SIZE_MAX});
	errno = 0;
	assert_null(memctx_create(NULL, "bad", NULL, (enum memctx_kind)99, NULL));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(memctx_create(NULL, NULL, NULL, MEMCTX_ASET, NULL));
	assert_int_equal(errno, EINVAL);
}

/* Sizes that may be asked for but cannot be had. */
static void huge_first_block_is_enomem(void **state)
{
	struct memctx_options init = {.init_size = PTRDIFF_MAX, .max_size = PTRDIFF_MAX};
	struct memctx_options min = {.min_size = PTRDIFF_MAX};

	(void)state;
	errno = 0;
	assert_null(memctx_create(NULL, "huge", NULL, MEMCTX_ASET, &init));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(memctx_create(NULL, "huge", NULL, MEMCTX_ASET, &min));
	assert_int_equal(errno, ENOMEM);
}

struct sizes {
	size_t n, size[64];
};

static bool note_size(const struct memctx_block_info *block, void *arg)
{
	struct sizes *sizes = arg;

	if (!block->is_large && sizes->n < 64)
		sizes->size[sizes->n++] = block->size;
	return true;
}

static void blocks_double_to_the_maximum(void **state)
{
	struct memctx_options options = {.init_size = 1024, .max_size = 8192};
	memctx *ctx = memctx_create(NULL, "small", NULL, MEMCTX_ASET, &options);
	struct sizes sizes = {0};

	(void)state;
	assert_non_null(ctx);
	assert_int_equal(memctx_total(ctx), 1024);
	while (stats_of(ctx).total_nblocks < 7)
		new_chunk(ctx, 100, 1);
	memctx_each_block(ctx, note_size, &sizes);
	assert_int_equal(sizes.n, 7);
	assert_int_equal(memctx_total(ctx), 1024 + 1024 + 2048 + 4096 + 3 * 8192);
	for (size_t i = 0; i < 3; i++) /* the newest first */
		assert_int_equal(sizes.size[i], 8192);
	assert_sound(ctx);
	memctx_delete(ctx);
}

static void keeper_is_at_least_min(void **state)
{
	struct memctx_options options = {.init_size = 1024, .max_size = 8192, .min_size = 100001};
	memctx *ctx = memctx_create(NULL, "min", NULL, MEMCTX_ASET, &options);
	size_t total;

	(void)state;
	assert_non_null(ctx);
	total = memctx_total(ctx);
	assert_true(total >= 100001 && total < 104096);
	for (int i = 0; i < 80; i++)
		new_chunk(ctx, 1000, i);
	assert_int_equal(memctx_total(ctx), total);
	for (int i = 0; i < 80; i++)
		new_chunk(ctx, 1000, i);
	assert_true(memctx_total(ctx) > total);
	memctx_reset(ctx);
	assert_int_equal(memctx_total(ctx), total);
	assert_sound(ctx);
	memctx_delete(ctx);
}

static void tiny_options_still_work(void **state)
{
	struct memctx_options options = {.init_size = 1, .max_size = 1, .min_size = 1};
	memctx *ctx = memctx_create(NULL, "tiny", NULL, MEMCTX_ASET, &options);

	(void)state;
	assert_non_null(ctx);
	assert_int_equal(memctx_total(ctx), 1024); /* at least 1024 */
	for (size_t size = 0; size < 9000; size += 7)
		new_chunk(ctx, size, 7);
	assert_sound(ctx);
	memctx_delete(ctx);
}

/* What is left out follows what is said: the maximum is never below the first block. */
static void options_left_out_follow(void **state)
{
	struct memctx_options large = {.init_size = 16 << 20}, small = {.max_size = 2048};
	memctx *ctx;

	(void)state;
	memctx_trim();
	ctx = memctx_create(NULL, "large", NULL, MEMCTX_ASET, &large);
	assert_non_null(ctx);
	assert_int_equal(memctx_total(ctx), 16 << 20);
	memctx_delete(ctx);
	ctx = memctx_create(NULL, "small", NULL, MEMCTX_ASET, &small);
	assert_non_null(ctx);
	assert_int_equal(memctx_total(ctx), 2048);
	for (int i = 0; i < 100; i++)
		new_chunk(ctx, 200, 1);
	assert_int_equal(memctx_total(ctx), stats_of(ctx).total_nblocks * 2048);
	assert_sound(ctx);
	memctx_delete(ctx);
}

static void names_and_idents_of_any_length(void **state)
{
	char *word = malloc(10001);
	memctx *ctx;

	(void)state;
	assert_non_null(word);
	memset(word, 'w', 10000);
	word[10000] = '\0';
	ctx = memctx_create(NULL, word, word, MEMCTX_ASET, NULL);
	assert_non_null(ctx);
	assert_string_equal(memctx_name(ctx), word);
	assert_string_equal(memctx_ident(ctx), word);
	assert_int_equal(memctx_set_ident(ctx, ""), 0);
	assert_string_equal(memctx_ident(ctx), "");
	assert_int_equal(memctx_set_ident(ctx, NULL), 0);
	assert_null(memctx_ident(ctx));
	for (size_t n = 0; n <= 10000; n = n * 2 + 1) {
		assert_int_equal(memctx_set_ident(ctx, word + 10000 - n), 0);
		assert_string_equal(memctx_ident(ctx), word + 10000 - n);
		assert_string_equal(memctx_name(ctx), word);
	}
	/* An ident made of the one that is there. */
	assert_int_equal(memctx_set_ident(ctx, memctx_ident(ctx)), 0);
	assert_int_equal(memctx_set_ident(ctx, memctx_ident(ctx) + 100), 0);
	assert_int_equal(strlen(memctx_ident(ctx)), 8191 - 100);
	assert_sound(ctx);
	memctx_reset(ctx);
	assert_string_equal(memctx_name(ctx), word);
	assert_int_equal(strlen(memctx_ident(ctx)), 8191 - 100);
	memctx_delete(ctx);
	ctx = new_context(NULL, "");
	assert_string_equal(memctx_name(ctx), "");
	memctx_delete(ctx);
	free(word);
}

/* The names of TOP's tree in walk order, one letter a context. */
static const char *letters(const memctx *top)
{
	static char line[64];
	size_t n = 0;

	for (const memctx *ctx = top; ctx != NULL; ctx = memctx_walk(top, ctx))
		line[n++] = memctx_name(ctx)[0];
	line[n] = '\0';
	return line;
}

static void the_tree_keeps_its_order(void **state)
{
	memctx *a = new_context(NULL, "a"), *b = new_context(a, "b"), *c = new_context(a, "c");
	memctx *d = new_context(a, "d"), *e = new_context(b, "e"), *f = new_context(b, "f");

	(void)state;
	assert_string_equal(letters(a), "abefcd");
	assert_string_equal(letters(b), "bef");
	assert_string_equal(letters(f), "f");
	assert_ptr_equal(memctx_parent(e), b);
	assert_ptr_equal(memctx_first_child(a), b);
	assert_ptr_equal(memctx_next_sibling(b), c);
	assert_ptr_equal(memctx_next_sibling(c), d);
	assert_null(memctx_next_sibling(d));
	assert_int_equal(memctx_set_parent(b, a), 0); /* the last child, though it was one */
	assert_string_equal(letters(a), "acdbef");
	assert_int_equal(memctx_set_parent(c, e), 0);
	assert_string_equal(letters(a), "adbecf");
	assert_int_equal(memctx_set_parent(b, NULL), 0);
	assert_string_equal(letters(a), "ad");
	assert_string_equal(letters(b), "becf");
	assert_null(memctx_parent(b));
	assert_int_equal(memctx_set_parent(a, f), 0);
	assert_string_equal(letters(b), "becfad");
	memctx_delete(e);
	assert_string_equal(letters(b), "bfad");
	assert_int_equal(memctx_subtree_total(b), 4 * 8192);
	assert_sound(b);
	memctx_delete(b);
}

static void cycles_are_refused(void **state)
{
	memctx *a = new_context(NULL, "a"), *b = new_context(a, "b"), *c = new_context(b, "c");
	memctx *targets[] = {a, b, c};

	(void)state;
	for (int i = 0; i < 3; i++) {
		errno = 0;
		assert_int_equal(memctx_set_parent(a, targets[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(memctx_set_parent(b, c), -1);
	assert_int_equal(memctx_set_parent(c, c), -1);
	assert_string_equal(letters(a), "abc");
	assert_null(memctx_parent(a));
	assert_int_equal(memctx_set_parent(c, a), 0);
	assert_string_equal(letters(a), "abc");
	assert_ptr_equal(memctx_parent(c), a);
	memctx_delete(a);
}

static void reset_frees_all_and_keeps_the_keeper(void **state)
{
	memctx *a = new_context(NULL, "a"), *b = new_context(a, "b");
	struct memctx_stats s;

	(void)state;
	new_context(b, "c");
	for (size_t i = 0; i < 1000; i++)
		new_chunk(a, i * 13, (int)i);
	memctx_free(new_chunk(a, 100, 1));
	memctx_reset(a);
	assert_string_equal(letters(a), "a");
	memctx_stats(a, &s);
	assert_int_equal(s.total_bytes, 8192);
	assert_int_equal(s.total_nblocks, 1);
	assert_int_equal(s.live_chunks + s.free_chunks + s.requested_bytes + s.slack_bytes, 0);
	assert_int_equal(s.allocs, 1001);
	assert_int_equal(s.frees, 1);
	assert_int_equal(s.resets, 1);
	assert_true(s.peak_total_bytes > 1000 * 999 / 2 * 13);
	assert_sound(a);
	new_chunk(a, 4000, 1);
	assert_int_equal(stats_of(a).total_nblocks, 1);
	memctx_delete(a);
}

static void reset_only_keeps_what_stands_below(void **state)
{
	memctx *a = new_context(NULL, "a"), *b = new_context(a, "b");
	unsigned char *kept = new_chunk(b, 50, 9);

	(void)state;
	new_chunk(a, 50000, 1);
	memctx_reset_only(a);
	assert_string_equal(letters(a), "ab");
	assert_int_equal(stats_of(a).live_chunks, 0);
	assert_int_equal(stats_of(b).live_chunks, 1);
	assert_true(filled_with(kept, 50, 9));
	assert_sound(a);
	memctx_delete_children(a);
	assert_string_equal(letters(a), "a");
	memctx_delete_children(a);
	memctx_delete(a);
}

static void delete_children_keeps_the_chunks(void **state)
{
	memctx *a = new_context(NULL, "a"), *b = new_context(a, "b");
	unsigned char *kept = new_chunk(a, 50, 9);

	(void)state;
	new_chunk(new_context(b, "c"), 10, 1);
	new_context(a, "d");
	memctx_delete_children(a);
	assert_string_equal(letters(a), "a");
	assert_true(filled_with(kept, 50, 9));
	assert_int_equal(stats_of(a).live_chunks, 1);
	assert_int_equal(stats_of(a).resets, 0);
	assert_sound(a);
	memctx_delete(a);
}

/* What callbacks leave behind: one letter a call. */
static char ran[32];

struct letter {
	struct memctx_callback hook;
	char name;
	const unsigned char *memory; /* must still be there */
};

static void leave_letter(void *arg)
{
	struct letter *letter = arg;
	size_t n = strlen(ran);

	assert_true(n < sizeof ran - 1);
	assert_true(filled_with(letter->memory, 3000, 0x77));
	assert_int_equal(memctx_requested(letter->memory), 3000);
	ran[n] = letter->name;
	ran[n + 1] = '\0';
}

/* Registers a callback that lives in CTX itself. */
static void add_letter(memctx *ctx, char name)
{
	struct letter *letter = memctx_alloc(ctx, sizeof *letter);

	assert_non_null(letter);
	*letter = (struct letter){.hook = {.func = leave_letter, .arg = letter},
		.name = name,
		.memory = new_chunk(ctx, 3000, 0x77)};
	memctx_on_reset(ctx, &letter->hook);
}

static void callbacks_run_once_in_reverse(void **state)
{
	memctx *a = new_context(NULL, "a"), *b = new_context(a, "b"), *c = new_context(b, "c");

	(void)state;
	ran[0] = '\0';
	for (char name = '1'; name <= '9'; name++)
		add_letter(a, name);
	memctx_reset_only(a);
	assert_string_equal(ran, "987654321");
	memctx_reset(a); /* once: not again */
	assert_string_equal(ran, "987654321");
	ran[0] = '\0';
	b = new_context(a, "b");
	c = new_context(b, "c");
	add_letter(a, 'a');
	add_letter(b, 'b');
	add_letter(b, 'B');
	add_letter(c, 'c');
	memctx_delete_children(a);
	assert_string_equal(ran, "cBb");
	b = new_context(a, "b");
	add_letter(b, 'x');
	memctx_delete(a); /* leaves first */
	assert_string_equal(ran, "cBbxa");
}

static void count_call(void *arg)
{
	++*(int *)arg;
}

/* A mistake of the program's: what runs then does not matter, but it ends. */
static void callbacks_registered_twice_end(void **state)
{
	memctx *a = new_context(NULL, "a");
	int calls = 0;
	struct memctx_callback first = {.func = count_call, .arg = &calls}, second = first;

	(void)state;
	memctx_on_reset(a, &first);
	memctx_on_reset(a, &second);
	memctx_on_reset(a, &first);
	memctx_reset(a);
	assert_in_range(calls, 2, 3);
	memctx_delete(a);
	assert_in_range(calls, 2, 3);
}

static int made;

/* Works in the context that is about to go, and leaves things in it. */
static void make_things(void *arg)
{
	memctx *child = memctx_create(arg, "made", NULL, MEMCTX_ASET, NULL);
	struct memctx_callback *again = memctx_alloc(child, sizeof *again);

	assert_non_null(again);
	assert_non_null(memctx_alloc(arg, 100000));
	if (++made % 3 != 0) {
		*again = (struct memctx_callback){.func = make_things, .arg = child};
		memctx_on_reset(child, again);
	}
}

static void callbacks_may_make_contexts(void **state)
{
	struct memctx_callback hook = {.func = make_things};
	memctx *a = new_context(NULL, "a"), *b;
	struct memctx_overhead overhead;

	(void)state;
	made = 0;
	hook.arg = a;
	memctx_on_reset(a, &hook);
	memctx_reset(a);
	assert_int_equal(made, 3);
	assert_string_equal(letters(a), "a");
	assert_int_equal(stats_of(a).live_chunks, 0);
	b = new_context(a, "b");
	hook.arg = b;
	memctx_on_reset(b, &hook);
	memctx_delete_children(a);
	assert_int_equal(made, 6);
	assert_string_equal(letters(a), "a");
	hook.arg = a;
	memctx_on_reset(a, &hook);
	memctx_reset_only(a); /* what it makes below stays, as all that stands there */
	assert_int_equal(made, 7);
	assert_string_equal(letters(a), "am");
	assert_int_equal(stats_of(a).live_chunks, 0);
	assert_sound(a);
	memctx_on_reset(a, &hook);
	memctx_delete(a);
	assert_true(made > 8);
	memctx_overhead(&overhead);
	assert_int_equal(overhead.contexts, 0);
}

static void *look_at_current(void *arg)
{
	memctx *mine = new_context(NULL, "mine");

	assert_null(memctx_current());
	assert_null(memctx_switch(mine));
	assert_ptr_equal(memctx_current(), mine);
	assert_ptr_equal(memctx_switch(NULL), mine);
	memctx_delete(mine);
	return arg;
}

static void current_context_is_the_threads(void **state)
{
	memctx *a = new_context(NULL, "a"), *b = new_context(NULL, "b");
	pthread_t thread;

	(void)state;
	assert_null(memctx_current());
	assert_null(memctx_switch(a));
	assert_ptr_equal(memctx_switch(b), a);
	assert_int_equal(pthread_create(&thread, NULL, look_at_current, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_ptr_equal(memctx_current(), b);
	memctx_delete(a);
	assert_ptr_equal(memctx_current(), b);
	memctx_delete(b);
	assert_null(memctx_current());
}

static void recycled_contexts_start_clean(void **state)
{
	struct memctx_options shapes[] = {MEMCTX_DEFAULT_OPTIONS, MEMCTX_SMALL_OPTIONS};

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct memctx_options *shape = &shapes[round % 2];
		memctx *ctx = memctx_create(NULL, "dirty", "ident", MEMCTX_ASET, shape);
		struct memctx_stats s;

		assert_non_null(ctx);
		assert_string_equal(memctx_name(ctx), "dirty");
		memctx_stats(ctx, &s);
		assert_int_equal(s.total_bytes, shape->init_size);
		assert_int_equal(s.peak_total_bytes, shape->init_size);
		assert_int_equal(s.allocs + s.frees + s.reallocs + s.resets + s.carved + s.cut, 0);
		assert_int_equal(s.live_chunks + s.free_chunks + s.requested_bytes, 0);
		assert_int_equal(memctx_limit(ctx), 0);
		assert_null(memctx_first_child(ctx));
		assert_null(memctx_parent(ctx));
		assert_sound(ctx);
		ran[0] = '\0';
		add_letter(ctx, 'r');
		for (size_t i = 0; i < 300; i++)
			memctx_free(new_chunk(ctx, i * 31, 1));
		assert_non_null(memctx_realloc(new_chunk(ctx, 5, 5), 500));
		new_context(ctx, "child");
		memctx_set_limit(ctx, 1);
		memctx_delete(ctx);
		assert_string_equal(ran, "r");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_is_the_headers),
		cmocka_unit_test(new_context_is_empty),
		cmocka_unit_test(kinds_have_names),
		cmocka_unit_test(serials_are_unique),
		cmocka_unit_test(bad_options_are_refused),
		cmocka_unit_test(huge_first_block_is_enomem),
		cmocka_unit_test(blocks_double_to_the_maximum),
		cmocka_unit_test(keeper_is_at_least_min),
		cmocka_unit_test(tiny_options_still_work),
		cmocka_unit_test(options_left_out_follow),
		cmocka_unit_test(names_and_idents_of_any_length),
		cmocka_unit_test(the_tree_keeps_its_order),
		cmocka_unit_test(cycles_are_refused),
		cmocka_unit_test(reset_frees_all_and_keeps_the_keeper),
		cmocka_unit_test(reset_only_keeps_what_stands_below),
		cmocka_unit_test(delete_children_keeps_the_chunks),
		cmocka_unit_test(callbacks_run_once_in_reverse),
		cmocka_unit_test(callbacks_registered_twice_end),
		cmocka_unit_test(callbacks_may_make_contexts),
		cmocka_unit_test(current_context_is_the_threads),
		cmocka_unit_test(recycled_contexts_start_clean),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
