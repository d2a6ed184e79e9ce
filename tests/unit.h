/* SPDX-License-Identifier: MIT */
/*
 * What the library's cmocka suites share: the soundness of a tree, a hook that notes misuse
 * instead of aborting, and building small trees.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support.h"

static inline void unit_report(const memctx *ctx, const char *what, void *arg)
{
	(void)arg;
	print_error("memctx_check: %s: %s\n", memctx_name(ctx), what);
}

/* Every sum, count and link of TOP's tree holds, by the library's own walk and by ours. */
static inline void assert_sound(const memctx *top)
{
	size_t total = 0;

	assert_int_equal(memctx_check(top, unit_report, NULL), 0);
	for (const memctx *ctx = top; ctx != NULL; ctx = memctx_walk(top, ctx)) {
		struct memctx_stats s;
		const char *fault;

		memctx_stats(ctx, &s);
		fault = stats_fault(&s);
		if (fault == NULL)
			fault = walk_fault(ctx, &s);
		if (fault != NULL)
			fail_msg("%s: %s", memctx_name(ctx), fault);
		assert_int_equal(s.total_bytes, memctx_total(ctx));
		total += s.total_bytes;
	}
	assert_int_equal(total, memctx_subtree_total(top));
}

static inline struct memctx_stats stats_of(const memctx *ctx)
{
	struct memctx_stats s;

	memctx_stats(ctx, &s);
	return s;
}

static inline void assert_same_figures(const memctx *ctx, const struct memctx_stats *before)
{
	struct memctx_stats now = stats_of(ctx);

	assert_memory_equal(&now, before, sizeof now);
}

static inline memctx *new_context(memctx *parent, const char *name)
{
	memctx *ctx = memctx_create(parent, name, NULL, MEMCTX_ASET, NULL);

	assert_non_null(ctx);
	return ctx;
}

/* A chunk that must come to be, filled with a byte. */
static inline unsigned char *new_chunk(memctx *ctx, size_t size, int byte)
{
	unsigned char *chunk = memctx_alloc(ctx, size);

	assert_non_null(chunk);
	memset(chunk, byte, size);
	return chunk;
}

static inline bool filled_with(const unsigned char *memory, size_t size, int byte)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i] != (unsigned char)byte)
			return false;
	return true;
}

/* What the hook of memctx_set_misuse() was told last, and how often. */
struct misuse {
	unsigned count;
	const void *pointer;
	char what[200];
};

static inline void misuse_note(const char *what, const void *pointer, void *arg)
{
	struct misuse *misuse = arg;

	misuse->count++;
	misuse->pointer = pointer;
	snprintf(misuse->what, sizeof misuse->what, "%s", what);
}

#endif
