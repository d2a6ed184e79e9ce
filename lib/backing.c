/* SPDX-License-Identifier: MIT */
/*
 * The door to the system, and each thread's cache of freed blocks and contexts before it.
 *
 * A freed block goes to its thread's cache: most blocks are of the few sizes that the doubling
 * makes, and a large chunk is often followed by another of about its size.  The cache holds at
 * most CACHE_BYTES in CACHE_BLOCKS blocks; the oldest goes first.  Deleted contexts of
 * the two usual shapes are kept with their keeper blocks, as PostgreSQL keeps them.
 *
 * Invariant: everything obtained through the backing is given back with the size it was asked
 * for; what a thread caches goes back when the thread ends or calls memctx_trim().
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define CACHE_BLOCKS 64u
#define CACHE_BYTES ((size_t)8 << 20)
#define CACHE_BLOCK_MAX ((size_t)1 << 20)
#define RECYCLED_MAX 100u

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
	void *range = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

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

struct cached_block {
	void *memory;
	size_t size;
};

/* What a thread keeps. */
struct thread_cache {
	struct cached_block blocks[CACHE_BLOCKS]; /* oldest first */
	unsigned nblocks;
	size_t block_bytes;
	memctx *recycled[2];
	unsigned nrecycled[2];
	size_t recycled_bytes;
};

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

static size_t cache_empty(struct thread_cache *from)
{
	size_t bytes = from->block_bytes + from->recycled_bytes;

	for (unsigned shape = 0; shape < 2; shape++) {
		while (from->recycled[shape] != NULL) {
			memctx *ctx = from->recycled[shape];

			from->recycled[shape] = ctx->next;
			ctx->methods->destroy(ctx);
			mcx_unit_put(ctx);
		}
		from->nrecycled[shape] = 0;
	}
	/* Destroying contexts may have cached their blocks. */
	for (unsigned i = 0; i < from->nblocks; i++)
		mcx_own_put(from->blocks[i].memory, from->blocks[i].size);
	from->nblocks = 0;
	from->block_bytes = from->recycled_bytes = 0;
	return bytes;
}

static void cache_end(void *arg)
{
	struct thread_cache *ended = arg;

	cache_empty(ended);
	cache = NULL;
	mcx_own_put(ended, sizeof(*ended));
}

static void cache_make_key(void)
{
	cache_has_key = pthread_key_create(&cache_key, cache_end) == 0;
}

/* This thread's cache; NULL where it cannot be had, which only costs time. */
static MCX_COLD struct thread_cache *cache_begin(void)
{
	struct thread_cache *made;

	pthread_once(&cache_once, cache_make_key);
	if (!cache_has_key)
		return NULL;
	made = mcx_own_get(sizeof(*made));
	if (made == NULL)
		return NULL;
	memset(made, 0, sizeof(*made));
	if (pthread_setspecific(cache_key, made) != 0) {
		mcx_own_put(made, sizeof(*made));
		return NULL;
	}
	cache = made;
	return made;
}

static void cache_remove(struct thread_cache *from, unsigned i)
{
	from->block_bytes -= from->blocks[i].size;
	from->nblocks--;
	memmove(&from->blocks[i], &from->blocks[i + 1],
		(from->nblocks - i) * sizeof(from->blocks[0]));
}

/* The newest cached block that holds SIZE; not exact: with at most an eighth to spare. */
static void *cache_take(size_t *size, bool exact)
{
	size_t most = exact ? *size : *size + *size / 8;
	struct thread_cache *from = cache;

	if (from == NULL)
		return NULL;
	for (unsigned i = from->nblocks; i-- > 0;) {
		struct cached_block found = from->blocks[i];

		if (found.size < *size || found.size > most)
			continue;
		cache_remove(from, i);
		*size = found.size;
		return found.memory;
	}
	return NULL;
}

void *mcx_block_get(size_t *size, bool exact)
{
	void *memory = cache_take(size, exact);

	return memory != NULL ? memory : mcx_own_get(*size);
}

void mcx_block_put(void *memory, size_t size)
{
	struct thread_cache *to = cache != NULL ? cache : cache_begin();

	if (to == NULL || size > CACHE_BLOCK_MAX) {
		mcx_own_put(memory, size);
		return;
	}
	while (to->nblocks == CACHE_BLOCKS || to->block_bytes + size > CACHE_BYTES) {
		struct cached_block oldest = to->blocks[0];

		cache_remove(to, 0);
		mcx_own_put(oldest.memory, oldest.size);
	}
	to->blocks[to->nblocks++] = (struct cached_block){memory, size};
	to->block_bytes += size;
}

void *mcx_block_resize(void *memory, size_t old_size, size_t new_size)
{
	void *moved = NULL;

	if (mcx_backing.resize != NULL)
		moved = mcx_backing.resize(memory, old_size, new_size, mcx_backing.arg);
	if (moved == NULL)
		errno = ENOMEM;
	return moved;
}

memctx *mcx_recycled_get(unsigned shape)
{
	memctx *ctx;

	if (cache == NULL || cache->recycled[shape - 1] == NULL)
		return NULL;
	ctx = cache->recycled[shape - 1];
	cache->recycled[shape - 1] = ctx->next;
	cache->nrecycled[shape - 1]--;
	cache->recycled_bytes -= mcx_slot(ctx)->total_bytes;
	return ctx;
}

bool mcx_recycled_put(memctx *ctx)
{
	struct thread_cache *to = cache != NULL ? cache : cache_begin();
	unsigned i = ctx->shape - 1u;

	if (to == NULL || to->nrecycled[i] == RECYCLED_MAX)
		return false;
	ctx->next = to->recycled[i];
	to->recycled[i] = ctx;
	to->nrecycled[i]++;
	to->recycled_bytes += mcx_slot(ctx)->total_bytes;
	return true;
}

size_t mcx_cached(size_t *contexts)
{
	*contexts = cache == NULL ? 0 : cache->nrecycled[0] + cache->nrecycled[1];
	return cache == NULL ? 0 : cache->block_bytes + cache->recycled_bytes;
}

size_t memctx_trim(void)
{
	struct thread_cache *mine = cache;
	size_t bytes;

	if (mine == NULL)
		return 0;
	bytes = cache_empty(mine);
	pthread_setspecific(cache_key, NULL);
	cache = NULL;
	mcx_own_put(mine, sizeof(*mine));
	return bytes;
}

int memctx_set_backing(const struct memctx_backing *backing)
{
	static const struct memctx_backing system_backing = SYSTEM_BACKING;

	memctx_trim();
	if (mcx_units_live() != 0 || atomic_load(&outstanding) != 0) {
		errno = EBUSY;
		return -1;
	}
	mcx_units_release();
	mcx_backing = backing != NULL ? *backing : system_backing;
	return 0;
}
