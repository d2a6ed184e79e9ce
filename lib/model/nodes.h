/* SPDX-License-Identifier: MIT */
/*
 * The contexts of a replay: a node each, found by its id, linked as a tree and in order of
 * creation.
 *
 * Node 0 is the place above all roots; it is no context of the trace.  A node is live, or a
 * zombie (it has ended but stands in the peak's tree: nodes_purge() drops it at the next peak),
 * or unused.  Nothing here recurses: a tree may be as deep as it likes.
 *
 * Invariants: ids names exactly the live nodes; a live node stands in its parent's list of
 * children; live nodes and zombies stand in the list first … last, ordered by serial.
 */
#ifndef MEMCTX_MODEL_NODES_H
#define MEMCTX_MODEL_NODES_H

#include <stdbool.h>
#include <stdint.h>

#include "memctx.h"
#include "model/idmap.h"
#include "model/snapshot.h"

enum node_state { NODE_UNUSED, NODE_LIVE, NODE_ZOMBIE };

/*
 * What an event touches stands in the first cache line.  No two neighbours are changed together by
 * a free: a compiler would load both at once, and wait for the separate stores of the event before.
 */
struct node {
	_Alignas(64) memctx *ctx; /* NULL in a dry replay */
	uint64_t live;            /* chunks, from the trace alone, as requested is */
	uint64_t total;           /* memctx_total(ctx) after the last event */
	uint64_t requested;       /* bytes */
	uint64_t epoch; /* of the peak whose figures are put aside, or that it was born after */
	uint64_t allocs;
	uint32_t era;   /* entries of chunks with another era are dead */
	uint32_t plain; /* sizes below this take the short way: no rule, no large chunk */
	uint64_t frees;

	uint64_t id, serial;
	uint64_t reallocs, resets;
	uint64_t chunk_size;                    /* a slab's */
	struct study *study;                    /* NULL: it is a context of the library's */
	uint32_t parent, child, younger, older; /* the tree; child: the oldest */
	uint32_t next, previous;                /* in order of creation */
	uint32_t bump_limit;                    /* of a bump: what is larger is a large chunk */
	uint8_t kind;                           /* enum trace_kind */
	uint8_t as;    /* enum memctx_kind, or of setting.h: what it is replayed as */
	uint8_t state; /* enum node_state */
};

/* A node as it was at the peak. */
struct node_saved {
	uint64_t peak_total_bytes;
	char *ident;      /* where has_ident: the ident was replaced since */
	uint32_t figures; /* the place of its figures in nodes.saved */
	uint32_t lists;   /* where it is listed, that of its classes in nodes.saved_lists */
	uint32_t parent;
	bool is_set, has_ident;
};

/* What only rare events touch. */
struct node_cold {
	char *name;
	char *ident;         /* NULL: none */
	struct idmap *bases; /* size -> struct base_chunks; NULL: none */
	bool is_listed;      /* its classes are not the powers of two: lists.h */
	struct node_saved saved;
};

struct nodes {
	struct node *hot;
	struct node_cold *cold;
	struct snapshot_figures *saved; /* of nodes at the peak, as they are put aside */
	uint32_t nsaved;                /* since the peak, each node once at most */
	struct lists *saved_lists;      /* likewise, of nodes that are listed */
	uint32_t nsaved_lists, lists_room;
	uint32_t listed; /* nodes */
	struct idmap ids;
	uint32_t room; /* places in hot; the others have no fewer */
	uint32_t cold_room, saved_room;
	uint32_t ready;       /* places whose pages are there, or that come one by one */
	uint32_t end;         /* places ever used, node 0 included */
	uint32_t unused;      /* a list through next; 0: none */
	uint32_t zombies;     /* a list through younger; 0: none */
	uint32_t first, last; /* in order of creation */
	uint64_t serial;      /* of the latest */
	uint64_t live;
};

/* Room for one more node that is listed.  0, or -1 with ENOMEM. */
int nodes_reserve_lists(struct nodes *nodes);
/* There is room: node AT is listed. */
static inline void nodes_set_listed(struct nodes *nodes, uint32_t at)
{
	nodes->cold[at].is_listed = true;
	nodes->listed++;
}

/* No nodes but node 0.  0, or -1 with ENOMEM. */
int nodes_init(struct nodes *nodes);
void nodes_fini(struct nodes *nodes);

/* The live node of a context's id; 0: there is none. */
static inline uint32_t nodes_find(const struct nodes *nodes, uint64_t id)
{
	return idmap_find(&nodes->ids, id)->node;
}

/* Whether every place is taken. */
static inline bool nodes_full(const struct nodes *nodes)
{
	return nodes->unused == 0 && nodes->end >= nodes->room;
}

/* Makes room for one more node; pointers to nodes become invalid.  0, or -1 with ENOMEM. */
int nodes_reserve(struct nodes *nodes);
/* Bytes that nodes take. */
uint64_t nodes_bytes(const struct nodes *nodes);

/*
 * Adds a node below PARENT; nodes_reserve() has made room, ID names no live node.  All its figures
 * are 0, era apart; NAME and IDENT (or NULL) come from malloc and are its own from here on.
 */
uint32_t nodes_add(struct nodes *nodes, uint64_t id, uint32_t parent, char *name, char *ident);

/* Ends a live node without children: it becomes a zombie, or is unused. */
void nodes_end(struct nodes *nodes, uint32_t at, bool zombie);
/* Forgets what was put aside, and drops all zombies. */
void nodes_purge(struct nodes *nodes);

/* Makes PARENT the parent; it is not at or below AT. */
void nodes_move(struct nodes *nodes, uint32_t at, uint32_t parent);
/* Whether AT is TOP or below it. */
bool nodes_is_below(const struct nodes *nodes, uint32_t at, uint32_t top);
/* The node that follows AT in a walk of TOP's tree, parents first; 0 after the last. */
uint32_t nodes_walk(const struct nodes *nodes, uint32_t top, uint32_t at);
/* A node without children at or below AT. */
uint32_t nodes_leaf(const struct nodes *nodes, uint32_t at);

/* Replaces the ident by IDENT (or NULL); keeps the old one where the peak's tree needs it. */
void nodes_set_ident(struct nodes *nodes, uint32_t at, char *ident, bool keep_old);

#endif
