/* SPDX-License-Identifier: MIT */
/*
 * Writing a trace with everything in it: see made_trace.h.
 */
#include "made_trace.h"

#include <inttypes.h>
#include <stdlib.h>

#include "support.h"

#define IDS 3000

/* What the generated trace's writer knows. */
struct writer {
	FILE *out;
	uint64_t rng;
	bool live[IDS], aligned[IDS];
	uint64_t owner[IDS];
	uint64_t time;
};

static void write_chunk(struct writer *w)
{
	uint64_t id = rng_below(&w->rng, IDS), context = 1 + rng_below(&w->rng, 5);
	uint64_t size =
		rng_below(&w->rng, 40) == 0 ? rng_below(&w->rng, 300000) : rng_below(&w->rng, 1000);

	/* Whether an aligned chunk can grow in place is a matter of its address. */
	if (w->live[id] && !w->aligned[id] && rng_below(&w->rng, 4) == 0) {
		fprintf(w->out, "realloc %" PRIu64 " %" PRIu64 "\n", id, size);
		return;
	}
	if (w->live[id]) {
		fprintf(w->out, "free %" PRIu64 "\n", id);
		w->live[id] = false;
		return;
	}
	w->live[id] = true;
	w->aligned[id] = rng_below(&w->rng, 30) == 0;
	fprintf(w->out, "alloc %" PRIu64 " %" PRIu64 " %" PRIu64 "%s\n", context, id, size,
		w->aligned[id] ? " align=64" : "");
	w->owner[id] = context;
}

static void write_reset(struct writer *w)
{
	uint64_t context = 1 + rng_below(&w->rng, 5);

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
		uint64_t what = rng_below(&w->rng, 1000);

		if (what == 0)
			write_reset(w);
		else if (what < 4)
			fprintf(w->out, "ident %" PRIu64 " \"now %" PRIu64 "\"\n",
				1 + rng_below(&w->rng, 5), i);
		else if (what < 8)
			fprintf(w->out, "base 2 24 %" PRIu64 "\nfreebase 2 24\n",
				1 + rng_below(&w->rng, 20));
		else if (what < 14)
			fprintf(w->out, "create 9 3 aset \"short\"\nalloc 9 9999 100\ndelete 9\n");
		else
			write_chunk(w);
		if (what % 50 == 0)
			fprintf(w->out, "time %" PRIu64 "\n", w->time += rng_below(&w->rng, 1000));
	}
	if (fclose(w->out) != 0)
		abort();
	free(w);
}
