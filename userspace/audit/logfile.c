/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/logfile.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/walk.h"

/* Blocks are asked for in steps of this size, so that a line rarely costs a second system call. */
#define STEP (256 << 10)

static const uint64_t spared[] = {
	[REIN_LINE_ROUTINE] = REIN_RESERVE_REFUSALS + REIN_RESERVE_VITAL,
	[REIN_LINE_REFUSAL] = REIN_RESERVE_VITAL,
	[REIN_LINE_VITAL] = 0,
};

static const char *type_name(mode_t mode)
{
	return S_ISDIR(mode)	? "a directory"
	       : S_ISFIFO(mode) ? "a pipe"
	       : S_ISSOCK(mode) ? "a socket"
	       : S_ISBLK(mode)	? "a block device"
				: "a device";
}

static int check(int fd, const char *path, struct stat *ret_status, struct rein_error *err)
{
	if (fstat(fd, ret_status))
		return rein_fail_errno(err, "cannot look at the audit log %s", path);
	if (!S_ISREG(ret_status->st_mode))
		return rein_fail(
			err, EINVAL,
			"the audit log %s is %s: it must be a regular file, since its chain is read back; name "
			"another with --audit",
			path, type_name(ret_status->st_mode));
	if (ret_status->st_uid != geteuid())
		return rein_fail(err, EPERM, "the audit log %s belongs to user %u: name one of your own with --audit",
				 path, ret_status->st_uid);
	if (ret_status->st_mode & 022)
		return rein_fail(err, EPERM, "others may write to the audit log %s: run `chmod 600` on it", path);
	if (ret_status->st_nlink != 1)
		return rein_fail(err, EPERM,
				 "the audit log %s has %lu names (hard links), and one of them could be within the "
				 "agent's reach: name another with --audit",
				 path, (unsigned long)ret_status->st_nlink);
	return 0;
}

static int open_fd(const char *path, const char *workspace, struct rein_error *err)
{
	/* O_NONBLOCK: a pipe without a reader must not hang the start. Read too: the chain is continued from the end.
	 */
	static const int flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	const char *name;
	REIN_AUTO_FD int folder = rein_walk_to_folder(path, workspace, &name, err);
	int fd;

	if (folder < 0) {
		rein_context(err, "cannot open the folder of the audit log %s", path);
		return folder;
	}
	fd = openat(folder, *name ? name : ".", flags, 0600);
	if (fd < 0 && errno == ELOOP)
		return rein_fail(err, ELOOP, "the audit log %s is a symbolic link: name the file itself", path);
	if (fd < 0 && errno == EISDIR)
		return rein_fail(err, EISDIR, "the audit log %s is a directory: name a file in it", path);
	if (fd < 0)
		return rein_fail_errno(err, "cannot open the audit log %s", path);
	return fd;
}

static bool is_full(int code)
{
	return code == ENOSPC || code == EDQUOT;
}

/* Has blocks up to `offset`, and to a step further if there are that many. Without a file system that can do it, and
 * without room, returns false. */
static bool reserve(struct rein_logfile *file, uint64_t offset)
{
	static const uint64_t more[] = {STEP, 0};

	if (!file->can_reserve || offset <= file->reserved_to)
		return file->can_reserve;
	for (size_t i = 0; i < REIN_COUNT(more); i++) {
		off_t from = (off_t)file->reserved_to, length = (off_t)(offset + more[i] - file->reserved_to);

		if (!fallocate(file->fd, FALLOC_FL_KEEP_SIZE, from, length)) {
			file->reserved_to = offset + more[i];
			return true;
		}
		if (!is_full(errno) && errno != EINTR) {
			file->can_reserve = false;
			return false;
		}
	}
	return false;
}

int rein_logfile_open(const char *path, const char *workspace, struct rein_logfile *ret_file, struct rein_error *err)
{
	REIN_AUTO_FD int fd = open_fd(path, workspace, err);
	struct rein_logfile file;
	struct stat status;
	int r;

	if (fd < 0)
		return fd;
	r = check(fd, path, &status, err);
	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return rein_fail(err, EBUSY, "another agent writes to the audit log %s: give each agent its own", path);
	file = (struct rein_logfile){.fd = fd, .size = (uint64_t)status.st_size, .can_reserve = true};
	file.reserved_to = file.size;
	if (!reserve(&file, file.size + spared[REIN_LINE_ROUTINE]) && file.can_reserve)
		return rein_fail(err, ENOSPC,
				 "the disk of the audit log %s is too full: %d KiB are set aside for refusals, so free "
				 "some space or name another file with --audit",
				 path, (REIN_RESERVE_REFUSALS + REIN_RESERVE_VITAL) >> 10);
	*ret_file = file;
	rein_take_fd(&fd);
	return 0;
}

/* Takes back the beginning of a line that did not fit, so that the log ends with a whole one. */
static void withdraw(struct rein_logfile *file)
{
	if (ftruncate(file->fd, (off_t)file->size)) {
		/* The file may be append-only. The next line will say what stands before it. */
		file->torn = true;
		return;
	}
	file->reserved_to = file->size;
}

static int write_all(struct rein_logfile *file, const char *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t n = write(file->fd, bytes + done, length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int r = n < 0 ? -errno : -EIO;

			if (done)
				withdraw(file);
			return r;
		}
		done += (size_t)n;
	}
	return 0;
}

int rein_logfile_append(struct rein_logfile *file, const void *bytes, size_t length, enum rein_line_class class)
{
	uint64_t end = file->size + length;
	int r;

	if (!reserve(file, end + spared[REIN_LINE_ROUTINE]) && file->can_reserve &&
	    end + spared[class] > file->reserved_to && class != REIN_LINE_VITAL)
		return -ENOSPC;
	r = write_all(file, bytes, length);
	if (!r)
		file->size = end;
	return r;
}

bool rein_logfile_has_room(struct rein_logfile *file)
{
	return reserve(file, file->size + spared[REIN_LINE_ROUTINE]) || !file->can_reserve;
}

void rein_logfile_push(struct rein_logfile *file)
{
	sync_file_range(file->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int rein_logfile_sync(struct rein_logfile *file)
{
	return fdatasync(file->fd) ? -errno : 0;
}

void rein_logfile_close(struct rein_logfile *file)
{
	if (file->fd < 0)
		return;
	/* To the size it has: that frees the blocks behind the end and changes no byte. */
	if (file->can_reserve && ftruncate(file->fd, (off_t)file->size))
		file->can_reserve = false;
	close(file->fd);
	file->fd = -1;
}
