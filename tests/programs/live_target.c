/* SPDX-License-Identifier: MIT */
/*
 * A program to look into, for tests/live.sh: it makes contexts and does what its argument says.
 *
 *   wait          prints "ready", and waits for the end of its standard input
 *   fire          prints "ready", and allocates flat out until SIGTERM; fails if anything is broken
 *   work          does some thousand operations and prints what is held: "CONTEXTS LIVE BYTES"
 *   fork          works; a child works on and prints what it holds, then the parent does
 *   exec          works, and becomes `ls -l /proc/self/fd`
 *   close         closes all descriptors but the standard ones, opens a file of its own, as wait
 *   hands         threads hand trees to one another; prints its number, then of each context
 *                 "IDENT ALLOCS FREES REALLOCS RESETS LIVE BYTES", then as wait
 *   three         makes three chunks and ends at once
 *   slab          fills a slab, with other sizes than its chunks' as well, and prints its bytes
 *   storm         forks 50 children that work and end
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memctx.h"

static memctx *top;
static uint32_t seed = 1;

static uint32_t below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void work(int rounds)
{
	static const struct memctx_options small = {.init_size = 1024, .max_size = 8192};

	for (int i = 0; i < rounds; i++) {
		memctx *child = memctx_create(top, "child", "ident", MEMCTX_ASET, &small);
		void *chunk = NULL;

		for (int k = 0; child != NULL && k < 20; k++) {
			if (k % 3 == 0)
				memctx_free(chunk);
			chunk = memctx_alloc(child, below(3000));
		}
		if (i % 3 == 0)
			memctx_delete(child);
		else if (i % 5 == 0)
			memctx_reset(child);
	}
}

static void print_held(void)
{
	unsigned long contexts = 0, live = 0, bytes = 0;

	for (memctx *c = top; c != NULL; c = memctx_walk(top, c)) {
		struct memctx_stats s;

		memctx_stats(c, &s);
		contexts++;
		live += s.live_chunks;
		bytes += s.requested_bytes;
	}
	printf("%lu %lu %lu\n", contexts, live, bytes);
	fflush(stdout);
}

static void wait_for_end(void)
{
	char byte;

	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static volatile sig_atomic_t is_over;

static void end_fire(int number)
{
	is_over = number;
}

static void fire(void)
{
	signal(SIGTERM, end_fire);
	puts("ready");
	fflush(stdout);
	while (is_over == 0) {
		memctx *ctx = memctx_create(top, "busy", NULL, MEMCTX_ASET, NULL);

		for (int i = 0; i < 1000; i++)
			memctx_free(memctx_alloc(ctx, below(500)));
		memctx_delete(ctx);
	}
	exit(memctx_check(top, NULL, NULL) == 0 ? 0 : 1);
}

static void in_child(void (*what)(void))
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		work(30);
		what();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		exit(1);
}

static void nothing(void)
{
}

static void close_all(void)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	/* It takes the number that the region's descriptor had; nothing may ever touch it. */
	if (open("own.file", O_RDWR | O_CREAT | O_TRUNC, 0600) < 0 || chdir("/") != 0)
		exit(1);
	in_child(nothing);
	wait_for_end();
}

/* ---- Trees that change hands ------------------------------------------------------------ */

enum { THREADS = 4, TREES = 7, HANDS = 400, MOST = 40 };

static struct {
	pthread_mutex_t lock;
	memctx *top;
} trees[TREES];
static atomic_uint made;

/* A context with an ident that no other has. */
static memctx *make_context(memctx *parent)
{
	char ident[20];

	snprintf(ident, sizeof(ident), "%u", made++);
	return memctx_create(parent, "handed on", ident, MEMCTX_ASET, NULL);
}

static void change_tree(memctx *tree, unsigned *random)
{
	memctx *child = make_context(tree);
	void *chunks[16];
	unsigned n = 0;

	for (size_t i = 0; i < 16; i++)
		chunks[i] = memctx_alloc(i % 2 ? tree : child, (size_t)rand_r(random) % 10000);
	for (size_t i = 0; i < 16; i += 3)
		chunks[i] = memctx_realloc(chunks[i], (size_t)rand_r(random) % 10000);
	for (size_t i = 0; i < 16; i += 4)
		memctx_free(chunks[i]);
	for (memctx *c = tree; c != NULL; c = memctx_walk(tree, c))
		n++;
	if (n > MOST)
		memctx_delete_children(tree);
	else if (rand_r(random) % 5 == 0)
		memctx_reset_only(tree);
	else if (rand_r(random) % 5 == 0)
		memctx_delete(child);
	else if (rand_r(random) % 5 == 0)
		memctx_set_parent(
			child, memctx_first_child(tree) == child ? tree : memctx_first_child(tree));
}

static void *hand_on(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg;

	for (int i = 0; i < HANDS; i++) {
		size_t at = (size_t)rand_r(&random) % TREES;

		pthread_mutex_lock(&trees[at].lock);
		change_tree(trees[at].top, &random);
		pthread_mutex_unlock(&trees[at].lock);
	}
	return NULL;
}

static void print_contexts(const memctx *tree)
{
	for (const memctx *c = tree; c != NULL; c = memctx_walk(tree, c)) {
		struct memctx_stats s;

		memctx_stats(c, &s);
		printf("%s %ju %ju %ju %ju %ju %ju\n", memctx_ident(c), (uintmax_t)s.allocs,
			(uintmax_t)s.frees, (uintmax_t)s.reallocs, (uintmax_t)s.resets,
			(uintmax_t)s.live_chunks, (uintmax_t)s.requested_bytes);
	}
}

static void hands(void)
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < TREES; i++) {
		pthread_mutex_init(&trees[i].lock, NULL);
		trees[i].top = make_context(NULL);
	}
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, hand_on, (void *)(i + 1)) != 0)
			exit(1);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%d\n", (int)getpid());
	for (size_t i = 0; i < TREES; i++)
		print_contexts(trees[i].top);
	wait_for_end();
	exit(0);
}

static int fill_slab(void)
{
	const struct memctx_options options = {.chunk_size = 100, .init_size = 4096};
	memctx *slab = memctx_create(top, "slab", NULL, MEMCTX_SLAB, &options);

	for (size_t i = 0; i < 500; i++)
		if (memctx_alloc(slab, i % 50 == 0 ? 3000 : 100 - i % 7) == NULL)
			return 1;
	printf("%zu\n", memctx_total(slab));
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	top = memctx_create(NULL, "top", NULL, MEMCTX_ASET, NULL);
	if (top == NULL)
		return 1;
	if (strcmp(what, "three") == 0)
		return memctx_alloc(top, 1) && memctx_alloc(top, 20) && memctx_alloc(top, 300) ? 0
											       : 1;
	if (strcmp(what, "slab") == 0)
		return fill_slab();
	work(200);
	if (strcmp(what, "hands") == 0)
		hands();
	if (strcmp(what, "wait") == 0)
		wait_for_end();
	else if (strcmp(what, "fire") == 0)
		fire();
	else if (strcmp(what, "fork") == 0)
		in_child(print_held);
	else if (strcmp(what, "exec") == 0)
		execlp("ls", "ls", "-l", "/proc/self/fd", (char *)NULL);
	else if (strcmp(what, "close") == 0)
		close_all();
	for (int i = 0; strcmp(what, "storm") == 0 && i < 50; i++)
		in_child(nothing);
	work(200);
	print_held();
	return argc > 2 ? atoi(argv[2]) : 0;
}
