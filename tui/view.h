/* SPDX-License-Identifier: MIT */
/*
 * Views: state and feed painted on a canvas, each in its box of the layout.  They change nothing
 * but how far things are scrolled and how many lines there was room for.
 */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "model/size.h"
#include "tui/canvas.h"
#include "tui/layout.h"
#include "tui/state.h"

/* Paints the whole screen. */
void view_paint(struct canvas *canvas, struct state *state);

/* The parts, for view.c. */
void view_top(struct canvas *canvas, const struct state *state, const struct layout *layout);
void view_bottom(struct canvas *canvas, const struct state *state, const struct layout *layout);
void view_tree(struct canvas *canvas, struct state *state, struct layout_box box);
void view_lists(struct canvas *canvas, const struct state *state, struct layout_box box);
void view_chain(struct canvas *canvas, const struct state *state, struct layout_box box);
void view_blocks(struct canvas *canvas, struct state *state, struct layout_box box);
void view_events(struct canvas *canvas, const struct state *state, struct layout_box box);
void view_chunk(struct canvas *canvas, const struct state *state);
void view_help(struct canvas *canvas, struct state *state);

/* The classes that lists show in a box, from the top; returns how many. */
int view_shown_classes(const struct state *state, const struct lists *lists, struct layout_box box,
	int classes[static LISTS_PLACES]);
/* What class K holds and nobody asked for: slack, and free chunks. */
uint64_t view_waste(const struct lists *lists, int k);
/* The class with most of that; -1: none has any. */
int view_most_wasteful(const struct lists *lists);
/* How many blocks there are lines for. */
int view_block_lines(const struct state *state, struct layout_box box);
/* The first column and the width of a block's map. */
void view_block_map(struct layout_box box, int *x, int *width);
/* An event as its words: "alloc #3 32 B"; NAME is what its context is called. */
void view_event_words(const struct trace_event *event, const char *name, char *out, size_t size);
/* A live event as a line. */
void view_live_words(const struct feed_live_event *event, char *out, size_t size);

/* The heading of a pane, marked where the pane has the keys. */
void view_heading(struct canvas *canvas, const struct state *state, enum pane pane,
	struct layout_box box, const char *text);
/* An event of a trace: one that has happened, or one still to come. */
struct view_event {
	const struct explain_event *past;
	const struct seek_coming *coming;
	uint64_t number;
};

/*
 * The events of a trace that a box shows from its second row on, the latest in the middle where
 * there are enough before and after it; returns how many.
 */
int view_shown_events(const struct state *state, struct layout_box box,
	struct view_event shown[static FEED_EVENTS]);
/* The events of the trace up to now that are asked for: all, or those of the selection. */
int view_past_events(const struct state *state, const struct explain_event **events);
/* The kind of the selected context, "aset". */
const char *view_kind(const struct state *state);
/* How a link of a chain is written: "#3", "cut", "base". */
void view_link(const struct explain_link *link, char *out, size_t size);

/* The flags for the functions of size.h. */
unsigned view_size_flags(const struct canvas *canvas);
/* SIGN, or what ASCII has for it. */
const char *view_sign(const struct canvas *canvas, const char *sign, const char *ascii);
/* The size of a class with its unit: "32 B", "1K". */
const char *view_class(char out[static SIZE_TEXT], uint64_t bytes);
/* A number of at most 6 columns: "99,999", "1.23M". */
const char *view_count(const struct canvas *canvas, char out[static SIZE_TEXT], uint64_t count);

#endif
