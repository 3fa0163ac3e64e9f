/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_LABEL_BPF_H
#define REIN_LABEL_BPF_H

#include <rein/label.h>

#include "hook.bpf.h"

/* What an agent's labels say about a file, a name, and everything above them. */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, REIN_SLOTS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_HASH);
			__uint(max_entries, 1);
			__uint(key_size, sizeof(struct rein_label_key));
			__uint(value_size, sizeof(struct rein_label));
		});
} rein_labels SEC(".maps");

#endif
