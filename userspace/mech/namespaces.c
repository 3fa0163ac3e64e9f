/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/namespaces.h"

#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "mech/held.h"
#include "mech/namespaces_probe.h"
#include "mech/root.h"

static int prepare(struct rein_launch *launch, struct rein_error *err)
{
	struct rein_held *held = calloc(1, sizeof(*held));
	int r;

	if (!held)
		return rein_fail(err, ENOMEM, "out of memory");
	r = rein_held_make(launch, held, err);
	if (r < 0) {
		free(held);
		return r;
	}
	launch->of[REIN_MECH_NAMESPACES] = held;
	return 0;
}

static void release(struct rein_launch *launch)
{
	struct rein_held *held = launch->of[REIN_MECH_NAMESPACES];

	if (!held)
		return;
	rein_held_remove(held);
	free(held);
	launch->of[REIN_MECH_NAMESPACES] = NULL;
}

static int go_to_directory(const struct rein_launch *launch, struct rein_error *err)
{
	struct stat here;

	if (!launch->directory)
		return 0;
	if (chdir(launch->directory))
		return rein_fail_errno(err, "the working directory %s is not among what the profile lets the agent see",
				       launch->directory);
	/* This process may enter what the agent may not. */
	if (stat(".", &here) || !(here.st_mode & 0111))
		return rein_fail(err, EACCES,
				 "the working directory %s is not among what the profile lets the agent see: add it to "
				 "filesystem.read, or start elsewhere",
				 launch->directory);
	return 0;
}

static int loopback_up(struct rein_error *err)
{
	REIN_AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		return rein_fail_errno(err, "cannot bring up the agent's loopback interface");
	return 0;
}

static int build_root(const struct rein_launch *launch, struct rein_error *err)
{
	struct rein_root root;
	int r = rein_root_open(&root, launch, err);

	if (!r)
		r = rein_root_fill(&root, err);
	if (!r)
		r = rein_root_enter(&root, err);
	rein_root_close(&root);
	return r;
}

static int apply(struct rein_launch *launch, enum rein_stage stage, struct rein_error *err)
{
	unsigned namespaces = launch->plan->namespaces;
	mode_t mask;
	int r = 0;

	if (stage != REIN_STAGE_INIT)
		return 0;
	/* The host's name is nobody's business; this one resolves everywhere. */
	if ((namespaces & REIN_NS_UTS) && sethostname("localhost", strlen("localhost")))
		return rein_fail_errno(err, "cannot set the agent's host name");
	if (namespaces & REIN_NS_NET)
		r = loopback_up(err);
	if (r < 0 || !(namespaces & REIN_NS_MOUNT))
		return r;
	mask = umask(0);
	r = build_root(launch, err);
	umask(mask);
	return r < 0 ? r : go_to_directory(launch, err);
}

const struct rein_mech rein_mech_namespaces = {
	.kind = REIN_MECH_NAMESPACES,
	.probe = rein_namespaces_probe,
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
