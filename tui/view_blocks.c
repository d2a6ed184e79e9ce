/* SPDX-License-Identifier: MIT */
/*
 * The blocks of the selected context, each as a map; one chunk's header word, decoded.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "model/size.h"
#include "tui/view.h"

/* A note beside the map, from some width on; a longer one, with addresses, from another. */
enum { MAP_FROM = 14, NOTE_WIDTH = 38, NOTE_FROM = 90, LONG_WIDTH = 56, LONG_FROM = 120 };

/* With fewer lines the block under the cursor has none of its own below the maps. */
enum { DETAIL_FROM = 4 };

static int note_width(struct layout_box box)
{
	return box.width >= LONG_FROM ? LONG_WIDTH : box.width >= NOTE_FROM ? NOTE_WIDTH : 0;
}

void view_block_map(struct layout_box box, int *x, int *width)
{
	*x = box.x + MAP_FROM;
	*width = box.width - MAP_FROM - 1 - note_width(box);
	if (*width > MEMORY_WIDTH)
		*width = MEMORY_WIDTH;
}

static bool has_detail(const struct state *state, struct layout_box box)
{
	return state->pane == PANE_BLOCKS && box.width < LONG_FROM && box.height >= DETAIL_FROM;
}

int view_block_lines(const struct state *state, struct layout_box box)
{
	int lines = box.height - 1 - has_detail(state, box);

	return lines < 0 ? 0 : lines < MEMORY_BLOCKS ? lines : MEMORY_BLOCKS;
}

/* ---- A block -------------------------------------------------------------------------- */

/* The last digits of an address: enough to tell those of a trace apart. */
static unsigned short_address(const void *address, size_t offset)
{
	return (unsigned)(((uintptr_t)address + offset) & 0xfffffff);
}

static void paint_map(struct canvas *canvas, const uint8_t *parts, int width, int y, int x)
{
	static const struct {
		const char *sign, *ascii;
		unsigned attr;
	} looks[] = {
		[LOOK_USED] = {"█", "#", CANVAS_GREEN},
		[LOOK_MIXED] = {"▓", "+", CANVAS_MAGENTA},
		[LOOK_FREE] = {"▒", ":", CANVAS_MAGENTA},
		[LOOK_TAIL] = {"░", ".", CANVAS_PLAIN},
	};

	for (int i = 0; i < width; i++)
		canvas_put(canvas, y, x + i, 1, looks[parts[i]].attr, 0,
			view_sign(canvas, looks[parts[i]].sign, looks[parts[i]].ascii));
}

/* Marks the cells of a chunk, which stands in BLOCK, on its map. */
static void mark_chunk(struct canvas *canvas, const struct look_block *block,
	const struct look_chunk *chunk, int y, struct layout_box box, unsigned attr)
{
	size_t begin = chunk->offset - sizeof(uint64_t), end = begin + chunk->info.stride;
	int x, width, first, last;

	view_block_map(box, &x, &width);
	first = (int)(begin * (size_t)width / block->info.size);
	last = (int)((end - 1) * (size_t)width / block->info.size);
	if (last >= width || block->info.is_large)
		last = width - 1;
	canvas_mark(canvas, y, x + first, last - first + 1, attr);
}

/* From where to where it is, where its free space begins, and what else there is to say. */
static void block_bounds(
	const struct canvas *canvas, const struct look_block *block, char *out, size_t size)
{
	const struct memctx_block_info *info = &block->info;
	char left[SIZE_TEXT];

	snprintf(out, size, "%07x-%07x  free %07x, %s left%s%s", short_address(info->address, 0),
		short_address(info->address, info->size),
		short_address(info->address, info->carved),
		info->tail ? size_text(left, info->tail, view_size_flags(canvas)) : "none",
		info->is_keeper ? ", keeper" : "", info->is_open ? ", open" : "");
}

static void large_note(const struct look_block *block, const struct look_chunk *chunk,
	bool has_bounds, char *out, size_t size)
{
	char bounds[40] = "", number[40] = "", asked[SIZE_TEXT];

	if (has_bounds)
		snprintf(bounds, sizeof bounds, "%07x-%07x  ",
			short_address(block->info.address, 0),
			short_address(block->info.address, block->info.size));
	if (chunk->is_named)
		snprintf(number, sizeof number, " #%" PRIu64, chunk->who.id);
	snprintf(out, size, "%slarge chunk%s, %s asked for", bounds, number,
		size_count(asked, chunk->info.requested, SIZE_DIGIT));
}

/* What stands beside a block's map. */
static void block_note(const struct canvas *canvas, const struct look_block *block,
	const struct look_chunk *large, bool has_bounds, char *out, size_t size)
{
	const struct memctx_block_info *info = &block->info;
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (info->is_large)
		large_note(block, large, has_bounds, out, size);
	else if (has_bounds)
		block_bounds(canvas, block, out, size);
	else
		snprintf(out, size, "free at %s of %s%s%s", size_count(a, info->carved, SIZE_DIGIT),
			size_count(b, info->size, SIZE_DIGIT), info->is_keeper ? ", keeper" : "",
			info->is_open ? ", open" : "");
}

static void paint_block(struct canvas *canvas, const struct state *state,
	const struct memory_blocks *seen, size_t i, int y, struct layout_box box)
{
	bool is_selected = seen->first + i == state->block && state->pane == PANE_BLOCKS;
	const struct look_block *block = &seen->blocks[i];
	char text[SIZE_TEXT], number[SIZE_TEXT] = "L", note[200];
	int x, width;

	if (block->number != 0)
		size_count(number, block->number, 0);
	canvas_put(canvas, y, box.x, 1, CANVAS_BOLD, 0, is_selected ? ">" : " ");
	canvas_put(canvas, y, box.x + 1, 4, is_selected ? CANVAS_BOLD : CANVAS_PLAIN, DISPLAY_RIGHT,
		number);
	canvas_put(canvas, y, box.x + 5, 7, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_text(text, block->info.size, view_size_flags(canvas)));
	view_block_map(box, &x, &width);
	paint_map(canvas, seen->maps[i], width, y, x);
	if (note_width(box) == 0)
		return;
	block_note(canvas, block, &seen->large[i], box.width >= LONG_FROM, note, sizeof note);
	canvas_put(canvas, y, box.x + box.width - note_width(box), note_width(box), CANVAS_PLAIN, 0,
		note);
}

/* ---- The pane ------------------------------------------------------------------------- */

static void scroll(struct state *state, size_t n, size_t room)
{
	if (state->block >= n)
		state->block = n ? n - 1 : 0;
	if (state->block < state->block_top)
		state->block_top = state->block;
	if (state->block >= state->block_top + room)
		state->block_top = state->block - room + 1;
	if (state->block_top + room > n)
		state->block_top = n > room ? n - room : 0;
}

/* The chunk of the last event stands out, where its block is on the screen. */
static void mark_changed(struct canvas *canvas, const struct state *state,
	const struct memory_blocks *seen, struct layout_box box)
{
	const struct explain_event *event = state_last_event(state);
	const struct look_chunk *chunk =
		event ? feed_changed_chunk(state->feed, state->selected, event) : NULL;

	for (size_t i = 0; chunk && i < seen->n; i++) {
		const struct memctx_block_info *info = &seen->blocks[i].info;

		if ((uintptr_t)chunk->info.address - (uintptr_t)info->address >= info->size)
			continue;
		mark_chunk(canvas, &seen->blocks[i], chunk, box.y + 1 + (int)i, box,
			CANVAS_REVERSE | CANVAS_RED);
		canvas_put(canvas, box.y + 1 + (int)i, box.x + MAP_FROM - 1, 1,
			CANVAS_RED | CANVAS_BOLD, 0, view_sign(canvas, "◆", "*"));
	}
}

/* The cursor's chunk on its block's map; and below, what the map has no room beside it for. */
static void paint_cursor(struct canvas *canvas, const struct state *state,
	const struct memory_blocks *seen, struct layout_box box)
{
	size_t at = state->block - seen->first;
	struct look_chunk chunk;
	char note[200], line[300];

	if (state->pane != PANE_BLOCKS || at >= seen->n)
		return;
	if (state->offset > 0 && state_chunk(state, &chunk))
		mark_chunk(canvas, &seen->blocks[at], &chunk, box.y + 1 + (int)at, box,
			CANVAS_REVERSE | CANVAS_BOLD);
	if (!has_detail(state, box))
		return;
	block_note(canvas, &seen->blocks[at], &seen->large[at], true, note, sizeof note);
	snprintf(line, sizeof line, "%s; owner %.60s", note, state->name);
	canvas_put(
		canvas, box.y + 1 + (int)seen->n, box.x + 1, box.width - 1, CANVAS_BOLD, 0, line);
}

void view_blocks(struct canvas *canvas, struct state *state, struct layout_box box)
{
	size_t room = (size_t)view_block_lines(state, box);
	bool can_look = state->has_selected && !state->is_gone;
	const struct memory_blocks *seen =
		can_look ? feed_blocks(state->feed, state->selected, 0, 0, 0) : NULL;
	char text[STATE_NAME + 120], count[SIZE_TEXT];
	int x, width;

	if (!seen) {
		view_heading(canvas, state, PANE_BLOCKS, box, "BLOCKS");
		return;
	}
	scroll(state, seen->all, room);
	view_block_map(box, &x, &width);
	seen = feed_blocks(
		state->feed, state->selected, state->block_top, room, width > 0 ? width : 1);
	snprintf(text, sizeof text, "BLOCKS of %.100s: %s   %s", state->name,
		size_count(count, seen->all, SIZE_DIGIT),
		view_sign(canvas, "█ in use  ▓ mixed  ▒ free  ░ never carved",
			"# in use  + mixed  : free  . never carved"));
	view_heading(canvas, state, PANE_BLOCKS, box, text);
	if (note_width(box) == LONG_WIDTH &&
		box.x + display_width(text, STATE_NAME + 120, 0) < x + width)
		canvas_put(canvas, box.y, x + width + 1, LONG_WIDTH, CANVAS_BOLD, 0,
			"BOUNDS           FREE POINTER");
	for (size_t i = 0; i < seen->n; i++)
		paint_block(canvas, state, seen, i, box.y + 1 + (int)i, box);
	mark_changed(canvas, state, seen, box);
	paint_cursor(canvas, state, seen, box);
}

/* ---- A chunk, decoded ----------------------------------------------------------------- */

enum { CHUNK_LINES = 8, CHUNK_WIDTH = 58 };

struct lines {
	char text[CHUNK_LINES][120];
	int n;
};

static void add(struct lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct lines *lines, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(lines->text[lines->n++], sizeof *lines->text, format, args);
	va_end(args);
}

static void add_place(struct lines *lines, const struct look_chunk *chunk)
{
	const char *block = (const char *)chunk->info.address - chunk->offset;
	char number[SIZE_TEXT];

	if (chunk->block == 0)
		add(lines, "place    alone in a block of its own");
	else
		add(lines, "place    block %" PRIu64 ", byte %s", chunk->block,
			size_count(number, chunk->offset, SIZE_DIGIT));
	add(lines, "bounds   %" PRIxPTR " to %" PRIxPTR, (uintptr_t)block,
		(uintptr_t)block + chunk->block_size);
}

static void tell_free(struct lines *lines, const struct look_chunk *chunk)
{
	char class[SIZE_TEXT], who[40];

	add(lines, "word     %016" PRIx64 " = next, class, tag 6: free", chunk->info.header);
	if (chunk->has_next) {
		view_link(&chunk->next, who, sizeof who);
		add(lines, "next     %s: while free, the word is the link", who);
	} else {
		add(lines, "next     none: the list ends here");
	}
	add(lines, "list     freelist[%d], %s, place %" PRIu64, chunk->list,
		view_class(class, chunk->list_bytes), chunk->place);
	add_place(lines, chunk);
}

/* The word of a chunk in use: its tag is in the lowest three bits. */
static const char *word_parts(const struct look_chunk *chunk)
{
	if ((chunk->info.header & 7) == 3)
		return "bin, slack, tag 3: in use";
	return chunk->info.is_large ? "owner, tag 7: large" : "owner, tag 7: of its kind";
}

static void tell_used(
	struct lines *lines, const struct look_chunk *chunk, const struct state *state)
{
	bool is_aset = !strcmp(view_kind(state), "aset");
	char a[SIZE_TEXT], b[SIZE_TEXT];

	add(lines, "word     %016" PRIx64 " = %s", chunk->info.header, word_parts(chunk));
	add(lines, "owner    %.40s", state->name);
	if (!is_aset)
		add(lines, "class    none by size: this is a %.20s", view_kind(state));
	else if (chunk->info.is_large)
		add(lines, "class    none: larger than every class");
	else
		add(lines, "class    %s, goes to freelist[%d] when freed",
			view_class(a, chunk->list_bytes), chunk->list);
	add(lines, "size     %s asked for, slack %s",
		size_count(a, chunk->info.requested, SIZE_DIGIT),
		size_count(b, chunk->info.size - chunk->info.requested, SIZE_DIGIT));
	add_place(lines, chunk);
}

static void chunk_title(const struct look_chunk *chunk, char *out, size_t size)
{
	char who[40] = "without a number";

	if (chunk->is_named)
		view_link(&chunk->who, who, sizeof who);
	if (chunk->info.is_free && chunk->who.kind == EXPLAIN_CUT)
		snprintf(out, size, " free, cut from a tail ");
	else if (chunk->info.is_free)
		snprintf(out, size, " free, %s lived here ", who);
	else
		snprintf(out, size, " chunk %s, in use ", who);
}

/* Where a frame of some height leaves the cursor's line in sight: above its pane, else below. */
static int frame_row(const struct canvas *canvas, const struct state *state, int height)
{
	struct layout layout;
	const struct layout_box *box;
	int cursor;

	layout_make(&layout, state, canvas->width, canvas->height);
	box = &layout.panes[state->pane == PANE_LISTS ? PANE_CHAIN : state->pane];
	cursor = box->y +
		 (state->pane == PANE_BLOCKS ? 1 + (int)(state->block - state->block_top) : 0);
	if (box->y - height >= 1)
		return box->y - height;
	if (cursor + 1 + height <= canvas->height)
		return cursor + 1;
	return cursor - height >= 0 ? cursor - height : 0;
}

void view_chunk(struct canvas *canvas, const struct state *state)
{
	int width = canvas->width < CHUNK_WIDTH ? canvas->width : CHUNK_WIDTH;
	int x = (canvas->width - width) / 2, y;
	struct lines lines = {.n = 0};
	struct look_chunk chunk;
	char title[100];

	if (!state_chunk(state, &chunk)) {
		snprintf(title, sizeof title, " no chunk here now ");
	} else {
		chunk_title(&chunk, title, sizeof title);
		if (chunk.info.is_free)
			tell_free(&lines, &chunk);
		else
			tell_used(&lines, &chunk, state);
	}
	y = frame_row(canvas, state, lines.n + 2);
	canvas_frame(canvas, y, x, lines.n + 2, width, CANVAS_BOLD);
	canvas_put(canvas, y, x + 2, width - 4, CANVAS_BOLD | CANVAS_REVERSE, 0, title);
	for (int i = 0; i < lines.n; i++)
		canvas_put(canvas, y + 1 + i, x + 2, width - 4, CANVAS_PLAIN, 0, lines.text[i]);
}
