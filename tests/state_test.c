/* SPDX-License-Identifier: MIT */
/*
 * Keeping the last replay: where, with what rights, what is never followed or left behind, and
 * what is said where it cannot be kept.  Everything happens in a folder of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/json.h"
#include "model/state.h"
#include "own_folder.h"

/* A tree of one context that is called NAME. */
static struct snapshot *tree(const char *name)
{
	struct snapshot *snapshot = snapshot_new();

	assert_non_null(snapshot_add(snapshot, 1, SNAPSHOT_NONE, name, NULL, "aset"));
	snapshot_finish(snapshot);
	return snapshot;
}

static void keep(void)
{
	struct snapshot *end = tree("end"), *peak = tree("peak");
	char why[STATE_WHY];

	assert_int_equal(state_keep(end, peak, why), 0);
	snapshot_free(end);
	snapshot_free(peak);
}

/* What is kept can be read, and is what keep() kept. */
static void assert_kept(void)
{
	for (int peak = 0; peak < 2; peak++) {
		char path[STATE_PATH], expected[100];
		struct json_error error;
		FILE *in = state_open(peak, path);
		struct snapshot *snapshot;

		assert_non_null(in);
		snprintf(expected, sizeof expected, "%s/memctx/%s.json", folder,
			peak ? "peak" : "end");
		assert_string_equal(path, expected);
		snapshot = json_read(in, &error);
		assert_non_null(snapshot);
		assert_string_equal(snapshot_string(snapshot, snapshot->contexts[0].name),
			peak ? "peak" : "end");
		snapshot_free(snapshot);
		fclose(in);
	}
}

/* Opening fails with an errno. */
static void assert_not_opened(int error)
{
	char path[STATE_PATH];

	errno = 0;
	assert_null(state_open(false, path));
	assert_int_equal(errno, error);
}

static void assert_mode(const char *path, mode_t mode)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	assert_int_equal(status.st_mode, mode);
}

static void test_kept_files(void **state)
{
	char stale[40];
	pid_t child;

	(void)state;
	assert_not_opened(ENOENT);
	child = fork();
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	keep();
	assert_kept();
	assert_mode("memctx", S_IFDIR | 0700);
	assert_mode("memctx/end.json", S_IFREG | 0600);
	assert_mode("memctx/peak.json", S_IFREG | 0600);
	/* A link in the place of a file is replaced, not followed; what others left goes. */
	write_file("mine", "keep me");
	assert_int_equal(unlink("memctx/end.json"), 0);
	assert_int_equal(symlink("../mine", "memctx/end.json"), 0);
	snprintf(stale, sizeof stale, "memctx/end.json.new.%ld", (long)child);
	write_file(stale, "half");
	assert_int_equal(chmod("memctx", 0755), 0);
	assert_not_opened(ELOOP);
	keep();
	assert_mode("memctx", S_IFDIR | 0700);
	assert_mode("memctx/end.json", S_IFREG | 0600);
	assert_int_equal(access(stale, F_OK), -1);
	assert_int_equal(system("test \"$(cat mine)\" = 'keep me'"), 0);
	assert_int_equal(system("test \"$(ls memctx | wc -l)\" = 2"), 0);
	assert_kept();
}

/* Keeping fails, for the reason given. */
static void assert_not_kept(const struct snapshot *snapshot, const char *reason)
{
	char why[STATE_WHY];

	assert_int_equal(state_keep(snapshot, snapshot, why), -1);
	if (!strstr(why, reason))
		fail_msg("\"%s\" does not say \"%s\"", why, reason);
}

static void test_not_kept(void **state)
{
	struct snapshot *snapshot = tree("Top");
	char *home = strdup(getenv("HOME") ? getenv("HOME") : ""), place[100];

	(void)state;
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_not_kept(snapshot, "neither XDG_STATE_HOME nor HOME names a folder");
	assert_not_opened(ENOENT);
	setenv("XDG_STATE_HOME", "relative", 1);
	assert_not_kept(snapshot, "neither XDG_STATE_HOME nor HOME names a folder");
	setenv("HOME", "/proc", 1);
	assert_not_kept(snapshot, "/proc/.local/state/memctx: ");
	/* A home that is not there is not made. */
	snprintf(place, sizeof place, "%s/nobody", folder);
	setenv("HOME", place, 1);
	assert_not_kept(snapshot, "No such file");
	assert_int_equal(access(place, F_OK), -1);
	assert_int_equal(mkdir(place, 0700), 0);
	assert_int_equal(state_keep(snapshot, snapshot, (char[STATE_WHY]){0}), 0);
	assert_mode("nobody/.local/state/memctx/peak.json", S_IFREG | 0600);
	/* The folder's place taken by a file, or by a link. */
	snprintf(place, sizeof place, "%s/x", folder);
	setenv("XDG_STATE_HOME", place, 1);
	assert_int_equal(mkdir("x", 0700), 0);
	write_file("x/memctx", "");
	assert_not_kept(snapshot, "x/memctx: Not a directory");
	assert_int_equal(unlink("x/memctx"), 0);
	assert_int_equal(symlink("/tmp", "x/memctx"), 0);
	assert_not_kept(snapshot, "x/memctx: ");
	setenv("XDG_STATE_HOME", folder, 1);
	setenv("HOME", home, 1);
	free(home);
	snapshot_free(snapshot);
}

/* What cannot be kept leaves nothing behind that could be taken for it. */
static void test_too_large(void **state)
{
	struct snapshot *snapshot = tree("Top");

	(void)state;
	keep();
	snapshot->n = STATE_CONTEXTS + 1;
	assert_not_kept(snapshot, "it has 250001 contexts; at most 250000 are kept");
	assert_not_opened(ENOENT);
	snapshot->n = 1;
	snapshot_free(snapshot);
}

/* Another user's folder or file is neither read nor written. */
static void test_not_ours(void **state)
{
	struct snapshot *snapshot = tree("Top");

	(void)state;
	keep();
	if (geteuid() || chown("memctx/end.json", 1, 1)) {
		snapshot_free(snapshot);
		skip();
	}
	assert_not_opened(EACCES);
	keep();
	assert_kept();
	assert_int_equal(chown("memctx", 1, 1), 0);
	assert_not_opened(EACCES);
	assert_not_kept(snapshot, "memctx: Permission denied");
	assert_int_equal(chown("memctx", 0, 0), 0);
	assert_kept();
	snapshot_free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_files),
		cmocka_unit_test(test_not_kept),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_not_ours),
	};

	return cmocka_run_group_tests_name("state", tests, set_up, tear_down);
}
