/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Real work under coding-agent gives the same result as without rein. Each piece of work is a script that prints what
 * it came to; it runs bare and confined in the same folder, filled afresh, and the two outputs must be equal.
 */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A repository with 3000 commits of 40 files, the same wherever it is made. */
static const char make_repository[] =
	"git init -q --bare source.git && awk 'BEGIN { for (i = 1; i <= 3000; i++) { "
	"printf \"commit refs/heads/main\\nmark :%d\\nauthor A <a@example.org> %d +0000\\ncommitter A <a@example.org> "
	"%d "
	"+0000\\ndata <<END\\nCommit %d\\nEND\\n\", i, 1600000000 + i, 1600000000 + i, i; "
	"printf \"M 644 inline dir%d/file%d\\ndata <<END\\nline %d\\nold %d\\nEND\\n\\n\", i % 5, i % 40, i, i * 7 } "
	"}' | "
	"git -C source.git fast-import --quiet && git -C source.git symbolic-ref HEAD refs/heads/main";

static const char git_work[] =
	"set -e; export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A "
	"GIT_COMMITTER_EMAIL=a@example.org GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' "
	"GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'\n"
	"git clone -q source.git clone; cd clone; git log --format=%H | wc -l; git log --format=%H | sha1sum\n"
	"git checkout -q -b work HEAD~50; for i in 1 2 3 4 5; do echo work $i >>work.txt; git add work.txt; git commit "
	"-q -m "
	"\"Work $i\"; done; git rebase -q main; git log -7 --format='%H %s'\n"
	"git merge -q --no-edit main; git stash list; echo dirty >>work.txt; git stash -q; git stash pop -q; git diff "
	"--stat\n"
	"git tag -a v1 -m one; git describe; git worktree add -q ../tree HEAD; ls ../tree | sha1sum; git fsck --strict "
	"2>&1 | "
	"grep -v -i dangling || true; git push -q origin work; git -C ../source.git rev-parse work; git gc -q; git "
	"count-objects | "
	"cut -d' ' -f1";

static const char python_work[] =
	"/usr/bin/python3 -m test -q -j2 test_json test_re test_hashlib test_tempfile test_shutil test_pathlib "
	"test_select "
	"test_glob test_zipfile test_dict test_queue 2>&1 | grep -E 'Tests result|^ *test_|failed'; true";

static const char node_script[] =
	"const fs = require('fs'), http = require('http'), cp = require('child_process'), crypto = require('crypto');\n"
	"const { Worker, isMainThread, parentPort } = require('worker_threads');\n"
	"if (!isMainThread) { parentPort.postMessage(6 * 7); return; }\n"
	"fs.mkdirSync('made/deep', { recursive: true });\n"
	"for (let i = 0; i < 500; i++) fs.writeFileSync(`made/deep/${i}`, String(i * i));\n"
	"console.log(fs.readdirSync('made/deep').length, crypto.createHash('sha256').update('x').digest('hex'));\n"
	"console.log(cp.execSync('echo from a child; seq 3').toString().trim());\n"
	"new Worker(__filename).on('message', (n) => { console.log('worker', n);\n"
	"  const server = http.createServer((q, a) => a.end('hello ' + q.url));\n"
	"  server.listen(3123, '127.0.0.1', () => http.get('http://127.0.0.1:3123/there', (a) => {\n"
	"    let text = ''; a.on('data', (d) => text += d);\n"
	"    a.on('end', () => { console.log(a.statusCode, text); server.close(); fs.rmSync('made', { recursive: true "
	"});\n"
	"      console.log(fs.existsSync('made')); }); })); });\n";

static const char sqlite_work[] = "set -e; sqlite3 work.db 'PRAGMA journal_mode=WAL; CREATE TABLE t(a INTEGER PRIMARY "
				  "KEY, b TEXT); WITH RECURSIVE n(i) "
				  "AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20000) INSERT INTO t SELECT i, "
				  "hex(i*7919) FROM n; CREATE INDEX x "
				  "ON t(b); DELETE FROM t WHERE a % 3 = 0; SELECT count(*), sum(a) FROM t;'; sqlite3 "
				  "work.db .dump | sha256sum; sqlite3 "
				  "work.db 'PRAGMA integrity_check; VACUUM;'; sqlite3 work.db 'SELECT max(b) FROM t'";

static const char search_work[] =
	"rg --no-messages -c -e 'static|struct' --sort path tree | sha256sum; rg -l rein tree --sort path | wc -l; "
	"find tree -name '*.c' | sort | xargs grep -c return | sha256sum";

static const char tar_work[] =
	"set -e; tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -czf a.tar.gz tree; mkdir out; tar "
	"-xzf "
	"a.tar.gz -C out; diff -r tree out/tree && echo same; tar -tzf a.tar.gz | wc -l; zcat a.tar.gz | sha256sum";

static const char tmux_work[] =
	"set -e; export TMUX_TMPDIR=$TMPDIR; tmux -f /dev/null -L t new-session -d -s s 'echo "
	"in tmux; stty size; exec sh'; "
	"tmux -L t send-keys -t s 'echo $((40+2)) >answer; tmux -L t wait-for -S done' Enter; "
	"tmux -L t wait-for done; cat "
	"answer; tmux -L t capture-pane -p -t s | grep -c ^in; tmux -L t kill-server; echo over";

static const char make_work[] =
	"set -e; cd tree; make -j2 BUILD=out CFLAGS='-O0 -g0' >log 2>&1 || { tail -n 30 log; exit 1; }; ls out | sort; "
	"sha256sum out/rein";

static struct outcome as_agent(const struct trial *trial, const char *script)
{
	const struct job_options options = {.other_user = trial->uid != geteuid(), .directory = trial->workspace};

	return run_program((const char *const[]){"/bin/sh", "-c", script, NULL}, &options);
}

static void must(const struct trial *trial, const char *script)
{
	OUTCOME outcome = as_agent(trial, script);

	cr_assert_eq(outcome.code, 0, "%s: %s%s", script, outcome.out, outcome.err);
}

/* Empties and refills the workspace. */
static void refill(const struct trial *trial, const char *setup)
{
	must(trial, "find . -mindepth 1 -delete");
	if (setup)
		must(trial, setup);
}

static void same_in(struct trial trial, const char *what, const char *setup, const char *script)
{
	OUTCOME bare = {0}, confined = {0};

	refill(&trial, setup);
	bare = as_agent(&trial, script);
	cr_assert_eq(bare.code, 0, "%s does not work bare: %s%s", what, bare.out, bare.err);
	refill(&trial, setup);
	confined = trial_run(&trial, "-p coding-agent", script);
	cr_expect_eq(confined.code, bare.code, "%s: exit code %d, bare %d; output: %serrors: %s", what, confined.code,
		     bare.code, confined.out, confined.err);
	cr_expect_str_eq(confined.out, bare.out, "%s: output differs; confined: %sbare: %serrors: %s", what,
			 confined.out, bare.out, confined.err);
	trial_verify(&trial);
}

/* Whoever runs the test starts it; the agent is the ordinary user and, of root, also uid 0. */
static void same(const char *what, const char *setup, const char *script)
{
	{
		TRIAL trial = trial_open();

		same_in(trial, what, setup, script);
	}
	if (harness_root()) {
		TRIAL trial = trial_open_own();

		same_in(trial, what, setup, script);
	}
}

static const char *copy_tree(void)
{
	static char script[512];

	if (!harness_source())
		harness_skip("work on rein's own tree (not staged)");
	snprintf(script, sizeof(script), "cp -r %s tree", harness_source());
	return script;
}

Test(real_work, git, .timeout = 180)
{
	same("git", make_repository, git_work);
}

Test(real_work, make, .timeout = 400)
{
	same("make -j2", copy_tree(), make_work);
}

Test(real_work, python, .timeout = 240)
{
	same("python's own tests", NULL, python_work);
}

Test(real_work, node, .timeout = 90)
{
	TRIAL scratch = trial_open_own();
	char setup[256];

	trial_write(&scratch, "work.js", node_script, 0644);
	snprintf(setup, sizeof(setup), "cp %s/work.js work.js", scratch.root);
	same("node", setup, "node work.js");
}

Test(real_work, sqlite, .timeout = 90)
{
	same("sqlite3", NULL, sqlite_work);
}

Test(real_work, ripgrep, .timeout = 90)
{
	same("ripgrep", copy_tree(), search_work);
}

Test(real_work, tar, .timeout = 90)
{
	same("tar", copy_tree(), tar_work);
}

Test(real_work, tmux, .timeout = 90)
{
	same("tmux", NULL, tmux_work);
}

/* A debugger can rewrite whatever it traces: refused, and said so. */
Test(real_work, gdb_is_refused, .timeout = 90)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = trial_run(&trial, "-p coding-agent", "gdb -batch -nx -ex run /bin/true 2>&1");

	cr_assert(strstr(outcome.out, "exited normally") == NULL, "gdb traced: %s", outcome.out);
	cr_assert_neq(outcome.code, 125, "not run: %s", outcome.err);
	cr_assert_geq(trial_count(&trial, "deny", "op", "ptrace"), 1, "no refusal in the log: %s%s", outcome.out,
		      outcome.err);
}

/* What the tools fetch: a repository as plain files, a package for npm and one for pip. */
static const char make_site[] =
	"set -e; git init -q -b main r; cd r; git -c user.name=A -c user.email=a@b commit -q --allow-empty -m one; cd "
	"..; "
	"git clone -q --bare r site/r.git; git -C site/r.git update-server-info; rm -rf r; mkdir -p package "
	"site/wheels; "
	"echo '{\"name\":\"tiny\",\"version\":\"1.0.0\",\"main\":\"m.js\"}' >package/package.json; "
	"echo 'module.exports = 42' >package/m.js; tar -czf site/tiny.tgz package; rm -rf package\n"
	"/usr/bin/python3 -c \"import zipfile; z = zipfile.ZipFile('site/wheels/tiny-1.0-py3-none-any.whl', 'w'); "
	"z.writestr('tiny.py', 'answer = 42'); d = 'tiny-1.0.dist-info/'; "
	"z.writestr(d + 'METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n'); "
	"z.writestr(d + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'); "
	"z.writestr(d + 'RECORD', '')\"";

static const char fetch_all[] =
	"set -e; U=http://127.0.0.1:%d; curl -sf $U/tiny.tgz | sha256sum\n"
	"/usr/bin/python3 -c \"import sys, urllib.request as u; print(len(u.urlopen(sys.argv[1] + "
	"'/tiny.tgz').read()))\" "
	"$U\n"
	"git clone -q $U/r.git c; git -C c log --format=%%s; mkdir n; cd n; echo '{}' >package.json; "
	"npm install --cache ./cache --no-audit --no-fund --no-update-notifier --loglevel=error $U/tiny.tgz "
	">/dev/null; "
	"node -e 'console.log(require(\"tiny\"))'; cd ..; "
	"/usr/bin/python3 -m pip install -q --no-cache-dir --disable-pip-version-check --no-index --find-links "
	"$U/wheels/ --target t tiny 2>/dev/null; PYTHONPATH=t /usr/bin/python3 -c 'import tiny; print(tiny.answer)'";

/* One address beyond loopback: else the loopback would be the agent's own, without root. */
static const char with_site[] =
	"rein: 1\n"
	"name: with-site\n"
	"description: offline, and one server on this machine.\n"
	"extends: [offline]\n"
	"network: {connect: [{cidr: 127.0.0.1/32, port: %d}, {cidr: 192.0.2.1/32, port: 443}]}\n";

/* `python3 -m http.server` outside of any agent; returns its port. */
static int serve_site(const struct trial *trial, struct job *ret_job)
{
	const struct job_options options = {.other_user = trial->uid != geteuid(), .directory = trial->workspace};
	int port = 0;

	*ret_job = job_start((const char *const[]){"/usr/bin/python3", "-u", "-m", "http.server", "0", "--bind",
						   "127.0.0.1", "--directory", "site", NULL},
			     &options);
	job_expect(ret_job, 1, "(http");
	cr_assert_eq(sscanf(ret_job->output[0], "Serving HTTP on 127.0.0.1 port %d", &port), 1, "%s",
		     ret_job->output[0]);
	return port;
}

Test(real_work, tools_fetch_from_a_server_by_its_address, .timeout = 180)
{
	TRIAL trial = trial_open();
	char script[4096], profile[1024];
	OUTCOME bare = {0}, confined = {0};
	struct job server;
	int port;

	must(&trial, make_site);
	port = serve_site(&trial, &server);
	snprintf(script, sizeof(script), fetch_all, port);
	snprintf(profile, sizeof(profile), with_site, port);
	trial_profile(&trial, profile);
	bare = as_agent(&trial, script);
	cr_assert_eq(bare.code, 0, "bare: %s%s", bare.out, bare.err);
	must(&trial, "rm -rf c n t");
	confined = trial_run(&trial, "", script);
	job_kill(&server);
	cr_assert_eq(confined.code, 0, "%s%s", confined.out, confined.err);
	cr_assert_str_eq(confined.out, bare.out);
	trial_verify(&trial);
}

/* By address, since names are left to a later version; they are asked for over UDP, whose addresses take root. */
static const char with_network[] =
	"rein: 1\n"
	"name: with-network\n"
	"description: coding-agent with package registries.\n"
	"extends: [coding-agent]\n"
	"network:\n"
	"  connect:\n"
	"    - {cidr: 0.0.0.0/0, port: 53, protocol: udp}\n"
	"    - {cidr: 0.0.0.0/0, port: 53}\n"
	"    - {cidr: 0.0.0.0/0, port: 80}\n"
	"    - {cidr: 0.0.0.0/0, port: 443}\n"
	"    - {cidr: \"::/0\", port: 443}\n"
	"environment: {keep: [NODE_EXTRA_CA_CERTS, \"npm_config_*\", HTTPS_PROXY, https_proxy]}\n";

Test(real_work, npm_install, .timeout = 300)
{
	static const char work[] = "set -e; mkdir cache; echo '{\"name\":\"x\",\"version\":\"1.0.0\"}' >package.json; "
				   "npm install --cache ./cache "
				   "--no-audit --no-fund --no-update-notifier --loglevel=error express@4.19.2 "
				   ">/dev/null; rm -rf cache; ls "
				   "node_modules | sort | sha256sum; ls node_modules | wc -l; node -e "
				   "'console.log(typeof require(\"express\"))'";
	TRIAL trial = trial_open();
	OUTCOME bare = {0}, confined = {0};

	if (!harness_root())
		harness_skip("npm install from a registry (its name is asked for over UDP, which takes root)");
	bare = as_agent(&trial, work);
	if (bare.code != 0)
		harness_skip("npm install (no registry can be reached)");
	refill(&trial, NULL);
	trial_profile(&trial, with_network);
	confined = trial_run(&trial, "", work);
	cr_assert_eq(confined.code, 0, "%s%s", confined.out, confined.err);
	cr_assert_str_eq(confined.out, bare.out);
}
