/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool fmt: a trace in normal form.
 *
 * A file written with --output appears whole or not at all: it is written beside its name, and
 * takes it only once it is complete.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/shortage.h"
#include "model/trace.h"

enum { OPTION_OUTPUT };

static const struct cli_option options[] = {
	[OPTION_OUTPUT] = {'o', "output", "FILE", "write there; FILE may be TRACE itself"},
	{0},
};

/* Writes TRACE's normal form to OUT, and says what goes wrong. */
static int normalise(const char *path, FILE *out, const char *out_name)
{
	struct trace_error error = {0};
	int result = trace_normalise(path, out, &error);

	if (result == 0)
		return CLI_DONE;
	if (result == 3) {
		if (errno != EPIPE)
			cli_error("%s: %s", out_name, strerror(errno));
		return CLI_SYSTEM;
	}
	if (error.system != 0)
		cli_open_error(path, error.system);
	else if (error.line == 0)
		cli_error("%s: %s", cli_path_name(path), error.message);
	else
		cli_message("%s:%llu:%llu: %s", cli_path_name(path), (unsigned long long)error.line,
			(unsigned long long)error.column, error.message);
	return is_shortage(error.system) ? CLI_SYSTEM : CLI_REFUSED;
}

/* Gives the new file the mode of what it replaces, else that of a new file. */
static int take_mode(int fd, const char *path)
{
	struct stat old;
	mode_t mask = umask(0);

	umask(mask);
	return fchmod(fd, stat(path, &old) == 0 ? old.st_mode & 07777 : 0666 & ~mask);
}

static int say_failed(const char *target)
{
	cli_error("%s: %s", target, strerror(errno));
	return CLI_SYSTEM;
}

/* Writes to OUT, and has it on the disk where there is one. */
static int write_out(const char *path, FILE *out, const char *target)
{
	int status = normalise(path, out, target);

	if (status != CLI_DONE)
		return status;
	if (fflush(out) != 0 || ferror(out))
		return say_failed(target);
	if (fsync(fileno(out)) != 0 && errno != EINVAL && errno != ENOTSUP)
		return say_failed(target);
	return CLI_DONE;
}

/* TARGET is no ordinary file: nothing may take its place. */
static int write_device(const char *path, const char *target)
{
	FILE *out = fopen(target, "w");

	if (out == NULL)
		return say_failed(target);
	int status = write_out(path, out, target);
	if (fclose(out) != 0 && status == CLI_DONE)
		status = say_failed(target);
	return status;
}

static int write_beside(const char *path, const char *target, char *name)
{
	int status, fd = mkstemp(name);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (fd >= 0)
		cli_unfinished(name);
	if (out == NULL || take_mode(fd, target) != 0)
		status = say_failed(target);
	else
		status = write_out(path, out, target);
	if (out != NULL && fclose(out) != 0 && status == CLI_DONE)
		status = say_failed(target);
	else if (out == NULL && fd >= 0)
		close(fd);
	if (status == CLI_DONE && rename(name, target) != 0)
		status = say_failed(target);
	if (status != CLI_DONE && fd >= 0)
		unlink(name);
	cli_unfinished(NULL);
	return status;
}

static int write_file(const char *path, const char *target)
{
	char *link = realpath(target, NULL);
	const char *file = link != NULL ? link : target;
	size_t size = strlen(file) + sizeof ".XXXXXX";
	char *name = malloc(size);
	struct stat old;
	int status = CLI_SYSTEM;

	if (name == NULL) {
		say_failed(target);
	} else if (stat(file, &old) == 0 && !S_ISREG(old.st_mode)) {
		status = write_device(path, file);
	} else {
		snprintf(name, size, "%s.XXXXXX", file);
		status = write_beside(path, file, name);
	}
	free(name);
	free(link);
	return status;
}

static int run_fmt(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	const char *target = NULL;
	int option;

	while ((option = cli_next(&args)) >= 0)
		target = args.value;
	if (option == CLI_STOP || !cli_count_operands(&args, 1, 1))
		return args.status;
	if (target != NULL)
		return write_file(args.operands[0], target);
	return normalise(args.operands[0], stdout, "standard output");
}

const struct command command_fmt = {
	.name = "fmt",
	.summary = "print a trace in normal form",
	.operands = "TRACE",
	.description =
		"Prints TRACE in normal form: one blank between fields, decimal numbers, keys in "
		"alphabetical order, the fewest escapes, LF at every line's end. Comments and "
		"empty lines stay where they stand. A trace in normal form comes back byte for "
		"byte.\n"
		"\n"
		"At an error the tool stops with status 1; what precedes the error has been "
		"printed by then. With --output the file is written whole or not at all.\n"
		"\n"
		"  memctx-tool fmt old.trace > new.trace\n"
		"  memctx-tool fmt --output=my.trace my.trace\n",
	.options = options,
	.exec = run_fmt,
};
