/* SPDX-License-Identifier: MIT */
/*
 * Writing a trace with everything in it: see made_trace.h.
 */
#include "made_trace.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS 3000

/* What the generated trace's writer knows. */
struct writer {
	FILE *out;
	uint64_t rng;
	bool live[IDS], aligned[IDS];
	uint64_t owner[IDS];
	uint64_t time;
};

static uint64_t draw(struct writer *w, uint64_t limit)
{
	w->rng = w->rng * 6364136223846793005u + 1442695040888963407u;
	return (uint64_t)(((unsigned __int128)w->rng * limit) >> 64);
}

static void write_chunk(struct writer *w)
{
	uint64_t id = draw(w, IDS), context = 1 + draw(w, 5);
	uint64_t size = draw(w, 40) == 0 ? draw(w, 300000) : draw(w, 1000);

	/* Whether an aligned chunk can grow in place is a matter of its address. */
	if (w->live[id] && !w->aligned[id] && draw(w, 4) == 0) {
		fprintf(w->out, "realloc %" PRIu64 " %" PRIu64 "\n", id, size);
		return;
	}
	if (w->live[id]) {
		fprintf(w->out, "free %" PRIu64 "\n", id);
		w->live[id] = false;
		return;
	}
	w->live[id] = true;
	w->aligned[id] = draw(w, 30) == 0;
	fprintf(w->out, "alloc %" PRIu64 " %" PRIu64 " %" PRIu64 "%s\n", context, id, size,
		w->aligned[id] ? " align=64" : "");
	w->owner[id] = context;
}

static void write_reset(struct writer *w)
{
	uint64_t context = 1 + draw(w, 5);

	fprintf(w->out, "resetonly %" PRIu64 "\n", context);
	for (size_t id = 0; id < IDS; id++)
		w->live[id] = w->live[id] && w->owner[id] != context;
}

void made_trace(const char *path, uint64_t events, uint64_t rng)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		abort();
	w->rng = rng;
	w->out = fopen(path, "w");
	if (w->out == NULL)
		abort();
	fputs("memctx-trace 1\n", w->out);
	for (int i = 1; i <= 5; i++)
		fprintf(w->out, "create %d %s aset \"context %d\" ident=\"i\"\n", i,
			i == 1 ? "-" : "1", i);
	for (uint64_t i = 5; i < events; i++) {
		uint64_t what = draw(w, 1000);

		if (what == 0)
			write_reset(w);
		else if (what < 4)
			fprintf(w->out, "ident %" PRIu64 " \"now %" PRIu64 "\"\n", 1 + draw(w, 5),
				i);
		else if (what < 8)
			fprintf(w->out, "base 2 24 %" PRIu64 "\nfreebase 2 24\n", 1 + draw(w, 20));
		else if (what < 14)
			fprintf(w->out, "create 9 3 aset \"short\"\nalloc 9 9999 100\ndelete 9\n");
		else
			write_chunk(w);
		if (what % 50 == 0)
			fprintf(w->out, "time %" PRIu64 "\n", w->time += draw(w, 1000));
	}
	if (fclose(w->out) != 0)
		abort();
	free(w);
}

int made_traces(struct made_traces *made, uint64_t events, uint64_t rng)
{
	char command[100];

	strcpy(made->folder, "/tmp/memctx-made-XXXXXX");
	if (mkdtemp(made->folder) == NULL)
		return -1;
	snprintf(made->plain, sizeof made->plain, "%s/made.trace", made->folder);
	snprintf(made->packed, sizeof made->packed, "%s/made.trace.xz", made->folder);
	made_trace(made->plain, events, rng);
	snprintf(command, sizeof command, "xz -0 -k '%s'", made->plain);
	return system(command) == 0 ? 0 : -1;
}

FILE *made_by_hand(const struct made_traces *made, const char *name, char path[static 100])
{
	FILE *out;

	snprintf(path, 100, "%s/%s.trace", made->folder, name);
	out = fopen(path, "w");
	if (out == NULL)
		abort();
	fputs("memctx-trace 1\n", out);
	return out;
}

int made_traces_remove(const struct made_traces *made)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf '%s'", made->folder);
	return system(command);
}
