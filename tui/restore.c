/* SPDX-License-Identifier: MIT */
/*
 * The terminal's way back.
 */
#include <ncurses.h>
#include <signal.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "tui/restore.h"

static volatile sig_atomic_t is_taken;

/* What gives the terminal back, made at the start: a handler may only write and set. */
static struct termios modes;
static char goodbye[256];
static size_t goodbye_length;

static bool has(const char *name)
{
	const char *text = tigetstr(name);

	return text && text != (const char *)-1;
}

bool restore_can_show(void)
{
	return has("cup") && has("clear");
}

/* Adds a capability's text, without what terminals of paper wanted to wait. */
static void add_goodbye(const char *name)
{
	const char *text = tigetstr(name);

	if (!has(name))
		return;
	while (*text && goodbye_length + 1 < sizeof goodbye) {
		const char *wait = !strncmp(text, "$<", 2) ? strchr(text, '>') : NULL;

		if (wait)
			text = wait + 1;
		else
			goodbye[goodbye_length++] = *text++;
	}
}

static void make_goodbye(void)
{
	/* No capability ends the mouse's reports where terminals know them all the same. */
	static const char no_mouse[] = "\033[?1000l\033[?1006l";

	goodbye_length = 0;
	if (has("kmous")) {
		memcpy(goodbye, no_mouse, sizeof no_mouse - 1);
		goodbye_length = sizeof no_mouse - 1;
	}
	add_goodbye("sgr0");
	add_goodbye("rmkx");
	add_goodbye("cnorm");
	add_goodbye("rmcup");
}

/*
 * A signal that ends the program: the terminal first, then the signal as if nobody had caught it.
 * endwin() is no function for handlers: it may want what the interrupted code holds.
 */
static void give_back(int number)
{
	if (is_taken) {
		is_taken = 0;
		if (write(STDOUT_FILENO, goodbye, goodbye_length) >= 0)
			tcsetattr(STDOUT_FILENO, TCSADRAIN, &modes);
	}
	signal(number, SIG_DFL);
	raise(number);
}

static void catch_signals(void)
{
	static const int numbers[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	struct sigaction action = {.sa_handler = give_back};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sigaction(numbers[i], &action, NULL);
}

void restore_begin(void)
{
	tcgetattr(STDOUT_FILENO, &modes);
}

void restore_arm(void)
{
	make_goodbye();
	is_taken = 1;
	catch_signals();
}

bool restore_disarm(void)
{
	bool was_taken = is_taken != 0;

	is_taken = 0;
	return was_taken;
}
