/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "mech/seccomp.h"
#include "mech/syscall_conditions.h"
#include "mech/syscall_groups.h"

static const char *const groups[] = {
	"@default", "@basic", "@file", "@poll", "@process", "@ids", "@network", "@ipc", "@sandbox", "@debug", "@numa",
};

Test(syscall_groups, every_group_holds_calls)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		cr_assert_not_null(rein_syscall_group(groups[i]), "%s", groups[i]);
	cr_assert_null(rein_syscall_group("@nothing"));
}

#if defined(__x86_64__)
Test(syscall_groups, every_member_has_a_number)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (const char *const *name = rein_syscall_group(groups[i]); *name; name++)
			cr_assert(rein_seccomp_knows(*name), "%s in %s", *name, groups[i]);
}

Test(syscall_groups, every_watched_call_has_a_number)
{
	for (const struct rein_watched_call *row = rein_watched_calls; row->name; row++)
		cr_assert_geq(rein_syscall_number(row->name), 0, "%s", row->name);
}

Test(syscall_groups, numbers_are_the_kernels)
{
	cr_assert_eq(rein_syscall_number("read"), 0);
	cr_assert_eq(rein_syscall_number("landlock_restrict_self"), 446);
	cr_assert_eq(rein_syscall_number("fchmodat2"), 452);
	cr_assert_eq(rein_syscall_number("mseal"), 462);
	cr_assert_str_eq(rein_syscall_name(463), "setxattrat");
	cr_assert_str_eq(rein_syscall_name(59), "execve");
}
#endif

static void forbid(void *context, int nr)
{
	const char *name = rein_syscall_name(nr);

	cr_assert_null(rein_syscall_never(name), "%s is in @default and can never be allowed", name);
}

Test(syscall_groups, default_holds_nothing_that_is_never_allowed)
{
	rein_syscall_expand("@default", forbid, NULL);
	rein_syscall_expand("@debug", forbid, NULL);
	rein_syscall_expand("@numa", forbid, NULL);
}

/* Who is refused by arguments is told why. */
Test(syscall_groups, every_condition_has_a_reason)
{
	for (int nr = 0; nr < REIN_CALLS_MAX; nr++) {
		const char *name = rein_syscall_name(nr);
		struct rein_case_vec cases = {0};

		cr_assert(!name || !rein_call_cases(name, 0, 0, &cases));
		if (name && (cases.count != 1 || cases.items[0].nr_tests))
			cr_assert_not_null(rein_call_condition(name), "%s", name);
		rein_vec_free(&cases);
	}
}

Test(syscall_groups, unknown_names_are_unknown)
{
	cr_assert_not(rein_seccomp_knows("no_such_call"));
	cr_assert_not(rein_seccomp_knows("@no_such_group"));
	cr_assert_not(rein_seccomp_knows(""));
	cr_assert_not(rein_seccomp_knows("_llseek"), "of 32-bit machines only");
	cr_assert_null(rein_syscall_name(-1));
	cr_assert_null(rein_syscall_name(REIN_CALLS_MAX));
}

Test(syscall_groups, io_uring_and_aio_look_absent)
{
	static const char *const absent[] = {"io_uring_setup", "io_uring_enter", "io_setup",
					     "io_submit",      "clone3",	 "openat2"};

	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		const struct rein_syscall_never *never = rein_syscall_never(absent[i]);

		cr_assert(never && never->absent, "%s", absent[i]);
	}
}
