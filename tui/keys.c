/* SPDX-License-Identifier: MIT */
/*
 * The table of keys as data.
 */
#include <string.h>

#include "tui/keys.h"

#define KEYS_ROW(group, request, word, key, other, keys, help)                                     \
	{KEYS_##group, word, keys, help, key, other},
const struct key_help keys_table[REQUESTS] = {KEYS_TABLE(KEYS_ROW)};
#undef KEYS_ROW

const char *const keys_groups[KEYS_GROUPS] = {
	[KEYS_MOVE] = "MOVING",
	[KEYS_TREE] = "THE TREE",
	[KEYS_FIND] = "FINDING",
	[KEYS_TIME] = "TIME",
	[KEYS_LOOK] = "LOOKING CLOSER",
	[KEYS_OTHER] = "OTHER",
};

enum request keys_request(int key)
{
	for (int i = 0; i < REQUESTS; i++)
		if (key != KEYS_NONE && (keys_table[i].key == key || keys_table[i].other == key))
			return (enum request)i;
	return REQUEST_NONE;
}

enum request keys_word(const char *word)
{
	for (int i = 0; i < REQUESTS; i++)
		if (!strcmp(keys_table[i].word, word))
			return (enum request)i;
	return REQUEST_NONE;
}
