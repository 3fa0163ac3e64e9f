/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/layers.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static const char *below(const struct layers *layers, const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/%s", layers->path, name);
	return path;
}

static int open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	cr_assert_geq(fd, 0, "%s: %m", path);
	return fd;
}

void layers_open(struct layers *ret_layers)
{
	static const char *const folders[] = {"lower", "upper", "work", "merged"};

	snprintf(ret_layers->path, sizeof(ret_layers->path), "/tmp/rein-layers-XXXXXX");
	cr_assert_not_null(mkdtemp(ret_layers->path));
	for (size_t i = 0; i < REIN_COUNT(folders); i++)
		cr_assert_eq(mkdir(below(ret_layers, folders[i]), 0700), 0);
	ret_layers->lower = open_folder(below(ret_layers, "lower"));
	ret_layers->upper = open_folder(below(ret_layers, "upper"));
	ret_layers->view = -1;
}

void layers_see(struct layers *layers, bool overlay)
{
	const char *path = layers->path;
	char options[256];

	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", path, path, path);
	if (overlay && mount("overlay", below(layers, "merged"), "overlay", 0, options)) {
		int error = errno;

		layers_close(layers);
		cr_skip_test("no overlayfs here: %s", strerror(error));
	}
	layers->view = open_folder(below(layers, overlay ? "merged" : "upper"));
}

static int drop(const char *name, const struct stat *status, int kind, struct FTW *walk)
{
	return remove(name);
}

void layers_close(struct layers *layers)
{
	rein_cleanup_fd(&layers->view);
	rein_cleanup_fd(&layers->lower);
	rein_cleanup_fd(&layers->upper);
	umount2(below(layers, "merged"), MNT_DETACH);
	nftw(layers->path, drop, 16, FTW_DEPTH | FTW_PHYS);
}
