/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_FILE_H
#define REIN_MECH_BPF_FILE_H

#include "mech/mech.h"

extern const struct rein_mech rein_mech_bpf_file;

#endif
