/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/layers.h"

/* What is counted in files, by its kind: each act once, whatever the kernel makes of it below; and none past a burst.
 */

#define KIB 1024UL

TestSuite(bpf_file_counts, .timeout = 240);

static int folder = -1;
static struct layers layers;

/* Each does one thing in the folder and returns 0, an errno, or 255 for a mistake of the test's own. */

static int result_of(long r)
{
	return r < 0 ? errno : 0;
}

static int open_and_close(const char *name, int flags)
{
	int fd = openat(folder, name, flags, 0600);

	return fd < 0 ? errno : close(fd);
}

static int open_to_read(void)
{
	return open_and_close("full", O_RDONLY);
}

static int open_to_write(void)
{
	return open_and_close("full", O_RDWR);
}

static int create(void)
{
	return open_and_close("new", O_WRONLY | O_CREAT);
}

static int create_without_a_name(void)
{
	return open_and_close(".", O_RDWR | O_TMPFILE);
}

static int empty(void)
{
	return open_and_close("full", O_WRONLY | O_TRUNC);
}

static int empty_read_only(void)
{
	return open_and_close("full", O_RDONLY | O_TRUNC);
}

static int empty_what_is_empty(void)
{
	return open_and_close("empty", O_WRONLY | O_TRUNC);
}

static int make_folder(void)
{
	return result_of(mkdirat(folder, "new", 0700));
}

static int make_pipe(void)
{
	return result_of(mknodat(folder, "new", S_IFIFO | 0600, 0));
}

static int make_symlink(void)
{
	return result_of(symlinkat("full", folder, "new"));
}

static int make_link(void)
{
	return result_of(linkat(folder, "full", folder, "new", 0));
}

static int bind_socket(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), r;

	snprintf(name.sun_path, sizeof(name.sun_path), "/proc/self/fd/%d/new", folder);
	r = result_of(bind(fd, (void *)&name, sizeof(name)));
	close(fd);
	return r;
}

static int unlink_file(void)
{
	return result_of(unlinkat(folder, "full", 0));
}

static int remove_folder(void)
{
	return result_of(unlinkat(folder, "sub", AT_REMOVEDIR));
}

static int move(void)
{
	return result_of(renameat(folder, "full", folder, "new"));
}

static int move_onto(void)
{
	return result_of(renameat(folder, "full", folder, "empty"));
}

static int exchange(void)
{
	return result_of(renameat2(folder, "full", folder, "empty", RENAME_EXCHANGE));
}

static int with_full(int (*change)(int fd))
{
	int fd = openat(folder, "full", O_RDWR), r;

	if (fd < 0)
		return errno;
	r = result_of(change(fd));
	close(fd);
	return r;
}

static int cut_fd(int fd)
{
	return ftruncate(fd, 100);
}

static int cut(void)
{
	return with_full(cut_fd);
}

static int cut_by_path(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d/full", folder);
	return result_of(truncate(name, 100));
}

static int punch_fd(int fd)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4 * KIB);
}

static int punch(void)
{
	return with_full(punch_fd);
}

static int change_mode(void)
{
	return result_of(fchmodat(folder, "full", 0640, 0));
}

static int change_owner(void)
{
	return result_of(fchownat(folder, "full", 1, 1, 0));
}

static int change_times(void)
{
	return result_of(utimensat(folder, "full", NULL, 0));
}

static int set_attribute_fd(int fd)
{
	return fsetxattr(fd, "trusted.rein", "1", 1, 0);
}

static int set_attribute(void)
{
	return with_full(set_attribute_fd);
}

static int remove_attribute_fd(int fd)
{
	return fremovexattr(fd, "trusted.there");
}

static int remove_attribute(void)
{
	return with_full(remove_attribute_fd);
}

/* user::rw-, user:1:r--, group::---, mask::r--, other::--- */
static int set_acl_fd(int fd)
{
	static const uint16_t acl[] = {2, 0,	  1,	  6,  0xffff, 0xffff, 2,      4,  1, 0,	     4,
				       0, 0xffff, 0xffff, 16, 4,      0xffff, 0xffff, 32, 0, 0xffff, 0xffff};

	return fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl), 0);
}

static int set_acl(void)
{
	return with_full(set_acl_fd);
}

static int set_flags_fd(int fd)
{
	int flags = FS_NODUMP_FL;

	return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static int set_flags(void)
{
	return with_full(set_flags_fd);
}

/* The kernel takes away the bit of set-user-ID by itself: no doing of the agent's. */
static int write_to_setuid(void)
{
	int fd = openat(folder, "setuid", O_WRONLY), r;

	if (fd < 0)
		return errno;
	r = result_of(write(fd, "x", 1));
	close(fd);
	return r;
}

static int fork_once(void)
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	return child < 0 ? errno : waitpid(child, NULL, 0) == child ? 0 : 255;
}

static void *nothing(void *argument)
{
	return NULL;
}

static int start_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	return r ? r : pthread_join(thread, NULL);
}

#define METERS REIN_METER_COUNT
#define IS(meter, n) [REIN_METER_##meter] = (n)

static const struct act {
	const char *name;
	int (*go)(void);
	uint64_t meters[METERS];
} acts[] = {
	{"open to read", open_to_read, {0}},
	{"open to write", open_to_write, {IS(WRITE_FILES, 1)}},
	{"create", create, {IS(CREATE_FILES, 1)}},
	{"O_TMPFILE", create_without_a_name, {IS(CREATE_FILES, 1)}},
	{"O_TRUNC", empty, {IS(WRITE_FILES, 1), IS(DELETE_FILES, 1)}},
	{"O_RDONLY|O_TRUNC", empty_read_only, {IS(DELETE_FILES, 1)}},
	{"O_TRUNC of an empty file", empty_what_is_empty, {IS(WRITE_FILES, 1)}},
	{"mkdir", make_folder, {IS(CREATE_FILES, 1)}},
	{"mknod", make_pipe, {IS(CREATE_FILES, 1)}},
	{"symlink", make_symlink, {IS(CREATE_FILES, 1)}},
	{"link", make_link, {IS(CREATE_FILES, 1)}},
	{"bind", bind_socket, {IS(CREATE_FILES, 1)}},
	{"unlink", unlink_file, {IS(DELETE_FILES, 1)}},
	{"rmdir", remove_folder, {IS(DELETE_FILES, 1)}},
	{"rename", move, {IS(RENAME_FILES, 1)}},
	{"rename onto", move_onto, {IS(RENAME_FILES, 1), IS(DELETE_FILES, 1)}},
	{"exchange", exchange, {IS(RENAME_FILES, 1)}},
	{"ftruncate shorter", cut, {IS(WRITE_FILES, 1), IS(DELETE_FILES, 1)}},
	{"truncate", cut_by_path, {IS(DELETE_FILES, 1)}},
	{"punch a hole", punch, {IS(WRITE_FILES, 1), IS(DELETE_FILES, 1)}},
	{"chmod", change_mode, {IS(CHMOD_FILES, 1)}},
	{"chown", change_owner, {IS(CHMOD_FILES, 1)}},
	{"utimensat", change_times, {IS(CHMOD_FILES, 1)}},
	{"setxattr", set_attribute, {IS(WRITE_FILES, 1), IS(CHMOD_FILES, 1)}},
	{"removexattr", remove_attribute, {IS(WRITE_FILES, 1), IS(CHMOD_FILES, 1)}},
	{"ACL", set_acl, {IS(WRITE_FILES, 1), IS(CHMOD_FILES, 1)}},
	{"flags", set_flags, {IS(WRITE_FILES, 1), IS(CHMOD_FILES, 1)}},
	{"write to set-user-ID", write_to_setuid, {IS(WRITE_FILES, 1), IS(WRITE_BYTES, 1)}},
	{"fork", fork_once, {IS(FORK_COUNT, 1)}},
	{"thread", start_thread, {0}},
};

static void fill(int at)
{
	static char data[16 * KIB];
	int fd = openat(at, "full", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_eq(write(fd, data, sizeof(data)), (ssize_t)sizeof(data));
	cr_assert_eq(fsetxattr(fd, "trusted.there", "1", 1, 0), 0, "%m");
	close(fd);
	close(openat(at, "empty", O_WRONLY | O_CREAT | O_TRUNC, 0600));
	fd = openat(at, "setuid", O_WRONLY | O_CREAT, 0600);
	cr_assert_eq(fchmod(fd, 04711), 0);
	close(fd);
	cr_assert_eq(mkdirat(at, "sub", 0700), 0);
}

/* Where the files are: in a folder, in the upper layer of an overlay, or in a lower one, to be copied up first. */
enum place { PLAIN, UPPER, LOWER };

static void make_place(enum place place)
{
	layers_open(&layers);
	fill(place == LOWER ? layers.lower : layers.upper);
	layers_see(&layers, place != PLAIN);
	folder = layers.view;
}

static int act_once(void *argument)
{
	return ((const struct act *)argument)->go();
}

/* The cage comes before the place: without one the test ends here, and would leave the place behind. */
static void open_caged(struct caged *caged, enum place place, enum rein_meter meter, uint64_t burst,
		       enum rein_on_trip on_trip)
{
	caged_open(caged);
	caged_use_file(caged);
	make_place(place);
	caged_break(caged, REIN_MECH_BPF_FILE, meter, CAGED_NEVER, burst, on_trip);
	caged_start(caged, false, false);
}

static void count(const struct act *act, enum place place, const char *where)
{
	struct caged caged;
	int result;

	open_caged(&caged, place, REIN_METER_WRITE_BYTES, 1 << 20, REIN_ON_TRIP_DENY);
	result = caged_run(&caged, act_once, (void *)act);
	if (result != EOPNOTSUPP || act->go != create_without_a_name) /* overlayfs has O_TMPFILE from 6.3 on */
		cr_expect_eq(result, 0, "%s %s: %d", act->name, where, result);
	for (int i = 0; !result && i < METERS; i++) {
		uint64_t counted = caged.launch.state->meters[i];

		/* What the kernel does to copy a file up comes on top. */
		cr_expect(place == LOWER ? counted >= act->meters[i] : counted == act->meters[i],
			  "%s %s: meter %d: %lu instead of %lu", act->name, where, i, (unsigned long)counted,
			  (unsigned long)act->meters[i]);
	}
	caged_stop(&caged);
	layers_close(&layers);
}

Test(bpf_file_counts, every_act_is_counted_once)
{
	for (size_t i = 0; i < REIN_COUNT(acts); i++)
		count(&acts[i], PLAIN, "in a folder");
}

Test(bpf_file_counts, every_act_is_counted_once_through_overlayfs)
{
	for (size_t i = 0; i < REIN_COUNT(acts); i++)
		count(&acts[i], UPPER, "in an overlay");
}

Test(bpf_file_counts, what_is_copied_up_is_counted_too)
{
	for (size_t i = 0; i < REIN_COUNT(acts); i++)
		count(&acts[i], LOWER, "from below an overlay");
}

/* A file of 16 KiB is copied up by who opens it for writing, and it has to fit. */
static int copy_up(uint64_t burst, uint64_t *ret_bytes)
{
	struct caged caged;
	int result;

	open_caged(&caged, LOWER, REIN_METER_WRITE_BYTES, burst, REIN_ON_TRIP_DENY);
	result = caged_run(&caged, act_once, (void *)&(struct act){"open", open_to_write, {0}});
	*ret_bytes = caged.launch.state->meters[REIN_METER_WRITE_BYTES];
	cr_expect_eq(faccessat(layers.upper, "full", F_OK, 0) == 0, result == 0);
	caged_stop(&caged);
	layers_close(&layers);
	return result;
}

Test(bpf_file_counts, copying_up_is_a_write)
{
	uint64_t bytes;

	cr_expect_eq(copy_up(20 * KIB, &bytes), 0);
	cr_expect_eq(bytes, 16 * KIB, "%lu", (unsigned long)bytes);
	cr_expect_eq(copy_up(15 * KIB, &bytes), EDQUOT);
	cr_expect_eq(bytes, 0, "%lu", (unsigned long)bytes);
}

/* With nothing left, the act fails and nothing has changed. */
static void refuse(const struct act *act, enum rein_meter meter)
{
	struct caged caged;
	struct stat before, after;

	open_caged(&caged, PLAIN, meter, 1, REIN_ON_TRIP_DENY);
	caged.launch.state->breakers[0].bucket.tat_ns = caged_now_ns() + 1000 * 1000000000ULL;
	cr_assert_eq(fstat(folder, &before), 0);
	cr_expect_eq(caged_run(&caged, act_once, (void *)act), EDQUOT, "%s", act->name);
	cr_assert_eq(fstat(folder, &after), 0);
	cr_expect_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec, "%s changed the folder", act->name);
	cr_assert_eq(fstatat(folder, "full", &after, 0), 0, "%s", act->name);
	cr_expect_eq(after.st_size, 16 * (long)KIB, "%s", act->name);
	cr_expect_eq(after.st_mode & 07777, 0600, "%s", act->name);
	cr_expect_eq(after.st_uid, 0, "%s", act->name);
	caged_stop(&caged);
	layers_close(&layers);
}

Test(bpf_file_counts, no_act_happens_past_the_burst)
{
	for (size_t i = 0; i < REIN_COUNT(acts); i++)
		for (int meter = 0; meter < METERS; meter++)
			if (acts[i].meters[meter] && acts[i].go != fork_once)
				refuse(&acts[i], (enum rein_meter)meter);
}
