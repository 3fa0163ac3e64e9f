/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/explain.h"

#include <seccomp.h>
#include <string.h>

#include "agent/explaining.h"
#include "base/cleanup.h"
#include "mech/syscall_conditions.h"
#include "mech/syscall_groups.h"

/* What the policy says about one system call. */
struct verdicts {
	int nr;
	bool named; /* by the rule that is looked at */
	bool allowed;
	const struct rein_origin *denied_by;
};

static void compare(void *context, int nr)
{
	struct verdicts *verdicts = context;

	if (nr == verdicts->nr)
		verdicts->named = true;
}

static struct verdicts judge(const struct rein_policy *policy, int nr)
{
	struct verdicts verdicts = {.nr = nr};

	for (size_t i = 0; i < policy->syscalls.count; i++) {
		const struct rein_syscall_rule *rule = &policy->syscalls.items[i];

		verdicts.named = false;
		rein_syscall_expand(rule->name, compare, &verdicts);
		if (verdicts.named && rule->verdict == REIN_VERDICT_ALLOW)
			verdicts.allowed = true;
		else if (verdicts.named)
			verdicts.denied_by = &rule->origin;
	}
	return verdicts;
}

/* The same call refused again and again is what a flood is made of, and groups take long to expand. A policy does not
 * change, and one thread explains. */
static struct verdicts look_up(const struct rein_policy *policy, int nr)
{
	static const struct rein_policy *last_policy;
	static struct verdicts last;

	if (last_policy != policy || last.nr != nr) {
		last = judge(policy, nr);
		last_policy = policy;
	}
	return last;
}

static void write_reason(FILE *out, const struct rein_refused *refused, const struct verdicts *verdicts,
			 const struct rein_syscall_never *never)
{
	const char *name = rein_syscall_name(verdicts->nr), *condition = name ? rein_call_condition(name) : NULL;

	if (never) {
		fprintf(out, "no profile can allow it, because %s", never->why);
	} else if (verdicts->denied_by) {
		rein_write_rule(out, verdicts->denied_by);
		fprintf(out, " denies it");
	} else if (verdicts->allowed) {
		fprintf(out, "it is allowed, but not with these arguments");
		if (condition)
			fprintf(out, ", because %s", condition);
	} else {
		rein_write_no_rule(out, refused);
		fprintf(out, " allows it");
	}
}

static void write_call(FILE *out, const struct rein_refused *refused, const char *object)
{
	rein_write_subject(out, refused);
	fprintf(out, " made the system call %s%s%s", refused->op, object ? " on " : "", object ? object : "");
}

static char *why(const struct rein_refused *refused, const char *object, const struct verdicts *verdicts,
		 const struct rein_syscall_never *never)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write_call(out, refused, object);
	fprintf(out, "; ");
	write_reason(out, refused, verdicts, never);
	rein_write_outcome(out, refused);
	fclose(out);
	return text;
}

/* The caller frees. */
static char *name_of(int nr, uint32_t architecture)
{
	const char *known = architecture == seccomp_arch_native() ? rein_syscall_name(nr) : NULL;
	char *name = known ? strdup(known) : seccomp_syscall_resolve_num_arch(architecture, nr);

	if (!name && asprintf(&name, "number %d", nr) < 0)
		return NULL;
	return name;
}

void rein_explain_syscall(struct rein_agent *agent, pid_t pid, const char *comm, int nr, uint32_t architecture,
			  const char *object, enum rein_mechanism mechanism, int error)
{
	REIN_AUTO_FREE char *name = name_of(nr, architecture);
	struct rein_refused refused = {
		.agent = agent, .pid = pid, .comm = comm, .op = name, .mechanism = mechanism, .error = error};
	struct verdicts verdicts = look_up(agent->launch->policy, nr);
	const struct rein_syscall_never *never = name ? rein_syscall_never(name) : NULL;
	bool silent = !never && !verdicts.denied_by && !verdicts.allowed;

	rein_emit_refusal(&refused, object, verdicts.denied_by, why(&refused, object, &verdicts, never),
			  silent ? rein_remedy("syscalls", name) : NULL);
}

void rein_explain_refused_unknown(const struct rein_refused *refused, int nr, const char *object)
{
	REIN_AUTO_FREE char *name = name_of(nr, seccomp_arch_native());
	struct rein_refused named = *refused;
	char *text = NULL;
	size_t size;
	FILE *out;

	named.op = name;
	out = open_memstream(&text, &size);
	if (out) {
		write_call(out, &named, object);
		fprintf(out, "; what it does to files cannot be followed");
		rein_write_outcome(out, &named);
		fclose(out);
	}
	rein_emit_refusal(&named, object, NULL, text, NULL);
}
