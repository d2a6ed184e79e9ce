/* SPDX-License-Identifier: MIT */
/*
 * The report of a replay: where every byte went, at the peak and at the end.
 *
 * It is made of plain data, so that any figures can be reported.  No line is wider than 80 columns.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/replay.h"
#include "model/snapshot.h"
#include "page.h"

struct report {
	const char *path; /* "-": standard input */
	const struct replay_counts *counts;
	struct replay_moment peak, end;
	const struct snapshot *at_peak, *at_end;
	bool stopped; /* before the trace's end, as was asked for */
	bool all;     /* every context in the list of the largest */
	uint64_t elapsed_ns;
};

/* Prints the report.  0, or -1 with ENOMEM.  Whether it got out is PAGE->out's to tell. */
int report_print(struct page *page, const struct report *report);

/* The sections in files of their own. */
int report_contexts(struct page *page, const struct report *report);
void report_freelists(struct page *page, const struct report *report);
/* Whether the peak and the end are the same state, which one column shows then. */
bool report_is_single(const struct report *report);

#endif
