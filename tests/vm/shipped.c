/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Promise 2 on other kernels: every shipped profile starts without --degrade as an ordinary user on Debian's 6.1
 * and 6.12 with user namespaces, and as root; the agent sees what it may and not what it may not. Each test boots a
 * guest.
 */

#define AS_USER "setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/home/agent USER=agent "
#define REIN "/opt/rein/build/rein"

static int boot(const char *version, const char *command)
{
	const char *folder = getenv("REIN_VM");
	char line[4096];
	int status;

	cr_assert_not_null(folder, "REIN_VM names the folder of kernels and image; `make check-vm` sets it");
	snprintf(line, sizeof(line), "source/tests/vm/run \"$(source/tests/vm/kernel %s %s)\" %s/image.gz '%s'",
		 version, folder, folder, command);
	status = system(line);
	cr_assert(WIFEXITED(status), "the guest was killed");
	return WEXITSTATUS(status);
}

/* Each profile runs `true`, and the tightest command that shows that a wall stands. */
static const char every_profile[] =
	"tier=%s; [ $tier = c ] || " REIN " doctor | grep -q tier.B || exit 13; "
	"mkdir /home/agent/work; chown 1000 /home/agent/work; cd /home/agent/work && for p in base coding-agent ci "
	"offline observe-nothing; do "
	"%s" REIN " run -p $p -- /bin/true || exit 10; done; "
	"echo secret > /root/secret; mkdir /srv/data; chmod 777 /srv/data; "
	"%s" REIN " run -- sh -c \"echo in > made; cat /root/secret; echo out > /srv/data/made\"; "
	"[ -f made ] || exit 11; [ ! -e /srv/data/made ] || exit 12";

static int boot_with_profiles(const char *version, const char *as)
{
	char command[2048];

	/* Root has all of tier B there: the BPF programs passed that kernel's verifier, and fired. */
	snprintf(command, sizeof(command), every_profile, *as ? "c" : "b", as, as);
	return boot(version, command);
}

TestSuite(vm_shipped, .timeout = 300);

Test(vm_shipped, start_on_6_1_as_an_ordinary_user)
{
	cr_expect_eq(boot_with_profiles("6.1", AS_USER), 0);
}

Test(vm_shipped, start_on_6_1_as_root)
{
	cr_expect_eq(boot_with_profiles("6.1", ""), 0);
}

Test(vm_shipped, start_on_6_12_as_an_ordinary_user)
{
	cr_expect_eq(boot_with_profiles("6.12", AS_USER), 0);
}

Test(vm_shipped, start_on_6_12_as_root)
{
	cr_expect_eq(boot_with_profiles("6.12", ""), 0);
}
