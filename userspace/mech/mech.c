/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/mech.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mech/bpf_file.h"
#include "mech/bpf_net.h"
#include "mech/bpf_trace.h"
#include "mech/cgroup.h"
#include "mech/landlock.h"
#include "mech/namespaces.h"
#include "mech/privileges.h"
#include "mech/rlimits.h"
#include "mech/seccomp.h"

/*
 * The order is the order of privilege: what needs the most comes first, and the filter that forbids the others' system
 * calls comes last. Seccomp also stands for the broker: the broker's listener is born with the filter. Placeholders for
 * what is denied and missing come with the namespaces; bpf-file labels them.
 */
const struct rein_mech *const rein_mechanisms[] = {
	&rein_mech_cgroup,  &rein_mech_bpf_net,	   &rein_mech_bpf_trace, &rein_mech_namespaces, &rein_mech_bpf_file,
	&rein_mech_rlimits, &rein_mech_privileges, &rein_mech_landlock,	 &rein_mech_seccomp,	NULL,
};

void rein_mechanisms_probe(struct rein_machine *ret_machine)
{
	struct utsname name = {0};

	memset(ret_machine, 0, sizeof(*ret_machine));
	if (!uname(&name))
		memcpy(ret_machine->kernel, name.release, sizeof(ret_machine->kernel));
	ret_machine->uid = geteuid();
	ret_machine->privileged = rein_privileges_full();
	for (const struct rein_mech *const *m = rein_mechanisms; *m; m++)
		(*m)->probe(ret_machine);
	ret_machine->facts[REIN_MECH_SUPERVISOR].works = true;
	ret_machine->tier = rein_machine_tier(ret_machine);
}

int rein_mechanisms_prepare(struct rein_launch *launch, struct rein_error *err)
{
	for (const struct rein_mech *const *m = rein_mechanisms; *m; m++) {
		int r;

		if (!launch->plan->use[(*m)->kind] || !(*m)->prepare)
			continue;
		r = (*m)->prepare(launch, err);
		if (r < 0) {
			while (m-- != rein_mechanisms)
				if (launch->plan->use[(*m)->kind] && (*m)->release)
					(*m)->release(launch);
			return r;
		}
	}
	return 0;
}

int rein_mechanisms_apply(struct rein_launch *launch, enum rein_stage stage, struct rein_error *err)
{
	for (const struct rein_mech *const *m = rein_mechanisms; *m; m++) {
		int r;

		if (!launch->plan->use[(*m)->kind] || !(*m)->apply)
			continue;
		r = (*m)->apply(launch, stage, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void rein_mechanisms_release(struct rein_launch *launch)
{
	size_t n = 0;

	while (rein_mechanisms[n])
		n++;
	while (n-- > 0)
		if (launch->plan->use[rein_mechanisms[n]->kind] && rein_mechanisms[n]->release)
			rein_mechanisms[n]->release(launch);
}
