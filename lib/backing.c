/* SPDX-License-Identifier: MIT */
/*
 * The door to the system, and each thread's cache of freed blocks and contexts before it.
 *
 * Freed blocks are filed by size, eight bins a doubling, a few in each; a large chunk is often
 * followed by another of about its size, and most other blocks are of the first few sizes of
 * the doubling.  Those of the sizes beyond go straight back: they are seldom filled, and the
 * system hands them out anew without the pages that the last owner touched.  Deleted contexts of
 * the two usual shapes are kept with their keeper blocks, as PostgreSQL keeps them.
 *
 * Invariant: everything obtained through the backing is given back with the size it was asked
 * for; a thread's cache holds at most CACHE_BYTES of blocks, and goes back when the thread ends
 * or calls memctx_trim().
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memdebug.h"
#include "ring.h"

#define CACHE_BYTES ((size_t)4 << 20)
#define CACHE_LOG2_MIN 10u /* of the smallest size that is cached */
#define CACHE_LOG2_MAX 19u /* of the size that is too large */
#define CACHE_BINS ((CACHE_LOG2_MAX - CACHE_LOG2_MIN) * 8u)
#define CACHE_DEPTH 4u
#define CACHE_DOUBLED_MAX ((size_t)32768) /* blocks that chunks are carved from */
#define CACHE_FILLED_MAX ((size_t)65536)  /* those that are filled to the end */
#define HUGE_PAGE ((uintptr_t)2 << 20)

static void *system_alloc(size_t size, void *arg)
{
	(void)arg;
	return malloc(size);
}

static void system_free(void *memory, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	free(memory);
}

static void *system_resize(void *memory, size_t old_size, size_t new_size, void *arg)
{
	(void)old_size;
	(void)arg;
	return realloc(memory, new_size);
}

static void *system_reserve(size_t size, void *arg)
{
	void *range =
		mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)arg;
	return range == MAP_FAILED ? NULL : range;
}

static int system_commit(void *memory, size_t size, void *arg)
{
	(void)arg;
	return mprotect(memory, size, PROT_READ | PROT_WRITE);
}

static void system_release(void *memory, size_t size, void *arg)
{
	(void)arg;
	munmap(memory, size);
}

#define SYSTEM_BACKING                                                                             \
	{                                                                                          \
		.alloc = system_alloc, .free = system_free, .resize = system_resize,               \
		.reserve = system_reserve, .commit = system_commit, .release = system_release      \
	}

struct memctx_backing mcx_backing = SYSTEM_BACKING;

bool mcx_backing_is_system(void)
{
	return mcx_backing.reserve == system_reserve;
}

/* Blocks of about one size, the oldest first. */
struct cache_bin {
	struct mcx_piece blocks[CACHE_DEPTH];
	unsigned n;
};

/* What a thread keeps. */
struct thread_cache {
	struct cache_bin bins[CACHE_BINS + 1]; /* the last stays empty */
	unsigned hand;                         /* the bin that gives next when there is too much */
	size_t block_bytes;
};

MCX_TLS struct mcx_recycler mcx_recycler[MCX_SHAPES + 1];
static MCX_TLS struct thread_cache *cache;
static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;
static bool cache_has_key;
static atomic_size_t outstanding; /* pieces obtained and not given back */

void *mcx_own_get(size_t size)
{
	void *memory = mcx_backing.alloc(size, mcx_backing.arg);

	if (memory == NULL)
		errno = ENOMEM;
	else
		atomic_fetch_add_explicit(&outstanding, 1, memory_order_relaxed);
	return memory;
}

void mcx_own_put(void *memory, size_t size)
{
	mcx_backing.free(memory, size, mcx_backing.arg);
	atomic_fetch_sub_explicit(&outstanding, 1, memory_order_relaxed);
}

/* ---- The cache ---- */

/* The bin of a size in the cached range: it holds sizes from its floor to an eighth more. */
static inline unsigned bin_of(size_t size)
{
	unsigned log2 = 63u ^ (unsigned)__builtin_clzll(size);

	/* The upper four bits, 8 to 15, go on from octave to octave. */
	return (log2 - CACHE_LOG2_MIN - 1) * 8 + (unsigned)(size >> (log2 - 3));
}

static inline bool is_cached_size(size_t size)
{
	const size_t least = (size_t)1 << CACHE_LOG2_MIN;

	return size - least < ((size_t)1 << CACHE_LOG2_MAX) - least;
}

/* Takes block I out of a bin. */
static struct mcx_piece bin_take(struct thread_cache *from, struct cache_bin *bin, unsigned i)
{
	struct mcx_piece taken = bin->blocks[i];

	bin->n--;
	for (; i < bin->n; i++)
		bin->blocks[i] = bin->blocks[i + 1];
	from->block_bytes -= taken.size;
	mcx_watch_uncached(taken.memory, taken.size);
	return taken;
}

static void bin_drop_oldest(struct thread_cache *from, struct cache_bin *bin)
{
	struct mcx_piece oldest = bin_take(from, bin, 0);

	mcx_own_put(oldest.memory, oldest.size);
}

size_t mcx_cached(size_t *contexts)
{
	size_t bytes = cache == NULL ? 0 : cache->block_bytes;

	*contexts = 0;
	for (unsigned shape = 1; shape <= MCX_SHAPES; shape++) {
		*contexts += mcx_recycler[shape].n;
		for (memctx *ctx = mcx_recycler[shape].first; ctx != NULL; ctx = ctx->next)
			bytes += mcx_slot(ctx)->total_bytes;
	}
	return bytes;
}

static void recycler_empty(unsigned shape)
{
	memctx *ctx;

	while ((ctx = mcx_recycled_get(shape)) != NULL) {
		ctx->methods->destroy(ctx);
		mcx_unit_put(ctx);
	}
	mcx_recycler[shape].max = 0;
}

/* Gives back all that this thread caches, the cache with it. */
static void cache_empty(struct thread_cache *from)
{
	for (unsigned shape = 1; shape <= MCX_SHAPES; shape++)
		recycler_empty(shape);
	for (unsigned i = 0; i < CACHE_BINS; i++)
		while (from->bins[i].n > 0)
			bin_drop_oldest(from, &from->bins[i]);
	cache = NULL;
	mcx_own_put(from, sizeof(*from));
}

static void cache_end(void *arg)
{
	cache_empty(arg);
	mcx_ring_end();
}

static void cache_make_key(void)
{
	cache_has_key = pthread_key_create(&cache_key, cache_end) == 0;
}

bool mcx_cache_begin(void)
{
	struct thread_cache *made;

	if (cache != NULL)
		return true;
	pthread_once(&cache_once, cache_make_key);
	made = cache_has_key ? mcx_own_get(sizeof(*made)) : NULL;
	if (made == NULL)
		return false;
	memset(made, 0, sizeof(*made));
	if (pthread_setspecific(cache_key, made) != 0) {
		mcx_own_put(made, sizeof(*made));
		return false;
	}
	cache = made;
	for (unsigned shape = 1; shape <= MCX_SHAPES; shape++)
		mcx_recycler[shape].max = MCX_RECYCLED_MAX;
	return true;
}

static inline struct mcx_piece bin_pop(struct thread_cache *from, struct cache_bin *bin)
{
	struct mcx_piece taken = bin->blocks[--bin->n];

	from->block_bytes -= taken.size;
	mcx_watch_uncached(taken.memory, taken.size);
	return taken;
}

/* A cached block of SIZE bytes exactly, or NULL. */
static void *cache_take_exact(size_t size)
{
	struct thread_cache *from = cache;
	struct cache_bin *bin;

	if (from == NULL || !is_cached_size(size))
		return NULL;
	bin = &from->bins[bin_of(size)];
	for (unsigned i = bin->n; i-- > 0;)
		if (bin->blocks[i].size == size)
			return bin_take(from, bin, i).memory;
	return NULL;
}

/*
 * A cached block of at least SIZE bytes, or none.  The next bin comes first: whatever it holds
 * is large enough, by a quarter at the most.  Which of the two has one is anybody's guess, so the
 * choice is a sum and not a branch.
 */
static inline struct mcx_piece cache_take(size_t size)
{
	static const struct mcx_piece none;
	struct thread_cache *from = cache;
	struct cache_bin *bin;
	unsigned i;

	if (mcx_unlikely(from == NULL || !is_cached_size(size)))
		return none;
	i = bin_of(size);
	i += from->bins[i + 1].n != 0;
	bin = &from->bins[i];
	if (mcx_unlikely(bin->n == 0 || bin->blocks[bin->n - 1].size < size))
		return none;
	return bin_pop(from, bin);
}

/* Gives back blocks of one bin after the other until there are few enough. */
static MCX_COLD void cache_shrink(struct thread_cache *to)
{
	while (to->block_bytes > CACHE_BYTES) {
		struct cache_bin *from = &to->bins[to->hand];

		to->hand = (to->hand + 1) % CACHE_BINS;
		if (from->n > 0)
			bin_drop_oldest(to, from);
	}
}

static void cache_put(void *memory, size_t size);

/* Where there is no cache yet, or SIZE is none that it takes; and where its bin is full. */
static MCX_COLD void cache_put_rare(void *memory, size_t size)
{
	if (is_cached_size(size) && mcx_cache_begin())
		cache_put(memory, size);
	else
		mcx_own_put(memory, size);
}

static MCX_COLD void cache_put_full(void *memory, size_t size)
{
	bin_drop_oldest(cache, &cache->bins[bin_of(size)]);
	cache_put(memory, size);
}

static void cache_put(void *memory, size_t size)
{
	struct thread_cache *to = cache;
	struct cache_bin *bin;

	if (mcx_unlikely(!is_cached_size(size) || to == NULL)) {
		cache_put_rare(memory, size);
		return;
	}
	bin = &to->bins[bin_of(size)];
	if (mcx_unlikely(bin->n == CACHE_DEPTH)) {
		cache_put_full(memory, size);
		return;
	}
	bin->blocks[bin->n++] = (struct mcx_piece){memory, size};
	to->block_bytes += size;
	mcx_watch_cached(memory, size);
	if (mcx_unlikely(to->block_bytes > CACHE_BYTES))
		cache_shrink(to);
}

/*
 * A block is carved from end to end, so huge pages cost little memory, and with 131,072 live chunks
 * they save a sixth of the time where the system gives them only on request.  It is no more than
 * advice, so nothing comes of a refusal.
 */
void mcx_advise_huge(void *memory, size_t size)
{
	uintptr_t start = ((uintptr_t)memory + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	uintptr_t end = ((uintptr_t)memory + size) & ~(HUGE_PAGE - 1);
	int error;

	if (size < 2 * HUGE_PAGE || mcx_backing.alloc != system_alloc || start >= end)
		return;
	error = errno;
	madvise((void *)start, end - start, MADV_HUGEPAGE);
	errno = error;
}

void *mcx_block_get(size_t size)
{
	void *memory = size <= CACHE_DOUBLED_MAX ? cache_take_exact(size) : NULL;

	return memory != NULL ? memory : mcx_own_get(size);
}

void mcx_block_put(void *memory, size_t size)
{
	if (size <= CACHE_DOUBLED_MAX)
		cache_put(memory, size);
	else
		mcx_own_put(memory, size);
}

void *mcx_filled_get(size_t size)
{
	return size <= CACHE_FILLED_MAX ? cache_take_exact(size) : NULL;
}

void mcx_filled_put(void *memory, size_t size)
{
	if (size <= CACHE_FILLED_MAX)
		cache_put(memory, size);
	else
		mcx_own_put(memory, size);
}

static MCX_COLD struct mcx_piece large_get_rare(size_t size, bool exact)
{
	struct mcx_piece piece = {exact ? cache_take_exact(size) : NULL, size};

	if (piece.memory == NULL)
		piece.memory = mcx_own_get(size);
	return piece;
}

struct mcx_piece mcx_large_get(size_t size, bool exact)
{
	struct mcx_piece piece = {NULL, size};

	if (mcx_likely(!exact))
		piece = cache_take(size);
	return mcx_likely(piece.memory != NULL) ? piece : large_get_rare(size, exact);
}

void mcx_large_put(void *memory, size_t size)
{
	cache_put(memory, size);
}

/* What resize does, for a backing that has none. */
static void *block_move(void *memory, size_t old_size, size_t new_size)
{
	void *moved = mcx_own_get(new_size);

	if (moved == NULL)
		return NULL;
	memcpy(moved, memory, old_size < new_size ? old_size : new_size);
	mcx_own_put(memory, old_size);
	return moved;
}

void *mcx_block_resize(void *memory, size_t old_size, size_t new_size)
{
	void *moved;

	if (mcx_backing.resize == NULL)
		return block_move(memory, old_size, new_size);
	moved = mcx_backing.resize(memory, old_size, new_size, mcx_backing.arg);
	if (moved == NULL)
		errno = ENOMEM;
	return moved;
}

size_t memctx_trim(void)
{
	size_t contexts, bytes = mcx_cached(&contexts);

	if (cache != NULL) {
		pthread_setspecific(cache_key, NULL);
		cache_empty(cache);
	}
	return bytes;
}

/* All but resize must be there. */
bool mcx_backing_is_whole(const struct memctx_backing *backing)
{
	return backing->alloc != NULL && backing->free != NULL && backing->reserve != NULL &&
	       backing->commit != NULL && backing->release != NULL;
}

void mcx_blocks_swap(struct mcx_blocks *other)
{
	struct mcx_blocks mine = {.cache = cache};

	memcpy(mine.recycler, mcx_recycler, sizeof(mine.recycler));
	mine.outstanding = atomic_exchange(&outstanding, other->outstanding);
	memcpy(mcx_recycler, other->recycler, sizeof(mine.recycler));
	cache = other->cache;
	/* Until there was a cache there is no key. */
	if (cache_has_key)
		pthread_setspecific(cache_key, cache);
	*other = mine;
}

int memctx_set_backing(const struct memctx_backing *backing)
{
	static const struct memctx_backing system_backing = SYSTEM_BACKING;

	if (backing != NULL && !mcx_backing_is_whole(backing)) {
		errno = EINVAL;
		return -1;
	}
	memctx_trim();
	if (mcx_units_live() != 0 || atomic_load(&outstanding) != 0) {
		errno = EBUSY;
		return -1;
	}
	mcx_units_release();
	mcx_backing = backing != NULL ? *backing : system_backing;
	return 0;
}
