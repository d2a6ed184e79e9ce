/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool: finds the command and runs it; what it printed must have got out for the tool to
 * succeed.
 */
#include "memctx.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct command command_demo, command_diff, command_replay, command_tree,
	command_events, command_advise, command_check, command_compare, command_fmt, command_help,
	command_leaks, command_ps, command_record, command_stat, command_tui;

const struct command *const cli_commands[] = {
	&command_replay,
	&command_tree,
	&command_tui,
	&command_ps,
	&command_record,
	&command_stat,
	&command_events,
	&command_diff,
	&command_leaks,
	&command_compare,
	&command_advise,
	&command_demo,
	&command_check,
	&command_fmt,
	&command_help,
	NULL,
};

const char *cli_status_meaning(enum cli_status status)
{
	static const char *const meanings[CLI_STATUSES] = {
		[CLI_DONE] = "done",
		[CLI_REFUSED] = "the input was refused, or the target is gone or cannot be read",
		[CLI_USAGE] = "the command line is wrong",
		[CLI_SYSTEM] = "the system failed: memory, a write, a missing terminal",
		[CLI_LIMIT] = "a limit given on the command line was exceeded",
	};

	return meanings[status];
}

const struct command *cli_find_command(const char *name)
{
	for (const struct command *const *command = cli_commands; *command != NULL; command++)
		if (strcmp((*command)->name, name) == 0)
			return *command;
	return NULL;
}

/*
 * With one of the standard descriptors closed, the next file opened would take its place and get
 * our output.  What stands there instead cannot be used, so using it is an error as it should be.
 */
static void fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
			continue;
		if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(CLI_SYSTEM);
	}
}

/*
 * Of the locale only the character set matters: figures are to look the same everywhere.  Where
 * the environment names a UTF-8 locale that is not installed, the terminal shows UTF-8 all the
 * same.
 */
static bool locale_is_utf8(void)
{
	const char *wanted = getenv("LC_ALL");

	if (wanted == NULL || *wanted == 0)
		wanted = getenv("LC_CTYPE");
	if (wanted == NULL || *wanted == 0)
		wanted = getenv("LANG");
	if (setlocale(LC_CTYPE, "") == NULL && wanted != NULL &&
		(strcasestr(wanted, "UTF-8") != NULL || strcasestr(wanted, "UTF8") != NULL))
		setlocale(LC_CTYPE, "C.UTF-8");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static bool is_color_wanted(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == 0) && term != NULL &&
	       strcmp(term, "dumb") != 0;
}

static int unknown_command(const char *name)
{
	const char *names[32] = {0};

	for (size_t i = 0; i < 31 && cli_commands[i] != NULL; i++)
		names[i] = cli_commands[i]->name;
	const char *near = cli_nearest(name, names);
	if (near != NULL)
		cli_error("unknown command %s; did you mean %s?", name, near);
	else
		cli_error("unknown command %s (memctx-tool --help lists them)", name);
	return CLI_USAGE;
}

/* Alone on a terminal the tool asks what to look at. */
static int choose(void)
{
	char name[] = "tui", option[] = "--choose";
	char *argv[] = {name, option, NULL};

	return command_tui.exec(&command_tui, 2, argv);
}

static int run(int argc, char **argv)
{
	struct cli_args args = {.argc = argc, .argv = argv};

	if (cli_next(&args) == CLI_STOP)
		return args.status;
	if (args.n_operands == 0 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return choose();
	if (args.n_operands == 0) {
		help_short(stderr);
		return CLI_USAGE;
	}
	const struct command *command = cli_find_command(args.operands[0]);
	if (command == NULL)
		return unknown_command(args.operands[0]);
	return command->exec(command, args.n_operands, args.operands);
}

static void go_on(int number)
{
	(void)number;
}

/*
 * Past RLIMIT_FSIZE a write fails, as on a full disk, and does not end the tool.  A handler, since
 * what record starts is to find the signal as it was.
 */
static void outlive_file_limit(void)
{
	struct sigaction action = {.sa_handler = go_on, .sa_flags = SA_RESTART}, old;

	if (sigaction(SIGXFSZ, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
		sigaction(SIGXFSZ, &action, NULL);
}

int main(int argc, char **argv)
{
	fill_standard_descriptors();
	outlive_file_limit();
	/* The contexts of a replay are nobody's to look into. */
	memctx_publish(false);
	cli_settings.utf8 = locale_is_utf8();
	cli_settings.color = is_color_wanted();
	cli_settings.progress = isatty(STDERR_FILENO);
	return cli_close_output(run(argc, argv));
}
