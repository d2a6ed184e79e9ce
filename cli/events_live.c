/* SPDX-License-Identifier: MIT */
/*
 * The events of a live process: see events_live.h.
 *
 * Without --follow the rings are read once, and of the lines the last are kept until the end.
 *
 * Invariant: what is counted is events; a line about a loss stands before the event that it came
 * before, and is kept as long.
 */
#include "events_live.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "model/display.h"
#include "model/follow.h"
#include "model/size.h"
#include "screen.h"

enum { LINE = 4000, FIGURES = 44, NAME = 2100, MOST_KEPT = 1000000 };
#define PAUSE_NS 5000000

struct shower {
	const struct events_live *request;
	uint64_t began_ns; /* what times count from */
	uint64_t shown;
	char **kept;  /* the last lines, KEPT[shown % count] the oldest; NULL: they are printed */
	char *losses; /* where they are kept: the lines since the last of them; NULL: none */
	bool has_failed;
};

static volatile sig_atomic_t stopped;

static void note_signal(int number)
{
	stopped = number;
}

bool events_live_is_kind(const char *kind)
{
	const char *names[LIVE_OPS + 1] = {0}, *near;

	for (unsigned op = LIVE_CREATE; op < LIVE_OPS; op++) {
		names[op - LIVE_CREATE] = live_op_name((enum live_op)op);
		if (strcmp(kind, live_op_name((enum live_op)op)) == 0)
			return true;
	}
	near = cli_nearest(kind, names);
	cli_error("events: --kind=%s: no such event%s%s%s", kind, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "; expected alloc, free, realloc, create ...");
	return false;
}

/* ---- A line --------------------------------------------------------------------------- */

/* What a watched arena tells: a number and bytes, either of which may be negative. */
static bool is_signed(const struct live_event *event)
{
	return event->op == LIVE_BLOCKS || event->op == LIVE_CHUNKS;
}

static uint64_t size_of(const struct live_event *event)
{
	if (is_signed(event))
		return event->bytes < 0 ? 0 - (uint64_t)event->bytes : (uint64_t)event->bytes;
	return event->size;
}

static bool has_size(const struct live_event *event)
{
	return event->op == LIVE_ALLOC || event->op == LIVE_REALLOC || event->op == LIVE_LOST ||
	       (event->op == LIVE_FREE && event->size != UINT64_MAX) || is_signed(event);
}

static bool is_wanted(const struct events_live *request, const struct live_event *event)
{
	const struct live_context *context = event->context;

	if (event->op == LIVE_FOUND)
		return false;
	if (event->op == LIVE_LOST)
		return true;
	if (request->kind != NULL && strcmp(request->kind, live_op_name(event->op)) != 0)
		return false;
	if (request->min_size > 0 && (!has_size(event) || size_of(event) < request->min_size))
		return false;
	return request->is_wanted(
		request->arg, context->name ? context->name : "", context->ident, context->serial);
}

static void describe(const struct live_event *event, char text[static NAME])
{
	const struct live_context *context = event->context;
	int n = 0;

	if (event->op == LIVE_LOST)
		snprintf(text, NAME, "%s",
			event->size > 0 ? "entries written over unread"
					: "recording was off before this");
	else if (context->serial == 0)
		n = snprintf(text, NAME, "(a context that is gone)");
	else
		n = snprintf(text, NAME, "%.1023s #%" PRIu64 "%s%.900s",
			*context->name ? context->name : "\"\"", context->serial,
			context->ident ? " " : "", context->ident ? context->ident : "");
	if (is_signed(event))
		snprintf(text + n, NAME - (size_t)n, " %+" PRId64, event->count);
}

/* "4,096", "-16". */
static void put_size(const struct live_event *event, char text[static SIZE_TEXT + 1])
{
	*text = '\0';
	if (!has_size(event) || (event->op == LIVE_LOST && event->size == 0))
		return;
	if (event->bytes < 0)
		*text++ = '-';
	size_count(text, size_of(event), SIZE_DIGIT | SIZE_ASCII);
}

static void make_line(
	const struct shower *shower, const struct live_event *event, char line[static LINE])
{
	char size[SIZE_TEXT + 1], text[NAME], shown[DISPLAY_SIZE(SCREEN_WIDEST)];
	uint64_t ns = event->time_ns > shower->began_ns ? event->time_ns - shower->began_ns : 0;

	put_size(event, size);
	describe(event, text);
	display_fit(shown, text, screen_width() - FIGURES, cli_settings.utf8 ? 0 : DISPLAY_ASCII);
	snprintf(line, LINE, "%6" PRIu64 ".%06" PRIu64 " %8" PRIu32 "  %-9s %13s  %s",
		ns / 1000000000u, ns / 1000 % 1000000u, event->tid, live_op_name(event->op), size,
		shown);
}

static bool keep_line(struct shower *shower, const char *line, bool is_loss)
{
	char **place, *text;

	if (asprintf(&text, "%s%s\n", shower->losses != NULL ? shower->losses : "", line) < 0) {
		shower->has_failed = true;
		return false;
	}
	free(shower->losses);
	shower->losses = is_loss ? text : NULL;
	if (is_loss)
		return true;
	place = &shower->kept[shower->shown++ % shower->request->count];
	free(*place);
	*place = text;
	return true;
}

static bool show_event(const struct live_event *event, void *arg)
{
	struct shower *shower = arg;
	const struct events_live *request = shower->request;
	bool is_loss = event->op == LIVE_LOST;
	char line[LINE];

	if (!is_wanted(request, event))
		return stopped == 0;
	make_line(shower, event, line);
	if (shower->kept != NULL)
		return keep_line(shower, line, is_loss);
	puts(line);
	cli_look_at_output();
	shower->shown += !is_loss;
	return stopped == 0 && shower->shown < request->count && !ferror(stdout);
}

/* ---- Reading -------------------------------------------------------------------------- */

static int follow_on(struct shower *shower, struct live *live, struct follow *follow)
{
	struct timespec pause = {0, PAUSE_NS};

	for (;;) {
		bool last = !live_is_running(live);
		ptrdiff_t got = follow_poll(follow, show_event, shower);

		fflush(stdout);
		cli_look_at_output();
		if (got == -2 || ferror(stdout))
			return CLI_DONE; /* a failed write is said at the end */
		if (got < 0 || stopped != 0 || (last && got == 0))
			return got == -3 ? CLI_SYSTEM : CLI_DONE;
		if (got == 0)
			nanosleep(&pause, NULL);
	}
}

static void print_kept(struct shower *shower)
{
	uint64_t n = shower->request->count;

	for (uint64_t i = 0; i < n; i++) {
		char *text = shower->kept[(shower->shown + i) % n];

		if (text != NULL)
			fputs(text, stdout);
		free(text);
	}
	if (shower->losses != NULL)
		fputs(shower->losses, stdout);
	free(shower->losses);
}

static int show_latest(struct shower *shower, struct follow *follow)
{
	uint64_t count = shower->request->count;
	ptrdiff_t got;

	if (count <= MOST_KEPT)
		shower->kept = calloc(count, sizeof *shower->kept);
	if (count <= MOST_KEPT && shower->kept == NULL)
		return CLI_SYSTEM;
	got = follow_poll(follow, show_event, shower);
	if (shower->kept != NULL)
		print_kept(shower);
	free(shower->kept);
	return got == -3 || shower->has_failed ? CLI_SYSTEM : CLI_DONE;
}

int events_live_show(const struct events_live *request)
{
	struct shower shower = {.request = request};
	struct sigaction action = {.sa_handler = note_signal};
	struct live_error error;
	struct live *live = live_open(request->pid, &error);
	struct follow *follow = NULL;
	int status = CLI_DONE;

	if (live != NULL)
		follow = follow_new(live, request->follow ? FOLLOW_NOW : FOLLOW_OLDEST, &error);
	if (follow == NULL) {
		cli_error("%d: %s", (int)request->pid, error.message);
		live_close(live);
		return error.status;
	}
	shower.began_ns = live_header(live)->monotonic_ns;
	printf("%13s %8s  %-9s %13s  %s\n", "TIME, S", "THREAD", "EVENT", "SIZE", "CONTEXT");
	if (request->follow) {
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		status = follow_on(&shower, live, follow);
	} else {
		status = show_latest(&shower, follow);
	}
	if (status == CLI_SYSTEM)
		cli_system_error("events", ENOMEM);
	if (shower.shown == 0 && status == CLI_DONE && !request->follow)
		cli_error("%d: its rings hold no such event", (int)request->pid);
	follow_free(follow);
	live_close(live);
	return status;
}
