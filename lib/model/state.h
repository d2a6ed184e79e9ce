/* SPDX-License-Identifier: MIT */
/*
 * The last replay's outcome, kept so that it can be looked at without replaying again.
 *
 * Two flat JSON snapshots, end.json and peak.json, in $XDG_STATE_HOME/memctx (by default
 * ~/.local/state/memctx), a folder of mode 0700 and files of mode 0600, each put in place whole.
 * Nothing there is followed if it is a link, or read if it is another user's.
 */
#ifndef MEMCTX_MODEL_STATE_H
#define MEMCTX_MODEL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "model/snapshot.h"

#define STATE_PATH 4096
#define STATE_WHY 256
/* Larger trees are not kept: some 250 MB of text. */
#define STATE_CONTEXTS 250000

/*
 * Keeps a replay's END and PEAK in place of what was kept.  0; -1 with a reason in WHY ("HOME is
 * not set"), and then what was kept before is gone where it could be removed, so that it is not
 * taken for this one.
 */
int state_keep(const struct snapshot *end, const struct snapshot *peak, char why[static STATE_WHY]);

/*
 * Opens what was kept, the peak or the end.  NULL with errno; ENOENT where nothing is kept.
 * PATH gets the file's name as far as it is known, else "".
 */
FILE *state_open(bool peak, char path[static STATE_PATH]);

#endif
