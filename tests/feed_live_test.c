/* SPDX-License-Identifier: MIT */
/*
 * A live process on the screens: its latest events are the latest, however many came between two
 * looks, and what is said to be lost was there.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "tui/feed_live.h"
#include "unit.h"

/* More entries than one poll takes, several times over; fewer than the ring has. */
enum { PAIRS = 15000, RING = 1 << 17 };

static const char *last_name(const struct feed_live *live)
{
	const struct feed_live_event *events;
	int n = feed_live_events(live, &events);

	assert_in_range(n, 1, FEED_LIVE_EVENTS);
	return events[n - 1].name;
}

static void look(struct feed_live *live)
{
	struct live_error error;

	assert_true(feed_live_look(live, &error));
	assert_non_null(feed_live_snapshot(live));
}

static void test_latest(void **state)
{
	struct live_error error;
	memctx *busy = new_context(NULL, "busy"), *rare = new_context(NULL, "rare");
	struct feed_live *live = feed_live_open(getpid(), &error);

	(void)state;
	assert_non_null(live);
	assert_true(feed_live_watch(live));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < PAIRS; i++)
			memctx_free(memctx_alloc(busy, 100));
		memctx_reset(rare);
		look(live);
		assert_string_equal(last_name(live), "rare");
		assert_int_equal(feed_live_rates(live)->lost, 0);
	}
	feed_live_close(live);
	memctx_delete(busy);
	memctx_delete(rare);
}

/* A number that has this process's in its lower half is none of a process. */
static void test_too_large(void **state)
{
	const struct source_options options = {.pid = -1};
	memctx *here = new_context(NULL, "here");
	struct source_error error;
	char number[24];

	(void)state;
	snprintf(number, sizeof number, "%" PRIu64, ((uint64_t)1 << 32) + (uint64_t)getpid());
	assert_null(feed_open(number, &options, &error));
	assert_string_equal(error.message, "there is no such process");
	memctx_delete(here);
}

static void *write_along(void *arg)
{
	memctx *busy = new_context(NULL, "busy");

	while (!atomic_load((atomic_bool *)arg)) {
		for (int i = 0; i < 200; i++)
			memctx_free(memctx_alloc(busy, 100));
		usleep(1000);
	}
	memctx_delete(busy);
	return NULL;
}

/* What the ring had no more when events began to be watched was not lost. */
static void test_begun(void **state)
{
	memctx *top = new_context(NULL, "top");
	atomic_bool is_over = false;
	uint64_t lost = 1;
	pthread_t writer;

	(void)state;
	/* To learn of so many takes some milliseconds, and the writer a part of its ring. */
	for (int i = 0; i < 20000; i++)
		new_context(top, "one of many");
	assert_int_equal(pthread_create(&writer, NULL, write_along, &is_over), 0);
	usleep(700000); /* it fills its ring */
	/* What others take of the processors may lose some; so does not each try. */
	for (int i = 0; i < 10 && lost > 0; i++) {
		struct live_error error;
		struct feed_live *live = feed_live_open(getpid(), &error);

		assert_non_null(live);
		look(live);
		assert_true(feed_live_watch(live));
		look(live);
		lost = feed_live_rates(live)->lost;
		feed_live_close(live);
	}
	atomic_store(&is_over, true);
	pthread_join(writer, NULL);
	assert_int_equal(lost, 0);
	memctx_delete(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_latest),
		cmocka_unit_test(test_begun),
		cmocka_unit_test(test_too_large),
	};

	memctx_set_ring(RING);
	return cmocka_run_group_tests_name("feed_live", tests, NULL, NULL);
}
