/* SPDX-License-Identifier: MIT */
/*
 * memctx: memory contexts that can be looked into while the program runs.
 *
 * A context is an arena, a node of a tree.  Chunks are allocated in a context and die with
 * it: resetting a context frees its chunks and deletes the contexts below it, deleting it
 * removes the node as well.  This is libmemctx's one public header.
 *
 * What to know at once
 *   alignment  A chunk is aligned to 8 bytes.  SSE types and long double want 16: create the
 *              context with .align = 16, or use memctx_alloc_aligned().
 *   threads    A context is used by one thread at a time; separate trees are used by separate
 *              threads at once.  A tree may be handed from one thread to another by any
 *              synchronisation of the program's.
 *   failure    NULL (or -1) with errno set, and nothing changed.  ENOMEM: the system refused,
 *              or a limit set with memctx_set_limit() would be exceeded, or the size cannot
 *              exist.  Misuse (a double free, a foreign pointer, a NULL context or a deleted
 *              one) goes to the hook of memctx_set_misuse(), which by default writes one line
 *              to stderr and aborts; if a hook returns, the call does nothing and fails with
 *              EINVAL.
 *   zero       A size of zero is a valid request and yields a unique pointer.
 */
#ifndef MEMCTX_H
#define MEMCTX_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MEMCTX_VERSION_MAJOR 0
#define MEMCTX_VERSION_MINOR 1
#define MEMCTX_VERSION_PATCH 0

#if defined(__GNUC__)
#define MEMCTX_API __attribute__((visibility("default")))
#define MEMCTX_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define MEMCTX_API
#define MEMCTX_PRINTF(f, a)
#endif

/*
 * Class k has chunks of up to 2^(k + 3) bytes: 8, 16, 32 ... 8192.  In an aset of the usual classes
 * they have that size exactly; in other kinds, and with fine classes, that size is the most.
 */
#define MEMCTX_CLASSES 11

/* A memory context. */
typedef struct memctx memctx;

/* The kinds of context.  Each is an allocation design behind the same functions. */
enum memctx_kind {
	MEMCTX_ASET = 0, /* blocks, size classes, freelists; for general use */
	/*
	 * Chunks of one size (.chunk_size; default 64).  Nearly full blocks are filled first, so
	 * that the others drain and go back; ten empty ones are kept.  A smaller request is padded
	 * to the chunk size, a larger one has a block of its own.
	 */
	MEMCTX_SLAB,
	/*
	 * Chunks that live about as long as their neighbours, such as a queue's.  A block is reused
	 * or given back when its last chunk is freed; one that is half dead is filled anew between
	 * what lives.  Chunks are aligned to 16.
	 */
	MEMCTX_GENERATION,
	/*
	 * No chunk has a header and none is freed by itself: all go at the reset.  memctx_free(),
	 * memctx_realloc(), memctx_owner(), memctx_requested() and memctx_usable() of such a chunk
	 * are misuse; what stands before it is another chunk's data, so it is noticed unless that
	 * happens to look like a header.
	 */
	MEMCTX_BUMP,
	/* Each chunk from the system, linked to its context; what the others are held against. */
	MEMCTX_MALLOC,
	/* An arena that is not the library's; made by memctx_watch() alone. */
	MEMCTX_WATCH,
};

/* How an aset rounds sizes. */
enum memctx_classes {
	MEMCTX_CLASSES_POW2 = 0, /* to powers of two, from 8 to 8192 */
	MEMCTX_CLASSES_FINE,     /* to four steps a doubling: less slack */
};

/*
 * How a context is made.  A zero member, or a NULL pointer to the whole, takes the default.
 * Sizes are in bytes and count everything the context takes from the system, its own
 * structure included.
 */
struct memctx_options {
	size_t init_size; /* the first block; default 8192; less than 1024 is taken for 1024 */
	size_t max_size;  /* the largest block of the doubling; default 8 MiB, at least init_size */
	size_t min_size;  /* the keeper block is at least this; default 0 */
	size_t align;     /* of every chunk: 8 (the default) or 16 */
	/*
	 * A slab's: the size of its chunks, default 64.  Its blocks are all of init_size, as far as
	 * that holds a chunk and no more than 255.
	 */
	size_t chunk_size;
	enum memctx_classes classes; /* an aset's */
};

/* PostgreSQL's two usual shapes.  In C, &MEMCTX_SMALL_OPTIONS may be handed on as it stands. */
#ifdef __cplusplus
#define MEMCTX_DEFAULT_OPTIONS (memctx_options{8192, 8388608, 0, 0, 0, MEMCTX_CLASSES_POW2})
#define MEMCTX_SMALL_OPTIONS (memctx_options{1024, 8192, 0, 0, 0, MEMCTX_CLASSES_POW2})
#else
#define MEMCTX_DEFAULT_OPTIONS ((struct memctx_options){.init_size = 8192, .max_size = 8388608})
#define MEMCTX_SMALL_OPTIONS ((struct memctx_options){.init_size = 1024, .max_size = 8192})
#endif

/* The version of the library that runs, as "0.1.0". */
MEMCTX_API const char *memctx_version(void);

/* ---- Contexts ------------------------------------------------------------------------- */

/*
 * Creates a context below PARENT (NULL: a root).  NAME says what it is among contexts, IDENT
 * (may be NULL) which one among those of its name; both are copied.  Fails with ENOMEM, or
 * with EINVAL where the options cannot be: a size over PTRDIFF_MAX, max below init, another align
 * than 8 or 16, a kind or classes that do not exist, a NULL name.
 */
MEMCTX_API memctx *memctx_create(memctx *parent, const char *name, const char *ident,
	enum memctx_kind kind, const struct memctx_options *options);

/* Frees every chunk of CTX and deletes every context below it; the keeper block stays. */
MEMCTX_API void memctx_reset(memctx *ctx);

/* Frees every chunk of CTX; the contexts below it stay as they are. */
MEMCTX_API void memctx_reset_only(memctx *ctx);

/*
 * Deletes CTX and every context below it, leaves first.  To use any of them after that is misuse,
 * and is noticed until a new context has its place; after that the pointer is the new one's.  That
 * is soon: the next context of this thread with the same sizes takes the place of the last deleted.
 */
MEMCTX_API void memctx_delete(memctx *ctx);

/* Deletes every context below CTX. */
MEMCTX_API void memctx_delete_children(memctx *ctx);

/*
 * Makes CTX, with all below it, the last child of PARENT (NULL: a root).  Fails with EINVAL where
 * PARENT is CTX or stands below it, with ENOMEM where a limit at or above PARENT would be
 * exceeded.  0 or -1.
 */
MEMCTX_API int memctx_set_parent(memctx *ctx, memctx *parent);

/* Replaces the ident by a copy of IDENT (NULL: none).  0, or -1 with ENOMEM. */
MEMCTX_API int memctx_set_ident(memctx *ctx, const char *ident);

/*
 * A function to call once, when CTX is next reset or deleted, before its memory goes.
 * Functions run in reverse order of registration.  The structure is the caller's, must live until
 * then and be registered once until then; a chunk of CTX itself is the usual place.  A function may
 * allocate in CTX and create contexts below it: what it makes goes too.  To delete CTX itself is
 * misuse.
 */
struct memctx_callback {
	void (*func)(void *arg);
	void *arg;
	struct memctx_callback *next; /* the library's */
};

MEMCTX_API void memctx_on_reset(memctx *ctx, struct memctx_callback *callback);

/*
 * This thread's current context: NULL until the first switch, and once it was deleted by this
 * thread.  The library itself never allocates in it.
 */
MEMCTX_API memctx *memctx_current(void);

/* Makes CTX (may be NULL) this thread's current context and returns what was. */
MEMCTX_API memctx *memctx_switch(memctx *ctx);

/*
 * Bounds the bytes that CTX and all below it may take from the system (0: no bound).  An
 * allocation or creation that would exceed it fails with ENOMEM and nothing changes.  A bound
 * below what is held now only stops growth.
 */
MEMCTX_API void memctx_set_limit(memctx *ctx, size_t bytes);
MEMCTX_API size_t memctx_limit(const memctx *ctx);

MEMCTX_API const char *memctx_name(const memctx *ctx);
MEMCTX_API const char *memctx_ident(const memctx *ctx); /* NULL where there is none */
MEMCTX_API enum memctx_kind memctx_kind_of(const memctx *ctx);
MEMCTX_API enum memctx_classes memctx_classes_of(const memctx *ctx);
MEMCTX_API const char *memctx_kind_name(enum memctx_kind kind); /* "aset"; NULL: no such kind */

/* The tree: NULL where there is none.  Children stand in the order in which they came. */
MEMCTX_API memctx *memctx_parent(const memctx *ctx);
MEMCTX_API memctx *memctx_first_child(const memctx *ctx);
MEMCTX_API memctx *memctx_next_sibling(const memctx *ctx);

/*
 * The context that follows CTX in a walk of TOP's tree, parents before children; NULL after
 * the last.  for (c = top; c != NULL; c = memctx_walk(top, c)) visits each once.
 */
MEMCTX_API memctx *memctx_walk(const memctx *top, const memctx *ctx);

/* ---- Chunks --------------------------------------------------------------------------- */

MEMCTX_API void *memctx_alloc(memctx *ctx, size_t size);
MEMCTX_API void *memctx_zalloc(memctx *ctx, size_t size); /* filled with zeros */

/* ALIGN is a power of two, at most 2^30; else EINVAL.  realloc keeps the alignment. */
MEMCTX_API void *memctx_alloc_aligned(memctx *ctx, size_t size, size_t align);

/* COUNT elements of SIZE bytes; ENOMEM where the product overflows. */
MEMCTX_API void *memctx_alloc_array(memctx *ctx, size_t count, size_t size);

/*
 * Resizes a chunk within its context; the contents up to the smaller size stay.  On failure
 * the chunk is as it was; making one smaller fails only from 8 KiB to 0.  CHUNK must not be
 * NULL: it is what names the context.
 */
MEMCTX_API void *memctx_realloc(void *chunk, size_t size);

/* Frees a chunk; NULL is ignored. */
MEMCTX_API void memctx_free(void *chunk);

MEMCTX_API char *memctx_strdup(memctx *ctx, const char *string);
MEMCTX_API char *memctx_strndup(memctx *ctx, const char *string, size_t max);
MEMCTX_API char *memctx_printf(memctx *ctx, const char *format, ...) MEMCTX_PRINTF(2, 3);
MEMCTX_API char *memctx_vprintf(memctx *ctx, const char *format, va_list args) MEMCTX_PRINTF(2, 0);

MEMCTX_API memctx *memctx_owner(const void *chunk);    /* the context it lives in */
MEMCTX_API size_t memctx_requested(const void *chunk); /* the size asked for */
MEMCTX_API size_t memctx_usable(const void *chunk); /* the bytes that may be had without moving */

/* ---- Figures -------------------------------------------------------------------------- */

struct memctx_class_stats {
	size_t size;    /* of a chunk of this class, header apart */
	uint64_t live;  /* chunks in use */
	uint64_t free;  /* chunks on the freelist */
	uint64_t slack; /* chunk size less size asked for, over the chunks in use */
};

/*
 * The figures of one context, without those below it.  total_bytes = requested_bytes +
 * slack_bytes + header_bytes + freelist_bytes + tail_bytes, exactly.
 */
struct memctx_stats {
	uint64_t total_bytes; /* taken from the system, the context's own structure included */
	uint64_t total_nblocks;
	uint64_t free_bytes; /* freelist_bytes + tail_bytes */
	uint64_t free_chunks;
	uint64_t used_bytes; /* total_bytes - free_bytes */
	uint64_t live_chunks;
	uint64_t requested_bytes;
	uint64_t slack_bytes;
	uint64_t header_bytes;   /* the structure, block headers, headers of live chunks */
	uint64_t freelist_bytes; /* free chunks with their headers */
	uint64_t tail_bytes;     /* never carved */
	uint64_t large_chunks;
	uint64_t large_bytes; /* asked for by large chunks */
	uint64_t allocs;      /* since creation; a class counts modulo 2^30 between two resets */
	uint64_t frees;       /* by memctx_free; likewise */
	uint64_t reallocs;
	uint64_t resets;
	uint64_t carved; /* chunks cut for an allocation, since creation */
	uint64_t cut; /* chunks cut from the tails of full blocks for freelists, since creation */
	uint64_t peak_total_bytes;
	uint64_t serial; /* of its creation, unique in the process */
	struct memctx_class_stats classes[MEMCTX_CLASSES];
};

/* Derived from counters: takes O(classes), walks nothing. */
MEMCTX_API void memctx_stats(const memctx *ctx, struct memctx_stats *stats);

/* The most classes that a context has. */
#define MEMCTX_LISTS_MAX 35

/*
 * The classes of CTX as they are, each with its freelist, numbered from the smallest: 35 with fine
 * classes, else those of memctx_stats().  memctx_lists() returns how many there are; memctx_list()
 * gives the figures of one, zeros where there is none of that number, in O(1).
 */
MEMCTX_API int memctx_lists(const memctx *ctx);
MEMCTX_API void memctx_list(const memctx *ctx, int list, struct memctx_class_stats *figures);

/* total_bytes of CTX alone, and of CTX with all below it (O(its contexts)). */
MEMCTX_API size_t memctx_total(const memctx *ctx);
MEMCTX_API size_t memctx_subtree_total(const memctx *ctx);

/* What the library keeps for itself, which belongs to no context. */
struct memctx_overhead {
	uint64_t reserved_bytes;  /* address space set aside for contexts and their slots */
	uint64_t committed_bytes; /* of it, made usable */
	uint64_t contexts;        /* live, recycled ones apart */
	uint64_t cached_bytes;    /* freed blocks and contexts kept by this thread */
};

MEMCTX_API void memctx_overhead(struct memctx_overhead *overhead);

/* Gives this thread's cached blocks and contexts back to the system; returns the bytes. */
MEMCTX_API size_t memctx_trim(void);

/* ---- Looking at a context's insides --------------------------------------------------- */

/* One block.  Offsets are from its first byte. */
struct memctx_block_info {
	const void *address;
	size_t size;   /* with its header */
	size_t header; /* bytes before the first chunk */
	size_t carved; /* where the never-carved tail begins */
	size_t tail;   /* bytes to carve: those behind, and in a generation where it is being filled
			*/
	bool is_keeper;
	bool is_open;  /* the block that is carved from */
	bool is_large; /* holds one large chunk */
};

/* One chunk, in use or free. */
struct memctx_chunk_info {
	const void *address; /* what memctx_alloc returned */
	uint64_t header;     /* its header word */
	memctx *owner;
	bool is_free;
	bool is_large;
	int size_class;   /* 0 .. MEMCTX_CLASSES - 1: the power of two that holds it; -1: large */
	size_t size;      /* usable bytes */
	size_t stride;    /* size and header: where the next chunk begins */
	size_t requested; /* 0 where free */
	const void *next; /* free: the next of its freelist, or NULL */
};

/* Each function may stop the walk by returning false; meanwhile nothing is allocated or freed. */
typedef bool memctx_block_fn(const struct memctx_block_info *block, void *arg);
typedef bool memctx_chunk_fn(const struct memctx_chunk_info *chunk, void *arg);

/* Blocks of CTX, the newest first. */
MEMCTX_API void memctx_each_block(const memctx *ctx, memctx_block_fn *func, void *arg);
/* The chunks of a block, in the order of their addresses. */
MEMCTX_API void memctx_each_chunk(
	const memctx *ctx, const struct memctx_block_info *block, memctx_chunk_fn *func, void *arg);
/* A freelist from its head; with fine classes one after the other those within the power of two. */
MEMCTX_API void memctx_each_free(
	const memctx *ctx, int size_class, memctx_chunk_fn *func, void *arg);
/* The freelist of a number of memctx_lists(), from its head. */
MEMCTX_API void memctx_each_listed(const memctx *ctx, int list, memctx_chunk_fn *func, void *arg);
/*
 * Decodes the header of a chunk; false where it is neither a chunk in use nor a free one.  Of an
 * aligned chunk, which lies inside another, the other's: address is where that one begins.  A free
 * chunk's header does not name its context: its size here is that of the power of two; the walks
 * above know better.
 */
MEMCTX_API bool memctx_describe(const void *chunk, struct memctx_chunk_info *info);

/*
 * Walks every block, chunk and list of CTX and of all below it, and proves each count and link.
 * Calls FUNC (may be NULL) with a sentence for each broken invariant; returns their number.
 */
typedef void memctx_check_fn(const memctx *ctx, const char *what, void *arg);
MEMCTX_API size_t memctx_check(const memctx *ctx, memctx_check_fn *func, void *arg);

/* ---- Being looked into ---------------------------------------------------------------- */

/*
 * A process that uses the library publishes its contexts' figures and its latest events in a memfd
 * that readers of its own uid may open (memctx-tool ps, tree PID …).  This turns that off or on
 * for the process; possible only before its first context.  0, or -1 with EBUSY.  The environment
 * variable MEMCTX_PUBLISH=0 turns it off as well, and so does building the library with
 * -DMEMCTX_NO_PUBLISH.  Where memctx-tool record starts the program, the
 * variable MEMCTX_RECORD names a socket to which the descriptor of the memfd is sent once.
 */
MEMCTX_API int memctx_publish(bool on);

/*
 * Records events in a ring a thread, the latest overwriting the oldest.  EVENTS is the size of
 * rings made from now on, in entries of 16 bytes, rounded up to a power of two of at least
 * 256; 0 switches recording off, another number on, for all threads and at once.  The default is
 * 16384, or what the environment variable MEMCTX_RING says when the first context is created.
 * All rings together take at most 16 MiB, and a ring a quarter of what is left of that; the events
 * of a thread that finds no room are counted as lost.
 */
MEMCTX_API void memctx_set_ring(size_t events);

/* ---- An arena that is not the library's ----------------------------------------------- */

/*
 * A node in the tree for an arena of the program's own, so that it is seen wherever contexts are:
 * below PARENT (NULL: a root), with NAME and IDENT as in memctx_create().  The arena keeps its
 * memory and tells the node what it does, in four lines:
 *
 *   arena->node = memctx_watch(NULL, "arena", NULL);     when the arena is made
 *   memctx_watch_blocks(arena->node, 1, block_size);     when it takes a block from the system
 *   memctx_watch_chunks(arena->node, 1, size);           when it hands out a chunk
 *   memctx_delete(arena->node);                          when it goes, with all it has
 *
 * Everything that is done with a context's place in the tree is done with a node: contexts below it
 * (they go with it), memctx_set_parent(), memctx_set_ident(), memctx_on_reset(), and the thread
 * rule of contexts.  memctx_reset() and memctx_reset_only() say that every chunk is gone; blocks
 * stay until memctx_watch_blocks() says otherwise.  An allocation in it fails with ENOTSUP.
 *
 * Known of it are total_bytes (what it told; the node itself is the library's overhead),
 * total_nblocks, live_chunks, requested_bytes, allocs, frees, resets, peak_total_bytes and serial;
 * the other figures of memctx_stats() are 0, and in the tool's outputs not known.  A limit at or
 * above it counts its bytes and stops others by them, but never the arena.  NULL with ENOMEM, or
 * with EINVAL where NAME is NULL.
 */
MEMCTX_API memctx *memctx_watch(memctx *parent, const char *name, const char *ident);

/*
 * The arena took BLOCKS blocks of BYTES together from the system, or gave them back where the
 * numbers are negative.  Either may be 0: a block that grew is 0 blocks and some bytes.  It is
 * misuse to give back more than there is, or to name another context than memctx_watch() made.
 */
MEMCTX_API void memctx_watch_blocks(memctx *ctx, ptrdiff_t blocks, ptrdiff_t bytes);

/*
 * The arena handed out CHUNKS chunks of BYTES together, as asked for, or took them back where the
 * numbers are negative; the rest as above.  Tell of blocks before the chunks in them: chunks with
 * more bytes than the blocks are what memctx_check() reports.
 */
MEMCTX_API void memctx_watch_chunks(memctx *ctx, ptrdiff_t chunks, ptrdiff_t bytes);

/* ---- The library's surroundings ------------------------------------------------------- */

/* What to call when the library is misused: WHAT is a sentence, POINTER what it is about. */
typedef void memctx_misuse_fn(const char *what, const void *pointer, void *arg);
/* For the process; NULL: the default.  Set it before threads start. */
MEMCTX_API void memctx_set_misuse(memctx_misuse_fn *func, void *arg);

/*
 * The only door to the system.  Sizes are bytes; each function may be called by any thread.
 * alloc returns 16-byte aligned memory or NULL; free gets the size that was asked for; resize
 * (may be NULL) keeps the contents and the alignment and may move, or returns NULL with the old
 * memory as it was.  reserve returns page-aligned address space that need not be usable until
 * commit (0 or -1) makes a page-aligned part of it usable and zero.
 */
struct memctx_backing {
	void *(*alloc)(size_t size, void *arg);
	void (*free)(void *memory, size_t size, void *arg);
	void *(*resize)(void *memory, size_t old_size, size_t new_size, void *arg);
	void *(*reserve)(size_t size, void *arg);
	int (*commit)(void *memory, size_t size, void *arg);
	void (*release)(void *memory, size_t size, void *arg);
	void *arg;
};

/*
 * Replaces the backing (NULL: the default, malloc and mmap).  Possible only while no context
 * exists in the process; gives back first what this thread caches.  0, or -1 with EBUSY, or with
 * EINVAL where a function but resize is NULL.
 */
MEMCTX_API int memctx_set_backing(const struct memctx_backing *backing);

/*
 * A world: a backing and every context made through it.  There is one at a time; others are put
 * aside.  New is one of zeros but for its backing.
 *
 * A world that was put aside is whole in this structure and in the memory that its backing gave: a
 * program that copies both, and later puts them back to the same addresses, has its contexts as
 * they were.
 */
struct memctx_world {
	struct memctx_backing backing;
	uintptr_t kept[48]; /* the library's */
};

/*
 * Takes up *WORLD, and puts aside there what was: called again, it turns back.  Meanwhile the
 * contexts and chunks of the world put aside are unknown to the library.  For a process in which
 * one thread uses the library.  What is not of the default backing is not published.  0, or -1 with
 * EINVAL where a function of the backing but resize is NULL.
 */
MEMCTX_API int memctx_swap_world(struct memctx_world *world);

#ifdef __cplusplus
}
#endif

#endif
