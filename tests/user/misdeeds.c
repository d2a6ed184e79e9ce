/* SPDX-License-Identifier: MIT */
/*
 * A user's program that does one thing wrong, named by its argument; "clean" does all that is
 * allowed.  It is built with and without AddressSanitizer and run under Valgrind, to see that
 * each misdeed is reported and nothing else is.  Of several names each is done by a process of its
 * own; on stderr a line that names it goes ahead, and one with its exit status follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memctx.h>

static memctx *top, *ctx;
static volatile char sink;

static void clean(void)
{
	char *kept[200];
	memctx *child;

	for (size_t i = 0; i < 200; i++) {
		kept[i] = i % 3 == 0 ? memctx_alloc_aligned(ctx, i * 101, 64)
				     : memctx_alloc(ctx, i * 101);
		memset(kept[i], 'k', i * 101);
	}
	for (size_t i = 0; i < 200; i++) {
		kept[i] = memctx_realloc(kept[i], (i * 977) % 30000);
		memset(kept[i], 'r', (i * 977) % 30000);
	}
	for (size_t i = 0; i < 200; i += 2)
		memctx_free(kept[i]);
	for (size_t i = 1; i < 200; i += 2)
		for (size_t j = 0; j < (i * 977) % 30000; j++)
			if (kept[i][j] != 'r')
				abort();
	child = memctx_create(ctx, "child", "of a clean program", MEMCTX_ASET, NULL);
	for (int i = 0; i < 1000; i++)
		sink = memctx_printf(child, "%d bottles", i)[0];
	memctx_set_parent(child, top);
	memctx_reset(ctx);
	memset(memctx_alloc(ctx, 5000), 1, 5000);
	memctx_delete(child);
	memctx_trim();
}

static void read_freed(void)
{
	char *chunk = memctx_zalloc(ctx, 100);

	memctx_free(chunk);
	sink = chunk[50];
}

static void write_freed(void)
{
	char *chunk = memctx_zalloc(ctx, 100);

	memctx_free(chunk);
	chunk[50] = 1;
}

static void read_past_end(void)
{
	char *chunk = memctx_zalloc(ctx, 20); /* a class of 32: in the slack */

	sink = chunk[20];
}

static void read_past_class(void)
{
	char *chunk = memctx_zalloc(ctx, 32);

	memctx_zalloc(ctx, 32);
	sink = chunk[32];
}

static void read_before(void)
{
	char *chunk = memctx_zalloc(ctx, 20);

	sink = chunk[-1];
}

static void read_never_carved(void)
{
	char *chunk = memctx_zalloc(ctx, 20);

	sink = chunk[1000];
}

static void read_freed_large(void)
{
	char *chunk = memctx_zalloc(ctx, 100000);

	memctx_free(chunk);
	sink = chunk[50000];
}

static void read_past_large(void)
{
	char *chunk = memctx_zalloc(ctx, 100001);

	sink = chunk[100001];
}

static void read_past_aligned(void)
{
	char *chunk = memctx_alloc_aligned(ctx, 20, 256);

	memset(chunk, 0, 20);
	sink = chunk[20];
}

static void read_before_aligned(void)
{
	char *chunk = memctx_alloc_aligned(ctx, 20, 256);

	sink = chunk[-20];
}

static void read_freed_aligned(void)
{
	char *chunk = memctx_alloc_aligned(ctx, 20, 256);

	memset(chunk, 0, 20);
	memctx_free(chunk);
	sink = chunk[10];
}

static void read_past_shrunk(void)
{
	char *chunk = memctx_zalloc(ctx, 60);

	chunk = memctx_realloc(chunk, 40);
	sink = chunk[45];
}

static void read_past_shrunk_large(void)
{
	char *chunk = memctx_zalloc(ctx, 60000);

	chunk = memctx_realloc(chunk, 59000);
	sink = chunk[59500];
}

static void read_where_it_was(void)
{
	char *chunk = memctx_zalloc(ctx, 60);

	memctx_alloc(ctx, 1);
	memctx_realloc(chunk, 5000);
	sink = chunk[30];
}

static void read_after_reset(void)
{
	char *chunk = memctx_zalloc(ctx, 100);

	memctx_reset(ctx);
	sink = chunk[50];
}

static void read_second_block_after_reset(void)
{
	char *chunk = NULL;

	for (int i = 0; i < 100; i++)
		chunk = memctx_zalloc(ctx, 500);
	memctx_reset(ctx);
	sink = chunk[50];
}

static void read_after_delete(void)
{
	char *chunk = memctx_zalloc(ctx, 100);

	memctx_delete(ctx);
	sink = chunk[50];
}

static void read_large_after_delete(void)
{
	char *chunk = memctx_zalloc(ctx, 30000);

	memctx_delete(ctx);
	sink = chunk[50];
}

static void decide_by_uninitialised(void)
{
	char *chunk = memctx_alloc(ctx, 100);

	if (chunk[50] == 7)
		puts("it happens to be 7");
}

static void decide_by_reused(void)
{
	char *chunk = memctx_zalloc(ctx, 100);

	memctx_free(chunk);
	decide_by_uninitialised();
}

static void double_free(void)
{
	char *chunk = memctx_zalloc(ctx, 100);

	memctx_free(chunk);
	memctx_free(chunk);
}

static void free_after_reset(void)
{
	char *chunk = memctx_zalloc(ctx, 100);

	memctx_reset(ctx);
	memctx_free(chunk);
}

static void free_after_delete(void)
{
	char *chunk = memctx_zalloc(ctx, 100);

	memctx_delete(ctx);
	memctx_free(chunk);
}

static void write_past_end(void)
{
	char *chunk = memctx_zalloc(ctx, 20);

	chunk[20] = 1;
	memctx_free(chunk);
}

static void write_past_end_and_grow(void)
{
	char *chunk = memctx_zalloc(ctx, 20);

	chunk[20] = 1;
	memctx_realloc(chunk, 25);
}

static void write_past_aligned(void)
{
	char *chunk = memctx_alloc_aligned(ctx, 20, 128);

	chunk[20] = 1;
	memctx_free(chunk);
}

static void write_past_large(void)
{
	char *chunk = memctx_zalloc(ctx, 20001);

	chunk[20001] = 1;
	memctx_free(chunk);
}

static void write_over_header(void)
{
	char *chunk = memctx_zalloc(ctx, 32);

	memctx_alloc(ctx, 32);
	memset(chunk, 0, 40);
	memctx_reset(ctx);
}

static const struct {
	const char *name;
	void (*run)(void);
} deeds[] = {
#define DEED(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}
	DEED(clean),
	DEED(read_freed),
	DEED(write_freed),
	DEED(read_past_end),
	DEED(read_past_class),
	DEED(read_before),
	DEED(read_never_carved),
	DEED(read_freed_large),
	DEED(read_past_large),
	DEED(read_past_aligned),
	DEED(read_before_aligned),
	DEED(read_freed_aligned),
	DEED(read_past_shrunk),
	DEED(read_past_shrunk_large),
	DEED(read_where_it_was),
	DEED(read_after_reset),
	DEED(read_second_block_after_reset),
	DEED(read_after_delete),
	DEED(read_large_after_delete),
	DEED(decide_by_uninitialised),
	DEED(decide_by_reused),
	DEED(double_free),
	DEED(free_after_reset),
	DEED(free_after_delete),
	DEED(write_past_end),
	DEED(write_past_end_and_grow),
	DEED(write_past_aligned),
	DEED(write_past_large),
	DEED(write_over_header),
};

static int run(const char *name)
{
	for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
		if (strcmp(name, deeds[i].name) == 0) {
			deeds[i].run();
			memctx_delete(top);
			return 0;
		}
	}
	fprintf(stderr, "no such deed\n");
	return 2;
}

int main(int argc, char **argv)
{
	top = memctx_create(NULL, "top", NULL, MEMCTX_ASET, NULL);
	ctx = memctx_create(top, "work", NULL, MEMCTX_ASET, NULL);
	for (int i = 1; argc > 2 && i < argc; i++) {
		int status = -1;
		pid_t pid;

		fprintf(stderr, "deed %s\n", argv[i]);
		pid = fork();
		if (pid == 0)
			return run(argv[i]);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			return 2;
		fprintf(stderr, "status %d\n", WEXITSTATUS(status));
	}
	return argc == 2 ? run(argv[1]) : 0;
}
