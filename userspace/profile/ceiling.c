/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/ceiling.h"

#include <string.h>

#include <rein/state.h>

#include "base/cleanup.h"
#include "profile/resolve.h"
#include "profile/words.h"

struct rein_origin rein_origin_adopt(struct rein_policy *policy, const struct rein_origin *origin)
{
	struct rein_origin copy = *origin;

	copy.file = rein_policy_text(policy, "%s", origin->file);
	copy.text = copy.file ? rein_policy_text(policy, "%s", origin->text) : NULL;
	return copy;
}

struct rein_origin rein_origin_cut(struct rein_policy *policy, const struct rein_origin *origin, const char *what,
				   const struct rein_origin *by)
{
	struct rein_origin copy = *origin;

	copy.text = rein_policy_text(policy, "%s (cut to %s by %s:%d)", origin->text, what, by->file, by->line);
	return copy;
}

static int out_of_memory(struct rein_error *err)
{
	return rein_fail(err, ENOMEM, "out of memory");
}

static bool allows_syscall(const struct rein_policy *ceiling, const char *name)
{
	size_t i;

	for (i = 0; i < ceiling->syscalls.count; i++)
		if (ceiling->syscalls.items[i].verdict == REIN_VERDICT_ALLOW &&
		    strcmp(ceiling->syscalls.items[i].name, name) == 0)
			return true;
	return false;
}

/* By word: what is in a group is the business of the seccomp mechanism, so a name does not fit into a group here. */
static int bound_syscalls(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err)
{
	size_t i, kept = 0;

	for (i = 0; i < policy->syscalls.count; i++) {
		struct rein_syscall_rule rule = policy->syscalls.items[i];

		if (rule.verdict != REIN_VERDICT_ALLOW || !(ceiling->declared & REIN_LIST_SYSCALLS) ||
		    allows_syscall(ceiling, rule.name))
			policy->syscalls.items[kept++] = rule;
	}
	policy->syscalls.count = kept;
	for (i = 0; i < ceiling->syscalls.count; i++) {
		struct rein_syscall_rule rule = ceiling->syscalls.items[i], *slot;

		if (rule.verdict == REIN_VERDICT_ALLOW)
			continue;
		rule.origin = rein_origin_adopt(policy, &rule.origin);
		rule.name = rein_policy_text(policy, "%s", rule.name);
		slot = rein_vec_add(&policy->syscalls);
		if (!rule.origin.text || !rule.name || !slot)
			return out_of_memory(err);
		*slot = rule;
	}
	return 0;
}

/* Whether all names that `pattern` stands for are ones that `wider` stands for. */
static bool pattern_contains(const char *wider, const char *pattern)
{
	size_t length = strlen(wider);

	if (length && wider[length - 1] == '*')
		return strncmp(wider, pattern, length - 1) == 0;
	return strcmp(wider, pattern) == 0;
}

static int keep_variable(struct rein_policy *policy, const struct rein_env_rule *bound, struct rein_error *err)
{
	struct rein_env_rule *slot = rein_vec_add(&policy->environment);

	if (!slot)
		return out_of_memory(err);
	slot->origin = rein_origin_adopt(policy, &bound->origin);
	slot->name = rein_policy_text(policy, "%s", bound->name);
	slot->value = bound->value ? rein_policy_text(policy, "%s", bound->value) : NULL;
	return slot->origin.text && slot->name && (slot->value || !bound->value) ? 0 : out_of_memory(err);
}

static bool ceiling_keeps(const struct rein_policy *ceiling, const char *pattern)
{
	size_t i;

	for (i = 0; i < ceiling->environment.count; i++)
		if (!ceiling->environment.items[i].value &&
		    pattern_contains(ceiling->environment.items[i].name, pattern))
			return true;
	return false;
}

static bool policy_keeps(const struct rein_env_rule *rules, size_t count, const char *pattern)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!rules[i].value && pattern_contains(rules[i].name, pattern))
			return true;
	return false;
}

/* A pattern of the ceiling stays where the policy has a wider one; a value that the ceiling sets comes last and wins.
 */
static int bound_environment(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err)
{
	size_t i, kept = 0, count = policy->environment.count;
	REIN_AUTO_FREE struct rein_env_rule *before = calloc(count + 1, sizeof(*before));
	int r = 0;

	if (!before)
		return out_of_memory(err);
	if (count)
		memcpy(before, policy->environment.items, count * sizeof(*before));
	for (i = 0; i < count; i++)
		if (before[i].value || !(ceiling->declared & REIN_LIST_KEEP) || ceiling_keeps(ceiling, before[i].name))
			policy->environment.items[kept++] = before[i];
	policy->environment.count = kept;
	for (i = 0; i < ceiling->environment.count && r == 0; i++) {
		const struct rein_env_rule *bound = &ceiling->environment.items[i];

		if (bound->value || policy_keeps(before, count, bound->name))
			r = keep_variable(policy, bound, err);
	}
	return r;
}

static int bound_limits(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err)
{
	unsigned kind;

	for (kind = 0; kind < REIN_LIMIT_COUNT; kind++) {
		const struct rein_limit_rule *bound = &ceiling->limits[kind];
		struct rein_limit_rule *limit = &policy->limits[kind];
		bool optional = bound->optional && (limit->optional || !limit->origin.file);

		if (!bound->origin.file)
			continue;
		if (!limit->origin.file || bound->value < limit->value) {
			*limit = *bound;
			limit->origin = rein_origin_adopt(policy, &bound->origin);
			if (!limit->origin.text)
				return out_of_memory(err);
		}
		limit->optional = optional;
	}
	return 0;
}

static void bound_scalars(struct rein_policy *policy, const struct rein_policy *ceiling)
{
	if (ceiling->audit > policy->audit)
		policy->audit = ceiling->audit;
	if (ceiling->approval_timeout_ns < policy->approval_timeout_ns)
		policy->approval_timeout_ns = ceiling->approval_timeout_ns;
	if (ceiling->approval_otherwise < policy->approval_otherwise)
		policy->approval_otherwise = ceiling->approval_otherwise;
}

int rein_ceiling_apply(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err)
{
	static int (*const parts[])(struct rein_policy *, const struct rein_policy *, struct rein_error *) = {
		rein_ceiling_paths, rein_ceiling_sockets, rein_ceiling_hosts, rein_ceiling_network,
		bound_syscalls,	    bound_environment,	  bound_limits,	      rein_ceiling_breakers,
	};
	size_t i;
	int r = 0;

	for (i = 0; i < REIN_COUNT(parts) && r == 0; i++)
		r = parts[i](policy, ceiling, err);
	if (r == 0)
		bound_scalars(policy, ceiling);
	return r;
}
