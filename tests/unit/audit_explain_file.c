/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <rein/label.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "agent/explain.h"
#include "base/cleanup.h"

/* What bpf-file refused by a label, in words. */

static struct {
	int events;
	enum rein_kind kind;
	char why[4096], object[512], op[32];
	const struct rein_origin *rule;
	enum rein_mechanism mechanism;
} seen;

static int take(void *context, const struct rein_event *event, struct rein_error *err)
{
	seen.events++;
	seen.kind = event->kind;
	seen.rule = event->rule;
	seen.mechanism = event->mechanism;
	snprintf(seen.why, sizeof(seen.why), "%s", event->why ? event->why : "");
	snprintf(seen.object, sizeof(seen.object), "%s", event->object ? event->object : "");
	snprintf(seen.op, sizeof(seen.op), "%s", event->op ? event->op : "");
	return 0;
}

static struct rein_path_rule rules[] = {
	{.origin = {"c.yaml", 4, 1, "filesystem.write: /w"}, .verdict = REIN_VERDICT_ALLOW, .path = "/w"},
	{.origin = {"c.yaml", 5, 1, "filesystem.write.deny: /w/.git/hooks"},
	 .verdict = REIN_VERDICT_DENY,
	 .path = "/w/.git/hooks"},
	{.origin = {"c.yaml", 6, 1, "filesystem.read.deny: /w/way/key"},
	 .verdict = REIN_VERDICT_DENY,
	 .path = "/w/way/key"},
};
static struct rein_place places[] = {
	{.kind = REIN_PLACE_TREE, .path = (char *)"/w", .rule = &rules[0]},
	{.kind = REIN_PLACE_TREE, .path = (char *)"/w/.git/hooks", .taken = REIN_ACCESS_WRITE, .rule = &rules[1]},
	{.kind = REIN_PLACE_HIDDEN, .path = (char *)"/w/real/key", .taken = REIN_ACCESS_READ, .rule = &rules[2]},
	{.kind = REIN_PLACE_PIN, .path = (char *)"/w/way", .taken = REIN_ACCESS_WRITE, .rule = &rules[2]},
};
static struct rein_policy policy = {.name = "coding-agent", .paths = {rules, REIN_COUNT(rules), REIN_COUNT(rules)}};
static struct rein_plan plan = {.policy = &policy,
				.view = {.places = {places, REIN_COUNT(places), REIN_COUNT(places)}}};
static struct rein_launch launch = {.id = "coding-agent-0001", .policy = &policy, .plan = &plan};
static struct rein_agent agent = {.launch = &launch, .sink = {.emit = take}, .tick_fd = -1};

static const struct {
	unsigned op;
	uint64_t amount;
	unsigned rule;
	const char *names[4]; /* from the file up */
	int truncated;
	const char *object, *why;
} refusals[] = {
	{REIN_FILE_OP_OPEN,
	 REIN_LABEL_WRITE,
	 1,
	 {"pre-commit", "hooks"},
	 0,
	 "/w/.git/hooks/pre-commit",
	 "tee (pid 7) tried to open /w/.git/hooks/pre-commit for writing; `filesystem.write.deny: /w/.git/hooks` "
	 "(c.yaml:5) denies it, so it was refused (EACCES)."},
	{REIN_FILE_OP_CREATE,
	 REIN_LABEL_WRITE,
	 1,
	 {"x", "y", "hooks"},
	 0,
	 "/w/.git/hooks/y/x",
	 "tee (pid 7) tried to create /w/.git/hooks/y/x; `filesystem.write.deny: /w/.git/hooks` (c.yaml:5) denies it, "
	 "so it was refused (EACCES)."},
	{REIN_FILE_OP_RENAME,
	 REIN_LABEL_WRITE | REIN_EVENT_HELD,
	 1,
	 {".git"},
	 0,
	 "/w/.git",
	 "tee (pid 7) tried to rename /w/.git; what `filesystem.write.deny: /w/.git/hooks` (c.yaml:5) denies is in it, "
	 "so that it can be neither moved nor removed, so it was refused (EACCES)."},
	{REIN_FILE_OP_CREATE,
	 REIN_LABEL_WRITE | REIN_EVENT_REPLACED,
	 1,
	 {"x", ".git"},
	 0,
	 "/w/.git/x",
	 "tee (pid 7) tried to create /w/.git/x; somebody has put another in the place of a folder in which "
	 "`filesystem.write.deny: /w/.git/hooks` (c.yaml:5) denies something, so that all in it is denied, so it was "
	 "refused (EACCES)."},
	{REIN_FILE_OP_OPEN,
	 REIN_LABEL_READ,
	 2,
	 {"key"},
	 0,
	 "/w/real/key",
	 "tee (pid 7) tried to open /w/real/key for reading; `filesystem.read.deny: /w/way/key` (c.yaml:6) denies it, "
	 "so it was refused (EACCES)."},
	{REIN_FILE_OP_DELETE,
	 REIN_LABEL_WRITE,
	 2,
	 {"way"},
	 0,
	 "/w/way",
	 "tee (pid 7) tried to delete /w/way; `filesystem.read.deny: /w/way/key` (c.yaml:6) denies it, so it was "
	 "refused (EACCES)."},
	{REIN_FILE_OP_OPEN,
	 REIN_LABEL_READ | REIN_LABEL_EXECUTE,
	 2,
	 {"b", "a"},
	 1,
	 "/w/real/key/.../a/b",
	 "tee (pid 7) tried to run /w/real/key/.../a/b; `filesystem.read.deny: /w/way/key` (c.yaml:6) denies it, so it "
	 "was refused (EACCES)."},
	{REIN_FILE_OP_OPEN,
	 REIN_LABEL_READ,
	 REIN_LABEL_NO_RULE,
	 {"log", "rein"},
	 0,
	 "/rein/log",
	 "tee (pid 7) tried to open /rein/log for reading; it belongs to rein and is kept from every agent, so it was "
	 "refused (EACCES)."},
	{REIN_FILE_OP_OPEN,
	 REIN_LABEL_READ | REIN_EVENT_TOO_DEEP,
	 REIN_LABEL_NO_RULE,
	 {"d", "d"},
	 1,
	 "/.../d/d",
	 "tee (pid 7) tried to open /.../d/d for reading; it lies deeper than 512 folders, and denials could not be "
	 "looked for that far, so it was refused (EACCES)."},
};

static struct rein_raw_event event(size_t i)
{
	struct rein_raw_event raw = {.kind = REIN_EVENT_DENY_FILE, .pid = 7, .comm = "tee", .error = -EACCES};
	size_t used = 0;

	raw.nr = refusals[i].op;
	raw.amount = refusals[i].amount;
	raw.rule = refusals[i].rule;
	raw.truncated = (uint8_t)refusals[i].truncated;
	for (size_t n = 0; refusals[i].names[n]; n++)
		used += (size_t)sprintf(raw.path + used, "%s", refusals[i].names[n]) + 1;
	return raw;
}

Test(audit_explain_file, names_what_was_tried_and_the_rule)
{
	for (size_t i = 0; i < REIN_COUNT(refusals); i++) {
		struct rein_raw_event raw = event(i);

		seen.events = 0;
		rein_explain_raw(&agent, &raw, sizeof(raw));
		cr_assert_eq(seen.events, 1);
		cr_expect_eq(seen.kind, REIN_KIND_DENY);
		cr_expect_eq(seen.mechanism, REIN_MECH_BPF_FILE);
		cr_expect_str_eq(seen.object, refusals[i].object);
		cr_expect_str_eq(seen.why, refusals[i].why);
		cr_expect_eq(seen.rule, raw.rule < REIN_COUNT(rules) ? &rules[raw.rule].origin : NULL);
	}
}

Test(audit_explain_file, tells_of_calls_that_cannot_be_followed)
{
	struct rein_raw_event raw = {
		.kind = REIN_EVENT_DENY_UNKNOWN, .pid = 7, .comm = "tee", .nr = SYS_ioctl, .error = -EPERM};

	strcpy(raw.path, "snapshot");
	seen.events = 0;
	rein_explain_raw(&agent, &raw, sizeof(raw));
	cr_assert_eq(seen.events, 1);
	cr_expect_eq(seen.kind, REIN_KIND_DENY);
	cr_expect_eq(seen.mechanism, REIN_MECH_BPF_FILE);
	cr_expect_str_eq(seen.object, "snapshot");
	cr_expect_str_eq(seen.why,
			 "tee (pid 7) made the system call ioctl on snapshot; what it does to files cannot be "
			 "followed, so it was refused (EPERM).");
}

Test(audit_explain_file, counts_as_lost_what_it_does_not_know)
{
	struct rein_raw_event raw = event(0);

	raw.nr = 200;
	rein_explain_raw(&agent, &raw, sizeof(raw));
	cr_assert_eq(seen.kind, REIN_KIND_LOST);
}

Test(audit_explain_file, survives_a_path_without_an_end)
{
	struct rein_raw_event raw = event(0);

	memset(raw.path, 'x', sizeof(raw.path));
	raw.truncated = 1;
	rein_explain_raw(&agent, &raw, sizeof(raw));
	cr_assert_eq(seen.kind, REIN_KIND_DENY);
}
