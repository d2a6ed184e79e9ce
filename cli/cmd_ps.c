/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool ps: the processes that can be looked into, a line each.
 *
 * Every process is opened once and its rings are looked at twice, an interval apart, so that all
 * rates are of the same stretch of time.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model/clock.h"
#include "model/display.h"
#include "model/live.h"
#include "model/size.h"
#include "screen.h"

enum { OPTION_INTERVAL };
enum { INTERVAL_MS = 200, LONGEST_MS = 60000, COMMAND = 1000, FIGURES = 42 };

static const struct cli_option options[] = {
	[OPTION_INTERVAL] = {'i', "interval", "MS",
		"count events for MS milliseconds (200; 0: not at all)"},
	{0},
};

struct process {
	pid_t pid;
	struct live *live;
	uint64_t events; /* entries of its rings at the first look */
	uint64_t rate;
	uint64_t contexts, total, lost;
};

static uint64_t count_events(const struct live *live)
{
	const struct region_header *header = live_header(live);
	uint64_t events = header->lost;

	for (size_t i = 0; i < REGION_RINGS; i++)
		events += header->ring[i].head;
	return events;
}

/* Looks a second time; false: the process is gone. */
static bool look_again(struct process *process, uint64_t elapsed_ns)
{
	struct snapshot_figures sum;
	struct live_error error;
	struct snapshot *snapshot;
	uint64_t events;

	if (!live_is_running(process->live))
		return false;
	snapshot = live_snapshot(process->live, &error);
	if (snapshot == NULL)
		return false;
	events = count_events(process->live);
	if (elapsed_ns > 0 && events >= process->events)
		process->rate =
			(uint64_t)((double)(events - process->events) * 1e9 / (double)elapsed_ns);
	snapshot_totals(snapshot, &sum);
	process->contexts = snapshot->n;
	process->total = sum.total_bytes;
	process->lost = live_header(process->live)->lost;
	snapshot_free(snapshot);
	return true;
}

/* ---- Printing ------------------------------------------------------------------------- */

static void print_command(struct page *page, pid_t pid)
{
	char command[COMMAND], shown[DISPLAY_SIZE(SCREEN_WIDEST)];

	live_command(pid, command, sizeof command);
	display_fit(shown, command, screen_width() - FIGURES - 1, page->utf8 ? 0 : DISPLAY_ASCII);
	page_left(page, 0, shown);
}

static void print_process(struct page *page, const struct process *process)
{
	unsigned flags = page_size_flags(page);
	char text[SIZE_TEXT];

	snprintf(text, sizeof text, "%d", (int)process->pid);
	page_right(page, 7, text);
	page_right(page, 10, size_count(text, process->contexts, flags));
	page_right(page, 7, size_text(text, process->total, flags));
	page_right(page, 10, size_decimal(text, (double)process->rate));
	page_right(page, 6, size_decimal(text, (double)process->lost));
	page_left(page, 2, "");
	print_command(page, process->pid);
	page_newline(page);
}

static void print_heading(struct page *page)
{
	page_right(page, 7, "PID");
	page_right(page, 10, "CONTEXTS");
	page_right(page, 7, "TOTAL");
	page_right(page, 10, "EVENTS/S");
	page_right(page, 6, "LOST");
	page_left(page, 0, "  COMMAND");
	page_newline(page);
}

/* ---- All of them ---------------------------------------------------------------------- */

/* Returns how many; *STATUS is not CLI_DONE, and it is said, where some could not be opened. */
static size_t open_all(struct process *processes, const pid_t *pids, size_t n, int *status)
{
	struct live_error error;
	size_t opened = 0;

	*status = CLI_DONE;
	for (size_t i = 0; i < n; i++) {
		struct process *process = &processes[opened];

		*process = (struct process){.pid = pids[i], .live = live_open(pids[i], &error)};
		if (process->live == NULL) {
			if (error.status == CLI_SYSTEM && *status == CLI_DONE) {
				cli_error("%d: %s", (int)pids[i], error.message);
				*status = CLI_SYSTEM;
			}
			continue;
		}
		process->events = count_events(process->live);
		opened++;
	}
	return opened;
}

static void show_all(struct process *processes, size_t n, uint64_t interval_ms)
{
	struct timespec pause = {
		(time_t)(interval_ms / 1000), (long)(interval_ms % 1000) * 1000000L};
	struct page page = screen_page();
	uint64_t began = clock_now_ns();
	size_t shown = 0;

	if (n > 0 && interval_ms > 0)
		nanosleep(&pause, NULL);
	for (size_t i = 0; i < n; i++) {
		if (look_again(&processes[i], interval_ms > 0 ? clock_now_ns() - began : 0)) {
			if (shown++ == 0)
				print_heading(&page);
			print_process(&page, &processes[i]);
		}
		live_close(processes[i].live);
	}
	if (shown == 0)
		cli_error("no process that may be read shows its contexts; start one, such as "
			  "memctx-tool demo");
}

static int run_ps(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	uint64_t interval = INTERVAL_MS;
	struct process *processes;
	pid_t *pids;
	ptrdiff_t n;
	int option, status;

	while ((option = cli_next(&args)) >= 0)
		if (!cli_parse_number(args.value, &interval) || interval > LONGEST_MS)
			return cli_usage(&args, "--interval=%s: expected milliseconds up to %d",
				args.value, LONGEST_MS);
	if (option == CLI_STOP || !cli_count_operands(&args, 0, 0))
		return args.status;
	n = live_list(&pids);
	processes = n < 0 ? NULL : calloc((size_t)n + 1, sizeof *processes);
	if (processes == NULL) {
		cli_system_error("/proc", n < 0 ? errno : ENOMEM);
		return CLI_SYSTEM;
	}
	show_all(processes, open_all(processes, pids, (size_t)n, &status), interval);
	free(processes);
	free(pids);
	return status;
}

const struct command command_ps = {
	.name = "ps",
	.summary = "list the live processes that can be looked into",
	.operands = "",
	.description =
		"Prints a line for each process that uses libmemctx and may be read by who asks: "
		"its contexts, the bytes that they took from the system, the entries that its "
		"threads write to their event rings a second, and the events that found no ring.\n"
		"\n"
		"A process shows its contexts unless MEMCTX_PUBLISH=0 is in its environment or it "
		"calls memctx_publish(false). Looking stops, signals or slows nothing.\n"
		"\n"
		"  memctx-tool ps\n"
		"  memctx-tool ps --interval=1000\n",
	.options = options,
	.exec = run_ps,
};
