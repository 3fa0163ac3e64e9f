/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/world.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET "SECRET-OF-THE-HOST"

static volatile char bystander_memory[64] = SECRET " in memory";

/* ---- making ---- */

static void make_files(struct world *world)
{
	char path[256], tools[128];
	OUTCOME copied = {0};
	struct stat status;
	mode_t mask = umask(0);

	snprintf(tools, sizeof(tools), "%s/tools", world->trial.root);
	cr_assert(mkdir(world->outside, 0777) == 0 && mkdir(tools, 0755) == 0);
	snprintf(path, sizeof(path), "%s/folder", world->outside);
	cr_assert(mkdir(path, 0777) == 0);
	trial_write(&world->trial, "outside/victim", "as it was\n", 0666);
	trial_write(&world->trial, "outside/secret", SECRET "\n", 0666);
	trial_write(&world->trial, "ws/hidden", SECRET " in the workspace\n", 0666);
	copied = run_shell("cp /bin/echo %s/tool && chmod 755 %s/tool && cp %s/tests/probe %s/probe", world->outside,
			   world->outside, harness_build(), tools);
	cr_assert_eq(copied.code, 0, "%s", copied.err);
	trial_write(&world->trial, "tools/script", "#!/usr/bin/env sh\necho RAN-OUTSIDE-THE-RULES\n", 0755);
	snprintf(path, sizeof(path), "%s/secret", world->outside);
	cr_assert(stat(path, &status) == 0);
	world->inode = status.st_ino;
	umask(mask);
}

/* A checkout whose hooks and configuration are denied to the agent. */
static void make_checkout(struct world *world)
{
	const char *ws = world->trial.workspace;
	OUTCOME made = run_shell("mkdir -p %s/.git/hooks && echo '[core]' >%s/.git/config && chown -R %u:%u %s", ws, ws,
				 world->trial.uid, world->trial.gid, ws);

	cr_assert_eq(made.code, 0, "%s", made.err);
}

/* Programs with privileges of their own, and a file that only root may write: only root can set that up. */
static void make_privileged(struct world *world)
{
	const char *root = world->trial.root;

	if (harness_root()) {
		OUTCOME made =
			run_shell("cd %s && cp tools/probe tools/setuid && chmod 4755 tools/setuid && "
				  "cp tools/probe tools/capable && chmod 755 tools/capable && "
				  "{ setcap cap_dac_override+ep tools/capable 2>/dev/null || rm tools/capable; } && "
				  "echo as it was >ws/roots && chmod 600 ws/roots && chown 0:0 ws/roots",
				  root);

		cr_assert_eq(made.code, 0, "%s", made.err);
	}
}

static void bystander_keeps_key(const struct world *world)
{
	char name[128];

	snprintf(name, sizeof(name), "rein-probe-%s", world->token);
	syscall(SYS_add_key, "user", name, SECRET, sizeof(SECRET) - 1, -4);
}

/* Somebody of the agent's user, who waits to be hurt. */
static void start_bystander(struct world *world)
{
	int ready[2];
	char byte;

	cr_assert(pipe2(ready, O_CLOEXEC) == 0);
	world->address = (uintptr_t)bystander_memory;
	world->bystander = fork();
	cr_assert(world->bystander >= 0);
	if (world->bystander == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		if (setgroups(0, NULL) && harness_root())
			_exit(1);
		if (setresgid(world->trial.gid, world->trial.gid, world->trial.gid) ||
		    setresuid(world->trial.uid, world->trial.uid, world->trial.uid))
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_DUMPABLE, 1);
		bystander_keeps_key(world);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	cr_assert(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	world->bystander_pidfd = (int)syscall(SYS_pidfd_open, world->bystander, 0);
}

static int listen_inet(int family, int type, uint16_t *ret_port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t size = family == AF_INET ? sizeof(four) : sizeof(six);
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, address, size) || getsockname(fd, address, &size))
		return -1; /* a machine without IPv6 */
	if (type == SOCK_STREAM) {
		int queue = 16;

		setsockopt(fd, IPPROTO_TCP, 23 /* TCP_FASTOPEN */, &queue, sizeof(queue));
		cr_assert(listen(fd, 16) == 0);
	}
	*ret_port = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
	return fd;
}

static int listen_unix(const char *path, const char *abstract)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(at);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (path) {
		snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	} else {
		memcpy(at.sun_path + 1, abstract, strlen(abstract));
		size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(abstract));
	}
	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, 16) == 0, "%s",
		  path ? path : abstract);
	if (path)
		chmod(path, 0777);
	return fd;
}

static void start_listeners(struct world *world)
{
	char path[256];

	world->listeners[0] = listen_inet(AF_INET, SOCK_STREAM, &world->ports[0]);
	world->listeners[1] = listen_inet(AF_INET6, SOCK_STREAM, &world->ports[1]);
	world->listeners[2] = listen_inet(AF_INET, SOCK_DGRAM, &world->ports[2]);
	world->listeners[3] = listen_inet(AF_INET6, SOCK_DGRAM, &world->ports[3]);
	world->listeners[4] = listen_unix(NULL, world->token);
	snprintf(path, sizeof(path), "%s/socket", world->outside);
	world->listeners[5] = listen_unix(path, NULL);
	snprintf(path, sizeof(path), "/tmp/rein-socket-%s", world->token);
	world->tmp_listener = listen_unix(path, NULL);
}

static void make_ipc(struct world *world)
{
	struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 64};
	mode_t mask = umask(0);
	char name[128];

	world->shm = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0666);
	world->msg = msgget(IPC_PRIVATE, IPC_CREAT | 0666);
	snprintf(name, sizeof(name), "/rein-probe-%s", world->token);
	world->queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0666, &attributes);
	snprintf(name, sizeof(name), "/dev/shm/rein-host-%s", world->token);
	trial_write(&world->trial, name, "as it was\n", 0666);
	umask(mask);
	cr_assert(world->shm >= 0 && world->msg >= 0 && world->queue >= 0, "no IPC objects: %s", strerror(errno));
}

/* ---- looking ---- */

/* Everything outside that has a name: modes, owners, times, sizes, links, content. */
static char *world_picture(const struct world *world)
{
	OUTCOME seen = run_shell(
		"cd %s/outside && find . ../tools ../profile.yaml -printf '%%p %%y %%m %%U %%G %%T@ %%s %%n\\n' "
		"| sort; cat victim 2>&1; getfattr -d victim 2>&1; lsattr -d victim 2>&1; "
		"cat /dev/shm/rein-host-%s 2>&1; ls -d /tmp/rein-probe-%s /var/tmp/rein-probe-%s "
		"/dev/shm/rein-probe-%s ~/.rein-probe-%s ~%s/.rein-probe-%s "
		"~/.config/rein/profiles/coding-agent.yaml 2>/dev/null; true",
		world->trial.root, world->token, world->token, world->token, world->token, world->token,
		harness_root() ? "rein-test" : "", world->token);

	return strdup(seen.out);
}

static char *carve_out_picture(const struct world *world)
{
	OUTCOME seen =
		run_shell("cd %s && find .git .envrc hidden roots -printf '%%p %%y %%m %%s\\n' 2>/dev/null | sort; "
			  "cat .git/config .envrc .git/hooks/* roots 2>/dev/null; true",
			  world->trial.workspace);

	return strdup(seen.out);
}

static char *machine_picture(void)
{
	OUTCOME seen =
		run_shell("cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname /proc/sys/kernel/core_pattern "
			  "/proc/net/route; ls /etc/rein 2>/dev/null; true");

	return strdup(seen.out);
}

static char *picture(const struct world *world)
{
	char *parts[3] = {world_picture(world), carve_out_picture(world), machine_picture()}, *all = NULL;

	cr_assert(asprintf(&all, "%s\1%s\1%s", parts[0], parts[1], parts[2]) > 0);
	for (int i = 0; i < 3; i++)
		free(parts[i]);
	return all;
}

struct world world_open(bool own, const char *profile)
{
	struct world world = {.trial = own ? trial_open_own() : trial_open()};

	snprintf(world.token, sizeof(world.token), "%d-%x", getpid(), (unsigned)harness_now_ns());
	snprintf(world.outside, sizeof(world.outside), "%s/outside", world.trial.root);
	make_files(&world);
	make_checkout(&world);
	make_privileged(&world);
	start_bystander(&world);
	start_listeners(&world);
	make_ipc(&world);
	trial_profile(&world.trial, profile);
	world.before = picture(&world);
	return world;
}

#define ARGUMENT_MAX 4096

static void arguments(const struct world *world, const char *probe, char text[15][ARGUMENT_MAX], const char *argv[17])
{
	const struct world *w = world;

	snprintf(text[0], ARGUMENT_MAX, "%s/tools/probe", w->trial.root);
	snprintf(text[1], ARGUMENT_MAX, "%s", probe);
	snprintf(text[2], ARGUMENT_MAX, "%s", w->outside);
	snprintf(text[3], ARGUMENT_MAX, "%s", w->trial.workspace);
	snprintf(text[4], ARGUMENT_MAX, "%d", w->bystander);
	snprintf(text[5], ARGUMENT_MAX, "%lx", (unsigned long)w->address);
	for (int i = 0; i < 4; i++)
		snprintf(text[6 + i], ARGUMENT_MAX, "%u", w->ports[i]);
	snprintf(text[10], ARGUMENT_MAX, "%s", w->token);
	snprintf(text[11], ARGUMENT_MAX, "%d", w->shm);
	snprintf(text[12], ARGUMENT_MAX, "%d", w->msg);
	snprintf(text[13], ARGUMENT_MAX, "%s", w->token);
	snprintf(text[14], ARGUMENT_MAX, "%llu", (unsigned long long)w->inode);
	for (int i = 0; i < 15; i++)
		argv[i] = text[i];
	argv[15] = NULL;
}

/* Whoever connects to the path socket is sent a descriptor of the victim. */
static void start_sender(struct world *world)
{
	char path[256], byte = 'x', room[CMSG_SPACE(sizeof(int))] = "";
	struct iovec text = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct pollfd waiting = {.fd = world->listeners[5], .events = POLLIN};
	int victim, client;

	world->sender = fork();
	if (world->sender)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/victim", world->outside);
	victim = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	poll(&waiting, 1, -1);
	client = accept4(world->listeners[5], NULL, NULL, SOCK_CLOEXEC);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &victim, sizeof(int));
	sendmsg(client, &message, 0);
	for (;;)
		pause();
}

struct outcome world_probe(struct world *world, const char *probe, bool confined)
{
	struct job_options options = {.directory = world->trial.workspace};
	char text[15][ARGUMENT_MAX], path[256];
	const char *argv[17];
	struct outcome outcome;
	struct job job;

	snprintf(path, sizeof(path), "%s/secret", world->outside);
	options.leak_fd = open(path, O_RDONLY | O_CLOEXEC);
	options.other_user = !confined && world->trial.uid != geteuid();
	if (strstr(probe, "descriptor-by-socket"))
		start_sender(world);
	arguments(world, probe, text, argv);
	job = confined ? trial_start_command(&world->trial, "", argv, &options) : job_start(argv, &options);
	outcome = job_finish(&job);
	close(options.leak_fd);
	if (world->sender > 0)
		kill(world->sender, SIGKILL);
	return outcome;
}

static bool heard(int fd)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&waiting, 1, 0) > 0;
}

static bool bystander_hurt(const struct world *world)
{
	char path[64], line[1024] = "", memory[sizeof(bystander_memory)] = "";
	const char *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", world->bystander);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, memory, sizeof(memory), (off_t)world->address) != sizeof(memory) ||
	    strcmp(memory, SECRET " in memory") != 0)
		return true;
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/stat", world->bystander);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, line, sizeof(line) - 1) <= 0 || !(state = strrchr(line, ')')))
		return true;
	close(fd);
	return state[2] != 'S' || getpriority(0, (id_t)world->bystander) != getpriority(0, 0);
}

static bool ipc_touched(const struct world *world)
{
	const char *memory = shmat(world->shm, NULL, SHM_RDONLY);
	struct msqid_ds messages;
	struct mq_attr attributes;
	struct shmid_ds segment;
	bool touched = memory == (char *)-1 || memory[0] || msgctl(world->msg, IPC_STAT, &messages) ||
		       messages.msg_qnum || mq_getattr(world->queue, &attributes) || attributes.mq_curmsgs ||
		       shmctl(world->shm, IPC_STAT, &segment) || (segment.shm_perm.mode & SHM_DEST);

	if (memory != (char *)-1)
		shmdt(memory);
	return touched;
}

static unsigned compare_pictures(const struct world *world)
{
	static const unsigned marks[] = {WORLD_FILES, WORLD_CARVE_OUT, WORLD_MACHINE};
	char *now = picture(world), *was = strdup(world->before), *rest_now, *rest_was;
	const char *one = strtok_r(now, "\1", &rest_now), *other = strtok_r(was, "\1", &rest_was);
	unsigned found = 0;

	for (int i = 0; i < 3; i++) {
		if (!one || !other || strcmp(one, other) != 0)
			found |= marks[i];
		one = strtok_r(NULL, "\1", &rest_now);
		other = strtok_r(NULL, "\1", &rest_was);
	}
	free(now);
	free(was);
	return found;
}

static bool rein_touched(const struct world *world, const struct outcome *outcome)
{
	char *log = trial_read(&world->trial, "audit.jsonl");
	bool touched = strstr(outcome->out, "\"kind\":") || (log && strstr(log, "forged"));

	free(log);
	return touched;
}

unsigned world_marks(struct world *world, const struct outcome *outcome)
{
	char name[128];
	unsigned marks = compare_pictures(world);

	snprintf(name, sizeof(name), "rein-probe-survivor-%s", world->token);
	marks |= strstr(outcome->out, SECRET) ? WORLD_LEAK : 0;
	marks |= strstr(outcome->out, "RAN-OUTSIDE-THE-RULES") ? WORLD_RAN : 0;
	marks |= strstr(outcome->out, ": got through") ? WORLD_CLAIM : 0;
	marks |= bystander_hurt(world) ? WORLD_BYSTANDER : 0;
	for (int i = 0; i < 6; i++)
		marks |= heard(world->listeners[i]) ? WORLD_PACKET : 0;
	marks |= heard(world->tmp_listener) ? WORLD_PACKET : 0;
	marks |= ipc_touched(world) ? WORLD_IPC : 0;
	marks |= rein_touched(world, outcome) ? WORLD_REIN : 0;
	marks |= harness_marked(name, NULL) ? WORLD_SURVIVOR : 0;
	return marks;
}

const char *world_mark_names(unsigned marks)
{
	static const char *const names[] = {"leak", "files",   "carve-out", "ran",	"bystander", "packet",
					    "ipc",  "machine", "rein",	    "survivor", "claim"};
	static char text[256];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (marks & (1U << i))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ", names[i]);
	return text;
}

void world_close(struct world *world)
{
	char name[128];
	pid_t survivor;

	snprintf(name, sizeof(name), "rein-probe-survivor-%s", world->token);
	while (harness_marked(name, &survivor))
		kill(survivor, SIGKILL);
	syscall(SYS_pidfd_send_signal, world->bystander_pidfd, SIGKILL, NULL, 0);
	waitpid(world->bystander, NULL, 0);
	if (world->sender > 0)
		waitpid(world->sender, NULL, 0);
	shmctl(world->shm, IPC_RMID, NULL);
	msgctl(world->msg, IPC_RMID, NULL);
	snprintf(name, sizeof(name), "/rein-probe-%s", world->token);
	mq_unlink(name);
	{
		OUTCOME gone =
			run_shell("rm -f /dev/shm/rein-host-%s /tmp/rein-socket-%s /tmp/rein-probe-%s "
				  "/var/tmp/rein-probe-%s /dev/shm/rein-probe-%s ~/.rein-probe-%s ~%s/.rein-probe-%s",
				  world->token, world->token, world->token, world->token, world->token, world->token,
				  harness_root() ? "rein-test" : "", world->token);
	}
	free(world->before);
	trial_close(&world->trial);
}
