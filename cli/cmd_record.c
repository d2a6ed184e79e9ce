/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool record: the events of a live process, or of a command that it starts, as a trace.
 *
 * The rings are drained as fast as they fill, and the file is complete whenever the recording ends:
 * with the process, at a limit, or at a signal.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model/clock.h"
#include "model/follow.h"
#include "model/recorder.h"
#include "model/size.h"
#include "model/trace_output.h"
#include "region_socket.h"

enum { OPTION_OUTPUT, OPTION_DURATION, OPTION_EVENTS, OPTION_FORCE };

/* Idle rings are looked at after a pause that grows from the one to the other. */
#define PAUSE_LEAST_NS 100000
#define PAUSE_MOST_NS 2000000
/* How often it is asked whether a process still runs. */
#define CHECK_NS 50000000u
/* The rings of a COMMAND, in events: they leave it 50 ms at 5 million events a second. */
#define RING_EVENTS "262144"

static const struct cli_option options[] = {
	[OPTION_OUTPUT] = {'o', "output", "FILE",
		"write to FILE (memctx.PID.trace; .zst, .gz, .xz: compressed; - is standard "
		"output)"},
	[OPTION_DURATION] = {'d', "duration", "SECONDS", "record that long"},
	[OPTION_EVENTS] = {'n', "events", "N", "record N events"},
	[OPTION_FORCE] = {'f', "force", NULL, "write over a FILE that is there"},
	{0},
};

struct request {
	const char *output;
	char name[64];   /* where OUTPUT is not given */
	double seconds;  /* 0: no limit */
	uint64_t events; /* 0: no limit */
	bool force;
	char **command; /* NULL: a process */
	pid_t pid;
};

struct recording {
	const struct request *request;
	int listener; /* where the command hands its region over; -1: nowhere */
	struct live *live;
	struct follow *follow;
	struct recorder *recorder;
	FILE *out;
	uint64_t began_ns, checked_ns;
	int wait_status; /* of the command */
	bool has_ended;  /* the process */
};

static volatile sig_atomic_t stop_signal;

static void note_signal(int number)
{
	stop_signal = number;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = note_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static void pause_ns(long ns)
{
	nanosleep(&(struct timespec){0, ns}, NULL);
}

/* ---- The process ---------------------------------------------------------------------- */

static bool is_to_stdout(const struct request *request)
{
	return request->output != NULL && strcmp(request->output, "-") == 0;
}

/* In the child: what its library is to know. */
static void set_environment(const char *name)
{
	char text[REGION_SOCKET_NAME + 24];

	setenv("MEMCTX_RING", RING_EVENTS, 0);
	snprintf(text, sizeof text, "%d:%s", (int)getpid(), name);
	if (*name != '\0')
		setenv("MEMCTX_RECORD", text, 1);
}

/* Starts the command; 0, or a status with the reason said. */
static int start_command(struct recording *recording, struct request *request)
{
	char name[REGION_SOCKET_NAME];
	int report[2], number = 0;

	if (pipe2(report, O_CLOEXEC) != 0) {
		cli_system_error(request->command[0], errno);
		return CLI_SYSTEM;
	}
	recording->listener = region_socket_listen(name);
	fflush(NULL);
	request->pid = fork();
	if (request->pid == 0) {
		set_environment(name);
		/* Where the trace goes to standard output, nothing else does. */
		if (!is_to_stdout(request) || dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
			execvp(request->command[0], request->command);
		number = errno;
		_exit(write(report[1], &number, sizeof number) == sizeof number ? 127 : 126);
	}
	close(report[1]);
	if (request->pid < 0)
		number = errno;
	else if (read(report[0], &number, sizeof number) != sizeof number)
		number = 0;
	close(report[0]);
	if (number == 0)
		return CLI_DONE;
	if (request->pid > 0)
		waitpid(request->pid, NULL, 0);
	cli_error("%s: %s", request->command[0], strerror(number));
	return number == ENOENT || number == EACCES ? CLI_REFUSED : CLI_SYSTEM;
}

static bool has_ended(struct recording *recording)
{
	const struct request *request = recording->request;

	if (recording->has_ended)
		return true;
	if (request->command != NULL) {
		recording->has_ended =
			waitpid(request->pid, &recording->wait_status, WNOHANG) == request->pid;
	} else if (clock_now_ns() - recording->checked_ns > CHECK_NS) {
		recording->checked_ns = clock_now_ns();
		recording->has_ended = !live_is_running(recording->live);
	}
	return recording->has_ended;
}

static bool is_time_up(const struct recording *recording)
{
	double seconds = recording->request->seconds;

	return stop_signal != 0 ||
	       (seconds > 0 && (double)(clock_now_ns() - recording->began_ns) >= seconds * 1e9);
}

/* Takes what was handed over; true once it is the command's region. */
static bool accept_region(struct recording *recording)
{
	struct live_error error;
	int fd, region;

	while (recording->live == NULL && recording->listener >= 0 &&
		(fd = accept4(recording->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		region = region_socket_receive(fd, recording->request->pid);
		if (region >= 0)
			recording->live = live_open_fd(region, &error);
		close(fd);
	}
	return recording->live != NULL;
}

/*
 * Looks for the region in /proc, too.  One of a command that is about to end is there in its memory
 * alone, and gone before it is read: what was handed over meanwhile is better.
 */
static bool find_region(struct recording *recording)
{
	struct live_error error;
	struct live *found;

	if (accept_region(recording))
		return true;
	found = live_open(recording->request->pid, &error);
	if (found == NULL)
		return false;
	if (accept_region(recording))
		live_close(found);
	else
		recording->live = found;
	return true;
}

/* Waits until the command shows its contexts.  False: it ended first, or was not to be waited for.
 */
static bool wait_for_region(struct recording *recording)
{
	bool last = false;

	while (!last && !is_time_up(recording)) {
		last = has_ended(recording);
		if (find_region(recording))
			break;
		if (!last)
			pause_ns(PAUSE_LEAST_NS);
	}
	if (recording->listener >= 0)
		close(recording->listener);
	recording->listener = -1;
	return recording->live != NULL;
}

/* ---- Recording ------------------------------------------------------------------------ */

static int begin(struct recording *recording)
{
	struct live_error error;

	recording->follow = follow_new(recording->live,
		recording->request->command != NULL ? FOLLOW_FIRST : FOLLOW_NOW, &error);
	if (recording->follow == NULL) {
		cli_error("%d: %s", (int)recording->request->pid, error.message);
		return error.status;
	}
	return CLI_DONE;
}

/* What a poll could not do. */
static int refuse(const struct recording *recording, ptrdiff_t got)
{
	if (got == -1) {
		cli_error("%d: its region cannot be read any more", (int)recording->request->pid);
		return CLI_REFUSED;
	}
	cli_system_error(recording->request->output, ENOMEM);
	return CLI_SYSTEM;
}

/* Takes what the rings have until the recording is to end. */
static int drain(struct recording *recording)
{
	struct follow *follow = recording->follow;
	long pause = PAUSE_LEAST_NS;

	/* Without a thread of its own for it falling behind is more likely. */
	(void)follow_run_ahead(follow);
	for (;;) {
		bool up = is_time_up(recording), last = has_ended(recording) || up;
		ptrdiff_t got;

		if (last)
			follow_run_along(follow);
		got = follow_poll(follow, recorder_event, recording->recorder);
		if (recorder_is_full(recording->recorder))
			return CLI_DONE;
		if (got < 0)
			return refuse(recording, got);
		if (ferror(recording->out))
			return CLI_DONE; /* said where the file is closed */
		if (last && got == 0)
			return CLI_DONE;
		if (up)
			follow_close(follow);
		if (got == 0)
			pause_ns(pause);
		pause = got > 0 ? PAUSE_LEAST_NS : pause < PAUSE_MOST_NS ? pause * 2 : pause;
	}
}

static const char *output_name(const struct request *request)
{
	return is_to_stdout(request) ? "standard output" : request->output;
}

static void say_summary(const struct recording *recording)
{
	struct recorder_counts counts;
	char events[SIZE_TEXT], lost[SIZE_TEXT], unknown[SIZE_TEXT];

	recorder_counts(recording->recorder, &counts);
	cli_error("%s: %s event%s, %s lost", output_name(recording->request),
		size_count(events, counts.events, SIZE_DIGIT), counts.events == 1 ? "" : "s",
		size_count(lost, counts.lost, SIZE_DIGIT));
	if (live_header(recording->live)->ring_events == 0 &&
		(recording->request->command == NULL || counts.events == 0))
		cli_error("its rings are off (MEMCTX_RING=0, or memctx_set_ring(0)), so that what "
			  "it does is not known");
	if (counts.lost > 0)
		cli_error("the rings were written over before they were read; MEMCTX_RING=N in its "
			  "environment makes them larger");
	if (counts.free_chunks > 0)
		cli_error("%s free chunk%s of %s in the contexts that were there %s not in the "
			  "trace, which replays without",
			size_count(unknown, counts.free_chunks, SIZE_DIGIT),
			counts.free_chunks == 1 ? "" : "s",
			size_text(lost, counts.free_bytes, SIZE_DIGIT),
			counts.free_chunks == 1 ? "is" : "are");
	if (counts.unknown > 0)
		cli_error("%s event%s about what was not seen coming left out",
			size_count(unknown, counts.unknown, SIZE_DIGIT),
			counts.unknown == 1 ? "" : "s");
}

static int record(struct recording *recording)
{
	int status = CLI_DONE;

	recording->recorder = recorder_new(recording->out, recording->began_ns);
	if (recording->recorder == NULL) {
		cli_system_error(recording->request->output, ENOMEM);
		return CLI_SYSTEM;
	}
	if (recording->request->events > 0)
		recorder_limit(recording->recorder, recording->request->events);
	if (recording->request->command != NULL && !wait_for_region(recording)) {
		cli_error("%s showed no contexts, so the trace is empty; what it starts in turn is "
			  "not recorded",
			recording->request->command[0]);
		return CLI_DONE;
	}
	status = begin(recording);
	if (status == CLI_DONE)
		status = drain(recording);
	return status;
}

/* The status of the command, as a shell tells it; waits for it where it still runs. */
static int command_status(struct recording *recording)
{
	pid_t pid = recording->request->pid;

	if (!recording->has_ended && stop_signal == SIGTERM)
		kill(pid, SIGTERM);
	while (!recording->has_ended) {
		pid_t got = waitpid(pid, &recording->wait_status, 0);

		recording->has_ended = got == pid || errno != EINTR;
	}
	if (WIFSIGNALED(recording->wait_status))
		return 128 + WTERMSIG(recording->wait_status);
	return WEXITSTATUS(recording->wait_status);
}

static int finish(struct recording *recording, int status)
{
	const struct request *request = recording->request;

	if (fclose(recording->out) != 0) {
		cli_error("%s: %s", output_name(request), strerror(errno));
		status = CLI_SYSTEM;
	} else if (recording->follow != NULL) {
		say_summary(recording);
	}
	if (request->command != NULL) {
		int command = command_status(recording);

		status = status == CLI_DONE ? command : status;
	}
	recorder_free(recording->recorder);
	follow_free(recording->follow);
	live_close(recording->live);
	return status;
}

static int open_output(struct recording *recording, struct request *request)
{
	int number;

	snprintf(request->name, sizeof request->name, "memctx.%d.trace", (int)request->pid);
	if (request->output == NULL)
		request->output = request->name;
	recording->out = trace_output_open(request->output, request->force);
	if (recording->out != NULL)
		return CLI_DONE;
	number = errno;
	cli_error("%s: %s", request->output,
		number == EEXIST ? "is there already; --force writes over it" : strerror(number));
	return number == EEXIST ? CLI_REFUSED : CLI_SYSTEM;
}

static int open_process(struct recording *recording, const struct request *request)
{
	struct live_error error;

	recording->live = live_open(request->pid, &error);
	if (recording->live != NULL)
		return CLI_DONE;
	cli_error("%d: %s", (int)request->pid, error.message);
	return error.status;
}

/* Nothing was recorded: no empty file is left to stand in the way of the next attempt. */
static void discard_output(const struct recording *recording)
{
	const struct request *request = recording->request;
	struct stat status;

	fclose(recording->out);
	if (!is_to_stdout(request) && lstat(request->output, &status) == 0 &&
		S_ISREG(status.st_mode))
		unlink(request->output);
}

/* A file that was named is opened before a command is started, one named by its number after. */
static int run(struct request *request)
{
	struct recording recording = {.request = request, .listener = -1};
	bool is_named = request->output != NULL;
	int status = CLI_DONE;

	catch_signals();
	if (request->command == NULL)
		status = open_process(&recording, request);
	if (status == CLI_DONE && (is_named || request->command == NULL))
		status = open_output(&recording, request);
	recording.began_ns = clock_now_ns();
	if (status == CLI_DONE && request->command != NULL)
		status = start_command(&recording, request);
	if (status == CLI_DONE && recording.out == NULL) {
		status = open_output(&recording, request);
		if (status != CLI_DONE)
			kill(request->pid, SIGTERM);
	}
	if (status == CLI_DONE)
		return finish(&recording, record(&recording));
	if (recording.out != NULL)
		discard_output(&recording);
	live_close(recording.live);
	return status;
}

/* ---- The command line ----------------------------------------------------------------- */

static int parse_option(struct request *request, const struct cli_args *args, int option)
{
	char *end;

	switch (option) {
	case OPTION_OUTPUT:
		request->output = args->value;
		return CLI_DONE;
	case OPTION_DURATION:
		request->seconds = strtod(args->value, &end);
		if (*end == 's')
			end++;
		return *args->value != '\0' && *end == '\0' && request->seconds > 0 &&
				       request->seconds < 1e9
			       ? CLI_DONE
			       : cli_usage(args, "--duration=%s: expected seconds", args->value);
	case OPTION_EVENTS:
		return cli_parse_number(args->value, &request->events) && request->events > 0
			       ? CLI_DONE
			       : cli_usage(args, "--events=%s: expected a number from 1",
					 args->value);
	default:
		request->force = true;
		return CLI_DONE;
	}
}

static int run_record(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	struct request request = {0};
	int option, status;

	while ((option = cli_next(&args)) >= 0) {
		status = parse_option(&request, &args, option);
		if (status != CLI_DONE)
			return status;
	}
	if (option == CLI_STOP || !cli_count_operands(&args, 1, -1))
		return args.status;
	if (strcmp(args.operands[-1], "--") == 0) {
		request.command = args.operands;
	} else {
		if (!cli_count_operands(&args, 1, 1))
			return args.status;
		if (!cli_parse_pid(args.operands[0], &request.pid))
			return cli_usage(&args, "%s: expected a process id, or -- and a command",
				args.operands[0]);
	}
	return run(&request);
}

const struct command command_record = {
	.name = "record",
	.summary = "record a live process, or a command, as a trace",
	.operands = "PID | -- COMMAND...",
	.description =
		"Writes what a process does in its contexts to a trace that replays. A COMMAND is "
		"recorded from its first event on; of a process that runs already, what was there "
		"before comes first: its contexts, and its chunks as lines \"base\". The recording "
		"ends with the process, at a limit, or at Ctrl-C, and the trace is complete then.\n"
		"\n"
		"Of the chunks that were there before, the number is right and, to a few bytes, "
		"what was asked for in all: each is given the mean of its size class. Where they "
		"lay is not told, nor what stood on freelists. A replay packs them anew, so that "
		"its contexts most often take less in total than the process did; the end says "
		"how many free chunks are left out.\n"
		"\n"
		"  memctx-tool record -- ./server --port 8080\n"
		"  memctx-tool record --duration=10 -o slow.trace.zst 4711\n"
		"  memctx-tool replay slow.trace.zst\n"
		"  memctx-tool record -o - -- ./report | memctx-tool replay -\n"
		"\n"
		"With -o - what a COMMAND writes to its standard output goes to standard error, "
		"since the trace alone is on standard output.\n"
		"\n"
		"Threads write their events to rings that overwrite the oldest. Where they are "
		"written over before they are read, a line \"lost\" stands in the trace and the "
		"end says how many entries were lost: MEMCTX_RING=N in the environment of the "
		"process makes the rings larger (262144 for a COMMAND, unless it is set). What "
		"reads the rings is a thread that goes before others, in real time where that is "
		"permitted; while rings are filled within milliseconds another keeps its processor "
		"awake, in time that nobody else wants.\n"
		"\n"
		"An arena that the process only watches (memctx_watch) stands in the trace as a "
		"context whose chunks are lines \"base\" and \"freebase\", as a comment says: "
		"their number and bytes are right, its blocks are those of the replay. A slab "
		"stands in it as an aset, since a slab of a trace has chunks of one size alone; a "
		"comment says which --set makes replay, tree and tui take it for what it was.\n"
		"\n"
		"The exit status is that of the COMMAND; 128 and its signal where one ended it.",
	.options = options,
	.exec = run_record,
};
