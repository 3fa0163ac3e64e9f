/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/sockets.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>

socklen_t size_of(const union address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

union address address_of(const char *text, uint16_t port)
{
	union address address = {0};

	address.any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	address.v4.sin_port = htons(port); /* the same place in both */
	cr_assert_eq(inet_pton(address.any.sa_family, text,
			       address.any.sa_family == AF_INET ? (void *)&address.v4.sin_addr
								: (void *)&address.v6.sin6_addr),
		     1);
	return address;
}

/* A bound socket, outside the cage; TCP ones listen. */
int open_server(int type, const char *text, uint16_t *ret_port)
{
	union address address = address_of(text, 0);
	socklen_t size = sizeof(address);
	int fd = socket(address.any.sa_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, &address.any, size_of(&address)))
		return -1;
	if (type == SOCK_STREAM)
		cr_assert_eq(listen(fd, 64), 0);
	cr_assert_eq(getsockname(fd, &address.any, &size), 0);
	*ret_port = ntohs(address.v4.sin_port);
	return fd;
}

bool readable(int fd, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, timeout_ms) == 1;
}
