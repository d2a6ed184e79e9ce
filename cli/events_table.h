/* SPDX-License-Identifier: MIT */
/*
 * The table that `memctx-tool events` prints: an event, what the allocator did, the freelist.
 *
 * Events are collected until the table is finished or has too many to look at them all first:
 * where they concern one list of one context, the heading names it; else each cell does.
 */
#ifndef CLI_EVENTS_TABLE_H
#define CLI_EVENTS_TABLE_H

#include <stdbool.h>

#include "model/explain.h"
#include "page.h"

struct events_table;

/*
 * A table of WIDTH columns printed to PAGE; LISTS: every list that changed, before and after, on
 * lines of their own.  NULL with ENOMEM.
 */
struct events_table *events_table_new(struct page *page, int width, bool lists);

/* Where the next event goes; events_table_add() then takes it. */
struct explain_event *events_table_next(struct events_table *table);
void events_table_add(struct events_table *table);

/* Prints what was collected, and frees the table. */
void events_table_finish(struct events_table *table);

#endif
