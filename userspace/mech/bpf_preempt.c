/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_preempt.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "mech/bpf_object.h"

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

static int find_mode(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	struct rein_preempt *skeleton;
	int mode = REIN_PREEMPT_UNKNOWN;

	rein_object_listen();
	skeleton = rein_preempt__open_and_load();
	if (skeleton && !bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.rein_find_preemption), &options))
		mode = (int)options.retval;
	rein_preempt__destroy(skeleton);
	return mode;
}

const char *rein_preempt_now(void)
{
	struct utsname name;

	return uname(&name) ? "uname fails" : rein_preempt_word(name.version, find_mode());
}
