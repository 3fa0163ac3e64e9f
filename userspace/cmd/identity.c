/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/identity.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* A whole decimal uid; false for anything else, (uid_t)-1 too, which means "nobody" to the kernel. */
static bool parse_uid(const char *text, uid_t *ret_uid)
{
	char *end;
	unsigned long value;

	if (!*text || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || value >= (uid_t)-1)
		return false;
	*ret_uid = (uid_t)value;
	return true;
}

static int fill_strings(struct rein_identity *who, const char *name, const char *home, struct rein_error *err)
{
	who->name = strdup(name);
	who->home = home && home[0] == '/' ? strdup(home) : NULL;
	if (!who->name || (home && home[0] == '/' && !who->home)) {
		rein_identity_free(who);
		return rein_fail(err, ENOMEM, "no memory for the user's name");
	}
	return 0;
}

static int fill_groups(struct rein_identity *who, const char *name, struct rein_error *err)
{
	int nr = (int)REIN_COUNT(who->groups);

	if (getgrouplist(name, who->gid, who->groups, &nr) < 0)
		return rein_fail(err, E2BIG, "user %s is in %d groups; an agent can be given at most %zu", name, nr,
				 REIN_COUNT(who->groups));
	who->nr_groups = nr;
	return 0;
}

static int from_passwd(const struct passwd *entry, struct rein_identity *ret_who, struct rein_error *err)
{
	struct rein_identity who = {.uid = entry->pw_uid, .gid = entry->pw_gid};
	int r = fill_groups(&who, entry->pw_name, err);

	if (r == 0)
		r = fill_strings(&who, entry->pw_name, entry->pw_dir, err);
	if (r == 0)
		*ret_who = who;
	return r;
}

/* `source` says where the uid comes from, for the message. */
static int by_uid(uid_t uid, const char *source, struct rein_identity *ret_who, struct rein_error *err)
{
	const struct passwd *entry = getpwuid(uid);

	if (!entry)
		return rein_fail(
			err, ENOENT,
			"the agent would run as uid %u (%s), which is no user of this system; name one with --user",
			(unsigned)uid, source);
	return from_passwd(entry, ret_who, err);
}

static int by_name(const char *user, struct rein_identity *ret_who, struct rein_error *err)
{
	const struct passwd *entry = getpwnam(user);
	uid_t uid;

	if (!entry && parse_uid(user, &uid))
		entry = getpwuid(uid);
	if (!entry)
		return rein_fail(err, ENOENT, "--user %s: there is no such user on this system", user);
	return from_passwd(entry, ret_who, err);
}

/* The caller. In a container they may have no name; then the number is the name. */
static int themselves(const char *home, struct rein_identity *ret_who, struct rein_error *err)
{
	struct rein_identity who = {.uid = geteuid(), .gid = getegid()};
	const struct passwd *entry = getpwuid(who.uid);
	int nr = getgroups((int)REIN_COUNT(who.groups), who.groups), r;
	char number[16];

	if (nr < 0)
		return rein_fail_errno(err, "cannot read the groups of uid %u", (unsigned)who.uid);
	who.nr_groups = nr;
	snprintf(number, sizeof(number), "%u", (unsigned)who.uid);
	r = fill_strings(&who, entry ? entry->pw_name : number,
			 home && home[0] == '/' ? home
			 : entry		? entry->pw_dir
						: NULL,
			 err);
	if (r == 0)
		*ret_who = who;
	return r;
}

/* --user without the privileges to become anybody: harmless if it names the caller. */
static int only_themselves(const struct rein_identity_wish *wish, struct rein_identity *ret_who, struct rein_error *err)
{
	const struct passwd *entry = wish->user ? getpwnam(wish->user) : NULL;
	uid_t uid = geteuid(), wanted = entry ? entry->pw_uid : (uid_t)-1;

	if (wish->user && !entry && !parse_uid(wish->user, &wanted))
		return rein_fail(err, ENOENT, "--user %s: there is no such user on this system", wish->user);
	if (wish->user && wanted != uid)
		return rein_fail(err, EPERM, "--user %s: only root can start an agent as somebody else", wish->user);
	return themselves(wish->home, ret_who, err);
}

static int workspace_owner(const struct rein_identity_wish *wish, struct rein_identity *ret_who, struct rein_error *err)
{
	struct stat st;

	if (stat(wish->workspace, &st))
		return rein_fail_errno(err, "cannot look at the workspace %s", wish->workspace);
	if (st.st_uid == geteuid())
		return themselves(wish->home, ret_who, err);
	return by_uid(st.st_uid, "the owner of the workspace", ret_who, err);
}

int rein_identity_find(const struct rein_identity_wish *wish, struct rein_identity *ret_who, struct rein_error *err)
{
	uid_t caller;

	if (wish->user && !*wish->user)
		return rein_fail(err, EINVAL, "--user is empty: it needs a NAME");
	if (!wish->privileged)
		return only_themselves(wish, ret_who, err);
	if (wish->user)
		return by_name(wish->user, ret_who, err);
	if (wish->sudo_uid) {
		if (!parse_uid(wish->sudo_uid, &caller))
			return rein_fail(err, EINVAL, "SUDO_UID is \"%s\", which is no uid; unset it or use --user",
					 wish->sudo_uid);
		if (caller != 0)
			return by_uid(caller, "SUDO_UID", ret_who, err);
	}
	return workspace_owner(wish, ret_who, err);
}

uid_t rein_identity_starter(const struct rein_identity_wish *wish)
{
	uid_t caller;

	return wish->privileged && wish->sudo_uid && parse_uid(wish->sudo_uid, &caller) ? caller : getuid();
}

void rein_identity_free(struct rein_identity *who)
{
	free((char *)who->name);
	free((char *)who->home);
	who->name = who->home = NULL;
}
