/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/labelled.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void labelled_open(struct labelled *labelled, const char *folder)
{
	sandbox_open(&labelled->sandbox);
	if (folder) {
		cr_assert_eq(rmdir(labelled->sandbox.scratch), 0);
		snprintf(labelled->sandbox.scratch, sizeof(labelled->sandbox.scratch), "%s/w", folder);
		cr_assert_eq(mkdir(labelled->sandbox.scratch, 0755), 0);
	}
	caged_open(&labelled->caged);
	caged_use_file(&labelled->caged);
	sandbox_allow(&labelled->sandbox, REIN_ACCESS_WRITE, "");
	sandbox_allow(&labelled->sandbox, REIN_ACCESS_EXECUTE, "");
}

static void start(struct labelled *labelled, bool trace)
{
	struct caged *caged = &labelled->caged;
	struct rein_error err = {0};

	caged->policy.paths.items = labelled->sandbox.policy.paths.items;
	caged->policy.paths.count = labelled->sandbox.policy.paths.count;
	if (rein_view_compute(&caged->policy, NULL, &caged->plan.view, &err) < 0)
		cr_assert_fail("%s", err.text);
	caged_start(caged, false, trace);
	cr_assert(caged->launch.state->flags & REIN_STATE_LABELS, "nothing to deny");
}

void labelled_start(struct labelled *labelled)
{
	start(labelled, false);
}

void labelled_start_traced(struct labelled *labelled)
{
	start(labelled, true);
}

void labelled_expect(struct labelled *labelled, int (*inside)(void *))
{
	int where = caged_run(&labelled->caged, inside, labelled);

	cr_assert_eq(where, 0, "failed near line %d", where - 1);
}

void labelled_close(struct labelled *labelled)
{
	if (labelled->caged.launch.state) {
		caged_stop(&labelled->caged);
		rein_view_free(&labelled->caged.plan.view);
	}
	sandbox_close(&labelled->sandbox);
}

bool opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
