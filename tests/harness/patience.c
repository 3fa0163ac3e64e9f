/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/internal/ordered-set.h>
#include <stdlib.h>

/*
 * REIN_SLOW=N says that this machine is N times slower than a person's, as an emulated one is. What only guards against
 * a hang waits N times longer: Criterion's timeouts, the harness itself, and bounds on time that are there to tell
 * quick from never. No count, byte or rate may depend on it.
 */

int harness_slow(void)
{
	const char *text = getenv("REIN_SLOW");
	int slow = text ? atoi(text) : 1;

	return slow > 1 ? slow : 1;
}

static void prolong(struct criterion_test_extra_data *data)
{
	if (data)
		data->timeout *= harness_slow();
}

static void prolong_suite(struct criterion_suite_set *suite)
{
	prolong(suite->suite.data);
	FOREACH_SET (struct criterion_test *test, suite->tests)
		prolong(test->data);
}

/* Before anything runs, in the process that keeps the time. */
ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
	FOREACH_SET (struct criterion_suite_set *suite, set->suites)
		prolong_suite(suite);
}
