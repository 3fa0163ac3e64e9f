/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_selftest_shots.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "mech/bpf_pins.h"

#define REFUSED(call) ((call) < 0 && errno == EACCES)
#define PAGE 4096
#define ACL "system.posix_acl_access"

static const char *const made[] = {"new", "old", "listener", "socket"};

static struct sockaddr_un address_of(const struct rein_targets *targets, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", targets->path, name);
	return address;
}

static int bind_socket(const struct rein_targets *targets, int type, const char *name)
{
	REIN_AUTO_FD int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = address_of(targets, name);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || (type == SOCK_STREAM && listen(fd, 1)))
		return -1;
	return rein_take_fd(&fd);
}

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int open_inbox(int descriptor)
{
	char byte = 0;
	struct iovec data = {&byte, 1};
	union control control = {
		.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(descriptor));
	if (sendmsg(pair[1], &message, 0) != 1) {
		close(pair[1]);
		close(rein_take_fd(&pair[0]));
		return -1;
	}
	close(pair[1]);
	return pair[0];
}

/* Without the flag, newer kernels may take a memfd for one that is never executed. */
static int make_program(void)
{
	const unsigned mfd_exec = 0x10; /* 6.3, 105ff5339f49 */
	int fd = memfd_create("rein-self-test", MFD_CLOEXEC | mfd_exec);

	return fd >= 0 ? fd : memfd_create("rein-self-test", MFD_CLOEXEC);
}

static bool open_all(struct rein_targets *targets)
{
	targets->file = openat(targets->folder, "old", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (targets->file < 0 || ftruncate(targets->file, PAGE))
		return false;
	targets->page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, targets->file, 0);
	targets->program = make_program();
	targets->notify = inotify_init1(IN_CLOEXEC);
	targets->inbox = open_inbox(targets->file);
	targets->listener = bind_socket(targets, SOCK_STREAM, "listener");
	targets->far = bind_socket(targets, SOCK_DGRAM, "socket");
	targets->stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	targets->dgram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return targets->page != MAP_FAILED && targets->program >= 0 && targets->notify >= 0 && targets->inbox >= 0 &&
	       targets->listener >= 0 && targets->far >= 0 && targets->stream >= 0 && targets->dgram >= 0;
}

int rein_targets_make(struct rein_targets *ret_targets, struct rein_error *err)
{
	struct rein_targets targets = {.path = REIN_RUN_DIR "/self-test-XXXXXX",
				       .file = -1,
				       .program = -1,
				       .notify = -1,
				       .inbox = -1,
				       .far = -1,
				       .listener = -1,
				       .stream = -1,
				       .dgram = -1,
				       .page = MAP_FAILED};
	int r = 0;

	if (!mkdtemp(targets.path))
		return rein_fail_errno(err, "cannot make a folder in " REIN_RUN_DIR);
	targets.folder = open(targets.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (targets.folder < 0 || !open_all(&targets))
		r = rein_fail_errno(err, "cannot make what the self-test of bpf-file needs");
	if (r < 0)
		rein_targets_remove(&targets);
	else
		*ret_targets = targets;
	return r;
}

void rein_targets_remove(struct rein_targets *targets)
{
	int *const all[] = {&targets->file,	&targets->program, &targets->notify, &targets->inbox, &targets->far,
			    &targets->listener, &targets->stream,  &targets->dgram,  &targets->folder};

	if (targets->page != MAP_FAILED)
		munmap(targets->page, PAGE);
	for (size_t i = 0; targets->folder >= 0 && i < REIN_COUNT(made); i++)
		if (unlinkat(targets->folder, made[i], 0) && errno == EISDIR)
			unlinkat(targets->folder, made[i], AT_REMOVEDIR);
	for (size_t i = 0; i < REIN_COUNT(all); i++)
		if (*all[i] >= 0)
			close(rein_take_fd(all[i]));
	rmdir(targets->path);
}

static bool fire_file_permission(const struct rein_targets *targets)
{
	return REFUSED(pwrite(targets->file, "r", 1, 0));
}

static bool fire_mmap_file(const struct rein_targets *targets)
{
	return mmap(NULL, PAGE, PROT_READ, MAP_SHARED, targets->file, 0) == MAP_FAILED && errno == EACCES;
}

/* A kernel without userfaultfd needs nobody to refuse it. */
static bool fire_inode_init_security_anon(const struct rein_targets *targets)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd >= 0)
		close(fd);
	return fd < 0 && (errno == EACCES || errno == ENOSYS);
}

static bool fire_file_mprotect(const struct rein_targets *targets)
{
	return REFUSED(mprotect(targets->page, PAGE, PROT_READ | PROT_WRITE));
}

static bool fire_file_open(const struct rein_targets *targets)
{
	return REFUSED(openat(targets->folder, "old", O_RDONLY | O_CLOEXEC));
}

static bool fire_path_truncate(const struct rein_targets *targets)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/old", targets->path);
	return REFUSED(truncate(path, 0));
}

static bool fire_file_truncate(const struct rein_targets *targets)
{
	return REFUSED(ftruncate(targets->file, 0));
}

static bool fire_path_mknod(const struct rein_targets *targets)
{
	return REFUSED(mknodat(targets->folder, "new", S_IFREG | 0600, 0));
}

static bool fire_path_mkdir(const struct rein_targets *targets)
{
	return REFUSED(mkdirat(targets->folder, "new", 0700));
}

static bool fire_path_symlink(const struct rein_targets *targets)
{
	return REFUSED(symlinkat("old", targets->folder, "new"));
}

static bool fire_path_link(const struct rein_targets *targets)
{
	return REFUSED(linkat(targets->folder, "old", targets->folder, "new", 0));
}

static bool fire_path_unlink(const struct rein_targets *targets)
{
	return REFUSED(unlinkat(targets->folder, "old", 0));
}

/* Of the folder itself, which is not empty: asked before that is noticed. */
static bool fire_path_rmdir(const struct rein_targets *targets)
{
	return REFUSED(rmdir(targets->path));
}

static bool fire_path_rename(const struct rein_targets *targets)
{
	return REFUSED(renameat(targets->folder, "old", targets->folder, "new"));
}

static bool fire_inode_setattr(const struct rein_targets *targets)
{
	return REFUSED(fchmod(targets->file, 0700));
}

static bool fire_inode_setxattr(const struct rein_targets *targets)
{
	return REFUSED(fsetxattr(targets->file, "user.rein", "", 0, 0));
}

static bool fire_inode_removexattr(const struct rein_targets *targets)
{
	return REFUSED(fremovexattr(targets->file, "user.rein"));
}

/* An ACL of version 2 without entries. */
static bool fire_inode_set_acl(const struct rein_targets *targets)
{
	static const char acl[4] = {2};

	return REFUSED(fsetxattr(targets->file, ACL, acl, sizeof(acl), 0));
}

static bool fire_inode_remove_acl(const struct rein_targets *targets)
{
	return REFUSED(fremovexattr(targets->file, ACL));
}

/* By its own call, which 6.17 has too: the older ones come by file_ioctl. */
static bool fire_inode_file_setattr(const struct rein_targets *targets)
{
	const long file_setattr = 469;
	const char attributes[24] = {0};

	return REFUSED(syscall(file_setattr, targets->folder, "old", attributes, sizeof(attributes), 0));
}

static bool fire_file_ioctl(const struct rein_targets *targets)
{
	int flags;

	return REFUSED(ioctl(targets->file, FS_IOC_GETFLAGS, &flags));
}

/* What may not be received is left out of the message. */
static bool fire_file_receive(const struct rein_targets *targets)
{
	char byte;
	struct iovec data = {&byte, 1};
	union control control = {0};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

	return recvmsg(targets->inbox, &message, MSG_DONTWAIT) == 1 && !CMSG_FIRSTHDR(&message);
}

static bool fire_path_notify(const struct rein_targets *targets)
{
	return REFUSED(inotify_add_watch(targets->notify, targets->path, IN_CREATE));
}

static bool fire_unix_stream_connect(const struct rein_targets *targets)
{
	struct sockaddr_un address = address_of(targets, "listener");

	return REFUSED(connect(targets->stream, (struct sockaddr *)&address, sizeof(address)));
}

/* By connecting: sending asks socket_sendmsg first. */
static bool fire_unix_may_send(const struct rein_targets *targets)
{
	struct sockaddr_un address = address_of(targets, "socket");

	return REFUSED(connect(targets->dgram, (struct sockaddr *)&address, sizeof(address)));
}

/* Asked before it is noticed that there is no other end. */
static bool fire_socket_sendmsg(const struct rein_targets *targets)
{
	return REFUSED(send(targets->dgram, "", 1, MSG_DONTWAIT));
}

static bool fire_socket_create(const struct rein_targets *targets)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return REFUSED(fd);
}

static bool fire_sb_kern_mount(const struct rein_targets *targets)
{
	bool refused = REFUSED(mount("rein", targets->path, "tmpfs", 0, NULL));

	if (!refused)
		umount2(targets->path, MNT_DETACH);
	return refused;
}

static bool fire_task_alloc(const struct rein_targets *targets)
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	if (child > 0)
		waitpid(child, NULL, 0);
	return child < 0 && errno == EACCES;
}

const struct rein_shot rein_shots[] = {
	{"file_permission", fire_file_permission},
	{"mmap_file", fire_mmap_file},
	{"file_mprotect", fire_file_mprotect},
	{"file_open", fire_file_open},
	{"path_truncate", fire_path_truncate},
	{"file_truncate", fire_file_truncate},
	{"path_mknod", fire_path_mknod},
	{"path_mkdir", fire_path_mkdir},
	{"path_symlink", fire_path_symlink},
	{"path_link", fire_path_link},
	{"path_unlink", fire_path_unlink},
	{"path_rmdir", fire_path_rmdir},
	{"path_rename", fire_path_rename},
	{"inode_setattr", fire_inode_setattr},
	{"inode_setxattr", fire_inode_setxattr},
	{"inode_removexattr", fire_inode_removexattr},
	{"inode_set_acl", fire_inode_set_acl},
	{"inode_remove_acl", fire_inode_remove_acl},
	{"file_ioctl", fire_file_ioctl},
	{"file_receive", fire_file_receive},
	{"path_notify", fire_path_notify},
	{"unix_stream_connect", fire_unix_stream_connect},
	{"unix_may_send", fire_unix_may_send},
	{"sb_kern_mount", fire_sb_kern_mount},
	{"inode_file_setattr", fire_inode_file_setattr},
	{"socket_create", fire_socket_create},
	{"socket_sendmsg", fire_socket_sendmsg},
	{"inode_init_security_anon", fire_inode_init_security_anon},
	{"task_alloc", fire_task_alloc},
	{0},
};
