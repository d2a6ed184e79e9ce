/* SPDX-License-Identifier: MIT */
/*
 * The table and the JSON object.  A ratio is the median of the rounds' ratios to PostgreSQL;
 * without PostgreSQL the table shows the figures themselves.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The first line of PATH that begins with KEY, after its colon; or PATH's first line. */
static void first_line(const char *path, const char *key, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	char line[256];
	char *start;

	snprintf(text, size, "unknown");
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		start = *key != '\0' && strchr(line, ':') != NULL ? strchr(line, ':') + 2 : line;
		snprintf(text, size, "%.*s", (int)size - 1, start);
		break;
	}
	fclose(file);
}

static void describe_machine(char *text, size_t size)
{
	struct utsname name;
	char pages[80];
	char model[80];

	first_line("/proc/cpuinfo", "model name", model, sizeof(model));
	first_line("/sys/kernel/mm/transparent_hugepage/enabled", "", pages, sizeof(pages));
	if (uname(&name) != 0)
		strcpy(name.release, "unknown");
	snprintf(text, size, "%s, %ld processors, Linux %.40s, huge pages %s", model,
		sysconf(_SC_NPROCESSORS_ONLN), name.release, pages);
}

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

bool has_event(const struct outcome *outcome)
{
	return outcome->event_bar > 0 && outcome->counted[PEER_MEMCTX] &&
	       outcome->counted[PEER_RECORDING];
}

bool has_threaded(const struct outcome *outcome)
{
	return has_event(outcome) && outcome->counted[PEER_THREADED];
}

bool has_traced(const struct outcome *outcome)
{
	return has_event(outcome) && outcome->counted[PEER_LTTNG];
}

bool has_net(const struct outcome *outcome)
{
	return outcome->counted[PEER_MEMCTX] && outcome->counted[PEER_POSTGRES] &&
	       outcome->counted[PEER_NONE];
}

static bool judged(const struct outcome *outcome)
{
	return outcome->bar > 0 && outcome->counted[PEER_MEMCTX] && outcome->counted[PEER_POSTGRES];
}

static bool met(const struct outcome *outcome)
{
	return outcome->ratio[PEER_MEMCTX].median <= outcome->bar;
}

static const char *verdict(const struct outcome *outcome)
{
	if (!judged(outcome))
		return "";
	return met(outcome) ? "met" : "OVER";
}

static void print_figure(int width, bool there, double value)
{
	if (!there)
		printf(" %*s", width, "-");
	else
		printf(" %*.*f", width, value < 1000 ? 2 : 0, value);
}

static void print_row(const struct outcome *outcome)
{
	static const size_t others[] = {PEER_APR, PEER_TALLOC, PEER_MIMALLOC, PEER_GLIBC};
	const bool reference = outcome->counted[PEER_POSTGRES];
	const struct spread *figures = reference ? outcome->ratio : outcome->value;
	const struct spread *own = &figures[PEER_MEMCTX];
	char quartiles[32] = "";
	size_t i;

	printf("%-13s", outcome->name);
	print_figure(7, reference, outcome->value[PEER_POSTGRES].median);
	print_figure(5, outcome->counted[PEER_MEMCTX], own->median);
	if (outcome->counted[PEER_MEMCTX])
		snprintf(quartiles, sizeof(quartiles), "%.2f-%.2f", own->low, own->high);
	printf(" %-9s %4.2f %-4s", quartiles, outcome->bar, verdict(outcome));
	for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
		i = others[k];
		print_figure(5, outcome->counted[i], figures[i].median);
	}
	print_figure(5, has_net(outcome), outcome->net.median);
	putchar('\n');
}

static void print_head(const char *method)
{
	char machine[256];

	describe_machine(machine, sizeof(machine));
	printf("machine   %s\ncompiler  %s (of the benchmark)\nmethod    %s\n", machine, COMPILER,
		method);
	for (size_t i = 0; i < PEER_COUNT; i++)
		printf("%-9s %-11s %s\n", i == 0 ? "peers" : "", peers[i].name, peers[i].note);
	if (peers[PEER_POSTGRES].loaded)
		puts("\nThe first figure is PostgreSQL's: ns an operation, or resident over "
		     "requested "
		     "bytes.\nThe others are ratios to it: medians, with quartiles for memctx; net "
		     "is "
		     "memctx\nwithout the benchmark's own cost.");
	else
		puts("\nWithout PostgreSQL: ns an operation, or resident over requested bytes.");
	printf("\n%-13s %7s %5s %-9s %4s %-4s %5s %5s %5s %5s %5s\n", "", "postgr.", "mctx",
		"quartiles", "bar", "", "apr", "tallc", "mimal", "glibc", "net");
}

/* What publishing and recording cost, where a row has a bar for it. */
static void print_recording(const struct outcome *outcomes, size_t count)
{
	const char *head =
		"\nWhat publishing and recording take, in ns an operation and ns an event.\n\n"
		"              private  mctx recording  event quartiles    bar      threads  lttng "
		" "
		"times\n";

	for (size_t i = 0; i < count; i++) {
		const struct outcome *outcome = &outcomes[i];

		if (!has_event(outcome))
			continue;
		printf("%s%-13s", head, outcome->name);
		print_figure(
			8, outcome->counted[PEER_PRIVATE], outcome->value[PEER_PRIVATE].median);
		print_figure(5, true, outcome->value[PEER_MEMCTX].median);
		print_figure(9, true, outcome->value[PEER_RECORDING].median);
		printf(" %6.2f %5.2f-%-5.2f %6.2f %-4s", outcome->event.median, outcome->event.low,
			outcome->event.high, outcome->event_bar,
			outcome->event.median <= outcome->event_bar ? "met" : "OVER");
		print_figure(7, has_threaded(outcome), outcome->threaded.median);
		print_figure(6, has_traced(outcome), outcome->traced.median);
		print_figure(
			6, has_traced(outcome), outcome->traced.median / outcome->event.median);
		putchar('\n');
		head = "";
	}
}

/* The bars of the other kinds: a figure, or a ratio of medians. */
static const struct kind_bar {
	const char *row;
	int peer, against; /* against PEER_NONE: the figure itself */
	double bar;
} kind_bars[] = {
	{"create-1000", PEER_BUMP, PEER_POSTGRES, 0.65},
	{"create-1000", PEER_BUMP, PEER_APR, 1.00},
	{"create-1000", PEER_GENERATION, PEER_POSTGRES, 0.80},
	{"realloc", PEER_GENERATION, PEER_MEMCTX, 2.00},
	{"mem-131072", PEER_GENERATION, PEER_MEMCTX, 2.00},
	{"mem-131072", PEER_FINE, PEER_NONE, 1.20},
	{"mem-query", PEER_FINE, PEER_NONE, 1.30},
	{"steady", PEER_FINE, PEER_MEMCTX, 1.05},
	{"steady-131072", PEER_FINE, PEER_MEMCTX, 1.05},
};

static void print_kind_bar(const struct outcome *outcome, const struct kind_bar *bar)
{
	bool is_figure = bar->against == PEER_NONE;
	double figure;

	if (strcmp(outcome->name, bar->row) != 0 || !outcome->counted[bar->peer] ||
		(!is_figure && !outcome->counted[bar->against]))
		return;
	figure = outcome->value[bar->peer].median;
	if (!is_figure)
		figure /= outcome->value[bar->against].median;
	printf("%-13s %-11s %-12s %5.2f %5.2f %s\n", outcome->name, peers[bar->peer].name,
		is_figure ? "itself" : peers[bar->against].name, figure, bar->bar,
		figure <= bar->bar ? "met" : "OVER");
}

/* The other kinds in the rows that they can take part in, and their bars. */
static void print_kinds(const struct outcome *outcomes, size_t count)
{
	static const size_t kinds[] = {
		PEER_MEMCTX, PEER_FINE, PEER_GENERATION, PEER_BUMP, PEER_SLAB};

	printf("\nThe kinds: ns an operation, or resident over requested.\n\n%-13s", "");
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		printf(" %10s", peers[kinds[k]].name);
	putchar('\n');
	for (size_t i = 0; i < count; i++) {
		printf("%-13s", outcomes[i].name);
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			print_figure(10, outcomes[i].counted[kinds[k]],
				outcomes[i].value[kinds[k]].median);
		putchar('\n');
	}
	printf("\n%-13s %-11s %-12s %5s %5s\n", "", "kind", "against", "is", "bar");
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < sizeof(kind_bars) / sizeof(kind_bars[0]); k++)
			print_kind_bar(&outcomes[i], &kind_bars[k]);
}

void report_text(const struct outcome *outcomes, size_t count, const char *method)
{
	size_t bars = 0;
	size_t reached = 0;

	print_head(method);
	for (size_t i = 0; i < count; i++) {
		print_row(&outcomes[i]);
		bars += judged(&outcomes[i]);
		reached += judged(&outcomes[i]) && met(&outcomes[i]);
	}
	print_recording(outcomes, count);
	print_kinds(outcomes, count);
	putchar('\n');
	for (size_t i = 0; i < count; i++)
		printf("%-14s %s\n", outcomes[i].name, outcomes[i].what);
	printf("\n%zu of %zu bars met\n", reached, bars);
}

static void json_spread(const char *name, const struct spread *spread)
{
	printf("\"%s\": {\"q1\": %.6g, \"median\": %.6g, \"q3\": %.6g}", name, spread->low,
		spread->median, spread->high);
}

/* Machine-made text, but a compiler's version may hold anything. */
static void json_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++)
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text >= ' ')
			putchar(*text);
	putchar('"');
}

static void json_row(const struct outcome *outcome)
{
	const char *comma = "";

	printf("{\"name\": \"%s\", \"what\": \"%s\", \"unit\": \"%s\", \"operations\": %u, "
	       "\"rounds\": %zu, \"bar\": %.2f, \"met\": %s,\n   \"peers\": {",
		outcome->name, outcome->what, outcome->unit, outcome->ops, outcome->rounds,
		outcome->bar,
		!judged(outcome) ? "null"
		: met(outcome)   ? "true"
				 : "false");
	for (size_t i = 0; i < PEER_COUNT; i++) {
		if (!outcome->counted[i])
			continue;
		printf("%s\n    \"%s\": {", comma, peers[i].name);
		json_spread("value", &outcome->value[i]);
		if (outcome->counted[PEER_POSTGRES]) {
			printf(", ");
			json_spread("ratio", &outcome->ratio[i]);
		}
		putchar('}');
		comma = ",";
	}
	putchar('}');
	if (has_event(outcome)) {
		printf(",\n   \"event_bar\": %.2f, ", outcome->event_bar);
		json_spread("event", &outcome->event);
		if (has_threaded(outcome)) {
			printf(", ");
			json_spread("threaded", &outcome->threaded);
		}
		if (has_traced(outcome)) {
			printf(", ");
			json_spread("lttng", &outcome->traced);
		}
	}
	if (has_net(outcome)) {
		printf(",\n   ");
		json_spread("net", &outcome->net);
	}
	putchar('}');
}

void report_json(const struct outcome *outcomes, size_t count, const char *method)
{
	char machine[256];

	describe_machine(machine, sizeof(machine));
	printf("{\"schema\": \"memctx-bench\", \"version\": 1,\n \"machine\": ");
	json_string(machine);
	printf(",\n \"compiler\": ");
	json_string(COMPILER);
	printf(",\n \"method\": ");
	json_string(method);
	printf(",\n \"peers\": {");
	for (size_t i = 0; i < PEER_COUNT; i++) {
		printf("%s\n  \"%s\": ", i == 0 ? "" : ",", peers[i].name);
		json_string(peers[i].note);
	}
	printf("},\n \"rows\": [");
	for (size_t i = 0; i < count; i++) {
		printf("%s\n  ", i == 0 ? "" : ",");
		json_row(&outcomes[i]);
	}
	printf("]}\n");
}
