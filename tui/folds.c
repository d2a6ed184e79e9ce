/* SPDX-License-Identifier: MIT */
/*
 * Which contexts are folded: a table of ids with open addressing, at most half full.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/state.h"

static size_t fold_slot(const struct state *state, uint64_t id)
{
	size_t at = (size_t)((id * 0x9e3779b97f4a7c15u) >> 20) & (state->room_folded - 1);

	while (state->folded_used[at] && state->folded[at] != id)
		at = (at + 1) & (state->room_folded - 1);
	return at;
}

bool state_is_folded(const struct state *state, uint64_t id)
{
	return state->n_folded > 0 && state->folded_used[fold_slot(state, id)];
}

void state_unfold_all(struct state *state)
{
	if (state->room_folded)
		memset(state->folded_used, 0, state->room_folded * sizeof *state->folded_used);
	state->n_folded = 0;
}

static bool folds_grow(struct state *state)
{
	struct state old = *state;
	size_t room = old.room_folded ? old.room_folded * 2 : 64;

	state->folded = calloc(room, sizeof *state->folded);
	state->folded_used = calloc(room, sizeof *state->folded_used);
	if (!state->folded || !state->folded_used) {
		free(state->folded);
		free(state->folded_used);
		state->folded = old.folded;
		state->folded_used = old.folded_used;
		return false;
	}
	state->room_folded = room;
	for (size_t i = 0; i < old.room_folded; i++) {
		if (old.folded_used[i]) {
			size_t at = fold_slot(state, old.folded[i]);

			state->folded[at] = old.folded[i];
			state->folded_used[at] = true;
		}
	}
	free(old.folded);
	free(old.folded_used);
	return true;
}

void state_fold(struct state *state, uint64_t id)
{
	size_t at;

	if (state->n_folded * 2 >= state->room_folded && !folds_grow(state))
		return;
	at = fold_slot(state, id);
	state->n_folded += !state->folded_used[at];
	state->folded[at] = id;
	state->folded_used[at] = true;
}

/* Takes ID out; what was put behind it because of it moves up. */
void state_unfold(struct state *state, uint64_t id)
{
	size_t at, mask = state->room_folded - 1;

	if (!state_is_folded(state, id))
		return;
	at = fold_slot(state, id);
	state->folded_used[at] = false;
	state->n_folded--;
	for (size_t i = (at + 1) & mask; state->folded_used[i]; i = (i + 1) & mask) {
		uint64_t moved = state->folded[i];

		state->folded_used[i] = false;
		at = fold_slot(state, moved);
		state->folded[at] = moved;
		state->folded_used[at] = true;
	}
}
