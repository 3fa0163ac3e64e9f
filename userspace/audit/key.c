/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/key.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SEED_HEX (2 * crypto_sign_SEEDBYTES + 1)

struct rein_key {
	unsigned char public[crypto_sign_PUBLICKEYBYTES];
	unsigned char secret[crypto_sign_SECRETKEYBYTES];
	char public_hex[REIN_PUBLIC_HEX];
};

/* Pages of its own, which a child never sees: the agent's first process begins as a copy of the supervisor. */
static struct rein_key *allocate(void)
{
	struct rein_key *key = mmap(NULL, sizeof(*key), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (key == MAP_FAILED)
		return NULL;
	if (madvise(key, sizeof(*key), MADV_WIPEONFORK) || madvise(key, sizeof(*key), MADV_DONTDUMP)) {
		munmap(key, sizeof(*key));
		return NULL;
	}
	return key;
}

void rein_key_free(struct rein_key *key)
{
	if (!key)
		return;
	sodium_memzero(key, sizeof(*key));
	munmap(key, sizeof(*key));
}

static int from_seed(const unsigned char *seed, struct rein_key **ret_key, struct rein_error *err)
{
	struct rein_key *key = allocate();

	if (!key)
		return rein_fail_errno(err, "cannot get memory that children do not inherit for the signing key");
	crypto_sign_seed_keypair(key->public, key->secret, seed);
	sodium_bin2hex(key->public_hex, sizeof(key->public_hex), key->public, sizeof(key->public));
	*ret_key = key;
	return 0;
}

static int check(int fd, const char *path, struct rein_error *err)
{
	struct stat status;

	if (fstat(fd, &status))
		return rein_fail_errno(err, "cannot look at the signing key %s", path);
	if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077))
		return rein_fail(err, EPERM,
				 "the signing key %s must be a file of yours that nobody else may read: if nobody else "
				 "had it, run `chmod 600` on it, else remove it and the heads beside it",
				 path);
	return 0;
}

static int read_seed(int fd, const char *path, unsigned char *ret_seed, struct rein_error *err)
{
	char text[SEED_HEX + 1];
	ssize_t n = read(fd, text, sizeof(text));
	size_t length = 0;
	int r = n < 0 ? rein_fail_errno(err, "cannot read the signing key %s", path) : 0;

	if (!r && (n != SEED_HEX || text[SEED_HEX - 1] != '\n' ||
		   sodium_hex2bin(ret_seed, crypto_sign_SEEDBYTES, text, SEED_HEX - 1, NULL, &length, NULL) ||
		   length != crypto_sign_SEEDBYTES))
		r = rein_fail(err, EBADMSG,
			      "the signing key %s is damaged: remove it, and a new one is made; older logs keep their "
			      "chain but lose their signed heads",
			      path);
	sodium_memzero(text, sizeof(text));
	return r;
}

int rein_key_read(const char *state_dir, struct rein_key **ret_key, struct rein_error *err)
{
	REIN_AUTO_FREE char *path = NULL;
	unsigned char seed[crypto_sign_SEEDBYTES];
	REIN_AUTO_FD int fd = -1;
	int r;

	if (sodium_init() < 0 || asprintf(&path, "%s/key", state_dir) < 0)
		return rein_fail(err, ENOMEM, "cannot prepare to read the signing key");
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return rein_fail_errno(err, "cannot open the signing key %s", path);
	r = check(fd, path, err);
	if (!r)
		r = read_seed(fd, path, seed, err);
	if (!r)
		r = from_seed(seed, ret_key, err);
	sodium_memzero(seed, sizeof(seed));
	return r;
}

static int write_new(int fd, struct rein_error *err)
{
	unsigned char seed[crypto_sign_SEEDBYTES];
	char text[SEED_HEX + 1];
	int r = 0;

	randombytes_buf(seed, sizeof(seed));
	sodium_bin2hex(text, sizeof(text), seed, sizeof(seed));
	text[SEED_HEX - 1] = '\n';
	if (write(fd, text, SEED_HEX) != SEED_HEX || fsync(fd))
		r = rein_fail_errno(err, "cannot write a signing key");
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(text, sizeof(text));
	return r;
}

/* Puts a whole key in place at once: of two first users, one wins and both use what it wrote. */
static int install_new(const char *state_dir, struct rein_error *err)
{
	REIN_AUTO_FREE char *path = NULL, *draft = NULL;
	REIN_AUTO_FD int fd = -1;
	int r;

	if (asprintf(&path, "%s/key", state_dir) < 0 || asprintf(&draft, "%s/key.XXXXXX", state_dir) < 0)
		return rein_fail(err, ENOMEM, "cannot prepare a signing key");
	fd = mkostemp(draft, O_CLOEXEC);
	if (fd < 0)
		return rein_fail_errno(err, "cannot make a signing key in %s", state_dir);
	r = write_new(fd, err);
	if (!r && link(draft, path) && errno != EEXIST)
		r = rein_fail_errno(err, "cannot put the signing key at %s", path);
	unlink(draft);
	return r;
}

int rein_key_make(const char *state_dir, struct rein_key **ret_key, struct rein_error *err)
{
	int r = rein_key_read(state_dir, ret_key, err);

	if (r != -ENOENT)
		return r;
	r = install_new(state_dir, err);
	return r ? r : rein_key_read(state_dir, ret_key, err);
}

const char *rein_key_public(const struct rein_key *key)
{
	return key->public_hex;
}

void rein_key_sign(const struct rein_key *key, const void *bytes, size_t length, char ret_hex[REIN_SIGNATURE_HEX])
{
	unsigned char signature[crypto_sign_BYTES];

	crypto_sign_detached(signature, NULL, bytes, length, key->secret);
	sodium_bin2hex(ret_hex, REIN_SIGNATURE_HEX, signature, sizeof(signature));
}

bool rein_key_verify(const struct rein_key *key, const void *bytes, size_t length, const char *signature_hex)
{
	unsigned char signature[crypto_sign_BYTES];
	size_t got = 0;

	return strlen(signature_hex) == REIN_SIGNATURE_HEX - 1 &&
	       !sodium_hex2bin(signature, sizeof(signature), signature_hex, REIN_SIGNATURE_HEX - 1, NULL, &got, NULL) &&
	       got == sizeof(signature) && !crypto_sign_verify_detached(signature, bytes, length, key->public);
}
