/* SPDX-License-Identifier: MIT */
/*
 * Advice as JSON: what the table has, exactly, and each setting both as a text to paste and in
 * parts.
 */
#include "model/jsonadvise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/jsonvalue.h"

/* What has to last until the object is printed. */
struct texts {
	struct json_text path;
	struct text {
		struct json_text name, setting;
		char written[SETTING_TEXT];
	} of[ADVISE_MOST + 1]; /* the advice, and what was passed over */
};

static bool add_ratio(
	struct cJSON *object, const char *key, const struct advise *advise, double ratio)
{
	if (advise->slower > 0)
		return value_add_double(object, key, ratio) != NULL;
	return value_add_number(object, key, SNAPSHOT_UNKNOWN) != NULL;
}

static bool add_bytes(struct cJSON *object, const char *key, int64_t bytes)
{
	bool less = bytes < 0;

	return value_add_change(object, key, less, less ? 0 - (uint64_t)bytes : (uint64_t)bytes) !=
	       NULL;
}

static bool add_size(struct cJSON *object, const char *key, uint64_t size)
{
	return value_add_number(object, key, size != 0 ? size : SNAPSHOT_UNKNOWN) != NULL;
}

static bool add_parts(struct cJSON *object, const struct setting *setting)
{
	const char *kind = setting->has_kind ? setting_kind_text(setting->kind) : NULL;
	const char *classes = setting->classes == MEMCTX_CLASSES_FINE ? "fine" : "pow2";

	return value_add_string(object, "kind", kind) && add_size(object, "init", setting->init) &&
	       add_size(object, "max", setting->max) && add_size(object, "chunk", setting->chunk) &&
	       value_add_string(object, "classes", setting->has_classes ? classes : NULL);
}

static bool add_text(
	struct cJSON *object, const char *key, const char *text, struct json_text *buffer)
{
	char mark[32];
	bool escaped = false;

	text = json_presentable(text, buffer, &escaped);
	snprintf(mark, sizeof mark, "%s_escaped", key);
	return text != NULL && value_add_string(object, key, text) &&
	       (!escaped || value_add_true(object, mark));
}

static bool add_advice(struct cJSON *object, const struct advise *advise,
	const struct advice *advice, struct text *text)
{
	setting_text(&advice->setting, text->written);
	return add_text(object, "name", advice->name, &text->name) &&
	       value_add_number(object, "contexts", advice->contexts) &&
	       value_add_number(object, "total_bytes", advice->total) &&
	       value_add_number(object, "predicted_bytes", advice->predicted) &&
	       add_bytes(object, "confirmed_bytes", advice->confirmed) &&
	       add_ratio(object, "time", advise, advice->time) &&
	       add_text(object, "setting", text->written, &text->setting) &&
	       add_parts(value_add_object(object, "parts"), &advice->setting);
}

static bool add_passed(struct cJSON *head, const struct advise *advise, struct text *text)
{
	if (advise->passed.confirmed <= 0)
		return value_add_string(head, "passed_over", NULL) != NULL;
	return add_advice(value_add_object(head, "passed_over"), advise, &advise->passed, text);
}

static bool add_all(struct cJSON *head, const char *path, const struct script *script,
	const struct advise *advise, struct texts *texts)
{
	struct cJSON *together, *array;

	if (!json_add_head(head, "memctx-advise") || !json_add_path(head, path, &texts->path) ||
		!value_add_number(head, "events", script->events) ||
		!value_add_number(head, "left_out", script->skipped) ||
		!value_add_number(head, "peak_event", advise->peak_event) ||
		!value_add_number(head, "peak_total_bytes", advise->peak_total) ||
		!value_add_number(head, "names", advise->names) ||
		!add_ratio(head, "slower", advise, advise->slower))
		return false;
	array = value_add_array(head, "advice");
	for (size_t i = 0; i < advise->n; i++)
		if (!add_advice(
			    value_add_object(array, NULL), advise, &advise->list[i], &texts->of[i]))
			return false;
	together = value_add_object(head, "together");
	return add_bytes(together, "confirmed_bytes", advise->together) &&
	       add_ratio(together, "time", advise, advise->together_time) &&
	       add_passed(head, advise, &texts->of[ADVISE_MOST]);
}

int json_write_advise(
	FILE *out, const char *path, const struct script *script, const struct advise *advise)
{
	struct texts *texts = calloc(1, sizeof *texts);
	struct cJSON *head = value_object();
	size_t strings = 4 * strlen(path) + (advise->n + 1) * (8 * SETTING_TEXT + JSON_OBJECT);
	int result = -1, error;

	if (texts != NULL && add_all(head, path, script, advise, texts) &&
		json_put(out, head, strings) == 0)
		result = 0;
	error = errno;
	value_delete(head);
	for (size_t i = 0; texts != NULL && i <= ADVISE_MOST; i++) {
		free(texts->of[i].name.text);
		free(texts->of[i].setting.text);
	}
	free(texts != NULL ? texts->path.text : NULL);
	free(texts);
	errno = error;
	return result;
}
