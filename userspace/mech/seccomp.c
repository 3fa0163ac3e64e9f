/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/seccomp.h"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mech/seccomp_probe.h"
#include "mech/syscall_filter.h"

static int install(unsigned flags, const struct sock_fprog *program)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

static int prepare(struct rein_launch *launch, struct rein_error *err)
{
	struct rein_filter filter;
	struct sock_fprog *program = calloc(1, sizeof(*program));
	int r;

	if (!program)
		return rein_fail(err, ENOMEM, "no memory for the system call filter");
	r = rein_filter_decide(launch->plan, &filter, err);
	if (!r)
		r = rein_filter_compile(&filter, program, err);
	if (r) {
		free(program);
		return r;
	}
	launch->of[REIN_MECH_SECCOMP] = program;
	launch->notify_fd = -1;
	return 0;
}

/* The last step before exec: from here on only what the filter allows can be called. */
static int apply(struct rein_launch *launch, enum rein_stage stage, struct rein_error *err)
{
	const struct sock_fprog *program = launch->of[REIN_MECH_SECCOMP];
	bool notify = launch->plan->use[REIN_MECH_BROKER];
	int fd = -1;

	if (stage != REIN_STAGE_AGENT)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return rein_fail_errno(err, "cannot set no_new_privs");
	/* Linux 5.19: a signal does not call an asked question back, or interrupted calls would be counted twice. */
	if (notify)
		fd = install(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, program);
	if (notify && fd < 0 && errno == EINVAL)
		fd = install(SECCOMP_FILTER_FLAG_NEW_LISTENER, program);
	if (notify ? fd < 0 : install(0, program))
		return rein_fail_errno(err, "cannot install the system call filter");
	launch->notify_fd = fd;
	return 0;
}

static void release(struct rein_launch *launch)
{
	struct sock_fprog *program = launch->of[REIN_MECH_SECCOMP];

	if (program)
		free(program->filter);
	free(program);
	launch->of[REIN_MECH_SECCOMP] = NULL;
}

bool rein_seccomp_knows(const char *name)
{
	return rein_syscall_group(name) || rein_syscall_number(name) >= 0;
}

const char *rein_seccomp_forbids(const char *name, bool *ret_queues)
{
	const struct rein_syscall_never *never = rein_syscall_never(name);

	*ret_queues = never && never->queues;
	return never ? never->why : NULL;
}

const struct rein_mech rein_mech_seccomp = {
	.kind = REIN_MECH_SECCOMP,
	.probe = rein_seccomp_probe,
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
