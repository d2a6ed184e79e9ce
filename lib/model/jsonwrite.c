/* SPDX-License-Identifier: MIT */
/*
 * Writing snapshots as JSON.
 *
 * A context's text is jsonform.c's; what encloses the contexts (brackets, commas, line ends) is
 * written here.  So no more than one context is ever held, and
 * nothing recurses over the tree.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memctx.h"
#include "model/json.h"
#include "model/jsonform.h"
#include "model/jsonlists.h"
#include "model/jsonvalue.h"
#include "model/utf8.h"

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)
#define GENERATOR                                                                                  \
	"memctx-tool " TEXT_OF(MEMCTX_VERSION_MAJOR) "." TEXT_OF(                                  \
		MEMCTX_VERSION_MINOR) "." TEXT_OF(MEMCTX_VERSION_PATCH)
#define FLUSH_SIZE 65536

/* The plain figures, by their names in C, which are those in JSON. */
#define PLAINS(X)                                                                                  \
	X(total_bytes)                                                                             \
	X(total_nblocks)                                                                           \
	X(free_bytes)                                                                              \
	X(free_chunks)                                                                             \
	X(used_bytes)                                                                              \
	X(live_chunks)                                                                             \
	X(requested_bytes)                                                                         \
	X(slack_bytes)                                                                             \
	X(header_bytes)                                                                            \
	X(freelist_bytes)                                                                          \
	X(tail_bytes)                                                                              \
	X(large_chunks)                                                                            \
	X(large_bytes)                                                                             \
	X(allocs)                                                                                  \
	X(frees)                                                                                   \
	X(reallocs)                                                                                \
	X(resets)

#define KEY(figure) #figure,
const char *const json_plain_keys[JSON_PLAINS] = {PLAINS(KEY)};
#define PLACE(figure) offsetof(struct snapshot_figures, figure),
static const size_t plain_places[JSON_PLAINS] = {PLAINS(PLACE)};

uint64_t *json_plain_figure(struct snapshot_figures *figures, size_t i)
{
	return (uint64_t *)((char *)figures + plain_places[i]);
}

uint64_t json_plain(const struct snapshot_figures *figures, size_t i)
{
	return *(const uint64_t *)((const char *)figures + plain_places[i]);
}

const char *const json_class_keys[JSON_CLASS] = {"live", "free", "slack"};

uint64_t *json_class_figure(struct snapshot_class *class, size_t i)
{
	uint64_t *const figures[JSON_CLASS] = {&class->live, &class->free, &class->slack};

	return figures[i];
}

uint64_t json_class(const struct snapshot_class *class, size_t i)
{
	const uint64_t figures[JSON_CLASS] = {class->live, class->free, class->slack};

	return figures[i];
}

static bool add_classes(struct cJSON *object, struct json_figures *form)
{
	struct cJSON *classes = value_add_array(object, "classes");

	for (unsigned k = 0; k < SNAPSHOT_CLASSES; k++) {
		struct cJSON *class = value_add_object(classes, NULL);

		if (!value_add_number(class, "size", UINT64_C(8) << k))
			return false;
		for (size_t i = 0; i < JSON_CLASS; i++) {
			form->classes[k][i] = value_add_number(class, json_class_keys[i], 0);
			if (!form->classes[k][i])
				return false;
		}
	}
	return true;
}

bool json_add_figures(struct cJSON *object, struct json_figures *form)
{
	for (size_t i = 0; i < JSON_PLAINS; i++) {
		form->plain[i] = value_add_number(object, json_plain_keys[i], 0);
		if (!form->plain[i])
			return false;
	}
	return add_classes(object, form);
}

void json_set_figures(const struct json_figures *form, const struct snapshot_figures *figures)
{
	for (size_t i = 0; i < JSON_PLAINS; i++)
		value_set_number(form->plain[i], json_plain(figures, i));
	for (unsigned k = 0; k < SNAPSHOT_CLASSES; k++)
		for (size_t i = 0; i < JSON_CLASS; i++)
			value_set_number(form->classes[k][i], json_class(&figures->classes[k], i));
}

const char *json_presentable(const char *text, struct json_text *buffer, bool *escaped)
{
	size_t length = strlen(text);

	*escaped = !utf8_valid(text, length);
	if (!*escaped)
		return text;
	buffer->size = 0;
	if (text_reserve(buffer, 4 * length + 1))
		return NULL;
	utf8_escape(buffer->text, text);
	return buffer->text;
}

bool json_add_head(struct cJSON *object, const char *schema)
{
	return value_add_string(object, "schema", schema) &&
	       value_add_number(object, "version", JSON_VERSION) &&
	       value_add_string(object, "generator", GENERATOR);
}

bool json_add_path(struct cJSON *object, const char *path, struct json_text *buffer)
{
	bool escaped = false;

	if (path) {
		path = json_presentable(path, buffer, &escaped);
		if (!path)
			return false;
	}
	return value_add_string(object, "path", path) &&
	       (!escaped || value_add_true(object, "path_escaped"));
}

int json_put(FILE *out, struct cJSON *object, size_t strings)
{
	struct json_text text = {0};
	int result = text_print(&text, object, strings);

	if (!result && (fwrite(text.text, 1, text.size, out) != text.size || putc('\n', out) < 0))
		result = -1;
	free(text.text);
	return result;
}

int json_names(struct json_text *path, const char *const *names, size_t n, struct json_text *buffer)
{
	bool escaped;

	path->size = 0;
	if (n > JSON_LEVELS)
		return text_string(path, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *name = json_presentable(names[i], buffer, &escaped);

		if (!name || text_reserve(path, 1))
			return -1;
		path->text[path->size++] = i > 0 ? ',' : '[';
		if (text_string(path, name))
			return -1;
	}
	if (text_reserve(path, 1))
		return -1;
	path->text[path->size++] = ']';
	return 0;
}

/* ---- A tree --------------------------------------------------------------------------- */

struct writer {
	FILE *out;
	const struct snapshot *snapshot;
	struct json_text text;             /* what has not gone to OUT yet */
	struct json_text name, ident;      /* of the context in hand, where escaped */
	struct json_text path;             /* the names from the root, with commas */
	size_t path_ends[JSON_LEVELS + 1]; /* where each level's name ends in it */
	struct json_form form;
};

static int flush(struct writer *writer)
{
	size_t size = writer->text.size;

	writer->text.size = 0;
	return fwrite(writer->text.text, 1, size, writer->out) == size ? 0 : -1;
}

static int put(struct writer *writer, const char *bytes, size_t size)
{
	if (text_reserve(&writer->text, size))
		return -1;
	memcpy(writer->text.text + writer->text.size, bytes, size);
	writer->text.size += size;
	return 0;
}

static int put_text(struct writer *writer, const char *text)
{
	return put(writer, text, strlen(text));
}

static bool add_source(
	struct cJSON *head, const struct snapshot *snapshot, struct json_text *buffer)
{
	static const char *const kinds[] = {"replay", "live", "file"};
	struct cJSON *source = value_add_object(head, "source");
	uint64_t pid = snapshot->pid < 0 ? SNAPSHOT_UNKNOWN : (uint64_t)snapshot->pid;

	return value_add_string(source, "kind", kinds[snapshot->source]) &&
	       json_add_path(source, snapshot->path, buffer) &&
	       value_add_number(source, "pid", pid) &&
	       value_add_number(source, "event", snapshot->event) &&
	       value_add_number(source, "events", snapshot->events) &&
	       value_add_number(source, "time_ns", snapshot->time_ns) &&
	       value_add_string(source, "point", *snapshot->point ? snapshot->point : NULL);
}

static bool add_totals(struct cJSON *head, const struct snapshot *snapshot)
{
	struct cJSON *totals = value_add_object(head, "totals");
	struct json_figures form;
	struct snapshot_figures sum;
	struct lists lists;

	if (!value_add_number(totals, "contexts", snapshot->n) || !json_add_figures(totals, &form))
		return false;
	snapshot_totals(snapshot, &sum);
	json_set_figures(&form, &sum);
	return !snapshot_sum_lists(snapshot, sum.classes, &lists) || json_add_lists(totals, &lists);
}

/* What stands before the contexts, without the last brace. */
static int put_head(struct writer *writer, bool flat)
{
	const struct snapshot *snapshot = writer->snapshot;
	struct cJSON *head = value_object();
	size_t path = snapshot->path ? 4 * strlen(snapshot->path) : 0;
	int result = -1;

	if (json_add_head(head, JSON_SCHEMA) && (!flat || value_add_string(head, "form", "flat")) &&
		add_source(head, snapshot, &writer->name) &&
		value_add_number(head, "kinds_replaced", snapshot->kinds_replaced) &&
		add_totals(head, snapshot))
		result = text_print(&writer->text, head, path + JSON_LISTS);
	value_delete(head);
	if (!result)
		writer->text.size--;
	return result;
}

static int writer_init(struct writer *writer, FILE *out, const struct snapshot *snapshot)
{
	*writer = (struct writer){.out = out, .snapshot = snapshot};
	return form_init(&writer->form);
}

static void writer_done(struct writer *writer)
{
	form_done(&writer->form);
	free(writer->text.text);
	free(writer->name.text);
	free(writer->ident.text);
	free(writer->path.text);
}

/*
 * The names from the root, the context's own the last.  Beyond JSON_LEVELS levels there is no path,
 * since the paths of a chain would take the square of its length.
 */
static int put_path(struct writer *writer, uint32_t level, const char *name)
{
	struct json_text *path = &writer->path;

	if (level > JSON_LEVELS)
		return put_text(writer, ",\"path\":null");
	path->size = writer->path_ends[level - 1];
	if (text_reserve(path, 1))
		return -1;
	if (level > 1)
		path->text[path->size++] = ',';
	if (text_string(path, name))
		return -1;
	writer->path_ends[level] = path->size;
	return put_text(writer, ",\"path\":[") || put(writer, path->text, path->size) ||
	       put_text(writer, "]");
}

static int print_context(struct writer *writer, const struct snapshot_context *context,
	const char *name, const char *ident)
{
	const struct snapshot *snapshot = writer->snapshot;
	struct json_fields fields = {.id = context->id,
		.has_parent = context->parent != SNAPSHOT_NONE,
		.level = context->level,
		.name = name,
		.ident = ident,
		.type = snapshot_string(snapshot, context->kind),
		.own = context->own,
		.peak_total_bytes = context->peak_total_bytes};

	if (fields.has_parent)
		fields.parent = snapshot->contexts[context->parent].id;
	return form_print(&writer->form, &fields, &writer->text);
}

static int put_lists(struct writer *writer, const struct snapshot_context *context)
{
	struct json_text *text = &writer->text;
	struct lists lists;

	if (!snapshot_lists(writer->snapshot, context, &lists))
		return 0;
	if (text_reserve(text, JSON_LISTS))
		return -1;
	text->size = (size_t)(json_put_lists(text->text + text->size, &lists) - text->text);
	return 0;
}

/* The context's own members, without the last brace. */
static int put_context(struct writer *writer, const struct snapshot_context *context, bool flat)
{
	const struct snapshot *snapshot = writer->snapshot;
	const char *name = snapshot_string(snapshot, context->name);
	const char *ident = snapshot_string(snapshot, context->ident);
	bool name_escaped, ident_escaped = false;

	name = json_presentable(name, &writer->name, &name_escaped);
	if (!name)
		return -1;
	if (ident) {
		ident = json_presentable(ident, &writer->ident, &ident_escaped);
		if (!ident)
			return -1;
	}
	if ((writer->text.size > FLUSH_SIZE && flush(writer)) ||
		print_context(writer, context, name, ident))
		return -1;
	if ((name_escaped && put_text(writer, ",\"name_escaped\":true")) ||
		(ident_escaped && put_text(writer, ",\"ident_escaped\":true")) ||
		(context->lists != 0 && put_lists(writer, context)))
		return -1;
	return flat ? put_path(writer, context->level, name) : 0;
}

static int put_flat(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;

	if (put_head(writer, true) || put_text(writer, "}\n"))
		return -1;
	for (size_t i = 0; i < snapshot->n; i++)
		if (put_context(writer, &snapshot->contexts[i], true) || put_text(writer, "}\n"))
			return -1;
	return 0;
}

/* Ends the contexts that are OPEN down to level LEVEL. */
static int put_ends(struct writer *writer, uint32_t open, uint32_t level)
{
	for (; open >= level; open--)
		if (put_text(writer, "]}"))
			return -1;
	return 0;
}

static int put_nested(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;
	uint32_t open = 0;

	if (put_head(writer, false) || put_text(writer, ",\"contexts\":["))
		return -1;
	for (size_t i = 0; i < snapshot->n; i++) {
		uint32_t level = snapshot->contexts[i].level;

		if (put_ends(writer, open, level) ||
			put_text(writer, open >= level ? ",\n" : "\n") ||
			put_context(writer, &snapshot->contexts[i], false) ||
			put_text(writer, ",\"children\":["))
			return -1;
		open = level;
	}
	return put_ends(writer, open, 1) || put_text(writer, "]}\n");
}

bool json_nests(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n; i++)
		if (snapshot->contexts[i].level > JSON_LEVELS)
			return false;
	return true;
}

static int write_tree(FILE *out, const struct snapshot *snapshot, int (*form)(struct writer *))
{
	struct writer writer;
	bool failed = writer_init(&writer, out, snapshot) || form(&writer) || flush(&writer);
	int error = errno;

	writer_done(&writer);
	errno = error;
	return failed ? -1 : 0;
}

int json_write_flat(FILE *out, const struct snapshot *snapshot)
{
	return write_tree(out, snapshot, put_flat);
}

int json_write_nested(FILE *out, const struct snapshot *snapshot)
{
	if (json_nests(snapshot))
		return write_tree(out, snapshot, put_nested);
	errno = EOVERFLOW;
	return -1;
}
