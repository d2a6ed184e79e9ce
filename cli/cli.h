/* SPDX-License-Identifier: MIT */
/*
 * What the commands of memctx-tool share: the form of a command, exit statuses, options, messages.
 *
 * A command is one file, cmd_NAME.c, that holds one const struct command; main.c lists them.  Help,
 * man pages and completion are printed from these tables, so none can drift from what is parsed.
 * Data goes to stdout; messages and progress go to stderr, and every message is one line.
 */
#ifndef CLI_H
#define CLI_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum cli_status {
	CLI_DONE = 0,    /* what was asked for is done */
	CLI_REFUSED = 1, /* the input was refused, or the target is gone or cannot be read */
	CLI_USAGE = 2,   /* the command line is wrong */
	CLI_SYSTEM = 3,  /* the system failed: memory, a write, a missing terminal */
	CLI_LIMIT = 4,   /* a limit given on the command line was exceeded */
	CLI_STATUSES,
};

/* An option.  Tables are indexed by the command's own enum and end with a zeroed element. */
struct cli_option {
	char letter;          /* 'k' for -k; 0: none */
	const char *name;     /* "keep-going" */
	const char *argument; /* "BYTES"; "auto|always" where words are meant; NULL: takes none */
	const char *help;     /* one line, no full stop */
};

struct command {
	const char *name;
	const char *summary;  /* one line, no full stop */
	const char *operands; /* "TRACE"; "" where there are none */
	/* Paragraphs apart by an empty line; lines that begin with two blanks are printed as they
	 * are. */
	const char *description;
	const struct cli_option *options;
	/* ARGV[0] is the command's name.  Returns an exit status; need not close stdout. */
	int (*exec)(const struct command *self, int argc, char **argv);
};

/* Every command, in the order of the help; ends with NULL. */
extern const struct command *const cli_commands[];

/* The options that hold for every command. */
extern const struct cli_option cli_global_options[];

/* How to print, settled by main() and the global options before a command's options end. */
struct cli_settings {
	bool utf8;     /* the locale can show · … × and bars of eighths */
	bool color;    /* of stdout */
	bool bytes;    /* --bytes: exact sizes */
	bool progress; /* stderr is a terminal */
};
extern struct cli_settings cli_settings;

/* What a status means, for help and man pages. */
const char *cli_status_meaning(enum cli_status status);

/* ---- Options (options.c) -------------------------------------------------------------- */

/* What cli_next() returns besides an index of the command's table. */
enum { CLI_END = -1, CLI_STOP = -2 };

/*
 * The parse of a command line:
 *
 *	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
 *	int option;
 *	while ((option = cli_next(&args)) >= 0)
 *		switch (option) { case OPTION_MEMORY: … args.value … }
 *	if (option == CLI_STOP)
 *		return args.status;
 *	… args.operands[0 .. args.n_operands - 1] …
 */
struct cli_args {
	const struct command
		*command; /* NULL: the tool itself; its options end at the first operand */
	int argc;
	char **argv;
	const char *value; /* of the option just returned */
	int status;        /* CLI_STOP: what to exit with; help was printed, or the error said */
	char **operands;   /* CLI_END */
	int n_operands;
	bool started;
};

/*
 * The next option's index in the command's table; CLI_END after the last; CLI_STOP where the
 * command is to return args->status.  Global options are dealt with on the way.
 */
int cli_next(struct cli_args *args);

/*
 * Whether between MIN and MAX operands (-1: any number) were given; else says what is missing or
 * too much, and args->status is CLI_USAGE.
 */
bool cli_count_operands(struct cli_args *args, int min, int max);

/* Says "memctx-tool: COMMAND: FORMAT…" and returns CLI_USAGE. */
int cli_usage(const struct cli_args *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A decimal number of the whole string; false: it is none, or over 64 bits, and *NUMBER stays. */
bool cli_parse_number(const char *text, uint64_t *number);
/* Likewise one that a process may have, from 1 on; else *PID is 0. */
bool cli_parse_pid(const char *text, pid_t *pid);
/* What --memory was given, some bytes and not none; CLI_DONE, or CLI_USAGE with the reason said. */
int cli_parse_memory(const struct cli_args *args, uint64_t *bytes);
/* The help of it, where a replay's is but one of the sources. */
#define CLI_MEMORY_HELP "most memory that a replay's contexts may take (suffix K, M, G)"

/*
 * The nearest of NAMES (ends with NULL) to WORD, or NULL where none is near enough to be meant.
 */
const char *cli_nearest(const char *word, const char *const *names);

/* ---- Messages and progress (output.c) ------------------------------------------------- */

/* One line on stderr, "memctx-tool: " first; control characters are shown as \xHH. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same without the prefix, for messages that open with FILE:LINE:COLUMN. */
void cli_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The path as messages show it: "-" is "standard input". */
const char *cli_path_name(const char *path);

/* Whether what PATH names can be read but once: standard input, or a pipe. */
bool cli_reads_once(const char *path);

/* Says why PATH could not be read or written, from an errno. */
void cli_system_error(const char *path, int error);
/* Likewise for a trace that is not there, naming the samples where they are found. */
void cli_open_error(const char *path, int error);

/* Where sample traces are: here, or where the tool is installed; NULL: neither. */
const char *cli_samples(char path[static PATH_MAX]);

/* Shows a line of progress in place of the last; does nothing where stderr is no terminal. */
void cli_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Erases the line; call before anything else is printed.  A signal that ends the tool does it too.
 */
void cli_progress_end(void);

/* Names a file that a signal which ends the tool is to remove; NULL: none any more. */
void cli_unfinished(const char *path);

/* Called after much was printed, and before errno is another: keeps why a write failed. */
void cli_look_at_output(void);

/*
 * Flushes and closes stdout.  Returns STATUS, or CLI_SYSTEM with the reason said where what was
 * written did not get out and STATUS would have been success.
 */
int cli_close_output(int status);

/* ---- Help (help.c) -------------------------------------------------------------------- */

void help_tool(FILE *out);
void help_short(FILE *out);
void help_command(FILE *out, const struct command *command);
/* A man page: COMMAND NULL is the tool's own. */
void help_man(FILE *out, const struct command *command);
void help_completion(FILE *out);
/* Prints TEXT (as in struct command.description) filled to 80 columns. */
void help_text(FILE *out, const char *text);
const struct command *cli_find_command(const char *name);

#endif
