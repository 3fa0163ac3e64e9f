/* SPDX-License-Identifier: GPL-2.0 */
#include "base/digest.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

/* FIPS 180-4's own examples, a file of several chunks, and files that are not what they say. */

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static int file_of(const void *bytes, size_t length)
{
	int fd = memfd_create("content", MFD_CLOEXEC);

	cr_assert(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
	return fd;
}

static void expect(const void *bytes, size_t length, const char *wanted)
{
	REIN_AUTO_FD int from = file_of(bytes, length), to = file_of("", 0);
	REIN_AUTO_FREE char *copy = malloc(length + 1);
	char found[REIN_DIGEST_ROOM];
	struct rein_error err = {0};

	cr_assert_eq(rein_digest_file(from, to, length, found, &err), 0, "%s", err.text);
	cr_assert_str_eq(found, wanted);
	cr_assert_eq(pread(to, copy, length + 1, 0), (ssize_t)length);
	cr_assert_arr_eq(copy, bytes, length);
}

Test(digest, knows_the_examples_of_the_standard)
{
	REIN_AUTO_FREE char *million = malloc(1000000);

	memset(million, 'a', 1000000);
	expect("", 0, EMPTY);
	expect("abc", 3, ABC);
	expect(million, 1000000, MILLION_A);
}

static void expect_error(int from, int to, uint64_t size, const char *wanted)
{
	char found[REIN_DIGEST_ROOM] = "untouched";
	struct rein_error err = {0};

	cr_assert_lt(rein_digest_file(from, to, size, found, &err), 0);
	cr_assert_str_eq(err.text, wanted);
	cr_assert_str_eq(found, "untouched");
}

Test(digest, takes_no_file_that_grows_or_shrinks)
{
	static const char changed[] = "it does not hold the 3 bytes it says: somebody is changing it, or it is no file "
				      "with a content of its own";
	REIN_AUTO_FD int shorter = file_of("ab", 2), longer = file_of("abcd", 4);
	REIN_AUTO_FD int endless = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	expect_error(shorter, -1, 3, changed);
	expect_error(longer, -1, 3, changed);
	expect_error(endless, -1, 3, changed);
}

Test(digest, says_what_cannot_be_read_or_kept)
{
	REIN_AUTO_FD int folder = open("/", O_RDONLY | O_CLOEXEC), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	REIN_AUTO_FD int from = file_of("abc", 3);

	expect_error(folder, -1, 3, "cannot read it: Is a directory");
	expect_error(from, full, 3, "cannot keep a copy: No space left on device");
}

Test(digest, is_read_in_either_case)
{
	char digest[REIN_DIGEST_ROOM] = "untouched";

	cr_assert_not(rein_digest_parse("", digest));
	cr_assert_not(rein_digest_parse(EMPTY "0", digest));
	cr_assert_not(rein_digest_parse("g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", digest));
	cr_assert_not(rein_digest_parse(" e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85", digest));
	cr_assert_str_eq(digest, "untouched");
	cr_assert(rein_digest_parse("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", digest));
	cr_assert_str_eq(digest, EMPTY);
}
