/* SPDX-License-Identifier: MIT */
/*
 * The options --kind and --set, which several commands have: what if contexts were of another kind
 * or size.
 */
#ifndef CLI_SET_H
#define CLI_SET_H

#include "cli.h"
#include "model/replay.h"

#define SET_KIND_HELP                                                                              \
	"replay every context as KIND: aset, fine, slab, generation, bump, malloc, or a pool of "  \
	"old, stl or pyint"
#define SET_ARGUMENT "PATTERN:KEY=VALUE,..."
#define SET_HELP                                                                                   \
	"what if the contexts with a name like PATTERN had another kind, init, max, chunk or "     \
	"classes (pow2, fine); repeatable"

/*
 * Takes the value of option --NAME; those given later stand over the earlier.  CLI_DONE, or
 * CLI_USAGE, the reason being said.
 */
int set_take(const struct cli_args *args, const char *name, struct replay_options *options);

/* Whether COMMAND can show its source as the options ask, or has none; the reason is said if not.
 */
bool set_fits(const char *command, bool is_trace);

#endif
