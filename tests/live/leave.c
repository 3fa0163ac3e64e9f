/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/harness.h"
#include "harness/writers.h"
#include "mech/cgroup.h"

/*
 * Ways out of a policy, tried by an ordinary user in an agent's cgroup with nothing around it but the BPF programs: no
 * seccomp, no namespaces, no Landlock. Whatever came of it, what is written afterwards is metered as before: no byte
 * more than the burst reaches the file, and hardly less, or nothing was tested.
 */

#define PIECE 1024
#define BURST (8 * PIECE)
#define PIECES 64

struct place {
	char root[64], folder[96];
	int out;    /* opened outside */
	int parent; /* cgroup of all agents */
	int host;   /* cgroup of the test itself */
	const struct caged *caged;
	uid_t uid;
	gid_t gid;
};

static char piece[PIECE];

static bool pour_into(int fd)
{
	bool any = false;

	for (int i = 0; i < PIECES; i++)
		any |= write(fd, piece, PIECE) == PIECE;
	return any;
}

static int open_out(const struct place *place)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/out", place->folder);
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void pour(const struct place *place)
{
	pour_into(open_out(place));
}

static void pour_in_child(const struct place *place)
{
	pid_t child = fork();

	if (!child) {
		pour(place);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static bool write_file(const char *path, const char *text)
{
	REIN_AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* With names for its user and group, without which nothing can be made in there. Costs some of the budget. */
static bool own_namespaces(const struct place *place, int kinds)
{
	char uid[64], gid[64];

	if (unshare(CLONE_NEWUSER | kinds))
		return false;
	prctl(PR_SET_DUMPABLE, 1);
	snprintf(uid, sizeof(uid), "0 %u 1", place->uid);
	snprintf(gid, sizeof(gid), "0 %u 1", place->gid);
	return write_file("/proc/self/uid_map", uid) && write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/gid_map", gid);
}

static void by_namespaces(struct place *place)
{
	if (!own_namespaces(place,
			    CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS))
		fprintf(stderr, "unshare: %m\n");
	pour_in_child(place);
}

static void by_anothers_namespaces(struct place *place)
{
	static const int kinds = CLONE_NEWUSER | CLONE_NEWNS;
	pid_t other = fork();
	int pidfd;

	if (!other) {
		own_namespaces(place, CLONE_NEWNS);
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	waitpid(other, NULL, WUNTRACED);
	pidfd = (int)syscall(SYS_pidfd_open, other, 0);
	if (setns(pidfd, kinds))
		fprintf(stderr, "setns: %m\n");
	pour_in_child(place);
	kill(other, SIGKILL);
}

static void by_chroot(struct place *place)
{
	int fd = open_out(place);

	if (!own_namespaces(place, CLONE_NEWNS) || chroot(place->folder) || chdir("/"))
		fprintf(stderr, "chroot: %m\n");
	pour_into(fd);
	pour_into(open("/out", O_WRONLY | O_APPEND));
}

/* The same file under another mount. */
static void by_bind_mount(struct place *place)
{
	if (!own_namespaces(place, CLONE_NEWNS) || mount(place->folder, "/mnt", NULL, MS_BIND, NULL))
		fprintf(stderr, "bind mount: %m\n");
	pour_into(open("/mnt/out", O_WRONLY | O_CREAT | O_APPEND, 0600));
	pour(place);
}

/* The agent's own overlay, whose upper layer is the folder. */
static void by_overlay(struct place *place)
{
	char options[512], folder[160];

	snprintf(folder, sizeof(folder), "%s/work", place->root);
	mkdir(folder, 0700);
	snprintf(folder, sizeof(folder), "%s/lower", place->root);
	mkdir(folder, 0700);
	snprintf(options, sizeof(options), "userxattr,lowerdir=%s/lower,upperdir=%s,workdir=%s/work", place->root,
		 place->folder, place->root);
	if (!own_namespaces(place, CLONE_NEWNS) || mount("overlay", "/mnt", "overlay", 0, options))
		fprintf(stderr, "overlay: %m\n");
	pour_into(open("/mnt/out", O_WRONLY | O_CREAT | O_APPEND, 0600));
	pour(place);
}

static void move_to(int cgroup)
{
	REIN_AUTO_FD int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (write(fd, "0", 1) == 1)
		fprintf(stderr, "moved to another cgroup\n");
}

static void by_cgroup_procs(struct place *place)
{
	move_to(place->host);
	move_to(place->parent);
	pour(place);
}

static void born_in(const struct place *place, int cgroup)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (unsigned)cgroup,
	};
	pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (!child) {
		fprintf(stderr, "born in another cgroup\n");
		pour(place);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void by_birth(struct place *place)
{
	born_in(place, place->host);
	born_in(place, place->parent);
	pour(place);
}

static void by_double_fork(struct place *place)
{
	int done[2];
	char byte;

	if (pipe(done))
		return;
	if (!fork()) {
		setsid();
		if (fork())
			_exit(0);
		setsid();
		pour(place);
		_exit(0);
	}
	close(done[1]);
	(void)!read(done[0], &byte, 1);
}

static void by_vforks(struct place *place)
{
	int fd = open_out(place);

	for (int i = 0; i < 4 * PIECES; i++) {
		pid_t child = vfork();

		if (!child) {
			(void)!write(fd, piece, PIECE);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
}

static void *exec_in_thread(void *argument)
{
	const struct place *place = argument;
	char from[128], to[128];

	snprintf(from, sizeof(from), "if=%s/source0", place->root);
	snprintf(to, sizeof(to), "of=%s/out", place->folder);
	execl("/bin/dd", "dd", from, to, "bs=1024", "count=64", "status=none", NULL); /* which fails at the burst */
	return NULL;
}

/* The thread becomes the process; its number changes under whoever remembers it. */
static void by_exec_of_a_thread(struct place *place)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, exec_in_thread, place))
		pthread_join(thread, NULL);
	pour(place);
}

static void by_what_was_opened_outside(struct place *place)
{
	pour_into(place->out);
}

static void by_memory_file(struct place *place)
{
	int memory = memfd_create("m", 0), fd = open_out(place);

	if (ftruncate(memory, 0) || !pour_into(memory))
		return;
	fcntl(fd, F_SETFL, 0); /* sendfile refuses O_APPEND */
	for (off_t from = 0; from < PIECES * PIECE;)
		if (sendfile(fd, memory, &from, PIECE) <= 0)
			break;
}

/* Not dumpable, another name, another session, another group of credentials. */
static void by_disguise(struct place *place)
{
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "kworker/0:0");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setsid();
	pour_in_child(place);
}

static void by_queue(const struct place *place, const char *name)
{
	struct writer writer;

	if (!writer_open(&writer, place->folder, 0, 1))
		return;
	for (size_t way = 0; way < nr_writer_queues; way++)
		for (int i = 0; i < PIECES && !strcmp(writer_queues[way].name, name); i++)
			writer_queues[way].write(&writer, PIECE);
}

static void by_io_uring(struct place *place)
{
	by_queue(place, "io_uring");
}

static void by_a_polling_thread(struct place *place)
{
	by_queue(place, "io_uring SQPOLL");
}

static void by_worker_threads(struct place *place)
{
	by_queue(place, "io_uring IOSQE_ASYNC");
}

static void by_aio(struct place *place)
{
	by_queue(place, "aio");
}

struct way_out {
	const char *name;
	void (*leave)(struct place *place);
};

static const struct way_out ways[] = {
	{"namespaces of its own", by_namespaces},
	{"namespaces of another", by_anothers_namespaces},
	{"chroot", by_chroot},
	{"a bind mount", by_bind_mount},
	{"an overlay of its own", by_overlay},
	{"cgroup.procs", by_cgroup_procs},
	{"CLONE_INTO_CGROUP", by_birth},
	{"a double fork", by_double_fork},
	{"vforks", by_vforks},
	{"exec by a thread", by_exec_of_a_thread},
	{"a descriptor from outside", by_what_was_opened_outside},
	{"a memfd", by_memory_file},
	{"a disguise", by_disguise},
	{"io_uring", by_io_uring},
	{"a polling thread", by_a_polling_thread},
	{"worker threads", by_worker_threads},
	{"aio", by_aio},
};

/* ---- outside ---- */

static void place_open(struct place *place, const struct caged *caged)
{
	memset(piece, 'x', sizeof(piece));
	memset(place, 0, sizeof(*place));
	place->caged = caged;
	if (!harness_user(&place->uid, &place->gid))
		harness_skip("no ordinary user rein-test on this machine");
	snprintf(place->root, sizeof(place->root), "/var/tmp/rein-leave-XXXXXX");
	cr_assert_not_null(mkdtemp(place->root));
	snprintf(place->folder, sizeof(place->folder), "%s/folder", place->root);
	cr_assert_eq(mkdir(place->folder, 0700), 0);
	cr_assert(writer_source(place->folder));
	place->out = open_out(place);
	place->parent = open(caged->machine.cgroup_parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place->host = openat(place->parent, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	OUTCOME owned = run_shell("chown -R %d:%d %s", place->uid, place->gid, place->root);
	cr_assert(place->out >= 0 && place->parent >= 0 && place->host >= 0 && owned.code == 0);
}

static void place_close(struct place *place)
{
	OUTCOME gone = run_shell("rm -r %s", place->root);

	close(place->out);
	close(place->parent);
	close(place->host);
}

static int try(const struct way_out *way, struct place *place)
{
	if (setgroups(0, NULL) || setresgid(place->gid, place->gid, place->gid) ||
	    setresuid(place->uid, place->uid, place->uid))
		return 1;
	prctl(PR_SET_DUMPABLE, 1); /* lost with the change of credentials; user namespaces want it */
	way->leave(place);
	return 0;
}

static void expect_metered(const struct way_out *way)
{
	struct caged caged;
	struct place place;
	pid_t child;
	uint64_t bytes;

	caged_open(&caged);
	caged_use_file(&caged);
	place_open(&place, &caged);
	caged_break(&caged, REIN_MECH_BPF_FILE, REIN_METER_WRITE_BYTES, CAGED_NEVER, BURST, REIN_ON_TRIP_DENY);
	caged_start(&caged, false, false);
	child = caged_fork(&caged);
	if (!child)
		_exit(try(way, &place));
	cr_expect_lt(caged_wait(child), 1000, "%s", way->name);
	rein_cgroup_kill(&caged.launch);
	cr_expect(caged_emptied(&caged));
	bytes = writers_judge(place.folder);
	cr_expect(bytes > BURST - 2 * PIECE && bytes <= BURST, "%s: %llu bytes where %d are allowed", way->name,
		  (unsigned long long)bytes, BURST);
	caged_stop(&caged);
	place_close(&place);
}

TestSuite(leave, .timeout = 300);

Test(leave, whoever_tries_is_metered_as_before)
{
	for (size_t i = 0; i < REIN_COUNT(ways); i++)
		expect_metered(&ways[i]);
}
