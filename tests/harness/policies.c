/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/policies.h"

#include <string.h>

void rein_trial_plan_init(struct rein_trial_plan *trial)
{
	memset(trial, 0, sizeof(*trial));
	trial->policy.name = "trial";
	trial->policy.file = "trial.yaml";
	trial->plan.policy = &trial->policy;
	trial->plan.machine = &trial->machine;
	trial->plan.namespaces = REIN_NS_IPC | REIN_NS_NET;
	trial->plan.unix_sockets = true;
	trial->plan.use[REIN_MECH_SECCOMP] = true;
	trial->launch = (struct rein_launch){
		.id = "trial-0000",
		.policy = &trial->policy,
		.plan = &trial->plan,
		.machine = &trial->machine,
		.state = &trial->state,
		.cgroup_fd = -1,
		.notify_fd = -1,
	};
	rein_trial_plan_syscall(trial, REIN_VERDICT_ALLOW, "@default");
}

void rein_trial_plan_free(struct rein_trial_plan *trial)
{
	rein_vec_free(&trial->policy.syscalls);
	rein_vec_free(&trial->policy.net);
	rein_vec_free(&trial->policy.hosts);
	rein_vec_free(&trial->policy.environment);
	rein_vec_free(&trial->policy.breakers);
	rein_vec_free(&trial->plan.breakers);
}

void rein_trial_plan_syscall(struct rein_trial_plan *trial, enum rein_verdict verdict, const char *name)
{
	struct rein_syscall_rule *rule = rein_vec_add(&trial->policy.syscalls);

	*rule = (struct rein_syscall_rule){
		.origin = {"trial.yaml", (int)trial->policy.syscalls.count, 1, name},
		.verdict = verdict,
		.name = name,
	};
}

void rein_trial_plan_breaker(struct rein_trial_plan *trial, enum rein_meter meter, uint64_t burst,
			     enum rein_on_trip on_trip)
{
	struct rein_breaker_rule *rule = &trial->breakers[trial->plan.breakers.count];
	struct rein_plan_breaker *breaker = rein_vec_add(&trial->plan.breakers);

	*rule = (struct rein_breaker_rule){
		.origin = {"trial.yaml", 50, 1, "breakers.trial"},
		.name = "trial",
		.meter = meter,
		.rate_units = 1,
		.rate_period_ns = 3600000000000ULL,
		.burst = burst,
		.probe = 1,
		.on_trip = on_trip,
	};
	*breaker = (struct rein_plan_breaker){rule, REIN_MECH_BROKER, REIN_EXACTNESS_EXACT};
	trial->plan.use[REIN_MECH_BROKER] = true;
}
