/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/landlock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "mech/landlock_net.h"
#include "mech/landlock_rights.h"

#define ABI_MAX 10 /* what is newer adds rights that nothing here asks for */

/* In a child: refuse everything, then try something. 0 if it was refused. */
static int fire(int abi)
{
	struct rein_landlock_ruleset all = rein_landlock_handled(abi);
	int ruleset = rein_landlock_create(&all);
	int fd;

	if (ruleset < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || rein_landlock_restrict(ruleset))
		return errno ? errno : EIO;
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return ENODATA;
	return errno == EACCES ? 0 : errno;
}

static int self_test(int abi)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return errno;
	if (!pid)
		_exit(fire(abi));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static void probe(struct rein_machine *machine)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_LANDLOCK];
	int abi = rein_landlock_abi();
	int error;

	if (abi < 1) {
		snprintf(fact->detail, sizeof(fact->detail), "%s",
			 errno == EOPNOTSUPP
				 ? "built into this kernel and not enabled: add landlock to lsm= on the "
				   "kernel's command line"
				 : "this kernel has none (5.13 has), or a container's seccomp filter hides it");
		return;
	}
	error = self_test(abi < ABI_MAX ? abi : ABI_MAX);
	fact->works = !error;
	if (error) {
		snprintf(fact->detail, sizeof(fact->detail), "ABI %d is there and its self-test failed: %s", abi,
			 error == ENODATA ? "it refused nothing" : strerror(error));
		return;
	}
	machine->landlock_abi = abi < ABI_MAX ? abi : ABI_MAX;
	snprintf(fact->detail, sizeof(fact->detail), "ABI %d", abi);
}

static int allow_place(int ruleset, const struct rein_place *place, uint64_t handled, struct rein_error *err)
{
	struct rein_landlock_beneath rule = {.allowed = rein_landlock_rights(place, handled)};
	REIN_AUTO_FD int fd = -1;

	if (!rule.allowed)
		return 0;
	fd = open(place->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		return 0; /* the file modes on the way keep this user out already */
	if (fd < 0)
		return rein_fail_errno(err, "cannot open %s to allow it in Landlock", place->path);
	rule.fd = fd;
	if (rein_landlock_add(ruleset, REIN_LANDLOCK_PATH_BENEATH, &rule))
		return rein_fail_errno(err, "cannot allow %s in Landlock", place->path);
	return 0;
}

static int allow_view(int ruleset, const struct rein_view *view, uint64_t handled, struct rein_error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < view->places.count; i++)
		r = allow_place(ruleset, &view->places.items[i], handled, err);
	return r;
}

/*
 * Sockets by path: from ABI 9 a connection to one that was made outside needs the right; that is given on places of
 * kind SOCKET alone, so that a socket of the host in a tree that the agent may write is still out of reach.
 */
static int restrict_self(const struct rein_launch *launch, struct rein_error *err)
{
	struct rein_landlock_ruleset handled = rein_landlock_handled(launch->machine->landlock_abi);
	REIN_AUTO_FREE struct rein_landlock_ports *ports = malloc(sizeof(*ports));
	REIN_AUTO_FD int ruleset = -1;
	int r;

	if (!ports)
		return rein_fail(err, ENOMEM, "out of memory");
	rein_landlock_ports_compute(launch->plan, handled.net, ports);
	handled.net = ports->handled;
	ruleset = rein_landlock_create(&handled);
	if (ruleset < 0)
		return rein_fail_errno(err, "cannot make a Landlock ruleset");
	r = allow_view(ruleset, &launch->plan->view, handled.fs, err);
	if (!r)
		r = rein_landlock_ports_add(ruleset, ports, err);
	if (r < 0)
		return r;
	/* Landlock takes it only from who can gain no privileges; the init has set it already where it is ours. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || rein_landlock_restrict(ruleset))
		return rein_fail_errno(err, "cannot apply Landlock");
	return 0;
}

static int apply(struct rein_launch *launch, enum rein_stage stage, struct rein_error *err)
{
	return stage == REIN_STAGE_AGENT ? restrict_self(launch, err) : 0;
}

const struct rein_mech rein_mech_landlock = {
	.kind = REIN_MECH_LANDLOCK,
	.probe = probe,
	.apply = apply,
};
