/* SPDX-License-Identifier: MIT */
/*
 * What the option tables and descriptions are printed as: help, man pages, bash completion.
 *
 * All of it is ASCII, so that it reads the same in any locale.
 */
#include "cli.h"

#include <ctype.h>
#include <string.h>

#include "memctx.h"

enum { WIDTH = 80, HELP_COLUMN = 26 };

static const char tool_description[] =
	"Shows what memory contexts hold and why. A trace, recorded from a program or written by "
	"hand, is replayed through the real allocator; its report says where every byte went, at "
	"the peak and at the end.\n"
	"\n"
	"A TRACE is a text file in the format memctx-trace 1, plain or compressed by gzip, xz or "
	"zstd; - is standard input. Data goes to standard output, messages and progress to "
	"standard error; errors in a file open with FILE:LINE:COLUMN.";

static const char pipe_note[] =
	"A closed pipe ends the tool quietly: by SIGPIPE (141 in a shell), or with status 3 "
	"where SIGPIPE is ignored. An interrupt ends it by its signal (130 in a shell).";

/* ---- Filled text ---------------------------------------------------------------------- */

/* Prints the words of TEXT up to END from COLUMN on; lines after the first begin at INDENT. */
static void fill(FILE *out, const char *text, const char *end, int column, int indent)
{
	bool first = true;

	while (text < end) {
		int length = (int)strcspn(text, " \n");
		if (text + length > end)
			length = (int)(end - text);
		if (!first && column + 1 + length > WIDTH - 1) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (!first) {
			putc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", length, text);
		column += length;
		first = false;
		text += length;
		text += strspn(text, " ");
		if (*text == '\n')
			text++;
	}
	putc('\n', out);
}

void help_text(FILE *out, const char *text)
{
	while (*text != 0) {
		const char *end = text + strcspn(text, "\n");
		if (end == text || strncmp(text, "  ", 2) == 0)
			fprintf(out, "%.*s\n", (int)(end - text), text);
		else
			fill(out, text, end, 0, 0);
		text = *end == 0 ? end : end + 1;
	}
}

static void option_words(char *text, size_t size, const struct cli_option *option)
{
	snprintf(text, size, "%c%c%s--%s%s%s", option->letter != 0 ? '-' : ' ',
		option->letter != 0 ? option->letter : ' ', option->letter != 0 ? ", " : "  ",
		option->name, option->argument != NULL ? "=" : "",
		option->argument != NULL ? option->argument : "");
}

static void help_options(FILE *out, const struct cli_option *options)
{
	char words[80];

	for (; options != NULL && options->name != NULL; options++) {
		option_words(words, sizeof words, options);
		int column = fprintf(out, "  %s", words);
		if (column > HELP_COLUMN - 2) {
			putc('\n', out);
			column = 0;
		}
		fprintf(out, "%*s", HELP_COLUMN - column, "");
		fill(out, options->help, options->help + strlen(options->help), HELP_COLUMN,
			HELP_COLUMN);
	}
}

static void help_statuses(FILE *out)
{
	fputs("\nExit status\n", out);
	for (int status = 0; status < CLI_STATUSES; status++)
		fprintf(out, "  %d  %s\n", status, cli_status_meaning((enum cli_status)status));
}

static void help_commands(FILE *out)
{
	for (const struct command *const *command = cli_commands; *command != NULL; command++)
		fprintf(out, "  %-8s  %s\n", (*command)->name, (*command)->summary);
}

void help_short(FILE *out)
{
	fputs("usage: memctx-tool COMMAND [OPTIONS] [FILE]\n", out);
	help_commands(out);
	fputs("memctx-tool --help says more.\n", out);
}

void help_tool(FILE *out)
{
	fputs("usage: memctx-tool COMMAND [OPTIONS] [FILE]\n\n", out);
	help_text(out, tool_description);
	fputs("\nCommands\n", out);
	help_commands(out);
	fputs("\nOptions of every command\n", out);
	help_options(out, cli_global_options);
	help_statuses(out);
	putc('\n', out);
	help_text(out, pipe_note);
	fputs("\nmemctx-tool COMMAND --help and memctx-tool help TOPIC say more.\n", out);
}

static bool has_options(const struct command *command)
{
	return command->options != NULL && command->options[0].name != NULL;
}

static void synopsis(FILE *out, const struct command *command)
{
	fprintf(out, "memctx-tool %s [OPTIONS]%s%s", command->name,
		*command->operands != 0 ? " " : "", command->operands);
}

void help_command(FILE *out, const struct command *command)
{
	fputs("usage: ", out);
	synopsis(out, command);
	fputs("\n\n", out);
	help_text(out, command->description);
	if (has_options(command)) {
		fputs("\nOptions\n", out);
		help_options(out, command->options);
	}
	fputs("\nOptions of every command\n", out);
	help_options(out, cli_global_options);
	help_statuses(out);
}

/* ---- Man pages ------------------------------------------------------------------------ */

/* TEXT for troff, of which END is not part. */
static void man_escape(FILE *out, const char *text, const char *end)
{
	if (text < end && (*text == '.' || *text == '\''))
		fputs("\\&", out);
	for (; text < end; text++) {
		if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\\')
			fputs("\\e", out);
		else
			putc(*text, out);
	}
}

static void man_string(FILE *out, const char *text)
{
	man_escape(out, text, text + strlen(text));
}

/* A summary or an option's help: a capital first, a full stop last. */
static void man_sentence(FILE *out, const char *text)
{
	putc(toupper((unsigned char)*text), out);
	man_string(out, text + 1);
	fputs(".\n", out);
}

static void man_text(FILE *out, const char *text)
{
	bool verbatim = false;

	while (*text != 0) {
		const char *end = text + strcspn(text, "\n");
		bool is_verbatim = strncmp(text, "  ", 2) == 0;
		if (is_verbatim != verbatim)
			fputs(is_verbatim ? ".nf\n" : ".fi\n", out);
		verbatim = is_verbatim;
		if (end == text) {
			fputs(".PP\n", out);
		} else {
			man_escape(out, text, end);
			putc('\n', out);
		}
		text = *end == 0 ? end : end + 1;
	}
	if (verbatim)
		fputs(".fi\n", out);
}

static void man_options(FILE *out, const struct cli_option *options)
{
	for (; options != NULL && options->name != NULL; options++) {
		fputs(".TP\n", out);
		if (options->letter != 0)
			fprintf(out, "\\fB\\-%c\\fR, ", options->letter);
		fputs("\\fB\\-\\-", out);
		man_string(out, options->name);
		fputs("\\fR", out);
		if (options->argument != NULL) {
			fputs("=\\fI", out);
			man_string(out, options->argument);
			fputs("\\fR", out);
		}
		putc('\n', out);
		man_sentence(out, options->help);
	}
}

static void man_statuses(FILE *out)
{
	fputs(".SH EXIT STATUS\n", out);
	for (int status = 0; status < CLI_STATUSES; status++) {
		fprintf(out, ".TP\n.B %d\n", status);
		man_sentence(out, cli_status_meaning((enum cli_status)status));
	}
	fputs(".PP\n", out);
	man_text(out, pipe_note);
}

static void man_see_also(FILE *out, const struct command *self)
{
	fputs(".SH SEE ALSO\n", out);
	if (self != NULL)
		fputs(".BR memctx\\-tool (1),\n", out);
	for (const struct command *const *command = cli_commands; *command != NULL; command++)
		if (*command != self)
			fprintf(out, ".BR memctx\\-tool\\-%s (1),\n", (*command)->name);
	fputs(".BR memctx (3)\n", out);
}

static void man_command(FILE *out, const struct command *command)
{
	fprintf(out, ".SH NAME\nmemctx\\-tool\\-%s \\- ", command->name);
	man_string(out, command->summary);
	fprintf(out, "\n.SH SYNOPSIS\n.B memctx\\-tool %s\n[\\fIOPTIONS\\fR] \\fI", command->name);
	man_string(out, command->operands);
	fputs("\\fR\n.SH DESCRIPTION\n", out);
	man_text(out, command->description);
	fputs(".SH OPTIONS\n", out);
	man_options(out, command->options);
	man_options(out, cli_global_options);
}

static void man_tool(FILE *out)
{
	fputs(".SH NAME\nmemctx\\-tool \\- shows what memory contexts hold and why\n"
	      ".SH SYNOPSIS\n.B memctx\\-tool\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIFILE\\fR]\n"
	      ".SH DESCRIPTION\n",
		out);
	man_text(out, tool_description);
	fputs(".SH COMMANDS\n", out);
	for (const struct command *const *command = cli_commands; *command != NULL; command++) {
		fprintf(out, ".TP\n.B %s\n", (*command)->name);
		man_sentence(out, (*command)->summary);
	}
	fputs(".SH OPTIONS\n", out);
	man_options(out, cli_global_options);
	fputs(".SH ENVIRONMENT\n"
	      ".TP\n.B NO_COLOR\nIf set and not empty, no colours unless "
	      "\\fB\\-\\-color=always\\fR.\n"
	      ".TP\n.B LC_ALL, LC_CTYPE, LANG\nWhere they name no UTF\\-8 locale, output is "
	      "ASCII.\n"
	      ".TP\n.B XDG_STATE_HOME\nWhere the last replay is kept, in \\fImemctx/\\fR; "
	      "\\fI~/.local/state\\fR if not set.\n",
		out);
}

void help_man(FILE *out, const struct command *command)
{
	fprintf(out, ".\\\" Made by memctx-tool help --man %s; change cli/, not this file.\n",
		command != NULL ? command->name : "memctx-tool");
	fprintf(out, ".TH MEMCTX\\-TOOL%s", command != NULL ? "\\-" : "");
	for (const char *c = command != NULL ? command->name : ""; *c != 0; c++)
		putc(*c - 'a' + 'A', out);
	fprintf(out, " 1 \"\" \"memctx %s\"\n", memctx_version());
	if (command != NULL)
		man_command(out, command);
	else
		man_tool(out);
	man_statuses(out);
	man_see_also(out, command);
}

/* ---- Bash completion ------------------------------------------------------------------ */

static void completion_words(FILE *out, const struct cli_option *options)
{
	for (; options != NULL && options->name != NULL; options++)
		fprintf(out, " --%s%s", options->name, options->argument != NULL ? "=" : "");
}

/* A case for each option whose values are words. */
static void completion_values(FILE *out, const struct cli_option *options)
{
	for (; options != NULL && options->name != NULL; options++) {
		if (options->argument == NULL || strchr(options->argument, '|') == NULL)
			continue;
		fprintf(out, "\t--%s) words='", options->name);
		for (const char *c = options->argument; *c != 0; c++)
			putc(*c == '|' ? ' ' : *c, out);
		fputs("' ;;\n", out);
	}
}

static const char completion_head[] =
	"# Made by memctx-tool help --completion bash; change cli/, not this file.\n"
	"_memctx_tool()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	"\tlocal command='' words='' i\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in -* | '=') ;; *) command=${COMP_WORDS[i]}; break ;; esac\n"
	"\tdone\n"
	"\tCOMPREPLY=()\n"
	"\t# Readline splits --name=value in three words.\n"
	"\tif [[ $cur == = ]]; then cur=''; elif [[ $prev == = ]]; then "
	"prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
	"\tcase $prev in\n";

static const char completion_tail[] =
	"\tesac\n"
	"\tif [[ $cur == -* || -z $command ]]; then\n"
	"\t\twhile read -r i; do COMPREPLY+=(\"$i\"); done < <(compgen -W \"$words\" -- \"$cur\")\n"
	"\t\t[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace\n"
	"\telse\n"
	"\t\tcompopt -o filenames\n"
	"\t\twhile read -r i; do COMPREPLY+=(\"$i\"); done < <(compgen -f -- \"$cur\")\n"
	"\tfi\n"
	"}\n"
	"complete -F _memctx_tool memctx-tool ./memctx-tool\n";

void help_completion(FILE *out)
{
	fputs(completion_head, out);
	completion_values(out, cli_global_options);
	for (const struct command *const *command = cli_commands; *command != NULL; command++)
		completion_values(out, (*command)->options);
	fputs("\tesac\n"
	      "\tif [[ -n $words ]]; then\n"
	      "\t\twhile read -r i; do COMPREPLY+=(\"$i\"); done < <(compgen -W \"$words\" -- "
	      "\"$cur\")\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tcase $command in\n"
	      "\t'') words='",
		out);
	for (const struct command *const *command = cli_commands; *command != NULL; command++)
		fprintf(out, "%s ", (*command)->name);
	completion_words(out, cli_global_options);
	fputs("' ;;\n", out);
	for (const struct command *const *command = cli_commands; *command != NULL; command++) {
		fprintf(out, "\t%s) words='", (*command)->name);
		completion_words(out, (*command)->options);
		completion_words(out, cli_global_options);
		fputs("' ;;\n", out);
	}
	fputs(completion_tail, out);
}
