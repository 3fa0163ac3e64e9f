/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_LOAD_FILE_H
#define REIN_MECH_BPF_LOAD_FILE_H

#include "mech/bpf_file_hooks.h"
#include "mech/bpf_pins.h"

/*
 * Loads bpf-file's programs in that flavour, attaches them and pins their links into the folder of this build, which it
 * makes; then it is this build's turn. Every map is shared with what is pinned. On error nothing of it is left.
 * *ret_links: how many.
 */
int rein_bpf_load_file(const struct rein_pins_config *config, enum rein_file_flavour flavour, uint32_t *ret_links,
		       struct rein_error *err);

/* How many links are pinned in that build's folder; what is no link of a hook does not count. -errno. */
int rein_bpf_file_links(uint64_t build, uint32_t *ret_links);

/* Whether that build's program for that hook is attached. */
bool rein_bpf_file_attached(uint64_t build, const char *hook);

/* Detaches that build's programs: removes its folder. Harmless where there is none. */
int rein_bpf_unload_file(uint64_t build, struct rein_error *err);

#endif
