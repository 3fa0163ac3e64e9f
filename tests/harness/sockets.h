/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_SOCKETS_H
#define REIN_TESTS_HARNESS_SOCKETS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

socklen_t size_of(const union address *address);
/* From text, of either family; fails the test if it is no address. */
union address address_of(const char *text, uint16_t port);
/* A bound socket outside the cage at a port of the kernel's choice; a TCP one listens. -1 where the address is not
 * here. */
int open_server(int type, const char *text, uint16_t *ret_port);
/* Whether there is something to read within the time. */
bool readable(int fd, int timeout_ms);

#endif
