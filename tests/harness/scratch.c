/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/scratch.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static char folder[64];

void scratch_make(void)
{
	snprintf(folder, sizeof(folder), "/var/tmp/rein-scratch-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
}

void scratch_remove(void)
{
	REIN_AUTO_DIR DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	rmdir(folder);
}

const char *scratch_folder(void)
{
	return folder;
}

const char *scratch_path(const char *name, int number)
{
	static _Thread_local char path[128];

	snprintf(path, sizeof(path), "%s/%s%d", folder, name, number);
	return path;
}

uint64_t scratch_bytes(const char *name)
{
	REIN_AUTO_DIR DIR *dir = opendir(folder);
	struct dirent *entry;
	struct stat st;
	uint64_t sum = 0;

	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, name, strlen(name)) && !fstatat(dirfd(dir), entry->d_name, &st, 0))
			sum += (uint64_t)st.st_size;
	return sum;
}

int scratch_files(void)
{
	REIN_AUTO_DIR DIR *dir = opendir(folder);
	struct dirent *entry;
	int files = 0;

	while (dir && (entry = readdir(dir)))
		files += entry->d_name[0] != '.';
	return files;
}
