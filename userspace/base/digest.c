/* SPDX-License-Identifier: GPL-2.0 */
#include "base/digest.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Large enough that system calls cost nothing beside the hash, small enough to stay in the cache. */
#define CHUNK (128 << 10)

bool rein_digest_parse(const char *text, char ret_digest[REIN_DIGEST_ROOM])
{
	unsigned char raw[crypto_hash_sha256_BYTES];
	size_t length;

	if (strlen(text) != REIN_DIGEST_ROOM - 1 ||
	    sodium_hex2bin(raw, sizeof(raw), text, REIN_DIGEST_ROOM - 1, NULL, &length, NULL) || length != sizeof(raw))
		return false;
	sodium_bin2hex(ret_digest, REIN_DIGEST_ROOM, raw, sizeof(raw));
	return true;
}

static int write_all(int fd, const unsigned char *bytes, size_t length, struct rein_error *err)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return rein_fail_errno(err, "cannot keep a copy");
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

/* One chunk at `offset`; returns its length, 0 at the end. */
static ssize_t read_chunk(int fd, unsigned char *chunk, uint64_t offset, struct rein_error *err)
{
	ssize_t n;

	do {
		n = pread(fd, chunk, CHUNK, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? rein_fail_errno(err, "cannot read it") : n;
}

int rein_digest_file(int from, int to, uint64_t size, char ret_digest[REIN_DIGEST_ROOM], struct rein_error *err)
{
	REIN_AUTO_FREE unsigned char *chunk = malloc(CHUNK);
	unsigned char raw[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state hash;
	uint64_t done = 0;
	ssize_t n = 1;
	int r = 0;

	if (!chunk || sodium_init() < 0)
		return rein_fail(err, ENOMEM, "out of memory");
	crypto_hash_sha256_init(&hash);
	while (n > 0 && done <= size) {
		n = read_chunk(from, chunk, done, err);
		if (n > 0 && to >= 0)
			r = write_all(to, chunk, (size_t)n, err);
		if (n < 0 || r < 0)
			return n < 0 ? (int)n : r;
		crypto_hash_sha256_update(&hash, chunk, (unsigned long long)n);
		done += (uint64_t)n;
	}
	if (done != size)
		return rein_fail(err, ESTALE,
				 "it does not hold the %llu bytes it says: somebody is changing it, or it is no file "
				 "with a content of its own",
				 (unsigned long long)size);
	crypto_hash_sha256_final(&hash, raw);
	sodium_bin2hex(ret_digest, REIN_DIGEST_ROOM, raw, sizeof(raw));
	return 0;
}
