/* SPDX-License-Identifier: MIT */
/*
 * A system that refuses a call, as sandboxes and old kernels do: from then on, and in every process
 * that comes of this one, the call fails with an error, all of them or those with certain
 * arguments.
 */
#ifndef TESTS_REFUSED_CALL_H
#define TESTS_REFUSED_CALL_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Calls whose argument number ARGUMENT has VALUE in the bits of MASK, the lower 32 of it. */
struct refused_call {
	unsigned call;
	int error;
	unsigned argument;
	uint32_t mask, value;
};

/* False: the system knows no such filters. */
static inline bool refuse_call(const struct refused_call *refused)
{
	const unsigned argument =
		(unsigned)(offsetof(struct seccomp_data, args) + 8 * refused->argument);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused->call, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, refused->mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused->value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)refused->error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#endif
