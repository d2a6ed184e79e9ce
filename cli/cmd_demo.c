/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool demo: a small server to look into, with the screens on a terminal, else with its tree
 * once a second.
 *
 * It looks at itself as any other process would: through its published region.
 */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "demo_server.h"
#include "memctx.h"
#include "model/live.h"
#include "model/rows.h"
#include "model/size.h"
#include "run.h"
#include "screen.h"
#include "tree_table.h"
#include "tui/tui.h"

enum { OPTION_SECONDS, OPTION_TEXT, OPTION_QUIET };
enum { RING_EVENTS = 65536 };

static const struct cli_option options[] = {
	[OPTION_SECONDS] = {'s', "seconds", "N", "end after N seconds"},
	[OPTION_TEXT] = {'t', "text", NULL, "print the tree once a second, on a terminal too"},
	[OPTION_QUIET] = {'q', "quiet", NULL, "serve, and print nothing"},
	{0},
};

static volatile sig_atomic_t stopped;

static void note_signal(int number)
{
	stopped = number;
}

static void say_what_to_do(void)
{
	int pid = (int)getpid();

	cli_error("a server of 3 threads, process %d; in another terminal:", pid);
	cli_message("  memctx-tool ps");
	cli_message("  memctx-tool tree %d", pid);
	cli_message("  memctx-tool tui %d", pid);
	cli_message("  memctx-tool stat %d 1", pid);
	cli_message("  memctx-tool events --follow --context=Sessions %d", pid);
	cli_message("  memctx-tool record --duration=5 -o demo.trace.zst %d", pid);
	cli_message("One of its contexts grows without end. Ctrl-C ends it.");
}

static int print_tree(const struct snapshot *snapshot)
{
	struct page page = screen_page();
	struct rows_options how = {0};
	struct tree_table table = {.width = screen_width()};
	struct rows *rows = rows_new(snapshot, &how);
	char text[SIZE_TEXT];

	if (rows == NULL) {
		cli_system_error("demo", ENOMEM);
		return CLI_SYSTEM;
	}
	printf("%s%s queries\n", isatty(STDOUT_FILENO) ? "\033[H\033[J" : "\n",
		size_count(text, demo_server_queries(), SIZE_DIGIT));
	tree_table_print(&page, rows, &table);
	rows_free(rows);
	return fflush(stdout) == 0 ? CLI_DONE : CLI_SYSTEM;
}

/* Shows itself until it is to end. */
static int show(struct live *live, uint64_t seconds, bool is_quiet)
{
	struct live_error error;
	int status = CLI_DONE;

	for (uint64_t i = 0; (seconds == 0 || i < seconds) && stopped == 0 && status == CLI_DONE;
		i++) {
		struct snapshot *snapshot;

		nanosleep(&(struct timespec){1, 0}, NULL);
		if (is_quiet || stopped != 0)
			continue;
		snapshot = live_snapshot(live, &error);
		if (snapshot == NULL) {
			cli_error("demo: %s", error.message);
			return error.status;
		}
		status = print_tree(snapshot);
		snapshot_free(snapshot);
	}
	return status;
}

/* The screens over this very process. */
static int show_screens(uint64_t seconds)
{
	struct tui_options screens = {.ascii = !cli_settings.utf8,
		.color = cli_settings.color,
		.interval = 0.5,
		.seconds = (double)seconds};
	struct source_options source = {.pid = -1};
	struct source_error error;
	const char *message = NULL;
	char pid[24], hello[120];
	struct feed *feed;
	int status;

	snprintf(pid, sizeof pid, "%d", (int)getpid());
	snprintf(hello, sizeof hello,
		"3 threads serve, one context grows; elsewhere: memctx-tool tree %s", pid);
	screens.hello = hello;
	feed = feed_open(pid, &source, &error);
	if (feed == NULL)
		return run_refuse(&error, "demo");
	status = tui_run(feed, &screens, &message);
	if (message != NULL)
		cli_error("demo: %s", message);
	feed_close(feed);
	return status;
}

/* The tree once a second. */
static int show_text(uint64_t seconds, bool is_quiet)
{
	struct live_error error;
	struct live *live = live_open(getpid(), &error);
	int status;

	if (live == NULL)
		cli_error("demo: %s", error.message);
	else if (!is_quiet)
		say_what_to_do();
	status = live != NULL ? show(live, seconds, is_quiet) : error.status;
	live_close(live);
	return status;
}

static int demo(uint64_t seconds, bool is_text, bool is_quiet)
{
	struct sigaction action = {.sa_handler = note_signal};
	int status;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* A burst is more events than the usual ring holds. */
	if (getenv("MEMCTX_RING") == NULL)
		memctx_set_ring(RING_EVENTS);
	/* Of all that the tool does, this is for others to look into. */
	if (memctx_publish(true) != 0 || demo_server_start() != 0) {
		cli_system_error("demo", errno);
		return CLI_SYSTEM;
	}
	if (is_text || is_quiet || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		status = show_text(seconds, is_quiet);
	else
		status = show_screens(seconds);
	demo_server_stop();
	return status;
}

static int run_demo(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	uint64_t seconds = 0;
	bool is_text = false, is_quiet = false;
	int option;

	while ((option = cli_next(&args)) >= 0) {
		if (option == OPTION_QUIET)
			is_quiet = true;
		else if (option == OPTION_TEXT)
			is_text = true;
		else if (!cli_parse_number(args.value, &seconds) || seconds == 0)
			return cli_usage(
				&args, "--seconds=%s: expected a whole number from 1", args.value);
	}
	if (option == CLI_STOP || !cli_count_operands(&args, 0, 0))
		return args.status;
	return demo(seconds, is_text, is_quiet);
}

const struct command command_demo = {
	.name = "demo",
	.summary = "run a small server to look into",
	.operands = "",
	.description =
		"Runs a server that lives in memory contexts and serves itself: three threads with "
		"connections and queries, a cache that they share, a leak, and a burst now and "
		"then. On a terminal it opens the screens of `memctx-tool tui` on itself, which q "
		"ends, and Ctrl-C by its signal as everywhere. "
		"Otherwise, or with --text, it says what to point at it, and prints its tree once "
		"a second until Ctrl-C, which ends it with status 0.\n"
		"\n"
		"  memctx-tool demo\n"
		"  memctx-tool demo --quiet & memctx-tool stat $! 1\n",
	.options = options,
	.exec = run_demo,
};
