/* SPDX-License-Identifier: MIT */
/*
 * Traces whose text can be read again from any place.  A plain file is that by itself; what comes
 * from a pipe or out of a compressed file is kept, as far as it was read.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/spill.h"
#include "model/trace_internal.h"

#define PIECE ((size_t)64 << 10) /* taken from the input at once */

struct trace_store {
	struct trace_input *input;
	struct spill *kept; /* NULL: the input is a plain file */
	bool ended, failed;
	struct trace_error error; /* where failed */
	char piece[PIECE];
};

struct trace_store *trace_store_open(const char *path, struct trace_error *error)
{
	struct trace_store *store = calloc(1, sizeof(*store));

	if (store == NULL) {
		trace_system_error(error, ENOMEM);
		return NULL;
	}
	store->input = trace_input_open(path, error);
	if (store->input == NULL) {
		free(store);
		return NULL;
	}
	if (trace_input_is_file(store->input))
		return store;
	store->kept = spill_new();
	if (store->kept == NULL) {
		trace_system_error(error, ENOMEM);
		trace_store_close(store);
		return NULL;
	}
	return store;
}

void trace_store_close(struct trace_store *store)
{
	if (store == NULL)
		return;
	trace_input_close(store->input);
	spill_free(store->kept);
	free(store);
}

/* Takes the next piece of the input. */
static void take_piece(struct trace_store *store)
{
	ptrdiff_t got = trace_input_read(store->input, store->piece, PIECE, &store->error);

	store->ended = got == 0;
	store->failed = got < 0;
	if (got > 0 && spill_append(store->kept, store->piece, (size_t)got) != 0) {
		trace_system_error(&store->error, ENOMEM);
		store->failed = true;
	}
}

ptrdiff_t trace_store_read(struct trace_store *store, uint64_t offset, char *to, size_t size,
	struct trace_error *error)
{
	ptrdiff_t got;

	if (store->kept == NULL)
		return trace_input_read_at(store->input, offset, to, size, error);
	while (offset >= spill_bytes(store->kept) && !store->ended && !store->failed)
		take_piece(store);
	got = spill_read(store->kept, offset, to, size);
	if (got < 0)
		trace_system_error(error, errno);
	if (got == 0 && store->failed) {
		*error = store->error;
		return -1;
	}
	return got;
}

struct trace_reader *trace_open_store(
	struct trace_store *store, unsigned flags, struct trace_error *error)
{
	return trace_reader_new(trace_input_store(store, error), TRACE_BUFFER, flags, error);
}

uint64_t trace_store_length(const struct trace_store *store)
{
	return store->kept == NULL ? trace_input_length(store->input) : 0;
}
