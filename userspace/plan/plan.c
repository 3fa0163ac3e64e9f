/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/planning.h"

static const char *const keepings[] = {
	[REIN_KEPT] = "kept",
	[REIN_SKIPPED] = "skipped",
	[REIN_DEGRADED] = "degraded",
	[REIN_REFUSED] = "refused",
};

const char *rein_keeping_name(enum rein_keeping keeping)
{
	return (size_t)keeping < REIN_COUNT(keepings) ? keepings[keeping] : "unknown";
}

/* Namespaces that the launch makes: all that there are, the user namespace only where a caller without privileges
 * needs one to make the others. */
static unsigned namespaces(const struct rein_planning *planning)
{
	unsigned wanted = REIN_NS_MOUNT | REIN_NS_PID | REIN_NS_IPC | REIN_NS_UTS;

	if (!planning->machine->privileged)
		wanted |= REIN_NS_USER;
	if (planning->scope == REIN_SCOPE_ISOLATED)
		wanted |= REIN_NS_NET;
	return wanted & planning->machine->namespaces;
}

/* Mechanisms that every launch uses where they work; the rest is added by the lines that need it. */
static const enum rein_mechanism always[] = {
	REIN_MECH_NAMESPACES, REIN_MECH_LANDLOCK, REIN_MECH_SECCOMP,	REIN_MECH_PRIVILEGES,
	REIN_MECH_RLIMITS,    REIN_MECH_CGROUP,	  REIN_MECH_SUPERVISOR,
};

static void use(struct rein_planning *planning)
{
	struct rein_plan *plan = planning->plan;
	size_t i, k;

	for (i = 0; i < REIN_COUNT(always); i++)
		plan->use[always[i]] = rein_planning_has(planning, always[i]);
	for (i = 0; i < plan->lines.count; i++)
		for (k = 0; k < REIN_COUNT(plan->lines.items[i].by); k++)
			plan->use[plan->lines.items[i].by[k]] = true;
	plan->use[REIN_MECH_NONE] = false;
	/* BPF finds an agent by its cgroup. */
	if (plan->use[REIN_MECH_BPF_FILE] || plan->use[REIN_MECH_BPF_NET] || plan->use[REIN_MECH_BPF_TRACE])
		plan->use[REIN_MECH_CGROUP] = true;
}

static void count(struct rein_plan *plan)
{
	for (size_t i = 0; i < plan->lines.count; i++) {
		plan->refused |= plan->lines.items[i].keeping == REIN_REFUSED;
		plan->degraded += plan->lines.items[i].keeping == REIN_DEGRADED;
	}
}

int rein_plan_make(const struct rein_policy *policy, const struct rein_machine *machine,
		   const struct rein_plan_options *options, struct rein_plan *ret_plan, struct rein_error *err)
{
	struct rein_plan plan = {.policy = policy, .machine = machine};
	struct rein_planning planning = {.policy = policy, .machine = machine, .options = options, .plan = &plan};
	int r = rein_view_compute(policy, &options->own, &plan.view, err);

	if (r < 0)
		return r;
	rein_planning_promises(&planning);
	rein_planning_scope(&planning);
	rein_planning_filesystem(&planning);
	rein_planning_network(&planning);
	rein_planning_syscalls(&planning);
	rein_planning_environment(&planning);
	rein_planning_limits(&planning);
	rein_planning_breakers(&planning);
	plan.namespaces = namespaces(&planning);
	use(&planning);
	count(&plan);
	if (planning.no_memory) {
		rein_plan_free(&plan);
		return rein_fail(err, ENOMEM, "no memory for the plan");
	}
	*ret_plan = plan;
	return 0;
}

void rein_plan_free(struct rein_plan *plan)
{
	rein_vec_free(&plan->lines);
	rein_vec_free(&plan->breakers);
	rein_view_free(&plan->view);
}

/* Appends one sentence if it fits with room for the last one. */
static bool append(char *text, size_t size, size_t *used, const struct rein_plan_line *line)
{
	const size_t last = 64; /* bytes of "N more lines ..." */
	char where[256] = "";
	int n;

	if (line->origin && line->origin->file)
		snprintf(where, sizeof(where), "%.200s:%d: ", line->origin->file, line->origin->line);
	n = snprintf(text + *used, size - *used, "%s%s%s: %s", *used ? "\n" : "", where, line->what, line->note);
	if (n < 0 || *used + (size_t)n + last >= size) {
		text[*used] = 0;
		return false;
	}
	*used += (size_t)n;
	return true;
}

int rein_plan_refusal(const struct rein_plan *plan, struct rein_error *err)
{
	size_t used = 0, omitted = 0;

	if (!err)
		return -EOPNOTSUPP;
	rein_fail(err, EOPNOTSUPP, "%s", "");
	for (size_t i = 0; i < plan->lines.count; i++)
		if (plan->lines.items[i].keeping == REIN_REFUSED)
			omitted += !append(err->text, sizeof(err->text), &used, &plan->lines.items[i]);
	if (omitted)
		snprintf(err->text + used, sizeof(err->text) - used, "\n%zu more refused; `rein plan` shows them",
			 omitted);
	return -EOPNOTSUPP;
}
