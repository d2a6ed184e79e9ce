/* SPDX-License-Identifier: MIT */
/*
 * The command line: getopt_long() fed from a command's option table, with messages that name what
 * was probably meant.  The global options are taken wherever they stand.
 */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memctx.h"
#include "model/live.h"
#include "model/size.h"

enum { MAX_OPTIONS = 40, GLOBAL = 1000, LOCAL = 2000 };

enum { GLOBAL_HELP, GLOBAL_VERSION, GLOBAL_COLOR, GLOBAL_BYTES };

const struct cli_option cli_global_options[] = {
	[GLOBAL_HELP] = {'h', "help", NULL, "show this help"},
	[GLOBAL_VERSION] = {0, "version", NULL, "show the version"},
	[GLOBAL_COLOR] = {0, "color", "auto|always|never",
		"colours; auto: on a terminal, unless NO_COLOR is set"},
	[GLOBAL_BYTES] = {0, "bytes", NULL, "exact sizes in bytes"},
	{0},
};

struct getopt_tables {
	struct option names[MAX_OPTIONS];
	char letters[2 * MAX_OPTIONS + 3];
	const char *words[MAX_OPTIONS];
	int n;
};

static void tables_add(struct getopt_tables *tables, const struct cli_option *options, int first)
{
	char *letter = tables->letters + strlen(tables->letters);

	for (int i = 0; options != NULL && options[i].name != NULL; i++) {
		bool takes = options[i].argument != NULL;
		if (tables->n == MAX_OPTIONS - 1)
			abort();
		tables->names[tables->n] = (struct option){
			options[i].name, takes ? required_argument : no_argument, NULL, first + i};
		tables->words[tables->n++] = options[i].name;
		if (options[i].letter != 0) {
			*letter++ = options[i].letter;
			if (takes)
				*letter++ = ':';
		}
	}
}

static void tables_make(struct getopt_tables *tables, const struct command *command)
{
	memset(tables, 0, sizeof *tables);
	strcpy(tables->letters, command == NULL ? "+:" : ":");
	if (command != NULL)
		tables_add(tables, command->options, LOCAL);
	tables_add(tables, cli_global_options, GLOBAL);
}

static int find_letter(const struct command *command, int letter)
{
	const struct cli_option *options = command != NULL ? command->options : NULL;

	for (int i = 0; options != NULL && options[i].name != NULL; i++)
		if (options[i].letter == letter)
			return LOCAL + i;
	for (int i = 0; cli_global_options[i].name != NULL; i++)
		if (cli_global_options[i].letter == letter)
			return GLOBAL + i;
	return -1;
}

int cli_usage(const struct cli_args *args, const char *format, ...)
{
	char text[400];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	if (args->command != NULL)
		cli_error("%s: %s", args->command->name, text);
	else
		cli_error("%s", text);
	return CLI_USAGE;
}

/* An option that no table has: says so, with what is near. */
static void unknown_option(const struct cli_args *args, const struct getopt_tables *tables)
{
	const char *text = args->argv[optind - 1];
	char word[64];
	int same = 0;

	if (optopt != 0) {
		cli_usage(args, "unknown option -%c (memctx-tool %s%s--help)", optopt,
			args->command != NULL ? args->command->name : "",
			args->command != NULL ? " " : "");
		return;
	}
	snprintf(word, sizeof word, "%.*s", (int)strcspn(text + 2, "="), text + 2);
	for (int i = 0; i < tables->n; i++)
		same += strncmp(tables->words[i], word, strlen(word)) == 0;
	const char *near = cli_nearest(word, tables->words);
	if (same > 1)
		cli_usage(args, "option --%s is ambiguous", word);
	else if (near != NULL)
		cli_usage(args, "unknown option --%s; did you mean --%s?", word, near);
	else
		cli_usage(args, "unknown option --%s (memctx-tool %s%s--help)", word,
			args->command != NULL ? args->command->name : "",
			args->command != NULL ? " " : "");
}

/* What getopt_long() refused, in one line. */
static int bad_option(struct cli_args *args, const struct getopt_tables *tables, int got)
{
	const char *name = NULL, *wants = NULL;
	char letter[2] = {(char)optopt, 0};
	int code = optopt >= GLOBAL ? optopt
		   : optopt != 0    ? find_letter(args->command, optopt)
				    : -1;

	if (code >= GLOBAL) {
		const struct cli_option *option = code >= LOCAL
							  ? &args->command->options[code - LOCAL]
							  : &cli_global_options[code - GLOBAL];
		name = optopt >= GLOBAL ? option->name : letter;
		wants = option->argument;
	}
	if (got == ':' && name != NULL)
		cli_usage(args, "option %s%s needs a value: %s", name == letter ? "-" : "--", name,
			wants);
	else if (name != NULL)
		cli_usage(args, "option --%s takes no value", name);
	else
		unknown_option(args, tables);
	args->status = CLI_USAGE;
	return CLI_STOP;
}

static int set_color(struct cli_args *args, const char *when)
{
	if (strcmp(when, "always") == 0)
		cli_settings.color = true;
	else if (strcmp(when, "never") == 0)
		cli_settings.color = false;
	else if (strcmp(when, "auto") != 0) {
		args->status = cli_usage(args, "--color=%s: expected auto, always or never", when);
		return CLI_STOP;
	}
	return 0;
}

/* 0: dealt with, go on; CLI_STOP. */
static int global_option(struct cli_args *args, int which)
{
	switch (which) {
	case GLOBAL_HELP:
		if (args->command != NULL)
			help_command(stdout, args->command);
		else
			help_tool(stdout);
		break;
	case GLOBAL_VERSION:
		printf("memctx-tool %s\n", memctx_version());
		break;
	case GLOBAL_COLOR:
		return set_color(args, optarg);
	case GLOBAL_BYTES:
		cli_settings.bytes = true;
		return 0;
	}
	args->status = CLI_DONE;
	return CLI_STOP;
}

int cli_next(struct cli_args *args)
{
	struct getopt_tables tables;

	tables_make(&tables, args->command);
	if (!args->started) {
		args->started = true;
		optind = 0; /* glibc: start anew */
		opterr = 0;
	}
	for (;;) {
		optopt = 0;
		int got = getopt_long(args->argc, args->argv, tables.letters, tables.names, NULL);
		if (got == -1)
			break;
		if (got == '?' || got == ':')
			return bad_option(args, &tables, got);
		if (got < GLOBAL)
			got = find_letter(args->command, got);
		args->value = optarg;
		if (got >= LOCAL)
			return got - LOCAL;
		if (global_option(args, got - GLOBAL) == CLI_STOP)
			return CLI_STOP;
	}
	args->operands = args->argv + optind;
	args->n_operands = args->argc - optind;
	return CLI_END;
}

bool cli_count_operands(struct cli_args *args, int min, int max)
{
	args->status = CLI_USAGE;
	if (args->n_operands < min) {
		cli_usage(args, "%s is missing (memctx-tool %s --help)", args->command->operands,
			args->command->name);
		return false;
	}
	if (max >= 0 && args->n_operands > max) {
		cli_usage(args, "one argument too many: %s", args->operands[max]);
		return false;
	}
	args->status = CLI_DONE;
	return true;
}

bool cli_parse_number(const char *text, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	if (errno != 0 || *end != 0)
		return false;
	*number = value;
	return true;
}

bool cli_parse_pid(const char *text, pid_t *pid)
{
	*pid = live_pid(text);
	return *pid > 0;
}

int cli_parse_memory(const struct cli_args *args, uint64_t *bytes)
{
	if (size_parse(args->value, bytes) == 0 && *bytes > 0)
		return CLI_DONE;
	return cli_usage(args, "--memory=%s: expected bytes, as 512M", args->value);
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Edits (insert, delete, replace, swap of neighbours) that make A of B; words over 63 bytes are
 * cut. */
static size_t distance(const char *a, const char *b)
{
	size_t row[3][64] = {0}, n = strnlen(a, 63), m = strnlen(b, 63);

	for (size_t j = 0; j <= m; j++)
		row[1][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *now = row[(i + 1) % 3], *last = row[i % 3], *before = row[(i + 2) % 3];
		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t cost = a[i - 1] != b[j - 1];
			now[j] = smallest(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return row[(n + 1) % 3][m];
}

const char *cli_nearest(const char *word, const char *const *names)
{
	const char *best = NULL;
	size_t length = strlen(word), least = length < 4 ? 2 : length < 8 ? 3 : 4;

	for (; *names != NULL; names++) {
		size_t edits = distance(word, *names);
		if (length >= 3 && strncmp(word, *names, length) == 0)
			edits = 1;
		if (edits < least) {
			least = edits;
			best = *names;
		}
	}
	return best;
}
