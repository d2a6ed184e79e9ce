/* SPDX-License-Identifier: MIT */
/*
 * Looking into the two pools: figures, blocks, chunks and lists, as the library shows its own; and
 * proving that they hold together.
 */
#include <string.h>

#include "model/study_inner.h"

/* ---- Figures -------------------------------------------------------------------------- */

void study_stats(const struct study *study, struct memctx_stats *stats)
{
	size_t links = 0;

	*stats = study->looks->stats;
	for (const struct study_block *block = study->looks->blocks; block != NULL;
		block = block->next)
		links += block->header;
	for (unsigned k = 0; k < MEMCTX_CLASSES; k++)
		stats->classes[k].size = (size_t)8 << k;
	stats->live_chunks += stats->large_chunks;
	stats->requested_bytes += stats->large_bytes;
	stats->total_bytes = study_total(study);
	stats->total_nblocks = study->looks->n_blocks + stats->large_chunks;
	stats->header_bytes = study->methods->own + links;
	stats->tail_bytes = (size_t)(study->end - study->start);
	stats->free_bytes = stats->freelist_bytes + stats->tail_bytes;
	stats->used_bytes = stats->total_bytes - stats->free_bytes;
	stats->peak_total_bytes = study->looks->peak;
}

/* ---- Blocks --------------------------------------------------------------------------- */

/* The pool that is cut lies in BLOCK and reaches to its end. */
static bool is_open(const struct study *study, const struct study_block *block)
{
	return study->end > study->start && study->start >= block->memory &&
	       study->end == block->memory + block->size;
}

static struct memctx_block_info block_info(
	const struct study *study, const struct study_block *block)
{
	bool open = is_open(study, block);

	return (struct memctx_block_info){.address = block->memory,
		.size = block->size,
		.header = block->header,
		.carved = open ? (size_t)(study->start - block->memory) : block->size,
		.is_open = open};
}

void study_each_block(const struct study *study, memctx_block_fn *func, void *arg)
{
	for (const struct study_block *block = study->looks->blocks; block != NULL;
		block = block->next) {
		struct memctx_block_info info = block_info(study, block);

		if (!func(&info, arg))
			return;
	}
	for (const struct study_large *large = study->looks->large; large != NULL;
		large = large->next) {
		struct memctx_block_info info = {.address = large + 1,
			.size = (size_t)large->size,
			.carved = (size_t)large->size,
			.is_large = true};

		if (!func(&info, arg))
			return;
	}
}

/* ---- Chunks --------------------------------------------------------------------------- */

static struct memctx_chunk_info large_info(const void *chunk, size_t size)
{
	return (struct memctx_chunk_info){.address = chunk,
		.is_large = true,
		.size_class = -1,
		.size = size,
		.stride = size,
		.requested = size};
}

/* What a note says of the chunk at ADDRESS. */
static struct memctx_chunk_info chunk_info(const char *address, uint16_t note)
{
	size_t bytes = (note & STUDY_SIZE) * STUDY_GRAIN;
	struct memctx_chunk_info info = {.address = address,
		.is_free = (note & STUDY_LIVE) == 0,
		.size_class = (int)study_class(bytes),
		.size = bytes,
		.stride = bytes};

	if (info.is_free)
		info.next = study_list_next(address);
	else
		info.requested = bytes - ((note & STUDY_SLACK) >> STUDY_SLACK_SHIFT);
	return info;
}

void study_each_chunk(const struct study *study, const struct memctx_block_info *block,
	memctx_chunk_fn *func, void *arg)
{
	const char *memory = block->address;
	const struct study_block *at;
	struct memctx_chunk_info info;

	if (block->is_large) {
		info = large_info(memory, block->size);
		func(&info, arg);
		return;
	}
	at = study_block_of(study, memory);
	for (size_t i = 0; i < at->size / STUDY_GRAIN;) {
		uint16_t note = at->notes[i];

		if (note != 0) {
			info = chunk_info(memory + i * STUDY_GRAIN, note);
			if (!func(&info, arg))
				return;
		}
		i += note != 0 ? note & STUDY_SIZE : 1;
	}
}

void study_describe(
	const struct study *study, const void *chunk, size_t size, struct memctx_chunk_info *info)
{
	if (study_list_for(study, size) < 0)
		*info = large_info(chunk, size);
	else
		*info = chunk_info(chunk, *study_note(study, chunk));
}

/* ---- Lists ---------------------------------------------------------------------------- */

unsigned study_lists(const struct study *study)
{
	return study->methods->lists;
}

void study_list(const struct study *study, unsigned list, struct memctx_class_stats *figures)
{
	*figures = (struct memctx_class_stats){study_bytes(study, list), study->looks->live[list],
		study->looks->length[list], study->looks->slack[list]};
}

unsigned study_list_of(const struct study *study, const struct memctx_chunk_info *chunk)
{
	return study->object != 0 ? 0 : (unsigned)(chunk->size / STUDY_GRAIN) - 1;
}

const void *study_list_head(const struct study *study, unsigned list)
{
	return study->list[list];
}

const void *study_list_next(const void *chunk)
{
	const void *next;

	memcpy(&next, chunk, sizeof next);
	return next;
}

void study_each_listed(const struct study *study, unsigned list, memctx_chunk_fn *func, void *arg)
{
	for (const char *chunk = study->list[list]; chunk != NULL; chunk = study_list_next(chunk)) {
		struct memctx_chunk_info info = chunk_info(chunk, *study_note(study, chunk));

		if (!func(&info, arg))
			return;
	}
}

/* ---- Proving -------------------------------------------------------------------------- */

struct sums {
	uint64_t live, free, requested, slack;
	struct memctx_class_stats classes[MEMCTX_CLASSES];
	uint64_t list_live[STUDY_LISTS], list_slack[STUDY_LISTS];
	const struct study *study;
};

static bool add_chunk(const struct memctx_chunk_info *chunk, void *arg)
{
	struct sums *sums = arg;
	struct memctx_class_stats *class = &sums->classes[chunk->size_class];
	unsigned list;

	if (chunk->is_free) {
		sums->free++;
		class->free++;
		return true;
	}
	sums->live++;
	sums->requested += chunk->requested;
	sums->slack += chunk->size - chunk->requested;
	class->live++;
	class->slack += chunk->size - chunk->requested;
	list = study_list_of(sums->study, chunk);
	sums->list_live[list]++;
	sums->list_slack[list] += chunk->size - chunk->requested;
	return true;
}

/* Every byte of a block is a header, a chunk or the pool that is cut. */
static bool block_holds(
	const struct study *study, const struct study_block *block, struct sums *sums)
{
	struct memctx_block_info info = block_info(study, block);
	size_t i = block->header / STUDY_GRAIN, end = block->size / STUDY_GRAIN;

	study_each_chunk(study, &info, add_chunk, sums);
	while (i < end) {
		const char *at = block->memory + i * STUDY_GRAIN;

		if (at == study->start && study->end > study->start)
			i = (size_t)(study->end - block->memory) / STUDY_GRAIN;
		else if (block->notes[i] != 0)
			i += block->notes[i] & STUDY_SIZE;
		else
			return false;
	}
	return i == end;
}

/* Every chunk of a list is a free one of its size; the list ends. */
static bool list_holds(const struct study *study, unsigned list, uint64_t *n)
{
	uint64_t before = *n;

	for (const char *chunk = study->list[list]; chunk != NULL; chunk = study_list_next(chunk)) {
		if (study_block_of(study, chunk) == NULL ||
			*study_note(study, chunk) != study_bytes(study, list) / STUDY_GRAIN ||
			++*n > study->looks->stats.free_chunks)
			return false;
	}
	return *n - before == study->looks->length[list];
}

static bool figures_hold(const struct study *study, const struct sums *sums)
{
	const struct memctx_stats *stats = &study->looks->stats;

	for (unsigned k = 0; k < MEMCTX_CLASSES; k++)
		if (sums->classes[k].live != stats->classes[k].live ||
			sums->classes[k].free != stats->classes[k].free ||
			sums->classes[k].slack != stats->classes[k].slack)
			return false;
	for (unsigned list = 0; list < study->methods->lists; list++)
		if (sums->list_live[list] != study->looks->live[list] ||
			sums->list_slack[list] != study->looks->slack[list])
			return false;
	return sums->live == stats->live_chunks && sums->free == stats->free_chunks &&
	       sums->requested == stats->requested_bytes && sums->slack == stats->slack_bytes;
}

const char *study_check(const struct study *study)
{
	struct sums sums = {.study = study};
	struct memctx_stats stats;
	uint64_t n = 0, large = 0, bytes = 0;

	for (const struct study_block *block = study->looks->blocks; block != NULL;
		block = block->next)
		if (!block_holds(study, block, &sums))
			return "a part of a block is no chunk, nor the pool";
	for (unsigned list = 0; list < study->methods->lists; list++)
		if (!list_holds(study, list, &n))
			return "a list has what is no free chunk of its size";
	if (n != study->looks->stats.free_chunks)
		return "a free chunk is on no list";
	if (!figures_hold(study, &sums))
		return "a count is not that of the chunks";
	for (const struct study_large *at = study->looks->large; at != NULL; at = at->next) {
		large++;
		bytes += at->size;
		if (at->next != NULL && at->next->previous != at)
			return "a large chunk is not linked both ways";
	}
	if (large != study->looks->stats.large_chunks || bytes != study->looks->stats.large_bytes)
		return "a count is not that of the large chunks";
	study_stats(study, &stats);
	if (stats.total_bytes != stats.requested_bytes + stats.slack_bytes + stats.header_bytes +
					 stats.freelist_bytes + stats.tail_bytes)
		return "the total is not the sum of its parts";
	return NULL;
}
