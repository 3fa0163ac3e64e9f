/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_SECCOMP_H
#define REIN_MECH_SECCOMP_H

#include "mech/mech.h"

/* Fills facts of both seccomp and the broker. Its apply leaves the listener, if the plan has any use for one, in
 * launch->notify_fd. */
extern const struct rein_mech rein_mech_seccomp;

/* Whether `name` is a group ("@default") or a system call that the filter can name. */
bool rein_seccomp_knows(const char *name);
/* Why no profile can allow it, NULL: one can; *ret_queues: yet one can where bpf-file counts what it does. */
const char *rein_seccomp_forbids(const char *name, bool *ret_queues);

#endif
