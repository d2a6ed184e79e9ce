/* SPDX-License-Identifier: MIT */
/*
 * What the files of the trace reader and writer share; trace.h is for everyone else.
 *
 *   trace_input.c   bytes of text from a file, a pipe or memory
 *   trace_store.c   the same, kept to be read again
 *   trace_decode.c  the same, where they are compressed
 *   trace_reader.c  the buffer, the batches, and what is asked about them
 *   trace_scan.c    the fast path: lines as recorders write them
 *   trace_parse.c   every line, by the grammar, with its errors
 *   trace_token.c   fields, numbers and strings
 *   trace_write.c   normal form
 *
 * A reader's buffer holds, between two calls of trace_read():
 *
 *   0 … at      lines that were parsed; the last batch's events point here
 *   at … limit  complete lines, each with its LF, not parsed yet
 *   limit … end the beginning of a line whose LF was not read yet
 *   … capacity  free, and TRACE_PAD bytes more, so that 32 bytes can be loaded from anywhere
 */
#ifndef MEMCTX_MODEL_TRACE_INTERNAL_H
#define MEMCTX_MODEL_TRACE_INTERNAL_H

#include "model/trace.h"

#define TRACE_BUFFER ((size_t)128 << 10)
#define TRACE_LINE_MAX ((size_t)1 << 20)
#define TRACE_PAD 128
/* Creates and idents in one batch, which ends when they are used up. */
#define TRACE_CREATES 256
#define TRACE_KEY_ALIGN 0x40u    /* beside TRACE_KEY_INIT …, in the parser's tables */
#define TRACE_NO_TEXT UINT32_MAX /* trace_event.text of a line that is not held */

/* ---- trace_input.c ---- */

struct trace_input;

/* NULL with *ERROR filled.  PATH "-" is standard input. */
struct trace_input *trace_input_open(const char *path, struct trace_error *error);
/* FD stays the caller's. */
struct trace_input *trace_input_fd(int fd, struct trace_error *error);
struct trace_input *trace_input_memory(const void *text, size_t size, struct trace_error *error);
void trace_input_close(struct trace_input *input);
/* The next bytes of text, at most SIZE; 0: the end; -1 with *ERROR filled. */
ptrdiff_t trace_input_read(
	struct trace_input *input, char *to, size_t size, struct trace_error *error);
/* Whether the text is a file's bytes; then it may be read from anywhere. */
bool trace_input_is_file(const struct trace_input *input);
ptrdiff_t trace_input_read_at(const struct trace_input *input, uint64_t offset, char *to,
	size_t size, struct trace_error *error);
/* An input that reads STORE's text, and may go on elsewhere in it. */
struct trace_input *trace_input_store(struct trace_store *store, struct trace_error *error);
void trace_input_go(struct trace_input *input, uint64_t offset);
uint64_t trace_input_position(const struct trace_input *input);
uint64_t trace_input_length(const struct trace_input *input);

/* ---- trace_store.c ---- */

/* As trace_input_read(), from OFFSET on. */
ptrdiff_t trace_store_read(struct trace_store *store, uint64_t offset, char *to, size_t size,
	struct trace_error *error);
uint64_t trace_store_length(const struct trace_store *store);

/* ---- trace_decode.c ---- */

struct trace_decoder;

/* Reads stored bytes, as read(2) does. */
typedef ptrdiff_t trace_stored_fn(void *context, char *to, size_t size);

/* The compression of a file with these first bytes, or NULL. */
const char *trace_compression(const char *bytes, size_t size);
/* NULL with *ERROR filled. */
struct trace_decoder *trace_decoder_open(
	const char *compression, trace_stored_fn *read, void *context, struct trace_error *error);
void trace_decoder_close(struct trace_decoder *decoder);
/* As trace_input_read(). */
ptrdiff_t trace_decoder_read(
	struct trace_decoder *decoder, char *to, size_t size, struct trace_error *error);

/* ---- trace_token.c ---- */

/* One line under the parser, without its end. */
struct trace_line {
	const char *start, *at, *end;
	uint64_t number; /* the line's, from 1 */
	bool valid;      /* all of it is UTF-8 without a byte 0 */
	struct trace_error *error;
};

enum trace_token_shape { TOKEN_NONE, TOKEN_BARE, TOKEN_STRING, TOKEN_KEY };

/* One field: START … END are its bytes; VALUE is where the value of KEY=VALUE begins. */
struct trace_token {
	enum trace_token_shape shape;
	const char *start, *end, *value;
};

enum trace_number { NUMBER_READ, NUMBER_NOT_ONE, NUMBER_TOO_BIG };

static inline bool trace_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The first byte that is 0 or not UTF-8, or NULL. */
const char *trace_bad_byte(const char *from, const char *to);
/* The next field; TOKEN_NONE at the line's end.  -1 with the line's error filled. */
int trace_token_next(struct trace_line *line, struct trace_token *token);
enum trace_number trace_number_read(const char *from, const char *to, uint64_t *number);
/*
 * Decodes the quoted string FROM … TO into OUT (NULL: only checks it), which gets a final 0 and
 * needs no more room than TO - FROM.  Returns the length; -1 with the line's error at COLUMN_OF.
 */
ptrdiff_t trace_string_decode(struct trace_line *line, const char *from, const char *to, char *out,
	const char *column_of);

/* U+0000 to 1F and U+007F to 9F. */
bool trace_is_control(uint32_t code);
/*
 * Writes TEXT to OUT, which has room for ROOM bytes (at least 16) and gets a final 0: control
 * characters and bytes that are not UTF-8 as \xHH, and "…" for what does not fit.
 */
void trace_show(char *out, size_t room, const char *text, size_t size);

/* Fills *ERROR: the message is about what stands at AT in LINE. */
void trace_line_error(struct trace_line *line, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, with what was found there: the line's end, or FROM … TO. */
void trace_expected(struct trace_line *line, const char *from, const char *to, const char *format,
	...) __attribute__((format(printf, 4, 5)));
void trace_system_error(struct trace_error *error, int number);

/* ---- trace_parse.c ---- */

/* One KEY=VALUE; KNOWN is 0 where the line's word has no such key. */
struct trace_key {
	const char *start, *value, *end;
	unsigned known;
};

/* The keys of the line parsed last. */
struct trace_keys {
	struct trace_key *key;
	size_t used, room;
	size_t unknown;
};

/* What the parser needs of the reader, and keeps in it. */
struct trace_parser {
	uint64_t time;                /* of the last time line */
	struct trace_create *creates; /* TRACE_CREATES of them */
	size_t creates_used;
	char *strings; /* room for all strings of a full buffer */
	size_t strings_used;
	struct trace_keys keys;
};

/* The event of LINE, which is not empty and no comment.  -1 with the line's error filled. */
int trace_parse_line(
	struct trace_parser *parser, struct trace_line *line, struct trace_event *event);
/* Into alphabetical order. */
void trace_keys_sort(struct trace_keys *keys);
/* The first line of a file. */
int trace_parse_header(struct trace_line *line);
/* Where FIELD of EVENT stands in its line, or the line's first field where there is none. */
const char *trace_find_field(struct trace_line *line, enum trace_op op, enum trace_field field);

/* ---- trace_scan.c ---- */

/*
 * Parses lines of the usual words in normal form from AT on, up to LIMIT, at most MAX, and stops
 * before the first that is anything else.  *AT moves on, *TIME as time lines say.  Returns the
 * events; BEFORE is the number of the line before AT.
 */
size_t trace_scan(const char *buffer, size_t *at, size_t limit, uint64_t before, uint64_t *time,
	struct trace_event *events, size_t max);
/* The same, for any processor. */
size_t trace_scan_any(const char *buffer, size_t *at, size_t limit, uint64_t before, uint64_t *time,
	struct trace_event *events, size_t max);

/* ---- trace_reader.c ---- */

/* The reader of INPUT (NULL: *ERROR is filled already), with a buffer of CAPACITY bytes. */
struct trace_reader *trace_reader_new(
	struct trace_input *input, size_t capacity, unsigned flags, struct trace_error *error);

enum trace_step {
	STEP_EVENT,   /* the next event */
	STEP_NOTHING, /* an empty line or a comment */
	STEP_ERROR,   /* the reader's error is filled */
};

/* Starts a batch: what the events of the last one pointed to is gone. */
void trace_batch_begin(struct trace_reader *reader);
/* 1: there are complete lines; 0: the end; -1: the reader's error is filled. */
int trace_fill(struct trace_reader *reader);
/* Parses the next complete line by the grammar. */
enum trace_step trace_step(
	struct trace_reader *reader, struct trace_event *event, struct trace_line *line);

/* ---- trace_write.c ---- */

/* trace_normalise() of a reader that was just opened without TRACE_KEEP_GOING. */
int trace_normalise_reader(struct trace_reader *reader, FILE *out, struct trace_error *error);

struct trace_reader {
	struct trace_input *input;
	char *buffer;
	size_t capacity, at, limit, end;
	uint64_t line; /* lines before at */
	uint64_t base; /* bytes of text before the buffer */
	unsigned flags;
	bool ended;   /* the input has no more */
	bool failed;  /* the error is final and comes next */
	bool passing; /* inside a line that is too long, up to its LF */
	bool has_unknown;
	char unknown[64];
	uint64_t unknown_line, unknown_column;
	struct trace_parser parser;
	struct trace_error error;
};

#endif
