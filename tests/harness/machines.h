/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_MACHINES_H
#define REIN_TESTS_MACHINES_H

#include "plan/plan.h"

/* Machines that never were: facts as the probes would have found them, for tests of what only thinks about them. */

/* 6.18 with root: all of tier B. */
struct rein_machine machine_root(void);
/* 6.18 with root and BPF trampolines: all of tier A. */
struct rein_machine machine_exact(void);
/* 6.18 without root: all of tier C, no delegated cgroup. */
struct rein_machine machine_user(void);
/* Debian 12's 6.1 without root: tier C, Landlock ABI 2. */
struct rein_machine machine_bookworm(void);
/* A container that forbids user namespaces, without root. */
struct rein_machine machine_walled(void);

/* A policy with nothing in it; the caller frees what it adds. */
struct rein_policy policy_empty(void);

/* Makes the plan or fails the test. Free with rein_plan_free. */
struct rein_plan plan_of(const struct rein_policy *policy, const struct rein_machine *machine,
			 const struct rein_plan_options *options);
/* The first line whose words contain `what`; fails the test if there is none. */
const struct rein_plan_line *line_with(const struct rein_plan *plan, const char *what);

#endif
