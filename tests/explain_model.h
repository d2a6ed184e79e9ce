/* SPDX-License-Identifier: MIT */
/*
 * A model of the kind aset for the test of what events say: blocks as numbers and offsets, lists as
 * stacks of ids.  It follows the allocator's rules as design and headers tell them, and knows
 * neither the library nor the replay.
 */
#ifndef TESTS_EXPLAIN_MODEL_H
#define TESTS_EXPLAIN_MODEL_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/explain.h"
#include "model/size.h"

enum { CONTEXTS = 4, CHUNKS = 300, EVENTS = 3000, LIST = 4096, CLASSES = 11 };

struct model_chunk {
	int context; /* -1: free id */
	int k;       /* -1: large */
	uint64_t size, block, offset;
};

struct model_context {
	uint64_t init, max, limit;
	uint64_t next, block, room, used; /* the open block, its number, bytes to carve, carved */
	uint64_t n_blocks;
	int64_t list[CLASSES][LIST]; /* ids, -1: a piece of a tail; the head last */
	uint64_t place_block[CLASSES][LIST], place_offset[CLASSES][LIST];
	int n[CLASSES];
	uint64_t live;
};

struct model {
	struct model_context contexts[CONTEXTS];
	struct model_chunk chunks[CHUNKS];
	char did[EXPLAIN_TEXT];
};

static const char *with_commas(uint64_t n)
{
	static char out[4][SIZE_TEXT];
	static int turn;

	return size_count(out[turn = (turn + 1) % 4], n, SIZE_DIGIT);
}

__attribute__((format(printf, 2, 3))) static void say(struct model *m, const char *format, ...)
{
	size_t length = strlen(m->did);
	va_list list;

	if (length > 0)
		length += (size_t)snprintf(m->did + length, sizeof(m->did) - length, "; ");
	va_start(list, format);
	vsnprintf(m->did + length, sizeof(m->did) - length, format, list);
	va_end(list);
}

static void model_open(struct model_context *c)
{
	c->next = c->init;
	c->block = c->n_blocks = 1;
	c->room = c->init - 256 - 40;
	c->used = c->live = 0;
	memset(c->n, 0, sizeof(c->n));
}

static int class_of(uint64_t size)
{
	int k = 0;

	while ((uint64_t)8 << k < size)
		k++;
	return k;
}

static void push(struct model_context *c, int k, int64_t id, uint64_t block, uint64_t offset)
{
	assert_true(c->n[k] < LIST);
	c->list[k][c->n[k]] = id;
	c->place_block[k][c->n[k]] = block;
	c->place_offset[k][c->n[k]++] = offset;
}

static void cut_tail(struct model *m, struct model_context *c)
{
	uint64_t tail = c->room - c->used;
	char pieces[256] = "";

	for (int k = CLASSES - 1; k >= 0; k--)
		while ((uint64_t)8 << k <= c->limit &&
			c->room - c->used >= ((uint64_t)8 << k) + 8) {
			push(c, k, -1, c->block, c->used);
			c->used += ((uint64_t)8 << k) + 8;
			sprintf(pieces + strlen(pieces), "%s%s", *pieces ? " + " : "",
				with_commas((uint64_t)8 << k));
		}
	if (*pieces)
		say(m, "its tail of %s B cut for the lists: %s", with_commas(tail), pieces);
}

static void carve(struct model *m, struct model_context *c, struct model_chunk *chunk)
{
	uint64_t stride = ((uint64_t)8 << chunk->k) + 8, size = c->next;

	if (c->room - c->used < stride) {
		say(m, "block %s is full", with_commas(c->block));
		cut_tail(m, c);
		while (size < stride + 40)
			size *= 2;
		c->next = c->next * 2 < c->max ? c->next * 2 : c->max;
		c->block = ++c->n_blocks;
		c->room = size - 40;
		c->used = 0;
		say(m, "block %s, %s B from the system", with_commas(c->block), with_commas(size));
	}
	say(m, "carved, block %s", with_commas(c->block));
	chunk->block = c->block;
	chunk->offset = c->used;
	c->used += stride;
}

static void say_slack(char *out, const struct model_chunk *chunk)
{
	uint64_t slack = ((uint64_t)8 << chunk->k) - chunk->size;

	sprintf(out, slack ? "slack %s" : "no slack", with_commas(slack));
}

static void model_place(
	struct model *m, struct model_context *c, struct model_chunk *chunk, uint64_t size)
{
	char slack[40];

	chunk->size = size;
	chunk->k = size > c->limit ? -1 : class_of(size);
	if (chunk->k < 0) {
		say(m, "too large for a class: a block of its own");
		return;
	}
	say_slack(slack, chunk);
	if (c->n[chunk->k] > 0) {
		int at = --c->n[chunk->k];

		if (c->list[chunk->k][at] < 0)
			say(m, "REUSED a piece of a tail");
		else
			say(m, "REUSED the place of #%" PRId64, c->list[chunk->k][at]);
		if (size < (uint64_t)8 << chunk->k)
			say(m, "%s", slack);
		chunk->block = c->place_block[chunk->k][at];
		chunk->offset = c->place_offset[chunk->k][at];
		return;
	}
	say(m, "%s B, %s", with_commas((uint64_t)8 << chunk->k), slack);
	carve(m, c, chunk);
}

static void model_gone(struct model *m, struct model_context *c, const struct model_chunk *chunk,
	int64_t id, const char *whose)
{
	int64_t head;

	if (chunk->k < 0) {
		say(m, "%sblock of ", whose);
		return;
	}
	head = c->n[chunk->k] > 0 ? c->list[chunk->k][c->n[chunk->k] - 1] : -2;
	if (head == -2)
		say(m, "%sowner word becomes the link", whose);
	else if (head == -1)
		say(m, "%spushed in front", whose);
	else
		say(m, "%spushed in front of #%" PRId64, whose, head);
	push(c, chunk->k, id, chunk->block, chunk->offset);
}

static void model_realloc(struct model *m, int id, uint64_t size)
{
	struct model_chunk *chunk = &m->chunks[id], old = *chunk;
	struct model_context *c = &m->contexts[chunk->context];
	uint64_t room = chunk->k < 0 ? 0 : (uint64_t)8 << chunk->k;
	int k = size > c->limit ? -1 : class_of(size);

	if (old.k >= 0 && size <= room) {
		chunk->size = size;
		say(m, "fits its %s B: slack %s becomes %s", with_commas(room),
			with_commas(room - old.size), with_commas(room - size));
	} else if (old.k >= 0 && k >= 0 && old.block == c->block &&
		   old.offset + room + 8 == c->used &&
		   c->room - old.offset >= ((uint64_t)8 << k) + 8) {
		chunk->size = size;
		chunk->k = k;
		c->used = old.offset + ((uint64_t)8 << k) + 8;
		say(m, "last in block %s: grows in place from %s to %s B, slack %s",
			with_commas(c->block), with_commas(room), with_commas((uint64_t)8 << k),
			with_commas(((uint64_t)8 << k) - size));
	} else if (old.k < 0 && k < 0) {
		chunk->size = size;
		say(m, "s"); /* "stays …" or, with "its ", "… resized": as the block has room */
	} else {
		say(m, "moved");
		model_place(m, c, chunk, size);
		model_gone(m, c, &old, id, "old one: ");
	}
}

#endif
