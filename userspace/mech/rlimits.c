/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/rlimits.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Limits that the kernel keeps for each process. Memory is not among them: RLIMIT_AS breaks runtimes that reserve
 * address space, so the memory of an agent is a cgroup's. */
static const struct {
	enum rein_limit_kind limit;
	__rlimit_resource_t resource;
	const char *name;
} rows[] = {
	{REIN_LIMIT_OPEN_FILES, RLIMIT_NOFILE, "open_files"},
	{REIN_LIMIT_FILE_SIZE, RLIMIT_FSIZE, "file_size"},
	{REIN_LIMIT_PROCESSES, RLIMIT_NPROC, "processes"},
};

static int set(__rlimit_resource_t resource, rlim_t value, const char *name, struct rein_error *err)
{
	struct rlimit limit = {0, 0};

	if (getrlimit(resource, &limit))
		return rein_fail_errno(err, "cannot read the limit %s", name);
	/* Lower is always possible; a stricter limit of the caller's stays. */
	limit.rlim_max = limit.rlim_max < value ? limit.rlim_max : value;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(resource, &limit))
		return rein_fail_errno(err, "cannot set the limit %s to %llu", name, (unsigned long long)value);
	return 0;
}

/*
 * RLIMIT_NPROC counts a user's processes in a user namespace (5.14). Without one of the agent's own it would count the
 * user's whole session, and does not hold for uid 0: then the plan leaves it to a cgroup. Our init is one of them.
 */
static bool applies(const struct rein_launch *launch, enum rein_limit_kind limit)
{
	return limit != REIN_LIMIT_PROCESSES || launch->plan->namespaces & REIN_NS_USER;
}

static int apply(struct rein_launch *launch, enum rein_stage stage, struct rein_error *err)
{
	if (stage != REIN_STAGE_AGENT)
		return 0;
	for (size_t i = 0; i < REIN_COUNT(rows); i++) {
		const struct rein_limit_rule *rule = &launch->policy->limits[rows[i].limit];
		uint64_t more = rows[i].limit == REIN_LIMIT_PROCESSES;
		int r;

		if (!rule->origin.file || !applies(launch, rows[i].limit))
			continue;
		r = set(rows[i].resource, rule->value + more, rows[i].name, err);
		if (r)
			return r;
	}
	/* A core dump would write the agent's memory where the host's core_pattern says, as the host. */
	return set(RLIMIT_CORE, 0, "core", err);
}

static void probe(struct rein_machine *machine)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_RLIMITS];
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(set(RLIMIT_NOFILE, 3, "open_files", NULL) || dup(1) >= 0);
	fact->works = child > 0 && waitpid(child, &status, 0) == child && !status;
	snprintf(fact->detail, sizeof(fact->detail), "%s",
		 fact->works ? "setrlimit" : "a test process passed its limit of open files");
}

const struct rein_mech rein_mech_rlimits = {
	.kind = REIN_MECH_RLIMITS,
	.probe = probe,
	.apply = apply,
};
