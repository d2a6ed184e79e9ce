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
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/clock.h"
#include "model/live_look.h"
#include "model/snapshot.h"

#define ROUNDS_MAX 41
#define SPELLS_MAX 101

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
	return clock_seconds(CLOCK_MONOTONIC);
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

static void target_tell(const struct live_target *target, char command)
{
	if (write(target->to, &command, 1) != 1)
		fail("the target is gone");
}

static struct live_work target_hear(const struct live_target *target)
{
	struct live_work work = {0};

	if (read(target->from, &work, sizeof(work)) != sizeof(work))
		fail("the target does not answer");
	return work;
}

static struct live_work target_ask(const struct live_target *target, char command)
{
	target_tell(target, command);
	return target_hear(target);
}

/* Operations a second of the target's processor time. */
static double rate_of(struct live_work work)
{
	return (double)work.done / work.cpu;
}

static double work_rate(const struct live_target *target)
{
	return rate_of(target_ask(target, LIVE_WORK));
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

/* What reads along, as `memctx-tool stat PID 0.1` does. */
struct reader {
	struct live *live;
	struct live_look *look;
	unsigned looks;
	double seconds; /* of processor time, all looks but the first together */
};

static double thread_time(void)
{
	return clock_seconds(CLOCK_THREAD_CPUTIME_ID);
}

static void look_once(struct reader *reader)
{
	double start = thread_time();
	struct live_error error;
	struct snapshot_figures sum;

	if (live_look(reader->look, &error) == NULL)
		fail("no snapshots could be taken");
	live_look_totals(reader->look, &sum);
	if (reader->looks++ > 0)
		reader->seconds += thread_time() - start;
}

static void reader_start(struct reader *reader, const struct live_target *target)
{
	struct live_error error;

	target_ask(target, LIVE_RING_OFF); /* it is there */
	*reader = (struct reader){.live = live_open(target->pid, &error)};
	if (reader->live != NULL)
		reader->look = live_look_new(reader->live);
	if (reader->look == NULL)
		fail("the target cannot be looked into");
	look_once(reader);
}

static void reader_end(struct reader *reader)
{
	live_look_free(reader->look);
	live_close(reader->live);
}

static double reader_ms(const struct reader *reader)
{
	return reader->looks > 1 ? reader->seconds / (reader->looks - 1) * 1e3 : 0;
}

enum beside { NOBODY, LOOKING, SPINNING };

/* The rate of a tenth of a second in which one snapshot is taken, or as long is spun. */
static double rate_beside(
	const struct live_target *target, enum beside beside, struct reader *reader)
{
	double end;

	target_tell(target, LIVE_SPELL);
	usleep(5000);
	end = thread_time() + reader_ms(reader) / 1e3;
	if (beside == LOOKING)
		look_once(reader);
	while (beside == SPINNING && thread_time() < end)
		;
	return rate_of(target_hear(target));
}

static double percent_slower(double alone, double with)
{
	return (alone / with - 1) * 100;
}

/*
 * Tenths of a second in turn: in one a snapshot is taken, in another a neighbour is as busy and
 * looks at nothing, and between them nobody is there; so that neither a drift nor a loud tenth of
 * the machine's is taken for the reader's doing.
 */
static void bench_reader(uint64_t contexts, const char *name)
{
	struct live_target target = target_start("idle", contexts, true);
	double slower[SPELLS_MAX], control[SPELLS_MAX], ms, alone, between, next;
	size_t n = rounds < 15 ? rounds : SPELLS_MAX;
	struct reader reader;
	char text[40];

	reader_start(&reader, &target);
	target_ask(&target, LIVE_WORK);
	alone = rate_beside(&target, NOBODY, &reader);
	for (size_t i = 0; i < n; i++) {
		double with = rate_beside(&target, LOOKING, &reader), spun;

		between = rate_beside(&target, NOBODY, &reader);
		spun = rate_beside(&target, SPINNING, &reader);
		next = rate_beside(&target, NOBODY, &reader);
		slower[i] = percent_slower((alone + between) / 2, with);
		control[i] = percent_slower((between + next) / 2, spun);
		alone = next;
	}
	ms = reader_ms(&reader);
	reader_end(&reader);
	target_end(&target);
	print_row(name, "% slower while 10 snapshots a second are taken", slower, n, 1);
	snprintf(text, sizeof(text), "%s/control", name);
	print_row(text, "% slower beside one that is as busy and does not look", control, n, 0);
	snprintf(text, sizeof(text), "%s/ms", name);
	print_row(text, "ms of processor time a snapshot", &ms, 1, 0);
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

		slower[i] = percent_slower((off + next) / 2, on);
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

		slower[i] = percent_slower((off + next) / 2, on);
		off = next;
	}
	print_row("server-ring", "% more time a query, no pauses, ring on", slower, n, 0);
}

/* A snapshot in every second tenth of a second, its ring on. */
static void bench_server_reader(const struct live_target *target)
{
	double slower[SPELLS_MAX], alone;
	size_t n = rounds < 15 ? rounds : SPELLS_MAX;
	struct reader reader;

	reader_start(&reader, target);
	target_ask(target, LIVE_RING_ON);
	alone = rate_beside(target, NOBODY, &reader);
	for (size_t i = 0; i < n; i++) {
		double with = rate_beside(target, LOOKING, &reader);
		double next = rate_beside(target, NOBODY, &reader);

		slower[i] = percent_slower((alone + next) / 2, with);
		alone = next;
	}
	reader_end(&reader);
	print_row("server-reader", "% slower, ring on, 10 snapshots a second", slower, n, 0);
}

static void bench_server(void)
{
	struct live_target target = target_start("server", 0, true);
	double recorded[ROUNDS_MAX];

	target_ask(&target, LIVE_WORK);
	bench_server_ring(&target);
	bench_server_reader(&target);
	for (size_t i = 0; i < rounds; i++) {
		double off = rate_with_ring(&target, LIVE_RING_OFF);

		target_ask(&target, LIVE_RING_ON);
		recorded[i] = percent_slower(off, rate_recorded(&target));
	}
	kill(target.pid, SIGKILL);
	target_end(&target);
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
