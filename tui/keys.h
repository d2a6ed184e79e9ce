/* SPDX-License-Identifier: MIT */
/*
 * Every request that a user can make: one table, from which the keys, the words of scripts and the
 * help are made, so that none can drift from the others.
 */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

/* Keys that are no characters, as the terminal's reader yields them. */
enum key {
	KEYS_ENTER = '\n',
	KEYS_ESCAPE = 27,
	KEYS_CTRL_L = 12,
	KEYS_BACKSPACE = 127,
	KEYS_NONE = 0x1000,
	KEYS_UP,
	KEYS_DOWN,
	KEYS_LEFT,
	KEYS_RIGHT,
	KEYS_PAGE_UP,
	KEYS_PAGE_DOWN,
	KEYS_HOME,
	KEYS_END,
	KEYS_TAB,
	KEYS_BACK_TAB,
	KEYS_F1,
	KEYS_F3,
	KEYS_F4,
	KEYS_F6,
	KEYS_F10,
	KEYS_RESIZE,
	KEYS_MOUSE,
};

/* The parts of the help. */
enum key_group { KEYS_MOVE, KEYS_TREE, KEYS_FIND, KEYS_TIME, KEYS_LOOK, KEYS_OTHER, KEYS_GROUPS };

/* group, request, word in scripts, first key, second key, keys as help names them, what it does */
#define KEYS_TABLE(X)                                                                              \
	X(MOVE, UP, "up", KEYS_UP, 'k', "Up k", "one line up")                                     \
	X(MOVE, DOWN, "down", KEYS_DOWN, 'j', "Down j", "one line down")                           \
	X(MOVE, PAGE_UP, "page-up", KEYS_PAGE_UP, 2, "PgUp", "a screen up")                        \
	X(MOVE, PAGE_DOWN, "page-down", KEYS_PAGE_DOWN, 6, "PgDn", "a screen down")                \
	X(MOVE, FIRST, "first", KEYS_HOME, 'g', "Home g", "the first line")                        \
	X(MOVE, LAST, "last", KEYS_END, 'G', "End G", "the last line")                             \
	X(MOVE, LARGEST, "largest", 'L', KEYS_NONE, "L", "the context that is largest alone")      \
	X(MOVE, PANE, "pane", KEYS_TAB, KEYS_NONE, "Tab", "the next pane")                         \
	X(MOVE, PANE_BACK, "pane-back", KEYS_BACK_TAB, KEYS_NONE, "Shift-Tab", "the pane before")  \
	X(TREE, OPEN, "open", KEYS_ENTER, KEYS_NONE, "Enter", "fold, unfold; decode a chunk")      \
	X(TREE, UNFOLD, "unfold", '+', 'l', "+ l", "unfold")                                       \
	X(TREE, FOLD, "fold", '-', 'h', "- h", "fold, or go to the parent")                        \
	X(TREE, UNFOLD_ALL, "unfold-all", '*', KEYS_NONE, "*", "unfold all")                       \
	X(TREE, FOLD_ALL, "fold-all", '_', KEYS_NONE, "_", "fold all")                             \
	X(TREE, SORT, "sort", 'o', KEYS_F6, "o F6", "order by the next column")                    \
	X(TREE, SORT_BACK, "sort-back", 'O', KEYS_NONE, "O", "order by the column before")         \
	X(TREE, REVERSE, "reverse", 'I', KEYS_NONE, "I", "reverse the order")                      \
	X(TREE, SUM, "sum", 'z', KEYS_NONE, "z", "sum siblings of one name, or show each")         \
	X(TREE, GROUP, "group", 'Z', KEYS_NONE, "Z", "sum by name over the whole tree")            \
	X(TREE, OWN, "own", 'a', KEYS_NONE, "a", "count alone, or with what stands below")         \
	X(FIND, FIND, "find", '/', KEYS_F3, "/ F3", "find in names, folded ones too")              \
	X(FIND, NEXT, "next", 'n', KEYS_NONE, "n", "find the next")                                \
	X(FIND, PREVIOUS, "previous", 'N', KEYS_NONE, "N", "find the one before")                  \
	X(FIND, FILTER, "filter", '\\', KEYS_F4, "\\ F4", "show only what has a text in it")       \
	X(TIME, PLAY, "play", ' ', KEYS_NONE, "Space", "trace: play or stop; live: pause")         \
	X(TIME, FASTER, "faster", 'f', KEYS_NONE, "f", "play faster; live: look more often")       \
	X(TIME, SLOWER, "slower", 'F', KEYS_NONE, "F", "play slower; live: look less often")       \
	X(TIME, BACK, "back", KEYS_LEFT, ',', "Left ,", "trace: one event back")                   \
	X(TIME, STEP, "step", KEYS_RIGHT, '.', "Right .", "trace: one event on")                   \
	X(TIME, BACK_MANY, "back-many", '<', KEYS_NONE, "<", "trace: a hundredth of it back")      \
	X(TIME, STEP_MANY, "step-many", '>', KEYS_NONE, ">", "trace: a hundredth of it on")        \
	X(TIME, NEXT_OWN, "next-own", 'w', KEYS_NONE, "w", "trace: to the context's next event")   \
	X(TIME, BACK_OWN, "back-own", 'b', KEYS_NONE, "b", "trace: to its event before")           \
	X(TIME, NEXT_RESET, "next-reset", 'r', KEYS_NONE, "r", "trace: to the next reset")         \
	X(TIME, BACK_RESET, "back-reset", 'R', KEYS_NONE, "R", "trace: to the reset before")       \
	X(TIME, PEAK, "peak", 'p', KEYS_NONE, "p", "trace: to the peak")                           \
	X(TIME, START, "start", '0', KEYS_NONE, "0", "trace: to its start")                        \
	X(TIME, FINISH, "finish", '$', KEYS_NONE, "$", "trace: to its end")                        \
	X(TIME, GOTO, "goto", ':', KEYS_NONE, ":", "trace: to an event (812) or time (5.9ms)")     \
	X(LOOK, ITEM_UP, "item-up", '[', KEYS_NONE, "[", "the class, link or chunk before")        \
	X(LOOK, ITEM_DOWN, "item-down", ']', KEYS_NONE, "]", "the class, link or chunk after")     \
	X(LOOK, ONLY, "only", 'c', KEYS_NONE, "c", "events of the selected context alone")         \
	X(OTHER, SAVE, "save", 's', KEYS_NONE, "s", "save what is seen as a JSON snapshot")        \
	X(OTHER, SAVE_EVENTS, "save-events", 'e', KEYS_NONE, "e", "save the events as text")       \
	X(OTHER, HELP, "help", '?', KEYS_F1, "? F1", "this help")                                  \
	X(OTHER, CANCEL, "cancel", KEYS_ESCAPE, KEYS_NONE, "Esc", "close; drop the filter")        \
	X(OTHER, REDRAW, "redraw", KEYS_CTRL_L, KEYS_NONE, "Ctrl-L", "draw the screen anew")       \
	X(OTHER, QUIT, "quit", 'q', KEYS_F10, "q F10", "quit")

#define KEYS_ENUM(group, request, word, key, other, keys, help) REQUEST_##request,
enum request { KEYS_TABLE(KEYS_ENUM) REQUESTS, REQUEST_NONE };
#undef KEYS_ENUM

struct key_help {
	enum key_group group;
	const char *word, *keys, *help;
	int key, other;
};

extern const struct key_help keys_table[REQUESTS];
/* What the parts of the help are called. */
extern const char *const keys_groups[KEYS_GROUPS];

/* What a key asks for; of a word in a script. */
enum request keys_request(int key);
enum request keys_word(const char *word);

#endif
