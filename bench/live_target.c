/* SPDX-License-Identifier: MIT */
/*
 * The process that is looked into: of the kind "idle" it has N contexts and, when told to work,
 * allocates and frees in them; of the kind "server" it serves queries as fast as it can, of the
 * kind "demo" with the pauses of `memctx-tool demo`; of the kind "paced" it records N events a
 * second for two seconds and ends.
 */
#include "live.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/demo_server.h"
#include "model/clock.h"
#include "memctx.h"

#define WINDOW 0.33
#define SPELL 0.1
#define RING_EVENTS 16384
#define PACED_SECONDS 2.0
#define PACED_BURST 1000

static memctx **contexts;
static uint64_t n_contexts;

static bool make_contexts(void)
{
	memctx *top = memctx_create(NULL, "top", NULL, MEMCTX_ASET, NULL);

	contexts = calloc(n_contexts + 1, sizeof(contexts[0]));
	if (top == NULL || contexts == NULL)
		return false;
	contexts[0] = top;
	for (uint64_t i = 1; i < n_contexts; i++) {
		contexts[i] = memctx_create(
			contexts[i / 8], "context", NULL, MEMCTX_ASET, &MEMCTX_SMALL_OPTIONS);
		if (contexts[i] == NULL || memctx_alloc(contexts[i], 100) == NULL)
			return false;
	}
	return true;
}

/* Replaces live chunks, a few in each of a thousand contexts in turn. */
static uint64_t replace_chunks(double seconds)
{
	static void *live[4096];
	static uint32_t random = 1;
	uint64_t most = n_contexts < 1000 ? n_contexts : 1000;
	double end = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) + seconds;
	uint64_t done = 0;

	while (clock_seconds(CLOCK_PROCESS_CPUTIME_ID) < end)
		for (int i = 0; i < 2000; i++, done++) {
			uint32_t place;

			random = random * 1664525u + 1013904223u;
			place = random >> 20;
			memctx_free(live[place]);
			live[place] =
				memctx_alloc(contexts[done / 64 % most], 16 + (random >> 8) % 240);
			if (live[place] == NULL)
				abort();
		}
	return done;
}

static uint64_t serve(double seconds)
{
	uint64_t before = demo_server_queries();

	nanosleep(&(struct timespec){0, (long)(seconds * 1e9)}, NULL);
	return demo_server_queries() - before;
}

static uint64_t work_for(double seconds, bool is_server)
{
	return is_server ? serve(seconds) : replace_chunks(seconds);
}

static uint64_t fork_once(void)
{
	double start = clock_seconds(CLOCK_MONOTONIC), took;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	took = clock_seconds(CLOCK_MONOTONIC) - start;
	if (child < 0 || waitpid(child, NULL, 0) != child)
		abort();
	return (uint64_t)(took * 1e9);
}

/*
 * Pairs at RATE events a second, and never more: what it could not do while it had no processor it
 * does not make up for.
 */
static int make_events(uint64_t rate)
{
	double start = clock_seconds(CLOCK_MONOTONIC), now = start, due = start;

	while (now - start < PACED_SECONDS) {
		for (int i = 0; i < PACED_BURST / 2; i++)
			memctx_free(memctx_alloc(contexts[0], 64));
		due += PACED_BURST / (double)rate;
		do
			now = clock_seconds(CLOCK_MONOTONIC);
		while (now < due);
		due = now - due > PACED_BURST / (double)rate ? now : due;
	}
	return 0;
}

int live_target_main(const char *kind, uint64_t number)
{
	bool is_server = strcmp(kind, "server") == 0 || strcmp(kind, "demo") == 0;
	char command;

	live_server_pauses = strcmp(kind, "demo") == 0;
	n_contexts = strcmp(kind, "idle") == 0 ? number : 1;
	if (is_server ? demo_server_start() != 0 : !make_contexts())
		return 3;
	if (strcmp(kind, "paced") == 0)
		return make_events(number);
	do {
		double before = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
		struct live_work work = {0};

		if (read(STDIN_FILENO, &command, 1) != 1)
			break;
		if (command == LIVE_WORK)
			work.done = work_for(WINDOW, is_server);
		else if (command == LIVE_SPELL)
			work.done = work_for(SPELL, is_server);
		else if (command == LIVE_FORK)
			work.done = fork_once();
		else
			memctx_set_ring(command == LIVE_RING_ON ? RING_EVENTS : 0);
		work.cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
		if (write(STDOUT_FILENO, &work, sizeof(work)) != sizeof(work))
			return 3;
	} while (true);
	_exit(0);
}
