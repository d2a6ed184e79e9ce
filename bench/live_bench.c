/* SPDX-License-Identifier: MIT */
/*
 * What being looked into costs: a fork, the first snapshot, a reader ten times a second, the demo
 * server with and without its ring, with a reader, and recorded; and whether a recording loses
 * events.
 *
 *   live_bench [-q] [-r fork|first|reader|demo|server|record] [TOOL]     see README.md
 */
#include "live.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model/live_look.h"
#include "model/snapshot.h"

#define ROUNDS_MAX 41

static const char *tool = "./memctx-tool";
static const char *row; /* the only one wanted; NULL: all are */
static size_t rounds = 15;

static void fail(const char *what)
{
	fprintf(stderr, "live_bench: %s\n", what);
	exit(3);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- Processes ---------------------------------------------------------------------------- */

static struct live_target target_start(const char *kind, uint64_t number, bool publishes)
{
	char text[24];
	int to[2], from[2];
	struct live_target target;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
		fail("no pipe");
	target.pid = fork();
	if (target.pid == 0) {
		setenv("MEMCTX_PUBLISH", publishes ? "1" : "0", 1);
		if (dup2(to[0], STDIN_FILENO) >= 0 && dup2(from[1], STDOUT_FILENO) >= 0)
			execl("/proc/self/exe", "live_bench", "--target", kind, text, (char *)NULL);
		_exit(3);
	}
	close(to[0]);
	close(from[1]);
	target.to = to[1];
	target.from = from[0];
	return target;
}

static struct live_work target_ask(const struct live_target *target, char command)
{
	struct live_work work = {0};

	if (write(target->to, &command, 1) != 1 ||
		read(target->from, &work, sizeof(work)) != sizeof(work))
		fail("the target does not answer");
	return work;
}

static void target_end(const struct live_target *target)
{
	close(target->to);
	close(target->from);
	if (waitpid(target->pid, NULL, 0) != target->pid)
		fail("the target is gone");
}

/* Starts the tool with ARGUMENTS; what it prints goes to OUT, what it says to ERR (-1: nowhere). */
static pid_t tool_start(const char *const *arguments, int err)
{
	pid_t pid = fork();
	int nowhere;

	if (pid != 0)
		return pid;
	nowhere = open("/dev/null", O_WRONLY);
	if (nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0 &&
		dup2(err >= 0 ? err : nowhere, STDERR_FILENO) >= 0)
		execv(tool, (char *const *)arguments);
	_exit(3);
}

static int tool_end(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- Rows --------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median and quartiles of VALUES, which are put in order; BAR 0: there is none. */
static void print_row(const char *name, const char *what, double *values, size_t n, double bar)
{
	double median;

	qsort(values, n, sizeof(values[0]), compare);
	median = values[n / 2];
	printf("%-22s %9.3f  %9.3f-%-9.3f", name, median, values[n / 4], values[n * 3 / 4]);
	if (bar > 0)
		printf(" %6.2f %-4s", bar, median <= bar ? "met" : "OVER");
	else
		printf(" %11s", "");
	printf("  %s\n", what);
	fflush(stdout);
}

static void bench_fork(uint64_t contexts)
{
	struct live_target published = target_start("idle", contexts, true);
	struct live_target hidden = target_start("idle", contexts, false);
	double ms[ROUNDS_MAX], ratio[ROUNDS_MAX];
	char name[40];

	for (size_t i = 0; i < rounds; i++) {
		double plain = (double)target_ask(&hidden, LIVE_FORK).done;

		ms[i] = (double)target_ask(&published, LIVE_FORK).done;
		ratio[i] = ms[i] / plain;
		ms[i] /= 1e6;
	}
	target_end(&published);
	target_end(&hidden);
	snprintf(name, sizeof(name), "fork-%llu", (unsigned long long)contexts);
	print_row(name, "ms in fork() of a process with so many contexts", ms, rounds, 0);
	snprintf(name, sizeof(name), "fork-%llu/private", (unsigned long long)contexts);
	print_row(name, "over the same that publishes nothing", ratio, rounds, 0);
}

static void bench_first(uint64_t contexts)
{
	struct live_target target = target_start("idle", contexts, true);
	char pid[24];
	const char *const arguments[] = {"memctx-tool", "tree", "--depth=1", "-p", pid, NULL};
	double ms[ROUNDS_MAX];

	snprintf(pid, sizeof(pid), "%d", (int)target.pid);
	target_ask(&target, LIVE_RING_ON); /* it is there */
	for (size_t i = 0; i < rounds; i++) {
		double start = now();

		if (tool_end(tool_start(arguments, -1)) != 0)
			fail("memctx-tool tree failed");
		ms[i] = (now() - start) * 1e3;
	}
	target_end(&target);
	print_row("first-snapshot", "ms of `memctx-tool tree PID`, 100,000 contexts", ms, rounds,
		100);
}

/* ---- A reader at 10 Hz -------------------------------------------------------------------- */

struct reader {
	pthread_t thread;
	pid_t pid;
	double busy; /* seconds to spin each time instead of looking; 0: to look */
	volatile bool is_stopping;
	volatile unsigned looks;
	double seconds; /* of processor time, all looks but the first together */
};

static double thread_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static bool look_once(struct reader *reader, struct live_look *look)
{
	double start = thread_time();
	struct live_error error;
	struct snapshot_figures sum;

	while (reader->busy > 0 && thread_time() - start < reader->busy)
		;
	if (reader->busy > 0)
		return true;
	if (live_look(look, &error) == NULL)
		return false;
	live_look_totals(look, &sum);
	if (reader->looks > 0)
		reader->seconds += thread_time() - start;
	return true;
}

/* As `memctx-tool stat PID 0.1` does. */
static void *read_along(void *arg)
{
	struct reader *reader = arg;
	struct live_error error;
	struct live *live = live_open(reader->pid, &error);
	struct live_look *look = live != NULL ? live_look_new(live) : NULL;

	while (look != NULL && !reader->is_stopping) {
		double next = now() + 0.1;

		if (!look_once(reader, look))
			break;
		reader->looks++;
		while (now() < next && !reader->is_stopping)
			usleep(2000);
	}
	live_look_free(look);
	if (live != NULL)
		live_close(live);
	return NULL;
}

static double work_rate(const struct live_target *target)
{
	struct live_work work = target_ask(target, LIVE_WORK);

	return (double)work.done / work.cpu;
}

/* The rate while READER looks on, which it has begun to before. */
static double rate_with_reader(const struct live_target *target, struct reader *reader)
{
	double rate;

	reader->pid = target->pid;
	if (pthread_create(&reader->thread, NULL, read_along, reader) != 0)
		fail("no thread");
	while (reader->looks < 1)
		usleep(1000);
	rate = work_rate(target);
	reader->is_stopping = true;
	pthread_join(reader->thread, NULL);
	if (reader->looks < 2)
		fail("no snapshots could be taken");
	return rate;
}

static double percent_slower(double alone, double with)
{
	return (alone / with - 1) * 100;
}

/* The same with a neighbour that is as busy and looks at nothing: what is over that is the looks'.
 */
static void bench_reader(uint64_t contexts, const char *name)
{
	struct live_target target = target_start("idle", contexts, true);
	size_t n = rounds < 15 ? rounds : ROUNDS_MAX;
	double slower[ROUNDS_MAX], control[ROUNDS_MAX], over[ROUNDS_MAX], ms[ROUNDS_MAX];
	double alone, next;
	char text[40];

	target_ask(&target, LIVE_WORK);
	alone = work_rate(&target);
	for (size_t i = 0; i < n; i++) {
		struct reader reader = {0}, neighbour = {0};
		double with = rate_with_reader(&target, &reader), beside;

		ms[i] = reader.seconds / (reader.looks - 1) * 1e3;
		neighbour.busy = ms[i] / 1e3;
		beside = rate_with_reader(&target, &neighbour);
		/* Before and after, so that a drift is not taken for the reader's doing. */
		next = work_rate(&target);
		slower[i] = percent_slower((alone + next) / 2, with);
		control[i] = percent_slower((alone + next) / 2, beside);
		over[i] = percent_slower(beside, with);
		alone = next;
	}
	target_end(&target);
	print_row(name, "% slower while 10 snapshots a second are taken", slower, n, 1);
	snprintf(text, sizeof(text), "%s/control", name);
	print_row(text, "% slower beside one that is as busy and does not look", control, n, 0);
	snprintf(text, sizeof(text), "%s/over", name);
	print_row(text, "% slower with the reader than beside that", over, n, 0);
	snprintf(text, sizeof(text), "%s/ms", name);
	print_row(text, "ms of processor time a snapshot", ms, n, 0);
}

/* ---- The demo server ------------------------------------------------------------------------ */

static double rate_recorded(const struct live_target *target)
{
	char pid[24];
	const char *const arguments[] = {"memctx-tool", "record", "-o", "-", pid, NULL};
	pid_t recorder;
	double rate;

	snprintf(pid, sizeof(pid), "%d", (int)target->pid);
	recorder = tool_start(arguments, -1);
	usleep(200000);
	rate = work_rate(target);
	kill(recorder, SIGINT);
	if (tool_end(recorder) != 0)
		fail("memctx-tool record failed");
	return rate;
}

static double rate_with_ring(const struct live_target *target, char ring)
{
	target_ask(target, ring);
	return work_rate(target);
}

/* Queries by the clock on the wall, as its clients have them. */
static double throughput(const struct live_target *target, char ring)
{
	target_ask(target, ring);
	return (double)target_ask(target, LIVE_WORK).done;
}

static void bench_demo(void)
{
	struct live_target target = target_start("demo", 0, true);
	size_t n = rounds < 15 ? rounds : ROUNDS_MAX;
	double off, slower[ROUNDS_MAX];

	throughput(&target, LIVE_RING_OFF);
	off = throughput(&target, LIVE_RING_OFF);
	for (size_t i = 0; i < n; i++) {
		double on = throughput(&target, LIVE_RING_ON);
		double next = throughput(&target, LIVE_RING_OFF);

		slower[i] = ((off + next) / 2 / on - 1) * 100;
		off = next;
	}
	kill(target.pid, SIGKILL);
	target_end(&target);
	print_row("demo-ring", "% fewer queries of `memctx-tool demo`, its ring on", slower, n, 2);
}

/* As many rounds as there can be: what is looked for is less than what one round differs by. */
static void bench_server_ring(const struct live_target *target)
{
	size_t n = rounds < 15 ? rounds : ROUNDS_MAX;
	double off = rate_with_ring(target, LIVE_RING_OFF), slower[ROUNDS_MAX];

	for (size_t i = 0; i < n; i++) {
		double on = rate_with_ring(target, LIVE_RING_ON);
		double next = rate_with_ring(target, LIVE_RING_OFF);

		slower[i] = ((off + next) / 2 / on - 1) * 100;
		off = next;
	}
	print_row("server-ring", "% more time a query, no pauses, ring on", slower, n, 0);
}

static void bench_server(void)
{
	struct live_target target = target_start("server", 0, true);
	double reader[ROUNDS_MAX], recorded[ROUNDS_MAX];

	target_ask(&target, LIVE_WORK);
	bench_server_ring(&target);
	for (size_t i = 0; i < rounds; i++) {
		double off = rate_with_ring(&target, LIVE_RING_OFF);

		target_ask(&target, LIVE_RING_ON);
		reader[i] = rate_with_reader(&target, &(struct reader){0});
		off = (off + rate_with_ring(&target, LIVE_RING_OFF)) / 2;
		target_ask(&target, LIVE_RING_ON);
		reader[i] = (off / reader[i] - 1) * 100;
		recorded[i] = (off / rate_recorded(&target) - 1) * 100;
	}
	kill(target.pid, SIGKILL);
	target_end(&target);
	print_row("server-reader", "% slower, ring on, 10 snapshots a second", reader, rounds, 0);
	print_row(
		"server-recorded", "% slower, ring on, while it is recorded", recorded, rounds, 0);
}

/* ---- Recording ------------------------------------------------------------------------------ */

/* The number that stands before WORD in TEXT, without what separates thousands. */
static double number_before(const char *text, const char *word)
{
	const char *end = strstr(text, word), *start = end;
	double number = 0;

	if (end == NULL)
		fail("`memctx-tool record` does not say what it wrote");
	while (start > text && strchr("0123456789,", start[-1]) != NULL)
		start--;
	for (; start < end; start++)
		if (*start != ',')
			number = number * 10 + (*start - '0');
	return number;
}

/* What is said on FD until it is closed. */
static void hear(int fd, char *said, size_t room)
{
	size_t size = 0;
	ssize_t got;

	while ((got = read(fd, said + size, room - 1 - size)) > 0)
		size += (size_t)got;
	said[size] = '\0';
	close(fd);
}

/* Has the tool record a thread of RATE events a second: one it starts, or (BY_PID) one that runs.
 */
static void record_once(const char *rate, bool by_pid, char *said, size_t room)
{
	char self[4096], text[24];
	const char *const command[] = {
		"memctx-tool", "record", "-o", "-", "--", self, "--target", "paced", rate, NULL};
	const char *const process[] = {"memctx-tool", "record", "-o", "-", text, NULL};
	struct live_target target = {0};
	int ends[2];
	pid_t pid;

	self[readlink("/proc/self/exe", self, sizeof(self) - 1)] = '\0';
	if (pipe2(ends, O_CLOEXEC) != 0)
		fail("no pipe");
	if (by_pid) {
		target = target_start("paced", strtoull(rate, NULL, 10), true);
		snprintf(text, sizeof(text), "%d", (int)target.pid);
		usleep(20000);
	}
	pid = tool_start(by_pid ? process : command, ends[1]);
	close(ends[1]);
	hear(ends[0], said, room);
	if (by_pid)
		target_end(&target);
	if (tool_end(pid) != 0)
		fail(said);
}

static void bench_record(uint64_t rate, bool by_pid)
{
	char number[24], said[1024], name[40];
	double rates[ROUNDS_MAX], lost[ROUNDS_MAX];
	size_t n = rounds < 5 ? rounds : 5;

	snprintf(number, sizeof(number), "%llu", (unsigned long long)rate);
	for (size_t i = 0; i < n; i++) {
		record_once(number, by_pid, said, sizeof(said));
		rates[i] = number_before(said, " events") / 2 / 1e6;
		lost[i] = number_before(said, " lost");
	}
	snprintf(name, sizeof(name), "record-%lluM%s", (unsigned long long)rate / 1000000,
		by_pid ? "/pid" : "");
	print_row(name, "million events a second written", rates, n, 0);
	qsort(lost, n, sizeof(lost[0]), compare);
	printf("%-22s %9.0f  %9.0f-%-9.0f %6d %-4s  %s\n", "", lost[n / 2], lost[0], lost[n - 1], 0,
		lost[n / 2] > 0 ? "OVER" : "met", "entries lost; the least and the most");
}

static bool wanted(const char *name)
{
	return row == NULL || strcmp(row, name) == 0;
}

int main(int argc, char **argv)
{
	int option;

	if (argc == 4 && strcmp(argv[1], "--target") == 0)
		return live_target_main(argv[2], strtoull(argv[3], NULL, 10));
	while ((option = getopt(argc, argv, "qr:")) != -1) {
		if (option == 'q')
			rounds = 3;
		else if (option == 'r')
			row = optarg;
		else
			return 2;
	}
	if (optind < argc)
		tool = argv[optind];
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%-22s %9s  %-19s %6s\n", "being looked into", "median", "quartiles", "bar");
	if (wanted("fork")) {
		bench_fork(100);
		bench_fork(10000);
		bench_fork(100000);
	}
	if (wanted("first"))
		bench_first(100000);
	if (wanted("reader")) {
		bench_reader(1000, "reader-1000");
		bench_reader(100000, "reader-100000");
	}
	if (wanted("demo"))
		bench_demo();
	if (wanted("server"))
		bench_server();
	if (wanted("record")) {
		bench_record(5000000, false);
		bench_record(5000000, true);
	}
	return 0;
}
