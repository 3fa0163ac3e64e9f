/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/remains.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/harness.h"
#include "mech/bpf_slot.h"
#include "mech/cgroup.h"

#define PATIENCE_NS 20000000000ULL

static const char *const names[REMAINS_COUNT] = {
	"BPF programs",
	"BPF maps",
	"BPF links",
	"bytes of BPF maps",
	"entries of BPF maps",
	"runs that were skipped",
	"slots",
	"cgroups",
	"mounts",
	"warnings of the kernel",
};

static bool is_ours(const char *name)
{
	return strncmp(name, "rein_", 5) == 0;
}

static void count_programs(struct remains *remains)
{
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		REIN_AUTO_FD int fd = bpf_prog_get_fd_by_id(id);
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || !is_ours(info.name))
			continue;
		remains->counts[REMAINS_PROGRAMS]++;
		remains->counts[REMAINS_MISSES] += info.recursion_misses;
	}
}

static void count_links(struct remains *remains)
{
	__u32 id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		REIN_AUTO_FD int link = bpf_link_get_fd_by_id(id), program = -1;
		struct bpf_link_info info = {0};
		struct bpf_prog_info of = {0};
		__u32 size = sizeof(info);

		if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &size))
			continue;
		program = bpf_prog_get_fd_by_id(info.prog_id);
		size = sizeof(of);
		if (program >= 0 && !bpf_obj_get_info_by_fd(program, &of, &size))
			remains->counts[REMAINS_LINKS] += is_ours(of.name);
	}
}

/* What the map holds of the machine's memory, as far as the kernel says. */
static uint64_t memory_of(int map)
{
	char path[64], line[128];
	unsigned long long bytes = 0;
	REIN_AUTO_FILE FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	return bytes;
}

/* Of a hash; an LRU keeps what it will until it needs the place. */
static uint64_t entries_of(int map, const struct bpf_map_info *info)
{
	unsigned char key[64];
	uint64_t entries = 0;

	if (info->type != BPF_MAP_TYPE_HASH || info->key_size > sizeof(key))
		return 0;
	for (void *from = NULL; !bpf_map_get_next_key(map, from, key); from = key)
		entries++;
	return entries;
}

static void count_maps(struct remains *remains)
{
	__u32 id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		REIN_AUTO_FD int fd = bpf_map_get_fd_by_id(id);
		struct bpf_map_info info = {0};
		__u32 size = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || !is_ours(info.name))
			continue;
		remains->counts[REMAINS_MAPS]++;
		remains->counts[REMAINS_MEMORY] += memory_of(fd);
		remains->counts[REMAINS_ENTRIES] += entries_of(fd, &info);
	}
}

static void count_slots(struct remains *remains)
{
	REIN_AUTO_FD int fd = rein_slots_open(NULL);
	int held = fd < 0 ? 0 : rein_slots_held(fd);

	remains->counts[REMAINS_SLOTS] = held < 0 ? 0 : (uint64_t)held;
}

static void count_cgroups(struct remains *remains)
{
	struct rein_machine machine = {.privileged = true};
	struct stat parent;

	rein_mech_cgroup.probe(&machine);
	if (!stat(machine.cgroup_parent, &parent))
		remains->counts[REMAINS_CGROUPS] = parent.st_nlink;
}

static uint64_t count_lines(const char *script)
{
	OUTCOME outcome = run_shell("%s", script);

	return strtoull(outcome.out, NULL, 10);
}

void remains_take(struct remains *ret_remains)
{
	struct remains remains = {0};

	if (harness_root()) {
		count_programs(&remains);
		count_links(&remains);
		count_maps(&remains);
		count_slots(&remains);
		count_cgroups(&remains);
		remains.counts[REMAINS_WARNINGS] = count_lines(
			"dmesg 2>/dev/null | grep -cE 'WARNING: |BUG: |Oops|rcu: INFO|blocked for more than|leak'");
	}
	remains.counts[REMAINS_MOUNTS] = count_lines("wc -l </proc/self/mountinfo");
	*ret_remains = remains;
}

static bool is_more(const struct remains *before, const struct remains *now, char *ret_text, size_t size)
{
	bool more = false;
	size_t used = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < REMAINS_COUNT; i++) {
		if (now->counts[i] <= before->counts[i])
			continue;
		more = true;
		used += (size_t)snprintf(ret_text + used, used < size ? size - used : 0, "%s%s: %llu, %llu before",
					 used ? "; " : "", names[i], (unsigned long long)now->counts[i],
					 (unsigned long long)before->counts[i]);
		used = used < size ? used : size;
	}
	return more;
}

bool remains_gone(const struct remains *before, char *ret_text, size_t size)
{
	uint64_t until = harness_now_ns() + PATIENCE_NS;
	struct remains now;

	do {
		remains_take(&now);
		if (!is_more(before, &now, ret_text, size))
			return true;
	} while (harness_now_ns() < until);
	return false;
}
