/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every probe is run confined, and judged by what it did to the world around it (harness/world.h). Those of which
 * something should be seen without rein are run bare first, so that a probe that could not hit anything fails here.
 */
#include "harness/world.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char strict[] = "rein: 1\n"
			     "name: strict\n"
			     "description: A workspace with carve-outs, one program, nobody to talk to.\n"
			     "filesystem:\n"
			     "  read: [/usr, /lib, /lib64, /bin]\n"
			     "  write:\n"
			     "    allow: [$WORKSPACE, /tmp, /dev/shm]\n"
			     "    deny:  [$WORKSPACE/.git/hooks, $WORKSPACE/.git/config, $WORKSPACE/.envrc]\n"
			     "  execute: [/usr/bin, /usr/lib, /lib, /lib64, /bin, $TRIAL/tools]\n"
			     "syscalls: [\"@default\"]\n"
			     "environment: {keep: [PATH, HOME]}\n"
			     "limits: {processes: 64, wall_time: 10m}\n";

/* The same on the host's network, where addresses are declared but not those of the world. Without root the second one
 * is what takes it there, by the broker; where that cannot keep it, the network is its own. */
static const char connected[] = "rein: 1\n"
				"name: connected\n"
				"description: As strict, with one address to talk to.\n"
				"filesystem:\n"
				"  read: [/usr, /lib, /lib64, /bin]\n"
				"  write: [$WORKSPACE]\n"
				"  execute: [/usr/bin, /usr/lib, /lib, /lib64, /bin, $TRIAL/tools]\n"
				"network:\n"
				"  connect: [{cidr: 127.0.0.1/32, port: 1}, {cidr: 192.0.2.1/32, port: 443, "
				"optional: true}]\n"
				"syscalls: [\"@default\"]\n"
				"environment: {keep: [PATH, HOME]}\n"
				"limits: {processes: 64, wall_time: 10m}\n";

/* Who must see something when the probe runs bare, so that its silence under rein means something. */
enum power {
	NOWHERE,   /* it is harmful bare, or needs more than this machine has */
	EVERYBODY, /* as whichever user */
	ONLY_ROOT, /* only as uid 0 */
};

struct row {
	const char *probe;
	enum power power;
	unsigned bare;	  /* marks of which one at least shows when it is run bare */
	unsigned allowed; /* marks that are no harm under rein */
};

/* What happens in its own world cannot be told from a success by the probe itself: then only effects count. */
#define EFFECT WORLD_CLAIM

static const struct row rows[] = {
	/* files */
	{"open-read", EVERYBODY, WORLD_LEAK, 0},
	{"open-write", EVERYBODY, WORLD_FILES, 0},
	{"open-truncate", EVERYBODY, WORLD_FILES, 0},
	{"truncate-path", EVERYBODY, WORLD_FILES, 0},
	{"open-create", EVERYBODY, WORLD_FILES, 0},
	{"open-unnamed", EVERYBODY, WORLD_FILES, 0},
	{"open-by-openat2", EVERYBODY, WORLD_FILES, 0},
	{"reopen-path-descriptor", EVERYBODY, WORLD_FILES, 0},
	{"hard-link-in-and-read", EVERYBODY, WORLD_LEAK, 0},
	{"hard-link-in-and-write", EVERYBODY, WORLD_FILES, 0},
	{"hard-link-out", EVERYBODY, WORLD_FILES, 0},
	{"rename-out", EVERYBODY, WORLD_FILES, 0},
	{"rename-over", EVERYBODY, WORLD_FILES, 0},
	{"rename-in", EVERYBODY, WORLD_FILES, 0},
	{"rename-exchange", EVERYBODY, WORLD_FILES, 0},
	{"symlink-read", EVERYBODY, WORLD_LEAK, 0},
	{"symlink-write", EVERYBODY, WORLD_FILES, 0},
	{"symlink-folder", EVERYBODY, WORLD_FILES, 0},
	{"proc-self-root", EVERYBODY, WORLD_LEAK, 0},
	{"proc-init-root", NOWHERE, 0, 0},
	{"proc-bystander-root", EVERYBODY, WORLD_LEAK, 0},
	{"proc-any-root", EVERYBODY, WORLD_LEAK, 0},
	{"dot-dot", EVERYBODY, WORLD_LEAK, 0},
	{"dot-dot-of-descriptor", EVERYBODY, WORLD_LEAK, 0},
	{"chdir-then-open", EVERYBODY, WORLD_FILES, 0},
	{"open-by-handle", ONLY_ROOT, WORLD_LEAK, 0},
	{"make-disk-node", NOWHERE, 0, 0},
	{"make-memory-node", NOWHERE, 0, 0},
	{"open-devices", ONLY_ROOT, WORLD_CLAIM, 0},
	{"map-and-store", EVERYBODY, WORLD_FILES, 0},
	{"write-home", EVERYBODY, WORLD_FILES, 0},
	{"write-tmp", EVERYBODY, WORLD_FILES, EFFECT},
	{"write-var-tmp", EVERYBODY, WORLD_FILES, EFFECT},
	{"write-dev-shm", EVERYBODY, WORLD_FILES, EFFECT},
	/* execution */
	{"execute-outside", EVERYBODY, WORLD_RAN, 0},
	{"execute-workspace", EVERYBODY, WORLD_RAN, 0},
	{"execute-workspace-in-child", EVERYBODY, WORLD_RAN, 0},
	{"loader-outside", EVERYBODY, WORLD_RAN, 0},
	{"loader-workspace", EVERYBODY, WORLD_RAN, 0},
	{"loader-preload", NOWHERE, 0, 0},
	{"shebang", EVERYBODY, WORLD_RAN, 0},
	{"execute-tmp", NOWHERE, 0, 0},
	{"execute-dev-shm", NOWHERE, 0, 0},
	{"execute-memory", EVERYBODY, WORLD_RAN, 0},
	{"execute-descriptor", EVERYBODY, WORLD_RAN, 0},
	{"execute-setuid", NOWHERE, 0, 0},
	{"execute-capable", NOWHERE, 0, 0},
	/* carve-outs */
	{"carve-out-write", EVERYBODY, WORLD_CARVE_OUT, 0},
	{"carve-out-later-file", EVERYBODY, WORLD_CARVE_OUT, 0},
	{"carve-out-missing", EVERYBODY, WORLD_CARVE_OUT, 0},
	{"carve-out-rename", EVERYBODY, WORLD_CARVE_OUT, 0},
	{"carve-out-rename-parent", EVERYBODY, WORLD_CARVE_OUT, 0},
	{"carve-out-exchange", EVERYBODY, WORLD_CARVE_OUT, 0},
	{"carve-out-remove", EVERYBODY, WORLD_CARVE_OUT, 0},
	{"carve-out-rename-over", EVERYBODY, WORLD_CARVE_OUT, 0},
	{"carve-out-hard-link", EVERYBODY, WORLD_CARVE_OUT, 0},
	{"carve-out-symlink", EVERYBODY, WORLD_CARVE_OUT, 0},
	{"workspace-swap", NOWHERE, 0, 0},
	/* metadata */
	{"change-mode", ONLY_ROOT, WORLD_FILES, 0},
	{"change-mode-2", NOWHERE, 0, 0},
	{"change-mode-of-descriptor", ONLY_ROOT, WORLD_FILES, 0},
	{"change-owner", NOWHERE, 0, 0},
	{"change-times", ONLY_ROOT, WORLD_FILES, 0},
	{"set-attribute", EVERYBODY, WORLD_FILES | WORLD_CLAIM, 0},
	{"set-flags", ONLY_ROOT, WORLD_FILES | WORLD_CLAIM, 0},
	{"remove-file", EVERYBODY, WORLD_FILES, 0},
	{"remove-folder", EVERYBODY, WORLD_FILES, 0},
	{"make-folder", EVERYBODY, WORLD_FILES, 0},
	{"make-symlink", EVERYBODY, WORLD_FILES, 0},
	{"make-fifo", EVERYBODY, WORLD_FILES, 0},
	{"change-folder-mode", ONLY_ROOT, WORLD_FILES, 0},
	/* namespaces: never bare, they would rearrange the host */
	{"unshare-user-and-pid", NOWHERE, 0, 0},
	{"unshare-user-and-mount", NOWHERE, 0, 0},
	{"unshare-network", NOWHERE, 0, 0},
	{"unshare-cgroup", NOWHERE, 0, 0},
	{"clone-user", NOWHERE, 0, 0},
	{"enter-mount-of-init", NOWHERE, 0, 0},
	{"enter-user-of-bystander", NOWHERE, 0, 0},
	{"enter-by-pidfd", NOWHERE, 0, 0},
	{"change-root", ONLY_ROOT, WORLD_LEAK, 0},
	{"bind-mount", NOWHERE, 0, 0},
	{"remount-writable", NOWHERE, 0, 0},
	{"unmount-carve-out", NOWHERE, 0, 0},
	{"mount-attributes", NOWHERE, 0, 0},
	{"open-tree-clone", NOWHERE, 0, 0},
	{"new-file-system", ONLY_ROOT, WORLD_CLAIM, 0},
	{"mount-proc", NOWHERE, 0, 0},
	{"pivot", NOWHERE, 0, 0},
	{"host-name", NOWHERE, 0, 0},
	{"domain-name", NOWHERE, 0, 0},
	/* processes */
	{"signal-bystander", EVERYBODY, WORLD_BYSTANDER, 0},
	{"stop-bystander", EVERYBODY, WORLD_BYSTANDER, 0},
	{"signal-thread", EVERYBODY, WORLD_BYSTANDER, 0},
	{"signal-group", EVERYBODY, WORLD_BYSTANDER, 0},
	{"signal-by-pidfd", EVERYBODY, WORLD_BYSTANDER, 0},
	{"signal-everybody", NOWHERE, 0, EFFECT},
	{"signal-queue", EVERYBODY, WORLD_BYSTANDER, 0},
	{"trace-bystander", NOWHERE, 0, 0},
	{"write-memory-by-vm", EVERYBODY, WORLD_BYSTANDER, 0},
	{"read-memory-by-vm", EVERYBODY, WORLD_LEAK, 0},
	{"write-memory-by-proc", EVERYBODY, WORLD_BYSTANDER, 0},
	{"limit-bystander", EVERYBODY, WORLD_CLAIM, 0},
	{"renice-bystander", EVERYBODY, WORLD_BYSTANDER, 0},
	{"pin-bystander", EVERYBODY, WORLD_CLAIM, 0},
	{"take-descriptor", EVERYBODY, WORLD_CLAIM, 0},
	{"environment-of-bystander", EVERYBODY, WORLD_CLAIM, 0},
	{"see-bystander", EVERYBODY, WORLD_CLAIM, 0},
	{"stop-init", NOWHERE, 0, 0},
	{"trace-init", NOWHERE, 0, 0},
	{"memory-of-init", NOWHERE, 0, 0},
	{"descriptors-of-init", NOWHERE, 0, 0},
	{"forget-parent", EVERYBODY, WORLD_SURVIVOR, EFFECT},
	{"oom-score-of-init", NOWHERE, 0, 0},
	{"leave-cgroup", ONLY_ROOT, WORLD_CLAIM, 0},
	/* the kernel's switches */
	{"abi-x32", NOWHERE, 0, 0},
	{"abi-int80", NOWHERE, 0, 0},
	{"unknown-number", NOWHERE, 0, 0},
	{"ring-setup", EVERYBODY, WORLD_CLAIM, 0},
	{"aio-setup", EVERYBODY, WORLD_CLAIM, 0},
	{"user-faults", EVERYBODY, WORLD_CLAIM, 0},
	{"bpf-map", ONLY_ROOT, WORLD_CLAIM, 0},
	{"perf-event", ONLY_ROOT, WORLD_CLAIM, 0},
	{"load-kernel", NOWHERE, 0, 0},
	{"load-module", NOWHERE, 0, 0},
	{"load-module-file", NOWHERE, 0, 0},
	{"restart-machine", NOWHERE, 0, 0},
	{"set-clock", NOWHERE, 0, 0},
	{"adjust-clock", NOWHERE, 0, 0},
	{"kernel-log", NOWHERE, 0, 0},
	{"swap-off", ONLY_ROOT, WORLD_CLAIM, 0},
	{"accounting", ONLY_ROOT, WORLD_CLAIM, 0},
	{"port-access", NOWHERE, 0, 0},
	{"trace-me", EVERYBODY, WORLD_CLAIM, 0},
	{"undo-no-new-privs", EVERYBODY, WORLD_CLAIM, 0},
	{"undo-seccomp", EVERYBODY, WORLD_CLAIM, 0},
	{"become-root", NOWHERE, 0, 0},
	{"gain-privileges", NOWHERE, 0, 0},
	{"ambient-privileges", NOWHERE, 0, 0},
	{"core-pattern", ONLY_ROOT, WORLD_CLAIM, 0},
	{"sysrq", NOWHERE, 0, 0},
	{"modprobe-path", NOWHERE, 0, 0},
	{"uevent-helper", NOWHERE, 0, 0},
	{"binary-formats", NOWHERE, 0, 0},
	{"release-agent", NOWHERE, 0, 0},
	{"kernel-symbols", NOWHERE, 0, 0},
	/* network, in a namespace of its own */
	{"tcp", EVERYBODY, WORLD_PACKET, 0},
	{"tcp6", EVERYBODY, WORLD_PACKET, 0},
	{"tcp-mapped", EVERYBODY, WORLD_PACKET, 0},
	{"tcp-nonblocking", EVERYBODY, WORLD_PACKET, 0},
	{"tcp-fast-open", EVERYBODY, WORLD_PACKET, 0},
	{"tcp-fast-open-connect", EVERYBODY, WORLD_PACKET, 0},
	{"multipath", EVERYBODY, WORLD_PACKET, 0},
	{"udp", EVERYBODY, WORLD_PACKET, EFFECT},
	{"udp6", EVERYBODY, WORLD_PACKET, EFFECT},
	{"udp-mapped", EVERYBODY, WORLD_PACKET, EFFECT},
	{"udp-connected", EVERYBODY, WORLD_PACKET, EFFECT},
	{"udp-connected-elsewhere", EVERYBODY, WORLD_PACKET, EFFECT},
	{"udp-message", EVERYBODY, WORLD_PACKET, EFFECT},
	{"udp-many-messages", EVERYBODY, WORLD_PACKET, EFFECT},
	{"udp-lite", NOWHERE, 0, 0},
	{"raw-ip", ONLY_ROOT, WORLD_PACKET, 0},
	{"raw-packet", ONLY_ROOT, WORLD_CLAIM, 0},
	{"ping", ONLY_ROOT, WORLD_CLAIM, 0},
	{"odd-families", NOWHERE, 0, 0},
	{"add-route", NOWHERE, 0, 0},
	/* memory, queues, sockets, keys */
	{"shared-memory", EVERYBODY, WORLD_IPC, 0},
	{"remove-shared-memory", ONLY_ROOT, WORLD_CLAIM | WORLD_IPC, 0},
	{"message-queue", EVERYBODY, WORLD_IPC, 0},
	{"posix-queue", EVERYBODY, WORLD_IPC, 0},
	{"shared-memory-file", EVERYBODY, WORLD_FILES, 0},
	{"abstract-stream", EVERYBODY, WORLD_PACKET, 0},
	{"path-stream", EVERYBODY, WORLD_PACKET, 0},
	{"tmp-stream", EVERYBODY, WORLD_PACKET, 0},
	{"daemons", NOWHERE, 0, 0},
	{"descriptor-by-socket", EVERYBODY, WORLD_FILES, 0},
	{"inherited-descriptor", EVERYBODY, WORLD_LEAK, 0},
	{"inherited-any", EVERYBODY, WORLD_CLAIM, 0},
	{"read-key", NOWHERE, 0, 0},
	{"add-key", NOWHERE, 0, 0},
	{"type-into-terminals", NOWHERE, 0, 0},
	/* rein itself */
	{"read-log", NOWHERE, 0, 0},
	{"write-log", NOWHERE, 0, 0},
	{"remove-log", NOWHERE, 0, 0},
	{"rewrite-profile", NOWHERE, 0, 0},
	{"replace-profile", NOWHERE, 0, 0},
	{"list-state", NOWHERE, 0, 0},
	{"plant-profile", NOWHERE, 0, 0},
	{"plant-ceiling", NOWHERE, 0, 0},
	{"control-socket", NOWHERE, 0, 0},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int numbers[ROWS];

static struct criterion_test_params all_rows(void)
{
	for (size_t i = 0; i < ROWS; i++)
		numbers[i] = (int)i;
	return cr_make_param_array(int, numbers, ROWS);
}

/*
 * REIN_TOGETHER=N (a slow machine) runs N probes one after the other in one sandbox and judges their world once. If
 * there is anything to see, or one of them was not run, each of them is run again alone, and that counts.
 */
static int together(void)
{
	const char *text = getenv("REIN_TOGETHER");
	int n = text ? atoi(text) : 1;

	return n > 1 ? n : 1;
}

static struct criterion_test_params first_rows(void)
{
	size_t nr = 0;

	for (size_t i = 0; i < ROWS; i += (size_t)together())
		numbers[nr++] = (int)i;
	return cr_make_param_array(int, numbers, nr);
}

/* A probe's own word does not tell where it was let down gently; what it did to the world does. */
static void holds(const struct row *row, bool own, const char *profile)
{
	WORLD world = world_open(own, profile);
	OUTCOME outcome = world_probe(&world, row->probe, true);
	unsigned marks = world_marks(&world, &outcome) & ~row->allowed;

	cr_expect(strstr(outcome.out, ": trying"), "%s was not run: %s", row->probe, outcome.err);
	cr_expect_eq(marks, 0, "%s got through: %s\noutput: %serrors: %s", row->probe, world_mark_names(marks),
		     outcome.out, outcome.err);
}

/* Whether the profile is tried with this row. */
typedef bool (*wanted_fn)(const struct row *row);

static bool any(const struct row *row)
{
	return row != NULL;
}

static bool talks(const struct row *row)
{
	return row->bare & WORLD_PACKET;
}

static bool all_were_run(const char *names, const char *output)
{
	char copy[4096], wanted[128], *rest;

	snprintf(copy, sizeof(copy), "%s", names);
	for (const char *name = strtok_r(copy, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		snprintf(wanted, sizeof(wanted), "%s: trying", name);
		if (!strstr(output, wanted))
			return false;
	}
	return true;
}

static bool hold_together(const char *names, bool own, const char *profile)
{
	WORLD world = world_open(own, profile);
	OUTCOME outcome = world_probe(&world, names, true);
	unsigned marks = world_marks(&world, &outcome);
	bool all = all_were_run(names, outcome.out);

	if (marks || !all)
		fprintf(stderr, "%s%s; so each alone: %s\n", all ? "together: " : "not all were run ",
			world_mark_names(marks), names);
	return all && !marks;
}

/* The row and those that go with it. What may leave marks goes alone. */
static void hold(int first, wanted_fn wanted, bool own, const char *profile)
{
	const struct row *row = &rows[first], *end = row + together();
	char names[4096];
	size_t used = 0;
	bool well;

	end = end > rows + ROWS ? rows + ROWS : end;
	for (const struct row *each = row; together() > 1 && each < end; each++)
		if (wanted(each) && !each->allowed)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? "," : "",
						 each->probe);
	well = used && hold_together(names, own, profile);
	for (const struct row *each = row; each < end; each++)
		if (wanted(each) && (each->allowed || !well))
			holds(each, own, profile);
}

static void has_power(const struct row *row, bool own)
{
	WORLD world = world_open(own, strict);
	OUTCOME outcome = world_probe(&world, row->probe, false);
	unsigned marks = world_marks(&world, &outcome);

	cr_expect(marks & row->bare, "%s cannot do anything even bare (%s), so it tests nothing\noutput: %serrors: %s",
		  row->probe, world_mark_names(marks), outcome.out, outcome.err);
}

ParameterizedTestParameters(escape, as_ordinary_user)
{
	return first_rows();
}

ParameterizedTest(int *number, escape, as_ordinary_user, .timeout = 60)
{
	hold(*number, any, false, strict);
}

ParameterizedTestParameters(escape, as_uid_0)
{
	return first_rows();
}

ParameterizedTest(int *number, escape, as_uid_0, .timeout = 60)
{
	if (!harness_root())
		harness_skip("escape probes with uid 0 (this is not root)");
	hold(*number, any, true, strict);
}

/* That a probe can do harm at all is shown once, where there is time for it. */
ParameterizedTestParameters(escape, bare)
{
	struct criterion_test_params all = all_rows(), none = cr_make_param_array(int, numbers, 0);

	return together() > 1 ? none : all;
}

ParameterizedTest(int *number, escape, bare, .timeout = 60)
{
	const struct row *row = &rows[*number];

	if (row->power == EVERYBODY || (row->power == ONLY_ROOT && harness_root()))
		has_power(row, row->power == ONLY_ROOT);
}

/* On the host's network only what is declared may be reached; the rest of the confinement must not suffer. */
ParameterizedTestParameters(escape, on_the_hosts_network)
{
	return first_rows();
}

ParameterizedTest(int *number, escape, on_the_hosts_network, .timeout = 60)
{
	hold(*number, talks, false, connected);
}
