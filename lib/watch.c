/* SPDX-License-Identifier: MIT */
/*
 * The kind watch: a node for an arena that is not the library's.
 *
 * It holds no memory: the arena tells what it took from the system and what it handed out, and the
 * figures stand where those of large chunks stand in a context of ours, so that readers and limits
 * find them.  What the arena does not tell (freelists, tails, slack) is not known.
 *
 * Invariant: no figure falls below 0; what would take it there is misuse and changes nothing.
 */
#include <errno.h>

#include "memdebug.h"
#include "ring.h"

/* ---- What the arena tells ---- */

/* Whether *FIGURE and DELTA have a sum; then it is *SUM. */
static bool sum_is_there(uint64_t figure, ptrdiff_t delta, uint64_t *sum)
{
	*sum = figure + (uint64_t)delta;
	return delta < 0 ? *sum < figure : *sum >= figure;
}

static bool is_watched(const memctx *ctx, const char *what)
{
	if (mcx_likely(ctx != NULL && ctx->kind == MEMCTX_WATCH))
		return true;
	mcx_misuse(what, ctx);
	return false;
}

static void tell(memctx *ctx, enum region_op op, ptrdiff_t count, ptrdiff_t bytes)
{
	struct region_event entries[2] = {
		{mcx_context_word(ctx), mcx_what(op, (uint64_t)count)},
		{(uint64_t)bytes, mcx_what(REGION_SIZE, 0)},
	};

	mcx_events(ctx, entries, 2);
}

void memctx_watch_blocks(memctx *ctx, ptrdiff_t blocks, ptrdiff_t bytes)
{
	struct region_slot *slot;
	struct region_record *record;
	uint64_t nblocks, total;

	if (!is_watched(ctx, "memctx_watch_blocks: not a node that memctx_watch made"))
		return;
	slot = mcx_slot(ctx);
	record = mcx_record(ctx);
	if (!sum_is_there(slot->nblocks, blocks, &nblocks) ||
		!sum_is_there(slot->total_bytes, bytes, &total)) {
		mcx_misuse("memctx_watch_blocks: more goes than there is", ctx);
		return;
	}
	slot->nblocks = nblocks;
	slot->total_bytes = total;
	if (total > record->peak_bytes)
		record->peak_bytes = total;
	/* What the arena took it has, whatever a limit says: differences modulo 2^64 are exact. */
	mcx_limits_discharge(ctx->limiter, (size_t)0 - (size_t)bytes);
	tell(ctx, REGION_BLOCKS, blocks, bytes);
}

void memctx_watch_chunks(memctx *ctx, ptrdiff_t chunks, ptrdiff_t bytes)
{
	struct region_slot *slot;
	uint64_t live, requested;

	if (!is_watched(ctx, "memctx_watch_chunks: not a node that memctx_watch made"))
		return;
	slot = mcx_slot(ctx);
	if (!sum_is_there(slot->large_chunks, chunks, &live) ||
		!sum_is_there(slot->large_requested, bytes, &requested)) {
		mcx_misuse("memctx_watch_chunks: more goes than there is", ctx);
		return;
	}
	slot->large_chunks = live;
	slot->large_requested = requested;
	if (chunks > 0)
		mcx_record(ctx)->life.allocs += (uint64_t)chunks;
	ctx->used = 1;
	tell(ctx, REGION_CHUNKS, chunks, bytes);
}

/* ---- The methods ---- */

static bool watch_create(memctx *ctx, const struct memctx_options *options)
{
	(void)ctx;
	(void)options;
	return true;
}

static void *watch_alloc(memctx *ctx, size_t size)
{
	(void)ctx;
	(void)size;
	errno = ENOTSUP;
	return NULL;
}

/* There is no chunk of it: a header word that names it is of one that is long gone. */
static void stray_chunk(const void *chunk)
{
	mcx_misuse("not a live chunk of any context", chunk);
}

static void watch_free(memctx *ctx, void *chunk)
{
	(void)ctx;
	stray_chunk(chunk);
}

static void *watch_realloc(memctx *ctx, void *chunk, size_t size)
{
	(void)ctx;
	(void)size;
	stray_chunk(chunk);
	return NULL;
}

static size_t watch_size(const memctx *ctx, const void *chunk)
{
	(void)ctx;
	stray_chunk(chunk);
	return 0;
}

static void watch_set_requested(memctx *ctx, void *chunk, size_t size)
{
	(void)ctx;
	(void)size;
	stray_chunk(chunk);
}

static void watch_reset(memctx *ctx)
{
	struct region_slot *slot = mcx_slot(ctx);

	mcx_record(ctx)->life.dropped += slot->large_chunks;
	slot->large_chunks = slot->large_requested = 0;
	ctx->used = 0;
}

static void watch_destroy(memctx *ctx)
{
	(void)ctx;
}

static void watch_each_block(const memctx *ctx, memctx_block_fn *func, void *arg)
{
	(void)ctx;
	(void)func;
	(void)arg;
}

static void watch_each_chunk(
	const memctx *ctx, const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg)
{
	(void)ctx;
	(void)block;
	(void)func;
	(void)arg;
}

static void watch_each_free(const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg)
{
	(void)ctx;
	(void)size_class;
	(void)func;
	(void)arg;
}

/* What can be proved of an arena that nobody here sees into. */
static size_t watch_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	const struct region_slot *slot = mcx_slot(ctx);
	const struct region_record *record = mcx_record(ctx);
	const struct {
		bool holds;
		const char *what;
	} rules[] = {
		{slot->large_requested <= slot->total_bytes,
			"W1: a watched arena's chunks have more bytes than its blocks"},
		{slot->total_bytes <= record->peak_bytes,
			"W2: a watched arena holds more than its peak"},
		{slot->large_chunks + record->life.dropped <= record->life.allocs,
			"W3: a watched arena has more chunks than were ever handed out"},
		{ctx->used != 0 || (slot->large_chunks == 0 && slot->large_requested == 0),
			"W4: a watched arena has chunks and is not marked so"},
	};
	size_t broken = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].holds)
			continue;
		broken++;
		if (func != NULL)
			func(ctx, rules[i].what, arg);
	}
	return broken;
}

const struct mcx_methods mcx_watch_methods = {
	.create = watch_create,
	.alloc = watch_alloc,
	.alloc_quiet = watch_alloc,
	.free = watch_free,
	.realloc = watch_realloc,
	.usable = watch_size,
	.requested = watch_size,
	.set_requested = watch_set_requested,
	.reset = watch_reset,
	.destroy = watch_destroy,
	.each_block = watch_each_block,
	.each_chunk = watch_each_chunk,
	.each_free = watch_each_free,
	.check = watch_check,
};
