/* SPDX-License-Identifier: MIT */
/*
 * Reading snapshots from JSON, nested and flat.
 *
 * jsonsplit.c yields the objects one by one.  In the nested form a context is added when its
 * object begins, so that it stands before its children wherever these stand in its text, and is
 * filled in when it ends.  Nothing in the text is believed: what is read is judged as a whole by
 * snapshot_valid() besides.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model/display.h"
#include "model/json.h"
#include "model/jsonform.h"
#include "model/jsonlists.h"
#include "model/jsonsplit.h"
#include "model/jsonvalue.h"
#include "model/utf8.h"

struct reader {
	struct jsonsplit split;
	struct json_form form;
	struct snapshot *snapshot;
	struct json_error *error;
	bool head;          /* what the snapshot is was read */
	uint64_t n;         /* contexts by its totals, or SNAPSHOT_UNKNOWN */
	bool flat;          /* and the first object held no contexts */
	struct lists lists; /* of the context in hand */
};

/* ---- Errors --------------------------------------------------------------------------- */

static void set_error(
	struct json_error *error, uint64_t line, uint64_t column, const char *format, va_list args)
{
	*error = (struct json_error){.line = line, .column = column};
	vsnprintf(error->message, sizeof error->message, format, args);
}

/* Refuses the object in hand, for the reason given. */
__attribute__((format(printf, 2, 3))) static int refuse(
	struct reader *reader, const char *format, ...)
{
	const struct jsonsplit *split = &reader->split;
	const struct split_frame line = {.line = split->line, .column = split->column};
	const struct split_frame *frame = split->n ? &split->frames[split->n - 1] : &line;
	va_list args;

	va_start(args, format);
	set_error(reader->error, frame->line, frame->column, format, args);
	va_end(args);
	return -1;
}

static int no_memory(struct reader *reader)
{
	*reader->error = (struct json_error){.system = ENOMEM};
	snprintf(reader->error->message, sizeof reader->error->message, "out of memory");
	return -1;
}

/* What the splitter found. */
static int refuse_text(struct reader *reader)
{
	struct json_error *error = reader->error;

	*error = (struct json_error){.line = reader->split.line,
		.column = reader->split.column,
		.system = reader->split.system};
	if (error->system)
		error->line = error->column = 0;
	snprintf(error->message, sizeof error->message, "%s", reader->split.message);
	return -1;
}

/* ---- Members -------------------------------------------------------------------------- */

static int read_number(
	struct reader *reader, const struct cJSON *object, const char *key, uint64_t *number)
{
	if (value_number(value_member(object, key), number))
		return 0;
	return refuse(
		reader, "\"%s\" is not a whole number below 2^64 - 1; expected one, or null", key);
}

/* A string, unescaped where KEY_escaped says that it is; *STRING is NULL for null. */
static int read_string(struct reader *reader, const struct cJSON *object, const char *key,
	const char *key_escaped, char **string)
{
	const struct cJSON *value = value_member(object, key);

	*string = NULL;
	if (value_is_null(value))
		return 0;
	*string = value_string(value);
	if (!*string)
		return refuse(reader, "\"%s\" is not a string; expected one, or null", key);
	if (key_escaped && value_is_true(value_member(object, key_escaped)) &&
		!utf8_unescape(*string))
		return refuse(reader, "\"%s\" has a backslash that is neither \\xHH nor \\\\", key);
	return 0;
}

static bool parse_id(const char *text, uint64_t *id)
{
	char *end;

	errno = 0;
	*id = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

/* An id, a string; *THERE is false where it is null or missing. */
static int read_id(struct reader *reader, const struct cJSON *object, const char *key, uint64_t *id,
	bool *there)
{
	const struct cJSON *value = value_member(object, key);
	const char *text = value_is_null(value) ? NULL : value_string(value);

	*there = !value_is_null(value);
	if (*there && (!text || !parse_id(text, id)))
		return refuse(reader, "\"%s\" is no id; expected a string of digits", key);
	return 0;
}

static int read_class(
	struct reader *reader, const struct cJSON *value, struct snapshot_class *classes)
{
	uint64_t size;
	unsigned k;

	if (!value_is_object(value))
		return refuse(reader, "\"classes\" holds what is not an object");
	if (read_number(reader, value, "size", &size))
		return -1;
	k = snapshot_class_of(size);
	if (k == SNAPSHOT_CLASSES || UINT64_C(8) << k != size)
		return refuse(reader, "a class without a size of 8, 16, 32 ... 8192");
	for (size_t i = 0; i < JSON_CLASS; i++)
		if (read_number(
			    reader, value, json_class_keys[i], json_class_figure(&classes[k], i)))
			return -1;
	return 0;
}

static int read_classes(
	struct reader *reader, const struct cJSON *object, struct snapshot_class *classes)
{
	const struct cJSON *array = value_member(object, "classes");

	if (value_is_null(array))
		return 0;
	if (!value_is_array(array))
		return refuse(reader, "\"classes\" is not an array");
	for (const struct cJSON *at = value_first(array); at; at = value_next(at))
		if (read_class(reader, at, classes))
			return -1;
	return 0;
}

static int read_figures(
	struct reader *reader, const struct cJSON *object, struct snapshot_figures *figures)
{
	size_t next = 0;

	/* Each member is most often the one that follows the last in the table. */
	for (const struct cJSON *at = value_first(object); at; at = value_next(at)) {
		for (size_t i = 0; i < JSON_PLAINS; i++, next++) {
			next %= JSON_PLAINS;
			if (strcmp(value_key(at), json_plain_keys[next]))
				continue;
			if (!value_number(at, json_plain_figure(figures, next)))
				return read_number(reader, object, value_key(at), &(uint64_t){0});
			break;
		}
	}
	return read_classes(reader, object, figures->classes);
}

/* ---- The head ------------------------------------------------------------------------- */

static int read_schema(struct reader *reader, const struct cJSON *head)
{
	const struct cJSON *schema = value_member(head, "schema");
	const char *name = value_is_null(schema) ? NULL : value_string(schema);
	uint64_t version;
	char shown[DISPLAY_SIZE(40)];

	if (!name)
		return refuse(
			reader, "no memctx snapshot: expected \"schema\": \"%s\"", JSON_SCHEMA);
	display_fit(shown, name, 40, 0);
	if (strcmp(name, JSON_SCHEMA))
		return refuse(reader, "\"schema\" is \"%s\"; expected \"%s\"", shown, JSON_SCHEMA);
	if (read_number(reader, head, "version", &version))
		return -1;
	if (version == SNAPSHOT_UNKNOWN)
		return refuse(reader, "no \"version\"; expected %d", JSON_VERSION);
	if (version != JSON_VERSION)
		return refuse(reader,
			"\"version\" is %" PRIu64 "; this memctx-tool reads version %d", version,
			JSON_VERSION);
	return 0;
}

static int read_source_kind(struct reader *reader, const struct cJSON *source)
{
	static const char *const kinds[] = {
		[SNAPSHOT_REPLAY] = "replay", [SNAPSHOT_LIVE] = "live", [SNAPSHOT_FILE] = "file"};
	char *kind;

	if (read_string(reader, source, "kind", NULL, &kind))
		return -1;
	for (unsigned i = 0; kind && i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kind, kinds[i])) {
			reader->snapshot->source = (enum snapshot_source)i;
			return 0;
		}
	return refuse(reader, "\"source\" is of no known \"kind\"; expected replay, live or file");
}

static int read_source(struct reader *reader, const struct cJSON *head)
{
	const struct cJSON *source = value_member(head, "source");
	struct snapshot *snapshot = reader->snapshot;
	char *path, *point;
	uint64_t pid;

	if (!value_is_object(source))
		return refuse(reader, "no object \"source\"");
	if (read_source_kind(reader, source) ||
		read_string(reader, source, "path", "path_escaped", &path) ||
		read_string(reader, source, "point", NULL, &point) ||
		read_number(reader, source, "pid", &pid) ||
		read_number(reader, source, "event", &snapshot->event) ||
		read_number(reader, source, "events", &snapshot->events) ||
		read_number(reader, source, "time_ns", &snapshot->time_ns))
		return -1;
	if (pid != SNAPSHOT_UNKNOWN && pid > INT32_MAX)
		return refuse(reader, "\"pid\" is no process id");
	snapshot->pid = pid == SNAPSHOT_UNKNOWN ? -1 : (int64_t)pid;
	if (point && strlen(point) >= sizeof snapshot->point)
		return refuse(
			reader, "\"point\" is none that is known; expected end, peak or event");
	strcpy(snapshot->point, point ? point : "");
	if (path)
		snapshot->path = strdup(path);
	return path && !snapshot->path ? no_memory(reader) : 0;
}

/* The text so far of the object in hand as a value, or NULL with the error told. */
static struct cJSON *parse(struct reader *reader, const char *what)
{
	size_t size, understood, shown;
	const char *text = split_text(&reader->split, &size);
	struct cJSON *value;
	char near[DISPLAY_SIZE(30)];

	errno = 0;
	value = value_parse(text, size, &understood);
	if (value)
		return value;
	if (errno == ENOMEM) {
		no_memory(reader);
		return NULL;
	}
	shown = understood > 10 ? understood - 10 : 0;
	display_fit(near, text + shown, 30, 0);
	refuse(reader, "%s is not JSON, near: %s", what, near);
	return NULL;
}

/*
 * Where the contexts begin: another schema or version is told from there on, where it stands in
 * front of them, before they are found wanting.
 */
static int read_head_early(struct reader *reader)
{
	struct cJSON *head = parse(reader, "the object around the contexts");
	int result = 0;

	if (head && value_member(head, "schema") && value_member(head, "version"))
		result = read_schema(reader, head);
	value_delete(head);
	return head ? result : -1;
}

/* The totals are those of the contexts; only their number is looked at, which shows a cut file. */
static int read_totals(struct reader *reader, const struct cJSON *head)
{
	const struct cJSON *totals = value_member(head, "totals");

	reader->n = SNAPSHOT_UNKNOWN;
	if (value_is_null(totals))
		return 0;
	if (!value_is_object(totals))
		return refuse(reader, "\"totals\" is not an object");
	return read_number(reader, totals, "contexts", &reader->n);
}

static int read_head(struct reader *reader)
{
	struct cJSON *head = parse(reader, "the object around the contexts");
	uint64_t replaced = 0;
	int result = -1;

	reader->head = true;
	reader->flat = !reader->split.frames[0].has_list;
	if (head && !read_schema(reader, head) && !read_source(reader, head) &&
		!read_totals(reader, head) &&
		!read_number(reader, head, "kinds_replaced", &replaced))
		result = value_is_null(value_member(head, "contexts"))
				 ? 0
				 : refuse(reader, "\"contexts\" is not an array of contexts");
	if (replaced != SNAPSHOT_UNKNOWN)
		reader->snapshot->kinds_replaced = replaced;
	value_delete(head);
	return result;
}

/* ---- Contexts ------------------------------------------------------------------------- */

/* What the members of OBJECT hold. */
static int read_fields(
	struct reader *reader, const struct cJSON *object, struct json_fields *fields)
{
	char *name, *ident, *type;
	const char *message;

	snapshot_fill(&fields->own, SNAPSHOT_UNKNOWN);
	if (read_id(reader, object, "id", &fields->id, &fields->has_id) ||
		read_id(reader, object, "parent", &fields->parent, &fields->has_parent) ||
		read_string(reader, object, "name", "name_escaped", &name) ||
		read_string(reader, object, "ident", "ident_escaped", &ident) ||
		read_string(reader, object, "type", NULL, &type) ||
		read_number(reader, object, "level", &fields->level) ||
		read_number(reader, object, "peak_total_bytes", &fields->peak_total_bytes) ||
		read_figures(reader, object, &fields->own))
		return -1;
	message = json_read_lists(object, fields->own.classes, &reader->lists);
	if (!message && !value_is_null(value_member(object, "children")))
		message = "\"children\" where no list of contexts can be";
	fields->name = name;
	fields->ident = ident;
	fields->type = type;
	return message ? refuse(reader, "%s", message) : 0;
}

static int add_context(struct reader *reader, uint32_t parent)
{
	return snapshot_add(reader->snapshot, 0, parent, "", NULL, "") ? 0 : no_memory(reader);
}

/* Fills in context INDEX. */
static int store(
	struct reader *reader, const struct json_fields *fields, uint32_t index, uint32_t level)
{
	struct snapshot_context *context = &reader->snapshot->contexts[index];

	if (!fields->has_id || !fields->name || !fields->type)
		return refuse(reader, "a context without \"%s\"",
			!fields->has_id ? "id"
			: !fields->name ? "name"
					: "type");
	if (fields->level != SNAPSHOT_UNKNOWN && fields->level != level)
		return refuse(reader,
			"\"level\" is %" PRIu64 " where the context is at level %" PRIu32,
			fields->level, level);
	context->id = fields->id;
	context->level = level;
	context->own = fields->own;
	context->peak_total_bytes = fields->peak_total_bytes;
	if ((reader->lists.has && snapshot_set_lists(reader->snapshot, context, &reader->lists)) ||
		snapshot_rename(reader->snapshot, index, fields->name, fields->ident, fields->type))
		return no_memory(reader);
	reader->lists.has = 0;
	return 0;
}

/* The parent that a flat context names: the context before it, or one above that. */
static int find_parent(struct reader *reader, const struct json_fields *fields, uint32_t *parent)
{
	const struct snapshot *snapshot = reader->snapshot;

	*parent = SNAPSHOT_NONE;
	if (!fields->has_parent)
		return 0;
	*parent = snapshot->n ? (uint32_t)snapshot->n - 1 : SNAPSHOT_NONE;
	while (*parent != SNAPSHOT_NONE && snapshot->contexts[*parent].id != fields->parent)
		*parent = snapshot->contexts[*parent].parent;
	if (*parent == SNAPSHOT_NONE)
		return refuse(reader,
			"\"parent\" is %" PRIu64
			"; expected the id of the context before this one, "
			"or of one above that",
			fields->parent);
	return 0;
}

static int store_flat(struct reader *reader, const struct json_fields *fields)
{
	struct snapshot *snapshot = reader->snapshot;
	uint32_t parent, level = 1;

	if (find_parent(reader, fields, &parent) || add_context(reader, parent))
		return -1;
	if (parent != SNAPSHOT_NONE)
		level = snapshot->contexts[parent].level + 1;
	return store(reader, fields, (uint32_t)snapshot->n - 1, level);
}

static int store_any(struct reader *reader, const struct json_fields *fields)
{
	const struct jsonsplit *split = &reader->split;

	if (reader->flat)
		return store_flat(reader, fields);
	return store(reader, fields, split->frames[split->n - 1].tag, (uint32_t)split->n - 1);
}

/* The context that has ended: in the usual form, or whatever is JSON. */
static int read_context(struct reader *reader)
{
	struct json_fields fields = {0};
	struct cJSON *object;
	size_t size;
	char *text = split_text(&reader->split, &size);
	int result = -1;

	if (form_match(&reader->form, text, size, &fields))
		return store_any(reader, &fields);
	fields = (struct json_fields){0};
	object = parse(reader, "this context");
	if (object && !read_fields(reader, object, &fields))
		result = store_any(reader, &fields);
	value_delete(object);
	return result;
}

/* Reads flat contexts while they are lines of the usual form. */
static int read_lines(struct reader *reader)
{
	struct json_fields fields = {0};
	size_t size;
	char *line;

	while ((line = split_line(&reader->split, &size)) &&
		form_match(&reader->form, line, size, &fields)) {
		if (store_flat(reader, &fields))
			return -1;
		split_pass_line(&reader->split, size);
	}
	return 0;
}

static int opened(struct reader *reader)
{
	struct split_frame *frame = &reader->split.frames[reader->split.n - 1];

	if (reader->split.n == 1)
		return reader->head && !reader->flat
			       ? refuse(reader, "something follows the snapshot")
			       : 0;
	if (reader->flat)
		return refuse(reader, "\"contexts\" inside a context");
	frame->tag = (uint32_t)reader->snapshot->n;
	return add_context(reader, reader->split.n == 2 ? SNAPSHOT_NONE : frame[-1].tag);
}

static int closed(struct reader *reader)
{
	if (reader->split.n > 1 || reader->head)
		return read_context(reader);
	return read_head(reader);
}

/* ---- The whole ------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

	return (first > second) - (first < second);
}

/* Whether each id names one context only. */
static int check_ids(struct reader *reader)
{
	const struct snapshot *snapshot = reader->snapshot;
	uint64_t *ids = malloc((snapshot->n + 1) * sizeof *ids);
	size_t i;

	if (!ids)
		return no_memory(reader);
	for (i = 0; i < snapshot->n; i++)
		ids[i] = snapshot->contexts[i].id;
	qsort(ids, snapshot->n, sizeof *ids, by_number);
	for (i = 1; i < snapshot->n && ids[i - 1] != ids[i]; i++)
		;
	if (i < snapshot->n) {
		*reader->error = (struct json_error){0};
		snprintf(reader->error->message, sizeof reader->error->message,
			"two contexts have the id %" PRIu64, ids[i]);
	}
	free(ids);
	return i < snapshot->n ? -1 : 0;
}

static int check_number(struct reader *reader)
{
	struct json_error *error = reader->error;

	if (reader->n == SNAPSHOT_UNKNOWN || reader->n == reader->snapshot->n)
		return 0;
	*error = (struct json_error){
		.line = reader->split.line, .column = split_column(&reader->split) + 1};
	snprintf(error->message, sizeof error->message,
		"%zu contexts; expected %" PRIu64 ", which \"totals\" has", reader->snapshot->n,
		reader->n);
	return -1;
}

static int read_all(struct reader *reader)
{
	enum split_event event;
	int result = 0;

	while (!result && (event = split_next(&reader->split)) != SPLIT_END) {
		if (event == SPLIT_ERROR)
			return refuse_text(reader);
		if (event == SPLIT_OPEN)
			result = opened(reader);
		else if (event == SPLIT_CLOSE)
			result = closed(reader) || (reader->flat && read_lines(reader));
		else if (reader->split.n == 1 && !reader->head)
			result = read_head_early(reader);
	}
	if (result)
		return -1;
	if (reader->head)
		return check_number(reader);
	*reader->error = (struct json_error){.line = 1, .column = 1};
	snprintf(reader->error->message, sizeof reader->error->message,
		"empty; expected a memctx snapshot");
	return -1;
}

static int read_and_judge(struct reader *reader)
{
	if (read_all(reader) || check_ids(reader))
		return -1;
	snapshot_finish(reader->snapshot);
	if (snapshot_valid(reader->snapshot, reader->error->message, sizeof reader->error->message))
		return 0;
	reader->error->line = reader->error->column = 0;
	reader->error->system = 0;
	return -1;
}

struct snapshot *json_read(FILE *in, struct json_error *error)
{
	struct reader *reader = calloc(1, sizeof *reader);
	struct snapshot *snapshot = snapshot_new();
	int result;

	if (!reader || !snapshot) {
		*error = (struct json_error){.system = ENOMEM, .message = "out of memory"};
		free(reader);
		snapshot_free(snapshot);
		return NULL;
	}
	reader->snapshot = snapshot;
	reader->error = error;
	split_init(&reader->split, in);
	result = form_init(&reader->form) ? no_memory(reader) : read_and_judge(reader);
	form_done(&reader->form);
	split_done(&reader->split);
	free(reader);
	if (!result)
		return snapshot;
	snapshot_free(snapshot);
	return NULL;
}

bool json_recognise(const void *bytes, size_t size)
{
	const char *text = bytes;

	while (size && (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n'))
		text++, size--;
	return size && *text == '{';
}
