/* SPDX-License-Identifier: MIT */
/*
 * Choosing a source.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/live.h"
#include "model/state.h"
#include "tui/canvas.h"
#include "tui/chooser.h"
#include "tui/keys.h"
#include "tui/term.h"

static struct choice *add(struct chooser *chooser)
{
	return chooser->n < CHOOSER_MAX ? &chooser->choices[chooser->n++] : NULL;
}

static void find_live(struct chooser *chooser)
{
	pid_t *pids;
	ptrdiff_t n = live_list(&pids);

	for (ptrdiff_t i = 0; i < n; i++) {
		struct choice *choice = add(chooser);
		char command[160];

		if (!choice)
			break;
		live_command(pids[i], command, sizeof command);
		snprintf(choice->argument, sizeof choice->argument, "%d", (int)pids[i]);
		snprintf(choice->text, sizeof choice->text, "live      %7d  %s", (int)pids[i],
			command);
	}
	free(pids);
}

static void find_last(struct chooser *chooser)
{
	char path[STATE_PATH];
	FILE *in = state_open(false, path);
	struct choice *choice;

	if (!in)
		return;
	fclose(in);
	choice = add(chooser);
	if (choice)
		snprintf(choice->text, sizeof choice->text, "replay    the last replay's end");
}

static int compare_choices(const void *a, const void *b)
{
	return strcmp(((const struct choice *)a)->text, ((const struct choice *)b)->text);
}

static bool is_trace_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".trace") || !strcmp(name, "trace.txt"));
}

static void find_samples(struct chooser *chooser, const char *samples)
{
	size_t first = chooser->n;
	struct dirent *entry;
	DIR *dir = samples ? opendir(samples) : NULL;

	while (dir && (entry = readdir(dir)) != NULL) {
		struct choice *choice = is_trace_name(entry->d_name) ? add(chooser) : NULL;

		if (!choice)
			continue;
		snprintf(choice->argument, sizeof choice->argument, "%.100s/%.150s", samples,
			entry->d_name);
		snprintf(choice->text, sizeof choice->text, "sample    %.200s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	qsort(chooser->choices + first, chooser->n - first, sizeof *chooser->choices,
		compare_choices);
}

void chooser_find(struct chooser *chooser, const char *samples)
{
	memset(chooser, 0, sizeof *chooser);
	find_live(chooser);
	find_last(chooser);
	find_samples(chooser, samples);
}

static void paint(const struct chooser *chooser, struct canvas *canvas)
{
	int room = canvas->height - 4;

	canvas_clear(canvas);
	canvas_put(canvas, 0, 0, canvas->width, CANVAS_REVERSE | CANVAS_BOLD, DISPLAY_PAD,
		" memctx  what to look at");
	if (chooser->n == 0)
		canvas_put(canvas, 2, 2, canvas->width - 2, CANVAS_PLAIN, 0,
			"No live process, no replay, no samples: memctx-tool tui TRACE");
	for (int i = 0; i < room && chooser->top + (size_t)i < chooser->n; i++) {
		size_t line = chooser->top + (size_t)i;
		bool is_selected = line == chooser->line;

		canvas_put(canvas, 2 + i, 0, canvas->width,
			is_selected ? CANVAS_REVERSE : CANVAS_PLAIN, DISPLAY_PAD, "");
		canvas_put(canvas, 2 + i, 0, 2,
			is_selected ? CANVAS_REVERSE | CANVAS_BOLD : CANVAS_PLAIN, 0,
			is_selected ? "> " : "  ");
		canvas_put(canvas, 2 + i, 2, canvas->width - 2,
			is_selected ? CANVAS_REVERSE : CANVAS_PLAIN, 0,
			chooser->choices[line].text);
	}
	canvas_put(canvas, canvas->height - 1, 1, canvas->width - 1, CANVAS_DIM, 0,
		"Enter look   q quit");
}

static void move(struct chooser *chooser, enum request request, size_t room)
{
	if (request == REQUEST_UP && chooser->line > 0)
		chooser->line--;
	else if (request == REQUEST_DOWN && chooser->line + 1 < chooser->n)
		chooser->line++;
	else if (request == REQUEST_FIRST)
		chooser->line = 0;
	else if (request == REQUEST_LAST && chooser->n)
		chooser->line = chooser->n - 1;
	else if (request == REQUEST_PAGE_UP)
		chooser->line -= chooser->line < room ? chooser->line : room;
	else if (request == REQUEST_PAGE_DOWN && chooser->n)
		chooser->line =
			chooser->line + room < chooser->n ? chooser->line + room : chooser->n - 1;
	if (chooser->line < chooser->top)
		chooser->top = chooser->line;
	if (room && chooser->line >= chooser->top + room)
		chooser->top = chooser->line - room + 1;
}

/* A click selects a line, the wheel goes over them; true: a click on the one that is selected. */
static bool take_mouse(struct chooser *chooser, size_t room)
{
	int y, x;
	enum term_mouse what = term_mouse(&y, &x);
	size_t line = chooser->top + (size_t)(y - 2);

	if (what != TERM_CLICK) {
		move(chooser, what == TERM_WHEEL_UP ? REQUEST_UP : REQUEST_DOWN, room);
		return false;
	}
	if (y < 2 || (size_t)(y - 2) >= room || line >= chooser->n)
		return false;
	if (line == chooser->line)
		return true;
	chooser->line = line;
	return false;
}

const struct choice *chooser_run(struct chooser *chooser, bool ascii)
{
	for (;;) {
		struct canvas *canvas;
		int width, height, key;
		size_t room;

		term_size(&width, &height);
		room = height > 4 ? (size_t)height - 4 : 0;
		canvas = canvas_new(width, height, ascii);
		if (!canvas)
			return NULL;
		paint(chooser, canvas);
		term_show(canvas, false);
		canvas_free(canvas);
		key = term_key(3600000);
		if (key == KEYS_MOUSE && take_mouse(chooser, room))
			key = KEYS_ENTER;
		if (key == KEYS_ENTER && chooser->n > 0)
			return &chooser->choices[chooser->line];
		if (key == KEYS_ESCAPE || keys_request(key) == REQUEST_QUIT)
			return NULL;
		move(chooser, keys_request(key), room);
	}
}
