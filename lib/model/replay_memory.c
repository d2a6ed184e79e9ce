/* SPDX-License-Identifier: MIT */
/*
 * How much memory a replay may take: what the machine has, and what the replayer itself needs.
 *
 * A bound that the user gave is for the contexts.  One that comes from the machine holds the
 * replayer's own tables too: they can outweigh many small chunks.
 */
#include "model/replay_inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* The number after KEY in a file of "key number" lines, or UINT64_MAX; KEY "": the first number. */
static uint64_t read_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	uint64_t number = UINT64_MAX;
	char line[256];

	if (file == NULL)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		if (sscanf(line + strlen(key), " %" SCNu64, &number) != 1)
			number = UINT64_MAX;
		break;
	}
	fclose(file);
	return number;
}

/* What one control group leaves: its limit less what it uses, file pages that can go apart. */
static uint64_t group_room(const char *folder, const char *limit_file, const char *use_file)
{
	char path[600];
	uint64_t limit, use, file_pages;

	snprintf(path, sizeof(path), "%s/%s", folder, limit_file);
	limit = read_number(path, "");
	snprintf(path, sizeof(path), "%s/%s", folder, use_file);
	use = read_number(path, "");
	if (limit == UINT64_MAX || use == UINT64_MAX)
		return UINT64_MAX;
	snprintf(path, sizeof(path), "%s/memory.stat", folder);
	file_pages = read_number(path, "inactive_file ");
	return less(limit, less(use, file_pages == UINT64_MAX ? 0 : file_pages));
}

/* The least room of a group and those above it. */
static uint64_t groups_room(
	const char *top, char *group, const char *limit_file, const char *use_file)
{
	uint64_t room = UINT64_MAX;

	for (;;) {
		char folder[500];
		char *slash;

		snprintf(folder, sizeof(folder), "%s%s", top, group);
		room = least(room, group_room(folder, limit_file, use_file));
		slash = strrchr(group, '/');
		if (slash == NULL)
			return room;
		*slash = '\0';
	}
}

static uint64_t control_group_room(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	uint64_t room = UINT64_MAX;
	char line[400];

	if (file == NULL)
		return room;
	while (fgets(line, sizeof(line), file) != NULL) {
		char *controllers = strchr(line, ':');
		char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');

		if (group == NULL)
			continue;
		*group++ = '\0';
		group[strcspn(group, "\n")] = '\0';
		if (strcmp(controllers, ":") == 0)
			room = least(room, groups_room("/sys/fs/cgroup", group, "memory.max",
						   "memory.current"));
		else if (strstr(controllers, "memory") != NULL)
			room = least(
				room, groups_room("/sys/fs/cgroup/memory", group,
					      "memory.limit_in_bytes", "memory.usage_in_bytes"));
	}
	fclose(file);
	return room;
}

static uint64_t resource_room(int resource, uint64_t used)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) != 0 ||
		limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return less(limit.rlim_cur, used);
}

static uint64_t process_room(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t all = 0, data = 0;

	if (file != NULL) {
		if (fscanf(file, "%" SCNu64 " %*u %*u %*u %*u %" SCNu64, &all, &data) != 2)
			all = data = 0;
		fclose(file);
	}
	return least(resource_room(RLIMIT_AS, all * page), resource_room(RLIMIT_DATA, data * page));
}

uint64_t replay_machine_memory(void)
{
	uint64_t available = read_number("/proc/meminfo", "MemAvailable:");
	uint64_t room;

	if (available != UINT64_MAX)
		available = available > UINT64_MAX / 1024 ? UINT64_MAX : available * 1024;
	room = least(available, least(control_group_room(), process_room()));
	return room - room / 16;
}

static uint64_t own_bytes(const struct replay *replay)
{
	return replay->base_bytes + nodes_bytes(&replay->nodes) + idmap_bytes(&replay->chunks);
}

bool replay_may_take(const struct replay *replay, uint64_t bytes)
{
	return !replay->counts_own ||
	       bytes <= less(less(replay->bound, own_bytes(replay)), replay->total);
}

uint64_t replay_room(const struct replay *replay)
{
	return replay->counts_own ? less(replay->bound, own_bytes(replay)) : replay->bound;
}

void replay_set_limit(struct replay *replay)
{
	uint64_t room = replay_room(replay);

	if (replay->root == NULL)
		return;
	room = room > SIZE_MAX - replay->root_bytes ? SIZE_MAX : room + replay->root_bytes;
	memctx_set_limit(replay->root, room);
}

/* Of an empty entry either answer will do. */
static inline bool keep_live(const struct idmap_entry *entry, const void *arg)
{
	const struct replay *replay = arg;

	return replay->nodes.hot[entry->node].era == entry->era;
}

/* Base chunks have no entries. */
static size_t live_entries(const struct replay *replay)
{
	return replay->live - replay->base_live;
}

void replay_sweep_chunks(struct replay *replay)
{
	idmap_sweep(&replay->chunks, keep_live, replay);
}

/* Moves what lives to a table of the right size. */
static int rebuild_chunks(struct replay *replay, size_t live, uint64_t *bytes)
{
	*bytes = idmap_bytes_for(live);
	if (!replay_may_take(replay, *bytes) ||
		idmap_rebuild(&replay->chunks, live, keep_live, replay) != 0)
		return -1;
	replay_set_limit(replay);
	return 0;
}

int replay_grow_chunks(struct replay *replay, uint64_t *bytes)
{
	size_t live = live_entries(replay) + 1;

	if (!idmap_fits(&replay->chunks, live))
		return rebuild_chunks(replay, live, bytes);
	replay_sweep_chunks(replay);
	return 0;
}

void replay_shrink_chunks(struct replay *replay)
{
	size_t live = live_entries(replay);
	uint64_t bytes;

	/* Where that fails, the larger table will do. */
	if (idmap_is_sparse(&replay->chunks, live))
		rebuild_chunks(replay, live, &bytes);
}

int replay_grow_nodes(struct replay *replay)
{
	uint64_t before = nodes_bytes(&replay->nodes);

	if (nodes_full(&replay->nodes) && !replay_may_take(replay, before))
		return -1;
	if (nodes_reserve(&replay->nodes) != 0)
		return -1;
	if (nodes_bytes(&replay->nodes) != before)
		replay_set_limit(replay);
	return 0;
}
