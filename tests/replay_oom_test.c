/* SPDX-License-Identifier: MIT */
/*
 * A replay to which the n-th request for memory is refused, for n = 1, 2, 3 … until none is: it
 * says so with status 3 or does without, nothing is half applied, nothing leaks.
 *
 * The program's own malloc stands before the C library's, which sanitizers do not allow.
 */
#include "replay_support.h"

#include <errno.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static long requests;  /* made since armed */
static long refused;   /* the number of the first that is refused; 0: none */
static bool refuse_on; /* and all that follow */
static long outstanding;

#if !SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *memory);

static bool refuses(void)
{
	requests++;
	if (refused == 0 || (refuse_on ? requests < refused : requests != refused))
		return false;
	errno = ENOMEM;
	return true;
}

static void *count(void *memory)
{
	outstanding += memory != NULL;
	return memory;
}

void *malloc(size_t size)
{
	return refuses() ? NULL : count(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return refuses() ? NULL : count(__libc_calloc(n, size));
}

void *realloc(void *memory, size_t size)
{
	if (refuses())
		return NULL;
	return memory == NULL ? count(__libc_malloc(size)) : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return refuses() ? NULL : count(__libc_memalign(align, size));
}

void free(void *memory)
{
	outstanding -= memory != NULL;
	__libc_free(memory);
}
#endif

static char text[40000];

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void put(const char *format, ...)
{
	size_t size = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + size, sizeof(text) - size, format, args);
	va_end(args);
}

/* Every table of the replayer grows; contexts that the peak keeps change and end. */
static void write_trace(void)
{
	put(HEAD "create 1000 - aset \"top\" ident=\"i\"\n");
	for (int i = 0; i < 80; i++)
		put("create %d 1000 aset \"x\" ident=\"y\" init=1024\nthread %d\n", i, i);
	for (int i = 0; i < 100; i++)
		put("alloc %d %d %d\n", i % 80, i, 40 * i);
	for (int i = 0; i < 45; i++)
		put("base 1000 %d 2\n", i);
	put("alloc 1000 1000 100000\nrealloc 1000 300000 1001\nident 1000 \"j\"\nident 3 \"k\"\n");
	put("alloc 5 1002 100 align=4096\nmove 7 8\ndelete 8\nreset 9\nfree 1001\nlost 1\n");
	put("alloc 1000 50 5\ncreate 10 1000 slab \"s\" chunk=8\nfreebase 1000 44\nreset 1000\n");
	put("create 1 1000 aset \"again\"\nalloc 1 1 3\n");
}

/* Looks at the tree; refused memory is no error there but no snapshot. */
static void look(struct replay *replay)
{
	struct snapshot *snapshot = replay_snapshot(replay);
	char message[200];

	if (snapshot != NULL && !snapshot_valid(snapshot, message, sizeof(message)))
		fail_msg("%s", message);
	snapshot_free(snapshot);
	snapshot = replay_snapshot_peak(replay);
	if (snapshot != NULL && !snapshot_valid(snapshot, message, sizeof(message)))
		fail_msg("%s", message);
	snapshot_free(snapshot);
}

static void check_whole(struct replay *replay)
{
	struct replay_moment now;

	replay_now(replay, &now);
	assert_int_equal(now.figures.live_chunks, now.live_chunks);
	assert_int_equal(now.figures.requested_bytes, now.requested_bytes);
	assert_int_equal(memctx_check(replay_root(replay), world_check, NULL), 0);
}

/* True: all was applied. */
static bool run_once(long n, bool on)
{
	struct replay_options options = {.memory = 1 << 26};
	struct trace_reader *reader;
	struct trace_error error;
	struct replay_error failed = {0};
	struct replay *replay;
	int got = -1;

	requests = 0;
	refused = n;
	refuse_on = on;
	reader = trace_open_memory(text, strlen(text), 0, &error);
	replay = reader == NULL ? NULL : replay_new(reader, &options, &failed);
	for (uint64_t event = 40; replay != NULL; event += 40) {
		got = replay_run(replay, event, UINT64_MAX, &failed);
		look(replay);
		if (got != 1)
			break;
	}
	refused = 0;
	if (replay != NULL)
		check_whole(replay);
	if (reader == NULL)
		assert_int_equal(error.system, ENOMEM);
	else if (got < 0)
		assert_int_equal(failed.status, 3);
	/* What could not be done then can be done now, unless it was the reader that failed. */
	if (replay != NULL && got < 0 && failed.line > 0) {
		assert_int_equal(replay_run(replay, UINT64_MAX, UINT64_MAX, &failed), 0);
		assert_int_equal(replay_counts(replay)->peak_live_chunks, 192);
		check_whole(replay);
	}
	replay_free(replay);
	trace_close(reader);
	return got == 0 && requests < n;
}

static void every_request_refused(void **unused)
{
	(void)unused;
	if (SANITIZED)
		skip();
	write_trace();
	assert_true(run_once(1L << 30, false));
	/* What a process allocates once, for the words of its first error perhaps, is no leak. */
	for (int pass = 0; pass < 3; pass++) {
		long before = outstanding;
		long n = 1;

		for (; !run_once(n, pass == 2); n++) {
			if (pass > 0)
				assert_int_equal(outstanding, before);
			assert_true(n < 100000);
		}
		assert_true(n > 400);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_request_refused)};

	return cmocka_run_group_tests_name("replay_oom", tests, NULL, NULL);
}
