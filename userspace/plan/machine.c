/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/machine.h"

#include "base/cleanup.h"

static const char *const mechanisms[REIN_MECH_COUNT] = {
	[REIN_MECH_NONE] = "none",	 [REIN_MECH_NAMESPACES] = "namespaces", [REIN_MECH_LANDLOCK] = "landlock",
	[REIN_MECH_SECCOMP] = "seccomp", [REIN_MECH_PRIVILEGES] = "privileges", [REIN_MECH_RLIMITS] = "rlimits",
	[REIN_MECH_CGROUP] = "cgroup",	 [REIN_MECH_BPF_FILE] = "bpf-file",	[REIN_MECH_BPF_TRACE] = "bpf-trace",
	[REIN_MECH_BPF_NET] = "bpf-net", [REIN_MECH_BROKER] = "broker",		[REIN_MECH_SUPERVISOR] = "supervisor",
	[REIN_MECH_KMOD] = "kmod",
};

static const char *const tiers[] = {
	[REIN_TIER_NONE] = "none", [REIN_TIER_C] = "C", [REIN_TIER_B] = "B", [REIN_TIER_A] = "A", [REIN_TIER_K] = "K",
};

/* What each tier needs beyond the one below it, weakest first. Landlock is not among tier C's: mounts keep the same
 * paths, and the lines that need Landlock say so. */
#define NEEDS(mechanism) (1u << REIN_MECH_##mechanism)
static const struct {
	enum rein_tier tier;
	unsigned needs;
} steps[] = {
	{REIN_TIER_C, NEEDS(NAMESPACES) | NEEDS(SECCOMP) | NEEDS(PRIVILEGES)},
	{REIN_TIER_B, NEEDS(CGROUP) | NEEDS(BPF_TRACE) | NEEDS(BPF_NET)},
	{REIN_TIER_A, NEEDS(BPF_FILE)},
	{REIN_TIER_K, NEEDS(KMOD)},
};

const char *rein_mechanism_name(enum rein_mechanism mechanism)
{
	return (size_t)mechanism < REIN_COUNT(mechanisms) ? mechanisms[mechanism] : "unknown";
}

const char *rein_tier_name(enum rein_tier tier)
{
	return (size_t)tier < REIN_COUNT(tiers) ? tiers[tier] : "unknown";
}

static unsigned working(const struct rein_machine *machine)
{
	unsigned works = 0;

	for (int i = 0; i < REIN_MECH_COUNT; i++)
		works |= machine->facts[i].works ? 1u << i : 0;
	return works;
}

enum rein_tier rein_machine_tier(const struct rein_machine *machine)
{
	enum rein_tier tier = REIN_TIER_NONE;
	unsigned works = working(machine);

	for (size_t i = 0; i < REIN_COUNT(steps) && (steps[i].needs & ~works) == 0; i++)
		tier = steps[i].tier;
	return tier;
}

static bool untraced(const struct rein_machine *machine)
{
	return !machine->facts[REIN_MECH_BPF_TRACE].works;
}

static bool unlistened(const struct rein_machine *machine)
{
	return !machine->facts[REIN_MECH_BROKER].works;
}

static bool unwatched_packets(const struct rein_machine *machine)
{
	return !machine->facts[REIN_MECH_BPF_NET].works;
}

static bool everywhere(const struct rein_machine *machine)
{
	return true;
}

static const struct rein_blind_spot blind_spots[] = {
	{untraced, "paths",
	 "a path that Landlock or a read-only mount refuses is refused without a record: only bpf-trace, which needs "
	 "root, sees it"},
	{unwatched_packets, "datagrams",
	 "a datagram sent without connect() to an undeclared address is lost without a record: only bpf-net, which "
	 "needs root, sees it"},
	{unlistened, "system calls",
	 "a system call that no line names fails without a record: this kernel has no seccomp user notification"},
	{everywhere, "foreign ABIs",
	 "a system call of a foreign ABI (x32, int 0x80) kills its process before anything can record it"},
};

const struct rein_blind_spot *rein_machine_blind_spot(const struct rein_machine *machine,
						      const struct rein_blind_spot *previous)
{
	size_t i = previous ? (size_t)(previous - blind_spots) + 1 : 0;

	while (i < REIN_COUNT(blind_spots) && !blind_spots[i].here(machine))
		i++;
	return i < REIN_COUNT(blind_spots) ? &blind_spots[i] : NULL;
}
