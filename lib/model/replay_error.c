/* SPDX-License-Identifier: MIT */
/*
 * What a replay says when an event is in error or memory is refused: one line, what was wrong and
 * what was expected, with the exact place.
 */
#include "model/replay_inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/replay_look.h"
#include "model/size.h"

#define LONGEST_FIELD 60 /* bytes of a field that a message quotes */

void replay_skip(struct replay *replay, enum replay_skip why, bool numbered)
{
	replay->counts.skipped++;
	replay->counts.skips[why]++;
	if (numbered)
		replay->counts.events++;
}

void replay_skip_line(struct replay *replay, bool numbered)
{
	const struct trace_error *cause = trace_last_error(replay->reader);
	struct replay_error error = {.status = 1, .line = cause->line, .column = cause->column};

	if (replay->on_skip != NULL) {
		memcpy(error.message, cause->message, sizeof(error.message));
		replay->on_skip(&error, replay->arg);
	}
	replay_skip(replay, REPLAY_SKIP_SYNTAX, numbered);
}

static void set_place(struct replay *replay, struct replay_error *error,
	const struct trace_event *event, enum trace_field field, int status)
{
	error->status = status;
	error->line = event->line;
	error->column = trace_column(replay->reader, event, field);
}

/* Whether what is wrong with an event in error is said. */
static bool is_said(const struct replay *replay)
{
	return !replay->keep_going || replay->on_skip != NULL;
}

enum replay_step replay_refuse(struct replay *replay, const struct trace_event *event,
	enum replay_skip why, enum trace_field field, const char *format, ...)
{
	struct replay_error skipped;
	struct replay_error *error = replay->keep_going ? &skipped : replay->error;
	va_list args;

	if (is_said(replay)) {
		set_place(replay, error, event, field, 1);
		va_start(args, format);
		vsnprintf(error->message, sizeof(error->message), format, args);
		va_end(args);
	}
	if (!replay->keep_going)
		return STEP_FAILED;
	if (replay->on_skip != NULL)
		replay->on_skip(error, replay->arg);
	replay_skip(replay, why, true);
	return STEP_DONE;
}

/* The field as the line has it: ids may be decimal or hexadecimal. */
static void quote_field(const struct replay *replay, const struct trace_event *event,
	enum trace_field field, char out[static LONGEST_FIELD + 1])
{
	uint64_t column = trace_column(replay->reader, event, field);
	size_t length, n = 0;
	const char *text = trace_text(replay->reader, event, &length);

	for (size_t i = column - 1; i < length && n < LONGEST_FIELD; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			break;
		out[n++] = text[i];
	}
	out[n] = '\0';
}

enum replay_step replay_refuse_field(struct replay *replay, const struct trace_event *event,
	enum replay_skip why, enum trace_field field, const char *what, const char *expected)
{
	char text[LONGEST_FIELD + 1] = "";

	if (is_said(replay))
		quote_field(replay, event, field, text);
	return replay_refuse(replay, event, why, field, "%s %s %s", what, text, expected);
}

enum replay_step replay_dead_context(
	struct replay *replay, const struct trace_event *event, enum trace_field field)
{
	return replay_refuse_field(replay, event, REPLAY_SKIP_DEAD_CTX, field, "context",
		field == TRACE_FIELD_PARENT ? "is not live; expected the id of a live context, or -"
					    : "is not live; expected the id of a live context");
}

/* "A needed, B available", exact where they would look the same. */
static void say_needed(struct replay_error *error, uint64_t needed, uint64_t available)
{
	char a[SIZE_TEXT], b[SIZE_TEXT];

	size_text(a, needed, SIZE_DIGIT);
	size_text(b, available, SIZE_DIGIT);
	if (strcmp(a, b) == 0) {
		size_text(a, needed, SIZE_EXACT | SIZE_DIGIT);
		size_text(b, available, SIZE_EXACT | SIZE_DIGIT);
	}
	snprintf(error->message, sizeof(error->message),
		"%s needed, %s available; --memory sets the limit", a, b);
}

/* At most the greatest size that is no SNAPSHOT_UNKNOWN. */
static uint64_t sum(uint64_t a, uint64_t b)
{
	return a >= UINT64_MAX - b ? UINT64_MAX - 1 : a + b;
}

static bool find_largest(const struct memctx_block_info *block, void *arg)
{
	uint64_t *largest = arg;

	if (!block->is_large && block->size > *largest)
		*largest = block->size;
	return true;
}

/* What the context would have taken from the system: the chunk, or its next block. */
static uint64_t next_block(const struct replay *replay, uint32_t at, uint64_t bytes)
{
	uint64_t largest = 0;

	if (at != 0 && replay->nodes.hot[at].ctx != NULL)
		replay_look_each_block(replay, replay->nodes.hot[at].ctx, find_largest, &largest);
	return largest > bytes ? largest : bytes;
}

enum replay_step replay_refused(struct replay *replay, const struct trace_event *event,
	enum trace_field field, uint32_t at, uint64_t bytes)
{
	uint64_t room = replay_room(replay);
	uint64_t needed = sum(replay->total, bytes);
	char text[SIZE_TEXT];

	set_place(replay, replay->error, event, field, 3);
	if (needed <= room)
		needed = sum(replay->total, next_block(replay, at, bytes));
	if (needed > room) {
		say_needed(replay->error, needed, room);
		return STEP_FAILED;
	}
	snprintf(replay->error->message, sizeof(replay->error->message),
		"the system refuses memory once %s are in use; --memory sets a lower limit",
		size_text(text, replay->total, SIZE_DIGIT));
	return STEP_FAILED;
}

enum replay_step replay_no_memory(
	struct replay *replay, const struct trace_event *event, uint64_t bytes, const char *what)
{
	struct replay_error *error = replay->error;
	char a[SIZE_TEXT], b[SIZE_TEXT];

	set_place(replay, replay->error, event, TRACE_FIELD_WORD, 3);
	snprintf(error->message, sizeof(error->message),
		"%s needed for %s, beside the contexts' %s; expected as much memory",
		size_text(a, bytes, SIZE_DIGIT), what, size_text(b, replay->total, SIZE_DIGIT));
	return STEP_FAILED;
}
