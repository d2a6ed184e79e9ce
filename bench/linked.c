/* SPDX-License-Identifier: MIT */
/*
 * The pair called by name: this program has memctx's and PostgreSQL's archives linked in, so
 * neither call goes through a pointer, and the benchmark's own cost is a third less.  Without
 * PostgreSQL's archive (libpg-query-dev) there is no such row.
 */
#include "bench.h"
#include "memctx.h"

#ifdef BENCH_PG_ARCHIVE

void MemoryContextInit(void);
void *AllocSetContextCreateInternal(
	void *parent, const char *name, size_t min, size_t init, size_t max);
void *MemoryContextAlloc(void *context, size_t size);
void pfree(void *chunk);
void MemoryContextDelete(void *context);
extern _Thread_local void *TopMemoryContext;

__attribute__((noinline)) static void *alloc_same(void *ctx, size_t size)
{
	__asm__ volatile("" : "+r"(ctx) : "r"(size));
	return ctx;
}

__attribute__((noinline)) static void free_nothing(void *chunk)
{
	__asm__ volatile("" : : "r"(chunk));
}

bool linked_can(const struct peer *peer)
{
	return peer == &peers[PEER_MEMCTX] || peer == &peers[PEER_POSTGRES] ||
	       peer == &peers[PEER_NONE];
}

void linked_setup(struct run *run)
{
	static uint64_t memory[64];

	run->ctx = memory;
	if (run->peer == &peers[PEER_POSTGRES]) {
		if (TopMemoryContext == NULL)
			MemoryContextInit();
		run->ctx =
			AllocSetContextCreateInternal(TopMemoryContext, "bench", 0, 8192, 8388608);
	} else if (run->peer == &peers[PEER_MEMCTX]) {
		memctx_set_ring(0);
		run->ctx = memctx_create(NULL, "bench", NULL, MEMCTX_ASET, NULL);
	}
}

void linked_teardown(struct run *run)
{
	if (run->peer == &peers[PEER_POSTGRES])
		MemoryContextDelete(run->ctx);
	else if (run->peer == &peers[PEER_MEMCTX])
		memctx_delete(run->ctx);
}

/* The same loop three times, each with its own two functions. */
#define PAIR(name, alloc, release)                                                                 \
	static void pair_##name(void *ctx, uint32_t ops)                                           \
	{                                                                                          \
		for (uint32_t i = 0; i < ops; i++) {                                               \
			uint32_t *chunk = alloc(ctx, 64);                                          \
			*chunk = i;                                                                \
			release(chunk);                                                            \
		}                                                                                  \
	}

PAIR(memctx, memctx_alloc, memctx_free)
PAIR(postgres, MemoryContextAlloc, pfree)
PAIR(none, alloc_same, free_nothing)

void linked_body(struct run *run, uint32_t ops)
{
	if (run->peer == &peers[PEER_MEMCTX])
		pair_memctx(run->ctx, ops);
	else if (run->peer == &peers[PEER_POSTGRES])
		pair_postgres(run->ctx, ops);
	else
		pair_none(run->ctx, ops);
}

#else

bool linked_can(const struct peer *peer)
{
	(void)peer;
	return false;
}

void linked_setup(struct run *run)
{
	(void)run;
}

void linked_teardown(struct run *run)
{
	(void)run;
}

void linked_body(struct run *run, uint32_t ops)
{
	(void)run;
	(void)ops;
}

#endif
