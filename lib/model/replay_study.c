/* SPDX-License-Identifier: MIT */
/*
 * Contexts that are replayed through a pool of study.h.
 *
 * In the tree stands a node of the library's kind watch, which tells the total to limits and sums;
 * the pool is the replay's own, found by its node or by that context.
 *
 * Invariant: after each event memctx_total() of the context is study_total() of its pool.
 */
#include "model/own.h"
#include "model/replay_inner.h"
#include "model/replay_look.h"
#include "model/study.h"

/* ---- Making and ending ---------------------------------------------------------------- */

static bool may_take(size_t size, void *arg)
{
	const struct replay *replay = arg;
	uint64_t room = replay_room(replay);

	return replay->total <= room && size <= room - replay->total;
}

/* Tells the library what the pool took or gave back since it was told last. */
static void tell(struct node *node)
{
	size_t told = memctx_total(node->ctx), total = study_total(node->study);

	if (total != told)
		memctx_watch_blocks(node->ctx, 0, (ptrdiff_t)(total - told));
}

/* Room for one more pool in the map of contexts.  0, or -1 with ENOMEM. */
static int reserve(struct replay *replay)
{
	struct idmap *studies = &replay->studies;

	if (studies->entries == NULL)
		return idmap_init(studies);
	if (studies->used < studies->limit)
		return 0;
	return idmap_rebuild(studies, studies->used + 1, NULL, NULL);
}

memctx *replay_study_new(struct replay *replay, memctx *parent, const char *name, const char *ident,
	unsigned as, size_t object, struct study **study)
{
	struct study_source source = {.may_take = may_take, .arg = replay};
	memctx *ctx = NULL;

	if (reserve(replay) != 0)
		return NULL;
	*study = study_new(as == SETTING_STL ? STUDY_STL : STUDY_PYINT, object, &source);
	if (*study != NULL && may_take(study_total(*study), replay))
		ctx = memctx_watch(parent, name, ident);
	if (ctx == NULL) {
		study_free(*study);
		*study = NULL;
	}
	return ctx;
}

void replay_study_begin(struct replay *replay, uint32_t at, struct study *study)
{
	struct node *node = &replay->nodes.hot[at];
	uint64_t key = (uintptr_t)node->ctx, hash = idmap_hash(&replay->studies, key);
	struct idmap_entry *entry = idmap_add(&replay->studies, hash);

	entry->id = key;
	entry->ptr = (uintptr_t)study;
	entry->size = 0;
	entry->node = at;
	entry->era = 0;
	node->study = study;
	tell(node);
}

void replay_study_end(struct replay *replay, uint32_t at)
{
	struct node *node = &replay->nodes.hot[at];
	uint64_t key = (uintptr_t)node->ctx;
	struct idmap_entry *entry = idmap_find(&replay->studies, key);

	idmap_remove(&replay->studies, idmap_hash(&replay->studies, key), entry);
	study_free(node->study);
	node->study = NULL;
}

/* ---- Chunks --------------------------------------------------------------------------- */

void *replay_study_alloc(struct node *node, uint64_t size)
{
	void *chunk = study_alloc(node->study, size);

	tell(node);
	return chunk;
}

void replay_study_free(struct node *node, void *chunk, uint64_t size)
{
	study_release(node->study, chunk, size);
	tell(node);
}

void *replay_study_resize(struct node *node, void *chunk, uint64_t size, uint64_t new_size)
{
	void *moved = study_resize(node->study, chunk, size, new_size);

	tell(node);
	return moved;
}

void replay_study_reset(struct node *node)
{
	study_reset(node->study);
	memctx_reset_only(node->ctx);
	tell(node);
}

bool replay_study_is_large(const struct node *node, const void *chunk, uint64_t size)
{
	struct memctx_chunk_info info;

	study_describe(node->study, chunk, size, &info);
	return info.is_large;
}

/* ---- Looking -------------------------------------------------------------------------- */

/* Of the pool STUDY, or where that is NULL of CTX, which is one of the library's. */
static void stats_of(const struct study *study, const memctx *ctx, struct memctx_stats *stats)
{
	if (study != NULL)
		study_stats(study, stats);
	else
		memctx_stats(ctx, stats);
}

static int lists_of(const struct study *study, const memctx *ctx)
{
	return study != NULL ? (int)study_lists(study) : memctx_lists(ctx);
}

static void list_of(const struct study *study, const memctx *ctx, int number,
	struct memctx_class_stats *figures)
{
	if (study != NULL)
		study_list(study, (unsigned)number, figures);
	else
		memctx_list(ctx, number, figures);
}

void replay_node_stats(const struct node *node, struct memctx_stats *stats)
{
	stats_of(node->study, node->ctx, stats);
}

int replay_node_lists(const struct node *node)
{
	return lists_of(node->study, node->ctx);
}

void replay_node_list(const struct node *node, int list, struct memctx_class_stats *figures)
{
	list_of(node->study, node->ctx, list, figures);
}

/* The pool of a context; NULL: it is one of the library's. */
static const struct study *study_of(const struct replay *replay, const memctx *ctx)
{
	if (memctx_kind_of(ctx) != MEMCTX_WATCH || replay->studies.entries == NULL)
		return NULL;
	return (const struct study *)idmap_find(&replay->studies, (uintptr_t)ctx)->ptr;
}

void replay_look_stats(const struct replay *replay, const memctx *ctx, struct memctx_stats *stats)
{
	stats_of(study_of(replay, ctx), ctx, stats);
}

void replay_look_each_block(
	const struct replay *replay, const memctx *ctx, memctx_block_fn *func, void *arg)
{
	const struct study *study = study_of(replay, ctx);

	if (study != NULL)
		study_each_block(study, func, arg);
	else
		memctx_each_block(ctx, func, arg);
}

void replay_look_each_chunk(const struct replay *replay, const memctx *ctx,
	const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg)
{
	const struct study *study = study_of(replay, ctx);

	if (study != NULL)
		study_each_chunk(study, block, func, arg);
	else
		memctx_each_chunk(ctx, block, func, arg);
}

bool replay_look_describe(const struct replay *replay, const struct replay_look *chunk,
	struct memctx_chunk_info *info)
{
	const struct study *study = study_of(replay, chunk->owner);

	if (study == NULL)
		return !chunk->is_bare && memctx_describe(chunk->address, info);
	study_describe(study, chunk->address, chunk->size, info);
	info->owner = chunk->owner;
	return true;
}

int replay_look_lists(const struct replay *replay, const memctx *ctx)
{
	return lists_of(study_of(replay, ctx), ctx);
}

void replay_look_list(
	const struct replay *replay, const memctx *ctx, int number, struct replay_look_list *list)
{
	struct memctx_class_stats figures;

	list_of(study_of(replay, ctx), ctx, number, &figures);
	list->bytes = figures.size;
	list->length = figures.free;
	list->size_class = (int)snapshot_class_of(list->bytes);
}

int replay_look_list_sized(const struct replay *replay, const memctx *ctx, uint64_t bytes)
{
	struct replay_look_list list;
	int n = replay_look_lists(replay, ctx);

	for (int number = 0; number < n; number++) {
		replay_look_list(replay, ctx, number, &list);
		if (list.bytes == bytes)
			return number;
	}
	return -1;
}

void replay_look_each_listed(const struct replay *replay, const memctx *ctx, int number,
	memctx_chunk_fn *func, void *arg)
{
	const struct study *study = study_of(replay, ctx);

	if (study != NULL)
		study_each_listed(study, (unsigned)number, func, arg);
	else
		memctx_each_listed(ctx, number, func, arg);
}

int replay_look_list_of(
	const struct replay *replay, const memctx *ctx, const struct memctx_chunk_info *chunk)
{
	const struct study *study = study_of(replay, ctx);
	struct memctx_class_stats figures;
	int list = 0;

	if (chunk->is_large)
		return chunk->size_class;
	if (study != NULL)
		return (int)study_list_of(study, chunk);
	if (memctx_lists(ctx) == MEMCTX_CLASSES)
		return chunk->size_class;
	memctx_list(ctx, list, &figures);
	while (figures.size < chunk->size)
		memctx_list(ctx, ++list, &figures);
	return list;
}

const char *replay_look_kind(const struct replay *replay, const memctx *ctx)
{
	const struct idmap_entry *entry;

	if (study_of(replay, ctx) == NULL)
		return memctx_kind_name(memctx_kind_of(ctx));
	entry = idmap_find(&replay->studies, (uintptr_t)ctx);
	return setting_kind_text(replay->nodes.hot[entry->node].as);
}
