/* SPDX-License-Identifier: MIT */
/*
 * The socket over which a command that is recorded hands its region to the tool.
 */
#ifndef CLI_REGION_SOCKET_H
#define CLI_REGION_SOCKET_H

#include <sys/types.h>

#define REGION_SOCKET_NAME 108

/*
 * The command hands its region to a socket with a name of the kernel's choice, which NAME gets, and
 * so it is there even when the command ends at once.  Returns the socket, which does not block and
 * is the caller's to close; -1: there is none, and the region is to be looked for in /proc.
 */
int region_socket_listen(char name[static REGION_SOCKET_NAME]);

/* The descriptor in what process PID itself sent over FD, the caller's to close; -1: none. */
int region_socket_receive(int fd, pid_t pid);

#endif
