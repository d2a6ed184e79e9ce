/* SPDX-License-Identifier: MIT */
/*
 * Which errors say that the system lacks something, memory or descriptors, and nothing of the file
 * or the process that was to be opened: the status is then 3 and not 1.
 */
#ifndef MODEL_SHORTAGE_H
#define MODEL_SHORTAGE_H

#include <errno.h>
#include <stdbool.h>

static inline bool is_shortage(int number)
{
	return number == ENOMEM || number == EMFILE || number == ENFILE;
}

#endif
