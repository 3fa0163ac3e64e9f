/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/folder.h"
#include "agent/registry.h"

/* The registry in a folder of the test's own. */

static char base[64];
static struct rein_places places;

static void begin(void)
{
	strcpy(base, "/tmp/rein-registry-XXXXXX");
	cr_assert_not_null(mkdtemp(base));
	snprintf(places.runtime, sizeof(places.runtime), "%s/run", base);
	snprintf(places.state, sizeof(places.state), "%s/a/b/state", base);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static void end(void)
{
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(registry, .init = begin, .fini = end, .timeout = 60);

static struct rein_registration enter(const char *profile)
{
	struct rein_registration registration;
	struct rein_error err = {0};

	cr_assert_eq(rein_registry_enter(&places, profile, &registration, &err), 0, "%s", err.text);
	return registration;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s", path);
	return st.st_mode & 07777;
}

Test(registry, folders_are_made_for_the_caller_alone)
{
	struct rein_registration registration;

	umask(0);
	registration = enter("coding-agent");
	cr_assert_eq(mode_of(places.runtime), 0700);
	cr_assert_eq(mode_of(places.state), 0700);
	cr_assert_eq(mode_of(registration.directory), 0700);
	cr_assert_eq(strncmp(registration.id, "coding-agent-", 13), 0);
	cr_assert_eq(strlen(registration.id), 17);
	rein_registry_leave(&registration);
	cr_assert_not(exists(registration.directory));
	rein_registry_leave(&registration); /* harmless */
}

Test(registry, a_profile_name_cannot_lead_elsewhere)
{
	static const char *const names[] = {"../../etc", "/etc/passwd",	  "..",	     ".", "",
					    "-rf",	 "a b\n\033[31m", "\xff\xfe"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct rein_registration registration = enter(names[i]);
		char expected[700];

		cr_assert_null(strpbrk(registration.id, "/. \n\033\xff"), "%s", registration.id);
		cr_assert_neq(registration.id[0], '-');
		snprintf(expected, sizeof(expected), "%s/agents/%s", places.runtime, registration.id);
		cr_assert_str_eq(registration.directory, expected);
		rein_registry_leave(&registration);
	}
}

Test(registry, a_long_profile_name_is_cut)
{
	char name[5000];
	struct rein_registration registration;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	registration = enter(name);
	cr_assert_lt(strlen(registration.id), sizeof(registration.id));
	cr_assert(exists(registration.directory));
	rein_registry_leave(&registration);
}

enum { AGENTS = 200 };

Test(registry, two_hundred_at_once_all_get_ids_of_their_own)
{
	char(*ids)[96] = mmap(NULL, AGENTS * 96, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rein_error err = {0};
	int hold[2], status;

	cr_assert_eq(pipe(hold), 0);
	for (int i = 0; i < AGENTS; i++) {
		if (fork() != 0)
			continue;
		struct rein_registration registration;
		char byte;

		close(hold[1]);
		if (rein_registry_enter(&places, "p", &registration, &err) < 0)
			_exit(1);
		strcpy(ids[i], registration.id);
		if (read(hold[0], &byte, 1) < 0) /* until all are there */
			_exit(2);
		rein_registry_leave(&registration);
		_exit(exists(registration.directory));
	}
	close(hold[0]);
	for (int i = 0; i < AGENTS; i++)
		while (!((volatile char *)ids[i])[0])
			cr_assert_eq(waitpid(-1, &status, WNOHANG), 0, "one ended early");
	for (int i = 0; i < AGENTS; i++)
		for (int k = 0; k < i; k++)
			cr_assert_str_neq(ids[i], ids[k]);
	close(hold[1]);
	for (int i = 0; i < AGENTS; i++) {
		wait(&status);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

/* The list that the caller sees, through the environment as rein ps finds it. */
static struct rein_registered_vec list(void)
{
	struct rein_registered_vec agents = {0};
	struct rein_error err = {0};

	cr_assert_eq(rein_registry_list_in(places.runtime, &agents, &err), 0, "%s", err.text);
	return agents;
}

static bool listed(const char *id)
{
	struct rein_registered_vec agents = list();
	bool found = false;

	for (size_t i = 0; i < agents.count; i++)
		found |= !strcmp(agents.items[i].id, id);
	rein_vec_free(&agents);
	return found;
}

static pid_t enter_elsewhere(char id[96])
{
	int ready[2];
	pid_t pid;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct rein_registration registration = enter("p");

		if (write(ready[1], registration.id, 96) == 96)
			pause();
		_exit(0);
	}
	cr_assert_eq(read(ready[0], id, 96), 96);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

Test(registry, the_dead_are_noticed_and_cleaned_up_after)
{
	char id[96], folder[700], file[800];
	pid_t pid = enter_elsewhere(id);

	snprintf(folder, sizeof(folder), "%s/agents/%s", places.runtime, id);
	snprintf(file, sizeof(file), "%s/control", folder);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	cr_assert(listed(id));
	cr_assert(exists(folder));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert_not(listed(id));
	cr_assert_not(exists(folder));
}

Test(registry, looking_never_disturbs_one_that_is_starting)
{
	pid_t looker = fork();

	if (looker == 0)
		for (;;) {
			struct rein_registered_vec agents = {0};

			rein_registry_list_in(places.runtime, &agents, NULL);
			rein_vec_free(&agents);
		}
	for (int i = 0; i < 300; i++) {
		struct rein_registration registration = enter("p");
		char path[700];

		snprintf(path, sizeof(path), "%s/lock", registration.directory);
		cr_assert(exists(path), "somebody cleaned up after the living");
		rein_registry_leave(&registration);
	}
	kill(looker, SIGKILL);
	waitpid(looker, NULL, 0);
}

Test(registry, a_folder_that_others_prepared_is_refused)
{
	struct rein_registration registration;
	struct rein_error err = {0};

	cr_assert_eq(symlink("/etc", places.runtime), 0);
	cr_assert_lt(rein_registry_enter(&places, "p", &registration, &err), 0);
	cr_assert(strstr(err.text, "is not a folder"), "%s", err.text);
	unlink(places.runtime);

	close(open(places.runtime, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	cr_assert_lt(rein_registry_enter(&places, "p", &registration, &err), 0);
	unlink(places.runtime);

	mkdir(places.runtime, 0700);
	chmod(places.runtime, 0777);
	cr_assert_eq(rein_registry_enter(&places, "p", &registration, &err), -EPERM);
	cr_assert(strstr(err.text, "is open to others (mode 0777)"), "%s", err.text);
	if (geteuid() != 0)
		return;
	chmod(places.runtime, 0700);
	cr_assert_eq(chown(places.runtime, 65534, 65534), 0);
	cr_assert_eq(rein_registry_enter(&places, "p", &registration, &err), -EPERM);
	cr_assert(strstr(err.text, "belongs to user 65534 and not to you"), "%s", err.text);
}

/* What an ordinary user finds, in a process that becomes one. */
static int as_user(uid_t uid, int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (uid != geteuid() && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
			_exit(99);
		_exit(body());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int find_hostile(void)
{
	struct rein_places found;
	struct rein_error err = {0};

	setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
	if (rein_places_find(&found, &err) != -EPERM)
		return 1;
	return strstr(err.text, "/tmp/rein-61234 belongs to user 0") ? 0 : 2;
}

static int find_link(void)
{
	struct rein_places found;

	setenv("XDG_RUNTIME_DIR", "relative", 1);
	return rein_places_find(&found, NULL) < 0 ? 0 : 1;
}

static int find_fallback(void)
{
	struct rein_places found;
	struct rein_error err = {0};

	setenv("XDG_RUNTIME_DIR", "/tmp", 1); /* not ours */
	setenv("XDG_STATE_HOME", "not-absolute", 1);
	setenv("HOME", "/home/somebody", 1);
	unsetenv("XDG_CONFIG_HOME");
	if (rein_places_find(&found, &err))
		return 1;
	if (strcmp(found.runtime, "/tmp/rein-61234") || strcmp(found.state, "/home/somebody/.local/state/rein"))
		return 2;
	return strcmp(found.config, "/home/somebody/.config/rein") ? 3 : 0;
}

Test(registry, the_place_of_last_resort_is_believed_only_if_it_is_ours)
{
	if (geteuid() != 0)
		cr_skip("needs root to be somebody else");
	rmdir("/tmp/rein-61234");
	cr_assert_eq(as_user(61234, find_fallback), 0);
	cr_assert_eq(mkdir("/tmp/rein-61234", 0777), 0);
	cr_assert_eq(as_user(61234, find_hostile), 0);
	rmdir("/tmp/rein-61234");
	cr_assert_eq(symlink("/etc", "/tmp/rein-61234"), 0);
	cr_assert_eq(as_user(61234, find_link), 0);
	unlink("/tmp/rein-61234");
}

Test(registry, removing_a_folder_follows_nothing)
{
	char victim[128], folder[128], link[160];
	int fd;

	snprintf(victim, sizeof(victim), "%s/victim", base);
	snprintf(folder, sizeof(folder), "%s/folder", base);
	snprintf(link, sizeof(link), "%s/link", folder);
	close(open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	mkdir(folder, 0700);
	cr_assert_eq(symlink(victim, link), 0);
	fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(rein_folder_remove(fd, "folder"), 0);
	cr_assert(exists(victim));
	cr_assert_eq(symlink(base, folder), 0);
	cr_assert_lt(rein_folder_remove(fd, "folder"), 0);
	cr_assert(exists(victim));
	close(fd);
}
