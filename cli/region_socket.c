/* SPDX-License-Identifier: MIT */
/* The socket over which a recorded command hands its region over: see region_socket.h. */
#include "region_socket.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int region_socket_listen(char name[static REGION_SOCKET_NAME])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = sizeof address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*name = '\0';
	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&address, sizeof address.sun_family) != 0 ||
		listen(fd, 8) != 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
		close(fd);
		return -1;
	}
	/* An abstract name: a 0, and no 0 at its end. */
	snprintf(name, REGION_SOCKET_NAME, "%.*s",
		(int)(size - offsetof(struct sockaddr_un, sun_path) - 1), address.sun_path + 1);
	return fd;
}

int region_socket_receive(int fd, pid_t pid)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	struct ucred peer;
	socklen_t size = sizeof peer;
	int region;

	/* Anybody may connect; what is about to send is the command's library alone. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid != pid ||
		recvmsg(fd, &message, MSG_CMSG_CLOEXEC) <= 0 || CMSG_FIRSTHDR(&message) == NULL ||
		control.header.cmsg_level != SOL_SOCKET || control.header.cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&region, CMSG_DATA(&control.header), sizeof region);
	return region;
}
