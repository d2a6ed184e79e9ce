/* SPDX-License-Identifier: MIT */
/*
 * Finding contexts by a text in name or ident, in folded lines and summed ones too.
 */
#include <string.h>

#include "tui/state.h"

static bool has_text(const struct state *state, uint32_t context)
{
	const char *ident = rows_ident(state->rows->snapshot, context);

	return strcasestr(rows_name(state->rows->snapshot, context), state->find) ||
	       (ident && strcasestr(ident, state->find));
}

/* The member of a line that has the text; SNAPSHOT_NONE. */
static uint32_t member_with_text(const struct state *state, const struct row *row)
{
	uint32_t member = row->context;

	if (row->members == 1)
		return has_text(state, member) ? member : SNAPSHOT_NONE;
	while (member != SNAPSHOT_NONE && !has_text(state, member))
		member = state->rows->next[member];
	return member;
}

static void show_member(struct state *state, uint32_t at, uint32_t member)
{
	const struct row *row = &state->rows->rows[at];

	state_show_row(state, at);
	if (row->members == 1)
		return;
	/* The line stays a sum; what is looked at closer is the one that was found. */
	state_take(state, state->rows->snapshot->contexts[member].id);
	state_say(state, "%s %s is one of the %u that this line sums; z shows each",
		rows_name(state->rows->snapshot, member),
		rows_ident(state->rows->snapshot, member)
			? rows_ident(state->rows->snapshot, member)
			: "",
		row->members);
}

void state_find(struct state *state, size_t from, int step)
{
	size_t n = state->rows->n;

	for (size_t i = 0; *state->find && i < n; i++) {
		size_t at = step > 0 ? (from + i) % n : (from % n + n - i) % n;
		uint32_t member = member_with_text(state, &state->rows->rows[at]);

		if (member == SNAPSHOT_NONE)
			continue;
		show_member(state, (uint32_t)at, member);
		return;
	}
	if (*state->find)
		state_say(state, "nothing has \"%.100s\" in its name", state->find);
	else
		state_say(state, "/ says what to find");
}
