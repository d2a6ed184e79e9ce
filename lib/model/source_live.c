/* SPDX-License-Identifier: MIT */
/*
 * The choice among live processes where none is named, and their description.
 */
#include <stdio.h>
#include <stdlib.h>

#include "model/size.h"
#include "model/source_live.h"

/* Processes that a message lists, and how much of each command line. */
#define LISTED 5
#define COMMAND 40

static void list_processes(const pid_t *pids, ptrdiff_t n, char *text, size_t size)
{
	size_t used = 0;
	char command[COMMAND];

	used += (size_t)snprintf(text, size, "no replay is kept, and there are %td processes: ", n);
	for (ptrdiff_t i = 0; i < n && i < LISTED && used < size; i++) {
		live_command(pids[i], command, sizeof command);
		used += (size_t)snprintf(text + used, size - used, "%s%d (%s)", i > 0 ? ", " : "",
			(int)pids[i], command);
	}
	if (used < size)
		snprintf(text + used, size - used, "%s; name one, a trace or a JSON snapshot",
			n > LISTED ? " ..." : "");
}

pid_t source_live_only(char *text, size_t size)
{
	pid_t *pids, only;
	ptrdiff_t n = live_list(&pids);

	only = n == 1 ? pids[0] : 0;
	if (n > 1)
		list_processes(pids, n, text, size);
	else
		snprintf(text, size,
			"no replay is kept, and no process shows its contexts; name a trace or a "
			"JSON snapshot");
	free(pids);
	return only;
}

void source_live_describe(
	const struct live *live, const struct snapshot *snapshot, char *text, size_t size)
{
	long long pid = live_header(live)->pid;
	char command[200], count[SIZE_TEXT];

	live_command((pid_t)pid, command, sizeof command);
	snprintf(text, size, "process %lld%s%s: %s context%s", pid, *command ? ", " : "", command,
		size_count(count, snapshot->n, SIZE_DIGIT), snapshot->n == 1 ? "" : "s");
}
