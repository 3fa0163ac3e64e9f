/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/deed.h"

#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"

#define READ REIN_ACCESS_READ
#define WRITE REIN_ACCESS_WRITE
#define EXECUTE REIN_ACCESS_EXECUTE

static const struct {
	const char *call;
	struct rein_deed deed;
} deeds[] = {
	{"execve", {"run ", "", EXECUTE}},
	{"execveat", {"run ", "", EXECUTE}},
	{"uselib", {"load ", "", EXECUTE}},
	{"creat", {"create ", "", WRITE}},
	{"unlink", {"delete ", "", WRITE}},
	{"unlinkat", {"delete ", "", WRITE}},
	{"rmdir", {"delete the folder ", "", WRITE}},
	{"mkdir", {"make the folder ", "", WRITE}},
	{"mkdirat", {"make the folder ", "", WRITE}},
	{"mknod", {"make the node ", "", WRITE}},
	{"mknodat", {"make the node ", "", WRITE}},
	{"symlink", {"make the link ", "", WRITE}},
	{"symlinkat", {"make the link ", "", WRITE}},
	{"link", {"make another name of ", "", WRITE}},
	{"linkat", {"make another name of ", "", WRITE}},
	{"rename", {"rename ", "", WRITE}},
	{"renameat", {"rename ", "", WRITE}},
	{"renameat2", {"rename ", "", WRITE}},
	{"truncate", {"cut ", " to a length", WRITE}},
	{"chmod", {"change the mode of ", "", WRITE}},
	{"fchmodat", {"change the mode of ", "", WRITE}},
	{"fchmodat2", {"change the mode of ", "", WRITE}},
	{"chown", {"change the owner of ", "", WRITE}},
	{"lchown", {"change the owner of ", "", WRITE}},
	{"fchownat", {"change the owner of ", "", WRITE}},
	{"utime", {"change the times of ", "", WRITE}},
	{"utimes", {"change the times of ", "", WRITE}},
	{"futimesat", {"change the times of ", "", WRITE}},
	{"utimensat", {"change the times of ", "", WRITE}},
	{"setxattr", {"set an attribute of ", "", WRITE}},
	{"lsetxattr", {"set an attribute of ", "", WRITE}},
	{"setxattrat", {"set an attribute of ", "", WRITE}},
	{"removexattr", {"remove an attribute of ", "", WRITE}},
	{"lremovexattr", {"remove an attribute of ", "", WRITE}},
	{"removexattrat", {"remove an attribute of ", "", WRITE}},
	{"file_setattr", {"set flags of ", "", WRITE}},
	{"getxattr", {"read an attribute of ", "", READ}},
	{"lgetxattr", {"read an attribute of ", "", READ}},
	{"listxattr", {"list the attributes of ", "", READ}},
	{"llistxattr", {"list the attributes of ", "", READ}},
	{"access", {"see whether it may use ", "", READ}},
	{"faccessat", {"see whether it may use ", "", READ}},
	{"faccessat2", {"see whether it may use ", "", READ}},
	{"stat", {"look at ", "", READ}},
	{"lstat", {"look at ", "", READ}},
	{"newfstatat", {"look at ", "", READ}},
	{"statx", {"look at ", "", READ}},
	{"statfs", {"look at the file system of ", "", READ}},
	{"readlink", {"read the link ", "", READ}},
	{"readlinkat", {"read the link ", "", READ}},
	{"chdir", {"enter the folder ", "", READ}},
	{"chroot", {"make its root of ", "", READ}},
	{"inotify_add_watch", {"watch ", "", READ}},
	{"mount", {"mount something on ", "", WRITE}},
	{"umount2", {"unmount ", "", WRITE}},
	{"swapon", {"swap to ", "", WRITE}},
	{"acct", {"write accounts to ", "", WRITE}},
	{"connect", {"connect to ", "", WRITE}},
	{"bind", {"make the socket ", "", WRITE}},
};

static struct rein_deed opening(uint64_t amount)
{
	static const struct rein_deed reading = {"open ", " for reading", READ},
				      writing = {"open ", " for writing", WRITE},
				      both = {"open ", " for reading and writing", WRITE},
				      creating = {"create ", "", WRITE}, unknown = {"open ", "", READ};
	unsigned flags = (unsigned)amount;

	if (!(amount & REIN_EVENT_HAS_FLAGS))
		return unknown;
	/* O_TMPFILE holds O_DIRECTORY: compare all of it. */
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return (struct rein_deed){"make a file without a name in ", "", WRITE};
	if ((flags & O_CREAT) && (flags & (O_EXCL | O_TRUNC)))
		return creating;
	if ((flags & O_ACCMODE) == O_RDWR)
		return both;
	if ((flags & O_ACCMODE) == O_WRONLY || (flags & (O_TRUNC | O_CREAT)))
		return writing;
	return reading;
}

struct rein_deed rein_deed_of(const char *name, uint64_t amount)
{
	static const struct rein_deed other = {"use ", "", READ};

	if (!strcmp(name, "open") || !strcmp(name, "openat") || !strcmp(name, "openat2"))
		return opening(amount);
	for (size_t i = 0; i < REIN_COUNT(deeds); i++)
		if (!strcmp(deeds[i].call, name))
			return deeds[i].deed;
	return other;
}
