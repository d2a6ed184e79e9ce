/* SPDX-License-Identifier: MIT */
/*
 * Keeping the last replay.
 *
 * All work is done relative to the folder's descriptor, once it is known to be a folder of the
 * user's own: what stands at its name may change meanwhile.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/json.h"
#include "model/state.h"

#define NEW ".new."

static const char *const names[] = {"end.json", "peak.json"};

/*
 * The folder's path in PATH, and in *GIVEN how much of it must be there already; -1 where no place
 * is known (WHY says so) or it is too long.
 */
static int folder_path(char path[static STATE_PATH], size_t *given, const char **why)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int length;

	*given = 0;
	*why = "its place has too long a name";
	if (state && *state == '/') {
		length = snprintf(path, STATE_PATH, "%s/memctx", state);
	} else if (home && *home == '/') {
		*given = strlen(home);
		length = snprintf(path, STATE_PATH, "%s/.local/state/memctx", home);
	} else {
		*why = "neither XDG_STATE_HOME nor HOME names a folder";
		length = -1;
	}
	/* Room for the names below it. */
	if (length >= 0 && length < STATE_PATH - 32)
		return 0;
	errno = ENOENT;
	*path = '\0';
	return -1;
}

/* The folder, if it is the user's own; -1 with errno. */
static int open_folder(const char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (folder < 0)
		return -1;
	if (!fstat(folder, &status) && status.st_uid == geteuid())
		return folder;
	close(folder);
	errno = EACCES;
	return -1;
}

/*
 * Makes the folders of PATH below what is GIVEN.  Returns why one that is not there could not be
 * made, or 0; what else may fail shows when the last one is opened.
 */
static int make_folders(char *path, size_t given)
{
	char *slash = strchr(path + given + 1, '/');
	int error = 0;

	for (; slash && error == 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			error = errno;
		*slash = '/';
	}
	if (error == 0 && mkdir(path, 0700) && errno != EEXIST)
		error = errno;
	return error;
}

FILE *state_open(bool peak, char path[static STATE_PATH])
{
	const char *why;
	struct stat status;
	size_t given;
	int folder, file;
	FILE *in = NULL;

	if (folder_path(path, &given, &why) || (folder = open_folder(path)) < 0)
		return NULL;
	file = openat(folder, names[peak], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(folder);
	if (file < 0)
		return NULL;
	strcat(strcat(path, "/"), names[peak]);
	errno = EACCES;
	if (!fstat(file, &status) && S_ISREG(status.st_mode) && status.st_uid == geteuid())
		in = fdopen(file, "r");
	if (!in)
		close(file);
	return in;
}

/* Writes SNAPSHOT to a new file NAME.  0, or -1 with errno and no file. */
static int write_new(int folder, const char *name, const struct snapshot *snapshot)
{
	int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *out = file < 0 ? NULL : fdopen(file, "w");
	int result = -1, error = errno;

	if (out) {
		result = json_write_flat(out, snapshot);
		error = errno;
		if (fclose(out) && !result) {
			result = -1;
			error = errno;
		}
	} else if (file >= 0) {
		close(file);
	}
	if (result && file >= 0)
		unlinkat(folder, name, 0);
	errno = error;
	return result;
}

static void forget(int folder)
{
	unlinkat(folder, names[0], 0);
	unlinkat(folder, names[1], 0);
}

/* A name of this process's for a file that is not finished. */
static void new_name(char *to, int which)
{
	sprintf(to, "%s" NEW "%ld", names[which], (long)getpid());
}

static int keep_both(int folder, const struct snapshot *const snapshots[2])
{
	char name[2][64];
	int error;

	for (int i = 0; i < 2; i++) {
		new_name(name[i], i);
		unlinkat(folder, name[i], 0);
	}
	if (!write_new(folder, name[0], snapshots[0]) &&
		!write_new(folder, name[1], snapshots[1]) &&
		!renameat(folder, name[0], folder, names[0]) &&
		!renameat(folder, name[1], folder, names[1]))
		return 0;
	error = errno;
	for (int i = 0; i < 2; i++)
		unlinkat(folder, name[i], 0);
	forget(folder);
	errno = error;
	return -1;
}

/* Removes what processes left that did not live to finish it. */
static void sweep(int folder)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!entries) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(entries))) {
		const char *mark = strstr(entry->d_name, NEW);
		long pid = mark ? atol(mark + strlen(NEW)) : 0;

		if (pid > 0 && kill((pid_t)pid, 0) && errno == ESRCH)
			unlinkat(folder, entry->d_name, 0);
	}
	closedir(entries);
}

int state_keep(const struct snapshot *end, const struct snapshot *peak, char why[static STATE_WHY])
{
	const struct snapshot *const snapshots[] = {end, peak};
	char path[STATE_PATH];
	const char *reason;
	size_t given;
	int folder, error, result;

	if (folder_path(path, &given, &reason)) {
		snprintf(why, STATE_WHY, "%s", reason);
		return -1;
	}
	error = make_folders(path, given);
	folder = open_folder(path);
	if (folder < 0) {
		snprintf(why, STATE_WHY, "%.180s: %s", path, strerror(error ? error : errno));
		return -1;
	}
	if (end->n > STATE_CONTEXTS || peak->n > STATE_CONTEXTS) {
		forget(folder);
		close(folder);
		snprintf(why, STATE_WHY, "it has %zu contexts; at most %d are kept",
			end->n > peak->n ? end->n : peak->n, STATE_CONTEXTS);
		return -1;
	}
	fchmod(folder, 0700);
	sweep(folder);
	result = keep_both(folder, snapshots);
	if (result)
		snprintf(why, STATE_WHY, "%.180s: %s", path, strerror(errno));
	close(folder);
	return result;
}
