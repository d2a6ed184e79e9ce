/* SPDX-License-Identifier: MIT */
/*
 * What can be done with chunks of any kind: zeroed, aligned and array allocation, strings, and
 * what a chunk tells about itself.
 *
 * An aligned chunk lies inside a chunk of the usual kind that is larger by the alignment; the
 * word in front of it says where that chunk begins and what the alignment is.
 *
 * Invariant: the chunk behind an aligned one counts as asked for what the caller asked for; the
 * rest of it is slack.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fine.h"
#include "ring.h"

#define ALIGN_MAX ((size_t)1 << 30)

/* The chunk behind PAYLOAD and its word; NULL, after the misuse hook, where there is none. */
static const void *chunk_behind(const void *payload, uint64_t *word, const char *function)
{
	const void *behind = payload;

	if (payload == NULL) {
		mcx_misuse(function, payload);
		return NULL;
	}
	*word = mcx_word_load(payload);
	if (mcx_word_is_moved(*word, payload) && !mcx_word_is_other(*word)) {
		behind = (const void *)mcx_word_address(*word);
		*word = mcx_word_load(behind);
	}
	if (mcx_word_is_live(*word))
		return behind;
	mcx_misuse(function, payload);
	return NULL;
}

memctx *memctx_owner(const void *payload)
{
	uint64_t word;

	if (chunk_behind(payload, &word, "memctx_owner: not a live chunk of any context") == NULL)
		return NULL;
	return mcx_bin_owner(mcx_word_address(word));
}

static size_t chunk_room(const void *behind, uint64_t word)
{
	uintptr_t bin = mcx_word_address(word);
	const memctx *ctx = mcx_bin_owner(bin);

	if (mcx_word_is_use(word))
		return mcx_bin_room(ctx, bin);
	return ctx->methods->usable(ctx, behind);
}

size_t memctx_usable(const void *payload)
{
	const char *behind;
	uint64_t word;

	behind = chunk_behind(payload, &word, "memctx_usable: not a live chunk of any context");
	if (behind == NULL)
		return 0;
	return chunk_room(behind, word) - (size_t)((const char *)payload - behind);
}

size_t memctx_requested(const void *payload)
{
	const void *behind;
	const memctx *ctx;
	uint64_t word;

	behind = chunk_behind(payload, &word, "memctx_requested: not a live chunk of any context");
	if (behind == NULL)
		return 0;
	ctx = mcx_bin_owner(mcx_word_address(word));
	if (mcx_word_is_use(word))
		return chunk_room(behind, word) - mcx_word_middle(word);
	return ctx->methods->requested(ctx, behind);
}

/* ---- Allocation ---- */

void *memctx_zalloc(memctx *ctx, size_t size)
{
	void *payload = memctx_alloc(ctx, size);

	return payload != NULL ? memset(payload, 0, size) : NULL;
}

void *memctx_alloc_array(memctx *ctx, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return memctx_alloc(ctx, bytes);
}

void *mcx_moved_alloc(memctx *ctx, size_t size, size_t align)
{
	size_t room = size + align;
	char *behind, *payload;

	if (room < size) {
		errno = ENOMEM;
		return NULL;
	}
	/* The slack of a chunk of a class must fit its word. */
	if (room > MCX_SLACK_MAX && room <= MCX_CLASS_LIMIT)
		room = MCX_CLASS_LIMIT + 1;
	behind = mcx_alloc_quiet(ctx, room);
	if (behind == NULL)
		return NULL;
	payload = behind + MCX_WORD;
	payload += -(uintptr_t)payload & (align - 1);
	ctx->methods->set_requested(ctx, behind, size);
	mcx_watch_moved(
		behind, chunk_room(behind, mcx_word_load(behind)), behind, payload, 0, size);
	mcx_word_store(
		payload, (uint64_t)(uintptr_t)behind << MCX_ADDRESS_SHIFT |
				 (uint64_t)(MCX_MOVED_MAGIC << 5 | (unsigned)__builtin_ctzll(align))
					 << MCX_SLACK_SHIFT |
				 MCX_TAG_OTHER);
	return payload;
}

/* What lies behind PAYLOAD, which mcx_moved_alloc() made. */
static void *moved_behind(const void *payload)
{
	return (void *)mcx_word_address(mcx_word_load(payload));
}

void *memctx_alloc_aligned(memctx *ctx, size_t size, size_t align)
{
	void *payload;

	if (align == 0 || (align & (align - 1)) != 0 || align > ALIGN_MAX) {
		errno = EINVAL;
		return NULL;
	}
	if (ctx == NULL || align <= (size_t)ctx->align + 1)
		return memctx_alloc(ctx, size);
	if (ctx->methods->alloc_aligned != NULL)
		return ctx->methods->alloc_aligned(ctx, size, align);
	payload = mcx_moved_alloc(ctx, size, align);
	if (payload != NULL)
		mcx_event_chunk(ctx, REGION_ALLOC, moved_behind(payload), NULL, align);
	return payload;
}

void *mcx_moved_realloc(void *payload, uint64_t word, size_t size)
{
	char *behind = (char *)mcx_word_address(word);
	size_t offset = (size_t)((char *)payload - behind);
	uint64_t behind_word = mcx_word_load(behind);
	size_t room, old_size;
	memctx *ctx;
	void *moved;

	if (!mcx_word_is_live(behind_word)) {
		mcx_misuse("memctx_realloc: not a live chunk of any context", payload);
		return NULL;
	}
	ctx = mcx_bin_owner(mcx_word_address(behind_word));
	room = chunk_room(behind, behind_word);
	old_size = memctx_requested(behind);
	mcx_watch_end(payload, old_size, room - offset);
	if (size <= room - offset &&
		(mcx_word_is_other(behind_word) || room - size <= MCX_SLACK_MAX)) {
		ctx->methods->set_requested(ctx, behind, size);
		mcx_watch_moved(behind, room, payload, payload, old_size, size);
		mcx_record(ctx)->life.reallocs++;
		mcx_event_chunk(ctx, REGION_REALLOC, behind, NULL, 0);
		return payload;
	}
	moved = mcx_moved_alloc(ctx, size, mcx_word_moved_align(word));
	if (moved == NULL)
		return NULL;
	memcpy(moved, payload, old_size < size ? old_size : size);
	mcx_word_store(payload, MCX_TAG_FREE);
	mcx_watch_unmove(payload, behind);
	mcx_free_quiet(ctx, behind);
	mcx_record(ctx)->life.allocs--;
	mcx_record(ctx)->life.reallocs++;
	mcx_event_chunk(ctx, REGION_REALLOC, moved_behind(moved), behind, 0);
	return moved;
}

/* ---- Strings ---- */

char *memctx_strndup(memctx *ctx, const char *string, size_t max)
{
	size_t length;
	char *copy;

	if (string == NULL) {
		mcx_misuse("memctx_strdup or memctx_strndup: the string is NULL", ctx);
		return NULL;
	}
	length = strnlen(string, max);
	copy = memctx_alloc(ctx, length + 1);
	if (copy == NULL)
		return NULL;
	memcpy(copy, string, length);
	copy[length] = '\0';
	return copy;
}

char *memctx_strdup(memctx *ctx, const char *string)
{
	return memctx_strndup(ctx, string, (size_t)PTRDIFF_MAX);
}

char *memctx_vprintf(memctx *ctx, const char *format, va_list args)
{
	va_list again;
	char *text = NULL;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	if (length >= 0)
		text = memctx_alloc(ctx, (size_t)length + 1);
	if (text != NULL)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

char *memctx_printf(memctx *ctx, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = memctx_vprintf(ctx, format, args);
	va_end(args);
	return text;
}
