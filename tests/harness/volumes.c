/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/volumes.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "harness/harness.h"

/* Each script makes its file system at $1 with the help of the folder $2, both of which are there. */
struct kind {
	const char *name, *script;
};

#define ON_A_LOOP(size, make, options) \
	"truncate -s " size " $2/disk && " make " $2/disk && mount -o loop" options " $2/disk $1"

static const struct kind kinds[] = {
	{"tmpfs", "mount -t tmpfs -o size=512m tmpfs $1"},
	{"ext4", ON_A_LOOP("512M", "mkfs.ext4 -q -F", "")},
	{"xfs", ON_A_LOOP("512M", "mkfs.xfs -q -f", "")},
	{"btrfs", ON_A_LOOP("512M", "mkfs.btrfs -q -f", "")},
	{"overlay", ON_A_LOOP("512M", "mkfs.ext4 -q -F", "") " && mkdir $1/lower $1/upper $1/work && "
							     "mount -t overlay -o lowerdir=$1/lower,upperdir=$1/upper,"
							     "workdir=$1/work overlay $1"},
	{"overlay on tmpfs", "mount -t tmpfs -o size=512m tmpfs $1 && mkdir $1/lower $1/upper $1/work && "
			     "mount -t overlay -o lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work overlay $1"},
};
_Static_assert(REIN_COUNT(kinds) <= VOLUMES_MAX, "room for all");

static void scratch(void)
{
	cr_assert_eq(unshare(CLONE_NEWNS), 0, "no mount namespace: %m");
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("volumes", "/mnt", "tmpfs", 0, "mode=755"), 0, "%m");
}

static bool make(const struct kind *kind, const char *path)
{
	OUTCOME made =
		run_shell("PATH=$PATH:/usr/sbin:/sbin; set -- %s %s.d; mkdir -p $1 $2 && %s", path, path, kind->script);

	if (made.code)
		fprintf(stderr, "skipped: no %s here: %s\n", kind->name, made.err);
	return made.code == 0;
}

size_t volumes_open(struct volume ret_volumes[VOLUMES_MAX])
{
	size_t count = 0;

	if (!harness_root())
		harness_skip("file systems are mounted by root");
	scratch();
	for (size_t i = 0; i < REIN_COUNT(kinds); i++) {
		struct volume *volume = &ret_volumes[count];

		volume->kind = kinds[i].name;
		snprintf(volume->path, sizeof(volume->path), "/mnt/volume%zu", i);
		count += make(&kinds[i], volume->path);
	}
	if (!count)
		harness_skip("nothing can be mounted here");
	return count;
}
