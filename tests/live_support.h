/* SPDX-License-Identifier: MIT */
/*
 * What the tests of live processes share: this process looked into by itself, and what is followed
 * written as a trace.
 */
#ifndef TESTS_LIVE_SUPPORT_H
#define TESTS_LIVE_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/recorder.h"

static inline struct live *open_self(void)
{
	struct live_error error;
	struct live *live = live_open(getpid(), &error);

	if (live == NULL) {
		fprintf(stderr, "%s\n", error.message);
		abort();
	}
	return live;
}

/*
 * What POLLS looks at FOLLOW tell, which may be NULL, as a trace of *SIZE bytes; the caller's, as
 * FOLLOW stays.
 */
static inline char *recorded(struct follow *follow, int polls, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	struct recorder *recorder = out != NULL ? recorder_new(out, 0) : NULL;

	if (recorder == NULL)
		abort();
	for (int i = 0; follow != NULL && i < polls; i++)
		if (follow_poll(follow, recorder_event, recorder) <= 0)
			break;
	recorder_free(recorder);
	fclose(out);
	return text;
}

#endif
