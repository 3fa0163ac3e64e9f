/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "mech/mounts.h"
#include "mech/root.h"

/*
 * A file that stands in the agent's root only with the content that its line names. A digest says something about bytes
 * that were read, so the agent must run those bytes and no others: what is read is copied into a file system that only
 * this process can write, compared, and the copy stands where the file was. What happens to the file afterwards is of
 * no consequence. Only a file under fs-verity, whose content the kernel keeps for good, stands there itself.
 */

#define ACL "system.posix_acl_access"

struct original {
	int fd;
	struct stat st;
	const struct rein_path_rule *rule;
};

static int open_original(const struct rein_root *root, const struct rein_place *place, struct original *ret_original,
			 struct rein_error *err)
{
	struct original original = {.rule = place->verified_by};

	original.fd = rein_mounts_open_file(root->host, place->path);
	if (original.fd < 0)
		return rein_fail(err, -original.fd, "%s cannot be read, so its content cannot be checked: %s",
				 place->path, strerror(-original.fd));
	if (fstat(original.fd, &original.st) || !S_ISREG(original.st.st_mode)) {
		close(original.fd);
		return rein_fail(err, EINVAL, "%s is no regular file", place->path);
	}
	*ret_original = original;
	return 0;
}

/* Reads it once, into `copy` unless that is -1, and compares. */
static int check(const struct original *original, int copy, const char *path, struct rein_error *err)
{
	const char *expected = original->rule->sha256;
	char found[REIN_DIGEST_ROOM];
	int r = rein_digest_file(original->fd, copy, (uint64_t)original->st.st_size, found, err);

	if (r < 0)
		return rein_context(err, "%s cannot be checked", path);
	if (!strcmp(found, expected))
		return 0;
	return rein_fail(err, EKEYREJECTED, "%s " REIN_DIGEST_DIFFERS, path, expected, found);
}

/*
 * Whether the kernel itself vouches that the content stays. The file systems are named, since others (FUSE, overlayfs)
 * may answer for a file that they can exchange.
 */
static bool is_immutable(int fd)
{
	static const unsigned long keepers[] = {EXT4_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC};
	union {
		struct fsverity_digest digest;
		unsigned char room[sizeof(struct fsverity_digest) + 64];
	} measured = {.digest = {.digest_size = 64}};
	struct statfs fs;

	if (fstatfs(fd, &fs) || ioctl(fd, FS_IOC_MEASURE_VERITY, &measured.digest))
		return false;
	for (size_t i = 0; i < REIN_COUNT(keepers); i++)
		if ((unsigned long)fs.f_type == keepers[i])
			return true;
	return false;
}

static int open_vault(struct rein_root *root, struct rein_error *err)
{
	REIN_AUTO_FD int target = -1;
	int r;

	if (root->vault >= 0)
		return 0;
	root->vault = rein_mounts_make("tmpfs",
				       (struct rein_mounts_option[]){{"size", "50%"}, {"mode", "0700"}, {NULL, NULL}},
				       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (root->vault < 0)
		return rein_fail(err, -root->vault, "cannot make a tmpfs for checked copies: %s",
				 strerror(-root->vault));
	if (mkdirat(root->base, "vault", 0700))
		return rein_fail_errno(err, "cannot make a folder");
	/* As with the store: a copy can be made only of what is attached. */
	target = rein_mounts_open(root->base, "vault");
	r = target < 0 ? target : rein_mounts_attach(root->vault, target);
	return r < 0 ? rein_fail(err, -r, "cannot mount the vault: %s", strerror(-r)) : 0;
}

/*
 * Who may run the original may run the copy, and nobody else. In a user namespace there is one user to own it, who gets
 * what the original gives them; setuid and file privileges mean nothing on these mounts and are not copied.
 */
static mode_t mode_of(const struct rein_root *root, const struct original *original)
{
	mode_t mode = original->st.st_mode & 0777;
	bool runs = !faccessat(original->fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH);

	if (!runs)
		mode &= ~(mode_t)0111; /* by a mount without exec, too */
	if (!root->launch->privileged && original->st.st_uid != geteuid())
		mode = (mode & 077) | 0400 | (runs ? 0100 : 0);
	return mode;
}

static int copy_acl(int from, int to, struct rein_error *err)
{
	char acl[4096];
	ssize_t length = fgetxattr(from, ACL, acl, sizeof(acl));

	if (length < 0 && (errno == ENODATA || errno == EOPNOTSUPP))
		return 0;
	if (length < 0 || fsetxattr(to, ACL, acl, (size_t)length, 0))
		return rein_fail_errno(err, "cannot copy its access control list");
	return 0;
}

static int dress(const struct rein_root *root, const struct original *original, int copy, struct rein_error *err)
{
	const struct stat *st = &original->st;

	if (root->launch->privileged && fchown(copy, st->st_uid, st->st_gid))
		return rein_fail_errno(err, "cannot give the copy to the owner of the file");
	if (fchmod(copy, mode_of(root, original)))
		return rein_fail_errno(err, "cannot set the mode of the copy");
	if (root->launch->privileged && copy_acl(original->fd, copy, err) < 0)
		return -EIO;
	if (futimens(copy, (struct timespec[]){st->st_atim, st->st_mtim}))
		return rein_fail_errno(err, "cannot set the times of the copy");
	return 0;
}

/* The writer's descriptor is closed again before anything is bound. */
static int make_copy(struct rein_root *root, const struct original *original, const char *name, const char *path,
		     struct rein_error *err)
{
	REIN_AUTO_FD int copy = openat(root->vault, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (copy < 0)
		return rein_fail_errno(err, "cannot make a copy of %s", path);
	r = check(original, copy, path, err);
	return r < 0 ? r : dress(root, original, copy, err);
}

static int put_copy(struct rein_root *root, const struct rein_place *place, const struct original *original,
		    struct rein_error *err)
{
	REIN_AUTO_FD int copy = -1;
	char name[16];
	int r = open_vault(root, err);

	snprintf(name, sizeof(name), "%u", root->copied++);
	if (!r)
		r = make_copy(root, original, name, place->path, err);
	if (r < 0)
		return r;
	copy = rein_mounts_open(root->vault, name);
	if (copy < 0)
		return rein_fail(err, -copy, "cannot open the copy of %s: %s", place->path, strerror(-copy));
	return rein_root_bind(root, copy, place->path, rein_root_attributes(place->access), err);
}

static int put_itself(struct rein_root *root, const struct rein_place *place, const struct original *original,
		      struct rein_error *err)
{
	int r = check(original, -1, place->path, err);

	return r < 0 ? r : rein_root_bind(root, original->fd, place->path, rein_root_attributes(place->access), err);
}

int rein_root_put_verified(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	struct original original;
	int r = open_original(root, place, &original, err);

	if (r < 0)
		return r;
	r = (is_immutable(original.fd) ? put_itself : put_copy)(root, place, &original, err);
	close(original.fd);
	return r;
}

int rein_root_seal_vault(struct rein_root *root, struct rein_error *err)
{
	int r = root->vault < 0 ? 0 : rein_mounts_seal(root->vault);

	return r < 0 ? rein_fail(err, -r, "cannot seal the checked copies: %s", strerror(-r)) : 0;
}
