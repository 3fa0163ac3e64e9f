/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_LANDLOCK_ABI_H
#define REIN_BASE_LANDLOCK_ABI_H

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Landlock as the kernel speaks it, ABI 1 to 10: the distribution's headers may know less than the running kernel. */

enum rein_landlock_fs {
	REIN_LANDLOCK_EXECUTE = 1 << 0,
	REIN_LANDLOCK_WRITE_FILE = 1 << 1,
	REIN_LANDLOCK_READ_FILE = 1 << 2,
	REIN_LANDLOCK_READ_DIR = 1 << 3,
	REIN_LANDLOCK_REMOVE_DIR = 1 << 4,
	REIN_LANDLOCK_REMOVE_FILE = 1 << 5,
	REIN_LANDLOCK_MAKE_CHAR = 1 << 6,
	REIN_LANDLOCK_MAKE_DIR = 1 << 7,
	REIN_LANDLOCK_MAKE_REG = 1 << 8,
	REIN_LANDLOCK_MAKE_SOCK = 1 << 9,
	REIN_LANDLOCK_MAKE_FIFO = 1 << 10,
	REIN_LANDLOCK_MAKE_BLOCK = 1 << 11,
	REIN_LANDLOCK_MAKE_SYM = 1 << 12,
	REIN_LANDLOCK_REFER = 1 << 13,	      /* ABI 2 */
	REIN_LANDLOCK_TRUNCATE = 1 << 14,     /* ABI 3 */
	REIN_LANDLOCK_IOCTL_DEV = 1 << 15,    /* ABI 5 */
	REIN_LANDLOCK_RESOLVE_UNIX = 1 << 16, /* ABI 9; only of sockets made outside the domain */
};

enum rein_landlock_net {
	REIN_LANDLOCK_BIND_TCP = 1 << 0, /* ABI 4 */
	REIN_LANDLOCK_CONNECT_TCP = 1 << 1,
	REIN_LANDLOCK_BIND_UDP = 1 << 2,	 /* ABI 10; port 0 stands for a port that the kernel picks */
	REIN_LANDLOCK_CONNECT_SEND_UDP = 1 << 3, /* ABI 10 */
};

enum rein_landlock_scope {
	REIN_LANDLOCK_ABSTRACT_UNIX = 1 << 0, /* ABI 6 */
	REIN_LANDLOCK_SIGNAL = 1 << 1,
};

struct rein_landlock_ruleset {
	uint64_t fs, net, scoped; /* net from ABI 4, scoped from ABI 6: older kernels accept zeros */
};

struct rein_landlock_beneath {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct rein_landlock_port {
	uint64_t allowed, port;
};

enum rein_landlock_rule { REIN_LANDLOCK_PATH_BENEATH = 1, REIN_LANDLOCK_NET_PORT = 2 };

/* The same numbers on every architecture. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* The kernel's ABI; -1 with errno ENOSYS (not built) or EOPNOTSUPP (not enabled) without Landlock. */
static inline int rein_landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1U);
}

static inline int rein_landlock_create(const struct rein_landlock_ruleset *ruleset)
{
	return (int)syscall(SYS_landlock_create_ruleset, ruleset, sizeof(*ruleset), 0U);
}

static inline int rein_landlock_add(int ruleset_fd, enum rein_landlock_rule kind, const void *rule)
{
	return (int)syscall(SYS_landlock_add_rule, ruleset_fd, kind, rule, 0U);
}

static inline int rein_landlock_restrict(int ruleset_fd)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset_fd, 0U);
}

#endif
