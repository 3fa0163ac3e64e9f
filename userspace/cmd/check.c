/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "cmd/setup.h"
#include "mech/seccomp.h"
#include "plan/path.h"
#include "profile/lint.h"

static const struct rein_usage usage = {
	.takes = REIN_OPTION_PROFILE | REIN_OPTION_WORKSPACE | REIN_OPTION_JSON,
	.max_arguments = -1,
	.arguments = "PROFILE...",
	.misuse = 2,
};

/* What came of one profile. */
struct verdict {
	struct rein_setup setup;
	struct rein_warnings warnings;
	bool good;
	struct rein_error err; /* says why it is not good */
};

static int refuse(const struct rein_origin *origin, struct rein_error *err, const char *what, const char *name,
		  const char *why)
{
	return rein_fail(err, EINVAL, "%s:%d:%d: %s \"%s\"%s", origin->file, origin->line, origin->column, what, name,
			 why);
}

/* The profile module knows system calls only by their form; which there are, and which no machine's filter may allow,
 * the filter knows. */
static int check_syscall(const struct rein_syscall_rule *rule, struct rein_error *err)
{
	bool queues = false;
	const char *why = rein_seccomp_forbids(rule->name, &queues);
	char because[128];

	if (!rein_seccomp_knows(rule->name))
		return refuse(&rule->origin, err, "there is no system call or group", rule->name, "");
	if (!why || queues || rule->optional || rule->verdict != REIN_VERDICT_ALLOW)
		return 0;
	snprintf(because, sizeof(because), ", because %s", why);
	return refuse(&rule->origin, err, "no profile can allow the system call", rule->name, because);
}

/* Where the kernel's own files are, nobody's profile can let an agent write. */
static int check_paths(const struct rein_policy *policy, struct rein_error *err)
{
	for (size_t i = 0; i < policy->paths.count; i++) {
		const struct rein_path_rule *rule = &policy->paths.items[i];

		if (rule->verdict == REIN_VERDICT_ALLOW && rule->list == REIN_ACCESS_WRITE &&
		    rein_path_within(rule->path, "/sys"))
			return refuse(&rule->origin, err, "no profile can allow writing", rule->path,
				      ", because an agent that can write there can leave its confinement");
	}
	return 0;
}

static int check_syscalls(const struct rein_policy *policy, struct rein_error *err)
{
	int r = 0;

	for (size_t i = 0; i < policy->syscalls.count && r == 0; i++)
		r = check_syscall(&policy->syscalls.items[i], err);
	return r;
}

/* For people who check files as they write them, `p.yaml` is a file; for `run` only a path with a `/` is. */
static char *name_of(const char *argument)
{
	char *path = NULL;

	if (strchr(argument, '/') || !strchr(argument, '.') || access(argument, F_OK) < 0)
		return strdup(argument);
	return asprintf(&path, "./%s", argument) < 0 ? NULL : path;
}

static void check(const struct rein_options *options, const char *argument, struct verdict *verdict)
{
	REIN_AUTO_FREE char *name = name_of(argument);
	struct rein_options one = *options;
	int r;

	one.profile = name;
	r = name ? rein_setup_load(&one, &verdict->setup, &verdict->err)
		 : rein_fail(&verdict->err, ENOMEM, "out of memory");
	if (r == 0)
		r = check_syscalls(verdict->setup.policy, &verdict->err);
	if (r == 0)
		r = check_paths(verdict->setup.policy, &verdict->err);
	if (r == 0)
		r = rein_policy_lint(verdict->setup.policy, &verdict->warnings, &verdict->err);
	verdict->good = r == 0;
}

static void verdict_free(struct verdict *verdict)
{
	rein_vec_free(&verdict->warnings);
	rein_setup_free(&verdict->setup);
}

static void print_line(const char *text)
{
	rein_print_safe(stdout, text, strlen(text));
	putchar('\n');
}

static void print_warning(const char *argument, const struct rein_warning *warning)
{
	const struct rein_origin *origin = warning->origin;
	REIN_AUTO_FREE char *text = NULL;
	int length;

	if (origin && origin->line)
		length = asprintf(&text, "%s:%d:%d: warning: %s", origin->file, origin->line, origin->column,
				  warning->text);
	else
		length = asprintf(&text, "%s: warning: %s", argument, warning->text);
	if (length < 0)
		text = NULL;
	print_line(text ? text : warning->text);
}

static void print(const char *argument, const struct verdict *verdict)
{
	if (!verdict->good) {
		print_line(verdict->err.text);
		return;
	}
	for (size_t i = 0; i < verdict->warnings.count; i++)
		print_warning(argument, &verdict->warnings.items[i]);
	if (!verdict->warnings.count) {
		rein_print_safe(stdout, argument, strlen(argument));
		puts(": ok");
	}
}

/* JSON is UTF-8; names of files need not be. */
static json_t *text_json(const char *text)
{
	REIN_AUTO_FREE char *escaped = rein_escape_terminal(text, strlen(text), false);

	return json_string(escaped ? escaped : "");
}

static json_t *origin_json(const struct rein_origin *origin)
{
	if (!origin || !origin->line)
		return json_null();
	return json_pack("{s:o, s:i, s:i, s:o}", "file", text_json(origin->file), "line", origin->line, "column",
			 origin->column, "text", text_json(origin->text));
}

static json_t *verdict_json(const char *argument, const struct verdict *verdict)
{
	json_t *warnings = json_array();

	for (size_t i = 0; i < verdict->warnings.count; i++)
		json_array_append_new(warnings,
				      json_pack("{s:o, s:o}", "rule", origin_json(verdict->warnings.items[i].origin),
						"text", text_json(verdict->warnings.items[i].text)));
	return json_pack("{s:o, s:b, s:o, s:o}", "profile", text_json(argument), "ok", verdict->good, "error",
			 verdict->good ? json_null() : text_json(verdict->err.text), "warnings", warnings);
}

/* Checks one profile; returns whether it can be used. */
static bool check_and_show(const struct rein_options *options, const char *argument, json_t *all)
{
	struct verdict verdict = {0};
	bool good;

	check(options, argument, &verdict);
	good = verdict.good;
	if (all)
		json_array_append_new(all, verdict_json(argument, &verdict));
	else
		print(argument, &verdict);
	verdict_free(&verdict);
	return good;
}

int rein_cmd_check(int argc, char **argv)
{
	struct rein_options options;
	json_t *all = NULL;
	bool good = true;
	int code;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	if (options.json)
		all = json_array();
	for (int i = 0; i < options.nr_arguments; i++)
		good &= check_and_show(&options, options.arguments[i], all);
	if (!options.nr_arguments)
		good = check_and_show(&options, options.profile, all);
	if (options.json && rein_print_json(stdout, json_pack("{s:o}", "profiles", all)))
		return 1;
	return good ? 0 : 1;
}
