/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "mech/mounts.h"
#include "mech/root.h"

/* The agent's own /proc, /dev and /dev/pts. */

#define QUIET (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/*
 * What of /proc is the machine's and not the agent's. An agent as uid 0 without privileges owns these files on the host
 * and could write core_pattern or sysrq-trigger, so mounts keep it from that, not ownership. As container runtimes do.
 */
static const struct {
	const char *path;
	bool hidden; /* else read-only */
} proc_masks[] = {
	{"/proc/sys", false},	     {"/proc/irq", false},	    {"/proc/bus", false},
	{"/proc/fs", false},	     {"/proc/sysrq-trigger", true}, {"/proc/kcore", true},
	{"/proc/kmsg", true},	     {"/proc/keys", true},	    {"/proc/timer_list", true},
	{"/proc/sched_debug", true}, {"/proc/acpi", true},	    {"/proc/scsi", true},
	{"/proc/kallsyms", true},    {"/proc/kpagecount", true},    {"/proc/kpageflags", true},
	{"/proc/kpagecgroup", true}, {"/proc/mtrr", true},	    {"/proc/asound", true},
	{"/proc/driver", false},     {"/proc/dynamic_debug", true}, {"/proc/pressure", false},
};

static int mask(struct rein_root *root, const char *path, bool hidden, struct rein_error *err)
{
	REIN_AUTO_FD int here = rein_mounts_open(root->top, path);
	struct stat what;

	if (here == -ENOENT)
		return 0; /* this kernel has no such file */
	if (here < 0 || fstat(here, &what))
		return rein_fail(err, here < 0 ? -here : errno, "cannot open the agent's %s", path);
	if (hidden)
		return rein_root_bind(root, S_ISDIR(what.st_mode) ? root->blank_folder : root->blank_file, path,
				      QUIET | MOUNT_ATTR_RDONLY, err);
	return rein_root_bind(root, here, path, QUIET | MOUNT_ATTR_RDONLY, err);
}

int rein_root_put_proc(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	REIN_AUTO_FD int tree = rein_mounts_make("proc", NULL, QUIET);
	int r;

	if (tree < 0)
		return rein_fail(err, -tree, "cannot mount the agent's own /proc: %s", strerror(-tree));
	r = rein_root_attach(root, tree, place->path, err);
	for (size_t i = 0; !r && i < REIN_COUNT(proc_masks); i++)
		r = mask(root, proc_masks[i].path, proc_masks[i].hidden, err);
	return r;
}

static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};

static const struct {
	const char *name, *target;
} device_links[] = {
	{"ptmx", "pts/ptmx"},	       {"fd", "/proc/self/fd"},	      {"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
};

/* The host's node, since none can be made in a user namespace; not `nodev`, and never executable. Read only, which a
 * device's data do not notice, and its mode and times do. */
static int put_device(struct rein_root *root, const char *name, struct rein_error *err)
{
	REIN_AUTO_FD int source = -1;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/dev/%s", name);
	source = rein_mounts_open(root->host, path);
	if (source < 0)
		return rein_fail(err, -source, "this machine has no %s: %s", path, strerror(-source));
	r = rein_root_make(root, path, false, err);
	return r < 0 ? r
		     : rein_root_bind(root, source, path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY,
				      err);
}

static int fill_devices(struct rein_root *root, int folder, struct rein_error *err)
{
	int r = 0;

	for (size_t i = 0; i < REIN_COUNT(device_links); i++)
		if (symlinkat(device_links[i].target, folder, device_links[i].name))
			return rein_fail_errno(err, "cannot make /dev/%s", device_links[i].name);
	for (size_t i = 0; !r && i < REIN_COUNT(devices); i++)
		r = put_device(root, devices[i], err);
	return r;
}

int rein_root_put_devices(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	REIN_AUTO_FD int folder = -1, tree = -1;
	int r;

	if (mkdirat(root->base, "dev", 0755))
		return rein_fail_errno(err, "cannot make the agent's own /dev");
	folder = rein_mounts_open(root->base, "dev");
	tree = folder < 0 ? folder : rein_mounts_copy(folder);
	if (tree < 0)
		return rein_fail(err, -tree, "cannot make the agent's own /dev: %s", strerror(-tree));
	r = rein_root_attach(root, tree, place->path, err);
	if (!r)
		r = fill_devices(root, tree, err);
	if (r < 0)
		return r;
	return rein_root_finish_later(root, rein_take_fd(&tree), QUIET | MOUNT_ATTR_RDONLY, err);
}

int rein_root_put_terminals(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	REIN_AUTO_FD int tree =
		rein_mounts_make("devpts",
				 (struct rein_mounts_option[]){
					 {"newinstance", NULL}, {"ptmxmode", "0666"}, {"mode", "0620"}, {NULL, NULL}},
				 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);

	if (tree < 0)
		return rein_fail(err, -tree, "cannot mount the agent's own /dev/pts: %s", strerror(-tree));
	return rein_root_attach(root, tree, place->path, err);
}
