/* SPDX-License-Identifier: MIT */
/*
 * A folder of the test's own, in which it runs and where the last replay is kept; it goes when the
 * test ends.
 */
#ifndef TESTS_OWN_FOLDER_H
#define TESTS_OWN_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/memctx-test-XXXXXX";

static inline int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder) || chdir(folder) || setenv("XDG_STATE_HOME", folder, 1))
		return -1;
	return 0;
}

static inline int tear_down(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return chdir("/") || system(command);
}

static inline void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

#endif
