/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing the reading of JSON: whatever is taken is a valid snapshot, which reads back as the same
 * from both forms that are written of it; whatever is refused is refused with a reason.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "fuzz_json: %s\n", what);
	abort();
}

static struct snapshot *read_bytes(const void *data, size_t size)
{
	/* A stream of no bytes cannot be had from memory. */
	FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : fopen("/dev/null", "r");
	struct json_error error = {0};
	struct snapshot *snapshot;

	require(in != NULL, "no stream");
	snapshot = json_read(in, &error);
	fclose(in);
	require(snapshot || *error.message, "refused without a reason");
	return snapshot;
}

static char *written(const struct snapshot *snapshot, size_t *size,
	int (*write)(FILE *, const struct snapshot *))
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	require(out && write(out, snapshot) == 0 && fclose(out) == 0, "cannot be written");
	return text;
}

static void round_trip(
	const struct snapshot *snapshot, int (*write)(FILE *, const struct snapshot *))
{
	size_t size, size_again;
	char *text = written(snapshot, &size, write), *again;
	struct snapshot *read = read_bytes(text, size);

	require(read != NULL, "what was written is refused");
	again = written(read, &size_again, write);
	require(size == size_again && !memcmp(text, again, size), "written otherwise again");
	snapshot_free(read);
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snapshot *snapshot = read_bytes(data, size);
	char message[200] = "";

	if (!snapshot)
		return 0;
	require(snapshot_valid(snapshot, message, sizeof message), message);
	round_trip(snapshot, json_write_flat);
	round_trip(snapshot, json_write_nested);
	snapshot_free(snapshot);
	return 0;
}
