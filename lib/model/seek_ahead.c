/* SPDX-License-Identifier: MIT */
/*
 * The events after the cursor, by their lines alone, which a reader of its own reads.
 *
 * Invariant: no line is read that the first pass has not read, so that nothing is waited for.
 */
#include <stdio.h>
#include <string.h>

#include "model/seek_inner.h"

#define LINES 64 /* read at once */

/* The lines at hand. */
struct lines {
	struct trace_reader *reader;
	struct trace_event events[LINES];
	ptrdiff_t at, n;
	uint64_t number; /* of the last event that was taken */
};

static bool begin_lines(struct seek *seek, struct lines *lines)
{
	const struct side *cursor = &seek->sides[CURSOR];
	unsigned flags = seek->options.replay.keep_going ? TRACE_KEEP_GOING : 0;
	struct trace_error ignored;
	struct trace_place place;

	if (seek->ahead == NULL)
		seek->ahead = trace_open_store(seek->store, flags, &ignored);
	if (seek->ahead == NULL || cursor->explain == NULL || !replay_tell(cursor->replay, &place))
		return false;
	trace_go(seek->ahead, &place);
	lines->reader = seek->ahead;
	lines->at = lines->n = 0;
	lines->number = cursor->event;
	return true;
}

/* The next line that event numbers count, at LAST at most; NULL: there is none. */
static const struct trace_event *next_line(struct lines *lines, uint64_t last)
{
	while (lines->number < last) {
		const struct trace_event *event;

		if (lines->at == lines->n) {
			uint64_t left = last - lines->number;

			lines->n = trace_read(
				lines->reader, lines->events, left < LINES ? (size_t)left : LINES);
			lines->at = 0;
			if (lines->n <= 0)
				return NULL;
		}
		event = &lines->events[lines->at++];
		if (event->op >= TRACE_OPS &&
			(event->op != TRACE_BAD || !replay_bad_is_numbered(lines->reader, event)))
			continue;
		lines->number++;
		return event;
	}
	return NULL;
}

/* ---- Whose they are ----------------------------------------------------------------------- */

/* The one of COMING[0 … n) that last gave the chunk its id. */
static const struct seek_coming *maker_of(const struct seek_coming *coming, int n, uint64_t chunk)
{
	while (n-- > 0) {
		const struct trace_event *event = &coming[n].event;
		bool renames = event->op == TRACE_REALLOC && (event->has & TRACE_HAS_NEWCHUNK) != 0;

		if ((event->op == TRACE_ALLOC && event->chunk == chunk) ||
			(renames && event->id2 == chunk))
			return &coming[n];
	}
	return NULL;
}

static void find_context(const struct seek *seek, const struct seek_coming *before, int n,
	struct seek_coming *coming)
{
	const struct trace_event *event = &coming->event;
	const struct seek_coming *maker;
	struct replay_look chunk;

	coming->has_context = true;
	coming->context = event->ctx;
	if (event->op != TRACE_FREE && event->op != TRACE_REALLOC)
		return;
	maker = maker_of(before, n, event->chunk);
	coming->has_context =
		maker != NULL ? maker->has_context
			      : replay_look_chunk(seek->sides[CURSOR].replay, event->chunk, &chunk);
	if (coming->has_context)
		coming->context = maker != NULL ? maker->context : chunk.context;
}

static void find_name(const struct seek *seek, const struct seek_coming *before, int n,
	struct seek_coming *coming)
{
	const memctx *ctx;

	while (coming->has_context && n-- > 0) {
		if (before[n].event.op != TRACE_CREATE || before[n].context != coming->context)
			continue;
		memcpy(coming->name, before[n].name, sizeof(coming->name));
		return;
	}
	ctx = coming->has_context ? replay_context(seek->sides[CURSOR].replay, coming->context)
				  : NULL;
	if (ctx != NULL)
		explain_name(coming->name, memctx_name(ctx), memctx_ident(ctx));
}

/* Says all of EVENT, which follows BEFORE[0 … n). */
static void tell(const struct seek *seek, const struct trace_event *event,
	const struct seek_coming *before, int n, struct seek_coming *coming)
{
	memset(coming, 0, sizeof(*coming));
	coming->event = *event;
	if (event->op == TRACE_CREATE || event->op == TRACE_IDENT)
		coming->event.create = NULL;
	if (event->op == TRACE_BAD)
		return;
	find_context(seek, before, n, coming);
	if (event->op == TRACE_CREATE)
		explain_name(coming->name, event->create->name, event->create->ident);
	else
		find_name(seek, before, n, coming);
}

/* ---- Reading ------------------------------------------------------------------------------ */

int seek_ahead(struct seek *seek, const uint64_t *context, struct seek_coming *coming, int max)
{
	uint64_t numbers[SEEK_COMING], last = seek->known;
	const struct trace_event *event;
	struct lines lines;
	int n = 0, n_numbers = 0;

	if (max > SEEK_COMING)
		max = SEEK_COMING;
	if (context != NULL) {
		n_numbers = seek_list_context(seek, *context, false, numbers, max);
		last = n_numbers > 0 ? numbers[n_numbers - 1] : 0;
	}
	if (!begin_lines(seek, &lines))
		return 0;
	while (n < max && (event = next_line(&lines, last)) != NULL) {
		if (context != NULL && lines.number != numbers[n])
			continue;
		tell(seek, event, coming, n, &coming[n]);
		coming[n].number = lines.number;
		if (context != NULL) {
			/* The index knows, whoever made the chunk. */
			coming[n].has_context = true;
			coming[n].context = *context;
			find_name(seek, coming, n, &coming[n]);
		}
		n++;
	}
	return n;
}
