/* SPDX-License-Identifier: MIT */
/*
 * Judging what grew: see leaks.h.
 *
 * Two signs are looked at, and the stronger counts.  What lives at the end was made in each part
 * of the run: a leak among chunks that come and go.  And what lived at each moment never fell below
 * what is claimed to stay: growth of chunks that are resized or replaced.  Neither looks at the
 * first quarter, in which caches fill, nor at the last interval, whose chunks may be in use.
 */
#include "model/leaks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/leaks_inner.h"

/*
 * A suspect grew in a third of the intervals, nearly as much late as early: what grows less and
 * less is a cache on its way to being full.  And of what came a third at least came on top: else
 * old ones were replaced by new ones.
 */
#define LEAST_STEADY (1.0 / 3)
#define LEAST_BALANCE 0.6
#define LEAST_ON_TOP (1.0 / 3)

struct growth {
	uint64_t parts[LEAKS_SAMPLES]; /* by interval */
	uint64_t bytes;
};

struct verdict {
	unsigned steady;
	double balance; /* the least third against the mean one, the last against the first */
	double share;   /* of the intervals in which it grew */
};

static struct verdict judge_growth(const struct growth *growth, unsigned from, unsigned to)
{
	struct verdict verdict = {0};
	uint64_t thirds[3] = {0}, sum = 0, least;

	for (unsigned i = from; i < to; i++) {
		verdict.steady += growth->parts[i] > 0;
		thirds[(i - from) * 3 / (to - from)] += growth->parts[i];
		sum += growth->parts[i];
	}
	if (sum == 0)
		return verdict;
	least = thirds[0] < thirds[1] ? thirds[0] : thirds[1];
	least = least < thirds[2] ? least : thirds[2];
	verdict.balance = (double)least * 3 / (double)sum;
	if ((double)thirds[2] < verdict.balance * (double)thirds[0])
		verdict.balance = (double)thirds[2] / (double)thirds[0];
	verdict.share = (double)verdict.steady / (to - from);
	return verdict;
}

/* What grew, less where it grew unsteadily or less and less. */
static double rank_of(const struct verdict *verdict, uint64_t bytes)
{
	return (double)bytes * verdict->share * verdict->share * verdict->balance *
	       verdict->balance;
}

static bool is_suspect(const struct verdict *verdict)
{
	return verdict->share >= LEAST_STEADY && verdict->balance >= LEAST_BALANCE;
}

/* What lives, by the interval in which it was made. */
static struct growth born_growth(const struct site *site, unsigned from, unsigned to)
{
	struct growth growth = {0};

	for (unsigned i = from; i < to; i++) {
		growth.parts[i] = site->born[i];
		growth.bytes += site->born_bytes[i];
	}
	return growth;
}

/* What lived at the end of an interval and was never fallen below again, against the one before. */
static struct growth net_growth(
	const uint64_t *at, uint64_t now, unsigned from, unsigned to, unsigned samples)
{
	struct growth growth = {0};
	uint64_t held[LEAKS_SAMPLES], least = now;

	for (unsigned i = samples; i-- > 0;) {
		least = at[i] < least ? at[i] : least;
		held[i] = least;
	}
	for (unsigned i = from; i < to; i++) {
		growth.parts[i] = held[i] - held[i - 1];
		growth.bytes += growth.parts[i];
	}
	return growth;
}

/*
 * What was born and lives, as far as it came on top of what lived: where chunks are replaced by new
 * ones, those that live are young, though there are no more of them than before.
 */
static struct verdict judge_born(
	const struct leaks *leaks, const struct site *site, unsigned from, unsigned to)
{
	struct growth born = born_growth(site, from, to);
	struct growth live = net_growth(site->live_at, site->live, from, to, leaks->samples);
	struct verdict verdict = judge_growth(&born, from, to);
	double balance = judge_growth(&live, from, to).balance;
	uint64_t count = 0;

	for (unsigned i = from; i < to; i++)
		count += born.parts[i];
	verdict.balance = balance < verdict.balance ? balance : verdict.balance;
	if ((double)live.bytes < (double)count * LEAST_ON_TOP)
		return (struct verdict){0};
	return verdict;
}

/* All that was made of a site at or after the first looked at. */
static void set_grown(struct leak *leak, const struct site *site, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		leak->grown += site->born[i];
		leak->grown_bytes += site->born_bytes[i];
	}
}

static void judge_site(const struct leaks *leaks, const struct site *site, struct leak *leak)
{
	unsigned from = leaks->samples / 4, to = leaks->samples > 0 ? leaks->samples - 1 : 0;
	struct verdict verdict, other;
	struct growth net;

	leak->live = site->live;
	leak->bytes = site->bytes;
	leak->made = site->made;
	memcpy(leak->samples, site->live_at, sizeof leak->samples);
	memcpy(leak->samples_bytes, site->bytes_at, sizeof leak->samples_bytes);
	if (leaks->samples < LEAKS_LEAST)
		return;
	set_grown(leak, site, from, to);
	leak->looked = to - from;
	verdict = judge_born(leaks, site, from, to);
	net = net_growth(site->bytes_at, site->bytes, from, to, leaks->samples);
	other = judge_growth(&net, from, to);
	if (!is_suspect(&verdict) && is_suspect(&other)) {
		verdict = other;
		leak->grown_bytes = net.bytes;
		leak->by_bytes = true;
	}
	leak->rank = rank_of(&verdict, leak->grown_bytes);
	leak->steady = verdict.steady;
	leak->suspected = is_suspect(&verdict);
}

/* ---- Contexts that multiply ------------------------------------------------------------ */

/* What judging needs to know of each path. */
struct whole {
	uint64_t bytes;  /* in its chunks, and those of the paths below that go with its contexts */
	bool multiplies; /* its contexts are suspected */
	bool follows;    /* and its parent's, as many to each as ever */
};

/* Whether the things of SITE are as many to each of CONTEXTS as they were halfway, or fewer. */
static bool goes_with(
	const struct leaks *leaks, const struct site *site, const struct site *contexts)
{
	unsigned half = leaks->samples / 2;
	double now = (double)site->live / (double)contexts->live;
	double then = contexts->live_at[half] > 0
			      ? (double)site->live_at[half] / (double)contexts->live_at[half]
			      : 0;

	return now <= then * 1.25;
}

static void judge_paths(const struct leaks *leaks, struct whole *wholes)
{
	for (uint32_t i = 1; i < leaks->paths.end; i++) {
		const struct path *path = path_at(leaks, i);
		const struct site *site = path->sites[LEAKS_CONTEXTS];
		struct leak leak = {0};

		for (unsigned what = 0; what < LEAKS_CONTEXTS; what++)
			wholes[i].bytes += path->sites[what] != NULL ? path->sites[what]->bytes : 0;
		if (path->name == NULL || site == NULL || site->live == 0)
			continue;
		judge_site(leaks, site, &leak);
		/* Contexts have no bytes of their own: the rule without the rank. */
		wholes[i].multiplies = leak.suspected;
	}
	for (uint32_t i = 1; i < leaks->paths.end; i++) {
		uint32_t parent = path_at(leaks, i)->parent;

		wholes[i].follows = wholes[i].multiplies && parent != 0 &&
				    wholes[parent].multiplies &&
				    goes_with(leaks, path_at(leaks, i)->sites[LEAKS_CONTEXTS],
					    path_at(leaks, parent)->sites[LEAKS_CONTEXTS]);
	}
}

/* The uppermost path that I goes with; what lies between is told, too, so that nobody climbs twice.
 */
static uint32_t top_of(
	const struct leaks *leaks, const struct whole *wholes, uint32_t *tops, uint32_t i)
{
	uint32_t top = i;

	while (wholes[top].follows && tops[top] == 0)
		top = path_at(leaks, top)->parent;
	top = tops[top] != 0 ? tops[top] : top;
	for (; wholes[i].follows && tops[i] == 0; i = path_at(leaks, i)->parent)
		tops[i] = top;
	return top;
}

/* Bytes flow to the uppermost contexts that they go with.  0, or -1 with ENOMEM. */
static int sum_paths(const struct leaks *leaks, struct whole *wholes)
{
	uint32_t *tops = calloc(leaks->paths.end, sizeof *tops);

	if (tops == NULL)
		return -1;
	for (uint32_t i = 1; i < leaks->paths.end; i++) {
		uint32_t top = top_of(leaks, wholes, tops, i);

		for (unsigned what = 0; top != i && what < LEAKS_CONTEXTS; what++)
			if (path_at(leaks, i)->sites[what] != NULL)
				wholes[top].bytes += path_at(leaks, i)->sites[what]->bytes;
	}
	free(tops);
	return 0;
}

static void judge_contexts(const struct whole *whole, struct leak *leak)
{
	double share = leak->live > 0 ? (double)leak->grown / (double)leak->live : 0;
	double steady = leak->looked > 0 ? (double)leak->steady / leak->looked : 0;

	leak->bytes = whole->bytes;
	leak->grown_bytes = (uint64_t)((double)whole->bytes * share);
	leak->rank = (double)leak->grown_bytes * steady * steady;
	leak->suspected = leak->suspected && !whole->follows;
}

/* ---- The report ----------------------------------------------------------------------- */

/* Suspects first, by rank; the others by bytes. */
static int compare_leaks(const void *a, const void *b)
{
	const struct leak *x = a, *y = b;

	if (x->suspected != y->suspected)
		return x->suspected ? -1 : 1;
	if (x->suspected && x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	if (x->path != y->path)
		return x->path < y->path ? -1 : 1;
	return (int)x->what - (int)y->what;
}

static void add_path(const struct leaks *leaks, const struct whole *whole, uint32_t at,
	struct leaks_report *report)
{
	const struct path *path = path_at(leaks, at);

	for (unsigned what = 0; what < LEAKS_WHATS; what++) {
		const struct site *site = path->sites[what];
		struct leak *leak = &leaks->leaks[report->n];

		if (site == NULL || site->live == 0)
			continue;
		*leak = (struct leak){.path = at, .what = what};
		judge_site(leaks, site, leak);
		if (what == LEAKS_CONTEXTS) {
			judge_contexts(whole, leak);
			if (!leak->suspected)
				continue; /* its chunks stand for themselves */
		} else {
			leak->suspected &= !whole->multiplies ||
					   !goes_with(leaks, site, path->sites[LEAKS_CONTEXTS]);
			report->live += site->live;
			report->bytes += site->bytes;
		}
		report->suspected += leak->suspected;
		report->n++;
	}
}

/* The oldest that lives at each site of the report, found by its path and what it counts. */
static int set_oldest(const struct leaks *leaks, struct leaks_report *report)
{
	uint64_t(*oldest)[LEAKS_WHATS] = calloc(leaks->paths.end, sizeof *oldest);

	if (oldest == NULL)
		return -1;
	for (uint32_t i = 1; i < leaks->places.end; i++) {
		const struct place *place = place_at(leaks, i);
		uint64_t age = leaks->events - place->birth;

		if (leaks_map_find(&leaks->place_of, place->id) != i)
			continue;
		if (oldest[place->path][LEAKS_CONTEXTS] < age)
			oldest[place->path][LEAKS_CONTEXTS] = age;
		for (uint32_t j = place->chunks; j != 0; j = chunk_at(leaks, j)->next) {
			const struct chunk *chunk = chunk_at(leaks, j);
			uint64_t *at = &oldest[chunk->path][snapshot_class_of(chunk->size)];

			age = leaks->events - chunk->birth;
			*at = *at < age ? age : *at;
		}
	}
	for (size_t i = 0; i < report->n; i++)
		report->leaks[i].oldest = oldest[report->leaks[i].path][report->leaks[i].what];
	free(oldest);
	return 0;
}

static size_t count_live(const struct leaks *leaks)
{
	size_t n = 0;

	for (uint32_t i = 1; i < leaks->paths.end; i++)
		for (unsigned what = 0; what < LEAKS_WHATS; what++) {
			const struct site *site = path_at(leaks, i)->sites[what];

			n += site != NULL && site->live > 0;
		}
	return n;
}

static int make_report(struct leaks *leaks, struct whole *wholes, struct leaks_report *report)
{
	leaks->leaks = calloc(count_live(leaks) + 1, sizeof *leaks->leaks);
	if (leaks->leaks == NULL)
		return -1;
	report->leaks = leaks->leaks;
	judge_paths(leaks, wholes);
	if (sum_paths(leaks, wholes) != 0)
		return -1;
	for (uint32_t i = 1; i < leaks->paths.end; i++)
		if (path_at(leaks, i)->name != NULL)
			add_path(leaks, &wholes[i], i, report);
	qsort(report->leaks, report->n, sizeof *report->leaks, compare_leaks);
	return set_oldest(leaks, report);
}

int leaks_judge(struct leaks *leaks, struct leaks_report *report)
{
	struct whole *wholes;
	int result;

	*report = (struct leaks_report){
		.events = leaks->events, .samples = leaks->samples, .interval = leaks->interval};
	if (leaks_settle(leaks) != 0)
		return -1;
	wholes = calloc(leaks->paths.end, sizeof *wholes);
	result = wholes != NULL ? make_report(leaks, wholes, report) : -1;
	free(wholes);
	return result;
}

size_t leaks_path(const struct leaks *leaks, uint32_t path, const char **names, size_t max)
{
	size_t n = 0, at;
	uint32_t i;

	for (i = path; i != 0; i = path_at(leaks, i)->parent)
		n++;
	at = n;
	for (i = path; i != 0; i = path_at(leaks, i)->parent)
		if (--at < max)
			names[at] = path_at(leaks, i)->name;
	return n;
}

size_t leaks_path_end(
	const struct leaks *leaks, uint32_t path, const char **names, size_t max, bool *cut)
{
	size_t n = 0;
	uint32_t i;

	for (i = path; i != 0 && n < max; i = path_at(leaks, i)->parent)
		n++;
	*cut = i != 0;
	i = path;
	for (size_t at = n; at > 0; i = path_at(leaks, i)->parent)
		names[--at] = path_at(leaks, i)->name;
	return n;
}
