/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_flavour.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "mech/bpf_facts.h"
#include "mech/bpf_preempt.h"

#define LSM_LIST "/sys/kernel/security/lsm"

static const char *const names[] = {[REIN_FILE_LSM] = "LSM programs", [REIN_FILE_FMOD_RET] = "fmod_ret programs"};

/* Only where the list can be read and lacks `bpf` is it known that LSM programs would never run. */
static bool lsm_is_off(void)
{
	REIN_AUTO_FD int fd = open(LSM_LIST, O_RDONLY | O_CLOEXEC);
	char list[512], *word, *rest = NULL;
	ssize_t n = fd < 0 ? -1 : read(fd, list, sizeof(list) - 1);

	if (n <= 0)
		return false;
	list[n] = '\0';
	for (word = strtok_r(list, ",\n", &rest); word; word = strtok_r(NULL, ",\n", &rest))
		if (!strcmp(word, "bpf"))
			return false;
	return true;
}

static enum rein_file_flavour untried(const struct rein_pins_facts *facts)
{
	const enum rein_file_flavour first = lsm_is_off() ? REIN_FILE_FMOD_RET : REIN_FILE_LSM;
	const enum rein_file_flavour second = first == REIN_FILE_LSM ? REIN_FILE_FMOD_RET : REIN_FILE_LSM;

	if (!(facts->tried & 1U << first))
		return first;
	return facts->tried & 1U << second ? REIN_FILE_NONE : second;
}

static void add_refusal(struct rein_pins_facts *facts, enum rein_file_flavour flavour, const char *why)
{
	size_t used = strlen(facts->refusal);

	snprintf(facts->refusal + used, sizeof(facts->refusal) - used, "%s%s: %.90s", used ? "; " : "", names[flavour],
		 why);
}

static int drop(const struct rein_pins_config *config, struct rein_pins_facts *facts, const char *why,
		struct rein_error *err)
{
	if (facts->flavour == REIN_FILE_NONE)
		return 0;
	add_refusal(facts, (enum rein_file_flavour)facts->flavour, why);
	facts->flavour = REIN_FILE_NONE;
	facts->fired &= ~(1U << REIN_MECH_BPF_FILE);
	facts->file_links = 0;
	return rein_bpf_unload_file(config->build, err);
}

bool rein_flavour_trampolines_off(void)
{
	REIN_AUTO_FD int fd = open("/proc/sys/kernel/ftrace_enabled", O_RDONLY | O_CLOEXEC);
	char value = '1';

	return fd >= 0 && read(fd, &value, 1) == 1 && value == '0';
}

int rein_flavour_check(enum rein_file_flavour flavour, struct rein_error *err)
{
	const char *preempts = flavour == REIN_FILE_FMOD_RET ? rein_preempt_now() : NULL;

	return preempts ? rein_fail(err, EOPNOTSUPP,
				    "skipped where this kernel preempts itself (%s): `bpf` in lsm= helps", preempts)
			: 0;
}

void rein_flavour_try(const struct rein_pins_config *config, struct rein_pins_facts *facts)
{
	enum rein_file_flavour flavour;

	facts->loaded_ns = rein_facts_now();
	while (!rein_flavour_trampolines_off() && facts->flavour == REIN_FILE_NONE &&
	       (flavour = untried(facts)) != REIN_FILE_NONE) {
		struct rein_error why = {0};

		facts->tried |= 1U << flavour;
		if (!rein_flavour_check(flavour, &why) &&
		    !rein_bpf_load_file(config, flavour, &facts->file_links, &why))
			facts->flavour = flavour;
		else
			add_refusal(facts, flavour, why.text);
	}
}

int rein_flavour_next(const struct rein_pins_config *config, struct rein_pins_facts *facts, const char *unfired,
		      struct rein_error *err)
{
	int r = drop(config, facts, unfired, err);

	if (r < 0)
		return r;
	rein_flavour_try(config, facts);
	if (facts->flavour != REIN_FILE_NONE)
		r = rein_bpf_file_take_turn(config, err);
	return r ? r : rein_facts_write(facts, err);
}
