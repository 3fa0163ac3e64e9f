/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/sandbox.h"
#include "plan/path.h"

/*
 * Random rules over a small tree of folders: what the view says, and what the kernel then does, is what the definition
 * says, which is written down here a second time, in the plainest way: union of the allows at or above, minus the
 * denies at or above.
 */

#define ROUNDS 60
#define RULES 9

static const char *const folders[] = {
	"a",	 "a/a",	  "a/a/a", "a/a/b",   "a/a/b/c", "a/b",	      "a/b/a", "a/b/b", "a-b",
	"a-b/a", "b",	  "b/a",   "b/a/a",   "b/a/a/a", "b/a/b",     "b/b",   "b/b/b", "c",
	"c/c",	 "c/c/c", "c/c/d", "c/c/d/e", "c/c/d/f", "c/missing", "c/d",
};

static struct sandbox sandbox;
static unsigned seed;

static void open_sandbox(void)
{
	sandbox_open(&sandbox);
	for (size_t i = 0; i < REIN_COUNT(folders); i++)
		if (!strstr(folders[i], "missing"))
			sandbox_folder(&sandbox, folders[i]);
}

static void close_sandbox(void)
{
	sandbox_close(&sandbox);
}

TestSuite(random_views, .init = open_sandbox, .fini = close_sandbox, .timeout = 120);

static unsigned defined_access(const struct sandbox *s, const char *path)
{
	unsigned allow = 0, deny = 0;

	for (size_t i = 0; i < s->policy.paths.count; i++) {
		const struct rein_path_rule *rule = &s->policy.paths.items[i];

		if (!rein_path_within(path, rule->path))
			continue;
		if (rule->verdict == REIN_VERDICT_ALLOW)
			allow |= rule->list | (rule->list == REIN_ACCESS_WRITE ? REIN_ACCESS_READ : 0);
		else
			deny |= rule->list == REIN_ACCESS_READ ? 7 : rule->list;
	}
	return allow & ~deny;
}

static void add_random_rules(void)
{
	static const enum rein_access lists[] = {REIN_ACCESS_READ, REIN_ACCESS_WRITE, REIN_ACCESS_WRITE,
						 REIN_ACCESS_EXECUTE};

	sandbox.policy.paths.count = 0;
	for (int i = 0; i < RULES; i++) {
		const char *folder = folders[(unsigned)rand_r(&seed) % REIN_COUNT(folders)];
		enum rein_access list = lists[(unsigned)rand_r(&seed) % REIN_COUNT(lists)];

		if (rand_r(&seed) % 3)
			sandbox_allow(&sandbox, list, folder);
		else
			sandbox_deny(&sandbox, list, folder);
	}
}

/* Executable and not readable is readable to mounts and not listable to Landlock: nothing that can be told by folders.
 */
static bool tells(unsigned access)
{
	return (access & (REIN_ACCESS_READ | REIN_ACCESS_EXECUTE)) != REIN_ACCESS_EXECUTE;
}

static int agrees_with_the_kernel(const struct sandbox *s)
{
	for (size_t i = 0; i < REIN_COUNT(folders); i++) {
		const char *path = sandbox_path(s, folders[i]);
		unsigned access = defined_access(s, path);
		REIN_AUTO_FREE char *probe = NULL;
		REIN_AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (strstr(folders[i], "missing") || !tells(access))
			continue;
		if ((fd >= 0) != !!(access & REIN_ACCESS_READ) || asprintf(&probe, "%s/probe", path) < 0)
			return (int)i + 1;
		if (!mkdir(probe, 0755) != !!(access & REIN_ACCESS_WRITE))
			return (int)i + 101;
		rmdir(probe);
	}
	return 0;
}

static void explain(char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < sandbox.policy.paths.count && used < size; i++) {
		const struct rein_path_rule *rule = &sandbox.policy.paths.items[i];

		used += (size_t)snprintf(text + used, size - used, "%s %d %s; ",
					 rule->verdict == REIN_VERDICT_ALLOW ? "allow" : "deny", (int)rule->list,
					 rule->path + strlen(sandbox.scratch));
	}
}

static void expect_agreement(enum sandbox_with with)
{
	char rules[2048];
	int r;

	add_random_rules();
	explain(rules, sizeof(rules));
	r = sandbox_run(&sandbox, with, agrees_with_the_kernel);
	cr_assert_eq(r, 0, "%s: folder %s: %s%s", rules, r > 0 ? folders[(r - 1) % 100] : "?",
		     r > 100 ? "writing" : "reading", sandbox.text);
}

Test(random_views, mean_what_they_are_defined_to_mean)
{
	struct rein_error err;

	for (seed = 1; seed < 4000; seed++) {
		add_random_rules();
		cr_assert_eq(rein_view_compute(&sandbox.policy, NULL, &sandbox.plan.view, &err), 0);
		for (size_t i = 0; i < REIN_COUNT(folders); i++) {
			const char *path = sandbox_path(&sandbox, folders[i]);
			const struct rein_place *place = rein_view_find(&sandbox.plan.view, path);
			unsigned found = place ? place->access : 0;

			if (!strstr(folders[i], "missing"))
				cr_assert_eq(found, defined_access(&sandbox, path), "seed %u: %s", seed, path);
		}
		rein_view_free(&sandbox.plan.view);
	}
}

static void check_hinges(const struct rein_view *view)
{
	for (size_t i = 0; i + 1 < view->places.count; i++)
		cr_assert_lt(rein_path_compare(view->places.items[i].path, view->places.items[i + 1].path), 0);
	for (size_t i = 0; i < view->places.count; i++) {
		REIN_AUTO_FREE char *parent = strdup(view->places.items[i].path);
		const struct rein_place *above;

		*strrchr(parent, '/') = 0;
		above = *parent ? rein_view_find(view, parent) : NULL;
		if (above && (above->access & REIN_ACCESS_WRITE) && above->kind != REIN_PLACE_DEVICES)
			cr_assert_str_eq(above->path, parent, "%s hangs in the air", view->places.items[i].path);
	}
}

Test(random_views, hang_on_hinges)
{
	struct rein_error err;

	for (seed = 1; seed < 1000; seed++) {
		add_random_rules();
		cr_assert_eq(rein_view_compute(&sandbox.policy, NULL, &sandbox.plan.view, &err), 0);
		check_hinges(&sandbox.plan.view);
		rein_view_free(&sandbox.plan.view);
	}
}

Test(random_views, hold_with_mounts)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		seed = 10000 + round;
		expect_agreement(SANDBOX_MOUNTS);
	}
}

Test(random_views, hold_with_both)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		seed = 20000 + round;
		expect_agreement(SANDBOX_BOTH);
	}
}
