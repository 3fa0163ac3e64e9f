/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/load.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "profile/document.h"
#include "profile/guard.h"
#include "profile/raw.h"
#include "profile/resolve.h"

#define DEPTH_MAX 16
#define FILES_MAX 64

struct source {
	const char *file; /* owned by the policy */
	dev_t device;
	ino_t inode;
};

struct loader {
	struct rein_resolver resolver;
	struct source loaded[FILES_MAX]; /* or being loaded */
	size_t nr_loaded;
	size_t chain[DEPTH_MAX]; /* the files that are being loaded, each extended by the one before */
	size_t depth;
};

static int load_file(struct loader *loader, const char *path, const struct rein_raw_text *at);

static int find_in(const char *dir, const char *below, const char *name, char **ret_path, struct rein_error *err)
{
	REIN_AUTO_FREE char *path = NULL;

	if (!dir)
		return -ENOENT;
	if (asprintf(&path, "%s%s/%s.yaml", dir, below, name) < 0) {
		path = NULL;
		return rein_fail(err, ENOMEM, "out of memory");
	}
	if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return -ENOENT;
	if (access(path, F_OK) < 0)
		return rein_fail_errno(err, "cannot look for profile \"%.64s\" at %.400s", name, path);
	*ret_path = rein_take_pointer(&path);
	return 0;
}

static int search(const char *name, const struct rein_profile_context *context, char **ret_path, struct rein_error *err)
{
	int r = find_in(context->config_home, "/rein/profiles", name, ret_path, err);

	if (r == -ENOENT)
		r = find_in(context->system_dir, "/profiles", name, ret_path, err);
	if (r == -ENOENT)
		r = find_in(context->installed_dir, "", name, ret_path, err);
	if (r == -ENOENT)
		return rein_fail(
			err, ENOENT,
			"there is no profile \"%.64s\": looked for %.64s.yaml in %.160s%s%.160s/profiles and %.160s",
			name, name, context->config_home ? context->config_home : "",
			context->config_home ? "/rein/profiles, " : "",
			context->system_dir ? context->system_dir : "/etc/rein",
			context->installed_dir ? context->installed_dir : "(no installed profiles)");
	return r;
}

/* A relative path is relative to the file that names it. */
static char *beside(const char *path, const char *from)
{
	const char *slash = from ? strrchr(from, '/') : NULL;
	char *joined;

	if (path[0] == '/' || !slash)
		return strdup(path);
	path += strncmp(path, "./", 2) == 0 ? 2 : 0;
	return asprintf(&joined, "%.*s/%s", (int)(slash - from), from, path) < 0 ? NULL : joined;
}

int rein_profile_find(const char *name, const char *from, const struct rein_profile_context *context, char **ret_path,
		      struct rein_error *err)
{
	char *path;

	if (!strchr(name, '/')) {
		if (rein_name_is_valid(name))
			return search(name, context, ret_path, err);
		return rein_fail(err, EINVAL,
				 "\"%.100s\" is not the name of a profile (a-z 0-9 _ -); a path holds a \"/\", such as "
				 "./%.100s",
				 name, name);
	}
	path = beside(name, from);
	if (!path)
		return rein_fail(err, ENOMEM, "out of memory");
	*ret_path = path;
	return 0;
}

static int read_all(int fd, const char *path, size_t size, char **ret_bytes, size_t *ret_length, struct rein_error *err)
{
	REIN_AUTO_FREE char *bytes = malloc(size + 1);
	size_t length = 0;
	ssize_t n = 1;

	if (!bytes)
		return rein_fail(err, ENOMEM, "out of memory");
	while (length <= size && n > 0) {
		n = read(fd, bytes + length, size + 1 - length);
		if (n < 0)
			return rein_fail_errno(err, "%.400s", path);
		length += (size_t)n;
	}
	if (length > size)
		return rein_fail(err, EAGAIN, "%.400s: the file grew while it was read; try again", path);
	*ret_bytes = rein_take_pointer(&bytes);
	*ret_length = length;
	return 0;
}

/* Reads a regular file whole. Nothing else: a FIFO could hang us, a device could do anything. */
static int read_file(const char *path, struct source *ret_source, char **ret_bytes, size_t *ret_length,
		     struct rein_error *err)
{
	REIN_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return rein_fail_errno(err, "%.400s", path);
	if (!S_ISREG(st.st_mode))
		return rein_fail(err, EINVAL, "%.400s: a profile has to be a regular file", path);
	if ((size_t)st.st_size > REIN_DOCUMENT_BYTES_MAX)
		return rein_fail(err, EFBIG, "%.400s: the profile is larger than 64 MiB", path);
	ret_source->device = st.st_dev;
	ret_source->inode = st.st_ino;
	return read_all(fd, path, (size_t)st.st_size, ret_bytes, ret_length, err);
}

static int refuse_circle(const struct loader *loader, size_t again, const struct rein_raw_text *at)
{
	char chain[480];
	size_t i = 0, used = 0;

	while (loader->chain[i] != again)
		i++;
	for (; i < loader->depth && used < sizeof(chain); i++)
		used += snprintf(chain + used, sizeof(chain) - used, "%.160s -> ",
				 loader->loaded[loader->chain[i]].file);
	return rein_refuse_at(&loader->resolver, at, "profiles extend each other in a circle: %s%.160s", chain,
			      loader->loaded[again].file);
}

static bool is_open(const struct loader *loader, size_t index)
{
	size_t i;

	for (i = 0; i < loader->depth; i++)
		if (loader->chain[i] == index)
			return true;
	return false;
}

static size_t find_loaded(const struct loader *loader, const struct source *source)
{
	size_t i;

	for (i = 0; i < loader->nr_loaded; i++)
		if (loader->loaded[i].device == source->device && loader->loaded[i].inode == source->inode)
			break;
	return i;
}

static int load_extended(struct loader *loader, const struct rein_raw_profile *raw, const char *file)
{
	unsigned i;
	int r = 0;

	for (i = 0; raw->extends && i < raw->extends->count && r == 0; i++) {
		const struct rein_raw_text *at = &raw->extends->items[i];
		REIN_AUTO_FREE char *path = NULL;

		loader->resolver.file = file;
		r = rein_profile_find(at->text, file, loader->resolver.context, &path, loader->resolver.err);
		if (r < 0)
			return rein_place_error(&loader->resolver, at);
		r = load_file(loader, path, at);
	}
	return r;
}

static int load_source(struct loader *loader, const struct source *source, const char *bytes, size_t length)
{
	REIN_AUTO_RAW struct rein_raw_profile *raw = NULL;
	size_t index = loader->nr_loaded++;
	int r;

	loader->loaded[index] = *source;
	loader->chain[loader->depth++] = index;
	r = rein_raw_parse(bytes, length, source->file, &raw, loader->resolver.err);
	if (r == 0)
		r = load_extended(loader, raw, source->file);
	loader->resolver.file = source->file;
	/* A name is not passed on: agents under a profile that extends another carry its own. */
	if (loader->depth == 1)
		loader->resolver.policy->name = loader->resolver.policy->description = NULL;
	if (r == 0)
		r = rein_resolver_run(&loader->resolver, raw);
	loader->depth--;
	return r;
}

/* `at` is the line of the file that extends this one, NULL for the first. */
static int load_file(struct loader *loader, const char *path, const struct rein_raw_text *at)
{
	REIN_AUTO_FREE char *bytes = NULL;
	struct source source = {0};
	size_t length = 0, known;
	int r = read_file(path, &source, &bytes, &length, loader->resolver.err);

	if (r < 0)
		return at ? rein_place_error(&loader->resolver, at) : r;
	known = find_loaded(loader, &source);
	if (known < loader->nr_loaded)
		return is_open(loader, known) ? refuse_circle(loader, known, at) : 0;
	if (loader->depth == DEPTH_MAX)
		return rein_refuse_at(&loader->resolver, at, "profiles extend each other more than %d deep", DEPTH_MAX);
	if (loader->nr_loaded == FILES_MAX)
		return rein_refuse_at(&loader->resolver, at, "more than %d profiles extend each other", FILES_MAX);
	source.file = rein_policy_text(loader->resolver.policy, "%s", path);
	if (!source.file)
		return rein_out_of_memory(&loader->resolver);
	return load_source(loader, &source, bytes, length);
}

int rein_profile_load(const char *path, const struct rein_profile_context *context, struct rein_policy *policy,
		      struct rein_error *err)
{
	struct loader loader = {.resolver = {.context = context, .policy = policy, .file = path, .err = err}};
	int r = load_file(&loader, path, NULL);
	size_t i;

	for (i = 0; i < loader.nr_loaded && r == 0; i++)
		r = rein_guard_profile(&loader.resolver, loader.loaded[i].file);
	return r < 0 ? r : rein_guard_checkout(&loader.resolver);
}
