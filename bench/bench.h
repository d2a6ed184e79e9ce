/* SPDX-License-Identifier: MIT */
/*
 * What the allocator benchmark's parts share: a peer is one allocator behind a table of
 * functions, a row one thing to measure.  A row reaches every peer, memctx too, through the
 * same kind of pointer, so that all pay the same call.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_LIVE_MAX 131072

/*
 * One allocator.  A function that is NULL is something that the allocator cannot do; rows that
 * need it leave the peer out.  Where the library's own function has the shape, the pointer is
 * that function.
 */
struct peer {
	const char *name;
	/* Loads the library and fills the pointers; 0, or -1 with `note` saying what is missing. */
	int (*open)(struct peer *peer, const char *path);
	void *(*create)(void *parent);
	void (*reset)(void *ctx);
	void (*destroy)(void *ctx);
	void *(*alloc)(void *ctx, size_t size);
	void (*free)(void *chunk);
	void *(*realloc)(void *chunk, size_t size);
	bool nests; /* contexts have parents */
	bool loaded;
	char note[96]; /* the version, or why it is left out */
};

enum {
	PEER_MEMCTX, /* publishing, not recording: what the bars are about */
	PEER_RECORDING,
	PEER_THREADED, /* recording, where another thread records as well */
	PEER_LTTNG,    /* memctx with LTTng's tracepoints in place of its ring */
	PEER_PRIVATE,  /* neither publishing nor recording */
	PEER_FINE,     /* other kinds than the usual aset, as PEER_MEMCTX else */
	PEER_GENERATION,
	PEER_BUMP,
	PEER_SLAB,
	PEER_POSTGRES,
	PEER_APR,
	PEER_TALLOC,
	PEER_MIMALLOC,
	PEER_GLIBC,
	PEER_NONE,
	PEER_COUNT
};

extern struct peer peers[PEER_COUNT];

int peer_open_memctx(struct peer *peer, const char *path);
int peer_open_recording(struct peer *peer, const char *path);
int peer_open_threaded(struct peer *peer, const char *path);
int peer_open_lttng(struct peer *peer, const char *path);
int peer_open_private(struct peer *peer, const char *path);
int peer_open_fine(struct peer *peer, const char *path);
int peer_open_generation(struct peer *peer, const char *path);
int peer_open_bump(struct peer *peer, const char *path);
int peer_open_slab(struct peer *peer, const char *path);
int peer_open_postgres(struct peer *peer, const char *path);
int peer_open_apr(struct peer *peer, const char *path);
int peer_open_talloc(struct peer *peer, const char *path);
int peer_open_mimalloc(struct peer *peer, const char *path);
int peer_open_glibc(struct peer *peer, const char *path);
int peer_open_none(struct peer *peer, const char *path);

/* A symbol to look up, and the pointer that gets it. */
struct peer_symbol {
	const char *name;
	void *target;
};

/* Loads the first of NAMES (ended by NULL) that exists, and every symbol (ended by a NULL name). */
int peer_load(struct peer *peer, const char *const *names, const struct peer_symbol *symbols);

/* One peer at work on one row. */
struct run {
	const struct peer *peer;
	void *ctx;
	void **live;
	uint32_t next; /* the step of the script to take next */
};

struct row {
	const char *name;
	const char *what;
	double bar; /* the greatest ratio of memctx to PostgreSQL that is accepted; 0: none is set
		     */
	bool (*can)(const struct peer *peer);
	void (*setup)(struct run *run);
	void (*body)(struct run *run, uint32_t ops);
	void (*teardown)(struct run *run);
	double events;    /* that an operation records; 0: not looked at */
	double event_bar; /* the most ns that recording one may take */
};

/* The pair called by name (linked.c). */
bool linked_can(const struct peer *peer);
void linked_setup(struct run *run);
void linked_body(struct run *run, uint32_t ops);
void linked_teardown(struct run *run);

extern const struct row bench_rows[];
extern const size_t bench_rows_count;

/* Makes the random scripts, the same in every run of the program. */
void bench_rows_prepare(void);

/* Bytes requested and live, and the system's memory that it took, over all samples of a row. */
struct footprint {
	uint64_t requested;
	uint64_t resident;
};

struct memory_row {
	const char *name;
	const char *what;
	double bar;
	bool (*can)(const struct peer *peer);
	void (*fill)(const struct peer *peer, struct footprint *footprint);
};

extern const struct memory_row bench_memory_rows[];
extern const size_t bench_memory_rows_count;

/* Measures PEER on ROW and writes a footprint to standard output: for a fresh process. 0 or -1. */
int memory_child(const struct memory_row *row, const struct peer *peer);

/* The slices of one row in one process. */
#define SLICES_MAX 64
struct slices {
	uint32_t ops; /* of each slice */
	bool counted[PEER_COUNT];
	double ns[PEER_COUNT][SLICES_MAX]; /* an operation */
};

/*
 * Runs ROW with every peer that can for ROUNDS rounds; SECONDS is how long PostgreSQL's slice is
 * to take.
 */
void measure_slices(const struct row *row, size_t rounds, double seconds, struct slices *slices);

/* One slice of PEER on ROW after one that is not counted; -1 where the peer cannot. */
int measure_once(const struct row *row, const struct peer *peer, uint32_t ops);

/* Runs this program with ARGUMENTS and reads SIZE bytes of its output. 0 or -1. */
int child_read(char *const *arguments, void *to, size_t size);
/* The other side. */
int child_write(const void *from, size_t size);

/* Random numbers that are the same everywhere (xorshift64*). */
uint32_t bench_random(uint64_t *state);

/* Median and quartiles. */
struct spread {
	double low, median, high;
};

/* The outcome of one row; a peer that was left out has counted[] false. */
struct outcome {
	const char *name;
	const char *what;
	const char *unit;
	double bar;
	uint32_t ops; /* of one slice; 0 for memory */
	size_t rounds;
	bool counted[PEER_COUNT];
	struct spread value[PEER_COUNT]; /* ns an operation, or resident over requested */
	struct spread ratio[PEER_COUNT]; /* to PostgreSQL, within a round */
	double event_bar;
	struct spread event;    /* ns that recording an event takes, where there is a bar */
	struct spread threaded; /* the same where another thread records as well */
	struct spread traced;   /* the same with LTTng, where it is there */
	struct spread net;      /* memctx to PostgreSQL, each less the benchmark's own cost */
};

bool has_event(const struct outcome *outcome);
bool has_threaded(const struct outcome *outcome);
bool has_traced(const struct outcome *outcome);
bool has_net(const struct outcome *outcome);
void report_text(const struct outcome *outcomes, size_t count, const char *method);
void report_json(const struct outcome *outcomes, size_t count, const char *method);

#endif
