/* SPDX-License-Identifier: MIT */
/*
 * memctx itself, from its shared library, with contexts of the default sizes.  Whether it publishes
 * and records is settled once a process, so each way has a copy of the library of its own.
 */
#include "bench.h"
#include "bench/lttng/peer.h"
#include "memctx.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING_EVENTS 16384 /* the default */

/* What differs from copy to copy. */
struct variant {
	const char *note;
	bool publishes;
	size_t ring;
	__typeof__(memctx_create) *create;
};

static struct variant plain = {"publishing, not recording", true, 0, NULL};
static struct variant recording = {
	"publishing and recording, as is the default", true, RING_EVENTS, NULL};
static struct variant threaded = {
	"recording, where another thread records as well", true, RING_EVENTS, NULL};
static struct variant traced = {"traced by LTTng-UST", true, 0, NULL};
static struct variant hidden = {"neither publishing nor recording", false, 0, NULL};

static void *create_plain(void *parent)
{
	return plain.create(parent, "bench", NULL, MEMCTX_ASET, NULL);
}

static void *create_recording(void *parent)
{
	return recording.create(parent, "bench", NULL, MEMCTX_ASET, NULL);
}

static void *create_threaded(void *parent)
{
	return threaded.create(parent, "bench", NULL, MEMCTX_ASET, NULL);
}

static void *create_traced(void *parent)
{
	return traced.create(parent, "bench", NULL, MEMCTX_ASET, NULL);
}

static void *create_hidden(void *parent)
{
	return hidden.create(parent, "bench", NULL, MEMCTX_ASET, NULL);
}

/* The other kinds, publishing and not recording. */
static struct variant fine = {"an aset with classes=fine", true, 0, NULL};
static struct variant generation = {"a generation", true, 0, NULL};
static struct variant bump = {"a bump context", true, 0, NULL};
static struct variant slab = {"a slab of 256 bytes", true, 0, NULL};

static void *create_fine(void *parent)
{
	static const struct memctx_options options = {.classes = MEMCTX_CLASSES_FINE};

	return fine.create(parent, "bench", NULL, MEMCTX_ASET, &options);
}

static void *create_generation(void *parent)
{
	return generation.create(parent, "bench", NULL, MEMCTX_GENERATION, NULL);
}

static void *create_bump(void *parent)
{
	return bump.create(parent, "bench", NULL, MEMCTX_BUMP, NULL);
}

static void *create_slab(void *parent)
{
	static const struct memctx_options options = {.chunk_size = 256};

	return slab.create(parent, "bench", NULL, MEMCTX_SLAB, &options);
}

/*
 * Names a file for the loader: the first time the library's own, later a copy that the loader does
 * not know yet.  Where that fails, the library's own again, so its counters are shared.
 */
static void name_copy(const char *path, char *name, size_t size)
{
	static bool is_loaded;
	struct stat status;
	int from;
	int to;

	snprintf(name, size, "%s", path);
	from = is_loaded ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	is_loaded = true;
	if (from < 0 || fstat(from, &status) != 0)
		return;
	to = memfd_create("libmemctx", MFD_CLOEXEC);
	if (to >= 0 && sendfile(to, from, NULL, (size_t)status.st_size) == status.st_size)
		snprintf(name, size, "/proc/self/fd/%d", to);
	close(from);
}

static int open_variant(struct peer *peer, const char *path, struct variant *variant)
{
	__typeof__(memctx_version) *version;
	__typeof__(memctx_publish) *publish;
	__typeof__(memctx_set_ring) *set_ring;
	const struct peer_symbol symbols[] = {
		{"memctx_create", &variant->create},
		{"memctx_reset", &peer->reset},
		{"memctx_delete", &peer->destroy},
		{"memctx_alloc", &peer->alloc},
		{"memctx_free", &peer->free},
		{"memctx_realloc", &peer->realloc},
		{"memctx_version", &version},
		{"memctx_publish", &publish},
		{"memctx_set_ring", &set_ring},
		{NULL, NULL},
	};
	char name[4096];

	name_copy(path, name, sizeof(name));
	if (peer_load(peer, (const char *const[]){name, NULL}, symbols) != 0)
		return -1;
	if (publish(variant->publishes) != 0) {
		snprintf(peer->note, sizeof(peer->note), "left out: memctx_publish failed");
		return -1;
	}
	set_ring(variant->ring);
	peer->nests = true;
	snprintf(peer->note, sizeof(peer->note), "memctx %s, %s", version(), variant->note);
	return 0;
}

int peer_open_memctx(struct peer *peer, const char *path)
{
	peer->create = create_plain;
	return open_variant(peer, path, &plain);
}

int peer_open_recording(struct peer *peer, const char *path)
{
	peer->create = create_recording;
	return open_variant(peer, path, &recording);
}

static void *record_once(void *peer)
{
	((struct peer *)peer)->destroy(create_threaded(NULL));
	return NULL;
}

/* This thread has a ring of its own first, so that the other cannot leave it one. */
int peer_open_threaded(struct peer *peer, const char *path)
{
	pthread_t other;

	peer->create = create_threaded;
	if (open_variant(peer, path, &threaded) != 0)
		return -1;
	record_once(peer);
	if (pthread_create(&other, NULL, record_once, peer) == 0 && pthread_join(other, NULL) == 0)
		return 0;
	snprintf(peer->note, sizeof(peer->note), "left out: no thread");
	return -1;
}

/* BENCH_LTTNG is set by run.sh where there is a session that takes the events. */
int peer_open_lttng(struct peer *peer, const char *path)
{
	const char *provider = getenv("BENCH_LTTNG");
	__typeof__(lttng_peer_set) *set;
	void *(*alloc)(void *, size_t);
	void (*release)(void *);
	const struct peer_symbol symbols[] = {
		{"lttng_peer_set", &set},
		{"lttng_peer_alloc", &alloc},
		{"lttng_peer_free", &release},
		{NULL, NULL},
	};

	if (provider == NULL) {
		snprintf(peer->note, sizeof(peer->note), "left out: run.sh found no LTTng-UST");
		return -1;
	}
	peer->create = create_traced;
	if (open_variant(peer, path, &traced) != 0)
		return -1;
	if (peer_load(peer, (const char *const[]){provider, NULL}, symbols) != 0)
		return -1;
	set(peer->alloc, peer->free);
	peer->alloc = alloc;
	peer->free = release;
	peer->realloc = NULL;
	peer->reset = NULL;
	peer->nests = false;
	return 0;
}

int peer_open_private(struct peer *peer, const char *path)
{
	peer->create = create_hidden;
	return open_variant(peer, path, &hidden);
}

int peer_open_fine(struct peer *peer, const char *path)
{
	peer->create = create_fine;
	return open_variant(peer, path, &fine);
}

int peer_open_generation(struct peer *peer, const char *path)
{
	peer->create = create_generation;
	return open_variant(peer, path, &generation);
}

int peer_open_bump(struct peer *peer, const char *path)
{
	int status = open_variant(peer, path, &bump);

	peer->create = create_bump;
	peer->free = NULL;
	peer->realloc = NULL;
	return status;
}

int peer_open_slab(struct peer *peer, const char *path)
{
	peer->create = create_slab;
	return open_variant(peer, path, &slab);
}
