/* SPDX-License-Identifier: MIT */
/*
 * The state of the screens: what is selected, folded, sorted, sought.  Requests change it; views
 * are functions of it and of the feed.  No terminal here.
 *
 * Invariant: `visible` are the lines that no fold hides, of the rows made from the snapshot that
 * the feed shows; the selection is a context's id, so it stays where it was when the tree changes.
 * A selected context that no longer lives has a line of its own, STATE_GONE, until it is left.
 */
#ifndef TUI_STATE_H
#define TUI_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/rows_lists.h"
#include "tui/feed.h"
#include "tui/keys.h"

enum pane { PANE_TREE, PANE_LISTS, PANE_CHAIN, PANE_BLOCKS, PANE_EVENTS, PANES };

/* What is being typed. */
enum prompt { PROMPT_NONE, PROMPT_FIND, PROMPT_FILTER, PROMPT_GOTO };

/* What is to be saved. */
enum save { SAVE_NOTHING, SAVE_SNAPSHOT, SAVE_EVENTS };

enum { STATE_TEXT = 128, STATE_NAME = 256 };

#define STATE_GONE UINT32_MAX

/* The selected line's classes at the last two moments that were shown. */
struct state_watch {
	uint64_t id;
	bool own, has_was;
	struct lists was, is;
};

struct state {
	struct feed *feed;
	uint64_t serial; /* of the feed when rows were made */
	struct rows_options options;
	struct rows *rows;
	struct snapshot_figures totals; /* of the whole tree */
	uint32_t largest;               /* the context that is largest alone; SNAPSHOT_NONE */
	uint32_t *visible;              /* lines of rows, or STATE_GONE */
	size_t n_visible, room_visible;
	uint64_t *folded; /* ids of folded contexts, an open table; 0 slots are told by used */
	bool *folded_used;
	size_t n_folded, room_folded;

	uint64_t selected; /* a context's id */
	uint64_t life;     /* of a trace: the one that the context is in, or was in last */
	char name[STATE_NAME];
	bool has_selected, is_gone;
	size_t line; /* of the selection among the visible */
	size_t top;  /* first line on the screen */
	size_t page; /* lines of the tree that the last frame had room for */
	struct state_watch watch;

	enum pane pane;
	int class;               /* a place of lists.h: the class that the cursor is on */
	bool has_picked;         /* the class; until then it is the one that events touch */
	uint64_t link;           /* the cursor in the chain, from 1 */
	size_t block, block_top; /* the cursor among the blocks */
	size_t offset;           /* of the cursor's chunk in its block; 0: none yet */
	bool is_decoding;        /* the chunk under the cursor is shown decoded */
	bool only;               /* events of the selection alone */

	bool playing, paused, help, quit, redraw;
	bool has_failed; /* out of memory: quit */
	bool wants_peak; /* goes to the peak once it is known, unless something is asked before */
	enum save save;
	int help_top, help_room;
	uint64_t speed;  /* events a second while playing */
	double due;      /* events that playing has yet to take */
	double interval; /* seconds between two looks at a live process */
	enum prompt prompt;
	char text[STATE_TEXT]; /* typed so far */
	char find[STATE_TEXT], filter[STATE_TEXT];
	size_t find_from;  /* where typing began to find */
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
/* The same, since the options did. */
void state_remake(struct state *state);

/* Sorts by a column; by the one that is, the other way round. */
void state_sort(struct state *state, enum rows_key key);
/* Says something until the next request. */
void state_say(struct state *state, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Folds, by contexts' ids.  Without memory for it, a context stays unfolded. */
bool state_is_folded(const struct state *state, uint64_t id);
void state_fold(struct state *state, uint64_t id);
void state_unfold(struct state *state, uint64_t id);
void state_unfold_all(struct state *state);
/* Lists the lines anew after folds changed. */
void state_refold(struct state *state);

/* The line of the selection, or NULL where there is none or it is gone. */
const struct row *state_row(const struct state *state);
/* The line at a place among the visible; NULL: the one that is gone. */
const struct row *state_row_at(const struct state *state, size_t line);
/* The id of a line's first context. */
uint64_t state_id(const struct state *state, const struct row *row);
/* The selected line stays; what is looked at closer is that context, one of those it sums. */
void state_take(struct state *state, uint64_t id);
/* Selects the line at a place among the visible, from 0. */
void state_select(struct state *state, size_t line);
/* Selects a line of rows, unfolding what hides it. */
void state_show_row(struct state *state, uint32_t row);
/* The line that has a context of the snapshot, or SNAPSHOT_NONE. */
uint32_t state_row_of(const struct state *state, uint32_t context);

/* Finding and time: state_find.c, state_time.c. */
void state_find(struct state *state, size_t from, int step);
void state_seek(struct state *state, uint64_t event);
void state_request_time(struct state *state, enum request request);
/* Goes to where TEXT says: an event, a time, the peak, the end. */
void state_go_to(struct state *state, const char *text);
/* The requests of panes other than the tree; false: it is none of theirs. */
bool state_request_pane(struct state *state, enum request request);
/* Chooses a class to look at closer. */
void state_pick_class(struct state *state, int class);
/* The number of the selected context's list of that class; -1: it has none. */
int state_list(const struct state *state);
/* The classes of the selected line, ROW. */
void state_lists(const struct state *state, const struct row *row, struct lists *lists);
/* Goes to the class that the last event touched, unless the user has chosen one. */
void state_follow_class(struct state *state);
/* The last event, where it was about the selected context; else NULL. */
const struct explain_event *state_last_event(const struct state *state);
/* Whether a pane is there at all with this feed. */
bool state_has_pane(const struct state *state, enum pane pane);
/* The chunk under the cursor of the pane, where there is one. */
bool state_chunk(const struct state *state, struct look_chunk *chunk);
/* Where to look at the selected context's memory. */
bool state_look(const struct state *state, struct look *look);

#endif
