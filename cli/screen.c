/* SPDX-License-Identifier: MIT */
/*
 * The screen: see screen.h.
 */
#include "screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

enum { ASSUMED_LINES = 24, LEAST_LINES = 10 };

/* The size of the terminal, zeros where there is none. */
static struct winsize terminal(void)
{
	struct winsize size = {0};

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		size = (struct winsize){0};
	return size;
}

int screen_width(void)
{
	int width = terminal().ws_col;

	return width < PAGE_WIDTH ? PAGE_WIDTH : width > SCREEN_WIDEST ? SCREEN_WIDEST : width;
}

int screen_lines(void)
{
	int lines = terminal().ws_row;

	if (lines == 0)
		return ASSUMED_LINES;
	return lines < LEAST_LINES ? LEAST_LINES : lines;
}

struct page screen_page(void)
{
	return (struct page){.out = stdout,
		.utf8 = cli_settings.utf8,
		.color = cli_settings.color,
		.exact = cli_settings.bytes};
}
