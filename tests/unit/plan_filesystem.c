/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/machines.h"

/* A folder of the test's own with a file of two names, one of one name, and a socket. */
static char folder[] = "/var/tmp/rein-plan-XXXXXX";
static char paths[8][128];

static char *in_folder(int slot, const char *name)
{
	snprintf(paths[slot], sizeof(paths[slot]), "%s/%s", folder, name);
	return paths[slot];
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_lt(strlen(path), sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void set_up(void)
{
	cr_assert(mkdtemp(folder));
	close(open(in_folder(0, "one"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	close(open(in_folder(1, "two"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	cr_assert_eq(link(in_folder(1, "two"), in_folder(2, "too")), 0);
	make_socket(in_folder(3, "socket"));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void take_down(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(plan_filesystem, .init = set_up, .fini = take_down);

static struct rein_path_rule rule(enum rein_verdict verdict, enum rein_access list, const char *path)
{
	return (struct rein_path_rule){.origin = {.file = "test.yaml", .line = 5, .text = "filesystem"},
				       .verdict = verdict,
				       .list = list,
				       .path = path};
}

static struct rein_plan plan_rules(const struct rein_machine *machine, const struct rein_path_rule *rules, size_t count)
{
	static struct rein_policy policy; /* outlives the plan */

	policy = policy_empty();
	for (size_t i = 0; i < count; i++)
		*rein_vec_add(&policy.paths) = rules[i];
	return plan_of(&policy, machine, &(struct rein_plan_options){.agent_uid = 1000});
}

Test(plan_filesystem, says_what_each_rule_comes_to)
{
	struct rein_machine user = machine_user();
	struct rein_path_rule rules[] = {
		rule(REIN_VERDICT_ALLOW, REIN_ACCESS_WRITE, folder),
		rule(REIN_VERDICT_DENY, REIN_ACCESS_WRITE, in_folder(0, "one")),
		rule(REIN_VERDICT_DENY, REIN_ACCESS_WRITE, in_folder(1, "two")),
		rule(REIN_VERDICT_DENY, REIN_ACCESS_WRITE, in_folder(4, "missing")),
		rule(REIN_VERDICT_DENY, REIN_ACCESS_WRITE, in_folder(5, "skipped")),
		rule(REIN_VERDICT_ALLOW, REIN_ACCESS_READ, "/nonexistent/thing"),
	};
	struct rein_plan plan;

	rules[4].skip_if_missing = true;
	plan = plan_rules(&user, rules, REIN_COUNT(rules));
	cr_expect_not(plan.refused);
	cr_expect_eq(line_with(&plan, "may write")->by[1], REIN_MECH_LANDLOCK);
	cr_expect_eq(line_with(&plan, "/one")->keeping, REIN_KEPT);
	cr_expect_str_eq(
		line_with(&plan, "/one")->note,
		"kept by a mount over this name; what somebody outside the agent puts in its place is not kept");
	cr_expect_str_eq(
		line_with(&plan, "/two")->note,
		"kept by a mount over this name; the file has 2 names (hard links), and the others are not kept");
	cr_expect_str_eq(line_with(&plan, "/missing")->note,
			 "not there yet; the name is held while the agent runs, so that it cannot make it");
	cr_expect_eq(line_with(&plan, "/skipped")->keeping, REIN_SKIPPED);
	cr_expect(line_with(&plan, "/skipped")->denies, "a denial that does nothing is worth a look");
	cr_expect_not(line_with(&plan, "/nonexistent/thing")->denies);
	cr_expect_eq(line_with(&plan, "/nonexistent/thing")->keeping, REIN_SKIPPED);
	rein_plan_free(&plan);
}

Test(plan_filesystem, labels_keep_what_mounts_do_not)
{
	struct rein_machine exact = machine_exact();
	struct rein_path_rule rules[] = {
		rule(REIN_VERDICT_ALLOW, REIN_ACCESS_WRITE, folder),
		rule(REIN_VERDICT_DENY, REIN_ACCESS_WRITE, in_folder(0, "one")),
		rule(REIN_VERDICT_DENY, REIN_ACCESS_WRITE, in_folder(1, "two")),
		rule(REIN_VERDICT_DENY, REIN_ACCESS_WRITE, in_folder(4, "missing")),
	};
	struct rein_plan plan = plan_rules(&exact, rules, REIN_COUNT(rules));

	cr_expect_eq(line_with(&plan, "may write")->by[2], REIN_MECH_NONE, "what is allowed needs no label");
	cr_expect_eq(line_with(&plan, "/one")->by[0], REIN_MECH_NAMESPACES, "mounts stay, on every tier");
	cr_expect_eq(line_with(&plan, "/one")->by[1], REIN_MECH_BPF_FILE);
	cr_expect_str_eq(line_with(&plan, "/one")->note, "kept as a file and by its name, whatever path leads there");
	cr_expect_str_eq(line_with(&plan, "/two")->note, "kept as a file and by its name, whatever path leads there");
	cr_expect_str_eq(line_with(&plan, "/missing")->note,
			 "not there yet; the name is held while the agent runs, so that it cannot make it");
	cr_expect(plan.use[REIN_MECH_BPF_FILE]);
	rein_plan_free(&plan);
}

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OTHER "1111111111111111111111111111111111111111111111111111111111111111"

static struct rein_plan plan_digest(const char *path, const char *sha256, bool digests)
{
	static struct rein_policy policy; /* outlives the plan */
	static struct rein_machine user;
	struct rein_path_rule only = rule(REIN_VERDICT_ALLOW, REIN_ACCESS_EXECUTE, path);

	only.sha256 = sha256;
	user = machine_user();
	policy = policy_empty();
	*rein_vec_add(&policy.paths) = only;
	return plan_of(&policy, &user,
		       &(struct rein_plan_options){.agent_uid = 1000, .digests = digests, .degrade = true});
}

Test(plan_filesystem, says_how_one_content_is_kept)
{
	struct rein_plan plan = plan_digest(in_folder(0, "one"), EMPTY, true);

	cr_expect_eq(line_with(&plan, "/one")->keeping, REIN_KEPT);
	cr_expect_str_eq(line_with(&plan, "/one")->note,
			 "only with the content of its sha256: a private copy of 0B in memory");
	rein_plan_free(&plan);
	cr_assert_eq(truncate(in_folder(1, "two"), (3 << 20) + 1), 0);
	plan = plan_digest(in_folder(1, "two"), OTHER, false);
	cr_expect_str_eq(line_with(&plan, "/two")->note,
			 "only with the content of its sha256: a private copy of 4MiB in memory; not under its other "
			 "names (1 hard links)");
	rein_plan_free(&plan);
}

Test(plan_filesystem, copies_must_fit_into_memory)
{
	struct rein_machine user = machine_user();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan;

	cr_assert_eq(truncate(in_folder(0, "one"), 1 << 20) | truncate(in_folder(1, "two"), 1 << 20), 0);
	policy.limits[REIN_LIMIT_MEMORY] = (struct rein_limit_rule){.origin = {.file = "test.yaml"}, .value = 2 << 20};
	for (int i = 0; i < 2; i++) {
		*rein_vec_add(&policy.paths) = rule(REIN_VERDICT_ALLOW, REIN_ACCESS_EXECUTE, paths[i]);
		policy.paths.items[i].sha256 = EMPTY;
	}
	plan = plan_of(&policy, &user, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect_eq(line_with(&plan, "/one")->keeping, REIN_KEPT);
	cr_expect_eq(line_with(&plan, "/two")->keeping, REIN_REFUSED);
	cr_expect_str_eq(line_with(&plan, "/two")->note,
			 "limits.memory leaves no room for the private copy that the agent would run");
	rein_plan_free(&plan);
	rein_vec_free(&policy.paths);
}

/* --degrade is given: what runs with other content is worse than what does not start. */
Test(plan_filesystem, other_content_is_refused_whatever_the_options)
{
	struct rein_plan plan = plan_digest(in_folder(0, "one"), OTHER, true);

	cr_expect(plan.refused);
	cr_expect_str_eq(line_with(&plan, "/one")->note,
			 "holds other content than the line names: sha256 expected " OTHER ", found " EMPTY
			 "; put the new digest there if you trust the file as it is now, else put back the file");
	rein_plan_free(&plan);
}

/* Whoever replaces the file in a folder that is executable as a whole must not have the agent run what they put there.
 */
Test(plan_filesystem, one_content_in_an_executable_folder_takes_overlayfs)
{
	struct rein_machine user = machine_user();
	struct rein_path_rule rules[] = {rule(REIN_VERDICT_ALLOW, REIN_ACCESS_EXECUTE, folder),
					 rule(REIN_VERDICT_ALLOW, REIN_ACCESS_EXECUTE, in_folder(0, "one")),
					 rule(REIN_VERDICT_ALLOW, REIN_ACCESS_WRITE, folder)};
	struct rein_plan plan;

	rules[1].sha256 = EMPTY;
	plan = plan_rules(&user, rules, 2);
	cr_expect_str_eq(line_with(&plan, "/one")->note,
			 "its folder can be executed as a whole, so what somebody outside puts in its place would run: "
			 "to keep that out takes overlayfs (modprobe overlay) and no mounts below the folder; or name "
			 "files instead of the folder");
	cr_expect_eq(line_with(&plan, "/one")->keeping, REIN_REFUSED);
	rein_plan_free(&plan);
	user.overlay = true;
	plan = plan_rules(&user, rules, 2);
	cr_expect_eq(line_with(&plan, "/one")->keeping, REIN_KEPT);
	rein_plan_free(&plan);
	plan = plan_rules(&user, rules, 3);
	cr_expect_eq(line_with(&plan, "/one")->keeping, REIN_REFUSED);
	cr_expect_str_eq(line_with(&plan, "/one")->note,
			 "its folder can be written and executed, so other content can run there in its place: take "
			 "one of the two from the folder");
	rein_plan_free(&plan);
}

Test(plan_filesystem, questions_are_refused)
{
	struct rein_machine user = machine_user();
	struct rein_path_rule rules[] = {rule(REIN_VERDICT_ASK, REIN_ACCESS_WRITE, folder)};
	struct rein_plan plan = plan_rules(&user, rules, REIN_COUNT(rules));

	cr_expect(plan.refused);
	cr_expect_str_eq(line_with(&plan, folder)->note, "nobody can be asked yet: allow it or deny it");
	rein_plan_free(&plan);
}

Test(plan_filesystem, says_that_execute_comes_with_reading)
{
	struct rein_machine user = machine_user();
	struct rein_path_rule rules[] = {rule(REIN_VERDICT_ALLOW, REIN_ACCESS_EXECUTE, folder),
					 rule(REIN_VERDICT_ALLOW, REIN_ACCESS_READ, folder)};
	struct rein_plan plan = plan_rules(&user, rules, 1);

	cr_expect_not(plan.refused);
	cr_expect_str_eq(line_with(&plan, folder)->note, "what is executed can be read as well");
	rein_plan_free(&plan);
	plan = plan_rules(&user, rules, 2);
	cr_expect_str_empty(line_with(&plan, "may execute")->note);
	rein_plan_free(&plan);
}

Test(plan_filesystem, sockets_are_kept_hidden_or_not_there)
{
	static const struct {
		const char *name;
		enum rein_verdict verdict;
		bool read_denied;
		enum rein_keeping keeping;
	} table[] = {
		{"socket", REIN_VERDICT_ALLOW, false, REIN_KEPT},  {"socket", REIN_VERDICT_ALLOW, true, REIN_REFUSED},
		{"socket", REIN_VERDICT_DENY, false, REIN_KEPT},   {"none", REIN_VERDICT_ALLOW, false, REIN_SKIPPED},
		{"socket", REIN_VERDICT_ASK, false, REIN_REFUSED},
	};
	struct rein_machine user = machine_user();

	for (size_t i = 0; i < REIN_COUNT(table); i++) {
		struct rein_policy policy = policy_empty();
		struct rein_plan plan;

		*rein_vec_add(&policy.paths) = rule(REIN_VERDICT_ALLOW, REIN_ACCESS_READ, folder);
		if (table[i].read_denied)
			*rein_vec_add(&policy.paths) =
				rule(REIN_VERDICT_DENY, REIN_ACCESS_READ, in_folder(6, "socket"));
		*rein_vec_add(&policy.sockets) =
			(struct rein_unix_rule){.origin = {.file = "test.yaml", .line = 8, .text = "network.unix"},
						.verdict = table[i].verdict,
						.path = in_folder(7, table[i].name)};
		plan = plan_of(&policy, &user, &(struct rein_plan_options){.agent_uid = 1000});
		cr_expect_eq(line_with(&plan, "connect to the socket")->keeping, table[i].keeping, "row %zu: %s", i,
			     line_with(&plan, "connect to the socket")->note);
		rein_plan_free(&plan);
		rein_vec_free(&policy.paths);
		rein_vec_free(&policy.sockets);
	}
}
