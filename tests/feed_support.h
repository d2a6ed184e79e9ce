/* SPDX-License-Identifier: MIT */
/*
 * What the tests of screens share: a feed and the state over it, without a terminal.
 */
#ifndef TESTS_FEED_SUPPORT_H
#define TESTS_FEED_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/state.h"

static struct feed *feed;

/* The feed of what PATH names, and SCREEN over it. */
static inline void feed_begin(const char *path, struct state *screen)
{
	struct source_options options = {.pid = -1};
	struct source_error error;

	feed = feed_open(path, &options, &error);
	assert_non_null(feed);
	assert_int_equal(state_init(screen, feed), 0);
}

/* The same of a trace, its first pass at the end. */
static inline void feed_begin_passed(const char *path, struct state *screen)
{
	feed_begin(path, screen);
	while (feed_idle(feed))
		;
}

static inline void feed_end(struct state *screen)
{
	state_end(screen);
	feed_close(feed);
}

#endif
