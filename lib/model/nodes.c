/* SPDX-License-Identifier: MIT */
/*
 * The contexts of a replay: places, tree, order of creation.  The invariants stand in nodes.h.
 */
#include "model/nodes.h"
#include "model/lists.h"
#include "model/own.h"

#include <errno.h>
#include <string.h>

#define FIRST_ROOM 64u

/* From a table of READY_LEAST places on, pages are made ready for READY_AHEAD at a time. */
#define READY_LEAST 16384u
#define READY_AHEAD 512u

static void drop_tables(struct nodes *nodes)
{
	own_free_table(nodes->hot, nodes->room * sizeof(*nodes->hot));
	own_free_table(nodes->cold, nodes->cold_room * sizeof(*nodes->cold));
	own_free_table(nodes->saved, nodes->saved_room * sizeof(*nodes->saved));
	own_free_table(nodes->saved_lists, nodes->lists_room * sizeof(*nodes->saved_lists));
}

int nodes_init(struct nodes *nodes)
{
	memset(nodes, 0, sizeof(*nodes));
	if (idmap_init(&nodes->ids) != 0)
		return -1;
	if (nodes_reserve(nodes) != 0) {
		drop_tables(nodes);
		idmap_fini(&nodes->ids);
		return -1;
	}
	memset(&nodes->hot[0], 0, sizeof(nodes->hot[0]));
	memset(&nodes->cold[0], 0, sizeof(nodes->cold[0]));
	nodes->end = 1;
	nodes->ready = READY_LEAST;
	return 0;
}

static void drop_cold(struct node_cold *cold)
{
	own_free(cold->name);
	own_free(cold->ident);
	if (cold->saved.has_ident)
		own_free(cold->saved.ident);
	memset(cold, 0, sizeof(*cold));
}

void nodes_fini(struct nodes *nodes)
{
	for (uint32_t at = 1; at < nodes->end; at++)
		drop_cold(&nodes->cold[at]);
	drop_tables(nodes);
	idmap_fini(&nodes->ids);
}

/* TABLE with places for TO nodes, each of SIZE bytes, where it has fewer; NULL: it is as it was. */
static void *grow_table(void *table, uint32_t *room, uint32_t to, size_t size)
{
	void *grown = table;

	if (*room < to)
		grown = own_grow_table(table, *room * size, to * size);
	if (grown != NULL && *room < to)
		*room = to;
	return grown;
}

static int grow_places(struct nodes *nodes)
{
	uint32_t room = nodes->room == 0 ? FIRST_ROOM : nodes->room * 2;
	struct snapshot_figures *saved;
	struct node_cold *cold;
	struct node *hot;

	if (room <= nodes->room) {
		errno = ENOMEM;
		return -1;
	}
	cold = grow_table(nodes->cold, &nodes->cold_room, room, sizeof(*cold));
	if (cold == NULL)
		return -1;
	nodes->cold = cold;
	saved = grow_table(nodes->saved, &nodes->saved_room, room, sizeof(*saved));
	if (saved == NULL)
		return -1;
	nodes->saved = saved;
	hot = grow_table(nodes->hot, &nodes->room, room, sizeof(*hot));
	if (hot == NULL)
		return -1;
	nodes->hot = hot;
	return 0;
}

int nodes_reserve_lists(struct nodes *nodes)
{
	uint32_t room = nodes->lists_room == 0 ? FIRST_ROOM : nodes->lists_room * 2;
	struct lists *lists;

	if (nodes->listed < nodes->lists_room)
		return 0;
	if (room <= nodes->lists_room) {
		errno = ENOMEM;
		return -1;
	}
	lists = grow_table(nodes->saved_lists, &nodes->lists_room, room, sizeof(*lists));
	if (lists == NULL)
		return -1;
	nodes->saved_lists = lists;
	return 0;
}

int nodes_reserve(struct nodes *nodes)
{
	if (nodes_full(nodes) && grow_places(nodes) != 0)
		return -1;
	if (nodes->ids.used >= nodes->ids.limit || idmap_is_sparse(&nodes->ids, nodes->live))
		return idmap_rebuild(&nodes->ids, nodes->live + 1, NULL, NULL);
	return 0;
}

uint64_t nodes_bytes(const struct nodes *nodes)
{
	uint64_t place =
		sizeof(struct node) + sizeof(struct node_cold) + sizeof(struct snapshot_figures);

	return nodes->room * place + idmap_bytes(&nodes->ids);
}

static void make_ready(struct nodes *nodes, uint32_t at)
{
	uint32_t ahead = nodes->room - at < READY_AHEAD ? nodes->room - at : READY_AHEAD;

	own_ready_table(&nodes->hot[at], ahead * sizeof(*nodes->hot));
	own_ready_table(&nodes->cold[at], ahead * sizeof(*nodes->cold));
	nodes->ready = at + ahead;
}

static uint32_t take_place(struct nodes *nodes)
{
	uint32_t at = nodes->unused;
	uint32_t era = 0;

	if (at != 0) {
		nodes->unused = nodes->hot[at].next;
		era = nodes->hot[at].era;
	} else {
		at = nodes->end++;
		if (at >= nodes->ready)
			make_ready(nodes, at);
	}
	memset(&nodes->hot[at], 0, sizeof(nodes->hot[at]));
	memset(&nodes->cold[at], 0, sizeof(nodes->cold[at]));
	nodes->hot[at].era = era;
	return at;
}

/* Children stand youngest first: nothing but walks over all of them uses the list. */
static void link_child(struct nodes *nodes, uint32_t at, uint32_t parent)
{
	struct node *node = &nodes->hot[at];

	node->parent = parent;
	node->older = nodes->hot[parent].child;
	node->younger = 0;
	if (node->older != 0)
		nodes->hot[node->older].younger = at;
	nodes->hot[parent].child = at;
}

static void unlink_child(struct nodes *nodes, uint32_t at)
{
	struct node *node = &nodes->hot[at];

	if (node->younger != 0)
		nodes->hot[node->younger].older = node->older;
	else
		nodes->hot[node->parent].child = node->older;
	if (node->older != 0)
		nodes->hot[node->older].younger = node->younger;
}

static void link_last(struct nodes *nodes, uint32_t at)
{
	struct node *node = &nodes->hot[at];

	node->previous = nodes->last;
	node->next = 0;
	if (nodes->last != 0)
		nodes->hot[nodes->last].next = at;
	else
		nodes->first = at;
	nodes->last = at;
}

/* Takes a node out of the order of creation and gives its place back. */
static void give_place(struct nodes *nodes, uint32_t at)
{
	struct node *node = &nodes->hot[at];

	if (node->previous != 0)
		nodes->hot[node->previous].next = node->next;
	else
		nodes->first = node->next;
	if (node->next != 0)
		nodes->hot[node->next].previous = node->previous;
	else
		nodes->last = node->previous;
	nodes->listed -= nodes->cold[at].is_listed;
	nodes->cold[at].is_listed = false;
	drop_cold(&nodes->cold[at]);
	node->state = NODE_UNUSED;
	/* Once its eras are used up, entries of the first could be taken for new ones. */
	if (node->era >= IDMAP_LAST_ERA)
		return;
	node->next = nodes->unused;
	nodes->unused = at;
}

uint32_t nodes_add(struct nodes *nodes, uint64_t id, uint32_t parent, char *name, char *ident)
{
	struct idmap_entry *entry = idmap_add(&nodes->ids, idmap_hash(&nodes->ids, id));
	uint32_t at = take_place(nodes);
	struct node *node = &nodes->hot[at];

	entry->id = id;
	entry->node = at;
	node->id = id;
	node->serial = ++nodes->serial;
	node->state = NODE_LIVE;
	nodes->cold[at].name = name;
	nodes->cold[at].ident = ident;
	link_child(nodes, at, parent);
	link_last(nodes, at);
	nodes->live++;
	return at;
}

void nodes_end(struct nodes *nodes, uint32_t at, bool zombie)
{
	struct node *node = &nodes->hot[at];
	uint64_t hash = idmap_hash(&nodes->ids, node->id);

	idmap_remove(&nodes->ids, hash, idmap_find_hashed(&nodes->ids, hash, node->id));
	unlink_child(nodes, at);
	nodes->live--;
	node->era++;
	if (zombie) {
		node->state = NODE_ZOMBIE;
		node->ctx = NULL;
		node->younger = nodes->zombies;
		nodes->zombies = at;
	} else {
		give_place(nodes, at);
	}
}

void nodes_purge(struct nodes *nodes)
{
	nodes->nsaved = nodes->nsaved_lists = 0;
	while (nodes->zombies != 0) {
		uint32_t at = nodes->zombies;

		nodes->zombies = nodes->hot[at].younger;
		give_place(nodes, at);
	}
}

void nodes_move(struct nodes *nodes, uint32_t at, uint32_t parent)
{
	unlink_child(nodes, at);
	link_child(nodes, at, parent);
}

bool nodes_is_below(const struct nodes *nodes, uint32_t at, uint32_t top)
{
	if (nodes->hot[top].child == 0)
		return at == top;
	while (at != 0 && at != top)
		at = nodes->hot[at].parent;
	return at == top;
}

uint32_t nodes_walk(const struct nodes *nodes, uint32_t top, uint32_t at)
{
	if (nodes->hot[at].child != 0)
		return nodes->hot[at].child;
	while (at != top && nodes->hot[at].older == 0)
		at = nodes->hot[at].parent;
	return at == top ? 0 : nodes->hot[at].older;
}

uint32_t nodes_leaf(const struct nodes *nodes, uint32_t at)
{
	while (nodes->hot[at].child != 0)
		at = nodes->hot[at].child;
	return at;
}

void nodes_set_ident(struct nodes *nodes, uint32_t at, char *ident, bool keep_old)
{
	struct node_cold *cold = &nodes->cold[at];

	if (keep_old) {
		cold->saved.ident = cold->ident;
		cold->saved.has_ident = true;
	} else {
		own_free(cold->ident);
	}
	cold->ident = ident;
}
