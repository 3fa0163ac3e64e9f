/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int rein_relay_open(struct rein_relay *relay, size_t room)
{
	*relay = (struct rein_relay){.bytes = malloc(room), .room = room};
	return relay->bytes ? 0 : -ENOMEM;
}

void rein_relay_close(struct rein_relay *relay)
{
	free(relay->bytes);
	*relay = (struct rein_relay){0};
}

bool rein_relay_full(const struct rein_relay *relay)
{
	return relay->count == relay->room;
}

bool rein_relay_empty(const struct rein_relay *relay)
{
	return relay->count == 0;
}

void rein_relay_clear(struct rein_relay *relay)
{
	relay->start = relay->count = 0;
}

/* The free stretch behind what is held. */
static char *gap(struct rein_relay *relay, size_t *ret_size)
{
	size_t end = relay->start + relay->count;

	if (end >= relay->room) {
		*ret_size = relay->room - relay->count;
		return relay->bytes + (end - relay->room);
	}
	*ret_size = relay->room - end;
	return relay->bytes + end;
}

long rein_relay_fill(struct rein_relay *relay, int fd, char **ret_bytes)
{
	size_t size;
	char *into = gap(relay, &size);
	ssize_t n;

	if (!size)
		return -EAGAIN;
	n = read(fd, into, size);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	relay->count += (size_t)n;
	if (ret_bytes)
		*ret_bytes = into;
	return n;
}

int rein_relay_drain(struct rein_relay *relay, int fd, size_t chunk)
{
	size_t size = relay->room - relay->start;
	ssize_t n;

	if (size > relay->count)
		size = relay->count;
	if (!size)
		return 0;
	n = write(fd, relay->bytes + relay->start, size > chunk ? chunk : size);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	relay->start = (relay->start + (size_t)n) % relay->room;
	relay->count -= (size_t)n;
	return relay->count ? -EAGAIN : 0;
}

bool rein_relay_put(struct rein_relay *relay, const char *bytes, size_t count)
{
	if (count > relay->room - relay->count)
		return false;
	for (size_t i = 0; i < count; i++)
		relay->bytes[(relay->start + relay->count++) % relay->room] = bytes[i];
	return true;
}
