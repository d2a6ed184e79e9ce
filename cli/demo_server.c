/* SPDX-License-Identifier: MIT */
/*
 * The server of memctx-tool demo.  How it uses contexts is how a server may:
 *
 *   Worker           a tree for each thread, so that threads need no lock
 *     Connection     lives as long as a client stays; deleted with all that it holds
 *       Query        reset after each query: nothing of a query outlives it, and nothing is freed
 *         Sort       now and then a query sorts much: a burst
 *     Sessions       one note for each query is never freed: the leak to be found
 *   Cache            one tree for all, handed from thread to thread by its lock
 *
 * Invariant: a context is used by the thread whose tree it is in, or under the cache's lock.
 */
#include "demo_server.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "memctx.h"

enum { WORKERS = 3, CONNECTIONS = 20, CACHE_ENTRIES = 2048, NOTE_EVERY = 8, BURST_EVERY = 4000 };
enum { SORT_ROWS = 20000, QUERY_PAUSE_US = 200 };

struct entry {
	char *value;
	size_t size;
};

static struct {
	pthread_mutex_t lock;
	memctx *memory;
	struct entry *entries;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct worker {
	pthread_t thread;
	memctx *memory, *sessions;
	memctx *connections[CONNECTIONS];
	unsigned number;
	uint32_t random;
};

static struct worker workers[WORKERS];
static unsigned n_started;
static atomic_bool is_stopping;
static _Atomic uint64_t queries;

/* What refuses memory ends a query, not the server. */
static uint32_t next_random(struct worker *worker, uint32_t below)
{
	worker->random = worker->random * 1664525u + 1013904223u;
	return (worker->random >> 8) % below;
}

/* ---- The cache ------------------------------------------------------------------------ */

/* A copy in QUERY of what the cache has for KEY, made first where it has nothing. */
static char *cache_get(memctx *query, uint32_t key, size_t size)
{
	struct entry *entry = &cache.entries[key % CACHE_ENTRIES];
	char *copy = NULL;

	pthread_mutex_lock(&cache.lock);
	if (entry->value == NULL || entry->size != size) {
		memctx_free(entry->value);
		entry->value = memctx_zalloc(cache.memory, size);
		entry->size = size;
	}
	if (entry->value != NULL)
		copy = memctx_alloc(query, size);
	if (copy != NULL)
		memcpy(copy, entry->value, size);
	pthread_mutex_unlock(&cache.lock);
	return copy;
}

/* ---- Queries -------------------------------------------------------------------------- */

/* A query that sorts: many rows for a moment, gone with their context. */
static void sort_rows(memctx *query)
{
	memctx *sort = memctx_create(query, "Sort", "order by name", MEMCTX_ASET, NULL);

	for (int i = 0; sort != NULL && i < SORT_ROWS; i++)
		if (memctx_alloc(sort, 40 + (size_t)i % 200) == NULL)
			break;
	nanosleep(&(struct timespec){0, 300000000}, NULL);
	memctx_delete(sort);
}

/* Grows an answer as it is put together, as a program would with realloc. */
static void answer(struct worker *worker, memctx *query)
{
	size_t size = 64;
	char *text = memctx_alloc(query, size);

	for (uint32_t n = next_random(worker, 6); text != NULL && n > 0; n--)
		text = memctx_realloc(text, size *= 2);
}

static void serve_query(struct worker *worker, memctx *connection)
{
	memctx *query = memctx_first_child(connection);
	uint64_t number = ++queries;

	memctx_set_ident(query, memctx_printf(query, "select %u", next_random(worker, 100)));
	for (uint32_t n = next_random(worker, 30); n > 0; n--)
		if (memctx_alloc(query, 16 + next_random(worker, 400)) == NULL)
			break;
	cache_get(query, next_random(worker, CACHE_ENTRIES), 100 + next_random(worker, 4) * 300);
	answer(worker, query);
	if (number % NOTE_EVERY == 0)
		memctx_printf(worker->sessions, "query %llu", (unsigned long long)number);
	if (number % BURST_EVERY == 0)
		sort_rows(query);
	memctx_reset(query);
}

/* ---- Connections ---------------------------------------------------------------------- */

static memctx *connect_client(struct worker *worker)
{
	char who[40];
	memctx *connection;

	snprintf(who, sizeof who, "10.0.%u.%u", worker->number, next_random(worker, 255));
	connection = memctx_create(worker->memory, "Connection", who, MEMCTX_ASET, NULL);
	if (connection != NULL && memctx_create(connection, "Query", NULL, MEMCTX_ASET,
					  &MEMCTX_SMALL_OPTIONS) != NULL)
		return connection;
	if (connection != NULL)
		memctx_delete(connection);
	return NULL;
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	while (!is_stopping) {
		memctx **place = &worker->connections[next_random(worker, CONNECTIONS)];

		if (*place == NULL) {
			*place = connect_client(worker);
		} else if (next_random(worker, 100) == 0) {
			memctx_delete(*place);
			*place = NULL;
		} else {
			serve_query(worker, *place);
		}
		nanosleep(&(struct timespec){0, QUERY_PAUSE_US * 1000L}, NULL);
	}
	return NULL;
}

/* ---- The server ----------------------------------------------------------------------- */

static bool cache_begin(void)
{
	cache.memory = memctx_create(NULL, "Cache", NULL, MEMCTX_ASET, NULL);
	if (cache.memory == NULL)
		return false;
	cache.entries = memctx_zalloc(cache.memory, CACHE_ENTRIES * sizeof *cache.entries);
	return cache.entries != NULL;
}

static int worker_begin(struct worker *worker, unsigned number)
{
	char ident[16];

	snprintf(ident, sizeof ident, "%u", number);
	worker->number = number;
	worker->random = number;
	worker->memory = memctx_create(NULL, "Worker", ident, MEMCTX_ASET, NULL);
	if (worker->memory == NULL)
		return ENOMEM;
	worker->sessions = memctx_create(worker->memory, "Sessions", NULL, MEMCTX_ASET, NULL);
	if (worker->sessions == NULL)
		return ENOMEM;
	return pthread_create(&worker->thread, NULL, work, worker);
}

int demo_server_start(void)
{
	int error = cache_begin() ? 0 : ENOMEM;

	while (error == 0 && n_started < WORKERS) {
		error = worker_begin(&workers[n_started], n_started + 1);
		n_started += error == 0;
	}
	if (error == 0)
		return 0;
	demo_server_stop();
	errno = error;
	return -1;
}

void demo_server_stop(void)
{
	is_stopping = true;
	for (unsigned i = 0; i < n_started; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		if (workers[i].memory != NULL)
			memctx_delete(workers[i].memory);
	if (cache.memory != NULL)
		memctx_delete(cache.memory);
}

uint64_t demo_server_queries(void)
{
	return queries;
}
