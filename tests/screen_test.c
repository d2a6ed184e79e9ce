/* SPDX-License-Identifier: MIT */
/*
 * The screens without a terminal: where things stand at every size, and the state: requests in,
 * lines and cells out, over trees made by hand and the small sample traces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed_support.h"
#include "tui/canvas.h"
#include "tui/layout.h"
#include "tui/mouse.h"
#include "tui/view.h"

/* ---- A tree by hand ------------------------------------------------------------------- */

static uint32_t add(struct snapshot *s, uint64_t id, uint32_t parent, const char *name,
	const char *ident, uint64_t total)
{
	struct snapshot_context *c = snapshot_add(s, id, parent, name, ident, "aset");

	assert_non_null(c);
	snapshot_fill(&c->own, 0);
	c->own.total_bytes = total;
	c->own.used_bytes = total / 2;
	c->own.free_bytes = c->own.tail_bytes = total - total / 2;
	c->own.requested_bytes = total / 2;
	return (uint32_t)s->n - 1;
}

/* Top 100, below it: small 10; mid 50 with leaf 300; index ×3, 20 each, "a" to "c". */
static struct snapshot *tree(void)
{
	struct snapshot *s = snapshot_new();
	uint32_t top = add(s, 1, SNAPSHOT_NONE, "Top", NULL, 100), mid;

	add(s, 2, top, "small", NULL, 10);
	mid = add(s, 3, top, "mid", NULL, 50);
	add(s, 4, mid, "leaf", "of mid", 300);
	add(s, 5, top, "index", "a", 20);
	add(s, 6, top, "index", "b", 20);
	add(s, 7, top, "index", "c", 20);
	snapshot_finish(s);
	return s;
}

static struct state state;

static void begin(struct snapshot *s)
{
	feed = feed_of_snapshot(s, "by hand");
	assert_non_null(feed);
	assert_int_equal(state_init(&state, feed), 0);
}

static void begin_trace(const char *path, uint64_t event)
{
	feed_begin(path, &state);
	state_seek(&state, event);
}

static void end(void)
{
	feed_end(&state);
}

/* The lines that are seen, parted by "; ", the selected one in brackets. */
static const char *lines(void)
{
	static char text[4000];
	size_t n = 0;

	*text = '\0';
	for (size_t i = 0; i < state.n_visible; i++) {
		const struct row *row = state_row_at(&state, i);
		bool is_selected = state.has_selected && i == state.line;

		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s%s", i ? "; " : "",
			is_selected ? "[" : "",
			row ? rows_name(state.rows->snapshot, row->context) : "gone",
			is_selected ? "]" : "");
	}
	return text;
}

static void ask(enum request request)
{
	state_request(&state, request);
}

static void type(const char *text)
{
	while (*text)
		state_key(&state, (unsigned char)*text++);
}

static void test_moving(void **unused)
{
	(void)unused;
	begin(tree());
	assert_string_equal(lines(), "[Top]; mid; leaf; index; small");
	ask(REQUEST_DOWN);
	ask(REQUEST_DOWN);
	assert_string_equal(lines(), "Top; mid; [leaf]; index; small");
	assert_int_equal(state.selected, 4);
	ask(REQUEST_LAST);
	ask(REQUEST_DOWN);
	assert_int_equal(state.selected, 2);
	ask(REQUEST_PAGE_UP);
	assert_int_equal(state.selected, 1);
	ask(REQUEST_UP);
	assert_int_equal(state.selected, 1);
	ask(REQUEST_LARGEST);
	assert_int_equal(state.selected, 4);
	ask(REQUEST_FIRST);
	assert_int_equal(state.selected, 1);
	end();
}

static void test_folding(void **unused)
{
	(void)unused;
	begin(tree());
	ask(REQUEST_LARGEST);
	/* A leaf folds nothing: it goes up, and the parent folds. */
	ask(REQUEST_FOLD);
	assert_string_equal(lines(), "Top; [mid]; leaf; index; small");
	ask(REQUEST_FOLD);
	assert_string_equal(lines(), "Top; [mid]; index; small");
	/* What is largest is shown all the same. */
	ask(REQUEST_LARGEST);
	assert_string_equal(lines(), "Top; mid; [leaf]; index; small");
	/* Of a selection that a fold hides, what it stands below is selected. */
	ask(REQUEST_FOLD_ALL);
	assert_string_equal(lines(), "[Top]");
	ask(REQUEST_OPEN);
	assert_string_equal(lines(), "[Top]; mid; index; small");
	ask(REQUEST_UNFOLD_ALL);
	assert_string_equal(lines(), "[Top]; mid; leaf; index; small");
	/* A snapshot has no time: the arrows fold and unfold. */
	ask(REQUEST_BACK);
	assert_string_equal(lines(), "[Top]");
	ask(REQUEST_STEP);
	assert_string_equal(lines(), "[Top]; mid; leaf; index; small");
	end();
}

static void test_shapes(void **unused)
{
	(void)unused;
	begin(tree());
	ask(REQUEST_DOWN);
	ask(REQUEST_REVERSE);
	assert_string_equal(lines(), "Top; small; index; [mid]; leaf");
	ask(REQUEST_REVERSE);
	ask(REQUEST_SUM);
	assert_string_equal(lines(), "Top; [mid]; leaf; index; index; index; small");
	ask(REQUEST_OWN);
	assert_string_equal(lines(), "Top; [mid]; leaf; index; index; index; small");
	ask(REQUEST_OWN);
	ask(REQUEST_SUM);
	ask(REQUEST_GROUP);
	assert_string_equal(lines(), "leaf; Top; index; [mid]; small");
	ask(REQUEST_GROUP);
	/* The last of the columns is the name; the one after it the first again. */
	ask(REQUEST_SORT_BACK);
	assert_int_equal(state.options.sort, ROWS_NAME);
	assert_string_equal(lines(), "Top; index; [mid]; leaf; small");
	ask(REQUEST_SORT);
	assert_int_equal(state.options.sort, ROWS_TOTAL);
	/* A snapshot does not change: that column is passed. */
	ask(REQUEST_SORT);
	assert_int_equal(state.options.sort, ROWS_USED);
	end();
}

static void test_finding(void **unused)
{
	(void)unused;
	begin(tree());
	ask(REQUEST_FOLD_ALL);
	ask(REQUEST_FIND);
	type("LEA");
	assert_string_equal(lines(), "Top; mid; [leaf]; index; small");
	/* What is typed is sought from where the typing began. */
	state_key(&state, KEYS_BACKSPACE);
	state_key(&state, KEYS_BACKSPACE);
	state_key(&state, KEYS_BACKSPACE);
	type("i");
	assert_string_equal(state.name, "mid");
	type("nd");
	assert_string_equal(state.name, "index");
	state_key(&state, KEYS_ENTER);
	/* In a summed line the one that has it is looked at. */
	ask(REQUEST_FIND);
	type("b");
	state_key(&state, KEYS_ENTER);
	assert_int_equal(state.selected, 6);
	assert_non_null(strstr(state.message, "one of the 3"));
	ask(REQUEST_FIND);
	type("l");
	state_key(&state, KEYS_ENTER);
	assert_string_equal(state.name, "small");
	ask(REQUEST_NEXT);
	assert_string_equal(state.name, "leaf");
	ask(REQUEST_PREVIOUS);
	assert_string_equal(state.name, "small");
	ask(REQUEST_FIND);
	type("nowhere");
	assert_non_null(strstr(state.message, "nothing has"));
	end();
}

static void test_filter(void **unused)
{
	(void)unused;
	begin(tree());
	ask(REQUEST_FILTER);
	type("of mi");
	assert_string_equal(lines(), "[Top]; mid; leaf");
	state_key(&state, KEYS_ENTER);
	assert_int_equal(state.prompt, PROMPT_NONE);
	ask(REQUEST_LAST);
	/* Esc drops it, and the selection stays. */
	state_key(&state, KEYS_ESCAPE);
	assert_string_equal(lines(), "Top; mid; [leaf]; index; small");
	ask(REQUEST_FILTER);
	type("zzz");
	assert_string_equal(lines(), "");
	assert_null(state_row(&state));
	ask(REQUEST_DOWN);
	state_key(&state, KEYS_ESCAPE);
	assert_string_equal(lines(), "[Top]; mid; leaf; index; small");
	end();
}

/* ---- Traces --------------------------------------------------------------------------- */

static void test_time(void **unused)
{
	(void)unused;
	begin_trace("traces/freelist.trace", 4);
	assert_int_equal(feed_event(feed), 4);
	ask(REQUEST_STEP);
	ask(REQUEST_STEP);
	assert_int_equal(feed_event(feed), 6);
	ask(REQUEST_BACK);
	assert_int_equal(feed_event(feed), 5);
	ask(REQUEST_GOTO);
	type("9");
	state_key(&state, KEYS_ENTER);
	assert_int_equal(feed_event(feed), 9);
	ask(REQUEST_GOTO);
	type("nine");
	state_key(&state, KEYS_ENTER);
	assert_non_null(strstr(state.message, "expected an event"));
	ask(REQUEST_START);
	assert_int_equal(feed_event(feed), 0);
	/* The only reset is the last event. */
	ask(REQUEST_NEXT_RESET);
	assert_int_equal(feed_event(feed), 11);
	ask(REQUEST_NEXT_RESET);
	assert_int_equal(feed_event(feed), 11);
	assert_non_null(strstr(state.message, "no further reset"));
	ask(REQUEST_BACK_OWN);
	assert_int_equal(feed_event(feed), 10);
	while (feed_idle(feed))
		;
	ask(REQUEST_FINISH);
	assert_int_equal(feed_event(feed), 11);
	/* At its end, playing begins at the start; 100 events a second. */
	ask(REQUEST_PLAY);
	state_tick(&state, 0.055);
	assert_int_equal(feed_event(feed), 5);
	assert_true(state.playing);
	state_tick(&state, 1);
	assert_int_equal(feed_event(feed), 11);
	assert_false(state.playing);
	end();
}

/* A context that is deleted keeps its line until it is left. */
static void test_gone(void **unused)
{
	(void)unused;
	/* Event 387 deletes the context 144, one of two of its name. */
	begin_trace("traces/trace.txt", 386);
	ask(REQUEST_SUM);
	ask(REQUEST_FIND);
	type("ExprContext");
	while (state.selected != 144 && !strstr(state.message, "nothing"))
		ask(REQUEST_NEXT);
	state_key(&state, KEYS_ENTER);
	assert_int_equal(state.selected, 144);
	ask(REQUEST_STEP);
	assert_true(state.is_gone);
	assert_null(state_row(&state));
	assert_non_null(strstr(lines(), "[gone]"));
	/* One event back it lives again, in the same line. */
	ask(REQUEST_BACK);
	assert_false(state.is_gone);
	assert_non_null(state_row(&state));
	ask(REQUEST_STEP);
	assert_true(state.is_gone);
	ask(REQUEST_UP);
	assert_false(state.is_gone);
	assert_null(strstr(lines(), "gone"));
	assert_non_null(state_row(&state));
	end();
}

static void test_chunks(void **unused)
{
	struct look_chunk chunk;

	(void)unused;
	begin_trace("traces/freelist.trace", 6);
	ask(REQUEST_PANE);
	assert_int_equal(state.pane, PANE_LISTS);
	ask(REQUEST_DOWN);
	assert_int_equal(lists_bytes((unsigned)state.class), 64);
	ask(REQUEST_UP);
	ask(REQUEST_PANE);
	/* The list is #3, #1. */
	assert_int_equal(state.pane, PANE_CHAIN);
	assert_true(state_chunk(&state, &chunk) && chunk.who.id == 3);
	ask(REQUEST_ITEM_DOWN);
	ask(REQUEST_ITEM_DOWN);
	assert_true(state_chunk(&state, &chunk) && chunk.who.id == 1);
	ask(REQUEST_OPEN);
	assert_true(state.is_decoding);
	ask(REQUEST_PANE);
	assert_false(state.is_decoding);
	/* In memory they are #1, #2, #3. */
	assert_int_equal(state.pane, PANE_BLOCKS);
	for (uint64_t id = 1; id <= 3; id++) {
		ask(REQUEST_ITEM_DOWN);
		assert_true(state_chunk(&state, &chunk) && chunk.who.id == id);
	}
	ask(REQUEST_ITEM_DOWN);
	assert_true(state_chunk(&state, &chunk) && chunk.who.id == 3);
	ask(REQUEST_ITEM_UP);
	assert_true(state_chunk(&state, &chunk) && chunk.who.id == 2);
	ask(REQUEST_PANE);
	assert_int_equal(state.pane, PANE_EVENTS);
	ask(REQUEST_UP);
	assert_int_equal(feed_event(feed), 5);
	ask(REQUEST_PANE_BACK);
	assert_int_equal(state.pane, PANE_BLOCKS);
	state_key(&state, KEYS_ESCAPE);
	assert_int_equal(state.pane, PANE_TREE);
	end();
}

/* The class shown is the one that events touch, until another is chosen: 64, 65, 33, 1 bytes. */
static void test_following(void **unused)
{
	static const int classes[] = {3, 4, 3, 0};

	(void)unused;
	begin_trace("traces/slack.trace", 1);
	for (int i = 0; i < 4; i++) {
		ask(REQUEST_STEP);
		assert_int_equal(lists_bytes((unsigned)state.class), 8 << classes[i]);
	}
	ask(REQUEST_ITEM_DOWN);
	ask(REQUEST_BACK);
	assert_int_equal(lists_bytes((unsigned)state.class), 16);
	end();
}

/* ---- Layout --------------------------------------------------------------------------- */

static void mark_box(char *cells, const struct layout_box *box, int width, int height)
{
	for (int y = box->y; y < box->y + box->height; y++)
		for (int x = box->x; x < box->x + box->width; x++) {
			assert_true(y >= 0 && y < height && x >= 0 && x < width);
			assert_int_equal(cells[y * width + x]++, 0);
		}
}

/* No box lies on another or off the screen, and the pane with the keys is to be seen. */
static void check_layout(int width, int height)
{
	char *cells = calloc((size_t)(width * height), 1);
	struct layout layout;
	bool shares;

	layout_make(&layout, &state, width, height);
	assert_int_equal(layout.is_too_small, width < 40 || height < 10);
	if (!layout.is_too_small) {
		mark_box(cells, &layout.title, width, height);
		mark_box(cells, &layout.totals, width, height);
		mark_box(cells, &layout.largest, width, height);
		mark_box(cells, &layout.history, width, height);
		mark_box(cells, &layout.rule, width, height);
		mark_box(cells, &layout.message, width, height);
		mark_box(cells, &layout.keys, width, height);
		/* Where there is little height the chain shares its line with messages. */
		shares = layout.panes[PANE_CHAIN].y == layout.message.y;
		for (int i = 0; i < PANES; i++)
			if (i != PANE_CHAIN || !shares)
				mark_box(cells, &layout.panes[i], width, height);
		assert_true(layout.panes[state.pane].height > 0);
		assert_true(layout.panes[PANE_TREE].height > 1 || width < 80);
	}
	free(cells);
}

static void test_layout(void **unused)
{
	(void)unused;
	for (int kind = 0; kind < 2; kind++) {
		if (kind == 0)
			begin_trace("traces/freelist.trace", 6);
		else
			begin(tree());
		for (int pane = 0; pane < PANES; pane++) {
			state.pane = (enum pane)pane;
			if (!state_has_pane(&state, state.pane))
				continue;
			for (int height = 1; height < 70; height++)
				for (int width = 1; width < 300; width += 1 + width / 40)
					check_layout(width, height);
		}
		end();
	}
}

static void test_columns(void **unused)
{
	struct layout_column columns[LAYOUT_COLUMNS];

	(void)unused;
	begin(tree());
	for (int sort = 0; sort < ROWS_KIND; sort++) {
		state.options.sort = (enum rows_key)sort;
		for (int width = 40; width < 250; width++) {
			int n = layout_columns(&state, width, columns), edge = 1;
			bool has_sorted = sort == ROWS_CHANGE;

			for (int i = 0; i < n; i++) {
				assert_int_equal(columns[i].x, edge);
				edge += columns[i].width;
				has_sorted |= (int)columns[i].key == sort;
			}
			assert_int_equal(edge, width);
			assert_true(columns[0].width >= 17);
			assert_true(has_sorted);
		}
	}
	end();
}

/* A row has as many columns as cells that are not a second half. */
static void check_width(const struct canvas *canvas, int y)
{
	int width = 0;

	for (int x = 0; x < canvas->width; x++)
		if (*canvas_at(canvas, y, x)->text)
			width += display_width(canvas_at(canvas, y, x)->text, 8, 0);
	assert_int_equal(width, canvas->width);
}

/* Each size and pane paints without a fault, the widths of all rows right. */
static void test_painting(void **unused)
{
	(void)unused;
	begin_trace("traces/trace.txt", 700);
	for (int i = 0; i < 600; i++) {
		struct canvas *canvas = canvas_new(1 + i * 7 % 200, 1 + i * 11 % 60, i % 2);

		if (i % 5 == 0)
			ask(REQUEST_PANE);
		if (i % 7 == 0)
			ask(REQUEST_OPEN);
		if (i % 31 == 0)
			ask(REQUEST_HELP);
		ask((enum request)(i % REQUEST_GOTO));
		state.quit = false;
		view_paint(canvas, &state);
		for (int y = 0; y < canvas->height; y++)
			check_width(canvas, y);
		canvas_free(canvas);
	}
	end();
}

/* ---- The mouse ------------------------------------------------------------------------ */

static void test_mouse(void **unused)
{
	struct layout_column columns[LAYOUT_COLUMNS];
	struct layout layout;
	struct canvas *canvas = canvas_new(120, 40, false);
	struct look_chunk chunk;
	int n, x, width;

	(void)unused;
	begin_trace("traces/freelist.trace", 6);
	view_paint(canvas, &state);
	layout_make(&layout, &state, 120, 40);
	n = layout_columns(&state, layout.panes[PANE_TREE].width, columns);
	/* A column's head sorts by it; once more, the other way round. */
	for (int i = 0; i < n; i++) {
		if (columns[i].key != ROWS_USED)
			continue;
		mouse_click(&state, layout.panes[PANE_TREE].y, columns[i].x + 2, 120, 40);
		assert_int_equal(state.options.sort, ROWS_USED);
		assert_false(state.options.reverse);
		mouse_click(&state, layout.panes[PANE_TREE].y, columns[i].x + 2, 120, 40);
		assert_true(state.options.reverse);
	}
	state.class = lists_place(256);
	/* The third class, the first block's first chunk, a pane. */
	mouse_click(
		&state, layout.panes[PANE_LISTS].y + 4, layout.panes[PANE_LISTS].x + 3, 120, 40);
	assert_int_equal(state.pane, PANE_LISTS);
	assert_int_equal(lists_bytes((unsigned)state.class), 32);
	view_block_map(layout.panes[PANE_BLOCKS], &x, &width);
	mouse_click(&state, layout.panes[PANE_BLOCKS].y + 1, x + 60 * width / 768, 120, 40);
	assert_int_equal(state.pane, PANE_BLOCKS);
	assert_true(state_chunk(&state, &chunk) && chunk.who.id == 1);
	/* Now stands in the middle, the event before above it. */
	x = layout.panes[PANE_EVENTS].y + layout.panes[PANE_EVENTS].height / 2;
	mouse_click(&state, x - 1, 5, 120, 40);
	assert_int_equal(state.pane, PANE_EVENTS);
	assert_int_equal(feed_event(feed), 5);
	mouse_click(&state, layout.panes[PANE_TREE].y + 1, 5, 120, 40);
	assert_int_equal(state.pane, PANE_TREE);
	/* The time line, from end to end. */
	while (feed_idle(feed))
		;
	mouse_click(&state, layout.history.y, 1, 120, 40);
	assert_int_equal(feed_event(feed), 0);
	mouse_click(&state, layout.history.y, 111, 120, 40);
	assert_int_equal(feed_event(feed), 11);
	/* Anywhere, and on screens of no size. */
	for (int i = 0; i < 5000; i++)
		mouse_click(&state, i % 41, i * 7 % 121, 1 + i % 120, 1 + i % 40);
	canvas_free(canvas);
	end();
}

/* ---- Keys ----------------------------------------------------------------------------- */

/* No key asks for two things, every word is one request's, and the help has room for the keys. */
static void test_keys(void **unused)
{
	(void)unused;
	for (int i = 0; i < REQUESTS; i++) {
		assert_int_equal(keys_request(keys_table[i].key), i);
		if (keys_table[i].other != KEYS_NONE)
			assert_int_equal(keys_request(keys_table[i].other), i);
		assert_int_equal(keys_word(keys_table[i].word), i);
		assert_true(strlen(keys_table[i].keys) <= 10);
		assert_true(strlen(keys_table[i].help) <= 48);
		assert_true(i == 0 || keys_table[i].group >= keys_table[i - 1].group);
	}
	assert_int_equal(keys_request(KEYS_NONE), REQUEST_NONE);
	assert_int_equal(keys_word("no such"), REQUEST_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moving),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_finding),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_following),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_painting),
		cmocka_unit_test(test_mouse),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("screen", tests, NULL, NULL);
}
