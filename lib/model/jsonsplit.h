/* SPDX-License-Identifier: MIT */
/*
 * Taking a stream of JSON apart into its contexts, so that each can be parsed alone and the whole
 * is never in memory.
 *
 * The stream holds one object after another (JSON Lines, but line ends mean nothing).  Inside an
 * object a list of objects named "contexts", inside those lists named "children", are taken out:
 * their objects are yielded on their own, however deep, and "null" stands in their place.  Apart
 * from that an object's text is passed on as it came; it is for the parser to judge.  Two more
 * things are done here, since parsers lose them: a whole number of 16 digits or more becomes a
 * string that begins with SPLIT_NUMBER, and a 0 in a string is an error.
 *
 * No recursion; memory is what the objects that are open hold of their own, at most SPLIT_ROOM.
 */
#ifndef MEMCTX_MODEL_JSONSPLIT_H
#define MEMCTX_MODEL_JSONSPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SPLIT_LEVELS 401              /* the object around "contexts", and 400 levels in it */
#define SPLIT_ROOM ((size_t)64 << 20) /* bytes of text */
#define SPLIT_BUFFER 65536
#define SPLIT_NUMBER '\377' /* no string that is UTF-8 has this byte */

enum split_event {
	SPLIT_ERROR = -1, /* split->message, line and column tell; final */
	SPLIT_END,
	SPLIT_OPEN,  /* an object begins */
	SPLIT_BEGIN, /* the list of that object begins */
	SPLIT_CLOSE, /* the innermost object ends */
};

/* An object that is open. */
struct split_frame {
	size_t start;          /* of its text */
	uint64_t line, column; /* of its brace, from 1 */
	uint32_t tag;          /* the caller's */
	bool has_list;         /* its list was met */
};

struct jsonsplit {
	/* For the caller to read. */
	struct split_frame frames[SPLIT_LEVELS];
	size_t n;        /* frames; the last one is the object of the last event */
	uint64_t line;   /* of the byte last read */
	uint64_t column; /* of an error */
	int system;      /* an errno where reading or memory failed, else 0 */
	const char *message;

	FILE *in;
	char buffer[SPLIT_BUFFER]; /* read, of which [at, end) is not used yet */
	size_t at, end;
	uint64_t before_buffer; /* bytes of the input in front of it */
	uint64_t before_line;   /* and in front of the line */
	char *text;
	size_t size, room;
	size_t depth; /* brackets open in the last frame's own text */
	char before;  /* the last byte there that is not blank */
	enum { SPLIT_TOP, SPLIT_OBJECT, SPLIT_LIST } mode;
	bool line_ended; /* the byte last read was a line feed */
	bool in_number;
	size_t number; /* where it begins in text */
	bool first;    /* of a list: no object was met */
	bool closed;   /* the last event was SPLIT_CLOSE: the frame goes next */
};

void split_init(struct jsonsplit *split, FILE *in);
void split_done(struct jsonsplit *split);

enum split_event split_next(struct jsonsplit *split);

/*
 * The line that comes next, without its end, if it can be had whole at once and no object is open;
 * else NULL.  For who knows it by heart: split_pass_line() passes it, else it is taken apart as
 * usual.  It may be changed once it is certain to be passed; split->line and column are its place.
 */
char *split_line(struct jsonsplit *split, size_t *size);
void split_pass_line(struct jsonsplit *split, size_t size);

/* The column of the byte last read, from 1; columns count bytes. */
uint64_t split_column(const struct jsonsplit *split);

/*
 * The last frame's text so far, ended by "}" where it is still open: an object in any case.  Ends
 * with 0; the caller's to change until the next call of split_next().
 */
char *split_text(struct jsonsplit *split, size_t *size);

#endif
