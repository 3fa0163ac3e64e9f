/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_HOSTS_FILE_H
#define REIN_AGENT_HOSTS_FILE_H

#include "base/vec.h"
#include "mech/names.h"
#include "profile/hostname.h"

/* /etc/hosts: what the agent's C library reads before it asks anybody. */

struct rein_hosts_entry {
	char name[REIN_HOSTNAME_MAX]; /* lower case */
	struct rein_ip ip;
};
REIN_VEC_TYPE(rein_hosts, struct rein_hosts_entry);

/* Reads `path`; what is no name or address is passed over, and a file that is not there is empty. -ENOMEM. */
int rein_hosts_read(const char *path, struct rein_hosts *ret_hosts);

#endif
