/* SPDX-License-Identifier: MIT */
/*
 * The last entries of a ring, which its head does not tell: a reader sees them at once and exactly,
 * in every lap, and so does a thread that takes a context over, a child after fork, and who
 * reads after the thread has ended or recording was switched.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "publish_support.h"

#include "model/clock.h"
#include "model/follow.h"

enum { MOST = 4096 };

/* What was told of chunks: their sizes, in order; and what was lost. */
struct told {
	uint64_t sizes[MOST];
	uint32_t rings[MOST];
	size_t n;
	uint64_t lost, last_ns;
	size_t gaps;
	size_t created, name_bytes;
};

static struct told told;

static bool note(const struct live_event *event, void *arg)
{
	(void)arg;
	if (event->op == LIVE_LOST) {
		told.lost += event->size;
		told.gaps += event->size == 0;
	} else if (event->op == LIVE_ALLOC) {
		HOLDS(told.n < MOST);
		told.rings[told.n] = event->ring;
		told.last_ns = event->time_ns;
		told.sizes[told.n++] = event->size;
	} else if (event->op == LIVE_CREATE) {
		told.created++;
		told.name_bytes += strlen(event->context->name);
	}
	return true;
}

/* A process with a recorder in it: ring 0 is the first thread's. */
struct eye {
	struct live *live;
	struct follow *follow;
	uint64_t taken;
};

static struct eye eye_open(enum follow_start start)
{
	struct live_error error;
	struct eye eye = {0};

	memset(&told, 0, sizeof told);
	eye.live = live_open(getpid(), &error);
	HOLDS(eye.live != NULL);
	eye.follow = follow_new(eye.live, start, &error);
	HOLDS(eye.follow != NULL);
	return eye;
}

/* All that is there. */
static void eye_look(struct eye *eye)
{
	ptrdiff_t n;

	told.n = 0;
	while ((n = follow_poll(eye->follow, note, NULL)) > 0)
		eye->taken += (uint64_t)n;
	HOLDS(n == 0);
}

static void eye_close(struct eye *eye)
{
	follow_free(eye->follow);
	live_close(eye->live);
}

static uint64_t shared_head(unsigned ring)
{
	return __atomic_load_n(&mcx_region->ring[ring].head, __ATOMIC_ACQUIRE);
}

/* What this thread's head is without a look at the entries. */
static uint64_t true_head(void)
{
	uint64_t head = mcx_writer.ring->shared->head;

	return head +
	       (((uint64_t)(mcx_next_entry(mcx_writer.next) - mcx_writer.ring->events) - head) &
		       mcx_writer.ring->mask);
}

/* N chunks of the sizes FIRST, FIRST + 1 …, each freed at once: the usual events. */
static void churn(memctx *ctx, size_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memctx_free(memctx_alloc(ctx, first + i));
}

static bool were_told(size_t first, size_t n)
{
	bool same = told.n == n;

	for (size_t i = 0; same && i < n; i++)
		same = told.sizes[i] == first + i;
	return same;
}

/* ---- One thread ------------------------------------------------------------------------------ */

/* Any event, wherever it lies between two stores of the head. */
static void tail_at_once(void)
{
	memctx *ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);
	struct eye eye = eye_open(FOLLOW_NOW);
	uint64_t begun = true_head(), behind = 0;

	eye_look(&eye);
	for (size_t i = 0; i < 1000; i++) {
		void *chunk = memctx_alloc(ctx, i);

		eye_look(&eye);
		HOLDS(were_told(i, 1));
		HOLDS(eye.taken == true_head() - begun);
		if (true_head() - shared_head(0) > behind)
			behind = true_head() - shared_head(0);
		memctx_free(chunk);
	}
	/* The heads alone would not have done. */
	HOLDS(behind > 50 && behind <= REGION_HEAD_LAG);
	HOLDS(told.lost == 0);
	eye_close(&eye);
}

/* From now on means just that: nothing of what was done before is told, and all that is done then.
 */
static void now_is_now(void)
{
	memctx *ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);

	for (size_t n = 1; n < 80; n++) {
		struct eye eye;

		churn(ctx, 2000, n);
		eye = eye_open(FOLLOW_NOW);
		eye_look(&eye);
		HOLDS(told.n == 0 && eye.taken == 0);
		churn(ctx, 100, 3);
		eye_look(&eye);
		HOLDS(were_told(100, 3));
		eye_close(&eye);
	}
}

/* A smallest ring, round and round, with events of many entries across its end. */
static void small_laps(void)
{
	uint64_t seed = 3, begun;
	char name[200];
	struct eye eye;
	memctx *ctx;

	memctx_set_ring(1);
	ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);
	HOLDS(mcx_region->ring[0].size == 256);
	eye = eye_open(FOLLOW_NOW);
	begun = true_head();
	for (size_t i = 0, names = 0; true_head() < (uint64_t)101 * 256; i++) {
		size_t n = rng_below(&seed, 30), length = 1 + rng_below(&seed, sizeof name - 1);
		memctx *child;

		memset(name, 'n', length);
		name[length - 1] = '\0';
		churn(ctx, i % 500, n);
		child = memctx_create(ctx, name, name, MEMCTX_ASET, NULL);
		eye_look(&eye);
		names += length - 1;
		HOLDS(were_told(i % 500, n));
		HOLDS(told.created == i + 1 && told.name_bytes == names);
		HOLDS(eye.taken == true_head() - begun && told.lost == 0);
		memctx_delete(child);
	}
	eye_close(&eye);
}

/* What was overwritten is counted to the entry, whatever the head said of it. */
static void small_losses(void)
{
	uint64_t seed = 9, begun;
	struct eye eye;
	memctx *ctx;

	memctx_set_ring(1);
	ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);
	eye = eye_open(FOLLOW_NOW);
	begun = true_head();
	for (int i = 0; i < 2000; i++) {
		churn(ctx, 100, rng_below(&seed, 300));
		eye_look(&eye);
		HOLDS(eye.taken + told.lost == true_head() - begun);
		HOLDS(told.lost == follow_lost(eye.follow));
		/* Who does nothing meanwhile is read as far back as nobody could be storing. */
		HOLDS(told.n <= 64 && (told.n > 60 || true_head() - shared_head(0) < 64));
	}
	HOLDS(told.lost > 0);
	eye_close(&eye);
}

/* Events that come in ticks of their own have times of their own, every 64 of them. */
static void dated_slow(void)
{
	memctx *ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);
	struct eye eye = eye_open(FOLLOW_NOW);
	uint64_t before = clock_now_ns();

	for (int i = 0; i < 12; i++) {
		uint64_t began = clock_now_ns();

		churn(ctx, 100, 32);
		eye_look(&eye);
		HOLDS(told.last_ns >= before && told.last_ns <= clock_now_ns());
		before = began;
		usleep(25000);
	}
	eye_close(&eye);
}

/* Those that come fast have one every four times as many at least, and fewer than that at best. */
static void dated_fast(void)
{
	memctx *ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);
	const struct region_event *entries;
	uint64_t last = 0, times = 0, last_ns = 0;

	churn(ctx, 100, 8000);
	entries = mcx_writer.ring->events;
	HOLDS(mcx_writer.ring->mask + 1 == 16384 && true_head() < 16384);
	for (uint64_t i = 0; i < true_head(); i++) {
		if ((entries[i].what >> REGION_OP_SHIFT & REGION_OP_MASK) != REGION_TIME)
			continue;
		HOLDS(i - last <= 5 * MCX_RING_CLOCK + 2 && entries[i].word > last_ns);
		last = i;
		last_ns = entries[i].word;
		times++;
	}
	HOLDS(true_head() - last <= 5 * MCX_RING_CLOCK);
	/* A machine that does something else now and then has more. */
	HOLDS(times >= 16000 / (5 * MCX_RING_CLOCK) && times < 16000 / MCX_RING_CLOCK);
	HOLDS(last_ns <= clock_now_ns());
}

/* An event whose first entry is stored but not the head yet, with more than usual before it. */
static void head_not_yet(void)
{
	static char text[1000];
	memctx *ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);
	struct eye eye = eye_open(FOLLOW_NOW);

	memset(text, 't', sizeof text - 1);
	for (size_t n = 0, names = 0; n < 100; n++) {
		uint64_t before, after;

		mcx_ring_flush();
		churn(ctx, 100, n % 30);
		before = shared_head(0);
		HOLDS(memctx_create(ctx, text, text, MEMCTX_ASET, NULL) != NULL);
		after = shared_head(0);
		HOLDS(after - before > REGION_HEAD_LAG + 64);
		__atomic_store_n(&mcx_region->ring[0].head, before, __ATOMIC_RELEASE);
		eye_look(&eye);
		names += sizeof text - 1;
		HOLDS(were_told(100, n % 30) && told.created == n + 1 && told.name_bytes == names);
		__atomic_store_n(&mcx_region->ring[0].head, after, __ATOMIC_RELEASE);
	}
	eye_close(&eye);
}

static void off_and_on(void)
{
	memctx *ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);
	struct eye eye = eye_open(FOLLOW_NOW);

	for (size_t n = 1; n < 200; n++) {
		uint64_t head;

		churn(ctx, 100, n);
		memctx_set_ring(0);
		churn(ctx, 1000, 3);
		head = true_head();
		eye_look(&eye);
		HOLDS(were_told(100, n) && told.gaps == n - 1);
		memctx_set_ring(16384);
		HOLDS(mcx_region->ring[0].gap == head);
		churn(ctx, 300, 2);
		eye_look(&eye);
		HOLDS(were_told(300, 2) && told.gaps == n && told.lost == 0);
	}
	eye_close(&eye);
}

/* ---- Several threads ------------------------------------------------------------------------- */

/* Another thread, which does what it is told to when it is. */
static struct {
	pthread_t thread;
	sem_t go, done;
	memctx *ctx;
	size_t first, n;
	bool is_over;
} other;

static void *obey(void *arg)
{
	for (;;) {
		sem_wait(&other.go);
		if (other.is_over)
			return arg;
		churn(other.ctx, other.first, other.n);
		sem_post(&other.done);
	}
}

static void other_begin(void)
{
	HOLDS(sem_init(&other.go, 0, 0) == 0 && sem_init(&other.done, 0, 0) == 0);
	other.is_over = false;
	HOLDS(pthread_create(&other.thread, NULL, obey, NULL) == 0);
}

static void other_churn(memctx *ctx, size_t first, size_t n)
{
	other.ctx = ctx;
	other.first = first;
	other.n = n;
	sem_post(&other.go);
	sem_wait(&other.done);
}

static void other_end(void)
{
	other.is_over = true;
	sem_post(&other.go);
	HOLDS(pthread_join(other.thread, NULL) == 0);
}

enum { CREATIONS = 20000 };

static void *create_long(void *arg)
{
	static char text[300];

	memset(text, 't', sizeof text - 1);
	for (int i = 0; i < CREATIONS; i++) {
		memctx_delete(memctx_create(NULL, text, text, MEMCTX_ASET, NULL));
		while (i - __atomic_load_n((int *)arg, __ATOMIC_ACQUIRE) > 300)
			sched_yield();
	}
	return NULL;
}

static bool note_whole(const struct live_event *event, void *arg)
{
	int *seen = arg;

	if (event->op != LIVE_CREATE)
		return true;
	HOLDS(strlen(event->context->name) == 299 && event->context->ident != NULL);
	HOLDS(strlen(event->context->ident) == 299);
	__atomic_store_n(seen, *seen + 1, __ATOMIC_RELEASE);
	return true;
}

/* Whoever looks while an event of many entries is being stored sees all of it or nothing. */
static void whole_events(void)
{
	memctx *ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);
	struct eye eye = eye_open(FOLLOW_NOW);
	pthread_t thread;
	int seen = 0;

	HOLDS(ctx != NULL && pthread_create(&thread, NULL, create_long, &seen) == 0);
	while (seen < CREATIONS)
		HOLDS(follow_poll(eye.follow, note_whole, &seen) >= 0);
	HOLDS(pthread_join(thread, NULL) == 0 && follow_lost(eye.follow) == 0);
	eye_close(&eye);
}

/*
 * The thread that takes over has the earlier time in its ring, so that what it did would come first
 * if it did not say how far the other ring comes before.
 */
static void handed_over(void)
{
	memctx *mine = memctx_create(NULL, "mine", NULL, MEMCTX_ASET, NULL);
	memctx *ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);
	struct eye eye;
	uint64_t behind = 0;

	other_begin();
	other_churn(ctx, 1, 1);
	eye = eye_open(FOLLOW_NOW);
	for (size_t n = 1; n < 200; n++) {
		uint64_t late;

		churn(mine, 2000, n % 7);
		other_churn(ctx, 100, n);
		late = shared_head(1);
		churn(ctx, 100 + n, 3);
		eye_look(&eye);
		HOLDS(told.n == n % 7 + n + 3 && told.lost == 0);
		/* Those of the one context, which all have their places. */
		for (size_t i = 0, at = 0; i < told.n; i++)
			if (told.sizes[i] < 2000) {
				HOLDS(told.sizes[i] == 100 + at);
				HOLDS(told.rings[i] == (at < n ? 1 : 0));
				at++;
			}
		other_churn(mine, 3000, 0);
		if (n > 1 && late == shared_head(1))
			behind++;
	}
	HOLDS(behind > 50);
	other_end();
	eye_close(&eye);
}

/* A thread that has ended left its head; the next thread goes on behind it. */
static void ended(void)
{
	memctx *ctx = memctx_create(NULL, "ctx", NULL, MEMCTX_ASET, NULL);
	struct eye eye;

	churn(ctx, 1, 1);
	eye = eye_open(FOLLOW_NOW);
	for (size_t n = 1; n < 150; n++) {
		uint64_t before;

		other_begin();
		other_churn(ctx, 100, n);
		before = shared_head(1);
		other_end();
		HOLDS(mcx_region->ring[1].tid == 0);
		HOLDS(shared_head(1) >= before);
		if (n % 2 == 0)
			continue;
		eye_look(&eye);
		HOLDS(told.n == (n == 1 ? 1 : 2 * n - 1) && told.lost == 0);
		HOLDS(told.sizes[told.n - 1] == 100 + n - 1 && told.rings[told.n - 1] == 1);
		HOLDS(eye.taken >= shared_head(1));
	}
	eye_close(&eye);
}

/* It knows no threads in a child of a process that had some. */
#ifndef __SANITIZE_THREAD__
/* ---- Fork ------------------------------------------------------------------------------------ */

static memctx *forked_ctx, *others_ctx;
static size_t forked_n;

/* Before the fork, but after the child's copy was made. */
static void churn_late(void)
{
	churn(forked_ctx, 600, 5);
}

/*
 * The child has this thread's entries to the last; those of the other thread are not there, and
 * what only looks like a ring is not taken for events.
 */
static void forked_child(void)
{
	struct eye eye = eye_open(FOLLOW_OLDEST);

	HOLDS(mcx_region->pid == getpid());
	eye_look(&eye);
	HOLDS(told.lost == 0 && told.n >= forked_n);
	for (size_t i = 0; i < forked_n; i++)
		HOLDS(told.sizes[told.n - forked_n + i] == 500 + i);
	for (size_t i = 0; i < told.n; i++)
		HOLDS(told.rings[i] == 0);
	churn(forked_ctx, 400, 3);
	eye_look(&eye);
	HOLDS(were_told(400, 3));
	/* The other's context is taken over from a ring whose last entries nobody has. */
	churn(others_ctx, 700, 3);
	eye_look(&eye);
	HOLDS(were_told(700, 3));
	/* A new thread takes that ring. */
	other_begin();
	other_churn(others_ctx, 800, forked_n);
	eye_look(&eye);
	HOLDS(were_told(800, forked_n) && told.lost == 0);
	for (size_t i = 0; i < told.n; i++)
		HOLDS(told.rings[i] == 1);
	churn(others_ctx, 900, 2);
	eye_look(&eye);
	HOLDS(were_told(900, 2));
	other_end();
	eye_close(&eye);
	/* What the parent's other thread kept for itself is lost here, which is no leak. */
	_exit(0);
}

static void forked(void)
{
	/* The handlers that were there first come last; the library's come with the region. */
	HOLDS(pthread_atfork(churn_late, NULL, NULL) == 0);
	forked_ctx = memctx_create(NULL, "forked", NULL, MEMCTX_ASET, NULL);
	others_ctx = memctx_create(NULL, "others", NULL, MEMCTX_ASET, NULL);
	other_begin();
	for (forked_n = 1; forked_n < 120; forked_n += 7) {
		other_churn(others_ctx, 300, forked_n);
		churn(forked_ctx, 500, forked_n);
		HOLDS(ends_well(start(forked_child)));
	}
	other_end();
}

#endif

/* ---- The lap --------------------------------------------------------------------------------- */

static void test_lap(void **state)
{
	uint64_t what = mcx_what(REGION_FREE, 1234);

	(void)state;
	for (uint64_t i = 0; i < (uint64_t)8 * 256; i++) {
		uint64_t now = what | region_lap(i, 256), before = what | region_lap(i + 256, 256);

		assert_true(region_is_written(now, i, 256));
		assert_false(region_is_written(before, i, 256));
		assert_false(region_is_written(0, i, 256));
		assert_false(region_is_written(REGION_LAP, i, 256));
		assert_int_equal(now >> REGION_OP_SHIFT & REGION_OP_MASK, REGION_FREE);
	}
	/* What is fresh and what is of the first lap differ even without an op. */
	assert_int_equal(region_lap(0, 256), REGION_LAP);
}

IN_CHILD(tail_at_once)
IN_CHILD(now_is_now)
IN_CHILD(small_laps)
IN_CHILD(small_losses)
IN_CHILD(dated_slow)
IN_CHILD(dated_fast)
IN_CHILD(head_not_yet)
IN_CHILD(off_and_on)
IN_CHILD(whole_events)
IN_CHILD(handed_over)
IN_CHILD(ended)
#ifndef __SANITIZE_THREAD__
IN_CHILD(forked)
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lap),
		cmocka_unit_test(test_tail_at_once),
		cmocka_unit_test(test_now_is_now),
		cmocka_unit_test(test_small_laps),
		cmocka_unit_test(test_small_losses),
		cmocka_unit_test(test_dated_slow),
		cmocka_unit_test(test_dated_fast),
		cmocka_unit_test(test_head_not_yet),
		cmocka_unit_test(test_off_and_on),
		cmocka_unit_test(test_whole_events),
		cmocka_unit_test(test_handed_over),
		cmocka_unit_test(test_ended),
#ifndef __SANITIZE_THREAD__
		cmocka_unit_test(test_forked),
#endif
	};

	return cmocka_run_group_tests_name("ring_head_threads", tests, NULL, NULL);
}
