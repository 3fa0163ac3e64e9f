/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_IDENTITY_H
#define REIN_CMD_IDENTITY_H

#include "mech/mech.h"

/* What decides who the agent runs as. Strings are borrowed. */
struct rein_identity_wish {
	bool privileged;       /* the caller can become anybody: rein_privileges_full */
	const char *user;      /* of --user: a name or a number; NULL: not given */
	const char *sudo_uid;  /* $SUDO_UID; NULL: not set */
	const char *home;      /* $HOME, for a caller who runs the agent as themselves; NULL: not set */
	const char *workspace; /* a folder whose owner counts */
};

/*
 * Finds who the agent runs as. A caller without privileges: themselves. Root: --user, else sudo's caller, else the
 * owner of the workspace; root itself only if that is what they say. The caller frees the strings with
 * rein_identity_free.
 */
int rein_identity_find(const struct rein_identity_wish *wish, struct rein_identity *ret_who, struct rein_error *err);
/* The person who started rein: sudo's caller, else the caller. */
uid_t rein_identity_starter(const struct rein_identity_wish *wish);
void rein_identity_free(struct rein_identity *who);

#endif
