/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"

int rein_proc_read(int folder, const char *path, char *text, size_t size)
{
	REIN_AUTO_FD int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (used < size - 1 && (n = read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	if (n < 0)
		return -errno;
	text[used] = '\0';
	return used ? 0 : -EIO;
}

int rein_proc_each(int folder, void (*each)(int folder, const char *id, void *data), void *data)
{
	REIN_AUTO_FD int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REIN_AUTO_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	rein_take_fd(&fd);
	while (errno = 0, (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			each(folder, entry->d_name, data);
	return -errno;
}
