/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_net.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "mech/bpf_load.h"
#include "mech/bpf_selftest.h"
#include "mech/bpf_slot.h"
#include "mech/net_install.h"
#include "mech/net_table.h"

static int fill_trie(int fd, const struct rein_net_table *table)
{
	for (size_t i = 0; i < table->rows.count; i++)
		if (bpf_map_update_elem(fd, &table->rows.items[i].key, &table->rows.items[i].entry, BPF_NOEXIST))
			return -errno;
	return 0;
}

static int fill_ports(int fd, const struct rein_net_table *table)
{
	for (uint32_t i = 0; i < table->bitmaps.count; i++)
		if (bpf_map_update_elem(fd, &i, &table->bitmaps.items[i], BPF_ANY))
			return -errno;
	return 0;
}

static bool has_udp(const struct rein_net_table *table)
{
	for (size_t i = 0; i < table->rows.count; i++)
		if (table->rows.items[i].key.protocol == IPPROTO_UDP)
			return true;
	return false;
}

static int install_trie(struct rein_slot *slot, const struct rein_net_table *table, struct rein_error *err)
{
	REIN_AUTO_FD int trie = rein_bpf_make_trie((unsigned)table->rows.count);
	int r = trie < 0 ? -errno : fill_trie(trie, table);

	if (r < 0)
		return rein_fail(err, -r, "cannot enter the network rules: %s", strerror(-r));
	return rein_slot_set(slot, REIN_MAP_TRIES, rein_take_fd(&trie), err);
}

static int install_ports(struct rein_slot *slot, const struct rein_net_table *table, struct rein_error *err)
{
	REIN_AUTO_FD int ports = rein_bpf_make_ports((unsigned)table->bitmaps.count);
	int r = ports < 0 ? -errno : fill_ports(ports, table);

	if (r < 0)
		return rein_fail(err, -r, "cannot enter the ports of network rules: %s", strerror(-r));
	return rein_slot_set(slot, REIN_MAP_PORTS, rein_take_fd(&ports), err);
}

/* Each map that goes in costs a grace period of the kernel's, so only what the rules need does. */
int rein_net_install(struct rein_slot *slot, const struct rein_net_table *table, struct rein_error *err)
{
	int r = 0;

	if (table->bitmaps.count)
		r = install_ports(slot, table, err);
	if (!r && has_udp(table))
		r = rein_slot_set(slot, REIN_MAP_PEERS, rein_bpf_make_peers(), err);
	if (!r && table->rows.count)
		r = install_trie(slot, table, err);
	return r;
}

static bool names_udp(const struct rein_policy *policy)
{
	for (size_t i = 0; i < policy->hosts.count; i++)
		if (policy->hosts.items[i].protocol == IPPROTO_UDP)
			return true;
	return false;
}

/* The supervisor fills it as it answers. */
static int install_names(struct rein_launch *launch, struct rein_slot *slot, struct rein_error *err)
{
	REIN_AUTO_FD int names = rein_bpf_make_names(REIN_NAMED_MAX);
	int copy = names < 0 ? -1 : fcntl(names, F_DUPFD_CLOEXEC, 3);
	int r;

	if (copy < 0)
		return rein_fail_errno(err, "cannot make the map of addresses that names bring");
	r = rein_slot_set(slot, REIN_MAP_NAMES, rein_take_fd(&names), err);
	if (!r && names_udp(launch->policy) && !(slot->inner & 1U << REIN_MAP_PEERS))
		r = rein_slot_set(slot, REIN_MAP_PEERS, rein_bpf_make_peers(), err);
	if (r < 0)
		close(copy);
	else
		launch->names_fd = copy;
	return r;
}

static void release(struct rein_launch *launch)
{
	if (launch->plan->names && launch->names_fd >= 0)
		close(rein_take_fd(&launch->names_fd));
	rein_slot_leave(launch, REIN_MECH_BPF_NET);
}

static int prepare(struct rein_launch *launch, struct rein_error *err)
{
	struct rein_net_table table = {0};
	struct rein_slot *slot = NULL;
	int r;

	launch->names_fd = -1;
	r = rein_net_table_make(launch->policy, &table, err);

	if (!r)
		r = rein_slot_enter(launch, REIN_MECH_BPF_NET, &slot, err);
	if (!r)
		r = rein_net_install(slot, &table, err);
	if (!r && launch->plan->names)
		r = install_names(launch, slot, err);
	rein_net_table_free(&table);
	if (r < 0) {
		release(launch);
		return r;
	}
	/* Nobody is in the cgroup yet: the supervisor compiles the breakers before it clones. */
	rein_slot_ready(slot, REIN_STATE_NET);
	return 0;
}

const struct rein_mech rein_mech_bpf_net = {
	.kind = REIN_MECH_BPF_NET,
	.probe = rein_bpf_selftest_net,
	.prepare = prepare,
	.release = release,
};
