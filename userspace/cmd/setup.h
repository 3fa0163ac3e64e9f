/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_SETUP_H
#define REIN_CMD_SETUP_H

#include "agent/registry.h"
#include "base/vec.h"
#include "cmd/options.h"
#include "mech/mech.h"
#include "plan/plan.h"

/* From options to a plan: what `run`, `plan` and `check` have in common before anything is started. */
struct rein_setup {
	char *workspace, *tmpdir;	   /* real; owned */
	char *config_home, *installed_dir; /* owned; config_home may be NULL */
	struct rein_identity who;
	uid_t starter; /* the person at the keyboard: sudo's caller, else the caller. May thaw, reset and kill */
	struct rein_places places;
	struct rein_policy *policy;
	struct rein_machine machine;
	struct rein_plan plan;
	REIN_VEC(char *) guarded; /* rein's own folders and files; NULL-terminated once the plan is made */
	char *program;		  /* rein's own; owned */
};

/* Finds the workspace and the identity and loads the policy. The caller frees, also after an error. */
int rein_setup_load(const struct rein_options *options, struct rein_setup *ret_setup, struct rein_error *err);
/*
 * Then: probes the machine and makes the plan, which may refuse (setup->plan.refused). `digests`: compares whole files
 * with their sha256 at once, for who only plans; a launch does it itself, with what it then runs.
 */
int rein_setup_plan(const struct rein_options *options, bool digests, struct rein_setup *setup, struct rein_error *err);
void rein_setup_free(struct rein_setup *setup);

/* Where rein's own program is, without its name; NULL where /proc does not say. The caller frees it. */
char *rein_setup_program_folder(void);

#endif
