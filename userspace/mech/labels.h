/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_LABELS_H
#define REIN_MECH_LABELS_H

#include "mech/label_tree.h"
#include "mech/mech.h"

/* The labels of one agent: what its view denies inside of what it allows, as bpf-file looks it up. */

struct rein_labels {
	struct rein_label_tree tree; /* keeps the inodes, and with them their numbers, while the agent lives */
};

/* Whether the launch's policy denies something that labels can keep: then its state gets REIN_STATE_LABELS. */
bool rein_labels_wanted(const struct rein_launch *launch);

/*
 * Makes the agent's map of labels, to be put into its slot before the agent starts. Placeholders for what is denied and
 * missing must stand by then. Returns the descriptor, which the caller closes; the caller frees *ret_labels with
 * rein_labels_free when the agent is gone. Errors name the line.
 */
int rein_labels_make(const struct rein_launch *launch, struct rein_labels *ret_labels, struct rein_error *err);
void rein_labels_free(struct rein_labels *labels);

#endif
