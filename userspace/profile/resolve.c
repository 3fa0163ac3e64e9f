/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/resolve.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rein/breaker.h>

#include "profile/words.h"

int rein_refuse_at(const struct rein_resolver *resolver, const struct rein_raw_text *at, const char *fmt, ...)
{
	char text[800];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return rein_fail(resolver->err, EINVAL, "%s:%d:%d: %s", resolver->file, at->line, at->column, text);
}

int rein_place_error(const struct rein_resolver *resolver, const struct rein_raw_text *at)
{
	return rein_context(resolver->err, "%s:%d:%d", resolver->file, at->line, at->column);
}

int rein_refuse_later(const struct rein_resolver *resolver, int line, int column, const char *what)
{
	const struct rein_raw_text at = {.line = line, .column = column};

	return rein_refuse_at(resolver, &at, "%s", what);
}

int rein_out_of_memory(const struct rein_resolver *resolver)
{
	return rein_fail(resolver->err, ENOMEM, "out of memory");
}

__attribute__((format(printf, 2, 0))) static const char *keep_text(struct rein_policy *policy, const char *fmt,
								   va_list args)
{
	char **slot = rein_vec_add(&policy->strings);

	if (slot && vasprintf(slot, fmt, args) < 0)
		*slot = NULL;
	return slot ? *slot : NULL;
}

const char *rein_policy_text(struct rein_policy *policy, const char *fmt, ...)
{
	const char *text;
	va_list args;

	va_start(args, fmt);
	text = keep_text(policy, fmt, args);
	va_end(args);
	return text;
}

struct rein_origin rein_origin_at(const struct rein_resolver *resolver, int line, int column, const char *fmt, ...)
{
	struct rein_origin origin = {.file = resolver->file, .line = line, .column = column};
	va_list args;

	va_start(args, fmt);
	origin.text = keep_text(resolver->policy, fmt, args);
	va_end(args);
	return origin;
}

bool rein_name_is_valid(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return length && !name[length] && length < REIN_BREAKER_NAME_MAX && name[0] != '-' && name[0] != '_';
}

static int resolve_syscalls(struct rein_resolver *resolver, const struct rein_raw_names *raw, enum rein_verdict verdict)
{
	unsigned i;

	for (i = 0; raw && i < raw->count; i++) {
		const struct rein_raw_text *name = &raw->items[i].name;
		struct rein_syscall_rule *rule;
		const char *bare = name->text + (name->text[0] == '@');

		if (!*bare || bare[strspn(bare, "abcdefghijklmnopqrstuvwxyz0123456789_-")])
			return rein_refuse_at(resolver, name,
					      "\"%.100s\" is neither a system call nor a group such as \"@default\"",
					      name->text);
		rule = rein_vec_add(&resolver->policy->syscalls);
		if (!rule)
			return rein_out_of_memory(resolver);
		rule->origin = rein_origin_at(resolver, name->line, name->column, "syscalls.%s: %s",
					      rein_verdict_name(verdict), name->text);
		rule->verdict = verdict;
		rule->name = rein_policy_text(resolver->policy, "%s", name->text);
		rule->optional = raw->items[i].optional;
		if (!rule->origin.text || !rule->name)
			return rein_out_of_memory(resolver);
	}
	return 0;
}

static int resolve_syscall_rules(struct rein_resolver *resolver, const struct rein_raw_name_rules *raw)
{
	int r;

	if (!raw)
		return 0;
	if (raw->ask && raw->ask->count)
		return rein_refuse_later(
			resolver, raw->ask->line, raw->ask->column,
			"syscalls.ask: nobody can be asked about a system call; move it to allow or deny");
	resolver->policy->declared |= raw->allow ? REIN_LIST_SYSCALLS : 0;
	r = resolve_syscalls(resolver, raw->allow, REIN_VERDICT_ALLOW);
	return r < 0 ? r : resolve_syscalls(resolver, raw->deny, REIN_VERDICT_DENY);
}

static bool is_variable_name(const char *name, bool may_end_in_star)
{
	size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	if (name[0] >= '0' && name[0] <= '9')
		return false;
	if (may_end_in_star && strcmp(name + length, "*") == 0)
		return true;
	return length && !name[length];
}

static int add_environment(struct rein_resolver *resolver, const struct rein_raw_text *name, const char *list,
			   const char *value)
{
	struct rein_env_rule *rule = rein_vec_add(&resolver->policy->environment);

	if (!rule)
		return rein_out_of_memory(resolver);
	rule->origin = rein_origin_at(resolver, name->line, name->column, "environment.%s: %s", list, name->text);
	rule->name = rein_policy_text(resolver->policy, "%s", name->text);
	rule->value = value;
	return rule->origin.text && rule->name ? 0 : rein_out_of_memory(resolver);
}

static int resolve_keep(struct rein_resolver *resolver, const struct rein_raw_texts *raw)
{
	unsigned i;
	int r = 0;

	resolver->policy->declared |= raw ? REIN_LIST_KEEP : 0;
	for (i = 0; raw && i < raw->count && r == 0; i++) {
		if (!is_variable_name(raw->items[i].text, true))
			return rein_refuse_at(
				resolver, &raw->items[i],
				"\"%.100s\" is not the name of an environment variable; only its end may be \"*\"",
				raw->items[i].text);
		r = add_environment(resolver, &raw->items[i], "keep", NULL);
	}
	return r;
}

static int resolve_set(struct rein_resolver *resolver, const struct rein_raw_variables *raw)
{
	const char *value;
	unsigned i;
	int r = 0;

	for (i = 0; raw && i < raw->count && r == 0; i++) {
		if (!is_variable_name(raw->items[i].name.text, false))
			return rein_refuse_at(resolver, &raw->items[i].name,
					      "\"%.100s\" is not the name of an environment variable",
					      raw->items[i].name.text);
		r = rein_variables_expand(resolver, &raw->items[i].value, &value);
		if (r == 0)
			r = add_environment(resolver, &raw->items[i].name, "set", value);
	}
	return r;
}

static int resolve_environment(struct rein_resolver *resolver, const struct rein_raw_environment *raw)
{
	int r = raw ? resolve_keep(resolver, raw->keep) : 0;

	return r < 0 || !raw ? r : resolve_set(resolver, raw->set);
}

static int resolve_version(struct rein_resolver *resolver, const struct rein_raw_text *version)
{
	if (strcmp(version->text, "1") == 0)
		return 0;
	return rein_refuse_at(resolver, version,
			      "version \"%.32s\" of the profile language is not known to this rein; it knows version 1",
			      version->text);
}

static int resolve_name(struct rein_resolver *resolver, const struct rein_raw_text *name)
{
	if (!name)
		return 0;
	if (!rein_name_is_valid(name->text))
		return rein_refuse_at(
			resolver, name,
			"\"%.100s\" is not a name: 1 to 31 of a-z 0-9 _ -, beginning with a letter or digit",
			name->text);
	resolver->policy->name = rein_policy_text(resolver->policy, "%s", name->text);
	return resolver->policy->name ? 0 : rein_out_of_memory(resolver);
}

static int resolve_description(struct rein_resolver *resolver, const struct rein_raw_text *description)
{
	if (!description)
		return 0;
	resolver->policy->description = rein_policy_text(resolver->policy, "%s", description->text);
	return resolver->policy->description ? 0 : rein_out_of_memory(resolver);
}

static int resolve_audit(struct rein_resolver *resolver, const struct rein_raw_text *audit)
{
	if (audit && !rein_audit_mode_parse(audit->text, &resolver->policy->audit))
		return rein_refuse_at(resolver, audit, "audit: \"%.64s\" is neither strict nor relaxed", audit->text);
	return 0;
}

static int resolve_head(struct rein_resolver *resolver, const struct rein_raw_profile *raw)
{
	int r = resolve_version(resolver, &raw->rein);

	if (r == 0)
		r = resolve_name(resolver, raw->name);
	if (r == 0)
		r = resolve_description(resolver, raw->description);
	return r < 0 ? r : resolve_audit(resolver, raw->audit);
}

int rein_resolver_run(struct rein_resolver *resolver, const struct rein_raw_profile *raw)
{
	int r = resolve_head(resolver, raw);

	if (r == 0)
		r = rein_resolve_paths(resolver, raw);
	if (r == 0 && raw->network)
		r = rein_resolve_network(resolver, raw->network);
	if (r == 0)
		r = resolve_syscall_rules(resolver, raw->syscalls);
	if (r == 0)
		r = resolve_environment(resolver, raw->environment);
	if (r == 0 && raw->limits)
		r = rein_resolve_limits(resolver, raw->limits);
	if (r == 0 && raw->breakers)
		r = rein_resolve_breakers(resolver, raw->breakers);
	if (r == 0 && raw->approvals)
		r = rein_resolve_approvals(resolver, raw->approvals);
	return r;
}
