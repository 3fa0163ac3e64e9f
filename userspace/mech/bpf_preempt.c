/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_preempt.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "mech/bpf_object.h"
#include "mech/bpf_pins.h"

#include "preempt.skel.h"

static const char *const modes[] = {
	[REIN_PREEMPT_NONE] = NULL,
	[REIN_PREEMPT_VOLUNTARY] = NULL,
	[REIN_PREEMPT_FULL] = "preempt=full",
	[REIN_PREEMPT_LAZY] = "preempt=lazy",
};

/* The name of a build says what its configuration is, and lacks the word where preemption is built out. */
const char *rein_preempt_word(const char *version, int mode)
{
	const char *built = strstr(version, "PREEMPT");

	if (!built)
		return NULL;
	if (!strncmp(built, "PREEMPT_RT", strlen("PREEMPT_RT")))
		return "PREEMPT_RT";
	if (strncmp(built, "PREEMPT_DYNAMIC", strlen("PREEMPT_DYNAMIC")) != 0)
		return "PREEMPT";
	return mode >= 0 && mode < (int)REIN_COUNT(modes) ? modes[mode] : "PREEMPT_DYNAMIC, set to nobody knows what";
}

/* Loaded once: to find the variable takes a look at every symbol of the kernel's. A pin that fails is made next time.
 */
static int open_program(void)
{
	REIN_AUTO_FD int pinned = bpf_obj_get(REIN_PINS "/rein_find_preemption"), fd = -1;
	struct rein_preempt *skeleton;

	if (pinned >= 0)
		return rein_take_fd(&pinned);
	rein_object_listen();
	skeleton = rein_preempt__open_and_load();
	if (skeleton) {
		fd = fcntl(bpf_program__fd(skeleton->progs.rein_find_preemption), F_DUPFD_CLOEXEC, 0);
		rein_object_pin_program(skeleton->progs.rein_find_preemption, NULL);
	}
	rein_preempt__destroy(skeleton);
	return rein_take_fd(&fd);
}

static int find_mode(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	REIN_AUTO_FD int program = open_program();

	return program < 0 || bpf_prog_test_run_opts(program, &options) ? REIN_PREEMPT_UNKNOWN : (int)options.retval;
}

const char *rein_preempt_now(void)
{
	struct utsname name;

	return uname(&name) ? "uname fails" : rein_preempt_word(name.version, find_mode());
}
