/* SPDX-License-Identifier: MIT */
/*
 * Lines of a table of contexts: see rows.h.
 *
 * Lines are made in tree order with a stack of lines to come: the line on top is taken, and the
 * siblings below it are put in its place, the greatest uppermost.  Names are numbered once, so
 * that siblings of one name are found by counting.  Everything is O(n log n), nothing recurses.
 */
#include "model/rows_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/called.h"

#define ROWS_GROUP_LEAST 3

/* A line to come.  Several members are a list through builder.next. */
struct pending {
	uint64_t key, total;
	int64_t change;
	uint32_t first, last;
	uint32_t members, contexts;
	uint32_t parent, level;
	uint32_t group; /* index among the groups' sums; SNAPSHOT_NONE: one member */
};

struct builder {
	const struct snapshot *snapshot;
	const struct rows_options *options;
	struct rows *rows;
	bool *keep;         /* what the filter leaves */
	uint32_t *count;    /* of a name: siblings at hand */
	uint32_t *group_of; /* of a name: the pending line of the siblings at hand */
	uint32_t *siblings;
	size_t n_siblings;
	struct pending *stack;
	size_t depth;
	size_t n_groups, groups_room;
};

static const char *const key_names[ROWS_ALL_KEYS] = {
	[ROWS_TOTAL] = "total",
	[ROWS_USED] = "used",
	[ROWS_FREE] = "free",
	[ROWS_FREELIST] = "freelist",
	[ROWS_TAIL] = "tail",
	[ROWS_REQUESTED] = "requested",
	[ROWS_SLACK] = "slack",
	[ROWS_HEADERS] = "headers",
	[ROWS_BLOCKS] = "blocks",
	[ROWS_CHUNKS] = "chunks",
	[ROWS_CONTEXTS] = "contexts",
	[ROWS_NAME] = "name",
	[ROWS_CHANGE] = "change",
	[ROWS_KIND] = "kind",
};

const char *rows_key_name(enum rows_key key)
{
	return key_names[key];
}

int rows_key_parse(const char *name)
{
	for (int i = 0; i < ROWS_KEYS; i++)
		if (strcmp(name, key_names[i]) == 0)
			return i;
	return -1;
}

static uint64_t figure(const struct snapshot_figures *figures, enum rows_key key)
{
	switch (key) {
	case ROWS_TOTAL:
		return figures->total_bytes;
	case ROWS_USED:
		return figures->used_bytes;
	case ROWS_FREE:
		return figures->free_bytes;
	case ROWS_FREELIST:
		return figures->freelist_bytes;
	case ROWS_TAIL:
		return figures->tail_bytes;
	case ROWS_REQUESTED:
		return figures->requested_bytes;
	case ROWS_SLACK:
		return figures->slack_bytes;
	case ROWS_HEADERS:
		return figures->header_bytes;
	case ROWS_BLOCKS:
		return figures->total_nblocks;
	case ROWS_CHUNKS:
		return figures->live_chunks;
	default:
		return 0;
	}
}

uint64_t rows_value(const struct row *row, enum rows_key key)
{
	return key == ROWS_CONTEXTS ? row->contexts : figure(row->figures, key);
}

static bool named_by_ident(const struct snapshot *snapshot, uint32_t context)
{
	const struct snapshot_context *c = &snapshot->contexts[context];

	return called_by_ident(
		snapshot_string(snapshot, c->name), snapshot_string(snapshot, c->ident));
}

const char *rows_name(const struct snapshot *snapshot, uint32_t context)
{
	const struct snapshot_context *c = &snapshot->contexts[context];

	return snapshot_string(snapshot, named_by_ident(snapshot, context) ? c->ident : c->name);
}

const char *rows_ident(const struct snapshot *snapshot, uint32_t context)
{
	if (named_by_ident(snapshot, context))
		return NULL;
	return snapshot_string(snapshot, snapshot->contexts[context].ident);
}

/* ---- Numbering names ------------------------------------------------------------------ */

static uint32_t hash_string(const char *s)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *s != '\0'; s++)
		hash = (hash ^ (unsigned char)*s) * 0x100000001b3u;
	return (uint32_t)(hash ^ hash >> 29);
}

struct named {
	const char *string;
	uint32_t number, hash;
};

/* Names by hash, in a table of power-of-two size that is half full at most. */
struct numbers {
	struct named *table;
	size_t mask;
	uint32_t n;
};

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->string, ((const struct named *)b)->string);
}

/* The place of the name S: an empty one where it is not there. */
static struct named *find_name(const struct numbers *numbers, const char *s, uint32_t hash)
{
	struct named *table = numbers->table;
	size_t i = hash & numbers->mask;

	while (table[i].string != NULL &&
		(table[i].hash != hash || strcmp(table[i].string, s) != 0))
		i = (i + 1) & numbers->mask;
	return &table[i];
}

static int make_names(struct numbers *numbers, size_t mask)
{
	struct numbers made = {.table = calloc(mask + 1, sizeof(*made.table)), mask, numbers->n};

	if (made.table == NULL)
		return -1;
	for (size_t i = 0; numbers->table != NULL && i <= numbers->mask; i++) {
		const struct named *named = &numbers->table[i];

		if (named->string != NULL)
			*find_name(&made, named->string, named->hash) = *named;
	}
	free(numbers->table);
	*numbers = made;
	return 0;
}

/* The number of the name S, a new one where it has none; -1 with ENOMEM. */
static int64_t name_number(struct numbers *numbers, const char *s)
{
	uint32_t hash = hash_string(s);
	struct named *named = find_name(numbers, s, hash);

	if (named->string != NULL)
		return named->number;
	if (2 * (size_t)numbers->n >= numbers->mask) {
		if (make_names(numbers, 2 * numbers->mask + 1) != 0)
			return -1;
		named = find_name(numbers, s, hash);
	}
	*named = (struct named){s, numbers->n, hash};
	return numbers->n++;
}

static int number_contexts(struct rows *rows, struct numbers *numbers)
{
	const char *last = NULL;
	int64_t number = -1;

	for (size_t i = 0; i < rows->snapshot->n; i++) {
		const char *name = rows_name(rows->snapshot, (uint32_t)i);

		/* Equal names that follow one another are mostly one string. */
		if (name != last)
			number = name_number(numbers, name);
		if (number < 0)
			return -1;
		last = name;
		rows->names[i] = (uint32_t)number;
	}
	return 0;
}

static int number_names(struct rows *rows)
{
	struct numbers numbers = {0};
	int result = make_names(&numbers, 63);
	size_t used = 0;

	if (result == 0)
		result = number_contexts(rows, &numbers);
	for (size_t i = 0; result == 0 && i <= numbers.mask; i++)
		if (numbers.table[i].string != NULL)
			numbers.table[used++] = numbers.table[i];
	if (used > 0)
		qsort(numbers.table, used, sizeof(*numbers.table), compare_named);
	for (size_t i = 0; i < used; i++)
		rows->ranks[numbers.table[i].number] = used - i;
	free(numbers.table);
	return result;
}

/* ---- The filter ----------------------------------------------------------------------- */

static bool matches(
	const struct snapshot *snapshot, const struct snapshot_context *c, const char *filter)
{
	const char *ident = snapshot_string(snapshot, c->ident);

	return strcasestr(snapshot_string(snapshot, c->name), filter) != NULL ||
	       (ident != NULL && strcasestr(ident, filter) != NULL);
}

/* Backwards, so that a context is judged after all that stands below it. */
static void apply_filter(struct builder *b)
{
	const struct snapshot *snapshot = b->snapshot;
	const char *filter = b->options->filter;

	for (size_t i = snapshot->n; i-- > 0;) {
		const struct snapshot_context *c = &snapshot->contexts[i];
		bool match = filter == NULL || matches(snapshot, c, filter);

		b->rows->matches += match;
		b->keep[i] |= match;
		if (b->keep[i] && !b->options->group && c->parent != SNAPSHOT_NONE)
			b->keep[c->parent] = true;
	}
}

/* ---- Making the lines ----------------------------------------------------------------- */

static bool counts_own(const struct rows_options *options)
{
	return options->own || options->group;
}

static const struct snapshot_figures *context_figures(const struct builder *b, uint32_t context)
{
	return counts_own(b->options) ? &b->snapshot->contexts[context].own
				      : snapshot_subtree(&b->rows->sums, context);
}

static int64_t context_change(const struct builder *b, uint32_t context)
{
	return b->options->changes != NULL ? b->options->changes[context] : 0;
}

static uint32_t context_count(const struct builder *b, uint32_t context)
{
	return counts_own(b->options) ? 1 : b->snapshot->contexts[context].end - context;
}

static const struct snapshot_figures *pending_figures(
	const struct builder *b, const struct pending *p)
{
	return p->group != SNAPSHOT_NONE ? &b->rows->groups[p->group]
					 : context_figures(b, p->first);
}

static int group_new(struct builder *b, struct pending *p)
{
	struct rows *rows = b->rows;

	if (b->n_groups == b->groups_room) {
		size_t room = b->groups_room == 0 ? 16 : 2 * b->groups_room;
		struct snapshot_figures *grown = realloc(rows->groups, room * sizeof(*grown));

		if (grown == NULL)
			return -1;
		rows->groups = grown;
		b->groups_room = room;
	}
	rows->groups[b->n_groups] = *context_figures(b, p->first);
	p->group = (uint32_t)b->n_groups++;
	return 0;
}

static int join(struct builder *b, struct pending *p, uint32_t context)
{
	if (p->group == SNAPSHOT_NONE && group_new(b, p) < 0)
		return -1;
	snapshot_sum(&b->rows->groups[p->group], context_figures(b, context));
	b->rows->next[p->last] = context;
	b->rows->next[context] = SNAPSHOT_NONE;
	p->last = context;
	p->members++;
	p->contexts += context_count(b, context);
	p->change += context_change(b, context);
	return 0;
}

static int place(struct builder *b, uint32_t context, uint32_t parent, uint32_t level)
{
	uint32_t name = b->rows->names[context];
	uint32_t least = b->options->group ? 1 : ROWS_GROUP_LEAST;
	bool grouped = (b->options->group || !b->options->all) && b->count[name] >= least;

	if (grouped && b->group_of[name] != SNAPSHOT_NONE)
		return join(b, &b->stack[b->group_of[name]], context);
	if (grouped)
		b->group_of[name] = (uint32_t)b->depth;
	b->rows->next[context] = SNAPSHOT_NONE;
	b->stack[b->depth++] = (struct pending){.first = context,
		.last = context,
		.members = 1,
		.contexts = context_count(b, context),
		.change = context_change(b, context),
		.parent = parent,
		.level = level,
		.group = SNAPSHOT_NONE};
	return 0;
}

/* The least first: the stack is taken from its end. */
static int compare_pending(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->total != y->total)
		return x->total < y->total ? -1 : 1;
	return x->first > y->first ? -1 : 1;
}

/* The least kind the greatest key, as with names. */
static uint64_t kind_key(const struct builder *b, uint32_t context)
{
	const char *kind = snapshot_string(b->snapshot, b->snapshot->contexts[context].kind);
	uint64_t key = 0;

	for (int i = 0; i < 8; i++)
		key = key << 8 | (unsigned char)(*kind != '\0' ? *kind++ : 0);
	return ~key;
}

static uint64_t pending_key(const struct builder *b, const struct pending *p)
{
	switch (b->options->sort) {
	case ROWS_NAME:
		return b->rows->ranks[b->rows->names[p->first]];
	case ROWS_CONTEXTS:
		return p->contexts;
	case ROWS_CHANGE:
		return (uint64_t)p->change + ((uint64_t)1 << 63);
	case ROWS_KIND:
		return kind_key(b, p->first);
	default:
		return rows_known(figure(pending_figures(b, p), b->options->sort));
	}
}

/* Puts the siblings at hand on the stack as lines below PARENT. */
static int place_siblings(struct builder *b, uint32_t parent, uint32_t level)
{
	size_t base = b->depth;

	for (size_t i = 0; i < b->n_siblings; i++)
		b->count[b->rows->names[b->siblings[i]]]++;
	for (size_t i = 0; i < b->n_siblings; i++)
		if (place(b, b->siblings[i], parent, level) < 0)
			return -1;
	for (size_t i = 0; i < b->n_siblings; i++) {
		b->count[b->rows->names[b->siblings[i]]] = 0;
		b->group_of[b->rows->names[b->siblings[i]]] = SNAPSHOT_NONE;
	}
	for (size_t i = base; i < b->depth; i++) {
		b->stack[i].key = pending_key(b, &b->stack[i]);
		if (b->options->reverse)
			b->stack[i].key = ~b->stack[i].key;
		b->stack[i].total = rows_known(pending_figures(b, &b->stack[i])->total_bytes);
	}
	qsort(b->stack + base, b->depth - base, sizeof(*b->stack), compare_pending);
	return 0;
}

/* Adds the kept contexts of [FROM, TO) that stand on one level to the siblings at hand. */
static void collect(struct builder *b, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i = b->snapshot->contexts[i].end)
		if (b->keep[i])
			b->siblings[b->n_siblings++] = i;
}

static int add_row(struct builder *b, const struct pending *p)
{
	struct rows *rows = b->rows;
	uint32_t at = (uint32_t)rows->n++;

	rows->rows[at] = (struct row){.context = p->first,
		.members = p->members,
		.contexts = p->contexts,
		.level = p->level,
		.parent = p->parent,
		.change = p->change,
		.end = p->group}; /* until the groups' sums no longer move */
	b->n_siblings = 0;
	if (b->options->group || (b->options->depth != 0 && p->level + 1 >= b->options->depth))
		return 0;
	for (uint32_t m = p->first; m != SNAPSHOT_NONE; m = b->rows->next[m])
		collect(b, m + 1, b->snapshot->contexts[m].end);
	return place_siblings(b, at, p->level + 1);
}

void rows_set_ends(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		rows->rows[i].end = (uint32_t)i + 1;
	for (size_t i = rows->n; i-- > 0;) {
		struct row *row = &rows->rows[i];

		if (row->parent != SNAPSHOT_NONE && rows->rows[row->parent].end < row->end)
			rows->rows[row->parent].end = row->end;
	}
}

static void finish(struct builder *b)
{
	struct rows *rows = b->rows;
	uint64_t kept = 0, shown = 0;

	for (size_t i = 0; i < b->snapshot->n; i++)
		kept += b->keep[i];
	for (size_t i = 0; i < rows->n; i++) {
		struct row *row = &rows->rows[i];

		shown += row->members;
		row->figures = row->end != SNAPSHOT_NONE ? &rows->groups[row->end]
							 : context_figures(b, row->context);
	}
	rows->deeper = kept - shown;
	rows_set_ends(rows);
}

static int build(struct builder *b)
{
	const struct snapshot *snapshot = b->snapshot;

	apply_filter(b);
	if (!b->options->group)
		collect(b, 0, (uint32_t)snapshot->n);
	for (uint32_t i = 0; b->options->group && i < snapshot->n; i++)
		if (b->keep[i])
			b->siblings[b->n_siblings++] = i;
	if (place_siblings(b, SNAPSHOT_NONE, 0) < 0)
		return -1;
	while (b->depth > 0) {
		struct pending top = b->stack[--b->depth];

		if (add_row(b, &top) < 0)
			return -1;
	}
	finish(b);
	return 0;
}

static bool builder_room(struct builder *b, size_t n)
{
	b->keep = calloc(n, sizeof(*b->keep));
	b->count = calloc(n, sizeof(*b->count));
	b->group_of = malloc(n * sizeof(*b->group_of));
	b->siblings = malloc(n * sizeof(*b->siblings));
	b->stack = malloc(n * sizeof(*b->stack));
	b->rows->next = malloc(n * sizeof(*b->rows->next));
	b->rows->rows = malloc(n * sizeof(*b->rows->rows));
	if (b->keep == NULL || b->count == NULL || b->group_of == NULL || b->siblings == NULL ||
		b->stack == NULL || b->rows->next == NULL || b->rows->rows == NULL)
		return false;
	memset(b->group_of, 0xff, n * sizeof(*b->group_of));
	return true;
}

static void builder_free(struct builder *b)
{
	free(b->keep);
	free(b->count);
	free(b->group_of);
	free(b->siblings);
	free(b->stack);
}

/* What depends on the snapshot alone. */
static bool add_base(struct rows *rows, size_t n, bool own)
{
	if (rows->names == NULL) {
		rows->names = malloc(n * sizeof(*rows->names));
		rows->ranks = malloc(n * sizeof(*rows->ranks));
		if (rows->names == NULL || rows->ranks == NULL || number_names(rows) < 0) {
			free(rows->names);
			rows->names = NULL;
			free(rows->ranks);
			rows->ranks = NULL;
			return false;
		}
	}
	return own || rows->sums.inner != NULL ||
	       snapshot_sums_make(&rows->sums, rows->snapshot) == 0;
}

/* The lines of one set of options. */
static void free_lines(struct rows *rows)
{
	free(rows->rows);
	free(rows->groups);
	free(rows->next);
}

int rows_remake(struct rows *rows, const struct rows_options *options)
{
	size_t room = rows->snapshot->n > 0 ? rows->snapshot->n : 1;
	struct rows made = {.snapshot = rows->snapshot};
	struct builder b = {.snapshot = rows->snapshot, .options = options, .rows = &made};
	bool done = add_base(rows, room, counts_own(options));

	made.names = rows->names;
	made.ranks = rows->ranks;
	made.sums = rows->sums;
	done = done && builder_room(&b, room) && build(&b) == 0;
	builder_free(&b);
	free_lines(done ? rows : &made);
	if (done)
		*rows = made;
	errno = done ? errno : ENOMEM;
	return done ? 0 : -1;
}

struct rows *rows_new(const struct snapshot *snapshot, const struct rows_options *options)
{
	struct rows *rows = calloc(1, sizeof(*rows));

	if (rows == NULL)
		return NULL;
	rows->snapshot = snapshot;
	if (rows_remake(rows, options) == 0)
		return rows;
	rows_free(rows);
	errno = ENOMEM;
	return NULL;
}

void rows_free(struct rows *rows)
{
	if (rows == NULL)
		return;
	free_lines(rows);
	free(rows->names);
	free(rows->ranks);
	snapshot_sums_drop(&rows->sums);
	free(rows);
}
