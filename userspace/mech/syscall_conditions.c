/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/syscall_conditions.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define U32 0xffffffffULL /* an int argument: the kernel ignores the upper half, so must every test */
#define FAMILY(family)         \
	{                      \
		0, U32, family \
	}
#define TYPE(type)           \
	{                    \
		1, 0xf, type \
	} /* without SOCK_CLOEXEC and SOCK_NONBLOCK */
#define PROTOCOL(protocol)       \
	{                        \
		2, U32, protocol \
	}
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8U
#endif
#define PRIVILEGED_BITS (S_ISUID | S_ISGID)
#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define CREATES (O_CREAT | 020000000) /* or O_TMPFILE: only then is there a mode argument */

/* A call with rows here is allowed only as they say; any row will do whose features are all there. */
static const struct condition {
	const char *name;
	unsigned features;
	struct rein_register_test tests[REIN_CASE_TESTS];
	int nr_tests;
} conditions[] = {
	{"socket", REIN_FEATURE_UNIX, {FAMILY(AF_UNIX), TYPE(SOCK_STREAM)}, 2},
	{"socket", REIN_FEATURE_UNIX, {FAMILY(AF_UNIX), TYPE(SOCK_DGRAM)}, 2},
	{"socket", REIN_FEATURE_UNIX, {FAMILY(AF_UNIX), TYPE(SOCK_SEQPACKET)}, 2},
	{"socket", 0, {FAMILY(AF_INET), TYPE(SOCK_STREAM), PROTOCOL(0)}, 3},
	{"socket", 0, {FAMILY(AF_INET), TYPE(SOCK_STREAM), PROTOCOL(IPPROTO_TCP)}, 3},
	{"socket", 0, {FAMILY(AF_INET6), TYPE(SOCK_STREAM), PROTOCOL(0)}, 3},
	{"socket", 0, {FAMILY(AF_INET6), TYPE(SOCK_STREAM), PROTOCOL(IPPROTO_TCP)}, 3},
	{"socket", REIN_FEATURE_NET, {FAMILY(AF_INET), TYPE(SOCK_DGRAM), PROTOCOL(0)}, 3},
	{"socket", REIN_FEATURE_NET, {FAMILY(AF_INET), TYPE(SOCK_DGRAM), PROTOCOL(IPPROTO_UDP)}, 3},
	{"socket", REIN_FEATURE_NET, {FAMILY(AF_INET6), TYPE(SOCK_DGRAM), PROTOCOL(0)}, 3},
	{"socket", REIN_FEATURE_NET, {FAMILY(AF_INET6), TYPE(SOCK_DGRAM), PROTOCOL(IPPROTO_UDP)}, 3},
	/* NETLINK_ROUTE: how the C library lists interfaces and addresses */
	{"socket", 0, {FAMILY(AF_NETLINK), TYPE(SOCK_RAW), PROTOCOL(0)}, 3},
	{"socket", 0, {FAMILY(AF_NETLINK), TYPE(SOCK_DGRAM), PROTOCOL(0)}, 3},
	/* One end of a datagram pair can still send to any other socket by name; a stream or sequence cannot. */
	{"socketpair", 0, {FAMILY(AF_UNIX), TYPE(SOCK_STREAM)}, 2},
	{"socketpair", 0, {FAMILY(AF_UNIX), TYPE(SOCK_SEQPACKET)}, 2},
	{"socketpair", REIN_FEATURE_UNIX, {FAMILY(AF_UNIX), TYPE(SOCK_DGRAM)}, 2},
	{"sendto", REIN_FEATURE_NET, {{0}}, 0},
	{"sendto", 0, {{3, MSG_FASTOPEN, 0}}, 1},
	{"sendmsg", REIN_FEATURE_NET, {{0}}, 0},
	{"sendmsg", 0, {{2, MSG_FASTOPEN, 0}}, 1},
	{"sendmmsg", REIN_FEATURE_NET, {{0}}, 0},
	{"sendmmsg", 0, {{3, MSG_FASTOPEN, 0}}, 1},
	{"listen", REIN_FEATURE_NET, {{0}}, 0},
	{"listen", REIN_FEATURE_BROKER, {{0}}, 0},

	{"clone", 0, {{0, NAMESPACES, 0}}, 1},
	/* Neither Landlock nor a mount's noexec governs files in memory; the seal is for good. Linux 6.3 knows it. */
	{"memfd_create", REIN_FEATURE_OWN_PROGRAMS, {{0}}, 0},
	{"memfd_create", 0, {{1, MFD_NOEXEC_SEAL, MFD_NOEXEC_SEAL}}, 1},
	/* A listener of the agent's own would see its calls first. */
	{"seccomp", 0, {{1, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0}}, 1},
	/* Only 1: what is not dumpable shows nobody what it writes (PR_SET_DUMPABLE is an exception below). */
	{"prctl", 0, {{0, U32, PR_SET_DUMPABLE}, {1, ~0ULL, 1}}, 2},
	{"personality", 0, {{0, U32, U32}}, 1}, /* asks for the present one */
	{"personality", 0, {{0, U32, PER_LINUX}}, 1},
	{"personality", 0, {{0, U32, PER_LINUX32}}, 1},
	{"personality", 0, {{0, U32, UNAME26}}, 1},
	{"personality", 0, {{0, U32, PER_LINUX32 | UNAME26}}, 1},
	{"personality", 0, {{0, U32, ADDR_NO_RANDOMIZE}}, 1}, /* sanitizers start themselves again so */

	/* A setuid file outlives the agent and runs as its user for whoever calls it. */
	{"chmod", 0, {{1, PRIVILEGED_BITS, 0}}, 1},
	{"fchmod", 0, {{1, PRIVILEGED_BITS, 0}}, 1},
	{"fchmodat", 0, {{2, PRIVILEGED_BITS, 0}}, 1},
	{"fchmodat2", 0, {{2, PRIVILEGED_BITS, 0}}, 1},
	{"creat", 0, {{1, PRIVILEGED_BITS, 0}}, 1},
	{"open", 0, {{1, CREATES, 0}}, 1},
	{"open", 0, {{2, PRIVILEGED_BITS, 0}}, 1},
	{"openat", 0, {{2, CREATES, 0}}, 1},
	{"openat", 0, {{3, PRIVILEGED_BITS, 0}}, 1},
	{"mknod", 0, {{1, S_IFMT | PRIVILEGED_BITS, 0}}, 1},
	{"mknod", 0, {{1, S_IFMT | PRIVILEGED_BITS, S_IFREG}}, 1},
	{"mknod", 0, {{1, S_IFMT | PRIVILEGED_BITS, S_IFIFO}}, 1},
	{"mknod", 0, {{1, S_IFMT | PRIVILEGED_BITS, S_IFSOCK}}, 1},
	{"mknodat", 0, {{2, S_IFMT | PRIVILEGED_BITS, 0}}, 1},
	{"mknodat", 0, {{2, S_IFMT | PRIVILEGED_BITS, S_IFREG}}, 1},
	{"mknodat", 0, {{2, S_IFMT | PRIVILEGED_BITS, S_IFIFO}}, 1},
	{"mknodat", 0, {{2, S_IFMT | PRIVILEGED_BITS, S_IFSOCK}}, 1},
	{"renameat2", 0, {{4, RENAME_WHITEOUT, 0}}, 1}, /* makes a node that no meter counts */
};

#define BTRFS_SNAP_DESTROY _IOW(0x94, 15, char[4096])
#define BTRFS_SNAP_DESTROY_V2 _IOW(0x94, 63, char[4096])
#define FILE_SYSTEM_SPACE(nr) _IOW('X', nr, char[48]) /* struct space_resv; the one of 32 bits needs an i386 call */

/* A call with rows here is allowed with every other value. */
static const struct exception {
	const char *name;
	unsigned unless; /* with these features the row does not count */
	uint8_t arg;
	uint32_t value;
} exceptions[] = {
	{"ioctl", 0, 1, TIOCSTI}, /* types into the terminal it was started from */
	{"ioctl", 0, 1, TIOCLINUX},
	{"ioctl", 0, 1, TIOCSETD},	     /* loads line disciplines, old code */
	{"ioctl", 0, 1, BTRFS_SNAP_DESTROY}, /* a whole tree in one call that no meter could count */
	{"ioctl", 0, 1, BTRFS_SNAP_DESTROY_V2},
	{"ioctl", 0, 1, FS_IOC_SETVERSION},
	{"ioctl", 0, 1, FS_IOC32_SETVERSION},
	{"ioctl", 0, 1, FILE_SYSTEM_SPACE(40)}, /* FS_IOC_RESVSP and so on: fallocate from before there was one */
	{"ioctl", 0, 1, FILE_SYSTEM_SPACE(41)},
	{"ioctl", 0, 1, FILE_SYSTEM_SPACE(42)},
	{"ioctl", 0, 1, FILE_SYSTEM_SPACE(43)},
	{"ioctl", 0, 1, FILE_SYSTEM_SPACE(57)},
	/* A hole through a mapping, where no descriptor is named and no meter looks. */
	{"madvise", 0, 2, MADV_REMOVE},
	{"process_madvise", 0, 3, MADV_REMOVE},
	{"prctl", 0, 0, PR_SET_MM}, /* forges what /proc says of it */
	{"prctl", 0, 0, PR_SET_DUMPABLE},
};

/* The same for two values together; a call has rows here or above. The first argument of all rows of a call is one. */
static const struct pair {
	const char *name;
	unsigned unless;
	uint8_t arg;
	uint32_t value;
	uint8_t other_arg;
	uint32_t other_value;
} pairs[] = {
	{"setsockopt", REIN_FEATURE_NET, 1, IPPROTO_TCP, 2, TCP_FASTOPEN_CONNECT},
	/* It may turn a socket of TCP into one of another protocol (SMC), that Landlock does not know. */
	{"setsockopt", REIN_FEATURE_NET, 1, IPPROTO_TCP, 2, TCP_ULP},
	/* A source route sends to its first stop, whatever address the socket was connected to. */
	{"setsockopt", REIN_FEATURE_NET, 1, IPPROTO_IP, 2, IP_OPTIONS},
	{"setsockopt", REIN_FEATURE_NET, 1, IPPROTO_IPV6, 2, IPV6_RTHDR},
	{"setsockopt", REIN_FEATURE_NET, 1, IPPROTO_IPV6, 2, IPV6_2292PKTOPTIONS},
};

#define OTHER_SOCKETS                                                                                                 \
	"only sockets for TCP, UDP, UNIX and routing information can be confined here (UDP and UNIX not everywhere: " \
	"see "                                                                                                        \
	"`rein plan`)"
#define SETUID_FILES "setuid and setgid files outlive the agent, and run as its user for whoever calls them"
#define NODES "only files, pipes and sockets can be made, without setuid or setgid bits"
#define HOLES "it would punch holes into a mapped file that no breaker could count; fallocate can"
#define FAST_OPEN "data sent while connecting is not seen by what confines the network here"

static const struct {
	const char *name, *why;
} reasons[] = {
	{"socket", OTHER_SOCKETS},
	{"socketpair", OTHER_SOCKETS},
	{"sendto", FAST_OPEN},
	{"sendmsg", FAST_OPEN},
	{"sendmmsg", FAST_OPEN},
	{"setsockopt",
	 "data sent while connecting, source routes and other protocols on top are not seen by what confines the "
	 "network here"},
	{"listen", "a socket that was never bound would listen on a port that no rule allows"},
	{"clone", "a new namespace is a way out of the policy"},
	{"memfd_create", "a file in memory could be executed, though no rule lets the agent execute what it wrote"},
	{"seccomp", "a listener of the agent's own would see its calls before rein does"},
	{"personality", "of the personalities only those that do no harm are allowed"},
	{"chmod", SETUID_FILES},
	{"fchmod", SETUID_FILES},
	{"fchmodat", SETUID_FILES},
	{"fchmodat2", SETUID_FILES},
	{"creat", SETUID_FILES},
	{"open", SETUID_FILES},
	{"openat", SETUID_FILES},
	{"mknod", NODES},
	{"mknodat", NODES},
	{"ioctl",
	 "it would type into a terminal, change its line discipline, or change files in a way that no breaker could "
	 "count (fallocate can be used for space)"},
	{"renameat2", "a whiteout would be made where the file was, and no breaker counts it"},
	{"madvise", HOLES},
	{"process_madvise", HOLES},
	{"prctl", "it would forge or hide what /proc says of the process, by which its writes are counted"},
};

const char *rein_call_condition(const char *name)
{
	for (size_t i = 0; i < REIN_COUNT(reasons); i++)
		if (!strcmp(reasons[i].name, name))
			return reasons[i].why;
	return NULL;
}

#define VALUES_MAX 32
struct values {
	uint32_t of[VALUES_MAX];
	size_t count;
};

static bool same(const char *a, const char *b)
{
	return !strcmp(a, b);
}

/* What of argument `arg` is excepted or, for a meter, must be seen. */
static void collect(const char *name, unsigned features, unsigned watch, uint8_t arg, struct values *values)
{
	const struct rein_watched_call *row;

	values->count = 0;
	for (size_t i = 0; i < REIN_COUNT(exceptions); i++) {
		const struct exception *e = &exceptions[i];

		if (e->arg == arg && same(e->name, name) && !(e->unless & features) && values->count < VALUES_MAX)
			values->of[values->count++] = e->value;
	}
	for (row = rein_watched_calls; row->name; row++)
		if (row->when == REIN_WHEN_IS && row->arg == arg && row->watch & watch && same(row->name, name) &&
		    values->count < VALUES_MAX)
			values->of[values->count++] = (uint32_t)row->bits;
}

static int add_test(struct rein_call_case *one, const struct rein_register_test *test)
{
	for (int i = 0; i < one->nr_tests; i++) {
		struct rein_register_test *have = &one->tests[i];
		uint64_t common = have->mask & test->mask;

		if (have->arg != test->arg)
			continue;
		if ((have->value ^ test->value) & common)
			return -EINVAL; /* both can never hold */
		have->mask |= test->mask;
		have->value |= test->value;
		return 0;
	}
	if (one->nr_tests == REIN_CASE_TESTS)
		return -EINVAL;
	one->tests[one->nr_tests++] = *test;
	return 0;
}

/* Narrows a case to what no meter has to see; -EINVAL where nothing is left of it. */
static int keep_quiet(const char *name, unsigned watch, struct rein_call_case *one)
{
	for (const struct rein_watched_call *row = rein_watched_calls; row->name; row++) {
		struct rein_register_test test = {row->arg, row->bits, row->when == REIN_WHEN_NONE ? row->bits : 0};

		if (!(row->watch & watch) || !same(row->name, name) || row->when == REIN_WHEN_IS)
			continue;
		if (row->when == REIN_WHEN_ALWAYS || add_test(one, &test))
			return -EINVAL;
	}
	return 0;
}

static int add_case(const char *name, unsigned watch, const struct rein_call_case *one, struct rein_case_vec *cases)
{
	struct rein_call_case quiet = *one, *item;

	if (keep_quiet(name, watch, &quiet))
		return 0;
	item = rein_vec_add(cases);
	if (!item)
		return -ENOMEM;
	*item = quiet;
	return 0;
}

static size_t under(const struct values *values, uint32_t prefix, int bits)
{
	size_t count = 0;

	for (size_t i = 0; i < values->count; i++)
		count += !bits || (values->of[i] ^ prefix) >> (32 - bits) == 0;
	return count;
}

struct complement {
	const char *name;
	unsigned watch;
	const struct rein_register_test *base; /* on another argument; NULL: none */
	uint8_t arg;
	const struct values *values;
	struct rein_case_vec *cases;
};

/* "None of these values" as cases that each fix a prefix: filters can test masked bits for equality, nothing else. */
static int all_but(const struct complement *c, uint32_t prefix, int bits)
{
	struct rein_call_case one = {{{c->arg, bits ? U32 << (32 - bits) & U32 : 0, prefix}}, bits ? 1 : 0};
	int r;

	if (c->base)
		one.tests[one.nr_tests++] = *c->base;
	if (!under(c->values, prefix, bits))
		return add_case(c->name, c->watch, &one, c->cases);
	if (bits == 32)
		return 0;
	r = all_but(c, prefix, bits + 1);
	return r ? r : all_but(c, prefix | 1U << (31 - bits), bits + 1);
}

static void add_value(struct values *values, uint32_t value)
{
	for (size_t i = 0; i < values->count; i++)
		if (values->of[i] == value)
			return;
	if (values->count < VALUES_MAX)
		values->of[values->count++] = value;
}

/* The first values of a call's pairs, or the other values that go with `*first`. Returns a row, NULL if there is none.
 */
static const struct pair *collect_pairs(const char *name, unsigned features, const uint32_t *first,
					struct values *values)
{
	const struct pair *found = NULL;

	values->count = 0;
	for (size_t i = 0; i < REIN_COUNT(pairs); i++) {
		const struct pair *p = &pairs[i];

		if (!same(p->name, name) || p->unless & features || (first && p->value != *first))
			continue;
		add_value(values, first ? p->other_value : p->value);
		found = p;
	}
	return found;
}

/* Everything but the pairs: another first value, or each of theirs with another second one. */
static int add_all_but_pairs(const char *name, unsigned features, unsigned watch, struct rein_case_vec *cases,
			     bool *conditional)
{
	struct values firsts, others;
	const struct pair *pair = collect_pairs(name, features, NULL, &firsts);
	struct complement c = {name, watch, NULL, pair ? pair->arg : 0, &firsts, cases};
	int r = pair ? all_but(&c, 0, 0) : 0;

	*conditional |= pair != NULL;
	for (size_t i = 0; !r && pair && i < firsts.count; i++) {
		struct rein_register_test base = {pair->arg, U32, firsts.of[i]};

		collect_pairs(name, features, &firsts.of[i], &others);
		c = (struct complement){name, watch, &base, pair->other_arg, &others, cases};
		r = all_but(&c, 0, 0);
	}
	return r;
}

/* Appends the cases of rows, and says whether the call has any row at all. */
static int add_conditions(const char *name, unsigned features, unsigned watch, struct rein_case_vec *cases,
			  bool *conditional)
{
	for (size_t i = 0; i < REIN_COUNT(conditions); i++) {
		const struct condition *c = &conditions[i];
		struct rein_call_case one = {.nr_tests = c->nr_tests};
		int r;

		if (!same(c->name, name))
			continue;
		*conditional = true;
		if ((c->features & features) != c->features)
			continue;
		memcpy(one.tests, c->tests, sizeof(one.tests));
		r = add_case(name, watch, &one, cases);
		if (r)
			return r;
	}
	return 0;
}

int rein_call_cases(const char *name, unsigned features, unsigned watch, struct rein_case_vec *cases)
{
	const struct rein_call_case anything = {.nr_tests = 0};
	bool conditional = false;
	int r = add_conditions(name, features, watch, cases, &conditional);

	if (!r)
		r = add_all_but_pairs(name, features, watch, cases, &conditional);
	for (uint8_t arg = 0; !r && arg < 6; arg++) {
		struct values values;
		struct complement c = {name, watch, NULL, arg, &values, cases};

		collect(name, features, watch, arg, &values);
		if (!values.count)
			continue;
		conditional = true;
		r = all_but(&c, 0, 0);
	}
	return r || conditional ? r : add_case(name, watch, &anything, cases);
}

static bool holds(const struct rein_call_case *one, const uint64_t *args)
{
	for (int i = 0; i < one->nr_tests; i++)
		if ((args[one->tests[i].arg] & one->tests[i].mask) != one->tests[i].value)
			return false;
	return true;
}

bool rein_cases_hold(const struct rein_case_vec *cases, const uint64_t *args)
{
	for (size_t i = 0; i < cases->count; i++)
		if (holds(&cases->items[i], args))
			return true;
	return false;
}
