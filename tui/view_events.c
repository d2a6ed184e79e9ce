/* SPDX-License-Identifier: MIT */
/*
 * The chain of the selected class, link by link; the events, with what the allocator did.
 */
#include <inttypes.h>
#include <string.h>

#include "model/follow.h"
#include "model/lists.h"
#include "model/size.h"
#include "tui/view.h"

/* ---- The chain ------------------------------------------------------------------------ */

/* What the last event did to this list: "+": pushed its head, "-": took it. */
static int chain_change(const struct state *state, struct explain_link *taken)
{
	const struct explain_event *event = state_last_event(state);

	for (int i = 0; event && i < event->n_lists; i++) {
		const struct explain_list *list = &event->lists[i];

		if (list->bytes != lists_bytes((unsigned)state->class))
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

/* The columns of a link with its arrow: about, and at least. */
enum { LINK_WIDTH = 8, LINK_LEAST = 5 };

/* At most that many stand in a line. */
enum { LINKS_MOST = 200 };

/* The links from the place FIRST, from 0, on that there may be room for. */
static int links_from(const struct state *state, const struct explain_chain *chain, uint64_t first,
	int most, struct explain_link links[static LINKS_MOST])
{
	struct look look;
	int n = 0;

	if (most > LINKS_MOST)
		most = LINKS_MOST;
	if (first + (uint64_t)most > (uint64_t)chain->n && (uint64_t)chain->n < chain->length)
		return state_look(state, &look)
			       ? look_links(&look, state_list(state), first, links, most)
			       : 0;
	for (; n < most && first + (uint64_t)n < (uint64_t)chain->n; n++)
		links[n] = chain->links[first + (uint64_t)n];
	return n;
}

/*
 * The links that there is room for up to END, the one under the cursor among them.  Returns where
 * they end, and in *NEXT the place of the first that is not shown.
 */
static int paint_links(struct canvas *canvas, const struct state *state,
	const struct explain_chain *chain, int change, int y, int x, int end, uint64_t *next)
{
	const char *arrow = view_sign(canvas, " → ", " > ");
	uint64_t fit = (uint64_t)(end - x > 2 * LINK_WIDTH ? (end - x) / LINK_WIDTH - 1 : 1);
	uint64_t cursor = state->link < chain->length ? state->link : chain->length;
	uint64_t first = state->pane == PANE_CHAIN && cursor > fit ? cursor - fit : 0, i = first;
	struct explain_link links[LINKS_MOST];
	int n = links_from(state, chain, first, end > x ? (end - x) / LINK_LEAST + 1 : 1, links);

	if (i > 0)
		x = put(canvas, y, x, CANVAS_PLAIN, view_sign(canvas, "… → ", "... > "));
	for (; i - first < (uint64_t)n; i++) {
		bool is_cursor = state->pane == PANE_CHAIN && state->link == i + 1;
		unsigned attr = i == 0 && change > 0 ? CANVAS_BOLD | CANVAS_RED : CANVAS_BOLD;
		char name[40], text[50];

		view_link(&links[i - first], name, sizeof name);
		snprintf(text, sizeof text, is_cursor ? "[%s]" : "%s", name);
		/* Behind it there is room for "end", or for how many more there are. */
		if (i > first &&
			x + (int)strlen(text) + 3 + (i + 1 == chain->length ? 3 : 11) > end)
			break;
		x = put(canvas, y, x, is_cursor ? attr | CANVAS_REVERSE : attr, text);
		x = put(canvas, y, x, CANVAS_PLAIN, arrow);
	}
	*next = i;
	return x;
}

/* What the last event did, in words. */
static void change_text(const struct canvas *canvas, const struct explain_chain *chain, int change,
	const struct explain_link *taken, char out[static 80])
{
	char link[40];

	*out = '\0';
	if (change == 0)
		return;
	view_link(change > 0 ? &chain->links[0] : taken, link, sizeof link);
	snprintf(out, 80, "   %s %s %s",
		change > 0 ? view_sign(canvas, "▲", "+") : view_sign(canvas, "▼", "-"), link,
		change > 0 ? "pushed" : "taken");
}

/* The chain from its head to its end, or to where there is no more room, and what changed it. */
static void paint_chain(struct canvas *canvas, const struct state *state,
	const struct explain_chain *chain, int y, int x)
{
	struct explain_link taken = {0, EXPLAIN_CUT};
	int change = chain_change(state, &taken), end;
	char note[80], rest[60] = "empty";
	uint64_t next = 0;

	change_text(canvas, chain, change, &taken, note);
	end = canvas->width - display_width(note, 80, 0);
	if (chain->length > 0) {
		x = put(canvas, y, x, CANVAS_PLAIN, view_sign(canvas, "head → ", "head > "));
		x = paint_links(canvas, state, chain, change, y, x, end, &next);
		snprintf(rest, sizeof rest, "end");
	}
	if (next < chain->length)
		snprintf(rest, sizeof rest, "%s %" PRIu64 " more", view_sign(canvas, "…", "..."),
			chain->length - next);
	x = put(canvas, y, x, CANVAS_PLAIN, rest);
	put(canvas, y, x, CANVAS_BOLD | (change > 0 ? CANVAS_RED : CANVAS_GREEN), note);
}

void view_chain(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	struct explain_chain chain;
	const struct row *row = state_row(state);
	bool has_more = row && row->contexts > 1 && !state->options.own;
	char class[SIZE_TEXT], head[200];
	int number, x;

	number = state->has_selected && !state->is_gone ? state_list(state) : -1;
	if (number < 0 || !feed_chain(state->feed, state->selected, number, &chain))
		return;
	snprintf(head, sizeof head, "freelist[%d] %s%s%.100s%s", number,
		view_class(class, lists_bytes((unsigned)state->class)),
		canvas->width >= 80 ? " of " : "", canvas->width >= 80 ? state->name : "",
		canvas->width >= 80 && has_more ? " alone" : "");
	x = put(canvas, box.y, box.x + 1,
		CANVAS_BOLD | (state->pane == PANE_CHAIN ? CANVAS_REVERSE : 0), head);
	x = put(canvas, box.y, x, CANVAS_PLAIN, ": ");
	if (chain.length == 0 && strcmp(view_kind(state), "aset") != 0) {
		x = put(canvas, box.y, x, CANVAS_PLAIN, "none; this is a ");
		put(canvas, box.y, x, CANVAS_PLAIN, view_kind(state));
		return;
	}
	paint_chain(canvas, state, &chain, box.y, x);
}

/* ---- Events of a trace ---------------------------------------------------------------- */

void view_event_words(const struct trace_event *e, const char *name, char *out, size_t size)
{
	const char *word = e->op == TRACE_BAD ? "a line in error" : trace_op_name(e->op);

	if (e->op == TRACE_ALLOC || e->op == TRACE_REALLOC)
		snprintf(out, size, "%s #%" PRIu64 " %" PRIu64 " B", word, e->chunk, e->size);
	else if (e->op == TRACE_FREE)
		snprintf(out, size, "%s #%" PRIu64, word, e->chunk);
	else
		snprintf(out, size, "%s %.60s", word, name);
}

enum { NUMBER_END = 11, WORDS_END = 33, NAME_END = 57, NAMES_FROM = 120 };

/* Where what the allocator did begins. */
static int did_from(struct layout_box box)
{
	return box.width >= NAMES_FROM ? NAME_END : box.width >= 60 ? WORDS_END : WORDS_END - 5;
}

/* An event as a line shows it. */
struct event_line {
	uint64_t number;
	const struct trace_event *event;
	const char *name, *did;
	bool is_ours;
	unsigned attr;
};

static void paint_line(
	struct canvas *canvas, const struct event_line *line, int y, struct layout_box box)
{
	int did = did_from(box);
	char text[SIZE_TEXT], words[80];

	view_event_words(line->event, line->name, words, sizeof words);
	canvas_put(canvas, y, box.x + 1, NUMBER_END - 2, line->attr, DISPLAY_RIGHT,
		size_count(text, line->number, 0));
	/* The selected context's events are told apart by a mark, too. */
	canvas_put(canvas, y, box.x + NUMBER_END - 1, 1, CANVAS_BOLD | CANVAS_MAGENTA, 0,
		line->is_ours ? view_sign(canvas, "•", "*") : " ");
	canvas_put(canvas, y, box.x + NUMBER_END,
		(did < WORDS_END ? did : WORDS_END) - NUMBER_END - 1, line->attr, 0, words);
	if (box.width >= NAMES_FROM)
		canvas_put(canvas, y, box.x + WORDS_END, NAME_END - WORDS_END - 1, line->attr, 0,
			line->name);
	canvas_put(canvas, y, box.x + did, box.width - did, line->attr, 0, line->did);
}

static void paint_past(struct canvas *canvas, const struct state *state,
	const struct explain_event *event, int y, struct layout_box box)
{
	bool is_now = event->number == feed_event(state->feed);
	struct event_line line = {event->number, &event->event,
		event->has_context ? event->name : "",
		event->skipped ? "skipped: it is in error" : event->did,
		event->has_context && event->context == state->selected,
		is_now ? CANVAS_BOLD : CANVAS_PLAIN};

	canvas_put(canvas, y, box.x, 1, CANVAS_BOLD, 0, is_now ? ">" : " ");
	paint_line(canvas, &line, y, box);
}

static void paint_coming(struct canvas *canvas, const struct state *state,
	const struct seek_coming *event, bool is_first, int y, struct layout_box box)
{
	struct event_line line = {event->number, &event->event, event->name,
		is_first ? "to come" : "", event->has_context && event->context == state->selected,
		CANVAS_DIM};

	paint_line(canvas, &line, y, box);
}

static bool is_only(const struct state *state)
{
	return state->only && state->has_selected;
}

int view_past_events(const struct state *state, const struct explain_event **events)
{
	return is_only(state)
		       ? feed_own_events(state->feed, state->selected, !state->playing, events)
		       : feed_events(state->feed, events);
}

int view_shown_events(const struct state *state, struct layout_box box,
	struct view_event shown[static FEED_EVENTS])
{
	int room = box.height - 1 < FEED_EVENTS ? box.height - 1 : FEED_EVENTS, n_past, n_coming;
	const struct explain_event *past;
	const struct seek_coming *coming;
	int before, n = 0;

	if (room <= 0)
		return 0;
	n_past = view_past_events(state, &past);
	n_coming = feed_coming(state->feed, is_only(state) ? &state->selected : NULL, &coming);
	before = n_past < (room + 1) / 2 ? n_past : (room + 1) / 2;
	if (n_coming > room - before)
		n_coming = room - before;
	if (n_past > room - n_coming)
		past += n_past - (room - n_coming);
	for (int i = n_past < room - n_coming ? n_past : room - n_coming; i > 0; i--, past++)
		shown[n++] = (struct view_event){past, NULL, past->number};
	for (int i = 0; i < n_coming; i++, coming++)
		shown[n++] = (struct view_event){NULL, coming, coming->number};
	return n;
}

static void paint_trace(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	struct view_event shown[FEED_EVENTS];
	int n = view_shown_events(state, box, shown);

	for (int i = 0; i < n; i++) {
		int y = box.y + 1 + i;

		if (shown[i].past)
			paint_past(canvas, state, shown[i].past, y, box);
		else
			paint_coming(canvas, state, shown[i].coming, i == 0 || shown[i - 1].past, y,
				box);
	}
}

/* ---- Events of a live process --------------------------------------------------------- */

void view_live_words(const struct feed_live_event *event, char *out, size_t size)
{
	char count[SIZE_TEXT] = "";

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

		if (is_only(state) && !is_ours)
			continue;
		view_live_words(&events[i], text, sizeof text);
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
	int did = did_from(box);

	if (box.height < 2)
		return;
	if (is_only(state))
		snprintf(text, sizeof text, "EVENTS of %.200s alone", state->name);
	else
		snprintf(text, sizeof text, "%s",
			is_trace ? "EVENTS" : "EVENTS  TID  EVENT           SIZE  CONTEXT");
	view_heading(canvas, state, PANE_EVENTS, box, text);
	if (is_trace && !is_only(state))
		canvas_put(canvas, box.y, box.x + did, box.width - did, CANVAS_BOLD, 0,
			box.width - did < 22 ? "WHAT IT DID" : "WHAT THE ALLOCATOR DID");
	if (is_trace)
		paint_trace(canvas, state, box);
	else
		paint_live(canvas, state, box);
}
