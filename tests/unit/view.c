/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/sandbox.h"
#include "plan/path.h"

/* From rules and folders to places. A view is compared as text: one line a place, `kind path access`. */

#define R REIN_ACCESS_READ
#define W REIN_ACCESS_WRITE
#define X REIN_ACCESS_EXECUTE

static struct sandbox sandbox;
static struct rein_view view;
static struct rein_error err;
static const char *guarded[3];
static const struct rein_view_own own = {.guarded = guarded};

static void open_scratch(void)
{
	sandbox_open(&sandbox);
	sandbox.policy.paths.count = 0; /* each test says all that it allows */
	memset(guarded, 0, sizeof(guarded));
}

static void close_scratch(void)
{
	rein_view_free(&view);
	sandbox_close(&sandbox);
}

TestSuite(view, .init = open_scratch, .fini = close_scratch);

static const char *const kinds[] = {
	[REIN_PLACE_TREE] = "tree",	[REIN_PLACE_PRIVATE] = "private", [REIN_PLACE_HIDDEN] = "hidden",
	[REIN_PLACE_HELD] = "held",	[REIN_PLACE_HINGE] = "hinge",	  [REIN_PLACE_LINK] = "link",
	[REIN_PLACE_PROC] = "proc",	[REIN_PLACE_DEVICES] = "devices", [REIN_PLACE_TERMINALS] = "terminals",
	[REIN_PLACE_DEVICE] = "device", [REIN_PLACE_SOCKET] = "socket",	  [REIN_PLACE_BARE] = "bare",
	[REIN_PLACE_PIN] = "pin",
};

static int compute(void)
{
	rein_view_free(&view);
	memset(&err, 0, sizeof(err));
	return rein_view_compute(&sandbox.policy, &own, &view, &err);
}

/* The places at and below `above`, with paths relative to it. */
static const char *text_below(const char *above)
{
	static char text[16384];
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < view.places.count; i++) {
		const struct rein_place *place = &view.places.items[i];
		const char *path = place->path + strlen(above);

		if (!rein_path_within(place->path, above))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s %s%s%s\n", kinds[place->kind],
					 *path ? path + 1 : ".", place->access & R ? "r" : "-",
					 place->access & W ? "w" : "-", place->access & X ? "x" : "-");
	}
	return text;
}

static void expect(const char *text)
{
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_assert_str_eq(text_below(sandbox.scratch), text);
}

static void expect_error(const char *part)
{
	int r = compute();

	cr_assert_lt(r, 0, "%s", text_below(sandbox.scratch));
	cr_assert_not_null(strstr(err.text, part), "%s", err.text);
}

Test(view, orders_paths_by_component)
{
	cr_assert_lt(rein_path_compare("/a/b", "/a-b"), 0);
	cr_assert_lt(rein_path_compare("/", "/a"), 0);
	cr_assert_lt(rein_path_compare("/a", "/a/b"), 0);
	cr_assert_eq(rein_path_compare("/a/b", "/a/b"), 0);
	cr_assert_lt(rein_path_compare("/a/z", "/a\x01"), 0);
	cr_assert(rein_path_within("/a/b", "/") && rein_path_within("/a/b", "/a") && rein_path_within("/a", "/a"));
	cr_assert(!rein_path_within("/a/bc", "/a/b") && !rein_path_within("/a", "/a/b"));
}

Test(view, has_the_agents_own_places_without_any_rule)
{
	cr_assert_eq(compute(), 0);
	cr_assert_str_eq(text_below("/dev"), "devices . rw-\nterminals pts rw-\nprivate shm ---\n");
	cr_assert_str_eq(text_below("/proc"), "proc . r--\n");
	cr_assert_str_eq(text_below("/run"), "private . ---\n");
	cr_assert_null(rein_view_find(&view, "/usr"));
	cr_assert_null(rein_view_find(&view, "/"));
}

Test(view, says_nothing_twice)
{
	sandbox_folder(&sandbox, "ws/sub/deep");
	sandbox_allow(&sandbox, W, "ws");
	sandbox_allow(&sandbox, R, "ws");
	sandbox_allow(&sandbox, R, "ws/sub");
	sandbox_allow(&sandbox, W, "ws/sub/deep");
	expect("tree ws rw-\n");
}

Test(view, adds_what_lists_add)
{
	sandbox_folder(&sandbox, "ws/bin");
	sandbox_folder(&sandbox, "ws-2");
	sandbox_allow(&sandbox, W, "ws");
	sandbox_allow(&sandbox, X, "ws/bin");
	sandbox_allow(&sandbox, R, "ws-2");
	expect("tree ws rw-\ntree ws/bin rwx\ntree ws-2 r--\n");
}

Test(view, carves_out_and_hinges)
{
	sandbox_folder(&sandbox, "ws/a/b/c");
	sandbox_allow(&sandbox, W, "ws");
	sandbox_allow(&sandbox, X, "ws");
	sandbox_deny(&sandbox, W, "ws/a/b/c");
	sandbox_deny(&sandbox, X, "ws/a/b");
	expect("tree ws rwx\nhinge ws/a rwx\ntree ws/a/b rw-\ntree ws/a/b/c r--\n");
	cr_assert(rein_view_has_carve_outs(&view));
	cr_assert_str_eq(rein_view_find(&view, sandbox_path(&sandbox, "ws/a/b/c"))->rule->path,
			 sandbox_path(&sandbox, "ws/a/b/c"));
}

Test(view, goes_from_writable_to_read_only_and_back)
{
	sandbox_folder(&sandbox, "ws/ro/x/rw/y/secret");
	sandbox_allow(&sandbox, W, "ws");
	sandbox_deny(&sandbox, R, "ws/ro/x/rw/y/secret");
	sandbox_deny(&sandbox, W, "ws/ro");
	sandbox_allow(&sandbox, W, "ws/ro/x/rw"); /* deny wins over what is beneath it */
	expect("tree ws rw-\ntree ws/ro r--\nhidden ws/ro/x/rw/y/secret ---\n");
}

Test(view, writes_beneath_what_is_only_read)
{
	sandbox_folder(&sandbox, "lib/cache/keys");
	sandbox_allow(&sandbox, R, "lib");
	sandbox_allow(&sandbox, W, "lib/cache");
	sandbox_deny(&sandbox, R, "lib/cache/keys");
	expect("tree lib r--\ntree lib/cache rw-\nhidden lib/cache/keys ---\n");
}

Test(view, denies_what_it_allows)
{
	sandbox_folder(&sandbox, "ws");
	sandbox_allow(&sandbox, W, "ws");
	sandbox_deny(&sandbox, R, "ws");
	expect("");
	cr_assert_null(rein_view_find(&view, sandbox_path(&sandbox, "ws")));
}

Test(view, knows_files)
{
	sandbox_file(&sandbox, "ws/file", "");
	sandbox_file(&sandbox, "one", "");
	sandbox_allow(&sandbox, W, "ws");
	sandbox_allow(&sandbox, R, "one");
	sandbox_deny(&sandbox, W, "ws/file");
	expect("tree one r--\ntree ws rw-\ntree ws/file r--\n");
	cr_assert(!rein_view_find(&view, sandbox_path(&sandbox, "one"))->directory);
}

Test(view, holds_what_is_denied_and_missing)
{
	sandbox_folder(&sandbox, "ws");
	sandbox_folder(&sandbox, "ro");
	sandbox_allow(&sandbox, W, "ws");
	sandbox_allow(&sandbox, R, "ro");
	sandbox_deny(&sandbox, W, "ws/.git/hooks");
	sandbox_deny(&sandbox, R, "ws/.env");
	sandbox_deny(&sandbox, W, "ro/missing");
	sandbox_deny(&sandbox, W, "ws/skipped");
	sandbox.policy.paths.items[5].skip_if_missing = true;
	expect("tree ro r--\ntree ws rw-\nheld ws/.env ---\nhinge ws/.git rw-\nheld ws/.git/hooks r--\n");
	cr_assert_eq(view.absent.count, 1);
	cr_assert_eq(view.absent.items[0].rule, &sandbox.policy.paths.items[5]);
}

Test(view, lists_what_is_allowed_and_missing)
{
	sandbox_folder(&sandbox, "home/.config");
	sandbox_allow(&sandbox, R, "home/.config/git/config");
	expect("bare home/.config ---\n");
	cr_assert_null(rein_view_find(&view, sandbox_path(&sandbox, "home/.config")));
	cr_assert_eq(view.absent.count, 1);
}

Test(view, keeps_a_file_that_stands_for_a_denied_folder)
{
	sandbox_file(&sandbox, "ws/.git", "gitdir: elsewhere");
	sandbox_allow(&sandbox, W, "ws");
	sandbox_deny(&sandbox, W, "ws/.git/hooks");
	expect("tree ws rw-\ntree ws/.git r--\n");
}

Test(view, follows_links_and_keeps_them)
{
	sandbox_folder(&sandbox, "real/bin");
	cr_assert(!symlink("real/bin", sandbox_path(&sandbox, "bin")));
	sandbox_allow(&sandbox, X, "bin");
	expect("link bin ---\ntree real/bin --x\n");
}

Test(view, follows_links_out_of_missing_folders)
{
	cr_assert(!symlink("nowhere/../else", sandbox_path(&sandbox, "dangling")));
	sandbox_allow(&sandbox, W, "");
	sandbox_deny(&sandbox, W, "dangling/x");
	expect("tree . rw-\npin dangling r--\nhinge else rw-\nheld else/x r--\n");
}

Test(view, refuses_links_in_loops)
{
	cr_assert(!symlink("b", sandbox_path(&sandbox, "a")));
	cr_assert(!symlink("a", sandbox_path(&sandbox, "b")));
	sandbox_allow(&sandbox, R, "a/x");
	expect_error("too many symbolic links");
}

Test(view, keeps_denied_loops_as_they_are)
{
	cr_assert(!symlink("b", sandbox_path(&sandbox, "a")));
	cr_assert(!symlink("a", sandbox_path(&sandbox, "b")));
	sandbox_allow(&sandbox, W, "");
	sandbox_deny(&sandbox, W, "a");
	sandbox_deny(&sandbox, R, "b/x");
	expect("tree . rw-\npin a r--\npin b r--\n");
}

Test(view, refuses_links_that_the_agent_could_have_made)
{
	sandbox_folder(&sandbox, "ws");
	sandbox_folder(&sandbox, "home");
	cr_assert(!symlink("../home", sandbox_path(&sandbox, "ws/cache")));
	sandbox_allow(&sandbox, W, "ws");
	sandbox_allow(&sandbox, W, "ws/cache");
	/* Both are writable now, by this very rule: but only through the link. */
	expect_error("could have aimed");
}

Test(view, lets_links_lead_within_what_the_agent_writes)
{
	sandbox_folder(&sandbox, "ws/real");
	cr_assert(!symlink("real", sandbox_path(&sandbox, "ws/link")));
	sandbox_allow(&sandbox, W, "ws");
	sandbox_allow(&sandbox, X, "ws/link");
	expect("tree ws rw-\ntree ws/real rwx\n");
}

Test(view, pins_links_that_denials_go_through)
{
	sandbox_folder(&sandbox, "ws/real");
	sandbox_folder(&sandbox, "ws/sub");
	cr_assert(!symlink("../real", sandbox_path(&sandbox, "ws/sub/.vscode")));
	sandbox_allow(&sandbox, W, "ws");
	sandbox_deny(&sandbox, W, "ws/sub/.vscode");
	expect("tree ws rw-\ntree ws/real r--\nhinge ws/sub rw-\npin ws/sub/.vscode r--\n");
	cr_assert_eq(rein_view_find(&view, sandbox_path(&sandbox, "ws/sub/.vscode"))->rule,
		     &sandbox.policy.paths.items[1]);
}

Test(view, refuses_links_that_others_put_where_anyone_may_write)
{
	if (geteuid()) {
		close_scratch(); /* skipping skips the end as well */
		cr_skip_test("making another user's link takes root");
	}
	sandbox_folder(&sandbox, "open");
	cr_assert(!chmod(sandbox_path(&sandbox, "open"), 01777));
	cr_assert(!symlink("/etc", sandbox_path(&sandbox, "open/link")));
	cr_assert(!lchown(sandbox_path(&sandbox, "open/link"), 4242, 4242));
	sandbox_allow(&sandbox, R, "open/link/passwd");
	expect_error("another user");
}

Test(view, binds_what_is_declared_below_private_places)
{
	char temporary[] = "/tmp/rein-view-XXXXXX";
	char path[64];

	cr_assert_not_null(mkdtemp(temporary));
	snprintf(path, sizeof(path), "%s/ws", temporary);
	cr_assert(!mkdir(path, 0755));
	sandbox_allow(&sandbox, W, "/tmp");
	sandbox_allow(&sandbox, W, path);
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_assert_str_eq(text_below(temporary), "hinge . rw-\ntree ws rw-\n");
	cr_assert(rein_view_find(&view, temporary)->own && !rein_view_find(&view, path)->own);

	/* The rule for the agent's own /tmp says nothing about the host's folder below. */
	sandbox.policy.paths.items[1].list = R;
	cr_assert_eq(compute(), 0);
	cr_assert_str_eq(text_below(temporary), "hinge . rw-\ntree ws r--\n");
	cr_assert(!rmdir(path) && !rmdir(temporary));
}

Test(view, denies_inside_private_places)
{
	sandbox_allow(&sandbox, W, "/tmp");
	sandbox_deny(&sandbox, W, "/tmp/no");
	cr_assert_eq(compute(), 0);
	cr_assert_str_eq(text_below("/tmp"), "private . rw-\nheld no r--\n");
	cr_assert(rein_view_find(&view, "/tmp/no/deep")->own);
}

Test(view, makes_tmpdir_private)
{
	sandbox_folder(&sandbox, "home/tmp");
	sandbox.policy.tmpdir = sandbox_path(&sandbox, "home/tmp");
	sandbox_allow(&sandbox, R, "home");
	sandbox_allow(&sandbox, W, "home/tmp");
	expect("tree home r--\nprivate home/tmp rw-\n");
	sandbox.policy.workspace = sandbox.policy.tmpdir;
	expect_error("TMPDIR");
	sandbox.policy.tmpdir = "/";
	expect_error("TMPDIR");
	sandbox.policy.tmpdir = sandbox_path(&sandbox, "missing");
	sandbox_allow(&sandbox, W, "");
	cr_assert_eq(compute(), 0, "%s", err.text);
}

Test(view, takes_the_whole_root)
{
	sandbox_allow(&sandbox, W, "/");
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_assert_eq(view.places.items[0].access, (unsigned)(R | W));
	cr_assert_str_eq(view.places.items[0].path, "/");
	cr_assert_str_eq(text_below("/sys"), "tree . r--\n");
	cr_assert_str_eq(text_below("/tmp"), "private . rw-\n");
	cr_assert_str_eq(text_below("/proc"), "proc . rw-\n");
}

Test(view, keeps_the_kernels_files)
{
	sandbox_allow(&sandbox, R, "/proc/self/status");
	sandbox_allow(&sandbox, R, "/proc/cpuinfo");
	sandbox_allow(&sandbox, R, "/dev/null");
	sandbox_deny(&sandbox, R, "/proc/cpuinfo");
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_assert_str_eq(text_below("/proc"), "proc . r--\nhidden cpuinfo ---\n");
	sandbox_allow(&sandbox, W, "/sys/fs/cgroup");
	expect_error("kernel's own");
	sandbox.policy.paths.count = 0;
	sandbox_deny(&sandbox, R, "/proc");
	expect_error("cannot be denied");
	sandbox.policy.paths.count = 0;
	sandbox_deny(&sandbox, R, "/proc/self/environ");
	expect_error("different file for each process");
}

Test(view, gives_devices_by_name)
{
	if (access("/dev/ptmx", F_OK) || access("/dev/loop-control", F_OK))
		cr_skip_test("no device to name here");
	sandbox_allow(&sandbox, W, "/dev/loop-control");
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_assert_str_eq(text_below("/dev"),
			 "devices . rw-\ndevice loop-control rw-\nterminals pts rw-\nprivate shm ---\n");
}

static void allow_socket(const char *path)
{
	struct rein_unix_rule *rule = rein_vec_add(&sandbox.policy.sockets);

	*rule = (struct rein_unix_rule){
		.origin = {"trial.yaml", 99, 1, "network.unix"}, .verdict = REIN_VERDICT_ALLOW, .path = path};
}

Test(view, gives_sockets_by_name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	REIN_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", sandbox_path(&sandbox, "socket"));
	cr_assert(!bind(fd, (struct sockaddr *)&address, sizeof(address)));
	allow_socket(address.sun_path);
	allow_socket("/missing/socket");
	expect("socket socket ---\n");
	cr_assert_eq(view.absent.count, 1);
	cr_assert_eq(view.absent.items[0].socket, &sandbox.policy.sockets.items[1]);
	sandbox.policy.sockets.items[1].path = "/etc/passwd";
	expect_error("trial.yaml:99");
	rein_vec_free(&sandbox.policy.sockets);
}

Test(view, guards_what_is_reins_own)
{
	sandbox_folder(&sandbox, "home/state");
	guarded[0] = sandbox_path(&sandbox, "home/state");
	sandbox_allow(&sandbox, R, "home");
	expect("tree home r--\nhidden home/state ---\n");
	sandbox_allow(&sandbox, W, "home");
	expect_error("trial.yaml:2");
	sandbox_deny(&sandbox, W, "home/state");
	expect("tree home rw-\nhidden home/state ---\n");
	sandbox.policy.paths.count = 0;
	sandbox_folder(&sandbox, "home/state/deep");
	sandbox_allow(&sandbox, W, "home/state/deep");
	expect_error("rein's own");
	sandbox.policy.paths.count = 0;
	guarded[1] = sandbox_path(&sandbox, "home/missing");
	sandbox_allow(&sandbox, W, "home");
	sandbox_deny(&sandbox, W, "home/state");
	expect_error("home/missing");
}

Test(view, finds_the_place_that_decides)
{
	sandbox_folder(&sandbox, "a/b");
	sandbox_folder(&sandbox, "a/bc");
	sandbox_allow(&sandbox, R, "a");
	sandbox_allow(&sandbox, W, "a/b");
	cr_assert_eq(compute(), 0);
	cr_assert_eq(rein_view_find(&view, sandbox_path(&sandbox, "a/b/x/y"))->access, (unsigned)(R | W));
	cr_assert_eq(rein_view_find(&view, sandbox_path(&sandbox, "a/bc"))->access, (unsigned)R);
	cr_assert_null(rein_view_find(&view, sandbox.scratch));
}

Test(view, takes_long_paths)
{
	char path[PATH_MAX + 1000];

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	sandbox_allow(&sandbox, R, path);
	expect_error("trial.yaml:1");
	for (size_t i = 100; i < sizeof(path) - 1; i += 100)
		path[i] = '/';
	sandbox.policy.paths.items[0].path = path;
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_assert_eq(view.absent.count, 1);
}

static double seconds_for(size_t count)
{
	struct timespec start, end;
	char path[64];

	sandbox.policy.paths.count = 0;
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "ws/d%zu/missing%zu", i % 100, i);
		sandbox_deny(&sandbox, W, path);
	}
	sandbox_allow(&sandbox, W, "ws");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	cr_assert_eq(compute(), 0, "%s", err.text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

Test(view, is_not_quadratic)
{
	double few, many;

	sandbox_folder(&sandbox, "ws");
	few = seconds_for(1000);
	many = seconds_for(8000);
	cr_assert_eq(view.places.count - 100 - 8000, 7, "%zu places", view.places.count);
	/* Eight times the rules; quadratic work would take 64 times as long. */
	cr_assert_lt(many, few * 24, "%f s for 1000 rules, %f s for 8000", few, many);
}
