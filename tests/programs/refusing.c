/* SPDX-License-Identifier: MIT */
/*
 * Runs a command in a system that refuses it calls, for tests/sandbox.sh:
 *
 *   refusing NAME -- COMMAND...
 *
 * NAME is one of the table below.  Its status is the command's, or 77 where the system knows no
 * such filters.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/refused_call.h"

static const struct refusal {
	const char *name;
	struct refused_call call;
} refusals[] = {
	{"fork", {.call = SYS_clone, .error = EAGAIN}},
	{"pipe2", {.call = SYS_pipe2, .error = EMFILE}},
	{"socket", {.call = SYS_socket, .error = EPERM}},
	{"mremap", {.call = SYS_mremap, .error = EPERM}},
	{"memfd", {.call = SYS_memfd_create, .error = ENOSYS}},
	{"mprotect", {.call = SYS_mprotect, .error = ENOMEM}},
	{"fsync", {.call = SYS_fsync, .error = EIO}},
	{"readlinkat", {.call = SYS_readlinkat, .error = EACCES}},
	{"create", {SYS_openat, EROFS, 2, O_CREAT, O_CREAT}},
	{"share", {SYS_mmap, EPERM, 3, MAP_SHARED, MAP_SHARED}},
#ifdef SYS_rename
	{"rename", {.call = SYS_rename, .error = EPERM}},
	{"mkdir", {.call = SYS_mkdir, .error = EROFS}},
#else
	{"rename", {.call = SYS_renameat, .error = EPERM}},
	{"mkdir", {.call = SYS_mkdirat, .error = EROFS}},
#endif
};

int main(int argc, char **argv)
{
	if (argc < 4 || strcmp(argv[2], "--") != 0)
		return 2;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		if (strcmp(refusals[i].name, argv[1]) != 0)
			continue;
		if (!refuse_call(&refusals[i].call))
			return 77;
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		return 127;
	}
	return 2;
}
