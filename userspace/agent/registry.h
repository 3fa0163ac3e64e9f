/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_REGISTRY_H
#define REIN_AGENT_REGISTRY_H

#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"

/*
 * Where rein keeps things for the caller. With root: /run/rein and /var/log/rein. Without: $XDG_RUNTIME_DIR/rein, or
 * /run/user/UID/rein, or /tmp/rein-UID (owned by the caller and 0700, or it is refused), and $XDG_STATE_HOME/rein or
 * ~/.local/state/rein. An agent's folder is RUNTIME/agents/ID; its supervisor holds a lock on `lock` in it, so that a
 * folder whose lock is free belongs to nobody and is cleaned up by whoever notices.
 */
struct rein_places {
	char runtime[512]; /* agents/ in it */
	char state[512];   /* audit/ in it: logs; heads/: the signed heads; key: what signs them */
	char config[512];  /* $XDG_CONFIG_HOME/rein or ~/.config/rein: profiles/ in it */
};

int rein_places_find(struct rein_places *ret_places, struct rein_error *err);

struct rein_registration {
	char id[96]; /* PROFILE-XXXX, unique on this host */
	char directory[640];
	int lock_fd;
};

/* Makes the agent's folder under a new id and locks it. */
int rein_registry_enter(const struct rein_places *places, const char *profile,
			struct rein_registration *ret_registration, struct rein_error *err);
void rein_registry_leave(struct rein_registration *registration);

/* One living agent that the caller can see. */
struct rein_registered {
	char id[96];
	char directory[640];
};
REIN_VEC_TYPE(rein_registered_vec, struct rein_registered);
/* Adds those in the registry at `runtime` (rein_places.runtime), in no order; none where it does not exist. Cleans up
 * after the dead. */
int rein_registry_list_in(const char *runtime, struct rein_registered_vec *agents, struct rein_error *err);
/* Lists agents of the caller, and of root's registry where it is readable; for root, of all users where they usually
 * are. Sorted by id. Free with rein_vec_free. */
int rein_registry_list(struct rein_registered_vec *ret_agents, struct rein_error *err);

#endif
