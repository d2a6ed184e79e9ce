/* SPDX-License-Identifier: MIT */
/*
 * The state of the screens: what is selected, folded, sorted, sought.  Requests change it; views
 * are functions of it and of the feed.  No terminal here.
 *
 * Invariant: `visible` are the lines that no fold hides, of the rows made from the snapshot that
 * the feed shows; the selection is a context's id, so it stays where it was when the tree changes.
 */
#ifndef TUI_STATE_H
#define TUI_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/rows.h"
#include "tui/feed.h"
#include "tui/keys.h"

enum pane { PANE_TREE, PANE_LISTS, PANE_EVENTS, PANES };

/* What is being typed. */
enum prompt { PROMPT_NONE, PROMPT_FIND, PROMPT_FILTER, PROMPT_GOTO };

enum { STATE_TEXT = 128 };

struct state {
	struct feed *feed;
	uint64_t serial; /* of the feed when rows were made */
	struct rows_options options;
	struct rows *rows;
	uint32_t *visible; /* lines of rows */
	size_t n_visible, room_visible;
	uint64_t *folded; /* ids of folded contexts, an open table; 0 slots are told by used */
	bool *folded_used;
	size_t n_folded, room_folded;

	uint64_t selected; /* a context's id */
	bool has_selected, is_gone;
	size_t line; /* of the selection among the visible */
	size_t top;  /* first line on the screen */
	size_t page; /* lines of the tree that the last frame had room for */
	int size_class;
	enum pane pane;

	bool playing, paused, help, quit, redraw, save;
	int help_top;
	uint64_t speed; /* events a second while playing */
	double due;     /* events that playing has yet to take */
	enum prompt prompt;
	char text[STATE_TEXT]; /* typed so far */
	char find[STATE_TEXT], filter[STATE_TEXT];
	char message[200]; /* shown until the next request */
};

/* 0, or -1 with ENOMEM.  The feed stays the caller's. */
int state_init(struct state *state, struct feed *feed);
void state_end(struct state *state);

void state_request(struct state *state, enum request request);
/* A key, as a request or into the prompt. */
void state_key(struct state *state, int key);
/* SECONDS passed: playing goes on, a live process is looked at again. */
void state_tick(struct state *state, double seconds);
/* Makes rows and lines anew where what they show has changed.  0, or -1 with ENOMEM. */
int state_update(struct state *state);

/* Folds, by contexts' ids.  Without memory for it, a context stays unfolded. */
bool state_is_folded(const struct state *state, uint64_t id);
void state_fold(struct state *state, uint64_t id);
void state_unfold(struct state *state, uint64_t id);
void state_unfold_all(struct state *state);

/* The line of the selection, or NULL where there is none. */
const struct row *state_row(const struct state *state);
/* Selects the line at a place on the screen, from 0. */
void state_select(struct state *state, size_t line);

#endif
