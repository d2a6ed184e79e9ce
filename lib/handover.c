/* SPDX-License-Identifier: MIT */
/*
 * Handing the region to who records the program from its first event on, so that not even one that
 * ends at once is missed.
 *
 * The environment variable MEMCTX_RECORD is "PID:NAME": the process with that number sends the
 * region's descriptor to the abstract Unix socket NAME as soon as it is made.  Processes that
 * inherit the variable have other numbers and do nothing.  Nothing waits for an answer: what was
 * sent stays in the socket, and the region with it, though the program has ended.
 *
 * Invariant: no descriptor outlives the call, and errno is as it was.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ring.h"

/* The socket's name after the process's number, where that is this one; else NULL. */
static const char *handover_name(void)
{
	const char *text = secure_getenv("MEMCTX_RECORD");
	char *end;

	if (text == NULL || strtol(text, &end, 10) != getpid() || *end != ':')
		return NULL;
	return end + 1;
}

/* A socket that is connected to NAME, or -1. */
static int handover_connect(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(name);
	int fd;

	/* The first byte of an abstract name is 0. */
	if (size == 0 || size >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path + 1, name, size);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + size)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Anybody may have taken the name: only its own user and root get it. */
static bool may_have_it(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void handover_send(int fd, int region)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct iovec bytes = {.iov_base = (char[1]){0}, .iov_len = 1};
	struct msghdr message = {.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &region, sizeof(int));
	if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
		return; /* it is to be found under /proc still */
}

void mcx_region_hand_over(int region)
{
	int number = errno;
	const char *name = handover_name();
	int fd = name != NULL ? handover_connect(name) : -1;

	if (fd >= 0 && may_have_it(fd))
		handover_send(fd, region);
	if (fd >= 0)
		close(fd);
	errno = number;
}
