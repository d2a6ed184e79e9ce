/* SPDX-License-Identifier: MIT */
/*
 * The freelists of the selected line as a chart, and where its bytes go.
 */
#include <inttypes.h>
#include <string.h>

#include "model/size.h"
#include "tui/view.h"

/* Where the columns end, from the box's left edge, and what they are. */
enum { SIZE_END = 5, LIVE_END = 13, FREE_END = 20, BYTES_END = 26, WASTE_END = 33 };
/* From this width on there is a column of waste. */
enum { WASTE_FROM = 44 };

static uint64_t known(uint64_t figure)
{
	return figure == SNAPSHOT_UNKNOWN ? 0 : figure;
}

static uint64_t class_size(int k)
{
	return lists_bytes((unsigned)k);
}

static uint64_t class_bytes(const struct lists *lists, int k)
{
	return (known(lists->of[k].live) + known(lists->of[k].free)) * class_size(k);
}

uint64_t view_waste(const struct lists *lists, int k)
{
	return known(lists->of[k].slack) + known(lists->of[k].free) * class_size(k);
}

static uint64_t most_bytes(const struct lists *lists)
{
	uint64_t most = 1;

	for (int k = 0; k < (int)LISTS_PLACES; k++)
		most = class_bytes(lists, k) > most ? class_bytes(lists, k) : most;
	return most;
}

int view_most_wasteful(const struct lists *lists)
{
	int most = -1;

	for (int k = 0; k < (int)LISTS_PLACES; k++)
		if (view_waste(lists, k) > (most < 0 ? 0 : view_waste(lists, most)))
			most = k;
	return most;
}

/* ---- Marks ---------------------------------------------------------------------------- */

static int compare(uint64_t now, uint64_t was)
{
	if (now == SNAPSHOT_UNKNOWN || was == SNAPSHOT_UNKNOWN)
		return 0;
	return (now > was) - (now < was);
}

/* What the last event, or the last interval, did to a class: its LIVE and its FREE. */
static void changes_of(const struct state *state, int k, int *live, int *free)
{
	const struct explain_event *event = state_last_event(state);
	const struct state_watch *watch = &state->watch;

	*live = *free = 0;
	if (feed_kind(state->feed) == FEED_LIVE && watch->has_was && watch->id == state->selected) {
		*live = compare(watch->is.of[k].live, watch->was.of[k].live);
		*free = compare(watch->is.of[k].free, watch->was.of[k].free);
	}
	for (int i = 0; event && i < event->n_lists; i++) {
		const struct explain_list *list = &event->lists[i];

		if (list->bytes != class_size(k))
			continue;
		*free = compare(list->after.length, list->before.length);
		if (i == 0 && event->event.op == TRACE_ALLOC)
			*live = 1;
		if (i == 0 && event->event.op == TRACE_FREE)
			*live = -1;
	}
}

static void paint_mark(struct canvas *canvas, int y, int x, int change)
{
	if (change != 0)
		canvas_put(canvas, y, x, 1, change > 0 ? CANVAS_RED | CANVAS_BOLD : CANVAS_GREEN, 0,
			change > 0 ? view_sign(canvas, "▲", "+") : view_sign(canvas, "▼", "-"));
}

/* ---- Classes -------------------------------------------------------------------------- */

static void paint_class(struct canvas *canvas, const struct state *state, const struct lists *lists,
	int k, int y, struct layout_box box)
{
	const struct snapshot_class *class = &lists->of[k];
	unsigned flags = view_size_flags(canvas);
	bool is_selected = k == state->class, is_worst = k == view_most_wasteful(lists);
	bool has_waste = box.width >= WASTE_FROM;
	int bar = has_waste ? WASTE_END + 1 : BYTES_END + 1, live, free;
	uint64_t wasted = known(class->slack), used = known(class->live) * class_size(k);
	const struct canvas_part parts[] = {
		{used > wasted ? used - wasted : 0, "█", "#", CANVAS_GREEN},
		{wasted, "▓", "+", CANVAS_MAGENTA},
		{known(class->free) * class_size(k), "▒", ":", CANVAS_MAGENTA},
	};
	char text[SIZE_TEXT];

	canvas_put(canvas, y, box.x, SIZE_END, is_selected ? CANVAS_BOLD : CANVAS_PLAIN,
		DISPLAY_RIGHT, size_class(text, class_size(k)));
	canvas_put(canvas, y, box.x, 1, CANVAS_BOLD, 0, is_selected ? ">" : " ");
	canvas_put(canvas, y, box.x + SIZE_END, LIVE_END - SIZE_END - 1, CANVAS_PLAIN,
		DISPLAY_RIGHT, view_count(canvas, text, class->live));
	canvas_put(canvas, y, box.x + LIVE_END, FREE_END - LIVE_END - 1, CANVAS_PLAIN,
		DISPLAY_RIGHT, view_count(canvas, text, class->free));
	changes_of(state, k, &live, &free);
	paint_mark(canvas, y, box.x + LIVE_END - 1, live);
	paint_mark(canvas, y, box.x + FREE_END - 1, free);
	canvas_put(canvas, y, box.x + FREE_END, BYTES_END - FREE_END, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_text(text, class_bytes(lists, k), flags));
	if (has_waste)
		canvas_put(canvas, y, box.x + BYTES_END, WASTE_END - BYTES_END,
			is_worst ? CANVAS_BOLD | CANVAS_MAGENTA : CANVAS_PLAIN, DISPLAY_RIGHT,
			size_text(text, view_waste(lists, k), flags));
	canvas_put(canvas, y, box.x + bar - 1, 1, CANVAS_BOLD | CANVAS_MAGENTA, 0,
		is_worst ? "!" : " ");
	canvas_bar(canvas, y, box.x + bar, box.width - bar, parts, 3, most_bytes(lists));
	if (is_selected)
		canvas_mark(canvas, y, box.x, box.width,
			state->pane == PANE_LISTS ? CANVAS_REVERSE : 0);
}

static void paint_large(
	struct canvas *canvas, const struct snapshot_figures *sum, int y, struct layout_box box)
{
	unsigned flags = view_size_flags(canvas);
	char text[SIZE_TEXT];

	canvas_put(canvas, y, box.x, SIZE_END, CANVAS_PLAIN, DISPLAY_RIGHT, ">8K");
	canvas_put(canvas, y, box.x + SIZE_END, LIVE_END - SIZE_END - 1, CANVAS_PLAIN,
		DISPLAY_RIGHT, view_count(canvas, text, sum->large_chunks));
	canvas_put(canvas, y, box.x + FREE_END, BYTES_END - FREE_END, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_text(text, sum->large_bytes, flags));
}

/* Classes that nobody uses give way where there is little room, then those far from the cursor. */
int view_shown_classes(const struct state *state, const struct lists *lists, struct layout_box box,
	int classes[static LISTS_PLACES])
{
	int all = __builtin_popcountll(lists->has), room = box.height - 2, n = 0, at = 0, first;

	for (int k = 0; k < (int)LISTS_PLACES; k++) {
		if ((lists->has >> k & 1) == 0 ||
			(box.height < all + 9 && k != state->class &&
				(lists->of[k].live | lists->of[k].free) == 0))
			continue;
		if (k == state->class)
			at = n;
		classes[n++] = k;
	}
	if (room < 1 || n <= room)
		return n;
	first = at - room / 2;
	first = first < 0 ? 0 : first > n - room ? n - room : first;
	memmove(classes, classes + first, (size_t)room * sizeof *classes);
	return room;
}

/* ---- Where the bytes go --------------------------------------------------------------- */

enum { PARTS = 5 };

struct part {
	const char *what, *brief;
	uint64_t bytes;
	unsigned color;
};

static void paint_part(struct canvas *canvas, const struct part *part, uint64_t whole, int y,
	struct layout_box box)
{
	const struct canvas_part bar = {known(part->bytes), "█", "#", part->color};
	unsigned flags = view_size_flags(canvas);
	char text[SIZE_TEXT];

	canvas_put(canvas, y, box.x, 10, CANVAS_PLAIN, 0, part->what);
	canvas_put(canvas, y, box.x + 10, 7, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_text(text, part->bytes, flags));
	canvas_put(canvas, y, box.x + 17, 5, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_percent(text, part->bytes, whole, flags));
	canvas_bar(canvas, y, box.x + 23, box.width - 23, &bar, 1, known(whole));
}

/* What has no line of its own, in one. */
static void paint_rest(
	struct canvas *canvas, const struct part *parts, size_t n, int y, struct layout_box box)
{
	char text[200], size[SIZE_TEXT];
	size_t length = 0;

	for (size_t i = 0; i < n; i++)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s %s",
			i ? " " : "", parts[i].brief,
			size_text(size, parts[i].bytes, view_size_flags(canvas)));
	canvas_put(canvas, y, box.x, box.width, CANVAS_PLAIN, 0, text);
}

static void paint_parts(
	struct canvas *canvas, const struct snapshot_figures *sum, int y, struct layout_box box)
{
	const struct part parts[PARTS] = {
		{"asked for", "asked", sum->requested_bytes, CANVAS_GREEN},
		{"tails", "tails", sum->tail_bytes, CANVAS_MAGENTA},
		{"slack", "slack", sum->slack_bytes, CANVAS_MAGENTA},
		{"freelists", "lists", sum->freelist_bytes, CANVAS_MAGENTA},
		{"headers", "head", sum->header_bytes, CANVAS_MAGENTA},
	};
	int end = box.y + box.height;
	char text[SIZE_TEXT], head[SIZE_TEXT + 30];

	if (y + 1 >= end)
		return;
	snprintf(head, sizeof head, "WHERE ITS %s GOES",
		size_text(text, sum->total_bytes, view_size_flags(canvas)));
	canvas_put(canvas, y++, box.x, box.width, CANVAS_BOLD, 0, head);
	for (size_t i = 0; i < PARTS && y < end; i++) {
		if (y == end - 1 && i < PARTS - 1) {
			paint_rest(canvas, parts + i, PARTS - i, y, box);
			return;
		}
		paint_part(canvas, &parts[i], sum->total_bytes, y++, box);
	}
}

/* ---- The pane ------------------------------------------------------------------------- */

static void paint_heads(struct canvas *canvas, int y, struct layout_box box)
{
	canvas_put(canvas, y, box.x, SIZE_END, CANVAS_BOLD, DISPLAY_RIGHT, "SIZE");
	canvas_put(canvas, y, box.x + SIZE_END, LIVE_END - SIZE_END - 1, CANVAS_BOLD, DISPLAY_RIGHT,
		"LIVE");
	canvas_put(canvas, y, box.x + LIVE_END, FREE_END - LIVE_END - 1, CANVAS_BOLD, DISPLAY_RIGHT,
		"FREE");
	canvas_put(canvas, y, box.x + FREE_END, BYTES_END - FREE_END, CANVAS_BOLD, DISPLAY_RIGHT,
		"BYTES");
	if (box.width < WASTE_FROM)
		return;
	canvas_put(canvas, y, box.x + BYTES_END, WASTE_END - BYTES_END, CANVAS_BOLD, DISPLAY_RIGHT,
		"WASTE");
	if (box.width >= WASTE_END + 28)
		canvas_put(canvas, y, box.x + WASTE_END + 1, box.width - WASTE_END - 1,
			CANVAS_PLAIN, 0,
			view_sign(canvas, "█ asked ▓ slack ▒ free", "# asked + slack : free"));
}

void view_lists(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	const struct row *row = state_row(state);
	char name[STATE_NAME + 40];
	int classes[LISTS_PLACES], n, y = box.y + 1, end = box.y + box.height;
	struct lists lists;

	snprintf(name, sizeof name, "FREELISTS%s%.200s%s", state->has_selected ? " of " : "",
		state->has_selected ? state->name : "",
		row && !state->options.own && !state->options.group && row->contexts > row->members
			? " and all below"
			: "");
	view_heading(canvas, state, PANE_LISTS, box, name);
	if (!row || y >= end) {
		canvas_put(canvas, y, box.x, box.width, CANVAS_PLAIN, 0,
			state->is_gone ? "it is gone, with all it held" : "");
		return;
	}
	paint_heads(canvas, y++, box);
	state_lists(state, row, &lists);
	n = view_shown_classes(state, &lists, box, classes);
	for (int i = 0; i < n && y < end; i++)
		paint_class(canvas, state, &lists, classes[i], y++, box);
	if (y < end && known(row->figures->large_chunks) > 0)
		paint_large(canvas, row->figures, y++, box);
	paint_parts(canvas, row->figures, y, box);
}
