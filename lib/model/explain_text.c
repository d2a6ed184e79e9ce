/* SPDX-License-Identifier: MIT */
/*
 * What the allocator did, in words: explain.c brings the facts, here they become phrases.
 *
 * Invariant: every phrase follows from what was seen before and after the event; nothing is
 * said that a rule of the allocator alone would suggest.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/explain_inner.h"
#include "model/size.h"

/* The block header and the chunk's own, in front of a large chunk. */
#define LARGE_HEADER 48u

void explain_phrase(struct explain_event *out, const char *format, ...)
{
	size_t length = strlen(out->did);
	va_list list;

	if (length > 0 && length + 3 < sizeof(out->did)) {
		strcpy(out->did + length, "; ");
		length += 2;
	}
	va_start(list, format);
	vsnprintf(out->did + length, sizeof(out->did) - length, format, list);
	va_end(list);
}

/* A number with separators. */
struct number {
	char text[SIZE_TEXT];
};

static struct number number(uint64_t n)
{
	struct number out;

	size_count(out.text, n, SIZE_DIGIT);
	return out;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* ---- Places --------------------------------------------------------------------------- */

static uint64_t large_block(const struct explain_place *place)
{
	return place->info.size + (place->info.header != 0 ? LARGE_HEADER : 0);
}

/* Where bytes came from, and went: the library keeps some of what contexts gave back. */
static const char *source(const struct explain_facts *facts)
{
	return facts->after->cached < facts->before->cached ? "from the cache" : "from the system";
}

static const char *sink(const struct explain_facts *facts)
{
	return facts->after->cached > facts->before->cached ? "to the cache" : "to the system";
}

/* What of the chunk was not asked for. */
static const char *slack_text(char out[static SIZE_TEXT + 8], const struct memctx_chunk_info *chunk)
{
	uint64_t slack = chunk->size - chunk->requested;

	snprintf(out, SIZE_TEXT + 8, "%s%s", slack == 0 ? "no slack" : "slack ",
		slack == 0 ? "" : number(slack).text);
	return out;
}

/* The chunks that the tail of the full block was cut into, the largest first. */
static void say_cut(struct explain_event *out, const struct explain_facts *facts)
{
	const struct memctx_block_info *full = &facts->before->open;
	char pieces[EXPLAIN_PIECES * 10] = "";

	for (int i = 0; i < facts->n_pieces; i++) {
		size_t length = strlen(pieces);

		snprintf(pieces + length, sizeof(pieces) - length, "%s%s", i > 0 ? " + " : "",
			number(facts->pieces[i]).text);
	}
	explain_phrase(out, "its tail of %s B cut for the lists: %s",
		number(full->size - full->carved).text, pieces);
}

static void say_new_block(struct explain_event *out, const struct explain_facts *facts)
{
	const struct explain_state *before = facts->before, *after = facts->after;

	if (before->blocks > 0)
		explain_phrase(out, "block %s is full", number(before->blocks).text);
	if (facts->n_pieces > 0)
		say_cut(out, facts);
	explain_phrase(out, "block %s, %s B %s", number(after->blocks).text,
		number(after->stats.total_bytes - before->stats.total_bytes).text, source(facts));
	explain_phrase(out, "carved, block %s", number(after->blocks).text);
}

static bool is_kind(const struct explain_facts *facts, enum memctx_kind kind)
{
	return facts->after->ctx != NULL && memctx_kind_of(facts->after->ctx) == kind;
}

/* A pool of study.h, which stands in the tree as an arena that is watched. */
static bool is_pool(const struct explain_facts *facts)
{
	return is_kind(facts, MEMCTX_WATCH);
}

static void say_reuse(struct explain_event *out, const struct explain_facts *facts)
{
	switch (facts->reused_of.kind) {
	case EXPLAIN_CHUNK:
		explain_phrase(out, "REUSED the place of #%" PRIu64, facts->reused_of.id);
		break;
	case EXPLAIN_CUT:
		explain_phrase(out, is_pool(facts) ? "from its list, as it was cut"
						   : "REUSED a piece of a tail");
		break;
	case EXPLAIN_BASE:
		explain_phrase(out, "REUSED the place of a base chunk");
		break;
	}
}

/* A pool cuts many at once, hands one out and lists the others. */
static void say_listed(struct explain_event *out, const struct explain_facts *facts)
{
	uint64_t cut = facts->after->stats.cut - facts->before->stats.cut;
	uint64_t rest =
		facts->after->blocks > facts->before->blocks ? (uint64_t)facts->n_pieces : 0;

	if (is_pool(facts) && cut > rest)
		explain_phrase(out, "%s more cut for its list", number(cut - rest).text);
}

/* Where the event's chunk was placed. */
static void say_place(struct explain_event *out, const struct explain_facts *facts)
{
	const struct explain_place *place = &facts->after->chunk;
	char slack[SIZE_TEXT + 8];

	if (place->info.is_large) {
		explain_phrase(out, "%sa block of its own, %s B %s",
			is_kind(facts, MEMCTX_MALLOC) ? ""
			: is_pool(facts)              ? "of no size of the pool: "
						      : "too large for a class: ",
			number(large_block(place)).text, source(facts));
		return;
	}
	/* A bump's chunk says nothing of itself. */
	if (!place->is_there) {
		if (facts->after->blocks > facts->before->blocks)
			say_new_block(out, facts);
		else
			explain_phrase(out, "carved, block %s", number(facts->after->blocks).text);
		return;
	}
	if (facts->reused) {
		say_reuse(out, facts);
		if (place->info.size > place->info.requested)
			explain_phrase(out, "%s", slack_text(slack, &place->info));
		return;
	}
	explain_phrase(
		out, "%s B, %s", number(place->info.size).text, slack_text(slack, &place->info));
	if (facts->after->blocks > facts->before->blocks)
		say_new_block(out, facts);
	else
		explain_phrase(out, "carved, block %s", number(facts->after->blocks).text);
	say_listed(out, facts);
}

/* A generation has no lists. */
static void say_dead(
	struct explain_event *out, const struct explain_facts *facts, const char *whose)
{
	const struct memctx_stats *before = &facts->before->stats, *after = &facts->after->stats;

	if (after->total_nblocks < before->total_nblocks)
		explain_phrase(out, "%sthe last of its block, %s B back %s", whose,
			number(before->total_bytes - after->total_bytes).text, sink(facts));
	else if (after->freelist_bytes < before->freelist_bytes || after->free_chunks == 0)
		explain_phrase(out, "%sthe last of its block, which is empty now", whose);
	else
		explain_phrase(out, "%sdead in its block", whose);
}

/* Where WHOSE chunk that was freed went. */
static void say_gone(
	struct explain_event *out, const struct explain_facts *facts, const char *whose)
{
	const struct explain_place *place = &facts->before->chunk;
	const struct explain_chain *list;

	if (place->info.is_large) {
		explain_phrase(out, "%sblock of %s B straight back %s", whose,
			number(large_block(place)).text, sink(facts));
		return;
	}
	if (is_kind(facts, MEMCTX_GENERATION)) {
		say_dead(out, facts, whose);
		return;
	}
	/* It is the head now: the next is what was the head. */
	list = &facts->after->lists[place->list].after;
	if (list->length < 2)
		explain_phrase(out, "%s%s becomes the link", whose,
			is_pool(facts) ? "its first word" : "owner word");
	else if (list->links[1].kind == EXPLAIN_CHUNK)
		explain_phrase(out, "%spushed in front of #%" PRIu64, whose, list->links[1].id);
	else
		explain_phrase(out, "%spushed in front", whose);
}

/* ---- Events about chunks -------------------------------------------------------------- */

static void say_alloc(struct explain_event *out, const struct explain_facts *facts)
{
	if (facts->took_over)
		explain_phrase(out, "the id lived: that chunk is freed first");
	say_place(out, facts);
}

static void say_free(struct explain_event *out, const struct explain_facts *facts)
{
	if (is_kind(facts, MEMCTX_BUMP))
		explain_phrase(out, "not done: a bump context frees no chunk by itself");
	else
		say_gone(out, facts, "");
}

/* A large chunk that still is one: its block was resized, or had the room. */
static void say_large_resized(struct explain_event *out, const struct explain_facts *facts)
{
	const struct explain_place *was = &facts->before->chunk, *now = &facts->after->chunk;
	bool moved = was->info.address != now->info.address;

	if (was->info.size == now->info.size)
		explain_phrase(out, "stays in its block of %s B", number(large_block(now)).text);
	else
		explain_phrase(out, "its block resized from %s to %s B%s",
			number(large_block(was)).text, number(large_block(now)).text,
			moved ? ", moved" : ", in place");
}

static void say_realloc(struct explain_event *out, const struct explain_facts *facts)
{
	const struct memctx_chunk_info *was = &facts->before->chunk.info;
	const struct memctx_chunk_info *now = &facts->after->chunk.info;

	if (is_kind(facts, MEMCTX_BUMP)) {
		explain_phrase(out,
			"not done: a bump context resizes nothing; where it grows, a new "
			"chunk takes its contents");
	} else if (was->is_large && now->is_large) {
		say_large_resized(out, facts);
	} else if (was->address != now->address) {
		explain_phrase(out, "moved");
		say_place(out, facts);
		say_gone(out, facts, "old one: ");
	} else if (was->size_class == now->size_class) {
		explain_phrase(out, "fits its %s B: slack %s becomes %s", number(now->size).text,
			number(was->size - was->requested).text,
			number(now->size - now->requested).text);
	} else {
		explain_phrase(out, "last in block %s: grows in place from %s to %s B, slack %s",
			number(facts->after->blocks).text, number(was->size).text,
			number(now->size).text, number(now->size - now->requested).text);
	}
}

static void say_base(struct explain_event *out, const struct explain_facts *facts)
{
	const struct memctx_stats *before = &facts->before->stats, *after = &facts->after->stats;
	uint64_t carved = after->carved - before->carved;
	uint64_t large = after->large_chunks - before->large_chunks;
	uint64_t all = after->live_chunks - before->live_chunks;
	uint64_t blocks = after->total_nblocks - before->total_nblocks;

	explain_phrase(out, "%s carved, %s from lists", number(carved).text,
		number(all - carved - large).text);
	if (large > 0)
		explain_phrase(out, "%s in a block of its own", number(large).text);
	if (blocks > 0)
		explain_phrase(out, "%s new block%s, %s B", number(blocks).text, plural(blocks),
			number(after->total_bytes - before->total_bytes).text);
}

static void say_freebase(struct explain_event *out, const struct explain_facts *facts)
{
	const struct memctx_stats *before = &facts->before->stats, *after = &facts->after->stats;

	if (after->large_chunks < before->large_chunks)
		explain_phrase(out, "block of %s B straight back %s",
			number(before->total_bytes - after->total_bytes).text, sink(facts));
	else if (is_kind(facts, MEMCTX_BUMP))
		explain_phrase(out, "not done: a bump context frees no chunk by itself");
	else if (is_kind(facts, MEMCTX_GENERATION))
		say_dead(out, facts, "");
	else
		explain_phrase(out, "owner word becomes the link");
}

/* ---- Events about contexts ------------------------------------------------------------ */

static void say_create(struct explain_event *out, const struct explain_facts *facts)
{
	const struct memctx_stats *stats = &facts->after->stats;

	if (facts->took_over)
		explain_phrase(out, "the id lived: that context is deleted first");
	if (facts->kind != NULL)
		explain_phrase(out, "replayed as %s, not %s", facts->as, facts->kind);
	if (facts->parent != NULL)
		explain_phrase(out, "below %s", facts->parent);
	if (stats->total_nblocks > 0)
		explain_phrase(out, "%s B %s", number(stats->total_bytes).text, source(facts));
	if (stats->total_nblocks > 0)
		explain_phrase(out, "keeper block: %s B to carve", number(stats->tail_bytes).text);
	else
		explain_phrase(out, "no block yet");
}

static void say_blocks_back(struct explain_event *out, const struct explain_facts *facts,
	uint64_t blocks, uint64_t bytes)
{
	explain_phrase(out, "%s block%s, %s B, back %s", number(blocks).text, plural(blocks),
		number(bytes).text, sink(facts));
}

static void say_below(struct explain_event *out, const struct explain_facts *facts)
{
	uint64_t below = facts->before->below;

	if (below > 0)
		explain_phrase(
			out, "%s context%s below deleted", number(below).text, plural(below));
}

static void say_reset(struct explain_event *out, const struct explain_facts *facts)
{
	const struct explain_state *before = facts->before;
	const struct memctx_stats *was = &before->stats, *is = &facts->after->stats;

	say_below(out, facts);
	if (was->live_chunks > 0)
		explain_phrase(out, "%s chunk%s gone", number(was->live_chunks).text,
			plural(was->live_chunks));
	if (was->free_chunks > 0)
		explain_phrase(out, "lists emptied");
	if (was->total_nblocks > is->total_nblocks || before->below > 0)
		say_blocks_back(out, facts,
			was->total_nblocks - is->total_nblocks + before->below_blocks,
			was->total_bytes - is->total_bytes + before->below_bytes);
	if (*out->did == '\0')
		explain_phrase(out, "nothing to free");
	else if (is->total_nblocks > 0)
		explain_phrase(out, "keeper block kept");
}

static void say_delete(struct explain_event *out, const struct explain_facts *facts)
{
	const struct explain_state *before = facts->before;
	const struct memctx_stats *was = &before->stats;

	say_below(out, facts);
	if (was->live_chunks > 0)
		explain_phrase(out, "%s chunk%s gone", number(was->live_chunks).text,
			plural(was->live_chunks));
	say_blocks_back(out, facts, was->total_nblocks + before->below_blocks,
		was->total_bytes + before->below_bytes);
}

static void say_deletechildren(struct explain_event *out, const struct explain_facts *facts)
{
	if (facts->before->below == 0) {
		explain_phrase(out, "nothing stands below it");
		return;
	}
	say_below(out, facts);
	say_blocks_back(out, facts, facts->before->below_blocks, facts->before->below_bytes);
}

static void say_move(struct explain_event *out, const struct explain_facts *facts)
{
	if (facts->parent != NULL)
		explain_phrase(out, "stands below %s now", facts->parent);
	else
		explain_phrase(out, "is a root now");
}

static void say_ident(struct explain_event *out, const struct explain_facts *facts)
{
	explain_phrase(out, "is for \"%.200s\" from here on", facts->ident);
}

void explain_say(struct explain_event *out, const struct explain_facts *facts)
{
	static void (*const by_op[TRACE_OPS])(
		struct explain_event *, const struct explain_facts *) = {
		[TRACE_CREATE] = say_create,
		[TRACE_IDENT] = say_ident,
		[TRACE_ALLOC] = say_alloc,
		[TRACE_REALLOC] = say_realloc,
		[TRACE_FREE] = say_free,
		[TRACE_RESET] = say_reset,
		[TRACE_RESETONLY] = say_reset,
		[TRACE_DELETE] = say_delete,
		[TRACE_DELETECHILDREN] = say_deletechildren,
		[TRACE_MOVE] = say_move,
		[TRACE_BASE] = say_base,
		[TRACE_FREEBASE] = say_freebase,
	};

	if (facts->event->op < TRACE_OPS)
		by_op[facts->event->op](out, facts);
}
