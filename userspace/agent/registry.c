/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/registry.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "agent/folder.h"
#include "base/cleanup.h"

/*
 * An agent is alive as long as its folder's lock is held, and the kernel lets go of the lock with its supervisor.
 * Folders are made and removed under one lock of the whole registry, so that nobody takes a folder for abandoned while
 * it is being made.
 */

#define REGISTRY_LOCK ".lock"
#define LOCK "lock"
#define ID_TRIES 64

static int open_agents(const char *runtime, struct rein_error *err)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/agents", runtime);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? rein_fail_errno(err, "cannot open %s", path) : fd;
}

static int lock_registry(int agents_fd, struct rein_error *err)
{
	REIN_AUTO_FD int fd = openat(agents_fd, REGISTRY_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return rein_fail_errno(err, "cannot open the registry's lock");
	do
		r = flock(fd, LOCK_EX);
	while (r && errno == EINTR);
	return r ? rein_fail_errno(err, "cannot lock the registry") : rein_take_fd(&fd);
}

/* Whether a supervisor holds the folder's lock. */
static bool is_alive(int agents_fd, const char *id)
{
	REIN_AUTO_FD int folder = openat(agents_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	REIN_AUTO_FD int fd = folder < 0 ? -1 : openat(folder, LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	struct flock held = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	/* A question that takes no lock itself: it must never be in the way of the one who owns the folder. */
	return fd >= 0 && !fcntl(fd, F_OFD_GETLK, &held) && held.l_type != F_UNLCK;
}

/* The dead do not clean up after themselves. Looks again under the registry's lock. */
static void clean(int agents_fd, const char *id)
{
	REIN_AUTO_FD int lock = lock_registry(agents_fd, NULL);

	if (lock >= 0 && !is_alive(agents_fd, id))
		rein_folder_remove(agents_fd, id);
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Four digits are easy to type; more where these are taken. */
static int make_id(const char *profile, int try, char *ret_id, size_t size, struct rein_error *err)
{
	uint32_t number;
	char name[65];
	size_t i;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return rein_fail_errno(err, "cannot get random bytes");
	for (i = 0; profile[i] && i + 1 < sizeof(name); i++)
		name[i] = is_plain(profile[i]) ? profile[i] : '_';
	name[i] = '\0';
	if (name[0] == '-' || !name[0])
		strcpy(name, "agent");
	if (try < ID_TRIES / 2)
		snprintf(ret_id, size, "%s-%04x", name, number & 0xffff);
	else
		snprintf(ret_id, size, "%s-%08x", name, number);
	return 0;
}

static int make_folder(int agents_fd, const char *profile, char *ret_id, size_t size, struct rein_error *err)
{
	for (int try = 0; try < ID_TRIES; try++) {
		int r = make_id(profile, try, ret_id, size, err);

		if (r < 0)
			return r;
		if (!mkdirat(agents_fd, ret_id, 0700))
			return 0;
		if (errno != EEXIST)
			return rein_fail_errno(err, "cannot make the agent's folder");
	}
	return rein_fail(err, EEXIST, "found no free id for an agent of profile %s", profile);
}

static int take_lock(int agents_fd, const char *id, struct rein_error *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[160];
	REIN_AUTO_FD int fd = -1;

	snprintf(path, sizeof(path), "%s/" LOCK, id);
	fd = openat(agents_fd, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &whole)) {
		int r = rein_fail_errno(err, "cannot lock the agent's folder");

		rein_folder_remove(agents_fd, id);
		return r;
	}
	return rein_take_fd(&fd);
}

static int make_places(const struct rein_places *places, struct rein_error *err)
{
	char agents[PATH_MAX];
	int r = rein_folder_make(places->runtime, err);

	snprintf(agents, sizeof(agents), "%s/agents", places->runtime);
	if (!r)
		r = rein_folder_make(agents, err);
	return r ? r : rein_folder_make(places->state, err);
}

int rein_registry_enter(const struct rein_places *places, const char *profile,
			struct rein_registration *ret_registration, struct rein_error *err)
{
	struct rein_registration registration = {.lock_fd = -1};
	int r = make_places(places, err);
	REIN_AUTO_FD int agents = r < 0 ? r : open_agents(places->runtime, err);
	REIN_AUTO_FD int lock = agents < 0 ? agents : lock_registry(agents, err);

	if (lock < 0)
		return lock;
	r = make_folder(agents, profile, registration.id, sizeof(registration.id), err);
	if (r < 0)
		return r;
	registration.lock_fd = take_lock(agents, registration.id, err);
	if (registration.lock_fd < 0)
		return registration.lock_fd;
	snprintf(registration.directory, sizeof(registration.directory), "%s/agents/%s", places->runtime,
		 registration.id);
	*ret_registration = registration;
	return 0;
}

void rein_registry_leave(struct rein_registration *registration)
{
	char parent[sizeof(registration->directory)];
	REIN_AUTO_FD int agents = -1, lock = -1;

	if (registration->lock_fd < 0)
		return;
	strcpy(parent, registration->directory);
	*strrchr(parent, '/') = '\0';
	agents = open(parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	lock = agents < 0 ? -1 : lock_registry(agents, NULL);
	if (lock >= 0)
		rein_folder_remove(agents, registration->id);
	close(rein_take_fd(&registration->lock_fd));
}

static int add(struct rein_registered_vec *agents, const char *runtime, const char *id, struct rein_error *err)
{
	struct rein_registered *agent = rein_vec_add(agents);

	if (!agent)
		return rein_fail(err, ENOMEM, "no memory for the list of agents");
	snprintf(agent->id, sizeof(agent->id), "%.*s", (int)sizeof(agent->id) - 1, id);
	snprintf(agent->directory, sizeof(agent->directory), "%.400s/agents/%.*s", runtime, (int)sizeof(agent->id) - 1,
		 id);
	return 0;
}

static int list(const char *runtime, bool cleaning, struct rein_registered_vec *agents, struct rein_error *err)
{
	int fd = open_agents(runtime, NULL);
	REIN_AUTO_DIR DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!entries) /* no agent was ever started here, or it is not ours to see */
		return fd == -ENOENT || fd == -EACCES
			       ? 0
			       : rein_fail(err, fd < 0 ? -fd : errno, "cannot list %s/agents", runtime);
	while (r == 0 && (entry = readdir(entries))) {
		if (entry->d_name[0] == '.')
			continue;
		if (is_alive(fd, entry->d_name))
			r = add(agents, runtime, entry->d_name, err);
		else if (cleaning)
			clean(fd, entry->d_name);
	}
	return r;
}

int rein_registry_list_in(const char *runtime, struct rein_registered_vec *agents, struct rein_error *err)
{
	return list(runtime, true, agents, err);
}

/*
 * Root also sees other users' agents, where they usually are. It only looks: a user can put there what they like, such
 * as a link to somebody else's folders.
 */
static void list_of_users(struct rein_registered_vec *agents)
{
	static const char *const usual[] = {"/run/user/*/rein", "/tmp/rein-[0-9]*"};

	for (size_t k = 0; k < REIN_COUNT(usual); k++) {
		glob_t found = {0};

		glob(usual[k], GLOB_NOSORT, NULL, &found);
		for (size_t i = 0; i < found.gl_pathc; i++)
			list(found.gl_pathv[i], false, agents, NULL);
		globfree(&found);
	}
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct rein_registered *)a)->id, ((const struct rein_registered *)b)->id);
}

int rein_registry_list(struct rein_registered_vec *ret_agents, struct rein_error *err)
{
	struct rein_registered_vec agents = {0};
	struct rein_places places;
	int r = rein_places_find(&places, err);

	if (!r)
		r = rein_registry_list_in(places.runtime, &agents, err);
	if (!r && geteuid() != 0)
		r = list("/run/rein", false, &agents, err);
	else if (!r)
		list_of_users(&agents);
	if (r < 0) {
		rein_vec_free(&agents);
		return r;
	}
	if (agents.count)
		qsort(agents.items, agents.count, sizeof(*agents.items), by_id);
	*ret_agents = agents;
	return 0;
}
