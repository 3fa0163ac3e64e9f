/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_OBJECT_H
#define REIN_MECH_BPF_OBJECT_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>

#include "base/error.h"

/* What loading any of rein's BPF objects needs. */

/* Keeps libbpf from talking to stderr: the first thing it warns of from here on goes into rein_object_fail's text. */
void rein_object_listen(void);
/* "cannot load WHAT: ..."; `r` is what libbpf returned. */
int rein_object_fail(struct rein_error *err, int r, const char *what);

/* Before the load: every map is shared with the other objects, and with later builds, by its pin's name. What is pinned
 * already is taken over; -errno of libbpf. */
int rein_object_share_maps(struct bpf_object *object);

/* Pins into REIN_PINS/FOLDER (NULL: REIN_PINS itself) under the program's name, in one step instead of what is pinned
 * there. -errno. */
int rein_object_pin_program(struct bpf_program *program, const char *folder);
/* The same for a link, which is then the pin's alone; takes `link` over, NULL with errno set too. */
int rein_object_pin_link(struct bpf_link *link, const char *name, const char *folder);

/* Opens a pinned link (enum bpf_link_type) that is attached, if to a cgroup then to that one; otherwise -1. */
int rein_object_open_link(const char *folder, const char *name, uint32_t type, uint64_t cgroup_id);

/* Attaches a cgroup program and pins its link into REIN_PINS. Where a link of that name is pinned and attached to that
 * cgroup, the program takes the place of the one it runs, in one step. -errno. */
int rein_object_attach_cgroup(struct bpf_program *program, int cgroup);
/* Waits until every program that was running when this was called has ended; -errno. */
int rein_object_wait_grace(void);

/* Whether this kernel has that function to attach to. */
bool rein_object_has_function(const struct btf *kernel, const char *function);
/* The place of a function's parameter, counted from 0. -ENOENT. */
int rein_object_parameter(const struct btf *kernel, const char *function, const char *parameter);

#endif
