/* SPDX-License-Identifier: MIT */
/*
 * Attaches to process PID, takes a snapshot and detaches, CYCLES times, each time in a process of
 * its own that is killed at a random moment or not.  Fails where a snapshot breaks an invariant or
 * the process is gone; prints how many snapshots were whole and how many readers were killed.
 *
 *   live_reader PID CYCLES
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model/live.h"

/* Readers are killed within it; a snapshot takes about as long. */
#define KILL_NS 1000000u

static uint64_t seed;

static uint64_t below(uint64_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % n;
}

/* One reader; returns its exit status. */
static int look(pid_t pid)
{
	struct live_error error;
	struct live *live = live_open(pid, &error);
	struct snapshot *snapshot = live != NULL ? live_snapshot(live, &error) : NULL;
	char why[200];

	if (snapshot == NULL) {
		fprintf(stderr, "live_reader: %s\n", error.message);
		return 1;
	}
	if (!snapshot_valid(snapshot, why, sizeof why)) {
		fprintf(stderr, "live_reader: %s\n", why);
		return 1;
	}
	return snapshot->n > 0 ? 0 : 1;
}

/* 0: it ended well, 1: it failed, 2: it was killed. */
static int cycle(pid_t pid)
{
	pid_t reader = fork();
	int status;

	if (reader < 0)
		return 1;
	if (reader == 0)
		_exit(look(pid));
	if (below(2) == 0) {
		nanosleep(&(struct timespec){0, (long)below(KILL_NS)}, NULL);
		kill(reader, SIGKILL);
	}
	while (waitpid(reader, &status, 0) != reader)
		if (errno != EINTR)
			return 1;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL ? 2 : 1;
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	pid_t pid = argc > 2 ? atoi(argv[1]) : 0;
	long cycles = argc > 2 ? atol(argv[2]) : 0, results[3] = {0};

	if (pid <= 0 || cycles <= 0)
		return 2;
	seed = (uint64_t)time(NULL);
	for (long i = 0; i < cycles; i++) {
		int result = cycle(pid);

		results[result == 0 || result == 2 ? result : 1]++;
		if (result == 1 || kill(pid, 0) != 0) {
			fprintf(stderr, "live_reader: cycle %ld: %s\n", i,
				result == 1 ? "a reader failed" : "the process is gone");
			return 1;
		}
	}
	printf("%ld whole, %ld killed\n", results[0], results[2]);
	return results[0] > cycles / 4 && results[2] > 0 ? 0 : 1;
}
