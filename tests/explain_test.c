/* SPDX-License-Identifier: MIT */
/*
 * What `events` says the allocator did: short traces whose states are worked out by hand from the
 * allocator's rules, and long random ones held against a model of these rules that knows neither
 * the library nor the replay.
 *
 * The rules: a size is rounded up to the power of two from 8 on, a chunk has 8 bytes before it, a
 * block 40, a context takes 256 of its first block.  Lists are pushed and popped at the head.  A
 * chunk that the open block has no room for opens a new one, and what is left of the old one
 * is cut for the lists, the largest class that fits first.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/explain.h"
#include "model/size.h"
#include "explain_model.h"

struct session {
	struct trace_reader *reader;
	struct replay *replay;
	struct explain *explain;
	struct replay_error error;
};

static void begin(struct session *s, const char *text)
{
	struct trace_error error = {0};

	memset(s, 0, sizeof(*s));
	s->reader = trace_open_memory(text, strlen(text), 0, &error);
	assert_non_null(s->reader);
	s->replay = replay_new(s->reader, &(struct replay_options){0}, &s->error);
	assert_non_null(s->replay);
	s->explain = explain_new(s->replay);
	assert_non_null(s->explain);
}

static void end(struct session *s)
{
	explain_free(s->explain);
	replay_free(s->replay);
	trace_close(s->reader);
}

/* A list as text: "3 1", "t" for a piece of a tail, "b" for a base chunk, "+N" for what is cut. */
static const char *chain_text(const struct explain_chain *chain)
{
	static char out[1024];
	size_t at = 0;

	out[0] = '\0';
	for (int i = 0; i < chain->n; i++) {
		const struct explain_link *link = &chain->links[i];

		if (i > 0)
			out[at++] = ' ';
		if (link->kind == EXPLAIN_CHUNK)
			at += (size_t)snprintf(out + at, sizeof(out) - at, "%" PRIu64, link->id);
		else
			at += (size_t)snprintf(
				out + at, sizeof(out) - at, link->kind == EXPLAIN_CUT ? "t" : "b");
	}
	if (chain->length > (uint64_t)chain->n)
		snprintf(out + at, sizeof(out) - at, " +%" PRIu64,
			chain->length - (uint64_t)chain->n);
	return out;
}

/* Blocks may come from the system or from what the library keeps: that is not of interest here. */
static void forget_source(char *did)
{
	char *at;

	while ((at = strstr(did, "the cache")) != NULL) {
		memmove(at + 10, at + 9, strlen(at + 9) + 1);
		memcpy(at, "the system", 10);
	}
}

/* ---- By hand -------------------------------------------------------------------------- */

struct step {
	const char *line, *did,
		*list; /* LIST: the first list after the event; NULL: none is named */
};

static void walk(const struct step *steps, size_t n)
{
	static struct explain_event e;
	char text[4096] = "memctx-trace 1\n";
	struct session s;

	for (size_t i = 0; i < n; i++) {
		strcat(text, steps[i].line);
		strcat(text, "\n");
	}
	begin(&s, text);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(steps[i].line, "lost", 4) == 0)
			continue;
		assert_int_equal(explain_next(s.explain, &e, &s.error), 1);
		forget_source(e.did);
		assert_string_equal(e.did, steps[i].did);
		if (steps[i].list != NULL)
			assert_string_equal(chain_text(&e.lists[0].after), steps[i].list);
		else
			assert_int_equal(e.n_lists, 0);
	}
	assert_int_equal(explain_next(s.explain, &e, &s.error), 0);
	end(&s);
}

#define WALK(steps) walk(steps, sizeof(steps) / sizeof(*(steps)))

/* The keeper: 1024 - 256 - 40 = 728 bytes to carve; a chunk of 32 takes 40. */
static void test_freelist(void **state)
{
	static const struct step steps[] = {
		{"create 1 - aset \"Demo\" init=1024 max=8192",
			"1,024 B from the system; keeper block: 728 B to carve", NULL},
		{"alloc 1 1 20", "32 B, slack 12; carved, block 1", ""},
		{"alloc 1 2 24", "32 B, slack 8; carved, block 1", ""},
		{"alloc 1 3 32", "32 B, no slack; carved, block 1", ""},
		{"free 1", "owner word becomes the link", "1"},
		{"free 3", "pushed in front of #1", "3 1"},
		{"alloc 1 4 25", "REUSED the place of #3; slack 7", "1"},
		{"alloc 1 5 17", "REUSED the place of #1; slack 15", ""},
		{"alloc 1 6 32", "32 B, no slack; carved, block 1", ""},
		{"free 2", "owner word becomes the link", "2"},
		{"reset 1", "3 chunks gone; lists emptied; keeper block kept", ""},
		{"reset 1", "nothing to free", NULL},
		{"alloc 1 7 0", "8 B, slack 8; carved, block 1", ""},
	};

	(void)state;
	WALK(steps);
}

/*
 * 512 takes 520 of 728, which leaves 208 = 136 + 72: a chunk of 128 and one of 64.  Block 2 has
 * 1024 - 40 = 984, less 520 = 464 = 264 + 136 + 40 + 24: 256, 128, 32, 16.
 */
static void test_tail(void **state)
{
	static const struct step steps[] = {
		{"create 1 - aset \"Demo\" init=1024 max=8192",
			"1,024 B from the system; keeper block: 728 B to carve", NULL},
		{"alloc 1 1 512", "512 B, no slack; carved, block 1", ""},
		{"alloc 1 2 500",
			"512 B, slack 12; block 1 is full; its tail of 208 B cut for the lists: "
			"128 + 64; block 2, 1,024 B from the system; carved, block 2",
			""},
		{"alloc 1 3 100", "REUSED a piece of a tail; slack 28", ""},
		{"free 3", "owner word becomes the link", "3"},
		{"alloc 1 4 512",
			"512 B, no slack; block 2 is full; its tail of 464 B cut for the lists: "
			"256 + 128 + 32 + 16; block 3, 2,048 B from the system; carved, block 3",
			""},
		{"alloc 1 5 128", "REUSED a piece of a tail", "3"},
		{"free 5", "pushed in front of #3", "5 3"},
		{"resetonly 1",
			"3 chunks gone; lists emptied; 2 blocks, 3,072 B, back to the system; "
			"keeper block kept",
			""},
		/* Where 512 bytes are carved anew nothing that lived before is remembered. */
		{"alloc 1 6 16", "16 B, no slack; carved, block 1", ""},
	};

	(void)state;
	WALK(steps);
}

/* What lay on a list before a reset that found nothing live is forgotten with the lists. */
static void test_forgotten(void **state)
{
	static const struct step steps[] = {
		{"create 1 - aset \"Demo\" init=1024 max=8192",
			"1,024 B from the system; keeper block: 728 B to carve", NULL},
		{"alloc 1 1 512", "512 B, no slack; carved, block 1", ""},
		{"alloc 1 2 128", "128 B, no slack; carved, block 1", ""},
		{"free 1", "owner word becomes the link", "1"},
		{"free 2", "owner word becomes the link", "2"},
		{"reset 1", "lists emptied; keeper block kept", ""},
		{"alloc 1 3 512", "512 B, no slack; carved, block 1", ""},
		/* The first piece of the tail lies where chunk 2 was. */
		{"alloc 1 4 512",
			"512 B, no slack; block 1 is full; its tail of 208 B cut for the lists: "
			"128 + 64; block 2, 1,024 B from the system; carved, block 2",
			""},
		{"alloc 1 5 128", "REUSED a piece of a tail", ""},
	};

	(void)state;
	WALK(steps);
}

/* Over 2048, a quarter of max, a chunk is alone: 3000 rounded to 16 and 48 of headers. */
static void test_large(void **state)
{
	static const struct step steps[] = {
		{"create 1 - aset \"Demo\" init=1024 max=8192",
			"1,024 B from the system; keeper block: 728 B to carve", NULL},
		{"alloc 1 1 3000",
			"too large for a class: a block of its own, 3,056 B from the system", NULL},
		{"realloc 1 3008", "stays in its block of 3,056 B", NULL},
		{"alloc 1 2 100", "128 B, slack 28; carved, block 1", ""},
		{"realloc 2 128", "fits its 128 B: slack 28 becomes 0", NULL},
		/* 136 of 728 are carved, and 256 + 8 fit from there on. */
		{"realloc 2 129", "last in block 1: grows in place from 128 to 256 B, slack 127",
			NULL},
		{"alloc 1 3 8", "8 B, no slack; carved, block 1", ""},
		{"realloc 2 300 4",
			"moved; 512 B, slack 212; block 1 is full; its tail of 448 B cut for the "
			"lists: 256 + 128 + 32; block 2, 1,024 B from the system; carved, block 2; "
			"old one: pushed in front",
			"2 t"},
	};

	(void)state;
	WALK(steps);
}

/*
 * An aligned chunk lies inside one that is larger by the alignment: 100 + 64 in 256, 30 + 16 in 64,
 * 3000 + 4096 in a block of 7096 rounded to 16 and 48.
 */
static void test_aligned(void **state)
{
	static const struct step steps[] = {
		{"create 1 - aset \"Demo\" init=1024 max=8192",
			"1,024 B from the system; keeper block: 728 B to carve", NULL},
		{"alloc 1 1 100 align=64", "256 B, slack 156; carved, block 1", ""},
		{"free 1", "owner word becomes the link", "1"},
		{"alloc 1 2 200", "REUSED the place of #1; slack 56", ""},
		{"alloc 1 3 30 align=16", "64 B, slack 34; carved, block 1", ""},
		{"realloc 3 40", "fits its 64 B: slack 34 becomes 24", NULL},
		{"alloc 1 4 3000 align=4096",
			"too large for a class: a block of its own, 7,152 B from the system", NULL},
		{"free 4", "block of 7,152 B straight back to the system", NULL},
		{"free 3", "owner word becomes the link", "3"},
		{"alloc 1 5 50 align=8", "REUSED the place of #3; slack 14", ""},
	};

	(void)state;
	WALK(steps);
}

static void test_contexts(void **state)
{
	static const struct step steps[] = {
		{"create 1 - aset \"Top\" init=1024 max=8192",
			"1,024 B from the system; keeper block: 728 B to carve", NULL},
		{"create 2 1 slab \"Slab\" chunk=64 block=8192 init=1024 max=8192",
			"below Top; no block yet", NULL},
		{"create 3 2 aset \"Leaf\" init=2048",
			"below Slab; 2,048 B from the system; keeper block: 1,752 B to carve",
			NULL},
		{"ident 3 \"x\"", "is for \"x\" from here on", NULL},
		{"move 3 1", "stands below Top now", NULL},
		{"move 3 -", "is a root now", NULL},
		{"move 3 2", "stands below Slab now", NULL},
		{"deletechildren 3", "nothing stands below it", NULL},
		{"alloc 3 1 8", "8 B, no slack; carved, block 1", ""},
	};

	(void)state;
	WALK(steps);
}

/* Base chunks have no ids; an id that lives is taken over after events were lost. */
static void test_base_and_lost(void **state)
{
	static const struct step steps[] = {
		{"create 1 - aset \"Top\" init=1024 max=8192",
			"1,024 B from the system; keeper block: 728 B to carve", NULL},
		{"base 1 32 3", "3 carved, 0 from lists", NULL},
		{"freebase 1 32", "owner word becomes the link", "b"},
		{"alloc 1 1 30", "REUSED the place of a base chunk; slack 2", ""},
		{"alloc 1 2 30", "32 B, slack 2; carved, block 1", ""},
		{"free 2", "owner word becomes the link", "2"},
		{"base 1 32 2", "1 carved, 1 from lists", ""},
		{"lost 3", NULL, NULL},
		{"alloc 1 1 32", "the id lived: that chunk is freed first; REUSED the place of #1",
			""},
		{"free 77", "skipped", NULL},
		{"create 2 1 aset \"Old\" init=1024 max=8192",
			"below Top; 1,024 B from the system; keeper block: 728 B to carve", NULL},
		{"create 2 1 aset \"New\" init=1024 max=8192",
			"the id lived: that context is deleted first; below Top; 1,024 B from the "
			"system; keeper block: 728 B to carve",
			NULL},
		{"free 1", "owner word becomes the link", "1"},
	};

	(void)state;
	WALK(steps);
}

/* explain_run() remembers who was freed where as explain_next() does. */
static void test_run(void **state)
{
	static struct explain_event e;
	struct explain_subject subject;
	struct session s;

	(void)state;
	begin(&s,
		"memctx-trace 1\ncreate 9 - aset \"Demo\" ident=\"one\"\nalloc 9 1 8\nalloc 9 2 8\n"
		"time 5\nfree 2\nfree 1\nalloc 9 3 8\n");
	assert_int_equal(explain_run(s.explain, 5, &s.error), 1);
	assert_int_equal(explain_peek(s.explain, &subject, &s.error), 1);
	assert_int_equal(subject.number, 6);
	assert_true(subject.op == TRACE_ALLOC && subject.has_context && subject.context == 9);
	assert_string_equal(subject.name, "Demo");
	assert_string_equal(subject.ident, "one");
	assert_int_equal(explain_next(s.explain, &e, &s.error), 1);
	assert_int_equal(e.number, 6);
	assert_string_equal(e.name, "Demo one");
	assert_string_equal(e.did, "REUSED the place of #1");
	assert_string_equal(chain_text(&e.lists[0].before), "1 2");
	assert_string_equal(chain_text(&e.lists[0].after), "2");
	assert_int_equal(explain_run(s.explain, 7, &s.error), 0);
	end(&s);
}

/* ---- Random traces against it --------------------------------------------------------- */

struct expectation {
	char did[EXPLAIN_TEXT];
	char list[1024];
	bool exact; /* else DID is a beginning: sizes of large blocks are the library's choice */
};

static uint64_t below(uint64_t *state, uint64_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (*state >> 33) % n;
}

static void expect_list(struct expectation *e, const struct model_context *c, int k)
{
	size_t at = 0;

	for (int i = c->n[k] - 1; i >= 0 && i >= c->n[k] - EXPLAIN_LINKS; i--)
		at += c->list[k][i] < 0 ? (size_t)sprintf(e->list + at, "%st", at ? " " : "")
					: (size_t)sprintf(e->list + at, "%s%" PRId64, at ? " " : "",
						  c->list[k][i]);
	if (c->n[k] > EXPLAIN_LINKS)
		sprintf(e->list + at, " +%d", c->n[k] - EXPLAIN_LINKS);
}

static uint64_t random_size(uint64_t *seed)
{
	uint64_t which = below(seed, 20);

	return which == 0 ? below(seed, 12000) : which < 5 ? below(seed, 1500) : below(seed, 130);
}

/* A move is about the list that it took from, else the one that it put on, else the new class's. */
static int list_of_move(
	const struct model *m, const struct model_chunk *now, const struct model_chunk *old)
{
	if (now->k < 0 || (old->k >= 0 && strstr(m->did, "REUSED") == NULL))
		return old->k;
	return now->k;
}

/* One event: its line to TEXT, what it should do to *E. */
static void random_event(struct model *m, uint64_t *seed, char *text, struct expectation *e)
{
	int id = (int)below(seed, CHUNKS);
	struct model_chunk *chunk = &m->chunks[id];
	struct model_context *c;

	memset(e, 0, sizeof(*e));
	m->did[0] = '\0';
	strcpy(e->list, "none");
	if (chunk->context < 0) {
		uint64_t size = random_size(seed);

		chunk->context = (int)below(seed, CONTEXTS);
		c = &m->contexts[chunk->context];
		sprintf(text, "alloc %d %d %" PRIu64 "\n", chunk->context, id, size);
		model_place(m, c, chunk, size);
		c->live++;
		if (chunk->k >= 0)
			expect_list(e, c, (strcpy(e->list, ""), chunk->k));
	} else if (below(seed, 4) == 0) {
		uint64_t size = 1 + random_size(seed);
		struct model_chunk old = *chunk;

		c = &m->contexts[chunk->context];
		sprintf(text, "realloc %d %" PRIu64 "\n", id, size);
		model_realloc(m, id, size);
		if (strncmp(m->did, "moved", 5) == 0)
			expect_list(e, c, (strcpy(e->list, ""), list_of_move(m, chunk, &old)));
	} else {
		c = &m->contexts[chunk->context];
		sprintf(text, "free %d\n", id);
		model_gone(m, c, chunk, id, "");
		c->live--;
		chunk->context = -1;
		if (chunk->k >= 0)
			expect_list(e, c, (strcpy(e->list, ""), chunk->k));
	}
	strcpy(e->did, m->did);
	e->exact = strstr(m->did, "too large") == NULL && strstr(m->did, "block of ") == NULL &&
		   strcmp(m->did, "s") != 0;
}

static void random_reset(struct model *m, uint64_t *seed, char *text, struct expectation *e)
{
	int context = (int)below(seed, CONTEXTS);
	bool anything = m->contexts[context].live > 0;

	memset(e, 0, sizeof(*e));
	sprintf(text, "%s %d\n", below(seed, 2) ? "reset" : "resetonly", context);
	strcpy(e->list, "any");
	if (anything)
		sprintf(e->did, "%s chunk%s gone", with_commas(m->contexts[context].live),
			m->contexts[context].live == 1 ? "" : "s");
	model_open(&m->contexts[context]);
	for (int i = 0; i < CHUNKS; i++)
		if (m->chunks[i].context == context)
			m->chunks[i].context = -1;
}

static void compare(struct session *s, const struct expectation *e, size_t number)
{
	static struct explain_event got;

	assert_int_equal(explain_next(s->explain, &got, &s->error), 1);
	assert_int_equal(got.number, number);
	forget_source(got.did);
	if (e->exact)
		assert_string_equal(got.did, e->did);
	else
		assert_memory_equal(
			strcmp(e->did, "s") != 0 || *got.did == 's' ? got.did : got.did + 2, e->did,
			strcspn(e->did, ";"));
	if (strcmp(e->list, "any") == 0) {
		for (int i = 0; i < got.n_lists; i++)
			assert_int_equal(got.lists[i].after.length, 0);
	} else if (strcmp(e->list, "none") == 0) {
		assert_int_equal(got.n_lists, 0);
	} else {
		assert_true(got.n_lists > 0);
		assert_string_equal(chain_text(&got.lists[0].after), e->list);
	}
}

static char *random_trace(struct model *m, uint64_t *seed, struct expectation *expected)
{
	static const uint64_t shapes[CONTEXTS][2] = {
		{1024, 8192}, {8192, 8388608}, {1024, 1024}, {2048, 65536}};
	char *text = malloc(EVENTS * 64), *at = text;

	assert_non_null(text);
	at += sprintf(at, "memctx-trace 1\n");
	for (int i = 0; i < CONTEXTS; i++) {
		struct model_context *c = &m->contexts[i];

		at += sprintf(at, "create %d - aset \"c%d\" init=%" PRIu64 " max=%" PRIu64 "\n", i,
			i, shapes[i][0], shapes[i][1]);
		*c = (struct model_context){
			.init = shapes[i][0], .max = shapes[i][1], .limit = 8192};
		while (c->limit > c->max / 4)
			c->limit /= 2;
		model_open(c);
	}
	for (int i = 0; i < CHUNKS; i++)
		m->chunks[i].context = -1;
	for (int i = 0; i < EVENTS; i++) {
		if (below(seed, 300) == 0)
			random_reset(m, seed, at, &expected[i]);
		else
			random_event(m, seed, at, &expected[i]);
		at += strlen(at);
	}
	return text;
}

static void test_random(void **state)
{
	struct expectation *expected = malloc(EVENTS * sizeof(*expected));
	struct model *m = malloc(sizeof(*m));
	uint64_t seed = 1;

	(void)state;
	assert_true(expected != NULL && m != NULL);
	for (int round = 0; round < 40; round++) {
		char *text = random_trace(m, &seed, expected);
		struct session s;
		size_t start = round % 2 == 0 ? 0 : below(&seed, EVENTS);

		begin(&s, text);
		assert_int_equal(explain_run(s.explain, CONTEXTS + start, &s.error), 1);
		for (size_t i = start; i < EVENTS; i++)
			compare(&s, &expected[i], CONTEXTS + i + 1);
		end(&s);
		free(text);
	}
	free(expected);
	free(m);
}

/*
 * Before a bump's chunk may stand what was the header of another's: here the chunks of asets that
 * are gone, aligned ones and large ones among them.
 */
static void test_bump_after_others(void **state)
{
	enum { ROUNDS = 60, BORN = 150, LINE = 48 };
	char *text = malloc((size_t)ROUNDS * (2 * BORN + 6) * LINE);
	uint64_t seed = 7, id = 1000;
	struct explain_event event;
	struct session s;
	size_t n, seen = 0;

	(void)state;
	assert_non_null(text);
	n = (size_t)sprintf(text, "memctx-trace 1\n");
	for (int round = 1; round <= ROUNDS; round++) {
		n += (size_t)sprintf(text + n, "create %d - aset \"A\"\n", round);
		for (int i = 0; i < BORN; i++)
			n += (size_t)sprintf(text + n, "alloc %d %" PRIu64 " %zu%s\n", round, ++id,
				below(&seed, i % 10 == 0 ? 20000 : 300),
				i % 3 == 0 ? " align=64" : "");
		n += (size_t)sprintf(
			text + n, "delete %d\ncreate %d - bump \"B\"\n", round, round + ROUNDS);
		for (int i = 0; i < BORN; i++)
			n += (size_t)sprintf(text + n, "alloc %d %" PRIu64 " %zu\n", round + ROUNDS,
				++id, below(&seed, 600));
		n += (size_t)sprintf(text + n, "delete %d\n", round + ROUNDS);
	}
	begin(&s, text);
	for (; explain_next(s.explain, &event, &s.error) == 1; seen++)
		if (event.event.op == TRACE_ALLOC && event.event.ctx > ROUNDS)
			assert_null(strstr(event.did, "of its own"));
	assert_int_equal(seen, ROUNDS * (2 * BORN + 4));
	end(&s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freelist),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_aligned),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_base_and_lost),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_bump_after_others),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
