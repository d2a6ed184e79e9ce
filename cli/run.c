/* SPDX-License-Identifier: MIT */
/*
 * Running a trace for a command: see run.h.
 */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/clock.h"
#include "model/shortage.h"
#include "model/size.h"

/* Events between two looks at the clock, when progress is shown. */
enum { STEP = 200000 };

bool run_parse_until(const char *text, struct run *run)
{
	struct source_point point;

	if (!source_parse_point(text, &point))
		return false;
	if (point.kind == SOURCE_EVENT)
		run->until_event = point.number;
	else if (point.kind == SOURCE_TIME)
		run->until_ns = point.number;
	return point.kind != SOURCE_PEAK; /* which is known only at the end */
}

void run_say_error(const struct run *run, uint64_t line, uint64_t column, const char *message)
{
	const char *name = cli_path_name(run->path);

	if (line == 0)
		cli_error("%s: %s", name, message);
	else
		cli_message("%s:%" PRIu64 ":%" PRIu64 ": %s", name, line, column, message);
}

int run_refuse(const struct source_error *error, const char *command)
{
	const char *name = cli_path_name(error->path);

	if (error->open != 0)
		cli_open_error(error->path, error->open);
	else if (error->line != 0)
		cli_message("%s:%" PRIu64 ":%" PRIu64 ": %s", name, error->line, error->column,
			error->message);
	else
		cli_error("%s: %s", *error->path != '\0' ? name : command, error->message);
	return error->status;
}

static void show_progress(const struct run *run, uint64_t began)
{
	uint64_t length = trace_length(run->reader), events = replay_counts(run->replay)->events;
	char count[SIZE_TEXT], rate[SIZE_TEXT], share[SIZE_TEXT] = "";
	double seconds = (double)(clock_now_ns() - began) / 1e9;

	if (length > 0)
		size_percent(share, trace_position(run->reader), length, SIZE_DIGIT);
	cli_progress("%s  %s  %s events  %s/s", run->options.dry ? "checking" : "replaying", share,
		size_decimal(count, (double)events), size_decimal(rate, (double)events / seconds));
}

/* As replay_run() to RUN's bounds, with progress where somebody looks. */
static int run_steps(struct run *run, struct replay_error *error)
{
	uint64_t began = clock_now_ns(), shown = began;
	int got;

	if (!cli_settings.progress)
		return replay_run(run->replay, run->until_event, run->until_ns, error);
	for (;;) {
		uint64_t events = replay_counts(run->replay)->events, to = run->until_event;
		if (to - events > STEP)
			to = events + STEP;
		got = replay_run(run->replay, to, run->until_ns, error);
		events = replay_counts(run->replay)->events;
		if (got != 1 || events < to || events == run->until_event)
			break;
		if (clock_now_ns() - shown > 100000000u) {
			shown = clock_now_ns();
			show_progress(run, began);
		}
	}
	cli_progress_end();
	return got;
}

void run_say_unknown_key(const struct run *run)
{
	char key[64], text[128];
	uint64_t line, column;

	if (!trace_unknown_key(run->reader, key, &line, &column))
		return;
	snprintf(text, sizeof text, "key %s is not known; it is ignored wherever it stands", key);
	run_say_error(run, line, column, text);
}

static int open_reader(struct run *run)
{
	struct trace_error error = {0};
	unsigned flags = run->options.keep_going ? TRACE_KEEP_GOING : 0;

	run->reader = trace_open(run->path, flags, &error);
	if (run->reader != NULL)
		return CLI_DONE;
	if (error.system != 0)
		cli_open_error(run->path, error.system);
	else
		run_say_error(run, error.line, error.column, error.message);
	return is_shortage(error.system) ? CLI_SYSTEM : CLI_REFUSED;
}

int run_open(struct run *run)
{
	struct replay_error error = {0};
	int status = open_reader(run);

	if (status != CLI_DONE)
		return status;
	run->replay = replay_new(run->reader, &run->options, &error);
	if (run->replay != NULL)
		return CLI_DONE;
	run_say_error(run, error.line, error.column, error.message);
	return CLI_SYSTEM;
}

int run_trace(struct run *run)
{
	struct replay_error error = {0};
	int status = run_open(run);

	if (status != CLI_DONE)
		return status;
	uint64_t began = clock_now_ns();
	int got = run_steps(run, &error);
	run->elapsed_ns = clock_now_ns() - began;
	run_say_unknown_key(run);
	if (got < 0) {
		run_say_error(run, error.line, error.column, error.message);
		return error.status;
	}
	run->stopped = got == 1;
	return CLI_DONE;
}

int run_read_script(struct run *run, struct script **script)
{
	struct replay_error error = {0};
	int status = open_reader(run);

	if (status != CLI_DONE)
		return status;
	cli_progress("reading %s", cli_path_name(run->path));
	*script = script_read(run->reader, &run->options, &error);
	cli_progress_end();
	run_say_unknown_key(run);
	if (*script == NULL)
		run_say_error(run, error.line, error.column, error.message);
	run_end(run);
	return *script != NULL ? CLI_DONE : error.status;
}

void run_source_progress(
	void *arg, const struct replay_counts *counts, uint64_t position, uint64_t length)
{
	char count[SIZE_TEXT], share[SIZE_TEXT] = "";

	(void)arg;
	if (length > 0)
		size_percent(share, position, length, SIZE_DIGIT);
	cli_progress(
		"replaying  %s  %s events", share, size_decimal(count, (double)counts->events));
}

int run_parse_key(
	const struct cli_args *args, const char *name, enum rows_key keys, enum rows_key *key)
{
	const char *names[ROWS_KEYS + 1] = {0}, *near;
	int got = rows_key_parse(args->value);

	if (got >= 0 && got < (int)keys) {
		*key = (enum rows_key)got;
		return CLI_DONE;
	}
	for (int i = 0; i < (int)keys; i++)
		names[i] = rows_key_name((enum rows_key)i);
	near = cli_nearest(args->value, names);
	if (near != NULL)
		return cli_usage(
			args, "--%s=%s: no such key; did you mean %s?", name, args->value, near);
	return cli_usage(args, "--%s=%s: no such key (memctx-tool %s --help lists them)", name,
		args->value, args->command->name);
}

void run_end(struct run *run)
{
	replay_free(run->replay);
	if (run->reader != NULL)
		trace_close(run->reader);
}
