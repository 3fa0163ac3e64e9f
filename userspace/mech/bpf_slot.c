/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_slot.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "mech/bpf_links.h"
#include "mech/bpf_load.h"

/* A launch's slot, what attaches the programs that look at it, and what stood in launch->state before. */
struct entry {
	struct rein_slot slot;
	struct rein_links links;
	struct rein_state *before;
};

const struct rein_slot rein_slot_none = {.pins = REIN_PINS_NONE, .lock_fd = -1, .number = -1, .ring_fd = -1};

int rein_slots_open(struct rein_error *err)
{
	int fd = open(REIN_RUN_DIR "/slots", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? rein_fail_errno(err, "cannot open " REIN_RUN_DIR "/slots") : fd;
}

static struct flock lock_of(int number)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = number, .l_len = 1};
}

/* Another version may have more slots. */
static int held_beyond(int fd)
{
	struct flock rest = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = REIN_SLOTS, .l_len = 0};

	return fcntl(fd, F_OFD_GETLK, &rest) ? -errno : rest.l_type != F_UNLCK;
}

int rein_slots_held(int fd)
{
	int held = held_beyond(fd);

	for (int i = 0; held >= 0 && i < REIN_SLOTS; i++) {
		struct flock lock = lock_of(i);

		if (fcntl(fd, F_OFD_GETLK, &lock))
			return -errno;
		held += lock.l_type != F_UNLCK;
	}
	return held;
}

static int lock_any(int fd)
{
	for (int i = 0; i < REIN_SLOTS; i++) {
		struct flock lock = lock_of(i);

		if (!fcntl(fd, F_OFD_SETLK, &lock))
			return i;
	}
	return -EUSERS;
}

#define INNER_MAPS                                                                                   \
	(1U << REIN_MAP_RINGS | 1U << REIN_MAP_TRIES | 1U << REIN_MAP_PORTS | 1U << REIN_MAP_PEERS | \
	 1U << REIN_MAP_NAMES | 1U << REIN_MAP_LABELS)

/*
 * The cgroup first: what is still inside is refused from then on. The kernel waits out a grace period of some
 * milliseconds for each change of an inner map, so only those that are there are taken out.
 */
static void clear(struct rein_slot *slot, unsigned inner)
{
	uint32_t number = (uint32_t)slot->number, is;
	uint64_t id = slot->state->cgroup_id;

	if (id && !bpf_map_lookup_elem(slot->pins.maps[REIN_MAP_SLOTS], &id, &is) && is == number)
		bpf_map_delete_elem(slot->pins.maps[REIN_MAP_SLOTS], &id);
	for (size_t i = 0; i < REIN_MAP_COUNT; i++)
		if (inner & 1U << i && slot->pins.maps[i] >= 0)
			bpf_map_delete_elem(slot->pins.maps[i], &number);
	memset(slot->state, 0, sizeof(*slot->state));
}

static int map_state(struct rein_slot *slot, struct rein_error *err)
{
	void *page = mmap(NULL, sizeof(struct rein_state), PROT_READ | PROT_WRITE, MAP_SHARED,
			  slot->pins.maps[REIN_MAP_STATES], (off_t)slot->number * (off_t)sizeof(struct rein_state));

	if (page == MAP_FAILED)
		return rein_fail_errno(err, "cannot map the agent's state");
	slot->state = page;
	return 0;
}

int rein_slot_set(struct rein_slot *slot, enum rein_pinned_map map, int fd, struct rein_error *err)
{
	REIN_AUTO_FD int owned = fd;
	uint32_t number = (uint32_t)slot->number;

	if (owned < 0 || bpf_map_update_elem(slot->pins.maps[map], &number, &owned, BPF_ANY))
		return rein_fail_errno(err, "cannot make the agent's part of %s", rein_map_pins[map].name);
	slot->inner |= 1U << map;
	return 0;
}

static int fill(struct rein_slot *slot, struct rein_error *err)
{
	uint32_t number = (uint32_t)slot->number;

	slot->state->slot = number;
	slot->state->cgroup_id = slot->cgroup_id;
	slot->state->tracer = slot->pins.config.build;
	if (bpf_map_update_elem(slot->pins.maps[REIN_MAP_SLOTS], &slot->cgroup_id, &number, BPF_ANY))
		return rein_fail_errno(err, "cannot enter the agent into rein_slots");
	return 0;
}

static int make_ring(struct rein_slot *slot, struct rein_error *err)
{
	int copy;

	slot->ring_fd = rein_bpf_make_ring();
	copy = slot->ring_fd < 0 ? -1 : fcntl(slot->ring_fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return rein_fail_errno(err, "cannot make the agent's ring buffer");
	return rein_slot_set(slot, REIN_MAP_RINGS, copy, err);
}

void rein_slot_release(struct rein_slot *slot)
{
	if (slot->state) {
		clear(slot, slot->inner);
		munmap(slot->state, sizeof(*slot->state));
	}
	if (slot->ring_fd >= 0)
		close(slot->ring_fd);
	rein_pins_close(&slot->pins);
	if (slot->lock_fd >= 0)
		close(slot->lock_fd);
	*slot = rein_slot_none;
}

int rein_slot_claim(struct rein_pins *pins, uint64_t cgroup_id, struct rein_slot *ret_slot, struct rein_error *err)
{
	struct rein_slot slot = {.pins = *pins, .cgroup_id = cgroup_id, .ring_fd = -1};
	int r = 0;

	*pins = (struct rein_pins)REIN_PINS_NONE;
	slot.lock_fd = rein_slots_open(err);
	slot.number = slot.lock_fd < 0 ? slot.lock_fd : lock_any(slot.lock_fd);
	if (slot.lock_fd >= 0 && slot.number < 0)
		rein_fail(err, EUSERS, "%d agents run on this host, and more it cannot hold", REIN_SLOTS);
	r = slot.number < 0 ? slot.number : map_state(&slot, err);
	if (!r) {
		if (slot.state->cgroup_id) /* of what a dead holder left; who lives to the end clears it */
			clear(&slot, INNER_MAPS);
		r = fill(&slot, err);
	}
	if (r < 0) {
		rein_slot_release(&slot);
		return r;
	}
	*ret_slot = slot;
	return 0;
}

void rein_slot_ready(struct rein_slot *slot, uint32_t flags)
{
	__atomic_fetch_or(&slot->state->flags, flags, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->state->abi, REIN_ABI, __ATOMIC_RELEASE);
}

static struct entry *entry_of(const struct rein_launch *launch)
{
	return launch->of[REIN_MECH_BPF_NET] ?: launch->of[REIN_MECH_BPF_FILE] ?: launch->of[REIN_MECH_BPF_TRACE];
}

static void release_entry(struct entry *entry)
{
	rein_slot_release(&entry->slot);
	rein_links_close(&entry->links);
}

static int claim_entry(struct rein_launch *launch, struct entry *entry, struct rein_error *err)
{
	struct rein_pins pins = REIN_PINS_NONE;
	REIN_AUTO_FD int lock = rein_pins_lock(err);
	int r = lock < 0 ? lock : rein_pins_open(launch->machine, true, &pins, NULL, err);

	if (r < 0)
		return r;
	r = rein_links_open(&pins, &entry->links, err);
	if (!r)
		r = rein_slot_claim(&pins, launch->cgroup_id, &entry->slot, err);
	if (!r)
		r = make_ring(&entry->slot, err);
	rein_pins_close(&pins); /* what no claim has taken over */
	if (r < 0) {
		release_entry(entry);
		return r;
	}
	entry->before = launch->state;
	launch->state = entry->slot.state;
	launch->slot = entry->slot.number;
	launch->ring_fd = entry->slot.ring_fd;
	return 0;
}

static struct entry *make_entry(void)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry)
		entry->slot = rein_slot_none;
	return entry;
}

int rein_slot_enter(struct rein_launch *launch, enum rein_mechanism mechanism, struct rein_slot **ret_slot,
		    struct rein_error *err)
{
	struct entry *entry = entry_of(launch);
	int r = 0;

	if (!launch->cgroup_id)
		return rein_fail(err, EINVAL, "bpf finds an agent by its cgroup, and this one has none");
	if (!entry) {
		entry = make_entry();
		r = entry ? claim_entry(launch, entry, err) : rein_fail(err, ENOMEM, "no memory for the agent's slot");
	}
	if (r < 0) {
		free(entry);
		return r;
	}
	entry->slot.users++;
	launch->of[mechanism] = entry;
	*ret_slot = &entry->slot;
	return 0;
}

void rein_slot_leave(struct rein_launch *launch, enum rein_mechanism mechanism)
{
	struct entry *entry = rein_take_pointer(&launch->of[mechanism]);

	if (!entry || --entry->slot.users > 0)
		return;
	if (entry->before)
		memcpy(entry->before, entry->slot.state, sizeof(*entry->before));
	launch->state = entry->before;
	launch->slot = -1;
	launch->ring_fd = -1;
	release_entry(entry);
	free(entry);
}

int rein_slot_follow(struct rein_launch *launch, struct rein_error *err)
{
	struct entry *entry = entry_of(launch);

	if (!entry)
		return rein_fail(err, EALREADY, "%s runs without BPF programs", launch->id);
	return rein_links_follow(&entry->slot.pins, &entry->links, err);
}
