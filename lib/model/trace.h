/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing memctx traces, format version 1 (see traces/README.md).
 *
 * The reader streams: it holds one buffer, never the file, and yields events in batches.  It
 * reports every error that one line alone can show (words, fields, numbers, strings, keys,
 * values, decreasing time).  What depends on the events before it (ids that live, a slab's
 * size) is the replayer's to judge, which asks the reader where a field stands.
 */
#ifndef MEMCTX_MODEL_TRACE_H
#define MEMCTX_MODEL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum trace_op {
	TRACE_CREATE,
	TRACE_IDENT,
	TRACE_ALLOC,
	TRACE_REALLOC,
	TRACE_FREE,
	TRACE_RESET,
	TRACE_RESETONLY,
	TRACE_DELETE,
	TRACE_DELETECHILDREN,
	TRACE_MOVE,
	TRACE_BASE,
	TRACE_FREEBASE,
	TRACE_OPS, /* those above are counted by event numbers; those below are not */
	TRACE_LOST = TRACE_OPS,
	TRACE_TIME,
	TRACE_THREAD,
	TRACE_BAD, /* a line in error that the reader was told to pass over; never has fields */
};

/* KIND of a create line, in the order of trace_kind_name(). */
enum trace_kind { TRACE_ASET, TRACE_SLAB, TRACE_GENERATION, TRACE_BUMP, TRACE_MALLOC, TRACE_KINDS };

/* Which optional parts stood in the line (trace_event.has). */
#define TRACE_HAS_PARENT 0x01u   /* create, move: under a parent; else a root */
#define TRACE_HAS_NEWCHUNK 0x02u /* realloc */
#define TRACE_HAS_ALIGN 0x04u    /* alloc */

/* Keys of a create line (trace_create.has). */
#define TRACE_KEY_INIT 0x01u
#define TRACE_KEY_MAX 0x02u
#define TRACE_KEY_MIN 0x04u
#define TRACE_KEY_CHUNK 0x08u
#define TRACE_KEY_BLOCK 0x10u
#define TRACE_KEY_IDENT 0x20u
#define TRACE_KEY_CLASSES 0x80u

/*
 * What a create or an ident line carries besides its ids.  Strings are decoded, may hold any
 * byte but 0, end with 0, and live until the next trace_read().
 */
struct trace_create {
	const char *name; /* create */
	size_t name_len;
	const char *ident; /* create with ident="…", ident; else NULL */
	size_t ident_len;
	uint64_t init, max, min, chunk, block; /* where has says so, else 0 */
	uint64_t classes;                      /* of an aset: steps a doubling, 1 or 4 */
	unsigned has;
};

/*
 * One event.  Fields that an op does not have are 0.
 *
 *   op             ctx     chunk      id2        size   align
 *   create         CTX                PARENT
 *   ident          CTX
 *   alloc          CTX     CHUNK                 SIZE   align= (0: none)
 *   realloc                CHUNK      NEWCHUNK   SIZE
 *   free                   CHUNK
 *   reset … delete CTX
 *   move           CTX                PARENT
 *   base           CTX                COUNT      SIZE
 *   freebase       CTX                           SIZE
 *   lost                                         N
 *   time                                         NS
 *   thread                                       T
 */
struct trace_event {
	uint64_t ctx;
	uint64_t chunk;
	uint64_t id2;
	uint64_t size;
	uint64_t line; /* from 1 */
	union {
		uint64_t align;                    /* alloc */
		const struct trace_create *create; /* create, ident */
	};
	uint8_t op;     /* enum trace_op */
	uint8_t kind;   /* enum trace_kind, create only */
	uint8_t has;    /* TRACE_HAS_… */
	uint8_t unused; /* 0: the four are stored at once */
	uint32_t text;  /* where the line begins in the reader's buffer, for trace_column() */
};

/* The fields that an error may be about, in the words of the format. */
enum trace_field {
	TRACE_FIELD_WORD,
	TRACE_FIELD_CTX,
	TRACE_FIELD_PARENT,
	TRACE_FIELD_KIND,
	TRACE_FIELD_NAME,
	TRACE_FIELD_CHUNK,
	TRACE_FIELD_NEWCHUNK,
	TRACE_FIELD_SIZE,
	TRACE_FIELD_ALIGN,
	TRACE_FIELD_KEY_CHUNK,
	TRACE_FIELD_COUNT,
};

/* An error, where it is, and what was expected: "FILE:LINE:COLUMN: MESSAGE" is the whole line. */
struct trace_error {
	uint64_t line, column; /* from 1; 0: the error is about the file as a whole */
	int system;            /* an errno: the file could not be read; 0: the text is at fault */
	char message[400]; /* control characters and broken UTF-8 of the input are shown as \xHH */
};

struct trace_reader;

/* Flags of trace_open(). */
#define TRACE_KEEP_GOING 0x1u /* pass over lines in error: each yields a TRACE_BAD event */

/*
 * Opens the trace at PATH ("-": standard input); .gz, .xz and .zst contents are recognised by
 * their first bytes.  NULL with *ERROR filled where it cannot be opened or its first line is
 * wrong.  A reader is used by one thread at a time.
 */
struct trace_reader *trace_open(const char *path, unsigned flags, struct trace_error *error);

/* The same from a descriptor, which stays the caller's. */
struct trace_reader *trace_open_fd(int fd, unsigned flags, struct trace_error *error);

/* The same over memory, which the caller keeps until trace_close(). */
struct trace_reader *trace_open_memory(
	const void *text, size_t size, unsigned flags, struct trace_error *error);

/*
 * A trace whose text can be read again: several readers of one store, each from any place.  Of a
 * pipe or a compressed file the text is kept (spill.h) as far as one of them has read.
 */
struct trace_store;

/* As trace_open(), but for the first line, which a reader judges. */
struct trace_store *trace_store_open(const char *path, struct trace_error *error);
/* After its readers. */
void trace_store_close(struct trace_store *store);
struct trace_reader *trace_open_store(
	struct trace_store *store, unsigned flags, struct trace_error *error);

void trace_close(struct trace_reader *reader);

/* A place between two lines. */
struct trace_place {
	uint64_t offset;  /* of the next line's first byte in the text */
	uint64_t lines;   /* before it */
	uint64_t time_ns; /* of the last time line before it; 0: there is none */
};

/*
 * The place before EVENT of the batch last read, or after that batch (NULL), but for its time_ns.
 * false: a line so long that it was not held.
 */
bool trace_tell(const struct trace_reader *reader, const struct trace_event *event,
	struct trace_place *place);
/* Reads on from PLACE.  For readers of a store. */
void trace_go(struct trace_reader *reader, const struct trace_place *place);

/*
 * Reads the next events, at most MAX.  Returns their number, 0 at the end, -1 on an error
 * (trace_last_error() tells), which is final: with TRACE_KEEP_GOING only what is about the file as
 * a whole.  What events point to lives until the next call.  The events before a line in error
 * are delivered first; a TRACE_BAD is the last of its batch.  Waits only where nothing has come.
 */
ptrdiff_t trace_read(struct trace_reader *reader, struct trace_event *events, size_t max);

/* The last error; with TRACE_KEEP_GOING the one of the latest TRACE_BAD. */
const struct trace_error *trace_last_error(const struct trace_reader *reader);

/*
 * The column at which FIELD of EVENT begins, from 1; that of the line's word where the line has no
 * such field.  EVENT is of the batch last read.
 */
uint64_t trace_column(
	const struct trace_reader *reader, const struct trace_event *event, enum trace_field field);

/* The text of EVENT's line, without its end; *LENGTH gets its bytes.  Lives as the batch does. */
const char *trace_text(
	const struct trace_reader *reader, const struct trace_event *event, size_t *length);

/* Bytes of input (compressed ones count as they are stored) read, and in all; 0: not known. */
uint64_t trace_position(const struct trace_reader *reader);
uint64_t trace_length(const struct trace_reader *reader);
/* Bytes of text read so far, after decompression. */
uint64_t trace_text_bytes(const struct trace_reader *reader);

/* The first key that the reader did not know and its place ("FILE:LINE:COLUMN" parts), if any. */
bool trace_unknown_key(
	const struct trace_reader *reader, char key[static 64], uint64_t *line, uint64_t *column);

/* "create", "alloc" …; "aset", "slab" … */
const char *trace_op_name(enum trace_op op);
const char *trace_kind_name(enum trace_kind kind);

/*
 * Whether the first bytes of a file are those of a trace: plain, or compressed (then *COMPRESSED
 * is true and what is inside is not known until it is opened).
 */
bool trace_recognise(const void *bytes, size_t size, bool *compressed);

/* ---- Writing -------------------------------------------------------------------------- */

/*
 * Writes events in normal form to OUT.  Errors are OUT's: check ferror() once at the end.
 */
void trace_write_header(FILE *out);
void trace_write_event(FILE *out, const struct trace_event *event);

/*
 * Copies the trace at PATH to OUT in normal form, comments and empty lines where they stand and
 * unknown keys as they are.  0; 1: the trace is in error, or cannot be read (*ERROR); 3: OUT, which
 * is flushed, failed (errno).
 */
int trace_normalise(const char *path, FILE *out, struct trace_error *error);

#endif
