/* SPDX-License-Identifier: MIT */
/*
 * Sources: what a name stands for, and the tree at a point of it.
 *
 * A file is opened once and recognised by its first bytes without using them up, since it may be a
 * pipe, which is read once; what can be read again is, from its start.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/json.h"
#include "model/replay_look.h"
#include "model/shortage.h"
#include "model/size.h"
#include "model/source.h"
#include "model/source_live.h"
#include "model/source_peek.h"
#include "model/state.h"

#define PROGRESS_EVENTS 500000

struct source {
	enum source_kind kind;
	char path[SOURCE_PATH];
	int fd;      /* of a file; -1: none */
	off_t start; /* where its text begins: standard input may stand anywhere */
	bool once;   /* it can be read only once */
	bool used;   /* and was */
	struct source_options options;
	struct trace_reader *reader;
	struct replay *replay;
	struct live *live;
	bool ended; /* the replay came to the trace's end */
};

/* ---- Errors --------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static void set_error(
	struct source_error *error, int status, const char *path, const char *format, ...)
{
	va_list args;

	*error = (struct source_error){.status = status};
	snprintf(error->path, sizeof error->path, "%s", path);
	va_start(args, format);
	vsnprintf(error->message, sizeof error->message, format, args);
	va_end(args);
}

static void set_open_error(struct source_error *error, const char *path, int number)
{
	if (number == ENOMEM) {
		set_error(error, 3, path, "out of memory");
		return;
	}
	set_error(error, is_shortage(number) ? 3 : 1, path, "%s", strerror(number));
	error->open = number;
}

static void set_place(struct source_error *error, uint64_t line, uint64_t column)
{
	error->line = line;
	error->column = column;
}

/* ---- Finding out ---------------------------------------------------------------------- */

bool source_parse_point(const char *text, struct source_point *point)
{
	char *end;
	double number, unit;

	*point = (struct source_point){.kind = SOURCE_END};
	if (!strcmp(text, "end"))
		return true;
	point->kind = SOURCE_PEAK;
	if (!strcmp(text, "peak"))
		return true;
	if (!isdigit((unsigned char)*text))
		return false;
	point->kind = SOURCE_EVENT;
	errno = 0;
	point->number = strtoull(text, &end, 10);
	if (!*end)
		return !errno;
	point->kind = SOURCE_TIME;
	number = strtod(text, &end);
	unit = size_time_unit(end);
	if (unit == 0 || !(number * unit < 1.8e19))
		return false;
	point->number = (uint64_t)(number * unit + 0.5);
	return true;
}

bool source_is_pid(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

const char *source_short_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!strcmp(path, "-"))
		return "standard input";
	return slash && slash[1] ? slash + 1 : path;
}

/* PID in digits. */
static int find_live(struct source *source, const char *pid, struct source_error *error)
{
	struct live_error cause;

	source->kind = SOURCE_LIVE;
	snprintf(source->path, sizeof source->path, "%.40s", pid);
	source->live = live_open(live_pid(pid), &cause);
	if (source->live)
		return 0;
	set_error(error, cause.status, source->path, "%s%s%s", cause.message,
		access(pid, F_OK) == 0 ? "; the file is ./" : "",
		access(pid, F_OK) == 0 ? source->path : "");
	return -1;
}

/* Nothing was named and no replay is kept: the one process that there is. */
static int find_only(struct source *source, struct source_error *error)
{
	char pid[24], text[sizeof error->message];
	pid_t only = source_live_only(text, sizeof text);

	if (only > 0) {
		snprintf(pid, sizeof pid, "%d", (int)only);
		return find_live(source, pid, error);
	}
	set_error(error, 1, "", "nothing to show: %.370s", text);
	return -1;
}

static int find_last(struct source *source, struct source_error *error)
{
	FILE *in = state_open(false, source->path);
	int number = errno;

	source->kind = SOURCE_LAST;
	if (in) {
		fclose(in);
		return 0;
	}
	if (number == ENOENT)
		return find_only(source, error);
	set_open_error(error, source->path, number);
	return -1;
}

static int find_file(struct source *source, const char *path, struct source_error *error)
{
	struct stat status;
	int json;

	if (strlen(path) >= sizeof source->path) {
		set_open_error(error, path, ENAMETOOLONG);
		return -1;
	}
	strcpy(source->path, path);
	if (!strcmp(path, "-"))
		source->fd = STDIN_FILENO;
	else
		source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (source->fd < 0 || fstat(source->fd, &status)) {
		set_open_error(error, path, errno);
		return -1;
	}
	if (S_ISDIR(status.st_mode)) {
		set_open_error(error, path, EISDIR);
		return -1;
	}
	source->start = lseek(source->fd, 0, SEEK_CUR);
	source->once = !S_ISREG(status.st_mode);
	json = source_peek_is_json(source->fd);
	if (json < 0) {
		set_open_error(error, path, errno);
		return -1;
	}
	source->kind = json ? SOURCE_SNAPSHOT : SOURCE_TRACE;
	return 0;
}

static int find(struct source *source, const char *argument, struct source_error *error)
{
	char pid[24];

	if (source->options.pid >= 0) {
		snprintf(pid, sizeof pid, "%" PRId64, source->options.pid);
		argument = pid;
	}
	if (!argument)
		return find_last(source, error);
	if (!source_is_pid(argument))
		return find_file(source, argument, error);
	return find_live(source, argument, error);
}

struct source *source_open(
	const char *argument, const struct source_options *options, struct source_error *error)
{
	struct source *source = calloc(1, sizeof *source);

	if (!source) {
		set_open_error(error, "", ENOMEM);
		return NULL;
	}
	source->fd = -1;
	source->options = *options;
	if (!find(source, argument, error))
		return source;
	source_close(source);
	return NULL;
}

/* What the last snapshot was made of. */
static void drop_replay(struct source *source)
{
	replay_free(source->replay);
	if (source->reader)
		trace_close(source->reader);
	source->replay = NULL;
	source->reader = NULL;
	source->ended = false;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	drop_replay(source);
	live_close(source->live);
	if (source->fd > STDIN_FILENO)
		close(source->fd);
	free(source);
}

enum source_kind source_kind(const struct source *source)
{
	return source->kind;
}

const char *source_path(const struct source *source)
{
	return source->path;
}

const struct replay_counts *source_counts(const struct source *source)
{
	return source->replay ? replay_plain_counts(source->replay) : NULL;
}

/* ---- A trace -------------------------------------------------------------------------- */

static int open_trace(struct source *source, struct source_error *error)
{
	unsigned flags = source->options.replay.keep_going ? TRACE_KEEP_GOING : 0;
	struct trace_error cause = {0};
	struct replay_error refused = {0};

	source->reader = trace_open_fd(source->fd, flags, &cause);
	if (!source->reader) {
		set_error(error, 1, source->path, "%s", cause.message);
		set_place(error, cause.line, cause.column);
		if (cause.system)
			set_open_error(error, source->path, cause.system);
		return -1;
	}
	source->replay = replay_new(source->reader, &source->options.replay, &refused);
	if (source->replay)
		return 0;
	set_error(error, refused.status, source->path, "%s", refused.message);
	return -1;
}

/* As replay_run(), with progress told. */
static int run(struct source *source, uint64_t event, uint64_t time_ns, struct replay_error *error)
{
	int got;

	if (!source->options.progress)
		return replay_run(source->replay, event, time_ns, error);
	for (;;) {
		uint64_t done = replay_plain_counts(source->replay)->events, to = event;

		if (to - done > PROGRESS_EVENTS)
			to = done + PROGRESS_EVENTS;
		got = replay_run(source->replay, to, time_ns, error);
		source->options.progress(source->options.arg, replay_plain_counts(source->replay),
			trace_position(source->reader), trace_length(source->reader));
		if (got != 1 || to == event || replay_plain_counts(source->replay)->events < to)
			return got;
	}
}

static struct snapshot *take(
	struct source *source, const struct source_point *point, struct source_error *error)
{
	bool peak = point->kind == SOURCE_PEAK;
	struct snapshot *snapshot =
		peak ? replay_snapshot_peak(source->replay) : replay_snapshot(source->replay);
	const char *name = peak ? "peak" : source->ended ? "end" : "event";

	if (snapshot && !snapshot_set_origin(snapshot, source->path, name))
		return snapshot;
	snapshot_free(snapshot);
	set_error(error, 3, source->path, "out of memory");
	return NULL;
}

static struct snapshot *trace_snapshot(
	struct source *source, const struct source_point *point, struct source_error *error)
{
	uint64_t event = point->kind == SOURCE_EVENT ? point->number : UINT64_MAX;
	uint64_t time_ns = point->kind == SOURCE_TIME ? point->number : UINT64_MAX;
	struct replay_error refused = {0};
	uint64_t events;
	int got;

	if (open_trace(source, error))
		return NULL;
	got = run(source, event, time_ns, &refused);
	if (got < 0) {
		set_error(error, refused.status, source->path, "%s", refused.message);
		set_place(error, refused.line, refused.column);
		return NULL;
	}
	source->ended = got == 0;
	events = replay_plain_counts(source->replay)->events;
	if (point->kind == SOURCE_EVENT && events < event) {
		char have[SIZE_TEXT], want[SIZE_TEXT];

		set_error(error, 1, source->path, "there is no event %s; the trace has %s",
			size_count(want, event, SIZE_DIGIT), size_count(have, events, SIZE_DIGIT));
		return NULL;
	}
	return take(source, point, error);
}

/* ---- JSON ----------------------------------------------------------------------------- */

/* Reads the snapshot that IN holds, which is closed. */
static struct snapshot *read_json(FILE *in, const char *path, struct source_error *error)
{
	struct json_error cause;
	struct snapshot *snapshot = json_read(in, &cause);

	if (!snapshot) {
		set_error(error, 1, path, "%s", cause.message);
		set_place(error, cause.line, cause.column);
		if (cause.system == EBADMSG)
			set_error(error, 1, path, "the compressed data is damaged or cut short");
		else if (cause.system)
			set_open_error(error, path, cause.system);
	}
	fclose(in);
	return snapshot;
}

/* The moment in words: "end (event 19,801)". */
static void describe_moment(const struct snapshot *snapshot, char text[static 80])
{
	char count[SIZE_TEXT];
	const char *point = snapshot->point;

	size_count(count, snapshot->event, SIZE_DIGIT);
	if (snapshot->event == SNAPSHOT_UNKNOWN)
		snprintf(text, 80, "%s", *point ? point : "no known moment");
	else if (!*point || !strcmp(point, "event"))
		snprintf(text, 80, "event %s", count);
	else
		snprintf(text, 80, "%s (event %s)", point, count);
}

static bool is_at(const struct snapshot *snapshot, const struct source_point *point)
{
	switch (point->kind) {
	case SOURCE_AS_IS:
		return true;
	case SOURCE_END:
		return !strcmp(snapshot->point, "end") || snapshot->event == snapshot->events;
	case SOURCE_PEAK:
		return !strcmp(snapshot->point, "peak");
	case SOURCE_EVENT:
		return snapshot->event == point->number;
	case SOURCE_TIME:
		return snapshot->time_ns == point->number;
	}
	return false;
}

static struct snapshot *json_snapshot(
	struct source *source, const struct source_point *point, struct source_error *error)
{
	char moment[80], message[sizeof error->message];
	struct snapshot *snapshot;
	int number = 0;
	FILE *in = source_peek_open(source->fd, message, sizeof message, &number);

	if (!in) {
		set_error(error, 1, source->path, "%s", message);
		if (number)
			set_open_error(error, source->path, number);
		return NULL;
	}
	snapshot = read_json(in, source->path, error);
	if (!snapshot || is_at(snapshot, point))
		return snapshot;
	describe_moment(snapshot, moment);
	set_error(error, 1, source->path,
		"the snapshot is of one moment, %s; for another, name the trace that it is of",
		moment);
	snapshot_free(snapshot);
	return NULL;
}

/* ---- The last replay ------------------------------------------------------------------ */

static struct snapshot *read_last(bool peak, struct source_error *error)
{
	char path[STATE_PATH];
	FILE *in = state_open(peak, path);

	if (in)
		return read_json(in, path, error);
	set_open_error(error, path, errno);
	return NULL;
}

static struct snapshot *last_snapshot(const struct source_point *point, struct source_error *error)
{
	bool peak = point->kind == SOURCE_PEAK;
	struct snapshot *snapshot = read_last(peak, error);

	if (!snapshot || peak || point->kind < SOURCE_EVENT || is_at(snapshot, point))
		return snapshot;
	snapshot_free(snapshot);
	snapshot = read_last(true, error);
	if (!snapshot || is_at(snapshot, point))
		return snapshot;
	set_error(error, 1, "",
		"the last replay is kept at its end and its peak only; for another moment name "
		"the trace, %.200s",
		snapshot->path ? snapshot->path : "if it is at hand");
	snapshot_free(snapshot);
	return NULL;
}

/* ---- A process ------------------------------------------------------------------------ */

static struct snapshot *process_snapshot(
	struct source *source, const struct source_point *point, struct source_error *error)
{
	struct live_error cause;
	struct snapshot *snapshot = NULL;

	if (point->kind > SOURCE_END) {
		set_error(error, 1, source->path,
			"a process is seen as it is now; moments are for traces (record makes "
			"one)");
		return NULL;
	}
	snapshot = live_snapshot(source->live, &cause);
	if (!snapshot)
		set_error(error, cause.status, source->path, "%s", cause.message);
	return snapshot;
}

struct snapshot *source_snapshot(
	struct source *source, const struct source_point *point, struct source_error *error)
{
	drop_replay(source);
	if (source->kind == SOURCE_LAST)
		return last_snapshot(point, error);
	if (source->kind == SOURCE_LIVE)
		return process_snapshot(source, point, error);
	if (source->used && source->once) {
		set_error(error, 1, source->path, "it was read already, and can be read only once");
		return NULL;
	}
	if (source->used && lseek(source->fd, source->start, SEEK_SET) < 0) {
		set_open_error(error, source->path, errno);
		return NULL;
	}
	source->used = true;
	if (source->kind == SOURCE_SNAPSHOT)
		return json_snapshot(source, point, error);
	return trace_snapshot(source, point, error);
}

static bool last_peak(struct replay_moment *peak)
{
	struct source_error error;
	struct snapshot *snapshot = read_last(true, &error);

	if (!snapshot)
		return false;
	*peak = (struct replay_moment){.event = snapshot->event,
		.time_ns = snapshot->time_ns,
		.live_contexts = snapshot->n};
	snapshot_totals(snapshot, &peak->figures);
	peak->live_chunks = peak->figures.live_chunks;
	peak->requested_bytes = peak->figures.requested_bytes;
	snapshot_free(snapshot);
	return true;
}

bool source_peak(const struct source *source, struct replay_moment *peak)
{
	if (source->kind == SOURCE_LAST)
		return last_peak(peak);
	if (!source->replay || !source->ended)
		return false;
	replay_peak(source->replay, peak);
	return true;
}

static const char *shown_path(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

void source_describe(
	const struct source *source, const struct snapshot *snapshot, char text[static SOURCE_TEXT])
{
	const char *path = shown_path(snapshot->path ? snapshot->path : "no known trace");
	char moment[80];

	describe_moment(snapshot, moment);
	if (source->kind == SOURCE_LIVE)
		source_live_describe(source->live, snapshot, text, SOURCE_TEXT);
	else if (source->kind == SOURCE_LAST)
		snprintf(text, SOURCE_TEXT, "the last replay: %.400s, %s", path, moment);
	else if (source->kind == SOURCE_SNAPSHOT && snapshot->pid >= 0)
		snprintf(text, SOURCE_TEXT, "%.200s: a snapshot of process %" PRId64,
			shown_path(source->path), snapshot->pid);
	else if (source->kind == SOURCE_SNAPSHOT)
		snprintf(text, SOURCE_TEXT, "%.200s: a snapshot of %.200s, %s",
			shown_path(source->path), path, moment);
	else
		snprintf(text, SOURCE_TEXT, "%.400s, %s", path, moment);
}
