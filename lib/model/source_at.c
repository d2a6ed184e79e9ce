/* SPDX-License-Identifier: MIT */
/*
 * A source with its moment: see source_at.h.  A file of the very name comes first, so that no file
 * is out of reach.
 */
#include "model/source_at.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Says what is wrong with MOMENT where the file before the @ is there, so that one was meant. */
static void say_moment(const char *path, const char *moment, struct source_error *error)
{
	if (access(path, F_OK) != 0)
		return;
	error->open = 0;
	snprintf(error->message, sizeof error->message,
		"no such file; and behind the @ of a file stands an event number, peak, end, or a "
		"time as 5.9ms, not %.100s",
		moment);
}

struct source *source_open_at(const char *argument, const struct source_options *options,
	struct source_point *point, struct source_error *error)
{
	const char *at = strrchr(argument, '@');
	char path[SOURCE_PATH];
	struct source *source;

	*point = (struct source_point){.kind = SOURCE_AS_IS};
	if (at == NULL || (size_t)(at - argument) >= sizeof path || access(argument, F_OK) == 0)
		return source_open(argument, options, error);
	snprintf(path, sizeof path, "%.*s", (int)(at - argument), argument);
	if (source_parse_point(at + 1, point))
		return source_open(*path != '\0' ? path : NULL, options, error);
	*point = (struct source_point){.kind = SOURCE_AS_IS};
	source = source_open(argument, options, error);
	if (source == NULL && error->open == ENOENT)
		say_moment(path, at + 1, error);
	return source;
}
