/* SPDX-License-Identifier: MIT */
/*
 * How long `memctx-tool tree --json` takes over a trace with 100,000 contexts, and the memory that
 * it takes: as they are created, with one chunk each in a block of 1 KiB, and with an ident and
 * three chunks each in blocks of the default 8 KiB.
 *
 *   tree_bench [-n RUNS] [TOOL]
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/clock.h"

#define CONTEXTS 100000
#define RUNS_MAX 51
#define BAR 1000.0 /* ms */

static const char *tool = "./memctx-tool";
static int runs = 7;

static const struct row {
	const char *name, *what;
	unsigned chunks;
	bool is_small, has_ident;
} rows[] = {
	{"json-created", "nothing in them", 0, false, false},
	{"json-one", "one chunk each, init=1024", 1, true, false},
	{"json-three", "an ident and three chunks each", 3, false, true},
};

static void fail(const char *what)
{
	perror(what);
	exit(3);
}

/* Each below the one of an eighth of its number. */
static void write_trace(FILE *out, const struct row *row)
{
	unsigned chunk = 0;

	fputs("memctx-trace 1\ncreate 1 - aset \"top\"\n", out);
	for (unsigned i = 2; i <= CONTEXTS; i++) {
		fprintf(out, "create %u %u aset \"context\"%s", i, i / 8 > 0 ? i / 8 : 1,
			row->is_small ? " init=1024" : "");
		if (row->has_ident)
			fprintf(out, " ident=\"item %u\"", i);
		fputc('\n', out);
		for (unsigned k = 1; k <= row->chunks; k++)
			fprintf(out, "alloc %u %u %u\n", i, ++chunk, 100 * k);
	}
}

/* Runs the tool over the trace at PATH; returns the milliseconds, *MIB what was resident. */
static double run_once(const char *path, double *mib)
{
	struct rusage used;
	int status, nowhere;
	uint64_t start = clock_now_ns();
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		nowhere = open("/dev/null", O_WRONLY);
		if (nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0 &&
			dup2(nowhere, STDERR_FILENO) >= 0)
			execl(tool, "memctx-tool", "tree", "--json", path, (char *)NULL);
		_exit(3);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid || status != 0)
		fail("memctx-tool tree failed");
	*mib = (double)used.ru_maxrss / 1024;
	return (double)(clock_now_ns() - start) / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void bench_row(const struct row *row)
{
	const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	double ms[RUNS_MAX], mib = 0;
	char path[64];
	FILE *out;
	int fd;

	snprintf(path, sizeof(path), "%s/tree_bench.XXXXXX", folder);
	fd = mkstemp(path);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (out == NULL)
		fail(path);
	write_trace(out, row);
	if (fclose(out) != 0)
		fail(path);
	for (int i = 0; i < runs; i++)
		ms[i] = run_once(path, &mib);
	unlink(path);
	qsort(ms, (size_t)runs, sizeof(ms[0]), compare);
	printf("%-22s %9.0f  %9.0f-%-9.0f %6.0f %-4s  %4.0f MiB; %s\n", row->name, ms[runs / 2],
		ms[runs / 4], ms[runs * 3 / 4], BAR, ms[runs / 2] <= BAR ? "met" : "OVER", mib,
		row->what);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n')
			return 2;
		runs = atoi(optarg);
	}
	if (runs < 1 || runs > RUNS_MAX)
		return 2;
	if (optind < argc)
		tool = argv[optind];
	printf("%-22s %9s  %-19s %6s\n", "tree --json, ms", "median", "quartiles", "bar");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bench_row(&rows[i]);
	return 0;
}
