/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_PINS_H
#define REIN_MECH_BPF_PINS_H

#include "plan/machine.h"

/*
 * What the kernel keeps for all agents of this host, under BPFFS/rein: maps, the cgroup programs' links (attached once,
 * to the parent of all agents' cgroups), and the tracepoint programs, which are attached only while an agent needs
 * them. The first privileged launch, or `rein up`, puts it there; `rein down` takes it away.
 */

#define REIN_BPFFS "/sys/fs/bpf"
#define REIN_PINS REIN_BPFFS "/rein"
#define REIN_RUN_DIR "/run/rein"

enum rein_pinned_map {
	REIN_MAP_STATES, /* rein_states: slot -> struct rein_state, mmapable */
	REIN_MAP_SLOTS,	 /* rein_slots: cgroup id -> slot */
	REIN_MAP_RINGS,	 /* by slot, as the rest: the agent's ring buffer */
	REIN_MAP_TRIES,
	REIN_MAP_PORTS,
	REIN_MAP_PEERS,
	REIN_MAP_NAMES,
	REIN_MAP_TOLD,	 /* of threads, and no array: whether a refusal was told of */
	REIN_MAP_LABELS, /* with bpf-file only */
	REIN_MAP_TURN,	 /* the same; the build whose programs decide */
	REIN_MAP_COUNT,
};

/* Tracepoint programs, and which flags of struct rein_state need each. */
enum rein_trace_program {
	REIN_TRACE_ENTER,
	REIN_TRACE_EXIT,
	REIN_TRACE_EXEC,
	REIN_TRACE_FORK,
	REIN_TRACE_COUNT,
};

/* Names of a pinned thing and of what it is attached to. */
struct rein_pin_name {
	const char *name, *tracepoint;
	unsigned flags; /* enum rein_state_flag */
	bool optional;	/* not there where bpf-file does not work */
};

extern const struct rein_pin_name rein_map_pins[REIN_MAP_COUNT];
extern const struct rein_pin_name rein_trace_pins[REIN_TRACE_COUNT];

/* Pinned last, so that what lacks it is half a job; its layout never changes. */
struct rein_pins_config {
	uint32_t abi;	/* REIN_ABI of whoever loaded */
	uint32_t level; /* of the agents' cgroups */
	uint64_t parent_id;
	uint64_t build; /* of the programs: another's of the same ABI are replaced while no agent runs, else used. 0:
			   an update of them was cut short */
};

/* What has been found out about what is pinned. */
struct rein_pins_facts {
	uint32_t flavour;    /* enum rein_file_flavour of bpf-file's programs */
	uint32_t tried;	     /* flavours that were tried, a bit each */
	uint32_t file_links; /* how many are pinned */
	uint32_t fired;	     /* mechanisms whose self-test has fired what is pinned now, a bit each */
	uint64_t loaded_ns;  /* when what is pinned was loaded */
	char refusal[224];   /* why bpf-file has no flavour */
};

/* Descriptors of what is pinned, -1 where not open. */
struct rein_pins {
	struct rein_pins_config config;
	struct rein_pins_facts facts;
	int maps[REIN_MAP_COUNT];
	int programs[REIN_TRACE_COUNT];
};

#define REIN_PINS_NONE                                                                                      \
	{                                                                                                   \
		.maps = {[0 ... REIN_MAP_COUNT - 1] = -1}, .programs = {[0 ... REIN_TRACE_COUNT - 1] = -1}, \
	}

/* The lock under which pins, slots and the host-wide hooks change; close the descriptor to unlock. Mounts bpffs and
 * makes REIN_RUN_DIR if need be. */
int rein_pins_lock(struct rein_error *err);

/*
 * Opens what is pinned, checked to be whole, attached and of this ABI. `load`: what is missing, broken or attached to a
 * parent that is gone is loaded anew; -EBUSY if agents still use it. Without it: -ENOENT. Pins of another ABI:
 * -EPROTO. Call with the lock held; close with rein_pins_close. *ret_loaded, where wanted: it was loaded just now.
 */
int rein_pins_open(const struct rein_machine *machine, bool load, struct rein_pins *ret_pins, bool *ret_loaded,
		   struct rein_error *err);
/*
 * The same for `rein up`: what is of another build is replaced by this one's, under living agents too and without an
 * instant at which nothing judges what they do; an update that was cut short is completed.
 */
int rein_pins_renew(const struct rein_machine *machine, struct rein_pins *ret_pins, bool *ret_renewed,
		    struct rein_error *err);
void rein_pins_close(struct rein_pins *pins);

/* How many slots living supervisors hold; -errno. */
int rein_pins_agents(void);

/* Removes what is pinned in a folder, and it. Harmless where there is none. */
int rein_pins_remove_folder(const char *path, struct rein_error *err);

/* Detaches and removes everything; with the lock held. -EBUSY while agents live, 0 also where nothing was pinned. */
int rein_pins_remove(const struct rein_machine *machine, bool *ret_removed, struct rein_error *err);

#endif
