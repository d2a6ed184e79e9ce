/* SPDX-License-Identifier: MIT */
/*
 * One line by the grammar: its word, the fields that the word takes, its keys.  This is the only
 * judge of what is an error; the fast path gives every line that it does not know to this one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/trace_internal.h"

/* What a field holds, and where it goes; each is one of trace_field, or of what has no such. */
enum slot {
	SLOT_END,
	SLOT_CTX,
	SLOT_PARENT,
	SLOT_KIND,
	SLOT_NAME,
	SLOT_TEXT,
	SLOT_CHUNK,
	SLOT_NEWCHUNK,
	SLOT_SIZE,
	SLOT_COUNT,
	SLOT_LOST,
	SLOT_TIME,
	SLOT_THREAD,
};

static const struct {
	const char *name, *what;
	enum trace_field field;
	size_t offset; /* of numbers, in the event */
} slots[] = {
	[SLOT_CTX] = {"CTX", "a context's id", TRACE_FIELD_CTX, offsetof(struct trace_event, ctx)},
	[SLOT_PARENT] = {"PARENT", "a context's id or -", TRACE_FIELD_PARENT,
		offsetof(struct trace_event, id2)},
	[SLOT_KIND] = {"KIND", "aset, slab, generation, bump or malloc", TRACE_FIELD_KIND, 0},
	[SLOT_NAME] = {"NAME", "a \"string\"", TRACE_FIELD_NAME, 0},
	[SLOT_TEXT] = {"TEXT", "a \"string\"", TRACE_FIELD_NAME, 0},
	[SLOT_CHUNK] = {"CHUNK", "a chunk's id", TRACE_FIELD_CHUNK,
		offsetof(struct trace_event, chunk)},
	[SLOT_NEWCHUNK] = {"NEWCHUNK", "a chunk's id", TRACE_FIELD_NEWCHUNK,
		offsetof(struct trace_event, id2)},
	[SLOT_SIZE] = {"SIZE", "a number of bytes", TRACE_FIELD_SIZE,
		offsetof(struct trace_event, size)},
	[SLOT_COUNT] = {"COUNT", "a number of chunks", TRACE_FIELD_COUNT,
		offsetof(struct trace_event, id2)},
	[SLOT_LOST] = {"N", "a number of events", TRACE_FIELD_SIZE,
		offsetof(struct trace_event, size)},
	[SLOT_TIME] = {"NS", "a number of nanoseconds", TRACE_FIELD_SIZE,
		offsetof(struct trace_event, size)},
	[SLOT_THREAD] = {"T", "a thread's id", TRACE_FIELD_SIZE,
		offsetof(struct trace_event, size)},
};

#define CREATE_KEYS                                                                                \
	(TRACE_KEY_INIT | TRACE_KEY_MAX | TRACE_KEY_MIN | TRACE_KEY_CHUNK | TRACE_KEY_BLOCK |      \
		TRACE_KEY_IDENT | TRACE_KEY_CLASSES)

static const struct word {
	const char *name;
	uint8_t slots[5]; /* up to SLOT_END; NEWCHUNK may be absent */
	unsigned keys;
	bool takes_keys;
} words[] = {
	[TRACE_CREATE] = {"create", {SLOT_CTX, SLOT_PARENT, SLOT_KIND, SLOT_NAME}, CREATE_KEYS,
		true},
	[TRACE_IDENT] = {"ident", {SLOT_CTX, SLOT_TEXT}, 0, false},
	[TRACE_ALLOC] = {"alloc", {SLOT_CTX, SLOT_CHUNK, SLOT_SIZE}, TRACE_KEY_ALIGN, true},
	[TRACE_REALLOC] = {"realloc", {SLOT_CHUNK, SLOT_SIZE, SLOT_NEWCHUNK}, 0, false},
	[TRACE_FREE] = {"free", {SLOT_CHUNK}, 0, false},
	[TRACE_RESET] = {"reset", {SLOT_CTX}, 0, false},
	[TRACE_RESETONLY] = {"resetonly", {SLOT_CTX}, 0, false},
	[TRACE_DELETE] = {"delete", {SLOT_CTX}, 0, false},
	[TRACE_DELETECHILDREN] = {"deletechildren", {SLOT_CTX}, 0, false},
	[TRACE_MOVE] = {"move", {SLOT_CTX, SLOT_PARENT}, 0, false},
	[TRACE_BASE] = {"base", {SLOT_CTX, SLOT_SIZE, SLOT_COUNT}, 0, false},
	[TRACE_FREEBASE] = {"freebase", {SLOT_CTX, SLOT_SIZE}, 0, false},
	[TRACE_LOST] = {"lost", {SLOT_LOST}, 0, false},
	[TRACE_TIME] = {"time", {SLOT_TIME}, 0, false},
	[TRACE_THREAD] = {"thread", {SLOT_THREAD}, 0, false},
};

static const char *const kinds[TRACE_KINDS] = {"aset", "slab", "generation", "bump", "malloc"};

static const struct {
	const char *name;
	unsigned bit;
	size_t offset; /* in the create, where the value is a number */
} known_keys[] = {
	{"align", TRACE_KEY_ALIGN, 0},
	{"block", TRACE_KEY_BLOCK, offsetof(struct trace_create, block)},
	{"chunk", TRACE_KEY_CHUNK, offsetof(struct trace_create, chunk)},
	{"classes", TRACE_KEY_CLASSES, offsetof(struct trace_create, classes)},
	{"ident", TRACE_KEY_IDENT, 0},
	{"init", TRACE_KEY_INIT, offsetof(struct trace_create, init)},
	{"max", TRACE_KEY_MAX, offsetof(struct trace_create, max)},
	{"min", TRACE_KEY_MIN, offsetof(struct trace_create, min)},
};

const char *trace_op_name(enum trace_op op)
{
	return op <= TRACE_THREAD ? words[op].name : "bad";
}

const char *trace_kind_name(enum trace_kind kind)
{
	return kinds[kind];
}

/* Whether FROM … TO, which is not empty and holds no byte 0, is TEXT. */
static bool is(const char *from, const char *to, const char *text)
{
	size_t size = (size_t)(to - from);
	return *from == *text && strncmp(from, text, size) == 0 && text[size] == 0;
}

static bool token_is(const struct trace_token *token, const char *text)
{
	return token->shape != TOKEN_NONE && is(token->start, token->end, text);
}

/* ---- Fields -------------------------------------------------------------------------- */

static int word_read(struct trace_line *line, enum trace_op *op)
{
	struct trace_token token;
	if (trace_token_next(line, &token) != 0)
		return -1;
	for (unsigned i = 0; i <= TRACE_THREAD; i++) {
		if (token_is(&token, words[i].name)) {
			*op = (enum trace_op)i;
			return 0;
		}
	}
	if (token_is(&token, "memctx-trace"))
		trace_line_error(line, token.start,
			"\"memctx-trace\" is for the first line only; expected an event");
	else
		trace_expected(line, token.start, token.end,
			"create, ident, alloc, realloc, free, reset, resetonly, delete, "
			"deletechildren, move, base, freebase, lost, time or thread");
	return -1;
}

static int too_big(
	struct trace_line *line, const char *at, const char *from, const char *to, const char *name)
{
	char found[48];
	trace_show(found, sizeof(found), from, (size_t)(to - from));
	trace_line_error(line, at, "%s %s is over 64 bits; expected at most 18446744073709551615",
		name, found);
	return -1;
}

static int slot_expected(struct trace_line *line, enum slot slot, const struct trace_token *token)
{
	trace_expected(
		line, token->start, token->end, "%s, %s", slots[slot].name, slots[slot].what);
	return -1;
}

static int slot_number(struct trace_line *line, enum slot slot, const struct trace_token *token,
	struct trace_event *event)
{
	uint64_t number;
	enum trace_number how = trace_number_read(token->start, token->end, &number);
	if (how == NUMBER_NOT_ONE)
		return slot_expected(line, slot, token);
	if (how == NUMBER_TOO_BIG)
		return too_big(line, token->start, token->start, token->end, slots[slot].name);
	memcpy((char *)event + slots[slot].offset, &number, sizeof(number));
	if (slot == SLOT_PARENT)
		event->has |= TRACE_HAS_PARENT;
	else if (slot == SLOT_NEWCHUNK)
		event->has |= TRACE_HAS_NEWCHUNK;
	return 0;
}

static int slot_kind(
	struct trace_line *line, const struct trace_token *token, struct trace_event *event)
{
	for (unsigned i = 0; i < TRACE_KINDS; i++) {
		if (token_is(token, kinds[i])) {
			event->kind = (uint8_t)i;
			return 0;
		}
	}
	return slot_expected(line, SLOT_KIND, token);
}

/* Decodes FROM … TO into the batch's strings.  NULL with the line's error filled. */
static const char *keep_string(struct trace_parser *parser, struct trace_line *line,
	const char *from, const char *to, const char *column_of, size_t *length)
{
	char *string = parser->strings + parser->strings_used;
	ptrdiff_t decoded = trace_string_decode(line, from, to, string, column_of);
	if (decoded < 0)
		return NULL;
	*length = (size_t)decoded;
	parser->strings_used += *length + 1;
	return string;
}

static int slot_string(struct trace_parser *parser, struct trace_line *line, enum slot slot,
	const struct trace_token *token, struct trace_create *create)
{
	size_t length;
	if (token->shape != TOKEN_STRING)
		return slot_expected(line, slot, token);
	const char *string =
		keep_string(parser, line, token->start, token->end, token->start, &length);
	if (string == NULL)
		return -1;
	if (slot == SLOT_NAME) {
		create->name = string;
		create->name_len = length;
	} else {
		create->ident = string;
		create->ident_len = length;
	}
	return 0;
}

static int slot_read(struct trace_parser *parser, struct trace_line *line, enum slot slot,
	struct trace_event *event, struct trace_create *create)
{
	struct trace_token token;
	if (trace_token_next(line, &token) != 0)
		return -1;
	if (token.shape == TOKEN_NONE)
		return slot == SLOT_NEWCHUNK ? 0 : slot_expected(line, slot, &token);
	if (slot == SLOT_KIND)
		return slot_kind(line, &token, event);
	if (slot == SLOT_NAME || slot == SLOT_TEXT)
		return slot_string(parser, line, slot, &token, create);
	if (slot == SLOT_PARENT && token_is(&token, "-"))
		return 0;
	return slot_number(line, slot, &token, event);
}

/* ---- Keys ---------------------------------------------------------------------------- */

/* The index of a key that LINE's word takes; -1: it has no such key. */
static int key_find(const struct trace_key *key, unsigned taken)
{
	for (size_t i = 0; i < sizeof(known_keys) / sizeof(known_keys[0]); i++) {
		if ((taken & known_keys[i].bit) != 0 &&
			is(key->start, key->value - 1, known_keys[i].name))
			return (int)i;
	}
	return -1;
}

/* A number, or a well-formed string. */
static int key_unknown(struct trace_line *line, const struct trace_key *key)
{
	uint64_t number;
	if (key->value < key->end && *key->value == '"')
		return trace_string_decode(line, key->value, key->end, NULL, key->start) < 0 ? -1
											     : 0;
	enum trace_number how = trace_number_read(key->value, key->end, &number);
	char name[48];
	trace_show(name, sizeof(name), key->start, (size_t)(key->value - 1 - key->start));
	if (how == NUMBER_TOO_BIG)
		return too_big(line, key->start, key->value, key->end, name);
	if (how == NUMBER_NOT_ONE)
		trace_expected(
			line, key->start, key->end, "%s= with a number or a \"string\"", name);
	return how == NUMBER_READ ? 0 : -1;
}

static int key_ident(struct trace_parser *parser, struct trace_line *line,
	const struct trace_key *key, struct trace_create *create)
{
	if (key->value == key->end || *key->value != '"') {
		trace_expected(line, key->start, key->end, "ident= with a \"string\"");
		return -1;
	}
	create->ident =
		keep_string(parser, line, key->value, key->end, key->start, &create->ident_len);
	return create->ident == NULL ? -1 : 0;
}

static int key_number(struct trace_line *line, const struct trace_key *key, int index,
	struct trace_event *event, struct trace_create *create)
{
	uint64_t number;
	const char *name = known_keys[index].name;
	enum trace_number how = trace_number_read(key->value, key->end, &number);
	if (how == NUMBER_NOT_ONE) {
		trace_expected(line, key->start, key->end, "%s= with a number", name);
		return -1;
	}
	if (how == NUMBER_TOO_BIG)
		return too_big(line, key->start, key->value, key->end, name);
	if (key->known == TRACE_KEY_CLASSES && number != 1 && number != 4) {
		trace_line_error(line, key->start,
			"classes=%llu; expected the classes a doubling, 1 or 4",
			(unsigned long long)number);
		return -1;
	}
	if (key->known != TRACE_KEY_ALIGN) {
		memcpy((char *)create + known_keys[index].offset, &number, sizeof(number));
		return 0;
	}
	if (number == 0 || (number & (number - 1)) != 0) {
		trace_line_error(line, key->start,
			"align=%llu is no power of two; expected 1, 2, 4, 8 and so on",
			(unsigned long long)number);
		return -1;
	}
	event->align = number;
	event->has |= TRACE_HAS_ALIGN;
	return 0;
}

static int key_twice(struct trace_line *line, const struct trace_key *key)
{
	char name[48];
	trace_show(name, sizeof(name), key->start, (size_t)(key->value - 1 - key->start));
	trace_line_error(line, key->start,
		"the key \"%s\" stands twice; expected each key once in a line", name);
	return -1;
}

static struct trace_key *keys_add(struct trace_keys *keys)
{
	if (keys->used == keys->room) {
		size_t room = keys->room > 0 ? 2 * keys->room : 16;
		struct trace_key *grown = realloc(keys->key, room * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		keys->key = grown;
		keys->room = room;
	}
	return &keys->key[keys->used++];
}

static int key_read(struct trace_parser *parser, struct trace_line *line, const struct word *word,
	const struct trace_token *token, struct trace_event *event, struct trace_create *create)
{
	struct trace_key *key = keys_add(&parser->keys);
	if (key == NULL) {
		trace_system_error(line->error, ENOMEM);
		return -1;
	}
	*key = (struct trace_key){token->start, token->value, token->end, 0};
	int index = key_find(key, word->keys);
	if (index < 0) {
		parser->keys.unknown++;
		return key_unknown(line, key);
	}
	key->known = known_keys[index].bit;
	if ((create->has & key->known) != 0)
		return key_twice(line, key);
	create->has |= key->known;
	return key->known == TRACE_KEY_IDENT ? key_ident(parser, line, key, create)
					     : key_number(line, key, index, event, create);
}

static int key_order(const void *left, const void *right)
{
	const struct trace_key *a = left, *b = right;
	size_t a_size = (size_t)(a->value - 1 - a->start),
	       b_size = (size_t)(b->value - 1 - b->start);
	int order = memcmp(a->start, b->start, a_size < b_size ? a_size : b_size);
	if (order != 0)
		return order;
	if (a_size != b_size)
		return a_size < b_size ? -1 : 1;
	return a->start < b->start ? -1 : 1;
}

void trace_keys_sort(struct trace_keys *keys)
{
	if (keys->used > 1)
		qsort(keys->key, keys->used, sizeof(*keys->key), key_order);
}

/* Finds the first key that stands twice.  Of known ones key_read() knows that. */
static int keys_finish(struct trace_line *line, struct trace_keys *keys)
{
	const struct trace_key *twice = NULL;
	if (keys->unknown < 2)
		return 0;
	trace_keys_sort(keys);
	for (size_t i = 1; i < keys->used; i++) {
		const struct trace_key *a = &keys->key[i - 1], *b = &keys->key[i];
		size_t size = (size_t)(a->value - a->start);
		if (size == (size_t)(b->value - b->start) &&
			memcmp(a->start, b->start, size) == 0 &&
			(twice == NULL || b->start < twice->start))
			twice = b;
	}
	return twice != NULL ? key_twice(line, twice) : 0;
}

/* What stands after the fields: keys where the word takes them, else nothing. */
static int rest_read(struct trace_parser *parser, struct trace_line *line, const struct word *word,
	struct trace_event *event, struct trace_create *create)
{
	struct trace_token token;
	int status;
	while ((status = trace_token_next(line, &token)) == 0 && token.shape != TOKEN_NONE) {
		if (!word->takes_keys || token.shape != TOKEN_KEY) {
			trace_expected(line, token.start, token.end, "%sthe end of the line",
				word->takes_keys ? "KEY=VALUE or " : "");
			status = -1;
			break;
		}
		status = key_read(parser, line, word, &token, event, create);
		if (status != 0)
			break;
	}
	/* A key that stands twice is left of what stopped the loop, and so comes first. */
	if (line->error->system == 0 && keys_finish(line, &parser->keys) != 0)
		return -1;
	return status;
}

/* ---- Lines --------------------------------------------------------------------------- */

/* What no field alone shows: time that goes back, a slab without its chunk size. */
static int judge(struct trace_parser *parser, struct trace_line *line,
	const struct trace_event *event, const struct trace_create *create)
{
	if (event->op == TRACE_CREATE && event->kind == TRACE_SLAB &&
		(create->has & TRACE_KEY_CHUNK) == 0) {
		trace_line_error(line, trace_find_field(line, TRACE_CREATE, TRACE_FIELD_KIND),
			"a slab without chunk=; expected the size of its chunks");
		return -1;
	}
	if (event->op == TRACE_TIME) {
		if (event->size < parser->time) {
			trace_line_error(line, trace_find_field(line, TRACE_TIME, TRACE_FIELD_SIZE),
				"time goes back from %llu to %llu; expected %llu or more",
				(unsigned long long)parser->time, (unsigned long long)event->size,
				(unsigned long long)parser->time);
			return -1;
		}
		parser->time = event->size;
	}
	return 0;
}

int trace_parse_line(
	struct trace_parser *parser, struct trace_line *line, struct trace_event *event)
{
	enum trace_op op;
	struct trace_create *create = &parser->creates[parser->creates_used];
	parser->keys.used = parser->keys.unknown = 0;
	line->error->system = 0;
	if (word_read(line, &op) != 0)
		return -1;
	*event = (struct trace_event){.op = (uint8_t)op, .line = line->number};
	*create = (struct trace_create){0};
	const struct word *word = &words[op];
	for (unsigned i = 0; word->slots[i] != SLOT_END; i++) {
		if (slot_read(parser, line, (enum slot)word->slots[i], event, create) != 0)
			return -1;
	}
	if (rest_read(parser, line, word, event, create) != 0 ||
		judge(parser, line, event, create) != 0)
		return -1;
	if (op == TRACE_CREATE || op == TRACE_IDENT) {
		event->create = create;
		parser->creates_used++;
	}
	return 0;
}

static int header_error(struct trace_line *line, const char *at)
{
	char found[64];
	static const char hint[] = "(memctx-tool help trace shows a minimal trace)";
	trace_show(found, sizeof(found), at, (size_t)(line->end - at));
	if (at == line->end)
		trace_line_error(
			line, at, "expected \"memctx-trace 1\", found an empty line %s", hint);
	else
		trace_line_error(
			line, at, "expected \"memctx-trace 1\", found \"%s\" %s", found, hint);
	return -1;
}

int trace_parse_header(struct trace_line *line)
{
	struct trace_token word, version, rest;
	if (line->end - line->start >= 3 && memcmp(line->start, "\xEF\xBB\xBF", 3) == 0) {
		trace_line_error(line, line->start,
			"a byte-order mark; expected \"memctx-trace 1\" as the first bytes");
		return -1;
	}
	const char *first = line->start;
	while (first < line->end && trace_is_blank(*first))
		first++;
	if (trace_token_next(line, &word) != 0 || !token_is(&word, "memctx-trace"))
		return header_error(line, first);
	if (trace_token_next(line, &version) != 0)
		return -1;
	if (!token_is(&version, "1")) {
		trace_expected(line, version.start, version.end,
			"version 1 of the format, \"memctx-trace 1\"");
		return -1;
	}
	if (trace_token_next(line, &rest) != 0)
		return -1;
	if (rest.shape != TOKEN_NONE) {
		trace_expected(line, rest.start, rest.end, "the end of the line");
		return -1;
	}
	return 0;
}

/* The field of KEY=…, or NULL. */
static const char *find_key(struct trace_line *line, const char *key)
{
	struct trace_token token;
	size_t size = strlen(key);
	while (trace_token_next(line, &token) == 0 && token.shape != TOKEN_NONE) {
		if (token.shape == TOKEN_KEY && (size_t)(token.value - token.start) == size &&
			memcmp(token.start, key, size) == 0)
			return token.start;
	}
	return NULL;
}

const char *trace_find_field(struct trace_line *line, enum trace_op op, enum trace_field field)
{
	struct trace_token token;
	const char *first, *found = NULL;
	line->at = line->start;
	if (trace_token_next(line, &token) != 0)
		return line->start;
	first = token.start;
	if (op > TRACE_THREAD || field == TRACE_FIELD_WORD)
		return first;
	if (field == TRACE_FIELD_ALIGN)
		found = find_key(line, "align=");
	else if (field == TRACE_FIELD_KEY_CHUNK)
		found = find_key(line, "chunk=");
	for (unsigned i = 0; found == NULL && words[op].slots[i] != SLOT_END; i++) {
		if (trace_token_next(line, &token) != 0 || token.shape == TOKEN_NONE)
			break;
		if (slots[words[op].slots[i]].field == field)
			found = token.start;
	}
	return found != NULL ? found : first;
}
