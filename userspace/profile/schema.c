/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/schema.h"

#include <string.h>

#include "base/cleanup.h"
#include "profile/raw.h"

#define REQUIRED CYAML_FLAG_DEFAULT
#define OPTIONAL CYAML_FLAG_OPTIONAL

/* clang-format off */
#define STRING(key, type, member) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 0, CYAML_UNLIMITED)
#define PLACE(type) CYAML_FIELD_INT("@line", REQUIRED, type, line), CYAML_FIELD_INT("@column", REQUIRED, type, column)
#define ITEMS(type, entry) CYAML_FIELD_SEQUENCE_COUNT("@items", CYAML_FLAG_POINTER, type, items, count, entry, 0, \
						      CYAML_UNLIMITED)
#define FLAG(type) CYAML_FIELD_BOOL("optional", OPTIONAL, type, optional)
#define TEXT(key, type, member) CYAML_FIELD_MAPPING(key, REQUIRED, type, member, text_fields)
#define MAYBE_TEXT(key, type, member) CYAML_FIELD_MAPPING_PTR(key, OPTIONAL, type, member, text_fields)
#define MAYBE(key, type, member, fields) CYAML_FIELD_MAPPING_PTR(key, OPTIONAL, type, member, fields)
#define ENTRY(name, type, fields) \
	static const struct cyaml_schema_value name = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, type, fields) }
#define FIELDS(name) static const struct cyaml_schema_field name[]

FIELDS(text_fields) = {
	STRING("@text", struct rein_raw_text, text),
	PLACE(struct rein_raw_text),
	CYAML_FIELD_END
};
ENTRY(text_entry, struct rein_raw_text, text_fields);

FIELDS(texts_fields) = {
	ITEMS(struct rein_raw_texts, &text_entry),
	PLACE(struct rein_raw_texts),
	CYAML_FIELD_END
};

static const struct cyaml_strval if_missing_words[] = {
	{ "hold", REIN_IF_MISSING_HOLD },
	{ "skip", REIN_IF_MISSING_SKIP },
	{ "hold_in_folder", REIN_IF_MISSING_HOLD_IN_FOLDER },
};

FIELDS(path_fields) = {
	TEXT("path", struct rein_raw_name, name),
	FLAG(struct rein_raw_name),
	CYAML_FIELD_ENUM_PTR("if_missing", OPTIONAL | CYAML_FLAG_STRICT, struct rein_raw_name, if_missing,
			     if_missing_words, REIN_COUNT(if_missing_words)),
	MAYBE_TEXT("sha256", struct rein_raw_name, sha256),
	CYAML_FIELD_END
};
ENTRY(path_entry, struct rein_raw_name, path_fields);

FIELDS(paths_fields) = {
	ITEMS(struct rein_raw_names, &path_entry),
	PLACE(struct rein_raw_names),
	CYAML_FIELD_END
};

FIELDS(path_rules_fields) = {
	MAYBE("allow", struct rein_raw_name_rules, allow, paths_fields),
	MAYBE("ask", struct rein_raw_name_rules, ask, paths_fields),
	MAYBE("deny", struct rein_raw_name_rules, deny, paths_fields),
	CYAML_FIELD_END
};

FIELDS(syscall_fields) = {
	TEXT("name", struct rein_raw_name, name),
	FLAG(struct rein_raw_name),
	CYAML_FIELD_END
};
ENTRY(syscall_entry, struct rein_raw_name, syscall_fields);

FIELDS(syscalls_fields) = {
	ITEMS(struct rein_raw_names, &syscall_entry),
	PLACE(struct rein_raw_names),
	CYAML_FIELD_END
};

FIELDS(syscall_rules_fields) = {
	MAYBE("allow", struct rein_raw_name_rules, allow, syscalls_fields),
	MAYBE("ask", struct rein_raw_name_rules, ask, syscalls_fields),
	MAYBE("deny", struct rein_raw_name_rules, deny, syscalls_fields),
	CYAML_FIELD_END
};

FIELDS(net_fields) = {
	MAYBE_TEXT("cidr", struct rein_raw_net, cidr),
	MAYBE_TEXT("host", struct rein_raw_net, host),
	MAYBE_TEXT("port", struct rein_raw_net, port),
	MAYBE_TEXT("protocol", struct rein_raw_net, protocol),
	FLAG(struct rein_raw_net),
	PLACE(struct rein_raw_net),
	CYAML_FIELD_END
};
ENTRY(net_entry, struct rein_raw_net, net_fields);

FIELDS(nets_fields) = {
	ITEMS(struct rein_raw_nets, &net_entry),
	PLACE(struct rein_raw_nets),
	CYAML_FIELD_END
};

FIELDS(net_rules_fields) = {
	MAYBE("allow", struct rein_raw_net_rules, allow, nets_fields),
	MAYBE("ask", struct rein_raw_net_rules, ask, nets_fields),
	MAYBE("deny", struct rein_raw_net_rules, deny, nets_fields),
	CYAML_FIELD_END
};

FIELDS(filesystem_fields) = {
	MAYBE("read", struct rein_raw_filesystem, read, path_rules_fields),
	MAYBE("write", struct rein_raw_filesystem, write, path_rules_fields),
	MAYBE("execute", struct rein_raw_filesystem, execute, path_rules_fields),
	CYAML_FIELD_END
};

FIELDS(network_fields) = {
	MAYBE("connect", struct rein_raw_network, connect, net_rules_fields),
	MAYBE("listen", struct rein_raw_network, listen, net_rules_fields),
	MAYBE("unix", struct rein_raw_network, unix_sockets, path_rules_fields),
	CYAML_FIELD_END
};

FIELDS(variable_fields) = {
	TEXT("@name", struct rein_raw_variable, name),
	TEXT("@value", struct rein_raw_variable, value),
	CYAML_FIELD_END
};
ENTRY(variable_entry, struct rein_raw_variable, variable_fields);

FIELDS(variables_fields) = {
	ITEMS(struct rein_raw_variables, &variable_entry),
	PLACE(struct rein_raw_variables),
	CYAML_FIELD_END
};

FIELDS(environment_fields) = {
	MAYBE("keep", struct rein_raw_environment, keep, texts_fields),
	MAYBE("set", struct rein_raw_environment, set, variables_fields),
	CYAML_FIELD_END
};

FIELDS(limit_fields) = {
	TEXT("limit", struct rein_raw_limit, limit),
	FLAG(struct rein_raw_limit),
	CYAML_FIELD_END
};

FIELDS(limits_fields) = {
	MAYBE("processes", struct rein_raw_limits, processes, limit_fields),
	MAYBE("memory", struct rein_raw_limits, memory, limit_fields),
	MAYBE("open_files", struct rein_raw_limits, open_files, limit_fields),
	MAYBE("file_size", struct rein_raw_limits, file_size, limit_fields),
	MAYBE("wall_time", struct rein_raw_limits, wall_time, limit_fields),
	CYAML_FIELD_END
};

FIELDS(breaker_fields) = {
	TEXT("@name", struct rein_raw_breaker, name),
	TEXT("meter", struct rein_raw_breaker, meter),
	TEXT("rate", struct rein_raw_breaker, rate),
	TEXT("burst", struct rein_raw_breaker, burst),
	TEXT("on_trip", struct rein_raw_breaker, on_trip),
	MAYBE_TEXT("total", struct rein_raw_breaker, total),
	MAYBE_TEXT("probe", struct rein_raw_breaker, probe),
	MAYBE_TEXT("cool_down", struct rein_raw_breaker, cool_down),
	MAYBE_TEXT("exactness", struct rein_raw_breaker, exactness),
	FLAG(struct rein_raw_breaker),
	CYAML_FIELD_END
};
ENTRY(breaker_entry, struct rein_raw_breaker, breaker_fields);

FIELDS(breakers_fields) = {
	ITEMS(struct rein_raw_breakers, &breaker_entry),
	PLACE(struct rein_raw_breakers),
	CYAML_FIELD_END
};

FIELDS(approvals_fields) = {
	MAYBE_TEXT("timeout", struct rein_raw_approvals, timeout),
	MAYBE_TEXT("otherwise", struct rein_raw_approvals, otherwise),
	CYAML_FIELD_END
};

FIELDS(profile_fields) = {
	TEXT("rein", struct rein_raw_profile, rein),
	MAYBE_TEXT("name", struct rein_raw_profile, name),
	MAYBE_TEXT("description", struct rein_raw_profile, description),
	MAYBE("extends", struct rein_raw_profile, extends, texts_fields),
	MAYBE("filesystem", struct rein_raw_profile, filesystem, filesystem_fields),
	MAYBE("network", struct rein_raw_profile, network, network_fields),
	MAYBE("syscalls", struct rein_raw_profile, syscalls, syscall_rules_fields),
	MAYBE("environment", struct rein_raw_profile, environment, environment_fields),
	MAYBE("limits", struct rein_raw_profile, limits, limits_fields),
	MAYBE("breakers", struct rein_raw_profile, breakers, breakers_fields),
	MAYBE("approvals", struct rein_raw_profile, approvals, approvals_fields),
	MAYBE_TEXT("audit", struct rein_raw_profile, audit),
	CYAML_FIELD_END
};

const struct cyaml_schema_value rein_schema_profile = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct rein_raw_profile, profile_fields)
};

#define LIST_OR_RULES "a list, or a mapping with allow, ask and deny"

static const struct rein_shape shapes[] = {
	{ profile_fields, "a mapping that begins with \"rein: 1\"", NULL, NULL, false },
	{ text_fields, "a single value", "@text", NULL, false },
	{ texts_fields, "a list", NULL, "@items", false },
	{ path_fields, "a path, or a mapping with path", "path", NULL, false },
	{ paths_fields, "a list of paths", NULL, "@items", false },
	{ path_rules_fields, LIST_OR_RULES, NULL, "allow", false },
	{ syscall_fields, "a name, or a mapping with name", "name", NULL, false },
	{ syscalls_fields, "a list of names", NULL, "@items", false },
	{ syscall_rules_fields, LIST_OR_RULES, NULL, "allow", false },
	{ net_fields, "a mapping such as {cidr: 127.0.0.1/32, port: 443}", NULL, NULL, false },
	{ nets_fields, "a list of addresses", NULL, "@items", false },
	{ net_rules_fields, LIST_OR_RULES, NULL, "allow", false },
	{ filesystem_fields, "a mapping with read, write and execute", NULL, NULL, false },
	{ network_fields, "a mapping with connect, listen and unix", NULL, NULL, false },
	{ variable_fields, "a single value", "@value", NULL, true },
	{ variables_fields, "a mapping of names to values", NULL, "@items", false },
	{ environment_fields, "a mapping with keep and set", NULL, NULL, false },
	{ limit_fields, "an amount, or a mapping with limit and optional", "limit", NULL, false },
	{ limits_fields, "a mapping of limits", NULL, NULL, false },
	{ breaker_fields, "a mapping with meter, rate, burst and on_trip", NULL, NULL, true },
	{ breakers_fields, "a mapping of names to breakers", NULL, "@items", false },
	{ approvals_fields, "a mapping with timeout and otherwise", NULL, NULL, false },
};
/* clang-format on */

const struct rein_shape *rein_shape_of(const struct cyaml_schema_field *fields)
{
	size_t i;

	for (i = 0; i < REIN_COUNT(shapes); i++)
		if (shapes[i].fields == fields)
			return &shapes[i];
	return NULL;
}

const struct cyaml_schema_field *rein_schema_field(const struct cyaml_schema_field *fields, const char *key)
{
	for (; fields->key; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}
