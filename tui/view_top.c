/* SPDX-License-Identifier: MIT */
/*
 * The lines above and below the panes: what is looked at, its totals, the time line, the chain of
 * the class that is selected, the keys that matter now; and the help.
 */
#include <inttypes.h>
#include <string.h>

#include "model/size.h"
#include "tui/view.h"

#define PART_MAX 200

/* ---- Above ---------------------------------------------------------------------------- */

static void where_trace(const struct state *state, char out[PART_MAX])
{
	const struct snapshot *snapshot = feed_snapshot(state->feed);
	uint64_t last = feed_last(state->feed);
	char event[SIZE_TEXT], of[SIZE_TEXT], time[SIZE_TEXT] = "";

	if (snapshot->time_ns != SNAPSHOT_UNKNOWN)
		size_time(time, snapshot->time_ns);
	snprintf(out, PART_MAX, "%s   event %s of %s   %s", state->playing ? "PLAYING" : "PAUSED",
		size_count(event, feed_event(state->feed), SIZE_DIGIT),
		last == SNAPSHOT_UNKNOWN ? "?" : size_count(of, last, SIZE_DIGIT), time);
}

static void paint_title(struct canvas *canvas, const struct state *state)
{
	const char *const live = state->paused ? "PAUSED" : "LIVE";
	char where[PART_MAX] = "";
	int width;

	if (feed_kind(state->feed) == FEED_TRACE)
		where_trace(state, where);
	else
		snprintf(where, sizeof where, "%s",
			feed_trouble(state->feed)              ? "ENDED"
			: feed_kind(state->feed) == FEED_STILL ? "SNAPSHOT"
							       : live);
	canvas_put(canvas, 0, 0, canvas->width, CANVAS_REVERSE, DISPLAY_PAD, "");
	canvas_put(canvas, 0, 1, 7, CANVAS_REVERSE | CANVAS_BOLD, 0, "memctx");
	width = display_width(where, canvas->width, 0);
	if (width > canvas->width - 20)
		width = canvas->width - 20;
	canvas_put(canvas, 0, 9, canvas->width - 11 - width, CANVAS_REVERSE, 0,
		feed_title(state->feed));
	canvas_put(canvas, 0, canvas->width - width - 1, width, CANVAS_REVERSE, 0, where);
}

static void paint_totals(struct canvas *canvas, const struct snapshot *snapshot)
{
	unsigned flags = view_size_flags(canvas);
	struct snapshot_figures sum;
	char text[6][SIZE_TEXT];

	snapshot_totals(snapshot, &sum);
	canvas_printf(canvas, 1, 1, CANVAS_PLAIN,
		"%s context%s  %s total  %s used  tails %s  slack %s  freelists %s",
		size_count(text[0], snapshot->n, SIZE_DIGIT), snapshot->n == 1 ? "" : "s",
		size_text(text[1], sum.total_bytes, flags),
		size_text(text[2], sum.used_bytes, flags),
		size_text(text[3], sum.tail_bytes, flags),
		size_text(text[4], sum.slack_bytes, flags),
		size_text(text[5], sum.freelist_bytes, flags));
}

/* The greatest of the samples that stand in column I of WIDTH. */
static uint64_t column_sample(const uint64_t *samples, int n, int i, int width)
{
	int from = (int)((int64_t)n * i / width), end = (int)((int64_t)n * (i + 1) / width);
	uint64_t most = 0;

	if (end <= from)
		end = from + 1;
	for (int k = from; k < end && k < n; k++)
		most = samples[k] > most ? samples[k] : most;
	return most;
}

static void paint_history(struct canvas *canvas, const struct state *state)
{
	static const char *const levels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {"_", "_", ".", ".", "-", "-", "=", "#"};
	const uint64_t *samples;
	int position, n = feed_history(state->feed, &samples, &position);
	int width = canvas->width - 9;
	uint64_t most = 1;
	char text[SIZE_TEXT];

	for (int i = 0; i < n; i++)
		most = samples[i] > most ? samples[i] : most;
	if (n == 0)
		return;
	if (feed_kind(state->feed) == FEED_LIVE && n < width)
		width = n;
	for (int i = 0; i < width; i++) {
		uint64_t sample = column_sample(samples, n, i, width);
		int level = (int)((double)sample / (double)most * 7.99);

		canvas_put(canvas, 2, 1 + i, 1, CANVAS_CYAN, 0,
			canvas->ascii ? ascii[level] : levels[level]);
	}
	if (position >= 0)
		canvas_put(canvas, 2, 1 + (int)((int64_t)position * width / n), 1,
			CANVAS_BOLD | CANVAS_YELLOW, 0, view_sign(canvas, "┃", "|"));
	canvas_printf(canvas, 2, width + 2, CANVAS_PLAIN, "%s",
		size_text(text, most, view_size_flags(canvas)));
}

void view_top(struct canvas *canvas, const struct state *state)
{
	paint_title(canvas, state);
	paint_totals(canvas, feed_snapshot(state->feed));
	paint_history(canvas, state);
}

/* ---- Below ---------------------------------------------------------------------------- */

static void chain_text(
	const struct canvas *canvas, const struct explain_chain *chain, char *out, size_t size)
{
	const char *arrow = view_sign(canvas, " → ", " > ");
	size_t n = 0;

	for (int i = 0; i < chain->n && n + 40 < size; i++) {
		const struct explain_link *link = &chain->links[i];

		n += (size_t)snprintf(out + n, size - n, "%s", i ? arrow : "");
		if (link->kind == EXPLAIN_CHUNK)
			n += (size_t)snprintf(out + n, size - n, "#%" PRIu64, link->id);
		else
			n += (size_t)snprintf(out + n, size - n, "%s",
				link->kind == EXPLAIN_CUT ? "cut" : "base");
	}
	if (chain->length > (uint64_t)chain->n)
		snprintf(out + n, size - n, "%s%s %" PRIu64 " more", arrow,
			view_sign(canvas, "…", "..."), chain->length - (uint64_t)chain->n);
	else if (chain->n == 0)
		snprintf(out, size, "empty");
}

static void paint_chain(struct canvas *canvas, const struct state *state, int y)
{
	const struct row *row = state_row(state);
	char class[SIZE_TEXT], text[800];
	struct explain_chain chain;

	if (!row || feed_kind(state->feed) != FEED_TRACE ||
		!feed_chain(state->feed, state->selected, state->size_class, &chain))
		return;
	chain_text(canvas, &chain, text, sizeof text);
	canvas_printf(canvas, y, 1, CANVAS_BOLD, "freelist[%d] %s:  %s", state->size_class,
		size_class(class, (unsigned)state->size_class), text);
}

static void paint_message(struct canvas *canvas, const struct state *state, int y)
{
	static const char *const prompts[] = {
		[PROMPT_FIND] = "find: ",
		[PROMPT_FILTER] = "filter: ",
		[PROMPT_GOTO] = "event: ",
	};
	const char *trouble = feed_trouble(state->feed);

	if (state->prompt != PROMPT_NONE)
		canvas_printf(
			canvas, y, 1, CANVAS_BOLD, "%s%s_", prompts[state->prompt], state->text);
	else if (*state->message)
		canvas_printf(canvas, y, 1, CANVAS_BOLD, "%s", state->message);
	else if (state->is_gone)
		canvas_put(canvas, y, 1, canvas->width - 1, CANVAS_BOLD | CANVAS_YELLOW, 0,
			"the selected context is gone; the line keeps its place");
	else if (trouble)
		canvas_printf(canvas, y, 1, CANVAS_BOLD | CANVAS_RED, "%s", trouble);
	else
		paint_chain(canvas, state, y);
}

void view_bottom(struct canvas *canvas, const struct state *state)
{
	const char *keys = "Enter fold  s sort  z sum  / find  \\ filter  o own  S save  ? help  q";

	if (feed_kind(state->feed) == FEED_TRACE)
		keys = canvas->ascii
			       ? "<> step  Space play  p peak  [] class  Tab pane  s sort  / find"
				 "  ? help  q"
			       : "←→ step  Space play  p peak  [] class  Tab pane  s sort  / find"
				 "  ? help  q";
	else if (feed_kind(state->feed) == FEED_LIVE)
		keys = "Space pause  Enter fold  s sort  z sum  / find  \\ filter  S save  ? help  "
		       "q";
	paint_message(canvas, state, canvas->height - 2);
	canvas_put(canvas, canvas->height - 1, 0, canvas->width, CANVAS_DIM, DISPLAY_PAD, "");
	canvas_put(canvas, canvas->height - 1, 1, canvas->width - 1, CANVAS_DIM, 0, keys);
}

/* ---- Help ----------------------------------------------------------------------------- */

void view_help(struct canvas *canvas, struct state *state)
{
	int room = canvas->height - 3;

	canvas_put(canvas, 0, 0, canvas->width, CANVAS_REVERSE | CANVAS_BOLD, DISPLAY_PAD, " Keys");
	if (state->help_top > REQUESTS - room)
		state->help_top = REQUESTS > room ? REQUESTS - room : 0;
	for (int i = 0; i < room && state->help_top + i < REQUESTS; i++) {
		const struct key_help *key = &keys_table[state->help_top + i];

		canvas_put(canvas, 1 + i, 2, 10, CANVAS_BOLD, 0, key->keys);
		canvas_put(canvas, 1 + i, 12, canvas->width - 12, CANVAS_PLAIN, 0, key->help);
	}
	canvas_put(canvas, canvas->height - 1, 1, canvas->width - 1, CANVAS_DIM, 0,
		"Up and Down go on; any other key goes back");
	state->page = (size_t)(room > 0 ? room : 1);
}
