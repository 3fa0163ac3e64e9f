/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/syscall_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"

struct painting {
	struct rein_filter *filter;
	enum rein_call_fate fate;
};

static void paint(void *context, int nr)
{
	struct painting *p = context;

	if (p->filter->fates[nr] != REIN_CALL_ABSENT)
		p->filter->fates[nr] = p->fate;
}

static void paint_all(struct rein_filter *filter, const char *name, enum rein_call_fate fate)
{
	struct painting p = {filter, fate};

	rein_syscall_expand(name, paint, &p);
}

/* Before any rule: what is known is refused, what is not known does not exist. */
static void start(struct rein_filter *filter)
{
	for (int nr = 0; nr < REIN_CALLS_MAX; nr++) {
		const char *name = rein_syscall_name(nr);
		const struct rein_syscall_never *never = name ? rein_syscall_never(name) : NULL;

		filter->fates[nr] = !name || (never && never->absent) ? REIN_CALL_ABSENT : REIN_CALL_REFUSED;
	}
}

static int allow(struct rein_filter *filter, const struct rein_plan *plan, const struct rein_syscall_rule *rule,
		 struct rein_error *err)
{
	const struct rein_syscall_never *never = rein_syscall_never(rule->name);

	if (never && never->queues && plan->queues) {
		filter->fates[rein_syscall_number(rule->name)] = REIN_CALL_ALLOWED;
		return 0;
	}
	if (never && rule->optional)
		return 0;
	if (never)
		return rein_fail(err, EPERM, "%s:%d: %s cannot be allowed because %s; remove it from `syscalls`",
				 rule->origin.file, rule->origin.line, rule->name, never->why);
	paint_all(filter, rule->name, REIN_CALL_ALLOWED);
	return 0;
}

struct search {
	int nr;
	bool found;
};

static void compare(void *context, int nr)
{
	struct search *search = context;

	search->found |= nr == search->nr;
}

/* The deny that covers a call; NULL if none does. */
static const struct rein_syscall_rule *denied_by(const struct rein_policy *policy, int nr)
{
	for (size_t i = 0; i < policy->syscalls.count; i++) {
		struct search search = {.nr = nr};

		rein_syscall_expand(policy->syscalls.items[i].name, compare, &search);
		if (search.found && policy->syscalls.items[i].verdict != REIN_VERDICT_ALLOW)
			return &policy->syscalls.items[i];
	}
	return NULL;
}

static int check_vital(const struct rein_filter *filter, const struct rein_policy *policy, struct rein_error *err)
{
	for (const char *const *name = rein_syscall_vital; *name; name++) {
		int nr = rein_syscall_number(*name);
		const struct rein_syscall_rule *deny = denied_by(policy, nr);

		if (filter->fates[nr] == REIN_CALL_ALLOWED)
			continue;
		if (deny)
			return rein_fail(err, EINVAL, "%s:%d: without %s no program can be started; do not deny it",
					 deny->origin.file, deny->origin.line, *name);
		return rein_fail(err, EINVAL,
				 "%s: `syscalls` does not allow %s, without which no program can be started; allow "
				 "\"@default\", or at least \"@basic\", \"@file\" and \"@process\"",
				 policy->file, *name);
	}
	return 0;
}

static bool has_own_programs(const struct rein_view *view)
{
	const unsigned both = REIN_ACCESS_WRITE | REIN_ACCESS_EXECUTE;

	for (size_t i = 0; i < view->places.count; i++)
		if ((view->places.items[i].access & both) == both)
			return true;
	return false;
}

static unsigned features_of(const struct rein_plan *plan)
{
	unsigned features = 0;

	if (plan->unix_sockets)
		features |= REIN_FEATURE_UNIX;
	if (!plan->host_network || plan->use[REIN_MECH_BPF_NET])
		features |= REIN_FEATURE_NET;
	if (plan->use[REIN_MECH_BROKER])
		features |= REIN_FEATURE_BROKER;
	if (has_own_programs(&plan->view))
		features |= REIN_FEATURE_OWN_PROGRAMS;
	return features;
}

static unsigned watch_of(const struct rein_plan *plan, unsigned features)
{
	unsigned watch = 0;

	if (!(features & REIN_FEATURE_BROKER))
		return 0;
	for (size_t i = 0; i < plan->breakers.count; i++)
		if (plan->breakers.items[i].by == REIN_MECH_BROKER)
			watch |= 1U << plan->breakers.items[i].rule->meter;
	if (!plan->use[REIN_MECH_BPF_NET])
		watch |= REIN_WATCH_ADDRESS;
	if (!(features & REIN_FEATURE_NET))
		watch |= REIN_WATCH_LISTEN;
	return watch;
}

int rein_filter_decide(const struct rein_plan *plan, struct rein_filter *ret_filter, struct rein_error *err)
{
	const struct rein_policy *policy = plan->policy;
	struct rein_filter filter = {.features = features_of(plan)};
	int r = 0;

	filter.watch = watch_of(plan, filter.features);
	start(&filter);
	for (size_t i = 0; !r && i < policy->syscalls.count; i++)
		if (policy->syscalls.items[i].verdict == REIN_VERDICT_ALLOW)
			r = allow(&filter, plan, &policy->syscalls.items[i], err);
	for (size_t i = 0; i < policy->syscalls.count; i++)
		if (policy->syscalls.items[i].verdict != REIN_VERDICT_ALLOW)
			paint_all(&filter, policy->syscalls.items[i].name, REIN_CALL_REFUSED);
	/* Keys of System V and names of POSIX IPC are everybody's outside a namespace. */
	if (!(plan->namespaces & REIN_NS_IPC))
		paint_all(&filter, "@ipc", REIN_CALL_REFUSED);
	if (!r)
		r = check_vital(&filter, policy, err);
	if (!r)
		*ret_filter = filter;
	return r;
}

bool rein_filter_allows(const struct rein_filter *filter, int nr, const uint64_t *args)
{
	struct rein_case_vec cases = {0};
	bool allowed;

	if (nr < 0 || nr >= REIN_CALLS_MAX || filter->fates[nr] != REIN_CALL_ALLOWED)
		return false;
	allowed = !rein_call_cases(rein_syscall_name(nr), filter->features, 0, &cases) && rein_cases_hold(&cases, args);
	rein_vec_free(&cases);
	return allowed;
}

static int add_case(scmp_filter_ctx ctx, int nr, const struct rein_call_case *one)
{
	struct scmp_arg_cmp tests[REIN_CASE_TESTS];

	for (int i = 0; i < one->nr_tests; i++)
		tests[i] = SCMP_CMP64(one->tests[i].arg, SCMP_CMP_MASKED_EQ, one->tests[i].mask, one->tests[i].value);
	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, (unsigned)one->nr_tests, tests);
}

static int add_call(scmp_filter_ctx ctx, const struct rein_filter *filter, int nr)
{
	struct rein_case_vec cases = {0};
	int r;

	if (filter->fates[nr] == REIN_CALL_ABSENT)
		return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), nr, 0);
	if (filter->fates[nr] != REIN_CALL_ALLOWED)
		return 0; /* the filter's default */
	r = rein_call_cases(rein_syscall_name(nr), filter->features, filter->watch, &cases);
	for (size_t i = 0; !r && i < cases.count; i++)
		r = add_case(ctx, nr, &cases.items[i]);
	rein_vec_free(&cases);
	return r;
}

static int add_all(scmp_filter_ctx ctx, const struct rein_filter *filter)
{
	/* Attributes first. BADARCH is what a foreign ABI gets, x32 and int 0x80 too; 2 is the binary tree. */
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (!r)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (int nr = 0; !r && nr < REIN_CALLS_MAX; nr++)
		r = add_call(ctx, filter, nr);
	return r;
}

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define FOREIGN_BIT 0x40000000U /* x32 */
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define FOREIGN_BIT 0xffffffffU
#else
#error "rein does not know this architecture's number for seccomp"
#endif

/*
 * In front of libseccomp's program, whose default is to refuse: numbers past all that rein knows do not exist, as on an
 * older kernel, so that programs use what they used before. Foreign ABIs go on to be killed.
 */
static const struct sock_filter prologue[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 0, 4),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_BIT, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, REIN_CALLS_MAX, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
};

static int read_program(int fd, struct sock_fprog *ret_program, struct rein_error *err)
{
	struct stat st;
	size_t count, mine = REIN_COUNT(prologue);
	REIN_AUTO_FREE struct sock_filter *code = NULL;

	if (fstat(fd, &st))
		return rein_fail_errno(err, "cannot look at the filter");
	count = (size_t)st.st_size / sizeof(*code) + mine;
	if (count > BPF_MAXINSNS)
		return rein_fail(err, E2BIG, "the system call filter has %zu instructions, the kernel takes %d", count,
				 BPF_MAXINSNS);
	code = calloc(count, sizeof(*code));
	if (!code)
		return rein_fail(err, ENOMEM, "no memory for the system call filter");
	memcpy(code, prologue, sizeof(prologue));
	if (pread(fd, code + mine, (size_t)st.st_size, 0) != st.st_size)
		return rein_fail_errno(err, "cannot read the filter");
	*ret_program = (struct sock_fprog){(unsigned short)count, rein_take_pointer(&code)};
	return 0;
}

int rein_filter_compile(const struct rein_filter *filter, struct sock_fprog *ret_program, struct rein_error *err)
{
	bool notify = filter->features & REIN_FEATURE_BROKER;
	REIN_AUTO_FD int fd = memfd_create("rein-filter", MFD_CLOEXEC);
	scmp_filter_ctx ctx = seccomp_init(notify ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(EPERM));
	int r = fd < 0 ? -errno : ctx ? add_all(ctx, filter) : -ENOSYS;

	if (!r)
		r = seccomp_export_bpf(ctx, fd);
	if (ctx)
		seccomp_release(ctx);
	if (r)
		return rein_fail(err, -r, "libseccomp cannot make the system call filter: %s", strerror(-r));
	return read_program(fd, ret_program, err);
}
