/* SPDX-License-Identifier: MIT */
/*
 * Units of address space: where contexts, their slots, records and names lie.
 *
 * One range is reserved once and made usable a bank at a time; a unit, once used, keeps its
 * address for the life of the process.  Where address space is short a smaller range is taken,
 * down to one bank.
 *
 * Invariant: under the lock, every unit below `used` is either live or on a free list, which
 * goes through their `next`; a unit on it is a context that is gone (gone.c).  A unit that was once
 * the first of a pair or its part stays so. Pairs begin at units of even numbers.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "chunk.h"
#include "region_fine.h"
#include "ring.h"

/* Before there is a reservation: an address that no program has. */
#define NO_BASE ((uintptr_t)1 << 47)
#define BASE_WORD(base) ((uint64_t)(base) << MCX_ADDRESS_SHIFT | MCX_TAG_USE)

uint64_t mcx_base_word = BASE_WORD(NO_BASE);

static pthread_mutex_t units_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct mcx_units units;

/* There where the program was compiled for ASan: blocks that contexts hold are no leaks. */
void __lsan_register_root_region(const void *start, size_t size) __attribute__((weak));
void __lsan_unregister_root_region(const void *start, size_t size) __attribute__((weak));

/* Tells LSan to look for blocks in the usable banks from FIRST on, or no longer. */
static void banks_are_roots(size_t first, bool are)
{
	if (__lsan_register_root_region == NULL || __lsan_unregister_root_region == NULL)
		return;
	for (size_t i = first; i < units.committed; i++)
		(are ? __lsan_register_root_region : __lsan_unregister_root_region)(
			(char *)mcx_base() + i * MCX_BANK_BYTES, MCX_BANK_BYTES);
}

static bool units_reserve(void)
{
	size_t banks = MCX_BANKS;
	char *first = NULL;

	if (mcx_backing_is_system())
		first = mcx_region_map(&banks);
	units.is_published = first != NULL;
	while (first == NULL && banks > 0) {
		first = mcx_backing.reserve(banks * MCX_BANK_BYTES, mcx_backing.arg);
		if (first == NULL)
			banks /= 2;
	}
	if (first == NULL)
		return false;
	mcx_base_word = BASE_WORD((uintptr_t)first);
	units.banks = banks;
	return true;
}

/* Makes the next bank usable. */
static bool units_commit(void)
{
	char *bank;

	if (units.banks == 0 && !units_reserve())
		return false;
	if (units.committed == units.banks)
		return false;
	bank = (char *)mcx_base() + units.committed * MCX_BANK_BYTES;
	/* The shared part of a published bank is usable from the beginning. */
	if (mcx_backing.commit(
		    bank, units.is_published ? MCX_PLANE : MCX_BANK_BYTES, mcx_backing.arg) != 0)
		return false;
	units.committed++;
	banks_are_roots(units.committed - 1, true);
	return true;
}

/* The next unit that was never used, of N. */
static memctx *units_take_new(unsigned n)
{
	size_t index = units.used;

	if (index == units.committed * MCX_BANK_CONTEXTS && !units_commit())
		return NULL;
	units.used += n;
	return (memctx *)(mcx_base() + index / MCX_BANK_CONTEXTS * MCX_BANK_BYTES +
			  index % MCX_BANK_CONTEXTS * MCX_UNIT);
}

static void list_put(memctx **list, memctx *ctx)
{
	ctx->methods = &mcx_gone_methods;
	ctx->kind = MCX_KIND_GONE;
	ctx->small_end = 0;
	ctx->next = *list;
	*list = ctx;
}

static memctx *units_take(bool has_part)
{
	memctx **list = has_part ? &units.free_pairs : &units.free, *ctx = *list;

	if (ctx != NULL) {
		*list = ctx->next;
		return ctx;
	}
	if (has_part && units.used % 2 != 0)
		list_put(&units.free, units_take_new(1));
	return units_take_new(has_part ? 2 : 1);
}

/* What the published header says of them. */
static void units_tell(void)
{
	if (mcx_region == NULL)
		return;
	__atomic_store_n(&mcx_region->units_used, units.used, __ATOMIC_RELEASE);
	__atomic_store_n(&mcx_region->units_live, units.live, __ATOMIC_RELAXED);
}

static uint32_t unit_number(const memctx *ctx)
{
	uintptr_t offset = (uintptr_t)ctx - mcx_base();

	return (uint32_t)(offset / MCX_BANK_BYTES * MCX_BANK_CONTEXTS +
			  offset % MCX_BANK_BYTES / MCX_UNIT);
}

static void part_clear(memctx *ctx)
{
	memctx *part = ctx + 1;

	memset(part, 0, MCX_UNIT);
	memset(mcx_slot(part), 0, MCX_UNIT);
	memset(mcx_record(part), 0, MCX_UNIT);
	memset(mcx_names(part), 0, MCX_UNIT);
	mcx_record(part)->live = REGION_PART;
	part->kind = MCX_KIND_PART;
	part->number = ctx->number;
	part->ring = ctx->ring;
	ctx->has_part = true;
}

memctx *mcx_unit_get(bool has_part)
{
	uint32_t ring;
	memctx *ctx;

	pthread_mutex_lock(&units_mutex);
	ctx = units_take(has_part);
	if (ctx != NULL)
		units.live++;
	units_tell();
	pthread_mutex_unlock(&units_mutex);
	if (ctx == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	/* Its last ring stays known: what is recorded next comes after what that one holds. */
	ring = ctx->ring;
	memset(ctx, 0, sizeof(*ctx));
	ctx->ring = ring;
	ctx->number = unit_number(ctx);
	memset(mcx_slot(ctx), 0, sizeof(struct region_slot));
	memset(mcx_record(ctx), 0, sizeof(struct region_record));
	mcx_record(ctx)->serial = mcx_serial();
	if (has_part)
		part_clear(ctx);
	return ctx;
}

void mcx_unit_put(memctx *ctx)
{
	pthread_mutex_lock(&units_mutex);
	list_put(ctx->has_part ? &units.free_pairs : &units.free, ctx);
	units.live--;
	units_tell();
	pthread_mutex_unlock(&units_mutex);
}

#define SERIAL_RUN 256u

MCX_TLS struct mcx_serials mcx_serials;

void mcx_serials_take(void)
{
	static atomic_uint_fast64_t taken = 1;

	mcx_serials.next = atomic_fetch_add_explicit(&taken, SERIAL_RUN, memory_order_relaxed);
	mcx_serials.end = mcx_serials.next + SERIAL_RUN;
}

size_t mcx_units_live(void)
{
	size_t live;

	pthread_mutex_lock(&units_mutex);
	live = units.live;
	pthread_mutex_unlock(&units_mutex);
	return live;
}

void mcx_units_bytes(uint64_t *reserved, uint64_t *committed)
{
	pthread_mutex_lock(&units_mutex);
	*reserved = units.banks * MCX_BANK_BYTES;
	*committed = units.committed * MCX_BANK_BYTES;
	pthread_mutex_unlock(&units_mutex);
}

void mcx_units_release(void)
{
	pthread_mutex_lock(&units_mutex);
	if (units.live == 0 && units.banks > 0) {
		banks_are_roots(0, false);
		if (units.is_published)
			mcx_region_unmap();
		else
			mcx_backing.release(
				(void *)mcx_base(), units.banks * MCX_BANK_BYTES, mcx_backing.arg);
		mcx_base_word = BASE_WORD(NO_BASE);
		units.banks = units.committed = units.used = 0;
		units.free = units.free_pairs = NULL;
	}
	pthread_mutex_unlock(&units_mutex);
}

void mcx_units_swap(struct mcx_units *other)
{
	struct mcx_units mine;

	pthread_mutex_lock(&units_mutex);
	banks_are_roots(0, false);
	mine = units;
	mine.base = mcx_base();
	units = *other;
	mcx_base_word = BASE_WORD(units.banks > 0 ? units.base : NO_BASE);
	*other = mine;
	banks_are_roots(0, true);
	pthread_mutex_unlock(&units_mutex);
}

void mcx_units_lock(void)
{
	pthread_mutex_lock(&units_mutex);
}

void mcx_units_unlock(void)
{
	pthread_mutex_unlock(&units_mutex);
}

/* Under the lock, or where it does not matter that it may grow. */
size_t mcx_units_used(void)
{
	return units.used;
}
