/* SPDX-License-Identifier: MIT */
/*
 * Looking at contexts of the kind aset with classes=fine: walks over chunks and lists, and the
 * proof of what fine.c keeps besides blocks and counters.
 *
 * Invariant of this file: it changes nothing.
 */
#include "fine.h"
#include "pool.h"

/* ---- Looking ---- */

static bool chunk_info(const memctx *ctx, const void *payload, struct memctx_chunk_info *info)
{
	if (!memctx_describe(payload, info))
		return false;
	if (info->is_free) {
		info->owner = (memctx *)(uintptr_t)ctx;
		info->size = mcx_fine_bytes[mcx_word_middle(info->header) % REGION_FINE_PLACES];
		info->stride = region_fine_stride(info->size, ctx->align);
	}
	return true;
}

void mcx_fine_each_chunk(
	const memctx *ctx, const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg)
{
	mcx_pool_each_chunk(ctx, block, chunk_info, func, arg);
}

bool mcx_fine_each_listed(const memctx *ctx, unsigned c, memctx_chunk_fn *func, void *arg)
{
	const void *payload = *mcx_fine_bin(ctx, region_fine_place[c]);
	struct memctx_chunk_info info;

	for (; payload != NULL; payload = info.next)
		if (!chunk_info(ctx, payload, &info) || !info.is_free || !func(&info, arg))
			return false;
	return true;
}

/* The freelists of the classes within a power of two, the smallest first. */
void mcx_fine_each_free(const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg)
{
	for (unsigned c = 0; c < REGION_FINE_CLASSES; c++)
		if ((int)region_fine_shown(region_fine_class_bytes(c)) == size_class &&
			!mcx_fine_each_listed(ctx, c, func, arg))
			return;
}

void mcx_fine_list(const memctx *ctx, unsigned c, struct memctx_class_stats *figures)
{
	struct region_fine fine = mcx_fine_counters(ctx);
	struct region_class class = region_fine_class(&fine, c);

	*figures = (struct memctx_class_stats){.size = region_fine_class_bytes(c),
		.live = class.live,
		.free = class.free,
		.slack = class.slack};
}

/* ---- The proof ---- */

/* The place that a free chunk's word names, where it is one of a class of CTX. */
static bool is_free_place(const memctx *ctx, uint64_t word, unsigned *place)
{
	*place = mcx_word_middle(word) % REGION_FINE_PLACES;
	return mcx_word_tag(word) == MCX_TAG_FREE && mcx_fine_bytes[*place] != 0 &&
	       mcx_word_middle(word) == mcx_bin_middle((uintptr_t)mcx_fine_bin(ctx, *place));
}

static size_t prove_chunk(struct mcx_proof *proof, const char *payload)
{
	uint64_t word = mcx_word_load(payload);
	uintptr_t bin = mcx_word_address(word);
	size_t bytes, stride;
	unsigned place;

	if (is_free_place(proof->ctx, word, &place)) {
		bytes = mcx_fine_bytes[place];
		stride = region_fine_stride(bytes, proof->ctx->align);
		mcx_prove_free(proof, region_fine_shown(bytes), stride);
		return stride;
	}
	place = mcx_fine_place(proof->ctx, bin);
	bytes = mcx_fine_bytes[place];
	if (!mcx_word_is_use(word) || bin % sizeof(void *) != 0 ||
		bin - (uintptr_t)proof->ctx >= REGION_FINE_PLACES * sizeof(void *) || bytes == 0 ||
		mcx_word_middle(word) > bytes) {
		mcx_broken(proof, "I3: the header word %#llx of a chunk is damaged",
			(unsigned long long)word);
		return 0;
	}
	stride = region_fine_stride(bytes, proof->ctx->align);
	mcx_prove_live(proof, bytes, stride, mcx_word_middle(word));
	return stride;
}

static void prove_block(struct mcx_proof *proof, const struct mcx_block *block)
{
	mcx_prove_chunks(proof, block, prove_chunk);
}

/*
 * The free chunks of the blocks and those of the lists: as many, and the sums of their mixed
 * addresses agree.  Lists are followed as far as each link leads to a free chunk of the class.
 */
struct sums {
	uint64_t n[REGION_FINE_PLACES], mark[REGION_FINE_PLACES];
	uint64_t live[REGION_FINE_PLACES], slack[REGION_FINE_PLACES];
};

static bool sum_chunk(const struct memctx_chunk_info *chunk, void *arg)
{
	struct sums *sums = arg;
	unsigned place;

	if (chunk->is_free && is_free_place(chunk->owner, chunk->header, &place)) {
		sums->n[place]++;
		sums->mark[place] +=
			mcx_mark((uintptr_t)chunk->address) - mcx_mark((uintptr_t)chunk->next);
	} else if (!chunk->is_free) {
		place = mcx_fine_place(chunk->owner, mcx_word_address(chunk->header));
		sums->live[place]++;
		sums->slack[place] += mcx_word_middle(chunk->header);
	}
	return true;
}

static void prove_count(
	struct mcx_proof *proof, unsigned c, const char *what, uint64_t counted, uint64_t found)
{
	if (counted != found)
		mcx_broken(proof, "I5: fine class %u: %s is counted as %llu and is %llu", c, what,
			(unsigned long long)counted, (unsigned long long)found);
}

/* The counts of a class, which those of a power of two are sums of. */
static void prove_class(struct mcx_proof *proof, const struct sums *sums, unsigned c)
{
	unsigned place = region_fine_place[c];
	struct memctx_class_stats figures;

	mcx_fine_list(proof->ctx, c, &figures);
	prove_count(proof, c, "live", figures.live, sums->live[place]);
	prove_count(proof, c, "free", figures.free, sums->n[place]);
	prove_count(proof, c, "slack", figures.slack, sums->slack[place]);
}

static void prove_list(struct mcx_proof *proof, const struct sums *sums, unsigned c)
{
	unsigned place = region_fine_place[c];
	void **bin = mcx_fine_bin(proof->ctx, place);
	const void *payload = *bin;
	bool is_marked = (proof->ctx->fine_used >> place & 1) != 0 && proof->ctx->used != 0;
	uint64_t length = 0;

	if (*mcx_fine_carved(bin, place) != 0 && !is_marked)
		mcx_broken(proof, "I5: fine class %u is in use and not marked so", c);
	if (sums->mark[place] != mcx_mark((uintptr_t)payload)) {
		mcx_broken(proof, "F1: a link of fine freelist %u leads elsewhere", c);
		return;
	}
	for (; payload != NULL && length <= sums->n[place]; length++)
		payload = (const void *)mcx_word_address(mcx_word_load(payload));
	if (length != sums->n[place])
		mcx_broken(proof, "F1: fine freelist %u holds %llu chunks, the blocks %llu", c,
			(unsigned long long)length, (unsigned long long)sums->n[place]);
}

/* Each free chunk of the blocks is what one link, or the head, leads to: checked before any is
 * followed. */
static void prove_lists(struct mcx_proof *proof)
{
	struct sums sums = {0};
	struct memctx_block_info info = {.header = MCX_BLOCK_HEADER};

	for (const struct mcx_block *b = proof->ctx->blocks; b != NULL; b = b->next) {
		if (mcx_block_is_large(b))
			continue;
		info.address = b;
		info.carved = (size_t)(mcx_block_free(proof->ctx, b) - (const char *)b);
		mcx_fine_each_chunk(proof->ctx, &info, sum_chunk, &sums);
	}
	for (unsigned c = 0; c < REGION_FINE_CLASSES; c++) {
		prove_list(proof, &sums, c);
		prove_class(proof, &sums, c);
	}
	if (proof->ctx->bin[0] != NULL)
		mcx_broken(proof, "F2: the first bin, which fine classes do not have, is in use");
}

size_t mcx_fine_check(const memctx *ctx, memctx_check_fn *func, void *arg)
{
	return mcx_pool_prove(ctx, func, arg, prove_block, prove_lists);
}
