/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool tui: the screens, on a terminal, from a script, or as text.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "screen.h"
#include "set.h"
#include "model/shortage.h"
#include "tui/chooser.h"
#include "tui/term.h"
#include "tui/tui.h"

enum {
	OPTION_INTERVAL,
	OPTION_AT,
	OPTION_ASCII,
	OPTION_BATCH,
	OPTION_COUNT,
	OPTION_SCRIPT,
	OPTION_SIZE,
	OPTION_CHOOSE,
	OPTION_PID,
	OPTION_KEEP_GOING,
	OPTION_MEMORY,
	OPTION_KIND,
	OPTION_SET,
};

static const struct cli_option options[] = {
	[OPTION_INTERVAL] = {'d', "interval", "SECONDS",
		"look at a live process so often; default 0.5"},
	[OPTION_AT] = {'a', "at", "N|peak", "begin after event N of a trace; default peak"},
	[OPTION_ASCII] = {0, "ascii", NULL, "draw with ASCII alone"},
	[OPTION_BATCH] = {'b', "batch", NULL, "print the main screen as text, for logs"},
	[OPTION_COUNT] = {'n', "count", "N",
		"with --batch: print N screens; default 1, 0: until the process ends"},
	[OPTION_SCRIPT] = {0, "script", "FILE",
		"run the requests in FILE (-: standard input) and print its screens as text"},
	[OPTION_SIZE] = {0, "size", "WIDTHxHEIGHT", "of --batch and --script; default 80x24"},
	[OPTION_CHOOSE] = {'c', "choose", NULL,
		"ask what to look at: live processes, the last replay, the sample traces"},
	[OPTION_PID] = {'p', "pid", "PID", "the live process PID"},
	[OPTION_KEEP_GOING] = {'k', "keep-going", NULL, "skip events in error"},
	[OPTION_MEMORY] = {'m', "memory", "BYTES", CLI_MEMORY_HELP},
	[OPTION_KIND] = {0, "kind", "KIND", SET_KIND_HELP},
	[OPTION_SET] = {0, "set", SET_ARGUMENT, SET_HELP},
	{0},
};

struct request {
	struct tui_options tui;
	struct source_options source;
	const char *script;
	bool batch, choose;
	uint64_t count;
};

static bool parse_size(const char *text, struct tui_options *tui)
{
	char end;

	return sscanf(text, "%dx%d%c", &tui->width, &tui->height, &end) == 2 && tui->width > 0 &&
	       tui->width <= 1000 && tui->height > 0 && tui->height <= 1000;
}

static bool parse_interval(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return *text && !*end && *seconds >= 0.01 && *seconds <= 3600;
}

/* CLI_DONE, or CLI_USAGE with the reason said. */
static int take_option(const struct cli_args *args, int option, struct request *request)
{
	pid_t pid;

	switch (option) {
	case OPTION_INTERVAL:
		if (!parse_interval(args->value, &request->tui.interval))
			return cli_usage(args, "--interval takes seconds from 0.01 to 3600");
		break;
	case OPTION_AT:
		request->tui.start = SNAPSHOT_UNKNOWN;
		if (strcmp(args->value, "peak") != 0 &&
			!cli_parse_number(args->value, &request->tui.start))
			return cli_usage(args, "--at takes the number of an event, or peak");
		break;
	case OPTION_ASCII:
		request->tui.ascii = true;
		break;
	case OPTION_BATCH:
		request->batch = true;
		break;
	case OPTION_COUNT:
		if (!cli_parse_number(args->value, &request->count))
			return cli_usage(args, "--count takes a number");
		break;
	case OPTION_SCRIPT:
		request->script = args->value;
		break;
	case OPTION_SIZE:
		if (!parse_size(args->value, &request->tui))
			return cli_usage(args, "--size takes WIDTHxHEIGHT, such as 80x24");
		break;
	case OPTION_CHOOSE:
		request->choose = true;
		break;
	case OPTION_PID:
		if (!cli_parse_pid(args->value, &pid))
			return cli_usage(args, "--pid takes the number of a process");
		request->source.pid = pid;
		break;
	case OPTION_KEEP_GOING:
		request->source.replay.keep_going = true;
		break;
	case OPTION_MEMORY:
		return cli_parse_memory(args, &request->source.replay.memory);
	case OPTION_KIND:
	case OPTION_SET:
		return set_take(args, options[option].name, &request->source.replay);
	}
	return CLI_DONE;
}

static int run_script(struct feed *feed, const struct request *request, const char **message)
{
	bool is_standard = strcmp(request->script, "-") == 0;
	FILE *script = is_standard ? stdin : fopen(request->script, "re");
	int status;

	if (script == NULL) {
		status = is_shortage(errno) ? CLI_SYSTEM : CLI_REFUSED;
		cli_system_error(request->script, errno);
		return status;
	}
	status = tui_script(feed, &request->tui, script, stdout, message);
	if (!is_standard)
		fclose(script);
	return status;
}

/* Where the input was the trace, keys come from the terminal itself; false: there is none. */
static bool take_keys(const char *argument)
{
	bool is_taken = argument != NULL && strcmp(argument, "-") == 0 && !isatty(STDIN_FILENO);

	return !is_taken || freopen("/dev/tty", "r", stdin) != NULL;
}

static int show(const struct request *request, const char *argument)
{
	struct source_error error = {0};
	const char *message = NULL;
	struct feed *feed = feed_open(argument, &request->source, &error);
	int status = CLI_SYSTEM;

	if (feed == NULL)
		return run_refuse(&error, "tui");
	if (!set_fits("tui", feed_kind(feed) == FEED_TRACE)) {
		feed_close(feed);
		return CLI_USAGE;
	}
	if (request->script != NULL)
		status = run_script(feed, request, &message);
	else if (request->batch)
		status = tui_batch(feed, &request->tui, request->count, stdout, &message);
	else if (!take_keys(argument))
		message = "no terminal to take keys from; --batch prints the screen";
	else
		status = tui_run(feed, &request->tui, &message);
	if (message != NULL)
		cli_error("tui: %s", message);
	feed_close(feed);
	return status;
}

/* Asks, and shows what was chosen, until nothing is. */
static int ask(const struct request *request)
{
	static struct chooser chooser;
	char folder[PATH_MAX];
	const struct choice *choice;
	int status;

	do {
		chooser_find(&chooser, cli_samples(folder));
		if (!term_start(request->tui.color)) {
			cli_error("tui: no terminal to ask on; name a SOURCE");
			return CLI_SYSTEM;
		}
		choice = chooser_run(&chooser, request->tui.ascii);
		term_stop();
		if (choice == NULL)
			return CLI_DONE;
		status = show(request, *choice->argument ? choice->argument : NULL);
	} while (status == CLI_DONE);
	return status;
}

static int run_tui(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	struct request request = {.count = 1};
	char pid[24];
	int option;

	request.source.pid = -1;
	request.tui = (struct tui_options){.ascii = !cli_settings.utf8,
		.interval = 0.5,
		.width = 80,
		.height = 24,
		.start = SNAPSHOT_UNKNOWN};
	while ((option = cli_next(&args)) >= 0)
		if (take_option(&args, option, &request) != CLI_DONE)
			return CLI_USAGE;
	if (option == CLI_STOP || !cli_count_operands(&args, 0, 1))
		return args.status;
	request.tui.color = cli_settings.color;
	if (request.choose)
		return ask(&request);
	if (request.source.pid >= 0) {
		snprintf(pid, sizeof pid, "%lld", (long long)request.source.pid);
		return show(&request, pid);
	}
	return show(&request, args.n_operands == 1 ? args.operands[0] : NULL);
}

const struct command command_tui = {
	.name = "tui",
	.summary = "browse the tree and watch the freelists on the screen",
	.operands = "[SOURCE]",
	.description =
		"Shows the tree of contexts, the freelists of the selected one, and where its "
		"bytes go. A trace has a time line: step it event by event, play it, go to its "
		"peak, see a freelist's chain grow and shrink link by link and the blocks as maps, "
		"and decode a chunk's header word. A live process, named by its number, is looked "
		"at again every interval; what changed is marked, and its events are shown. "
		"Without SOURCE, the last replay's end is shown, or else the one live process. The "
		"key ? lists the keys; keys and mouse work as in htop.\n"
		"\n"
		"  memctx-tool tui traces/freelist.trace\n"
		"  memctx-tool tui --at=0 traces/pg_pgbench.trace\n"
		"  memctx-tool tui --batch --count=10 4711\n",
	.options = options,
	.exec = run_tui,
};
