/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_net.h"

#include <bpf/bpf.h>
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

static void release(struct rein_launch *launch)
{
	rein_slot_leave(launch, REIN_MECH_BPF_NET);
}

static int prepare(struct rein_launch *launch, struct rein_error *err)
{
	struct rein_net_table table = {0};
	struct rein_slot *slot = NULL;
	int r = rein_net_table_make(launch->policy, &table, err);

	if (!r)
		r = rein_slot_enter(launch, REIN_MECH_BPF_NET, &slot, err);
	if (!r)
		r = rein_net_install(slot, &table, err);
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
