/* SPDX-License-Identifier: MIT */
/*
 * The lines above and below the panes: what is looked at, its totals, who is largest, the time
 * line; messages, and the keys that matter now.
 */
#include <inttypes.h>
#include <string.h>

#include "model/size.h"
#include "tui/view.h"

enum { PART = 200, NARROW = 60 };

/* ---- The title ------------------------------------------------------------------------ */

static void where_trace(const struct state *state, bool is_narrow, char out[PART])
{
	const struct snapshot *snapshot = feed_snapshot(state->feed);
	uint64_t last = feed_last(state->feed);
	char event[SIZE_TEXT], of[SIZE_TEXT], time[SIZE_TEXT] = "";
	char speed[SIZE_TEXT + 12] = "PAUSED";

	if (snapshot->time_ns != SNAPSHOT_UNKNOWN)
		size_time(time, snapshot->time_ns);
	if (state->playing)
		snprintf(speed, sizeof speed, "PLAYING %s/s",
			size_decimal(of, (double)state->speed));
	if (is_narrow) {
		/* Of a wide line what matters most. */
		snprintf(out, PART, "%sevent %s of %s", state->playing ? "PLAYING " : "",
			size_count(event, feed_event(state->feed), SIZE_DIGIT),
			last == SNAPSHOT_UNKNOWN ? "?" : size_count(of, last, SIZE_DIGIT));
		return;
	}
	snprintf(out, PART, "%s   event %s of %s%s%s", speed,
		size_count(event, feed_event(state->feed), SIZE_DIGIT),
		last == SNAPSHOT_UNKNOWN ? "?" : size_count(of, last, SIZE_DIGIT),
		*time ? "   " : "", time);
}

static void uptime_text(double seconds, char out[SIZE_TEXT])
{
	uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;

	if (s < 3600)
		snprintf(out, SIZE_TEXT, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
	else
		snprintf(out, SIZE_TEXT, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600,
			s / 60 % 60, s % 60);
}

static void where_live(const struct state *state, bool is_narrow, char out[PART])
{
	char up[SIZE_TEXT];

	uptime_text(feed_rates(state->feed)->uptime, up);
	if (feed_has_ended(state->feed))
		snprintf(out, PART, "ENDED   up %s", up);
	else if (feed_trouble(state->feed))
		snprintf(out, PART, "NOT READABLE   up %s", up);
	else if (is_narrow && !state->paused)
		snprintf(out, PART, "LIVE   up %s", up);
	else if (state->paused)
		snprintf(out, PART, "PAUSED   up %s", up);
	else
		snprintf(out, PART, "LIVE every %g s   up %s", state->interval, up);
}

static void paint_title(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	char where[PART] = "SNAPSHOT";
	int width, most = box.width - 17;

	if (feed_kind(state->feed) == FEED_TRACE)
		where_trace(state, box.width < NARROW, where);
	else if (feed_kind(state->feed) == FEED_LIVE)
		where_live(state, box.width < NARROW, where);
	width = display_width(where, box.width, 0);
	if (width > most)
		width = most;
	canvas_put(canvas, box.y, 0, box.width, CANVAS_REVERSE, DISPLAY_PAD, "");
	canvas_put(canvas, box.y, 1, 7, CANVAS_REVERSE | CANVAS_BOLD, 0, "memctx");
	canvas_put(canvas, box.y, 9, box.width - 11 - width, CANVAS_REVERSE, 0,
		feed_title(state->feed));
	canvas_put(canvas, box.y, box.width - width - 1, width, CANVAS_REVERSE, 0, where);
}

/* ---- Totals --------------------------------------------------------------------------- */

/* A figure with what it is called; it is left out as a whole where it has no room. */
static int put_figure(struct canvas *canvas, int y, int x, int end, const char *before,
	const char *number, const char *behind)
{
	char text[PART];
	int width;

	snprintf(text, sizeof text, "%s%s%s", before, number, behind);
	width = display_width(text, PART, 0);
	if (x + width > end)
		return end;
	canvas_put(canvas, y, x, width, CANVAS_PLAIN, 0, text);
	x += (int)strlen(before);
	canvas_mark(canvas, y, x, size_width(number), CANVAS_BOLD);
	return x - (int)strlen(before) + width + 2;
}

static int put_rates(struct canvas *canvas, const struct state *state, int y, int x, int end)
{
	const struct feed_rates *rates = feed_rates(state->feed);
	char text[SIZE_TEXT];

	if (!rates)
		return x;
	if (rates->allocs >= 0)
		x = put_figure(
			canvas, y, x, end, "", size_decimal(text, rates->allocs), " allocs/s");
	if (rates->lost != SNAPSHOT_UNKNOWN)
		x = put_figure(canvas, y, x, end, "", size_count(text, rates->lost, SIZE_DIGIT),
			" events lost");
	return x;
}

static void paint_totals(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	const struct snapshot_figures *sum = &state->totals;
	uint64_t n = feed_snapshot(state->feed)->n;
	unsigned flags = view_size_flags(canvas) | SIZE_DIGIT;
	int x = 1, end = box.width, y = box.y;
	char text[SIZE_TEXT];

	x = put_figure(canvas, y, x, end, "", size_text(text, sum->total_bytes, flags), " total");
	x = put_figure(canvas, y, x, end, "", size_text(text, sum->used_bytes, flags), " used");
	x = put_figure(canvas, y, x, end, "", size_count(text, n, SIZE_DIGIT),
		n == 1 ? " context" : " contexts");
	x = put_figure(canvas, y, x, end, "tails ", size_text(text, sum->tail_bytes, flags), "");
	x = put_figure(canvas, y, x, end, "slack ", size_text(text, sum->slack_bytes, flags), "");
	x = put_figure(
		canvas, y, x, end, "freelists ", size_text(text, sum->freelist_bytes, flags), "");
	x = put_rates(canvas, state, y, x, end);
	put_figure(canvas, y, x, end, "headers ", size_text(text, sum->header_bytes, flags), "");
}

/* ---- Who is largest ------------------------------------------------------------------- */

static void paint_largest(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	const struct snapshot *snapshot = feed_snapshot(state->feed);
	const struct snapshot_context *context;
	unsigned flags = view_size_flags(canvas);
	char size[SIZE_TEXT], share[SIZE_TEXT], class[SIZE_TEXT], waste[SIZE_TEXT], text[400];
	struct lists lists;
	int most, n;

	if (state->largest == SNAPSHOT_NONE)
		return;
	context = &snapshot->contexts[state->largest];
	snapshot_lists(snapshot, context, &lists);
	most = view_most_wasteful(&lists);
	n = snprintf(text, sizeof text, "largest (L): %.60s, %s alone, %s",
		rows_name(snapshot, state->largest),
		size_text(size, context->own.total_bytes, flags),
		size_percent(share, context->own.total_bytes, state->totals.total_bytes, flags));
	if (most >= 0)
		snprintf(text + n, sizeof text - (size_t)n, "; most waste: %s chunks, %s",
			view_class(class, lists_bytes((unsigned)most)),
			size_text(waste, view_waste(&lists, most), flags));
	canvas_put(canvas, box.y, 1, box.width - 1, CANVAS_PLAIN, 0, text);
}

/* ---- The time line -------------------------------------------------------------------- */

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

static void paint_history(struct canvas *canvas, const struct state *state, struct layout_box box)
{
	static const char *const levels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {"_", "_", ".", ".", "-", "-", "=", "#"};
	const uint64_t *samples;
	int position, n = feed_history(state->feed, &samples, &position);
	int width = box.width - 9;
	uint64_t most = 0;
	char text[SIZE_TEXT];

	for (int i = 0; i < n; i++)
		most = samples[i] > most ? samples[i] : most;
	if (most == 0)
		return;
	if (feed_kind(state->feed) == FEED_LIVE && n < width)
		width = n;
	for (int i = 0; i < width; i++) {
		uint64_t sample = column_sample(samples, n, i, width);
		int level = (int)((double)sample / (double)most * 7.99);

		canvas_put(canvas, box.y, 1 + i, 1, CANVAS_CYAN, 0,
			canvas->ascii ? ascii[level] : levels[level]);
	}
	if (position >= 0)
		canvas_put(canvas, box.y, 1 + (int)((int64_t)position * width / n), 1,
			CANVAS_BOLD | CANVAS_RED, 0, view_sign(canvas, "┃", "|"));
	canvas_printf(canvas, box.y, width + 2, CANVAS_PLAIN, "%s%s",
		size_text(text, most, view_size_flags(canvas)),
		feed_kind(state->feed) == FEED_TRACE && feed_last(state->feed) == SNAPSHOT_UNKNOWN
			? view_sign(canvas, "…", "...")
			: "");
}

void view_top(struct canvas *canvas, const struct state *state, const struct layout *layout)
{
	paint_title(canvas, state, layout->title);
	paint_totals(canvas, state, layout->totals);
	if (layout->largest.height > 0)
		paint_largest(canvas, state, layout->largest);
	if (layout->history.height > 0)
		paint_history(canvas, state, layout->history);
}

/* ---- Below ---------------------------------------------------------------------------- */

static void paint_message(struct canvas *canvas, const struct state *state, int y)
{
	static const char *const prompts[] = {
		[PROMPT_FIND] = "find: ",
		[PROMPT_FILTER] = "filter: ",
		[PROMPT_GOTO] = "go to event, time (5.9ms), peak or end: ",
	};
	const char *trouble = feed_trouble(state->feed);
	char text[500] = "";
	unsigned attr = CANVAS_BOLD;

	if (state->prompt != PROMPT_NONE)
		snprintf(text, sizeof text, "%s%s_%s%s", prompts[state->prompt], state->text,
			*state->message ? "   " : "", state->message);
	else if (*state->message)
		snprintf(text, sizeof text, "%s", state->message);
	else if (trouble)
		snprintf(text, sizeof text, "%s", trouble);
	else if (*state->filter)
		snprintf(text, sizeof text, "only what has \"%s\" in its name; Esc shows all",
			state->filter);
	if (trouble && *text)
		attr |= CANVAS_RED;
	if (!*text)
		return;
	canvas_put(canvas, y, 0, canvas->width, attr, DISPLAY_PAD, "");
	canvas_put(canvas, y, 1, canvas->width - 1, attr, 0, text);
}

/* The keys that matter now, parted by two blanks; the last ones give way to the help. */
static const char *keys_now(const struct canvas *canvas, const struct state *state)
{
	enum feed_kind kind = feed_kind(state->feed);
	bool has_arrows = !canvas->ascii;

	if (state->prompt == PROMPT_GOTO)
		return "Enter go  Esc cancel";
	if (state->prompt != PROMPT_NONE)
		return "type a part of a name  Enter done  Esc cancel";
	if (state->is_decoding)
		return "Enter close  [] chunk before, after";
	if (kind == FEED_TRACE && state->pane == PANE_BLOCKS)
		return has_arrows ? "←→ step  ↑↓ block  [] chunk  Enter decode it  Tab pane  Space "
				    "play"
				  : "Left/Right step  [] chunk  Enter decode it  Tab pane";
	if (kind == FEED_TRACE && (state->pane == PANE_CHAIN || state->pane == PANE_LISTS))
		return has_arrows ? "←→ step  [] up, down  Enter decode head  Tab pane  Space play"
				  : "Left/Right step  [] up, down  Enter decode head  Tab pane";
	if (kind == FEED_TRACE)
		return has_arrows
			       ? "←→ step  Space play  p peak  Tab pane  [] class  w its next  "
				 "o order  / find"
			       : "Left/Right step  Space play  p peak  Tab pane  [] class  / find";
	if (kind == FEED_LIVE)
		return "Space pause  L largest  a alone  o order  Enter fold  / find  Tab pane  "
		       "\\ filter  s save";
	return "L largest  a alone  o order  Enter fold  / find  \\ filter  z sum  s save";
}

static void paint_keys(struct canvas *canvas, const struct state *state, int y)
{
	static const char always[] = "? help  q quit";
	int x = 1, end = canvas->width - (int)sizeof always - 1;
	const char *at = keys_now(canvas, state);

	if (state->prompt != PROMPT_NONE)
		end = canvas->width;
	while (*at) {
		const char *next = strstr(at, "  ");
		char item[PART];
		int length = next ? (int)(next - at) : (int)strlen(at), width;

		snprintf(item, sizeof item, "%.*s", length, at);
		width = display_width(item, PART, 0);
		if (x + width > end)
			break;
		x += canvas_put(canvas, y, x, width, CANVAS_PLAIN, 0, item) + 2;
		at = next ? next + 2 : at + length;
	}
	if (state->prompt == PROMPT_NONE)
		canvas_put(canvas, y, x, canvas->width - x, CANVAS_PLAIN, 0, always);
}

void view_bottom(struct canvas *canvas, const struct state *state, const struct layout *layout)
{
	paint_message(canvas, state, layout->message.y);
	paint_keys(canvas, state, layout->keys.y);
}
