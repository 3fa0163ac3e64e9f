/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stress-ng inside an agent. What it does there is refused or not, as the profile says, and is nobody's concern here;
 * but the kernel has nothing to complain about, the agent ends as an agent does, and nothing of it is left.
 *
 * By itself each class runs for a few seconds, all of its stressors at once. SOAK_SECONDS says for how long a class
 * runs, and then its stressors run one after the other, two of each; SOAK_PART=N runs only the Nth class.
 */
#include "harness/harness.h"
#include "harness/remains.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHORT_SECONDS 4

/* Everything that stress-ng may want and that an agent may be given. The breakers count along and are far away; what
 * this tier cannot count is left out. */
static const char profile[] =
	"rein: 1\nname: soak\ndescription: Everything that stress-ng does.\nextends: [base]\n"
	"filesystem:\n  write:\n    allow: [$WORKSPACE, $TMPDIR]\n    deny: [$WORKSPACE/denied]\n"
	"  execute: [$WORKSPACE]\n"
	"network:\n"
	"  listen: [{cidr: 0.0.0.0/0, port: 1024-65535}, {cidr: '::/0', port: 1024-65535}]\n"
	"  connect:\n    allow: [{cidr: 127.0.0.0/8, port: 1024-65535}, {cidr: '::1/128', port: 1024-65535}]\n"
	"limits: {processes: 400, file_size: 32MiB, open_files: 512, wall_time: 2h}\n"
	"breakers:\n"
	"  writes: {meter: write.bytes, rate: 100GiB/s, burst: 1000GiB, on_trip: deny, optional: true}\n"
	"  creations: {meter: create.files, rate: 10000000/s, burst: 100000000, on_trip: kill, optional: true}\n"
	"  deletes: {meter: delete.files, rate: 10000000/s, burst: 100000000, on_trip: kill, optional: true}\n"
	"  renames: {meter: rename.files, rate: 10000000/s, burst: 100000000, on_trip: kill, optional: true}\n"
	"  modes: {meter: chmod.files, rate: 10000000/s, burst: 100000000, on_trip: kill, optional: true}\n"
	"  processes: {meter: fork.count, rate: 10000000/s, burst: 100000000, on_trip: kill, optional: true}\n"
	"  egress: {meter: net.tx.bytes, rate: 100GiB/s, burst: 1000GiB, on_trip: deny, optional: true}\n";

static const struct part {
	const char *name;
	const char *stressors; /* options of stress-ng */
	unsigned count;	       /* of stressors in that class, about */
} parts[] = {
	{"filesystem", "--class filesystem", 46},
	{"process", "--class scheduler --exclude softlockup,cyclic,loadavg", 46},
	{"network", "--class network", 17},
};

static unsigned number_of(const char *name)
{
	const char *value = getenv(name);

	return value ? (unsigned)strtoul(value, NULL, 10) : 0;
}

static void form_script(const struct part *part, char *ret_script, size_t size)
{
	unsigned seconds = number_of("SOAK_SECONDS"), each = seconds / part->count;

	snprintf(ret_script, size,
		 "mkdir tmp; stress-ng %s %s --timeout %us --temp-path tmp --hdd-bytes 8m --iomix-bytes 8m "
		 "--fallocate-bytes 8m --copy-file-bytes 128m --sync-file-bytes 1m --oomable 2>&1 | tail -n 3; "
		 "rm -rf tmp 2>/dev/null; echo over",
		 seconds ? "--sequential 2" : "--all 1", part->stressors, seconds ? (each ? each : 1) : SHORT_SECONDS);
}

static void soak(const struct part *part)
{
	TRIAL trial = trial_open();
	struct remains before;
	char script[1024], left[512];

	trial_profile(&trial, profile);
	{
		OUTCOME first =
			trial_run(&trial, "--degrade", "true"); /* what stays for all agents is there from here */

		cr_assert_eq(first.code, 0, "%s", first.err);
	}
	remains_take(&before);
	form_script(part, script, sizeof(script));
	{
		OUTCOME outcome = trial_run(&trial, "--degrade", script);

		cr_assert_eq(outcome.code, 0, "%d %s%s", outcome.code, outcome.out, outcome.err);
		cr_expect(strstr(outcome.out, "over\n"), "%s", outcome.out);
		fprintf(stderr, "%s: %s", part->name, outcome.out);
	}
	cr_expect(remains_gone(&before, left, sizeof(left)), "after %s: %s", part->name, left);
	trial_verify(&trial);
}

/* One after the other: each counts what is left on the whole machine. */
Test(soak, every_class, .timeout = 7200)
{
	unsigned chosen = number_of("SOAK_PART");

	if (access("/usr/bin/stress-ng", X_OK))
		harness_skip("stress-ng is not installed");
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!chosen || chosen == i + 1)
			soak(&parts[i]);
}
