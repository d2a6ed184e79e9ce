/* SPDX-License-Identifier: MIT */
/*
 * What the library's files share: the words, the context, its slot, the methods table.
 *
 *   context   a node of the tree; owns blocks; struct memctx
 *   slot      the counters and links of a context, in the same place of a parallel array:
 *             the part that a reader of the process may see
 *   block     memory from the system, owned by one context; struct mcx_block
 *   chunk     what memctx_alloc returns, carved from a block, a header word in front (chunk.h)
 *   class k   chunks of 2^(k + 3) bytes; bin k of a context is the head of its freelist k
 *   keeper    the first block, kept over a reset
 *   large     a chunk over the context's limit, alone in its block, on no freelist
 *   tail      the bytes of a block not carved yet
 *
 * Invariant: a bin's counters stand at constant distances from the bin, so that an allocation
 * or a free finds them without a load (MCX_FREED and its kin below).
 */
#ifndef MCX_INTERNAL_H
#define MCX_INTERNAL_H

#include <stdatomic.h>

#include "memctx.h"
#include "region.h"

#define MCX_HIDDEN __attribute__((visibility("hidden")))
#define MCX_COLD __attribute__((cold, noinline))
#define MCX_INLINE inline __attribute__((always_inline))
/* What is computed of X from here on is not computed before, nor made one with what was. */
#define MCX_APART(x) __asm__("" : "+r"(x))
/* Of the two functions that everything calls: where they begin decides a tenth of their time. */
#define MCX_HOT __attribute__((aligned(64)))
#define mcx_likely(x) __builtin_expect(!!(x), 1)
#define mcx_unlikely(x) __builtin_expect(!!(x), 0)
/* The same of what is to stand behind that. */
#if __GNUC__ >= 9 || __clang_major__ >= 11
#define mcx_rarely(x) __builtin_expect_with_probability(!!(x), 0, 0.99)
#else
#define mcx_rarely(x) mcx_unlikely(x)
#endif
/* Small and fixed, so that a program may dlopen() the library. */
#define MCX_TLS _Thread_local __attribute__((tls_model("initial-exec")))

/*
 * Address space: banks of MCX_BANK_CONTEXTS contexts, each bank
 *
 *   offset 0            contexts   struct memctx, MCX_UNIT bytes each
 *   MCX_SLOT            slots      struct region_slot: what every operation counts
 *   MCX_RECORD          records    struct region_record: what changes rarely, and carved
 *   MCX_NAMES           names      struct region_names
 *
 * A context and its slot, record and names have the same index, so the distances are the
 * same for all.  None is 0 modulo 4096: a store to a slot would then be taken for one to
 * the bin that was just loaded, and creating and resetting ran six times slower.
 */
#define MCX_UNIT 256u
#define MCX_BANK_CONTEXTS 16384u
#define MCX_PLANE (MCX_BANK_CONTEXTS * MCX_UNIT)
#define MCX_SLOT (MCX_PLANE + 0x140u)
#define MCX_RECORD (MCX_SLOT + MCX_PLANE + 0x140u)
#define MCX_NAMES (MCX_RECORD + MCX_PLANE + 0x140u)
#define MCX_BANK_BYTES ((size_t)4 * MCX_PLANE + 65536u)
#define MCX_BANKS 64u
#define MCX_SPAN ((uintptr_t)MCX_BANKS * MCX_BANK_BYTES)

/* There is no bin 11: its address, that of the ring, marks the header word of large chunks. */
#define MCX_LARGE MEMCTX_CLASSES
/* The bit of `used` that says that some of `fine_used` are set. */
#define MCX_USED_FINE ((uint16_t)(1u << (MCX_LARGE + 1)))

struct mcx_methods;
struct mcx_block;
struct mcx_slab_block;
struct mcx_generation_block;

/* What a slab keeps where others have bins: see slab.c. */
#define MCX_SLAB_LISTS 4u
struct mcx_slab {
	struct mcx_slab_block *lists[MCX_SLAB_LISTS]; /* by fullness; the last: the empty ones */
	uint32_t empty;                               /* blocks without a live chunk */
	uint32_t class;                               /* that its chunks are counted in */
	uint32_t per_block;
	uint32_t stride;
	size_t block_size;
};

/* What a generation keeps there: see generation.c. */
struct mcx_generation {
	struct mcx_generation_block *ripe;  /* half dead or more, to be swept */
	struct mcx_generation_block *spare; /* without a chunk */
	size_t limit;                       /* the largest size that is not large */
	uintptr_t base;                     /* ctx->free less live_bytes, see pool.h */
};

#define MCX_GENERATION_BLOCK_MAX ((size_t)1 << 35)

/* A context: what its own thread uses.  Aligned to its size, so that a bin tells its owner. */
struct memctx {
	union {
		void *bin[MEMCTX_CLASSES]; /* payload of the first free chunk, or NULL */
		struct mcx_slab slab;
		struct mcx_generation generation;
	};
	uint32_t ring;       /* number of the one that has its latest event */
	uint32_t small_end;  /* sizes below it have a class; 0: none has, MCX_FINE_END: see there */
	char *free;          /* the open block: where the next chunk is carved */
	char *end;           /* and where it ends */
	uintptr_t has_lists; /* 0: sizes with a class are carved in steps of 8, as a bump does */
	union {
		uint64_t fine_used;  /* of fine classes: their bins, by their places, as `used` */
		uintptr_t bump_base; /* of a bump context: ctx->free less live_bytes, see pool.h */
	};
	struct mcx_block *blocks; /* the open one first */
	struct mcx_block *keeper;
	const struct mcx_methods *methods;
	memctx *parent;
	memctx *first_child;
	memctx *next;
	memctx *prev; /* the first child's is the last child */
	const char *name;
	const char *ident; /* NULL: none */
	struct memctx_callback *callbacks;
	union {
		size_t limit;            /* bytes of the subtree; 0: none */
		uint32_t kept_small_end; /* small_end, while the context waits in a recycler */
	};
	size_t subtree_bytes; /* kept only where there is a limit */
	memctx *limiter;      /* the nearest with a limit, itself or above; NULL: none */
	size_t next_size;     /* of the next block */
	uint32_t number;      /* of its unit: how a reader names it */
	uint16_t used;        /* bins used since the last reset, a bit each; 0: nothing to reset */
	uint8_t kind;
	uint8_t shape;      /* which recycler takes it; 0: none does */
	uint8_t align;      /* of chunks, less 1 */
	bool has_long;      /* name or ident are in memory of their own */
	bool has_part;      /* the unit behind it is a part, of an aset with fine classes */
	uint32_t chunk_end; /* of these and of a bump context: the first size that is large */
};

_Static_assert(sizeof(struct memctx) <= MCX_UNIT, "a context fits its unit");

/*
 * `small_end` of an aset with fine classes: memctx_alloc() has it in a register when it asks for
 * one. A size of 0 is below it, and finds the first bin empty, which is never used there.
 */
#define MCX_FINE_END 1u

/* A part's `kind`; but for that, `number` and `ring`, it has bins alone (region_fine.h). */
#define MCX_KIND_PART 255u
/* That of a context that is gone, its memory too. */
#define MCX_KIND_GONE 254u

/* The published structures are region.h's; this is what they hold for every kind. */
#define MCX_COUNT_SHIFT REGION_COUNT_SHIFT
#define MCX_ONE ((uint64_t)1 << MCX_COUNT_SHIFT)
#define MCX_SLACK_MASK (MCX_ONE - 1)

_Static_assert(sizeof(struct region_slot) <= MCX_UNIT, "a slot fits its unit");
_Static_assert(sizeof(struct region_record) <= MCX_UNIT, "a record fits its unit");
_Static_assert(sizeof(struct region_names) <= MCX_UNIT, "names fit their unit");
_Static_assert(MCX_NAMES + MCX_PLANE <= MCX_BANK_BYTES, "the planes fit a bank");
_Static_assert(MCX_SLOT % 4096 != 0 && MCX_RECORD % 4096 != 0 && MCX_NAMES % 4096 != 0,
	"no distance aliases");
_Static_assert((MCX_RECORD - MCX_SLOT) % 4096 != 0 && (MCX_NAMES - MCX_SLOT) % 4096 != 0,
	"nor between them");

/* The counters of BIN, an element of some context's bin[]. */
#define MCX_FREED(bin) ((uint64_t *)(void *)((char *)(bin) + MCX_SLOT))
#define MCX_REUSED(bin) (MCX_FREED(bin) + MEMCTX_CLASSES + 1)
#define MCX_CARVED(bin) ((uint64_t *)(void *)((char *)(bin) + MCX_RECORD))

static inline struct region_slot *mcx_slot(const memctx *ctx)
{
	return (struct region_slot *)(void *)((char *)ctx + MCX_SLOT);
}

static inline struct region_record *mcx_record(const memctx *ctx)
{
	return (struct region_record *)(void *)((char *)ctx + MCX_RECORD);
}

static inline struct region_names *mcx_names(const memctx *ctx)
{
	return (struct region_names *)(void *)((char *)ctx + MCX_NAMES);
}

/* The header of a block; its first chunk's header word follows. */
struct mcx_block {
	memctx *owner;
	struct mcx_block *prev;
	struct mcx_block *next;
	char *end;
	union {
		char *free;       /* a closed block: where carving stopped */
		size_t requested; /* a large one */
	};
};

#define MCX_BLOCK_HEADER sizeof(struct mcx_block)
_Static_assert(MCX_BLOCK_HEADER % 16 == 8, "a block's first payload is aligned to 16");

/* What a kind of context implements.  A kind never sees a context but its own. */
struct mcx_methods {
	/*
	 * Sets up a new context from checked options and obtains its keeper: its unit is zero but
	 * for parent, limiter, kind and shape.  False with ENOMEM: it holds nothing.
	 */
	bool (*create)(memctx *ctx, const struct memctx_options *options);
	/* Sizes at or over small_end; recorded, and not, where chunks are moved (no bump's are). */
	void *(*alloc)(memctx *ctx, size_t size);
	void *(*alloc_quiet)(memctx *ctx, size_t size);
	/* Where mcx_moved_alloc() cannot do: ALIGN is over that of the context; recorded. */
	void *(*alloc_aligned)(memctx *ctx, size_t size, size_t align);
	/* Chunks whose word has MCX_TAG_OTHER. */
	void (*free)(memctx *ctx, void *chunk);
	void *(*realloc)(memctx *ctx, void *chunk, size_t size);
	size_t (*usable)(const memctx *ctx, const void *chunk);
	size_t (*requested)(const memctx *ctx, const void *chunk);
	/* Makes SIZE the size asked for of a chunk that holds it already; marks nothing. */
	void (*set_requested)(memctx *ctx, void *chunk, size_t size);
	/* Frees every chunk; keeps the keeper, where the kind has one. */
	void (*reset)(memctx *ctx);
	/* Gives every block back. */
	void (*destroy)(memctx *ctx);
	/* Of pool_resize(): whether the chunk has room for SIZE now, where it stands; may be NULL.
	 */
	bool (*extend)(memctx *ctx, void *chunk, size_t size);
	void (*each_block)(const memctx *ctx, memctx_block_fn *func, void *arg);
	void (*each_chunk)(const memctx *ctx, const struct memctx_block_info *block,
		memctx_chunk_fn *func, void *arg);
	void (*each_free)(const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg);
	size_t (*check)(const memctx *ctx, memctx_check_fn *func, void *arg);
};

extern const struct mcx_methods mcx_aset_methods MCX_HIDDEN;
extern const struct mcx_methods mcx_watch_methods MCX_HIDDEN;
extern const struct mcx_methods mcx_fine_methods MCX_HIDDEN;
extern const struct mcx_methods mcx_slab_methods MCX_HIDDEN;
extern const struct mcx_methods mcx_generation_methods MCX_HIDDEN;
extern const struct mcx_methods mcx_bump_methods MCX_HIDDEN;
extern const struct mcx_methods mcx_malloc_methods MCX_HIDDEN;
/* Of a context that was deleted (gone.c). */
extern const struct mcx_methods mcx_gone_methods MCX_HIDDEN;

/* Whether CTX was deleted and its unit not used again since. */
static inline bool mcx_is_gone(const memctx *ctx)
{
	return mcx_unlikely(ctx->methods == &mcx_gone_methods);
}

/* ---- unit.c: units of address space ---- */
/*
 * Where the reservation begins, as the header word of a chunk in use whose bin were there: so that
 * one subtraction tests a word's tag and its address (chunk.h).
 */
extern uint64_t mcx_base_word MCX_HIDDEN;

/*
 * A unit with zeroed context, slot and record and a new serial, or NULL with ENOMEM; where HAS_PART
 * the one behind it is its part.
 */
memctx *mcx_unit_get(bool has_part) MCX_HIDDEN;
/* CTX, which is gone now, holds nothing any more. */
void mcx_unit_put(memctx *ctx) MCX_HIDDEN;
/* Threads take serials in runs, so that a recycled context costs no atomic operation. */
struct mcx_serials {
	uint64_t next, end;
};

extern MCX_TLS struct mcx_serials mcx_serials MCX_HIDDEN;
void mcx_serials_take(void) MCX_HIDDEN MCX_COLD;

/* A creation's serial number, unique in the process and rising in each thread. */
static inline uint64_t mcx_serial(void)
{
	if (mcx_unlikely(mcx_serials.next == mcx_serials.end))
		mcx_serials_take();
	return mcx_serials.next++;
}

size_t mcx_units_live(void) MCX_HIDDEN;
/* Gives the reservation back where no unit lives. */
void mcx_units_release(void) MCX_HIDDEN;
void mcx_units_bytes(uint64_t *reserved, uint64_t *committed) MCX_HIDDEN;

struct mcx_units {
	uintptr_t base;   /* of a world that is put aside */
	size_t banks;     /* reserved */
	size_t committed; /* of them, usable */
	size_t used;      /* units handed out at least once */
	size_t live;      /* contexts */
	memctx *free;
	memctx *free_pairs; /* a unit and its part */
	bool is_published;
};

/* What a world that is put aside holds takes the place of what is there. */
void mcx_units_swap(struct mcx_units *other) MCX_HIDDEN;

static inline uintptr_t mcx_base(void)
{
	return (uintptr_t)(mcx_base_word >> 16);
}

/* Whether ADDRESS may be a bin: the check that a foreign header word fails. */
static inline bool mcx_is_bin(uintptr_t address)
{
	return address - mcx_base() < MCX_SPAN;
}

/* The unit that has BIN: a context, or the part of one. */
static inline memctx *mcx_bin_unit(uintptr_t bin)
{
	return (memctx *)(bin & ~(uintptr_t)(MCX_UNIT - 1));
}

static inline memctx *mcx_bin_owner(uintptr_t bin)
{
	memctx *unit = mcx_bin_unit(bin);

	return unit->kind == MCX_KIND_PART ? unit - 1 : unit;
}

/* ---- backing.c: the door to the system, and each thread's cache before it ---- */
extern struct memctx_backing mcx_backing MCX_HIDDEN;
bool mcx_backing_is_system(void) MCX_HIDDEN;
/* Whether it has every function that it must have. */
bool mcx_backing_is_whole(const struct memctx_backing *backing) MCX_HIDDEN;

/* Memory for a block that chunks are carved from. */
void *mcx_block_get(size_t size) MCX_HIDDEN;
void mcx_block_put(void *memory, size_t size) MCX_HIDDEN;
/* The same of blocks that are filled: this thread keeps larger ones.  NULL: it has none. */
void *mcx_filled_get(size_t size) MCX_HIDDEN;
void mcx_filled_put(void *memory, size_t size) MCX_HIDDEN;
/* The same for a large chunk, with what it has: up to a quarter more than SIZE unless EXACT. */
struct mcx_piece {
	void *memory;
	size_t size;
};

struct mcx_piece mcx_large_get(size_t size, bool exact) MCX_HIDDEN;
void mcx_large_put(void *memory, size_t size) MCX_HIDDEN;
/* Asks for huge pages in SIZE bytes of the default backing's MEMORY, where they are many. */
void mcx_advise_huge(void *memory, size_t size) MCX_HIDDEN;
void *mcx_block_resize(void *memory, size_t old_size, size_t new_size) MCX_HIDDEN;
/* Memory for the library itself. */
void *mcx_own_get(size_t size) MCX_HIDDEN;
void mcx_own_put(void *memory, size_t size) MCX_HIDDEN;

/*
 * Deleted contexts of a usual shape (from 1), kept by this thread with their keepers, linked by
 * next. Their ends are those of the thread's cache.  They are gone as those without memory are:
 * what tells them from live ones is put aside and put back.
 */
#define MCX_SHAPES 8u
#define MCX_RECYCLED_MAX 100u

struct mcx_recycler {
	memctx *first;
	unsigned n;
	unsigned max; /* 0 before the thread has a cache */
};

extern MCX_TLS struct mcx_recycler mcx_recycler[MCX_SHAPES + 1] MCX_HIDDEN;

/* What a thread and the process keep of blocks, for a world that is put aside. */
struct mcx_blocks {
	struct mcx_recycler recycler[MCX_SHAPES + 1];
	struct thread_cache *cache;
	size_t outstanding;
};

void mcx_blocks_swap(struct mcx_blocks *other) MCX_HIDDEN;

/* Sets up this thread's cache, which only costs time where it cannot be had. */
bool mcx_cache_begin(void) MCX_HIDDEN MCX_COLD;

/* The methods of the contexts in each recycler. */
extern const struct mcx_methods *const mcx_shape_methods[MCX_SHAPES + 1] MCX_HIDDEN;

static inline memctx *mcx_recycled_get(unsigned shape)
{
	struct mcx_recycler *from = &mcx_recycler[shape];
	memctx *ctx = from->first;

	if (mcx_likely(ctx != NULL)) {
		from->first = ctx->next;
		from->n--;
		ctx->small_end = ctx->kept_small_end;
		ctx->limit = 0;
		ctx->methods = mcx_shape_methods[shape];
	}
	return ctx;
}

/* False where there is no room, or the shape is 0. */
static inline bool mcx_recycled_put(memctx *ctx)
{
	struct mcx_recycler *to = &mcx_recycler[ctx->shape];

	if (mcx_unlikely(to->n == to->max))
		return false;
	ctx->kept_small_end = ctx->small_end;
	ctx->small_end = 0;
	ctx->methods = &mcx_gone_methods;
	ctx->next = to->first;
	to->first = ctx;
	to->n++;
	return true;
}

/* Bytes in this thread's cache, and how many contexts are among them. */
size_t mcx_cached(size_t *contexts) MCX_HIDDEN;

/* ---- memctx.c ---- */

/* ---- limit.c ---- */

/* Takes BYTES from, or gives them back to, LIMITER and those above it; false: one forbids it. */
bool mcx_limits_charge(memctx *limiter, size_t bytes) MCX_HIDDEN MCX_COLD;
void mcx_limits_discharge(memctx *limiter, size_t bytes) MCX_HIDDEN MCX_COLD;
/*
 * Moves the bytes of CTX's subtree to the limits at and above PARENT, at no cost where they are the
 * same; false: one forbids it.
 */
bool mcx_limits_move(memctx *ctx, memctx *parent) MCX_HIDDEN MCX_COLD;
/* CTX was moved, or its limit came or went: finds the limiters of it and of all below. */
void mcx_limits_inherit(memctx *ctx) MCX_HIDDEN MCX_COLD;

/*
 * Adds N to one of the counters that change together, by a store of its own.  Compilers join such
 * additions to one of 16 bytes, and a load of 16 bytes that were just stored as twice 8 waits until
 * they are in the cache.
 */
static inline void mcx_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Accounts for BYTES more (one block more where BLOCKS is 1) of CTX, which no limit forbids. */
static inline void mcx_account(memctx *ctx, size_t bytes, unsigned blocks)
{
	struct region_slot *slot = mcx_slot(ctx);
	struct region_record *record = mcx_record(ctx);
	uint64_t total = slot->total_bytes + bytes;

	__atomic_store_n(&slot->total_bytes, total, __ATOMIC_RELAXED);
	mcx_count(&slot->nblocks, blocks);
	if (total > record->peak_bytes)
		record->peak_bytes = total;
}

/*
 * The same in two steps, around asking for the memory: what is refused then leaves no peak behind.
 * mcx_allow: false, with errno ENOMEM, where a limit forbids it; mcx_forgo takes that back.
 */
static inline bool mcx_allow(memctx *ctx, size_t bytes)
{
	return mcx_likely(ctx->limiter == NULL) || mcx_limits_charge(ctx->limiter, bytes);
}

static inline void mcx_forgo(memctx *ctx, size_t bytes)
{
	if (mcx_unlikely(ctx->limiter != NULL))
		mcx_limits_discharge(ctx->limiter, bytes);
}

/* Takes back what was allowed and accounted for. */
static inline void mcx_discharge(memctx *ctx, size_t bytes, unsigned blocks)
{
	struct region_slot *slot = mcx_slot(ctx);

	mcx_count(&slot->total_bytes, -(uint64_t)bytes);
	mcx_count(&slot->nblocks, -(uint64_t)blocks);
	mcx_forgo(ctx, bytes);
}

/* ---- aset.c: memctx_alloc() and memctx_free() that no ring hears of ---- */
void *mcx_alloc_quiet(memctx *ctx, size_t size) MCX_HIDDEN;
/* CHUNK lives in CTX and is not one that memctx_alloc_aligned made. */
void mcx_free_quiet(memctx *ctx, void *chunk) MCX_HIDDEN;

/* ---- chunk.c ---- */

/* memctx_alloc_aligned() that no ring hears of, of checked arguments. */
void *mcx_moved_alloc(memctx *ctx, size_t size, size_t align) MCX_HIDDEN;
/* memctx_realloc of a chunk made by memctx_alloc_aligned, whose header word is WORD. */
void *mcx_moved_realloc(void *chunk, uint64_t word, size_t size) MCX_HIDDEN MCX_COLD;

/* ---- misuse.c ---- */
void mcx_misuse(const char *what, const void *pointer) MCX_HIDDEN MCX_COLD;

/*
 * Whether CTX is NULL, or a context that was deleted; then the hook has been told so in the name of
 * FUNCTION, a string literal.
 */
#define mcx_is_dead(ctx, function)                                                                 \
	mcx_is_dead_told(                                                                          \
		ctx, function ": the context is NULL", function ": the context was deleted")

static inline bool mcx_is_dead_told(const memctx *ctx, const char *is_null, const char *is_gone)
{
	if (mcx_likely(ctx != NULL) && !mcx_is_gone(ctx))
		return false;
	mcx_misuse(ctx == NULL ? is_null : is_gone, ctx);
	return true;
}

#endif
