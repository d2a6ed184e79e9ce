/* SPDX-License-Identifier: MIT */
/*
 * The chain of the selected class, link by link; the events, with what the allocator did.
 */
#include <inttypes.h>
#include <string.h>

#include "model/follow.h"
#include "model/size.h"
#include "tui/view.h"

/* ---- The chain ------------------------------------------------------------------------ */

/* What the last event did to this list: "+": pushed its head, "-": took it. */
static int chain_change(const struct state *state, struct explain_link *taken)
{
	const struct explain_event *event = state_last_event(state);

	for (int i = 0; event && i < event->n_lists; i++) {
		const struct explain_list *list = &event->lists[i];

		if (list->size_class != state->size_class)
			continue;
		if (list->before.n > 0)
			*taken = list->before.links[0];
		return (list->after.length > list->before.length) -
		       (list->after.length < list->before.length);
	}
	return 0;
}

static int put(struct canvas *canvas, int y, int x, unsigned attr, const char *text)
{
	return x + canvas_put(canvas, y, x, canvas->width - x, attr, 0, text);
}

/* The links that there is room for; the one under the cursor is among them. */
static int paint_links(struct canvas *canvas, const struct state *state,
	const struct explain_chain *chain, int change, int y, int x)
{
	const char *arrow = view_sign(canvas, " → ", " > ");
	int first = state->link > 8 ? (int)state->link - 8 : 0;

	if (first > 0)
		x = put(canvas, y, x, CANVAS_PLAIN, view_sign(canvas, "… → ", "... > "));
	for (int i = first; i < chain->n && x < canvas->width; i++) {
		bool is_cursor = state->pane == PANE_CHAIN && state->link == (uint64_t)i + 1;
		unsigned attr = CANVAS_BOLD;
		char link[40], text[50];

		view_link(&chain->links[i], link, sizeof link);
		snprintf(text, sizeof text, is_cursor ? "[%s]" : "%s", link);
		if (i == 0 && change > 0)
			attr |= CANVAS_RED;
		x = put(canvas, y, x, is_cursor ? attr | CANVAS_REVERSE : attr, text);
		x = put(canvas, y, x, CANVAS_PLAIN, arrow);
	}
	return x;
}

static void paint_end(struct canvas *canvas, const struct explain_chain *chain, int change,
	const struct explain_link *taken, int y, int x)
{
	char link[40], text[80];

	if (chain->length > (uint64_t)chain->n)
		snprintf(text, sizeof text, "%s %" PRIu64 " more", view_sign(canvas, "…", "..."),
			chain->length - (uint64_t)chain->n);
	else
		snprintf(text, sizeof text, "%s", chain->length ? "end" : "empty");
	x = put(canvas, y, x, CANVAS_PLAIN, text);
	if (change > 0) {
		view_link(&chain->links[0], link, sizeof link);
		snprintf(text, sizeof text, "   %s %s pushed", view_sign(canvas, "▲", "+"), link);
	} else if (change < 0) {
		view_link(taken, link, sizeof link);
		snprintf(text, sizeof text, "   %s %s taken", view_sign(canvas, "▼", "-"), link);
	}
	if (change != 0)
		put(canvas, y, x, CANVAS_BOLD | (change > 0 ? CANVAS_RED : CANVAS_GREEN), text);
}

void view_chain(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	struct explain_link taken = {0, EXPLAIN_CUT};
	struct explain_chain chain;
	const struct row *row = state_row(state);
	bool has_more = row && row->contexts > 1 && !state->options.own;
	char class[SIZE_TEXT], head[200];
	int x, change;

	if (!state->has_selected || state->is_gone ||
		!feed_chain(state->feed, state->selected, state->size_class, &chain))
		return;
	snprintf(head, sizeof head, "freelist[%d] %s%s%.100s%s", state->size_class,
		view_class(class, state->size_class), canvas->width >= 80 ? " of " : "",
		canvas->width >= 80 ? state->name : "",
		canvas->width >= 80 && has_more ? " alone" : "");
	x = put(canvas, box.y, box.x + 1,
		CANVAS_BOLD | (state->pane == PANE_CHAIN ? CANVAS_REVERSE : 0), head);
	x = put(canvas, box.y, x, CANVAS_PLAIN, ": ");
	if (chain.length == 0 && strcmp(view_kind(state), "aset") != 0) {
		put(canvas, box.y, x, CANVAS_PLAIN, "none; this is a ");
		put(canvas, box.y, x + 16, CANVAS_PLAIN, view_kind(state));
		return;
	}
	change = chain_change(state, &taken);
	if (chain.n > 0)
		x = put(canvas, box.y, x, CANVAS_PLAIN, view_sign(canvas, "head → ", "head > "));
	x = paint_links(canvas, state, &chain, change, box.y, x);
	paint_end(canvas, &chain, change, &taken, box.y, x);
}

/* ---- Events of a trace ---------------------------------------------------------------- */

void view_event_words(const struct explain_event *event, char *out, size_t size)
{
	const struct trace_event *e = &event->event;
	const char *word = trace_op_name(e->op);

	if (e->op == TRACE_ALLOC || e->op == TRACE_REALLOC)
		snprintf(out, size, "%s #%" PRIu64 " %" PRIu64 " B", word, e->chunk, e->size);
	else if (e->op == TRACE_FREE)
		snprintf(out, size, "%s #%" PRIu64, word, e->chunk);
	else
		snprintf(out, size, "%s %.60s", word, event->has_context ? event->name : "");
}

enum { NUMBER_END = 11, WORDS_END = 33, NAME_END = 57, NAMES_FROM = 120 };

static bool is_shown(const struct state *state, bool has_context, uint64_t context)
{
	return !state->only || (has_context && context == state->selected);
}

static void paint_event(struct canvas *canvas, const struct state *state,
	const struct explain_event *event, bool is_last, int y, struct layout_box box)
{
	bool is_ours = event->has_context && event->context == state->selected;
	unsigned attr = is_last ? CANVAS_BOLD : CANVAS_PLAIN;
	int did = box.width >= NAMES_FROM ? NAME_END : box.width >= 60 ? WORDS_END : WORDS_END - 5;
	char text[SIZE_TEXT], words[80];

	view_event_words(event, words, sizeof words);
	canvas_put(canvas, y, box.x, 1, CANVAS_BOLD, 0, is_last ? ">" : " ");
	canvas_put(canvas, y, box.x + 1, NUMBER_END - 2, attr, DISPLAY_RIGHT,
		size_count(text, event->number, 0));
	/* The selected context's events are told apart by a mark, too. */
	canvas_put(canvas, y, box.x + NUMBER_END - 1, 1, CANVAS_BOLD | CANVAS_MAGENTA, 0,
		is_ours ? view_sign(canvas, "•", "*") : " ");
	canvas_put(canvas, y, box.x + NUMBER_END,
		(did < WORDS_END ? did : WORDS_END) - NUMBER_END - 1, attr, 0, words);
	if (box.width >= NAMES_FROM)
		canvas_put(canvas, y, box.x + WORDS_END, NAME_END - WORDS_END - 1, attr, 0,
			event->has_context ? event->name : "");
	canvas_put(canvas, y, box.x + did, box.width - did, attr, 0,
		event->skipped ? "skipped: it is in error" : event->did);
}

int view_shown_events(const struct state *state, struct layout_box box,
	const struct explain_event **shown, int most)
{
	const struct explain_event *events;
	int n = feed_events(state->feed, &events), room = box.height - 1, found = 0;

	if (room > most)
		room = most;
	for (int i = n; i-- > 0 && found < room;)
		if (is_shown(state, events[i].has_context, events[i].context))
			shown[found++] = &events[i];
	/* They were found from the last on. */
	for (int i = 0; i < found / 2; i++) {
		const struct explain_event *other = shown[i];

		shown[i] = shown[found - 1 - i];
		shown[found - 1 - i] = other;
	}
	return found;
}

static void paint_trace(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	const struct explain_event *shown[FEED_EVENTS];
	int n = view_shown_events(state, box, shown, FEED_EVENTS);

	for (int i = 0; i < n; i++)
		paint_event(canvas, state, shown[i], shown[i]->number == feed_event(state->feed),
			box.y + 1 + i, box);
}

/* ---- Events of a live process --------------------------------------------------------- */

void view_live_words(
	const struct feed *feed, const struct feed_live_event *event, char *out, size_t size)
{
	char count[SIZE_TEXT] = "";

	(void)feed;
	if (event->size != UINT64_MAX)
		size_count(count, event->size, SIZE_DIGIT);
	if (event->op == LIVE_LOST)
		snprintf(out, size, "%10s  %-9s %10s  entries of the ring, before they were read",
			"", "LOST", count);
	else
		snprintf(out, size, "%10u  %-9s %10s  %s", event->tid,
			live_op_name((enum live_op)event->op),
			event->op == LIVE_ALLOC || event->op == LIVE_REALLOC ||
					event->op == LIVE_FREE
				? count
				: "",
			event->context ? event->name : "(gone)");
}

static void paint_live(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	const struct feed_live_event *events;
	int n = feed_live_list(state->feed, &events), left = box.height - 2;
	char text[400];

	if (n == 0)
		canvas_put(canvas, box.y + 1, box.x + 2, box.width - 2, CANVAS_PLAIN, 0,
			state->pane == PANE_EVENTS ? "no event yet"
						   : "Tab to here shows them as they come");
	for (int i = n; i-- > 0 && left >= 0;) {
		bool is_ours = events[i].context == state->selected;

		if (!is_shown(state, true, events[i].context))
			continue;
		view_live_words(state->feed, &events[i], text, sizeof text);
		canvas_put(canvas, box.y + 1 + left, box.x, 1, CANVAS_BOLD | CANVAS_MAGENTA, 0,
			is_ours ? view_sign(canvas, "•", "*") : " ");
		canvas_put(canvas, box.y + 1 + left--, box.x + 1, box.width - 1, CANVAS_PLAIN, 0,
			text);
	}
}

/* ---- The pane ------------------------------------------------------------------------- */

void view_events(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	bool is_trace = feed_kind(state->feed) == FEED_TRACE;
	char text[STATE_NAME + 40];
	int did = box.width >= NAMES_FROM ? NAME_END : box.width >= 60 ? WORDS_END : WORDS_END - 5;

	if (box.height < 2)
		return;
	if (state->only)
		snprintf(text, sizeof text, "EVENTS of %.200s alone", state->name);
	else
		snprintf(text, sizeof text, "%s",
			is_trace ? "EVENTS" : "EVENTS  TID  EVENT           SIZE  CONTEXT");
	view_heading(canvas, state, PANE_EVENTS, box, text);
	if (is_trace && !state->only)
		canvas_put(canvas, box.y, box.x + did, box.width - did, CANVAS_BOLD, 0,
			"WHAT THE ALLOCATOR DID");
	if (is_trace)
		paint_trace(canvas, state, box);
	else
		paint_live(canvas, state, box);
}
