/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool events: each event of a trace with what the allocator did.
 *
 * The events before the first that is shown are applied as well, and what they freed is remembered,
 * so that every free chunk can be named by the chunk that lived there last.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events_live.h"
#include "events_table.h"
#include "model/explain.h"
#include "model/replay.h"
#include "model/size.h"
#include "run.h"
#include "screen.h"
#include "set.h"

enum {
	OPTION_AT,
	OPTION_COUNT,
	OPTION_CONTEXT,
	OPTION_LISTS,
	OPTION_KEEP_GOING,
	OPTION_MEMORY,
	OPTION_SET,
	OPTION_FOLLOW,
	OPTION_KIND,
	OPTION_MIN_SIZE,
};
enum { DEFAULT_COUNT = 20, MOST_WANTED = 64 };

static const struct cli_option options[] = {
	[OPTION_AT] = {'a', "at", "N|peak|end",
		"begin with event N, at the peak, or show the last"},
	[OPTION_COUNT] = {'n', "count", "N|all", "show N events (20)"},
	[OPTION_CONTEXT] = {'c', "context", "NAME|ID",
		"only events of contexts with NAME in name or ident, or of that ID; repeatable"},
	[OPTION_LISTS] = {'l', "lists", NULL, "show every list that changed, before and after"},
	[OPTION_KEEP_GOING] = {'k', "keep-going", NULL, "skip events in error"},
	[OPTION_MEMORY] = {0, "memory", "BYTES", "take at most that much memory for the contexts"},
	[OPTION_SET] = {0, "set", SET_ARGUMENT, SET_HELP},
	[OPTION_FOLLOW] = {'F', "follow", NULL, "of a process: what happens from now on"},
	[OPTION_KIND] = {0, "kind", "WORD", "of a process: only events of that name, as alloc"},
	[OPTION_MIN_SIZE] = {0, "min-size", "BYTES",
		"of a process: only events of at least that size"},
	{0},
};

enum start { START_EVENT, START_PEAK, START_END };

/* A context that --context asks for. */
struct wanted {
	const char *name; /* NULL: by id */
	uint64_t id;
};

struct request {
	const char *path;
	enum start start;
	uint64_t at, count; /* count UINT64_MAX: all */
	struct wanted wanted[MOST_WANTED];
	int n_wanted;
	bool lists, keep_going, has_count;
	uint64_t memory;
	struct replay_options what_if; /* its settings alone */
	struct events_live live;
	const char *trace_option, *live_option; /* the last given that is about one of the two */
	char *why; /* of EXPLAIN_TEXT: why the last event was skipped */
};

/* ---- Opening -------------------------------------------------------------------------- */

static void note_skip(const struct replay_error *error, void *why)
{
	snprintf(why, EXPLAIN_TEXT, "%s", error->message);
}

/* Opens the trace and replays it up to EVENT.  What goes wrong is said. */
static int open_at(struct run *run, const struct request *request, uint64_t event)
{
	*run = (struct run)RUN_INIT;
	run->path = request->path;
	run->options = request->what_if;
	run->options.keep_going = request->keep_going;
	run->options.memory = request->memory;
	run->options.on_skip = note_skip;
	run->options.arg = request->why;
	run->until_event = event;
	return run_trace(run);
}

static int refuse(const struct run *run, const struct replay_error *error)
{
	run_say_error(run, error->line, error->column, error->message);
	return error->status;
}

/* Finds the event that --at peak or end means by a replay of its own. */
static int find_start(struct request *request)
{
	struct replay_moment moment;
	struct run run;
	int status;

	if (cli_reads_once(request->path)) {
		cli_error("events: --at=%s reads the trace twice; expected a file",
			request->start == START_PEAK ? "peak" : "end");
		return CLI_USAGE;
	}
	status = open_at(&run, request, UINT64_MAX);
	if (status == CLI_DONE && request->start == START_PEAK) {
		replay_peak(run.replay, &moment);
		request->at = moment.event;
	} else if (status == CLI_DONE) {
		replay_now(run.replay, &moment);
		request->at = moment.event > request->count ? moment.event - request->count + 1 : 1;
	}
	run_end(&run);
	return status;
}

/* ---- Which events --------------------------------------------------------------------- */

static bool has_name(const char *name, const char *ident, const struct wanted *wanted)
{
	return strcasestr(name, wanted->name) != NULL ||
	       (ident != NULL && strcasestr(ident, wanted->name) != NULL);
}

/* Whether an event that ends contexts ends one that is wanted. */
static bool ends_wanted(const struct run *run, const memctx *top, const struct wanted *wanted)
{
	if (wanted->name == NULL) {
		const memctx *c = replay_context(run->replay, wanted->id);

		while (c != NULL && c != top)
			c = memctx_parent(c);
		return c != NULL;
	}
	for (const memctx *c = top; c != NULL; c = memctx_walk(top, c))
		if (has_name(memctx_name(c), memctx_ident(c), wanted))
			return true;
	return false;
}

static bool is_wanted(
	const struct request *request, const struct run *run, const struct explain_subject *subject)
{
	bool ends = subject->op == TRACE_RESET || subject->op == TRACE_DELETE ||
		    subject->op == TRACE_DELETECHILDREN;

	for (int i = 0; i < request->n_wanted; i++) {
		const struct wanted *wanted = &request->wanted[i];

		if (!subject->has_context || subject->name == NULL)
			return false;
		if (wanted->name == NULL ? subject->context == wanted->id
					 : has_name(subject->name, subject->ident, wanted))
			return true;
		if (ends && subject->ctx != NULL && ends_wanted(run, subject->ctx, wanted))
			return true;
	}
	return request->n_wanted == 0;
}

/* ---- Showing -------------------------------------------------------------------------- */

/* Applies events until one is wanted.  1: it comes next; 0: the end, -1: *ERROR. */
static int skip_to_wanted(const struct request *request, const struct run *run,
	struct explain *explain, struct replay_error *error)
{
	struct explain_subject subject;
	int got;

	while ((got = explain_peek(explain, &subject, error)) > 0) {
		if (is_wanted(request, run, &subject))
			return 1;
		got = explain_run(explain, subject.number, error);
		if (got <= 0)
			return got;
	}
	return got;
}

/* Takes the next event into the table.  1, 0: the end, -1: *ERROR. */
static int show_event(const struct request *request, struct explain *explain,
	struct events_table *table, struct replay_error *error)
{
	struct explain_event *event = events_table_next(table);
	int got;

	*request->why = '\0';
	got = explain_next(explain, event, error);
	if (got <= 0)
		return got;
	if (event->skipped)
		snprintf(event->did, sizeof(event->did), "skipped: %.480s",
			*request->why != '\0' ? request->why : "lost events made what it names");
	events_table_add(table);
	return got;
}

/* Shows the events asked for; *SHOWN: how many.  1: there are more, 0: the end, -1: *ERROR. */
static int show_events(const struct request *request, const struct run *run,
	struct explain *explain, struct events_table *table, uint64_t *shown,
	struct replay_error *error)
{
	int got = explain_run(explain, request->at - 1, error);

	for (*shown = 0; got > 0; (*shown)++) {
		got = skip_to_wanted(request, run, explain, error);
		if (got <= 0 || *shown == request->count)
			return got;
		got = show_event(request, explain, table, error);
		if (got <= 0)
			return got;
	}
	return got;
}

/* Says where the rest is, or why there is nothing. */
static int say_end(const struct request *request, const struct run *run, uint64_t shown, bool more)
{
	unsigned long long events = replay_counts(run->replay)->events;

	if (more && request->n_wanted == 0)
		cli_error("more events follow: --at=%llu, or --count=all", events + 1);
	else if (more)
		cli_error("more events of these contexts follow: --at=%llu, or --count=all",
			events + 1);
	if (shown > 0)
		return CLI_DONE;
	if (request->at > events && request->at > 1)
		cli_error("%s: the last event is %llu; expected --at up to that",
			cli_path_name(request->path), events);
	else if (request->n_wanted > 0)
		cli_error("%s: no event of such a context from event %llu on",
			cli_path_name(request->path), (unsigned long long)request->at);
	else
		cli_error("%s: the trace has no events", cli_path_name(request->path));
	return request->at > events && request->at > 1 ? CLI_REFUSED : CLI_DONE;
}

static int show(const struct request *request, const struct run *run)
{
	struct page page = screen_page();
	struct explain *explain = explain_new(run->replay);
	struct events_table *table = events_table_new(&page, screen_width(), request->lists);
	struct replay_error error = {0};
	uint64_t shown = 0;
	int more = -1;

	if (explain == NULL || table == NULL) {
		explain_free(explain);
		events_table_finish(table);
		cli_system_error(request->path, ENOMEM);
		return CLI_SYSTEM;
	}
	more = show_events(request, run, explain, table, &shown, &error);
	events_table_finish(table);
	explain_free(explain);
	fflush(stdout);
	cli_look_at_output();
	if (more < 0)
		return refuse(run, &error);
	return say_end(request, run, shown, more > 0);
}

/* ---- The command line ----------------------------------------------------------------- */

static bool parse_at(struct request *request, const char *text)
{
	request->start = START_EVENT;
	if (strcmp(text, "peak") == 0)
		request->start = START_PEAK;
	else if (strcmp(text, "end") == 0)
		request->start = START_END;
	else
		return cli_parse_number(text, &request->at);
	return true;
}

static bool parse_count(struct request *request, const char *text)
{
	request->count = UINT64_MAX;
	return strcmp(text, "all") == 0 ||
	       (cli_parse_number(text, &request->count) && request->count > 0);
}

static bool add_wanted(struct request *request, const char *text)
{
	struct wanted *wanted = &request->wanted[request->n_wanted];

	if (request->n_wanted == MOST_WANTED)
		return false;
	if (!cli_parse_number(text, &wanted->id))
		wanted->name = text;
	request->n_wanted++;
	return true;
}

static int parse_option(struct request *request, const struct cli_args *args, int option)
{
	const char *value = args->value;

	switch (option) {
	case OPTION_AT:
		return parse_at(request, value)
			       ? CLI_DONE
			       : cli_usage(args, "--at=%s: expected an event number, peak or end",
					 value);
	case OPTION_COUNT:
		return parse_count(request, value)
			       ? CLI_DONE
			       : cli_usage(args, "--count=%s: expected a number from 1, or all",
					 value);
	case OPTION_CONTEXT:
		return add_wanted(request, value)
			       ? CLI_DONE
			       : cli_usage(args, "--context may be given %d times", MOST_WANTED);
	case OPTION_MEMORY:
		return cli_parse_memory(args, &request->memory);
	case OPTION_SET:
		return set_take(args, options[option].name, &request->what_if);
	case OPTION_LISTS:
		request->lists = true;
		return CLI_DONE;
	case OPTION_FOLLOW:
		request->live.follow = true;
		return CLI_DONE;
	case OPTION_KIND:
		request->live.kind = value;
		return events_live_is_kind(value) ? CLI_DONE : CLI_USAGE;
	case OPTION_MIN_SIZE:
		return size_parse(value, &request->live.min_size) == 0
			       ? CLI_DONE
			       : cli_usage(
					 args, "--min-size=%s: expected a number of bytes", value);
	default:
		request->keep_going = true;
		return CLI_DONE;
	}
}

/* ---- A process ------------------------------------------------------------------------ */

static bool is_live_wanted(const void *arg, const char *name, const char *ident, uint64_t id)
{
	const struct request *request = arg;

	for (int i = 0; i < request->n_wanted; i++) {
		const struct wanted *wanted = &request->wanted[i];

		if (wanted->name == NULL ? wanted->id == id : has_name(name, ident, wanted))
			return true;
	}
	return request->n_wanted == 0;
}

static int show_process(struct request *request, const struct cli_args *args)
{
	if (request->trace_option != NULL)
		return cli_usage(
			args, "--%s is about a trace, not a process", request->trace_option);
	if (!cli_parse_pid(request->path, &request->live.pid)) {
		cli_error("%s: there is no such process", request->path);
		return CLI_REFUSED;
	}
	request->live.count = request->count;
	if (request->live.follow && !request->has_count)
		request->live.count = UINT64_MAX;
	request->live.is_wanted = is_live_wanted;
	request->live.arg = request;
	return events_live_show(&request->live);
}

/* Notes which of the two an option is about. */
static void note_option(struct request *request, int option)
{
	if (option >= OPTION_FOLLOW)
		request->live_option = options[option].name;
	else if (option == OPTION_COUNT)
		request->has_count = true;
	else if (option != OPTION_CONTEXT)
		request->trace_option = options[option].name;
}

static int run_events(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	char why[EXPLAIN_TEXT] = "";
	struct request request = {.at = 1, .count = DEFAULT_COUNT, .why = why};
	int option, status = CLI_DONE;
	struct run run;

	while ((option = cli_next(&args)) >= 0) {
		note_option(&request, option);
		status = parse_option(&request, &args, option);
		if (status != CLI_DONE)
			return status;
	}
	if (option == CLI_STOP || !cli_count_operands(&args, 1, 1))
		return args.status;
	request.path = args.operands[0];
	if (source_is_pid(request.path))
		return show_process(&request, &args);
	if (request.live_option != NULL)
		return cli_usage(
			&args, "--%s is about a process, not a trace", request.live_option);
	if (request.start != START_EVENT)
		status = find_start(&request);
	if (status != CLI_DONE)
		return status;
	if (request.at == 0)
		request.at = 1;
	status = open_at(&run, &request, 0);
	if (status == CLI_DONE)
		status = show(&request, &run);
	run_end(&run);
	return status;
}

const struct command command_events = {
	.name = "events",
	.summary = "show each event of a trace or a process, and what it did",
	.operands = "TRACE | PID",
	.description =
		"Prints a line an event: its number, the event, what the allocator did, and the "
		"freelist concerned as it is after the event, head first. Free chunks are named by "
		"the chunk that lived in their place last; (tail) is a piece of a full block that "
		"was cut up, where none lived yet.\n"
		"\n"
		"  memctx-tool events traces/freelist.trace\n"
		"  memctx-tool events --at=6680 --count=40 traces/pg_pgbench.trace\n"
		"  memctx-tool events --at=peak --context=Cache traces/pg_pgbench.trace\n"
		"\n"
		"With --lists every list that changed is shown before and after the event.\n"
		"\n"
		"Of a live process, named by its id (./123 is a file), the latest events are shown "
		"that its rings hold, or with --follow those from now on, until it ends. Times are "
		"seconds since its first context, exact to some 64 events of the thread, or to "
		"some 300 that it makes within one tick of the kernel's clock. Where entries of a "
		"ring were written over before they were read, a line says how many; it is not "
		"counted among the N.\n"
		"\n"
		"  memctx-tool events --count=all 4711\n"
		"  memctx-tool events --follow --kind=alloc --min-size=8K 4711",
	.options = options,
	.exec = run_events,
};
