/* SPDX-License-Identifier: MIT */
/*
 * A trace through kinds and settings, with the contents of its chunks: each is written when it is
 * allocated and read when it is freed or resized, and all that live are read at times and at the
 * end; then every count, list and link is proved, and the figures are held to the trace's own.
 * Prints a line a setting: what lived at the end.
 *
 *   replay_kinds TRACE SETTING…
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/replay_inner.h"
#include "model/replay_look.h"
#include "model/study.h"

static const char *setting_text_now;
static int broken;

struct pass {
	struct replay *replay;
	uint64_t written; /* bytes since all were read */
};

static void complain(const struct pass *pass, const char *what, uint64_t id)
{
	broken = 1;
	fprintf(stderr, "%s: after event %" PRIu64 ": %s (%" PRIu64 ")\n", setting_text_now,
		replay_progress(pass->replay).events, what, id);
}

static void on_check(const memctx *ctx, const char *what, void *arg)
{
	(void)ctx;
	complain(arg, what, 0);
}

/* ---- Contents ------------------------------------------------------------------------------- */

static uint64_t word_at(uint64_t id, uint64_t at)
{
	return (id + 1) * UINT64_C(0x9E3779B97F4A7C15) + at * UINT64_C(0xD1B54A32D192ED03);
}

static void fill(struct pass *pass, uint64_t id, const struct replay_look *chunk)
{
	unsigned char *to = chunk->address;

	for (uint64_t at = 0; at < chunk->size; at += 8) {
		uint64_t word = word_at(id, at);

		memcpy(to + at, &word, chunk->size - at < 8 ? chunk->size - at : 8);
	}
	pass->written += chunk->size + 8;
}

/* The first SIZE bytes at MEMORY are still those of ID. */
static void verify(struct pass *pass, uint64_t id, const unsigned char *memory, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += 8) {
		uint64_t word = word_at(id, at);

		if (memcmp(memory + at, &word, size - at < 8 ? size - at : 8) != 0) {
			complain(pass, "a chunk was overwritten", id);
			return;
		}
	}
}

static void verify_all(struct pass *pass)
{
	const struct idmap *chunks = &pass->replay->chunks;
	uint64_t live = 0, based = 0;
	struct replay_moment now;

	for (uint64_t i = 0; i <= chunks->mask; i++) {
		const struct idmap_entry *entry = &chunks->entries[i];

		if (!replay_lives(pass->replay, entry))
			continue;
		verify(pass, entry->id, (void *)(entry->ptr & ~(uintptr_t)CHUNK_TAGS), entry->size);
		live++;
	}
	replay_now(pass->replay, &now);
	based = pass->replay->based;
	if (live > now.live_chunks || live + based < now.live_chunks)
		complain(pass, "live chunks were not found again", live);
	pass->written = 0;
}

/* ---- Events --------------------------------------------------------------------------------- */

static void before(struct pass *pass, const struct trace_event *event, struct replay_look *was)
{
	bool names_chunk =
		event->op == TRACE_FREE || event->op == TRACE_REALLOC || event->op == TRACE_ALLOC;

	was->address = NULL;
	if (names_chunk && replay_look_chunk(pass->replay, event->chunk, was))
		verify(pass, event->chunk, was->address, was->size);
	else if (!names_chunk && pass->written > replay_progress(pass->replay).requested)
		verify_all(pass);
}

static void after(struct pass *pass, const struct trace_event *event, const struct replay_look *was)
{
	bool renamed = event->op == TRACE_REALLOC && (event->has & TRACE_HAS_NEWCHUNK) != 0;
	uint64_t id = renamed ? event->id2 : event->chunk;
	struct replay_look chunk;

	if ((event->op != TRACE_ALLOC && event->op != TRACE_REALLOC) ||
		!replay_look_chunk(pass->replay, id, &chunk))
		return;
	if (event->op == TRACE_REALLOC && was->address != NULL)
		verify(pass, event->chunk, chunk.address,
			was->size < chunk.size ? was->size : chunk.size);
	fill(pass, id, &chunk);
}

static void prove(struct pass *pass)
{
	const struct idmap *studies = &pass->replay->studies;
	struct replay_moment now;

	verify_all(pass);
	memctx_check(replay_root(pass->replay), on_check, pass);
	for (uint64_t i = 0; studies->entries != NULL && i <= studies->mask; i++) {
		const struct idmap_entry *entry = &studies->entries[i];
		const char *what =
			entry->node != 0 ? study_check((const struct study *)entry->ptr) : NULL;

		if (what != NULL)
			complain(pass, what, entry->node);
	}
	replay_now(pass->replay, &now);
	if (now.figures.requested_bytes != now.requested_bytes)
		complain(pass, "requested bytes are not the trace's", now.figures.requested_bytes);
	if (now.figures.live_chunks != now.live_chunks)
		complain(pass, "live chunks are not the trace's", now.figures.live_chunks);
	printf("%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", setting_text_now, now.event,
		now.live_chunks, now.requested_bytes);
}

static int replay_with(struct trace_reader *reader, const struct setting *setting)
{
	struct replay_options options = {.settings = setting, .nsettings = 1};
	struct replay_error error;
	struct pass pass = {.replay = replay_new(reader, &options, &error)};
	const struct trace_event *event;
	int got = -1;

	while (pass.replay != NULL && (got = replay_peek(pass.replay, &event, &error)) > 0) {
		struct trace_event copy = *event;
		struct replay_look was;

		before(&pass, &copy, &was);
		got = replay_run(
			pass.replay, replay_progress(pass.replay).events + 1, UINT64_MAX, &error);
		if (got < 0)
			break;
		after(&pass, &copy, &was);
	}
	if (got < 0)
		fprintf(stderr, "%s: %" PRIu64 ": %s\n", setting_text_now, error.line,
			error.message);
	else
		prove(&pass);
	replay_free(pass.replay);
	return got;
}

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 2; i < argc; i++) {
		char message[SETTING_TEXT];
		struct setting setting;
		struct trace_error error;
		struct trace_reader *reader = trace_open(argv[1], 0, &error);

		setting_text_now = argv[i];
		if (reader == NULL || !setting_parse(argv[i], &setting, message)) {
			fprintf(stderr, "%s: %s\n", argv[i],
				reader == NULL ? error.message : message);
			return 2;
		}
		if (replay_with(reader, &setting) < 0)
			status = 1;
		trace_close(reader);
	}
	return argc < 3 ? 2 : broken ? 4 : status;
}
