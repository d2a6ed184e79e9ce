/* SPDX-License-Identifier: MIT */
/*
 * Messages, progress, and the end of stdout.
 *
 * A message is one line whatever it quotes.  A progress line never outlives the work: it is erased
 * at the end, before any message, and by the signals that end the tool.
 */
#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/display.h"
#include "model/source.h"

enum { LONGEST = 4000 }; /* a message; "…" and "..." are 3 bytes each */

struct cli_settings cli_settings;

static volatile sig_atomic_t progress_shown;
static const char *volatile unfinished_file;

static const char erase_line[] = "\r\033[K";

/* The project's own messages quote with an ellipsis, which ASCII has in three dots. */
static void spell_ellipsis(char *to, const char *from)
{
	const char *found;

	while ((found = strstr(from, "…")) != NULL) {
		memcpy(to, from, (size_t)(found - from));
		to = stpcpy(to + (found - from), "...");
		from = found + strlen("…");
	}
	strcpy(to, from);
}

/* Shows TEXT made harmless, so that a name can neither break nor steer a line. */
static void put_line(const char *prefix, const char *text)
{
	char spelt[LONGEST], shown[DISPLAY_SIZE(LONGEST)];

	if (!cli_settings.utf8) {
		spell_ellipsis(spelt, text);
		text = spelt;
	}
	display_fit(shown, text, LONGEST, cli_settings.utf8 ? 0 : DISPLAY_ASCII);
	cli_progress_end();
	fprintf(stderr, "%s%s\n", prefix, shown);
}

static void put_message(const char *prefix, const char *format, va_list list)
{
	char text[LONGEST];

	vsnprintf(text, sizeof text, format, list);
	put_line(prefix, text);
}

void cli_error(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	put_message("memctx-tool: ", format, list);
	va_end(list);
}

void cli_message(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	put_message("", format, list);
	va_end(list);
}

const char *cli_path_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : *path == 0 ? "\"\"" : path;
}

bool cli_reads_once(const char *path)
{
	struct stat info;

	return strcmp(path, "-") == 0 || (stat(path, &info) == 0 && S_ISFIFO(info.st_mode));
}

/* In the project's own words where the system's would not help. */
static const char *reason(int error)
{
	switch (error) {
	case ENOENT:
		return "no such file";
	case EISDIR:
		return "is a directory; expected a file";
	case EACCES:
		return "not allowed to read it";
	case ENOMEM:
		return "out of memory";
	default:
		return strerror(error);
	}
}

void cli_system_error(const char *path, int error)
{
	cli_error("%s: %s", cli_path_name(path), reason(error));
}

static bool is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

const char *cli_samples(char path[static PATH_MAX])
{
	static const char from_bin[] = "/../share/memctx/traces";
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof from_bin);
	char *slash;

	if (is_directory("traces"))
		return "traces";
	if (length <= 0)
		return NULL;
	path[length] = 0;
	slash = strrchr(path, '/');
	if (slash == NULL)
		return NULL;
	strcpy(slash, from_bin);
	char *resolved = realpath(path, NULL);
	if (resolved == NULL)
		return NULL;
	strcpy(path, resolved);
	free(resolved);
	return is_directory(path) ? path : NULL;
}

/* Whether PATH is the number of a process that there is. */
static bool is_process(const char *path)
{
	char folder[40];

	if (!source_is_pid(path))
		return false;
	snprintf(folder, sizeof folder, "/proc/%.20s", path);
	return is_directory(folder);
}

void cli_open_error(const char *path, int error)
{
	char folder[PATH_MAX];
	const char *samples = error == ENOENT ? cli_samples(folder) : NULL;

	if (error == ENOENT && is_process(path))
		cli_error("%s: no such file; expected a trace, as memctx-tool record %s makes one "
			  "of the process",
			path, path);
	else if (samples != NULL)
		cli_error(
			"%s: no such file (samples to replay: %s/)", cli_path_name(path), samples);
	else
		cli_system_error(path, error);
}

/* Only what may be called in a handler. */
static void clean_and_die(int signal_number)
{
	if (unfinished_file != NULL)
		unlink(unfinished_file);
	if (progress_shown) {
		ssize_t ignored = write(STDERR_FILENO, erase_line, sizeof erase_line - 1);
		(void)ignored;
	}
	raise(signal_number); /* SA_RESETHAND has put the default back */
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	static bool caught;
	struct sigaction action = {.sa_handler = clean_and_die}, old;

	action.sa_flags = (int)(SA_RESETHAND | SA_NODEFER);
	for (size_t i = 0; !caught && i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
	caught = true;
}

void cli_unfinished(const char *path)
{
	catch_signals();
	unfinished_file = path;
}

void cli_progress(const char *format, ...)
{
	va_list list;

	if (!cli_settings.progress)
		return;
	catch_signals();
	progress_shown = 1;
	fputs(erase_line, stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fflush(stderr);
}

void cli_progress_end(void)
{
	if (!progress_shown)
		return;
	fputs(erase_line, stderr);
	fflush(stderr);
	progress_shown = 0;
}

/* Of the first write to stdout that failed; stdio keeps that it did, but not why. */
static int output_error;

void cli_look_at_output(void)
{
	if (output_error == 0 && ferror(stdout))
		output_error = errno;
}

int cli_close_output(int status)
{
	int error;

	cli_progress_end();
	if (output_error == 0)
		errno = 0;
	bool failed = fflush(stdout) != 0 || ferror(stdout);
	error = output_error != 0 ? output_error : errno;
	/* Some file systems tell of a full disk only here. */
	if (fclose(stdout) != 0 && !failed) {
		failed = true;
		error = errno;
	}
	if (!failed || status != CLI_DONE)
		return status;
	if (error != EPIPE) /* whoever read us had enough: nothing to say */
		cli_error("standard output: %s", error != 0 ? strerror(error) : "a write failed");
	return CLI_SYSTEM;
}
