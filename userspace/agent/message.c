/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/message.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union descriptor_space {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int rein_message_send(int socket, enum rein_message_kind kind, int value, const char *text, int fd)
{
	struct rein_message message = {.kind = kind, .value = value};
	struct iovec iov = {.iov_base = &message};
	union descriptor_space space = {0};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	size_t length = text ? strnlen(text, sizeof(message.text) - 1) : 0;

	memcpy(message.text, text ? text : "", length);
	iov.iov_len = offsetof(struct rein_message, text) + length + 1;
	if (fd >= 0) {
		struct cmsghdr *control;

		header.msg_control = space.bytes;
		header.msg_controllen = sizeof(space.bytes);
		control = CMSG_FIRSTHDR(&header);
		control->cmsg_level = SOL_SOCKET;
		control->cmsg_type = SCM_RIGHTS;
		control->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(control), &fd, sizeof(fd));
	}
	return sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int attached_descriptor(struct msghdr *header)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int rein_message_receive(int socket, int flags, struct rein_message *ret_message, int *ret_fd)
{
	struct iovec iov = {.iov_base = ret_message, .iov_len = sizeof(*ret_message)};
	union descriptor_space space = {0};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space.bytes,
		.msg_controllen = sizeof(space.bytes),
	};
	ssize_t n;

	do
		n = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	*ret_fd = n > 0 ? attached_descriptor(&header) : -1;
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (n == 0)
		return 0;
	if ((size_t)n <= offsetof(struct rein_message, text)) {
		if (*ret_fd >= 0)
			close(*ret_fd);
		*ret_fd = -1;
		return -EBADMSG;
	}
	ret_message->text[n - offsetof(struct rein_message, text) - 1] = '\0';
	return 1;
}
