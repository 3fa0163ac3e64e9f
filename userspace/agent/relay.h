/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_RELAY_H
#define REIN_AGENT_RELAY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes on their way from one descriptor to another that may not take them at once: a ring of bounded size. Pure but
 * for the reading and writing; both descriptors should be non-blocking.
 */
struct rein_relay {
	char *bytes; /* owned */
	size_t room, start, count;
};

int rein_relay_open(struct rein_relay *relay, size_t room);
void rein_relay_close(struct rein_relay *relay);
bool rein_relay_full(const struct rein_relay *relay);
bool rein_relay_empty(const struct rein_relay *relay);

/* Reads what fits without wrapping. Returns bytes read, 0 at the end of the input, or -errno (-EAGAIN: nothing now).
 * *ret_bytes, if not NULL, points to them until the relay changes. */
long rein_relay_fill(struct rein_relay *relay, int fd, char **ret_bytes);
/* Writes once, at most `chunk` bytes. 0: nothing is left; -errno; -EAGAIN: some are left. */
int rein_relay_drain(struct rein_relay *relay, int fd, size_t chunk);
/* Appends bytes of rein's own; false where they do not fit. */
bool rein_relay_put(struct rein_relay *relay, const char *bytes, size_t count);
/* Forgets what is under way. */
void rein_relay_clear(struct rein_relay *relay);

#endif
