/* SPDX-License-Identifier: MIT */
/*
 * What the tests of snapshots as JSON share: a sample with figures that all differ, writing and
 * reading in memory, and a comparison that leaves nothing out.
 */
#ifndef TESTS_JSON_SAMPLES_H
#define TESTS_JSON_SAMPLES_H

#include <stdint.h>
#include <stdio.h>

#include "model/json.h"

typedef int write_form(FILE *, const struct snapshot *);

/* What WRITE makes of SNAPSHOT; the caller frees it. */
char *written(write_form *write, const struct snapshot *snapshot);

/* NULL with ERROR filled where the text is refused. */
struct snapshot *read_bytes(const char *text, size_t size, struct json_error *error);
/* Fails the test where the text is refused. */
struct snapshot *read_text(const char *text);

/* Writes, reads, compares, and writes again, in both forms. */
void assert_round_trip(const struct snapshot *snapshot);

/* Adds a context of the kind aset. */
struct snapshot_context *add(struct snapshot *snapshot, uint64_t id, uint32_t parent,
	const char *name, const char *ident);
/* Figures that are all different and keep the invariant. */
void set_figures(struct snapshot_context *context, uint64_t base);
/* Two roots, six contexts. */
struct snapshot *sample(void);

#endif
