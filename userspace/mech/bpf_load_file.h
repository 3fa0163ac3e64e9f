/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_LOAD_FILE_H
#define REIN_MECH_BPF_LOAD_FILE_H

#include "mech/bpf_file_hooks.h"
#include "mech/bpf_pins.h"

/*
 * Loads bpf-file's programs in that flavour, attaches them and pins their links into the folder of this build, which it
 * makes. They let everything pass until it is their turn. Every map is shared with what is pinned. On error nothing of
 * it is left. *ret_links: how many.
 */
int rein_bpf_load_file(const struct rein_pins_config *config, enum rein_file_flavour flavour, uint32_t *ret_links,
		       struct rein_error *err);

/*
 * From here on this build's programs decide, and no others. Where others did, there is no instant at which none does,
 * and no operation that both do.
 */
int rein_bpf_file_take_turn(const struct rein_pins_config *config, struct rein_error *err);
/* The build whose turn it is; 0: nobody's. */
uint64_t rein_bpf_file_turn(void);

/* The name of the folder of a build's links in REIN_PINS. */
#define REIN_FILE_FOLDER "file-"
void rein_bpf_file_folder(uint64_t build, char *ret_name, size_t size);

/* Whether that build's program for that hook is attached. */
bool rein_bpf_file_attached(uint64_t build, const char *hook);

/* Detaches that build's programs: removes its folder. Harmless where there is none. */
int rein_bpf_unload_file(uint64_t build, struct rein_error *err);

#endif
