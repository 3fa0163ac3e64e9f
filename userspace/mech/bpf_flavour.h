/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_FLAVOUR_H
#define REIN_MECH_BPF_FLAVOUR_H

#include "mech/bpf_load_file.h"

/*
 * As what does this kernel take the decision programs of bpf-file? Both ways can load and attach without an error and
 * never fire, so each is tried once, what the kernel says about itself first, and the self-test judges.
 */

/*
 * Loads bpf-file in the next way that has not been tried, and remembers that in the pinned facts. `unfired`: why the
 * one that is loaded is no good; it is unloaded first. Where none is left, facts->flavour is REIN_FILE_NONE and
 * facts->refusal says why: no error. With the pins' lock held.
 */
int rein_flavour_next(const struct rein_pins_config *config, struct rein_pins_facts *facts, const char *unfired,
		      struct rein_error *err);

/* The same without remembering anything, or unloading what is there. facts->flavour is REIN_FILE_NONE before. */
void rein_flavour_try(const struct rein_pins_config *config, struct rein_pins_facts *facts);

/* -EOPNOTSUPP: on this kernel, as it is set now, programs of that flavour may be skipped, although they fire. */
int rein_flavour_check(enum rein_file_flavour flavour, struct rein_error *err);

/*
 * Whether kernel.ftrace_enabled is 0: trampolines that are attached may not run then, and a kernel that attaches one
 * may not come back, so nothing is tried.
 */
bool rein_flavour_trampolines_off(void);

#endif
