/* SPDX-License-Identifier: MIT */
/*
 * Scripts of traces: a run meets the same peak as a replay, in the pools of old too; and every
 * trace through every kind, with the contents of each chunk verified and every count and link
 * proved.
 */
#include <dirent.h>

#include "model/script.h"
#include "model/trace.h"
#include "replay_support.h"

static struct script *read_script(const char *path)
{
	struct trace_error opening;
	struct replay_error error;
	struct trace_reader *reader = trace_open(path, TRACE_KEEP_GOING, &opening);
	struct script *script;

	assert_non_null(reader);
	script = script_read(reader, &(struct replay_options){.keep_going = true}, &error);
	trace_close(reader);
	assert_non_null(script);
	return script;
}

static void sum_all(const memctx *top, struct script_run *run)
{
	(void)top;
	script_sum(run, NULL, run->arg);
}

/* At the peak, and in figures there, a run is what a replay with SETTING (NULL: none) is. */
static void assert_same_peak(
	const char *path, const struct script *script, const struct setting *setting)
{
	struct replay_options options = {
		.keep_going = true, .settings = setting, .nsettings = setting != NULL};
	struct snapshot_figures sum;
	struct script_run run = {.script = script,
		.settings = setting,
		.nsettings = setting != NULL,
		.until = SIZE_MAX,
		.watch = true,
		.arg = &sum};
	struct replay_moment peak = peak_of(path, &options);

	assert_int_equal(script_run(&run), 0);
	assert_int_equal(run.peak_total, peak.figures.total_bytes);
	if (run.peak_op == 0)
		return;
	assert_int_equal(script->ops[run.peak_op - 1].event, peak.event);
	assert_int_equal(script->ops[run.peak_op - 1].requested, peak.requested_bytes);
	run.until = run.peak_op;
	run.look = sum_all;
	assert_int_equal(script_run(&run), 0);
	assert_int_equal(sum.total_bytes, peak.figures.total_bytes);
	assert_int_equal(sum.slack_bytes, peak.figures.slack_bytes);
	assert_int_equal(sum.header_bytes, peak.figures.header_bytes);
	assert_int_equal(sum.freelist_bytes, peak.figures.freelist_bytes);
	assert_int_equal(sum.tail_bytes, peak.figures.tail_bytes);
}

/* The two pools of old, with what is kept to look into them and bare. */
static void assert_pools_run(const char *path, const struct script *script)
{
	static const char *const pools[] = {"stl", "pyint", "*:kind=pyint,chunk=64"};

	for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
		char message[SETTING_TEXT];
		struct setting setting;
		struct script_run run = {.script = script,
			.settings = &setting,
			.nsettings = 1,
			.until = SIZE_MAX,
			.touch = true,
			.bare = true};

		assert_true(setting_parse(pools[i], &setting, message));
		assert_same_peak(path, script, &setting);
		assert_int_equal(script_run(&run), 0);
		run.until = script->n / 2;
		run.touch = false;
		assert_int_equal(script_run(&run), 0);
	}
}

/* ---- Contents ------------------------------------------------------------------------------- */

struct stage {
	const struct script *script;
	memctx **contexts;
	unsigned char **chunks;
	uint64_t *sizes;
	memctx *top;
};

static unsigned char mark(uint32_t chunk, uint64_t at)
{
	return (unsigned char)(chunk * 167u + at * 31u + 1);
}

static void fill(const struct stage *stage, uint32_t chunk, uint64_t from)
{
	for (uint64_t i = from; i < stage->sizes[chunk]; i++)
		stage->chunks[chunk][i] = mark(chunk, i);
}

static void verify(const struct stage *stage, uint32_t chunk, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		if (stage->chunks[chunk][i] != mark(chunk, i))
			fail_msg("byte %llu of chunk %u was overwritten", (unsigned long long)i,
				chunk);
}

static void make_context(struct stage *stage, const struct script_op *op, int kind)
{
	static const struct memctx_options fine = {
		.classes = MEMCTX_CLASSES_FINE, .init_size = 1024};
	memctx *parent = op->chunk == SCRIPT_NONE ? stage->top : stage->contexts[op->chunk];

	stage->contexts[op->ctx] = memctx_create(parent, "context", NULL,
		kind == 5 ? MEMCTX_ASET : (enum memctx_kind)kind, kind == 5 ? &fine : NULL);
	assert_non_null(stage->contexts[op->ctx]);
}

static void do_chunk(struct stage *stage, const struct script_op *op, bool is_bump)
{
	unsigned char **chunk = &stage->chunks[op->chunk];
	uint64_t kept = op->old_size < op->size ? op->old_size : op->size;

	if (op->op == TRACE_FREE) {
		verify(stage, op->chunk, stage->sizes[op->chunk]);
		if (!is_bump)
			memctx_free(*chunk);
		return;
	}
	if (op->op == TRACE_ALLOC) {
		kept = 0;
		*chunk = memctx_alloc(stage->contexts[op->ctx], op->size);
	} else if (is_bump) {
		unsigned char *moved = memctx_alloc(stage->contexts[op->ctx], op->size);

		memcpy(moved, *chunk, kept);
		*chunk = moved;
	} else {
		*chunk = memctx_realloc(*chunk, op->size);
	}
	assert_non_null(*chunk);
	stage->sizes[op->chunk] = op->size;
	verify(stage, op->chunk, kept);
	fill(stage, op->chunk, kept);
}

static void do_tree(struct stage *stage, const struct script_op *op)
{
	memctx *ctx = stage->contexts[op->ctx];

	if (op->op == TRACE_RESET)
		memctx_reset(ctx);
	else if (op->op == TRACE_RESETONLY)
		memctx_reset_only(ctx);
	else if (op->op == TRACE_DELETE)
		memctx_delete(ctx);
	else if (op->op == TRACE_DELETECHILDREN)
		memctx_delete_children(ctx);
	else
		assert_int_equal(
			memctx_set_parent(ctx,
				op->chunk == SCRIPT_NONE ? stage->top : stage->contexts[op->chunk]),
			0);
}

static void report(const memctx *ctx, const char *what, void *arg)
{
	(void)ctx;
	(void)arg;
	print_error("memctx_check: %s\n", what);
}

static void walk_through(const struct script *script, int kind)
{
	struct stage stage = {.script = script,
		.contexts = calloc(script->ncontexts + 1u, sizeof(memctx *)),
		.chunks = calloc(script->nchunks + 1u, sizeof(unsigned char *)),
		.sizes = calloc(script->nchunks + 1u, sizeof(uint64_t)),
		.top = memctx_create(NULL, "top", NULL, MEMCTX_ASET, NULL)};

	for (size_t i = 0; i < script->n; i++) {
		const struct script_op *op = &script->ops[i];

		if (op->op == TRACE_CREATE)
			make_context(&stage, op, kind);
		else if (op->op == TRACE_ALLOC || op->op == TRACE_REALLOC || op->op == TRACE_FREE)
			do_chunk(&stage, op, kind == MEMCTX_BUMP);
		else
			do_tree(&stage, op);
		if (i % 4096 == 0)
			assert_int_equal(memctx_check(stage.top, report, NULL), 0);
	}
	assert_int_equal(memctx_check(stage.top, report, NULL), 0);
	memctx_delete(stage.top);
	free(stage.contexts);
	free(stage.chunks);
	free(stage.sizes);
}

/* ---- The traces ------------------------------------------------------------------------------ */

static unsigned try_folder(const char *folder, const char *end)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned n = 0;

	if (dir == NULL) {
		print_message("%s is absent: its traces are left out\n", folder);
		return 0;
	}
	while ((entry = readdir(dir)) != NULL) {
		size_t length = strlen(entry->d_name), size = strlen(end);
		char path[600];
		struct script *script;

		if (length < size || strcmp(entry->d_name + length - size, end) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		script = read_script(path);
		assert_same_peak(path, script, NULL);
		assert_pools_run(path, script);
		for (int kind = MEMCTX_ASET; kind <= MEMCTX_WATCH; kind++) /* 5: fine */
			walk_through(script, kind);
		script_free(script);
		n++;
	}
	closedir(dir);
	return n;
}

static void shipped_traces(void **state)
{
	(void)state;
	assert_in_range(try_folder("traces", ".trace"), 5, 100);
	assert_in_range(try_folder("tests/corpus/replay", "t.trace"), 1, 100);
}

static void recorded_traces(void **state)
{
	(void)state;
	try_folder("../shared/traces", ".small.trace");
}

/* What a name alone takes is what it takes among the others. */
static void look_at_name(const memctx *top, struct script_run *run)
{
	(void)top;
	script_sum(run, "TopMemoryContext", run->arg);
}

static void one_name_alone(void **state)
{
	struct script *script = read_script("traces/pg_pgbench.trace");
	struct snapshot_figures all, alone;
	struct script_run run = {
		.script = script, .until = 9000, .look = look_at_name, .arg = &all};

	(void)state;
	assert_int_equal(script_run(&run), 0);
	run.only = "TopMemoryContext";
	run.arg = &alone;
	assert_int_equal(script_run(&run), 0);
	assert_in_range(all.requested_bytes, 1000, 10000000);
	assert_int_equal(all.requested_bytes, alone.requested_bytes);
	assert_int_equal(all.total_bytes, alone.total_bytes);
	assert_int_equal(all.live_chunks, alone.live_chunks);
	script_free(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_traces),
		cmocka_unit_test(recorded_traces),
		cmocka_unit_test(one_name_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
