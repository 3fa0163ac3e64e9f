/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/privileges.h"

#include <grp.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

static void cleanup_cap(cap_t *caps)
{
	if (*caps)
		cap_free(*caps);
}
#define AUTO_CAP __attribute__((cleanup(cleanup_cap)))

/* Any one of each row, effective; capabilities that younger kernels split off are also in CAP_SYS_ADMIN. */
static const cap_value_t needed[][2] = {
	{CAP_SYS_ADMIN, CAP_SYS_ADMIN}, {CAP_SETUID, CAP_SETUID}, {CAP_SETGID, CAP_SETGID},
	{CAP_NET_ADMIN, CAP_NET_ADMIN}, {CAP_BPF, CAP_SYS_ADMIN}, {CAP_PERFMON, CAP_SYS_ADMIN},
};

static bool effective(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;

	return !cap_get_flag(caps, cap, CAP_EFFECTIVE, &value) && value == CAP_SET;
}

/* The first user namespace is the one whose map is the identity over all ids. */
static bool in_first_user_namespace(void)
{
	unsigned long inside = 1, outside = 1, count = 0;
	REIN_AUTO_FILE FILE *map = fopen("/proc/self/uid_map", "re");

	return map && fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && !inside && !outside &&
	       count == 0xffffffffUL;
}

bool rein_privileges_full(void)
{
	AUTO_CAP cap_t caps = cap_get_proc();
	bool all = caps && in_first_user_namespace();

	for (size_t i = 0; all && i < REIN_COUNT(needed); i++)
		all = effective(caps, needed[i][0]) || effective(caps, needed[i][1]);
	return all;
}

static bool ids_are(const struct rein_identity *who)
{
	uid_t uid[3];
	gid_t gid[3];

	return !getresuid(&uid[0], &uid[1], &uid[2]) && !getresgid(&gid[0], &gid[1], &gid[2]) && uid[0] == who->uid &&
	       uid[1] == who->uid && uid[2] == who->uid && gid[0] == who->gid && gid[1] == who->gid &&
	       gid[2] == who->gid;
}

static bool holds(cap_value_t cap)
{
	AUTO_CAP cap_t caps = cap_get_proc();

	return caps && effective(caps, cap);
}

/* What needs CAP_SETPCAP, and so comes first: nothing can be got back through a set or by being root. */
static int lock(struct rein_error *err)
{
	const int bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
			 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	if (!holds(CAP_SETPCAP))
		return 0;
	for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++)
		if (cap_drop_bound(cap))
			return rein_fail_errno(err, "cannot drop privilege %d from the bounding set", cap);
	if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0))
		return rein_fail_errno(err, "cannot lock the securebits");
	return 0;
}

int rein_privileges_become(const struct rein_launch *launch, struct rein_error *err)
{
	const struct rein_identity *who = &launch->who;

	int r = launch->privileged ? lock(err) : 0; /* while CAP_SETPCAP is still there */

	if (r)
		return r;
	/* Groups before ids: afterwards there is no privilege left to change them. A user namespace maps one group only
	 * and has setgroups denied; there the caller's own groups stay, as they were before the launch. */
	if (launch->privileged) {
		if (setgroups((size_t)who->nr_groups, who->groups))
			return rein_fail_errno(err, "cannot set the groups of %s", who->name);
		if (setresgid(who->gid, who->gid, who->gid) || setresuid(who->uid, who->uid, who->uid))
			return rein_fail_errno(err, "cannot become %s (uid %u)", who->name, who->uid);
	}
	if (!ids_are(who))
		return rein_fail(err, EPERM, "the agent would not run as %s (uid %u, gid %u)", who->name, who->uid,
				 who->gid);
	return 0;
}

static bool none_left(void)
{
	AUTO_CAP cap_t caps = cap_get_proc(), empty = cap_init();

	return caps && empty && !cap_compare(caps, empty);
}

int rein_privileges_drop(struct rein_error *err)
{
	AUTO_CAP cap_t empty = cap_init();
	int r = lock(err);

	if (r)
		return r;
	if (cap_reset_ambient())
		return rein_fail_errno(err, "cannot empty the ambient set");
	if (!empty || cap_set_proc(empty))
		return rein_fail_errno(err, "cannot drop all privileges");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return rein_fail_errno(err, "cannot set no_new_privs");
	if (!none_left() || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return rein_fail(err, EPERM, "privileges are left after all were dropped");
	return 0;
}

static void probe(struct rein_machine *machine)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_PRIVILEGES];
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(rein_privileges_drop(NULL) ? 1 : 0);
	fact->works = child > 0 && waitpid(child, &status, 0) == child && !status;
	snprintf(fact->detail, sizeof(fact->detail), "%s",
		 fact->works
			 ? "all sets emptied, no_new_privs"
			 : "a test process could not drop its privileges; what rein runs in forbids capset or prctl");
}

static int apply(struct rein_launch *launch, enum rein_stage stage, struct rein_error *err)
{
	if (stage != REIN_STAGE_AGENT)
		return 0;
	return rein_privileges_drop(err);
}

const struct rein_mech rein_mech_privileges = {
	.kind = REIN_MECH_PRIVILEGES,
	.probe = probe,
	.apply = apply,
};
