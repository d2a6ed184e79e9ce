/* SPDX-License-Identifier: MIT */
/*
 * The events of a live process, a line each.
 */
#ifndef CLI_EVENTS_LIVE_H
#define CLI_EVENTS_LIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct events_live {
	pid_t pid;
	bool follow;       /* from now on, until the process ends; else the latest that there are */
	uint64_t count;    /* events to show; UINT64_MAX: all */
	const char *kind;  /* only events of that name; NULL: all */
	uint64_t min_size; /* only events that bear a size, of at least that; 0: all */
	/* Whether events of such a context are wanted; NAME "" where it is not known. */
	bool (*is_wanted)(const void *arg, const char *name, const char *ident, uint64_t id);
	const void *arg;
};

/* Whether KIND is the name of an event; else says so, with what was probably meant. */
bool events_live_is_kind(const char *kind);

int events_live_show(const struct events_live *request);

#endif
