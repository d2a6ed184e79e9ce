/* SPDX-License-Identifier: MIT */
/*
 * The allocator benchmark: its options, and the spread of what the processes measured.  Ratios are
 * taken within a round, so what disturbs the machine disturbs both sides.  README.md says more.
 */
#include "bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROCESSES 5
#define OUTCOMES_MAX 32

struct settings {
	const char *row;
	const char *peer;
	const char *library;
	size_t rounds; /* in each process */
	double slice;  /* seconds */
	uint32_t once; /* operations of a single slice, for callgrind */
	bool json;
	bool list;
	bool child; /* write what was measured for the parent */
	bool quick;
};

/* Those of all processes of one row. */
static double values[PEER_COUNT][PROCESSES * SLICES_MAX];

static int compare(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;

	return (a > b) - (a < b);
}

static double quantile(const double *sorted, size_t count, double part)
{
	const double place = part * (double)(count - 1);
	const size_t low = (size_t)place;
	const size_t high = low + 1 < count ? low + 1 : low;

	return sorted[low] + (sorted[high] - sorted[low]) * (place - (double)low);
}

static struct spread spread_of(double *of, size_t count)
{
	struct spread spread;

	qsort(of, count, sizeof(of[0]), compare);
	spread.low = quantile(of, count, 0.25);
	spread.median = quantile(of, count, 0.5);
	spread.high = quantile(of, count, 0.75);
	return spread;
}

static void summarise(struct outcome *outcome, double events)
{
	static double ratios[PROCESSES * SLICES_MAX];

	for (size_t i = 0; i < PEER_COUNT; i++) {
		if (!outcome->counted[i] || !outcome->counted[PEER_POSTGRES])
			continue;
		for (size_t r = 0; r < outcome->rounds; r++)
			ratios[r] = values[i][r] / values[PEER_POSTGRES][r];
		outcome->ratio[i] = spread_of(ratios, outcome->rounds);
	}
	for (size_t r = 0; has_net(outcome) && r < outcome->rounds; r++)
		ratios[r] = (values[PEER_MEMCTX][r] - values[PEER_NONE][r]) /
			    (values[PEER_POSTGRES][r] - values[PEER_NONE][r]);
	if (has_net(outcome))
		outcome->net = spread_of(ratios, outcome->rounds);
	for (size_t r = 0; has_event(outcome) && r < outcome->rounds; r++)
		ratios[r] = (values[PEER_RECORDING][r] - values[PEER_MEMCTX][r]) / events;
	if (has_event(outcome))
		outcome->event = spread_of(ratios, outcome->rounds);
	for (size_t r = 0; has_threaded(outcome) && r < outcome->rounds; r++)
		ratios[r] = (values[PEER_THREADED][r] - values[PEER_MEMCTX][r]) / events;
	if (has_threaded(outcome))
		outcome->threaded = spread_of(ratios, outcome->rounds);
	for (size_t r = 0; has_traced(outcome) && r < outcome->rounds; r++)
		ratios[r] = (values[PEER_LTTNG][r] - values[PEER_MEMCTX][r]) / events;
	if (has_traced(outcome))
		outcome->traced = spread_of(ratios, outcome->rounds);
	for (size_t i = 0; i < PEER_COUNT; i++)
		if (outcome->counted[i])
			outcome->value[i] = spread_of(values[i], outcome->rounds);
}

static int read_child(
	const struct settings *settings, const char *row, const char *peer, void *to, size_t size)
{
	char rounds[24];
	char *const arguments[] = {"alloc_bench", "--child", "--row", (char *)row, "--lib",
		(char *)settings->library, "--rounds", rounds,
		settings->quick ? "--quick" : "--child", peer != NULL ? "--peer" : NULL,
		(char *)peer, NULL};

	snprintf(rounds, sizeof(rounds), "%zu", settings->rounds);
	if (child_read(arguments, to, size) == 0)
		return 0;
	fprintf(stderr, "alloc_bench: %s%s%s could not be measured\n", row,
		peer != NULL ? " of " : "", peer != NULL ? peer : "");
	return -1;
}

static int measure_row(
	const struct row *row, const struct settings *settings, struct outcome *outcome)
{
	static struct slices slices;

	*outcome = (struct outcome){.name = row->name,
		.what = row->what,
		.unit = "ns",
		.bar = row->bar,
		.event_bar = row->event_bar,
		.rounds = PROCESSES * settings->rounds};
	for (size_t p = 0; p < PROCESSES; p++) {
		if (read_child(settings, row->name, settings->peer, &slices, sizeof(slices)) != 0)
			return -1;
		outcome->ops = slices.ops;
		memcpy(outcome->counted, slices.counted, sizeof(slices.counted));
		for (size_t i = 0; i < PEER_COUNT; i++)
			memcpy(&values[i][p * settings->rounds], slices.ns[i],
				settings->rounds * sizeof(slices.ns[i][0]));
	}
	summarise(outcome, row->events);
	return 0;
}

static int measure_memory(
	const struct memory_row *row, const struct settings *settings, struct outcome *outcome)
{
	struct footprint footprint;

	*outcome = (struct outcome){.name = row->name,
		.what = row->what,
		.unit = "resident/requested",
		.bar = row->bar,
		.rounds = PROCESSES};
	for (size_t i = 0; i < PEER_NONE; i++) {
		outcome->counted[i] = peers[i].loaded && row->can(&peers[i]);
		for (size_t p = 0; outcome->counted[i] && p < PROCESSES; p++) {
			if (read_child(settings, row->name, peers[i].name, &footprint,
				    sizeof(footprint)) != 0)
				return -1;
			values[i][p] = (double)footprint.resident / (double)footprint.requested;
		}
	}
	summarise(outcome, 0);
	return 0;
}

static bool wanted(const char *choice, const char *name)
{
	return choice == NULL || strcmp(choice, name) == 0;
}

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < bench_rows_count; i++)
		if (strcmp(bench_rows[i].name, name) == 0)
			return &bench_rows[i];
	return NULL;
}

static const struct memory_row *find_memory_row(const char *name)
{
	for (size_t i = 0; i < bench_memory_rows_count; i++)
		if (strcmp(bench_memory_rows[i].name, name) == 0)
			return &bench_memory_rows[i];
	return NULL;
}

static struct peer *find_peer(const char *name)
{
	for (size_t i = 0; i < PEER_COUNT; i++)
		if (strcmp(peers[i].name, name) == 0)
			return &peers[i];
	return NULL;
}

static int run_child(const struct settings *settings)
{
	const struct row *row = find_row(settings->row);
	const struct memory_row *memory_row = find_memory_row(settings->row);
	static struct slices slices;

	if (memory_row != NULL)
		return memory_child(memory_row, find_peer(settings->peer)) == 0 ? 0 : 3;
	measure_slices(row, settings->rounds, settings->slice, &slices);
	return child_write(&slices, sizeof(slices)) == 0 ? 0 : 3;
}

static void open_peers(const struct settings *settings)
{
	for (size_t i = 0; i < PEER_COUNT; i++) {
		snprintf(peers[i].note, sizeof(peers[i].note), "left out: not asked for");
		if (wanted(settings->peer, peers[i].name))
			peers[i].loaded = peers[i].open(&peers[i], settings->library) == 0;
	}
}

static void progress(const char *text)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%-20s\r", text);
}

static int run_all(const struct settings *settings)
{
	static struct outcome outcomes[OUTCOMES_MAX];
	char method[160];
	size_t count = 0;

	for (size_t i = 0; i < bench_rows_count; i++) {
		if (!wanted(settings->row, bench_rows[i].name))
			continue;
		progress(bench_rows[i].name);
		if (measure_row(&bench_rows[i], settings, &outcomes[count++]) != 0)
			return 3;
	}
	for (size_t i = 0; i < bench_memory_rows_count; i++) {
		if (!wanted(settings->row, bench_memory_rows[i].name))
			continue;
		progress(bench_memory_rows[i].name);
		if (measure_memory(&bench_memory_rows[i], settings, &outcomes[count++]) != 0)
			return 3;
	}
	progress("");
	snprintf(method, sizeof(method),
		"%d processes of %zu interleaved rounds of %.0f ms, thread processor time",
		PROCESSES, settings->rounds, settings->slice * 1e3);
	(settings->json ? report_json : report_text)(outcomes, count, method);
	return fflush(stdout) != 0 || ferror(stdout) != 0 ? 3 : 0;
}

static int list_rows(void)
{
	for (size_t i = 0; i < bench_rows_count; i++)
		printf("%-15s %s\n", bench_rows[i].name, bench_rows[i].what);
	for (size_t i = 0; i < bench_memory_rows_count; i++)
		printf("%-15s %s\n", bench_memory_rows[i].name, bench_memory_rows[i].what);
	return 0;
}

static bool take_option(int option, struct settings *settings)
{
	switch (option) {
	case 'r':
		settings->row = optarg;
		return find_row(optarg) != NULL || find_memory_row(optarg) != NULL;
	case 'p':
		settings->peer = optarg;
		return find_peer(optarg) != NULL;
	case 'l':
		settings->library = optarg;
		return true;
	case 'n':
		settings->rounds = strtoul(optarg, NULL, 10);
		return settings->rounds >= 1 && settings->rounds <= SLICES_MAX;
	case 'o':
		settings->once = (uint32_t)strtoul(optarg, NULL, 10);
		return settings->once > 0;
	case 'q':
		settings->quick = true;
		settings->rounds = 3;
		settings->slice = 0.002;
		return true;
	case 'j':
		settings->json = true;
		return true;
	case 'L':
		settings->list = true;
		return true;
	case 'c':
		settings->child = true;
		return true;
	default:
		return false;
	}
}

static int parse(int argc, char **argv, struct settings *settings)
{
	static const struct option options[] = {
		{"row", required_argument, NULL, 'r'},
		{"peer", required_argument, NULL, 'p'},
		{"lib", required_argument, NULL, 'l'},
		{"rounds", required_argument, NULL, 'n'},
		{"once", required_argument, NULL, 'o'},
		{"quick", no_argument, NULL, 'q'},
		{"json", no_argument, NULL, 'j'},
		{"list", no_argument, NULL, 'L'},
		{"child", no_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(option, settings))
			return -1;
	if (settings->once != 0 && (settings->row == NULL || settings->peer == NULL))
		return -1;
	if (settings->child && settings->row == NULL)
		return -1;
	return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct settings settings = {
		.library = "build/release/libmemctx.so", .rounds = 7, .slice = 0.008};

	if (parse(argc, argv, &settings) != 0) {
		fputs("usage: alloc_bench [--row NAME] [--peer NAME] [--lib PATH] [--rounds N]"
		      " [--quick] [--json] [--list]\n",
			stderr);
		return 2;
	}
	if (settings.list)
		return list_rows();
	bench_rows_prepare();
	open_peers(&settings);
	if (settings.once != 0)
		return find_row(settings.row) != NULL &&
				       measure_once(find_row(settings.row),
					       find_peer(settings.peer), settings.once) == 0
			       ? 0
			       : 1;
	return settings.child ? run_child(&settings) : run_all(&settings);
}
