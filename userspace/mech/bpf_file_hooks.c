/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_file_hooks.h"

#include <bpf/libbpf.h>
#include <string.h>

#include "file.skel.h"

const struct rein_file_hook rein_file_hooks[] = {
	/* Bytes: announced with their size, then judged. */
	{.name = "rw_verify_area", .plain = true, .without = "it is not known how much a call writes"},
	{.name = "vfs_fallocate", .plain = true, .without = "it is not known how much a call reserves"},
	{.name = "vfs_clone_file_range", .plain = true, .without = "it is not known how much a reflink shares"},
	{.name = "vfs_dedupe_file_range_one", .plain = true, .without = "it is not known how much is deduplicated"},
	/* Static, so a compiler may drop it: then what sendfile asks for stays charged, whatever it wrote. */
	{.name = "do_sendfile", .plain = true, .optional = true, .without = "sendfile is charged what it asks for"},
	{.name = "do_splice", .plain = true, .without = "splice is charged twice"},
	{.name = "do_splice_direct", .plain = true, .without = "copies inside the kernel are charged twice"},
	{.name = "vfs_copy_file_range", .plain = true, .without = "copy_file_range is charged twice"},
	{.name = "vm_mmap_pgoff", .plain = true, .without = "it is not known how long a mapping is"},
	{.name = "file_permission", .without = "files are read and written unseen"},
	{.name = "mmap_file", .without = "files are written through mappings unseen"},
	{.name = "inode_init_security_anon", .without = "userfaultfd fills mapped files unseen"},
	{.name = "file_mprotect", .without = "a mapping becomes writable unseen"},

	/* Names and files. */
	{.name = "file_open", .without = "files are opened unseen"},
	{.name = "path_truncate", .without = "files are cut unseen"},
	/* From 6.2 on; before, ftruncate asked path_truncate. */
	{.name = "file_truncate", .optional = true, .without = "open files are cut unseen"},
	{.name = "path_mknod", .without = "files are made unseen"},
	{.name = "path_mkdir", .without = "folders are made unseen"},
	{.name = "path_symlink", .without = "symbolic links are made unseen"},
	{.name = "path_link", .without = "hard links are made unseen"},
	{.name = "path_unlink", .without = "files are deleted unseen"},
	{.name = "path_rmdir", .without = "folders are deleted unseen"},
	{.name = "path_rename", .without = "files are moved unseen"},

	/* Attributes. */
	{.name = "inode_setattr", .without = "modes, owners and times are changed unseen"},
	{.name = "inode_setxattr", .without = "extended attributes are set unseen"},
	{.name = "inode_removexattr", .without = "extended attributes are removed unseen"},
	/* From 6.2 on; before, ACLs were extended attributes. */
	{.name = "inode_set_acl", .optional = true, .without = "ACLs are set unseen"},
	{.name = "inode_remove_acl", .optional = true, .without = "ACLs are removed unseen"},
	/* From 6.17 on; before, by ioctl only. */
	{.name = "inode_file_setattr", .optional = true, .without = "flags are set unseen"},
	{.name = "file_ioctl", .without = "flags are changed and blocks shared unseen"},

	/* Sockets. */
	{.name = "socket_create", .without = "io_uring makes sockets of any kind"},
	{.name = "socket_sendmsg", .without = "data that a breaker denies stalls and does not fail"},

	/* Other ways to what is denied. */
	{.name = "file_receive", .without = "open files are handed in unseen"},
	{.name = "path_notify", .without = "files are watched unseen"},
	{.name = "unix_stream_connect", .without = "sockets of a path are connected to unseen"},
	{.name = "unix_may_send", .without = "sockets of a path are sent to unseen"},
	{.name = "sb_kern_mount", .without = "file systems are stacked on others unseen"},

	/* Processes. */
	{.name = "bprm_creds_for_exec", .without = "programs are started unseen"},
	{.name = "task_alloc", .without = "processes are made unseen"},
	{0},
};

#define AT(constant) offsetof(struct rein_file__rodata, constant)

const struct rein_file_argument rein_file_arguments[] = {
	{"inode_setattr", "dentry", AT(rein_setattr_dentry)},
	{"inode_setattr", "attr", AT(rein_setattr_attr)},
	{"mmap_file", "prot", AT(rein_mmap_file_prot)},
	{"mmap_file", "flags", AT(rein_mmap_file_flags)},
	{"inode_file_setattr", "dentry", AT(rein_file_setattr_dentry)},
	{0},
};

const struct rein_file_hook *rein_file_hook(const char *name)
{
	for (const struct rein_file_hook *hook = rein_file_hooks; hook->name; hook++)
		if (!strcmp(hook->name, name))
			return hook;
	return NULL;
}
