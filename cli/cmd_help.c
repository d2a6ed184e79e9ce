/* SPDX-License-Identifier: MIT */
/*
 * memctx-tool help: topics, and what is generated from the command tables.
 */
#include "cli.h"

#include <string.h>

struct topic {
	const char *name, *summary, *text;
};

static const char trace_text[] =
	"A minimal trace, which memctx-tool replay takes:\n"
	"\n"
	"  memctx-trace 1\n"
	"  create 1 - aset \"TopMemoryContext\"\n"
	"  create 2 1 aset \"MessageContext\" init=8192 max=8388608\n"
	"  alloc 1 1 48\n"
	"  alloc 2 2 100\n"
	"  realloc 2 400\n"
	"  free 1\n"
	"  reset 2\n"
	"\n"
	"The first line is as it stands; then comes one event a line, in the order in which they "
	"happened. Empty lines and lines that begin with # say nothing.\n"
	"\n"
	"  create CTX PARENT KIND \"NAME\" [init= max= min= chunk= block= ident=\"...\"]\n"
	"  ident CTX \"TEXT\"               which one CTX is among contexts of its name\n"
	"  alloc CTX CHUNK SIZE [align=]\n"
	"  realloc CHUNK SIZE [NEWCHUNK]\n"
	"  free CHUNK\n"
	"  reset CTX                      frees its chunks, deletes what is below it\n"
	"  resetonly CTX                  frees its chunks, leaves what is below it\n"
	"  delete CTX                     with everything below it\n"
	"  deletechildren CTX\n"
	"  move CTX PARENT\n"
	"  base CTX SIZE COUNT            chunks whose allocation was not seen\n"
	"  freebase CTX SIZE              one of those is freed\n"
	"  lost N                         N events that stood here are not known\n"
	"  time NS                        nanoseconds since the trace began\n"
	"  thread T                       who made the events that follow\n"
	"\n"
	"PARENT is - for a root; KIND is aset, slab, generation, bump or malloc. CTX and CHUNK are "
	"numbers of the writer's choice, decimal or 0x hexadecimal, up to 64 bits; addresses "
	"will do. A number may be used again once what it named is gone. SIZE is in bytes, as "
	"asked for.\n"
	"\n"
	"Event numbers count the lines from create to freebase, from 1. memctx-tool check says "
	"whether a trace is valid, memctx-tool fmt prints its normal form.\n";

static const char json_text[] =
	"memctx-tool replay --json prints one object. Sizes are numbers of bytes; what is not "
	"known is null. Its schema, and those of what tree, diff, leaks, compare and advise print "
	"with --json, are the files memctx-COMMAND.schema.json that are installed in "
	"share/memctx.\n"
	"\n"
	"  schema, version     \"memctx-replay\", 1\n"
	"  events              each word of the trace to its count, skipped ones not\n"
	"  events_seen         all, skipped ones too\n"
	"  skipped, skips      lines passed over, and why\n"
	"  allocations         carved, reused (from a freelist), large (from the system)\n"
	"  contexts_created, empty_resets, threads, lost, time_ns\n"
	"  peak, end           each an object: event, time_ns, live_contexts,\n"
	"                      live_chunks, requested_bytes, total_bytes, free_bytes,\n"
	"                      used_bytes, slack_bytes, header_bytes, freelist_bytes,\n"
	"                      tail_bytes, total_nblocks, free_chunks, large_chunks,\n"
	"                      large_bytes, classes (each size, live, free, slack) ...;\n"
	"                      lists: the same where some are no powers of two\n"
	"  peak_requested_bytes, peak_live_chunks\n"
	"                      each the greatest over the run\n"
	"  kinds_replaced      contexts replayed as another kind than their own\n"
	"  elapsed_seconds, events_per_second\n"
	"\n"
	"Everywhere total_bytes = requested_bytes + slack_bytes + header_bytes + freelist_bytes "
	"+ tail_bytes, free_bytes = freelist_bytes + tail_bytes, and used_bytes = total_bytes - "
	"free_bytes.\n";

static const char words_text[] =
	"  context     a node of the tree; it owns memory, and its chunks die with it\n"
	"  block       memory obtained from the system, owned by one context\n"
	"  keeper      a context's first block, which a reset leaves\n"
	"  chunk       what an allocation returns: a piece of a block, behind its header\n"
	"  size class  chunk sizes are powers of two from 8 bytes to 8 KiB\n"
	"  freelist    a context's free chunks of one class; allocations take these first\n"
	"  large chunk over 8 KiB (or a quarter of a smaller max): alone in its block, to\n"
	"              and from the system, never on a freelist\n"
	"  carved      cut from the never-used end of a block\n"
	"  tail        that end\n"
	"  slack       what a chunk has over the size asked for\n"
	"  total       asked for + slack + headers + freelists + tails, exactly\n"
	"  peak        the first event after which total is greatest\n";

static const struct topic topics[] = {
	{"trace", "the trace format, with a minimal trace", trace_text},
	{"words", "what the reports' words mean", words_text},
	{"json", "the object that replay --json prints", json_text},
	{"status", "exit statuses", NULL},
};

enum { TOPICS = sizeof topics / sizeof *topics };

enum { OPTION_MAN, OPTION_COMPLETION };

static const struct cli_option options[] = {
	[OPTION_MAN] = {0, "man", "NAME", "print a man page: of a command, or of memctx-tool"},
	[OPTION_COMPLETION] = {0, "completion", "SHELL", "print completion code; SHELL is bash"},
	{0},
};

static void list_topics(void)
{
	puts("memctx-tool help TOPIC, where TOPIC is a command or one of");
	for (int i = 0; i < TOPICS; i++)
		printf("  %-8s  %s\n", topics[i].name, topics[i].summary);
	puts("Commands");
	for (const struct command *const *command = cli_commands; *command != NULL; command++)
		printf("  %-8s  %s\n", (*command)->name, (*command)->summary);
}

static void print_statuses(void)
{
	for (int status = 0; status < CLI_STATUSES; status++)
		printf("%d  %s\n", status, cli_status_meaning((enum cli_status)status));
}

static int unknown_topic(const struct cli_args *args, const char *name)
{
	const char *names[TOPICS + 32] = {0};
	int n = 0;

	for (int i = 0; i < TOPICS; i++)
		names[n++] = topics[i].name;
	for (int i = 0; i < 31 && cli_commands[i] != NULL; i++)
		names[n++] = cli_commands[i]->name;
	const char *near = cli_nearest(name, names);
	if (near != NULL)
		return cli_usage(args, "unknown topic %s; did you mean %s?", name, near);
	return cli_usage(args, "unknown topic %s (memctx-tool help lists them)", name);
}

static int print_topic(const struct cli_args *args, const char *name)
{
	const struct command *command = cli_find_command(name);

	if (command != NULL) {
		help_command(stdout, command);
		return CLI_DONE;
	}
	for (int i = 0; i < TOPICS; i++) {
		if (strcmp(topics[i].name, name) != 0)
			continue;
		if (topics[i].text == NULL)
			print_statuses();
		else
			help_text(stdout, topics[i].text);
		return CLI_DONE;
	}
	return unknown_topic(args, name);
}

static int print_man(const struct cli_args *args, const char *name)
{
	const struct command *command = cli_find_command(name);

	if (command == NULL && strcmp(name, "memctx-tool") != 0)
		return cli_usage(args, "--man=%s: expected a command, or memctx-tool", name);
	help_man(stdout, command);
	return CLI_DONE;
}

static int run_help(const struct command *self, int argc, char **argv)
{
	struct cli_args args = {.command = self, .argc = argc, .argv = argv};
	int option;

	while ((option = cli_next(&args)) >= 0) {
		if (option == OPTION_MAN)
			return print_man(&args, args.value);
		if (strcmp(args.value, "bash") != 0)
			return cli_usage(&args, "--completion=%s: expected bash", args.value);
		help_completion(stdout);
		return CLI_DONE;
	}
	if (option == CLI_STOP || !cli_count_operands(&args, 0, 1))
		return args.status;
	if (args.n_operands == 0) {
		list_topics();
		return CLI_DONE;
	}
	return print_topic(&args, args.operands[0]);
}

const struct command command_help = {
	.name = "help",
	.summary = "explain a topic or a command",
	.operands = "[TOPIC]",
	.description =
		"Explains a TOPIC: a command, trace (the trace format), words (what the reports' "
		"words mean), json, or status. Without one, lists them. The man pages and the "
		"bash completion are printed from the same tables as the help.",
	.options = options,
	.exec = run_help,
};
