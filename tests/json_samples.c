/* SPDX-License-Identifier: MIT */
/* Samples and comparisons for the tests of snapshots as JSON; see json_samples.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json_samples.h"

char *written(write_form *write, const struct snapshot *snapshot)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(write(out, snapshot), 0);
	fclose(out);
	return text;
}

struct snapshot *read_bytes(const char *text, size_t size, struct json_error *error)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, size, "r");
	struct snapshot *snapshot;

	assert_non_null(in);
	memset(error, 0x55, sizeof *error);
	snapshot = json_read(in, error);
	fclose(in);
	if (!snapshot)
		assert_non_null(memchr(error->message, 0, sizeof error->message));
	return snapshot;
}

struct snapshot *read_text(const char *text)
{
	struct json_error error;
	struct snapshot *snapshot = read_bytes(text, strlen(text), &error);

	if (!snapshot)
		fail_msg("%" PRIu64 ":%" PRIu64 ": %s", error.line, error.column, error.message);
	return snapshot;
}

static void assert_same_string(
	const struct snapshot *a, uint32_t at, const struct snapshot *b, uint32_t bt)
{
	const char *first = snapshot_string(a, at), *second = snapshot_string(b, bt);

	assert_int_equal(!first, !second);
	if (first)
		assert_string_equal(first, second);
}

static void assert_same(const struct snapshot *a, const struct snapshot *b)
{
	assert_int_equal(a->source, b->source);
	assert_int_equal(!a->path, !b->path);
	if (a->path)
		assert_string_equal(a->path, b->path);
	assert_int_equal(a->pid, b->pid);
	assert_true(a->event == b->event && a->events == b->events && a->time_ns == b->time_ns);
	assert_string_equal(a->point, b->point);
	assert_int_equal(a->kinds_replaced, b->kinds_replaced);
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct snapshot_context *x = &a->contexts[i], *y = &b->contexts[i];

		assert_true(x->id == y->id);
		assert_int_equal(x->parent, y->parent);
		assert_int_equal(x->level, y->level);
		assert_int_equal(x->end, y->end);
		assert_same_string(a, x->name, b, y->name);
		assert_same_string(a, x->ident, b, y->ident);
		assert_same_string(a, x->kind, b, y->kind);
		assert_true(x->peak_total_bytes == y->peak_total_bytes);
		assert_memory_equal(&x->own, &y->own, sizeof x->own);
	}
}

void assert_round_trip(const struct snapshot *snapshot)
{
	write_form *const forms[] = {json_write_nested, json_write_flat};

	for (int i = json_nests(snapshot) ? 0 : 1; i < 2; i++) {
		char *text = written(forms[i], snapshot), *again;
		struct snapshot *read = read_text(text);

		assert_same(snapshot, read);
		again = written(forms[i], read);
		assert_string_equal(text, again);
		free(again);
		free(text);
		snapshot_free(read);
	}
}

struct snapshot_context *add(struct snapshot *snapshot, uint64_t id, uint32_t parent,
	const char *name, const char *ident)
{
	struct snapshot_context *context = snapshot_add(snapshot, id, parent, name, ident, "aset");

	assert_non_null(context);
	return context;
}

void set_figures(struct snapshot_context *context, uint64_t base)
{
	struct snapshot_figures *own = &context->own;

	own->requested_bytes = base;
	own->slack_bytes = 10;
	own->header_bytes = 20;
	own->freelist_bytes = 30;
	own->tail_bytes = 40;
	own->total_bytes = base + 100;
	own->free_bytes = 70;
	own->used_bytes = base + 30;
	own->total_nblocks = 2;
	own->free_chunks = 3;
	own->live_chunks = 4;
	own->large_chunks = 5;
	own->large_bytes = 6;
	own->allocs = 11;
	own->frees = 12;
	own->reallocs = 13;
	own->resets = 14;
	for (unsigned k = 0; k < SNAPSHOT_CLASSES; k++)
		own->classes[k] =
			(struct snapshot_class){.live = 100 + k, .free = 200 + k, .slack = 300 + k};
	context->peak_total_bytes = base + 101;
}

struct snapshot *sample(void)
{
	struct snapshot *snapshot = snapshot_new();

	snapshot->source = SNAPSHOT_REPLAY;
	snapshot->path = strdup("traces/a.trace");
	snapshot->event = 9;
	snapshot->events = 12;
	snapshot->time_ns = 1500;
	strcpy(snapshot->point, "peak");
	snapshot->kinds_replaced = 1;
	set_figures(add(snapshot, 1, SNAPSHOT_NONE, "Top", NULL), 1000);
	set_figures(add(snapshot, 2, 0, "Cache", "pg_class"), 2000);
	set_figures(add(snapshot, 3, 1, "index", ""), 3000);
	set_figures(add(snapshot, 4, 1, "index", NULL), 4000);
	set_figures(add(snapshot, 7, 0, "Portal", NULL), 5000);
	set_figures(add(snapshot, 6, SNAPSHOT_NONE, "", NULL), 6000);
	snapshot_finish(snapshot);
	return snapshot;
}
