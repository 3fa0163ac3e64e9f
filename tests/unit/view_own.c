/* SPDX-License-Identifier: GPL-2.0 */
/* rein's own program in the view: everybody may run it, and nobody change it. */
#include <criterion/criterion.h>
#include <string.h>

#include "harness/sandbox.h"
#include "plan/view.h"

#define R REIN_ACCESS_READ
#define W REIN_ACCESS_WRITE
#define X REIN_ACCESS_EXECUTE

static struct sandbox sandbox;
static struct rein_view view;
static struct rein_error err;
static const char *guarded[2];
static struct rein_view_own own;

static void open_scratch(void)
{
	sandbox_open(&sandbox);
	sandbox.policy.paths.count = 0; /* each test says all that it allows */
	sandbox_file(&sandbox, "opt/rein", "");
	guarded[0] = NULL;
	own = (struct rein_view_own){.guarded = guarded, .program = sandbox_path(&sandbox, "opt/rein")};
}

static void close_scratch(void)
{
	rein_view_free(&view);
	sandbox_close(&sandbox);
}

TestSuite(view_own, .init = open_scratch, .fini = close_scratch);

static int compute(void)
{
	rein_view_free(&view);
	memset(&err, 0, sizeof(err));
	return rein_view_compute(&sandbox.policy, &own, &view, &err);
}

/* What the place that decides about `path` gives; ~0: none does. */
static unsigned access_to(const char *path)
{
	const struct rein_place *place = rein_view_find(&view, sandbox_path(&sandbox, path));

	return place ? place->access : ~0U;
}

Test(view_own, is_there_where_nothing_is)
{
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_expect_eq(access_to("opt/rein"), (unsigned)(R | X));
	cr_expect_eq(access_to("opt"), ~0U);
	cr_expect_eq(access_to("opt/other"), ~0U);
}

Test(view_own, can_be_run_where_what_surrounds_it_cannot)
{
	sandbox_allow(&sandbox, R, "opt");
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_expect_eq(access_to("opt/rein"), (unsigned)(R | X));
	cr_expect_eq(access_to("opt/other"), (unsigned)R);
}

Test(view_own, no_policy_may_write_it)
{
	sandbox_allow(&sandbox, W, "opt");
	cr_assert_neq(compute(), 0);
	cr_expect(strstr(err.text, "rein's own"), "%s", err.text);
	sandbox_deny(&sandbox, W, "opt/rein");
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_expect_eq(access_to("opt/rein"), (unsigned)(R | X));
	cr_expect_eq(access_to("opt/other"), (unsigned)(R | W));
}

Test(view_own, a_denial_wins)
{
	sandbox_allow(&sandbox, R, "opt");
	sandbox_deny(&sandbox, R, "opt/rein");
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_expect_eq(access_to("opt/rein"), 0U);
}

Test(view_own, stays_hidden_in_what_is_guarded)
{
	guarded[0] = sandbox_path(&sandbox, "opt");
	sandbox_allow(&sandbox, R, "opt");
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_expect(access_to("opt/rein") == 0U || access_to("opt/rein") == ~0U, "%u", access_to("opt/rein"));
}
