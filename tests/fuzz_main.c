/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz harness over files, and over the files of folders, without libFuzzer: what has once
 * been found is tried again by every `make check`.  Exits with 1 where nothing was there to run.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Larger inputs belong to other tests; a sanitizer would take minutes over them. */
#define INPUT_MAX (1 << 20)

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	size_t size;

	if (file == NULL) {
		perror(path);
		return -1;
	}
	data = malloc(INPUT_MAX);
	if (data == NULL)
		abort();
	size = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	/* Exactly as long as the input, so that a read past its end is seen. */
	data = realloc(data, size > 0 ? size : 1);
	printf("%s: %zu bytes\n", path, size);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

/* The number of inputs run, or -1. */
static int run_path(const char *path)
{
	struct dirent **names;
	struct stat info;
	char file[4096];
	int count, ran = 0;

	if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode))
		return run_file(path);
	count = scandir(path, &names, NULL, alphasort);
	if (count < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < count; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (ran >= 0 && stat(file, &info) == 0 && S_ISREG(info.st_mode))
			ran = run_file(file) < 0 ? -1 : ran + 1;
		free(names[i]);
	}
	free(names);
	return ran;
}

int main(int argc, char **argv)
{
	int ran = 0;

	for (int i = 1; i < argc; i++) {
		int some = run_path(argv[i]);

		if (some < 0)
			return 1;
		ran += some;
	}
	printf("%d inputs\n", ran);
	return ran > 0 ? 0 : 1;
}
