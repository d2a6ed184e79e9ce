/* SPDX-License-Identifier: MIT */
/*
 * How fast traces are read: each file given is put into memory and read again and again, for
 * half a second at least.  Prints the best run's nanoseconds a line and gigabytes a second.
 *
 *   trace_bench [-n RUNS] TRACE…
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/clock.h"
#include "model/trace.h"

#define BATCH 256

/* Reads the whole text once.  Returns the number of its last event's line. */
static uint64_t read_once(const char *name, const char *text, size_t size)
{
	static struct trace_event events[BATCH];
	struct trace_error error;
	uint64_t lines = 0;
	ptrdiff_t got = -1;
	struct trace_reader *reader = trace_open_memory(text, size, 0, &error);
	if (reader != NULL) {
		while ((got = trace_read(reader, events, BATCH)) > 0)
			lines = events[got - 1].line;
		error = *trace_last_error(reader);
	}
	if (got < 0) {
		fprintf(stderr, "%s:%llu:%llu: %s\n", name, (unsigned long long)error.line,
			(unsigned long long)error.column, error.message);
		exit(1);
	}
	trace_close(reader);
	return lines;
}

static char *load(const char *name, size_t *size)
{
	FILE *in = fopen(name, "rb");
	char *text = NULL;
	size_t room = 0;
	*size = 0;
	if (in == NULL) {
		perror(name);
		exit(3);
	}
	do {
		room = room * 2 + 65536;
		text = realloc(text, room);
		if (text == NULL)
			abort();
		*size += fread(text + *size, 1, room - *size, in);
	} while (*size == room);
	fclose(in);
	return text;
}

static void measure(const char *name, unsigned runs)
{
	size_t size;
	char *text = load(name, &size);
	uint64_t best = UINT64_MAX, lines = 0, start = clock_now_ns();
	for (unsigned run = 0;
		runs > 0 ? run < runs : run < 3 || clock_now_ns() - start < 500000000; run++) {
		uint64_t before = clock_now_ns();
		lines = read_once(name, text, size);
		uint64_t took = clock_now_ns() - before;
		best = took < best ? took : best;
	}
	printf("%6.2f ns/line %6.2f GB/s %6.1f bytes/line %9llu lines  %s\n",
		(double)best / (double)lines, (double)size / (double)best,
		(double)size / (double)lines, (unsigned long long)lines, name);
	free(text);
}

int main(int argc, char **argv)
{
	unsigned runs = 0;
	int option;
	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n')
			return 2;
		runs = (unsigned)strtoul(optarg, NULL, 10);
	}
	for (int i = optind; i < argc; i++)
		measure(argv[i], runs);
	return optind < argc ? 0 : 2;
}
