/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "base/cleanup.h"
#include "profile/ceiling.h"
#include "profile/path.h"
#include "profile/resolve.h"

/*
 * Allowed paths intersect. Judged by where they really lead: a link inside what the ceiling allows must not lead past
 * it. One sorted list of the ceiling's paths answers both questions about a path of the policy, whether it lies within
 * one of them and which of them lie within it, without comparing each with each.
 */

struct bound {
	char *real;
	const struct rein_path_rule *rule; /* of the ceiling */
	size_t cut;			   /* 1 + index of the result rule that was cut to this one; 0: none yet */
};

REIN_VEC_TYPE(bounds, struct bound);
REIN_VEC_TYPE(path_rules, struct rein_path_rule);

static void bounds_free(struct bounds *bounds)
{
	size_t i;

	for (i = 0; i < bounds->count; i++)
		free(bounds->items[i].real);
	rein_vec_free(bounds);
}

static void path_rules_free(struct path_rules *rules)
{
	rein_vec_free(rules);
}

static int compare_bounds(const void *a, const void *b)
{
	return strcmp(((const struct bound *)a)->real, ((const struct bound *)b)->real);
}

/* The allow rules of the ceiling in any of `lists`, sorted. */
static int bounds_collect(const struct path_rules *ceiling, unsigned lists, struct bounds *ret_bounds,
			  struct rein_error *err)
{
	size_t i;

	for (i = 0; i < ceiling->count; i++) {
		const struct rein_path_rule *rule = &ceiling->items[i];
		struct bound *bound;

		if (rule->verdict != REIN_VERDICT_ALLOW || !(rule->list & lists))
			continue;
		bound = rein_vec_add(ret_bounds);
		if (!bound)
			return rein_fail(err, ENOMEM, "out of memory");
		bound->rule = rule;
		bound->real = rein_path_real(rule->path);
		if (!bound->real)
			return rein_fail(err, EINVAL, "%s:%d:%d: %.200s: where it leads cannot be known",
					 rule->origin.file, rule->origin.line, rule->origin.column, rule->path);
	}
	if (ret_bounds->count)
		qsort(ret_bounds->items, ret_bounds->count, sizeof(struct bound), compare_bounds);
	return 0;
}

/* The first bound that does not sort before `text`. */
static size_t lower_bound(const struct bounds *bounds, const char *text)
{
	size_t low = 0, high = bounds->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(bounds->items[middle].real, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_bound(const struct bounds *bounds, const char *path)
{
	size_t at = lower_bound(bounds, path);

	return at < bounds->count && strcmp(bounds->items[at].real, path) == 0;
}

/* Whether the path or one of the folders it lies in is a bound. Cuts `path` to pieces. */
static bool within_a_bound(const struct bounds *bounds, char *path)
{
	char *slash;

	while (!is_bound(bounds, path)) {
		slash = strrchr(path, '/');
		if (!slash || !slash[1])
			return false;
		slash[slash == path] = '\0';
	}
	return true;
}

static int keep(struct path_rules *result, const struct rein_path_rule *rule, struct rein_error *err)
{
	struct rein_path_rule *slot = rein_vec_add(result);

	if (!slot)
		return rein_fail(err, ENOMEM, "out of memory");
	*slot = *rule;
	return 0;
}

/* Once for each bound, however many rules are wider than it: else n wide rules under m bounds were n times m. */
static int cut_to(struct rein_policy *policy, struct path_rules *result, const struct rein_path_rule *rule,
		  struct bound *bound, struct rein_error *err)
{
	struct rein_path_rule cut = *rule;

	if (bound->cut) {
		result->items[bound->cut - 1].optional &= rule->optional;
		return 0;
	}
	cut.path = rein_policy_text(policy, "%s", bound->rule->path);
	cut.origin = rein_origin_cut(policy, &rule->origin, bound->rule->path, &bound->rule->origin);
	if (!cut.path || !cut.origin.text)
		return rein_fail(err, ENOMEM, "out of memory");
	bound->cut = result->count + 1;
	return keep(result, &cut, err);
}

static int bound_rule(struct rein_policy *policy, struct path_rules *result, const struct rein_path_rule *rule,
		      struct bounds *bounds, struct rein_error *err)
{
	REIN_AUTO_FREE char *real = rein_path_real(rule->path);
	REIN_AUTO_FREE char *below = NULL;
	size_t i, length;
	int r = 0;

	if (!real)
		return 0; /* where it leads cannot be known, so the ceiling does not allow it */
	length = strlen(real);
	length -= length == 1;
	if (asprintf(&below, "%.*s/", (int)length, real) < 0) {
		below = NULL;
		return rein_fail(err, ENOMEM, "out of memory");
	}
	if (within_a_bound(bounds, real))
		return keep(result, rule, err);
	for (i = lower_bound(bounds, below); i < bounds->count && r == 0; i++) {
		if (strncmp(bounds->items[i].real, below, length + 1) != 0)
			break;
		r = cut_to(policy, result, rule, &bounds->items[i], err);
	}
	return r;
}

/* Bounds the allow rules of one list by those of the ceiling in `lists`; all other rules stay. */
static int bound_list(struct rein_policy *policy, struct path_rules *rules, unsigned list,
		      const struct path_rules *ceiling, unsigned lists, struct rein_error *err)
{
	__attribute__((cleanup(bounds_free))) struct bounds bounds = {0};
	__attribute__((cleanup(path_rules_free))) struct path_rules result = {0};
	size_t i;
	int r = bounds_collect(ceiling, lists, &bounds, err);

	for (i = 0; i < rules->count && r == 0; i++) {
		const struct rein_path_rule *rule = &rules->items[i];

		if (rule->list == list && rule->verdict == REIN_VERDICT_ALLOW)
			r = bound_rule(policy, &result, rule, &bounds, err);
		else
			r = keep(&result, rule, err);
	}
	if (r < 0)
		return r;
	rein_vec_free(rules);
	*rules = result;
	result = (struct path_rules){0};
	return 0;
}

static int join_denies(struct rein_policy *policy, struct path_rules *rules, const struct path_rules *ceiling,
		       struct rein_error *err)
{
	size_t i;

	for (i = 0; i < ceiling->count; i++) {
		struct rein_path_rule rule = ceiling->items[i];

		if (rule.verdict == REIN_VERDICT_ALLOW)
			continue;
		rule.origin = rein_origin_adopt(policy, &ceiling->items[i].origin);
		rule.path = rein_policy_text(policy, "%s", ceiling->items[i].path);
		if (!rule.origin.text || !rule.path || keep(rules, &rule, NULL) < 0)
			return rein_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

/* Whether the policy lets run what the ceiling's rule lets run only with one content. */
static bool reaches(const struct path_rules *rules, const char *real)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rein_path_rule *rule = &rules->items[i];
		REIN_AUTO_FREE char *above = NULL;

		if (rule->verdict != REIN_VERDICT_ALLOW || rule->list != REIN_ACCESS_EXECUTE)
			continue;
		above = rein_path_real(rule->path);
		if (above && rein_path_contains(above, real))
			return true;
	}
	return false;
}

/* Whether the policy says of that path what the ceiling says. */
static bool has_digest(const struct path_rules *rules, const struct rein_path_rule *wanted)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rein_path_rule *rule = &rules->items[i];

		if (rule->sha256 && !strcmp(rule->path, wanted->path) && !strcmp(rule->sha256, wanted->sha256))
			return true;
	}
	return false;
}

/* A digest bounds whatever the policy allows at that path or above; two that differ are refused with the view. */
static int join_digests(struct rein_policy *policy, struct path_rules *rules, const struct path_rules *ceiling,
			struct rein_error *err)
{
	for (size_t i = 0; i < ceiling->count; i++) {
		struct rein_path_rule rule = ceiling->items[i];
		REIN_AUTO_FREE char *real = rule.sha256 ? rein_path_real(rule.path) : NULL;

		if (!real || has_digest(rules, &rule) || !reaches(rules, real))
			continue;
		rule.origin = rein_origin_adopt(policy, &ceiling->items[i].origin);
		rule.path = rein_policy_text(policy, "%s", ceiling->items[i].path);
		rule.sha256 = rein_policy_text(policy, "%s", ceiling->items[i].sha256);
		if (!rule.origin.text || !rule.path || !rule.sha256 || keep(rules, &rule, NULL) < 0)
			return rein_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

/*
 * By which lists of the ceiling a list of the policy is bounded. Writing and executing bring reading with them, so
 * where the ceiling bounds only reading, it bounds those two as well.
 */
static unsigned lists_for(enum rein_access list, unsigned declared)
{
	if (list != REIN_ACCESS_READ && (declared & list))
		return list;
	return declared & REIN_LIST_READ ? REIN_ACCESS_READ | REIN_ACCESS_WRITE : 0;
}

int rein_ceiling_paths(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err)
{
	static const enum rein_access lists[] = {REIN_ACCESS_READ, REIN_ACCESS_WRITE, REIN_ACCESS_EXECUTE};
	const struct path_rules bounds = {ceiling->paths.items, ceiling->paths.count, ceiling->paths.room};
	struct path_rules rules = {policy->paths.items, policy->paths.count, policy->paths.room};
	size_t i;
	int r = 0;

	for (i = 0; i < REIN_COUNT(lists) && r == 0; i++) {
		unsigned by = lists_for(lists[i], ceiling->declared);

		if (by)
			r = bound_list(policy, &rules, lists[i], &bounds, by, err);
	}
	if (r == 0)
		r = join_digests(policy, &rules, &bounds, err);
	if (r == 0)
		r = join_denies(policy, &rules, &bounds, err);
	policy->paths.items = rules.items;
	policy->paths.count = rules.count;
	policy->paths.room = rules.room;
	return r;
}

/* Sockets are paths too: the same rules in the same shape. */
static int sockets_as_paths(const struct rein_policy *policy, struct path_rules *ret_rules, struct rein_error *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < policy->sockets.count && r == 0; i++) {
		const struct rein_unix_rule *socket = &policy->sockets.items[i];
		const struct rein_path_rule rule = {.origin = socket->origin,
						    .verdict = socket->verdict,
						    .list = REIN_ACCESS_WRITE,
						    .path = socket->path,
						    .optional = socket->optional};

		r = keep(ret_rules, &rule, err);
	}
	return r;
}

static int sockets_from_paths(struct rein_policy *policy, const struct path_rules *rules, struct rein_error *err)
{
	size_t i;

	policy->sockets.count = 0;
	for (i = 0; i < rules->count; i++) {
		const struct rein_path_rule *rule = &rules->items[i];
		struct rein_unix_rule *socket = rein_vec_add(&policy->sockets);

		if (!socket)
			return rein_fail(err, ENOMEM, "out of memory");
		*socket = (struct rein_unix_rule){rule->origin, rule->verdict, rule->path, rule->optional};
	}
	return 0;
}

int rein_ceiling_sockets(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err)
{
	__attribute__((cleanup(path_rules_free))) struct path_rules rules = {0};
	__attribute__((cleanup(path_rules_free))) struct path_rules bounds = {0};
	int r = sockets_as_paths(policy, &rules, err);

	if (r == 0)
		r = sockets_as_paths(ceiling, &bounds, err);
	if (r == 0 && (ceiling->declared & REIN_LIST_UNIX))
		r = bound_list(policy, &rules, REIN_ACCESS_WRITE, &bounds, REIN_ACCESS_WRITE, err);
	if (r == 0)
		r = join_denies(policy, &rules, &bounds, err);
	return r < 0 ? r : sockets_from_paths(policy, &rules, err);
}
