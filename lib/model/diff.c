/* SPDX-License-Identifier: MIT */
/*
 * What two snapshots differ in: see diff.h.
 *
 * Lines are first made breadth first, each from the children of the contexts of the line above it,
 * so that a line stands behind its parent and sums flow up in one pass from the end; then the
 * siblings are sorted and the lines put in tree order.  O(n log n), nothing recurses.
 */
#include "model/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_LEAST 3

/* A context that stands below the line at hand. */
struct entry {
	const struct snapshot_context *context;
	const char *name, *ident;
	uint32_t index;
	uint8_t side;
	bool matched;
};

struct making {
	struct diff_line line; /* end: the number of lines just below it */
	uint32_t first_child;
	uint32_t first_member; /* its contexts in members: A's, then B's */
	bool differs;          /* it or something below it */
};

struct builder {
	const struct snapshot *sides[DIFF_SIDES];
	struct diff_options options;
	struct making *lines;
	size_t n;
	uint32_t *members;
	size_t n_members;
	struct entry *entries; /* the children at hand */
	size_t n_entries;
};

/* ---- Figures -------------------------------------------------------------------------- */

struct diff_change diff_change(const struct diff_figures figures[DIFF_SIDES], enum rows_key key)
{
	uint64_t a = figures[DIFF_A].of[key], b = figures[DIFF_B].of[key];

	if (a == SNAPSHOT_UNKNOWN || b == SNAPSHOT_UNKNOWN)
		return (struct diff_change){.known = false};
	return (struct diff_change){.known = true, .less = b < a, .by = b < a ? a - b : b - a};
}

static void add_figures(struct diff_figures *sum, const struct diff_figures *from)
{
	for (int key = 0; key < ROWS_NAME; key++)
		sum->of[key] = snapshot_plus(sum->of[key], from->of[key]);
}

static void add_context(struct diff_figures *sum, const struct snapshot_context *context)
{
	struct row row = {.contexts = 1, .figures = &context->own};
	struct diff_figures own;

	for (int key = 0; key < ROWS_NAME; key++)
		own.of[key] = rows_value(&row, (enum rows_key)key);
	add_figures(sum, &own);
}

/*
 * Where free memory lies within a context (freelist or tail) depends on the order of what came
 * before: no difference, unless it is what is compared by.
 */
bool diff_differs(const struct diff_line *line, enum rows_key key)
{
	const enum rows_key keys[] = {
		key, ROWS_TOTAL, ROWS_BLOCKS, ROWS_REQUESTED, ROWS_CHUNKS, ROWS_CONTEXTS};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (line->figures[DIFF_A].of[keys[i]] != line->figures[DIFF_B].of[keys[i]])
			return true;
	return line->members[DIFF_A] != line->members[DIFF_B];
}

/* ---- Matching ------------------------------------------------------------------------- */

/* No ident comes before every ident. */
static int compare_idents(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_figures(const struct entry *a, const struct entry *b)
{
	const struct snapshot_figures *x = &a->context->own, *y = &b->context->own;
	int order = compare_numbers(x->total_bytes, y->total_bytes);

	if (order == 0)
		order = compare_numbers(x->requested_bytes, y->requested_bytes);
	return order != 0 ? order : compare_numbers(x->live_chunks, y->live_chunks);
}

/* By name, ident, figures; A before B, each in order of creation. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = compare_idents(x->ident, y->ident);
	if (order == 0)
		order = compare_figures(x, y);
	if (order == 0)
		order = x->side - y->side;
	return order != 0 ? order : compare_numbers(x->index, y->index);
}

static int by_creation(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return compare_numbers(x->index, y->index);
}

static struct making *add_line(struct builder *b, uint32_t parent)
{
	struct making *making = &b->lines[b->n++];

	*making = (struct making){.first_member = (uint32_t)b->n_members,
		.line = {.context = {SNAPSHOT_NONE, SNAPSHOT_NONE}, .parent = parent}};
	if (parent != SNAPSHOT_NONE)
		making->line.level = b->lines[parent].line.level + 1;
	return making;
}

static void add_member(struct builder *b, struct making *making, struct entry *entry)
{
	struct diff_line *line = &making->line;

	if (line->members[entry->side]++ == 0 || entry->index < line->context[entry->side])
		line->context[entry->side] = entry->index;
	add_context(&line->figures[entry->side], entry->context);
	b->members[b->n_members++] = entry->index;
	entry->matched = true;
}

static void add_pair(struct builder *b, uint32_t parent, struct entry *first, struct entry *second)
{
	struct making *making = add_line(b, parent);

	add_member(b, making, first);
	if (second != NULL)
		add_member(b, making, second);
}

/* One line for the entries of one name, A's first. */
static void add_group(struct builder *b, uint32_t parent, struct entry *entries, size_t n)
{
	struct making *making = add_line(b, parent);

	for (uint8_t side = DIFF_A; side < DIFF_SIDES; side++)
		for (size_t i = 0; i < n; i++)
			if (entries[i].side == side)
				add_member(b, making, &entries[i]);
}

/* Pairs the entries of one name and ident that have the same figures. */
static void match_equal(struct builder *b, uint32_t parent, struct entry *entries, size_t n)
{
	for (size_t from = 0, to; from < n; from = to) {
		size_t a = from, other = from;

		to = from + 1;
		while (to < n && compare_figures(&entries[from], &entries[to]) == 0)
			to++;
		while (other < to && entries[other].side == DIFF_A)
			other++;
		for (size_t middle = other; a < middle && other < to; a++, other++)
			add_pair(b, parent, &entries[a], &entries[other]);
	}
}

/* Pairs what is left of one name and ident, in order of creation; it is put in that order. */
static void match_left(struct builder *b, uint32_t parent, struct entry *entries, size_t n)
{
	size_t a = 0, other = 0;

	qsort(entries, n, sizeof *entries, by_creation);
	for (;;) {
		while (a < n && (entries[a].matched || entries[a].side != DIFF_A))
			a++;
		while (other < n && (entries[other].matched || entries[other].side != DIFF_B))
			other++;
		if (a == n || other == n)
			return;
		add_pair(b, parent, &entries[a], &entries[other]);
	}
}

/* Lines for the entries of one name. */
static void match_name(struct builder *b, uint32_t parent, struct entry *entries, size_t n)
{
	size_t of_a = 0;

	for (size_t i = 0; i < n; i++)
		of_a += entries[i].side == DIFF_A;
	if (!b->options.all && (of_a >= GROUP_LEAST || n - of_a >= GROUP_LEAST)) {
		add_group(b, parent, entries, n);
		return;
	}
	if (n == 2 && of_a == 1) {
		bool swapped = entries[0].side == DIFF_B;

		add_pair(b, parent, &entries[swapped], &entries[!swapped]);
		return;
	}
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n; to++)
			if (compare_idents(entries[from].ident, entries[to].ident) != 0)
				break;
		match_equal(b, parent, entries + from, to - from);
		match_left(b, parent, entries + from, to - from);
	}
	for (size_t i = 0; i < n; i++)
		if (!entries[i].matched)
			add_pair(b, parent, &entries[i], NULL);
}

/* Lines for the entries at hand, below PARENT. */
static void match(struct builder *b, uint32_t parent)
{
	struct entry *entries = b->entries;

	qsort(entries, b->n_entries, sizeof *entries, compare_entries);
	for (size_t from = 0, to; from < b->n_entries; from = to) {
		for (to = from + 1; to < b->n_entries; to++)
			if (strcmp(entries[from].name, entries[to].name) != 0)
				break;
		match_name(b, parent, entries + from, to - from);
	}
}

/* Puts the contexts of [FROM, TO) that stand on one level with those at hand. */
static void collect(struct builder *b, uint8_t side, uint32_t from, uint32_t to)
{
	const struct snapshot *snapshot = b->sides[side];

	for (uint32_t i = from; i < to; i = snapshot->contexts[i].end)
		b->entries[b->n_entries++] = (struct entry){.context = &snapshot->contexts[i],
			.name = rows_name(snapshot, i),
			.ident = rows_ident(snapshot, i),
			.index = i,
			.side = side};
}

static void match_below(struct builder *b, uint32_t at)
{
	const struct making *making = &b->lines[at];
	const uint32_t *member = b->members + making->first_member;

	b->n_entries = 0;
	for (uint8_t side = DIFF_A; side < DIFF_SIDES; side++)
		for (uint32_t i = 0; i < making->line.members[side]; i++, member++)
			collect(b, side, *member + 1, b->sides[side]->contexts[*member].end);
	b->lines[at].first_child = (uint32_t)b->n;
	match(b, at);
	b->lines[at].line.end = (uint32_t)b->n - b->lines[at].first_child;
}

/* ---- What the lines say --------------------------------------------------------------- */

static void count_lines(struct diff *diff, const struct builder *b)
{
	struct diff_counts *counts = &diff->counts;

	for (size_t i = 0; i < b->n; i++) {
		const struct diff_line *line = &b->lines[i].line;
		struct diff_change change = diff_change(line->figures, b->options.key);

		if (line->members[DIFF_A] == 0)
			counts->added++;
		else if (line->members[DIFF_B] == 0)
			counts->gone++;
		else if (change.known && change.by > 0)
			*(change.less ? &counts->shrunk : &counts->grown) += 1;
		else
			*(diff_differs(line, b->options.key) ? &counts->changed : &counts->alike) +=
				1;
		for (int side = 0; side < DIFF_SIDES; side++)
			add_figures(&diff->totals[side], &line->figures[side]);
	}
}

static void sum_lines(struct builder *b)
{
	for (size_t i = b->n; i-- > 0;) {
		struct making *making = &b->lines[i];
		struct diff_line *line = &making->line;

		making->differs |= diff_differs(line, b->options.key);
		if (line->parent == SNAPSHOT_NONE)
			continue;
		b->lines[line->parent].differs |= making->differs;
		for (int side = 0; side < DIFF_SIDES && !b->options.own; side++)
			add_figures(
				&b->lines[line->parent].line.figures[side], &line->figures[side]);
	}
}

/* ---- The order of the lines ------------------------------------------------------------ */

struct ranked {
	uint64_t change, asked, total; /* the change by the key, that in bytes asked for */
	uint32_t line;
};

static struct ranked rank_line(const struct diff_line *line, enum rows_key key, uint32_t at)
{
	uint64_t a = line->figures[DIFF_A].of[key], b = line->figures[DIFF_B].of[key];

	return (struct ranked){.change = diff_change(line->figures, key).by,
		.asked = diff_change(line->figures, ROWS_REQUESTED).by,
		.total = a > b ? a : b,
		.line = at};
}

/* The greatest change first. */
static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int order = compare_numbers(y->change, x->change);

	if (order == 0)
		order = compare_numbers(y->asked, x->asked);
	if (order == 0)
		order = compare_numbers(y->total, x->total);
	return order != 0 ? order : compare_numbers(x->line, y->line);
}

static void set_ends(struct diff *diff)
{
	for (size_t i = 0; i < diff->n; i++)
		diff->lines[i].end = (uint32_t)i + 1;
	for (size_t i = diff->n; i-- > 0;) {
		struct diff_line *line = &diff->lines[i];

		if (line->parent != SNAPSHOT_NONE && diff->lines[line->parent].end < line->end)
			diff->lines[line->parent].end = line->end;
	}
}

/*
 * Puts the lines FROM … FROM + N that differ on the stack, the greatest change uppermost; they bear
 * PARENT, the place of the line above them.
 */
static size_t stack_siblings(struct builder *b, struct ranked *stack, size_t depth, uint32_t from,
	uint32_t n, uint32_t parent)
{
	size_t base = depth;

	for (uint32_t i = from; i < from + n; i++)
		if (b->lines[i].differs) {
			b->lines[i].line.parent = parent;
			stack[depth++] = rank_line(&b->lines[i].line, b->options.key, i);
		}
	qsort(stack + base, depth - base, sizeof *stack, compare_ranked);
	for (size_t i = base, j = depth; i + 1 < j; i++) {
		struct ranked swapped = stack[i];

		stack[i] = stack[--j];
		stack[j] = swapped;
	}
	return depth;
}

static int order_lines(struct diff *diff, struct builder *b, uint32_t roots)
{
	struct ranked *stack = malloc((b->n + 1) * sizeof *stack);
	size_t depth;

	diff->lines = malloc((b->n + 1) * sizeof *diff->lines);
	if (stack == NULL || diff->lines == NULL) {
		free(stack);
		return -1;
	}
	depth = stack_siblings(b, stack, 0, 0, roots, SNAPSHOT_NONE);
	while (depth > 0) {
		const struct making *making = &b->lines[stack[--depth].line];
		uint32_t at = (uint32_t)diff->n;

		diff->lines[diff->n++] = making->line;
		depth = stack_siblings(b, stack, depth, making->first_child, making->line.end, at);
	}
	set_ends(diff);
	free(stack);
	return 0;
}

/* ---- A diff --------------------------------------------------------------------------- */

/* Makes the lines of B's options; returns the number of those without a parent. */
static uint32_t make_lines(struct builder *b)
{
	uint32_t roots;

	b->n = b->n_members = b->n_entries = 0;
	for (uint8_t side = DIFF_A; side < DIFF_SIDES; side++)
		collect(b, side, 0, (uint32_t)b->sides[side]->n);
	match(b, SNAPSHOT_NONE);
	roots = (uint32_t)b->n;
	for (uint32_t i = 0; i < b->n; i++)
		match_below(b, i);
	return roots;
}

static int build(struct diff *diff, struct builder *b)
{
	size_t room = b->sides[DIFF_A]->n + b->sides[DIFF_B]->n + 1;
	uint32_t roots;

	b->lines = malloc(room * sizeof *b->lines);
	b->members = malloc(room * sizeof *b->members);
	b->entries = malloc(room * sizeof *b->entries);
	if (b->lines == NULL || b->members == NULL || b->entries == NULL)
		return -1;
	b->options.all = true;
	roots = make_lines(b);
	count_lines(diff, b);
	if (!diff->options.all) {
		b->options.all = false;
		roots = make_lines(b);
	}
	sum_lines(b);
	return order_lines(diff, b, roots);
}

struct diff *diff_new(
	const struct snapshot *a, const struct snapshot *b, const struct diff_options *options)
{
	struct diff *diff = calloc(1, sizeof *diff);
	struct builder builder = {.sides = {a, b}, .options = *options};
	bool done;

	if (diff == NULL)
		return NULL;
	diff->sides[DIFF_A] = a;
	diff->sides[DIFF_B] = b;
	diff->options = *options;
	done = build(diff, &builder) == 0;
	free(builder.lines);
	free(builder.members);
	free(builder.entries);
	if (done)
		return diff;
	diff_free(diff);
	errno = ENOMEM;
	return NULL;
}

void diff_free(struct diff *diff)
{
	if (diff == NULL)
		return;
	free(diff->lines);
	free(diff);
}

/* ---- Fewer lines ---------------------------------------------------------------------- */

/*
 * Ranks every line by the greatest change in its subtree: so a line never ranks before those above
 * it, and the first of the ranked lines are a tree.
 */
static void rank(const struct diff *diff, struct ranked *ranked)
{
	for (size_t i = 0; i < diff->n; i++) {
		ranked[i] = rank_line(&diff->lines[i], diff->options.key, (uint32_t)i);
		ranked[i].total = 0;
	}
	for (size_t i = diff->n; i-- > 0;) {
		uint32_t parent = diff->lines[i].parent;
		struct ranked above;

		if (parent == SNAPSHOT_NONE)
			continue;
		above = ranked[parent];
		above.line = (uint32_t)i; /* of two equal ones neither is the greater */
		if (compare_ranked(&ranked[i], &above) < 0) {
			ranked[parent] = ranked[i];
			ranked[parent].line = parent;
		}
	}
	qsort(ranked, diff->n, sizeof *ranked, compare_ranked);
}

/* Marks in MOVED the lines beyond the first MAX of the ranked as hidden. */
static void mark_hidden(struct diff *diff, const struct ranked *ranked, size_t max, uint32_t *moved)
{
	for (size_t i = max; i < diff->n; i++) {
		const struct diff_line *line = &diff->lines[ranked[i].line];
		uint64_t by = diff_change(line->figures, diff->options.key).by;

		moved[ranked[i].line] = SNAPSHOT_NONE;
		diff->hidden_most = by > diff->hidden_most ? by : diff->hidden_most;
	}
}

/* Takes the hidden lines away; MOVED gets where each of the others went. */
static void drop_hidden(struct diff *diff, uint32_t *moved)
{
	size_t kept = 0;

	for (size_t i = 0; i < diff->n; i++) {
		struct diff_line line = diff->lines[i];

		if (moved[i] == SNAPSHOT_NONE)
			continue;
		if (line.parent != SNAPSHOT_NONE)
			line.parent = moved[line.parent];
		moved[i] = (uint32_t)kept;
		diff->lines[kept++] = line;
	}
	diff->hidden += diff->n - kept;
	diff->n = kept;
	set_ends(diff);
}

int diff_limit(struct diff *diff, size_t max)
{
	struct ranked *ranked;
	uint32_t *moved;
	int result = -1;

	if (diff->n <= max)
		return 0;
	ranked = malloc(diff->n * sizeof *ranked);
	moved = calloc(diff->n, sizeof *moved);
	if (ranked != NULL && moved != NULL) {
		rank(diff, ranked);
		mark_hidden(diff, ranked, max, moved);
		drop_hidden(diff, moved);
		result = 0;
	}
	free(ranked);
	free(moved);
	return result;
}
