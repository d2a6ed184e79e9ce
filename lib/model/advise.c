/* SPDX-License-Identifier: MIT */
/*
 * Finding settings that save memory: see advise.h.
 *
 * Kinds are tried first with the sizes that the trace has, then sizes with the kinds that are worth
 * it.  A slab is tried where all chunks of a name have one size, a bump where none of them is freed
 * or resized; malloc never, since it saves at the cost of time.
 */
#include "model/advise.h"

#include <stdlib.h>
#include <string.h>

#include "model/trace.h"

/* The largest blocks that are tried with a kind; 0: as the trace has it. */
static const uint64_t maxima[] = {0, 131072, 32768, 8192};

enum {
	KINDS = 5,
	MAXIMA = sizeof maxima / sizeof *maxima,
	GROUPS = KINDS * MAXIMA,
	SAMPLES = 7,
	TIMED = 5, /* groups of a name that are timed at most */
};

/* What the script does in the contexts of one name. */
struct name {
	const char *name;
	uint64_t contexts, total; /* at the peak */
	uint64_t size;            /* of its chunks, where they have one */
	bool frees, has_sizes;    /* frees or resizes some; has several sizes */
};

struct names {
	struct name *list;
	size_t n;
	uint32_t *of; /* by context of the script */
};

/* ---- Names ---------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b, void *arg)
{
	const struct script_context *contexts = arg;

	return strcmp(contexts[*(const uint32_t *)a].name, contexts[*(const uint32_t *)b].name);
}

static bool names_make(struct names *names, const struct script *script)
{
	uint32_t *order = malloc((script->ncontexts + 1u) * sizeof *order);

	names->list = calloc(script->ncontexts + 1u, sizeof *names->list);
	names->of = calloc(script->ncontexts + 1u, sizeof *names->of);
	if (order == NULL || names->list == NULL || names->of == NULL) {
		free(order);
		return false;
	}
	for (uint32_t i = 0; i < script->ncontexts; i++)
		order[i] = i;
	qsort_r(order, script->ncontexts, sizeof *order, by_name, script->contexts);
	for (uint32_t i = 0; i < script->ncontexts; i++) {
		const char *name = script->contexts[order[i]].name;

		if (names->n == 0 || strcmp(names->list[names->n - 1].name, name) != 0)
			names->list[names->n++].name = name;
		names->of[order[i]] = (uint32_t)(names->n - 1);
	}
	free(order);
	return true;
}

static void names_learn(struct names *names, const struct script *script)
{
	for (size_t i = 0; i < script->n; i++) {
		const struct script_op *op = &script->ops[i];
		struct name *name = &names->list[names->of[op->ctx]];

		if (op->op == TRACE_FREE || op->op == TRACE_REALLOC)
			name->frees = true;
		if (op->op != TRACE_ALLOC && op->op != TRACE_REALLOC)
			continue;
		name->has_sizes |= op->align != 0 || (name->size != 0 && name->size != op->size);
		name->size = op->size;
	}
}

static struct name *names_find(struct names *names, const char *text)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(names->list[middle].name, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return &names->list[low];
}

static void look_at_names(const memctx *top, struct script_run *run)
{
	for (const memctx *c = memctx_walk(top, top); c != NULL; c = memctx_walk(top, c)) {
		struct name *name = names_find(run->arg, memctx_name(c));

		name->contexts++;
		name->total += memctx_total(c);
	}
}

static int by_total(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->total != y->total ? (x->total < y->total ? 1 : -1) : strcmp(x->name, y->name);
}

/* ---- Candidates ----------------------------------------------------------------------- */

struct trial {
	const struct script *script;
	const struct name *name;
	size_t peak_op;
	uint64_t base; /* what the name takes at the peak as it is */
	struct setting
		best[GROUPS];    /* of each kind and largest block, those that change less first */
	uint64_t totals[GROUPS]; /* with them; UINT64_MAX: none */
};

static void look_at_sum(const memctx *top, struct script_run *run)
{
	struct snapshot_figures sum;

	(void)top;
	script_sum(run, run->only, &sum);
	*(uint64_t *)run->arg = sum.total_bytes;
}

/* What the contexts of the name take at the peak with SETTING; NULL: as they are. */
static uint64_t total_with(const struct trial *trial, const struct setting *setting)
{
	uint64_t total = UINT64_MAX;
	struct script_run run = {.script = trial->script,
		.settings = setting,
		.nsettings = setting != NULL,
		.until = trial->peak_op,
		.only = trial->name->name,
		.look = look_at_sum,
		.arg = &total};

	return script_run(&run) == 0 ? total : UINT64_MAX;
}

/* The name as a pattern that it alone matches; false: it is too long. */
static bool make_pattern(char pattern[static SETTING_PATTERN], const char *name)
{
	size_t n = 0;

	for (; *name != '\0'; name++) {
		if (n + 3 > SETTING_PATTERN)
			return false;
		if (strchr("*?[\\", *name) != NULL)
			pattern[n++] = '\\';
		pattern[n++] = *name;
	}
	pattern[n] = '\0';
	return true;
}

static void try_setting(struct trial *trial, int group, const struct setting *setting)
{
	uint64_t total = total_with(trial, setting);

	if (total >= trial->totals[group])
		return;
	trial->totals[group] = total;
	trial->best[group] = *setting;
}

/* A kind with the sizes of first blocks, for each largest one; 0: as the trace has it. */
static void try_sizes(struct trial *trial, int kind, struct setting setting)
{
	static const uint64_t inits[] = {0, 1024, 2048, 4096, 8192, 16384, 32768};

	for (int m = 0; m < MAXIMA; m++) {
		for (size_t i = 0; i < sizeof inits / sizeof *inits; i++) {
			setting.init = inits[i];
			setting.max = maxima[m];
			if (setting.max == 0 || setting.max >= setting.init)
				try_setting(trial, kind * MAXIMA + m, &setting);
		}
	}
}

/* The first kind is the trace's; the others are fine classes, generation, slab and bump. */
static void try_all(struct trial *trial, const char *pattern)
{
	struct setting setting = {.pattern = ""};

	strcpy(setting.pattern, pattern);
	try_sizes(trial, 0, setting);
	setting.has_kind = true;
	setting.kind = MEMCTX_ASET;
	setting.has_classes = true;
	setting.classes = MEMCTX_CLASSES_FINE;
	try_sizes(trial, 1, setting);
	setting.has_classes = false;
	setting.kind = MEMCTX_GENERATION;
	try_sizes(trial, 2, setting);
	if (!trial->name->has_sizes && trial->name->size > 0) {
		setting.kind = MEMCTX_SLAB;
		setting.chunk = trial->name->size;
		try_sizes(trial, 3, setting);
		setting.chunk = 0;
	}
	if (!trial->name->frees) {
		setting.kind = MEMCTX_BUMP;
		try_sizes(trial, 4, setting);
	}
}

/* ---- Time and peaks of the whole ------------------------------------------------------ */

/* The time of an operation over some milliseconds of runs; 0: memory was refused. */
static double time_once(const struct script *script, const struct setting *settings, size_t n)
{
	struct script_run run = {
		.script = script, .settings = settings, .nsettings = n, .until = SIZE_MAX};
	uint64_t ns = 0, ops = 0;

	do {
		if (script_run(&run) != 0 || run.ops == 0)
			return 0;
		ns += run.ns;
		ops += run.ops;
	} while (ns < 4000000);
	return (double)ns / (double)ops;
}

/* The least times of runs that take turns: what disturbs them only adds. */
static double time_ratio(const struct advise *advise, const struct script *script,
	const struct setting *settings, size_t n)
{
	double base = 1e18, with = 1e18;

	if (advise->slower == 0)
		return 1;
	for (int i = 0; i < SAMPLES; i++) {
		double before = time_once(script, NULL, 0);
		double after = time_once(script, settings, n);

		if (before == 0 || after == 0)
			return 1e9;
		base = before < base ? before : base;
		with = after < with ? after : with;
	}
	return with / base;
}

/* What the peak of the whole trace saves. */
static int64_t saving_with(const struct advise *advise, const struct script *script,
	const struct setting *settings, size_t n)
{
	struct script_run run = {.script = script,
		.settings = settings,
		.nsettings = n,
		.until = SIZE_MAX,
		.watch = true};

	if (script_run(&run) != 0)
		return INT64_MIN;
	return (int64_t)advise->peak_total - (int64_t)run.peak_total;
}

/* ---- The advice ----------------------------------------------------------------------- */

/*
 * The best group left that saves enough; -1: none does.  A group that changes more is better only
 * where it saves a twentieth more.
 */
static int best_group(const struct trial *trial, uint64_t least)
{
	uint64_t saving = 0;
	int best = -1;

	for (int group = 0; group < GROUPS; group++) {
		if (trial->totals[group] == UINT64_MAX ||
			trial->totals[group] + least > trial->base ||
			trial->base - trial->totals[group] <= saving + saving / 20)
			continue;
		saving = trial->base - trial->totals[group];
		best = group;
	}
	return best;
}

/* Remembers the advice that would save most, were it not too slow. */
static void pass_over(struct advise *advise, const struct advice *advice)
{
	if (advice->confirmed > advise->passed.confirmed)
		advise->passed = *advice;
}

/* Takes GROUP from what is left of TRIAL, as an advice whose saving is not confirmed yet. */
static void take_group(struct trial *trial, int group, struct advice *advice)
{
	*advice = (struct advice){.setting = trial->best[group],
		.contexts = trial->name->contexts,
		.total = trial->base,
		.predicted = trial->base - trial->totals[group]};
	strcpy(advice->name, trial->name->name);
	trial->totals[group] = UINT64_MAX;
}

/* Takes the advice about one name, if there is some. */
static void advise_name(struct advise *advise, struct trial *trial)
{
	uint64_t least = advise->peak_total / 200 > 1024 ? advise->peak_total / 200 : 1024;
	struct advice *advice = &advise->list[advise->n];
	char pattern[SETTING_PATTERN];
	int timed = 0;

	if (!make_pattern(pattern, trial->name->name))
		return;
	for (int group = 0; group < GROUPS; group++)
		trial->totals[group] = UINT64_MAX;
	trial->base = total_with(trial, NULL);
	try_all(trial, pattern);
	while (timed < TIMED) {
		int group = best_group(trial, least);

		if (group < 0)
			return;
		take_group(trial, group, advice);
		advice->confirmed = saving_with(advise, trial->script, &advice->setting, 1);
		if (advice->confirmed <= 0)
			continue;
		advice->time = time_ratio(advise, trial->script, &advice->setting, 1);
		timed++;
		if (advise->slower == 0 || advice->time <= advise->slower) {
			advise->n++;
			return;
		}
		pass_over(advise, advice);
	}
}

static int by_saving(const void *a, const void *b)
{
	const struct advice *x = a, *y = b;

	return x->confirmed != y->confirmed ? (x->confirmed < y->confirmed ? 1 : -1)
					    : strcmp(x->name, y->name);
}

/* The one that costs most time for what it saves. */
static size_t dearest(const struct advise *advise)
{
	size_t worst = 0;
	double most = -1e300;

	for (size_t i = 0; i < advise->n; i++) {
		const struct advice *advice = &advise->list[i];
		double cost = (advice->time - 1) / (double)advice->confirmed;

		if (cost > most) {
			most = cost;
			worst = i;
		}
	}
	return worst;
}

static void measure_together(struct advise *advise, const struct script *script)
{
	struct setting all[ADVISE_MOST];

	for (size_t i = 0; i < advise->n; i++)
		all[i] = advise->list[i].setting;
	advise->together = advise->n > 0 ? saving_with(advise, script, all, advise->n) : 0;
	advise->together_time = advise->n > 0 ? time_ratio(advise, script, all, advise->n) : 1;
}

/* What each may take alone, all together may not exceed either. */
static void add_up(struct advise *advise, const struct script *script)
{
	measure_together(advise, script);
	while (advise->slower > 0 && advise->n > 1 && advise->together_time > advise->slower) {
		size_t i = dearest(advise);

		pass_over(advise, &advise->list[i]);
		advise->n--;
		memmove(&advise->list[i], &advise->list[i + 1],
			(advise->n - i) * sizeof *advise->list);
		measure_together(advise, script);
	}
}

static int find_advice(struct advise *advise, const struct script *script, struct names *names)
{
	struct script_run run = {.script = script, .until = SIZE_MAX, .watch = true};

	if (script_run(&run) != 0)
		return -1;
	advise->peak_total = run.peak_total;
	advise->peak_event = run.peak_op > 0 ? script->ops[run.peak_op - 1].event : 0;
	run.until = run.peak_op;
	run.watch = false;
	run.look = look_at_names;
	run.arg = names;
	names_learn(names, script);
	if (script_run(&run) != 0)
		return -1;
	qsort(names->list, names->n, sizeof *names->list, by_total);
	for (size_t i = 0; i < names->n && advise->names < ADVISE_MOST; i++) {
		struct trial trial = {
			.script = script, .name = &names->list[i], .peak_op = run.until};

		if ((double)trial.name->total < (double)advise->peak_total * advise->share)
			break;
		advise->names++;
		if (advise->progress != NULL)
			advise->progress(trial.name->name);
		advise_name(advise, &trial);
	}
	qsort(advise->list, advise->n, sizeof *advise->list, by_saving);
	add_up(advise, script);
	return 0;
}

int advise(struct advise *advise, const struct script *script)
{
	struct names names = {0};
	int status = -1;

	advise->n = advise->names = 0;
	advise->passed.confirmed = 0;
	if (names_make(&names, script))
		status = find_advice(advise, script, &names);
	free(names.list);
	free(names.of);
	return status;
}
