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
	KEYS_F1,
	KEYS_F10,
	KEYS_RESIZE,
	KEYS_MOUSE,
};

/* request, word in scripts, first key, second key, keys as help names them, what it does */
#define KEYS_TABLE(X)                                                                              \
	X(UP, "up", KEYS_UP, 'k', "Up k", "one line up")                                           \
	X(DOWN, "down", KEYS_DOWN, 'j', "Down j", "one line down")                                 \
	X(PAGE_UP, "page-up", KEYS_PAGE_UP, 2, "PgUp", "a screen up")                              \
	X(PAGE_DOWN, "page-down", KEYS_PAGE_DOWN, 6, "PgDn", "a screen down")                      \
	X(FIRST, "first", KEYS_HOME, 'g', "Home g", "the first line")                              \
	X(LAST, "last", KEYS_END, 'G', "End G", "the last line")                                   \
	X(LARGEST, "largest", 'L', KEYS_NONE, "L", "the largest context by itself")                \
	X(TOGGLE, "toggle", KEYS_ENTER, KEYS_NONE, "Enter", "fold or unfold what stands below")    \
	X(UNFOLD, "unfold", '+', 'l', "+ l", "unfold")                                             \
	X(FOLD, "fold", '-', 'h', "- h", "fold, or go to the parent")                              \
	X(UNFOLD_ALL, "unfold-all", '*', KEYS_NONE, "*", "unfold all")                             \
	X(FOLD_ALL, "fold-all", '_', KEYS_NONE, "_", "fold all")                                   \
	X(SORT, "sort", 's', KEYS_NONE, "s", "sort by the next column")                            \
	X(SUM, "sum", 'z', KEYS_NONE, "z", "sum siblings of one name, or show each")               \
	X(GROUP, "group", 'Z', KEYS_NONE, "Z", "sum by name over the whole tree")                  \
	X(OWN, "own", 'o', KEYS_NONE, "o", "count contexts alone, or with what stands below")      \
	X(FIND, "find", '/', KEYS_NONE, "/", "find by name or ident")                              \
	X(NEXT, "next", 'n', KEYS_NONE, "n", "find the next")                                      \
	X(PREVIOUS, "previous", 'N', KEYS_NONE, "N", "find the one before")                        \
	X(FILTER, "filter", '\\', KEYS_NONE, "\\", "show only what has a text in it")              \
	X(PANE, "pane", KEYS_TAB, KEYS_NONE, "Tab", "the next pane")                               \
	X(CLASS_UP, "class-up", '[', KEYS_NONE, "[", "the size class above")                       \
	X(CLASS_DOWN, "class-down", ']', KEYS_NONE, "]", "the size class below")                   \
	X(BACK, "back", KEYS_LEFT, ',', "Left ,", "trace: one event back")                         \
	X(STEP, "step", KEYS_RIGHT, '.', "Right .", "trace: one event on")                         \
	X(BACK_MANY, "back-many", '<', KEYS_NONE, "<", "trace: a hundredth of it back")            \
	X(STEP_MANY, "step-many", '>', KEYS_NONE, ">", "trace: a hundredth of it on")              \
	X(PLAY, "play", ' ', KEYS_NONE, "Space", "trace: play or pause; live: pause")              \
	X(FASTER, "faster", 'f', KEYS_NONE, "f", "play twice as fast")                             \
	X(SLOWER, "slower", 'F', KEYS_NONE, "F", "play half as fast")                              \
	X(PEAK, "peak", 'p', KEYS_NONE, "p", "trace: to the peak")                                 \
	X(START, "start", '0', KEYS_NONE, "0", "trace: to its start")                              \
	X(FINISH, "finish", '$', KEYS_NONE, "$", "trace: to its end")                              \
	X(GOTO, "goto", ':', KEYS_NONE, ":", "trace: to an event's number")                        \
	X(SAVE, "save", 'S', KEYS_NONE, "S", "save what is seen as a JSON snapshot")               \
	X(HELP, "help", '?', KEYS_F1, "? F1", "this help")                                         \
	X(REDRAW, "redraw", KEYS_CTRL_L, KEYS_NONE, "Ctrl-L", "draw the screen anew")              \
	X(QUIT, "quit", 'q', KEYS_F10, "q F10", "quit")

#define KEYS_ENUM(request, word, key, other, keys, help) REQUEST_##request,
enum request { KEYS_TABLE(KEYS_ENUM) REQUESTS, REQUEST_NONE };
#undef KEYS_ENUM

struct key_help {
	const char *word, *keys, *help;
	int key, other;
};

extern const struct key_help keys_table[REQUESTS];

/* What a key asks for; of a word in a script. */
enum request keys_request(int key);
enum request keys_word(const char *word);

#endif
