/* SPDX-License-Identifier: MIT */
/*
 * ncurses, kept to itself: attributes in, cells out, keys back.
 */
#include <errno.h>
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/keys.h"
#include "tui/restore.h"
#include "tui/term.h"

enum { PAIR_GREEN = 1, PAIR_MAGENTA, PAIR_CYAN, PAIR_RED };

static struct canvas *shown; /* what the terminal shows */
static bool has_colors_on;
static SCREEN *screen;
static MEVENT mouse;

static void start_colors(bool color)
{
	has_colors_on = color && has_colors() && start_color() == OK;
	if (!has_colors_on)
		return;
	/* The terminal's own colours behind, light or dark. */
	use_default_colors();
	init_pair(PAIR_GREEN, COLOR_GREEN, -1);
	init_pair(PAIR_MAGENTA, COLOR_MAGENTA, -1);
	init_pair(PAIR_CYAN, COLOR_CYAN, -1);
	init_pair(PAIR_RED, COLOR_RED, -1);
}

bool term_start(bool color)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		errno = ENOTTY;
		return false;
	}
	set_escdelay(25);
	restore_begin();
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		errno = ENOTTY;
		return false;
	}
	restore_arm();
	if (!restore_can_show()) {
		term_stop();
		errno = ENOTTY;
		return false;
	}
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	curs_set(0);
	mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
	start_colors(color);
	return true;
}

void term_stop(void)
{
	if (restore_disarm())
		endwin();
	canvas_free(shown);
	shown = NULL;
	if (screen)
		delscreen(screen);
	screen = NULL;
}

void term_size(int *width, int *height)
{
	getmaxyx(stdscr, *height, *width);
}

static attr_t attributes(unsigned attr)
{
	static const short pairs[] = {0, PAIR_GREEN, PAIR_MAGENTA, PAIR_CYAN, PAIR_RED};
	attr_t attributes = A_NORMAL;

	if (attr & CANVAS_BOLD)
		attributes |= A_BOLD;
	if (attr & CANVAS_REVERSE)
		attributes |= A_REVERSE;
	if (attr & CANVAS_DIM)
		attributes |= A_DIM;
	if (has_colors_on && (attr & CANVAS_COLOR) >> 4 <= PAIR_RED)
		attributes |= (attr_t)COLOR_PAIR(pairs[(attr & CANVAS_COLOR) >> 4]);
	return attributes;
}

static void show_row(const struct canvas *canvas, int y)
{
	for (int x = 0; x < canvas->width; x++) {
		const struct canvas_cell *cell = canvas_at(canvas, y, x);

		if (!*cell->text)
			continue;
		attrset((int)attributes(cell->attr));
		mvaddstr(y, x, cell->text);
	}
}

void term_show(const struct canvas *canvas, bool redraw)
{
	bool same_size = shown && shown->width == canvas->width && shown->height == canvas->height;

	if (redraw)
		clearok(stdscr, TRUE);
	if (!same_size) {
		canvas_free(shown);
		shown = canvas_new(canvas->width, canvas->height, canvas->ascii);
		erase();
	}
	for (int y = 0; y < canvas->height; y++) {
		size_t bytes = (size_t)canvas->width * sizeof *canvas->cells;

		if (shown && same_size && !redraw &&
			!memcmp(canvas_at(shown, y, 0), canvas_at(canvas, y, 0), bytes))
			continue;
		show_row(canvas, y);
		if (shown)
			memcpy(canvas_at(shown, y, 0), canvas_at(canvas, y, 0), bytes);
	}
	refresh();
}

static int translate(int key)
{
	static const int keys[][2] = {{KEY_UP, KEYS_UP}, {KEY_DOWN, KEYS_DOWN},
		{KEY_LEFT, KEYS_LEFT}, {KEY_RIGHT, KEYS_RIGHT}, {KEY_PPAGE, KEYS_PAGE_UP},
		{KEY_NPAGE, KEYS_PAGE_DOWN}, {KEY_HOME, KEYS_HOME}, {KEY_END, KEYS_END},
		{KEY_F(1), KEYS_F1}, {KEY_F(3), KEYS_F3}, {KEY_F(4), KEYS_F4}, {KEY_F(6), KEYS_F6},
		{KEY_F(10), KEYS_F10}, {KEY_BTAB, KEYS_BACK_TAB}, {KEY_RESIZE, KEYS_RESIZE},
		{KEY_MOUSE, KEYS_MOUSE}, {KEY_ENTER, KEYS_ENTER}, {'\r', KEYS_ENTER},
		{KEY_BACKSPACE, KEYS_BACKSPACE}, {8, KEYS_BACKSPACE}, {'\t', KEYS_TAB}};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i][0] == key)
			return keys[i][1];
	return key == ERR || key > 255 ? KEYS_NONE : key;
}

int term_key(int wait_ms)
{
	int key;

	timeout(wait_ms);
	key = getch();
	/* Standard input at its end would be read again and again. */
	if (key == ERR && wait_ms > 0 && !isatty(STDIN_FILENO))
		return 'q';
	if (key == KEY_MOUSE && getmouse(&mouse) != OK)
		return KEYS_NONE;
	return translate(key);
}

enum term_mouse term_mouse(int *y, int *x)
{
	*y = mouse.y;
	*x = mouse.x;
	if (mouse.bstate & BUTTON4_PRESSED)
		return TERM_WHEEL_UP;
	if (mouse.bstate & BUTTON5_PRESSED)
		return TERM_WHEEL_DOWN;
	return TERM_CLICK;
}
