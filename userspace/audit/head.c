/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/head.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/key.h"
#include "base/cleanup.h"
#include "base/escape.h"

/* A head is text of one size, padded with spaces, so that it is replaced by one write that needs no new block. */
#define HEAD_SIZE 4096
#define LOG_NAME_MAX 3072 /* escaped; leaves room for the rest */

/* What is signed begins with this, so that no signature of something else can be passed off as one of a head. */
#define SIGNED_PREFIX "rein audit head 1\n"

struct rein_head {
	struct rein_key *key;
	char *log; /* real path, escaped */
	int fd;
};

/* The real path of a log that may be gone: its folder's, and the name. The caller frees. */
static char *real_path(const char *log)
{
	char *real = realpath(log, NULL), *joined = NULL;
	const char *slash = strrchr(log, '/');
	REIN_AUTO_FREE char *folder = NULL, *named = NULL;

	if (real)
		return real;
	named = slash ? strndup(log, slash == log ? 1 : (size_t)(slash - log)) : strdup(".");
	folder = named ? realpath(named, NULL) : NULL;
	if (!folder || asprintf(&joined, "%s/%s", strcmp(folder, "/") ? folder : "", slash ? slash + 1 : log) < 0)
		return NULL;
	return joined;
}

static char *head_path(const char *state_dir, const char *log)
{
	char name[REIN_HASH_HEX], *path;

	rein_hash(log, strlen(log), name);
	return asprintf(&path, "%s/heads/%.32s", state_dir, name) < 0 ? NULL : path;
}

static int make_folder(const char *path, struct rein_error *err)
{
	struct stat status;

	if (mkdir(path, 0700) && errno != EEXIST)
		return rein_fail_errno(err, "cannot make the folder %s", path);
	if (lstat(path, &status) || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022))
		return rein_fail(err, EPERM, "%s must be a folder of yours that nobody else may write to", path);
	return 0;
}

static int make_folders(const char *state_dir, struct rein_error *err)
{
	REIN_AUTO_FREE char *heads = NULL;
	int r = make_folder(state_dir, err);

	if (r < 0)
		return r;
	if (asprintf(&heads, "%s/heads", state_dir) < 0)
		return rein_fail(err, ENOMEM, "no memory for the name of a folder");
	return make_folder(heads, err);
}

/* Opens the head's file at its full size, so that a disk that fills up later cannot stop it from being written. */
static int open_file(const char *path, struct rein_error *err)
{
	REIN_AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return rein_fail_errno(err, "cannot open the signed head %s", path);
	r = posix_fallocate(fd, 0, HEAD_SIZE);
	if (r)
		return rein_fail(err, r, "cannot set %d bytes aside for the signed head %s: %s", HEAD_SIZE, path,
				 strerror(r));
	return rein_take_fd(&fd);
}

static int name_log(struct rein_head *head, const char *real, struct rein_error *err)
{
	head->log = rein_escape(real, strlen(real));
	if (!head->log)
		return rein_fail(err, ENOMEM, "no memory for the name of the log");
	if (strlen(head->log) > LOG_NAME_MAX)
		return rein_fail(err, ENAMETOOLONG, "the path of the audit log %.64s... is longer than %d bytes", real,
				 LOG_NAME_MAX);
	return 0;
}

int rein_head_open(const char *state_dir, const char *log, struct rein_head **ret_head, struct rein_error *err)
{
	REIN_AUTO_FREE char *real = real_path(log), *path = real ? head_path(state_dir, real) : NULL;
	struct rein_head *head = calloc(1, sizeof(*head));
	int r = path && head ? 0 : rein_fail(err, ENOMEM, "cannot find the real path of the audit log %s", log);

	if (head)
		head->fd = -1;
	if (!r)
		r = make_folders(state_dir, err);
	if (!r)
		r = rein_key_make(state_dir, &head->key, err);
	if (!r)
		r = name_log(head, real, err);
	if (!r) {
		r = open_file(path, err);
		head->fd = r;
	}
	if (r < 0) {
		rein_head_close(head);
		return r;
	}
	*ret_head = head;
	return 0;
}

void rein_head_close(struct rein_head *head)
{
	if (!head)
		return;
	if (head->fd >= 0)
		close(head->fd);
	rein_key_free(head->key);
	free(head->log);
	free(head);
}

static json_t *facts_json(const struct rein_head *head, const struct rein_head_facts *facts)
{
	return json_pack("{s:i, s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:s}", "v", 1, "log", head->log, "first",
			 facts->chain.first, "seq", (json_int_t)facts->chain.seq, "hash", facts->chain.hash, "size",
			 (json_int_t)facts->chain.size, "unwritten", (json_int_t)facts->unwritten, "time",
			 (json_int_t)time(NULL), "key", rein_key_public(head->key));
}

/* The bytes that the signature is over; the caller frees. */
static char *signed_bytes(const json_t *object)
{
	REIN_AUTO_FREE char *text = json_dumps(object, JSON_COMPACT);
	char *bytes;

	return !text || asprintf(&bytes, "%s%s", SIGNED_PREFIX, text) < 0 ? NULL : bytes;
}

static char *signed_text(const struct rein_head *head, const struct rein_head_facts *facts)
{
	json_t *object = facts_json(head, facts);
	REIN_AUTO_FREE char *bytes = object ? signed_bytes(object) : NULL;
	char signature[REIN_SIGNATURE_HEX], *text = NULL;

	if (bytes) {
		rein_key_sign(head->key, bytes, strlen(bytes), signature);
		json_object_set_new(object, "signature", json_string(signature));
		text = json_dumps(object, JSON_COMPACT);
	}
	json_decref(object);
	return text;
}

int rein_head_write(struct rein_head *head, const struct rein_head_facts *facts, struct rein_error *err)
{
	REIN_AUTO_FREE char *text = signed_text(head, facts);
	char padded[HEAD_SIZE];

	if (!text || strlen(text) >= sizeof(padded))
		return rein_fail(err, ENOMEM, "cannot form the signed head of the audit log");
	memset(padded, ' ', sizeof(padded));
	memcpy(padded, text, strlen(text));
	padded[sizeof(padded) - 1] = '\n';
	if (pwrite(head->fd, padded, sizeof(padded), 0) != (ssize_t)sizeof(padded))
		return rein_fail_errno(err, "cannot write the signed head of the audit log");
	return 0;
}

static bool take_facts(const json_t *object, const char *real, struct rein_head_facts *ret_facts)
{
	REIN_AUTO_FREE char *log = rein_escape(real, strlen(real));
	const char *said = json_string_value(json_object_get(object, "log"));
	const char *hash = json_string_value(json_object_get(object, "hash"));
	const char *first = json_string_value(json_object_get(object, "first"));

	if (!log || !said || strcmp(log, said) || !hash || strlen(hash) != REIN_HASH_HEX - 1 || !first ||
	    strlen(first) != REIN_HASH_HEX - 1)
		return false;
	*ret_facts = (struct rein_head_facts){0};
	memcpy(ret_facts->chain.hash, hash, REIN_HASH_HEX);
	memcpy(ret_facts->chain.first, first, REIN_HASH_HEX);
	ret_facts->chain.seq = (uint64_t)json_integer_value(json_object_get(object, "seq"));
	ret_facts->chain.size = (uint64_t)json_integer_value(json_object_get(object, "size"));
	ret_facts->unwritten = (uint64_t)json_integer_value(json_object_get(object, "unwritten"));
	return true;
}

static bool is_signed(json_t *object, const struct rein_key *key)
{
	REIN_AUTO_FREE char *signature = strdup(json_string_value(json_object_get(object, "signature")) ?: "");
	REIN_AUTO_FREE char *bytes = NULL;

	json_object_del(object, "signature");
	bytes = signed_bytes(object);
	return signature && bytes && rein_key_verify(key, bytes, strlen(bytes), signature);
}

static int load(const char *path, json_t **ret_object, struct rein_error *err)
{
	char text[HEAD_SIZE];
	REIN_AUTO_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text), 0);

	if (n < 0)
		return rein_fail_errno(err, "cannot read the signed head %s", path);
	/* Set aside and never written: its supervisor died before the log's first line. */
	if (!n || !text[0])
		return rein_fail(err, ENOENT, "the signed head %s is empty", path);
	*ret_object = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(*ret_object)) {
		json_decref(*ret_object);
		return rein_fail(err, EBADMSG, "the signed head %s is damaged", path);
	}
	return 0;
}

static int read_once(const char *path, const struct rein_key *key, const char *real, struct rein_head_facts *ret_facts,
		     struct rein_error *err)
{
	json_t *object = NULL;
	int r = load(path, &object, err);

	if (r < 0)
		return r;
	if (!is_signed(object, key))
		r = rein_fail(err, EBADMSG, "the signature of the head %s is not by this user's key", path);
	else if (!take_facts(object, real, ret_facts))
		r = rein_fail(err, EBADMSG, "the head %s is that of another log", path);
	json_decref(object);
	return r;
}

/* A supervisor may be writing just now: what is bad a few times in a row is bad. */
#define READ_TRIES 5

int rein_head_read(const char *state_dir, const char *log, struct rein_head_facts *ret_facts, struct rein_error *err)
{
	REIN_AUTO_FREE char *real = real_path(log), *path = real ? head_path(state_dir, real) : NULL;
	struct rein_key *key = NULL;
	int r;

	if (!path)
		return rein_fail(err, ENOENT, "there is no folder that %s could be in", log);
	if (access(path, F_OK) && errno == ENOENT)
		return rein_fail(err, ENOENT, "no signed head of %s is known here", log);
	r = rein_key_read(state_dir, &key, err);
	if (r == -ENOENT)
		return rein_fail(err, EBADMSG, "the key that signed the head of %s is gone from %s", log, state_dir);
	if (r < 0)
		return r;
	r = -EBADMSG;
	for (int i = 0; r == -EBADMSG && i < READ_TRIES; i++)
		r = read_once(path, key, real, ret_facts, err);
	rein_key_free(key);
	return r;
}
