/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_pins.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <rein/state.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "mech/bpf_facts.h"
#include "mech/bpf_links.h"
#include "mech/bpf_load.h"
#include "mech/bpf_load_file.h"
#include "mech/bpf_slot.h"
#include "mech/cgroup_tree.h"

#define CONFIG REIN_PINS "/rein_config"

const struct rein_pin_name rein_map_pins[REIN_MAP_COUNT] = {
	[REIN_MAP_STATES] = {.name = "rein_states"},
	[REIN_MAP_SLOTS] = {.name = "rein_slots"},
	[REIN_MAP_RINGS] = {.name = "rein_rings"},
	[REIN_MAP_TRIES] = {.name = "rein_net_tries"},
	[REIN_MAP_PORTS] = {.name = "rein_net_ports"},
	[REIN_MAP_PEERS] = {.name = "rein_net_peers"},
	[REIN_MAP_NAMES] = {.name = "rein_net_names"},
	[REIN_MAP_TOLD] = {.name = "rein_told"},
	[REIN_MAP_LABELS] = {.name = "rein_labels", .optional = true},
	[REIN_MAP_TURN] = {.name = "rein_turn", .optional = true},
};

const struct rein_pin_name rein_trace_pins[REIN_TRACE_COUNT] = {
	[REIN_TRACE_ENTER] = {"rein_sys_enter", "sys_enter", REIN_STATE_TRACE},
	[REIN_TRACE_EXIT] = {"rein_sys_exit", "sys_exit", REIN_STATE_TRACE | REIN_STATE_REPORT},
	[REIN_TRACE_EXEC] = {"rein_exec", "sched_process_exec", REIN_STATE_TRACE | REIN_STATE_REPORT},
	[REIN_TRACE_FORK] = {"rein_fork", "task_newtask", REIN_STATE_TRACE},
};

/* Everything of rein's in the kernel must be found by the next launch, so it is the usual mount or none. */
static int mount_bpffs(struct rein_error *err)
{
	struct statfs fs;

	if (statfs(REIN_BPFFS, &fs))
		return rein_fail_errno(err, "cannot look at " REIN_BPFFS);
	if (fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", REIN_BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return rein_fail_errno(err, "bpffs is not mounted at " REIN_BPFFS " and cannot be");
	return 0;
}

int rein_pins_lock(struct rein_error *err)
{
	REIN_AUTO_FD int fd = -1;
	int r = mount_bpffs(err);

	if (r < 0)
		return r;
	if (mkdir(REIN_RUN_DIR, 0755) && errno != EEXIST)
		return rein_fail_errno(err, "cannot make " REIN_RUN_DIR);
	fd = open(REIN_RUN_DIR "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX))
		return rein_fail_errno(err, "cannot lock " REIN_RUN_DIR "/lock");
	return rein_take_fd(&fd);
}

static int open_pin(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), REIN_PINS "/%s", name);
	return bpf_obj_get(path);
}

/* Another version's may be longer: the kernel fills as much as the map's values have. */
static int read_config(struct rein_pins_config *ret_config)
{
	REIN_AUTO_FD int fd = bpf_obj_get(CONFIG);
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info), zero = 0;
	uint8_t value[1024] = {0};

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.value_size > sizeof(value))
		return -EPROTO;
	if (bpf_map_lookup_elem(fd, &zero, value))
		return -errno;
	memcpy(ret_config, value, sizeof(*ret_config));
	return 0;
}

void rein_pins_close(struct rein_pins *pins)
{
	for (size_t i = 0; i < REIN_MAP_COUNT; i++)
		if (pins->maps[i] >= 0)
			close(rein_take_fd(&pins->maps[i]));
	for (size_t i = 0; i < REIN_TRACE_COUNT; i++)
		if (pins->programs[i] >= 0)
			close(rein_take_fd(&pins->programs[i]));
}

static bool open_all(struct rein_pins *pins)
{
	for (size_t i = 0; i < REIN_MAP_COUNT; i++)
		if ((pins->maps[i] = open_pin(rein_map_pins[i].name)) < 0 &&
		    !(rein_map_pins[i].optional && pins->facts.flavour == REIN_FILE_NONE))
			return false;
	for (size_t i = 0; i < REIN_TRACE_COUNT; i++)
		if ((pins->programs[i] = open_pin(rein_trace_pins[i].name)) < 0)
			return false;
	return true;
}

/* All links that were pinned, and bpf-file's turn. */
static bool attached(const struct rein_pins *pins)
{
	struct rein_links links = {0};
	bool whole;

	if (pins->facts.flavour != REIN_FILE_NONE && rein_bpf_file_turn() != pins->config.build)
		return false;
	whole = rein_links_open(pins, &links, NULL) == 0;
	rein_links_close(&links);
	return whole;
}

static uint64_t parent_id_of(const struct rein_machine *machine)
{
	REIN_AUTO_FD int fd = open(machine->cgroup_parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? 0 : rein_cgroup_id(fd);
}

/* Opens what is there if all of it is in order. -ENOENT: it has to be loaded. */
static int adopt(const struct rein_machine *machine, struct rein_pins *pins, struct rein_error *err)
{
	if (read_config(&pins->config) < 0)
		return -ENOENT;
	if (pins->config.abi != REIN_ABI)
		return rein_fail(
			err, EPROTO,
			"another version of rein (ABI %u, this one has %u) keeps its programs in " REIN_PINS
			": when its agents have ended (rein ps, rein kill), `rein down` of any version removes "
			"them, and the next launch loads this one's",
			pins->config.abi, REIN_ABI);
	if (!pins->config.build || (pins->config.build != rein_bpf_build() && rein_pins_agents() == 0))
		return -ENOENT;
	if (pins->config.parent_id != parent_id_of(machine) || rein_facts_read(&pins->facts) < 0 || !attached(pins) ||
	    !open_all(pins)) {
		rein_pins_close(pins);
		return -ENOENT;
	}
	return 0;
}

static int remove_entry(int folder, const char *path, const char *name, struct rein_error *err)
{
	char inner[512];

	if (!unlinkat(folder, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return rein_fail_errno(err, "cannot remove %s/%s", path, name);
	snprintf(inner, sizeof(inner), "%s/%s", path, name);
	return rein_pins_remove_folder(inner, err);
}

int rein_pins_remove_folder(const char *path, struct rein_error *err)
{
	REIN_AUTO_DIR DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : rein_fail_errno(err, "cannot read %s", path);
	while (!r && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = remove_entry(dirfd(dir), path, entry->d_name, err);
	if (!r && rmdir(path))
		r = rein_fail_errno(err, "cannot remove %s", path);
	return r;
}

static int wipe(struct rein_error *err)
{
	unlink(CONFIG); /* first: what is left of a wipe that is cut short must not look whole */
	return rein_pins_remove_folder(REIN_PINS, err);
}

int rein_pins_agents(void)
{
	REIN_AUTO_FD int fd = rein_slots_open(NULL);

	return fd < 0 ? fd : rein_slots_held(fd);
}

static int refuse_if_used(struct rein_error *err, const char *what)
{
	int agents = rein_pins_agents();

	if (agents < 0)
		return rein_fail(err, -agents, "cannot tell whether agents run");
	return agents ? rein_fail(err, EBUSY, "%d agent%s still run%s: %s", agents, agents == 1 ? "" : "s",
				  agents == 1 ? "s" : "", what)
		      : 0;
}

/* The agents' supervisors hold what attaches their programs; no name leads to it any more. */
static const char *damage(void)
{
	return access(CONFIG, F_OK) ? "what they use was removed from " REIN_PINS
				      "; it keeps them, but nobody else can start before "
				      "they have ended (rein ps, rein kill)"
				    : "what they use in " REIN_PINS " is damaged or half updated: `rein up` repairs it";
}

static int load(const struct rein_machine *machine, struct rein_error *err)
{
	int r = refuse_if_used(err, damage());

	if (r < 0)
		return r; /* what is there is theirs */
	r = wipe(err);
	if (!r && mkdir(machine->cgroup_parent, 0755) && errno != EEXIST)
		r = rein_fail_errno(err, "cannot make the cgroup %s", machine->cgroup_parent);
	if (!r && mkdir(REIN_PINS, 0700))
		r = rein_fail_errno(err, "cannot make " REIN_PINS);
	if (!r)
		r = rein_bpf_load(machine, err);
	if (r < 0)
		wipe(NULL);
	return r;
}

int rein_pins_open(const struct rein_machine *machine, bool may_load, struct rein_pins *ret_pins, bool *ret_loaded,
		   struct rein_error *err)
{
	struct rein_pins pins = REIN_PINS_NONE;
	int r = adopt(machine, &pins, err);
	bool loaded = false;

	if (r == -ENOENT && may_load) {
		r = load(machine, err);
		loaded = !r;
		if (!r)
			r = adopt(machine, &pins, err);
	}
	if (r == -ENOENT)
		return rein_fail(err, ENOENT, "rein's programs are not loaded");
	if (r < 0)
		return r;
	*ret_pins = pins;
	if (ret_loaded)
		*ret_loaded = loaded;
	return 0;
}

/* What agents use is replaced under them; what nobody uses is loaded anew. */
static int renew(const struct rein_machine *machine, struct rein_error *err)
{
	struct rein_pins_config config;

	if (rein_pins_agents() == 0 || read_config(&config) < 0)
		return load(machine, err);
	return rein_bpf_update(machine, &config, err);
}

int rein_pins_renew(const struct rein_machine *machine, struct rein_pins *ret_pins, bool *ret_renewed,
		    struct rein_error *err)
{
	struct rein_pins pins = REIN_PINS_NONE;
	int r = adopt(machine, &pins, err);

	*ret_renewed = r == -ENOENT || (!r && pins.config.build != rein_bpf_build());
	if (*ret_renewed) {
		rein_pins_close(&pins);
		r = renew(machine, err);
		r = r ? r : adopt(machine, &pins, err);
	}
	if (r == -ENOENT)
		return rein_fail(err, EIO, "what was loaded into " REIN_PINS " is not whole");
	if (!r)
		*ret_pins = pins;
	return r;
}

int rein_pins_remove(const struct rein_machine *machine, bool *ret_removed, struct rein_error *err)
{
	struct rein_pins_config config;
	bool there = read_config(&config) == 0 || !access(REIN_PINS, F_OK);
	int r = refuse_if_used(err, "end them first (rein ps, rein kill)");

	if (!r)
		r = wipe(err);
	if (r < 0)
		return r;
	/* Nobody is left inside, but for what dead supervisors' agents left; then it stays and says so at the next
	 * start. */
	if (machine->cgroup_parent[0])
		rmdir(machine->cgroup_parent);
	*ret_removed = there;
	return 0;
}
