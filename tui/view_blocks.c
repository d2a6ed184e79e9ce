/* SPDX-License-Identifier: MIT */
/*
 * The blocks of the selected context, each as a map; one chunk's header word, decoded.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "model/size.h"
#include "tui/view.h"

enum { BLOCKS_MOST = 128, MAP_MOST = 1000, MAP_FROM = 14, NOTE_WIDTH = 34, NOTE_FROM = 90 };

void view_block_map(struct layout_box box, int *x, int *width)
{
	*x = box.x + MAP_FROM;
	*width = box.width - MAP_FROM - 1;
	if (box.width >= NOTE_FROM)
		*width -= NOTE_WIDTH;
	if (*width > MAP_MOST)
		*width = MAP_MOST;
}

/* ---- A block -------------------------------------------------------------------------- */

static void paint_map(struct canvas *canvas, const struct look *look,
	const struct look_block *block, int y, struct layout_box box)
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
	uint8_t parts[MAP_MOST];
	int x, width;

	view_block_map(box, &x, &width);
	if (width <= 0)
		return;
	look_map(look, block, width, parts);
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

static void block_note(const struct canvas *canvas, const struct look *look,
	const struct look_block *block, char *out, size_t size)
{
	const struct memctx_block_info *info = &block->info;
	char a[SIZE_TEXT], b[SIZE_TEXT];
	struct look_chunk chunk;

	(void)canvas;
	if (!info->is_large) {
		snprintf(out, size, "free at %s of %s%s%s", size_count(a, info->carved, SIZE_DIGIT),
			size_count(b, info->size, SIZE_DIGIT), info->is_keeper ? ", keeper" : "",
			info->is_open ? ", open" : "");
		return;
	}
	if (!look_chunk_at(look, block, info->header, &chunk))
		chunk = (struct look_chunk){0};
	if (chunk.is_named)
		snprintf(a, sizeof a, "#%" PRIu64, chunk.who.id);
	snprintf(out, size, "large chunk %s, %s asked for", chunk.is_named ? a : "",
		size_count(b, chunk.info.requested, SIZE_DIGIT));
}

static void paint_block(struct canvas *canvas, const struct state *state, const struct look *look,
	const struct look_block *block, size_t at, int y, struct layout_box box)
{
	bool is_selected = at == state->block && state->pane == PANE_BLOCKS;
	char text[SIZE_TEXT], number[SIZE_TEXT] = "L", note[200];
	struct look_chunk chunk;

	if (block->number != 0)
		size_count(number, block->number, 0);
	canvas_put(canvas, y, box.x, 1, CANVAS_BOLD, 0, is_selected ? ">" : " ");
	canvas_put(canvas, y, box.x + 1, 4, is_selected ? CANVAS_BOLD : CANVAS_PLAIN, DISPLAY_RIGHT,
		number);
	canvas_put(canvas, y, box.x + 5, 7, CANVAS_PLAIN, DISPLAY_RIGHT,
		size_text(text, block->info.size, view_size_flags(canvas)));
	paint_map(canvas, look, block, y, box);
	if (box.width >= NOTE_FROM) {
		block_note(canvas, look, block, note, sizeof note);
		canvas_put(canvas, y, box.x + box.width - NOTE_WIDTH, NOTE_WIDTH, CANVAS_PLAIN, 0,
			note);
	}
	if (is_selected && look_chunk_at(look, block, state->offset, &chunk))
		mark_chunk(canvas, block, &chunk, y, box, CANVAS_REVERSE | CANVAS_BOLD);
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
static void mark_changed(struct canvas *canvas, const struct state *state, const struct look *look,
	const struct look_block *blocks, size_t n, struct layout_box box)
{
	const struct explain_event *event = state_last_event(state);
	struct look_chunk chunk;

	if (!event || !look_chunk_changed(look, event, &chunk))
		return;
	for (size_t i = 0; i < n; i++) {
		const char *begin = blocks[i].info.address, *at = chunk.info.address;

		if (at < begin || at >= begin + blocks[i].info.size)
			continue;
		mark_chunk(canvas, &blocks[i], &chunk, box.y + 1 + (int)i, box,
			CANVAS_REVERSE | CANVAS_RED);
		canvas_put(canvas, box.y + 1 + (int)i, box.x + MAP_FROM - 1, 1,
			CANVAS_RED | CANVAS_BOLD, 0, view_sign(canvas, "◆", "*"));
	}
}

void view_blocks(struct canvas *canvas, struct state *state, struct layout_box box)
{
	size_t room = box.height > 1 ? (size_t)box.height - 1 : 0, n;
	struct look_block blocks[BLOCKS_MOST];
	char text[STATE_NAME + 120], count[SIZE_TEXT];
	struct look look;

	if (room > BLOCKS_MOST)
		room = BLOCKS_MOST;
	if (!state_look(state, &look)) {
		view_heading(canvas, state, PANE_BLOCKS, box, "BLOCKS");
		return;
	}
	n = look_blocks(&look, 0, blocks, 1);
	scroll(state, n, room);
	look_blocks(&look, state->block_top, blocks, room);
	snprintf(text, sizeof text, "BLOCKS of %.100s: %s   %s", state->name,
		size_count(count, n, SIZE_DIGIT),
		view_sign(canvas, "█ in use  ▓ mixed  ▒ free  ░ never carved",
			"# in use  + mixed  : free  . never carved"));
	view_heading(canvas, state, PANE_BLOCKS, box, text);
	if (n - state->block_top < room)
		room = n - state->block_top;
	for (size_t i = 0; i < room; i++)
		paint_block(canvas, state, &look, &blocks[i], state->block_top + i,
			box.y + 1 + (int)i, box);
	mark_changed(canvas, state, &look, blocks, room, box);
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
	char number[SIZE_TEXT];

	const char *block = (const char *)chunk->info.address - chunk->offset;

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
	add(lines, "list     freelist[%d], %s, place %" PRIu64, chunk->info.size_class,
		view_class(class, chunk->info.size_class), chunk->place);
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
			view_class(a, chunk->info.size_class), chunk->info.size_class);
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
