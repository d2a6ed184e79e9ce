/* SPDX-License-Identifier: MIT */
/*
 * Which kind and sizes would save most memory, for each name of contexts that matters.
 *
 * A candidate is tried on the contexts of its name alone, up to the trace's peak: what it saves
 * there is what is predicted.  The whole trace with it then confirms that, or not.  What takes too
 * much time is passed over, and so is what makes all of the advice together do so.
 */
#ifndef MEMCTX_MODEL_ADVISE_H
#define MEMCTX_MODEL_ADVISE_H

#include "model/script.h"

#define ADVISE_MOST 12

struct advice {
	struct setting setting;
	char name[SETTING_PATTERN];
	uint64_t contexts;  /* of the name, at the peak */
	uint64_t total;     /* bytes that they take there */
	uint64_t predicted; /* bytes fewer there */
	int64_t confirmed;  /* bytes fewer at the peak of the whole trace with the setting */
	double time;        /* of the whole trace, relative to what it takes without */
};

struct advise {
	/* In. */
	double slower; /* the greatest time that is accepted, as 1.05; 0: any, and none is measured
			*/
	double share;  /* names that have less of the peak's total are passed over, as 0.01 */
	void (*progress)(const char *name); /* may be NULL */
	/* Out. */
	uint64_t peak_total, peak_event;
	uint64_t names;   /* that matter */
	int64_t together; /* bytes fewer at the peak with all of the advice */
	double together_time;
	struct advice passed; /* the greatest saving that was too slow; confirmed 0: none was */
	size_t n;
	struct advice list[ADVISE_MOST]; /* what was confirmed to save most first */
};

/* 0, or -1: memory is out. */
int advise(struct advise *advise, const struct script *script);

#endif
