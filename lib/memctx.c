/* SPDX-License-Identifier: MIT */
/*
 * The tree of contexts: creation, reset, deletion, moves, limits; dispatch to the kinds.
 *
 * Nothing here sees a block.  Every traversal goes by the links, without recursion, so that
 * the depth of a tree costs no stack.
 *
 * Order of failure: a context is linked only when nothing can fail any more, and unlinked
 * before its memory goes: an error in between leaks, it never leaves a dead context in the tree.
 */
#include <errno.h>
#include <string.h>

#include "ring.h"
#include "memdebug.h"
#include "names.h"

static const struct mcx_methods *const kinds[] = {
	[MEMCTX_ASET] = &mcx_aset_methods,
	[MEMCTX_SLAB] = &mcx_slab_methods,
	[MEMCTX_GENERATION] = &mcx_generation_methods,
	[MEMCTX_BUMP] = &mcx_bump_methods,
	[MEMCTX_MALLOC] = &mcx_malloc_methods,
	[MEMCTX_WATCH] = &mcx_watch_methods,
};

static const char *const kind_names[] = {
	[MEMCTX_ASET] = "aset",
	[MEMCTX_SLAB] = "slab",
	[MEMCTX_GENERATION] = "generation",
	[MEMCTX_BUMP] = "bump",
	[MEMCTX_MALLOC] = "malloc",
	[MEMCTX_WATCH] = "watch",
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* By options_shape(). */
const struct mcx_methods *const mcx_shape_methods[MCX_SHAPES + 1] = {NULL, &mcx_aset_methods,
	&mcx_aset_methods, &mcx_fine_methods, &mcx_fine_methods, &mcx_generation_methods,
	&mcx_generation_methods, &mcx_bump_methods, &mcx_bump_methods};

const char *memctx_version(void)
{
	return "0.1.0";
}

const char *memctx_kind_name(enum memctx_kind kind)
{
	return (size_t)kind < KINDS ? kind_names[kind] : NULL;
}

/* ---- This thread's current context ---- */

static MCX_TLS memctx *current;

memctx *memctx_current(void)
{
	return current;
}

memctx *memctx_switch(memctx *ctx)
{
	memctx *was = current;

	current = ctx;
	return was;
}

/* ---- Links ---- */

/* What a reader sees of CTX's place. */
static inline void record_parent(memctx *ctx, const memctx *parent)
{
	struct region_record *record = mcx_record(ctx);

	record->parent_serial = parent != NULL ? mcx_record(parent)->serial : 0;
	record->parent = parent != NULL ? parent->number + 1 : 0;
}

static inline void tree_link(memctx *ctx, memctx *parent)
{
	ctx->parent = parent;
	ctx->next = NULL;
	ctx->prev = ctx;
	record_parent(ctx, parent);
	if (parent == NULL)
		return;
	if (parent->first_child == NULL) {
		parent->first_child = ctx;
		return;
	}
	ctx->prev = parent->first_child->prev;
	ctx->prev->next = ctx;
	parent->first_child->prev = ctx;
}

static inline void tree_unlink(memctx *ctx)
{
	memctx *parent = ctx->parent;

	if (parent == NULL)
		return;
	if (ctx->next != NULL)
		ctx->next->prev = ctx->prev;
	else
		parent->first_child->prev = ctx->prev;
	if (parent->first_child == ctx)
		parent->first_child = ctx->next;
	else
		ctx->prev->next = ctx->next;
	ctx->parent = NULL;
}

memctx *memctx_parent(const memctx *ctx)
{
	return mcx_is_dead(ctx, "memctx_parent") ? NULL : ctx->parent;
}

memctx *memctx_first_child(const memctx *ctx)
{
	if (mcx_is_dead(ctx, "memctx_first_child"))
		return NULL;
	return ctx->first_child;
}

memctx *memctx_next_sibling(const memctx *ctx)
{
	return mcx_is_dead(ctx, "memctx_next_sibling") ? NULL : ctx->next;
}

enum memctx_kind memctx_kind_of(const memctx *ctx)
{
	if (mcx_is_dead(ctx, "memctx_kind_of"))
		return MEMCTX_ASET;
	return (enum memctx_kind)ctx->kind;
}

enum memctx_classes memctx_classes_of(const memctx *ctx)
{
	if (mcx_is_dead(ctx, "memctx_classes_of"))
		return MEMCTX_CLASSES_POW2;
	return mcx_record(ctx)->fine ? MEMCTX_CLASSES_FINE : MEMCTX_CLASSES_POW2;
}

memctx *memctx_walk(const memctx *top, const memctx *ctx)
{
	if (mcx_is_dead(ctx, "memctx_walk"))
		return NULL;
	if (ctx->first_child != NULL)
		return ctx->first_child;
	while (ctx != top && ctx->next == NULL)
		ctx = ctx->parent;
	return ctx == top ? NULL : ctx->next;
}

/* ---- Creation ---- */

static const struct memctx_options default_options = {
	.init_size = 8192,
	.max_size = 8388608,
	.align = 8,
	.chunk_size = 64,
};

/* Fills in what OPTIONS leaves out; false where they cannot be. */
static bool options_take(struct memctx_options *taken, const struct memctx_options *options)
{
	const size_t most = (size_t)PTRDIFF_MAX;

	*taken = default_options;
	if (options == NULL)
		return true;
	if (options->init_size > most || options->max_size > most || options->min_size > most)
		return false;
	if (options->max_size != 0)
		taken->max_size = options->max_size < 1024 ? 1024 : options->max_size & ~(size_t)7;
	if (options->init_size != 0)
		taken->init_size =
			options->init_size < 1024 ? 1024 : options->init_size & ~(size_t)7;
	else if (taken->init_size > taken->max_size)
		taken->init_size = taken->max_size;
	if (options->max_size == 0 && taken->max_size < taken->init_size)
		taken->max_size = taken->init_size;
	taken->min_size = (options->min_size + 7) & ~(size_t)7;
	if (options->align != 0)
		taken->align = options->align;
	if (options->chunk_size > most || (unsigned)options->classes > MEMCTX_CLASSES_FINE)
		return false;
	if (options->chunk_size != 0)
		taken->chunk_size = options->chunk_size;
	taken->classes = options->classes;
	return taken->max_size >= taken->init_size && (taken->align == 8 || taken->align == 16);
}

/* Whether KIND can have them: the offsets in a generation's block have their end. */
static bool options_suit(enum memctx_kind kind, const struct memctx_options *options)
{
	return kind != MEMCTX_GENERATION || (options->init_size <= MCX_GENERATION_BLOCK_MAX &&
						    options->min_size <= MCX_GENERATION_BLOCK_MAX);
}

/*
 * The recycler that takes contexts of these options: 1 an aset's of the default shape, 2 of the
 * small one, and likewise 3 and 4 with fine classes, 5 and 6 a generation's, 7 and 8 a bump's.
 */
static uint8_t options_shape(enum memctx_kind kind, const struct memctx_options *options)
{
	uint8_t before = options->classes == MEMCTX_CLASSES_FINE ? 2 : 0;

	if (kind == MEMCTX_GENERATION || kind == MEMCTX_BUMP)
		before = kind == MEMCTX_BUMP ? 6 : 4;
	else if (kind != MEMCTX_ASET)
		return 0;
	if (options->align != 8 || options->min_size > options->init_size)
		return 0;
	if (options->init_size == 8192 && options->max_size == 8388608)
		return before + 1;
	return options->init_size == 1024 && options->max_size == 8192 ? before + 2 : 0;
}

/* For CTX there is no room in its recycler, which may not even have been set up. */
static MCX_COLD void context_retire_rare(memctx *ctx)
{
	if (ctx->shape != 0 && mcx_recycler[ctx->shape].max == 0 && mcx_cache_begin() &&
		mcx_recycled_put(ctx))
		return;
	ctx->methods->destroy(ctx);
	mcx_unit_put(ctx);
}

static inline void context_retire(memctx *ctx)
{
	ctx->limiter = NULL;
	if (mcx_unlikely(!mcx_recycled_put(ctx)))
		context_retire_rare(ctx);
}

/* A recycled context for PARENT, empty, or NULL.  It kept its keeper and its total. */
static inline memctx *create_recycled(memctx *parent, uint8_t shape)
{
	memctx *ctx = mcx_recycled_get(shape);

	if (ctx == NULL)
		return NULL;
	ctx->parent = parent;
	ctx->limiter = parent != NULL ? parent->limiter : NULL;
	if (!mcx_allow(ctx, mcx_slot(ctx)->total_bytes)) {
		context_retire(ctx);
		return NULL;
	}
	mcx_record(ctx)->peak_bytes = mcx_slot(ctx)->total_bytes;
	mcx_record(ctx)->serial = mcx_serial();
	return ctx;
}

static MCX_COLD memctx *create_new(
	memctx *parent, enum memctx_kind kind, const struct memctx_options *options, uint8_t shape)
{
	bool is_fine = kind == MEMCTX_ASET && options->classes == MEMCTX_CLASSES_FINE;
	memctx *ctx;

	mcx_debug_init();
	ctx = mcx_unit_get(is_fine);
	if (ctx == NULL)
		return NULL;
	ctx->kind = (uint8_t)kind;
	ctx->shape = shape;
	ctx->methods = is_fine ? &mcx_fine_methods : kinds[kind];
	ctx->parent = parent;
	ctx->limiter = parent != NULL ? parent->limiter : NULL;
	mcx_record(ctx)->init_size = options->init_size;
	mcx_record(ctx)->max_size = options->max_size;
	mcx_record(ctx)->kind = (uint8_t)kind;
	mcx_record(ctx)->align = (uint8_t)(options->align - 1);
	if (ctx->methods->create(ctx, options))
		return ctx;
	mcx_unit_put(ctx);
	return NULL;
}

/* The names were refused: CTX, which is in no tree yet, goes. */
static MCX_COLD memctx *create_undo(memctx *ctx)
{
	mcx_forgo(ctx, mcx_slot(ctx)->total_bytes);
	context_retire(ctx);
	errno = ENOMEM;
	return NULL;
}

/* CTX gets its names and its place; OPTIONS are what its creation is recorded with. */
static MCX_INLINE memctx *create_finish(memctx *ctx, memctx *parent, const char *name,
	const char *ident, const struct memctx_options *options)
{
	if (mcx_unlikely(!names_set(ctx, name, ident)))
		return create_undo(ctx);
	tree_link(ctx, parent);
	mcx_watch_create(ctx);
	__atomic_store_n(&mcx_record(ctx)->live, 1, __ATOMIC_RELEASE);
	if (mcx_ring_is_on())
		mcx_event_create(ctx, options);
	return ctx;
}

static inline bool is_creatable(enum memctx_kind kind)
{
	return (size_t)kind < KINDS && kind != MEMCTX_WATCH && kinds[kind] != NULL;
}

static MCX_COLD memctx *create_misused(const memctx *parent)
{
	mcx_misuse("a creation below a context that was deleted", parent);
	return NULL;
}

/* KIND and OPTIONS are checked, and SHAPE follows from them. */
static MCX_INLINE memctx *create_checked(memctx *parent, const char *name, const char *ident,
	enum memctx_kind kind, const struct memctx_options *options, uint8_t shape)
{
	memctx *ctx;

	if (parent != NULL && mcx_is_gone(parent))
		return create_misused(parent);
	/* Recycler 0 is always empty. */
	ctx = create_recycled(parent, shape);
	if (mcx_unlikely(ctx == NULL))
		ctx = create_new(parent, kind, options, shape);
	if (mcx_unlikely(ctx == NULL))
		return NULL;
	return create_finish(ctx, parent, name, ident, options);
}

static __attribute__((noinline)) memctx *create_other(memctx *parent, const char *name,
	const char *ident, enum memctx_kind kind, const struct memctx_options *options,
	uint8_t shape)
{
	return create_checked(parent, name, ident, kind, options, shape);
}

static __attribute__((noinline)) memctx *create_optioned(memctx *parent, const char *name,
	const char *ident, enum memctx_kind kind, const struct memctx_options *options)
{
	struct memctx_options taken;

	if (name == NULL || !is_creatable(kind) || !options_take(&taken, options) ||
		!options_suit(kind, &taken)) {
		errno = EINVAL;
		return NULL;
	}
	return create_other(parent, name, ident, kind, &taken, options_shape(kind, &taken));
}

memctx *memctx_create(memctx *parent, const char *name, const char *ident, enum memctx_kind kind,
	const struct memctx_options *options)
{
	if (mcx_unlikely(options != NULL || name == NULL || kind != MEMCTX_ASET))
		return create_optioned(parent, name, ident, kind, options);
	return create_checked(parent, name, ident, MEMCTX_ASET, &default_options, 1);
}

memctx *memctx_watch(memctx *parent, const char *name, const char *ident)
{
	static const struct memctx_options none = {.align = 8};

	if (name == NULL) {
		errno = EINVAL;
		return NULL;
	}
	return create_other(parent, name, ident, MEMCTX_WATCH, &none, 0);
}

/* ---- Reset and delete ---- */

void memctx_on_reset(memctx *ctx, struct memctx_callback *callback)
{
	if (mcx_is_dead(ctx, "memctx_on_reset"))
		return;
	if (callback == NULL || callback->func == NULL) {
		mcx_misuse("memctx_on_reset: the function is NULL", ctx);
		return;
	}
	callback->next = ctx->callbacks;
	ctx->callbacks = callback;
}

/*
 * Each is unhooked before it runs, so that one that fails to return is not run again, and one that
 * was registered twice makes no circle.  False where one deleted CTX.
 */
static MCX_COLD bool callbacks_run(memctx *ctx)
{
	struct memctx_callback *callback;

	while ((callback = ctx->callbacks) != NULL) {
		ctx->callbacks = callback->next;
		callback->next = NULL;
		callback->func(callback->arg);
		if (mcx_is_gone(ctx)) {
			mcx_misuse("a function of memctx_on_reset deleted its own context", ctx);
			return false;
		}
	}
	return true;
}

/* Frees every chunk of CTX, whose callbacks have run. */
static inline void context_empty(memctx *ctx)
{
	if (ctx->used == 0)
		return;
#if MEMCTX_DEBUG >= 3
	if (mcx_debug_level >= 3)
		ctx->methods->check(ctx, mcx_debug_report, NULL);
#endif
	ctx->methods->reset(ctx);
	mcx_watch_reset(ctx);
}

void memctx_reset_only(memctx *ctx)
{
	if (mcx_is_dead(ctx, "memctx_reset_only"))
		return;
	if (mcx_unlikely(ctx->callbacks != NULL) && !callbacks_run(ctx))
		return;
	context_empty(ctx);
	mcx_record(ctx)->life.resets++;
	mcx_event_context(ctx, REGION_RESETONLY);
}

/*
 * Deletes what stands below CTX and runs its callbacks; what those create goes too.  False where
 * one of those deleted CTX.
 */
static MCX_COLD bool context_clear_rare(memctx *ctx)
{
	while (ctx->first_child != NULL || ctx->callbacks != NULL) {
		if (ctx->first_child != NULL)
			memctx_delete_children(ctx);
		else
			callbacks_run(ctx);
		if (mcx_is_gone(ctx))
			return false;
	}
	return true;
}

static inline bool context_clear(memctx *ctx)
{
	return mcx_likely(ctx->first_child == NULL && ctx->callbacks == NULL) ||
	       context_clear_rare(ctx);
}

void memctx_reset(memctx *ctx)
{
	if (mcx_is_dead(ctx, "memctx_reset") || !context_clear(ctx))
		return;
	context_empty(ctx);
	mcx_record(ctx)->life.resets++;
	mcx_event_context(ctx, REGION_RESET);
}

/* Ends CTX, which has neither children nor callbacks: unlinked before anything of it goes. */
static void context_end(memctx *ctx)
{
	context_empty(ctx);
	if (mcx_ring_is_on())
		mcx_event_delete(ctx);
	__atomic_store_n(&mcx_record(ctx)->live, 0, __ATOMIC_RELEASE);
	if (mcx_unlikely(ctx->limiter != NULL)) {
		mcx_limits_discharge(ctx->limiter, mcx_slot(ctx)->total_bytes);
		ctx->limit = ctx->subtree_bytes = 0;
	}
	tree_unlink(ctx);
	if (current == ctx)
		current = NULL;
	mcx_watch_delete(ctx);
	if (mcx_unlikely(ctx->has_long))
		mcx_names_drop(ctx);
	memset(&mcx_record(ctx)->life, 0, sizeof(struct region_life));
	context_retire(ctx);
}

void memctx_delete_children(memctx *ctx)
{
	memctx *last = ctx;

	if (mcx_is_dead(ctx, "memctx_delete_children"))
		return;
	for (;;) {
		memctx *parent;

		while (last->first_child != NULL)
			last = last->first_child;
		if (last == ctx)
			return;
		if (mcx_unlikely(last->callbacks != NULL)) {
			if (!callbacks_run(last))
				return;
			continue;
		}
		parent = last->parent;
		context_end(last);
		last = parent;
	}
}

void memctx_delete(memctx *ctx)
{
	if (!mcx_is_dead(ctx, "memctx_delete") && context_clear(ctx))
		context_end(ctx);
}

/* ---- Moving ---- */

int memctx_set_parent(memctx *ctx, memctx *parent)
{
	if (mcx_is_dead(ctx, "memctx_set_parent"))
		return -1;
	if (parent != NULL && mcx_is_dead(parent, "memctx_set_parent"))
		return -1;
	for (const memctx *c = parent; c != NULL; c = c->parent) {
		if (c == ctx) {
			errno = EINVAL;
			return -1;
		}
	}
	if (!mcx_limits_move(ctx, parent))
		return -1;
	mcx_event_leave(ctx);
	tree_unlink(ctx);
	tree_link(ctx, parent);
	mcx_limits_inherit(ctx);
	mcx_event_move(ctx);
	return 0;
}
